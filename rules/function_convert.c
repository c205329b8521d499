/* SPDX-License-Identifier: Apache-2.0 */
/* function_convert.c - int(x), uint(x), double(x), bool(x), string(x), bytes(x), timestamp(x), duration(x). */
#include <math.h>
#include <string.h>

#include "rules/function.h"
#include "runtime/base/calendar.h"

static struct rt_value out_of_range(void)
{
    return expr_fail(RT_ERROR_RANGE, "the value does not fit the type");
}

static struct rt_value not_converted(void)
{
    return expr_fail(RT_ERROR_CONVERT, "the text cannot be converted");
}

/* ---- numbers ---- */

struct rt_value expr_fn_int(struct expr_call *call, const struct rt_value *args, size_t count)
{
    struct rt_value from = args[0];
    int64_t result;

    (void)call;
    switch ((enum rt_type)from.type) {
    case RT_INT:
        return from;
    case RT_UINT:
        return from.u.natural > INT64_MAX ? out_of_range() : rt_int((int64_t)from.u.natural);
    case RT_DOUBLE: /* both ends are excluded: the nearest doubles lie outside or on them */
        return from.u.real > -0x1p63 && from.u.real < 0x1p63 ? rt_int((int64_t)from.u.real)
                                                             : out_of_range();
    case RT_STRING:
        return rt_text_to_int(rt_value_text(from), &result) ? rt_int(result) : not_converted();
    case RT_TIMESTAMP:
        return rt_int(from.u.integer);
    default:
        return expr_no_overload(args, count);
    }
}

struct rt_value expr_fn_uint(struct expr_call *call, const struct rt_value *args, size_t count)
{
    struct rt_value from = args[0];
    uint64_t result;

    (void)call;
    switch ((enum rt_type)from.type) {
    case RT_UINT:
        return from;
    case RT_INT:
        return from.u.integer < 0 ? out_of_range() : rt_uint((uint64_t)from.u.integer);
    case RT_DOUBLE:
        return from.u.real >= 0.0 && from.u.real < 0x1p64 ? rt_uint((uint64_t)from.u.real)
                                                          : out_of_range();
    case RT_STRING:
        return rt_text_to_uint(rt_value_text(from), &result) ? rt_uint(result) : not_converted();
    default:
        return expr_no_overload(args, count);
    }
}

static struct rt_value text_to_double(struct rt_text text)
{
    double result;

    if (rt_text_is(text, "NaN"))
        return rt_double(NAN);
    if (rt_text_is(text, "Infinity") || rt_text_is(text, "+Infinity"))
        return rt_double(INFINITY);
    if (rt_text_is(text, "-Infinity"))
        return rt_double(-INFINITY);
    if (!rt_text_to_double(text, &result))
        return not_converted();
    return isinf(result) ? out_of_range() : rt_double(result);
}

struct rt_value expr_fn_double(struct expr_call *call, const struct rt_value *args, size_t count)
{
    struct rt_value from = args[0];

    (void)call;
    switch ((enum rt_type)from.type) {
    case RT_DOUBLE:
        return from;
    case RT_INT:
        return rt_double((double)from.u.integer);
    case RT_UINT:
        return rt_double((double)from.u.natural);
    case RT_STRING:
        return text_to_double(rt_value_text(from));
    default:
        return expr_no_overload(args, count);
    }
}

struct rt_value expr_fn_bool(struct expr_call *call, const struct rt_value *args, size_t count)
{
    static const struct {
        const char *text;
        bool value;
    } words[] = {{"1", true},  {"t", true},  {"true", true},   {"TRUE", true},   {"True", true},
                 {"0", false}, {"f", false}, {"false", false}, {"FALSE", false}, {"False", false}};

    (void)call;
    if (args[0].type == RT_BOOL)
        return args[0];
    if (!expr_is_string(args[0]))
        return expr_no_overload(args, count);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (rt_text_is(rt_value_text(args[0]), words[i].text))
            return rt_bool(words[i].value);
    return not_converted();
}

/* ---- texts ---- */

static bool has_text(struct rt_value value)
{
    switch ((enum rt_type)value.type) {
    case RT_BOOL:
    case RT_INT:
    case RT_UINT:
    case RT_DOUBLE:
    case RT_TIMESTAMP:
    case RT_DURATION:
    case RT_IP:
    case RT_CIDR:
        return true;
    default:
        return false;
    }
}

struct rt_value expr_fn_string(struct expr_call *call, const struct rt_value *args, size_t count)
{
    struct rt_value from = args[0];

    if (from.type == RT_STRING)
        return from;
    if (from.type == RT_BYTES) {
        if (!expr_spend(call, from.length / EXPR_BYTES_PER_WORK))
            return expr_limit();
        return rt_utf8_valid(rt_value_text(from))
                   ? rt_string(from.u.text, from.length)
                   : expr_fail(RT_ERROR_CONVERT, "the bytes are not valid UTF-8");
    }
    if (!has_text(from))
        return expr_no_overload(args, count);
    expr_value_text(from, expr_buffer(call));
    return expr_buffer_string(call);
}

struct rt_value expr_fn_bytes(struct expr_call *call, const struct rt_value *args, size_t count)
{
    struct rt_value bytes = args[0];

    (void)call;
    if (bytes.type != RT_STRING && bytes.type != RT_BYTES)
        return expr_no_overload(args, count);
    bytes.type = RT_BYTES;
    bytes.flags = 0;
    return bytes;
}

/* ---- time ---- */

static struct rt_value instant(int64_t seconds, uint32_t nanos)
{
    if (seconds < RT_SECONDS_FIRST || seconds > RT_SECONDS_LAST)
        return expr_fail(RT_ERROR_RANGE, "a timestamp lies in the years 1 to 9999");
    return (struct rt_value){.type = RT_TIMESTAMP, .length = nanos, .u.integer = seconds};
}

struct rt_value expr_fn_timestamp(struct expr_call *call, const struct rt_value *args, size_t count)
{
    int64_t seconds;
    uint32_t nanos;

    (void)call;
    switch ((enum rt_type)args[0].type) {
    case RT_TIMESTAMP:
        return args[0];
    case RT_INT:
        return instant(args[0].u.integer, 0);
    case RT_STRING:
        return rt_rfc3339_parse(rt_value_text(args[0]), &seconds, &nanos) ? instant(seconds, nanos)
                                                                          : not_converted();
    default:
        return expr_no_overload(args, count);
    }
}

static const struct {
    const char *name;
    int64_t nanoseconds;
} units[] = {{"h", 3600000000000},
             {"m", 60000000000},
             {"s", 1000000000},
             {"ms", 1000000},
             {"us", 1000},
             {"\xc2\xb5s", 1000}, /* the micro sign */
             {"ns", 1}};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* One number with its unit, `1.5h`, from *at on, in nanoseconds; at most INT64_MAX + 1 in magnitude. */
static bool take_part(struct rt_text text, size_t *at, uint64_t *out, bool *range)
{
    uint64_t whole = 0;
    double fraction = 0, scale = 1;
    size_t begin, digits = 0;

    for (; *at < text.length && is_digit(text.data[*at]); ++*at, digits++)
        if (__builtin_mul_overflow(whole, 10, &whole) ||
            __builtin_add_overflow(whole, (uint64_t)(text.data[*at] - '0'), &whole))
            *range = true;
    if (*at < text.length && text.data[*at] == '.') {
        for (++*at; *at < text.length && is_digit(text.data[*at]); ++*at, digits++) {
            scale *= 10;
            fraction = fraction * 10 + (text.data[*at] - '0');
        }
    }
    if (digits == 0)
        return false;
    for (begin = *at; *at < text.length && !is_digit(text.data[*at]) && text.data[*at] != '.';)
        ++*at;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (!rt_text_is((struct rt_text){text.data + begin, *at - begin}, units[i].name))
            continue;
        if (__builtin_mul_overflow(whole, (uint64_t)units[i].nanoseconds, out) ||
            __builtin_add_overflow(
                *out, (uint64_t)(fraction * ((double)units[i].nanoseconds / scale)), out))
            *range = true;
        return true;
    }
    return false;
}

static struct rt_value text_to_duration(struct rt_text text)
{
    bool negative = text.length > 0 && text.data[0] == '-';
    bool range = false;
    uint64_t total = 0;
    size_t at = negative || (text.length > 0 && text.data[0] == '+') ? 1 : 0;

    if (at == text.length)
        return not_converted();
    if (text.length - at == 1 && text.data[at] == '0')
        return (struct rt_value){.type = RT_DURATION};
    while (at < text.length) {
        uint64_t part = 0;

        if (!take_part(text, &at, &part, &range))
            return not_converted();
        range = range || __builtin_add_overflow(total, part, &total);
    }
    if (range || total > (uint64_t)INT64_MAX + (negative ? 1 : 0))
        return expr_fail(RT_ERROR_RANGE, "a duration has at most 292 years");
    return (struct rt_value){.type = RT_DURATION,
                             .u.integer = negative ? (int64_t)(0 - total) : (int64_t)total};
}

struct rt_value expr_fn_duration(struct expr_call *call, const struct rt_value *args, size_t count)
{
    (void)call;
    if (args[0].type == RT_DURATION)
        return args[0];
    return expr_is_string(args[0]) ? text_to_duration(rt_value_text(args[0]))
                                   : expr_no_overload(args, count);
}
