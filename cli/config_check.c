/* SPDX-License-Identifier: Apache-2.0 */
/* The merged tree against the table: unknown keys, wrong kinds, what is missing. */
#include <stdio.h>

#include "cli/config.h"
#include "rules/diagnostics.h"
#include "rules/yaml_tree.h"
#include "runtime/base/calendar.h"

enum { NAMES_MAX = 64, WORDS_BYTES = 256 };

#define CONFIG_ERROR(reader, code, node, ...)                                                      \
    rt_diag_add((reader)->diags, RT_SEVERITY_ERROR, RULE_DIAG_##code, (node)->span, __VA_ARGS__)

const char *cli_config_kind_name(enum cli_config_kind kind)
{
    static const char *const names[] = {
        [CLI_CONFIG_VERSION] = "the number 1",
        [CLI_CONFIG_TEXT] = "a text",
        [CLI_CONFIG_TEXT_REQUIRED] = "a text",
        [CLI_CONFIG_TEXTS] = "a text or a list of texts",
        [CLI_CONFIG_TEXTS_REQUIRED] = "a text or a list of texts",
        [CLI_CONFIG_BOOL] = "true or false",
        [CLI_CONFIG_DURATION] = "a duration such as 500ms, 30s, 10m, 2h or 7d",
        [CLI_CONFIG_BYTES] = "a number of bytes such as 64KiB, 100MB or 2GB",
        [CLI_CONFIG_COUNT] = "a whole number from 1",
        [CLI_CONFIG_LIMIT_COUNT] = "a whole number from 1",
        [CLI_CONFIG_LIMIT_BYTES] = "a number of bytes such as 64KiB, 100MB or 2GB",
        [CLI_CONFIG_WORD] = "a word",
        [CLI_CONFIG_SECRET] = "a secret: { from_file: PATH } or { from_env: NAME }",
        [CLI_CONFIG_TEXT_MAP] = "a mapping of names to values",
        [CLI_CONFIG_START] = "committed, earliest, latest or { time: 2026-01-01T00:00:00Z }",
        [CLI_CONFIG_TIME_FORMAT] =
            "rfc3339, unix_s, unix_ms, unix_us, unix_ns or { strptime: PATTERN }",
        [CLI_CONFIG_RECORD_PART] = "key, timestamp or header NAME",
        [CLI_CONFIG_EMPTY] = "an empty mapping: {}",
        [CLI_CONFIG_NOT_YET] = "nothing yet",
    };

    return names[kind];
}

/* ---- the kinds ---- */

static bool is_scalar(const struct yaml_node *node)
{
    return node->kind == YAML_SCALAR && node->type != YAML_NULL;
}

static bool are_texts(const struct yaml_node *node)
{
    if (node->kind != YAML_SEQUENCE)
        return is_scalar(node);
    for (size_t i = 0; i < node->count; i++) {
        if (!is_scalar(node->items[i]))
            return false;
    }
    return true;
}

/* `{ name: text }` with exactly that key, or one of two. */
static bool is_pair(const struct yaml_node *node, const char *name, const char *or_name)
{
    return node->kind == YAML_MAPPING && node->count == 1 && is_scalar(node->pairs[0].value) &&
           (rt_text_is(node->pairs[0].key->text, name) ||
            (or_name != NULL && rt_text_is(node->pairs[0].key->text, or_name)));
}

static bool is_secret(const struct yaml_node *node)
{
    return is_pair(node, "from_file", "from_env");
}

static bool is_text_map(const struct yaml_node *node)
{
    if (node->kind != YAML_MAPPING)
        return false;
    for (size_t i = 0; i < node->count; i++) {
        if (!is_scalar(node->pairs[i].value) && !is_secret(node->pairs[i].value))
            return false;
    }
    return true;
}

static bool is_start(const struct yaml_node *node)
{
    int64_t seconds;
    uint32_t nanos;

    if (is_pair(node, "time", NULL))
        return rt_rfc3339_parse(node->pairs[0].value->text, &seconds, &nanos);
    return is_scalar(node) &&
           (rt_text_is(node->text, "committed") || rt_text_is(node->text, "earliest") ||
            rt_text_is(node->text, "latest"));
}

static bool is_time_format(const struct yaml_node *node)
{
    struct rt_time_reader reader;
    const struct yaml_node *name = is_pair(node, "strptime", NULL) ? node->pairs[0].value : node;

    return is_scalar(name) && rt_time_reader_parse(name->text.data, &reader) &&
           (name == node) == (reader.format != RT_TIME_STRPTIME);
}

static bool is_count(const struct yaml_node *node, bool bytes)
{
    uint64_t number;

    return is_scalar(node) &&
           (bytes ? rt_text_to_bytes(node->text, &number) : rt_text_to_uint(node->text, &number)) &&
           number > 0 && number <= INT64_MAX && (bytes || number <= UINT32_MAX);
}

static bool is_duration(const struct yaml_node *node)
{
    int64_t ms;

    return is_scalar(node) && rt_text_to_duration_ms(node->text, &ms) && ms <= RT_DURATION_MAX.ms;
}

static bool is_record_part(const struct yaml_node *node)
{
    struct rt_text header = RT_TEXT("header ");

    return is_scalar(node) &&
           (rt_text_is(node->text, "key") || rt_text_is(node->text, "timestamp") ||
            (rt_text_starts_with(node->text, header) && node->text.length > header.length));
}

static bool fits(const struct yaml_node *node, enum cli_config_kind kind)
{
    switch (kind) {
    case CLI_CONFIG_VERSION:
        return is_scalar(node) && rt_text_is(node->text, "1");
    case CLI_CONFIG_TEXT:
    case CLI_CONFIG_TEXT_REQUIRED:
    case CLI_CONFIG_WORD:
        return is_scalar(node);
    case CLI_CONFIG_TEXTS:
        return are_texts(node);
    case CLI_CONFIG_TEXTS_REQUIRED:
        return are_texts(node) && (node->kind != YAML_SEQUENCE || node->count > 0);
    case CLI_CONFIG_BOOL:
        return is_scalar(node) &&
               (rt_text_is(node->text, "true") || rt_text_is(node->text, "false"));
    case CLI_CONFIG_DURATION:
        return is_duration(node);
    case CLI_CONFIG_BYTES:
    case CLI_CONFIG_LIMIT_BYTES:
        return is_count(node, true);
    case CLI_CONFIG_COUNT:
    case CLI_CONFIG_LIMIT_COUNT:
        return is_count(node, false);
    case CLI_CONFIG_SECRET:
        return is_secret(node);
    case CLI_CONFIG_TEXT_MAP:
        return is_text_map(node);
    case CLI_CONFIG_START:
        return is_start(node);
    case CLI_CONFIG_TIME_FORMAT:
        return is_time_format(node);
    case CLI_CONFIG_RECORD_PART:
        return is_record_part(node);
    case CLI_CONFIG_EMPTY:
        return (node->kind == YAML_MAPPING && node->count == 0) ||
               (node->kind == YAML_SCALAR && node->type == YAML_NULL);
    case CLI_CONFIG_NOT_YET:
        break;
    }
    return false;
}

/* ---- leaves ---- */

static size_t split_choices(const char *choices, char bytes[WORDS_BYTES],
                            const char *out[NAMES_MAX])
{
    size_t count = 0;

    snprintf(bytes, WORDS_BYTES, "%s", choices);
    for (char *at = bytes; count < NAMES_MAX; at++) {
        size_t length = strcspn(at, "|");
        bool last = at[length] == '\0';

        at[length] = '\0';
        out[count++] = at;
        at += length;
        if (last)
            break;
    }
    return count;
}

static void check_word(struct cli_config_reader *reader, const struct yaml_node *node,
                       const struct cli_config_key *key, const char *name)
{
    char bytes[WORDS_BYTES];
    const char *words[NAMES_MAX], *nearest;
    size_t count = split_choices(key->choices, bytes, words);
    struct rt_buffer list;
    struct rt_diag *diag;

    for (size_t i = 0; i < count; i++) {
        if (rt_text_is(node->text, words[i]))
            return;
    }
    diag = CONFIG_ERROR(reader, UNKNOWN_VALUE, node, "`%s` is not a value of `%s`", node->text.data,
                        name);
    nearest = rt_nearest(node->text, words, count);
    if (nearest != NULL)
        rt_diag_label(reader->diags, diag, "did you mean `%s`?", nearest);
    rt_buffer_init(&list, WORDS_BYTES * 2);
    for (size_t i = 0; i < count; i++)
        rt_buffer_printf(&list, "%s%s", i == 0 ? "" : ", ", words[i]);
    rt_diag_help(reader->diags, diag, "one of %s", list.data == NULL ? "" : list.data);
    rt_buffer_done(&list);
    if (nearest != NULL)
        rt_diag_fix(reader->diags, diag, "%s", nearest);
}

/* Its line is not shown: it may be the secret itself. */
static void report_secret(struct cli_config_reader *reader, const struct yaml_node *node,
                          const char *name)
{
    struct rt_text text = rt_diags_source_text(reader->diags, node->span.source);
    struct rt_diag *diag;
    unsigned line = 1;

    for (size_t i = 0; i < node->span.begin && i < text.length; i++)
        line += text.data[i] == '\n';
    diag =
        rt_diag_add(reader->diags, RT_SEVERITY_ERROR, RULE_DIAG_WRONG_TYPE, RT_NO_SPAN,
                    "%s:%u: `%s` takes %s", rt_diags_source_name(reader->diags, node->span.source),
                    line, name, cli_config_kind_name(CLI_CONFIG_SECRET));
    rt_diag_note(reader->diags, diag, "a secret is not written into a configuration");
}

static void check_leaf(struct cli_config_reader *reader, const struct yaml_node *node,
                       const struct cli_config_key *key, const char *name)
{
    struct rt_diag *diag;

    if (node->kind == YAML_BROKEN)
        return;
    if (key->kind == CLI_CONFIG_SECRET && !fits(node, key->kind)) {
        report_secret(reader, node, name);
        return;
    }
    if (key->kind == CLI_CONFIG_NOT_YET) {
        CONFIG_ERROR(reader, NOT_YET, node, "`%s` is not yet supported", name);
        return;
    }
    if (!fits(node, key->kind)) {
        diag = CONFIG_ERROR(reader, WRONG_TYPE, node, "`%s` takes %s", name,
                            cli_config_kind_name(key->kind));
        rt_diag_help(reader->diags, diag, "for example `%s: %s`", name, key->example);
        return;
    }
    if (key->kind == CLI_CONFIG_WORD)
        check_word(reader, node, key, name);
}

/* ---- sections ---- */

/* The names that may stand in a section. */
static size_t names_in(const char *pattern, char bytes[NAMES_MAX][CLI_CONFIG_PATTERN_MAX],
                       const char *out[NAMES_MAX])
{
    size_t key_count, count = 0, length = strlen(pattern);
    const struct cli_config_key *keys = cli_config_keys(&key_count);

    for (size_t i = 0; i < key_count && count < NAMES_MAX; i++) {
        const char *rest = keys[i].path;

        if (length > 0 && (strncmp(rest, pattern, length) != 0 || rest[length] != '.'))
            continue;
        rest += length > 0 ? length + 1 : 0;
        snprintf(bytes[count], CLI_CONFIG_PATTERN_MAX, "%.*s", (int)strcspn(rest, "."), rest);
        if (keys[i].kind == CLI_CONFIG_NOT_YET ||
            (count > 0 && strcmp(bytes[count], bytes[count - 1]) == 0))
            continue;
        out[count] = bytes[count];
        count++;
    }
    return count;
}

/* Where in the table a word is the last name of a path; NULL: nowhere. */
static const char *find_elsewhere(struct rt_text word)
{
    size_t count;
    const struct cli_config_key *keys = cli_config_keys(&count);

    for (size_t i = 0; i < count; i++) {
        const char *dot = strrchr(keys[i].path, '.');

        if (dot != NULL && keys[i].kind != CLI_CONFIG_NOT_YET && rt_text_is(word, dot + 1))
            return keys[i].path;
    }
    return NULL;
}

static void report_unknown(struct cli_config_reader *reader, const struct yaml_node *key,
                           const char *pattern)
{
    char bytes[NAMES_MAX][CLI_CONFIG_PATTERN_MAX];
    const char *names[NAMES_MAX];
    size_t count = names_in(pattern, bytes, names);
    const char *nearest = rt_nearest(key->text, names, count);
    const char *elsewhere = find_elsewhere(key->text);
    struct rt_diag *diag = CONFIG_ERROR(
        reader, UNKNOWN_KEY, key, "unknown key `%s` in %s%s%s", key->text.data,
        pattern[0] == '\0' ? "the configuration" : "`", pattern, pattern[0] == '\0' ? "" : "`");
    struct rt_buffer list;

    if (nearest != NULL) {
        rt_diag_label(reader->diags, diag, "did you mean `%s`?", nearest);
        /* Of a variable or --set the mark stands under the value. */
        if (key->span.end - key->span.begin == key->text.length)
            rt_diag_fix(reader->diags, diag, "%s", nearest);
        return;
    }
    if (elsewhere != NULL)
        rt_diag_label(reader->diags, diag, "it is `%s`; indented wrongly?", elsewhere);
    rt_buffer_init(&list, WORDS_BYTES * 4);
    for (size_t i = 0; i < count; i++)
        rt_buffer_printf(&list, "%s%s", i == 0 ? "" : ", ", names[i]);
    rt_diag_help(reader->diags, diag, "there is %s", list.data == NULL ? "" : list.data);
    rt_buffer_done(&list);
}

static bool is_name(struct rt_text text)
{
    for (size_t i = 0; i < text.length; i++) {
        char c = text.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_' || (i > 0 && c == '-')))
            return false;
    }
    return text.length > 0;
}

/* What the table requires of a mapping that is there. */
static void check_required(struct cli_config_reader *reader, const struct yaml_node *node,
                           const char *pattern)
{
    size_t count, length = strlen(pattern);
    const struct cli_config_key *keys = cli_config_keys(&count);

    for (size_t i = 0; i < count; i++) {
        const char *name = keys[i].path + length + 1;
        bool is_required =
            keys[i].kind == CLI_CONFIG_TEXT_REQUIRED || keys[i].kind == CLI_CONFIG_TEXTS_REQUIRED;

        if (is_required && strncmp(keys[i].path, pattern, length) == 0 &&
            keys[i].path[length] == '.' && strchr(name, '.') == NULL &&
            yaml_get(node, name) == NULL)
            CONFIG_ERROR(reader, MISSING_KEY, node, "`%s` needs `%s`",
                         strrchr(pattern, '.') == NULL ? pattern : strrchr(pattern, '.') + 1, name);
    }
}

/* Depth is at most that of the table. */
// NOLINTNEXTLINE(misc-no-recursion)
static void check_section(struct cli_config_reader *reader, const struct yaml_node *node,
                          const char *pattern)
{
    if (node->kind == YAML_BROKEN)
        return;
    if (node->kind != YAML_MAPPING) {
        /* `tls:` and `rotate:` may be empty: their being there says something. */
        if (node->kind != YAML_SCALAR || node->type != YAML_NULL)
            CONFIG_ERROR(reader, WRONG_TYPE, node, "`%s` is a mapping",
                         pattern[0] == '\0' ? "a configuration" : pattern);
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        const struct yaml_pair *pair = &node->pairs[i];
        char next[CLI_CONFIG_PATTERN_MAX];
        enum cli_config_place place;

        if (rt_text_starts_with(pair->key->text, RT_TEXT("x-")))
            continue;
        place = cli_config_step(pattern, pair->key->text, next);
        if (place != CLI_CONFIG_UNKNOWN && next[strlen(next) - 1] == '*' &&
            !is_name(pair->key->text))
            CONFIG_ERROR(reader, BAD_NAME, pair->key,
                         "`%s` is no name: letters, digits, `_` and `-`", pair->key->text.data);
        else if (place == CLI_CONFIG_UNKNOWN)
            report_unknown(reader, pair->key, pattern);
        else if (place == CLI_CONFIG_SECTION)
            check_section(reader, pair->value, next);
        else
            check_leaf(reader, pair->value, cli_config_find(next), pair->key->text.data);
    }
    check_required(reader, node, pattern);
}

/* ---- what the table cannot say ---- */

/* Exactly one of the transports. */
static void check_transport(struct cli_config_reader *reader, const struct yaml_pair *pair,
                            const char *what, const char *const kinds[])
{
    const struct yaml_node *first = NULL;

    if (pair->value->kind != YAML_MAPPING)
        return;
    for (size_t i = 0; kinds[i] != NULL; i++) {
        const struct yaml_node *node = yaml_get(pair->value, kinds[i]);

        if (node != NULL && first != NULL) {
            struct rt_diag *diag = CONFIG_ERROR(reader, CONFLICT, node, "%s `%s` is two things",
                                                what, pair->key->text.data);

            rt_diag_also(reader->diags, diag, first->span, "the other one");
        }
        first = first == NULL ? node : first;
    }
    if (first == NULL && yaml_get(pair->value, "alertmanager") == NULL)
        rt_diag_help(reader->diags,
                     CONFIG_ERROR(reader, MISSING_KEY, pair->key,
                                  "%s `%s` does not say where it leads", what,
                                  pair->key->text.data),
                     "it has one of %s, %s%s%s", kinds[0], kinds[1], kinds[2] == NULL ? "" : ", ",
                     kinds[2] == NULL ? "" : kinds[2]);
}

static void check_transports(struct cli_config_reader *reader, const char *section,
                             const char *what, const char *const kinds[])
{
    const struct yaml_node *node = cli_config_at(reader->config->root, section);

    for (size_t i = 0; node != NULL && node->kind == YAML_MAPPING && i < node->count; i++)
        check_transport(reader, &node->pairs[i], what, kinds);
}

static void check_default_sinks(struct cli_config_reader *reader)
{
    const struct yaml_node *node = cli_config_at(reader->config->root, "default_sinks");
    const struct yaml_node *sinks = cli_config_at(reader->config->root, "sinks");
    const char *names[NAMES_MAX];
    size_t count = 0;

    for (size_t i = 0; sinks != NULL && sinks->kind == YAML_MAPPING && i < sinks->count; i++) {
        if (count < NAMES_MAX)
            names[count++] = sinks->pairs[i].key->text.data;
    }
    if (node == NULL || !are_texts(node))
        return;
    for (size_t i = 0; i < (node->kind == YAML_SEQUENCE ? node->count : 1); i++) {
        const struct yaml_node *item = node->kind == YAML_SEQUENCE ? node->items[i] : node;
        const char *nearest = rt_nearest(item->text, names, count);
        struct rt_diag *diag;

        if (sinks != NULL && yaml_get(sinks, item->text.data) != NULL)
            continue;
        diag = CONFIG_ERROR(reader, UNKNOWN_SINK, item, "there is no sink `%s`", item->text.data);
        if (nearest != NULL)
            rt_diag_label(reader->diags, diag, "did you mean `%s`?", nearest);
    }
}

void cli_config_check(struct cli_config_reader *reader)
{
    static const char *const source_kinds[] = {"file", "stdin", "kafka", NULL};
    static const char *const sink_kinds[] = {"stdout", "file", "kafka", NULL};
    static const char *const letter_kinds[] = {"file", "kafka", NULL};
    const struct yaml_node *root = reader->config->root;

    if (root == NULL)
        return;
    check_section(reader, root, "");
    check_transports(reader, "sources", "source", source_kinds);
    check_transports(reader, "sinks", "sink", sink_kinds);
    for (size_t i = 0; root->kind == YAML_MAPPING && i < root->count; i++) {
        if (rt_text_is(root->pairs[i].key->text, "dead_letter"))
            check_transport(reader, &root->pairs[i], "the output", letter_kinds);
    }
    check_default_sinks(reader);
}
