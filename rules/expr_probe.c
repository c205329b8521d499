/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Covers: sets of tests of which one must hold for a tree to be true.
 *
 *     node            cover
 *     f == c, ...     {itself}
 *     a && b          the rarer of both
 *     a || b          the union
 *     !a              by De Morgan; of a test: none, but for !=
 *     otherwise       none
 *
 * An error is not true, so a test that fails for a value need not hold for it.
 */
#include "rules/expr_tree.h"
#include "rules/regex.h"
#include "runtime/base/ip.h"

enum { COVER_PROBES_MAX = 1 << 20 };

/* A leaf of the form <field> <test> <constant>; `in` makes one probe an item. */
struct leaf {
    rt_field_id field;
    enum expr_probe_kind kind;
    const struct rt_value *values;
    struct rt_value only; /* values points here when there is one */
    size_t count;
};

static bool is_field(const struct expr_node *node)
{
    return node->kind == EXPR_FIELD && (node->flags & EXPR_FLAG_OPTIONAL) == 0;
}

static bool is_number(struct rt_value value)
{
    return value.type == RT_INT || value.type == RT_UINT ||
           (value.type == RT_DOUBLE && value.u.real == value.u.real);
}

static bool is_scalar(struct rt_value value)
{
    return value.type == RT_STRING || value.type == RT_BOOL || value.type == RT_NULL ||
           is_number(value);
}

static bool leaf_of(struct leaf *leaf, const struct expr_node *field, enum expr_probe_kind kind,
                    struct rt_value value)
{
    *leaf = (struct leaf){.field = field->field, .kind = kind, .only = value, .count = 1};
    leaf->values = &leaf->only;
    return true;
}

static bool comparison(const struct expr_node *node, struct leaf *leaf)
{
    const struct expr_node *field = node->children[0];
    struct rt_value value = node->children[1]->value;

    if (!is_field(field) || node->children[1]->kind != EXPR_CONSTANT)
        return false;
    switch ((enum expr_operator)node->op) {
    case EXPR_OP_EQUAL:
        return is_scalar(value) && leaf_of(leaf, field, EXPR_PROBE_EQUAL, value);
    case EXPR_OP_LESS:
    case EXPR_OP_LESS_EQUAL:
        return is_number(value) && leaf_of(leaf, field, EXPR_PROBE_BELOW, value);
    case EXPR_OP_GREATER:
    case EXPR_OP_GREATER_EQUAL:
        return is_number(value) && leaf_of(leaf, field, EXPR_PROBE_ABOVE, value);
    case EXPR_OP_IN:
        if (value.type != RT_LIST || value.length > COVER_PROBES_MAX)
            return false;
        for (uint32_t i = 0; i < value.length; i++) {
            if (!is_scalar(value.u.items[i]))
                return false;
        }
        *leaf =
            (struct leaf){field->field, EXPR_PROBE_EQUAL, value.u.items, rt_null(), value.length};
        return true;
    default:
        return false;
    }
}

/* cidr(event.ip, "10.0.0.0/8"), the network as text or as a value */
static bool network(const struct expr_node *field, struct rt_value value, struct rt_arena *arena,
                    struct leaf *leaf)
{
    struct rt_ip ip;
    uint32_t bits;
    char *bytes;

    if (value.type == RT_CIDR)
        return leaf_of(leaf, field, EXPR_PROBE_NETWORK, value);
    if (value.type != RT_STRING || !rt_cidr_parse(rt_value_text(value), &ip, &bits))
        return false;
    bytes = rt_arena_text(arena, (const char *)ip.bytes, sizeof(ip.bytes));
    return bytes != NULL && leaf_of(leaf, field, EXPR_PROBE_NETWORK,
                                    (struct rt_value){.type = RT_CIDR,
                                                      .aux = ip.family,
                                                      .length = bits,
                                                      .u.bytes = (const unsigned char *)bytes});
}

/* A pattern that is no more than a plain test of the text. */
static bool pattern(const struct expr_node *field, struct rt_value value, struct rt_arena *arena,
                    struct leaf *leaf)
{
    static const enum expr_probe_kind kinds[] = {
        [EXPR_REGEX_CONTAINS] = EXPR_PROBE_CONTAINS,
        [EXPR_REGEX_PREFIX] = EXPR_PROBE_STARTS,
        [EXPR_REGEX_SUFFIX] = EXPR_PROBE_ENDS,
        [EXPR_REGEX_EQUALS] = EXPR_PROBE_STARTS, /* a little more than need be */
    };
    struct expr_regex_fault fault;
    struct expr_regex *regex = NULL;
    enum expr_regex_kind kind = EXPR_REGEX_GENERAL;
    struct rt_text literal = {NULL, 0};
    const char *copy = NULL;

    if (expr_regex_new(rt_value_text(value), &fault, &regex) == RT_OK)
        kind = expr_regex_kind(regex, &literal);
    if (kind != EXPR_REGEX_GENERAL)
        copy = rt_arena_text(arena, literal.data, literal.length);
    if (copy != NULL && literal.length > 0)
        (void)leaf_of(leaf, field, kinds[kind], rt_string(copy, (uint32_t)literal.length));
    expr_regex_free(regex);
    return copy != NULL &&
           literal.length > 0; /* without memory the rule is only not indexed by it */
}

static bool call(const struct expr_node *node, struct rt_arena *arena, struct leaf *leaf)
{
    const struct expr_node *first, *second;

    if (node->child_count != 2)
        return false;
    first = node->children[0];
    second = node->children[1];
    if (rt_text_is(node->name, "containsIP") && is_field(second) && first->kind == EXPR_CONSTANT &&
        first->value.type == RT_CIDR)
        return leaf_of(leaf, second, EXPR_PROBE_NETWORK, first->value);
    if (!is_field(first) || second->kind != EXPR_CONSTANT)
        return false;
    if (rt_text_is(node->name, "cidr"))
        return network(first, second->value, arena, leaf);
    if (second->value.type != RT_STRING)
        return false;
    if (rt_text_is(node->name, "matches"))
        return pattern(first, second->value, arena, leaf);
    if (second->value.length == 0)
        return false;
    if (rt_text_is(node->name, "startsWith"))
        return leaf_of(leaf, first, EXPR_PROBE_STARTS, second->value);
    if (rt_text_is(node->name, "endsWith"))
        return leaf_of(leaf, first, EXPR_PROBE_ENDS, second->value);
    return rt_text_is(node->name, "contains") &&
           leaf_of(leaf, first, EXPR_PROBE_CONTAINS, second->value);
}

/* The node, or its negation, as a test that an index can answer. */
static bool find_leaf(const struct expr_node *node, bool negated, struct rt_arena *arena,
                      struct leaf *leaf)
{
    if (node->kind == EXPR_BINARY && !negated)
        return comparison(node, leaf);
    if (node->kind == EXPR_BINARY && node->op == EXPR_OP_NOT_EQUAL && is_field(node->children[0]) &&
        node->children[1]->kind == EXPR_CONSTANT && is_scalar(node->children[1]->value))
        return leaf_of(leaf, node->children[0], EXPR_PROBE_EQUAL, node->children[1]->value);
    if (node->kind == EXPR_CALL && !negated)
        return call(node, arena, leaf);
    if (is_field(node))
        return leaf_of(leaf, node, EXPR_PROBE_EQUAL, rt_bool(!negated));
    return false;
}

/* ---- all tests of a tree ---- */

// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static enum rt_status count_probes(const struct expr_node *node, struct rt_arena *scratch,
                                   struct expr_chances *chances)
{
    enum rt_status status = RT_OK;
    struct leaf leaf;

    if (node->kind == EXPR_AND || node->kind == EXPR_OR || node->kind == EXPR_CONDITIONAL ||
        (node->kind == EXPR_UNARY && node->op == EXPR_OP_NOT)) {
        for (uint32_t i = 0; i < node->child_count && status == RT_OK; i++)
            status = count_probes(node->children[i], scratch, chances);
        return status;
    }
    if (!find_leaf(node, false, scratch, &leaf))
        return RT_OK;
    for (size_t i = 0; i < leaf.count && status == RT_OK; i++)
        status = expr_chances_count(chances,
                                    &(struct expr_probe){leaf.field, leaf.kind, leaf.values[i]});
    return status;
}

enum rt_status expr_tree_count_probes(const struct expr_tree *tree, struct expr_chances *chances)
{
    struct rt_arena scratch;
    enum rt_status status;

    rt_arena_init(&scratch, 1 << 20);
    status = count_probes(tree->root, &scratch, chances);
    rt_arena_done(&scratch);
    return status;
}

/* ---- covers ---- */

struct search {
    const struct expr_chances *chances;
    struct rt_arena *arena;
    enum rt_status status;
};

static const struct expr_cover everything = {.all = true, .chance = 1.0};

static struct expr_cover cover_of_leaf(struct search *search, const struct leaf *leaf)
{
    struct expr_probe *probes = rt_arena_array(search->arena, leaf->count, sizeof(*probes));
    double chance = 0;

    if (probes == NULL) {
        search->status = RT_ERR_NOMEM;
        return everything;
    }
    for (size_t i = 0; i < leaf->count; i++) {
        probes[i] = (struct expr_probe){leaf->field, leaf->kind, leaf->values[i]};
        chance += expr_probe_chance(search->chances, &probes[i]);
    }
    return (struct expr_cover){false, probes, leaf->count, chance < 1.0 ? chance : 1.0};
}

struct expr_cover expr_cover_unite(const struct expr_cover *covers, size_t count,
                                   struct rt_arena *arena, enum rt_status *status)
{
    struct expr_cover whole = {.all = false};
    struct expr_probe *probes;
    size_t total = 0;

    for (size_t i = 0; i < count; i++) {
        if (covers[i].all)
            return everything;
        total += covers[i].probe_count;
        whole.chance += covers[i].chance;
    }
    probes = total > COVER_PROBES_MAX ? NULL : rt_arena_array(arena, total, sizeof(*probes));
    if (probes == NULL) {
        *status = total > COVER_PROBES_MAX ? *status : RT_ERR_NOMEM;
        return everything;
    }
    for (size_t i = 0; i < count; i++) {
        if (covers[i].probe_count > 0)
            memcpy(probes + whole.probe_count, covers[i].probes,
                   covers[i].probe_count * sizeof(*probes));
        whole.probe_count += covers[i].probe_count;
    }
    whole.probes = probes;
    whole.chance = whole.chance < 1.0 ? whole.chance : 1.0;
    return whole;
}

static struct expr_cover cover(struct search *search, const struct expr_node *node, bool negated);

// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static struct expr_cover cover_of_chain(struct search *search, const struct expr_node *node,
                                        bool negated)
{
    bool conjunction = (node->kind == EXPR_AND) != negated;
    struct expr_cover *parts = rt_arena_array(search->arena, node->child_count, sizeof(*parts));
    struct expr_cover rarest = everything;

    if (parts == NULL) {
        search->status = RT_ERR_NOMEM;
        return everything;
    }
    for (uint32_t i = 0; i < node->child_count; i++) {
        parts[i] = cover(search, node->children[i], negated);
        if (!parts[i].all && (rarest.all || parts[i].chance < rarest.chance))
            rarest = parts[i];
    }
    return conjunction ? rarest
                       : expr_cover_unite(parts, node->child_count, search->arena, &search->status);
}

// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static struct expr_cover cover(struct search *search, const struct expr_node *node, bool negated)
{
    struct leaf leaf;

    if (node->kind == EXPR_AND || node->kind == EXPR_OR)
        return cover_of_chain(search, node, negated);
    if (node->kind == EXPR_UNARY && node->op == EXPR_OP_NOT)
        return cover(search, node->children[0], !negated);
    if (node->kind == EXPR_CONSTANT && node->value.type == RT_BOOL &&
        node->value.u.boolean == negated)
        return (struct expr_cover){.all = false};
    if (!find_leaf(node, negated, search->arena, &leaf))
        return everything;
    return cover_of_leaf(search, &leaf);
}

enum rt_status expr_tree_cover(const struct expr_tree *tree, const struct expr_chances *chances,
                               struct rt_arena *arena, struct expr_cover *out)
{
    struct search search = {chances, arena, RT_OK};

    *out = cover(&search, tree->root, false);
    return search.status;
}
