/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/window/list.h"

#include "runtime/base/assert.h"
#include "runtime/event/value_form.h"
#include "runtime/window/cell.h"

enum { CAPACITY_FIRST = 4 };

static struct rt_list_item *item_at(const struct rt_list *list, uint32_t number)
{
    return &list->items[(list->head + number) & (list->capacity - 1)];
}

enum rt_status rt_list_reserve(struct rt_list *list, uint32_t items_max, struct rt_blocks *blocks)
{
    struct rt_list larger = *list;

    if (list->count < list->capacity || list->count >= items_max)
        return RT_OK;
    larger.capacity = list->capacity == 0 ? CAPACITY_FIRST : list->capacity * 2;
    larger.head = 0;
    larger.items = rt_blocks_take(blocks, larger.capacity * sizeof(*larger.items));
    if (larger.items == NULL)
        return RT_ERR_NOMEM;
    for (uint32_t i = 0; i < list->count; i++)
        larger.items[i] = *item_at(list, i);
    rt_blocks_give(blocks, list->items, list->capacity * sizeof(*list->items));
    *list = larger;
    return RT_OK;
}

static void drop_oldest(struct rt_list *list, struct rt_blocks *blocks)
{
    rt_cell_release(item_at(list, 0)->value, blocks);
    list->head++;
    list->count--;
}

void rt_list_add(struct rt_list *list, struct rt_value value, rt_time time, uint32_t pane,
                 uint32_t items_max, struct rt_blocks *blocks)
{
    uint32_t at;

    if (list->count >= items_max) {
        if (list->count == 0 || rt_time_before(time, item_at(list, 0)->time)) {
            rt_cell_release(value, blocks);
            return;
        }
        drop_oldest(list, blocks);
    }
    RT_ASSERT(list->count < list->capacity);
    at = list->count++;
    for (; at > 0 && rt_time_before(time, item_at(list, at - 1)->time); at--)
        *item_at(list, at) = *item_at(list, at - 1);
    *item_at(list, at) = (struct rt_list_item){value, time, pane};
}

void rt_list_forget(struct rt_list *list, uint32_t pane, struct rt_blocks *blocks)
{
    while (list->count > 0 && item_at(list, 0)->pane == pane)
        drop_oldest(list, blocks);
}

uint32_t rt_list_read(const struct rt_list *list, struct rt_value *out)
{
    for (uint32_t i = 0; i < list->count; i++)
        out[i] = item_at(list, i)->value;
    return list->count;
}

void rt_list_done(struct rt_list *list, struct rt_blocks *blocks)
{
    while (list->count > 0)
        drop_oldest(list, blocks);
    rt_blocks_give(blocks, list->items, list->capacity * sizeof(*list->items));
    *list = (struct rt_list){0};
}

void rt_list_save(const struct rt_list *list, uint32_t newest, struct rt_buffer *out)
{
    rt_form_add_uint(out, list->count);
    for (uint32_t i = 0; i < list->count; i++) {
        const struct rt_list_item *item = item_at(list, i);

        rt_form_add_time(out, item->time);
        rt_form_add_uint(out, (uint32_t)(newest - item->pane));
        rt_value_add_form(item->value, out);
    }
}

enum rt_status rt_list_load(struct rt_list *list, uint32_t items_max, uint32_t newest,
                            struct rt_form *form, struct rt_blocks *blocks)
{
    const size_t count = rt_form_count(form, 3);

    if (count > items_max)
        rt_form_fail(form, "more values than the window collects");
    for (size_t i = 0; i < count && !rt_form_failed(form); i++) {
        const rt_time time = rt_form_time(form);
        const uint32_t back = (uint32_t)rt_form_uint_max(form, UINT32_MAX);
        struct rt_value value;
        enum rt_status status = rt_cell_load_value(RT_AGGREGATE_COLLECT, form, &value);

        if (status == RT_OK)
            status = rt_list_reserve(list, items_max, blocks);
        if (status == RT_OK)
            status = rt_cell_keep(value, blocks, &value);
        if (status != RT_OK)
            return status;
        rt_list_add(list, value, time, newest - back, items_max, blocks);
    }
    return rt_form_failed(form) ? RT_ERR_CORRUPT : RT_OK;
}
