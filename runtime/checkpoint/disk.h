/* SPDX-License-Identifier: Apache-2.0 */
/*
 * disk.h - files that are either whole or not there.
 *
 *     open NAME.tmp --> append ... --> sync --> rename to NAME --> sync the directory (the caller, once for several files)
 *
 * D1  A name without `.tmp` is only ever given to bytes that are on disk.
 * D2  After a failed write or sync the file is thrown away; a failed sync is never tried again, because the kernel may have
 *     dropped the pages and forgotten about it.
 * D3  Every failure appends what was done to which file and what the system said to `why` (a buffer of the caller), once: a buffer
 *     that has a message already keeps it.
 */
#ifndef EGRET_RUNTIME_CHECKPOINT_DISK_H
#define EGRET_RUNTIME_CHECKPOINT_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/hash.h"
#include "runtime/base/status.h"
#include "runtime/base/text.h"

enum { RT_PATH_BYTES_MAX = 4096, RT_DISK_MESSAGE_BYTES_MAX = 8192 };

/* DIRECTORY/NAME; false when it is too long. */
bool rt_disk_path(const char *directory, const char *name, char out[RT_PATH_BYTES_MAX]);

/* "cannot WHAT `PATH`: what errno says".  RT_ERR_IO. */
enum rt_status rt_disk_failed(struct rt_buffer *why, const char *what, const char *path);

/* Makes a directory and syncs its parent.  One that is there is fine. */
enum rt_status rt_disk_make_directory(const char *path, struct rt_buffer *why);

/* Names in a directory are on disk when this returns. */
enum rt_status rt_disk_sync_directory(const char *path, struct rt_buffer *why);

/* A file, or a directory with all that is in it; one that is not there is fine. */
enum rt_status rt_disk_remove(const char *path, struct rt_buffer *why);

/* Appends the whole file.  RT_ERR_NOT_FOUND without a message: there is none.  RT_ERR_IO: cannot be read.  RT_ERR_CORRUPT: longer
 * than the buffer's bound. */
enum rt_status rt_disk_read(const char *path, struct rt_buffer *out, struct rt_buffer *why);

/* ---- a file in the making ---- */

struct rt_disk_file {
    int descriptor; /* -1: none */
    uint64_t bytes;
    struct rt_hash128_stream hash;
    char path[RT_PATH_BYTES_MAX]; /* without .tmp */
    struct rt_buffer *why;
};

enum rt_status rt_disk_file_open(struct rt_disk_file *file, const char *directory, const char *name,
                                 struct rt_buffer *why);
enum rt_status rt_disk_file_add(struct rt_disk_file *file, const char *data, size_t length);
/* Syncs and renames.  The file is closed, whatever the answer. */
enum rt_status rt_disk_file_finish(struct rt_disk_file *file);
/* Closes and removes an unfinished one; a finished one stays. */
void rt_disk_file_drop(struct rt_disk_file *file);

#endif
