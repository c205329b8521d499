/* SPDX-License-Identifier: Apache-2.0 */
/* Making nodes, and the way from an offset in an expression back to the file. */
#include "rules/diagnostics.h"
#include "rules/expr_tree.h"
#include "runtime/base/assert.h"

struct rt_span expr_text_span(const struct expr_text *text, size_t begin, size_t end)
{
    if (text->source == RT_NO_SOURCE)
        return RT_NO_SPAN;
    RT_ASSERT(begin <= end && end <= text->text.length);
    if (text->offsets == NULL)
        return (struct rt_span){text->source, text->offset_base + (uint32_t)begin,
                                text->offset_base + (uint32_t)end};
    return (struct rt_span){text->source, text->offsets[begin], text->offsets[end]};
}

static const char *const operator_texts[] = {"==", "!=", "<", "<=", ">", ">=", "in",
                                             "+",  "-",  "*", "/",  "%", "!",  "-"};

const char *expr_operator_text(enum expr_operator op)
{
    return operator_texts[op];
}

struct expr_node *expr_node_new(struct expr_work *work, enum expr_kind kind, size_t begin,
                                size_t end)
{
    struct expr_node *node = rt_arena_alloc(work->arena, sizeof(*node));

    if (node == NULL) {
        work->status = RT_ERR_NOMEM;
        return NULL;
    }
    node->kind = (uint8_t)kind;
    node->begin = (uint32_t)begin;
    node->end = (uint32_t)end;
    node->depth = 1;
    return node;
}

bool expr_node_adopt(struct expr_work *work, struct expr_node *node,
                     struct expr_node *const *children, size_t count)
{
    unsigned deepest = 0;

    node->child_count = (uint32_t)count;
    if (count > 0) {
        node->children = rt_arena_array(work->arena, count, sizeof(struct expr_node *));
        if (node->children == NULL) {
            work->status = RT_ERR_NOMEM;
            return false;
        }
        memcpy(node->children, children, count * sizeof(struct expr_node *));
    }
    for (size_t i = 0; i < count; i++)
        deepest = children[i]->depth > deepest ? children[i]->depth : deepest;
    node->depth = (uint16_t)(deepest + 1);
    if (node->depth <= EXPR_DEPTH_MAX)
        return true;
    rt_diag_add(work->diags, RT_SEVERITY_ERROR, RULE_DIAG_EXPR_LIMIT,
                expr_text_span(work->text, node->begin, node->end),
                "the expression is more than %d levels deep", EXPR_DEPTH_MAX);
    work->status = RT_ERR_DIAG;
    return false;
}

static bool is_type_call(const struct expr_node *node)
{
    return node->kind == EXPR_CALL && node->child_count == 1 && rt_text_is(node->name, "type") &&
           (node->flags & EXPR_FLAG_MEMBER) == 0;
}

bool expr_names_types(const struct expr_node *node, uint32_t side)
{
    return node->kind == EXPR_BINARY && (node->op <= EXPR_OP_NOT_EQUAL || node->op == EXPR_OP_IN) &&
           is_type_call(node->children[1 - side]) && !is_type_call(node->children[side]);
}
