/* SPDX-License-Identifier: Apache-2.0 */
/*
 * function_strings.h - the half for strings of functions that lists have too.  args[0] is a string for the reversal;
 * the searches check their arguments.
 */
#ifndef EGRET_RULES_FUNCTION_STRINGS_H
#define EGRET_RULES_FUNCTION_STRINGS_H

#include "rules/value_support.h"

struct rt_value expr_string_index_of(struct expr_call *call, const struct rt_value *args,
                                     size_t count);
struct rt_value expr_string_last_index_of(struct expr_call *call, const struct rt_value *args,
                                          size_t count);
struct rt_value expr_string_reverse(struct expr_call *call, const struct rt_value *args,
                                    size_t count);

#endif
