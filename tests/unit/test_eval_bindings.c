/* SPDX-License-Identifier: Apache-2.0 */
/* Names and values of `egret eval`: read, and written back the same. */
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

#include "cli/eval_bindings.h"
#include "rules/value_case.h"

enum { BYTES_MAX = 1 << 22 };

static void a_binding_comes_back_as_it_was_written(void **state)
{
    static const struct {
        const char *json;
        const char *back; /* NULL: the same */
    } cases[] = {
        {"{\"type\":\"int\",\"value\":\"-9223372036854775808\"}", NULL},
        {"{\"type\":\"uint\",\"value\":\"18446744073709551615\"}", NULL},
        {"{\"type\":\"double\",\"value\":\"1e+16\"}", NULL},
        {"{\"type\":\"double\",\"value\":\"0.0001\"}", NULL},
        {"{\"type\":\"double\",\"value\":\"1e-05\"}", NULL},
        {"{\"type\":\"double\",\"value\":\"-0.0\"}", NULL},
        {"{\"type\":\"double\",\"value\":\"9007199254740993.0\"}",
         "{\"type\":\"double\",\"value\":\"9007199254740992.0\"}"},
        {"{\"type\":\"double\",\"value\":\"NaN\"}", NULL},
        {"{\"type\":\"double\",\"value\":\"-Infinity\"}", NULL},
        {"{\"type\":\"bytes\",\"value\":\"00ff\"}", NULL},
        {"{\"type\":\"string\",\"value\":\"a\\u0000ñ\"}", NULL},
        {"{\"type\":\"timestamp\",\"value\":\"-1\"}", NULL},
        {"{\"type\":\"timestamp\",\"value\":\"-62135596800000000000\"}", NULL},
        {"{\"type\":\"timestamp\",\"value\":\"253402300799999999999\"}", NULL},
        {"{\"type\":\"timestamp\",\"value\":\"1500000000\"}", NULL},
        {"{\"type\":\"duration\",\"value\":\"-1\"}", NULL},
        {"{\"type\":\"type\",\"value\":\"google.protobuf.Timestamp\"}", NULL},
        {"{\"type\":\"net.IP\",\"value\":\"::1\"}", NULL},
        {"{\"type\":\"net.CIDR\",\"value\":\"10.0.0.0/8\"}", NULL},
        {"{\"type\":\"map\",\"value\":[[{\"type\":\"bool\",\"value\":true},"
         "{\"type\":\"list\",\"value\":[{\"type\":\"null\",\"value\":null}]}]]}",
         NULL},
        /* plain JSON */
        {"5", "{\"type\":\"int\",\"value\":\"5\"}"},
        {"5.0", "{\"type\":\"double\",\"value\":\"5.0\"}"},
        {"\"ann\"", "{\"type\":\"string\",\"value\":\"ann\"}"},
        {"[true]", "{\"type\":\"list\",\"value\":[{\"type\":\"bool\",\"value\":true}]}"},
        {"{\"type\": \"login\"}",
         "{\"type\":\"map\",\"value\":[[{\"type\":\"string\",\"value\":\"type\"},"
         "{\"type\":\"string\",\"value\":\"login\"}]]}"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct cli_bindings bindings;
        struct rt_arena arena;
        struct rt_buffer text, message;

        rt_arena_init(&arena, BYTES_MAX);
        rt_buffer_init(&text, BYTES_MAX);
        rt_buffer_init(&message, BYTES_MAX);
        rt_buffer_printf(&text, "{\"x\":%s}", cases[i].json);
        if (cli_bindings_parse(rt_buffer_view(&text), &arena, &message, &bindings) != RT_OK)
            fail_msg("%s: %s", cases[i].json, message.data);
        assert_int_equal(bindings.count, 1);
        assert_string_equal(bindings.names[0].name, "x");
        rt_buffer_reset(&text);
        expr_value_case(bindings.values[0], &text);
        if (cases[i].back != NULL)
            assert_string_equal(text.data, cases[i].back);
        else if (strstr(cases[i].json, "\\u0000") == NULL)
            assert_string_equal(text.data, cases[i].json);
        rt_buffer_done(&message);
        rt_buffer_done(&text);
        rt_arena_done(&arena);
    }
}

static void what_is_no_binding_is_refused_with_a_word(void **state)
{
    static const char *const cases[] = {
        "[]",
        "{\"x\":",
        "{\"x\":1,\"x\":2}",
        "{\"x\":{\"type\":\"int\",\"value\":\"9223372036854775808\"}}",
        "{\"x\":{\"type\":\"int\",\"value\":5}}",
        "{\"x\":{\"type\":\"uint\",\"value\":\"-1\"}}",
        "{\"x\":{\"type\":\"double\",\"value\":\"0x1\"}}",
        "{\"x\":{\"type\":\"bool\",\"value\":\"true\"}}",
        "{\"x\":{\"type\":\"bytes\",\"value\":\"0\"}}",
        "{\"x\":{\"type\":\"bytes\",\"value\":\"0g\"}}",
        "{\"x\":{\"type\":\"list\",\"value\":{}}}",
        "{\"x\":{\"type\":\"map\",\"value\":[[1]]}}",
        "{\"x\":{\"type\":\"timestamp\",\"value\":\"253402300800000000000\"}}",
        "{\"x\":{\"type\":\"timestamp\",\"value\":\"\"}}",
        "{\"x\":{\"type\":\"type\",\"value\":\"nothing\"}}",
        "{\"x\":{\"type\":\"net.IP\",\"value\":\"1.2.3\"}}",
    };
    struct rt_buffer deep;

    (void)state;
    rt_buffer_init(&deep, BYTES_MAX);
    rt_buffer_string(&deep, "{\"x\":");
    for (int i = 0; i < 200; i++)
        rt_buffer_char(&deep, '[');
    for (int i = 0; i < 200; i++)
        rt_buffer_char(&deep, ']');
    rt_buffer_char(&deep, '}');
    for (size_t i = 0; i <= COUNT_OF(cases); i++) {
        const char *json = i < COUNT_OF(cases) ? cases[i] : deep.data;
        struct cli_bindings bindings;
        struct rt_arena arena;
        struct rt_buffer message;

        rt_arena_init(&arena, BYTES_MAX);
        rt_buffer_init(&message, BYTES_MAX);
        if (cli_bindings_parse(rt_text_of(json), &arena, &message, &bindings) != RT_ERR_DATA ||
            message.length == 0)
            fail_msg("%s is accepted", json);
        rt_buffer_done(&message);
        rt_arena_done(&arena);
    }
    rt_buffer_done(&deep);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_binding_comes_back_as_it_was_written),
        cmocka_unit_test(what_is_no_binding_is_refused_with_a_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
