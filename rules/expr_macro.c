/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Macros: calls that are recognised by name, shape and argument count and become nodes of their own.
 *
 *     has(e.f)                         HAS
 *     r.all(x, p)  r.all(i, v, p)      FOLD, with one or two variables
 *     r.map(x, t)  r.map(x, p, t)      FOLD with a filter
 *     sum(r, x, t)                     the function on r.map(x, t)
 *     cel.bind(x, init, e)             BIND
 *     o.optMap(x, e)                   OPT_MAP
 *
 * The same name with another number of arguments is a function.
 */
#include "rules/diagnostics.h"
#include "rules/expr_tree.h"

/* How the arguments behind the receiver are read. */
enum shape {
    SHAPE_BODY,           /* vars, body */
    SHAPE_TRANSFORM,      /* vars, body  or  vars, filter, body */
    SHAPE_ONE_VARIABLE,   /* x, body only */
    SHAPE_TRANSFORM_PAIR, /* i, v, body  or  i, v, filter, body */
};

static const struct {
    const char *name;
    enum expr_fold fold;
    enum shape shape;
} folds[] = {{"all", EXPR_FOLD_ALL, SHAPE_BODY},
             {"exists", EXPR_FOLD_EXISTS, SHAPE_BODY},
             {"exists_one", EXPR_FOLD_EXISTS_ONE, SHAPE_BODY},
             {"existsOne", EXPR_FOLD_EXISTS_ONE, SHAPE_BODY},
             {"map", EXPR_FOLD_MAP, SHAPE_TRANSFORM},
             {"filter", EXPR_FOLD_FILTER, SHAPE_ONE_VARIABLE},
             {"transformList", EXPR_FOLD_MAP, SHAPE_TRANSFORM_PAIR},
             {"transformMap", EXPR_FOLD_MAP_VALUES, SHAPE_TRANSFORM_PAIR},
             {"transformMapEntry", EXPR_FOLD_MAP_ENTRIES, SHAPE_TRANSFORM_PAIR}};

/* Functions over a list that also take (list, variable, expression). */
static const char *const aggregates[] = {"sum", "avg", "min", "max", "stddev", "distinct"};

static struct expr_node *refuse(struct expr_work *work, const struct expr_node *at,
                                const char *message)
{
    rt_diag_add(work->diags, RT_SEVERITY_ERROR, RULE_DIAG_EXPR_MACRO,
                expr_text_span(work->text, at->begin, at->end), "%s", message);
    work->status = RT_ERR_DIAG;
    return NULL;
}

static bool is_variable(const struct expr_node *node)
{
    return node->kind == EXPR_NAME && (node->flags & EXPR_FLAG_ROOT_DOT) == 0;
}

/* A node that takes the place of the call, with its span. */
static struct expr_node *in_place_of(struct expr_work *work, const struct expr_node *call,
                                     enum expr_kind kind, struct expr_node *const *children,
                                     size_t count)
{
    struct expr_node *node = expr_node_new(work, kind, call->begin, call->end);

    if (node == NULL)
        return NULL;
    node->name_begin = call->name_begin;
    node->name_end = call->name_end;
    node->macro = rt_arena_text(work->arena, call->name.data, call->name.length);
    if (node->macro == NULL) {
        work->status = RT_ERR_NOMEM;
        return NULL;
    }
    return expr_node_adopt(work, node, children, count) ? node : NULL;
}

/* has(e.f) */
static struct expr_node *expand_has(struct expr_work *work, struct expr_node *call)
{
    struct expr_node *argument = call->children[0], *node;

    if (argument->kind == EXPR_NAME) { /* a field of the event at hand: has(event.x) */
        struct expr_node *event = expr_node_new(work, EXPR_NAME, argument->begin, argument->begin);

        if (event == NULL)
            return NULL;
        event->name = rt_text_of("event");
        node = in_place_of(work, call, EXPR_HAS, &event, 1);
        if (node == NULL)
            return NULL;
        node->name = argument->name;
        return node;
    }
    if (argument->kind != EXPR_SELECT)
        return refuse(work, argument, "has() takes the selection of a field, has(event.x)");
    node = in_place_of(work, call, EXPR_HAS, argument->children, 1);
    if (node == NULL)
        return NULL;
    node->name = argument->name;
    node->name_begin = argument->name_begin;
    node->name_end = argument->name_end;
    node->flags = argument->flags;
    return node;
}

/* children of the call: receiver, `variables` names, [filter,] body */
static struct expr_node *expand_fold(struct expr_work *work, struct expr_node *call,
                                     enum expr_fold fold, unsigned variables)
{
    struct expr_node **arguments = call->children, *node;
    uint32_t last = call->child_count - 1;
    struct expr_node *children[3] = {arguments[0], arguments[last], NULL};
    bool filtered = last - variables == 2;

    for (unsigned i = 1; i <= variables; i++) {
        if (!is_variable(arguments[i]))
            return refuse(work, arguments[i], "the variable of a macro is a plain name");
    }
    if (variables == 2 && rt_text_equal(arguments[1]->name, arguments[2]->name))
        return refuse(work, arguments[2], "the two variables of a macro differ");
    if (filtered)
        children[2] = arguments[last - 1];
    node = in_place_of(work, call, EXPR_FOLD, children, filtered ? 3 : 2);
    if (node == NULL)
        return NULL;
    node->op = (uint8_t)fold;
    node->name = arguments[1]->name;
    if (variables == 2)
        node->name2 = arguments[2]->name;
    return node;
}

/* How many variables the arguments hold; 0: not this macro. */
static unsigned variables_of(enum shape shape, const struct expr_node *call)
{
    uint32_t count = call->child_count - 1;

    switch (shape) {
    case SHAPE_BODY:
        return count == 2 ? 1 : count == 3 ? 2 : 0;
    case SHAPE_TRANSFORM:
        return count == 2 || count == 3 ? 1 : 0;
    case SHAPE_ONE_VARIABLE:
        return count == 2 ? 1 : 0;
    case SHAPE_TRANSFORM_PAIR:
        return count == 3 || count == 4 ? 2 : 0;
    }
    return 0;
}

/* cel.bind(x, init, e): children are cel, x, init, e */
static struct expr_node *expand_bind(struct expr_work *work, struct expr_node *call)
{
    struct expr_node *node;

    if (!is_variable(call->children[1]))
        return refuse(work, call->children[1], "the variable of a macro is a plain name");
    node = in_place_of(work, call, EXPR_BIND, call->children + 2, 2);
    if (node != NULL)
        node->name = call->children[1]->name;
    return node;
}

/* o.optMap(x, e): children are o, x, e */
static struct expr_node *expand_optional(struct expr_work *work, struct expr_node *call, bool flat)
{
    struct expr_node *children[2] = {call->children[0], call->children[2]}, *node;

    if (!is_variable(call->children[1]))
        return refuse(work, call->children[1], "the variable of a macro is a plain name");
    node = in_place_of(work, call, EXPR_OPT_MAP, children, 2);
    if (node == NULL)
        return NULL;
    node->name = call->children[1]->name;
    node->op = flat;
    return node;
}

/* sum(list, x, e) is sum(list.map(x, e)) */
static struct expr_node *expand_aggregate(struct expr_work *work, struct expr_node *call)
{
    struct expr_node *list = expand_fold(work, call, EXPR_FOLD_MAP, 1);

    if (list == NULL)
        return NULL;
    list->macro = "map";
    return expr_node_adopt(work, call, &list, 1) ? call : NULL;
}

static struct expr_node *expand_member(struct expr_work *work, struct expr_node *call)
{
    const struct expr_node *receiver = call->children[0];

    if (receiver->kind == EXPR_NAME && rt_text_is(receiver->name, "cel") &&
        rt_text_is(call->name, "bind") && call->child_count == 4)
        return expand_bind(work, call);
    if (call->child_count == 3 && rt_text_is(call->name, "optMap"))
        return expand_optional(work, call, false);
    if (call->child_count == 3 && rt_text_is(call->name, "optFlatMap"))
        return expand_optional(work, call, true);
    for (size_t i = 0; i < sizeof(folds) / sizeof(folds[0]); i++) {
        unsigned variables;

        if (!rt_text_is(call->name, folds[i].name))
            continue;
        variables = variables_of(folds[i].shape, call);
        return variables == 0 ? call : expand_fold(work, call, folds[i].fold, variables);
    }
    return call;
}

struct expr_node *expr_macro_expand(struct expr_work *work, struct expr_node *call)
{
    if ((call->flags & EXPR_FLAG_MEMBER) != 0)
        return expand_member(work, call);
    if (rt_text_is(call->name, "has") && call->child_count == 1)
        return expand_has(work, call);
    for (size_t i = 0; i < sizeof(aggregates) / sizeof(aggregates[0]); i++) {
        if (rt_text_is(call->name, aggregates[i]) && call->child_count == 3 &&
            is_variable(call->children[1]))
            return expand_aggregate(work, call);
    }
    return call;
}
