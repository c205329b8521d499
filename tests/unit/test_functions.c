/* SPDX-License-Identifier: Apache-2.0 */
/* The function library: every example of the manual is true, and what each refuses. */
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

#include "rules/value_ops.h"
#include "runtime/base/alloc.h"
#include "tests/support/evaluation.h"

static void every_example_is_true(void **state)
{
    const struct expr_function *functions;
    size_t count, failures = 0;

    (void)state;
    functions = expr_functions(&count);
    for (size_t i = 0; i < count; i++) {
        struct evaluation evaluation;

        evaluate(rt_text_of(functions[i].example), NULL, &evaluation);
        if (evaluation.status != RT_OK || evaluation.value.type != RT_BOOL ||
            !evaluation.value.u.boolean) {
            printf("%s: %s\n%s\n", functions[i].name, functions[i].example,
                   evaluation_text(&evaluation));
            failures++;
        }
        evaluation_done(&evaluation);
    }
    assert_int_equal(failures, 0);
}

/* The name as it is called, member or global: `size(`, `.size(`. */
static bool names_function(const char *example, const struct expr_function *function)
{
    char call[64];

    snprintf(call, sizeof(call), "%s%s(", function->global ? "" : ".", function->name);
    return strstr(example, call) != NULL;
}

static void every_function_is_described_and_shown(void **state)
{
    static const char *const types[] = {
        "bool",      "int",      "uint", "double", "string",   "bytes", "list", "map",
        "timestamp", "duration", "type", "ip",     "optional", "cidr",  "null", "any"};
    const struct expr_function *functions;
    size_t count;

    (void)state;
    functions = expr_functions(&count);
    for (size_t i = 0; i < count; i++) {
        const struct expr_function *function = &functions[i];
        const char *at = function->types;

        assert_true(function->global || function->member);
        assert_true(function->args_min <= function->args_max);
        assert_true(names_function(function->example, function));
        assert_int_equal(function->summary[strlen(function->summary) - 1], '.');
        while (*at != '\0') { /* the overloads are made of known words */
            size_t length = strcspn(at, ",|-");
            bool known = length == 0;

            for (size_t j = 0; j < COUNT_OF(types); j++)
                known = known || (strlen(types[j]) == length && memcmp(types[j], at, length) == 0);
            assert_true(known);
            at += length;
            at += strncmp(at, "->", 2) == 0 ? 2 : *at != '\0' ? 1 : 0;
        }
    }
}

static void a_name_has_one_function_in_each_shape(void **state)
{
    const struct expr_function *functions;
    size_t count;

    (void)state;
    functions = expr_functions(&count);
    for (size_t i = 0; i < count; i++) {
        struct rt_text name = rt_text_of(functions[i].name);

        if (functions[i].global)
            assert_ptr_equal(expr_function_find(name, false), &functions[i]);
        if (functions[i].member)
            assert_ptr_equal(expr_function_find(name, true), &functions[i]);
    }
    assert_null(expr_function_find(RT_TEXT("nothing"), false));
}

static void results_are_as_told(void **state)
{
    static const struct {
        const char *expression;
        const char *result; /* as egret eval prints it; a code: refused when it is compiled */
    } cases[] = {
        /* conversions */
        {"int('9223372036854775808')", "{\"error\":\"conversion: the text cannot be converted\"}"},
        {"double('1e999')", "{\"error\":\"range: the value does not fit the type\"}"},
        {"double(' 1')", "{\"error\":\"conversion: the text cannot be converted\"}"},
        {"duration('1h-30m')", "E214"},
        {"duration('-1.5h')", "{\"type\":\"duration\",\"value\":\"-5400000000000\"}"},
        {"duration('1h1m1s1ms1us1ns')", "{\"type\":\"duration\",\"value\":\"3661001001001\"}"},
        {"duration('2540400h10m10.000000000s')",
         "{\"type\":\"duration\",\"value\":\"9145440610000000000\"}"},
        {"duration('3d')", "E214"},
        {"duration('.5s')", "{\"type\":\"duration\",\"value\":\"500000000\"}"},
        {"timestamp('9999-12-31T23:59:59.999999999Z')",
         "{\"type\":\"timestamp\",\"value\":\"253402300799999999999\"}"},
        {"timestamp('0001-01-01T00:00:00.5Z')",
         "{\"type\":\"timestamp\",\"value\":\"-62135596799500000000\"}"},
        /* time */
        {"fmt_duration(duration('0s'))", "{\"type\":\"string\",\"value\":\"0s\"}"},
        {"fmt_duration(duration('250ms'))", "{\"type\":\"string\",\"value\":\"250ms\"}"},
        {"fmt_duration(duration('-59s'))", "{\"type\":\"string\",\"value\":\"-59s\"}"},
        {"fmt_duration(duration('3599s'))", "{\"type\":\"string\",\"value\":\"59m59s\"}"},
        {"fmt_duration(duration('86399s'))", "{\"type\":\"string\",\"value\":\"23h59m\"}"},
        {"fmt_duration(duration('51h'))", "{\"type\":\"string\",\"value\":\"2d03h\"}"},
        {"timestamp(0).getHours('Nowhere')", "{\"error\":\"argument: unknown time zone\"}"},
        /* strings */
        {"'añb'.substring(1, 2)", "{\"type\":\"string\",\"value\":\"ñ\"}"},
        {"'añb'.indexOf('b')", "{\"type\":\"int\",\"value\":\"2\"}"},
        {"'abc'.indexOf('c', 3)", "{\"type\":\"int\",\"value\":\"-1\"}"},
        {"'abc'.replace('', '-')", "{\"type\":\"string\",\"value\":\"-a-b-c-\"}"},
        {"'abc'.replace('', '-', 2)", "{\"type\":\"string\",\"value\":\"-a-bc\"}"},
        {"'añ'.split('')", "{\"type\":\"list\",\"value\":[{\"type\":\"string\",\"value\":\"a\"},"
                           "{\"type\":\"string\",\"value\":\"ñ\"}]}"},
        {"''.split('')", "{\"type\":\"list\",\"value\":[]}"},
        {"''.split(',')", "{\"type\":\"list\",\"value\":[{\"type\":\"string\",\"value\":\"\"}]}"},
        {"'%d'.format([-5])", "{\"type\":\"string\",\"value\":\"-5\"}"},
        {"'%x %o %b'.format([-255, -8, -5])", "{\"type\":\"string\",\"value\":\"-ff -10 -101\"}"},
        {"'%s'.format([{'b': 1, 'a': [true, null]}])",
         "{\"type\":\"string\",\"value\":\"{a: [true, null], b: 1}\"}"},
        {"'%.1000f'.format([1.0])", "{\"error\":\"argument: unknown formatting clause\"}"},
        {"'%'.format([])", "{\"error\":\"argument: unknown formatting clause\"}"},
        {"'%s'.format([])", "{\"error\":\"index: more formatting clauses than arguments\"}"},
        /* lists */
        {"[3, 1.5, 2u].sort()",
         "{\"type\":\"list\",\"value\":[{\"type\":\"double\",\"value\":\"1.5\"},"
         "{\"type\":\"uint\",\"value\":\"2\"},{\"type\":\"int\",\"value\":\"3\"}]}"},
        {"[].sum()", "{\"type\":\"int\",\"value\":\"0\"}"},
        {"[].min()", "{\"error\":\"argument: the list is empty\"}"},
        {"[duration('1m'), duration('1s')].sum()",
         "{\"type\":\"duration\",\"value\":\"61000000000\"}"},
        {"sum([9223372036854775807, 1])", "{\"error\":\"range: the result is out of range\"}"},
        {"[[1, [2]], [[[3]]]].flatten(2)",
         "{\"type\":\"list\",\"value\":[{\"type\":\"int\",\"value\":\"1\"},"
         "{\"type\":\"int\",\"value\":\"2\"},{\"type\":\"list\",\"value\":[{\"type\":\"int\","
         "\"value\":\"3\"}]}]}"},
        {"first([])", "{\"error\":\"absent_field\"}"},
        {"last([1, 2], 2)", "{\"error\":\"absent_field\"}"},
        /* network */
        {"cidr('::ffff:10.1.2.3', '10.0.0.0/8')", "{\"type\":\"bool\",\"value\":true}"},
        {"cidr('10.1.2.3', '10.0.0.0/33')", "E214"},
        {"cidr('host', '10.0.0.0/8')", "E214"},
        {"cidr('2001:db8::1', '0.0.0.0/0')", "{\"type\":\"bool\",\"value\":false}"},
        {"cidr('10.0.0.1/8')", "{\"type\":\"net.CIDR\",\"value\":\"10.0.0.1/8\"}"},
        /* regular expressions */
        {"'aXbXc'.findAll('[a-z]', 2)",
         "{\"type\":\"list\",\"value\":[{\"type\":\"string\",\"value\":\"a\"},"
         "{\"type\":\"string\",\"value\":\"b\"}]}"},
        {"regex.replace('abc', 'x*', '-')", "{\"type\":\"string\",\"value\":\"-a-b-c-\"}"},
        {"regex.replace('aéb', '', '.')", "{\"type\":\"string\",\"value\":\".a.é.b.\"}"},
        {"regex.replace('abc', '(b)', r'\\2')",
         "{\"error\":\"argument: the replacement names a group that is not there\"}"},
        {"regex.extract('ab', '(a)(b)')",
         "{\"error\":\"argument: the pattern has more than one group\"}"},
        {"regex.extract('x', 'a').hasValue()", "{\"type\":\"bool\",\"value\":false}"},
        /* ours */
        {"geo_km({'lat': 0, 'lon': 0}, {'lat': 0.0, 'lon': 180})",
         "{\"type\":\"double\",\"value\":\"20015.114442035923\"}"},
        {"geo_km({'lat': 91, 'lon': 0}, {'lat': 0, 'lon': 0})",
         "{\"error\":\"argument: a latitude or longitude is out of range\"}"},
        {"geo_km({'lat': 1}, {'lat': 0, 'lon': 0})", "{\"error\":\"absent_field: no such key\"}"},
        {"lookup({'a': 1}, 'b')", "{\"error\":\"absent_field: no such key\"}"},
        {"base64.decode('a')", "{\"error\":\"conversion: the text is not base64\"}"},
        {"base64.decode('aGVsbG9=')", "{\"error\":\"conversion: the text is not base64\"}"},
        {"base64.decode('YQ==')", "{\"type\":\"bytes\",\"value\":\"61\"}"},
        {"base64.decode('YR==')", "{\"error\":\"conversion: the text is not base64\"}"},
        {"math.greatest([])",
         "{\"error\":\"argument: an empty list has no greatest or least item\"}"},
    };
    size_t failures = 0;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct evaluation evaluation;

        evaluate(rt_text_of(cases[i].expression), NULL, &evaluation);

        bool refused = evaluation.status == RT_ERR_DIAG;
        const char *text = evaluation_text(&evaluation);

        if (refused ? strstr(text, cases[i].result) == NULL : strcmp(text, cases[i].result) != 0) {
            printf("%s\n  expected %s\n  got      %s\n", cases[i].expression, cases[i].result,
                   text);
            failures++;
        }
        evaluation_done(&evaluation);
    }
    assert_int_equal(failures, 0);
}

/* Every function, with every failed allocation: an error or a diagnostic, never a wrong value, nothing left behind. */
static void a_failed_allocation_is_never_a_wrong_value(void **state)
{
    const struct expr_function *functions;
    size_t count;

    (void)state;
    functions = expr_functions(&count);
    for (size_t i = 0; i < count; i++) {
        for (size_t nth = 1;; nth++) {
            struct evaluation evaluation;

            rt_fault_arm(nth);
            evaluate(rt_text_of(functions[i].example), NULL, &evaluation);

            bool fired = rt_fault_disarm();
            bool right = evaluation.status == RT_OK && evaluation.value.type == RT_BOOL &&
                         evaluation.value.u.boolean;
            bool limit = evaluation.status == RT_ERR_NOMEM ||
                         (evaluation.status == RT_OK && evaluation.value.type == RT_ERROR &&
                          evaluation.value.aux == RT_ERROR_LIMIT);

            if (!right && !(fired && limit))
                fail_msg("%s, allocation %zu: %s", functions[i].example, nth,
                         evaluation_text(&evaluation));
            evaluation_done(&evaluation);
            assert_int_equal(rt_live_blocks(), 0);
            if (!fired)
                break;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_example_is_true),
        cmocka_unit_test(every_function_is_described_and_shown),
        cmocka_unit_test(a_name_has_one_function_in_each_shape),
        cmocka_unit_test(results_are_as_told),
        cmocka_unit_test(a_failed_allocation_is_never_a_wrong_value),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
