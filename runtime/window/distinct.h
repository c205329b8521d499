/* SPDX-License-Identifier: Apache-2.0 */
/*
 * distinct.h - how many different values are in a window: exact up to a limit, beyond it HyperLogLog.
 *
 *     exact     hash -> newest pane that has it         linked from the one that was seen longest ago to the newest
 *     sketch    16,384 registers; each holds the longest run of zeros of the hashes that fall to it
 *     sketch of a window that forgets (register, run of zeros) -> newest pane that has it; linked in the same way
 *
 * D1  Forgetting a pane costs what only that pane had.
 * D2  A sketch is within 0.81 % of the truth (one standard deviation, 1.04 / sqrt(16384)).  Its estimate is read from a
 *     histogram of the registers (Ertl's improved estimator): 52 steps, no table of corrections.
 * D3  A window that forgets keeps of a register only what may be its longest run later: a shorter run that is not newer is
 *     not kept (Chabchoub and Hebrail's sliding HyperLogLog).
 * D4  The set owns blocks of the caller's; a zeroed set is empty and exact; one that has been empty is exact again.
 */
#ifndef EGRET_RUNTIME_WINDOW_DISTINCT_H
#define EGRET_RUNTIME_WINDOW_DISTINCT_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/blocks.h"
#include "runtime/base/form.h"
#include "runtime/base/status.h"

struct rt_distinct_entry {
    uint64_t key;
    uint32_t pane;         /* the newest that has it */
    uint32_t older, newer; /* places in the table; itself: none */
    bool is_used;
};

struct rt_distinct_sketch;

struct rt_distinct {
    struct rt_distinct_entry *entries; /* owned; open addressing */
    struct rt_distinct_sketch *sketch; /* owned; NULL: exact */
    uint32_t capacity, used;
    uint32_t oldest, newest; /* of the entries, when there are any */
    bool forgets;
};

/* Room for one more hash, the window forgetting panes or not; the set becomes a sketch here.  RT_ERR_NOMEM leaves it as it was. */
enum rt_status rt_distinct_reserve(struct rt_distinct *set, uint64_t hash, uint32_t exact_max,
                                   bool forgets, struct rt_blocks *blocks);
/* Adds a hash to the newest pane; it has been reserved. */
void rt_distinct_add(struct rt_distinct *set, uint64_t hash, uint32_t pane);
/* The oldest pane is `pane` no longer. */
void rt_distinct_forget(struct rt_distinct *set, uint32_t pane, struct rt_blocks *blocks);
/* into = into and from.  Neither forgets.  RT_ERR_NOMEM: `into` may hold a part of `from`. */
enum rt_status rt_distinct_merge(struct rt_distinct *into, const struct rt_distinct *from,
                                 uint32_t exact_max, struct rt_blocks *blocks);

uint64_t rt_distinct_count(const struct rt_distinct *set);
static inline bool rt_distinct_is_exact(const struct rt_distinct *set)
{
    return set->sketch == NULL;
}
void rt_distinct_done(struct rt_distinct *set, struct rt_blocks *blocks);

/* The saved form; panes are counted back from the newest. */
void rt_distinct_save(const struct rt_distinct *set, uint32_t newest_pane, struct rt_buffer *out);
/* Into an empty set whose `forgets` is set.  RT_ERR_CORRUPT: form->why.  RT_ERR_NOMEM.  The caller calls rt_distinct_done anyway. */
enum rt_status rt_distinct_load(struct rt_distinct *set, uint32_t newest_pane, uint32_t panes,
                                struct rt_form *form, struct rt_blocks *blocks);

#endif
