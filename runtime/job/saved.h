/* SPDX-License-Identifier: Apache-2.0 */
/*
 * saved.h - what a job tells of itself in the manifest of a checkpoint: how far it has read and written.
 *
 *     counters | sources: name, places (partition, next, last, fingerprint, name) | outputs: name, position | finished?
 *
 * What the stream and the engine remember are blobs and entries of their own (durable.c).
 */
#ifndef EGRET_RUNTIME_JOB_SAVED_H
#define EGRET_RUNTIME_JOB_SAVED_H

#include "runtime/base/arena.h"
#include "runtime/io/source.h"
#include "runtime/job/job.h"

struct rt_saved_source {
    const char *name;
    struct rt_place *places;
    size_t place_count;
};

struct rt_saved_output {
    const char *name;
    uint64_t position;
};

struct rt_saved_job {
    bool finished;                   /* the input has ended and all of it is worked off */
    struct rt_job_counters counters; /* only what the stream does not count itself */
    struct rt_saved_source *sources;
    size_t source_count;
    struct rt_saved_output *outputs;
    size_t output_count;
};

void rt_saved_job_write(const struct rt_saved_job *saved, struct rt_buffer *out);

/* Texts are copied into the arena.  RT_ERR_CORRUPT: form->why.  RT_ERR_NOMEM. */
enum rt_status rt_saved_job_read(struct rt_form *form, struct rt_arena *arena,
                                 struct rt_saved_job *out);

#endif
