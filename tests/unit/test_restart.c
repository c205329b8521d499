/* SPDX-License-Identifier: Apache-2.0 */
/* When a job that has failed is tried again. */
#include "tests/support/unit.h"

#include "runtime/job/restart.h"

static const rt_duration briefly = {10}, calmly = {60000};

static struct rt_restart restart_of(enum rt_restart_kind kind, uint32_t attempts)
{
    return (struct rt_restart){
        .strategy = {kind, {100}, {1000}, attempts, calmly},
        .random = 7,
    };
}

static void none_is_never_tried_again(void **state)
{
    struct rt_restart restart = restart_of(RT_RESTART_NONE, 0);
    rt_duration delay;

    (void)state;
    assert_false(rt_restart_next(&restart, briefly, &delay));
    assert_false(rt_restart_next(&restart, calmly, &delay));
}

static void fixed_waits_the_same_and_ends_at_the_limit(void **state)
{
    struct rt_restart restart = restart_of(RT_RESTART_FIXED, 3);
    rt_duration delay;

    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_true(rt_restart_next(&restart, briefly, &delay));
        assert_int_equal(delay.ms, 100);
    }
    assert_false(rt_restart_next(&restart, briefly, &delay));
}

static void a_job_that_has_worked_begins_anew(void **state)
{
    struct rt_restart restart = restart_of(RT_RESTART_FIXED, 1);
    rt_duration delay;

    (void)state;
    assert_true(rt_restart_next(&restart, briefly, &delay));
    assert_true(rt_restart_next(&restart, calmly, &delay));
    assert_false(rt_restart_next(&restart, briefly, &delay));
}

static void exponential_doubles_up_to_the_longest_less_a_random_part(void **state)
{
    static const int64_t whole[] = {100, 200, 400, 800, 1000, 1000, 1000};
    struct rt_restart restart = restart_of(RT_RESTART_EXPONENTIAL, 0);
    struct rt_restart other = restart_of(RT_RESTART_EXPONENTIAL, 0);
    bool differs = false;

    (void)state;
    other.random = 8;
    for (size_t i = 0; i < COUNT_OF(whole); i++) {
        rt_duration delay, of_other;

        assert_true(rt_restart_next(&restart, briefly, &delay));
        assert_true(rt_restart_next(&other, briefly, &of_other));
        assert_in_range(delay.ms, whole[i] / 2, whole[i]);
        differs = differs || delay.ms != of_other.ms;
    }
    assert_true(differs);
}

static void a_great_number_of_attempts_does_not_overflow(void **state)
{
    struct rt_restart restart = restart_of(RT_RESTART_EXPONENTIAL, 0);
    rt_duration delay;

    (void)state;
    restart.strategy.delay_max = RT_DURATION_MAX;
    restart.tried = UINT32_MAX - 1;
    assert_true(rt_restart_next(&restart, briefly, &delay));
    assert_true(delay.ms >= RT_DURATION_MAX.ms / 2 && delay.ms <= RT_DURATION_MAX.ms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(none_is_never_tried_again),
        cmocka_unit_test(fixed_waits_the_same_and_ends_at_the_limit),
        cmocka_unit_test(a_job_that_has_worked_begins_anew),
        cmocka_unit_test(exponential_doubles_up_to_the_longest_less_a_random_part),
        cmocka_unit_test(a_great_number_of_attempts_does_not_overflow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
