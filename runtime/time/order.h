/* SPDX-License-Identifier: Apache-2.0 */
/*
 * order.h - events that wait for the watermark, and come out by (time, sequence).
 *
 *     of lane n, not before its last ---> lane n's queue   [ 7 | 8 | 8 | 11 ]   (a ring that grows)       ) a heap of the
 *                                         lane m's queue   [ 6 | 9 ]                                      ) queues' heads
 *     else -----------------------------> wheel   one bucket a millisecond, coarser ones far ahead (wheel.h)
 *                                              |
 *     next(until):  the least of the queues' heads and the wheel's first
 *
 * O1  Input that is in order within its lane (a partition) touches the lane's queue only: no comparison but with its last; coming
 *     out costs the logarithm of the lanes that wait.
 * O2  An out-of-order event costs a bucket and its way down through at most a few coarser ones, whatever the bound; memory
 *     depends on what waits, not on the bound.
 * O3  Events are kept in blocks of this order's own, up to a bound; in the steady state nothing is allocated.
 * O4  Sequences grow from call to call of rt_order_add.
 * O5  Between rt_order_lend and rt_order_keep the caller's events stay where they are: most come out again before anybody has to
 *     copy them.
 */
#ifndef EGRET_RUNTIME_TIME_ORDER_H
#define EGRET_RUNTIME_TIME_ORDER_H

#include <stdbool.h>

#include "runtime/base/blocks.h"
#include "runtime/event/event.h"
#include "runtime/time/wheel.h"

struct rt_order_entry {
    rt_time time;
    uint64_t sequence;
    const struct rt_event *event;
    bool is_kept; /* false: lent */
};

/* What waits of one partition, in order. */
struct rt_order_lane {
    struct rt_order_entry *queue; /* owned; a ring of `capacity`, a power of two or 0 */
    size_t head, count, capacity;
};

/* The head of a lane that is not empty. */
struct rt_order_head {
    rt_time time;
    uint64_t sequence;
    uint32_t lane;
};

struct rt_order_node;

struct rt_order {
    struct rt_blocks blocks;
    struct rt_pool nodes; /* of the wheel */
    struct rt_wheel *wheel;
    struct rt_order_node *ahead; /* taken from the wheel, not yet handed out */
    struct rt_order_lane *lanes; /* owned */
    struct rt_order_head *heads; /* owned; a heap */
    uint32_t lane_count, head_count;
    size_t count; /* in all lanes */
    bool lending;
    size_t bytes_max;
};

enum rt_status rt_order_init(struct rt_order *order, size_t bytes_max);
void rt_order_done(struct rt_order *order); /* releases what waits; a zeroed order is fine */

/*
 * Copies the event, unless it is lent.  Lanes are small numbers; each is a sequence that is mostly in order.  RT_ERR_LIMIT: as
 * much as is allowed is waiting.  RT_ERR_NOMEM.
 */
enum rt_status rt_order_add(struct rt_order *order, uint32_t lane, const struct rt_event *event);

/* What is added from now on is lent, until rt_order_keep copies what still waits.  After an error that has forgotten what was lent. */
void rt_order_lend(struct rt_order *order);
enum rt_status rt_order_keep(struct rt_order *order);

/* The next event at or before `until`, which never goes back; NULL: none.  To be given to rt_order_release. */
const struct rt_event *rt_order_next(struct rt_order *order, rt_time until);
void rt_order_release(struct rt_order *order, const struct rt_event *event);

/* Up to `max` events that come next as far as the queues tell, without taking them; how many. */
size_t rt_order_peek(const struct rt_order *order, const struct rt_event **out, size_t max);

/* All that wait, by time, then sequence: as many as rt_order_count says. */
void rt_order_list(const struct rt_order *order, const struct rt_event **out);

/* What waits, and all that it occupies. */
size_t rt_order_count(const struct rt_order *order);
size_t rt_order_bytes(const struct rt_order *order);

#endif
