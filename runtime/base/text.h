/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.h - pieces of text, a bounded buffer to build them in, and UTF-8.
 *
 * A struct rt_text borrows: it points into memory that somebody else owns and need not end in a NUL.
 * A struct rt_buffer owns its bytes; it grows up to its bound and then refuses, with a sticky flag, so
 * that a writer may append a whole record and look once at the end.
 */
#ifndef EGRET_RUNTIME_BASE_TEXT_H
#define EGRET_RUNTIME_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct rt_text {
    const char *data; /* may be NULL when length is 0 */
    size_t length;    /* bytes */
};

#define RT_TEXT(literal) ((struct rt_text){(literal), sizeof(literal) - 1})

static inline struct rt_text rt_text_of(const char *nul_terminated)
{
    return (struct rt_text){nul_terminated, nul_terminated == NULL ? 0 : strlen(nul_terminated)};
}

static inline bool rt_text_equal(struct rt_text a, struct rt_text b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

static inline bool rt_text_is(struct rt_text a, const char *nul_terminated)
{
    return rt_text_equal(a, rt_text_of(nul_terminated));
}

bool rt_text_starts_with(struct rt_text text, struct rt_text prefix);
bool rt_text_ends_with(struct rt_text text, struct rt_text suffix);

/* Bytewise order, which for UTF-8 is code point order: negative, 0, positive. */
int rt_text_compare(struct rt_text a, struct rt_text b);

/* ---- UTF-8 ---- */

bool rt_utf8_valid(struct rt_text text);

/* Code points in valid UTF-8. */
size_t rt_utf8_length(struct rt_text text);

/* The code point at text[*at], which must be inside; moves *at behind it.  U+FFFD for a broken byte. */
uint32_t rt_utf8_next(struct rt_text text, size_t *at);

/* Writes 1 to 4 bytes; returns how many. */
size_t rt_utf8_put(uint32_t code_point, char out[4]);

/* Columns that a terminal needs for valid UTF-8: 0 for combining marks, 2 for wide characters. */
size_t rt_utf8_width(struct rt_text text);

/* ---- a buffer that grows ---- */

struct rt_buffer {
    char *data; /* owned; always NUL-terminated when not NULL */
    size_t length;
    size_t capacity; /* at most bytes_max and a NUL */
    size_t bytes_max;
    bool failed; /* an append did not fit or found no memory; sticky until reset */
};

void rt_buffer_init(struct rt_buffer *buffer, size_t bytes_max);
void rt_buffer_done(struct rt_buffer *buffer);  /* a zeroed buffer is fine */
void rt_buffer_reset(struct rt_buffer *buffer); /* empties, keeps the memory, clears `failed` */
void rt_buffer_add(struct rt_buffer *buffer, const char *data, size_t length);
/*
 * For writers of many small pieces: where `most` bytes may be written at once, of which rt_buffer_wrote then tells how many were; NULL:
 * there is not so much room now, which says nothing of rt_buffer_add.
 */
static inline char *rt_buffer_spare(struct rt_buffer *buffer, size_t most)
{
    return most < buffer->capacity - buffer->length && !buffer->failed
               ? buffer->data + buffer->length
               : NULL;
}
static inline void rt_buffer_wrote(struct rt_buffer *buffer, size_t length)
{
    buffer->length += length;
    buffer->data[buffer->length] = '\0';
}
void rt_buffer_text(struct rt_buffer *buffer, struct rt_text text);
static inline void rt_buffer_string(struct rt_buffer *buffer, const char *nul_terminated)
{
    rt_buffer_add(buffer, nul_terminated, strlen(nul_terminated)); /* of a literal: a constant */
}
void rt_buffer_char(struct rt_buffer *buffer, char c);
void rt_buffer_printf(struct rt_buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void rt_buffer_int(struct rt_buffer *buffer, int64_t value);
void rt_buffer_uint(struct rt_buffer *buffer, uint64_t value);

/* A JSON string with its quotes.  The text must be valid UTF-8. */
void rt_buffer_json_string(struct rt_buffer *buffer, struct rt_text text);

/* Base64 with padding. */
void rt_buffer_base64(struct rt_buffer *buffer, const void *bytes, size_t length);

static inline struct rt_text rt_buffer_view(const struct rt_buffer *buffer)
{
    return (struct rt_text){buffer->data, buffer->length};
}

/* ---- numbers ---- */

enum { RT_DOUBLE_TEXT_MAX = 32 };

/*
 * The shortest decimal that reads back as the same double, without exponent between 1e-5 and 1e21:
 * 899 -> "899", 0.1 -> "0.1", 1e21 -> "1e+21".  NaN, Infinity, -Infinity by these names.
 * `out` gets a NUL; returns the length.  Independent of the locale.
 */
size_t rt_double_text(double value, char out[RT_DOUBLE_TEXT_MAX]);

/*
 * A finite double with `precision` (0 to 100) digits after the point: form 'f' 1234.500, form 'e' 1.234500e+03.
 * Rounded exactly, halves to even.  Independent of the locale.
 */
void rt_buffer_double(struct rt_buffer *buffer, double value, char form, int precision);

/* The whole of `text` as a number: false if anything else is in it or it does not fit. */
bool rt_text_to_int(struct rt_text text, int64_t *out);
bool rt_text_to_uint(struct rt_text text, uint64_t *out);
bool rt_text_to_double(struct rt_text text, double *out);

/* A number of bytes, with a unit or without: 512, 64KiB, 100MB, 2GB. */
bool rt_text_to_bytes(struct rt_text text, uint64_t *out);

/* A duration as rules write it: 500ms 30s 10m 2h 7d, parts may follow each other (1h30m). */
bool rt_text_to_duration_ms(struct rt_text text, int64_t *out_ms);

/* The same the other way: 90000 -> "1m30s", 0 -> "0s". */
void rt_buffer_duration(struct rt_buffer *buffer, int64_t ms);

/* ---- did you mean ---- */

/*
 * The candidate nearest to `word` by edit distance (a swap of neighbours counts 1), if that distance is
 * at most a third of the longer of the two, or if the candidate begins with the word; NULL when none is near.  A wrong
 * hint is worse than none.
 * Cost: the product of the lengths, per candidate.
 */
const char *rt_nearest(struct rt_text word, const char *const *candidates, size_t count);

#endif
