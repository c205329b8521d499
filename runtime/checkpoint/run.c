/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/checkpoint/run.h"

#include <stdlib.h>

#include "runtime/base/alloc.h"

enum { FIRST_CAPACITY = 16, KINDS = 256, NAME_BYTES_IN_ORDER = 5 };

struct rt_run_entry {
    const char *bytes; /* name, then value */
    uint32_t name_length, value_length;
    uint16_t group;
    uint8_t kind;
    bool removed;
};

/* What is sorted: most comparisons look at `order` only. */
struct place {
    uint64_t order; /* group, kind, some bytes of the name */
    const struct rt_run_entry *entry;
};

void rt_run_init(struct rt_run *run)
{
    *run = (struct rt_run){.count = 0};
    rt_arena_init(&run->arena, SIZE_MAX);
}

void rt_run_done(struct rt_run *run)
{
    rt_arena_done(&run->arena);
    rt_free(run->index);
    rt_run_init(run);
}

void rt_run_reset(struct rt_run *run, size_t bytes_kept)
{
    if (run->arena.bytes_reserved + run->capacity * sizeof(*run->index) > bytes_kept)
        rt_run_done(run);
    rt_arena_reset(&run->arena);
    run->count = 0;
    run->bytes = 0;
}

/* ---- gathering ---- */

static bool reserve(struct rt_run *run)
{
    size_t capacity = run->capacity == 0 ? FIRST_CAPACITY : run->capacity * 2;
    void *index;

    if (run->count < run->capacity)
        return true;
    index = rt_realloc(run->index, capacity * sizeof(*run->index));
    if (index == NULL)
        return false;
    run->index = index;
    run->capacity = capacity;
    return true;
}

enum rt_status rt_run_add(struct rt_run *run, const struct rt_entry *entry)
{
    size_t value_length = entry->removed ? 0 : entry->value.length;
    size_t length = entry->name.length + value_length;
    char *bytes = reserve(run) ? rt_arena_raw(&run->arena, length + 1) : NULL;

    if (bytes == NULL || length > UINT32_MAX)
        return RT_ERR_NOMEM;
    if (entry->name.length > 0)
        memcpy(bytes, entry->name.data, entry->name.length);
    if (value_length > 0)
        memcpy(bytes + entry->name.length, entry->value.data, value_length);
    run->index[run->count++] = (struct rt_run_entry){
        .bytes = bytes,
        .name_length = (uint32_t)entry->name.length,
        .value_length = (uint32_t)value_length,
        .group = entry->group,
        .kind = entry->kind,
        .removed = entry->removed,
    };
    run->bytes += length + sizeof(*run->index);
    return RT_OK;
}

/* ---- order ---- */

static struct rt_entry entry_of(const struct rt_run_entry *entry)
{
    return (struct rt_entry){
        .group = entry->group,
        .kind = entry->kind,
        .removed = entry->removed,
        .name = {entry->bytes, entry->name_length},
        .value = {entry->bytes + entry->name_length, entry->value_length},
    };
}

static uint32_t shared_length(const struct rt_run_entry *a, const struct rt_run_entry *b,
                              uint32_t most)
{
    uint32_t length = 0;

    if (most > b->name_length)
        most = b->name_length;
    while (length < most && a->bytes[length] == b->bytes[length])
        length++;
    return length;
}

/* By kind: with how many bytes all names begin alike.  What comes behind them tells names apart. */
static void find_shared(const struct rt_run *run, uint32_t shared[KINDS])
{
    const struct rt_run_entry *first[KINDS] = {NULL};

    memset(shared, 0, KINDS * sizeof(*shared));
    for (size_t i = 0; i < run->count; i++) {
        const struct rt_run_entry *entry = &run->index[i];

        if (first[entry->kind] == NULL) {
            first[entry->kind] = entry;
            shared[entry->kind] = entry->name_length;
            continue;
        }
        shared[entry->kind] = shared_length(first[entry->kind], entry, shared[entry->kind]);
    }
}

static uint64_t order_of(const struct rt_run_entry *entry, uint32_t shared)
{
    uint64_t order = (uint64_t)entry->group << 48 | (uint64_t)entry->kind << 40;

    for (uint32_t i = 0; i < NAME_BYTES_IN_ORDER && shared + i < entry->name_length; i++)
        order |= (uint64_t)(unsigned char)entry->bytes[shared + i] << (32 - 8 * i);
    return order;
}

static int compare_ids(const struct place *a, const struct place *b)
{
    struct rt_entry left, right;

    if (a->order != b->order)
        return a->order < b->order ? -1 : 1;
    left = entry_of(a->entry);
    right = entry_of(b->entry);
    return rt_entry_compare(&left, &right);
}

/* Equal ids in the order in which they were added, which is that of the index. */
static int compare_places(const void *left, const void *right)
{
    const struct place *a = left, *b = right;
    int order = compare_ids(a, b);

    if (order != 0)
        return order;
    return a->entry < b->entry ? -1 : a->entry > b->entry;
}

static struct place *sorted(const struct rt_run *run)
{
    struct place *places = rt_alloc(run->count * sizeof(*places));
    uint32_t shared[KINDS];

    if (places == NULL)
        return NULL;
    find_shared(run, shared);
    for (size_t i = 0; i < run->count; i++) {
        const struct rt_run_entry *entry = &run->index[i];

        places[i] = (struct place){order_of(entry, shared[entry->kind]), entry};
    }
    qsort(places, run->count, sizeof(*places), compare_places);
    return places;
}

enum rt_status rt_run_write(const struct rt_run *run, struct rt_entry_writer *writer)
{
    struct place *places;
    enum rt_status status = RT_OK;

    if (run->count == 0)
        return RT_OK;
    places = sorted(run);
    if (places == NULL)
        return RT_ERR_NOMEM;
    for (size_t i = 0; i < run->count && status == RT_OK; i++) {
        struct rt_entry entry = entry_of(places[i].entry);

        if (i + 1 < run->count && compare_ids(&places[i], &places[i + 1]) == 0)
            continue; /* a later one counts */
        status = rt_entry_writer_add(writer, &entry);
    }
    rt_free(places);
    return status;
}
