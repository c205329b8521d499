/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seeded.h - random numbers for tests: the same ones at every run.
 * A test states its seed; a failure is repeated by the same seed.
 */
#ifndef EGRET_TESTS_SUPPORT_SEEDED_H
#define EGRET_TESTS_SUPPORT_SEEDED_H

#include <stdint.h>

struct seeded {
    uint64_t state;
};

static inline struct seeded seeded_from(uint64_t seed)
{
    return (struct seeded){seed};
}

/* splitmix64 (Steele, Lea, Flood 2014) */
static inline uint64_t seeded_next(struct seeded *seeded)
{
    uint64_t mixed = seeded->state += UINT64_C(0x9E3779B97F4A7C15);

    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94D049BB133111EB);
    return mixed ^ mixed >> 31;
}

/* Uniform in [0, bound), bound > 0. */
static inline uint32_t seeded_below(struct seeded *seeded, uint32_t bound)
{
    return (uint32_t)((seeded_next(seeded) >> 32) * bound >> 32);
}

#endif
