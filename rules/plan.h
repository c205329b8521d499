/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.h - a rule set, compiled: what the engine runs and what explain prints.
 *
 *      rule files --rule_load--> struct rule_plan
 *
 *      plan ── fields            one table for all rules (event/field.h)
 *        ├── atoms[]             each distinct event-only condition of all rules, once
 *        ├── keyings[]           each distinct key_by, once: one look-up a keying, whatever the number of rules
 *        └── rules[]             in order of file path, then position in the file
 *              ├── filter, cancel_if, excepts, guards[]    conditions: atoms + what needs the run
 *              ├── program       the automaton; guard number g is guards[g]
 *              └── match, timeout, late                     outputs
 *
 * L1  Immutable after rule_load and reference-counted: threads share it without a lock.
 * L2  A condition is true when all its atoms are true and `rest` (if any) is true.  An error anywhere is not true.
 * L3  Everything lives as long as the plan.
 */
#ifndef EGRET_RULES_PLAN_H
#define EGRET_RULES_PLAN_H

#include "nfa/nfa.h"
#include "rules/expr.h"
#include "runtime/base/instant.h"

#define RULE_NONE UINT32_MAX

struct rule_atom { /* reads the event at hand only */
    struct expr *code;
    const struct expr_tree *tree;
    const char *text; /* canonical, for explain */
};

struct rule_condition {
    const uint32_t *atoms; /* indexes into plan->atoms */
    uint32_t atom_count;
    struct expr *rest;            /* what also reads steps or bindings; NULL: nothing */
    const struct expr_tree *tree; /* the whole; NULL: no condition, always true */
    const char *step; /* whose condition it is, for counters ("filter", a step's name) */
};

struct rule_key_part {
    const char *label; /* in alerts: the map's name or the last part of the path */
    struct expr *value;
    const char *text;
};
struct rule_keying {
    const struct rule_key_part *parts;
    uint32_t part_count; /* 0: no key_by; one constant key */
};

/* Binding indexes that rule expressions use: frame.bindings has RULE_BINDING_COUNT values, and more in a rule with a window. */
enum rule_binding {
    RULE_BINDING_KEY,
    RULE_BINDING_TIMEOUT,
    RULE_BINDING_ALERT,
    RULE_BINDING_GROUP, /* what group_by or new_value divides the key by */
    RULE_BINDING_COUNT
};

enum rule_severity {
    RULE_INFO,
    RULE_LOW,
    RULE_MEDIUM,
    RULE_HIGH,
    RULE_CRITICAL,
    RULE_SEVERITY_COUNT
};
const char *rule_severity_name(enum rule_severity severity);
bool rule_severity_parse(struct rt_text text, enum rule_severity *out);

enum rule_output_kind {
    RULE_OUTPUT_MATCH,
    RULE_OUTPUT_TIMEOUT,
    RULE_OUTPUT_LATE,
    RULE_OUTPUT_COUNT
};
const char *rule_output_name(enum rule_output_kind kind); /* "match" */
/* "soc, archive" for people and to compare; "" if there is none.  NULL: no memory. */
const char *rule_names_join(struct rt_arena *arena, const char *const *names, uint32_t count);

struct rule_field {
    const char *name;
    struct expr *value;
};
struct rule_dedup {
    struct expr *key; /* NULL: the rule's key */
    rt_duration span; /* 0: there is none.  counted in event time */
    uint32_t max;     /* how many alerts in a span */
};
struct rule_output {
    bool enabled; /* match: always; timeout, late: when the rule says so */
    enum rule_severity severity;
    struct expr *severity_value;   /* NULL: constant */
    struct expr_template *message; /* NULL: the title or the id */
    const struct rule_field *fields;
    uint32_t field_count;
    const char *const *sinks;     /* names, in the order of the rule */
    uint32_t sink_count;          /* 0: the default sinks */
    struct rule_dedup dedup;      /* max 1 */
    struct rule_dedup rate_limit; /* of what dedup lets through; those left out are told of */
};

struct rule_except {
    struct rule_condition condition;
    const char *reason; /* NULL: none given */
    rt_time expires;    /* event time; RT_TIME_MAX: never */
};

struct rule_step {
    const char *name;
    bool repeats, optional, negative;
    uint32_t keying; /* of a step with its own key_by; RULE_NONE: the rule's */
    uint32_t times_min, times_max;
    enum nfa_contiguity contiguity;
    uint32_t line; /* in the file */
};

/* An event for which no probe of the route holds need not be offered to the rule. */
struct rule_probe {
    rt_slot slot;
    enum expr_probe_kind kind;
    struct rt_value value;
};
struct rule_route {
    bool all; /* the rule sees every event */
    const struct rule_probe *probes;
    size_t probe_count;
    double chance; /* that an event comes through, estimated */
};

enum rule_window_kind {
    RULE_TUMBLING,
    RULE_HOPPING,
    RULE_SLIDING,
    RULE_SESSION,
    RULE_COUNT,
    RULE_GLOBAL,
    RULE_WINDOW_KINDS
};
enum rule_fire {
    RULE_FIRE_ON_THRESHOLD, /* once when `having` becomes true */
    RULE_FIRE_ON_CLOSE,     /* at the end of each window for which it is true */
    RULE_FIRE_ON_EVERY,     /* at each look while it is true */
    RULE_FIRE_RESET         /* when it is true, and the window is emptied */
};
const char *rule_window_kind_name(enum rule_window_kind kind); /* "tumbling" */
const char *rule_fire_name(enum rule_fire fire);               /* "on_close" */

enum rule_aggregate_function {
#define AGGREGATE(function, name, arguments, numbers, type) RULE_##function,
#include "rules/aggregates.def"
#undef AGGREGATE
    RULE_AGGREGATE_FUNCTIONS
};
const char *rule_aggregate_name(enum rule_aggregate_function function); /* "count" */

struct rule_aggregate {
    const char *name;
    enum rule_aggregate_function function;
    struct expr *value; /* reads the event at hand; NULL: the function takes none */
    const struct expr_tree *tree;
    double quantile;               /* 0 to 1 */
    uint32_t items;                /* topk, collect: how many */
    struct rule_condition where;   /* which events it counts */
    struct rt_hash128 fingerprint; /* equal aggregates of rules that share their windows are one */
};
enum {
    RULE_AGGREGATES_MAX = 32,
    RULE_READERS_MAX = 32,    /* rules that share a window */
    RULE_DISTINCT_MAX = 16384 /* values that count_distinct and topk hold before they estimate */
};

struct rule_baseline {
    const char *name;
    uint32_t of; /* the aggregate whose outcomes are averaged */
    rt_duration span;
};

/* What expressions of a window rule see behind the first RULE_BINDING_COUNT bindings, in this order. */
enum {
    RULE_BINDING_AGGREGATES = RULE_BINDING_COUNT,
    RULE_BINDING_BASELINES = RULE_BINDING_AGGREGATES + RULE_AGGREGATES_MAX,
    RULE_BINDING_PREVIOUS = RULE_BINDING_BASELINES + RULE_AGGREGATES_MAX, /* by aggregate */
    RULE_BINDINGS_MAX = RULE_BINDING_PREVIOUS + RULE_AGGREGATES_MAX
};

struct rule_window {
    enum rule_window_kind kind;
    rt_duration size;   /* session: the gap; count: `expires` */
    rt_duration slide;  /* hopping */
    rt_duration offset; /* tumbling, hopping */
    uint32_t count;     /* count: N events */
    uint32_t
        every; /* count: looked at after so many; divides `count`.  global: likewise, 0: not so */
    const char *time_zone;   /* NULL: UTC */
    rt_duration lateness;    /* how long after its end a window takes late events; 0: not at all */
    rt_duration early_every; /* a look so often before the end; global: the trigger; 0: none */
    bool early_on_change;
    bool purges;      /* what was told early begins anew */
    bool has_trigger; /* global */
    struct rule_condition trigger;
    bool looks_at_close; /* `having` is tested when a window ends, not at each event */
    enum rule_fire fire;
    const struct rule_aggregate
        *aggregates; /* at most RULE_AGGREGATES_MAX, and so many baselines */
    uint32_t aggregate_count;
    const struct rule_baseline *baselines;
    uint32_t baseline_count;
    /* What is remembered of a key beyond its window (rules/load_history.c). */
    rt_duration expires; /* how long after its last event; 0: not said */
    uint32_t previous;   /* bits of the aggregates of the window before that are asked for */
    bool
        looks_at_empty; /* while a key is remembered, windows without events are looked at when they end */
    bool remembers;      /* there is something */
    struct expr *having; /* NULL: always */
    const struct expr_tree *having_tree;
    uint32_t keeper; /* the first of the rules that can share their windows with it; else itself */
};

/* The aggregates of rules that share a window, the equal ones once (rules/sharing.c). */
struct rule_window_union {
    const struct rule_aggregate *aggregates[RULE_AGGREGATES_MAX];
    uint32_t count;
};
/* Adds those of `window`; places[i]: where its aggregate i is.  False: they are too many, and nothing has been added. */
bool rule_window_join(const struct rule_window *window, struct rule_window_union *all,
                      uint8_t *places);

#define RULE_SOURCE_ALERTS "alerts" /* the source whose events are alerts of other rules */

enum rule_kind { RULE_PATTERN, RULE_SINGLE, RULE_WINDOW };
enum rule_mode { RULE_MODE_ALERT, RULE_MODE_SHADOW, RULE_MODE_OFF };

/*
 * What partial matches rest on: when a part is another than it was when they were saved, they cannot go on.  Named values count by
 * their names and `within` not at all.
 */
struct rule_shape_part {
    const char *label; /* "filter", "step `fail`" */
    uint64_t hash;
};

struct rule_test; /* rules/rule_test.h */

struct rule {
    const char *id;
    const char *title;       /* NULL: none */
    const char *description; /* NULL: none */
    const char *owner, *runbook;
    const char *const *tags;
    uint32_t tag_count;
    enum rule_mode mode;
    enum rule_kind kind;
    const char *file;
    uint32_t line;     /* of `id` */
    uint32_t index;    /* in plan->rules: the last part of the total order of the output */
    char revision[33]; /* hash of the compiled rule without metadata and tests */
    const struct rule_shape_part *shape;
    uint32_t shape_count; /* 0: the rule has no state */
    const char *const *sources;
    uint32_t source_count;   /* 0: any but RULE_SOURCE_ALERTS */
    bool reads_events;       /* of some source of the job */
    bool reads_alerts;       /* RULE_SOURCE_ALERTS is among its sources */
    const uint32_t *readers; /* the rules that get its alerts as events, ascending */
    uint32_t reader_count;

    struct rule_condition filter;
    uint32_t keying; /* index into plan->keyings */
    uint32_t
        group_parts; /* the last parts of the keying: of `group_by` or `new_value`, not of `key` */
    const struct rule_except *excepts;
    uint32_t except_count;
    struct rule_condition cancel_if;
    bool has_cancel;

    struct rule_condition where; /* RULE_SINGLE, RULE_WINDOW: which events */
    rt_duration
        new_value_ttl; /* RULE_SINGLE: only events whose group was not seen so long; 0: all */
    const struct rule_window *window; /* RULE_WINDOW */
    struct nfa_program *program;      /* RULE_PATTERN */
    const struct nfa_pattern
        *pattern; /* what `program` was compiled from, groups and all: for explain and graph */
    const struct rule_condition *guards;
    uint32_t guard_count;
    const struct rule_step *steps; /* by nfa step index */
    uint32_t step_count;
    rt_duration within;
    enum nfa_skip skip;
    bool
        strict; /* has a step for which an event that no guard wants still matters (next, notNext, consecutive) */

    struct rule_route start; /* while the rule has no runs: what can begin one */
    struct rule_route route; /* while it has */
    struct rule_output outputs[RULE_OUTPUT_COUNT];

    const struct rule_test *tests;
    uint32_t test_count;
};

/*
 * The sum over all conditions of the rule of what each costs at most; patterns ask those of a step once for each open match.
 * *dearest, if wanted: the one that costs most; NULL without any.
 */
struct expr_cost rule_cost(const struct rule *rule, const struct rule_condition **dearest);

struct rule_plan {
    struct rt_fields *fields;
    rt_slot time_slot;            /* of rule_load_options.time_field; RT_NO_SLOT without one */
    struct expr *watermark_when;  /* reads the event at hand only; NULL without one */
    const rt_slot *run_slots;     /* by rule_load_options.fields */
    struct expr **run_conditions; /* by rule_load_options.conditions */
    const struct rule_atom *atoms;
    uint32_t atom_count;
    const struct rule_keying *keyings;
    uint32_t keying_count;
    const struct rule *const *rules;
    uint32_t rule_count;
    /* private: the arena, what must be freed, the reference count */
    struct rule_plan_memory *memory;
};

/* ---- loading (rules/load*.c) ---- */

struct rule_source {  /* one rule file in memory */
    const char *name; /* path, for messages; rules are ordered by it */
    struct rt_text text;
};
struct rule_override { /* --set params.min_km=100 */
    const char *path;
    const char *value;
};

struct rule_named_text { /* an expression from elsewhere */
    const char *name;    /* under which its diagnostics stand */
    const char *text;
};

/* What the run brings besides the rules; a zeroed one is fine, and so is NULL. */
struct rule_load_options {
    const char *const *fields; /* paths that get a slot even if no rule names them */
    size_t field_count;
    const struct rule_named_text *conditions; /* over the event at hand */
    size_t condition_count;
    const char *const *source_names; /* that rules may name; NULL: any */
    size_t source_count;
    const char *const *sink_names; /* likewise */
    size_t sink_count;
    const struct rule_override *overrides;
    size_t override_count;
    const char *time_field; /* path (`ts`, `meta.ts`) that gets a slot even if no rule names it */
    const char *
        watermark_when; /* expression over the event at hand; its diagnostics are named `--watermark-when` */
    const struct expr_schema *sample; /* what the events of a sample have; NULL: no sample */
    uint64_t partials_per_key,
        events_per_partial; /* limits of the engine, for warnings; 0: the usual ones */
    bool keeps_good_rules; /* with RT_ERR_DIAG the plan holds the rules in which nothing is wrong */
};

/*
 * Compiles the files into one plan.  Everything that is wrong goes to `diags`, all files in one run: RT_ERR_DIAG.
 * Warnings alone do not fail.  The sources may be freed afterwards.  *out is set on RT_OK, and with keeps_good_rules also on
 * RT_ERR_DIAG.
 */
enum rt_status rule_load(const struct rule_source *sources, size_t source_count,
                         const struct rule_load_options *options, struct rt_diags *diags,
                         struct rule_plan **out);
struct rule_plan *rule_plan_ref(struct rule_plan *plan); /* atomic */
void rule_plan_unref(struct rule_plan *plan);            /* NULL is fine */

#endif
