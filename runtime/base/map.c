/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/map.h"

#include <string.h>

#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"
#include "runtime/base/hash.h"

enum { CAPACITY_FIRST = 16 };

void rt_map_done(struct rt_map *map)
{
    rt_free(map->slots);
    *map = (struct rt_map){0};
}

/* An empty key still needs an address, for NULL marks an empty slot. */
static const char *address_of(struct rt_text key)
{
    return key.length == 0 ? "" : key.data;
}

static bool slot_holds(const struct rt_map_slot *slot, struct rt_text key, uint64_t hash)
{
    return slot->hash_high == (uint32_t)(hash >> 32) && slot->key_length == key.length &&
           memcmp(slot->key, address_of(key), key.length) == 0;
}

/* The slot that holds the key, or the empty one where it would go. */
static struct rt_map_slot *find(const struct rt_map *map, struct rt_text key, uint64_t hash)
{
    size_t mask = map->capacity - 1;
    size_t at = (size_t)hash & mask;

    while (map->slots[at].key != NULL && !slot_holds(&map->slots[at], key, hash))
        at = (at + 1) & mask;
    return &map->slots[at];
}

static uint64_t hash_of_slot(const struct rt_map_slot *slot)
{
    return rt_hash64(slot->key, slot->key_length);
}

static enum rt_status grow(struct rt_map *map)
{
    size_t capacity = map->capacity == 0 ? CAPACITY_FIRST : map->capacity * 2;
    struct rt_map larger = {
        .slots = rt_alloc_zeroed(capacity, sizeof(struct rt_map_slot)),
        .capacity = capacity,
        .count = map->count,
    };

    if (larger.slots == NULL)
        return RT_ERR_NOMEM;
    for (size_t i = 0; i < map->capacity; i++) {
        const struct rt_map_slot *slot = &map->slots[i];

        if (slot->key != NULL)
            *find(&larger, (struct rt_text){slot->key, slot->key_length}, hash_of_slot(slot)) =
                *slot;
    }
    rt_free(map->slots);
    *map = larger;
    return RT_OK;
}

enum rt_status rt_map_set(struct rt_map *map, struct rt_text key, uint64_t value)
{
    RT_ASSERT(key.length <= UINT32_MAX);
    if ((map->count + 1) * 4 > map->capacity * 3) {
        enum rt_status status = grow(map);

        if (status != RT_OK)
            return status;
    }

    uint64_t hash = rt_hash64(address_of(key), key.length);
    struct rt_map_slot *slot = find(map, key, hash);

    if (slot->key == NULL)
        map->count++;
    *slot =
        (struct rt_map_slot){address_of(key), (uint32_t)key.length, (uint32_t)(hash >> 32), value};
    return RT_OK;
}

bool rt_map_get(const struct rt_map *map, struct rt_text key, uint64_t *out)
{
    if (map->count == 0)
        return false;

    const struct rt_map_slot *slot = find(map, key, rt_hash64(address_of(key), key.length));

    if (slot->key == NULL)
        return false;
    *out = slot->value;
    return true;
}

bool rt_map_remove(struct rt_map *map, struct rt_text key)
{
    if (map->count == 0)
        return false;

    struct rt_map_slot *slot = find(map, key, rt_hash64(address_of(key), key.length));

    if (slot->key == NULL)
        return false;

    size_t mask = map->capacity - 1;
    size_t hole = (size_t)(slot - map->slots);

    /* Move back every follower whose home lies at or before the hole. */
    for (size_t at = (hole + 1) & mask; map->slots[at].key != NULL; at = (at + 1) & mask) {
        size_t home = (size_t)hash_of_slot(&map->slots[at]) & mask;

        if (((at - home) & mask) >= ((at - hole) & mask)) {
            map->slots[hole] = map->slots[at];
            hole = at;
        }
    }
    map->slots[hole] = (struct rt_map_slot){0};
    map->count--;
    return true;
}
