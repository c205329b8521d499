/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_state.h - the durable side of `egret run`: --state DIR.
 *
 *     open (what can be read and written again?, lock, whose is it) --> options for the job --> recover --> tell
 *
 * Whatever is refused is said on stderr in words: what is wrong, and what to do.
 */
#ifndef EGRET_CLI_RUN_STATE_H
#define EGRET_CLI_RUN_STATE_H

#include "cli/command.h"
#include "cli/config.h"
#include "rules/plan.h"
#include "runtime/job/durable.h"

enum { CLI_STATE_GROUPS = 128 };

struct cli_state {
    const struct cli_call *call;
    bool quiet;
    struct rt_checkpoints *checkpoints;
    struct rt_durable_options options; /* for the job; the caller sets names */
    struct rt_durable_output *outputs; /* owned; all sinks and the dead letters */
    size_t output_capacity;
};

/* What state.limits.memory has no room for goes to disk. */
bool cli_state_spills(const struct cli_config *config);

/* Takes the directory.  Call cli_state_close in any case. */
enum cli_exit cli_state_open(struct cli_state *state, const struct cli_call *call,
                             const struct rule_plan *plan, const struct cli_config *config);
void cli_state_add_output(struct cli_state *state, struct rt_sink *sink, const char *name);
/* Says from where the job goes on. */
void cli_state_tell(const struct cli_state *state, const struct rt_recovered *recovered);
void cli_state_close(struct cli_state *state);

/* The exit code of what a state directory or a checkpoint answered. */
enum cli_exit cli_state_exit(enum rt_status status);

/* Names of all rules and their revisions as one number. */
uint64_t cli_state_rules_hash(const struct rule_plan *plan);

#endif
