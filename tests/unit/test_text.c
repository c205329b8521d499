/* SPDX-License-Identifier: Apache-2.0 */
/* Text, numbers and durations as people write them. */
#include "tests/support/unit.h"

#include <string.h>

#include "runtime/base/alloc.h"
#include "runtime/base/text.h"
#include "tests/support/seeded.h"

static void a_double_is_written_with_the_fewest_digits_that_read_back(void **state)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {{899.0, "899"},
                 {0.1, "0.1"},
                 {1e21, "1e+21"},
                 {123456789.125, "123456789.125"},
                 {-0.0045, "-0.0045"},
                 {1e-7, "1e-07"},
                 {0.0, "0"},
                 {-0.0, "-0"},
                 {5e-324, "5e-324"},
                 {1.7976931348623157e308, "1.7976931348623157e+308"},
                 {1e20, "100000000000000000000"},
                 {0.00001, "0.00001"}};
    char out[RT_DOUBLE_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(rt_double_text(cases[i].value, out), strlen(cases[i].text));
        assert_string_equal(out, cases[i].text);
    }
}

static void every_double_survives_the_way_through_text(void **state)
{
    struct seeded seeded = seeded_from(1);
    char out[RT_DOUBLE_TEXT_MAX];

    (void)state;
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = seeded_next(&seeded);
        double value, back;

        memcpy(&value, &bits, sizeof(value));
        if (value != value || value - value != 0)
            continue; /* NaN and infinities have names, not digits */
        size_t length = rt_double_text(value, out);

        assert_true(rt_text_to_double((struct rt_text){out, length}, &back));
        assert_memory_equal(&value, &back, sizeof(value));
    }
}

static void a_number_is_read_only_when_it_is_the_whole_text(void **state)
{
    static const struct {
        const char *text;
        bool valid;
        int64_t value;
    } ints[] = {{"0", true, 0},
                {"-9223372036854775808", true, INT64_MIN},
                {"9223372036854775807", true, INT64_MAX},
                {"+5", true, 5},
                {"9223372036854775808", false, 0},
                {"-9223372036854775809", false, 0},
                {"", false, 0},
                {"-", false, 0},
                {"1 ", false, 0},
                {"0x10", false, 0}};
    static const struct {
        const char *text;
        bool valid;
    } doubles[] = {{"1.5", true},  {".5", true},     {"5.", true},     {"1e5", true},
                   {"1e", false},  {"e5", false},    {"1.2.3", false}, {"inf", false},
                   {"", false},    {"0x1p3", false}, {"1 ", false},    {"-1.5E-3", true},
                   {"--1", false}, {".", false}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(ints); i++) {
        int64_t value = 0;

        assert_int_equal(rt_text_to_int(rt_text_of(ints[i].text), &value), ints[i].valid);
        assert_true(value == ints[i].value);
    }
    for (size_t i = 0; i < COUNT_OF(doubles); i++) {
        double value;

        assert_int_equal(rt_text_to_double(rt_text_of(doubles[i].text), &value), doubles[i].valid);
    }
}

static void a_duration_is_read_and_written_in_the_units_of_rules(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
        const char *written;
    } cases[] = {{"500ms", 500, "500ms"}, {"30s", 30000, "30s"},   {"10m", 600000, "10m"},
                 {"2h", 7200000, "2h"},   {"7d", 604800000, "7d"}, {"1h30m", 5400000, "1h30m"},
                 {"90s", 90000, "1m30s"}, {"0s", 0, "0s"}};
    static const char *const wrong[] = {"",     "10",   "m",  "10 m", "-5s",
                                        "1.5h", "10mm", "5w", "1:30", "9223372036854775807d"};
    struct rt_buffer buffer;
    int64_t ms;

    (void)state;
    rt_buffer_init(&buffer, 100);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_true(rt_text_to_duration_ms(rt_text_of(cases[i].text), &ms));
        assert_true(ms == cases[i].ms);
        rt_buffer_reset(&buffer);
        rt_buffer_duration(&buffer, ms);
        assert_string_equal(buffer.data, cases[i].written);
    }
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_false(rt_text_to_duration_ms(rt_text_of(wrong[i]), &ms));
    rt_buffer_done(&buffer);
}

static void utf8_is_checked_as_the_standard_says(void **state)
{
    static const struct {
        struct rt_text text;
        bool valid;
    } cases[] = {
        {{"", 0}, true},
        {{"abc", 3}, true},
        {{"\xC3\xBF", 2}, true},
        {{"\xF0\x9F\x98\x80", 4}, true},
        {{"\xC0\x80", 2}, false},         /* longer than needed */
        {{"\xED\xA0\x80", 3}, false},     /* a surrogate */
        {{"\xF4\x90\x80\x80", 4}, false}, /* above U+10FFFF */
        {{"\x80", 1}, false},
        {{"\xE2\x82", 2}, false},
        {{"\xFF", 1}, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(rt_utf8_valid(cases[i].text), cases[i].valid);
    assert_int_equal(rt_utf8_length(rt_text_of("a\xC3\xBF\xF0\x9F\x98\x80")), 3);
    assert_int_equal(rt_utf8_width(rt_text_of("a\xE4\xB8\xAD")), 3);
}

static void every_code_point_survives_encoding(void **state)
{
    (void)state;
    for (uint32_t code_point = 0; code_point <= 0x10FFFF; code_point += 7) {
        char bytes[4];
        size_t at = 0;

        if (code_point >= 0xD800 && code_point <= 0xDFFF)
            continue;
        struct rt_text text = {bytes, rt_utf8_put(code_point, bytes)};

        assert_true(rt_utf8_valid(text));
        assert_int_equal(rt_utf8_next(text, &at), code_point);
        assert_int_equal(at, text.length);
    }
}

static void a_json_string_escapes_what_it_must(void **state)
{
    struct rt_buffer buffer;

    (void)state;
    rt_buffer_init(&buffer, 100);
    rt_buffer_json_string(&buffer, (struct rt_text){"a\"b\\c\n\x01\xC3\xBF/", 10});
    assert_string_equal(buffer.data, "\"a\\\"b\\\\c\\n\\u0001\xC3\xBF/\"");
    rt_buffer_done(&buffer);
}

/* Long texts are looked through eight bytes at a time: every byte at every place, alone and behind others. */
static void a_json_string_escapes_each_byte_wherever_it_stands(void **state)
{
    static const unsigned char around[] = {'x', 0x7f, 0x80, 0xff, 0x20};
    struct rt_buffer buffer;

    (void)state;
    rt_buffer_init(&buffer, 100);
    for (unsigned byte = 0; byte < 256; byte++) {
        for (size_t i = 0; i < 19 * COUNT_OF(around); i++) {
            const size_t place = i / COUNT_OF(around);
            const bool escaped = byte < 0x20 || byte == '"' || byte == '\\';
            char text[19];

            memset(text, around[i % COUNT_OF(around)], sizeof(text));
            text[place] = (char)byte;
            rt_buffer_reset(&buffer);
            rt_buffer_json_string(&buffer, (struct rt_text){text, sizeof(text)});
            assert_memory_equal(buffer.data + 1, text, place);
            assert_int_equal(buffer.data[1 + place] == '\\', escaped);
            assert_true(buffer.length > sizeof(text) + 2 || !escaped);
            assert_memory_equal(buffer.data + buffer.length - 1 - (sizeof(text) - place - 1),
                                text + place + 1, sizeof(text) - place - 1);
        }
    }
    rt_buffer_done(&buffer);
}

static void a_buffer_refuses_what_goes_over_its_bound_and_remembers(void **state)
{
    struct rt_buffer buffer;

    (void)state;
    rt_buffer_init(&buffer, 4);
    rt_buffer_string(&buffer, "abcd");
    assert_false(buffer.failed);
    rt_buffer_char(&buffer, 'e');
    assert_true(buffer.failed);
    assert_string_equal(buffer.data, "abcd");
    rt_buffer_reset(&buffer);
    rt_buffer_int(&buffer, -12);
    assert_string_equal(buffer.data, "-12");
    rt_buffer_done(&buffer);
}

static void a_hint_is_given_only_when_it_is_near(void **state)
{
    static const char *const words[] = {"begin", "next", "followedBy", "followedByAny", "high"};

    (void)state;
    assert_string_equal(rt_nearest(RT_TEXT("folowedBy"), words, 5), "followedBy");
    assert_string_equal(rt_nearest(RT_TEXT("hihg"), words, 5), "high");
    assert_null(rt_nearest(RT_TEXT("completely"), words, 5));
    assert_null(rt_nearest(RT_TEXT("hugs"), words, 5)); /* 2 of 4 letters differ from `high` */
    assert_string_equal(rt_nearest(RT_TEXT("follow"), words, 5), "followedBy"); /* its beginning */
    assert_null(rt_nearest(RT_TEXT(""), words, 5));
}

static void a_failed_allocation_is_remembered_by_the_buffer(void **state)
{
    struct rt_buffer buffer;
    size_t before = rt_live_blocks();

    (void)state;
    rt_buffer_init(&buffer, 1000);
    rt_fault_arm(1);
    rt_buffer_string(&buffer, "text");
    assert_true(rt_fault_disarm());
    assert_true(buffer.failed);
    rt_buffer_done(&buffer);
    assert_int_equal(rt_live_blocks(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_double_is_written_with_the_fewest_digits_that_read_back),
        cmocka_unit_test(every_double_survives_the_way_through_text),
        cmocka_unit_test(a_number_is_read_only_when_it_is_the_whole_text),
        cmocka_unit_test(a_duration_is_read_and_written_in_the_units_of_rules),
        cmocka_unit_test(utf8_is_checked_as_the_standard_says),
        cmocka_unit_test(every_code_point_survives_encoding),
        cmocka_unit_test(a_json_string_escapes_what_it_must),
        cmocka_unit_test(a_json_string_escapes_each_byte_wherever_it_stands),
        cmocka_unit_test(a_buffer_refuses_what_goes_over_its_bound_and_remembers),
        cmocka_unit_test(a_hint_is_given_only_when_it_is_near),
        cmocka_unit_test(a_failed_allocation_is_remembered_by_the_buffer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
