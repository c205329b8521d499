/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pending.h - the entries of a checkpoint in the making: gathered in any order, written in order.
 *
 *     begin   add add add ... [ run ]  --64 MiB-->  another thread: sort --> delta-12-0
 *             add add ...     [ the other run ]  --finish--> sort --> delta-12-1 (with the blobs)
 *     begin   the runs again, for the next checkpoint
 *
 * Q1  Of several entries with one id the last added counts, within a file and, as a later file hides an earlier one, across files.
 * Q2  Memory is bounded, whatever is saved: a run that reaches `run_bytes` is written while the other one fills, and while both are
 *     full `is_full` says so; who adds all the same waits for the disk.  The memory of two runs at most is kept.
 * Q3  add and finish may be called from different threads, one after the other.
 * Q4  What goes wrong in the other thread is told by the next add or by finish.
 */
#ifndef EGRET_RUNTIME_CHECKPOINT_PENDING_H
#define EGRET_RUNTIME_CHECKPOINT_PENDING_H

#include "runtime/base/arena.h"
#include "runtime/checkpoint/manifest.h"

struct rt_pending;

/* `directory` is borrowed and `why` lives as long; run_bytes 0: 64 MiB. */
enum rt_status rt_pending_new(const char *directory, size_t run_bytes, struct rt_buffer *why,
                              struct rt_pending **out);
/* As rt_pending_end.  NULL is fine. */
void rt_pending_free(struct rt_pending *pending);

/* For a checkpoint whose files will be `owner`'s. */
void rt_pending_begin(struct rt_pending *pending, struct rt_file_owner owner);
/* Waits for the other thread.  A file that was not finished goes; finished ones stay. */
void rt_pending_end(struct rt_pending *pending);

/* rt_entry_fn; the context is the pending. */
rt_entry_fn rt_pending_add;
/* There is little room left, and the other run is still being written. */
bool rt_pending_is_full(struct rt_pending *pending);

/* Each name once; name and value are borrowed until the checkpoint ends. */
enum rt_status rt_pending_blob(struct rt_pending *pending, struct rt_text name,
                               struct rt_text value);

/*
 * Writes what is left.  *parts (owned by the pending, until it ends) are the files, in order, on disk under their names; their
 * directory is not synced.
 */
enum rt_status rt_pending_finish(struct rt_pending *pending, const struct rt_part **parts,
                                 size_t *count);

/* Entries and bytes added so far. */
uint64_t rt_pending_entries(const struct rt_pending *pending);
uint64_t rt_pending_bytes(const struct rt_pending *pending);

#endif
