/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/state/hash_set.h"

#include "runtime/base/alloc.h"

enum { FIRST_CAPACITY = 16 };

void rt_hash_set_done(struct rt_hash_set *set)
{
    rt_free(set->places);
    *set = (struct rt_hash_set){0};
}

/* 0 is a free place; who has that hash shares another's. */
static uint64_t stored(uint64_t hash)
{
    return hash == 0 ? 1 : hash;
}

static size_t home_of(uint64_t hash, size_t capacity)
{
    return (size_t)((hash * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (capacity - 1);
}

static void put(uint64_t *places, size_t capacity, uint64_t hash)
{
    size_t at = home_of(hash, capacity);

    while (places[at] != 0)
        at = (at + 1) & (capacity - 1);
    places[at] = hash;
}

static enum rt_status resize(struct rt_hash_set *set, size_t capacity)
{
    uint64_t *places = rt_alloc_zeroed(capacity, sizeof(*places));

    if (places == NULL)
        return RT_ERR_NOMEM;
    for (size_t i = 0; i < set->capacity; i++) {
        if (set->places[i] != 0)
            put(places, capacity, set->places[i]);
    }
    rt_free(set->places);
    set->places = places;
    set->capacity = capacity;
    return RT_OK;
}

enum rt_status rt_hash_set_add(struct rt_hash_set *set, uint64_t hash)
{
    if (set->count + 1 > set->capacity / 4 * 3) {
        enum rt_status status =
            resize(set, set->capacity == 0 ? FIRST_CAPACITY : 2 * set->capacity);

        if (status != RT_OK)
            return status;
    }
    put(set->places, set->capacity, stored(hash));
    set->count++;
    return RT_OK;
}

/* The place of the hash; capacity: it is not in. */
static size_t find(const struct rt_hash_set *set, uint64_t hash)
{
    if (set->count == 0)
        return set->capacity;
    for (size_t at = home_of(hash, set->capacity); set->places[at] != 0;
         at = (at + 1) & (set->capacity - 1)) {
        if (set->places[at] == hash)
            return at;
    }
    return set->capacity;
}

bool rt_hash_set_has(const struct rt_hash_set *set, uint64_t hash)
{
    return find(set, stored(hash)) != set->capacity;
}

/* What stands behind the gap moves into it, unless that is before its home. */
static void close_gap(struct rt_hash_set *set, size_t gap)
{
    const size_t mask = set->capacity - 1;

    for (size_t at = (gap + 1) & mask; set->places[at] != 0; at = (at + 1) & mask) {
        const size_t home = home_of(set->places[at], set->capacity);

        if (((at - home) & mask) < ((at - gap) & mask))
            continue;
        set->places[gap] = set->places[at];
        gap = at;
    }
    set->places[gap] = 0;
}

bool rt_hash_set_remove(struct rt_hash_set *set, uint64_t hash)
{
    const size_t at = find(set, stored(hash));

    if (at == set->capacity)
        return false;
    close_gap(set, at);
    set->count--;
    if (set->capacity > FIRST_CAPACITY && set->count < set->capacity / 8 * 3 / 2)
        (void)resize(set, set->capacity / 2); /* without memory it stays as large as it is */
    return true;
}
