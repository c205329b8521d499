/* SPDX-License-Identifier: Apache-2.0 */
/*
 * form.h - the saved form of state: how numbers and texts lie in checkpoints, and a reader that trusts none of it.
 *
 *     uint    7 bits a byte, lowest first, the top bit says that more follow; at most 10 bytes, no needless ones
 *     int     zigzag (0 -1 1 -2 2 ...), then as uint
 *     fixed   8 bytes, little-endian; a double's bits lie so
 *     text    uint length, then the bytes
 *
 * F1  Writing appends to an rt_buffer, whose `failed` is looked at once, at the end.
 * F2  A value has one form only: reading refuses any other, so equal state has equal bytes and a flipped bit is rarely silent.
 * F3  Reading never leaves the bytes it was given.  After the first failure everything reads as 0 or empty, so that a reader may
 *     look once at the end of a record; but a count that decides how much is allocated or how often a loop runs comes from
 *     rt_form_count, which is bounded by what is left.
 * F4  What is read borrows from the bytes.
 * The format is part of stored checkpoints: it changes only together with their version.
 */
#ifndef EGRET_RUNTIME_BASE_FORM_H
#define EGRET_RUNTIME_BASE_FORM_H

#include "runtime/base/instant.h"
#include "runtime/base/text.h"

/* ---- writing ---- */

enum { RT_FORM_UINT_BYTES_MAX = 10 };
/* The form of a uint into `bytes`; how long it is. */
size_t rt_form_put_uint(char bytes[RT_FORM_UINT_BYTES_MAX], uint64_t value);

static inline void rt_form_add_byte(struct rt_buffer *out, uint8_t value)
{
    char *at = rt_buffer_spare(out, 1);

    if (at == NULL) {
        rt_buffer_char(out, (char)value);
        return;
    }
    *at = (char)value;
    rt_buffer_wrote(out, 1);
}
void rt_form_add_large(struct rt_buffer *out, uint64_t value); /* rt_form_add_uint, any value */
static inline void rt_form_add_uint(struct rt_buffer *out, uint64_t value)
{
    if (value <= 0x7f)
        rt_form_add_byte(out, (uint8_t)value);
    else
        rt_form_add_large(out, value);
}
void rt_form_add_int(struct rt_buffer *out, int64_t value);
void rt_form_add_fixed(struct rt_buffer *out, uint64_t value);
void rt_form_add_double(struct rt_buffer *out, double value);
void rt_form_add_text(struct rt_buffer *out, struct rt_text text);
static inline void rt_form_add_bool(struct rt_buffer *out, bool value)
{
    rt_form_add_byte(out, value ? 1 : 0);
}
static inline void rt_form_add_time(struct rt_buffer *out, rt_time time)
{
    rt_form_add_int(out, time.ms);
}

/* ---- reading ---- */

struct rt_form {
    const unsigned char *begin, *at, *end;
    const char *why; /* a static phrase: what is wrong at `at`; NULL: nothing so far */
};

struct rt_form rt_form_of(struct rt_text bytes);

uint8_t rt_form_byte(struct rt_form *form);
uint64_t rt_form_uint(struct rt_form *form);
/* Fails above `max`. */
uint64_t rt_form_uint_max(struct rt_form *form, uint64_t max);
int64_t rt_form_int(struct rt_form *form);
uint64_t rt_form_fixed(struct rt_form *form);
double rt_form_double(struct rt_form *form);
bool rt_form_bool(struct rt_form *form); /* 0 or 1 */
struct rt_text rt_form_text(struct rt_form *form);
static inline rt_time rt_form_time(struct rt_form *form)
{
    return (rt_time){rt_form_int(form)};
}

/* How many of something follow that take at least `bytes_each` (1 or more) bytes each. */
size_t rt_form_count(struct rt_form *form, size_t bytes_each);

/* The first failure counts; later ones are its consequences. */
void rt_form_fail(struct rt_form *form, const char *why);
static inline bool rt_form_failed(const struct rt_form *form)
{
    return form->why != NULL;
}
/* Everything was read and nothing was wrong; fails with "bytes left over" otherwise. */
bool rt_form_end(struct rt_form *form);
static inline size_t rt_form_left(const struct rt_form *form)
{
    return (size_t)(form->end - form->at);
}
/* Where the failure lies. */
static inline size_t rt_form_offset(const struct rt_form *form)
{
    return (size_t)(form->at - form->begin);
}

#endif
