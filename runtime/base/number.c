/* SPDX-License-Identifier: Apache-2.0 */
/* number.c - numbers and durations to text and back; declared in text.h. */
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/base/assert.h"
#include "runtime/base/text.h"

enum { DIGITS_SURE = 15, DIGITS_MAX = 17, NUMBER_TEXT_MAX = 400, PRECISION_MAX = 100 };

/*
 * printf and strtod follow LC_NUMERIC.  The program never calls setlocale, but a host of the library may,
 * so both are run in the "C" locale's terms: the decimal point is put in and taken out here.
 */
static char decimal_point(void)
{
    const struct lconv *conventions = localeconv();

    return conventions->decimal_point[0] == '\0' ? '.' : conventions->decimal_point[0];
}

static double read_back(const char *text)
{
    return strtod(text, NULL);
}

/* "d.ddde±xx" with the fewest digits that read back. */
static void shortest_scientific(double value, char out[RT_DOUBLE_TEXT_MAX])
{
    /* Any 15 digits survive a normal double; a subnormal one has fewer bits and may need fewer digits. */
    int least = fabs(value) < DBL_MIN ? 1 : DIGITS_SURE;

    for (int digits = least; digits <= DIGITS_MAX; digits++) {
        snprintf(out, RT_DOUBLE_TEXT_MAX, "%.*e", digits - 1, value);
        if (read_back(out) == value)
            return;
    }
    RT_UNREACHABLE();
}

/* Splits "-d.ddde±xx" into its digits (without trailing zeros) and exponent. */
static size_t digits_of(const char *scientific, char digits[DIGITS_MAX + 1], int *exponent)
{
    size_t count = 0;
    const char *at = scientific + (scientific[0] == '-' ? 1 : 0);

    for (; *at != 'e'; at++)
        if (*at >= '0' && *at <= '9' && count < DIGITS_MAX)
            digits[count++] = *at;
    RT_ASSERT(count > 0);
    *exponent = (int)strtol(at + 1, NULL, 10);
    while (count > 1 && digits[count - 1] == '0')
        count--;
    return count;
}

static char *put_zeros(char *at, int count)
{
    while (count-- > 0)
        *at++ = '0';
    return at;
}

static char *put_digits(char *at, const char *digits, size_t count)
{
    memcpy(at, digits, count);
    return at + count;
}

static char *put_plain(char *at, const char *digits, size_t count, int exponent)
{
    int whole = exponent + 1; /* digits before the point */

    if (whole <= 0) {
        *at++ = '0';
        *at++ = '.';
        at = put_zeros(at, -whole);
        return put_digits(at, digits, count);
    }
    if ((size_t)whole >= count) {
        at = put_digits(at, digits, count);
        return put_zeros(at, whole - (int)count);
    }
    at = put_digits(at, digits, (size_t)whole);
    *at++ = '.';
    return put_digits(at, digits + whole, count - (size_t)whole);
}

enum { EXPONENT_MAX = 6 }; /* e-324 and its NUL */

static char *put_scientific(char *at, const char *digits, size_t count, int exponent)
{
    *at++ = digits[0];
    if (count > 1) {
        *at++ = '.';
        at = put_digits(at, digits + 1, count - 1);
    }
    return at + snprintf(at, EXPONENT_MAX, "e%+03d", exponent);
}

size_t rt_double_text(double value, char out[RT_DOUBLE_TEXT_MAX])
{
    char scientific[RT_DOUBLE_TEXT_MAX];
    char digits[DIGITS_MAX + 1];
    int exponent;

    if (isnan(value) || isinf(value)) {
        const char *name = isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";

        return (size_t)snprintf(out, RT_DOUBLE_TEXT_MAX, "%s", name);
    }

    char *at = out;

    if (signbit(value))
        *at++ = '-';
    if (value == 0.0) {
        *at++ = '0';
    } else {
        shortest_scientific(value, scientific);
        size_t count = digits_of(scientific, digits, &exponent);

        at = exponent >= -5 && exponent < 21 ? put_plain(at, digits, count, exponent)
                                             : put_scientific(at, digits, count, exponent);
    }
    *at = '\0';
    RT_ASSERT(at < out + RT_DOUBLE_TEXT_MAX);
    return (size_t)(at - out);
}

void rt_buffer_double(struct rt_buffer *buffer, double value, char form, int precision)
{
    char text[NUMBER_TEXT_MAX + 2 * PRECISION_MAX];
    int length;

    RT_ASSERT(isfinite(value) && precision >= 0 && precision <= PRECISION_MAX);
    RT_ASSERT(form == 'f' || form == 'e');
    length = snprintf(text, sizeof(text), form == 'f' ? "%.*f" : "%.*e", precision, value);
    RT_ASSERT(length > 0 && (size_t)length < sizeof(text));

    char *point = strchr(text, decimal_point());

    if (point != NULL)
        *point = '.';
    rt_buffer_add(buffer, text, (size_t)length);
}

bool rt_text_to_uint(struct rt_text text, uint64_t *out)
{
    uint64_t value = 0;

    if (text.length == 0)
        return false;
    for (size_t i = 0; i < text.length; i++) {
        char c = text.data[i];

        if (c < '0' || c > '9' || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(c - '0'), &value))
            return false;
    }
    *out = value;
    return true;
}

bool rt_text_to_int(struct rt_text text, int64_t *out)
{
    bool negative = text.length > 0 && text.data[0] == '-';
    uint64_t magnitude;

    if (negative || (text.length > 0 && text.data[0] == '+')) {
        text.data++;
        text.length--;
    }
    if (!rt_text_to_uint(text, &magnitude))
        return false;
    if (magnitude > (uint64_t)INT64_MAX + (negative ? 1 : 0))
        return false;
    *out = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}

/* sign? digits? (. digits?)? (e sign? digits)? with a digit in the mantissa; no hex, no names, no blanks. */
static bool is_decimal(struct rt_text text)
{
    size_t i = 0, mantissa = 0, exponent = 0;
    bool point = false;

    if (i < text.length && (text.data[i] == '-' || text.data[i] == '+'))
        i++;
    for (; i < text.length; i++) {
        if (text.data[i] == '.' && !point)
            point = true;
        else if (text.data[i] >= '0' && text.data[i] <= '9')
            mantissa++;
        else
            break;
    }
    if (mantissa == 0 || i == text.length)
        return mantissa > 0;
    if (text.data[i] != 'e' && text.data[i] != 'E')
        return false;
    i++;
    if (i < text.length && (text.data[i] == '-' || text.data[i] == '+'))
        i++;
    for (; i < text.length && text.data[i] >= '0' && text.data[i] <= '9'; i++)
        exponent++;
    return exponent > 0 && i == text.length;
}

bool rt_text_to_double(struct rt_text text, double *out)
{
    char copy[NUMBER_TEXT_MAX + 1];

    if (text.length > NUMBER_TEXT_MAX || !is_decimal(text))
        return false;
    memcpy(copy, text.data, text.length);
    copy[text.length] = '\0';

    char *point = strchr(copy, '.');

    if (point != NULL)
        *point = decimal_point();
    *out = strtod(copy, NULL);
    return true;
}

static const struct {
    const char *name;
    int64_t ms;
} duration_units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};

enum { UNIT_COUNT = sizeof(duration_units) / sizeof(duration_units[0]) };

static bool unit_ms(struct rt_text name, int64_t *out)
{
    for (size_t i = 0; i < UNIT_COUNT; i++) {
        if (rt_text_is(name, duration_units[i].name)) {
            *out = duration_units[i].ms;
            return true;
        }
    }
    return false;
}

static size_t span_of(struct rt_text text, size_t from, bool digits)
{
    size_t to = from;

    while (to < text.length && (text.data[to] >= '0' && text.data[to] <= '9') == digits)
        to++;
    return to - from;
}

bool rt_text_to_duration_ms(struct rt_text text, int64_t *out_ms)
{
    int64_t total = 0;
    size_t at = 0;

    if (text.length == 0)
        return false;
    while (at < text.length) {
        size_t digits = span_of(text, at, true);
        size_t letters = span_of(text, at + digits, false);
        int64_t count, unit, part;

        if (!rt_text_to_int((struct rt_text){text.data + at, digits}, &count) ||
            !unit_ms((struct rt_text){text.data + at + digits, letters}, &unit) ||
            __builtin_mul_overflow(count, unit, &part) ||
            __builtin_add_overflow(total, part, &total))
            return false;
        at += digits + letters;
    }
    *out_ms = total;
    return true;
}

void rt_buffer_duration(struct rt_buffer *buffer, int64_t ms)
{
    if (ms == 0) {
        rt_buffer_string(buffer, "0s");
        return;
    }
    if (ms < 0)
        rt_buffer_char(buffer, '-');

    uint64_t rest = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms;

    for (size_t i = UNIT_COUNT; i-- > 0;) {
        uint64_t unit = (uint64_t)duration_units[i].ms;

        if (rest < unit)
            continue;
        rt_buffer_uint(buffer, rest / unit);
        rt_buffer_string(buffer, duration_units[i].name);
        rest %= unit;
    }
}

/* ---- bytes ---- */

/* Splits a unit off the end: `2GB` is 2000000000, `1MiB` is 1048576. */
static uint64_t take_unit(struct rt_text *text)
{
    static const struct {
        struct rt_text suffix;
        uint64_t factor;
    } units[] = {
        {{"KiB", 3}, UINT64_C(1) << 10},
        {{"MiB", 3}, UINT64_C(1) << 20},
        {{"GiB", 3}, UINT64_C(1) << 30},
        {{"kB", 2}, 1000},
        {{"KB", 2}, 1000},
        {{"MB", 2}, 1000000},
        {{"GB", 2}, 1000000000u},
        {{"B", 1}, 1},
    };

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (rt_text_ends_with(*text, units[i].suffix)) {
            text->length -= units[i].suffix.length;
            return units[i].factor;
        }
    }
    return 1;
}

bool rt_text_to_bytes(struct rt_text text, uint64_t *out)
{
    uint64_t factor = take_unit(&text);
    uint64_t number;

    if (!rt_text_to_uint(text, &number) || __builtin_mul_overflow(number, factor, &number))
        return false;
    *out = number;
    return true;
}
