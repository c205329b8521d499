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
 * F5  The place tells of whole lines: a line that has begun and is not handed out lies behind it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"
#include "runtime/base/hash.h"
#include "runtime/event/codec.h"
#include "runtime/io/file_paths.h"
#include "runtime/io/input.h"
#include "runtime/io/source.h"

enum {
    CHUNK_BYTES = 256 << 10,
    LINE_END_BYTES_MAX = 2,
    CAPACITY = RT_RECORD_BYTES_MAX + LINE_END_BYTES_MAX + CHUNK_BYTES,
    LOOKS_PER_CHANGE = 25, /* one look in so many asks whether files were added or replaced */
    ERROR_BYTES = 512
};

struct file_source {
    struct rt_source base_source;
    struct rt_file_paths paths;
    uint32_t number;
    bool follow;
    unsigned looks;         /* in vain, one after another */
    size_t current;         /* index of the file at hand */
    struct rt_input *input; /* NULL: not opened yet */
    bool ended;             /* the file at hand has no more bytes */
    bool again;             /* with `ended`: it was cut or replaced, and is read from its start */
    bool failed;
    bool full; /* the last piece was as long as can be, so there is likely another */
    char *data;
    size_t begin, scanned, end;
    uint64_t base;
    uint64_t long_bytes;                 /* of the long line so far; 0: none */
    char long_last;                      /* its last byte so far */
    struct rt_place place, place_before; /* of the last batch that was not empty */
    char error[ERROR_BYTES];
};

static enum rt_status fail_with(struct file_source *source, enum rt_status status, const char *what)
{
    const char *path =
        source->current < source->paths.count ? source->paths.names[source->current] : "";

    source->failed = true;
    snprintf(source->error, sizeof(source->error), "cannot read `%s`: %s",
             strcmp(path, "-") == 0 ? "stdin" : path, what);
    return status;
}

/* ---- lines ---- */

static const char byte_order_mark[] = "\xEF\xBB\xBF";

/* Nothing but blanks; ends at the first byte of nearly every line. */
static bool is_blank(const char *data, uint64_t bytes)
{
    uint64_t at = 0;

    if (bytes > RT_RECORD_BYTES_MAX)
        return false;
    while (at < bytes && (data[at] == ' ' || data[at] == '\t'))
        at++;
    return at == bytes;
}

/* data[0 .. kept) of a line of `bytes` bytes that starts at `offset`.  Blank lines are no records. */
static void add_line(struct file_source *source, struct rt_batch *batch, const char *data,
                     uint64_t bytes, uint64_t offset)
{
    enum { MARK_BYTES = sizeof(byte_order_mark) - 1 };

    if (offset == 0 && bytes >= MARK_BYTES && memcmp(data, byte_order_mark, MARK_BYTES) == 0) {
        data += MARK_BYTES;
        bytes -= MARK_BYTES;
    }
    if (is_blank(data, bytes))
        return;

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

/* ---- files that grow ---- */

/* The file at hand has no more bytes: is that its end? */
static enum rt_status end_of_bytes(struct file_source *source)
{
    const char *path = source->paths.names[source->current];
    bool is_last = source->current + 1 == source->paths.count;

    if (!source->follow || !is_last) {
        source->ended = true;
        return RT_OK;
    }
    if (source->looks++ % LOOKS_PER_CHANGE != 0)
        return RT_AGAIN;

    uint64_t read = source->base + source->end;
    enum rt_input_change change = rt_input_change(source->input, path, read);
    enum rt_status status = RT_OK;

    if (change == RT_INPUT_SAME)
        status = rt_file_paths_refresh(&source->paths);
    if (status != RT_OK)
        return status;
    source->again = change != RT_INPUT_SAME;
    source->ended = source->again || source->current + 1 < source->paths.count;
    return source->ended ? RT_OK : RT_AGAIN;
}

/* ---- filling the buffer ---- */

static enum rt_status read_into(struct file_source *source, size_t at, size_t *got)
{
    RT_ASSERT(at + CHUNK_BYTES <= CAPACITY);
    enum rt_status status = rt_input_read(source->input, source->data + at, CHUNK_BYTES, got);

    source->full = status == RT_OK && *got == CHUNK_BYTES;
    if (status == RT_END)
        return end_of_bytes(source);
    if (status == RT_OK)
        source->looks = 0;
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
    enum rt_status status = rt_input_open(source->paths.names[source->current], &source->input);

    if (status == RT_OK)
        return RT_OK;
    if (status == RT_ERR_NOMEM || strerror_r(errno, text, sizeof(text)) != 0)
        snprintf(text, sizeof(text), "%s", rt_status_text(status));
    return fail_with(source, status, text);
}

/* A last line without line end; without one, the next file. */
static void end_file(struct file_source *source, struct rt_batch *batch)
{
    size_t before = batch->count;

    if (source->begin < source->end) {
        add_line_at(source, batch, source->end);
        source->begin = source->scanned = source->end;
    }
    if (batch->count > before)
        return; /* its bytes are borrowed: the file is closed by the next read */
    close_current(source);
    source->current += !source->again;
    source->again = false;
}

/* Behind the line of a record that is not the last one of the batch: there is a line end. */
static size_t line_behind(const struct file_source *source, const struct rt_record *record)
{
    const char *from = record->data + record->length;
    const char *found = memchr(from, '\n', (size_t)(source->data + source->end - from));

    RT_ASSERT(found != NULL);
    return (size_t)(found - source->data) + 1;
}

/* What a place says behind the first `taken` records of the batch; there is at least one. */
static void note_place(struct file_source *source, const struct rt_batch *batch, size_t taken)
{
    const struct rt_record *last = &batch->records[taken - 1];
    const size_t next = taken == batch->count ? source->begin : line_behind(source, last);

    source->place = (struct rt_place){.partition = (uint32_t)source->current,
                                      .has_last = true,
                                      .next = source->base + next,
                                      .last = last->position.offset,
                                      .fingerprint = rt_hash64(last->data, last->length),
                                      .name = source->paths.names[source->current]};
}

/* Nothing is at hand: the list may have grown.  RT_END: and never will. */
static enum rt_status wait_for_file(struct file_source *source)
{
    enum rt_status status = RT_OK;

    if (!source->follow)
        return RT_END;
    if (source->looks++ % LOOKS_PER_CHANGE == 0)
        status = rt_file_paths_refresh(&source->paths);
    return status == RT_OK && source->current == source->paths.count ? RT_AGAIN : status;
}

/* Fills up the batch; reads on only while it is empty. */
static enum rt_status read_lines(struct file_source *source, struct rt_batch *batch)
{
    size_t before = batch->count;
    enum rt_status status = RT_OK;

    while (batch->count == before && status == RT_OK) {
        if (source->current == source->paths.count) {
            status = wait_for_file(source);
            continue;
        }
        if (source->input == NULL)
            status = open_current(source);
        if (status == RT_OK)
            split_lines(source, batch);
        if (status != RT_OK || batch->count > before)
            break;
        if (source->ended)
            end_file(source, batch);
        else
            status = fill(source, batch);
    }
    return status;
}

static enum rt_status source_read(struct rt_source *base, struct rt_batch *batch)
{
    struct file_source *source = (struct file_source *)base;

    batch->count = 0;
    if (source->failed)
        return RT_ERR_IO;
    if (batch->paused)
        return RT_OK;

    enum rt_status status = read_lines(source, batch);

    batch->more = batch->count > 0 && source->full;
    if (batch->count > 0) {
        source->place_before = source->place;
        note_place(source, batch, batch->count);
    }
    return status == RT_AGAIN ? RT_OK : status;
}

static int source_descriptor(const struct rt_source *base)
{
    const struct file_source *source = (const struct file_source *)base;

    return source->input == NULL ? -1 : rt_input_descriptor(source->input);
}

/* ---- places ---- */

static size_t source_places(const struct rt_source *base, struct rt_place *out, size_t max)
{
    const struct file_source *source = (const struct file_source *)base;
    size_t count = source->place.has_last;

    if (count > 0 && max > 0)
        out[0] = source->place;
    return count;
}

static void source_stand_behind(struct rt_source *base, const struct rt_batch *batch, size_t taken)
{
    struct file_source *source = (struct file_source *)base;

    if (taken == 0)
        source->place = source->place_before;
    else
        note_place(source, batch, taken);
}

/* Reads the last record again, which must be what it was. */
static enum rt_status check_last(struct file_source *source, const struct rt_place *place)
{
    struct rt_batch *batch = rt_alloc(sizeof(*batch));
    enum rt_status status;
    bool is_same = false;

    if (batch == NULL)
        return RT_ERR_NOMEM;
    batch->count = RT_BATCH_RECORDS_MAX - 1; /* room for one */
    status = read_lines(source, batch);
    if (status == RT_OK && batch->count == RT_BATCH_RECORDS_MAX) {
        const struct rt_record *record = &batch->records[RT_BATCH_RECORDS_MAX - 1];

        is_same =
            record->position.partition == place->partition &&
            record->position.offset == place->last &&
            rt_hash64(record->data, record->length) == place->fingerprint &&
            source->base + source->begin <= place->next; /* behind it there may be blank lines */
    }
    rt_free(batch);
    if (status == RT_ERR_NOMEM || status == RT_ERR_IO)
        return status;
    return is_same ? RT_OK
                   : fail_with(source, RT_ERR_CORRUPT,
                               "it is not the file that it was: the last record is another");
}

static enum rt_status go_to(struct file_source *source, const struct rt_place *place)
{
    enum rt_status status = open_current(source);

    if (status != RT_OK)
        return status;
    status = rt_input_seek(source->input, place->last, source->data, CAPACITY);
    if (status != RT_OK)
        return fail_with(source, status, rt_input_error(source->input));
    source->base = place->last;
    status = check_last(source, place);
    if (status != RT_OK)
        return status;
    source->place = *place;
    source->place.name = source->paths.names[source->current];
    return RT_OK;
}

static enum rt_status source_seek(struct rt_source *base, const struct rt_place *places,
                                  size_t count)
{
    struct file_source *source = (struct file_source *)base;

    close_current(source);
    source->failed = false;
    source->current = 0;
    if (count == 0 || !places[0].has_last)
        return RT_OK;
    source->current = places[0].partition;
    if (source->current >= source->paths.count)
        return fail_with(source, RT_ERR_CORRUPT, "there are fewer files than there were");
    if (strcmp(source->paths.names[source->current], places[0].name) != 0)
        return fail_with(source, RT_ERR_CORRUPT, "another file stands at its place in the list");
    return go_to(source, &places[0]);
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
    rt_file_paths_done(&source->paths);
    rt_free(source->data);
    rt_free(source);
}

enum rt_status rt_source_files_open(const struct rt_files_options *options,
                                    struct rt_buffer *message, struct rt_source **out)
{
    struct file_source *source = rt_alloc_zeroed(1, sizeof(*source));

    if (source == NULL)
        return RT_ERR_NOMEM;
    source->base_source = (struct rt_source){.read = source_read,
                                             .descriptor = source_descriptor,
                                             .places = source_places,
                                             .stand_behind = source_stand_behind,
                                             .seek = source_seek,
                                             .error = source_error,
                                             .free = source_free};
    source->number = options->number;
    source->follow = options->follow;

    enum rt_status status = rt_file_paths_init(&source->paths, options->paths, options->path_count,
                                               options->glob, options->follow, message);

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

enum rt_status rt_source_files_new(const char *const *paths, size_t count, uint32_t number,
                                   struct rt_buffer *message, struct rt_source **out)
{
    struct rt_files_options options = {.paths = paths, .path_count = count, .number = number};

    return rt_source_files_open(&options, message, out);
}
