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
        assert_int_equal(rt_bag_reserve(&bag, false, false, &blocks), RT_OK);
        rt_bag_add(&bag, rt_sketch_bucket(rt_double(values[i])), 1, 0);
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

        assert_int_equal(rt_bag_reserve(&bag, false, false, &blocks), RT_OK);
        rt_bag_add(&bag, rt_sketch_bucket(rt_double(value)), 1, 0);
        assert_true(fabs(rt_sketch_quantile(&bag, 0.5, &blocks).u.real - value) <=
                    fabs(value) * 0.010001);
        rt_bag_done(&bag, &blocks);
    }
    rt_blocks_done(&blocks);
}

static void add_distinct(struct rt_distinct *set, int64_t value, uint32_t pane, bool forgets,
                         uint32_t exact_max, struct rt_blocks *blocks)
{
    const uint64_t hash = rt_sketch_hash(rt_int(value));

    assert_int_equal(rt_distinct_reserve(set, hash, exact_max, forgets, blocks), RT_OK);
    rt_distinct_add(set, hash, pane);
}

static void distinct_values_are_exact_up_to_the_limit_and_near_beyond(void **state)
{
    struct rt_distinct set = {0};
    struct rt_blocks blocks;

    (void)state;
    rt_blocks_init(&blocks, SIZE_MAX);
    for (int i = 0; i < MILLION; i++) {
        add_distinct(&set, i, 0, false, DISTINCT_MAX, &blocks);
        add_distinct(&set, i / 2, 0, false, DISTINCT_MAX, &blocks);
        assert_true(rt_distinct_is_exact(&set) == (i < DISTINCT_MAX));
        if (i < DISTINCT_MAX)
            assert_int_equal(rt_distinct_count(&set), i + 1);
        else if (i % 1000 == 0) /* four standard deviations */
            assert_true(llabs((long long)rt_distinct_count(&set) - i) < (long long)i * 325 / 10000);
    }
    assert_true(blocks.bytes_in_use < 25000); /* 16 KiB of registers, and what blocks waste */
    rt_distinct_done(&set, &blocks);
    assert_int_equal(blocks.bytes_in_use, 0);
    rt_blocks_done(&blocks);
}

/* Many sketches of different values: their errors are those of HyperLogLog with 16,384 registers, 0.81 %. */
static void the_error_of_a_sketch_is_what_is_promised(void **state)
{
    enum { SKETCHES = 60, VALUES = 50000 };
    double squares = 0, bias = 0;
    struct rt_blocks blocks;

    (void)state;
    rt_blocks_init(&blocks, SIZE_MAX);
    for (int64_t number = 0; number < SKETCHES; number++) {
        struct rt_distinct set = {0};
        double error;

        for (int64_t i = 0; i < VALUES; i++)
            add_distinct(&set, number * VALUES + i, 0, false, 1000, &blocks);
        error = (double)rt_distinct_count(&set) / VALUES - 1;
        squares += error * error;
        bias += error;
        rt_distinct_done(&set, &blocks);
    }
    assert_true(sqrt(squares / SKETCHES) < 0.0105);
    assert_true(fabs(bias / SKETCHES) < 0.004);
    rt_blocks_done(&blocks);
}

/* A window that forgets knows what one that never held the rest knows. */
static void a_sketch_that_forgets_is_the_sketch_of_what_is_left(void **state)
{
    enum { PANES = 50, PANE_VALUES = 400, HELD = 20, EXACT = 100 };
    struct rt_distinct sliding = {0};
    struct seeded seed = seeded_from(3);
    static int64_t values[PANES][PANE_VALUES];
    struct rt_blocks blocks;

    (void)state;
    rt_blocks_init(&blocks, SIZE_MAX);
    for (uint32_t pane = 0; pane < PANES; pane++) {
        struct rt_distinct fresh = {0};

        for (int i = 0; i < PANE_VALUES; i++) {
            values[pane][i] = (int64_t)seeded_below(&seed, 20000);
            add_distinct(&sliding, values[pane][i], pane, true, EXACT, &blocks);
        }
        if (pane >= HELD)
            rt_distinct_forget(&sliding, pane - HELD, &blocks);
        for (uint32_t held = pane < HELD ? 0 : pane - HELD + 1; held <= pane; held++) {
            for (int i = 0; i < PANE_VALUES; i++)
                add_distinct(&fresh, values[held][i], 0, false, EXACT, &blocks);
        }
        assert_int_equal(rt_distinct_count(&sliding), rt_distinct_count(&fresh));
        rt_distinct_done(&fresh, &blocks);
    }
    for (uint32_t pane = PANES - HELD; pane < PANES; pane++)
        rt_distinct_forget(&sliding, pane, &blocks);
    assert_true(rt_distinct_is_exact(&sliding));
    assert_int_equal(rt_distinct_count(&sliding), 0);
    rt_distinct_done(&sliding, &blocks);
    assert_int_equal(blocks.bytes_in_use, 0);
    rt_blocks_done(&blocks);
}

/* What is frequent stays whatever comes besides; memory is bounded. */
static void the_most_frequent_of_a_million_values_are_found(void **state)
{
    struct rt_window_shape shape = {.kind = RT_WINDOW_TUMBLING,
                                    .size = {INT64_MAX / 8},
                                    .aggregates = {{.function = RT_AGGREGATE_TOPK, .items = 3}},
                                    .aggregate_count = 1,
                                    .panes_max = 1000,
                                    .distinct_max = 1000};
    struct rt_window *window = NULL;
    struct seeded seed = seeded_from(9);
    struct rt_value lists[3], out;
    struct rt_blocks blocks;

    (void)state;
    rt_blocks_init(&blocks, SIZE_MAX);
    shape.lists = lists;
    rt_window_shape_init(&shape);
    for (int64_t i = 0; i < MILLION; i++) {
        const uint32_t chance = seeded_below(&seed, 100);
        const struct rt_value value = rt_int(chance < 3   ? -3
                                             : chance < 5 ? -2
                                             : chance < 6 ? -1
                                                          : i);

        assert_int_equal(rt_window_add(&shape, &window, &blocks, (rt_time){i}, (uint64_t)i, &value),
                         RT_OK);
    }
    rt_window_read(&shape, window, &blocks, 1, &out);
    assert_int_equal(out.length, 3);
    for (int64_t i = 0; i < 3; i++)
        assert_int_equal(out.u.items[i].u.integer, i - 3);
    assert_true(blocks.bytes_in_use < 200000);
    rt_window_free(&shape, window, &blocks);
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
        cmocka_unit_test(the_error_of_a_sketch_is_what_is_promised),
        cmocka_unit_test(a_sketch_that_forgets_is_the_sketch_of_what_is_left),
        cmocka_unit_test(the_most_frequent_of_a_million_values_are_found),
        cmocka_unit_test(texts_and_panes_are_given_back),
        cmocka_unit_test(a_lack_of_memory_leaves_the_window_as_it_was),
        cmocka_unit_test(an_hour_by_the_second_holds_a_pane_a_second),
        cmocka_unit_test(sums_stay_exact_until_they_leave_the_integers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
