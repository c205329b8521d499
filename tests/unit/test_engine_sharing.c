/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules that keep their windows together, brought back under other rules: what a rule gives is what it gives alone.
 *
 *     stretches of the stream     |-----------|-----------|-----------|
 *     rules                        a b c        a   c' d    a b c' d      c' counts something else than c, d is new
 *     each of them alone           a            a           a
 *                                  (none)       d           d
 */
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/saved_world.h"

enum { STRETCHES = 3, STRETCH_EVENTS = 40, RULES = 6, SEEDS = 250, TEXT_BYTES_MAX = 16 << 20 };

static const char *const windows[] = {
    "{ tumbling: 20ms }",
    "{ sliding: 25ms }",
    "{ hopping: { size: 20ms, slide: 5ms } }",
    "{ session: 6ms }",
    "{ count: 5, expires: 60ms }",
    "{ count: { size: 6, slide: 2 }, expires: 60ms }",
    "{ global: { count: 2 }, expires: 40ms }",
};

/* Sums of halves are exact, in whatever order they are added. */
static const struct {
    const char *aggregates, *having, *fields;
} readers[RULES] = {
    {"n: count(), s: sum(event.v)", "n >= 2", "n: n, s: s"},
    {"l: last(event.s), n: count()", "n >= 3", "n: n, l: l"},
    {"u: count_distinct(event.x), f: first(event.s)", "u >= 2", "u: u, f: f"},
    {"odd: { value: count(), where: event.x == 1 }, m: max(event.v)", "odd >= 1", "odd: odd, m: m"},
    {"t: 'topk(event.x, 2)', c: 'collect(event.y, 3)', n: count()", "n >= 2", "t: t, c: c"},
    {"q: 'quantile(event.v, 0.5)', s: sum(event.v), a: count(), b: count()", "a + b >= 4",
     "q: q, s: s"},
};

enum variant { ABSENT, AS_IS, WITH_EXCEPTION, COUNTS_OTHERWISE };

static void write_reader(uint32_t seed, uint32_t number, enum variant variant,
                         struct rt_buffer *out)
{
    const bool slides = strstr(windows[seed % 7], "sl") != NULL;

    rt_buffer_printf(out,
                     "  - id: rule-%u\n    key_by: k\n    window: %s\n    aggregate: { %s%s }\n"
                     "    having: %s\n    fire: %s\n    alert: { fields: { %s } }\n%s",
                     number, windows[seed % 7], readers[number].aggregates,
                     variant == COUNTS_OTHERWISE ? ", more: min(event.x)" : "",
                     readers[number].having,
                     number % 3 == 1 && !slides && seed % 7 != 6 ? "on_close"
                     : number % 3 == 2                           ? "on_every"
                                                                 : "on_threshold",
                     readers[number].fields,
                     variant == WITH_EXCEPTION ? "    except: [ { where: event.x == 4 } ]\n" : "");
}

/* `only`: one rule of the set; RULES: all. */
static struct rule_plan *load(uint32_t seed, const enum variant *variants, uint32_t only)
{
    struct rt_buffer yaml;
    struct rule_plan *plan;

    rt_buffer_init(&yaml, TEXT_BYTES_MAX);
    rt_buffer_string(&yaml, "version: 1\nrules:\n"
                            "  - { id: nobody, where: x == 99 }\n");
    for (uint32_t i = 0; i < RULES; i++) {
        if (variants[i] != ABSENT && (only == RULES || only == i))
            write_reader(seed, i, variants[i], &yaml);
    }
    plan = world_load(yaml.data);
    rt_buffer_done(&yaml);
    return plan;
}

struct run {
    uint32_t seed, only;
    const struct world_event *events;
    enum variant (*variants)[RULES]; /* of each stretch */
    uint32_t workers;
    struct rt_buffer *output;
};

static void run_through(const struct run *run)
{
    struct world_saved saved;

    world_saved_init(&saved);
    for (uint32_t stretch = 0; stretch < STRETCHES; stretch++) {
        struct world world = {.plan = load(run->seed, run->variants[stretch], run->only),
                              .options = cep_options_standard(),
                              .workers = run->workers,
                              .output = run->output};
        struct world_saved next;
        bool anew;

        world.stream_options.out_of_orderness.ms = 10;
        assert_int_equal(world_begin(&world), RT_OK);
        if (stretch > 0)
            assert_int_equal(world_restore(&world, WORLD_GROUPS, &saved, &anew), RT_OK);
        else
            assert_int_equal(
                world.target->memory->track(world.target->memory, WORLD_GROUPS, 0, WORLD_GROUPS),
                RT_OK);
        for (uint32_t i = 0; i < STRETCH_EVENTS; i++)
            world_push(&world, &run->events[stretch * STRETCH_EVENTS + i]);
        world_saved_init(&next);
        if (stretch + 1 < STRETCHES)
            assert_int_equal(world_save(&world, 300, stretch > 0 && !anew ? &saved : &next), RT_OK);
        else
            assert_int_equal(rt_stream_finish(world.stream), RT_OK);
        if (world.target->settle != NULL)
            assert_int_equal(world.target->settle(world.target), RT_OK);
        world_end(&world);
        rule_plan_unref(world.plan);
        if (stretch == 0 || anew) {
            world_saved_done(&saved);
            saved = next;
        } else {
            world_saved_done(&next);
        }
    }
    world_saved_done(&saved);
}

/* The records of one rule. */
static void filter(const struct rt_buffer *all, uint32_t rule, struct rt_buffer *out)
{
    char mark[32];
    const char *at = all->data;

    snprintf(mark, sizeof(mark), "\"rule\":\"rule-%u\"", rule);
    rt_buffer_reset(out);
    rt_buffer_string(out, "");
    while (at != NULL && *at != '\0') {
        const char *end = strchr(at, '\n');
        const char *found = strstr(at, mark);

        if (found != NULL && found < end)
            rt_buffer_add(out, at, (size_t)(end - at) + 1);
        at = end + 1;
    }
}

/* The first line that differs. */
static void fail_at(const struct run *run, const char *expected, const char *got)
{
    size_t line = 0;

    for (size_t i = 0; expected[i] != '\0' && expected[i] == got[i]; i++) {
        if (expected[i] == '\n')
            line = i + 1;
    }
    fail_msg("seed %u, rule %u\nexpected %.400s\ngot %.400s", run->seed, run->only, expected + line,
             got + line);
}

static void compare(const struct run *together)
{
    struct rt_buffer alone, expected, got;
    struct run one = *together;

    rt_buffer_init(&expected, TEXT_BYTES_MAX);
    rt_buffer_init(&got, TEXT_BYTES_MAX);
    for (one.only = 0; one.only < RULES; one.only++) {
        rt_buffer_init(&alone, TEXT_BYTES_MAX);
        rt_buffer_string(&alone, "");
        one.output = &alone;
        one.workers = 0;
        run_through(&one);
        filter(&alone, one.only, &expected);
        filter(together->output, one.only, &got);
        if (!rt_text_equal(rt_buffer_view(&expected), rt_buffer_view(&got)))
            fail_at(&one, expected.data, got.data);
        rt_buffer_done(&alone);
    }
    rt_buffer_done(&expected);
    rt_buffer_done(&got);
}

static void whatever_becomes_of_the_others_a_rule_goes_on_as_alone(void **state)
{
    static struct world_event events[STRETCHES * STRETCH_EVENTS];

    (void)state;
    for (uint32_t seed = 1; seed <= SEEDS; seed++) {
        struct seeded seeded = seeded_from(seed);
        enum variant variants[STRETCHES][RULES];
        struct rt_buffer output;
        const struct run run = {.seed = seed,
                                .only = RULES,
                                .events = events,
                                .variants = variants,
                                .workers = seed % 5 == 0 ? 2 : 0,
                                .output = &output};

        for (uint32_t stretch = 0; stretch < STRETCHES; stretch++) {
            for (uint32_t i = 0; i < RULES; i++) {
                const uint32_t dice = seeded_below(&seeded, 10);

                variants[stretch][i] = dice < 2   ? ABSENT
                                       : dice < 8 ? AS_IS
                                       : dice < 9 ? WITH_EXCEPTION
                                                  : COUNTS_OTHERWISE;
            }
        }
        world_make_events(&seeded, events, STRETCHES * STRETCH_EVENTS);
        rt_buffer_init(&output, TEXT_BYTES_MAX);
        rt_buffer_string(&output, "");
        run_through(&run);
        compare(&run);
        rt_buffer_done(&output);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_becomes_of_the_others_a_rule_goes_on_as_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
