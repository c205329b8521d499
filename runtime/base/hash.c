/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t rt_hash64(const void *data, size_t length)
{
    return XXH3_64bits(data, length);
}

struct rt_hash128 rt_hash128(const void *data, size_t length)
{
    XXH128_hash_t hash = XXH3_128bits(data, length);

    return (struct rt_hash128){hash.high64, hash.low64};
}

static void put_hex(uint64_t value, char *out)
{
    for (int i = 0; i < 16; i++)
        out[i] = "0123456789abcdef"[value >> (60 - 4 * i) & 15];
}

void rt_hash128_text(struct rt_hash128 hash, char out[33])
{
    put_hex(hash.high, out);
    put_hex(hash.low, out + 16);
    out[32] = '\0';
}
