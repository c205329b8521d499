/* SPDX-License-Identifier: Apache-2.0 */
/* Named values: params, lists, and what --set puts in their place. */
#include "rules/load.h"
#include "rules/load_pattern.h"

/* ---- --set ---- */

/* The value as the YAML scalar that it would be in the file. */
static bool read_override(struct loader *loader, const struct rule_override *from,
                          struct load_override *out)
{
    static const char prefix[] = "params.";
    char source_name[128] = "--set ";
    struct yaml_document document;
    rt_source_id source;
    enum rt_status status;
    size_t length = strlen(from->path);

    if (length > sizeof(source_name) - 8)
        length = sizeof(source_name) - 8;
    memcpy(source_name + 6, from->path, length);
    source_name[6 + length] = '\0';
    if (!rt_text_starts_with(rt_text_of(from->path), RT_TEXT("params."))) {
        rt_diag_help(loader->diags,
                     rt_diag_add(loader->diags, RT_SEVERITY_ERROR, RULE_DIAG_BAD_OVERRIDE,
                                 RT_NO_SPAN, "--set: rules have no setting `%s`", from->path),
                     "rules take params.NAME=VALUE");
        return false;
    }
    out->name = rt_text_of(from->path + sizeof(prefix) - 1);
    source = rt_diags_add_source(loader->diags, source_name, rt_text_of(from->value));
    if (source == RT_NO_SOURCE) {
        loader->status = RT_ERR_NOMEM;
        return false;
    }
    status = yaml_read(loader->diags, source, &loader->scratch, &document);
    if (status != RT_OK)
        loader->status = status;
    out->value = document.root;
    if (document.root == NULL || document.root->kind == YAML_MAPPING) {
        out->value = NULL;
        if (!document.has_gaps)
            rt_diag_add(loader->diags, RT_SEVERITY_ERROR, RULE_DIAG_BAD_OVERRIDE,
                        (struct rt_span){source, 0, 0}, "--set: `%s` has no usable value",
                        from->path);
        return false;
    }
    return true;
}

bool load_read_overrides(struct loader *loader)
{
    size_t count = loader->options->override_count;
    bool good = true;

    loader->overrides = rt_arena_array(&loader->scratch, count, sizeof(*loader->overrides));
    if (loader->overrides == NULL) {
        loader->status = RT_ERR_NOMEM;
        return false;
    }
    for (size_t i = 0; i < count; i++)
        good = read_override(loader, &loader->options->overrides[i], &loader->overrides[i]) && good;
    return good;
}

void load_check_overrides(struct loader *loader)
{
    for (size_t i = 0; i < loader->options->override_count; i++) {
        const struct load_override *override = &loader->overrides[i];

        if (override->value != NULL && !override->is_used)
            rt_diag_add(loader->diags, RT_SEVERITY_ERROR, RULE_DIAG_BAD_OVERRIDE, RT_NO_SPAN,
                        "--set: no rule has a parameter `%s`", override->name.data);
    }
}

static bool is_number(struct rt_value value)
{
    return value.type == RT_INT || value.type == RT_DOUBLE;
}

/* Puts the value of --set in place of the file's, if there is one for this name. */
static bool apply_override(struct loader *loader, struct rt_text name, struct rt_value *value)
{
    for (size_t i = 0; i < loader->options->override_count; i++) {
        struct load_override *override = &loader->overrides[i];
        struct rt_value given;

        if (override->value == NULL || !rt_text_equal(override->name, name))
            continue;
        override->is_used = true;
        if (!load_value(loader, override->value, &given))
            return false;
        if (given.type != value->type && !(is_number(given) && is_number(*value))) {
            LOAD_ERROR(loader, BAD_OVERRIDE, override->value,
                       "`params.%s` is %s in the file, this is %s", name.data,
                       rt_type_name((enum rt_type)value->type),
                       rt_type_name((enum rt_type)given.type));
            return false;
        }
        if (given.type == RT_INT && value->type == RT_DOUBLE)
            given = rt_double((double)given.u.integer);
        *value = given;
    }
    return true;
}

/* ---- params, lists ---- */

static bool check_name(struct loader *loader, const struct yaml_node *key)
{
    if (load_is_name(key->text))
        return true;
    rt_diag_help(
        loader->diags,
        LOAD_ERROR(loader, BAD_NAME, key, "`%s` cannot be the name of a value", key->text.data),
        "letters, digits and `_`, not starting with a digit: expressions use the name");
    return false;
}

/* The entry of `base` with this name, or a new one at the end: a name stands once in a mapping. */
static struct rt_map_entry *entry_for(struct loader *loader, struct rt_value base,
                                      struct rt_map_entry *entries, uint32_t *count,
                                      struct rt_text name)
{
    const char *copy;

    for (uint32_t i = 0; i < base.length; i++) {
        if (rt_text_equal(rt_value_text(entries[i].key), name))
            return &entries[i];
    }
    copy = load_copy(loader, name);
    if (copy == NULL)
        return NULL;
    entries[*count].key = rt_string(copy, (uint32_t)name.length);
    return &entries[(*count)++];
}

static bool load_named(struct loader *loader, const struct yaml_node *node, struct rt_value base,
                       bool are_lists, struct rt_value *out)
{
    size_t own = node != NULL && node->kind == YAML_MAPPING ? node->count : 0;
    struct rt_map_entry *entries;
    uint32_t count = base.length;
    bool good = true;

    *out = base;
    if (own == 0)
        return true;
    entries = load_alloc(loader, base.length + own, sizeof(*entries));
    if (entries == NULL)
        return false;
    for (uint32_t i = 0; i < base.length; i++)
        entries[i] = base.u.entries[i];
    for (size_t i = 0; i < own; i++) {
        const struct yaml_pair *pair = &node->pairs[i];
        struct rt_map_entry *entry = entry_for(loader, base, entries, &count, pair->key->text);

        if (entry == NULL)
            return false;
        entry->value = rt_null();
        good = check_name(loader, pair->key) && good;
        good = (!are_lists ||
                load_accepts(loader, pair->value, LOAD_SEQUENCE, pair->key->text.data)) &&
               load_value(loader, pair->value, &entry->value) &&
               (are_lists || apply_override(loader, pair->key->text, &entry->value)) && good;
    }
    *out = (struct rt_value){.type = RT_MAP, .length = count, .u.entries = entries};
    return good;
}

bool load_params(struct loader *loader, const struct yaml_node *node, struct rt_value base,
                 struct rt_value *out)
{
    return load_named(loader, node, base, false, out);
}

bool load_lists(struct loader *loader, const struct yaml_node *node, struct rt_value base,
                struct rt_value *out)
{
    return load_named(loader, node, base, true, out);
}
