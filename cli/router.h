/* SPDX-License-Identifier: Apache-2.0 */
/*
 * router.h - which sinks a record goes to, and in which form.
 *
 *     record --> the sinks that its rule names, or the default ones --> `when` holds? --> json | text | cloudevents --> write
 *
 * R1  `when` sees the record as `alert`.  What ends in an error does not hold; it is counted.
 * R2  A topic may hold {{ rule }}, {{ severity }} and {{ output }}; what they stand for is cut to the letters that a topic may
 *     have, so that no rule can reach beyond its own topics.
 * R3  A record's headers are its id, its rule and when it was written; nothing else depends on the clock.
 */
#ifndef EGRET_CLI_ROUTER_H
#define EGRET_CLI_ROUTER_H

#include "cli/config.h"
#include "rules/plan.h"
#include "runtime/io/sink.h"
#include "runtime/operator.h"

struct cli_router;

/*
 * Compiles what the sinks say.  `plan` tells which sinks rules name; NULL: nobody.  RT_ERR_DIAG: `diags` say what is wrong.
 * RT_ERR_NOMEM.
 */
enum rt_status cli_router_new(const struct cli_config *config, const struct rule_plan *plan,
                              bool color, struct rt_diags *diags, struct cli_router **out);
void cli_router_free(struct cli_router *router); /* NULL is fine */

/* Before the first record: the sinks by their index in the configuration; borrowed. */
void cli_router_connect(struct cli_router *router, struct rt_sink *const *sinks);

/* Warns of sinks that no record can get to, and of sources that no rule reads. */
void cli_router_warn_unused(const struct cli_config *config, const struct rule_plan *plan,
                            struct rt_diags *diags);

/* rt_emit_fn; the context is the router. */
rt_emit_fn cli_router_emit;

uint64_t cli_router_when_errors(const struct cli_router *router);
/* Records that no sink wanted. */
uint64_t cli_router_nowhere(const struct cli_router *router);

#endif
