/* SPDX-License-Identifier: Apache-2.0 */
/* Several sources, silence, processing time, and what is acknowledged: how time goes on in a job. */
#include "tests/support/unit.h"

#include <string.h>

#include "tests/support/job_fixture.h"

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

/* ---- silence ---- */

/* "." is a batch without records; "+" one that has more all the same. */
static enum rt_status paced_read(struct rt_source *self, struct rt_batch *batch)
{
    struct line_source *source = (struct line_source *)self;
    char pace = source->text[source->at];

    batch->count = 0;
    if (batch->paused)
        return RT_OK;
    if (pace != '.' && pace != '+')
        return line_read(self, batch);
    batch->more = pace == '+';
    source->at += 2;
    return RT_OK;
}

static enum rt_status paced_read_of_second(struct rt_source *self, struct rt_batch *batch)
{
    enum rt_status status = paced_read(self, batch);

    for (size_t i = 0; i < batch->count; i++)
        batch->records[i].position.source = 1;
    return status;
}

/* A moment a round of all inputs, and once a gap. */
struct paced_clock {
    int64_t step_ms, gap_ms;
    int64_t looks_before_gap;
    int64_t looks;
};

static rt_time tell_paced_time(void *context)
{
    struct paced_clock *clock = context;
    int64_t look = clock->looks++;

    return (rt_time){1000000 + look / INPUTS * clock->step_ms +
                     (look >= clock->looks_before_gap ? clock->gap_ms : 0)};
}

static void open_paced(struct inputs *inputs, struct fixture *f, const char *const texts[INPUTS],
                       size_t batch_size, struct paced_clock *clock)
{
    assert_int_equal(open_fixture(f, ""), RT_OK);
    f->input.live = true;
    f->input.time.idle_timeout.ms = 1000;
    f->options.clock = tell_paced_time;
    f->options.clock_context = clock;
    open_inputs(inputs, f, texts, batch_size);
    inputs->lines[0].port.read = paced_read;
    inputs->lines[1].port.read = paced_read_of_second;
}

#define AT(ms) "{\"ts\":" #ms "}\n"

static void only_who_was_asked_and_had_nothing_is_silent(void **state)
{
    static const struct {
        const char *texts[INPUTS];
        struct paced_clock clock;
        uint64_t late;
    } cases[] = {
        /* Its records are there, but the other one is read first. */
        {{AT(10) AT(20) AT(30), AT(5) AT(15) AT(25)}, {1, 5000, 2, 0}, 0},
        /* The job stood still, and what was written meanwhile is on its way. */
        {{AT(10) AT(20) AT(30), AT(5) ".\n" AT(15)}, {1, 5000, 2, 0}, 0},
        {{AT(10) AT(20) AT(30), AT(5) ".\n" AT(15)}, {900, 5000, 2, 0}, 0},
        /* The same while the second one was asked for the first time. */
        {{AT(10) AT(20) AT(30), AT(40) AT(50) AT(60)}, {1, 5000, 1, 0}, 0},
        /* Silent for a second. */
        {{AT(10) AT(20) AT(30) AT(40) AT(50) AT(60) AT(70), AT(5) ".\n.\n.\n.\n.\n" AT(15)},
         {200, 0, 0, 0},
         1},
        {{AT(10) AT(20) AT(30) AT(40) AT(50) AT(60) AT(70), AT(5) ".\n.\n.\n.\n.\n" AT(15)},
         {199, 0, 0, 0},
         0},
        /* It has something, but it takes a while to come. */
        {{AT(10) AT(20) AT(30) AT(40) AT(50) AT(60) AT(70), AT(5) "+\n+\n+\n+\n+\n" AT(15)},
         {200, 0, 0, 0},
         0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct paced_clock clock = cases[i].clock;
        struct fixture f;
        struct inputs inputs;
        struct rt_job *job;

        open_paced(&inputs, &f, cases[i].texts, 1, &clock);
        assert_int_equal(run(&f, &job), RT_OK);
        if (rt_job_counters(job)->late != cases[i].late)
            fail_msg("case %zu: %llu late", i, (unsigned long long)rt_job_counters(job)->late);
        rt_job_free(job);
        close_inputs(&inputs);
        close_fixture(&f);
    }
}

/* One source is far ahead: without a brake all of it would wait.  It is not read meanwhile, which is no silence. */
static void a_source_that_is_ahead_waits_for_the_one_that_holds_back(void **state)
{
    enum { EVENTS = 2000 };
    struct paced_clock clock = {.step_ms = 10};
    struct rt_buffer texts[INPUTS];
    struct fixture f;
    struct inputs inputs;
    struct rt_job *job;

    (void)state;
    for (size_t i = 0; i < INPUTS; i++) {
        rt_buffer_init(&texts[i], 1 << 20);
        for (int k = 0; k < EVENTS; k++)
            rt_buffer_printf(&texts[i], "{\"ts\":%d}\n", i == 1 ? 1000000 + k : k);
    }
    rt_buffer_string(&texts[0], "{\"ts\":3000000}\n");

    const char *const lines[INPUTS] = {texts[0].data, texts[1].data};

    open_paced(&inputs, &f, lines, 8, &clock);
    f.options.waiting_bytes_max = 1 << 15;
    assert_int_equal(run(&f, &job), RT_OK);
    assert_int_equal(rt_job_counters(job)->accepted, 2 * EVENTS + 1);
    assert_int_equal(rt_job_counters(job)->late, 0);
    rt_job_free(job);
    close_inputs(&inputs);
    close_fixture(&f);
    for (size_t i = 0; i < INPUTS; i++)
        rt_buffer_done(&texts[i]);
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

/* ---- partitions that wait for their turn ---- */

/* Partition 0 has a backlog; the one record of partition 1 is newer. */
static enum rt_status backlog_read(struct rt_source *self, struct rt_batch *batch)
{
    struct line_source *source = (struct line_source *)self;
    enum rt_status status = line_read(self, batch);

    for (size_t i = 0; i < batch->count; i++)
        batch->records[i].position.partition = source->at == source->length || source->batches == 0;
    source->batches++;
    return status;
}

static void tell_of_partition_1(const struct rt_source *self, rt_waiting_fn *tell, void *context)
{
    if (((const struct line_source *)self)->at < ((const struct line_source *)self)->length)
        tell(context, 1);
}

static void a_partition_whose_records_wait_for_their_turn_is_not_silent(void **state)
{
    static const char lines[] = AT(5) AT(10) AT(20) AT(30) AT(40) AT(50) AT(60) AT(70) AT(15);

    (void)state;
    for (int waits = 0; waits < 2; waits++) {
        struct paced_clock clock = {.step_ms = 200};
        struct fixture f;
        struct rt_job *job;

        assert_int_equal(open_fixture(&f, lines), RT_OK);
        f.source.batch_size = 1;
        f.source.port.read = backlog_read;
        if (waits)
            f.source.port.waiting = tell_of_partition_1;
        f.input.live = f.input.time.per_partition = true;
        f.input.time.idle_timeout.ms = 500;
        f.options.clock = tell_paced_time;
        f.options.clock_context = &clock;
        assert_int_equal(run(&f, &job), RT_OK);
        assert_int_equal(rt_job_counters(job)->late, waits ? 0 : 1);
        rt_job_free(job);
        close_fixture(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_the_clock_time_goes_on_without_events_and_never_back),
        cmocka_unit_test(several_sources_are_merged_by_event_time),
        cmocka_unit_test(only_who_was_asked_and_had_nothing_is_silent),
        cmocka_unit_test(a_source_that_is_ahead_waits_for_the_one_that_holds_back),
        cmocka_unit_test(a_record_too_far_ahead_does_not_keep_the_others_from_being_acknowledged),
        cmocka_unit_test(a_partition_whose_records_wait_for_their_turn_is_not_silent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
