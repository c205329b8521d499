/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/blocks.h"

#include <stdint.h>

#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"

enum { SMALLEST = 32, LARGEST = SMALLEST << 11 };

/* Class 2k holds SMALLEST << k, class 2k + 1 holds one and a half times that. */
static size_t class_size(size_t class_index)
{
    size_t power = (size_t)SMALLEST << (class_index / 2);

    return class_index % 2 == 0 ? power : power + power / 2;
}

static size_t class_of(size_t bytes)
{
    if (bytes <= SMALLEST)
        return 0;

    size_t log =
        (size_t)(63 - __builtin_clzll((bytes - 1) / SMALLEST)); /* SMALLEST << log < bytes */
    size_t half = class_size(2 * log + 1);

    return bytes <= half ? 2 * log + 1 : 2 * log + 2;
}

size_t rt_blocks_size(size_t bytes)
{
    return bytes > LARGEST ? bytes : class_size(class_of(bytes));
}

void rt_blocks_init(struct rt_blocks *blocks, size_t bytes_max)
{
    *blocks = (struct rt_blocks){.bytes_max = bytes_max};
    for (size_t i = 0; i < RT_BLOCK_CLASSES; i++)
        rt_pool_init(&blocks->pools[i], class_size(i), SIZE_MAX);
}

void rt_blocks_done(struct rt_blocks *blocks)
{
    for (size_t i = 0; i < RT_BLOCK_CLASSES; i++)
        rt_pool_done(&blocks->pools[i]);
    blocks->bytes_in_use = 0;
}

void *rt_blocks_take(struct rt_blocks *blocks, size_t bytes)
{
    size_t size = rt_blocks_size(bytes);

    if (size > blocks->bytes_max - blocks->bytes_in_use)
        return NULL;

    void *block = bytes > LARGEST ? rt_alloc(bytes) : rt_pool_take(&blocks->pools[class_of(bytes)]);

    if (block != NULL)
        blocks->bytes_in_use += size;
    return block;
}

void rt_blocks_give(struct rt_blocks *blocks, void *block, size_t bytes)
{
    if (block == NULL)
        return;
    RT_ASSERT(blocks->bytes_in_use >= rt_blocks_size(bytes));
    blocks->bytes_in_use -= rt_blocks_size(bytes);
    if (bytes > LARGEST)
        rt_free(block);
    else
        rt_pool_give(&blocks->pools[class_of(bytes)], block);
}
