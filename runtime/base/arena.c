/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"

enum { CHUNK_BYTES_FIRST = 4096, CHUNK_BYTES_LAST = 1 << 20, ALIGNMENT = 16 };

struct rt_arena_chunk {
    struct rt_arena_chunk *next;
    size_t size; /* of data */
    size_t used;
    size_t padding; /* keeps data aligned to ALIGNMENT */
    unsigned char data[];
};

_Static_assert(sizeof(struct rt_arena_chunk) % ALIGNMENT == 0, "data must be aligned");

void rt_arena_init(struct rt_arena *arena, size_t bytes_max)
{
    *arena = (struct rt_arena){.bytes_max = bytes_max};
}

void rt_arena_done(struct rt_arena *arena)
{
    struct rt_arena_chunk *chunk = arena->first;

    while (chunk != NULL) {
        struct rt_arena_chunk *next = chunk->next;

        rt_free(chunk);
        chunk = next;
    }
    rt_arena_init(arena, arena->bytes_max);
}

/* Chunks double until CHUNK_BYTES_LAST, so that small arenas stay small and large ones few. */
static size_t next_chunk_size(const struct rt_arena *arena, size_t bytes)
{
    size_t size =
        arena->bytes_reserved < CHUNK_BYTES_FIRST ? CHUNK_BYTES_FIRST : arena->bytes_reserved;

    if (size > CHUNK_BYTES_LAST)
        size = CHUNK_BYTES_LAST;
    if (size > arena->bytes_max - arena->bytes_reserved)
        size = arena->bytes_max - arena->bytes_reserved;
    return size < bytes ? bytes : size;
}

static struct rt_arena_chunk *chunk_new(struct rt_arena *arena, size_t bytes)
{
    if (bytes > arena->bytes_max - arena->bytes_reserved)
        return NULL;

    size_t size = next_chunk_size(arena, bytes);
    struct rt_arena_chunk *chunk = rt_alloc(sizeof(*chunk) + size);

    if (chunk == NULL)
        return NULL;
    *chunk = (struct rt_arena_chunk){.size = size};
    arena->bytes_reserved += size;
    return chunk;
}

/* Moves on to a kept chunk with enough room, or links a new one behind the current. */
static struct rt_arena_chunk *chunk_with_room(struct rt_arena *arena, size_t bytes)
{
    struct rt_arena_chunk *after = arena->current;
    struct rt_arena_chunk *next = after == NULL ? arena->first : after->next;

    while (next != NULL) {
        next->used = 0;
        if (next->size >= bytes)
            return next;
        after = next;
        next = next->next;
    }

    struct rt_arena_chunk *chunk = chunk_new(arena, bytes);

    if (chunk == NULL)
        return NULL;
    if (after == NULL)
        arena->first = chunk;
    else
        after->next = chunk;
    return chunk;
}

void *rt_arena_raw(struct rt_arena *arena, size_t bytes)
{
    struct rt_arena_chunk *chunk = arena->current;

    if (bytes > SIZE_MAX - ALIGNMENT)
        return NULL;
    bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (chunk == NULL || chunk->size - chunk->used < bytes) {
        chunk = chunk_with_room(arena, bytes);
        if (chunk == NULL)
            return NULL;
        arena->current = chunk;
    }

    void *block = chunk->data + chunk->used;

    chunk->used += bytes;
    RT_ASSERT(chunk->used <= chunk->size);
    return block;
}

void *rt_arena_alloc(struct rt_arena *arena, size_t bytes)
{
    void *block = rt_arena_raw(arena, bytes);

    return block == NULL ? NULL : memset(block, 0, bytes);
}

void *rt_arena_array(struct rt_arena *arena, size_t count, size_t bytes)
{
    if (bytes != 0 && count > SIZE_MAX / bytes)
        return NULL;
    return rt_arena_alloc(arena, count * bytes);
}

char *rt_arena_text(struct rt_arena *arena, const char *text, size_t length)
{
    if (length == SIZE_MAX)
        return NULL;
    char *copy = rt_arena_raw(arena, length + 1);

    if (copy == NULL)
        return NULL;
    if (length > 0)
        memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

char *rt_arena_printf(struct rt_arena *arena, const char *format, ...)
{
    va_list args;
    char small[256];

    va_start(args, format);
    int length = vsnprintf(small, sizeof(small), format, args);
    va_end(args);
    RT_ASSERT(length >= 0);
    if ((size_t)length < sizeof(small))
        return rt_arena_text(arena, small, (size_t)length);

    char *text = rt_arena_raw(arena, (size_t)length + 1);

    if (text == NULL)
        return NULL;
    va_start(args, format);
    vsnprintf(text, (size_t)length + 1, format, args);
    va_end(args);
    return text;
}

void rt_arena_reset(struct rt_arena *arena)
{
    arena->current = arena->first;
    if (arena->current != NULL)
        arena->current->used = 0;
}

struct rt_arena_mark rt_arena_mark(const struct rt_arena *arena)
{
    return (struct rt_arena_mark){arena->current,
                                  arena->current == NULL ? 0 : arena->current->used};
}

void rt_arena_rewind(struct rt_arena *arena, struct rt_arena_mark mark)
{
    if (mark.chunk == NULL) {
        rt_arena_reset(arena);
        return;
    }
    arena->current = mark.chunk;
    arena->current->used = mark.used;
}
