/* SPDX-License-Identifier: Apache-2.0 */
/* explain.h - a compiled rule in words: what it waits for, what it does then, how it is reached. */
#ifndef EGRET_RULES_EXPLAIN_H
#define EGRET_RULES_EXPLAIN_H

#include "rules/plan.h"

/* Appends a page of text, lines ending in '\n'. */
void rule_explain(const struct rule_plan *plan, const struct rule *rule, struct rt_buffer *out);

/* Appends the pattern in one line: `fail{5,} -> ok within 10m`.  RULE_PATTERN only. */
void rule_explain_pattern(const struct rule *rule, struct rt_buffer *out);

#endif
