/* SPDX-License-Identifier: Apache-2.0 */
/*
 * entry.h - one piece of saved state: what an engine writes, files keep, a store looks up, and an engine reads back.
 *
 *     (group, kind, name) -> value          the triple is the entry's id
 *
 *     engine --rt_entry_fn--> delta file     files, store --rt_entries--> merge --> engine
 *
 * E1  group is the key group (hash of the key modulo the number of groups): the unit in which state is restored and moved.  What is
 *     global has group 0.  kind says who wrote it and what the name means (runtime/base/entry_kinds.def).
 * E2  A removed entry has no value; it hides an older one with its id.
 * E3  Order is by group, kind, name (bytewise).  An rt_entries gives each id at most once, in this order.
 * E4  Name and value are borrowed: an rt_entry_fn copies what it keeps; what rt_entries gives lives until its next call.
 */
#ifndef EGRET_RUNTIME_BASE_ENTRY_H
#define EGRET_RUNTIME_BASE_ENTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/status.h"
#include "runtime/base/text.h"

enum rt_entry_kind {
#define ENTRY_KIND(name, value) RT_ENTRY_##name = (value),
#include "runtime/base/entry_kinds.def"
#undef ENTRY_KIND
};

enum { RT_ENTRY_GROUPS_MAX = 32768 };

struct rt_entry {
    uint16_t group;
    uint8_t kind; /* enum rt_entry_kind */
    bool removed;
    struct rt_text name;
    struct rt_text value;
};

/* Takes one entry.  RT_OK, or what stops the writing. */
typedef enum rt_status rt_entry_fn(void *context, const struct rt_entry *entry);

/* Entries in order, one after another. */
struct rt_entries {
    /* RT_OK and *out; RT_END after the last; RT_ERR_CORRUPT, RT_ERR_IO, RT_ERR_NOMEM: whoever made this says more. */
    enum rt_status (*next)(struct rt_entries *self, struct rt_entry *out);
    void (*free)(struct rt_entries *self);
};

/* By group, kind, name: negative, 0, positive. */
static inline int rt_entry_compare(const struct rt_entry *a, const struct rt_entry *b)
{
    if (a->group != b->group)
        return a->group < b->group ? -1 : 1;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    return rt_text_compare(a->name, b->name);
}

/* Entries one after another in a buffer of this process; `queue->failed` tells when there was no memory. */
void rt_entry_put(struct rt_buffer *queue, const struct rt_entry *entry);
/* The entry at *at, borrowed from the queue, and *at behind it.  False: the queue ends there. */
bool rt_entry_take(const struct rt_buffer *queue, size_t *at, struct rt_entry *out);

#endif
