/* SPDX-License-Identifier: Apache-2.0 */
/* The saved form of windows: what goes on from it goes on as if nothing had happened, and damage is noticed or harmless. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/base/alloc.h"
#include "runtime/window/late.h"
#include "runtime/window/save.h"
#include "tests/support/windows.h"

enum { STREAMS = 60, EVENTS = 80 };

static const enum rt_window_kind kinds[] = {RT_WINDOW_TUMBLING, RT_WINDOW_HOPPING,
                                            RT_WINDOW_SLIDING,  RT_WINDOW_SESSION,
                                            RT_WINDOW_COUNT,    RT_WINDOW_GLOBAL};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static struct rt_text save(const struct rt_window_shape *shape, const struct rt_window *window,
                           struct rt_buffer *bytes)
{
    rt_buffer_reset(bytes);
    rt_window_save(shape, window, bytes);
    assert_false(bytes->failed);
    return rt_buffer_view(bytes);
}

static void save_and_load(const struct rt_window_shape *shape, struct rt_blocks *blocks,
                          struct rt_window **window, struct rt_buffer *bytes)
{
    struct rt_form form = rt_form_of(save(shape, *window, bytes));

    rt_window_free(shape, *window, blocks);
    *window = NULL;
    assert_int_equal(blocks->bytes_in_use, 0);
    assert_int_equal(rt_window_load(shape, blocks, &form, window), RT_OK);
    assert_true(rt_form_end(&form));
}

static void one_stream(const struct rt_window_shape *shape, uint64_t number)
{
    struct seeded seed = seeded_from(number);
    struct rt_window *whole = NULL, *broken = NULL;
    struct rt_blocks whole_blocks, broken_blocks;
    struct rt_buffer bytes;
    int64_t ms = -500;

    rt_blocks_init(&whole_blocks, SIZE_MAX);
    rt_blocks_init(&broken_blocks, SIZE_MAX);
    rt_buffer_init(&bytes, SIZE_MAX / 2);
    for (uint64_t i = 0; i < EVENTS; i++) {
        struct rt_value values[WINDOWS_AGGREGATES];

        ms += seeded_below(&seed, 4) == 0 ? seeded_below(&seed, 90) : seeded_below(&seed, 8);
        windows_values(&seed, values);
        assert_int_equal(windows_push(shape, &whole, &whole_blocks, ms, i, values), RT_OK);
        assert_int_equal(windows_push(shape, &broken, &broken_blocks, ms, i, values), RT_OK);
        assert_true(windows_equal(shape, whole, &whole_blocks, broken, &broken_blocks));
        save_and_load(shape, &broken_blocks, &broken, &bytes);
        assert_true(windows_equal(shape, whole, &whole_blocks, broken, &broken_blocks));
    }
    rt_window_free(shape, whole, &whole_blocks);
    rt_window_free(shape, broken, &broken_blocks);
    assert_int_equal(whole_blocks.bytes_in_use + broken_blocks.bytes_in_use, 0);
    rt_blocks_done(&whole_blocks);
    rt_blocks_done(&broken_blocks);
    rt_buffer_done(&bytes);
}

static void saved_and_loaded_at_every_event_a_window_goes_on_as_it_was(void **state)
{
    (void)state;
    for (uint64_t number = 0; number < STREAMS; number++) {
        const struct rt_window_shape shape = windows_shape(kinds[number % KINDS], 100, 10);

        one_stream(&shape, number);
    }
}

/* ---- windows that wait for late events ---- */

struct late_world {
    struct rt_window_shape shape, pane_shape;
    struct rt_late *late;
    struct rt_blocks blocks;
    struct rt_value lists[WINDOWS_AGGREGATES * 3];
};

static void late_world_init(struct late_world *world, enum rt_window_kind kind)
{
    *world = (struct late_world){.shape = windows_shape(kind, 100, 20)};
    world->shape.lateness.ms = 150;
    world->shape.lists = world->lists;
    world->pane_shape = rt_window_pane_shape(&world->shape);
    world->shape.pane_shape = &world->pane_shape;
    rt_blocks_init(&world->blocks, SIZE_MAX);
}

/* What the events up to `reached` bring to an end. */
static void late_world_advance(struct late_world *world, rt_time reached)
{
    rt_time end;

    if (world->late == NULL)
        return;
    while (rt_late_next_end(&world->shape, world->late, reached, &end))
        assert_int_equal(rt_late_close(&world->shape, world->late, &world->blocks, end), RT_OK);
    rt_late_expire(&world->shape, &world->late, &world->blocks, reached);
}

static void late_world_save_and_load(struct late_world *world, struct rt_buffer *bytes)
{
    struct rt_window *window = NULL;
    struct rt_form form;

    if (world->late == NULL)
        return;
    form = rt_form_of(save(&world->shape, &world->late->head, bytes));
    rt_window_free(&world->shape, &world->late->head, &world->blocks);
    assert_int_equal(world->blocks.bytes_in_use, 0);
    assert_int_equal(rt_window_load(&world->shape, &world->blocks, &form, &window), RT_OK);
    assert_true(rt_form_end(&form));
    world->late = (struct rt_late *)(void *)window;
}

static void assert_same_windows(struct late_world *left, struct late_world *right)
{
    assert_true((left->late == NULL) == (right->late == NULL));
    if (left->late == NULL)
        return;
    assert_int_equal(rt_late_deadline(&left->shape, left->late).ms,
                     rt_late_deadline(&right->shape, right->late).ms);
    for (int64_t ms = left->late->panes[0]->close.ms; ms < 5000; ms += 20) {
        struct rt_window *of_left, *of_right;

        assert_int_equal(
            rt_late_window(&left->shape, left->late, &left->blocks, (rt_time){ms}, &of_left),
            RT_OK);
        assert_int_equal(
            rt_late_window(&right->shape, right->late, &right->blocks, (rt_time){ms}, &of_right),
            RT_OK);
        assert_true((of_left == NULL) == (of_right == NULL));
        if (of_left != NULL) {
            assert_true(
                windows_equal(&left->pane_shape, of_left, &left->blocks, of_right, &right->blocks));
            rt_late_give_back(&left->shape, of_left, &left->blocks);
            rt_late_give_back(&right->shape, of_right, &right->blocks);
        }
    }
}

static void late_stream(enum rt_window_kind kind, uint64_t number)
{
    struct seeded seed = seeded_from(number);
    struct late_world whole, broken;
    struct rt_buffer bytes;
    struct rt_value values[WINDOWS_AGGREGATES];
    rt_time reached = {0};

    late_world_init(&whole, kind);
    late_world_init(&broken, kind);
    rt_buffer_init(&bytes, SIZE_MAX / 2);
    for (uint64_t i = 0; i < EVENTS; i++) {
        rt_time time = {reached.ms + seeded_below(&seed, 40) -
                        (i % 3 == 0 ? seeded_below(&seed, 300) : 0)};
        rt_time end;

        if (!rt_time_before(time, reached)) {
            reached = time;
            late_world_advance(&whole, reached);
            late_world_advance(&broken, reached);
        }
        windows_values(&seed, values);

        const struct rt_late_event event = {time, i, values, reached};
        enum rt_status status = rt_late_add(&whole.shape, &whole.late, &whole.blocks, &event, &end);

        assert_true(status == RT_OK || status == RT_ERR_DATA);
        assert_int_equal(rt_late_add(&broken.shape, &broken.late, &broken.blocks, &event, &end),
                         status);
        late_world_save_and_load(&broken, &bytes);
        assert_same_windows(&whole, &broken);
    }
    late_world_advance(&whole, RT_TIME_MAX);
    late_world_advance(&broken, RT_TIME_MAX);
    assert_null(whole.late);
    assert_null(broken.late);
    assert_int_equal(whole.blocks.bytes_in_use + broken.blocks.bytes_in_use, 0);
    rt_blocks_done(&whole.blocks);
    rt_blocks_done(&broken.blocks);
    rt_buffer_done(&bytes);
}

static const enum rt_window_kind late_kinds[] = {RT_WINDOW_TUMBLING, RT_WINDOW_HOPPING,
                                                 RT_WINDOW_SESSION};

static void windows_that_wait_for_late_events_go_on_too(void **state)
{
    (void)state;
    for (uint64_t number = 0; number < 15; number++)
        late_stream(late_kinds[number % 3], number);
}

/* A window of each kind with some events, saved. */
static void make_saved(const struct rt_window_shape *shape, struct rt_buffer *bytes)
{
    struct seeded seed = seeded_from(5);
    struct rt_window *window = NULL;
    struct rt_blocks blocks;

    rt_blocks_init(&blocks, SIZE_MAX);
    for (uint64_t i = 0; i < 7; i++) {
        struct rt_value values[WINDOWS_AGGREGATES];

        windows_values(&seed, values);
        assert_int_equal(windows_push(shape, &window, &blocks, (int64_t)i * 3, i, values), RT_OK);
    }
    save(shape, window, bytes);
    rt_window_free(shape, window, &blocks);
    rt_blocks_done(&blocks);
}

/* What loads, damaged or not, can be used and freed. */
static bool loads(const struct rt_window_shape *shape, struct rt_text bytes)
{
    struct rt_value values[WINDOWS_AGGREGATES];
    struct seeded seed = seeded_from(1);
    struct rt_form form = rt_form_of(bytes);
    struct rt_window *window = NULL;
    struct rt_blocks blocks;
    enum rt_status status;

    rt_blocks_init(&blocks, SIZE_MAX);
    status = rt_window_load(shape, &blocks, &form, &window);
    assert_true(status == RT_OK || status == RT_ERR_CORRUPT);
    assert_true((status == RT_OK) == (window != NULL));
    assert_true(status == RT_OK || rt_form_failed(&form));
    if (window != NULL) {
        windows_values(&seed, values);
        (void)windows_push(shape, &window, &blocks, 200, 100, values);
        rt_window_free(shape, window, &blocks);
    }
    assert_int_equal(blocks.bytes_in_use, 0);
    rt_blocks_done(&blocks);
    return status == RT_OK && rt_form_left(&form) == 0;
}

static void damaged_or_cut_short_it_is_refused_or_harmless(void **state)
{
    (void)state;
    for (size_t kind = 0; kind < KINDS; kind++) {
        const struct rt_window_shape shape = windows_shape(kinds[kind], 100, 10);
        struct rt_buffer bytes;

        rt_buffer_init(&bytes, SIZE_MAX / 2);
        make_saved(&shape, &bytes);
        assert_true(loads(&shape, rt_buffer_view(&bytes)));
        for (size_t length = 0; length < bytes.length; length++)
            assert_false(loads(&shape, (struct rt_text){bytes.data, length}));
        for (size_t at = 0; at < bytes.length; at++) {
            for (int bit = 0; bit < 8; bit++) {
                bytes.data[at] = (char)(bytes.data[at] ^ (1 << bit));
                (void)loads(&shape, rt_buffer_view(&bytes));
                bytes.data[at] = (char)(bytes.data[at] ^ (1 << bit));
            }
        }
        rt_buffer_done(&bytes);
    }
}

/* A window as saved under a limit of 100,000 times: how it is under one of two. */
static void load_under_less(const struct rt_window_shape *shape, struct rt_text bytes)
{
    struct rt_window_shape less = *shape;
    struct rt_form form = rt_form_of(bytes), again = rt_form_of(bytes);
    struct rt_window *as_it_was = NULL, *window = NULL;
    struct rt_value values[WINDOWS_AGGREGATES];
    struct seeded seed = seeded_from(1);
    struct rt_blocks blocks;
    enum rt_status status;

    less.panes_max = 2;
    rt_window_shape_init(&less);
    rt_blocks_init(&blocks, SIZE_MAX);
    assert_int_equal(rt_window_load(shape, &blocks, &form, &as_it_was), RT_OK);
    assert_int_equal(rt_window_load(&less, &blocks, &again, &window), RT_OK);
    assert_true(windows_equal(&less, window, &blocks, as_it_was, &blocks));
    windows_values(&seed, values);
    for (int64_t ms = 20; ms < 60; ms++) {
        status = windows_push(&less, &window, &blocks, ms, (uint64_t)ms, values);
        for (int left = 40; status == RT_ERR_LIMIT; left--) {
            assert_true(left > 0);
            rt_window_drop_oldest(&less, window, &blocks);
            status = rt_window_add(&less, &window, &blocks, (rt_time){ms}, (uint64_t)ms, values);
        }
        assert_int_equal(status, RT_OK);
    }
    rt_window_free(shape, as_it_was, &blocks);
    rt_window_free(&less, window, &blocks);
    assert_int_equal(blocks.bytes_in_use, 0);
    rt_blocks_done(&blocks);
}

static void saved_under_a_larger_limit_it_goes_on_under_a_smaller_one(void **state)
{
    (void)state;
    for (size_t kind = 0; kind < KINDS; kind++) {
        const struct rt_window_shape shape = windows_shape(kinds[kind], 100, 10);
        struct rt_buffer bytes;

        rt_buffer_init(&bytes, SIZE_MAX / 2);
        make_saved(&shape, &bytes);
        load_under_less(&shape, rt_buffer_view(&bytes));
        rt_buffer_done(&bytes);
    }
}

/* The same for one that waits for late events. */
static bool late_loads(struct late_world *world, struct rt_text bytes)
{
    struct rt_value values[WINDOWS_AGGREGATES];
    struct seeded seed = seeded_from(1);
    struct rt_form form = rt_form_of(bytes);
    struct rt_window *window = NULL;
    enum rt_status status = rt_window_load(&world->shape, &world->blocks, &form, &window);
    rt_time end;

    assert_true(status == RT_OK || status == RT_ERR_CORRUPT);
    assert_true((status == RT_OK) == (window != NULL));
    world->late = (struct rt_late *)(void *)window;
    if (window != NULL) {
        const struct rt_late_event event = {{150}, 100, values, {150}};

        windows_values(&seed, values);
        late_world_advance(world, event.time);
        status = rt_late_add(&world->shape, &world->late, &world->blocks, &event, &end);
        assert_true(status == RT_OK || status == RT_ERR_DATA || status == RT_ERR_LIMIT);
        late_world_advance(world, RT_TIME_MAX);
    }
    assert_null(world->late);
    assert_int_equal(world->blocks.bytes_in_use, 0);
    return window != NULL && rt_form_left(&form) == 0;
}

static void make_late_saved(struct late_world *world, int64_t begin_ms, struct rt_buffer *bytes)
{
    struct rt_value values[WINDOWS_AGGREGATES];
    struct seeded seed = seeded_from(5);
    rt_time end;

    for (uint64_t i = 0; i < 7; i++) {
        const rt_time time = {begin_ms + (int64_t)i * 30};
        const struct rt_late_event event = {time, i, values, time};

        windows_values(&seed, values);
        late_world_advance(world, time);
        assert_int_equal(rt_late_add(&world->shape, &world->late, &world->blocks, &event, &end),
                         RT_OK);
    }
    save(&world->shape, &world->late->head, bytes);
    rt_late_free(&world->shape, world->late, &world->blocks);
    world->late = NULL;
}

static void damaged_windows_that_wait_for_late_events_are_refused_or_harmless(void **state)
{
    static const int64_t begins[] = {0, -62135596800000}; /* the first instant of the year 1 */

    (void)state;
    for (size_t i = 0; i < 6; i++) {
        struct late_world world;
        struct rt_buffer bytes;

        late_world_init(&world, late_kinds[i % 3]);
        rt_buffer_init(&bytes, SIZE_MAX / 2);
        make_late_saved(&world, begins[i / 3], &bytes);
        assert_true(late_loads(&world, rt_buffer_view(&bytes)));
        for (size_t length = 0; length < bytes.length; length++)
            assert_false(late_loads(&world, (struct rt_text){bytes.data, length}));
        for (size_t at = 0; at < 8 * bytes.length; at++) {
            bytes.data[at / 8] = (char)(bytes.data[at / 8] ^ (1 << at % 8));
            (void)late_loads(&world, rt_buffer_view(&bytes));
            bytes.data[at / 8] = (char)(bytes.data[at / 8] ^ (1 << at % 8));
        }
        rt_blocks_done(&world.blocks);
        rt_buffer_done(&bytes);
    }
}

static void one_that_waits_for_late_events_goes_on_under_a_smaller_limit_too(void **state)
{
    (void)state;
    for (size_t kind = 0; kind < 3; kind++) {
        struct late_world world;
        struct rt_buffer bytes;

        late_world_init(&world, late_kinds[kind]);
        rt_buffer_init(&bytes, SIZE_MAX / 2);
        make_late_saved(&world, 0, &bytes);
        world.shape.panes_max = 1;
        world.pane_shape = rt_window_pane_shape(&world.shape);
        assert_true(late_loads(&world, rt_buffer_view(&bytes)));
        rt_blocks_done(&world.blocks);
        rt_buffer_done(&bytes);
    }
}

static void the_next_end_of_a_hopping_window_is_refused_unless_it_is_one(void **state)
{
    static const int64_t begins[] = {0, -62135596800000};
    struct late_world world;
    struct rt_buffer bytes;

    (void)state;
    late_world_init(&world, RT_WINDOW_HOPPING);
    rt_buffer_init(&bytes, SIZE_MAX / 2);
    for (size_t i = 0; i < 2; i++) {
        /* The last event is at 180, the next end at 200; the window of that end begins 100 before. */
        const struct {
            int64_t close;
            bool is_one;
        } cases[] = {{begins[i] + 200, true},  {begins[i] + 280, true}, {begins[i] + 300, false},
                     {begins[i] + 180, false}, {begins[i] + 20, false}, {RT_TIME_LAST.ms, false},
                     {INT64_MAX - 1, false},   {INT64_MIN, false}};

        for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
            struct rt_form form;
            struct rt_window *window = NULL;

            make_late_saved(&world, begins[i], &bytes);
            form = rt_form_of(rt_buffer_view(&bytes));
            assert_int_equal(rt_window_load(&world.shape, &world.blocks, &form, &window), RT_OK);
            window->close.ms = cases[k].close;
            form = rt_form_of(save(&world.shape, window, &bytes));
            rt_window_free(&world.shape, window, &world.blocks);
            window = NULL;
            assert_int_equal(rt_window_load(&world.shape, &world.blocks, &form, &window),
                             cases[k].is_one ? RT_OK : RT_ERR_CORRUPT);
            rt_window_free(&world.shape, window, &world.blocks);
        }
    }
    rt_blocks_done(&world.blocks);
    rt_buffer_done(&bytes);
}

static void add_time(struct late_world *world, int64_t ms)
{
    struct rt_value values[WINDOWS_AGGREGATES];
    struct seeded seed = seeded_from(5);
    const struct rt_late_event event = {{ms}, (uint64_t)ms, values, {200}};
    rt_time end;

    windows_values(&seed, values);
    assert_int_equal(rt_late_add(&world->shape, &world->late, &world->blocks, &event, &end), RT_OK);
}

static void sessions_that_become_one_were_told_of_as_often_as_can_be_said(void **state)
{
    struct late_world world;

    (void)state;
    late_world_init(&world, RT_WINDOW_SESSION);
    add_time(&world, 0);
    add_time(&world, 150);
    world.late->panes[0]->told = UINT16_MAX;
    world.late->panes[1]->told = 1;
    add_time(&world, 75);
    assert_int_equal(world.late->count, 1);
    assert_int_equal(world.late->panes[0]->told, UINT16_MAX);
    rt_late_free(&world.shape, world.late, &world.blocks);
    rt_blocks_done(&world.blocks);
}

static void a_lack_of_memory_leaves_nothing_behind(void **state)
{
    (void)state;
    for (size_t kind = 0; kind < KINDS; kind++) {
        const struct rt_window_shape shape = windows_shape(kinds[kind], 100, 10);
        bool complete = false;
        struct rt_buffer bytes;

        rt_buffer_init(&bytes, SIZE_MAX / 2);
        make_saved(&shape, &bytes);
        for (size_t bytes_max = 0; !complete; bytes_max += 32) {
            struct rt_form form = rt_form_of(rt_buffer_view(&bytes));
            struct rt_window *window = NULL;
            struct rt_blocks blocks;
            enum rt_status status;

            rt_blocks_init(&blocks, bytes_max);
            status = rt_window_load(&shape, &blocks, &form, &window);
            assert_true(status == RT_OK || status == RT_ERR_NOMEM);
            complete = status == RT_OK;
            rt_window_free(&shape, window, &blocks);
            assert_int_equal(blocks.bytes_in_use, 0);
            rt_blocks_done(&blocks);
        }
        rt_buffer_done(&bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(saved_and_loaded_at_every_event_a_window_goes_on_as_it_was),
        cmocka_unit_test(windows_that_wait_for_late_events_go_on_too),
        cmocka_unit_test(damaged_or_cut_short_it_is_refused_or_harmless),
        cmocka_unit_test(damaged_windows_that_wait_for_late_events_are_refused_or_harmless),
        cmocka_unit_test(saved_under_a_larger_limit_it_goes_on_under_a_smaller_one),
        cmocka_unit_test(one_that_waits_for_late_events_goes_on_under_a_smaller_limit_too),
        cmocka_unit_test(the_next_end_of_a_hopping_window_is_refused_unless_it_is_one),
        cmocka_unit_test(sessions_that_become_one_were_told_of_as_often_as_can_be_said),
        cmocka_unit_test(a_lack_of_memory_leaves_nothing_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
