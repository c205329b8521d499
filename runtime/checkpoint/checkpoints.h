/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checkpoints.h - the durable side of a job: makes checkpoints, finds the one to go on from, keeps the directory small.
 *
 *     open --> choose --> verify --> blobs, entries                              going on
 *     begin --> add ... blob ... --> prepare --> [decision] --> committed        again and again
 *                                    \____ background ____/     clean, compact in the background
 *
 * C1  prepare returns when all of checkpoint n is on disk: entries, then their directory, then the manifest, then the directory
 *     again.  Until `committed` nothing older goes.  Without a decision elsewhere the manifest is the decision.
 * C2  The newest manifest counts, or the one that a decision elsewhere names.  One that is damaged, or whose parts are, is
 *     refused loudly; an older one is never taken silently.
 * C3  The checkpoint before the last committed one is kept whole, and more if so wished; after a start those that are there.
 * C4  Ids strictly increase; none is used twice, not even one that was never finished.
 * C5  One thread, except that prepare, clean and compact may each run on another one, between begin and committed, at any time,
 *     and between plan and compacted.
 * C6  Reading never follows what a file says without having checked it.
 */
#ifndef EGRET_RUNTIME_CHECKPOINT_CHECKPOINTS_H
#define EGRET_RUNTIME_CHECKPOINT_CHECKPOINTS_H

#include "runtime/base/cold.h"
#include "runtime/base/entry.h"
#include "runtime/base/status.h"
#include "runtime/checkpoint/manifest.h"

struct rt_checkpoints;

/* What a base is (database.h B2). */
enum rt_base_kind { RT_BASE_PLAIN, RT_BASE_DATABASE };

struct rt_checkpoints_options {
    const char *directory;   /* copied */
    struct rt_text identity; /* of the job, lines of text; copied */
    struct rt_text program;  /* version; borrowed */
    uint32_t groups;         /* key groups */
    uint64_t rules;          /* hash of the rule set */
    size_t run_bytes;    /* entries gathered in memory before they are written, twice; 0: 64 MiB */
    unsigned keep;       /* checkpoints that stay, the newest included: 2 (also for less) to 64 */
    unsigned deltas_max; /* more files than this are merged; 0: 32 */
    enum rt_base_kind bases;
    size_t
        database_memory; /* of RocksDB: for blocks read, and as much for each of two buffers of what is written; 0: 32 MiB */
    uint64_t database_bytes_min; /* below this a base is a plain file all the same; 0: 64 MiB */
};

/*
 * For a job: makes what is missing, takes the lock.  A message is appended to `why` with every status but RT_OK and RT_ERR_NOMEM.
 * RT_AGAIN: locked by another process.  RT_ERR_DIAG: another job's directory.  RT_ERR_IO, RT_ERR_CORRUPT.
 */
enum rt_status rt_checkpoints_open(const struct rt_checkpoints_options *options,
                                   struct rt_buffer *why, struct rt_checkpoints **out);
/*
 * For looking at a directory that no process works in, or at a savepoint: nothing is written.  RT_ERR_NOT_FOUND: this is no
 * state directory.  Else as above.
 */
enum rt_status rt_checkpoints_open_to_read(const char *directory, struct rt_buffer *why,
                                           struct rt_checkpoints **out);
/* Waits for nothing: what was begun is dropped.  NULL is fine. */
void rt_checkpoints_close(struct rt_checkpoints *checkpoints);

/* The last failure, for people; "" if there was none. */
const char *rt_checkpoints_error(const struct rt_checkpoints *checkpoints);
const char *rt_checkpoints_directory(const struct rt_checkpoints *checkpoints);
uint64_t rt_checkpoints_job(const struct rt_checkpoints *checkpoints);

/* ---- going on ---- */

/* Ids of all manifests there are, ascending; owned by the object, until the next call. */
enum rt_status rt_checkpoints_ids(struct rt_checkpoints *checkpoints, const uint64_t **ids,
                                  size_t *count);

/*
 * id 0: the newest.  `mark`: the manifest's (rt_manifest_mark), NULL if nobody else has decided.  *out lives until the next choice.
 * RT_ERR_NOT_FOUND: with id 0, there is none and nothing was ever saved here (no message); else that one is missing.
 * RT_ERR_CORRUPT: damaged, or another than the mark says.
 */
enum rt_status rt_checkpoints_choose(struct rt_checkpoints *checkpoints, uint64_t id,
                                     const char *mark, const struct rt_manifest **out);

/* Every file of the chosen one against the manifest, to the last byte.  `deep`: also every entry. */
enum rt_status rt_checkpoints_verify(struct rt_checkpoints *checkpoints, bool deep);

/* Appends a blob of the chosen one.  RT_ERR_NOT_FOUND without a message. */
enum rt_status rt_checkpoints_blob(struct rt_checkpoints *checkpoints, struct rt_text name,
                                   struct rt_buffer *out);

/* Entries of groups [from, to) of the chosen one.  The caller frees them before the next choice. */
enum rt_status rt_checkpoints_entries(struct rt_checkpoints *checkpoints, uint32_t from,
                                      uint32_t to, struct rt_entries **out);

/* ---- making one ---- */

/* What a job tells of itself when it is saved. */
struct rt_checkpoint_facts {
    int64_t made_ms;      /* wall clock */
    struct rt_text facts; /* the manifest's Z4 */
};

struct rt_checkpoint_made {
    uint64_t id;
    char mark[17];
    uint64_t entries; /* in its own files */
    uint64_t bytes;   /* of its own files */
};

/*
 * A new one, with an id of its own.  `whole`: the entries to come are all there are; what was saved before does not count for
 * it.
 */
enum rt_status rt_checkpoints_begin(struct rt_checkpoints *checkpoints, bool whole, uint64_t *id);
/* rt_entry_fn; the context is the rt_checkpoints. */
rt_entry_fn rt_checkpoints_add;
/* The disk is behind: it is better to add no more just now.  Who does may have to wait for it. */
bool rt_checkpoints_are_full(struct rt_checkpoints *checkpoints);
/* Name and value are borrowed until prepare has answered: large ones are not copied. */
enum rt_status rt_checkpoints_add_blob(struct rt_checkpoints *checkpoints, struct rt_text name,
                                       struct rt_text value);
/* C1.  RT_ERR_IO: it cannot be made; what is on disk is as it was, and the directory should be left alone. */
enum rt_status rt_checkpoints_prepare(struct rt_checkpoints *checkpoints,
                                      const struct rt_checkpoint_facts *facts,
                                      struct rt_checkpoint_made *out);
/* The decision has been made: the prepared one is now the last. */
void rt_checkpoints_committed(struct rt_checkpoints *checkpoints);
/* The decision was against it, or it could not be made. */
void rt_checkpoints_abandon(struct rt_checkpoints *checkpoints);

/* Id of the last committed one, 0: none. */
uint64_t rt_checkpoints_last(const struct rt_checkpoints *checkpoints);

/* ---- keeping it small ---- */

/* Removes what none of the checkpoints that are kept needs. */
enum rt_status rt_checkpoints_clean(struct rt_checkpoints *checkpoints);

/* True if files should be merged now; then compact may run, and compacted must be called after it. */
bool rt_checkpoints_plan(struct rt_checkpoints *checkpoints);
enum rt_status rt_checkpoints_compact(struct rt_checkpoints *checkpoints);
/* With what compact answered: the next checkpoint uses the merged file.  A failure leaves everything as it was. */
void rt_checkpoints_compacted(struct rt_checkpoints *checkpoints, enum rt_status status);

/* ---- what is not in memory ---- */

/*
 * The working copy of the state in RocksDB (database.h) stands for the last committed or the chosen checkpoint when this returns; not
 * while compact runs.  RT_ERR_IO, RT_ERR_CORRUPT, RT_ERR_NOMEM.
 */
enum rt_status rt_checkpoints_follow(struct rt_checkpoints *checkpoints);
/* Follows, and gives a way to look entries up, to be freed (cold.h) before the object is closed. */
enum rt_status rt_checkpoints_cold(struct rt_checkpoints *checkpoints, struct rt_cold **out);

/* ---- savepoints ---- */

/*
 * The chosen checkpoint as a directory of its own, `directory`, which must not exist and whose parent must: one manifest with
 * this label, one base.  `facts` as when a checkpoint is made.
 */
enum rt_status rt_checkpoints_export(struct rt_checkpoints *checkpoints, const char *directory,
                                     struct rt_text label, int64_t made_ms,
                                     struct rt_file_facts *out);

/*
 * What `from` has chosen (a savepoint, opened to read) becomes the newest checkpoint, *id.  Its facts stay as they are: outputs
 * are cut to where they stood then.
 */
enum rt_status rt_checkpoints_import(struct rt_checkpoints *checkpoints,
                                     struct rt_checkpoints *from, int64_t made_ms, uint64_t *id);

#endif
