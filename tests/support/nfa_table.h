/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nfa_table.h - patterns and events as one-line texts, for tests of nfa/.
 *
 *     begin a; followedBy b 2..4 greedy; notFollowedBy n; next c=cd; within 10; skip past_last
 *     begin a; followedBy ( begin b; next c ) 1+ until u; followedBy d gap 5; in_start_order
 *     begin a; followedBy any ( begin b; next c | begin d ); followedBy all ( begin e; begin f )
 *
 * A step takes the events that carry one of the letters behind its `=`, or else the first letter of its name; `*` is any
 * event; `=b<3` asks besides that the run has taken fewer than 3 events.  A guard is therefore a set of letters and
 * a length.
 *
 *     a b ab@7 x >20          events by their letters, 1 ms apart or at a time; `>20` lets time go on to 20
 *
 * What comes out, a line each, events counted from 1:
 *
 *     3: a:1 b:2 c:3 @3       while event 3 was in hand (before it: 3-): a match; its record has time 3
 *     >20: timeout a:1 @11
 */
#ifndef EGRET_TESTS_SUPPORT_NFA_TABLE_H
#define EGRET_TESTS_SUPPORT_NFA_TABLE_H

#include "nfa/nfa.h"
#include "runtime/base/arena.h"
#include "runtime/base/form.h"

enum { TABLE_GUARDS_MAX = 64, TABLE_EVENTS_MAX = 256, TABLE_STEPS_MAX = 32 };

struct table_guard {
    uint32_t letters;    /* bit i: 'a' + i; 0: any */
    uint32_t length_max; /* the run has fewer events; 0: no matter */
};

struct table_event {
    uint32_t letters;
    int64_t time;
    uint32_t number; /* from 1; 0: only time goes on */
};

struct nfa_table {
    struct rt_arena arena;
    struct nfa_pattern pattern;
    struct table_guard guards[TABLE_GUARDS_MAX];
    uint32_t guard_count;
    struct table_event events[TABLE_EVENTS_MAX];
    uint32_t event_count;
};

void nfa_table_init(struct nfa_table *table);
void nfa_table_done(struct nfa_table *table);

/* False when the text is not as above. */
bool nfa_table_pattern(struct nfa_table *table, const char *text);
bool nfa_table_events(struct nfa_table *table, const char *text);

/* The pattern as a text that nfa_table_pattern reads. */
void nfa_table_print_pattern(const struct nfa_table *table, struct rt_buffer *out);
void nfa_table_print_events(const struct nfa_table *table, struct rt_buffer *out);

bool table_guard_holds(const struct table_guard *guard, uint32_t letters, uint32_t length);

/* An event that a run has taken, as the automaton holds it. */
struct table_kept {
    _Alignas(NFA_EVENT_ALIGNMENT) struct nfa_event_head head;
    const struct table_event *event;
    uint32_t references;
};

/* One key driven by a table; what comes out is text. */
struct nfa_rig {
    const struct nfa_table *table;
    struct nfa_program *program;
    struct nfa_machine *machine;
    struct nfa_runs runs;
    struct rt_buffer out;
    const struct table_event *now;
    bool stepping; /* false: in nfa_advance */
    bool hushed;
    struct table_kept events[TABLE_EVENTS_MAX + 1]; /* by number */
    uint32_t kept;                                  /* events kept and not yet released */
    uint32_t keep_fails;                            /* so many calls of keep say no */
};

/* Compiles.  Not RT_OK: *refusal, and there is nothing to undo. */
enum rt_status nfa_rig_init(struct nfa_rig *rig, const struct nfa_table *table,
                            const struct nfa_limits *limits, struct nfa_refusal *refusal);
/* Before the first event: timeouts are not wanted, and time is not told but by nfa_step. */
enum rt_status nfa_rig_hush(struct nfa_rig *rig, const struct nfa_limits *limits);
/* The same machine that asks each run for itself, and so has no rows.  Before the first event. */
enum rt_status nfa_rig_without_rows(struct nfa_rig *rig, const struct nfa_limits *limits);
void nfa_rig_done(struct nfa_rig *rig); /* clears the runs; asserts that every event was released */
/* One event of the table: time goes on, then it is offered. */
enum rt_status nfa_rig_feed(struct nfa_rig *rig, const struct table_event *event);
enum rt_status nfa_rig_feed_all(struct nfa_rig *rig);
/* The runs as they are saved; what becomes of such bytes.  An event is its number. */
enum rt_status nfa_rig_save(struct nfa_rig *rig, struct rt_buffer *out);
enum rt_status nfa_rig_load(struct nfa_rig *rig, struct rt_form *form);

#endif
