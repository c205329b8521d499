/* SPDX-License-Identifier: Apache-2.0 */
/*
 * late.h - windows that stay some time after their end, so that late events can still be counted.
 *
 *     panes, by time:   [08:00 closed, told once] [09:00 closed, told twice] [10:00 open]
 *                        a tumbling window each; a slide of a hopping one; a session
 *
 * L1  Panes are whole windows of their own (shape.pane_shape) and are not summed up ahead: an event may come to any of them.  A
 *     look at a hopping window merges its panes, so it costs size / slide.
 * L2  What belongs to the hopping window that ends at E (is_true, told) is with the pane that ends at E; that exists, empty if
 *     need be, from the window's end on.
 * L3  Sessions that an event joins become one: it has begun with the older and is open again if the newer was.
 * L4  A pane goes when the last window that it belongs to has been over for shape.lateness.
 */
#ifndef EGRET_RUNTIME_WINDOW_LATE_H
#define EGRET_RUNTIME_WINDOW_LATE_H

#include "runtime/base/form.h"
#include "runtime/window/window.h"

struct rt_late {
    struct rt_window head; /* head.close of a hopping window: its next end; RT_TIME_MAX: none */
    struct rt_window_early early; /* of the one window that is open */
    struct rt_window **panes;     /* owned, and what they point to */
    uint32_t count, capacity;
};

struct rt_late_event {
    rt_time time;
    uint64_t sequence;
    const struct rt_value *values;
    rt_time reached; /* how far time has come */
};

/*
 * Adds an event, late or not; *end: the end of its pane.  RT_ERR_DATA: it comes too late even so.  RT_ERR_LIMIT: there are
 * panes_max panes.  RT_ERR_NOMEM.  Nothing that can be seen has changed then.
 */
enum rt_status rt_late_add(const struct rt_window_shape *shape, struct rt_late **late,
                           struct rt_blocks *blocks, const struct rt_late_event *event,
                           rt_time *end);

/* When something is to be done next: a window ends, or a pane goes. */
rt_time rt_late_deadline(const struct rt_window_shape *shape, const struct rt_late *late);

/* The end of the next window that is open and ends at or before `now`; false: there is none. */
bool rt_late_next_end(const struct rt_window_shape *shape, const struct rt_late *late, rt_time now,
                      rt_time *end);
/* The end of the window that is open: the first of them that is not over.  False: all are. */
bool rt_late_open_end(const struct rt_window_shape *shape, const struct rt_late *late,
                      rt_time *end);
/* It is over.  Its pane is there afterwards, but for want of memory (RT_ERR_NOMEM) or of room (panes_max). */
enum rt_status rt_late_close(const struct rt_window_shape *shape, struct rt_late *late,
                             struct rt_blocks *blocks, rt_time end);
/* The next window after `after` that has the pane that ends at `pane_end`, is over and may still be corrected. */
bool rt_late_next_affected(const struct rt_window_shape *shape, rt_time pane_end, rt_time reached,
                           rt_time after, rt_time *end);

/* The pane that ends there; NULL: none. */
struct rt_window *rt_late_pane(const struct rt_window_shape *shape, const struct rt_late *late,
                               rt_time end);
/*
 * The window that ends at `end`, to be read with shape.pane_shape and given back.  NULL in *out: it has no events.
 * RT_ERR_NOMEM.
 */
enum rt_status rt_late_window(const struct rt_window_shape *shape, const struct rt_late *late,
                              struct rt_blocks *blocks, rt_time end, struct rt_window **out);
void rt_late_give_back(const struct rt_window_shape *shape, struct rt_window *window,
                       struct rt_blocks *blocks);

/* Takes out what has been over long enough.  Frees *late with its last pane. */
void rt_late_expire(const struct rt_window_shape *shape, struct rt_late **late,
                    struct rt_blocks *blocks, rt_time now);

void rt_late_free(const struct rt_window_shape *shape, struct rt_late *late,
                  struct rt_blocks *blocks);
void rt_late_save(const struct rt_window_shape *shape, const struct rt_late *late,
                  struct rt_buffer *out);
/* RT_ERR_CORRUPT: form->why.  RT_ERR_NOMEM.  The caller frees *late anyway. */
enum rt_status rt_late_load(const struct rt_window_shape *shape, struct rt_late **late,
                            struct rt_blocks *blocks, struct rt_form *form);

#endif
