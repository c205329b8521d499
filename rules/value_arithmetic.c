/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value_arithmetic.c - + - * / % and the signs.
 *
 * Integers never wrap around: leaving the range is RT_ERROR_RANGE.  Doubles follow IEEE 754.  One double makes the
 * other number a double; int with uint has no overload.  Times stay in the years 1 to 9999, durations in int64 ns.
 */
#include <string.h>

#include "rules/value_support.h"
#include "runtime/base/calendar.h"

static struct rt_value out_of_range(void)
{
    return expr_fail(RT_ERROR_RANGE, "the result is out of range");
}

static struct rt_value by_zero(void)
{
    return expr_fail(RT_ERROR_DIVIDE, "division by zero");
}

static struct rt_value no_overload(struct rt_value left, struct rt_value right)
{
    struct rt_value args[2] = {left, right};

    return expr_no_overload(args, 2);
}

static double as_double(struct rt_value number)
{
    if (number.type == RT_INT)
        return (double)number.u.integer;
    return number.type == RT_UINT ? (double)number.u.natural : number.u.real;
}

/* At least one double, and the other one a number. */
static bool are_doubles(struct rt_value left, struct rt_value right)
{
    return (left.type == RT_DOUBLE && expr_is_number(right)) ||
           (right.type == RT_DOUBLE && expr_is_number(left));
}

static bool are_both(struct rt_value left, struct rt_value right, enum rt_type type)
{
    return left.type == type && right.type == type;
}

/* ---- time ---- */

static struct rt_value duration(int64_t nanoseconds)
{
    return (struct rt_value){.type = RT_DURATION, .u.integer = nanoseconds};
}

/* time + sign * span; a span of int64 ns is far from moving int64 seconds out of range. */
static struct rt_value shift_time(struct rt_value time, int64_t span, bool back)
{
    int64_t seconds = span / RT_NANOS_PER_SECOND;
    int64_t nanos = span % RT_NANOS_PER_SECOND;

    seconds = time.u.integer + (back ? -seconds : seconds);
    nanos = (int64_t)time.length + (back ? -nanos : nanos);
    if (nanos < 0) {
        nanos += RT_NANOS_PER_SECOND;
        seconds--;
    } else if (nanos >= RT_NANOS_PER_SECOND) {
        nanos -= RT_NANOS_PER_SECOND;
        seconds++;
    }
    if (seconds < RT_SECONDS_FIRST || seconds > RT_SECONDS_LAST)
        return out_of_range();
    return (struct rt_value){.type = RT_TIMESTAMP, .length = (uint32_t)nanos, .u.integer = seconds};
}

static struct rt_value between_times(struct rt_value left, struct rt_value right)
{
    int64_t seconds = left.u.integer - right.u.integer;
    int64_t nanos = (int64_t)left.length - (int64_t)right.length;
    int64_t total;

    /* Both parts get one sign, so that the product does not overflow where the sum would fit. */
    if (seconds > 0 && nanos < 0) {
        seconds--;
        nanos += RT_NANOS_PER_SECOND;
    } else if (seconds < 0 && nanos > 0) {
        seconds++;
        nanos -= RT_NANOS_PER_SECOND;
    }
    if (__builtin_mul_overflow(seconds, (int64_t)RT_NANOS_PER_SECOND, &total) ||
        __builtin_add_overflow(total, nanos, &total))
        return out_of_range();
    return duration(total);
}

/* ---- + ---- */

static struct rt_value join_bytes(struct expr_call *call, struct rt_value left,
                                  struct rt_value right)
{
    if (right.length == 0)
        return left;
    if (left.length == 0)
        return right;
    if (left.length > UINT32_MAX - right.length)
        return expr_limit();

    char *joined = expr_room(call, (size_t)left.length + right.length, 1);

    if (joined == NULL)
        return expr_limit();
    memcpy(joined, left.u.text, left.length);
    memcpy(joined + left.length, right.u.text, right.length);
    return (struct rt_value){.type = left.type,
                             .flags = left.flags & right.flags & RT_FLAG_ASCII,
                             .length = left.length + right.length,
                             .u.text = joined};
}

static struct rt_value join_lists(struct expr_call *call, struct rt_value left,
                                  struct rt_value right)
{
    if (right.length == 0)
        return left;
    if (left.length == 0)
        return right;
    if (left.length > UINT32_MAX - right.length)
        return expr_limit();

    struct rt_value *items =
        expr_room(call, (size_t)left.length + right.length, sizeof(struct rt_value));

    if (items == NULL)
        return expr_limit();
    memcpy(items, left.u.items, left.length * sizeof(*items));
    memcpy(items + left.length, right.u.items, right.length * sizeof(*items));
    return (struct rt_value){
        .type = RT_LIST, .length = left.length + right.length, .u.items = items};
}

/* Two of one type. */
static struct rt_value add_same_type(struct expr_call *call, struct rt_value left,
                                     struct rt_value right)
{
    switch ((enum rt_type)left.type) {
    case RT_UINT: {
        uint64_t sum;

        return __builtin_add_overflow(left.u.natural, right.u.natural, &sum) ? out_of_range()
                                                                             : rt_uint(sum);
    }
    case RT_STRING:
    case RT_BYTES:
        return join_bytes(call, left, right);
    case RT_LIST:
        return join_lists(call, left, right);
    case RT_DURATION: {
        int64_t sum;

        return __builtin_add_overflow(left.u.integer, right.u.integer, &sum) ? out_of_range()
                                                                             : duration(sum);
    }
    default:
        return no_overload(left, right);
    }
}

struct rt_value expr_op_add(struct expr_call *call, struct rt_value left, struct rt_value right)
{
    int64_t sum;

    if (are_both(left, right, RT_INT))
        return __builtin_add_overflow(left.u.integer, right.u.integer, &sum) ? out_of_range()
                                                                             : rt_int(sum);
    if (are_doubles(left, right))
        return rt_double(as_double(left) + as_double(right));
    if (left.type == right.type)
        return add_same_type(call, left, right);
    if (left.type == RT_TIMESTAMP && right.type == RT_DURATION)
        return shift_time(left, right.u.integer, false);
    if (left.type == RT_DURATION && right.type == RT_TIMESTAMP)
        return shift_time(right, left.u.integer, false);
    return no_overload(left, right);
}

/* ---- - ---- */

struct rt_value expr_op_subtract(struct expr_call *call, struct rt_value left,
                                 struct rt_value right)
{
    int64_t difference;

    (void)call;
    if (are_both(left, right, RT_INT))
        return __builtin_sub_overflow(left.u.integer, right.u.integer, &difference)
                   ? out_of_range()
                   : rt_int(difference);
    if (are_doubles(left, right))
        return rt_double(as_double(left) - as_double(right));
    if (are_both(left, right, RT_UINT))
        return left.u.natural < right.u.natural ? out_of_range()
                                                : rt_uint(left.u.natural - right.u.natural);
    if (are_both(left, right, RT_DURATION))
        return __builtin_sub_overflow(left.u.integer, right.u.integer, &difference)
                   ? out_of_range()
                   : duration(difference);
    if (are_both(left, right, RT_TIMESTAMP))
        return between_times(left, right);
    if (left.type == RT_TIMESTAMP && right.type == RT_DURATION)
        return shift_time(left, right.u.integer, true);
    return no_overload(left, right);
}

/* ---- * / % ---- */

struct rt_value expr_op_multiply(struct expr_call *call, struct rt_value left,
                                 struct rt_value right)
{
    int64_t product;
    uint64_t natural;

    (void)call;
    if (are_both(left, right, RT_INT))
        return __builtin_mul_overflow(left.u.integer, right.u.integer, &product) ? out_of_range()
                                                                                 : rt_int(product);
    if (are_doubles(left, right))
        return rt_double(as_double(left) * as_double(right));
    if (are_both(left, right, RT_UINT))
        return __builtin_mul_overflow(left.u.natural, right.u.natural, &natural) ? out_of_range()
                                                                                 : rt_uint(natural);
    return no_overload(left, right);
}

/* Why int division has no result: NULL if it has one. */
static bool int_division_fails(int64_t left, int64_t right, struct rt_value *why)
{
    if (right != 0 && !(left == INT64_MIN && right == -1))
        return false;
    *why = right == 0 ? by_zero() : out_of_range();
    return true;
}

struct rt_value expr_op_divide(struct expr_call *call, struct rt_value left, struct rt_value right)
{
    struct rt_value why;

    (void)call;
    if (are_both(left, right, RT_INT))
        return int_division_fails(left.u.integer, right.u.integer, &why)
                   ? why
                   : rt_int(left.u.integer / right.u.integer);
    if (are_doubles(left, right))
        return rt_double(as_double(left) / as_double(right));
    if (are_both(left, right, RT_UINT))
        return right.u.natural == 0 ? by_zero() : rt_uint(left.u.natural / right.u.natural);
    return no_overload(left, right);
}

struct rt_value expr_op_remainder(struct expr_call *call, struct rt_value left,
                                  struct rt_value right)
{
    struct rt_value why;

    (void)call;
    if (are_both(left, right, RT_INT))
        return int_division_fails(left.u.integer, right.u.integer, &why)
                   ? why
                   : rt_int(left.u.integer % right.u.integer);
    if (are_both(left, right, RT_UINT))
        return right.u.natural == 0 ? by_zero() : rt_uint(left.u.natural % right.u.natural);
    return no_overload(left, right);
}

/* ---- one operand ---- */

struct rt_value expr_op_negate(struct expr_call *call, struct rt_value operand)
{
    (void)call;
    if (operand.type == RT_INT)
        return operand.u.integer == INT64_MIN ? out_of_range() : rt_int(-operand.u.integer);
    if (operand.type == RT_DOUBLE)
        return rt_double(-operand.u.real);
    if (operand.type == RT_DURATION)
        return operand.u.integer == INT64_MIN ? out_of_range() : duration(-operand.u.integer);
    return expr_no_overload(&operand, 1);
}

struct rt_value expr_op_not(struct expr_call *call, struct rt_value operand)
{
    (void)call;
    return operand.type == RT_BOOL ? rt_bool(!operand.u.boolean) : expr_no_overload(&operand, 1);
}
