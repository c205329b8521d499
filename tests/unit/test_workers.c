/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workers must not show: random rules and streams with 1, 2, 4 and 8 threads, also saved on the way and brought back with another
 * number, give the bytes of one engine.
 */
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

#include "runtime/base/alloc.h"
#include "tests/support/saved_world.h"

enum { EVENTS = 500, SEEDS = 50, TEXT_BYTES_MAX = 64 << 20 };

static const uint32_t counts[] = {1, 2, 4, 8};

struct setting {
    struct rt_buffer yaml, expected, output;
    struct world_event events[EVENTS];
    struct world world;
};

/* Rules that several engines can share: the first that the seed leads to. */
static struct rule_plan *shared_rules(struct seeded *seeded, struct rt_buffer *yaml)
{
    for (;;) {
        struct rule_plan *plan;

        rt_buffer_reset(yaml);
        world_write_rules(seeded, yaml);
        plan = world_load(yaml->data);
        if (cep_team_can_share(plan))
            return plan;
        rule_plan_unref(plan);
    }
}

static void begin(struct setting *setting, uint64_t seed)
{
    struct seeded seeded = seeded_from(seed);
    struct rule_plan *plan;

    rt_buffer_init(&setting->yaml, TEXT_BYTES_MAX);
    rt_buffer_init(&setting->expected, TEXT_BYTES_MAX);
    rt_buffer_init(&setting->output, TEXT_BYTES_MAX);
    plan = shared_rules(&seeded, &setting->yaml);
    world_make_events(&seeded, setting->events, EVENTS);
    setting->world = (struct world){
        .plan = plan, .options = cep_options_standard(), .output = &setting->expected};
    setting->world.stream_options.out_of_orderness.ms = 10 * (int64_t)seeded_below(&seeded, 3);
}

static void end(struct setting *setting)
{
    rule_plan_unref(setting->world.plan);
    rt_buffer_done(&setting->yaml);
    rt_buffer_done(&setting->expected);
    rt_buffer_done(&setting->output);
}

static void push_all(struct world *world, const struct world_event *events, size_t count)
{
    for (size_t i = 0; i < count; i++)
        world_push(world, &events[i]);
}

static void finish(struct world *world)
{
    assert_int_equal(rt_stream_finish(world->stream), RT_OK);
    if (world->target->settle != NULL)
        assert_int_equal(world->target->settle(world->target), RT_OK);
}

/* What one engine gives, and what it counts. */
static void expect(struct setting *setting, struct cep_counters *counters,
                   struct cep_rule_counters *of_rules)
{
    struct world world = setting->world;

    assert_int_equal(world_begin(&world), RT_OK);
    push_all(&world, setting->events, EVENTS);
    finish(&world);
    cep_engine_counters(world.engine, counters);
    for (uint32_t i = 0; i < world.plan->rule_count; i++)
        cep_engine_rule_counters(world.engine, i, &of_rules[i]);
    world_end(&world);
    setting->world.output = &setting->output;
}

static void assert_same(const struct setting *setting, uint64_t seed, uint32_t workers)
{
    if (!rt_text_equal(rt_buffer_view(&setting->expected), rt_buffer_view(&setting->output)))
        fail_msg("seed %llu, %u workers\n%s", (unsigned long long)seed, workers,
                 setting->yaml.data);
}

/* How many events a rule has looked at depends on who has partial matches (cep/classify.h F2), and is not compared. */
static void assert_same_counters(const struct world *world, const struct cep_counters *counters,
                                 const struct cep_rule_counters *of_rules)
{
    struct cep_counters all;

    cep_team_counters(world->team, &all);
    assert_int_equal(all.events, counters->events);
    assert_int_equal(all.late, counters->late);
    assert_int_equal(all.keys, counters->keys);
    for (uint32_t i = 0; i < world->plan->rule_count; i++) {
        struct cep_rule_counters sum = {0};

        cep_team_rule_counters(world->team, i, &sum);
        assert_int_equal(sum.started, of_rules[i].started);
        assert_int_equal(sum.matched, of_rules[i].matched);
        assert_int_equal(sum.timed_out, of_rules[i].timed_out);
        assert_int_equal(sum.late, of_rules[i].late);
        assert_int_equal(sum.emitted, of_rules[i].emitted);
        assert_int_equal(sum.suppressed, of_rules[i].suppressed);
        assert_int_equal(sum.live, of_rules[i].live);
    }
}

static void any_number_of_workers_gives_the_same_bytes(void **state)
{
    static struct setting setting;

    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct cep_counters counters;
        struct cep_rule_counters of_rules[16];

        begin(&setting, seed);
        expect(&setting, &counters, of_rules);
        for (size_t i = 1; i < COUNT_OF(counts); i++) {
            struct world world = setting.world;

            rt_buffer_reset(&setting.output);
            world.workers = counts[i];
            assert_int_equal(world_begin(&world), RT_OK);
            push_all(&world, setting.events, EVENTS);
            finish(&world);
            assert_same(&setting, seed, counts[i]);
            assert_same_counters(&world, &counters, of_rules);
            world_end(&world);
        }
        end(&setting);
    }
}

/* The second step's event has its key elsewhere, and may belong to another worker by its own. */
static void an_event_goes_to_the_worker_of_its_steps_key(void **state)
{
    static const char rules[] = "version: 1\n"
                                "rules:\n"
                                "  - id: moved\n"
                                "    key_by: k\n"
                                "    pattern:\n"
                                "      - { begin: a, where: x == 1 }\n"
                                "      - { followedBy: b, where: x == 2, key_by: s }\n"
                                "    within: 1s\n";
    static struct setting setting;
    struct seeded seeded = seeded_from(1);

    (void)state;
    begin(&setting, 1);
    rule_plan_unref(setting.world.plan);
    setting.world.plan = world_load(rules);
    setting.world.stream_options.out_of_orderness.ms = 0;
    for (size_t i = 0; i < EVENTS; i++) {
        struct world_event *event = &setting.events[i];

        event->time = 1767225600000 + (int64_t)i;
        event->length = (size_t)snprintf(
            event->json, sizeof(event->json), "{\"k\": \"u%u\", \"x\": %u, \"s\": \"u%u\"}",
            seeded_below(&seeded, 40), 1 + seeded_below(&seeded, 2), seeded_below(&seeded, 40));
    }
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        struct world world = setting.world;

        world.workers = i == 0 ? 0 : counts[i];
        world.output = i == 0 ? &setting.expected : &setting.output;
        rt_buffer_reset(&setting.output);
        assert_int_equal(world_begin(&world), RT_OK);
        push_all(&world, setting.events, EVENTS);
        finish(&world);
        world_end(&world);
        assert_true(setting.expected.length > 0);
        if (i > 0)
            assert_same(&setting, 1, counts[i]);
    }
    end(&setting);
}

/* ---- errors of conditions ---- */

struct told {
    struct rt_buffer text; /* "rule.step reason count" */
    const struct rule_plan *plan;
    uint64_t rules; /* bits of those with errors */
};

static void tell_error(void *context, const struct cep_error_count *error)
{
    struct told *told = context;

    rt_buffer_printf(&told->text, "%s.%s %d %llu\n", told->plan->rules[error->rule]->id,
                     error->step, (int)error->why, (unsigned long long)error->count);
    told->rules |= UINT64_C(1) << error->rule;
}

/* Fields that are missing or of another type; keys of steps that lie with other workers; rules that are mostly asleep. */
static void make_wrong_events(struct seeded *seeded, struct world_event *events)
{
    static const char *const values[] = {"1.5", "3.5", "\"text\"", "null"};
    int64_t time = 1767225600000;

    for (size_t i = 0; i < EVENTS; i++) {
        struct rt_buffer json;

        rt_buffer_init(&json, WORLD_TEXT_MAX);
        time += seeded_below(seeded, 6);
        events[i].time = time - (int64_t)seeded_below(seeded, 10);
        rt_buffer_printf(&json, "{\"s\": \"u%u\"", seeded_below(seeded, 12));
        if (seeded_below(seeded, 8) > 0)
            rt_buffer_printf(&json, ", \"k\": \"u%u\"", seeded_below(seeded, 12));
        if (seeded_below(seeded, 8) > 0)
            rt_buffer_printf(&json, ", \"x\": %u", seeded_below(seeded, 4));
        if (seeded_below(seeded, 4) > 0)
            rt_buffer_printf(&json, ", \"v\": %s", values[seeded_below(seeded, 4)]);
        if (seeded_below(seeded, 3) > 0)
            rt_buffer_printf(&json, ", \"y\": %s", values[seeded_below(seeded, 4)]);
        rt_buffer_char(&json, '}');
        assert_false(json.failed);
        memcpy(events[i].json, json.data, json.length);
        events[i].length = json.length;
        rt_buffer_done(&json);
    }
}

/* Where an event begins nothing, an error of what is asked first counts once for each of its keys that waits for something. */
static void an_error_that_concerns_nobody_does_not_count(void **state)
{
    static const char rules[] = "version: 1\n"
                                "rules:\n"
                                "  - id: moved\n"
                                "    key_by: k\n"
                                "    filter: v > 1\n"
                                "    within: 10ms\n"
                                "    pattern:\n"
                                "      - { begin: a, where: x == 1 }\n"
                                "      - { followedBy: b, where: x == 2, key_by: s }\n";
    static const struct {
        const char *json;
        int64_t time;
        unsigned errors; /* so far */
    } events[] = {
        {"{\"k\": \"u1\", \"s\": \"u9\", \"x\": 2}", 1, 0},
        {"{\"k\": \"u1\", \"s\": \"u9\", \"x\": 1}", 2, 1}, /* may begin */
        {"{\"k\": \"u1\", \"s\": \"u9\", \"x\": 1, \"v\": 3}", 3, 1},
        {"{\"k\": \"u2\", \"s\": \"u1\", \"x\": 2}", 4, 2},
        {"{\"k\": \"u3\", \"s\": \"u4\", \"x\": 2}", 5, 2},
        {"{\"k\": \"u1\", \"s\": \"u1\", \"x\": 2}", 6, 3},
        {"{\"k\": \"u2\", \"s\": \"u9\", \"x\": 1, \"v\": 3}", 7, 3},
        {"{\"k\": \"u1\", \"s\": \"u2\", \"x\": 2}", 8, 5},
        {"{\"k\": \"u2\", \"s\": \"u1\", \"x\": 2}", 13, 6}, /* u1's is over */
    };
    struct rule_plan *plan = world_load(rules);

    (void)state;
    for (size_t until = 1; until <= COUNT_OF(events); until++) {
        for (size_t i = 0; i <= COUNT_OF(counts); i++) {
            struct world world = {.plan = plan, .options = cep_options_standard()};
            struct cep_rule_counters sum = {0};
            struct rt_buffer output;

            rt_buffer_init(&output, TEXT_BYTES_MAX);
            world.output = &output;
            world.workers = i == 0 ? 0 : counts[i - 1];
            assert_int_equal(world_begin(&world), RT_OK);
            for (size_t at = 0; at < until; at++) {
                struct world_event event = {.time = events[at].time};

                event.length = strlen(events[at].json);
                memcpy(event.json, events[at].json, event.length);
                world_push(&world, &event);
            }
            finish(&world);
            if (i == 0)
                cep_engine_rule_counters(world.engine, 0, &sum);
            else
                cep_team_rule_counters(world.team, 0, &sum);
            assert_int_equal(sum.condition_errors, events[until - 1].errors);
            world_end(&world);
            rt_buffer_done(&output);
        }
    }
    rule_plan_unref(plan);
}

static void count_without_key(const struct world *world, struct rt_buffer *out)
{
    for (uint32_t rule = 0; rule < world->plan->rule_count; rule++) {
        struct cep_rule_counters counters;

        if (world->team == NULL)
            cep_engine_rule_counters(world->engine, rule, &counters);
        else
            cep_team_rule_counters(world->team, rule, &counters);
        rt_buffer_printf(out, "%s: %llu without key\n", world->plan->rules[rule]->id,
                         (unsigned long long)counters.no_key);
    }
}

static void any_number_of_workers_counts_the_same_errors(void **state)
{
    static const char rules[] =
        "version: 1\n"
        "rules:\n"
        "  - id: moved\n"
        "    key_by: k\n"
        "    within: 40ms\n"
        "    pattern:\n"
        "      - { begin: a, where: x == 1 && v > 1 }\n"
        "      - { followedBy: b, where: x == 2 && v > 1, key_by: s }\n"
        "  - id: started\n"
        "    key_by: k\n"
        "    within: 40ms\n"
        "    pattern:\n"
        "      - { begin: a, where: v > 1, key_by: s }\n"
        "      - { followedBy: b, where: x == 2 && y > 1 }\n"
        "  - id: followed\n"
        "    key_by: k\n"
        "    within: 40ms\n"
        "    pattern:\n"
        "      - { begin: a, where: \"v > 1 && size(a) < 3\", times: 1+, key_by: s }\n"
        "      - { next: b, where: x == 2 && y > 1 }\n"
        "  - id: filtered\n"
        "    key_by: k\n"
        "    filter: v > 1\n"
        "    within: 30ms\n"
        "    pattern:\n"
        "      - { begin: a, where: x == 1 }\n"
        "      - { followedBy: b, where: x == 2 }\n"
        "  - id: both\n"
        "    key_by: k\n"
        "    filter: v > 1\n"
        "    cancel_if: y > 2\n"
        "    within: 30ms\n"
        "    pattern:\n"
        "      - { begin: a, where: x == 1 }\n"
        "      - { followedBy: b, where: x == 2, key_by: s }\n"
        "  - id: looped\n"
        "    key_by: k\n"
        "    within: 40ms\n"
        "    pattern:\n"
        "      - { begin: a, where: x == 1 && y > 1, times: 2..3 }\n"
        "      - { notFollowedBy: n, where: x == 3 && v > 3 }\n"
        "      - { followedBy: b, where: \"y == a[0].y\" }\n"
        "  - id: excepted\n"
        "    key_by: k\n"
        "    except: [{ where: y > 3 }]\n"
        "    within: 9ms\n"
        "    on_timeout: { message: t }\n"
        "    pattern:\n"
        "      - { begin: a, where: x == 1 }\n"
        "      - { next: b, where: v > a.v }\n"
        "  - { id: single, key_by: s, where: x == 1 && v > 2 }\n"
        "  - id: window\n"
        "    key_by: k\n"
        "    window: { sliding: 20ms }\n"
        "    aggregate: { n: sum(event.v) }\n"
        "    having: n > 3\n";
    static struct setting setting;

    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct seeded seeded = seeded_from(seed);
        struct told expected = {.rules = 0}, told = {.rules = 0};

        begin(&setting, seed);
        rule_plan_unref(setting.world.plan);
        setting.world.plan = world_load(rules);
        setting.world.stream_options.out_of_orderness.ms = 2;
        make_wrong_events(&seeded, setting.events);
        rt_buffer_init(&expected.text, TEXT_BYTES_MAX);
        rt_buffer_init(&told.text, TEXT_BYTES_MAX);
        expected.plan = told.plan = setting.world.plan;
        for (size_t i = 0; i <= COUNT_OF(counts); i++) {
            struct world world = setting.world;

            rt_buffer_reset(&setting.expected);
            rt_buffer_reset(&told.text);
            world.workers = i == 0 ? 0 : counts[i - 1];
            assert_int_equal(world_begin(&world), RT_OK);
            push_all(&world, setting.events, EVENTS);
            finish(&world);
            if (i == 0)
                cep_engine_each_error(world.engine, tell_error, &expected);
            else
                cep_team_each_error(world.team, tell_error, &told);
            count_without_key(&world, i == 0 ? &expected.text : &told.text);
            world_end(&world);
            if (i > 0)
                assert_string_equal(told.text.data, expected.text.data);
        }
        assert_int_equal(expected.rules, (UINT64_C(1) << setting.world.plan->rule_count) - 1);
        rt_buffer_done(&expected.text);
        rt_buffer_done(&told.text);
        end(&setting);
    }
}

/* Saved bit by bit while events go on, then brought back with another number of workers. */
static void what_workers_have_saved_others_go_on_with(void **state)
{
    static struct setting setting;

    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        const uint32_t before = counts[1 + seed % 3], after = (uint32_t)(seed % 5);
        const size_t barrier = EVENTS / 3 + seed;
        struct world world, next;
        struct world_saved saved;
        struct cep_counters counters;
        struct cep_rule_counters of_rules[16];
        struct rt_memory *memory;
        enum rt_status status = RT_AGAIN;
        size_t written;
        bool anew;

        begin(&setting, seed);
        expect(&setting, &counters, of_rules);
        world = next = setting.world;
        world.workers = before;
        next.workers = after;
        world_saved_init(&saved);
        assert_int_equal(world_begin(&world), RT_OK);
        memory = world.target->memory;
        assert_int_equal(memory->track(memory, WORLD_GROUPS, 0, WORLD_GROUPS), RT_OK);
        push_all(&world, setting.events, 100);
        assert_int_equal(world_save(&world, 50, &saved), RT_OK);
        push_all(&world, setting.events + 100, barrier - 100);

        const struct rt_event_names names = world_names(&world);

        rt_buffer_reset(&saved.header);
        rt_buffer_reset(&saved.stream);
        assert_int_equal(memory->freeze(memory, false, &saved.header), RT_OK);
        assert_int_equal(rt_stream_save(world.stream, &names, &saved.stream), RT_OK);
        saved.sequence = world.sequence;
        written = setting.output.length;
        for (size_t i = barrier; i < EVENTS && status == RT_AGAIN; i++) {
            world_push(&world, &setting.events[i]);
            if (i % 3 == 0)
                status = memory->save_some(memory, 100, saved_store_put, &saved.store);
        }
        while (status == RT_AGAIN)
            status = memory->save_some(memory, 100, saved_store_put, &saved.store);
        assert_int_equal(status, RT_OK);
        world_end(&world);

        setting.output.length = written;
        assert_int_equal(world_begin(&next), RT_OK);
        assert_int_equal(world_restore(&next, WORLD_GROUPS, &saved, &anew), RT_OK);
        push_all(&next, setting.events + barrier, EVENTS - barrier);
        finish(&next);
        assert_same(&setting, seed, after);
        if (after > 0)
            assert_same_counters(&next, &counters, of_rules);
        world_end(&next);
        world_saved_done(&saved);
        end(&setting);
    }
}

static void memory_that_runs_out_ends_the_job_and_leaves_nothing(void **state)
{
    static struct setting setting;
    bool failed = true;
    size_t before;

    (void)state;
    begin(&setting, 3);
    setting.world.output = &setting.output;
    before = rt_live_blocks();
    for (size_t nth = 1; failed && nth < 400; nth += 1 + nth / 16) {
        struct world world = setting.world;
        enum rt_status status;

        world.workers = 2;
        rt_fault_arm(nth);
        status = world_begin(&world);
        failed = rt_fault_disarm();
        if (failed)
            assert_int_equal(status, RT_ERR_NOMEM);
        world_end(&world);
        assert_int_equal(rt_live_blocks(), before);
    }
    end(&setting);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_number_of_workers_gives_the_same_bytes),
        cmocka_unit_test(an_event_goes_to_the_worker_of_its_steps_key),
        cmocka_unit_test(an_error_that_concerns_nobody_does_not_count),
        cmocka_unit_test(any_number_of_workers_counts_the_same_errors),
        cmocka_unit_test(what_workers_have_saved_others_go_on_with),
        cmocka_unit_test(memory_that_runs_out_ends_the_job_and_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
