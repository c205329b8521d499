/* SPDX-License-Identifier: Apache-2.0 */
/* value.c - names of types and errors, copies, and values as JSON. */
#include "runtime/event/value.h"

#include <math.h>

#include "runtime/base/assert.h"
#include "runtime/base/calendar.h"
#include "runtime/base/ip.h"
#include "runtime/event/event.h"

/*
 * Values nest as deep as what made them: RT_RECORD_DEPTH_MAX levels in a record, the parser's depth limit in an
 * expression, so the recursion below is bounded by their sum.
 */

static const char *const type_names[RT_TYPE_COUNT] = {
    [RT_ABSENT] = "absent",
    [RT_NULL] = "null_type",
    [RT_BOOL] = "bool",
    [RT_INT] = "int",
    [RT_UINT] = "uint",
    [RT_DOUBLE] = "double",
    [RT_STRING] = "string",
    [RT_BYTES] = "bytes",
    [RT_LIST] = "list",
    [RT_MAP] = "map",
    [RT_TIMESTAMP] = "google.protobuf.Timestamp",
    [RT_DURATION] = "google.protobuf.Duration",
    [RT_TYPE] = "type",
    [RT_OPTIONAL] = "optional_type",
    [RT_EVENT] = "map",
    [RT_IP] = "net.IP",
    [RT_CIDR] = "net.CIDR",
    [RT_ERROR] = "error",
};

const char *rt_type_name(enum rt_type type)
{
    RT_ASSERT(type >= 0 && type < RT_TYPE_COUNT);
    return type_names[type];
}

static const char *const error_names[] = {
    [RT_ERROR_NO_FIELD] = "absent_field", [RT_ERROR_TYPE] = "type",
    [RT_ERROR_INDEX] = "index",           [RT_ERROR_RANGE] = "range",
    [RT_ERROR_DIVIDE] = "divide_by_zero", [RT_ERROR_CONVERT] = "conversion",
    [RT_ERROR_PATTERN] = "pattern",       [RT_ERROR_LIMIT] = "limit",
    [RT_ERROR_UNBOUND] = "unknown_name",  [RT_ERROR_ARGUMENT] = "argument",
};

const char *rt_value_error_name(enum rt_value_error why)
{
    RT_ASSERT(why >= RT_ERROR_NO_FIELD && why <= RT_ERROR_ARGUMENT);
    return error_names[why];
}

static enum rt_status copy_bytes(struct rt_value value, size_t length, struct rt_arena *arena,
                                 struct rt_value *out)
{
    const char *copy = rt_arena_text(arena, value.u.text, length);

    if (copy == NULL)
        return RT_ERR_NOMEM;
    *out = value;
    out->u.text = copy;
    return RT_OK;
}

// NOLINTNEXTLINE(misc-no-recursion): records and parsed texts have depth limits
static enum rt_status copy_items(struct rt_value value, size_t count, struct rt_arena *arena,
                                 struct rt_value *out)
{
    struct rt_value *items = rt_arena_array(arena, count, sizeof(*items));

    if (items == NULL)
        return RT_ERR_NOMEM;
    for (size_t i = 0; i < count; i++) {
        enum rt_status status = rt_value_copy(value.u.items[i], arena, &items[i]);

        if (status != RT_OK)
            return status;
    }
    *out = value;
    out->flags = 0;
    out->u.items = items;
    return RT_OK;
}

// NOLINTNEXTLINE(misc-no-recursion): records and parsed texts have depth limits
static enum rt_status copy_map(struct rt_value value, struct rt_arena *arena, struct rt_value *out)
{
    struct rt_map_entry *entries = rt_arena_array(arena, value.length, sizeof(*entries));

    if (entries == NULL)
        return RT_ERR_NOMEM;
    for (size_t i = 0; i < value.length; i++) {
        enum rt_status status = rt_value_copy(value.u.entries[i].key, arena, &entries[i].key);

        if (status == RT_OK)
            status = rt_value_copy(value.u.entries[i].value, arena, &entries[i].value);
        if (status != RT_OK)
            return status;
    }
    *out = value;
    out->flags = 0;
    out->u.entries = entries;
    return RT_OK;
}

// NOLINTNEXTLINE(misc-no-recursion): records and parsed texts have depth limits
enum rt_status rt_value_copy(struct rt_value value, struct rt_arena *arena, struct rt_value *out)
{
    switch ((enum rt_type)value.type) {
    case RT_STRING:
    case RT_BYTES:
        return copy_bytes(value, value.length, arena, out);
    case RT_IP:
    case RT_CIDR:
        return copy_bytes(value, 16, arena, out);
    case RT_LIST:
        return copy_items(value, value.length, arena, out);
    case RT_OPTIONAL:
        return copy_items(value, value.u.items == NULL ? 0 : 1, arena, out);
    case RT_MAP:
        return copy_map(value, arena, out);
    default:
        *out = value;
        return RT_OK;
    }
}

static void json_double(double value, struct rt_buffer *out)
{
    char text[RT_DOUBLE_TEXT_MAX];

    if (isfinite(value))
        rt_buffer_add(out, text, rt_double_text(value, text));
    else
        rt_buffer_string(out, "null");
}

// NOLINTNEXTLINE(misc-no-recursion): records and parsed texts have depth limits
static void json_list(struct rt_value value, struct rt_buffer *out)
{
    rt_buffer_char(out, '[');
    for (size_t i = 0; i < value.length; i++) {
        if (out->failed) /* full: what is shared many times need not be walked to its end */
            return;
        if (i > 0)
            rt_buffer_char(out, ',');
        rt_value_json(value.u.items[i], out);
    }
    rt_buffer_char(out, ']');
}

/* JSON knows only strings as names. */
static void json_name(struct rt_value key, struct rt_buffer *out)
{
    if (key.type == RT_STRING) {
        rt_buffer_json_string(out, rt_value_text(key));
        return;
    }
    rt_buffer_char(out, '"');
    if (key.type == RT_INT)
        rt_buffer_int(out, key.u.integer);
    else if (key.type == RT_UINT)
        rt_buffer_uint(out, key.u.natural);
    else
        rt_buffer_string(out, key.u.boolean ? "true" : "false");
    rt_buffer_char(out, '"');
}

// NOLINTNEXTLINE(misc-no-recursion): records and parsed texts have depth limits
static void json_map(struct rt_value value, struct rt_buffer *out)
{
    rt_buffer_char(out, '{');
    for (size_t i = 0; i < value.length; i++) {
        if (out->failed) /* full: what is shared many times need not be walked to its end */
            return;
        if (i > 0)
            rt_buffer_char(out, ',');
        json_name(value.u.entries[i].key, out);
        rt_buffer_char(out, ':');
        rt_value_json(value.u.entries[i].value, out);
    }
    rt_buffer_char(out, '}');
}

static void json_event(const struct rt_event *event, struct rt_buffer *out)
{
    if (event->raw_length > 0)
        rt_buffer_add(out, event->raw, event->raw_length);
    else
        rt_buffer_string(out, "null");
}

static void json_scalar(struct rt_value value, struct rt_buffer *out)
{
    switch ((enum rt_type)value.type) {
    case RT_BOOL:
        rt_buffer_string(out, value.u.boolean ? "true" : "false");
        return;
    case RT_INT:
        rt_buffer_int(out, value.u.integer);
        return;
    case RT_UINT:
        rt_buffer_uint(out, value.u.natural);
        return;
    case RT_DOUBLE:
        json_double(value.u.real, out);
        return;
    case RT_STRING:
        rt_buffer_json_string(out, rt_value_text(value));
        return;
    case RT_BYTES:
        rt_buffer_char(out, '"');
        rt_buffer_base64(out, value.u.bytes, value.length);
        rt_buffer_char(out, '"');
        return;
    case RT_TYPE:
        rt_buffer_json_string(out, rt_text_of(rt_type_name((enum rt_type)value.u.integer)));
        return;
    default: /* null, and what is no value: absent, an error */
        rt_buffer_string(out, "null");
    }
}

// NOLINTNEXTLINE(misc-no-recursion): records and parsed texts have depth limits
void rt_value_json(struct rt_value value, struct rt_buffer *out)
{
    switch ((enum rt_type)value.type) {
    case RT_LIST:
        json_list(value, out);
        return;
    case RT_MAP:
        json_map(value, out);
        return;
    case RT_TIMESTAMP:
        rt_buffer_char(out, '"');
        rt_buffer_rfc3339(out, value.u.integer, value.length);
        rt_buffer_char(out, '"');
        return;
    case RT_DURATION:
        rt_buffer_char(out, '"');
        rt_buffer_seconds(out, value.u.integer);
        rt_buffer_char(out, '"');
        return;
    case RT_OPTIONAL:
        rt_value_json(value.u.items == NULL ? rt_null() : value.u.items[0], out);
        return;
    case RT_EVENT:
        json_event(value.u.event, out);
        return;
    case RT_IP:
    case RT_CIDR:
        rt_buffer_char(out, '"');
        rt_buffer_ip(out, value.u.bytes, (uint8_t)value.aux);
        if (value.type == RT_CIDR)
            rt_buffer_printf(out, "/%u", value.length);
        rt_buffer_char(out, '"');
        return;
    default:
        json_scalar(value, out);
    }
}
