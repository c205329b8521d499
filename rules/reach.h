/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reach.h - how far back the events lie that a rule's state is made of.
 *
 *     ------- e --- e ------- e -- e | watermark         within: 10m        what a run has taken is younger than that
 *             |<----- span --------->|                   sliding: 1m        what the window holds
 *                                                        dedup: 1h          alerts, and what they were made of
 *
 * N1  With the events of the last `span` a fresh engine comes to the state that the rule has.  Where what comes depends on what was
 *     alerted before (after_match, reset, on_threshold, dedup, rate limits), the span is long enough for the usual pause: it counts twice.
 * N2  A rule that reads the alerts of others reaches as far back as they do, and its own span further.
 */
#ifndef EGRET_RULES_REACH_H
#define EGRET_RULES_REACH_H

#include "rules/plan.h"

struct rule_reach {
    const char *unbounded; /* why nothing bounds it; NULL: `span` does */
    rt_duration span;
};

/* Of each rule, by its index: `out` has room for plan->rule_count. */
void rule_reach(const struct rule_plan *plan, struct rule_reach *out);

#endif
