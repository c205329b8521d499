/* SPDX-License-Identifier: Apache-2.0 */
/* Mappings as tables: which keys there are, what they take, and what to say about the others. */
#include <stdio.h>

#include "rules/load.h"
#include "runtime/base/assert.h"

#define KEY_OF(type, member, name, accepts, flags, inside)                                         \
    {(name), (accepts), (flags), offsetof(struct type, member), (inside)},

static const struct load_key file_keys[] = {
#define FILE_KEY(m, n, a, f, i) KEY_OF(load_file_nodes, m, n, a, f, i)
#include "rules/load_keys.def"
};
static const struct load_key rule_keys[] = {
#define RULE_KEY(m, n, a, f, i) KEY_OF(load_rule_nodes, m, n, a, f, i)
#include "rules/load_keys.def"
};
static const struct load_key default_keys[] = {
#define DEFAULT_KEY(m, n, a, f, i) KEY_OF(load_default_nodes, m, n, a, f, i)
#include "rules/load_keys.def"
};
static const struct load_key step_keys[] = {
#define STEP_KEY(m, n, a, f, i) KEY_OF(load_step_nodes, m, n, a, f, i)
#include "rules/load_keys.def"
};
static const struct load_key condition_keys[] = {
#define CONDITION_KEY(m, n, a, f, i) KEY_OF(load_condition_nodes, m, n, a, f, i)
#include "rules/load_keys.def"
};
static const struct load_key branch_keys[] = {
#define BRANCH_KEY(m, n, a, f, i) KEY_OF(load_branch_nodes, m, n, a, f, i)
#include "rules/load_keys.def"
};
static const struct load_key member_keys[] = {
#define MEMBER_KEY(m, n, a, f, i) KEY_OF(load_member_nodes, m, n, a, f, i)
#include "rules/load_keys.def"
};
static const struct load_key except_keys[] = {
#define EXCEPT_KEY(m, n, a, f, i) KEY_OF(load_except_nodes, m, n, a, f, i)
#include "rules/load_keys.def"
};
static const struct load_key output_keys[] = {
#define OUTPUT_KEY(m, n, a, f, i) KEY_OF(load_output_nodes, m, n, a, f, i)
#include "rules/load_keys.def"
};
static const struct load_key new_value_keys[] = {
#define NEW_VALUE_KEY(m, n, a, f, i) KEY_OF(load_new_value_nodes, m, n, a, f, i)
#include "rules/load_keys.def"
};
static const struct load_key rate_keys[] = {
#define RATE_KEY(m, n, a, f, i) KEY_OF(load_rate_nodes, m, n, a, f, i)
#include "rules/load_keys.def"
};
static const struct load_key dedup_keys[] = {
#define DEDUP_KEY(m, n, a, f, i) KEY_OF(load_dedup_nodes, m, n, a, f, i)
#include "rules/load_keys.def"
};
static const struct load_key test_keys[] = {
#define TEST_KEY(m, n, a, f, i) KEY_OF(load_test_nodes, m, n, a, f, i)
#include "rules/load_keys.def"
};
static const struct load_key test_event_keys[] = {
#define TEST_EVENT_KEY(m, n, a, f, i) KEY_OF(load_test_event_nodes, m, n, a, f, i)
#include "rules/load_keys.def"
};
static const struct load_key test_expect_keys[] = {
#define TEST_EXPECT_KEY(m, n, a, f, i) KEY_OF(load_test_expect_nodes, m, n, a, f, i)
#include "rules/load_keys.def"
};
static const struct load_key window_keys[] = {
#define WINDOW_KEY(m, n, a, f, i) KEY_OF(load_window_nodes, m, n, a, f, i)
#include "rules/load_keys.def"
};
static const struct load_key span_keys[] = {
#define SPAN_KEY(m, n, a, f, i) KEY_OF(load_span_nodes, m, n, a, f, i)
#include "rules/load_keys.def"
};
static const struct load_key aggregate_keys[] = {
#define AGGREGATE_KEY(m, n, a, f, i) KEY_OF(load_aggregate_nodes, m, n, a, f, i)
#include "rules/load_keys.def"
};
static const struct load_key global_keys[] = {
#define GLOBAL_KEY(m, n, a, f, i) KEY_OF(load_global_nodes, m, n, a, f, i)
#include "rules/load_keys.def"
};
static const struct load_key early_keys[] = {
#define EARLY_KEY(m, n, a, f, i) KEY_OF(load_early_nodes, m, n, a, f, i)
#include "rules/load_keys.def"
};
static const struct load_key fire_keys[] = {
#define FIRE_KEY(m, n, a, f, i) KEY_OF(load_fire_nodes, m, n, a, f, i)
#include "rules/load_keys.def"
};
static const struct load_key watermark_keys[] = {
#define WATERMARK_KEY(m, n, a, f, i) KEY_OF(load_watermark_nodes, m, n, a, f, i)
#include "rules/load_keys.def"
};

#define MAP_OF(what, keys)                                                                         \
    {                                                                                              \
        (what), (keys), sizeof(keys) / sizeof((keys)[0])                                           \
    }
const struct load_map load_file_map = MAP_OF("a rule file", file_keys);
const struct load_map load_rule_map = MAP_OF("a rule", rule_keys);
const struct load_map load_default_map = MAP_OF("`defaults`", default_keys);
const struct load_map load_step_map = MAP_OF("a step", step_keys);
const struct load_map load_condition_map = MAP_OF("`any_of`", condition_keys);
const struct load_map load_branch_map = MAP_OF("a branch of `any_of`", branch_keys);
const struct load_map load_member_map = MAP_OF("a step of `all_of`", member_keys);
const struct load_map load_except_map = MAP_OF("an exception", except_keys);
const struct load_map load_output_map = MAP_OF("an output", output_keys);
const struct load_map load_new_value_map = MAP_OF("`new_value`", new_value_keys);
const struct load_map load_rate_map = MAP_OF("`rate_limit`", rate_keys);
const struct load_map load_dedup_map = MAP_OF("`dedup`", dedup_keys);
const struct load_map load_test_map = MAP_OF("a test", test_keys);
const struct load_map load_test_event_map = MAP_OF("an event of a test", test_event_keys);
const struct load_map load_test_expect_map = MAP_OF("an expectation", test_expect_keys);
const struct load_map load_window_map = MAP_OF("`window`", window_keys);
const struct load_map load_span_map = MAP_OF("a window with a slide", span_keys);
const struct load_map load_aggregate_map = MAP_OF("an aggregate", aggregate_keys);
const struct load_map load_global_map = MAP_OF("`global`", global_keys);
const struct load_map load_early_map = MAP_OF("`early`", early_keys);
const struct load_map load_fire_map = MAP_OF("`fire`", fire_keys);
const struct load_map load_watermark_map = MAP_OF("`watermark`", watermark_keys);

enum { NAMES_MAX = 48, NAMES_LISTED_MAX = 10, LIST_BYTES = 512 };

static const struct load_key *find_key(const struct load_map *map, struct rt_text name)
{
    for (size_t i = 0; i < map->key_count; i++) {
        if (rt_text_is(name, map->keys[i].name))
            return &map->keys[i];
    }
    return NULL;
}

/* The names of a table; keys that are not supported yet are not recommended. */
static size_t names_of(const struct load_map *map, const char *out[NAMES_MAX])
{
    size_t count = 0;

    RT_ASSERT(map->key_count <= NAMES_MAX);
    for (size_t i = 0; i < map->key_count; i++) {
        if ((map->keys[i].flags & LOAD_NOT_YET) == 0)
            out[count++] = map->keys[i].name;
    }
    return count;
}

/* `a, b, c` */
static const char *join(const char *const *words, size_t count, char out[LIST_BYTES])
{
    size_t length = 0;

    out[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        int added =
            snprintf(out + length, LIST_BYTES - length, "%s%s", i == 0 ? "" : ", ", words[i]);

        if (added < 0 || (size_t)added >= LIST_BYTES - length)
            break;
        length += (size_t)added;
    }
    return out;
}

/* The key whose inside knows `name`, and that takes one of `accepts`. */
static const struct load_key *find_inside(const struct load_map *map, struct rt_text name,
                                          unsigned accepts)
{
    for (size_t i = 0; i < map->key_count; i++) {
        if (map->keys[i].accepts == accepts && map->keys[i].inside != NULL &&
            find_key(map->keys[i].inside, name) != NULL)
            return &map->keys[i];
    }
    return NULL;
}

/* A key that is known one level up or down: the indentation is wrong, not the word. */
static bool report_misplaced(struct loader *loader, const struct yaml_node *key,
                             const struct load_map *map, const struct load_map *parent)
{
    const struct load_key *home = find_inside(map, key->text, LOAD_MAPPING);
    const struct load_key *list = find_inside(map, key->text, LOAD_SEQUENCE);
    bool is_parents = parent != NULL && find_key(parent, key->text) != NULL;
    struct rt_diag *diag;

    if (!is_parents && home == NULL && list == NULL)
        return false;
    diag = LOAD_ERROR(loader, YAML_INDENTATION, key, "`%s` is not a key of %s", key->text.data,
                      map->what);
    if (is_parents)
        rt_diag_label(loader->diags, diag, "a key of %s, indented too deeply?", parent->what);
    else if (home != NULL)
        rt_diag_label(loader->diags, diag, "move it under `%s`?", home->name);
    else
        rt_diag_label(loader->diags, diag, "a key of %s, in `%s`?", list->inside->what, list->name);
    return true;
}

/* `node`: the mapping that holds the key. */
static void report_unknown(struct loader *loader, const struct yaml_node *node,
                           const struct yaml_node *key, const struct load_map *map,
                           const struct load_map *parent)
{
    const char *names[NAMES_MAX];
    char list[LIST_BYTES];
    size_t count = names_of(map, names);
    const char *nearest = rt_nearest(key->text, names, count);
    struct rt_diag *diag;

    /* A slip of the pen if what it is near to is not there, else a word that belongs elsewhere. */
    if ((nearest == NULL || yaml_get(node, nearest) != NULL) &&
        report_misplaced(loader, key, map, parent))
        return;
    diag =
        LOAD_ERROR(loader, UNKNOWN_KEY, key, "unknown key `%s` in %s", key->text.data, map->what);
    if (nearest != NULL) {
        rt_diag_label(loader->diags, diag, "did you mean `%s`?", nearest);
        rt_diag_fix(loader->diags, diag, "%s", nearest);
        return;
    }
    if (count <= NAMES_LISTED_MAX)
        rt_diag_help(loader->diags, diag, "%s has %s", map->what, join(names, count, list));
    rt_diag_help(loader->diags, diag, "keys that start with `x-` are free for notes");
}

bool load_misspelt(const struct yaml_node *node, const struct load_map *map, const char *name)
{
    for (size_t i = 0; i < node->count; i++) {
        struct rt_text key = node->pairs[i].key->text;

        if (find_key(map, key) == NULL && rt_nearest(key, &name, 1) != NULL)
            return true;
    }
    return false;
}

static const char *kind_name(const struct yaml_node *node)
{
    switch (node->kind) {
    case YAML_SEQUENCE:
        return "a list";
    case YAML_MAPPING:
        return "a mapping";
    default:
        return node->type == YAML_NULL ? "empty" : "a single value";
    }
}

static const char *accepts_name(unsigned accepts)
{
    switch (accepts) {
    case LOAD_SCALAR:
        return "a single value";
    case LOAD_SEQUENCE:
        return "a list";
    case LOAD_MAPPING:
        return "a mapping";
    case LOAD_LIST:
        return "a text or a list";
    case LOAD_SCALAR | LOAD_MAPPING:
        return "a word or a mapping";
    default:
        return "a value";
    }
}

/* What to write instead of a value of the wrong form. */
static void help_with_form(struct loader *loader, struct rt_diag *diag,
                           const struct yaml_node *node, unsigned accepts, const char *name,
                           const struct load_map *inside)
{
    const char *names[NAMES_MAX];
    char list[LIST_BYTES];

    if (node->kind == YAML_MAPPING && accepts == LOAD_SCALAR)
        rt_diag_help(loader->diags, diag, "if it was meant as an expression or a text, quote it");
    if (node->kind == YAML_MAPPING && strcmp(name, "where") == 0)
        rt_diag_help(loader->diags, diag, "fields with their values go into `match`");
    if (node->kind == YAML_SCALAR && strcmp(name, "match") == 0)
        rt_diag_help(loader->diags, diag,
                     "fields with their values, { type: login }; an expression goes into `where`");
    if (node->kind == YAML_SCALAR && accepts == LOAD_MAPPING && inside != NULL)
        rt_diag_help(loader->diags, diag, "keys of the mapping: %s",
                     join(names, names_of(inside, names), list));
}

/* `inside`: what stands in the mapping that is wanted, or NULL. */
static bool accepts_value(struct loader *loader, const struct yaml_node *node, unsigned accepts,
                          const char *name, const struct load_map *inside)
{
    unsigned kind = node->kind == YAML_SCALAR     ? LOAD_SCALAR
                    : node->kind == YAML_SEQUENCE ? LOAD_SEQUENCE
                                                  : LOAD_MAPPING;
    struct rt_diag *diag;

    if (node->kind == YAML_BROKEN)
        return false;
    if (node->kind == YAML_SCALAR && node->type == YAML_NULL) {
        diag = LOAD_ERROR(loader, WRONG_TYPE, node, "`%s` has no value", name);
        rt_diag_help(loader->diags, diag, "it takes %s; leave the key out if there is none",
                     accepts_name(accepts));
        return false;
    }
    if ((kind & accepts) != 0)
        return true;
    diag = LOAD_ERROR(loader, WRONG_TYPE, node, "`%s` takes %s, this is %s", name,
                      accepts_name(accepts), kind_name(node));
    help_with_form(loader, diag, node, accepts, name, inside);
    return false;
}

bool load_accepts(struct loader *loader, const struct yaml_node *node, unsigned accepts,
                  const char *name)
{
    return accepts_value(loader, node, accepts, name, NULL);
}

/* One pair of the mapping `node`. */
static void take_pair(struct loader *loader, const struct yaml_node *node,
                      const struct yaml_pair *pair, const struct load_map *map,
                      const struct load_map *parent, void *target)
{
    const struct load_key *key = find_key(map, pair->key->text);
    const struct yaml_node **place;

    if (rt_text_starts_with(pair->key->text, RT_TEXT("x-")))
        return;
    if (key == NULL) {
        report_unknown(loader, node, pair->key, map, parent);
        return;
    }
    if ((key->flags & LOAD_NOT_YET) != 0) {
        LOAD_ERROR(loader, NOT_YET, pair->key, "`%s` is not yet supported", key->name);
        return;
    }
    /* An unusable value is kept: the key is there, and who reads it passes over it. */
    (void)accepts_value(loader, pair->value, key->accepts, key->name, key->inside);
    place = (const struct yaml_node **)(void *)((char *)target + key->offset);
    *place = pair->value;
}

bool load_mapping(struct loader *loader, const struct yaml_node *node, const struct load_map *map,
                  const struct load_map *parent, void *target)
{
    if (node->kind == YAML_BROKEN)
        return false;
    if (node->kind != YAML_MAPPING) {
        LOAD_ERROR(loader, WRONG_TYPE, node, "%s is a mapping, this is %s", map->what,
                   kind_name(node));
        return false;
    }
    for (size_t i = 0; i < node->count; i++)
        take_pair(loader, node, &node->pairs[i], map, parent, target);
    for (size_t i = 0; i < map->key_count; i++) {
        const struct load_key *key = &map->keys[i];
        struct rt_span head = node->span;

        if ((key->flags & LOAD_REQUIRED) == 0 || yaml_get(node, key->name) != NULL ||
            loader->file->document.has_gaps || load_misspelt(node, map, key->name))
            continue;
        if (node->count > 0)
            head = node->pairs[0].key->span;
        rt_diag_add(loader->diags, RT_SEVERITY_ERROR, RULE_DIAG_MISSING_KEY, head, "%s needs `%s`",
                    map->what, key->name);
    }
    return true;
}

void load_unknown_word(struct loader *loader, const struct yaml_node *node, const char *name,
                       const char *const *words, size_t count)
{
    char list[LIST_BYTES];
    const char *nearest = rt_nearest(node->text, words, count);
    struct rt_diag *diag =
        LOAD_ERROR(loader, UNKNOWN_VALUE, node, "%s `%s` is not known", name, node->text.data);

    if (nearest != NULL)
        rt_diag_label(loader->diags, diag, "did you mean `%s`?", nearest);
    rt_diag_help(loader->diags, diag, "one of %s", join(words, count, list));
    if (nearest != NULL)
        rt_diag_fix(loader->diags, diag, "%s", nearest);
}

void load_check_names(struct loader *loader, const struct yaml_node *node, const char *what,
                      unsigned code, const char *const *names, size_t count)
{
    size_t items = node == NULL || names == NULL ? 0
                   : node->kind == YAML_SEQUENCE ? node->count
                                                 : 1;

    for (size_t i = 0; i < items; i++) {
        const struct yaml_node *item = node->kind == YAML_SEQUENCE ? node->items[i] : node;
        const char *nearest;
        struct rt_diag *diag;
        size_t at = 0;

        if (item->kind != YAML_SCALAR ||
            (code == RULE_DIAG_UNKNOWN_SOURCE && rt_text_is(item->text, RULE_SOURCE_ALERTS)))
            continue;
        while (at < count && !rt_text_is(item->text, names[at]))
            at++;
        if (at < count)
            continue;
        nearest = rt_nearest(item->text, names, count);
        diag = rt_diag_add(loader->diags, RT_SEVERITY_ERROR, code, item->span,
                           "there is no %s `%s`", what, item->text.data);
        if (nearest != NULL) {
            rt_diag_label(loader->diags, diag, "did you mean `%s`?", nearest);
            rt_diag_fix(loader->diags, diag, "%s", nearest);
        }
    }
}
