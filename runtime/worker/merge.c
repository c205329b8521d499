/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The results of one batch in one order: by call, timers before the event, then as runtime/operator.h says.  Each worker's records
 * are in this order already.
 */
#include "runtime/worker/crew.h"

static int compare_numbers(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

/* Equal places are of one worker, or of no order that anybody could tell. */
static int compare(const struct rt_crew_record *a, const struct rt_crew_record *b)
{
    const struct rt_output_place *left = &a->output.place, *right = &b->output.place;
    int order = compare_numbers(a->item, b->item);

    if (order == 0)
        order = compare_numbers(left->of_event, right->of_event);
    if (order == 0 && !left->of_event)
        order = left->at.ms < right->at.ms ? -1 : left->at.ms > right->at.ms;
    if (order == 0 && !left->of_event)
        order = compare_numbers(left->tie, right->tie);
    if (order == 0)
        order = compare_numbers(a->output.rule, b->output.rule);
    return order != 0 ? order : compare_numbers(left->part, right->part);
}

/* The worker whose next record comes first; NULL: all are merged. */
static struct rt_crew_result *first_of(struct rt_workers *crew, size_t place)
{
    struct rt_crew_result *first = NULL;

    for (uint32_t i = 0; i < crew->options.count; i++) {
        struct rt_crew_result *result = &crew->workers[i].results[place];

        if (result->merged == result->count)
            continue;
        if (first == NULL ||
            compare(&result->records[result->merged], &first->records[first->merged]) < 0)
            first = result;
    }
    return first;
}

/* The head forgets what was so until the call `end` began, which is not of it. */
static void forget_until(struct rt_workers *crew, const struct rt_crew_batch *batch, uint32_t *next,
                         uint32_t end)
{
    rt_time now = crew->forgotten;

    for (; *next < end; ++*next) {
        if (batch->items[*next].call != RT_CREW_LATE)
            now = rt_time_later(now, batch->items[*next].time);
    }
    if (rt_time_before(crew->forgotten, now))
        crew->options.head->forget(crew->options.head, now);
    crew->forgotten = now;
}

static enum rt_status refuse(struct rt_workers *crew, const struct rt_crew_batch *batch,
                             const struct rt_crew_record *record)
{
    struct rt_event event = *batch->items[record->item].event;

    event.references = 0;
    return crew->port.refused(crew->port.refused_context, &event, record->reason, record->detail);
}

static enum rt_status deliver(struct rt_workers *crew, const struct rt_crew_result *result,
                              const struct rt_crew_record *record)
{
    struct rt_output output = record->output;
    const char *texts = result->texts.data;

    output.record.data = texts + record->text_begin;
    output.key.data = texts + record->key_begin;
    output.message.data = texts + record->message_begin;
    output.id = texts + record->id_begin;
    return crew->options.head->deliver(crew->options.head, &output);
}

static void merge_records(struct rt_workers *crew, size_t place)
{
    const struct rt_crew_batch *batch = &crew->batches[place];
    struct rt_crew_result *result;
    uint32_t next = 0;

    while (crew->status == RT_OK && (result = first_of(crew, place)) != NULL) {
        const struct rt_crew_record *record = &result->records[result->merged++];

        forget_until(crew, batch, &next, record->item + record->output.place.of_event);
        crew->status =
            record->is_refusal ? refuse(crew, batch, record) : deliver(crew, result, record);
    }
    forget_until(crew, batch, &next, batch->count);
}

/* What a worker has said besides records. */
static void take_answers(struct rt_workers *crew, struct rt_crew_worker *worker, size_t place)
{
    struct rt_crew_result *result = &worker->results[place];

    if (crew->status == RT_OK)
        crew->status = result->status;
    if (worker->is_saving && result->saved != RT_AGAIN) {
        worker->is_saving = false;
        if (crew->status == RT_OK)
            crew->status = result->saved;
    }
    rt_buffer_text(&crew->arrived, rt_buffer_view(&result->entries));
    if (crew->arrived.failed && crew->status == RT_OK)
        crew->status = RT_ERR_NOMEM;
    worker->counters = result->counters;
    worker->bytes = result->bytes;
    result->count = result->merged = 0;
    rt_buffer_reset(&result->texts);
    rt_buffer_reset(&result->entries);
}

void rt_crew_merge(struct rt_workers *crew, uint64_t number)
{
    const size_t place = number % RT_CREW_BATCHES;
    struct rt_crew_batch *batch = &crew->batches[place];

    merge_records(crew, place);
    for (uint32_t i = 0; i < crew->options.count; i++)
        take_answers(crew, &crew->workers[i], place);
    for (uint32_t i = 0; i < batch->count; i++) {
        if (batch->items[i].event != NULL)
            rt_event_release(batch->items[i].event, &batch->blocks);
    }
    batch->count = 0;
    batch->save_bytes = 0;
}
