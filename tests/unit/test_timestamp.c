/* SPDX-License-Identifier: Apache-2.0 */
/* How an event says its time: every format, its edges, and what is refused. */
#include "tests/support/unit.h"

#include <math.h>

#include "runtime/time/strptime.h"
#include "runtime/time/timestamp.h"

static void days_and_dates_turn_into_each_other_for_ten_thousand_years(void **state)
{
    static const unsigned lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t days = -719162; /* 0001-01-01 */

    (void)state;
    for (int64_t year = 1; year <= 9999; year++) {
        bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

        for (unsigned month = 1; month <= 12; month++) {
            unsigned length = lengths[month - 1] + (month == 2 && leap ? 1 : 0);

            for (unsigned day = 1; day <= length; day += length - 1) {
                int64_t year_back;
                unsigned month_back, day_back;
                int64_t at = days + day - 1;

                assert_int_equal(rt_days_from_civil(year, month, day), at);
                rt_civil_from_days(at, &year_back, &month_back, &day_back);
                assert_int_equal(year_back, year);
                assert_int_equal(month_back, month);
                assert_int_equal(day_back, day);
            }
            days += length;
        }
    }
    assert_int_equal(days * 86400000 - 1, RT_TIME_LAST.ms);
}

static void a_time_is_written_in_utc_with_milliseconds(void **state)
{
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {{0, "1970-01-01T00:00:00.000Z"},
                 {-1, "1969-12-31T23:59:59.999Z"},
                 {1767225600500, "2026-01-01T00:00:00.500Z"},
                 {951782400000, "2000-02-29T00:00:00.000Z"},
                 {-62135596800000, "0001-01-01T00:00:00.000Z"},
                 {253402300799999, "9999-12-31T23:59:59.999Z"},
                 {253402300800000, "10000-01-01T00:00:00.000Z"}};
    struct rt_buffer out;

    (void)state;
    rt_buffer_init(&out, 1000);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        rt_buffer_reset(&out);
        rt_time_text((rt_time){cases[i].ms}, &out);
        assert_string_equal(out.data, cases[i].text);
    }
    rt_buffer_reset(&out);
    rt_time_text(RT_TIME_MAX, &out); /* no such year, but no crash either */
    rt_time_text(RT_TIME_MIN, &out);
    rt_buffer_done(&out);
}

static void patterns_of_the_user_are_read_without_locale_and_zone(void **state)
{
    static const struct {
        const char *pattern, *text;
        int64_t seconds;
        uint32_t nanos;
        bool good;
    } cases[] = {
        {"%d/%b/%Y:%H:%M:%S %z", "17/May/2015:10:05:03 +0000", 1431857103, 0, true},
        {"%d/%b/%Y:%H:%M:%S %z", "17/may/2015:10:05:03 +02:00", 1431849903, 0, true},
        {"%d/%b/%Y:%H:%M:%S %z", "17/MAY/2015:10:05:03 -0130", 1431862503, 0, true},
        {"%d/%b/%Y:%H:%M:%S %z", "17/May/2015:10:05:03", 0, 0, false},
        {"%d/%b/%Y:%H:%M:%S %z", "17/Mai/2015:10:05:03 +0000", 0, 0, false},
        {"%Y-%m-%dT%H:%M:%S.%f%z", "2015-05-17T10:05:03.25Z", 1431857103, 250000000, true},
        {"%Y-%m-%dT%H:%M:%S.%f%z", "2015-05-17T10:05:03.1234567899+00", 1431857103, 123456789,
         true},
        {"%F %T", "2015-05-17 10:05:03", 1431857103, 0, true},
        {"%F %T", "2015-05-17\t 10:05:03", 1431857103, 0, true},
        {"%F %T", "2015-05-1710:05:03", 0, 0, false},
        {"%F %T", "2015-05-17 10:05:03 ", 0, 0, false},
        {"%F  %T", "2015-05-17 10:05:03", 1431857103, 0, true},
        {"%F%n%R", "2015-05-17\n10:05", 1431857100, 0, true},
        {"%D%t%T", "05/17/15 10:05:03", 1431857103, 0, true},
        {"%y%m%d%H%M%S", "150517100503", 1431857103, 0, true},
        {"%y", "69", -31536000, 0, true},
        {"%y", "68", 3092601600, 0, true},
        {"%Y%m%d", "20150517", 1431820800, 0, true},
        {"%Y%j", "2015137", 1431820800, 0, true},
        {"%Y-%j", "2024-366", 1735603200, 0, true},
        {"%Y-%j", "2023-366", 0, 0, false},
        {"%Y-%j", "2023-0", 0, 0, false},
        {"%a, %d %b %Y %H:%M:%S %Z", "Sun, 17 May 2015 10:05:03 GMT", 1431857103, 0, true},
        {"%a, %d %b %Y %H:%M:%S %Z", "Sun, 17 May 2015 10:05:03 CET", 0, 0, false},
        {"%A %e %B %Y %I:%M %p UTC", "sunday  7 june 2015 12:30 AM UTC", 1433637000, 0, true},
        {"%A %e %B %Y %I:%M %p UTC", "Sunday 7 June 2015 12:30 pm UTC", 1433680200, 0, true},
        {"%A %e %B %Y %I:%M %p UTC", "Sunday 7 June 2015 13:30 pm UTC", 0, 0, false},
        {"%b %e %Y", "Sep 17 2015", 1442448000, 0, true},
        {"%s", "1431857103", 1431857103, 0, true},
        {"%s.%f", "-1.5", -1, 500000000, true},
        {"%s", "", 0, 0, false},
        {"%s", "12345678901234567890", 0, 0, false},
        {"100%% %Y", "100% 1970", 0, 0, true},
        {"%F %T", "2016-12-31 23:59:60", 1483228800, 0, true},
        {"%F %T", "2016-12-31 23:59:61", 0, 0, false},
        {"%F %T", "2016-12-31 24:00:00", 0, 0, false},
        {"%F", "2015-02-30", 0, 0, false},
        {"%F", "2015-02-29", 0, 0, false},
        {"%F", "2016-02-29", 1456704000, 0, true},
        {"%F", "2015-04-31", 0, 0, false},
        {"%F", "2015-13-01", 0, 0, false},
        {"%F", "2015-00-01", 0, 0, false},
        {"%F", "2015-1-1", 1420070400, 0, true},
        {"%F", "", 0, 0, false},
        {"%F %z", "2015-05-17 +2500", 0, 0, false},
        {"%F %z", "2015-05-17 +00:60", 0, 0, false},
        {"%F %z", "2015-05-17 +0", 0, 0, false},
        {"%F %z", "2015-05-17 +020", 0, 0, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t seconds = -7;
        uint32_t nanos = 7;

        assert_true(rt_strptime_valid(cases[i].pattern));
        bool good = rt_strptime(cases[i].pattern, rt_text_of(cases[i].text), &seconds, &nanos);

        if (good != cases[i].good || (good && seconds != cases[i].seconds))
            fail_msg("%s, %s: %d, %lld", cases[i].pattern, cases[i].text, good, (long long)seconds);
        assert_int_equal(nanos, cases[i].good ? cases[i].nanos : 7);
    }
}

static void formats_have_names_or_are_patterns_with_a_year(void **state)
{
    static const struct {
        const char *name;
        bool good;
        enum rt_time_format format;
    } cases[] = {
        {"auto", true, RT_TIME_AUTO},       {"unix_s", true, RT_TIME_UNIX_S},
        {"unix_ms", true, RT_TIME_UNIX_MS}, {"unix_us", true, RT_TIME_UNIX_US},
        {"unix_ns", true, RT_TIME_UNIX_NS}, {"rfc3339", true, RT_TIME_RFC3339},
        {"%F %T", true, RT_TIME_STRPTIME},  {"at %s", true, RT_TIME_STRPTIME},
        {"strptime", false, RT_TIME_AUTO},  {"unix", false, RT_TIME_AUTO},
        {"", false, RT_TIME_AUTO},          {"RFC3339", false, RT_TIME_AUTO},
        {"%H:%M:%S", false, RT_TIME_AUTO},  {"%b %d %T", false, RT_TIME_AUTO},
        {"%Y %q", false, RT_TIME_AUTO},     {"%Y %", false, RT_TIME_AUTO},
        {"%F %I:%M", false, RT_TIME_AUTO},  {"%%", false, RT_TIME_AUTO},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct rt_time_reader reader = {RT_TIME_AUTO, NULL};

        if (rt_time_reader_parse(cases[i].name, &reader) != cases[i].good)
            fail_msg("%s", cases[i].name);
        assert_int_equal(reader.format, cases[i].format);
    }
}

static struct rt_value text_value(const char *text)
{
    return rt_string(text, (uint32_t)strlen(text));
}

struct value_case {
    const char *format;
    struct rt_value value;
    enum rt_reject reject;
    int64_t ms;
};

static void check_values(const struct value_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct rt_time_reader reader;
        rt_time time = {0};

        assert_true(rt_time_reader_parse(cases[i].format, &reader));
        enum rt_reject reject = rt_time_read(&reader, cases[i].value, &time);

        if (reject != cases[i].reject || time.ms != cases[i].ms)
            fail_msg("case %zu (%s): %d, %lld", i, cases[i].format, reject, (long long)time.ms);
    }
}

static void without_a_format_integers_are_milliseconds_and_texts_rfc_3339(void **state)
{
    const struct rt_value timestamp = {.type = RT_TIMESTAMP, .length = 1999999, .u.integer = -1};
    const struct value_case cases[] = {
        {"auto", rt_int(1760000000001), RT_REJECT_NONE, 1760000000001},
        {"auto", text_value("2026-01-01T00:00:00.9999Z"), RT_REJECT_NONE, 1767225600999},
        {"auto", text_value("1760000000001"), RT_REJECT_BAD_TIME, 0},
        {"auto", rt_double(1.76e12), RT_REJECT_NONE, 1760000000000},
        {"auto", rt_double(1431857103.25), RT_REJECT_BAD_TIME, 0},
        {"auto", rt_null(), RT_REJECT_NO_TIME, 0},
        {"auto", (struct rt_value){0}, RT_REJECT_NO_TIME, 0},
        {"auto", rt_bool(true), RT_REJECT_BAD_TIME, 0},
        {"auto", (struct rt_value){.type = RT_LIST}, RT_REJECT_BAD_TIME, 0},
        {"auto", timestamp, RT_REJECT_NONE, -999},
        {"auto", rt_int(253402300799999), RT_REJECT_NONE, 253402300799999},
        {"auto", rt_int(253402300800000), RT_REJECT_TIME_RANGE, 0},
        {"auto", rt_int(-62135596800000), RT_REJECT_NONE, -62135596800000},
        {"auto", rt_int(-62135596800001), RT_REJECT_TIME_RANGE, 0},
        {"auto", rt_int(INT64_MAX), RT_REJECT_TIME_RANGE, 0},
        {"auto", rt_int(INT64_MIN), RT_REJECT_TIME_RANGE, 0},
        {"auto", rt_uint(UINT64_MAX), RT_REJECT_TIME_RANGE, 0},
        {"auto", rt_double(1e300), RT_REJECT_TIME_RANGE, 0},
        {"auto", text_value("9999-12-31T23:59:59-01:00"), RT_REJECT_TIME_RANGE, 0},
        {"auto", text_value("0000-01-01T00:00:00Z"), RT_REJECT_TIME_RANGE, 0},
    };

    (void)state;
    check_values(cases, COUNT_OF(cases));
}

static void numbers_of_every_unit_are_floored_to_milliseconds(void **state)
{
    const struct value_case cases[] = {
        {"unix_ms", rt_double(-0.5), RT_REJECT_NONE, -1},
        {"unix_ms", rt_double(1760000000001.999), RT_REJECT_NONE, 1760000000001},
        {"unix_ms", rt_double(NAN), RT_REJECT_BAD_TIME, 0},
        {"unix_ms", rt_double(INFINITY), RT_REJECT_TIME_RANGE, 0},
        {"unix_ms", text_value("1760000000001"), RT_REJECT_NONE, 1760000000001},
        {"unix_ms", text_value("1760000000001x"), RT_REJECT_BAD_TIME, 0},
        {"unix_ms", text_value(""), RT_REJECT_BAD_TIME, 0},
        {"unix_s", rt_int(1431857103), RT_REJECT_NONE, 1431857103000},
        {"unix_s", rt_double(1431857103.123), RT_REJECT_NONE, 1431857103123},
        {"unix_s", rt_double(1431857103.9999), RT_REJECT_NONE, 1431857103999},
        {"unix_s", rt_double(253402300799.999), RT_REJECT_NONE, 253402300799999},
        {"unix_s", rt_double(-1.0005), RT_REJECT_NONE, -1001},
        {"unix_s", rt_double(1e15), RT_REJECT_TIME_RANGE, 0},
        {"unix_s", rt_int(INT64_MAX / 2), RT_REJECT_TIME_RANGE, 0},
        {"unix_s", rt_uint(UINT64_MAX), RT_REJECT_TIME_RANGE, 0},
        {"unix_s", text_value("1431857103.123"), RT_REJECT_NONE, 1431857103123},
        {"unix_us", rt_int(1431857103123999), RT_REJECT_NONE, 1431857103123},
        {"unix_us", rt_int(-1), RT_REJECT_NONE, -1},
        {"unix_us", rt_int(INT64_MAX), RT_REJECT_TIME_RANGE, 0},
        {"unix_ns", rt_int(1431857103123999999), RT_REJECT_NONE, 1431857103123},
        {"unix_ns", rt_uint(10000000000000000000u), RT_REJECT_NONE, 10000000000000},
        {"unix_ns", rt_double(1e19), RT_REJECT_NONE, 10000000000000},
        {"unix_ns", rt_double(-1e30), RT_REJECT_TIME_RANGE, 0},
    };

    (void)state;
    check_values(cases, COUNT_OF(cases));
}

static void formats_of_text_take_no_numbers(void **state)
{
    const struct rt_value timestamp = {.type = RT_TIMESTAMP, .length = 1999999, .u.integer = -1};
    const struct value_case cases[] = {
        {"rfc3339", rt_int(1760000000001), RT_REJECT_BAD_TIME, 0},
        {"rfc3339", text_value("2026-01-01T00:00:00Z"), RT_REJECT_NONE, 1767225600000},
        {"rfc3339", timestamp, RT_REJECT_NONE, -999},
        {"rfc3339", text_value("2016-12-31T23:59:60.5Z"), RT_REJECT_NONE, 1483228800500},
        {"rfc3339", text_value("2016-12-31T23:59:61Z"), RT_REJECT_BAD_TIME, 0},
        {"rfc3339", text_value("2026-01-01 00:00:00Z"), RT_REJECT_BAD_TIME, 0},
        {"rfc3339", text_value("2026-01-01T00:00:00"), RT_REJECT_BAD_TIME, 0},
        {"rfc3339", text_value(""), RT_REJECT_BAD_TIME, 0},
        {"%d/%b/%Y:%T %z", text_value("17/May/2015:10:05:03 +0000"), RT_REJECT_NONE, 1431857103000},
        {"%d/%b/%Y:%T %z", text_value("30/Feb/2015:10:05:03 +0000"), RT_REJECT_BAD_TIME, 0},
        {"%d/%b/%Y:%T %z", rt_int(5), RT_REJECT_BAD_TIME, 0},
        {"%Y", text_value("0000"), RT_REJECT_TIME_RANGE, 0},
        {"%s", text_value("999999999999"), RT_REJECT_TIME_RANGE, 0},
    };

    (void)state;
    check_values(cases, COUNT_OF(cases));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days_and_dates_turn_into_each_other_for_ten_thousand_years),
        cmocka_unit_test(a_time_is_written_in_utc_with_milliseconds),
        cmocka_unit_test(patterns_of_the_user_are_read_without_locale_and_zone),
        cmocka_unit_test(formats_have_names_or_are_patterns_with_a_year),
        cmocka_unit_test(without_a_format_integers_are_milliseconds_and_texts_rfc_3339),
        cmocka_unit_test(numbers_of_every_unit_are_floored_to_milliseconds),
        cmocka_unit_test(formats_of_text_take_no_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
