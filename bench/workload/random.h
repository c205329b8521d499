/* SPDX-License-Identifier: Apache-2.0 */
/*
 * random.h - the seeded generator of the benchmark workload (xorshift128+, Vigna 2014).
 *
 * The stream must stay the same for ever: the reference counts in bench/workload/expected.tsv belong to it.
 */
#ifndef EGRET_BENCH_WORKLOAD_RANDOM_H
#define EGRET_BENCH_WORKLOAD_RANDOM_H

#include <stdint.h>

struct random_state {
    uint64_t older, newer;
};

static inline uint64_t random_next(struct random_state *state)
{
    uint64_t mixed = state->older ^ state->older << 23;
    uint64_t kept = state->newer;

    state->older = kept;
    state->newer = mixed ^ kept ^ (mixed >> 17) ^ (kept >> 26);
    return state->newer + kept;
}

static inline void random_seed(struct random_state *state, uint64_t seed)
{
    state->older = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
    state->newer = ~state->older * UINT64_C(0xBF58476D1CE4E5B9) + 7;
    for (int i = 0; i < 20; i++)
        random_next(state);
}

/* Uniform in [0, bound). */
static inline uint32_t random_below(struct random_state *state, uint32_t bound)
{
    return (uint32_t)((random_next(state) >> 32) * bound >> 32);
}

/* Uniform in [0, 1). */
static inline double random_unit(struct random_state *state)
{
    return (double)(random_next(state) >> 11) * (1.0 / 9007199254740992.0);
}

#endif
