/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text_find.c - finding a text in a text.
 *
 * Real texts: memchr for the first byte, memcmp at each hit, as fast as memory.  Texts made to hurt
 * (aaaa...b in aaaa...a) spend the allowance of vain comparisons, and the rest is searched by a rolling hash.
 */
#include <string.h>

#include "rules/value_support.h"
#include "runtime/base/assert.h"

#define PRIME ((UINT64_C(1) << 31) - 1)
enum { BASE = 1000003, VAIN_PER_BYTE = 4 };

static bool is_at(struct rt_text text, struct rt_text part, size_t at)
{
    return memcmp(text.data + at, part.data, part.length) == 0;
}

static uint64_t hash_of(const char *bytes, size_t length)
{
    uint64_t hash = 0;

    for (size_t i = 0; i < length; i++)
        hash = (hash * BASE + (unsigned char)bytes[i]) % PRIME;
    return hash;
}

/* By the hash of every window; equal hashes are compared in full. */
static size_t find_by_hash(struct rt_text text, struct rt_text part, size_t from)
{
    uint64_t wanted = hash_of(part.data, part.length);
    uint64_t window = hash_of(text.data + from, part.length);
    uint64_t leading = 1; /* BASE to the power of the part's length - 1 */

    for (size_t i = 1; i < part.length; i++)
        leading = leading * BASE % PRIME;
    for (size_t at = from;; at++) {
        if (window == wanted && is_at(text, part, at))
            return at;
        if (at + part.length == text.length)
            return SIZE_MAX;

        uint64_t gone = (unsigned char)text.data[at] * leading % PRIME;

        window =
            ((window + PRIME - gone) * BASE + (unsigned char)text.data[at + part.length]) % PRIME;
    }
}

size_t expr_text_find(struct rt_text text, struct rt_text part, size_t from)
{
    RT_ASSERT(from <= text.length);
    if (part.length == 0)
        return from;
    if (part.length > text.length - from)
        return SIZE_MAX;

    size_t last = text.length - part.length; /* where it can begin at the latest */
    size_t vain = 0;

    for (size_t at = from; at <= last; at++) {
        const char *hit = memchr(text.data + at, part.data[0], last - at + 1);

        if (hit == NULL)
            return SIZE_MAX;
        at = (size_t)(hit - text.data);
        if (is_at(text, part, at))
            return at;
        vain += part.length;
        if (vain > VAIN_PER_BYTE * text.length + part.length)
            return at == last ? SIZE_MAX : find_by_hash(text, part, at + 1);
    }
    return SIZE_MAX;
}
