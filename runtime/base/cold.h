/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cold.h - the port to where saved entries lie that are not in memory (runtime/operator.h, M4).
 *
 *     engine --remind(k2, 10:05)--> [ k2 as it was saved | reminders by time ] --get(k2), due(10:05)--> engine
 *
 * W1  Entries get there by checkpoints only, never through this port.
 * W2  Reminders last as long as the process: whoever restores makes them anew.
 * W3  One thread at a time; each of several has a part of its own.
 */
#ifndef EGRET_RUNTIME_BASE_COLD_H
#define EGRET_RUNTIME_BASE_COLD_H

#include "runtime/base/entry.h"
#include "runtime/base/instant.h"

enum { RT_COLD_PARTS_MAX = 250 };

/* Entries that are not in memory. */
struct rt_cold {
    /* Appends the value of the entry with this id.  RT_ERR_NOT_FOUND; RT_ERR_IO, RT_ERR_CORRUPT, RT_ERR_NOMEM. */
    enum rt_status (*get)(struct rt_cold *self, const struct rt_entry *id, struct rt_buffer *value);
    /* The entry is needed before anything happens at `due`.  One that is reminded of twice comes twice. */
    enum rt_status (*remind)(struct rt_cold *self, const struct rt_entry *id, rt_time due);
    /* The earliest reminder; RT_TIME_MAX: none.  Costs nothing. */
    rt_time (*next_due)(const struct rt_cold *self);
    /*
     * A time until which no more than some thousand reminders are due, those of its last moment aside; RT_TIME_MAX: there are none.  Of all
     * parts together, while none of them is being used.
     */
    rt_time (*soon)(const struct rt_cold *self);
    /*
     * Takes out reminders in order of time, at least `count` of them if there are as many at or before `until`, and all
     * of the last one's time, which is *reached; one call of `each` a reminder.
     */
    enum rt_status (*due)(struct rt_cold *self, rt_time until, size_t count, rt_entry_fn *each,
                          void *context, rt_time *reached);
    /*
     * Another port to the same entries, with reminders of its own, for another thread.  It belongs to this one and goes with it.
     * RT_ERR_NOMEM, RT_ERR_LIMIT: there are RT_COLD_PARTS_MAX.
     */
    enum rt_status (*part)(struct rt_cold *self, struct rt_cold **out);
};

#endif
