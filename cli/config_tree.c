/* SPDX-License-Identifier: Apache-2.0 */
/* Layers become one tree; the table says where a leaf begins. */
#include <ctype.h>
#include <stdio.h>

#include "cli/config.h"
#include "rules/diagnostics.h"
#include "rules/yaml_tree.h"

/* ---- the table ---- */

static const struct cli_config_key keys[] = {
#define CONFIG(path, kind, choices, standard, example, meaning)                                    \
    {(path), CLI_CONFIG_##kind, (choices), (standard), (example), (meaning)},
#include "cli/config_keys.def"
#undef CONFIG
};

enum { KEY_COUNT = sizeof(keys) / sizeof(keys[0]), PATH_DEPTH_MAX = 16 };

const struct cli_config_key *cli_config_keys(size_t *count)
{
    *count = KEY_COUNT;
    return keys;
}

const struct cli_config_key *cli_config_find(const char *pattern)
{
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (strcmp(keys[i].path, pattern) == 0)
            return &keys[i];
    }
    return NULL;
}

static enum cli_config_place place_of(const char *pattern)
{
    size_t length = strlen(pattern);

    if (cli_config_find(pattern) != NULL)
        return CLI_CONFIG_LEAF;
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (strncmp(keys[i].path, pattern, length) == 0 && keys[i].path[length] == '.')
            return CLI_CONFIG_SECTION;
    }
    return CLI_CONFIG_UNKNOWN;
}

enum cli_config_place cli_config_step(const char *pattern, struct rt_text key,
                                      char out[CLI_CONFIG_PATTERN_MAX])
{
    const char *dot = pattern[0] == '\0' ? "" : ".";
    const struct cli_config_key *leaf = cli_config_find(pattern);
    enum cli_config_place place = CLI_CONFIG_UNKNOWN;
    int length = snprintf(out, CLI_CONFIG_PATTERN_MAX, "%s%s%.*s", pattern, dot,
                          (int)(key.length < CLI_CONFIG_PATTERN_MAX ? key.length : 0), key.data);

    if (leaf != NULL)
        return CLI_CONFIG_UNKNOWN;
    if (length < CLI_CONFIG_PATTERN_MAX && memchr(key.data, '*', key.length) == NULL &&
        memchr(key.data, '.', key.length) == NULL)
        place = place_of(out);
    if (place != CLI_CONFIG_UNKNOWN)
        return place;
    snprintf(out, CLI_CONFIG_PATTERN_MAX, "%s%s*", pattern, dot);
    return place_of(out);
}

const struct yaml_node *cli_config_at(const struct yaml_node *node, const char *path)
{
    while (node != NULL && path[0] != '\0') {
        size_t length = strcspn(path, ".");
        char name[CLI_CONFIG_PATTERN_MAX];

        if (node->kind != YAML_MAPPING || length >= sizeof(name))
            return NULL;
        memcpy(name, path, length);
        name[length] = '\0';
        node = yaml_get(node, name);
        path += length + (path[length] == '.');
    }
    return node;
}

/* ---- one leaf from outside a file ---- */

/* `fraud_desk` names the sink `fraud-desk`: a variable cannot be written otherwise. */
static bool same_name(struct rt_text a, struct rt_text b)
{
    if (a.length != b.length)
        return false;
    for (size_t i = 0; i < a.length; i++) {
        int left = tolower((unsigned char)a.data[i]), right = tolower((unsigned char)b.data[i]);

        if ((left == '-' || left == '.' ? '_' : left) !=
            (right == '-' || right == '.' ? '_' : right))
            return false;
    }
    return true;
}

static const struct yaml_node *make_text(struct cli_config_reader *reader, struct rt_text text,
                                         struct rt_span span)
{
    struct yaml_node *node = rt_arena_alloc(&reader->config->arena, sizeof(*node));
    const char *copy = rt_arena_text(&reader->config->arena, text.data, text.length);

    if (node == NULL || copy == NULL) {
        reader->status = RT_ERR_NOMEM;
        return NULL;
    }
    *node = (struct yaml_node){.kind = YAML_SCALAR,
                               .type = YAML_STRING,
                               .style = YAML_DOUBLE_QUOTED,
                               .span = span,
                               .text = {copy, text.length},
                               .weight = 1,
                               .height = 1};
    return node;
}

static const struct yaml_node *make_mapping(struct cli_config_reader *reader, size_t count,
                                            struct rt_span span, struct yaml_pair **pairs)
{
    struct yaml_node *node = rt_arena_alloc(&reader->config->arena, sizeof(*node));

    *pairs = rt_arena_array(&reader->config->arena, count, sizeof(**pairs));
    if (node == NULL || *pairs == NULL) {
        reader->status = RT_ERR_NOMEM;
        return NULL;
    }
    *node = (struct yaml_node){
        .kind = YAML_MAPPING, .span = span, .pairs = *pairs, .count = count, .weight = 1};
    return node;
}

/* The name that the lower layers give to what is the same but for case and dashes. */
static struct rt_text known_name(const struct yaml_node *below, struct rt_text name)
{
    for (size_t i = 0; below != NULL && below->kind == YAML_MAPPING && i < below->count; i++) {
        if (same_name(below->pairs[i].key->text, name))
            return below->pairs[i].key->text;
    }
    return name;
}

/* Cuts a path into names; below a map of free names the rest is one name.  0: too many. */
static size_t cut_path(const char *path, const struct yaml_node *root,
                       struct rt_text names[PATH_DEPTH_MAX])
{
    char pattern[CLI_CONFIG_PATTERN_MAX] = "", next[CLI_CONFIG_PATTERN_MAX];
    const struct yaml_node *below = root;
    size_t depth = 0;

    for (const char *at = path;; depth++) {
        bool is_free = cli_config_find(pattern) != NULL;
        size_t length = is_free ? strlen(at) : strcspn(at, ".");
        enum cli_config_place place;

        if (depth == PATH_DEPTH_MAX)
            return 0;
        names[depth] = (struct rt_text){at, length};
        place = cli_config_step(pattern, names[depth], next);
        if (is_free || (place != CLI_CONFIG_UNKNOWN && next[strlen(next) - 1] == '*'))
            names[depth] = known_name(below, names[depth]);
        below = below == NULL || below->kind != YAML_MAPPING ? NULL : below;
        for (size_t i = 0, count = below == NULL ? 0 : below->count; i <= count; i++) {
            if (i == count) {
                below = NULL;
                break;
            }
            if (rt_text_equal(below->pairs[i].key->text, names[depth])) {
                below = below->pairs[i].value;
                break;
            }
        }
        memcpy(pattern, next, sizeof(pattern));
        if (at[length] == '\0')
            return depth + 1;
        at += length + 1;
    }
}

/* The value as a tree from the root on. */
static const struct yaml_node *wrap(struct cli_config_reader *reader, const char *path,
                                    const struct yaml_node *value, struct rt_span span)
{
    struct rt_text names[PATH_DEPTH_MAX];
    size_t depth = cut_path(path, reader->config->root, names);

    if (depth == 0) {
        rt_diag_add(reader->diags, RT_SEVERITY_ERROR, RULE_DIAG_UNKNOWN_KEY, span,
                    "no key is as deep as `%s`", path);
        return NULL;
    }
    while (depth > 0 && value != NULL) {
        struct yaml_pair *pairs;
        const struct yaml_node *mapping = make_mapping(reader, 1, span, &pairs);
        const struct yaml_node *key = make_text(reader, names[--depth], span);

        if (mapping == NULL || key == NULL)
            return NULL;
        pairs[0] = (struct yaml_pair){key, value};
        value = mapping;
    }
    return value;
}

/* ---- merging ---- */

static size_t find_pair(const struct yaml_node *node, struct rt_text key)
{
    size_t i = 0;

    while (i < node->count && !rt_text_equal(node->pairs[i].key->text, key))
        i++;
    return i;
}

/* Depth is at most YAML_DEPTH_MAX, that of a tree. */
// NOLINTNEXTLINE(misc-no-recursion)
static const struct yaml_node *merge(struct cli_config_reader *reader, const char *pattern,
                                     const struct yaml_node *lower, const struct yaml_node *upper)
{
    const struct cli_config_key *leaf = cli_config_find(pattern);
    const struct yaml_node *merged;
    struct yaml_pair *pairs;
    size_t count;

    if (lower == NULL || lower->kind != YAML_MAPPING || upper->kind != YAML_MAPPING ||
        (leaf != NULL && leaf->kind != CLI_CONFIG_TEXT_MAP))
        return upper;
    count = lower->count;
    for (size_t i = 0; i < upper->count; i++)
        count += find_pair(lower, upper->pairs[i].key->text) == lower->count;
    merged = make_mapping(reader, count, upper->span, &pairs);
    if (merged == NULL)
        return NULL;
    for (size_t i = 0; i < lower->count; i++)
        pairs[i] = lower->pairs[i];
    count = lower->count;
    for (size_t i = 0; i < upper->count; i++) {
        const struct yaml_pair *pair = &upper->pairs[i];
        size_t at = find_pair(lower, pair->key->text);
        char next[CLI_CONFIG_PATTERN_MAX];

        if (at == lower->count) {
            pairs[count++] = *pair;
            continue;
        }
        cli_config_step(pattern, pair->key->text, next);
        pairs[at].value = merge(reader, next, lower->pairs[at].value, pair->value);
        pairs[at].key = pair->key;
        if (pairs[at].value == NULL)
            return NULL;
    }
    return merged;
}

static void merge_layer(struct cli_config_reader *reader, const struct cli_config_layer *layer)
{
    rt_source_id source = rt_diags_add_source(reader->diags, layer->name, layer->text);
    struct rt_span span = {source, 0, (uint32_t)layer->text.length};
    struct yaml_document document;
    const struct yaml_node *value;

    if (source == RT_NO_SOURCE ||
        yaml_read(reader->diags, source, &reader->config->arena, &document) != RT_OK) {
        reader->status = RT_ERR_NOMEM;
        return;
    }
    value = document.root;
    if (layer->path != NULL && value == NULL)
        value = make_text(reader, RT_TEXT(""), span);
    if (layer->path != NULL && value != NULL)
        value = wrap(reader, layer->path, value, span);
    if (value != NULL)
        value = merge(reader, "", reader->config->root, value);
    if (value != NULL)
        reader->config->root = value;
}

void cli_config_merge(struct cli_config_reader *reader, const struct cli_config_layer *layers,
                      size_t count)
{
    for (size_t i = 0; i < count && reader->status == RT_OK; i++)
        merge_layer(reader, &layers[i]);
}
