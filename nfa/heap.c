/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heap.c - a binary heap of runs or matches by their first event, and the set that keeps a list free of doubles.
 *
 * Elements with equal first events come out in an order that depends on how the heap is moved about.  That order is
 * part of the semantics (Flink's java.util.PriorityQueue): append and sift up while the parent is greater; take the root,
 * put the last element in its place and sift down preferring the left child; after removals restore from the last
 * parent down.
 */
#include "nfa/run.h"
#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"

bool nfa_heap_reserve(struct nfa_heap *heap, uint32_t count)
{
    uint32_t bigger = heap->capacity == 0 ? 16 : heap->capacity;
    struct nfa_item *moved;

    if (count <= heap->capacity)
        return true;
    if (count > UINT32_MAX / 2)
        return false;
    while (bigger < count)
        bigger *= 2;
    moved = rt_realloc(heap->items, bigger * sizeof(*moved));
    if (moved == NULL)
        return false;
    heap->items = moved;
    heap->capacity = bigger;
    return true;
}

static void sift_up(struct nfa_heap *heap, uint32_t at, struct nfa_item item)
{
    while (at > 0) {
        uint32_t parent = (at - 1) / 2;

        if (!nfa_starts_before(&item, &heap->items[parent]))
            break;
        heap->items[at] = heap->items[parent];
        at = parent;
    }
    heap->items[at] = item;
}

static void sift_down(struct nfa_heap *heap, uint32_t at, struct nfa_item item)
{
    while (at < heap->count / 2) {
        uint32_t child = 2 * at + 1;

        if (child + 1 < heap->count &&
            nfa_starts_before(&heap->items[child + 1], &heap->items[child]))
            child++;
        if (!nfa_starts_before(&heap->items[child], &item))
            break;
        heap->items[at] = heap->items[child];
        at = child;
    }
    heap->items[at] = item;
}

void nfa_heap_push(struct nfa_heap *heap, struct nfa_item item)
{
    RT_ASSERT(heap->count < heap->capacity);
    heap->count++;
    sift_up(heap, heap->count - 1, item);
}

struct nfa_item nfa_heap_poll(struct nfa_heap *heap)
{
    struct nfa_item root;

    RT_ASSERT(heap->count > 0);
    root = heap->items[0];
    heap->count--;
    if (heap->count > 0)
        sift_down(heap, 0, heap->items[heap->count]);
    return root;
}

void nfa_heap_restore(struct nfa_heap *heap)
{
    for (uint32_t at = heap->count / 2; at > 0; at--)
        sift_down(heap, at - 1, heap->items[at - 1]);
}

/* ---- doubles ---- */

static uint32_t seen_slot(const struct nfa_seen *seen, const struct nfa_path *path, uint32_t state,
                          uint64_t stamp)
{
    uint64_t mixed = ((uint64_t)(uintptr_t)path >> 4) * UINT64_C(0x9e3779b97f4a7c15) +
                     state * UINT64_C(0xc2b2ae3d27d4eb4f);
    uint32_t at = (uint32_t)(mixed >> 32) & (seen->capacity - 1);

    while (seen->slots[at].stamp == stamp &&
           (seen->slots[at].path != path || seen->slots[at].state != state))
        at = (at + 1) & (seen->capacity - 1);
    return at;
}

static bool seen_grow(struct nfa_seen *seen, uint64_t stamp)
{
    struct nfa_seen bigger = {.capacity = seen->capacity == 0 ? 64 : seen->capacity * 2,
                              .count = seen->count};

    bigger.slots = rt_alloc_zeroed(bigger.capacity, sizeof(*bigger.slots));
    if (bigger.slots == NULL)
        return false;
    for (uint32_t i = 0; i < seen->capacity; i++)
        if (seen->slots[i].stamp == stamp)
            bigger.slots[seen_slot(&bigger, seen->slots[i].path, seen->slots[i].state, stamp)] =
                seen->slots[i];
    rt_free(seen->slots);
    *seen = bigger;
    return true;
}

bool nfa_seen_add(struct nfa_seen *seen, const struct nfa_path *path, uint32_t state,
                  uint64_t stamp, bool *failed)
{
    uint32_t at;

    if (seen->count * 2 >= seen->capacity && !seen_grow(seen, stamp)) {
        *failed = true;
        return false;
    }
    at = seen_slot(seen, path, state, stamp);
    if (seen->slots[at].stamp == stamp)
        return false;
    seen->slots[at].path = path;
    seen->slots[at].state = state;
    seen->slots[at].stamp = stamp;
    seen->count++;
    return true;
}
