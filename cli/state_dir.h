/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state_dir.h - looking at a state directory that no process works in, for `egret savepoint` and `egret state`.
 *
 *     DIR/checkpoint-12, ...           the state
 *     DIR/savepoints/sp-TIME-NAME/     savepoints, found by their whole name or by NAME alone
 */
#ifndef EGRET_CLI_STATE_DIR_H
#define EGRET_CLI_STATE_DIR_H

#include "cep/engine.h"
#include "cli/command.h"
#include "cli/rule_set.h"
#include "runtime/checkpoint/checkpoints.h"
#include "runtime/checkpoint/disk.h"

/* --dir DIR; NULL: it is missing, which has been said. */
const char *cli_state_directory(const struct cli_call *call);

/* Opens to read and chooses the newest checkpoint.  What is wrong has been said. */
enum cli_exit cli_state_open_newest(const struct cli_call *call, const char *directory,
                                    struct rt_checkpoints **out,
                                    const struct rt_manifest **manifest);

/* Says what a failed call to checkpoints answered, and the exit code for it. */
enum cli_exit cli_state_failed(const struct cli_call *call, enum rt_status status,
                               const struct rt_checkpoints *checkpoints);

/* The path of the savepoint of that name, the newest if several end so.  False: there is none, which has been said. */
bool cli_savepoint_find(const struct cli_call *call, const char *directory, const char *name,
                        char out[RT_PATH_BYTES_MAX]);
/* Names of all savepoints in order of time, one after another, each with a NUL. */
enum rt_status cli_savepoint_names(const char *directory, struct rt_buffer *out, size_t *count);

/* "41.2 MB" */
void cli_add_bytes(struct rt_buffer *out, uint64_t bytes);

/* ---- an engine that nobody feeds ---- */

struct cli_still {
    struct cli_rule_set set;
    struct cep_engine *engine;
    struct rt_buffer header;
    struct rt_arena arena; /* names of the sources that were */
};

/* Loads the rules that --rules names, makes an engine of them, and reads the header of the chosen checkpoint.  Call
 * cli_still_done in any case. */
enum cli_exit cli_still_open(struct cli_still *still, const struct cli_call *call,
                             struct rt_checkpoints *checkpoints,
                             const struct rt_manifest *manifest);
/* Restores all of the chosen checkpoint into the engine. */
enum cli_exit cli_still_restore(struct cli_still *still, const struct cli_call *call,
                                struct rt_checkpoints *checkpoints, uint16_t groups);
void cli_still_done(struct cli_still *still);

#endif
