/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_cel.c - Google's conformance suite for CEL through the library.
 *
 * Every line of the tiers core, ext and optional passes, except those that exceptions.txt lists with a reason; a listed line
 * that passes is a failure too, so that the list stays true.  The tiers check and internal are run and counted only.
 */
#include "tests/support/unit.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/value_ops.h"
#include "runtime/base/map.h"
#include "tests/support/evaluation.h"

enum { PASSES_AT_LEAST = 1665, LINE_MAX_BYTES = 1 << 20 };

static const char *const tiers[] = {"core", "ext", "optional", "check", "internal"};
enum { BINDING_TIERS = 3 };

struct suite {
    struct rt_map exceptions; /* id -> 1, owned names */
    struct rt_arena names;
    size_t passed[COUNT_OF(tiers)], total[COUNT_OF(tiers)];
    size_t surprises;
};

/* ---- comparing ---- */

/* The same type and the same content: 1 is not 1.0 here, -0.0 not 0.0, and NaN is NaN. */
static bool is_same(struct rt_value a, struct rt_value b);

static bool has_entry(struct rt_value map, const struct rt_map_entry *entry)
{
    for (size_t i = 0; i < map.length; i++)
        if (is_same(map.u.entries[i].key, entry->key) &&
            is_same(map.u.entries[i].value, entry->value))
            return true;
    return false;
}

static bool is_same(struct rt_value a, struct rt_value b)
{
    if (a.type != b.type)
        return false;
    if (a.type == RT_DOUBLE)
        return (isnan(a.u.real) && isnan(b.u.real)) ||
               (a.u.real == b.u.real && signbit(a.u.real) == signbit(b.u.real));
    if (a.type != RT_LIST && a.type != RT_MAP)
        return expr_value_equal(a, b);
    if (a.length != b.length)
        return false;
    for (size_t i = 0; i < a.length; i++)
        if (a.type == RT_LIST ? !is_same(a.u.items[i], b.u.items[i])
                              : !has_entry(b, &a.u.entries[i]))
            return false;
    return true;
}

/* The expected value out of {"type":..., "value":...}. */
static struct rt_value expected_value(json_t *expect, struct evaluation *evaluation)
{
    json_t *object = json_pack("{s:{s:O,s:O}}", "x", "type", json_object_get(expect, "type"),
                               "value", json_object_get(expect, "value"));
    char *text = json_dumps(object, JSON_ENCODE_ANY);
    struct cli_bindings bindings;

    assert_non_null(text);
    assert_int_equal(
        cli_bindings_parse(rt_text_of(text), &evaluation->arena, &evaluation->message, &bindings),
        RT_OK);
    free(text);
    json_decref(object);
    return bindings.values[0];
}

static bool passes(json_t *line, struct evaluation *evaluation)
{
    json_t *expect = json_object_get(line, "expect");
    bool failed = evaluation->status == RT_ERR_DIAG ||
                  (evaluation->status == RT_OK && evaluation->value.type == RT_ERROR);

    if (json_object_get(expect, "error") != NULL)
        return failed;
    if (json_object_get(expect, "value") == NULL) /* a type to deduce: enough that it is accepted */
        return evaluation->status == RT_OK;
    return evaluation->status == RT_OK && !failed &&
           is_same(evaluation->value, expected_value(expect, evaluation));
}

/* ---- the run ---- */

static void read_exceptions(struct suite *suite)
{
    FILE *file = fopen(EGRET_SOURCE_DIR "/tests/cel/exceptions.txt", "r");
    char line[1024];

    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        size_t length = strcspn(line, " \n");

        if (line[0] == '#' || length == 0)
            continue;
        assert_true(strlen(line) > length + 2); /* an id and a reason */

        const char *name = rt_arena_text(&suite->names, line, length);

        assert_int_equal(rt_map_set(&suite->exceptions, rt_text_of(name), 1), RT_OK);
    }
    fclose(file);
}

static size_t tier_of(json_t *line)
{
    const char *name = json_string_value(json_object_get(line, "tier"));

    for (size_t i = 0; i < COUNT_OF(tiers); i++)
        if (strcmp(tiers[i], name) == 0)
            return i;
    fail_msg("unknown tier %s", name);
    return 0;
}

static void run_line(struct suite *suite, json_t *line)
{
    char *bindings = json_dumps(json_object_get(line, "bindings"), 0);
    const char *id = json_string_value(json_object_get(line, "id"));
    const json_t *expr = json_object_get(line, "expr");
    size_t tier = tier_of(line);
    struct evaluation_options options = {
        .bindings = rt_text_of(bindings),
        .container = json_string_value(json_object_get(line, "container")),
        .unchecked = json_is_true(json_object_get(line, "disable_check"))};
    struct evaluation evaluation;
    uint64_t listed;

    evaluate((struct rt_text){json_string_value(expr), json_string_length(expr)}, &options,
             &evaluation);

    bool passed = passes(line, &evaluation);
    bool is_listed = rt_map_get(&suite->exceptions, rt_text_of(id), &listed);

    suite->total[tier]++;
    suite->passed[tier] += passed;
    if (is_listed)
        rt_map_remove(&suite->exceptions, rt_text_of(id));
    if ((tier < BINDING_TIERS && passed == is_listed) || (tier >= BINDING_TIERS && is_listed)) {
        char *expect = json_dumps(json_object_get(line, "expect"), 0);

        printf("%s: %s\n  %s\n  expected %s\n  %s\n", id,
               passed ? "passes, but is listed as an exception" : "fails", json_string_value(expr),
               expect, evaluation_text(&evaluation));
        free(expect);
        suite->surprises++;
    }
    evaluation_done(&evaluation);
    free(bindings);
}

static void the_suite_passes_but_for_the_listed_lines(void **state)
{
    static char text[LINE_MAX_BYTES];
    FILE *file = fopen(EGRET_SHARED_DIR "/conformance/cel/cases.jsonl", "r");
    struct suite suite = {0};
    size_t passed = 0;

    (void)state;
    if (file == NULL) {
        const char *ci = getenv("CI");

        if (ci != NULL && strcmp(ci, "true") == 0)
            fail_msg("the conformance cases are missing");
        printf("skipped: the conformance cases are missing\n");
        skip();
        return;
    }
    rt_arena_init(&suite.names, LINE_MAX_BYTES);
    read_exceptions(&suite);
    while (fgets(text, LINE_MAX_BYTES, file) != NULL) {
        json_t *line = json_loads(text, JSON_ALLOW_NUL, NULL);

        assert_non_null(line);
        run_line(&suite, line);
        json_decref(line);
    }
    for (size_t i = 0; i < COUNT_OF(tiers); i++) {
        printf("%s: %zu of %zu\n", tiers[i], suite.passed[i], suite.total[i]);
        if (i < BINDING_TIERS)
            passed += suite.passed[i];
    }
    assert_int_equal(suite.exceptions.count, 0); /* every listed id was met */
    assert_int_equal(suite.surprises, 0);
    assert_true(passed >= PASSES_AT_LEAST);
    rt_map_done(&suite.exceptions);
    rt_arena_done(&suite.names);
    fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_suite_passes_but_for_the_listed_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
