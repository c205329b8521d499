/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ends.h - the open sources and sinks of a job, from its configuration.
 *
 *     struct cli_config --open--> sources[]   sinks[]   dead letters      [session and decision, if a sink is exactly once in Kafka]
 *                       --probe-> is all of it there?  (check --connect)
 *
 * Whatever is refused is told in `message`: which end, what is wrong, what to do.
 */
#ifndef EGRET_CLI_ENDS_H
#define EGRET_CLI_ENDS_H

#include "cli/command.h"
#include "cli/config.h"
#include "runtime/io/decision.h"
#include "runtime/io/kafka_marker.h"
#include "runtime/io/kafka_replay.h"
#include "runtime/io/kafka_session.h"
#include "runtime/io/sink.h"
#include "runtime/io/source.h"

struct cli_ends {
    const struct cli_config *config;
    struct rt_arena arena;
    struct rt_source **sources; /* by source of the configuration */
    struct rt_sink **sinks;     /* by sink */
    struct rt_sink *dead_letter;
    struct rt_kafka_session *session; /* NULL: nothing is exactly once in Kafka */
    struct rt_decision *decision;     /* with session */
    bool at_kafka;                    /* what is being opened is there */
};

/*
 * `replay`, borrowed, with RT_KAFKA_RECOVER_REPLAY.  Exit code CLI_OK, or why not: CLI_USAGE (no such file), CLI_CONFIG (it cannot be like this), CLI_UNAVAILABLE (nobody answers).
 * Call cli_ends_close in any case, after the job is gone.
 */
enum cli_exit cli_ends_open(struct cli_ends *ends, const struct cli_config *config,
                            enum rt_kafka_recover recover, const struct rt_kafka_replay *replay,
                            struct rt_buffer *message);
void cli_ends_close(struct cli_ends *ends);

/*
 * Each end alone, without touching anything: a file can be read, a folder written, a broker answers and has the topics.  Tells
 * `each` of all of them; how many are not there.
 */
typedef void cli_probe_fn(void *context, const char *what, const char *name, const char *problem);
size_t cli_ends_probe(const struct cli_config *config, cli_probe_fn *each, void *context);

/*
 * Whether every input can be read again and every output taken back, which checkpoints need; *message says which one not.  A pipe
 * that a configuration names is left to cli_ends_repeats.
 */
bool cli_ends_survive(const struct cli_config *config, struct rt_buffer *message);

/* With checkpoints: where a sink writes what cannot be taken back, so that records come again after a stop; NULL: it does not. */
const char *cli_ends_repeats(const struct cli_sink_config *sink);

/* Alerts are flushed one by one unless the path is a file: whoever waits at the other end sees them at once. */
bool cli_flushes_each(const char *path);

#endif
