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

/* A world that notes what changes, after so many events. */
static struct rt_memory *begin_tracked(struct world *world, const struct world_event *events,
                                       size_t count)
{
    struct rt_memory *memory;

    assert_int_equal(world_begin(world), RT_OK);
    memory = cep_engine_operator(world->engine)->memory;
    assert_int_equal(memory->track(memory, WORLD_GROUPS, 0, WORLD_GROUPS), RT_OK);
    for (size_t i = 0; i < count; i++)
        world_push(world, &events[i]);
    return memory;
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
        memory = begin_tracked(&world, NULL, 0);
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

/* ---- other key groups ---- */

static void with_other_key_groups_all_is_saved_anew_and_goes_on(void **state)
{
    static struct setting setting;

    (void)state;
    for (uint64_t seed = 100; seed < 110; seed++) {
        struct world world, next;
        struct world_saved saved, again;
        struct rt_memory *memory;
        size_t half = EVENTS / 2;
        bool anew;

        begin(&setting, seed, EVENTS);
        expect(&setting);
        world = next = setting.world;
        world_saved_init(&saved);
        world_saved_init(&again);
        begin_tracked(&world, setting.events, half);
        assert_int_equal(world_save(&world, SIZE_MAX, &saved), RT_OK);
        world_end(&world);

        assert_int_equal(world_begin(&next), RT_OK);
        assert_int_equal(world_restore(&next, 7, &saved, &anew), RT_OK);
        assert_true(anew);
        memory = cep_engine_operator(next.engine)->memory;
        assert_int_equal(memory->freeze(memory, true, &again.header), RT_OK);
        assert_int_equal(memory->save_some(memory, SIZE_MAX, saved_store_put, &again.store), RT_OK);
        assert_int_equal(again.store.count, saved.store.count);
        rt_buffer_text(&again.stream, rt_buffer_view(&saved.stream));
        again.sequence = saved.sequence;
        world_end(&next);

        next = setting.world;
        assert_int_equal(world_begin(&next), RT_OK);
        assert_int_equal(world_restore(&next, 7, &again, &anew), RT_OK);
        assert_false(anew);
        for (size_t i = half; i < EVENTS; i++)
            world_push(&next, &setting.events[i]);
        assert_int_equal(rt_stream_finish(next.stream), RT_OK);
        assert_same(&setting, seed);
        world_end(&next);
        world_saved_done(&saved);
        world_saved_done(&again);
        end(&setting);
    }
}

/* Some engines share the groups: together they have what one had, and each has only its own. */
static void key_groups_can_be_restored_apart(void **state)
{
    static struct setting setting;
    static const uint16_t borders[] = {0, 5, 64, 100, WORLD_GROUPS};

    (void)state;
    for (uint64_t seed = 200; seed < 210; seed++) {
        struct world world;
        struct world_saved saved;
        struct rt_memory *memory;
        struct cep_counters whole, part;
        uint64_t keys = 0, events = 0;
        bool anew;

        begin(&setting, seed, EVENTS);
        world = setting.world;
        world.output = &setting.output;
        world_saved_init(&saved);
        begin_tracked(&world, setting.events, EVENTS);
        assert_int_equal(world_save(&world, SIZE_MAX, &saved), RT_OK);
        cep_engine_counters(world.engine, &whole);
        world_end(&world);
        for (size_t i = 0; i + 1 < COUNT_OF(borders); i++) {
            struct world piece = setting.world;

            assert_int_equal(world_begin(&piece), RT_OK);
            memory = cep_engine_operator(piece.engine)->memory;
            assert_int_equal(memory->track(memory, WORLD_GROUPS, borders[i], borders[i + 1]),
                             RT_OK);
            assert_int_equal(memory->restore(memory, rt_buffer_view(&saved.header),
                                             saved_store_read(&saved.store), &anew),
                             RT_OK);
            cep_engine_counters(piece.engine, &part);
            keys += part.keys;
            events += part.events;
            world_end(&piece);
        }
        assert_int_equal(keys, whole.keys);
        assert_int_equal(events, whole.events);
        world_saved_done(&saved);
        end(&setting);
    }
}

/* ---- damage, memory ---- */

static void save_some_world(struct setting *setting, uint64_t seed, size_t count,
                            struct world_saved *saved)
{
    struct world world;

    begin(setting, seed, count);
    setting->world.output = &setting->output;
    world = setting->world;
    world_saved_init(saved);
    begin_tracked(&world, setting->events, count);
    assert_int_equal(world_save(&world, SIZE_MAX, saved), RT_OK);
    world_end(&world);
}

/* It is refused in words, or it goes on to the end. */
static bool try_restore(struct setting *setting, struct world_saved *saved)
{
    struct world world = setting->world;
    enum rt_status status;
    bool anew;

    rt_buffer_reset(&setting->output);
    assert_int_equal(world_begin(&world), RT_OK);
    status = world_restore(&world, WORLD_GROUPS, saved, &anew);
    if (status == RT_OK)
        assert_int_equal(cep_engine_operator(world.engine)
                             ->advance(cep_engine_operator(world.engine), RT_TIME_MAX),
                         RT_OK);
    else
        assert_true(status == RT_ERR_CORRUPT || status == RT_ERR_UNSUPPORTED);
    world_end(&world);
    return status == RT_OK;
}

static size_t damage_each_byte(struct setting *setting, struct world_saved *saved,
                               struct rt_text bytes)
{
    unsigned char *at = (unsigned char *)(uintptr_t)bytes.data;
    size_t refused = 0;

    for (size_t i = 0; i < bytes.length; i++) {
        const unsigned char was = at[i];

        at[i] = (unsigned char)(i % 2 == 0 ? was ^ 1 : was ^ 255);
        refused += !try_restore(setting, saved);
        at[i] = was;
    }
    return refused;
}

/* Cut off anywhere, an entry is refused. */
static void cut_off_everywhere(struct setting *setting, struct world_saved *saved,
                               struct rt_entry *entry)
{
    const size_t length = entry->value.length;

    for (size_t left = 0; left < length; left++) {
        entry->value.length = left;
        assert_false(try_restore(setting, saved));
    }
    entry->value.length = length;
}

static void damaged_state_is_refused_or_harmless(void **state)
{
    static struct setting setting;

    (void)state;
    for (uint64_t seed = 300; seed < 303; seed++) {
        struct world_saved saved;
        size_t refused;

        save_some_world(&setting, seed, 12, &saved);
        refused = damage_each_byte(&setting, &saved, rt_buffer_view(&saved.header));
        refused += damage_each_byte(&setting, &saved, rt_buffer_view(&saved.stream));
        for (size_t i = 0; i < saved.store.count; i++) {
            struct rt_entry *entry = &saved.store.entries[i].entry;

            refused += damage_each_byte(&setting, &saved, entry->name);
            refused += damage_each_byte(&setting, &saved, entry->value);
            cut_off_everywhere(&setting, &saved, entry);
        }
        assert_true(refused > 0);
        assert_true(try_restore(&setting, &saved));
        world_saved_done(&saved);
        end(&setting);
    }
}

static void memory_that_runs_out_while_restoring_is_said_and_leaves_nothing(void **state)
{
    static struct setting setting;
    struct world_saved saved;
    size_t before;

    (void)state;
    save_some_world(&setting, 5, EVENTS, &saved);
    rt_buffer_reset(&setting.output);
    before = rt_live_blocks();
    for (size_t nth = 1;; nth++) {
        struct world world = setting.world;
        enum rt_status status;
        bool anew, failed;

        rt_fault_arm(nth);
        status = world_begin(&world);
        if (status == RT_OK)
            status = world_restore(&world, WORLD_GROUPS, &saved, &anew);
        failed = rt_fault_disarm();
        world_end(&world);
        assert_int_equal(rt_live_blocks(), before);
        if (!failed) {
            assert_int_equal(status, RT_OK);
            break;
        }
        assert_int_equal(status, RT_ERR_NOMEM);
    }
    world_saved_done(&saved);
    end(&setting);
}

static void memory_that_runs_out_while_saving_is_said(void **state)
{
    static struct setting setting;
    bool failed = true;

    (void)state;
    for (size_t nth = 1; failed; nth++) {
        struct world world;
        struct world_saved saved;
        enum rt_status status;

        begin(&setting, 7, EVENTS);
        setting.world.output = &setting.output;
        world = setting.world;
        world_saved_init(&saved);
        begin_tracked(&world, setting.events, EVENTS);
        rt_fault_arm(nth);
        status = world_save(&world, 100, &saved);
        failed = rt_fault_disarm();
        assert_int_equal(status, failed ? RT_ERR_NOMEM : RT_OK);
        world_end(&world);
        world_saved_done(&saved);
        end(&setting);
    }
}

/* ---- other rules ---- */

#define RULES "version: 1\nparams: { most: 3 }\nrules:\n"
#define RULE_A(id, within, message, guard)                                                         \
    "  - id: " id "\n    key_by: k\n    params: { least: 2 }\n    pattern:\n"                      \
    "      - { begin: a, where: x == 1 }\n      - { followedBy: b, where: \"" guard "\" }\n"       \
    "    within: " within "\n    alert: { message: \"" message "\" }\n"

struct change_case {
    const char *rules;
    const char *said; /* a line a rule */
    const char
        *message; /* of the one record that the waiting event still brings; NULL: there is none */
    bool anew;    /* rules or fields have other numbers: old and new entries cannot be mixed */
};

static const struct change_case changes[] = {
    {RULES RULE_A("one", "1m", "m", "x == params.least"), "keep one 1 \n", "\"message\":\"m\"",
     false},
    {RULES RULE_A("one", "1m", "other {{ a.s }}", "x == params.least"), "edit one 1 \n",
     "\"message\":\"other t\"", true}, /* `s` was no field of what was saved */
    {RULES RULE_A("one", "2m", "m", "x == params.least"), "edit one 1 \n", "\"message\":\"m\"",
     false},
    {RULES RULE_A("one", "1m", "m", "x  ==  params.least"), "keep one 1 \n", "\"message\":\"m\"",
     false},
    {RULES RULE_A("one", "1m", "m", "x >= params.least"), "restart one 1 step `b` has changed\n",
     NULL, false},
    {RULES RULE_A("two", "1m", "m", "x == params.least"), "drop one 1 \nnew two 0 \n", NULL, true},
    {RULES RULE_A("zero", "1m", "m", "x == params.least")
         RULE_A("one", "1m", "m", "x == params.least"),
     "keep one 1 \nnew zero 0 \n", "\"message\":\"m\"", true},
    {RULES "  - id: one\n    key_by: k\n    where: x == 2\n    alert: { message: s }\n",
     "restart one 1 it keeps nothing any more\n", "\"message\":\"s\"", false},
};

static const struct change_case first_seen[] = {
    {RULES "  - id: one\n    key_by: k\n    new_value: { of: s, ttl: 1d }\n    where: x > 0\n",
     "keep one 0 \n", "\"u\"", false},
    {RULES "  - id: one\n    key_by: k\n    new_value: { of: x, ttl: 1d }\n    where: x > 0\n",
     "restart one 0 key_by has changed\n", "\"u\"", false},
};

static void say_change(void *context, const struct cep_rule_change *change)
{
    rt_buffer_printf(context, "%s %s %llu %s\n", cep_change_name(change->change), change->rule_id,
                     (unsigned long long)change->partials, change->why);
}

static void set_event(struct world_event *event, const char *json, int64_t time)
{
    event->length = strlen(json);
    assert_true(event->length < sizeof(event->json));
    memcpy(event->json, json, event->length + 1);
    event->time = time;
}

static void save_whole(struct world *world, struct world_saved *saved)
{
    struct rt_memory *memory = cep_engine_operator(world->engine)->memory;

    saved_store_clear(&saved->store);
    rt_buffer_reset(&saved->header);
    assert_int_equal(memory->freeze(memory, true, &saved->header), RT_OK);
    assert_int_equal(memory->save_some(memory, SIZE_MAX, saved_store_put, &saved->store), RT_OK);
}

static void check_change(const char *rules, const struct change_case *change)
{
    static struct setting setting;
    struct world world = {
        .plan = world_load(rules), .options = cep_options_standard(), .output = &setting.output};
    struct world_saved saved;
    struct rt_buffer said;
    struct rule_plan *before = world.plan;
    bool anew;

    rt_buffer_init(&setting.output, TEXT_BYTES_MAX);
    rt_buffer_init(&said, TEXT_BYTES_MAX);
    world_saved_init(&saved);
    set_event(&setting.events[0], "{\"k\": 1, \"x\": 1, \"s\": \"t\"}", 1000);
    set_event(&setting.events[1], "{\"k\": 1, \"x\": 2, \"s\": \"u\"}", 1500);
    begin_tracked(&world, setting.events, 1);
    assert_int_equal(world_save(&world, SIZE_MAX, &saved), RT_OK);
    assert_int_equal(saved.store.count, 1);
    world_end(&world);
    rule_plan_unref(before);

    world.plan = world_load(change->rules);
    assert_int_equal(world_begin(&world), RT_OK);
    assert_int_equal(
        cep_engine_compare(world.engine, rt_buffer_view(&saved.header), say_change, &said), RT_OK);
    assert_string_equal(said.data, change->said);
    assert_int_equal(world_restore(&world, WORLD_GROUPS, &saved, &anew), RT_OK);
    assert_int_equal(anew, change->anew);
    /* What was dropped is gone from what is saved next. */
    if (anew)
        save_whole(&world, &saved);
    else
        assert_int_equal(world_save(&world, SIZE_MAX, &saved), RT_OK);
    assert_int_equal(saved.store.count, strstr(change->said, "keep one") != NULL ||
                                            strstr(change->said, "edit one") != NULL);
    world_push(&world, &setting.events[1]);
    assert_int_equal(rt_stream_finish(world.stream), RT_OK);
    if (change->message == NULL)
        assert_int_equal(setting.output.length, 0);
    else
        assert_non_null(strstr(setting.output.data, change->message));
    world_end(&world);
    rule_plan_unref(world.plan);
    world_saved_done(&saved);
    rt_buffer_done(&said);
    rt_buffer_done(&setting.output);
}

static void rules_that_have_changed_keep_what_they_can(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(changes); i++)
        check_change(changes[0].rules, &changes[i]);
    for (size_t i = 0; i < COUNT_OF(first_seen); i++)
        check_change(first_seen[0].rules, &first_seen[i]);
}

static void a_window_goes_on_under_a_smaller_limit(void **state)
{
    static const char rules[] = RULES "  - id: one\n    key_by: k\n    window: { sliding: 1d }\n"
                                      "    aggregate: { n: count() }\n    having: n <= 3\n"
                                      "    alert: { message: \"left {{ n }}\" }\n";
    static struct setting setting;
    struct world world = {
        .plan = world_load(rules), .options = cep_options_standard(), .output = &setting.output};
    struct world_saved saved;
    struct cep_rule_counters counters;
    bool anew;

    (void)state;
    rt_buffer_init(&setting.output, TEXT_BYTES_MAX);
    world_saved_init(&saved);
    for (int64_t i = 0; i < 41; i++)
        set_event(&setting.events[i], "{\"k\": 1}", 1000 + i);
    begin_tracked(&world, setting.events, 40);
    assert_int_equal(world_save(&world, SIZE_MAX, &saved), RT_OK);
    world_end(&world);

    rt_buffer_reset(&setting.output);
    world.options.panes_per_window = 3;
    assert_int_equal(world_begin(&world), RT_OK);
    assert_int_equal(world_restore(&world, WORLD_GROUPS, &saved, &anew), RT_OK);
    world_push(&world, &setting.events[40]);
    assert_non_null(strstr(setting.output.data, "left 3"));
    cep_engine_rule_counters(world.engine, 0, &counters);
    assert_int_equal(counters.dropped, 38);
    world_end(&world);
    rule_plan_unref(world.plan);
    world_saved_done(&saved);
    rt_buffer_done(&setting.output);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(restored_at_every_event_it_goes_on_as_if_nothing_had_happened),
        cmocka_unit_test(what_is_saved_while_events_go_on_is_what_was_so_at_the_barrier),
        cmocka_unit_test(with_other_key_groups_all_is_saved_anew_and_goes_on),
        cmocka_unit_test(key_groups_can_be_restored_apart),
        cmocka_unit_test(damaged_state_is_refused_or_harmless),
        cmocka_unit_test(memory_that_runs_out_while_restoring_is_said_and_leaves_nothing),
        cmocka_unit_test(memory_that_runs_out_while_saving_is_said),
        cmocka_unit_test(rules_that_have_changed_keep_what_they_can),
        cmocka_unit_test(a_window_goes_on_under_a_smaller_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
