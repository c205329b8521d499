/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load.h - from the tree of a rule file to a plan; seen by the files load_*.c and plan*.c only.
 *
 *     yaml_node --load_map tables--> structs of nodes --load_*.c--> struct rule, trees     (1) everything is checked
 *                                                                        |
 *                                    field table sealed, trees -> code  <-+                (2) only if nothing is wrong
 *
 * E1  What is wrong is reported and passed over, so that one run finds all of it.  A function that returns false has
 *     reported, or found a part that was reported before (YAML_BROKEN), or set `status`.
 * E2  `status` is sticky and is about memory only.
 * E3  Nodes live in `scratch` and die with the loader; what the plan keeps is copied to the plan's arena.
 */
#ifndef EGRET_RULES_LOAD_H
#define EGRET_RULES_LOAD_H

#include "rules/diagnostics.h"
#include "rules/expr_schema.h"
#include "rules/plan_build.h"
#include "rules/rule_test.h"
#include "rules/yaml_tree.h"

/* ---- mappings as tables (load_map.c, load_keys.def) ---- */

enum { /* what a key takes */
       LOAD_SCALAR = 1,
       LOAD_SEQUENCE = 2,
       LOAD_MAPPING = 4,
       LOAD_LIST = LOAD_SCALAR | LOAD_SEQUENCE, /* one text stands for a list of one */
       LOAD_ANY = LOAD_SCALAR | LOAD_SEQUENCE | LOAD_MAPPING
};
enum { /* flags of a key */
       LOAD_REQUIRED = 1,
       LOAD_NOT_YET = 2
};

struct load_map;
struct load_key {
    const char *name;
    unsigned accepts;
    unsigned flags;
    size_t offset;                 /* of a `const struct yaml_node *` in the struct */
    const struct load_map *inside; /* the mapping (or list of mappings) that it takes */
};
struct load_map {
    const char *what; /* "a rule" */
    const struct load_key *keys;
    size_t key_count;
};

extern const struct load_map load_file_map, load_rule_map, load_default_map, load_step_map,
    load_condition_map, load_branch_map, load_member_map, load_except_map, load_output_map,
    load_dedup_map, load_rate_map, load_test_map, load_test_event_map, load_test_expect_map,
    load_watermark_map, load_window_map, load_span_map, load_aggregate_map, load_fire_map,
    load_new_value_map, load_global_map, load_early_map;

enum { LOAD_VERB_COUNT = 6 };

struct load_file_nodes {
#define FILE_KEY(member, name, accepts, flags, inside) const struct yaml_node *member;
#include "rules/load_keys.def"
};
struct load_rule_nodes {
#define RULE_KEY(member, name, accepts, flags, inside) const struct yaml_node *member;
#include "rules/load_keys.def"
};
struct load_default_nodes {
#define DEFAULT_KEY(member, name, accepts, flags, inside) const struct yaml_node *member;
#include "rules/load_keys.def"
};
struct load_step_nodes {
    const struct yaml_node *verbs[LOAD_VERB_COUNT];
    const struct yaml_node *match, *where, *any_of, *all_of, *pattern, *times, *optional, *greedy,
        *consecutive, *combinations, *until, *gap, *loop_gap, *key_by;
};
struct load_condition_nodes {
#define CONDITION_KEY(member, name, accepts, flags, inside) const struct yaml_node *member;
#include "rules/load_keys.def"
};
struct load_branch_nodes {
#define BRANCH_KEY(member, name, accepts, flags, inside) const struct yaml_node *member;
#include "rules/load_keys.def"
};
struct load_member_nodes {
#define MEMBER_KEY(member, name, accepts, flags, inside) const struct yaml_node *member;
#include "rules/load_keys.def"
};
struct load_except_nodes {
#define EXCEPT_KEY(member, name, accepts, flags, inside) const struct yaml_node *member;
#include "rules/load_keys.def"
};
struct load_output_nodes {
#define OUTPUT_KEY(member, name, accepts, flags, inside) const struct yaml_node *member;
#include "rules/load_keys.def"
};
struct load_dedup_nodes {
#define DEDUP_KEY(member, name, accepts, flags, inside) const struct yaml_node *member;
#include "rules/load_keys.def"
};
struct load_rate_nodes {
#define RATE_KEY(member, name, accepts, flags, inside) const struct yaml_node *member;
#include "rules/load_keys.def"
};
struct load_test_nodes {
#define TEST_KEY(member, name, accepts, flags, inside) const struct yaml_node *member;
#include "rules/load_keys.def"
};
struct load_test_event_nodes {
#define TEST_EVENT_KEY(member, name, accepts, flags, inside) const struct yaml_node *member;
#include "rules/load_keys.def"
};
struct load_test_expect_nodes {
#define TEST_EXPECT_KEY(member, name, accepts, flags, inside) const struct yaml_node *member;
#include "rules/load_keys.def"
};
struct load_window_nodes {
    const struct yaml_node *kinds[RULE_WINDOW_KINDS];
    const struct yaml_node *offset, *expires, *time_zone, *allowed_lateness;
};
struct load_span_nodes {
#define SPAN_KEY(member, name, accepts, flags, inside) const struct yaml_node *member;
#include "rules/load_keys.def"
};
struct load_aggregate_nodes {
#define AGGREGATE_KEY(member, name, accepts, flags, inside) const struct yaml_node *member;
#include "rules/load_keys.def"
};
struct load_global_nodes {
#define GLOBAL_KEY(member, name, accepts, flags, inside) const struct yaml_node *member;
#include "rules/load_keys.def"
};
struct load_early_nodes {
#define EARLY_KEY(member, name, accepts, flags, inside) const struct yaml_node *member;
#include "rules/load_keys.def"
};
struct load_fire_nodes {
#define FIRE_KEY(member, name, accepts, flags, inside) const struct yaml_node *member;
#include "rules/load_keys.def"
};
struct load_new_value_nodes {
#define NEW_VALUE_KEY(member, name, accepts, flags, inside) const struct yaml_node *member;
#include "rules/load_keys.def"
};
struct load_watermark_nodes {
#define WATERMARK_KEY(member, name, accepts, flags, inside) const struct yaml_node *member;
#include "rules/load_keys.def"
};

/* ---- the loader ---- */

struct load_file {
    const char *name; /* lives as long as the plan */
    rt_source_id source;
    struct yaml_document document;
    struct load_file_nodes nodes;
    struct load_default_nodes defaults;
    struct rt_value params, lists; /* maps, in the plan's arena */
    struct expr_schema declared;   /* `fields` */
    bool has_fields;
    bool has_word;                 /* W018 was said */
    char lists_hash[33];           /* of `lists`, which may be long; empty: not yet computed */
    uint32_t line_number, line_at; /* the last line that was asked for, and a byte of it */
};

/* --set params.NAME=VALUE, read as the YAML scalar that it would be in the file. */
struct load_override {
    struct rt_text name; /* behind `params.` */
    const struct yaml_node *value;
    bool is_used;
};

struct loader {
    struct rt_diags *diags;
    struct rt_arena scratch;
    struct rt_arena *arena; /* the plan's */
    struct plan_builder *plan;
    const struct rule_load_options *options;
    struct load_file *file;          /* at hand */
    struct load_override *overrides; /* one per override */
    struct rt_map ids;               /* rule id -> its struct rt_span, in scratch */
    size_t errors_before;            /* in `diags` when loading began */
    enum rt_status status;
};

/* A rule while it is being read. */
struct load_rule {
    struct load_rule_nodes nodes;
    struct rule *rule;
    struct rt_value params, lists;
    struct expr_constant constants[2]; /* params, lists: in every scope */
    struct expr_step_name
        *steps; /* names in order of nfa step index; `available` as the alert sees it */
    size_t step_count;
    const struct expr_binding *names; /* of a window rule: `key` and the aggregates */
    size_t name_count;
    bool *
        previous_mentioned; /* by aggregate: an expression names its outcome in the window before */
    bool has_gap;     /* a step has `gap` or `loop_gap`: like `within` it lets matches time out */
    bool is_complete; /* false: something was reported */
};

#define LOAD_BYTES_MAX ((size_t)1 << 32) /* of scratch memory */

/* Registers the source and reads its YAML. */
void load_file(struct loader *loader, const struct rule_source *source, struct load_file *file);
void load_check_version(struct loader *loader, const struct load_file *file);

/* From the plan's arena, cleared; NULL sets `status`. */
void *load_alloc(struct loader *loader, size_t count, size_t bytes);
/* A copy in the plan's arena. */
const char *load_copy(struct loader *loader, struct rt_text text);

/* An error about a node, to which label, help and so on may be added. */
#define LOAD_ERROR(loader, code, node, ...)                                                        \
    rt_diag_add((loader)->diags, RT_SEVERITY_ERROR, RULE_DIAG_##code, (node)->span, __VA_ARGS__)

/*
 * Decodes a mapping: puts the node of each key into `target`, reports unknown, missing and wrong ones.  `parent` is the
 * mapping round it, for hints.  False if the node is no mapping at all.
 */
bool load_mapping(struct loader *loader, const struct yaml_node *node, const struct load_map *map,
                  const struct load_map *parent, void *target);

/* Some key of the mapping is unknown and near to `name`: then `name` is not missing. */
bool load_misspelt(const struct yaml_node *node, const struct load_map *map, const char *name);

/* The kinds in `accepts`; reports otherwise.  `what` names the value: "`tags`". */
bool load_accepts(struct loader *loader, const struct yaml_node *node, unsigned accepts,
                  const char *name);

/* Says that a word is none of `words`: E103 with the nearest one, or all of them. */
void load_unknown_word(struct loader *loader, const struct yaml_node *node, const char *name,
                       const char *const *words, size_t count);

/* ---- values (load_value.c): each reports and returns false when the node does not fit; NULL and broken are silent ---- */

bool load_text(struct loader *loader, const struct yaml_node *node, const char *name,
               const char **out);
bool load_bool(struct loader *loader, const struct yaml_node *node, const char *name, bool *out);
bool load_duration(struct loader *loader, const struct yaml_node *node, const char *name,
                   rt_duration *out);
/* The same, longer than nothing; else `code`. */
bool load_span(struct loader *loader, const struct yaml_node *node, const char *name,
               enum rule_diag code, rt_duration *out);
/* 1 to a million; `name`: "`max` is a number of alerts"; else `code`. */
bool load_number(struct loader *loader, const struct yaml_node *node, const char *name,
                 enum rule_diag code, uint32_t *out);
/* RFC 3339, or a day. */
bool load_time(struct loader *loader, const struct yaml_node *node, const char *name, rt_time *out);
bool load_word(struct loader *loader, const struct yaml_node *node, const char *name,
               const char *const *words, size_t count, size_t *out);
bool load_severity(struct loader *loader, const struct yaml_node *node, const char *name,
                   enum rule_severity *out);
/* A text or a list of texts. */
bool load_texts(struct loader *loader, const struct yaml_node *node, const char *name,
                const char *const **out, uint32_t *out_count);

/* A node as a value: scalars by their type, lists and maps as such.  In the plan's arena. */
bool load_value(struct loader *loader, const struct yaml_node *node, struct rt_value *out);
/* A node as JSON in one line, numbers as they were written.  In the plan's arena. */
bool load_json(struct loader *loader, const struct yaml_node *node, const char **out);
void load_put_json(struct loader *loader, const struct yaml_node *node, struct rt_buffer *out);

/* Holds a name, or each of a list, against those that there are; `names` NULL: any will do. */
void load_check_names(struct loader *loader, const struct yaml_node *node, const char *what,
                      unsigned code, const char *const *names, size_t count);

/* ---- expressions and conditions (load_condition.c, load_match.c) ---- */

/* What conditions of a rule can name; `steps` NULL: none. */
struct expr_scope load_scope(const struct loader *loader, const struct load_rule *load,
                             const struct expr_step_name *steps);

/* A scalar as an expression, checked. */
bool load_expr(struct loader *loader, const struct yaml_node *node, const struct expr_scope *scope,
               enum expr_want want, struct expr_tree **out);

/* The text of a scalar with the way back to the file, for a part of it that is an expression. */
bool load_expr_text(struct loader *loader, const struct yaml_node *node, struct expr_text *out);
/* Bytes [begin, end) of it as an expression, checked. */
bool load_expr_part(struct loader *loader, const struct expr_text *text, size_t begin, size_t end,
                    const struct expr_scope *scope, struct expr_tree **out);

bool load_template(struct loader *loader, const struct yaml_node *node,
                   const struct expr_scope *scope, struct expr_template_tree **out);

/* match, where and any_of of one mapping, joined by &&; *out is NULL if there is none of them. */
struct load_condition {
    const struct yaml_node *match, *where, *any_of;
};
bool load_condition(struct loader *loader, const struct load_condition *nodes,
                    const struct expr_scope *scope, struct expr_tree **out);

/* An expression that is put together, with the file offset of each byte. */
struct load_pieces {
    struct rt_buffer bytes;
    uint32_t *offsets; /* one per byte of `bytes`, in scratch */
    size_t capacity;
    rt_source_id source;
    uint32_t end; /* file offset behind the last byte */
    bool failed;
};
void load_pieces_init(struct load_pieces *pieces, const struct yaml_node *node);
void load_pieces_done(struct load_pieces *pieces);
/* Text that stands for [from, to) of the file. */
void load_pieces_add(struct loader *loader, struct load_pieces *pieces, struct rt_text text,
                     uint32_t from, uint32_t to);
void load_pieces_add_expr(struct loader *loader, struct load_pieces *pieces,
                          const struct expr_text *expr);
/* The match map as an expression: `event.a == "x" && !has(event.b)`. */
bool load_match_pieces(struct loader *loader, const struct yaml_node *match,
                       struct load_pieces *pieces);
/* Checks what was put together. */
bool load_pieces_check(struct loader *loader, struct load_pieces *pieces,
                       const struct expr_scope *scope, struct expr_tree **out);

/* ---- parts of a rule ---- */

/* One expression, a list or a map of them.  *out_parts: how many. */
bool load_key_by(struct loader *loader, const struct load_rule *load, const struct yaml_node *node,
                 uint32_t *out_keying, size_t *out_parts);
/* The same with what the keys are divided by behind them; each may be NULL.  *out_groups: how many parts of that. */
bool load_keying(struct loader *loader, const struct load_rule *load,
                 const struct yaml_node *key_by, const struct yaml_node *group_by,
                 uint32_t *out_keying, uint32_t *out_groups);
/* `key` and `group` as names, with the labels of their parts.  The rule's keying is loaded, or was refused: then any label goes. */
struct expr_binding load_key_name(struct loader *loader, const struct load_rule *load);
struct expr_binding load_group_name(struct loader *loader, const struct load_rule *load);
void load_pattern(struct loader *loader, struct load_rule *load);
/* window, aggregate, having, fire. */
void load_window(struct loader *loader, struct load_rule *load);
/* Of the outcome: RT_ABSENT when it depends on the values. */
enum rt_type load_aggregate_type(enum rule_aggregate_function function);
bool load_aggregate_is_number(enum rule_aggregate_function function);
/* A `baseline(NAME, SPAN)` among the aggregates. */
bool load_is_baseline(const struct yaml_node *value);
bool load_baseline(struct loader *loader, const struct yaml_node *value,
                   const struct rule_window *window, struct rule_baseline *out);
/* The names of what is remembered, behind the others; room for as many as there are aggregates and baselines. */
bool load_history_names(struct loader *loader, struct load_rule *load, struct rule_window *window,
                        struct expr_binding *names);
/* When everything that can name it has been read: what is remembered, and whether it can be. */
void load_history(struct loader *loader, struct load_rule *load);

/* load_trigger.c: `global`; `time_zone` and `allowed_lateness`; `early`.  False: something was reported. */
/* `expires`, without which a window of this `kind` does not end.  `example`: one that fits, for the message. */
bool load_window_expires(struct loader *loader, const struct yaml_node *node,
                         const struct load_window_nodes *window, const char *kind,
                         const char *example);
bool load_window_global(struct loader *loader, struct load_rule *load, const struct yaml_node *node,
                        const struct load_window_nodes *window, struct rule_window *out);
bool load_window_extras(struct loader *loader, const struct load_window_nodes *nodes,
                        struct rule_window *out);
bool load_window_early(struct loader *loader, const struct load_rule *load,
                       struct rule_window *out);
void load_outputs(struct loader *loader, struct load_rule *load);
void load_one_rule(struct loader *loader, const struct yaml_node *node);
/* When all rules are there: which of them read whose alerts. */
void load_feeds(struct loader *loader);
/* The hash of what the rule does: rule->revision. */
bool load_revision(struct loader *loader, struct load_rule *load);
/* What its saved state rests on. */
bool load_shape(struct loader *loader, struct load_rule *load);

/* params or lists of a mapping (NULL: none) on top of `base`; --set is applied to params. */
bool load_params(struct loader *loader, const struct yaml_node *node, struct rt_value base,
                 struct rt_value *out);
bool load_lists(struct loader *loader, const struct yaml_node *node, struct rt_value base,
                struct rt_value *out);
/* A path such as `meta.ts` that no expression names gets a slot.  False: there is none, which has been said. */
bool load_add_field(struct loader *loader, const char *path, rt_field_id *out);

/* `fields:` of a file -> file->declared (load_fields.c). */
void load_fields(struct loader *loader, struct load_file *file);
/* The values of --set, and at the end those that no rule had. */
bool load_read_overrides(struct loader *loader);
void load_check_overrides(struct loader *loader);

/* The tests of a rule; *out_rules gets the node of `rule:` of each, if wanted. */
bool load_tests(struct loader *loader, const struct yaml_node *node,
                const struct rule_test **out_tests, uint32_t *out_count,
                const struct yaml_node ***out_rules);

uint32_t load_line(const struct loader *loader, const struct yaml_node *node);

#endif
