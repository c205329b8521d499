/* SPDX-License-Identifier: Apache-2.0 */
/* What an engine holds, when it lets go of it, and what happens when there is none left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cep/engine.h"
#include "cep/include/egret/egret.h"
#include "runtime/base/alloc.h"
#include "runtime/base/hash.h"

static const char rules_text[] = "version: 1\n"
                                 "rules:\n"
                                 "  - id: brute\n"
                                 "    key_by: event.user\n"
                                 "    pattern:\n"
                                 "      - begin: fail\n"
                                 "        match: { outcome: failure }\n"
                                 "        times: 2+\n"
                                 "      - followedBy: ok\n"
                                 "        match: { outcome: success }\n"
                                 "        where: event.ip != fail[0].ip\n"
                                 "    within: 10s\n"
                                 "    alert:\n"
                                 "      message: \"{{ key.user }} {{ size(fail) }}\"\n"
                                 "      fields: { user: ok.user }\n"
                                 "      dedup: { for: 5s }\n"
                                 "    on_timeout: { message: \"{{ timeout.step }}\" }\n"
                                 "  - id: pair\n"
                                 "    key_by: event.user\n"
                                 "    pattern:\n"
                                 "      - begin: a\n"
                                 "        match: { outcome: failure }\n"
                                 "      - next: b\n"
                                 "        match: { outcome: success }\n"
                                 "    within: 10s\n"
                                 "  - id: window\n"
                                 "    key_by: event.user\n"
                                 "    window: { sliding: 10s }\n"
                                 "    aggregate:\n"
                                 "      n: count()\n"
                                 "      ips: count_distinct(event.ip)\n"
                                 "      ip: last(event.ip)\n"
                                 "    having: n >= 2\n"
                                 "    alert: { fields: { n: n, ips: ips, ip: ip } }\n"
                                 "  - id: history\n"
                                 "    key_by: event.user\n"
                                 "    group_by: event.ip\n"
                                 "    window: { tumbling: 1s }\n"
                                 "    aggregate:\n"
                                 "      n: count()\n"
                                 "      last: last(event.outcome)\n"
                                 "      usual: baseline(n, 5s)\n"
                                 "    fire: on_close\n"
                                 "    alert:\n"
                                 "      message: \"{{ previous.last }} {{ usual }}\"\n"
                                 "      rate_limit: { max: 1, per: 3s }\n"
                                 "  - id: new\n"
                                 "    key_by: event.user\n"
                                 "    new_value: { of: event.ip, ttl: 5s }\n"
                                 "  - id: over\n"
                                 "    source: alerts\n"
                                 "    match: { rule: [new, history] }\n"
                                 "    key_by: event.key.user\n"
                                 "    window: { sliding: 5s }\n"
                                 "    aggregate: { n: count() }\n"
                                 "    having: n >= 2\n"
                                 "  - id: single\n"
                                 "    where: event.ip == \"z\"\n";

struct stream {
    struct egret_ruleset *rules;
    struct egret_engine *engine;
    struct egret_batch *batch;
    uint32_t user, outcome, ip;
    uint64_t alerts;
    uint64_t digest; /* of all records so far */
};

static void on_alert(void *context, const struct egret_alert *alert)
{
    struct stream *stream = context;
    size_t length;
    const char *json = egret_alert_json(alert, &length);

    stream->alerts++;
    stream->digest = stream->digest * 31 + rt_hash64(json, length);
}

static struct egret_ruleset *load_rules(void)
{
    struct egret_ruleset *rules = NULL;

    assert_int_equal(egret_ruleset_load_text("rules", rules_text, NULL, NULL, &rules), EGRET_OK);
    return rules;
}

static void open_stream(struct stream *stream)
{
    *stream = (struct stream){.rules = load_rules()};
    stream->user = egret_ruleset_field(stream->rules, "user");
    stream->outcome = egret_ruleset_field(stream->rules, "outcome");
    stream->ip = egret_ruleset_field(stream->rules, "ip");
    assert_int_equal(egret_engine_new(stream->rules, NULL, on_alert, stream, &stream->engine),
                     EGRET_OK);
    assert_int_equal(egret_batch_new(stream->rules, 4, &stream->batch), EGRET_OK);
}

static void close_stream(struct stream *stream)
{
    egret_engine_free(stream->engine);
    egret_batch_free(stream->batch);
    egret_ruleset_unref(stream->rules);
}

/* Event number `i` of a stream over `users` users: failures, now and then a success. */
static enum egret_status push(struct stream *stream, uint64_t i, uint64_t users)
{
    static const char *const addresses[] = {"a", "b", "z"};
    uint64_t mixed = rt_hash64(&i, sizeof(i));
    char user[64];
    int length = snprintf(user, sizeof(user), "user-number-%llu-of-many",
                          (unsigned long long)(users == 0 ? i : mixed % users));
    struct egret_event *event;
    const char *outcome = mixed % 7 == 0 ? "success" : "failure";

    egret_batch_reset(stream->batch);
    event = egret_event_new(stream->batch, (int64_t)(i * 10));
    egret_event_set_text(event, stream->user, user, (size_t)length);
    egret_event_set_text(event, stream->outcome, outcome, strlen(outcome));
    egret_event_set_text(event, stream->ip, addresses[mixed / 7 % 3], 1);
    return egret_engine_push(stream->engine, event);
}

static void within_frees_the_state_of_keys_that_never_return(void **state)
{
    struct stream stream;
    size_t before = rt_live_blocks();

    (void)state;
    open_stream(&stream);
    for (uint64_t i = 0; i < 100000; i++) {
        assert_int_equal(push(&stream, i, 0), EGRET_OK);
        /*
         * 10 s hold a thousand events; what a sweep takes out stays a quarter longer at most.  Values and histories
         * are other keys, of 5 s and up to a window, and so are those of the alerts, of 5 s.
         */
        assert_true(egret_engine_stat(stream.engine, EGRET_STAT_KEYS) <= 1300 + 700 + 700);
        assert_true(egret_engine_stat(stream.engine, EGRET_STAT_LIVE) <= 4304 + 200 + 700);
    }
    assert_true(stream.alerts > 80000);
    assert_int_equal(egret_engine_finish(stream.engine), EGRET_OK);
    assert_int_equal(egret_engine_stat(stream.engine, EGRET_STAT_KEYS), 0);
    assert_int_equal(egret_engine_stat(stream.engine, EGRET_STAT_LIVE), 0);
    assert_int_equal(egret_engine_stat(stream.engine, EGRET_STAT_STATE_BYTES), 0);
    close_stream(&stream);
    assert_int_equal(rt_live_blocks(), before);
}

static enum rt_status ignore(void *context, const struct rt_output *output)
{
    (void)context;
    (void)output;
    return RT_OK;
}

/* Value of x from each of the keys 0 .. count - 1. */
static void push_keys(struct cep_engine *engine, struct rule_plan *plan, int64_t x, int64_t count)
{
    const struct rt_text k_name = RT_TEXT("k"), x_name = RT_TEXT("x");
    struct rt_operator *port = cep_engine_operator(engine);
    struct rt_value slots[8] = {0};

    slots[rt_fields_find(plan->fields, &x_name, 1)] = rt_int(x);
    for (int64_t i = 0; i < count; i++) {
        const struct rt_event event = {.time = {x * count + i},
                                       .sequence = (uint64_t)(x * count + i),
                                       .slots = slots,
                                       .slot_count = (uint32_t)rt_fields_count(plan->fields)};

        slots[rt_fields_find(plan->fields, &k_name, 1)] = rt_int(i);
        assert_int_equal(port->push(port, &event), RT_OK);
    }
}

/*
 * All that the engine keeps for the key but the events themselves, which are as long as they are: its line in the table, its runs
 * or its window, its timer.  So it is after the first event and after the one that follows.
 */
static void expect_idle_keys_to_cost(const char *text, size_t after_one, size_t after_two)
{
    enum { IDLE_KEYS = 10000 };
    const struct cep_options options = cep_options_standard();
    struct egret_ruleset *rules = NULL;
    struct cep_engine *engine;
    struct cep_counters counters;
    struct rule_plan *plan;

    assert_int_equal(egret_ruleset_load_text("rules", text, NULL, NULL, &rules), EGRET_OK);
    plan = (struct rule_plan *)(void *)rules;
    assert_int_equal(cep_engine_new(plan, &options, ignore, NULL, &engine), RT_OK);
    for (int64_t x = 1; x <= 2; x++) {
        push_keys(engine, plan, x, IDLE_KEYS);
        cep_engine_counters(engine, &counters);
        assert_int_equal(counters.keys, IDLE_KEYS);
        print_message("%zu bytes a key, %zu more for its events\n",
                      (size_t)(counters.state_bytes - counters.captured_bytes) / IDLE_KEYS,
                      (size_t)counters.captured_bytes / IDLE_KEYS);
        assert_int_equal(counters.state_bytes - counters.captured_bytes,
                         IDLE_KEYS * (x == 1 ? after_one : after_two));
    }
    cep_engine_free(engine);
    egret_ruleset_unref(rules);
}

static void expect_sequence_to_cost(const char *timeouts, size_t bytes_per_key)
{
    static const char sequence[] = "version: 1\n"
                                   "rules:\n"
                                   "  - id: three\n"
                                   "    key_by: k\n"
                                   "    pattern:\n"
                                   "      - begin: a\n"
                                   "        where: x == 1\n"
                                   "      - followedBy: b\n"
                                   "        where: x == 2\n"
                                   "      - followedBy: c\n"
                                   "        where: x == 3\n"
                                   "    within: 1h\n";
    char text[sizeof(sequence) + 64];

    (void)snprintf(text, sizeof(text), "%s%s", sequence, timeouts);
    expect_idle_keys_to_cost(text, bytes_per_key, bytes_per_key);
}

static void expect_window_to_cost(const char *aggregates, size_t after_one, size_t after_two)
{
    static const char window[] = "version: 1\n"
                                 "rules:\n"
                                 "  - id: window\n"
                                 "    key_by: k\n"
                                 "    filter: x > 0\n"
                                 "    window: { sliding: 1h }\n"
                                 "    having: n >= 100\n"
                                 "    aggregate: ";
    char text[sizeof(window) + 64];

    (void)snprintf(text, sizeof(text), "%s%s\n", window, aggregates);
    expect_idle_keys_to_cost(text, after_one, after_two);
}

/* The sweep believes what it noted of a line, for a while: a gap of any length must not make it believe what is no longer so. */
static void what_is_over_goes_soon_whatever_the_gaps(void **state)
{
    static const char text[] =
        "version: 1\n"
        "rules:\n"
        "  - { id: short, key_by: k, window: { sliding: 10s },\n"
        "      aggregate: { n: count() }, having: n >= 100 }\n"
        "  - { id: long, key_by: k, filter: k % 10 == 0, window: { sliding: 3m },\n"
        "      aggregate: { n: count() }, having: n >= 100 }\n";
    enum { BURSTS = 400, BURST = 50, SHORT_MS = 10000, LONG_MS = 180000 };
    const struct cep_options options = cep_options_standard();
    const struct rt_text k_name = RT_TEXT("k");
    static int64_t times[BURSTS * BURST];
    struct egret_ruleset *rules = NULL;
    struct rt_value slots[8] = {0};
    struct cep_counters counters;
    struct cep_engine *engine;
    struct rule_plan *plan;
    int64_t now = 0, count = 0;

    (void)state;
    assert_int_equal(egret_ruleset_load_text("rules", text, NULL, NULL, &rules), EGRET_OK);
    plan = (struct rule_plan *)(void *)rules;
    assert_int_equal(cep_engine_new(plan, &options, ignore, NULL, &engine), RT_OK);
    for (int64_t burst = 0; burst < BURSTS; burst++) {
        struct rt_operator *port = cep_engine_operator(engine);
        uint64_t bound = 64;

        now += burst % 3 == 2 ? burst * burst * 97 : burst * 13;
        for (int i = 0; i < BURST; i++) {
            const struct rt_event event = {.time = {now},
                                           .sequence = (uint64_t)count,
                                           .slots = slots,
                                           .slot_count = (uint32_t)rt_fields_count(plan->fields)};

            slots[rt_fields_find(plan->fields, &k_name, 1)] = rt_int(count);
            times[count++] = now++;
            assert_int_equal(port->push(port, &event), RT_OK);
        }
        for (int64_t i = 0; i < count; i++)
            bound += now - times[i] < (i % 10 == 0 ? LONG_MS : SHORT_MS) * 5 / 4;
        cep_engine_counters(engine, &counters);
        assert_in_range(counters.keys, 0, bound);
    }
    cep_engine_free(engine);
    egret_ruleset_unref(rules);
}

static void a_steady_stream_allocates_nothing(void **state)
{
    struct stream stream;

    (void)state;
    open_stream(&stream);
    for (uint64_t i = 0; i < 50000; i++)
        assert_int_equal(push(&stream, i, 500), EGRET_OK);
    rt_fault_arm(1);
    for (uint64_t i = 50000; i < 150000; i++)
        assert_int_equal(push(&stream, i, 500), EGRET_OK);
    assert_false(rt_fault_disarm());
    assert_true(stream.alerts > 1000);
    close_stream(&stream);
}

static void two_runs_give_the_same_bytes(void **state)
{
    struct stream first, second;

    (void)state;
    open_stream(&first);
    open_stream(&second);
    for (uint64_t i = 0; i < 20000; i++) {
        assert_int_equal(push(&first, i, 300), EGRET_OK);
        assert_int_equal(push(&second, i, 300), EGRET_OK);
    }
    assert_int_equal(egret_engine_finish(first.engine), EGRET_OK);
    assert_int_equal(egret_engine_finish(second.engine), EGRET_OK);
    assert_true(first.alerts > 1000);
    assert_int_equal(first.alerts, second.alerts);
    assert_int_equal(first.digest, second.digest);
    close_stream(&first);
    close_stream(&second);
}

static void an_engine_that_cannot_be_built_leaves_nothing_behind(void **state)
{
    struct egret_ruleset *rules = load_rules();
    size_t before = rt_live_blocks(), nth;

    (void)state;
    for (nth = 1;; nth++) {
        struct egret_engine *engine = NULL;

        rt_fault_arm(nth);
        enum egret_status status = egret_engine_new(rules, NULL, NULL, NULL, &engine);

        if (!rt_fault_disarm()) {
            assert_int_equal(status, EGRET_OK);
            egret_engine_free(engine);
            break;
        }
        assert_int_equal(status, EGRET_ERR_NOMEM);
        assert_null(engine);
        assert_int_equal(rt_live_blocks(), before);
    }
    assert_true(nth > 20);
    assert_int_equal(rt_live_blocks(), before);
    egret_ruleset_unref(rules);
}

/* The timer of a rule that tells of timeouts included. */
static void an_idle_key_of_a_simple_sequence_costs_at_most_100_bytes(void **state)
{
    (void)state;
    expect_sequence_to_cost("", 64);
    expect_sequence_to_cost("    on_timeout: { message: late }\n", 96);
}

static void a_key_whose_sliding_window_holds_one_event_costs_its_line_only(void **state)
{
    (void)state;
    expect_window_to_cost("{ n: count() }", 64, 64 + 48);
    expect_window_to_cost("{ n: count_distinct(x) }", 64, 64 + 64);
    expect_window_to_cost("{ n: count(), most: max(x) }", 64 + 48, 64 + 96);
}

/* Wherever memory runs out once, the engine goes on, and in the end holds nothing. */
static void an_engine_survives_a_failing_allocation_at_any_point(void **state)
{
    size_t before = rt_live_blocks(), failures = 0;
    bool delivered = true;

    (void)state;
    for (size_t nth = 1; delivered; nth++) {
        struct stream stream;
        enum egret_status status = EGRET_OK;
        uint64_t i = 0;

        open_stream(&stream);
        rt_fault_arm(nth);
        for (; i < 400 && status == EGRET_OK; i++)
            status = push(&stream, i, 20);
        if (status == EGRET_OK)
            status = egret_engine_advance(stream.engine, 1000000);
        delivered = rt_fault_disarm();
        if (status != EGRET_OK) {
            assert_int_equal(status, EGRET_ERR_NOMEM);
            failures++;
        }
        for (; i < 500; i++)
            assert_int_equal(push(&stream, i + 100000, 20), EGRET_OK);
        assert_int_equal(egret_engine_finish(stream.engine), EGRET_OK);
        assert_int_equal(egret_engine_stat(stream.engine, EGRET_STAT_STATE_BYTES), 0);
        close_stream(&stream);
        assert_int_equal(rt_live_blocks(), before);
    }
    assert_true(failures > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(within_frees_the_state_of_keys_that_never_return),
        cmocka_unit_test(an_idle_key_of_a_simple_sequence_costs_at_most_100_bytes),
        cmocka_unit_test(a_key_whose_sliding_window_holds_one_event_costs_its_line_only),
        cmocka_unit_test(what_is_over_goes_soon_whatever_the_gaps),
        cmocka_unit_test(a_steady_stream_allocates_nothing),
        cmocka_unit_test(two_runs_give_the_same_bytes),
        cmocka_unit_test(an_engine_that_cannot_be_built_leaves_nothing_behind),
        cmocka_unit_test(an_engine_survives_a_failing_allocation_at_any_point),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
