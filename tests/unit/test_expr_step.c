/* SPDX-License-Identifier: Apache-2.0 */
/* Aggregates over what a run has taken: the machine with its memory against a plain walk, on a tree of runs. */
#include "tests/support/unit.h"

#include "rules/caches.h"
#include "rules/value_ops.h"
#include "tests/support/expr_walk.h"
#include "tests/support/expr_world.h"
#include "tests/support/seeded.h"

enum { NODES = 400, QUESTIONS = 6000, SLOTS = 4, MANY = 4 };

/* A place: what was taken, and the place before. */
struct node {
    const struct node *before;
    bool has_younger;
    uint32_t step;
    struct rt_event event;
    struct rt_value slots[SLOTS];
};

static size_t looks; /* how often a place was looked at */

static const void *older(const void *place, struct expr_taken *out)
{
    const struct node *node = place;

    looks++;
    *out = (struct expr_taken){node->step, &node->event};
    return node->before;
}

static const char *const questions[] = {"sum(many.amount)",
                                        "avg(many.amount)",
                                        "min(many.amount)",
                                        "max(many.amount)",
                                        "stddev(many.amount)",
                                        "count(many)",
                                        "size(many) + count(many.amount)",
                                        "first(many).amount",
                                        "last(many).amount",
                                        "sum(fail.amount) + sum(many.amount)",
                                        "sum(many.geo.lat)",
                                        "many.size() > 2 && sum(many.amount) > amount"};
enum { QUESTION_COUNT = sizeof(questions) / sizeof(questions[0]) };

struct forest {
    struct expr_world world;
    struct expr_tree *trees[QUESTION_COUNT];
    struct expr *codes[QUESTION_COUNT];
    struct node nodes[NODES];
    size_t count;
    uint64_t sequence;
};

static void open_forest(struct forest *forest)
{
    assert_true(expr_world_open(&forest->world));
    for (size_t i = 0; i < QUESTION_COUNT; i++) {
        struct expr_text text = {.text = rt_text_of(questions[i]), .source = RT_NO_SOURCE};

        assert_int_equal(expr_check(&text, &forest->world.scope, EXPR_WANT_ANY,
                                    &forest->world.arena, forest->world.diags, &forest->trees[i]),
                         RT_OK);
    }
    assert_int_equal(expr_world_seal(&forest->world), RT_OK);
    assert_true(rt_fields_count(forest->world.fields) <= SLOTS);
    for (size_t i = 0; i < QUESTION_COUNT; i++)
        assert_int_equal(expr_compile(forest->trees[i], forest->world.fields, &forest->codes[i]),
                         RT_OK);
}

static void close_forest(struct forest *forest)
{
    for (size_t i = 0; i < QUESTION_COUNT; i++)
        expr_free(forest->codes[i]);
    expr_world_close(&forest->world);
}

static struct rt_value random_amount(struct seeded *random, uint32_t wrong_one_of)
{
    if (seeded_below(random, wrong_one_of) == 0)
        return rt_string("x", 1);
    switch (seeded_below(random, 4)) {
    case 0:
        return (struct rt_value){.type = RT_ABSENT};
    case 1:
        return rt_double((double)seeded_below(random, 100) / 8);
    default:
        return rt_int((int64_t)seeded_below(random, 1000) - 500);
    }
}

/* One more place behind `before`, as a step of a run makes it. */
static void grow(struct forest *forest, struct seeded *random, const struct node *before,
                 uint32_t wrong_one_of)
{
    struct node *node = &forest->nodes[forest->count];

    /* A place that nothing lies behind may be given back and be made anew of another event. */
    if (forest->count == NODES)
        node = &forest->nodes[seeded_below(random, NODES)];
    if (node->has_younger || node == before)
        return;
    forest->count += forest->count < NODES;
    if (before != NULL)
        ((struct node *)(uintptr_t)before)->has_younger = true;
    *node = (struct node){.before = before, .step = seeded_below(random, 5) == 0 ? 1 : MANY};
    for (size_t i = 0; i < SLOTS; i++)
        node->slots[i] = random_amount(random, wrong_one_of);
    node->event = (struct rt_event){
        .sequence = forest->sequence++, .slots = node->slots, .slot_count = SLOTS};
}

static uint64_t run_of(const struct node *node)
{
    while (node->before != NULL)
        node = node->before;
    return node->event.sequence;
}

static void ask(struct forest *forest, size_t question, const struct node *place,
                const struct rt_event *at_hand, struct expr_caches *caches)
{
    struct expr_frame frame = {
        .event = at_hand, .newest = place, .older = older, .run = run_of(place)};
    struct expr_walk walk = {.call = {.fuel = 1000000,
                                      .scratch = expr_machine_scratch(forest->world.machine),
                                      .fields = forest->world.fields,
                                      .caches = caches},
                             .fields = forest->world.fields,
                             .frame = &frame};
    struct rt_value variables[8] = {{.type = RT_ABSENT}};
    struct rt_value found, wanted;

    walk.variables = variables;
    expr_machine_reset(forest->world.machine);
    found = expr_eval(forest->world.machine, forest->codes[question], &frame);
    wanted = expr_walk_node(&walk, forest->trees[question]->root);
    if (rt_is_error(wanted) ? !rt_is_error(found) || found.aux != wanted.aux
                            : found.type != wanted.type || !expr_value_equal(found, wanted))
        fail_msg("%s differs at place %llu", questions[question],
                 (unsigned long long)place->event.sequence);
}

static void aggregates_are_those_of_a_plain_walk_wherever_runs_part(void **state)
{
    static struct forest forest;
    struct rt_value slots[SLOTS] = {{.type = RT_ABSENT}};
    struct expr_caches *caches;
    struct seeded random = {.state = 20260101};

    (void)state;
    assert_int_equal(expr_caches_new(&caches), RT_OK);
    for (uint32_t wrong = 50; wrong < 100000; wrong += 90000) {
        memset(&forest, 0, sizeof(forest));
        open_forest(&forest);
        for (size_t i = 0; i < QUESTIONS; i++) {
            const struct node *place =
                forest.count == 0 ? NULL
                                  : &forest.nodes[seeded_below(&random, (uint32_t)forest.count)];
            struct rt_event at_hand = {.sequence = UINT64_MAX, .slots = slots, .slot_count = SLOTS};

            if (seeded_below(&random, 8) == 0 && forest.count > 0)
                place = &forest.nodes[forest.count - 1];
            if (seeded_below(&random, 4) == 0)
                grow(&forest, &random, place, wrong);
            if (place != NULL)
                ask(&forest, seeded_below(&random, QUESTION_COUNT), place, &at_hand, caches);
        }
        close_forest(&forest);
    }
    expr_caches_free(caches);
}

static void an_aggregate_costs_what_was_taken_since_it_was_asked_for(void **state)
{
    static struct forest forest;
    struct rt_event at_hand = {.sequence = 2 * NODES};
    struct seeded random = {.state = 7};
    struct expr_frame frame = {.event = &at_hand, .older = older};

    (void)state;
    memset(&forest, 0, sizeof(forest));
    open_forest(&forest);
    for (size_t i = 0; i < NODES; i++)
        grow(&forest, &random, i == 0 ? NULL : &forest.nodes[i - 1], 100000);
    frame.newest = &forest.nodes[NODES - 10];
    looks = 0;
    (void)expr_eval(forest.world.machine, forest.codes[0], &frame);
    assert_int_equal(looks, NODES - 9);
    looks = 0;
    (void)expr_eval(forest.world.machine, forest.codes[0], &frame);
    assert_int_equal(looks, 1);
    looks = 0;
    frame.newest = &forest.nodes[NODES - 1];
    (void)expr_eval(forest.world.machine, forest.codes[0], &frame);
    assert_int_equal(looks, 10);
    /* Of a place whose newest event is the one at hand nothing is remembered. */
    frame.event = &forest.nodes[NODES - 1].event;
    for (int i = 0; i < 2; i++) {
        looks = 0;
        (void)expr_eval(forest.world.machine, forest.codes[1], &frame);
        assert_int_equal(looks, NODES);
    }
    close_forest(&forest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aggregates_are_those_of_a_plain_walk_wherever_runs_part),
        cmocka_unit_test(an_aggregate_costs_what_was_taken_since_it_was_asked_for)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
