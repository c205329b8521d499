/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/event/json_value.h"

#include <string.h>

#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"
#include "runtime/base/hash.h"

enum { CAPACITY_FIRST = 64, PAIRWISE_MAX = 8, TABLE_FIRST = 32 };

static bool push(struct json_cursor *cursor, struct json_stack *stack, struct rt_value value)
{
    if (stack->count == stack->capacity) {
        size_t capacity = stack->capacity == 0 ? CAPACITY_FIRST : stack->capacity * 2;
        void *values = rt_realloc(stack->values, capacity * sizeof(*stack->values));

        if (values == NULL)
            return json_no_memory(cursor);
        stack->values = values;
        stack->capacity = capacity;
    }
    stack->values[stack->count++] = value;
    return true;
}

/* Takes the values above `base` off the stack and into the arena; NULL for none. */
static bool settle(struct json_cursor *cursor, struct json_stack *stack, size_t base,
                   const struct rt_value **out)
{
    size_t bytes = (stack->count - base) * sizeof(struct rt_value);

    *out = NULL;
    if (bytes == 0)
        return true;

    struct rt_value *values = rt_arena_raw(cursor->scratch, bytes);

    if (values == NULL)
        return json_no_memory(cursor);
    memcpy(values, stack->values + base, bytes);
    stack->count = base;
    *out = values;
    return true;
}

static bool same_name(const struct rt_map_entry *a, const struct rt_map_entry *b)
{
    return rt_text_equal(rt_value_text(a->key), rt_value_text(b->key));
}

static bool distinct_pairwise(const struct rt_map_entry *entries, size_t count)
{
    for (size_t i = 1; i < count; i++)
        for (size_t k = 0; k < i; k++)
            if (same_name(&entries[i], &entries[k]))
                return false;
    return true;
}

/* A table of indices, from 1, in open addressing; at most half full. */
static bool distinct_hashed(const struct rt_map_entry *entries, size_t count, uint32_t *table,
                            size_t mask)
{
    for (size_t i = 0; i < count; i++) {
        struct rt_text name = rt_value_text(entries[i].key);
        size_t at = (size_t)rt_hash64(name.data, name.length) & mask;

        for (; table[at] != 0; at = (at + 1) & mask)
            if (same_name(&entries[table[at] - 1], &entries[i]))
                return false;
        table[at] = (uint32_t)i + 1;
    }
    return true;
}

static bool check_distinct(struct json_cursor *cursor, const struct rt_map_entry *entries,
                           size_t count)
{
    bool distinct;

    if (count <= PAIRWISE_MAX) {
        distinct = distinct_pairwise(entries, count);
    } else {
        struct rt_arena_mark mark = rt_arena_mark(cursor->scratch);
        size_t capacity = TABLE_FIRST;

        while (capacity < 2 * count)
            capacity *= 2;

        uint32_t *table = rt_arena_array(cursor->scratch, capacity, sizeof(*table));

        if (table == NULL)
            return json_no_memory(cursor);
        distinct = distinct_hashed(entries, count, table, capacity - 1);
        rt_arena_rewind(cursor->scratch, mark);
    }
    return distinct || json_fail(cursor, RT_REJECT_DUPLICATE_FIELD, "a name occurs twice in a map");
}

/* Recursion ends at RT_RECORD_DEPTH_MAX (json_enter). */
// NOLINTNEXTLINE(misc-no-recursion)
static bool list_value(struct json_cursor *cursor, struct json_stack *stack, struct rt_value *out)
{
    size_t base = stack->count;
    enum json_step step;
    struct rt_value item;

    if (!json_enter(cursor))
        return false;
    for (bool first = true; (step = json_item(cursor, first)) == JSON_NEXT; first = false)
        if (!json_value(cursor, stack, &item) || !push(cursor, stack, item))
            return false;
    if (step != JSON_END)
        return false;
    *out = (struct rt_value){.type = RT_LIST, .length = (uint32_t)(stack->count - base)};
    return settle(cursor, stack, base, &out->u.items);
}

// NOLINTNEXTLINE(misc-no-recursion)
static bool map_value(struct json_cursor *cursor, struct json_stack *stack, struct rt_value *out)
{
    size_t base = stack->count;
    enum json_step step;
    struct rt_text name;
    struct rt_value key, item;

    if (!json_enter(cursor))
        return false;
    for (bool first = true; (step = json_member(cursor, first, &name)) == JSON_NEXT; first = false)
        if (!json_string(cursor, name, &key) || !push(cursor, stack, key) ||
            !json_value(cursor, stack, &item) || !push(cursor, stack, item))
            return false;
    if (step != JSON_END)
        return false;

    size_t count = (stack->count - base) / 2;
    const struct rt_value *values;

    if (count > 1 &&
        !check_distinct(cursor, (const struct rt_map_entry *)(stack->values + base), count))
        return false;
    if (!settle(cursor, stack, base, &values))
        return false;
    *out = (struct rt_value){.type = RT_MAP, .length = (uint32_t)count};
    out->u.entries = (const struct rt_map_entry *)values;
    return true;
}

// NOLINTNEXTLINE(misc-no-recursion)
bool json_value(struct json_cursor *cursor, struct json_stack *stack, struct rt_value *out)
{
    switch (json_peek(cursor)) {
    case '[':
        return list_value(cursor, stack, out);
    case '{':
        return map_value(cursor, stack, out);
    default:
        return json_scalar(cursor, out);
    }
}
