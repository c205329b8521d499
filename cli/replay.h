/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay.h - `egret run --recover replay`: what the rules need of the records that are read again, and silence meanwhile.
 *
 *     rules, --allow-restart, sources --> struct rt_kafka_replay for the decision
 *     engine --emit--> [ counted while the job replays ] --> router
 */
#ifndef EGRET_CLI_REPLAY_H
#define EGRET_CLI_REPLAY_H

#include "cli/command.h"
#include "cli/config.h"
#include "cli/exit_code.h"
#include "cli/router.h"
#include "rules/plan.h"
#include "runtime/io/kafka_replay.h"
#include "runtime/job/job.h"

struct cli_replay {
    const struct cli_call *call;
    bool quiet;
    const struct rt_job *job; /* set by the caller when there is one */
    struct cli_router *router;
    struct rt_kafka_replay plan; /* lives in the arena */
    uint64_t silent;             /* records that were not written again */
};

/* CLI_OK, or why this job has nothing that could be replayed. */
enum cli_exit cli_replay_prepare(struct cli_replay *replay, const struct rule_plan *plan,
                                 const struct cli_config *config, struct rt_arena *arena);

/* rt_emit_fn; the context is the struct. */
rt_emit_fn cli_replay_emit;

/* Says what was read again.  The context is the struct. */
void cli_replay_tell(void *context);

#endif
