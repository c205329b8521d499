/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The saved form of a stream.
 *
 *     [names of the waiting events][watermark, largest, left_at][counters][partitions][what waits, in order]
 *
 * What waits comes back in order, so all of it lies in the queue then: what comes out is the same.  The wall clock is not in it.
 */
#include "runtime/base/alloc.h"
#include "runtime/time/stream_state.h"

/* ---- writing ---- */

static void add_partitions(const struct rt_stream *stream, struct rt_buffer *out)
{
    rt_form_add_bool(out, stream->has_partitions);
    rt_form_add_uint(out, stream->partitions.count);
    for (uint32_t i = 0; i < stream->partitions.count; i++) {
        const struct rt_partition *item = &stream->partitions.items[i];

        rt_form_add_uint(out, item->source);
        rt_form_add_uint(out, item->partition);
        rt_form_add_time(out, item->watermark);
        rt_form_add_bool(out, rt_partition_is_idle(item));
    }
}

static enum rt_status add_waiting(const struct rt_stream *stream, struct rt_buffer *out)
{
    size_t count = rt_order_count(&stream->order);
    const struct rt_event **waiting = rt_alloc_zeroed(count, sizeof(*waiting));

    if (waiting == NULL)
        return RT_ERR_NOMEM;
    rt_order_list(&stream->order, waiting);
    rt_form_add_uint(out, count);
    for (size_t i = 0; i < count; i++)
        rt_event_add_form(waiting[i], out);
    rt_free(waiting);
    return RT_OK;
}

enum rt_status rt_stream_save(const struct rt_stream *stream, const struct rt_event_names *names,
                              struct rt_buffer *out)
{
    const struct rt_stream_counters *counters = &stream->counters;

    rt_event_names_add_form(names, out);
    rt_form_add_bool(out, stream->finished);
    rt_form_add_time(out, stream->watermark);
    rt_form_add_time(out, stream->largest);
    rt_form_add_time(out, stream->left_at);
    rt_form_add_uint(out, counters->pushed);
    rt_form_add_uint(out, counters->late);
    rt_form_add_uint(out, counters->out_of_order);
    rt_form_add_uint(out, counters->too_far_ahead);
    add_partitions(stream, out);

    enum rt_status status = add_waiting(stream, out);

    return status == RT_OK && out->failed ? RT_ERR_NOMEM : status;
}

/* ---- reading ---- */

static void read_head(struct rt_stream *stream, struct rt_form *form)
{
    struct rt_stream_counters *counters = &stream->counters;

    stream->finished = rt_form_bool(form);
    stream->watermark = rt_form_time(form);
    stream->largest = rt_form_time(form);
    stream->left_at = rt_form_time(form);
    counters->pushed = rt_form_uint(form);
    counters->late = rt_form_uint(form);
    counters->out_of_order = rt_form_uint(form);
    counters->too_far_ahead = rt_form_uint(form);
}

static enum rt_status load_partition(struct rt_stream *stream, const struct rt_event_reader *reader,
                                     struct rt_form *form)
{
    uint64_t saved = rt_form_uint(form);
    uint32_t number = (uint32_t)rt_form_uint_max(form, UINT32_MAX);
    rt_time watermark = rt_form_time(form);
    bool idle = rt_form_bool(form);
    uint32_t source;
    rt_partition_id id;
    enum rt_status status;

    if (rt_form_failed(form))
        return RT_ERR_CORRUPT;
    if (!rt_event_reader_source(reader, saved, &source))
        return RT_OK; /* it is no longer there, and holds nothing back */
    status = rt_partitions_find(&stream->partitions, source, number, &id);
    if (status != RT_OK)
        return status;
    if (stream->partitions.items[id].watermark.ms != RT_TIME_MIN.ms) {
        rt_form_fail(form, "a partition twice");
        return RT_ERR_CORRUPT;
    }
    rt_partitions_hear(&stream->partitions, id, RT_TIME_MIN);
    rt_partitions_raise(&stream->partitions, id, watermark);
    if (idle)
        rt_partitions_rest(&stream->partitions, id);
    return RT_OK;
}

/* Where there are partitions now and were none, or the other way round, only the stream's own watermark goes on. */
static enum rt_status load_partitions(struct rt_stream *stream,
                                      const struct rt_event_reader *reader, struct rt_form *form)
{
    bool was_per_partition = rt_form_bool(form);
    size_t count = rt_form_count(form, 4);
    struct rt_stream none = {.partitions = {0}};
    bool counts = was_per_partition && stream->has_partitions;
    enum rt_status status = rt_form_failed(form) ? RT_ERR_CORRUPT : RT_OK;

    for (size_t i = 0; i < count && status == RT_OK; i++)
        status = load_partition(counts ? stream : &none, reader, form);
    rt_partitions_done(&none.partitions);
    if (status == RT_OK && !stream->has_partitions)
        rt_partitions_raise(&stream->partitions, stream->heard_last, stream->watermark);
    return status;
}

static enum rt_status load_waiting(struct rt_stream *stream, struct rt_event_reader *reader,
                                   struct rt_form *form)
{
    size_t count = rt_form_count(form, 8);
    struct rt_event event, before = {.time = stream->watermark, .sequence = UINT64_MAX};

    for (size_t i = 0; i < count; i++) {
        enum rt_status status = rt_event_of_form(reader, form, &event);

        if (status == RT_OK &&
            (rt_time_before(event.time, before.time) ||
             (event.time.ms == before.time.ms && event.sequence <= before.sequence))) {
            rt_form_fail(form, "events that wait are out of order");
            status = RT_ERR_CORRUPT;
        }
        if (status == RT_OK)
            status = rt_order_add(&stream->order, stream->heard_last, &event);
        if (status != RT_OK)
            return status;
        before.time = event.time;
        before.sequence = event.sequence;
    }
    stream->straight = stream->straight && count == 0; /* nothing may pass what waits */
    return rt_form_failed(form) ? RT_ERR_CORRUPT : RT_OK;
}

enum rt_status rt_stream_load(struct rt_stream *stream, const struct rt_event_names *names,
                              struct rt_form *form)
{
    struct rt_event_reader *reader;
    enum rt_status status = rt_event_reader_new(names, form, &reader);

    if (status != RT_OK)
        return status;
    read_head(stream, form);
    stream->restored = true;
    /* Without events it may have gone on since the last record. */
    stream->left_at = rt_time_later(stream->left_at, stream->watermark);
    status = load_partitions(stream, reader, form);
    if (status == RT_OK)
        status = load_waiting(stream, reader, form);
    rt_event_reader_free(reader);
    stream->counters.waiting = rt_order_count(&stream->order);
    stream->counters.waiting_bytes = rt_order_bytes(&stream->order);
    stream->counters.released =
        stream->counters.pushed - stream->counters.late - stream->counters.waiting;
    return status;
}
