/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The revision of a rule: a hash of what it does, so that a change of wording, layout, metadata or tests is none.
 * Conditions count by their fingerprint, which is that of their canonical text, so the order of blanks and comments does not matter.  Part of stored
 * formats: what is written here, and how, may not change.
 */
#include "rules/load.h"

enum { REVISION_BYTES_MAX = 256 * 1024 * 1024 };

static void put_tree(struct rt_buffer *out, const char *name, const struct expr_tree *tree)
{
    char hash[33] = "";

    if (tree != NULL)
        rt_hash128_text(expr_tree_fingerprint(tree), hash);
    rt_buffer_printf(out, "%s=%s\n", name, hash);
}

static void put_node(struct loader *loader, struct rt_buffer *out, const char *name,
                     const struct yaml_node *node)
{
    rt_buffer_printf(out, "%s=", name);
    if (node != NULL)
        load_put_json(loader, node, out);
    rt_buffer_char(out, '\n');
}

static void put_value(struct rt_buffer *out, const char *name, struct rt_value value)
{
    rt_buffer_printf(out, "%s=", name);
    rt_value_json(value, out);
    rt_buffer_char(out, '\n');
}

/* Lists count by their hash, which the rules of a file share. */
static void put_lists(struct loader *loader, const struct load_rule *load, struct rt_buffer *out)
{
    bool shared = load->lists.u.entries == loader->file->lists.u.entries;
    char own[33] = "";
    char *hash = shared ? loader->file->lists_hash : own;

    if (hash[0] == '\0') {
        struct rt_buffer json;

        rt_buffer_init(&json, REVISION_BYTES_MAX);
        rt_value_json(load->lists, &json);
        rt_hash128_text(rt_hash128(json.data, json.length), hash);
        out->failed = out->failed || json.failed;
        rt_buffer_done(&json);
    }
    rt_buffer_printf(out, "lists=%s\n", hash);
}

static void put_keying(struct loader *loader, struct rt_buffer *out, uint32_t keying)
{
    const struct rule_keying *of;

    rt_buffer_string(out, "key=");
    of = keying == RULE_NONE ? NULL : &loader->plan->keyings[keying];
    for (uint32_t i = 0; of != NULL && i < of->part_count; i++)
        rt_buffer_printf(out, "%s:%s;", of->parts[i].label, of->parts[i].text);
    rt_buffer_char(out, '\n');
}

/* Depth is bounded by the compiler of patterns. */
// NOLINTNEXTLINE(misc-no-recursion)
static void put_steps(struct rt_buffer *out, const struct nfa_step *steps, size_t count)
{
    rt_buffer_char(out, '[');
    for (size_t i = 0; i < count; i++) {
        const struct nfa_step *step = &steps[i];

        rt_buffer_printf(out, "%s %d %d %d %u %u %d %d %d %lld %lld", step->name,
                         (int)step->contiguity, (int)step->where, (int)step->until, step->times_min,
                         step->times_max, (int)step->inner, step->optional, step->greedy,
                         (long long)step->gap.ms, (long long)step->loop_gap.ms);
        if (step->group != NULL && step->group_kind != NFA_SEQUENCE)
            rt_buffer_printf(out, " kind %d", (int)step->group_kind);
        if (step->group != NULL)
            put_steps(out, step->group, step->group_count);
        rt_buffer_char(out, ';');
    }
    rt_buffer_char(out, ']');
}

static void put_pattern(struct loader *loader, const struct rule *rule, struct rt_buffer *out)
{
    const struct nfa_pattern *pattern = rule->pattern;

    put_steps(out, pattern->steps, pattern->step_count);
    rt_buffer_printf(out, " %lld %d %s %d\n", (long long)pattern->within.ms, (int)pattern->skip,
                     pattern->skip_step == NULL ? "" : pattern->skip_step, (int)pattern->emit);
    for (uint32_t i = 0; i < rule->guard_count; i++)
        put_tree(out, "guard", rule->guards[i].tree);
    for (uint32_t i = 0; i < rule->step_count; i++) {
        if (rule->steps[i].keying != RULE_NONE)
            put_keying(loader, out, rule->steps[i].keying);
    }
}

static void put_window(const struct rule_window *window, struct rt_buffer *out)
{
    rt_buffer_printf(out, "window=%s %lld %lld %lld %u %u %s\n",
                     rule_window_kind_name(window->kind), (long long)window->size.ms,
                     (long long)window->slide.ms, (long long)window->offset.ms, window->count,
                     window->every, rule_fire_name(window->fire));
    if (window->time_zone != NULL)
        rt_buffer_printf(out, "time_zone=%s\n", window->time_zone);
    if (window->lateness.ms != 0)
        rt_buffer_printf(out, "lateness=%lld\n", (long long)window->lateness.ms);
    if (window->early_every.ms != 0 || window->early_on_change)
        rt_buffer_printf(out, "early=%lld %d %d\n", (long long)window->early_every.ms,
                         window->early_on_change, window->purges);
    if (window->has_trigger)
        put_tree(out, "trigger", window->trigger.tree);
    for (uint32_t i = 0; i < window->aggregate_count; i++) {
        const struct rule_aggregate *aggregate = &window->aggregates[i];

        rt_buffer_printf(out, "aggregate=%s %s ", aggregate->name,
                         rule_aggregate_name(aggregate->function));
        rt_buffer_double(out, aggregate->quantile, 'e', 17);
        if (aggregate->items != 0)
            rt_buffer_printf(out, " %u", aggregate->items);
        rt_buffer_char(out, '\n');
        put_tree(out, "of", aggregate->tree);
        put_tree(out, "where", aggregate->where.tree);
    }
    if (window->expires.ms != 0 && window->kind != RULE_COUNT)
        rt_buffer_printf(out, "expires=%lld\n", (long long)window->expires.ms);
    for (uint32_t i = 0; i < window->baseline_count; i++)
        rt_buffer_printf(out, "baseline=%s %u %lld\n", window->baselines[i].name,
                         window->baselines[i].of, (long long)window->baselines[i].span.ms);
    put_tree(out, "having", window->having_tree);
}

bool load_revision(struct loader *loader, struct load_rule *load)
{
    struct rule *rule = load->rule;
    struct rt_buffer out;

    rt_buffer_init(&out, REVISION_BYTES_MAX);
    rt_buffer_printf(&out, "egret 1\nid=%s\nmode=%d\n", rule->id, (int)rule->mode);
    for (uint32_t i = 0; i < rule->source_count; i++)
        rt_buffer_printf(&out, "source=%s\n", rule->sources[i]);
    put_value(&out, "params", load->params);
    put_lists(loader, load, &out);
    put_tree(&out, "filter", rule->filter.tree);
    put_tree(&out, "cancel", rule->cancel_if.tree);
    put_tree(&out, "where", rule->where.tree);
    put_keying(loader, &out, rule->keying);
    if (rule->group_parts > 0)
        rt_buffer_printf(&out, "group=%u %lld\n", rule->group_parts,
                         (long long)rule->new_value_ttl.ms);
    for (uint32_t i = 0; i < rule->except_count; i++) {
        put_tree(&out, "except", rule->excepts[i].condition.tree);
        rt_buffer_printf(&out, "expires=%lld\n", (long long)rule->excepts[i].expires.ms);
    }
    if (rule->pattern != NULL)
        put_pattern(loader, rule, &out);
    if (rule->window != NULL)
        put_window(rule->window, &out);
    rt_buffer_printf(&out, "severity=%d\n", (int)rule->outputs[RULE_OUTPUT_MATCH].severity);
    put_node(loader, &out, "alert", load->nodes.alert);
    put_node(loader, &out, "timeout", load->nodes.on_timeout);
    put_node(loader, &out, "late", load->nodes.on_late);
    put_node(loader, &out, "sink", loader->file->defaults.sink);
    put_node(loader, &out, "dedup", loader->file->defaults.dedup);
    if (loader->file->defaults.rate_limit != NULL)
        put_node(loader, &out, "rate_limit", loader->file->defaults.rate_limit);
    if (out.failed)
        loader->status = RT_ERR_NOMEM;
    else
        rt_hash128_text(rt_hash128(out.data, out.length), rule->revision);
    rt_buffer_done(&out);
    return loader->status == RT_OK;
}
