/* SPDX-License-Identifier: Apache-2.0 */
/* The library of windows by itself: what sketches promise on a million values, what is given back, what a lack of memory leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "runtime/base/alloc.h"
#include "runtime/window/sketch.h"
#include "runtime/window/window.h"
#include "tests/support/seeded.h"

enum { MILLION = 1000000, DISTINCT_MAX = 16384 };

static struct rt_window_shape shape_of(enum rt_window_kind kind, int64_t size_ms, int64_t slide_ms)
{
    static const enum rt_aggregate functions[] = {RT_AGGREGATE_COUNT, RT_AGGREGATE_SUM,
                                                  RT_AGGREGATE_MIN,   RT_AGGREGATE_FIRST,
                                                  RT_AGGREGATE_LAST,  RT_AGGREGATE_COUNT_DISTINCT};
    struct rt_window_shape shape = {.kind = kind,
                                    .size = {size_ms},
                                    .slide = {slide_ms},
                                    .count = 8,
                                    .every = 4,
                                    .aggregate_count = 6,
                                    .panes_max = 1000,
                                    .distinct_max = DISTINCT_MAX};

    for (uint32_t i = 0; i < shape.aggregate_count; i++)
        shape.aggregates[i].function = functions[i];
    rt_window_shape_init(&shape);
    return shape;
}

static enum rt_status add_text(const struct rt_window_shape *shape, struct rt_window **window,
                               struct rt_blocks *blocks, int64_t ms, const char *text)
{
    struct rt_value string = rt_string(text, (uint32_t)strlen(text));
    struct rt_value values[] = {rt_bool(true), rt_int(ms), rt_int(ms), string, string, string};

    if (*window != NULL)
        rt_window_slide(shape, *window, blocks, (rt_time){ms});
    return rt_window_add(shape, window, blocks, (rt_time){ms}, (uint64_t)ms, values);
}

static int compare_doubles(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;

    return (a > b) - (a < b);
}

static void a_quantile_of_a_million_values_is_within_one_percent(void **state)
{
    static double values[MILLION];
    struct rt_bag bag = {0};
    struct rt_blocks blocks;
    struct seeded seed = seeded_from(7);

    (void)state;
    rt_blocks_init(&blocks, SIZE_MAX);
    for (int i = 0; i < MILLION; i++) {
        values[i] = exp((double)(seeded_next(&seed) >> 11) / 9007199254740992.0 * 20 - 5);
        assert_int_equal(rt_bag_reserve(&bag, false, &blocks), RT_OK);
        rt_bag_add(&bag, rt_sketch_bucket(rt_double(values[i])), 0, false, UINT32_MAX);
    }
    qsort(values, MILLION, sizeof(values[0]), compare_doubles);
    for (int rank = 0; rank <= 1000; rank++) {
        double wanted = values[(int)floor(rank / 1000.0 * (MILLION - 1))];
        struct rt_value got = rt_sketch_quantile(&bag, rank / 1000.0, &blocks);

        assert_int_equal(got.type, RT_DOUBLE);
        assert_true(fabs(got.u.real - wanted) <= wanted * 0.010001);
    }
    rt_bag_done(&bag, &blocks);
    assert_int_equal(blocks.bytes_in_use, 0);
    rt_blocks_done(&blocks);
}

static void every_bucket_is_within_one_percent_of_its_values(void **state)
{
    struct rt_blocks blocks;
    struct seeded seed = seeded_from(11);

    (void)state;
    rt_blocks_init(&blocks, SIZE_MAX);
    for (int i = 0; i < 20000; i++) {
        struct rt_bag bag = {0};
        double sign = (seeded_next(&seed) & 1) == 0 ? 1 : -1;
        double value =
            sign * exp((double)(seeded_next(&seed) >> 11) / 9007199254740992.0 * 60 - 20);

        assert_int_equal(rt_bag_reserve(&bag, false, &blocks), RT_OK);
        rt_bag_add(&bag, rt_sketch_bucket(rt_double(value)), 0, false, UINT32_MAX);
        assert_true(fabs(rt_sketch_quantile(&bag, 0.5, &blocks).u.real - value) <=
                    fabs(value) * 0.010001);
        rt_bag_done(&bag, &blocks);
    }
    rt_blocks_done(&blocks);
}

static void distinct_values_are_exact_up_to_the_limit_and_near_beyond(void **state)
{
    struct rt_bag bag = {0};
    struct rt_blocks blocks;

    (void)state;
    rt_blocks_init(&blocks, SIZE_MAX);
    for (int i = 0; i < MILLION; i++) {
        int seen = i / 2;

        assert_int_equal(rt_bag_reserve(&bag, false, &blocks), RT_OK);
        rt_bag_add(&bag, rt_sketch_hash(rt_int(i)), 0, false, DISTINCT_MAX);
        rt_bag_add(&bag, rt_sketch_hash(rt_double(seen)), 0, false, DISTINCT_MAX);
        if (i < DISTINCT_MAX)
            assert_int_equal(rt_bag_distinct(&bag), i + 1);
        else
            assert_true(llabs((long long)rt_bag_distinct(&bag) - i) < (long long)i * 4 / 100);
    }
    rt_bag_done(&bag, &blocks);
    assert_int_equal(blocks.bytes_in_use, 0);
    rt_blocks_done(&blocks);
}

static void a_sampled_bag_is_exact_again_when_it_has_been_empty(void **state)
{
    struct rt_bag bag = {0};
    struct rt_blocks blocks;

    (void)state;
    rt_blocks_init(&blocks, SIZE_MAX);
    for (uint32_t pane = 1; pane <= 100; pane++) {
        for (int i = 0; i < 10; i++) {
            assert_int_equal(rt_bag_reserve(&bag, true, &blocks), RT_OK);
            rt_bag_add(&bag, rt_sketch_hash(rt_int((int64_t)pane * 10 + i)), pane, true, 100);
        }
    }
    assert_true(bag.level > 0);
    for (uint32_t pane = 1; pane <= 100; pane++)
        rt_bag_forget(&bag, pane);
    assert_int_equal(rt_bag_distinct(&bag), 0);
    assert_int_equal(bag.level, 0);
    rt_bag_done(&bag, &blocks);
    assert_int_equal(blocks.bytes_in_use, 0);
    rt_blocks_done(&blocks);
}

static void texts_and_panes_are_given_back(void **state)
{
    static const enum rt_window_kind kinds[] = {RT_WINDOW_TUMBLING, RT_WINDOW_HOPPING,
                                                RT_WINDOW_SLIDING, RT_WINDOW_SESSION,
                                                RT_WINDOW_COUNT};

    (void)state;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        const struct rt_window_shape shape = shape_of(kinds[i], 100, 10);
        struct rt_window *window = NULL;
        struct rt_blocks blocks;

        rt_blocks_init(&blocks, SIZE_MAX);
        for (int64_t ms = 0; ms < 2000; ms += 7) {
            while (window != NULL && kinds[i] != RT_WINDOW_SLIDING && kinds[i] != RT_WINDOW_COUNT &&
                   rt_window_deadline(&shape, window).ms <= ms)
                rt_window_next(&shape, &window, &blocks);
            assert_int_equal(add_text(&shape, &window, &blocks, ms, "a text of some length"),
                             RT_OK);
        }
        assert_true(blocks.bytes_in_use < 16384);
        rt_window_free(&shape, window, &blocks);
        assert_int_equal(blocks.bytes_in_use, 0);
        rt_blocks_done(&blocks);
    }
}

/* Fails the nth allocation for every n: the window stays what it was, and the event can be offered again. */
static void a_lack_of_memory_leaves_the_window_as_it_was(void **state)
{
    const struct rt_window_shape shape = shape_of(RT_WINDOW_SLIDING, 1000000, 0);
    int refused = 0;

    (void)state;
    for (size_t bytes_max = 0; bytes_max < 60000; bytes_max += 160) {
        struct rt_window *window = NULL;
        struct rt_blocks blocks;
        struct rt_value out[6];
        int64_t added = 0;
        char text[16] = "text 000";

        rt_blocks_init(&blocks, bytes_max);
        for (int64_t ms = 0; ms < 100; ms++) {
            text[6] = (char)('0' + ms / 10);
            text[7] = (char)('0' + ms % 10);
            if (add_text(&shape, &window, &blocks, ms, text) == RT_OK)
                added++;
            else
                refused++;
        }
        assert_true((window != NULL) == (added > 0));
        if (window != NULL) {
            rt_window_read(&shape, window, &blocks, UINT32_MAX, out);
            assert_int_equal(out[0].u.integer, added);
            assert_int_equal(out[5].u.integer, added);
        }
        rt_window_free(&shape, window, &blocks);
        assert_int_equal(blocks.bytes_in_use, 0);
        rt_blocks_done(&blocks);
    }
    assert_true(refused > 0);
}

static void an_hour_by_the_second_holds_a_pane_a_second(void **state)
{
    const struct rt_window_shape shape = shape_of(RT_WINDOW_HOPPING, 3600000, 1000);
    struct rt_window *window = NULL;
    struct rt_value out[6];
    struct rt_blocks blocks;

    (void)state;
    rt_blocks_init(&blocks, SIZE_MAX);
    for (int64_t ms = 0; ms < 900000; ms += 100) {
        while (window != NULL && rt_window_deadline(&shape, window).ms <= ms)
            rt_window_next(&shape, &window, &blocks);
        assert_int_equal(add_text(&shape, &window, &blocks, ms, "x"), RT_OK);
    }
    rt_window_read(&shape, window, &blocks, UINT32_MAX, out);
    assert_int_equal(out[0].u.integer, 9000);
    rt_window_free(&shape, window, &blocks);
    rt_blocks_done(&blocks);
}

static void sums_stay_exact_until_they_leave_the_integers(void **state)
{
    struct rt_cell sum, next, empty = {.count = 0};
    struct rt_blocks blocks;

    (void)state;
    rt_blocks_init(&blocks, SIZE_MAX);
    (void)rt_cell_of(RT_AGGREGATE_SUM, rt_int(INT64_MAX - 1), &blocks, &sum);
    (void)rt_cell_of(RT_AGGREGATE_SUM, rt_int(1), &blocks, &next);
    rt_cell_merge(RT_AGGREGATE_SUM, &sum, &next, &blocks);
    assert_int_equal(rt_cell_outcome(RT_AGGREGATE_SUM, &sum, &empty, 1).u.integer, INT64_MAX);
    rt_cell_merge(RT_AGGREGATE_SUM, &sum, &next, &blocks);
    assert_int_equal(rt_cell_outcome(RT_AGGREGATE_SUM, &sum, &empty, 1).type, RT_DOUBLE);
    rt_blocks_done(&blocks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quantile_of_a_million_values_is_within_one_percent),
        cmocka_unit_test(every_bucket_is_within_one_percent_of_its_values),
        cmocka_unit_test(distinct_values_are_exact_up_to_the_limit_and_near_beyond),
        cmocka_unit_test(a_sampled_bag_is_exact_again_when_it_has_been_empty),
        cmocka_unit_test(texts_and_panes_are_given_back),
        cmocka_unit_test(a_lack_of_memory_leaves_the_window_as_it_was),
        cmocka_unit_test(an_hour_by_the_second_holds_a_pane_a_second),
        cmocka_unit_test(sums_stay_exact_until_they_leave_the_integers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
