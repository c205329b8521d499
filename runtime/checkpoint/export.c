/* SPDX-License-Identifier: Apache-2.0 */
/* export.c - a checkpoint as a directory of its own: a savepoint, which stays until somebody removes it and may be moved. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "runtime/base/assert.h"
#include "runtime/base/killpoint.h"
#include "runtime/checkpoint/checkpoints_inside.h"
#include "runtime/checkpoint/disk.h"

static enum rt_status write_all(struct rt_checkpoints *checkpoints, const char *directory,
                                struct rt_manifest *manifest, struct rt_file_facts *facts)
{
    char name[RT_COMPACT_NAME_BYTES];
    struct rt_merge_order order = {
        .chain = &checkpoints->chosen_chain,
        .end = checkpoints->chosen_chain.count,
        .source = checkpoints->directory,
        .target = directory,
        .name = name,
        .source_job = manifest->job,
        .job = manifest->job,
        .checkpoint = manifest->id,
        .with_blobs = true,
    };
    struct rt_chain chain = {NULL, 0, 0};
    enum rt_status status;

    snprintf(name, sizeof(name), "base-%" PRIu64, manifest->id);
    status = rt_checkpoint_merge(&order, facts, &checkpoints->why);
    if (status == RT_OK) {
        struct rt_part part = {.kind = RT_PART_BASE,
                               .checkpoint = manifest->id,
                               .name = rt_text_of(name),
                               .facts = *facts};

        status = rt_chain_add(&chain, &part);
    }
    if (status == RT_OK)
        status = rt_checkpoint_write_manifest(directory, manifest, &chain, &checkpoints->manifest,
                                              &checkpoints->why);
    rt_chain_done(&chain);
    return status;
}

/* The directory that a path lies in. */
static void parent_of(const char *path, char out[RT_PATH_BYTES_MAX])
{
    size_t length = strlen(path);

    while (length > 0 && path[length - 1] != '/')
        length--;
    snprintf(out, RT_PATH_BYTES_MAX, "%.*s.", (int)length, path);
}

enum rt_status rt_checkpoints_export(struct rt_checkpoints *checkpoints, const char *directory,
                                     struct rt_text label, int64_t made_ms,
                                     struct rt_file_facts *out)
{
    struct rt_manifest manifest = checkpoints->chosen;
    char unfinished[RT_PATH_BYTES_MAX], parent[RT_PATH_BYTES_MAX];
    struct stat about;
    int length = snprintf(unfinished, sizeof(unfinished), "%s.tmp", directory);
    enum rt_status status;

    RT_ASSERT(checkpoints->has_chosen);
    rt_buffer_reset(&checkpoints->why);
    if (length < 0 || length >= (int)sizeof(unfinished)) {
        errno = ENAMETOOLONG;
        return rt_disk_failed(&checkpoints->why, "use", directory);
    }
    if (stat(directory, &about) == 0) {
        errno = EEXIST;
        return rt_disk_failed(&checkpoints->why, "make", directory);
    }
    manifest.kind = RT_MANIFEST_SAVEPOINT;
    manifest.previous = 0;
    manifest.label = label;
    manifest.made_ms = made_ms;
    parent_of(directory, parent);
    status = rt_disk_remove(unfinished, &checkpoints->why);
    if (status == RT_OK)
        status = rt_disk_make_directory(unfinished, &checkpoints->why);
    if (status == RT_OK)
        status = write_all(checkpoints, unfinished, &manifest, out);
    KILLPOINT("savepoint_written");
    if (status == RT_OK && rename(unfinished, directory) != 0)
        status = rt_disk_failed(&checkpoints->why, "rename", unfinished);
    if (status == RT_OK)
        return rt_disk_sync_directory(parent, &checkpoints->why);

    struct rt_buffer ignored;

    rt_buffer_init(&ignored, 0); /* the first failure is the one to tell */
    rt_disk_remove(unfinished, &ignored);
    rt_buffer_done(&ignored);
    return status;
}
