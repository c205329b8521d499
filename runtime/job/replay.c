/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay.c - a state that is lost is made anew from records that were read before.
 *
 *     partition 0   from . . . . . . . . . X            the loop walks as ever, nothing of what is emitted goes out
 *     partition 1       from . . . . X  rests           the watermark stays at or below the one that was reached
 *                                          ^ all wait at X: time goes to that watermark, a first checkpoint, go on
 *
 * R1  A partition of which nothing more comes before X holds nothing back; only the watermark that was reached does.  So what waits
 *     for the watermark at the end is what waited when the state was lost.
 * R2  Idleness is not looked at meanwhile: what the wall clock did to the watermark is in the one that was reached.
 * R3  Nothing is saved before the end; a stop on the way leaves everything as it was.
 */
#include "runtime/base/killpoint.h"
#include "runtime/job/loop.h"

struct arriving {
    struct rt_job *job;
    enum rt_status status;
};

static void rest(void *context, uint32_t source, uint32_t partition)
{
    struct arriving *arriving = context;

    if (arriving->status == RT_OK && arriving->job->sources[source].time.per_partition)
        arriving->status = rt_stream_rest(arriving->job->stream, source, partition);
}

/* All has been read again: the first checkpoint makes it count, with the offsets where the sources wait. */
static enum rt_status conclude(struct rt_job *job)
{
    struct rt_decision *decision = rt_durable_decision(job->durable);
    enum rt_status status = rt_stream_let_go(job->stream, job->wall);
    enum rt_status settled = rt_job_settle(job);

    if (status == RT_OK)
        status = settled;
    if (status != RT_OK)
        return status;
    KILLPOINT("replayed");
    job->counters.replayed = job->counters.read;
    job->replays = false;
    if (job->options.replayed != NULL)
        job->options.replayed(job->options.replayed_context);
    status = rt_durable_finish(job->durable, false);
    if (status == RT_OK)
        decision->go_on(decision);
    else if (status != RT_END)
        rt_job_failed(job, status, rt_durable_error(job->durable));
    return status;
}

enum rt_status rt_job_replay(struct rt_job *job)
{
    struct rt_decision *decision = rt_durable_decision(job->durable);
    struct arriving arriving = {job, RT_OK};
    bool all = decision->arrived(decision, rest, &arriving);

    KILLPOINT("replaying");
    return arriving.status == RT_OK && all ? conclude(job) : arriving.status;
}

bool rt_job_replays(const struct rt_job *job)
{
    return job->replays;
}
