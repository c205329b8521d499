/* SPDX-License-Identifier: Apache-2.0 */
/* gunzip.c - the only file that knows zlib. */
#include "runtime/io/gunzip.h"

#include <limits.h>

#include <zlib.h>

#include "runtime/base/alloc.h"

enum { GZIP_ONLY = 16 + MAX_WBITS };

struct rt_gunzip {
    z_stream stream;
    bool between; /* behind a member: the next non-zero byte begins another */
};

static void *take(void *unused, unsigned count, unsigned bytes)
{
    (void)unused;
    return rt_alloc_zeroed(count, bytes);
}

static void give(void *unused, void *block)
{
    (void)unused;
    rt_free(block);
}

enum rt_status rt_gunzip_new(struct rt_gunzip **out)
{
    struct rt_gunzip *gunzip = rt_alloc_zeroed(1, sizeof(*gunzip));

    if (gunzip == NULL)
        return RT_ERR_NOMEM;
    gunzip->stream.zalloc = take;
    gunzip->stream.zfree = give;
    if (inflateInit2(&gunzip->stream, GZIP_ONLY) != Z_OK) {
        rt_free(gunzip);
        return RT_ERR_NOMEM;
    }
    *out = gunzip;
    return RT_OK;
}

void rt_gunzip_free(struct rt_gunzip *gunzip)
{
    if (gunzip == NULL)
        return;
    inflateEnd(&gunzip->stream);
    rt_free(gunzip);
}

static unsigned at_most(size_t size)
{
    return size > UINT_MAX ? UINT_MAX : (unsigned)size;
}

/* One call of zlib; moves on what it used and made. */
static int inflate_some(struct rt_gunzip *gunzip, struct rt_gunzip_io *io)
{
    z_stream *stream = &gunzip->stream;
    unsigned in_size = at_most(io->in_size), out_size = at_most(io->out_size);

    stream->next_in = (Bytef *)io->in; /* zlib does not write there */
    stream->avail_in = in_size;
    stream->next_out = (Bytef *)io->out;
    stream->avail_out = out_size;

    int result = inflate(stream, Z_NO_FLUSH);

    io->in += in_size - stream->avail_in;
    io->in_size -= in_size - stream->avail_in;
    io->out += out_size - stream->avail_out;
    io->out_size -= out_size - stream->avail_out;
    return result;
}

enum rt_status rt_gunzip_run(struct rt_gunzip *gunzip, struct rt_gunzip_io *io)
{
    while (io->in_size > 0 && io->out_size > 0) {
        if (gunzip->between && *io->in == '\0') { /* padding, as tapes have it */
            io->in++;
            io->in_size--;
            continue;
        }
        if (gunzip->between && inflateReset(&gunzip->stream) != Z_OK)
            return RT_ERR_DATA;
        gunzip->between = false;

        int result = inflate_some(gunzip, io);

        if (result == Z_STREAM_END)
            gunzip->between = true;
        else if (result == Z_MEM_ERROR)
            return RT_ERR_NOMEM;
        else if (result != Z_OK && result != Z_BUF_ERROR)
            return RT_ERR_DATA;
    }
    return RT_OK;
}

bool rt_gunzip_complete(const struct rt_gunzip *gunzip)
{
    return gunzip->between;
}
