/* SPDX-License-Identifier: Apache-2.0 */
/* The checker's walk: operators, conditionals, literals, macros.  Bottom up; each node is replaced at most once. */
#include <stdio.h>

#include "rules/diagnostics.h"
#include "rules/expr_checker.h"
#include "runtime/base/assert.h"

// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static bool check_children(struct expr_checker *checker, struct expr_node *node)
{
    for (uint32_t i = 0; i < node->child_count; i++) {
        uint8_t entry = node->children[i]->flags & EXPR_FLAG_OPTIONAL_ENTRY;

        node->children[i] = expr_check_node(checker, node->children[i]);
        if (node->children[i] == NULL)
            return false;
        node->children[i]->flags |= entry;
    }
    return true;
}

static bool any_poisoned(const struct expr_node *node)
{
    for (uint32_t i = 0; i < node->child_count; i++) {
        if (expr_is_poisoned(node->children[i]))
            return true;
    }
    return false;
}

/* Reports a child that can never be true or false. */
static void want_bool(struct expr_checker *checker, struct expr_node *child, const char *where)
{
    if (checker->scope->unchecked || !expr_is_known(child->type) || child->type.base == RT_BOOL)
        return;
    expr_report(checker, child, RULE_DIAG_EXPR_TYPE, "%s takes true or false, not %s", where,
                expr_type_phrase(child->type));
}

/* ---- operators ---- */

static bool is_word_of_bool(struct rt_text text)
{
    return rt_text_is(text, "true") || rt_text_is(text, "false");
}

static bool is_digits(struct rt_text text)
{
    return text.length > 0 && strspn(text.data, "-+.0123456789") >= text.length;
}

/* A text beside a number: one of them has quotes too many or too few. */
static bool help_with_quotes(struct expr_checker *checker, struct rt_diag *diag,
                             const struct expr_node *left, const struct expr_node *right)
{
    struct rt_diags *diags = checker->work->diags;
    const struct expr_node *constant = right->kind == EXPR_CONSTANT ? right : left;
    const struct expr_node *other = constant == right ? left : right;
    uint8_t type = other->type.base;

    if (constant->kind != EXPR_CONSTANT || other->kind == EXPR_CONSTANT)
        return false;
    if (constant->value.type == RT_INT && type == RT_STRING) {
        rt_diag_help(diags, diag, "a text stands in quotes: \"%lld\"",
                     (long long)constant->value.u.integer);
        return true;
    }
    if (constant->value.type != RT_STRING)
        return false;
    if (type == RT_IP)
        rt_diag_help(diags, diag,
                     "an address is written ip('%.*s'), a network cidr(x, '10.0.0.0/8')",
                     EXPR_PRINT(rt_value_text(constant->value)));
    else if ((type == RT_BOOL) == is_word_of_bool(rt_value_text(constant->value)) &&
             (type == RT_BOOL || is_digits(rt_value_text(constant->value))) &&
             (type == RT_INT || type == RT_DOUBLE || type == RT_BOOL))
        rt_diag_help(diags, diag, "%s stands without quotes: %.*s",
                     type == RT_BOOL ? "true or false" : "a number",
                     EXPR_PRINT(rt_value_text(constant->value)));
    else
        return false;
    return true;
}

static void help_with_types(struct expr_checker *checker, struct rt_diag *diag,
                            const struct expr_node *node)
{
    struct rt_diags *diags = checker->work->diags;
    uint8_t left = node->children[0]->type.base, right = node->children[1]->type.base;

    if (node->op <= EXPR_OP_GREATER_EQUAL && left == RT_BOOL &&
        node->children[0]->kind == EXPR_BINARY)
        rt_diag_help(diags, diag, "a range is written 2 < x && x < 5");
    else if ((left == RT_DURATION && right == RT_STRING) ||
             (left == RT_STRING && right == RT_DURATION))
        rt_diag_help(diags, diag, "a span of time is written duration('10m')");
    else if ((left == RT_TIMESTAMP && right == RT_STRING) ||
             (left == RT_STRING && right == RT_TIMESTAMP))
        rt_diag_help(diags, diag, "a point in time is written timestamp('2026-01-01T00:00:00Z')");
    else if (node->op == EXPR_OP_IN && right == RT_STRING)
        rt_diag_help(diags, diag, "whether a text holds another is x.contains(\"...\")");
    else if (help_with_quotes(checker, diag, node->children[0], node->children[1]))
        return;
    else if (left == RT_STRING || right == RT_STRING)
        rt_diag_help(diags, diag, "string(x), int(x) and double(x) convert");
}

/* 5 < x is x > 5: one form for sharing and for the machine. */
static void constant_to_the_right(struct expr_node *node)
{
    static const uint8_t mirrored[] = {EXPR_OP_EQUAL,   EXPR_OP_NOT_EQUAL,
                                       EXPR_OP_GREATER, EXPR_OP_GREATER_EQUAL,
                                       EXPR_OP_LESS,    EXPR_OP_LESS_EQUAL};
    struct expr_node *left = node->children[0];

    if (node->op > EXPR_OP_GREATER_EQUAL || left->kind != EXPR_CONSTANT)
        return;
    node->op = mirrored[node->op];
    node->children[0] = node->children[1];
    node->children[1] = left;
}

/* x != null, where the presence of x is meant. */
static void warn_of_null(struct expr_checker *checker, const struct expr_node *node)
{
    const struct expr_node *field = node->children[0], *null = node->children[1];
    const struct expr_text *text = checker->work->text;
    struct rt_diag *diag;

    if (field->kind == EXPR_CONSTANT) {
        field = node->children[1];
        null = node->children[0];
    }
    if (node->op != EXPR_OP_NOT_EQUAL || checker->scope->unchecked || null->kind != EXPR_CONSTANT ||
        null->value.type != RT_NULL ||
        (field->kind != EXPR_FIELD && field->kind != EXPR_EVENT_FIELD) ||
        (field->flags & EXPR_FLAG_OPTIONAL) != 0)
        return;
    diag = rt_diag_add(checker->work->diags, RT_SEVERITY_WARNING, RULE_DIAG_NULL_TEST,
                       expr_text_span(text, node->begin, node->end),
                       "for an event without this field `!= null` is an error, which is no match");
    rt_diag_help(checker->work->diags, diag, "has(%s%.*s) asks whether it is there",
                 field->kind == EXPR_FIELD &&
                         !rt_text_starts_with((struct rt_text){text->text.data + field->begin,
                                                               field->end - field->begin},
                                              RT_TEXT("event"))
                     ? "event."
                     : "",
                 (int)(field->end - field->begin), text->text.data + field->begin);
}

static struct expr_node *check_binary(struct expr_checker *checker, struct expr_node *node)
{
    struct expr_node *left, *right;

    if (node->op <= EXPR_OP_IN) { /* numbers compare by value */
        node->children[0] = expr_unconverted(node->children[0], EXPR_BINARY);
        node->children[1] = expr_unconverted(node->children[1], EXPR_BINARY);
    }
    left = node->children[0];
    right = node->children[1];
    node->type = expr_binary_type((enum expr_operator)node->op, left->type, right->type);
    warn_of_null(checker, node);
    if (left->type.base == RT_EVENT || right->type.base == RT_EVENT ||
        left->type.item == RT_EVENT || right->type.item == RT_EVENT) {
        expr_check_escape(checker, left);
        expr_check_escape(checker, right);
    }
    if (node->type.base == RT_ERROR && checker->scope->unchecked) {
        node->type = expr_type_of(RT_ABSENT);
    } else if (node->type.base == RT_ERROR) {
        struct rt_diag *diag =
            expr_report(checker, node, RULE_DIAG_EXPR_TYPE, "`%s` has no meaning between %s and %s",
                        expr_operator_text((enum expr_operator)node->op),
                        expr_type_phrase(left->type), expr_type_phrase(right->type));

        help_with_types(checker, diag, node);
    }
    constant_to_the_right(node);
    return expr_fold_constants(checker->work, node);
}

static struct expr_node *check_unary(struct expr_checker *checker, struct expr_node *node)
{
    struct expr_node *operand = node->children[0];
    uint8_t type = operand->type.base;

    node->type = operand->type;
    if (node->op == EXPR_OP_NOT) {
        want_bool(checker, operand, "`!`");
        node->type = expr_type_of(RT_BOOL);
    } else if (expr_is_known(operand->type) && type != RT_INT && type != RT_DOUBLE &&
               type != RT_DURATION && !checker->scope->unchecked) {
        expr_report(checker, node, RULE_DIAG_EXPR_TYPE, "`-` takes a number, not %s",
                    expr_type_phrase(operand->type));
    }
    if (expr_is_poisoned(operand))
        node->type = operand->type;
    return expr_fold_constants(checker->work, node);
}

static struct expr_node *check_chain(struct expr_checker *checker, struct expr_node *node)
{
    node->type = expr_type_of(RT_BOOL);
    for (uint32_t i = 0; i < node->child_count; i++)
        want_bool(checker, node->children[i], node->kind == EXPR_AND ? "`&&`" : "`||`");
    if (any_poisoned(node))
        node->type = expr_type_of(RT_ERROR);
    return expr_fold_constants(checker->work, node);
}

static struct expr_node *check_conditional(struct expr_checker *checker, struct expr_node *node)
{
    struct expr_node *yes = node->children[1], *no = node->children[2];

    want_bool(checker, node->children[0], "a condition");
    if (yes->type.base == no->type.base && yes->type.item == no->type.item) {
        node->type = yes->type;
    } else {
        node->type = expr_type_of(yes->type.base == no->type.base ? (enum rt_type)yes->type.base
                                                                  : RT_ABSENT);
        expr_check_escape(checker, yes);
        expr_check_escape(checker, no);
    }
    return expr_fold_constants(checker->work, node);
}

static struct expr_node *check_index(struct expr_checker *checker, struct expr_node *node)
{
    struct expr_node *container = node->children[0], *key = node->children[1];
    bool optional = (node->flags & EXPR_FLAG_OPTIONAL) != 0;
    uint8_t base = container->type.base, wanted = key->type.base;

    node->type = expr_type_of(optional ? RT_OPTIONAL : RT_ABSENT);
    if (base == RT_LIST)
        *(optional ? &node->type.item : &node->type.base) = container->type.item;
    if (base == RT_EVENT)
        expr_check_escape(checker, container);
    expr_check_escape(checker, key);
    if (checker->scope->unchecked)
        return expr_fold_constants(checker->work, node);
    if (expr_is_known(container->type) && base != RT_LIST && base != RT_MAP && base != RT_EVENT &&
        base != RT_OPTIONAL)
        expr_report(checker, node, RULE_DIAG_EXPR_TYPE, "%s has no entries",
                    expr_type_phrase(container->type));
    else if (base == RT_LIST && expr_is_known(key->type) && wanted != RT_INT && wanted != RT_UINT &&
             wanted != RT_DOUBLE)
        expr_report(checker, node, RULE_DIAG_EXPR_TYPE,
                    "a list has entries by number, [0], not by %s", expr_type_phrase(key->type));
    return expr_fold_constants(checker->work, node);
}

/* ---- literals ---- */

static struct expr_node *check_list(struct expr_checker *checker, struct expr_node *node)
{
    uint8_t item = node->child_count > 0 ? node->children[0]->type.base : RT_ABSENT;

    for (uint32_t i = 0; i < node->child_count; i++) {
        const struct expr_node *child = node->children[i];

        if (child->type.base != item || child->type.item == RT_EVENT ||
            (child->flags & EXPR_FLAG_OPTIONAL_ENTRY) != 0)
            item = RT_ABSENT;
    }
    for (uint32_t i = 0; i < node->child_count && item != RT_EVENT; i++)
        expr_check_escape(checker, node->children[i]);
    node->type = (struct expr_type){RT_LIST, item};
    return expr_fold_constants(checker->work, node);
}

static bool is_key_type(uint8_t type)
{
    return type == RT_INT || type == RT_UINT || type == RT_BOOL || type == RT_STRING ||
           type == RT_ABSENT || type == RT_ERROR;
}

static bool is_repeated_key(const struct expr_node *node, uint32_t at)
{
    if (node->children[at]->kind != EXPR_CONSTANT)
        return false;
    for (uint32_t i = 0; i < at; i += 2) {
        if (node->children[i]->kind == EXPR_CONSTANT &&
            expr_value_equal(node->children[i]->value, node->children[at]->value))
            return true;
    }
    return false;
}

static struct expr_node *check_map(struct expr_checker *checker, struct expr_node *node)
{
    node->type = expr_type_of(RT_MAP);
    if (node->child_count / 2 > EXPR_MAP_MAX) {
        expr_report(checker, node, RULE_DIAG_EXPR_LIMIT, "a map has at most %d entries",
                    EXPR_MAP_MAX);
        return node;
    }
    for (uint32_t i = 0; i < node->child_count; i += 2) {
        struct expr_node *key = node->children[i];

        expr_check_escape(checker, node->children[i + 1]);
        if (!is_key_type(key->type.base) && !checker->scope->unchecked)
            expr_report(checker, key, RULE_DIAG_EXPR_TYPE,
                        "a key is an int, a uint, a string, true or false, not %s",
                        expr_type_phrase(key->type));
        else if (is_repeated_key(node, i))
            expr_report(checker, key, RULE_DIAG_EXPR_KEY, "this key stands twice in the map");
    }
    return expr_fold_constants(checker->work, node);
}

/* ---- macros ---- */

static bool fold_is_test(enum expr_fold fold)
{
    return fold == EXPR_FOLD_ALL || fold == EXPR_FOLD_EXISTS || fold == EXPR_FOLD_EXISTS_ONE ||
           fold == EXPR_FOLD_FILTER;
}

static struct expr_type fold_type(enum expr_fold fold, const struct expr_node *range,
                                  const struct expr_node *body)
{
    switch (fold) {
    case EXPR_FOLD_ALL:
    case EXPR_FOLD_EXISTS:
    case EXPR_FOLD_EXISTS_ONE:
        return expr_type_of(RT_BOOL);
    case EXPR_FOLD_FILTER:
        return (struct expr_type){RT_LIST, range->type.base == RT_LIST ? range->type.item
                                                                       : (uint8_t)RT_ABSENT};
    case EXPR_FOLD_MAP:
        return (struct expr_type){RT_LIST, body->type.base};
    case EXPR_FOLD_MAP_VALUES:
    case EXPR_FOLD_MAP_ENTRIES:
        break;
    }
    return expr_type_of(RT_MAP);
}

/* Checks `child` with `variable` in scope. */
// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static bool check_inside(struct expr_checker *checker, const struct expr_variable *variable,
                         struct expr_node **child)
{
    const struct expr_variable *before = checker->innermost;

    checker->innermost = variable;
    *child = expr_check_node(checker, *child);
    checker->innermost = before;
    return *child != NULL;
}

// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static bool check_fold_parts(struct expr_checker *checker, struct expr_node *node)
{
    const struct expr_node *range = node->children[0];
    bool pair = node->name2.length > 0, list = range->type.base == RT_LIST;
    struct expr_variable first = {.name = node->name, .outer = checker->innermost};
    struct expr_variable second = {.name = node->name2, .outer = &first};
    struct expr_type item =
        list ? expr_type_of((enum rt_type)range->type.item) : expr_type_of(RT_ABSENT);

    first.id = node->id = checker->variable_count++;
    second.id = node->id + 1;
    checker->variable_count += pair;
    first.type = pair ? expr_type_of(list ? RT_INT : RT_ABSENT) : item;
    second.type = item;
    for (uint32_t i = node->child_count - 1; i > 0; i--) { /* the filter stands first */
        if (!check_inside(checker, pair ? &second : &first, &node->children[i]))
            return false;
    }
    return true;
}

// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static struct expr_node *check_fold(struct expr_checker *checker, struct expr_node *node)
{
    struct expr_node *range;
    char name[32];

    node->children[0] = range = expr_check_node(checker, node->children[0]);
    if (range == NULL)
        return NULL;
    if (++checker->fold_depth > EXPR_FOLD_DEPTH_MAX) {
        expr_report(checker, node, RULE_DIAG_EXPR_LIMIT,
                    "macros over lists are more than %d deep inside each other",
                    EXPR_FOLD_DEPTH_MAX);
        checker->fold_depth--;
        return node;
    }
    if (!check_fold_parts(checker, node))
        return NULL;
    checker->fold_depth--;
    (void)snprintf(name, sizeof(name), "`%s`", node->macro);
    if (fold_is_test((enum expr_fold)node->op))
        want_bool(checker, node->children[1], name);
    if (node->child_count == 3)
        want_bool(checker, node->children[2], name);
    if (node->op == EXPR_FOLD_MAP_VALUES || node->op == EXPR_FOLD_MAP_ENTRIES ||
        (node->op == EXPR_FOLD_MAP && node->children[1]->type.item == RT_EVENT))
        expr_check_escape(checker, node->children[1]);
    node->type = fold_type((enum expr_fold)node->op, range, node->children[1]);
    if (expr_is_known(range->type) && range->type.base != RT_LIST && range->type.base != RT_MAP &&
        !checker->scope->unchecked)
        expr_report(checker, range, RULE_DIAG_EXPR_TYPE, "%s goes over a list or a map, not %s",
                    name, expr_type_phrase(range->type));
    if (any_poisoned(node))
        node->type = expr_type_of(RT_ERROR);
    return node;
}

/* cel.bind(x, init, body), o.optMap(x, body) */
// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static struct expr_node *check_bind(struct expr_checker *checker, struct expr_node *node)
{
    struct expr_variable variable = {.name = node->name, .outer = checker->innermost};
    struct expr_node *init = expr_check_node(checker, node->children[0]);

    if (init == NULL)
        return NULL;
    node->children[0] = init;
    variable.id = node->id = checker->variable_count++;
    variable.type = init->type;
    if (node->kind == EXPR_OPT_MAP)
        variable.type = expr_type_of(init->type.base == RT_OPTIONAL ? (enum rt_type)init->type.item
                                                                    : RT_ABSENT);
    if (!check_inside(checker, &variable, &node->children[1]))
        return NULL;
    node->type = node->children[1]->type;
    if (node->kind == EXPR_OPT_MAP) {
        if (expr_is_known(init->type) && init->type.base != RT_OPTIONAL &&
            !checker->scope->unchecked)
            expr_report(checker, init, RULE_DIAG_EXPR_TYPE, "`%s` takes an optional, not %s",
                        node->macro, expr_type_phrase(init->type));
        if (node->op == 0) {
            node->type = (struct expr_type){RT_OPTIONAL, node->children[1]->type.base};
            if (node->children[1]->type.item == RT_EVENT)
                expr_check_escape(checker, node->children[1]);
        }
    }
    if (any_poisoned(node))
        node->type = expr_type_of(RT_ERROR);
    return node;
}

/* ---- the walk ---- */

// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static bool check_operands(struct expr_checker *checker, struct expr_node *node)
{
    bool before = checker->names_types;
    bool names[2] = {expr_names_types(node, 0), expr_names_types(node, 1)};

    for (uint32_t i = 0; i < 2; i++) {
        checker->names_types = names[i];
        node->children[i] = expr_check_node(checker, node->children[i]);
        checker->names_types = before;
        if (node->children[i] == NULL)
            return false;
    }
    return true;
}

// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static struct expr_node *check_operator(struct expr_checker *checker, struct expr_node *node)
{
    if (node->kind == EXPR_BINARY ? !check_operands(checker, node) : !check_children(checker, node))
        return NULL;
    switch ((enum expr_kind)node->kind) {
    case EXPR_AND:
    case EXPR_OR:
        return check_chain(checker, node);
    case EXPR_UNARY:
        return check_unary(checker, node);
    default:
        break;
    }
    if (any_poisoned(node)) {
        node->type = expr_type_of(RT_ERROR);
        return node;
    }
    switch ((enum expr_kind)node->kind) {
    case EXPR_BINARY:
        return check_binary(checker, node);
    case EXPR_CONDITIONAL:
        return check_conditional(checker, node);
    case EXPR_LIST:
        return check_list(checker, node);
    default:
        RT_ASSERT(node->kind == EXPR_MAP);
        return check_map(checker, node);
    }
}

static bool is_name_index(const struct expr_node *node)
{
    return node->kind == EXPR_INDEX && (node->flags & EXPR_FLAG_OPTIONAL) == 0 &&
           node->children[1]->kind == EXPR_CONSTANT && node->children[1]->value.type == RT_STRING;
}

/* The key comes first: event["us" + "er"] names a field as event["user"] does, and event[dyn("user")] does not. */
// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static struct expr_node *check_indexed(struct expr_checker *checker, struct expr_node *node)
{
    struct expr_node *key;

    if (is_name_index(node))
        return expr_check_selection(checker, node);
    key = node->children[1] = expr_check_node(checker, node->children[1]);
    if (key == NULL)
        return NULL;
    if (is_name_index(node) && key->type.base == RT_STRING)
        return expr_check_selection(checker, node);
    node->children[0] = expr_check_node(checker, node->children[0]);
    if (node->children[0] == NULL)
        return NULL;
    return any_poisoned(node) ? expr_poison(checker, node) : check_index(checker, node);
}

// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
struct expr_node *expr_check_node(struct expr_checker *checker, struct expr_node *node)
{
    switch ((enum expr_kind)node->kind) {
    case EXPR_CONSTANT:
        node->type = expr_value_type(node->value);
        return node;
    case EXPR_NAME:
    case EXPR_SELECT:
        return expr_check_selection(checker, node);
    case EXPR_CALL:
        return expr_check_call(checker, node);
    case EXPR_HAS:
        return expr_check_has(checker, node);
    case EXPR_FOLD:
        return check_fold(checker, node);
    case EXPR_BIND:
    case EXPR_OPT_MAP:
        return check_bind(checker, node);
    case EXPR_INDEX:
        return check_indexed(checker, node);
    case EXPR_UNARY:
    case EXPR_BINARY:
    case EXPR_AND:
    case EXPR_OR:
    case EXPR_CONDITIONAL:
    case EXPR_LIST:
    case EXPR_MAP:
        return check_operator(checker, node);
    default: /* made by the checker: it has been here */
        return node;
    }
}

struct expr_node *expr_resolve(struct expr_work *work, const struct expr_scope *scope,
                               struct expr_node *root, uint32_t *variable_count)
{
    struct expr_checker checker = {.work = work, .scope = scope};
    struct expr_node *node = expr_check_node(&checker, root);

    if (node != NULL) {
        node = expr_unconverted(node, EXPR_BINARY); /* what is printed is what the event has */
        expr_check_escape(&checker, node);
        if (scope->declared != NULL)
            expr_warn_negations(&checker, node);
    }
    *variable_count = checker.variable_count;
    return node == NULL || work->status == RT_ERR_NOMEM ? NULL : node;
}
