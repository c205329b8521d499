/* SPDX-License-Identifier: Apache-2.0 */
/* One rule: from its mapping to a struct rule of the plan. */
#include "rules/load.h"

enum { ID_BYTES_MAX = 128 };

/* ---- identity and metadata ---- */

static bool is_id(struct rt_text text)
{
    for (size_t i = 0; i < text.length; i++) {
        char c = text.data[i];
        bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '_' || c == '-' || c == '.';

        if (!fine)
            return false;
    }
    return text.length > 0 && text.length <= ID_BYTES_MAX;
}

/* Remembers where the id was written; false: another rule has it. */
static bool claim_id(struct loader *loader, const struct yaml_node *node, const char *id)
{
    struct rt_span *place;
    uint64_t found;
    struct rt_diag *diag;

    if (rt_map_get(&loader->ids, rt_text_of(id), &found)) {
        diag = LOAD_ERROR(loader, DUPLICATE_RULE, node, "a second rule has the id `%s`", id);
        const struct rt_span *first = (const struct rt_span *)(uintptr_t)found;

        if (first->source == node->span.source && first->begin == node->span.begin)
            rt_diag_label(loader->diags, diag, "an alias repeats the whole rule");
        else
            rt_diag_also(loader->diags, diag, *first, "the first one is here");
        return false;
    }
    place = rt_arena_alloc(&loader->scratch, sizeof(*place));
    if (place == NULL ||
        rt_map_set(&loader->ids, rt_text_of(id), (uint64_t)(uintptr_t)place) != RT_OK) {
        loader->status = RT_ERR_NOMEM;
        return false;
    }
    *place = node->span;
    return true;
}

static bool read_id(struct loader *loader, struct load_rule *load)
{
    const struct yaml_node *node = load->nodes.id;

    load->rule->id = "";
    if (node == NULL)
        return false;
    load->rule->line = load_line(loader, node);
    if (!load_text(loader, node, "id", &load->rule->id))
        return false;
    if (!is_id(node->text)) {
        rt_diag_help(
            loader->diags,
            LOAD_ERROR(loader, BAD_NAME, node, "`%s` cannot be the id of a rule", node->text.data),
            "letters, digits, `-`, `_` and `.`, at most %d", ID_BYTES_MAX);
        return false;
    }
    return claim_id(loader, node, load->rule->id);
}

static void read_text(struct loader *loader, const struct yaml_node *node, const char *name,
                      const char **out)
{
    if (node != NULL)
        (void)load_text(loader, node, name, out);
}

static void check_texts(struct loader *loader, const struct yaml_node *node, const char *name)
{
    const char *const *texts;
    uint32_t count;

    if (node != NULL)
        (void)load_texts(loader, node, name, &texts, &count);
}

static void read_metadata(struct loader *loader, struct load_rule *load)
{
    static const char *const statuses[] = {"experimental", "test", "stable", "deprecated",
                                           "unsupported"};
    static const char *const modes[] = {"alert", "shadow", "off"};
    const struct load_rule_nodes *nodes = &load->nodes;
    struct rule *rule = load->rule;
    size_t found = RULE_MODE_ALERT;

    read_text(loader, nodes->title, "title", &rule->title);
    read_text(loader, nodes->description, "description", &rule->description);
    read_text(loader, nodes->owner, "owner", &rule->owner);
    read_text(loader, nodes->runbook, "runbook", &rule->runbook);
    check_texts(loader, nodes->references, "references");
    check_texts(loader, nodes->falsepositives, "falsepositives");
    if (nodes->tags != NULL)
        (void)load_texts(loader, nodes->tags, "tags", &rule->tags, &rule->tag_count);
    if (nodes->mode != NULL)
        (void)load_word(loader, nodes->mode, "mode", modes, 3, &found);
    rule->mode = (enum rule_mode)found;
    if (nodes->status != NULL)
        (void)load_word(loader, nodes->status, "status", statuses, 5, &found);
    if (nodes->source != NULL && nodes->sources != NULL)
        LOAD_ERROR(loader, CONFLICT, nodes->sources, "`source` and `sources` say the same thing");
    else if (nodes->source != NULL || nodes->sources != NULL)
        (void)load_texts(loader, nodes->source != NULL ? nodes->source : nodes->sources, "source",
                         &rule->sources, &rule->source_count);
    rule->reads_events = rule->source_count == 0;
    for (uint32_t i = 0; i < rule->source_count; i++) {
        if (rule->sources[i] == NULL)
            continue;
        if (strcmp(rule->sources[i], RULE_SOURCE_ALERTS) == 0)
            rule->reads_alerts = true;
        else
            rule->reads_events = true;
    }
    load_check_names(loader, nodes->source != NULL ? nodes->source : nodes->sources, "source",
                     RULE_DIAG_UNKNOWN_SOURCE, loader->options->source_names,
                     loader->options->source_count);
}

/* ---- what `defaults` says ---- */

static void apply_defaults(const struct load_default_nodes *defaults, struct load_rule_nodes *nodes)
{
    struct {
        const struct yaml_node **node;
        const struct yaml_node *value;
    } table[] = {
        {&nodes->severity, defaults->severity}, {&nodes->tags, defaults->tags},
        {&nodes->owner, defaults->owner},       {&nodes->runbook, defaults->runbook},
        {&nodes->status, defaults->status},     {&nodes->mode, defaults->mode},
        {&nodes->filter, defaults->filter},     {&nodes->key_by, defaults->key_by},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (*table[i].node == NULL)
            *table[i].node = table[i].value;
    }
    if (nodes->source == NULL && nodes->sources == NULL) {
        nodes->source = defaults->source;
        nodes->sources = defaults->sources;
    }
    if (nodes->pattern == NULL)
        return;
    if (nodes->within == NULL)
        nodes->within = defaults->within;
    if (nodes->after_match == NULL)
        nodes->after_match = defaults->after_match;
    if (nodes->emit == NULL)
        nodes->emit = defaults->emit;
}

/* ---- what kind of rule it is ---- */

static const struct yaml_node *first_of(const struct yaml_node *const *nodes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (nodes[i] != NULL)
            return nodes[i];
    }
    return NULL;
}

/* What belongs to a window needs one, and a window is no pattern. */
static bool check_window(struct loader *loader, const struct load_rule *load)
{
    const struct load_rule_nodes *nodes = &load->nodes;
    const struct yaml_node *keys[] = {nodes->aggregate, nodes->having, nodes->fire, nodes->early};
    const struct yaml_node *found = first_of(keys, sizeof(keys) / sizeof(keys[0]));

    if (nodes->window == NULL && found != NULL) {
        rt_diag_help(
            loader->diags,
            LOAD_ERROR(loader, CONFLICT, found, "this needs a `window`, the rule has none"),
            "for example `window: { sliding: 10m }`");
        return false;
    }
    if (nodes->window != NULL && nodes->pattern != NULL) {
        LOAD_ERROR(loader, CONFLICT, nodes->window,
                   "a rule has a `pattern` or a `window`, not both");
        return false;
    }
    return true;
}

/* Windows are divided by `group_by`, single events by `new_value`. */
static bool check_groups(struct loader *loader, const struct load_rule *load)
{
    const struct load_rule_nodes *nodes = &load->nodes;

    if (nodes->group_by != NULL && nodes->window == NULL) {
        rt_diag_help(loader->diags,
                     LOAD_ERROR(loader, CONFLICT, nodes->group_by,
                                "`group_by` divides the windows of a key, the rule has none"),
                     "`key_by` takes a list: `key_by: [event.user, event.ip]`");
        return false;
    }
    if (nodes->new_value != NULL && load->rule->kind != RULE_SINGLE) {
        rt_diag_help(loader->diags,
                     LOAD_ERROR(loader, CONFLICT, nodes->new_value,
                                "`new_value` belongs to a rule of single events"),
                     "a rule over its alerts may count them: `source: alerts`");
        return false;
    }
    return true;
}

/* A rule has a pattern, or a condition of its own; what belongs to patterns only is refused elsewhere. */
static bool check_kind(struct loader *loader, struct load_rule *load, const struct yaml_node *node)
{
    const struct load_rule_nodes *nodes = &load->nodes;
    const struct yaml_node *conditions[] = {nodes->match, nodes->where, nodes->any_of};
    const struct yaml_node *condition = first_of(conditions, 3);
    const struct yaml_node *pattern_keys[] = {nodes->within, nodes->after_match, nodes->emit};
    const struct yaml_node *pattern_key = first_of(pattern_keys, 3);

    load->rule->kind = nodes->pattern != NULL  ? RULE_PATTERN
                       : nodes->window != NULL ? RULE_WINDOW
                                               : RULE_SINGLE;
    if (!check_window(loader, load))
        return false;
    if (nodes->pattern != NULL && condition != NULL) {
        rt_diag_help(loader->diags,
                     LOAD_ERROR(loader, CONFLICT, condition,
                                "a rule with a `pattern` has no condition of its own"),
                     "conditions belong to the steps; `filter` says which events the rule sees");
        return false;
    }
    if (!check_groups(loader, load))
        return false;
    if (load->rule->kind == RULE_SINGLE && condition == NULL && nodes->new_value == NULL) {
        if (!loader->file->document.has_gaps && !load_misspelt(node, &load_rule_map, "pattern") &&
            !load_misspelt(node, &load_rule_map, "window") &&
            !load_misspelt(node, &load_rule_map, "match") &&
            !load_misspelt(node, &load_rule_map, "where"))
            LOAD_ERROR(loader, MISSING_KEY, nodes->id != NULL ? nodes->id : node,
                       "a rule needs `pattern`, `window`, or `match` or `where`");
        return false;
    }
    if (nodes->pattern == NULL && pattern_key != NULL && !loader->file->document.has_gaps)
        LOAD_ERROR(loader, CONFLICT, pattern_key, "this needs a `pattern`, the rule has none");
    return true;
}

/* ---- conditions of the rule as a whole ---- */

static void set_condition(struct loader *loader, struct expr_tree *tree, const char *step,
                          struct rule_condition *out)
{
    enum rt_status status = plan_condition(loader->plan, tree, step, out);

    if (status != RT_OK)
        loader->status = status;
}

static bool read_expr_condition(struct loader *loader, struct load_rule *load,
                                const struct yaml_node *node, const char *step,
                                struct rule_condition *out)
{
    struct expr_scope scope = load_scope(loader, load, NULL);
    struct expr_tree *tree;

    if (node == NULL)
        return true;
    if (!load_expr(loader, node, &scope, EXPR_WANT_BOOL, &tree)) {
        load->is_complete = false;
        return false;
    }
    set_condition(loader, tree, step, out);
    return true;
}

static void read_single(struct loader *loader, struct load_rule *load)
{
    struct expr_scope scope = load_scope(loader, load, NULL);
    struct load_condition nodes = {load->nodes.match, load->nodes.where, load->nodes.any_of};
    struct expr_tree *tree;

    if (load_condition(loader, &nodes, &scope, &tree))
        set_condition(loader, tree, "where", &load->rule->where);
    else
        load->is_complete = false;
}

static void read_except(struct loader *loader, struct load_rule *load, const struct yaml_node *node,
                        struct rule_except *out)
{
    struct load_except_nodes nodes = {.match = NULL};
    struct expr_scope scope = load_scope(loader, load, NULL);
    struct load_condition condition;
    struct expr_tree *tree;

    out->expires = RT_TIME_MAX;
    if (!load_mapping(loader, node, &load_except_map, &load_rule_map, &nodes))
        return;
    condition = (struct load_condition){nodes.match, nodes.where, nodes.any_of};
    if (nodes.match == NULL && nodes.where == NULL && nodes.any_of == NULL) {
        LOAD_ERROR(loader, MISSING_KEY, node->count > 0 ? node->pairs[0].key : node,
                   "an exception needs `match` or `where`");
        return;
    }
    read_text(loader, nodes.reason, "reason", &out->reason);
    if (nodes.expires != NULL)
        (void)load_time(loader, nodes.expires, "expires", &out->expires);
    if (load_condition(loader, &condition, &scope, &tree))
        set_condition(loader, tree, "except", &out->condition);
    else
        load->is_complete = false;
}

static void read_excepts(struct loader *loader, struct load_rule *load)
{
    const struct yaml_node *list = load->nodes.except;
    struct rule_except *excepts;

    if (list == NULL || list->kind != YAML_SEQUENCE)
        return;
    excepts = load_alloc(loader, list->count, sizeof(*excepts));
    for (size_t i = 0; excepts != NULL && i < list->count; i++)
        read_except(loader, load, list->items[i], &excepts[i]);
    load->rule->excepts = excepts;
    load->rule->except_count = (uint32_t)list->count;
}

/* What `new_value` divides the key by; NULL: nothing, or it was reported. */
static const struct yaml_node *read_new_value(struct loader *loader, struct load_rule *load)
{
    const struct yaml_node *node = load->nodes.new_value;
    struct load_new_value_nodes nodes = {.of = NULL};

    if (node == NULL)
        return NULL;
    if (node->kind == YAML_SCALAR) {
        rt_diag_help(loader->diags,
                     LOAD_ERROR(loader, UNBOUNDED, node,
                                "values that are never forgotten would be kept for ever"),
                     "write how long one is remembered: `new_value: { of: %s, ttl: 30d }`",
                     node->text.data);
        return NULL;
    }
    if (!load_mapping(loader, node, &load_new_value_map, &load_rule_map, &nodes) ||
        nodes.of == NULL || nodes.ttl == NULL ||
        !load_span(loader, nodes.ttl, "ttl", RULE_DIAG_BAD_DURATION, &load->rule->new_value_ttl)) {
        load->is_complete = false;
        return NULL;
    }
    return nodes.of;
}

static void read_key(struct loader *loader, struct load_rule *load)
{
    const struct yaml_node *value = read_new_value(loader, load);
    const struct yaml_node *group = load->nodes.group_by;

    load->rule->keying = RULE_NONE;
    if (!load_keying(loader, load, load->nodes.key_by, value != NULL ? value : group,
                     &load->rule->keying, &load->rule->group_parts))
        load->is_complete = false;
}

/* ---- the whole ---- */

static void read_values(struct loader *loader, struct load_rule *load)
{
    bool has_params = load_params(loader, load->nodes.params, loader->file->params, &load->params);
    bool has_lists = load_lists(loader, load->nodes.lists, loader->file->lists, &load->lists);

    load->is_complete = load->is_complete && has_params && has_lists;
    load->constants[0] = (struct expr_constant){"params", load->params};
    load->constants[1] = (struct expr_constant){"lists", load->lists};
}

static void read_body(struct loader *loader, struct load_rule *load, const struct yaml_node *node)
{
    bool has_kind = check_kind(loader, load, node);

    read_values(loader, load);
    (void)read_expr_condition(loader, load, load->nodes.filter, "filter", &load->rule->filter);
    read_key(loader, load);
    load->rule->has_cancel = load->nodes.cancel_if != NULL;
    (void)read_expr_condition(loader, load, load->nodes.cancel_if, "cancel_if",
                              &load->rule->cancel_if);
    read_excepts(loader, load);
    if (has_kind && load->rule->kind == RULE_PATTERN)
        load_pattern(loader, load);
    else if (has_kind)
        read_single(loader, load);
    if (has_kind && load->rule->kind == RULE_WINDOW)
        load_window(loader, load);
    if (has_kind)
        load_outputs(loader, load);
    if (has_kind && load->rule->kind == RULE_WINDOW)
        load_history(loader, load);
    (void)load_tests(loader, load->nodes.tests, &load->rule->tests, &load->rule->test_count, NULL);
}

void load_one_rule(struct loader *loader, const struct yaml_node *node)
{
    struct load_rule *load = load_alloc(loader, 1, sizeof(*load));
    size_t errors_before = loader->options->keeps_good_rules
                               ? rt_diags_count(loader->diags, RT_SEVERITY_ERROR)
                               : loader->errors_before;
    enum rt_status status;

    if (load == NULL || (load->rule = load_alloc(loader, 1, sizeof(*load->rule))) == NULL)
        return;
    load->is_complete = true;
    load->rule->file = loader->file->name;
    if (!load_mapping(loader, node, &load_rule_map, &load_file_map, &load->nodes))
        return;
    apply_defaults(&loader->file->defaults, &load->nodes);
    (void)read_id(loader, load);
    read_metadata(loader, load);
    read_body(loader, load, node);
    if (loader->status != RT_OK || rt_diags_count(loader->diags, RT_SEVERITY_ERROR) > errors_before)
        return;
    if (!load_revision(loader, load) || !load_shape(loader, load))
        return;
    status = plan_add_rule(loader->plan, load->rule);
    if (status != RT_OK)
        loader->status = status;
}
