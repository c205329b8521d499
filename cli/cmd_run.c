/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_run.c - `egret run RULES...`: events in, alerts out.
 *
 *     files, stdin --> job (decode, time, order) --> engine --> emit --> file, stdout
 *                       |
 *                       +--> dead letters
 *
 * stdout has alerts only; everything else goes to stderr.  The first Ctrl-C ends after the current batch, the second at once.
 */
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cep/engine.h"
#include "cli/alert_line.h"
#include "cli/command.h"
#include "cli/rule_set.h"
#include "cli/run_options.h"
#include "cli/run_report.h"
#include "cli/run_state.h"
#include "cli/state_changes.h"
#include "rules/expr.h"
#include "runtime/event/codec.h"
#include "runtime/io/sink.h"
#include "runtime/io/source.h"
#include "runtime/job/job.h"

enum { LINE_BYTES_MAX = 1 << 20, MESSAGE_BYTES_MAX = 4096 };

struct run {
    const struct cli_call *call;
    const struct cli_run_options *options;
    const struct rule_plan *plan; /* borrowed */
    struct rt_source *source;
    struct rt_sink *sink;
    struct rt_sink *dead_letter;
    struct rt_codec *codec;
    struct cep_engine *engine;
    struct rt_job *job;
    struct expr_machine *machine; /* for --watermark-when */
    uint64_t watermark_errors;    /* events for which it ended in an error */
    struct rt_buffer line;        /* an alert as text */
    struct cli_state state;       /* with --state */
    bool durable;
    bool color;
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
}

/* ---- what the job and the engine call ---- */

static enum rt_status emit(void *context, const struct rt_output *output)
{
    struct run *run = context;

    if (!run->options->text)
        return rt_sink_write(run->sink, output->record);
    rt_buffer_reset(&run->line);
    cli_alert_line(output, run->color, &run->line);
    if (run->line.failed)
        return RT_ERR_NOMEM;
    return rt_sink_write(run->sink, rt_buffer_view(&run->line));
}

static bool moves_watermark(void *context, const struct rt_event *event)
{
    struct run *run = context;
    struct expr_frame frame = {.event = event};
    enum expr_truth truth;
    enum rt_value_error why;

    expr_machine_reset(run->machine);
    truth = expr_test(run->machine, run->plan->watermark_when, &frame, &why);
    run->watermark_errors += truth == EXPR_ERROR;
    return truth == EXPR_TRUE;
}

/* ---- putting it together ---- */

static enum cli_exit fail(struct run *run, enum rt_status status, struct rt_buffer *message)
{
    cli_complain(run->call, "%s", message->length > 0 ? message->data : rt_status_text(status));
    return status == RT_ERR_IO ? CLI_USAGE : cli_exit_of(status);
}

/* Alerts are flushed one by one unless stdout is a file: whoever waits at the other end sees them at once. */
static bool flushes_each(const char *path)
{
    struct stat facts;

    if (strcmp(path, "-") == 0)
        return fstat(STDOUT_FILENO, &facts) != 0 || !S_ISREG(facts.st_mode);
    return stat(path, &facts) == 0 && !S_ISREG(facts.st_mode);
}

static enum rt_status open_sink(struct run *run, const char *path, struct rt_buffer *message,
                                struct rt_sink **out)
{
    struct rt_file_sink_options options = {
        .path = path, .flush_each = flushes_each(path), .go_on = run->durable};
    enum rt_status status = rt_sink_file_open(&options, message, out);

    if (status == RT_OK && run->durable)
        cli_state_add_output(&run->state, *out, path);
    return status;
}

static enum rt_status open_ends(struct run *run, struct rt_buffer *message)
{
    const struct cli_run_options *options = run->options;
    enum rt_status status =
        rt_source_files_new(options->inputs, options->input_count, 0, message, &run->source);

    if (status == RT_OK)
        status = open_sink(run, options->output, message, &run->sink);
    if (status == RT_OK && options->dead_letter != NULL)
        status = open_sink(run, options->dead_letter, message, &run->dead_letter);
    return status;
}

static enum rt_status make_job(struct run *run)
{
    const struct cli_run_options *options = run->options;
    bool punctuated = run->plan->watermark_when != NULL;
    struct rt_job_source source = {
        .source = run->source,
        .name = "input",
        .codec = run->codec,
        .time_reader = options->time_reader,
        .time_slot = run->plan->time_slot,
        .time = {.out_of_orderness = options->out_of_orderness, .punctuated = punctuated},
        .punctuation = punctuated ? moves_watermark : NULL,
        .punctuation_context = run,
    };
    struct rt_job_options job = {
        .sources = &source,
        .source_count = 1,
        .fields = run->plan->fields,
        .target = cep_engine_operator(run->engine),
        .dead_letter = run->dead_letter,
        .outputs = &run->sink,
        .output_count = 1,
        .keep_open = options->keep_open,
        .durable = run->durable ? &run->state.options : NULL,
    };

    return rt_job_new(&job, &run->job);
}

static enum rt_status make_all(struct run *run, struct rule_plan *plan, struct rt_buffer *message)
{
    enum rt_status status = open_ends(run, message);

    if (status == RT_OK)
        status = rt_codec_json_new(plan->fields, &run->codec);
    if (status == RT_OK)
        status = cep_engine_new(plan, &run->options->limits, emit, run, &run->engine);
    if (status == RT_OK)
        status = expr_machine_new(&run->machine);
    if (status == RT_OK)
        status = make_job(run);
    return status;
}

static void unmake(struct run *run)
{
    signalled_job = NULL;
    rt_job_free(run->job);
    expr_machine_free(run->machine);
    cep_engine_free(run->engine);
    if (run->codec != NULL)
        run->codec->free(run->codec);
    rt_sink_free(run->dead_letter);
    rt_sink_free(run->sink);
    if (run->source != NULL)
        run->source->free(run->source);
    cli_state_close(&run->state);
    rt_buffer_done(&run->line);
}

/* ---- running ---- */

/* The sink knows best why it could not be written to. */
static const char *reason(const struct run *run, enum rt_status status)
{
    const char *of_sink = run->sink->error(run->sink);
    const char *of_job = rt_job_error(run->job);

    if (status == RT_ERR_IO && of_sink[0] != '\0')
        return of_sink;
    return of_job[0] != '\0' ? of_job : rt_status_text(status);
}

static enum cli_exit finish(struct run *run, enum rt_status status)
{
    if (status == RT_END) /* the reader has gone: | head */
        return CLI_OK;
    if (!run->options->quiet)
        cli_run_report(run->call, run->plan, rt_job_counters(run->job), run->engine,
                       run->watermark_errors);
    if (status == RT_OK)
        return CLI_OK;
    cli_complain(run->call, "%s", reason(run, status));
    return cli_exit_of(status);
}

/* Says what other rules do to what was saved, before anything is restored. */
static enum rt_status review(void *context, struct rt_text header)
{
    struct run *run = context;
    struct cli_state_changes changes;
    enum rt_status status = cli_state_changes_read(&changes, run->call, run->engine, header);

    if (status == RT_OK && changes.changed > 0 && !run->options->quiet)
        cli_note(run->call, "the rules are not those that the state was saved with:\n%s",
                 changes.text.data);
    if (status == RT_OK && changes.not_allowed > 0 &&
        cli_given(run->call, CLI_OPTION_ALLOW_RESTART))
        status = RT_ERR_DIAG;
    cli_state_changes_done(&changes);
    return status;
}

static enum cli_exit open_state(struct run *run)
{
    enum cli_exit code;

    const struct cli_run_options *options = run->options;
    struct cli_state_facts facts = {.directory = options->state,
                                    .inputs = options->inputs,
                                    .input_count = options->input_count,
                                    .output = options->output,
                                    .dead_letter = options->dead_letter,
                                    .every = options->checkpoint_every};

    run->durable = true;
    code = cli_state_open(&run->state, run->call, run->plan, &facts);
    run->state.options.review = review;
    run->state.options.review_context = run;
    return code;
}

/* What is there to go on from; CLI_OK and *done: nothing is left to do. */
static enum cli_exit recover(struct run *run, bool *done)
{
    struct rt_recovered recovered;
    enum rt_status status;

    run->state.quiet = run->options->quiet;
    status = rt_job_recover(run->job, &recovered);
    if (status != RT_OK) {
        cli_complain(run->call, "%s", rt_job_error(run->job));
        return cli_state_exit(status);
    }
    cli_state_tell(&run->state, &recovered);
    *done = recovered.kind == RT_RECOVERY_FINISHED;
    return CLI_OK;
}

static enum cli_exit recover_and_run(struct run *run)
{
    bool done = false;

    listen_to_signals(run->job);
    if (run->durable) {
        enum cli_exit code = recover(run, &done);

        if (code != CLI_OK || done)
            return code;
    }
    return finish(run, rt_job_run(run->job));
}

static enum cli_exit run_plan(const struct cli_call *call, const struct cli_run_options *options,
                              struct rule_plan *plan)
{
    struct run run = {.call = call, .options = options, .plan = plan};
    struct rt_buffer message;
    enum rt_status status;
    enum cli_exit code;

    run.color = options->text && call->terminal.out_color && strcmp(options->output, "-") == 0;
    rt_buffer_init(&run.line, LINE_BYTES_MAX);
    rt_buffer_init(&message, MESSAGE_BYTES_MAX);
    code = options->state == NULL ? CLI_OK : open_state(&run);
    if (code == CLI_OK) {
        status = make_all(&run, plan, &message);
        code = status == RT_OK ? recover_and_run(&run) : fail(&run, status, &message);
    }
    rt_buffer_done(&message);
    unmake(&run);
    return code;
}

static enum cli_exit load_and_run(const struct cli_call *call,
                                  const struct cli_run_options *options)
{
    struct rule_load_options load = {
        .overrides = options->overrides,
        .override_count = options->override_count,
        .time_field = options->time_field,
        .watermark_when = options->watermark_when,
        .partials_per_key = options->limits.partials_per_key,
        .events_per_partial = options->limits.events_per_partial,
    };
    struct cli_rule_set set;
    enum rt_status status =
        cli_rule_set_load(&set, call, call->arguments, call->argument_count, &load);
    enum cli_exit code;

    cli_rule_set_print_diags(&set, call, options->quiet);
    if (status == RT_OK)
        code = run_plan(call, options, set.plan);
    else
        code = status == RT_ERR_DIAG ? CLI_CONFIG : cli_rule_set_exit(status);
    cli_rule_set_done(&set);
    return code;
}

static bool reads_stdin_twice(const struct cli_call *call, const struct cli_run_options *options)
{
    bool rules = false, events = false;

    for (size_t i = 0; i < call->argument_count; i++)
        rules = rules || strcmp(call->arguments[i], "-") == 0;
    for (size_t i = 0; i < options->input_count; i++)
        events = events || strcmp(options->inputs[i], "-") == 0;
    return rules && events;
}

static bool has_configuration(void)
{
    return access("egret.yaml", F_OK) == 0;
}

static enum cli_exit run_rules(const struct cli_call *call)
{
    bool has_input = cli_given(call, CLI_OPTION_INPUT);
    struct cli_run_options options;
    enum cli_exit code;

    if (call->argument_count == 0 && (has_input || !has_configuration()))
        return cli_wrong_call(call, "which rules?  egret run RULES... -i EVENTS");
    if (call->argument_count == 0)
        return cli_wrong_call(call, "egret.yaml: configuration files are not yet supported; "
                                    "egret run RULES... -i EVENTS");
    if (!has_input && call->terminal.in_is_terminal) {
        cli_print_help(&call->terminal, call->command, true);
        return CLI_USAGE;
    }
    code = cli_run_options_read(call, &options);
    if (code == CLI_OK && reads_stdin_twice(call, &options))
        code = cli_wrong_call(call, "rules and events cannot both come from stdin");
    if (code == CLI_OK)
        code = load_and_run(call, &options);
    cli_run_options_done(&options);
    return code;
}

const struct cli_command cli_command_run = {
    .name = "run",
    .arguments = "RULES... [-i FILE]... [-o FILE] [options]",
    .summary = "read events, write alerts",
    .details =
        "RULES are rule files or directories.  Events are JSON objects, one a line; without -i "
        "they "
        "come from stdin.\n"
        "Files may be compressed with gzip; several are read one after another as one stream.  "
        "Alerts are JSON, one a\n"
        "line, or short lines on a terminal; --format decides otherwise.  The end of the input "
        "lets "
        "all pending deadlines\n"
        "fire.  A record that is no event is counted, and kept with --dead-letter; it never stops "
        "the run.\n"
        "Exit: 0 done, 2 the call was wrong, 74 input or output failed, 78 the rules are not "
        "valid, "
        "130 stopped by a\nsecond Ctrl-C.",
    .arguments_max = CLI_ARGUMENTS_ANY,
    .options = {CLI_OPTION_INPUT, CLI_OPTION_OUTPUT, CLI_OPTION_FORMAT, CLI_OPTION_TIME,
                CLI_OPTION_OUT_OF_ORDERNESS, CLI_OPTION_WATERMARK_WHEN, CLI_OPTION_KEEP_OPEN,
                CLI_OPTION_DEAD_LETTER, CLI_OPTION_SET, CLI_OPTION_STATE, CLI_OPTION_ALLOW_RESTART,
                CLI_OPTION_QUIET},
    .option_count = 12,
    .exec = run_rules,
};
