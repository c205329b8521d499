/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/io/input.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/alloc.h"
#include "runtime/io/gunzip.h"

enum { STAGE_BYTES = 64 << 10, MAGIC_BYTES = 2, ERROR_BYTES = 128 };

struct rt_input {
    int descriptor;
    bool regular;
    bool sniffed;             /* it is known whether this is gzip */
    struct rt_gunzip *gunzip; /* NULL: plain */
    size_t staged_begin, staged_end;
    char staged[STAGE_BYTES];
    char error[ERROR_BYTES];
};

enum rt_status rt_input_open(const char *path, struct rt_input **out)
{
    struct rt_input *input = rt_alloc(sizeof(*input));
    struct stat about;

    if (input == NULL)
        return RT_ERR_NOMEM;
    memset(input, 0, offsetof(struct rt_input, staged));
    input->error[0] = '\0';
    input->descriptor =
        strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (input->descriptor < 0 || fstat(input->descriptor, &about) != 0) {
        rt_input_close(input);
        return RT_ERR_IO;
    }
    input->regular = S_ISREG(about.st_mode);
    *out = input;
    return RT_OK;
}

void rt_input_close(struct rt_input *input)
{
    int saved = errno;

    if (input == NULL)
        return;
    if (input->descriptor > STDIN_FILENO)
        close(input->descriptor);
    rt_gunzip_free(input->gunzip);
    rt_free(input);
    errno = saved;
}

const char *rt_input_error(const struct rt_input *input)
{
    return input->error;
}

int rt_input_descriptor(const struct rt_input *input)
{
    return input->regular ? -1 : input->descriptor;
}

enum rt_input_change rt_input_change(const struct rt_input *input, const char *path, uint64_t read)
{
    struct stat opened, named;

    if (!input->regular || fstat(input->descriptor, &opened) != 0)
        return RT_INPUT_SAME;
    if (stat(path, &named) == 0 && (named.st_ino != opened.st_ino || named.st_dev != opened.st_dev))
        return RT_INPUT_REPLACED;
    return input->gunzip == NULL && (uint64_t)opened.st_size < read ? RT_INPUT_CUT : RT_INPUT_SAME;
}

static enum rt_status fail_with(struct rt_input *input, enum rt_status status, const char *what)
{
    snprintf(input->error, sizeof(input->error), "%s", what);
    return status;
}

static enum rt_status fail_errno(struct rt_input *input)
{
    if (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK)
        return RT_AGAIN;
    if (strerror_r(errno, input->error, sizeof(input->error)) != 0)
        snprintf(input->error, sizeof(input->error), "error %d", errno);
    return RT_ERR_IO;
}

/* What the descriptor has now. */
static enum rt_status read_raw(struct rt_input *input, char *data, size_t size, size_t *got)
{
    if (!input->regular) {
        struct pollfd wanted = {.fd = input->descriptor, .events = POLLIN};
        int ready = poll(&wanted, 1, 0);

        if (ready == 0)
            return RT_AGAIN;
        if (ready < 0)
            return fail_errno(input);
    }

    ssize_t count = read(input->descriptor, data, size);

    if (count < 0)
        return fail_errno(input);
    *got = (size_t)count;
    return count == 0 ? RT_END : RT_OK;
}

static enum rt_status stage_more(struct rt_input *input)
{
    size_t got = 0;
    enum rt_status status =
        read_raw(input, input->staged + input->staged_end, STAGE_BYTES - input->staged_end, &got);

    if (status == RT_OK)
        input->staged_end += got;
    return status;
}

/* Looks at the first two bytes.  RT_END: there are fewer. */
static enum rt_status sniff(struct rt_input *input)
{
    static const char magic[] = "\x1F\x8B";
    enum rt_status status = RT_OK;

    while (status == RT_OK && input->staged_end < MAGIC_BYTES)
        status = stage_more(input);
    if (status != RT_OK && status != RT_END)
        return status;
    if (status == RT_OK && memcmp(input->staged, magic, MAGIC_BYTES) == 0) {
        status = rt_gunzip_new(&input->gunzip);
        if (status != RT_OK)
            return fail_with(input, status, "out of memory");
    }
    input->sniffed = true;
    return RT_OK;
}

static enum rt_status read_plain(struct rt_input *input, char *data, size_t size, size_t *got)
{
    size_t staged = input->staged_end - input->staged_begin;

    if (staged == 0)
        return read_raw(input, data, size, got);
    *got = staged < size ? staged : size;
    memcpy(data, input->staged + input->staged_begin, *got);
    input->staged_begin += *got;
    return RT_OK;
}

static enum rt_status refill_stage(struct rt_input *input)
{
    input->staged_begin = input->staged_end = 0;

    enum rt_status status = stage_more(input);

    if (status == RT_END && !rt_gunzip_complete(input->gunzip))
        return fail_with(input, RT_ERR_IO, "the gzip data ends too early");
    return status;
}

static enum rt_status read_gzip(struct rt_input *input, char *data, size_t size, size_t *got)
{
    struct rt_gunzip_io io = {.out = data, .out_size = size};

    while (io.out_size == size) {
        enum rt_status status = RT_OK;

        if (input->staged_begin == input->staged_end)
            status = refill_stage(input);
        if (status != RT_OK)
            return status;
        io.in = input->staged + input->staged_begin;
        io.in_size = input->staged_end - input->staged_begin;
        status = rt_gunzip_run(input->gunzip, &io);
        if (status == RT_ERR_NOMEM)
            return fail_with(input, status, "out of memory");
        if (status != RT_OK)
            return fail_with(input, RT_ERR_IO, "the gzip data is damaged");
        input->staged_begin = input->staged_end - io.in_size;
    }
    *got = size - io.out_size;
    return RT_OK;
}

enum rt_status rt_input_read(struct rt_input *input, char *data, size_t size, size_t *got)
{
    if (!input->sniffed) {
        enum rt_status status = sniff(input);

        if (status != RT_OK)
            return status;
    }
    return input->gunzip == NULL ? read_plain(input, data, size, got)
                                 : read_gzip(input, data, size, got);
}

static enum rt_status seek_plain(struct rt_input *input, uint64_t offset)
{
    struct stat about;

    if (fstat(input->descriptor, &about) != 0)
        return fail_errno(input);
    if (offset > (uint64_t)about.st_size)
        return fail_with(input, RT_ERR_CORRUPT, "the file is shorter than it was");
    if (lseek(input->descriptor, (off_t)offset, SEEK_SET) < 0)
        return fail_errno(input);
    input->staged_begin = input->staged_end = 0;
    return RT_OK;
}

enum rt_status rt_input_seek(struct rt_input *input, uint64_t offset, char *scratch, size_t size)
{
    if (!input->regular)
        return fail_with(input, RT_ERR_UNSUPPORTED,
                         "only a file can be read again from a position");

    enum rt_status status = sniff(input);

    if (status == RT_OK && input->gunzip == NULL)
        return seek_plain(input, offset);
    while (status == RT_OK && offset > 0) {
        size_t got;

        status = read_gzip(input, scratch, offset < size ? (size_t)offset : size, &got);
        if (status == RT_OK)
            offset -= got;
    }
    if (status == RT_END)
        return fail_with(input, RT_ERR_CORRUPT, "the file is shorter than it was");
    return status;
}
