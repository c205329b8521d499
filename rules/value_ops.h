/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value_ops.h - what CEL's operators mean on values: equality, order, arithmetic, access, conversion.
 *
 * Each takes values and gives a value, RT_ERROR included: an RT_ERROR operand is the result.  Nothing here knows trees or code.
 * Source of the rules: the CEL language definition as summed up in docs/expressions.md; our additions: int op double gives
 * double, numbers compare exactly across int, uint and double.
 * `call` gives memory for results that need any (joined strings, lists) and counts the cost.
 */
#ifndef EGRET_RULES_VALUE_OPS_H
#define EGRET_RULES_VALUE_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/event/event.h"
#include "runtime/event/value.h"

struct expr_caches;

/* What an operator or function may use while it runs.  One per machine. */
struct expr_call {
    struct rt_arena *scratch;
    uint64_t fuel; /* work left; a function that loops takes its share, 0 ends in RT_ERROR_LIMIT */
    const struct rt_fields *fields; /* to see an RT_EVENT as a map; may be NULL */
    struct expr_caches *caches;     /* never NULL */
};

/*
 * What a thread keeps between evaluations: memory for matching, compiled patterns that are not constant, time
 * zones.  Owned by the machine.  Bounded, whatever the events bring.
 */
enum rt_status expr_caches_new(struct expr_caches **out);
void expr_caches_free(struct expr_caches *caches); /* NULL is fine */

/*
 * The same list or map with a hash index, in the arena, when it has 16 items or more: `in`, `m[k]` and the sets
 * library then take constant time.  Items are shared, not copied deep.  Any other value comes back unchanged.
 * For constants: params, lists, list literals.
 */
enum rt_status expr_value_index(struct rt_value value, struct rt_arena *arena,
                                struct rt_value *out);

/* How two values stand to each other. */
enum expr_order {
    EXPR_LESS = -1,
    EXPR_EQUAL = 0,
    EXPR_GREATER = 1,
    EXPR_UNORDERED, /* a NaN */
    EXPR_NO_ORDER   /* types that are not compared */
};
enum expr_order expr_value_order(struct rt_value left, struct rt_value right);

bool expr_value_equal(struct rt_value left, struct rt_value right); /* ==: never fails */
uint64_t expr_value_hash(struct rt_value value); /* equal values (1, 1u, 1.0) have equal hashes */
struct rt_value expr_op_equal(struct expr_call *call, struct rt_value left, struct rt_value right);
struct rt_value expr_op_not_equal(struct expr_call *call, struct rt_value left,
                                  struct rt_value right);
struct rt_value expr_op_less(struct expr_call *call, struct rt_value left, struct rt_value right);
struct rt_value expr_op_less_equal(struct expr_call *call, struct rt_value left,
                                   struct rt_value right);
struct rt_value expr_op_greater(struct expr_call *call, struct rt_value left,
                                struct rt_value right);
struct rt_value expr_op_greater_equal(struct expr_call *call, struct rt_value left,
                                      struct rt_value right);
struct rt_value expr_op_add(struct expr_call *call, struct rt_value left, struct rt_value right);
struct rt_value expr_op_subtract(struct expr_call *call, struct rt_value left,
                                 struct rt_value right);
struct rt_value expr_op_multiply(struct expr_call *call, struct rt_value left,
                                 struct rt_value right);
struct rt_value expr_op_divide(struct expr_call *call, struct rt_value left, struct rt_value right);
struct rt_value expr_op_remainder(struct expr_call *call, struct rt_value left,
                                  struct rt_value right);
struct rt_value expr_op_negate(struct expr_call *call, struct rt_value operand);
struct rt_value expr_op_not(struct expr_call *call, struct rt_value operand);
struct rt_value expr_op_in(struct expr_call *call, struct rt_value needle,
                           struct rt_value haystack);
/* m.f, m[k], l[i]; an RT_EVENT is a map of its fields. */
struct rt_value expr_op_index(struct expr_call *call, struct rt_value container,
                              struct rt_value key);
struct rt_value expr_op_select(struct expr_call *call, struct rt_value container,
                               struct rt_text name);
struct rt_value expr_op_has(struct expr_call *call, struct rt_value container,
                            struct rt_text name); /* bool */
struct rt_value expr_op_optional_select(struct expr_call *call, struct rt_value container,
                                        struct rt_text name);
struct rt_value expr_op_optional_index(struct expr_call *call, struct rt_value container,
                                       struct rt_value key);

/* CEL's string(x), appended: what templates print. False: no such conversion. */
bool expr_value_text(struct rt_value value, struct rt_buffer *out);

/* ---- the function table (rules/functions.def) ---- */

typedef struct rt_value expr_function_fn(struct expr_call *call, const struct rt_value *args,
                                         size_t count);

enum { EXPR_ARGS_ANY = 255 };

struct expr_function {
    const char *name;           /* "size", "contains", "math.greatest" */
    bool global, member;        /* size(x), x.size(): both may be true; the receiver is args[0] */
    uint8_t args_min, args_max; /* receiver included */
    const char
        *types; /* overloads for the checker and the docs: "string->int|list->int", "" = anything */
    expr_function_fn *call;
    const char *summary; /* one sentence */
    const char *example; /* an expression that is true, run by the tests */
};
const struct expr_function *expr_functions(size_t *count);
/* NULL: no such function.  `member`: looked up as a method. */
const struct expr_function *expr_function_find(struct rt_text name, bool member);

#endif
