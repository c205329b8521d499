/* SPDX-License-Identifier: Apache-2.0 */
/* function_math.c - the math library: extremes, rounding, tests of doubles, bits. */
#include <math.h>

#include "rules/function.h"

/* ---- extremes ---- */

/* The first of `count` values that no other one beats; all must be numbers. */
static struct rt_value extreme(struct expr_call *call, const struct rt_value *values, size_t count,
                               enum expr_order better)
{
    struct rt_value best = values[0];

    if (!expr_spend(call, count))
        return expr_limit();
    for (size_t i = 0; i < count; i++) {
        if (!expr_is_number(values[i]))
            return expr_no_overload(&values[i], 1);
        if (expr_value_order(values[i], best) == better)
            best = values[i];
    }
    return best;
}

static struct rt_value extreme_of(struct expr_call *call, const struct rt_value *args, size_t count,
                                  enum expr_order better)
{
    if (count > 1 || args[0].type != RT_LIST)
        return extreme(call, args, count, better);
    if (args[0].length == 0)
        return expr_fail(RT_ERROR_ARGUMENT, "an empty list has no greatest or least item");
    return extreme(call, args[0].u.items, args[0].length, better);
}

struct rt_value expr_fn_math_greatest(struct expr_call *call, const struct rt_value *args,
                                      size_t count)
{
    return extreme_of(call, args, count, EXPR_GREATER);
}

struct rt_value expr_fn_math_least(struct expr_call *call, const struct rt_value *args,
                                   size_t count)
{
    return extreme_of(call, args, count, EXPR_LESS);
}

/* ---- doubles ---- */

#define ON_DOUBLE(symbol, result)                                                                  \
    struct rt_value expr_fn_math_##symbol(struct expr_call *call, const struct rt_value *args,     \
                                          size_t count)                                            \
    {                                                                                              \
        double x = args[0].u.real;                                                                 \
                                                                                                   \
        (void)call;                                                                                \
        return args[0].type == RT_DOUBLE ? (result) : expr_no_overload(args, count);               \
    }

ON_DOUBLE(ceil, rt_double(ceil(x)))
ON_DOUBLE(floor, rt_double(floor(x)))
ON_DOUBLE(round, rt_double(round(x)))
ON_DOUBLE(trunc, rt_double(trunc(x)))
ON_DOUBLE(is_nan, rt_bool(isnan(x)))
ON_DOUBLE(is_inf, rt_bool(isinf(x)))
ON_DOUBLE(is_finite, rt_bool(isfinite(x)))

/* ---- any number ---- */

struct rt_value expr_fn_math_sqrt(struct expr_call *call, const struct rt_value *args, size_t count)
{
    (void)call;
    switch ((enum rt_type)args[0].type) {
    case RT_INT:
        return rt_double(sqrt((double)args[0].u.integer));
    case RT_UINT:
        return rt_double(sqrt((double)args[0].u.natural));
    case RT_DOUBLE:
        return rt_double(sqrt(args[0].u.real));
    default:
        return expr_no_overload(args, count);
    }
}

struct rt_value expr_fn_math_abs(struct expr_call *call, const struct rt_value *args, size_t count)
{
    switch ((enum rt_type)args[0].type) {
    case RT_INT:
        return args[0].u.integer < 0 ? expr_op_negate(call, args[0]) : args[0];
    case RT_UINT:
        return args[0];
    case RT_DOUBLE:
        return rt_double(fabs(args[0].u.real));
    default:
        return expr_no_overload(args, count);
    }
}

struct rt_value expr_fn_math_sign(struct expr_call *call, const struct rt_value *args, size_t count)
{
    double x = args[0].u.real;

    (void)call;
    switch ((enum rt_type)args[0].type) {
    case RT_INT:
        return rt_int((args[0].u.integer > 0) - (args[0].u.integer < 0));
    case RT_UINT:
        return rt_uint(args[0].u.natural > 0);
    case RT_DOUBLE:
        return x > 0 ? rt_double(1) : x < 0 ? rt_double(-1) : args[0];
    default:
        return expr_no_overload(args, count);
    }
}

/* ---- bits ---- */

static bool are_bits(const struct rt_value *args)
{
    return (args[0].type == RT_INT || args[0].type == RT_UINT) && args[1].type == args[0].type;
}

/* The result keeps the type of the first operand. */
static struct rt_value with_bits(struct rt_value like, uint64_t bits)
{
    return like.type == RT_INT ? rt_int((int64_t)bits) : rt_uint(bits);
}

#define ON_BITS(symbol, operator)                                                                  \
    struct rt_value expr_fn_math_##symbol(struct expr_call *call, const struct rt_value *args,     \
                                          size_t count)                                            \
    {                                                                                              \
        (void)call;                                                                                \
        return are_bits(args) ? with_bits(args[0], args[0].u.natural operator args[1].u.natural)   \
                              : expr_no_overload(args, count);                                     \
    }

ON_BITS(bit_and, &)
ON_BITS(bit_or, |)
ON_BITS(bit_xor, ^)

struct rt_value expr_fn_math_bit_not(struct expr_call *call, const struct rt_value *args,
                                     size_t count)
{
    (void)call;
    return args[0].type == RT_INT || args[0].type == RT_UINT
               ? with_bits(args[0], ~args[0].u.natural)
               : expr_no_overload(args, count);
}

/* How far to shift: 64 stands for anything above. */
static bool shift_of(const struct rt_value *args, unsigned *out, struct rt_value *why)
{
    if ((args[0].type != RT_INT && args[0].type != RT_UINT) || args[1].type != RT_INT) {
        *why = expr_no_overload(args, 2);
        return false;
    }
    if (args[1].u.integer < 0) {
        *why = expr_fail(RT_ERROR_ARGUMENT, "a shift cannot be negative");
        return false;
    }
    *out = args[1].u.integer > 64 ? 64 : (unsigned)args[1].u.integer;
    return true;
}

struct rt_value expr_fn_math_bit_shift_left(struct expr_call *call, const struct rt_value *args,
                                            size_t count)
{
    struct rt_value why;
    unsigned shift;

    (void)call;
    (void)count;
    if (!shift_of(args, &shift, &why))
        return why;
    return with_bits(args[0], shift == 64 ? 0 : args[0].u.natural << shift);
}

/* Fills with zeros, also for a negative int: so says the library. */
struct rt_value expr_fn_math_bit_shift_right(struct expr_call *call, const struct rt_value *args,
                                             size_t count)
{
    struct rt_value why;
    unsigned shift;

    (void)call;
    (void)count;
    if (!shift_of(args, &shift, &why))
        return why;
    return with_bits(args[0], shift == 64 ? 0 : args[0].u.natural >> shift);
}
