/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bag.h - what is in a window, and how often: quantiles and the most frequent values, and how they are forgotten.
 *
 *     table   key -> [how often | newest pane that has it | its place in the queue]      and its value, if values are kept
 *     queue   (key, pane, how often) (key, pane, how often) ...      oldest pane first; only for windows that forget panes
 *
 * G1  A key is in the queue once a pane, whatever the number of events; forgetting a pane costs what it brought.
 * G2  At most keys_max keys are held.  One more and those that are rarest go, a quarter of them or more; what comes back is
 *     counted from 1.
 * G3  The bag owns blocks of the caller's, and the values' texts; a zeroed bag is empty.
 */
#ifndef EGRET_RUNTIME_WINDOW_BAG_H
#define EGRET_RUNTIME_WINDOW_BAG_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/blocks.h"
#include "runtime/base/form.h"
#include "runtime/base/status.h"
#include "runtime/event/value.h"

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
    struct rt_value *values; /* owned; by place, of a bag that keeps them; NULL */
    bool forgets, keeps;
};

/* Room for one more key and one more item; RT_ERR_NOMEM leaves the bag as it was.  `forgets`, `keeps`: the same in every call. */
enum rt_status rt_bag_reserve(struct rt_bag *bag, bool forgets, bool keeps,
                              struct rt_blocks *blocks);
/* Adds a key to the newest pane as often as it says; rt_bag_reserve has been called. */
void rt_bag_add(struct rt_bag *bag, uint64_t key, uint64_t times, uint32_t pane);
bool rt_bag_has(const struct rt_bag *bag, uint64_t key);
/* The value of a key that has been added; the bag owns it from now on. */
void rt_bag_set_value(struct rt_bag *bag, uint64_t key, struct rt_value value);
/* Drops what is rare until there are fewer than keys_max. */
void rt_bag_prune(struct rt_bag *bag, uint32_t keys_max, struct rt_blocks *blocks);
/* The oldest pane is `pane` no longer. */
void rt_bag_forget(struct rt_bag *bag, uint32_t pane, struct rt_blocks *blocks);
void rt_bag_done(struct rt_bag *bag, struct rt_blocks *blocks);

/* The saved form; panes are counted back from the newest. */
void rt_bag_save(const struct rt_bag *bag, uint32_t newest, struct rt_buffer *out);
/* Into an empty bag whose `forgets` and `keeps` are set, for the same panes.  RT_ERR_CORRUPT: form->why.  RT_ERR_NOMEM.  The caller calls rt_bag_done anyway. */
enum rt_status rt_bag_load(struct rt_bag *bag, uint32_t newest, uint32_t panes,
                           struct rt_form *form, struct rt_blocks *blocks);

#endif
