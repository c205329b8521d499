/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nfa.h - pattern -> automaton -> runs:  the whole folder as others see it.
 *
 *   rules/ builds      nfa_pattern --nfa_compile--> nfa_program         immutable, shared by threads
 *   cep/ drives        nfa_machine = program + pools + callbacks        one per rule and worker
 *                      nfa_runs    = the live runs of one key           embedded in the caller's keyed state
 *
 *            take:a         take:b         take:d
 *      (0) ----------> (1) ----------> (2) ----------> ((3))        a run = state + path of (step, event)
 *                       |  ^ ignore
 *                       +--+
 *
 * An event is a handle with a time and a sequence; what it is, the caller knows.  A guard is a number that the caller
 * evaluates.  When a run takes an event, `keep` turns the borrowed handle into one that lasts and begins with a struct
 * nfa_event_head, and `release` is called once for each `keep`; runs that have taken the same events share both.
 *
 * N1  Events of one nfa_runs come in order of (time, sequence); nfa_advance(T) precedes the events of time T.
 * N2  Matches and timeouts are delivered from inside nfa_step and nfa_advance only, in the order in which they are to be
 *     emitted; the match view is valid during the callback.
 * N3  nfa_step allocates nothing in the steady state: runs and path nodes come from the machine's pools.
 * N4  Between calls, a run that could be expired has a deadline, and nfa_runs_deadline is the least of them; where nobody sees
 *     runs expire (no timeouts wanted, no absences, matches at once) it is the one by which all have: nfa_step lets those go
 *     that are over, so only a key without events keeps them longer, until its caller comes by.
 * N5  A run that can only stay where it is costs nothing: nfa_runs_want says whether an event can matter to a key.
 */
#ifndef EGRET_NFA_NFA_H
#define EGRET_NFA_NFA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nfa/pattern.h"
#include "runtime/base/form.h"
#include "runtime/base/hash.h"
#include "runtime/base/status.h"
#include "runtime/base/text.h"

/* ---- compile ---- */

struct nfa_program;

/* Why a pattern is refused; rules/ turns it into a diagnostic at the step. */
enum nfa_refusal_kind {
#define REFUSAL(name, text) NFA_REFUSE_##name,
#include "nfa/refusals.def"
#undef REFUSAL
    NFA_REFUSE_COUNT
};
struct nfa_refusal {
    enum nfa_refusal_kind kind;
    const struct nfa_step *step; /* in the caller's pattern; NULL: the pattern as a whole */
};
const char *nfa_refusal_text(enum nfa_refusal_kind kind);

/*
 * Compiles.  RT_ERR_DIAG: *refusal says what and where.  RT_ERR_LIMIT: more than 65,535 states.  RT_ERR_NOMEM.
 * The program is independent of `pattern` afterwards.
 */
enum rt_status nfa_compile(const struct nfa_pattern *pattern, struct nfa_program **out,
                           struct nfa_refusal *refusal);
struct nfa_program *nfa_program_ref(struct nfa_program *program); /* atomic */
void nfa_program_unref(struct nfa_program *program);              /* NULL is fine */

/* Steps in order of first appearance, groups flattened, not-steps included.  A step's index is its id everywhere. */
size_t nfa_program_step_count(const struct nfa_program *program);
const char *nfa_program_step_name(const struct nfa_program *program, uint32_t step);
uint32_t nfa_program_state_count(const struct nfa_program *program);

/* The automaton as text, one state or edge a line: for explain, tests and bug reports. */
void nfa_program_print(const struct nfa_program *program, struct rt_buffer *out);

/* How its runs are kept and stepped, and why so, as a sentence without its full stop: for explain. */
void nfa_program_explain_evaluator(const struct nfa_program *program, struct rt_buffer *out);

/* The automaton for other programs: a whole Graphviz or Mermaid file, or a JSON array of the states with their edges. */
enum nfa_graph_format { NFA_GRAPH_DOT, NFA_GRAPH_MERMAID, NFA_GRAPH_JSON };
struct nfa_graph_names {
    void (*guard)(const void *context, nfa_guard guard, struct rt_buffer *out); /* appends a word */
    const void *context;
};
void nfa_program_graph(const struct nfa_program *program, enum nfa_graph_format format,
                       const struct nfa_graph_names *names, struct rt_buffer *out);

/* ---- run ---- */

typedef const void *nfa_event;

/* What a kept event begins with: the time and the sequence that it was offered with. */
struct nfa_event_head {
    rt_time time;
    uint64_t sequence;
};
enum { NFA_EVENT_ALIGNMENT = 16 }; /* of kept events */

struct nfa_path; /* taken (step, event) pairs, newest first, shared between runs */

/* What a run has taken: given to guards, matches and timeouts.  Valid during the call it was given to. */
struct nfa_match {
    const struct nfa_path *path;
    rt_time start_time;      /* of the first event taken */
    uint64_t start_sequence; /* of the first event taken */
    uint32_t length;         /* events taken */
    rt_time time;            /* matches and timeouts: the record's time (DESIGN 6.10) */
    uint32_t step;           /* timeouts: the step that took the last event */
};

/* Walks from the newest to the oldest: NULL at the end.  Constant cost per step. */
struct nfa_taken {
    uint32_t step;
    nfa_event event;
    rt_time time;
    uint64_t sequence;
};
const struct nfa_path *nfa_path_get(const struct nfa_path *path,
                                    struct nfa_taken *out); /* returns the older rest */

struct nfa_callbacks {
    /* Is guard true for `event` in the light of what `run` has taken?  `run` is the state before the event.
     * Asked at most once per (run, event, guard). */
    bool (*guard)(void *context, nfa_guard guard, nfa_event event, const struct nfa_match *run);
    /* One reference to an event that lasts, made of a borrowed one and beginning with its nfa_event_head, aligned to
     * NFA_EVENT_ALIGNMENT; NULL when a limit forbids it (the take then does not happen and is counted).  Not asked again in this step. */
    nfa_event (*keep)(void *context, nfa_event event);
    void (*release)(void *context, nfa_event kept);
    void (*match)(void *context, const struct nfa_match *match);
    void (*timeout)(void *context, const struct nfa_match *match); /* NULL: not wanted */
    /* Bits of the guards below 64 whose answer is the same for all runs that nfa_step offers an event to: asked once a call. */
    uint64_t event_guards;
};

enum nfa_limit_policy { NFA_DROP_OLDEST, NFA_DROP_NEW, NFA_STOP };

/* Macros, so that tables can show them. */
#define NFA_RUNS_PER_KEY_USUAL 1000
#define NFA_PATH_LENGTH_USUAL 10000

/* 0: no limit. */
struct nfa_limits {
    uint32_t runs_per_key; /* live runs in one nfa_runs, the always-present start not counted */
    uint32_t path_length;  /* events of one run */
    uint32_t held_matches; /* matches waiting under NFA_EMIT_IN_START_ORDER, per key */
    uint32_t matches_per_event;
    enum nfa_limit_policy policy;
};

struct nfa_counters {
    uint64_t started, matched, timed_out, negated, broken, skipped, cleared, evicted, refused;
    uint64_t live_runs; /* now, over all keys */
};

struct nfa_machine;

/* `program` is referenced.  `context` is passed to the callbacks. */
enum rt_status nfa_machine_new(struct nfa_program *program, const struct nfa_limits *limits,
                               const struct nfa_callbacks *callbacks, void *context,
                               struct nfa_machine **out);
/* Every nfa_runs must have been cleared. */
void nfa_machine_free(struct nfa_machine *machine);
const struct nfa_counters *nfa_machine_counters(const struct nfa_machine *machine);
/* What the runs of all keys occupy now, the events they hold not counted.  Constant cost. */
size_t nfa_machine_bytes(const struct nfa_machine *machine);

/*
 * The live runs of one key.  All zero = none: nothing to initialise, nothing to free when nfa_runs_empty.  One run that has
 * taken one or two events needs nothing besides; others lie in the machine's pools.
 */
struct nfa_runs {
    uintptr_t words[2]; /* private: run.h */
};
_Static_assert(sizeof(struct nfa_runs) == 16, "fits the key's cache line");

static inline bool nfa_runs_empty(const struct nfa_runs *runs)
{
    return runs->words[0] == 0;
}

/*
 * The guards that can matter: bit g of *starts is set when guard g alone can make an event start a run (true also for
 * patterns whose first step has no condition: then *any_starts).  The caller may skip nfa_step for an empty
 * nfa_runs when no such guard holds.
 */
bool nfa_program_is_start_guard(const struct nfa_program *program, nfa_guard guard);
bool nfa_program_any_starts(const struct nfa_program *program);

/* Is there a state in which an event for which no guard holds can change a run: an unconditional step, next, notNext? */
bool nfa_program_is_restless(const struct nfa_program *program);

/*
 * Can an event for which exactly the guards in `true_guards` may be true change the runs?  Bits for guards from 64 on are
 * not represented and count as "may be true".  False means nfa_step would leave everything as it is.  Constant cost.
 */
bool nfa_runs_want(const struct nfa_machine *machine, const struct nfa_runs *runs,
                   uint64_t true_guards);

/* How many live runs they are. */
uint32_t nfa_runs_count(const struct nfa_runs *runs);

/* Brings what nfa_step would touch into the cache: the list or a single run's events; or, when a list has come, what its
 * first runs have taken. */
void nfa_runs_prefetch(const struct nfa_runs *runs, bool paths);
/* When paths have come: the events of a single run, or what the first runs of a list have taken last.  Borrowed. */
enum { NFA_NEWEST_MAX = 8 };
uint32_t nfa_runs_newest(const struct nfa_runs *runs, nfa_event out[NFA_NEWEST_MAX]);

/*
 * Offers one event to every live run and to a new one.  `true_guards`: as for nfa_runs_want; UINT64_MAX when not known.
 * Cost: of the runs that some of these guards may move.  A call that only begins runs does not look at the others.
 * RT_ERR_LIMIT: a limit was reached under NFA_STOP.  RT_ERR_NOMEM: out of memory.  RT_ERR_NOT_FOUND: a match lacks the step
 * that nfa_pattern.skip_must_find asks for.  The runs stay usable.
 * Other limits drop by policy and count.
 */
enum rt_status nfa_step(struct nfa_machine *machine, struct nfa_runs *runs, nfa_event event,
                        rt_time time, uint64_t sequence, uint64_t true_guards);

/*
 * No event older than `time` will follow: expires what has a deadline at or before it, one deadline after the other, so
 * that what comes out does not depend on how often time is told.  Same errors.
 */
enum rt_status nfa_advance(struct nfa_machine *machine, struct nfa_runs *runs, rt_time time);

/* Least deadline of the runs (but see N4) and the sequence of the first event of the run that has it; RT_TIME_MAX if none has one. */
rt_time nfa_runs_deadline(const struct nfa_machine *machine, const struct nfa_runs *runs,
                          uint64_t *start_sequence);

/* May nfa_advance be called long after the deadline without that anybody notices (N4)? */
bool nfa_machine_is_quiet(const struct nfa_machine *machine);

/* Drops all runs and held matches without output: cancel_if, a changed rule, the end. */
void nfa_clear(struct nfa_machine *machine, struct nfa_runs *runs);

/* ---- save ---- */

/*
 * What decides whether saved runs mean the same to a program: its steps' names, states, edges, guards by number, skip strategy.
 * Not the lengths of `within` and of gaps: with other lengths the runs are kept and their deadlines follow.  RT_ERR_NOMEM.
 */
enum rt_status nfa_program_hash(const struct nfa_program *program, struct rt_hash128 *out);

/* Appends what nfa_load_event_fn makes a kept event of; at least one byte. */
typedef void nfa_save_event_fn(void *context, nfa_event event, struct rt_buffer *out);
/* A kept event, with one reference for the caller; NULL: it says why by rt_form_fail, or there is no memory. */
typedef nfa_event nfa_load_event_fn(void *context, struct rt_form *form);

/*
 * Appends the runs and the matches held back.  save_event is called once for each (step, event) that some of them share, so
 * the same event may come several times.  Equal runs give equal bytes.  RT_ERR_NOMEM: `out` has an unfinished piece.
 */
enum rt_status nfa_runs_save(const struct nfa_machine *machine, const struct nfa_runs *runs,
                             nfa_save_event_fn *save_event, void *context, struct rt_buffer *out);

/*
 * Reads into `runs`, which are empty, what nfa_runs_save has written for a program with the same hash; nothing is counted but
 * live_runs.  It trusts nothing.  RT_ERR_CORRUPT: form->why; RT_ERR_NOMEM; the runs are empty then, and all events that
 * load_event has given are released.
 */
enum rt_status nfa_runs_load(struct nfa_machine *machine, struct nfa_runs *runs,
                             nfa_load_event_fn *load_event, void *context, struct rt_form *form);

/* What was counted before the machine was made: added to its own, but for live_runs, which are what is loaded. */
void nfa_machine_add_counters(struct nfa_machine *machine, const struct nfa_counters *before);

/* Lets the memory of runs go that are saved elsewhere: nfa_clear that counts nothing. */
void nfa_unload(struct nfa_machine *machine, struct nfa_runs *runs);

/* ---- looking at runs ---- */

struct nfa_run_view {
    const char *step; /* that took the last event; NULL: none has been taken */
    uint32_t taken;   /* events */
    rt_time start_time;
};
typedef void nfa_run_view_fn(void *context, const struct nfa_run_view *run);
/* Every run of a key, in no order. */
void nfa_runs_each(const struct nfa_machine *machine, const struct nfa_runs *runs,
                   nfa_run_view_fn *each, void *context);

#endif
