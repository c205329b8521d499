/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/state/set_up.h"

#include "runtime/time/clock.h"

enum { GROUPS = 128, MESSAGE_BYTES_MAX = 1 << 16 };

/* ---- the source, tapped ---- */

static struct bench_tap *tap_of(const struct rt_source *port)
{
    return (struct bench_tap *)(uintptr_t)port; /* its first member */
}

static enum rt_status tap_read(struct rt_source *port, struct rt_batch *batch)
{
    struct bench_tap *tap = tap_of(port);
    enum rt_status status = tap->source->read(tap->source, batch);

    if (status != RT_END)
        return status;
    tap->ended_ns = rt_clock_monotonic_ns();
    tap->ended_cpu_ns = rt_clock_process_cpu_ns();
    tap->ended_thread_ns = rt_clock_thread_cpu_ns();
    rt_job_stop(tap->job);
    return RT_OK;
}

static int tap_descriptor(const struct rt_source *port)
{
    const struct rt_source *source = tap_of(port)->source;

    return source->descriptor == NULL ? -1 : source->descriptor(source);
}

static size_t tap_places(const struct rt_source *port, struct rt_place *out, size_t max)
{
    const struct rt_source *source = tap_of(port)->source;

    return source->places(source, out, max);
}

static enum rt_status tap_seek(struct rt_source *port, const struct rt_place *places, size_t count)
{
    struct rt_source *source = tap_of(port)->source;

    return source->seek(source, places, count);
}

static const char *tap_error(const struct rt_source *port)
{
    const struct rt_source *source = tap_of(port)->source;

    return source->error(source);
}

/* ---- the rest ---- */

static enum rt_status emit(void *context, const struct rt_output *output)
{
    struct bench_set_up *set_up = context;

    set_up->alerts++;
    return rt_sink_write(set_up->sink, output->record);
}

static bool make_engines(struct bench_set_up *set_up)
{
    struct cep_options options = cep_options_standard();
    struct rt_operator *operators[CEP_TEAM_MAX];
    const struct cep_team_size size = {set_up->wish->workers, GROUPS};

    options.memory = options.captured_bytes = UINT64_MAX;
    if (cep_team_new(set_up->plan, &options, size, emit, set_up, &set_up->team) != RT_OK)
        return false;

    const struct rt_workers_options workers = {.head = cep_team_head(set_up->team),
                                               .workers = operators,
                                               .count = cep_team_count(set_up->team),
                                               .memory = cep_team_memory(set_up->team)};

    if (workers.count == 1)
        return true;
    for (uint32_t i = 0; i < workers.count; i++)
        operators[i] = cep_team_worker(set_up->team, i);
    return rt_workers_new(&workers, &set_up->workers) == RT_OK;
}

static bool open_ends(struct bench_set_up *set_up)
{
    const struct bench_wish *wish = set_up->wish;
    const struct rt_file_sink_options sink = {.path = wish->output,
                                              .go_on = wish->directory != NULL};

    set_up->tap.port = (struct rt_source){.read = tap_read,
                                          .descriptor = tap_descriptor,
                                          .places = tap_places,
                                          .seek = tap_seek,
                                          .error = tap_error};
    return rt_source_files_new(&wish->input, 1, 0, &set_up->message, &set_up->tap.source) ==
               RT_OK &&
           rt_codec_json_new(set_up->plan->fields, &set_up->codec) == RT_OK &&
           rt_sink_file_open(&sink, &set_up->message, &set_up->sink) == RT_OK;
}

static bool open_directory(struct bench_set_up *set_up)
{
    static const char *const source_names[] = {"input"};
    const struct rt_checkpoints_options options = {.directory = set_up->wish->directory,
                                                   .identity = RT_TEXT("benchmark\n"),
                                                   .program = RT_TEXT(EGRET_VERSION),
                                                   .groups = GROUPS,
                                                   .bases = RT_BASE_DATABASE,
                                                   .rules = 1};
    const struct rule_plan *plan = set_up->plan;

    if (options.directory == NULL)
        return true;
    if (rt_checkpoints_open(&options, &set_up->message, &set_up->checkpoints) != RT_OK)
        return false;
    set_up->durable_output = (struct rt_durable_output){set_up->sink, "alerts"};
    set_up->durable = (struct rt_durable_options){
        .checkpoints = set_up->checkpoints,
        .groups = GROUPS,
        .every = set_up->wish->every,
        .changes_max = set_up->wish->changes,
        .outputs = &set_up->durable_output,
        .output_count = 1,
        .source_names = source_names,
        .names = {.fields = plan->fields, .slot_count = rt_fields_count(plan->fields)},
    };
    return true;
}

static bool make_job(struct bench_set_up *set_up)
{
    const struct rt_job_source source = {.source = &set_up->tap.port,
                                         .name = "input",
                                         .codec = set_up->codec,
                                         .time_slot = set_up->plan->time_slot,
                                         .time = {.out_of_orderness = set_up->wish->bound}};
    const struct rt_job_options options = {
        .sources = &source,
        .source_count = 1,
        .waiting_bytes_max = SIZE_MAX,
        .fields = set_up->plan->fields,
        .target = set_up->workers == NULL ? cep_team_head(set_up->team)
                                          : rt_workers_operator(set_up->workers),
        .outputs = &set_up->sink,
        .output_count = 1,
        .durable = set_up->checkpoints == NULL ? NULL : &set_up->durable,
    };

    if (rt_job_new(&options, &set_up->job) != RT_OK)
        return false;
    set_up->tap.job = set_up->job;
    return true;
}

bool bench_set_up(struct bench_set_up *set_up, struct rule_plan *plan,
                  const struct bench_wish *wish)
{
    *set_up = (struct bench_set_up){.wish = wish, .plan = plan};
    rt_buffer_init(&set_up->message, MESSAGE_BYTES_MAX);
    return make_engines(set_up) && open_ends(set_up) && open_directory(set_up) && make_job(set_up);
}

void bench_tear_down(struct bench_set_up *set_up)
{
    rt_job_free(set_up->job);
    rt_workers_free(set_up->workers); /* before what they work on */
    cep_team_free(set_up->team);
    rt_sink_free(set_up->sink);
    if (set_up->codec != NULL)
        set_up->codec->free(set_up->codec);
    rt_source_free(set_up->tap.source);
    rt_checkpoints_close(set_up->checkpoints);
    rt_buffer_done(&set_up->message);
}
