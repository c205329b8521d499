/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run.h - entries gathered in memory in any order, to be written in order as one file.
 *
 *     add add add ...   bytes  [name value | name value | name | ...]     arena
 *                       index  [group kind lengths where] ...            one an entry
 *     write             sorted by group, kind, name; of several with one id the last added
 *
 * U1  Memory is kept from one use to the next, so that adding touches no new pages in the steady state.
 * U2  One thread at a time.
 */
#ifndef EGRET_RUNTIME_CHECKPOINT_RUN_H
#define EGRET_RUNTIME_CHECKPOINT_RUN_H

#include "runtime/base/arena.h"
#include "runtime/checkpoint/entry_file.h"

struct rt_run {
    struct rt_arena arena;
    struct rt_run_entry *index; /* owned */
    size_t count, capacity;
    size_t bytes; /* of what was added, index included */
};

void rt_run_init(struct rt_run *run);
void rt_run_done(struct rt_run *run);
/* Empties it; memory beyond `bytes_kept` is given back. */
void rt_run_reset(struct rt_run *run, size_t bytes_kept);

/* Copies name and value.  RT_ERR_NOMEM, also when they are too long. */
enum rt_status rt_run_add(struct rt_run *run, const struct rt_entry *entry);

/* All of it, in order.  RT_ERR_NOMEM, or what the writer answers. */
enum rt_status rt_run_write(const struct rt_run *run, struct rt_entry_writer *writer);

#endif
