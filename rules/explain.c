/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/explain.h"

#include "rules/graph.h"
#include "runtime/base/calendar.h"
#include "runtime/event/field.h"

/* ---- pieces ---- */

static void add_condition(const struct rule_condition *condition, struct rt_buffer *out)
{
    if (condition->tree == NULL)
        rt_buffer_string(out, "any event");
    else
        expr_tree_print(condition->tree, out);
}

static void add_span(rt_duration span, struct rt_buffer *out)
{
    rt_buffer_duration(out, span.ms);
}

/* "user and host" */
static void add_key(const struct rule_keying *keying, uint32_t from, uint32_t to,
                    struct rt_buffer *out)
{
    for (uint32_t i = from; i < to; i++) {
        if (i > from)
            rt_buffer_string(out, i + 1 == to ? " and " : ", ");
        rt_buffer_string(out, keying->parts[i].label);
    }
}

/* ---- the steps ---- */

static void add_detail(const char *text, unsigned depth, struct rt_buffer *out)
{
    rt_buffer_printf(out, "%*s%s\n", (int)(19 + 2 * depth), "", text);
}

static void add_contiguity(const struct nfa_step *step, unsigned depth, struct rt_buffer *out)
{
    switch (step->contiguity) {
    case NFA_BEGIN:
        break;
    case NFA_STRICT:
        add_detail("the very next event", depth, out);
        break;
    case NFA_RELAXED:
        add_detail("other events in between are ignored", depth, out);
        break;
    case NFA_ANY:
        add_detail("other events in between are ignored, and so may be events that fit", depth,
                   out);
        break;
    case NFA_NOT_NEXT:
        add_detail("the very next event must not be this", depth, out);
        break;
    case NFA_NOT_FOLLOW:
        add_detail("must not come before the next step, or before the time is over", depth, out);
        break;
    }
}

static void add_quantifier(const struct nfa_step *step, unsigned depth, struct rt_buffer *out)
{
    if (step->times_max <= 1 && !step->optional && step->times_min > 0)
        return;
    rt_buffer_printf(out, "%*s", (int)(19 + 2 * depth), "");
    rule_graph_times(step, out);
    rt_buffer_char(out, '\n');
}

static void add_bound(const char *words, rt_duration span, unsigned depth, struct rt_buffer *out)
{
    if (span.ms == 0)
        return;
    rt_buffer_printf(out, "%*s%s ", (int)(19 + 2 * depth), "", words);
    add_span(span, out);
    rt_buffer_char(out, '\n');
}

static void add_step(const struct rule *rule, const struct nfa_step *step, unsigned depth,
                     struct rt_buffer *out)
{
    rt_buffer_printf(out, "%-13s  %s", rule_graph_verb(step->contiguity), step->name);
    if (step->group == NULL) {
        rt_buffer_string(out, "   ");
        if (step->where == NFA_NO_GUARD)
            rt_buffer_string(out, "any event");
        else
            add_condition(&rule->guards[step->where], out);
    }
    rt_buffer_char(out, '\n');
    add_quantifier(step, depth, out);
    if (step->until != NFA_NO_GUARD) {
        rt_buffer_printf(out, "%*suntil ", (int)(19 + 2 * depth), "");
        add_condition(&rule->guards[step->until], out);
        rt_buffer_char(out, '\n');
    }
    add_contiguity(step, depth, out);
    add_bound("at most this long after the step before:", step->gap, depth, out);
    add_bound("at most this long between two of them:", step->loop_gap, depth, out);
}

static void add_steps(const struct rule *rule, const struct nfa_step *steps, size_t count,
                      unsigned depth, struct rt_buffer *out);

static void add_branch_word(const char *word, unsigned depth, struct rt_buffer *out)
{
    rt_buffer_printf(out, "%*s%s\n", (int)(4 + 2 * depth), "", word);
}

// NOLINTNEXTLINE(misc-no-recursion): as add_steps
static void add_group(const struct rule *rule, const struct nfa_step *step, unsigned depth,
                      struct rt_buffer *out)
{
    if (step->group_kind == NFA_SEQUENCE) {
        add_steps(rule, step->group, step->group_count, depth + 1, out);
        return;
    }
    for (size_t i = 0; i < step->group_count; i++) {
        const struct nfa_step *member = &step->group[i];

        if (step->group_kind == NFA_ANY_OF) {
            add_branch_word(i == 0 ? "either" : "or", depth, out);
            add_steps(rule, member->group, member->group_count, depth + 1, out);
            continue;
        }
        rt_buffer_printf(out, "%*s%s  %s   ", (int)(4 + 2 * depth), "",
                         i == 0 ? "in any order" : "and", member->name);
        if (member->where == NFA_NO_GUARD)
            rt_buffer_string(out, "any event");
        else
            add_condition(&rule->guards[member->where], out);
        rt_buffer_char(out, '\n');
    }
}

/* Groups nest as deep as the loader lets them. */
// NOLINTNEXTLINE(misc-no-recursion)
static void add_steps(const struct rule *rule, const struct nfa_step *steps, size_t count,
                      unsigned depth, struct rt_buffer *out)
{
    for (size_t i = 0; i < count; i++) {
        rt_buffer_printf(out, "%*s%zu. ", (int)(2 + 2 * depth), "", i + 1);
        add_step(rule, &steps[i], depth, out);
        if (steps[i].group != NULL)
            add_group(rule, &steps[i], depth, out);
    }
}

static void add_one_line(const struct nfa_step *steps, size_t count, struct rt_buffer *out);

/* (a -> b), (a -> b | c), (a & b & c) */
// NOLINTNEXTLINE(misc-no-recursion): as add_steps
static void add_group_line(const struct nfa_step *step, struct rt_buffer *out)
{
    rt_buffer_char(out, '(');
    if (step->group_kind == NFA_SEQUENCE)
        add_one_line(step->group, step->group_count, out);
    for (size_t i = 0; step->group_kind != NFA_SEQUENCE && i < step->group_count; i++) {
        const struct nfa_step *member = &step->group[i];

        if (i > 0)
            rt_buffer_string(out, step->group_kind == NFA_ANY_OF ? " | " : " & ");
        if (member->group != NULL)
            add_one_line(member->group, member->group_count, out);
        else
            rt_buffer_string(out, member->name);
    }
    rt_buffer_char(out, ')');
}

// NOLINTNEXTLINE(misc-no-recursion): as add_steps
static void add_one_line(const struct nfa_step *steps, size_t count, struct rt_buffer *out)
{
    static const char *const signs[] = {
        [NFA_BEGIN] = "",    [NFA_STRICT] = " ",    [NFA_RELAXED] = " -> ",
        [NFA_ANY] = " ->> ", [NFA_NOT_NEXT] = " !", [NFA_NOT_FOLLOW] = " -> !"};

    for (size_t i = 0; i < count; i++) {
        const struct nfa_step *step = &steps[i];

        rt_buffer_string(out, signs[step->contiguity]);
        if (step->group != NULL) {
            add_group_line(step, out);
        } else {
            rt_buffer_string(out, step->name);
        }
        if (step->times_max == NFA_UNBOUNDED)
            rt_buffer_printf(out, "{%u,}", step->times_min);
        else if (step->times_max > 1 && step->times_min != step->times_max)
            rt_buffer_printf(out, "{%u,%u}", step->times_min, step->times_max);
        else if (step->times_max > 1)
            rt_buffer_printf(out, "{%u}", step->times_min);
        if (step->optional || (step->times_min == 0 && step->times_max == 1))
            rt_buffer_char(out, '?');
    }
}

void rule_explain_pattern(const struct rule *rule, struct rt_buffer *out)
{
    add_one_line(rule->pattern->steps, rule->pattern->step_count, out);
    if (rule->pattern->within.ms > 0) {
        rt_buffer_string(out, " within ");
        add_span(rule->pattern->within, out);
    }
}

/* ---- the rule around them ---- */

static void add_head(const struct rule *rule, struct rt_buffer *out)
{
    rt_buffer_printf(out, "%s  (%s)  %s%s%s:%u\n", rule->id,
                     rule_severity_name(rule->outputs[RULE_OUTPUT_MATCH].severity),
                     rule->title == NULL ? "" : rule->title, rule->title == NULL ? "" : "  ",
                     rule->file, rule->line);
    if (rule->description != NULL)
        rt_buffer_printf(out, "%s\n", rule->description);
    if (rule->mode != RULE_MODE_ALERT)
        rt_buffer_string(out, rule->mode == RULE_MODE_OFF ? "It is off.\n"
                                                          : "In shadow: it runs, sends nothing.\n");
}

static void add_scope(const struct rule_plan *plan, const struct rule *rule, struct rt_buffer *out)
{
    const struct rule_keying *keying = &plan->keyings[rule->keying];

    const uint32_t keys = keying->part_count - rule->group_parts;

    rt_buffer_char(out, '\n');
    if (keys > 0) {
        rt_buffer_string(out, "For each ");
        add_key(keying, 0, keys, out);
        rt_buffer_string(out, ", in ");
    } else {
        rt_buffer_string(out, "In ");
    }
    if (rule->source_count == 0)
        rt_buffer_string(out, "all events");
    else
        rt_buffer_string(out, "events of ");
    for (uint32_t i = 0; i < rule->source_count; i++)
        rt_buffer_printf(out, "%s%s", i == 0 ? "" : ", ", rule->sources[i]);
    if (rule->filter.tree != NULL) {
        rt_buffer_string(out, " for which ");
        add_condition(&rule->filter, out);
    }
    rt_buffer_string(out, ":\n");
}

static void add_skip(const struct nfa_pattern *pattern, struct rt_buffer *out)
{
    switch (pattern->skip) {
    case NFA_SKIP_PAST_LAST:
        rt_buffer_string(out, "One match, one alert: what started inside a match is dropped "
                              "(after_match: skip_past_last).\n");
        break;
    case NFA_NO_SKIP:
        rt_buffer_string(
            out, "Every match is an alert, also overlapping ones (after_match: no_skip).\n");
        break;
    case NFA_SKIP_TO_NEXT:
        rt_buffer_string(out, "Of the matches that start with the same event only one is an alert "
                              "(after_match: skip_to_next).\n");
        break;
    case NFA_SKIP_TO_FIRST:
    case NFA_SKIP_TO_LAST:
        rt_buffer_printf(out, "After a match the search goes on at the %s event of `%s`.\n",
                         pattern->skip == NFA_SKIP_TO_FIRST ? "first" : "last", pattern->skip_step);
        break;
    }
    if (pattern->emit == NFA_EMIT_IN_START_ORDER)
        rt_buffer_string(out, "A match waits for older open ones (emit: in_start_order).\n");
}

static void add_pattern(const struct rule *rule, struct rt_buffer *out)
{
    const struct nfa_pattern *pattern = rule->pattern;

    add_steps(rule, pattern->steps, pattern->step_count, 0, out);
    if (pattern->within.ms > 0) {
        rt_buffer_string(out, "All within ");
        add_span(pattern->within, out);
        rt_buffer_printf(out, " of the first `%s`: [start, start + ", pattern->steps[0].name);
        add_span(pattern->within, out);
        rt_buffer_string(out, ").\n");
    }
    add_skip(pattern, out);
}

static void add_window_extras(const struct rule_window *window, struct rt_buffer *out)
{
    if (window->time_zone != NULL)
        rt_buffer_printf(out, "  days begin by the clock of %s\n", window->time_zone);
    if (window->lateness.ms != 0) {
        rt_buffer_string(out, "  late events are counted up to ");
        add_span(window->lateness, out);
        rt_buffer_string(out, " after the end, and correct what was told\n");
    }
    if (window->early_every.ms != 0) {
        rt_buffer_printf(out, "  looked at %severy ",
                         window->kind == RULE_GLOBAL ? "" : "before the end too: ");
        add_span(window->early_every, out);
        rt_buffer_char(out, '\n');
    }
    if (window->early_on_change)
        rt_buffer_string(out, "  told before the end too, whenever an outcome changes\n");
    if (window->purges)
        rt_buffer_string(out, "  what was told before the end is not counted again\n");
    if (window->has_trigger) {
        rt_buffer_string(out, "  looked at when ");
        add_condition(&window->trigger, out);
        rt_buffer_char(out, '\n');
    } else if (window->kind == RULE_GLOBAL && window->every != 0) {
        rt_buffer_printf(out, "  looked at every %u events\n", window->every);
    }
}

static void add_size(const struct rule_window *window, struct rt_buffer *out)
{
    switch (window->kind) {
    case RULE_TUMBLING:
        rt_buffer_string(out, "each ");
        add_span(window->size, out);
        break;
    case RULE_HOPPING:
        rt_buffer_string(out, "the last ");
        add_span(window->size, out);
        rt_buffer_string(out, ", every ");
        add_span(window->slide, out);
        break;
    case RULE_SLIDING:
        rt_buffer_string(out, "the last ");
        add_span(window->size, out);
        rt_buffer_string(out, " at each event t: (t - ");
        add_span(window->size, out);
        rt_buffer_string(out, ", t]");
        break;
    case RULE_SESSION:
        rt_buffer_string(out, "until nothing came for ");
        add_span(window->size, out);
        break;
    case RULE_GLOBAL:
        rt_buffer_string(out, "all events since the key's first; forgotten when none came for ");
        add_span(window->size, out);
        break;
    case RULE_COUNT:
    case RULE_WINDOW_KINDS:
        rt_buffer_printf(out, "the last %u events, every %u; forgotten when none came for ",
                         window->count, window->every);
        add_span(window->size, out);
        break;
    }
}

/* What is remembered of a key beyond its window. */
static void add_history(const struct rule_window *window, struct rt_buffer *out)
{
    for (uint32_t i = 0; i < window->baseline_count; i++) {
        const struct rule_baseline *baseline = &window->baselines[i];

        rt_buffer_printf(out, "    %s = the average of %s over the windows of the last ",
                         baseline->name, window->aggregates[baseline->of].name);
        add_span(baseline->span, out);
        rt_buffer_char(out, '\n');
    }
    if (window->previous != 0)
        rt_buffer_string(out, "  and what the window before ended with\n");
    if (!window->remembers || window->expires.ms == 0)
        return;
    rt_buffer_string(out, "  a key is remembered for ");
    add_span(window->expires, out);
    rt_buffer_string(out, " after its last event");
    if (window->looks_at_empty)
        rt_buffer_string(out, window->kind == RULE_SLIDING
                                  ? "; the window is looked at when it becomes empty, too"
                                  : "; its windows without events are looked at, too");
    rt_buffer_char(out, '\n');
}

/* The rules that keep their windows with this one. */
static void add_sharing(const struct rule_plan *plan, const struct rule *rule,
                        struct rt_buffer *out)
{
    const char *before = "  Shares its window with ";

    for (uint32_t i = 0; i < plan->rule_count; i++) {
        const struct rule *other = plan->rules[i];

        if (other == rule || other->window == NULL || other->window->keeper != rule->window->keeper)
            continue;
        rt_buffer_printf(out, "%s%s", before, other->id);
        before = ", ";
    }
    if (before[0] == ',')
        rt_buffer_string(out, ": events are counted once\n");
}

static void add_window(const struct rule_plan *plan, const struct rule *rule, struct rt_buffer *out)
{
    static const char *const when[] = {
        [RULE_FIRE_ON_THRESHOLD] = "An alert when this becomes true, once",
        [RULE_FIRE_ON_CLOSE] = "An alert at the end of each window",
        [RULE_FIRE_ON_EVERY] = "An alert each time it is looked at and true",
        [RULE_FIRE_RESET] = "An alert when this is true, and the window is emptied"};
    const struct rule_window *window = rule->window;

    if (rule->where.tree != NULL) {
        rt_buffer_string(out, "  of those with ");
        add_condition(&rule->where, out);
        rt_buffer_char(out, '\n');
    }
    if (rule->group_parts > 0) {
        const struct rule_keying *keying = &plan->keyings[rule->keying];

        rt_buffer_string(out, "  by ");
        add_key(keying, keying->part_count - rule->group_parts, keying->part_count, out);
        rt_buffer_char(out, '\n');
    }
    rt_buffer_printf(out, "  in a %s window: ", rule_window_kind_name(window->kind));
    add_size(window, out);
    rt_buffer_char(out, '\n');
    add_window_extras(window, out);
    for (uint32_t i = 0; i < window->aggregate_count; i++) {
        const struct rule_aggregate *aggregate = &window->aggregates[i];

        rt_buffer_printf(out, "    %s = %s(", aggregate->name,
                         rule_aggregate_name(aggregate->function));
        if (aggregate->tree != NULL)
            expr_tree_print(aggregate->tree, out);
        if (aggregate->function == RULE_QUANTILE) {
            rt_buffer_string(out, ", ");
            rt_buffer_double(out, aggregate->quantile, 'f', 3);
        }
        if (aggregate->items != 0)
            rt_buffer_printf(out, ", %u", aggregate->items);
        rt_buffer_char(out, ')');
        if (aggregate->function == RULE_COUNT_DISTINCT)
            rt_buffer_printf(out, " (exact up to %d, then within about 1 %%)", RULE_DISTINCT_MAX);
        if (aggregate->where.tree != NULL) {
            rt_buffer_string(out, " where ");
            add_condition(&aggregate->where, out);
        }
        rt_buffer_char(out, '\n');
    }
    add_history(window, out);
    add_sharing(plan, rule, out);
    rt_buffer_printf(out, "%s (fire: %s)", when[window->fire], rule_fire_name(window->fire));
    if (window->having_tree != NULL) {
        rt_buffer_string(out, ": ");
        expr_tree_print(window->having_tree, out);
    }
    rt_buffer_string(out, ".\n");
}

static void add_excepts(const struct rule *rule, struct rt_buffer *out)
{
    if (rule->has_cancel) {
        rt_buffer_string(out, "Ended without an alert by ");
        add_condition(&rule->cancel_if, out);
        rt_buffer_string(out, ".\n");
    }
    for (uint32_t i = 0; i < rule->except_count; i++) {
        const struct rule_except *except = &rule->excepts[i];

        rt_buffer_string(out, "Never for ");
        add_condition(&except->condition, out);
        if (except->reason != NULL)
            rt_buffer_printf(out, ": %s", except->reason);
        if (except->expires.ms != RT_TIME_MAX.ms) {
            rt_buffer_string(out, " (until ");
            rt_buffer_rfc3339(out, except->expires.ms / 1000, 0);
            rt_buffer_char(out, ')');
        }
        rt_buffer_string(out, ".\n");
    }
}

static void add_outputs(const struct rule *rule, struct rt_buffer *out)
{
    for (unsigned kind = 0; kind < RULE_OUTPUT_COUNT; kind++) {
        const struct rule_output *output = &rule->outputs[kind];

        if (!output->enabled)
            continue;
        rt_buffer_printf(out, "Output %s: severity %s", rule_output_name(kind),
                         output->severity_value != NULL ? "computed"
                                                        : rule_severity_name(output->severity));
        for (uint32_t i = 0; i < output->sink_count; i++)
            rt_buffer_printf(out, "%s%s", i == 0 ? ", to " : " and ", output->sinks[i]);
        if (output->dedup.span.ms > 0) {
            rt_buffer_string(out, ", for the same key once in ");
            add_span(output->dedup.span, out);
        }
        rt_buffer_string(out, ".\n");
    }
}

static void add_path(const struct rule_plan *plan, rt_slot slot, struct rt_buffer *out)
{
    size_t depth;
    const struct rt_text *path = rt_fields_path(plan->fields, slot, &depth);

    for (size_t i = 0; i < depth; i++) {
        rt_buffer_string(out, i == 0 ? "" : ".");
        rt_buffer_text(out, path[i]);
    }
}

/* The fields and tests of a route, each pair once, with how many values are looked for. */
static void add_route(const struct rule_plan *plan, const struct rule_route *route,
                      struct rt_buffer *out)
{
    static const char *const tests[EXPR_PROBE_KINDS] = {
        [EXPR_PROBE_EQUAL] = "value",      [EXPR_PROBE_STARTS] = "prefix",
        [EXPR_PROBE_ENDS] = "suffix",      [EXPR_PROBE_CONTAINS] = "part",
        [EXPR_PROBE_NETWORK] = "network",  [EXPR_PROBE_ABOVE] = "lower bound",
        [EXPR_PROBE_BELOW] = "upper bound"};
    size_t begin = 0;

    if (route->all) {
        rt_buffer_string(out, "looks at every event");
        return;
    }
    rt_buffer_string(out, route->probe_count == 0 ? "reached by no event"
                                                  : "reached through the index on ");
    while (begin < route->probe_count) {
        const struct rule_probe *first = &route->probes[begin];
        size_t end = begin;

        while (end < route->probe_count && route->probes[end].slot == first->slot &&
               route->probes[end].kind == first->kind)
            end++;
        rt_buffer_string(out, begin == 0 ? "" : " and ");
        add_path(plan, first->slot, out);
        rt_buffer_printf(out, " (%zu %s%s)", end - begin, tests[first->kind],
                         end - begin == 1 ? ""
                         : first->kind == EXPR_PROBE_STARTS || first->kind == EXPR_PROBE_ENDS
                             ? "es"
                             : "s");
        begin = end;
    }
}

/* Of all conditions: what one event costs at most when each of them is asked once. */
static void add_bound_of_conditions(const struct rule *rule, struct rt_buffer *out)
{
    struct expr_cost cost = rule_cost(rule, NULL);

    rt_buffer_string(out, "; its conditions take at most ");
    expr_cost_print(&cost, out);
}

static void add_cost(const struct rule_plan *plan, const struct rule *rule, struct rt_buffer *out)
{
    rt_buffer_string(out, "\nCost: ");
    add_route(plan, &rule->start, out);
    add_bound_of_conditions(rule, out);
    if (rule->kind == RULE_PATTERN)
        rt_buffer_printf(
            out, "; %u states; an event that is kept costs its own size and %zu fields",
            nfa_program_state_count(rule->program), rt_fields_kept_count(plan->fields));
    if (rule->kind == RULE_PATTERN && rule->pattern->within.ms == 0)
        rt_buffer_string(out,
                         "; without `within` partial matches are kept until a limit drops them");
    rt_buffer_string(out, ".\n");
    if (rule->kind == RULE_WINDOW)
        return;
    rt_buffer_string(out, "Evaluator: ");
    if (rule->kind == RULE_PATTERN)
        nfa_program_explain_evaluator(rule->program, out);
    else
        rt_buffer_string(out, "single event: nothing is kept of a key unless the rule says so");
    rt_buffer_string(out, ".\n");
}

static void add_automaton(const struct rule *rule, struct rt_buffer *out)
{
    rt_buffer_string(out, "\nPattern: ");
    rule_explain_pattern(rule, out);
    rt_buffer_string(out, "\n\n");
    rule_graph(rule, RULE_GRAPH_TEXT, out);
    rt_buffer_string(out, "\nAutomaton: ");
    nfa_program_print(rule->program, out);
    for (uint32_t i = 0; i < rule->guard_count; i++) {
        rt_buffer_printf(out, "g%u (%s): ", i, rule->guards[i].step);
        add_condition(&rule->guards[i], out);
        rt_buffer_char(out, '\n');
    }
}

static void add_events(const struct rule_plan *plan, const struct rule *rule, struct rt_buffer *out)
{
    const struct rule_keying *keying = &plan->keyings[rule->keying];

    rt_buffer_string(out, rule->new_value_ttl.ms == 0 ? "  each event" : "  the first event");
    if (rule->where.tree != NULL) {
        rt_buffer_string(out, " with ");
        add_condition(&rule->where, out);
    }
    if (rule->new_value_ttl.ms != 0) {
        rt_buffer_string(out, " of each new ");
        add_key(keying, keying->part_count - rule->group_parts, keying->part_count, out);
        rt_buffer_string(out, ", forgotten when it was not seen for ");
        add_span(rule->new_value_ttl, out);
    }
    rt_buffer_char(out, '\n');
}

void rule_explain(const struct rule_plan *plan, const struct rule *rule, struct rt_buffer *out)
{
    add_head(rule, out);
    add_scope(plan, rule, out);
    if (rule->kind == RULE_PATTERN) {
        add_pattern(rule, out);
    } else if (rule->kind == RULE_WINDOW) {
        add_window(plan, rule, out);
    } else {
        add_events(plan, rule, out);
    }
    add_excepts(rule, out);
    add_outputs(rule, out);
    if (rule->kind == RULE_PATTERN)
        add_automaton(rule, out);
    add_cost(plan, rule, out);
}
