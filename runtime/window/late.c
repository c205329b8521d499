/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/window/late.h"

#include <string.h>

#include "runtime/base/assert.h"
#include "runtime/window/layout.h"
#include "runtime/window/save.h"

enum { PANES_FIRST = 2 };

static const struct rt_window_shape *pane_shape(const struct rt_window_shape *shape)
{
    return shape->pane_shape;
}

static struct rt_full *full_of(const struct rt_window *pane)
{
    RT_ASSERT(!pane->is_few);
    return (struct rt_full *)(uintptr_t)pane;
}

static bool has_events(const struct rt_window *pane)
{
    return full_of(pane)->counted > 0;
}

static bool is_session(const struct rt_window_shape *shape)
{
    return shape->kind == RT_WINDOW_SESSION;
}

/* How many panes a window has. */
static int64_t slots_of(const struct rt_window_shape *shape)
{
    return shape->kind == RT_WINDOW_HOPPING ? shape->size.ms / shape->slide.ms : 1;
}

static rt_time end_of(const struct rt_window_shape *shape, const struct rt_window *pane)
{
    return is_session(shape) ? rt_time_plus(full_of(pane)->last, shape->size) : pane->close;
}

/* The end of the last window that has the pane. */
static rt_time last_end(const struct rt_window_shape *shape, rt_time pane_end)
{
    if (shape->kind != RT_WINDOW_HOPPING)
        return pane_end;
    return rt_span_begin(shape, rt_span_index(shape, pane_end) + slots_of(shape) - 1);
}

static rt_time goes_at(const struct rt_window_shape *shape, const struct rt_window *pane)
{
    return rt_time_plus(last_end(shape, end_of(shape, pane)), shape->lateness);
}

/* ---- the list of panes ---- */

/* No new one may come.  One that was saved under another limit may be longer. */
static bool is_full(const struct rt_window_shape *shape, const struct rt_late *late)
{
    return late->count >= shape->panes_max;
}

static enum rt_status insert(struct rt_late *late, struct rt_blocks *blocks, uint32_t at,
                             struct rt_window *pane)
{
    if (late->count == late->capacity) {
        const uint32_t capacity = late->capacity == 0 ? PANES_FIRST : late->capacity * 2;
        struct rt_window **panes = rt_blocks_take(blocks, capacity * sizeof(struct rt_window *));

        if (panes == NULL)
            return RT_ERR_NOMEM;
        if (late->count > 0)
            memcpy(panes, late->panes, late->count * sizeof(struct rt_window *));
        rt_blocks_give(blocks, late->panes, late->capacity * sizeof(struct rt_window *));
        late->panes = panes;
        late->capacity = capacity;
    }
    memmove(&late->panes[at + 1], &late->panes[at],
            (late->count - at) * sizeof(struct rt_window *));
    late->panes[at] = pane;
    late->count++;
    return RT_OK;
}

static void take_out(const struct rt_window_shape *shape, struct rt_late *late,
                     struct rt_blocks *blocks, uint32_t at)
{
    rt_window_free(pane_shape(shape), late->panes[at], blocks);
    late->count--;
    memmove(&late->panes[at], &late->panes[at + 1],
            (late->count - at) * sizeof(struct rt_window *));
}

/* The first pane that ends after `time`. */
static uint32_t find_after(const struct rt_window_shape *shape, const struct rt_late *late,
                           rt_time time)
{
    uint32_t low = 0, high = late->count;

    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;

        if (rt_time_before(time, end_of(shape, late->panes[middle])))
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

struct rt_window *rt_late_pane(const struct rt_window_shape *shape, const struct rt_late *late,
                               rt_time end)
{
    const uint32_t at = find_after(shape, late, (rt_time){end.ms - 1});

    return at < late->count && end_of(shape, late->panes[at]).ms == end.ms ? late->panes[at] : NULL;
}

/* ---- adding ---- */

/* Where the event goes: an existing pane at *at, or a new one before it (false). */
static bool find_pane(const struct rt_window_shape *shape, const struct rt_late *late, rt_time time,
                      uint32_t *at)
{
    const struct rt_window *pane;

    *at = find_after(shape, late, time);
    if (*at == late->count)
        return false;
    RT_ASSERT(late->panes != NULL);
    pane = late->panes[*at];
    if (is_session(shape))
        return full_of(pane)->first.ms - time.ms < shape->size.ms;
    return pane->close.ms == rt_span_end(shape, time).ms;
}

/* Sessions: the event has joined the pane at `at`, which may now touch the one behind it. */
static enum rt_status join_next(const struct rt_window_shape *shape, struct rt_late *late,
                                struct rt_blocks *blocks, uint32_t at)
{
    struct rt_window *pane, *next;
    enum rt_status status;
    unsigned told;

    if (!is_session(shape) || at + 1 >= late->count)
        return RT_OK;
    RT_ASSERT(late->panes != NULL);
    pane = late->panes[at];
    next = late->panes[at + 1];
    if (full_of(next)->first.ms - full_of(pane)->last.ms >= shape->size.ms)
        return RT_OK;
    status = rt_full_merge(pane_shape(shape), full_of(pane), full_of(next), blocks);
    if (status != RT_OK)
        return status;
    told = (unsigned)pane->told + next->told;
    pane->is_closed = pane->is_closed && next->is_closed;
    pane->is_true |= next->is_true;
    pane->told = told < UINT16_MAX ? (uint16_t)told : UINT16_MAX;
    take_out(shape, late, blocks, at + 1);
    return RT_OK;
}

static enum rt_status add_to_new(const struct rt_window_shape *shape, struct rt_late *late,
                                 struct rt_blocks *blocks, uint32_t at,
                                 const struct rt_late_event *event)
{
    struct rt_window *pane = NULL;
    enum rt_status status = is_full(shape, late)
                                ? RT_ERR_LIMIT
                                : rt_window_add(pane_shape(shape), &pane, blocks, event->time,
                                                event->sequence, event->values);

    if (status == RT_OK)
        status = insert(late, blocks, at, pane);
    if (status != RT_OK)
        rt_window_free(pane_shape(shape), pane, blocks);
    return status;
}

static bool is_too_late(const struct rt_window_shape *shape, rt_time time, rt_time reached)
{
    const rt_time pane_end =
        is_session(shape) ? rt_time_plus(time, shape->size) : rt_span_end(shape, time);

    return !rt_time_before(reached, rt_time_plus(last_end(shape, pane_end), shape->lateness));
}

static struct rt_late *begin(struct rt_blocks *blocks)
{
    struct rt_late *late = rt_blocks_take(blocks, sizeof(*late));

    if (late != NULL)
        *late = (struct rt_late){.head = {.close = RT_TIME_MAX}, .early = {.at = RT_TIME_MAX}};
    return late;
}

static enum rt_status add_event(const struct rt_window_shape *shape, struct rt_late *late,
                                struct rt_blocks *blocks, const struct rt_late_event *event)
{
    uint32_t at;

    if (find_pane(shape, late, event->time, &at))
        return rt_window_add(pane_shape(shape), &late->panes[at], blocks, event->time,
                             event->sequence, event->values);
    if (is_too_late(shape, event->time, event->reached))
        return RT_ERR_DATA;
    return add_to_new(shape, late, blocks, at, event);
}

/* What the event's pane has become. */
static void open_again(const struct rt_window_shape *shape, struct rt_late *late,
                       struct rt_window *pane, rt_time reached)
{
    const rt_time end = end_of(shape, pane);

    if (is_session(shape) && rt_time_before(reached, end))
        pane->is_closed = false;
    if (shape->kind == RT_WINDOW_HOPPING && late->head.close.ms == RT_TIME_MAX.ms) {
        const rt_time next = rt_span_end(shape, rt_time_later(reached, full_of(pane)->last));

        if (!rt_time_before(last_end(shape, end), next))
            late->head.close = next;
    }
}

enum rt_status rt_late_add(const struct rt_window_shape *shape, struct rt_late **place,
                           struct rt_blocks *blocks, const struct rt_late_event *event,
                           rt_time *end)
{
    struct rt_late *late = *place != NULL ? *place : begin(blocks);
    enum rt_status status;
    uint32_t at;

    if (late == NULL)
        return RT_ERR_NOMEM;
    status = add_event(shape, late, blocks, event);
    if (status != RT_OK) {
        if (*place == NULL)
            rt_late_free(shape, late, blocks);
        return status;
    }
    *place = late;
    /* A session that grows may touch its neighbours. */
    at = find_after(shape, late, event->time);
    status = join_next(shape, late, blocks, at);
    if (status == RT_OK && at > 0)
        status = join_next(shape, late, blocks, at - 1);
    at = find_after(shape, late, event->time);
    open_again(shape, late, late->panes[at], event->reached);
    *end = end_of(shape, late->panes[at]);
    return status;
}

/* ---- ends ---- */

bool rt_late_open_end(const struct rt_window_shape *shape, const struct rt_late *late, rt_time *end)
{
    if (shape->kind == RT_WINDOW_HOPPING) {
        *end = late->head.close;
        return end->ms != RT_TIME_MAX.ms;
    }
    for (uint32_t i = 0; i < late->count; i++) {
        *end = end_of(shape, late->panes[i]);
        if (!late->panes[i]->is_closed)
            return true;
    }
    return false;
}

bool rt_late_next_end(const struct rt_window_shape *shape, const struct rt_late *late, rt_time now,
                      rt_time *end)
{
    return rt_late_open_end(shape, late, end) && !rt_time_before(now, *end);
}

/* The pane in which a hopping window's end is remembered. */
static enum rt_status make_pane(const struct rt_window_shape *shape, struct rt_late *late,
                                struct rt_blocks *blocks, rt_time end)
{
    const rt_time time = rt_span_begin(shape, rt_span_index(shape, end) - 1);
    struct rt_full *pane;
    enum rt_status status;

    if (is_full(shape, late))
        return RT_OK;
    pane = rt_blocks_take(blocks, rt_full_bytes(pane_shape(shape)));
    if (pane == NULL)
        return RT_ERR_NOMEM;
    memset(pane, 0, rt_full_bytes(pane_shape(shape)));
    pane->first = pane->last = time;
    pane->head.close = end;
    status = insert(late, blocks, find_after(shape, late, end), &pane->head);
    if (status != RT_OK)
        rt_window_free(pane_shape(shape), &pane->head, blocks);
    return status;
}

static bool has_events_from(const struct rt_late *late, rt_time begin)
{
    for (uint32_t i = late->count; i-- > 0;) {
        if (has_events(late->panes[i]))
            return !rt_time_before(full_of(late->panes[i])->last, begin);
    }
    return false;
}

enum rt_status rt_late_close(const struct rt_window_shape *shape, struct rt_late *late,
                             struct rt_blocks *blocks, rt_time end)
{
    struct rt_window *pane = rt_late_pane(shape, late, end);
    enum rt_status status = RT_OK;

    if (shape->kind == RT_WINDOW_HOPPING) {
        if (late->head.close.ms == end.ms)
            late->head.close = rt_span_end(shape, end);
        if (late->head.close.ms != RT_TIME_MAX.ms &&
            !has_events_from(late, rt_window_begin(shape, late->head.close)))
            late->head.close = RT_TIME_MAX;
        if (pane == NULL)
            status = make_pane(shape, late, blocks, end);
        pane = rt_late_pane(shape, late, end);
    }
    if (pane != NULL)
        pane->is_closed = true;
    return status;
}

bool rt_late_next_affected(const struct rt_window_shape *shape, rt_time pane_end, rt_time reached,
                           rt_time after, rt_time *end)
{
    const rt_time last =
        rt_time_before(reached, last_end(shape, pane_end)) ? reached : last_end(shape, pane_end);
    rt_time next = pane_end;

    if (!rt_time_before(after, pane_end))
        next = shape->kind == RT_WINDOW_HOPPING ? rt_span_end(shape, after) : RT_TIME_MAX;
    /* What has been over for long enough stays as it is. */
    while (!rt_time_before(last, next) &&
           !rt_time_before(reached, rt_time_plus(next, shape->lateness)))
        next = shape->kind == RT_WINDOW_HOPPING ? rt_span_end(shape, next) : RT_TIME_MAX;
    *end = next;
    return !rt_time_before(last, next);
}

rt_time rt_late_deadline(const struct rt_window_shape *shape, const struct rt_late *late)
{
    rt_time deadline = shape->kind == RT_WINDOW_HOPPING ? late->head.close : RT_TIME_MAX;
    rt_time end;

    if (shape->kind != RT_WINDOW_HOPPING) {
        for (uint32_t i = 0; i < late->count; i++) {
            end = end_of(shape, late->panes[i]);
            if (!late->panes[i]->is_closed && rt_time_before(end, deadline))
                deadline = end;
        }
    }
    if (late->count > 0) {
        end = goes_at(shape, late->panes[0]);
        deadline = rt_time_before(end, deadline) ? end : deadline;
    }
    return rt_time_before(late->early.at, deadline) ? late->early.at : deadline;
}

void rt_late_expire(const struct rt_window_shape *shape, struct rt_late **place,
                    struct rt_blocks *blocks, rt_time now)
{
    struct rt_late *late = *place;

    while (late->count > 0 && !rt_time_before(now, goes_at(shape, late->panes[0])))
        take_out(shape, late, blocks, 0);
    if (late->count > 0)
        return;
    rt_late_free(shape, late, blocks);
    *place = NULL;
}

/* ---- reading ---- */

enum rt_status rt_late_window(const struct rt_window_shape *shape, const struct rt_late *late,
                              struct rt_blocks *blocks, rt_time end, struct rt_window **out)
{
    struct rt_full *merged = NULL;
    rt_time begin;
    enum rt_status status = RT_OK;

    *out = NULL;
    if (shape->kind != RT_WINDOW_HOPPING) {
        *out = rt_late_pane(shape, late, end);
        return RT_OK;
    }
    begin = rt_window_begin(shape, end);
    for (uint32_t i = find_after(shape, late, begin);
         status == RT_OK && i < late->count && !rt_time_before(end, late->panes[i]->close); i++) {
        if (!has_events(late->panes[i]))
            continue;
        if (merged == NULL) {
            merged = rt_blocks_take(blocks, rt_full_bytes(pane_shape(shape)));
            if (merged == NULL)
                return RT_ERR_NOMEM;
            memset(merged, 0, rt_full_bytes(pane_shape(shape)));
        }
        status = rt_full_merge(pane_shape(shape), merged, full_of(late->panes[i]), blocks);
    }
    if (status != RT_OK) {
        rt_full_free(pane_shape(shape), merged, blocks);
        return status;
    }
    if (merged != NULL)
        merged->head.close = end;
    *out = merged == NULL ? NULL : &merged->head;
    return RT_OK;
}

void rt_late_give_back(const struct rt_window_shape *shape, struct rt_window *window,
                       struct rt_blocks *blocks)
{
    if (shape->kind == RT_WINDOW_HOPPING)
        rt_window_free(pane_shape(shape), window, blocks);
}

/* ---- the rest ---- */

void rt_late_free(const struct rt_window_shape *shape, struct rt_late *late,
                  struct rt_blocks *blocks)
{
    if (late == NULL)
        return;
    for (uint32_t i = 0; i < late->count; i++)
        rt_window_free(pane_shape(shape), late->panes[i], blocks);
    rt_blocks_give(blocks, late->panes, late->capacity * sizeof(struct rt_window *));
    rt_blocks_give(blocks, late, sizeof(*late));
}

void rt_late_save(const struct rt_window_shape *shape, const struct rt_late *late,
                  struct rt_buffer *out)
{
    rt_form_add_bool(out, late->head.close.ms != RT_TIME_MAX.ms);
    if (late->head.close.ms != RT_TIME_MAX.ms)
        rt_form_add_time(out, late->head.close);
    if (shape->is_early)
        rt_window_early_save(&late->early, out);
    rt_form_add_uint(out, late->count);
    for (uint32_t i = 0; i < late->count; i++) {
        rt_form_add_bool(out, late->panes[i]->is_closed);
        rt_form_add_uint(out, late->panes[i]->told);
        rt_window_save(pane_shape(shape), late->panes[i], out);
    }
}

static enum rt_status load_pane(const struct rt_window_shape *shape, struct rt_late *late,
                                struct rt_blocks *blocks, struct rt_form *form)
{
    const bool is_closed = rt_form_bool(form);
    const uint16_t told = (uint16_t)rt_form_uint_max(form, UINT16_MAX);
    const rt_time before =
        late->count == 0 ? RT_TIME_MIN : end_of(shape, late->panes[late->count - 1]);
    struct rt_window *pane = NULL;
    enum rt_status status = rt_window_load(pane_shape(shape), blocks, form, &pane);

    if (status != RT_OK)
        return status;
    pane->is_closed = is_closed;
    pane->told = told;
    if (!rt_time_before(before, end_of(shape, pane)) ||
        (!is_session(shape) && pane->close.ms != rt_span_end(shape, full_of(pane)->last).ms))
        rt_form_fail(form, "panes that are not in order of time");
    status = rt_form_failed(form) ? RT_ERR_CORRUPT : insert(late, blocks, late->count, pane);
    if (status != RT_OK)
        rt_window_free(pane_shape(shape), pane, blocks);
    return status;
}

/* All that has come lies before the next end, and some of it in the window: else there would be a look a slide until then. */
static bool closes_soon(const struct rt_window_shape *shape, const struct rt_late *late,
                        rt_time close)
{
    enum { DAY_MS = 24 * 60 * 60 * 1000 }; /* days are not all equally long */
    const int64_t slack = shape->calendar == NULL ? 0 : DAY_MS;

    return !rt_time_before(close, RT_TIME_FIRST) &&
           !rt_time_before(rt_time_plus(RT_TIME_LAST, (rt_duration){shape->size.ms + slack}),
                           close) &&
           !has_events_from(late, close) &&
           has_events_from(late, (rt_time){rt_window_begin(shape, close).ms - slack});
}

enum rt_status rt_late_load(const struct rt_window_shape *shape, struct rt_late **place,
                            struct rt_blocks *blocks, struct rt_form *form)
{
    const bool has_close = rt_form_bool(form);
    const rt_time close = has_close ? rt_form_time(form) : RT_TIME_MAX;
    size_t count;
    enum rt_status status = RT_OK;

    *place = begin(blocks);
    if (*place == NULL)
        return RT_ERR_NOMEM;
    if (shape->is_early)
        rt_window_early_load(&(*place)->early, form);
    count = rt_form_count(form, 4);
    for (size_t i = 0; status == RT_OK && i < count; i++)
        status = load_pane(shape, *place, blocks, form);
    if (status != RT_OK)
        return status;
    if (count == 0 || (has_close && shape->kind != RT_WINDOW_HOPPING))
        rt_form_fail(form, "panes that are missing");
    else if (has_close && !closes_soon(shape, *place, close))
        rt_form_fail(form, "a window that ends before its events, or long after");
    (*place)->head.close = close;
    return rt_form_failed(form) ? RT_ERR_CORRUPT : RT_OK;
}
