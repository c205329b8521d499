/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/checkpoint/pending.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/base/alloc.h"
#include "runtime/checkpoint/disk.h"

#define BLOB_BYTES_MAX ((size_t)4 << 30)

enum { RUN_BYTES = 64 << 20, NAME_BYTES = 64 };

/* An entry in memory: its order first, so that most comparisons look at nothing else. */
struct gathered {
    uint64_t order; /* group, kind, first bytes of the name */
    const char *bytes;
    uint32_t name_length, value_length;
    uint32_t number;
    uint16_t group;
    uint8_t kind;
    bool removed;
};

struct blob {
    struct rt_text name, value;
};

struct rt_pending {
    struct rt_pending_options options;
    struct rt_buffer *why;
    struct rt_arena arena; /* bytes of this run's entries */
    struct gathered *index;
    size_t count, capacity;
    size_t run_bytes;
    uint64_t entries, bytes;
    struct rt_arena kept; /* blobs, names of parts */
    struct blob *blobs;
    size_t blob_count, blob_capacity;
    struct rt_part *parts;
    size_t part_count, part_capacity;
};

static enum rt_status no_memory(struct rt_pending *pending)
{
    if (pending->why->length == 0)
        rt_buffer_string(pending->why, "no memory for the changes that a checkpoint saves");
    return RT_ERR_NOMEM;
}

/* Room for one more in an array that doubles. */
static void *grown(void *array, size_t count, size_t *capacity, size_t bytes_each)
{
    if (count < *capacity)
        return array;

    size_t wanted = *capacity == 0 ? 16 : *capacity * 2;
    void *larger = rt_realloc(array, wanted * bytes_each);

    if (larger != NULL)
        *capacity = wanted;
    return larger;
}

enum rt_status rt_pending_new(const struct rt_pending_options *options, struct rt_buffer *why,
                              struct rt_pending **out)
{
    struct rt_pending *pending = rt_alloc_zeroed(1, sizeof(*pending));

    if (pending == NULL)
        return RT_ERR_NOMEM;
    pending->options = *options;
    if (pending->options.run_bytes == 0)
        pending->options.run_bytes = RUN_BYTES;
    pending->why = why;
    rt_arena_init(&pending->arena, SIZE_MAX);
    rt_arena_init(&pending->kept, SIZE_MAX);
    *out = pending;
    return RT_OK;
}

void rt_pending_free(struct rt_pending *pending)
{
    if (pending == NULL)
        return;
    rt_arena_done(&pending->arena);
    rt_arena_done(&pending->kept);
    rt_free(pending->index);
    rt_free(pending->blobs);
    rt_free(pending->parts);
    rt_free(pending);
}

/* ---- order ---- */

static uint64_t order_of(const struct rt_entry *entry)
{
    uint64_t order = (uint64_t)entry->group << 48 | (uint64_t)entry->kind << 40;

    for (unsigned i = 0; i < 5 && i < entry->name.length; i++)
        order |= (uint64_t)(unsigned char)entry->name.data[i] << (32 - 8 * i);
    return order;
}

static struct rt_entry entry_of(const struct gathered *gathered)
{
    return (struct rt_entry){
        .group = gathered->group,
        .kind = gathered->kind,
        .removed = gathered->removed,
        .name = {gathered->bytes, gathered->name_length},
        .value = {gathered->bytes + gathered->name_length, gathered->value_length},
    };
}

static int compare_ids(const struct gathered *a, const struct gathered *b)
{
    struct rt_entry left, right;

    if (a->order != b->order)
        return a->order < b->order ? -1 : 1;
    left = entry_of(a);
    right = entry_of(b);
    return rt_entry_compare(&left, &right);
}

static int compare_gathered(const void *left, const void *right)
{
    const struct gathered *a = left, *b = right;
    int order = compare_ids(a, b);

    if (order != 0)
        return order;
    return a->number < b->number ? -1 : a->number > b->number;
}

/* ---- a file ---- */

static enum rt_status add_part(struct rt_pending *pending, const char *name,
                               const struct rt_file_facts *facts)
{
    void *parts = grown(pending->parts, pending->part_count, &pending->part_capacity,
                        sizeof(*pending->parts));
    const char *kept = rt_arena_text(&pending->kept, name, strlen(name));

    if (parts != NULL)
        pending->parts = parts;
    if (parts == NULL || kept == NULL)
        return no_memory(pending);
    pending->parts[pending->part_count++] = (struct rt_part){
        .kind = RT_PART_DELTA,
        .checkpoint = pending->options.owner.checkpoint,
        .name = rt_text_of(kept),
        .facts = *facts,
    };
    return RT_OK;
}

static enum rt_status write_entries(struct rt_pending *pending, struct rt_entry_writer *writer)
{
    enum rt_status status = RT_OK;

    if (pending->count > 1)
        qsort(pending->index, pending->count, sizeof(*pending->index), compare_gathered);
    for (size_t i = 0; i < pending->count && status == RT_OK; i++) {
        const struct gathered *gathered = &pending->index[i];
        struct rt_entry entry = entry_of(gathered);

        if (i + 1 < pending->count && compare_ids(gathered, gathered + 1) == 0)
            continue; /* a later one counts (Q1) */
        status = rt_entry_writer_add(writer, &entry);
    }
    return status;
}

static enum rt_status write_file(struct rt_pending *pending, bool with_blobs)
{
    char name[NAME_BYTES];
    struct rt_entry_writer *writer;
    struct rt_file_facts facts;
    enum rt_status status;

    snprintf(name, sizeof(name), "delta-%" PRIu64 "-%zu", pending->options.owner.checkpoint,
             pending->part_count);
    status = rt_entry_writer_new(pending->options.directory, name, pending->options.owner,
                                 pending->why, &writer);
    if (status != RT_OK)
        return status;
    for (size_t i = 0; with_blobs && i < pending->blob_count && status == RT_OK; i++)
        status = rt_entry_writer_blob(writer, pending->blobs[i].name, pending->blobs[i].value);
    if (status == RT_OK)
        status = write_entries(pending, writer);
    if (status == RT_OK)
        status = rt_entry_writer_finish(writer, &facts);
    if (status == RT_OK)
        status = add_part(pending, name, &facts);
    rt_entry_writer_free(writer);
    rt_arena_reset(&pending->arena);
    pending->count = 0;
    pending->run_bytes = 0;
    return status;
}

/* ---- gathering ---- */

enum rt_status rt_pending_add(void *context, const struct rt_entry *entry)
{
    struct rt_pending *pending = context;
    size_t length = entry->name.length + (entry->removed ? 0 : entry->value.length);
    void *index =
        grown(pending->index, pending->count, &pending->capacity, sizeof(*pending->index));
    char *bytes = rt_arena_raw(&pending->arena, length + 1);

    if (index != NULL)
        pending->index = index;
    if (index == NULL || bytes == NULL || length > UINT32_MAX)
        return no_memory(pending);
    if (entry->name.length > 0)
        memcpy(bytes, entry->name.data, entry->name.length);
    if (length > entry->name.length)
        memcpy(bytes + entry->name.length, entry->value.data, entry->value.length);
    pending->index[pending->count] = (struct gathered){
        .order = order_of(entry),
        .bytes = bytes,
        .name_length = (uint32_t)entry->name.length,
        .value_length = (uint32_t)(length - entry->name.length),
        .number = (uint32_t)pending->count,
        .group = entry->group,
        .kind = entry->kind,
        .removed = entry->removed,
    };
    pending->count++;
    pending->entries++;
    pending->bytes += length;
    pending->run_bytes += length + sizeof(*pending->index);
    return pending->run_bytes < pending->options.run_bytes ? RT_OK : write_file(pending, false);
}

enum rt_status rt_pending_blob(struct rt_pending *pending, struct rt_text name,
                               struct rt_text value)
{
    void *blobs = grown(pending->blobs, pending->blob_count, &pending->blob_capacity,
                        sizeof(*pending->blobs));
    const char *name_kept = rt_arena_text(&pending->kept, name.data, name.length);
    const char *value_kept =
        rt_arena_text(&pending->kept, value.data == NULL ? "" : value.data, value.length);

    if (blobs != NULL)
        pending->blobs = blobs;
    if (blobs == NULL || name_kept == NULL || value_kept == NULL)
        return no_memory(pending);
    pending->blobs[pending->blob_count++] =
        (struct blob){{name_kept, name.length}, {value_kept, value.length}};
    return RT_OK;
}

enum rt_status rt_pending_finish(struct rt_pending *pending, const struct rt_part **parts,
                                 size_t *count)
{
    enum rt_status status = write_file(pending, true);

    if (status != RT_OK)
        return status;
    *parts = pending->parts;
    *count = pending->part_count;
    return RT_OK;
}

uint64_t rt_pending_entries(const struct rt_pending *pending)
{
    return pending->entries;
}

uint64_t rt_pending_bytes(const struct rt_pending *pending)
{
    return pending->bytes;
}
