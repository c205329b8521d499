/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compact.c - the directory is kept small: files that nobody needs go, many become one.
 *
 *     base | d d d d ... d     deltas together half as large as the base: base and deltas become a new base
 *                              many small ones:                           the deltas become one
 *
 * What is merged belongs to a committed checkpoint, and the result stands for exactly the links it was made of, so checkpoints may
 * be made meanwhile.  A base is written at most once per doubling of half its size in deltas, merged deltas likewise, so what is
 * written in all stays a small multiple of what has changed.
 * A base of RocksDB's costs what has changed only: the deltas go into a working copy, of which the base is a hard-linked copy.
 */
#include <inttypes.h>
#include <stdio.h>

#include "runtime/base/assert.h"
#include "runtime/base/killpoint.h"
#include "runtime/checkpoint/checkpoints_inside.h"
#include "runtime/checkpoint/cold.h"
#include "runtime/checkpoint/disk.h"

enum { DELTAS_MAX = 32, BASE_BYTES_MIN = 1 << 20, DATABASE_BYTES_MIN = 64 << 20 };

/* ---- cleaning ---- */

static bool is_kept_id(const struct rt_checkpoints *checkpoints, uint64_t id)
{
    if (id == checkpoints->last_id)
        return true;
    for (size_t i = 0; i < checkpoints->former_count; i++) {
        if (checkpoints->former[i].id == id)
            return true;
    }
    return false;
}

static bool is_used(const struct rt_checkpoints *checkpoints, const char *name)
{
    if (rt_chain_uses(&checkpoints->last, name))
        return true;
    for (size_t i = 0; i < checkpoints->former_count; i++) {
        if (rt_chain_uses(&checkpoints->former[i].chain, name))
            return true;
    }
    return false;
}

/* What is being merged, or waits for the first manifest to name it: a file, or the directory in which it lies. */
static bool is_merged(const struct rt_compaction *compaction, const struct rt_state_name *name)
{
    size_t length = strcspn(compaction->name, "/");
    const char *rest = name->text + length;

    if (!compaction->running && !compaction->ready)
        return false;
    return strncmp(name->text, compaction->name, length) == 0 &&
           (rest[0] == '\0' || strcmp(rest, ".tmp") == 0);
}

static bool is_needed(const struct rt_checkpoints *checkpoints, const struct rt_state_name *name)
{
    if (name->id > checkpoints->last_id)
        return true;
    if (name->kind == RT_NAME_CHECKPOINT)
        return !name->unfinished && is_kept_id(checkpoints, name->id);
    if (is_merged(&checkpoints->compaction, name))
        return true;
    return !name->unfinished && is_used(checkpoints, name->text);
}

enum rt_status rt_checkpoints_clean(struct rt_checkpoints *checkpoints)
{
    struct rt_state_listing listing;
    enum rt_status status;

    if (checkpoints->last_id == 0)
        return RT_OK;
    status = rt_state_list(checkpoints->directory, &listing, &checkpoints->why);
    if (status != RT_OK)
        return status;
    /* Manifests first: one that is there has its parts, also after a crash in between. */
    for (int manifests = 1; manifests >= 0; manifests--) {
        for (size_t i = 0; i < listing.count && status == RT_OK; i++) {
            const struct rt_state_name *name = &listing.names[i];
            char path[RT_PATH_BYTES_MAX];

            if ((name->kind == RT_NAME_CHECKPOINT) != (manifests == 1) ||
                is_needed(checkpoints, name))
                continue;
            if (rt_disk_path(checkpoints->directory, name->text, path))
                status = rt_disk_remove(path, &checkpoints->why);
            KILLPOINT("cleaning");
        }
        if (status == RT_OK && manifests == 1)
            status = rt_disk_sync_directory(checkpoints->directory, &checkpoints->why);
    }
    rt_state_listing_done(&listing);
    return status;
}

/* ---- merging ---- */

static bool wants_database(const struct rt_checkpoints *checkpoints)
{
    uint64_t bytes_min = checkpoints->options.database_bytes_min;
    const struct rt_chain *last = &checkpoints->last;

    if (checkpoints->options.bases != RT_BASE_DATABASE)
        return false;
    /* A plain base says nothing of what is gone, so a working copy that was made before could not follow it. */
    if (checkpoints->compaction.database != NULL)
        return true;
    return rt_chain_bytes(last, 0, last->count) >=
           (bytes_min == 0 ? DATABASE_BYTES_MIN : bytes_min);
}

bool rt_checkpoints_plan(struct rt_checkpoints *checkpoints)
{
    struct rt_compaction *compaction = &checkpoints->compaction;
    const struct rt_chain *last = &checkpoints->last;
    size_t deltas_max = checkpoints->options.deltas_max == 0
                            ? (size_t)TUNED("merge_after", DELTAS_MAX)
                            : checkpoints->options.deltas_max;
    uint64_t base, deltas;

    if (compaction->running || compaction->ready || last->count < 3)
        return false;
    base = rt_chain_bytes(last, 0, 1);
    deltas = rt_chain_bytes(last, 1, last->count);
    if (deltas >= base / 2 && (deltas >= BASE_BYTES_MIN || last->count > deltas_max))
        compaction->begin = 0;
    else if (last->count > deltas_max)
        compaction->begin = 1;
    else
        return false;
    compaction->end = last->count;
    if (rt_chain_copy(&compaction->chain, last) != RT_OK)
        return false; /* the next time, perhaps */
    compaction->checkpoint = checkpoints->last_id;
    compaction->generation = checkpoints->generation;
    compaction->into_database = compaction->begin == 0 && wants_database(checkpoints);
    snprintf(compaction->name, sizeof(compaction->name), "%s-%" PRIu64 "%s",
             compaction->begin == 0 ? "base" : "merged", compaction->checkpoint,
             compaction->into_database ? "/files" : "");
    rt_buffer_reset(&compaction->why);
    compaction->running = true;
    return true;
}

/* ---- the database ---- */

/* What the working copy is to stand for. */
struct target {
    const struct rt_chain *chain;
    size_t end;
    uint64_t checkpoint, generation;
};

/*
 * There is a working copy: of the chain's first link, or of nothing yet.  One of a state that has begun anew since is emptied, not
 * closed, since others may have a handle.
 */
static enum rt_status enter_database(struct rt_checkpoints *checkpoints,
                                     const struct target *target, struct rt_buffer *why)
{
    struct rt_compaction *compaction = &checkpoints->compaction;
    const struct rt_link *first = target->chain->count == 0 ? NULL : &target->chain->links[0];
    const struct rt_link *base =
        first != NULL && first->part.kind == RT_PART_DATABASE ? first : NULL;
    enum rt_status status;

    if (compaction->database != NULL && compaction->database_generation == target->generation)
        return RT_OK;
    if (compaction->database != NULL) {
        RT_ASSERT(base == NULL); /* what begins anew begins with entries */
        status = rt_database_clear(compaction->database);
    } else {
        status = rt_database_open(checkpoints->directory, base,
                                  checkpoints->options.database_memory, why, &compaction->database);
    }
    compaction->database_at = base == NULL ? 0 : base->part.checkpoint;
    if (status == RT_OK)
        compaction->database_generation = target->generation;
    return status;
}

/*
 * What the working copy has not seen yet.  A merged file that it has seen in part may be laid over it whole, and so may what was laid
 * over it in part before something went wrong.
 */
static enum rt_status follow_chain(struct rt_checkpoints *checkpoints, const struct target *target,
                                   struct rt_buffer *why)
{
    struct rt_compaction *compaction = &checkpoints->compaction;
    struct rt_chain_options options = {.directory = checkpoints->directory,
                                       .job = checkpoints->job,
                                       .to = RT_ENTRY_GROUPS_MAX,
                                       .with_removed = true};
    struct rt_entries *entries;
    size_t begin = 0;
    enum rt_status status = enter_database(checkpoints, target, why);

    if (status != RT_OK)
        return status;
    while (begin < target->end &&
           target->chain->links[begin].part.checkpoint <= compaction->database_at)
        begin++;
    if (begin == target->end)
        return RT_OK;
    status = rt_chain_entries(target->chain, begin, target->end, &options, why, &entries);
    if (status != RT_OK)
        return status;
    status = rt_database_apply(compaction->database, entries);
    entries->free(entries);
    if (status == RT_OK)
        compaction->database_at = target->checkpoint;
    return status;
}

static enum rt_status compact_into_database(struct rt_checkpoints *checkpoints)
{
    struct rt_compaction *compaction = &checkpoints->compaction;
    const struct target target = {&compaction->chain, compaction->end, compaction->checkpoint,
                                  compaction->generation};
    char name[RT_COMPACT_NAME_BYTES];
    enum rt_status status = follow_chain(checkpoints, &target, &compaction->why);

    snprintf(name, sizeof(name), "base-%" PRIu64, compaction->checkpoint);
    KILLPOINT("database_followed");
    if (status == RT_OK)
        status = rt_database_make_base(compaction->database, name, &compaction->part.facts);
    return status;
}

enum rt_status rt_checkpoints_follow(struct rt_checkpoints *checkpoints)
{
    const struct target target = {&checkpoints->last, checkpoints->last.count, checkpoints->last_id,
                                  checkpoints->generation};

    RT_ASSERT(!checkpoints->compaction.running);
    rt_buffer_reset(&checkpoints->why);
    return follow_chain(checkpoints, &target, &checkpoints->why);
}

enum rt_status rt_checkpoints_cold(struct rt_checkpoints *checkpoints, struct rt_cold **out)
{
    struct rt_rocks *handle;
    enum rt_status status = rt_checkpoints_follow(checkpoints);

    if (status == RT_OK)
        status = rt_database_share(checkpoints->compaction.database, &handle);
    return status == RT_OK ? rt_cold_new(handle, &checkpoints->why, out) : status;
}

enum rt_status rt_checkpoints_compact(struct rt_checkpoints *checkpoints)
{
    struct rt_compaction *compaction = &checkpoints->compaction;
    struct rt_merge_order order = {
        .chain = &compaction->chain,
        .begin = compaction->begin,
        .end = compaction->end,
        .source = checkpoints->directory,
        .target = checkpoints->directory,
        .name = compaction->name,
        .source_job = checkpoints->job,
        .job = checkpoints->job,
        .checkpoint = compaction->checkpoint,
        .with_removed = compaction->begin > 0,
    };

    compaction->part = (struct rt_part){
        .kind = compaction->into_database ? RT_PART_DATABASE
                : compaction->begin == 0  ? RT_PART_BASE
                                          : RT_PART_DELTA,
        .checkpoint = compaction->checkpoint,
        .name = rt_text_of(compaction->name),
    };
    if (compaction->into_database)
        return compact_into_database(checkpoints);
    return rt_checkpoint_merge(&order, &compaction->part.facts, &compaction->why);
}

void rt_checkpoints_compacted(struct rt_checkpoints *checkpoints, enum rt_status status)
{
    struct rt_compaction *compaction = &checkpoints->compaction;

    RT_ASSERT(compaction->running);
    compaction->running = false;
    /* A state that began anew meanwhile has nothing of these links. */
    compaction->ready = status == RT_OK && compaction->generation == checkpoints->generation;
}

/* ---- all entries into one file ---- */

static enum rt_status copy_blobs(const struct rt_merge_order *order, struct rt_entry_writer *writer,
                                 struct rt_buffer *why)
{
    const struct rt_link *link = &order->chain->links[order->end - 1];
    struct rt_file_owner owner = {order->source_job, link->part.checkpoint};
    char path[RT_PATH_BYTES_MAX];
    struct rt_entry_reader *reader;
    enum rt_status status;

    if (!rt_disk_path(order->source, link->name, path))
        return RT_ERR_UNSUPPORTED;
    status = rt_entry_reader_new(path, owner, &link->part.facts, why, &reader);
    if (status != RT_OK)
        return status;
    status = rt_entry_reader_copy_blobs(reader, writer);
    rt_entry_reader_free(reader);
    return status;
}

static enum rt_status copy_entries(const struct rt_merge_order *order,
                                   struct rt_entry_writer *writer, struct rt_buffer *why)
{
    struct rt_chain_options options = {.directory = order->source,
                                       .job = order->source_job,
                                       .to = RT_ENTRY_GROUPS_MAX,
                                       .with_removed = order->with_removed};
    struct rt_entries *entries;
    struct rt_entry entry;
    enum rt_status status =
        rt_chain_entries(order->chain, order->begin, order->end, &options, why, &entries);

    if (status != RT_OK)
        return status;
    while ((status = entries->next(entries, &entry)) == RT_OK) {
        status = rt_entry_writer_add(writer, &entry);
        if (status != RT_OK)
            break;
    }
    entries->free(entries);
    return status == RT_END ? RT_OK : status;
}

enum rt_status rt_checkpoint_merge(const struct rt_merge_order *order, struct rt_file_facts *facts,
                                   struct rt_buffer *why)
{
    struct rt_file_owner owner = {order->job, order->checkpoint};
    struct rt_entry_writer *writer;
    enum rt_status status = rt_entry_writer_new(order->target, order->name, owner, why, &writer);

    if (status != RT_OK)
        return status;
    if (order->with_blobs)
        status = copy_blobs(order, writer, why);
    if (status == RT_OK)
        status = copy_entries(order, writer, why);
    KILLPOINT("merged");
    if (status == RT_OK)
        status = rt_entry_writer_finish(writer, facts);
    rt_entry_writer_free(writer);
    return status;
}
