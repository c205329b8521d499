/* SPDX-License-Identifier: Apache-2.0 */
/* From text to a checked tree, and what can be said about one. */
#include "rules/diagnostics.h"
#include "rules/expr_checker.h"

enum { PRINT_MAX = 64 << 20 };

static enum rt_status take_fingerprint(struct expr_tree *tree)
{
    struct rt_buffer text;

    rt_buffer_init(&text, PRINT_MAX);
    expr_tree_print(tree, &text);
    if (text.failed) {
        rt_buffer_done(&text);
        return RT_ERR_NOMEM;
    }
    tree->fingerprint = rt_hash128(text.data, text.length);
    rt_buffer_done(&text);
    return RT_OK;
}

/* What is kept beside the root: the fingerprint, and the operands of a root `&&` as trees. */
static enum rt_status finish_tree(struct rt_arena *arena, const struct expr_text *text,
                                  struct expr_tree *tree)
{
    const struct expr_node *root = tree->root;
    enum rt_status status = take_fingerprint(tree);

    if (status != RT_OK || root->kind != EXPR_AND)
        return status;
    tree->conjuncts = rt_arena_array(arena, root->child_count, sizeof(*tree->conjuncts));
    if (tree->conjuncts == NULL)
        return RT_ERR_NOMEM;
    for (uint32_t i = 0; i < root->child_count && status == RT_OK; i++) {
        tree->conjuncts[i].root = root->children[i];
        tree->conjuncts[i].variable_count = tree->variable_count;
        if (text != NULL)
            tree->conjuncts[i].span =
                expr_text_span(text, root->children[i]->begin, root->children[i]->end);
        status = take_fingerprint(&tree->conjuncts[i]);
    }
    return status;
}

static bool can_be_text(uint8_t type)
{
    return type != RT_LIST && type != RT_MAP && type != RT_EVENT && type != RT_OPTIONAL &&
           type != RT_TYPE && type != RT_NULL;
}

/* Is the result of the type that the place wants? */
static void check_want(struct expr_work *work, const struct expr_node *root, enum expr_want want)
{
    uint8_t type = root->type.base;
    struct rt_span span = expr_text_span(work->text, root->begin, root->end);
    unsigned blame = expr_blame(root, RULE_DIAG_EXPR_RESULT);
    enum rt_severity severity = expr_blame_severity(blame);

    if (type == RT_ABSENT || type == RT_ERROR)
        return;
    if (want == EXPR_WANT_BOOL && type != RT_BOOL) {
        struct rt_diag *diag = rt_diag_add(work->diags, severity, blame, span,
                                           "a condition is true or false, and this is %s",
                                           expr_type_phrase(root->type));

        if (type == RT_STRING)
            rt_diag_help(work->diags, diag, "compare it, x != \"\"");
    } else if (want == EXPR_WANT_TEXT && !can_be_text(type)) {
        rt_diag_add(work->diags, severity, blame, span,
                    "this is %s, which cannot be written as text", expr_type_phrase(root->type));
    } else {
        return;
    }
    if (severity == RT_SEVERITY_ERROR)
        work->status = RT_ERR_DIAG;
}

/* A condition that folds to a constant though the author wrote more than one. */
static void warn_constant(struct expr_work *work, const struct expr_node *root, enum expr_want want,
                          bool was_constant)
{
    if (want != EXPR_WANT_BOOL || was_constant || root->kind != EXPR_CONSTANT ||
        root->value.type != RT_BOOL)
        return;
    rt_diag_add(work->diags, RT_SEVERITY_WARNING, RULE_DIAG_EXPR_ALWAYS,
                expr_text_span(work->text, 0, work->text->text.length),
                "this condition is always %s", root->value.u.boolean ? "true" : "false");
}

/* Reports what every evaluation would have to give up. */
static bool is_affordable(struct expr_work *work, const struct expr_node *root)
{
    struct expr_cost cost = expr_node_cost(root);
    struct rt_diag *diag;

    if (cost.terms[0] <= EXPR_STEPS_MAX)
        return true;
    diag = rt_diag_add(work->diags, RT_SEVERITY_ERROR, RULE_DIAG_EXPR_COST,
                       expr_text_span(work->text, root->begin, root->end),
                       "this takes up to %llu steps, and one evaluation has %d",
                       (unsigned long long)cost.terms[0], EXPR_STEPS_MAX);
    rt_diag_help(work->diags, diag,
                 "a macro over a list of constants inside another multiplies their lengths; `x in "
                 "list` costs one step");
    work->status = RT_ERR_DIAG;
    return false;
}

static enum rt_status check_tree(struct expr_work *work, const struct expr_scope *scope,
                                 enum expr_want want, struct expr_tree *tree)
{
    bool was_constant;

    tree->root = expr_parse(work);
    if (tree->root == NULL)
        return work->status;
    was_constant = tree->root->kind == EXPR_CONSTANT;
    tree->root = expr_resolve(work, scope, tree->root, &tree->variable_count);
    if (tree->root == NULL)
        return work->status;
    if (!scope->unchecked)
        check_want(work, tree->root, want);
    if (work->status != RT_OK || !expr_tree_fits(work, tree->root) ||
        (!scope->unchecked && !is_affordable(work, tree->root)))
        return work->status;
    warn_constant(work, tree->root, want, was_constant);
    tree->span = expr_text_span(work->text, tree->root->begin, tree->root->end);
    return finish_tree(work->arena, work->text, tree);
}

enum rt_status expr_check(const struct expr_text *text, const struct expr_scope *scope,
                          enum expr_want want, struct rt_arena *arena, struct rt_diags *diags,
                          struct expr_tree **out)
{
    struct expr_work work = {
        .text = text, .arena = arena, .diags = diags, .quiet = scope->unchecked};
    struct expr_tree *tree = rt_arena_alloc(arena, sizeof(*tree));
    enum rt_status status;

    if (tree == NULL)
        return RT_ERR_NOMEM;
    status = check_tree(&work, scope, want, tree);
    expr_caches_free(work.caches);
    if (rt_diags_failed(diags))
        status = RT_ERR_NOMEM;
    if (status != RT_OK)
        return status;
    *out = tree;
    return RT_OK;
}

/* ---- joining ---- */

static uint32_t operand_count(const struct expr_node *node)
{
    return node->kind == EXPR_AND ? node->child_count : 1;
}

static void put_operands(struct expr_node *node, struct expr_node **out)
{
    if (node->kind != EXPR_AND)
        *out = node;
    else
        memcpy(out, node->children, node->child_count * sizeof(struct expr_node *));
}

static void put_spans(const struct expr_tree *tree, struct expr_tree *out)
{
    if (tree->conjuncts == NULL)
        out->span = tree->span;
    for (uint32_t i = 0; tree->conjuncts != NULL && i < tree->root->child_count; i++)
        out[i].span = tree->conjuncts[i].span;
}

enum rt_status expr_tree_and(struct rt_arena *arena, struct expr_tree *left,
                             struct expr_tree *right, struct expr_tree **out)
{
    struct expr_tree *tree;
    struct expr_node *node;
    uint32_t left_count, right_count;
    enum rt_status status;

    if (left == NULL || right == NULL) {
        *out = left == NULL ? right : left;
        return RT_OK;
    }
    left_count = operand_count(left->root);
    right_count = operand_count(right->root);
    tree = rt_arena_alloc(arena, sizeof(*tree));
    node = rt_arena_alloc(arena, sizeof(*node));
    if (tree == NULL || node == NULL)
        return RT_ERR_NOMEM;
    node->kind = EXPR_AND;
    node->type.base = RT_BOOL;
    node->child_count = left_count + right_count;
    node->children = rt_arena_array(arena, node->child_count, sizeof(struct expr_node *));
    if (node->children == NULL)
        return RT_ERR_NOMEM;
    put_operands(left->root, node->children);
    put_operands(right->root, node->children + left_count);
    node->depth = (uint16_t)(1 + (left->root->depth > right->root->depth ? left->root->depth
                                                                         : right->root->depth));
    tree->root = node;
    tree->variable_count =
        left->variable_count > right->variable_count ? left->variable_count : right->variable_count;
    tree->span = left->span;
    *out = tree;
    status = finish_tree(arena, NULL, tree);
    if (status == RT_OK) {
        put_spans(left, tree->conjuncts);
        put_spans(right, tree->conjuncts + left_count);
    }
    return status;
}

/* ---- facts ---- */

// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static unsigned node_uses(const struct expr_node *node)
{
    unsigned uses = 0;

    if (node->kind == EXPR_FIELD || node->kind == EXPR_FIELD_HAS ||
        (node->kind == EXPR_EVENT_TIME && node->child_count == 0))
        uses = EXPR_USES_EVENT;
    else if (node->kind == EXPR_STEP)
        uses = EXPR_USES_STEPS;
    else if (node->kind == EXPR_BINDING_NAME)
        uses = EXPR_USES_BINDINGS;
    for (uint32_t i = 0; i < node->child_count; i++)
        uses |= node_uses(node->children[i]);
    return uses;
}

unsigned expr_tree_uses(const struct expr_tree *tree)
{
    return node_uses(tree->root);
}

// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static bool node_uses_binding(const struct expr_node *node, uint32_t index)
{
    if (node->kind == EXPR_BINDING_NAME && node->id == index)
        return true;
    for (uint32_t i = 0; i < node->child_count; i++) {
        if (node_uses_binding(node->children[i], index))
            return true;
    }
    return false;
}

bool expr_tree_uses_binding(const struct expr_tree *tree, uint32_t index)
{
    return node_uses_binding(tree->root, index);
}

struct rt_span expr_tree_span(const struct expr_tree *tree)
{
    return tree->span;
}

enum rt_type expr_tree_type(const struct expr_tree *tree)
{
    return (enum rt_type)tree->root->type.base;
}

size_t expr_tree_conjunct_count(const struct expr_tree *tree)
{
    return tree->conjuncts == NULL ? 1 : tree->root->child_count;
}

const struct expr_tree *expr_tree_conjunct(const struct expr_tree *tree, size_t index)
{
    return tree->conjuncts == NULL ? tree : &tree->conjuncts[index];
}

size_t expr_tree_conjuncts(struct expr_tree *tree, struct expr_tree **out, size_t max)
{
    size_t count = expr_tree_conjunct_count(tree);

    for (size_t i = 0; i < count && i < max; i++)
        out[i] = tree->conjuncts == NULL ? tree : &tree->conjuncts[i];
    return count;
}

struct rt_hash128 expr_tree_fingerprint(const struct expr_tree *tree)
{
    return tree->fingerprint;
}
