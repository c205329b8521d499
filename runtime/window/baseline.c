/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/window/baseline.h"

#include <math.h>
#include <string.h>

#include "runtime/base/assert.h"

enum { PARTS_FIRST = 4, PART_BYTES_MIN = 10 /* in the saved form */ };

struct rt_baseline_shape rt_baseline_shape_of(rt_duration span, rt_duration apart)
{
    int64_t part = (span.ms + RT_BASELINE_PARTS_MAX - 1) / RT_BASELINE_PARTS_MAX;

    return (struct rt_baseline_shape){.span = span, .part = {part > apart.ms ? part : apart.ms}};
}

static bool is_number(struct rt_value value, double *out)
{
    switch (value.type) {
    case RT_INT:
        *out = (double)value.u.integer;
        return true;
    case RT_UINT:
        *out = (double)value.u.natural;
        return true;
    case RT_DOUBLE:
        *out = value.u.real;
        return isfinite(*out);
    default:
        return false;
    }
}

/* Which stretch of time an end lies in: (0, part] is one. */
static int64_t stretch_of(const struct rt_baseline_shape *shape, rt_time end)
{
    const int64_t last = end.ms - 1;

    return last / shape->part.ms - (last % shape->part.ms < 0);
}

static enum rt_status grow(struct rt_baseline *baseline, struct rt_blocks *blocks,
                           uint32_t capacity)
{
    struct rt_baseline_part *parts = rt_blocks_take(blocks, capacity * sizeof(*parts));

    if (parts == NULL)
        return RT_ERR_NOMEM;
    if (baseline->count > 0)
        memcpy(parts, baseline->parts, baseline->count * sizeof(*parts));
    rt_blocks_give(blocks, baseline->parts, baseline->capacity * sizeof(*parts));
    baseline->parts = parts;
    baseline->capacity = capacity;
    return RT_OK;
}

static void drop_old(const struct rt_baseline_shape *shape, struct rt_baseline *baseline,
                     rt_time now)
{
    uint32_t old = 0;

    while (old < baseline->count && baseline->parts[old].end.ms <= now.ms - shape->span.ms)
        old++;
    if (old == 0)
        return;
    baseline->count -= old;
    memmove(baseline->parts, baseline->parts + old, baseline->count * sizeof(*baseline->parts));
}

/* The part that a window with this end belongs to; NULL: no memory. */
static struct rt_baseline_part *part_for(const struct rt_baseline_shape *shape,
                                         struct rt_baseline *baseline, struct rt_blocks *blocks,
                                         rt_time end)
{
    if (baseline->count > 0) {
        struct rt_baseline_part *newest = &baseline->parts[baseline->count - 1];

        if (stretch_of(shape, newest->end) == stretch_of(shape, end))
            return newest;
    }
    drop_old(shape, baseline, end);
    if (baseline->count == baseline->capacity &&
        grow(baseline, blocks, baseline->capacity == 0 ? PARTS_FIRST : baseline->capacity * 2) !=
            RT_OK)
        return NULL;
    baseline->parts[baseline->count] = (struct rt_baseline_part){.count = 0};
    return &baseline->parts[baseline->count++];
}

enum rt_status rt_baseline_add(const struct rt_baseline_shape *shape, struct rt_baseline *baseline,
                               struct rt_blocks *blocks, const struct rt_baseline_ends *ends)
{
    rt_time end = ends->end;
    double number;

    if (!is_number(ends->outcome, &number))
        return RT_OK;
    for (int64_t left = ends->count; left > 0;) {
        const int64_t room = (stretch_of(shape, end) + 1) * shape->part.ms - end.ms;
        const int64_t fit = left == 1 ? 1 : room / ends->apart.ms + 1;
        const int64_t taken = fit < left ? fit : left;
        struct rt_baseline_part *part = part_for(shape, baseline, blocks, end);

        if (part == NULL)
            return RT_ERR_NOMEM;
        part->end.ms = end.ms + (taken - 1) * ends->apart.ms;
        part->sum += (double)taken * number;
        part->count += (uint64_t)taken;
        left -= taken;
        end.ms += taken * ends->apart.ms;
    }
    return RT_OK;
}

void rt_baseline_settle(const struct rt_baseline_shape *shape, struct rt_baseline *baseline,
                        rt_time now)
{
    double sum = 0, count = 0;

    drop_old(shape, baseline, now);
    for (uint32_t i = 0; i < baseline->count; i++) {
        sum += baseline->parts[i].sum;
        count += (double)baseline->parts[i].count;
    }
    baseline->has_average = count > 0;
    baseline->average = count > 0 ? sum / count : 0;
}

struct rt_value rt_baseline_value(const struct rt_baseline *baseline)
{
    return baseline->has_average ? rt_double(baseline->average) : rt_null();
}

void rt_baseline_done(struct rt_baseline *baseline, struct rt_blocks *blocks)
{
    rt_blocks_give(blocks, baseline->parts, baseline->capacity * sizeof(*baseline->parts));
    *baseline = (struct rt_baseline){0};
}

/* ---- saved form: the average, then the parts ---- */

void rt_baseline_save(const struct rt_baseline *baseline, struct rt_buffer *out)
{
    rt_form_add_bool(out, baseline->has_average);
    if (baseline->has_average)
        rt_form_add_double(out, baseline->average);
    rt_form_add_uint(out, baseline->count);
    for (uint32_t i = 0; i < baseline->count; i++) {
        rt_form_add_time(out, baseline->parts[i].end);
        rt_form_add_double(out, baseline->parts[i].sum);
        rt_form_add_uint(out, baseline->parts[i].count);
    }
}

static bool read_part(const struct rt_baseline_shape *shape, struct rt_baseline *baseline,
                      struct rt_form *form)
{
    struct rt_baseline_part part = {.end = rt_form_time(form)};
    const struct rt_baseline_part *before =
        baseline->count == 0 ? NULL : &baseline->parts[baseline->count - 1];

    part.sum = rt_form_double(form);
    part.count = rt_form_uint(form);
    if (part.count == 0 || part.end.ms < RT_TIME_FIRST.ms)
        rt_form_fail(form, "an empty part of a baseline");
    else if (before != NULL && (!rt_time_before(before->end, part.end) ||
                                stretch_of(shape, before->end) == stretch_of(shape, part.end)))
        rt_form_fail(form, "parts of a baseline out of order");
    if (rt_form_failed(form))
        return false;
    RT_ASSERT(baseline->count < baseline->capacity && baseline->parts != NULL);
    baseline->parts[baseline->count++] = part;
    return true;
}

enum rt_status rt_baseline_load(const struct rt_baseline_shape *shape, struct rt_baseline *baseline,
                                struct rt_blocks *blocks, struct rt_form *form)
{
    enum rt_status status = RT_OK;
    size_t count;

    baseline->has_average = rt_form_bool(form);
    baseline->average = baseline->has_average ? rt_form_double(form) : 0;
    count = rt_form_count(form, PART_BYTES_MIN);
    if (count > (size_t)RT_BASELINE_PARTS_MAX + 2)
        rt_form_fail(form, "too many parts of a baseline");
    if (count > 0 && !rt_form_failed(form))
        status = grow(baseline, blocks, (uint32_t)count);
    if (status != RT_OK)
        return status;
    while (baseline->count < count && read_part(shape, baseline, form))
        continue;
    return rt_form_failed(form) ? RT_ERR_CORRUPT : RT_OK;
}
