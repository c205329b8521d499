/* SPDX-License-Identifier: Apache-2.0 */
/* The key table against a plain array that is searched from end to end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "runtime/base/alloc.h"
#include "runtime/state/key_table.h"

enum { KEYS = 600, STEPS = 60000 };

struct oracle {
    bool present[KEYS];
    uint64_t value[KEYS];
    size_t count;
};

/* Short, exactly inline, just too long and very long keys. */
static struct rt_text name_of(unsigned number, char out[600])
{
    static const size_t lengths[] = {4, 8, 15, 16, 40, 500, 0};
    size_t length = lengths[number % 6];

    memset(out, 'k', length);
    for (size_t i = 0; i < 4; i++)
        out[i] = (char)('a' + number % 26), number /= 26;
    return (struct rt_text){out, length};
}

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* `weak`: many keys share a home place, so that runs of lines are long and wrap around the end. */
static uint64_t hash_of(struct rt_text key, bool weak)
{
    uint64_t hash = rt_key_hash(key);

    return weak ? hash | 0xf000000000000000u : hash;
}

static void expect_equal(const struct rt_key_table *table, const struct oracle *oracle, bool weak)
{
    char text[600];

    assert_int_equal(table->count, oracle->count);
    for (unsigned i = 0; i < KEYS; i++) {
        struct rt_text key = name_of(i, text);
        struct rt_key_line *line = rt_key_table_find(table, hash_of(key, weak), key);

        assert_int_equal(line != NULL, oracle->present[i]);
        if (line != NULL) {
            assert_int_equal(line->payload[0], oracle->value[i]);
            assert_int_equal(table->hints[rt_key_table_place(table, line)],
                             oracle->value[i] & 0xff);
            assert_true(rt_text_equal(rt_key_line_key(line), key));
        }
    }
}

static void play(bool weak, uint64_t seed)
{
    struct rt_key_table table;
    struct oracle oracle = {0};
    size_t before = rt_live_blocks();

    rt_key_table_init(&table, SIZE_MAX);
    rt_key_table_add_hints(&table);
    for (size_t step = 0; step < STEPS; step++) {
        char text[600];
        /* The key space in use swells and shrinks, so the table grows and shrinks with it. */
        unsigned wide = step / 10000 % 2 == 0 ? KEYS : KEYS / 40;
        unsigned number = (unsigned)(next_random(&seed) % wide);
        struct rt_text key = name_of(number, text);
        uint64_t hash = hash_of(key, weak);
        struct rt_key_line *line = rt_key_table_find(&table, hash, key);

        assert_int_equal(line != NULL, oracle.present[number]);
        if (line == NULL) {
            assert_int_equal(rt_key_table_insert(&table, hash, key, &line), RT_OK);
            assert_int_equal(line->payload[0], 0);
            assert_int_equal(table.hints[rt_key_table_place(&table, line)], 0);
            line->payload[0] = step;
            table.hints[rt_key_table_place(&table, line)] = (unsigned char)step;
            oracle.present[number] = true;
            oracle.value[number] = step;
            oracle.count++;
        } else if (next_random(&seed) % 3 != 0 || wide != KEYS) {
            rt_key_table_remove(&table, line);
            oracle.present[number] = false;
            oracle.count--;
        }
        if (step % 5000 == 0)
            expect_equal(&table, &oracle, weak);
    }
    expect_equal(&table, &oracle, weak);
    rt_key_table_done(&table);
    assert_int_equal(rt_live_blocks(), before);
}

static void the_table_holds_what_was_put_in_and_not_removed(void **state)
{
    (void)state;
    play(false, 0x9e3779b97f4a7c15u);
    play(false, 42);
}

static void keys_that_share_a_home_place_are_told_apart(void **state)
{
    (void)state;
    play(true, 7);
}

static void a_removed_key_leaves_nothing_behind(void **state)
{
    struct rt_key_table table;
    struct rt_key_line *line;
    char text[32];

    (void)state;
    rt_key_table_init(&table, SIZE_MAX);
    for (int i = 0; i < 100000; i++) {
        struct rt_text key = {text,
                              (size_t)snprintf(text, sizeof(text), "a-long-key-number-%d", i)};

        assert_int_equal(rt_key_table_insert(&table, rt_key_hash(key), key, &line), RT_OK);
        rt_key_table_remove(&table, rt_key_table_find(&table, rt_key_hash(key), key));
    }
    assert_int_equal(table.count, 0);
    assert_int_equal(rt_key_table_bytes(&table), 0);
    assert_int_equal(table.capacity, 16);
    rt_key_table_done(&table);
}

/* Keys whose homes are all `home` in a table of 65,536 lines, among others. */
struct crowd {
    size_t keys, others, home;
};

static uint64_t hash_in_crowd(const struct crowd *crowd, size_t number)
{
    const uint64_t mixed = rt_key_hash((struct rt_text){(const char *)&number, sizeof(number)});

    return number % crowd->others != 0
               ? mixed
               : (uint64_t)crowd->home << 48 | (mixed >> 17 & 0xffffffff) | 1;
}

static void expect_crowd(const struct rt_key_table *table, const struct crowd *crowd, size_t count)
{
    assert_int_equal(table->count, count);
    for (size_t i = 0; i < count; i++) {
        struct rt_key_line *line = rt_key_table_find(table, hash_in_crowd(crowd, i),
                                                     (struct rt_text){(const char *)&i, sizeof(i)});

        assert_non_null(line);
        assert_int_equal(line->payload[4], i);
        assert_int_equal(table->hints[rt_key_table_place(table, line)], i & 0xff);
    }
}

/* A large table grows within its memory, unless keys crowd at its beginning or end; without memory it stays what it was. */
static void a_large_table_grows_where_it_is(void **state)
{
    static const struct crowd crowds[] = {{200000, SIZE_MAX, 0},
                                          {60000, 8, 4500}, /* far from a home near the beginning */
                                          {60000, 8, 65535}, /* round the end */
                                          {60000, 50, 65000}};
    const size_t before = rt_live_blocks();

    (void)state;
    for (size_t i = 0; i < sizeof(crowds) / sizeof(crowds[0]); i++) {
        struct rt_key_table table;
        size_t failures = 0;

        rt_key_table_init(&table, SIZE_MAX);
        rt_key_table_add_hints(&table);
        for (size_t j = 0; j < crowds[i].keys; j++) {
            const struct rt_text key = {(const char *)&j, sizeof(j)};
            const size_t capacity = table.capacity;
            struct rt_key_line *line;
            enum rt_status status = RT_ERR_NOMEM;

            for (size_t nth = 1; status != RT_OK; nth++) {
                rt_fault_arm(nth);
                status = rt_key_table_insert(&table, hash_in_crowd(&crowds[i], j), key, &line);
                failures += rt_fault_disarm();
                assert_int_equal(table.count, j + (status == RT_OK));
            }
            line->payload[4] = j;
            table.hints[rt_key_table_place(&table, line)] = (unsigned char)j;
            if (table.capacity != capacity)
                expect_crowd(&table, &crowds[i], j + 1);
        }
        assert_true(failures > 20);
        expect_crowd(&table, &crowds[i], crowds[i].keys);
        rt_key_table_done(&table);
        assert_int_equal(rt_live_blocks(), before);
    }
}

static void a_table_that_emptied_gives_its_lines_back(void **state)
{
    struct rt_key_table table;
    struct rt_key_line *line;
    uint64_t number;

    (void)state;
    rt_key_table_init(&table, SIZE_MAX);
    for (number = 0; number < 100000; number++) {
        struct rt_text key = {(const char *)&number, sizeof(number)};

        assert_int_equal(rt_key_table_insert(&table, rt_key_hash(key), key, &line), RT_OK);
    }
    assert_int_equal(table.capacity, 262144);
    assert_int_equal((uintptr_t)table.lines % (2 << 20), 0);
    for (number = 0; number < 100000; number++) {
        struct rt_text key = {(const char *)&number, sizeof(number)};

        rt_key_table_remove(&table, rt_key_table_find(&table, rt_key_hash(key), key));
    }
    assert_true(table.capacity <= 64);
    rt_key_table_done(&table);
}

static void an_allocation_that_fails_changes_nothing(void **state)
{
    struct rt_key_table table;
    struct rt_key_line *line;
    size_t refused = 0;

    (void)state;
    rt_key_table_init(&table, SIZE_MAX);
    for (unsigned i = 0; i < KEYS; i++) {
        char text[600];
        struct rt_text key = name_of(i, text);

        for (size_t nth = 1;; nth++) {
            rt_fault_arm(nth);
            enum rt_status status = rt_key_table_insert(&table, rt_key_hash(key), key, &line);

            if (!rt_fault_disarm()) {
                assert_int_equal(status, RT_OK);
                break;
            }
            assert_int_equal(status, RT_ERR_NOMEM);
            assert_int_equal(table.count, i);
            assert_null(rt_key_table_find(&table, rt_key_hash(key), key));
            refused++;
        }
        assert_int_equal(table.count, i + 1);
    }
    assert_true(refused > 5);
    rt_key_table_done(&table);
}

static void long_keys_have_a_bound_and_short_ones_do_not(void **state)
{
    struct rt_key_table table;
    struct rt_key_line *line;
    struct rt_text long_key = RT_TEXT("a key of more than fifteen bytes");
    struct rt_text short_key = RT_TEXT("short");

    (void)state;
    rt_key_table_init(&table, 16);
    assert_int_equal(rt_key_table_insert(&table, rt_key_hash(long_key), long_key, &line),
                     RT_ERR_LIMIT);
    assert_int_equal(rt_key_table_insert(&table, rt_key_hash(short_key), short_key, &line), RT_OK);
    assert_int_equal(table.count, 1);
    rt_key_table_done(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_holds_what_was_put_in_and_not_removed),
        cmocka_unit_test(keys_that_share_a_home_place_are_told_apart),
        cmocka_unit_test(a_removed_key_leaves_nothing_behind),
        cmocka_unit_test(a_large_table_grows_where_it_is),
        cmocka_unit_test(a_table_that_emptied_gives_its_lines_back),
        cmocka_unit_test(an_allocation_that_fails_changes_nothing),
        cmocka_unit_test(long_keys_have_a_bound_and_short_ones_do_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
