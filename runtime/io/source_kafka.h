/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source_kafka.h - topics as a source: all partitions of some topics, owned by this process alone.
 *
 *     topic 0: parts 0 1 2 3      partition number in positions = topic << RT_KAFKA_TOPIC_SHIFT | Kafka's partition
 *     topic 1: parts 0 1          (with one topic that is Kafka's own number)
 *
 *     open (reachable? topics there?) --> [ seek: where a checkpoint stands ] --> read ... --> places
 *                                    \--> nothing: `start` says where
 *
 * Q1  Records come in order within a partition, each once: what the client hands out again is dropped by offset, gaps (control
 *     records, compaction, aborted transactions) are fine.
 * Q2  A record without value (a tombstone) comes as such; it is the caller's to count.
 * Q3  seek looks before it leaps: data that was deleted in between, a topic made anew and a partition that is new are told
 *     (kafka_marker.h), never passed over.
 * Q8  What was read before can be read again: each partition begins earlier and waits in front of the offset where it is to go on.
 * Q4  A new partition that appears while the job runs is read from its start, or ends the job, as the options say.
 */
#ifndef EGRET_RUNTIME_IO_SOURCE_KAFKA_H
#define EGRET_RUNTIME_IO_SOURCE_KAFKA_H

#include "runtime/io/decision.h"
#include "runtime/io/kafka_client.h"
#include "runtime/io/kafka_marker.h"
#include "runtime/io/source.h"

enum { RT_KAFKA_TOPIC_SHIFT = 20, RT_KAFKA_CONNECT_MS = 10000 };

enum rt_kafka_start {
    RT_KAFKA_START_COMMITTED, /* where the group stands; nothing committed: the earliest */
    RT_KAFKA_START_EARLIEST,
    RT_KAFKA_START_LATEST,
    RT_KAFKA_START_TIME
};

struct rt_kafka_source_options {
    struct rt_kafka_settings settings; /* brokers, security and what the user passes through */
    const char *const *topics;
    size_t topic_count;
    const char *group; /* also in the settings */
    uint32_t number;   /* the source's index in positions */
    enum rt_kafka_start start;
    int64_t start_ms;       /* with RT_KAFKA_START_TIME */
    bool until_now;         /* ends where the topics ended when reading began */
    bool headers;           /* somebody wants them */
    bool new_partitions;    /* are read; false: they end the job */
    uint64_t look_every_ms; /* for new partitions; 0: never */
};

/*
 * Connects and looks the topics up.  RT_ERR_IO: a setting is wrong, no broker answers, a topic is missing, the group has members;
 * `message` says which.  The settings are copied by the client, the rest of the options is borrowed during the call.
 */
enum rt_status rt_source_kafka_open(const struct rt_kafka_source_options *options,
                                    struct rt_buffer *message, struct rt_source **out);

/* ---- for who commits offsets together with what was made of them (kafka_session.h) ---- */

struct rt_kafka_reader *rt_source_kafka_reader(struct rt_source *source);

/* What the group has committed, a place for each partition; returns how many, at most `max`.  Waits for a pending transaction. */
enum rt_status rt_source_kafka_committed(struct rt_source *source, struct rt_kafka_place *out,
                                         size_t max, size_t *count);

/* Reads from there instead of from where `start` says; all partitions, before the first read. */
void rt_source_kafka_begin_at(struct rt_source *source, const struct rt_kafka_place *places,
                              size_t count);

/* Where each partition is to wait until rt_source_kafka_let_go; all partitions, before the first read. */
void rt_source_kafka_hold(struct rt_source *source, const struct rt_kafka_place *places,
                          size_t count);
/* Tells of the partitions that wait there, or have nothing before it.  True: all of them. */
bool rt_source_kafka_waits(struct rt_source *source, rt_arrived_fn *tell, void *context);
void rt_source_kafka_let_go(struct rt_source *source);

/* What was deleted unread is passed over by seek: the operator knows. */
void rt_source_kafka_pass_gaps(struct rt_source *source);

/* Finds out where to read from, if nobody has said so, and begins; from now on `stand` and `places` tell. */
enum rt_status rt_source_kafka_begin(struct rt_source *source);

/* Where it stands: a place for each partition that is read, as `places`, with Kafka's names. */
size_t rt_source_kafka_stand(struct rt_source *source, struct rt_kafka_place *out, size_t max);

/* `topic/partition` of a place; borrowed until the source is freed. */
const char *rt_source_kafka_name(const struct rt_source *source,
                                 const struct rt_kafka_place *place);

#endif
