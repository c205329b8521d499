/* SPDX-License-Identifier: Apache-2.0 */
/* The average over the windows of a span: against plain sums, saved and loaded at every step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/base/alloc.h"
#include "runtime/window/baseline.h"

enum { ENDS_MAX = 4000 };

static uint64_t random_state;

static int64_t random_below(int64_t bound)
{
    random_state = random_state * 6364136223846793005 + 1442695040888963407;
    return (int64_t)((random_state >> 33) % (uint64_t)bound);
}

struct world {
    struct rt_blocks blocks;
    struct rt_baseline_shape shape;
    struct rt_baseline baseline;
};

static void begin(struct world *world, int64_t span, int64_t apart)
{
    *world = (struct world){
        .shape = rt_baseline_shape_of((rt_duration){span}, (rt_duration){apart}),
    };
    rt_blocks_init(&world->blocks, SIZE_MAX);
}

static void end(struct world *world)
{
    rt_baseline_done(&world->baseline, &world->blocks);
    assert_int_equal(world->blocks.bytes_in_use, 0);
    rt_blocks_done(&world->blocks);
}

static void save_and_load(struct world *world)
{
    struct rt_baseline loaded = {0};
    struct rt_buffer form;
    struct rt_form reader;

    rt_buffer_init(&form, 1 << 20);
    rt_baseline_save(&world->baseline, &form);
    reader = rt_form_of(rt_buffer_view(&form));
    assert_int_equal(rt_baseline_load(&world->shape, &loaded, &world->blocks, &reader), RT_OK);
    assert_true(rt_form_end(&reader));
    rt_baseline_done(&world->baseline, &world->blocks);
    world->baseline = loaded;
    rt_buffer_done(&form);
}

static void add(struct world *world, int64_t at, int64_t apart, int64_t count,
                struct rt_value outcome)
{
    const struct rt_baseline_ends ends = {{at}, {apart}, count, outcome};

    assert_int_equal(rt_baseline_add(&world->shape, &world->baseline, &world->blocks, &ends),
                     RT_OK);
}

static void windows_that_lie_regularly_are_averaged_exactly(void **state)
{
    (void)state;
    random_state = 1;
    for (int round = 0; round < 200; round++) {
        const int64_t apart = 1 + random_below(20), span = apart * (2 + random_below(200));
        int64_t at = random_below(1000) - 500;
        int64_t ends[ENDS_MAX], values[ENDS_MAX];
        struct world world;
        size_t count = 0;

        begin(&world, span, apart);
        while (count < 300) {
            const int64_t many = random_below(4) == 0 ? 1 + random_below(30) : 1;
            const int64_t value = many > 1 ? 0 : random_below(100);
            double sum = 0, inside = 0;

            add(&world, at, apart, many, rt_int(value));
            for (int64_t i = 0; i < many; i++, at += apart) {
                ends[count] = at;
                values[count++] = value;
            }
            rt_baseline_settle(&world.shape, &world.baseline, (rt_time){at - apart});
            save_and_load(&world);
            for (size_t i = 0; i < count; i++) {
                if (ends[i] <= at - apart - span)
                    continue;
                sum += (double)values[i];
                inside += 1;
            }
            assert_true(rt_baseline_value(&world.baseline).u.real == sum / inside);
        }
        end(&world);
    }
}

static void windows_that_lie_anyhow_are_averaged_to_a_part_of_the_span(void **state)
{
    struct world world;
    int64_t at = 0;

    (void)state;
    random_state = 2;
    begin(&world, 25600, 0);
    assert_int_equal(world.shape.part.ms, 100);
    for (int i = 0; i < 20000; i++) {
        at += random_below(60);
        add(&world, at, 0, 1, rt_int(at));
        rt_baseline_settle(&world.shape, &world.baseline, (rt_time){at});
        assert_true(world.baseline.count <= RT_BASELINE_PARTS_MAX + 2);
        if (at < 30000)
            continue;
        /* The average end lies in the middle of the span, give or take what random ends and one part move it. */
        assert_in_range((uint64_t)((double)at - world.baseline.average), 12000, 13600);
    }
    end(&world);
}

static void what_is_no_number_is_no_window(void **state)
{
    struct world world;

    (void)state;
    begin(&world, 100, 10);
    add(&world, 10, 10, 1, rt_null());
    add(&world, 20, 10, 1, rt_string("x", 1));
    rt_baseline_settle(&world.shape, &world.baseline, (rt_time){20});
    assert_int_equal(rt_baseline_value(&world.baseline).type, RT_NULL);
    add(&world, 30, 10, 1, rt_double(2.5));
    rt_baseline_settle(&world.shape, &world.baseline, (rt_time){30});
    assert_true(rt_baseline_value(&world.baseline).u.real == 2.5);
    rt_baseline_settle(&world.shape, &world.baseline, (rt_time){130});
    assert_int_equal(rt_baseline_value(&world.baseline).type, RT_NULL);
    end(&world);
}

static void forms_that_are_none_are_refused(void **state)
{
    struct rt_buffer form, bad;
    struct world world;

    (void)state;
    begin(&world, 1000, 10);
    for (int64_t at = 10; at <= 50; at += 10)
        add(&world, at, 10, 1, rt_int(at));
    rt_baseline_settle(&world.shape, &world.baseline, (rt_time){50});
    rt_buffer_init(&form, 1 << 20);
    rt_baseline_save(&world.baseline, &form);
    for (size_t at = 0; at < form.length; at++) {
        for (int cut = 0; cut < 2; cut++) {
            struct rt_baseline loaded = {0};
            struct rt_form reader;
            enum rt_status status;

            rt_buffer_init(&bad, 1 << 20);
            rt_buffer_add(&bad, form.data, cut != 0 ? at : form.length);
            if (cut == 0)
                bad.data[at] = (char)(bad.data[at] ^ 0x41);
            reader = rt_form_of(rt_buffer_view(&bad));
            status = rt_baseline_load(&world.shape, &loaded, &world.blocks, &reader);
            assert_true(status == RT_ERR_CORRUPT || (status == RT_OK && cut == 0));
            rt_baseline_done(&loaded, &world.blocks);
            rt_buffer_done(&bad);
        }
    }
    rt_buffer_done(&form);
    end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_that_lie_regularly_are_averaged_exactly),
        cmocka_unit_test(windows_that_lie_anyhow_are_averaged_to_a_part_of_the_span),
        cmocka_unit_test(what_is_no_number_is_no_window),
        cmocka_unit_test(forms_that_are_none_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
