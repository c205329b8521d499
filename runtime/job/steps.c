/* SPDX-License-Identifier: Apache-2.0 */
/*
 * steps.c - time that goes on far, where state is larger than memory.
 *
 *     on disk    [k1 10:05] [k2 10:07] ...... [k8 11:40] [k9 11:58]         events: 10:01   12:00
 *     time       10:01 ---> 10:07 ---> room ---> ... 11:58 ---> room ---> 12:00, the event
 *
 * G1  What lies on disk and is due until T comes back before anything happens at T.  So before a call that takes time to T it goes there in
 *     steps of some thousand keys (rt_durable_soon), and behind each of them there is what is behind a batch: room is made, a
 *     checkpoint if one is due.  An event, a source that ends, silence and the end of the input are such calls.
 * G2  Nobody can tell from the output (stream.h, T9).
 * G3  A barrier between two steps lies between two records: the one at hand and those behind it have not been read yet, as far as the
 *     checkpoint knows.
 * G4  As long as all state is in memory nothing is asked but whether that is so, once; then it costs a comparison an event.
 */
#include "runtime/job/loop.h"

bool rt_job_is_punctuation(struct rt_job *job, const struct rt_event *event)
{
    const struct rt_job_source *source = job->at;
    const bool moves = job->judged == event
                           ? job->judged_moves
                           : source->punctuation(source->punctuation_context, event);

    job->judged = NULL;
    return moves;
}

static bool is_soon(const struct rt_job *job, rt_time time)
{
    return time.ms <= job->soon.ms;
}

/* How far time may go on now.  All that was pushed has been answered. */
static void look_ahead(struct rt_job *job)
{
    /* A reminder of what has been comes with the next moment. */
    const rt_time next = rt_time_plus(rt_stream_watermark(job->stream), (rt_duration){1});
    rt_time soon;

    job->spills = rt_durable_counters(job->durable)->spills;
    job->soon = rt_durable_soon(job->durable, &soon) ? rt_time_later(soon, next) : RT_TIME_MAX;
}

enum rt_status rt_job_approach(struct rt_job *job, rt_time until)
{
    enum rt_status status = RT_OK;

    while (status == RT_OK && !is_soon(job, until)) {
        status = rt_job_settle(job);
        if (status == RT_OK)
            look_ahead(job);
        if (status != RT_OK || is_soon(job, until))
            return status;
        status = rt_stream_advance(job->stream, job->soon);
        if (status == RT_OK)
            status = rt_job_step(job, true);
    }
    return status;
}

/* Steps before an event whose record has been read, with `behind` others. */
static enum rt_status approach_from(struct rt_job *job, size_t behind, rt_time until)
{
    struct rt_source *source = job->at->source;
    const struct rt_record *record = job->records[0];
    enum rt_status status;

    source->stand_behind(source, &job->batch, job->batch.count - behind - 1);
    job->counters.read--;
    job->counters.bytes -= record->bytes;
    status = rt_job_approach(job, until);
    job->counters.read++;
    job->counters.bytes += record->bytes;
    source->stand_behind(source, &job->batch, job->batch.count);
    return status;
}

enum rt_status rt_job_approach_event(struct rt_job *job, size_t behind)
{
    const struct rt_event *event = job->group[0];
    const bool moves = job->at->punctuation != NULL && rt_job_is_punctuation(job, event);
    enum rt_status status;
    rt_time until;

    job->judged = event;
    job->judged_moves = moves;
    status = rt_stream_push_reaches(job->stream, event, moves, job->wall, &until);
    if (status != RT_OK || is_soon(job, until))
        return status;
    status = rt_job_settle(job);
    if (status != RT_OK)
        return status;
    look_ahead(job);
    return is_soon(job, until) ? RT_OK : approach_from(job, behind, until);
}
