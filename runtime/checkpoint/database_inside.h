/* SPDX-License-Identifier: Apache-2.0 */
/*
 * database_inside.h - what database.c (the working copy) and database_base.c (bases) share.
 *
 *     files:  magic | version | count | (name, bytes, hash) ... | hash of all before       by runtime/base/form.h
 */
#ifndef EGRET_RUNTIME_CHECKPOINT_DATABASE_INSIDE_H
#define EGRET_RUNTIME_CHECKPOINT_DATABASE_INSIDE_H

#include "runtime/checkpoint/database.h"
#include "runtime/checkpoint/disk.h"

enum { RT_BASE_FILE_NAME_BYTES = 64 };

struct rt_base_file {
    char name[RT_BASE_FILE_NAME_BYTES];
    uint64_t bytes;
    struct rt_hash128 hash;
};

struct rt_base_list {           /* by name */
    struct rt_base_file *files; /* owned */
    size_t count, capacity;
};
void rt_base_list_done(struct rt_base_list *list); /* zeroed is fine */

struct rt_database {
    char *directory; /* owned */
    char work[RT_PATH_BYTES_MAX];
    struct rt_rocks *rocks;
    struct rt_base_list
        list; /* of the last base made of this working copy: its sorted files never change */
    struct rt_buffer key;
    struct rt_buffer *why;
};

/* The directory that a base's list lies in. */
enum rt_status rt_base_directory(const char *directory, const struct rt_link *base,
                                 char out[RT_PATH_BYTES_MAX], struct rt_buffer *why);

#endif
