/* SPDX-License-Identifier: Apache-2.0 */
/*
 * database.h - the state in RocksDB: a working copy that follows the checkpoints, and bases that come out of it.
 *
 *     DIR/work/              the working copy; thrown away and made anew at every start
 *       ^  | checkpoint          key: 'e', group (2 bytes, high first), kind, name     value: the entry's
 *       |  v
 *     DIR/base-12/           hard links of its sorted files, copies of the rest, and
 *     DIR/base-12/files      our own list of them, with size and hash each; its own hash is in the manifest
 *
 * B1  The working copy holds exactly what the links it was given hold together (rt_database_apply), so a base made of it stands
 *     for these links.
 * B2  A base costs what has changed since the last one and a look at its files; a plain base costs the whole state.
 * B3  RocksDB may open a damaged directory as an empty database, so no byte of a base is read before its list, and every file in the
 *     list, has been compared (rt_database_verify).
 * B4  A base is opened to read only; what may be written is a clone.
 */
#ifndef EGRET_RUNTIME_CHECKPOINT_DATABASE_H
#define EGRET_RUNTIME_CHECKPOINT_DATABASE_H

#include "runtime/base/entry.h"
#include "runtime/checkpoint/chain.h"
#include "runtime/checkpoint/rocks.h"

struct rt_database;

/*
 * A working copy in `directory`/work: of a base, or empty if `base` is NULL.  What was in it before goes.  `memory`: cache_bytes and buffer_bytes of rocks.h.  Messages go to `why`,
 * which lives as long as the database.  RT_ERR_IO, RT_ERR_NOMEM.
 */
enum rt_status rt_database_open(const char *directory, const struct rt_link *base, size_t memory,
                                struct rt_buffer *why, struct rt_database **out);
void rt_database_close(struct rt_database *database); /* NULL is fine */

/* Nothing is in it any more; handles go on. */
enum rt_status rt_database_clear(struct rt_database *database);

/* Lays entries, in order and with removed ones, over what is there.  Cost: theirs. */
enum rt_status rt_database_apply(struct rt_database *database, struct rt_entries *entries);

/*
 * A base under `name`, on disk; its parent directory is not synced.  facts->bytes: of all its files; facts->hash: of its list.
 * RT_ERR_IO: nothing has that name.
 */
enum rt_status rt_database_make_base(struct rt_database *database, const char *name,
                                     struct rt_file_facts *facts);

/* Another handle of RocksDB's; closed before the database. */
enum rt_status rt_database_share(const struct rt_database *database, struct rt_rocks **out);

/* The key under which an entry lies, appended. */
void rt_database_key(const struct rt_entry *entry, struct rt_buffer *out);

/* ---- bases ---- */

/* The list against the manifest, and every file against the list, to the last byte.  RT_ERR_CORRUPT names the file. */
enum rt_status rt_database_verify(const char *directory, const struct rt_link *base,
                                  struct rt_buffer *why);

/* The entries of groups [from, to) of a base that was verified. */
enum rt_status rt_database_entries(const char *directory, const struct rt_link *base, uint32_t from,
                                   uint32_t to, struct rt_buffer *why, struct rt_entries **out);

#endif
