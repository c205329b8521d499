/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink_kafka.h - records to topics.
 *
 *     exactly once:   write --> session (the job's transactions) --> visible with the offsets that they came from
 *     at least once:  write --> a writer of its own; sync waits until all is acknowledged
 *
 * The key decides the partition as Kafka's own Java client would; without one the partition is random.
 */
#ifndef EGRET_RUNTIME_IO_SINK_KAFKA_H
#define EGRET_RUNTIME_IO_SINK_KAFKA_H

#include "runtime/io/kafka_client.h"
#include "runtime/io/kafka_session.h"
#include "runtime/io/sink.h"

struct rt_kafka_sink_options {
    struct rt_kafka_session *session;  /* exactly once; NULL: at least once, with `settings` */
    struct rt_kafka_settings settings; /* outlive the sink */
    const char *topic; /* of records without destination, looked up at once; NULL: all have one */
};

/* RT_ERR_IO: a setting is wrong, no broker answers, the topic is missing; `message` says which. */
enum rt_status rt_sink_kafka_open(const struct rt_kafka_sink_options *options,
                                  struct rt_buffer *message, struct rt_sink **out);

#endif
