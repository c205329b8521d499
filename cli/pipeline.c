/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/pipeline.h"

#include "cli/kafka_ends.h"

#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "cep/team.h"
#include "cli/ends.h"
#include "cli/replay.h"
#include "cli/router.h"
#include "cli/run_report.h"
#include "cli/run_state.h"
#include "cli/run_stats.h"
#include "cli/state_changes.h"
#include "runtime/event/codec.h"
#include "runtime/job/job.h"
#include "runtime/time/clock.h"
#include "runtime/worker/workers.h"

enum { MESSAGE_BYTES_MAX = 4096, NS_PER_MS = 1000000 };

struct watermark { /* of a source that has a condition for it */
    struct pipeline *pipeline;
    const struct expr *condition;
};

struct pipeline {
    const struct cli_call *call;
    const struct cli_run_options *options;
    const struct cli_config *config;
    struct cli_rule_set *set;
    struct rule_plan *plan; /* borrowed */
    struct rt_arena arena;
    struct cli_ends ends;
    struct cli_router *router;
    struct rt_codec *codec;
    struct cep_team *team;
    struct rt_workers *workers;   /* NULL: one engine does all, in the thread that reads */
    struct expr_machine *machine; /* for watermarks */
    bool is_restart;              /* not the first attempt of this process */
    bool may_restart;             /* it has failed in a way that another attempt may mend */
    rt_duration worked;           /* so long it had run by then */
    uint64_t watermark_errors;    /* events for which one ended in an error */
    struct cli_state state;       /* with a state directory */
    struct cli_run_stats stats;
    struct cli_replay replay;
    struct rt_job *job;
    const char **source_names;
};

/* ---- signals ---- */

/* What a handler may touch: the process has one job that signals end. */
static struct rt_job *volatile signalled_job;
static volatile sig_atomic_t signalled;

static void on_signal(int number)
{
    if (signalled != 0 && number == SIGINT)
        _exit(128 + SIGINT);
    signalled = number;
    if (signalled_job != NULL)
        rt_job_stop(signalled_job);
}

static void listen_to_signals(struct rt_job *job)
{
    struct sigaction action;

    memset(&action, 0, sizeof(action));
    action.sa_handler = on_signal; /* without SA_RESTART: a read that waits has to end */
    sigemptyset(&action.sa_mask);
    signalled_job = job;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    if (signalled != 0) /* while a further attempt was under way and had no job yet */
        rt_job_stop(job);
}

/* ---- sources of the job ---- */

static bool moves_watermark(void *context, const struct rt_event *event)
{
    struct watermark *watermark = context;
    struct expr_frame frame = {.event = event};
    enum rt_value_error why;
    enum expr_truth truth;

    expr_machine_reset(watermark->pipeline->machine);
    truth = expr_test(watermark->pipeline->machine, watermark->condition, &frame, &why);
    watermark->pipeline->watermark_errors += truth == EXPR_ERROR;
    return truth == EXPR_TRUE;
}

static enum rt_status set_fields(struct pipeline *pipeline, const struct cli_source_config *config,
                                 size_t first, struct rt_job_source *out)
{
    static const enum rt_record_part parts[] = {[CLI_PART_KEY] = RT_PART_KEY,
                                                [CLI_PART_TIMESTAMP] = RT_PART_STAMP,
                                                [CLI_PART_HEADER] = RT_PART_HEADER};
    struct rt_job_field *fields =
        rt_arena_array(&pipeline->arena, config->field_count + 1, sizeof(*fields));

    if (fields == NULL)
        return RT_ERR_NOMEM;
    for (size_t i = 0; i < config->field_count; i++)
        fields[i] = (struct rt_job_field){.slot = pipeline->plan->run_slots[first + i],
                                          .part = parts[config->fields[i].part],
                                          .header = config->fields[i].header};
    out->fields = fields;
    out->field_count = config->field_count;
    return RT_OK;
}

static enum rt_status set_source(struct pipeline *pipeline, size_t index, struct rt_job_source *out)
{
    const struct cli_source_config *config = &pipeline->config->sources[index];
    struct cli_run_place place = cli_run_place_of(pipeline->config, index);
    bool punctuated = place.condition != SIZE_MAX;
    struct watermark *watermark = rt_arena_alloc(&pipeline->arena, sizeof(*watermark));

    if (watermark == NULL)
        return RT_ERR_NOMEM;
    *watermark = (struct watermark){
        pipeline, punctuated ? pipeline->plan->run_conditions[place.condition] : NULL};
    *out = (struct rt_job_source){
        .source = pipeline->ends.sources[index],
        .name = config->name,
        .codec = pipeline->codec,
        .time_reader = config->time_reader,
        .time_slot =
            place.time_field == SIZE_MAX ? RT_NO_SLOT : pipeline->plan->run_slots[place.time_field],
        .stamp_if_none = config->arrival_time,
        .by_clock = config->time_of_clock,
        .time = {.out_of_orderness = config->out_of_orderness,
                 .punctuated = punctuated,
                 .per_partition = config->transport == CLI_KAFKA && !config->time_of_clock,
                 .idle_timeout = config->idle_timeout,
                 .future_limit = config->future_limit},
        .punctuation = punctuated ? moves_watermark : NULL,
        .punctuation_context = watermark,
        .skip_rejects = config->on_reject == CLI_REJECT_SKIP,
        .stop_on_reject = config->on_reject == CLI_REJECT_STOP,
        .live = config->live,
    };
    return set_fields(pipeline, config, place.first_field, out);
}

/* ---- putting it together ---- */

static bool name_sources(struct pipeline *pipeline)
{
    pipeline->source_names = rt_arena_array(&pipeline->arena, pipeline->config->source_count + 1,
                                            sizeof(*pipeline->source_names));
    for (size_t i = 0; pipeline->source_names != NULL && i < pipeline->config->source_count; i++)
        pipeline->source_names[i] = pipeline->config->sources[i].name;
    return pipeline->source_names != NULL;
}

static enum rt_status start_workers(struct pipeline *pipeline)
{
    const uint32_t count = cep_team_count(pipeline->team);
    struct rt_operator *operators[CEP_TEAM_MAX];

    if (count == 1)
        return RT_OK;
    for (uint32_t i = 0; i < count; i++)
        operators[i] = cep_team_worker(pipeline->team, i);

    const struct rt_workers_options options = {.head = cep_team_head(pipeline->team),
                                               .workers = operators,
                                               .count = count,
                                               .memory = cep_team_memory(pipeline->team)};

    return rt_workers_new(&options, &pipeline->workers);
}

static enum rt_status make_engine(struct pipeline *pipeline)
{
    const struct cli_config *config = pipeline->config;
    struct cep_options options = config->limits;
    uint32_t workers = config->workers;
    enum rt_status status;

    options.source_names = pipeline->source_names;
    options.source_count = config->source_count;
    options.route_by_source = !config->one_way;
    if (cli_state_spills(config))
        options.memory = UINT64_MAX; /* the job makes room, and nothing is lost by it */
    if (workers > 1 && !cep_team_can_share(pipeline->plan)) {
        if (!pipeline->options->quiet)
            cli_note(pipeline->call, "one worker: a rule reads the alerts of others");
        workers = 1;
    }
    status =
        cep_team_new(pipeline->plan, &options, (struct cep_team_size){workers, CLI_STATE_GROUPS},
                     cli_replay_emit, &pipeline->replay, &pipeline->team);
    if (status == RT_OK)
        status = start_workers(pipeline);
    return status == RT_OK ? expr_machine_new(&pipeline->machine) : status;
}

static enum rt_status make_job(struct pipeline *pipeline)
{
    const struct cli_config *config = pipeline->config;
    struct rt_job_source *sources =
        rt_arena_array(&pipeline->arena, config->source_count, sizeof(*sources));
    struct rt_job_options job = {
        .sources = sources,
        .source_count = config->source_count,
        .fields = pipeline->plan->fields,
        .target = pipeline->workers == NULL ? cep_team_head(pipeline->team)
                                            : rt_workers_operator(pipeline->workers),
        .dead_letter = pipeline->ends.dead_letter,
        .outputs = pipeline->ends.sinks,
        .output_count = config->sink_count,
        .keep_open = pipeline->options->keep_open,
        .report_every = pipeline->options->quiet ? (rt_duration){0} : config->stats_every,
        .report = cli_run_stats_tell,
        .report_context = &pipeline->stats,
        .replayed = cli_replay_tell,
        .replayed_context = &pipeline->replay,
        .durable = config->state_dir != NULL ? &pipeline->state.options : NULL,
    };
    enum rt_status status = sources == NULL ? RT_ERR_NOMEM : RT_OK;

    for (size_t i = 0; i < config->source_count && status == RT_OK; i++)
        status = set_source(pipeline, i, &sources[i]);
    if (status == RT_OK)
        status = rt_job_new(&job, &pipeline->job);
    pipeline->replay.job = pipeline->job;
    return status;
}

static enum rt_status make_all(struct pipeline *pipeline)
{
    enum rt_status status;

    pipeline->source_names = rt_arena_array(&pipeline->arena, pipeline->config->source_count + 1,
                                            sizeof(*pipeline->source_names));
    if (pipeline->source_names == NULL)
        return RT_ERR_NOMEM;
    for (size_t i = 0; i < pipeline->config->source_count; i++)
        pipeline->source_names[i] = pipeline->config->sources[i].name;
    cli_router_connect(pipeline->router, pipeline->ends.sinks);
    status = rt_codec_json_new(pipeline->plan->fields, &pipeline->codec);
    if (status == RT_OK)
        status = make_engine(pipeline);
    if (status == RT_OK)
        status = make_job(pipeline);
    return status;
}

static void unmake(struct pipeline *pipeline)
{
    signalled_job = NULL;
    rt_job_free(pipeline->job);
    expr_machine_free(pipeline->machine);
    rt_workers_free(pipeline->workers); /* before what they work on */
    cep_team_free(pipeline->team);
    if (pipeline->codec != NULL)
        pipeline->codec->free(pipeline->codec);
    cli_ends_close(&pipeline->ends);
    cli_router_free(pipeline->router);
    cli_state_close(&pipeline->state);
    rt_arena_done(&pipeline->arena);
}

/* ---- the state directory ---- */

/* Says what other rules do to what was saved, before anything is restored. */
static enum rt_status review(void *context, struct rt_text header)
{
    struct pipeline *pipeline = context;
    struct cli_state_changes changes;
    enum rt_status status =
        cli_state_changes_read(&changes, pipeline->call, cep_team_engine(pipeline->team), header);

    if (status == RT_OK && changes.changed > 0 && !pipeline->options->quiet)
        cli_note(pipeline->call, "the rules are not those that the state was saved with:\n%s",
                 changes.text.data);
    if (status == RT_OK && changes.not_allowed > 0 &&
        cli_given(pipeline->call, CLI_OPTION_ALLOW_RESTART))
        status = RT_ERR_DIAG;
    cli_state_changes_done(&changes);
    return status;
}

static enum cli_exit open_state(struct pipeline *pipeline)
{
    const struct cli_config *config = pipeline->config;
    enum cli_exit code;

    if (config->state_dir == NULL)
        return CLI_OK;
    pipeline->state.quiet = pipeline->options->quiet;
    code = cli_state_open(&pipeline->state, pipeline->call, pipeline->plan, config);
    pipeline->state.options.review = review;
    pipeline->state.options.review_context = pipeline;
    return code;
}

static void add_outputs(struct pipeline *pipeline)
{
    const struct cli_config *config = pipeline->config;

    if (config->state_dir == NULL)
        return;
    for (size_t i = 0; i < config->sink_count; i++)
        cli_state_add_output(&pipeline->state, pipeline->ends.sinks[i], config->sinks[i].name);
    if (config->dead_letter != NULL)
        cli_state_add_output(&pipeline->state, pipeline->ends.dead_letter,
                             config->dead_letter->name);
    pipeline->state.options.decision = pipeline->ends.decision;
    pipeline->state.options.source_names = pipeline->source_names;
}

/* What is there to go on from; CLI_OK and *done: nothing is left to do. */
static enum cli_exit recover(struct pipeline *pipeline, bool *done)
{
    struct rt_recovered recovered;
    enum rt_status status = rt_job_recover(pipeline->job, &recovered);

    if (status != RT_OK) {
        pipeline->may_restart = status == RT_ERR_IO && pipeline->is_restart;
        cli_complain(pipeline->call, "%s", rt_job_error(pipeline->job));
        return cli_kafka_exit(rt_job_error(pipeline->job), cli_state_exit(status));
    }
    cli_state_tell(&pipeline->state, &recovered);
    *done = recovered.kind == RT_RECOVERY_FINISHED;
    return CLI_OK;
}

/* ---- running ---- */

/* The sink knows best why it could not be written to. */
static const char *reason(const struct pipeline *pipeline, enum rt_status status)
{
    const char *of_job = rt_job_error(pipeline->job);

    for (size_t i = 0; status == RT_ERR_IO && i <= pipeline->config->sink_count; i++) {
        const struct rt_sink *sink =
            i < pipeline->config->sink_count ? pipeline->ends.sinks[i] : pipeline->ends.dead_letter;

        if (sink != NULL && sink->error(sink)[0] != '\0')
            return sink->error(sink);
    }
    return of_job[0] != '\0' ? of_job : rt_status_text(status);
}

static void report_router(const struct pipeline *pipeline)
{
    uint64_t nowhere = cli_router_nowhere(pipeline->router);
    uint64_t errors = cli_router_when_errors(pipeline->router);

    if (nowhere > 0)
        cli_note(pipeline->call, "%" PRIu64 " alerts went to no sink", nowhere);
    if (errors > 0)
        cli_note(pipeline->call, "`when` of a sink ended in an error %" PRIu64 " times", errors);
}

static enum cli_exit finish(struct pipeline *pipeline, enum rt_status status)
{
    if (status == RT_END) /* the reader has gone: | head */
        return CLI_OK;
    if (!pipeline->options->quiet) {
        if (status == RT_OK && rt_job_replays(pipeline->job))
            cli_note(pipeline->call, "stopped before all had been read again: nothing was saved, "
                                     "and the same command begins anew");
        report_router(pipeline);
        cli_run_report(pipeline->call, pipeline->plan, rt_job_counters(pipeline->job),
                       pipeline->team, pipeline->watermark_errors);
    }
    if (status == RT_OK)
        return CLI_OK;
    cli_complain(pipeline->call, "%s", reason(pipeline, status));
    return cli_kafka_exit(reason(pipeline, status), cli_exit_of(status));
}

static void prepare_stats(struct pipeline *pipeline)
{
    const struct cli_config *config = pipeline->config;

    pipeline->stats = (struct cli_run_stats){
        .call = pipeline->call,
        .plan = pipeline->plan,
        .job = pipeline->job,
        .team = pipeline->team,
        .sources = pipeline->ends.sources,
        .source_count = config->source_count,
        .before_ns = rt_clock_monotonic_ns(),
        .before_read = rt_job_counters(pipeline->job)->read,
    };
    for (size_t i = 0; i < config->source_count; i++)
        pipeline->stats.is_live |= config->sources[i].live;
}

static enum cli_exit recover_and_run(struct pipeline *pipeline)
{
    enum rt_status status;
    uint64_t since;
    bool done = false;

    listen_to_signals(pipeline->job);
    if (pipeline->config->state_dir != NULL) {
        enum cli_exit code = recover(pipeline, &done);

        if (code != CLI_OK || done)
            return code;
    }
    prepare_stats(pipeline);
    since = rt_clock_monotonic_ns();
    status = rt_job_run(pipeline->job);
    pipeline->worked.ms = (int64_t)((rt_clock_monotonic_ns() - since) / NS_PER_MS);
    pipeline->may_restart = status == RT_ERR_IO;
    return finish(pipeline, status);
}

static enum cli_exit open_and_run(struct pipeline *pipeline, struct rt_buffer *message)
{
    /*
     * The operator's choice is for one start: what this process has committed since then holds.  A replay is none where there is
     * something to go on from.
     */
    enum rt_kafka_recover how = pipeline->options->recover;
    enum cli_exit code = open_state(pipeline);
    enum rt_status status;

    if (pipeline->is_restart && how != RT_KAFKA_RECOVER_REPLAY)
        how = RT_KAFKA_RECOVER_STRICT;
    pipeline->replay.call = pipeline->call;
    pipeline->replay.quiet = pipeline->options->quiet;
    pipeline->replay.router = pipeline->router;
    if (code == CLI_OK && how == RT_KAFKA_RECOVER_REPLAY)
        code = cli_replay_prepare(&pipeline->replay, pipeline->plan, pipeline->config,
                                  &pipeline->arena);
    if (code == CLI_OK) {
        code =
            cli_ends_open(&pipeline->ends, pipeline->config, how, &pipeline->replay.plan, message);
        if (code != CLI_OK) {
            cli_complain(pipeline->call, "%s", message->data);
            code = cli_kafka_exit(message->data, code);
            pipeline->may_restart = pipeline->is_restart;
        }
    }
    if (code != CLI_OK)
        return code;
    if (!name_sources(pipeline))
        return cli_exit_of(RT_ERR_NOMEM);
    add_outputs(pipeline);
    status = make_all(pipeline);
    if (status != RT_OK) {
        cli_complain(pipeline->call, "%s", rt_status_text(status));
        return cli_exit_of(status);
    }
    return recover_and_run(pipeline);
}

static enum cli_exit run_once(struct pipeline *pipeline)
{
    const struct cli_config *config = pipeline->config;
    const struct cli_run_options *options = pipeline->options;
    struct rt_buffer message;
    enum rt_status status;
    enum cli_exit code;

    rt_arena_init(&pipeline->arena, SIZE_MAX);
    rt_buffer_init(&message, MESSAGE_BYTES_MAX);
    status = cli_router_new(config, pipeline->plan, pipeline->call->terminal.out_color,
                            options->set.diags, &pipeline->router);
    if (!pipeline->is_restart && !config->one_way)
        cli_print_diags(pipeline->call, options->set.diags);
    code = status == RT_OK ? open_and_run(pipeline, &message) : cli_exit_of(status);
    rt_buffer_done(&message);
    unmake(pipeline);
    return code;
}

/* Waits before the next attempt; false: there is none. */
static bool wait_for_restart(const struct cli_call *call, struct rt_restart *restart,
                             rt_duration worked)
{
    struct rt_buffer text;
    rt_duration delay;

    if (signalled != 0 || !rt_restart_next(restart, worked, &delay))
        return false;
    rt_buffer_init(&text, MESSAGE_BYTES_MAX);
    rt_buffer_duration(&text, delay.ms);
    cli_warn(call, "goes on from the last checkpoint in %s, attempt %u", text.data, restart->tried);
    rt_buffer_done(&text);
    poll(NULL, 0, delay.ms > INT_MAX ? INT_MAX : (int)delay.ms); /* a signal ends it */
    return signalled == 0;
}

enum cli_exit cli_pipeline_run(const struct cli_call *call, const struct cli_run_options *options,
                               struct cli_rule_set *set)
{
    const struct cli_config *config = &options->set.config;
    struct rt_restart restart = {.strategy = config->restart,
                                 .random = (uint64_t)rt_clock_wall().ms};
    bool is_restart = false, again;
    enum cli_exit code;

    if (!config->one_way)
        cli_router_warn_unused(config, set->plan, options->set.diags);
    do {
        struct pipeline pipeline = {.call = call,
                                    .options = options,
                                    .config = config,
                                    .set = set,
                                    .plan = set->plan,
                                    .is_restart = is_restart};

        code = run_once(&pipeline);
        again = pipeline.may_restart && code != CLI_FENCED && code != CLI_CONFIG &&
                config->state_dir != NULL && wait_for_restart(call, &restart, pipeline.worked);
        is_restart = true;
    } while (again);
    return code;
}
