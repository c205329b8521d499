/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_replay.h - from where records are read again, so that a lost state comes to be what it was.
 *
 *     topic/0   ......|s s s s s s s s s s s s|o o o o        X: the committed offset
 *                     ^ from = until - longest rule - margin    until: the watermark that the marker of the offsets names
 *
 * A rule's state is made of the events of a bounded time before the watermark (rules/reach.h).  Which offset that is the records'
 * time stamps tell: of an event that is younger than `from` the record is too, unless it was written before it happened.
 *
 * Y1  Nothing is read again unless it brings back every rule that has not been allowed to begin anew: rules without a bound and
 *     records that are gone are told, by name.
 */
#ifndef EGRET_RUNTIME_IO_KAFKA_REPLAY_H
#define EGRET_RUNTIME_IO_KAFKA_REPLAY_H

#include "runtime/base/instant.h"
#include "runtime/io/kafka_client.h"
#include "runtime/io/source.h"

struct rt_kafka_replay_rule {
    const char *name;
    bool allowed;          /* to begin with what there is */
    const char *unbounded; /* why nothing bounds what it remembers; NULL: `span` does */
    rt_duration span;
};

/* Borrowed. */
struct rt_kafka_replay {
    const struct rt_kafka_replay_rule *rules;
    size_t rule_count;
    rt_duration margin; /* so much earlier than its event a record may have been written */
};

struct rt_kafka_replay_offsets {
    struct rt_source *const *sources; /* Kafka's */
    size_t source_count;
    const struct rt_kafka_place *places; /* committed, of all sources, one after another */
    const size_t *counts;                /* by source */
    size_t place_count;
    rt_time until;
};

/*
 * Where each partition begins: `starts`, like `places`.  RT_ERR_CORRUPT: it cannot be done, `message` says why and what to do.
 * RT_ERR_IO, RT_ERR_NOMEM.
 */
enum rt_status rt_kafka_replay_plan(const struct rt_kafka_replay *replay,
                                    const struct rt_kafka_replay_offsets *offsets,
                                    struct rt_kafka_place *starts, rt_time *from,
                                    struct rt_buffer *message);

#endif
