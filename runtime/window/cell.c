/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/window/cell.h"

#include <math.h>
#include <string.h>

#include "runtime/event/value_form.h"

enum { LOADED_VALUE_BYTES = 65536 };

/* No event is so long ago that it would be 0 or less. */
#define TIME_ZERO (INT64_C(1) << 60)
#define HAS_REALS (UINT64_C(1) << 63)

struct shared_text { /* what `u.text` of a held value points into */
    uint32_t references;
    uint32_t length;
    char bytes[];
};

/* ---- held values ---- */

static struct shared_text *text_of(struct rt_value value)
{
    return (struct shared_text *)(void *)((uintptr_t)value.u.text -
                                          offsetof(struct shared_text, bytes));
}

static void hold(struct rt_value value)
{
    if (value.type == RT_STRING)
        text_of(value)->references++;
}

void rt_cell_release(struct rt_value value, struct rt_blocks *blocks)
{
    struct shared_text *text;

    if (value.type != RT_STRING)
        return;
    text = text_of(value);
    if (--text->references == 0)
        rt_blocks_give(blocks, text, sizeof(*text) + text->length);
}

enum rt_status rt_cell_keep(struct rt_value value, struct rt_blocks *blocks, struct rt_value *out)
{
    *out = value;
    if (value.type != RT_STRING)
        return RT_OK;

    struct shared_text *text = rt_blocks_take(blocks, sizeof(*text) + value.length);

    if (text == NULL)
        return RT_ERR_NOMEM;
    text->references = 1;
    text->length = value.length;
    if (value.length > 0)
        memcpy(text->bytes, value.u.text, value.length);
    out->u.text = text->bytes;
    return RT_OK;
}

/* ---- numbers ---- */

static double as_double(struct rt_value value)
{
    switch (value.type) {
    case RT_INT:
        return (double)value.u.integer;
    case RT_UINT:
        return (double)value.u.natural;
    default:
        return value.u.real;
    }
}

/* -1, 0, 1 by value; an int and a double are compared as doubles unless they are equal there. */
static int compare(struct rt_value a, struct rt_value b)
{
    if (a.type == RT_INT && b.type == RT_INT)
        return (a.u.integer > b.u.integer) - (a.u.integer < b.u.integer);
    if (a.type == RT_UINT && b.type == RT_UINT)
        return (a.u.natural > b.u.natural) - (a.u.natural < b.u.natural);
    return (as_double(a) > as_double(b)) - (as_double(a) < as_double(b));
}

/* ---- the table of aggregates ---- */

uint32_t rt_cell_bytes(enum rt_aggregate aggregate)
{
    switch (aggregate) {
    case RT_AGGREGATE_COUNT:
    case RT_AGGREGATE_RATE:
        return sizeof(uint64_t);
    case RT_AGGREGATE_COUNT_DISTINCT:
    case RT_AGGREGATE_QUANTILE:
    case RT_AGGREGATE_TOPK:
    case RT_AGGREGATE_COLLECT:
        return 0;
    default:
        return sizeof(struct rt_cell);
    }
}

bool rt_cell_takes(enum rt_aggregate aggregate, enum rt_type type)
{
    switch (aggregate) {
    case RT_AGGREGATE_COUNT:
    case RT_AGGREGATE_RATE:
        return true;
    case RT_AGGREGATE_FIRST:
    case RT_AGGREGATE_LAST:
    case RT_AGGREGATE_COUNT_DISTINCT:
    case RT_AGGREGATE_TOPK:
    case RT_AGGREGATE_COLLECT:
        return type == RT_NULL || type == RT_BOOL || type == RT_INT || type == RT_UINT ||
               type == RT_DOUBLE || type == RT_STRING || type == RT_TIMESTAMP ||
               type == RT_DURATION;
    default:
        return type == RT_INT || type == RT_UINT || type == RT_DOUBLE;
    }
}

enum rt_status rt_cell_of(enum rt_aggregate aggregate, struct rt_value value,
                          struct rt_blocks *blocks, struct rt_cell *out)
{
    *out = (struct rt_cell){.count = 1};
    switch (aggregate) {
    case RT_AGGREGATE_SUM:
    case RT_AGGREGATE_AVG:
        if (value.type == RT_INT) {
            out->u.sum.integers = value.u.integer;
        } else {
            out->u.sum.reals = as_double(value);
            out->count |= HAS_REALS;
        }
        return RT_OK;
    case RT_AGGREGATE_VARIANCE:
    case RT_AGGREGATE_STDDEV:
        out->u.spread.mean = as_double(value);
        return RT_OK;
    case RT_AGGREGATE_MIN:
    case RT_AGGREGATE_MAX:
        out->u.value = value;
        return RT_OK;
    case RT_AGGREGATE_FIRST:
    case RT_AGGREGATE_LAST:
        return rt_cell_keep(value, blocks, &out->u.value);
    default:
        return RT_OK;
    }
}

void rt_cell_set_time(enum rt_aggregate aggregate, struct rt_cell *cell, rt_time time)
{
    if (aggregate == RT_AGGREGATE_FIRST || aggregate == RT_AGGREGATE_LAST)
        cell->count = (uint64_t)(time.ms + TIME_ZERO);
}

static void merge_sums(struct rt_cell *older, const struct rt_cell *newer)
{
    uint64_t reals = (older->count | newer->count) & HAS_REALS;
    int64_t integers;

    older->u.sum.reals += newer->u.sum.reals;
    if (__builtin_add_overflow(older->u.sum.integers, newer->u.sum.integers, &integers)) {
        older->u.sum.reals += (double)older->u.sum.integers + (double)newer->u.sum.integers;
        integers = 0;
        reals = HAS_REALS;
    }
    older->u.sum.integers = integers;
    older->count = ((older->count & ~HAS_REALS) + (newer->count & ~HAS_REALS)) | reals;
}

/* Chan's formula: stable, and exact enough for any order. */
static void merge_spreads(struct rt_cell *older, const struct rt_cell *newer)
{
    double left = (double)older->count, right = (double)newer->count;
    double delta = newer->u.spread.mean - older->u.spread.mean;

    if (newer->count == 0)
        return;
    if (older->count == 0) {
        *older = *newer;
        return;
    }
    older->count += newer->count;
    older->u.spread.mean += delta * right / (left + right);
    older->u.spread.squares +=
        newer->u.spread.squares + delta * delta * left * right / (left + right);
}

/* Whether older + newer has newer's value. */
static bool takes_newer(enum rt_aggregate aggregate, const struct rt_cell *older,
                        const struct rt_cell *newer)
{
    if (newer->count == 0 || older->count == 0)
        return newer->count != 0;
    switch (aggregate) {
    case RT_AGGREGATE_MIN:
        return compare(newer->u.value, older->u.value) < 0;
    case RT_AGGREGATE_MAX:
        return compare(newer->u.value, older->u.value) > 0;
    case RT_AGGREGATE_FIRST:
        return newer->count < older->count;
    default:
        return newer->count >= older->count;
    }
}

static void merge_values(enum rt_aggregate aggregate, struct rt_cell *older,
                         const struct rt_cell *newer, struct rt_blocks *blocks)
{
    const bool is_extreme = aggregate == RT_AGGREGATE_MIN || aggregate == RT_AGGREGATE_MAX;
    uint64_t count = older->count + newer->count;

    if (!is_extreme)
        count = takes_newer(aggregate, older, newer) ? newer->count : older->count;
    if (takes_newer(aggregate, older, newer)) {
        hold(newer->u.value);
        if (older->count != 0)
            rt_cell_release(older->u.value, blocks);
        older->u.value = newer->u.value;
    }
    older->count = count;
}

void rt_cell_merge(enum rt_aggregate aggregate, void *older, const void *newer,
                   struct rt_blocks *blocks)
{
    switch (aggregate) {
    case RT_AGGREGATE_COUNT:
    case RT_AGGREGATE_RATE:
        *(uint64_t *)older += *(const uint64_t *)newer;
        return;
    case RT_AGGREGATE_SUM:
    case RT_AGGREGATE_AVG:
        merge_sums(older, newer);
        return;
    case RT_AGGREGATE_VARIANCE:
    case RT_AGGREGATE_STDDEV:
        merge_spreads(older, newer);
        return;
    case RT_AGGREGATE_MIN:
    case RT_AGGREGATE_MAX:
    case RT_AGGREGATE_FIRST:
    case RT_AGGREGATE_LAST:
        merge_values(aggregate, older, newer, blocks);
        return;
    case RT_AGGREGATE_COUNT_DISTINCT:
    case RT_AGGREGATE_QUANTILE:
    case RT_AGGREGATE_TOPK:
    case RT_AGGREGATE_COLLECT:
        return;
    }
}

void rt_cell_clear(enum rt_aggregate aggregate, void *cell, struct rt_blocks *blocks)
{
    const struct rt_cell *full = cell;

    if ((aggregate == RT_AGGREGATE_FIRST || aggregate == RT_AGGREGATE_LAST) && full->count != 0)
        rt_cell_release(full->u.value, blocks);
    memset(cell, 0, rt_cell_bytes(aggregate));
}

/* ---- the outcome ---- */

static struct rt_value sum_of(const struct rt_cell *sum)
{
    if ((sum->count & HAS_REALS) == 0)
        return rt_int(sum->u.sum.integers);
    return rt_double((double)sum->u.sum.integers + sum->u.sum.reals);
}

static struct rt_value average_of(const struct rt_cell *sum)
{
    uint64_t count = sum->count & ~HAS_REALS;

    if (count == 0)
        return rt_null();
    return rt_double(((double)sum->u.sum.integers + sum->u.sum.reals) / (double)count);
}

static struct rt_value spread_of(enum rt_aggregate aggregate, const struct rt_cell *spread)
{
    double variance;

    if (spread->count == 0)
        return rt_null();
    variance = spread->u.spread.squares / (double)spread->count;
    return rt_double(aggregate == RT_AGGREGATE_STDDEV ? sqrt(variance) : variance);
}

struct rt_value rt_cell_outcome(enum rt_aggregate aggregate, const void *older, const void *newer,
                                double seconds)
{
    struct rt_cell both = {.count = 0};

    if (rt_cell_bytes(aggregate) == sizeof(uint64_t)) {
        uint64_t count = *(const uint64_t *)older + *(const uint64_t *)newer;

        return aggregate == RT_AGGREGATE_COUNT ? rt_int((int64_t)count)
                                               : rt_double((double)count / seconds);
    }
    memcpy(&both, older, sizeof(both));
    switch (aggregate) {
    case RT_AGGREGATE_SUM:
        merge_sums(&both, newer);
        return sum_of(&both);
    case RT_AGGREGATE_AVG:
        merge_sums(&both, newer);
        return average_of(&both);
    case RT_AGGREGATE_VARIANCE:
    case RT_AGGREGATE_STDDEV:
        merge_spreads(&both, newer);
        return spread_of(aggregate, &both);
    default:
        if (takes_newer(aggregate, older, newer))
            memcpy(&both, newer, sizeof(both));
        return both.count == 0 ? rt_null() : both.u.value;
    }
}

/* ---- the saved form ---- */

static bool is_sum(enum rt_aggregate aggregate)
{
    return aggregate == RT_AGGREGATE_SUM || aggregate == RT_AGGREGATE_AVG;
}

static bool is_spread(enum rt_aggregate aggregate)
{
    return aggregate == RT_AGGREGATE_VARIANCE || aggregate == RT_AGGREGATE_STDDEV;
}

void rt_cell_save(enum rt_aggregate aggregate, const void *cell, struct rt_buffer *out)
{
    const struct rt_cell *full = cell;

    if (rt_cell_bytes(aggregate) == 0)
        return;
    rt_form_add_uint(out, *(const uint64_t *)cell);
    if (rt_cell_bytes(aggregate) == sizeof(uint64_t) || full->count == 0)
        return;
    if (is_sum(aggregate)) {
        rt_form_add_int(out, full->u.sum.integers);
        if ((full->count & HAS_REALS) != 0)
            rt_form_add_double(out, full->u.sum.reals);
    } else if (is_spread(aggregate)) {
        rt_form_add_double(out, full->u.spread.mean);
        rt_form_add_double(out, full->u.spread.squares);
    } else {
        rt_value_add_form(full->u.value, out);
    }
}

enum rt_status rt_cell_load_value(enum rt_aggregate aggregate, struct rt_form *form,
                                  struct rt_value *out)
{
    struct rt_value value = rt_null();
    struct rt_arena arena;
    enum rt_status status;

    rt_arena_init(&arena, LOADED_VALUE_BYTES); /* what a window keeps needs none of it */
    status = rt_value_of_form(form, &arena, &value);
    rt_arena_done(&arena);
    if (status == RT_OK && !rt_cell_takes(aggregate, (enum rt_type)value.type)) {
        rt_form_fail(form, "a value that its aggregate does not take");
        status = RT_ERR_CORRUPT;
    }
    if (status == RT_OK)
        *out = value;
    return status;
}

enum rt_status rt_cell_load(enum rt_aggregate aggregate, void *cell, struct rt_form *form,
                            struct rt_blocks *blocks)
{
    struct rt_cell full = {.count = 0};
    enum rt_status status = RT_OK;

    if (rt_cell_bytes(aggregate) == 0)
        return RT_OK;
    full.count = rt_form_uint(form);
    if (full.count != 0 && rt_cell_bytes(aggregate) != sizeof(uint64_t)) {
        if (is_sum(aggregate)) {
            full.u.sum.integers = rt_form_int(form);
            if ((full.count & HAS_REALS) != 0)
                full.u.sum.reals = rt_form_double(form);
        } else if (is_spread(aggregate)) {
            full.u.spread.mean = rt_form_double(form);
            full.u.spread.squares = rt_form_double(form);
        } else {
            status = rt_cell_load_value(aggregate, form, &full.u.value);
            if (status == RT_OK)
                status = rt_cell_keep(full.u.value, blocks, &full.u.value);
        }
    }
    if (status == RT_OK && rt_form_failed(form))
        status = RT_ERR_CORRUPT;
    if (status == RT_OK)
        memcpy(cell, &full, rt_cell_bytes(aggregate));
    return status;
}
