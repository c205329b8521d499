/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/pool.h"

#include <stdint.h>
#include <string.h>

#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"

enum { ALIGNMENT = 16, SLAB_BYTES_FIRST = 4096, SLAB_BYTES_LAST = 1 << 20 };

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

static int add_slab(struct rt_pool *pool)
{
    size_t bytes = pool->bytes_reserved < SLAB_BYTES_FIRST  ? SLAB_BYTES_FIRST
                   : pool->bytes_reserved > SLAB_BYTES_LAST ? SLAB_BYTES_LAST
                                                            : pool->bytes_reserved;
    size_t count = bytes / pool->object_size;

    if (count < 4)
        count = 4;

    struct rt_pool_slab *slab = rt_alloc(sizeof(*slab) + count * pool->object_size);

    if (slab == NULL)
        return -1;
    slab->next = pool->slabs;
    pool->slabs = slab;
    pool->fresh = slab->data;
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
