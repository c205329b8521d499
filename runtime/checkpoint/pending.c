/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/checkpoint/pending.h"

#include <inttypes.h>
#include <stdio.h>

#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"
#include "runtime/checkpoint/disk.h"
#include "runtime/checkpoint/run.h"
#include "runtime/checkpoint/task.h"

enum {
    RUN_BYTES = 64 << 20,
    SPARE_BYTES = 1 << 20, /* what a caller who asks before each slice may still add */
    NAME_BYTES = 64
};

struct blob {
    struct rt_text name, value;
};

struct rt_pending {
    const char *directory;
    size_t run_bytes;
    struct rt_file_owner owner;
    struct rt_buffer *why;
    struct rt_run runs[2];
    unsigned current; /* the run that is added to; the other one is the task's while it is busy */
    struct rt_task writing;
    struct rt_buffer writing_why; /* the task's, while it is busy */
    uint64_t entries, bytes;
    struct blob *blobs; /* owned; what is in them is borrowed */
    size_t blob_count, blob_capacity;
    /* the task's, while it is busy */
    struct rt_arena names; /* of parts */
    struct rt_part *parts; /* owned */
    size_t part_count, part_capacity;
};

static enum rt_status no_memory(struct rt_buffer *why)
{
    if (why->length == 0)
        rt_buffer_string(why, "no memory for the changes that a checkpoint saves");
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

/* ---- life ---- */

enum rt_status rt_pending_new(const char *directory, size_t run_bytes, struct rt_buffer *why,
                              struct rt_pending **out)
{
    struct rt_pending *pending = rt_alloc_zeroed(1, sizeof(*pending));

    if (pending == NULL)
        return RT_ERR_NOMEM;
    pending->directory = directory;
    pending->run_bytes = run_bytes == 0 ? RUN_BYTES : run_bytes;
    pending->why = why;
    for (size_t i = 0; i < 2; i++)
        rt_run_init(&pending->runs[i]);
    rt_buffer_init(&pending->writing_why, RT_DISK_MESSAGE_BYTES_MAX);
    rt_arena_init(&pending->names, SIZE_MAX);
    *out = pending;
    return RT_OK;
}

void rt_pending_end(struct rt_pending *pending)
{
    if (rt_task_is_busy(&pending->writing))
        rt_task_take(&pending->writing);
    for (size_t i = 0; i < 2; i++)
        rt_run_reset(&pending->runs[i], 2 * pending->run_bytes);
    rt_arena_reset(&pending->names);
    pending->blob_count = pending->part_count = 0;
}

void rt_pending_begin(struct rt_pending *pending, struct rt_file_owner owner)
{
    RT_ASSERT(!rt_task_is_busy(&pending->writing) && pending->part_count == 0);
    pending->owner = owner;
    pending->entries = pending->bytes = 0;
    rt_buffer_reset(&pending->writing_why);
}

void rt_pending_free(struct rt_pending *pending)
{
    if (pending == NULL)
        return;
    rt_pending_end(pending);
    for (size_t i = 0; i < 2; i++)
        rt_run_done(&pending->runs[i]);
    rt_buffer_done(&pending->writing_why);
    rt_arena_done(&pending->names);
    rt_free(pending->blobs);
    rt_free(pending->parts);
    rt_free(pending);
}

/* ---- a file ---- */

static enum rt_status add_part(struct rt_pending *pending, const char *name,
                               const struct rt_file_facts *facts, struct rt_buffer *why)
{
    void *parts = grown(pending->parts, pending->part_count, &pending->part_capacity,
                        sizeof(*pending->parts));
    const char *kept = rt_arena_text(&pending->names, name, strlen(name));

    if (parts != NULL)
        pending->parts = parts;
    if (parts == NULL || kept == NULL)
        return no_memory(why);
    pending->parts[pending->part_count++] = (struct rt_part){
        .kind = RT_PART_DELTA,
        .checkpoint = pending->owner.checkpoint,
        .name = rt_text_of(kept),
        .facts = *facts,
    };
    return RT_OK;
}

static enum rt_status write_file(struct rt_pending *pending, struct rt_run *run, bool with_blobs,
                                 struct rt_buffer *why)
{
    char name[NAME_BYTES];
    struct rt_entry_writer *writer;
    struct rt_file_facts facts;
    enum rt_status status;

    snprintf(name, sizeof(name), "delta-%" PRIu64 "-%zu", pending->owner.checkpoint,
             pending->part_count);
    status = rt_entry_writer_new(pending->directory, name, pending->owner, why, &writer);
    if (status != RT_OK)
        return status;
    for (size_t i = 0; with_blobs && i < pending->blob_count && status == RT_OK; i++)
        status = rt_entry_writer_blob(writer, pending->blobs[i].name, pending->blobs[i].value);
    if (status == RT_OK)
        status = rt_run_write(run, writer);
    if (status == RT_OK)
        status = rt_entry_writer_finish(writer, &facts);
    if (status == RT_OK)
        status = add_part(pending, name, &facts, why);
    rt_entry_writer_free(writer);
    rt_run_reset(run, 2 * pending->run_bytes);
    return status == RT_ERR_NOMEM ? no_memory(why) : status;
}

/* ---- the other thread ---- */

static enum rt_status write_other(void *context)
{
    struct rt_pending *pending = context;

    return write_file(pending, &pending->runs[1 - pending->current], false, &pending->writing_why);
}

static enum rt_status take_other(struct rt_pending *pending)
{
    enum rt_status status;

    if (!rt_task_is_busy(&pending->writing))
        return RT_OK;
    status = rt_task_take(&pending->writing);
    if (status != RT_OK && pending->why->length == 0)
        rt_buffer_text(pending->why, rt_buffer_view(&pending->writing_why));
    return status;
}

/* The run that is full is written, the other one is the next to be filled. */
static enum rt_status hand_over(struct rt_pending *pending)
{
    enum rt_status status = take_other(pending);

    if (status != RT_OK)
        return status;
    pending->current = 1 - pending->current;
    rt_task_start(&pending->writing, write_other, pending);
    return RT_OK;
}

bool rt_pending_is_full(struct rt_pending *pending)
{
    return rt_task_is_busy(&pending->writing) && !rt_task_is_done(&pending->writing) &&
           pending->runs[pending->current].bytes + SPARE_BYTES >= pending->run_bytes;
}

/* ---- gathering ---- */

enum rt_status rt_pending_add(void *context, const struct rt_entry *entry)
{
    struct rt_pending *pending = context;
    struct rt_run *run = &pending->runs[pending->current];

    if (rt_run_add(run, entry) != RT_OK)
        return no_memory(pending->why);
    pending->entries++;
    pending->bytes += entry->name.length + (entry->removed ? 0 : entry->value.length);
    return run->bytes < pending->run_bytes ? RT_OK : hand_over(pending);
}

enum rt_status rt_pending_blob(struct rt_pending *pending, struct rt_text name,
                               struct rt_text value)
{
    void *blobs = grown(pending->blobs, pending->blob_count, &pending->blob_capacity,
                        sizeof(*pending->blobs));

    if (blobs == NULL)
        return no_memory(pending->why);
    pending->blobs = blobs;
    pending->blobs[pending->blob_count++] = (struct blob){name, value};
    return RT_OK;
}

enum rt_status rt_pending_finish(struct rt_pending *pending, const struct rt_part **parts,
                                 size_t *count)
{
    enum rt_status status = take_other(pending);

    if (status == RT_OK)
        status = write_file(pending, &pending->runs[pending->current], true, pending->why);
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
