/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_eval.c - `egret eval EXPR`: one expression, its type and its value; with -i once for each event.
 *
 *     expression --check, compile--> code --once, or per event--> {"type":"int","value":"3"}
 */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/eval_bindings.h"
#include "rules/expr.h"
#include "rules/value_case.h"
#include "rules/value_support.h"
#include "runtime/base/assert.h"
#include "runtime/event/codec.h"
#include "runtime/io/source.h"

enum { ARENA_BYTES_MAX = 256 << 20, TEXT_BYTES_MAX = 64 << 20, FILES_MAX = 64 };

/* Everything that one call of the command owns. */
struct eval {
    const struct cli_call *call;
    bool text; /* for people */
    struct rt_arena arena;
    struct rt_arena records; /* what the decoder unescapes; dies with each event */
    struct rt_buffer out;
    struct rt_diags *diags;
    struct rt_fields *fields; /* NULL without events */
    struct cli_bindings bindings;
    struct expr *expr;
    struct expr_machine *machine;
    bool failed; /* some evaluation had no value */
};

static void eval_done(struct eval *eval)
{
    expr_machine_free(eval->machine);
    expr_free(eval->expr);
    rt_fields_free(eval->fields);
    rt_diags_free(eval->diags);
    rt_buffer_done(&eval->out);
    rt_arena_done(&eval->records);
    rt_arena_done(&eval->arena);
}

static enum cli_exit out_of_memory(const struct eval *eval)
{
    cli_complain(eval->call, "%s", rt_status_text(RT_ERR_NOMEM));
    return CLI_SOFTWARE;
}

/* ---- bindings ---- */

/* A whole file, or stdin for "-", into the buffer. */
static bool read_file(const char *path, struct rt_buffer *out)
{
    bool standard = strcmp(path, "-") == 0;
    FILE *file = standard ? stdin : fopen(path, "rb");
    char chunk[4096];
    size_t length;

    if (file == NULL)
        return false;
    while ((length = fread(chunk, 1, sizeof(chunk), file)) > 0)
        rt_buffer_add(out, chunk, length);

    bool done = !ferror(file) && !out->failed;

    if (!standard)
        fclose(file);
    return done;
}

static enum cli_exit read_bindings(struct eval *eval, const char *given)
{
    struct rt_buffer content, message;
    bool inline_json = given[strspn(given, " \t\r\n")] == '{';
    enum cli_exit code = CLI_OK;

    rt_buffer_init(&content, TEXT_BYTES_MAX);
    rt_buffer_init(&message, TEXT_BYTES_MAX);
    if (inline_json)
        rt_buffer_string(&content, given);
    if (!inline_json && !read_file(given, &content))
        code = cli_wrong_call(eval->call, "cannot read the bindings from `%s`", given);
    if (code == CLI_OK) {
        enum rt_status status =
            cli_bindings_parse(rt_buffer_view(&content), &eval->arena, &message, &eval->bindings);

        if (status == RT_ERR_NOMEM)
            code = out_of_memory(eval);
        else if (status != RT_OK)
            code = cli_wrong_call(eval->call, "the bindings are not valid: %s", message.data);
    }
    rt_buffer_done(&message);
    rt_buffer_done(&content);
    return code;
}

/* ---- the expression ---- */

/* For people on stderr; for programs as an error on stdout, with all that is wrong. */
static enum cli_exit show_diagnostics(struct eval *eval)
{
    rt_buffer_reset(&eval->out);
    if (eval->text) {
        rt_diags_render_text(eval->diags, eval->call->terminal.error_color, &eval->out);
        fwrite(eval->out.data, 1, eval->out.length, stderr);
        return CLI_FINDINGS;
    }
    rt_buffer_string(&eval->out, "{\"error\":");
    for (size_t i = 0; i < rt_diags_size(eval->diags); i++) {
        struct rt_diag_view diag = rt_diags_at(eval->diags, i);

        if (diag.severity != RT_SEVERITY_ERROR)
            continue;
        rt_buffer_json_string(&eval->out, rt_text_of(diag.message));
        break;
    }
    rt_buffer_string(&eval->out, ",\"diagnostics\":");
    rt_diags_render_json(eval->diags, &eval->out);

    rt_buffer_char(&eval->out, '}');
    for (size_t i = 0; i < eval->out.length; i++) /* one line; strings hold no raw line ends */
        if (eval->out.data[i] != '\n')
            putchar(eval->out.data[i]);
    putchar('\n');
    return CLI_FINDINGS;
}

static enum rt_status compile(struct eval *eval, const char *expression, bool with_events)
{
    struct rt_text text = rt_text_of(expression);
    struct expr_text source = {.text = text,
                               .source = rt_diags_add_source(eval->diags, "<expression>", text)};
    struct expr_scope scope = {.fields = eval->fields,
                               .bindings = eval->bindings.names,
                               .binding_count = eval->bindings.count,
                               .container = cli_value(eval->call, CLI_OPTION_CONTAINER, NULL),
                               .unchecked = cli_given(eval->call, CLI_OPTION_NO_CHECK),
                               .closed = !with_events};
    struct expr_tree *tree;
    enum rt_status status =
        expr_check(&source, &scope, EXPR_WANT_ANY, &eval->arena, eval->diags, &tree);

    if (status != RT_OK)
        return status;
    if (eval->fields != NULL)
        rt_fields_seal(eval->fields);
    status = expr_compile(tree, eval->fields, &eval->expr);
    return status == RT_OK ? expr_machine_new(&eval->machine) : status;
}

/* ---- values ---- */

static void print_value(struct eval *eval, struct rt_value value)
{
    rt_buffer_reset(&eval->out);
    if (rt_is_error(value) || value.type == RT_ABSENT)
        eval->failed = true;
    if (!eval->text || rt_is_error(value) || value.type == RT_ABSENT) {
        expr_value_case(value, &eval->out);
    } else {
        expr_value_display(value, &eval->out);
        rt_buffer_printf(&eval->out, " (%s)", rt_type_name((enum rt_type)value.type));
    }
    printf("%s\n", eval->out.data == NULL ? "" : eval->out.data);
}

static void evaluate(struct eval *eval, const struct rt_event *event)
{
    struct expr_frame frame = {.event = event, .bindings = eval->bindings.values};

    print_value(eval, expr_eval(eval->machine, eval->expr, &frame));
    expr_machine_reset(eval->machine);
}

/* ---- events ---- */

static enum cli_exit evaluate_record(struct eval *eval, struct rt_codec *codec,
                                     const struct rt_record *record, struct rt_value *slots)
{
    enum rt_reject reject;
    const char *detail;

    rt_arena_reset(&eval->records);
    if (record->too_long) {
        puts("{\"error\":\"record: too_long\"}");
        eval->failed = true;
        return CLI_OK;
    }

    enum rt_status status = codec->decode(codec, (struct rt_text){record->data, record->length},
                                          &eval->records, slots, &reject, &detail);

    if (status == RT_ERR_DATA) {
        printf("{\"error\":\"record: %s\"}\n", rt_reject_name(reject));
        eval->failed = true;
        return CLI_OK;
    }
    if (status != RT_OK)
        return out_of_memory(eval);

    struct rt_event event = {.position = record->position,
                             .slots = slots,
                             .slot_count = (uint32_t)rt_fields_count(eval->fields),
                             .raw = record->data,
                             .raw_length = record->length};

    evaluate(eval, &event);
    return CLI_OK;
}

static enum cli_exit evaluate_source(struct eval *eval, struct rt_source *source,
                                     struct rt_codec *codec, struct rt_value *slots)
{
    struct rt_batch *batch = rt_arena_alloc(&eval->arena, sizeof(*batch));
    enum cli_exit code = CLI_OK;

    if (batch == NULL)
        return out_of_memory(eval);
    for (;;) {
        enum rt_status status = source->read(source, batch);

        if (status == RT_END)
            return CLI_OK;
        if (status != RT_OK) {
            cli_complain(eval->call, "%s", source->error(source));
            return CLI_IO;
        }
        for (size_t i = 0; i < batch->count; i++) {
            code = evaluate_record(eval, codec, &batch->records[i], slots);
            if (code != CLI_OK)
                return code;
        }
    }
}

static enum cli_exit evaluate_events(struct eval *eval)
{
    const char *paths[FILES_MAX];
    size_t count = cli_value_count(eval->call, CLI_OPTION_INPUT);
    struct rt_buffer message;
    struct rt_source *source = NULL;
    struct rt_codec *codec = NULL;
    enum cli_exit code;

    if (count > FILES_MAX)
        return cli_wrong_call(eval->call, "at most %d inputs", (int)FILES_MAX);
    for (size_t i = 0; i < count; i++)
        paths[i] = cli_value_at(eval->call, CLI_OPTION_INPUT, i);
    rt_buffer_init(&message, TEXT_BYTES_MAX);

    struct rt_value *slots =
        rt_arena_array(&eval->arena, rt_fields_count(eval->fields) + 1, sizeof(*slots));
    enum rt_status status = slots == NULL ? RT_ERR_NOMEM : rt_codec_json_new(eval->fields, &codec);

    if (status == RT_OK)
        status = rt_source_files_new(paths, count, 0, &message, &source);
    if (status == RT_OK)
        code = evaluate_source(eval, source, codec, slots);
    else
        code = status == RT_ERR_NOMEM ? out_of_memory(eval)
                                      : cli_wrong_call(eval->call, "%s", message.data);
    if (source != NULL)
        source->free(source);
    if (codec != NULL)
        codec->free(codec);
    rt_buffer_done(&message);
    return code;
}

/* ---- the command ---- */

static enum cli_exit prepare(struct eval *eval, bool with_events)
{
    const char *bindings = cli_value(eval->call, CLI_OPTION_BINDINGS, NULL);
    enum rt_status status = rt_diags_new(0, &eval->diags);

    if (status == RT_OK && with_events)
        status = rt_fields_new(&eval->fields);
    if (status != RT_OK)
        return out_of_memory(eval);
    if (bindings != NULL) {
        enum cli_exit code = read_bindings(eval, bindings);

        if (code != CLI_OK)
            return code;
    }
    status = compile(eval, eval->call->arguments[0], with_events);
    if (status == RT_ERR_DIAG)
        return show_diagnostics(eval);
    if (status == RT_OK)
        return CLI_OK;
    cli_complain(eval->call, "%s", rt_status_text(status));
    return status == RT_ERR_LIMIT ? CLI_FINDINGS : CLI_SOFTWARE;
}

static enum cli_exit eval(const struct cli_call *call)
{
    struct eval eval = {.call = call,
                        .text = strcmp(cli_value(call, CLI_OPTION_FORMAT, "json"), "text") == 0};
    bool with_events = cli_given(call, CLI_OPTION_INPUT);

    rt_arena_init(&eval.arena, ARENA_BYTES_MAX);
    rt_arena_init(&eval.records, ARENA_BYTES_MAX);
    rt_buffer_init(&eval.out, TEXT_BYTES_MAX);

    enum cli_exit code = prepare(&eval, with_events);

    if (code == CLI_OK && with_events)
        code = evaluate_events(&eval);
    else if (code == CLI_OK)
        evaluate(&eval, NULL);
    if (code == CLI_OK && eval.failed)
        code = CLI_FINDINGS;
    eval_done(&eval);
    return code;
}

const struct cli_command cli_command_eval = {
    .name = "eval",
    .arguments = "EXPR [options]",
    .summary = "evaluate one expression",
    .details = "Prints the type and the value: {\"type\":\"int\",\"value\":\"3\"}.  With -i the "
               "expression is evaluated for each "
               "event\nand may name its fields.  An error is {\"error\":...} and exit code 1.",
    .arguments_min = 1,
    .arguments_max = 1,
    .options = {CLI_OPTION_BINDINGS, CLI_OPTION_INPUT, CLI_OPTION_CONTAINER, CLI_OPTION_NO_CHECK,
                CLI_OPTION_FORMAT},
    .option_count = 5,
    .expression_first = true,
    .exec = eval,
};
