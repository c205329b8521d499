/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/pool.h"

#include <stdint.h>
#include <string.h>

#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"

enum {
    ALIGNMENT = 16,
    LINE_BYTES = 64,
    SLAB_BYTES_FIRST = 4096,
    SLAB_BYTES_LAST = 16 << 20,
    HUGE_PAGE_BYTES = 2 << 20
};

struct rt_pool_slab {
    struct rt_pool_slab *next;
    size_t padding;
    unsigned char data[];
};

_Static_assert(sizeof(struct rt_pool_slab) % ALIGNMENT == 0, "data must be aligned");

void rt_pool_init(struct rt_pool *pool, size_t object_size, size_t objects_max)
{
    RT_ASSERT(object_size > 0);
    *pool = (struct rt_pool){
        .object_size = (object_size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT,
        .objects_max = objects_max,
    };
}

void rt_pool_done(struct rt_pool *pool)
{
    while (pool->slabs != NULL) {
        struct rt_pool_slab *next = pool->slabs->next;

        rt_free(pool->slabs);
        pool->slabs = next;
    }
    *pool = (struct rt_pool){.object_size = pool->object_size, .objects_max = pool->objects_max};
}

static unsigned char *align(unsigned char *start, size_t to)
{
    return start + (to - (uintptr_t)start % to) % to;
}

/* Whole huge pages within a large slab: objects are touched in any order, each in a page of its own. */
static void advise(unsigned char *start, size_t bytes)
{
    unsigned char *first = align(start, HUGE_PAGE_BYTES);
    const size_t pages = (bytes - (size_t)(first - start)) / HUGE_PAGE_BYTES;

    rt_advise_huge_pages(first, pages * HUGE_PAGE_BYTES);
}

static int add_slab(struct rt_pool *pool)
{
    size_t bytes = pool->bytes_reserved < SLAB_BYTES_FIRST  ? SLAB_BYTES_FIRST
                   : pool->bytes_reserved > SLAB_BYTES_LAST ? SLAB_BYTES_LAST
                                                            : pool->bytes_reserved;
    size_t count = bytes / pool->object_size;

    if (count < 4)
        count = 4;

    struct rt_pool_slab *slab = rt_alloc(sizeof(*slab) + count * pool->object_size + LINE_BYTES);

    if (slab == NULL)
        return -1;
    slab->next = pool->slabs;
    pool->slabs = slab;
    pool->fresh = align(slab->data, LINE_BYTES);
    if (count * pool->object_size >= 2 * (size_t)HUGE_PAGE_BYTES)
        advise(pool->fresh, count * pool->object_size);
    pool->fresh_count = count;
    pool->bytes_reserved += count * pool->object_size;
    return 0;
}

void *rt_pool_take(struct rt_pool *pool)
{
    void *object = pool->free_list;

    if (pool->in_use >= pool->objects_max)
        return NULL;
    if (object != NULL) {
        memcpy(&pool->free_list, object, sizeof(void *));
        if (pool->free_list != NULL)
            RT_PREFETCH(pool->free_list); /* what lies there leads on, and is wanted next time */
        pool->in_use++;
        return object;
    }
    if (pool->fresh_count == 0 && add_slab(pool) != 0)
        return NULL;
    object = pool->fresh;
    pool->fresh += pool->object_size;
    pool->fresh_count--;
    pool->in_use++;
    return object;
}

void rt_pool_give(struct rt_pool *pool, void *object)
{
    if (object == NULL)
        return;
    RT_ASSERT(pool->in_use > 0);
    memcpy(object, &pool->free_list, sizeof(void *));
    pool->free_list = object;
    pool->in_use--;
}
