/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layout.h - the two forms of a window, and where their parts lie.  Private to runtime/window/.
 *
 *     few      [head][record][record] ...           record = [time | arrival, bits of counts | values]
 *     full     [head ...][back cells, or those of the one pane][parts]
 *     ring         [pane][pane] ...                 pane = [time | arrival | cells]
 */
#ifndef EGRET_RUNTIME_WINDOW_LAYOUT_H
#define EGRET_RUNTIME_WINDOW_LAYOUT_H

#include "runtime/base/form.h"
#include "runtime/window/part.h"

/* ---- slots of time (span.c): a tumbling window's size, a hopping one's slide ---- */

int64_t rt_span_index(const struct rt_window_shape *shape, rt_time time);
rt_time rt_span_begin(const struct rt_window_shape *shape, int64_t index);
/* The end of the slot that holds `time`. */
rt_time rt_span_end(const struct rt_window_shape *shape, rt_time time);

/* ---- full ---- */

struct rt_full {
    struct rt_window head;
    struct rt_window_early early;
    rt_time last;  /* of the newest event */
    rt_time first; /* of one pane: of the oldest event */
    uint64_t sequence;
    unsigned char *panes; /* owned; a ring */
    uint32_t capacity, ring_head, pane_count;
    uint32_t
        front; /* panes at the head that hold the sum of themselves and those behind them in the front */
    uint32_t newest;  /* number of the newest pane; counts on and wraps */
    uint64_t counted; /* events in the newest pane, or in the one pane */
    uint64_t cells[]; /* back, or the one pane; then the parts */
};

struct rt_pane {
    rt_time first;
    uint64_t sequence;
    uint64_t cells[];
};

/* A hash or a bucket stands for the value. */
static inline bool rt_is_keyed(enum rt_aggregate function)
{
    return function == RT_AGGREGATE_COUNT_DISTINCT || function == RT_AGGREGATE_QUANTILE;
}

static inline bool rt_is_part(enum rt_aggregate function)
{
    return rt_is_keyed(function) || function == RT_AGGREGATE_TOPK ||
           function == RT_AGGREGATE_COLLECT;
}

static inline size_t rt_full_bytes(const struct rt_window_shape *shape)
{
    return sizeof(struct rt_full) + shape->cell_bytes + shape->part_count * sizeof(union rt_part);
}

static inline size_t rt_pane_bytes(const struct rt_window_shape *shape)
{
    return sizeof(struct rt_pane) + shape->cell_bytes;
}

static inline union rt_part *rt_part_at(const struct rt_window_shape *shape,
                                        const struct rt_full *window, uint32_t number)
{
    unsigned char *cells = (unsigned char *)(uintptr_t)window->cells;

    return (union rt_part *)(void *)(cells + shape->cell_bytes) + number;
}

/* Pane 0 is the oldest. */
static inline struct rt_pane *rt_pane_at(const struct rt_window_shape *shape,
                                         const struct rt_full *window, uint32_t number)
{
    size_t place = (window->ring_head + number) & (window->capacity - 1);

    return (struct rt_pane *)(void *)(window->panes + place * rt_pane_bytes(shape));
}

static inline void *rt_cell_at(const uint64_t *cells, const struct rt_window_aggregate *aggregate)
{
    return (unsigned char *)(uintptr_t)cells + aggregate->place;
}

/* As the functions of window.h without `full`.  Values of keyed aggregates are keys, RT_UINT. */
enum rt_status rt_full_add(const struct rt_window_shape *shape, struct rt_full **window,
                           struct rt_blocks *blocks, rt_time time, uint64_t sequence,
                           const struct rt_value *values);
void rt_full_prefetch(const struct rt_window_shape *shape, const struct rt_full *window);
void rt_full_slide(const struct rt_window_shape *shape, struct rt_full *window,
                   struct rt_blocks *blocks, rt_time time);
/* Of a hopping window. */
void rt_full_next(const struct rt_window_shape *shape, struct rt_full *window,
                  struct rt_blocks *blocks);
/* into = into and from: neighbours of one pane each, or `into` is empty (zeroed).  RT_ERR_NOMEM: `into` may hold a part. */
enum rt_status rt_full_merge(const struct rt_window_shape *shape, struct rt_full *into,
                             const struct rt_full *from, struct rt_blocks *blocks);
void rt_full_read(const struct rt_window_shape *shape, const struct rt_full *window,
                  struct rt_blocks *blocks, uint32_t wanted, struct rt_value *out);
rt_time rt_full_first(const struct rt_window_shape *shape, const struct rt_full *window,
                      uint64_t *sequence);
void rt_full_drop_oldest(const struct rt_window_shape *shape, struct rt_full *window,
                         struct rt_blocks *blocks);
void rt_full_free(const struct rt_window_shape *shape, struct rt_full *window,
                  struct rt_blocks *blocks);
void rt_full_save(const struct rt_window_shape *shape, const struct rt_full *window,
                  struct rt_buffer *out);
/* Into a zeroed window.  The caller frees it in any case. */
enum rt_status rt_full_load(const struct rt_window_shape *shape, struct rt_full *window,
                            struct rt_blocks *blocks, struct rt_form *form);

/* As rt_window_add, with keys instead of the values of keyed aggregates. */
enum rt_status rt_window_add_keys(const struct rt_window_shape *shape, struct rt_window **window,
                                  struct rt_blocks *blocks, rt_time time, uint64_t sequence,
                                  const struct rt_value *keys);

void rt_window_early_save(const struct rt_window_early *early, struct rt_buffer *out);
/* Into one without a plan. */
void rt_window_early_load(struct rt_window_early *early, struct rt_form *form);

/* ---- few (few.c) ---- */

enum {
    RT_FEW_BITS = 16,
    RT_FEW_SHIFT = 48,
    RT_FEW_BORROWED = 255 /* a capacity: the list lies in memory of somebody else's (one.h) */
};
#define RT_FEW_SEQUENCE_MASK ((UINT64_C(1) << RT_FEW_SHIFT) - 1)

struct rt_few {
    struct rt_window head;
    uint64_t records[];
};

struct rt_few_record {
    rt_time time;
    uint64_t mark; /* arrival, and in the upper bits which counts take it */
    uint64_t values[];
};

static inline struct rt_few_record *rt_few_at(const struct rt_window_shape *shape,
                                              const struct rt_few *few, uint32_t number)
{
    unsigned char *records = (unsigned char *)(uintptr_t)few->records;

    return (struct rt_few_record *)(void *)(records + (size_t)number * shape->few_bytes);
}

static inline uint64_t rt_few_sequence(const struct rt_few_record *record)
{
    return record->mark & RT_FEW_SEQUENCE_MASK;
}

static inline size_t rt_few_size(const struct rt_window_shape *shape, uint32_t capacity)
{
    return sizeof(struct rt_few) + (size_t)capacity * shape->few_bytes;
}

/* What a record has of an aggregate. */
enum rt_few_part { RT_FEW_BIT, RT_FEW_KEY, RT_FEW_VALUE };

static inline enum rt_few_part rt_few_part_of(enum rt_aggregate function)
{
    if (rt_is_keyed(function))
        return RT_FEW_KEY;
    return function == RT_AGGREGATE_COUNT || function == RT_AGGREGATE_RATE ? RT_FEW_BIT
                                                                           : RT_FEW_VALUE;
}

/* What stands for a value of a keyed aggregate: its hash, or its bucket. */
uint64_t rt_few_key(enum rt_aggregate function, struct rt_value value);

/* Lays the records out. */
void rt_few_shape_init(struct rt_window_shape *shape);
/* As rt_window_add.  RT_AGAIN: there are too many. */
enum rt_status rt_few_add(const struct rt_window_shape *shape, struct rt_few **few,
                          struct rt_blocks *blocks, rt_time time, uint64_t sequence,
                          const struct rt_value *values);
/* The values of a record as they were added. */
void rt_few_values(const struct rt_window_shape *shape, const struct rt_few_record *record,
                   struct rt_value *values);
void rt_few_drop(const struct rt_window_shape *shape, struct rt_few *few, struct rt_blocks *blocks,
                 uint32_t count);
void rt_few_read(const struct rt_window_shape *shape, const struct rt_few *few,
                 struct rt_blocks *blocks, uint32_t wanted, struct rt_value *out);
void rt_few_free(const struct rt_window_shape *shape, struct rt_few *few, struct rt_blocks *blocks);
void rt_few_save(const struct rt_window_shape *shape, const struct rt_few *few,
                 struct rt_buffer *out);
/* The caller frees *few in any case. */
enum rt_status rt_few_load(const struct rt_window_shape *shape, struct rt_few **few,
                           struct rt_blocks *blocks, struct rt_form *form);

#endif
