/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/graph.h"

enum { MARGIN = 1, INDENT = 4 };

const char *rule_graph_verb(enum nfa_contiguity contiguity)
{
    static const char *const verbs[] = {"begin",         "next",    "followedBy",
                                        "followedByAny", "notNext", "notFollowedBy"};

    return verbs[contiguity];
}

static void add_count(const struct nfa_step *step, struct rt_buffer *out)
{
    uint32_t times_min = step->times_min == 0 ? 1 : step->times_min;

    if (step->times_max == NFA_UNBOUNDED)
        rt_buffer_printf(out, "%u or more times", times_min);
    else if (times_min != step->times_max)
        rt_buffer_printf(out, "%u to %u times", times_min, step->times_max);
    else
        rt_buffer_printf(out, "%u times", times_min);
    if (step->greedy)
        rt_buffer_string(out, ", as many as there are");
    if (step->inner == NFA_INNER_STRICT)
        rt_buffer_string(out, ", one right after the other");
    else if (step->inner == NFA_INNER_ANY)
        rt_buffer_string(out, ", in every combination");
}

void rule_graph_times(const struct nfa_step *step, struct rt_buffer *out)
{
    bool repeats = step->times_max > 1;
    bool optional = step->optional || step->times_min == 0;

    if (optional)
        rt_buffer_string(out, repeats ? "not at all, or " : "may be left out");
    if (repeats)
        add_count(step, out);
}

/* ---- text ---- */

static void add_margin(unsigned depth, struct rt_buffer *out)
{
    rt_buffer_printf(out, "%*s", (int)(MARGIN + INDENT * depth), "");
}

/* | the very next event, : others may lie between, x must not come */
static char line_of(const struct nfa_step *step)
{
    switch (step->contiguity) {
    case NFA_BEGIN:
    case NFA_STRICT:
        return '|';
    case NFA_RELAXED:
    case NFA_ANY:
        return ':';
    case NFA_NOT_NEXT:
    case NFA_NOT_FOLLOW:
        return 'x';
    }
    return ' ';
}

static void add_until(const struct rule *rule, const struct nfa_step *step, struct rt_buffer *out)
{
    if (step->until == NFA_NO_GUARD)
        return;
    rt_buffer_string(out, ", until ");
    expr_tree_print(rule->guards[step->until].tree, out);
}

static void add_bound(const char *words, rt_duration span, struct rt_buffer *out)
{
    if (span.ms == 0)
        return;
    rt_buffer_string(out, words);
    rt_buffer_duration(out, span.ms);
}

/* "followedBy ok, 2 times   event.x == 1" behind the line. */
static void add_arrow(const struct rule *rule, const struct nfa_step *step, unsigned depth,
                      struct rt_buffer *out)
{
    bool counted = step->times_max > 1 || step->optional || step->times_min == 0;

    add_margin(depth, out);
    rt_buffer_printf(out, "%c  %s %s", line_of(step), rule_graph_verb(step->contiguity),
                     step->name);
    rt_buffer_string(out, counted ? ", " : "");
    rule_graph_times(step, out);
    add_until(rule, step, out);
    add_bound(", within ", step->gap, out);
    add_bound(", again within ", step->loop_gap, out);
    if (step->group == NULL && step->where != NFA_NO_GUARD) {
        rt_buffer_string(out, "   ");
        expr_tree_print(rule->guards[step->where].tree, out);
    } else if (step->group == NULL) {
        rt_buffer_string(out, "   any event");
    }
    rt_buffer_char(out, '\n');
}

static void add_steps(const struct rule *rule, const struct nfa_step *steps, size_t count,
                      unsigned depth, struct rt_buffer *out);

static void add_word(const char *word, unsigned depth, struct rt_buffer *out)
{
    add_margin(depth, out);
    rt_buffer_printf(out, "%s\n", word);
}

/* Groups nest as deep as the compiler of patterns lets them. */
// NOLINTNEXTLINE(misc-no-recursion)
static void add_group(const struct rule *rule, const struct nfa_step *step, unsigned depth,
                      struct rt_buffer *out)
{
    for (size_t i = 0; step->group_kind == NFA_ANY_OF && i < step->group_count; i++) {
        const struct nfa_step *branch = &step->group[i];

        add_word(i == 0 ? "+- either" : "+- or", depth, out);
        if (branch->group != NULL && branch->group_kind == NFA_SEQUENCE)
            add_steps(rule, branch->group, branch->group_count, depth + 1, out);
        else
            add_steps(rule, branch, 1, depth + 1, out);
    }
    for (size_t i = 0; step->group_kind == NFA_ALL_OF && i < step->group_count; i++) {
        add_margin(depth, out);
        rt_buffer_printf(out, "+- %s %s   ", i == 0 ? "in any order" : "and", step->group[i].name);
        if (step->group[i].where == NFA_NO_GUARD)
            rt_buffer_string(out, "any event");
        else
            expr_tree_print(rule->guards[step->group[i].where].tree, out);
        rt_buffer_char(out, '\n');
    }
    if (step->group_kind == NFA_SEQUENCE)
        add_steps(rule, step->group, step->group_count, depth + 1, out);
}

// NOLINTNEXTLINE(misc-no-recursion): as add_group
static void add_steps(const struct rule *rule, const struct nfa_step *steps, size_t count,
                      unsigned depth, struct rt_buffer *out)
{
    for (size_t i = 0; i < count; i++) {
        const struct nfa_step *step = &steps[i];

        add_arrow(rule, step, depth, out);
        if (step->group != NULL)
            add_group(rule, step, depth, out);
        if (line_of(step) == 'x')
            continue;
        add_word("v", depth, out);
        if (depth > 0 || i + 1 < count) {
            add_margin(depth, out);
            rt_buffer_printf(out, "[%s]\n", step->name);
        }
    }
}

static void add_text(const struct rule *rule, struct rt_buffer *out)
{
    const struct nfa_pattern *pattern = rule->pattern;
    const struct nfa_step *last = &pattern->steps[pattern->step_count - 1];

    rt_buffer_string(out, "(start)\n");
    add_steps(rule, pattern->steps, pattern->step_count, 0, out);
    if (line_of(last) == 'x')
        add_word("v", 0, out);
    rt_buffer_string(out, "((match))");
    if (pattern->within.ms > 0) {
        rt_buffer_string(out, last->contiguity == NFA_NOT_FOLLOW ? "  " : "  less than ");
        rt_buffer_duration(out, pattern->within.ms);
        rt_buffer_string(out, " after the first event; ");
        rt_buffer_string(out, rule->outputs[RULE_OUTPUT_TIMEOUT].enabled
                                  ? "what is open then: timeout"
                                  : "what is open then is dropped");
    }
    rt_buffer_string(
        out, "\n\n  |  the very next event    :  others may lie between    x  must not come\n");
}

/* ---- for other programs ---- */

// NOLINTNEXTLINE(misc-no-recursion): as add_group
static bool is_until(const struct nfa_step *steps, size_t count, nfa_guard guard)
{
    for (size_t i = 0; i < count; i++) {
        if (steps[i].until == guard ||
            (steps[i].group != NULL && is_until(steps[i].group, steps[i].group_count, guard)))
            return true;
    }
    return false;
}

/* The name of the step whose condition it is, and which of its two. */
static void add_guard_name(const void *context, nfa_guard guard, struct rt_buffer *out)
{
    const struct rule *rule = context;

    rt_buffer_string(out, rule->guards[guard].step);
    if (is_until(rule->pattern->steps, rule->pattern->step_count, guard))
        rt_buffer_string(out, " until");
}

static void add_text_member(const char *name, const char *text, struct rt_buffer *out)
{
    rt_buffer_printf(out, ",\"%s\":", name);
    rt_buffer_json_string(out, rt_text_of(text));
}

static void add_json_guards(const struct rule *rule, struct rt_buffer *out)
{
    for (uint32_t i = 0; i < rule->guard_count; i++) {
        struct rt_buffer text;

        rt_buffer_init(&text, SIZE_MAX);
        expr_tree_print(rule->guards[i].tree, &text);
        rt_buffer_printf(out, "%s\n{\"id\":%u", i > 0 ? "," : "", (unsigned)i);
        add_text_member("step", rule->guards[i].step, out);
        add_text_member("text", text.failed || text.length == 0 ? "" : text.data, out);
        rt_buffer_char(out, '}');
        rt_buffer_done(&text);
    }
}

static void add_json(const struct rule *rule, const struct nfa_graph_names *names,
                     struct rt_buffer *out)
{
    static const char *const skips[] = {"no_skip", "skip_to_next", "skip_past_last",
                                        "skip_to_first", "skip_to_last"};
    const struct nfa_pattern *pattern = rule->pattern;

    rt_buffer_string(out, "{\"rule\":");
    rt_buffer_json_string(out, rt_text_of(rule->id));
    if (pattern->within.ms > 0)
        rt_buffer_printf(out, ",\"within_ms\":%lld", (long long)pattern->within.ms);
    add_text_member("after_match", skips[pattern->skip], out);
    if (pattern->skip_step != NULL)
        add_text_member("skip_step", pattern->skip_step, out);
    add_text_member("emit", pattern->emit == NFA_EMIT_AT_ONCE ? "at_once" : "in_start_order", out);
    rt_buffer_string(out, ",\n\"guards\":[");
    add_json_guards(rule, out);
    rt_buffer_string(out, "],\n\"states\":");
    nfa_program_graph(rule->program, NFA_GRAPH_JSON, names, out);
    rt_buffer_string(out, "}\n");
}

void rule_graph(const struct rule *rule, enum rule_graph_format format, struct rt_buffer *out)
{
    const struct nfa_graph_names names = {add_guard_name, rule};

    if (format == RULE_GRAPH_TEXT)
        add_text(rule, out);
    else if (format == RULE_GRAPH_JSON)
        add_json(rule, &names, out);
    else
        nfa_program_graph(rule->program,
                          format == RULE_GRAPH_DOT ? NFA_GRAPH_DOT : NFA_GRAPH_MERMAID, &names,
                          out);
}
