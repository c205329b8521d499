/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source_kafka_inside.h - what a Kafka source consists of.  Private to the files source_kafka*.c:
 *
 *     source_kafka_open.c    settings, topics, group; and its end
 *     source_kafka_seek.c    where to begin, going on from a checkpoint, partitions that appear
 *     source_kafka.c         reading, places, acknowledging
 *
 * P1  parts[i] is the reader's lane i: they are assigned in this order, and those that appear later come behind.
 * P2  What a part says of itself is what was handed out; what was read ahead of it is in `ahead`.
 */
#ifndef EGRET_RUNTIME_IO_SOURCE_KAFKA_INSIDE_H
#define EGRET_RUNTIME_IO_SOURCE_KAFKA_INSIDE_H

#include "runtime/base/arena.h"
#include "runtime/io/kafka_ahead.h"
#include "runtime/io/source_kafka.h"

/* How far a part was handed out before the batch at hand. */
struct rt_kafka_before {
    int64_t next, last;
    bool has_last;
    uint64_t fingerprint;
};

struct rt_kafka_part {
    uint32_t topic, partition;
    const char *name; /* topic/partition */
    int64_t next;     /* offset of the next record; RT_KAFKA_NO_OFFSET: not known yet */
    int64_t end;      /* with until_now */
    int64_t hold;     /* it waits in front of this offset; INT64_MAX: nowhere */
    int64_t acknowledged;
    bool has_last, check_last;
    int64_t last;
    uint64_t fingerprint;
    const struct rt_record *unhashed; /* its last record in the batch at hand; NULL: hashed */
    struct rt_kafka_before before;    /* of a part with a record in the batch at hand */
    bool is_set_back;                 /* of these records not all count: `next` is one of them */
    uint64_t turn;                    /* when it was handed out last */
    struct rt_kafka_ahead ahead;
};

struct rt_kafka_source {
    struct rt_source port; /* first */
    struct rt_kafka_reader *reader;
    struct rt_arena names; /* of topics and parts */
    const char **topic_names;
    uint32_t *part_counts; /* owned; by topic */
    size_t topic_count;
    struct rt_kafka_part *parts; /* owned; of all topics */
    uint32_t *order;   /* owned; numbers of parts: those that have records ahead, as a heap */
    uint32_t *touched; /* owned; of those with a record in the batch at hand */
    size_t part_count, order_count, touched_count;
    uint64_t turns;
    uint32_t number;
    enum rt_kafka_start start;
    int64_t start_ms;
    bool until_now, wants_headers, new_partitions, pass_gaps;
    bool sought, started, holds;
    uint64_t look_every_ns, looked_at, acknowledged_all_at;
    struct rt_kafka_place *marked; /* owned */
    size_t marked_count;
    struct rt_buffer error;
};

static inline struct rt_kafka_source *rt_kafka_source_of(struct rt_source *port)
{
    return (struct rt_kafka_source *)port;
}

/* Replaces the message. */
#define RT_KAFKA_SOURCE_SAY(source, stop, ...)                                                     \
    do {                                                                                           \
        rt_buffer_reset(&(source)->error);                                                         \
        RT_KAFKA_STOP_SAY(&(source)->error, (stop), __VA_ARGS__);                                  \
    } while (0)

/* The client's own words; RT_ERR_IO. */
enum rt_status rt_kafka_source_client_failed(struct rt_kafka_source *source);

/* The topic has `count` partitions: parts are added for those that are not known. */
enum rt_status rt_kafka_source_add_parts(struct rt_kafka_source *source, uint32_t topic,
                                         uint32_t count);

/* A place for each part, with the offset that it has; how many there are. */
size_t rt_kafka_source_list(const struct rt_kafka_source *source, struct rt_kafka_place *out,
                            size_t max);
/* The same in memory of its own; NULL: there is none. */
struct rt_kafka_place *rt_kafka_source_list_all(const struct rt_kafka_source *source);

/* Finds out where to begin, unless somebody has said so, and begins. */
enum rt_status rt_kafka_source_begin(struct rt_kafka_source *source);

/* `seek` of the port. */
enum rt_status rt_kafka_source_seek(struct rt_source *port, const struct rt_place *places,
                                    size_t count);

/* Now and then: partitions that have appeared. */
enum rt_status rt_kafka_source_look_for_parts(struct rt_kafka_source *source);

/* The rest of the port, but for its functions `seek` and `free`. */
void rt_kafka_source_set_port(struct rt_kafka_source *source);

#endif
