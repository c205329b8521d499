/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hash.h - XXH3, seen from here only.  The values are part of stored formats (alert ids, rule
 * revisions), so neither the algorithm nor the seed may change.
 */
#ifndef EGRET_RUNTIME_BASE_HASH_H
#define EGRET_RUNTIME_BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rt_hash128 {
    uint64_t high, low;
};

uint64_t rt_hash64(const void *data, size_t length);
struct rt_hash128 rt_hash128(const void *data, size_t length);

/* The same hash of bytes that come in pieces. */
struct rt_hash128_stream {
    _Alignas(64) unsigned char state[576];
};
void rt_hash128_begin(struct rt_hash128_stream *stream);
void rt_hash128_add(struct rt_hash128_stream *stream, const void *data, size_t length);
struct rt_hash128 rt_hash128_end(const struct rt_hash128_stream *stream);

static inline bool rt_hash128_equal(struct rt_hash128 a, struct rt_hash128 b)
{
    return a.high == b.high && a.low == b.low;
}

/* 32 lower-case hexadecimal digits and a NUL, high part first. */
void rt_hash128_text(struct rt_hash128 hash, char out[33]);

#endif
