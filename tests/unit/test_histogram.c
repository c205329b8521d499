/* SPDX-License-Identifier: Apache-2.0 */
/* How values are spread. */
#include "tests/support/unit.h"

#include "runtime/base/histogram.h"

static struct rt_histogram histogram;

static void nothing_was_added(void **state)
{
    (void)state;
    histogram = (struct rt_histogram){0};
    assert_int_equal(rt_histogram_quantile(&histogram, 0), 0);
    assert_int_equal(rt_histogram_quantile(&histogram, 1), 0);
}

/* I1, at the borders of all octaves. */
static void a_single_value_is_its_own_quantile(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 64; bit++) {
        for (int step = -1; step <= 1; step++) {
            uint64_t value = ((uint64_t)1 << bit) + (uint64_t)(int64_t)step;

            histogram = (struct rt_histogram){0};
            rt_histogram_add(&histogram, value);
            assert_true(rt_histogram_quantile(&histogram, 0.5) == value);
            assert_true(rt_histogram_quantile(&histogram, 1) == value);
        }
    }
}

static void quantiles_are_at_most_an_eighth_too_high(void **state)
{
    static const double shares[] = {0.001, 0.01, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 1};
    enum { COUNT = 100000 };

    (void)state;
    histogram = (struct rt_histogram){0};
    for (uint64_t i = 0; i < COUNT; i++)
        rt_histogram_add(&histogram,
                         (i * 7919 % COUNT + 1) * 1000); /* each of 1000 .. COUNT * 1000 once */
    for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
        double exact = shares[i] * COUNT * 1000;
        double found = (double)rt_histogram_quantile(&histogram, shares[i]);

        assert_true(found >= exact - 0.5);
        assert_true(found <= exact * 1.125 + 1);
    }
    assert_int_equal(histogram.count, COUNT);
    assert_true(histogram.max == (uint64_t)COUNT * 1000);
    assert_true(histogram.sum == (uint64_t)COUNT * (COUNT + 1) / 2 * 1000);
}

static void the_largest_number_has_a_place(void **state)
{
    (void)state;
    histogram = (struct rt_histogram){0};
    rt_histogram_add(&histogram, 0);
    rt_histogram_add(&histogram, UINT64_MAX);
    assert_int_equal(rt_histogram_quantile(&histogram, 0.5), 0);
    assert_true(rt_histogram_quantile(&histogram, 1) == UINT64_MAX);
    assert_int_equal(histogram.buckets[RT_HISTOGRAM_BUCKETS - 1], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_was_added),
        cmocka_unit_test(a_single_value_is_its_own_quantile),
        cmocka_unit_test(quantiles_are_at_most_an_eighth_too_high),
        cmocka_unit_test(the_largest_number_has_a_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
