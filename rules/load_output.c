/* SPDX-License-Identifier: Apache-2.0 */
/* What a rule puts out: alert, on_timeout, on_late. */
#include "rules/load.h"

struct output {
    struct loader *loader;
    struct load_rule *load;
    enum rule_output_kind kind;
    struct load_output_nodes nodes;
    struct expr_scope scope;
    struct expr_binding names[2]; /* what a rule without a window may name besides its events */
    struct rule_output *out;
};

static const char *const timeout_names[] = {"step"};

static void fail(struct output *output)
{
    output->load->is_complete = false;
}

/* A late record has taken nothing: the names of steps are known, but nothing is behind them. */
static const struct expr_step_name *no_steps(struct output *output)
{
    const struct load_rule *load = output->load;
    struct expr_step_name *names = load_alloc(output->loader, load->step_count, sizeof(*names));

    for (size_t i = 0; names != NULL && i < load->step_count; i++) {
        names[i] = load->steps[i];
        names[i].available = false;
        names[i].never_text = "is not part of a late record";
    }
    return names;
}

static void set_scope(struct output *output)
{
    const struct load_rule *load = output->load;
    const struct expr_step_name *steps = load->steps;

    if (steps != NULL && output->kind == RULE_OUTPUT_LATE)
        steps = no_steps(output);
    output->scope = load_scope(output->loader, load, steps);
    output->scope.bindings = output->names;
    output->names[output->scope.binding_count++] = load_key_name(output->loader, load);
    if (load->rule->group_parts > 0)
        output->names[output->scope.binding_count++] = load_group_name(output->loader, load);
    else if (output->kind == RULE_OUTPUT_TIMEOUT)
        output->names[output->scope.binding_count++] =
            (struct expr_binding){"timeout", RULE_BINDING_TIMEOUT, RT_MAP, NULL, timeout_names, 1};
    if (load->rule->kind == RULE_WINDOW && output->kind != RULE_OUTPUT_LATE) {
        output->scope.fields = NULL; /* it tells of many events, or of none */
        output->scope.closed = true;
        output->scope.bindings = load->names;
        output->scope.binding_count = load->name_count;
    }
    output->scope.event_is_kept =
        load->rule->kind == RULE_PATTERN && output->kind != RULE_OUTPUT_LATE;
}

static void plan_expr(struct output *output, const struct expr_tree *tree, struct expr **target)
{
    enum rt_status status = plan_code(output->loader->plan, tree, target);

    if (status != RT_OK)
        output->loader->status = status;
}

static void read_message(struct output *output)
{
    struct expr_template_tree *tree;
    enum rt_status status;

    if (output->nodes.message == NULL)
        return;
    if (!load_template(output->loader, output->nodes.message, &output->scope, &tree)) {
        fail(output);
        return;
    }
    status = plan_template(output->loader->plan, tree, &output->out->message);
    if (status != RT_OK)
        output->loader->status = status;
}

static void read_fields(struct output *output)
{
    const struct yaml_node *node = output->nodes.fields;
    struct rule_field *fields;

    if (node == NULL || node->kind != YAML_MAPPING)
        return;
    fields = load_alloc(output->loader, node->count, sizeof(*fields));
    for (size_t i = 0; fields != NULL && i < node->count; i++) {
        const struct yaml_pair *pair = &node->pairs[i];
        struct expr_tree *tree;

        if (!load_text(output->loader, pair->key, "the name of a field", &fields[i].name) ||
            !load_accepts(output->loader, pair->value, LOAD_SCALAR, pair->key->text.data) ||
            !load_expr(output->loader, pair->value, &output->scope, EXPR_WANT_ANY, &tree)) {
            fail(output);
            continue;
        }
        plan_expr(output, tree, &fields[i].value);
    }
    output->out->fields = fields;
    output->out->field_count = (uint32_t)node->count;
}

static bool is_word(struct rt_text text)
{
    for (size_t i = 0; i < text.length; i++) {
        char c = text.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')))
            return false;
    }
    return text.length > 0;
}

/* One of the five words, or an expression that gives one. */
static void read_severity(struct output *output)
{
    const struct yaml_node *node = output->nodes.severity;
    struct expr_tree *tree;
    enum rt_type type;

    if (node == NULL || node->kind != YAML_SCALAR)
        return;
    if (is_word(node->text)) {
        if (!load_severity(output->loader, node, "severity", &output->out->severity))
            fail(output);
        return;
    }
    if (!load_expr(output->loader, node, &output->scope, EXPR_WANT_ANY, &tree)) {
        fail(output);
        return;
    }
    type = expr_tree_type(tree);
    if (type != RT_ABSENT && type != RT_STRING) {
        rt_diag_help(output->loader->diags,
                     LOAD_ERROR(output->loader, WRONG_TYPE, node,
                                "`severity` is a text, this is %s", rt_type_name(type)),
                     "one of \"info\", \"low\", \"medium\", \"high\", \"critical\"");
        return;
    }
    plan_expr(output, tree, &output->out->severity_value);
}

/* What the alerts are compared by; `node` may be NULL. */
static void read_dedup_key(struct output *output, const struct yaml_node *node,
                           struct rule_dedup *out)
{
    struct expr_tree *tree;

    if (node == NULL)
        return;
    if (load_expr(output->loader, node, &output->scope, EXPR_WANT_ANY, &tree))
        plan_expr(output, tree, &out->key);
    else
        fail(output);
}

static void read_dedup(struct output *output)
{
    struct load_dedup_nodes nodes = {.span = NULL};

    if (output->nodes.dedup == NULL || output->nodes.dedup->kind != YAML_MAPPING ||
        !load_mapping(output->loader, output->nodes.dedup, &load_dedup_map, &load_output_map,
                      &nodes))
        return;
    if (nodes.span != NULL &&
        !load_duration(output->loader, nodes.span, "for", &output->out->dedup.span))
        fail(output);
    output->out->dedup.max = 1;
    read_dedup_key(output, nodes.key, &output->out->dedup);
}

static void read_rate_limit(struct output *output)
{
    struct rule_dedup *out = &output->out->rate_limit;
    struct load_rate_nodes nodes = {.span = NULL};

    if (output->nodes.rate_limit == NULL || output->nodes.rate_limit->kind != YAML_MAPPING ||
        !load_mapping(output->loader, output->nodes.rate_limit, &load_rate_map, &load_output_map,
                      &nodes))
        return;
    if ((nodes.max != NULL && !load_number(output->loader, nodes.max, "`max` is a number of alerts",
                                           RULE_DIAG_BAD_NUMBER, &out->max)) ||
        (nodes.span != NULL &&
         !load_span(output->loader, nodes.span, "per", RULE_DIAG_BAD_DURATION, &out->span)))
        fail(output);
    read_dedup_key(output, nodes.key, out);
}

/* One name or several. */
static void read_sinks(struct output *output)
{
    struct loader *loader = output->loader;
    const struct yaml_node *node = output->nodes.sink;

    if (node == NULL)
        return;
    if (!load_texts(loader, node, "sink", &output->out->sinks, &output->out->sink_count))
        fail(output);
    if (node->kind == YAML_SEQUENCE && node->count == 0)
        rt_diag_help(loader->diags,
                     LOAD_ERROR(loader, EMPTY, node, "`sink` names none, so nobody would be told"),
                     "leave it out for the default sinks, or set `mode: shadow`");
    load_check_names(loader, node, "sink", RULE_DIAG_UNKNOWN_SINK, loader->options->sink_names,
                     loader->options->sink_count);
}

static void read_output(struct loader *loader, struct load_rule *load, enum rule_output_kind kind,
                        const struct yaml_node *node)
{
    struct output output = {
        .loader = loader, .load = load, .kind = kind, .out = &load->rule->outputs[kind]};

    if (node != NULL && node->kind == YAML_MAPPING)
        (void)load_mapping(loader, node, &load_output_map, &load_rule_map, &output.nodes);
    if (kind == RULE_OUTPUT_MATCH) {
        if (output.nodes.sink == NULL)
            output.nodes.sink = loader->file->defaults.sink;
        if (output.nodes.dedup == NULL)
            output.nodes.dedup = loader->file->defaults.dedup;
        if (output.nodes.rate_limit == NULL)
            output.nodes.rate_limit = loader->file->defaults.rate_limit;
    }
    output.out->enabled = kind == RULE_OUTPUT_MATCH || node != NULL;
    set_scope(&output);
    read_message(&output);
    read_fields(&output);
    read_severity(&output);
    read_dedup(&output);
    read_rate_limit(&output);
    read_sinks(&output);
}

void load_outputs(struct loader *loader, struct load_rule *load)
{
    enum rule_severity severity = RULE_MEDIUM;

    if (load->nodes.severity != NULL)
        (void)load_severity(loader, load->nodes.severity, "severity", &severity);
    for (int i = 0; i < RULE_OUTPUT_COUNT; i++)
        load->rule->outputs[i].severity = severity;
    if (load->nodes.on_timeout != NULL &&
        (load->rule->kind != RULE_PATTERN || (load->nodes.within == NULL && !load->has_gap))) {
        struct rt_diag *diag = LOAD_ERROR(
            loader, CONFLICT, load->nodes.on_timeout,
            "`on_timeout` needs a `pattern` with `within` or `gap`, else nothing times out");

        rt_diag_label(loader->diags, diag, "the rule has no %s",
                      load->rule->kind != RULE_PATTERN ? "pattern" : "`within`");
    }
    read_output(loader, load, RULE_OUTPUT_MATCH, load->nodes.alert);
    if (load->nodes.on_timeout != NULL)
        read_output(loader, load, RULE_OUTPUT_TIMEOUT, load->nodes.on_timeout);
    if (load->nodes.on_late != NULL)
        read_output(loader, load, RULE_OUTPUT_LATE, load->nodes.on_late);
}
