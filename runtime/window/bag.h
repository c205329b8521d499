/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bag.h - which numbers are in a window, and how often: distinct counts and quantiles that forget.
 *
 *     table   key -> [how often | newest pane that has it | its place in the queue]
 *     queue   (key, pane, how often) (key, pane, how often) ...      oldest pane first; only for windows that forget panes
 *
 * G1  A key is in the queue once a pane, whatever the number of events; forgetting a pane costs what it brought.
 * G2  At most keys_max keys are held.  One more halves the sample: only keys below a threshold stay, and each stands for
 *     2^level of them (Wegman's adaptive sampling).  Keys must then be hashes.  Exact while level is 0; an empty bag is exact.
 * G3  The bag owns blocks of the caller's; a zeroed bag is empty.
 */
#ifndef EGRET_RUNTIME_WINDOW_BAG_H
#define EGRET_RUNTIME_WINDOW_BAG_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/blocks.h"
#include "runtime/base/form.h"
#include "runtime/base/status.h"

struct rt_bag_entry {
    uint64_t key;
    uint64_t times;    /* 0: the place is free */
    uint32_t pane;     /* the newest that has it */
    uint32_t position; /* of that pane's item in the queue */
};
struct rt_bag_item {
    uint64_t key;
    uint32_t times;
    uint32_t pane;
};

struct rt_bag {
    struct rt_bag_entry *entries; /* owned; open addressing */
    struct rt_bag_item *items;    /* owned; a ring */
    uint32_t entry_capacity, used;
    uint32_t item_capacity, item_head, item_count; /* head counts on and wraps */
    uint32_t level; /* a key is held when its upper `level` bits are 0 */
};

/* Room for one more key and one more item; RT_ERR_NOMEM leaves the bag as it was. */
enum rt_status rt_bag_reserve(struct rt_bag *bag, bool forgets, struct rt_blocks *blocks);
/* Adds a key to the newest pane; rt_bag_reserve has been called. */
void rt_bag_add(struct rt_bag *bag, uint64_t key, uint32_t pane, bool forgets, uint32_t keys_max);
/* The oldest pane is `pane` no longer. */
void rt_bag_forget(struct rt_bag *bag, uint32_t pane);
/* Distinct keys: exact while level is 0, else an estimate. */
uint64_t rt_bag_distinct(const struct rt_bag *bag);
void rt_bag_done(struct rt_bag *bag, struct rt_blocks *blocks);

/* The saved form; `newest` is the number of the newest pane, `panes` how many there are. */
void rt_bag_save(const struct rt_bag *bag, bool forgets, uint32_t newest, struct rt_buffer *out);
/* Into a zeroed bag, for the same panes.  RT_ERR_CORRUPT: form->why.  RT_ERR_NOMEM.  The caller calls rt_bag_done anyway. */
enum rt_status rt_bag_load(struct rt_bag *bag, bool forgets, uint32_t newest, uint32_t panes,
                           struct rt_form *form, struct rt_blocks *blocks);

#endif
