/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/test_junit.h"

#include <inttypes.h>
#include <stdio.h>

/* XML 1.0 has no way to write most control characters. */
static void add_escaped(struct rt_text text, struct rt_buffer *out)
{
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.data[i];

        if (byte == '&')
            rt_buffer_string(out, "&amp;");
        else if (byte == '<')
            rt_buffer_string(out, "&lt;");
        else if (byte == '>')
            rt_buffer_string(out, "&gt;");
        else if (byte == '"')
            rt_buffer_string(out, "&quot;");
        else if (byte < 0x20 && byte != '\n' && byte != '\t')
            rt_buffer_char(out, '?');
        else
            rt_buffer_char(out, (char)byte);
    }
}

static void add_attribute(const char *name, const char *value, struct rt_buffer *out)
{
    rt_buffer_printf(out, " %s=\"", name);
    add_escaped(rt_text_of(value), out);
    rt_buffer_char(out, '"');
}

void cli_junit_case(const struct cli_junit_case *test, struct rt_buffer *out)
{
    rt_buffer_string(out, "  <testcase");
    add_attribute("classname", test->rule, out);
    add_attribute("name", test->name, out);
    add_attribute("file", test->file, out);
    rt_buffer_printf(out, " line=\"%" PRIu32 "\" time=\"%.6f\"", test->line,
                     (double)test->nanoseconds / 1e9);
    if (test->passed) {
        rt_buffer_string(out, "/>\n");
        return;
    }
    rt_buffer_string(out, ">\n    <failure message=\"not as expected\">");
    add_escaped(test->difference, out);
    rt_buffer_string(out, "</failure>\n  </testcase>\n");
}

bool cli_junit_write(const char *path, struct rt_text cases, uint32_t tests, uint32_t failures)
{
    FILE *file = fopen(path, "wb");
    bool written;

    if (file == NULL)
        return false;
    fprintf(file,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<testsuite name=\"egret\" tests=\"%" PRIu32 "\" failures=\"%" PRIu32 "\">\n",
            tests, failures);
    if (cases.length > 0)
        fwrite(cases.data, 1, cases.length, file);
    fputs("</testsuite>\n", file);
    written = ferror(file) == 0;
    return fclose(file) == 0 && written;
}
