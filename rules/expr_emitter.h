/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expr_emitter.h - code in the making, for the files that make it.
 *
 *     checked tree --expr_emit.c: a function per kind of node--> instructions, constants, functions, patterns (expr_emitter.c)
 *                  \--expr_emit_short.c: whole subtrees that are one instruction
 *
 * N1  After the first failure nothing is added and nothing that was is read: what is emitted then has any place.
 */
#ifndef EGRET_RULES_EXPR_EMITTER_H
#define EGRET_RULES_EXPR_EMITTER_H

#include "rules/expr_code.h"
#include "rules/function.h"

struct expr_emitter {
    struct expr *expr;
    uint8_t *registers;    /* of the macro variables, by id */
    enum rt_status status; /* RT_ERR_NOMEM; RT_ERR_LIMIT: it does not fit into the operands */
};

/* The number of the constant, function, pattern that is added; 0 after a failure. */
unsigned expr_emit_constant(struct expr_emitter *emitter, struct rt_value value);
unsigned expr_emit_function(struct expr_emitter *emitter, const struct expr_function *function);
/* The pattern, which was checked with the tree, as a constant that carries the number of its compiled form. */
unsigned expr_emit_pattern(struct expr_emitter *emitter, struct rt_value pattern);

/* The place of the instruction; 0 after a failure. */
unsigned expr_emit(struct expr_emitter *emitter, unsigned op, unsigned dst, unsigned a, unsigned b,
                   unsigned c);
/* Where the next instruction will be. */
unsigned expr_emit_here(const struct expr_emitter *emitter);
/* Jumps whose place is not known yet are a list through their operand c, ended by EXPR_NO_OPERAND; they land here. */
void expr_emit_jump(struct expr_emitter *emitter, unsigned op, unsigned dst, unsigned a, unsigned b,
                    unsigned *pending);
void expr_emit_land(struct expr_emitter *emitter, unsigned pending);
unsigned expr_emit_slot(const struct expr_emitter *emitter, rt_field_id field);

/* ---- expr_emit_short.c ---- */

/* A field against a constant or a constant pattern. */
struct expr_field_test {
    unsigned op; /* the plain form; _AND is one more, _OR two more */
    unsigned slot, constant;
};
/* Is the node one test of a field?  Only where a bool is wanted may a field stand for itself. */
bool expr_as_field_test(struct expr_emitter *emitter, const struct expr_node *node, bool wants_bool,
                        struct expr_field_test *test);

/* matches(x, "...") */
bool expr_is_constant_match(const struct expr_node *node);

/* sum(a.x), count(a): asked of the run itself, without a list. */
struct expr_step_aggregate {
    uint32_t step;
    bool of_events; /* no field */
    rt_field_id field;
    unsigned how; /* enum expr_aggregate, EXPR_AGGREGATE_AS_DOUBLE */
};
bool expr_as_step_aggregate(const struct expr_node *call, struct expr_step_aggregate *out);

#endif
