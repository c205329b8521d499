/* SPDX-License-Identifier: Apache-2.0 */
/* `fields:` - which fields the events have, and of what type. */
#include "rules/load.h"

static const char types_help[] =
    "one of int, double, string, bool, timestamp, duration, ip, bytes, list, list(T), map, "
    "map(string, T), any; a `?` behind it says that the field may be absent";

static bool read_type(struct loader *loader, const struct yaml_node *node,
                      struct expr_schema_field *field)
{
    static const char *const words[] = {"int", "double", "string", "bool", "timestamp", "duration",
                                        "ip",  "bytes",  "list",   "map",  "any"};
    struct rt_diag *diag;
    const char *near;

    if (!load_accepts(loader, node, LOAD_SCALAR, field->path))
        return false;
    if (expr_schema_parse_type(node->text, field))
        return true;
    near = rt_nearest(node->text, words, sizeof(words) / sizeof(words[0]));
    diag = LOAD_ERROR(loader, BAD_FIELD, node, "`%s` is no type of a field", node->text.data);
    if (near != NULL) {
        rt_diag_label(loader->diags, diag, "did you mean `%s`?", near);
        rt_diag_fix(loader->diags, diag, "%s", near);
    }
    rt_diag_help(loader->diags, diag, "%s", types_help);
    return false;
}

/* Names joined by dots, none of them empty. */
static bool is_path(struct rt_text text)
{
    size_t length = 0;

    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] != '.')
            length++;
        else if (length == 0)
            return false;
        else
            length = 0;
    }
    return length > 0;
}

/* "*": any */
static void read_rest(struct loader *loader, struct load_file *file, const struct yaml_node *node)
{
    struct expr_schema_field rest = {.path = "*"};

    if (!read_type(loader, node, &rest))
        return;
    if (rest.type != RT_ABSENT)
        rt_diag_help(loader->diags,
                     LOAD_ERROR(loader, BAD_FIELD, node, "`*` stands for fields of any type"),
                     "write `\"*\": any`");
    else
        file->declared.is_open = true;
}

static void read_field(struct loader *loader, struct load_file *file, const struct yaml_pair *pair)
{
    const struct expr_schema_field *clash = NULL;
    struct expr_schema_field field = {.share = 1, .span = pair->key->span};
    enum rt_status status;

    if (rt_text_is(pair->key->text, "*")) {
        read_rest(loader, file, pair->value);
        return;
    }
    if (!is_path(pair->key->text)) {
        rt_diag_help(
            loader->diags,
            LOAD_ERROR(loader, BAD_FIELD, pair->key, "a field has a name, or names joined by dots"),
            "`geo.lat` is the field `lat` inside `geo`");
        return;
    }
    field.path = rt_arena_text(&loader->scratch, pair->key->text.data, pair->key->text.length);
    if (field.path == NULL) {
        loader->status = RT_ERR_NOMEM;
        return;
    }
    if (!read_type(loader, pair->value, &field))
        file->declared.is_open = true; /* what it is, nobody knows: say nothing of uses */
    status = expr_schema_add(&file->declared, &loader->scratch, &field, &clash);
    if (status != RT_OK)
        loader->status = status;
    else if (clash != NULL)
        LOAD_ERROR(loader, BAD_FIELD, pair->key, "`%s` does not fit `%s`, which is declared above",
                   field.path, clash->path);
}

void load_fields(struct loader *loader, struct load_file *file)
{
    const struct yaml_node *node = file->nodes.fields;

    if (node == NULL || node->kind != YAML_MAPPING)
        return;
    if (node->count == 0)
        LOAD_ERROR(loader, EMPTY, node, "`fields` declares no field");
    for (size_t i = 0; i < node->count && loader->status == RT_OK; i++)
        read_field(loader, file, &node->pairs[i]);
    file->has_fields = node->count > 0;
}
