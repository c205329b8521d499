/* SPDX-License-Identifier: Apache-2.0 */
/* import.c - a savepoint becomes the newest checkpoint of a state directory. */
#include <inttypes.h>
#include <stdio.h>

#include "runtime/base/assert.h"
#include "runtime/checkpoint/checkpoints_inside.h"

static enum rt_status copy_parts(struct rt_checkpoints *checkpoints, struct rt_checkpoints *from,
                                 uint64_t id, struct rt_chain *chain)
{
    char name[RT_COMPACT_NAME_BYTES];
    struct rt_merge_order order = {
        .chain = &from->chosen_chain,
        .end = from->chosen_chain.count,
        .source = from->directory,
        .target = checkpoints->directory,
        .name = name,
        .source_job = from->chosen.job,
        .job = checkpoints->job,
        .checkpoint = id,
        .with_blobs = true,
    };
    struct rt_part part = {.kind = RT_PART_BASE, .checkpoint = id};
    enum rt_status status;

    snprintf(name, sizeof(name), "base-%" PRIu64, id);
    status = rt_checkpoint_merge(&order, &part.facts, &checkpoints->why);
    if (status != RT_OK)
        return status;
    part.name = rt_text_of(name);
    return rt_chain_add(chain, &part);
}

enum rt_status rt_checkpoints_import(struct rt_checkpoints *checkpoints,
                                     struct rt_checkpoints *from, int64_t made_ms, uint64_t *id)
{
    struct rt_manifest manifest = from->chosen;
    struct rt_chain chain = {NULL, 0, 0};
    enum rt_status status;

    RT_ASSERT(from->has_chosen && !checkpoints->read_only && checkpoints->pending == NULL);
    rt_buffer_reset(&checkpoints->why);
    *id = ++checkpoints->highest;
    manifest.kind = RT_MANIFEST_CHECKPOINT;
    manifest.id = *id;
    manifest.previous = 0;
    manifest.job = checkpoints->job;
    manifest.identity = checkpoints->options.identity;
    manifest.made_ms = made_ms;
    status = copy_parts(checkpoints, from, *id, &chain);
    if (status == RT_OK)
        status = rt_checkpoint_write_manifest(checkpoints->directory, &manifest, &chain,
                                              &checkpoints->manifest, &checkpoints->why);
    rt_chain_done(&chain);
    return status;
}
