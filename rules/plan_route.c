/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which events a rule must see: those for which the filter and one of its conditions may be true.
 *
 *     filter:  type == "login"                                    type in {login}
 *     guards:  outcome == "failure", user.startsWith("root")      outcome == "failure" or user starts with "root"
 *     route:   the rarer of the two
 *
 * There are two routes.  `start` is for a rule without runs: only what can begin one matters.  `route` is for a rule with
 * runs: any of its conditions, and a strict rule (next, notNext, consecutive) also notices events that no condition wants,
 * so there only its filter counts.  Sound because a condition that ends in an error is not true.
 */
#include <stdlib.h>

#include "rules/plan_build.h"
#include "rules/value_ops.h"

enum { ROUTE_FIELDS_MAX = 64 };

/* The values of one field for which something may be true; sorted by hash when it is a set. */
struct hashed {
    uint64_t hash;
    struct rt_value value;
};
struct choice {
    enum expr_may kind;
    struct hashed *values;
    size_t count;
};

static int compare_hashes(const void *left, const void *right)
{
    const struct hashed *a = left;
    const struct hashed *b = right;

    return (a->hash > b->hash) - (a->hash < b->hash);
}

/* Whether values[0, count) has an equal one in the run of equal hashes at its end. */
static bool is_last_run(const struct hashed *values, size_t count, const struct hashed *one)
{
    while (count > 0 && values[count - 1].hash == one->hash) {
        if (expr_value_equal(values[--count].value, one->value))
            return true;
    }
    return false;
}

static void sort_distinct(struct choice *choice)
{
    size_t kept = 0;

    if (choice->count > 1)
        qsort(choice->values, choice->count, sizeof(*choice->values), compare_hashes);
    for (size_t i = 0; i < choice->count; i++) {
        if (!is_last_run(choice->values, kept, &choice->values[i]))
            choice->values[kept++] = choice->values[i];
    }
    choice->count = kept;
}

static enum rt_status tree_choice(struct rt_arena *arena, const struct expr_tree *tree,
                                  rt_field_id field, struct choice *out)
{
    struct expr_may_set may;
    enum rt_status status;

    *out = (struct choice){.kind = EXPR_MAY_ALL};
    if (tree == NULL)
        return RT_OK;
    status = expr_tree_may_be_true(tree, field, arena, &may);
    if (status != RT_OK)
        return status;
    out->kind = may.kind;
    if (may.kind != EXPR_MAY_SET)
        return RT_OK;
    out->values = rt_arena_array(arena, may.value_count, sizeof(*out->values));
    if (out->values == NULL)
        return RT_ERR_NOMEM;
    for (size_t i = 0; i < may.value_count; i++)
        out->values[i] = (struct hashed){expr_value_hash(may.values[i]), may.values[i]};
    out->count = may.value_count;
    sort_distinct(out);
    return RT_OK;
}

static enum rt_status unite(struct rt_arena *arena, const struct choice *a, const struct choice *b,
                            struct choice *out)
{
    struct choice both = {.kind = EXPR_MAY_SET, .count = a->count + b->count};

    if (a->kind == EXPR_MAY_ALL || b->kind == EXPR_MAY_ALL) {
        *out = (struct choice){.kind = EXPR_MAY_ALL};
        return RT_OK;
    }
    both.values = rt_arena_array(arena, both.count, sizeof(*both.values));
    if (both.values == NULL)
        return RT_ERR_NOMEM;
    for (size_t i = 0; i < a->count; i++)
        both.values[i] = a->values[i];
    for (size_t i = 0; i < b->count; i++)
        both.values[a->count + i] = b->values[i];
    sort_distinct(&both);
    *out = both;
    return RT_OK;
}

/* Keeps in `a` what is also in `b`. */
static void intersect(struct choice *a, const struct choice *b)
{
    size_t kept = 0;
    size_t at = 0;

    if (b->kind == EXPR_MAY_ALL)
        return;
    if (a->kind == EXPR_MAY_ALL) {
        *a = *b;
        return;
    }
    for (size_t i = 0; i < a->count; i++) {
        bool found = false;

        while (at < b->count && b->values[at].hash < a->values[i].hash)
            at++;
        for (size_t k = at; k < b->count && b->values[k].hash == a->values[i].hash; k++)
            found = found || expr_value_equal(b->values[k].value, a->values[i].value);
        if (found)
            a->values[kept++] = a->values[i];
    }
    a->kind = EXPR_MAY_SET;
    a->count = kept;
}

/* A step that takes any event.  The depth of groups is bounded by the compiler of patterns. */
static bool has_free_step(const struct nfa_step *steps, size_t count) // NOLINT(misc-no-recursion)
{
    for (size_t i = 0; i < count; i++) {
        bool is_free = steps[i].group == NULL ? steps[i].where == NFA_NO_GUARD
                                              : has_free_step(steps[i].group, steps[i].group_count);

        if (is_free)
            return true;
    }
    return false;
}

/* The conditions of a rule of which one must hold, besides the filter. */
struct wanted {
    const struct expr_tree **trees;
    size_t count;
    bool all; /* an event may matter whatever they say */
};

static enum rt_status wanted_of(struct rt_arena *arena, const struct rule *rule, bool starts,
                                struct wanted *out)
{
    *out = (struct wanted){
        rt_arena_array(arena, (size_t)rule->guard_count + 2, sizeof(const struct expr_tree *)), 0,
        false};
    if (out->trees == NULL)
        return RT_ERR_NOMEM;
    if (rule->kind != RULE_PATTERN) {
        out->trees[out->count++] = rule->where.tree;
    } else {
        out->all =
            starts ? nfa_program_any_starts(rule->program)
                   : rule->strict || has_free_step(rule->pattern->steps, rule->pattern->step_count);
        for (uint32_t i = 0; i < rule->guard_count; i++) {
            if (!starts || nfa_program_is_start_guard(rule->program, i))
                out->trees[out->count++] = rule->guards[i].tree;
        }
    }
    if (rule->has_cancel && (!starts || rule->kind != RULE_PATTERN))
        out->trees[out->count++] = rule->cancel_if.tree;
    for (size_t i = 0; i < out->count; i++)
        out->all |= out->trees[i] == NULL;
    return RT_OK;
}

/* The values of `field` with which an event can matter to the rule. */
static enum rt_status rule_choice(struct rt_arena *arena, const struct rule *rule,
                                  const struct wanted *wanted, rt_field_id field,
                                  struct choice *out)
{
    struct choice any = {.kind = EXPR_MAY_NONE};
    struct choice one;
    enum rt_status status = tree_choice(arena, rule->filter.tree, field, out);

    if (wanted->all)
        return status;
    for (size_t i = 0; i < wanted->count && status == RT_OK; i++) {
        status = tree_choice(arena, wanted->trees[i], field, &one);
        if (status == RT_OK)
            status = unite(arena, &any, &one, &any);
    }
    if (status == RT_OK)
        intersect(out, &any);
    return status;
}

static size_t add_candidates(const struct expr_tree *tree, rt_field_id *out, size_t count)
{
    rt_field_id found[ROUTE_FIELDS_MAX];
    size_t found_count = tree == NULL ? 0 : expr_tree_index_fields(tree, found, ROUTE_FIELDS_MAX);

    for (size_t i = 0; i < found_count && count < ROUTE_FIELDS_MAX; i++) {
        bool is_new = true;

        for (size_t k = 0; k < count; k++)
            is_new = is_new && out[k] != found[i];
        if (is_new)
            out[count++] = found[i];
    }
    return count;
}

enum rt_status plan_rule_values(struct rt_arena *arena, const struct rule *rule, rt_field_id field,
                                bool strictly, struct expr_may_set *out)
{
    struct wanted wanted;
    struct choice choice = {.kind = EXPR_MAY_ALL};
    struct rt_value *values;
    enum rt_status status = wanted_of(arena, rule, false, &wanted);

    if (!strictly)
        wanted.all = false;
    if (status == RT_OK)
        status = rule_choice(arena, rule, &wanted, field, &choice);
    if (status != RT_OK)
        return status;
    values = rt_arena_array(arena, choice.count, sizeof(*values));
    if (values == NULL)
        return RT_ERR_NOMEM;
    for (size_t i = 0; i < choice.count; i++)
        values[i] = choice.values[i].value;
    *out = (struct expr_may_set){choice.kind, values, choice.count};
    return RT_OK;
}

static void take_rarer(struct expr_cover *best, struct expr_cover other)
{
    if (!other.all && (best->all || other.chance < best->chance))
        *best = other;
}

static enum rt_status cover_of_choice(struct rt_arena *arena, const struct expr_chances *chances,
                                      rt_field_id field, const struct choice *choice,
                                      struct expr_cover *out)
{
    struct expr_probe *probes;
    double chance = 0;

    *out = (struct expr_cover){.all = true, .chance = 1.0};
    if (choice->kind == EXPR_MAY_ALL)
        return RT_OK;
    probes = rt_arena_array(arena, choice->count, sizeof(*probes));
    if (probes == NULL)
        return RT_ERR_NOMEM;
    for (size_t i = 0; i < choice->count; i++) {
        probes[i] = (struct expr_probe){field, EXPR_PROBE_EQUAL, choice->values[i].value};
        chance += expr_probe_chance(chances, &probes[i]);
    }
    *out = (struct expr_cover){false, probes, choice->count, chance < 1.0 ? chance : 1.0};
    return RT_OK;
}

/* The rarest set of values of one field. */
static enum rt_status by_one_field(struct rt_arena *arena, const struct rule *rule,
                                   const struct wanted *wanted, const struct expr_chances *chances,
                                   struct expr_cover *best)
{
    rt_field_id fields[ROUTE_FIELDS_MAX];
    size_t count = add_candidates(rule->filter.tree, fields, 0);
    enum rt_status status = RT_OK;

    for (size_t i = 0; !wanted->all && i < wanted->count; i++)
        count = add_candidates(wanted->trees[i], fields, count);
    for (size_t i = 0; i < count && status == RT_OK; i++) {
        struct choice choice;
        struct expr_cover one;

        status = rule_choice(arena, rule, wanted, fields[i], &choice);
        if (status == RT_OK)
            status = cover_of_choice(arena, chances, fields[i], &choice, &one);
        if (status == RT_OK)
            take_rarer(best, one);
    }
    return status;
}

/* The rarest set of tests, of whatever fields and kinds. */
static enum rt_status by_tests(struct rt_arena *arena, const struct rule *rule,
                               const struct wanted *wanted, const struct expr_chances *chances,
                               struct expr_cover *best)
{
    struct expr_cover *parts = rt_arena_array(arena, wanted->count + 1, sizeof(*parts));
    enum rt_status status = RT_OK;

    if (parts == NULL)
        return RT_ERR_NOMEM;
    if (rule->filter.tree != NULL) {
        struct expr_cover filter;

        status = expr_tree_cover(rule->filter.tree, chances, arena, &filter);
        take_rarer(best, filter);
    }
    if (wanted->all)
        return status;
    for (size_t i = 0; i < wanted->count && status == RT_OK; i++)
        status = expr_tree_cover(wanted->trees[i], chances, arena, &parts[i]);
    if (status == RT_OK)
        take_rarer(best, expr_cover_unite(parts, wanted->count, arena, &status));
    return status;
}

static enum rt_status keep_route(struct plan_builder *builder, const struct expr_cover *cover,
                                 struct rule_route *out)
{
    struct rule_probe *probes;
    enum rt_status status = RT_OK;

    *out = (struct rule_route){.all = true, .chance = 1.0};
    if (cover->all)
        return RT_OK;
    probes = rt_arena_array(builder->arena, cover->probe_count, sizeof(*probes));
    if (probes == NULL)
        return RT_ERR_NOMEM;
    for (size_t i = 0; i < cover->probe_count && status == RT_OK; i++) {
        probes[i].slot = rt_fields_slot(builder->plan->fields, cover->probes[i].field);
        probes[i].kind = cover->probes[i].kind;
        probes[i].value = cover->probes[i].value;
        if (cover->probes[i].kind != EXPR_PROBE_EQUAL) /* these may be the scratch arena's */
            status = rt_value_copy(cover->probes[i].value, builder->arena, &probes[i].value);
    }
    *out = (struct rule_route){false, probes, cover->probe_count, cover->chance};
    return status;
}

static enum rt_status choose(struct plan_builder *builder, const struct rule *rule, bool starts,
                             const struct expr_chances *chances, struct rule_route *out)
{
    struct expr_cover best = {.all = true, .chance = 1.0};
    struct rt_arena scratch;
    struct wanted wanted;
    enum rt_status status;

    rt_arena_init(&scratch, (size_t)1 << 30);
    status = wanted_of(&scratch, rule, starts, &wanted);
    if (status == RT_OK)
        status = by_one_field(&scratch, rule, &wanted, chances, &best);
    if (status == RT_OK)
        status = by_tests(&scratch, rule, &wanted, chances, &best);
    if (status == RT_OK)
        status = keep_route(builder, &best, out);
    rt_arena_done(&scratch);
    return status;
}

static enum rt_status count_condition(const struct rule_condition *condition,
                                      struct expr_chances *chances)
{
    return condition->tree == NULL ? RT_OK : expr_tree_count_probes(condition->tree, chances);
}

static enum rt_status count_rule(const struct rule *rule, struct expr_chances *chances)
{
    enum rt_status status = count_condition(&rule->filter, chances);

    if (status == RT_OK)
        status = count_condition(&rule->where, chances);
    if (status == RT_OK)
        status = count_condition(&rule->cancel_if, chances);
    for (uint32_t i = 0; i < rule->guard_count && status == RT_OK; i++)
        status = count_condition(&rule->guards[i], chances);
    return status;
}

enum rt_status plan_routes(struct plan_builder *builder)
{
    struct expr_chances chances;
    enum rt_status status = expr_chances_init(&chances, rt_fields_count(builder->plan->fields));

    for (size_t i = 0; i < builder->rule_count && status == RT_OK; i++)
        status = count_rule(builder->rules[i], &chances);
    for (size_t i = 0; i < builder->rule_count && status == RT_OK; i++) {
        struct rule *rule = builder->rules[i];

        status = choose(builder, rule, true, &chances, &rule->start);
        rule->route = rule->start;
        if (status == RT_OK && rule->kind == RULE_PATTERN)
            status = choose(builder, rule, false, &chances, &rule->route);
    }
    expr_chances_done(&chances);
    return status;
}
