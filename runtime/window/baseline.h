/* SPDX-License-Identifier: Apache-2.0 */
/*
 * baseline.h - the average of an outcome over the windows that ended in the last so much time.
 *
 *     windows      |--1--|--2--|--3--|--4--|--5--|--6--|
 *     parts        [ ends up to 2 ][ up to 4    ][ up to 6 ...        each: when its last window ended, sum, number
 *                  <-- dropped --> <-------- span --------> now
 *
 * B1  Each window that ended after now - span counts the same.  A stretch of time is one part; it is dropped when its last
 *     window is too old.  With parts as long as the windows lie apart that is exact, otherwise the span is right to a part.
 * B2  At most span / part + 2 parts, whatever the number of windows.
 * B3  The average is taken when the caller settles, not when it is read; nothing is ever subtracted from a sum.
 * A zeroed baseline is empty.
 */
#ifndef EGRET_RUNTIME_WINDOW_BASELINE_H
#define EGRET_RUNTIME_WINDOW_BASELINE_H

#include "runtime/base/blocks.h"
#include "runtime/base/form.h"
#include "runtime/base/status.h"
#include "runtime/event/value.h"

enum { RT_BASELINE_PARTS_MAX = 256 };

struct rt_baseline_shape {
    rt_duration span;
    rt_duration part; /* 1 ms or more */
};

struct rt_baseline_part {
    rt_time end; /* of its last window */
    double sum;
    uint64_t count; /* of windows; at least 1 */
};

struct rt_baseline {
    struct rt_baseline_part *parts; /* owned; oldest first */
    uint32_t count, capacity;
    bool has_average;
    double average;
};

/* A shape for windows that end `apart` from each other (0: not known). */
struct rt_baseline_shape rt_baseline_shape_of(rt_duration span, rt_duration apart);

/* Windows that have ended with the same outcome, `count` of them (1 or more), the first at `end`. */
struct rt_baseline_ends {
    rt_time end;
    rt_duration apart; /* from one end to the next; of no meaning for one */
    int64_t count;
    struct rt_value outcome; /* what is no number is no window */
};
/* Ends do not go back.  RT_ERR_NOMEM: some are left out.  Cost: the parts that they make. */
enum rt_status rt_baseline_add(const struct rt_baseline_shape *shape, struct rt_baseline *baseline,
                               struct rt_blocks *blocks, const struct rt_baseline_ends *ends);
/* Drops what is too old at `now` and takes the average.  Cost: the number of parts. */
void rt_baseline_settle(const struct rt_baseline_shape *shape, struct rt_baseline *baseline,
                        rt_time now);
/* As it was when it was settled; null: there was no window. */
struct rt_value rt_baseline_value(const struct rt_baseline *baseline);
void rt_baseline_done(struct rt_baseline *baseline, struct rt_blocks *blocks);

void rt_baseline_save(const struct rt_baseline *baseline, struct rt_buffer *out);
/* Into an empty one.  RT_ERR_CORRUPT: the form says why.  RT_ERR_NOMEM.  The caller calls rt_baseline_done in any case. */
enum rt_status rt_baseline_load(const struct rt_baseline_shape *shape, struct rt_baseline *baseline,
                                struct rt_blocks *blocks, struct rt_form *form);

#endif
