/* SPDX-License-Identifier: Apache-2.0 */
/* The loop from records to the operator: rejects, order, counters, ends of all kinds. */
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

#include "runtime/base/alloc.h"
#include "tests/support/job_fixture.h"
#include "tests/support/seeded.h"

enum { RECORDS_MAX = 3000 };

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
        cmocka_unit_test(a_record_that_is_no_event_is_counted_and_kept_with_its_reason),
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
        cmocka_unit_test(records_bring_time_key_and_headers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
