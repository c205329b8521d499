/* SPDX-License-Identifier: Apache-2.0 */
/* function_standard.c - size, type and the plain tests of texts. */
#include <string.h>

#include "rules/function.h"

struct rt_value expr_fn_size(struct expr_call *call, const struct rt_value *args, size_t count)
{
    struct rt_value value = expr_as_map(call, args[0]);

    switch ((enum rt_type)value.type) {
    case RT_STRING:
        if ((value.flags & RT_FLAG_ASCII) != 0)
            return rt_int(value.length);
        if (!expr_spend(call, value.length / EXPR_BYTES_PER_WORK))
            return expr_limit();
        return rt_int((int64_t)rt_utf8_length(rt_value_text(value)));
    case RT_BYTES:
    case RT_LIST:
    case RT_MAP:
        return rt_int(value.length);
    default:
        return expr_no_overload(args, count);
    }
}

/* Both are strings, and the work of looking at them is paid for. */
static bool are_strings(struct expr_call *call, const struct rt_value *args, struct rt_value *why)
{
    if (!expr_is_string(args[0]) || !expr_is_string(args[1]))
        *why = expr_no_overload(args, 2);
    else if (!expr_spend(call, args[0].length / EXPR_BYTES_PER_WORK))
        *why = expr_limit();
    else
        return true;
    return false;
}

struct rt_value expr_fn_contains(struct expr_call *call, const struct rt_value *args, size_t count)
{
    struct rt_value why;

    (void)count;
    if (!are_strings(call, args, &why))
        return why;
    return rt_bool(expr_text_find(rt_value_text(args[0]), rt_value_text(args[1]), 0) != SIZE_MAX);
}

struct rt_value expr_fn_starts_with(struct expr_call *call, const struct rt_value *args,
                                    size_t count)
{
    struct rt_value why;

    (void)count;
    if (!are_strings(call, args, &why))
        return why;
    return rt_bool(rt_text_starts_with(rt_value_text(args[0]), rt_value_text(args[1])));
}

struct rt_value expr_fn_ends_with(struct expr_call *call, const struct rt_value *args, size_t count)
{
    struct rt_value why;

    (void)count;
    if (!are_strings(call, args, &why))
        return why;
    return rt_bool(rt_text_ends_with(rt_value_text(args[0]), rt_value_text(args[1])));
}

struct rt_value expr_fn_type(struct expr_call *call, const struct rt_value *args, size_t count)
{
    enum rt_type type = (enum rt_type)args[0].type;

    (void)call;
    if (type == RT_ERROR || type == RT_ABSENT)
        return expr_no_overload(args, count);
    return (struct rt_value){.type = RT_TYPE,
                             .u.integer = (int64_t)(type == RT_EVENT ? RT_MAP : type)};
}

struct rt_value expr_fn_dyn(struct expr_call *call, const struct rt_value *args, size_t count)
{
    (void)call;
    (void)count;
    return args[0];
}
