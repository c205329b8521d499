/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recursive descent, one function per level of the grammar; binary operators by precedence climbing.
 *
 *     expr    = or [ "?" or ":" expr ]
 *     or      = and { "||" and }
 *     and     = rel { "&&" rel }
 *     rel, add, mul: left associative
 *     unary   = member | "!" {"!"} member | "-" {"-"} member
 *     member  = primary { "." name [ "(" [args] ")" ] | "[" expr "]" | ".?" name | "[?" expr "]" }
 *     primary = ["."] IDENT [ "(" [args] ")" ] | "(" expr ")" | literal | list | map
 *
 * Recursion passes through parse_expr or parse_unary, which count `depth` up to EXPR_DEPTH_MAX; chains become
 * deep trees without recursion and are bounded by expr_node_adopt.
 * The first mistake ends the parse: what follows it would be guesswork.
 */
#include "rules/diagnostics.h"
#include "rules/expr_token.h"
#include "runtime/base/assert.h"

struct parser {
    struct expr_work *work;
    struct expr_lexer lexer;
    struct expr_token token; /* the next one */
    uint32_t previous_end;   /* of the one before */
    unsigned depth;
    bool after_in; /* the next primary is the right side of `in` */
};

/* Child nodes being collected: on the stack at first, then in the arena. */
struct node_list {
    struct expr_node **items;
    size_t count, capacity;
    struct expr_node *first[8];
};

static struct expr_node *parse_expr(struct parser *parser);
static struct expr_node *parse_unary(struct parser *parser);

static void advance(struct parser *parser)
{
    parser->previous_end = parser->token.end;
    parser->token = expr_next_token(&parser->lexer);
}

static bool at_token(const struct parser *parser, enum expr_token_kind kind)
{
    return parser->token.kind == kind;
}

static bool take(struct parser *parser, enum expr_token_kind kind)
{
    if (!at_token(parser, kind))
        return false;
    advance(parser);
    return true;
}

static bool list_add(struct parser *parser, struct node_list *list, struct expr_node *node)
{
    if (node == NULL)
        return false;
    if (list->capacity == 0) {
        list->items = list->first;
        list->capacity = sizeof(list->first) / sizeof(list->first[0]);
    }
    if (list->count == list->capacity) {
        struct expr_node **more =
            rt_arena_array(parser->work->arena, list->capacity * 2, sizeof(*more));

        if (more == NULL) {
            parser->work->status = RT_ERR_NOMEM;
            return false;
        }
        memcpy(more, list->items, list->count * sizeof(*more));
        list->items = more;
        list->capacity *= 2;
    }
    list->items[list->count++] = node;
    return true;
}

/* `expected`: what could stand here, for people. */
static struct expr_node *unexpected(struct parser *parser, const char *expected)
{
    expr_advise_unexpected(parser->work, &parser->token, expected, false);
    return NULL;
}

static bool expect(struct parser *parser, enum expr_token_kind kind, const char *what)
{
    if (at_token(parser, kind)) {
        advance(parser);
        return true;
    }
    expr_advise_unexpected(parser->work, &parser->token, what, true);
    return false;
}

static bool enter(struct parser *parser)
{
    struct expr_work *work = parser->work;

    if (++parser->depth <= EXPR_DEPTH_MAX)
        return true;
    if (work->status == RT_OK)
        rt_diag_add(work->diags, RT_SEVERITY_ERROR, RULE_DIAG_EXPR_LIMIT,
                    expr_text_span(work->text, parser->token.begin, parser->token.end),
                    "the expression is more than %d levels deep", EXPR_DEPTH_MAX);
    work->status = RT_ERR_DIAG;
    return false;
}

static struct expr_node *new_parent(struct parser *parser, enum expr_kind kind,
                                    struct expr_node *const *children, size_t count)
{
    struct expr_node *node;

    RT_ASSERT(children[0] != NULL && children[count - 1] != NULL);
    node = expr_node_new(parser->work, kind, children[0]->begin, children[count - 1]->end);

    if (node == NULL || !expr_node_adopt(parser->work, node, children, count))
        return NULL;
    return node;
}

/* ---- primary ---- */

static struct expr_node *constant(struct parser *parser, const struct expr_token *token,
                                  struct rt_value value)
{
    struct expr_node *node = expr_node_new(parser->work, EXPR_CONSTANT, token->begin, token->end);

    if (node == NULL)
        return NULL;
    node->value = value;
    return node;
}

/* `minus`: the sign that stands directly before the number; -2^63 has no other spelling. */
static struct expr_node *number(struct parser *parser, const struct expr_token *minus)
{
    struct expr_token token = parser->token;
    struct expr_node *node;
    uint64_t limit = (uint64_t)INT64_MAX + (minus != NULL);
    struct rt_value value;

    if (token.kind == TOKEN_INT && token.value.natural > limit) {
        rt_diag_add(parser->work->diags, RT_SEVERITY_ERROR, RULE_DIAG_EXPR_LITERAL,
                    expr_text_span(parser->work->text, token.begin, token.end),
                    "the number does not fit in 64 bits");
        parser->work->status = RT_ERR_DIAG;
        return NULL;
    }
    if (token.kind == TOKEN_INT)
        value = rt_int(minus == NULL ? (int64_t)token.value.natural
                                     : (int64_t)(0 - token.value.natural));
    else
        value = rt_double(minus == NULL ? token.value.real : -token.value.real);
    node = constant(parser, &token, value);
    if (node != NULL && minus != NULL)
        node->begin = minus->begin;
    advance(parser);
    return node;
}

static struct expr_node *literal(struct parser *parser)
{
    struct expr_token token = parser->token;
    struct rt_value value = rt_null();

    switch (token.kind) {
    case TOKEN_INT:
    case TOKEN_DOUBLE:
        return number(parser, NULL);
    case TOKEN_UINT:
        value = rt_uint(token.value.natural);
        break;
    case TOKEN_STRING:
        value = rt_string(token.value.bytes.data, (uint32_t)token.value.bytes.length);
        break;
    case TOKEN_BYTES:
        value = rt_string(token.value.bytes.data, (uint32_t)token.value.bytes.length);
        value.type = RT_BYTES;
        break;
    case TOKEN_TRUE:
    case TOKEN_FALSE:
        value = rt_bool(token.kind == TOKEN_TRUE);
        break;
    case TOKEN_NULL:
        break;
    default:
        return unexpected(parser, "a value");
    }
    advance(parser);
    return constant(parser, &token, value);
}

/* args = expr {"," expr}, and the closing parenthesis */
// NOLINTNEXTLINE(misc-no-recursion): enter() counts the depth
static bool parse_arguments(struct parser *parser, struct node_list *list)
{
    if (take(parser, TOKEN_RIGHT_ROUND))
        return true;
    do {
        if (!list_add(parser, list, parse_expr(parser)))
            return false;
    } while (take(parser, TOKEN_COMMA));
    return expect(parser, TOKEN_RIGHT_ROUND, "`,` or `)`");
}

static bool too_many(struct parser *parser, const struct expr_node *call, size_t count)
{
    if (count <= EXPR_ARGUMENTS_MAX)
        return false;
    rt_diag_add(parser->work->diags, RT_SEVERITY_ERROR, RULE_DIAG_EXPR_LIMIT,
                expr_text_span(parser->work->text, call->name_begin, call->name_end),
                "a call has at most %d arguments", EXPR_ARGUMENTS_MAX);
    parser->work->status = RT_ERR_DIAG;
    return true;
}

/* The token is the "(" behind `name`; `list` may hold the receiver. */
// NOLINTNEXTLINE(misc-no-recursion): enter() counts the depth
static struct expr_node *finish_call(struct parser *parser, const struct expr_token *name,
                                     struct node_list *list, unsigned flags)
{
    size_t begin = list->count > 0 ? list->items[0]->begin : name->begin;
    struct expr_node *node = expr_node_new(parser->work, EXPR_CALL, begin, name->end);

    if (node == NULL)
        return NULL;
    node->name = name->text;
    node->name_begin = name->begin;
    node->name_end = name->end;
    node->flags = (uint8_t)flags;
    advance(parser);
    if (!parse_arguments(parser, list) || too_many(parser, node, list->count))
        return NULL;
    node->end = parser->previous_end;
    if (!expr_node_adopt(parser->work, node, list->items, list->count))
        return NULL;
    return expr_macro_expand(parser->work, node);
}

/* ["."] IDENT [ "(" [args] ")" ] */
// NOLINTNEXTLINE(misc-no-recursion): enter() counts the depth
static struct expr_node *parse_name(struct parser *parser)
{
    struct expr_token first = parser->token, name;
    unsigned flags = take(parser, TOKEN_DOT) ? EXPR_FLAG_ROOT_DOT : 0;
    struct expr_node *node;

    name = parser->token;
    if (!at_token(parser, TOKEN_NAME))
        return unexpected(parser, "a name");
    advance(parser);
    if (at_token(parser, TOKEN_LEFT_ROUND)) {
        struct node_list list = {.count = 0};

        return finish_call(parser, &name, &list, flags);
    }
    if ((rt_text_is(name.text, "not") || rt_text_is(name.text, "NOT")) &&
        (at_token(parser, TOKEN_NAME) || at_token(parser, TOKEN_TRUE) ||
         at_token(parser, TOKEN_FALSE))) {
        expr_advise_operator(parser->work, name.begin, name.end, "!");
        return NULL;
    }
    node = expr_node_new(parser->work, EXPR_NAME, first.begin, name.end);
    if (node == NULL)
        return NULL;
    node->name = name.text;
    node->name_begin = name.begin;
    node->name_end = name.end;
    node->flags = (uint8_t)flags;
    return node;
}

/* "[" [ ["?"] expr {"," ["?"] expr} ] [","] "]" */
// NOLINTNEXTLINE(misc-no-recursion): enter() counts the depth
static struct expr_node *parse_list(struct parser *parser)
{
    uint32_t begin = parser->token.begin, end;
    struct node_list list = {.count = 0};
    struct expr_node *node;

    advance(parser);
    while (!at_token(parser, TOKEN_RIGHT_SQUARE)) {
        bool optional = take(parser, TOKEN_QUESTION);

        if (!list_add(parser, &list, parse_expr(parser)))
            return NULL;
        if (optional)
            list.items[list.count - 1]->flags |= EXPR_FLAG_OPTIONAL_ENTRY;
        if (!take(parser, TOKEN_COMMA))
            break;
    }
    end = parser->token.end;
    if (!expect(parser, TOKEN_RIGHT_SQUARE, "`,` or `]`"))
        return NULL;
    node = expr_node_new(parser->work, EXPR_LIST, begin, end);
    return node != NULL && expr_node_adopt(parser->work, node, list.items, list.count) ? node
                                                                                       : NULL;
}

/* "{" [ ["?"] expr ":" expr {"," ...} ] [","] "}" */
// NOLINTNEXTLINE(misc-no-recursion): enter() counts the depth
static struct expr_node *parse_map(struct parser *parser)
{
    uint32_t begin = parser->token.begin, end;
    struct node_list list = {.count = 0};
    struct expr_node *node;

    advance(parser);
    while (!at_token(parser, TOKEN_RIGHT_BRACE)) {
        bool optional = take(parser, TOKEN_QUESTION);

        if (!list_add(parser, &list, parse_expr(parser)))
            return NULL;
        if (optional)
            list.items[list.count - 1]->flags |= EXPR_FLAG_OPTIONAL_ENTRY;
        if (!expect(parser, TOKEN_COLON, "`:`") || !list_add(parser, &list, parse_expr(parser)))
            return NULL;
        if (!take(parser, TOKEN_COMMA))
            break;
    }
    end = parser->token.end;
    if (!expect(parser, TOKEN_RIGHT_BRACE, "`,` or `}`"))
        return NULL;
    node = expr_node_new(parser->work, EXPR_MAP, begin, end);
    return node != NULL && expr_node_adopt(parser->work, node, list.items, list.count) ? node
                                                                                       : NULL;
}

// NOLINTNEXTLINE(misc-no-recursion): enter() counts the depth
static struct expr_node *parse_group(struct parser *parser, bool after_in)
{
    uint32_t begin = parser->token.begin, end;
    struct expr_node *node;

    advance(parser);
    node = parse_expr(parser);
    end = parser->token.end;
    if (node != NULL && after_in && at_token(parser, TOKEN_COMMA))
        expr_advise_list(parser->work, begin);
    if (node == NULL || !expect(parser, TOKEN_RIGHT_ROUND, "`)`"))
        return NULL;
    node->begin = begin;
    node->end = end;
    return node;
}

// NOLINTNEXTLINE(misc-no-recursion): enter() counts the depth
static struct expr_node *parse_primary(struct parser *parser)
{
    bool after_in = parser->after_in;

    parser->after_in = false;
    switch (parser->token.kind) {
    case TOKEN_NAME:
    case TOKEN_DOT:
        return parse_name(parser);
    case TOKEN_LEFT_ROUND:
        return parse_group(parser, after_in);
    case TOKEN_LEFT_SQUARE:
        return parse_list(parser);
    case TOKEN_LEFT_BRACE:
        return parse_map(parser);
    default:
        return literal(parser);
    }
}

/* ---- member ---- */

/* The token behind "."; `operand` goes into the node. */
// NOLINTNEXTLINE(misc-no-recursion): enter() counts the depth
static struct expr_node *parse_selection(struct parser *parser, struct expr_node *operand)
{
    bool optional = take(parser, TOKEN_QUESTION);
    struct expr_token name = parser->token;
    struct expr_node *node;

    if (name.kind != TOKEN_NAME && name.kind != TOKEN_RESERVED && name.kind != TOKEN_QUOTED)
        return unexpected(parser, "the name of a field");
    advance(parser);
    if (!optional && name.kind != TOKEN_QUOTED && at_token(parser, TOKEN_LEFT_ROUND)) {
        struct node_list list = {.count = 0};

        if (!list_add(parser, &list, operand))
            return NULL;
        return finish_call(parser, &name, &list, EXPR_FLAG_MEMBER);
    }
    node = new_parent(parser, EXPR_SELECT, &operand, 1);
    if (node == NULL)
        return NULL;
    node->end = name.end;
    node->name = name.text;
    node->name_begin = name.begin;
    node->name_end = name.end;
    node->flags = (uint8_t)((optional ? EXPR_FLAG_OPTIONAL : 0) |
                            (name.kind == TOKEN_QUOTED ? EXPR_FLAG_QUOTED : 0));
    return node;
}

// NOLINTNEXTLINE(misc-no-recursion): enter() counts the depth
static struct expr_node *parse_index(struct parser *parser, struct expr_node *operand)
{
    bool optional = take(parser, TOKEN_QUESTION);
    struct expr_node *children[2] = {operand, parse_expr(parser)}, *node;
    uint32_t end = parser->token.end;

    if (children[1] == NULL || !expect(parser, TOKEN_RIGHT_SQUARE, "`]`"))
        return NULL;
    node = new_parent(parser, EXPR_INDEX, children, 2);
    if (node == NULL)
        return NULL;
    node->end = end;
    node->flags = optional ? EXPR_FLAG_OPTIONAL : 0;
    return node;
}

static bool is_name_chain(const struct expr_node *node)
{
    while (node->kind == EXPR_SELECT)
        node = node->children[0];
    return node->kind == EXPR_NAME;
}

// NOLINTNEXTLINE(misc-no-recursion): enter() counts the depth
static struct expr_node *parse_suffixes(struct parser *parser, struct expr_node *node)
{
    while (node != NULL) {
        if (take(parser, TOKEN_DOT))
            node = parse_selection(parser, node);
        else if (take(parser, TOKEN_LEFT_SQUARE))
            node = parse_index(parser, node);
        else if (at_token(parser, TOKEN_LEFT_BRACE) && is_name_chain(node))
            break;
        else
            return node;
    }
    if (node != NULL)
        expr_advise_message(parser->work, node->begin, parser->token.end);
    return NULL;
}

/* unary = member | "!" {"!"} member | "-" {"-"} member */
// NOLINTNEXTLINE(misc-no-recursion): enter() counts the depth
static struct expr_node *parse_operator(struct parser *parser)
{
    struct expr_token sign = parser->token;
    struct expr_node *operand, *node;

    advance(parser);
    if (sign.kind == TOKEN_MINUS && (at_token(parser, TOKEN_INT) || at_token(parser, TOKEN_DOUBLE)))
        return parse_suffixes(parser, number(parser, &sign));
    if (at_token(parser, sign.kind == TOKEN_MINUS ? TOKEN_NOT : TOKEN_MINUS))
        return unexpected(parser, "a value or a parenthesis");
    operand = parse_unary(parser);
    if (operand == NULL)
        return NULL;
    node = new_parent(parser, EXPR_UNARY, &operand, 1);
    if (node == NULL)
        return NULL;
    node->begin = sign.begin;
    node->op = sign.kind == TOKEN_MINUS ? EXPR_OP_NEGATE : EXPR_OP_NOT;
    return node;
}

// NOLINTNEXTLINE(misc-no-recursion): enter() counts the depth
static struct expr_node *parse_unary(struct parser *parser)
{
    struct expr_node *node = NULL;

    if (!enter(parser))
        return NULL;
    if (at_token(parser, TOKEN_NOT) || at_token(parser, TOKEN_MINUS))
        node = parse_operator(parser);
    else
        node = parse_suffixes(parser, parse_primary(parser));
    parser->depth--;
    return node;
}

/* ---- binary operators ---- */

static const struct {
    enum expr_token_kind token;
    enum expr_operator op;
    unsigned level; /* binds tighter if higher */
} binaries[] = {
    {TOKEN_EQUAL, EXPR_OP_EQUAL, 1},     {TOKEN_NOT_EQUAL, EXPR_OP_NOT_EQUAL, 1},
    {TOKEN_LESS, EXPR_OP_LESS, 1},       {TOKEN_LESS_EQUAL, EXPR_OP_LESS_EQUAL, 1},
    {TOKEN_GREATER, EXPR_OP_GREATER, 1}, {TOKEN_GREATER_EQUAL, EXPR_OP_GREATER_EQUAL, 1},
    {TOKEN_IN, EXPR_OP_IN, 1},           {TOKEN_PLUS, EXPR_OP_ADD, 2},
    {TOKEN_MINUS, EXPR_OP_SUBTRACT, 2},  {TOKEN_STAR, EXPR_OP_MULTIPLY, 3},
    {TOKEN_SLASH, EXPR_OP_DIVIDE, 3},    {TOKEN_PERCENT, EXPR_OP_REMAINDER, 3}};

enum { LEVEL_MEMBER = 4 };

static bool binary_at(const struct parser *parser, unsigned level, enum expr_operator *op)
{
    for (size_t i = 0; i < sizeof(binaries) / sizeof(binaries[0]); i++) {
        if (binaries[i].token == parser->token.kind && binaries[i].level == level) {
            *op = binaries[i].op;
            return true;
        }
    }
    return false;
}

/* Operators of `level` and tighter ones. */
// NOLINTNEXTLINE(misc-no-recursion): at most LEVEL_MEMBER deep before parse_unary counts
static struct expr_node *parse_binary(struct parser *parser, unsigned level)
{
    struct expr_node *left;
    enum expr_operator op;

    if (level == LEVEL_MEMBER)
        return parse_unary(parser);
    left = parse_binary(parser, level + 1);
    while (left != NULL && binary_at(parser, level, &op)) {
        struct expr_token sign = parser->token;
        struct expr_node *children[2] = {left, NULL};

        advance(parser);
        if (sign.kind == TOKEN_LESS && at_token(parser, TOKEN_GREATER) &&
            parser->token.begin == sign.end) {
            expr_advise_operator(parser->work, sign.begin, parser->token.end, "!=");
            return NULL;
        }
        parser->after_in = sign.kind == TOKEN_IN;
        children[1] = parse_binary(parser, level + 1);
        if (children[1] == NULL)
            return NULL;
        left = new_parent(parser, EXPR_BINARY, children, 2);
        if (left == NULL)
            return NULL;
        left->op = (uint8_t)op;
        left->name_begin = sign.begin;
        left->name_end = sign.end;
    }
    return left;
}

/* Adds an operand to a chain of `kind`; one that is such a chain itself gives its operands. */
static bool chain_add(struct parser *parser, struct node_list *list, enum expr_kind kind,
                      struct expr_node *node)
{
    if (node == NULL)
        return false;
    if (node->kind != kind)
        return list_add(parser, list, node);
    for (uint32_t i = 0; i < node->child_count; i++) {
        if (!list_add(parser, list, node->children[i]))
            return false;
    }
    return true;
}

/* and = rel { "&&" rel }   or = and { "||" and } */
// NOLINTNEXTLINE(misc-no-recursion): parse_expr counts the depth
static struct expr_node *parse_chain(struct parser *parser, enum expr_kind kind)
{
    enum expr_token_kind separator = kind == EXPR_OR ? TOKEN_OR : TOKEN_AND;
    struct node_list list = {.count = 0};
    struct expr_node *first =
        kind == EXPR_OR ? parse_chain(parser, EXPR_AND) : parse_binary(parser, 1);

    if (first == NULL || !at_token(parser, separator))
        return first;
    if (!chain_add(parser, &list, kind, first))
        return NULL;
    while (take(parser, separator)) {
        struct expr_node *next =
            kind == EXPR_OR ? parse_chain(parser, EXPR_AND) : parse_binary(parser, 1);

        if (!chain_add(parser, &list, kind, next))
            return NULL;
    }
    return new_parent(parser, kind, list.items, list.count);
}

/* expr = or [ "?" or ":" expr ] */
// NOLINTNEXTLINE(misc-no-recursion): enter() counts the depth
static struct expr_node *parse_expr(struct parser *parser)
{
    struct expr_node *children[3] = {NULL, NULL, NULL}, *node = NULL;

    if (!enter(parser))
        return NULL;
    children[0] = parse_chain(parser, EXPR_OR);
    if (children[0] == NULL)
        return NULL;
    if (take(parser, TOKEN_QUESTION)) {
        children[1] = parse_chain(parser, EXPR_OR);
        if (children[1] == NULL || !expect(parser, TOKEN_COLON, "`:`"))
            return NULL;
        children[2] = parse_expr(parser);
        if (children[2] != NULL)
            node = new_parent(parser, EXPR_CONDITIONAL, children, 3);
    } else {
        node = children[0];
    }
    parser->depth--;
    return node;
}

static bool text_is_fit(struct expr_work *work)
{
    struct rt_text text = work->text->text;

    if (text.length > EXPR_TEXT_MAX) {
        rt_diag_add(work->diags, RT_SEVERITY_ERROR, RULE_DIAG_EXPR_LIMIT,
                    expr_text_span(work->text, 0, text.length),
                    "the expression has more than %d bytes", EXPR_TEXT_MAX);
        return false;
    }
    if (!rt_utf8_valid(text)) {
        rt_diag_add(work->diags, RT_SEVERITY_ERROR, RULE_DIAG_EXPR_SYNTAX,
                    expr_text_span(work->text, 0, text.length), "the expression is not UTF-8");
        return false;
    }
    return true;
}

struct expr_node *expr_parse(struct expr_work *work)
{
    struct parser parser = {.work = work, .lexer = {.work = work}};
    struct expr_node *root;

    if (!text_is_fit(work)) {
        work->status = RT_ERR_DIAG;
        return NULL;
    }
    advance(&parser);
    root = parse_expr(&parser);
    if (root != NULL && !at_token(&parser, TOKEN_END)) {
        expr_advise_unexpected(work, &parser.token, "an operator or the end", true);
        root = NULL;
    }
    RT_ASSERT(root != NULL || work->status != RT_OK);
    return work->status == RT_OK ? root : NULL;
}
