/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state.h - what an engine consists of.  Private to cep/.
 *
 *     cep_engine
 *       ├── rules[]      one a rule of the plan: automaton machine, counters, what its guards say of this event
 *       ├── keyings[]    one a distinct key_by: table of keys; where this event's key lies
 *       ├── memo         what the atoms say of this event
 *       ├── wheel        one timer a key
 *       ├── captured     blocks of events that runs hold
 *       ├── windows      blocks of what rules with a window count
 *       └── records      the record being written, and those that wait for the end of their deadline
 *
 *     key line (64 bytes) = hash, key, [ rule | runs, window or time seen | deadline ] or a list of such slots, timer
 *     timer (32 bytes)    = place in the wheel, deadline, half of the hash; slots that end without a word have none
 *                           One rule with one run that has taken one or two events costs 64 or 96 bytes, the events apart.
 *
 * S1  `turn` counts the events pushed; whatever is remembered of "this event" carries it and is stale in the next turn.
 * S2  A slot exists while its runs or its window do; a line exists while a slot does.
 * S3  slot.deadline is never later than the deadline of its runs: it may be earlier (lazily moved), then it is set again
 *     when it is reached.
 * S4  A key's timer is never later than a slot's deadline; it may be earlier, then it finds nothing
 *     to do and is set again.  Slots of swept rules (sweep.c) have no timer.
 * S5  The deadline of a swept slot is exact.  So a window of one event needs its slot only: its time is deadline - size.
 */
#ifndef EGRET_CEP_STATE_H
#define EGRET_CEP_STATE_H

#include "cep/classify.h"
#include "cep/dedup.h"
#include "cep/engine.h"
#include "rules/zone.h"
#include "runtime/state/changes.h"
#include "runtime/state/key_table.h"
#include "runtime/time/wheel.h"
#include "runtime/window/baseline.h"
#include "runtime/window/one.h"

enum { CEP_REASONS = RT_ERROR_ARGUMENT + 1 };

/* ---- conditions (conditions.c) ---- */

struct cep_truth {
    uint64_t turn;
    uint8_t truth; /* enum expr_truth */
    uint8_t why;   /* enum rt_value_error, with EXPR_ERROR */
};

struct cep_memo {
    const struct rule_plan *plan;
    struct expr_machine *machine; /* owned */
    struct cep_truth *atoms;      /* owned; by atom */
    struct cep_truth *guards;     /* owned; what the atoms of each distinct list say */
    uint32_t *numbers;            /* owned; of all guards of all rules: which list it is */
    const struct rt_event *event;
    uint64_t turn;
};

/* Memory for a plan's atoms and guards; numbers the lists of atoms, equal ones equally.  RT_ERR_NOMEM. */
enum rt_status cep_memo_init(struct cep_memo *memo, const struct rule_plan *plan);
void cep_memo_done(struct cep_memo *memo);

/* The atoms of a condition: EXPR_TRUE when there are none. */
struct cep_truth cep_atoms_truth(struct cep_memo *memo, const struct rule_condition *condition);
/* The whole of a condition that reads the event only. */
struct cep_truth cep_condition_truth(struct cep_memo *memo, const struct rule_condition *condition);

/* ---- keys ---- */

struct cep_timer {
    struct rt_timer timer; /* tie: upper half of the key's hash, number of the keying */
};

struct cep_slot {
    uint32_t rule;
    uint32_t touched; /* turn of the last step, lower bits */
    rt_time deadline; /* RT_TIME_MAX: none */
    union {           /* by the rule's kind; the first word is 0 when there is nothing */
        struct nfa_runs runs;
        struct rt_window *window; /* owned; in engine->windows */
        struct rt_one one;        /* of a rule whose windows.packs; S5 */
        struct cep_history
            *history;               /* owned; likewise, in rules that remember more than a window */
        uint64_t seen;              /* new_value: when the value was seen last (cep_seen_of) */
        struct cep_slot_list *list; /* rule CEP_MANY */
    };
};
#define CEP_MANY UINT32_MAX

struct cep_slot_list { /* the slots of a key with more than one, ascending by rule */
    uint32_t count, capacity;
    struct cep_slot slots[];
};

struct cep_key {             /* a key line's payload */
    struct cep_slot only;    /* rule CEP_MANY: the list of the slots; runs empty: there is none */
    struct cep_timer *timer; /* of all slots; NULL: none has had a deadline yet */
};
_Static_assert(sizeof(struct cep_slot) == 32 && sizeof(struct cep_key) == RT_KEY_PAYLOAD,
               "a key with one rule needs its line only");

struct cep_event_key { /* what one key_by makes of the event at hand */
    uint64_t turn;
    uint64_t hash;
    bool has_key;
    struct rt_buffer bytes; /* owned */
};

enum { CEP_PREPARED_KEYS = 256 };

struct cep_prepared_key { /* of an event that was announced */
    uint64_t sequence;
    uint64_t hash;
    uint32_t begin, length; /* in cep_prepared.bytes */
    bool has_key;
    bool is_set;
};

struct cep_prepared {
    struct cep_prepared_key *keys; /* owned; by sequence; NULL while the table is small */
    struct rt_buffer bytes;        /* owned */
};

struct cep_sweep {                 /* a cursor through the table (sweep.c) */
    rt_duration shortest, longest; /* times that slots of swept rules last */
    rt_duration period;            /* of one round; 0: no rule is swept */
    unsigned epoch_bits;           /* of a time: those below the number of its epoch */
    rt_time now;
    rt_time reached;             /* its work up to here is in `owed` */
    double owed;                 /* lines */
    size_t step, capacity;       /* of the table, in this round */
    rt_time round, round_before; /* when this round began, and the one before */
    bool is_exact;               /* hints may be too old: lines are looked at */
    bool has_begun;
};

struct cep_keying {
    struct cep_engine *engine;
    const struct rule_keying *plan;
    struct cep_sweep sweep;
    struct rt_key_table table;
    struct rt_changes changes; /* of `table`, since it was saved */
    struct cep_prepared prepared;
    struct cep_event_key key;
    /* Where `key` lies in `table`; NULL: nowhere.  Another keying's key is looked up each time. */
    bool looked_up;
    uint32_t
        place; /* where the slot of the last rule is, or would be: rules come in ascending order */
    struct rt_key_line *line;
    uint64_t cold_keys; /* that are not in `table` (cold.c) */
};

/* ---- rules ---- */

struct cep_rule_key {
    uint32_t keying;
    uint64_t guards; /* bits of the guards that ask for events of this key */
};

struct cep_windows { /* what a rule with a window has besides */
    struct rt_window_shape shape;
    struct rt_window_shape pane_shape;        /* of windows with lateness */
    const struct rt_window_shape *read_shape; /* of what a look is at: one of the two */
    struct rt_calendar calendar;
    struct expr_zones *zones; /* owned; NULL: days are UTC's */
    const char *zone;
    bool packs;         /* a window of one event lies in its slot (cep_slot_is_one) */
    uint32_t in_having; /* bits of the aggregates that `having` reads */
    bool key_in_having; /* it reads `key` or `group` */
    struct rt_value bindings[RULE_BINDINGS_MAX]; /* what a record sees */
    uint64_t shape_hash;                         /* of the rule's own aggregates alone */
    /* Rules that share a window read it from the slots of one of them (readers.c). */
    struct cep_rule *keeper;             /* that one; itself, mostly */
    struct cep_rule *next_reader;        /* ascending; the first is the keeper */
    uint32_t reader;                     /* number among them: its bit in rt_window.is_true */
    uint8_t places[RULE_AGGREGATES_MAX]; /* of its aggregates in the keeper's shape */
    /* of a keeper */
    struct cep_rule *next_keeper; /* of windows that could be shared with this one */
    uint32_t reader_count;
    struct rule_window_union all; /* what shape.aggregates are */
    uint64_t added_turn;          /* of the last event that was added */
    /* What is remembered of a key beyond its window (history.h). */
    bool remembers;
    uint32_t at_end;         /* bits of the aggregates that are read when a window ends */
    uint32_t previous_count; /* how many of them are the next window's `previous` */
    rt_duration apart;       /* from one window's end to the next; 0: not fixed */
    rt_duration memory;      /* after the last event */
    struct rt_baseline_shape *baselines; /* owned; by baseline of the plan */
};

struct cep_rule {
    struct cep_engine *engine;
    const struct rule *rule;
    struct nfa_machine *machine; /* owned; NULL: not a pattern */
    struct cep_windows *windows; /* owned; NULL: it has no window */
    const uint32_t *guards;      /* by guard: its list of atoms in the memo */
    bool *is_start;              /* owned; by guard: it alone can begin a run */
    bool has_gates;              /* something is asked before the rule looks at an event */
    bool any_starts;             /* an event can begin a run whatever the guards say */
    bool is_swept;               /* its slots end without output and have no timer */
    bool restless;               /* an event that no guard wants can matter to a run */
    uint64_t *errors;            /* owned; [condition][reason]; conditions as in conditions.c */
    uint64_t *seen_errors;       /* owned; turn in which a condition's error was counted */
    struct cep_rule_counters counters;
    struct cep_rule_key
        *keys; /* owned; the rule's own first, then those of steps with their own key_by */
    uint32_t key_count;
    uint32_t *guard_keys;  /* owned; by guard: index into `keys` */
    struct rt_text key;    /* of the runs at work, during nfa_step and nfa_advance */
    size_t run_bytes;      /* as far as counted in engine->run_bytes */
    uint64_t cold_live;    /* partial matches that are not in memory */
    bool was_cold;         /* some were: the classifier never lets it rest again */
    uint32_t part;         /* number of the key at work among `keys` */
    bool counts;           /* of the engines that share the rule's keys this one counts the event */
    uint64_t keys_at_work; /* bits of `keys` that are equal to it for the event at hand */
};

enum cep_condition_place { /* rows of `errors` behind the guards */
                           CEP_AT_FILTER,
                           CEP_AT_EXCEPT,
                           CEP_AT_CANCEL,
                           CEP_AT_WHERE,
                           CEP_AT_AGGREGATE,
                           CEP_AT_HAVING,
                           CEP_AT_TRIGGER,
                           CEP_PLACES
};

/*
 * Counts an error of condition `row` (a guard's number, or guard_count + place) once a turn.  Of the engines that share the
 * rule's keys one does: for a step the one with the key that the step asks for.
 */
void cep_count_error(struct cep_rule *rule, uint32_t row, enum rt_value_error why);
/* Tests a condition that reads the event only and counts its error: of a rule with one key, whose owner asks alone. */
bool cep_condition_holds(struct cep_rule *rule, const struct rule_condition *condition,
                         enum cep_condition_place place);
/*
 * Who is asked depends on who has runs (classify.h F2), so errors count by what does not depend on other keys: where the event may
 * begin a run, and else by the runs of its own keys.
 */
bool cep_may_start(const struct cep_rule *rule);
/* Of the engines that share the rule's keys this one has the key that the guard's step asks for. */
bool cep_owns_guard(const struct cep_rule *rule, nfa_guard guard);
/* A condition that is asked before any key; where the event begins nothing its error counts once for each key with runs. */
bool cep_gate_holds(struct cep_rule *rule, const struct rule_condition *condition,
                    enum cep_condition_place place);

/* ---- records (alert.c, outbox.c) ---- */

/* What a record tells of. */
struct cep_finding {
    enum rule_output_kind kind;
    struct rt_text key;            /* encoded */
    const struct nfa_match *match; /* NULL: `event` alone */
    const struct rt_event *event;  /* the event at hand of the output's expressions */
    rt_time time, first_time;
    uint64_t tie; /* arrival of the first event */
    /* Of a window: all bindings, of which those from RULE_BINDING_AGGREGATES on count; NULL: of something else.  Without an
     * event it is the window [begin, time). */
    const struct rt_value *outcomes;
    rt_time begin;
    bool is_early;   /* of a window that has not ended */
    uint32_t update; /* records that were made of the window before; 0: none */
};

struct cep_record {
    struct rt_buffer json;
    struct rt_buffer message;
    struct rt_hash128 id;
    struct rt_hash128 dedup_key, limit_key;
    size_t key_begin, key_end; /* of the key in `json` */
    enum rule_severity severity;
};

struct cep_waiting { /* a record that waits until all of its deadline have fired */
    uint64_t tie;
    uint32_t rule;
    uint32_t number;
    const char *json, *message;
    size_t json_length, message_length, key_begin, key_end;
    struct rt_hash128 id;
    struct rt_hash128 dedup_key, limit_key;
    enum rule_severity severity;
    enum rule_output_kind kind;
    rt_time time, first_time;
};

struct cep_outbox {
    struct cep_record record;
    struct rt_buffer told;       /* a record with what was added when it went out */
    struct cep_waiting *waiting; /* owned */
    size_t waiting_count, waiting_capacity;
    struct rt_arena texts; /* of those that wait */
    bool collecting;
    rt_time deadline; /* of those that wait */
    bool closed;      /* emit has failed: nothing more goes out in this call */
};

/* ---- the engine ---- */

struct cep_saving; /* save_state.h */

struct cep_memory { /* the port by which the engine is saved */
    struct rt_memory port;
    struct cep_engine *engine;
};

struct cep_engine {
    struct rt_operator port;
    struct cep_memory memory;
    struct cep_saving *saving; /* owned; NULL: it is not saved */
    struct rt_buffer error;    /* why restoring was refused */
    struct rule_plan *plan;    /* referenced */
    struct cep_options options;
    struct cep_share share;

    struct cep_classifier *classifier;
    uint32_t *late_rules; /* owned: those with an output for late events, ascending */
    uint32_t late_rule_count;
    struct cep_memo memo;
    struct cep_rule *rules;
    struct cep_keying *keyings;
    struct rt_wheel *wheel;
    struct rt_pool timers;
    struct rt_blocks captured;
    struct rt_blocks windows;
    struct rt_blocks slot_lists;
    struct cep_dedup dedup;
    struct cep_outbox outbox;
    struct cep_router *router;  /* owned; of a head */
    struct cep_feed *feed;      /* owned; NULL: no rule reads alerts */
    struct rt_value *key_parts; /* as many as the widest key has */
    struct rt_map_entry *key_entries;

    const struct rt_event *event; /* at hand */
    const struct rt_event
        *kept;             /* its copy, with a reference of the engine's own; NULL: none yet */
    bool is_behind;        /* a late event is at hand: what it brings belongs to the past */
    rt_time reached;       /* the time of the newest event, deadline or watermark */
    uint64_t refused_turn; /* of the last event that was told of as refused */
    uint64_t room_turn;    /* of the last event that room was made for */
    enum rt_status status; /* the first thing that went wrong in this call */
    uint32_t kept_slots;   /* of a captured event */
    uint64_t passes;       /* events that were for others */
    size_t sample;         /* where the search for a key to evict goes on */
    size_t long_key_bytes; /* of all keyings */
    size_t run_bytes;      /* of all rules */
    struct cep_cold *cold; /* owned; NULL: all is in memory */
    uint64_t cold_keys;    /* of counters.keys: those that are not in memory */
    size_t cold_bytes;     /* what it takes to know them */
    struct cep_counters counters;
};

/* An event at hand, from here to there: what is remembered of it, and what was kept of it. */
void cep_begin_event(struct cep_engine *engine, const struct rt_event *event);
void cep_end_event(struct cep_engine *engine);
/* Where several engines share the keys the head counts events. */
static inline bool cep_counts_events(const struct cep_engine *engine)
{
    return engine->share.role != CEP_WORKER;
}
/* The key is the engine's to look after; an event without a key is looked after with group 0. */
static inline bool cep_owns(const struct cep_engine *engine, const struct cep_event_key *key)
{
    if (engine->share.role != CEP_WORKER)
        return true;

    uint64_t group = key->has_key ? key->hash % engine->share.groups : 0;

    return group >= engine->share.group_begin && group < engine->share.group_end;
}

/* ---- route.c ---- */

struct cep_router;
/* The first key group of engine `number` of so many; that of the one behind the last is `groups`. */
uint16_t cep_share_begin(uint16_t groups, uint32_t number, uint32_t workers);
/* For a head, after its rules: engine->router is to be freed in any case.  RT_ERR_NOMEM. */
enum rt_status cep_router_new(struct cep_engine *engine);
void cep_router_free(struct cep_router *router); /* NULL is fine */
/* struct rt_operator's route. */
uint64_t cep_route(struct rt_operator *port, const struct rt_event *event);

/* ---- engine.c ---- */

/* Notes the first status that is not RT_OK; the call in progress ends with it. */
void cep_fail(struct cep_engine *engine, enum rt_status status);
/* A configured limit as the automaton takes it. */
static inline uint32_t cep_limit32(uint64_t limit)
{
    return limit < UINT32_MAX ? (uint32_t)limit : UINT32_MAX;
}

/* `key` and `group` as expressions see them, into `bindings`; they borrow what engine->key_entries points to. */
void cep_bind_key(const struct cep_rule *rule, struct rt_text key, struct rt_value *bindings);
/* Writes the record into outbox.record. */
enum rt_status cep_write_record(struct cep_rule *rule, const struct cep_finding *finding);
/* Writes it and emits it, or puts it aside while timers of one deadline fire. */
void cep_report(struct cep_rule *rule, const struct cep_finding *finding);
/* Sends the record out, completed, unless dedup or a rate limit keeps it back.  True: it is out. */
bool cep_pass_on(struct cep_engine *engine, struct rt_output *output);
/* Emits what was put aside, in order. */
void cep_outbox_flush(struct cep_engine *engine);
void cep_outbox_done(struct cep_outbox *outbox);

/* ---- save.c ---- */

void cep_memory_init(struct cep_engine *engine);
void cep_memory_done(struct cep_engine *engine);

/* ---- keyed.c ---- */

/* Before anything of the key changes, and when its line is new. */
static inline void cep_key_touch(struct cep_keying *keying, struct rt_key_line *line)
{
    rt_changes_touch(&keying->changes, line);
}

/* Appends the event's key.  False: it has none.  `bytes` fails when there is no memory. */
bool cep_key_evaluate(struct cep_engine *engine, const struct cep_keying *keying,
                      const struct rt_event *event, struct rt_buffer *bytes);
/* Fetches what a step on this key would touch: the list of its runs, or, when that has come, the runs. */
void cep_key_prefetch(const struct cep_engine *engine, const struct rt_key_line *line, bool runs);
/* Fetches what the slot refers to; `inside`: that has come, so what it refers to in turn. */
void cep_slot_prefetch(const struct cep_engine *engine, const struct cep_slot *slot, bool inside);
/* This event's key; evaluated once a turn. */
const struct cep_event_key *cep_key_of_event(struct cep_engine *engine, uint32_t keying);
/* Where it lies in the keying's table, which need not be the one of its own keying. */
struct rt_key_line *cep_key_line(struct cep_keying *keying, const struct cep_event_key *key);
struct cep_slot *cep_slot_find(struct rt_key_line *line, uint32_t rule);
/* The same for the event at hand: found at once when its rules ask in their order. */
struct cep_slot *cep_slot_next(struct cep_keying *keying, struct rt_key_line *line, uint32_t rule);
struct cep_key *cep_key_of_line(struct rt_key_line *line);
/* NULL: it has at most one slot. */
static inline struct cep_slot_list *cep_key_list(const struct cep_key *key)
{
    return key->only.rule == CEP_MANY ? key->only.list : NULL;
}
/* All slots of a key, ascending by rule. */
struct cep_slot *cep_key_slots(struct cep_key *key, uint32_t *count);
/*
 * Stores runs that have begun: inserts the line if need be.  RT_AGAIN: refused and counted by the limits' policy.
 * RT_ERR_LIMIT: the policy is to stop.  RT_ERR_NOMEM.
 */
enum rt_status cep_slot_add(struct cep_engine *engine, struct cep_keying *keying,
                            const struct cep_event_key *key, const struct cep_slot *slot);
/* The same for a slot that was saved, whatever the limits; the slot belongs to the line then, and has no timer yet. */
enum rt_status cep_slot_restore(struct cep_engine *engine, struct cep_keying *keying, uint64_t hash,
                                struct rt_text key, const struct cep_slot *slot);
/*
 * After a step or a deadline: the slot goes with its last run or its window; otherwise its timer is seen to.  What no timer
 * could be found for would never go, so it goes at once.  True if the line went with the last of them.
 */
bool cep_slot_settle(struct cep_rule *rule, struct cep_keying *keying, struct rt_key_line *line,
                     struct cep_slot *slot);
/* Frees what the slot holds, without output. */
void cep_slot_clear(struct cep_engine *engine, struct cep_slot *slot);
/* The runs are gone: drops the slot, and the line with its timer when it was the last; true if so. */
bool cep_slot_drop(struct cep_engine *engine, struct cep_keying *keying, struct rt_key_line *line,
                   struct cep_slot *slot);
/* Everything of a key, runs included. */
void cep_key_drop(struct cep_engine *engine, struct cep_keying *keying, struct rt_key_line *line);
/* Drops some key to make room; false when there is none. */
bool cep_evict(struct cep_engine *engine, struct cep_keying *preferred);
/* Under drop_oldest: drops keys until the event at hand fits into what may be captured. */
void cep_make_room_for_event(struct cep_engine *engine, struct cep_keying *preferred);
size_t cep_state_bytes(const struct cep_engine *engine);
void cep_keyings_done(struct cep_engine *engine);

/* How long ago any rule stepped the key.  Right for keys idle less than 2^32 events, which is enough to choose. */
uint32_t cep_key_idle_turns(const struct cep_key *key, uint64_t turn);
/* The line goes as though it had never been; nothing is noted and nothing comes out. */
void cep_key_forget(struct cep_engine *engine, struct cep_keying *keying, struct rt_key_line *line);

/* ---- cold.c ---- */

/* A key that is not in memory is brought back if it is cold: its line, or NULL.  Lines of the keying move. */
struct rt_key_line *cep_cold_line(struct cep_engine *engine, struct cep_keying *keying,
                                  uint64_t hash, struct rt_text key);
/*
 * Before timers fire: brings back what is due by `until`, as much as memory should take at once.  How far timers may fire now.
 */
rt_time cep_cold_due(struct cep_engine *engine, rt_time until);
/* After timers have fired: of what was brought back for it that goes which is over, so that not all of it is in memory at once. */
void cep_cold_sweep(struct cep_engine *engine, rt_time now);

/* ---- prepare.c ---- */

/* struct rt_operator's prepare. */
void cep_prepare(struct rt_operator *port, const struct rt_event *const *events, size_t count);
/* The key that was evaluated ahead; NULL: none was. */
const struct cep_prepared_key *cep_prepared_find(const struct cep_prepared *prepared,
                                                 uint64_t sequence);
void cep_prepared_done(struct cep_prepared *prepared);

/* ---- timers.c ---- */

/* Sets the slot's deadline by its runs', if that is earlier, and the key's timer by that. */
enum rt_status cep_timer_set(struct cep_engine *engine, struct cep_keying *keying,
                             struct rt_key_line *line, struct cep_slot *slot);
void cep_timer_clear(struct cep_engine *engine, struct cep_key *key);
/* Fires what is due at or before `until`, in order. */
void cep_fire(struct cep_engine *engine, rt_time until);

/* ---- sweep.c ---- */

/* The slot of a swept rule has got its deadline. */
void cep_sweep_note(struct cep_engine *engine, struct cep_keying *keying, struct rt_key_line *line,
                    const struct cep_slot *slot);
/* The key has a list, and this slot is in it now. */
void cep_sweep_note_list(struct cep_engine *engine, struct cep_key *key,
                         const struct cep_slot *slot);
/* A swept rule whose slots last at least so long looks its keys up here. */
void cep_sweep_add_rule(struct cep_keying *keying, rt_duration lasts);
/* The cursor has not come by yet, but by the time of the event at hand the slot is no more. */
static inline bool cep_slot_is_over(const struct cep_rule *rule, const struct cep_slot *slot)
{
    return rule->is_swept && !rt_time_before(rule->engine->event->time, slot->deadline);
}
/* Drops some of what is over.  RT_TIME_MAX: all of it. */
void cep_sweep(struct cep_engine *engine, rt_time now, bool has_event);
/* One key: what is over goes now. */
void cep_sweep_line(struct cep_engine *engine, struct cep_keying *keying, struct rt_key_line *line,
                    rt_time now);

/* ---- callbacks.c ---- */

struct nfa_callbacks cep_callbacks(const struct rule *rule);
/* What the atoms of a guard say of this event; once an event, for all guards that have the same. */
static inline const struct cep_truth *cep_guard_truth(struct cep_rule *rule, nfa_guard guard)
{
    struct cep_memo *memo = &rule->engine->memo;
    struct cep_truth *truth = &memo->guards[rule->guards[guard]];

    if (truth->turn != memo->turn)
        *truth = cep_atoms_truth(memo, &rule->rule->guards[guard]);
    return truth;
}
/* What expressions see: the event at hand and what the run (NULL: none) has taken. */
struct expr_frame cep_frame_of_run(const struct rt_event *event, const struct nfa_match *run);

/* ---- seen.c ---- */

/* The event at hand to a rule with `new_value`: true if its value is new. */
bool cep_seen_push(struct cep_rule *rule);
rt_time cep_seen_deadline(const struct cep_rule *rule, const struct cep_slot *slot);
/* A deadline of the slot; it is forgotten then, or its deadline has moved. */
void cep_seen_advance(const struct cep_rule *rule, struct cep_slot *slot, rt_time now);

/* ---- window_plan.c ---- */

enum rt_status cep_window_init(struct cep_rule *rule);
/* Makes the shape of what a keeper keeps.  RT_ERR_NOMEM. */
enum rt_status cep_window_lay_out(struct cep_rule *keeper);
void cep_window_done(struct cep_rule *rule);

/* ---- window.c ---- */

/* The event at hand to a rule with a window. */
void cep_window_push(struct cep_rule *rule);
/* A deadline of the slot's window; the window may be gone afterwards. */
void cep_window_advance(struct cep_rule *rule, struct rt_text key, struct cep_slot *slot,
                        rt_time deadline);
rt_time cep_window_deadline(const struct cep_rule *rule, const struct cep_slot *slot);
static inline bool cep_slot_is_one(const struct cep_rule *rule, const struct cep_slot *slot)
{
    return rule->windows->packs && rt_is_one(&slot->one);
}
/* The slot's window, laid out in *view if it is one; NULL: it has none. */
struct rt_window *cep_window_of(const struct cep_rule *rule, const struct cep_slot *slot,
                                struct rt_one_view *view);
/* Packs the window that the slot has been given, if that is possible, and frees it. */
void cep_window_pack(struct cep_rule *rule, struct cep_slot *slot);
/* Frees what the slot holds. */
void cep_window_clear(struct cep_rule *rule, struct cep_slot *slot);
/* Fetches what the slot's window refers to; that window's beginning has come. */
void cep_window_prefetch(const struct cep_rule *rule, const struct cep_slot *slot);

/* The event at hand into the window, by the policy if that is as long as it may be.  False: it is not in. */
bool cep_window_add(struct cep_rule *rule, struct rt_window **window);
/* What each aggregate takes of the event at hand; RT_ABSENT: nothing. */
void cep_window_read_event(struct cep_rule *rule, struct rt_value *values);
/* Room for the event's window, or what the policy says: false when the event is left out. */
bool cep_window_has_room(struct cep_rule *rule, struct cep_keying *keying);
/* Where what is kept of a key goes when the event is done with: into a new slot, or nowhere. */
void cep_window_store(struct cep_rule *rule, struct cep_keying *keying,
                      const struct cep_event_key *key, struct cep_slot fresh);
void cep_window_drop(struct cep_rule *rule, struct rt_window **window);

/* ---- window_look.c ---- */

struct cep_look {                 /* a test of `having` */
    const struct rt_event *event; /* NULL: the window's end */
    rt_time time;
    struct rt_text key;
    struct cep_history *history; /* NULL: the rule remembers nothing beyond the window */
    bool is_early;               /* the window has not ended */
    uint32_t update;             /* records that were made of it before */
};
/* Looks at the window (NULL: an empty one) and fires: true.  Frees *window when it is to be emptied. */
bool cep_window_look(struct cep_rule *rule, struct rt_window **window, const struct cep_look *look);
/* The shape of what the rule reads. */
static inline const struct rt_window_shape *cep_window_read_shape(const struct cep_rule *rule)
{
    return rule->windows->keeper->windows->read_shape;
}

/* ---- readers.c ---- */

struct cep_origin { /* of a rule whose windows are brought back */
    uint32_t
        keeper; /* number, when it was saved, of the rule that kept them; RULE_NONE: it is new */
    uint32_t reader;       /* number among those that read them */
    const uint8_t *places; /* of its aggregates then */
};

static inline bool cep_is_keeper(const struct cep_rule *rule)
{
    return rule->windows->keeper == rule;
}
/* Alone. */
void cep_readers_begin(struct cep_rule *rule);
/*
 * Decides who keeps whose windows, in an engine without any.  Origins, by rule: only those with the same go together; NULL: all are
 * new.  RT_ERR_NOMEM.
 */
enum rt_status cep_readers_share(struct cep_engine *engine, const struct cep_origin *origins);
/* To the classifier: there is one slot more of this rule, or one less, and so of those that read it. */
void cep_readers_wake(struct cep_engine *engine, uint32_t rule);
void cep_readers_rest(struct cep_engine *engine, uint32_t rule);
/* Adds to the counters of all that read the keeper's windows. */
void cep_readers_count(struct cep_rule *keeper, uint64_t started, uint64_t live, uint64_t dropped);

/* ---- early.c ---- */

/* An event has come: the next look, if the rule looks now and then and none is planned. */
void cep_early_plan(const struct cep_rule *rule, struct rt_window_early *early,
                    const struct rt_window *window, rt_time now);
/* The rule tells what changes, and some outcome is another than was told last. */
bool cep_early_changes(struct cep_rule *rule, struct rt_window_early *early,
                       const struct rt_window *window);

/* After an event, in a rule that looks before the end. */
void cep_early_event(struct cep_rule *rule, struct rt_window **window, const struct cep_look *at);
/* At a deadline.  True: it was such a look; false: the window ends, or it is not the time. */
bool cep_early_advance(struct cep_rule *rule, struct rt_window **window, const struct cep_look *at);
/* A hopping window (NULL: none) is the next one now. */
void cep_early_next(const struct cep_rule *rule, struct rt_window *window);

/* ---- late.c ---- */

/* The event at hand, in a rule with lateness.  False: it comes too late. */
bool cep_late_push(struct cep_rule *rule, struct cep_keying *keying,
                   const struct cep_event_key *key);
/* The late event at hand.  False: it is not counted. */
bool cep_late_event(struct cep_rule *rule);
void cep_late_advance(struct cep_rule *rule, struct rt_text key, struct cep_slot *slot,
                      rt_time now);

/* ---- rule.c ---- */

enum rt_status cep_rule_init(struct cep_rule *rule, struct cep_engine *engine,
                             const struct rule *plan);
void cep_rule_done(struct cep_rule *rule);
/* Brings the count of what runs occupy up to date after the rule's automaton has moved. */
void cep_count_runs(struct cep_rule *rule);
/* One event at hand to one rule. */
void cep_rule_push(struct cep_rule *rule);
void cep_rule_late(struct cep_rule *rule);
/* The slot has reached its deadline.  True: it was the key's last, and the line is gone. */
bool cep_rule_advance(struct cep_rule *rule, struct cep_keying *keying, struct rt_key_line *line,
                      struct cep_slot *slot, rt_time now);

#endif
