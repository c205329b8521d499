/* SPDX-License-Identifier: Apache-2.0 */
/*
 * histogram.h - how values are spread, in 4 KiB, whatever their number: for times in nanoseconds above all.
 *
 *     value     0 1 2 ... 7 | 8 9 ... 15 | 16,17 18,19 ... 30,31 | 32..35 ... | 64..71 ... |
 *     bucket    one each      one each     eight an octave         eight         eight ...
 *
 * I1  A value is at most an eighth smaller than the top of its bucket, so a quantile is at most so much too high, never too low.
 * I2  Adding allocates nothing; all zero is empty.
 */
#ifndef EGRET_RUNTIME_BASE_HISTOGRAM_H
#define EGRET_RUNTIME_BASE_HISTOGRAM_H

#include <stdint.h>

enum { RT_HISTOGRAM_BUCKETS = 496 };

struct rt_histogram {
    uint64_t count, sum, max;
    uint64_t buckets[RT_HISTOGRAM_BUCKETS];
};

void rt_histogram_add(struct rt_histogram *histogram, uint64_t value);

/* The least number such that `share` (0 to 1) of the values are not above it, up to I1; never above max.  0 when it is empty. */
uint64_t rt_histogram_quantile(const struct rt_histogram *histogram, double share);

#endif
