/* SPDX-License-Identifier: Apache-2.0 */
/* The base layer: numbers, text, maps, arenas, pools. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/base/map.h"
#include "runtime/base/text.h"

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
                 {5e-324, "5e-324"},
                 {1e20, "100000000000000000000"}};
    char out[RT_DOUBLE_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        rt_double_text(cases[i].value, out);
        assert_string_equal(out, cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_double_is_written_with_the_fewest_digits_that_read_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
