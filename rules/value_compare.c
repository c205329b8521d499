/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value_compare.c - equality, order and hash.
 *
 * Numbers are compared by their exact value, whatever their types, so that order is transitive and sorted
 * thresholds and hashed sets agree with `==` and `<`.
 */
#include <math.h>
#include <string.h>

#include "rules/value_support.h"
#include "runtime/base/assert.h"
#include "runtime/base/hash.h"
#include "runtime/event/event.h"

/* ---- order ---- */

static enum expr_order order_int(int64_t left, int64_t right)
{
    return left < right ? EXPR_LESS : left > right ? EXPR_GREATER : EXPR_EQUAL;
}

static enum expr_order order_uint(uint64_t left, uint64_t right)
{
    return left < right ? EXPR_LESS : left > right ? EXPR_GREATER : EXPR_EQUAL;
}

static enum expr_order order_double(double left, double right)
{
    if (left < right)
        return EXPR_LESS;
    if (left > right)
        return EXPR_GREATER;
    return left == right ? EXPR_EQUAL : EXPR_UNORDERED;
}

static enum expr_order order_int_double(int64_t left, double right)
{
    if (isnan(right))
        return EXPR_UNORDERED;
    if (right >= 0x1p63)
        return EXPR_LESS;
    if (right < -0x1p63)
        return EXPR_GREATER;

    enum expr_order whole = order_int(left, (int64_t)right);

    return whole != EXPR_EQUAL ? whole : order_double(0.0, right - trunc(right));
}

static enum expr_order order_uint_double(uint64_t left, double right)
{
    if (isnan(right))
        return EXPR_UNORDERED;
    if (right >= 0x1p64)
        return EXPR_LESS;
    if (right < 0.0)
        return EXPR_GREATER;

    enum expr_order whole = order_uint(left, (uint64_t)right);

    return whole != EXPR_EQUAL ? whole : order_double(0.0, right - trunc(right));
}

static enum expr_order order_int_uint(int64_t left, uint64_t right)
{
    return left < 0 ? EXPR_LESS : order_uint((uint64_t)left, right);
}

static enum expr_order reversed(enum expr_order order)
{
    return order == EXPR_LESS ? EXPR_GREATER : order == EXPR_GREATER ? EXPR_LESS : order;
}

/* Both are numbers. */
static enum expr_order order_numbers(struct rt_value left, struct rt_value right)
{
    if (left.type == RT_INT) {
        if (right.type == RT_INT)
            return order_int(left.u.integer, right.u.integer);
        return right.type == RT_UINT ? order_int_uint(left.u.integer, right.u.natural)
                                     : order_int_double(left.u.integer, right.u.real);
    }
    if (left.type == RT_UINT) {
        if (right.type == RT_UINT)
            return order_uint(left.u.natural, right.u.natural);
        return right.type == RT_INT ? reversed(order_int_uint(right.u.integer, left.u.natural))
                                    : order_uint_double(left.u.natural, right.u.real);
    }
    if (right.type == RT_DOUBLE)
        return order_double(left.u.real, right.u.real);
    return reversed(right.type == RT_INT ? order_int_double(right.u.integer, left.u.real)
                                         : order_uint_double(right.u.natural, left.u.real));
}

enum expr_order expr_value_order(struct rt_value left, struct rt_value right)
{
    if (expr_is_number(left) && expr_is_number(right))
        return order_numbers(left, right);
    if (left.type != right.type)
        return EXPR_NO_ORDER;
    switch ((enum rt_type)left.type) {
    case RT_BOOL:
        return order_int(left.u.boolean, right.u.boolean);
    case RT_STRING:
    case RT_BYTES:
        return order_int(rt_text_compare(rt_value_text(left), rt_value_text(right)), 0);
    case RT_TIMESTAMP:
        if (left.u.integer != right.u.integer)
            return order_int(left.u.integer, right.u.integer);
        return order_uint(left.length, right.length);
    case RT_DURATION:
        return order_int(left.u.integer, right.u.integer);
    default:
        return EXPR_NO_ORDER;
    }
}

/* ---- equality ---- */

/* Work left for a comparison: lists of lists that share items can be far larger than the memory they take. */
struct work {
    uint64_t left;
    bool spent;
};

static bool take_work(struct work *work, uint64_t units)
{
    if (work->left < units) {
        work->spent = true;
        return false;
    }
    work->left -= units;
    return true;
}

static bool equal(struct rt_value left, struct rt_value right, struct work *work);

// NOLINTNEXTLINE(misc-no-recursion): records and parsed texts have depth limits
static bool equal_lists(struct rt_value left, struct rt_value right, struct work *work)
{
    if (left.length != right.length)
        return false;
    for (size_t i = 0; i < left.length; i++)
        if (!equal(left.u.items[i], right.u.items[i], work))
            return false;
    return true;
}

// NOLINTNEXTLINE(misc-no-recursion): records and parsed texts have depth limits
static bool equal_maps(struct rt_value left, struct rt_value right, struct work *work)
{
    if (left.length != right.length)
        return false;
    for (size_t i = 0; i < left.length; i++) {
        const struct rt_map_entry *entry = &left.u.entries[i];
        /* Equal maps mostly have equal order; only otherwise a search is needed. */
        const struct rt_map_entry *other = &right.u.entries[i];

        if (!equal(entry->key, other->key, work)) {
            if (!take_work(work, right.length))
                return false;
            other = expr_map_find(right, entry->key);
        }
        if (other == NULL || !equal(entry->value, other->value, work))
            return false;
    }
    return true;
}

/* Two of one type, not numbers. */
// NOLINTNEXTLINE(misc-no-recursion): records and parsed texts have depth limits
static bool equal_same_type(struct rt_value left, struct rt_value right, struct work *work)
{
    switch ((enum rt_type)left.type) {
    case RT_ABSENT:
    case RT_NULL:
        return true;
    case RT_BOOL:
        return left.u.boolean == right.u.boolean;
    case RT_STRING:
    case RT_BYTES:
        return rt_text_equal(rt_value_text(left), rt_value_text(right));
    case RT_LIST:
        return equal_lists(left, right, work);
    case RT_MAP:
        return equal_maps(left, right, work);
    case RT_TIMESTAMP:
        return left.u.integer == right.u.integer && left.length == right.length;
    case RT_DURATION:
    case RT_TYPE:
        return left.u.integer == right.u.integer;
    case RT_OPTIONAL:
        return left.u.items == NULL || right.u.items == NULL
                   ? left.u.items == right.u.items
                   : equal(left.u.items[0], right.u.items[0], work);
    case RT_EVENT:
        return left.u.event->sequence == right.u.event->sequence;
    case RT_IP:
    case RT_CIDR:
        return memcmp(left.u.bytes, right.u.bytes, 16) == 0 &&
               (left.type == RT_IP || left.length == right.length);
    default:
        return false;
    }
}

/* Nesting is bounded by the parser's and the decoder's depth limits. */
// NOLINTNEXTLINE(misc-no-recursion): records and parsed texts have depth limits
static bool equal(struct rt_value left, struct rt_value right, struct work *work)
{
    if (!take_work(work, 1))
        return false;
    if (expr_is_number(left) && expr_is_number(right))
        return order_numbers(left, right) == EXPR_EQUAL;
    return left.type == right.type && equal_same_type(left, right, work);
}

bool expr_value_equal(struct rt_value left, struct rt_value right)
{
    struct work work = {.left = UINT64_MAX};

    return equal(left, right, &work);
}

bool expr_value_equal_within(struct expr_call *call, struct rt_value left, struct rt_value right,
                             bool *limit)
{
    struct work work = {.left = call->fuel};
    bool result = equal(left, right, &work);

    call->fuel = work.spent ? 0 : work.left;
    *limit = work.spent;
    return result && !work.spent;
}

/* ---- hash ---- */

static uint64_t mix(uint64_t tag, uint64_t bits)
{
    uint64_t words[2] = {tag, bits};

    return rt_hash64(words, sizeof(words));
}

enum { TAG_NUMBER = 32, TAG_NEGATIVE = 33, TAG_FRACTION = 34 };

static uint64_t hash_int(int64_t value)
{
    return mix(value < 0 ? TAG_NEGATIVE : TAG_NUMBER, (uint64_t)value);
}

static uint64_t hash_double(double value)
{
    uint64_t bits;

    if (value >= -0x1p63 && value < 0x1p63 && trunc(value) == value)
        return hash_int((int64_t)value);
    if (value >= 0x1p63 && value < 0x1p64)
        return mix(TAG_NUMBER, (uint64_t)value);
    memcpy(&bits, &value, sizeof(bits));
    return mix(TAG_FRACTION, bits);
}

// NOLINTNEXTLINE(misc-no-recursion): records and parsed texts have depth limits
static uint64_t hash_list(struct rt_value value)
{
    uint64_t hash = mix(RT_LIST, value.length);

    for (size_t i = 0; i < value.length; i++)
        hash = mix(hash, expr_value_hash(value.u.items[i]));
    return hash;
}

/* A sum, for the order of entries does not matter to equality. */
// NOLINTNEXTLINE(misc-no-recursion): records and parsed texts have depth limits
static uint64_t hash_map(struct rt_value value)
{
    uint64_t hash = mix(RT_MAP, value.length);

    for (size_t i = 0; i < value.length; i++)
        hash +=
            mix(expr_value_hash(value.u.entries[i].key), expr_value_hash(value.u.entries[i].value));
    return hash;
}

static uint64_t hash_bytes(uint64_t tag, const void *data, size_t length)
{
    return mix(tag, length == 0 ? 0 : rt_hash64(data, length));
}

/* Nesting is bounded by the parser's and the decoder's depth limits. */
// NOLINTNEXTLINE(misc-no-recursion): records and parsed texts have depth limits
uint64_t expr_value_hash(struct rt_value value)
{
    switch ((enum rt_type)value.type) {
    case RT_BOOL:
        return mix(RT_BOOL, value.u.boolean);
    case RT_INT:
        return hash_int(value.u.integer);
    case RT_UINT:
        return mix(TAG_NUMBER, value.u.natural);
    case RT_DOUBLE:
        return hash_double(value.u.real);
    case RT_STRING:
    case RT_BYTES:
        return hash_bytes(value.type, value.u.text, value.length);
    case RT_LIST:
        return hash_list(value);
    case RT_MAP:
        return hash_map(value);
    case RT_TIMESTAMP:
        return mix(RT_TIMESTAMP, (uint64_t)value.u.integer * 1000000007u + value.length);
    case RT_DURATION:
    case RT_TYPE:
        return mix(value.type, (uint64_t)value.u.integer);
    case RT_OPTIONAL:
        return mix(RT_OPTIONAL, value.u.items == NULL ? 0 : expr_value_hash(value.u.items[0]));
    case RT_EVENT:
        return mix(RT_EVENT, value.u.event->sequence);
    case RT_IP:
    case RT_CIDR:
        return hash_bytes(value.type, value.u.bytes, 16);
    default:
        return mix(value.type, 0);
    }
}

/* ---- operators ---- */

static bool is_value(struct rt_value value)
{
    return value.type != RT_ERROR && value.type != RT_ABSENT;
}

struct rt_value expr_op_equal(struct expr_call *call, struct rt_value left, struct rt_value right)
{
    struct rt_value args[2] = {left, right};
    bool limit;

    if (!is_value(left) || !is_value(right))
        return expr_no_overload(args, 2);
    if (left.type != right.type) { /* an event equals the map that it is seen as */
        left = expr_as_map(call, left);
        right = expr_as_map(call, right);
    }

    bool result = expr_value_equal_within(call, left, right, &limit);

    return limit ? expr_limit() : rt_bool(result);
}

struct rt_value expr_op_not_equal(struct expr_call *call, struct rt_value left,
                                  struct rt_value right)
{
    struct rt_value result = expr_op_equal(call, left, right);

    return rt_is_error(result) ? result : rt_bool(!result.u.boolean);
}

/* The outcome as a bit per expr_order, from LESS on; a NaN is in none. */
enum { IF_LESS = 1, IF_EQUAL = 2, IF_GREATER = 4 };

static struct rt_value compare(struct rt_value left, struct rt_value right, unsigned wanted)
{
    enum expr_order order = expr_value_order(left, right);
    struct rt_value args[2] = {left, right};

    if (order == EXPR_NO_ORDER)
        return expr_no_overload(args, 2);
    if (order == EXPR_UNORDERED)
        return rt_bool(false);
    return rt_bool((wanted >> (order + 1) & 1) != 0);
}

struct rt_value expr_op_less(struct expr_call *call, struct rt_value left, struct rt_value right)
{
    (void)call;
    return compare(left, right, IF_LESS);
}

struct rt_value expr_op_less_equal(struct expr_call *call, struct rt_value left,
                                   struct rt_value right)
{
    (void)call;
    return compare(left, right, IF_LESS | IF_EQUAL);
}

struct rt_value expr_op_greater(struct expr_call *call, struct rt_value left, struct rt_value right)
{
    (void)call;
    return compare(left, right, IF_GREATER);
}

struct rt_value expr_op_greater_equal(struct expr_call *call, struct rt_value left,
                                      struct rt_value right)
{
    (void)call;
    return compare(left, right, IF_GREATER | IF_EQUAL);
}
