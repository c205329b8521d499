/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink.h - the port through which records go out.
 *
 * K1  write takes one record without line end and owns what it needs of it when it returns.
 * K2  flush returns when everything written so far is with the operating system; sync when it is on disk.
 * K3  RT_END: the reader of a pipe has gone; the job ends quietly.
 */
#ifndef EGRET_RUNTIME_IO_SINK_H
#define EGRET_RUNTIME_IO_SINK_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/status.h"
#include "runtime/base/text.h"

struct rt_sink {
    enum rt_status (*write)(struct rt_sink *sink, struct rt_text record);
    enum rt_status (*flush)(struct rt_sink *sink);
    enum rt_status (*sync)(struct rt_sink *sink);
    uint64_t (*position)(
        const struct rt_sink *sink); /* bytes written since the start of the file */
    const char *(*error)(const struct rt_sink *sink); /* never NULL */
    void (*free)(
        struct rt_sink *sink); /* flushes; NULL is fine where it is called through rt_sink_free */
};
void rt_sink_free(struct rt_sink *sink);

/* A file (created or truncated), or "-" for stdout.  flush_each: after every record, for terminals and pipes. */
enum rt_status rt_sink_file_new(const char *path, bool flush_each, struct rt_buffer *message,
                                struct rt_sink **out);

#endif
