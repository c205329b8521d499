/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For which values of one field can a tree be true?
 *
 * For every node two sets of possible values of the field are computed: those for which it may be true (T) and those
 * for which it may be false (F).  The universe is finite: the constants that the tree compares the field with, `other`
 * for all values else, and `missing`.
 *
 *     node          T             F
 *     f == c        {c}           all but c, not missing (that is an error)
 *     f in [c, d]   {c, d}        the rest, not missing
 *     has(f)        all present   {missing}
 *     a && b        Ta & Tb       Fa | Fb
 *     a || b        Ta | Tb       Fa & Fb
 *     !a            Fa            Ta
 *     c ? a : b     (Tc & Ta) | (Fc & Tb)      the same with F
 *     otherwise     all           all
 *
 * An error is neither, so the sets are sound whatever fails.
 */
#include "rules/expr_tree.h"
#include "rules/value_support.h"
#include "runtime/base/assert.h"

enum { CONSTANTS_MAX = 65536, BITS = 64, SCRATCH_MAX = 64 << 20 };

struct universe {
    rt_field_id field;
    struct rt_arena *arena;
    struct rt_value *constants;
    size_t count, capacity;
    struct rt_value list; /* the constants, distinct and indexed */
    size_t words;         /* of a set: list.length + 2 bits */
    bool too_many;
    enum rt_status status;
};

/* A set of members: constants 0 .. count - 1, count = other, count + 1 = missing. */
struct pair {
    uint64_t *may_be_true, *may_be_false;
};

static bool is_field(const struct expr_node *node)
{
    return node->kind == EXPR_FIELD && (node->flags & EXPR_FLAG_OPTIONAL) == 0;
}

static bool is_scalar(struct rt_value value)
{
    return value.type == RT_STRING || value.type == RT_BOOL || value.type == RT_INT ||
           value.type == RT_UINT || value.type == RT_NULL ||
           (value.type == RT_DOUBLE && value.u.real == value.u.real);
}

static bool all_scalar(struct rt_value list)
{
    for (uint32_t i = 0; i < list.length; i++) {
        if (!is_scalar(list.u.items[i]))
            return false;
    }
    return true;
}

/* field == constant, field != constant, field in [constants] */
static bool is_comparison(const struct expr_node *node)
{
    struct rt_value value;

    if (node->kind != EXPR_BINARY || !is_field(node->children[0]) ||
        node->children[1]->kind != EXPR_CONSTANT)
        return false;
    value = node->children[1]->value;
    if (node->op == EXPR_OP_IN)
        return value.type == RT_LIST && value.length <= CONSTANTS_MAX && all_scalar(value);
    return node->op <= EXPR_OP_NOT_EQUAL && is_scalar(value);
}

/* ---- the universe ---- */

static void add_constant(struct universe *universe, struct rt_value value)
{
    if (universe->count == CONSTANTS_MAX) {
        universe->too_many = true;
        return;
    }
    if (universe->count == universe->capacity) {
        size_t capacity = universe->capacity == 0 ? 16 : universe->capacity * 2;
        struct rt_value *more = rt_arena_array(universe->arena, capacity, sizeof(*more));

        if (more == NULL) {
            universe->status = RT_ERR_NOMEM;
            return;
        }
        if (universe->count > 0)
            memcpy(more, universe->constants, universe->count * sizeof(*more));
        universe->constants = more;
        universe->capacity = capacity;
    }
    universe->constants[universe->count++] = value;
}

// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static void collect(struct universe *universe, const struct expr_node *node)
{
    if (is_comparison(node) && node->children[0]->field == universe->field) {
        struct rt_value value = node->children[1]->value;

        if (node->op != EXPR_OP_IN)
            add_constant(universe, value);
        for (uint32_t i = 0; node->op == EXPR_OP_IN && i < value.length; i++)
            add_constant(universe, value.u.items[i]);
        return;
    }
    if (is_field(node) && node->field == universe->field) {
        add_constant(universe, rt_bool(true));
        add_constant(universe, rt_bool(false));
        return;
    }
    for (uint32_t i = 0; i < node->child_count; i++)
        collect(universe, node->children[i]);
}

/* Each value once, by a table of hashes: a list of many must not cost its square. */
static void make_distinct(struct universe *universe)
{
    size_t slots = 16, count = 0;
    uint32_t *table;

    while (slots < 2 * universe->count)
        slots *= 2;
    table = rt_arena_array(universe->arena, slots, sizeof(*table));
    if (table == NULL) {
        universe->status = RT_ERR_NOMEM;
        return;
    }
    for (size_t i = 0; i < universe->count; i++) {
        struct rt_value value = universe->constants[i];
        uint64_t at = expr_value_hash(value) & (slots - 1);

        while (table[at] != 0 && !expr_value_equal(universe->constants[table[at] - 1], value))
            at = (at + 1) & (slots - 1);
        if (table[at] != 0)
            continue;
        universe->constants[count++] = value;
        table[at] = (uint32_t)count;
    }
    universe->list = (struct rt_value){
        .type = RT_LIST, .length = (uint32_t)count, .u.items = universe->constants};
    universe->words = (count + 2 + BITS - 1) / BITS;
    universe->status = expr_value_index(universe->list, universe->arena, &universe->list);
}

/* ---- sets ---- */

static void put(uint64_t *set, size_t member)
{
    set[member / BITS] |= UINT64_C(1) << (member % BITS);
}

static bool has(const uint64_t *set, size_t member)
{
    return (set[member / BITS] >> (member % BITS) & 1) != 0;
}

/* Cleared sets; both NULL without memory. */
static struct pair new_pair(struct universe *universe)
{
    uint64_t *words = rt_arena_array(universe->arena, 2 * universe->words, sizeof(*words));

    if (words == NULL) {
        universe->status = RT_ERR_NOMEM;
        return (struct pair){NULL, NULL};
    }
    return (struct pair){words, words + universe->words};
}

static void fill(const struct universe *universe, uint64_t *set)
{
    memset(set, 0xFF, universe->words * sizeof(*set));
}

static void unite(const struct universe *universe, uint64_t *into, const uint64_t *other)
{
    for (size_t i = 0; i < universe->words; i++)
        into[i] |= other[i];
}

static void intersect(const struct universe *universe, uint64_t *into, const uint64_t *other)
{
    for (size_t i = 0; i < universe->words; i++)
        into[i] &= other[i];
}

static void take_out(uint64_t *set, size_t member)
{
    set[member / BITS] &= ~(UINT64_C(1) << (member % BITS));
}

/* ---- nodes ---- */

static struct pair analyse(struct universe *universe, const struct expr_node *node);

/* f == c and f in [c, d]; mirrored for != */
static void comparison(const struct universe *universe, const struct expr_node *node,
                       struct pair pair)
{
    struct rt_value value = node->children[1]->value;
    bool list = node->op == EXPR_OP_IN;
    uint64_t *equal = node->op == EXPR_OP_NOT_EQUAL ? pair.may_be_false : pair.may_be_true;
    uint64_t *unequal = node->op == EXPR_OP_NOT_EQUAL ? pair.may_be_true : pair.may_be_false;

    fill(universe, unequal);
    take_out(unequal, universe->list.length + 1u);
    for (uint32_t i = 0; i < (list ? value.length : 1); i++) {
        size_t member = expr_list_find(universe->list, list ? value.u.items[i] : value);

        RT_ASSERT(member < universe->list.length);
        put(equal, member);
        take_out(unequal, member);
    }
}

static void presence(const struct universe *universe, struct pair pair)
{
    size_t missing = universe->list.length + 1u;

    fill(universe, pair.may_be_true);
    take_out(pair.may_be_true, missing);
    put(pair.may_be_false, missing);
}

/* The field itself as a condition. */
static void truth(const struct universe *universe, struct pair pair)
{
    put(pair.may_be_true, expr_list_find(universe->list, rt_bool(true)));
    put(pair.may_be_false, expr_list_find(universe->list, rt_bool(false)));
}

// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static void chain(struct universe *universe, const struct expr_node *node, struct pair pair)
{
    bool conjunction = node->kind == EXPR_AND;

    fill(universe, conjunction ? pair.may_be_true : pair.may_be_false);
    for (uint32_t i = 0; i < node->child_count; i++) {
        struct pair operand = analyse(universe, node->children[i]);

        if (universe->status != RT_OK)
            return;
        intersect(universe, conjunction ? pair.may_be_true : pair.may_be_false,
                  conjunction ? operand.may_be_true : operand.may_be_false);
        unite(universe, conjunction ? pair.may_be_false : pair.may_be_true,
              conjunction ? operand.may_be_false : operand.may_be_true);
    }
}

// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static void conditional(struct universe *universe, const struct expr_node *node, struct pair pair)
{
    struct pair condition = analyse(universe, node->children[0]);
    struct pair yes = analyse(universe, node->children[1]);
    struct pair no = analyse(universe, node->children[2]);

    if (condition.may_be_true == NULL || yes.may_be_true == NULL || no.may_be_true == NULL)
        return; /* no memory: the status says so */
    for (size_t i = 0; i < universe->words; i++) {
        pair.may_be_true[i] = (condition.may_be_true[i] & yes.may_be_true[i]) |
                              (condition.may_be_false[i] & no.may_be_true[i]);
        pair.may_be_false[i] = (condition.may_be_true[i] & yes.may_be_false[i]) |
                               (condition.may_be_false[i] & no.may_be_false[i]);
    }
}

// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static struct pair analyse(struct universe *universe, const struct expr_node *node)
{
    struct pair pair = new_pair(universe);

    if (universe->status != RT_OK)
        return pair;
    if (is_comparison(node) && node->children[0]->field == universe->field) {
        comparison(universe, node, pair);
    } else if (node->kind == EXPR_FIELD_HAS && node->field == universe->field) {
        presence(universe, pair);
    } else if (is_field(node) && node->field == universe->field) {
        truth(universe, pair);
    } else if (node->kind == EXPR_AND || node->kind == EXPR_OR) {
        chain(universe, node, pair);
    } else if (node->kind == EXPR_CONDITIONAL) {
        conditional(universe, node, pair);
    } else if (node->kind == EXPR_UNARY && node->op == EXPR_OP_NOT) {
        struct pair operand = analyse(universe, node->children[0]);

        pair = (struct pair){operand.may_be_false, operand.may_be_true};
    } else if (node->kind == EXPR_CONSTANT) {
        if (node->value.type == RT_BOOL)
            fill(universe, node->value.u.boolean ? pair.may_be_true : pair.may_be_false);
    } else {
        fill(universe, pair.may_be_true);
        fill(universe, pair.may_be_false);
    }
    return pair;
}

/* ---- the answer ---- */

static enum rt_status answer(const struct universe *universe, const uint64_t *set,
                             struct rt_arena *arena, struct expr_may_set *out)
{
    size_t constants = universe->list.length, count = 0;
    struct rt_value *values;

    *out = (struct expr_may_set){.kind = EXPR_MAY_ALL};
    if (has(set, constants) || has(set, constants + 1))
        return RT_OK;
    values = rt_arena_array(arena, constants + 1, sizeof(*values));
    if (values == NULL)
        return RT_ERR_NOMEM;
    for (size_t i = 0; i < constants; i++) {
        if (has(set, i))
            values[count++] = universe->list.u.items[i];
    }
    *out = (struct expr_may_set){count == 0 ? EXPR_MAY_NONE : EXPR_MAY_SET, values, count};
    return RT_OK;
}

enum rt_status expr_tree_may_be_true(const struct expr_tree *tree, rt_field_id field,
                                     struct rt_arena *arena, struct expr_may_set *out)
{
    struct rt_arena scratch;
    struct universe universe = {.field = field, .arena = &scratch};
    enum rt_status status;

    rt_arena_init(&scratch, SCRATCH_MAX);
    collect(&universe, tree->root);
    if (universe.status == RT_OK && !universe.too_many)
        make_distinct(&universe);
    status = universe.status;
    if (status == RT_OK && universe.too_many) {
        *out = (struct expr_may_set){.kind = EXPR_MAY_ALL};
    } else if (status == RT_OK) {
        struct pair pair = analyse(&universe, tree->root);

        status = universe.status;
        if (status == RT_OK)
            status = answer(&universe, pair.may_be_true, arena, out);
    }
    rt_arena_done(&scratch);
    return status;
}

/* ---- candidates ---- */

// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static size_t candidates(const struct expr_node *node, rt_field_id *out, size_t max, size_t count)
{
    if (is_comparison(node) ||
        (is_field(node) && (node->type.base == RT_ABSENT || node->type.base == RT_BOOL))) {
        rt_field_id field = is_field(node) ? node->field : node->children[0]->field;

        for (size_t i = 0; i < count; i++) {
            if (out[i] == field)
                return count;
        }
        if (count < max)
            out[count++] = field;
        return count;
    }
    if (node->kind != EXPR_AND && node->kind != EXPR_OR && node->kind != EXPR_CONDITIONAL &&
        (node->kind != EXPR_UNARY || node->op != EXPR_OP_NOT))
        return count;
    for (uint32_t i = 0; i < node->child_count; i++)
        count = candidates(node->children[i], out, max, count);
    return count;
}

size_t expr_tree_index_fields(const struct expr_tree *tree, rt_field_id *out, size_t max)
{
    return candidates(tree->root, out, max, 0);
}
