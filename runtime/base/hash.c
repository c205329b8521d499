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

_Static_assert(sizeof(XXH3_state_t) <= sizeof(((struct rt_hash128_stream *)0)->state) &&
                   _Alignof(XXH3_state_t) <= _Alignof(struct rt_hash128_stream),
               "a stream has room for xxhash's state");

void rt_hash128_begin(struct rt_hash128_stream *stream)
{
    XXH3_state_t *state = (XXH3_state_t *)stream->state;

    XXH3_INITSTATE(state);
    XXH3_128bits_reset(state);
}

void rt_hash128_add(struct rt_hash128_stream *stream, const void *data, size_t length)
{
    if (length > 0)
        XXH3_128bits_update((XXH3_state_t *)stream->state, data, length);
}

struct rt_hash128 rt_hash128_end(const struct rt_hash128_stream *stream)
{
    XXH128_hash_t hash = XXH3_128bits_digest((const XXH3_state_t *)stream->state);

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
