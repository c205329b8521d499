/* SPDX-License-Identifier: Apache-2.0 */
/* What operators mean on values: tables of operands and results. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "rules/value_support.h"
#include "runtime/base/alloc.h"
#include "runtime/base/calendar.h"
#include "tests/support/call_fixture.h"

static struct rt_value text(const char *string)
{
    return rt_string(string, (uint32_t)strlen(string));
}

static struct rt_value span(int64_t nanoseconds)
{
    return (struct rt_value){.type = RT_DURATION, .u.integer = nanoseconds};
}

static struct rt_value instant(int64_t seconds, uint32_t nanos)
{
    return (struct rt_value){.type = RT_TIMESTAMP, .length = nanos, .u.integer = seconds};
}

static struct rt_value list(const struct rt_value *items, uint32_t count)
{
    return (struct rt_value){.type = RT_LIST, .length = count, .u.items = items};
}

#define ERROR_TYPE                                                                                 \
    {                                                                                              \
        .type = RT_ERROR, .aux = RT_ERROR_TYPE                                                     \
    }
#define ERROR_RANGE                                                                                \
    {                                                                                              \
        .type = RT_ERROR, .aux = RT_ERROR_RANGE                                                    \
    }
#define ERROR_DIVIDE                                                                               \
    {                                                                                              \
        .type = RT_ERROR, .aux = RT_ERROR_DIVIDE                                                   \
    }
#define INT(x)                                                                                     \
    {                                                                                              \
        .type = RT_INT, .u.integer = (x)                                                           \
    }
#define UINT(x)                                                                                    \
    {                                                                                              \
        .type = RT_UINT, .u.natural = (x)                                                          \
    }
#define REAL(x)                                                                                    \
    {                                                                                              \
        .type = RT_DOUBLE, .u.real = (x)                                                           \
    }
#define SPAN(x)                                                                                    \
    {                                                                                              \
        .type = RT_DURATION, .u.integer = (x)                                                      \
    }
#define STRING(x)                                                                                  \
    {                                                                                              \
        .type = RT_STRING, .length = sizeof(x) - 1, .u.text = (x)                                  \
    }

static void assert_same(struct rt_value got, struct rt_value wanted)
{
    assert_int_equal(got.type, wanted.type);
    if (wanted.type == RT_ERROR)
        assert_int_equal(got.aux, wanted.aux);
    else
        assert_true(expr_value_equal(got, wanted));
}

typedef struct rt_value operator_fn(struct expr_call *call, struct rt_value left,
                                    struct rt_value right);

static void arithmetic_never_wraps_around(void **state)
{
    static const struct {
        operator_fn *operate;
        struct rt_value left, right, result;
    } cases[] = {
        {expr_op_add, INT(1), INT(2), INT(3)},
        {expr_op_add, INT(INT64_MAX), INT(1), ERROR_RANGE},
        {expr_op_add, UINT(UINT64_MAX), UINT(1), ERROR_RANGE},
        {expr_op_add, INT(1), UINT(1), ERROR_TYPE},
        {expr_op_add, INT(1), REAL(0.5), REAL(1.5)},
        {expr_op_add, REAL(0.5), UINT(1), REAL(1.5)},
        {expr_op_add, STRING("ab"), STRING("c"), STRING("abc")},
        {expr_op_add, STRING("ab"), INT(1), ERROR_TYPE},
        {expr_op_add, SPAN(INT64_MAX), SPAN(1), ERROR_RANGE},
        {expr_op_subtract, INT(INT64_MIN), INT(1), ERROR_RANGE},
        {expr_op_subtract, UINT(1), UINT(2), ERROR_RANGE},
        {expr_op_subtract, SPAN(INT64_MIN), SPAN(1), ERROR_RANGE},
        {expr_op_subtract, REAL(3), INT(1), REAL(2)},
        {expr_op_multiply, INT(INT64_MAX), INT(2), ERROR_RANGE},
        {expr_op_multiply, INT(2), REAL(1.25), REAL(2.5)},
        {expr_op_multiply, UINT(UINT64_MAX), UINT(2), ERROR_RANGE},
        {expr_op_divide, INT(7), INT(-2), INT(-3)},
        {expr_op_divide, INT(1), INT(0), ERROR_DIVIDE},
        {expr_op_divide, INT(INT64_MIN), INT(-1), ERROR_RANGE},
        {expr_op_divide, UINT(7), UINT(0), ERROR_DIVIDE},
        {expr_op_divide, REAL(1), REAL(0), REAL(INFINITY)},
        {expr_op_remainder, INT(-3), INT(5), INT(-3)},
        {expr_op_remainder, INT(INT64_MIN), INT(-1), ERROR_RANGE},
        {expr_op_remainder, INT(1), INT(0), ERROR_DIVIDE},
        {expr_op_remainder, REAL(1), REAL(2), ERROR_TYPE},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_same(cases[i].operate(&fixture->call, cases[i].left, cases[i].right),
                    cases[i].result);
    assert_same(expr_op_negate(&fixture->call, rt_int(INT64_MIN)), rt_error(RT_ERROR_RANGE));
    assert_same(expr_op_negate(&fixture->call, rt_uint(1)), rt_error(RT_ERROR_TYPE));
    assert_same(expr_op_not(&fixture->call, rt_int(1)), rt_error(RT_ERROR_TYPE));
}

static void times_and_durations_stay_in_their_range(void **state)
{
    struct fixture *fixture = *state;
    struct expr_call *call = &fixture->call;
    struct rt_value first = instant(RT_SECONDS_FIRST, 0),
                    last = instant(RT_SECONDS_LAST, 999999999);

    assert_same(expr_op_add(call, instant(10, 500000000), span(-1500000000)), instant(9, 0));
    assert_same(expr_op_add(call, span(700000000), instant(10, 500000000)), instant(11, 200000000));
    assert_same(expr_op_subtract(call, instant(10, 1), span(2)), instant(9, 999999999));
    assert_same(expr_op_subtract(call, first, span(1)), rt_error(RT_ERROR_RANGE));
    assert_same(expr_op_add(call, last, span(1)), rt_error(RT_ERROR_RANGE));
    assert_same(expr_op_subtract(call, last, first), rt_error(RT_ERROR_RANGE));
    assert_same(expr_op_subtract(call, instant(0, 1), instant(1, 0)), span(-999999999));
    assert_same(expr_op_subtract(call, instant(1, 0), instant(0, 1)), span(999999999));
    /* The two ends of int64 nanoseconds. */
    assert_same(expr_op_subtract(call, instant(9223372036, 854775807), instant(0, 0)),
                span(INT64_MAX));
    assert_same(expr_op_subtract(call, instant(0, 0), instant(9223372036, 854775808)),
                span(INT64_MIN));
    assert_same(expr_op_subtract(call, instant(9223372036, 854775808), instant(0, 0)),
                rt_error(RT_ERROR_RANGE));
    assert_same(expr_op_subtract(call, last, span(INT64_MIN)), rt_error(RT_ERROR_RANGE));
}

/* Ascending by value; equal ones share a rank. */
static const struct {
    struct rt_value value;
    int rank;
} numbers[] = {
    {REAL(-INFINITY), 0},
    {REAL(-1e19), 1},
    {INT(INT64_MIN), 2},
    {REAL(-0x1p63), 2},
    {INT(INT64_MIN + 1), 3},
    {INT(-1), 4},
    {REAL(-1), 4},
    {REAL(-0.5), 5},
    {INT(0), 6},
    {UINT(0), 6},
    {REAL(0.0), 6},
    {REAL(-0.0), 6},
    {REAL(0.5), 7},
    {INT(1), 8},
    {UINT(1), 8},
    {REAL(1), 8},
    {INT(9007199254740992), 9},
    {REAL(9007199254740992.0), 9},
    {INT(9007199254740993), 10},
    {INT(INT64_MAX), 11},
    {UINT(INT64_MAX), 11},
    {REAL(0x1p63), 12},
    {UINT((uint64_t)1 << 63), 12},
    {UINT(UINT64_MAX), 13},
    {REAL(0x1p64), 14},
    {REAL(INFINITY), 15},
};

static void numbers_compare_by_value_across_types(void **state)
{
    struct fixture *fixture = *state;
    struct expr_call *call = &fixture->call;
    enum { COUNT = sizeof(numbers) / sizeof(numbers[0]) };

    for (size_t i = 0; i < COUNT; i++) {
        for (size_t j = 0; j < COUNT; j++) {
            struct rt_value a = numbers[i].value, b = numbers[j].value;
            int order = numbers[i].rank - numbers[j].rank;

            assert_int_equal(expr_op_less(call, a, b).u.boolean, order < 0);
            assert_int_equal(expr_op_less_equal(call, a, b).u.boolean, order <= 0);
            assert_int_equal(expr_op_greater(call, a, b).u.boolean, order > 0);
            assert_int_equal(expr_op_greater_equal(call, a, b).u.boolean, order >= 0);
            assert_int_equal(expr_op_equal(call, a, b).u.boolean, order == 0);
            assert_int_equal(expr_op_not_equal(call, a, b).u.boolean, order != 0);
            if (order == 0)
                assert_int_equal(expr_value_hash(a), expr_value_hash(b));
        }
    }
}

static void a_nan_equals_nothing_and_is_not_ordered(void **state)
{
    struct fixture *fixture = *state;
    struct expr_call *call = &fixture->call;
    const struct rt_value others[] = {INT(1), UINT(1), REAL(1), REAL(NAN)};

    for (size_t i = 0; i < 4; i++) {
        struct rt_value nan = rt_double(NAN);

        assert_false(expr_op_equal(call, nan, others[i]).u.boolean);
        assert_true(expr_op_not_equal(call, others[i], nan).u.boolean);
        assert_false(expr_op_less(call, nan, others[i]).u.boolean);
        assert_false(expr_op_greater_equal(call, others[i], nan).u.boolean);
        assert_int_equal(expr_op_less(call, others[i], nan).type, RT_BOOL);
    }
}

static void other_types_are_equal_by_content_and_seldom_ordered(void **state)
{
    struct fixture *fixture = *state;
    struct expr_call *call = &fixture->call;
    struct rt_value left_items[] = {INT(1), STRING("x")}, right_items[] = {REAL(1), STRING("x")};
    struct rt_map_entry left_entries[] = {{INT(1), STRING("a")}, {STRING("k"), UINT(2)}};
    struct rt_map_entry right_entries[] = {{STRING("k"), INT(2)}, {UINT(1), STRING("a")}};
    struct rt_value left_map = {.type = RT_MAP, .length = 2, .u.entries = left_entries};
    struct rt_value right_map = {.type = RT_MAP, .length = 2, .u.entries = right_entries};

    assert_true(expr_op_equal(call, list(left_items, 2), list(right_items, 2)).u.boolean);
    assert_false(expr_op_equal(call, list(left_items, 2), list(right_items, 1)).u.boolean);
    assert_true(expr_op_equal(call, left_map, right_map).u.boolean);
    assert_int_equal(expr_value_hash(left_map), expr_value_hash(right_map));
    right_entries[1].value = text("b");
    assert_false(expr_op_equal(call, left_map, right_map).u.boolean);
    assert_false(expr_op_equal(call, text("1"), rt_int(1)).u.boolean);
    assert_false(expr_op_equal(call, text("1"), rt_null()).u.boolean);
    assert_true(expr_op_equal(call, rt_null(), rt_null()).u.boolean);
    assert_true(expr_op_less(call, rt_bool(false), rt_bool(true)).u.boolean);
    assert_true(expr_op_less(call, text("Z"), text("a")).u.boolean);
    assert_same(expr_op_less(call, rt_null(), rt_null()), rt_error(RT_ERROR_TYPE));
    assert_same(expr_op_less(call, text("5"), rt_int(1)), rt_error(RT_ERROR_TYPE));
    assert_same(expr_op_less(call, list(left_items, 2), list(left_items, 2)),
                rt_error(RT_ERROR_TYPE));
}

static void errors_and_absent_fields_pass_through(void **state)
{
    struct fixture *fixture = *state;
    struct expr_call *call = &fixture->call;
    static operator_fn *const operators[] = {
        expr_op_equal,         expr_op_not_equal, expr_op_less,     expr_op_less_equal,
        expr_op_greater,       expr_op_add,       expr_op_subtract, expr_op_multiply,
        expr_op_greater_equal, expr_op_divide,    expr_op_remainder};
    struct rt_value absent = {.type = RT_ABSENT}, error = rt_error(RT_ERROR_RANGE);

    for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
        assert_same(operators[i](call, error, rt_int(1)), error);
        assert_same(operators[i](call, rt_int(1), error), error);
        assert_same(operators[i](call, absent, rt_int(1)), rt_error(RT_ERROR_NO_FIELD));
        assert_same(operators[i](call, rt_int(1), absent), rt_error(RT_ERROR_NO_FIELD));
    }
}

static void a_long_list_is_looked_through_in_one_step(void **state)
{
    enum { ITEMS = 100000, TEXT = 16 };
    struct fixture *fixture = *state;
    struct expr_call *call = &fixture->call;
    struct rt_arena arena;
    struct rt_value *items, indexed;

    rt_arena_init(&arena, 64 << 20);
    items = rt_arena_array(&arena, ITEMS, sizeof(*items));
    assert_non_null(items);
    for (int i = 0; i < ITEMS; i++)
        items[i] = text(rt_arena_printf(&arena, "user-%d", 2 * i));
    assert_int_equal(expr_value_index(list(items, ITEMS), &arena, &indexed), RT_OK);
    call->fuel = 2 * ITEMS;
    for (int i = 0; i < 2 * ITEMS; i++) {
        char name[TEXT];

        (void)snprintf(name, sizeof(name), "user-%d", i);
        assert_int_equal(expr_op_in(call, text(name), indexed).u.boolean, i % 2 == 0);
    }
    assert_int_equal(call->fuel, 0);
    rt_arena_done(&arena);
}

static void selection_and_index_find_what_is_there(void **state)
{
    struct fixture *fixture = *state;
    struct expr_call *call = &fixture->call;
    struct rt_value items[] = {STRING("a"), STRING("b")};
    struct rt_map_entry entries[] = {
        {STRING("f"), INT(7)}, {INT(3), STRING("three")}, {STRING("n"), {.type = RT_NULL}}};
    struct rt_value map = {.type = RT_MAP, .length = 3, .u.entries = entries};
    struct rt_value two = list(items, 2);

    assert_same(expr_op_select(call, map, RT_TEXT("f")), rt_int(7));
    assert_same(expr_op_select(call, map, RT_TEXT("g")), rt_error(RT_ERROR_NO_FIELD));
    assert_same(expr_op_select(call, rt_int(1), RT_TEXT("g")), rt_error(RT_ERROR_TYPE));
    assert_same(expr_op_has(call, map, RT_TEXT("n")), rt_bool(true));
    assert_same(expr_op_has(call, map, RT_TEXT("g")), rt_bool(false));
    assert_same(expr_op_has(call, rt_null(), RT_TEXT("g")), rt_error(RT_ERROR_TYPE));
    assert_same(expr_op_index(call, map, rt_double(3.0)), text("three"));
    assert_same(expr_op_index(call, map, rt_double(3.5)), rt_error(RT_ERROR_NO_FIELD));
    assert_same(expr_op_index(call, map, rt_null()), rt_error(RT_ERROR_TYPE));
    assert_same(expr_op_index(call, two, rt_uint(1)), text("b"));
    assert_same(expr_op_index(call, two, rt_int(-1)), rt_error(RT_ERROR_INDEX));
    assert_same(expr_op_index(call, two, rt_int(2)), rt_error(RT_ERROR_INDEX));
    assert_same(expr_op_index(call, two, rt_double(0.5)), rt_error(RT_ERROR_INDEX));
    assert_same(expr_op_index(call, two, text("0")), rt_error(RT_ERROR_TYPE));
    assert_same(expr_op_in(call, text("b"), two), rt_bool(true));
    assert_same(expr_op_in(call, rt_int(3), map), rt_bool(true));
    assert_same(expr_op_in(call, rt_null(), map), rt_bool(false));
    assert_same(expr_op_in(call, rt_int(3), rt_int(3)), rt_error(RT_ERROR_TYPE));
}

static void an_optional_carries_absence_along(void **state)
{
    struct fixture *fixture = *state;
    struct expr_call *call = &fixture->call;
    struct rt_map_entry entries[] = {{STRING("f"), INT(7)}};
    struct rt_value map = {.type = RT_MAP, .length = 1, .u.entries = entries};
    struct rt_value some = expr_op_optional_select(call, map, RT_TEXT("f"));
    struct rt_value none = expr_op_optional_select(call, map, RT_TEXT("g"));

    assert_int_equal(some.type, RT_OPTIONAL);
    assert_same(some.u.items[0], rt_int(7));
    assert_int_equal(none.type, RT_OPTIONAL);
    assert_null(none.u.items);
    assert_null(expr_op_select(call, none, RT_TEXT("x")).u.items);
    assert_same(expr_op_select(call, some, RT_TEXT("x")), rt_error(RT_ERROR_TYPE));
    assert_same(expr_op_optional_select(call, rt_int(1), RT_TEXT("x")), rt_error(RT_ERROR_TYPE));
    assert_same(expr_op_has(call, none, RT_TEXT("x")), rt_bool(false));
    assert_false(expr_op_equal(call, some, none).u.boolean);
    assert_true(expr_op_equal(call, some, some).u.boolean);
}

static void an_indexed_list_or_map_answers_as_a_plain_one(void **state)
{
    struct fixture *fixture = *state;
    enum { COUNT = 1000 };
    struct rt_value *items = rt_arena_array(&fixture->arena, COUNT, sizeof(*items));
    struct rt_map_entry *entries = rt_arena_array(&fixture->arena, COUNT, sizeof(*entries));
    struct rt_value indexed_list, indexed_map;

    for (int64_t i = 0; i < COUNT; i++) {
        items[i] = i % 2 == 0 ? rt_int(i) : rt_double((double)i);
        entries[i] = (struct rt_map_entry){
            items[i].type == RT_INT ? items[i] : rt_uint((uint64_t)i), rt_int(-i)};
    }
    assert_int_equal(expr_value_index(list(items, COUNT), &fixture->arena, &indexed_list), RT_OK);
    assert_int_equal(
        expr_value_index((struct rt_value){.type = RT_MAP, .length = COUNT, .u.entries = entries},
                         &fixture->arena, &indexed_map),
        RT_OK);
    assert_int_equal(indexed_list.flags, RT_FLAG_INDEXED);
    for (int64_t i = -10; i < COUNT + 10; i++) {
        bool there = i >= 0 && i < COUNT;
        struct rt_value found = expr_op_index(&fixture->call, indexed_map, rt_double((double)i));

        assert_int_equal(expr_op_in(&fixture->call, rt_int(i), indexed_list).u.boolean, there);
        assert_same(found, there ? rt_int(-i) : rt_error(RT_ERROR_NO_FIELD));
    }
    assert_true(expr_value_equal(indexed_list, list(items, COUNT)));
}

static void work_is_bounded_by_the_fuel(void **state)
{
    struct fixture *fixture = *state;
    struct expr_call *call = &fixture->call;
    struct rt_value pairs[40][2];
    struct rt_value nested = rt_int(1);

    /* 2^40 items, told by 80 values. */
    for (size_t i = 0; i < 40; i++) {
        pairs[i][0] = pairs[i][1] = nested;
        nested = list(pairs[i], 2);
    }
    call->fuel = 100000;
    assert_same(expr_op_equal(call, nested, nested), rt_error(RT_ERROR_LIMIT));
    call->fuel = 1;
    assert_same(expr_op_in(call, rt_int(2), list(pairs[0], 2)), rt_error(RT_ERROR_LIMIT));
}

static void a_text_is_found_as_by_trying_every_place(void **state)
{
    uint32_t seed = 12345;

    (void)state;
    for (int round = 0; round < 20000; round++) {
        char haystack[64], needle[8];
        size_t length = 0, part = 0;

        for (; length < sizeof(haystack) && (seed >> 16) % 50 != 0; length++) {
            seed = seed * 1664525u + 1013904223u;
            haystack[length] = (char)('a' + (seed >> 24) % 2);
        }
        for (; part < sizeof(needle) && (seed >> 16) % 6 != 0; part++) {
            seed = seed * 1664525u + 1013904223u;
            needle[part] = (char)('a' + (seed >> 24) % 2);
        }
        seed = seed * 1664525u + 1013904223u;

        size_t wanted = SIZE_MAX;

        for (size_t at = 0; wanted == SIZE_MAX && at + part <= length; at++)
            if (memcmp(haystack + at, needle, part) == 0)
                wanted = at;
        assert_int_equal(
            expr_text_find((struct rt_text){haystack, length}, (struct rt_text){needle, part}, 0),
            wanted);
    }
}

static void a_text_made_to_hurt_is_found_in_linear_time(void **state)
{
    enum { LENGTH = 1 << 20 };
    char *haystack = malloc(LENGTH), *needle = malloc(LENGTH / 2);

    (void)state;
    memset(haystack, 'a', LENGTH);
    memset(needle, 'a', LENGTH / 2);
    needle[LENGTH / 2 - 1] = 'b';
    assert_int_equal(
        expr_text_find((struct rt_text){haystack, LENGTH}, (struct rt_text){needle, LENGTH / 2}, 0),
        SIZE_MAX);
    haystack[LENGTH - 1] = 'b';
    assert_int_equal(
        expr_text_find((struct rt_text){haystack, LENGTH}, (struct rt_text){needle, LENGTH / 2}, 0),
        LENGTH / 2);
    free(haystack);
    free(needle);
}

static void a_value_is_printed_as_cel_does(void **state)
{
    static const struct {
        struct rt_value value;
        const char *text; /* NULL: there is no such conversion */
    } cases[] = {
        {REAL(899.0), "899"},
        {REAL(-4.5e-3), "-0.0045"},
        {INT(INT64_MIN), "-9223372036854775808"},
        {UINT(UINT64_MAX), "18446744073709551615"},
        {SPAN(3900000000000), "3900s"},
        {SPAN(-500000000), "-0.5s"},
        {SPAN(0), "0s"},
        {SPAN(INT64_MIN), "-9223372036.854775808s"},
        {{.type = RT_TIMESTAMP, .length = 999999999, .u.integer = RT_SECONDS_LAST},
         "9999-12-31T23:59:59.999999999Z"},
        {{.type = RT_BOOL, .u.boolean = true}, "true"},
        {{.type = RT_BYTES, .length = 1, .u.text = "\xff"}, NULL},
        {{.type = RT_NULL}, NULL},
        {{.type = RT_LIST}, NULL},
    };
    struct rt_buffer out;

    (void)state;
    rt_buffer_init(&out, CALL_BYTES_MAX);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        rt_buffer_reset(&out);
        assert_int_equal(expr_value_text(cases[i].value, &out), cases[i].text != NULL);
        if (cases[i].text != NULL)
            assert_string_equal(out.data, cases[i].text);
    }
    rt_buffer_done(&out);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(arithmetic_never_wraps_around),
        TEST(times_and_durations_stay_in_their_range),
        TEST(numbers_compare_by_value_across_types),
        TEST(a_nan_equals_nothing_and_is_not_ordered),
        TEST(other_types_are_equal_by_content_and_seldom_ordered),
        TEST(errors_and_absent_fields_pass_through),
        TEST(a_long_list_is_looked_through_in_one_step),
        TEST(selection_and_index_find_what_is_there),
        TEST(an_optional_carries_absence_along),
        TEST(an_indexed_list_or_map_answers_as_a_plain_one),
        TEST(work_is_bounded_by_the_fuel),
        TEST(a_text_is_found_as_by_trying_every_place),
        TEST(a_text_made_to_hurt_is_found_in_linear_time),
        TEST(a_value_is_printed_as_cel_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
