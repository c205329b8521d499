/* SPDX-License-Identifier: Apache-2.0 */
/*
 * directory.h - the state directory of a job: who may use it, whose it is, what lies in it.
 *
 *     DIR/lock               held (flock) as long as a process works in it
 *     DIR/job                the job's identity, as text
 *     DIR/checkpoint-<n>     a manifest
 *     DIR/delta-<n>-<i>      a file of entries that changed, of checkpoint n
 *     DIR/merged-<n>         deltas up to checkpoint n in one
 *     DIR/base-<n>           a file of all entries at checkpoint n, or a directory of RocksDB's
 *     DIR/savepoints/<name>  a directory of the same form with one manifest and one base
 *     *.tmp                  unfinished; never read
 *
 * R1  Ids strictly increase and are never used twice: the next one is above every number that any name bears.
 * R2  Names that are not ours are left alone.
 */
#ifndef EGRET_RUNTIME_CHECKPOINT_DIRECTORY_H
#define EGRET_RUNTIME_CHECKPOINT_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/status.h"
#include "runtime/base/text.h"
#include "runtime/checkpoint/disk.h"

enum rt_name_kind { RT_NAME_CHECKPOINT, RT_NAME_DELTA, RT_NAME_MERGED, RT_NAME_BASE };

/* One of our names. */
struct rt_state_name {
    enum rt_name_kind kind;
    uint64_t id;
    bool unfinished; /* .tmp */
    char text[64];
};

struct rt_state_listing {
    struct rt_state_name *names; /* owned; in no order */
    size_t count;
    uint64_t highest; /* of all ids; 0: none */
};

/* True if the text is one of our names. */
bool rt_state_name_parse(const char *text, struct rt_state_name *out);

enum rt_status rt_state_list(const char *directory, struct rt_state_listing *out,
                             struct rt_buffer *why);
void rt_state_listing_done(struct rt_state_listing *listing);

/*
 * The lock of a directory, which must exist.  RT_AGAIN with a message: another process has it (an exclusive lock against any
 * other, a shared one against exclusive ones).  *descriptor is closed to give it back.
 */
enum rt_status rt_state_lock(const char *directory, bool shared, int *descriptor,
                             struct rt_buffer *why);
void rt_state_unlock(int descriptor); /* -1 is fine */

/*
 * Compares DIR/job with the identity, or writes it if there is none.  RT_ERR_DIAG with a message that shows both: it is
 * another job's.
 */
enum rt_status rt_state_claim(const char *directory, struct rt_text identity,
                              struct rt_buffer *why);
/* Appends the identity that is there.  RT_ERR_NOT_FOUND: this is no state directory.  RT_ERR_CORRUPT. */
enum rt_status rt_state_identity(const char *directory, struct rt_buffer *out,
                                 struct rt_buffer *why);

/* The number by which files of this job know each other. */
uint64_t rt_state_job_id(struct rt_text identity);

#endif
