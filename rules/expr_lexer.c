/* SPDX-License-Identifier: Apache-2.0 */
/* Names, operators and white space; numbers and strings are in expr_literal.c. */
#include "rules/expr_token.h"

#include "rules/diagnostics.h"

static const struct {
    const char *word;
    enum expr_token_kind kind;
} keywords[] = {{"true", TOKEN_TRUE},          {"false", TOKEN_FALSE},
                {"null", TOKEN_NULL},          {"in", TOKEN_IN},
                {"as", TOKEN_RESERVED},        {"break", TOKEN_RESERVED},
                {"const", TOKEN_RESERVED},     {"continue", TOKEN_RESERVED},
                {"else", TOKEN_RESERVED},      {"for", TOKEN_RESERVED},
                {"function", TOKEN_RESERVED},  {"if", TOKEN_RESERVED},
                {"import", TOKEN_RESERVED},    {"let", TOKEN_RESERVED},
                {"loop", TOKEN_RESERVED},      {"package", TOKEN_RESERVED},
                {"namespace", TOKEN_RESERVED}, {"return", TOKEN_RESERVED},
                {"var", TOKEN_RESERVED},       {"void", TOKEN_RESERVED},
                {"while", TOKEN_RESERVED}};

/* Longest first, so that `<=` is not read as `<`. */
static const struct {
    const char *text;
    enum expr_token_kind kind;
} operators[] = {{"&&", TOKEN_AND},        {"||", TOKEN_OR},          {"==", TOKEN_EQUAL},
                 {"!=", TOKEN_NOT_EQUAL},  {"<=", TOKEN_LESS_EQUAL},  {">=", TOKEN_GREATER_EQUAL},
                 {"<", TOKEN_LESS},        {">", TOKEN_GREATER},      {"!", TOKEN_NOT},
                 {".", TOKEN_DOT},         {",", TOKEN_COMMA},        {":", TOKEN_COLON},
                 {"?", TOKEN_QUESTION},    {"(", TOKEN_LEFT_ROUND},   {")", TOKEN_RIGHT_ROUND},
                 {"[", TOKEN_LEFT_SQUARE}, {"]", TOKEN_RIGHT_SQUARE}, {"{", TOKEN_LEFT_BRACE},
                 {"}", TOKEN_RIGHT_BRACE}, {"+", TOKEN_PLUS},         {"-", TOKEN_MINUS},
                 {"*", TOKEN_STAR},        {"/", TOKEN_SLASH},        {"%", TOKEN_PERCENT}};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_name_start(char c)
{
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static char char_at(const struct expr_lexer *lexer, size_t at)
{
    struct rt_text text = lexer->work->text->text;

    return at < text.length ? text.data[at] : '\0';
}

static void skip_blanks(struct expr_lexer *lexer)
{
    struct rt_text text = lexer->work->text->text;

    while (lexer->at < text.length) {
        char c = text.data[lexer->at];

        if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f') {
            lexer->at++;
        } else if (c == '/' && char_at(lexer, lexer->at + 1) == '/') {
            while (lexer->at < text.length && text.data[lexer->at] != '\n')
                lexer->at++;
        } else {
            return;
        }
    }
}

static struct expr_token bad_token(struct expr_lexer *lexer, size_t length)
{
    struct expr_token token = {.kind = TOKEN_BAD, .begin = (uint32_t)lexer->at};

    lexer->at += length;
    token.end = (uint32_t)lexer->at;
    lexer->work->status = RT_ERR_DIAG;
    return token;
}

/* One of = & |, which stand alone in other languages. */
static struct expr_token foreign_operator(struct expr_lexer *lexer, const char *wanted)
{
    expr_advise_operator(lexer->work, lexer->at, lexer->at + 1, wanted);
    return bad_token(lexer, 1);
}

static struct expr_token unknown_character(struct expr_lexer *lexer)
{
    struct expr_work *work = lexer->work;
    size_t end = lexer->at;
    uint32_t point = rt_utf8_next(work->text->text, &end);
    struct rt_diag *diag;

    if (point >= 0x2018 && point <= 0x201F) {
        diag = rt_diag_add(work->diags, RT_SEVERITY_ERROR, RULE_DIAG_EXPR_LITERAL,
                           expr_text_span(work->text, lexer->at, end),
                           "typographic quotes do not quote");
        rt_diag_help(work->diags, diag, "write \"...\" or '...'");
    } else if (point < 0x20 || point == 0x7F) {
        rt_diag_add(work->diags, RT_SEVERITY_ERROR, RULE_DIAG_EXPR_SYNTAX,
                    expr_text_span(work->text, lexer->at, end), "unexpected character 0x%02x",
                    point);
    } else {
        rt_diag_add(work->diags, RT_SEVERITY_ERROR, RULE_DIAG_EXPR_SYNTAX,
                    expr_text_span(work->text, lexer->at, end), "unexpected character `%.*s`",
                    (int)(end - lexer->at), work->text->text.data + lexer->at);
    }
    return bad_token(lexer, end - lexer->at);
}

static struct expr_token lex_name(struct expr_lexer *lexer)
{
    struct expr_token token = {.kind = TOKEN_NAME, .begin = (uint32_t)lexer->at};

    while (is_name_start(char_at(lexer, lexer->at)) || is_digit(char_at(lexer, lexer->at)))
        lexer->at++;
    token.end = (uint32_t)lexer->at;
    token.text = (struct rt_text){lexer->work->text->text.data + token.begin,
                                  (size_t)(token.end - token.begin)};
    for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
        if (rt_text_is(token.text, keywords[i].word))
            token.kind = keywords[i].kind;
    }
    return token;
}

/* `content-type`: letters, digits, _ . - / and blanks. */
static struct expr_token lex_quoted(struct expr_lexer *lexer)
{
    struct expr_work *work = lexer->work;
    struct expr_token token = {.kind = TOKEN_QUOTED, .begin = (uint32_t)lexer->at};
    size_t at = lexer->at + 1;

    for (;; at++) {
        char c = char_at(lexer, at);

        if (!is_name_start(c) && !is_digit(c) && c != '.' && c != '-' && c != '/' && c != ' ')
            break;
    }
    if (char_at(lexer, at) != '`' || at == lexer->at + 1) {
        rt_diag_add(
            work->diags, RT_SEVERITY_ERROR, RULE_DIAG_EXPR_LITERAL,
            expr_text_span(work->text, lexer->at, at + 1 > work->text->text.length ? at : at + 1),
            "a name in backquotes has letters, digits, _ . - / and blanks only");
        return bad_token(lexer, at - lexer->at);
    }
    lexer->at = at + 1;
    token.end = (uint32_t)lexer->at;
    token.text = (struct rt_text){work->text->text.data + token.begin + 1,
                                  (size_t)(token.end - token.begin - 2)};
    return token;
}

struct expr_token expr_next_token(struct expr_lexer *lexer)
{
    struct expr_token token = {.kind = TOKEN_END};
    struct rt_text rest;
    char c;

    skip_blanks(lexer);
    token.begin = token.end = (uint32_t)lexer->at;
    if (lexer->at >= lexer->work->text->text.length)
        return token;
    c = char_at(lexer, lexer->at);
    if (expr_lex_is_string(lexer))
        return expr_lex_string(lexer);
    if (is_name_start(c))
        return lex_name(lexer);
    if (is_digit(c) || (c == '.' && is_digit(char_at(lexer, lexer->at + 1))))
        return expr_lex_number(lexer);
    if (c == '`')
        return lex_quoted(lexer);
    rest = (struct rt_text){lexer->work->text->text.data + lexer->at,
                            lexer->work->text->text.length - lexer->at};
    for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
        if (rt_text_starts_with(rest, rt_text_of(operators[i].text))) {
            lexer->at += strlen(operators[i].text);
            token.kind = operators[i].kind;
            token.end = (uint32_t)lexer->at;
            return token;
        }
    }
    if (c == '=')
        return foreign_operator(lexer, "==");
    if (c == '&')
        return foreign_operator(lexer, "&&");
    if (c == '|')
        return foreign_operator(lexer, "||");
    return unknown_character(lexer);
}
