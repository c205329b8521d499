/* SPDX-License-Identifier: Apache-2.0 */
/* key_by: one expression, a list of them, or a mapping from labels to them. */
#include "rules/load.h"
#include "rules/load_pattern.h"

enum { KEY_PARTS_MAX = 16 };

struct key_list {
    struct loader *loader;
    const struct load_rule *load;
    struct plan_key_part parts[KEY_PARTS_MAX];
    size_t count;
};

/* The last part of a path (`event.user.name` is `name`), else the whole text. */
static struct rt_text label_of(struct rt_text text)
{
    size_t begin = 0;

    if (text.length == 0) /* not a scalar: the text of a mapping or a list is NULL */
        return text;
    for (size_t i = 0; i <= text.length; i++) {
        if (i < text.length && text.data[i] != '.')
            continue;
        if (!load_is_name((struct rt_text){text.data + begin, i - begin}))
            return text;
        if (i < text.length)
            begin = i + 1;
    }
    return (struct rt_text){text.data + begin, text.length - begin};
}

static bool add_part(struct key_list *list, struct rt_text label, const struct yaml_node *node)
{
    struct loader *loader = list->loader;
    struct expr_scope scope = load_scope(loader, list->load, NULL);
    struct plan_key_part *part = &list->parts[list->count];
    struct rt_diag *diag;

    if (node->kind == YAML_BROKEN)
        return false;
    if (node->kind == YAML_MAPPING) {
        diag =
            LOAD_ERROR(loader, NOT_YET, node, "keys that differ by source are not yet supported");
        rt_diag_help(loader->diags, diag, "write one expression, or one rule a source");
        return false;
    }
    if (!load_accepts(loader, node, LOAD_SCALAR, "key_by") ||
        !load_expr(loader, node, &scope, EXPR_WANT_ANY, &part->tree))
        return false;
    part->label = load_copy(loader, label);
    if (part->label == NULL)
        return false;
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->parts[i].label, part->label) != 0)
            continue;
        diag = LOAD_ERROR(loader, BAD_KEY, node, "two keys are called `%s`", part->label);
        rt_diag_help(loader->diags, diag, "name them: `key_by: { NAME: event.x, OTHER: event.y }`");
        return false;
    }
    list->count++;
    return true;
}

/* One expression, a list of them or a mapping.  `name`: "key_by". */
static bool add_parts(struct key_list *list, const struct yaml_node *node, const char *name)
{
    bool good = true;

    if (node->kind == YAML_BROKEN || (node->kind == YAML_SCALAR && node->type == YAML_NULL))
        return false;
    if (node->kind != YAML_SCALAR &&
        (node->count == 0 || node->count > KEY_PARTS_MAX - list->count)) {
        LOAD_ERROR(list->loader, BAD_KEY, node, "`%s` has 1 to %d parts", name,
                   KEY_PARTS_MAX - (int)list->count);
        return false;
    }
    if (node->kind == YAML_SCALAR)
        good = add_part(list, label_of(node->text), node);
    for (size_t i = 0; node->kind == YAML_SEQUENCE && i < node->count; i++)
        good = add_part(list, label_of(node->items[i]->text), node->items[i]) && good;
    for (size_t i = 0; node->kind == YAML_MAPPING && i < node->count; i++)
        good = add_part(list, node->pairs[i].key->text, node->pairs[i].value) && good;
    return good;
}

static bool plan_parts(const struct key_list *list, uint32_t *out)
{
    enum rt_status status = plan_keying(list->loader->plan, list->parts, list->count, out);

    if (status != RT_OK)
        list->loader->status = status;
    return status == RT_OK;
}

bool load_key_by(struct loader *loader, const struct load_rule *load, const struct yaml_node *node,
                 uint32_t *out_keying, size_t *out_parts)
{
    struct key_list list = {.loader = loader, .load = load};

    if (!add_parts(&list, node, "key_by"))
        return false;
    *out_parts = list.count;
    return plan_parts(&list, out_keying);
}

bool load_keying(struct loader *loader, const struct load_rule *load,
                 const struct yaml_node *key_by, const struct yaml_node *group_by,
                 uint32_t *out_keying, uint32_t *out_groups)
{
    struct key_list list = {.loader = loader, .load = load};
    size_t keys;
    bool good = true;

    if (key_by != NULL)
        good = add_parts(&list, key_by, "key_by");
    keys = list.count;
    if (group_by != NULL)
        good = add_parts(&list, group_by, "group_by") && good;
    *out_groups = (uint32_t)(list.count - keys);
    return good && plan_parts(&list, out_keying);
}

static struct expr_binding part_names(struct loader *loader, const struct load_rule *load,
                                      uint32_t first, uint32_t count)
{
    struct expr_binding name = {.type = RT_MAP};
    const struct rule_key_part *parts;
    const char **labels;

    if (load->rule->keying == RULE_NONE)
        return name;
    labels = load_alloc(loader, count + 1, sizeof(*labels));
    parts = loader->plan->keyings[load->rule->keying].parts;
    for (uint32_t i = 0; labels != NULL && i < count; i++)
        labels[i] = parts[first + i].label;
    name.entries = labels;
    name.entry_count = count;
    return name;
}

static uint32_t key_parts(const struct loader *loader, const struct load_rule *load)
{
    return load->rule->keying == RULE_NONE
               ? 0
               : loader->plan->keyings[load->rule->keying].part_count - load->rule->group_parts;
}

struct expr_binding load_key_name(struct loader *loader, const struct load_rule *load)
{
    struct expr_binding name = part_names(loader, load, 0, key_parts(loader, load));

    name.name = "key";
    name.index = RULE_BINDING_KEY;
    return name;
}

struct expr_binding load_group_name(struct loader *loader, const struct load_rule *load)
{
    struct expr_binding name =
        part_names(loader, load, key_parts(loader, load), load->rule->group_parts);

    name.name = "group";
    name.index = RULE_BINDING_GROUP;
    return name;
}
