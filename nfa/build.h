/* SPDX-License-Identifier: Apache-2.0 */
/*
 * build.h - the automaton while it grows: states, edges and conditions that can still change.  Private to nfa/.
 *
 *     check.c    the pattern may be compiled at all
 *     compile.c  walks the pattern from its last step to its first and makes states
 *     finish.c   drops what cannot be reached, flattens, works out what the run loop wants to know
 *
 * B1  A condition is a conjunction of clauses, by number; numbers are shared and never change.
 * B2  Running out of memory or numbers is sticky in `status`; all calls then do nothing and return 0.
 */
#ifndef EGRET_NFA_BUILD_H
#define EGRET_NFA_BUILD_H

#include "nfa/program.h"
#include "runtime/base/map.h"

enum { NFA_GROUP_DEPTH_MAX = 16 };

typedef uint32_t nfa_condition;
enum { NFA_ALWAYS = 0, NFA_NEVER = 1 };

struct nfa_build_edge {
    uint32_t next; /* of the same state; NFA_NO_STATE ends the list */
    uint32_t to;
    nfa_condition condition;
    enum nfa_action action;
};

struct nfa_build_state {
    uint32_t edge_first, edge_last;
    uint32_t step;
    uint32_t copy; /* valid when copy_stamp is the running copy */
    uint32_t copy_stamp;
    enum nfa_state_kind kind;
    bool expires;
    uint32_t
        heads; /* its first so many edges lead to where a run waits that has met an event here: a choice of patterns */
    int64_t gap_ms;
};

struct nfa_build_condition {
    uint32_t literal_begin, literal_end;
};

/* What is known of one step that is no group. */
struct nfa_build_step {
    const struct nfa_step *step;
    uint32_t stop; /* its Stop state, or NFA_NO_STATE */
};

struct nfa_build {
    const struct nfa_pattern *pattern;
    enum rt_status status;
    struct nfa_build_state *states;
    struct nfa_build_edge *edges;
    struct nfa_build_condition *conditions;
    nfa_literal *literals;
    struct nfa_build_step *steps;
    uint32_t state_count, state_capacity, edge_count, edge_capacity;
    uint32_t condition_count, condition_capacity, literal_count, literal_capacity;
    uint32_t step_count, step_capacity;
    struct rt_map step_by_address; /* address of a nfa_step -> index into steps */
    uint32_t copy_stamp;
    uint32_t
        until_sink; /* copy of a greedy until-loop's sink from before the rewrite, or NFA_NO_STATE */
    bool has_group;
};

enum rt_status nfa_build_init(struct nfa_build *build, const struct nfa_pattern *pattern);
void nfa_build_done(struct nfa_build *build);

uint32_t nfa_build_step_id(const struct nfa_build *build, const struct nfa_step *step);

uint32_t nfa_build_state(struct nfa_build *build, enum nfa_state_kind kind, uint32_t step);
void nfa_build_edge(struct nfa_build *build, uint32_t from, enum nfa_action action, uint32_t to,
                    nfa_condition condition);

/* The same for a state and its heads. */
void nfa_build_edge_of_all(struct nfa_build *build, uint32_t state, enum nfa_action action,
                           uint32_t to, nfa_condition condition);

/* A copy of `state` (and its heads) whose loops to itself are loops of the copy. */
uint32_t nfa_build_copy(struct nfa_build *build, uint32_t state);

/* The same for the state and all that PROCEED reaches, without the edges to the Stop states of these steps. */
uint32_t nfa_build_copy_without(struct nfa_build *build, uint32_t state, const uint32_t *not_steps,
                                size_t count);

/* Every edge that `state` and its heads have now gets `and condition`. */
void nfa_build_restrict(struct nfa_build *build, uint32_t state, nfa_condition condition);

nfa_condition nfa_build_guard(struct nfa_build *build, nfa_guard guard); /* NFA_NO_GUARD: always */
nfa_condition nfa_build_and(struct nfa_build *build, nfa_condition a, nfa_condition b);
/* Of a conjunction of single literals, which is all that is ever negated. */
nfa_condition nfa_build_not(struct nfa_build *build, nfa_condition condition);

/* compile.c: the start state. */
uint32_t nfa_build_pattern(struct nfa_build *build);

/* check.c: NFA_REFUSE_NONE when the pattern is fine.  RT_ERR_NOMEM. */
enum rt_status nfa_check_pattern(const struct nfa_pattern *pattern, struct nfa_refusal *refusal);

/* finish.c */
enum rt_status nfa_build_finish(struct nfa_build *build, uint32_t start, struct nfa_program **out,
                                struct nfa_refusal *refusal);

static inline bool nfa_step_is_not(const struct nfa_step *step)
{
    return step->contiguity == NFA_NOT_NEXT || step->contiguity == NFA_NOT_FOLLOW;
}

static inline bool nfa_step_is_looping(const struct nfa_step *step)
{
    return step->times_max == NFA_UNBOUNDED;
}

static inline bool nfa_step_is_single(const struct nfa_step *step)
{
    return step->times_max == 1;
}

/* `0..n` is `1..n` that may be left out. */
static inline bool nfa_step_is_optional(const struct nfa_step *step)
{
    return step->optional || step->times_min == 0;
}

static inline uint32_t nfa_step_times_min(const struct nfa_step *step)
{
    return step->times_min == 0 ? 1 : step->times_min;
}

#endif
