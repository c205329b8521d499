/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_window.c - [kind] and a saved window: any bytes load or are refused, and what loads can be used, saved again and
 * freed; saved and loaded again it reads the same.
 */
#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"
#include "runtime/window/late.h"
#include "runtime/window/save.h"
#include "tests/fuzz/target.h"
#include "tests/support/windows.h"

static void use(const struct rt_window_shape *shape, struct rt_window *window,
                struct rt_blocks *blocks)
{
    struct rt_value values[WINDOWS_AGGREGATES];
    struct seeded seed = seeded_from(1);
    struct rt_window *again = NULL;
    struct rt_blocks others;
    struct rt_buffer bytes;
    struct rt_form form;

    rt_blocks_init(&others, 1 << 24);
    rt_buffer_init(&bytes, 1 << 24);
    rt_window_save(shape, window, &bytes);
    RT_ASSERT(!bytes.failed);
    form = rt_form_of(rt_buffer_view(&bytes));
    RT_ASSERT(rt_window_load(shape, &others, &form, &again) == RT_OK && rt_form_end(&form));
    RT_ASSERT(windows_equal(shape, window, blocks, again, &others));
    windows_values(&seed, values);
    (void)windows_push(shape, &again, &others, rt_window_last(shape, window).ms + 50, 100, values);
    rt_window_free(shape, again, &others);
    RT_ASSERT(others.bytes_in_use == 0);
    rt_blocks_done(&others);
    rt_buffer_done(&bytes);
}

/* Windows that wait for late events: what loads can be saved, brought to its end and freed. */
static void load_late(struct rt_window_shape *shape, const uint8_t *data, size_t size)
{
    struct rt_form form = rt_form_of((struct rt_text){(const char *)data + 1, size - 1});
    struct rt_window_shape pane_shape;
    struct rt_window *window = NULL;
    struct rt_blocks blocks;
    struct rt_buffer bytes;

    shape->lateness.ms = 150;
    pane_shape = rt_window_pane_shape(shape);
    shape->pane_shape = &pane_shape;
    rt_blocks_init(&blocks, 1 << 24);
    rt_buffer_init(&bytes, 1 << 24);
    if (rt_window_load(shape, &blocks, &form, &window) == RT_OK) {
        struct rt_late *late = (struct rt_late *)(void *)window;
        rt_time end, reached = rt_time_plus(rt_late_deadline(shape, late), (rt_duration){500});

        rt_window_save(shape, window, &bytes);
        for (int i = 0; i < 100 && rt_late_next_end(shape, late, reached, &end); i++)
            (void)rt_late_close(shape, late, &blocks, end);
        rt_late_expire(shape, &late, &blocks, reached);
        rt_late_free(shape, late, &blocks);
    } else {
        RT_ASSERT(rt_form_failed(&form));
    }
    RT_ASSERT(blocks.bytes_in_use == 0);
    rt_buffer_done(&bytes);
    rt_blocks_done(&blocks);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rt_window *window = NULL;
    struct rt_window_shape shape;
    struct rt_blocks blocks;
    struct rt_form form;

    if (size == 0)
        return 0;
    shape = windows_shape((enum rt_window_kind)(data[0] % (RT_WINDOW_GLOBAL + 1)), 100, 10);
    if ((data[0] & 0x80) != 0 && shape.kind != RT_WINDOW_GLOBAL && shape.kind != RT_WINDOW_COUNT &&
        shape.kind != RT_WINDOW_SLIDING) {
        load_late(&shape, data, size);
        return 0;
    }
    form = rt_form_of((struct rt_text){(const char *)data + 1, size - 1});
    rt_blocks_init(&blocks, 1 << 24);
    if (rt_window_load(&shape, &blocks, &form, &window) == RT_OK)
        use(&shape, window, &blocks);
    else
        RT_ASSERT(rt_form_failed(&form));
    rt_window_free(&shape, window, &blocks);
    RT_ASSERT(blocks.bytes_in_use == 0);
    rt_blocks_done(&blocks);
    return 0;
}
