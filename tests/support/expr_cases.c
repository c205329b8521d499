/* SPDX-License-Identifier: Apache-2.0 */
/* Reading case files of expressions and comparing. */
#include "tests/support/expr_cases.h"

#include <stdio.h>

#include "runtime/base/assert.h"

void expr_case_diags(struct rt_diags *diags, struct rt_buffer *out)
{
    for (size_t i = 0; i < rt_diags_size(diags); i++) {
        struct rt_diag_view view = rt_diags_at(diags, i);

        for (uint32_t column = 1; column < view.column; column++)
            rt_buffer_char(out, ' ');
        for (uint32_t column = view.column; column < view.end_column; column++)
            rt_buffer_char(out, '^');
        if (view.end_column <= view.column)
            rt_buffer_char(out, '^');
        if (view.label != NULL)
            rt_buffer_printf(out, " %s", view.label);
        rt_buffer_printf(out, "\n%c%03u: %s\n", view.severity == RT_SEVERITY_ERROR ? 'E' : 'W',
                         view.code, view.message);
        for (size_t h = 0; h < view.help_count; h++)
            rt_buffer_printf(out, "help: %s\n", view.helps[h]);
        if (view.fix != NULL)
            rt_buffer_printf(out, "fix: %s\n", view.fix);
    }
}

static bool read_whole(const char *path, struct rt_buffer *out)
{
    FILE *file = fopen(path, "rb");
    char part[4096];
    size_t got;

    if (file == NULL)
        return false;
    while ((got = fread(part, 1, sizeof(part), file)) > 0)
        rt_buffer_add(out, part, got);
    (void)fclose(file);
    return !out->failed;
}

/* The line at *at without its end; moves *at behind it. */
static struct rt_text next_line(struct rt_text text, size_t *at)
{
    size_t begin = *at, end = begin;

    while (end < text.length && text.data[end] != '\n')
        end++;
    *at = end < text.length ? end + 1 : end;
    return (struct rt_text){text.data + begin, end - begin};
}

static bool run_case(const char *path, struct rt_text expression, struct rt_text wanted,
                     expr_case_fn *run, void *context)
{
    struct rt_buffer got;
    bool same;

    rt_buffer_init(&got, 1 << 20);
    run(expression, &got, context);
    if (got.length > 0 && got.data[got.length - 1] == '\n')
        got.data[--got.length] = '\0';
    same = rt_text_equal(rt_buffer_view(&got), wanted);
    if (!same)
        fprintf(stderr, "%s:\n%.*s\n--- wanted\n%.*s\n--- got\n%.*s\n\n", path,
                (int)expression.length, expression.data, (int)wanted.length, wanted.data,
                (int)got.length, got.length > 0 ? got.data : "");
    rt_buffer_done(&got);
    return same;
}

size_t expr_cases_run(const char *path, expr_case_fn *run, void *context)
{
    struct rt_buffer file;
    size_t at = 0, failures = 0, cases = 0;

    rt_buffer_init(&file, 16u << 20);
    if (!read_whole(path, &file)) {
        fprintf(stderr, "cannot read %s\n", path);
        rt_buffer_done(&file);
        return 1;
    }
    while (at < file.length) {
        struct rt_text expression = next_line(rt_buffer_view(&file), &at), wanted;
        size_t begin = at;

        if (expression.length == 0 || expression.data[0] == '#')
            continue;
        wanted = (struct rt_text){file.data + begin, 0};
        while (at < file.length) {
            struct rt_text line = next_line(rt_buffer_view(&file), &at);

            if (line.length == 0)
                break;
            wanted.length = (size_t)(line.data + line.length - wanted.data);
        }
        cases++;
        failures += !run_case(path, expression, wanted, run, context);
    }
    if (cases == 0)
        fprintf(stderr, "%s has no cases\n", path);
    rt_buffer_done(&file);
    return cases == 0 ? 1 : failures;
}
