/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an evaluation costs at most, before any event has come.
 *
 *     fail.exists(f, f.ip == ip && tags.exists(t, t == f.tag))        5 + 6n + 4n^2 steps, n: items of the longest list
 *
 * A step is an instruction of the machine; a function that goes over a list takes one more for each item.  Lists that are
 * constants count with their own length.  Sums stop at UINT64_MAX.
 */
#include "rules/expr_tree.h"

static uint64_t plus(uint64_t left, uint64_t right)
{
    uint64_t sum;

    return __builtin_add_overflow(left, right, &sum) ? UINT64_MAX : sum;
}

static uint64_t times(uint64_t left, uint64_t right)
{
    uint64_t product;

    return __builtin_mul_overflow(left, right, &product) ? UINT64_MAX : product;
}

void expr_cost_add(struct expr_cost *cost, const struct expr_cost *more)
{
    for (size_t i = 0; i < EXPR_COST_DEGREES; i++)
        cost->terms[i] = plus(cost->terms[i], more->terms[i]);
}

/* The cost of doing it `count` times, or n times. */
static struct expr_cost repeated(struct expr_cost cost, bool is_known, uint64_t count)
{
    struct expr_cost out = {{0}};

    for (size_t i = 0; i < EXPR_COST_DEGREES; i++) {
        size_t to = is_known || i + 1 == EXPR_COST_DEGREES ? i : i + 1;

        out.terms[to] = plus(out.terms[to], is_known ? times(cost.terms[i], count) : cost.terms[i]);
    }
    return out;
}

/* How many items a list or map has, if that is known. */
static bool known_length(const struct expr_node *node, uint64_t *out)
{
    bool is_constant =
        node->kind == EXPR_CONSTANT && (node->value.type == RT_LIST || node->value.type == RT_MAP);

    if (!is_constant && node->kind != EXPR_LIST && node->kind != EXPR_MAP)
        return false;
    *out = is_constant ? node->value.length : node->child_count;
    return true;
}

static bool goes_over(const struct expr_node *node, const struct expr_node *child)
{
    if (node->kind == EXPR_BINARY)
        return node->op == EXPR_OP_IN && child == node->children[1] &&
               child->kind != EXPR_CONSTANT; /* constants are hashed */
    return node->kind == EXPR_CALL && child->type.base == RT_LIST;
}

// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static struct expr_cost cost_of(const struct expr_node *node)
{
    struct expr_cost cost = {{1}};
    uint64_t length = 0;

    if (node->kind == EXPR_FOLD) {
        bool is_known = known_length(node->children[0], &length);
        struct expr_cost body = {{2}}, range = cost_of(node->children[0]);

        for (uint32_t i = 1; i < node->child_count; i++) {
            struct expr_cost part = cost_of(node->children[i]);

            expr_cost_add(&body, &part);
        }
        body = repeated(body, is_known, length);
        expr_cost_add(&cost, &range);
        expr_cost_add(&cost, &body);
        return cost;
    }
    for (uint32_t i = 0; i < node->child_count; i++) {
        struct expr_cost part = cost_of(node->children[i]);

        expr_cost_add(&cost, &part);
        if (goes_over(node, node->children[i])) {
            bool is_known = known_length(node->children[i], &length);

            part = repeated((struct expr_cost){{1}}, is_known, length);
            expr_cost_add(&cost, &part);
        }
    }
    return cost;
}

struct expr_cost expr_node_cost(const struct expr_node *node)
{
    return cost_of(node);
}

struct expr_cost expr_tree_cost(const struct expr_tree *tree)
{
    return cost_of(tree->root);
}

int expr_cost_compare(const struct expr_cost *left, const struct expr_cost *right)
{
    for (size_t i = EXPR_COST_DEGREES; i-- > 0;) {
        if (left->terms[i] != right->terms[i])
            return left->terms[i] < right->terms[i] ? -1 : 1;
    }
    return 0;
}

void expr_cost_print(const struct expr_cost *cost, struct rt_buffer *out)
{
    rt_buffer_uint(out, cost->terms[0]);
    for (size_t i = 1; i < EXPR_COST_DEGREES; i++) {
        if (cost->terms[i] == 0)
            continue;
        rt_buffer_printf(out, " + %llun", (unsigned long long)cost->terms[i]);
        if (i > 1)
            rt_buffer_printf(out, "^%zu", i);
    }
    rt_buffer_string(out, " steps");
    for (size_t i = 1; i < EXPR_COST_DEGREES; i++) {
        if (cost->terms[i] > 0) {
            rt_buffer_string(out, " (n: items of the longest list)");
            return;
        }
    }
}
