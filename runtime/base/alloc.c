/* SPDX-License-Identifier: Apache-2.0 */
#define _DEFAULT_SOURCE /* madvise */
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
