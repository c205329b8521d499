/* SPDX-License-Identifier: Apache-2.0 */
/* utf8.c - code points; declared in text.h. */
#include "runtime/base/text.h"

#define REPLACEMENT 0xFFFDu

static bool is_continuation(unsigned char byte)
{
    return (byte & 0xC0) == 0x80;
}

/* Bytes of the sequence that `first` begins; 0 if it cannot begin one. */
static size_t sequence_length(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xC2 && first < 0xE0)
        return 2;
    if (first >= 0xE0 && first < 0xF0)
        return 3;
    if (first >= 0xF0 && first < 0xF5)
        return 4;
    return 0;
}

/* Decodes one code point; returns its length in bytes, 0 if it is not well formed. */
static size_t decode(const unsigned char *bytes, size_t available, uint32_t *out)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = sequence_length(bytes[0]);

    if (length == 0 || length > available)
        return 0;

    uint32_t code_point = length == 1 ? bytes[0] : bytes[0] & (0x7Fu >> length);

    for (size_t i = 1; i < length; i++) {
        if (!is_continuation(bytes[i]))
            return 0;
        code_point = code_point << 6 | (bytes[i] & 0x3F);
    }
    if (code_point < least[length] || code_point > 0x10FFFF ||
        (code_point >= 0xD800 && code_point <= 0xDFFF))
        return 0;
    *out = code_point;
    return length;
}

bool rt_utf8_valid(struct rt_text text)
{
    const unsigned char *bytes = (const unsigned char *)text.data;
    size_t at = 0;

    while (at < text.length) {
        uint32_t ignored;
        size_t length = decode(bytes + at, text.length - at, &ignored);

        if (length == 0)
            return false;
        at += length;
    }
    return true;
}

size_t rt_utf8_length(struct rt_text text)
{
    size_t count = 0;

    for (size_t i = 0; i < text.length; i++)
        count += !is_continuation((unsigned char)text.data[i]);
    return count;
}

uint32_t rt_utf8_next(struct rt_text text, size_t *at)
{
    uint32_t code_point = REPLACEMENT;
    size_t length = decode((const unsigned char *)text.data + *at, text.length - *at, &code_point);

    *at += length == 0 ? 1 : length;
    return code_point;
}

size_t rt_utf8_put(uint32_t code_point, char out[4])
{
    if (code_point < 0x80) {
        out[0] = (char)code_point;
        return 1;
    }

    size_t length = code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};

    for (size_t i = length; i-- > 1;) {
        out[i] = (char)(0x80 | (code_point & 0x3F));
        code_point >>= 6;
    }
    out[0] = (char)(lead[length] | code_point);
    return length;
}

struct code_range {
    uint32_t first, last;
};

static bool in_ranges(uint32_t code_point, const struct code_range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (code_point >= ranges[i].first && code_point <= ranges[i].last)
            return true;
    return false;
}

/* The blocks that matter for placing a caret; not the whole of Unicode's width tables. */
static const struct code_range wide[] = {
    {0x1100, 0x115F}, {0x2E80, 0x303E},   {0x3041, 0x33FF},   {0x3400, 0x4DBF},  {0x4E00, 0x9FFF},
    {0xA000, 0xA4CF}, {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},  {0xFF00, 0xFF60},
    {0xFFE0, 0xFFE6}, {0x1F300, 0x1F64F}, {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD}};
static const struct code_range zero[] = {
    {0x0300, 0x036F}, {0x200B, 0x200F}, {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}};

size_t rt_utf8_width(struct rt_text text)
{
    size_t width = 0, at = 0;

    while (at < text.length) {
        uint32_t code_point = rt_utf8_next(text, &at);

        if (code_point >= 0x300 && in_ranges(code_point, wide, sizeof(wide) / sizeof(wide[0])))
            width += 2;
        else if (code_point < 0x300 || !in_ranges(code_point, zero, sizeof(zero) / sizeof(zero[0])))
            width += 1;
    }
    return width;
}
