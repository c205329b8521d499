/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/window/bag.h"

#include <string.h>

#include "runtime/base/assert.h"
#include "runtime/event/value_form.h"
#include "runtime/window/cell.h"

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

static void give_table(const struct rt_bag *bag, struct rt_blocks *blocks)
{
    rt_blocks_give(blocks, bag->entries, bag->entry_capacity * sizeof(*bag->entries));
    rt_blocks_give(blocks, bag->values, bag->entry_capacity * sizeof(*bag->values));
}

static enum rt_status grow_entries(struct rt_bag *bag, struct rt_blocks *blocks)
{
    struct rt_bag larger = *bag;

    larger.entry_capacity = bag->entry_capacity == 0 ? ENTRIES_FIRST : bag->entry_capacity * 2;
    larger.values = NULL;
    larger.entries = rt_blocks_take(blocks, larger.entry_capacity * sizeof(*larger.entries));
    if (larger.entries != NULL && bag->keeps)
        larger.values = rt_blocks_take(blocks, larger.entry_capacity * sizeof(*larger.values));
    if (larger.entries == NULL || (bag->keeps && larger.values == NULL)) {
        give_table(&larger, blocks);
        return RT_ERR_NOMEM;
    }
    memset(larger.entries, 0, larger.entry_capacity * sizeof(*larger.entries));
    for (uint32_t i = 0; i < bag->entry_capacity; i++) {
        struct rt_bag_entry *entry;

        if (bag->entries[i].times == 0)
            continue;
        entry = place_of(&larger, bag->entries[i].key);
        *entry = bag->entries[i];
        if (bag->keeps)
            larger.values[entry - larger.entries] = bag->values[i];
    }
    give_table(bag, blocks);
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

enum rt_status rt_bag_reserve(struct rt_bag *bag, bool forgets, bool keeps,
                              struct rt_blocks *blocks)
{
    enum rt_status status = RT_OK;

    bag->forgets = forgets;
    bag->keeps = keeps;
    if ((bag->used + 1) * 4 > bag->entry_capacity * 3)
        status = grow_entries(bag, blocks);
    if (status == RT_OK && forgets && bag->item_count == bag->item_capacity)
        status = grow_items(bag, blocks);
    return status;
}

/* Takes an entry out and moves up those behind it that would no longer be found. */
static void take_out(struct rt_bag *bag, struct rt_bag_entry *entry, struct rt_blocks *blocks)
{
    uint32_t mask = bag->entry_capacity - 1;
    uint32_t hole = (uint32_t)(entry - bag->entries);

    if (bag->keeps)
        rt_cell_release(bag->values[hole], blocks);
    for (uint32_t at = (hole + 1) & mask; bag->entries[at].times != 0; at = (at + 1) & mask) {
        uint32_t home = home_of(bag, bag->entries[at].key);

        if (((at - home) & mask) < ((at - hole) & mask))
            continue;
        bag->entries[hole] = bag->entries[at];
        if (bag->keeps)
            bag->values[hole] = bag->values[at];
        hole = at;
    }
    bag->entries[hole].times = 0;
    bag->used--;
}

bool rt_bag_has(const struct rt_bag *bag, uint64_t key)
{
    return bag->entry_capacity > 0 && place_of(bag, key)->times != 0;
}

void rt_bag_add(struct rt_bag *bag, uint64_t key, uint64_t times, uint32_t pane)
{
    struct rt_bag_entry *entry = place_of(bag, key);

    if (entry->times != 0 && entry->pane == pane) {
        entry->times += times;
        if (bag->forgets)
            bag->items[entry->position & (bag->item_capacity - 1)].times += (uint32_t)times;
        return;
    }
    if (entry->times == 0) {
        bag->used++;
        if (bag->keeps)
            bag->values[entry - bag->entries] = rt_null();
    }
    *entry =
        (struct rt_bag_entry){key, entry->times + times, pane, bag->item_head + bag->item_count};
    if (bag->forgets) {
        RT_ASSERT(bag->item_count < bag->item_capacity);
        bag->items[entry->position & (bag->item_capacity - 1)] =
            (struct rt_bag_item){key, (uint32_t)times, pane};
        bag->item_count++;
    }
}

void rt_bag_set_value(struct rt_bag *bag, uint64_t key, struct rt_value value)
{
    bag->values[place_of(bag, key) - bag->entries] = value;
}

/* What goes stays in the queue and finds nothing, or what has come back since. */
void rt_bag_prune(struct rt_bag *bag, uint32_t keys_max, struct rt_blocks *blocks)
{
    if (bag->used < keys_max)
        return;
    for (uint64_t rare = 1; bag->used > keys_max - keys_max / 4 && bag->used > 0; rare *= 2) {
        for (uint32_t at = 0; at < bag->entry_capacity;) {
            struct rt_bag_entry *entry = &bag->entries[at];

            if (entry->times != 0 && entry->times <= rare)
                take_out(bag, entry, blocks); /* another may have moved here: look again */
            else
                at++;
        }
    }
}

void rt_bag_forget(struct rt_bag *bag, uint32_t pane, struct rt_blocks *blocks)
{
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
            take_out(bag, entry, blocks);
    }
}

void rt_bag_done(struct rt_bag *bag, struct rt_blocks *blocks)
{
    for (uint32_t at = 0; bag->keeps && at < bag->entry_capacity; at++) {
        if (bag->entries[at].times != 0)
            rt_cell_release(bag->values[at], blocks);
    }
    give_table(bag, blocks);
    rt_blocks_give(blocks, bag->items, bag->item_capacity * sizeof(*bag->items));
    *bag = (struct rt_bag){0};
}

/* ---- the saved form ---- */

/* A value is with the newest of its key's items. */
static void save_value(const struct rt_bag *bag, uint64_t key, bool is_there, struct rt_buffer *out)
{
    if (!bag->keeps)
        return;
    rt_form_add_bool(out, is_there);
    if (is_there)
        rt_value_add_form(bag->values[place_of(bag, key) - bag->entries], out);
}

static void save_entries(const struct rt_bag *bag, struct rt_buffer *out)
{
    rt_form_add_uint(out, bag->used);
    for (uint32_t at = 0; at < bag->entry_capacity; at++) {
        if (bag->entries[at].times == 0)
            continue;
        rt_form_add_fixed(out, bag->entries[at].key);
        rt_form_add_uint(out, bag->entries[at].times);
        save_value(bag, bag->entries[at].key, true, out);
    }
}

void rt_bag_save(const struct rt_bag *bag, uint32_t newest, struct rt_buffer *out)
{
    uint64_t count = 0;

    if (!bag->forgets) {
        save_entries(bag, out);
        return;
    }
    for (uint32_t i = 0; i < bag->item_count; i++)
        count += rt_bag_has(bag, bag->items[(bag->item_head + i) & (bag->item_capacity - 1)].key);
    rt_form_add_uint(out, count);
    for (uint32_t i = 0; i < bag->item_count; i++) {
        const uint32_t position = bag->item_head + i;
        const struct rt_bag_item *item = &bag->items[position & (bag->item_capacity - 1)];

        if (!rt_bag_has(bag, item->key))
            continue; /* it was pruned */
        rt_form_add_fixed(out, item->key);
        rt_form_add_uint(out, item->times);
        save_value(bag, item->key, place_of(bag, item->key)->position == position, out);
        rt_form_add_uint(out, newest - item->pane);
    }
}

static enum rt_status load_value(struct rt_value *value, struct rt_form *form,
                                 struct rt_blocks *blocks)
{
    enum rt_status status = rt_cell_load_value(RT_AGGREGATE_LAST, form, value);

    return status == RT_OK ? rt_cell_keep(*value, blocks, value) : status;
}

static enum rt_status load_item(struct rt_bag *bag, uint32_t newest, uint32_t panes,
                                struct rt_form *form, struct rt_blocks *blocks, uint64_t *back_max)
{
    const uint64_t key = rt_form_fixed(form);
    const uint64_t times = rt_form_uint_max(form, bag->forgets ? UINT32_MAX : UINT64_MAX / 2);
    struct rt_value value = rt_null();
    enum rt_status status = rt_bag_reserve(bag, bag->forgets, bag->keeps, blocks);
    uint64_t back = 0;

    if (status == RT_OK && bag->keeps && rt_form_bool(form))
        status = load_value(&value, form, blocks);
    if (status != RT_OK)
        return status;
    if (bag->forgets)
        back = rt_form_uint_max(form, *back_max);
    if (times == 0 || (bag->forgets && panes <= back))
        rt_form_fail(form, "a bag's key that is in no pane");
    if (rt_form_failed(form)) {
        rt_cell_release(value, blocks);
        return RT_ERR_CORRUPT;
    }
    *back_max = back;
    rt_bag_add(bag, key, times, newest - (uint32_t)back);
    if (value.type != RT_NULL) {
        rt_cell_release(bag->values[place_of(bag, key) - bag->entries], blocks);
        rt_bag_set_value(bag, key, value);
    }
    return RT_OK;
}

enum rt_status rt_bag_load(struct rt_bag *bag, uint32_t newest, uint32_t panes,
                           struct rt_form *form, struct rt_blocks *blocks)
{
    const size_t count = rt_form_count(form, 9);
    uint64_t back_max = panes;
    enum rt_status status = RT_OK;

    for (size_t i = 0; status == RT_OK && i < count; i++)
        status = load_item(bag, newest, panes, form, blocks, &back_max);
    return status == RT_OK && rt_form_failed(form) ? RT_ERR_CORRUPT : status;
}
