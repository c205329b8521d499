/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoints.c - opening a state directory, and finding what to go on from. */
#include "runtime/checkpoint/checkpoints.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"
#include "runtime/base/killpoint.h"
#include "runtime/checkpoint/checkpoints_inside.h"
#include "runtime/checkpoint/disk.h"

enum { ARENA_BYTES_MAX = 64 << 20, MANIFEST_BYTES_MAX = 64 << 20, IDENTITY_BYTES_MAX = 1 << 20 };

void rt_checkpoint_name(uint64_t id, char out[RT_COMPACT_NAME_BYTES])
{
    snprintf(out, RT_COMPACT_NAME_BYTES, "checkpoint-%" PRIu64, id);
}

/* ---- life ---- */

static struct rt_checkpoints *make(const char *directory)
{
    struct rt_checkpoints *checkpoints = rt_alloc_zeroed(1, sizeof(*checkpoints));

    if (checkpoints == NULL)
        return NULL;
    checkpoints->lock = -1;
    checkpoints->directory = rt_alloc_text(directory, strlen(directory));
    rt_arena_init(&checkpoints->arena, ARENA_BYTES_MAX);
    rt_buffer_init(&checkpoints->why, RT_DISK_MESSAGE_BYTES_MAX);
    rt_buffer_init(&checkpoints->compaction.why, RT_DISK_MESSAGE_BYTES_MAX);
    rt_buffer_init(&checkpoints->manifest, MANIFEST_BYTES_MAX);
    if (checkpoints->directory == NULL) {
        rt_checkpoints_close(checkpoints);
        return NULL;
    }
    return checkpoints;
}

void rt_checkpoints_close(struct rt_checkpoints *checkpoints)
{
    if (checkpoints == NULL)
        return;
    rt_database_close(checkpoints->compaction.database);
    rt_pending_free(checkpoints->pending);
    rt_chain_done(&checkpoints->chosen_chain);
    rt_chain_done(&checkpoints->last);
    for (size_t i = 0; i < RT_KEEP_MAX - 1; i++)
        rt_chain_done(&checkpoints->former[i].chain);
    rt_chain_done(&checkpoints->next);
    rt_chain_done(&checkpoints->compaction.chain);
    rt_arena_done(&checkpoints->arena);
    rt_buffer_done(&checkpoints->why);
    rt_buffer_done(&checkpoints->compaction.why);
    rt_buffer_done(&checkpoints->manifest);
    rt_state_unlock(checkpoints->lock);
    rt_free(checkpoints->ids);
    rt_free(checkpoints->identity);
    rt_free(checkpoints->directory);
    rt_free(checkpoints);
}

static enum rt_status find_highest(struct rt_checkpoints *checkpoints, struct rt_buffer *why)
{
    struct rt_state_listing listing;
    enum rt_status status = rt_state_list(checkpoints->directory, &listing, why);

    if (status != RT_OK)
        return status;
    checkpoints->highest = listing.highest;
    if (MUTANT("id_reused")) {
        checkpoints->highest = 0;
        for (size_t i = 0; i < listing.count; i++) {
            const struct rt_state_name *name = &listing.names[i];

            if (name->kind == RT_NAME_CHECKPOINT && !name->unfinished &&
                name->id > checkpoints->highest)
                checkpoints->highest = name->id;
        }
    }
    rt_state_listing_done(&listing);
    return RT_OK;
}

enum rt_status rt_checkpoints_open(const struct rt_checkpoints_options *options,
                                   struct rt_buffer *why, struct rt_checkpoints **out)
{
    struct rt_checkpoints *checkpoints = make(options->directory);
    enum rt_status status;

    if (checkpoints == NULL)
        return RT_ERR_NOMEM;
    checkpoints->options = *options;
    if (options->keep < RT_KEEP_MIN)
        checkpoints->options.keep = RT_KEEP_MIN;
    if (options->keep > RT_KEEP_MAX)
        checkpoints->options.keep = RT_KEEP_MAX;
    checkpoints->identity = rt_alloc_text(options->identity.data, options->identity.length);
    checkpoints->options.identity.data = checkpoints->identity;
    checkpoints->options.directory = checkpoints->directory;
    checkpoints->job = rt_state_job_id(options->identity);
    status = checkpoints->identity == NULL ? RT_ERR_NOMEM
                                           : rt_disk_make_directory(options->directory, why);
    if (status == RT_OK)
        status = rt_state_lock(options->directory, false, &checkpoints->lock, why);
    KILLPOINT("locked");
    if (status == RT_OK)
        status = rt_state_claim(options->directory, options->identity, why);
    if (status == RT_OK)
        status = find_highest(checkpoints, why);
    if (status != RT_OK) {
        rt_checkpoints_close(checkpoints);
        return status;
    }
    *out = checkpoints;
    return RT_OK;
}

/* A directory is one of ours if it has a `job` or at least one manifest. */
static enum rt_status check_is_ours(struct rt_checkpoints *checkpoints, struct rt_buffer *why)
{
    struct rt_buffer identity;
    size_t count;
    const uint64_t *ids;
    enum rt_status status;

    rt_buffer_init(&identity, IDENTITY_BYTES_MAX);
    status = rt_state_identity(checkpoints->directory, &identity, why);
    if (status == RT_OK)
        checkpoints->job = rt_state_job_id(rt_buffer_view(&identity));
    rt_buffer_done(&identity);
    if (status != RT_ERR_NOT_FOUND)
        return status;
    status = rt_checkpoints_ids(checkpoints, &ids, &count);
    if (status != RT_OK)
        rt_buffer_text(why, rt_buffer_view(&checkpoints->why));
    if (status == RT_OK && count == 0) {
        rt_buffer_printf(why, "`%s` is no state directory and no savepoint",
                         checkpoints->directory);
        status = RT_ERR_NOT_FOUND;
    }
    return status;
}

enum rt_status rt_checkpoints_open_to_read(const char *directory, struct rt_buffer *why,
                                           struct rt_checkpoints **out)
{
    struct rt_checkpoints *checkpoints = make(directory);
    enum rt_status status;

    if (checkpoints == NULL)
        return RT_ERR_NOMEM;
    checkpoints->read_only = true;
    status = rt_state_lock(directory, true, &checkpoints->lock, why);
    if (status == RT_OK)
        status = check_is_ours(checkpoints, why);
    if (status != RT_OK) {
        rt_checkpoints_close(checkpoints);
        return status;
    }
    *out = checkpoints;
    return RT_OK;
}

const char *rt_checkpoints_error(const struct rt_checkpoints *checkpoints)
{
    return checkpoints->why.length == 0 ? "" : checkpoints->why.data;
}

const char *rt_checkpoints_directory(const struct rt_checkpoints *checkpoints)
{
    return checkpoints->directory;
}

uint64_t rt_checkpoints_job(const struct rt_checkpoints *checkpoints)
{
    return checkpoints->job;
}

uint64_t rt_checkpoints_last(const struct rt_checkpoints *checkpoints)
{
    return checkpoints->last_id;
}

/* ---- choosing ---- */

static int compare_ids(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

    return left < right ? -1 : left > right;
}

enum rt_status rt_checkpoints_ids(struct rt_checkpoints *checkpoints, const uint64_t **ids,
                                  size_t *count)
{
    struct rt_state_listing listing;
    enum rt_status status;

    rt_buffer_reset(&checkpoints->why);
    status = rt_state_list(checkpoints->directory, &listing, &checkpoints->why);
    if (status != RT_OK)
        return status;
    rt_free(checkpoints->ids);
    checkpoints->ids = rt_alloc_zeroed(listing.count + 1, sizeof(*checkpoints->ids));
    *count = 0;
    for (size_t i = 0; checkpoints->ids != NULL && i < listing.count; i++) {
        const struct rt_state_name *name = &listing.names[i];

        if (name->kind == RT_NAME_CHECKPOINT && (!name->unfinished || MUTANT("newest_orphan")))
            checkpoints->ids[(*count)++] = name->id;
    }
    rt_state_listing_done(&listing);
    if (checkpoints->ids == NULL)
        return RT_ERR_NOMEM;
    qsort(checkpoints->ids, *count, sizeof(*checkpoints->ids), compare_ids);
    *ids = checkpoints->ids;
    return RT_OK;
}

static enum rt_status read_manifest(struct rt_checkpoints *checkpoints, uint64_t id,
                                    struct rt_arena *arena, struct rt_manifest *out)
{
    char path[RT_PATH_BYTES_MAX], name[RT_COMPACT_NAME_BYTES];
    struct rt_buffer bytes;
    enum rt_status status = RT_ERR_NOT_FOUND;

    rt_checkpoint_name(id, name);
    rt_buffer_init(&bytes, MANIFEST_BYTES_MAX);
    if (rt_disk_path(checkpoints->directory, name, path))
        status = rt_disk_read(path, &bytes, &checkpoints->why);
    if (status == RT_ERR_NOT_FOUND && MUTANT("newest_orphan")) {
        memcpy(path + strlen(path), ".tmp", sizeof(".tmp"));
        status = rt_disk_read(path, &bytes, &checkpoints->why);
    }
    if (status == RT_ERR_NOT_FOUND)
        rt_buffer_printf(&checkpoints->why, "`%s` is missing", path);
    if (status == RT_OK)
        status = rt_manifest_read(path, rt_buffer_view(&bytes), arena, out, &checkpoints->why);
    rt_buffer_done(&bytes);
    if (status == RT_OK && out->id != id) {
        rt_buffer_printf(&checkpoints->why, "`%s` is the manifest of checkpoint %" PRIu64, path,
                         out->id);
        return RT_ERR_CORRUPT;
    }
    return status;
}

static enum rt_status check_owner(struct rt_checkpoints *checkpoints, const struct rt_manifest *m)
{
    if (m->job == rt_state_job_id(m->identity) &&
        (m->job == checkpoints->job || checkpoints->job == 0))
        return RT_OK;
    rt_buffer_printf(&checkpoints->why,
                     "checkpoint %" PRIu64 " in `%s` was made by another job, which is\n%.*s",
                     m->id, checkpoints->directory, (int)m->identity.length, m->identity.data);
    return RT_ERR_DIAG;
}

/* The newest id, RT_ERR_NOT_FOUND if there is none. */
static enum rt_status find_newest(struct rt_checkpoints *checkpoints, uint64_t *id)
{
    const uint64_t *ids;
    size_t count;
    enum rt_status status = rt_checkpoints_ids(checkpoints, &ids, &count);

    if (status != RT_OK)
        return status;
    if (count == 0)
        return RT_ERR_NOT_FOUND;
    *id = ids[count - 1];
    return RT_OK;
}

static enum rt_status make_chain(const struct rt_manifest *manifest, struct rt_chain *chain)
{
    enum rt_status status = RT_OK;

    rt_chain_clear(chain);
    for (size_t i = 0; i < manifest->part_count && status == RT_OK; i++)
        status = rt_chain_add(chain, &manifest->parts[i]);
    return status;
}

/* One that cannot be gone back to is not kept. */
static enum rt_status add_former(struct rt_checkpoints *checkpoints, uint64_t id,
                                 struct rt_arena *arena)
{
    struct rt_kept *kept = &checkpoints->former[checkpoints->former_count];
    struct rt_manifest manifest;
    enum rt_status status = read_manifest(checkpoints, id, arena, &manifest);

    kept->id = id;
    if (status == RT_OK)
        status = check_owner(checkpoints, &manifest);
    if (status == RT_OK)
        status = make_chain(&manifest, &kept->chain);
    checkpoints->former_count += status == RT_OK;
    rt_arena_reset(arena);
    if (status == RT_ERR_NOMEM || status == RT_ERR_IO)
        return status;
    rt_buffer_reset(&checkpoints->why);
    return RT_OK;
}

/* C3 holds after a start, too: those before the chosen one. */
static enum rt_status find_former(struct rt_checkpoints *checkpoints)
{
    const uint64_t *ids;
    struct rt_arena arena;
    size_t count;
    enum rt_status status = rt_checkpoints_ids(checkpoints, &ids, &count);

    checkpoints->former_count = 0;
    rt_arena_init(&arena, ARENA_BYTES_MAX);
    while (status == RT_OK && count-- > 0 &&
           checkpoints->former_count < checkpoints->options.keep - 1) {
        if (ids[count] < checkpoints->last_id)
            status = add_former(checkpoints, ids[count], &arena);
    }
    rt_arena_done(&arena);
    return status;
}

static enum rt_status take_parts(struct rt_checkpoints *checkpoints)
{
    const struct rt_manifest *chosen = &checkpoints->chosen;
    enum rt_status status = make_chain(chosen, &checkpoints->chosen_chain);

    if (status == RT_ERR_CORRUPT || (status == RT_OK && chosen->part_count == 0)) {
        rt_buffer_printf(&checkpoints->why, "checkpoint %" PRIu64 " in `%s` has no parts",
                         chosen->id, checkpoints->directory);
        status = RT_ERR_CORRUPT;
    }
    if (status != RT_OK || checkpoints->read_only)
        return status;
    checkpoints->last_id = chosen->id;
    checkpoints->generation++;
    status = rt_chain_copy(&checkpoints->last, &checkpoints->chosen_chain);
    return status == RT_OK ? find_former(checkpoints) : status;
}

enum rt_status rt_checkpoints_choose(struct rt_checkpoints *checkpoints, uint64_t id,
                                     const char *mark, const struct rt_manifest **out)
{
    char found[17];
    enum rt_status status = RT_OK;

    checkpoints->has_chosen = false;
    if (id == 0)
        status = find_newest(checkpoints, &id);
    if (status != RT_OK)
        return status;
    if (id > checkpoints->highest)
        checkpoints->highest = id;
    rt_buffer_reset(&checkpoints->why);
    rt_arena_reset(&checkpoints->arena);
    status = read_manifest(checkpoints, id, &checkpoints->arena, &checkpoints->chosen);
    if (status == RT_OK)
        status = check_owner(checkpoints, &checkpoints->chosen);
    if (status != RT_OK)
        return status;
    rt_manifest_mark(&checkpoints->chosen, found);
    if (mark != NULL && strcmp(mark, found) != 0) {
        rt_buffer_printf(&checkpoints->why,
                         "checkpoint %" PRIu64 " in `%s` is not the one that was decided for: its "
                         "mark is %s, expected %s",
                         id, checkpoints->directory, found, mark);
        return RT_ERR_CORRUPT;
    }
    status = take_parts(checkpoints);
    if (status != RT_OK)
        return status;
    if (checkpoints->options.rules == 0)
        checkpoints->options.rules = checkpoints->chosen.rules;
    checkpoints->has_chosen = true;
    *out = &checkpoints->chosen;
    return RT_OK;
}

/* ---- the chosen one ---- */

static enum rt_status open_link(struct rt_checkpoints *checkpoints, const struct rt_link *link,
                                struct rt_entry_reader **out)
{
    struct rt_file_owner owner = {checkpoints->chosen.job, link->part.checkpoint};
    char path[RT_PATH_BYTES_MAX];

    if (!rt_disk_path(checkpoints->directory, link->name, path))
        return RT_ERR_UNSUPPORTED;
    return rt_entry_reader_new(path, owner, &link->part.facts, &checkpoints->why, out);
}

enum rt_status rt_checkpoints_verify(struct rt_checkpoints *checkpoints, bool deep)
{
    const struct rt_chain *chain = &checkpoints->chosen_chain;
    enum rt_status status = RT_OK;

    RT_ASSERT(checkpoints->has_chosen);
    rt_buffer_reset(&checkpoints->why);
    for (size_t i = 0; i < chain->count && status == RT_OK; i++) {
        struct rt_entry_reader *reader;

        if (chain->links[i].part.kind == RT_PART_DATABASE) {
            status =
                rt_database_verify(checkpoints->directory, &chain->links[i], &checkpoints->why);
            continue;
        }
        status = open_link(checkpoints, &chain->links[i], &reader);
        if (status != RT_OK)
            break;
        status = deep ? rt_entry_reader_verify(reader) : rt_entry_reader_check_hash(reader);
        rt_entry_reader_free(reader);
    }
    return status == RT_ERR_NOT_FOUND ? RT_ERR_CORRUPT : status;
}

enum rt_status rt_checkpoints_blob(struct rt_checkpoints *checkpoints, struct rt_text name,
                                   struct rt_buffer *out)
{
    const struct rt_chain *chain = &checkpoints->chosen_chain;
    struct rt_entry_reader *reader;
    enum rt_status status;

    RT_ASSERT(checkpoints->has_chosen);
    rt_buffer_reset(&checkpoints->why);
    status = open_link(checkpoints, &chain->links[chain->count - 1], &reader);
    if (status != RT_OK)
        return status == RT_ERR_NOT_FOUND ? RT_ERR_CORRUPT : status;
    status = rt_entry_reader_blob(reader, name, out);
    rt_entry_reader_free(reader);
    return status;
}

enum rt_status rt_checkpoints_entries(struct rt_checkpoints *checkpoints, uint32_t from,
                                      uint32_t to, struct rt_entries **out)
{
    struct rt_chain_options options = {.directory = checkpoints->directory,
                                       .job = checkpoints->chosen.job,
                                       .from = from,
                                       .to = to};

    RT_ASSERT(checkpoints->has_chosen);
    rt_buffer_reset(&checkpoints->why);
    return rt_chain_entries(&checkpoints->chosen_chain, 0, checkpoints->chosen_chain.count,
                            &options, &checkpoints->why, out);
}
