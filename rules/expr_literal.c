/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers and strings of an expression.
 *
 *     INT    = DIGIT+ | 0x HEX+          UINT = INT [uU]
 *     DOUBLE = DIGIT+ . DIGIT+ EXP? | DIGIT+ EXP | . DIGIT+ EXP?
 *     STRING = [rR bB]? one of  "..."  '...'  """..."""  '''...'''
 */
#include "rules/diagnostics.h"
#include "rules/expr_token.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int hex_digit(char c)
{
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static char char_at(const struct expr_lexer *lexer, size_t at)
{
    struct rt_text text = lexer->work->text->text;

    return at < text.length ? text.data[at] : '\0';
}

static struct expr_token bad_literal(struct expr_lexer *lexer, size_t begin, size_t end)
{
    lexer->work->status = RT_ERR_DIAG;
    lexer->at = end;
    return (struct expr_token){.kind = TOKEN_BAD, .begin = (uint32_t)begin, .end = (uint32_t)end};
}

/* ---- numbers ---- */

/* `10m` and the like: a number that runs into a name. */
static struct expr_token number_with_tail(struct expr_lexer *lexer, size_t begin, size_t end)
{
    struct expr_work *work = lexer->work;
    struct rt_text whole;
    struct rt_diag *diag;
    int64_t milliseconds;

    while (is_letter(char_at(lexer, end)) || is_digit(char_at(lexer, end)))
        end++;
    whole = (struct rt_text){work->text->text.data + begin, end - begin};
    diag = rt_diag_add(work->diags, RT_SEVERITY_ERROR, RULE_DIAG_EXPR_LITERAL,
                       expr_text_span(work->text, begin, end), "`%.*s` is not a number",
                       EXPR_PRINT(whole));
    if (rt_text_to_duration_ms(whole, &milliseconds)) {
        if (whole.data[whole.length - 1] == 'd')
            rt_diag_help(work->diags, diag,
                         "in an expression a span of time is written duration('72h')");
        else
            rt_diag_fix(work->diags, diag, "duration('%.*s')", EXPR_PRINT(whole));
    }
    return bad_literal(lexer, begin, end);
}

static struct expr_token number_out_of_range(struct expr_lexer *lexer, size_t begin, size_t end)
{
    struct expr_work *work = lexer->work;

    rt_diag_add(work->diags, RT_SEVERITY_ERROR, RULE_DIAG_EXPR_LITERAL,
                expr_text_span(work->text, begin, end), "the number does not fit in 64 bits");
    return bad_literal(lexer, begin, end);
}

static bool magnitude(struct rt_text digits, unsigned base, uint64_t *out)
{
    uint64_t value = 0;

    for (size_t i = 0; i < digits.length; i++) {
        uint64_t digit = (uint64_t)hex_digit(digits.data[i]);

        if (__builtin_mul_overflow(value, (uint64_t)base, &value) ||
            __builtin_add_overflow(value, digit, &value))
            return false;
    }
    *out = value;
    return true;
}

static size_t skip_digits(const struct expr_lexer *lexer, size_t at)
{
    while (is_digit(char_at(lexer, at)))
        at++;
    return at;
}

/* The end of a fraction and an exponent behind the digits before `at`; `at` itself if there is neither. */
static size_t skip_fraction(const struct expr_lexer *lexer, size_t at)
{
    size_t exponent;

    if (char_at(lexer, at) == '.' && is_digit(char_at(lexer, at + 1)))
        at = skip_digits(lexer, at + 1);
    if (char_at(lexer, at) != 'e' && char_at(lexer, at) != 'E')
        return at;
    exponent = at + 1;
    if (char_at(lexer, exponent) == '+' || char_at(lexer, exponent) == '-')
        exponent++;
    return is_digit(char_at(lexer, exponent)) ? skip_digits(lexer, exponent) : at;
}

struct expr_token expr_lex_number(struct expr_lexer *lexer)
{
    size_t begin = lexer->at, end;
    const char *data = lexer->work->text->text.data;
    struct expr_token token = {.kind = TOKEN_INT, .begin = (uint32_t)begin};
    bool fits;

    if (data[begin] == '0' && char_at(lexer, begin + 1) == 'x' &&
        hex_digit(char_at(lexer, begin + 2)) >= 0) {
        size_t digits = begin + 2;

        for (end = digits; hex_digit(char_at(lexer, end)) >= 0;)
            end++;
        fits = magnitude((struct rt_text){data + digits, end - digits}, 16, &token.value.natural);
    } else {
        size_t whole = skip_digits(lexer, begin);

        end = skip_fraction(lexer, whole);
        if (end > whole) {
            token.kind = TOKEN_DOUBLE;
            fits =
                rt_text_to_double((struct rt_text){data + begin, end - begin}, &token.value.real);
        } else {
            fits = magnitude((struct rt_text){data + begin, end - begin}, 10, &token.value.natural);
        }
    }
    if (token.kind == TOKEN_INT && (char_at(lexer, end) == 'u' || char_at(lexer, end) == 'U')) {
        token.kind = TOKEN_UINT;
        end++;
    }
    if (is_letter(char_at(lexer, end)))
        return number_with_tail(lexer, begin, end);
    if (!fits)
        return number_out_of_range(lexer, begin, end);
    lexer->at = end;
    token.end = (uint32_t)end;
    return token;
}

/* ---- strings ---- */

struct string_form {
    bool raw, bytes;
    char quote;
    bool triple;
    size_t body; /* where the text begins */
};

/* r R b B in either order and case, each at most once, then a quote. */
static bool string_form(const struct expr_lexer *lexer, struct string_form *form)
{
    size_t at = lexer->at;

    *form = (struct string_form){.raw = false};
    for (;; at++) {
        char c = char_at(lexer, at);

        if ((c == 'r' || c == 'R') && !form->raw) {
            form->raw = true;
        } else if ((c == 'b' || c == 'B') && !form->bytes) {
            form->bytes = true;
        } else {
            form->quote = c;
            break;
        }
    }
    if (form->quote != '"' && form->quote != '\'')
        return false;
    form->triple = char_at(lexer, at + 1) == form->quote && char_at(lexer, at + 2) == form->quote;
    form->body = at + (form->triple ? 3 : 1);
    return true;
}

bool expr_lex_is_string(const struct expr_lexer *lexer)
{
    struct string_form form;

    return string_form(lexer, &form);
}

static bool closes(const struct expr_lexer *lexer, const struct string_form *form, size_t at)
{
    if (char_at(lexer, at) != form->quote)
        return false;
    return !form->triple ||
           (char_at(lexer, at + 1) == form->quote && char_at(lexer, at + 2) == form->quote);
}

/* Where the text ends; SIZE_MAX if it is not closed. */
static size_t string_end(const struct expr_lexer *lexer, const struct string_form *form)
{
    size_t length = lexer->work->text->text.length;

    for (size_t at = form->body; at < length; at++) {
        char c = char_at(lexer, at);

        if (closes(lexer, form, at))
            return at;
        if (!form->triple && (c == '\n' || c == '\r'))
            return SIZE_MAX;
        if (c == '\\' && !form->raw)
            at++;
    }
    return SIZE_MAX;
}

/* `count` hexadecimal digits at `at`. */
static bool hex_value(const struct expr_lexer *lexer, size_t at, size_t count, uint32_t *out)
{
    uint32_t value = 0;

    for (size_t i = 0; i < count; i++) {
        int digit = hex_digit(char_at(lexer, at + i));

        if (digit < 0)
            return false;
        value = value << 4 | (uint32_t)digit;
    }
    *out = value;
    return true;
}

static bool octal_value(const struct expr_lexer *lexer, size_t at, uint32_t *out)
{
    uint32_t value = 0;

    for (size_t i = 0; i < 3; i++) {
        char c = char_at(lexer, at + i);

        if (c < '0' || c > '7')
            return false;
        value = value << 3 | (uint32_t)(c - '0');
    }
    *out = value;
    return value <= 0377;
}

struct escape {
    uint32_t value;
    size_t length; /* of the escape, backslash included; 0: not one */
    bool octet;    /* in bytes this is one byte, not a code point */
};

static struct escape simple_escape(char c)
{
    static const char names[] = "abfnrtv\\?\"'`";
    static const char values[] = "\a\b\f\n\r\t\v\\?\"'`";
    const char *found = c == '\0' ? NULL : strchr(names, c);

    if (found == NULL)
        return (struct escape){0, 0, false};
    return (struct escape){(uint32_t)values[found - names], 2, false};
}

static struct escape read_escape(const struct expr_lexer *lexer, size_t at, bool bytes)
{
    char c = char_at(lexer, at + 1);
    struct escape escape = {0, 0, true};

    if (((c == 'x' || c == 'X') && hex_value(lexer, at + 2, 2, &escape.value)) ||
        (c >= '0' && c <= '3' && octal_value(lexer, at + 1, &escape.value))) {
        escape.length = 4;
    } else if (!bytes && c == 'u' && hex_value(lexer, at + 2, 4, &escape.value)) {
        escape.length = 6;
    } else if (!bytes && c == 'U' && hex_value(lexer, at + 2, 8, &escape.value)) {
        escape.length = 10;
    } else {
        return simple_escape(c);
    }
    if (escape.value > 0x10FFFF || (escape.value >= 0xD800 && escape.value <= 0xDFFF))
        escape.length = 0;
    return escape;
}

static struct expr_token bad_escape(struct expr_lexer *lexer, size_t at, size_t end)
{
    struct expr_work *work = lexer->work;
    size_t begin = lexer->at, behind = at + 1;
    struct rt_diag *diag;

    if (behind < work->text->text.length)
        rt_utf8_next(work->text->text, &behind);
    diag = rt_diag_add(work->diags, RT_SEVERITY_ERROR, RULE_DIAG_EXPR_LITERAL,
                       expr_text_span(work->text, at, behind), "`%.*s` is not an escape",
                       (int)(behind - at), work->text->text.data + at);
    if (char_at(lexer, at + 1) != '\0' && strchr("uUxX01234567", char_at(lexer, at + 1)) != NULL)
        rt_diag_help(
            work->diags, diag,
            "a character is \\xHH, \\uHHHH, \\UHHHHHHHH or \\ooo, no surrogate and at most "
            "10FFFF; bytes are \\xHH or \\ooo");
    else
        rt_diag_help(work->diags, diag, "for a regular expression write a raw string, r'\\d+'");
    return bad_literal(lexer, begin, end);
}

struct expr_token expr_lex_string(struct expr_lexer *lexer)
{
    struct expr_work *work = lexer->work;
    size_t begin = lexer->at, end, length = 0;
    struct string_form form;
    char *out;

    (void)string_form(lexer, &form);
    end = string_end(lexer, &form);
    if (end == SIZE_MAX) {
        rt_diag_add(work->diags, RT_SEVERITY_ERROR, RULE_DIAG_EXPR_LITERAL,
                    expr_text_span(work->text, begin, form.body), "the text is not closed");
        return bad_literal(lexer, begin, work->text->text.length);
    }
    /* An escape is never shorter than what it stands for. */
    out = rt_arena_raw(work->arena, end - form.body + 1);
    if (out == NULL) {
        work->status = RT_ERR_NOMEM;
        return (struct expr_token){.kind = TOKEN_BAD};
    }
    for (size_t at = form.body; at < end;) {
        struct escape escape;

        if (form.raw || char_at(lexer, at) != '\\') {
            out[length++] = char_at(lexer, at++);
            continue;
        }
        escape = read_escape(lexer, at, form.bytes);
        if (escape.length == 0)
            return bad_escape(lexer, at, end + (form.triple ? 3 : 1));
        if (form.bytes && escape.octet)
            out[length++] = (char)escape.value;
        else
            length += rt_utf8_put(escape.value, out + length);
        at += escape.length;
    }
    lexer->at = end + (form.triple ? 3 : 1);
    return (struct expr_token){.kind = form.bytes ? TOKEN_BYTES : TOKEN_STRING,
                               .begin = (uint32_t)begin,
                               .end = (uint32_t)lexer->at,
                               .value.bytes = {out, length}};
}
