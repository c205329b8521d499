/* SPDX-License-Identifier: Apache-2.0 */
/* A real access log, 94 % of it out of order by up to 59 s: read from its file, nothing is lost and all comes out in order. */
#include "tests/support/unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/alloc.h"
#include "runtime/io/source.h"
#include "runtime/job/job.h"

enum { EVENTS = 10000 };

/* Checks the order and that no event comes twice; 10,000 different ones are then all of them. */
struct checker {
    struct rt_operator port; /* first */
    rt_time last_time;
    uint64_t last_sequence, pushes;
    bool seen[EVENTS];
};

static void see(struct checker *checker, const struct rt_event *event)
{
    assert_true(event->sequence < EVENTS);
    assert_false(checker->seen[event->sequence]);
    checker->seen[event->sequence] = true;
    /* The log counts its own lines, so that the fields can be seen to belong to the event. */
    assert_int_equal(rt_event_at(event, 1).u.integer, event->sequence);
    assert_int_equal(rt_event_at(event, 0).u.integer, event->time.ms);
}

static enum rt_status checker_push(struct rt_operator *self, const struct rt_event *event)
{
    struct checker *checker = (struct checker *)self;

    see(checker, event);
    assert_true(
        event->time.ms > checker->last_time.ms ||
        (event->time.ms == checker->last_time.ms && event->sequence > checker->last_sequence));
    checker->last_time = event->time;
    checker->last_sequence = event->sequence;
    checker->pushes++;
    return RT_OK;
}

static enum rt_status checker_late(struct rt_operator *self, const struct rt_event *event)
{
    see((struct checker *)self, event);
    return RT_OK;
}

static enum rt_status checker_advance(struct rt_operator *self, rt_time watermark)
{
    (void)self;
    (void)watermark;
    return RT_OK;
}

/* RT_ERR_IO: the file is not there. */
static enum rt_status run_with_bound(int64_t bound_ms, struct checker *checker,
                                     struct rt_job_counters *out)
{
    static const char path[] = EGRET_SHARED_DIR "/data/web_access/events.jsonl.gz";
    static const struct rt_text names[] = {{"ts", 2}, {"seq", 3}, {"ip", 2}};
    const char *const paths[] = {path};
    struct rt_job_source source = {.name = "input", .time.out_of_orderness.ms = bound_ms};
    struct rt_job_options options = {.sources = &source, .source_count = 1};
    struct rt_fields *fields;
    struct rt_buffer message;
    struct rt_job *job;
    rt_field_id id;

    *checker = (struct checker){
        .port = {.push = checker_push, .late = checker_late, .advance = checker_advance},
        .last_time = RT_TIME_MIN};
    if (access(path, R_OK) != 0)
        return RT_ERR_IO;
    rt_buffer_init(&message, 1000);
    assert_int_equal(rt_source_files_new(paths, 1, 0, &message, &source.source), RT_OK);
    assert_int_equal(rt_fields_new(&fields), RT_OK);
    for (size_t i = 0; i < COUNT_OF(names); i++)
        assert_int_equal(rt_fields_add(fields, &names[i], 1, true, &id), RT_OK);
    rt_fields_seal(fields);
    assert_int_equal(rt_codec_json_new(fields, &source.codec), RT_OK);
    options.fields = fields;
    options.target = &checker->port;
    assert_int_equal(rt_job_new(&options, &job), RT_OK);
    assert_int_equal(rt_job_run(job), RT_OK);
    *out = *rt_job_counters(job);
    rt_job_free(job);
    source.codec->free(source.codec);
    source.source->free(source.source);
    rt_fields_free(fields);
    rt_buffer_done(&message);
    return RT_OK;
}

static void a_log_out_of_order_comes_out_in_order_and_whole(void **state)
{
    static const struct {
        int64_t bound_ms;
        bool has_late;
    } cases[] = {{60000, false}, {86400000, false}, {10000, true}, {1, true}, {0, true}};
    static struct checker checker;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct rt_job_counters counters = {0};
        const char *ci = getenv("CI");

        if (run_with_bound(cases[i].bound_ms, &checker, &counters) != RT_OK) {
            if (ci != NULL && strcmp(ci, "true") == 0)
                fail_msg("the access log is missing");
            print_message("skipped: the access log is missing\n");
            skip();
        }
        assert_int_equal(counters.read, EVENTS);
        assert_int_equal(counters.rejected, 0);
        assert_int_equal(counters.accepted, EVENTS);
        assert_int_equal(counters.late + checker.pushes, EVENTS);
        assert_int_equal(counters.late > 0, cases[i].has_late);
        assert_int_equal(counters.held, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_log_out_of_order_comes_out_in_order_and_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
