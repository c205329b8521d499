/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/ip.h"

#include <string.h>

#include "runtime/base/assert.h"

enum { GROUPS = 8, NO_GAP = GROUPS + 1 };

static const unsigned char mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* A decimal number up to `max` without leading zeros. */
static bool take_decimal(struct rt_text text, size_t *at, unsigned max, unsigned *out)
{
    size_t begin = *at;
    unsigned value = 0;

    for (; *at < text.length && text.data[*at] >= '0' && text.data[*at] <= '9'; ++*at) {
        value = value * 10 + (unsigned)(text.data[*at] - '0');
        if (value > max)
            return false;
    }
    *out = value;
    return *at > begin && (*at - begin == 1 || text.data[begin] != '0');
}

static bool parse_v4(struct rt_text text, struct rt_ip *out)
{
    size_t at = 0;

    for (size_t i = 0; i < 4; i++) {
        unsigned octet;

        if (i > 0 && (at == text.length || text.data[at++] != '.'))
            return false;
        if (!take_decimal(text, &at, 255, &octet))
            return false;
        out->bytes[12 + i] = (unsigned char)octet;
    }
    memcpy(out->bytes, mapped_prefix, sizeof(mapped_prefix));
    out->family = 4;
    return at == text.length;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* One to four hexadecimal digits. */
static bool take_group(struct rt_text text, size_t *at, unsigned *out)
{
    size_t begin = *at;
    unsigned value = 0;

    for (; *at < text.length && hex_digit(text.data[*at]) >= 0; ++*at) {
        if (*at - begin == 4)
            return false;
        value = value * 16 + (unsigned)hex_digit(text.data[*at]);
    }
    *out = value;
    return *at > begin;
}

/* Groups of eight with at most one `::`, which stands for at least one group of zeros. */
static bool parse_v6(struct rt_text text, struct rt_ip *out)
{
    unsigned groups[GROUPS];
    size_t count = 0, gap = NO_GAP, at = 0;

    if (text.length >= 2 && text.data[0] == ':' && text.data[1] == ':') {
        gap = 0;
        at = 2;
    }
    while (at < text.length) {
        if (count == GROUPS || !take_group(text, &at, &groups[count]))
            return false;
        count++;
        if (at == text.length)
            break;
        if (text.data[at++] != ':' || at == text.length)
            return false;
        if (text.data[at] == ':') {
            if (gap != NO_GAP)
                return false;
            gap = count;
            at++;
        }
    }
    if (gap == NO_GAP ? count != GROUPS : count >= GROUPS)
        return false;

    size_t missing = GROUPS - count;

    memset(out->bytes, 0, sizeof(out->bytes));
    for (size_t i = 0; i < count; i++) {
        size_t place = i < gap ? i : i + missing;

        out->bytes[2 * place] = (unsigned char)(groups[i] >> 8);
        out->bytes[2 * place + 1] = (unsigned char)(groups[i] & 0xff);
    }
    out->family = 6;
    return true;
}

static bool has_colon(struct rt_text text)
{
    return text.length > 0 && memchr(text.data, ':', text.length) != NULL;
}

bool rt_ip_parse(struct rt_text text, struct rt_ip *out)
{
    return has_colon(text) ? parse_v6(text, out) : parse_v4(text, out);
}

bool rt_ip_parse_lenient(struct rt_text text, struct rt_ip *out)
{
    static const char prefix[] = "::ffff:";
    enum { PREFIX_LENGTH = sizeof(prefix) - 1 };
    bool mapped = text.length > PREFIX_LENGTH;

    for (size_t i = 0; mapped && i < PREFIX_LENGTH; i++)
        mapped = text.data[i] == prefix[i] || text.data[i] + ('a' - 'A') == prefix[i];
    if (mapped &&
        parse_v4((struct rt_text){text.data + PREFIX_LENGTH, text.length - PREFIX_LENGTH}, out))
        return true;
    if (!rt_ip_parse(text, out))
        return false;
    if (memcmp(out->bytes, mapped_prefix, sizeof(mapped_prefix)) == 0)
        out->family = 4;
    return true;
}

bool rt_cidr_parse(struct rt_text text, struct rt_ip *out, uint32_t *prefix_bits)
{
    const char *slash = text.length == 0 ? NULL : memchr(text.data, '/', text.length);
    unsigned bits;

    if (slash == NULL)
        return false;

    size_t at = (size_t)(slash - text.data);

    if (!rt_ip_parse((struct rt_text){text.data, at}, out))
        return false;
    at++;
    if (!take_decimal(text, &at, out->family == 4 ? 32 : 128, &bits) || at != text.length)
        return false;
    *prefix_bits = bits;
    return true;
}

bool rt_ip_same_prefix(const unsigned char a[16], const unsigned char b[16], uint32_t bits)
{
    uint32_t whole = bits / 8, rest = bits % 8;

    RT_ASSERT(bits <= 128);
    if (memcmp(a, b, whole) != 0)
        return false;
    return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

void rt_ip_mask(unsigned char bytes[16], uint32_t bits)
{
    RT_ASSERT(bits <= 128);
    for (uint32_t i = 0; i < 16; i++) {
        uint32_t kept = bits > 8 * i ? bits - 8 * i : 0;

        if (kept < 8)
            bytes[i] = (unsigned char)(bytes[i] & (0xff00u >> kept));
    }
}

/* The longest run of at least two zero groups, the first of equals: what `::` stands for. */
static size_t longest_zeros(const unsigned groups[GROUPS], size_t *length)
{
    size_t best = GROUPS;

    *length = 1;
    for (size_t i = 0; i < GROUPS; i++) {
        size_t run = 0;

        while (i + run < GROUPS && groups[i + run] == 0)
            run++;
        if (run > *length) {
            best = i;
            *length = run;
        }
        i += run;
    }
    return best;
}

static void put_v6(struct rt_buffer *buffer, const unsigned char bytes[16])
{
    unsigned groups[GROUPS];
    size_t zeros_length;

    for (size_t i = 0; i < GROUPS; i++)
        groups[i] = (unsigned)bytes[2 * i] << 8 | bytes[2 * i + 1];

    size_t zeros = longest_zeros(groups, &zeros_length);

    for (size_t i = 0; i < GROUPS; i++) {
        if (i == zeros) {
            rt_buffer_string(buffer, "::");
            i += zeros_length - 1;
            continue;
        }
        if (i > 0 && !(zeros != GROUPS && i == zeros + zeros_length))
            rt_buffer_char(buffer, ':');
        rt_buffer_printf(buffer, "%x", groups[i]);
    }
}

void rt_buffer_ip(struct rt_buffer *buffer, const unsigned char bytes[16], uint8_t family)
{
    RT_ASSERT(family == 4 || family == 6);
    if (family == 4)
        rt_buffer_printf(buffer, "%u.%u.%u.%u", bytes[12], bytes[13], bytes[14], bytes[15]);
    else if (memcmp(bytes, mapped_prefix, sizeof(mapped_prefix)) == 0)
        rt_buffer_printf(buffer, "::ffff:%u.%u.%u.%u", bytes[12], bytes[13], bytes[14], bytes[15]);
    else
        put_v6(buffer, bytes);
}
