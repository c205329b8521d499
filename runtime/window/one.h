/* SPDX-License-Identifier: Apache-2.0 */
/*
 * one.h - a sliding window of one event, in two words: most keys have no more, and need no block then.
 *
 *     mark   [bits of counts 14 | arrival 48 | its condition held 1 | 1]       key   of the keyed aggregate; 0: nothing
 *
 * U1  Only of shapes that fit (shape.fits_one): counts and at most one keyed aggregate; nothing of it has to be freed.
 * U2  The time is not in it: the caller knows the window's deadline, which is that time + size.
 * U3  `mark` is odd, so that it can lie where a pointer to a window may.
 * U4  Whatever is asked of it is asked of a view: the same as struct rt_window, in memory of the caller's.  A view that is
 *     added to becomes a window in blocks; freeing one that has not does nothing.
 */
#ifndef EGRET_RUNTIME_WINDOW_ONE_H
#define EGRET_RUNTIME_WINDOW_ONE_H

#include "runtime/window/window.h"

struct rt_one {
    uint64_t mark, key;
};

struct rt_one_view {
    struct rt_window head;
    uint64_t words[3]; /* the record */
};

/* Says whether it fits: the last step of rt_window_shape_init. */
void rt_one_shape_init(struct rt_window_shape *shape);

static inline bool rt_is_one(const struct rt_one *one)
{
    return (one->mark & 1) != 0;
}

/* A window that begins with this event; values as for rt_window_add. */
struct rt_window *rt_one_begin(const struct rt_window_shape *shape, struct rt_one_view *view,
                               rt_time time, uint64_t sequence, const struct rt_value *values);
/* The view of one whose event came at `time`. */
struct rt_window *rt_one_unpack(const struct rt_window_shape *shape, const struct rt_one *one,
                                rt_time time, struct rt_one_view *view);
/* The window, of a shape that fits, holds one event: a view, or another that may be freed afterwards. */
bool rt_one_can_pack(const struct rt_window *window);
struct rt_one rt_one_pack(const struct rt_window_shape *shape, const struct rt_window *window);

#endif
