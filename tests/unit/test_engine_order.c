/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must not show in the output: other keys, and how often the watermark is told.
 *
 *     one engine, all keys      ==  an engine for each key, their records merged
 *     pushes alone              ==  pushes with watermarks between them
 *     pushes alone              ==  pushes that were announced in groups
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cep/engine.h"
#include "cep/include/egret/egret.h"
#include "runtime/base/alloc.h"
#include "runtime/base/hash.h"

enum { EVENTS = 3000, KEYS = 12, RECORDS_MAX = 40000, ALL_KEYS = KEYS };

static const char rules_text[] = "version: 1\n"
                                 "defaults: { after_match: no_skip }\n"
                                 "rules:\n"
                                 "  - id: loop\n"
                                 "    key_by: k\n"
                                 "    pattern:\n"
                                 "      - begin: a\n"
                                 "        where: x == 1\n"
                                 "        times: 2..3\n"
                                 "      - followedBy: b\n"
                                 "        where: x == 2 && y != a[0].y\n"
                                 "    within: 40ms\n"
                                 "    on_timeout: { message: \"{{ timeout.step }}\" }\n"
                                 "  - id: strict\n"
                                 "    key_by: k\n"
                                 "    after_match: skip_past_last\n"
                                 "    pattern:\n"
                                 "      - begin: a\n"
                                 "        where: x == 1\n"
                                 "      - next: b\n"
                                 "        where: x == 1\n"
                                 "    within: 25ms\n"
                                 "    on_timeout: { message: \"{{ a.y }}\" }\n"
                                 "  - id: silent\n"
                                 "    key_by: k\n"
                                 "    pattern:\n"
                                 "      - begin: a\n"
                                 "        where: x == 3\n"
                                 "      - notFollowedBy: b\n"
                                 "        where: x == 2\n"
                                 "    within: 30ms\n"
                                 "    alert: { dedup: { for: 50ms } }\n"
                                 "  - id: cancelled\n"
                                 "    key_by: k\n"
                                 "    pattern:\n"
                                 "      - begin: a\n"
                                 "        where: x == 0\n"
                                 "      - followedBy: b\n"
                                 "        where: x == 3\n"
                                 "    within: 1h\n"
                                 "    cancel_if: x == 2\n";

struct record {
    char *json;
};

struct output {
    struct record records[RECORDS_MAX];
    size_t count;
};

struct input {
    int64_t time;
    int64_t key, x, y;
};

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void make_events(struct input *events, uint64_t seed)
{
    int64_t time = 1000;

    for (size_t i = 0; i < EVENTS; i++) {
        time += (int64_t)(next_random(&seed) % 3); /* many equal times */
        events[i] =
            (struct input){time, (int64_t)(next_random(&seed) % KEYS),
                           (int64_t)(next_random(&seed) % 5), (int64_t)(next_random(&seed) % 3)};
    }
}

static void collect(void *context, const struct egret_alert *alert)
{
    struct output *output = context;
    size_t length;
    const char *json = egret_alert_json(alert, &length);

    assert_true(output->count < RECORDS_MAX);
    output->records[output->count].json = rt_alloc_text(json, length);
    assert_non_null(output->records[output->count++].json);
}

/* Runs the events of one key, or all; `seed`: watermarks are told at random; 0: never. */
static void run(struct egret_ruleset *rules, const struct input *events, int64_t key,
                struct output *output, uint64_t seed)
{
    const uint32_t k = egret_ruleset_field(rules, "k"), x = egret_ruleset_field(rules, "x"),
                   y = egret_ruleset_field(rules, "y");
    struct egret_engine *engine;
    struct egret_batch *batch;

    assert_int_equal(egret_engine_new(rules, NULL, collect, output, &engine), EGRET_OK);
    assert_int_equal(egret_batch_new(rules, 1, &batch), EGRET_OK);
    for (size_t i = 0; i < EVENTS; i++) {
        const struct input *input = &events[i];
        struct egret_event *event;

        if (key != ALL_KEYS && input->key != key)
            continue;
        if (seed != 0 && next_random(&seed) % 4 == 0)
            assert_int_equal(egret_engine_advance(engine, input->time - 1), EGRET_OK);
        egret_batch_reset(batch);
        event = egret_event_new(batch, input->time);
        egret_event_set_int(event, k, input->key);
        egret_event_set_int(event, x, input->x);
        egret_event_set_int(event, y, input->y);
        egret_event_set_position(event, 0, i);
        assert_int_equal(egret_engine_push(engine, event), EGRET_OK);
    }
    assert_int_equal(egret_engine_finish(engine), EGRET_OK);
    assert_int_equal(egret_engine_stat(engine, EGRET_STAT_STATE_BYTES), 0);
    egret_batch_free(batch);
    egret_engine_free(engine);
}

static void release(struct output *output)
{
    for (size_t i = 0; i < output->count; i++)
        rt_free(output->records[i].json);
    output->count = 0;
}

static int compare(const void *left, const void *right)
{
    const struct record *a = left, *b = right;

    return strcmp(a->json, b->json);
}

static void expect_equal(const struct output *left, const struct output *right)
{
    assert_int_equal(left->count, right->count);
    for (size_t i = 0; i < left->count; i++)
        assert_string_equal(left->records[i].json, right->records[i].json);
}

static struct egret_ruleset *load_rules(void)
{
    struct egret_ruleset *rules = NULL;

    assert_int_equal(egret_ruleset_load_text("rules", rules_text, NULL, NULL, &rules), EGRET_OK);
    return rules;
}

static struct output together, apart;
static struct input events[EVENTS];

static void other_keys_do_not_show_in_the_records_of_a_key(void **state)
{
    struct egret_ruleset *rules = load_rules();
    size_t found = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        make_events(events, seed * 7919);
        run(rules, events, ALL_KEYS, &together, 0);
        for (int64_t key = 0; key < KEYS; key++)
            run(rules, events, key, &apart, 0);
        qsort(together.records, together.count, sizeof(struct record), compare);
        qsort(apart.records, apart.count, sizeof(struct record), compare);
        expect_equal(&together, &apart);
        found += together.count;
        release(&together);
        release(&apart);
    }
    assert_true(found > 5000);
    egret_ruleset_unref(rules);
}

static void how_often_the_watermark_is_told_does_not_show(void **state)
{
    struct egret_ruleset *rules = load_rules();

    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        make_events(events, seed * 104729);
        run(rules, events, ALL_KEYS, &together, 0);
        run(rules, events, ALL_KEYS, &apart, seed);
        expect_equal(&together, &apart);
        release(&together);
        release(&apart);
    }
    egret_ruleset_unref(rules);
}

/* ---- announced events ---- */

enum { MANY_KEYS = 20000, MANY_EVENTS = 60000, GROUP_MAX = 300 };

static enum rt_status add_to_digest(void *context, const struct rt_output *output)
{
    uint64_t *digest = context;

    *digest = *digest * 31 + rt_hash64(output->record.data, output->record.length);
    return RT_OK;
}

struct group {
    struct rt_event events[GROUP_MAX];
    const struct rt_event *list[GROUP_MAX];
    struct rt_value slots[GROUP_MAX][8];
    size_t count;
};

static void fill_group(struct group *group, const struct rule_plan *plan, size_t size,
                       uint64_t *seed, uint64_t *sequence)
{
    static const struct rt_text k = {"k", 1}, x = {"x", 1}, y = {"y", 1};

    group->count = size < MANY_EVENTS - *sequence ? size : MANY_EVENTS - *sequence;
    for (size_t i = 0; i < group->count; i++) {
        struct rt_value *slots = group->slots[i];

        memset(slots, 0, sizeof(group->slots[i]));
        if (next_random(seed) % 20 != 0)
            slots[rt_fields_find(plan->fields, &k, 1)] =
                rt_int((int64_t)(next_random(seed) % MANY_KEYS));
        slots[rt_fields_find(plan->fields, &x, 1)] = rt_int((int64_t)(next_random(seed) % 4));
        slots[rt_fields_find(plan->fields, &y, 1)] = rt_int((int64_t)(next_random(seed) % 3));
        group->events[i] = (struct rt_event){.time = {(int64_t)(*sequence / 4000)},
                                             .sequence = *sequence,
                                             .position = {.offset = *sequence},
                                             .slots = slots,
                                             .slot_count = 8};
        group->list[i] = &group->events[i];
        (*sequence)++;
    }
}

static uint64_t digest_of(struct rule_plan *plan, bool announced, size_t size)
{
    static struct group group;
    const struct cep_options options = cep_options_standard();
    struct cep_engine *engine;
    struct rt_operator *port;
    uint64_t seed = 4711, sequence = 0, digest = 0;

    assert_true(rt_fields_count(plan->fields) <= 8);
    assert_int_equal(cep_engine_new(plan, &options, add_to_digest, &digest, &engine), RT_OK);
    port = cep_engine_operator(engine);
    while (sequence < MANY_EVENTS) {
        fill_group(&group, plan, size, &seed, &sequence);
        if (announced)
            port->prepare(port, group.list, group.count);
        for (size_t i = 0; i < group.count; i++)
            assert_int_equal(port->push(port, group.list[i]), RT_OK);
    }
    cep_engine_free(engine);
    return digest;
}

static void whether_events_are_announced_and_how_many_does_not_show(void **state)
{
    static const size_t sizes[] = {1, 2, 7, GROUP_MAX};
    struct egret_ruleset *rules = load_rules();
    struct rule_plan *plan = (struct rule_plan *)(void *)rules;
    uint64_t digest = digest_of(plan, false, 1);

    (void)state;
    assert_true(digest != 0);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        assert_int_equal(digest_of(plan, true, sizes[i]), digest);
    egret_ruleset_unref(rules);
}

/* "time":"2026-01-01T00:00:00.000Z" of a record: as text it sorts as time does. */
static const char *time_of(const struct record *record)
{
    return strstr(record->json, "\"time\":");
}

static void records_come_in_order_of_time(void **state)
{
    struct egret_ruleset *rules = load_rules();

    (void)state;
    make_events(events, 77);
    run(rules, events, ALL_KEYS, &together, 0);
    assert_true(together.count > 1000);
    for (size_t i = 1; i < together.count; i++)
        assert_true(strncmp(time_of(&together.records[i - 1]), time_of(&together.records[i]), 33) <=
                    0);
    release(&together);
    egret_ruleset_unref(rules);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_keys_do_not_show_in_the_records_of_a_key),
        cmocka_unit_test(how_often_the_watermark_is_told_does_not_show),
        cmocka_unit_test(whether_events_are_announced_and_how_many_does_not_show),
        cmocka_unit_test(records_come_in_order_of_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
