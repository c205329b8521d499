/* SPDX-License-Identifier: Apache-2.0 */
/*
 * function_format.c - "...".format([args]):  %s %d %b %o %x %X %f %e %.Nf %.Ne %%
 */
#include <math.h>
#include <string.h>

#include "rules/function.h"

enum { PRECISION_DEFAULT = 6, PRECISION_MAX = 100 };

static struct rt_value wrong_type(struct rt_value value)
{
    struct rt_value result = expr_no_overload(&value, 1);

    if (result.aux == RT_ERROR_TYPE)
        result.u.text = "the formatting clause does not take this type";
    return result;
}

static void put_digits(struct rt_buffer *out, uint64_t value, unsigned base, bool upper)
{
    const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    char text[64];
    size_t at = sizeof(text);

    do {
        text[--at] = digits[value % base];
        value /= base;
    } while (value != 0);
    rt_buffer_add(out, text + at, sizeof(text) - at);
}

/* An int or uint in some base; the sign stands before the digits. */
static void put_integer(struct rt_buffer *out, struct rt_value value, unsigned base, bool upper)
{
    uint64_t magnitude = value.u.natural;

    if (value.type == RT_INT && value.u.integer < 0) {
        rt_buffer_char(out, '-');
        magnitude = 0 - magnitude;
    }
    put_digits(out, magnitude, base, upper);
}

static bool is_integer(struct rt_value value)
{
    return value.type == RT_INT || value.type == RT_UINT;
}

/* Each writes one argument; false: its type is not the clause's. */

static bool put_decimal(struct rt_buffer *out, struct rt_value value)
{
    if (!expr_is_number(value))
        return false;
    expr_value_text(value, out);
    return true;
}

static bool put_in_base(struct rt_buffer *out, struct rt_value value, unsigned base)
{
    if (!is_integer(value))
        return false;
    put_integer(out, value, base, false);
    return true;
}

static bool put_binary(struct rt_buffer *out, struct rt_value value)
{
    if (value.type == RT_BOOL) {
        rt_buffer_char(out, value.u.boolean ? '1' : '0');
        return true;
    }
    return put_in_base(out, value, 2);
}

static bool put_hex(struct rt_buffer *out, struct rt_value value, bool upper)
{
    const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";

    if (is_integer(value)) {
        put_integer(out, value, 16, upper);
        return true;
    }
    if (value.type != RT_STRING && value.type != RT_BYTES)
        return false;
    for (size_t i = 0; i < value.length; i++) {
        rt_buffer_char(out, digits[value.u.bytes[i] >> 4]);
        rt_buffer_char(out, digits[value.u.bytes[i] & 15]);
    }
    return true;
}

static bool put_real(struct rt_buffer *out, struct rt_value value, char form, int precision)
{
    double real = value.type == RT_INT    ? (double)value.u.integer
                  : value.type == RT_UINT ? (double)value.u.natural
                                          : value.u.real;

    if (!expr_is_number(value))
        return false;
    if (isfinite(real))
        rt_buffer_double(out, real, form, precision);
    else
        expr_value_text(value, out);
    return true;
}

struct clause {
    char letter;
    int precision;
};

/* What follows a `%`; moves behind it.  False: no such clause. */
static bool take_clause(struct rt_text text, size_t *at, struct clause *out)
{
    *out = (struct clause){.precision = PRECISION_DEFAULT};
    if (*at < text.length && text.data[*at] == '.') {
        out->precision = 0;
        for (++*at; *at < text.length && text.data[*at] >= '0' && text.data[*at] <= '9'; ++*at) {
            out->precision = out->precision * 10 + (text.data[*at] - '0');
            if (out->precision > PRECISION_MAX)
                return false;
        }
        if (*at == text.length || strchr("fe", text.data[*at]) == NULL)
            return false;
    }
    if (*at == text.length)
        return false;
    out->letter = text.data[(*at)++];
    return out->letter != '\0' && strchr("sdboxXfe", out->letter) != NULL;
}

static bool put_clause(struct rt_buffer *out, struct clause clause, struct rt_value value)
{
    switch (clause.letter) {
    case 's':
        return expr_value_display(value, out);
    case 'd':
        return put_decimal(out, value);
    case 'b':
        return put_binary(out, value);
    case 'o':
        return put_in_base(out, value, 8);
    case 'x':
    case 'X':
        return put_hex(out, value, clause.letter == 'X');
    default:
        return put_real(out, value, clause.letter, clause.precision);
    }
}

struct rt_value expr_fn_format(struct expr_call *call, const struct rt_value *args, size_t count)
{
    struct rt_text text = rt_value_text(args[0]);
    struct clause clause;
    size_t used = 0;

    if (!expr_is_string(args[0]) || args[1].type != RT_LIST)
        return expr_no_overload(args, count);

    struct rt_buffer *out = expr_buffer(call);

    for (size_t at = 0; at < text.length && !out->failed;) {
        if (text.data[at] != '%') {
            rt_buffer_char(out, text.data[at++]);
            continue;
        }
        at++;
        if (at < text.length && text.data[at] == '%') {
            rt_buffer_char(out, text.data[at++]);
            continue;
        }
        if (!take_clause(text, &at, &clause))
            return expr_fail(RT_ERROR_ARGUMENT, "unknown formatting clause");
        if (used == args[1].length)
            return expr_fail(RT_ERROR_INDEX, "more formatting clauses than arguments");
        if (!put_clause(out, clause, args[1].u.items[used]))
            return out->failed ? expr_limit() : wrong_type(args[1].u.items[used]);
        used++;
    }
    return expr_buffer_string(call);
}
