/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sample.h - do the events of a sample have the fields that the rules read?
 *
 *     rules: event.cuontry        sample: user in 100 %, country in 98 % of 2,000 events
 *
 *     --> warning[W301]: no event of the sample has a field `cuontry`, did you mean `country`?
 *
 * Only so many events and names of fields are looked at; a sample is no stream.
 */
#ifndef EGRET_CLI_SAMPLE_H
#define EGRET_CLI_SAMPLE_H

#include "cli/command.h"
#include "rules/plan.h"

/* Adds a warning for each field that is read and never there.  A file that cannot be read: complained about, CLI_USAGE. */
enum cli_exit cli_sample_check(const struct cli_call *call, const struct rule_plan *plan,
                               struct rt_diags *diags);

#endif
