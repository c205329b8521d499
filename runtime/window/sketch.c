/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/window/sketch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/hash.h"

static const double base = 1.01 / 0.99; /* upper by lower bound of a bucket */

enum { ZERO = 1 << 20, AWAY = 4000 }; /* keys: ZERO is 0, ZERO +- (AWAY + index) the others */

/* ---- distinct ---- */

uint64_t rt_sketch_hash(struct rt_value value)
{
    char bytes[16] = {0};

    uint64_t hash;

    if (value.type == RT_STRING) {
        hash = rt_hash64(value.u.text, value.length);
        return hash == 0 ? 1 : hash;
    }
    if (value.type == RT_DOUBLE && value.u.real >= -9223372036854775808.0 &&
        value.u.real < 9223372036854775808.0 && (double)(int64_t)value.u.real == value.u.real)
        value = rt_int((int64_t)value.u.real);
    else if (value.type == RT_UINT && value.u.natural <= INT64_MAX)
        value = rt_int((int64_t)value.u.natural);
    bytes[0] = (char)value.type;
    if (value.type == RT_BOOL)
        bytes[8] = (char)value.u.boolean;
    else if (value.type == RT_TIMESTAMP)
        memcpy(bytes + 4, &value.length, 4);
    if (value.type != RT_BOOL && value.type != RT_NULL)
        memcpy(bytes + 8, &value.u, 8);
    hash = rt_hash64(bytes, sizeof(bytes));
    return hash == 0 ? 1 : hash;
}

/* ---- quantiles ---- */

uint64_t rt_sketch_bucket(struct rt_value number)
{
    double value = number.type == RT_INT    ? (double)number.u.integer
                   : number.type == RT_UINT ? (double)number.u.natural
                                            : number.u.real;
    double size = fabs(value);
    int64_t index;

    if (!(size >= 1e-9))
        return ZERO;
    index = (int64_t)ceil(log(size < 1e18 ? size : 1e18) / log(base));
    return (uint64_t)(value > 0 ? ZERO + AWAY + index : ZERO - AWAY - index);
}

double rt_sketch_value(uint64_t key)
{
    int64_t away = (int64_t)key - ZERO;

    if (away == 0)
        return 0;
    return away > 0 ? 2 * pow(base, (double)(away - AWAY)) / (base + 1)
                    : -2 * pow(base, (double)(-away - AWAY)) / (base + 1);
}

bool rt_sketch_is_bucket(uint64_t key)
{
    const uint64_t away = key < ZERO ? ZERO - key : key - ZERO;

    return away == 0 || (away >= rt_sketch_bucket(rt_double(1e-9)) - ZERO &&
                         away <= rt_sketch_bucket(rt_double(1e18)) - ZERO);
}

static int compare(const void *left, const void *right)
{
    const struct rt_bag_entry *a = left, *b = right;

    return (a->key > b->key) - (a->key < b->key);
}

struct rt_value rt_sketch_quantile(const struct rt_bag *bag, double quantile,
                                   struct rt_blocks *blocks)
{
    struct rt_bag_entry *sorted;
    uint64_t total = 0, rank;
    uint32_t count = 0, at = 0;

    if (bag->used == 0)
        return rt_null();
    sorted = rt_blocks_take(blocks, bag->used * sizeof(*sorted));
    if (sorted == NULL)
        return rt_error(RT_ERROR_LIMIT);
    for (uint32_t i = 0; i < bag->entry_capacity; i++) {
        if (bag->entries[i].times == 0)
            continue;
        sorted[count++] = bag->entries[i];
        total += bag->entries[i].times;
    }
    qsort(sorted, count, sizeof(*sorted), compare);
    rank = (uint64_t)floor(quantile * (double)(total - 1));
    while (at + 1 < count && rank >= sorted[at].times)
        rank -= sorted[at++].times;

    struct rt_value value = rt_double(rt_sketch_value(sorted[at].key));

    rt_blocks_give(blocks, sorted, bag->used * sizeof(*sorted));
    return value;
}
