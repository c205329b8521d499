/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expr.h - expressions: CEL with event names, from text to a value.
 *
 *   text --expr_check--> struct expr_tree --expr_compile--> struct expr --expr_eval--> struct rt_value
 *          lex, parse,       checked, in the     (after the     bytecode,      one frame = the event at hand,
 *          expand macros,    plan's arena,       field table    immutable,     what the run has taken, bindings
 *          resolve, infer    names resolved      is sealed)     shared
 *
 * X1  Parsed, checked and compiled are different types.  A tree says what the text means; only code is run.
 * X2  Names are resolved once, in this order: macro variable; step; binding or constant of the scope (event, key, params,
 *     lists ...); field of the event at hand.  Never by looking at data.
 * X3  Logic is three-valued: an error is no value, `&&` and `||` swallow it when the other side decides.
 * X4  A value that expr_eval returns borrows: from the event, the code's constants, the bindings, or the machine's
 *     scratch arena.  It is dead after expr_machine_reset.
 * X5  Evaluation terminates and is bounded: fuel per evaluation, scratch bytes, depth at parse time.
 * X6  Scalar conditions allocate nothing.
 */
#ifndef EGRET_RULES_EXPR_H
#define EGRET_RULES_EXPR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/arena.h"
#include "runtime/base/diag.h"
#include "runtime/base/hash.h"
#include "runtime/base/status.h"
#include "runtime/base/text.h"
#include "runtime/event/event.h"
#include "runtime/event/field.h"
#include "runtime/event/value.h"

/* ---- where a text stands in its file ---- */

/* An expression as the author wrote it, with the way back to the file. */
struct expr_text {
    struct rt_text text;     /* decoded: what CEL sees */
    rt_source_id source;     /* RT_NO_SOURCE: spans cannot be shown */
    const uint32_t *offsets; /* text.length + 1 file offsets, one per byte; NULL: offset_base + i */
    uint32_t offset_base;
};
struct rt_span expr_text_span(const struct expr_text *text, size_t begin, size_t end);

/* ---- names ---- */

struct expr_schema; /* rules/expr_schema.h */

struct expr_step_name {
    const char *name;
    uint32_t step;            /* what the frame's step functions are asked for */
    bool repeats;             /* times, combinations, until: a list of events */
    bool optional;            /* may have taken nothing */
    bool available;           /* false: a later step; naming it is an error that says so */
    const char *repeats_text; /* why it is a list, as it was written: "times: 5+"; NULL: unsaid */
    const char *
        never_text; /* why it is not available if not for coming later: "must not happen"; or NULL */
};

/* A name whose value the frame brings: frame.bindings[index]. */
struct expr_binding {
    const char *name;
    uint32_t index;
    enum rt_type type;          /* RT_ABSENT: not known before run time */
    bool *mentioned;            /* set when an expression names it; NULL: not wanted */
    const char *const *entries; /* of a map: all names that it has; NULL: not known */
    size_t entry_count;
};

/* A name whose value is known now: params, lists. */
struct expr_constant {
    const char *name;
    struct rt_value value; /* outlives the plan */
};

struct expr_scope {
    struct rt_fields *fields; /* gets the fields that are named; NULL: there is no event */
    bool
        event_is_kept; /* the event at hand is one that was captured (alerts): its fields are kept fields */
    const struct expr_step_name *steps;
    size_t step_count;
    const struct expr_binding *bindings;
    size_t binding_count;
    const struct expr_constant *constants;
    size_t constant_count;
    bool *
        mentions; /* by field: it has been read other than by has() or .?; NULL: unseen fields are not looked for */
    const struct expr_schema *declared; /* the fields as the author declares them; NULL: not */
    const struct expr_schema *sample;   /* as the events of a sample have them; NULL: no sample */
    const char *container;              /* CEL container, for eval; NULL: none */
    bool unchecked;                     /* types are left to run time, for eval --no-check */
    bool closed; /* a bare unknown name is an error, not a field (eval without an event) */
};

/* ---- check ---- */

struct expr_tree;

enum expr_want { EXPR_WANT_ANY, EXPR_WANT_BOOL, EXPR_WANT_TEXT };

/*
 * Parses, resolves and checks.  Everything wrong goes to `diags` (one message per sub-tree); RT_ERR_DIAG then.
 * The tree lives in `arena` and borrows the scope's names and constants.
 */
enum rt_status expr_check(const struct expr_text *text, const struct expr_scope *scope,
                          enum expr_want want, struct rt_arena *arena, struct rt_diags *diags,
                          struct expr_tree **out);

/* `a && b` as a tree, for match maps and where joined; NULL operands are left out. */
enum rt_status expr_tree_and(struct rt_arena *arena, struct expr_tree *left,
                             struct expr_tree *right, struct expr_tree **out);

enum { /* what a tree reads */
       EXPR_USES_EVENT = 1,
       EXPR_USES_STEPS = 2,
       EXPR_USES_BINDINGS = 4
};
unsigned expr_tree_uses(const struct expr_tree *tree);

/* Whether it reads the binding with this index. */
bool expr_tree_uses_binding(const struct expr_tree *tree, uint32_t index);

/* Where it is written; RT_NO_SPAN if nowhere in a file.  Of trees that were joined, the first one's place. */
struct rt_span expr_tree_span(const struct expr_tree *tree);

/* Static type if known, else RT_ABSENT. */
enum rt_type expr_tree_type(const struct expr_tree *tree);

/* The operands of the top-level `&&` chain (the tree itself if it is none).  Returns how many; fills at most `max`. */
size_t expr_tree_conjuncts(struct expr_tree *tree, struct expr_tree **out, size_t max);

/* The same one by one. */
size_t expr_tree_conjunct_count(const struct expr_tree *tree);
const struct expr_tree *expr_tree_conjunct(const struct expr_tree *tree, size_t index);

/*
 * What an evaluation costs at most, in steps of the machine: terms[0] + terms[1] n + terms[2] n^2 ..., n being the items of
 * the longest list that it goes over.  An evaluation that takes EXPR_STEPS_MAX ends in RT_ERROR_LIMIT, and a condition that
 * must take more is refused.
 */
enum { EXPR_COST_DEGREES = 10, EXPR_STEPS_MAX = 1000000 };
struct expr_cost {
    uint64_t terms[EXPR_COST_DEGREES];
};
struct expr_cost expr_tree_cost(const struct expr_tree *tree);
void expr_cost_add(struct expr_cost *cost, const struct expr_cost *more);
/* Below, at or above 0, for a large n. */
int expr_cost_compare(const struct expr_cost *left, const struct expr_cost *right);
/* "14 steps", "14 + 6n steps (n: items of the longest list)" */
void expr_cost_print(const struct expr_cost *cost, struct rt_buffer *out);

/* Equal trees have equal fingerprints: conditions of all rules are shared by it. */
struct rt_hash128 expr_tree_fingerprint(const struct expr_tree *tree);

/* Canonical text, operators with single blanks, fields as `event.x`. */
void expr_tree_print(const struct expr_tree *tree, struct rt_buffer *out);

/*
 * For the index: for which constant values of some field can the tree be true?  Fields are told apart by id.
 * EXPR_MAY_ALL: no statement.  EXPR_MAY_SET: only when the field equals one of `values`.  EXPR_MAY_NONE: never.
 * `values` live in the arena.  Sound for errors: an error is not true.
 */
enum expr_may { EXPR_MAY_ALL, EXPR_MAY_SET, EXPR_MAY_NONE };
struct expr_may_set {
    enum expr_may kind;
    const struct rt_value *values; /* strings, bools, ints, uints, doubles, nulls; distinct by == */
    size_t value_count;
};
/* The fields that are compared with constants somewhere in the tree: candidates for the index. */
size_t expr_tree_index_fields(const struct expr_tree *tree, rt_field_id *out, size_t max);
enum rt_status expr_tree_may_be_true(const struct expr_tree *tree, rt_field_id field,
                                     struct rt_arena *arena, struct expr_may_set *out);

/*
 * The tests of one field by which an index can find the trees that may be true:
 *
 *     event.type == "a"   event.path.startsWith("/x")   event.path.contains("x")   cidr(event.ip, "10.0.0.0/8")   event.n > 5
 *
 * A test may hold for more values than the author's (`>` holds at the bound), never for fewer.
 */
enum expr_probe_kind {
    EXPR_PROBE_EQUAL,
    EXPR_PROBE_STARTS,
    EXPR_PROBE_ENDS,
    EXPR_PROBE_CONTAINS,
    EXPR_PROBE_NETWORK, /* value: RT_CIDR */
    EXPR_PROBE_ABOVE,   /* field >= value */
    EXPR_PROBE_BELOW,   /* field <= value */
    EXPR_PROBE_KINDS
};
struct expr_probe {
    rt_field_id field;
    enum expr_probe_kind kind;
    struct rt_value value;
};

/*
 * How often a test holds, guessed by what the rules ask: the more tests of a field, the rarer each, and a constant that many
 * rules ask for is one that occurs.
 */
struct expr_chances {
    uint32_t (*tests)[EXPR_PROBE_KINDS]; /* owned; by field: tests of that kind */
    size_t field_count;
    struct expr_chance *uses; /* owned; how many of them have the same constant; open addressing */
    size_t use_count, use_capacity;
};
enum rt_status expr_chances_init(struct expr_chances *chances, size_t field_count);
void expr_chances_done(struct expr_chances *chances);
enum rt_status expr_chances_count(struct expr_chances *chances, const struct expr_probe *probe);
double expr_probe_chance(const struct expr_chances *chances, const struct expr_probe *probe);
/* Counts all tests of the tree. */
enum rt_status expr_tree_count_probes(const struct expr_tree *tree, struct expr_chances *chances);

/* The tree is true only when one of the probes holds; `all`: no such set is known. */
struct expr_cover {
    bool all;
    const struct expr_probe *probes; /* in the arena */
    size_t probe_count;
    double chance; /* that one holds, estimated */
};
/* The cover of "one of these holds"; *status is left alone unless there is no memory. */
struct expr_cover expr_cover_unite(const struct expr_cover *covers, size_t count,
                                   struct rt_arena *arena, enum rt_status *status);
/* The rarest cover of the tree. */
enum rt_status expr_tree_cover(const struct expr_tree *tree, const struct expr_chances *chances,
                               struct rt_arena *arena, struct expr_cover *out);

/* ---- compile ---- */

struct expr;

/*
 * Emits code.  The scope's field table must be sealed by now.  The code borrows the tree's constants, so the arena of the
 * check outlives it.  RT_ERR_LIMIT: more code than an instruction can address, which only trees that were
 * joined by expr_tree_and can need.
 */
enum rt_status expr_compile(const struct expr_tree *tree, const struct rt_fields *fields,
                            struct expr **out);
void expr_free(struct expr *expr); /* NULL is fine */
/* One instruction a line, for explain and tests. */
void expr_print_code(const struct expr *expr, struct rt_buffer *out);

/* ---- evaluate ---- */

/* What one thread needs to evaluate: scratch memory, pattern match data, limits. */
struct expr_machine;
enum rt_status expr_machine_new(struct expr_machine **out);
void expr_machine_free(struct expr_machine *machine);  /* NULL is fine */
void expr_machine_reset(struct expr_machine *machine); /* once per event or so */
struct rt_arena *expr_machine_scratch(struct expr_machine *machine);

struct expr_taken {
    uint32_t step;
    const struct rt_event *event;
};

struct expr_frame {
    const struct rt_event *event;    /* the event at hand, or NULL */
    const struct rt_value *bindings; /* by index */
    /*
     * What the run has taken, the candidate not included, newest first.  older: what was taken at a place, and the place
     * before it, NULL behind the oldest.  As long as the machine lives, a place with the same event and the same `run` has
     * the same places behind it, unless the event is the one at hand.
     */
    const void *newest; /* NULL: nothing */
    const void *(*older)(const void *place, struct expr_taken *out);
    uint64_t run; /* sequence of the first event that the run took */
};

/* Never fails otherwise than by an RT_ERROR value. */
struct rt_value expr_eval(struct expr_machine *machine, const struct expr *expr,
                          const struct expr_frame *frame);

/* EXPR_TRUE, EXPR_FALSE, or EXPR_ERROR with the reason: conditions.  Not a bool counts as RT_ERROR_TYPE. */
enum expr_truth { EXPR_FALSE = 0, EXPR_TRUE = 1, EXPR_ERROR = 2 };
enum expr_truth expr_test(struct expr_machine *machine, const struct expr *expr,
                          const struct expr_frame *frame, enum rt_value_error *why);

/* ---- templates:  "{{ key.user }}: {{ size(fail) }} failed logins" ---- */

struct expr_template_tree;
struct expr_template;
enum rt_status expr_template_check(const struct expr_text *text, const struct expr_scope *scope,
                                   struct rt_arena *arena, struct rt_diags *diags,
                                   struct expr_template_tree **out);
enum rt_status expr_template_compile(const struct expr_template_tree *tree,
                                     const struct rt_fields *fields, struct expr_template **out);
void expr_template_free(struct expr_template *template); /* NULL is fine */
/* Appends the text.  A part that ends in an error is left empty; returns how many did, *why the last reason. */
size_t expr_template_render(struct expr_machine *machine, const struct expr_template *template,
                            const struct expr_frame *frame, struct rt_buffer *out,
                            enum rt_value_error *why);

#endif
