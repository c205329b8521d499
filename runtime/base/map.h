/* SPDX-License-Identifier: Apache-2.0 */
/*
 * map.h - an open-addressing map from bytes to one machine word.
 *
 *     slots:  [hash|key|value] [ empty ] [hash|key|value] [hash|key|value] ...   power of two, linear probing
 *
 * M1  Keys are borrowed: whoever inserts keeps them alive as long as the map.
 * M2  Load stays at or below 3/4; growing rehashes at amortised constant cost.
 * M3  Removal shifts the following entries back, so there are no tombstones and look-ups do not degrade.
 * For dictionaries (names, constants, interning).  Keyed state has a table of its own (runtime/state).
 */
#ifndef EGRET_RUNTIME_BASE_MAP_H
#define EGRET_RUNTIME_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/status.h"
#include "runtime/base/text.h"

struct rt_map_slot {
    const char *key; /* NULL: empty */
    uint32_t key_length;
    uint32_t hash_high; /* upper half of the hash, compared before the key */
    uint64_t value;
};

struct rt_map {
    struct rt_map_slot *slots; /* owned */
    size_t capacity;           /* 0 or a power of two */
    size_t count;
};

/* A zeroed map is an empty map. */
void rt_map_done(struct rt_map *map);

/* Inserts or replaces.  RT_ERR_NOMEM: the map is unchanged. */
enum rt_status rt_map_set(struct rt_map *map, struct rt_text key, uint64_t value);

/* True and *out when the key is there. */
bool rt_map_get(const struct rt_map *map, struct rt_text key, uint64_t *out);

/* True if the key was there. */
bool rt_map_remove(struct rt_map *map, struct rt_text key);

#endif
