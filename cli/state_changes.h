/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state_changes.h - what becomes of saved partial matches under other rules, in words.
 *
 *     keep     login-brute-force     same pattern
 *     edit     card-testing          other words, same pattern
 *     restart  impossible-travel     step `there` has changed: 61 partial matches are dropped
 *     drop     old-rule              not in the rules: 12 partial matches are dropped
 *     new      error-burst
 */
#ifndef EGRET_CLI_STATE_CHANGES_H
#define EGRET_CLI_STATE_CHANGES_H

#include "cep/save.h"
#include "cli/command.h"

struct cli_state_changes {
    struct rt_buffer text; /* the lines */
    const struct cli_call *call;
    uint32_t changed;     /* rules that do not simply go on */
    uint32_t not_allowed; /* restarts that --allow-restart does not name */
    struct rt_buffer advice;
};

/* Compares; what restoring would do is then in the struct.  Call cli_state_changes_done in any case. */
enum rt_status cli_state_changes_read(struct cli_state_changes *changes,
                                      const struct cli_call *call, struct cep_engine *engine,
                                      struct rt_text header);
void cli_state_changes_done(struct cli_state_changes *changes);

#endif
