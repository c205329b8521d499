/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layout.h - where the parts of a window lie.  Private to runtime/window/.
 *
 *     window   [head][back cells, or those of the one pane][bags]
 *     ring     [pane][pane] ...          pane = [time | arrival | cells]
 */
#ifndef EGRET_RUNTIME_WINDOW_LAYOUT_H
#define EGRET_RUNTIME_WINDOW_LAYOUT_H

#include "runtime/window/window.h"

struct rt_pane {
    rt_time first;
    uint64_t sequence;
    uint64_t cells[];
};

static inline bool rt_is_bagged(enum rt_aggregate function)
{
    return function == RT_AGGREGATE_COUNT_DISTINCT || function == RT_AGGREGATE_QUANTILE;
}

static inline size_t rt_window_bytes(const struct rt_window_shape *shape)
{
    return sizeof(struct rt_window) + shape->cell_bytes + shape->bag_count * sizeof(struct rt_bag);
}

static inline size_t rt_pane_bytes(const struct rt_window_shape *shape)
{
    return sizeof(struct rt_pane) + shape->cell_bytes;
}

static inline struct rt_bag *rt_bag_at(const struct rt_window_shape *shape,
                                       const struct rt_window *window, uint32_t number)
{
    unsigned char *cells = (unsigned char *)(uintptr_t)window->cells;

    return (struct rt_bag *)(void *)(cells + shape->cell_bytes) + number;
}

/* Pane 0 is the oldest. */
static inline struct rt_pane *rt_pane_at(const struct rt_window_shape *shape,
                                         const struct rt_window *window, uint32_t number)
{
    size_t place = (window->head + number) & (window->capacity - 1);

    return (struct rt_pane *)(void *)(window->panes + place * rt_pane_bytes(shape));
}

static inline void *rt_cell_at(const uint64_t *cells, const struct rt_window_aggregate *aggregate)
{
    return (unsigned char *)(uintptr_t)cells + aggregate->place;
}

#endif
