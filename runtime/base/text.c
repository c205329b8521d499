/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/text.h"

#include <stdarg.h>
#include <stdio.h>

#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"

enum { BUFFER_BYTES_FIRST = 256, NEAREST_LENGTH_MAX = 64, NEAREST_BEGINNING_MIN = 4 };

bool rt_text_starts_with(struct rt_text text, struct rt_text prefix)
{
    return text.length >= prefix.length &&
           (prefix.length == 0 || memcmp(text.data, prefix.data, prefix.length) == 0);
}

bool rt_text_ends_with(struct rt_text text, struct rt_text suffix)
{
    return text.length >= suffix.length &&
           (suffix.length == 0 ||
            memcmp(text.data + (text.length - suffix.length), suffix.data, suffix.length) == 0);
}

int rt_text_compare(struct rt_text a, struct rt_text b)
{
    size_t shared = a.length < b.length ? a.length : b.length;
    int order = shared == 0 ? 0 : memcmp(a.data, b.data, shared);

    if (order != 0)
        return order;
    return (a.length > b.length) - (a.length < b.length);
}

void rt_buffer_init(struct rt_buffer *buffer, size_t bytes_max)
{
    *buffer = (struct rt_buffer){.bytes_max = bytes_max};
}

void rt_buffer_done(struct rt_buffer *buffer)
{
    rt_free(buffer->data);
    *buffer = (struct rt_buffer){.bytes_max = buffer->bytes_max};
}

void rt_buffer_reset(struct rt_buffer *buffer)
{
    buffer->length = 0;
    buffer->failed = false;
    if (buffer->data != NULL)
        buffer->data[0] = '\0';
}

/* Moves to where there is room for `more` bytes and a NUL. */
static bool grow(struct rt_buffer *buffer, size_t more)
{
    if (more > buffer->bytes_max || buffer->length > buffer->bytes_max - more) {
        buffer->failed = true;
        return false;
    }

    size_t needed = buffer->length + more + 1;
    size_t capacity = buffer->capacity < BUFFER_BYTES_FIRST ? BUFFER_BYTES_FIRST : buffer->capacity;

    while (capacity < needed)
        capacity *= 2;
    if (capacity - 1 > buffer->bytes_max)
        capacity = buffer->bytes_max + 1;

    char *data = rt_realloc(buffer->data, capacity);

    if (data == NULL) {
        buffer->failed = true;
        return false;
    }
    buffer->data = data;
    buffer->capacity = capacity;
    return true;
}

/* Room for `more` bytes and a NUL. */
static inline bool make_room(struct rt_buffer *buffer, size_t more)
{
    if (buffer->failed)
        return false;
    return more < buffer->capacity - buffer->length || grow(buffer, more);
}

void rt_buffer_add(struct rt_buffer *buffer, const char *data, size_t length)
{
    if (!make_room(buffer, length))
        return;
    if (length > 0)
        memcpy(buffer->data + buffer->length, data, length);
    rt_buffer_wrote(buffer, length);
}

void rt_buffer_text(struct rt_buffer *buffer, struct rt_text text)
{
    rt_buffer_add(buffer, text.data, text.length);
}

void rt_buffer_char(struct rt_buffer *buffer, char c)
{
    if (!make_room(buffer, 1))
        return;
    buffer->data[buffer->length++] = c;
    buffer->data[buffer->length] = '\0';
}

void rt_buffer_printf(struct rt_buffer *buffer, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    RT_ASSERT(length >= 0);
    if (!make_room(buffer, (size_t)length))
        return;
    va_start(args, format);
    vsnprintf(buffer->data + buffer->length, (size_t)length + 1, format, args);
    va_end(args);
    buffer->length += (size_t)length;
}

void rt_buffer_uint(struct rt_buffer *buffer, uint64_t value)
{
    char digits[20];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    rt_buffer_add(buffer, digits + at, sizeof(digits) - at);
}

void rt_buffer_int(struct rt_buffer *buffer, int64_t value)
{
    if (value < 0)
        rt_buffer_char(buffer, '-');
    rt_buffer_uint(buffer, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

static void json_escape(struct rt_buffer *buffer, unsigned char c)
{
    switch (c) {
    case '"':
        rt_buffer_add(buffer, "\\\"", 2);
        return;
    case '\\':
        rt_buffer_add(buffer, "\\\\", 2);
        return;
    case '\n':
        rt_buffer_add(buffer, "\\n", 2);
        return;
    case '\r':
        rt_buffer_add(buffer, "\\r", 2);
        return;
    case '\t':
        rt_buffer_add(buffer, "\\t", 2);
        return;
    default:
        rt_buffer_printf(buffer, "\\u%04x", c);
    }
}

/* Bytes at the beginning that need no escape: at least all of the whole words before the first one that has such a byte. */
static size_t plain_words(struct rt_text text)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
    size_t at = 0;

    for (; text.length - at >= sizeof(uint64_t); at += sizeof(uint64_t)) {
        uint64_t word, quote, backslash;

        memcpy(&word, text.data + at, sizeof(word));
        quote = word ^ ones * '"';
        backslash = word ^ ones * '\\';
        /* A zero byte borrows, and so does one below 0x20; what follows it may too, which is safe. */
        if ((((quote - ones) & ~quote) | ((backslash - ones) & ~backslash) |
             ((word - ones * 0x20) & ~word)) &
            tops)
            break;
    }
    return at;
}

void rt_buffer_json_string(struct rt_buffer *buffer, struct rt_text text)
{
    size_t plain = 0; /* start of the bytes that need no escape */

    rt_buffer_char(buffer, '"');
    for (size_t i = plain_words(text); i < text.length; i++) {
        unsigned char c = (unsigned char)text.data[i];

        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        rt_buffer_add(buffer, text.data + plain, i - plain);
        json_escape(buffer, c);
        plain = i + 1;
    }
    if (text.length > plain)
        rt_buffer_add(buffer, text.data + plain, text.length - plain);
    rt_buffer_char(buffer, '"');
}

void rt_buffer_base64(struct rt_buffer *buffer, const void *bytes, size_t length)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *from = bytes;

    for (size_t i = 0; i < length && !buffer->failed; i += 3) {
        size_t left = length - i;
        uint32_t group = (uint32_t)from[i] << 16;

        if (left > 1)
            group |= (uint32_t)from[i + 1] << 8;
        if (left > 2)
            group |= from[i + 2];

        char quantum[4] = {digits[group >> 18], digits[group >> 12 & 63],
                           left > 1 ? digits[group >> 6 & 63] : '=',
                           left > 2 ? digits[group & 63] : '='};

        rt_buffer_add(buffer, quantum, sizeof(quantum));
    }
}

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;

    return least < c ? least : c;
}

/* Damerau's distance restricted to neighbours, three rows at a time. */
static size_t edit_distance(struct rt_text a, struct rt_text b)
{
    size_t rows[3][NEAREST_LENGTH_MAX + 1];
    size_t *before = rows[0], *last = rows[1], *row = rows[2];

    for (size_t j = 0; j <= b.length; j++)
        last[j] = j;
    for (size_t i = 1; i <= a.length; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b.length; j++) {
            bool same = a.data[i - 1] == b.data[j - 1];

            row[j] = min3(last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1));
            if (i > 1 && j > 1 && a.data[i - 1] == b.data[j - 2] &&
                a.data[i - 2] == b.data[j - 1] && before[j - 2] + 1 < row[j])
                row[j] = before[j - 2] + 1;
        }
        size_t *oldest = before;

        before = last;
        last = row;
        row = oldest;
    }
    return last[b.length];
}

/* A name that was not written to its end. */
static bool is_beginning(struct rt_text word, struct rt_text of)
{
    return word.length >= NEAREST_BEGINNING_MIN && word.length < of.length &&
           memcmp(word.data, of.data, word.length) == 0;
}

const char *rt_nearest(struct rt_text word, const char *const *candidates, size_t count)
{
    const char *best = NULL;
    size_t best_distance = SIZE_MAX;

    if (word.length == 0 || word.length > NEAREST_LENGTH_MAX)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        struct rt_text candidate = rt_text_of(candidates[i]);

        if (candidate.length == 0 || candidate.length > NEAREST_LENGTH_MAX)
            continue;

        size_t longer = word.length > candidate.length ? word.length : candidate.length;
        size_t distance = edit_distance(word, candidate);

        bool near = distance <= longer / 3 || is_beginning(word, candidate);

        if (near && distance < best_distance) {
            best = candidates[i];
            best_distance = distance;
        }
    }
    return best;
}
