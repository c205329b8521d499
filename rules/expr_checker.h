/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expr_checker.h - what the files of the checker share: expr_resolve.c (names, selections), expr_check.c (operators,
 * macros, literals), expr_check_call.c (functions), expr_type.c (which types can meet).
 *
 * H1  A mistake is reported once, at the smallest part that has it; that node's type becomes RT_ERROR, and whatever
 *     holds it stays silent.  Siblings are still checked.
 * H2  The functions return the node that takes the place of the one given, or NULL without memory.
 * H3  A captured event whose use is not known in full keeps the whole event (check_escape).
 */
#ifndef EGRET_RULES_EXPR_CHECKER_H
#define EGRET_RULES_EXPR_CHECKER_H

#include "rules/diagnostics.h"
#include "rules/expr_schema.h"
#include "rules/expr_tree.h"

/* A macro's variable; the list lives on the checker's stack. */
struct expr_variable {
    struct rt_text name;
    struct expr_type type;
    uint32_t id;
    const struct expr_variable *outer;
};

struct expr_checker {
    struct expr_work *work;
    const struct expr_scope *scope;
    const struct expr_variable *innermost;
    uint32_t variable_count;
    unsigned fold_depth;
    bool
        names_types; /* int, string, ... are types here: the other side of a comparison with type(x) */
};

enum {                        /* op of a field */
       EXPR_FROM_SAMPLE = 1,  /* its type is what the sample's events had */
       EXPR_MAY_BE_ABSENT = 2 /* declared so */
};

/* ---- types ---- */

static inline struct expr_type expr_type_of(enum rt_type base)
{
    return (struct expr_type){(uint8_t)base, RT_ABSENT};
}
static inline bool expr_is_poisoned(const struct expr_node *node)
{
    return node->type.base == RT_ERROR;
}
static inline bool expr_is_known(struct expr_type type)
{
    return type.base != RT_ABSENT && type.base != RT_ERROR;
}
/* A type as people say it, with its article: "an int", "a list of events". */
const char *expr_type_phrase(struct expr_type type);
struct expr_type expr_value_type(struct rt_value value);
/* The type of `left op right`; base RT_ERROR if no values of these types can meet. */
struct expr_type expr_binary_type(enum expr_operator op, struct expr_type left,
                                  struct expr_type right);
/* The result type of the overloads in `types` that fit; base RT_ERROR if none does. */
struct expr_type expr_overload_type(const char *types, struct expr_node *const *args, size_t count);

/* ---- the checker ---- */

struct expr_node *expr_check_node(struct expr_checker *checker, struct expr_node *node);
struct expr_node *expr_check_selection(struct expr_checker *checker, struct expr_node *node);
struct expr_node *expr_check_has(struct expr_checker *checker, struct expr_node *node);
struct expr_node *expr_check_call(struct expr_checker *checker, struct expr_node *node);

/* Marks the node as reported. */
struct expr_node *expr_poison(struct expr_checker *checker, struct expr_node *node);
/* The code of a report at the node: types that only a sample speaks for are a warning of its own. */
unsigned expr_blame(const struct expr_node *node, unsigned code);
static inline enum rt_severity expr_blame_severity(unsigned blame)
{
    return blame == RULE_DIAG_SAMPLE_TYPE ? RT_SEVERITY_WARNING : RT_SEVERITY_ERROR;
}
/* The same behind a report; the diagnostic goes through, for its label and help. */
struct rt_diag *expr_reported(struct expr_checker *checker, struct expr_node *node, unsigned blame,
                              struct rt_diag *diag);
/* The diagnostic at the node, which is marked as reported. */
#define expr_report(checker, node, code, ...)                                                      \
    expr_reported((checker), (node), expr_blame((node), (code)),                                   \
                  rt_diag_add((checker)->work->diags,                                              \
                              expr_blame_severity(expr_blame((node), (code))),                     \
                              expr_blame((node), (code)),                                          \
                              expr_text_span((checker)->work->text, (node)->begin, (node)->end),   \
                              __VA_ARGS__))

/* ---- declared and sampled fields (expr_declared.c) ---- */

/* Says where the types of the fields in a node come from that could not meet. */
void expr_explain_types(const struct expr_checker *checker, const struct expr_node *node,
                        struct rt_diag *diag);
/* Warns of a name that stands for something else than the field that the events are known to have. */
void expr_warn_hidden(struct expr_checker *checker, const struct expr_node *name);
/* Warns of a name that is no step's but near to one. */
void expr_warn_near_step(struct expr_checker *checker, const struct expr_node *name);
/* The same of name.member and params, lists, key and event. */
void expr_warn_near_root(struct expr_checker *checker, const struct expr_node *name,
                         struct rt_text member);
/* Warns of negated tests of fields that may be absent, when nothing asks whether they are there. */
void expr_warn_negations(struct expr_checker *checker, const struct expr_node *root);
/* Reports a field that no event of the sample has. */
void expr_report_unseen(struct expr_checker *checker, struct expr_node *node);
/* Gives the field node its type, and reports one that should not be there. */
void expr_declare_field(struct expr_checker *checker, struct expr_node *node);
/* The node, or what makes the declared type of what an event has: timestamp(x), x * 1.0.  NULL: no memory. */
struct expr_node *expr_convert_field(struct expr_checker *checker, struct expr_node *node);
/* Back to the field itself, where its value serves as it comes.  `kind`: EXPR_BINARY of numbers, EXPR_CALL of others. */
struct expr_node *expr_unconverted(struct expr_node *node, enum expr_kind kind);

/* The node's events are used in a way that the checker cannot follow. */
void expr_check_escape(struct expr_checker *checker, struct expr_node *node);

/* The variable of that name, NULL if there is none. */
const struct expr_variable *expr_find_variable(const struct expr_checker *checker,
                                               struct rt_text name);
/* The step of that name unless a variable hides it. */
const struct expr_step_name *expr_find_step(const struct expr_checker *checker,
                                            const struct expr_node *name);
/* `event`, when nothing hides it. */
bool expr_is_event_root(const struct expr_checker *checker, const struct expr_node *node);

#endif
