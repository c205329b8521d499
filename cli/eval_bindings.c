/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/eval_bindings.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "rules/value_case.h"
#include "runtime/base/calendar.h"
#include "runtime/base/ip.h"

struct reader {
    struct rt_arena *arena;
    struct rt_buffer *message;
    int depth;
};

static enum rt_status wrong(struct reader *reader, const char *what, const char *found)
{
    rt_buffer_printf(reader->message, "%s `%s`", what, found);
    return RT_ERR_DATA;
}

static enum rt_status read_any(struct reader *reader, const json_t *json, struct rt_value *out);

/* ---- scalars ---- */

static struct rt_text text_of(const json_t *string)
{
    return (struct rt_text){json_string_value(string), json_string_length(string)};
}

static enum rt_status read_string(struct reader *reader, const json_t *json, struct rt_value *out)
{
    struct rt_text text = text_of(json);
    const char *copy = rt_arena_text(reader->arena, text.data, text.length);

    if (copy == NULL || text.length > UINT32_MAX)
        return RT_ERR_NOMEM;
    *out = rt_string(copy, (uint32_t)text.length);
    return RT_OK;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static enum rt_status read_bytes(struct reader *reader, struct rt_text hex, struct rt_value *out)
{
    unsigned char *bytes = rt_arena_raw(reader->arena, hex.length / 2 + 1);

    if (bytes == NULL)
        return RT_ERR_NOMEM;
    if (hex.length % 2 != 0)
        return wrong(reader, "bytes are written as pairs of hexadecimal digits, not", hex.data);
    for (size_t i = 0; i < hex.length; i += 2) {
        int high = hex_value(hex.data[i]), low = hex_value(hex.data[i + 1]);

        if (high < 0 || low < 0)
            return wrong(reader, "bytes are written as pairs of hexadecimal digits, not", hex.data);
        bytes[i / 2] = (unsigned char)(high * 16 + low);
    }
    *out =
        (struct rt_value){.type = RT_BYTES, .length = (uint32_t)(hex.length / 2), .u.bytes = bytes};
    return RT_OK;
}

static bool read_double(struct rt_text text, double *out)
{
    if (rt_text_is(text, "NaN"))
        *out = NAN;
    else if (rt_text_is(text, "Infinity"))
        *out = INFINITY;
    else if (rt_text_is(text, "-Infinity"))
        *out = -INFINITY;
    else
        return rt_text_to_double(text, out);
    return true;
}

/* Nanoseconds since 1970, possibly beyond int64: the last nine digits are below the second. */
static bool read_timestamp(struct rt_text text, struct rt_value *out)
{
    bool negative = text.length > 0 && text.data[0] == '-';
    size_t sign = negative ? 1 : 0;
    size_t digits = text.length - sign;
    size_t whole = digits > 9 ? digits - 9 : 0;
    uint64_t seconds = 0, nanos;

    if (whole > 12 ||
        (whole > 0 && !rt_text_to_uint((struct rt_text){text.data + sign, whole}, &seconds)) ||
        !rt_text_to_uint((struct rt_text){text.data + sign + whole, digits - whole}, &nanos))
        return false;

    int64_t at = negative ? -(int64_t)seconds : (int64_t)seconds;

    if (negative && nanos > 0) {
        at--;
        nanos = RT_NANOS_PER_SECOND - nanos;
    }
    *out = (struct rt_value){.type = RT_TIMESTAMP, .length = (uint32_t)nanos, .u.integer = at};
    return at >= RT_SECONDS_FIRST && at <= RT_SECONDS_LAST;
}

static bool read_type(struct rt_text name, struct rt_value *out)
{
    *out = (struct rt_value){.type = RT_TYPE, .u.integer = (int64_t)expr_case_type(name)};
    return out->u.integer != RT_ABSENT;
}

/* The scalars that are written as strings. */
static bool read_scalar(enum rt_type type, struct rt_text text, struct rt_value *out)
{
    out->type = (uint8_t)type;
    switch (type) {
    case RT_INT:
    case RT_DURATION:
        return rt_text_to_int(text, &out->u.integer);
    case RT_UINT:
        return rt_text_to_uint(text, &out->u.natural);
    case RT_DOUBLE:
        return read_double(text, &out->u.real);
    case RT_TIMESTAMP:
        return read_timestamp(text, out);
    case RT_TYPE:
        return read_type(text, out);
    default:
        return false;
    }
}

static enum rt_status read_address(struct reader *reader, enum rt_type type, struct rt_text text,
                                   struct rt_value *out)
{
    struct rt_ip ip;
    uint32_t prefix = 0;
    char *bytes = rt_arena_raw(reader->arena, sizeof(ip.bytes));

    if (bytes == NULL)
        return RT_ERR_NOMEM;
    if (type == RT_IP ? !rt_ip_parse(text, &ip) : !rt_cidr_parse(text, &ip, &prefix))
        return wrong(reader, "not an address or network:", text.data);
    memcpy(bytes, ip.bytes, sizeof(ip.bytes));
    *out = (struct rt_value){
        .type = (uint8_t)type, .aux = ip.family, .length = prefix, .u.text = bytes};
    return RT_OK;
}

/* ---- lists and maps ---- */

// NOLINTNEXTLINE(misc-no-recursion): at most CLI_BINDING_DEPTH_MAX levels
static enum rt_status read_list(struct reader *reader, const json_t *array, struct rt_value *out)
{
    size_t count = json_array_size(array);
    struct rt_value *items = rt_arena_array(reader->arena, count, sizeof(*items));

    if (items == NULL)
        return RT_ERR_NOMEM;
    for (size_t i = 0; i < count; i++) {
        enum rt_status status = read_any(reader, json_array_get(array, i), &items[i]);

        if (status != RT_OK)
            return status;
    }
    *out = (struct rt_value){.type = RT_LIST, .length = (uint32_t)count, .u.items = items};
    return RT_OK;
}

/* An array of [key, value]. */
// NOLINTNEXTLINE(misc-no-recursion): at most CLI_BINDING_DEPTH_MAX levels
static enum rt_status read_pairs(struct reader *reader, const json_t *array, struct rt_value *out)
{
    size_t count = json_array_size(array);
    struct rt_map_entry *entries = rt_arena_array(reader->arena, count, sizeof(*entries));

    if (entries == NULL)
        return RT_ERR_NOMEM;
    for (size_t i = 0; i < count; i++) {
        const json_t *pair = json_array_get(array, i);
        enum rt_status status;

        if (json_array_size(pair) != 2)
            return wrong(reader, "an entry of a map is", "[key, value]");
        status = read_any(reader, json_array_get(pair, 0), &entries[i].key);
        if (status == RT_OK)
            status = read_any(reader, json_array_get(pair, 1), &entries[i].value);
        if (status != RT_OK)
            return status;
    }
    *out = (struct rt_value){.type = RT_MAP, .length = (uint32_t)count, .u.entries = entries};
    return RT_OK;
}

// NOLINTNEXTLINE(misc-no-recursion): at most CLI_BINDING_DEPTH_MAX levels
static enum rt_status read_object(struct reader *reader, json_t *object, struct rt_value *out)
{
    size_t count = json_object_size(object), at = 0;
    struct rt_map_entry *entries = rt_arena_array(reader->arena, count, sizeof(*entries));
    const char *key;
    json_t *value;

    if (entries == NULL)
        return RT_ERR_NOMEM;
    json_object_foreach(object, key, value)
    {
        const char *copy = rt_arena_text(reader->arena, key, strlen(key));
        enum rt_status status =
            copy == NULL ? RT_ERR_NOMEM : read_any(reader, value, &entries[at].value);

        if (status != RT_OK)
            return status;
        entries[at++].key = rt_string(copy, (uint32_t)strlen(copy));
    }
    *out = (struct rt_value){.type = RT_MAP, .length = (uint32_t)count, .u.entries = entries};
    return RT_OK;
}

/* ---- values ---- */

/* {"type": T, "value": V} */
// NOLINTNEXTLINE(misc-no-recursion): at most CLI_BINDING_DEPTH_MAX levels
static enum rt_status read_typed(struct reader *reader, enum rt_type type, const json_t *value,
                                 struct rt_value *out)
{
    switch (type) {
    case RT_NULL:
        *out = rt_null();
        return RT_OK;
    case RT_BOOL:
        *out = rt_bool(json_is_true(value));
        return json_is_boolean(value) ? RT_OK : wrong(reader, "a bool is", "true or false");
    case RT_LIST:
        return json_is_array(value) ? read_list(reader, value, out)
                                    : wrong(reader, "a list is", "an array");
    case RT_MAP:
        return json_is_array(value) ? read_pairs(reader, value, out)
                                    : wrong(reader, "a map is", "an array of [key, value]");
    default:
        break;
    }
    if (!json_is_string(value))
        return wrong(reader, "the value is not a string, of type", rt_type_name(type));
    switch (type) {
    case RT_STRING:
        return read_string(reader, value, out);
    case RT_BYTES:
        return read_bytes(reader, text_of(value), out);
    case RT_IP:
    case RT_CIDR:
        return read_address(reader, type, text_of(value), out);
    default:
        return read_scalar(type, text_of(value), out)
                   ? RT_OK
                   : wrong(reader, "not a value of its type:", json_string_value(value));
    }
}

// NOLINTNEXTLINE(misc-no-recursion): at most CLI_BINDING_DEPTH_MAX levels
static enum rt_status read_plain(struct reader *reader, const json_t *json, struct rt_value *out)
{
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        return read_object(reader, (json_t *)(uintptr_t)json, out);
    case JSON_ARRAY:
        return read_list(reader, json, out);
    case JSON_STRING:
        return read_string(reader, json, out);
    case JSON_INTEGER:
        *out = rt_int((int64_t)json_integer_value(json));
        return RT_OK;
    case JSON_REAL:
        *out = rt_double(json_real_value(json));
        return RT_OK;
    case JSON_NULL:
        *out = rt_null();
        return RT_OK;
    default:
        *out = rt_bool(json_is_true(json));
        return RT_OK;
    }
}

/* At most CLI_BINDING_DEPTH_MAX levels. */
// NOLINTNEXTLINE(misc-no-recursion): at most CLI_BINDING_DEPTH_MAX levels
static enum rt_status read_any(struct reader *reader, const json_t *json, struct rt_value *out)
{
    const json_t *type = json_object_get(json, "type");
    enum rt_status status;

    if (++reader->depth > CLI_BINDING_DEPTH_MAX)
        return wrong(reader, "nested too deeply:", "bindings");
    if (json_object_size(json) == 2 && json_is_string(type) &&
        json_object_get(json, "value") != NULL && expr_case_type(text_of(type)) != RT_ABSENT)
        status =
            read_typed(reader, expr_case_type(text_of(type)), json_object_get(json, "value"), out);
    else
        status = read_plain(reader, json, out);
    reader->depth--;
    return status;
}

static enum rt_status read_bindings(struct reader *reader, json_t *object, struct cli_bindings *out)
{
    size_t count = json_object_size(object), at = 0;
    struct expr_binding *names = rt_arena_array(reader->arena, count, sizeof(*names));
    struct rt_value *values = rt_arena_array(reader->arena, count, sizeof(*values));
    const char *key;
    json_t *value;

    if (names == NULL || values == NULL)
        return RT_ERR_NOMEM;
    json_object_foreach(object, key, value)
    {
        const char *copy = rt_arena_text(reader->arena, key, strlen(key));
        enum rt_status status = copy == NULL ? RT_ERR_NOMEM : read_any(reader, value, &values[at]);

        if (status != RT_OK)
            return status;
        names[at] = (struct expr_binding){
            .name = copy, .index = (uint32_t)at, .type = (enum rt_type)values[at].type};
        at++;
    }
    *out = (struct cli_bindings){names, values, count};
    return RT_OK;
}

enum rt_status cli_bindings_parse(struct rt_text json, struct rt_arena *arena,
                                  struct rt_buffer *message, struct cli_bindings *out)
{
    struct reader reader = {.arena = arena, .message = message};
    json_error_t error;
    json_t *object =
        json_loadb(json.data, json.length, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    enum rt_status status = RT_ERR_DATA;

    if (object == NULL)
        rt_buffer_printf(message, "line %d, column %d: %s", error.line, error.column, error.text);
    else if (!json_is_object(object))
        rt_buffer_string(message, "bindings are a JSON object");
    else
        status = read_bindings(&reader, object, out);
    json_decref(object);
    return status;
}
