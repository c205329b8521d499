/* SPDX-License-Identifier: Apache-2.0 */
/*
 * merge.h - several ordered sets of entries as one, in which the newest of each id holds.
 *
 *     base     a . c d . f          heap by (entry, newest first): the root is what comes next, whatever else has its id
 *     delta 7  . b c'. . .          is passed over
 *     delta 8  a'. . d-. .   -->    a' b c' f
 *
 * M1  Later sources hide earlier ones; a removed entry hides and, unless asked for, is not given.
 * M2  Cost of an entry: log2 of the number of sources, in comparisons.
 */
#ifndef EGRET_RUNTIME_CHECKPOINT_MERGE_H
#define EGRET_RUNTIME_CHECKPOINT_MERGE_H

#include "runtime/base/entry.h"

/*
 * Oldest first.  The sources are borrowed until the merge is freed.  RT_ERR_NOMEM.
 */
enum rt_status rt_merge_new(struct rt_entries *const *sources, size_t count, bool with_removed,
                            struct rt_entries **out);

#endif
