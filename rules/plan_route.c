/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which events a rule must see: those for which the filter and one of its conditions may be true.
 *
 *     filter:  type == "login"                          type in {login}
 *     guards:  outcome == "failure", outcome == "success"     outcome in {failure, success}
 *     route:   the smaller of the two sets: type in {login}
 *
 * A strict rule (next, notNext, consecutive) also notices events that no condition wants, so only its filter counts.
 * Sound because a condition that ends in an error is not true.
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

/* The values of `field` with which an event can matter to the rule. */
static enum rt_status rule_choice(struct rt_arena *arena, const struct rule *rule,
                                  rt_field_id field, struct choice *out)
{
    struct choice wanted = {.kind = EXPR_MAY_NONE};
    struct choice one;
    enum rt_status status = tree_choice(arena, rule->filter.tree, field, out);

    if (status != RT_OK || rule->strict)
        return status;
    if (rule->kind == RULE_SINGLE) {
        status = tree_choice(arena, rule->where.tree, field, &wanted);
    } else if (has_free_step(rule->pattern->steps, rule->pattern->step_count)) {
        wanted.kind = EXPR_MAY_ALL;
    } else {
        for (uint32_t i = 0; i < rule->guard_count && status == RT_OK; i++) {
            status = tree_choice(arena, rule->guards[i].tree, field, &one);
            if (status == RT_OK)
                status = unite(arena, &wanted, &one, &wanted);
        }
    }
    if (status == RT_OK && rule->has_cancel) {
        status = tree_choice(arena, rule->cancel_if.tree, field, &one);
        if (status == RT_OK)
            status = unite(arena, &wanted, &one, &wanted);
    }
    if (status == RT_OK)
        intersect(out, &wanted);
    return status;
}

/* The fields that some condition of the rule compares with constants, each once. */
static size_t candidates(const struct rule *rule, rt_field_id *out)
{
    size_t count = 0;
    size_t kept = 0;
    const struct expr_tree *trees[3] = {rule->filter.tree, rule->where.tree, rule->cancel_if.tree};

    for (size_t i = 0; i < 3; i++) {
        if (trees[i] != NULL && count < ROUTE_FIELDS_MAX) {
            size_t found = expr_tree_index_fields(trees[i], out + count, ROUTE_FIELDS_MAX - count);

            count += found < ROUTE_FIELDS_MAX - count ? found : ROUTE_FIELDS_MAX - count;
        }
    }
    for (uint32_t i = 0; i < rule->guard_count && count < ROUTE_FIELDS_MAX; i++) {
        size_t found = 0;

        if (rule->guards[i].tree != NULL)
            found =
                expr_tree_index_fields(rule->guards[i].tree, out + count, ROUTE_FIELDS_MAX - count);
        count += found < ROUTE_FIELDS_MAX - count ? found : ROUTE_FIELDS_MAX - count;
    }
    for (size_t i = 0; i < count; i++) {
        bool is_new = true;

        for (size_t k = 0; k < kept; k++)
            is_new = is_new && out[k] != out[i];
        if (is_new)
            out[kept++] = out[i];
    }
    return kept;
}

static enum rt_status set_route(struct plan_builder *builder, struct rule *rule, rt_field_id field,
                                const struct choice *choice)
{
    struct rt_value *values = rt_arena_array(builder->arena, choice->count, sizeof(*values));

    if (values == NULL)
        return RT_ERR_NOMEM;
    for (size_t i = 0; i < choice->count; i++)
        values[i] = choice->values[i].value;
    rule->route =
        (struct rule_route){rt_fields_slot(builder->plan->fields, field), values, choice->count};
    return RT_OK;
}

/* The field whose set is smallest; *best stays "all" if no field narrows anything. */
static enum rt_status choose(struct rt_arena *scratch, const struct rule *rule, struct choice *best,
                             rt_field_id *best_field)
{
    rt_field_id fields[ROUTE_FIELDS_MAX];
    size_t count = candidates(rule, fields);

    *best = (struct choice){.kind = EXPR_MAY_ALL};
    for (size_t i = 0; i < count; i++) {
        struct choice choice;
        enum rt_status status = rule_choice(scratch, rule, fields[i], &choice);

        if (status != RT_OK)
            return status;
        if (choice.kind == EXPR_MAY_ALL ||
            (best->kind != EXPR_MAY_ALL && choice.count >= best->count))
            continue;
        *best = choice;
        *best_field = fields[i];
    }
    return RT_OK;
}

enum rt_status plan_route(struct plan_builder *builder, struct rule *rule)
{
    struct rt_arena scratch;
    struct choice best;
    rt_field_id field = 0;
    enum rt_status status;

    rule->route = (struct rule_route){.slot = RT_NO_SLOT};
    rt_arena_init(&scratch, (size_t)1 << 30);
    status = choose(&scratch, rule, &best, &field);
    if (status == RT_OK && best.kind != EXPR_MAY_ALL)
        status = set_route(builder, rule, field, &best);
    rt_arena_done(&scratch);
    return status;
}
