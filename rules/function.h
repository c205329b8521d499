/* SPDX-License-Identifier: Apache-2.0 */
/*
 * function.h - the functions of rules/functions.def, as C sees them; function_table.c makes the table.
 *
 * F1  A function checks the types of its arguments itself: the checker may not know them.  What it cannot take
 *     is expr_no_overload(args, count).
 * F2  The number of arguments is the table's promise; a function may rely on it.
 * F3  Arguments are never RT_ERROR or RT_ABSENT when a function is called by code, but may be in a test.
 */
#ifndef EGRET_RULES_FUNCTION_H
#define EGRET_RULES_FUNCTION_H

#include "rules/value_support.h"

#define FUNCTION(symbol, name, shape, args_min, args_max, types, summary, example)                 \
    struct rt_value expr_fn_##symbol(struct expr_call *call, const struct rt_value *args,          \
                                     size_t count);
#include "rules/functions.def"
#undef FUNCTION

#endif
