/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest.h - what one checkpoint consists of: a small file whose presence makes the checkpoint.
 *
 *     checkpoint-12:   id 12, previous 11, job, rules, positions ...
 *                      parts: base-8 | delta-9-0 | delta-10-0 | delta-11-0 | delta-12-0     oldest first, size and hash each
 *                      hash of all of the above
 *
 * Z1  A manifest is written after everything that it names is on disk under its name.
 * Z2  Its own hash binds whoever decides elsewhere (a Kafka transaction) to these bytes.
 * Z3  The last file of entries holds the blobs of this checkpoint.
 * Z4  `facts` is the job's: positions of sources and outputs, counters.  This layer does not look into it.
 */
#ifndef EGRET_RUNTIME_CHECKPOINT_MANIFEST_H
#define EGRET_RUNTIME_CHECKPOINT_MANIFEST_H

#include "runtime/base/arena.h"
#include "runtime/base/hash.h"
#include "runtime/base/status.h"
#include "runtime/base/text.h"
#include "runtime/checkpoint/entry_file.h"

enum rt_part_kind {
    RT_PART_DELTA = 1,    /* a file of entries that changed */
    RT_PART_BASE = 2,     /* a file of all entries */
    RT_PART_DATABASE = 3, /* `base-<id>/files`, the list of a base of RocksDB's (database.h) */
};

enum rt_manifest_kind { RT_MANIFEST_CHECKPOINT = 1, RT_MANIFEST_SAVEPOINT = 2 };

struct rt_part {
    enum rt_part_kind kind;
    uint64_t checkpoint; /* whose it is */
    struct rt_text name; /* relative to the state directory */
    struct rt_file_facts facts;
};

struct rt_manifest {
    enum rt_manifest_kind kind;
    uint64_t id, previous; /* previous 0: none */
    uint64_t job;
    struct rt_text identity; /* of the job, for people */
    struct rt_text program;  /* version that wrote it */
    struct rt_text label;    /* a savepoint's name */
    uint64_t rules;          /* hash of the rule set */
    int64_t made_ms;         /* wall clock, for people */
    uint32_t groups;
    struct rt_text facts; /* Z4 */
    struct rt_part *parts;
    size_t part_count;
    struct rt_hash128 hash; /* of the file's bytes before it */
};

/* Appends the file's bytes and sets manifest->hash. */
void rt_manifest_write(struct rt_manifest *manifest, struct rt_buffer *out);

/*
 * Reads a file's bytes; texts are copied into the arena.  `path` is for messages.  RT_ERR_CORRUPT, RT_ERR_UNSUPPORTED (a newer
 * version), RT_ERR_NOMEM.
 */
enum rt_status rt_manifest_read(const char *path, struct rt_text bytes, struct rt_arena *arena,
                                struct rt_manifest *out, struct rt_buffer *why);

/* The 16 hexadecimal digits by which a decision elsewhere names this manifest. */
void rt_manifest_mark(const struct rt_manifest *manifest, char out[17]);

#endif
