/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/time/partitions.h"

#include <string.h>

#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"

enum { FIRST_CAPACITY = 8 };

#define NOT_IN_HEAP UINT32_MAX

void rt_partitions_done(struct rt_partitions *partitions)
{
    rt_free(partitions->items);
    rt_free(partitions->heap);
    rt_free(partitions->table);
    *partitions = (struct rt_partitions){0};
}

/* ---- finding ---- */

/* The place of a partition in the table, or the empty place where it belongs. */
static uint32_t *table_place(const struct rt_partitions *partitions, uint32_t source,
                             uint32_t partition)
{
    uint32_t mask = 2 * partitions->capacity - 1;
    uint64_t key = (uint64_t)source << 32 | partition;

    for (uint64_t at = key * UINT64_C(0x9E3779B97F4A7C15) >> 32;; at++) {
        uint32_t *place = &partitions->table[at & mask];

        if (*place == 0)
            return place;

        const struct rt_partition *item = &partitions->items[*place - 1];

        if (item->source == source && item->partition == partition)
            return place;
    }
}

static enum rt_status grow(struct rt_partitions *partitions)
{
    uint32_t capacity = partitions->capacity == 0 ? FIRST_CAPACITY : 2 * partitions->capacity;
    struct rt_partitions grown = *partitions;

    grown.capacity = capacity;
    grown.items = rt_alloc_zeroed(capacity, sizeof(*grown.items));
    grown.heap = rt_alloc_zeroed(capacity, sizeof(*grown.heap));
    grown.table = rt_alloc_zeroed((size_t)capacity * 2, sizeof(*grown.table));
    if (grown.items == NULL || grown.heap == NULL || grown.table == NULL) {
        rt_partitions_done(&grown);
        return RT_ERR_NOMEM;
    }
    for (uint32_t i = 0; i < partitions->count; i++) {
        grown.items[i] = partitions->items[i];
        *table_place(&grown, grown.items[i].source, grown.items[i].partition) = i + 1;
    }
    if (partitions->heap_count > 0)
        memcpy(grown.heap, partitions->heap, partitions->heap_count * sizeof(*grown.heap));
    rt_partitions_done(partitions);
    *partitions = grown;
    return RT_OK;
}

/* ---- the heap ---- */

static int64_t key_at(const struct rt_partitions *partitions, uint32_t at)
{
    return partitions->items[partitions->heap[at]].watermark.ms;
}

static void put_at(struct rt_partitions *partitions, uint32_t at, rt_partition_id id)
{
    partitions->heap[at] = id;
    partitions->items[id].heap_at = at;
}

static void swap(struct rt_partitions *partitions, uint32_t a, uint32_t b)
{
    rt_partition_id id = partitions->heap[a];

    put_at(partitions, a, partitions->heap[b]);
    put_at(partitions, b, id);
}

static void sift_up(struct rt_partitions *partitions, uint32_t at)
{
    for (; at > 0 && key_at(partitions, at) < key_at(partitions, (at - 1) / 2); at = (at - 1) / 2)
        swap(partitions, at, (at - 1) / 2);
}

static void sift_down(struct rt_partitions *partitions, uint32_t at)
{
    for (;;) {
        uint32_t least = 2 * at + 1;

        if (least >= partitions->heap_count)
            return;
        if (least + 1 < partitions->heap_count &&
            key_at(partitions, least + 1) < key_at(partitions, least))
            least++;
        if (key_at(partitions, at) <= key_at(partitions, least))
            return;
        swap(partitions, at, least);
        at = least;
    }
}

static void heap_add(struct rt_partitions *partitions, rt_partition_id id)
{
    put_at(partitions, partitions->heap_count++, id);
    sift_up(partitions, partitions->heap_count - 1);
}

static void heap_remove(struct rt_partitions *partitions, rt_partition_id id)
{
    uint32_t at = partitions->items[id].heap_at;
    uint32_t last = --partitions->heap_count;

    RT_ASSERT(at <= last);
    if (at < last) {
        put_at(partitions, at, partitions->heap[last]);
        sift_up(partitions, at);
        sift_down(partitions, at);
    }
    partitions->items[id].heap_at = NOT_IN_HEAP;
}

/* ---- interface ---- */

enum rt_status rt_partitions_find(struct rt_partitions *partitions, uint32_t source,
                                  uint32_t partition, rt_partition_id *out)
{
    if (partitions->count > 0) {
        const struct rt_partition *last = &partitions->items[partitions->found_last];

        if (last->source == source && last->partition == partition) {
            *out = partitions->found_last;
            return RT_OK;
        }

        uint32_t place = *table_place(partitions, source, partition);

        if (place != 0) {
            *out = partitions->found_last = place - 1;
            return RT_OK;
        }
    }
    if (partitions->count == partitions->capacity) {
        enum rt_status status = grow(partitions);

        if (status != RT_OK)
            return status;
    }

    rt_partition_id id = partitions->count++;

    partitions->items[id] = (struct rt_partition){.source = source,
                                                  .partition = partition,
                                                  .watermark = RT_TIME_MIN,
                                                  .heard_wall = RT_TIME_MIN};
    *table_place(partitions, source, partition) = id + 1;
    heap_add(partitions, id);
    partitions->expiry = RT_TIME_MIN;
    *out = partitions->found_last = id;
    return RT_OK;
}

void rt_partitions_hear(struct rt_partitions *partitions, rt_partition_id id, rt_time wall)
{
    struct rt_partition *item = &partitions->items[id];

    item->heard_wall = rt_time_later(item->heard_wall, wall);
    if (item->heap_at == NOT_IN_HEAP) {
        heap_add(partitions, id);
        partitions->expiry = RT_TIME_MIN;
    }
}

void rt_partitions_excuse(struct rt_partitions *partitions, uint32_t source, rt_duration by,
                          rt_time wall)
{
    for (rt_partition_id id = 0; id < partitions->count; id++) {
        struct rt_partition *item = &partitions->items[id];

        if (source == UINT32_MAX || item->source == source)
            item->heard_wall = rt_partition_excused(item->heard_wall, by, wall);
    }
}

void rt_partitions_rest(struct rt_partitions *partitions, rt_partition_id id)
{
    if (partitions->items[id].heap_at != NOT_IN_HEAP)
        heap_remove(partitions, id);
}

void rt_partitions_raise(struct rt_partitions *partitions, rt_partition_id id, rt_time watermark)
{
    struct rt_partition *item = &partitions->items[id];

    RT_ASSERT(item->heap_at != NOT_IN_HEAP);
    if (watermark.ms <= item->watermark.ms)
        return;
    item->watermark = watermark;
    sift_down(partitions, item->heap_at);
}

void rt_partitions_expire(struct rt_partitions *partitions, rt_time wall,
                          const rt_duration *timeouts, size_t count)
{
    if (!rt_partitions_may_expire(partitions, wall))
        return;
    partitions->expiry = RT_TIME_MAX;
    for (rt_partition_id id = 0; id < partitions->count; id++) {
        struct rt_partition *item = &partitions->items[id];

        rt_duration timeout = timeouts[item->source < count ? item->source : count - 1];

        if (item->heap_at == NOT_IN_HEAP || timeout.ms == 0)
            continue;
        if (item->heard_wall.ms == RT_TIME_MIN.ms)
            item->heard_wall = wall;

        rt_time expiry = rt_time_plus(item->heard_wall, timeout);

        if (expiry.ms <= wall.ms)
            heap_remove(partitions, id);
        else if (rt_time_before(expiry, partitions->expiry))
            partitions->expiry = expiry;
    }
}

bool rt_partitions_least(const struct rt_partitions *partitions, rt_time *out)
{
    if (partitions->heap_count == 0)
        return false;
    *out = partitions->items[partitions->heap[0]].watermark;
    return true;
}

bool rt_partitions_least_but(const struct rt_partitions *partitions, rt_partition_id id,
                             rt_time *out)
{
    const uint32_t count = partitions->heap_count;

    if (count == 0 || partitions->heap[0] != id)
        return rt_partitions_least(partitions, out);
    if (count == 1)
        return false;
    *out = (rt_time){key_at(partitions, 1)};
    if (count > 2 && key_at(partitions, 2) < out->ms)
        *out = (rt_time){key_at(partitions, 2)};
    return true;
}
