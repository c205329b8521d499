/* SPDX-License-Identifier: Apache-2.0 */
/* A worker: takes batches in order, calls its operator, writes down what comes out. */
#include "runtime/base/alloc.h"
#include "runtime/worker/crew.h"

enum { PREPARED_EVENTS = 64, FIRST_RECORDS = 16 };

/* ---- what the operator calls ---- */

static struct rt_crew_record *add_record(struct rt_crew_result *result)
{
    if (result->count == result->capacity) {
        size_t capacity = result->capacity == 0 ? FIRST_RECORDS : 2 * result->capacity;
        struct rt_crew_record *records = rt_realloc(result->records, capacity * sizeof(*records));

        if (records == NULL)
            return NULL;
        result->records = records;
        result->capacity = capacity;
    }
    return &result->records[result->count++];
}

static size_t add_text(struct rt_crew_result *result, struct rt_text text)
{
    size_t begin = result->texts.length;

    rt_buffer_text(&result->texts, text);
    rt_buffer_char(&result->texts, '\0');
    return begin;
}

enum rt_status rt_crew_emit(void *context, const struct rt_output *output)
{
    struct rt_crew_worker *worker = context;
    struct rt_crew_result *result = worker->result;
    struct rt_crew_record *record = add_record(result);

    if (record == NULL)
        return RT_ERR_NOMEM;
    *record = (struct rt_crew_record){.item = worker->item, .output = *output};
    record->text_begin = add_text(result, output->record);
    record->key_begin = record->text_begin + (size_t)(output->key.data - output->record.data);
    record->message_begin = add_text(result, output->message);
    record->id_begin = add_text(result, rt_text_of(output->id));
    return result->texts.failed ? RT_ERR_NOMEM : RT_OK;
}

enum rt_status rt_crew_refused(void *context, const struct rt_event *event, enum rt_reject reason,
                               const char *detail)
{
    struct rt_crew_worker *worker = context;
    struct rt_crew_record *record;

    (void)event; /* it is that of the item */
    if (worker->crew->port.refused == NULL)
        return RT_OK;
    record = add_record(worker->result);
    if (record == NULL)
        return RT_ERR_NOMEM;
    *record = (struct rt_crew_record){.item = worker->item,
                                      .is_refusal = true,
                                      .reason = reason,
                                      .detail = detail,
                                      .output.place.of_event = true};
    return RT_OK;
}

/* ---- a batch ---- */

static void prepare(const struct rt_crew_worker *worker, const struct rt_crew_batch *batch,
                    uint32_t begin)
{
    const struct rt_event *events[PREPARED_EVENTS];
    size_t count = 0;

    for (uint32_t i = begin; i < batch->count && i < begin + PREPARED_EVENTS; i++) {
        if (batch->items[i].call == RT_CREW_PUSH && (batch->items[i].wanted & worker->bit) != 0)
            events[count++] = batch->items[i].event;
    }
    if (count > 0)
        worker->target->prepare(worker->target, events, count);
}

static enum rt_status call(const struct rt_crew_worker *worker, const struct rt_crew_item *item)
{
    struct rt_operator *target = worker->target;
    struct rt_event event;

    if (item->call == RT_CREW_ADVANCE)
        return target->advance(target, item->time);
    if ((item->wanted & worker->bit) == 0)
        return target->pass(target, item->time);
    event = *item->event;
    event.references = 0; /* the batch's; whoever keeps it copies it */
    return item->call == RT_CREW_PUSH ? target->push(target, &event) : target->late(target, &event);
}

static enum rt_status take_entry(void *context, const struct rt_entry *entry)
{
    struct rt_crew_result *result = context;

    rt_entry_put(&result->entries, entry);
    return result->entries.failed ? RT_ERR_NOMEM : RT_OK;
}

static void save(const struct rt_crew_worker *worker, size_t bytes)
{
    struct rt_memory *memory = worker->target->memory;
    struct rt_crew_result *result = worker->result;

    result->saved = RT_AGAIN;
    if (!worker->crew->is_tracked)
        return;
    if (bytes > 0)
        result->saved = memory->save_some(memory, bytes, take_entry, result);
    memory->counters(memory, &result->counters);
    result->bytes = memory->bytes(memory);
}

static void work_batch(struct rt_crew_worker *worker, const struct rt_crew_batch *batch)
{
    struct rt_crew_result *result = worker->result;

    result->status = RT_OK;
    for (uint32_t i = 0; i < batch->count && !worker->has_failed; i++) {
        if (i % PREPARED_EVENTS == 0 && worker->target->prepare != NULL)
            prepare(worker, batch, i);
        worker->item = i;
        result->status = call(worker, &batch->items[i]);
        worker->has_failed = result->status != RT_OK;
    }
    save(worker, batch->save_bytes);
}

void *rt_crew_work(void *argument)
{
    struct rt_crew_worker *worker = argument;
    struct rt_workers *crew = worker->crew;

    for (uint64_t number = 0;; number++) {
        if (rt_gate_wait(&worker->work, number + 1) == RT_CREW_STOP)
            return NULL;
        worker->result = &worker->results[number % RT_CREW_BATCHES];
        work_batch(worker, &crew->batches[number % RT_CREW_BATCHES]);
        rt_gate_raise(&worker->done, number + 1);
    }
}
