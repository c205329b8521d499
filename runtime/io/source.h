/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source.h - the port through which records come in.
 *
 *     [ files, stdin, Kafka ... ] --read--> batch of records, up to 256, cut short when input runs dry
 *               |                                |
 *               +-- descriptor: something may be there      +-- places: where each partition stands, to go on from later
 *
 * S1  A record is bytes without line end, with its position; RT_RECORD_PADDING readable bytes follow it.
 * S2  Records of a batch, with keys and headers, are borrowed until the next read.
 * S3  read never waits: RT_OK with no record means that there is none now.  The caller waits for all its sources at once
 *     (rt_sources_wait), so that one silent source does not delay the others.
 * S4  Positions are stable: reading again from a place gives the same records with the same positions.
 * S5  A caller that does not want more for a while does not read.  A source holds a bounded number of records ahead of its
 *     reader; what has to be kept alive meanwhile it keeps alive from `read` of an empty batch (`paused`).
 * S6  A source that reads several topics or files numbers what they have as its own partitions: the numbers are unique within
 *     the source, and a name says which is which when the places are read back.
 */
#ifndef EGRET_RUNTIME_IO_SOURCE_H
#define EGRET_RUNTIME_IO_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/instant.h"
#include "runtime/base/status.h"
#include "runtime/base/text.h"
#include "runtime/event/event.h"

enum { RT_BATCH_RECORDS_MAX = 256 };

struct rt_record_header {
    struct rt_text name, value; /* value.data NULL: null */
};

struct rt_record {
    const char *data; /* the first RT_RECORD_BYTES_MAX bytes when it was longer */
    uint32_t length;
    bool too_long;  /* longer than RT_RECORD_BYTES_MAX: `bytes` says how long */
    bool is_absent; /* it has no value (a tombstone): there is nothing to decode */
    uint64_t bytes; /* whole length */
    struct rt_position position;
    /* What the transport knows besides; a zeroed record has none of it. */
    bool has_stamp;
    rt_time stamp;      /* with has_stamp: when it was written, by who wrote it or took it in */
    struct rt_text key; /* data NULL: none */
    const struct rt_record_header *headers;
    size_t header_count;
};

struct rt_batch {
    struct rt_record records[RT_BATCH_RECORDS_MAX];
    size_t count;
    bool more;   /* set by the source, or left false: the next read need not wait for anything */
    bool paused; /* set by the caller: no records, please, only what keeps the source alive (S5) */
};

/* How far a source has come in one of its partitions. */
struct rt_place {
    uint32_t partition;
    bool has_last; /* a record of it was handed out */
    uint64_t
        next; /* where reading goes on: file, the byte behind the last line; Kafka, the next offset, control
                             records passed over */
    uint64_t last; /* with has_last: offset of the last record */
    uint64_t
        fingerprint; /* with has_last: hash of its bytes (rt_hash64), to notice that the data is another */
    const char *name; /* file's path, `topic/partition`; borrowed until the next read */
};

typedef void rt_waiting_fn(void *context, uint32_t partition);

struct rt_source {
    /*
     * Fills records and count.  RT_OK: count may be 0 (S3).  RT_END: no more, ever.  RT_ERR_IO: `error` says what and where.
     */
    enum rt_status (*read)(struct rt_source *source, struct rt_batch *batch);
    /* Readable when there may be records; -1: none, look again after RT_SOURCE_LOOK_MS.  NULL stands for -1. */
    int (*descriptor)(const struct rt_source *source);
    /*
     * Writes up to `max` places and returns how many there are.  They tell of everything that was handed out, so they are asked
     * for between two reads, when the last batch has been worked off, or after stand_behind.  A partition that is known but not yet read has a
     * place too: who merges partitions waits for it.  `max` 0 is fine.
     */
    size_t (*places)(const struct rt_source *source, struct rt_place *out, size_t max);
    /*
     * Until the next read, or the next such call: places tell as if the batch that was read last had ended behind its first `taken` records; with
     * its count, what they told before.  For who makes a checkpoint within a batch.
     */
    void (*stand_behind)(struct rt_source *source, const struct rt_batch *batch, size_t taken);
    /*
     * Before the first read: goes on from places that were written before, matched by name.  RT_ERR_UNSUPPORTED: this input cannot
     * be read again (a pipe).  RT_ERR_CORRUPT: it is not the data that it was; `error` says what is different.
     */
    enum rt_status (*seek)(struct rt_source *source, const struct rt_place *places, size_t count);
    /*
     * For a job that keeps no checkpoints: `mark` remembers how far has been read; `acknowledge` tells whoever keeps that for the
     * next start (Kafka's group) that nothing up to the mark need come again.  NULL: nobody does.
     */
    void (*mark)(struct rt_source *source);
    enum rt_status (*acknowledge)(struct rt_source *source);
    /*
     * How many records there are behind the last one that was handed out, as far as is known without asking anybody.  False: it is
     * not known.  NULL: never.
     */
    bool (*lag)(const struct rt_source *source, uint64_t *records);
    /*
     * Tells of each partition that has records which were not handed out because it was not their turn.  NULL: a batch that
     * is not full, and after which there is not `more`, is all that there was.
     */
    void (*waiting)(const struct rt_source *source, rt_waiting_fn *tell, void *context);
    const char *(*error)(const struct rt_source *source); /* never NULL */
    void (*free)(struct rt_source *source);
};

void rt_source_free(struct rt_source *source); /* NULL is fine */

enum {
    RT_SOURCE_WAIT_MS =
        100, /* longest wait, so that a caller sees that time goes on and that it was asked to stop */
    RT_SOURCE_LOOK_MS = 20 /* for a source without a descriptor */
};

/*
 * Waits until one of the sources may have records, or a signal came, or so many milliseconds are over (RT_SOURCE_WAIT_MS, unless
 * there is something to be done earlier).  NULLs are passed over.
 */
void rt_sources_wait(struct rt_source *const *sources, size_t count, int at_most_ms);

struct rt_files_options {
    const char *const
        *paths; /* files, gzip by content; "-" for stdin; directories; with `glob` patterns */
    size_t path_count;
    uint32_t number; /* the source's index in positions */
    bool glob;       /* `*`, `?` and `[..]` stand for any files */
    bool
        follow; /* the end of the last file is not the end: it may grow, and further files may come */
};

/*
 * Reads the files one after another as one stream: a directory's files (not hidden ones, not its subdirectories) and a
 * pattern's in name order.  Partition is the index of the file.  Blank lines are skipped, a carriage return in front of the
 * line end and a byte order mark at the start of a file are left out.
 * With `follow` the last file is looked at again and again; when another one comes behind it, its rest is read and it is left.
 * One that was cut or replaced is read from its start.
 * RT_ERR_IO: a path cannot be opened, or there is no file; *message (a buffer of the caller) says which and why.
 */
enum rt_status rt_source_files_open(const struct rt_files_options *options,
                                    struct rt_buffer *message, struct rt_source **out);
/* The same for paths alone. */
enum rt_status rt_source_files_new(const char *const *paths, size_t count, uint32_t number,
                                   struct rt_buffer *message, struct rt_source **out);

#endif
