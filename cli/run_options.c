/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_options.h"

#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "cep/team.h"

static void *take(struct cli_run_options *out, size_t count, size_t bytes)
{
    void *memory = rt_arena_array(&out->set.config.arena, count, bytes);

    return memory == NULL ? NULL : memset(memory, 0, count * bytes);
}

/* ---- the one source ---- */

static enum cli_exit read_inputs(const struct cli_call *call, struct cli_run_options *out,
                                 struct cli_source_config *source)
{
    size_t count = cli_value_count(call, CLI_OPTION_INPUT);
    const char **inputs = take(out, count + 1, sizeof(*inputs));

    if (inputs == NULL)
        return CLI_IO;
    inputs[0] = "-";
    for (size_t i = 0; i < count; i++)
        inputs[i] = cli_value_at(call, CLI_OPTION_INPUT, i);
    source->paths = inputs;
    source->path_count = count == 0 ? 1 : count;
    return CLI_OK;
}

/* FIELD[:FORMAT] */
static enum cli_exit read_time(const struct cli_call *call, struct cli_run_options *out,
                               struct cli_source_config *source)
{
    const char *value = cli_value(call, CLI_OPTION_TIME, "ts");
    size_t length = strcspn(value, ":");

    source->time_field = rt_arena_text(&out->set.config.arena, value, length);
    if (source->time_field == NULL)
        return CLI_IO;
    if (length == 0)
        return cli_wrong_call(call, "--time %s: the name of a field is missing", value);
    if (value[length] == ':' && !rt_time_reader_parse(value + length + 1, &source->time_reader))
        return cli_wrong_call(call,
                              "--time %s: `%s` is not a format; one of unix_s, unix_ms, unix_us, "
                              "unix_ns, rfc3339, or a strptime pattern with %%",
                              value, value + length + 1);
    return CLI_OK;
}

static enum cli_exit read_bound(const struct cli_call *call, struct cli_run_options *out,
                                struct cli_source_config *source)
{
    const char *value = cli_value(call, CLI_OPTION_OUT_OF_ORDERNESS, "0s");
    int64_t ms;

    (void)out;
    if (!rt_text_to_duration_ms(rt_text_of(value), &ms) || ms > RT_DURATION_MAX.ms)
        return cli_wrong_call(call, "--out-of-orderness %s: not a duration such as 500ms, 5s or 1m",
                              value);
    source->watermark_when = rt_text_of(cli_value(call, CLI_OPTION_WATERMARK_WHEN, NULL));
    if (source->watermark_when.data != NULL && cli_given(call, CLI_OPTION_OUT_OF_ORDERNESS))
        return cli_wrong_call(call, "--out-of-orderness has no meaning with --watermark-when: its "
                                    "events move the watermark to their own time");
    source->out_of_orderness = (rt_duration){ms};
    return CLI_OK;
}

/* ---- the one sink, and dead letters ---- */

static bool same_file(const char *a, const char *b)
{
    struct stat left, right;

    return stat(a, &left) == 0 && stat(b, &right) == 0 && S_ISREG(left.st_mode) &&
           left.st_dev == right.st_dev && left.st_ino == right.st_ino;
}

/* A file that is read must not be written: it would be emptied before its first byte is seen. */
static enum cli_exit check_output(const struct cli_call *call,
                                  const struct cli_source_config *source, const char *option,
                                  const char *path)
{
    if (path == NULL || strcmp(path, "-") == 0)
        return CLI_OK;
    for (size_t i = 0; i < source->path_count; i++) {
        if (same_file(source->paths[i], path))
            return cli_wrong_call(call, "--%s %s: this file is also read", option, path);
    }
    return CLI_OK;
}

static enum cli_exit read_outputs(const struct cli_call *call, struct cli_run_options *out,
                                  struct cli_source_config *source)
{
    const char *format = cli_value(call, CLI_OPTION_FORMAT, NULL);
    const char *output = cli_value(call, CLI_OPTION_OUTPUT, "-");
    const char *dead_letter = cli_value(call, CLI_OPTION_DEAD_LETTER, NULL);
    bool is_stdout = strcmp(output, "-") == 0;
    bool text =
        format != NULL ? strcmp(format, "text") == 0 : call->terminal.out_is_terminal && is_stdout;
    struct cli_sink_config *sinks = take(out, 2, sizeof(*sinks));
    enum cli_exit code;

    if (sinks == NULL)
        return CLI_IO;
    if (dead_letter != NULL && strcmp(dead_letter, "-") == 0)
        return cli_wrong_call(call, "--dead-letter -: stdout is for alerts; name a file");
    if (dead_letter != NULL && strcmp(dead_letter, output) == 0)
        return cli_wrong_call(call, "--dead-letter and --output are the same file");
    sinks[0] = (struct cli_sink_config){.name = output,
                                        .transport = is_stdout ? CLI_STDOUT : CLI_FILE,
                                        .path = output,
                                        .format = text ? CLI_FORMAT_TEXT : CLI_FORMAT_JSON,
                                        .is_default = true};
    sinks[1] =
        (struct cli_sink_config){.name = dead_letter, .transport = CLI_FILE, .path = dead_letter};
    out->set.config.sinks = sinks;
    out->set.config.sink_count = 1;
    out->set.config.has_default_sinks = true;
    out->set.config.dead_letter = dead_letter == NULL ? NULL : &sinks[1];
    code = check_output(call, source, "output", output);
    return code != CLI_OK ? code : check_output(call, source, "dead-letter", dead_letter);
}

/* ---- both ways ---- */

/* Words of the command line that say what a configuration file says otherwise. */
static enum cli_exit check_no_words(const struct cli_call *call)
{
    static const enum cli_option_id words[] = {
        CLI_OPTION_INPUT,      CLI_OPTION_OUTPUT,           CLI_OPTION_FORMAT,
        CLI_OPTION_TIME,       CLI_OPTION_OUT_OF_ORDERNESS, CLI_OPTION_WATERMARK_WHEN,
        CLI_OPTION_DEAD_LETTER};
    static const char *const names[] = {"--input",      "--output",           "--format",
                                        "--time",       "--out-of-orderness", "--watermark-when",
                                        "--dead-letter"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (cli_given(call, words[i]))
            return cli_wrong_call(call,
                                  "%s belongs to a run without configuration; with one, --set "
                                  "changes any key (`egret config keys`)",
                                  names[i]);
    }
    return CLI_OK;
}

static enum cli_exit read_words(const struct cli_call *call, struct cli_run_options *out)
{
    typedef enum cli_exit part(const struct cli_call *, struct cli_run_options *,
                               struct cli_source_config *);
    static part *const parts[] = {read_inputs, read_time, read_bound, read_outputs};
    struct cli_source_config *source = take(out, 1, sizeof(*source));
    enum cli_exit code = CLI_OK;

    if (source == NULL)
        return CLI_IO;
    if (out->set.config.source_count > 0 || out->set.config.sink_count > 0)
        return cli_wrong_call(call, "--set sources and sinks belong to a configuration file");
    *source = (struct cli_source_config){
        .name = "input", .transport = CLI_FILE, .on_reject = CLI_REJECT_KEEP};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && code == CLI_OK; i++)
        code = parts[i](call, out, source);
    out->set.config.sources = source;
    out->set.config.source_count = 1;
    out->set.config.one_way = true;
    return code;
}

static enum cli_exit read_recover(const struct cli_call *call, struct cli_run_options *out)
{
    const char *word = cli_value(call, CLI_OPTION_RECOVER, NULL);

    if (word != NULL)
        out->recover = strcmp(word, "offsets") == 0  ? RT_KAFKA_RECOVER_OFFSETS
                       : strcmp(word, "replay") == 0 ? RT_KAFKA_RECOVER_REPLAY
                                                     : RT_KAFKA_RECOVER_CHECKPOINT;
    return CLI_OK;
}

/* The word, or the configuration's number. */
static enum cli_exit read_workers(const struct cli_call *call, struct cli_run_options *out)
{
    const char *word = cli_value(call, CLI_OPTION_WORKERS, NULL);
    uint64_t count = out->set.config.workers;

    if (word != NULL && !rt_text_to_uint(rt_text_of(word), &count))
        count = 0;
    if (count == 0 || count > CEP_TEAM_MAX)
        return cli_wrong_call(call, "%s %s: not a number from 1 to %d",
                              word != NULL ? "--workers" : "workers", word != NULL ? word : "",
                              (int)CEP_TEAM_MAX);
    out->set.config.workers = (uint32_t)count;
    return CLI_OK;
}

enum cli_exit cli_run_options_read(const struct cli_call *call, struct cli_run_options *out)
{
    bool by_words = (call->argument_count > 0 || cli_given(call, CLI_OPTION_INPUT)) &&
                    !cli_given(call, CLI_OPTION_CONFIG);
    struct cli_config *config = &out->set.config;
    enum cli_exit code;
    enum rt_status status;

    *out = (struct cli_run_options){.keep_open = cli_given(call, CLI_OPTION_KEEP_OPEN),
                                    .rules = call->arguments,
                                    .rule_count = call->argument_count};
    status = cli_config_load(&out->set, call, by_words, &code);
    if (status != RT_OK)
        return status == RT_ERR_DIAG && by_words ? CLI_USAGE : code;
    code = by_words ? read_words(call, out) : check_no_words(call);
    if (code == CLI_OK)
        code = read_recover(call, out);
    if (code == CLI_OK)
        code = read_workers(call, out);
    if (call->argument_count == 0) {
        out->rules = config->rules;
        out->rule_count = config->rule_count;
    }
    config->state_dir = cli_value(call, CLI_OPTION_STATE, config->state_dir);
    out->quiet = cli_given(call, CLI_OPTION_QUIET) || config->log.level != CLI_LOG_INFO;
    return code;
}

void cli_run_options_done(struct cli_run_options *options)
{
    cli_config_set_done(&options->set);
}

/* ---- what the rules are loaded with ---- */

static bool has_time_field(const struct cli_source_config *source)
{
    return !source->time_of_record && !source->time_of_clock;
}

struct cli_run_place cli_run_place_of(const struct cli_config *config, size_t source)
{
    struct cli_run_place place = {.time_field = SIZE_MAX, .condition = SIZE_MAX};
    size_t fields = 0, conditions = 0;

    for (size_t i = 0; i <= source; i++) {
        const struct cli_source_config *at = &config->sources[i];

        place.time_field = has_time_field(at) ? fields : SIZE_MAX;
        fields += has_time_field(at);
        place.first_field = fields;
        fields += at->field_count;
        place.condition = at->watermark_when.data == NULL ? SIZE_MAX : conditions;
        conditions += at->watermark_when.data != NULL;
    }
    return place;
}

static enum rt_status add_source(struct cli_config *config, const struct cli_source_config *source,
                                 const char **fields, struct rule_named_text *conditions,
                                 struct rule_load_options *out)
{
    if (has_time_field(source))
        fields[out->field_count++] = source->time_field;
    for (size_t i = 0; i < source->field_count; i++)
        fields[out->field_count++] = source->fields[i].name;
    if (source->watermark_when.data == NULL)
        return RT_OK;
    conditions[out->condition_count++] = (struct rule_named_text){
        .name = config->one_way
                    ? "--watermark-when"
                    : rt_arena_printf(&config->arena, "sources.%s.event_time.watermark_when",
                                      source->name),
        .text = source->watermark_when.data};
    return conditions[out->condition_count - 1].name == NULL ? RT_ERR_NOMEM : RT_OK;
}

enum rt_status cli_run_load_options(struct cli_config *config, struct rule_load_options *out)
{
    size_t count = 0;
    enum rt_status status = RT_OK;
    struct rule_named_text *conditions;
    const char **fields, **names;

    for (size_t i = 0; i < config->source_count; i++)
        count += config->sources[i].field_count + 1;
    fields = rt_arena_array(&config->arena, count + 1, sizeof(*fields));
    conditions = rt_arena_array(&config->arena, config->source_count + 1, sizeof(*conditions));
    names = rt_arena_array(&config->arena, config->source_count + config->sink_count + 2,
                           sizeof(*names));
    if (fields == NULL || conditions == NULL || names == NULL)
        return RT_ERR_NOMEM;
    *out = (struct rule_load_options){.overrides = config->overrides,
                                      .override_count = config->override_count,
                                      .fields = fields,
                                      .conditions = conditions};
    for (size_t i = 0; i < config->source_count && status == RT_OK; i++) {
        names[i] = config->sources[i].name;
        status = add_source(config, &config->sources[i], fields, conditions, out);
    }
    for (size_t i = 0; i < config->sink_count; i++)
        names[config->source_count + i] = config->sinks[i].name;
    if (config->one_way)
        return status;
    out->source_names = names;
    out->source_count = config->source_count;
    out->sink_names = names + config->source_count;
    out->sink_count = config->sink_count;
    return status;
}
