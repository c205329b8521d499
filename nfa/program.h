/* SPDX-License-Identifier: Apache-2.0 */
/*
 * program.h - the compiled automaton: flat, immutable, shared.  Private to nfa/.
 *
 *     states   [ 0: start ][ 1 ][ 2 ] ...            edges of state s: edges[edge_begin .. edge_end), in the order in
 *     edges    [take|ignore|proceed  to  condition]  which they are tried, which decides the order of results
 *     literals [w1] [not u|w2] ...                   a condition: every clause has a true literal; empty = always
 *
 * A TAKE edge consumes the event under the step of its source state, an IGNORE edge passes over it, a PROCEED edge
 * tries the edges of its target on the same event.
 *
 * P1  State 0 is the start and has no incoming edge.
 * P2  Every edge.to is below state_count, every state.step below step_count.
 * P3  A literal is guard << 2 | last-of-its-clause << 1 | negated; the last literal of a condition ends its clause.
 * P4  Only what can be reached from the start is here; edges whose condition is never true are left out.
 */
#ifndef EGRET_NFA_PROGRAM_H
#define EGRET_NFA_PROGRAM_H

#include <stdatomic.h>

#include "nfa/nfa.h"

enum nfa_action { NFA_TAKE, NFA_IGNORE, NFA_PROCEED };

enum nfa_state_kind {
    NFA_STATE_NORMAL,
    NFA_STATE_FINAL,  /* the match is complete */
    NFA_STATE_STOP,   /* a forbidden event came: the branch ends */
    NFA_STATE_PENDING /* waits for the deadline of a trailing notFollowedBy */
};

enum { NFA_STATES_MAX = 65535, NFA_GUARD_MAX = (1 << 30) - 1 };
#define NFA_NO_STATE UINT32_MAX
#define NFA_NO_STEP UINT32_MAX

typedef uint32_t nfa_literal;

static inline nfa_guard nfa_literal_guard(nfa_literal literal)
{
    return literal >> 2;
}

static inline bool nfa_literal_is_last(nfa_literal literal)
{
    return (literal & 2) != 0;
}

static inline bool nfa_literal_is_negated(nfa_literal literal)
{
    return (literal & 1) != 0;
}

struct nfa_edge {
    uint32_t to;
    uint32_t literal_begin;
    uint32_t literal_end;
    enum nfa_action action;
};
_Static_assert(sizeof(struct nfa_edge) == 16, "four edges in a cache line");

struct nfa_state {
    uint32_t edge_begin;
    uint32_t edge_end;
    uint32_t step;      /* what a TAKE is filed under; NFA_NO_STEP for the final state */
    uint8_t kind;       /* enum nfa_state_kind */
    bool fires;         /* pending, or a PROCEED away from it: its deadline is a match (D3) */
    bool reaches_final; /* by PROCEED edges */
    int64_t
        gap_ms; /* a TAKE from here needs an event less than this after the last one; 0: no bound */
    int64_t
        expire_ms; /* so long after its last event a run here can go nowhere; 0: never by a gap */
    int64_t fire_gap_ms; /* fires: this long after the last event, besides `within`; 0: not */
    uint64_t interest; /* guards (below 64) of which one must hold for a run to leave this state */
    bool restless;     /* any event may change a run here */
};

/* What a run that has taken one or two events may look like: where it rests, and under which steps it has taken them. */
struct nfa_shape {
    uint16_t state;
    uint16_t steps[2]; /* of the newest, of the one before */
    uint8_t length;
    uint8_t next; /* another one of the same state, 0: none */
};

struct nfa_program {
    atomic_uint references;
    struct nfa_state *states;
    struct nfa_edge *edges;
    nfa_literal *literals;
    char **step_names;
    uint32_t state_count, edge_count, literal_count, step_count;
    uint32_t proceed_count; /* PROCEED edges */
    uint32_t guard_count;   /* largest guard + 1 */
    int64_t within_ms;      /* 0: none */
    enum nfa_skip skip;
    uint32_t skip_step; /* NFA_NO_STEP unless skip goes to a step */
    bool skip_must_find;
    enum nfa_emit emit;
    bool has_group;          /* only groups lead two runs to one place with one path */
    bool any_starts;         /* an event may start a run whatever the guards say */
    nfa_guard *start_guards; /* ascending */
    uint32_t start_guard_count;
    struct nfa_shape *shapes; /* from 1 */
    uint8_t *first_shape;     /* by state; 0: none */
    uint32_t shape_count;
    uint32_t
        begin_edge; /* the one way to begin a run, which then rests; NFA_NO_STATE: it is not so simple */
    uint32_t begin_shape; /* what it looks like then */
};

/* shapes.c: fills in the last part.  RT_ERR_NOMEM. */
enum rt_status nfa_find_shapes(struct nfa_program *program);
/* The shape with these; 0: there is none. */
uint32_t nfa_find_shape(const struct nfa_program *program, uint32_t state, uint32_t length,
                        uint32_t newest_step, uint32_t older_step);

#endif
