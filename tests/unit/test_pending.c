/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of a checkpoint in the making: runs that are written by another thread while the next one fills. */
#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/checkpoint/disk.h"
#include "runtime/checkpoint/pending.h"
#include "tests/support/seeded.h"

enum { KEYS = 500, ENTRIES = 4000, RUN_BYTES = 16384, GROUPS = 8 };

struct world {
    char directory[64];
    struct rt_buffer why;
    struct rt_pending *pending;
    uint32_t values[KEYS]; /* what was added last; 0: removed or never there */
};

static int make_world(void **state)
{
    struct world *world = calloc(1, sizeof(*world));

    snprintf(world->directory, sizeof(world->directory), "/tmp/egret-pending-XXXXXX");
    assert_non_null(mkdtemp(world->directory));
    rt_buffer_init(&world->why, RT_DISK_MESSAGE_BYTES_MAX);
    assert_int_equal(rt_pending_new(world->directory, RUN_BYTES, &world->why, &world->pending),
                     RT_OK);
    *state = world;
    return 0;
}

static int end_world(void **state)
{
    struct world *world = *state;

    rt_pending_free(world->pending);
    rt_buffer_reset(&world->why);
    assert_int_equal(rt_disk_remove(world->directory, &world->why), RT_OK);
    rt_buffer_done(&world->why);
    free(world);
    return 0;
}

/* Names that begin alike, one the beginning of another, and two kinds. */
static struct rt_entry entry_of(unsigned key, uint32_t value, char name[24], char bytes[12])
{
    int length = snprintf(name, 24, "name-of-%.*u", key % 7 == 0 ? 1 : 6, key);

    snprintf(bytes, 12, "%u", value);
    return (struct rt_entry){.group = (uint16_t)(key % GROUPS),
                             .kind = key % 3 == 0 ? RT_ENTRY_DEDUP : RT_ENTRY_KEY,
                             .removed = value == 0,
                             .name = {name, (size_t)length},
                             .value = rt_text_of(value == 0 ? "" : bytes)};
}

static void add_at_random(struct world *world, uint64_t seed)
{
    struct seeded random = seeded_from(seed);
    char name[24], bytes[12];

    for (unsigned i = 0; i < ENTRIES; i++) {
        unsigned key = (unsigned)(seeded_next(&random) % KEYS);
        uint32_t value = seeded_next(&random) % 5 == 0 ? 0 : i + 1;
        struct rt_entry entry = entry_of(key, value, name, bytes);

        world->values[key] = value;
        assert_int_equal(rt_pending_add(world->pending, &entry), RT_OK);
    }
}

/* A later file hides an earlier one: what the model is to be compared with. */
static void read_part(const struct world *world, const struct rt_part *part,
                      struct rt_file_owner owner, uint32_t values[KEYS])
{
    char path[RT_PATH_BYTES_MAX], name[24], bytes[12];
    struct rt_entry_reader *reader;
    struct rt_entries *entries;
    struct rt_entry entry;
    struct rt_buffer why;
    uint64_t count = 0;

    rt_buffer_init(&why, RT_DISK_MESSAGE_BYTES_MAX);
    snprintf(name, sizeof(name), "%.*s", (int)part->name.length, part->name.data);
    assert_true(rt_disk_path(world->directory, name, path));
    assert_int_equal(rt_entry_reader_new(path, owner, &part->facts, &why, &reader), RT_OK);
    assert_int_equal(rt_entry_reader_verify(reader), RT_OK); /* each id once, in order */
    entries = rt_entry_reader_range(reader, 0, GROUPS);
    while (entries->next(entries, &entry) == RT_OK) {
        unsigned key;
        uint64_t value = 0;

        snprintf(name, sizeof(name), "%.*s", (int)entry.name.length, entry.name.data);
        assert_int_equal(sscanf(name, "name-of-%u", &key), 1);
        assert_true(key < KEYS && (entry.removed || rt_text_to_uint(entry.value, &value)));
        struct rt_entry expected = entry_of(key, (uint32_t)value, name, bytes);

        assert_int_equal(rt_entry_compare(&entry, &expected), 0);
        values[key] = (uint32_t)value;
        count++;
    }
    assert_int_equal(count, part->facts.entries);
    rt_entry_reader_free(reader);
    rt_buffer_done(&why);
}

static void check(struct world *world, struct rt_file_owner owner)
{
    uint32_t values[KEYS] = {0};
    const struct rt_part *parts;
    size_t count;

    assert_int_equal(rt_pending_entries(world->pending), ENTRIES);
    assert_int_equal(rt_pending_finish(world->pending, &parts, &count), RT_OK);
    assert_true(count >= 5);
    for (size_t i = 0; i < count; i++)
        read_part(world, &parts[i], owner, values);
    assert_memory_equal(values, world->values, sizeof(values));
}

static void what_was_added_last_counts_in_and_across_files(void **state)
{
    struct world *world = *state;

    for (uint64_t id = 1; id <= 3; id++) { /* the same memory again */
        struct rt_file_owner owner = {7, id};

        memset(world->values, 0, sizeof(world->values));
        rt_pending_begin(world->pending, owner);
        add_at_random(world, id);
        check(world, owner);
        rt_pending_end(world->pending);
    }
}

static void one_that_is_given_up_leaves_nothing_to_the_next(void **state)
{
    struct world *world = *state;
    struct rt_file_owner owner = {7, 2};

    rt_pending_begin(world->pending, (struct rt_file_owner){7, 1});
    add_at_random(world, 9);
    assert_int_equal(rt_pending_blob(world->pending, RT_TEXT("b"), RT_TEXT("x")), RT_OK);
    rt_pending_end(world->pending);
    memset(world->values, 0, sizeof(world->values));
    rt_pending_begin(world->pending, owner);
    add_at_random(world, 10);
    check(world, owner);
}

static void what_the_other_thread_cannot_write_is_told(void **state)
{
    struct world *world = *state;
    char name[24], bytes[12];
    enum rt_status status = RT_OK;
    unsigned added = 0;

    assert_int_equal(rt_disk_remove(world->directory, &world->why), RT_OK);
    rt_pending_begin(world->pending, (struct rt_file_owner){7, 1});
    while (status == RT_OK && added < ENTRIES) {
        struct rt_entry entry = entry_of(added++ % KEYS, 1, name, bytes);

        status = rt_pending_add(world->pending, &entry);
    }
    assert_int_equal(status, RT_ERR_IO);
    assert_non_null(strstr(world->why.data, "cannot write"));
    assert_non_null(strstr(world->why.data, "delta-1-0"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_added_last_counts_in_and_across_files, make_world,
                                        end_world),
        cmocka_unit_test_setup_teardown(one_that_is_given_up_leaves_nothing_to_the_next, make_world,
                                        end_world),
        cmocka_unit_test_setup_teardown(what_the_other_thread_cannot_write_is_told, make_world,
                                        end_world),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
