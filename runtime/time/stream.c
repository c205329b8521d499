/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/time/stream.h"

#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"
#include "runtime/time/stream_state.h"

#define WAITING_BYTES_MAX_DEFAULT ((size_t)1 << 30)

enum { PREPARED_EVENTS = 16 };

static enum rt_status copy_sources(struct rt_stream *stream,
                                   const struct rt_stream_options *options)
{
    const struct rt_stream_source every = {.out_of_orderness = options->out_of_orderness,
                                           .punctuated = options->punctuated,
                                           .per_partition = options->per_partition,
                                           .idle_timeout = options->idle_timeout,
                                           .future_limit = options->future_limit};
    const struct rt_stream_source *sources = options->sources == NULL ? &every : options->sources;
    size_t count = options->sources == NULL ? 1 : options->source_count;

    RT_ASSERT(count > 0);
    stream->sources = rt_alloc_zeroed(count, sizeof(*stream->sources));
    stream->idle_timeouts = rt_alloc_zeroed(count, sizeof(*stream->idle_timeouts));
    if (stream->sources == NULL || stream->idle_timeouts == NULL)
        return RT_ERR_NOMEM;
    stream->source_count = count;
    stream->has_partitions = count > 1;
    stream->soon = !options->holds_ties;
    stream->by_clock = options->by_clock;
    for (size_t i = 0; i < count; i++) {
        const struct rt_stream_source *source = &sources[i];

        RT_ASSERT(source->out_of_orderness.ms >= 0 && source->idle_timeout.ms >= 0 &&
                  source->future_limit.ms >= 0);
        stream->sources[i] = *source;
        stream->idle_timeouts[i] = source->idle_timeout;
        stream->has_partitions |= source->per_partition;
        stream->has_idle_timeout |= source->idle_timeout.ms > 0;
        stream->soon &= source->out_of_orderness.ms == 0 && !source->punctuated;
    }
    stream->straight = stream->soon && !stream->has_partitions;
    return RT_OK;
}

enum rt_status rt_stream_new(const struct rt_stream_options *options, struct rt_operator *target,
                             struct rt_stream **out)
{
    struct rt_stream *stream = rt_alloc_zeroed(1, sizeof(*stream));
    size_t bytes_max = options->bytes_max == 0 ? WAITING_BYTES_MAX_DEFAULT : options->bytes_max;

    if (stream == NULL)
        return RT_ERR_NOMEM;
    stream->target = target;
    stream->watermark = stream->largest = RT_TIME_MIN;
    stream->heard_wall = stream->left_at = RT_TIME_MIN;
    stream->held_at = RT_TIME_MAX;

    enum rt_status status = copy_sources(stream, options);

    if (status == RT_OK)
        status = rt_order_init(&stream->order, bytes_max);
    /* Without partitions of their own all records are of partition (0, 0). */
    if (status == RT_OK && !stream->has_partitions)
        status = rt_partitions_find(&stream->partitions, 0, 0, &stream->heard_last);
    if (status != RT_OK) {
        rt_stream_free(stream);
        return status;
    }
    *out = stream;
    return RT_OK;
}

void rt_stream_free(struct rt_stream *stream)
{
    if (stream == NULL)
        return;
    rt_order_done(&stream->order);
    rt_partitions_done(&stream->partitions);
    rt_free(stream->sources);
    rt_free(stream->idle_timeouts);
    rt_free(stream);
}

static const struct rt_stream_source *source_of(const struct rt_stream *stream, uint32_t source)
{
    RT_ASSERT(stream->source_count == 1 || source < stream->source_count);
    return &stream->sources[stream->source_count == 1 ? 0 : source];
}

static enum rt_status find_partition(struct rt_stream *stream, uint32_t source, uint32_t partition,
                                     rt_partition_id *out)
{
    bool apart = source_of(stream, source)->per_partition;

    return rt_partitions_find(&stream->partitions, source, apart ? partition : 0, out);
}

enum rt_status rt_stream_expect(struct rt_stream *stream, uint32_t source, uint32_t partition)
{
    rt_partition_id id;

    RT_ASSERT(stream->has_partitions);
    return find_partition(stream, source, partition, &id);
}

bool rt_stream_holds(const struct rt_stream *stream, uint32_t *source)
{
    if (stream->partitions.heap_count == 0)
        return false;
    *source = stream->partitions.items[stream->partitions.heap[0]].source;
    return true;
}

static void count_waiting(struct rt_stream *stream)
{
    stream->counters.waiting = rt_order_count(&stream->order);
    stream->counters.waiting_bytes = rt_order_bytes(&stream->order);
}

void rt_stream_lend(struct rt_stream *stream)
{
    rt_order_lend(&stream->order);
}

enum rt_status rt_stream_keep(struct rt_stream *stream)
{
    enum rt_status status = rt_order_keep(&stream->order);

    count_waiting(stream);
    return status;
}

void rt_stream_prepare(struct rt_stream *stream, const struct rt_event *const *events, size_t count)
{
    if (stream->soon && stream->target->prepare != NULL)
        stream->target->prepare(stream->target, events, count);
}

/* ---- what the watermark releases ---- */

/*
 * What stands at the head of the queue is going to be pushed soon.  A few at a time, so that what is prepared is still in the
 * cache when it comes.
 */
static void prepare_waiting(struct rt_stream *stream)
{
    const struct rt_event *soon[PREPARED_EVENTS];

    if (stream->prepared > 0) {
        stream->prepared--;
        return;
    }
    if (stream->soon || stream->target->prepare == NULL)
        return;
    stream->prepared = rt_order_peek(&stream->order, soon, PREPARED_EVENTS);
    if (stream->prepared > 0)
        stream->target->prepare(stream->target, soon, stream->prepared);
}

/* Hands out what waits up to the watermark, in order. */
static enum rt_status release(struct rt_stream *stream)
{
    enum rt_status status = RT_OK;
    const struct rt_event *kept;

    while (status == RT_OK && (kept = rt_order_next(&stream->order, stream->watermark)) != NULL) {
        struct rt_event event = *kept;

        event.references = 0;
        prepare_waiting(stream);
        stream->counters.released++;
        status = stream->target->push(stream->target, &event);
        rt_order_release(&stream->order, kept);
    }
    count_waiting(stream);
    return status;
}

static enum rt_status advance(struct rt_stream *stream, rt_time watermark)
{
    if (rt_time_before(stream->held_at, watermark))
        watermark = stream->held_at;
    if (watermark.ms <= stream->watermark.ms)
        return RT_OK;
    stream->watermark = watermark;

    enum rt_status status = release(stream);

    return status == RT_OK ? stream->target->advance(stream->target, watermark) : status;
}

/* ---- an event ---- */

static bool is_too_far_ahead(const struct rt_stream_source *source, rt_time time, rt_time wall)
{
    return source->future_limit.ms > 0 && wall.ms != RT_TIME_MIN.ms &&
           rt_time_plus(wall, source->future_limit).ms < time.ms;
}

/* What a record makes of its partition's watermark, if that is forward.  It never lies behind the event, but for a punctuation. */
static rt_time watermark_of(const struct rt_stream *stream, const struct rt_event *event,
                            bool punctuation)
{
    const struct rt_stream_source *source = source_of(stream, event->position.source);

    if (!source->punctuated)
        return rt_time_plus(event->time, (rt_duration){-source->out_of_orderness.ms - 1});
    return punctuation ? event->time : RT_TIME_MIN;
}

static void raise_watermark(struct rt_stream *stream, const struct rt_event *event,
                            bool punctuation)
{
    rt_partitions_raise(&stream->partitions, stream->heard_last,
                        watermark_of(stream, event, punctuation));
}

static enum rt_status hear(struct rt_stream *stream, const struct rt_event *event, rt_time wall)
{
    if (stream->has_partitions) {
        enum rt_status status = find_partition(stream, event->position.source,
                                               event->position.partition, &stream->heard_last);

        if (status != RT_OK)
            return status;
    }
    stream->heard_wall = wall;
    rt_partitions_hear(&stream->partitions, stream->heard_last, wall);
    return RT_OK;
}

/* Not late, bound 0, one sequence: nothing waits, and nothing can come before it. */
static enum rt_status push_straight(struct rt_stream *stream, const struct rt_event *event)
{
    raise_watermark(stream, event, false);
    stream->watermark =
        rt_time_later(stream->watermark, rt_time_plus(event->time, (rt_duration){-1}));
    stream->counters.pushed++;
    stream->counters.released++;
    return stream->target->push(stream->target, event);
}

static enum rt_status push_ordered(struct rt_stream *stream, const struct rt_event *event,
                                   bool punctuation)
{
    enum rt_status status = rt_order_add(&stream->order, stream->heard_last, event);
    rt_time least = RT_TIME_MIN;

    if (status != RT_OK)
        return status;
    stream->counters.pushed++;
    count_waiting(stream);
    if (rt_time_before(event->time, stream->largest))
        stream->counters.out_of_order++;
    stream->largest = rt_time_later(stream->largest, event->time);
    raise_watermark(stream, event, punctuation);
    if (rt_partitions_least(&stream->partitions, &least))
        return advance(stream, least);
    return RT_OK;
}

static enum rt_status push_late(struct rt_stream *stream, const struct rt_event *event,
                                bool punctuation)
{
    raise_watermark(stream, event, punctuation);
    stream->counters.pushed++;
    stream->counters.late++;
    return stream->target->late(stream->target, event);
}

enum rt_status rt_stream_push(struct rt_stream *stream, const struct rt_event *event,
                              bool punctuation, rt_time wall)
{
    if (stream->finished)
        return RT_ERR_ORDER;
    if (is_too_far_ahead(source_of(stream, event->position.source), event->time, wall)) {
        stream->counters.too_far_ahead++;
        return RT_ERR_DATA;
    }

    enum rt_status status = hear(stream, event, wall);

    if (status != RT_OK)
        return status;
    if (event->time.ms <= stream->watermark.ms)
        status = push_late(stream, event, punctuation);
    else if (stream->straight)
        status = push_straight(stream, event);
    else
        status = push_ordered(stream, event, punctuation);
    stream->left_at =
        rt_time_later(stream->watermark, stream->partitions.items[stream->heard_last].watermark);
    return status;
}

/* What moves the stream's watermark is its partition's, which moves no further. */
rt_time rt_stream_push_reaches_at_most(const struct rt_stream *stream, const struct rt_event *event)
{
    return stream->straight ? event->time : watermark_of(stream, event, true);
}

enum rt_status rt_stream_push_reaches(struct rt_stream *stream, const struct rt_event *event,
                                      bool punctuation, rt_time wall, rt_time *out)
{
    rt_partition_id id = stream->heard_last;
    enum rt_status status = RT_OK;
    rt_time reached, others;

    *out = stream->watermark;
    if (stream->finished || event->time.ms <= stream->watermark.ms ||
        is_too_far_ahead(source_of(stream, event->position.source), event->time, wall))
        return RT_OK;
    if (stream->straight) {
        *out = event->time; /* its own timers fire before it */
        return RT_OK;
    }
    if (stream->has_partitions)
        status = find_partition(stream, event->position.source, event->position.partition, &id);
    if (status != RT_OK)
        return status;
    reached = rt_time_later(stream->partitions.items[id].watermark,
                            watermark_of(stream, event, punctuation));
    if (rt_partitions_least_but(&stream->partitions, id, &others) && others.ms < reached.ms)
        reached = others;
    *out = rt_time_later(reached, stream->watermark);
    return RT_OK;
}

/* ---- without events ---- */

/* T8.  Before the first watermark there is nothing to go on from. */
static rt_time follow_clock(const struct rt_stream *stream, rt_time wall)
{
    if (stream->heard_wall.ms == RT_TIME_MIN.ms || stream->left_at.ms == RT_TIME_MIN.ms)
        return RT_TIME_MIN;
    return rt_time_plus(stream->left_at, (rt_duration){wall.ms - stream->heard_wall.ms});
}

/* Being away is no silence, but where the clock is the events' time it has gone on meanwhile. */
static rt_time first_wall(const struct rt_stream *stream, rt_time wall)
{
    return stream->by_clock && stream->left_at.ms != RT_TIME_MIN.ms
               ? rt_time_plus(stream->left_at, (rt_duration){1})
               : wall;
}

rt_time rt_stream_idle_reaches(struct rt_stream *stream, rt_time wall)
{
    rt_time least;

    if (stream->finished || !stream->has_idle_timeout || wall.ms == RT_TIME_MIN.ms)
        return stream->watermark;
    if (stream->restored && stream->heard_wall.ms == RT_TIME_MIN.ms)
        stream->heard_wall = first_wall(stream, wall);
    rt_partitions_expire(&stream->partitions, wall, stream->idle_timeouts, stream->source_count);
    if (!rt_partitions_least(&stream->partitions, &least))
        least = follow_clock(stream, wall);
    return rt_time_later(least, stream->watermark);
}

enum rt_status rt_stream_idle(struct rt_stream *stream, rt_time wall)
{
    return stream->finished ? RT_ERR_ORDER : advance(stream, rt_stream_idle_reaches(stream, wall));
}

void rt_stream_excuse(struct rt_stream *stream, uint32_t source, rt_duration by, rt_time wall)
{
    rt_partitions_excuse(&stream->partitions, source, by, wall);
    if (source == RT_EVERY_SOURCE)
        stream->heard_wall = rt_partition_excused(stream->heard_wall, by, wall);
}

enum rt_status rt_stream_await(struct rt_stream *stream, uint32_t source, uint32_t partition,
                               rt_time wall)
{
    rt_partition_id id;
    enum rt_status status = find_partition(stream, source, partition, &id);

    if (status == RT_OK && !rt_partition_is_idle(&stream->partitions.items[id]))
        rt_partitions_hear(&stream->partitions, id, wall);
    return status;
}

bool rt_stream_may_idle(const struct rt_stream *stream, rt_time wall)
{
    return stream->has_idle_timeout && rt_partitions_may_expire(&stream->partitions, wall);
}

rt_time rt_stream_leave_reaches(struct rt_stream *stream, uint32_t source)
{
    rt_time least = stream->watermark;

    for (rt_partition_id id = 0; id < stream->partitions.count; id++) {
        if (stream->partitions.items[id].source == source)
            rt_partitions_rest(&stream->partitions, id);
    }
    (void)rt_partitions_least(&stream->partitions, &least);
    return rt_time_later(least, stream->watermark);
}

enum rt_status rt_stream_leave(struct rt_stream *stream, uint32_t source)
{
    return stream->finished ? RT_ERR_ORDER
                            : advance(stream, rt_stream_leave_reaches(stream, source));
}

enum rt_status rt_stream_advance(struct rt_stream *stream, rt_time watermark)
{
    return stream->finished ? RT_ERR_ORDER : advance(stream, watermark);
}

void rt_stream_hold(struct rt_stream *stream, rt_time until)
{
    stream->straight = false; /* what comes may have to wait */
    stream->held_at = until;
}

enum rt_status rt_stream_rest(struct rt_stream *stream, uint32_t source, uint32_t partition)
{
    rt_partition_id id;
    rt_time least;
    enum rt_status status = find_partition(stream, source, partition, &id);

    if (status != RT_OK || rt_partition_is_idle(&stream->partitions.items[id]))
        return status;
    rt_partitions_rest(&stream->partitions, id);
    return rt_partitions_least(&stream->partitions, &least) ? advance(stream, least) : RT_OK;
}

enum rt_status rt_stream_let_go(struct rt_stream *stream, rt_time wall)
{
    enum rt_status status = advance(stream, stream->held_at);

    stream->held_at = RT_TIME_MAX;
    stream->heard_wall = rt_time_later(stream->heard_wall, wall);
    stream->left_at = rt_time_later(stream->left_at, stream->watermark);
    for (rt_partition_id id = 0; id < stream->partitions.count; id++)
        rt_partitions_hear(&stream->partitions, id, wall);
    return status;
}

enum rt_status rt_stream_finish(struct rt_stream *stream)
{
    if (stream->finished)
        return RT_ERR_ORDER;
    stream->finished = true;
    return advance(stream, RT_TIME_MAX);
}

rt_time rt_stream_watermark(const struct rt_stream *stream)
{
    return stream->watermark;
}

rt_time rt_stream_largest(const struct rt_stream *stream)
{
    return stream->largest;
}

const struct rt_stream_counters *rt_stream_counters(const struct rt_stream *stream)
{
    return &stream->counters;
}
