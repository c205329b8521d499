/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink_file.c - records to a file or stdout, a line each, through one buffer.
 *
 *     write --> [ buffer, 64 KiB ] --flush--> descriptor --sync--> disk
 *                                  ^ position counts what has been written, flushed or not
 *
 * With a bound on its size the file is put aside before the record that would make it larger: FILE.2 becomes FILE.3, FILE.1
 * becomes FILE.2, FILE becomes FILE.1, and a new FILE begins.
 *
 * The first failure sticks: whatever is written afterwards fails alike.  A pipe without a reader is RT_END only if the process
 * ignores SIGPIPE, which is the program's business, not the library's.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"
#include "runtime/base/killpoint.h"
#include "runtime/io/sink.h"

enum { BUFFER_BYTES = 64 << 10, ERROR_BYTES = 512, PATH_BYTES_MAX = 8192, MODE_NEW = 0666 };

struct file_sink {
    struct rt_sink base;
    int descriptor;
    bool flush_each;
    enum rt_status status; /* RT_OK until something has failed */
    uint64_t position;
    uint64_t file_bytes; /* in the file at hand, what waits in the buffer included */
    uint64_t rotate_bytes;
    uint32_t rotate_keep;
    bool as_it_is;
    size_t used;
    char *path; /* owned */
    char buffer[BUFFER_BYTES];
    char error[ERROR_BYTES];
};

static const char *name_of(const struct file_sink *sink)
{
    return strcmp(sink->path, "-") == 0 ? "stdout" : sink->path;
}

static enum rt_status fail_errno(struct file_sink *sink)
{
    char text[ERROR_BYTES / 2];
    int why = errno;

    if (strerror_r(why, text, sizeof(text)) != 0)
        snprintf(text, sizeof(text), "error %d", why);
    snprintf(sink->error, sizeof(sink->error), "cannot write `%s`: %s", name_of(sink), text);
    sink->status = why == EPIPE ? RT_END : RT_ERR_IO;
    return sink->status;
}

/* True if the call may be tried again: it was interrupted, or a descriptor that does not block has room again. */
static bool try_again(const struct file_sink *sink)
{
    struct pollfd wanted = {.fd = sink->descriptor, .events = POLLOUT};

    if (errno == EINTR)
        return true;
    if (errno != EAGAIN && errno != EWOULDBLOCK)
        return false;
    return poll(&wanted, 1, -1) >= 0 || errno == EINTR;
}

static enum rt_status write_all(struct file_sink *sink, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t count = write(sink->descriptor, data, length);

        if (count < 0 && !try_again(sink))
            return fail_errno(sink);
        if (count > 0) {
            data += count;
            length -= (size_t)count;
        }
    }
    return RT_OK;
}

static enum rt_status sink_flush(struct rt_sink *base)
{
    struct file_sink *sink = (struct file_sink *)base;
    size_t used = sink->used;

    if (sink->status != RT_OK)
        return sink->status;
    sink->used = 0;
    return write_all(sink, sink->buffer, used);
}

static enum rt_status add(struct file_sink *sink, const char *data, size_t length)
{
    sink->position += length;
    sink->file_bytes += length;
    if (length > BUFFER_BYTES - sink->used) {
        enum rt_status status = sink_flush(&sink->base);

        if (status != RT_OK)
            return status;
    }
    if (length > BUFFER_BYTES)
        return write_all(sink, data, length);
    if (length > 0)
        memcpy(sink->buffer + sink->used, data, length);
    sink->used += length;
    return RT_OK;
}

/* ---- rotation ---- */

/* `how`: O_APPEND, O_TRUNC, or 0 to leave it as it is. */
static int open_path(const char *path, int how)
{
    int descriptor;

    if (strcmp(path, "-") == 0)
        return STDOUT_FILENO;
    do {
        descriptor = open(path, O_WRONLY | O_CREAT | how | O_CLOEXEC | O_NOCTTY, MODE_NEW);
    } while (descriptor < 0 && errno == EINTR);
    return descriptor;
}

/* FILE.number, or FILE itself for 0. */
static void numbered(const struct file_sink *sink, uint32_t number, struct rt_buffer *out)
{
    rt_buffer_reset(out);
    rt_buffer_string(out, sink->path);
    if (number > 0)
        rt_buffer_printf(out, ".%u", number);
}

/* What is put aside moves one number on; the last one is overwritten.  Files that are not there are passed over. */
static enum rt_status move_aside(struct file_sink *sink)
{
    struct rt_buffer from, to;
    enum rt_status status = RT_OK;

    rt_buffer_init(&from, PATH_BYTES_MAX);
    rt_buffer_init(&to, PATH_BYTES_MAX);
    for (uint32_t number = sink->rotate_keep; number > 0 && status == RT_OK; number--) {
        numbered(sink, number - 1, &from);
        numbered(sink, number, &to);
        if (from.failed || to.failed)
            status = RT_ERR_NOMEM;
        else if (rename(from.data, to.data) != 0 && errno != ENOENT)
            status = fail_errno(sink);
    }
    rt_buffer_done(&from);
    rt_buffer_done(&to);
    return status;
}

static enum rt_status rotate(struct file_sink *sink)
{
    enum rt_status status = sink_flush(&sink->base);

    if (status == RT_OK)
        status = move_aside(sink);
    if (status != RT_OK)
        return status;
    close(sink->descriptor);
    sink->descriptor = open_path(sink->path, O_TRUNC);
    sink->file_bytes = 0;
    return sink->descriptor < 0 ? fail_errno(sink) : RT_OK;
}

/* ---- writing ---- */

static enum rt_status sink_write(struct rt_sink *base, const struct rt_sink_record *record)
{
    struct file_sink *sink = (struct file_sink *)base;
    enum rt_status status = sink->status;

    if (status == RT_OK && sink->rotate_bytes > 0 && sink->file_bytes > 0 &&
        sink->file_bytes + record->value.length + 1 > sink->rotate_bytes)
        status = rotate(sink);
    if (status == RT_OK)
        status = add(sink, record->value.data, record->value.length);
    if (status == RT_OK)
        status = add(sink, "\n", 1);
    return status == RT_OK && sink->flush_each ? sink_flush(base) : status;
}

static enum rt_status sink_sync(struct rt_sink *base)
{
    struct file_sink *sink = (struct file_sink *)base;
    enum rt_status status = sink_flush(base);

    /* Pipes and terminals have no disk behind them. */
    if (status == RT_OK && fsync(sink->descriptor) != 0 && errno != EINVAL && errno != EROFS)
        return fail_errno(sink);
    return status;
}

static uint64_t sink_position(const struct rt_sink *base)
{
    return ((const struct file_sink *)base)->position;
}

static const char *sink_error(const struct rt_sink *base)
{
    return ((const struct file_sink *)base)->error;
}

/* ---- going on ---- */

/* The name of a file that was made is on disk too. */
static enum rt_status sync_parent(struct file_sink *sink)
{
    char parent[PATH_BYTES_MAX];
    size_t length = strlen(sink->path);
    int descriptor, result;

    while (length > 0 && sink->path[length - 1] != '/')
        length--;
    snprintf(parent, sizeof(parent), "%.*s.", (int)length, sink->path);
    if (MUTANT("no_directory_fsync"))
        return RT_OK;
    descriptor = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0)
        return fail_errno(sink);
    do {
        result = fsync(descriptor);
    } while (result != 0 && errno == EINTR);
    if (result != 0)
        fail_errno(sink);
    close(descriptor);
    return sink->status;
}

static enum rt_status refuse_to_go_on(struct file_sink *sink, enum rt_status status)
{
    sink->status = status;
    return status;
}

static enum rt_status sink_go_on(struct rt_sink *base, uint64_t position)
{
    struct file_sink *sink = (struct file_sink *)base;
    struct stat about;

    RT_ASSERT(sink->position == 0 && sink->used == 0);
    if (sink->as_it_is) {
        sink->position = position == RT_SINK_END ? 0 : position;
        return RT_OK;
    }
    if (fstat(sink->descriptor, &about) != 0)
        return fail_errno(sink);
    if (!S_ISREG(about.st_mode) || sink->rotate_bytes > 0) {
        snprintf(sink->error, sizeof(sink->error),
                 "`%s` %s: what was written to it cannot be taken back", name_of(sink),
                 S_ISREG(about.st_mode) ? "is put aside when it is full" : "is no file");
        return refuse_to_go_on(sink, RT_ERR_UNSUPPORTED);
    }
    if (position == RT_SINK_END)
        position = (uint64_t)about.st_size;
    if ((uint64_t)about.st_size < position) {
        snprintf(sink->error, sizeof(sink->error),
                 "`%s` has %llu bytes, but %llu had been written to it when the state was saved",
                 name_of(sink), (unsigned long long)about.st_size, (unsigned long long)position);
        return refuse_to_go_on(sink, RT_ERR_CORRUPT);
    }
    if (!MUTANT("output_not_truncated") && ftruncate(sink->descriptor, (off_t)position) != 0)
        return fail_errno(sink);
    if (lseek(sink->descriptor, MUTANT("output_not_truncated") ? 0 : (off_t)position,
              MUTANT("output_not_truncated") ? SEEK_END : SEEK_SET) < 0)
        return fail_errno(sink);
    sink->position = sink->file_bytes = position;
    KILLPOINT("output_cut");
    return sync_parent(sink);
}

static enum rt_status sink_settle(const struct rt_sink *base)
{
    const struct file_sink *sink = (const struct file_sink *)base;
    int result;

    if (MUTANT("no_fsync"))
        return RT_OK;
    do {
        result = fsync(sink->descriptor);
    } while (result != 0 && errno == EINTR);
    /* Pipes and terminals have no disk behind them. */
    return result == 0 || errno == EINVAL || errno == EROFS ? RT_OK : RT_ERR_IO;
}

static void sink_free(struct rt_sink *base)
{
    struct file_sink *sink = (struct file_sink *)base;

    if (sink == NULL)
        return;
    if (sink->descriptor >= 0)
        sink_flush(base);
    if (sink->descriptor > STDOUT_FILENO)
        close(sink->descriptor);
    rt_free(sink->path);
    rt_free(sink);
}

void rt_sink_free(struct rt_sink *sink)
{
    if (sink != NULL)
        sink->free(sink);
}

/* What the file holds already counts towards its bound. */
static void note_size(struct file_sink *sink)
{
    struct stat about;

    if (fstat(sink->descriptor, &about) == 0 && S_ISREG(about.st_mode))
        sink->file_bytes = (uint64_t)about.st_size;
    else
        sink->rotate_bytes = 0;
}

enum rt_status rt_sink_file_open(const struct rt_file_sink_options *options,
                                 struct rt_buffer *message, struct rt_sink **out)
{
    struct file_sink *sink = rt_alloc(sizeof(*sink));
    int how = options->append ? O_APPEND : O_TRUNC;

    if (sink == NULL)
        return RT_ERR_NOMEM;
    if (options->go_on)
        how = 0;
    memset(sink, 0, offsetof(struct file_sink, buffer));
    sink->error[0] = '\0';
    sink->base = (struct rt_sink){.write = sink_write,
                                  .flush = sink_flush,
                                  .sync = sink_sync,
                                  .position = sink_position,
                                  .error = sink_error,
                                  .go_on = sink_go_on,
                                  .settle = sink_settle,
                                  .free = sink_free};
    sink->flush_each = options->flush_each;
    sink->rotate_bytes = options->rotate_bytes;
    sink->rotate_keep = options->rotate_keep;
    sink->as_it_is = options->as_it_is;
    sink->descriptor = -1;
    sink->path = rt_alloc_text(options->path, strlen(options->path));
    if (sink->path == NULL) {
        sink_free(&sink->base);
        return RT_ERR_NOMEM;
    }
    sink->descriptor = open_path(sink->path, how);
    if (sink->descriptor < 0) {
        fail_errno(sink);
        rt_buffer_string(message, sink->error);
        sink_free(&sink->base);
        return RT_ERR_IO;
    }
    note_size(sink);
    *out = &sink->base;
    return RT_OK;
}

enum rt_status rt_sink_file_new(const char *path, bool flush_each, struct rt_buffer *message,
                                struct rt_sink **out)
{
    struct rt_file_sink_options options = {.path = path, .flush_each = flush_each};

    return rt_sink_file_open(&options, message, out);
}
