/* SPDX-License-Identifier: Apache-2.0 */
/* The loop from records to the operator: rejects, order, counters, ends of all kinds. */
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

#include "runtime/base/alloc.h"
#include "runtime/job/job.h"
#include "tests/support/seeded.h"

enum { RECORDS_MAX = 3000 };

/* ---- a source of lines, in batches of any size ---- */

struct line_source {
    struct rt_source port; /* first */
    const char *text;      /* lines, padded */
    size_t length, at;
    size_t batch_size;
    size_t fail_after; /* batches; 0: never */
    size_t pause_at;   /* that batch is empty; 0: none is */
    size_t batches;
};

static enum rt_status line_read(struct rt_source *self, struct rt_batch *batch)
{
    struct line_source *source = (struct line_source *)self;

    batch->count = 0;
    if (source->fail_after != 0 && source->batches++ == source->fail_after)
        return RT_ERR_IO;
    if (source->pause_at != 0 && --source->pause_at == 0)
        return RT_OK;
    while (batch->count < source->batch_size && source->at < source->length) {
        const char *line = source->text + source->at;
        size_t length = strcspn(line, "\n");

        batch->records[batch->count++] =
            (struct rt_record){.data = line,
                               .length = (uint32_t)length,
                               .bytes = length,
                               .too_long = length > 2 && memcmp(line, "LONG", 4) == 0,
                               .position = {.offset = source->at}};
        source->at += length + 1;
    }
    return batch->count == 0 ? RT_END : RT_OK;
}

static const char *line_error(const struct rt_source *self)
{
    (void)self;
    return "the disk is on fire";
}

/* ---- a sink in memory ---- */

struct memory_sink {
    struct rt_sink port; /* first */
    struct rt_buffer text;
    size_t flushes;
    enum rt_status answer;
};

static enum rt_status memory_write(struct rt_sink *self, const struct rt_sink_record *record)
{
    struct memory_sink *sink = (struct memory_sink *)self;

    rt_buffer_text(&sink->text, record->value);
    rt_buffer_char(&sink->text, '\n');
    if (sink->text.failed)
        return RT_ERR_NOMEM;
    return sink->answer;
}

static enum rt_status memory_flush(struct rt_sink *self)
{
    struct memory_sink *sink = (struct memory_sink *)self;

    sink->flushes++;
    return sink->answer;
}

static const char *memory_error(const struct rt_sink *self)
{
    (void)self;
    return "no room on the device";
}

static const struct rt_sink memory_port = {
    .write = memory_write, .flush = memory_flush, .error = memory_error};

/* ---- an operator that writes down what it gets ---- */

struct scribe {
    struct rt_operator port; /* first */
    struct rt_buffer log;
    struct rt_job *stops;  /* asked to end at the first push */
    bool tells_time;       /* watermarks too */
    enum rt_status answer; /* to a push */
    size_t prepared;
    bool is_at_work; /* until it is settled */
};

static enum rt_status scribe_push(struct rt_operator *self, const struct rt_event *event)
{
    struct scribe *scribe = (struct scribe *)self;
    struct rt_value user = rt_event_at(event, 1);

    scribe->is_at_work = true;
    rt_buffer_printf(&scribe->log, "p%lld#%llu", (long long)event->time.ms,
                     (unsigned long long)event->sequence);
    if (user.type == RT_STRING)
        rt_buffer_text(&scribe->log, rt_value_text(user));
    rt_buffer_char(&scribe->log, ' ');
    if (scribe->stops != NULL)
        rt_job_stop(scribe->stops);
    return scribe->log.failed ? RT_ERR_NOMEM : scribe->answer;
}

static enum rt_status scribe_late(struct rt_operator *self, const struct rt_event *event)
{
    struct scribe *scribe = (struct scribe *)self;

    rt_buffer_printf(&scribe->log, "l%lld#%llu ", (long long)event->time.ms,
                     (unsigned long long)event->sequence);
    return scribe->log.failed ? RT_ERR_NOMEM : RT_OK;
}

static enum rt_status scribe_advance(struct rt_operator *self, rt_time watermark)
{
    struct scribe *scribe = (struct scribe *)self;

    scribe->is_at_work = true;
    if (watermark.ms == RT_TIME_MAX.ms)
        rt_buffer_string(&scribe->log, "end");
    else if (scribe->tells_time)
        rt_buffer_printf(&scribe->log, "w%lld ", (long long)watermark.ms);
    return scribe->log.failed ? RT_ERR_NOMEM : RT_OK;
}

static enum rt_status scribe_settle(struct rt_operator *self)
{
    ((struct scribe *)self)->is_at_work = false;
    return RT_OK;
}

static void scribe_prepare(struct rt_operator *self, const struct rt_event *const *events,
                           size_t count)
{
    for (size_t i = 1; i < count; i++)
        assert_true(events[i - 1]->sequence < events[i]->sequence);
    ((struct scribe *)self)->prepared += count;
}

/* ---- all of it ---- */

struct fixture {
    struct rt_fields *fields;
    struct rt_codec *codec;
    struct line_source source;
    struct memory_sink output, dead_letter;
    struct scribe scribe;
    struct rt_sink *outputs[1];
    struct rt_job_source input;
    struct rt_job_options options;
    char *text;
};

static enum rt_status open_fixture(struct fixture *f, const char *lines)
{
    static const char *const names[] = {"ts", "user", "list"};
    size_t length = strlen(lines);
    rt_field_id ids[COUNT_OF(names)];

    *f = (struct fixture){0};
    rt_buffer_init(&f->scribe.log, 1 << 20);
    rt_buffer_init(&f->output.text, 1 << 20);
    rt_buffer_init(&f->dead_letter.text, 1 << 20);
    f->output.port = f->dead_letter.port = memory_port;
    f->scribe.port = (struct rt_operator){.push = scribe_push,
                                          .late = scribe_late,
                                          .advance = scribe_advance,
                                          .settle = scribe_settle,
                                          .prepare = scribe_prepare};
    f->text = rt_alloc_zeroed(1, length + RT_RECORD_PADDING);
    if (f->text == NULL || rt_fields_new(&f->fields) != RT_OK)
        return RT_ERR_NOMEM;
    memcpy(f->text, lines, length);
    f->source = (struct line_source){.port = {.read = line_read, .error = line_error},
                                     .text = f->text,
                                     .length = length,
                                     .batch_size = RT_BATCH_RECORDS_MAX};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct rt_text name = rt_text_of(names[i]);

        if (rt_fields_add(f->fields, &name, 1, true, &ids[i]) != RT_OK)
            return RT_ERR_NOMEM;
    }
    rt_fields_seal(f->fields);
    if (rt_codec_json_new(f->fields, &f->codec) != RT_OK)
        return RT_ERR_NOMEM;
    f->outputs[0] = &f->output.port;
    f->input = (struct rt_job_source){.source = &f->source.port,
                                      .name = "input",
                                      .codec = f->codec,
                                      .time_slot = rt_fields_slot(f->fields, ids[0])};
    f->options = (struct rt_job_options){.sources = &f->input,
                                         .source_count = 1,
                                         .fields = f->fields,
                                         .target = &f->scribe.port,
                                         .dead_letter = &f->dead_letter.port,
                                         .outputs = f->outputs,
                                         .output_count = 1};
    return RT_OK;
}

static void close_fixture(struct fixture *f)
{
    if (f->codec != NULL)
        f->codec->free(f->codec);
    rt_fields_free(f->fields);
    rt_buffer_done(&f->scribe.log);
    rt_buffer_done(&f->output.text);
    rt_buffer_done(&f->dead_letter.text);
    rt_free(f->text);
}

static const char *text_of(const struct rt_buffer *buffer)
{
    return buffer->length == 0 ? "" : buffer->data;
}

/* Runs and checks that every record is accounted for and that nobody is at work any more; the caller frees the job. */
static enum rt_status run(struct fixture *f, struct rt_job **out)
{
    struct rt_job *job;

    assert_int_equal(rt_job_new(&f->options, &job), RT_OK);

    enum rt_status status = rt_job_run(job);
    const struct rt_job_counters *counters = rt_job_counters(job);
    uint64_t by_reason = 0;

    for (size_t i = 0; i < RT_REJECT_COUNT; i++)
        by_reason += counters->rejected_by[i];
    assert_int_equal(counters->rejected, by_reason);
    assert_false(f->scribe.is_at_work);
    if (status == RT_OK)
        assert_int_equal(counters->read, counters->accepted + counters->rejected);
    *out = job;
    return status;
}

/* ---- processing time ---- */

struct given_clock {
    const int64_t *times;
    size_t next;
};

static rt_time tell_time(void *context)
{
    struct given_clock *clock = context;

    return (rt_time){clock->times[clock->next++]};
}

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

/* ---- rejects ---- */

static void a_record_that_is_no_event_is_counted_and_kept_with_its_reason(void **state)
{
    static const struct {
        const char *line;
        enum rt_reject reject;
        bool raw_text;
    } cases[] = {
        {"{\"ts\":1,\"user\":", RT_REJECT_BAD_JSON, true},
        {"{\"ts\":1} x", RT_REJECT_BAD_JSON, true},
        {"hello", RT_REJECT_BAD_JSON, true},
        {"[1]", RT_REJECT_NOT_OBJECT, true},
        {"{\"ts\":1,\"user\":\"\xff\"}", RT_REJECT_BAD_UTF8, false},
        {"{\"ts\":1,\"user\":\"a\",\"user\":\"b\"}", RT_REJECT_DUPLICATE_FIELD, true},
        {"{\"ts\":1e999}", RT_REJECT_BAD_NUMBER, true},
        {"LONG", RT_REJECT_TOO_LARGE, true},
        {"{}", RT_REJECT_NO_TIME, true},
        {"{\"ts\":null}", RT_REJECT_NO_TIME, true},
        {"{\"ts\":true}", RT_REJECT_BAD_TIME, true},
        {"{\"ts\":\"\"}", RT_REJECT_BAD_TIME, true},
        {"{\"ts\":\"yesterday\"}", RT_REJECT_BAD_TIME, true},
        {"{\"ts\":\"2026-02-30T00:00:00Z\"}", RT_REJECT_BAD_TIME, true},
        {"{\"ts\":{\"x\":1}}", RT_REJECT_BAD_TIME, true},
        {"{\"ts\":1.5}", RT_REJECT_BAD_TIME, true},
        {"{\"ts\":9223372036854775807}", RT_REJECT_TIME_RANGE, true},
        {"{\"ts\":-1e300}", RT_REJECT_TIME_RANGE, true},
        {"{\"ts\":\"9999-12-31T23:59:59.999-00:01\"}", RT_REJECT_TIME_RANGE, true},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fixture f;
        struct rt_job *job;
        char lines[256], expected[64];

        /* Good ones around it: it must not disturb them. */
        snprintf(lines, sizeof(lines),
                 "{\"ts\":5,\"user\":\"a\"}\n%s\n{\"ts\":7,\"user\":\"b\\n\"}\n", cases[i].line);
        assert_int_equal(open_fixture(&f, lines), RT_OK);
        assert_int_equal(run(&f, &job), RT_OK);
        assert_string_equal(text_of(&f.scribe.log), "p5#0a p7#2b\n end");
        assert_int_equal(rt_job_counters(job)->rejected, 1);
        if (rt_job_counters(job)->rejected_by[cases[i].reject] != 1)
            fail_msg("%s: %s", cases[i].line, text_of(&f.dead_letter.text));
        snprintf(expected, sizeof(expected), "\"reason\":\"%s\"", rt_reject_name(cases[i].reject));
        assert_non_null(strstr(text_of(&f.dead_letter.text), expected));
        assert_non_null(strstr(text_of(&f.dead_letter.text),
                               "\"source\":\"input\",\"partition\":0,\"offset\":20,"));
        assert_non_null(strstr(text_of(&f.dead_letter.text),
                               cases[i].raw_text ? "\"raw\":\"" : "\"raw_base64\":\""));
        assert_string_equal(rt_job_error(job), "");
        rt_job_free(job);
        close_fixture(&f);
    }
}

static void without_a_dead_letter_sink_rejects_are_counted_only(void **state)
{
    struct fixture f;
    struct rt_job *job;

    (void)state;
    assert_int_equal(open_fixture(&f, "x\n{\"ts\":1}\n\x01\n"), RT_OK);
    f.options.dead_letter = NULL;
    assert_int_equal(run(&f, &job), RT_OK);
    assert_int_equal(rt_job_counters(job)->rejected, 2);
    assert_int_equal(rt_job_counters(job)->read, 3);
    assert_int_equal(rt_job_counters(job)->bytes, 1 + 8 + 1);
    assert_string_equal(text_of(&f.scribe.log), "p1#1 end");
    rt_job_free(job);
    close_fixture(&f);
}

static void stop_on_reject_ends_behind_what_came_before(void **state)
{
    struct fixture f;
    struct rt_job *job;

    (void)state;
    assert_int_equal(open_fixture(&f, "{\"ts\":1}\n{\"ts\":2}\n{\"ts\":\n{\"ts\":3}\n"), RT_OK);
    f.input.stop_on_reject = true;
    assert_int_equal(run(&f, &job), RT_ERR_DATA);
    assert_string_equal(text_of(&f.scribe.log), "p1#0 p2#1 ");
    assert_non_null(strstr(rt_job_error(job), "input, partition 0, offset 18: bad_json"));
    assert_non_null(strstr(text_of(&f.dead_letter.text), "bad_json"));
    rt_job_free(job);
    close_fixture(&f);
}

static void a_live_job_refuses_what_lies_too_far_in_the_future(void **state)
{
    static const char lines[] =
        "{\"ts\":\"2020-01-01T00:00:00Z\"}\n{\"ts\":\"9000-01-01T00:00:00Z\"}\n"
        "{\"ts\":\"2020-01-01T00:00:01Z\"}\n";

    (void)state;
    for (int live = 0; live < 2; live++) {
        struct fixture f;
        struct rt_job *job;

        assert_int_equal(open_fixture(&f, lines), RT_OK);
        f.input.time.future_limit.ms = 600000;
        f.input.live = live;
        assert_int_equal(run(&f, &job), RT_OK);
        assert_int_equal(rt_job_counters(job)->rejected_by[RT_REJECT_FUTURE], live);
        assert_int_equal(rt_job_counters(job)->late, !live);
        assert_int_equal(strstr(text_of(&f.dead_letter.text), "too_far_in_future") != NULL, live);
        rt_job_free(job);
        close_fixture(&f);
    }
}

/* ---- order ---- */

/* Lines with times in disorder, some bad; the same for the same seed. */
static void random_lines(struct rt_buffer *out, uint64_t seed)
{
    struct seeded random = seeded_from(seed);

    rt_buffer_init(out, 1 << 20);
    for (int i = 0; i < RECORDS_MAX; i++) {
        uint32_t kind = seeded_below(&random, 50);

        if (kind == 0)
            rt_buffer_string(out, "nonsense\n");
        else if (kind == 1)
            rt_buffer_string(out, "{\"user\":\"nobody\"}\n");
        else
            rt_buffer_printf(out, "{\"ts\":%u,\"user\":\"u\\t%u\"}\n",
                             (unsigned)i * 3 + seeded_below(&random, 400), kind);
    }
    assert_false(out->failed);
}

static bool every_fifth(void *context, const struct rt_event *event)
{
    ++*(size_t *)context;
    return event->time.ms % 5 == 0;
}

static void every_batch_size_gives_the_same_output(void **state)
{
    static const size_t batch_sizes[] = {1, 2, 3, 63, 64, 65, 100, 255, 256};
    static const int64_t bounds[] = {0, 1, 100, 500};
    struct rt_buffer lines, expected;

    (void)state;
    random_lines(&lines, 5);
    rt_buffer_init(&expected, 1 << 20);
    for (size_t bound = 0; bound < 2 * COUNT_OF(bounds); bound++) {
        rt_buffer_reset(&expected);
        for (size_t i = 0; i < COUNT_OF(batch_sizes); i++) {
            struct fixture f;
            struct rt_job *job;
            size_t asked = 0;

            assert_int_equal(open_fixture(&f, lines.data), RT_OK);
            f.source.batch_size = batch_sizes[i];
            f.input.time.out_of_orderness.ms = bounds[bound / 2];
            f.options.measure = i % 2;
            if (bound % 2 == 1) {
                f.input.time.punctuated = true;
                f.input.punctuation = every_fifth;
                f.input.punctuation_context = &asked;
            }
            assert_int_equal(run(&f, &job), RT_OK);
            assert_int_equal(asked, bound % 2 * rt_job_counters(job)->accepted);
            assert_true(f.scribe.prepared > 0);
            assert_int_equal(rt_job_counters(job)->held, 0);
            rt_buffer_text(&f.scribe.log, rt_buffer_view(&f.dead_letter.text));
            assert_false(f.scribe.log.failed);
            if (i == 0)
                rt_buffer_text(&expected, rt_buffer_view(&f.scribe.log));
            assert_string_equal(text_of(&f.scribe.log), text_of(&expected));
            rt_job_free(job);
            close_fixture(&f);
        }
    }
    rt_buffer_done(&lines);
    rt_buffer_done(&expected);
}

static void what_the_watermark_has_not_passed_is_held_if_the_end_stays_open(void **state)
{
    struct fixture f;
    struct rt_job *job;

    (void)state;
    assert_int_equal(open_fixture(&f, "{\"ts\":10}\n{\"ts\":30}\n{\"ts\":20}\n{\"ts\":31}\n"),
                     RT_OK);
    f.options.keep_open = true;
    f.input.time.out_of_orderness.ms = 10;
    assert_int_equal(run(&f, &job), RT_OK);
    assert_string_equal(text_of(&f.scribe.log), "p10#0 p20#2 ");
    assert_int_equal(rt_job_counters(job)->held, 2);
    assert_int_equal(rt_job_counters(job)->accepted, 4);
    assert_int_equal(rt_job_counters(job)->out_of_order, 1);
    assert_int_equal(rt_job_watermark(job).ms, 20);
    rt_job_free(job);
    close_fixture(&f);
}

/* ---- ends of all kinds ---- */

static void outputs_are_flushed_when_input_runs_dry_and_at_the_end(void **state)
{
    struct fixture f;
    struct rt_job *job;

    (void)state;
    assert_int_equal(open_fixture(&f, "{\"ts\":1}\n{\"ts\":2}\n{\"ts\":3}\n"), RT_OK);
    f.source.batch_size = 2;
    assert_int_equal(run(&f, &job), RT_OK);
    assert_int_equal(f.output.flushes, 4); /* two short batches, the empty one, the end */
    assert_int_equal(f.dead_letter.flushes, 4);
    rt_job_free(job);
    close_fixture(&f);
}

static void a_job_that_is_stopped_ends_after_the_batch_without_a_final_watermark(void **state)
{
    struct fixture f;
    struct rt_job *job;

    (void)state;
    assert_int_equal(open_fixture(&f, "{\"ts\":1}\n{\"ts\":2}\n{\"ts\":3}\n"), RT_OK);
    f.source.batch_size = 2;
    assert_int_equal(rt_job_new(&f.options, &job), RT_OK);
    f.scribe.stops = job;
    assert_int_equal(rt_job_run(job), RT_OK);
    assert_string_equal(text_of(&f.scribe.log), "p1#0 p2#1 ");
    assert_int_equal(rt_job_counters(job)->read, 2);
    rt_job_free(job);
    close_fixture(&f);
}

static void errors_come_back_in_words(void **state)
{
    static const struct {
        size_t source_fails_after;
        size_t waiting_max;
        enum rt_status operator_answer, output_answer, dead_letter_answer;
        enum rt_status status;
        const char *error;
    } cases[] = {
        {1, 0, RT_OK, RT_OK, RT_OK, RT_ERR_IO, "the disk is on fire"},
        {0, 0, RT_OK, RT_ERR_IO, RT_OK, RT_ERR_IO, "no room on the device"},
        {0, 0, RT_OK, RT_OK, RT_ERR_IO, RT_ERR_IO, "no room on the device"},
        {0, 0, RT_OK, RT_END, RT_OK, RT_END, ""},
        {0, 0, RT_OK, RT_OK, RT_END, RT_END, ""},
        {0, 0, RT_END, RT_OK, RT_OK, RT_END, ""},
        {0, 0, RT_ERR_LIMIT, RT_OK, RT_OK, RT_ERR_LIMIT, "a configured limit was reached"},
        {0, 0, RT_ERR_DATA, RT_OK, RT_OK, RT_ERR_DATA, "the data is not valid"},
        {0, 1, RT_OK, RT_OK, RT_OK, RT_ERR_LIMIT, "more events wait for the watermark than"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fixture f;
        struct rt_job *job;

        assert_int_equal(open_fixture(&f, "{\"ts\":1}\nx\n{\"ts\":2}\n"), RT_OK);
        f.source.batch_size = 2;
        f.source.fail_after = cases[i].source_fails_after;
        f.scribe.answer = cases[i].operator_answer;
        f.output.answer = cases[i].output_answer;
        f.dead_letter.answer = cases[i].dead_letter_answer;
        f.options.waiting_bytes_max = cases[i].waiting_max;
        f.input.time.out_of_orderness.ms = cases[i].waiting_max == 0 ? 0 : 10;
        assert_int_equal(run(&f, &job), cases[i].status);
        assert_true(strstr(rt_job_error(job), cases[i].error) == rt_job_error(job));
        assert_int_equal(rt_job_error(job)[0] == '\0', cases[i].error[0] == '\0');
        rt_job_free(job);
        close_fixture(&f);
    }
}

static void records_that_need_much_memory_share_no_group(void **state)
{
    enum { RECORDS = 20, ITEMS = 300000 };
    struct rt_buffer lines;
    struct fixture f;
    struct rt_job *job;

    (void)state;
    rt_buffer_init(&lines, (size_t)64 << 20);
    for (int i = 0; i < RECORDS; i++) {
        rt_buffer_printf(&lines, "{\"ts\":%d,\"list\":[0", i);
        for (int item = 1; item < ITEMS; item++)
            rt_buffer_string(&lines, ",1");
        rt_buffer_string(&lines, "]}\n");
    }
    assert_false(lines.failed);
    assert_int_equal(open_fixture(&f, lines.data), RT_OK);
    assert_int_equal(run(&f, &job), RT_OK);
    assert_int_equal(rt_job_counters(job)->accepted, RECORDS);
    rt_job_free(job);
    close_fixture(&f);
    rt_buffer_done(&lines);
}

static void a_measured_job_says_where_the_time_went(void **state)
{
    struct rt_buffer lines;
    struct fixture f;
    struct rt_job *job;

    (void)state;
    random_lines(&lines, 6);
    assert_int_equal(open_fixture(&f, lines.data), RT_OK);
    f.options.measure = true;
    assert_int_equal(run(&f, &job), RT_OK);
    assert_non_null(rt_job_stages(job));
    assert_true(rt_job_stages(job)->records > 0);
    assert_true(rt_job_stages(job)->records < RECORDS_MAX);
    assert_true(rt_job_stages(job)->ns[RT_STAGE_DECODE] > 0);
    assert_string_equal(rt_stage_name(RT_STAGE_PUSH), "push");
    rt_job_free(job);
    f.options.measure = false;
    assert_int_equal(rt_job_new(&f.options, &job), RT_OK);
    assert_null(rt_job_stages(job));
    rt_job_free(job);
    close_fixture(&f);
    rt_buffer_done(&lines);
}

static void without_memory_the_job_says_so_and_leaves_nothing_behind(void **state)
{
    size_t blocks = rt_live_blocks();
    bool fired = true;

    (void)state;
    for (size_t nth = 1; fired; nth++) {
        struct fixture f;
        struct rt_job *job = NULL;
        enum rt_status status;

        rt_fault_arm(nth);
        status = open_fixture(&f, "{\"ts\":3,\"user\":\"a\\tb\"}\n{\"ts\":1,\"list\":[[1],{}]}\nx\n"
                                  "{\"ts\":2}\n{\"ts\":9}\n");
        if (status == RT_OK) {
            f.input.time.out_of_orderness.ms = 5;
            status = rt_job_new(&f.options, &job);
        }
        if (status == RT_OK)
            status = rt_job_run(job);
        fired = rt_fault_disarm();
        /* Scratch memory that was missing may be there for the next group. */
        assert_true(status == RT_OK || (fired && status == RT_ERR_NOMEM));
        if (status == RT_OK)
            assert_string_equal(text_of(&f.scribe.log), "p1#1 p2#3 p3#0a\tb p9#4 end");
        rt_job_free(job);
        close_fixture(&f);
        assert_int_equal(rt_live_blocks(), blocks);
    }
}

/* ---- several sources ---- */

enum { INPUTS = 2 };

struct inputs {
    struct line_source lines[INPUTS];
    struct rt_job_source sources[INPUTS];
    char *texts[INPUTS];
};

static enum rt_status line_read_of_second(struct rt_source *self, struct rt_batch *batch)
{
    enum rt_status status = batch->paused ? RT_OK : line_read(self, batch);

    if (batch->paused)
        batch->count = 0;
    for (size_t i = 0; i < batch->count; i++)
        batch->records[i].position.source = 1;
    return status;
}

static void open_inputs(struct inputs *inputs, struct fixture *f, const char *const texts[INPUTS],
                        size_t batch_size)
{
    *inputs = (struct inputs){.lines = {[0] = f->source}};
    for (size_t i = 0; i < INPUTS; i++) {
        size_t length = strlen(texts[i]);

        inputs->texts[i] = rt_alloc_zeroed(1, length + RT_RECORD_PADDING);
        memcpy(inputs->texts[i], texts[i], length);
        inputs->lines[i] = (struct line_source){
            .port = {.read = i == 0 ? line_read : line_read_of_second, .error = line_error},
            .text = inputs->texts[i],
            .length = length,
            .batch_size = batch_size};
        inputs->sources[i] = f->input;
        inputs->sources[i].source = &inputs->lines[i].port;
        inputs->sources[i].name = i == 0 ? "first" : "second";
    }
    f->options.sources = inputs->sources;
    f->options.source_count = INPUTS;
}

static void close_inputs(struct inputs *inputs)
{
    for (size_t i = 0; i < INPUTS; i++)
        rt_free(inputs->texts[i]);
}

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

/* ---- what the transport brings ---- */

static enum rt_status stamped_read(struct rt_source *self, struct rt_batch *batch)
{
    static const struct rt_record_header headers[] = {{{"who", 3}, {"old", 3}},
                                                      {{"who", 3}, {"me", 2}}};
    enum rt_status status = line_read(self, batch);

    for (size_t i = 0; i < batch->count; i++) {
        batch->records[i].has_stamp = true;
        batch->records[i].stamp = (rt_time){1000 + (int64_t)i};
        batch->records[i].headers = headers;
        batch->records[i].header_count = COUNT_OF(headers);
        batch->records[i].key = i == 0 ? RT_TEXT("k") : (struct rt_text){NULL, 0};
        batch->records[i].is_absent = i == 3;
    }
    return status;
}

static void records_bring_time_key_and_headers(void **state)
{
    static const struct {
        bool from_record, if_none, key;
        const char *log;
        uint64_t rejected;
    } cases[] = {
        {true, false, false, "p1000#0me p1001#1me p1002#2me end", 1},
        {true, false, true, "p1000#0k p1001#1 p1002#2 end", 1},
        {false, true, false, "p1001#1me p1002#2me p5000#0me end", 1},
        {false, false, false, "p5000#0me end", 3},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fixture f;
        struct rt_job *job;
        rt_slot user;

        assert_int_equal(open_fixture(&f, "{\"ts\":5000,\"user\":\"x\"}\n{}\n{}\n{}\n"), RT_OK);
        user = rt_fields_find(f.fields, &RT_TEXT("user"), 1);

        struct rt_job_field field = {
            .slot = user, .part = cases[i].key ? RT_PART_KEY : RT_PART_HEADER, .header = "who"};

        f.source.port.read = stamped_read;
        f.input.fields = &field;
        f.input.field_count = 1;
        f.input.stamp_if_none = cases[i].if_none;
        f.input.time.out_of_orderness.ms = 10000;
        if (cases[i].from_record)
            f.input.time_slot = RT_NO_SLOT;
        assert_int_equal(run(&f, &job), RT_OK);
        assert_string_equal(text_of(&f.scribe.log), cases[i].log);
        assert_int_equal(rt_job_counters(job)->rejected, cases[i].rejected);
        assert_int_equal(rt_job_counters(job)->rejected_by[RT_REJECT_NO_VALUE], 1);
        rt_job_free(job);
        close_fixture(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_the_clock_time_goes_on_without_events_and_never_back),
        cmocka_unit_test(a_record_that_is_no_event_is_counted_and_kept_with_its_reason),
        cmocka_unit_test(several_sources_are_merged_by_event_time),
        cmocka_unit_test(a_source_that_is_ahead_waits_for_the_one_that_holds_back),
        cmocka_unit_test(only_who_was_asked_and_had_nothing_is_silent),
        cmocka_unit_test(a_partition_whose_records_wait_for_their_turn_is_not_silent),
        cmocka_unit_test(a_record_too_far_ahead_does_not_keep_the_others_from_being_acknowledged),
        cmocka_unit_test(records_bring_time_key_and_headers),
        cmocka_unit_test(without_a_dead_letter_sink_rejects_are_counted_only),
        cmocka_unit_test(stop_on_reject_ends_behind_what_came_before),
        cmocka_unit_test(a_live_job_refuses_what_lies_too_far_in_the_future),
        cmocka_unit_test(every_batch_size_gives_the_same_output),
        cmocka_unit_test(what_the_watermark_has_not_passed_is_held_if_the_end_stays_open),
        cmocka_unit_test(outputs_are_flushed_when_input_runs_dry_and_at_the_end),
        cmocka_unit_test(a_job_that_is_stopped_ends_after_the_batch_without_a_final_watermark),
        cmocka_unit_test(errors_come_back_in_words),
        cmocka_unit_test(records_that_need_much_memory_share_no_group),
        cmocka_unit_test(a_measured_job_says_where_the_time_went),
        cmocka_unit_test(without_memory_the_job_says_so_and_leaves_nothing_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
