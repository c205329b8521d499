/* SPDX-License-Identifier: Apache-2.0 */
/*
 * window.h - aggregates over a moving part of an ordered stream, of one key.
 *
 *     sliding   (t-D, t] at each event t      panes: one a millisecond that has events
 *     hopping   [E-size, E) at each E         panes: one a slide that has events
 *     tumbling  [E-size, E)                   one pane
 *     session   until nothing came for a gap  one pane
 *     count     the last N events             one pane, or one a slide of M events
 *     global    all events                    one pane
 *
 *     panes, oldest first:   [sum of 0..2] [sum of 1..2] [2] | [3] [4]      back = 3+4
 *                             ------------ front ----------    - back -     all  = front's first + back
 *
 * N1  Two stacks in one queue: a pane is added to the back; when the front is empty the back becomes the front, each pane
 *     taking over what follows it.  So an event costs a constant number of merges, whatever the size is in slides, and
 *     nothing is ever subtracted.
 * N2  Events come in order of time.  Before an event or a look at time t the caller has dealt with every deadline at or
 *     before t; rt_window_slide takes out what a sliding window has left behind.
 * N3  A few events are kept as they are, in one block: most keys have few, and one line of memory is all that they touch.
 *     More become panes, and never go back.
 * N4  What cannot be merged cheaply (distinct, quantile, topk, collect) is in parts, which forget pane by pane.
 * N5  A window without events is no window: it is freed, a hopping one a slide later.  Knows no rule, no key, no clock.
 */
#ifndef EGRET_RUNTIME_WINDOW_WINDOW_H
#define EGRET_RUNTIME_WINDOW_WINDOW_H

#include "runtime/base/blocks.h"
#include "runtime/base/instant.h"
#include "runtime/window/bag.h"
#include "runtime/window/cell.h"
#include "runtime/window/distinct.h"
#include "runtime/window/list.h"

enum { RT_WINDOW_AGGREGATES_MAX = 32, RT_WINDOW_TOPK_MAX = 100, RT_WINDOW_COLLECT_MAX = 1000 };

enum rt_window_kind {
    RT_WINDOW_TUMBLING,
    RT_WINDOW_HOPPING,
    RT_WINDOW_SLIDING,
    RT_WINDOW_SESSION,
    RT_WINDOW_COUNT,
    RT_WINDOW_GLOBAL
};

struct rt_window_aggregate {
    enum rt_aggregate function;
    double quantile; /* 0 to 1 */
    uint32_t items;  /* topk, collect: how many */
    /* filled in by rt_window_shape_init */
    uint32_t place;      /* of its cell in a pane's cells, in bytes; or of its part */
    uint32_t list_place; /* in shape.lists */
    uint32_t few_place;  /* of its value in a record, in words; or of its bit */
};

/* Days of a time zone. */
typedef int64_t rt_zone_offset_fn(void *context, int64_t at_seconds); /* seconds east of UTC */

struct rt_calendar {
    rt_zone_offset_fn *offset; /* NULL: UTC */
    void *context;
    int64_t index, begin_ms,
        end_ms; /* of the slot that was asked for last; begin == end: none was */
};

struct rt_window_shape { /* immutable; shared by all keys */
    enum rt_window_kind kind;
    rt_duration size;   /* session: the gap; count, global: what it may wait for the next event */
    rt_duration slide;  /* hopping: divides size */
    rt_duration offset; /* of tumbling and hopping windows from 1970-01-01T00:00:00 */
    struct rt_calendar
        *calendar;  /* borrowed; NULL: all days are alike.  Then size and slide are whole days */
    uint64_t count; /* count: N */
    uint64_t every; /* count: M, divides N; equal: one pane */
    rt_duration
        lateness; /* how long after its end an event may still come; not 0: the window is a struct rt_late (late.h) */
    const struct rt_window_shape
        *pane_shape; /* borrowed; of its panes then (rt_window_pane_shape) */
    bool is_early;   /* it is looked at before its end (rt_window_early_of) */
    struct rt_window_aggregate aggregates[RT_WINDOW_AGGREGATES_MAX];
    uint32_t aggregate_count;
    uint32_t panes_max;    /* of one window */
    uint32_t distinct_max; /* values that count_distinct and topk hold before they estimate */
    struct rt_value *
        lists; /* borrowed: [list_items], where the outcomes of topk and collect are put together */
    /* filled in by rt_window_shape_init */
    bool is_queue; /* more than one pane */
    uint32_t cell_bytes, part_count, list_items;
    rt_duration rate_size; /* what rate() divides by */
    uint32_t few_max;      /* events that are kept as they are; 0: none */
    bool
        begins_few; /* windows begin so: not where panes_max is less, but one may have been saved */
    uint32_t few_bytes; /* of a record */
    bool fits_one;      /* a window of one event may be two words (one.h) */
};

/* Lays the cells out: the last fields. */
void rt_window_shape_init(struct rt_window_shape *shape);

/* What all forms begin with; the rest is private (layout.h). */
struct rt_window {
    bool is_few;
    bool is_closed; /* late.h: it has ended */
    union {
        struct {
            uint8_t few_count, few_capacity;
        };
        uint16_t told; /* late.h, the caller's: how many records have been made of it; it stays at
                          the largest */
    };
    uint32_t is_true; /* the caller's: bits of those whose condition held when they looked last */
    rt_time close;    /* of a tumbling or hopping window: the next end */
};
_Static_assert(sizeof(struct rt_window) == 16, "most windows have few events");

/* Of a window that is looked at before its end: all of it is the caller's, and saved. */
struct rt_window_early {
    rt_time at;    /* when; RT_TIME_MAX: not planned.  rt_window_deadline is not later */
    uint64_t told; /* what was told last */
};
struct rt_window_early *rt_window_early_of(const struct rt_window_shape *shape,
                                           struct rt_window *window);

/* The shape of the panes of a window with lateness.  Its own fields must live as long as `shape`. */
struct rt_window_shape rt_window_pane_shape(const struct rt_window_shape *shape);

/*
 * Adds an event: one value an aggregate, RT_ABSENT where it is not to be counted.  *window NULL: begins one.
 * RT_ERR_LIMIT: panes_max is reached (rt_window_drop_oldest makes room).  RT_ERR_NOMEM: blocks are full.  The window holds
 * what it did then, but *window may be another pointer.  Cost: constant, amortised.
 */
enum rt_status rt_window_add(const struct rt_window_shape *shape, struct rt_window **window,
                             struct rt_blocks *blocks, rt_time time, uint64_t sequence,
                             const struct rt_value *values);

/* Fetches the cells and the panes that an event would touch; reads the window's first line. */
void rt_window_prefetch(const struct rt_window_shape *shape, const struct rt_window *window);

/* Takes out what is not after `time` - size of a sliding window. */
void rt_window_slide(const struct rt_window_shape *shape, struct rt_window *window,
                     struct rt_blocks *blocks, rt_time time);

/* When the tumbling window that holds `time` ends, or the next hopping one after it. */
rt_time rt_window_end(const struct rt_window_shape *shape, rt_time time);

/* The beginning of the tumbling or hopping window that ends at `close`. */
rt_time rt_window_begin(const struct rt_window_shape *shape, rt_time close);

/* When the window ends, or is to be forgotten. */
rt_time rt_window_deadline(const struct rt_window_shape *shape, const struct rt_window *window);

/* After a tumbling, hopping or count window's end, when it has been read: takes out what the next has no part in. */
void rt_window_next(const struct rt_window_shape *shape, struct rt_window **window,
                    struct rt_blocks *blocks);

/* A hopping window that only waits for its next end. */
bool rt_window_is_empty(const struct rt_window_shape *shape, const struct rt_window *window);

/* A count window has just taken its last event, or the last of a slide. */
bool rt_window_is_full(const struct rt_window_shape *shape, const struct rt_window *window);

/* One value an aggregate whose bit is in `wanted`; texts are borrowed from the window,
 * lists lie in shape->lists until the next reading. */
void rt_window_read(const struct rt_window_shape *shape, const struct rt_window *window,
                    struct rt_blocks *blocks, uint32_t wanted, struct rt_value *out);

/* What a window without events gives. */
void rt_window_read_empty(const struct rt_window_shape *shape, uint32_t wanted,
                          struct rt_value *out);

/* Of the newest event; of an empty hopping window any. */
rt_time rt_window_last(const struct rt_window_shape *shape, const struct rt_window *window);

/* Events in a window of one pane. */
uint64_t rt_window_count(const struct rt_window_shape *shape, const struct rt_window *window);

/* Time and arrival of the oldest event. */
rt_time rt_window_first(const struct rt_window_shape *shape, const struct rt_window *window,
                        uint64_t *sequence);

void rt_window_drop_oldest(const struct rt_window_shape *shape, struct rt_window *window,
                           struct rt_blocks *blocks);
void rt_window_free(const struct rt_window_shape *shape, struct rt_window *window,
                    struct rt_blocks *blocks); /* NULL is fine */

/*
 * The window as one of other aggregates, of which each is one of `from`'s: places[i], no two the same.  The shapes are alike
 * otherwise, without lateness and early looks.  `window` is freed in any case.  RT_ERR_NOMEM: *out is NULL.
 */
enum rt_status rt_window_project(const struct rt_window_shape *from, struct rt_window *window,
                                 const struct rt_window_shape *to, const uint8_t *places,
                                 struct rt_blocks *blocks, struct rt_window **out);

#endif
