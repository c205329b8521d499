/* SPDX-License-Identifier: Apache-2.0 */
/* Values, dates and addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/base/calendar.h"
#include "runtime/base/ip.h"
#include "runtime/event/value.h"

enum { TEXT_MAX = 1 << 16 };

static void every_day_of_ten_thousand_years_is_the_day_after_the_last(void **state)
{
    int64_t days = rt_days_from_civil(0, 1, 1);

    (void)state;
    for (int64_t year = 0; year <= 9999; year++) {
        for (unsigned month = 1; month <= 12; month++) {
            for (unsigned day = 1; day <= rt_days_in_month(year, month); day++, days++) {
                int64_t back_year;
                unsigned back_month, back_day;

                assert_int_equal(rt_days_from_civil(year, month, day), days);
                rt_civil_from_days(days, &back_year, &back_month, &back_day);
                assert_int_equal(back_year, year);
                assert_int_equal(back_month, month);
                assert_int_equal(back_day, day);
            }
        }
    }
    assert_int_equal(rt_days_from_civil(1970, 1, 1), 0);
}

static void rfc_3339_is_read_and_written(void **state)
{
    static const struct {
        const char *text;
        const char *back; /* NULL: refused */
    } cases[] = {
        {"1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"},
        {"2026-01-01t00:00:00z", "2026-01-01T00:00:00Z"},
        {"2026-01-01T00:00:00.5+02:00", "2025-12-31T22:00:00.5Z"},
        {"0001-01-01T00:00:00.000000001-23:59", "0001-01-01T23:59:00.000000001Z"},
        {"9999-12-31T23:59:59.9999999999Z", "9999-12-31T23:59:59.999999999Z"},
        {"2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"},
        {"2023-02-29T00:00:00Z", NULL},
        {"2023-13-01T00:00:00Z", NULL},
        {"2023-01-01T24:00:00Z", NULL},
        {"2023-01-01T00:00:60Z", NULL},
        {"2023-01-01T00:00:00.Z", NULL},
        {"2023-01-01T00:00:00", NULL},
        {"2023-01-01T00:00:00+0200", NULL},
        {"2023-01-01T00:00:00Z ", NULL},
        {"2023-01-01", NULL},
        {"10000-01-01T00:00:00Z", NULL},
        {"", NULL},
    };
    struct rt_buffer out;

    (void)state;
    rt_buffer_init(&out, TEXT_MAX);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t seconds;
        uint32_t nanos;
        bool read = rt_rfc3339_parse(rt_text_of(cases[i].text), &seconds, &nanos);

        assert_int_equal(read, cases[i].back != NULL);
        if (!read)
            continue;
        rt_buffer_reset(&out);
        rt_buffer_rfc3339(&out, seconds, nanos);
        assert_string_equal(out.data, cases[i].back);
    }
    rt_buffer_done(&out);
}

static void an_address_is_read_strictly_and_written_canonically(void **state)
{
    static const struct {
        const char *text;
        const char *back; /* NULL: refused */
    } cases[] = {
        {"192.168.0.1", "192.168.0.1"},
        {"0.0.0.0", "0.0.0.0"},
        {"2001:DB8::68", "2001:db8::68"},
        {"::", "::"},
        {"::1", "::1"},
        {"1::", "1::"},
        {"1:0:0:2:0:0:0:3", "1:0:0:2::3"},
        {"1:0:2:0:3:0:4:0", "1:0:2:0:3:0:4:0"},
        {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
        {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
        {"::ffff:c0a8:1", "::ffff:192.168.0.1"},
        {"::ffff:192.168.0.1", NULL},
        {"192.168.0.1.0", NULL},
        {"192.168.0", NULL},
        {"192.168.0.256", NULL},
        {"192.168.00.1", NULL},
        {"2001:db8:::68", NULL},
        {"1::2::3", NULL},
        {"1:2:3:4:5:6:7:8:9", NULL},
        {"1:2:3:4:5:6:7", NULL},
        {"1:2:3:4:5:6:7:8::", NULL},
        {"12345::", NULL},
        {":1", NULL},
        {"1:", NULL},
        {":", NULL},
        {"fe80::1%en0", NULL},
        {"", NULL},
    };
    struct rt_buffer out;

    (void)state;
    rt_buffer_init(&out, TEXT_MAX);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rt_ip ip;
        bool read = rt_ip_parse(rt_text_of(cases[i].text), &ip);

        assert_int_equal(read, cases[i].back != NULL);
        if (!read)
            continue;
        rt_buffer_reset(&out);
        rt_buffer_ip(&out, ip.bytes, ip.family);
        assert_string_equal(out.data, cases[i].back);
    }
    rt_buffer_done(&out);
}

static void a_prefix_is_compared_and_masked_bit_by_bit(void **state)
{
    unsigned char a[16], b[16];

    (void)state;
    memset(a, 0xff, sizeof(a));
    for (uint32_t bits = 0; bits <= 128; bits++) {
        memcpy(b, a, sizeof(a));
        rt_ip_mask(b, bits);
        assert_true(rt_ip_same_prefix(a, b, bits));
        if (bits < 128)
            assert_false(rt_ip_same_prefix(a, b, bits + 1));
    }
}

static void a_value_is_written_as_json(void **state)
{
    static const struct rt_value items[] = {
        {.type = RT_INT, .u.integer = INT64_MIN},
        {.type = RT_STRING, .length = 2, .u.text = "a\""},
        {.type = RT_BYTES, .length = 4, .u.bytes = (const unsigned char *)"abcd"},
        {.type = RT_DURATION, .u.integer = -1500000000},
        {.type = RT_TIMESTAMP, .u.integer = 0, .length = 250000000},
        {.type = RT_OPTIONAL},
        {.type = RT_TYPE, .u.integer = RT_LIST},
        {.type = RT_UINT, .u.natural = UINT64_MAX},
    };
    struct rt_map_entry entries[] = {
        {rt_string("k", 1), {.type = RT_LIST, .length = 8, .u.items = items}},
        {rt_int(-7), rt_double(899.0)},
        {rt_bool(true), rt_null()},
    };
    struct rt_value map = {.type = RT_MAP, .length = 3, .u.entries = entries};
    struct rt_value copy;
    struct rt_arena arena;
    struct rt_buffer out;

    (void)state;
    rt_arena_init(&arena, TEXT_MAX);
    rt_buffer_init(&out, TEXT_MAX);
    assert_int_equal(rt_value_copy(map, &arena, &copy), RT_OK);
    entries[1].value = rt_null();
    rt_value_json(copy, &out);
    assert_string_equal(
        out.data, "{\"k\":[-9223372036854775808,\"a\\\"\",\"YWJjZA==\",\"-1.5s\","
                  "\"1970-01-01T00:00:00.25Z\",null,\"list\",18446744073709551615],\"-7\":899,"
                  "\"true\":null}");
    rt_buffer_done(&out);
    rt_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_day_of_ten_thousand_years_is_the_day_after_the_last),
        cmocka_unit_test(rfc_3339_is_read_and_written),
        cmocka_unit_test(an_address_is_read_strictly_and_written_canonically),
        cmocka_unit_test(a_prefix_is_compared_and_masked_bit_by_bit),
        cmocka_unit_test(a_value_is_written_as_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
