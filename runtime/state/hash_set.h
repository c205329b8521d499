/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hash_set.h - hashes, and nothing else of what they are of: is it one of millions, at 11 to 43 bytes each.
 *
 *     [ . | h7 | h2 | . | . | h9 | h1 | h4 | . ]     open addressing; a place is the product's upper bits, so that hashes
 *                                                     of some key groups only lie as far apart as any
 *
 * H1  A hash may be in it several times, and leaves one at a time: two things of one hash do no harm to each other.
 * H2  At most three quarters of the places are used, and a quarter of that at least unless there are few.
 */
#ifndef EGRET_RUNTIME_STATE_HASH_SET_H
#define EGRET_RUNTIME_STATE_HASH_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/status.h"

struct rt_hash_set {  /* zeroed: empty */
    uint64_t *places; /* owned; 0: free */
    size_t count, capacity;
};

void rt_hash_set_done(struct rt_hash_set *set);

/* RT_ERR_NOMEM: it is not in. */
enum rt_status rt_hash_set_add(struct rt_hash_set *set, uint64_t hash);
/* Once; false: it is not in. */
bool rt_hash_set_remove(struct rt_hash_set *set, uint64_t hash);
bool rt_hash_set_has(const struct rt_hash_set *set, uint64_t hash);

static inline size_t rt_hash_set_bytes(const struct rt_hash_set *set)
{
    return set->capacity * sizeof(*set->places);
}

#endif
