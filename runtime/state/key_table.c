/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/state/key_table.h"

#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"
#include "runtime/base/hash.h"

enum {
    CAPACITY_FIRST = 16,
    LINE_BYTES = 64,
    HUGE_PAGE_BYTES = 2 << 20,
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

void rt_key_table_done(struct rt_key_table *table)
{
    for (size_t i = 0; i < table->capacity; i++) {
        if (table->lines[i].hash != 0)
            release_key(table, &table->lines[i]);
    }
    rt_blocks_done(&table->long_keys);
    rt_free(table->memory);
    rt_free(table->hints);
    *table = (struct rt_key_table){0};
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

static enum rt_status resize(struct rt_key_table *table, size_t capacity)
{
    size_t bytes = capacity * sizeof(struct rt_key_line);
    size_t alignment = bytes >= HUGE_PAGE_BYTES ? HUGE_PAGE_BYTES : LINE_BYTES;
    char *memory = rt_alloc_zeroed(1, bytes + alignment);
    unsigned char *hints = table->has_hints ? rt_alloc_zeroed(1, capacity) : NULL;

    if (memory == NULL || (hints == NULL && table->has_hints)) {
        rt_free(memory);
        rt_free(hints);
        return RT_ERR_NOMEM;
    }

    struct rt_key_table old = *table;
    size_t past = (uintptr_t)memory % alignment;

    table->memory = memory;
    table->lines = (struct rt_key_line *)(void *)(memory + (past == 0 ? 0 : alignment - past));
    table->hints = hints;
    table->capacity = capacity;
    table->shift = 64 - (unsigned)__builtin_ctzll(capacity);
    if (alignment == HUGE_PAGE_BYTES)
        rt_advise_huge_pages(table->lines, bytes);
    for (size_t i = 0; i < old.capacity; i++) {
        if (old.lines[i].hash == 0)
            continue;

        struct rt_key_line *line = open_gap(table, old.lines[i].hash);

        *line = old.lines[i];
        if (hints != NULL)
            hints[rt_key_table_place(table, line)] = old.hints[i];
    }
    rt_free(old.memory);
    rt_free(old.hints);
    return RT_OK;
}

enum rt_status rt_key_table_insert(struct rt_key_table *table, uint64_t hash, struct rt_text key,
                                   struct rt_key_line **out)
{
    struct rt_key_line fresh = {.hash = hash};

    RT_ASSERT(hash != 0 && key.length < UINT32_MAX);
    if ((table->count + 1) * 4 > table->capacity * 3) {
        enum rt_status status =
            resize(table, table->capacity == 0 ? CAPACITY_FIRST : table->capacity * 2);

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
