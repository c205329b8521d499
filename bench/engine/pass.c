/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/engine/pass.h"

#include <stdio.h>

#include "cep/classify.h"
#include "cep/engine.h"
#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"
#include "runtime/job/job.h"

/* Everything one pass needs; freed in one place. */
struct set_up {
    struct bench_pass *pass;
    struct rt_operator counting; /* classify_only: stands where the engine would */
    struct cep_classifier *classifier;
    struct cep_engine *engine;
    struct rt_source *source;
    struct rt_codec *codec;
    struct rt_sink *sink;
    struct rt_job *job;
    struct rt_buffer message;
    uint64_t candidates; /* rules that the classifier named; keeps its work alive */
};

/* ---- the classifier in place of the engine ---- */

static struct set_up *set_up_of(struct rt_operator *self)
{
    return (struct set_up *)((char *)self - offsetof(struct set_up, counting));
}

static enum rt_status classify_push(struct rt_operator *self, const struct rt_event *event)
{
    struct set_up *set_up = set_up_of(self);
    size_t count;

    cep_classify(set_up->classifier, event, &count);
    set_up->candidates += count;
    return RT_OK;
}

static enum rt_status classify_late(struct rt_operator *self, const struct rt_event *event)
{
    (void)self;
    (void)event;
    return RT_OK;
}

static enum rt_status classify_advance(struct rt_operator *self, rt_time watermark)
{
    (void)self;
    (void)watermark;
    return RT_OK;
}

/* ---- the pass ---- */

static enum rt_status emit(void *context, const struct rt_output *output)
{
    struct set_up *set_up = context;
    struct rt_stages *stages = rt_job_stages(set_up->job);
    enum rt_stage before = rt_stage_switch(stages, RT_STAGE_EMIT);
    enum rt_status status = rt_sink_write(set_up->sink, output->record);

    set_up->pass->emitted[output->rule]++;
    rt_stage_switch(stages, before);
    return status;
}

static struct rt_operator *build_operator(struct set_up *set_up, struct rule_plan *plan)
{
    struct cep_options options = cep_options_standard();

    set_up->counting = (struct rt_operator){
        .push = classify_push, .late = classify_late, .advance = classify_advance};
    if (set_up->pass->classify_only)
        return cep_classifier_new(plan, false, &set_up->classifier) == RT_OK ? &set_up->counting
                                                                             : NULL;
    if (cep_engine_new(plan, &options, emit, set_up, &set_up->engine) != RT_OK)
        return NULL;
    return cep_engine_operator(set_up->engine);
}

static bool build(struct set_up *set_up, struct rule_plan *plan, const char *path)
{
    struct rt_operator *target = build_operator(set_up, plan);

    if (target == NULL ||
        rt_source_files_new(&path, 1, 0, &set_up->message, &set_up->source) != RT_OK ||
        rt_codec_json_new(plan->fields, &set_up->codec) != RT_OK ||
        rt_sink_file_new("/dev/null", false, &set_up->message, &set_up->sink) != RT_OK)
        return false;

    struct rt_job_source source = {.source = set_up->source,
                                   .name = "input",
                                   .codec = set_up->codec,
                                   .time_slot = plan->time_slot};
    struct rt_job_options options = {
        .sources = &source,
        .source_count = 1,
        .fields = plan->fields,
        .target = target,
        .outputs = &set_up->sink,
        .output_count = 1,
        .keep_open = set_up->pass->keep_open,
        .measure = set_up->pass->measure,
    };

    return rt_job_new(&options, &set_up->job) == RT_OK;
}

static void tear_down(struct set_up *set_up)
{
    rt_job_free(set_up->job);
    rt_sink_free(set_up->sink);
    if (set_up->codec != NULL)
        set_up->codec->free(set_up->codec);
    if (set_up->source != NULL)
        set_up->source->free(set_up->source);
    cep_engine_free(set_up->engine);
    cep_classifier_free(set_up->classifier);
    rt_buffer_done(&set_up->message);
}

static void read_figures(const struct set_up *set_up)
{
    struct bench_pass *pass = set_up->pass;
    const struct rt_stages *stages = rt_job_stages(set_up->job);
    struct cep_counters counters;

    pass->events = rt_job_counters(set_up->job)->accepted;
    for (int i = 0; stages != NULL && i < RT_STAGE_COUNT; i++)
        pass->stage_ns[i] = (double)stages->ns[i] / (double)(stages->records + !stages->records);
    if (set_up->engine == NULL)
        return;
    cep_engine_counters(set_up->engine, &counters);
    pass->state_bytes = counters.state_bytes;
    pass->keys = counters.keys;
}

bool bench_run(struct rule_plan *plan, const char *path, struct bench_pass *pass)
{
    struct set_up set_up = {.pass = pass};
    bool done = false;

    rt_buffer_init(&set_up.message, 4096);
    pass->emitted = rt_alloc_zeroed(plan->rule_count, sizeof(*pass->emitted));
    if (pass->emitted != NULL && build(&set_up, plan, path)) {
        uint64_t wall = rt_clock_monotonic_ns(), cpu = rt_clock_process_cpu_ns();

        done = rt_job_run(set_up.job) == RT_OK;
        pass->wall_s = (double)(rt_clock_monotonic_ns() - wall) / 1e9;
        pass->cpu_s = (double)(rt_clock_process_cpu_ns() - cpu) / 1e9;
        read_figures(&set_up);
    }
    if (!done)
        fprintf(stderr, "egret-bench-engine: %s: %s%s\n", path,
                set_up.message.length > 0 ? set_up.message.data : "",
                set_up.job != NULL ? rt_job_error(set_up.job) : "");
    tear_down(&set_up);
    return done;
}

void bench_pass_done(struct bench_pass *pass)
{
    rt_free(pass->emitted);
    pass->emitted = NULL;
}

enum rt_status bench_load(const struct rule_source *sources, size_t count, struct rt_diags *diags,
                          struct rule_plan **out)
{
    struct rule_load_options options = {.time_field = "ts"};

    return rule_load(sources, count, &options, diags, out);
}
