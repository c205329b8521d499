/* SPDX-License-Identifier: Apache-2.0 */
/*
 * silence.c - time that goes on without events.
 *
 *     round  | read a | read b |  round                    | read a | read b |  round
 *            heard: a, b          the sink was blocked: only ROUND_MS_MAX of it count; b, not yet read, is heard in time
 *
 * Z1  A partition is silent while it is asked and has nothing.  So idleness is looked at when all sources have been asked.
 * Z2  What a source holds back, because it is paused, or has more, or because it is another partition's turn, is no silence.
 * Z3  A round that takes long, because a sink is blocked or the process was stopped, counts as a short one: what was written
 *     meanwhile may be on its way.  An event that has the clock's time is never late, so there all of it counts.
 */
#include "runtime/job/loop.h"

enum { ROUND_MS_MAX = 2 * RT_SOURCE_WAIT_MS }; /* a wait, and as much for the work */

struct waiting {
    struct rt_job *job;
    uint32_t source;
    enum rt_status status;
};

static void hear_waiting(void *context, uint32_t partition)
{
    struct waiting *waiting = context;
    struct rt_job *job = waiting->job;

    if (waiting->status == RT_OK)
        waiting->status = rt_stream_await(job->stream, waiting->source, partition, job->wall);
}

/* Those whose turn it is not have something to say. */
static enum rt_status hear_all_waiting(struct rt_job *job)
{
    struct waiting waiting = {.job = job, .status = RT_OK};

    for (size_t i = 0; i < job->options.source_count; i++) {
        const struct rt_source *source = job->inputs[i];

        waiting.source = (uint32_t)i;
        if (source != NULL && source->waiting != NULL && job->sources[i].time.per_partition)
            source->waiting(source, hear_waiting, &waiting);
    }
    return waiting.status;
}

static void excuse(struct rt_job *job)
{
    rt_time before = job->wall_round;

    job->wall_round = job->wall;
    if (!rt_time_before(before, job->wall))
        return;

    int64_t passed_ms = job->wall.ms - before.ms;

    if (passed_ms > ROUND_MS_MAX && !job->by_clock)
        rt_stream_excuse(job->stream, RT_EVERY_SOURCE, (rt_duration){passed_ms - ROUND_MS_MAX},
                         job->wall);
    for (size_t i = 0; i < job->options.source_count; i++)
        if (job->inputs[i] != NULL && job->unread[i])
            rt_stream_excuse(job->stream, (uint32_t)i, (rt_duration){passed_ms}, job->wall);
}

enum rt_status rt_job_pass_time(struct rt_job *job)
{
    const rt_time watermark = rt_stream_watermark(job->stream);
    enum rt_status status = RT_OK;

    if (!job->live || job->wall.ms == RT_TIME_MIN.ms)
        return RT_OK;
    excuse(job);
    if (rt_stream_may_idle(job->stream, job->wall))
        status = hear_all_waiting(job);
    if (status == RT_OK)
        status = rt_job_approach(job, rt_stream_idle_reaches(job->stream, job->wall));
    if (status == RT_OK)
        status = rt_stream_idle(job->stream, job->wall);
    if (status == RT_OK && rt_time_before(watermark, rt_stream_watermark(job->stream)))
        status = rt_job_flush(job); /* what time alone has made does not wait for the next batch */
    return status;
}
