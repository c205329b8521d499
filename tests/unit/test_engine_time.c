/* SPDX-License-Identifier: Apache-2.0 */
/* What the library can do about time besides event time: a clock of the program's, an order of equal times. */
#include <string.h>

#include "cep/include/egret/egret.h"
#include "runtime/base/text.h"
#include "tests/support/unit.h"

/* Alerts as "message@time", one after the other. */
struct fixture {
    struct egret_options *options;
    struct egret_ruleset *rules;
    struct egret_engine *engine;
    struct egret_batch *batch;
    struct rt_buffer alerts;
    int64_t now;
};

static const char rules_text[] = "version: 1\n"
                                 "rules:\n"
                                 "  - id: pair\n"
                                 "    key_by: k\n"
                                 "    pattern:\n"
                                 "      - begin: a\n"
                                 "        where: x == 1\n"
                                 "      - next: b\n"
                                 "        where: x == 2\n"
                                 "    within: 10ms\n"
                                 "    alert: { message: \"{{ a.n }}{{ b.n }}\" }\n"
                                 "    on_timeout: { message: \"{{ a.n }} alone\" }\n";

static void on_alert(void *context, const struct egret_alert *alert)
{
    struct fixture *fixture = context;
    size_t length;
    const char *message = egret_alert_message(alert, &length);

    rt_buffer_printf(&fixture->alerts, "%.*s@%lld ", (int)length, message,
                     (long long)egret_alert_time(alert));
}

static int64_t tell(void *context)
{
    return ((const struct fixture *)context)->now;
}

static void set_up(struct fixture *fixture)
{
    *fixture = (struct fixture){0};
    rt_buffer_init(&fixture->alerts, 1 << 20);
    assert_int_equal(egret_options_new(&fixture->options), EGRET_OK);
    assert_int_equal(
        egret_ruleset_load_text("pair", rules_text, fixture->options, NULL, &fixture->rules),
        EGRET_OK);
    assert_int_equal(egret_batch_new(fixture->rules, 100, &fixture->batch), EGRET_OK);
}

static void begin(struct fixture *fixture)
{
    assert_int_equal(
        egret_engine_new(fixture->rules, fixture->options, on_alert, fixture, &fixture->engine),
        EGRET_OK);
}

/* In processing time, which is `now`. */
static void begin_with_clock(struct fixture *fixture, int64_t now)
{
    set_up(fixture);
    egret_options_set_clock(fixture->options, tell, fixture);
    begin(fixture);
    fixture->now = now;
}

static void tear_down(struct fixture *fixture)
{
    egret_batch_free(fixture->batch);
    egret_engine_free(fixture->engine);
    egret_ruleset_unref(fixture->rules);
    egret_options_free(fixture->options);
    rt_buffer_done(&fixture->alerts);
}

static void push(struct fixture *fixture, int64_t time, int64_t x, int64_t n, int32_t rank)
{
    struct egret_event *event = egret_event_new(fixture->batch, time);

    egret_event_set_int(event, egret_ruleset_field(fixture->rules, "k"), 7);
    egret_event_set_int(event, egret_ruleset_field(fixture->rules, "x"), x);
    egret_event_set_int(event, egret_ruleset_field(fixture->rules, "n"), n);
    assert_int_equal(egret_event_set_rank(event, rank), EGRET_OK);
    assert_int_equal(egret_engine_push(fixture->engine, event), EGRET_OK);
}

static void expect(struct fixture *fixture, const char *alerts)
{
    assert_string_equal(fixture->alerts.length == 0 ? "" : fixture->alerts.data, alerts);
}

static void in_processing_time_the_clock_tells_an_events_time(void **state)
{
    struct fixture fixture;

    (void)state;
    begin_with_clock(&fixture, 1000);
    push(&fixture, 5, 1, 1, 0);
    fixture.now = 1009;
    push(&fixture, 1, 2, 2, 0); /* its own time lies behind the other's: nothing is late */
    expect(&fixture, "12@1009 ");
    fixture.now = 1020;
    push(&fixture, 0, 1, 3, 0);
    fixture.now = 1015; /* stands still */
    push(&fixture, 0, 2, 4, 0);
    expect(&fixture, "12@1009 34@1020 ");
    tear_down(&fixture);
}

static void a_tick_fires_what_is_due_before_the_moment_it_tells(void **state)
{
    struct fixture fixture;

    (void)state;
    begin_with_clock(&fixture, 1000);
    push(&fixture, 0, 1, 1, 0);
    fixture.now = 1010;
    assert_int_equal(egret_engine_tick(fixture.engine), EGRET_OK);
    expect(&fixture, "");
    fixture.now = 1011;
    assert_int_equal(egret_engine_tick(fixture.engine), EGRET_OK);
    expect(&fixture, "1 alone@1010 ");
    push(&fixture, 0, 1, 2, 0);
    fixture.now = 1021; /* the deadline comes before an event of its time */
    push(&fixture, 0, 2, 3, 0);
    expect(&fixture, "1 alone@1010 2 alone@1021 ");
    tear_down(&fixture);
}

static void without_a_clock_there_is_no_tick(void **state)
{
    struct fixture fixture;

    (void)state;
    set_up(&fixture);
    begin(&fixture);
    assert_int_equal(egret_engine_tick(fixture.engine), EGRET_ERR_ORDER);
    tear_down(&fixture);
}

static void json_needs_no_time_with_a_clock(void **state)
{
    static const char first[] = "{\"k\":1,\"x\":1,\"n\":1}", second[] = "{\"k\":1,\"x\":2,\"n\":2}";
    struct fixture fixture;

    (void)state;
    begin_with_clock(&fixture, 50);
    assert_int_equal(egret_engine_push_json(fixture.engine, first, strlen(first)), EGRET_OK);
    assert_int_equal(egret_engine_push_json(fixture.engine, second, strlen(second)), EGRET_OK);
    expect(&fixture, "12@50 ");
    tear_down(&fixture);
}

static void events_of_equal_time_come_by_rank_when_asked_for(void **state)
{
    struct fixture fixture;

    (void)state;
    for (int by_rank = 0; by_rank < 2; by_rank++) {
        set_up(&fixture);
        assert_int_equal(
            egret_options_set(fixture.options, "ties", by_rank == 1 ? "rank" : "arrival"),
            EGRET_OK);
        begin(&fixture);
        push(&fixture, 100, 2, 1, 5);
        push(&fixture, 100, 1, 2, -5);
        push(&fixture, 100, 2, 3, 5);
        push(&fixture, 101, 9, 4, -9);
        assert_int_equal(egret_engine_finish(fixture.engine), EGRET_OK);
        expect(&fixture, by_rank == 1 ? "21@100 " : "23@100 ");
        tear_down(&fixture);
    }
}

static void wrong_ties_and_ranks_are_refused(void **state)
{
    struct fixture fixture;
    struct egret_event *event;

    (void)state;
    set_up(&fixture);
    begin(&fixture);
    event = egret_event_new(fixture.batch, 0);
    assert_int_equal(egret_options_set(fixture.options, "ties", "price"), EGRET_ERR_DATA);
    assert_int_equal(egret_event_set_rank(event, EGRET_RANK_MAX), EGRET_OK);
    assert_int_equal(egret_event_set_rank(event, EGRET_RANK_MAX + 1), EGRET_ERR_DATA);
    assert_int_equal(egret_event_set_rank(event, EGRET_RANK_MIN - 1), EGRET_ERR_DATA);
    tear_down(&fixture);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_processing_time_the_clock_tells_an_events_time),
        cmocka_unit_test(a_tick_fires_what_is_due_before_the_moment_it_tells),
        cmocka_unit_test(without_a_clock_there_is_no_tick),
        cmocka_unit_test(json_needs_no_time_with_a_clock),
        cmocka_unit_test(events_of_equal_time_come_by_rank_when_asked_for),
        cmocka_unit_test(wrong_ties_and_ranks_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
