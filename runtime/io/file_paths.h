/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file_paths.h - from what a user names to the files that are read; private to the file source.
 *
 *     a.ndjson   logs/   data/orders-*.ndjson   -   --> [ file, file, file ... ]   a directory's and a pattern's in name order
 *
 * H1  The list only grows, and only at its end: an index names the same file for as long as the list lives.
 */
#ifndef EGRET_RUNTIME_IO_FILE_PATHS_H
#define EGRET_RUNTIME_IO_FILE_PATHS_H

#include <stdbool.h>

#include "runtime/base/arena.h"
#include "runtime/base/status.h"
#include "runtime/base/text.h"

struct rt_file_paths {
    struct rt_arena arena;
    const char **names;  /* owned; texts in the arena */
    const char **wanted; /* owned; what the user named */
    size_t count, capacity, wanted_count;
    bool glob;
};

/*
 * RT_ERR_IO: something cannot be read, or, unless `may_be_none`, there is no file; *message says which and why.
 * Call rt_file_paths_done in any case.
 */
enum rt_status rt_file_paths_init(struct rt_file_paths *paths, const char *const *wanted,
                                  size_t count, bool glob, bool may_be_none,
                                  struct rt_buffer *message);
void rt_file_paths_done(struct rt_file_paths *paths);

/* Looks into directories and patterns again: adds the files that come behind the last one.  What cannot be read is passed over. */
enum rt_status rt_file_paths_refresh(struct rt_file_paths *paths);

#endif
