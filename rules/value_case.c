/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/value_case.h"

#include <math.h>

#include "runtime/base/calendar.h"
#include "runtime/base/ip.h"
#include "runtime/event/event.h"

/* Where the name in a case is not CEL's name of the type. */
static const struct {
    enum rt_type type;
    const char *name;
} case_names[] = {{RT_NULL, "null"}, {RT_TIMESTAMP, "timestamp"}, {RT_DURATION, "duration"}};

enum { NAME_COUNT = sizeof(case_names) / sizeof(case_names[0]) };

static const char *case_name(enum rt_type type)
{
    for (size_t i = 0; i < NAME_COUNT; i++)
        if (case_names[i].type == type)
            return case_names[i].name;
    return rt_type_name(type);
}

enum rt_type expr_case_type(struct rt_text name)
{
    for (int type = RT_NULL; type < RT_ERROR; type++)
        if (rt_text_is(name, case_name((enum rt_type)type)) ||
            rt_text_is(name, rt_type_name((enum rt_type)type)))
            return (enum rt_type)type;
    return RT_ABSENT;
}

enum { SCIENTIFIC_DIGITS_MAX = 17 };

/* 1 -> "1.0", 1e16 -> "1e+16", 0.0001 -> "0.0001": the fewest digits that read back, and never an integer's form. */
static void put_double(double value, struct rt_buffer *out)
{
    char text[RT_DOUBLE_TEXT_MAX];
    double magnitude = fabs(value);
    size_t begin = out->length;

    if (!isfinite(value) || value == 0.0 || (magnitude >= 1e-4 && magnitude < 1e16)) {
        rt_buffer_add(out, text, rt_double_text(value, text));
        if (isfinite(value) && floor(value) == value)
            rt_buffer_string(out, ".0");
        return;
    }
    for (int digits = 0; digits < SCIENTIFIC_DIGITS_MAX && !out->failed; digits++) {
        double back;

        rt_buffer_double(out, value, 'e', digits);
        if (rt_text_to_double((struct rt_text){out->data + begin, out->length - begin}, &back) &&
            back == value)
            return;
        out->length = begin;
    }
}

/* Seconds and nanos of one sign as one integer, which may be larger than int64. */
static void put_nanoseconds(int64_t seconds, int64_t nanos, struct rt_buffer *out)
{
    if (seconds < 0 && nanos > 0) {
        seconds++;
        nanos -= RT_NANOS_PER_SECOND;
    }

    uint64_t whole = seconds < 0 ? 0 - (uint64_t)seconds : (uint64_t)seconds;
    unsigned rest = (unsigned)(nanos < 0 ? -nanos : nanos);

    if (seconds < 0 || nanos < 0)
        rt_buffer_char(out, '-');
    if (whole > 0)
        rt_buffer_printf(out, "%llu%09u", (unsigned long long)whole, rest);
    else
        rt_buffer_uint(out, rest);
}

static void put_hex(const unsigned char *bytes, size_t length, struct rt_buffer *out)
{
    for (size_t i = 0; i < length && !out->failed; i++)
        rt_buffer_printf(out, "%02x", bytes[i]);
}

/* What stands inside the quotes of a type that is written as a string. */
static void put_scalar(struct rt_value value, struct rt_buffer *out)
{
    switch ((enum rt_type)value.type) {
    case RT_INT:
        rt_buffer_int(out, value.u.integer);
        return;
    case RT_UINT:
        rt_buffer_uint(out, value.u.natural);
        return;
    case RT_DOUBLE:
        put_double(value.u.real, out);
        return;
    case RT_BYTES:
        put_hex(value.u.bytes, value.length, out);
        return;
    case RT_TIMESTAMP:
        put_nanoseconds(value.u.integer, value.length, out);
        return;
    case RT_DURATION:
        rt_buffer_int(out, value.u.integer);
        return;
    case RT_TYPE:
        rt_buffer_string(out, rt_type_name((enum rt_type)value.u.integer));
        return;
    case RT_IP:
    case RT_CIDR:
        rt_buffer_ip(out, value.u.bytes, (uint8_t)value.aux);
        if (value.type == RT_CIDR)
            rt_buffer_printf(out, "/%u", value.length);
        return;
    default:
        return;
    }
}

// NOLINTNEXTLINE(misc-no-recursion): records and parsed texts have depth limits
static void put_list(struct rt_value value, struct rt_buffer *out)
{
    rt_buffer_char(out, '[');
    for (size_t i = 0; i < value.length && !out->failed; i++) {
        if (i > 0)
            rt_buffer_char(out, ',');
        expr_value_case(value.u.items[i], out);
    }
    rt_buffer_char(out, ']');
}

// NOLINTNEXTLINE(misc-no-recursion): records and parsed texts have depth limits
static void put_map(struct rt_value value, struct rt_buffer *out)
{
    rt_buffer_char(out, '[');
    for (size_t i = 0; i < value.length && !out->failed; i++) {
        rt_buffer_string(out, i > 0 ? ",[" : "[");
        expr_value_case(value.u.entries[i].key, out);
        rt_buffer_char(out, ',');
        expr_value_case(value.u.entries[i].value, out);
        rt_buffer_char(out, ']');
    }
    rt_buffer_char(out, ']');
}

// NOLINTNEXTLINE(misc-no-recursion): records and parsed texts have depth limits
static void put_value(struct rt_value value, struct rt_buffer *out)
{
    switch ((enum rt_type)value.type) {
    case RT_LIST:
        put_list(value, out);
        return;
    case RT_MAP:
        put_map(value, out);
        return;
    case RT_NULL:
    case RT_BOOL:
    case RT_STRING:
    case RT_EVENT: /* of no known type inside: the record as it came */
        rt_value_json(value, out);
        return;
    case RT_OPTIONAL:
        if (value.u.items == NULL)
            rt_buffer_string(out, "null");
        else
            expr_value_case(value.u.items[0], out);
        return;
    default:
        rt_buffer_char(out, '"');
        put_scalar(value, out);
        rt_buffer_char(out, '"');
    }
}

static void put_error(struct rt_value value, struct rt_buffer *out)
{
    rt_buffer_string(out, "{\"error\":\"");
    rt_buffer_string(out, value.type == RT_ERROR
                              ? rt_value_error_name((enum rt_value_error)value.aux)
                              : rt_value_error_name(RT_ERROR_NO_FIELD));
    if (value.type == RT_ERROR && value.u.text != NULL) { /* a phrase of ours: nothing to escape */
        rt_buffer_string(out, ": ");
        rt_buffer_string(out, value.u.text);
    }
    rt_buffer_string(out, "\"}");
}

/* Nesting is bounded by the parser's and the decoder's depth limits. */
// NOLINTNEXTLINE(misc-no-recursion): records and parsed texts have depth limits
void expr_value_case(struct rt_value value, struct rt_buffer *out)
{
    if (value.type == RT_ERROR || value.type == RT_ABSENT) {
        put_error(value, out);
        return;
    }
    rt_buffer_printf(out, "{\"type\":\"%s\",\"value\":", case_name((enum rt_type)value.type));
    put_value(value, out);
    rt_buffer_char(out, '}');
}
