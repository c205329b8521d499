/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/saved_store.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/assert.h"

static void free_entry(struct saved_entry *saved)
{
    free((char *)(uintptr_t)saved->entry.name.data);
    free((char *)(uintptr_t)saved->entry.value.data);
}

void saved_store_clear(struct saved_store *store)
{
    for (size_t i = 0; i < store->count; i++)
        free_entry(&store->entries[i]);
    store->count = 0;
}

void saved_store_done(struct saved_store *store)
{
    saved_store_clear(store);
    free(store->entries);
    *store = (struct saved_store){0};
}

static struct rt_text copy_of(struct rt_text text)
{
    char *copy = malloc(text.length + 1);

    RT_ASSERT(copy != NULL);
    if (text.length > 0)
        memcpy(copy, text.data, text.length);
    return (struct rt_text){copy, text.length};
}

/* The first entry that is not before it. */
static size_t place_of(const struct saved_store *store, const struct rt_entry *entry)
{
    size_t low = 0, high = store->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (rt_entry_compare(&store->entries[middle].entry, entry) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void take_out(struct saved_store *store, size_t at)
{
    free_entry(&store->entries[at]);
    store->count--;
    memmove(&store->entries[at], &store->entries[at + 1],
            (store->count - at) * sizeof(*store->entries));
}

enum rt_status saved_store_put(void *context, const struct rt_entry *entry)
{
    struct saved_store *store = context;
    size_t at = place_of(store, entry);

    if (at < store->count && rt_entry_compare(&store->entries[at].entry, entry) == 0)
        take_out(store, at);
    if (entry->removed)
        return RT_OK;
    if (store->count == store->capacity) {
        store->capacity = store->capacity == 0 ? 16 : store->capacity * 2;
        store->entries = realloc(store->entries, store->capacity * sizeof(*store->entries));
        RT_ASSERT(store->entries != NULL);
    }
    memmove(&store->entries[at + 1], &store->entries[at],
            (store->count - at) * sizeof(*store->entries));
    store->entries[at].entry = *entry;
    store->entries[at].entry.name = copy_of(entry->name);
    store->entries[at].entry.value = copy_of(entry->value);
    store->count++;
    return RT_OK;
}

static enum rt_status next(struct rt_entries *self, struct rt_entry *out)
{
    struct saved_store *store =
        (struct saved_store *)(void *)((char *)self - offsetof(struct saved_store, port));

    if (store->next == store->count)
        return RT_END;
    *out = store->entries[store->next++].entry;
    return RT_OK;
}

struct rt_entries *saved_store_read(struct saved_store *store)
{
    store->port = (struct rt_entries){.next = next};
    store->next = 0;
    return &store->port;
}

bool saved_store_equal(const struct saved_store *a, const struct saved_store *b)
{
    bool equal = a->count == b->count;

    for (size_t i = 0; i < a->count && equal; i++) {
        const struct rt_entry *left = &a->entries[i].entry, *right = &b->entries[i].entry;

        equal = rt_entry_compare(left, right) == 0 && rt_text_equal(left->value, right->value);
    }
    return equal;
}
