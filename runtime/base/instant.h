/* SPDX-License-Identifier: Apache-2.0 */
/*
 * instant.h - points in time and spans of time, as types that cannot be mixed up.
 *
 * rt_time is event time: milliseconds since 1970-01-01T00:00:00Z.  rt_duration is a difference of two.
 * Both are plain data; nothing here reads a clock.
 *
 * Invariant: an event's time lies in [RT_TIME_FIRST, RT_TIME_LAST] (years 1 to 9999), so that adding
 * any duration up to RT_DURATION_MAX stays inside int64.  RT_TIME_MIN is "before everything" (the
 * watermark before the first event), RT_TIME_MAX is "the end of time" (the final watermark).
 */
#ifndef EGRET_RUNTIME_BASE_INSTANT_H
#define EGRET_RUNTIME_BASE_INSTANT_H

#include <stdbool.h>
#include <stdint.h>

typedef struct rt_time {
    int64_t ms;
} rt_time;

typedef struct rt_duration {
    int64_t ms;
} rt_duration;

#define RT_TIME_MIN ((rt_time){INT64_MIN})
#define RT_TIME_MAX ((rt_time){INT64_MAX})
#define RT_TIME_FIRST ((rt_time){-62135596800000})     /* 0001-01-01T00:00:00.000Z */
#define RT_TIME_LAST ((rt_time){253402300799999})      /* 9999-12-31T23:59:59.999Z */
#define RT_DURATION_MAX ((rt_duration){INT64_MAX / 4}) /* longest window a rule may name */
#define RT_NO_DURATION ((rt_duration){0})              /* "not set" where a window is optional */

static inline bool rt_time_before(rt_time a, rt_time b)
{
    return a.ms < b.ms;
}

static inline rt_time rt_time_later(rt_time a, rt_time b)
{
    return a.ms > b.ms ? a : b;
}

/* at + span, clamped to RT_TIME_MIN and RT_TIME_MAX. */
static inline rt_time rt_time_plus(rt_time at, rt_duration span)
{
    int64_t ms;

    if (__builtin_add_overflow(at.ms, span.ms, &ms))
        ms = span.ms > 0 ? INT64_MAX : INT64_MIN;
    return (rt_time){ms};
}

#endif
