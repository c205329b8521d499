/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_options.h"

#include <string.h>
#include <sys/stat.h>

enum { OPTION_BYTES_MAX = 16 << 20, CHECKPOINT_EVERY_MS = 10000 };

static const char *const standard_input[] = {"-"};

static enum cli_exit read_inputs(const struct cli_call *call, struct cli_run_options *out)
{
    size_t count = cli_value_count(call, CLI_OPTION_INPUT);
    const char **inputs;

    out->inputs = standard_input;
    out->input_count = 1;
    if (count == 0)
        return CLI_OK;
    inputs = rt_arena_array(&out->arena, count, sizeof(*inputs));
    if (inputs == NULL)
        return CLI_IO;
    for (size_t i = 0; i < count; i++)
        inputs[i] = cli_value_at(call, CLI_OPTION_INPUT, i);
    out->inputs = inputs;
    out->input_count = count;
    return CLI_OK;
}

/* FIELD[:FORMAT] */
static enum cli_exit read_time(const struct cli_call *call, struct cli_run_options *out)
{
    const char *value = cli_value(call, CLI_OPTION_TIME, "ts");
    size_t length = strcspn(value, ":");

    out->time_field = rt_arena_text(&out->arena, value, length);
    if (out->time_field == NULL)
        return CLI_IO;
    if (length == 0)
        return cli_wrong_call(call, "--time %s: the name of a field is missing", value);
    if (value[length] == ':' && !rt_time_reader_parse(value + length + 1, &out->time_reader))
        return cli_wrong_call(call,
                              "--time %s: `%s` is not a format; one of unix_s, unix_ms, unix_us, "
                              "unix_ns, rfc3339, or a strptime pattern with %%",
                              value, value + length + 1);
    return CLI_OK;
}

static enum cli_exit read_bound(const struct cli_call *call, struct cli_run_options *out)
{
    const char *value = cli_value(call, CLI_OPTION_OUT_OF_ORDERNESS, "0s");
    int64_t ms;

    if (!rt_text_to_duration_ms(rt_text_of(value), &ms) || ms > RT_DURATION_MAX.ms)
        return cli_wrong_call(call, "--out-of-orderness %s: not a duration such as 500ms, 5s or 1m",
                              value);
    if (out->watermark_when != NULL && cli_given(call, CLI_OPTION_OUT_OF_ORDERNESS))
        return cli_wrong_call(call, "--out-of-orderness has no meaning with --watermark-when: its "
                                    "events move the watermark to their own time");
    out->out_of_orderness = (rt_duration){ms};
    return CLI_OK;
}

static enum cli_exit unknown_key(const struct cli_call *call, const char *key)
{
    size_t count;
    const char *const *names = cep_option_names(&count);
    const char *near = rt_nearest(rt_text_of(key), names, count);

    if (near != NULL)
        return cli_wrong_call(call, "--set: no option `%s`; did you mean `%s`?", key, near);
    return cli_wrong_call(call, "--set: no option `%s`; state.limits.NAME or params.NAME", key);
}

/* False: the key is another one. */
static bool read_checkpoint_key(struct cli_run_options *out, const char *key, const char *value,
                                enum rt_status *status)
{
    int64_t ms;

    if (strcmp(key, "state.checkpoint.every") != 0)
        return false;
    *status = rt_text_to_duration_ms(rt_text_of(value), &ms) && ms > 0 ? RT_OK : RT_ERR_DATA;
    if (*status == RT_OK)
        out->checkpoint_every = (rt_duration){ms};
    return true;
}

static enum cli_exit read_set(const struct cli_call *call, struct cli_run_options *out,
                              const char *word, struct rule_override *overrides)
{
    size_t length = strcspn(word, "=");
    const char *key = rt_arena_text(&out->arena, word, length);
    enum rt_status status;

    if (key == NULL)
        return CLI_IO;
    if (word[length] == '\0' || length == 0)
        return cli_wrong_call(call, "--set %s: KEY=VALUE is expected", word);
    if (rt_text_starts_with(rt_text_of(key), RT_TEXT("params."))) {
        overrides[out->override_count++] = (struct rule_override){key, word + length + 1};
        return CLI_OK;
    }
    if (!read_checkpoint_key(out, key, word + length + 1, &status))
        status = cep_options_set(&out->limits, rt_text_of(key), rt_text_of(word + length + 1));
    if (status == RT_ERR_NOT_FOUND)
        return unknown_key(call, key);
    if (status != RT_OK)
        return cli_wrong_call(call, "--set %s: `%s` is not a value for it", word,
                              word + length + 1);
    return CLI_OK;
}

static enum cli_exit read_sets(const struct cli_call *call, struct cli_run_options *out)
{
    size_t count = cli_value_count(call, CLI_OPTION_SET);
    struct rule_override *overrides = rt_arena_array(&out->arena, count + 1, sizeof(*overrides));
    enum cli_exit code = CLI_OK;

    if (overrides == NULL)
        return CLI_IO;
    out->limits = cep_options_standard();
    out->overrides = overrides;
    for (size_t i = 0; i < count && code == CLI_OK; i++)
        code = read_set(call, out, cli_value_at(call, CLI_OPTION_SET, i), overrides);
    return code;
}

static bool same_file(const char *a, const char *b)
{
    struct stat left, right;

    return stat(a, &left) == 0 && stat(b, &right) == 0 && S_ISREG(left.st_mode) &&
           left.st_dev == right.st_dev && left.st_ino == right.st_ino;
}

/* A file that is read must not be written: it would be emptied before its first byte is seen. */
static enum cli_exit check_output(const struct cli_call *call, const struct cli_run_options *out,
                                  const char *option, const char *path)
{
    if (path == NULL || strcmp(path, "-") == 0)
        return CLI_OK;
    for (size_t i = 0; i < out->input_count; i++) {
        if (same_file(out->inputs[i], path))
            return cli_wrong_call(call, "--%s %s: this file is also read", option, path);
    }
    return CLI_OK;
}

static enum cli_exit read_outputs(const struct cli_call *call, struct cli_run_options *out)
{
    const char *format = cli_value(call, CLI_OPTION_FORMAT, NULL);
    enum cli_exit code;

    out->output = cli_value(call, CLI_OPTION_OUTPUT, "-");
    out->dead_letter = cli_value(call, CLI_OPTION_DEAD_LETTER, NULL);
    out->text = format != NULL ? strcmp(format, "text") == 0
                               : call->terminal.out_is_terminal && strcmp(out->output, "-") == 0;
    if (out->dead_letter != NULL && strcmp(out->dead_letter, "-") == 0)
        return cli_wrong_call(call, "--dead-letter -: stdout is for alerts; name a file");
    if (out->dead_letter != NULL && strcmp(out->dead_letter, out->output) == 0)
        return cli_wrong_call(call, "--dead-letter and --output are the same file");
    code = check_output(call, out, "output", out->output);
    return code != CLI_OK ? code : check_output(call, out, "dead-letter", out->dead_letter);
}

enum cli_exit cli_run_options_read(const struct cli_call *call, struct cli_run_options *out)
{
    typedef enum cli_exit part(const struct cli_call *, struct cli_run_options *);
    static part *const parts[] = {read_inputs, read_time, read_bound, read_sets, read_outputs};
    enum cli_exit code = CLI_OK;

    *out = (struct cli_run_options){
        .watermark_when = cli_value(call, CLI_OPTION_WATERMARK_WHEN, NULL),
        .state = cli_value(call, CLI_OPTION_STATE, NULL),
        .checkpoint_every = {CHECKPOINT_EVERY_MS},
        .keep_open = cli_given(call, CLI_OPTION_KEEP_OPEN),
        .quiet = cli_given(call, CLI_OPTION_QUIET),
    };
    rt_arena_init(&out->arena, OPTION_BYTES_MAX);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && code == CLI_OK; i++)
        code = parts[i](call, out);
    return code;
}

void cli_run_options_done(struct cli_run_options *options)
{
    rt_arena_done(&options->arena);
}
