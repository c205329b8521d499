/* SPDX-License-Identifier: Apache-2.0 */
/*
 * save.h - the saved form of a window (runtime/base/form.h), for checkpoints.
 *
 *     [times, flags][back cells][panes: time, arrival, cells][parts: what they hold, oldest first]
 *
 * V1  The shape is not in it: what was saved with one shape is loaded with the same.  rt_window_shape_hash tells.
 * V2  Loading trusts nothing; a window that was loaded goes on exactly as the one that was saved.
 */
#ifndef EGRET_RUNTIME_WINDOW_SAVE_H
#define EGRET_RUNTIME_WINDOW_SAVE_H

#include "runtime/base/form.h"
#include "runtime/window/window.h"

/* Differs when the kind, a length or an aggregate's function does; limits are not in it.  RT_ERR_NOMEM. */
enum rt_status rt_window_shape_hash(const struct rt_window_shape *shape, uint64_t *out);

/* Appends it; `out->failed` tells.  Cost: its size. */
void rt_window_save(const struct rt_window_shape *shape, const struct rt_window *window,
                    struct rt_buffer *out);

/* RT_ERR_CORRUPT: form->why.  RT_ERR_NOMEM.  Nothing is held then. */
enum rt_status rt_window_load(const struct rt_window_shape *shape, struct rt_blocks *blocks,
                              struct rt_form *form, struct rt_window **out);

#endif
