/* SPDX-License-Identifier: Apache-2.0 */
/*
 * entry_file.h - a file of saved entries in order: a delta or a base.  docs/checkpoint-format.md gives every byte.
 *
 *     [head][blob]...[block of entries]...[footer: where the blocks are, which groups they hold][tail]
 *               each block: checksum, its own offset, kind and count, length, payload
 *
 * N1  Entries are ascending and each id is there once; blobs come before them.
 * N2  The reader trusts nothing: every byte is under a checksum or compared, lengths are bounded by the file, and a block is parsed
 *     only after its checksum held.  What it refuses it names: file, offset, what was expected.
 * N3  A block knows its offset and the file its job and checkpoint, so that no part can stand in for another.
 * N4  Only blocks with wanted groups are read; memory is one block.
 */
#ifndef EGRET_RUNTIME_CHECKPOINT_ENTRY_FILE_H
#define EGRET_RUNTIME_CHECKPOINT_ENTRY_FILE_H

#include "runtime/base/entry.h"
#include "runtime/base/hash.h"

/* Whose file it is. */
struct rt_file_owner {
    uint64_t job;
    uint64_t checkpoint;
};

/* What a manifest says of a file. */
struct rt_file_facts {
    uint64_t bytes;
    struct rt_hash128 hash; /* of all bytes */
    uint64_t entries;       /* removed ones included */
    uint64_t removed;
};

/* ---- writing ---- */

struct rt_entry_writer;

/* Failures append a message to `why`, which lives as long as the writer.  RT_ERR_IO, RT_ERR_NOMEM. */
enum rt_status rt_entry_writer_new(const char *directory, const char *name,
                                   struct rt_file_owner owner, struct rt_buffer *why,
                                   struct rt_entry_writer **out);
enum rt_status rt_entry_writer_blob(struct rt_entry_writer *writer, struct rt_text name,
                                    struct rt_text value);
/* In order (N1). */
enum rt_status rt_entry_writer_add(struct rt_entry_writer *writer, const struct rt_entry *entry);
/* The file is on disk under its name; its directory is not synced. */
enum rt_status rt_entry_writer_finish(struct rt_entry_writer *writer, struct rt_file_facts *facts);
/* An unfinished file goes.  NULL is fine. */
void rt_entry_writer_free(struct rt_entry_writer *writer);

/* ---- reading ---- */

struct rt_entry_reader;

/*
 * Reads head, tail and footer.  `facts` may be NULL; its size and counts are compared, its hash by rt_entry_reader_verify.
 * RT_ERR_NOT_FOUND, RT_ERR_CORRUPT, RT_ERR_UNSUPPORTED (a newer version), RT_ERR_IO, RT_ERR_NOMEM; `why` lives as long as the
 * reader.
 */
enum rt_status rt_entry_reader_new(const char *path, struct rt_file_owner owner,
                                   const struct rt_file_facts *facts, struct rt_buffer *why,
                                   struct rt_entry_reader **out);
void rt_entry_reader_free(struct rt_entry_reader *reader); /* NULL is fine */

/* Appends the blob's bytes.  RT_ERR_NOT_FOUND without a message. */
enum rt_status rt_entry_reader_blob(struct rt_entry_reader *reader, struct rt_text name,
                                    struct rt_buffer *out);

/* Copies all blobs into a file that has no entries yet. */
enum rt_status rt_entry_reader_copy_blobs(struct rt_entry_reader *reader,
                                          struct rt_entry_writer *writer);

/* The entries of groups [from, to), from their first on.  Owned by the reader: its free does nothing. */
struct rt_entries *rt_entry_reader_range(struct rt_entry_reader *reader, uint32_t from,
                                         uint32_t to);

/* The size and the hash of the whole against the facts it was opened with. */
enum rt_status rt_entry_reader_check_hash(struct rt_entry_reader *reader);
/* Reads all: the hash of the whole, every block, order, counts. */
enum rt_status rt_entry_reader_verify(struct rt_entry_reader *reader);

#endif
