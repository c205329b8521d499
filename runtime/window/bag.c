/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/window/bag.h"

#include <string.h>

#include "runtime/base/assert.h"

enum { ENTRIES_FIRST = 4, ITEMS_FIRST = 4 };

static uint32_t home_of(const struct rt_bag *bag, uint64_t key)
{
    return (uint32_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (bag->entry_capacity - 1);
}

/* The key's place, or the free one where it would be. */
static struct rt_bag_entry *place_of(const struct rt_bag *bag, uint64_t key)
{
    uint32_t at = home_of(bag, key);

    while (bag->entries[at].times != 0 && bag->entries[at].key != key)
        at = (at + 1) & (bag->entry_capacity - 1);
    return &bag->entries[at];
}

static enum rt_status grow_entries(struct rt_bag *bag, struct rt_blocks *blocks)
{
    struct rt_bag larger = *bag;

    larger.entry_capacity = bag->entry_capacity == 0 ? ENTRIES_FIRST : bag->entry_capacity * 2;
    larger.entries = rt_blocks_take(blocks, larger.entry_capacity * sizeof(*larger.entries));
    if (larger.entries == NULL)
        return RT_ERR_NOMEM;
    memset(larger.entries, 0, larger.entry_capacity * sizeof(*larger.entries));
    for (uint32_t i = 0; i < bag->entry_capacity; i++) {
        if (bag->entries[i].times != 0)
            *place_of(&larger, bag->entries[i].key) = bag->entries[i];
    }
    rt_blocks_give(blocks, bag->entries, bag->entry_capacity * sizeof(*bag->entries));
    *bag = larger;
    return RT_OK;
}

static enum rt_status grow_items(struct rt_bag *bag, struct rt_blocks *blocks)
{
    uint32_t capacity = bag->item_capacity == 0 ? ITEMS_FIRST : bag->item_capacity * 2;
    struct rt_bag_item *items = rt_blocks_take(blocks, capacity * sizeof(*items));

    if (items == NULL)
        return RT_ERR_NOMEM;
    for (uint32_t i = 0; i < bag->item_count; i++) {
        uint32_t position = bag->item_head + i;

        items[position & (capacity - 1)] = bag->items[position & (bag->item_capacity - 1)];
    }
    rt_blocks_give(blocks, bag->items, bag->item_capacity * sizeof(*bag->items));
    bag->items = items;
    bag->item_capacity = capacity;
    return RT_OK;
}

enum rt_status rt_bag_reserve(struct rt_bag *bag, bool forgets, struct rt_blocks *blocks)
{
    enum rt_status status = RT_OK;

    if ((bag->used + 1) * 4 > bag->entry_capacity * 3)
        status = grow_entries(bag, blocks);
    if (status == RT_OK && forgets && bag->item_count == bag->item_capacity)
        status = grow_items(bag, blocks);
    return status;
}

/* Takes an entry out and moves up those behind it that would no longer be found. */
static void take_out(struct rt_bag *bag, struct rt_bag_entry *entry)
{
    uint32_t mask = bag->entry_capacity - 1;
    uint32_t hole = (uint32_t)(entry - bag->entries);

    for (uint32_t at = (hole + 1) & mask; bag->entries[at].times != 0; at = (at + 1) & mask) {
        uint32_t home = home_of(bag, bag->entries[at].key);

        if (((at - home) & mask) >= ((at - hole) & mask)) {
            bag->entries[hole] = bag->entries[at];
            hole = at;
        }
    }
    bag->entries[hole].times = 0;
    bag->used--;
}

static bool is_sampled(const struct rt_bag *bag, uint64_t key)
{
    return bag->level == 0 || key >> (64 - bag->level) == 0;
}

/* Too many keys: about half of them go.  Their items stay in the queue and find nothing. */
static void halve(struct rt_bag *bag)
{
    bag->level++;
    for (uint32_t at = 0; at < bag->entry_capacity;) {
        struct rt_bag_entry *entry = &bag->entries[at];

        if (bag->used > 1 && entry->times != 0 && !is_sampled(bag, entry->key))
            take_out(bag, entry); /* another may have moved here: look again */
        else
            at++;
    }
}

void rt_bag_add(struct rt_bag *bag, uint64_t key, uint32_t pane, bool forgets, uint32_t keys_max)
{
    struct rt_bag_entry *entry;

    if (!is_sampled(bag, key))
        return;
    entry = place_of(bag, key);
    if (entry->times != 0 && entry->pane == pane) {
        entry->times++;
        if (forgets)
            bag->items[entry->position & (bag->item_capacity - 1)].times++;
        return;
    }
    if (entry->times == 0)
        bag->used++;
    *entry = (struct rt_bag_entry){key, entry->times + 1, pane, bag->item_head + bag->item_count};
    if (forgets) {
        RT_ASSERT(bag->item_count < bag->item_capacity);
        bag->items[entry->position & (bag->item_capacity - 1)] = (struct rt_bag_item){key, 1, pane};
        bag->item_count++;
    }
    while (bag->used > keys_max && bag->level < 63)
        halve(bag);
}

void rt_bag_forget(struct rt_bag *bag, uint32_t pane)
{
    if (bag->item_count == 0)
        return;
    while (bag->item_count > 0) {
        const struct rt_bag_item item = bag->items[bag->item_head & (bag->item_capacity - 1)];
        struct rt_bag_entry *entry;

        if (item.pane != pane)
            return;
        bag->item_head++;
        bag->item_count--;
        entry = place_of(bag, item.key);
        if (entry->times > item.times)
            entry->times -= item.times;
        else if (entry->times != 0)
            take_out(bag, entry);
    }
    bag->level = 0; /* nothing is left, so nothing stands for anything else */
}

uint64_t rt_bag_distinct(const struct rt_bag *bag)
{
    return (uint64_t)bag->used << bag->level;
}

void rt_bag_done(struct rt_bag *bag, struct rt_blocks *blocks)
{
    rt_blocks_give(blocks, bag->entries, bag->entry_capacity * sizeof(*bag->entries));
    rt_blocks_give(blocks, bag->items, bag->item_capacity * sizeof(*bag->items));
    *bag = (struct rt_bag){0};
}

/* ---- the saved form ---- */

static bool is_held(const struct rt_bag *bag, uint64_t key)
{
    return place_of(bag, key)->times != 0;
}

void rt_bag_save(const struct rt_bag *bag, bool forgets, uint32_t newest, struct rt_buffer *out)
{
    uint64_t count = bag->used;

    rt_form_add_uint(out, bag->level);
    if (!forgets) {
        rt_form_add_uint(out, count);
        for (uint32_t at = 0; at < bag->entry_capacity; at++) {
            if (bag->entries[at].times == 0)
                continue;
            rt_form_add_fixed(out, bag->entries[at].key);
            rt_form_add_uint(out, bag->entries[at].times);
        }
        return;
    }
    count = 0;
    for (uint32_t i = 0; i < bag->item_count; i++)
        count += is_held(bag, bag->items[(bag->item_head + i) & (bag->item_capacity - 1)].key);
    rt_form_add_uint(out, count);
    for (uint32_t i = 0; i < bag->item_count; i++) {
        const struct rt_bag_item *item =
            &bag->items[(bag->item_head + i) & (bag->item_capacity - 1)];

        if (!is_held(bag, item->key))
            continue; /* it was sampled out */
        rt_form_add_fixed(out, item->key);
        rt_form_add_uint(out, item->times);
        rt_form_add_uint(out, newest - item->pane);
    }
}

/* A key of a pane as often as it says.  The panes come oldest first. */
static void add_times(struct rt_bag *bag, uint64_t key, uint64_t times, uint32_t pane, bool forgets)
{
    rt_bag_add(bag, key, pane, forgets, UINT32_MAX);

    struct rt_bag_entry *entry = place_of(bag, key);

    if (entry->times == 0)
        return; /* not in the sample */
    entry->times += times - 1;
    if (forgets)
        bag->items[entry->position & (bag->item_capacity - 1)].times += (uint32_t)(times - 1);
}

enum rt_status rt_bag_load(struct rt_bag *bag, bool forgets, uint32_t newest, uint32_t panes,
                           struct rt_form *form, struct rt_blocks *blocks)
{
    uint32_t level = (uint32_t)rt_form_uint_max(form, 63);
    size_t count = rt_form_count(form, 9);
    uint64_t back_max = panes;

    bag->level = level;
    for (size_t i = 0; i < count; i++) {
        uint64_t key = rt_form_fixed(form);
        uint64_t times = rt_form_uint_max(form, forgets ? UINT32_MAX : UINT64_MAX);
        uint64_t back = forgets && panes > 0 ? rt_form_uint_max(form, panes - 1) : 0;
        enum rt_status status = rt_bag_reserve(bag, forgets, blocks);

        if (status != RT_OK)
            return status;
        if (times == 0 || back > back_max || (forgets && panes == 0))
            rt_form_fail(form, "a bag's key that is in no pane");
        if (rt_form_failed(form))
            return RT_ERR_CORRUPT;
        back_max = back;
        add_times(bag, key, times, newest - (uint32_t)back, forgets);
    }
    return rt_form_failed(form) ? RT_ERR_CORRUPT : RT_OK;
}
