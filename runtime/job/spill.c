/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spill.c - state larger than memory: what is in a checkpoint need not be in memory too.
 *
 *     memory  [##########|          ]  the limit is reached: the checkpoint in the making is carried through, RocksDB follows it,
 *     memory  [########  |          ]  and of what is unchanged since then the keys that were idle longest leave
 *
 * As long as memory suffices RocksDB is not looked at.  Only what is saved may leave.  If too little of it is unchanged a checkpoint is made now, whatever the interval says.
 */
#include "runtime/checkpoint/cold.h"
#include "runtime/job/durable_inside.h"
#include "runtime/time/clock.h"

enum {
    KEPT_PERCENT = 80,  /* so that the next time is some way off */
    SAVED_TO_MEMORY = 8 /* state is at most so many times as large in memory as in files, about */
};

static size_t kept_bytes(const struct rt_durable *durable)
{
    return durable->options.memory_bytes / 100 * KEPT_PERCENT;
}

/* All that the operator remembers is in the last checkpoint, or it remembers nothing yet. */
static enum rt_status set_cold(struct rt_durable *durable)
{
    struct rt_memory *memory = durable->parts.memory;
    enum rt_status status;

    status = rt_checkpoints_cold(durable->options.checkpoints, &durable->cold);
    if (status != RT_OK)
        return rt_durable_fail(durable, status, rt_checkpoints_error(durable->options.checkpoints));
    return memory->set_cold(memory, durable->cold, kept_bytes(durable));
}

enum rt_status rt_durable_expect(struct rt_durable *durable, const struct rt_manifest *manifest)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < manifest->part_count; i++)
        bytes += manifest->parts[i].facts.bytes;
    if (durable->options.memory_bytes == 0 ||
        bytes < durable->options.memory_bytes / SAVED_TO_MEMORY)
        return RT_OK;
    return set_cold(durable);
}

/* The first time that memory is full: RocksDB has nothing yet, so there is a checkpoint first. */
static enum rt_status begin_spilling(struct rt_durable *durable)
{
    enum rt_status status = rt_durable_drain(durable);

    if (status == RT_OK)
        status = rt_durable_begin(durable, false);
    if (status == RT_OK)
        status = rt_durable_drain(durable);
    if (status != RT_OK)
        return status;
    rt_durable_end_merging(durable);
    return set_cold(durable);
}

const char *rt_durable_operator_error(const struct rt_durable *durable, enum rt_status status)
{
    const char *text = durable == NULL || durable->cold == NULL || status != RT_ERR_IO
                           ? ""
                           : rt_cold_error(durable->cold);

    return text[0] == '\0' ? rt_status_text(status) : text;
}

/* Everything that is unchanged since the last checkpoint may leave. */
static enum rt_status spill(struct rt_durable *durable)
{
    struct rt_memory *memory = durable->parts.memory;
    enum rt_status status = rt_durable_drain(durable);

    if (status != RT_OK)
        return status;
    rt_durable_end_merging(durable);
    status = rt_checkpoints_follow(durable->options.checkpoints);
    if (status != RT_OK)
        return rt_durable_fail(durable, status, rt_checkpoints_error(durable->options.checkpoints));
    status = memory->spill(memory, kept_bytes(durable));
    return status == RT_OK
               ? RT_OK
               : rt_durable_fail(durable, status, rt_durable_operator_error(durable, status));
}

bool rt_durable_soon(const struct rt_durable *durable, rt_time *soon)
{
    if (durable->cold == NULL)
        return false;
    *soon = durable->cold->soon(durable->cold);
    return soon->ms != RT_TIME_MAX.ms;
}

enum rt_status rt_durable_make_room(struct rt_durable *durable)
{
    struct rt_durable_counters *counters = &durable->counters;
    struct rt_memory *memory = durable->parts.memory;
    uint64_t since, ns;
    enum rt_status status;

    if (durable->options.memory_bytes == 0 ||
        memory->bytes(memory) <= durable->options.memory_bytes)
        return RT_OK;
    since = rt_clock_monotonic_ns();
    status = durable->cold == NULL ? begin_spilling(durable) : RT_OK;
    if (status == RT_OK)
        status = spill(durable);
    if (status == RT_OK && memory->bytes(memory) > durable->options.memory_bytes) {
        status = rt_durable_begin(durable, false);
        if (status == RT_OK)
            status = spill(durable);
    }
    ns = rt_clock_monotonic_ns() - since;
    counters->spills++;
    counters->spill_ns_sum += ns;
    if (ns > counters->spill_ns_max)
        counters->spill_ns_max = ns;
    return status;
}
