/* SPDX-License-Identifier: Apache-2.0 */
#include "cep/key.h"

#include "runtime/base/assert.h"
#include "runtime/base/form.h"

enum tag {
    TAG_BOOL = 'b',
    TAG_INT = 'i',
    TAG_UINT = 'u',   /* beyond the range of int only */
    TAG_DOUBLE = 'd', /* what is no whole number in the range of int or uint */
    TAG_STRING = 's',
    TAG_BYTES = 'y',
    TAG_TIMESTAMP = 't',
    TAG_DURATION = 'n',
    TAG_IP = 'p'
};

enum { IP_BYTES = 16 };

static void add_word(struct rt_buffer *bytes, enum tag tag, uint64_t word)
{
    char out[9] = {(char)tag};

    for (int i = 0; i < 8; i++)
        out[1 + i] = (char)(unsigned char)(word >> (8 * i));
    rt_buffer_add(bytes, out, sizeof(out));
}

static uint64_t take_word(const unsigned char *at)
{
    uint64_t word = 0;

    for (int i = 0; i < 8; i++)
        word |= (uint64_t)at[i] << (8 * i);
    return word;
}

static void add_text(struct rt_buffer *bytes, enum tag tag, struct rt_text text, bool last)
{
    rt_buffer_char(bytes, (char)tag);
    if (!last) {
        size_t rest = text.length;

        for (; rest >= 128; rest >>= 7)
            rt_buffer_char(bytes, (char)(unsigned char)(rest | 128));
        rt_buffer_char(bytes, (char)rest);
    }
    rt_buffer_text(bytes, text);
}

static bool add_double(struct rt_buffer *bytes, double value)
{
    uint64_t word;

    if (value != value)
        return false;
    if (value >= -0x1p63 && value < 0x1p63 && (double)(int64_t)value == value) {
        add_word(bytes, TAG_INT, (uint64_t)(int64_t)value);
    } else if (value >= 0x1p63 && value < 0x1p64) {
        add_word(bytes, TAG_UINT, (uint64_t)value);
    } else {
        memcpy(&word, &value, sizeof(word));
        add_word(bytes, TAG_DOUBLE, word);
    }
    return true;
}

bool cep_key_add(struct rt_buffer *bytes, struct rt_value part, bool last)
{
    switch (part.type) {
    case RT_STRING:
        add_text(bytes, TAG_STRING, rt_value_text(part), last);
        return true;
    case RT_INT:
        add_word(bytes, TAG_INT, (uint64_t)part.u.integer);
        return true;
    case RT_UINT:
        add_word(bytes, part.u.natural <= INT64_MAX ? TAG_INT : TAG_UINT, part.u.natural);
        return true;
    case RT_DOUBLE:
        return add_double(bytes, part.u.real);
    case RT_BOOL:
        rt_buffer_char(bytes, TAG_BOOL);
        rt_buffer_char(bytes, part.u.boolean ? 1 : 0);
        return true;
    case RT_BYTES:
        add_text(bytes, TAG_BYTES, (struct rt_text){(const char *)part.u.bytes, part.length}, last);
        return true;
    case RT_TIMESTAMP:
        add_word(bytes, TAG_TIMESTAMP, (uint64_t)part.u.integer);
        add_word(bytes, TAG_TIMESTAMP, part.length);
        return true;
    case RT_DURATION:
        add_word(bytes, TAG_DURATION, (uint64_t)part.u.integer);
        return true;
    case RT_IP:
        rt_buffer_char(bytes, TAG_IP);
        rt_buffer_char(bytes, (char)part.aux);
        rt_buffer_add(bytes, (const char *)part.u.bytes, IP_BYTES);
        return true;
    default:
        return false;
    }
}

/* A string or bytes behind its tag; returns what follows it. */
static const unsigned char *take_text(const unsigned char *at, const unsigned char *end, bool last,
                                      struct rt_value *out)
{
    size_t length = (size_t)(end - at);

    if (!last) {
        unsigned shift = 0;

        for (length = 0; (*at & 128) != 0; shift += 7)
            length |= (size_t)(*at++ & 127) << shift;
        length |= (size_t)*at++ << shift;
    }
    RT_ASSERT(length <= (size_t)(end - at));
    out->length = (uint32_t)length;
    out->u.bytes = at;
    return at + length;
}

static const unsigned char *take_part(const unsigned char *at, const unsigned char *end, bool last,
                                      struct rt_value *out)
{
    enum tag tag = (enum tag) * at++;
    uint64_t word;

    *out = (struct rt_value){0};
    switch (tag) {
    case TAG_STRING:
    case TAG_BYTES:
        out->type = tag == TAG_STRING ? RT_STRING : RT_BYTES;
        return take_text(at, end, last, out);
    case TAG_BOOL:
        *out = rt_bool(*at != 0);
        return at + 1;
    case TAG_IP:
        out->type = RT_IP;
        out->aux = *at;
        out->u.bytes = at + 1;
        return at + 1 + IP_BYTES;
    case TAG_TIMESTAMP:
        out->type = RT_TIMESTAMP;
        out->u.natural = take_word(at);
        out->length = (uint32_t)take_word(at + 9);
        return at + 17;
    case TAG_INT:
    case TAG_UINT:
    case TAG_DURATION:
        out->type = tag == TAG_INT ? RT_INT : tag == TAG_UINT ? RT_UINT : RT_DURATION;
        out->u.natural = take_word(at);
        return at + 8;
    case TAG_DOUBLE:
        out->type = RT_DOUBLE;
        word = take_word(at);
        memcpy(&out->u.real, &word, sizeof(word));
        return at + 8;
    }
    RT_UNREACHABLE();
}

void cep_key_parts(struct rt_text bytes, struct rt_value *parts, size_t count)
{
    const unsigned char *at = (const unsigned char *)bytes.data;
    const unsigned char *end = at + bytes.length;

    for (size_t i = 0; i < count; i++) {
        RT_ASSERT(at < end);
        at = take_part(at, end, i + 1 == count, &parts[i]);
    }
}

/* ---- keys from outside ---- */

enum { NANOS_MAX = 999999999 };

static bool is_text_valid(struct rt_form *form, bool is_last, bool is_string)
{
    struct rt_text text = {(const char *)form->at, rt_form_left(form)};

    if (is_last)
        form->at = form->end;
    else
        text = rt_form_text(form);
    return !is_string || rt_utf8_valid(text);
}

static bool is_timestamp_valid(struct rt_form *form)
{
    int64_t seconds = (int64_t)rt_form_fixed(form);
    uint8_t tag = rt_form_byte(form);
    uint64_t nanos = rt_form_fixed(form);

    return tag == TAG_TIMESTAMP && nanos <= NANOS_MAX && seconds >= RT_TIME_FIRST.ms / 1000 &&
           seconds <= RT_TIME_LAST.ms / 1000;
}

static bool is_address_valid(struct rt_form *form)
{
    uint8_t family = rt_form_byte(form);

    for (int i = 0; i < IP_BYTES; i++)
        (void)rt_form_byte(form);
    return family == 4 || family == 6;
}

static bool is_part_valid(struct rt_form *form, bool is_last)
{
    switch (rt_form_byte(form)) {
    case TAG_BOOL:
        (void)rt_form_bool(form);
        return true;
    case TAG_STRING:
        return is_text_valid(form, is_last, true);
    case TAG_BYTES:
        return is_text_valid(form, is_last, false);
    case TAG_TIMESTAMP:
        return is_timestamp_valid(form);
    case TAG_IP:
        return is_address_valid(form);
    case TAG_INT:
    case TAG_UINT:
    case TAG_DOUBLE:
    case TAG_DURATION:
        (void)rt_form_fixed(form);
        return true;
    default:
        return false;
    }
}

bool cep_key_is_valid(struct rt_text bytes, size_t count)
{
    struct rt_form form = rt_form_of(bytes);

    for (size_t i = 0; i < count; i++) {
        if (!is_part_valid(&form, i + 1 == count))
            return false;
    }
    return rt_form_end(&form);
}
