/* SPDX-License-Identifier: Apache-2.0 */
/* The public API: events that a program builds, field by field, without text. */
#include "cep/api.h"
#include "runtime/base/alloc.h"

struct egret_batch {
    struct rule_plan *plan; /* referenced */
    struct egret_event *events;
    struct rt_value *slots; /* slot_count an event */
    size_t events_max, event_count;
    uint32_t slot_count;
};

void egret_batch_free(struct egret_batch *batch)
{
    if (batch == NULL)
        return;
    rt_free(batch->events);
    rt_free(batch->slots);
    rule_plan_unref(batch->plan);
    rt_free(batch);
}

enum egret_status egret_batch_new(struct egret_ruleset *rules, size_t events_max,
                                  struct egret_batch **out_batch)
{
    struct egret_batch *batch = rt_alloc_zeroed(1, sizeof(*batch));
    size_t slots;

    if (batch == NULL)
        return EGRET_ERR_NOMEM;
    batch->plan = rule_plan_ref(api_plan(rules));
    batch->slot_count = (uint32_t)rt_fields_count(batch->plan->fields);
    batch->events_max = events_max;
    if (!__builtin_mul_overflow(events_max, (size_t)batch->slot_count, &slots)) {
        batch->events = rt_alloc_zeroed(events_max, sizeof(*batch->events));
        batch->slots = rt_alloc_zeroed(slots, sizeof(*batch->slots));
    }
    if (batch->events == NULL || batch->slots == NULL) {
        egret_batch_free(batch);
        return EGRET_ERR_NOMEM;
    }
    *out_batch = batch;
    return EGRET_OK;
}

void egret_batch_reset(struct egret_batch *batch)
{
    batch->event_count = 0;
}

struct egret_event *egret_event_new(struct egret_batch *batch, int64_t time_ms)
{
    struct egret_event *event;

    if (batch->event_count == batch->events_max)
        return NULL;
    event = &batch->events[batch->event_count];
    event->slots = batch->slots + batch->event_count * batch->slot_count;
    batch->event_count++;
    memset(event->slots, 0, batch->slot_count * sizeof(*event->slots));
    event->event = (struct rt_event){
        .time = {time_ms}, .slots = event->slots, .slot_count = batch->slot_count};
    event->has_position = false;
    event->rank = 0;
    return event;
}

void egret_event_set_position(struct egret_event *event, uint32_t partition, uint64_t offset)
{
    event->event.position.partition = partition;
    event->event.position.offset = offset;
    event->has_position = true;
}

static inline void set(struct egret_event *event, uint32_t field, struct rt_value value)
{
    if (field < event->event.slot_count)
        event->slots[field] = value;
}

enum egret_status egret_event_set_rank(struct egret_event *event, int32_t rank)
{
    if (rank < EGRET_RANK_MIN || rank > EGRET_RANK_MAX)
        return EGRET_ERR_DATA;
    event->rank = rank;
    return EGRET_OK;
}

void egret_event_set_null(struct egret_event *event, uint32_t field)
{
    set(event, field, rt_null());
}

void egret_event_set_bool(struct egret_event *event, uint32_t field, int value)
{
    set(event, field, rt_bool(value != 0));
}

void egret_event_set_int(struct egret_event *event, uint32_t field, int64_t value)
{
    set(event, field, rt_int(value));
}

void egret_event_set_double(struct egret_event *event, uint32_t field, double value)
{
    set(event, field, rt_double(value));
}

enum egret_status egret_event_set_text(struct egret_event *event, uint32_t field, const char *text,
                                       size_t length)
{
    if (length > UINT32_MAX || !rt_utf8_valid((struct rt_text){text, length}))
        return EGRET_ERR_DATA;
    set(event, field, rt_string(text, (uint32_t)length));
    return EGRET_OK;
}
