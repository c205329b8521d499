/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/config_page.h"

#include <string.h>

#include "cli/config.h"

static const struct {
    const char *prefix, *heading;
} sections[] = {
    {"sources.*.event_time", "Event time of a source"},
    {"sources.*.kafka", "A source in Kafka"},
    {"sources.", "Sources"},
    {"sinks.*.file", "A sink in a file"},
    {"sinks.*.kafka", "A sink in Kafka"},
    {"sinks.", "Sinks"},
    {"default_sinks", "Sinks"},
    {"dead_letter.file", "Dead letters in a file"},
    {"dead_letter.kafka", "Dead letters in Kafka"},
    {"state.limits", "Limits"},
    {"state.", "State"},
    {"log.", "Log"},
    {"params.", "Parameters of rules"},
    {"", "The file"},
};

static const char *heading_of(const char *path)
{
    size_t i = 0;

    while (strncmp(path, sections[i].prefix, strlen(sections[i].prefix)) != 0)
        i++;
    return sections[i].heading;
}

/* In a table a bar would end the cell. */
static void put_cell(struct rt_buffer *out, const char *text)
{
    for (; *text != '\0'; text++) {
        rt_buffer_string(out, *text == '|' ? "\\" : "");
        rt_buffer_char(out, *text);
    }
}

static void put_row(struct rt_buffer *out, const struct cli_config_key *key)
{
    bool is_phrase = key->standard != NULL && key->standard[0] == '(';

    rt_buffer_printf(out, "| `%s` | ", key->path);
    put_cell(out, key->meaning);
    rt_buffer_string(out, " | ");
    if (key->choices != NULL)
        put_cell(out, key->choices);
    else
        put_cell(out, cli_config_kind_name(key->kind));
    rt_buffer_string(out, " | ");
    if (key->standard != NULL)
        rt_buffer_printf(out, is_phrase ? "%s" : "`%s`", key->standard);
    rt_buffer_string(out, " | `");
    put_cell(out, key->example);
    rt_buffer_string(out, "` |\n");
}

void cli_config_keys_markdown(struct rt_buffer *out)
{
    const char *heading = "";
    size_t count;
    const struct cli_config_key *keys = cli_config_keys(&count);

    for (size_t i = 0; i < count; i++) {
        if (keys[i].kind == CLI_CONFIG_NOT_YET)
            continue;
        if (strcmp(heading, heading_of(keys[i].path)) != 0) {
            rt_buffer_string(out, heading[0] == '\0' ? "" : "\n");
            heading = heading_of(keys[i].path);
            rt_buffer_printf(out, "### %s\n\n", heading);
            rt_buffer_string(out, "| key | meaning | takes | default | example |\n"
                                  "|---|---|---|---|---|\n");
        }
        put_row(out, &keys[i]);
    }
}

static void put_member(struct rt_buffer *out, const char *name, const char *value)
{
    rt_buffer_printf(out, ",\"%s\":", name);
    if (value == NULL)
        rt_buffer_string(out, "null");
    else
        rt_buffer_json_string(out, rt_text_of(value));
}

void cli_config_keys_json(struct rt_buffer *out)
{
    const char *comma = "[";
    size_t count;
    const struct cli_config_key *keys = cli_config_keys(&count);

    for (size_t i = 0; i < count; i++) {
        if (keys[i].kind == CLI_CONFIG_NOT_YET)
            continue;
        rt_buffer_printf(out, "%s\n  {\"path\":\"%s\"", comma, keys[i].path);
        put_member(out, "kind", cli_config_kind_name(keys[i].kind));
        put_member(out, "choices", keys[i].choices);
        put_member(out, "default", keys[i].standard);
        put_member(out, "example", keys[i].example);
        put_member(out, "meaning", keys[i].meaning);
        rt_buffer_char(out, '}');
        comma = ",";
    }
    rt_buffer_string(out, "\n]\n");
}
