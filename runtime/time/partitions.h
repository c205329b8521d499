/* SPDX-License-Identifier: Apache-2.0 */
/*
 * partitions.h - a watermark per partition, and the least of those that are not idle.
 *
 *     (source, partition) --hash--> partition 3: watermark 10:00:05, last heard of at 10:00:07
 *                                       ^
 *     heap of the active ones:  [ 2 | 3 | 0 ]      the root holds the stream back; an idle one is not in it
 *
 * P1  A partition's watermark never goes back.
 * P2  A partition that was not heard of for the idle time-out is out until it is heard of again.  Time in which nobody could have
 *     heard of it does not count.
 * P3  Finding is constant cost, moving a watermark the logarithm of the active ones, the least is at hand.
 * Walls are the caller's clock; RT_TIME_MIN where there is none.
 */
#ifndef EGRET_RUNTIME_TIME_PARTITIONS_H
#define EGRET_RUNTIME_TIME_PARTITIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/instant.h"
#include "runtime/base/status.h"

typedef uint32_t rt_partition_id; /* order of appearance */

struct rt_partition {
    uint32_t source, partition;
    uint32_t heap_at; /* UINT32_MAX: idle */
    rt_time watermark;
    rt_time heard_wall; /* when a record of it came last, and later by what does not count */
};

struct rt_partitions {
    struct rt_partition *items; /* owned, as the next two */
    rt_partition_id *heap;      /* by watermark */
    uint32_t *table;            /* id + 1, 0 is empty; twice `capacity` places */
    uint32_t count, capacity, heap_count;
    rt_partition_id found_last;
    rt_time expiry; /* nothing can become idle earlier */
};

/* A zeroed struct has no partitions. */
void rt_partitions_done(struct rt_partitions *partitions);

/* The id of a partition, which is added, active and without a watermark, if it is new. */
enum rt_status rt_partitions_find(struct rt_partitions *partitions, uint32_t source,
                                  uint32_t partition, rt_partition_id *out);

/* A record came: the partition is active. */
void rt_partitions_hear(struct rt_partitions *partitions, rt_partition_id id, rt_time wall);

/*
 * Of the last `by` nobody could have heard of those of the source (UINT32_MAX: of all): that much less is silence.  What is
 * idle stays so.
 */
void rt_partitions_excuse(struct rt_partitions *partitions, uint32_t source, rt_duration by,
                          rt_time wall);

/* When something was heard of, moved by what does not count: not past now, and never stays never. */
static inline rt_time rt_partition_excused(rt_time heard_wall, rt_duration by, rt_time wall)
{
    rt_time moved = rt_time_plus(heard_wall, by);

    if (heard_wall.ms == RT_TIME_MIN.ms || !rt_time_before(heard_wall, wall))
        return heard_wall;
    return rt_time_before(moved, wall) ? moved : wall;
}

/* Something could become idle now. */
static inline bool rt_partitions_may_expire(const struct rt_partitions *partitions, rt_time wall)
{
    return !rt_time_before(wall, partitions->expiry);
}

/* It is idle until it is heard of again. */
void rt_partitions_rest(struct rt_partitions *partitions, rt_partition_id id);
static inline bool rt_partition_is_idle(const struct rt_partition *partition)
{
    return partition->heap_at == UINT32_MAX;
}

/* Moves its watermark, if that is forward. */
void rt_partitions_raise(struct rt_partitions *partitions, rt_partition_id id, rt_time watermark);

/*
 * Takes out what was silent for the time-out of its source (0: never; sources past `count`: the last one's).  One that was never
 * heard of counts from the first call.
 */
void rt_partitions_expire(struct rt_partitions *partitions, rt_time wall,
                          const rt_duration *timeouts, size_t count);

/* False: none is active. */
bool rt_partitions_least(const struct rt_partitions *partitions, rt_time *out);
/* The least of the others. */
bool rt_partitions_least_but(const struct rt_partitions *partitions, rt_partition_id id,
                             rt_time *out);

#endif
