/* SPDX-License-Identifier: Apache-2.0 */
/* The operator that workers are from outside: calls go into a batch, a full batch goes to all. */
#include "runtime/worker/workers.h"

#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"
#include "runtime/worker/crew.h"

enum { BATCH_BYTES_MAX = 2 << 20, SAVED_BYTES_MAX = 1 << 30 };

static struct rt_workers *crew_of(struct rt_operator *port)
{
    return (struct rt_workers *)port; /* its first member */
}

/* ---- batches ---- */

static struct rt_crew_batch *batch_at_hand(struct rt_workers *crew)
{
    return &crew->batches[crew->published % RT_CREW_BATCHES];
}

static void wait_for_oldest(struct rt_workers *crew)
{
    for (uint32_t i = 0; i < crew->options.count; i++)
        (void)rt_gate_wait(&crew->workers[i].done, crew->merged + 1);
    rt_crew_merge(crew, crew->merged++);
}

static bool oldest_is_done(struct rt_workers *crew)
{
    if (crew->merged == crew->published)
        return false;
    for (uint32_t i = 0; i < crew->options.count; i++) {
        if (rt_gate_value(&crew->workers[i].done) <= crew->merged)
            return false;
    }
    return true;
}

void rt_crew_publish(struct rt_workers *crew)
{
    batch_at_hand(crew)->save_bytes = crew->save_wish;
    crew->save_wish = 0;
    crew->published++;
    for (uint32_t i = 0; i < crew->options.count; i++)
        rt_gate_raise(&crew->workers[i].work, crew->published);
    while (oldest_is_done(crew))
        wait_for_oldest(crew);
    if (crew->published - crew->merged == RT_CREW_BATCHES)
        wait_for_oldest(crew); /* its place is the next to be filled */
}

enum rt_status rt_crew_settle(struct rt_workers *crew)
{
    if (batch_at_hand(crew)->count > 0)
        rt_crew_publish(crew);
    while (crew->merged < crew->published)
        wait_for_oldest(crew);
    return crew->status;
}

static enum rt_status add(struct rt_workers *crew, struct rt_crew_item item,
                          const struct rt_event *event)
{
    struct rt_crew_batch *batch = batch_at_hand(crew);

    if (crew->status != RT_OK)
        return crew->status;
    if (item.wanted != 0) {
        struct rt_event borrowed = *event;
        enum rt_status status;

        borrowed.references = 0;
        status = rt_event_keep(&borrowed, UINT32_MAX, &batch->blocks, &item.event);
        if (status != RT_OK)
            return status;
    }
    batch->items[batch->count++] = item;
    if (batch->count == RT_CREW_ITEMS || batch->blocks.bytes_in_use > BATCH_BYTES_MAX)
        rt_crew_publish(crew);
    return crew->status;
}

/* ---- the operator ---- */

static enum rt_status push(struct rt_operator *port, const struct rt_event *event)
{
    struct rt_workers *crew = crew_of(port);
    struct rt_operator *head = crew->options.head;
    const struct rt_crew_item item = {.call = RT_CREW_PUSH,
                                      .time = event->time,
                                      .wanted = head->route == NULL ? UINT64_MAX
                                                                    : head->route(head, event)};

    return add(crew, item, event);
}

static enum rt_status late(struct rt_operator *port, const struct rt_event *event)
{
    const struct rt_crew_item item = {
        .call = RT_CREW_LATE, .time = event->time, .wanted = UINT64_MAX};

    return add(crew_of(port), item, event);
}

static enum rt_status advance(struct rt_operator *port, rt_time watermark)
{
    const struct rt_crew_item item = {.call = RT_CREW_ADVANCE, .time = watermark};

    return add(crew_of(port), item, NULL);
}

static enum rt_status settle(struct rt_operator *port)
{
    return rt_crew_settle(crew_of(port));
}

struct rt_operator *rt_workers_operator(struct rt_workers *workers)
{
    return &workers->port;
}

/* ---- life ---- */

static enum rt_status start_worker(struct rt_workers *crew, uint32_t number)
{
    struct rt_crew_worker *worker = &crew->workers[number];
    enum rt_status status;

    worker->crew = crew;
    worker->bit = UINT64_C(1) << number;
    worker->target = crew->options.workers[number];
    worker->target->emit = rt_crew_emit;
    worker->target->refused = rt_crew_refused;
    worker->target->emit_context = worker->target->refused_context = worker;
    for (size_t i = 0; i < RT_CREW_BATCHES; i++) {
        rt_buffer_init(&worker->results[i].texts, SAVED_BYTES_MAX);
        rt_buffer_init(&worker->results[i].entries, SAVED_BYTES_MAX);
    }
    status = rt_gate_init(&worker->work);
    if (status != RT_OK)
        return status;
    status = rt_gate_init(&worker->done);
    if (status != RT_OK) {
        rt_gate_done(&worker->work);
        return status;
    }
    crew->gates++;
    if (pthread_create(&worker->thread, NULL, rt_crew_work, worker) != 0)
        return RT_ERR_LIMIT;
    worker->has_thread = true;
    return RT_OK;
}

enum rt_status rt_workers_new(const struct rt_workers_options *options, struct rt_workers **out)
{
    struct rt_workers *crew = rt_alloc_zeroed(1, sizeof(*crew));
    enum rt_status status = RT_OK;

    RT_ASSERT(options->count >= 1 && options->count <= RT_WORKERS_MAX);
    if (crew == NULL)
        return RT_ERR_NOMEM;
    crew->options = *options;
    crew->forgotten = RT_TIME_MIN;
    crew->port =
        (struct rt_operator){.push = push, .late = late, .advance = advance, .settle = settle};
    rt_buffer_init(&crew->arrived, SAVED_BYTES_MAX);
    rt_crew_memory_init(crew);
    crew->workers = rt_alloc_zeroed(options->count, sizeof(*crew->workers));
    crew->batches = rt_alloc_zeroed(RT_CREW_BATCHES, sizeof(*crew->batches));
    if (crew->workers == NULL || crew->batches == NULL)
        status = RT_ERR_NOMEM;
    for (size_t i = 0; i < RT_CREW_BATCHES && crew->batches != NULL; i++)
        rt_blocks_init(&crew->batches[i].blocks, SIZE_MAX);
    for (uint32_t i = 0; i < options->count && status == RT_OK; i++)
        status = start_worker(crew, i);
    if (status != RT_OK) {
        rt_workers_free(crew);
        return status;
    }
    *out = crew;
    return RT_OK;
}

static void end_worker(struct rt_crew_worker *worker)
{
    if (worker->has_thread) {
        rt_gate_raise(&worker->work, RT_CREW_STOP);
        (void)pthread_join(worker->thread, NULL);
    }
    for (size_t i = 0; i < RT_CREW_BATCHES; i++) {
        rt_free(worker->results[i].records);
        rt_buffer_done(&worker->results[i].texts);
        rt_buffer_done(&worker->results[i].entries);
    }
}

void rt_workers_free(struct rt_workers *crew)
{
    if (crew == NULL)
        return;
    for (uint32_t i = 0; i < crew->options.count && crew->workers != NULL; i++)
        end_worker(&crew->workers[i]);
    for (uint32_t i = 0; i < crew->gates; i++) {
        rt_gate_done(&crew->workers[i].work);
        rt_gate_done(&crew->workers[i].done);
    }
    for (size_t i = 0; i < RT_CREW_BATCHES && crew->batches != NULL; i++) {
        struct rt_crew_batch *batch = &crew->batches[i];

        for (uint32_t j = 0; j < batch->count; j++) {
            if (batch->items[j].event != NULL)
                rt_event_release(batch->items[j].event, &batch->blocks);
        }
        rt_blocks_done(&batch->blocks);
    }
    rt_buffer_done(&crew->arrived);
    rt_free(crew->workers);
    rt_free(crew->batches);
    rt_free(crew);
}
