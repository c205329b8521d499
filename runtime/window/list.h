/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list.h - the newest values of a window, oldest first.
 *
 *     ring    (value, time, pane) (value, time, pane) ...       at most items_max
 *
 * L1  What is more than items_max goes at the old end: the newest of the rest stay the newest when panes are forgotten.
 * L2  Values lie in order of time, those of one time in order of arrival, whatever the order they come in.
 * L3  The list owns blocks of the caller's and the texts of its values; a zeroed list is empty.
 */
#ifndef EGRET_RUNTIME_WINDOW_LIST_H
#define EGRET_RUNTIME_WINDOW_LIST_H

#include "runtime/base/blocks.h"
#include "runtime/base/form.h"
#include "runtime/event/value.h"

struct rt_list_item {
    struct rt_value value; /* kept (rt_cell_keep) */
    rt_time time;
    uint64_t pane;
};

struct rt_list {
    struct rt_list_item *items; /* owned; a ring */
    uint32_t capacity, head, count;
};

/* Room for one more, up to items_max.  RT_ERR_NOMEM leaves the list as it was. */
enum rt_status rt_list_reserve(struct rt_list *list, uint32_t items_max, struct rt_blocks *blocks);
/* Takes the kept value over; it has been reserved. */
void rt_list_add(struct rt_list *list, struct rt_value value, rt_time time, uint32_t pane,
                 uint32_t items_max, struct rt_blocks *blocks);
void rt_list_forget(struct rt_list *list, uint32_t pane, struct rt_blocks *blocks);
/* Copies the values; returns how many.  `out` has room for items_max; texts are borrowed. */
uint32_t rt_list_read(const struct rt_list *list, struct rt_value *out);
void rt_list_done(struct rt_list *list, struct rt_blocks *blocks);

/* The saved form; panes are counted back from the newest. */
void rt_list_save(const struct rt_list *list, uint32_t newest, struct rt_buffer *out);
/* Into a zeroed list.  RT_ERR_CORRUPT: form->why.  RT_ERR_NOMEM.  The caller calls rt_list_done anyway. */
enum rt_status rt_list_load(struct rt_list *list, uint32_t items_max, uint32_t newest,
                            struct rt_form *form, struct rt_blocks *blocks);

#endif
