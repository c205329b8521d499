/* SPDX-License-Identifier: Apache-2.0 */
/* Bad input from a real file, through the job, into a real dead-letter file: counted, kept, never fatal. */
#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/alloc.h"
#include "runtime/io/sink.h"
#include "runtime/io/source.h"
#include "runtime/job/job.h"

enum { LONG_BYTES = 10 << 20, DEEP = 10000, FILE_BYTES_MAX = 32 << 20, RAW_MAX = 64 << 10 };

struct counter {
    struct rt_operator port; /* first */
    uint64_t pushes;
    int64_t last_time;
};

static enum rt_status counter_push(struct rt_operator *self, const struct rt_event *event)
{
    struct counter *counter = (struct counter *)self;

    counter->pushes++;
    counter->last_time = event->time.ms;
    return RT_OK;
}

static enum rt_status counter_advance(struct rt_operator *self, rt_time watermark)
{
    (void)self;
    (void)watermark;
    return RT_OK;
}

static void make_file(char *path, const char *data, size_t length)
{
    int descriptor = mkstemp(path);

    assert_true(descriptor >= 0);
    while (length > 0) {
        ssize_t written = write(descriptor, data, length);

        assert_true(written > 0);
        data += written;
        length -= (size_t)written;
    }
    close(descriptor);
}

static void read_file(const char *path, struct rt_buffer *out)
{
    FILE *file = fopen(path, "rb");
    char piece[4096];
    size_t got;

    assert_non_null(file);
    while ((got = fread(piece, 1, sizeof(piece), file)) > 0)
        rt_buffer_add(out, piece, got);
    fclose(file);
    assert_false(out->failed);
}

/* Runs the bytes as a file; the dead letters are appended to `letters`. */
static struct rt_job_counters run_bytes(struct rt_text bytes, struct counter *counter,
                                        struct rt_buffer *letters)
{
    static const struct rt_text names[] = {{"ts", 2}, {"user", 4}};
    char input[] = "/tmp/egret-input-XXXXXX", dead[] = "/tmp/egret-dead-XXXXXX";
    const char *const paths[] = {input};
    struct rt_job_source source = {.name = "input"};
    struct rt_job_options options = {
        .sources = &source, .source_count = 1, .target = &counter->port};
    struct rt_job_counters counters;
    struct rt_fields *fields;
    struct rt_buffer message;
    struct rt_job *job;
    rt_field_id id;

    *counter = (struct counter){
        .port = {.push = counter_push, .late = counter_push, .advance = counter_advance}};
    make_file(input, bytes.data, bytes.length);
    make_file(dead, "", 0);
    rt_buffer_init(&message, 1000);
    assert_int_equal(rt_source_files_new(paths, 1, 0, &message, &source.source), RT_OK);
    assert_int_equal(rt_sink_file_new(dead, false, &message, &options.dead_letter), RT_OK);
    assert_int_equal(rt_fields_new(&fields), RT_OK);
    for (size_t i = 0; i < COUNT_OF(names); i++)
        assert_int_equal(rt_fields_add(fields, &names[i], 1, true, &id), RT_OK);
    rt_fields_seal(fields);
    assert_int_equal(rt_codec_json_new(fields, &source.codec), RT_OK);
    options.fields = fields;
    assert_int_equal(rt_job_new(&options, &job), RT_OK);
    assert_int_equal(rt_job_run(job), RT_OK);
    counters = *rt_job_counters(job);
    rt_job_free(job);
    source.codec->free(source.codec);
    source.source->free(source.source);
    rt_sink_free(options.dead_letter);
    rt_fields_free(fields);
    rt_buffer_done(&message);
    read_file(dead, letters);
    unlink(input);
    unlink(dead);
    return counters;
}

static void add_many(struct rt_buffer *out, const char *piece, size_t count)
{
    for (size_t i = 0; i < count; i++)
        rt_buffer_string(out, piece);
}

static size_t count_of(const struct rt_buffer *text, const char *word)
{
    size_t count = 0;

    for (const char *at = text->data; at != NULL && (at = strstr(at, word)) != NULL; at++)
        count++;
    return count;
}

static void bad_records_of_a_file_are_counted_kept_and_passed_over(void **state)
{
    struct rt_buffer text, letters;
    struct counter counter;

    (void)state;
    rt_buffer_init(&text, FILE_BYTES_MAX);
    rt_buffer_init(&letters, FILE_BYTES_MAX);
    rt_buffer_string(&text, "\n\r\n{\"ts\":1}\r\n\n");
    rt_buffer_string(&text, "{\"ts\":2,\"user\":\""); /* a line of ten million bytes */
    size_t long_from = text.length - strlen("{\"ts\":2,\"user\":\"");
    add_many(&text, "0123456789abcdef", LONG_BYTES / 16);
    rt_buffer_string(&text, "\"}\n");
    size_t long_bytes = text.length - long_from - 1;
    rt_buffer_string(&text, "{\"ts\":3,\"deep\":"); /* ten thousand deep */
    add_many(&text, "[", DEEP);
    add_many(&text, "]", DEEP);
    rt_buffer_string(&text, "}\n");
    rt_buffer_string(&text, "{\"ts\":4,\"user\":\"\xc3(\"}\n");        /* not UTF-8 */
    rt_buffer_string(&text, "{\"ts\":5,\"user\":1,\"user\":2}\n");     /* a named field twice */
    rt_buffer_string(&text, "{\"ts\":6,\"other\":1,\"other\":2}\n");   /* fine: nobody reads it */
    rt_buffer_string(&text, "{\"user\":\"x\"}\n{\"ts\":\"never\"}\n"); /* no time, no such time */
    rt_buffer_string(&text,
                     "{\"ts\":99999999999999999}\n{\"ts\":7\n");      /* year 3,170,843; cut off */
    rt_buffer_add(&text, "{\"ts\":8}\0\n", strlen("{\"ts\":8}") + 2); /* a NUL at the end */
    rt_buffer_string(&text, "{\"ts\":9,\"user\":[1,{}]}"); /* of another type; no line end */
    assert_false(text.failed);

    struct rt_job_counters counters = run_bytes(rt_buffer_view(&text), &counter, &letters);

    assert_int_equal(counter.pushes, 3);
    assert_int_equal(counter.last_time, 9);
    assert_int_equal(counters.read, 12);
    assert_int_equal(counters.rejected, 9);
    assert_int_equal(counters.rejected_by[RT_REJECT_TOO_LARGE], 1);
    assert_int_equal(counters.rejected_by[RT_REJECT_TOO_DEEP], 1);
    assert_int_equal(counters.rejected_by[RT_REJECT_BAD_UTF8], 1);
    assert_int_equal(counters.rejected_by[RT_REJECT_DUPLICATE_FIELD], 1);
    assert_int_equal(counters.rejected_by[RT_REJECT_NO_TIME], 1);
    assert_int_equal(counters.rejected_by[RT_REJECT_BAD_TIME], 1);
    assert_int_equal(counters.rejected_by[RT_REJECT_TIME_RANGE], 1);
    assert_int_equal(counters.rejected_by[RT_REJECT_BAD_JSON], 2);
    assert_int_equal(count_of(&letters, "\n"), 9);
    assert_int_equal(count_of(&letters, "{\"v\":1,\"reason\":\""), 9);

    char expected[128];

    snprintf(expected, sizeof(expected), "\"offset\":%zu,\"bytes\":%zu,\"raw\":\"", long_from,
             long_bytes);
    assert_non_null(strstr(letters.data, expected));
    assert_true(letters.length < RAW_MAX + 30000); /* the long record was cut */
    rt_buffer_done(&text);
    rt_buffer_done(&letters);
}

static void an_empty_file_is_an_empty_stream(void **state)
{
    static const struct rt_text cases[] = {{"", 0}, {"\n\n\r\n", 4}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct rt_buffer letters;
        struct counter counter;

        rt_buffer_init(&letters, 1000);
        assert_int_equal(run_bytes(cases[i], &counter, &letters).read, 0);
        assert_int_equal(counter.pushes, 0);
        assert_int_equal(letters.length, 0);
        rt_buffer_done(&letters);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_records_of_a_file_are_counted_kept_and_passed_over),
        cmocka_unit_test(an_empty_file_is_an_empty_stream),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
