/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions end to end: text, check, code, value; and every point where memory can run out. */
#include "tests/support/unit.h"

#include "rules/value_ops.h"
#include "runtime/base/alloc.h"
#include "tests/support/expr_cases.h"
#include "tests/support/expr_world.h"

static void show(struct rt_value value, struct rt_buffer *out)
{
    if (rt_is_error(value)) {
        rt_buffer_printf(out, "error %s", rt_value_error_name((enum rt_value_error)value.aux));
        return;
    }
    rt_buffer_printf(out, "%s ", rt_type_name((enum rt_type)value.type));
    rt_value_json(value, out);
}

static void evaluate_wanting(struct rt_text expression, enum expr_want want, struct rt_buffer *out)
{
    struct expr_world world;
    struct rt_value value = rt_null();
    enum rt_status status;

    assert_true(expr_world_open(&world));
    status = expr_world_eval(&world, expression, want, &value);
    expr_case_diags(world.diags, out);
    if (status == RT_OK)
        show(value, out);
    else
        assert_int_equal(status, RT_ERR_DIAG);
    expr_world_close(&world);
}

static void evaluate(struct rt_text expression, struct rt_buffer *out, void *context)
{
    (void)context;
    evaluate_wanting(expression, EXPR_WANT_ANY, out);
}

static void condition(struct rt_text expression, struct rt_buffer *out, void *context)
{
    (void)context;
    evaluate_wanting(expression, EXPR_WANT_BOOL, out);
}

static void print_checked(struct rt_text expression, struct rt_buffer *out, void *context)
{
    struct expr_world world;
    struct expr_text source = {.text = expression};
    struct expr_tree *tree;

    (void)context;
    assert_true(expr_world_open(&world));
    source.source = rt_diags_add_source(world.diags, "expression", expression);
    if (expr_check(&source, &world.scope, EXPR_WANT_ANY, &world.arena, world.diags, &tree) ==
        RT_OK) {
        expr_tree_print(tree, out);
    }
    rt_buffer_char(out, '\n');
    expr_case_diags(world.diags, out);
    expr_world_close(&world);
}

static void show_code(struct rt_text expression, struct rt_buffer *out, void *context)
{
    struct expr_world world;
    struct expr_text source = {.text = expression};
    struct expr_tree *tree;
    struct expr *code = NULL;

    (void)context;
    assert_true(expr_world_open(&world));
    source.source = rt_diags_add_source(world.diags, "expression", expression);
    if (expr_check(&source, &world.scope, EXPR_WANT_ANY, &world.arena, world.diags, &tree) ==
            RT_OK &&
        expr_world_seal(&world) == RT_OK && expr_compile(tree, world.fields, &code) == RT_OK)
        expr_print_code(code, out);
    expr_case_diags(world.diags, out);
    expr_free(code);
    expr_world_close(&world);
}

static void expressions_have_the_value_that_the_language_says(void **state)
{
    (void)state;
    assert_int_equal(expr_cases_run("tests/cases/expr/eval.txt", evaluate, NULL), 0);
}

static void fields_and_steps_are_read_from_their_events(void **state)
{
    (void)state;
    assert_int_equal(expr_cases_run("tests/cases/expr/events.txt", evaluate, NULL), 0);
}

static void mistakes_are_shown_with_advice(void **state)
{
    (void)state;
    assert_int_equal(expr_cases_run("tests/cases/expr/mistakes.txt", condition, NULL), 0);
}

static void a_checked_tree_prints_in_one_canonical_form(void **state)
{
    (void)state;
    assert_int_equal(expr_cases_run("tests/cases/expr/canonical.txt", print_checked, NULL), 0);
}

static void scalar_conditions_become_one_instruction_each(void **state)
{
    (void)state;
    assert_int_equal(expr_cases_run("tests/cases/expr/code.txt", show_code, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expressions_have_the_value_that_the_language_says),
        cmocka_unit_test(fields_and_steps_are_read_from_their_events),
        cmocka_unit_test(mistakes_are_shown_with_advice),
        cmocka_unit_test(a_checked_tree_prints_in_one_canonical_form),
        cmocka_unit_test(scalar_conditions_become_one_instruction_each),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
