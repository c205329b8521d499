/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wheel.h - timers in event time: hierarchical wheels of intrusive nodes.
 *
 *     level 0: 256 slots of 1 ms   level 1: 256 slots of 256 ms   level 2: 256 slots of 65.5 s ...
 *     level 7 reaches the end of time
 *
 * W1  Scheduling and cancelling are constant cost; a node moves down at most once a level.
 * W2  rt_wheel_next hands out due nodes by deadline; nodes of one deadline by `tie`, in any order if that is equal too.  That costs
 *     the logarithm of the number that is due at the same moment, and less when they were scheduled in that order.
 * W3  A node is in at most one wheel; the wheel owns nothing.
 * W4  A jump of the clock over an empty stretch costs a look at one bitmap a level, not a step a millisecond.
 */
#ifndef EGRET_RUNTIME_TIME_WHEEL_H
#define EGRET_RUNTIME_TIME_WHEEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/instant.h"
#include "runtime/base/status.h"

struct rt_timer { /* embedded in what it belongs to; zeroed = not scheduled */
    struct rt_timer *next, *previous;
    rt_time deadline;
    uint64_t tie; /* the caller's */
};
_Static_assert(sizeof(struct rt_timer) == 32, "two in a cache line: a key may have one of its own");

struct rt_wheel;
enum rt_status rt_wheel_new(struct rt_wheel **out);
void rt_wheel_free(struct rt_wheel *wheel); /* nodes are forgotten, not touched */

/* Schedules or moves.  A deadline in the past is due at once. */
void rt_wheel_schedule(struct rt_wheel *wheel, struct rt_timer *timer, rt_time deadline,
                       uint64_t tie);
void rt_wheel_cancel(struct rt_wheel *wheel, struct rt_timer *timer); /* fine if not scheduled */
static inline bool rt_timer_scheduled(const struct rt_timer *timer)
{
    return timer->next != NULL;
}

/* Each node in the wheel, in no order. */
typedef void rt_wheel_each_fn(void *context, struct rt_timer *timer);
void rt_wheel_each(const struct rt_wheel *wheel, rt_wheel_each_fn *each, void *context);

/* Takes out the next node with a deadline at or before `until`; NULL: none left, and the wheel's clock is
 * at `until`.  An `until` behind the clock does not move it back. */
struct rt_timer *rt_wheel_next(struct rt_wheel *wheel, rt_time until);

#endif
