/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_ends.h - from what egret.yaml says of Kafka to sources, sinks, and the transactions that bind them.
 *
 *     brokers, tls, sasl, options --> settings of the client library --> source | session | sink
 *
 * E1  Options are passed on as they are, except those that the guarantees stand on (kafka_ends.c has the list with the reasons):
 *     these are refused by name.
 * E2  Secrets are read here, from their file or variable, when the connection is opened; they are in no message.
 */
#ifndef EGRET_CLI_KAFKA_ENDS_H
#define EGRET_CLI_KAFKA_ENDS_H

#include "cli/config.h"
#include "cli/exit_code.h"
#include "runtime/io/kafka_session.h"
#include "runtime/io/sink.h"
#include "runtime/io/source.h"

/* Settings live in `arena`.  All: RT_ERR_IO or RT_ERR_DIAG: `message` says what is wrong. */

enum rt_status cli_kafka_source(const struct cli_source_config *config, uint32_t number,
                                bool headers, struct rt_arena *arena, struct rt_buffer *message,
                                struct rt_source **out);

/* The cluster's own name; `end` is what messages call whoever asks. */
enum rt_status cli_kafka_cluster(const struct cli_kafka *kafka, const char *end,
                                 struct rt_arena *arena, struct rt_buffer *message,
                                 const char **out);

/* The job's transactions; `id` is the same for every process that may ever do this job. */
enum rt_status cli_kafka_session(const struct cli_kafka *kafka, const char *id,
                                 rt_duration checkpoint_every, struct rt_arena *arena,
                                 struct rt_buffer *message, struct rt_kafka_session **out);

/* `session` for exactly once; NULL: at least once.  A topic with placeholders is looked up when a record names it. */
enum rt_status cli_kafka_sink(const struct cli_sink_config *config,
                              struct rt_kafka_session *session, struct rt_arena *arena,
                              struct rt_buffer *message, struct rt_sink **out);

/* The exit code that a message of Kafka's stands for (docs/kafka.md); `otherwise` if it is about something else. */
enum cli_exit cli_kafka_exit(const char *message, enum cli_exit otherwise);

#endif
