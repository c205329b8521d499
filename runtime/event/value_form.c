/* SPDX-License-Identifier: Apache-2.0 */
/* The saved form of values. */
#include "runtime/event/value_form.h"

#include "runtime/base/assert.h"

enum { NANOS_MAX = 999999999, ADDRESS_BYTES = 16 };

/* Numbers of the format: enum rt_type may change, these may not. */
enum form_type {
    FORM_ABSENT = 0,
    FORM_NULL = 1,
    FORM_FALSE = 2,
    FORM_TRUE = 3,
    FORM_INT = 4,
    FORM_UINT = 5,
    FORM_DOUBLE = 6,
    FORM_STRING = 7,
    FORM_ASCII = 8, /* a string that is known to be */
    FORM_BYTES = 9,
    FORM_LIST = 10,
    FORM_MAP = 11,
    FORM_TIMESTAMP = 12,
    FORM_DURATION = 13,
    FORM_IP = 14,
    FORM_CIDR = 15
};

static void add_type(struct rt_buffer *out, enum form_type type)
{
    rt_form_add_byte(out, (uint8_t)type);
}

static void add_address(struct rt_value value, struct rt_buffer *out)
{
    add_type(out, value.type == RT_IP ? FORM_IP : FORM_CIDR);
    rt_form_add_byte(out, (uint8_t)value.aux);
    if (value.type == RT_CIDR)
        rt_form_add_byte(out, (uint8_t)value.length);
    rt_buffer_add(out, (const char *)value.u.bytes, ADDRESS_BYTES);
}

// NOLINTNEXTLINE(misc-no-recursion): records have a depth limit
static void add_items(struct rt_value value, struct rt_buffer *out)
{
    add_type(out, value.type == RT_LIST ? FORM_LIST : FORM_MAP);
    rt_form_add_uint(out, value.length);
    for (size_t i = 0; i < value.length; i++) {
        if (value.type == RT_LIST) {
            rt_value_add_form(value.u.items[i], out);
            continue;
        }
        rt_value_add_form(value.u.entries[i].key, out);
        rt_value_add_form(value.u.entries[i].value, out);
    }
}

// NOLINTNEXTLINE(misc-no-recursion): records have a depth limit
void rt_value_add_form(struct rt_value value, struct rt_buffer *out)
{
    switch ((enum rt_type)value.type) {
    case RT_ABSENT:
        add_type(out, FORM_ABSENT);
        return;
    case RT_NULL:
        add_type(out, FORM_NULL);
        return;
    case RT_BOOL:
        add_type(out, value.u.boolean ? FORM_TRUE : FORM_FALSE);
        return;
    case RT_INT:
        add_type(out, FORM_INT);
        rt_form_add_int(out, value.u.integer);
        return;
    case RT_UINT:
        add_type(out, FORM_UINT);
        rt_form_add_uint(out, value.u.natural);
        return;
    case RT_DOUBLE:
        add_type(out, FORM_DOUBLE);
        rt_form_add_double(out, value.u.real);
        return;
    case RT_STRING:
        add_type(out, (value.flags & RT_FLAG_ASCII) != 0 ? FORM_ASCII : FORM_STRING);
        rt_form_add_text(out, rt_value_text(value));
        return;
    case RT_BYTES:
        add_type(out, FORM_BYTES);
        rt_form_add_text(out, (struct rt_text){(const char *)value.u.bytes, value.length});
        return;
    case RT_LIST:
    case RT_MAP:
        add_items(value, out);
        return;
    case RT_TIMESTAMP:
        add_type(out, FORM_TIMESTAMP);
        rt_form_add_int(out, value.u.integer);
        rt_form_add_uint(out, value.length);
        return;
    case RT_DURATION:
        add_type(out, FORM_DURATION);
        rt_form_add_int(out, value.u.integer);
        return;
    case RT_IP:
    case RT_CIDR:
        add_address(value, out);
        return;
    default:
        RT_UNREACHABLE();
    }
}

static struct rt_value read_text(struct rt_form *form, enum form_type type)
{
    const unsigned char *start = form->at;
    struct rt_text text = rt_form_text(form);

    if (text.length <= UINT32_MAX) {
        if (type == FORM_BYTES)
            return (struct rt_value){.type = RT_BYTES,
                                     .length = (uint32_t)text.length,
                                     .u.bytes = (const unsigned char *)text.data};
        if (rt_utf8_valid(text)) {
            struct rt_value value = rt_string(text.data, (uint32_t)text.length);

            value.flags = type == FORM_ASCII ? RT_FLAG_ASCII : 0;
            return value;
        }
    }
    form->at = start;
    rt_form_fail(form, "not a text");
    return (struct rt_value){.type = RT_ABSENT};
}

static struct rt_value read_address(struct rt_form *form, enum rt_type type)
{
    struct rt_value value = {.type = (uint8_t)type};
    unsigned family = rt_form_byte(form);

    value.aux = (uint16_t)family;
    if (type == RT_CIDR)
        value.length = (uint32_t)rt_form_uint_max(form, family == 4 ? 32 : 128);
    if (family != 4 && family != 6)
        rt_form_fail(form, "not an address");
    if (rt_form_left(form) < ADDRESS_BYTES)
        rt_form_fail(form, "ends too early");
    if (rt_form_failed(form))
        return (struct rt_value){.type = RT_ABSENT};
    value.u.bytes = form->at;
    form->at += ADDRESS_BYTES;
    return value;
}

static struct rt_value read_timestamp(struct rt_form *form)
{
    struct rt_value value = {.type = RT_TIMESTAMP, .u.integer = rt_form_int(form)};

    value.length = (uint32_t)rt_form_uint_max(form, NANOS_MAX);
    if (value.u.integer < RT_TIME_FIRST.ms / 1000 || value.u.integer > RT_TIME_LAST.ms / 1000)
        rt_form_fail(form, "a time out of range");
    return value;
}

static enum rt_status read_value(struct rt_form *form, struct rt_arena *arena, unsigned depth,
                                 struct rt_value *out);

// NOLINTNEXTLINE(misc-no-recursion): RT_VALUE_FORM_DEPTH
static enum rt_status read_list(struct rt_form *form, struct rt_arena *arena, unsigned depth,
                                struct rt_value *out)
{
    size_t count = rt_form_count(form, 1);
    struct rt_value *items = rt_arena_array(arena, count, sizeof(*items));

    if (count > 0 && items == NULL)
        return RT_ERR_NOMEM;
    for (size_t i = 0; i < count; i++) {
        enum rt_status status = read_value(form, arena, depth - 1, &items[i]);

        if (status != RT_OK)
            return status;
    }
    *out = (struct rt_value){.type = RT_LIST, .length = (uint32_t)count, .u.items = items};
    return RT_OK;
}

// NOLINTNEXTLINE(misc-no-recursion): RT_VALUE_FORM_DEPTH
static enum rt_status read_map(struct rt_form *form, struct rt_arena *arena, unsigned depth,
                               struct rt_value *out)
{
    size_t count = rt_form_count(form, 2);
    struct rt_map_entry *entries = rt_arena_array(arena, count, sizeof(*entries));

    if (count > 0 && entries == NULL)
        return RT_ERR_NOMEM;
    for (size_t i = 0; i < count; i++) {
        enum rt_status status = read_value(form, arena, depth - 1, &entries[i].key);
        unsigned type = entries[i].key.type;

        if (status == RT_OK && type != RT_STRING && type != RT_INT && type != RT_UINT &&
            type != RT_BOOL)
            rt_form_fail(form, "not a key of a map");
        if (status == RT_OK)
            status = read_value(form, arena, depth - 1, &entries[i].value);
        if (status != RT_OK)
            return status;
    }
    *out = (struct rt_value){.type = RT_MAP, .length = (uint32_t)count, .u.entries = entries};
    return RT_OK;
}

/* What needs no arena. */
static struct rt_value read_scalar(struct rt_form *form, uint8_t type)
{
    switch (type) {
    case FORM_ABSENT:
        return (struct rt_value){.type = RT_ABSENT};
    case FORM_NULL:
        return rt_null();
    case FORM_FALSE:
    case FORM_TRUE:
        return rt_bool(type == FORM_TRUE);
    case FORM_INT:
        return rt_int(rt_form_int(form));
    case FORM_UINT:
        return rt_uint(rt_form_uint(form));
    case FORM_DOUBLE:
        return rt_double(rt_form_double(form));
    case FORM_STRING:
    case FORM_ASCII:
    case FORM_BYTES:
        return read_text(form, (enum form_type)type);
    case FORM_TIMESTAMP:
        return read_timestamp(form);
    case FORM_DURATION:
        return (struct rt_value){.type = RT_DURATION, .u.integer = rt_form_int(form)};
    case FORM_IP:
    case FORM_CIDR:
        return read_address(form, type == FORM_IP ? RT_IP : RT_CIDR);
    default:
        rt_form_fail(form, "not a value");
        return (struct rt_value){.type = RT_ABSENT};
    }
}

// NOLINTNEXTLINE(misc-no-recursion): RT_VALUE_FORM_DEPTH
static enum rt_status read_value(struct rt_form *form, struct rt_arena *arena, unsigned depth,
                                 struct rt_value *out)
{
    uint8_t type = rt_form_byte(form);
    enum rt_status status = RT_OK;

    *out = (struct rt_value){.type = RT_ABSENT};
    if ((type == FORM_LIST || type == FORM_MAP) && depth == 0)
        rt_form_fail(form, "lists too deep in each other");
    else if (type == FORM_LIST)
        status = read_list(form, arena, depth, out);
    else if (type == FORM_MAP)
        status = read_map(form, arena, depth, out);
    else
        *out = read_scalar(form, type);
    if (status == RT_OK && rt_form_failed(form))
        status = RT_ERR_CORRUPT;
    return status;
}

enum rt_status rt_value_of_form(struct rt_form *form, struct rt_arena *arena, struct rt_value *out)
{
    return read_value(form, arena, RT_VALUE_FORM_DEPTH, out);
}
