/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A window becomes one of fewer aggregates, when those who kept it together no longer do.
 *
 *     [ count | sum of x | last ip ]  --places 0, 2-->  [ count | last ip ]
 *
 * Cells and parts move, with what they own; what is left behind goes with the old window.
 */
#include <string.h>

#include "runtime/base/assert.h"
#include "runtime/window/layout.h"

struct projection {
    const struct rt_window_shape *from, *to;
    const uint8_t *places;
    struct rt_blocks *blocks;
};

/* ---- a list of events ---- */

/* Nothing but its end: a hopping window between two of its events, or one that is to be a list whatever panes_max says. */
static enum rt_status make_empty(const struct projection *projection, rt_time close,
                                 struct rt_window **out)
{
    const struct rt_window_shape *to = projection->to;
    const size_t bytes = to->few_max > 0 ? rt_few_size(to, 0) : rt_full_bytes(to);
    struct rt_window *window = rt_blocks_take(projection->blocks, bytes);

    if (window == NULL)
        return RT_ERR_NOMEM;
    memset(window, 0, bytes);
    window->is_few = to->few_max > 0;
    if (!window->is_few) {
        struct rt_full *full = (struct rt_full *)(void *)window;

        full->first = full->last = (rt_time){close.ms - 1};
        full->early.at = RT_TIME_MAX;
    }
    *out = window;
    return RT_OK;
}

static enum rt_status project_few(const struct projection *projection, const struct rt_few *few,
                                  struct rt_window **out)
{
    struct rt_value values[RT_WINDOW_AGGREGATES_MAX], chosen[RT_WINDOW_AGGREGATES_MAX];
    enum rt_status status = RT_OK;

    if (few->head.few_count == 0 || projection->to->few_max > 0)
        status = make_empty(projection, few->head.close, out);
    for (uint32_t i = 0; i < few->head.few_count && status == RT_OK; i++) {
        const struct rt_few_record *record = rt_few_at(projection->from, few, i);

        rt_few_values(projection->from, record, values);
        for (uint32_t k = 0; k < projection->to->aggregate_count; k++)
            chosen[k] = values[projection->places[k]];
        status = rt_window_add_keys(projection->to, out, projection->blocks, record->time,
                                    rt_few_sequence(record), chosen);
    }
    return status;
}

/* ---- panes ---- */

static void move_cells(const struct projection *projection, uint64_t *from, uint64_t *to)
{
    for (uint32_t i = 0; i < projection->to->aggregate_count; i++) {
        const struct rt_window_aggregate *target = &projection->to->aggregates[i];
        const size_t bytes = rt_cell_bytes(target->function);
        void *source;

        if (rt_is_part(target->function))
            continue;
        source = rt_cell_at(from, &projection->from->aggregates[projection->places[i]]);
        memcpy(rt_cell_at(to, target), source, bytes);
        memset(source, 0, bytes);
    }
}

static void move_parts(const struct projection *projection, struct rt_full *from,
                       struct rt_full *to)
{
    for (uint32_t i = 0; i < projection->to->aggregate_count; i++) {
        const struct rt_window_aggregate *target = &projection->to->aggregates[i];
        union rt_part *source;

        if (!rt_is_part(target->function))
            continue;
        source = rt_part_at(projection->from, from,
                            projection->from->aggregates[projection->places[i]].place);
        memcpy(rt_part_at(projection->to, to, target->place), source, sizeof(*source));
        memset(source, 0, sizeof(*source));
    }
}

static enum rt_status project_full(const struct projection *projection, struct rt_full *from,
                                   struct rt_window **out)
{
    const struct rt_window_shape *shape = projection->to;
    struct rt_full *to = rt_blocks_take(projection->blocks, rt_full_bytes(shape));

    if (to == NULL)
        return RT_ERR_NOMEM;
    memset(to, 0, rt_full_bytes(shape));
    *to = *from;
    to->panes = NULL;
    *out = &to->head;
    if (from->capacity > 0) {
        to->panes = rt_blocks_take(projection->blocks, from->capacity * rt_pane_bytes(shape));
        if (to->panes == NULL) {
            to->capacity = to->pane_count = 0;
            return RT_ERR_NOMEM;
        }
    }
    for (uint32_t i = 0; i < from->pane_count; i++) {
        struct rt_pane *source = rt_pane_at(projection->from, from, i);
        struct rt_pane *target = rt_pane_at(shape, to, i);

        memset(target, 0, rt_pane_bytes(shape));
        target->first = source->first;
        target->sequence = source->sequence;
        move_cells(projection, source->cells, target->cells);
    }
    move_cells(projection, from->cells, to->cells);
    move_parts(projection, from, to);
    return RT_OK;
}

enum rt_status rt_window_project(const struct rt_window_shape *from, struct rt_window *window,
                                 const struct rt_window_shape *to, const uint8_t *places,
                                 struct rt_blocks *blocks, struct rt_window **out)
{
    const struct projection projection = {from, to, places, blocks};
    struct rt_window *made = NULL;
    enum rt_status status;

    RT_ASSERT(from->kind == to->kind && from->lateness.ms == 0 && !from->is_early);
    if (window->is_few)
        status = project_few(&projection, (struct rt_few *)(void *)window, &made);
    else
        status = project_full(&projection, (struct rt_full *)(void *)window, &made);
    if (status == RT_OK) {
        made->close = window->close;
        made->is_true = window->is_true;
    } else {
        rt_window_free(to, made, blocks);
        made = NULL;
    }
    rt_window_free(from, window, blocks);
    *out = made;
    return status;
}
