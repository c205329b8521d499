/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source_file.c - lines of files, pipes and stdin.
 *
 *     data:   [consumed ...][line][line][line][begin of a li|             |padding]
 *                           ^ begin                 scanned ^ = end       ^ capacity
 *
 *     a line longer than RT_RECORD_BYTES_MAX, while its end is looked for (`long_bytes` > 0):
 *             [its first RT_RECORD_BYTES_MAX bytes][the piece just read, forgotten if it has no line end]
 *
 * F1  data[i] is byte `base` + i of the decompressed file, except in the first part while a long line is skipped.
 * F2  Records lie in `data` as they were read; bytes move (the begun line, to the front) only when read finds no whole line, and
 *     then no record is borrowed any more.
 * F3  The buffer is RT_RECORD_BYTES_MAX, a chunk, and the padding: its size does not depend on the input.
 * F4  A byte is searched for a line end once.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/alloc.h"
#include "runtime/base/arena.h"
#include "runtime/base/assert.h"
#include "runtime/event/codec.h"
#include "runtime/io/input.h"
#include "runtime/io/source.h"

enum {
    CHUNK_BYTES = 256 << 10,
    LINE_END_BYTES_MAX = 2,
    CAPACITY = RT_RECORD_BYTES_MAX + LINE_END_BYTES_MAX + CHUNK_BYTES,
    PATHS_BYTES_MAX = 256 << 20,
    ERROR_BYTES = 512
};

struct file_source {
    struct rt_source base_source;
    struct rt_arena arena; /* paths */
    const char **paths;    /* files only, directories taken apart */
    size_t path_count, path_capacity;
    uint32_t number;
    size_t current;         /* index of the file at hand */
    struct rt_input *input; /* NULL: not opened yet */
    bool ended;             /* the file at hand has no more bytes */
    bool drop_next;         /* after a seek: the next record has been read before */
    bool failed;
    char *data;
    size_t begin, scanned, end;
    uint64_t base;
    uint64_t long_bytes; /* of the long line so far; 0: none */
    char long_last;      /* its last byte so far */
    char error[ERROR_BYTES];
};

static enum rt_status fail_with(struct file_source *source, enum rt_status status, const char *what)
{
    const char *path = source->current < source->path_count ? source->paths[source->current] : "";

    source->failed = true;
    snprintf(source->error, sizeof(source->error), "cannot read `%s`: %s",
             strcmp(path, "-") == 0 ? "stdin" : path, what);
    return status;
}

/* ---- lines ---- */

static const char byte_order_mark[] = "\xEF\xBB\xBF";

/* data[0 .. kept) of a line of `bytes` bytes that starts at `offset`.  Empty lines are no records. */
static void add_line(struct file_source *source, struct rt_batch *batch, const char *data,
                     uint64_t bytes, uint64_t offset)
{
    enum { MARK_BYTES = sizeof(byte_order_mark) - 1 };

    if (offset == 0 && bytes >= MARK_BYTES && memcmp(data, byte_order_mark, MARK_BYTES) == 0) {
        data += MARK_BYTES;
        bytes -= MARK_BYTES;
    }
    if (bytes == 0)
        return;
    if (source->drop_next) {
        source->drop_next = false;
        return;
    }

    bool too_long = bytes > RT_RECORD_BYTES_MAX;

    batch->records[batch->count++] = (struct rt_record){
        .data = data,
        .length = too_long ? RT_RECORD_BYTES_MAX : (uint32_t)bytes,
        .too_long = too_long,
        .bytes = bytes,
        .position = {source->number, (uint32_t)source->current, offset},
    };
}

/* The line data[begin .. end) without its carriage return. */
static void add_line_at(struct file_source *source, struct rt_batch *batch, size_t end)
{
    const char *line = source->data + source->begin;
    size_t length = end - source->begin;

    if (length > 0 && line[length - 1] == '\r')
        length--;
    add_line(source, batch, line, length, source->base + source->begin);
}

static void split_lines(struct file_source *source, struct rt_batch *batch)
{
    while (batch->count < RT_BATCH_RECORDS_MAX && source->scanned < source->end) {
        const char *from = source->data + source->scanned;
        const char *found = memchr(from, '\n', source->end - source->scanned);

        if (found == NULL) {
            source->scanned = source->end;
            return;
        }

        size_t line_end = (size_t)(found - source->data);

        add_line_at(source, batch, line_end);
        source->begin = source->scanned = line_end + 1;
    }
}

/* ---- filling the buffer ---- */

static enum rt_status read_into(struct file_source *source, size_t at, size_t *got)
{
    RT_ASSERT(at + CHUNK_BYTES <= CAPACITY);
    enum rt_status status = rt_input_read(source->input, source->data + at, CHUNK_BYTES, got);

    if (status == RT_END) {
        source->ended = true;
        return RT_OK;
    }
    if (status == RT_OK || status == RT_AGAIN)
        return status;
    return fail_with(source, status, rt_input_error(source->input));
}

/* The whole length of the long line is known. */
static void add_long_line(struct file_source *source, struct rt_batch *batch)
{
    uint64_t bytes = source->long_bytes - (source->long_last == '\r');

    add_line(source, batch, source->data, bytes, source->base);
    source->long_bytes = 0;
}

/* Reads the next piece of a long line behind the part of it that is kept. */
static enum rt_status fill_long(struct file_source *source, struct rt_batch *batch)
{
    char *piece = source->data + RT_RECORD_BYTES_MAX;
    size_t got = 0;
    enum rt_status status = read_into(source, RT_RECORD_BYTES_MAX, &got);

    if (status != RT_OK)
        return status;

    const char *found = got == 0 ? NULL : memchr(piece, '\n', got);
    uint64_t before = source->long_bytes;

    if (found == NULL && !source->ended) {
        source->long_bytes += got;
        source->long_last = piece[got - 1];
        return RT_OK;
    }

    size_t rest = found == NULL ? 0 : (size_t)(found - piece);

    source->long_bytes += rest;
    if (rest > 0)
        source->long_last = piece[rest - 1];
    add_long_line(source, batch);
    source->base += before - RT_RECORD_BYTES_MAX;
    source->begin = source->scanned = RT_RECORD_BYTES_MAX + rest + (found != NULL);
    source->end = RT_RECORD_BYTES_MAX + got;
    return RT_OK;
}

/* Moves the begun line to the front and reads on behind it. */
static enum rt_status fill(struct file_source *source, struct rt_batch *batch)
{
    size_t begun = source->end - source->begin;

    if (source->long_bytes > 0)
        return fill_long(source, batch);
    if (source->begin > 0 && begun > 0)
        memmove(source->data, source->data + source->begin, begun);
    source->base += source->begin;
    source->begin = 0;
    source->scanned = source->end = begun;
    if (begun >= RT_RECORD_BYTES_MAX + LINE_END_BYTES_MAX) {
        source->long_bytes = begun;
        source->long_last = source->data[begun - 1];
        return fill_long(source, batch);
    }

    size_t got = 0;
    enum rt_status status = read_into(source, source->end, &got);

    if (status == RT_OK)
        source->end += got;
    return status;
}

/* ---- files ---- */

static void close_current(struct file_source *source)
{
    rt_input_close(source->input);
    source->input = NULL;
    source->ended = false;
    source->begin = source->scanned = source->end = 0;
    source->base = 0;
    source->long_bytes = 0;
}

static enum rt_status open_current(struct file_source *source)
{
    char text[ERROR_BYTES / 2];
    enum rt_status status = rt_input_open(source->paths[source->current], &source->input);

    if (status == RT_OK)
        return RT_OK;
    if (status == RT_ERR_NOMEM || strerror_r(errno, text, sizeof(text)) != 0)
        snprintf(text, sizeof(text), "%s", rt_status_text(status));
    return fail_with(source, status, text);
}

/* A last line without line end, then the next file. */
static void end_file(struct file_source *source, struct rt_batch *batch)
{
    if (source->begin < source->end) {
        add_line_at(source, batch, source->end);
        source->begin = source->scanned = source->end;
    }
    if (batch->count > 0)
        return; /* its bytes are borrowed: the file is closed by the next read */
    close_current(source);
    source->current++;
}

static enum rt_status source_read(struct rt_source *base, struct rt_batch *batch)
{
    struct file_source *source = (struct file_source *)base;
    enum rt_status status = RT_OK;

    batch->count = 0;
    if (source->failed)
        return RT_ERR_IO;
    while (batch->count == 0 && status == RT_OK) {
        if (source->current == source->path_count)
            return RT_END;
        if (source->input == NULL)
            status = open_current(source);
        if (status == RT_OK)
            split_lines(source, batch);
        if (status != RT_OK || batch->count > 0)
            break;
        if (source->ended)
            end_file(source, batch);
        else
            status = fill(source, batch);
    }
    return status == RT_AGAIN ? RT_OK : status;
}

static enum rt_status source_seek(struct rt_source *base, struct rt_position after)
{
    struct file_source *source = (struct file_source *)base;

    close_current(source);
    source->failed = false;
    source->current = after.partition;
    if (after.partition >= source->path_count)
        return fail_with(source, RT_ERR_CORRUPT, "there are fewer files than there were");

    enum rt_status status = open_current(source);

    if (status != RT_OK)
        return status;
    status = rt_input_seek(source->input, after.offset, source->data, CAPACITY);
    if (status != RT_OK)
        return fail_with(source, status, rt_input_error(source->input));
    source->base = after.offset;
    source->drop_next = true;
    return RT_OK;
}

static const char *source_error(const struct rt_source *base)
{
    return ((const struct file_source *)base)->error;
}

static void source_free(struct rt_source *base)
{
    struct file_source *source = (struct file_source *)base;

    if (source == NULL)
        return;
    rt_input_close(source->input);
    rt_arena_done(&source->arena);
    rt_free(source->paths);
    rt_free(source->data);
    rt_free(source);
}

/* ---- paths ---- */

static enum rt_status add_path(struct file_source *source, const char *path)
{
    if (source->path_count == source->path_capacity) {
        size_t capacity = source->path_capacity == 0 ? 8 : source->path_capacity * 2;
        void *paths = rt_realloc(source->paths, capacity * sizeof(*source->paths));

        if (paths == NULL)
            return RT_ERR_NOMEM;
        source->paths = paths;
        source->path_capacity = capacity;
    }
    path = rt_arena_text(&source->arena, path, strlen(path));
    if (path == NULL)
        return RT_ERR_NOMEM;
    source->paths[source->path_count++] = path;
    return RT_OK;
}

static int compare_strings(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The regular files of a directory but hidden ones, in byte order of their names. */
static enum rt_status add_entries(struct file_source *source, const char *path, DIR *directory)
{
    size_t first = source->path_count;
    const struct dirent *entry;
    enum rt_status status = RT_OK;

    while (status == RT_OK && (entry = readdir(directory)) != NULL) {
        struct stat about;

        if (entry->d_name[0] == '.')
            continue;

        const char *name = rt_arena_printf(&source->arena, "%s/%s", path, entry->d_name);

        if (name == NULL)
            return RT_ERR_NOMEM;
        if (stat(name, &about) == 0 && S_ISREG(about.st_mode))
            status = add_path(source, name);
    }
    if (source->path_count - first > 1)
        qsort(source->paths + first, source->path_count - first, sizeof(*source->paths),
              compare_strings);
    return status;
}

static enum rt_status refuse(struct rt_buffer *message, const char *path)
{
    char text[ERROR_BYTES / 2];

    if (strerror_r(errno, text, sizeof(text)) != 0)
        snprintf(text, sizeof(text), "error %d", errno);
    rt_buffer_printf(message, "cannot read `%s`: %s", path, text);
    return RT_ERR_IO;
}

static enum rt_status add_directory(struct file_source *source, const char *path,
                                    struct rt_buffer *message)
{
    size_t before = source->path_count;
    DIR *directory = opendir(path);

    if (directory == NULL)
        return refuse(message, path);

    enum rt_status status = add_entries(source, path, directory);

    closedir(directory);
    if (status == RT_OK && source->path_count == before) {
        rt_buffer_printf(message, "no files in `%s`", path);
        return RT_ERR_IO;
    }
    return status;
}

static enum rt_status expand_path(struct file_source *source, const char *path,
                                  struct rt_buffer *message)
{
    struct stat about;

    if (strcmp(path, "-") == 0)
        return add_path(source, path);
    if (stat(path, &about) != 0)
        return refuse(message, path);
    if (S_ISDIR(about.st_mode))
        return add_directory(source, path, message);
    if (access(path, R_OK) != 0)
        return refuse(message, path);
    return add_path(source, path);
}

enum rt_status rt_source_files_new(const char *const *paths, size_t count, uint32_t number,
                                   struct rt_buffer *message, struct rt_source **out)
{
    struct file_source *source = rt_alloc_zeroed(1, sizeof(*source));

    if (source == NULL)
        return RT_ERR_NOMEM;
    source->base_source = (struct rt_source){source_read, source_seek, source_error, source_free};
    rt_arena_init(&source->arena, PATHS_BYTES_MAX);
    source->number = number;

    enum rt_status status = RT_OK;

    for (size_t i = 0; status == RT_OK && i < count; i++)
        status = expand_path(source, paths[i], message);
    if (status == RT_OK) {
        source->data = rt_alloc_zeroed(1, CAPACITY + RT_RECORD_PADDING);
        status = source->data == NULL ? RT_ERR_NOMEM : RT_OK;
    }
    if (status != RT_OK) {
        source_free(&source->base_source);
        return status;
    }
    *out = &source->base_source;
    return RT_OK;
}
