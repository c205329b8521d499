/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pattern.h - a sequence pattern as the rule file says it, before it becomes an automaton.
 *
 *     begin a;  followedBy b times 2..4;  notFollowedBy c;  next d;  within 10m
 *
 *     nfa_pattern.steps:  [a BEGIN] [b RELAXED 2..4] [c NOT_FOLLOW] [d STRICT]
 *
 * The words mean what they mean in Flink CEP, with the deviations D1 to D6 that docs/patterns.md lists.
 * A guard is only a number; the caller evaluates it (nfa.h).  So this folder knows nothing of expressions,
 * YAML, Kafka or clocks, and a test can drive it with a table of booleans.
 * All of this is input to nfa_compile, borrowed for the call.
 */
#ifndef EGRET_NFA_PATTERN_H
#define EGRET_NFA_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/instant.h"

typedef uint32_t nfa_guard;     /* index into the rule's guards */
#define NFA_NO_GUARD UINT32_MAX /* no condition: true (as `until`: never) */

enum { NFA_TIMES_MAX = 65535 };
#define NFA_UNBOUNDED UINT32_MAX

enum nfa_contiguity {                /* towards the step before */
                      NFA_BEGIN,     /* first step of a pattern or group */
                      NFA_STRICT,    /* next */
                      NFA_RELAXED,   /* followedBy */
                      NFA_ANY,       /* followedByAny */
                      NFA_NOT_NEXT,  /* notNext */
                      NFA_NOT_FOLLOW /* notFollowedBy */
};

enum nfa_inner { /* between repetitions of one step */
                 NFA_INNER_RELAXED,
                 NFA_INNER_STRICT, /* consecutive */
                 NFA_INNER_ANY     /* combinations */
};

enum nfa_group_kind {               /* what `group` lists */
                      NFA_SEQUENCE, /* steps, one after the other */
                      NFA_ANY_OF, /* branches, of which one is gone: each a step, or a group that stands for its steps */
                      NFA_ALL_OF /* steps without a quantifier, in any order */
};

enum { NFA_ALL_OF_MAX = 8 }; /* steps: the automaton has a state for each subset of them */

struct nfa_step {
    const char *name; /* unique over the whole pattern; of a group: for messages only */
    enum nfa_contiguity contiguity;
    nfa_guard where;    /* NFA_NO_GUARD on groups and for "any event" */
    nfa_guard until;    /* looping steps and groups only */
    uint32_t times_min; /* 1 .. NFA_TIMES_MAX; 0 with a bounded range: 1, and optional */
    uint32_t times_max; /* >= times_min, or NFA_UNBOUNDED; min = max = 1: taken once */
    enum nfa_inner inner;
    bool optional; /* zero occurrences, or at least times_min */
    bool greedy;
    rt_duration gap;      /* 0: none.  longest time from the previous step's last event to entry */
    rt_duration loop_gap; /* 0: none.  longest time between two repetitions */
    const struct nfa_step *group; /* what a group consists of, or NULL */
    size_t group_count;
    enum nfa_group_kind group_kind;
};

enum nfa_skip {
    NFA_NO_SKIP,
    NFA_SKIP_TO_NEXT,
    NFA_SKIP_PAST_LAST,
    NFA_SKIP_TO_FIRST, /* of skip_step */
    NFA_SKIP_TO_LAST   /* of skip_step */
};

enum nfa_emit {
    NFA_EMIT_AT_ONCE,       /* a finished match does not wait for older open runs */
    NFA_EMIT_IN_START_ORDER /* Flink's hold-back */
};

struct nfa_pattern {
    const struct nfa_step *steps;
    size_t step_count;
    rt_duration within; /* 0: none.  half-open: an event at start + within is outside */
    enum nfa_skip skip;
    const char *skip_step; /* for NFA_SKIP_TO_FIRST / LAST: name of a top-level step */
    /* With skip_step: a match that has no event of it, or begins with the one that is gone to, is an error (RT_ERR_NOT_FOUND)
     * and does not come out.  Otherwise nothing is skipped after it. */
    bool skip_must_find;
    enum nfa_emit emit;
};

#endif
