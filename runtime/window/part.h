/* SPDX-License-Identifier: Apache-2.0 */
/*
 * part.h - what an aggregate keeps of a whole window when its panes cannot just be merged: one of three.
 *
 *     count_distinct -> set of hashes, or sketch    quantile, topk -> bag    collect -> list
 *
 * P1  Adding has two halves: rt_part_reserve may fail and changes nothing that can be seen, rt_part_add cannot fail.
 */
#ifndef EGRET_RUNTIME_WINDOW_PART_H
#define EGRET_RUNTIME_WINDOW_PART_H

#include "runtime/window/window.h"

struct rt_full; /* layout.h */

union rt_part {
    struct rt_bag bag;
    struct rt_distinct distinct;
    struct rt_list list;
};

/* Room for the value, and in *kept what rt_part_add will want of it.  The caller releases *kept (rt_cell_release) when it comes to
 * nothing. */
enum rt_status rt_part_reserve(const struct rt_window_shape *shape,
                               const struct rt_window_aggregate *aggregate, union rt_part *part,
                               struct rt_value value, struct rt_blocks *blocks,
                               struct rt_value *kept);
void rt_part_add(const struct rt_window_shape *shape, const struct rt_window_aggregate *aggregate,
                 struct rt_full *window, struct rt_value kept, rt_time time,
                 struct rt_blocks *blocks);
void rt_part_forget(const struct rt_window_aggregate *aggregate, union rt_part *part, uint32_t pane,
                    struct rt_blocks *blocks);
/* into = into and from, of a window that does not forget.  RT_ERR_NOMEM. */
enum rt_status rt_part_merge(const struct rt_window_shape *shape,
                             const struct rt_window_aggregate *aggregate, union rt_part *into,
                             const union rt_part *from, struct rt_blocks *blocks);
/* Lists lie in shape->lists. */
struct rt_value rt_part_read(const struct rt_window_shape *shape,
                             const struct rt_window_aggregate *aggregate, const union rt_part *part,
                             struct rt_blocks *blocks);
void rt_part_done(const struct rt_window_aggregate *aggregate, union rt_part *part,
                  struct rt_blocks *blocks);
void rt_part_save(const struct rt_window_aggregate *aggregate, const union rt_part *part,
                  uint32_t newest, struct rt_buffer *out);
enum rt_status rt_part_load(const struct rt_window_shape *shape,
                            const struct rt_window_aggregate *aggregate, struct rt_full *window,
                            struct rt_form *form, struct rt_blocks *blocks);

/* Of values that are equally frequent the lesser comes first: null, booleans, numbers, texts, times, durations. */
int rt_topk_compare(struct rt_value left, struct rt_value right);

#endif
