/* SPDX-License-Identifier: Apache-2.0 */
/* job.c - a job is built and taken apart here; what it does is loop.c. */
#include "runtime/job/job.h"

#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"
#include "runtime/job/loop.h"

/*
 * Of a record nothing is decoded that is much larger than the record; the largest in its worst shape (a map of empty names)
 * needs some thirty times its bytes.
 */
enum { SCRATCH_BYTES_MAX = 64 << 20, LETTER_BYTES_MAX = 1 << 20, ERROR_BYTES_MAX = 4096 };

/* ---- the probe ---- */

static enum rt_status probe_push(struct rt_operator *self, const struct rt_event *event)
{
    struct rt_job_probe *probe = (struct rt_job_probe *)self;
    enum rt_stage former = rt_stage_switch(probe->stages, RT_STAGE_PUSH);
    enum rt_status status = probe->target->push(probe->target, event);

    rt_stage_switch(probe->stages, former);
    return status;
}

static enum rt_status probe_late(struct rt_operator *self, const struct rt_event *event)
{
    struct rt_job_probe *probe = (struct rt_job_probe *)self;
    enum rt_stage former = rt_stage_switch(probe->stages, RT_STAGE_PUSH);
    enum rt_status status = probe->target->late(probe->target, event);

    rt_stage_switch(probe->stages, former);
    return status;
}

static enum rt_status probe_advance(struct rt_operator *self, rt_time watermark)
{
    struct rt_job_probe *probe = (struct rt_job_probe *)self;
    enum rt_stage former = rt_stage_switch(probe->stages, RT_STAGE_PUSH);
    enum rt_status status = probe->target->advance(probe->target, watermark);

    rt_stage_switch(probe->stages, former);
    return status;
}

static void probe_prepare(struct rt_operator *self, const struct rt_event *const *events,
                          size_t count)
{
    struct rt_job_probe *probe = (struct rt_job_probe *)self;
    enum rt_stage former = rt_stage_switch(probe->stages, RT_STAGE_PUSH);

    probe->target->prepare(probe->target, events, count);
    rt_stage_switch(probe->stages, former);
}

static struct rt_operator *put_probe_before(struct rt_job *job, struct rt_operator *target)
{
    rt_stages_init(&job->stages);
    job->probe = (struct rt_job_probe){
        .port = {.push = probe_push,
                 .late = probe_late,
                 .advance = probe_advance,
                 .prepare = target->prepare == NULL ? NULL : probe_prepare,
                 .memory = target->memory},
        .target = target,
        .stages = &job->stages,
    };
    return &job->probe.port;
}

/* ---- life ---- */

static enum rt_status make_durable(struct rt_job *job)
{
    struct rt_durable_parts parts = {.target = job->options.target,
                                     .memory = job->options.target->memory,
                                     .stream = job->stream,
                                     .sources = job->all,
                                     .source_count = job->options.source_count,
                                     .counters = &job->counters};

    RT_ASSERT(parts.memory != NULL);
    return rt_durable_new(job->options.durable, &parts, &job->durable);
}

static enum rt_status copy_sources(struct rt_job *job)
{
    size_t count = job->options.source_count;

    RT_ASSERT(count > 0);
    job->sources = rt_alloc_zeroed(count, sizeof(*job->sources));
    job->inputs = rt_alloc_zeroed(count, sizeof(struct rt_source *));
    job->all = rt_alloc_zeroed(count, sizeof(struct rt_source *));
    job->places_expected = rt_alloc_zeroed(count, sizeof(*job->places_expected));
    job->unread = rt_alloc_zeroed(count, sizeof(*job->unread));
    if (job->sources == NULL || job->inputs == NULL || job->all == NULL ||
        job->places_expected == NULL || job->unread == NULL)
        return RT_ERR_NOMEM;
    job->by_clock = true;
    for (size_t i = 0; i < count; i++) {
        const struct rt_job_source *source = &job->options.sources[i];

        RT_ASSERT(source->time_slot == RT_NO_SLOT || source->time_slot < job->field_count);
        RT_ASSERT(source->time.punctuated == (source->punctuation != NULL));
        job->sources[i] = *source;
        job->inputs[i] = job->all[i] = source->source;
        job->live = job->live || source->live;
        job->by_clock = job->by_clock && source->by_clock;
    }
    job->options.sources = job->sources;
    job->at = job->sources;
    job->left = count;
    return RT_OK;
}

static enum rt_status make_stream(struct rt_job *job, struct rt_operator *target)
{
    size_t count = job->options.source_count;
    struct rt_stream_source *sources = rt_alloc_zeroed(count, sizeof(*sources));
    struct rt_stream_options options = {.bytes_max = job->options.waiting_bytes_max,
                                        .by_clock = job->by_clock,
                                        .sources = sources,
                                        .source_count = count};

    if (sources == NULL)
        return RT_ERR_NOMEM;
    for (size_t i = 0; i < count; i++)
        sources[i] = job->sources[i].time;

    enum rt_status status = rt_stream_new(&options, target, &job->stream);

    rt_free(sources);
    return status;
}

enum rt_status rt_job_new(const struct rt_job_options *options, struct rt_job **out)
{
    size_t field_count = rt_fields_count(options->fields);
    struct rt_job *job = rt_alloc_zeroed(1, sizeof(*job));
    struct rt_operator *target = options->target;

    if (job == NULL)
        return RT_ERR_NOMEM;
    if (options->dead_letter != NULL) {
        target->refused = rt_job_keep_refused;
        target->refused_context = job;
    }
    job->options = *options;
    job->field_count = (uint32_t)field_count;
    atomic_init(&job->stopped, false);
    job->soon = options->durable == NULL ? RT_TIME_MAX : RT_TIME_MIN;
    job->wall = job->wall_round = job->processing = RT_TIME_MIN;
    rt_arena_init(&job->scratch, SCRATCH_BYTES_MAX);
    rt_buffer_init(&job->letter, LETTER_BYTES_MAX);
    rt_buffer_init(&job->error, ERROR_BYTES_MAX);
    if (options->measure)
        target = put_probe_before(job, target);
    job->group_max = RT_GROUP_EVENTS_STRAIGHT;
    for (size_t i = 0; i < options->source_count; i++)
        if (options->sources[i].time.per_partition)
            job->group_max = RT_GROUP_EVENTS;
    job->slots = rt_alloc_zeroed(RT_GROUP_EVENTS * field_count, sizeof(*job->slots));

    enum rt_status status = job->slots == NULL ? RT_ERR_NOMEM : copy_sources(job);

    if (status == RT_OK)
        status = make_stream(job, target);
    if (status == RT_OK && options->durable != NULL)
        status = make_durable(job);
    if (status != RT_OK) {
        rt_job_free(job);
        return status;
    }
    *out = job;
    return RT_OK;
}

void rt_job_free(struct rt_job *job)
{
    if (job == NULL)
        return;
    if (job->options.target != NULL && job->options.target->refused_context == job)
        job->options.target->refused = NULL;
    rt_durable_free(job->durable);
    rt_stream_free(job->stream);
    rt_arena_done(&job->scratch);
    rt_buffer_done(&job->letter);
    rt_buffer_done(&job->error);
    rt_free(job->slots);
    rt_free(job->sources);
    rt_free(job->inputs);
    rt_free(job->all);
    rt_free(job->places_expected);
    rt_free(job->unread);
    rt_free(job);
}

void rt_job_stop(struct rt_job *job)
{
    atomic_store_explicit(&job->stopped, true, memory_order_relaxed);
}

const struct rt_job_counters *rt_job_counters(const struct rt_job *job)
{
    return &job->counters;
}

rt_time rt_job_watermark(const struct rt_job *job)
{
    return rt_stream_watermark(job->stream);
}

const char *rt_job_error(const struct rt_job *job)
{
    return job->error.length == 0 ? "" : job->error.data;
}

const struct rt_durable_counters *rt_job_durable_counters(const struct rt_job *job)
{
    return job->durable == NULL ? NULL : rt_durable_counters(job->durable);
}

struct rt_stages *rt_job_stages(struct rt_job *job)
{
    return job->options.measure ? &job->stages : NULL;
}
