/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/log.h"

#include <inttypes.h>
#include <stdarg.h>

#include "cli/command.h"
#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"
#include "runtime/base/text.h"
#include "runtime/time/clock.h"
#include "runtime/time/timestamp.h"

enum { LINE_BYTES_MAX = 64 << 20, LISTS_MAX = 2 };

static const char *const level_names[] = {"error", "warn", "info"};

static struct cli_log log_of(const struct cli_call *call)
{
    return call->log == NULL ? (struct cli_log){.level = CLI_LOG_INFO} : *call->log;
}

/* ---- JSON ---- */

static void json_begin(struct rt_buffer *out, enum cli_log_level level, struct rt_text message)
{
    rt_buffer_string(out, "{\"ts\":\"");
    rt_time_text(rt_clock_wall(), out);
    rt_buffer_printf(out, "\",\"level\":\"%s\",\"message\":", level_names[level]);
    rt_buffer_json_string(out, message);
}

static void json_text(struct rt_buffer *out, const char *name, const char *text)
{
    rt_buffer_printf(out, ",\"%s\":", name);
    rt_buffer_json_string(out, rt_text_of(text));
}

static void json_end(struct rt_buffer *out)
{
    rt_buffer_string(out, "}\n");
    if (!out->failed)
        fwrite(out->data, 1, out->length, stderr);
    rt_buffer_reset(out);
}

/* ---- messages ---- */

RT_PRINTF(2, 0)
static void say_json(enum cli_log_level level, const char *format, va_list arguments)
{
    va_list again;
    struct rt_buffer line;
    char *message;
    int length;

    va_copy(again, arguments);
    length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    message = length < 0 ? NULL : rt_alloc((size_t)length + 1);
    if (message == NULL)
        return;
    vsnprintf(message, (size_t)length + 1, format, arguments);
    rt_buffer_init(&line, LINE_BYTES_MAX);
    json_begin(&line, level, (struct rt_text){message, (size_t)length});
    json_end(&line);
    rt_buffer_done(&line);
    rt_free(message);
}

RT_PRINTF(3, 0)
static void say(const struct cli_call *call, enum cli_log_level level, const char *format,
                va_list arguments)
{
    static const enum cli_style styles[] = {CLI_RED, CLI_YELLOW, CLI_DIM};
    bool color = call->terminal.error_color;

    if (level > log_of(call).level)
        return;
    if (!log_of(call).is_json) {
        fprintf(stderr, "%segret:%s ", cli_style_begin(color, styles[level]),
                cli_style_end(color, styles[level]));
        vfprintf(stderr, format, arguments);
        fputc('\n', stderr);
        return;
    }
    say_json(level, format, arguments);
}

void cli_complain(const struct cli_call *call, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say(call, CLI_LOG_ERROR, format, arguments);
    va_end(arguments);
}

void cli_warn(const struct cli_call *call, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say(call, CLI_LOG_WARN, format, arguments);
    va_end(arguments);
}

void cli_note(const struct cli_call *call, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say(call, CLI_LOG_INFO, format, arguments);
    va_end(arguments);
}

enum cli_exit cli_wrong_call(const struct cli_call *call, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say(call, CLI_LOG_ERROR, format, arguments);
    va_end(arguments);
    if (log_of(call).is_json)
        return CLI_USAGE;
    if (call->command != NULL)
        fprintf(stderr, "see `egret %s --help`\n", call->command->name);
    else
        fputs("see `egret --help`\n", stderr);
    return CLI_USAGE;
}

/* ---- values ---- */

static void add_number(struct rt_buffer *out, const struct cli_log_field *field)
{
    uint64_t scale = 1;

    for (unsigned i = 0; i < field->decimals; i++)
        scale *= 10;
    rt_buffer_printf(out, "%" PRIu64, field->number / scale);
    if (field->decimals > 0)
        rt_buffer_printf(out, ".%0*" PRIu64, (int)field->decimals, field->number % scale);
}

static void add_field(struct rt_buffer *out, const struct cli_log_field *field, bool is_json)
{
    if (is_json && field->text != NULL) {
        json_text(out, field->name, field->text);
        return;
    }
    rt_buffer_printf(out, is_json ? ",\"%s\":" : " %s=", field->name);
    if (field->text != NULL)
        rt_buffer_string(out, field->text);
    else
        add_number(out, field);
}

void cli_note_fields(const struct cli_call *call, const char *message,
                     const struct cli_log_field *fields, size_t count)
{
    bool is_json = log_of(call).is_json;
    struct rt_buffer line;

    if (log_of(call).level < CLI_LOG_INFO)
        return;
    rt_buffer_init(&line, LINE_BYTES_MAX);
    if (is_json)
        json_begin(&line, CLI_LOG_INFO, rt_text_of(message));
    else
        rt_buffer_string(&line, message);
    for (size_t i = 0; i < count; i++)
        add_field(&line, &fields[i], is_json);
    if (is_json)
        json_end(&line);
    else if (!line.failed)
        cli_note(call, "%s", line.data);
    rt_buffer_done(&line);
}

/* ---- findings ---- */

static void add_diag(struct rt_buffer *line, const struct rt_diag_view *view)
{
    bool is_error = view->severity == RT_SEVERITY_ERROR;

    json_begin(line, is_error ? CLI_LOG_ERROR : CLI_LOG_WARN, rt_text_of(view->message));
    rt_buffer_printf(line, ",\"code\":\"%c%03u\"", is_error ? 'E' : 'W', view->code);
    if (view->source_name != NULL) {
        json_text(line, "file", view->source_name);
        rt_buffer_printf(line, ",\"line\":%u,\"column\":%u", view->line, view->column);
    }
    if (view->label != NULL)
        json_text(line, "label", view->label);
    if (view->help_count > 0)
        json_text(line, "help", view->helps[0]);
    json_end(line);
}

void cli_print_diags(const struct cli_call *call, struct rt_diags *diags)
{
    struct cli_log log = log_of(call);
    struct rt_buffer text;

    if (rt_diags_size(diags) == 0 ||
        (log.level == CLI_LOG_ERROR && rt_diags_count(diags, RT_SEVERITY_ERROR) == 0))
        return;
    rt_buffer_init(&text, LINE_BYTES_MAX);
    for (size_t i = 0; log.is_json && i < rt_diags_size(diags); i++) {
        struct rt_diag_view view = rt_diags_at(diags, i);

        if (view.severity == RT_SEVERITY_ERROR || log.level > CLI_LOG_ERROR)
            add_diag(&text, &view);
    }
    if (!log.is_json)
        rt_diags_render_text(diags, call->terminal.error_color, &text);
    if (text.length > 0)
        fwrite(text.data, 1, text.length, stderr);
    rt_buffer_done(&text);
}

void cli_print_json_diags(struct rt_diags *const *lists, size_t count, FILE *out)
{
    struct rt_diags *there[LISTS_MAX];
    size_t there_count = 0;
    struct rt_buffer text;

    RT_ASSERT(count <= LISTS_MAX);
    for (size_t i = 0; i < count; i++) {
        if (lists[i] != NULL)
            there[there_count++] = lists[i];
    }
    rt_buffer_init(&text, LINE_BYTES_MAX);
    rt_diags_render_json_all(there, there_count, &text);
    if (text.length > 0)
        fwrite(text.data, 1, text.length, out);
    rt_buffer_done(&text);
}
