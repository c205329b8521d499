/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena.h - memory that dies together: a rule file, one batch, one evaluation.
 *
 *      chunk 0            chunk 1                 chunk 2
 *     [aaaabbbcc  ]----->[ddddddddddeeeee]------>[ff              ]
 *                                                   ^ next allocation
 *
 * A1  A block never moves and is aligned for any type.
 * A2  The sum of all chunks stays at or below the bound given at the start.
 * A3  No per-object free, no destructor: what needs one (a compiled regex) does not belong here.
 * A4  After rt_arena_reset the chunks are kept, so a steady state allocates nothing.
 */
#ifndef EGRET_RUNTIME_BASE_ARENA_H
#define EGRET_RUNTIME_BASE_ARENA_H

#include <stddef.h>

struct rt_arena_chunk;

struct rt_arena {
    struct rt_arena_chunk *first;   /* owned list, in order of creation */
    struct rt_arena_chunk *current; /* where the next block comes from; NULL before the first */
    size_t bytes_reserved;          /* sum of all chunk sizes */
    size_t bytes_max;               /* bound on bytes_reserved */
};

/* Never fails and allocates nothing yet. */
void rt_arena_init(struct rt_arena *arena, size_t bytes_max);

/* Frees all chunks; the arena may be used again.  A zeroed arena is fine. */
void rt_arena_done(struct rt_arena *arena);

/* Cleared memory; NULL at the bound or when there is none.  Amortised constant cost. */
void *rt_arena_alloc(struct rt_arena *arena, size_t bytes);

/* The same for count * bytes; NULL also when the product overflows. */
void *rt_arena_array(struct rt_arena *arena, size_t count, size_t bytes);

/* Not cleared: for buffers that are filled at once. */
void *rt_arena_raw(struct rt_arena *arena, size_t bytes);

/* A copy of text[0..length) with a NUL after it. */
char *rt_arena_text(struct rt_arena *arena, const char *text, size_t length);

/* printf into the arena. */
char *rt_arena_printf(struct rt_arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Forgets every block, keeps the chunks.  Constant cost. */
void rt_arena_reset(struct rt_arena *arena);

/* A place to come back to: everything allocated after the mark is forgotten by rt_arena_rewind. */
struct rt_arena_mark {
    struct rt_arena_chunk *chunk;
    size_t used;
};
struct rt_arena_mark rt_arena_mark(const struct rt_arena *arena);
void rt_arena_rewind(struct rt_arena *arena, struct rt_arena_mark mark);

#endif
