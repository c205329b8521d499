/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules that read alerts: which rules' alerts each of them gets.
 *
 *     source: alerts, match: { rule: [a, b] }        those of a and b
 *     source: alerts                                 those of all rules that read no alerts themselves
 *
 *     a, b --alerts--> c --alerts--> d               a rule's level is one more than the highest it reads
 *
 * A rule is named where the conditions can be true for no other value of `event.rule`.  So nothing goes in a circle unless the
 * rules' authors say so, and that is refused: an alert would make others for ever.
 */
#include "rules/load.h"
#include "runtime/base/alloc.h"

enum { LEVELS_MAX = 8, EDGES_FIRST = 64 };

struct edge { /* the alerts of `from` go to `to` */
    uint32_t from, to;
};

struct feeds {
    struct loader *loader;
    struct rule **rules;
    uint32_t rule_count;
    rt_field_id field;     /* `rule` of an alert */
    struct rt_map numbers; /* rule id -> number + 1 */
    struct edge *edges;    /* owned; by `to` */
    size_t edge_count, edge_capacity;
    size_t *first; /* by rule: its edges; rule_count + 1, in scratch */
    uint32_t *level;
};

static void fail(struct feeds *feeds, enum rt_status status)
{
    if (feeds->loader->status == RT_OK)
        feeds->loader->status = status;
}

static struct rt_span span_of(const struct feeds *feeds, uint32_t rule)
{
    uint64_t found;

    if (!rt_map_get(&feeds->loader->ids, rt_text_of(feeds->rules[rule]->id), &found))
        return RT_NO_SPAN;
    return *(const struct rt_span *)(uintptr_t)found;
}

/* ---- who reads whom ---- */

static void add_edge(struct feeds *feeds, uint32_t from, uint32_t to)
{
    if (feeds->edge_count == feeds->edge_capacity) {
        size_t capacity = feeds->edge_capacity == 0 ? EDGES_FIRST : feeds->edge_capacity * 2;
        struct edge *edges = rt_realloc(feeds->edges, capacity * sizeof(*edges));

        if (edges == NULL) {
            fail(feeds, RT_ERR_NOMEM);
            return;
        }
        feeds->edges = edges;
        feeds->edge_capacity = capacity;
    }
    feeds->edges[feeds->edge_count++] = (struct edge){from, to};
}

static void warn_of_name(struct feeds *feeds, uint32_t reader, struct rt_text name)
{
    const char **names = rt_arena_array(&feeds->loader->scratch, feeds->rule_count, sizeof(*names));
    struct rt_diag *diag;
    const char *nearest;

    if (names == NULL) {
        fail(feeds, RT_ERR_NOMEM);
        return;
    }
    for (uint32_t i = 0; i < feeds->rule_count; i++)
        names[i] = feeds->rules[i]->id;
    nearest = rt_nearest(name, names, feeds->rule_count);
    diag = rt_diag_add(feeds->loader->diags, RT_SEVERITY_WARNING, RULE_DIAG_UNKNOWN_RULE,
                       span_of(feeds, reader), "`%s` reads the alerts of `%.*s`, which is no rule",
                       feeds->rules[reader]->id, (int)name.length, name.data);
    if (nearest != NULL)
        rt_diag_label(feeds->loader->diags, diag, "did you mean `%s`?", nearest);
}

static void read_named(struct feeds *feeds, uint32_t reader, const struct expr_may_set *named)
{
    for (size_t i = 0; named->kind == EXPR_MAY_SET && i < named->value_count; i++) {
        uint64_t number;

        if (named->values[i].type != RT_STRING)
            continue;
        if (rt_map_get(&feeds->numbers, rt_value_text(named->values[i]), &number))
            add_edge(feeds, (uint32_t)number - 1, reader);
        else
            warn_of_name(feeds, reader, rt_value_text(named->values[i]));
    }
}

static void read_rule(struct feeds *feeds, uint32_t reader)
{
    const struct rule *rule = feeds->rules[reader];
    struct expr_may_set strictly, named;
    enum rt_status status =
        plan_rule_values(&feeds->loader->scratch, rule, feeds->field, true, &strictly);

    if (status == RT_OK)
        status = plan_rule_values(&feeds->loader->scratch, rule, feeds->field, false, &named);
    if (status != RT_OK) {
        fail(feeds, status);
        return;
    }
    read_named(feeds, reader, strictly.kind == EXPR_MAY_SET ? &strictly : &named);
    for (uint32_t i = 0; strictly.kind == EXPR_MAY_ALL && i < feeds->rule_count; i++) {
        if (!feeds->rules[i]->reads_alerts)
            add_edge(feeds, i, reader);
    }
}

static void number_rules(struct feeds *feeds)
{
    for (uint32_t i = 0; i < feeds->rule_count; i++) {
        if (rt_map_set(&feeds->numbers, rt_text_of(feeds->rules[i]->id), (uint64_t)i + 1) != RT_OK)
            fail(feeds, RT_ERR_NOMEM);
    }
}

static void find_edges(struct feeds *feeds)
{
    if (!load_add_field(feeds->loader, "rule", &feeds->field))
        return;
    number_rules(feeds);
    for (uint32_t i = 0; i < feeds->rule_count && feeds->loader->status == RT_OK; i++) {
        feeds->first[i] = feeds->edge_count;
        if (feeds->rules[i]->reads_alerts)
            read_rule(feeds, i);
    }
    feeds->first[feeds->rule_count] = feeds->edge_count;
}

/* ---- circles ---- */

/* One more than the highest that it reads, as far as that is known; UINT32_MAX: it waits for one that is not. */
static uint32_t level_of(const struct feeds *feeds, uint32_t rule)
{
    uint32_t level = 0;

    for (size_t i = feeds->first[rule]; i < feeds->first[rule + 1]; i++) {
        uint32_t below = feeds->level[feeds->edges[i].from];

        if (below == UINT32_MAX)
            return UINT32_MAX;
        level = below + 1 > level ? below + 1 : level;
    }
    return level;
}

/* A level a round, so there are few rounds unless rules are refused anyway. */
static void find_levels(struct feeds *feeds)
{
    bool moved = true;

    for (uint32_t i = 0; i < feeds->rule_count; i++)
        feeds->level[i] = feeds->rules[i]->reads_alerts ? UINT32_MAX : 0;
    for (uint32_t round = 0; moved && round <= LEVELS_MAX; round++) {
        moved = false;
        for (uint32_t i = 0; i < feeds->rule_count; i++) {
            if (feeds->level[i] != UINT32_MAX)
                continue;
            feeds->level[i] = level_of(feeds, i);
            moved = moved || feeds->level[i] != UINT32_MAX;
        }
    }
}

/* A rule that it reads and that has no level. */
static uint32_t unsettled(const struct feeds *feeds, uint32_t rule)
{
    for (size_t i = feeds->first[rule]; i < feeds->first[rule + 1]; i++) {
        if (feeds->level[feeds->edges[i].from] == UINT32_MAX)
            return feeds->edges[i].from;
    }
    return RULE_NONE;
}

/* From a rule without a level one comes, always going to another such, into a circle: its members are in the way twice. */
static void report_circle(struct feeds *feeds, uint32_t start)
{
    struct rt_diags *diags = feeds->loader->diags;
    struct rt_buffer text;
    struct rt_diag *diag;
    uint32_t at = start, member;

    for (uint32_t i = 0; i < feeds->rule_count; i++)
        at = unsettled(feeds, at);
    member = at;
    rt_buffer_init(&text, 1 << 16);
    rt_buffer_printf(&text, "`%s`", feeds->rules[member]->id);
    do {
        at = unsettled(feeds, at);
        rt_buffer_printf(&text, " reads `%s`", feeds->rules[at]->id);
        rt_buffer_string(&text, at == member ? "" : ", which");
    } while (at != member);
    diag = rt_diag_add(diags, RT_SEVERITY_ERROR, RULE_DIAG_ALERT_CIRCLE, span_of(feeds, member),
                       "rules read each other's alerts in a circle: %s",
                       text.data == NULL ? "" : text.data);
    rt_diag_help(diags, diag,
                 "an alert of one would make others for ever; one of them reads events instead");
    rt_buffer_done(&text);
}

static void check_levels(struct feeds *feeds)
{
    find_levels(feeds);
    for (uint32_t i = 0; i < feeds->rule_count; i++) {
        if (feeds->level[i] == UINT32_MAX) {
            report_circle(feeds, i);
            return;
        }
        if (feeds->level[i] > LEVELS_MAX) {
            rt_diag_add(feeds->loader->diags, RT_SEVERITY_ERROR, RULE_DIAG_ALERT_CIRCLE,
                        span_of(feeds, i),
                        "`%s` reads alerts of alerts of alerts: more than %d levels",
                        feeds->rules[i]->id, LEVELS_MAX);
            return;
        }
    }
}

/* ---- into the plan ---- */

static void set_readers(struct feeds *feeds)
{
    for (size_t i = 0; i < feeds->edge_count; i++)
        feeds->rules[feeds->edges[i].from]->reader_count++;
    for (uint32_t i = 0; i < feeds->rule_count; i++) {
        struct rule *rule = feeds->rules[i];

        rule->readers = load_alloc(feeds->loader, rule->reader_count, sizeof(*rule->readers));
        if (rule->readers == NULL)
            return;
        rule->reader_count = 0;
    }
    for (size_t i = 0; i < feeds->edge_count; i++) { /* ascending by reader */
        struct rule *rule = feeds->rules[feeds->edges[i].from];

        ((uint32_t *)(uintptr_t)rule->readers)[rule->reader_count++] = feeds->edges[i].to;
    }
}

void load_feeds(struct loader *loader)
{
    struct feeds feeds = {.loader = loader,
                          .rules = loader->plan->rules,
                          .rule_count = (uint32_t)loader->plan->rule_count};
    bool any = false;

    for (uint32_t i = 0; i < feeds.rule_count; i++)
        any = any || feeds.rules[i]->reads_alerts;
    if (!any)
        return;
    feeds.first =
        rt_arena_array(&loader->scratch, (size_t)feeds.rule_count + 1, sizeof(*feeds.first));
    feeds.level = rt_arena_array(&loader->scratch, feeds.rule_count, sizeof(*feeds.level));
    if (feeds.first == NULL || feeds.level == NULL) {
        fail(&feeds, RT_ERR_NOMEM);
        return;
    }
    find_edges(&feeds);
    if (loader->status == RT_OK)
        check_levels(&feeds);
    if (loader->status == RT_OK)
        set_readers(&feeds);
    rt_map_done(&feeds.numbers);
    rt_free(feeds.edges);
}
