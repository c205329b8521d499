/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run.h - live runs, the paths they share, and the machine that moves them.  Private to nfa/.
 *
 *     runs of a key      (state 3, *, start)  (state 2, *, start)        a heap by the first event of the run
 *                                 |                    |
 *                                 v                    v
 *     path nodes             [b e7 *]             [b e5 *]               newest first, reference-counted
 *                                 |                    |
 *                                 +----->[a e4]<-------+
 *     kept events                          e4  e5  e7                    a reference for each node that took it
 *
 *     single     words[0] = newest event | shape | 1, words[1] = older event | shape: one run, with neither list nor nodes
 *     row        a list of such words, each with its start: several runs without nodes
 *
 *     single.c   a key with one run that has taken one or two events
 *     row.c      a key with several of them
 *     machine.c  making, asking, clearing, storing the runs of a key
 *     step.c     one event: which edges work for which run
 *     advance.c  time: what expires
 *     emit.c     finished matches: order, skip strategy, hold-back
 *     path.c     path nodes
 *     save.c     the runs of a key as bytes, and back
 *     heap.c     the binary heap, whose ties decide the order of equal matches
 *
 * R1  The start is in no list: it is there for every event and is offered it last.
 * R2  Within one step equal paths are one node, so that two runs have the same path if and only if their pointers are equal.
 * R3  path->runs counts the runs of the key that are at this node; references counts runs, matches and younger nodes.
 * R4  Scratch arrays of the machine keep their memory: a steady state allocates nothing.
 * R5  A run that an event cannot move is neither copied nor is its path looked at: what decides that, its order and its
 *     deadline by `within` stand in the item.
 * R6  A key has a list only if it must: one run that shares nothing, has no flags and has taken as much as a shape of the
 *     program says (shapes.c) is a single, and several are a row where rows are allowed.  So equal runs lie equally.
 * R7  A step rewrites the list where it lies as long as no more runs come out than went in; then `next` moves to scratch.
 */
#ifndef EGRET_NFA_RUN_H
#define EGRET_NFA_RUN_H

#include "nfa/program.h"
#include "runtime/base/assert.h"
#include "runtime/base/blocks.h"
#include "runtime/base/pool.h"

enum {
    NFA_PATH_MATCHED = 1, /* came out as a match: D1 not again, D4 no timeout */
    NFA_PATH_TIMED_OUT = 2
};

struct nfa_path {
    struct nfa_path *parent; /* older; referenced */
    nfa_event event;         /* kept; one reference */
    struct nfa_path *
        link; /* in the step `stamp`: of a new node its next sibling, of an older one its first child */
    uint64_t stamp;
    uint32_t length;
    uint32_t references;
    uint32_t runs;
    uint16_t step;
    uint8_t flags;
};
_Static_assert(sizeof(struct nfa_path) <= 48, "a node is less than a cache line");

static inline const struct nfa_event_head *nfa_path_head(const struct nfa_path *path)
{
    return path->event;
}

static inline rt_time nfa_path_time(const struct nfa_path *path)
{
    return nfa_path_head(path)->time;
}

/* A run (value: its state) or a finished match (value: the record's time). */
struct nfa_item {
    union {
        struct {
            struct nfa_path *path; /* NULL: the start */
            int64_t value;
        };
        struct nfa_runs single; /* in a row: a single run */
    };
    rt_time start_time; /* of the first event taken */
    uint64_t start_sequence;
};
_Static_assert(sizeof(struct nfa_item) == 32, "two in a cache line");

struct nfa_heap {
    struct nfa_item *items;
    uint32_t count, capacity;
};

struct nfa_run_list {
    uint32_t count, capacity;
    uint32_t held_count, held_capacity;
    struct nfa_item *held; /* finished matches that wait for older runs, a heap */
    uint64_t interest;     /* of all runs together, the start not counted */
    rt_time deadline;      /* the least */
    uint64_t deadline_sequence;
    rt_time newest_start; /* no run has started later */
    bool restless;
    bool is_row;
    struct nfa_item runs[]; /* a heap */
};

/* ---- a key's runs: nothing, a list, or a single run ---- */

enum { NFA_WORD_BITS = NFA_EVENT_ALIGNMENT - 1, NFA_WORD_SINGLE = 1, NFA_SHAPES_MAX = 127 };

static inline bool nfa_is_single(const struct nfa_runs *runs)
{
    return (runs->words[0] & NFA_WORD_SINGLE) != 0;
}

/* NULL: there are none, or a single one. */
static inline struct nfa_run_list *nfa_list_of(const struct nfa_runs *runs)
{
    return nfa_is_single(runs) ? NULL : (struct nfa_run_list *)runs->words[0];
}

static inline void nfa_set_list(struct nfa_runs *runs, struct nfa_run_list *list)
{
    *runs = (struct nfa_runs){{(uintptr_t)list, 0}};
}

static inline void nfa_set_single(struct nfa_runs *runs, nfa_event newest, nfa_event older,
                                  uint32_t shape)
{
    runs->words[0] = (uintptr_t)newest | (shape & 7) << 1 | NFA_WORD_SINGLE;
    runs->words[1] = (uintptr_t)older | shape >> 3;
}

static inline uint32_t nfa_single_shape(const struct nfa_runs *runs)
{
    return (uint32_t)((runs->words[0] & NFA_WORD_BITS) >> 1 | (runs->words[1] & NFA_WORD_BITS)
                                                                  << 3);
}

/* `back`: 0 the newest event, 1 the one before. */
static inline nfa_event nfa_single_event(const struct nfa_runs *runs, unsigned back)
{
    return (nfa_event)(runs->words[back] & ~(uintptr_t)NFA_WORD_BITS);
}

/* A single run spelt out, for as long as the words are not changed. */
struct nfa_single {
    struct nfa_path nodes[2]; /* the newest, its parent */
    struct nfa_item item;
};

/* Which (run, path) pairs are in the new list already. */
struct nfa_seen {
    struct {
        const struct nfa_path *path;
        uint64_t stamp;
        uint32_t state;
    } * slots;
    uint32_t capacity, count;
};

/* An edge that works for the run in hand, and the step it would file the event under. */
struct nfa_choice {
    const struct nfa_edge *edge;
    uint32_t step;
};

/* What an event does to the runs of a shape (row.c). */
enum nfa_verdict_kind {
    NFA_VERDICT_STAYS,
    NFA_VERDICT_MOVES,  /* to another shape */
    NFA_VERDICT_BREAKS, /* no edge works */
    NFA_VERDICT_STOPS,  /* a forbidden event */
    NFA_VERDICT_HARD    /* it is not so simple */
};
struct nfa_verdict {
    uint64_t call; /* in which it is good */
    uint8_t kind;
    uint8_t shape; /* MOVES: the new one */
    bool takes;    /* MOVES: takes the event */
};

struct nfa_machine {
    struct nfa_program *program;
    struct nfa_limits limits;
    struct nfa_callbacks callbacks;
    void *context;
    struct nfa_counters counters;
    struct rt_pool paths;
    struct rt_blocks lists;
    struct nfa_run_list *lone;    /* where a single run is spelt out to be stepped as a list */
    struct nfa_verdict *verdicts; /* by shape */

    bool has_gap;  /* some deadline is not start + within */
    bool quiet;    /* nobody sees a run expire (nfa_runs_deadline) */
    bool has_rows; /* several single runs may lie in a row */

    struct nfa_heap next; /* the runs as they will be: in the list's own place or in `scratch` */
    struct nfa_heap scratch;
    struct nfa_heap found;     /* matches of this call */
    struct nfa_heap completed; /* with those held back before */
    struct nfa_heap expired;   /* a plain list here: timeouts to report */
    struct nfa_heap buried;    /* a plain list: nodes to let go when the call is over */
    struct nfa_seen seen;

    uint64_t *guard_memo; /* epoch << 1 | value */
    uint64_t guard_epoch;
    uint64_t
        call_epoch; /* guard_epoch when the event came: the guards that are asked once a call carry it */
    uint64_t *visits; /* by state: epoch of the last visit */
    uint64_t visit_epoch;
    uint32_t *stack; /* states */
    struct nfa_choice *chosen;

    /* the call that is going on */
    enum rt_status status; /* sticky: memory and limits */
    uint64_t stamp;
    nfa_event event;
    rt_time time;
    uint64_t sequence;
    uint64_t true_guards; /* guards that may hold, as far as they have a bit */
    bool keep_failed;
    struct nfa_path *first_starts; /* new nodes without a parent */
    bool in_place;                 /* `next` lies in the list that is being read */
    bool disturbed;                /* `next` is not just the list up to the run in hand */
    bool touched;                  /* some run that was there has moved or ended */
    bool began;                    /* a run has started */
    uint32_t read;                 /* runs of the list that are done with; all: UINT32_MAX */
    uint32_t old_left;             /* runs not yet offered the event */
    uint32_t emitted;
};

/* A run that waits for nothing else goes at its deadline; one that may still take events fires once for its path. */
static inline bool nfa_run_may_fire(const struct nfa_state *state, const struct nfa_path *path)
{
    return state->kind == NFA_STATE_PENDING || (path->flags & NFA_PATH_MATCHED) == 0;
}

/* heap.c */
bool nfa_heap_reserve(struct nfa_heap *heap, uint32_t count); /* room for so many in all */
void nfa_heap_push(struct nfa_heap *heap, struct nfa_item item);
struct nfa_item nfa_heap_poll(struct nfa_heap *heap);
void nfa_heap_restore(struct nfa_heap *heap); /* order after removals */
static inline bool nfa_starts_before(const struct nfa_item *a, const struct nfa_item *b)
{
    if (a->start_time.ms != b->start_time.ms)
        return a->start_time.ms < b->start_time.ms;
    return a->start_sequence < b->start_sequence;
}

/* True when the pair was not there; false also without memory, with *failed set. */
bool nfa_seen_add(struct nfa_seen *seen, const struct nfa_path *path, uint32_t state,
                  uint64_t stamp, bool *failed);

/* path.c */
/* The event in hand taken after `parent`: a reference, or NULL when a limit or memory forbids it (counted). */
struct nfa_path *nfa_path_take(struct nfa_machine *machine, struct nfa_path *parent, uint32_t step);
void nfa_path_ref(struct nfa_path *path);
void nfa_path_unref(struct nfa_machine *machine, struct nfa_path *path);
/* Before a node is given back otherwise than by nfa_path_unref. */
void nfa_path_forget(struct nfa_machine *machine, const struct nfa_path *path);
struct nfa_match nfa_item_view(const struct nfa_item *item);

/* machine.c */
void nfa_call_begin(struct nfa_machine *machine, struct nfa_run_list *list);
enum rt_status nfa_call_end(struct nfa_machine *machine);
/* Puts a new run, or one that has moved, into the new list, within the limits.  Takes its own references. */
void nfa_add_run(struct nfa_machine *machine, const struct nfa_item *run);
/* The run in hand of the old list goes on as it is. */
void nfa_keep_run(struct nfa_machine *machine, const struct nfa_item *run);
/* Takes back what nfa_add_run took, also for the run in hand of the old list. */
void nfa_drop_run(struct nfa_machine *machine, struct nfa_path *path);
/* The new list takes the place of the old one. */
void nfa_store_runs(struct nfa_machine *machine, struct nfa_runs *runs);
void nfa_list_free(struct nfa_machine *machine, struct nfa_run_list *list);
/* With room for one more, NULL without memory; or with less room if there is far too much. */
struct nfa_run_list *nfa_list_grow(struct nfa_machine *machine, struct nfa_run_list *list);
struct nfa_run_list *nfa_list_shrink(struct nfa_machine *machine, struct nfa_run_list *list);
rt_time nfa_run_deadline(const struct nfa_program *program, const struct nfa_item *run);
/* What the list as a whole waits for: anew, or with what the runs from `first` on add. */
void nfa_summarise(struct nfa_machine *machine, struct nfa_run_list *list, uint32_t first);
/* The least deadline of the runs, as they are (compare nfa_runs_deadline). */
rt_time nfa_least_deadline(const struct nfa_machine *machine, const struct nfa_runs *runs);
/* Some run has reached its deadline. */
static inline bool nfa_is_due(const struct nfa_machine *machine, const struct nfa_runs *runs,
                              rt_time time)
{
    rt_time deadline = nfa_least_deadline(machine, runs);

    return !rt_time_before(time, deadline) && deadline.ms != RT_TIME_MAX.ms;
}

/* step.c */
/*
 * The TAKE and IGNORE edges that work for the run, in order, into machine->chosen; returns how many.  *stopped: it must not go
 * on, whatever else.
 */
uint32_t nfa_choose_edges(struct nfa_machine *machine, const struct nfa_item *run,
                          const struct nfa_match *view, bool *stopped);
bool nfa_edge_holds(struct nfa_machine *machine, const struct nfa_edge *edge,
                    const struct nfa_match *view);
static inline bool nfa_may_move(const struct nfa_machine *machine, const struct nfa_state *state)
{
    return state->restless || (state->interest & machine->true_guards) != 0;
}

/* single.c */
void nfa_single_open(const struct nfa_program *program, const struct nfa_runs *runs,
                     struct nfa_single *out);
/* The event in hand to a key without runs; false: that is not so simple, and nothing has been asked or done. */
bool nfa_single_begin(struct nfa_machine *machine, struct nfa_runs *runs);
/*
 * The event in hand to a single run that it may move and to nothing else.  False: it is not so simple, and nothing is done, but
 * the edges that work are chosen: *count of them.
 */
bool nfa_single_step(struct nfa_machine *machine, struct nfa_runs *runs, uint32_t *count,
                     bool *stopped);
/* The single run as a list, machine->lone, which nfa_store_runs is to be called for; NULL: no memory, and nothing is done. */
struct nfa_run_list *nfa_single_spell_out(struct nfa_machine *machine, struct nfa_runs *runs);
/* The other way: the one run as a single; false: it cannot be one.  Its list, if there is one, is the caller's. */
bool nfa_single_fold(struct nfa_machine *machine, struct nfa_runs *runs,
                     const struct nfa_item *run);
/* The shape that the run, spelt out, may be folded into; 0: none.  Then it becomes that. */
uint32_t nfa_shape_of(const struct nfa_machine *machine, const struct nfa_item *run);
void nfa_fold_item(struct nfa_machine *machine, struct nfa_item *run, uint32_t shape);
/* It goes with what it has taken; counted by the caller. */
void nfa_single_drop(struct nfa_machine *machine, struct nfa_runs *runs);
/* The run's first event. */
static inline const struct nfa_event_head *nfa_single_first(const struct nfa_runs *runs)
{
    nfa_event older = nfa_single_event(runs, 1);

    return older != NULL ? older : nfa_single_event(runs, 0);
}

/* row.c */
bool nfa_row_allowed(const struct nfa_machine *machine);
/* The event in hand to a single run or a row.  *done false: it is not so simple, and nothing is done. */
enum rt_status nfa_row_step(struct nfa_machine *machine, struct nfa_runs *runs, bool *done);
/* The row as a list with nodes; false: no memory, and it is a row still.  And back, if it can be one. */
bool nfa_row_spell_out(struct nfa_machine *machine, struct nfa_run_list *list);
void nfa_row_fold(struct nfa_machine *machine, struct nfa_run_list *list);
/* What is over goes; for machines where nobody sees that. */
void nfa_row_expire(struct nfa_machine *machine, struct nfa_runs *runs, rt_time time);
void nfa_row_drop(struct nfa_machine *machine, struct nfa_run_list *list);
static inline void nfa_row_prefetch(const struct nfa_item *item)
{
    RT_PREFETCH(nfa_single_event(&item->single, 0));
    RT_PREFETCH(nfa_single_event(&item->single, 1));
}

/* emit.c */
/* `match->value` is the record's time. */
void nfa_add_match(struct nfa_machine *machine, const struct nfa_item *match);
/* Orders, prunes, emits what was found; what must wait stays in machine->completed. */
void nfa_emit_matches(struct nfa_machine *machine, const struct nfa_run_list *list);
/* Can a finished match have to wait? */
bool nfa_may_hold(const struct nfa_program *program);
void nfa_refuse(
    struct nfa_machine *machine); /* a limit forbade something: count, and stop if so asked */

#endif
