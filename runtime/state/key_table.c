/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/state/key_table.h"

#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"
#include "runtime/base/hash.h"

enum {
    CAPACITY_FIRST = 16,
    LINE_BYTES = 64,
    ASIDE = 4096,     /* lines of a large table */
    LENGTH_BITS = 15, /* of the last byte of a line's key */
    LONG_KEY = 16     /* a bit of it: the bytes are elsewhere */
};
_Static_assert(((unsigned)LENGTH_BITS & (unsigned)LONG_KEY) == 0 &&
                   (unsigned)RT_KEY_INLINE_MAX <= (unsigned)LENGTH_BITS &&
                   (((unsigned)LENGTH_BITS | (unsigned)LONG_KEY) & (unsigned)RT_KEY_MARKS) == 0,
               "length and marks share a byte");

struct long_key { /* what the 15 other bytes of a line's key hold then */
    char *bytes;
    uint32_t length;
};

void rt_key_table_init(struct rt_key_table *table, size_t long_key_bytes_max)
{
    *table = (struct rt_key_table){0};
    rt_blocks_init(&table->long_keys, long_key_bytes_max);
}

static struct long_key long_key_of(const struct rt_key_line *line)
{
    struct long_key key;

    memcpy(&key.bytes, line->key, sizeof(key.bytes));
    memcpy(&key.length, line->key + sizeof(key.bytes), sizeof(key.length));
    return key;
}

static bool is_long(const struct rt_key_line *line)
{
    return (line->key[RT_KEY_INLINE_MAX] & LONG_KEY) != 0;
}

static void release_key(struct rt_key_table *table, const struct rt_key_line *line)
{
    if (is_long(line)) {
        struct long_key key = long_key_of(line);

        rt_blocks_give(&table->long_keys, key.bytes, key.length);
    }
}

uint64_t rt_key_hash(struct rt_text key)
{
    uint64_t hash = rt_hash64(key.data, key.length);

    return hash == 0 ? 1 : hash;
}

static size_t home_of(const struct rt_key_table *table, uint64_t hash)
{
    return (size_t)(hash >> table->shift);
}

/* How far the line at `place` is from its home. */
static size_t distance_at(const struct rt_key_table *table, size_t place)
{
    return (place - home_of(table, table->lines[place].hash)) & (table->capacity - 1);
}

void rt_key_table_prefetch(const struct rt_key_table *table, uint64_t hash)
{
    if (table->capacity == 0)
        return;
    RT_PREFETCH(&table->lines[home_of(table, hash)]);
    if (table->hints != NULL)
        RT_PREFETCH(&table->hints[home_of(table, hash)]);
}

struct rt_text rt_key_line_key(const struct rt_key_line *line)
{
    if (is_long(line)) {
        struct long_key key = long_key_of(line);

        return (struct rt_text){key.bytes, key.length};
    }
    return (struct rt_text){(const char *)line->key, line->key[RT_KEY_INLINE_MAX] & LENGTH_BITS};
}

/* Lines of equal hash lie in one stretch that ends at a free line or at one nearer to its home. */
static struct rt_key_line *find(const struct rt_key_table *table, uint64_t hash, unsigned dropped,
                                rt_key_line_is_fn *is, const void *context)
{
    if (table->capacity == 0)
        return NULL;

    size_t mask = table->capacity - 1;
    size_t place = home_of(table, hash);

    for (size_t distance = 0;; distance++) {
        struct rt_key_line *line = &table->lines[place];

        if ((line->hash ^ hash) >> dropped == 0 && is(line, context))
            return line;
        if (line->hash == 0 || distance_at(table, place) < distance)
            return NULL;
        place = (place + 1) & mask;
    }
}

struct rt_key_line *rt_key_table_find_upper(const struct rt_key_table *table, uint64_t hash,
                                            rt_key_line_is_fn *is, const void *context)
{
    RT_ASSERT(table->capacity == 0 || table->shift >= 32);
    return find(table, hash, 32, is, context);
}

struct rt_key_line *rt_key_table_find_if(const struct rt_key_table *table, uint64_t hash,
                                         rt_key_line_is_fn *is, const void *context)
{
    return find(table, hash, 0, is, context);
}

static bool has_key(const struct rt_key_line *line, const void *context)
{
    const struct rt_text *key = context;

    return rt_text_equal(rt_key_line_key(line), *key);
}

struct rt_key_line *rt_key_table_find(const struct rt_key_table *table, uint64_t hash,
                                      struct rt_text key)
{
    return find(table, hash, 0, has_key, &key);
}

static void move_line(struct rt_key_table *table, size_t from, size_t to)
{
    table->lines[to] = table->lines[from];
    if (table->hints != NULL)
        table->hints[to] = table->hints[from];
}

/* Opens a gap for `hash` in the order of home places and returns it.  The table has a free line. */
static struct rt_key_line *open_gap(struct rt_key_table *table, uint64_t hash)
{
    size_t mask = table->capacity - 1;
    size_t place = home_of(table, hash);
    size_t distance = 0;

    while (table->lines[place].hash != 0 && distance_at(table, place) >= distance) {
        place = (place + 1) & mask;
        distance++;
    }

    size_t end = place;

    while (table->lines[end].hash != 0)
        end = (end + 1) & mask;
    while (end != place) {
        size_t before = (end - 1) & mask;

        move_line(table, before, end);
        end = before;
    }
    return &table->lines[place];
}

/* ---- capacity ---- */

static size_t bytes_of(size_t capacity)
{
    return capacity * sizeof(struct rt_key_line);
}

static bool is_large(size_t capacity)
{
    return bytes_of(capacity) >= RT_PAGES_UNIT;
}

static void free_lines(const struct rt_key_table *table)
{
    if (is_large(table->capacity))
        rt_pages_free(table->lines, bytes_of(table->capacity));
    rt_free(table->memory); /* of a small one */
    rt_free(table->hints);
}

static void set_capacity(struct rt_key_table *table, size_t capacity)
{
    table->capacity = capacity;
    table->shift = 64 - (unsigned)__builtin_ctzll(capacity);
}

static void put(struct rt_key_table *table, const struct rt_key_line *line, unsigned char hint)
{
    struct rt_key_line *to = open_gap(table, line->hash);

    *to = *line;
    if (table->hints != NULL)
        table->hints[rt_key_table_place(table, to)] = hint;
}

/* Empty lines of that capacity in place of those of *table, which somebody else holds. */
static enum rt_status new_lines(struct rt_key_table *table, size_t capacity)
{
    unsigned char *hints = table->has_hints ? rt_alloc_zeroed(1, capacity) : NULL;
    char *memory = NULL, *lines;

    if (is_large(capacity)) {
        lines = rt_pages_new(bytes_of(capacity));
    } else {
        lines = memory = rt_alloc_zeroed(1, bytes_of(capacity) + LINE_BYTES);
        if (memory != NULL)
            lines += (LINE_BYTES - (uintptr_t)memory % LINE_BYTES) % LINE_BYTES;
    }
    if (lines == NULL || (hints == NULL && table->has_hints)) {
        if (is_large(capacity))
            rt_pages_free(lines, bytes_of(capacity));
        rt_free(memory);
        rt_free(hints);
        return RT_ERR_NOMEM;
    }
    table->memory = memory;
    table->lines = (struct rt_key_line *)(void *)lines;
    table->hints = hints;
    set_capacity(table, capacity);
    return RT_OK;
}

static enum rt_status resize(struct rt_key_table *table, size_t capacity)
{
    const struct rt_key_table old = *table;
    const enum rt_status status = new_lines(table, capacity);

    if (status != RT_OK)
        return status;
    for (size_t i = 0; i < old.capacity; i++) {
        if (old.lines[i].hash != 0)
            put(table, &old.lines[i], old.hints == NULL ? 0 : old.hints[i]);
    }
    free_lines(&old);
    return RT_OK;
}

/*
 * When the lines stay where they are and the table becomes twice as large, a line at place p goes to 2p + 1 at most, and not below
 * twice its home: from the last to the first none gets in the way of those that have yet to go, unless it is farther from its home
 * than its home is from the beginning.  The first lines, behind which others from the end may lie, are put aside.
 */
static bool can_spread(const struct rt_key_table *table)
{
    for (size_t place = ASIDE; place < table->capacity; place++) {
        const struct rt_key_line *line = &table->lines[place];
        const size_t home = line->hash == 0 ? place : home_of(table, line->hash);

        if (home > place || 2 * home < place)
            return false;
    }
    return true;
}

static enum rt_status spread(struct rt_key_table *table)
{
    const struct rt_key_table old = *table;
    struct rt_key_line *aside = rt_alloc(ASIDE * sizeof(*aside)), *lines;
    unsigned char *hints = table->has_hints ? rt_alloc_zeroed(2, old.capacity) : NULL;

    lines = aside == NULL || (hints == NULL && table->has_hints)
                ? NULL
                : rt_pages_grow(old.lines, bytes_of(old.capacity), bytes_of(2 * old.capacity));
    if (lines == NULL) {
        rt_free(aside);
        rt_free(hints);
        return RT_ERR_NOMEM;
    }
    table->lines = lines;
    table->hints = hints;
    set_capacity(table, 2 * old.capacity);
    memcpy(aside, lines, ASIDE * sizeof(*aside));
    for (size_t place = 0; place < ASIDE; place++)
        lines[place].hash = 0;
    for (size_t place = old.capacity; place-- > 0;) {
        const struct rt_key_line line = place < ASIDE ? aside[place] : lines[place];

        if (line.hash == 0)
            continue;
        if (place >= ASIDE)
            lines[place].hash = 0;
        put(table, &line, old.hints == NULL ? 0 : old.hints[place]);
    }
    rt_free(aside);
    rt_free(old.hints);
    return RT_OK;
}

static enum rt_status grow(struct rt_key_table *table)
{
    if (table->capacity == 0)
        return resize(table, CAPACITY_FIRST);
    if (is_large(table->capacity) && can_spread(table))
        return spread(table);
    return resize(table, table->capacity * 2);
}

void rt_key_table_done(struct rt_key_table *table)
{
    for (size_t i = 0; i < table->capacity; i++) {
        if (table->lines[i].hash != 0)
            release_key(table, &table->lines[i]);
    }
    rt_blocks_done(&table->long_keys);
    free_lines(table);
    *table = (struct rt_key_table){0};
}

enum rt_status rt_key_table_insert(struct rt_key_table *table, uint64_t hash, struct rt_text key,
                                   struct rt_key_line **out)
{
    struct rt_key_line fresh = {.hash = hash};

    RT_ASSERT(hash != 0 && key.length < UINT32_MAX);
    if ((table->count + 1) * 4 > table->capacity * 3) {
        enum rt_status status = grow(table);

        if (status != RT_OK)
            return status;
    }
    if (key.length > RT_KEY_INLINE_MAX) {
        struct long_key away = {.bytes = rt_blocks_take(&table->long_keys, key.length),
                                .length = (uint32_t)key.length};

        if (away.bytes == NULL)
            return rt_blocks_size(key.length) >
                           table->long_keys.bytes_max - table->long_keys.bytes_in_use
                       ? RT_ERR_LIMIT
                       : RT_ERR_NOMEM;
        memcpy(away.bytes, key.data, key.length);
        memcpy(fresh.key, &away.bytes, sizeof(away.bytes));
        memcpy(fresh.key + sizeof(away.bytes), &away.length, sizeof(away.length));
        fresh.key[RT_KEY_INLINE_MAX] = LONG_KEY;
    } else {
        if (key.length > 0)
            memcpy(fresh.key, key.data, key.length);
        fresh.key[RT_KEY_INLINE_MAX] = (unsigned char)key.length;
    }
    *out = open_gap(table, hash);
    **out = fresh;
    if (table->hints != NULL)
        table->hints[rt_key_table_place(table, *out)] = 0;
    table->count++;
    return RT_OK;
}

void rt_key_table_remove(struct rt_key_table *table, struct rt_key_line *line)
{
    size_t mask = table->capacity - 1;
    size_t place = (size_t)(line - table->lines);

    RT_ASSERT(place < table->capacity && line->hash != 0);
    release_key(table, line);
    for (size_t next = (place + 1) & mask;
         table->lines[next].hash != 0 && distance_at(table, next) > 0; next = (next + 1) & mask) {
        move_line(table, next, place);
        place = next;
    }
    table->lines[place].hash = 0;
    table->count--;
    /* A shrink that finds no memory leaves the table as it is, which is only larger than it need be. */
    if (table->capacity > CAPACITY_FIRST && table->count < table->capacity / 16)
        (void)resize(table, table->capacity / 4);
}

size_t rt_key_table_bytes(const struct rt_key_table *table)
{
    return table->count * sizeof(struct rt_key_line) + table->long_keys.bytes_in_use;
}
