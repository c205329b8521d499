/* SPDX-License-Identifier: Apache-2.0 */
/* The file sink: what is written, what it says when writing fails. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/alloc.h"
#include "runtime/io/sink.h"
#include "tests/support/seeded.h"
#include "tests/support/unit.h"

enum { PATH_BYTES = 256 };

static char path[PATH_BYTES];

static int make_path(void **state)
{
    const char *base = getenv("TMPDIR");
    int descriptor;

    (void)state;
    snprintf(path, sizeof(path), "%s/egret-sink-XXXXXX", base == NULL ? "/tmp" : base);
    descriptor = mkstemp(path);
    return descriptor < 0 ? -1 : close(descriptor);
}

static int remove_path(void **state)
{
    (void)state;
    return unlink(path);
}

static struct rt_sink *open_sink(const char *where, bool flush_each)
{
    struct rt_buffer message;
    struct rt_sink *sink;

    rt_buffer_init(&message, 1024);
    assert_int_equal(rt_sink_file_new(where, flush_each, &message, &sink), RT_OK);
    rt_buffer_done(&message);
    return sink;
}

static void assert_file(struct rt_text expected)
{
    FILE *file = fopen(path, "rb");
    char *content = rt_alloc(expected.length + 1);

    assert_non_null(file);
    assert_int_equal(fread(content, 1, expected.length + 1, file), expected.length);
    assert_memory_equal(content, expected.data, expected.length);
    fclose(file);
    rt_free(content);
}

static void records_become_lines_and_the_position_counts_them(void **state)
{
    struct rt_sink *sink = open_sink(path, false);

    (void)state;
    assert_int_equal(sink->position(sink), 0);
    assert_int_equal(rt_sink_write(sink, RT_TEXT("one")), RT_OK);
    assert_int_equal(rt_sink_write(sink, RT_TEXT("")), RT_OK);
    assert_int_equal(sink->position(sink), 5);
    assert_file(RT_TEXT(""));
    assert_int_equal(sink->flush(sink), RT_OK);
    assert_file(RT_TEXT("one\n\n"));
    assert_int_equal(rt_sink_write(sink, RT_TEXT("two")), RT_OK);
    assert_int_equal(sink->sync(sink), RT_OK);
    assert_file(RT_TEXT("one\n\ntwo\n"));
    assert_int_equal(rt_sink_write(sink, RT_TEXT("three")), RT_OK);
    rt_sink_free(sink);
    assert_file(RT_TEXT("one\n\ntwo\nthree\n"));
}

static void flush_each_writes_at_once(void **state)
{
    struct rt_sink *sink = open_sink(path, true);

    (void)state;
    assert_int_equal(rt_sink_write(sink, RT_TEXT("now")), RT_OK);
    assert_file(RT_TEXT("now\n"));
    rt_sink_free(sink);
    rt_sink_free(NULL);
}

static void records_of_any_size_keep_their_order(void **state)
{
    enum { BYTES = 200000, RECORDS = 200 };
    struct seeded seeded = seeded_from(3);
    struct rt_sink *sink = open_sink(path, false);
    struct rt_buffer expected;
    char *record = rt_alloc(BYTES);

    (void)state;
    rt_buffer_init(&expected, (size_t)BYTES * RECORDS);
    for (int i = 0; i < RECORDS; i++) {
        uint32_t bound = seeded_below(&seeded, 10) == 0 ? BYTES : 3000;
        struct rt_text text = {record, seeded_below(&seeded, bound)};

        memset(record, 'a' + i % 26, text.length);
        assert_int_equal(rt_sink_write(sink, text), RT_OK);
        rt_buffer_text(&expected, text);
        rt_buffer_char(&expected, '\n');
    }
    assert_int_equal(sink->position(sink), expected.length);
    rt_sink_free(sink);
    assert_false(expected.failed);
    assert_file(rt_buffer_view(&expected));
    rt_buffer_done(&expected);
    rt_free(record);
}

static void a_reader_that_has_gone_is_the_end(void **state)
{
    char pipe_path[PATH_BYTES + 8];
    struct rt_sink *sink;
    int reader;

    (void)state;
    signal(SIGPIPE, SIG_IGN);
    snprintf(pipe_path, sizeof(pipe_path), "%s.pipe", path);
    assert_int_equal(mkfifo(pipe_path, 0600), 0);
    reader = open(pipe_path, O_RDONLY | O_NONBLOCK);
    assert_true(reader >= 0);
    sink = open_sink(pipe_path, false);
    assert_int_equal(rt_sink_write(sink, RT_TEXT("heard")), RT_OK);
    assert_int_equal(sink->sync(sink), RT_OK);
    close(reader);
    assert_int_equal(rt_sink_write(sink, RT_TEXT("unheard")), RT_OK);
    assert_int_equal(sink->flush(sink), RT_END);
    assert_int_equal(rt_sink_write(sink, RT_TEXT("more")), RT_END);
    rt_sink_free(sink);
    unlink(pipe_path);
}

static void a_full_disk_is_an_error_with_its_name(void **state)
{
    struct rt_sink *sink = open_sink("/dev/full", false);

    (void)state;
    assert_int_equal(rt_sink_write(sink, RT_TEXT("x")), RT_OK);
    assert_int_equal(sink->flush(sink), RT_ERR_IO);
    assert_string_equal(sink->error(sink), "cannot write `/dev/full`: No space left on device");
    assert_int_equal(rt_sink_write(sink, RT_TEXT("x")), RT_ERR_IO);
    rt_sink_free(sink);
}

static void a_path_that_cannot_be_created_is_named(void **state)
{
    struct rt_buffer message;
    struct rt_sink *sink = NULL;

    (void)state;
    rt_buffer_init(&message, 1024);
    assert_int_equal(rt_sink_file_new("no/such/folder/x", false, &message, &sink), RT_ERR_IO);
    assert_string_equal(message.data, "cannot write `no/such/folder/x`: No such file or directory");
    assert_null(sink);
    rt_buffer_done(&message);
}

static void every_allocation_may_fail(void **state)
{
    size_t before = rt_live_blocks();

    (void)state;
    for (size_t nth = 1;; nth++) {
        struct rt_buffer message;
        struct rt_sink *sink = NULL;

        rt_buffer_init(&message, 1024);
        rt_fault_arm(nth);
        enum rt_status status = rt_sink_file_new(path, false, &message, &sink);
        if (!rt_fault_disarm()) {
            assert_int_equal(status, RT_OK);
            assert_true(nth > 2);
            rt_sink_free(sink);
            break;
        }
        assert_int_equal(status, RT_ERR_NOMEM);
        assert_int_equal(rt_live_blocks(), before);
    }
}

static void a_file_that_is_full_is_put_aside(void **state)
{
    static const struct {
        const char *suffix, *text; /* NULL: there is none */
    } files[] = {{"", "seven\n"}, {".1", "five\nsix\n"}, {".2", "four\n"}, {".3", NULL}};
    static const char *const lines[] = {"one", "two", "three", "four", "five", "six", "seven"};
    struct rt_file_sink_options options = {.path = path, .rotate_bytes = 9, .rotate_keep = 2};
    struct rt_buffer message;
    struct rt_sink *sink;

    (void)state;
    rt_buffer_init(&message, 1000);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        /* Opened anew, as after a restart: what is there counts. */
        options.append = i > 0;
        assert_int_equal(rt_sink_file_open(&options, &message, &sink), RT_OK);
        assert_int_equal(rt_sink_write(sink, rt_text_of(lines[i])), RT_OK);
        rt_sink_free(sink);
    }
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        char name[PATH_BYTES + 8], text[100];
        FILE *file;

        snprintf(name, sizeof(name), "%s%s", path, files[i].suffix);
        file = fopen(name, "rb");
        assert_int_equal(file != NULL, files[i].text != NULL);
        if (file == NULL)
            continue;
        text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
        fclose(file);
        if (files[i].suffix[0] != 0)
            remove(name);
        assert_string_equal(text, files[i].text);
    }
    rt_buffer_done(&message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_that_is_full_is_put_aside),
        cmocka_unit_test(records_become_lines_and_the_position_counts_them),
        cmocka_unit_test(flush_each_writes_at_once),
        cmocka_unit_test(records_of_any_size_keep_their_order),
        cmocka_unit_test(a_reader_that_has_gone_is_the_end),
        cmocka_unit_test(a_full_disk_is_an_error_with_its_name),
        cmocka_unit_test(a_path_that_cannot_be_created_is_named),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, make_path, remove_path);
}
