/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alloc.h - the one place that calls malloc, and the hook that makes it fail.
 *
 * Every allocation of the project goes through here, so that a test can let the nth one fail and can
 * see that nothing is left behind:
 *
 *     for (size_t nth = 1;; nth++) {
 *         rt_fault_arm(nth);
 *         status = thing_new(&thing);
 *         if (!rt_fault_disarm()) { ... all have been tried ...; break; }
 *         assert(status == RT_ERR_NOMEM && rt_live_blocks() == before);
 *     }
 *
 * Counting and arming are per process and atomic: one relaxed addition per call.
 */
#ifndef EGRET_RUNTIME_BASE_ALLOC_H
#define EGRET_RUNTIME_BASE_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

/* Memory of `bytes` bytes (0 is treated as 1), not cleared.  NULL when there is none. */
void *rt_alloc(size_t bytes);

/* count * bytes, cleared.  NULL when there is none or the product overflows. */
void *rt_alloc_zeroed(size_t count, size_t bytes);

/* Like realloc: on NULL the old block is untouched.  `block` may be NULL. */
void *rt_realloc(void *block, size_t bytes);

/* NULL is fine. */
void rt_free(void *block);

/* A copy of text[0..length), with a NUL after it.  Owned by the caller. */
char *rt_alloc_text(const char *text, size_t length);

/* Asks the system to back this range with large pages, where it can.  A hint: nothing depends on it. */
void rt_advise_huge_pages(void *start, size_t bytes);

/*
 * Large memory, cleared, in pages of the system's, huge ones where there are any: a multiple of RT_PAGES_UNIT, aligned to it.  Growing
 * moves the pages, not what is in them; what is added is cleared.  NULL when there is none, and the old pages are as they were.
 */
#define RT_PAGES_UNIT ((size_t)2 << 20)
void *rt_pages_new(size_t bytes);
void *rt_pages_grow(void *pages, size_t bytes, size_t larger);
void rt_pages_free(void *pages, size_t bytes);

/* Blocks handed out and not yet freed. */
size_t rt_live_blocks(void);

/* The nth allocation from now (1 = the next) fails once. */
void rt_fault_arm(size_t nth);
/* The nth one and all that follow. */
void rt_fault_arm_for_good(size_t nth);

/* Ends the arming.  True if the fault was delivered. */
bool rt_fault_disarm(void);

#endif
