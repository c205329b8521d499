/* SPDX-License-Identifier: Apache-2.0 */
/* A window of one event in two words is the window that it would be in a block. */
#include "runtime/base/text.h"
#include "runtime/window/one.h"
#include "runtime/window/save.h"
#include "tests/support/seeded.h"
#include "tests/support/unit.h"

enum { SIZE_MS = 1000, AGGREGATES_MAX = 4, STREAMS = 2000 };

struct world {
    struct rt_window_shape shape;
    struct rt_blocks blocks;
    struct seeded random;
};

static struct rt_window_shape shape_of(const enum rt_aggregate *functions, uint32_t count)
{
    struct rt_window_shape shape = {.kind = RT_WINDOW_SLIDING,
                                    .size = {SIZE_MS},
                                    .aggregate_count = count,
                                    .panes_max = 1000,
                                    .distinct_max = 1000};

    for (uint32_t i = 0; i < count; i++)
        shape.aggregates[i] =
            (struct rt_window_aggregate){.function = functions[i], .quantile = 0.5};
    rt_window_shape_init(&shape);
    return shape;
}

/* Some are absent: not every aggregate counts every event. */
static void make_values(struct world *world, struct rt_value *values)
{
    for (uint32_t i = 0; i < world->shape.aggregate_count; i++)
        values[i] = seeded_below(&world->random, 4) == 0
                        ? (struct rt_value){.type = RT_ABSENT}
                        : rt_int((int64_t)seeded_below(&world->random, 3));
}

static void save(const struct rt_window_shape *shape, const struct rt_window *window,
                 struct rt_buffer *out)
{
    rt_buffer_reset(out);
    rt_window_save(shape, window, out);
    assert_false(out->failed);
}

/* Both are what is saved of them, and give the same outcomes. */
static void assert_same(struct world *world, const struct rt_window *left,
                        const struct rt_window *right)
{
    struct rt_value of_left[AGGREGATES_MAX] = {0}, of_right[AGGREGATES_MAX] = {0};
    struct rt_buffer left_bytes, right_bytes;
    uint64_t left_sequence, right_sequence;

    rt_buffer_init(&left_bytes, 1 << 16);
    rt_buffer_init(&right_bytes, 1 << 16);
    save(&world->shape, left, &left_bytes);
    save(&world->shape, right, &right_bytes);
    assert_true(rt_text_equal(rt_buffer_view(&left_bytes), rt_buffer_view(&right_bytes)));
    rt_buffer_done(&left_bytes);
    rt_buffer_done(&right_bytes);
    rt_window_read(&world->shape, left, &world->blocks, UINT32_MAX, of_left);
    rt_window_read(&world->shape, right, &world->blocks, UINT32_MAX, of_right);
    for (uint32_t i = 0; i < world->shape.aggregate_count; i++) {
        assert_int_equal(of_left[i].type, of_right[i].type);
        assert_int_equal(of_left[i].u.integer, of_right[i].u.integer);
    }
    assert_int_equal(rt_window_first(&world->shape, left, &left_sequence).ms,
                     rt_window_first(&world->shape, right, &right_sequence).ms);
    assert_int_equal(left_sequence, right_sequence);
    assert_int_equal(rt_window_deadline(&world->shape, left).ms,
                     rt_window_deadline(&world->shape, right).ms);
}

/* One event, packed and unpacked, then another, then only that. */
static void one_stream(struct world *world)
{
    const rt_time first = {(int64_t)seeded_below(&world->random, 100000) - 50000};
    const rt_time second = {first.ms + (int64_t)seeded_below(&world->random, SIZE_MS)};
    const rt_time third = {first.ms + SIZE_MS};
    const uint64_t sequence = seeded_next(&world->random) >> 16;
    struct rt_value values[AGGREGATES_MAX];
    struct rt_window *window, *expected = NULL;
    struct rt_one_view view;
    struct rt_one one;

    make_values(world, values);
    window = rt_one_begin(&world->shape, &view, first, sequence, values);
    assert_int_equal(
        rt_window_add(&world->shape, &expected, &world->blocks, first, sequence, values), RT_OK);
    assert_same(world, window, expected);
    window->is_true = expected->is_true = seeded_below(&world->random, 2) == 0;
    one = rt_one_pack(&world->shape, window);
    assert_true(rt_is_one(&one));
    window = rt_one_unpack(&world->shape, &one, first, &view);
    assert_same(world, window, expected);

    make_values(world, values);
    assert_int_equal(rt_window_add(&world->shape, &window, &world->blocks, second, 7, values),
                     RT_OK);
    assert_int_equal(rt_window_add(&world->shape, &expected, &world->blocks, second, 7, values),
                     RT_OK);
    assert_ptr_not_equal(window, &view.head);
    assert_same(world, window, expected);
    assert_false(rt_one_can_pack(window));

    rt_window_slide(&world->shape, expected, &world->blocks, third);
    rt_window_slide(&world->shape, window, &world->blocks, third);
    if (second.ms > first.ms) { /* the second is left */
        one = rt_one_pack(&world->shape, window);
        assert_same(world, rt_one_unpack(&world->shape, &one, second, &view), expected);
    }
    rt_window_free(&world->shape, window, &world->blocks);
    rt_window_free(&world->shape, expected, &world->blocks);
}

static void a_window_of_one_event_is_the_same_in_two_words(void **state)
{
    static const enum rt_aggregate functions[] = {RT_AGGREGATE_COUNT, RT_AGGREGATE_COUNT_DISTINCT,
                                                  RT_AGGREGATE_RATE, RT_AGGREGATE_COUNT};

    (void)state;
    for (uint64_t i = 0; i < STREAMS; i++) {
        struct world world = {.random = {i}};

        world.shape = shape_of(functions + i % 2, (uint32_t)(1 + i / 2 % 3));
        rt_blocks_init(&world.blocks, 1 << 20);
        assert_true(world.shape.fits_one);
        one_stream(&world);
        assert_int_equal(world.blocks.bytes_in_use, 0);
        rt_blocks_done(&world.blocks);
    }
}

static void no_memory_leaves_the_one_event_as_it_was(void **state)
{
    static const enum rt_aggregate functions[] = {RT_AGGREGATE_COUNT};
    struct world world = {.shape = shape_of(functions, 1)};
    const struct rt_value value = rt_bool(true);
    struct rt_one_view view;
    struct rt_window *window;
    struct rt_value out;

    (void)state;
    rt_blocks_init(&world.blocks, 0);
    window = rt_one_begin(&world.shape, &view, (rt_time){1}, 1, &value);
    assert_int_equal(rt_window_add(&world.shape, &window, &world.blocks, (rt_time){2}, 2, &value),
                     RT_ERR_NOMEM);
    assert_ptr_equal(window, &view.head);
    rt_window_read(&world.shape, window, &world.blocks, 1, &out);
    assert_int_equal(out.u.integer, 1);
    rt_window_free(&world.shape, window, &world.blocks);
    rt_blocks_done(&world.blocks);
}

static void what_has_no_room_in_two_words_does_not_fit(void **state)
{
    static const enum rt_aggregate two_keys[] = {RT_AGGREGATE_COUNT_DISTINCT,
                                                 RT_AGGREGATE_QUANTILE},
                                   value[] = {RT_AGGREGATE_SUM};
    enum rt_aggregate counts[15];
    struct rt_window_shape shape;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(counts); i++)
        counts[i] = RT_AGGREGATE_COUNT;
    assert_false(shape_of(two_keys, 2).fits_one);
    assert_true(shape_of(two_keys, 1).fits_one);
    assert_true(shape_of(two_keys + 1, 1).fits_one);
    assert_false(shape_of(value, 1).fits_one);
    assert_false(shape_of(counts, 15).fits_one);
    assert_true(shape_of(counts, 14).fits_one);
    shape = shape_of(counts, 1);
    shape.kind = RT_WINDOW_SESSION;
    rt_window_shape_init(&shape);
    assert_false(shape.fits_one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_window_of_one_event_is_the_same_in_two_words),
        cmocka_unit_test(no_memory_leaves_the_one_event_as_it_was),
        cmocka_unit_test(what_has_no_room_in_two_words_does_not_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
