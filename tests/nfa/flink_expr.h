/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flink_expr.h - the small boolean language of the Flink case file, enough to evaluate its conditions.
 *
 *     or    = and { "||" and }              and = not { "&&" not }            not = "!" not | compare
 *     compare = sum [ == != < <= > >= sum ]      sum = term { (+|-) term }
 *     term  = number | 'text' | true | false | field | ( or ) | name(arguments)
 *
 * A missing field is null; every ordering comparison with null is false.
 */
#ifndef EGRET_TESTS_NFA_FLINK_EXPR_H
#define EGRET_TESTS_NFA_FLINK_EXPR_H

#include <jansson.h>
#include <stdint.h>

#include "nfa/nfa.h"
#include "runtime/base/arena.h"

struct flink_event {
    _Alignas(NFA_EVENT_ALIGNMENT) struct nfa_event_head head; /* set when it is kept */
    const char *label;
    json_t *fields;
    int64_t ts;
};

struct flink_expr;

/* NULL when the text is not in the language. */
struct flink_expr *flink_expr_parse(struct rt_arena *arena, const char *text);

struct flink_scope {
    const struct nfa_program *program; /* names of steps */
    const struct nfa_match *run;       /* what was taken before */
    const struct flink_event *event;   /* under test */
    int64_t time;                      /* of the event under test */
    int64_t processing_time;
};

bool flink_expr_holds(const struct flink_expr *expr, const struct flink_scope *scope);

#endif
