/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The port by which workers are saved (runtime/operator.h).
 *
 *     freeze      all is settled first: no worker is at work, so all stand at the same call; likewise when something is to leave memory
 *     save_some   asks each worker, with the next batch, to write some of what it has frozen; hands out what has arrived
 *
 * When no batch has gone out since it was asked last, one goes out for its sake, and is waited for.
 */
#include <stddef.h>

#include "runtime/worker/crew.h"

enum { ARRIVED_BYTES_KEPT = 1 << 20 };

static struct rt_workers *crew_of(const struct rt_memory *memory)
{
    return (struct rt_workers *)(void *)((char *)(uintptr_t)memory -
                                         offsetof(struct rt_workers, memory));
}

static enum rt_status track(struct rt_memory *memory, uint16_t groups, uint16_t group_begin,
                            uint16_t group_end)
{
    struct rt_workers *crew = crew_of(memory);
    struct rt_memory *all = crew->options.memory;

    crew->is_tracked = true;
    return all->track(all, groups, group_begin, group_end);
}

static bool is_saving(const struct rt_workers *crew)
{
    bool saving = crew->head_saves || crew->arrived_next < crew->arrived.length;

    for (uint32_t i = 0; i < crew->options.count; i++)
        saving = saving || crew->workers[i].is_saving;
    return saving;
}

static enum rt_status freeze(struct rt_memory *memory, bool whole, struct rt_buffer *header)
{
    struct rt_workers *crew = crew_of(memory);
    struct rt_memory *all = crew->options.memory;
    enum rt_status status;

    if (is_saving(crew))
        return RT_ERR_ORDER;
    status = rt_crew_settle(crew);
    if (status == RT_OK)
        status = all->freeze(all, whole, header);
    if (status != RT_OK)
        return status;
    crew->head_saves = true;
    for (uint32_t i = 0; i < crew->options.count; i++)
        crew->workers[i].is_saving = true;
    return RT_OK;
}

static enum rt_status hand_out(struct rt_workers *crew, size_t bytes, rt_entry_fn *take,
                               void *context)
{
    const size_t begin = crew->arrived_next;
    enum rt_status status = RT_OK;
    struct rt_entry entry;

    while (status == RT_OK && crew->arrived_next - begin < bytes &&
           rt_entry_take(&crew->arrived, &crew->arrived_next, &entry))
        status = take(context, &entry);
    if (crew->arrived_next < crew->arrived.length)
        return status;
    crew->arrived_next = 0;
    if (crew->arrived.capacity > ARRIVED_BYTES_KEPT) {
        size_t bytes_max = crew->arrived.bytes_max;

        rt_buffer_done(&crew->arrived);
        rt_buffer_init(&crew->arrived, bytes_max);
    }
    rt_buffer_reset(&crew->arrived);
    return status;
}

static enum rt_status save_head(struct rt_workers *crew, size_t bytes, rt_entry_fn *take,
                                void *context)
{
    struct rt_memory *head = crew->options.head->memory;
    enum rt_status status = head->save_some(head, bytes, take, context);

    crew->head_saves = status == RT_AGAIN;
    return status == RT_AGAIN ? RT_OK : status;
}

/* Workers write with the next batch. */
static void ask_workers(struct rt_workers *crew, size_t bytes)
{
    bool asks = false;

    for (uint32_t i = 0; i < crew->options.count; i++)
        asks = asks || crew->workers[i].is_saving;
    if (!asks)
        return;
    crew->save_wish = bytes / crew->options.count + 1;
    if (crew->published == crew->asked_at) {
        rt_crew_publish(crew);
        (void)rt_crew_settle(crew);
    }
    crew->asked_at = crew->published;
}

static enum rt_status save_some(struct rt_memory *memory, size_t bytes, rt_entry_fn *take,
                                void *context)
{
    struct rt_workers *crew = crew_of(memory);
    enum rt_status status = RT_OK;

    ask_workers(crew, bytes);
    if (crew->status != RT_OK)
        return crew->status;
    if (crew->head_saves)
        status = save_head(crew, bytes, take, context);
    if (status == RT_OK)
        status = hand_out(crew, bytes, take, context);
    if (status != RT_OK)
        return status;
    return is_saving(crew) ? RT_AGAIN : RT_OK;
}

static enum rt_status restore(struct rt_memory *memory, struct rt_text header,
                              struct rt_entries *entries, bool *starts_anew)
{
    struct rt_memory *all = crew_of(memory)->options.memory;

    return all->restore(all, header, entries, starts_anew);
}

/* No worker is at work. */
static void look_again(struct rt_workers *crew)
{
    for (uint32_t i = 0; i < crew->options.count; i++) {
        struct rt_crew_worker *worker = &crew->workers[i];
        const struct rt_memory *memory = worker->target->memory;

        memory->counters(memory, &worker->counters);
        worker->bytes = memory->bytes(memory);
    }
}

static enum rt_status set_cold(struct rt_memory *memory, struct rt_cold *cold, size_t bytes)
{
    struct rt_workers *crew = crew_of(memory);
    struct rt_memory *all = crew->options.memory;
    enum rt_status status = rt_crew_settle(crew);

    return status == RT_OK ? all->set_cold(all, cold, bytes) : status;
}

static enum rt_status spill(struct rt_memory *memory, size_t bytes)
{
    struct rt_workers *crew = crew_of(memory);
    struct rt_memory *all = crew->options.memory;
    enum rt_status status = rt_crew_settle(crew);

    if (status == RT_OK)
        status = all->spill(all, bytes);
    look_again(crew);
    return status;
}

/* As of the last results, as the counters. */
static size_t occupied(const struct rt_memory *memory)
{
    const struct rt_workers *crew = crew_of(memory);
    const struct rt_memory *head = crew->options.head->memory;
    size_t sum = head->bytes(head);

    for (uint32_t i = 0; i < crew->options.count; i++)
        sum += crew->workers[i].bytes;
    return sum;
}

/* As of the last results: workers may be at work. */
static void counters(const struct rt_memory *memory, struct rt_memory_counters *out)
{
    const struct rt_workers *crew = crew_of(memory);
    const struct rt_memory *head = crew->options.head->memory;

    head->counters(head, out);
    for (uint32_t i = 0; i < crew->options.count; i++)
        rt_memory_counters_add(out, &crew->workers[i].counters);
    out->bytes_pending += crew->arrived.length - crew->arrived_next;
}

static const char *error(const struct rt_memory *memory)
{
    const struct rt_memory *all = crew_of(memory)->options.memory;

    return all->error(all);
}

void rt_crew_memory_init(struct rt_workers *crew)
{
    if (crew->options.memory == NULL)
        return;
    crew->memory = (struct rt_memory){.track = track,
                                      .freeze = freeze,
                                      .save_some = save_some,
                                      .restore = restore,
                                      .set_cold = set_cold,
                                      .spill = spill,
                                      .bytes = occupied,
                                      .counters = counters,
                                      .error = error};
    crew->port.memory = &crew->memory;
}
