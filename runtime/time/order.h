/* SPDX-License-Identifier: Apache-2.0 */
/*
 * order.h - events that wait for the watermark, and come out by (time, sequence).
 *
 *     not before the last of the queue ----> queue   [ 7 | 8 | 8 | 11 | 12 ]   (a ring that grows)
 *     else --------------------------------> wheel   one bucket a millisecond, coarser ones far ahead (wheel.h)
 *                                              |
 *     next(until):  the lesser of the queue's head and the wheel's first
 *
 * O1  In-order input touches the queue only: no comparison but with its last, no sorting.
 * O2  An out-of-order event costs a bucket and its way down through at most a few coarser ones, whatever the bound; memory
 *     depends on what waits, not on the bound.
 * O3  Events are kept in blocks of this order's own, up to a bound; in the steady state nothing is allocated.
 * O4  Sequences grow from call to call of rt_order_add.
 */
#ifndef EGRET_RUNTIME_TIME_ORDER_H
#define EGRET_RUNTIME_TIME_ORDER_H

#include "runtime/base/blocks.h"
#include "runtime/event/event.h"
#include "runtime/time/wheel.h"

struct rt_order_entry {
    rt_time time;
    const struct rt_event *event; /* kept */
};

struct rt_order_node;

struct rt_order {
    struct rt_blocks blocks;
    struct rt_pool nodes; /* of the wheel */
    struct rt_wheel *wheel;
    struct rt_order_node *ahead;  /* taken from the wheel, not yet handed out */
    struct rt_order_entry *queue; /* owned; a ring of `capacity`, a power of two or 0 */
    size_t head, count, capacity;
    size_t bytes_max;
};

enum rt_status rt_order_init(struct rt_order *order, size_t bytes_max);
void rt_order_done(struct rt_order *order); /* releases what waits; a zeroed order is fine */

/* Copies the event.  RT_ERR_LIMIT: as much as is allowed is waiting.  RT_ERR_NOMEM. */
enum rt_status rt_order_add(struct rt_order *order, const struct rt_event *event);

/* The next event at or before `until`, which never goes back; NULL: none.  To be given to rt_order_release. */
const struct rt_event *rt_order_next(struct rt_order *order, rt_time until);
void rt_order_release(struct rt_order *order, const struct rt_event *event);

/* Up to `max` events that come next as far as the queue tells, without taking them; how many. */
size_t rt_order_peek(const struct rt_order *order, const struct rt_event **out, size_t max);

/* All that wait, by time, then sequence: as many as rt_order_count says. */
void rt_order_list(const struct rt_order *order, const struct rt_event **out);

/* What waits, and all that it occupies. */
size_t rt_order_count(const struct rt_order *order);
size_t rt_order_bytes(const struct rt_order *order);

#endif
