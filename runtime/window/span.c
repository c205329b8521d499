/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slots of time, numbered: a tumbling window is one, a hopping window some.
 *
 *     without a calendar    slot k = [k * span + offset, (k + 1) * span + offset)
 *     with one              the same by the clock on the wall: a day is 23 or 25 hours long when the clock changes
 *
 * A day begins at the first instant at which the wall's clock has reached its midnight (plus offset), so that each instant is in
 * one slot, whether the clock skips that midnight or shows it twice.
 */
#include "runtime/base/assert.h"
#include "runtime/window/layout.h"

enum { SECOND_MS = 1000, DAY_MS = 24 * 60 * 60 * SECOND_MS };

static int64_t floor_div(int64_t value, int64_t by)
{
    return value / by - (value % by < 0);
}

static int64_t span_ms(const struct rt_window_shape *shape)
{
    return shape->kind == RT_WINDOW_HOPPING ? shape->slide.ms : shape->size.ms;
}

static int64_t offset_at(const struct rt_calendar *calendar, int64_t ms)
{
    return calendar->offset(calendar->context, floor_div(ms, SECOND_MS)) * SECOND_MS;
}

/* The first instant at which the clock shows `local` or later.  `before` and `after`: offsets a day earlier and later. */
static int64_t instant_of(const struct rt_calendar *calendar, int64_t local)
{
    int64_t before = offset_at(calendar, local - DAY_MS);
    int64_t after = offset_at(calendar, local + DAY_MS);
    int64_t low, high;

    if (before == after || offset_at(calendar, local - before) == before)
        return local - before;
    if (offset_at(calendar, local - after) == after)
        return local - after;
    /* The clock is put forward past `local`: the first second with the later offset. */
    low = floor_div(local - after, SECOND_MS) * SECOND_MS;
    high = -floor_div(before - local, SECOND_MS) * SECOND_MS;
    while (high - low > SECOND_MS) {
        int64_t middle = low + floor_div(high - low, 2 * SECOND_MS) * SECOND_MS;

        if (offset_at(calendar, middle) == after)
            high = middle;
        else
            low = middle;
    }
    return high;
}

static int64_t boundary(const struct rt_window_shape *shape, int64_t index)
{
    int64_t local = index * span_ms(shape) + shape->offset.ms;

    return shape->calendar == NULL ? local : instant_of(shape->calendar, local);
}

/* Finds the slot that holds `ms` and remembers it: the next question is most likely about the same day. */
static void find_slot(const struct rt_window_shape *shape, int64_t ms)
{
    struct rt_calendar *calendar = shape->calendar;
    int64_t index;

    if (calendar->begin_ms <= ms && ms < calendar->end_ms)
        return;
    index = floor_div(ms + offset_at(calendar, ms) - shape->offset.ms, span_ms(shape));
    while (boundary(shape, index) > ms)
        index--;
    while (boundary(shape, index + 1) <= ms)
        index++;
    calendar->index = index;
    calendar->begin_ms = boundary(shape, index);
    calendar->end_ms = boundary(shape, index + 1);
}

int64_t rt_span_index(const struct rt_window_shape *shape, rt_time time)
{
    if (shape->calendar == NULL)
        return floor_div(time.ms - shape->offset.ms, span_ms(shape));
    find_slot(shape, time.ms);
    return shape->calendar->index;
}

rt_time rt_span_begin(const struct rt_window_shape *shape, int64_t index)
{
    return (rt_time){boundary(shape, index)};
}

rt_time rt_span_end(const struct rt_window_shape *shape, rt_time time)
{
    if (shape->calendar == NULL)
        return (rt_time){boundary(shape, rt_span_index(shape, time) + 1)};
    find_slot(shape, time.ms);
    return (rt_time){shape->calendar->end_ms};
}

rt_time rt_window_end(const struct rt_window_shape *shape, rt_time time)
{
    RT_ASSERT(shape->kind == RT_WINDOW_TUMBLING || shape->kind == RT_WINDOW_HOPPING);
    return rt_span_end(shape, time);
}

rt_time rt_window_begin(const struct rt_window_shape *shape, rt_time close)
{
    const int64_t slots = shape->kind == RT_WINDOW_HOPPING ? shape->size.ms / shape->slide.ms : 1;

    RT_ASSERT(shape->kind == RT_WINDOW_TUMBLING || shape->kind == RT_WINDOW_HOPPING);
    return rt_span_begin(shape, rt_span_index(shape, close) - slots);
}
