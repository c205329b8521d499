/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool.h - objects of one size, taken and given back in any order.
 *
 *     slab 0: [obj][obj][obj]...   slab 1: [obj][obj]...       free: obj -> obj -> obj
 *
 * P1  Objects never move.  P2  Taking from the free list or the newest slab is constant cost; malloc is
 * called once per slab.  Objects of a whole number of cache lines begin with a line; large slabs lie in huge pages.
 * P3  `in_use` never exceeds objects_max; reaching it is an answer (NULL), and the
 * caller counts it.  A pool belongs to one thread.
 */
#ifndef EGRET_RUNTIME_BASE_POOL_H
#define EGRET_RUNTIME_BASE_POOL_H

#include <stddef.h>

struct rt_pool_slab;

struct rt_pool {
    struct rt_pool_slab *slabs; /* owned, newest first */
    void *free_list;            /* first word of a free object points to the next */
    unsigned char *fresh;       /* next never-used object of the newest slab */
    size_t fresh_count;
    size_t object_size; /* rounded up to 16 */
    size_t in_use;
    size_t objects_max;
    size_t bytes_reserved; /* in slabs */
};

/* Allocates nothing yet. */
void rt_pool_init(struct rt_pool *pool, size_t object_size, size_t objects_max);

/* Frees all slabs, and so all objects.  A zeroed pool is fine. */
void rt_pool_done(struct rt_pool *pool);

/* An object, not cleared.  NULL at the limit or when there is no memory. */
void *rt_pool_take(struct rt_pool *pool);

/* Gives one back.  NULL is fine. */
void rt_pool_give(struct rt_pool *pool, void *object);

#endif
