/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/nfa/flink_expr.h"

#include <string.h>

#include "runtime/base/text.h"

// NOLINTBEGIN(misc-no-recursion): as deep as the recorded conditions

enum kind { KIND_NULL, KIND_BOOL, KIND_NUMBER, KIND_TEXT };

struct value {
    enum kind kind;
    double number; /* of a bool: 0 or 1 */
    const char *text;
};

enum operation {
    OP_CONSTANT,
    OP_FIELD, /* text: its name */
    OP_CALL,  /* text: the function; left, right: arguments, or step and field as text */
    OP_NOT,
    OP_AND,
    OP_OR,
    OP_EQ,
    OP_NE,
    OP_LT,
    OP_LE,
    OP_GT,
    OP_GE,
    OP_ADD,
    OP_SUB
};

struct flink_expr {
    enum operation operation;
    struct value constant;
    const char *text;
    const char *step, *field;
    struct flink_expr *left, *right;
};

struct parser {
    struct rt_arena *arena;
    const char *at;
    bool failed;
};

static struct flink_expr *parse_or(struct parser *parser);

static struct flink_expr *node(struct parser *parser, enum operation operation,
                               struct flink_expr *left, struct flink_expr *right)
{
    struct flink_expr *made = rt_arena_alloc(parser->arena, sizeof(*made));

    made->operation = operation;
    made->left = left;
    made->right = right;
    return made;
}

static bool accept(struct parser *parser, const char *word)
{
    while (*parser->at == ' ')
        parser->at++;
    if (strncmp(parser->at, word, strlen(word)) != 0)
        return false;
    parser->at += strlen(word);
    return true;
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static const char *parse_word(struct parser *parser)
{
    const char *begin;

    (void)accept(parser, "");
    begin = parser->at;
    while (is_word(*parser->at))
        parser->at++;
    if (parser->at == begin)
        parser->failed = true;
    return rt_arena_text(parser->arena, begin, (size_t)(parser->at - begin));
}

static struct flink_expr *constant(struct parser *parser, struct value value)
{
    struct flink_expr *made = node(parser, OP_CONSTANT, NULL, NULL);

    made->constant = value;
    return made;
}

static const char *parse_quoted(struct parser *parser)
{
    const char *begin = parser->at;
    const char *text;

    while (*parser->at != '\'' && *parser->at != '\0')
        parser->at++;
    text = rt_arena_text(parser->arena, begin, (size_t)(parser->at - begin));
    parser->failed |= *parser->at != '\'';
    parser->at += *parser->at == '\'';
    return text;
}

static struct flink_expr *parse_number(struct parser *parser)
{
    const char *begin = parser->at;
    struct value value = {.kind = KIND_NUMBER};

    while ((*parser->at >= '0' && *parser->at <= '9') || *parser->at == '.')
        parser->at++;
    parser->failed |=
        !rt_text_to_double((struct rt_text){begin, (size_t)(parser->at - begin)}, &value.number);
    return constant(parser, value);
}

/* contains(field,'s') starts_with(field,'s') sum(step.field) count(step) first(step.field) last(step.field) */
static struct flink_expr *parse_call(struct parser *parser, const char *name)
{
    struct flink_expr *made = node(parser, OP_CALL, NULL, NULL);

    made->text = name;
    made->step = parse_word(parser);
    if (accept(parser, ".")) {
        made->field = parse_word(parser);
    } else if (accept(parser, ",")) {
        parser->failed |= !accept(parser, "'");
        made->field = parse_quoted(parser);
    }
    parser->failed |= !accept(parser, ")");
    return made;
}

static struct flink_expr *parse_term(struct parser *parser)
{
    struct flink_expr *made;
    const char *name;

    if (accept(parser, "(")) {
        made = parse_or(parser);
        parser->failed |= !accept(parser, ")");
        return made;
    }
    if (accept(parser, "'"))
        return constant(parser, (struct value){.kind = KIND_TEXT, .text = parse_quoted(parser)});
    if (*parser->at >= '0' && *parser->at <= '9')
        return parse_number(parser);
    name = parse_word(parser);
    if (strcmp(name, "true") == 0 || strcmp(name, "false") == 0)
        return constant(parser, (struct value){KIND_BOOL, name[0] == 't', NULL});
    if (accept(parser, "("))
        return parse_call(parser, name);
    made = node(parser, OP_FIELD, NULL, NULL);
    made->text = name;
    return made;
}

static struct flink_expr *parse_sum(struct parser *parser)
{
    struct flink_expr *left = parse_term(parser);

    while (!parser->failed) {
        if (accept(parser, "+"))
            left = node(parser, OP_ADD, left, parse_term(parser));
        else if (accept(parser, "-"))
            left = node(parser, OP_SUB, left, parse_term(parser));
        else
            break;
    }
    return left;
}

static struct flink_expr *parse_compare(struct parser *parser)
{
    static const struct {
        const char *text;
        enum operation operation;
    } operators[] = {{"==", OP_EQ}, {"!=", OP_NE}, {"<=", OP_LE},
                     {">=", OP_GE}, {"<", OP_LT},  {">", OP_GT}};
    struct flink_expr *left = parse_sum(parser);

    for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++)
        if (accept(parser, operators[i].text))
            return node(parser, operators[i].operation, left, parse_sum(parser));
    return left;
}

static struct flink_expr *parse_not(struct parser *parser)
{
    (void)accept(parser, "");
    if (parser->at[0] == '!' && parser->at[1] != '=') {
        parser->at++;
        return node(parser, OP_NOT, parse_not(parser), NULL);
    }
    return parse_compare(parser);
}

static struct flink_expr *parse_and(struct parser *parser)
{
    struct flink_expr *left = parse_not(parser);

    while (!parser->failed && accept(parser, "&&"))
        left = node(parser, OP_AND, left, parse_not(parser));
    return left;
}

static struct flink_expr *parse_or(struct parser *parser)
{
    struct flink_expr *left = parse_and(parser);

    while (!parser->failed && accept(parser, "||"))
        left = node(parser, OP_OR, left, parse_and(parser));
    return left;
}

struct flink_expr *flink_expr_parse(struct rt_arena *arena, const char *text)
{
    struct parser parser = {arena, text, false};
    struct flink_expr *expr = parse_or(&parser);

    (void)accept(&parser, "");
    return parser.failed || *parser.at != '\0' ? NULL : expr;
}

/* ---- evaluate ---- */

static struct value value_of_json(const json_t *json)
{
    if (json_is_string(json))
        return (struct value){.kind = KIND_TEXT, .text = json_string_value(json)};
    if (json_is_number(json))
        return (struct value){.kind = KIND_NUMBER, .number = json_number_value(json)};
    if (json_is_boolean(json))
        return (struct value){.kind = KIND_BOOL, .number = json_is_true(json)};
    return (struct value){.kind = KIND_NULL};
}

static struct value field_of(const struct flink_event *event, const char *name)
{
    return value_of_json(json_object_get(event->fields, name));
}

/* sum, count, first, last over what the run has taken for a step. */
static struct value aggregate(const struct flink_expr *expr, const struct flink_scope *scope)
{
    const struct nfa_path *path = scope->run->path;
    double sum = 0, count = 0;
    struct value first = {.kind = KIND_NULL}, last = {.kind = KIND_NULL};
    struct nfa_taken taken;

    while (path != NULL) {
        path = nfa_path_get(path, &taken);
        if (strcmp(nfa_program_step_name(scope->program, taken.step), expr->step) != 0)
            continue;
        count++;
        if (expr->field == NULL)
            continue;
        first = field_of(taken.event, expr->field);
        sum += first.number;
        if (last.kind == KIND_NULL)
            last = first;
    }
    if (strcmp(expr->text, "sum") == 0)
        return (struct value){.kind = KIND_NUMBER, .number = sum};
    if (strcmp(expr->text, "count") == 0)
        return (struct value){.kind = KIND_NUMBER, .number = count};
    return strcmp(expr->text, "first") == 0 ? first : last;
}

static struct value call(const struct flink_expr *expr, const struct flink_scope *scope)
{
    struct value field = {.kind = KIND_NULL};
    bool found = false;

    if (strcmp(expr->text, "contains") != 0 && strcmp(expr->text, "starts_with") != 0)
        return aggregate(expr, scope);
    field = field_of(scope->event, expr->step);
    if (field.kind == KIND_TEXT)
        found = expr->text[0] == 'c' ? strstr(field.text, expr->field) != NULL
                                     : strncmp(field.text, expr->field, strlen(expr->field)) == 0;
    return (struct value){.kind = KIND_BOOL, .number = found};
}

static struct value evaluate(const struct flink_expr *expr, const struct flink_scope *scope);

static bool equal(struct value a, struct value b)
{
    if (a.kind != b.kind)
        return false;
    if (a.kind == KIND_TEXT)
        return strcmp(a.text, b.text) == 0;
    return a.kind == KIND_NULL || a.number == b.number;
}

static bool ordered(enum operation operation, struct value a, struct value b)
{
    if (a.kind != KIND_NUMBER || b.kind != KIND_NUMBER)
        return false;
    switch (operation) {
    case OP_LT:
        return a.number < b.number;
    case OP_LE:
        return a.number <= b.number;
    case OP_GT:
        return a.number > b.number;
    default:
        return a.number >= b.number;
    }
}

static struct value arithmetic(enum operation operation, struct value a, struct value b)
{
    if (a.kind != KIND_NUMBER || b.kind != KIND_NUMBER)
        return (struct value){.kind = KIND_NULL};
    return (struct value){.kind = KIND_NUMBER,
                          .number =
                              operation == OP_ADD ? a.number + b.number : a.number - b.number};
}

static struct value binary(const struct flink_expr *expr, const struct flink_scope *scope)
{
    struct value a = evaluate(expr->left, scope);
    struct value b = evaluate(expr->right, scope);
    bool holds;

    if (expr->operation == OP_ADD || expr->operation == OP_SUB)
        return arithmetic(expr->operation, a, b);
    if (expr->operation == OP_EQ || expr->operation == OP_NE)
        holds = equal(a, b) == (expr->operation == OP_EQ);
    else
        holds = ordered(expr->operation, a, b);
    return (struct value){.kind = KIND_BOOL, .number = holds};
}

static struct value name_of(const struct flink_expr *expr, const struct flink_scope *scope)
{
    struct value time = {.kind = KIND_NUMBER};

    if (strcmp(expr->text, "ts") == 0)
        time.number = (double)scope->time;
    else if (strcmp(expr->text, "proc_time") == 0)
        time.number = (double)scope->processing_time;
    else
        return field_of(scope->event, expr->text);
    return time;
}

static struct value evaluate(const struct flink_expr *expr, const struct flink_scope *scope)
{
    struct value yes = {.kind = KIND_BOOL, .number = 1};
    struct value no = {.kind = KIND_BOOL, .number = 0};

    switch (expr->operation) {
    case OP_CONSTANT:
        return expr->constant;
    case OP_FIELD:
        return name_of(expr, scope);
    case OP_CALL:
        return call(expr, scope);
    case OP_NOT:
        return flink_expr_holds(expr->left, scope) ? no : yes;
    case OP_AND:
        return flink_expr_holds(expr->left, scope) && flink_expr_holds(expr->right, scope) ? yes
                                                                                           : no;
    case OP_OR:
        return flink_expr_holds(expr->left, scope) || flink_expr_holds(expr->right, scope) ? yes
                                                                                           : no;
    default:
        return binary(expr, scope);
    }
}

bool flink_expr_holds(const struct flink_expr *expr, const struct flink_scope *scope)
{
    struct value value = evaluate(expr, scope);

    return value.kind == KIND_BOOL && value.number != 0;
}

// NOLINTEND(misc-no-recursion)
