/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alerts as events: what rules with `source: alerts` read.
 *
 *     alert goes out --> queue --> decoded as any other record --> its readers among the rules it can matter to --> alerts ...
 *
 * The queue is emptied when the event, or all timers of one deadline, are done with, first come first served: so an alert at
 * time T is seen after everything that happened at T before it, and before anything later.  Who reads whom has no circle
 * (rules/load_feeds.c), so it ends.
 *
 * As an event an alert has the time of the record, or that at which it came out if it was held back (`emit: in_start_order`), since
 * readers take events in order of time.  It stands at the arrival of the event that caused it; a timer's comes before the events of
 * its time.  Its position is made of its id, so the ids of what is made of it are the same in a replay.
 */
#include "cep/feed.h"

#include "cep/state.h"
#include "runtime/base/alloc.h"

enum { QUEUE_FIRST = 16, SCRATCH_MAX = 64 << 20 };

struct cep_fed {      /* an alert that waits to be read */
    const char *json; /* with readable bytes behind it */
    size_t length;
    struct rt_hash128 id;
    rt_time time;
    uint64_t sequence;
    uint32_t rule;
};

struct cep_feed {
    struct rt_codec *codec; /* owned */
    struct rt_value *slots; /* owned */
    size_t slot_count;
    struct cep_fed *queue; /* owned */
    size_t begin, end, capacity;
    struct rt_arena texts, scratch;
};

enum rt_status cep_feed_new(const struct rule_plan *plan, struct cep_feed **out)
{
    struct cep_feed *feed;
    bool wanted = false;

    *out = NULL;
    for (uint32_t i = 0; i < plan->rule_count; i++)
        wanted = wanted || plan->rules[i]->reads_alerts;
    if (!wanted)
        return RT_OK;
    feed = rt_alloc_zeroed(1, sizeof(*feed));
    if (feed == NULL)
        return RT_ERR_NOMEM;
    rt_arena_init(&feed->texts, SIZE_MAX);
    rt_arena_init(&feed->scratch, SCRATCH_MAX);
    feed->slot_count = rt_fields_count(plan->fields);
    feed->slots = rt_alloc_zeroed(feed->slot_count, sizeof(*feed->slots));
    *out = feed; /* the caller frees it in any case */
    if (feed->slots == NULL)
        return RT_ERR_NOMEM;
    return rt_codec_json_new(plan->fields, &feed->codec);
}

void cep_feed_free(struct cep_feed *feed)
{
    if (feed == NULL)
        return;
    if (feed->codec != NULL)
        feed->codec->free(feed->codec);
    rt_arena_done(&feed->texts);
    rt_arena_done(&feed->scratch);
    rt_free(feed->slots);
    rt_free(feed->queue);
    rt_free(feed);
}

bool cep_feed_is_empty(const struct cep_feed *feed)
{
    return feed == NULL || feed->begin == feed->end;
}

static bool make_room(struct cep_feed *feed)
{
    size_t capacity = feed->capacity == 0 ? QUEUE_FIRST : feed->capacity * 2;
    struct cep_fed *queue;

    if (feed->end < feed->capacity)
        return true;
    queue = rt_realloc(feed->queue, capacity * sizeof(*queue));
    if (queue == NULL)
        return false;
    feed->queue = queue;
    feed->capacity = capacity;
    return true;
}

void cep_feed_add(struct cep_engine *engine, uint32_t rule, rt_time time, struct rt_hash128 id,
                  struct rt_text json)
{
    struct cep_feed *feed = engine->feed;
    char *copy;

    if (feed == NULL || engine->plan->rules[rule]->reader_count == 0)
        return;
    copy = make_room(feed) ? rt_arena_alloc(&feed->texts, json.length + RT_RECORD_PADDING) : NULL;
    if (copy == NULL) {
        cep_fail(engine, RT_ERR_NOMEM);
        return;
    }
    memcpy(copy, json.data, json.length);
    feed->queue[feed->end++] = (struct cep_fed){
        .json = copy,
        .length = json.length,
        .id = id,
        .time = rt_time_later(time, engine->reached),
        .sequence = engine->event == NULL ? 0 : engine->event->sequence,
        .rule = rule,
    };
}

/* Both lists are ascending. */
static void push_to_readers(struct cep_engine *engine, const struct rule *from,
                            const struct rt_event *event)
{
    size_t count;
    const uint32_t *rules = cep_classify(engine->classifier, event, &count);
    uint32_t reader = 0;

    for (size_t i = 0; i < count; i++) {
        while (reader < from->reader_count && from->readers[reader] < rules[i])
            reader++;
        if (reader < from->reader_count && from->readers[reader] == rules[i])
            cep_rule_push(&engine->rules[rules[i]]);
    }
}

static void feed_one(struct cep_engine *engine, const struct cep_fed *fed)
{
    struct cep_feed *feed = engine->feed;
    enum rt_reject reject;
    const char *detail;
    enum rt_status status;

    rt_arena_reset(&feed->scratch);
    status = feed->codec->decode(feed->codec, (struct rt_text){fed->json, fed->length},
                                 &feed->scratch, feed->slots, &reject, &detail);
    if (status != RT_OK) { /* it is longer than a record may be */
        engine->rules[fed->rule].counters.output_errors++;
        cep_fail(engine, status == RT_ERR_DATA ? RT_OK : status);
        return;
    }

    const struct rt_event event = {
        .time = fed->time,
        .sequence = fed->sequence,
        .position = {.source = RT_SOURCE_ALERTS, .offset = fed->id.low >> 1},
        .slots = feed->slots,
        .slot_count = (uint32_t)feed->slot_count,
        .raw = fed->json,
        .raw_length = (uint32_t)fed->length,
    };

    cep_begin_event(engine, &event);
    push_to_readers(engine, engine->plan->rules[fed->rule], &event);
    cep_end_event(engine);
}

void cep_feed_drain(struct cep_engine *engine)
{
    struct cep_feed *feed = engine->feed;
    const bool collecting = engine->outbox.collecting;

    if (cep_feed_is_empty(feed))
        return;
    engine->outbox.collecting = false;
    while (feed->begin < feed->end) {
        const struct cep_fed fed = feed->queue[feed->begin++]; /* the queue moves when it grows */

        feed_one(engine, &fed);
    }
    feed->begin = feed->end = 0;
    rt_arena_reset(&feed->texts);
    engine->outbox.collecting = collecting;
}
