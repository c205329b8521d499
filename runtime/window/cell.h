/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cell.h - one aggregate over some events: add a value, merge two neighbours, read the outcome.
 *
 *     [count][ integers | reals ]     sum avg         [count][ mean | squares ]     variance stddev
 *     [count]                         count rate      [count][ value ]              min max first last
 *
 * C1  merge(older, newer) is associative, and order matters (first, last).  Nothing is ever subtracted, so sums of
 *     doubles do not drift.
 * C2  A text that a cell holds is counted, not copied: it lies once in the caller's blocks.
 * C3  First and last go by the time of their values, so that a late one may come in between.
 * C4  Sums are exact while all values are integers and fit; then they go on as doubles.
 */
#ifndef EGRET_RUNTIME_WINDOW_CELL_H
#define EGRET_RUNTIME_WINDOW_CELL_H

#include "runtime/base/blocks.h"
#include "runtime/base/form.h"
#include "runtime/base/instant.h"
#include "runtime/event/value.h"

enum rt_aggregate {
    RT_AGGREGATE_COUNT,
    RT_AGGREGATE_RATE, /* a second of the window's size */
    RT_AGGREGATE_SUM,
    RT_AGGREGATE_AVG,
    RT_AGGREGATE_VARIANCE, /* of the population */
    RT_AGGREGATE_STDDEV,
    RT_AGGREGATE_MIN,
    RT_AGGREGATE_MAX,
    RT_AGGREGATE_FIRST,
    RT_AGGREGATE_LAST,
    /* These are kept in parts (part.h), not in cells. */
    RT_AGGREGATE_COUNT_DISTINCT,
    RT_AGGREGATE_QUANTILE,
    RT_AGGREGATE_TOPK,
    RT_AGGREGATE_COLLECT
};

struct rt_cell {
    uint64_t
        count; /* of values; bit 63: reals have come in (sums); first, last: the value's time (rt_cell_set_time) */
    union {
        struct {
            int64_t integers;
            double reals;
        } sum;
        struct {
            double mean, squares;
        } spread;
        struct rt_value value;
    } u;
};

/* What a cell of this aggregate occupies: 0, 8 or 24 bytes. */
uint32_t rt_cell_bytes(enum rt_aggregate aggregate);

/* Whether an aggregate can take a value of this type. */
bool rt_cell_takes(enum rt_aggregate aggregate, enum rt_type type);

/* A value as a cell of its own.  A text is copied into `blocks`: RT_ERR_NOMEM. */
enum rt_status rt_cell_of(enum rt_aggregate aggregate, struct rt_value value,
                          struct rt_blocks *blocks, struct rt_cell *out);
/* Says when the value came, to a cell of one value. */
void rt_cell_set_time(enum rt_aggregate aggregate, struct rt_cell *cell, rt_time time);
/* older = older + newer.  `newer` stays what it is. */
void rt_cell_merge(enum rt_aggregate aggregate, void *older, const void *newer,
                   struct rt_blocks *blocks);
/* Empties it. */
void rt_cell_clear(enum rt_aggregate aggregate, void *cell, struct rt_blocks *blocks);
/* The outcome of older + newer, borrowed; null where nothing was counted but a count or a sum is asked for.  `seconds`: the window's. */
struct rt_value rt_cell_outcome(enum rt_aggregate aggregate, const void *older, const void *newer,
                                double seconds);

/* A value that outlives its event, on its own: a text is copied into `blocks`.  RT_ERR_NOMEM. */
enum rt_status rt_cell_keep(struct rt_value value, struct rt_blocks *blocks, struct rt_value *out);
void rt_cell_release(struct rt_value value, struct rt_blocks *blocks);
/* A value of the saved form that the aggregate takes; a text is borrowed from the form.  RT_ERR_CORRUPT, RT_ERR_NOMEM. */
enum rt_status rt_cell_load_value(enum rt_aggregate aggregate, struct rt_form *form,
                                  struct rt_value *out);

/* The saved form. */
void rt_cell_save(enum rt_aggregate aggregate, const void *cell, struct rt_buffer *out);
/* Into an empty cell.  RT_ERR_CORRUPT: form->why.  RT_ERR_NOMEM.  The cell stays empty then. */
enum rt_status rt_cell_load(enum rt_aggregate aggregate, void *cell, struct rt_form *form,
                            struct rt_blocks *blocks);

#endif
