/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Constant folding: a node whose parts are all known becomes its value, by the operators that the machine uses.
 *
 * A part that fails stays as it is, because `&&` and `||` may not need it; the author is told.
 */
#include "rules/diagnostics.h"
#include "rules/expr_tree.h"
#include "runtime/base/assert.h"

enum { FOLD_FUEL = 100000 };

typedef struct rt_value binary_fn(struct expr_call *call, struct rt_value left,
                                  struct rt_value right);

struct rt_value expr_apply_binary(struct expr_call *call, enum expr_operator op,
                                  struct rt_value left, struct rt_value right)
{
    static binary_fn *const functions[] = {
        [EXPR_OP_EQUAL] = expr_op_equal,
        [EXPR_OP_NOT_EQUAL] = expr_op_not_equal,
        [EXPR_OP_LESS] = expr_op_less,
        [EXPR_OP_LESS_EQUAL] = expr_op_less_equal,
        [EXPR_OP_GREATER] = expr_op_greater,
        [EXPR_OP_GREATER_EQUAL] = expr_op_greater_equal,
        [EXPR_OP_IN] = expr_op_in,
        [EXPR_OP_ADD] = expr_op_add,
        [EXPR_OP_SUBTRACT] = expr_op_subtract,
        [EXPR_OP_MULTIPLY] = expr_op_multiply,
        [EXPR_OP_DIVIDE] = expr_op_divide,
        [EXPR_OP_REMAINDER] = expr_op_remainder,
    };

    return functions[op](call, left, right);
}

static bool all_constant(const struct expr_node *node)
{
    for (uint32_t i = 0; i < node->child_count; i++) {
        if (node->children[i]->kind != EXPR_CONSTANT || rt_is_error(node->children[i]->value))
            return false;
    }
    return true;
}

static bool is_bool(const struct expr_node *node, bool value)
{
    return node->kind == EXPR_CONSTANT && node->value.type == RT_BOOL &&
           node->value.u.boolean == value;
}

static struct expr_node *replace(struct expr_node *node, struct rt_value value)
{
    node->kind = EXPR_CONSTANT;
    node->child_count = 0;
    node->depth = 1;
    node->value = value;
    node->name = (struct rt_text){NULL, 0};
    return node;
}

/* An operand of a chain that is as good as its own operands: folding has made it a chain of the same kind, or left it one. */
static bool dissolves(const struct expr_node *chain, const struct expr_node *operand)
{
    return operand->kind == chain->kind ||
           ((operand->kind == EXPR_AND || operand->kind == EXPR_OR) && operand->child_count == 1);
}

/* Chains stay flat (R4). */
static bool splice(struct expr_work *work, struct expr_node *node)
{
    struct expr_node **flat;
    uint32_t total = 0, count = 0;

    for (uint32_t i = 0; i < node->child_count; i++)
        total += dissolves(node, node->children[i]) ? node->children[i]->child_count : 1;
    flat = rt_arena_array(work->arena, total, sizeof(struct expr_node *));
    if (flat == NULL) {
        work->status = RT_ERR_NOMEM;
        return false;
    }
    for (uint32_t i = 0; i < node->child_count; i++) {
        struct expr_node *child = node->children[i];

        if (!dissolves(node, child))
            flat[count++] = child;
        for (uint32_t k = 0; dissolves(node, child) && k < child->child_count; k++)
            flat[count++] = child->children[k];
    }
    node->children = flat;
    node->child_count = total;
    return true;
}

/* Operands that decide nothing go; one that decides all is the result. */
static struct expr_node *fold_chain(struct expr_work *work, struct expr_node *node)
{
    bool neutral = node->kind == EXPR_AND;
    uint32_t count = 0;

    if (!splice(work, node))
        return NULL;
    for (uint32_t i = 0; i < node->child_count; i++) {
        if (is_bool(node->children[i], !neutral))
            return replace(node, rt_bool(!neutral));
        if (!is_bool(node->children[i], neutral))
            node->children[count++] = node->children[i];
    }
    if (count == 0)
        return replace(node, rt_bool(neutral));
    node->child_count = count;
    return count == 1 && node->children[0]->type.base == RT_BOOL ? node->children[0] : node;
}

static struct expr_node *fold_list(struct expr_work *work, struct expr_node *node)
{
    struct rt_value list = {.type = RT_LIST, .length = node->child_count};
    struct rt_value *items = rt_arena_array(work->arena, node->child_count + 1u, sizeof(*items));

    for (uint32_t i = 0; i < node->child_count; i++) {
        if ((node->children[i]->flags & EXPR_FLAG_OPTIONAL_ENTRY) != 0)
            return node;
        if (items != NULL)
            items[i] = node->children[i]->value;
    }
    list.u.items = items;
    if (items == NULL || expr_value_index(list, work->arena, &list) != RT_OK) {
        work->status = RT_ERR_NOMEM;
        return NULL;
    }
    return replace(node, list);
}

static struct expr_node *fold_map(struct expr_work *work, struct expr_node *node)
{
    struct rt_value map = {.type = RT_MAP, .length = node->child_count / 2};
    struct rt_map_entry *entries =
        rt_arena_array(work->arena, node->child_count / 2 + 1u, sizeof(*entries));

    for (uint32_t i = 0; i < node->child_count; i += 2) {
        uint8_t type = node->children[i]->value.type;

        if ((node->children[i]->flags & EXPR_FLAG_OPTIONAL_ENTRY) != 0 ||
            node->children[i]->type.base == RT_ERROR ||
            (type != RT_INT && type != RT_UINT && type != RT_BOOL && type != RT_STRING))
            return node;
        if (entries != NULL)
            entries[i / 2] =
                (struct rt_map_entry){node->children[i]->value, node->children[i + 1]->value};
    }
    map.u.entries = entries;
    if (entries == NULL || expr_value_index(map, work->arena, &map) != RT_OK) {
        work->status = RT_ERR_NOMEM;
        return NULL;
    }
    return replace(node, map);
}

static struct rt_value call_constant(struct expr_call *call, const struct expr_node *node)
{
    struct rt_value args[16];

    if (node->child_count > sizeof(args) / sizeof(args[0]) || node->function == NULL)
        return rt_error(RT_ERROR_LIMIT);
    for (uint32_t i = 0; i < node->child_count; i++)
        args[i] = node->children[i]->value;
    return node->function->call(call, args, node->child_count);
}

static struct rt_value evaluate(struct expr_call *call, const struct expr_node *node)
{
    bool optional = (node->flags & EXPR_FLAG_OPTIONAL) != 0;
    struct rt_value first = node->child_count > 0 ? node->children[0]->value : rt_null();

    switch ((enum expr_kind)node->kind) {
    case EXPR_UNARY:
        return node->op == EXPR_OP_NOT ? expr_op_not(call, first) : expr_op_negate(call, first);
    case EXPR_BINARY:
        return expr_apply_binary(call, (enum expr_operator)node->op, first,
                                 node->children[1]->value);
    case EXPR_SELECT:
        return optional ? expr_op_optional_select(call, first, node->name)
                        : expr_op_select(call, first, node->name);
    case EXPR_INDEX:
        return optional ? expr_op_optional_index(call, first, node->children[1]->value)
                        : expr_op_index(call, first, node->children[1]->value);
    case EXPR_HAS:
        return expr_op_has(call, first, node->name);
    default:
        RT_ASSERT(node->kind == EXPR_CALL);
        return call_constant(call, node);
    }
}

/* Conversions of a text that the author wrote: a mistake for certain. */
static bool is_conversion(const struct expr_node *node)
{
    static const char *const names[] = {"timestamp", "duration", "ip", "cidr"};

    for (size_t i = 0; node->kind == EXPR_CALL && i < sizeof(names) / sizeof(names[0]); i++) {
        if (rt_text_is(node->name, names[i]))
            return true;
    }
    return false;
}

static void report_failure(struct expr_work *work, const struct expr_node *node,
                           struct rt_value error)
{
    bool pattern = error.aux == RT_ERROR_PATTERN, certain = pattern || is_conversion(node);
    const char *phrase = error.u.text;

    if (work->quiet || error.aux == RT_ERROR_LIMIT)
        return;
    rt_diag_add(work->diags, certain ? RT_SEVERITY_ERROR : RT_SEVERITY_WARNING,
                pattern ? RULE_DIAG_EXPR_PATTERN : RULE_DIAG_EXPR_CONSTANT,
                expr_text_span(work->text, node->begin, node->end),
                "this part has no value, whatever the event%s%s", phrase == NULL ? "" : ": ",
                phrase == NULL ? "" : phrase);
    if (certain)
        work->status = RT_ERR_DIAG;
}

/* The type that a folded value is known by: what params hold has a type, dyn(1) has none. */
static struct expr_type folded_type(const struct expr_node *node, struct rt_value value)
{
    struct expr_type type = node->type;

    if (node->kind == EXPR_SELECT && node->children[0]->name.length > 0) {
        type.base = value.type;
        type.item = RT_ABSENT;
    }
    return type;
}

static struct expr_node *fold_value(struct expr_work *work, struct expr_node *node)
{
    struct expr_call call = {.scratch = work->arena, .fuel = FOLD_FUEL, .caches = work->caches};
    struct expr_type type;
    struct rt_value value;
    struct rt_text name = {NULL, 0};

    if (work->caches == NULL) {
        enum rt_status status = expr_caches_new(&work->caches);

        if (status != RT_OK) {
            work->status = status;
            return NULL;
        }
        call.caches = work->caches;
    }
    value = evaluate(&call, node);
    if (rt_is_error(value)) {
        report_failure(work, node, value);
        return node;
    }
    type = folded_type(node, value);
    /* An entry of params keeps its name, so that a wrong one below it is reported as such. */
    if (node->kind == EXPR_SELECT && node->children[0]->name.length > 0 && value.type == RT_MAP)
        name = node->name;
    replace(node, value);
    node->type = type;
    node->name = name;
    return node;
}

struct expr_node *expr_fold_constants(struct expr_work *work, struct expr_node *node)
{
    if (node->type.base == RT_ERROR)
        return node;
    if (node->kind == EXPR_AND || node->kind == EXPR_OR)
        return fold_chain(work, node);
    if (node->kind == EXPR_CONDITIONAL) {
        if (is_bool(node->children[0], true))
            return node->children[1];
        return is_bool(node->children[0], false) ? node->children[2] : node;
    }
    if (!all_constant(node) || (node->kind == EXPR_CALL && node->child_count == 0))
        return node;
    if (node->kind == EXPR_LIST)
        return fold_list(work, node);
    if (node->kind == EXPR_MAP)
        return fold_map(work, node);
    return fold_value(work, node);
}
