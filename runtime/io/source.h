/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source.h - the port through which records come in.
 *
 *     [ file, gzip, stdin | Kafka ... ] --read--> batch of records, up to 256, cut short when input runs dry
 *
 * S1  A record is bytes without line end, with its position; RT_RECORD_PADDING readable bytes follow it.
 * S2  Records of a batch are borrowed until the next read.
 * S3  read never waits for a full batch: it returns what is there, so latency stays low.
 * S4  Positions are stable: reading again from a position gives the same records.
 */
#ifndef EGRET_RUNTIME_IO_SOURCE_H
#define EGRET_RUNTIME_IO_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/status.h"
#include "runtime/base/text.h"
#include "runtime/event/event.h"

enum { RT_BATCH_RECORDS_MAX = 256 };

struct rt_record {
    const char *data; /* the first RT_RECORD_BYTES_MAX bytes when it was longer */
    uint32_t length;
    bool too_long;  /* longer than RT_RECORD_BYTES_MAX: `bytes` says how long */
    uint64_t bytes; /* whole length */
    struct rt_position position;
};

struct rt_batch {
    struct rt_record records[RT_BATCH_RECORDS_MAX];
    size_t count;
};

struct rt_source {
    /*
     * RT_OK: count may be 0 after a short wait, so that the caller sees that time goes on and that it was asked to stop.
     * RT_END: no more, ever.  RT_ERR_IO: `error` says what and where.
     */
    enum rt_status (*read)(struct rt_source *source, struct rt_batch *batch);
    /* Goes on from a position that was read before (the first record read is the one after). */
    enum rt_status (*seek)(struct rt_source *source, struct rt_position after);
    const char *(*error)(const struct rt_source *source); /* never NULL */
    void (*free)(struct rt_source *source);
};

/*
 * Reads the paths one after another as one stream: files, gzip by content, "-" for stdin, a directory's files (not hidden ones,
 * not its subdirectories) in name order.  `number` is the source's index in positions, partition the index of the file.
 * Empty lines are skipped, a carriage return in front of the line end and a byte order mark at the start of a file are left out.
 * RT_ERR_IO: a path cannot be opened; *message (a buffer of the caller) says which and why.
 */
enum rt_status rt_source_files_new(const char *const *paths, size_t count, uint32_t number,
                                   struct rt_buffer *message, struct rt_source **out);

#endif
