/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_restore.c - "P" + "E" + bytes: any bytes in the place of a piece P of saved state (the header, the stream, the name or the
 * value of entry E), beside pieces that are whole.  It is refused, or what is restored goes on to the end.
 */
#include "runtime/base/assert.h"
#include "tests/fuzz/target.h"
#include "tests/support/saved_world.h"

enum { EVENTS = 40, OUTPUT_BYTES_MAX = 64 << 20 };

static struct world make_world(struct rt_buffer *output)
{
    struct seeded seeded = seeded_from(300);
    struct world world = {.options = cep_options_standard(), .output = output};
    struct rt_buffer yaml;

    rt_buffer_init(&yaml, OUTPUT_BYTES_MAX);
    world_write_rules(&seeded, &yaml);
    world.plan = world_load(yaml.data);
    world.stream_options.out_of_orderness.ms = 10;
    rt_buffer_done(&yaml);
    return world;
}

static void save_world(struct world world, struct world_saved *saved)
{
    struct seeded seeded = seeded_from(300);
    struct world_event events[EVENTS];
    struct rt_memory *memory;

    world_make_events(&seeded, events, EVENTS);
    RT_ASSERT(world_begin(&world) == RT_OK);
    memory = world.target->memory;
    RT_ASSERT(memory->track(memory, WORLD_GROUPS, 0, WORLD_GROUPS) == RT_OK);
    for (size_t i = 0; i < EVENTS; i++)
        world_push(&world, &events[i]);
    RT_ASSERT(world_save(&world, SIZE_MAX, saved) == RT_OK);
    world_end(&world);
}

/* Where the piece lies that the bytes stand for. */
static struct rt_text *piece_of(struct world_saved *saved, uint8_t piece, uint8_t entry,
                                struct rt_text *other)
{
    struct rt_entry *at = &saved->store.entries[entry % saved->store.count].entry;

    switch (piece % 4) {
    case 0:
        *other = rt_buffer_view(&saved->header);
        return other;
    case 1:
        *other = rt_buffer_view(&saved->stream);
        return other;
    case 2:
        return &at->name;
    default:
        return &at->value;
    }
}

static void restore(struct world world, struct world_saved *saved)
{
    enum rt_status status;
    bool anew;

    RT_ASSERT(world_begin(&world) == RT_OK);
    status = world_restore(&world, WORLD_GROUPS, saved, &anew);
    RT_ASSERT(status == RT_OK || status == RT_ERR_CORRUPT || status == RT_ERR_UNSUPPORTED ||
              status == RT_ERR_LIMIT);
    if (status == RT_OK)
        (void)rt_stream_finish(world.stream);
    world_end(&world);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rt_buffer output;
    struct world world;
    struct world_saved saved;
    struct rt_text other, whole, *piece;

    if (size < 2)
        return 0;
    rt_buffer_init(&output, OUTPUT_BYTES_MAX);
    world = make_world(&output);
    world_saved_init(&saved);
    save_world(world, &saved);
    piece = piece_of(&saved, data[0], data[1], &other);
    whole = *piece;
    if (piece == &other) {
        struct rt_buffer *buffer = data[0] % 4 == 0 ? &saved.header : &saved.stream;

        rt_buffer_reset(buffer);
        rt_buffer_add(buffer, (const char *)data + 2, size - 2);
    } else {
        *piece = (struct rt_text){(const char *)data + 2, size - 2};
    }
    restore(world, &saved);
    if (piece != &other)
        *piece = whole; /* the store frees its own */
    world_saved_done(&saved);
    rule_plan_unref(world.plan);
    rt_buffer_done(&output);
    return 0;
}
