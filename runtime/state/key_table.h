/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key_table.h - keyed state: from the bytes of a key to one cache line.
 *
 *     line (64 bytes):  [hash 8][key 16: inline up to 15 bytes, else a reference][payload 40]
 *
 *     lines, ordered by home place:   [a0] [a0] [a1] [   ] [a4] [   ] ...       a0: home is line 0
 *
 * K1  Power of two, load at most 3/4, linear probing in order of home places (Robin Hood), so that a key that is not
 *     there is known to be missing after about as few lines as one that is.
 * K2  The home place is the upper bits of the hash.  The lower bits are free for key groups.
 * K3  Removal shifts the following lines back: no tombstones, look-ups do not get slower with age.
 * K4  Lines move: a pointer to a line is good until the next insertion into or removal from this table.
 * K5  The hash is compared before the key.  Keys longer than 15 bytes lie in blocks of the table's own.
 * K6  Growth doubles and moves every line (amortised constant cost), within the memory that a large table has already; a table that
 *     is nearly empty shrinks.
 * K7  A line carries three marks of whoever tracks changes (changes.h); they move with it and are none at insertion.
 * K8  A table may have a hint a line: a byte of the caller's that moves with its line.  They lie apart, so that one line of memory
 *     tells of 64 lines what is worth a look.  An insertion makes it 0; that of a free line has no meaning.
 * The payload is the caller's: zeroed at insertion, whatever it refers to is released by the caller before removal.
 */
#ifndef EGRET_RUNTIME_STATE_KEY_TABLE_H
#define EGRET_RUNTIME_STATE_KEY_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/blocks.h"
#include "runtime/base/status.h"
#include "runtime/base/text.h"

enum { RT_KEY_INLINE_MAX = 15, RT_KEY_PAYLOAD = 40 };

struct rt_key_line {
    uint64_t hash;         /* 0: the line is free */
    unsigned char key[16]; /* private; rt_key_line_key gives the bytes; the marks are in the last */
    uint64_t payload[RT_KEY_PAYLOAD / 8];
};
_Static_assert(sizeof(struct rt_key_line) == 64, "a key is one cache line");

struct rt_key_table {
    struct rt_key_line
        *lines;      /* aligned to a line, to a huge page when large; NULL before the first key */
    void *memory;    /* owned: what `lines` lies in while the table is small; then it owns pages */
    size_t capacity; /* 0 or a power of two */
    size_t count;
    unsigned shift; /* 64 - log2(capacity) */
    bool has_hints;
    unsigned char *hints; /* owned, by place; NULL: there are none */
    struct rt_blocks long_keys;
};

/* Never fails and allocates nothing yet.  long_key_bytes_max: bound on the bytes of keys that are not inline. */
void rt_key_table_init(struct rt_key_table *table, size_t long_key_bytes_max);
/* Before the first insertion: there is a hint a line (K8). */
static inline void rt_key_table_add_hints(struct rt_key_table *table)
{
    table->has_hints = true;
}
/* Payloads must have been released.  A zeroed table is fine. */
void rt_key_table_done(struct rt_key_table *table);

/* What this table calls the hash of a key; never 0. */
uint64_t rt_key_hash(struct rt_text key);

/* Brings the key's home line into the cache: call it some events ahead. */
void rt_key_table_prefetch(const struct rt_key_table *table, uint64_t hash);

/* The key's line, or NULL. */
struct rt_key_line *rt_key_table_find(const struct rt_key_table *table, uint64_t hash,
                                      struct rt_text key);

/*
 * The line for which `is` holds and whose hash has this upper half, or NULL: to find a line by what its payload refers to.
 * The table has less than 2^32 lines.
 */
typedef bool rt_key_line_is_fn(const struct rt_key_line *line, const void *context);
struct rt_key_line *rt_key_table_find_upper(const struct rt_key_table *table, uint64_t hash,
                                            rt_key_line_is_fn *is, const void *context);

/*
 * A line for a key that is not there yet.  RT_ERR_NOMEM: nothing has changed but places.  RT_ERR_LIMIT: the key is long and
 * long_key_bytes_max is reached.
 */
enum rt_status rt_key_table_insert(struct rt_key_table *table, uint64_t hash, struct rt_text key,
                                   struct rt_key_line **out);

void rt_key_table_remove(struct rt_key_table *table, struct rt_key_line *line);

/* The same, whose hash is this one. */
struct rt_key_line *rt_key_table_find_if(const struct rt_key_table *table, uint64_t hash,
                                         rt_key_line_is_fn *is, const void *context);

/* The key of a line in use; borrowed from the line or from its block. */
struct rt_text rt_key_line_key(const struct rt_key_line *line);

/* K7: any of 32, 64, 128. */
enum { RT_KEY_MARKS = 224 };
static inline unsigned rt_key_line_marks(const struct rt_key_line *line)
{
    return line->key[RT_KEY_INLINE_MAX] & RT_KEY_MARKS;
}
static inline void rt_key_line_set_marks(struct rt_key_line *line, unsigned marks)
{
    line->key[RT_KEY_INLINE_MAX] =
        (unsigned char)((line->key[RT_KEY_INLINE_MAX] & ~(unsigned)RT_KEY_MARKS) | marks);
}

/* Where its hint is, in table->hints. */
static inline size_t rt_key_table_place(const struct rt_key_table *table,
                                        const struct rt_key_line *line)
{
    return (size_t)(line - table->lines);
}

/* For sweeps: place 0 .. capacity - 1; NULL when the line is free. */
static inline struct rt_key_line *rt_key_table_at(const struct rt_key_table *table, size_t place)
{
    return table->lines[place].hash == 0 ? NULL : &table->lines[place];
}

/* Bytes that the keys in use occupy: their lines and their long bytes. */
size_t rt_key_table_bytes(const struct rt_key_table *table);

#endif
