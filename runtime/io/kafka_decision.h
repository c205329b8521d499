/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_decision.h - the job's decision, made by Kafka: a checkpoint counts when the transaction that names it is committed.
 *
 *     session (alerts, offsets) + Kafka sources --> struct rt_decision for the job
 */
#ifndef EGRET_RUNTIME_IO_KAFKA_DECISION_H
#define EGRET_RUNTIME_IO_KAFKA_DECISION_H

#include "runtime/io/decision.h"
#include "runtime/io/kafka_replay.h"
#include "runtime/io/kafka_session.h"

struct rt_kafka_decision_options {
    struct rt_kafka_session *session;
    struct rt_source *const *sources; /* all of them Kafka's; the array is copied */
    size_t source_count;
    bool new_partitions; /* those without a committed offset are read from their start */
    enum rt_kafka_recover recover;
    struct rt_kafka_replay replay; /* with RT_KAFKA_RECOVER_REPLAY */
};

/* Borrows session and sources. */
enum rt_status rt_kafka_decision_new(const struct rt_kafka_decision_options *options,
                                     struct rt_decision **out);

#endif
