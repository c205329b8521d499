/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_options.h - what `egret run` was asked for, as a configuration.
 *
 *     egret run [--config FILE]              egret.yaml and what lies below and above it
 *     egret run RULES -i FILE -o FILE ...    the same structure, made of the words: one source, one sink
 */
#ifndef EGRET_CLI_RUN_OPTIONS_H
#define EGRET_CLI_RUN_OPTIONS_H

#include "cli/command.h"
#include "cli/config_files.h"
#include "runtime/io/kafka_marker.h"

struct cli_run_options {
    struct cli_config_set set; /* set.config is what is run */
    const char *const *rules;  /* paths */
    size_t rule_count;
    bool keep_open, quiet;
    enum rt_kafka_recover recover;
};

/* CLI_OK, or the exit code; what is wrong has been said on stderr.  Call cli_run_options_done in any case. */
enum cli_exit cli_run_options_read(const struct cli_call *call, struct cli_run_options *out);
void cli_run_options_done(struct cli_run_options *options);

/*
 * What the rules are loaded with: names, fields and conditions of the configuration.  Borrows from it; lives in its arena.  The nth
 * condition and the nth field are of cli_run_place.
 */
enum rt_status cli_run_load_options(struct cli_config *config, struct rule_load_options *out);

/* Where a source's fields and condition lie among the plan's run_slots and run_conditions. */
struct cli_run_place {
    size_t time_field; /* SIZE_MAX: none */
    size_t first_field;
    size_t condition; /* SIZE_MAX: none */
};
struct cli_run_place cli_run_place_of(const struct cli_config *config, size_t source);

#endif
