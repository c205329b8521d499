/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/checkpoint/merge.h"

#include "runtime/base/alloc.h"

struct head {
    struct rt_entries *source;
    struct rt_entry entry; /* the source's next */
    size_t age;            /* higher is newer */
};

struct merge {
    struct rt_entries base; /* first */
    struct head *heap;
    size_t count;
    bool with_removed;
    bool started;
    bool given; /* the root's entry has been given: move on first */
};

/* The smaller entry first; of the same id, the newer one. */
static bool is_before(const struct head *a, const struct head *b)
{
    int order = rt_entry_compare(&a->entry, &b->entry);

    return order != 0 ? order < 0 : a->age > b->age;
}

static void sift_down(struct merge *merge, size_t at)
{
    struct head *heap = merge->heap;

    for (;;) {
        size_t least = at, left = 2 * at + 1;

        if (left < merge->count && is_before(&heap[left], &heap[least]))
            least = left;
        if (left + 1 < merge->count && is_before(&heap[left + 1], &heap[least]))
            least = left + 1;
        if (least == at)
            return;

        struct head moved = heap[at];

        heap[at] = heap[least];
        heap[least] = moved;
        at = least;
    }
}

/* The root's source moves on; one that has ended leaves the heap. */
static enum rt_status move_root(struct merge *merge)
{
    struct head *root = &merge->heap[0];
    enum rt_status status = root->source->next(root->source, &root->entry);

    if (status == RT_END)
        *root = merge->heap[--merge->count];
    else if (status != RT_OK)
        return status;
    sift_down(merge, 0);
    return RT_OK;
}

/* Every source's first entry. */
static enum rt_status start(struct merge *merge)
{
    size_t kept = 0;

    for (size_t i = 0; i < merge->count; i++) {
        struct head *head = &merge->heap[i];
        enum rt_status status = head->source->next(head->source, &head->entry);

        if (status == RT_OK)
            merge->heap[kept++] = *head;
        else if (status != RT_END)
            return status;
    }
    merge->count = kept;
    for (size_t i = kept / 2; i-- > 0;)
        sift_down(merge, i);
    merge->started = true;
    return RT_OK;
}

/* Past the root and everything older with its id.  The root itself stays until then: others are compared with its bytes. */
static enum rt_status pass_root(struct merge *merge)
{
    const struct head *heap = merge->heap;

    while (merge->count > 1) {
        size_t second = merge->count > 2 && is_before(&heap[2], &heap[1]) ? 2 : 1;
        enum rt_status status;

        if (rt_entry_compare(&heap[second].entry, &heap[0].entry) != 0)
            break;

        struct head *older = &merge->heap[second];

        status = older->source->next(older->source, &older->entry);
        if (status == RT_END)
            *older = merge->heap[--merge->count];
        else if (status != RT_OK)
            return status;
        if (second < merge->count)
            sift_down(merge, second);
    }
    return move_root(merge);
}

static enum rt_status merge_next(struct rt_entries *self, struct rt_entry *out)
{
    struct merge *merge = (struct merge *)self;
    enum rt_status status = merge->started ? RT_OK : start(merge);

    while (status == RT_OK) {
        if (merge->given)
            status = pass_root(merge);
        merge->given = false;
        if (status != RT_OK)
            break;
        if (merge->count == 0)
            return RT_END;
        *out = merge->heap[0].entry;
        merge->given = true;
        if (!out->removed || merge->with_removed)
            return RT_OK;
    }
    return status;
}

static void merge_free(struct rt_entries *self)
{
    struct merge *merge = (struct merge *)self;

    if (merge == NULL)
        return;
    rt_free(merge->heap);
    rt_free(merge);
}

enum rt_status rt_merge_new(struct rt_entries *const *sources, size_t count, bool with_removed,
                            struct rt_entries **out)
{
    struct merge *merge = rt_alloc_zeroed(1, sizeof(*merge));

    if (merge == NULL)
        return RT_ERR_NOMEM;
    merge->base = (struct rt_entries){merge_next, merge_free};
    merge->with_removed = with_removed;
    merge->count = count;
    merge->heap = rt_alloc_zeroed(count + 1, sizeof(*merge->heap));
    if (merge->heap == NULL) {
        merge_free(&merge->base);
        return RT_ERR_NOMEM;
    }
    for (size_t i = 0; i < count; i++)
        merge->heap[i] = (struct head){.source = sources[i], .age = i};
    *out = &merge->base;
    return RT_OK;
}
