/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a checked tree to code: one function per kind of node, results in the register that the parent names.
 *
 * Operands of `&&` and `||` that compare a field with a constant become one instruction with the exit in it.
 */
#include "rules/diagnostics.h"
#include "rules/expr_checker.h"
#include "rules/expr_emitter.h"
#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"

static void emit_node(struct expr_emitter *emitter, const struct expr_node *node, unsigned dst);

static unsigned parent_slot(const struct expr_emitter *emitter, const struct expr_node *node)
{
    return node->has_parent ? expr_emit_slot(emitter, node->parent) : EXPR_NO_OPERAND;
}

/* ---- logic ---- */

// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static void emit_chain(struct expr_emitter *emitter, const struct expr_node *node, unsigned dst)
{
    bool conjunction = node->kind == EXPR_AND;
    unsigned pending = EXPR_NO_OPERAND;

    expr_emit(emitter, EXPR_CODE_CONSTANT, dst, expr_emit_constant(emitter, rt_bool(conjunction)),
              0, 0);
    for (uint32_t i = 0; i < node->child_count; i++) {
        struct expr_field_test test;

        if (expr_as_field_test(emitter, node->children[i], true, &test)) {
            expr_emit_jump(emitter, test.op + (conjunction ? 1 : 2), dst, test.slot, test.constant,
                           &pending);
        } else {
            emit_node(emitter, node->children[i], dst + 1);
            expr_emit_jump(emitter, conjunction ? EXPR_CODE_AND : EXPR_CODE_OR, dst, dst + 1, 0,
                           &pending);
        }
    }
    expr_emit_land(emitter, pending);
}

// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static void emit_conditional(struct expr_emitter *emitter, const struct expr_node *node,
                             unsigned dst)
{
    unsigned pending = EXPR_NO_OPERAND, branch;

    emit_node(emitter, node->children[0], dst);
    branch = expr_emit_here(emitter);
    expr_emit_jump(emitter, EXPR_CODE_BRANCH, dst, dst, 0, &pending);
    emit_node(emitter, node->children[1], dst);
    expr_emit_jump(emitter, EXPR_CODE_JUMP, 0, 0, 0, &pending);
    if (emitter->status == RT_OK)
        emitter->expr->code[branch].b = (uint16_t)expr_emit_here(emitter);
    emit_node(emitter, node->children[2], dst);
    expr_emit_land(emitter, pending);
}

/* ---- macros ---- */

/* dst: range, dst + 1: position, dst + 2: result, then the variables, then what the body needs */
// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static void emit_fold(struct expr_emitter *emitter, const struct expr_node *node, unsigned dst)
{
    unsigned variables = node->name2.length > 0 ? 2 : 1, first = dst + 3;
    unsigned body = first + variables, pending = EXPR_NO_OPERAND, next;

    if (body >= EXPR_REGISTERS) {
        emitter->status = RT_ERR_LIMIT;
        return;
    }
    for (unsigned i = 0; i < variables; i++)
        emitter->registers[node->id + i] = (uint8_t)(first + i);
    emit_node(emitter, node->children[0], dst);
    expr_emit_jump(emitter, EXPR_CODE_FOLD, dst, node->op, 0, &pending);
    next = expr_emit_here(emitter);
    expr_emit_jump(emitter, EXPR_CODE_FOLD_NEXT, dst, first, variables, &pending);
    if (node->child_count == 3) {
        emit_node(emitter, node->children[2], body);
        expr_emit_jump(emitter, EXPR_CODE_FOLD_FILTER, dst, body, next, &pending);
    }
    emit_node(emitter, node->children[1], body);
    expr_emit_jump(emitter, EXPR_CODE_FOLD_STEP, dst, body, node->op, &pending);
    expr_emit(emitter, EXPR_CODE_JUMP, 0, 0, 0, next);
    expr_emit_land(emitter, pending);
    expr_emit(emitter, EXPR_CODE_FOLD_END, dst, node->op, 0, 0);
}

// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static void emit_bind(struct expr_emitter *emitter, const struct expr_node *node, unsigned dst)
{
    /* An error in the value is a value here, so evaluating it at once is as good as lazily. */
    if (dst + 1 >= EXPR_REGISTERS) {
        emitter->status = RT_ERR_LIMIT;
        return;
    }
    emitter->registers[node->id] = (uint8_t)(dst + 1);
    emit_node(emitter, node->children[0], dst + 1);
    emit_node(emitter, node->children[1], dst + 2);
    expr_emit(emitter, EXPR_CODE_MOVE, dst, dst + 2, 0, 0);
}

// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static void emit_optional_map(struct expr_emitter *emitter, const struct expr_node *node,
                              unsigned dst)
{
    unsigned pending = EXPR_NO_OPERAND;

    if (dst + 1 >= EXPR_REGISTERS) {
        emitter->status = RT_ERR_LIMIT;
        return;
    }
    emitter->registers[node->id] = (uint8_t)(dst + 1);
    emit_node(emitter, node->children[0], dst);
    expr_emit_jump(emitter, EXPR_CODE_OPTIONAL_OPEN, dst, dst + 1, 0, &pending);
    emit_node(emitter, node->children[1], dst + 2);
    expr_emit(emitter, node->op == 0 ? EXPR_CODE_OPTIONAL_OF : EXPR_CODE_MOVE, dst, dst + 2, 0, 0);
    expr_emit_land(emitter, pending);
}

/* ---- values ---- */

// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static void emit_entries(struct expr_emitter *emitter, const struct expr_node *node, unsigned dst)
{
    bool map = node->kind == EXPR_MAP;

    expr_emit(emitter, map ? EXPR_CODE_MAP : EXPR_CODE_LIST, dst,
              map ? node->child_count / 2 : node->child_count, 0, 0);
    for (uint32_t i = 0; i < node->child_count; i += map ? 2 : 1) {
        bool optional = (node->children[i]->flags & EXPR_FLAG_OPTIONAL_ENTRY) != 0;

        emit_node(emitter, node->children[i], dst + 1);
        if (map)
            emit_node(emitter, node->children[i + 1], dst + 2);
        expr_emit(emitter, map ? EXPR_CODE_MAP_ADD : EXPR_CODE_LIST_ADD, dst, dst + 1, optional, 0);
    }
}

/* ---- calls, operators, access ---- */

// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static void emit_call(struct expr_emitter *emitter, const struct expr_node *node, unsigned dst)
{
    struct expr_step_aggregate aggregate;
    struct expr_field_test test;

    if (expr_as_field_test(emitter, node, false, &test)) {
        expr_emit(emitter, test.op, dst, test.slot, test.constant, 0);
        return;
    }
    if (expr_as_step_aggregate(node, &aggregate)) {
        expr_emit(emitter, EXPR_CODE_STEP_AGGREGATE, dst, aggregate.step,
                  aggregate.of_events ? EXPR_NO_OPERAND : expr_emit_slot(emitter, aggregate.field),
                  aggregate.how);
        return;
    }
    if (expr_is_constant_match(node)) {
        emit_node(emitter, node->children[0], dst);
        expr_emit(emitter, EXPR_CODE_MATCHES, dst, dst,
                  expr_emit_pattern(emitter, node->children[1]->value), 0);
        return;
    }
    for (uint32_t i = 0; i < node->child_count; i++)
        emit_node(emitter, node->children[i], dst + i);
    expr_emit(emitter, EXPR_CODE_CALL, dst, expr_emit_function(emitter, node->function), dst,
              node->child_count);
}

// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static void emit_binary(struct expr_emitter *emitter, const struct expr_node *node, unsigned dst)
{
    struct expr_field_test test;

    if (expr_as_field_test(emitter, node, false, &test)) {
        expr_emit(emitter, test.op, dst, test.slot, test.constant, 0);
        return;
    }
    emit_node(emitter, node->children[0], dst);
    emit_node(emitter, node->children[1], dst + 1);
    expr_emit(emitter, EXPR_CODE_EQUAL + node->op, dst, dst, dst + 1, 0);
}

static unsigned name_constant(struct expr_emitter *emitter, const struct expr_node *node)
{
    return expr_emit_constant(emitter, rt_string(node->name.data, (uint32_t)node->name.length));
}

/* SELECT, HAS, INDEX, UNARY: an operand in dst, perhaps a key behind it. */
// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static void emit_access(struct expr_emitter *emitter, const struct expr_node *node, unsigned dst)
{
    unsigned optional = (node->flags & EXPR_FLAG_OPTIONAL) != 0;

    emit_node(emitter, node->children[0], dst);
    switch ((enum expr_kind)node->kind) {
    case EXPR_SELECT:
        expr_emit(emitter, EXPR_CODE_SELECT + optional, dst, dst, name_constant(emitter, node), 0);
        break;
    case EXPR_HAS:
        expr_emit(emitter, EXPR_CODE_HAS, dst, dst, name_constant(emitter, node), 0);
        break;
    case EXPR_INDEX:
        emit_node(emitter, node->children[1], dst + 1);
        expr_emit(emitter, EXPR_CODE_INDEX + optional, dst, dst, dst + 1, 0);
        break;
    default:
        RT_ASSERT(node->kind == EXPR_UNARY);
        expr_emit(emitter, node->op == EXPR_OP_NOT ? EXPR_CODE_NOT : EXPR_CODE_NEGATE, dst, dst, 0,
                  0);
        break;
    }
}

/* What reads events: fields, steps, times. */
// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static void emit_event(struct expr_emitter *emitter, const struct expr_node *node, unsigned dst)
{
    unsigned optional = (node->flags & EXPR_FLAG_OPTIONAL) != 0;
    const struct expr_node *event = node->child_count > 0 ? node->children[0] : NULL;

    if (node->kind == EXPR_EVENT_FIELD && event != NULL && event->kind == EXPR_STEP &&
        optional == 0 && (event->flags & EXPR_FLAG_ALL) == 0) {
        expr_emit(emitter, EXPR_CODE_STEP_FIELD, dst, event->id,
                  expr_emit_slot(emitter, node->field), 0);
        return;
    }
    if (event != NULL)
        emit_node(emitter, event, dst);
    switch ((enum expr_kind)node->kind) {
    case EXPR_FIELD:
        expr_emit(emitter, EXPR_CODE_FIELD + optional, dst, expr_emit_slot(emitter, node->field), 0,
                  0);
        break;
    case EXPR_FIELD_HAS:
        expr_emit(emitter, EXPR_CODE_FIELD_HAS, dst, expr_emit_slot(emitter, node->field),
                  parent_slot(emitter, node), 0);
        break;
    case EXPR_EVENT_FIELD:
        expr_emit(emitter, EXPR_CODE_EVENT_FIELD + optional, dst, dst,
                  expr_emit_slot(emitter, node->field), 0);
        break;
    case EXPR_EVENT_HAS:
        expr_emit(emitter, EXPR_CODE_EVENT_HAS, dst, dst, expr_emit_slot(emitter, node->field),
                  parent_slot(emitter, node));
        break;
    default:
        RT_ASSERT(node->kind == EXPR_EVENT_TIME);
        expr_emit(emitter, event == NULL ? EXPR_CODE_TIME : EXPR_CODE_EVENT_TIME, dst, dst, 0, 0);
        break;
    }
}

/* What has no operand. */
static void emit_leaf(struct expr_emitter *emitter, const struct expr_node *node, unsigned dst)
{
    switch ((enum expr_kind)node->kind) {
    case EXPR_CONSTANT:
        expr_emit(emitter, EXPR_CODE_CONSTANT, dst, expr_emit_constant(emitter, node->value), 0, 0);
        break;
    case EXPR_STEP:
        expr_emit(emitter, (node->flags & EXPR_FLAG_ALL) != 0 ? EXPR_CODE_STEP_ALL : EXPR_CODE_STEP,
                  dst, node->id, 0, 0);
        break;
    case EXPR_BINDING_NAME:
        expr_emit(emitter, EXPR_CODE_BINDING, dst, node->id, 0, 0);
        break;
    default:
        RT_ASSERT(node->kind == EXPR_VARIABLE);
        expr_emit(emitter, EXPR_CODE_MOVE, dst, emitter->registers[node->id], 0, 0);
        break;
    }
}

// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static void emit_node(struct expr_emitter *emitter, const struct expr_node *node, unsigned dst)
{
    if (emitter->status != RT_OK)
        return;
    switch ((enum expr_kind)node->kind) {
    case EXPR_AND:
    case EXPR_OR:
        emit_chain(emitter, node, dst);
        break;
    case EXPR_CONDITIONAL:
        emit_conditional(emitter, node, dst);
        break;
    case EXPR_BINARY:
        emit_binary(emitter, node, dst);
        break;
    case EXPR_CALL:
        emit_call(emitter, node, dst);
        break;
    case EXPR_LIST:
    case EXPR_MAP:
        emit_entries(emitter, node, dst);
        break;
    case EXPR_FOLD:
        emit_fold(emitter, node, dst);
        break;
    case EXPR_BIND:
        emit_bind(emitter, node, dst);
        break;
    case EXPR_OPT_MAP:
        emit_optional_map(emitter, node, dst);
        break;
    case EXPR_SELECT:
    case EXPR_HAS:
    case EXPR_INDEX:
    case EXPR_UNARY:
        emit_access(emitter, node, dst);
        break;
    case EXPR_FIELD:
    case EXPR_FIELD_HAS:
    case EXPR_EVENT_FIELD:
    case EXPR_EVENT_HAS:
    case EXPR_EVENT_TIME:
        emit_event(emitter, node, dst);
        break;
    default:
        emit_leaf(emitter, node, dst);
        break;
    }
}

/* ---- will it fit? ---- */

static unsigned registers_of(const struct expr_node *node);

/* The largest of shift + what a child needs, shift growing by `step` from child to child. */
// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static unsigned most(const struct expr_node *node, unsigned shift, unsigned step)
{
    unsigned need = 1;

    for (uint32_t i = 0; i < node->child_count; i++) {
        unsigned child = shift + i * step + registers_of(node->children[i]);

        need = child > need ? child : need;
    }
    return need;
}

/* Registers from the result's on, as the functions above use them. */
// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static unsigned registers_of(const struct expr_node *node)
{
    switch ((enum expr_kind)node->kind) {
    case EXPR_AND:
    case EXPR_OR:
    case EXPR_LIST:
        return most(node, 1, 0);
    case EXPR_MAP:
    case EXPR_BIND:
    case EXPR_OPT_MAP:
        return most(node, 2, 0);
    case EXPR_BINARY:
    case EXPR_INDEX:
    case EXPR_CALL:
        return most(node, 0, 1);
    case EXPR_FOLD:
        return most(node, 5, 0);
    default:
        return most(node, 0, 0);
    }
}

// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static size_t nodes_of(const struct expr_node *node)
{
    size_t count = 1;

    for (uint32_t i = 0; i < node->child_count; i++)
        count += nodes_of(node->children[i]);
    return count;
}

bool expr_tree_fits(struct expr_work *work, const struct expr_node *root)
{
    if (registers_of(root) <= EXPR_REGISTERS && nodes_of(root) <= EXPR_NODES_MAX)
        return true;
    rt_diag_add(work->diags, RT_SEVERITY_ERROR, RULE_DIAG_EXPR_LIMIT,
                expr_text_span(work->text, root->begin, root->end),
                "the expression is too large: write it as several conditions");
    work->status = RT_ERR_DIAG;
    return false;
}

enum rt_status expr_compile(const struct expr_tree *tree, const struct rt_fields *fields,
                            struct expr **out)
{
    struct expr_emitter emitter = {.status = RT_OK};

    emitter.expr = rt_alloc_zeroed(1, sizeof(*emitter.expr));
    if (emitter.expr == NULL)
        return RT_ERR_NOMEM;
    emitter.expr->fields = fields;
    emitter.registers = rt_alloc_zeroed(tree->variable_count + 1u, 1);
    if (emitter.registers == NULL) {
        expr_free(emitter.expr);
        return RT_ERR_NOMEM;
    }
    emit_node(&emitter, tree->root, 0);
    expr_emit(&emitter, EXPR_CODE_RETURN, 0, 0, 0, 0);
    rt_free(emitter.registers);
    if (emitter.status != RT_OK) {
        expr_free(emitter.expr);
        return emitter.status;
    }
    *out = emitter.expr;
    return RT_OK;
}
