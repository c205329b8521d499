/* SPDX-License-Identifier: Apache-2.0 */
/* What a window is asked goes to the form it has.  A window begins as a list of its events and becomes panes when it grows. */
#include "runtime/window/window.h"

#include <string.h>

#include "runtime/base/assert.h"
#include "runtime/window/late.h"
#include "runtime/window/layout.h"
#include "runtime/window/one.h"

void rt_window_shape_init(struct rt_window_shape *shape)
{
    RT_ASSERT(shape->aggregate_count <= RT_WINDOW_AGGREGATES_MAX);
    shape->is_queue = shape->kind == RT_WINDOW_SLIDING || shape->kind == RT_WINDOW_HOPPING ||
                      (shape->kind == RT_WINDOW_COUNT && shape->every != shape->count);
    shape->cell_bytes = shape->part_count = shape->list_items = 0;
    for (uint32_t i = 0; i < shape->aggregate_count; i++) {
        struct rt_window_aggregate *aggregate = &shape->aggregates[i];

        aggregate->place =
            rt_is_part(aggregate->function) ? shape->part_count++ : shape->cell_bytes;
        shape->cell_bytes += rt_cell_bytes(aggregate->function);
        aggregate->list_place = shape->list_items;
        shape->list_items += aggregate->items;
    }
    shape->rate_size = shape->size;
    rt_few_shape_init(shape);
    rt_one_shape_init(shape);
}

struct rt_window_shape rt_window_pane_shape(const struct rt_window_shape *shape)
{
    struct rt_window_shape pane = *shape;

    pane.lateness = RT_NO_DURATION;
    pane.is_early = false;
    if (shape->kind == RT_WINDOW_HOPPING) {
        pane.kind = RT_WINDOW_TUMBLING;
        pane.size = shape->slide;
    }
    rt_window_shape_init(&pane);
    pane.few_max = 0; /* panes are merged */
    pane.begins_few = false;
    pane.rate_size = shape->size;
    return pane;
}

static bool is_late(const struct rt_window_shape *shape)
{
    return shape->lateness.ms != 0;
}

static struct rt_late *late_of(const struct rt_window *window)
{
    return (struct rt_late *)(uintptr_t)window; /* its first member */
}

static struct rt_few *few_of(const struct rt_window *window)
{
    RT_ASSERT_SLOW(window->is_few);
    return (struct rt_few *)(uintptr_t)window; /* its first member */
}

static struct rt_full *full_of(const struct rt_window *window)
{
    RT_ASSERT_SLOW(!window->is_few);
    return (struct rt_full *)(uintptr_t)window;
}

/* ---- adding ---- */

/* What stands for the values of keyed aggregates: hashes and buckets. */
static void make_keys(const struct rt_window_shape *shape, const struct rt_value *values,
                      struct rt_value *out)
{
    memcpy(out, values, shape->aggregate_count * sizeof(*out));
    for (uint32_t i = 0; i < shape->aggregate_count; i++) {
        const enum rt_aggregate function = shape->aggregates[i].function;

        if (!rt_is_keyed(function) || values[i].type == RT_ABSENT)
            continue;
        out[i] = rt_uint(rt_few_key(function, values[i]));
    }
}

/* The list of events becomes panes.  RT_ERR_NOMEM: it stays what it is. */
static enum rt_status grow(const struct rt_window_shape *shape, struct rt_window **window,
                           struct rt_blocks *blocks)
{
    struct rt_few *few = few_of(*window);
    struct rt_value values[RT_WINDOW_AGGREGATES_MAX];
    struct rt_full *full = NULL;

    for (uint32_t i = 0; i < few->head.few_count; i++) {
        const struct rt_few_record *record = rt_few_at(shape, few, i);
        enum rt_status status;

        rt_few_values(shape, record, values);
        status = rt_full_add(shape, &full, blocks, record->time, rt_few_sequence(record), values);
        if (status != RT_OK) {
            rt_full_free(shape, full, blocks);
            return status;
        }
    }
    RT_ASSERT(full != NULL); /* a list that has grown too long is not empty */
    full->head.is_true = few->head.is_true;
    full->head.close = few->head.close;
    rt_few_free(shape, few, blocks);
    *window = &full->head;
    return RT_OK;
}

static enum rt_status add_to_full(const struct rt_window_shape *shape, struct rt_window **window,
                                  struct rt_blocks *blocks, rt_time time, uint64_t sequence,
                                  const struct rt_value *keys)
{
    struct rt_full *full = *window == NULL ? NULL : full_of(*window);
    enum rt_status status = rt_full_add(shape, &full, blocks, time, sequence, keys);

    if (status == RT_OK)
        *window = &full->head;
    return status;
}

enum rt_status rt_window_add(const struct rt_window_shape *shape, struct rt_window **window,
                             struct rt_blocks *blocks, rt_time time, uint64_t sequence,
                             const struct rt_value *values)
{
    struct rt_value keys[RT_WINDOW_AGGREGATES_MAX];

    make_keys(shape, values, keys);
    return rt_window_add_keys(shape, window, blocks, time, sequence, keys);
}

enum rt_status rt_window_add_keys(const struct rt_window_shape *shape, struct rt_window **window,
                                  struct rt_blocks *blocks, rt_time time, uint64_t sequence,
                                  const struct rt_value *keys)
{
    enum rt_status status;

    if (*window == NULL ? shape->begins_few : (*window)->is_few) {
        struct rt_few *few = *window == NULL ? NULL : few_of(*window);

        status = rt_few_add(shape, &few, blocks, time, sequence, keys);
        if (few != NULL)
            *window = &few->head;
        if (status != RT_AGAIN)
            return status;
        status = grow(shape, window, blocks);
        if (status != RT_OK)
            return status;
    }
    return add_to_full(shape, window, blocks, time, sequence, keys);
}

void rt_window_prefetch(const struct rt_window_shape *shape, const struct rt_window *window)
{
    if (is_late(shape))
        RT_PREFETCH(late_of(window)->panes);
    else if (window->is_few)
        RT_PREFETCH((const char *)window + 64);
    else
        rt_full_prefetch(shape, full_of(window));
}

/* ---- what leaves ---- */

static uint32_t count_until(const struct rt_window_shape *shape, const struct rt_few *few,
                            rt_time end)
{
    uint32_t count = 0;

    while (count < few->head.few_count && rt_time_before(rt_few_at(shape, few, count)->time, end))
        count++;
    return count;
}

void rt_window_slide(const struct rt_window_shape *shape, struct rt_window *window,
                     struct rt_blocks *blocks, rt_time time)
{
    if (shape->kind != RT_WINDOW_SLIDING)
        return;
    if (!window->is_few) {
        rt_full_slide(shape, full_of(window), blocks, time);
        return;
    }

    const rt_time begin = {time.ms - shape->size.ms + 1};
    const uint32_t gone = count_until(shape, few_of(window), begin);

    if (gone > 0)
        rt_few_drop(shape, few_of(window), blocks, gone);
}

void rt_window_next(const struct rt_window_shape *shape, struct rt_window **place,
                    struct rt_blocks *blocks)
{
    struct rt_window *window = *place;

    if (shape->is_queue && shape->kind == RT_WINDOW_COUNT)
        return; /* the next event takes the oldest pane out */
    if (!shape->is_queue || rt_window_is_empty(shape, window)) {
        rt_window_free(shape, window, blocks);
        *place = NULL;
        return;
    }
    /* Empty or not: what it was is compared with what the next one is. */
    if (!window->is_few) {
        rt_full_next(shape, full_of(window), blocks);
        return;
    }
    window->close = rt_span_end(shape, window->close);
    rt_few_drop(shape, few_of(window), blocks,
                count_until(shape, few_of(window), rt_window_begin(shape, window->close)));
}

void rt_window_read_empty(const struct rt_window_shape *shape, uint32_t wanted,
                          struct rt_value *out)
{
    static const struct rt_cell empty = {.count = 0};

    for (uint32_t i = 0; i < shape->aggregate_count; i++) {
        const enum rt_aggregate function = shape->aggregates[i].function;

        if ((wanted >> i & 1) == 0)
            continue;
        if (function == RT_AGGREGATE_COUNT_DISTINCT)
            out[i] = rt_int(0);
        else if (function == RT_AGGREGATE_QUANTILE)
            out[i] = rt_null();
        else if (rt_is_part(function))
            out[i] = (struct rt_value){.type = RT_LIST};
        else
            out[i] = rt_cell_outcome(function, &empty, &empty, 1);
    }
}

void rt_window_drop_oldest(const struct rt_window_shape *shape, struct rt_window *window,
                           struct rt_blocks *blocks)
{
    if (window->is_few)
        rt_few_drop(shape, few_of(window), blocks, 1);
    else
        rt_full_drop_oldest(shape, full_of(window), blocks);
}

void rt_window_free(const struct rt_window_shape *shape, struct rt_window *window,
                    struct rt_blocks *blocks)
{
    if (window == NULL)
        return;
    if (is_late(shape))
        rt_late_free(shape, late_of(window), blocks);
    else if (window->is_few)
        rt_few_free(shape, few_of(window), blocks);
    else
        rt_full_free(shape, full_of(window), blocks);
}

/* ---- questions ---- */

rt_time rt_window_last(const struct rt_window_shape *shape, const struct rt_window *window)
{
    if (!window->is_few)
        return full_of(window)->last;
    if (window->few_count == 0)
        return window->close;
    return rt_few_at(shape, few_of(window), window->few_count - 1u)->time;
}

static rt_time end_of(const struct rt_window_shape *shape, const struct rt_window *window)
{
    if (shape->kind == RT_WINDOW_TUMBLING || shape->kind == RT_WINDOW_HOPPING)
        return window->close;
    return rt_time_plus(rt_window_last(shape, window), shape->size);
}

rt_time rt_window_deadline(const struct rt_window_shape *shape, const struct rt_window *window)
{
    rt_time end;

    if (is_late(shape))
        return rt_late_deadline(shape, late_of(window));
    end = end_of(shape, window);
    if (shape->is_early && rt_time_before(full_of(window)->early.at, end))
        return full_of(window)->early.at;
    return end;
}

struct rt_window_early *rt_window_early_of(const struct rt_window_shape *shape,
                                           struct rt_window *window)
{
    RT_ASSERT(shape->is_early);
    return is_late(shape) ? &late_of(window)->early : &full_of(window)->early;
}

uint64_t rt_window_count(const struct rt_window_shape *shape, const struct rt_window *window)
{
    RT_ASSERT(!shape->is_queue);
    return window->is_few ? window->few_count : full_of(window)->counted;
}

bool rt_window_is_empty(const struct rt_window_shape *shape, const struct rt_window *window)
{
    return shape->is_queue &&
           (window->is_few ? window->few_count == 0 : full_of(window)->pane_count == 0);
}

bool rt_window_is_full(const struct rt_window_shape *shape, const struct rt_window *window)
{
    if (shape->kind != RT_WINDOW_COUNT)
        return false;
    return window->is_few ? window->few_count % shape->every == 0
                          : full_of(window)->counted == shape->every;
}

void rt_window_read(const struct rt_window_shape *shape, const struct rt_window *window,
                    struct rt_blocks *blocks, uint32_t wanted, struct rt_value *out)
{
    if (window->is_few)
        rt_few_read(shape, few_of(window), blocks, wanted, out);
    else
        rt_full_read(shape, full_of(window), blocks, wanted, out);
}

rt_time rt_window_first(const struct rt_window_shape *shape, const struct rt_window *window,
                        uint64_t *sequence)
{
    const struct rt_few_record *record;

    if (!window->is_few)
        return rt_full_first(shape, full_of(window), sequence);
    *sequence = 0;
    if (window->few_count == 0)
        return window->close;
    record = rt_few_at(shape, few_of(window), 0);
    *sequence = rt_few_sequence(record);
    return record->time;
}
