/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expr_token.h - text to tokens, for the parser only.
 *
 *     a.b >= r'x\d'      ->     NAME a   DOT   NAME b   GREATER_EQUAL   STRING x\d   END
 *
 * K1  Tokens are made on demand; a literal's value is decoded into the arena.
 * K2  A text that is no token is reported once, at its place, and gives TOKEN_BAD.
 */
#ifndef EGRET_RULES_EXPR_TOKEN_H
#define EGRET_RULES_EXPR_TOKEN_H

#include "rules/expr_tree.h"

enum expr_token_kind {
    TOKEN_END,
    TOKEN_BAD, /* reported */
    TOKEN_NAME,
    TOKEN_RESERVED, /* for, let, package ...: a name behind a dot only */
    TOKEN_QUOTED,   /* `content-type` */
    TOKEN_TRUE,
    TOKEN_FALSE,
    TOKEN_NULL,
    TOKEN_IN,
    TOKEN_INT, /* natural: its magnitude, a sign is the parser's */
    TOKEN_UINT,
    TOKEN_DOUBLE,
    TOKEN_STRING,
    TOKEN_BYTES,
    TOKEN_DOT,
    TOKEN_COMMA,
    TOKEN_COLON,
    TOKEN_QUESTION,
    TOKEN_LEFT_ROUND,
    TOKEN_RIGHT_ROUND,
    TOKEN_LEFT_SQUARE,
    TOKEN_RIGHT_SQUARE,
    TOKEN_LEFT_BRACE,
    TOKEN_RIGHT_BRACE,
    TOKEN_PLUS,
    TOKEN_MINUS,
    TOKEN_STAR,
    TOKEN_SLASH,
    TOKEN_PERCENT,
    TOKEN_NOT,
    TOKEN_AND,
    TOKEN_OR,
    TOKEN_EQUAL,
    TOKEN_NOT_EQUAL,
    TOKEN_LESS,
    TOKEN_LESS_EQUAL,
    TOKEN_GREATER,
    TOKEN_GREATER_EQUAL
};

struct expr_token {
    enum expr_token_kind kind;
    uint32_t begin, end;
    struct rt_text text; /* of names: the name */
    union {
        uint64_t natural;
        double real;
        struct rt_text bytes; /* of STRING, BYTES: the decoded text */
    } value;
};

struct expr_lexer {
    struct expr_work *work;
    size_t at;
};

struct expr_token expr_next_token(struct expr_lexer *lexer);

/* A number or string that begins at lexer->at (a string's prefix included). */
struct expr_token expr_lex_number(struct expr_lexer *lexer);
struct expr_token expr_lex_string(struct expr_lexer *lexer);
/* Does a string literal begin at lexer->at? */
bool expr_lex_is_string(const struct expr_lexer *lexer);

/* ---- advice (expr_advice.c): each reports once and sets the status ---- */

/* An operator of another language at begin..end; `wanted` is ours. */
void expr_advise_operator(struct expr_work *work, size_t begin, size_t end, const char *wanted);
/* The token is not what is `expected`; where an operator could stand, a word may be meant as one. */
void expr_advise_unexpected(struct expr_work *work, const struct expr_token *token,
                            const char *expected, bool operator_wanted);
/* x in (1, 2), the parenthesis at `open` */
void expr_advise_list(struct expr_work *work, size_t open);
/* Type{field: value} */
void expr_advise_message(struct expr_work *work, size_t begin, size_t end);

#endif
