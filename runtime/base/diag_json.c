/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Diagnostics as JSON for programs: the same facts as the text.
 *
 *     {"code":"E103","severity":"error","message":"...","file":"rules/a.yaml",
 *      "range":{"start":{"line":6,"column":15,"offset":91},"end":{...}},
 *      "labels":[{"message":"did you mean `high`?"}],"help":["..."],
 *      "notes":[{"message":"...","file":"...","range":{...}}],
 *      "fix":{"edits":[{"range":{...},"text":"high"}]}}
 */
#include "runtime/base/diag_list.h"

static void put_string(struct rt_buffer *out, const char *key, const char *text)
{
    rt_buffer_printf(out, "\"%s\":", key);
    rt_buffer_json_string(out, rt_text_of(text));
}

static void put_place(struct rt_buffer *out, const char *key, struct rt_text text, uint32_t offset)
{
    struct diag_position at = diag_position(text, offset);

    rt_buffer_printf(out, "\"%s\":{\"line\":%u,\"column\":%u,\"offset\":%u}", key, at.line,
                     at.column, offset);
}

static void put_range(struct rt_diags *diags, struct rt_buffer *out, struct rt_span span)
{
    struct rt_text text = rt_diags_source_text(diags, span.source);

    rt_buffer_string(out, "\"range\":{");
    put_place(out, "start", text, span.begin);
    rt_buffer_char(out, ',');
    put_place(out, "end", text, span.end);
    rt_buffer_char(out, '}');
}

static void put_file(struct rt_diags *diags, struct rt_buffer *out, struct rt_span span)
{
    rt_buffer_char(out, ',');
    put_string(out, "file", rt_diags_source_name(diags, span.source));
    rt_buffer_char(out, ',');
    put_range(diags, out, span);
}

static void put_helps(struct rt_buffer *out, const struct rt_diag *diag)
{
    const char *separator = "";

    rt_buffer_string(out, ",\"help\":[");
    for (const struct diag_line *line = diag->lines; line != NULL; line = line->next) {
        if (line->kind != DIAG_HELP)
            continue;
        rt_buffer_string(out, separator);
        rt_buffer_json_string(out, rt_text_of(line->text));
        separator = ",";
    }
    rt_buffer_char(out, ']');
}

static void put_notes(struct rt_diags *diags, struct rt_buffer *out, const struct rt_diag *diag)
{
    const char *separator = "";

    rt_buffer_string(out, ",\"notes\":[");
    for (const struct diag_line *line = diag->lines; line != NULL; line = line->next) {
        if (line->kind == DIAG_HELP)
            continue;
        rt_buffer_printf(out, "%s{", separator);
        put_string(out, "message", line->text);
        if (line->kind == DIAG_ALSO)
            put_file(diags, out, line->span);
        rt_buffer_char(out, '}');
        separator = ",";
    }
    rt_buffer_char(out, ']');
}

static void put_entry(struct rt_diags *diags, struct rt_buffer *out, const struct rt_diag *diag)
{
    rt_buffer_printf(out, "{\"code\":\"%c%03u\",\"severity\":\"%s\",",
                     diag_severity_letter(diag->severity), diag->code,
                     diag_severity_name(diag->severity));
    put_string(out, "message", diag->message);
    if (diag->span.source != RT_NO_SOURCE)
        put_file(diags, out, diag->span);
    rt_buffer_string(out, ",\"labels\":[");
    if (diag->label != NULL) {
        rt_buffer_char(out, '{');
        put_string(out, "message", diag->label);
        rt_buffer_char(out, '}');
    }
    rt_buffer_char(out, ']');
    put_helps(out, diag);
    put_notes(diags, out, diag);
    if (diag->fix != NULL && diag->span.source != RT_NO_SOURCE) {
        rt_buffer_string(out, ",\"fix\":{\"edits\":[{");
        put_range(diags, out, diag->span);
        rt_buffer_char(out, ',');
        put_string(out, "text", diag->fix);
        rt_buffer_string(out, "}]}");
    }
    rt_buffer_char(out, '}');
}

void rt_diags_render_json_all(struct rt_diags *const *lists, size_t count, struct rt_buffer *out)
{
    size_t put = 0;

    rt_buffer_char(out, '[');
    for (size_t k = 0; k < count; k++) {
        diag_sort(lists[k]);
        for (size_t i = 0; i < lists[k]->entry_count; i++) {
            rt_buffer_string(out, put++ == 0 ? "\n" : ",\n");
            put_entry(lists[k], out, lists[k]->entries[i]);
        }
    }
    rt_buffer_string(out, put == 0 ? "]\n" : "\n]\n");
}

void rt_diags_render_json(struct rt_diags *diags, struct rt_buffer *out)
{
    rt_diags_render_json_all(&diags, 1, out);
}
