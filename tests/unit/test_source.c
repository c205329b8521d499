/* SPDX-License-Identifier: Apache-2.0 */
/* The file source: lines of files, gzip, pipes and directories, against a splitter of a few lines. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <zlib.h>

#include "runtime/base/alloc.h"
#include "runtime/base/hash.h"
#include "runtime/event/codec.h"
#include "runtime/io/source.h"
#include "tests/support/seeded.h"
#include "tests/support/unit.h"

enum { MEBIBYTE = 1 << 20, PATH_BYTES = 256 };

/* ---- a folder for the test's files ---- */

static char folder[PATH_BYTES / 2];

static int make_folder(void **state)
{
    const char *base = getenv("TMPDIR");

    (void)state;
    snprintf(folder, sizeof(folder), "%s/egret-source-XXXXXX", base == NULL ? "/tmp" : base);
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_folder(void **state)
{
    char command[PATH_BYTES];

    (void)state;
    snprintf(command, sizeof(command), "rm -r '%s'", folder);
    return system(command);
}

static const char *path_of(const char *name)
{
    static char path[PATH_BYTES];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, struct rt_text text)
{
    FILE *file = fopen(path_of(name), "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(text.data, 1, text.length, file), text.length);
    assert_int_equal(fclose(file), 0);
}

/* ---- what is expected: the text cut at line feeds ---- */

struct expected {
    uint64_t offset, bytes;
    const char *data;
};

struct lines {
    struct expected *items;
    size_t count;
};

static struct lines split(struct rt_text text)
{
    struct lines lines = {rt_alloc_zeroed(text.length + 1, sizeof(struct expected)), 0};
    size_t begin = 0;

    for (size_t i = 0; i <= text.length; i++) {
        if (i < text.length && text.data[i] != '\n')
            continue;

        size_t bytes = i - begin;

        if (bytes > 0 && text.data[begin + bytes - 1] == '\r')
            bytes--;

        size_t blanks = 0;

        while (blanks < bytes && strchr(" \t", text.data[begin + blanks]) != NULL &&
               text.data[begin + blanks] != '\0')
            blanks++;
        if (blanks < bytes)
            lines.items[lines.count++] = (struct expected){begin, bytes, text.data + begin};
        begin = i + 1;
    }
    return lines;
}

static void assert_record(const struct rt_record *record, const struct expected *expected,
                          uint32_t partition)
{
    size_t length = expected->bytes > MEBIBYTE ? MEBIBYTE : (size_t)expected->bytes;
    volatile char touched;

    assert_int_equal(record->position.source, 5);
    assert_int_equal(record->position.partition, partition);
    assert_int_equal(record->position.offset, expected->offset);
    assert_int_equal(record->bytes, expected->bytes);
    assert_int_equal(record->length, length);
    assert_int_equal(record->too_long, expected->bytes > MEBIBYTE);
    assert_memory_equal(record->data, expected->data, length);
    for (size_t i = 0; i < RT_RECORD_PADDING; i++)
        touched = record->data[length + i];
    (void)touched;
}

static struct rt_source *open_source(const char *path)
{
    struct rt_buffer message;
    struct rt_source *source;

    rt_buffer_init(&message, 1024);
    assert_int_equal(rt_source_files_new(&path, 1, 5, &message, &source), RT_OK);
    assert_int_equal(message.length, 0);
    rt_buffer_done(&message);
    return source;
}

/* Reads to the end and compares with lines[first ..]. */
static void assert_reads(struct rt_source *source, const struct lines *lines, size_t first)
{
    static struct rt_batch batch;
    size_t at = first;
    enum rt_status status;

    while ((status = source->read(source, &batch)) == RT_OK) {
        assert_true(at + batch.count <= lines->count);
        for (size_t i = 0; i < batch.count; i++)
            assert_record(&batch.records[i], &lines->items[at++], 0);
    }
    assert_int_equal(status, RT_END);
    assert_int_equal(at, lines->count);
    assert_int_equal(source->read(source, &batch), RT_END);
}

static void assert_file_reads(const char *name, struct rt_text text)
{
    struct lines lines = split(text);
    struct rt_source *source = open_source(path_of(name));

    assert_reads(source, &lines, 0);
    source->free(source);
    rt_free(lines.items);
}

/* ---- data ---- */

/* `members` gzip members with about the same number of bytes each. */
static struct rt_text gzip(struct rt_text text, size_t members)
{
    size_t capacity = text.length + text.length / 100 + 1024 * (members + 1), length = 0;
    char *out = rt_alloc(capacity);

    for (size_t i = 0; i < members; i++) {
        size_t begin = text.length * i / members, end = text.length * (i + 1) / members;
        z_stream stream = {.next_in = (Bytef *)text.data + begin,
                           .avail_in = (unsigned)(end - begin),
                           .next_out = (Bytef *)out + length,
                           .avail_out = (unsigned)(capacity - length)};

        assert_int_equal(deflateInit2(&stream, 1, Z_DEFLATED, 16 + MAX_WBITS, 8, 0), Z_OK);
        assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
        length += stream.total_out;
        deflateEnd(&stream);
    }
    return (struct rt_text){out, length};
}

/* Lines of 0 to 400 bytes, some with a carriage return, some empty, the last with or without its end. */
static struct rt_text random_text(struct seeded *seeded, size_t lines)
{
    char *out = rt_alloc(lines * 420 + 1);
    size_t length = 0;

    for (size_t i = 0; i < lines; i++) {
        size_t bytes = seeded_below(seeded, 8) == 0 ? 0 : seeded_below(seeded, 400);

        for (size_t k = 0; k < bytes; k++) {
            out[length] = (char)seeded_below(seeded, 256);
            if (out[length] == '\n')
                out[length] = ' ';
            length++;
        }
        if (seeded_below(seeded, 4) == 0)
            out[length++] = '\r';
        if (i + 1 < lines || seeded_below(seeded, 2) == 0)
            out[length++] = '\n';
    }
    return (struct rt_text){out, length};
}

static void every_shape_of_a_small_file_is_read(void **state)
{
    static const char *const texts[] = {
        "",          "\n",       "\r\n",    "a",           "a\n",  "a\r\n",          "a\nb",
        "\n\na\n\n", "a\r\r\nb", "a\rb\nc", "\r\n\r\na\r", "  \n", " \t\r\n a \n\t",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        write_file("small", rt_text_of(texts[i]));
        assert_file_reads("small", rt_text_of(texts[i]));
    }
}

static void a_byte_order_mark_is_no_part_of_the_first_line(void **state)
{
    static struct rt_batch batch;
    struct rt_source *source;

    (void)state;
    write_file("mark", RT_TEXT("\xEF\xBB\xBF{}\n\xEF\xBB\xBFx\n"));
    source = open_source(path_of("mark"));
    assert_int_equal(source->read(source, &batch), RT_OK);
    assert_int_equal(batch.count, 2);
    assert_int_equal(batch.records[0].length, 2);
    assert_int_equal(batch.records[0].position.offset, 0);
    assert_int_equal(batch.records[1].length, 4);
    source->free(source);
}

static void random_files_are_read_plain_and_compressed(void **state)
{
    struct seeded seeded = seeded_from(11);

    (void)state;
    for (int round = 0; round < 6; round++) {
        struct rt_text text = random_text(&seeded, round == 0 ? 6000 : 300);
        struct rt_text packed = gzip(text, 1 + (size_t)round);

        write_file("plain", text);
        assert_file_reads("plain", text);
        write_file("packed", packed);
        assert_file_reads("packed", text);
        rt_free((char *)text.data);
        rt_free((char *)packed.data);
    }
}

/* Writes the text to a FIFO in pieces of random size, from a process of its own. */
static pid_t feed(const char *path, struct rt_text text, uint64_t seed)
{
    pid_t child = fork();

    if (child != 0)
        return child;

    struct seeded seeded = seeded_from(seed);
    int descriptor = open(path, O_WRONLY);
    size_t at = 0;

    while (at < text.length) {
        size_t piece = 1 + seeded_below(&seeded, seeded_below(&seeded, 3) == 0 ? 70000 : 300);
        ssize_t count =
            write(descriptor, text.data + at, piece < text.length - at ? piece : text.length - at);

        if (count < 0)
            _exit(1);
        at += (size_t)count;
    }
    close(descriptor);
    _exit(0);
}

static void pipes_are_read_whatever_the_size_of_the_pieces(void **state)
{
    struct seeded seeded = seeded_from(12);

    (void)state;
    assert_int_equal(mkfifo(path_of("pipe"), 0600), 0);
    for (uint64_t round = 0; round < 6; round++) {
        struct rt_text text = random_text(&seeded, 1500);
        struct rt_text sent = round % 2 == 0 ? text : gzip(text, 3);
        pid_t child = feed(path_of("pipe"), sent, round);
        int result;

        assert_file_reads("pipe", text);
        assert_int_equal(waitpid(child, &result, 0), child);
        assert_int_equal(result, 0);
        if (sent.data != text.data)
            rt_free((char *)sent.data);
        rt_free((char *)text.data);
    }
}

static void a_pipe_that_runs_dry_cuts_the_batch_short(void **state)
{
    static struct rt_batch batch;
    struct rt_source *source;
    int writer;

    (void)state;
    assert_int_equal(mkfifo(path_of("slow"), 0600), 0);
    writer = open(path_of("slow"), O_RDWR);
    assert_true(writer >= 0);
    source = open_source(path_of("slow"));
    assert_int_equal(write(writer, "one\ntwo\nthr", 11), 11);
    assert_int_equal(source->read(source, &batch), RT_OK);
    assert_int_equal(batch.count, 2);
    assert_int_equal(source->read(source, &batch), RT_OK);
    assert_int_equal(batch.count, 0);
    assert_int_equal(write(writer, "ee\n", 3), 3);
    assert_int_equal(source->read(source, &batch), RT_OK);
    assert_int_equal(batch.count, 1);
    assert_memory_equal(batch.records[0].data, "three", 5);
    assert_int_equal(batch.records[0].position.offset, 8);

    struct rt_place place;

    assert_int_equal(source->places(source, &place, 1), 1);
    assert_int_equal(source->seek(source, &place, 1), RT_ERR_UNSUPPORTED);
    source->free(source);
    close(writer);
}

static void put(char *text, size_t *length, struct rt_text piece)
{
    memcpy(text + *length, piece.data, piece.length);
    *length += piece.length;
}

static void a_line_longer_than_a_mebibyte_is_kept_in_part(void **state)
{
    static const struct {
        size_t bytes;
        const char *end;
    } cases[] = {
        {MEBIBYTE - 1, "\n"},
        {MEBIBYTE, "\n"},
        {MEBIBYTE, "\r\n"},
        {MEBIBYTE + 1, "\n"},
        {MEBIBYTE + 1, "\r\n"},
        {MEBIBYTE + 2, "\n"},
        {MEBIBYTE, "\r"},
        {MEBIBYTE + 1, ""},
        {MEBIBYTE, ""},
        {MEBIBYTE + 262144, "\n"},
        {10000000, "\r\n"},
        {10000000, ""},
        {MEBIBYTE + 262143, "\r\n"},
        {MEBIBYTE + 262144 - 5, "\r\n"},
    };
    char *text = rt_alloc(10000000 + 64);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        size_t length = 0, end_bytes = strlen(cases[i].end);

        put(text, &length, RT_TEXT("first\n"));
        for (size_t k = 0; k < cases[i].bytes; k++)
            text[length++] = (char)('a' + k % 23);
        put(text, &length, rt_text_of(cases[i].end));
        if (end_bytes > 0 && cases[i].end[end_bytes - 1] == '\n') {
            put(text, &length, RT_TEXT("next\r\n\nlast"));
        }
        write_file("long", (struct rt_text){text, length});
        assert_file_reads("long", (struct rt_text){text, length});
    }
    rt_free(text);
}

/* The place behind one of the lines. */
static struct rt_place place_behind(const char *name, struct rt_text text,
                                    const struct expected *line)
{
    const char *end = memchr(text.data + line->offset, '\n', text.length - line->offset);

    return (struct rt_place){
        .has_last = true,
        .last = line->offset,
        .next = end == NULL ? text.length : (uint64_t)(end + 1 - text.data),
        .fingerprint = rt_hash64(line->data, line->bytes),
        .name = path_of(name),
    };
}

static void reading_goes_on_behind_any_position(void **state)
{
    struct seeded seeded = seeded_from(13);
    struct rt_text text = random_text(&seeded, 120), packed = gzip(text, 2);
    struct lines lines = split(text);

    (void)state;
    write_file("seek", text);
    write_file("seek.gz", packed);
    for (int compressed = 0; compressed < 2; compressed++) {
        const char *name = compressed == 1 ? "seek.gz" : "seek";
        struct rt_source *source = open_source(path_of(name));

        for (size_t i = 0; i < lines.count; i++) {
            struct rt_place after = place_behind(name, text, &lines.items[i]);

            assert_int_equal(source->seek(source, &after, 1), RT_OK);
            assert_reads(source, &lines, i + 1);
        }
        struct rt_place last = place_behind(name, text, &lines.items[lines.count - 1]);
        struct rt_place beyond = last, no_file = last, other_name = last, other_data = last;
        static struct rt_batch batch;

        beyond.last = text.length + 1;
        no_file.partition = 1;
        other_name.name = "elsewhere";
        other_data.fingerprint++;
        assert_int_equal(source->seek(source, &beyond, 1), RT_ERR_CORRUPT);
        assert_non_null(strstr(source->error(source), "shorter"));
        assert_int_equal(source->read(source, &batch), RT_ERR_IO);
        assert_int_equal(source->seek(source, &no_file, 1), RT_ERR_CORRUPT);
        assert_int_equal(source->seek(source, &other_name, 1), RT_ERR_CORRUPT);
        assert_int_equal(source->seek(source, &other_data, 1), RT_ERR_CORRUPT);
        assert_non_null(strstr(source->error(source), "another"));
        assert_int_equal(source->seek(source, NULL, 0), RT_OK);
        assert_reads(source, &lines, 0);
        source->free(source);
    }
    rt_free((char *)text.data);
    rt_free((char *)packed.data);
    rt_free(lines.items);
}

static void blank_lines_behind_the_last_record_are_no_other_data(void **state)
{
    static struct rt_batch batch;
    struct rt_source *source, *other;
    struct rt_place place;

    (void)state;
    write_file("blank", RT_TEXT("one\ntwo\r\n\n \r\n\n"));
    source = open_source(path_of("blank"));
    other = open_source(path_of("blank"));
    assert_int_equal(source->read(source, &batch), RT_OK);
    assert_int_equal(batch.count, 2);
    assert_int_equal(source->places(source, &place, 1), 1);
    assert_int_equal(other->seek(other, &place, 1), RT_OK);
    assert_int_equal(other->read(other, &batch), RT_END);
    source->free(source);
    other->free(other);
}

static void reading_goes_on_behind_any_record_of_a_batch(void **state)
{
    struct seeded seeded = seeded_from(29);
    struct rt_text body = random_text(&seeded, 300), text;
    char *whole = rt_alloc(body.length + 8);
    static struct rt_batch batch;
    struct lines lines;
    size_t before = 0;

    (void)state;
    assert_non_null(whole);
    memcpy(whole, body.data, body.length);
    memcpy(whole + body.length, "\n\r\n \n\n", 6); /* what comes behind the last record is blank */
    text = (struct rt_text){whole, body.length + 6};
    lines = split(text);
    write_file("within", text);

    struct rt_source *source = open_source(path_of("within"));

    while (source->read(source, &batch) == RT_OK) {
        for (size_t i = 0; i <= batch.count; i++) {
            struct rt_source *other = open_source(path_of("within"));
            struct rt_place place;
            size_t count;

            source->stand_behind(source, &batch, i);
            count = source->places(source, &place, 1);
            assert_int_equal(count, before + i > 0);
            assert_int_equal(other->seek(other, &place, count), RT_OK);
            assert_reads(other, &lines, before + i);
            other->free(other);
        }
        before += batch.count;
    }
    assert_int_equal(before, lines.count);
    assert_true(before > RT_BATCH_RECORDS_MAX);
    source->free(source);
    rt_free((char *)body.data);
    rt_free(whole);
    rt_free(lines.items);
}

static void a_directory_is_read_in_order_of_names(void **state)
{
    static const char *const names[] = {"dir/b.gz", "dir/a", "dir/.hidden", "dir/c/inner", "dir/Z"};
    static const char *const order[] = {"Z", "a", "b"};
    static struct rt_batch batch;
    struct rt_source *source;

    (void)state;
    mkdir(path_of("dir"), 0700);
    mkdir(path_of("dir/c"), 0700);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char line[2] = {names[i][4], '\n'};
        struct rt_text text = {line, i % 2 == 0 ? 2 : 1};
        struct rt_text packed = i == 0 ? gzip(text, 1) : text;

        write_file(names[i], packed);
        if (i == 0)
            rt_free((char *)packed.data);
    }
    source = open_source(path_of("dir"));
    for (uint32_t i = 0; i < COUNT_OF(order); i++) {
        assert_int_equal(source->read(source, &batch), RT_OK);
        assert_int_equal(batch.count, 1);
        assert_int_equal(batch.records[0].data[0], order[i][0]);
        assert_int_equal(batch.records[0].position.partition, i);
    }
    assert_int_equal(source->read(source, &batch), RT_END);
    source->free(source);
}

/* Looks until there is something, or nothing was there for so many looks. */
static bool look(struct rt_source *source, struct rt_batch *batch)
{
    for (int looks = 0; looks < 200; looks++) {
        assert_int_equal(source->read(source, batch), RT_OK);
        if (batch->count > 0)
            return true;
    }
    return false;
}

static void assert_looks(struct rt_source *source, const char *line, uint32_t partition,
                         uint64_t offset)
{
    static struct rt_batch batch;

    assert_true(look(source, &batch));
    assert_int_equal(batch.count, 1);
    assert_int_equal(batch.records[0].length, strlen(line));
    assert_memory_equal(batch.records[0].data, line, strlen(line));
    assert_int_equal(batch.records[0].position.partition, partition);
    assert_int_equal(batch.records[0].position.offset, offset);
}

static void a_followed_file_grows_is_replaced_and_succeeded(void **state)
{
    char pattern[PATH_BYTES], place[PATH_BYTES];
    const char *const paths[] = {pattern};
    struct rt_files_options options = {
        .paths = paths, .path_count = 1, .glob = true, .follow = true};
    struct rt_source *source;
    static struct rt_batch batch;

    (void)state;
    mkdir(path_of("grow"), 0700);
    snprintf(pattern, sizeof(pattern), "%s", path_of("grow/*.log"));
    snprintf(place, sizeof(place), "%s", path_of("grow/b.log"));
    assert_int_equal(rt_source_files_open(&options, NULL, &source), RT_OK);
    assert_false(look(source, &batch)); /* no file yet */
    write_file("grow/b.log", RT_TEXT("one\ntw"));
    assert_looks(source, "one", 0, 0);
    assert_false(look(source, &batch)); /* half a line is none */
    write_file("grow/b.log", RT_TEXT("one\ntwo\n"));
    assert_looks(source, "two", 0, 4);
    write_file("grow/b.log", RT_TEXT("cut\n"));
    assert_looks(source, "cut", 0, 0);
    write_file("grow/new", RT_TEXT("replaced\nrest"));
    assert_int_equal(rename(path_of("grow/new"), place), 0);
    assert_looks(source, "replaced", 0, 0);
    write_file("grow/a.log", RT_TEXT("too late\n"));
    write_file("grow/c.log", RT_TEXT("next\n"));
    assert_looks(source, "rest", 0, 9);
    assert_looks(source, "next", 1, 0);
    assert_false(look(source, &batch));
    rt_source_free(source);
}

static void what_cannot_be_read_is_named(void **state)
{
    struct rt_buffer message;
    struct rt_source *source = NULL;
    const char *missing = "no/such/file";
    char *empty = rt_alloc_text(path_of("empty"), strlen(path_of("empty")));

    (void)state;
    rt_buffer_init(&message, 1024);
    assert_int_equal(rt_source_files_new(&missing, 1, 0, &message, &source), RT_ERR_IO);
    assert_string_equal(message.data, "cannot read `no/such/file`: No such file or directory");
    rt_buffer_reset(&message);
    assert_int_equal(mkdir(empty, 0700), 0);
    assert_int_equal(rt_source_files_new((const char *const *)&empty, 1, 0, &message, &source),
                     RT_ERR_IO);
    assert_non_null(strstr(message.data, "no files in `"));
    assert_null(source);
    rt_buffer_done(&message);
    rt_free(empty);
}

static void a_file_that_vanishes_is_an_error_when_its_turn_comes(void **state)
{
    static struct rt_batch batch;
    struct rt_source *source;

    (void)state;
    mkdir(path_of("fleeting"), 0700);
    write_file("fleeting/a", RT_TEXT("1\n"));
    write_file("fleeting/b", RT_TEXT("2\n"));
    source = open_source(path_of("fleeting"));
    assert_int_equal(unlink(path_of("fleeting/b")), 0);
    assert_int_equal(source->read(source, &batch), RT_OK);
    assert_int_equal(batch.count, 1);
    assert_int_equal(source->read(source, &batch), RT_ERR_IO);
    assert_non_null(strstr(source->error(source), "fleeting/b`: No such file or directory"));
    assert_int_equal(source->read(source, &batch), RT_ERR_IO);
    source->free(source);
}

static void damaged_gzip_ends_in_an_error_after_its_whole_lines(void **state)
{
    static struct rt_batch batch;
    struct seeded seeded = seeded_from(14);
    struct rt_text text = random_text(&seeded, 2000), packed = gzip(text, 2);
    struct rt_text damaged[] = {
        {packed.data, packed.length - 3},
        {packed.data, packed.length / 3},
        {packed.data, 2},
        {packed.data, packed.length},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(damaged); i++) {
        char *copy = rt_alloc_text(damaged[i].data, damaged[i].length);
        struct lines lines = split(text);
        size_t at = 0;
        enum rt_status status;

        if (i == 3)
            memset(copy + damaged[i].length / 2, 0x55, 16);
        write_file("damaged", (struct rt_text){copy, damaged[i].length});

        struct rt_source *source = open_source(path_of("damaged"));

        while ((status = source->read(source, &batch)) == RT_OK)
            for (size_t k = 0; k < batch.count && i < 3; k++)
                assert_record(&batch.records[k], &lines.items[at++], 0);
        assert_int_equal(status, RT_ERR_IO);
        assert_non_null(strstr(source->error(source), "gzip data"));
        assert_int_equal(source->read(source, &batch), RT_ERR_IO);
        source->free(source);
        rt_free(lines.items);
        rt_free(copy);
    }
    rt_free((char *)text.data);
    rt_free((char *)packed.data);
}

static void zeros_after_gzip_are_padding_and_anything_else_is_damage(void **state)
{
    struct rt_text text = RT_TEXT("a\nb\n"), packed = gzip(text, 1);
    char *longer = rt_alloc_zeroed(1, packed.length + 512);
    static struct rt_batch batch;

    (void)state;
    memcpy(longer, packed.data, packed.length);
    write_file("padded", (struct rt_text){longer, packed.length + 512});
    assert_file_reads("padded", text);
    longer[packed.length + 7] = 'x';
    write_file("padded", (struct rt_text){longer, packed.length + 512});

    struct rt_source *source = open_source(path_of("padded"));
    enum rt_status status;

    while ((status = source->read(source, &batch)) == RT_OK)
        continue;
    assert_int_equal(status, RT_ERR_IO);
    source->free(source);
    rt_free(longer);
    rt_free((char *)packed.data);
}

static enum rt_status read_all(const char *path)
{
    static struct rt_batch batch;
    struct rt_buffer message;
    struct rt_source *source;

    rt_buffer_init(&message, 1024);

    enum rt_status status = rt_source_files_new(&path, 1, 5, &message, &source);

    rt_buffer_done(&message);
    if (status != RT_OK)
        return status;
    while ((status = source->read(source, &batch)) == RT_OK)
        continue;
    source->free(source);
    return status;
}

static void every_allocation_may_fail(void **state)
{
    struct rt_text packed = gzip(RT_TEXT("a\nb\n"), 2);

    (void)state;
    mkdir(path_of("packed_dir"), 0700);
    write_file("packed_dir/x.gz", packed);
    write_file("packed_dir/y.gz", packed);
    rt_free((char *)packed.data);

    size_t before = rt_live_blocks();

    for (size_t nth = 1;; nth++) {
        rt_fault_arm(nth);
        enum rt_status status = read_all(path_of("packed_dir"));
        if (!rt_fault_disarm()) {
            assert_int_equal(status, RT_END);
            assert_true(nth > 6);
            break;
        }
        assert_int_equal(status, RT_ERR_NOMEM);
        assert_int_equal(rt_live_blocks(), before);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_shape_of_a_small_file_is_read),
        cmocka_unit_test(a_byte_order_mark_is_no_part_of_the_first_line),
        cmocka_unit_test(random_files_are_read_plain_and_compressed),
        cmocka_unit_test(pipes_are_read_whatever_the_size_of_the_pieces),
        cmocka_unit_test(a_pipe_that_runs_dry_cuts_the_batch_short),
        cmocka_unit_test(a_line_longer_than_a_mebibyte_is_kept_in_part),
        cmocka_unit_test(reading_goes_on_behind_any_position),
        cmocka_unit_test(blank_lines_behind_the_last_record_are_no_other_data),
        cmocka_unit_test(reading_goes_on_behind_any_record_of_a_batch),
        cmocka_unit_test(a_directory_is_read_in_order_of_names),
        cmocka_unit_test(a_followed_file_grows_is_replaced_and_succeeded),
        cmocka_unit_test(what_cannot_be_read_is_named),
        cmocka_unit_test(a_file_that_vanishes_is_an_error_when_its_turn_comes),
        cmocka_unit_test(damaged_gzip_ends_in_an_error_after_its_whole_lines),
        cmocka_unit_test(zeros_after_gzip_are_padding_and_anything_else_is_damage),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
