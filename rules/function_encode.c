/* SPDX-License-Identifier: Apache-2.0 */
/* function_encode.c - base64 and back. */
#include "rules/function.h"

struct rt_value expr_fn_base64_encode(struct expr_call *call, const struct rt_value *args,
                                      size_t count)
{
    struct rt_buffer *out = expr_buffer(call);

    if (args[0].type != RT_BYTES)
        return expr_no_overload(args, count);
    rt_buffer_base64(out, args[0].u.bytes, args[0].length);
    return expr_buffer_string(call);
}

static int digit_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static struct rt_value not_base64(void)
{
    return expr_fail(RT_ERROR_CONVERT, "the text is not base64");
}

/* Digits without padding; a rest of one digit is half a byte, and bits that no byte takes must be zero. */
struct rt_value expr_fn_base64_decode(struct expr_call *call, const struct rt_value *args,
                                      size_t count)
{
    const char *text = args[0].u.text;
    size_t length = args[0].length;
    uint32_t bits = 0;
    unsigned have = 0;

    if (!expr_is_string(args[0]))
        return expr_no_overload(args, count);
    if (length % 4 == 0)
        for (int i = 0; i < 2 && length > 0 && text[length - 1] == '='; i++)
            length--;
    if (length % 4 == 1)
        return not_base64();

    unsigned char *bytes = expr_room(call, length / 4 * 3 + 3, 1);
    unsigned char *at = bytes;

    if (bytes == NULL)
        return expr_limit();
    for (size_t i = 0; i < length; i++) {
        int value = digit_value(text[i]);

        if (value < 0)
            return not_base64();
        bits = (bits << 6 | (uint32_t)value) & 0xffff;
        have += 6;
        if (have >= 8) {
            have -= 8;
            *at++ = (unsigned char)(bits >> have);
        }
    }
    if ((bits & ((1u << have) - 1)) != 0)
        return not_base64();
    return (struct rt_value){.type = RT_BYTES, .length = (uint32_t)(at - bytes), .u.bytes = bytes};
}
