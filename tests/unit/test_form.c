/* SPDX-License-Identifier: Apache-2.0 */
/* The saved form of numbers, texts and values. */
#include "tests/support/unit.h"

#include <string.h>

#include "runtime/event/value_form.h"
#include "tests/support/seeded.h"

enum { BYTES_MAX = 1 << 20, ROUNDS = 20000 };

static void numbers_come_back(void **state)
{
    static const uint64_t edges[] = {0, 1, 0x7f, 0x80, 0x3fff, 0x4000, UINT64_MAX - 1, UINT64_MAX};
    struct seeded seeded = seeded_from(7);
    struct rt_buffer out;

    (void)state;
    rt_buffer_init(&out, BYTES_MAX);
    for (size_t i = 0; i < ROUNDS; i++) {
        uint64_t value = i < COUNT_OF(edges) ? edges[i] : seeded_next(&seeded) >> (i % 64);
        double real;

        memcpy(&real, &value, sizeof(real));
        rt_buffer_reset(&out);
        rt_form_add_uint(&out, value);
        rt_form_add_int(&out, (int64_t)value);
        rt_form_add_fixed(&out, value);
        rt_form_add_double(&out, real);
        rt_form_add_bool(&out, (value & 1) != 0);

        struct rt_form form = rt_form_of(rt_buffer_view(&out));

        assert_int_equal(rt_form_uint(&form), value);
        assert_int_equal(rt_form_int(&form), (int64_t)value);
        assert_int_equal(rt_form_fixed(&form), value);

        double back = rt_form_double(&form);

        assert_memory_equal(&back, &real, sizeof(real));
        assert_int_equal(rt_form_bool(&form), (value & 1) != 0);
        assert_true(rt_form_end(&form));
    }
    rt_buffer_done(&out);
}

static void a_number_has_one_form_only(void **state)
{
    static const struct {
        const char *bytes;
        size_t length;
        const char *why;
    } cases[] = {
        {"", 0, "ends too early"},
        {"\x80", 1, "ends too early"},
        {"\x80\x00", 2, "not a number"},                                      /* 0, longer */
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10, "not a number"},     /* 2^64 and more */
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x01", 11, "not a number"}, /* longer yet */
        {"\x01\x01", 2, "bytes left over"}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct rt_form form = rt_form_of((struct rt_text){cases[i].bytes, cases[i].length});

        (void)rt_form_uint(&form);
        assert_false(rt_form_end(&form));
        assert_string_equal(form.why, cases[i].why);
    }
}

static void a_text_longer_than_what_is_left_is_refused_where_it_begins(void **state)
{
    struct rt_form form = rt_form_of(RT_TEXT("\x02"
                                             "ab"
                                             "\x03"
                                             "cd"));

    (void)state;
    assert_true(rt_text_is(rt_form_text(&form), "ab"));
    assert_int_equal(rt_form_text(&form).length, 0);
    assert_int_equal(rt_form_offset(&form), 3);
    assert_string_equal(form.why, "more is announced than follows");
    assert_int_equal(rt_form_byte(&form), 0);
    assert_string_equal(form.why, "more is announced than follows");
}

static void a_count_is_bounded_by_the_bytes_that_are_left(void **state)
{
    struct rt_form few = rt_form_of(RT_TEXT("\x02"
                                            "abcd"));
    struct rt_form many = rt_form_of(RT_TEXT("\x03"
                                             "abcd"));

    (void)state;
    assert_int_equal(rt_form_count(&few, 2), 2);
    assert_int_equal(rt_form_count(&many, 2), 0);
    assert_true(rt_form_failed(&many));
}

/* ---- values ---- */

static struct rt_value some_value(struct seeded *seeded, struct rt_arena *arena, unsigned depth)
{
    static const unsigned char address[16] = {1, 2,  3,  4,  5,  6,  7,  8,
                                              9, 10, 11, 12, 13, 14, 15, 16};

    switch (seeded_below(seeded, depth == 0 ? 11 : 13)) {
    case 0:
        return (struct rt_value){.type = RT_ABSENT};
    case 1:
        return rt_null();
    case 2:
        return rt_bool(seeded_below(seeded, 2) == 1);
    case 3:
        return rt_int((int64_t)seeded_next(seeded));
    case 4:
        return rt_uint(seeded_next(seeded));
    case 5:
        return rt_double((double)seeded_next(seeded) / 3);
    case 6:
        return rt_string("gr\xc3\xbc\xc3\x9f", 6);
    case 7:
        return (struct rt_value){
            .type = RT_BYTES, .length = 2, .u.bytes = (const unsigned char *)"\xff\x00"};
    case 8:
        return (struct rt_value){.type = RT_TIMESTAMP, .length = 5, .u.integer = -3};
    case 9:
        return (struct rt_value){.type = RT_DURATION, .u.integer = -5};
    case 10:
        return (struct rt_value){.type = RT_CIDR, .aux = 4, .length = 8, .u.bytes = address};
    case 11: {
        uint32_t count = seeded_below(seeded, 4);
        struct rt_value *items = rt_arena_array(arena, count, sizeof(*items));

        for (uint32_t i = 0; i < count; i++)
            items[i] = some_value(seeded, arena, depth - 1);
        return (struct rt_value){.type = RT_LIST, .length = count, .u.items = items};
    }
    default: {
        struct rt_map_entry *entry = rt_arena_array(arena, 1, sizeof(*entry));

        entry->key = rt_string("k", 1);
        entry->value = some_value(seeded, arena, depth - 1);
        return (struct rt_value){.type = RT_MAP, .length = 1, .u.entries = entry};
    }
    }
}

static void values_come_back_and_have_one_form(void **state)
{
    struct seeded seeded = seeded_from(11);
    struct rt_buffer out, again;
    struct rt_arena arena;

    (void)state;
    rt_buffer_init(&out, BYTES_MAX);
    rt_buffer_init(&again, BYTES_MAX);
    rt_arena_init(&arena, BYTES_MAX);
    for (int i = 0; i < ROUNDS; i++) {
        struct rt_value back;

        rt_arena_reset(&arena);
        rt_buffer_reset(&out);
        rt_buffer_reset(&again);
        rt_value_add_form(some_value(&seeded, &arena, 3), &out);

        struct rt_form form = rt_form_of(rt_buffer_view(&out));

        assert_int_equal(rt_value_of_form(&form, &arena, &back), RT_OK);
        assert_true(rt_form_end(&form));
        rt_value_add_form(back, &again);
        assert_true(rt_text_equal(rt_buffer_view(&out), rt_buffer_view(&again)));

        /* Each byte wrong in turn: another value or a refusal, never a step outside. */
        for (size_t at = 0; at < out.length; at++) {
            out.data[at] = (char)(out.data[at] ^ (1 + (i % 255)));
            form = rt_form_of(rt_buffer_view(&out));
            assert_true((rt_value_of_form(&form, &arena, &back) == RT_OK) ==
                        !rt_form_failed(&form));
            out.data[at] = (char)(out.data[at] ^ (1 + (i % 255)));
        }
    }
    rt_arena_done(&arena);
    rt_buffer_done(&again);
    rt_buffer_done(&out);
}

static void lists_deeper_than_records_may_be_are_refused(void **state)
{
    struct rt_buffer out;
    struct rt_arena arena;
    struct rt_value value;

    (void)state;
    rt_buffer_init(&out, BYTES_MAX);
    rt_arena_init(&arena, BYTES_MAX);
    for (unsigned depth = RT_VALUE_FORM_DEPTH; depth <= RT_VALUE_FORM_DEPTH + 1; depth++) {
        rt_buffer_reset(&out);
        for (unsigned i = 0; i < depth; i++)
            rt_buffer_add(&out, "\x0a\x01", 2);
        rt_buffer_char(&out, 1);

        struct rt_form form = rt_form_of(rt_buffer_view(&out));

        assert_int_equal(rt_value_of_form(&form, &arena, &value),
                         depth == RT_VALUE_FORM_DEPTH ? RT_OK : RT_ERR_CORRUPT);
    }
    rt_arena_done(&arena);
    rt_buffer_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_come_back),
        cmocka_unit_test(a_number_has_one_form_only),
        cmocka_unit_test(a_text_longer_than_what_is_left_is_refused_where_it_begins),
        cmocka_unit_test(a_count_is_bounded_by_the_bytes_that_are_left),
        cmocka_unit_test(values_come_back_and_have_one_form),
        cmocka_unit_test(lists_deeper_than_records_may_be_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
