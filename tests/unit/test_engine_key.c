/* SPDX-License-Identifier: Apache-2.0 */
/* Keys as bytes: what is one key, what is another, what is none. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cep/key.h"
#include "rules/value_ops.h"

static bool encode(struct rt_buffer *buffer, const struct rt_value *parts, size_t count)
{
    rt_buffer_reset(buffer);
    for (size_t i = 0; i < count; i++) {
        if (!cep_key_add(buffer, parts[i], i + 1 == count))
            return false;
    }
    return true;
}

static struct rt_value text(const char *string)
{
    return rt_string(string, (uint32_t)strlen(string));
}

static const struct rt_value *samples(size_t *count)
{
    static struct rt_value values[40];
    size_t n = 0;
    static const double doubles[] = {
        0.0,     -0.0, 1.0, -1.0, 0.5, 1e300, -1e300, 0x1p63, -0x1p63, 0x1p64, 9007199254740993.0,
        INFINITY};

    values[n++] = text("");
    values[n++] = text("1");
    values[n++] = text("one");
    values[n++] = text("a text that is longer than a line of the table would hold");
    values[n++] = rt_bool(true);
    values[n++] = rt_bool(false);
    values[n++] = rt_int(0);
    values[n++] = rt_int(1);
    values[n++] = rt_int(-1);
    values[n++] = rt_int(INT64_MAX);
    values[n++] = rt_int(INT64_MIN);
    values[n++] = rt_uint(0);
    values[n++] = rt_uint(1);
    values[n++] = rt_uint(UINT64_MAX);
    values[n++] = rt_uint((uint64_t)1 << 63);
    for (size_t i = 0; i < sizeof(doubles) / sizeof(doubles[0]); i++)
        values[n++] = rt_double(doubles[i]);
    values[n++] = (struct rt_value){.type = RT_TIMESTAMP, .length = 5, .u.integer = 7};
    values[n++] = (struct rt_value){.type = RT_DURATION, .u.integer = 7};
    *count = n;
    return values;
}

static void keys_are_equal_when_their_values_are(void **state)
{
    struct rt_buffer left, right;
    size_t count;
    const struct rt_value *values = samples(&count);

    (void)state;
    rt_buffer_init(&left, 1000);
    rt_buffer_init(&right, 1000);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            bool equal;

            assert_true(encode(&left, &values[i], 1));
            assert_true(encode(&right, &values[j], 1));
            equal = rt_text_equal(rt_buffer_view(&left), rt_buffer_view(&right));
            if (equal != expr_value_equal(values[i], values[j]))
                fail_msg("values %zu and %zu", i, j);
        }
    }
    rt_buffer_done(&left);
    rt_buffer_done(&right);
}

static void the_parts_of_a_key_come_back(void **state)
{
    struct rt_buffer buffer;
    struct rt_value back[2];
    size_t count;
    const struct rt_value *values = samples(&count);

    (void)state;
    rt_buffer_init(&buffer, 1000);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            const struct rt_value parts[2] = {values[i], values[j]};

            assert_true(encode(&buffer, parts, 2));
            cep_key_parts(rt_buffer_view(&buffer), back, 2);
            assert_true(expr_value_equal(back[0], values[i]));
            assert_true(expr_value_equal(back[1], values[j]));
        }
    }
    rt_buffer_done(&buffer);
}

static void the_border_between_parts_is_part_of_the_key(void **state)
{
    const struct rt_value left[2] = {text("a"), text("bc")}, right[2] = {text("ab"), text("c")};
    struct rt_buffer a, b;

    (void)state;
    rt_buffer_init(&a, 1000);
    rt_buffer_init(&b, 1000);
    assert_true(encode(&a, left, 2));
    assert_true(encode(&b, right, 2));
    assert_false(rt_text_equal(rt_buffer_view(&a), rt_buffer_view(&b)));
    rt_buffer_done(&a);
    rt_buffer_done(&b);
}

static void null_lists_maps_errors_and_absent_fields_are_no_key(void **state)
{
    const struct rt_value none[] = {{.type = RT_ABSENT},     rt_null(),
                                    {.type = RT_LIST},       {.type = RT_MAP},
                                    rt_error(RT_ERROR_TYPE), rt_double(NAN)};
    struct rt_buffer buffer;

    (void)state;
    rt_buffer_init(&buffer, 1000);
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        assert_false(cep_key_add(&buffer, none[i], true));
    rt_buffer_done(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_equal_when_their_values_are),
        cmocka_unit_test(the_parts_of_a_key_come_back),
        cmocka_unit_test(the_border_between_parts_is_part_of_the_key),
        cmocka_unit_test(null_lists_maps_errors_and_absent_fields_are_no_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
