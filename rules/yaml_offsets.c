/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a byte of a decoded scalar back to the byte of the file: so that a caret inside an expression is right.
 *
 *     file     where: >-                         'it''s'
 *                amount > 100 &&
 *                ip == "::1"
 *     decoded  amount > 100 && ip == "::1"        it's
 *                           ^ maps to the break      ^ maps to the first of two quotes
 *
 * libyaml tells only where a scalar begins and ends, so the source is decoded a second time here, with the offset of
 * each byte.  The result counts only if it is the text that libyaml decoded; else all bytes map to the beginning.
 */
#include "rules/yaml_tree.h"

#include "runtime/base/alloc.h"

enum { INDENT_TRIES = 64 };

struct decoder {
    struct rt_text source;
    size_t at, end;
    struct rt_text wanted; /* what libyaml decoded */
    uint32_t *offsets;     /* one per byte of `wanted`, and one */
    size_t length;         /* decoded so far */
    bool differs;
};

/* One decoded byte that comes from file offset `from`. */
static void put(struct decoder *decoder, char c, size_t from)
{
    if (decoder->length >= decoder->wanted.length || decoder->wanted.data[decoder->length] != c) {
        decoder->differs = true;
        return;
    }
    decoder->offsets[decoder->length++] = (uint32_t)from;
}

static bool at_break(const struct decoder *decoder)
{
    return decoder->at < decoder->end &&
           (decoder->source.data[decoder->at] == '\n' || decoder->source.data[decoder->at] == '\r');
}

static bool at_blank(const struct decoder *decoder)
{
    return decoder->at < decoder->end &&
           (decoder->source.data[decoder->at] == ' ' || decoder->source.data[decoder->at] == '\t');
}

static void skip_break(struct decoder *decoder)
{
    if (decoder->source.data[decoder->at] == '\r' && decoder->at + 1 < decoder->end &&
        decoder->source.data[decoder->at + 1] == '\n')
        decoder->at++;
    decoder->at++;
}

static void skip_blanks(struct decoder *decoder)
{
    while (at_blank(decoder))
        decoder->at++;
}

/* ---- plain and quoted: a break is a blank, empty lines are breaks, blanks round breaks vanish ---- */

/* At a blank or break.  `escaped`: the break was escaped, so it is nothing. */
static void fold(struct decoder *decoder, bool escaped)
{
    size_t first = decoder->at;
    size_t first_break;
    size_t breaks = 0;

    skip_blanks(decoder);
    if (!at_break(decoder)) {
        for (size_t i = first; i < decoder->at; i++)
            put(decoder, decoder->source.data[i], i);
        return;
    }
    first_break = decoder->at;
    skip_break(decoder);
    skip_blanks(decoder);
    while (at_break(decoder)) {
        put(decoder, '\n', decoder->at);
        breaks++;
        skip_break(decoder);
        skip_blanks(decoder);
    }
    if (breaks == 0 && !escaped)
        put(decoder, ' ', first_break);
}

static void decode_plain(struct decoder *decoder)
{
    while (decoder->at < decoder->end && !decoder->differs) {
        if (at_blank(decoder) || at_break(decoder)) {
            fold(decoder, false);
        } else {
            put(decoder, decoder->source.data[decoder->at], decoder->at);
            decoder->at++;
        }
    }
}

static void decode_single_quoted(struct decoder *decoder)
{
    decoder->at++;
    while (decoder->at < decoder->end && !decoder->differs) {
        size_t from = decoder->at;
        char c = decoder->source.data[from];

        if (at_blank(decoder) || at_break(decoder)) {
            fold(decoder, false);
            continue;
        }
        if (c == '\'') {
            decoder->at++;
            if (decoder->at >= decoder->end || decoder->source.data[decoder->at] != '\'')
                return;
        }
        put(decoder, c, from);
        decoder->at++;
    }
}

static uint32_t hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return (uint32_t)(c - '0');
    return (uint32_t)((c | 0x20) - 'a') + 10;
}

/* `digits` hexadecimal digits behind `\x`, `\u` or `\U`. */
static void decode_code_point(struct decoder *decoder, size_t from, size_t digits)
{
    uint32_t code_point = 0;
    char bytes[4];
    size_t count;

    if (decoder->end - decoder->at < digits) {
        decoder->differs = true;
        return;
    }
    for (size_t i = 0; i < digits; i++)
        code_point = code_point << 4 | hex_digit(decoder->source.data[decoder->at++]);
    count = rt_utf8_put(code_point, bytes);
    for (size_t i = 0; i < count; i++)
        put(decoder, bytes[i], from);
}

/* At a backslash. */
static void decode_escape(struct decoder *decoder)
{
    static const struct {
        char letter;
        const char *text;
    } table[] = {{'0', ""},
                 {'a', "\a"},
                 {'b', "\b"},
                 {'t', "\t"},
                 {'\t', "\t"},
                 {'n', "\n"},
                 {'v', "\v"},
                 {'f', "\f"},
                 {'r', "\r"},
                 {'e', "\x1b"},
                 {' ', " "},
                 {'"', "\""},
                 {'/', "/"},
                 {'\\', "\\"},
                 {'N', "\xc2\x85"},
                 {'_', "\xc2\xa0"},
                 {'L', "\xe2\x80\xa8"},
                 {'P', "\xe2\x80\xa9"}};
    size_t from = decoder->at++;
    char letter;

    if (decoder->at >= decoder->end) {
        decoder->differs = true;
        return;
    }
    if (at_break(decoder)) {
        fold(decoder, true);
        return;
    }
    letter = decoder->source.data[decoder->at++];
    if (letter == 'x' || letter == 'u' || letter == 'U') {
        decode_code_point(decoder, from, letter == 'x' ? 2 : letter == 'u' ? 4 : 8);
        return;
    }
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (table[i].letter != letter)
            continue;
        if (letter == '0')
            put(decoder, '\0', from);
        for (const char *c = table[i].text; *c != '\0'; c++)
            put(decoder, *c, from);
        return;
    }
    decoder->differs = true;
}

static void decode_double_quoted(struct decoder *decoder)
{
    decoder->at++;
    while (decoder->at < decoder->end && !decoder->differs) {
        char c = decoder->source.data[decoder->at];

        if (c == '"')
            return;
        if (c == '\\') {
            decode_escape(decoder);
        } else if (at_blank(decoder) || at_break(decoder)) {
            fold(decoder, false);
        } else {
            put(decoder, c, decoder->at);
            decoder->at++;
        }
    }
}

/* ---- block scalars: `|` keeps line breaks, `>` folds them ---- */

struct block {
    bool is_literal;
    char chomping;    /* '+', '-' or 0 */
    size_t indent;    /* columns of the content; 0: not known yet */
    size_t breaks[2]; /* where pending empty lines begin and end in the source */
};

/* Skips indentation and empty lines; returns the column reached.  Empty lines are left for put_breaks. */
static size_t skip_empty_lines(struct decoder *decoder, struct block *block)
{
    size_t widest = 0;
    size_t column;

    block->breaks[0] = decoder->at;
    for (;;) {
        column = 0;
        while ((block->indent == 0 || column < block->indent) && decoder->at < decoder->end &&
               decoder->source.data[decoder->at] == ' ') {
            decoder->at++;
            column++;
        }
        if (column > widest)
            widest = column;
        if (!at_break(decoder))
            break;
        skip_break(decoder);
    }
    block->breaks[1] = decoder->at;
    if (block->indent == 0)
        block->indent = widest == 0 ? 1 : widest;
    return column;
}

static size_t put_breaks(struct decoder *decoder, const struct block *block)
{
    size_t count = 0;

    for (size_t i = block->breaks[0]; i < block->breaks[1]; i++) {
        char c = decoder->source.data[i];

        if (c == '\n' || (c == '\r' && decoder->source.data[i + 1] != '\n')) {
            put(decoder, '\n', i);
            count++;
        }
    }
    return count;
}

static bool has_breaks(const struct decoder *decoder, const struct block *block)
{
    for (size_t i = block->breaks[0]; i < block->breaks[1]; i++) {
        if (decoder->source.data[i] == '\n' || decoder->source.data[i] == '\r')
            return true;
    }
    return false;
}

/* The lines of a block scalar whose header has been read and whose indentation may be known. */
static void decode_lines(struct decoder *decoder, struct block block)
{
    size_t pending = SIZE_MAX; /* the break of the line before, not yet written */
    bool was_blank = false;
    size_t column = skip_empty_lines(decoder, &block);

    while (column == block.indent && decoder->at < decoder->end && !decoder->differs) {
        bool is_blank = at_blank(decoder);

        if (!block.is_literal && pending != SIZE_MAX && !was_blank && !is_blank) {
            if (!has_breaks(decoder, &block))
                put(decoder, ' ', pending);
        } else if (pending != SIZE_MAX) {
            put(decoder, '\n', pending);
        }
        put_breaks(decoder, &block);
        was_blank = is_blank;
        while (decoder->at < decoder->end && !at_break(decoder)) {
            put(decoder, decoder->source.data[decoder->at], decoder->at);
            decoder->at++;
        }
        pending = SIZE_MAX;
        block.breaks[0] = block.breaks[1] = decoder->at;
        if (!at_break(decoder))
            break;
        pending = decoder->at;
        skip_break(decoder);
        column = skip_empty_lines(decoder, &block);
    }
    if (block.chomping != '-' && pending != SIZE_MAX)
        put(decoder, '\n', pending);
    if (block.chomping == '+')
        put_breaks(decoder, &block);
}

static void decode_block(struct decoder *decoder)
{
    struct block block = {.is_literal = decoder->source.data[decoder->at] == '|'};
    size_t explicit_indent = 0;
    size_t begin;

    for (decoder->at++; decoder->at < decoder->end && !at_break(decoder) && !at_blank(decoder);
         decoder->at++) {
        char c = decoder->source.data[decoder->at];

        if (c == '+' || c == '-')
            block.chomping = c;
        else
            explicit_indent = (size_t)hex_digit(c);
    }
    while (decoder->at < decoder->end && !at_break(decoder))
        decoder->at++;
    if (at_break(decoder))
        skip_break(decoder);
    begin = decoder->at;
    block.indent = explicit_indent;
    decode_lines(decoder, block);
    /* An explicit indentation counts from that of the parent, which is not known here. */
    for (size_t parent = 1; explicit_indent > 0 && parent < INDENT_TRIES; parent++) {
        if (!decoder->differs && decoder->length == decoder->wanted.length)
            return;
        decoder->at = begin;
        decoder->length = 0;
        decoder->differs = false;
        block.indent = explicit_indent + parent;
        decode_lines(decoder, block);
    }
}

/* An anchor stands before the value inside the scalar's span. */
static void skip_anchor(struct decoder *decoder)
{
    if (decoder->at >= decoder->end || decoder->source.data[decoder->at] != '&')
        return;
    while (decoder->at < decoder->end && !at_blank(decoder) && !at_break(decoder))
        decoder->at++;
    while (at_blank(decoder) || at_break(decoder))
        decoder->at++;
}

enum rt_status yaml_expr_text(const struct rt_diags *diags, const struct yaml_node *scalar,
                              struct rt_arena *arena, struct expr_text *out)
{
    uint32_t *offsets = rt_arena_array(arena, scalar->text.length + 1, sizeof(*offsets));
    struct decoder decoder = {.source = rt_diags_source_text(diags, scalar->span.source),
                              .at = scalar->span.begin,
                              .end = scalar->span.end,
                              .wanted = scalar->text,
                              .offsets = offsets};

    if (offsets == NULL)
        return RT_ERR_NOMEM;
    skip_anchor(&decoder);
    if (scalar->style == YAML_SINGLE_QUOTED)
        decode_single_quoted(&decoder);
    else if (scalar->style == YAML_DOUBLE_QUOTED)
        decode_double_quoted(&decoder);
    else if (scalar->style == YAML_PLAIN)
        decode_plain(&decoder);
    else
        decode_block(&decoder);
    if (decoder.differs || decoder.length != scalar->text.length) {
        for (size_t i = 0; i <= scalar->text.length; i++)
            offsets[i] = scalar->span.begin;
    } else {
        /* Behind the last byte: the place after it, so that an end span has its width. */
        size_t last = scalar->text.length;

        offsets[last] = last == 0 ? scalar->span.begin : offsets[last - 1] + 1;
    }
    *out =
        (struct expr_text){.text = scalar->text, .source = scalar->span.source, .offsets = offsets};
    return RT_OK;
}
