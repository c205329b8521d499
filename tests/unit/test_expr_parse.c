/* SPDX-License-Identifier: Apache-2.0 */
/* Text to tree, seen through the canonical print; what cannot be read, with its place. */
#include "tests/support/unit.h"

#include "rules/expr_tree.h"
#include "tests/support/expr_cases.h"
#include "tests/support/expr_world.h"

static void parse_and_print(struct rt_text expression, struct rt_buffer *out, void *context)
{
    struct rt_arena arena;
    struct rt_diags *diags = NULL;
    struct expr_text text = {.text = expression};
    struct expr_work work = {.text = &text, .arena = &arena};
    struct expr_tree tree = {.root = NULL};

    (void)context;
    rt_arena_init(&arena, 64u << 20);
    assert_int_equal(rt_diags_new(0, &diags), RT_OK);
    work.diags = diags;
    text.source = rt_diags_add_source(diags, "expression", expression);
    tree.root = expr_parse(&work);
    if (tree.root != NULL)
        expr_tree_print(&tree, out);
    else
        expr_case_diags(diags, out);
    assert_true((tree.root == NULL) == (rt_diags_count(diags, RT_SEVERITY_ERROR) > 0));
    rt_diags_free(diags);
    rt_arena_done(&arena);
}

static void expressions_parse_to_the_tree_that_the_grammar_says(void **state)
{
    (void)state;
    assert_int_equal(expr_cases_run("tests/cases/expr/parse.txt", parse_and_print, NULL), 0);
}

static void what_cannot_be_read_is_shown_where_it_stands(void **state)
{
    (void)state;
    assert_int_equal(expr_cases_run("tests/cases/expr/syntax.txt", parse_and_print, NULL), 0);
}

/* `before` n times, `middle`, `after` n times. */
static void nested(struct rt_buffer *out, size_t times, const char *before, const char *middle,
                   const char *after)
{
    for (size_t i = 0; i < times; i++)
        rt_buffer_string(out, before);
    rt_buffer_string(out, middle);
    for (size_t i = 0; i < times; i++)
        rt_buffer_string(out, after);
}

static bool parses(struct rt_text text)
{
    struct rt_buffer out;
    bool ok;

    rt_buffer_init(&out, 1 << 20);
    parse_and_print(text, &out, NULL);
    ok = out.length > 0 && strstr(out.data, "E2") == NULL;
    rt_buffer_done(&out);
    return ok;
}

static void depth_is_limited_however_it_is_made(void **state)
{
    static const struct {
        const char *before, *middle, *after;
    } shapes[] = {{"(", "1", ")"},    {"[", "1", "]"},        {"-(", "1", ")"},
                  {"!", "x", ""},     {"f(", "1", ")"},       {"1 + ", "1", ""},
                  {"", "a", ".b"},    {"", "a", "[0]"},       {"a ? b : ", "c", ""},
                  {"{1: ", "1", "}"}, {"a.map(x, ", "x", ")"}};

    (void)state;
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        struct rt_buffer text;

        rt_buffer_init(&text, 1 << 20);
        nested(&text, 32, shapes[i].before, shapes[i].middle, shapes[i].after);
        assert_true(parses(rt_buffer_view(&text)));
        rt_buffer_reset(&text);
        nested(&text, 5000, shapes[i].before, shapes[i].middle, shapes[i].after);
        assert_false(parses(rt_buffer_view(&text)));
        rt_buffer_done(&text);
    }
}

static void what_does_not_fit_the_machine_is_refused_with_a_message(void **state)
{
    static const struct {
        const char *before, *middle, *after;
        size_t times;
        bool fits;
    } cases[] = {{"[x, ", "1", "]", 120, true},
                 {"{1: ", "x", "}", 120, true},
                 {"", "x", " && x", 9000, true},
                 {"", "x", " && x", 30000, false},
                 {"size([", "x", "])", 60, true},
                 {"cel.bind(x, 1, ", "x", ")", 120, true},
                 {"math.greatest(x, x, x, x, x, x, x, x, x, ", "x", ")", 20, true},
                 {"math.greatest(x, x, x, x, x, x, x, x, x, ", "x", ")", 40, false}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct expr_world world;
        struct rt_buffer text;
        struct expr_text source = {.source = RT_NO_SOURCE};
        struct expr_tree *tree;
        struct expr *code;
        enum rt_status status;

        assert_true(expr_world_open(&world));
        rt_buffer_init(&text, 1 << 20);
        nested(&text, cases[i].times, cases[i].before, cases[i].middle, cases[i].after);
        source.text = rt_buffer_view(&text);
        status = expr_check(&source, &world.scope, EXPR_WANT_ANY, &world.arena, world.diags, &tree);
        assert_int_equal(status, cases[i].fits ? RT_OK : RT_ERR_DIAG);
        rt_fields_seal(world.fields);
        if (status == RT_OK) {
            assert_int_equal(expr_compile(tree, world.fields, &code), RT_OK);
            expr_free(code);
        }
        rt_buffer_done(&text);
        expr_world_close(&world);
    }
}

static void a_chain_of_and_may_be_long(void **state)
{
    struct rt_buffer text;

    (void)state;
    rt_buffer_init(&text, 1 << 20);
    nested(&text, 4000, "a && ", "b", "");
    assert_true(parses(rt_buffer_view(&text)));
    rt_buffer_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expressions_parse_to_the_tree_that_the_grammar_says),
        cmocka_unit_test(what_cannot_be_read_is_shown_where_it_stands),
        cmocka_unit_test(depth_is_limited_however_it_is_made),
        cmocka_unit_test(a_chain_of_and_may_be_long),
        cmocka_unit_test(what_does_not_fit_the_machine_is_refused_with_a_message),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
