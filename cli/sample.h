/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sample.h - what the events of a sample say about the rules.
 *
 *     FILE --read--> fields and their types --rule_load--> W301 no event has such a field, W302 types that do not meet
 *            |
 *            +-----> the events --check_conditions--> W303 holds for no event, W304 fails for every event
 *
 * Only so many events, bytes and names of fields are looked at; a sample is no stream.
 */
#ifndef EGRET_CLI_SAMPLE_H
#define EGRET_CLI_SAMPLE_H

#include "cli/command.h"
#include "rules/expr_schema.h"
#include "rules/plan.h"

struct cli_sample;

/* Reads the files of --sample; complains about what cannot be read, and about a sample without events. */
enum cli_exit cli_sample_read(const struct cli_call *call, struct cli_sample **out);
void cli_sample_free(struct cli_sample *sample); /* NULL is fine */

/* Which fields the events have. */
const struct expr_schema *cli_sample_schema(const struct cli_sample *sample);

/* The records of the sample, each with its padding; fewer than its events if they are very many. */
size_t cli_sample_record_count(const struct cli_sample *sample);
struct rt_text cli_sample_record(const struct cli_sample *sample, size_t index);

/* Asks the conditions of all rules of all events (sample_conditions.c). */
enum rt_status cli_sample_check_conditions(const struct cli_sample *sample,
                                           const struct rule_plan *plan, struct rt_diags *diags);

#endif
