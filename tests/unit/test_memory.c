/* SPDX-License-Identifier: Apache-2.0 */
/* Arenas, pools, blocks and the map, against plain models of what they promise. */
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

#include "runtime/base/alloc.h"
#include "runtime/base/arena.h"
#include "runtime/base/blocks.h"
#include "runtime/base/map.h"
#include "runtime/base/pool.h"
#include "tests/support/seeded.h"

static void an_arena_hands_out_cleared_aligned_memory_that_does_not_move(void **state)
{
    struct rt_arena arena;
    struct seeded seeded = seeded_from(2);
    unsigned char *blocks[500];
    size_t sizes[500];

    (void)state;
    rt_arena_init(&arena, 1 << 24);
    for (size_t i = 0; i < COUNT_OF(blocks); i++) {
        sizes[i] = 1 + seeded_below(&seeded, 5000);
        blocks[i] = rt_arena_alloc(&arena, sizes[i]);
        assert_int_equal((uintptr_t)blocks[i] % 16, 0);
        for (size_t j = 0; j < sizes[i]; j++)
            assert_int_equal(blocks[i][j], 0);
        memset(blocks[i], (int)(i & 255), sizes[i]);
    }
    for (size_t i = 0; i < COUNT_OF(blocks); i++)
        for (size_t j = 0; j < sizes[i]; j++)
            assert_int_equal(blocks[i][j], i & 255);
    rt_arena_done(&arena);
}

static void an_arena_stays_inside_its_bound_and_reuses_its_chunks(void **state)
{
    struct rt_arena arena;

    (void)state;
    rt_arena_init(&arena, 10000);
    assert_null(rt_arena_alloc(&arena, 10001));
    assert_non_null(rt_arena_alloc(&arena, 9000));
    assert_null(rt_arena_alloc(&arena, 9000));
    rt_arena_reset(&arena);
    size_t before = rt_live_blocks();

    assert_non_null(rt_arena_alloc(&arena, 9000));
    assert_int_equal(rt_live_blocks(), before);
    assert_null(rt_arena_array(&arena, SIZE_MAX / 2, 16));
    rt_arena_done(&arena);
}

static void an_arena_can_go_back_to_a_mark(void **state)
{
    struct rt_arena arena;

    (void)state;
    rt_arena_init(&arena, 1 << 20);
    char *kept = rt_arena_text(&arena, "kept", 4);
    struct rt_arena_mark mark = rt_arena_mark(&arena);
    char *first = rt_arena_raw(&arena, 100);

    for (int i = 0; i < 100; i++)
        rt_arena_raw(&arena, 1000);
    rt_arena_rewind(&arena, mark);
    assert_ptr_equal(rt_arena_raw(&arena, 100), first);
    assert_string_equal(kept, "kept");
    rt_arena_done(&arena);
}

static void a_pool_gives_back_what_it_got_and_holds_its_limit(void **state)
{
    struct rt_pool pool;
    void *objects[100];

    (void)state;
    rt_pool_init(&pool, 24, 100);
    for (size_t i = 0; i < 100; i++) {
        objects[i] = rt_pool_take(&pool);
        assert_non_null(objects[i]);
        memset(objects[i], 0xAA, 24);
    }
    assert_null(rt_pool_take(&pool));
    rt_pool_give(&pool, objects[40]);
    assert_ptr_equal(rt_pool_take(&pool), objects[40]);
    assert_int_equal(pool.in_use, 100);
    rt_pool_done(&pool);
}

static void blocks_of_all_sizes_keep_their_content_and_count_their_bytes(void **state)
{
    enum { LIVE = 200, BYTES_MAX = 1 << 24 };
    struct rt_blocks blocks;
    struct seeded seeded = seeded_from(3);
    struct {
        unsigned char *data;
        size_t size;
        unsigned char mark;
    } live[LIVE] = {{0}};

    (void)state;
    rt_blocks_init(&blocks, BYTES_MAX);
    for (int step = 0; step < 20000; step++) {
        size_t i = seeded_below(&seeded, LIVE);

        for (size_t j = 0; live[i].data != NULL && j < live[i].size; j += 97)
            assert_int_equal(live[i].data[j], live[i].mark);
        rt_blocks_give(&blocks, live[i].data, live[i].size);
        live[i].size = seeded_below(&seeded, step % 50 == 0 ? 200000 : 2000);
        live[i].mark = (unsigned char)step;
        live[i].data = rt_blocks_take(&blocks, live[i].size);
        if (live[i].data != NULL)
            memset(live[i].data, live[i].mark, live[i].size);
        assert_true(blocks.bytes_in_use <= BYTES_MAX);
        assert_true(rt_blocks_size(live[i].size) >= live[i].size);
    }
    for (size_t i = 0; i < LIVE; i++)
        rt_blocks_give(&blocks, live[i].data, live[i].size);
    assert_int_equal(blocks.bytes_in_use, 0);
    rt_blocks_done(&blocks);
}

static void a_block_class_wastes_at_most_a_third(void **state)
{
    (void)state;
    for (size_t bytes = 33; bytes <= 65536; bytes++) {
        size_t size = rt_blocks_size(bytes);

        assert_true(size >= bytes);
        assert_true((size - bytes) * 3 <= size);
    }
}

static void the_map_agrees_with_a_plain_array(void **state)
{
    enum { KEYS = 300 };
    struct rt_map map = {0};
    struct seeded seeded = seeded_from(4);
    char names[KEYS][8];
    uint64_t values[KEYS] = {0};
    bool there[KEYS] = {false};
    size_t count = 0;

    (void)state;
    for (int i = 0; i < KEYS; i++)
        snprintf(names[i], sizeof(names[i]), "%d", i * 37);
    for (int step = 0; step < 30000; step++) {
        uint32_t i = seeded_below(&seeded, KEYS);
        struct rt_text key = rt_text_of(names[i]);
        uint64_t value = 0;

        assert_int_equal(rt_map_get(&map, key, &value), there[i]);
        if (there[i])
            assert_true(value == values[i]);
        if (seeded_below(&seeded, 2) == 0) {
            values[i] = seeded_next(&seeded);
            assert_int_equal(rt_map_set(&map, key, values[i]), RT_OK);
            count += !there[i];
            there[i] = true;
        } else {
            assert_int_equal(rt_map_remove(&map, key), there[i]);
            count -= there[i];
            there[i] = false;
        }
        assert_int_equal(map.count, count);
    }
    rt_map_done(&map);
}

static void a_map_that_cannot_grow_is_unchanged(void **state)
{
    struct rt_map map = {0};
    char names[40][4];
    uint64_t value;

    (void)state;
    for (size_t i = 0; i < 12; i++) {
        snprintf(names[i], sizeof(names[i]), "%zu", i);
        assert_int_equal(rt_map_set(&map, rt_text_of(names[i]), i), RT_OK);
    }
    rt_fault_arm(1);
    assert_int_equal(rt_map_set(&map, RT_TEXT("one more"), 12), RT_ERR_NOMEM);
    assert_true(rt_fault_disarm());
    for (size_t i = 0; i < 12; i++)
        assert_true(rt_map_get(&map, rt_text_of(names[i]), &value) && value == i);
    assert_false(rt_map_get(&map, RT_TEXT("one more"), &value));
    rt_map_done(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_arena_hands_out_cleared_aligned_memory_that_does_not_move),
        cmocka_unit_test(an_arena_stays_inside_its_bound_and_reuses_its_chunks),
        cmocka_unit_test(an_arena_can_go_back_to_a_mark),
        cmocka_unit_test(a_pool_gives_back_what_it_got_and_holds_its_limit),
        cmocka_unit_test(blocks_of_all_sizes_keep_their_content_and_count_their_bytes),
        cmocka_unit_test(a_block_class_wastes_at_most_a_third),
        cmocka_unit_test(the_map_agrees_with_a_plain_array),
        cmocka_unit_test(a_map_that_cannot_grow_is_unchanged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
