/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checkpoints_inside.h - the object behind checkpoints.h, for the files that make it: checkpoints.c (life, choosing),
 * prepare.c (making one), compact.c (keeping the directory small).
 *
 *     chosen    what is gone on from                  next      what is in the making: links of the last one and its own
 *     last      links of the last committed one       former    links of those before it
 */
#ifndef EGRET_RUNTIME_CHECKPOINT_CHECKPOINTS_INSIDE_H
#define EGRET_RUNTIME_CHECKPOINT_CHECKPOINTS_INSIDE_H

#include "runtime/checkpoint/chain.h"
#include "runtime/checkpoint/checkpoints.h"
#include "runtime/checkpoint/database.h"
#include "runtime/checkpoint/directory.h"
#include "runtime/checkpoint/pending.h"

enum { RT_COMPACT_NAME_BYTES = 64, RT_KEEP_MIN = 2, RT_KEEP_MAX = 64 };

struct rt_kept {
    uint64_t id;
    struct rt_chain chain;
};

/* What compact was told to do: planned, run, and taken up by the next checkpoint, whose manifest is the first to name the result. */
struct rt_compaction {
    bool running;          /* from plan to compacted */
    bool ready;            /* from compacted to the commit of a checkpoint that uses it */
    struct rt_chain chain; /* a copy of `last` */
    size_t begin, end;
    uint64_t checkpoint; /* the newest of the links */
    uint64_t generation;
    char name[RT_COMPACT_NAME_BYTES];
    struct rt_part part; /* the result; its name is `name` */
    struct rt_buffer why;
    /* The working copy, from the first base on that comes out of it; used by compact only. */
    struct rt_database *database; /* owned; NULL: none yet */
    uint64_t database_at;         /* the checkpoint that it stands for */
    uint64_t database_generation;
    bool into_database; /* this one */
};

struct rt_checkpoints {
    char *directory; /* owned */
    char *identity;  /* owned */
    struct rt_checkpoints_options options;
    bool read_only;
    int lock;
    uint64_t job;
    uint64_t highest; /* id that was ever used */
    struct rt_buffer why;
    uint64_t *ids; /* owned */
    /* chosen */
    struct rt_arena arena;
    struct rt_manifest chosen;
    struct rt_chain chosen_chain;
    bool has_chosen;
    /* kept */
    struct rt_chain last;
    uint64_t last_id;
    struct rt_kept former[RT_KEEP_MAX - 1]; /* newest first */
    size_t former_count;
    uint64_t generation; /* of `last`: counts up when it begins anew */
    /* in the making */
    struct rt_pending *pending; /* owned; from the first one on */
    bool is_open;               /* from begin to its end */
    struct rt_chain next;
    uint64_t next_id;
    bool whole, prepared;
    struct rt_buffer manifest;
    struct rt_compaction compaction;
};

/* The manifest's name. */
void rt_checkpoint_name(uint64_t id, char out[RT_COMPACT_NAME_BYTES]);
/* Writes the manifest of a chain into a directory, and syncs the directory before (for the parts) and after. */
enum rt_status rt_checkpoint_write_manifest(const char *directory, struct rt_manifest *manifest,
                                            const struct rt_chain *chain, struct rt_buffer *bytes,
                                            struct rt_buffer *why);
/* All entries of links [begin, end) of a chain into one new file, with the blobs of `blobs_of` unless that is NULL. */
struct rt_merge_order {
    const struct rt_chain *chain;
    size_t begin, end;
    const char *source, *target; /* directories */
    const char *name;            /* of the new file */
    uint64_t source_job;         /* of the links */
    uint64_t job, checkpoint;    /* of the new file */
    bool with_removed;
    bool with_blobs; /* those of the last link */
};
enum rt_status rt_checkpoint_merge(const struct rt_merge_order *order, struct rt_file_facts *facts,
                                   struct rt_buffer *why);

#endif
