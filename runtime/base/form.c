/* SPDX-License-Identifier: Apache-2.0 */
/* The saved form of numbers and texts. */
#include "runtime/base/form.h"

#include "runtime/base/assert.h"

size_t rt_form_put_uint(char bytes[RT_FORM_UINT_BYTES_MAX], uint64_t value)
{
    size_t length = 0;

    while (value > 0x7f) {
        bytes[length++] = (char)(value | 0x80);
        value >>= 7;
    }
    bytes[length++] = (char)value;
    return length;
}

void rt_form_add_large(struct rt_buffer *out, uint64_t value)
{
    char bytes[RT_FORM_UINT_BYTES_MAX];
    char *at = rt_buffer_spare(out, RT_FORM_UINT_BYTES_MAX);

    if (at != NULL)
        rt_buffer_wrote(out, rt_form_put_uint(at, value));
    else
        rt_buffer_add(out, bytes, rt_form_put_uint(bytes, value));
}

void rt_form_add_int(struct rt_buffer *out, int64_t value)
{
    uint64_t sign = value < 0 ? UINT64_MAX : 0;

    rt_form_add_uint(out, ((uint64_t)value << 1) ^ sign);
}

void rt_form_add_fixed(struct rt_buffer *out, uint64_t value)
{
    char bytes[8];
    char *at = rt_buffer_spare(out, sizeof(bytes));
    char *target = at == NULL ? bytes : at;

    for (unsigned i = 0; i < sizeof(bytes); i++)
        target[i] = (char)(value >> (8 * i));
    if (at != NULL)
        rt_buffer_wrote(out, sizeof(bytes));
    else
        rt_buffer_add(out, bytes, sizeof(bytes));
}

void rt_form_add_double(struct rt_buffer *out, double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    rt_form_add_fixed(out, bits);
}

void rt_form_add_text(struct rt_buffer *out, struct rt_text text)
{
    rt_form_add_uint(out, text.length);
    rt_buffer_add(out, text.data, text.length);
}

struct rt_form rt_form_of(struct rt_text bytes)
{
    static const unsigned char nothing;
    const unsigned char *begin = bytes.data == NULL ? &nothing : (const unsigned char *)bytes.data;

    return (struct rt_form){begin, begin, begin + bytes.length, NULL};
}

void rt_form_fail(struct rt_form *form, const char *why)
{
    if (form->why == NULL)
        form->why = why;
}

/* The next `length` bytes; NULL: there are not as many. */
static const unsigned char *take(struct rt_form *form, size_t length)
{
    const unsigned char *bytes = form->at;

    if (form->why != NULL)
        return NULL;
    if (length > rt_form_left(form)) {
        rt_form_fail(form, "ends too early");
        return NULL;
    }
    form->at += length;
    return bytes;
}

uint8_t rt_form_byte(struct rt_form *form)
{
    const unsigned char *byte = take(form, 1);

    return byte == NULL ? 0 : *byte;
}

uint64_t rt_form_uint(struct rt_form *form)
{
    const unsigned char *start = form->at;
    uint64_t value = 0;

    for (unsigned i = 0; i < RT_FORM_UINT_BYTES_MAX; i++) {
        const unsigned char *byte = take(form, 1);

        if (byte == NULL)
            return 0;
        /* The tenth byte holds the last bit; a last byte of 0 says what a shorter form would. */
        if ((i == RT_FORM_UINT_BYTES_MAX - 1 && *byte > 1) || (i > 0 && *byte == 0))
            break;
        value |= (uint64_t)(*byte & 0x7f) << (7 * i);
        if ((*byte & 0x80) == 0)
            return value;
    }
    form->at = start;
    rt_form_fail(form, "not a number");
    return 0;
}

uint64_t rt_form_uint_max(struct rt_form *form, uint64_t max)
{
    const unsigned char *start = form->at;
    uint64_t value = rt_form_uint(form);

    if (value <= max)
        return value;
    form->at = start;
    rt_form_fail(form, "a number out of range");
    return 0;
}

int64_t rt_form_int(struct rt_form *form)
{
    uint64_t value = rt_form_uint(form);
    uint64_t sign = (value & 1) != 0 ? UINT64_MAX : 0;

    return (int64_t)((value >> 1) ^ sign);
}

uint64_t rt_form_fixed(struct rt_form *form)
{
    const unsigned char *bytes = take(form, 8);
    uint64_t value = 0;

    for (unsigned i = 0; bytes != NULL && i < 8; i++)
        value |= (uint64_t)bytes[i] << (8 * i);
    return value;
}

double rt_form_double(struct rt_form *form)
{
    uint64_t bits = rt_form_fixed(form);
    double value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

bool rt_form_bool(struct rt_form *form)
{
    return rt_form_uint_max(form, 1) == 1;
}

struct rt_text rt_form_text(struct rt_form *form)
{
    const unsigned char *start = form->at;
    size_t length = rt_form_count(form, 1);
    const unsigned char *bytes = take(form, length);

    if (bytes == NULL) {
        form->at = start;
        return (struct rt_text){"", 0};
    }
    return (struct rt_text){(const char *)bytes, length};
}

size_t rt_form_count(struct rt_form *form, size_t bytes_each)
{
    const unsigned char *start = form->at;
    uint64_t count = rt_form_uint(form);

    RT_ASSERT(bytes_each > 0);
    if (count <= rt_form_left(form) / bytes_each)
        return (size_t)count;
    form->at = start;
    rt_form_fail(form, "more is announced than follows");
    return 0;
}

bool rt_form_end(struct rt_form *form)
{
    if (form->why == NULL && form->at != form->end)
        rt_form_fail(form, "bytes left over");
    return form->why == NULL;
}
