/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value_index.c - finding an item of a list and an entry of a map, with or without a hash index.
 *
 *     items [ v0 | v1 | ... | vn-1 ][ 0 | 3 | 0 | 1 | ... ]   flag RT_FLAG_INDEXED
 *                                    number of the item + 1, 0 for empty; linear probing by expr_value_hash
 *
 * The index stands directly behind the items, so an indexed value is a value like any other to those that do not
 * know the flag.  Its capacity follows from the length, a power of two of at least twice of it.  A map without one is searched from
 * its start, which is best for the few keys that maps of events have.
 */
#include <string.h>

#include "rules/value_support.h"
#include "runtime/base/assert.h"

enum { INDEX_LENGTH_MIN = 16 };

static uint32_t capacity_for(uint32_t length)
{
    uint32_t capacity = 2 * INDEX_LENGTH_MIN;

    while (capacity < 2 * (uint64_t)length)
        capacity *= 2;
    return capacity;
}

struct index_view {
    const uint32_t *slots;
    uint32_t mask;
    const struct rt_value *keys;
    size_t stride; /* of keys, in values */
};

static struct index_view view_of(struct rt_value value)
{
    bool map = value.type == RT_MAP;
    const void *end = map ? (const void *)(value.u.entries + value.length)
                          : (const void *)(value.u.items + value.length);

    return (struct index_view){end, capacity_for(value.length) - 1,
                               map ? &value.u.entries[0].key : value.u.items, map ? 2 : 1};
}

_Static_assert(sizeof(struct rt_map_entry) == 2 * sizeof(struct rt_value),
               "an entry is two values");

static size_t index_find(struct rt_value container, struct rt_value key)
{
    struct index_view view = view_of(container);

    for (uint64_t at = expr_value_hash(key);; at++) {
        uint32_t slot = view.slots[at & view.mask];

        if (slot == 0)
            return SIZE_MAX;
        if (expr_value_equal(view.keys[(slot - 1) * view.stride], key))
            return slot - 1;
    }
}

size_t expr_list_find(struct rt_value list, struct rt_value needle)
{
    RT_ASSERT(list.type == RT_LIST);
    if ((list.flags & RT_FLAG_INDEXED) != 0)
        return index_find(list, needle);
    for (size_t i = 0; i < list.length; i++)
        if (expr_value_equal(list.u.items[i], needle))
            return i;
    return SIZE_MAX;
}

/* Names are by far the most frequent keys. */
static const struct rt_map_entry *find_name(struct rt_value map, struct rt_text name)
{
    for (size_t i = 0; i < map.length; i++) {
        const struct rt_map_entry *entry = &map.u.entries[i];

        if (entry->key.type == RT_STRING && rt_text_equal(rt_value_text(entry->key), name))
            return entry;
    }
    return NULL;
}

const struct rt_map_entry *expr_map_find(struct rt_value map, struct rt_value key)
{
    RT_ASSERT(map.type == RT_MAP);
    if ((map.flags & RT_FLAG_INDEXED) != 0) {
        size_t at = index_find(map, key);

        return at == SIZE_MAX ? NULL : &map.u.entries[at];
    }
    if (key.type == RT_STRING)
        return find_name(map, rt_value_text(key));
    for (size_t i = 0; i < map.length; i++)
        if (expr_value_equal(map.u.entries[i].key, key))
            return &map.u.entries[i];
    return NULL;
}

enum rt_status expr_value_index(struct rt_value value, struct rt_arena *arena, struct rt_value *out)
{
    if ((value.type != RT_LIST && value.type != RT_MAP) || value.length < INDEX_LENGTH_MIN ||
        (value.flags & RT_FLAG_INDEXED) != 0) {
        *out = value;
        return RT_OK;
    }

    size_t item = value.type == RT_MAP ? sizeof(struct rt_map_entry) : sizeof(struct rt_value);
    uint32_t capacity = capacity_for(value.length);
    unsigned char *copy = rt_arena_alloc(arena, value.length * item + capacity * sizeof(uint32_t));

    if (copy == NULL)
        return RT_ERR_NOMEM;
    memcpy(copy, value.u.items, value.length * item);
    value.u.items = (const struct rt_value *)(void *)copy;
    value.flags |= RT_FLAG_INDEXED;

    uint32_t *slots = (uint32_t *)(void *)(copy + value.length * item);
    struct index_view view = view_of(value);

    for (uint32_t i = 0; i < value.length; i++) {
        uint64_t at = expr_value_hash(view.keys[i * view.stride]);

        while (slots[at & view.mask] != 0)
            at++;
        slots[at & view.mask] = i + 1;
    }
    *out = value;
    return RT_OK;
}
