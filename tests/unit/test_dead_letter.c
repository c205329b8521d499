/* SPDX-License-Identifier: Apache-2.0 */
/* The dead-letter record: always JSON, whatever the record was. */
#include <jansson.h>
#include <string.h>

#include "runtime/base/alloc.h"
#include "runtime/io/dead_letter.h"
#include "tests/support/unit.h"

static struct rt_record record_of(struct rt_text text)
{
    return (struct rt_record){
        .data = text.data,
        .length = (uint32_t)text.length,
        .bytes = text.length,
        .position = {0, 3, 1234},
    };
}

static const char *json_of(struct rt_buffer *out, enum rt_reject reason, const char *detail,
                           const struct rt_record *record)
{
    struct rt_dead_letter letter = {reason, detail, "input", record};

    rt_buffer_init(out, 8 << 20);
    rt_dead_letter_json(&letter, out);
    assert_false(out->failed);
    return out->data;
}

static void text_is_kept_as_text_and_bytes_as_base64(void **state)
{
    static const struct {
        const char *detail;
        struct rt_text text;
        const char *tail;
    } cases[] = {
        {"ends too early",
         {"{\"a\":\"\x01", 7},
         "\"detail\":\"ends too early\",\"source\":\"input\",\"partition\":3,\"offset\":1234,"
         "\"bytes\":7,\"raw\":\"{\\\"a\\\":\\\"\\u0001\"}"},
        {NULL,
         {"", 0},
         "\"source\":\"input\",\"partition\":3,\"offset\":1234,\"bytes\":0,\"raw\":\"\"}"},
        {NULL,
         {"\xFF", 1},
         "\"source\":\"input\",\"partition\":3,\"offset\":1234,\"bytes\":1,\"raw_base64\":\"/"
         "w==\"}"},
        {NULL,
         {"\xFF\xFE", 2},
         "\"source\":\"input\",\"partition\":3,\"offset\":1234,\"bytes\":2,\"raw_base64\":\"//"
         "4=\"}"},
        {NULL,
         {"a\xFFz", 3},
         "\"source\":\"input\",\"partition\":3,\"offset\":1234,\"bytes\":3,\"raw_base64\":"
         "\"Yf96\"}"},
        {NULL,
         {"\0\xFF\x10\x20", 4},
         "\"source\":\"input\",\"partition\":3,\"offset\":1234,\"bytes\":4,\"raw_base64\":\"AP8QIA="
         "=\"}"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct rt_record record = record_of(cases[i].text);
        struct rt_buffer out;
        char expected[512] = "{\"v\":1,\"reason\":\"bad_json\",";

        strncat(expected, cases[i].tail, sizeof(expected) - strlen(expected) - 1);
        assert_string_equal(json_of(&out, RT_REJECT_BAD_JSON, cases[i].detail, &record), expected);
        rt_buffer_done(&out);
    }
}

static void raw_text_is_cut_between_code_points(void **state)
{
    enum { BYTES = RT_DEAD_LETTER_RAW_MAX + 10 };
    static const char *const points[] = {"x", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
    char *text = rt_alloc(BYTES);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(points); i++) {
        size_t step = strlen(points[i]), length = 0;

        while (length + step <= BYTES) {
            memcpy(text + length, points[i], step);
            length += step;
        }

        struct rt_record record = record_of((struct rt_text){text, length});
        struct rt_buffer out;
        json_t *root = json_loads(json_of(&out, RT_REJECT_TOO_LARGE, NULL, &record), 0, NULL);

        assert_non_null(root);
        assert_int_equal(json_integer_value(json_object_get(root, "bytes")), length);
        assert_int_equal(json_string_length(json_object_get(root, "raw")),
                         RT_DEAD_LETTER_RAW_MAX / step * step);
        json_decref(root);
        rt_buffer_done(&out);
    }
    rt_free(text);
}

static void bytes_are_cut_too(void **state)
{
    enum { BYTES = RT_DEAD_LETTER_RAW_MAX + 10 };
    char *text = rt_alloc(BYTES);

    (void)state;
    memset(text, 0x80, BYTES);

    struct rt_record record = record_of((struct rt_text){text, BYTES});
    struct rt_buffer out;
    json_t *root = json_loads(json_of(&out, RT_REJECT_BAD_UTF8, NULL, &record), 0, NULL);

    assert_int_equal(json_string_length(json_object_get(root, "raw_base64")),
                     (RT_DEAD_LETTER_RAW_MAX + 2) / 3 * 4);
    assert_null(json_object_get(root, "raw"));
    json_decref(root);
    rt_buffer_done(&out);
    rt_free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_kept_as_text_and_bytes_as_base64),
        cmocka_unit_test(raw_text_is_cut_between_code_points),
        cmocka_unit_test(bytes_are_cut_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
