/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/window/save.h"

#include <string.h>

#include "runtime/base/hash.h"
#include "runtime/window/late.h"
#include "runtime/window/layout.h"

enum rt_status rt_window_shape_hash(const struct rt_window_shape *shape, uint64_t *out)
{
    struct rt_buffer text;
    bool failed;

    rt_buffer_init(&text, 1 << 16);
    rt_form_add_uint(&text, (uint64_t)shape->kind);
    rt_form_add_int(&text, shape->size.ms);
    rt_form_add_int(&text, shape->slide.ms);
    rt_form_add_int(&text, shape->offset.ms);
    rt_form_add_uint(&text, shape->count);
    rt_form_add_uint(&text, shape->every);
    rt_form_add_int(&text, shape->lateness.ms);
    rt_form_add_bool(&text, shape->is_early);
    rt_form_add_bool(&text, shape->calendar != NULL);
    for (uint32_t i = 0; i < shape->aggregate_count; i++) {
        rt_form_add_uint(&text, (uint64_t)shape->aggregates[i].function);
        rt_form_add_double(&text, shape->aggregates[i].quantile);
        rt_form_add_uint(&text, shape->aggregates[i].items);
    }
    failed = text.failed;
    if (!failed)
        *out = rt_hash64(text.data, text.length);
    rt_buffer_done(&text);
    return failed ? RT_ERR_NOMEM : RT_OK;
}

/* ---- writing ---- */

static void save_cells(const struct rt_window_shape *shape, const uint64_t *cells,
                       struct rt_buffer *out)
{
    for (uint32_t i = 0; i < shape->aggregate_count; i++)
        rt_cell_save(shape->aggregates[i].function, rt_cell_at(cells, &shape->aggregates[i]), out);
}

void rt_window_early_save(const struct rt_window_early *early, struct rt_buffer *out)
{
    rt_form_add_bool(out, early->at.ms != RT_TIME_MAX.ms);
    if (early->at.ms != RT_TIME_MAX.ms)
        rt_form_add_time(out, early->at);
    rt_form_add_fixed(out, early->told);
}

void rt_full_save(const struct rt_window_shape *shape, const struct rt_full *window,
                  struct rt_buffer *out)
{
    rt_form_add_time(out, window->first);
    rt_form_add_uint(out, window->sequence);
    rt_form_add_time(out, window->last);
    rt_form_add_uint(out, window->counted);
    if (shape->is_early)
        rt_window_early_save(&window->early, out);
    save_cells(shape, window->cells, out);
    if (shape->is_queue) {
        rt_form_add_uint(out, window->pane_count);
        rt_form_add_uint(out, window->front);
        for (uint32_t i = 0; i < window->pane_count; i++) {
            const struct rt_pane *pane = rt_pane_at(shape, window, i);

            rt_form_add_time(out, pane->first);
            rt_form_add_uint(out, pane->sequence);
            save_cells(shape, pane->cells, out);
        }
    }
    for (uint32_t i = 0; i < shape->aggregate_count; i++) {
        const struct rt_window_aggregate *aggregate = &shape->aggregates[i];

        if (rt_is_part(aggregate->function))
            rt_part_save(aggregate, rt_part_at(shape, window, aggregate->place), window->newest,
                         out);
    }
}

void rt_window_save(const struct rt_window_shape *shape, const struct rt_window *window,
                    struct rt_buffer *out)
{
    if (shape->lateness.ms != 0) {
        rt_late_save(shape, (const struct rt_late *)(const void *)window, out);
        return;
    }
    rt_form_add_bool(out, window->is_few);
    rt_form_add_uint(out, window->is_true);
    rt_form_add_time(out, window->close);
    if (window->is_few)
        rt_few_save(shape, (const struct rt_few *)(const void *)window, out);
    else
        rt_full_save(shape, (const struct rt_full *)(const void *)window, out);
}

/* ---- reading ---- */

struct reader {
    const struct rt_window_shape *shape;
    struct rt_blocks *blocks;
    struct rt_form *form;
    struct rt_full *window;
};

static enum rt_status load_cells(const struct reader *reader, uint64_t *cells)
{
    const struct rt_window_shape *shape = reader->shape;
    enum rt_status status = RT_OK;

    for (uint32_t i = 0; status == RT_OK && i < shape->aggregate_count; i++)
        status =
            rt_cell_load(shape->aggregates[i].function, rt_cell_at(cells, &shape->aggregates[i]),
                         reader->form, reader->blocks);
    return status;
}

static rt_time load_time(struct rt_form *form)
{
    rt_time time = rt_form_time(form);

    if (time.ms < RT_TIME_FIRST.ms || time.ms > RT_TIME_LAST.ms)
        rt_form_fail(form, "a time outside the years 1 to 9999");
    return time;
}

void rt_window_early_load(struct rt_window_early *early, struct rt_form *form)
{
    if (rt_form_bool(form))
        early->at = load_time(form);
    early->told = rt_form_fixed(form);
}

static enum rt_status load_head(const struct reader *reader)
{
    struct rt_form *form = reader->form;
    struct rt_full *window = reader->window;

    window->first = load_time(form);
    window->sequence = rt_form_uint(form);
    window->last = load_time(form);
    window->counted = rt_form_uint(form);
    window->early.at = RT_TIME_MAX;
    if (reader->shape->is_early)
        rt_window_early_load(&window->early, form);
    if (rt_time_before(window->last, window->first))
        rt_form_fail(form, "a window that ends before it begins");
    if (reader->shape->kind == RT_WINDOW_COUNT && window->counted > reader->shape->every)
        rt_form_fail(form, "a count window with more events than it takes");
    return rt_form_failed(form) ? RT_ERR_CORRUPT : RT_OK;
}

static enum rt_status load_pane(const struct reader *reader, rt_time after)
{
    struct rt_full *window = reader->window;
    struct rt_pane *pane = rt_pane_at(reader->shape, window, window->pane_count);

    memset(pane, 0, rt_pane_bytes(reader->shape));
    window->pane_count++;
    pane->first = load_time(reader->form);
    pane->sequence = rt_form_uint(reader->form);
    if (rt_time_before(pane->first, after) || rt_time_before(window->last, pane->first))
        rt_form_fail(reader->form, "panes that are not in order of time");
    return load_cells(reader, pane->cells);
}

static enum rt_status load_panes(const struct reader *reader)
{
    struct rt_full *window = reader->window;
    size_t bytes = rt_pane_bytes(reader->shape);
    size_t count = rt_form_count(reader->form, 2);
    uint32_t front = (uint32_t)rt_form_uint_max(reader->form, count);
    uint32_t capacity = 1;
    rt_time after = window->first;
    enum rt_status status = RT_OK;

    if (rt_form_failed(reader->form) || count > UINT32_MAX / 2)
        return RT_ERR_CORRUPT;
    while (capacity < count)
        capacity *= 2;
    if (count > 0) {
        window->panes = rt_blocks_take(reader->blocks, capacity * bytes);
        if (window->panes == NULL)
            return RT_ERR_NOMEM;
        window->capacity = capacity;
    }
    for (size_t i = 0; status == RT_OK && i < count; i++) {
        status = load_pane(reader, after);
        after = rt_pane_at(reader->shape, window, (uint32_t)i)->first;
    }
    window->front = front;
    window->newest = (uint32_t)count;
    return status;
}

enum rt_status rt_full_load(const struct rt_window_shape *shape, struct rt_full *window,
                            struct rt_blocks *blocks, struct rt_form *form)
{
    const struct reader reader = {shape, blocks, form, window};
    enum rt_status status = load_head(&reader);

    if (status == RT_OK)
        status = load_cells(&reader, window->cells);
    if (status == RT_OK && shape->is_queue)
        status = load_panes(&reader);
    for (uint32_t i = 0; status == RT_OK && i < shape->aggregate_count; i++) {
        const struct rt_window_aggregate *aggregate = &shape->aggregates[i];

        if (rt_is_part(aggregate->function))
            status = rt_part_load(shape, aggregate, window, form, blocks);
    }
    if (status == RT_OK && rt_form_failed(form))
        status = RT_ERR_CORRUPT;
    return status;
}

/* A window that ends long before its events would be looked at once a slide until then. */
static bool closes_soon(const struct rt_window_shape *shape, const struct rt_window *window)
{
    enum { DAY_MS = 24 * 60 * 60 * 1000 }; /* days are not all equally long */
    const int64_t slide = shape->kind == RT_WINDOW_HOPPING ? shape->slide.ms : shape->size.ms;
    const int64_t slack = shape->calendar == NULL ? 0 : DAY_MS;

    if (shape->kind != RT_WINDOW_TUMBLING && shape->kind != RT_WINDOW_HOPPING)
        return window->close.ms == 0;
    if (window->close.ms < RT_TIME_FIRST.ms ||
        window->close.ms > rt_time_plus(RT_TIME_LAST, shape->size).ms + slack)
        return false;
    if (window->is_few && window->few_count == 0)
        return shape->is_queue;
    return rt_time_before(rt_window_last(shape, window), window->close) &&
           window->close.ms - rt_window_last(shape, window).ms <=
               shape->size.ms + 2 * slide + slack;
}

static enum rt_status load_few(const struct rt_window_shape *shape, struct rt_blocks *blocks,
                               struct rt_form *form, struct rt_window **out)
{
    struct rt_few *few = NULL;
    enum rt_status status = rt_few_load(shape, &few, blocks, form);

    if (status == RT_OK && few == NULL) { /* a hopping window that only waits for its end */
        few = rt_blocks_take(blocks, rt_few_size(shape, 0));
        if (few == NULL)
            return RT_ERR_NOMEM;
        few->head = (struct rt_window){.is_few = true};
    }
    *out = few == NULL ? NULL : &few->head;
    return status;
}

static enum rt_status load_full(const struct rt_window_shape *shape, struct rt_blocks *blocks,
                                struct rt_form *form, struct rt_window **out)
{
    struct rt_full *full = rt_blocks_take(blocks, rt_full_bytes(shape));

    if (full == NULL)
        return RT_ERR_NOMEM;
    memset(full, 0, rt_full_bytes(shape));
    *out = &full->head;
    return rt_full_load(shape, full, blocks, form);
}

static enum rt_status load_late(const struct rt_window_shape *shape, struct rt_blocks *blocks,
                                struct rt_form *form, struct rt_window **out)
{
    struct rt_late *late = NULL;
    enum rt_status status = rt_late_load(shape, &late, blocks, form);

    if (status != RT_OK) {
        if (status == RT_ERR_CORRUPT)
            rt_form_fail(form, "a damaged window");
        rt_late_free(shape, late, blocks);
        return status;
    }
    *out = &late->head;
    return RT_OK;
}

enum rt_status rt_window_load(const struct rt_window_shape *shape, struct rt_blocks *blocks,
                              struct rt_form *form, struct rt_window **out)
{
    if (shape->lateness.ms != 0)
        return load_late(shape, blocks, form, out);

    const bool is_few = rt_form_bool(form);
    const uint32_t is_true = (uint32_t)rt_form_uint_max(form, UINT32_MAX);
    const rt_time close = rt_form_time(form);
    struct rt_window *window = NULL;
    enum rt_status status = RT_OK;

    if (is_few && shape->few_max == 0)
        rt_form_fail(form, "a list of events that this window does not have");
    if (rt_form_failed(form))
        return RT_ERR_CORRUPT;
    status =
        is_few ? load_few(shape, blocks, form, &window) : load_full(shape, blocks, form, &window);
    if (status == RT_OK) {
        window->is_true = is_true;
        window->close = close;
        if (!closes_soon(shape, window)) {
            rt_form_fail(form, "a window that ends before its events, or long after");
            status = RT_ERR_CORRUPT;
        }
    }
    if (status == RT_OK) {
        *out = window;
        return RT_OK;
    }
    if (status == RT_ERR_CORRUPT)
        rt_form_fail(form, "a damaged window");
    rt_window_free(shape, window, blocks);
    return status;
}
