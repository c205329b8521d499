/* SPDX-License-Identifier: Apache-2.0 */
/* Who is silent: time that goes on without events, with given clocks and with a sink that really blocks. */
#include "tests/support/unit.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/alloc.h"
#include "tests/support/job_fixture.h"

#define AT(ms) "{\"ts\":" #ms "}\n"

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

/* A moment a round of all inputs; before the look with the number `gap_look` there is a gap. */
struct pace {
    int64_t step_ms, gap_ms;
    int64_t gap_look;
};

struct paced_clock {
    struct pace pace;
    int64_t inputs;
    int64_t looks;
    const struct memory_sink *output; /* in which nothing may wait for the next batch; NULL: any */
};

static rt_time tell_paced_time(void *context)
{
    struct paced_clock *clock = context;
    int64_t look = clock->looks++;

    if (clock->output != NULL)
        assert_int_equal(clock->output->unflushed, 0);
    return (rt_time){1000000 + look / clock->inputs * clock->pace.step_ms +
                     (look >= clock->pace.gap_look ? clock->pace.gap_ms : 0)};
}

static void set_clock(struct fixture *f, struct paced_clock *clock)
{
    f->input.live = true;
    f->input.time.idle_timeout.ms = 1000;
    f->options.clock = tell_paced_time;
    f->options.clock_context = clock;
}

static void open_paced(struct inputs *inputs, struct fixture *f, const char *const texts[INPUTS],
                       size_t batch_size, struct paced_clock *clock)
{
    clock->inputs = INPUTS;
    assert_int_equal(open_fixture(f, ""), RT_OK);
    set_clock(f, clock);
    open_inputs(inputs, f, texts, batch_size);
    inputs->lines[0].port.read = paced_read;
    inputs->lines[1].port.read = paced_read_of_second;
}

static void only_who_was_asked_and_had_nothing_is_silent(void **state)
{
    static const struct {
        const char *texts[INPUTS];
        struct pace pace;
        bool first_by_clock;
        uint64_t late;
    } cases[] = {
        /* Its records are there, but the other one is read first. */
        {{AT(10) AT(20) AT(30), AT(5) AT(15) AT(25)}, {1, 5000, 2}, false, 0},
        /* The job stood still, and what was written meanwhile is on its way. */
        {{AT(10) AT(20) AT(30), AT(5) ".\n" AT(15)}, {1, 5000, 2}, false, 0},
        {{AT(10) AT(20) AT(30), AT(5) ".\n" AT(15)}, {900, 5000, 2}, false, 0},
        /* Within the first round, and within another one. */
        {{AT(10) AT(20) AT(30), AT(100) AT(200) AT(300)}, {1, 5000, 1}, false, 0},
        {{AT(10) AT(20) AT(30), AT(100) AT(200) AT(300)}, {1, 5000, 3}, false, 0},
        /* The clock is the time of some events only. */
        {{"{}\n{}\n{}\n", AT(1000005) ".\n" AT(1000020)}, {1, 5000, 2}, true, 0},
        /* Silent for a second. */
        {{AT(10) AT(20) AT(30) AT(40) AT(50) AT(60) AT(70), AT(5) ".\n.\n.\n.\n.\n" AT(15)},
         {200, 0, 0},
         false,
         1},
        {{AT(10) AT(20) AT(30) AT(40) AT(50) AT(60) AT(70), AT(5) ".\n.\n.\n.\n.\n" AT(15)},
         {199, 0, 0},
         false,
         0},
        /* It has something, but it takes a while to come. */
        {{AT(10) AT(20) AT(30) AT(40) AT(50) AT(60) AT(70), AT(5) "+\n+\n+\n+\n+\n" AT(15)},
         {200, 0, 0},
         false,
         0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct paced_clock clock = {.pace = cases[i].pace};
        struct fixture f;
        struct inputs inputs;
        struct rt_job *job;

        open_paced(&inputs, &f, cases[i].texts, 1, &clock);
        inputs.sources[0].by_clock = cases[i].first_by_clock;
        assert_int_equal(run(&f, &job), RT_OK);
        assert_int_equal(rt_job_counters(job)->rejected, 0);
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
    struct paced_clock clock = {.pace.step_ms = 10};
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

/* All are silent: time goes on with the clock, but for most of the gap, and what it makes does not wait for the next event. */
static void when_all_are_silent_time_goes_on_by_what_the_job_has_seen(void **state)
{
    struct paced_clock clock = {.pace = {100, 5000, 12}, .inputs = 1};
    struct fixture f;
    struct rt_job *job;

    (void)state;
    assert_int_equal(open_fixture(&f, AT(10) ".\n.\n.\n.\n.\n.\n.\n.\n.\n.\n.\n.\n.\n" AT(2000)),
                     RT_OK);
    set_clock(&f, &clock);
    clock.output = &f.output;
    f.source.batch_size = 1;
    f.source.port.read = paced_read;
    f.scribe.tells_time = true;
    f.scribe.tells = &f.output.port;
    assert_int_equal(run(&f, &job), RT_OK);
    assert_string_equal(text_of(&f.scribe.log), "p10#0 w1009 w1109 w1309 w1409 p2000#1 end");
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

static enum rt_status backlog_read_in_haste(struct rt_source *self, struct rt_batch *batch)
{
    enum rt_status status = backlog_read(self, batch);

    batch->more = status == RT_OK;
    return status;
}

static void tell_of_partition_1(const struct rt_source *self, rt_waiting_fn *tell, void *context)
{
    if (((const struct line_source *)self)->at < ((const struct line_source *)self)->length)
        tell(context, 1);
}

static void tell_of_nobody(const struct rt_source *self, rt_waiting_fn *tell, void *context)
{
    (void)self;
    (void)tell;
    (void)context;
}

static void a_partition_whose_records_wait_for_their_turn_is_not_silent(void **state)
{
    static const char lines[] = AT(5) AT(10) AT(20) AT(30) AT(40) AT(50) AT(60) AT(70) AT(15);
    static const struct {
        enum rt_status (*read)(struct rt_source *source, struct rt_batch *batch);
        void (*waiting)(const struct rt_source *source, rt_waiting_fn *tell, void *context);
        uint64_t late;
    } cases[] = {
        {backlog_read, NULL, 1},
        {backlog_read, tell_of_partition_1, 0},
        {backlog_read_in_haste, NULL, 0},
        {backlog_read_in_haste, tell_of_partition_1, 0},
        {backlog_read_in_haste, tell_of_nobody, 1}, /* there is more, but not of this one */
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct paced_clock clock = {.pace.step_ms = 100, .inputs = 1};
        struct fixture f;
        struct rt_job *job;

        assert_int_equal(open_fixture(&f, lines), RT_OK);
        set_clock(&f, &clock);
        f.source.batch_size = 1;
        f.source.port.read = cases[i].read;
        f.source.port.waiting = cases[i].waiting;
        f.input.time.per_partition = true;
        f.input.time.idle_timeout.ms = 500;
        assert_int_equal(run(&f, &job), RT_OK);
        if (rt_job_counters(job)->late != cases[i].late)
            fail_msg("case %zu: %llu late", i, (unsigned long long)rt_job_counters(job)->late);
        rt_job_free(job);
        close_fixture(&f);
    }
}

/* ---- a pipe that nobody reads for an hour ---- */

enum { RECORD_BYTES = 2 << 20, HOUR_MS = 3600000 }; /* a record is larger than a pipe may be */

struct slow_reader {
    int from;
    _Atomic int64_t ms; /* that have passed */
    size_t bytes;
};

/* The first bytes are here, so who writes them waits for the rest to go. */
static void *read_an_hour_later(void *context)
{
    struct slow_reader *reader = context;
    struct pollfd pipe = {.fd = reader->from, .events = POLLIN};
    char piece[4096];
    ssize_t got;

    (void)poll(&pipe, 1, -1);
    atomic_fetch_add(&reader->ms, HOUR_MS);
    while ((got = read(reader->from, piece, sizeof(piece))) > 0)
        reader->bytes += (size_t)got;
    return NULL;
}

static rt_time tell_slow_time(void *context)
{
    const struct slow_reader *reader = context;

    return (rt_time){1000000 + atomic_load(&reader->ms)};
}

static enum rt_status push_to_pipe(struct rt_operator *self, const struct rt_event *event)
{
    struct rt_buffer record;
    enum rt_status status;

    if (rt_event_at(event, 1).type != RT_STRING)
        return scribe_push(self, event);
    rt_buffer_init(&record, RECORD_BYTES);
    for (size_t i = 0; i < RECORD_BYTES - 1; i++)
        rt_buffer_char(&record, 'x');
    status = rt_sink_write(self->emit_context, rt_buffer_view(&record));
    rt_buffer_done(&record);
    return status == RT_OK ? scribe_push(self, event) : status;
}

static void open_pipe(struct slow_reader *reader, pthread_t *thread, struct rt_sink **out)
{
    struct rt_buffer message;
    int ends[2];
    char path[32];

    assert_int_equal(pipe(ends), 0);
    snprintf(path, sizeof(path), "/dev/fd/%d", ends[1]);
    rt_buffer_init(&message, 1 << 16);
    assert_int_equal(rt_sink_file_new(path, true, &message, out), RT_OK);
    rt_buffer_done(&message);
    close(ends[1]);
    *reader = (struct slow_reader){.from = ends[0]};
    assert_int_equal(pthread_create(thread, NULL, read_an_hour_later, reader), 0);
}

/* The record goes out while the first source, or the second, is read; what they have had for the whole hour comes afterwards. */
static void a_sink_that_blocks_makes_nobody_silent(void **state)
{
    static const char *const texts[][INPUTS] = {
        {"{\"ts\":5,\"user\":\"x\"}\n" AT(15) AT(25) AT(35), AT(10) AT(100) AT(200)},
        {AT(10) AT(20) AT(30) AT(40), "{\"ts\":5,\"user\":\"x\"}\n" AT(11) ".\n" AT(35)},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct paced_clock clock = {0};
        struct fixture f;
        struct inputs inputs;
        struct slow_reader reader;
        pthread_t thread;
        struct rt_sink *sink;
        struct rt_job *job;

        open_paced(&inputs, &f, texts[i], 1, &clock);
        open_pipe(&reader, &thread, &sink);
        f.options.clock = tell_slow_time;
        f.options.clock_context = &reader;
        f.scribe.port.push = push_to_pipe;
        f.scribe.port.emit_context = f.outputs[0] = sink;
        assert_int_equal(run(&f, &job), RT_OK);
        assert_int_equal(rt_job_counters(job)->late, 0);
        rt_sink_free(sink);
        assert_int_equal(pthread_join(thread, NULL), 0);
        close(reader.from);
        assert_true(reader.bytes > RECORD_BYTES - 1);
        rt_job_free(job);
        close_inputs(&inputs);
        close_fixture(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_who_was_asked_and_had_nothing_is_silent),
        cmocka_unit_test(a_source_that_is_ahead_waits_for_the_one_that_holds_back),
        cmocka_unit_test(when_all_are_silent_time_goes_on_by_what_the_job_has_seen),
        cmocka_unit_test(a_partition_whose_records_wait_for_their_turn_is_not_silent),
        cmocka_unit_test(a_sink_that_blocks_makes_nobody_silent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
