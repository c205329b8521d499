/* SPDX-License-Identifier: Apache-2.0 */
/*
 * graph.h - a pattern drawn: for people as text, for other programs as Graphviz, Mermaid or JSON.
 *
 *     (start)
 *      |  begin fail, 5 or more times
 *      v
 *     [fail]
 *      :  followedBy ok
 *      v
 *     ((match))
 */
#ifndef EGRET_RULES_GRAPH_H
#define EGRET_RULES_GRAPH_H

#include "rules/plan.h"

enum rule_graph_format {
    RULE_GRAPH_TEXT,
    RULE_GRAPH_DOT,
    RULE_GRAPH_MERMAID,
    RULE_GRAPH_JSON,
    RULE_GRAPH_COUNT
};

/* RULE_PATTERN only.  Lines end in '\n'. */
void rule_graph(const struct rule *rule, enum rule_graph_format format, struct rt_buffer *out);

/* How often a step is taken, in words: "5 or more times, as many as there are"; nothing for once. */
void rule_graph_times(const struct nfa_step *step, struct rt_buffer *out);

/* "followedBy" */
const char *rule_graph_verb(enum nfa_contiguity contiguity);

#endif
