/* SPDX-License-Identifier: Apache-2.0 */
/* Every leaf of the configuration with where it comes from. */
#include <stdio.h>

#include "cli/config.h"
#include "rules/yaml_tree.h"

enum { VALUE_BYTES_MAX = 1 << 20, DEPTH_MAX = 12 };

struct shower {
    const struct cli_config *config;
    struct rt_diags *diags;
    cli_config_leaf_fn *each;
    void *context;
    struct rt_buffer path, value, origin;
    enum rt_status status;
};

/* ---- values ---- */

/* Settings of other programs that hold secrets go by such names. */
static bool is_delicate(struct rt_text name)
{
    static const char *const words[] = {"password", "secret", "token", "private", ".pem", "jaas"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (name.length >= strlen(words[i]) && strstr(name.data, words[i]) != NULL)
            return true;
    }
    return false;
}

/* Depth is at most that of a leaf: a map of secrets. */
// NOLINTNEXTLINE(misc-no-recursion)
static void put_value(struct shower *shower, const struct yaml_node *node)
{
    struct rt_buffer *out = &shower->value;
    struct rt_arena quoted;

    switch (node->kind) {
    case YAML_SCALAR:
        rt_arena_init(&quoted, VALUE_BYTES_MAX);
        rt_buffer_string(out, node->style == YAML_PLAIN ? node->text.data
                                                        : yaml_quoted(&quoted, node->text));
        rt_arena_done(&quoted);
        break;
    case YAML_SEQUENCE:
        rt_buffer_char(out, '[');
        for (size_t i = 0; i < node->count; i++) {
            rt_buffer_string(out, i == 0 ? "" : ", ");
            put_value(shower, node->items[i]);
        }
        rt_buffer_char(out, ']');
        break;
    case YAML_MAPPING:
        rt_buffer_char(out, '{');
        for (size_t i = 0; i < node->count; i++) {
            bool hidden =
                is_delicate(node->pairs[i].key->text) && node->pairs[i].value->kind == YAML_SCALAR;

            rt_buffer_string(out, i == 0 ? " " : ", ");
            rt_buffer_text(out, node->pairs[i].key->text);
            rt_buffer_string(out, ": ");
            if (hidden)
                rt_buffer_string(out, "***");
            else
                put_value(shower, node->pairs[i].value);
        }
        rt_buffer_string(out, node->count == 0 ? "}" : " }");
        break;
    case YAML_BROKEN:
        break;
    }
}

/* `egret.yaml:12`; what is not a file has no lines worth telling. */
static void put_origin(struct shower *shower, struct rt_span span)
{
    struct rt_text text = rt_diags_source_text(shower->diags, span.source);
    const char *name = rt_diags_source_name(shower->diags, span.source);
    unsigned line = 1;

    for (size_t i = 0; i < span.begin && i < text.length; i++)
        line += text.data[i] == '\n';
    rt_buffer_string(&shower->origin, name);
    if (strncmp(name, "--", 2) != 0 && strncmp(name, "EGRET_", 6) != 0)
        rt_buffer_printf(&shower->origin, ":%u", line);
}

static void show(struct shower *shower, const struct cli_config_key *key,
                 const struct yaml_node *node)
{
    rt_buffer_reset(&shower->value);
    rt_buffer_reset(&shower->origin);
    if (node != NULL && key->kind == CLI_CONFIG_SECRET && node->kind == YAML_SCALAR)
        rt_buffer_string(&shower->value, "***");
    else if (node != NULL)
        put_value(shower, node);
    if (node != NULL) {
        put_origin(shower, node->span);
    } else {
        rt_buffer_string(&shower->value, key->standard);
        rt_buffer_string(&shower->origin, "default");
    }
    if (shower->path.failed || shower->value.failed || shower->origin.failed) {
        shower->status = RT_ERR_NOMEM;
        return;
    }
    shower->each(shower->context, &(struct cli_config_leaf){.path = shower->path.data,
                                                            .value = rt_buffer_view(&shower->value),
                                                            .origin = shower->origin.data});
}

/* ---- paths ---- */

/* Sections whose keys have defaults although nobody wrote the section. */
static bool is_implied(const char *section, size_t length)
{
    static const char *const names[] = {"",    "event_time",  "state", "state.checkpoint",
                                        "log", "state.limits"};
    const char *last = section;

    for (size_t i = 0; i < length; i++)
        last = section[i] == '*' && section[i + 1] == '.' ? section + i + 2 : last;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strlen(names[i]) == length - (size_t)(last - section) &&
            strncmp(names[i], last, strlen(names[i])) == 0)
            return true;
    }
    return length > 0 && section[length - 1] == '*';
}

/*
 * Goes down the rest of the key's path from a mapping, into each name where the path has a `*`.
 * Depth is at most that of the table.
 */
// NOLINTNEXTLINE(misc-no-recursion)
static void walk(struct shower *shower, const struct cli_config_key *key, const char *rest,
                 const struct yaml_node *node)
{
    size_t length = strcspn(rest, "."), before = shower->path.length;
    bool is_mapping = node != NULL && node->kind == YAML_MAPPING;

    if (length == 0) {
        size_t section =
            strrchr(key->path, '.') == NULL ? 0 : (size_t)(strrchr(key->path, '.') - key->path);

        if (node != NULL || (key->standard != NULL && is_implied(key->path, section)))
            show(shower, key, node);
        return;
    }
    size_t count = rest[0] != '*' ? 1 : is_mapping ? node->count : 0;

    for (size_t i = 0; i < count; i++) {
        const struct yaml_pair *pair = rest[0] == '*' && node != NULL ? &node->pairs[i] : NULL;
        char name[CLI_CONFIG_PATTERN_MAX];
        const struct yaml_node *next;

        snprintf(name, sizeof(name), "%.*s", (int)length, rest);
        next = pair != NULL ? pair->value : is_mapping ? yaml_get(node, name) : NULL;
        rt_buffer_string(&shower->path, before == 0 ? "" : ".");
        rt_buffer_string(&shower->path, pair != NULL ? pair->key->text.data : name);
        walk(shower, key, rest + length + (rest[length] == '.'), next);
        shower->path.length = before;
        if (shower->path.data != NULL)
            shower->path.data[before] = '\0';
    }
}

enum rt_status cli_config_each(const struct cli_config *config, struct rt_diags *diags,
                               cli_config_leaf_fn *each, void *context)
{
    struct shower shower = {.config = config, .diags = diags, .each = each, .context = context};
    size_t count;
    const struct cli_config_key *keys = cli_config_keys(&count);

    rt_buffer_init(&shower.path, VALUE_BYTES_MAX);
    rt_buffer_init(&shower.value, VALUE_BYTES_MAX);
    rt_buffer_init(&shower.origin, VALUE_BYTES_MAX);
    for (size_t i = 0; i < count && shower.status == RT_OK; i++)
        walk(&shower, &keys[i], keys[i].path, config->root);
    rt_buffer_done(&shower.path);
    rt_buffer_done(&shower.value);
    rt_buffer_done(&shower.origin);
    return shower.status;
}
