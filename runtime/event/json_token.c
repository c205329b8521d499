/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/event/json_token.h"

#include <string.h>

#include "runtime/base/assert.h"
#include "runtime/event/json_simd.h"

bool json_fail(struct json_cursor *cursor, enum rt_reject reject, const char *detail)
{
    cursor->status = RT_ERR_DATA;
    cursor->reject = reject;
    cursor->detail = detail;
    return false;
}

bool json_no_memory(struct json_cursor *cursor)
{
    cursor->status = RT_ERR_NOMEM;
    return false;
}

/* ---- numbers ---- */

/* number = [ "-" ] ( "0" | digit19 { digit } ) [ "." digit { digit } ] [ ( "e" | "E" ) [ "+" | "-" ] digit { digit } ] */
struct number {
    const char *begin, *end;
    uint64_t digits;     /* all digits without the point, as one number; right up to 19 of them */
    size_t digit_count;  /* leading zeros included */
    int64_t exponent;    /* value = digits * 10^exponent */
    bool negative, real; /* real: there is a fraction or an exponent */
};

enum { DIGITS_EXACT = 19, EXPONENT_MAX = 100000000 };

static bool is_digit(char c)
{
    return (unsigned char)(c - '0') < 10;
}

/*
 * Eight digits in one word, first digit in the lowest byte: neighbours are joined to pairs, pairs to fours, fours to eight.  False
 * if one of the bytes is no digit, or where words have their first byte at the top.
 */
static bool eight_digits(const char *at, uint64_t *out)
{
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    uint64_t word;

    memcpy(&word, at, sizeof(word));
    word ^= 0x3030303030303030; /* digits become 0 to 9 */
    if (((word | (word + 0x7676767676767676)) & 0x8080808080808080) != 0)
        return false;
    word = (word * 10 + (word >> 8)) & 0x00FF00FF00FF00FF;
    word = (word * 100 + (word >> 16)) & 0x0000FFFF0000FFFF;
    *out = (word * 10000 + (word >> 32)) & 0xFFFFFFFF;
    return true;
#else
    (void)at;
    (void)out;
    return false;
#endif
}

static const char *scan_digits(struct number *number, const char *at)
{
    const char *first = at;
    uint64_t digits = number->digits, eight;

    for (; eight_digits(at, &eight); at += 8)
        digits = digits * 100000000 + eight;
    while (is_digit(*at))
        digits = digits * 10 + (uint64_t)(*at++ - '0');
    number->digits = digits;
    number->digit_count += (size_t)(at - first);
    return at;
}

/* Behind the `e`; NULL if no digit follows. */
static const char *scan_exponent(struct number *number, const char *at)
{
    bool negative = *at == '-';
    int64_t exponent = 0;

    if (*at == '-' || *at == '+')
        at++;
    if (!is_digit(*at))
        return NULL;
    for (; is_digit(*at); at++)
        if (exponent < EXPONENT_MAX)
            exponent = exponent * 10 + (*at - '0');
    number->exponent += negative ? -exponent : exponent;
    return at;
}

static bool scan_number(struct number *number, const char *at)
{
    *number = (struct number){.begin = at, .negative = *at == '-'};
    at += number->negative;
    if (!is_digit(*at))
        return false;
    if (*at == '0') {
        number->digit_count = 1;
        at++;
    } else {
        at = scan_digits(number, at);
    }
    if (*at == '.') {
        const char *fraction = at + 1;

        number->real = true;
        at = scan_digits(number, fraction);
        if (at == fraction)
            return false;
        number->exponent = -(int64_t)(at - fraction);
    }
    if (*at == 'e' || *at == 'E') {
        number->real = true;
        at = scan_exponent(number, at + 1);
        if (at == NULL)
            return false;
    }
    number->end = at;
    return true;
}

/* A scalar's text ends where the next token or white space begins; the cursor stands on the scalar. */
static bool ends_here(const struct json_cursor *cursor, const char *end)
{
    return end == cursor->text + cursor->next[1] || json_is_space(*end);
}

static bool as_int(const struct number *number, struct rt_value *out)
{
    uint64_t largest = (uint64_t)INT64_MAX + number->negative;

    if (number->real || number->digit_count > DIGITS_EXACT || number->digits > largest)
        return false;
    *out = rt_int((int64_t)(number->negative ? 0 - number->digits : number->digits));
    return true;
}

/* Exact when both the digits and the power of ten are doubles without error: one rounding in all. */
static bool as_short_decimal(const struct number *number, struct rt_value *out)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

    if (number->digit_count > DIGITS_EXACT || number->digits > (uint64_t)1 << 53 ||
        number->exponent < -22 || number->exponent > 22)
        return false;

    double value = (double)number->digits;

    value =
        number->exponent < 0 ? value / powers[-number->exponent] : value * powers[number->exponent];
    *out = rt_double(number->negative ? -value : value);
    return true;
}

/* Of a number that no double can hold: it has digits in front of the point when the exponent is worked in. */
static bool is_large(const struct number *number)
{
    const char *at = number->begin + number->negative;
    size_t zeros = 0;

    for (; *at == '0' || *at == '.'; at++)
        zeros += *at == '0';
    return number->exponent + (int64_t)(number->digit_count - zeros) > 0;
}

/* The nearest double by way of all digits; too small is zero. */
static bool long_decimal(struct json_cursor *cursor, const struct number *number,
                         struct rt_value *out)
{
    size_t length = (size_t)(number->end - number->begin);
    double value;

    if (!rt_json_double(number->begin, length, &value)) {
        if (is_large(number))
            return json_fail(cursor, RT_REJECT_BAD_NUMBER, "a number that no double can hold");
        value = number->negative ? -0.0 : 0.0;
    }
    *out = rt_double(value);
    return true;
}

static bool number_value(struct json_cursor *cursor, struct rt_value *out)
{
    struct number number;

    if (!scan_number(&number, cursor->text + *cursor->next) || !ends_here(cursor, number.end))
        return json_fail(cursor, RT_REJECT_BAD_JSON, "not a number");
    cursor->next++;
    return as_int(&number, out) || as_short_decimal(&number, out) ||
           long_decimal(cursor, &number, out);
}

static bool skip_number(struct json_cursor *cursor)
{
    struct number number;

    if (!scan_number(&number, cursor->text + *cursor->next) || !ends_here(cursor, number.end))
        return json_fail(cursor, RT_REJECT_BAD_JSON, "not a number");
    cursor->next++;
    return true;
}

/* ---- strings ---- */

static int hex_digit(char c)
{
    if (is_digit(c))
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four hexadecimal digits at `at`; false if there are not. */
static bool hex4(const char *at, const char *end, uint32_t *out)
{
    uint32_t code = 0;

    if (end - at < 4)
        return false;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(at[i]);

        if (digit < 0)
            return false;
        code = code << 4 | (uint32_t)digit;
    }
    *out = code;
    return true;
}

/* \uXXXX, or two of them for a code point above U+FFFF; *at is behind the `u`. */
static bool unicode_escape(struct json_cursor *cursor, const char **at, const char *end,
                           uint32_t *out)
{
    uint32_t low;

    if (!hex4(*at, end, out))
        return json_fail(cursor, RT_REJECT_BAD_JSON, "\\u wants four hexadecimal digits");
    *at += 4;
    if (*out < 0xD800 || *out > 0xDFFF)
        return true;
    if (*out > 0xDBFF || end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u' ||
        !hex4(*at + 2, end, &low) || low < 0xDC00 || low > 0xDFFF)
        return json_fail(cursor, RT_REJECT_BAD_UTF8, "half of a surrogate pair");
    *out = 0x10000 + ((*out - 0xD800) << 10) + (low - 0xDC00);
    *at += 6;
    return true;
}

/* What stands behind a backslash; *at is moved behind it. */
static bool escape(struct json_cursor *cursor, const char **at, const char *end, uint32_t *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char c = '\0';

    if (*at < end)
        c = *(*at)++;

    const char *found = c == '\0' ? NULL : strchr(from, c);

    if (c == 'u')
        return unicode_escape(cursor, at, end, out);
    if (found == NULL)
        return json_fail(cursor, RT_REJECT_BAD_JSON, "unknown escape in a string");
    *out = (unsigned char)to[found - from];
    return true;
}

static const char *find_backslash(const char *at, const char *end)
{
    return at == end ? NULL : memchr(at, '\\', (size_t)(end - at));
}

static bool check_escapes(struct json_cursor *cursor, struct rt_text text)
{
    const char *at = text.data, *end = text.data + text.length;
    uint32_t ignored;

    while ((at = find_backslash(at, end)) != NULL) {
        at++;
        if (!escape(cursor, &at, end, &ignored))
            return false;
    }
    return true;
}

/* An escape is never shorter than what it stands for, so the copy fits into the raw length. */
bool json_unescape(struct json_cursor *cursor, struct rt_text *text)
{
    const char *at = text->data, *end = text->data + text->length;
    size_t length = 0;

    if (find_backslash(at, end) == NULL)
        return true;

    char *copy = rt_arena_raw(cursor->scratch, text->length);

    if (copy == NULL)
        return json_no_memory(cursor);
    while (at < end) {
        const char *backslash = find_backslash(at, end);
        size_t plain = (size_t)((backslash == NULL ? end : backslash) - at);
        uint32_t code_point;

        memcpy(copy + length, at, plain);
        length += plain;
        if (backslash == NULL)
            break;
        at = backslash + 1;
        if (!escape(cursor, &at, end, &code_point))
            return false;
        length += rt_utf8_put(code_point, copy + length);
    }
    RT_ASSERT(length <= text->length);
    *text = (struct rt_text){copy, length};
    return true;
}

/* ---- values ---- */

static bool literal(struct json_cursor *cursor, const char *word, size_t length)
{
    const char *at = cursor->text + *cursor->next;

    if (cursor->next[1] - *cursor->next < length || memcmp(at, word, length) != 0 ||
        !ends_here(cursor, at + length))
        return json_fail(cursor, RT_REJECT_BAD_JSON, "not a value");
    cursor->next++;
    return true;
}

bool json_scalar(struct json_cursor *cursor, struct rt_value *out)
{
    switch (json_peek(cursor)) {
    case '"':
        return json_string(cursor, json_between_quotes(cursor->text, cursor->next++), out);
    case 't':
        *out = rt_bool(true);
        return literal(cursor, "true", 4);
    case 'f':
        *out = rt_bool(false);
        return literal(cursor, "false", 5);
    case 'n':
        *out = rt_null();
        return literal(cursor, "null", 4);
    default:
        return number_value(cursor, out);
    }
}

static bool skip_string(struct json_cursor *cursor)
{
    if (cursor->escapes && !check_escapes(cursor, json_between_quotes(cursor->text, cursor->next)))
        return false;
    cursor->next++;
    return true;
}

/* Recursion ends at RT_RECORD_DEPTH_MAX (json_enter). */
static bool skip_object(struct json_cursor *cursor) // NOLINT(misc-no-recursion)
{
    enum json_step step;
    struct rt_text name;

    if (!json_enter(cursor))
        return false;
    for (bool first = true; (step = json_member(cursor, first, &name)) == JSON_NEXT; first = false)
        if ((cursor->escapes && !check_escapes(cursor, name)) || !json_skip(cursor))
            return false;
    return step == JSON_END;
}

static bool skip_array(struct json_cursor *cursor) // NOLINT(misc-no-recursion)
{
    enum json_step step;

    if (!json_enter(cursor))
        return false;
    for (bool first = true; (step = json_item(cursor, first)) == JSON_NEXT; first = false)
        if (!json_skip(cursor))
            return false;
    return step == JSON_END;
}

bool json_skip(struct json_cursor *cursor) // NOLINT(misc-no-recursion)
{
    switch (json_peek(cursor)) {
    case '"':
        return skip_string(cursor);
    case '{':
        return skip_object(cursor);
    case '[':
        return skip_array(cursor);
    case 't':
        return literal(cursor, "true", 4);
    case 'f':
        return literal(cursor, "false", 5);
    case 'n':
        return literal(cursor, "null", 4);
    default:
        return skip_number(cursor);
    }
}
