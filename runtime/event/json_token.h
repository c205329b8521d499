/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_token.h - walking a JSON text from token to token; private to the JSON codec.
 *
 *     value  = object | array | string | number | true | false | null
 *     object = "{" [ string ":" value { "," string ":" value } ] "}"          json_enter, json_member ...
 *     array  = "[" [ value { "," value } ] "]"                                json_enter, json_item ...
 *
 * T1  The cursor stands on the next token that has not been consumed.  Every function consumes exactly what it names, and
 *     checks all of it: white space is the only thing that may lie between the end of a token and the next start.
 * T2  The first error ends the walk: the function returns false (JSON_WRONG), `status`, `reject` and `detail` say why.
 * T3  `next` never passes `end`; a token is looked at only if it is known to be there.  Bytes behind the text are read (up to
 *     RT_RECORD_PADDING of them), but never decide anything.
 */
#ifndef EGRET_RUNTIME_EVENT_JSON_TOKEN_H
#define EGRET_RUNTIME_EVENT_JSON_TOKEN_H

#include "runtime/event/codec.h"

struct json_cursor {
    const char *text;
    const uint32_t *next, *end; /* starts of tokens (json_simd.h) */
    struct rt_arena *scratch;   /* for what had to be unescaped */
    unsigned depth;
    bool escapes;  /* some backslash in the text */
    uint8_t flags; /* RT_FLAG_ASCII if the whole text is */
    enum rt_status status;
    enum rt_reject reject;
    const char *detail;
};

enum json_step { JSON_WRONG, JSON_NEXT, JSON_END };

/* Notes the error; always false. */
bool json_fail(struct json_cursor *cursor, enum rt_reject reject, const char *detail);
bool json_no_memory(struct json_cursor *cursor);

/* Consumes any value, checking all of it. */
bool json_skip(struct json_cursor *cursor);

/* Consumes a string, number, true, false or null.  Bytes behind a number are read in words: T3. */
bool json_scalar(struct json_cursor *cursor, struct rt_value *out);

/* Replaces text that may hold escapes by what it means: itself if it has none, else a copy in the scratch arena. */
bool json_unescape(struct json_cursor *cursor, struct rt_text *text);

/* The same for the raw text between two quotes; most records have no escapes at all. */
static inline bool json_plain(struct json_cursor *cursor, struct rt_text *text)
{
    return !cursor->escapes || json_unescape(cursor, text);
}

static inline char json_peek(const struct json_cursor *cursor)
{
    return cursor->text[*cursor->next];
}

static inline bool json_is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/*
 * The text between the quotes of the string that begins at start[0]; start[1] is the token behind it.  The closing quote is the
 * last byte in front of that which is not white space.
 */
static inline struct rt_text json_between_quotes(const char *text, const uint32_t *start)
{
    size_t begin = (size_t)start[0] + 1, end = (size_t)start[1] - 1;

    while (text[end] != '"')
        end--;
    return (struct rt_text){text + begin, end - begin};
}

/* The string value of a raw text. */
static inline bool json_string(struct json_cursor *cursor, struct rt_text text,
                               struct rt_value *out)
{
    const char *raw = text.data;

    if (!json_plain(cursor, &text))
        return false;
    *out = rt_string(text.data, (uint32_t)text.length);
    out->flags = text.data == raw ? cursor->flags : 0; /* an escape may hide any character */
    return true;
}

/* Consumes the opening bracket. */
static inline bool json_enter(struct json_cursor *cursor)
{
    if (++cursor->depth > RT_RECORD_DEPTH_MAX)
        return json_fail(cursor, RT_REJECT_TOO_DEEP, "nested deeper than 64");
    cursor->next++;
    return true;
}

/* Consumes a closing bracket, or what stands in front of the next member or item. */
static inline enum json_step json_separator(struct json_cursor *cursor, char close, bool first)
{
    if (cursor->next == cursor->end) {
        json_fail(cursor, RT_REJECT_BAD_JSON, "ends too early");
        return JSON_WRONG;
    }
    if (json_peek(cursor) == close) {
        cursor->next++;
        cursor->depth--;
        return JSON_END;
    }
    if (first)
        return JSON_NEXT;
    if (json_peek(cursor) != ',') {
        json_fail(cursor, RT_REJECT_BAD_JSON,
                  close == '}' ? "expected `,` or `}`" : "expected `,` or `]`");
        return JSON_WRONG;
    }
    cursor->next++;
    return JSON_NEXT;
}

/* Moves to the value of the next member of the object at hand.  `name` is raw: it may hold escapes. */
static inline enum json_step json_member(struct json_cursor *cursor, bool first,
                                         struct rt_text *name)
{
    enum json_step step = json_separator(cursor, '}', first);

    if (step != JSON_NEXT)
        return step;
    if (cursor->end - cursor->next < 4) { /* name : value } */
        json_fail(cursor, RT_REJECT_BAD_JSON, "ends too early");
        return JSON_WRONG;
    }
    if (json_peek(cursor) != '"' || cursor->text[cursor->next[1]] != ':') {
        json_fail(cursor, RT_REJECT_BAD_JSON, "expected a name in quotes and `:`");
        return JSON_WRONG;
    }
    *name = json_between_quotes(cursor->text, cursor->next);
    cursor->next += 2;
    return JSON_NEXT;
}

/* Moves to the next item of the array at hand. */
static inline enum json_step json_item(struct json_cursor *cursor, bool first)
{
    enum json_step step = json_separator(cursor, ']', first);

    if (step == JSON_NEXT && cursor->end - cursor->next < 2) { /* value ] */
        json_fail(cursor, RT_REJECT_BAD_JSON, "ends too early");
        return JSON_WRONG;
    }
    return step;
}

#endif
