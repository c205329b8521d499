/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flink_case.h - one record of the Flink case file as a pattern, guards and events of ours.
 *
 * What the pattern model says in other words:
 *   - within_ms of any step counts by Flink's minimum rule as the `within` of the whole pattern;
 *   - within_prev_ms is `gap`; where it has no effect in Flink and none is possible (the first step, a notFollowedBy with
 *     a step after it) it is left out;
 *   - gap_ms, the argument of times and oneOrMore, is `loop_gap` (D2).
 */
#ifndef EGRET_TESTS_NFA_FLINK_CASE_H
#define EGRET_TESTS_NFA_FLINK_CASE_H

#include "tests/nfa/flink_expr.h"

enum { FLINK_GUARDS_MAX = 64, FLINK_EVENTS_MAX = 128 };

struct flink_case {
    struct rt_arena arena;
    json_t *json;
    struct nfa_pattern pattern;
    struct flink_expr *guards[FLINK_GUARDS_MAX];
    uint32_t guard_count;
    struct flink_event events[FLINK_EVENTS_MAX];
    size_t event_count;
    const char *failure; /* the record itself cannot be read */
};

void flink_case_init(struct flink_case *flink, json_t *json);
void flink_case_done(struct flink_case *flink);
struct flink_event *flink_case_event(struct flink_case *flink, const char *label);

/* {"step": ["label", ...], ...} of what was taken. */
json_t *flink_match_json(const struct nfa_program *program, const struct nfa_match *match);

#endif
