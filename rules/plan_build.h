/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan_build.h - a plan while it grows: what rules share is found here, and code is made at the end.
 *
 *     check a tree --> plan_condition, plan_code, plan_keying ...      names the place where the code will go
 *     all rules read --> plan_finish                                   seals the field table, fills those places
 *
 * B1  Trees, rules and everything they point to live in the plan's arena.
 * B2  Every place that is to get code is on a list, and that list is what frees the code.
 */
#ifndef EGRET_RULES_PLAN_BUILD_H
#define EGRET_RULES_PLAN_BUILD_H

#include "rules/plan.h"
#include "runtime/base/arena.h"
#include "runtime/base/map.h"

/* One conjunct or condition's tree -> code, after the field table is sealed. */
struct plan_code {
    const struct expr_tree *tree;
    struct expr **target;
    struct plan_code *next;
};
struct plan_text { /* the same for templates */
    const struct expr_template_tree *tree;
    struct expr_template **target;
    struct plan_text *next;
};
struct plan_program {
    struct nfa_program *program;
    struct plan_program *next;
};

struct plan_builder {
    struct rule_plan *plan; /* in its own arena */
    struct rt_arena *arena;
    struct rule_atom *atoms; /* a vector until plan_finish */
    size_t atom_count, atom_capacity;
    struct rt_map atom_index; /* fingerprint -> index */
    struct rule_keying *keyings;
    size_t keying_count, keying_capacity;
    struct rt_map keying_index;
    struct rule **rules;
    size_t rule_count, rule_capacity;
    bool *mentions;          /* RT_FIELDS_MAX, by field: see struct expr_scope */
    rt_field_id *run_fields; /* in the arena */
    size_t run_field_count;
    struct expr_tree **run_conditions; /* in the arena */
    size_t run_condition_count;
    rt_field_id time_field;
    bool has_time_field;
    struct expr_tree *watermark_when;
};

enum rt_status plan_builder_new(struct plan_builder **out);
/* Frees the builder, and the plan if plan_finish did not hand it over.  NULL is fine. */
void plan_builder_free(struct plan_builder *builder);

/* Splits a tree (NULL: no condition) into shared atoms and the rest. */
enum rt_status plan_condition(struct plan_builder *builder, struct expr_tree *tree,
                              const char *step, struct rule_condition *out);

/* *target gets code at the end.  A NULL tree leaves it NULL. */
enum rt_status plan_code(struct plan_builder *builder, const struct expr_tree *tree,
                         struct expr **target);
enum rt_status plan_template(struct plan_builder *builder, const struct expr_template_tree *tree,
                             struct expr_template **target);

/* The keying with these labels and expressions, shared if it is there. */
struct plan_key_part {
    const char *label;
    struct expr_tree *tree;
};
enum rt_status plan_keying(struct plan_builder *builder, const struct plan_key_part *parts,
                           size_t count, uint32_t *out);

/* The plan takes over the reference. */
enum rt_status plan_add_program(struct plan_builder *builder, struct nfa_program *program);
enum rt_status plan_add_rule(struct plan_builder *builder, struct rule *rule);

/* Canonical text in the plan's arena, for explain; cut when it is very long. */
enum rt_status plan_print_tree(struct plan_builder *builder, const struct expr_tree *tree,
                               const char **out);

/* Seals, compiles, chooses the routes.  The plan has one reference; the builder is then empty. */
enum rt_status plan_finish(struct plan_builder *builder, struct rule_plan **out);

/*
 * The values of a field with which an event can matter to the rule.  `strictly`: an event that only breaks a pattern matters,
 * too; else those for which a condition may hold.  `values` live in the arena.
 */
enum rt_status plan_rule_values(struct rt_arena *arena, const struct rule *rule, rt_field_id field,
                                bool strictly, struct expr_may_set *out);

/* Which rules can share their windows (sharing.c). */
enum rt_status plan_share_windows(struct plan_builder *builder);

/* Which events each rule must see (plan_route.c).  After sealing. */
enum rt_status plan_routes(struct plan_builder *builder);

#endif
