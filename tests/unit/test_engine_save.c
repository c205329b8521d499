/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Saving and restoring an engine must not show: random rules, random streams, with disorder and late events.
 *
 *     uninterrupted                        == saved and brought back into a fresh engine at every event
 *     a barrier, changes written meanwhile == what was so at the barrier
 *     other key groups                     == the same
 */
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

#include "runtime/base/alloc.h"
#include "tests/support/saved_world.h"

enum { EVENTS = 90, SEEDS = 60, LONG_EVENTS = 400, TEXT_BYTES_MAX = 64 << 20 };

struct setting {
    struct rt_buffer yaml, expected, output;
    struct world_event events[LONG_EVENTS];
    size_t count;
    struct world world;
};

static void begin(struct setting *setting, uint64_t seed, size_t count)
{
    struct seeded seeded = seeded_from(seed);

    rt_buffer_init(&setting->yaml, TEXT_BYTES_MAX);
    rt_buffer_init(&setting->expected, TEXT_BYTES_MAX);
    rt_buffer_init(&setting->output, TEXT_BYTES_MAX);
    world_write_rules(&seeded, &setting->yaml);
    world_make_events(&seeded, setting->events, count);
    setting->count = count;
    setting->world = (struct world){.plan = world_load(setting->yaml.data),
                                    .options = cep_options_standard(),
                                    .output = &setting->expected};
    setting->world.stream_options.out_of_orderness.ms = 10 * (int64_t)seeded_below(&seeded, 3);
    setting->world.stream_options.per_partition = seeded_below(&seeded, 3) == 0;
}

/* What comes out without any saving. */
static void expect(struct setting *setting)
{
    struct world world = setting->world;

    assert_int_equal(world_begin(&world), RT_OK);
    for (size_t i = 0; i < setting->count; i++)
        world_push(&world, &setting->events[i]);
    assert_int_equal(rt_stream_finish(world.stream), RT_OK);
    world_end(&world);
    setting->world.output = &setting->output;
}

static void end(struct setting *setting)
{
    rule_plan_unref(setting->world.plan);
    rt_buffer_done(&setting->yaml);
    rt_buffer_done(&setting->expected);
    rt_buffer_done(&setting->output);
}

static void assert_same(const struct setting *setting, uint64_t seed)
{
    if (!rt_text_equal(rt_buffer_view(&setting->expected), rt_buffer_view(&setting->output)))
        fail_msg("seed %llu\n%s\nexpected\n%s\ngot\n%s", (unsigned long long)seed,
                 setting->yaml.data, setting->expected.data,
                 setting->output.data == NULL ? "" : setting->output.data);
}

static void assert_same_counters(struct world *a, struct world *b)
{
    struct cep_counters left, right;

    cep_engine_counters(a->engine, &left);
    cep_engine_counters(b->engine, &right);
    assert_int_equal(left.events, right.events);
    assert_int_equal(left.late, right.late);
    assert_int_equal(left.keys, right.keys);
    for (uint32_t i = 0; i < a->plan->rule_count; i++) {
        struct cep_rule_counters one, two;

        cep_engine_rule_counters(a->engine, i, &one);
        cep_engine_rule_counters(b->engine, i, &two);
        assert_memory_equal(&one, &two, sizeof(one));
    }
    assert_int_equal(rt_stream_counters(a->stream)->waiting,
                     rt_stream_counters(b->stream)->waiting);
    assert_int_equal(rt_stream_counters(a->stream)->released,
                     rt_stream_counters(b->stream)->released);
}

static void restored_at_every_event_it_goes_on_as_if_nothing_had_happened(void **state)
{
    static struct setting setting;
    static const uint16_t groups[] = {1, 3, WORLD_GROUPS, RT_ENTRY_GROUPS_MAX};

    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct world world;
        struct world_saved saved;
        bool anew;

        begin(&setting, seed, EVENTS);
        expect(&setting);
        world = setting.world;
        world_saved_init(&saved);
        assert_int_equal(world_begin(&world), RT_OK);
        assert_int_equal(cep_engine_operator(world.engine)
                             ->memory->track(cep_engine_operator(world.engine)->memory,
                                             groups[seed % 4], 0, groups[seed % 4]),
                         RT_OK);
        for (size_t i = 0; i < setting.count; i++) {
            struct world next = setting.world;

            world_push(&world, &setting.events[i]);
            assert_int_equal(world_save(&world, 1 + seed % 500, &saved), RT_OK);
            assert_int_equal(world_begin(&next), RT_OK);
            assert_int_equal(world_restore(&next, groups[seed % 4], &saved, &anew), RT_OK);
            assert_false(anew);
            assert_same_counters(&world, &next);
            world_end(&world);
            world = next;
        }
        assert_int_equal(rt_stream_finish(world.stream), RT_OK);
        assert_same(&setting, seed);
        world_end(&world);
        world_saved_done(&saved);
        end(&setting);
    }
}

/* From the saved state to the end; gives what came out after it. */
static void replay(struct setting *setting, struct world_saved *saved, struct rt_buffer *tail)
{
    struct world world = setting->world;
    bool anew;

    world.output = tail;
    assert_int_equal(world_begin(&world), RT_OK);
    assert_int_equal(world_restore(&world, WORLD_GROUPS, saved, &anew), RT_OK);
    for (size_t i = (size_t)saved->sequence; i < setting->count; i++)
        world_push(&world, &setting->events[i]);
    assert_int_equal(rt_stream_finish(world.stream), RT_OK);
    world_end(&world);
}

/* One barrier after another; entries are handed out bit by bit while events go on. */
static void what_is_saved_while_events_go_on_is_what_was_so_at_the_barrier(void **state)
{
    static struct setting setting;

    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct seeded seeded = seeded_from(seed);
        struct world world;
        struct world_saved saved;
        struct rt_memory *memory;
        size_t written = 0, checked = 0;
        bool is_open = false;

        begin(&setting, seed, LONG_EVENTS);
        expect(&setting);
        world = setting.world;
        world_saved_init(&saved);
        assert_int_equal(world_begin(&world), RT_OK);
        memory = cep_engine_operator(world.engine)->memory;
        assert_int_equal(memory->track(memory, WORLD_GROUPS, 0, WORLD_GROUPS), RT_OK);
        for (size_t i = 0; i < setting.count; i++) {
            const struct rt_event_names names = world_names(&world);
            enum rt_status status = RT_AGAIN;

            world_push(&world, &setting.events[i]);
            if (!is_open && seeded_below(&seeded, 4) == 0) {
                rt_buffer_reset(&saved.header);
                rt_buffer_reset(&saved.stream);
                assert_int_equal(memory->freeze(memory, false, &saved.header), RT_OK);
                assert_int_equal(memory->freeze(memory, false, &saved.header), RT_ERR_ORDER);
                assert_int_equal(rt_stream_save(world.stream, &names, &saved.stream), RT_OK);
                saved.sequence = world.sequence;
                written = setting.output.length;
                is_open = true;
            }
            if (is_open)
                status = memory->save_some(memory, 1 + seeded_below(&seeded, 300), saved_store_put,
                                           &saved.store);
            if (status == RT_OK) {
                struct rt_buffer tail;

                is_open = false;
                if (checked++ % 4 != 0)
                    continue;
                rt_buffer_init(&tail, TEXT_BYTES_MAX);
                replay(&setting, &saved, &tail);
                assert_int_equal(written + tail.length, setting.expected.length);
                if (tail.length > 0)
                    assert_memory_equal(setting.expected.data + written, tail.data, tail.length);
                rt_buffer_done(&tail);
            } else {
                assert_int_equal(status, RT_AGAIN);
            }
        }
        assert_int_equal(rt_stream_finish(world.stream), RT_OK);
        assert_same(&setting, seed);
        world_end(&world);
        world_saved_done(&saved);
        end(&setting);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(restored_at_every_event_it_goes_on_as_if_nothing_had_happened),
        cmocka_unit_test(what_is_saved_while_events_go_on_is_what_was_so_at_the_barrier),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
