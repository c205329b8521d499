/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink.h - the port through which records go out.
 *
 *     record (value, key, headers, destination) --write--> [ buffer ] --flush--> away --sync--> safe
 *
 * K1  write takes one record without line end and owns what it needs of it when it returns.  It may wait for room.
 * K2  flush returns when everything written so far is on its way (file: with the operating system; Kafka: handed to the
 *     client, which sends it); sync when it is safe (file: on disk; Kafka: acknowledged, within a transaction or not).
 * K3  RT_END: the reader of a pipe has gone; the job ends quietly.
 * K4  What the transport has no use for (a file: key, headers, destination) it leaves aside.
 */
#ifndef EGRET_RUNTIME_IO_SINK_H
#define EGRET_RUNTIME_IO_SINK_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/instant.h"
#include "runtime/base/status.h"
#include "runtime/base/text.h"
#include "runtime/io/source.h"

/* For go_on: behind all that is there. */
#define RT_SINK_END UINT64_MAX

struct rt_sink_record {
    struct rt_text value;
    struct rt_text key;         /* for partitioning; data NULL: none */
    struct rt_text destination; /* topic; data NULL: the sink's own */
    const struct rt_record_header *headers;
    size_t header_count;
    bool has_time;
    rt_time time; /* of the record, in event time */
};

struct rt_sink {
    enum rt_status (*write)(struct rt_sink *sink, const struct rt_sink_record *record);
    enum rt_status (*flush)(struct rt_sink *sink);
    enum rt_status (*sync)(struct rt_sink *sink);
    uint64_t (*position)(const struct rt_sink *sink); /* bytes or records written since the start */
    const char *(*error)(const struct rt_sink *sink); /* never NULL */
    /*
     * Before the first write, where the sink was opened to go on: what lies behind `position` is taken back, and the next record
     * follows it.  RT_ERR_CORRUPT: there is less than that.  RT_ERR_UNSUPPORTED: nothing can be taken back here (a pipe).
     * NULL: others see to it that nothing counts twice (a transaction).
     */
    enum rt_status (*go_on)(struct rt_sink *sink, uint64_t position);
    /*
     * What flush has handed over is safe when this returns.  Unlike sync it may run on another thread while records are
     * written.  RT_ERR_IO: errno says why.  NULL: nothing to do.
     */
    enum rt_status (*settle)(const struct rt_sink *sink);
    void (*free)(
        struct rt_sink *sink); /* flushes; NULL is fine where it is called through rt_sink_free */
};
void rt_sink_free(struct rt_sink *sink);

/* Writes a value without anything else. */
static inline enum rt_status rt_sink_write(struct rt_sink *sink, struct rt_text value)
{
    return sink->write(sink, &(struct rt_sink_record){.value = value});
}

struct rt_file_sink_options {
    const char *path; /* "-" for stdout */
    bool flush_each;  /* after every record, for terminals and pipes */
    bool append;      /* what the file holds stays; else it is emptied */
    bool go_on;       /* it stays as it is until go_on says where writing begins */
    bool as_it_is;    /* go_on takes nothing back: what comes again is written again (a pipe) */
    uint64_t
        rotate_bytes; /* 0: never.  Before a record that would make it larger, FILE becomes FILE.1, that FILE.2 ... */
    uint32_t rotate_keep; /* how many such files stay */
};
enum rt_status rt_sink_file_open(const struct rt_file_sink_options *options,
                                 struct rt_buffer *message, struct rt_sink **out);
/* A file that is created or emptied, or "-". */
enum rt_status rt_sink_file_new(const char *path, bool flush_each, struct rt_buffer *message,
                                struct rt_sink **out);

#endif
