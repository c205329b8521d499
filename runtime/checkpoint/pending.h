/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pending.h - the entries of a checkpoint in the making: gathered in any order, written in order.
 *
 *     add add add ...  [ bytes of entries | index ]  --64 MiB--> sort --> delta-12-0
 *     add add ...      [ bytes of entries | index ]  --finish--> sort --> delta-12-1 (with the blobs)
 *
 * Q1  Of several entries with one id the last added counts, within a file and, as a later file hides an earlier one, across files.
 * Q2  Memory is bounded, whatever is saved: what is gathered is written when it reaches `run_bytes`.
 * Q3  add and finish may be called from different threads, one after the other.
 */
#ifndef EGRET_RUNTIME_CHECKPOINT_PENDING_H
#define EGRET_RUNTIME_CHECKPOINT_PENDING_H

#include "runtime/base/arena.h"
#include "runtime/checkpoint/manifest.h"

struct rt_pending;

struct rt_pending_options {
    const char *directory; /* borrowed */
    struct rt_file_owner owner;
    size_t run_bytes; /* 0: 64 MiB */
};

/* `why` lives as long. */
enum rt_status rt_pending_new(const struct rt_pending_options *options, struct rt_buffer *why,
                              struct rt_pending **out);
/* Files that were not finished go; finished ones stay.  NULL is fine. */
void rt_pending_free(struct rt_pending *pending);

/* rt_entry_fn; the context is the pending. */
rt_entry_fn rt_pending_add;

/* Kept until finish; each name once. */
enum rt_status rt_pending_blob(struct rt_pending *pending, struct rt_text name,
                               struct rt_text value);

/*
 * Writes what is left.  *parts (owned by the pending) are the files, in order, on disk under their names; their directory is
 * not synced.
 */
enum rt_status rt_pending_finish(struct rt_pending *pending, const struct rt_part **parts,
                                 size_t *count);

/* Entries and bytes added so far. */
uint64_t rt_pending_entries(const struct rt_pending *pending);
uint64_t rt_pending_bytes(const struct rt_pending *pending);

#endif
