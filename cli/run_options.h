/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_options.h - what `egret run` was asked for, checked: the values behind the words of the command line.
 */
#ifndef EGRET_CLI_RUN_OPTIONS_H
#define EGRET_CLI_RUN_OPTIONS_H

#include "cep/options.h"
#include "cli/command.h"
#include "rules/plan.h"
#include "runtime/base/arena.h"
#include "runtime/time/timestamp.h"

struct cli_run_options {
    struct rt_arena arena; /* lists and texts live in it */
    const char *const *inputs;
    size_t input_count;
    const char *output;
    const char *dead_letter; /* NULL: none */
    const char *time_field;
    struct rt_time_reader time_reader;
    const char *watermark_when; /* NULL: periodic */
    rt_duration out_of_orderness;
    const char *state; /* directory; NULL: in memory */
    rt_duration checkpoint_every;
    bool keep_open, quiet;
    bool text; /* alerts as lines for people */
    struct cep_options limits;
    const struct rule_override *overrides;
    size_t override_count;
};

/* CLI_OK, or the exit code; what is wrong has been said on stderr.  Call cli_run_options_done in any case. */
enum cli_exit cli_run_options_read(const struct cli_call *call, struct cli_run_options *out);
void cli_run_options_done(struct cli_run_options *options);

#endif
