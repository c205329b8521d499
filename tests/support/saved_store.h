/* SPDX-License-Identifier: Apache-2.0 */
/* saved_store.h - saved entries in memory: what a checkpoint directory does, without one. */
#ifndef EGRET_TESTS_SUPPORT_SAVED_STORE_H
#define EGRET_TESTS_SUPPORT_SAVED_STORE_H

#include "runtime/base/entry.h"

struct saved_entry {
    struct rt_entry entry; /* name and value are owned */
};

struct saved_store {
    struct saved_entry *entries; /* owned; in order, none removed */
    size_t count, capacity;
    struct rt_entries port;
    size_t next;
};

/* A zeroed store is empty. */
void saved_store_done(struct saved_store *store);
void saved_store_clear(struct saved_store *store);

/* rt_entry_fn; the context is the store.  A removed entry takes the one with its id away. */
enum rt_status saved_store_put(void *context, const struct rt_entry *entry);

/* All of it, from the start. */
struct rt_entries *saved_store_read(struct saved_store *store);

/* The same entries with the same bytes. */
bool saved_store_equal(const struct saved_store *a, const struct saved_store *b);

#endif
