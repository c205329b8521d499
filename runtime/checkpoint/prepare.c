/* SPDX-License-Identifier: Apache-2.0 */
/* prepare.c - a checkpoint is made: the order of the lines here is the guarantee. */
#include <inttypes.h>

#include "runtime/base/assert.h"
#include "runtime/base/killpoint.h"
#include "runtime/checkpoint/checkpoints_inside.h"
#include "runtime/checkpoint/disk.h"

enum rt_status rt_checkpoints_begin(struct rt_checkpoints *checkpoints, bool whole, uint64_t *id)
{
    enum rt_status status = RT_OK;

    RT_ASSERT(!checkpoints->is_open && !checkpoints->read_only);
    rt_buffer_reset(&checkpoints->why);
    if (checkpoints->pending == NULL)
        status = rt_pending_new(checkpoints->directory, checkpoints->options.run_bytes,
                                &checkpoints->why, &checkpoints->pending);
    if (status != RT_OK)
        return status;
    rt_pending_begin(checkpoints->pending,
                     (struct rt_file_owner){checkpoints->job, checkpoints->highest + 1});
    checkpoints->is_open = true;
    checkpoints->next_id = ++checkpoints->highest;
    checkpoints->whole = whole;
    checkpoints->prepared = false;
    *id = checkpoints->next_id;
    return RT_OK;
}

enum rt_status rt_checkpoints_add(void *context, const struct rt_entry *entry)
{
    struct rt_checkpoints *checkpoints = context;

    return rt_pending_add(checkpoints->pending, entry);
}

bool rt_checkpoints_are_full(struct rt_checkpoints *checkpoints)
{
    return rt_pending_is_full(checkpoints->pending);
}

enum rt_status rt_checkpoints_add_blob(struct rt_checkpoints *checkpoints, struct rt_text name,
                                       struct rt_text value)
{
    return rt_pending_blob(checkpoints->pending, name, value);
}

/* ---- the manifest ---- */

static enum rt_status write_bytes(const char *directory, uint64_t id, struct rt_text bytes,
                                  struct rt_buffer *why)
{
    char name[RT_COMPACT_NAME_BYTES];
    struct rt_disk_file file;
    enum rt_status status;

    rt_checkpoint_name(id, name);
    status = rt_disk_file_open(&file, directory, name, why);
    if (status == RT_OK)
        status = rt_disk_file_add(&file, bytes.data, bytes.length);
    KILLPOINT("manifest_written");
    if (status == RT_OK)
        status = rt_disk_file_finish(&file);
    rt_disk_file_drop(&file);
    KILLPOINT("manifest_renamed");
    return status;
}

enum rt_status rt_checkpoint_write_manifest(const char *directory, struct rt_manifest *manifest,
                                            const struct rt_chain *chain, struct rt_buffer *bytes,
                                            struct rt_buffer *why)
{
    struct rt_arena arena;
    enum rt_status status = RT_OK;

    rt_arena_init(&arena, SIZE_MAX);
    manifest->part_count = chain->count;
    manifest->parts = rt_arena_array(&arena, chain->count + 1, sizeof(*manifest->parts));
    for (size_t i = 0; manifest->parts != NULL && i < chain->count; i++) {
        manifest->parts[i] = chain->links[i].part;
        manifest->parts[i].name = rt_text_of(chain->links[i].name);
    }
    rt_buffer_reset(bytes);
    if (manifest->parts != NULL)
        rt_manifest_write(manifest, bytes);
    if (manifest->parts == NULL || bytes->failed)
        status = RT_ERR_NOMEM;
    if (status == RT_OK)
        status = rt_disk_sync_directory(directory, why); /* the parts' names */
    KILLPOINT("parts_synced");
    if (status == RT_OK)
        status = write_bytes(directory, manifest->id, rt_buffer_view(bytes), why);
    if (status == RT_OK)
        status = rt_disk_sync_directory(directory, why); /* the manifest's name */
    KILLPOINT("manifest_synced");
    manifest->parts = NULL;
    rt_arena_done(&arena);
    return status;
}

static struct rt_manifest manifest_of(const struct rt_checkpoints *checkpoints,
                                      const struct rt_checkpoint_facts *facts)
{
    return (struct rt_manifest){
        .kind = RT_MANIFEST_CHECKPOINT,
        .id = checkpoints->next_id,
        .previous = checkpoints->last_id,
        .job = checkpoints->job,
        .identity = checkpoints->options.identity,
        .program = checkpoints->options.program,
        .rules = checkpoints->options.rules,
        .made_ms = facts->made_ms,
        .groups = checkpoints->options.groups,
        .facts = facts->facts,
    };
}

/* ---- prepare, commit ---- */

static enum rt_status write_parts(struct rt_checkpoints *checkpoints)
{
    const struct rt_compaction *compaction = &checkpoints->compaction;
    const struct rt_part *parts;
    size_t count;
    enum rt_status status = rt_pending_finish(checkpoints->pending, &parts, &count);

    rt_chain_clear(&checkpoints->next);
    if (status == RT_OK && !checkpoints->whole)
        status = rt_chain_copy(&checkpoints->next, &checkpoints->last);
    if (status == RT_OK && !checkpoints->whole && compaction->ready)
        status = rt_chain_replace(&checkpoints->next, compaction->begin, compaction->end,
                                  &compaction->part);
    for (size_t i = 0; status == RT_OK && i < count; i++)
        status = rt_chain_add(&checkpoints->next, &parts[i]);
    return status;
}

enum rt_status rt_checkpoints_prepare(struct rt_checkpoints *checkpoints,
                                      const struct rt_checkpoint_facts *facts,
                                      struct rt_checkpoint_made *out)
{
    struct rt_manifest manifest = manifest_of(checkpoints, facts);
    bool swapped = MUTANT("manifest_first");
    enum rt_status status = RT_OK;

    RT_ASSERT(checkpoints->is_open && !checkpoints->prepared);
    if (!swapped)
        status = write_parts(checkpoints);
    if (status == RT_OK)
        status = rt_checkpoint_write_manifest(checkpoints->directory, &manifest, &checkpoints->next,
                                              &checkpoints->manifest, &checkpoints->why);
    if (status == RT_OK && swapped)
        status = write_parts(checkpoints);
    if (status != RT_OK)
        return status;
    checkpoints->prepared = true;
    *out = (struct rt_checkpoint_made){.id = manifest.id,
                                       .entries = rt_pending_entries(checkpoints->pending),
                                       .bytes = rt_pending_bytes(checkpoints->pending)};
    rt_manifest_mark(&manifest, out->mark);
    return RT_OK;
}

void rt_checkpoints_committed(struct rt_checkpoints *checkpoints)
{
    struct rt_kept *former = checkpoints->former;
    size_t kept = checkpoints->options.keep - 1;
    struct rt_chain freed = former[kept - 1].chain;

    RT_ASSERT(checkpoints->prepared);
    memmove(former + 1, former, (kept - 1) * sizeof(*former));
    former[0] = (struct rt_kept){checkpoints->last_id, checkpoints->last};
    if (checkpoints->former_count < kept)
        checkpoints->former_count++;
    checkpoints->last = checkpoints->next;
    checkpoints->last_id = checkpoints->next_id;
    checkpoints->next = freed;
    rt_chain_clear(&checkpoints->next);
    if (checkpoints->whole)
        checkpoints->generation++;
    checkpoints->compaction.ready = false; /* it is used, or of no use to a state that began anew */
    rt_checkpoints_abandon(checkpoints);
}

void rt_checkpoints_abandon(struct rt_checkpoints *checkpoints)
{
    if (checkpoints->is_open)
        rt_pending_end(checkpoints->pending);
    checkpoints->is_open = false;
    checkpoints->prepared = false;
    rt_chain_clear(&checkpoints->next);
}
