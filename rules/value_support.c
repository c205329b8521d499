/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/value_support.h"

#include <math.h>
#include <string.h>

#include "rules/caches.h"
#include "runtime/base/assert.h"

struct rt_value expr_limit(void)
{
    return expr_fail(RT_ERROR_LIMIT, "the evaluation takes too much memory or work");
}

struct rt_value expr_no_overload(const struct rt_value *args, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (rt_is_error(args[i]))
            return args[i];
    for (size_t i = 0; i < count; i++)
        if (args[i].type == RT_ABSENT)
            return rt_error(RT_ERROR_NO_FIELD);
    return expr_fail(RT_ERROR_TYPE, "no such overload");
}

void *expr_room(struct expr_call *call, size_t count, size_t bytes)
{
    if (bytes != 0 && count > SIZE_MAX / bytes)
        return NULL;
    if (!expr_spend(call, count * bytes / EXPR_BYTES_PER_WORK))
        return NULL;
    return rt_arena_raw(call->scratch, count * bytes);
}

struct rt_value expr_string_copy(struct expr_call *call, struct rt_text text)
{
    if (text.length > UINT32_MAX || !expr_spend(call, text.length / EXPR_BYTES_PER_WORK))
        return expr_limit();

    const char *copy = rt_arena_text(call->scratch, text.data, text.length);

    return copy == NULL ? expr_limit() : rt_string(copy, (uint32_t)text.length);
}

struct rt_buffer *expr_buffer(struct expr_call *call)
{
    RT_ASSERT(call->caches != NULL);
    rt_buffer_reset(&call->caches->text);
    return &call->caches->text;
}

struct rt_value expr_buffer_string(struct expr_call *call)
{
    const struct rt_buffer *buffer = &call->caches->text;

    return buffer->failed ? expr_limit() : expr_string_copy(call, rt_buffer_view(buffer));
}

struct rt_value expr_optional_of(struct expr_call *call, struct rt_value value)
{
    struct rt_value *item = expr_room(call, 1, sizeof(*item));

    if (item == NULL)
        return expr_limit();
    *item = value;
    return (struct rt_value){.type = RT_OPTIONAL, .length = 1, .u.items = item};
}

struct rt_value expr_optional_none(void)
{
    return (struct rt_value){.type = RT_OPTIONAL};
}

bool expr_whole(struct rt_value value, int64_t *out)
{
    switch ((enum rt_type)value.type) {
    case RT_INT:
        *out = value.u.integer;
        return true;
    case RT_UINT:
        *out = (int64_t)value.u.natural;
        return value.u.natural <= INT64_MAX;
    case RT_DOUBLE:
        if (!(value.u.real >= -0x1p63 && value.u.real < 0x1p63) ||
            trunc(value.u.real) != value.u.real)
            return false;
        *out = (int64_t)value.u.real;
        return true;
    default:
        return false;
    }
}
