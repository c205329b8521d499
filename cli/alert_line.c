/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/alert_line.h"

#include <string.h>

#include "cli/terminal.h"
#include "rules/plan.h"
#include "runtime/base/calendar.h"

/* Controls, and what turns the direction of writing or cannot be seen: a terminal must show what is there. */
static bool is_hidden(uint32_t point)
{
    return point < 0x20 || (point >= 0x7F && point < 0xA0) || point == 0xAD || point == 0x61C ||
           (point >= 0x200B && point <= 0x200F) || (point >= 0x2028 && point <= 0x202E) ||
           (point >= 0x2060 && point <= 0x206F) || point == 0xFEFF;
}

void cli_visible_text(struct rt_text text, struct rt_buffer *out)
{
    for (size_t at = 0; at < text.length;) {
        size_t begin = at;
        uint32_t point = rt_utf8_next(text, &at);

        if (point == '\n')
            rt_buffer_string(out, "\\n");
        else if (point == '\t')
            rt_buffer_string(out, "\\t");
        else if (is_hidden(point))
            rt_buffer_printf(out, "\\u{%x}", (unsigned)point);
        else
            rt_buffer_add(out, text.data + begin, at - begin);
    }
}

static enum cli_style style_of(enum rule_severity severity)
{
    switch (severity) {
    case RULE_CRITICAL:
    case RULE_HIGH:
        return CLI_RED;
    case RULE_MEDIUM:
        return CLI_YELLOW;
    case RULE_LOW:
    case RULE_INFO:
    case RULE_SEVERITY_COUNT:
        break;
    }
    return CLI_PLAIN;
}

static void add_time(rt_time time, struct rt_buffer *out)
{
    int64_t second = time.ms / 1000 - (time.ms % 1000 < 0);
    int64_t day = second / 86400 - (second % 86400 < 0);
    int64_t of_day = second - day * 86400;
    unsigned month, day_of_month;
    int64_t year;

    rt_civil_from_days(day, &year, &month, &day_of_month);
    rt_buffer_printf(out, "%04d-%02u-%02u %02d:%02d:%02d", (int)year, month, day_of_month,
                     (int)(of_day / 3600), (int)(of_day / 60 % 60), (int)(of_day % 60));
}

void cli_alert_line(const struct rt_output *output, bool color, struct rt_buffer *out)
{
    enum rule_severity severity = RULE_INFO;
    enum cli_style style;

    rule_severity_parse(rt_text_of(output->severity), &severity);
    style = style_of(severity);
    add_time(output->time, out);
    rt_buffer_printf(out, "  %s", cli_style_begin(color, style));
    for (const char *at = output->severity; *at != '\0'; at++)
        rt_buffer_char(out, (char)(*at >= 'a' && *at <= 'z' ? *at - 'a' + 'A' : *at));
    rt_buffer_printf(out, "%s%*s  %s", cli_style_end(color, style),
                     (int)(strlen(output->severity) < 8 ? 8 - strlen(output->severity) : 0), "",
                     output->rule_id);
    if (strcmp(output->output, rule_output_name(RULE_OUTPUT_MATCH)) != 0)
        rt_buffer_printf(out, " (%s)", output->output);
    rt_buffer_string(out, "  ");
    cli_visible_text(output->message, out);
}
