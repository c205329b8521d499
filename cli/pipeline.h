/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pipeline.h - a job from its configuration and its rules: everything between the first byte and the last alert.
 *
 *     ends (sources, sinks) --> job (decode, time, order) --> engine --> router --> ends
 *                                   |                             \
 *                                   +--> dead letters              checkpoints, if there is a state directory
 */
#ifndef EGRET_CLI_PIPELINE_H
#define EGRET_CLI_PIPELINE_H

#include "cli/rule_set.h"
#include "cli/run_options.h"

/* Runs until the input ends or a signal comes, and reports.  The exit code; everything has been said. */
enum cli_exit cli_pipeline_run(const struct cli_call *call, const struct cli_run_options *options,
                               struct cli_rule_set *set);

#endif
