/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_ahead.h - what has been taken of one partition and not yet handed on: records, copied once.
 *
 *     reader's lane --fill--> chunk 0 [ r r r r | r r ]      chunk 1 [ r r r ... ]
 *                                               ^ next         filled while records of chunk 0 are still borrowed
 *
 * A1  A record's bytes, key and headers lie in the chunk, with RT_RECORD_PADDING readable bytes behind them; a value that is longer
 *     than a record may be is copied as far as that.
 * A2  What was handed on is borrowed until `begin`.  So a read gets at most two chunks of a partition.
 * A3  Records come in order, each once: what is behind the expected offset is dropped, gaps are fine.
 */
#ifndef EGRET_RUNTIME_IO_KAFKA_AHEAD_H
#define EGRET_RUNTIME_IO_KAFKA_AHEAD_H

#include "runtime/base/arena.h"
#include "runtime/io/kafka_client.h"
#include "runtime/io/source.h"

struct rt_kafka_chunk {
    struct rt_arena arena;
    char *page; /* of the arena: what is left of it */
    size_t page_left;
    size_t bytes;              /* copied */
    struct rt_record *records; /* owned */
    uint32_t count;
};

struct rt_kafka_ahead {
    struct rt_kafka_chunk chunks[2];
    uint32_t at;             /* which of them is handed on */
    uint32_t next;           /* of its records */
    bool is_borrowed;        /* records of it have been handed on since `begin` */
    bool other_is_borrowed;  /* of the other one, too */
    bool with_headers;       /* somebody wants them */
    struct rt_position like; /* source and partition of the records */
    int64_t expected;        /* offset of the next message */
    int64_t end;             /* nothing from there on; INT64_MAX: all */
    bool check_last; /* the message at `last`, if it is still there, must have this fingerprint */
    int64_t last;
    uint64_t fingerprint;
};

/* A zeroed one is empty. */
void rt_kafka_ahead_done(struct rt_kafka_ahead *ahead);

/* Whoever was handed records is through with them. */
void rt_kafka_ahead_begin(struct rt_kafka_ahead *ahead);

static inline bool rt_kafka_ahead_has(const struct rt_kafka_ahead *ahead)
{
    return ahead->next < ahead->chunks[ahead->at].count;
}

/* With `has`: the next record. */
static inline const struct rt_record *rt_kafka_ahead_first(const struct rt_kafka_ahead *ahead)
{
    return &ahead->chunks[ahead->at].records[ahead->next];
}

static inline void rt_kafka_ahead_pass(struct rt_kafka_ahead *ahead)
{
    ahead->is_borrowed = true;
    ahead->next++;
}

/*
 * Without `has`: takes what is there of the lane, without waiting.  RT_AGAIN: there is no room until `begin`.  RT_ERR_CORRUPT: the
 * last record is not the one that it was.  RT_ERR_NOMEM, RT_ERR_IO.
 */
enum rt_status rt_kafka_ahead_fill(struct rt_kafka_ahead *ahead, struct rt_kafka_reader *reader,
                                   size_t lane);

#endif
