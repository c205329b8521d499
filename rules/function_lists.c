/* SPDX-License-Identifier: Apache-2.0 */
/*
 * function_lists.c - the lists and sets libraries, and aggregates over lists.
 */
#include <math.h>
#include <string.h>

#include "rules/expr_aggregate.h"
#include "rules/function.h"
#include "rules/function_strings.h"

enum { RANGE_MAX = 1 << 20, FLATTEN_DEPTH_MAX = 64 };

static struct rt_value list_of(const struct rt_value *items, uint32_t count)
{
    return (struct rt_value){.type = RT_LIST, .length = count, .u.items = items};
}

/* ---- parts ---- */

struct rt_value expr_fn_slice(struct expr_call *call, const struct rt_value *args, size_t count)
{
    (void)call;
    if (args[0].type != RT_LIST || args[1].type != RT_INT || args[2].type != RT_INT)
        return expr_no_overload(args, count);

    int64_t begin = args[1].u.integer, end = args[2].u.integer;

    if (begin < 0 || begin > end || end > args[0].length)
        return expr_fail(RT_ERROR_INDEX, "index out of range");
    return list_of(args[0].u.items + begin, (uint32_t)(end - begin));
}

/* Items of the list with inner lists taken apart to `depth` levels; appends to `out` if there is one. */
// NOLINTNEXTLINE(misc-no-recursion): at most FLATTEN_DEPTH_MAX levels
static bool flatten(struct expr_call *call, struct rt_value list, int64_t depth,
                    struct rt_value *out, size_t *count)
{
    for (size_t i = 0; i < list.length; i++) {
        struct rt_value item = list.u.items[i];

        if (!expr_spend(call, 1))
            return false;
        if (item.type == RT_LIST && depth > 0) { /* at most FLATTEN_DEPTH_MAX levels */
            if (!flatten(call, item, depth - 1, out, count))
                return false;
            continue;
        }
        if (out != NULL)
            out[*count] = item;
        ++*count;
    }
    return true;
}

struct rt_value expr_fn_flatten(struct expr_call *call, const struct rt_value *args, size_t count)
{
    int64_t depth = count == 2 ? args[1].u.integer : 1;
    size_t size = 0, filled = 0;

    if (args[0].type != RT_LIST || (count == 2 && args[1].type != RT_INT))
        return expr_no_overload(args, count);
    if (depth < 0)
        return expr_fail(RT_ERROR_ARGUMENT, "a depth cannot be negative");
    depth = depth > FLATTEN_DEPTH_MAX ? FLATTEN_DEPTH_MAX : depth;
    if (!flatten(call, args[0], depth, NULL, &size) || size > UINT32_MAX)
        return expr_limit();

    struct rt_value *items = expr_room(call, size, sizeof(*items));

    if (items == NULL || !flatten(call, args[0], depth, items, &filled))
        return expr_limit();
    return list_of(items, (uint32_t)size);
}

struct rt_value expr_fn_reverse(struct expr_call *call, const struct rt_value *args, size_t count)
{
    if (expr_is_string(args[0]))
        return expr_string_reverse(call, args, count);
    if (args[0].type != RT_LIST)
        return expr_no_overload(args, count);

    struct rt_value *items = expr_room(call, args[0].length, sizeof(*items));

    if (items == NULL)
        return expr_limit();
    for (size_t i = 0; i < args[0].length; i++)
        items[args[0].length - 1 - i] = args[0].u.items[i];
    return list_of(items, args[0].length);
}

struct rt_value expr_fn_range(struct expr_call *call, const struct rt_value *args, size_t count)
{
    if (args[0].type != RT_INT)
        return expr_no_overload(args, count);

    int64_t size = args[0].u.integer < 0 ? 0 : args[0].u.integer;

    if (size > RANGE_MAX)
        return expr_limit();

    struct rt_value *items = expr_room(call, (size_t)size, sizeof(*items));

    if (items == NULL)
        return expr_limit();
    for (int64_t i = 0; i < size; i++)
        items[i] = rt_int(i);
    return list_of(items, (uint32_t)size);
}

/* ---- distinct ---- */

/*
 * A list without repetitions, in order of first appearance: an open-addressing table of positions beside the
 * growing result.  False: no memory or no work left.
 */
static bool distinct(struct expr_call *call, struct rt_value list, struct rt_value *out)
{
    size_t capacity = 16;
    uint32_t kept = 0;

    while (capacity < 2 * (size_t)list.length)
        capacity *= 2;

    struct rt_value *items = expr_room(call, list.length, sizeof(*items));
    uint32_t *slots = expr_room(call, capacity, sizeof(*slots));

    if (items == NULL || slots == NULL || !expr_spend(call, list.length))
        return false;
    memset(slots, 0, capacity * sizeof(*slots));
    for (size_t i = 0; i < list.length; i++) {
        struct rt_value item = list.u.items[i];
        uint64_t at = expr_value_hash(item);

        while (slots[at & (capacity - 1)] != 0 &&
               !expr_value_equal(items[slots[at & (capacity - 1)] - 1], item))
            at++;
        if (slots[at & (capacity - 1)] == 0) {
            items[kept++] = item;
            slots[at & (capacity - 1)] = kept;
        }
    }
    *out = list_of(items, kept);
    return true;
}

struct rt_value expr_fn_distinct(struct expr_call *call, const struct rt_value *args, size_t count)
{
    struct rt_value result;

    if (args[0].type != RT_LIST)
        return expr_no_overload(args, count);
    return distinct(call, args[0], &result) ? result : expr_limit();
}

struct rt_value expr_fn_count_distinct(struct expr_call *call, const struct rt_value *args,
                                       size_t count)
{
    struct rt_value result = expr_fn_distinct(call, args, count);

    return rt_is_error(result) ? result : rt_int(result.length);
}

/* ---- order ---- */

/* Whether neighbours can be compared all along; *sorted whether they ascend. */
static bool compare_neighbours(struct rt_value list, bool *sorted)
{
    *sorted = true;
    for (size_t i = 0; i < list.length; i++) {
        enum expr_order order = expr_value_order(list.u.items[i == 0 ? 0 : i - 1], list.u.items[i]);

        if (order == EXPR_NO_ORDER)
            return false;
        if (order == EXPR_GREATER)
            *sorted = false;
    }
    return true;
}

struct rt_value expr_fn_is_sorted(struct expr_call *call, const struct rt_value *args, size_t count)
{
    bool sorted;

    if (args[0].type != RT_LIST)
        return expr_no_overload(args, count);
    if (!expr_spend(call, args[0].length))
        return expr_limit();
    return compare_neighbours(args[0], &sorted) ? rt_bool(sorted)
                                                : expr_fail(RT_ERROR_TYPE, "no such overload");
}

/* Merges from[begin, middle) and from[middle, end) into `to`; equal items keep their order. */
static void merge(const struct rt_value *from, struct rt_value *to, size_t begin, size_t middle,
                  size_t end)
{
    size_t left = begin, right = middle;

    for (size_t i = begin; i < end; i++) {
        bool take_left = left < middle &&
                         (right == end || expr_value_order(from[right], from[left]) != EXPR_LESS);

        to[i] = take_left ? from[left++] : from[right++];
    }
}

struct rt_value expr_fn_sort(struct expr_call *call, const struct rt_value *args, size_t count)
{
    size_t length = args[0].length;
    bool sorted;

    if (args[0].type != RT_LIST)
        return expr_no_overload(args, count);
    if (!expr_spend(call, length))
        return expr_limit();
    if (!compare_neighbours(args[0], &sorted))
        return expr_fail(RT_ERROR_TYPE, "the items cannot be compared with each other");
    if (sorted)
        return args[0];

    struct rt_value *from = expr_room(call, length, sizeof(*from));
    struct rt_value *to = expr_room(call, length, sizeof(*to));

    if (from == NULL || to == NULL)
        return expr_limit();
    memcpy(from, args[0].u.items, length * sizeof(*from));
    for (size_t width = 1; width < length; width *= 2) {
        if (!expr_spend(call, length))
            return expr_limit();
        for (size_t begin = 0; begin < length; begin += 2 * width) {
            size_t middle = begin + width < length ? begin + width : length;
            size_t end = middle + width < length ? middle + width : length;

            merge(from, to, begin, middle, end);
        }
        struct rt_value *swap = from;

        from = to;
        to = swap;
    }
    return list_of(from, (uint32_t)length);
}

/* ---- finding ---- */

struct rt_value expr_fn_index_of(struct expr_call *call, const struct rt_value *args, size_t count)
{
    if (expr_is_string(args[0]))
        return expr_string_index_of(call, args, count);
    if (args[0].type != RT_LIST || count == 3)
        return expr_no_overload(args, count);
    if (!expr_spend(call, args[0].length))
        return expr_limit();

    size_t at = expr_list_find(args[0], args[1]);

    return rt_int(at == SIZE_MAX ? -1 : (int64_t)at);
}

struct rt_value expr_fn_last_index_of(struct expr_call *call, const struct rt_value *args,
                                      size_t count)
{
    if (expr_is_string(args[0]))
        return expr_string_last_index_of(call, args, count);
    if (args[0].type != RT_LIST || count == 3)
        return expr_no_overload(args, count);
    if (!expr_spend(call, args[0].length))
        return expr_limit();
    for (size_t i = args[0].length; i-- > 0;)
        if (expr_value_equal(args[0].u.items[i], args[1]))
            return rt_int((int64_t)i);
    return rt_int(-1);
}

static struct rt_value end_item(struct expr_call *call, const struct rt_value *args, size_t count,
                                bool last)
{
    if (args[0].type != RT_LIST)
        return expr_no_overload(args, count);
    if (args[0].length == 0)
        return expr_optional_none();
    return expr_optional_of(call, args[0].u.items[last ? args[0].length - 1 : 0]);
}

struct rt_value expr_fn_first_optional(struct expr_call *call, const struct rt_value *args,
                                       size_t count)
{
    return end_item(call, args, count, false);
}

struct rt_value expr_fn_last_optional(struct expr_call *call, const struct rt_value *args,
                                      size_t count)
{
    return end_item(call, args, count, true);
}

struct rt_value expr_fn_first(struct expr_call *call, const struct rt_value *args, size_t count)
{
    (void)call;
    if (args[0].type != RT_LIST)
        return expr_no_overload(args, count);
    return args[0].length == 0 ? rt_error(RT_ERROR_NO_FIELD) : args[0].u.items[0];
}

/* last(list, n): n items before the last. */
struct rt_value expr_fn_last(struct expr_call *call, const struct rt_value *args, size_t count)
{
    int64_t back = count == 2 ? args[1].u.integer : 0;

    (void)call;
    if (args[0].type != RT_LIST || (count == 2 && args[1].type != RT_INT))
        return expr_no_overload(args, count);
    if (back < 0 || back >= (int64_t)args[0].length)
        return rt_error(RT_ERROR_NO_FIELD);
    return args[0].u.items[args[0].length - 1 - (size_t)back];
}

/* ---- aggregates ---- */

struct rt_value expr_fn_count(struct expr_call *call, const struct rt_value *args, size_t count)
{
    (void)call;
    return args[0].type == RT_LIST ? rt_int(args[0].length) : expr_no_overload(args, count);
}

/* The aggregate of a list's items. */
static struct rt_value aggregate(struct expr_call *call, const struct rt_value *args, size_t count,
                                 enum expr_aggregate kind)
{
    struct expr_aggregate_state state = {.count = 0};

    if (args[0].type != RT_LIST)
        return expr_no_overload(args, count);
    if (!expr_spend(call, args[0].length))
        return expr_limit();
    for (size_t i = 0; i < args[0].length; i++)
        expr_aggregate_add(call, kind, &state, args[0].u.items[i]);
    return expr_aggregate_value(kind, &state);
}

struct rt_value expr_fn_sum(struct expr_call *call, const struct rt_value *args, size_t count)
{
    return aggregate(call, args, count, EXPR_AGGREGATE_SUM);
}

struct rt_value expr_fn_avg(struct expr_call *call, const struct rt_value *args, size_t count)
{
    return aggregate(call, args, count, EXPR_AGGREGATE_AVG);
}

struct rt_value expr_fn_stddev(struct expr_call *call, const struct rt_value *args, size_t count)
{
    return aggregate(call, args, count, EXPR_AGGREGATE_STDDEV);
}

struct rt_value expr_fn_min(struct expr_call *call, const struct rt_value *args, size_t count)
{
    return aggregate(call, args, count, EXPR_AGGREGATE_MIN);
}

struct rt_value expr_fn_max(struct expr_call *call, const struct rt_value *args, size_t count)
{
    return aggregate(call, args, count, EXPR_AGGREGATE_MAX);
}

/* ---- sets ---- */

/* Of both lists that of the haystack gets an index, so that the cost is the sum of their sizes. */
static bool look_for(struct expr_call *call, struct rt_value needles, struct rt_value haystack,
                     bool until, struct rt_value *out)
{
    struct rt_value indexed;

    if (!expr_spend(call, (uint64_t)needles.length + 2 * (uint64_t)haystack.length) ||
        expr_value_index(haystack, call->scratch, &indexed) != RT_OK) {
        *out = expr_limit();
        return false;
    }
    for (size_t i = 0; i < needles.length; i++) {
        if ((expr_list_find(indexed, needles.u.items[i]) != SIZE_MAX) == until) {
            *out = rt_bool(until);
            return false;
        }
    }
    *out = rt_bool(!until);
    return true;
}

static bool are_lists(const struct rt_value *args)
{
    return args[0].type == RT_LIST && args[1].type == RT_LIST;
}

struct rt_value expr_fn_sets_contains(struct expr_call *call, const struct rt_value *args,
                                      size_t count)
{
    struct rt_value result;

    if (!are_lists(args))
        return expr_no_overload(args, count);
    look_for(call, args[1], args[0], false, &result);
    return result;
}

struct rt_value expr_fn_sets_intersects(struct expr_call *call, const struct rt_value *args,
                                        size_t count)
{
    struct rt_value result;

    if (!are_lists(args))
        return expr_no_overload(args, count);
    look_for(call, args[0], args[1], true, &result);
    return result;
}

struct rt_value expr_fn_sets_equivalent(struct expr_call *call, const struct rt_value *args,
                                        size_t count)
{
    struct rt_value result;

    if (!are_lists(args))
        return expr_no_overload(args, count);
    if (look_for(call, args[0], args[1], false, &result))
        look_for(call, args[1], args[0], false, &result);
    return result;
}
