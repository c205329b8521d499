/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sketch.h - values as the keys of a bag: hashes to count distinct ones, logarithmic buckets for quantiles.
 *
 *     buckets   ... [-1.02, -1)  0  (1, 1.02] (1.02, 1.04] ...        DDSketch: each 2 % wide, so an answer is within 1 %
 *
 * H1  Values that are equal by CEL's == have one hash (1 = 1.0, not "1").  Two different values have one with
 *     probability 2^-64; counts of distinct values are exact but for that.
 * H2  A bucket's key grows with its values.  Magnitudes below 1e-9 are 0; beyond 1e18 they are the last bucket.
 */
#ifndef EGRET_RUNTIME_WINDOW_SKETCH_H
#define EGRET_RUNTIME_WINDOW_SKETCH_H

#include "runtime/event/value.h"
#include "runtime/window/bag.h"

/* Never 0. */
uint64_t rt_sketch_hash(struct rt_value value);
uint64_t rt_sketch_bucket(struct rt_value number);
/* The middle of a bucket. */
double rt_sketch_value(uint64_t bucket);
/* Whether rt_sketch_bucket gives it: what is loaded may be any number. */
bool rt_sketch_is_bucket(uint64_t key);

/*
 * The value of rank quantile * (n - 1), rounded down, of a bag of buckets; null when it is empty, an error (limit) when there
 * is no memory to sort them.  Cost: the buckets in use, at most about 6,000, times their logarithm.
 */
struct rt_value rt_sketch_quantile(const struct rt_bag *bag, double quantile,
                                   struct rt_blocks *blocks);

#endif
