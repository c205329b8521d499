/* SPDX-License-Identifier: Apache-2.0 */
/* Timers, against a plain array that is searched. */
#include "runtime/base/alloc.h"
#include "runtime/time/wheel.h"
#include "tests/support/seeded.h"
#include "tests/support/unit.h"

enum { TIMERS = 300 };

struct model {
    struct rt_wheel *wheel;
    struct rt_timer timers[TIMERS];
    bool scheduled[TIMERS];
    struct seeded random;
};

static bool comes_before(const struct rt_timer *a, const struct rt_timer *b)
{
    if (a->deadline.ms != b->deadline.ms)
        return a->deadline.ms < b->deadline.ms;
    return a->tie < b->tie;
}

static const struct rt_timer *expected_next(const struct model *model, rt_time until)
{
    const struct rt_timer *least = NULL;

    for (size_t i = 0; i < TIMERS; i++) {
        const struct rt_timer *timer = &model->timers[i];

        if (model->scheduled[i] && timer->deadline.ms <= until.ms &&
            (least == NULL || comes_before(timer, least)))
            least = timer;
    }
    return least;
}

/* Deadlines near, far, very far, past, equal. */
static rt_time some_deadline(struct model *model, rt_time now)
{
    static const uint64_t spans[] = {1, 4, 200, 300, 70000, 20000000, UINT64_C(1) << 45};
    uint64_t span = spans[seeded_next(&model->random) % (COUNT_OF(spans))];
    int64_t ahead = (int64_t)(seeded_next(&model->random) % span);

    if (seeded_next(&model->random) % 200 == 0)
        return RT_TIME_MAX;
    if (seeded_next(&model->random) % 8 == 0)
        ahead -= 100;
    return rt_time_plus(now, (rt_duration){ahead});
}

static void change_one(struct model *model, rt_time now)
{
    size_t i = seeded_next(&model->random) % TIMERS;

    if (seeded_next(&model->random) % 4 == 0) {
        rt_wheel_cancel(model->wheel, &model->timers[i]);
        model->scheduled[i] = false;
        assert_false(rt_timer_scheduled(&model->timers[i]));
        return;
    }
    rt_wheel_schedule(model->wheel, &model->timers[i], some_deadline(model, now),
                      (seeded_next(&model->random) % 5) << 32 | i);
    model->scheduled[i] = true;
    assert_true(rt_timer_scheduled(&model->timers[i]));
}

static void drain(struct model *model, rt_time until)
{
    for (;;) {
        const struct rt_timer *wanted = expected_next(model, until);
        struct rt_timer *timer = rt_wheel_next(model->wheel, until);

        assert_ptr_equal(timer, wanted);
        if (timer == NULL)
            return;
        assert_false(rt_timer_scheduled(timer));
        model->scheduled[timer - model->timers] = false;
        if (seeded_next(&model->random) % 3 == 0)
            change_one(model, timer->deadline);
    }
}

static void due_timers_come_as_from_a_sorted_list(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct model model = {.random = seeded_from(seed)};
        rt_time now = {seed % 2 == 0 ? 1760000000000 : -100000};

        assert_int_equal(rt_wheel_new(&model.wheel), RT_OK);
        for (int round = 0; round < 400; round++) {
            for (uint64_t n = seeded_next(&model.random) % 8; n > 0; n--)
                change_one(&model, now);
            now.ms +=
                (int64_t)(seeded_next(&model.random) % (round % 50 == 0 ? UINT64_C(1) << 40 : 500));
            drain(&model, now);
        }
        /* A time that lies behind the clock gives what is due up to it and leaves the clock alone. */
        drain(&model, (rt_time){now.ms - 1000});
        drain(&model, RT_TIME_MAX);
        rt_wheel_free(model.wheel);
    }
}

static void timers_of_one_deadline_come_by_tie(void **state)
{
    enum { COUNT = 1000 };
    static struct rt_timer timers[COUNT];
    struct rt_timer *previous = NULL;
    struct rt_wheel *wheel;

    (void)state;
    assert_int_equal(rt_wheel_new(&wheel), RT_OK);
    for (uint32_t i = 0; i < COUNT; i++)
        rt_wheel_schedule(wheel, &timers[i], (rt_time){5000},
                          (uint64_t)(i * 7919 % 31) << 32 | i * 104729 % COUNT);
    assert_null(rt_wheel_next(wheel, (rt_time){4999}));
    for (size_t i = 0; i < COUNT; i++) {
        struct rt_timer *timer = rt_wheel_next(wheel, (rt_time){5000});

        assert_non_null(timer);
        assert_true(previous == NULL || comes_before(previous, timer));
        previous = timer;
    }
    assert_null(rt_wheel_next(wheel, RT_TIME_MAX));
    rt_wheel_free(wheel);
}

static void a_deadline_in_the_past_is_due_at_once_and_before_later_ones(void **state)
{
    struct rt_timer past = {0}, present = {0}, end = {0};
    struct rt_wheel *wheel;

    (void)state;
    assert_int_equal(rt_wheel_new(&wheel), RT_OK);
    rt_wheel_schedule(wheel, &end, RT_TIME_MAX, 0);
    assert_null(rt_wheel_next(wheel, (rt_time){1000}));
    rt_wheel_schedule(wheel, &present, (rt_time){1000}, 0);
    rt_wheel_schedule(wheel, &past, (rt_time){10}, 9);
    assert_ptr_equal(rt_wheel_next(wheel, (rt_time){1000}), &past);
    assert_ptr_equal(rt_wheel_next(wheel, (rt_time){1000}), &present);
    assert_null(rt_wheel_next(wheel, RT_TIME_LAST));
    assert_ptr_equal(rt_wheel_next(wheel, RT_TIME_MAX), &end);
    rt_wheel_free(wheel);
}

static void a_wheel_without_memory_is_refused(void **state)
{
    size_t before = rt_live_blocks();
    struct rt_wheel *wheel = NULL;

    (void)state;
    rt_fault_arm(1);
    assert_int_equal(rt_wheel_new(&wheel), RT_ERR_NOMEM);
    assert_true(rt_fault_disarm());
    assert_null(wheel);
    assert_int_equal(rt_live_blocks(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(due_timers_come_as_from_a_sorted_list),
        cmocka_unit_test(timers_of_one_deadline_come_by_tie),
        cmocka_unit_test(a_deadline_in_the_past_is_due_at_once_and_before_later_ones),
        cmocka_unit_test(a_wheel_without_memory_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
