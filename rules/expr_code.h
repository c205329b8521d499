/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expr_code.h - the code of an expression, for the emitter, the machine and the printer.
 *
 *     type == "fail" && amount > 1000 && ip.startsWith("10.")
 *
 *     0  constant              r0  true
 *     1  field.equal.text.and  r0  type "fail" 4     ; false leaves to 4, an error stays in r0
 *     2  field.greater.and     r0  amount 1000 4
 *     3  field.starts_with.and r0  ip "10." 4
 *     4  return                r0
 *
 * B1  Registers are values; an error is a value and travels, so no instruction but and, or, branch and the folds looks
 *     where it came from.
 * B2  An expression's result goes to the register that its parent names; what it needs beside lies above it.
 * B3  A jump goes forward, but the one that closes a fold: its fold.next takes fuel.
 * B4  A constant pattern is compiled with the code; the constant's aux is its number in `regexes`.
 * B5  Constants are borrowed from the tree's arena, which outlives the code.
 */
#ifndef EGRET_RULES_EXPR_CODE_H
#define EGRET_RULES_EXPR_CODE_H

#include "rules/expr_tree.h"

enum { EXPR_REGISTERS = 256, EXPR_CODE_MAX = 0xFFFE, EXPR_NO_OPERAND = 0xFFFF };

enum expr_opcode {
#define OPCODE(name, text, a, b, c) EXPR_CODE_##name,
#include "rules/opcodes.def"
#undef OPCODE
    EXPR_OPCODE_COUNT
};

struct expr_instruction {
    uint8_t op;  /* enum expr_opcode */
    uint8_t dst; /* register */
    uint16_t a, b, c;
};

_Static_assert(sizeof(struct expr_instruction) == 8, "an instruction is one word");

struct expr {
    struct expr_instruction *code; /* owned */
    size_t code_count, code_capacity;
    struct rt_value *constants; /* owned array, borrowed contents */
    size_t constant_count, constant_capacity;
    const struct expr_function **functions; /* owned array */
    size_t function_count, function_capacity;
    struct expr_regex **regexes; /* owned, and what they point to */
    size_t regex_count, regex_capacity;
    const struct rt_fields *fields;
};

/* ---- what a run has taken (expr_run_step.c) ---- */

enum { /* operand c of step.aggregate */
       EXPR_AGGREGATE_MASK = 0xff,
       EXPR_AGGREGATE_AS_DOUBLE = 0x100 /* numbers are doubles, as declared */
};

struct expr_memo;                            /* what aggregates were up to some place of some run */
void expr_memo_free(struct expr_memo *memo); /* NULL is fine */

/* NULL: the step has taken nothing. */
const struct rt_event *expr_step_newest(const struct expr_frame *frame, uint32_t step);
struct rt_value expr_step_events(struct expr_call *call, const struct expr_frame *frame,
                                 uint32_t step);
struct rt_value expr_step_aggregate(struct expr_call *call, struct expr_memo **memo,
                                    const struct expr_frame *frame,
                                    const struct expr_instruction *in);

/* ---- making lists and maps, going over them (expr_run_list.c) ---- */

/* The list with one item more, an optional's value with `optional`.  `list` may be an error, which stays. */
struct rt_value expr_list_put(struct expr_call *call, struct rt_value list, struct rt_value item,
                              bool optional);
/* The map with the entry pair[0]: pair[1]. */
struct rt_value expr_map_put(struct expr_call *call, struct rt_value map,
                             const struct rt_value *pair, bool optional);

/* state[0] is the range; sets the position, gives the first result.  An error if the range is no list or map. */
struct rt_value expr_fold_begin(enum expr_fold fold, struct rt_value *state);
/* The variables of the next round; false at the end. */
bool expr_fold_next(struct rt_value *state, struct rt_value *variables, unsigned count);
/* One round with the body's value; true when the result is decided. */
bool expr_fold_step(struct expr_call *call, enum expr_fold fold, struct rt_value *state,
                    struct rt_value body);
struct rt_value expr_fold_end(enum expr_fold fold, const struct rt_value *state);

#endif
