/* SPDX-License-Identifier: Apache-2.0 */
/* The public API: rules from a file or a text to a plan, and questions about them. */
#include <stdio.h>

#include "cep/api.h"
#include "runtime/base/alloc.h"

enum { RULE_FILE_BYTES_MAX = 64 << 20 };

/* The parameters, oldest first: a later setting of the same name wins. */
static enum rt_status list_params(const struct egret_options *options, struct rule_override **out,
                                  size_t *out_count)
{
    struct rule_override *list;
    size_t count = 0;

    for (const struct api_param *param = options->params; param != NULL; param = param->next)
        count++;
    list = rt_alloc_zeroed(count, sizeof(*list));
    if (list == NULL)
        return RT_ERR_NOMEM;
    *out_count = count;
    for (const struct api_param *param = options->params; param != NULL; param = param->next)
        list[--count] = (struct rule_override){param->path, param->value};
    *out = list;
    return RT_OK;
}

static enum rt_status load(const struct rule_source *source, const struct egret_options *options,
                           struct rt_diags *diags, struct rule_plan **out)
{
    const struct egret_options standard = api_options_standard();
    struct rule_load_options load_options = {.time_field = "ts"};
    struct rule_override *params = NULL;
    enum rt_status status;

    if (options == NULL)
        options = &standard;
    if (options->time_field != NULL)
        load_options.time_field = options->time_field;
    load_options.watermark_when = options->watermark_when;
    status = list_params(options, &params, &load_options.override_count);
    if (status != RT_OK)
        return status;
    load_options.overrides = params;
    status = rule_load(source, 1, &load_options, diags, out);
    rt_free(params);
    return status;
}

enum egret_status egret_ruleset_load_text(const char *name, const char *text,
                                          const struct egret_options *options,
                                          struct egret_diags *diags,
                                          struct egret_ruleset **out_rules)
{
    const struct rule_source source = {name, rt_text_of(text)};
    struct rt_diags *own = NULL;
    struct rule_plan *plan = NULL;
    enum rt_status status = RT_OK;

    if (diags == NULL)
        status = rt_diags_new(1, &own);
    if (status == RT_OK)
        status = load(&source, options, diags == NULL ? own : diags->list, &plan);
    rt_diags_free(own);
    if (status == RT_OK)
        *out_rules = (struct egret_ruleset *)plan;
    return api_status(status);
}

static enum rt_status read_file(const char *path, struct rt_buffer *out)
{
    FILE *file = fopen(path, "rb");
    char piece[4096];
    size_t length;
    bool failed;

    if (file == NULL)
        return RT_ERR_IO;
    while ((length = fread(piece, 1, sizeof(piece), file)) > 0)
        rt_buffer_add(out, piece, length);
    failed = ferror(file) != 0;
    (void)fclose(file);
    if (failed)
        return RT_ERR_IO;
    return out->failed ? RT_ERR_NOMEM : RT_OK;
}

enum egret_status egret_ruleset_load_file(const char *path, const struct egret_options *options,
                                          struct egret_diags *diags,
                                          struct egret_ruleset **out_rules)
{
    struct rt_buffer text;
    enum egret_status status;

    rt_buffer_init(&text, RULE_FILE_BYTES_MAX);
    status = api_status(read_file(path, &text));
    if (status == EGRET_OK)
        status = egret_ruleset_load_text(path, text.data == NULL ? "" : text.data, options, diags,
                                         out_rules);
    rt_buffer_done(&text);
    return status;
}

struct egret_ruleset *egret_ruleset_ref(struct egret_ruleset *rules)
{
    (void)rule_plan_ref(api_plan(rules));
    return rules;
}

void egret_ruleset_unref(struct egret_ruleset *rules)
{
    rule_plan_unref(api_plan(rules));
}

size_t egret_ruleset_count(const struct egret_ruleset *rules)
{
    return api_plan(rules)->rule_count;
}

const char *egret_ruleset_id(const struct egret_ruleset *rules, size_t index)
{
    const struct rule_plan *plan = api_plan(rules);

    return index < plan->rule_count ? plan->rules[index]->id : "";
}

static void explain_condition(const char *what, const struct rule_condition *condition,
                              struct rt_buffer *out)
{
    if (condition->tree == NULL)
        return;
    rt_buffer_printf(out, "  %s: ", what);
    expr_tree_print(condition->tree, out);
    rt_buffer_char(out, '\n');
}

static void explain(const struct rule_plan *plan, const struct rule *rule, struct rt_buffer *out)
{
    const struct rule_keying *keying = &plan->keyings[rule->keying];

    rt_buffer_printf(out, "rule %s\n", rule->id);
    explain_condition("filter", &rule->filter, out);
    for (uint32_t i = 0; i < keying->part_count; i++)
        rt_buffer_printf(out, "  key %s: %s\n", keying->parts[i].label, keying->parts[i].text);
    for (uint32_t i = 0; i < rule->except_count; i++)
        explain_condition("except", &rule->excepts[i].condition, out);
    if (rule->has_cancel)
        explain_condition("cancel_if", &rule->cancel_if, out);
    explain_condition("where", &rule->where, out);
    for (uint32_t i = 0; i < rule->guard_count; i++)
        explain_condition(rule->guards[i].step, &rule->guards[i], out);
    if (rule->kind == RULE_PATTERN)
        nfa_program_print(rule->program, out);
}

enum egret_status egret_ruleset_explain(const struct egret_ruleset *rules, size_t index,
                                        egret_text_fn *write, void *context)
{
    const struct rule_plan *plan = api_plan(rules);
    struct rt_buffer text;
    enum egret_status status;

    if (index >= plan->rule_count)
        return EGRET_ERR_NOT_FOUND;
    rt_buffer_init(&text, SIZE_MAX);
    explain(plan, plan->rules[index], &text);
    status = text.failed ? EGRET_ERR_NOMEM : EGRET_OK;
    if (status == EGRET_OK)
        write(context, text.data, text.length);
    rt_buffer_done(&text);
    return status;
}

uint32_t egret_ruleset_field(const struct egret_ruleset *rules, const char *path)
{
    struct rt_text names[RT_FIELD_DEPTH_MAX];
    size_t depth = 0;

    for (;;) {
        size_t length = strcspn(path, ".");

        if (depth == RT_FIELD_DEPTH_MAX || length == 0)
            return EGRET_NO_FIELD;
        names[depth++] = (struct rt_text){path, length};
        if (path[length] == '\0')
            break;
        path += length + 1;
    }
    return rt_fields_find(api_plan(rules)->fields, names, depth);
}

_Static_assert(EGRET_NO_FIELD == RT_NO_SLOT, "a field is its slot");
