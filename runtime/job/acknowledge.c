/* SPDX-License-Identifier: Apache-2.0 */
/*
 * acknowledge.c - at least once without checkpoints.
 *
 *     mark (what was read) ..... the watermark passes the latest event of then ..... outputs safe --> acknowledge
 *
 * What a pattern has half seen is not kept by anybody: that takes checkpoints.
 */
#include "runtime/job/loop.h"
#include "runtime/time/clock.h"

enum { EVERY_MS = 1000, NS_PER_MS = 1000000 };

static void mark(struct rt_job *job)
{
    for (size_t i = 0; i < job->options.source_count; i++)
        if (job->all[i]->mark != NULL)
            job->all[i]->mark(job->all[i]);
    job->marked = true;
    job->marked_time = rt_stream_largest(job->stream);
}

/* Nothing that was read before the mark waits any more. */
static bool is_passed(const struct rt_job *job)
{
    return rt_stream_counters(job->stream)->waiting == 0 ||
           rt_stream_watermark(job->stream).ms >= job->marked_time.ms;
}

static enum rt_status sync_outputs(struct rt_job *job)
{
    for (size_t i = 0; i <= job->options.output_count; i++) {
        bool last = i == job->options.output_count;
        struct rt_sink *sink = last ? job->options.dead_letter : job->options.outputs[i];
        enum rt_status status = sink == NULL || sink->settle == NULL ? RT_OK : sink->settle(sink);

        if (status != RT_OK)
            return rt_job_failed(job, status, sink->error(sink));
    }
    return RT_OK;
}

static enum rt_status tell_sources(struct rt_job *job)
{
    enum rt_status status = rt_job_flush(job);

    if (status == RT_OK)
        status = sync_outputs(job);
    for (size_t i = 0; i < job->options.source_count && status == RT_OK; i++) {
        struct rt_source *source = job->all[i];

        if (source->acknowledge != NULL && source->acknowledge(source) != RT_OK)
            status = rt_job_failed(job, RT_ERR_IO, source->error(source));
    }
    job->marked = false;
    return status;
}

static bool anybody_keeps(const struct rt_job *job)
{
    for (size_t i = 0; i < job->options.source_count; i++)
        if (job->all[i]->acknowledge != NULL)
            return true;
    return false;
}

enum rt_status rt_job_acknowledge(struct rt_job *job, bool at_end)
{
    uint64_t now;
    enum rt_status status = RT_OK;

    if (!anybody_keeps(job))
        return RT_OK;
    if (job->marked && is_passed(job))
        status = tell_sources(job);
    now = rt_clock_monotonic_ns();
    if (status != RT_OK || job->marked ||
        (!at_end && now - job->acknowledged_ns < (uint64_t)EVERY_MS * NS_PER_MS))
        return status;
    job->acknowledged_ns = now;
    mark(job);
    return at_end && is_passed(job) ? tell_sources(job) : RT_OK;
}
