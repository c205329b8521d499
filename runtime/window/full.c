/* SPDX-License-Identifier: Apache-2.0 */
/* Windows as panes, cells and bags: the form for many events. */

#include <string.h>

#include "runtime/base/assert.h"
#include "runtime/window/layout.h"
#include "runtime/window/sketch.h"

/* ---- cells of all aggregates at once ---- */

static void clear_cells(const struct rt_window_shape *shape, uint64_t *cells,
                        struct rt_blocks *blocks)
{
    for (uint32_t i = 0; i < shape->aggregate_count; i++) {
        if (!rt_is_part(shape->aggregates[i].function))
            rt_cell_clear(shape->aggregates[i].function, rt_cell_at(cells, &shape->aggregates[i]),
                          blocks);
    }
}

static void merge_cells(const struct rt_window_shape *shape, uint64_t *older, const uint64_t *newer,
                        struct rt_blocks *blocks)
{
    for (uint32_t i = 0; i < shape->aggregate_count; i++) {
        if (!rt_is_part(shape->aggregates[i].function))
            rt_cell_merge(shape->aggregates[i].function, rt_cell_at(older, &shape->aggregates[i]),
                          rt_cell_at(newer, &shape->aggregates[i]), blocks);
    }
}

/* The event's own cells; those that cannot be made leave nothing behind. */
static enum rt_status make_cells(const struct rt_window_shape *shape, const struct rt_value *values,
                                 struct rt_blocks *blocks, rt_time time, uint64_t *cells)
{
    memset(cells, 0, shape->cell_bytes);
    for (uint32_t i = 0; i < shape->aggregate_count; i++) {
        const struct rt_window_aggregate *aggregate = &shape->aggregates[i];
        struct rt_cell cell;

        if (rt_is_part(aggregate->function) || values[i].type == RT_ABSENT)
            continue;
        if (rt_cell_of(aggregate->function, values[i], blocks, &cell) != RT_OK) {
            clear_cells(shape, cells, blocks);
            return RT_ERR_NOMEM;
        }
        rt_cell_set_time(aggregate->function, &cell, time);
        memcpy(rt_cell_at(cells, aggregate), &cell, rt_cell_bytes(aggregate->function));
    }
    return RT_OK;
}

/* ---- parts ---- */

static void release_kept(const struct rt_window_shape *shape, struct rt_value *kept,
                         struct rt_blocks *blocks)
{
    for (uint32_t i = 0; i < shape->aggregate_count; i++) {
        if (rt_is_part(shape->aggregates[i].function) &&
            !rt_is_keyed(shape->aggregates[i].function))
            rt_cell_release(kept[i], blocks);
    }
}

static enum rt_status reserve_parts(const struct rt_window_shape *shape, struct rt_full *window,
                                    struct rt_blocks *blocks, const struct rt_value *values,
                                    struct rt_value *kept)
{
    memset(kept, 0, shape->aggregate_count * sizeof(*kept)); /* absent */
    for (uint32_t i = 0; shape->part_count > 0 && i < shape->aggregate_count; i++) {
        const struct rt_window_aggregate *aggregate = &shape->aggregates[i];
        enum rt_status status = RT_OK;

        if (rt_is_part(aggregate->function))
            status = rt_part_reserve(shape, aggregate, rt_part_at(shape, window, aggregate->place),
                                     values[i], blocks, &kept[i]);
        if (status != RT_OK) {
            release_kept(shape, kept, blocks);
            return status;
        }
    }
    return RT_OK;
}

static void add_to_parts(const struct rt_window_shape *shape, struct rt_full *window,
                         struct rt_blocks *blocks, const struct rt_value *kept, rt_time time)
{
    for (uint32_t i = 0; shape->part_count > 0 && i < shape->aggregate_count; i++) {
        const struct rt_window_aggregate *aggregate = &shape->aggregates[i];

        if (rt_is_part(aggregate->function))
            rt_part_add(shape, aggregate, window, kept[i], time, blocks);
    }
}

/* ---- the queue ---- */

/* The back becomes the front: each pane takes over what follows it. */
static void flip(const struct rt_window_shape *shape, struct rt_full *window,
                 struct rt_blocks *blocks)
{
    for (uint32_t number = window->pane_count - 1; number-- > 0;) {
        for (uint32_t i = 0; i < shape->aggregate_count; i++) {
            const struct rt_window_aggregate *aggregate = &shape->aggregates[i];

            /* The older pane is the one that changes: it becomes itself + what follows. */
            if (!rt_is_part(aggregate->function))
                rt_cell_merge(aggregate->function,
                              rt_cell_at(rt_pane_at(shape, window, number)->cells, aggregate),
                              rt_cell_at(rt_pane_at(shape, window, number + 1)->cells, aggregate),
                              blocks);
        }
    }
    window->front = window->pane_count;
    clear_cells(shape, window->cells, blocks);
}

void rt_full_drop_oldest(const struct rt_window_shape *shape, struct rt_full *window,
                         struct rt_blocks *blocks)
{
    RT_ASSERT(window->pane_count > 0);
    if (window->front == 0)
        flip(shape, window, blocks);
    clear_cells(shape, rt_pane_at(shape, window, 0)->cells, blocks);
    for (uint32_t i = 0; shape->part_count > 0 && i < shape->aggregate_count; i++) {
        const struct rt_window_aggregate *aggregate = &shape->aggregates[i];

        if (rt_is_part(aggregate->function))
            rt_part_forget(aggregate, rt_part_at(shape, window, aggregate->place),
                           window->newest - window->pane_count + 1, blocks);
    }
    window->ring_head = (window->ring_head + 1) & (window->capacity - 1);
    window->pane_count--;
    window->front--;
}

static enum rt_status grow_ring(const struct rt_window_shape *shape, struct rt_full *window,
                                struct rt_blocks *blocks)
{
    uint32_t capacity = window->capacity == 0 ? 1 : window->capacity * 2;
    size_t bytes = rt_pane_bytes(shape);
    unsigned char *panes = rt_blocks_take(blocks, capacity * bytes);

    if (panes == NULL)
        return RT_ERR_NOMEM;
    for (uint32_t i = 0; i < window->pane_count; i++)
        memcpy(panes + i * bytes, rt_pane_at(shape, window, i), bytes);
    rt_blocks_give(blocks, window->panes, window->capacity * bytes);
    window->panes = panes;
    window->capacity = capacity;
    window->ring_head = 0;
    return RT_OK;
}

/* Whether the event belongs to the newest pane, which must still be in the back. */
static bool joins(const struct rt_window_shape *shape, const struct rt_full *window, rt_time time)
{
    const struct rt_pane *newest;

    if (!shape->is_queue || window->pane_count == window->front)
        return false;
    newest = rt_pane_at(shape, window, window->pane_count - 1);
    switch (shape->kind) {
    case RT_WINDOW_SLIDING:
        return newest->first.ms == time.ms;
    case RT_WINDOW_HOPPING:
        return rt_span_index(shape, newest->first) == rt_span_index(shape, time);
    default:
        return window->counted < shape->every;
    }
}

/* The oldest pane goes when another one comes. */
static bool pushes_out(const struct rt_window_shape *shape, const struct rt_full *window)
{
    return shape->kind == RT_WINDOW_COUNT && window->pane_count == shape->count / shape->every;
}

/* Room for one more pane if the event needs one. */
static enum rt_status reserve_pane(const struct rt_window_shape *shape, struct rt_full *window,
                                   struct rt_blocks *blocks, bool joined)
{
    if (joined || !shape->is_queue || pushes_out(shape, window))
        return RT_OK;
    if (window->pane_count >= shape->panes_max)
        return RT_ERR_LIMIT;
    return window->pane_count < window->capacity ? RT_OK : grow_ring(shape, window, blocks);
}

static void push_pane(const struct rt_window_shape *shape, struct rt_full *window, rt_time time,
                      uint64_t sequence)
{
    struct rt_pane *pane = rt_pane_at(shape, window, window->pane_count);

    memset(pane, 0, rt_pane_bytes(shape));
    pane->first = time;
    pane->sequence = sequence;
    window->pane_count++;
    window->newest++;
    window->counted = 0;
}

/* ---- events ---- */

static struct rt_full *begin(const struct rt_window_shape *shape, struct rt_blocks *blocks,
                             rt_time time, uint64_t sequence)
{
    struct rt_full *window = rt_blocks_take(blocks, rt_full_bytes(shape));

    if (window == NULL)
        return NULL;
    memset(window, 0, rt_full_bytes(shape));
    window->first = window->last = time;
    window->sequence = sequence;
    window->early.at = RT_TIME_MAX;
    if (shape->kind == RT_WINDOW_TUMBLING || shape->kind == RT_WINDOW_HOPPING)
        window->head.close = rt_span_end(shape, time);
    return window;
}

enum rt_status rt_full_add(const struct rt_window_shape *shape, struct rt_full **place,
                           struct rt_blocks *blocks, rt_time time, uint64_t sequence,
                           const struct rt_value *values)
{
    uint64_t cells[RT_WINDOW_AGGREGATES_MAX * sizeof(struct rt_cell) / sizeof(uint64_t)];
    struct rt_value kept[RT_WINDOW_AGGREGATES_MAX];
    struct rt_full *window = *place != NULL ? *place : begin(shape, blocks, time, sequence);
    bool joined;
    enum rt_status status;

    if (window == NULL)
        return RT_ERR_NOMEM;
    joined = joins(shape, window, time);
    status = reserve_pane(shape, window, blocks, joined);
    if (status == RT_OK)
        status = reserve_parts(shape, window, blocks, values, kept);
    if (status == RT_OK) {
        status = make_cells(shape, values, blocks, time, cells);
        if (status != RT_OK)
            release_kept(shape, kept, blocks);
    }
    if (status != RT_OK) {
        if (*place == NULL)
            rt_full_free(shape, window, blocks);
        return status;
    }
    *place = window;
    if (shape->is_queue) {
        /* Before the push: only whole panes may come to the front, or the next event could not join its pane. */
        if (!joined && pushes_out(shape, window))
            rt_full_drop_oldest(shape, window, blocks);
        if (!joined)
            push_pane(shape, window, time, sequence);
        merge_cells(shape, rt_pane_at(shape, window, window->pane_count - 1)->cells, cells, blocks);
    }
    merge_cells(shape, window->cells, cells, blocks);
    clear_cells(shape, cells, blocks);
    add_to_parts(shape, window, blocks, kept, time);
    window->last = rt_time_later(window->last, time);
    /* A late one, or the first in a pane that was made empty. */
    if (!shape->is_queue && (window->counted == 0 || rt_time_before(time, window->first))) {
        window->first = time;
        window->sequence = sequence;
    }
    window->counted++;
    return RT_OK;
}

void rt_full_prefetch(const struct rt_window_shape *shape, const struct rt_full *window)
{
    RT_PREFETCH(window->cells);
    if (window->pane_count == 0)
        return;
    RT_PREFETCH(rt_pane_at(shape, window, 0));
    RT_PREFETCH(rt_pane_at(shape, window, window->pane_count - 1));
}

void rt_full_slide(const struct rt_window_shape *shape, struct rt_full *window,
                   struct rt_blocks *blocks, rt_time time)
{
    while (window->pane_count > 0 &&
           rt_pane_at(shape, window, 0)->first.ms <= time.ms - shape->size.ms)
        rt_full_drop_oldest(shape, window, blocks);
}

void rt_full_next(const struct rt_window_shape *shape, struct rt_full *window,
                  struct rt_blocks *blocks)
{
    rt_time begin;

    window->head.close = rt_span_end(shape, window->head.close);
    begin = rt_window_begin(shape, window->head.close);
    while (window->pane_count > 0 && rt_time_before(rt_pane_at(shape, window, 0)->first, begin))
        rt_full_drop_oldest(shape, window, blocks);
}

enum rt_status rt_full_merge(const struct rt_window_shape *shape, struct rt_full *into,
                             const struct rt_full *from, struct rt_blocks *blocks)
{
    RT_ASSERT(!shape->is_queue);
    for (uint32_t i = 0; i < shape->aggregate_count; i++) {
        const struct rt_window_aggregate *aggregate = &shape->aggregates[i];
        enum rt_status status = RT_OK;

        if (rt_is_part(aggregate->function))
            status = rt_part_merge(shape, aggregate, rt_part_at(shape, into, aggregate->place),
                                   rt_part_at(shape, from, aggregate->place), blocks);
        if (status != RT_OK)
            return status;
    }
    merge_cells(shape, into->cells, from->cells, blocks);
    if (into->counted == 0 || rt_time_before(from->first, into->first)) {
        into->first = from->first;
        into->sequence = from->sequence;
    }
    into->last = into->counted == 0 ? from->last : rt_time_later(into->last, from->last);
    into->counted += from->counted;
    return RT_OK;
}

/* ---- reading ---- */

void rt_full_read(const struct rt_window_shape *shape, const struct rt_full *window,
                  struct rt_blocks *blocks, uint32_t wanted, struct rt_value *out)
{
    static const struct rt_cell empty = {.count = 0};
    double seconds = (double)shape->rate_size.ms / 1000;

    for (uint32_t i = 0; i < shape->aggregate_count; i++) {
        const struct rt_window_aggregate *aggregate = &shape->aggregates[i];
        const void *front = &empty;

        if ((wanted >> i & 1) == 0)
            continue;
        if (rt_is_part(aggregate->function)) {
            out[i] =
                rt_part_read(shape, aggregate, rt_part_at(shape, window, aggregate->place), blocks);
            continue;
        }
        if (window->front > 0)
            front = rt_cell_at(rt_pane_at(shape, window, 0)->cells, aggregate);
        out[i] = rt_cell_outcome(aggregate->function, front, rt_cell_at(window->cells, aggregate),
                                 seconds);
    }
}

rt_time rt_full_first(const struct rt_window_shape *shape, const struct rt_full *window,
                      uint64_t *sequence)
{
    if (!shape->is_queue || window->pane_count == 0) {
        *sequence = window->sequence;
        return window->first;
    }
    *sequence = rt_pane_at(shape, window, 0)->sequence;
    return rt_pane_at(shape, window, 0)->first;
}

void rt_full_free(const struct rt_window_shape *shape, struct rt_full *window,
                  struct rt_blocks *blocks)
{
    if (window == NULL)
        return;
    for (uint32_t i = 0; i < window->pane_count; i++)
        clear_cells(shape, rt_pane_at(shape, window, i)->cells, blocks);
    clear_cells(shape, window->cells, blocks);
    for (uint32_t i = 0; i < shape->aggregate_count; i++) {
        const struct rt_window_aggregate *aggregate = &shape->aggregates[i];

        if (rt_is_part(aggregate->function))
            rt_part_done(aggregate, rt_part_at(shape, window, aggregate->place), blocks);
    }
    rt_blocks_give(blocks, window->panes, window->capacity * rt_pane_bytes(shape));
    rt_blocks_give(blocks, window, rt_full_bytes(shape));
}
