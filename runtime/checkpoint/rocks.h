/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rocks.h - RocksDB as we use it: one ordered set of keys and values on disk.  The only file that sees its headers is rocks.c.
 *
 *     put, delete, delete_range --> batch --write--> memtable --> sorted files
 *     get, walk  <------------------------------------------------+
 *     checkpoint: flush, then hard links of the sorted files and a copy of what names them, in a directory of their own
 *
 * X1  No write-ahead log: what is written is safe only in a checkpoint.  Durability is the business of the files around it
 *     (docs/checkpoint-format.md); a database that was not closed is thrown away, not opened.
 * X2  One column family, so that one flush saves everything.
 * X3  Writes that are sorted by key are several times as fast; the caller sorts.
 * X4  A checkpoint is never opened itself: RocksDB writes into what it opens.  rt_rocks_clone makes what may be opened.
 * X5  A truncated MANIFEST opens as an empty database without a word, so whoever keeps a checkpoint also keeps the size and hash
 *     of each of its files and compares them first.
 * X6  One thread at a time a handle; several handles of one database may be used by several threads.
 * Each status but RT_OK and RT_ERR_NOT_FOUND comes with a message in rt_rocks_error.  RocksDB ends the process itself when
 * memory runs out.
 */
#ifndef EGRET_RUNTIME_CHECKPOINT_ROCKS_H
#define EGRET_RUNTIME_CHECKPOINT_ROCKS_H

#include "runtime/base/status.h"
#include "runtime/base/text.h"

struct rt_rocks;

struct rt_rocks_options {
    uint64_t cache_bytes;  /* of blocks read; 0: 32 MiB */
    uint64_t buffer_bytes; /* of what is written and not yet in a file; 0: 32 MiB */
    bool must_exist;       /* otherwise it is made; its parent must be there */
    bool read_only;        /* not a byte is written, so a checkpoint may be opened so (X4) */
};

/* RT_ERR_IO with a message in `error`, which names the directory. */
enum rt_status rt_rocks_open(const char *directory, const struct rt_rocks_options *options,
                             struct rt_rocks **out, struct rt_buffer *error);
/* Another handle of the same database, to be closed before the first. */
enum rt_status rt_rocks_share(const struct rt_rocks *rocks, struct rt_rocks **out);
void rt_rocks_close(
    struct rt_rocks *rocks); /* NULL is fine; what was not saved in a checkpoint is lost */

/* Gathered in memory until rt_rocks_write; the bytes are copied. */
void rt_rocks_put(struct rt_rocks *rocks, struct rt_text key, struct rt_text value);
void rt_rocks_delete(struct rt_rocks *rocks, struct rt_text key);
/* Keys in [from, to). */
void rt_rocks_delete_range(struct rt_rocks *rocks, struct rt_text from, struct rt_text to);
/* Bytes gathered. */
size_t rt_rocks_pending(const struct rt_rocks *rocks);
/* All of what was gathered or nothing.  RT_ERR_IO. */
enum rt_status rt_rocks_write(struct rt_rocks *rocks);

/* Appends the value.  RT_ERR_NOT_FOUND: no such key; costs a look at filters in memory.  RT_ERR_IO, RT_ERR_NOMEM (`out` is full). */
enum rt_status rt_rocks_get(struct rt_rocks *rocks, struct rt_text key, struct rt_buffer *out);

/*
 * A walk over the keys in [from, to) in order, as they were when it began; `to` empty: no end; both are copied.
 * next: RT_OK and texts borrowed until the next call; RT_END; RT_ERR_IO: a file is damaged.  A walk ends before the database
 * is closed.
 */
struct rt_rocks_walk;
enum rt_status rt_rocks_walk_new(struct rt_rocks *rocks, struct rt_text from, struct rt_text to,
                                 struct rt_rocks_walk **out);
enum rt_status rt_rocks_walk_next(struct rt_rocks_walk *walk, struct rt_text *key,
                                  struct rt_text *value);
void rt_rocks_walk_free(struct rt_rocks_walk *walk); /* NULL is fine */

/*
 * Saves all that was written into `directory`, which must not exist.  Its files are synced; its parent is not (the caller
 * does that before anything refers to it).  RT_ERR_IO: nothing is left behind.
 */
enum rt_status rt_rocks_checkpoint(struct rt_rocks *rocks, const char *directory);

/*
 * Makes `directory` of a checkpoint: sorted files are linked (or copied where the file system cannot), the others copied.  What
 * was in `directory` before goes.
 */
enum rt_status rt_rocks_clone(const char *checkpoint, const char *directory,
                              struct rt_buffer *error);

/* Writing in the background has failed: stop and recover. */
bool rt_rocks_is_broken(const struct rt_rocks *rocks);
/* The last failure, for people; "" if there was none. */
const char *rt_rocks_error(const struct rt_rocks *rocks);

#endif
