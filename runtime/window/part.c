/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/window/part.h"

#include <string.h>

#include "runtime/window/layout.h"
#include "runtime/window/sketch.h"

static enum rt_status reserve_topk(const struct rt_window_shape *shape, struct rt_bag *bag,
                                   struct rt_value value, struct rt_blocks *blocks,
                                   struct rt_value *kept)
{
    enum rt_status status = rt_bag_reserve(bag, shape->is_queue, true, blocks);

    return status == RT_OK ? rt_cell_keep(value, blocks, kept) : status;
}

enum rt_status rt_part_reserve(const struct rt_window_shape *shape,
                               const struct rt_window_aggregate *aggregate, union rt_part *part,
                               struct rt_value value, struct rt_blocks *blocks,
                               struct rt_value *kept)
{
    enum rt_status status;

    *kept = value;
    if (value.type == RT_ABSENT)
        return RT_OK;
    switch (aggregate->function) {
    case RT_AGGREGATE_COUNT_DISTINCT:
        status = rt_distinct_reserve(&part->distinct, value.u.natural, shape->distinct_max,
                                     shape->is_queue, blocks);
        break;
    case RT_AGGREGATE_TOPK:
        status = reserve_topk(shape, &part->bag, value, blocks, kept);
        break;
    case RT_AGGREGATE_COLLECT:
        status = rt_list_reserve(&part->list, aggregate->items, blocks);
        if (status == RT_OK)
            status = rt_cell_keep(value, blocks, kept);
        break;
    default:
        status = rt_bag_reserve(&part->bag, shape->is_queue, false, blocks);
        break;
    }
    if (status != RT_OK)
        *kept = (struct rt_value){.type = RT_ABSENT};
    return status;
}

static void add_topk(const struct rt_window_shape *shape, struct rt_bag *bag, struct rt_value kept,
                     uint32_t pane, struct rt_blocks *blocks)
{
    const uint64_t key = rt_sketch_hash(kept);

    if (rt_bag_has(bag, key)) {
        rt_bag_add(bag, key, 1, pane);
        rt_cell_release(kept, blocks);
        return;
    }
    rt_bag_prune(bag, shape->distinct_max, blocks);
    rt_bag_add(bag, key, 1, pane);
    rt_bag_set_value(bag, key, kept);
}

void rt_part_add(const struct rt_window_shape *shape, const struct rt_window_aggregate *aggregate,
                 struct rt_full *window, struct rt_value kept, rt_time time,
                 struct rt_blocks *blocks)
{
    union rt_part *part = rt_part_at(shape, window, aggregate->place);
    const uint32_t pane = window->newest;

    if (kept.type == RT_ABSENT)
        return;
    switch (aggregate->function) {
    case RT_AGGREGATE_COUNT_DISTINCT:
        rt_distinct_add(&part->distinct, kept.u.natural, pane);
        break;
    case RT_AGGREGATE_TOPK:
        add_topk(shape, &part->bag, kept, pane, blocks);
        break;
    case RT_AGGREGATE_COLLECT:
        rt_list_add(&part->list, kept, time, pane, aggregate->items, blocks);
        break;
    default:
        rt_bag_add(&part->bag, kept.u.natural, 1, pane);
        break;
    }
}

void rt_part_forget(const struct rt_window_aggregate *aggregate, union rt_part *part, uint32_t pane,
                    struct rt_blocks *blocks)
{
    if (aggregate->function == RT_AGGREGATE_COUNT_DISTINCT)
        rt_distinct_forget(&part->distinct, pane, blocks);
    else if (aggregate->function == RT_AGGREGATE_COLLECT)
        rt_list_forget(&part->list, pane, blocks);
    else
        rt_bag_forget(&part->bag, pane, blocks);
}

/* ---- merging ---- */

static enum rt_status merge_bags(const struct rt_window_shape *shape, struct rt_bag *into,
                                 const struct rt_bag *from, struct rt_blocks *blocks)
{
    for (uint32_t at = 0; at < from->entry_capacity; at++) {
        const struct rt_bag_entry *entry = &from->entries[at];
        struct rt_value kept;
        bool is_new;
        enum rt_status status;

        if (entry->times == 0)
            continue;
        is_new = from->keeps && !rt_bag_has(into, entry->key);
        if (is_new)
            rt_bag_prune(into, shape->distinct_max, blocks);
        status = rt_bag_reserve(into, false, from->keeps, blocks);
        if (status == RT_OK && is_new)
            status = rt_cell_keep(from->values[at], blocks, &kept);
        if (status != RT_OK)
            return status;
        rt_bag_add(into, entry->key, entry->times, 0);
        if (is_new)
            rt_bag_set_value(into, entry->key, kept);
    }
    return RT_OK;
}

static enum rt_status merge_lists(struct rt_list *into, const struct rt_list *from,
                                  uint32_t items_max, struct rt_blocks *blocks)
{
    for (uint32_t i = 0; i < from->count; i++) {
        const struct rt_list_item *item = &from->items[(from->head + i) & (from->capacity - 1)];
        struct rt_value kept;
        enum rt_status status = rt_list_reserve(into, items_max, blocks);

        if (status == RT_OK)
            status = rt_cell_keep(item->value, blocks, &kept);
        if (status != RT_OK)
            return status;
        rt_list_add(into, kept, item->time, 0, items_max, blocks);
    }
    return RT_OK;
}

enum rt_status rt_part_merge(const struct rt_window_shape *shape,
                             const struct rt_window_aggregate *aggregate, union rt_part *into,
                             const union rt_part *from, struct rt_blocks *blocks)
{
    if (aggregate->function == RT_AGGREGATE_COUNT_DISTINCT)
        return rt_distinct_merge(&into->distinct, &from->distinct, shape->distinct_max, blocks);
    if (aggregate->function == RT_AGGREGATE_COLLECT)
        return merge_lists(&into->list, &from->list, aggregate->items, blocks);
    return merge_bags(shape, &into->bag, &from->bag, blocks);
}

/* ---- reading ---- */

static int rank_of(enum rt_type type)
{
    switch (type) {
    case RT_NULL:
        return 0;
    case RT_BOOL:
        return 1;
    case RT_INT:
    case RT_UINT:
    case RT_DOUBLE:
        return 2;
    case RT_STRING:
        return 3;
    case RT_TIMESTAMP:
        return 4;
    default:
        return 5;
    }
}

static double number_of(struct rt_value value)
{
    return value.type == RT_INT    ? (double)value.u.integer
           : value.type == RT_UINT ? (double)value.u.natural
                                   : value.u.real;
}

static int compare_texts(struct rt_value left, struct rt_value right)
{
    const uint32_t shorter = left.length < right.length ? left.length : right.length;
    const int order = shorter == 0 ? 0 : memcmp(left.u.text, right.u.text, shorter);

    return order != 0 ? order : (left.length > right.length) - (left.length < right.length);
}

int rt_topk_compare(struct rt_value left, struct rt_value right)
{
    const int left_rank = rank_of((enum rt_type)left.type);
    const int right_rank = rank_of((enum rt_type)right.type);

    if (left_rank != right_rank)
        return left_rank - right_rank;
    switch (left.type) {
    case RT_NULL:
        return 0;
    case RT_BOOL:
        return left.u.boolean - right.u.boolean;
    case RT_STRING:
        return compare_texts(left, right);
    case RT_TIMESTAMP:
        if (left.u.integer == right.u.integer)
            return (left.length > right.length) - (left.length < right.length);
        return left.u.integer < right.u.integer ? -1 : 1;
    case RT_DURATION:
        return (left.u.integer > right.u.integer) - (left.u.integer < right.u.integer);
    default:
        break;
    }
    if (left.type == RT_INT && right.type == RT_INT)
        return (left.u.integer > right.u.integer) - (left.u.integer < right.u.integer);
    return (number_of(left) > number_of(right)) - (number_of(left) < number_of(right));
}

static bool is_before(const struct rt_bag *bag, uint32_t left, uint32_t right)
{
    if (bag->entries[left].times != bag->entries[right].times)
        return bag->entries[left].times > bag->entries[right].times;
    return rt_topk_compare(bag->values[left], bag->values[right]) < 0;
}

static uint32_t read_topk(const struct rt_bag *bag, uint32_t items_max, struct rt_value *out)
{
    uint32_t best[RT_WINDOW_TOPK_MAX] = {0};
    uint32_t count = 0;

    for (uint32_t place = 0; place < bag->entry_capacity; place++) {
        uint32_t at = count;

        if (bag->entries[place].times == 0 ||
            (count == items_max && !is_before(bag, place, best[count - 1])))
            continue;
        if (count == items_max)
            at--;
        else
            count++;
        for (; at > 0 && is_before(bag, place, best[at - 1]); at--)
            best[at] = best[at - 1];
        best[at] = place;
    }
    for (uint32_t i = 0; i < count; i++)
        out[i] = bag->values[best[i]];
    return count;
}

struct rt_value rt_part_read(const struct rt_window_shape *shape,
                             const struct rt_window_aggregate *aggregate, const union rt_part *part,
                             struct rt_blocks *blocks)
{
    struct rt_value *items = shape->lists + aggregate->list_place;
    struct rt_value value;

    switch (aggregate->function) {
    case RT_AGGREGATE_COUNT_DISTINCT:
        value = rt_int((int64_t)rt_distinct_count(&part->distinct));
        if (!rt_distinct_is_exact(&part->distinct))
            value.flags |= RT_FLAG_ESTIMATE;
        return value;
    case RT_AGGREGATE_TOPK:
        return (struct rt_value){.type = RT_LIST,
                                 .length = read_topk(&part->bag, aggregate->items, items),
                                 .u.items = items};
    case RT_AGGREGATE_COLLECT:
        return (struct rt_value){
            .type = RT_LIST, .length = rt_list_read(&part->list, items), .u.items = items};
    default:
        return rt_sketch_quantile(&part->bag, aggregate->quantile, blocks);
    }
}

/* ---- the rest ---- */

void rt_part_done(const struct rt_window_aggregate *aggregate, union rt_part *part,
                  struct rt_blocks *blocks)
{
    if (aggregate->function == RT_AGGREGATE_COUNT_DISTINCT)
        rt_distinct_done(&part->distinct, blocks);
    else if (aggregate->function == RT_AGGREGATE_COLLECT)
        rt_list_done(&part->list, blocks);
    else
        rt_bag_done(&part->bag, blocks);
}

void rt_part_save(const struct rt_window_aggregate *aggregate, const union rt_part *part,
                  uint32_t newest, struct rt_buffer *out)
{
    if (aggregate->function == RT_AGGREGATE_COUNT_DISTINCT)
        rt_distinct_save(&part->distinct, newest, out);
    else if (aggregate->function == RT_AGGREGATE_COLLECT)
        rt_list_save(&part->list, newest, out);
    else
        rt_bag_save(&part->bag, newest, out);
}

static enum rt_status check_buckets(const struct rt_bag *bag, struct rt_form *form)
{
    for (uint32_t i = 0; i < bag->entry_capacity; i++) {
        if (bag->entries[i].times > 0 && !rt_sketch_is_bucket(bag->entries[i].key))
            rt_form_fail(form, "a quantile's key that is no bucket");
    }
    return rt_form_failed(form) ? RT_ERR_CORRUPT : RT_OK;
}

enum rt_status rt_part_load(const struct rt_window_shape *shape,
                            const struct rt_window_aggregate *aggregate, struct rt_full *window,
                            struct rt_form *form, struct rt_blocks *blocks)
{
    union rt_part *part = rt_part_at(shape, window, aggregate->place);
    enum rt_status status;

    if (aggregate->function == RT_AGGREGATE_COUNT_DISTINCT) {
        part->distinct.forgets = shape->is_queue;
        return rt_distinct_load(&part->distinct, window->newest, window->pane_count, form, blocks);
    }
    if (aggregate->function == RT_AGGREGATE_COLLECT)
        return rt_list_load(&part->list, aggregate->items, window->newest, form, blocks);
    part->bag.forgets = shape->is_queue;
    part->bag.keeps = aggregate->function == RT_AGGREGATE_TOPK;
    status = rt_bag_load(&part->bag, window->newest, window->pane_count, form, blocks);
    return status == RT_OK && aggregate->function == RT_AGGREGATE_QUANTILE
               ? check_buckets(&part->bag, form)
               : status;
}
