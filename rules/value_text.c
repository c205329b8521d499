/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value_text.c - string(x) of CEL, which templates print, and the wider form that %s of format() prints.
 */
#include <string.h>

#include "rules/value_support.h"
#include "runtime/base/alloc.h"
#include "runtime/base/calendar.h"
#include "runtime/base/ip.h"

static void put_double(double value, struct rt_buffer *out)
{
    char text[RT_DOUBLE_TEXT_MAX];

    rt_buffer_add(out, text, rt_double_text(value, text));
}

bool expr_value_text(struct rt_value value, struct rt_buffer *out)
{
    switch ((enum rt_type)value.type) {
    case RT_BOOL:
        rt_buffer_string(out, value.u.boolean ? "true" : "false");
        return true;
    case RT_INT:
        rt_buffer_int(out, value.u.integer);
        return true;
    case RT_UINT:
        rt_buffer_uint(out, value.u.natural);
        return true;
    case RT_DOUBLE:
        put_double(value.u.real, out);
        return true;
    case RT_BYTES:
        if (!rt_utf8_valid(rt_value_text(value)))
            return false;
        rt_buffer_text(out, rt_value_text(value));
        return true;
    case RT_STRING:
        rt_buffer_text(out, rt_value_text(value));
        return true;
    case RT_TIMESTAMP:
        rt_buffer_rfc3339(out, value.u.integer, value.length);
        return true;
    case RT_DURATION:
        rt_buffer_seconds(out, value.u.integer);
        return true;
    case RT_IP:
    case RT_CIDR:
        rt_buffer_ip(out, value.u.bytes, (uint8_t)value.aux);
        if (value.type == RT_CIDR)
            rt_buffer_printf(out, "/%u", value.length);
        return true;
    default:
        return false;
    }
}

/* ---- %s ---- */

// NOLINTNEXTLINE(misc-no-recursion): records and parsed texts have depth limits
static bool display_list(struct rt_value value, struct rt_buffer *out)
{
    rt_buffer_char(out, '[');
    for (size_t i = 0; i < value.length; i++) {
        if (i > 0)
            rt_buffer_string(out, ", ");
        if (out->failed || !expr_value_display(value.u.items[i], out))
            return false;
    }
    rt_buffer_char(out, ']');
    return true;
}

/* The text of a key, as far as it decides about order: keys of all types are sorted by their texts. */
static int compare_keys(const struct rt_value *left, const struct rt_value *right)
{
    char left_digits[RT_DOUBLE_TEXT_MAX], right_digits[RT_DOUBLE_TEXT_MAX];
    struct rt_text texts[2];
    const struct rt_value *keys[2] = {left, right};
    char *digits[2] = {left_digits, right_digits};

    for (size_t i = 0; i < 2; i++) {
        struct rt_buffer small = {
            .data = digits[i], .capacity = RT_DOUBLE_TEXT_MAX, .bytes_max = RT_DOUBLE_TEXT_MAX - 1};

        if (keys[i]->type == RT_STRING) {
            texts[i] = rt_value_text(*keys[i]);
            continue;
        }
        expr_value_text(*keys[i], &small); /* a bool or an integer: fits, so nothing is allocated */
        texts[i] = rt_buffer_view(&small);
    }
    return rt_text_compare(texts[0], texts[1]);
}

/* Restores the heap below `at`: the greatest key on top. */
static void sift(uint32_t *order, size_t count, size_t at, const struct rt_map_entry *entries)
{
    for (size_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
        if (child + 1 < count &&
            compare_keys(&entries[order[child]].key, &entries[order[child + 1]].key) < 0)
            child++;
        if (compare_keys(&entries[order[at]].key, &entries[order[child]].key) >= 0)
            return;

        uint32_t kept = order[at];

        order[at] = order[child];
        order[child] = kept;
        at = child;
    }
}

static void sort_by_key(uint32_t *order, struct rt_value map)
{
    for (uint32_t i = 0; i < map.length; i++)
        order[i] = i;
    for (size_t i = map.length / 2; i-- > 0;)
        sift(order, map.length, i, map.u.entries);
    for (size_t end = map.length; end-- > 1;) {
        uint32_t greatest = order[0];

        order[0] = order[end];
        order[end] = greatest;
        sift(order, end, 0, map.u.entries);
    }
}

// NOLINTNEXTLINE(misc-no-recursion): records and parsed texts have depth limits
static bool display_entries(struct rt_value value, const uint32_t *order, struct rt_buffer *out)
{
    rt_buffer_char(out, '{');
    for (size_t i = 0; i < value.length; i++) {
        const struct rt_map_entry *entry = &value.u.entries[order[i]];

        if (i > 0)
            rt_buffer_string(out, ", ");
        if (out->failed || !expr_value_display(entry->key, out))
            return false;
        rt_buffer_string(out, ": ");
        if (!expr_value_display(entry->value, out))
            return false;
    }
    rt_buffer_char(out, '}');
    return true;
}

// NOLINTNEXTLINE(misc-no-recursion): records and parsed texts have depth limits
static bool display_map(struct rt_value value, struct rt_buffer *out)
{
    uint32_t *order = rt_alloc(value.length * sizeof(*order));

    if (order == NULL) {
        out->failed = true;
        return false;
    }
    sort_by_key(order, value);

    bool done = display_entries(value, order, out);

    rt_free(order);
    return done;
}

/* Nesting is bounded by the parser's and the decoder's depth limits. */
// NOLINTNEXTLINE(misc-no-recursion): records and parsed texts have depth limits
bool expr_value_display(struct rt_value value, struct rt_buffer *out)
{
    switch ((enum rt_type)value.type) {
    case RT_NULL:
        rt_buffer_string(out, "null");
        return true;
    case RT_TYPE:
        rt_buffer_string(out, rt_type_name((enum rt_type)value.u.integer));
        return true;
    case RT_LIST:
        return display_list(value, out);
    case RT_MAP:
        return display_map(value, out);
    case RT_EVENT:
        rt_value_json(value, out);
        return true;
    case RT_OPTIONAL:
        rt_buffer_string(out, value.u.items == NULL ? "optional.none" : "optional(");
        if (value.u.items == NULL)
            return true;
        if (!expr_value_display(value.u.items[0], out))
            return false;
        rt_buffer_char(out, ')');
        return true;
    default:
        return expr_value_text(value, out);
    }
}
