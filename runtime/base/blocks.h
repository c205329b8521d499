/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blocks.h - blocks of many sizes with a bound on their sum: captured events, keys, lists of runs.
 *
 *     class:   32  48  64  96  128  192  256  384 ... 64 KiB      each a pool with a free list
 *              larger ones come from the allocator, one by one
 *
 * B1  A block never moves and is aligned to 16.
 * B2  `bytes_in_use` counts whole class sizes and never exceeds bytes_max.
 * B3  The caller gives the size back with the block; nothing is stored beside it.
 * Belongs to one thread.  Waste inside a class is at most a third.
 */
#ifndef EGRET_RUNTIME_BASE_BLOCKS_H
#define EGRET_RUNTIME_BASE_BLOCKS_H

#include <stddef.h>

#include "runtime/base/pool.h"

enum { RT_BLOCK_CLASSES = 23 };

struct rt_blocks {
    struct rt_pool pools[RT_BLOCK_CLASSES];
    size_t bytes_in_use;
    size_t bytes_max;
};

void rt_blocks_init(struct rt_blocks *blocks, size_t bytes_max);

/* Frees the pools.  Blocks above the largest class must have been given back. */
void rt_blocks_done(struct rt_blocks *blocks);

/* Not cleared.  NULL at the bound or when there is no memory. */
void *rt_blocks_take(struct rt_blocks *blocks, size_t bytes);

/* `bytes` as it was asked for.  NULL is fine. */
void rt_blocks_give(struct rt_blocks *blocks, void *block, size_t bytes);

/* What a request of `bytes` occupies. */
size_t rt_blocks_size(size_t bytes);

#endif
