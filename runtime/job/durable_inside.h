/* SPDX-License-Identifier: Apache-2.0 */
/* durable_inside.h - the object behind durable.h, for durable.c and recover.c. */
#ifndef EGRET_RUNTIME_JOB_DURABLE_INSIDE_H
#define EGRET_RUNTIME_JOB_DURABLE_INSIDE_H

#include "runtime/base/arena.h"
#include "runtime/checkpoint/task.h"
#include "runtime/job/durable.h"

#define RT_BLOB_BYTES_MAX ((size_t)4 << 30)

enum { RT_FACTS_BYTES_MAX = 64 << 20, RT_DURABLE_ERROR_BYTES_MAX = 16384 };

enum rt_durable_phase {
    RT_DURABLE_IDLE,
    RT_DURABLE_SAVING,  /* frozen; entries are handed out */
    RT_DURABLE_WRITING, /* files are written in the background */
};

struct rt_durable {
    struct rt_durable_options options;
    struct rt_durable_parts parts;
    enum rt_durable_phase phase;
    bool whole;                       /* the next one is of everything */
    bool keeps_outputs;               /* nobody knows where they stood: what they hold stays */
    uint64_t begun_ns;                /* the last barrier */
    uint64_t read_last, written_last; /* what had been read and written then */
    uint64_t id;                      /* in the making */
    struct rt_buffer header, blob, facts, error;
    struct rt_arena arena;
    /* the background's, while it is busy */
    struct rt_task writing, merging;
    int64_t made_ms;
    uint64_t prepare_ns;
    struct rt_checkpoint_made made;
    int settle_errno;
    size_t settle_failed; /* 1 + the output that could not be settled */
    struct rt_durable_counters counters;
    struct rt_cold *cold; /* NULL: all stays in memory */
};

/* durable.c: what is read and written from now on is worth a checkpoint. */
void rt_durable_note_moves(struct rt_durable *durable);
/* Begins a checkpoint; carries the one in the making through. */
enum rt_status rt_durable_begin(struct rt_durable *durable, bool finished);
enum rt_status rt_durable_drain(struct rt_durable *durable);
/* The files that the background merges are taken over, if it is through or when it is. */
void rt_durable_end_merging(struct rt_durable *durable);

/* spill.c */
/* Before a checkpoint is restored: one that may be too large for memory is not restored into it whole. */
enum rt_status rt_durable_expect(struct rt_durable *durable, const struct rt_manifest *manifest);
/* Between two batches: makes room if there is too much in memory. */
enum rt_status rt_durable_make_room(struct rt_durable *durable);

/* Keeps the first message. */
enum rt_status rt_durable_fail(struct rt_durable *durable, enum rt_status status, const char *what);

#endif
