/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/histogram.h"

#include "runtime/base/assert.h"

enum { PART_BITS = 3, PARTS = 1 << PART_BITS };

static unsigned bucket_of(uint64_t value)
{
    if (value < PARTS)
        return (unsigned)value;

    unsigned octave = 63 - (unsigned)__builtin_clzll(value); /* PART_BITS or more */
    unsigned shift = octave - PART_BITS;

    return (shift + 1) * PARTS + (unsigned)(value >> shift & (PARTS - 1));
}

/* The largest value that a bucket takes. */
static uint64_t top_of(unsigned bucket)
{
    if (bucket < PARTS)
        return bucket;

    unsigned shift = bucket / PARTS - 1;

    return ((uint64_t)(PARTS + bucket % PARTS) << shift) + ((uint64_t)1 << shift) - 1;
}

void rt_histogram_add(struct rt_histogram *histogram, uint64_t value)
{
    histogram->count++;
    histogram->sum += value;
    if (value > histogram->max)
        histogram->max = value;
    histogram->buckets[bucket_of(value)]++;
}

uint64_t rt_histogram_quantile(const struct rt_histogram *histogram, double share)
{
    uint64_t wanted = (uint64_t)(share * (double)histogram->count);
    uint64_t seen = 0;

    RT_ASSERT(share >= 0 && share <= 1);
    if ((double)wanted < share * (double)histogram->count)
        wanted++;
    for (unsigned i = 0; i < RT_HISTOGRAM_BUCKETS; i++) {
        seen += histogram->buckets[i];
        if (seen >= wanted && seen > 0)
            return top_of(i) < histogram->max ? top_of(i) : histogram->max;
    }
    return 0;
}
