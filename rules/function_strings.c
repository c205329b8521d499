/* SPDX-License-Identifier: Apache-2.0 */
/*
 * function_strings.c - the strings library.
 *
 * Positions count code points.  In a text of ASCII only, as most are, a position is a byte; in any other it is found by
 * walking.  What a function cuts out of its receiver points into the receiver: nothing is copied.
 */
#include <string.h>

#include "rules/function.h"
#include "rules/function_strings.h"

/* ---- positions ---- */

static bool is_ascii(struct rt_value string)
{
    uint64_t word, high = 0;
    size_t i = 0;

    if ((string.flags & RT_FLAG_ASCII) != 0)
        return true;
    for (; i + sizeof(word) <= string.length; i += sizeof(word)) {
        memcpy(&word, string.u.text + i, sizeof(word));
        high |= word;
    }
    for (; i < string.length; i++)
        high |= (unsigned char)string.u.text[i];
    return (high & UINT64_C(0x8080808080808080)) == 0;
}

/* A string with what is known about its positions. */
struct positions {
    struct rt_text text;
    bool ascii;
    uint8_t flags;  /* for pieces of it */
    int64_t length; /* in code points */
};

/* Pays for the walks too. */
static bool look_at(struct expr_call *call, struct rt_value string, struct positions *out)
{
    if (!expr_spend(call, string.length / EXPR_BYTES_PER_WORK))
        return false;
    out->text = rt_value_text(string);
    out->ascii = is_ascii(string);
    out->flags = out->ascii ? RT_FLAG_ASCII : 0;
    out->length = out->ascii ? string.length : (int64_t)rt_utf8_length(out->text);
    return true;
}

/* The byte where code point `index` (0 to length) begins. */
static size_t byte_of(const struct positions *in, int64_t index)
{
    size_t at = 0;

    if (in->ascii)
        return (size_t)index;
    while (index-- > 0)
        rt_utf8_next(in->text, &at);
    return at;
}

/* The code points before byte `at`. */
static int64_t index_of(const struct positions *in, size_t at)
{
    return in->ascii ? (int64_t)at : (int64_t)rt_utf8_length((struct rt_text){in->text.data, at});
}

static struct rt_value piece(const struct positions *of, size_t begin, size_t end)
{
    struct rt_value value = rt_string(of->text.data + begin, (uint32_t)(end - begin));

    value.flags = of->flags;
    return value;
}

static struct rt_value bad_index(void)
{
    return expr_fail(RT_ERROR_INDEX, "index out of range");
}

/* ---- pieces ---- */

struct rt_value expr_fn_char_at(struct expr_call *call, const struct rt_value *args, size_t count)
{
    struct positions in;

    if (!expr_is_string(args[0]) || args[1].type != RT_INT)
        return expr_no_overload(args, count);
    if (!look_at(call, args[0], &in))
        return expr_limit();

    int64_t index = args[1].u.integer;

    if (index < 0 || index > in.length)
        return bad_index();

    size_t begin = byte_of(&in, index), end = begin;

    if (index < in.length)
        rt_utf8_next(in.text, &end);
    return piece(&in, begin, end);
}

struct rt_value expr_fn_substring(struct expr_call *call, const struct rt_value *args, size_t count)
{
    struct positions in;

    if (!expr_is_string(args[0]) || args[1].type != RT_INT ||
        (count == 3 && args[2].type != RT_INT))
        return expr_no_overload(args, count);
    if (!look_at(call, args[0], &in))
        return expr_limit();

    int64_t begin = args[1].u.integer;
    int64_t end = count == 3 ? args[2].u.integer : in.length;

    if (begin < 0 || begin > end || end > in.length)
        return bad_index();
    return piece(&in, byte_of(&in, begin), byte_of(&in, end));
}

/* White_Space of Unicode. */
static bool is_blank(uint32_t c)
{
    return (c >= 0x09 && c <= 0x0d) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
           c == 0x205f || c == 0x3000;
}

/* The begin of the code point that ends before byte `end` > 0. */
static size_t before(struct rt_text text, size_t end)
{
    do
        end--;
    while (end > 0 && ((unsigned char)text.data[end] & 0xc0) == 0x80);
    return end;
}

struct rt_value expr_fn_trim(struct expr_call *call, const struct rt_value *args, size_t count)
{
    struct positions in;
    size_t begin = 0;

    if (!expr_is_string(args[0]))
        return expr_no_overload(args, count);
    if (!look_at(call, args[0], &in))
        return expr_limit();

    size_t end = in.text.length;

    for (size_t next = 0; begin < end; begin = next)
        if (!is_blank(rt_utf8_next(in.text, &next)))
            break;
    while (end > begin) {
        size_t last = before(in.text, end), next = last;

        if (!is_blank(rt_utf8_next(in.text, &next)))
            break;
        end = last;
    }
    return piece(&in, begin, end);
}

/* ---- finding ---- */

/* Receiver, part and start of indexOf and lastIndexOf; `start` without one is `otherwise` of the length. */
static bool take_search(struct expr_call *call, const struct rt_value *args, size_t count,
                        struct positions *in, struct rt_value *why)
{
    *why = expr_limit();
    if (!expr_is_string(args[0]) || !expr_is_string(args[1]) ||
        (count == 3 && args[2].type != RT_INT)) {
        *why = expr_no_overload(args, count);
        return false;
    }
    if (!look_at(call, args[0], in))
        return false;
    if (count == 3 && (args[2].u.integer < 0 || args[2].u.integer > in->length)) {
        *why = bad_index();
        return false;
    }
    return true;
}

struct rt_value expr_string_index_of(struct expr_call *call, const struct rt_value *args,
                                     size_t count)
{
    struct positions in;
    struct rt_value why;

    if (!take_search(call, args, count, &in, &why))
        return why;

    size_t from = count == 3 ? byte_of(&in, args[2].u.integer) : 0;
    size_t at = expr_text_find(in.text, rt_value_text(args[1]), from);

    return rt_int(at == SIZE_MAX ? -1 : index_of(&in, at));
}

struct rt_value expr_string_last_index_of(struct expr_call *call, const struct rt_value *args,
                                          size_t count)
{
    struct positions in;
    struct rt_value why;
    struct rt_text part = rt_value_text(args[1]);

    if (!take_search(call, args, count, &in, &why))
        return why;
    if (part.length > in.text.length)
        return rt_int(-1);

    size_t at = count == 3 ? byte_of(&in, args[2].u.integer) : in.text.length;

    if (at > in.text.length - part.length)
        at = in.text.length - part.length;
    for (;; at--) {
        if (part.length == 0 || memcmp(in.text.data + at, part.data, part.length) == 0)
            return rt_int(index_of(&in, at));
        if (at == 0)
            return rt_int(-1);
        if (!expr_spend(call, 1 + part.length / EXPR_BYTES_PER_WORK))
            return expr_limit();
    }
}

/* ---- making new ones ---- */

static struct rt_value change_case(struct expr_call *call, const struct rt_value *args,
                                   size_t count, char first)
{
    if (!expr_is_string(args[0]))
        return expr_no_overload(args, count);

    char *text = expr_room(call, args[0].length, 1);
    struct rt_value result = args[0];

    if (text == NULL)
        return expr_limit();
    for (size_t i = 0; i < args[0].length; i++) {
        char c = args[0].u.text[i];

        text[i] = c >= first && c <= first + 25 ? (char)(c ^ 0x20) : c;
    }
    result.u.text = text;
    return result;
}

struct rt_value expr_fn_lower_ascii(struct expr_call *call, const struct rt_value *args,
                                    size_t count)
{
    return change_case(call, args, count, 'A');
}

struct rt_value expr_fn_upper_ascii(struct expr_call *call, const struct rt_value *args,
                                    size_t count)
{
    return change_case(call, args, count, 'a');
}

struct rt_value expr_string_reverse(struct expr_call *call, const struct rt_value *args,
                                    size_t count)
{
    struct rt_value result = args[0];
    char *text = expr_room(call, result.length, 1);

    (void)count;
    if (text == NULL)
        return expr_limit();
    for (size_t at = 0; at < result.length;) {
        size_t next = at;

        rt_utf8_next(rt_value_text(args[0]), &next);
        memcpy(text + result.length - next, args[0].u.text + at, next - at);
        at = next;
    }
    result.u.text = text;
    return result;
}

/* Where the next separator begins at or after `from`; an empty one stands between all code points. */
static size_t next_part(struct rt_text text, struct rt_text part, size_t from)
{
    if (part.length > 0)
        return expr_text_find(text, part, from);
    if (from >= text.length)
        return SIZE_MAX;
    rt_utf8_next(text, &from);
    return from;
}

/* The limit of replace and split: a negative one means none. */
static uint64_t limit_of(const struct rt_value *args, size_t count, size_t at)
{
    return count <= at || args[at].u.integer < 0 ? UINT64_MAX : (uint64_t)args[at].u.integer;
}

struct rt_value expr_fn_replace(struct expr_call *call, const struct rt_value *args, size_t count)
{
    struct rt_text text = rt_value_text(args[0]), part = rt_value_text(args[1]);
    struct rt_text with = rt_value_text(args[2]);

    if (!expr_is_string(args[0]) || !expr_is_string(args[1]) || !expr_is_string(args[2]) ||
        (count == 4 && args[3].type != RT_INT))
        return expr_no_overload(args, count);

    uint64_t limit = limit_of(args, count, 3);
    struct rt_buffer *out = expr_buffer(call);
    size_t done = 0;
    size_t at = part.length == 0 ? 0 : expr_text_find(text, part, 0);

    for (; at != SIZE_MAX && limit > 0 && !out->failed; limit--) {
        if (!expr_spend(call, 1))
            return expr_limit();
        rt_buffer_add(out, text.data + done, at - done);
        rt_buffer_text(out, with);
        done = at + part.length;
        at = next_part(text, part, done);
    }
    rt_buffer_add(out, text.data + done, text.length - done);
    return expr_buffer_string(call);
}

/* How many pieces split makes, at most `limit`. */
static size_t count_pieces(struct rt_text text, struct rt_text separator, uint64_t limit)
{
    size_t count = 1;
    size_t at = next_part(text, separator, 0);

    if (separator.length == 0 && text.length == 0)
        return 0;
    while (at != SIZE_MAX && count < limit && !(separator.length == 0 && at == text.length)) {
        count++;
        at = next_part(text, separator, at + separator.length);
    }
    return count;
}

struct rt_value expr_fn_split(struct expr_call *call, const struct rt_value *args, size_t count)
{
    struct rt_text separator = rt_value_text(args[1]);
    struct positions in;
    size_t at = 0;

    if (!expr_is_string(args[0]) || !expr_is_string(args[1]) ||
        (count == 3 && args[2].type != RT_INT))
        return expr_no_overload(args, count);
    if (!look_at(call, args[0], &in))
        return expr_limit();

    uint64_t limit = limit_of(args, count, 2);
    size_t pieces = limit == 0 ? 0 : count_pieces(in.text, separator, limit);
    struct rt_value *items = expr_room(call, pieces, sizeof(*items));

    if (items == NULL)
        return expr_limit();
    for (size_t i = 0; i < pieces; i++) {
        size_t end = i + 1 == pieces ? in.text.length : next_part(in.text, separator, at);

        items[i] = piece(&in, at, end);
        at = end + separator.length;
    }
    return (struct rt_value){.type = RT_LIST, .length = (uint32_t)pieces, .u.items = items};
}

struct rt_value expr_fn_join(struct expr_call *call, const struct rt_value *args, size_t count)
{
    if (args[0].type != RT_LIST || (count == 2 && !expr_is_string(args[1])))
        return expr_no_overload(args, count);
    if (!expr_spend(call, args[0].length))
        return expr_limit();

    struct rt_buffer *out = expr_buffer(call);

    for (size_t i = 0; i < args[0].length; i++) {
        if (!expr_is_string(args[0].u.items[i]))
            return expr_no_overload(&args[0].u.items[i], 1);
        if (i > 0 && count == 2)
            rt_buffer_text(out, rt_value_text(args[1]));
        rt_buffer_text(out, rt_value_text(args[0].u.items[i]));
    }
    return expr_buffer_string(call);
}

struct rt_value expr_fn_quote(struct expr_call *call, const struct rt_value *args, size_t count)
{
    static const char from[] = "\a\b\f\n\r\t\v\\\"";
    static const char to[] = "abfnrtv\\\"";

    if (!expr_is_string(args[0]))
        return expr_no_overload(args, count);

    struct rt_buffer *out = expr_buffer(call);

    rt_buffer_char(out, '"');
    for (size_t i = 0; i < args[0].length; i++) {
        char c = args[0].u.text[i];
        const char *special = c == '\0' ? NULL : strchr(from, c);

        if (special != NULL)
            rt_buffer_char(out, '\\');
        rt_buffer_char(out, special == NULL ? c : to[special - from]);
    }
    rt_buffer_char(out, '"');
    return expr_buffer_string(call);
}
