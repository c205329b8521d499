/* SPDX-License-Identifier: Apache-2.0 */
/* Several sources, processing time, and what is acknowledged: how time goes on in a job.  Silence: test_job_silence.c. */
#include "tests/support/unit.h"

#include <string.h>

#include "tests/support/job_fixture.h"

#define AT(ms) "{\"ts\":" #ms "}\n"

/* ---- processing time ---- */

static void by_the_clock_time_goes_on_without_events_and_never_back(void **state)
{
    static const int64_t times[] = {1000, 1500, 1200, 9000, 9400, 9400, 9400};
    struct given_clock clock = {.times = times};
    struct fixture f;
    struct rt_job *job;

    (void)state;
    assert_int_equal(open_fixture(&f, "{\"ts\":7}\n{}\n{\"ts\":5}\n{\"user\":\"x\"}\n"), RT_OK);
    f.source.batch_size = 1;
    f.source.pause_at = 4; /* the clock is at 9000 then */
    f.scribe.tells_time = true;
    f.input.by_clock = f.input.live = true;
    f.input.time_slot = RT_NO_SLOT;
    f.input.time.idle_timeout.ms = 1;
    f.options.clock = tell_time;
    f.options.clock_context = &clock;
    assert_int_equal(run(&f, &job), RT_OK);
    assert_string_equal(text_of(&f.scribe.log), "p1000#0 p1500#1 p1500#2 w9299 p9400#3x end");
    rt_job_free(job);
    close_fixture(&f);
}

/* ---- several sources ---- */

static void several_sources_are_merged_by_event_time(void **state)
{
    static const char *const texts[INPUTS] = {
        "{\"ts\":10,\"user\":\"a\"}\n{\"ts\":30,\"user\":\"c\"}\n{\"ts\":60,\"user\":\"f\"}\n",
        "{\"ts\":20,\"user\":\"b\"}\n?\n{\"ts\":40,\"user\":\"d\"}\n{\"ts\":50,\"user\":\"e\"}\n"
        "{\"ts\":70,\"user\":\"g\"}\n"};

    (void)state;
    for (size_t batch_size = 1; batch_size < 6; batch_size++) {
        struct fixture f;
        struct inputs inputs;
        struct rt_job *job;
        const char *log;
        char order[64];
        size_t count = 0;

        assert_int_equal(open_fixture(&f, ""), RT_OK);
        open_inputs(&inputs, &f, texts, batch_size);
        assert_int_equal(run(&f, &job), RT_OK);
        for (log = text_of(&f.scribe.log); *log != '\0'; log++) {
            if (*log >= 'a' && *log <= 'g' && log[1] == ' ')
                order[count++] = *log;
        }
        order[count] = '\0';
        assert_string_equal(order, "abcdefg");
        assert_int_equal(rt_job_counters(job)->late, 0);
        assert_non_null(strstr(text_of(&f.dead_letter.text), "\"source\":\"second\""));
        rt_job_free(job);
        close_inputs(&inputs);
        close_fixture(&f);
    }
}

/* ---- acknowledging ---- */

static size_t acknowledged;

static void mark_nothing(struct rt_source *self)
{
    (void)self;
}

static enum rt_status count_acknowledged(struct rt_source *self)
{
    (void)self;
    acknowledged++;
    return RT_OK;
}

/* What is refused does not wait, so nobody waits for its time. */
static void a_record_too_far_ahead_does_not_keep_the_others_from_being_acknowledged(void **state)
{
    static const int64_t times[] = {1000000, 1000000, 1000000, 1000000, 1000000};
    struct given_clock clock = {.times = times};
    struct fixture f;
    struct rt_job *job;

    (void)state;
    acknowledged = 0;
    assert_int_equal(open_fixture(&f, AT(1000000) AT(253402300799000) AT(1000100) AT(1000200)),
                     RT_OK);
    f.source.batch_size = 2;
    f.source.port.mark = mark_nothing;
    f.source.port.acknowledge = count_acknowledged;
    f.input.live = f.options.keep_open = true;
    f.input.time.out_of_orderness.ms = 50;
    f.input.time.future_limit.ms = 60000;
    f.options.clock = tell_time;
    f.options.clock_context = &clock;
    assert_int_equal(run(&f, &job), RT_OK);
    assert_int_equal(rt_job_counters(job)->rejected, 1);
    assert_int_equal(rt_job_counters(job)->held, 1);
    assert_int_equal(acknowledged, 1);
    rt_job_free(job);
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_the_clock_time_goes_on_without_events_and_never_back),
        cmocka_unit_test(several_sources_are_merged_by_event_time),
        cmocka_unit_test(a_record_too_far_ahead_does_not_keep_the_others_from_being_acknowledged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
