/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/window/one.h"

#include "runtime/base/assert.h"
#include "runtime/window/layout.h"

enum {
    BITS_MAX = 14, /* of the record's 16 */
    MARK_SHIFT = 2,
    IS_ONE = 1,
    IS_TRUE = 2
};

_Static_assert(sizeof(struct rt_one_view) ==
                   sizeof(struct rt_few) + sizeof(struct rt_few_record) + sizeof(uint64_t),
               "a view is a list of one record with at most one key");
_Static_assert((int)RT_FEW_SHIFT + (int)BITS_MAX + (int)MARK_SHIFT == 64, "all of a mark");

void rt_one_shape_init(struct rt_window_shape *shape)
{
    uint32_t bits = 0, keys = 0;

    shape->fits_one = shape->kind == RT_WINDOW_SLIDING && shape->begins_few &&
                      shape->lateness.ms == 0 && !shape->is_early;
    for (uint32_t i = 0; i < shape->aggregate_count; i++) {
        const enum rt_few_part part = rt_few_part_of(shape->aggregates[i].function);

        bits += part == RT_FEW_BIT;
        keys += part == RT_FEW_KEY;
        if (part == RT_FEW_VALUE)
            shape->fits_one = false;
    }
    if (bits > BITS_MAX || keys > 1)
        shape->fits_one = false;
}

static struct rt_few_record *record_of(const struct rt_window *window)
{
    return (struct rt_few_record *)(void *)((struct rt_few *)(uintptr_t)window)->records;
}

static struct rt_few_record *lay_out(struct rt_one_view *view, rt_time time)
{
    struct rt_few_record *record = record_of(&view->head);

    view->head =
        (struct rt_window){.is_few = true, .few_count = 1, .few_capacity = RT_FEW_BORROWED};
    record->time = time;
    record->values[0] = 0;
    return record;
}

struct rt_window *rt_one_begin(const struct rt_window_shape *shape, struct rt_one_view *view,
                               rt_time time, uint64_t sequence, const struct rt_value *values)
{
    struct rt_few_record *record = lay_out(view, time);

    RT_ASSERT_SLOW(shape->fits_one);
    record->mark = sequence & RT_FEW_SEQUENCE_MASK;
    for (uint32_t i = 0; i < shape->aggregate_count; i++) {
        const struct rt_window_aggregate *aggregate = &shape->aggregates[i];

        if (values[i].type == RT_ABSENT)
            continue;
        if (rt_is_keyed(aggregate->function))
            record->values[0] = rt_few_key(aggregate->function, values[i]);
        else
            record->mark |= UINT64_C(1) << (RT_FEW_SHIFT + aggregate->few_place);
    }
    return &view->head;
}

struct rt_window *rt_one_unpack(const struct rt_window_shape *shape, const struct rt_one *one,
                                rt_time time, struct rt_one_view *view)
{
    struct rt_few_record *record = lay_out(view, time);

    RT_ASSERT_SLOW(shape->fits_one && rt_is_one(one));
    (void)shape;
    view->head.is_true = (one->mark & IS_TRUE) != 0;
    record->mark = one->mark >> MARK_SHIFT;
    record->values[0] = one->key;
    return &view->head;
}

bool rt_one_can_pack(const struct rt_window *window)
{
    return window->is_few && window->few_count == 1;
}

struct rt_one rt_one_pack(const struct rt_window_shape *shape, const struct rt_window *window)
{
    const struct rt_few_record *record = record_of(window);
    const bool has_key = shape->few_bytes > sizeof(*record);

    RT_ASSERT(shape->fits_one && rt_one_can_pack(window));
    return (struct rt_one){.mark = record->mark << MARK_SHIFT | (window->is_true ? IS_TRUE : 0u) |
                                   (unsigned)IS_ONE,
                           .key = has_key ? record->values[0] : 0};
}
