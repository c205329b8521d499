/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/windows.h"

#include <string.h>

_Static_assert(WINDOWS_AGGREGATES == RT_AGGREGATE_COLLECT + 1, "one of each");
enum { ITEMS = 3 };

struct rt_window_shape windows_shape(enum rt_window_kind kind, int64_t size_ms, int64_t slide_ms)
{
    static struct rt_value lists[WINDOWS_AGGREGATES * ITEMS];
    struct rt_window_shape shape = {.kind = kind,
                                    .lists = lists,
                                    .size = {size_ms},
                                    .slide = {slide_ms},
                                    .count = 8,
                                    .every = 4,
                                    .aggregate_count = WINDOWS_AGGREGATES,
                                    .panes_max = 1000,
                                    .distinct_max = 40};

    for (uint32_t i = 0; i < shape.aggregate_count; i++)
        shape.aggregates[i] = (struct rt_window_aggregate){
            .function = (enum rt_aggregate)i, .quantile = 0.5, .items = ITEMS};
    rt_window_shape_init(&shape);
    return shape;
}

static struct rt_value text_value(struct seeded *seed)
{
    static const char *const texts[] = {"", "a", "b", "a longer text that no short form takes"};
    const char *text = texts[seeded_below(seed, 4)];

    return rt_string(text, (uint32_t)strlen(text));
}

void windows_values(struct seeded *seed, struct rt_value values[WINDOWS_AGGREGATES])
{
    for (int i = 0; i < WINDOWS_AGGREGATES; i++) {
        bool takes_text = i == RT_AGGREGATE_FIRST || i == RT_AGGREGATE_LAST ||
                          i == RT_AGGREGATE_TOPK || i == RT_AGGREGATE_COLLECT;
        uint32_t chance = seeded_below(seed, 10);

        if (chance == 0)
            values[i] = (struct rt_value){.type = RT_ABSENT};
        else if (takes_text && chance < 6)
            values[i] = text_value(seed);
        else if (chance < 3)
            values[i] = rt_double((double)seeded_below(seed, 1000) / 8 - 40);
        else
            values[i] = rt_int((int64_t)seeded_below(seed, 60) - 10);
    }
}

enum rt_status windows_push(const struct rt_window_shape *shape, struct rt_window **window,
                            struct rt_blocks *blocks, int64_t ms, uint64_t sequence,
                            const struct rt_value *values)
{
    while (*window != NULL && rt_window_deadline(shape, *window).ms <= ms) {
        if (shape->kind == RT_WINDOW_HOPPING) {
            rt_window_next(shape, window, blocks);
        } else {
            rt_window_free(shape, *window, blocks);
            *window = NULL;
        }
    }
    if (*window != NULL)
        rt_window_slide(shape, *window, blocks, (rt_time){ms});
    return rt_window_add(shape, window, blocks, (rt_time){ms}, sequence, values);
}

static bool scalars_equal(struct rt_value left, struct rt_value right)
{
    if (left.type != right.type || left.length != right.length)
        return false;
    if (left.type == RT_STRING)
        return memcmp(left.u.text, right.u.text, left.length) == 0;
    return left.type == RT_NULL || left.u.natural == right.u.natural;
}

static bool values_equal(struct rt_value left, struct rt_value right)
{
    if (left.type != RT_LIST || right.type != RT_LIST)
        return scalars_equal(left, right);
    if (left.length != right.length)
        return false;
    for (uint32_t i = 0; i < left.length; i++) {
        if (!scalars_equal(left.u.items[i], right.u.items[i]))
            return false;
    }
    return true;
}

bool windows_equal(const struct rt_window_shape *shape, const struct rt_window *left,
                   struct rt_blocks *left_blocks, const struct rt_window *right,
                   struct rt_blocks *right_blocks)
{
    struct rt_value of_left[RT_WINDOW_AGGREGATES_MAX], of_right[RT_WINDOW_AGGREGATES_MAX];
    struct rt_value lists[WINDOWS_AGGREGATES * ITEMS];
    struct rt_window_shape other = *shape; /* its lists lie elsewhere */
    uint64_t left_sequence, right_sequence;

    other.lists = lists;
    rt_window_read(shape, left, left_blocks, UINT32_MAX, of_left);
    rt_window_read(&other, right, right_blocks, UINT32_MAX, of_right);
    for (uint32_t i = 0; i < shape->aggregate_count; i++) {
        if (!values_equal(of_left[i], of_right[i]))
            return false;
    }
    return rt_window_first(shape, left, &left_sequence).ms ==
               rt_window_first(shape, right, &right_sequence).ms &&
           left_sequence == right_sequence &&
           rt_window_deadline(shape, left).ms == rt_window_deadline(shape, right).ms;
}
