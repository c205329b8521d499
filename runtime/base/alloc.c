/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* madvise, mremap */
#include "runtime/base/alloc.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static atomic_size_t live_blocks;
static atomic_size_t fault_countdown; /* 0: not armed; 1: the next allocation fails */
static atomic_bool fault_delivered;
static atomic_bool fault_lasts; /* the countdown stays at 1 */

static bool fault_strikes(void)
{
    size_t left = atomic_load_explicit(&fault_countdown, memory_order_relaxed);
    bool stays = left == 1 && atomic_load_explicit(&fault_lasts, memory_order_relaxed);

    if (left == 0)
        return false;
    if (!stays && atomic_fetch_sub_explicit(&fault_countdown, 1, memory_order_relaxed) != 1)
        return false;
    atomic_store_explicit(&fault_delivered, true, memory_order_relaxed);
    return true;
}

static void *counted(void *block)
{
    if (block != NULL)
        atomic_fetch_add_explicit(&live_blocks, 1, memory_order_relaxed);
    return block;
}

void *rt_alloc(size_t bytes)
{
    if (fault_strikes())
        return NULL;
    return counted(malloc(bytes == 0 ? 1 : bytes));
}

void *rt_alloc_zeroed(size_t count, size_t bytes)
{
    if (fault_strikes())
        return NULL;
    return counted(calloc(count == 0 ? 1 : count, bytes == 0 ? 1 : bytes));
}

void *rt_realloc(void *block, size_t bytes)
{
    if (block == NULL)
        return rt_alloc(bytes);
    if (fault_strikes())
        return NULL;
    return realloc(block, bytes == 0 ? 1 : bytes);
}

void rt_free(void *block)
{
    if (block == NULL)
        return;
    atomic_fetch_sub_explicit(&live_blocks, 1, memory_order_relaxed);
    free(block);
}

char *rt_alloc_text(const char *text, size_t length)
{
    if (length == SIZE_MAX)
        return NULL;
    char *copy = rt_alloc(length + 1);

    if (copy == NULL)
        return NULL;
    if (length > 0)
        memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

void rt_advise_huge_pages(void *start, size_t bytes)
{
#ifdef MADV_HUGEPAGE
    (void)madvise(start, bytes, MADV_HUGEPAGE);
#else
    (void)start;
    (void)bytes;
#endif
}

/* ---- pages ---- */

static void *map_pages(size_t bytes)
{
    char *start = mmap(NULL, bytes + RT_PAGES_UNIT, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    size_t before;

    if (start == MAP_FAILED)
        return NULL;
    before = (RT_PAGES_UNIT - (uintptr_t)start % RT_PAGES_UNIT) % RT_PAGES_UNIT;
    if (before > 0)
        (void)munmap(start, before);
    (void)munmap(start + before + bytes, RT_PAGES_UNIT - before);
    return start + before;
}

void *rt_pages_new(size_t bytes)
{
    void *pages = fault_strikes() ? NULL : map_pages(bytes);

    if (pages != NULL)
        rt_advise_huge_pages(pages, bytes);
    return counted(pages);
}

void *rt_pages_grow(void *pages, size_t bytes, size_t larger)
{
    void *place = fault_strikes() ? NULL : map_pages(larger);

    if (place == NULL)
        return NULL;
#ifdef MREMAP_FIXED
    if (mremap(pages, bytes, larger, MREMAP_MAYMOVE | MREMAP_FIXED, place) == MAP_FAILED) {
        (void)munmap(place, larger);
        return NULL;
    }
#else
    memcpy(place, pages, bytes);
    (void)munmap(pages, bytes);
#endif
    rt_advise_huge_pages(place, larger);
    return place;
}

void rt_pages_free(void *pages, size_t bytes)
{
    if (pages == NULL)
        return;
    atomic_fetch_sub_explicit(&live_blocks, 1, memory_order_relaxed);
    (void)munmap(pages, bytes);
}

size_t rt_live_blocks(void)
{
    return atomic_load_explicit(&live_blocks, memory_order_relaxed);
}

static void arm(size_t nth, bool lasts)
{
    atomic_store_explicit(&fault_delivered, false, memory_order_relaxed);
    atomic_store_explicit(&fault_lasts, lasts, memory_order_relaxed);
    atomic_store_explicit(&fault_countdown, nth, memory_order_relaxed);
}

void rt_fault_arm(size_t nth)
{
    arm(nth, false);
}

void rt_fault_arm_for_good(size_t nth)
{
    arm(nth, true);
}

bool rt_fault_disarm(void)
{
    atomic_store_explicit(&fault_countdown, 0, memory_order_relaxed);
    return atomic_load_explicit(&fault_delivered, memory_order_relaxed);
}
