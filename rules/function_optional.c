/* SPDX-License-Identifier: Apache-2.0 */
/* function_optional.c - values that may be missing, and the absence of one, as values. */
#include "rules/function.h"

static bool is_zero(struct rt_value value)
{
    switch ((enum rt_type)value.type) {
    case RT_NULL:
        return true;
    case RT_BOOL:
        return !value.u.boolean;
    case RT_INT:
    case RT_UINT:
    case RT_DURATION:
        return value.u.natural == 0;
    case RT_DOUBLE:
        return value.u.real == 0.0;
    case RT_STRING:
    case RT_BYTES:
    case RT_LIST:
    case RT_MAP:
        return value.length == 0;
    case RT_TIMESTAMP:
        return value.u.integer == 0 && value.length == 0;
    case RT_OPTIONAL:
        return value.u.items == NULL;
    default:
        return false;
    }
}

static bool is_value(struct rt_value value)
{
    return value.type != RT_ERROR && value.type != RT_ABSENT;
}

struct rt_value expr_fn_optional_of(struct expr_call *call, const struct rt_value *args,
                                    size_t count)
{
    return is_value(args[0]) ? expr_optional_of(call, args[0]) : expr_no_overload(args, count);
}

struct rt_value expr_fn_optional_none(struct expr_call *call, const struct rt_value *args,
                                      size_t count)
{
    (void)call;
    (void)args;
    (void)count;
    return expr_optional_none();
}

struct rt_value expr_fn_optional_of_non_zero(struct expr_call *call, const struct rt_value *args,
                                             size_t count)
{
    return is_value(args[0]) && is_zero(args[0]) ? expr_optional_none()
                                                 : expr_fn_optional_of(call, args, count);
}

/* The items of a list of optionals that are there. */
struct rt_value expr_fn_optional_unwrap(struct expr_call *call, const struct rt_value *args,
                                        size_t count)
{
    uint32_t kept = 0;

    if (args[0].type != RT_LIST)
        return expr_no_overload(args, count);

    struct rt_value *items = expr_room(call, args[0].length, sizeof(*items));

    if (items == NULL)
        return expr_limit();
    for (size_t i = 0; i < args[0].length; i++) {
        struct rt_value item = args[0].u.items[i];

        if (item.type != RT_OPTIONAL)
            return expr_no_overload(&item, 1);
        if (item.u.items != NULL)
            items[kept++] = item.u.items[0];
    }
    return (struct rt_value){.type = RT_LIST, .length = kept, .u.items = items};
}

struct rt_value expr_fn_optional_has_value(struct expr_call *call, const struct rt_value *args,
                                           size_t count)
{
    (void)call;
    return args[0].type == RT_OPTIONAL ? rt_bool(args[0].u.items != NULL)
                                       : expr_no_overload(args, count);
}

struct rt_value expr_fn_optional_value(struct expr_call *call, const struct rt_value *args,
                                       size_t count)
{
    (void)call;
    if (args[0].type != RT_OPTIONAL)
        return expr_no_overload(args, count);
    return args[0].u.items != NULL ? args[0].u.items[0]
                                   : expr_fail(RT_ERROR_NO_FIELD, "the optional has no value");
}

struct rt_value expr_fn_optional_or(struct expr_call *call, const struct rt_value *args,
                                    size_t count)
{
    (void)call;
    if (args[0].type != RT_OPTIONAL || args[1].type != RT_OPTIONAL)
        return expr_no_overload(args, count);
    return args[0].u.items != NULL ? args[0] : args[1];
}

struct rt_value expr_fn_optional_or_value(struct expr_call *call, const struct rt_value *args,
                                          size_t count)
{
    (void)call;
    if (args[0].type != RT_OPTIONAL || !is_value(args[1]))
        return expr_no_overload(args, count);
    return args[0].u.items != NULL ? args[0].u.items[0] : args[1];
}
