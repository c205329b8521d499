/* SPDX-License-Identifier: Apache-2.0 */
/* Templates, what is said about trees, where spans lead, and every point where memory can run out. */
#include "tests/support/unit.h"

#include "rules/value_ops.h"
#include "runtime/base/alloc.h"
#include "tests/support/expr_cases.h"
#include "tests/support/expr_world.h"

static struct expr_tree *checked(struct expr_world *world, const char *text)
{
    struct expr_text source = {.text = rt_text_of(text), .source = RT_NO_SOURCE};
    struct expr_tree *tree = NULL;

    assert_int_equal(
        expr_check(&source, &world->scope, EXPR_WANT_ANY, &world->arena, world->diags, &tree),
        RT_OK);
    return tree;
}

/* ---- templates ---- */

static void render(struct rt_text text, struct rt_buffer *out, void *context)
{
    struct expr_world world;
    struct expr_text source = {.text = text};
    struct expr_template_tree *tree;
    struct expr_template *template = NULL;
    enum rt_value_error why = RT_ERROR_TYPE;
    size_t failures;

    (void)context;
    assert_true(expr_world_open(&world));
    source.source = rt_diags_add_source(world.diags, "template", text);
    if (expr_template_check(&source, &world.scope, &world.arena, world.diags, &tree) == RT_OK &&
        expr_world_seal(&world) == RT_OK &&
        expr_template_compile(tree, world.fields, &template) == RT_OK) {
        failures = expr_template_render(world.machine, template, &world.frame, out, &why);
        if (failures > 0)
            rt_buffer_printf(out, "\n%zu failed: %s", failures, rt_value_error_name(why));
    }
    expr_case_diags(world.diags, out);
    expr_template_free(template);
    expr_world_close(&world);
}

static void templates_print_what_their_expressions_give(void **state)
{
    (void)state;
    assert_int_equal(expr_cases_run("tests/cases/expr/templates.txt", render, NULL), 0);
}

/* ---- facts ---- */

static void a_tree_says_what_it_reads(void **state)
{
    static const struct {
        const char *text;
        unsigned uses;
    } cases[] = {{"1 + 1", 0},
                 {"amount > 1", EXPR_USES_EVENT},
                 {"has(amount)", EXPR_USES_EVENT},
                 {"time(event)", EXPR_USES_EVENT},
                 {"time(ok)", EXPR_USES_STEPS},
                 {"fail.exists(f, f.ip == ip)", EXPR_USES_EVENT | EXPR_USES_STEPS},
                 {"key.user", EXPR_USES_BINDINGS},
                 {"params.limit", 0},
                 {"[1].all(x, key.user == user && ok.ip == ip)",
                  EXPR_USES_EVENT | EXPR_USES_STEPS | EXPR_USES_BINDINGS}};
    struct expr_world world;

    (void)state;
    assert_true(expr_world_open(&world));
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(expr_tree_uses(checked(&world, cases[i].text)), cases[i].uses);
    expr_world_close(&world);
}

static void equal_conditions_have_one_fingerprint_and_others_have_others(void **state)
{
    static const struct {
        const char *left, *right;
        bool equal;
    } cases[] = {{"amount>5", "5 < event.amount", true},
                 {"a && b", "(a) && (b)", true},
                 {"a == 'x'", "event['a'] == \"x\"", true},
                 {"amount > params.limit", "amount > 10", true},
                 {"amount > 5", "amount > 5.0", false},
                 {"a == 1", "a == 1u", false},
                 {"a == '1'", "a == 1", false},
                 {"a == b'x'", "a == 'x'", false},
                 {"a.b == 1", "event['a.b'] == 1", false},
                 {"a && b", "b && a", false},
                 {"has(a)", "a", false}};
    struct expr_world world;

    (void)state;
    assert_true(expr_world_open(&world));
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct rt_hash128 left = expr_tree_fingerprint(checked(&world, cases[i].left));
        struct rt_hash128 right = expr_tree_fingerprint(checked(&world, cases[i].right));

        assert_int_equal(left.high == right.high && left.low == right.low, cases[i].equal);
    }
    expr_world_close(&world);
}

static void the_operands_of_and_are_trees_of_their_own(void **state)
{
    struct expr_world world;
    struct expr_tree *joined, *parts[4];
    struct rt_buffer text;

    (void)state;
    assert_true(expr_world_open(&world));
    rt_buffer_init(&text, 1000);
    assert_int_equal(expr_tree_conjuncts(checked(&world, "a || b"), parts, 4), 1);
    assert_int_equal(expr_tree_and(&world.arena, checked(&world, "a == 1 && b"),
                                   checked(&world, "c || d"), &joined),
                     RT_OK);
    assert_int_equal(expr_tree_conjuncts(joined, parts, 2), 3);
    assert_int_equal(expr_tree_conjuncts(joined, parts, 4), 3);
    expr_tree_print(joined, &text);
    assert_string_equal(text.data, "event.a == 1 && event.b && (event.c || event.d)");
    assert_int_equal(expr_tree_fingerprint(parts[0]).low,
                     expr_tree_fingerprint(checked(&world, "a == 1")).low);
    assert_int_equal(expr_tree_and(&world.arena, NULL, joined, &parts[0]), RT_OK);
    assert_ptr_equal(parts[0], joined);
    rt_buffer_done(&text);
    expr_world_close(&world);
}

static void index_sets_hold_the_constants_that_can_make_a_condition_true(void **state)
{
    static const struct {
        const char *text;
        const char *field; /* of the statement */
        const char *values;
    } cases[] = {{"type == 'a'", "type", "\"a\""},
                 {"type in ['a', 'b'] && amount > 5", "type", "\"a\" \"b\""},
                 {"type == 'a' || type == 'b'", "type", "\"a\" \"b\""},
                 {"type == 'a' || amount > 5", "type", "all"},
                 {"type == 'a' && type == 'b'", "type", "none"},
                 {"!(type != 'a')", "type", "\"a\""},
                 {"type != 'a'", "type", "all"},
                 {"type in ['a', 'b'] && type != 'a'", "type", "\"b\""},
                 {"count == 1 || count == 1.0", "count", "1"},
                 {"event.on && type == 'a'", "on", "true"},
                 {"!event.on", "on", "false"},
                 {"has(type) && type == 'a'", "type", "\"a\""},
                 {"!has(type)", "type", "all"},
                 {"(type == 'a' ? amount == 1 : type == 'b')", "type", "\"a\" \"b\""}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct expr_world world;
        struct expr_may_set may;
        struct rt_text name = rt_text_of(cases[i].field);
        struct rt_buffer text;
        rt_field_id field;
        struct expr_tree *tree;

        assert_true(expr_world_open(&world));
        rt_buffer_init(&text, 1000);
        tree = checked(&world, cases[i].text);
        assert_int_equal(rt_fields_add(world.fields, &name, 1, false, &field), RT_OK);
        assert_int_equal(expr_tree_may_be_true(tree, field, &world.arena, &may), RT_OK);
        rt_buffer_string(&text, may.kind == EXPR_MAY_ALL    ? "all"
                                : may.kind == EXPR_MAY_NONE ? "none"
                                                            : "");
        for (size_t v = 0; v < may.value_count; v++) {
            rt_buffer_string(&text, v == 0 ? "" : " ");
            rt_value_json(may.values[v], &text);
        }
        assert_string_equal(text.data, cases[i].values);
        rt_buffer_done(&text);
        expr_world_close(&world);
    }
}

static void what_steps_read_is_kept_and_what_the_event_reads_is_not(void **state)
{
    static const struct {
        const char *text;
        size_t kept, all;
    } cases[] = {{"amount > 1 && geo.lat > 2", 0, 2},
                 {"ok.ip == ip", 1, 1},
                 {"fail.exists(f, f.user == user && f.x.y == 1)", 2, 2},
                 {"ok == ok", 1, 1}, /* the whole event */
                 {"size(fail) > 3", 0, 0},
                 {"fail.map(f, f)", 1, 1},
                 {"[ok, last(fail)].map(e, e.ip)", 1, 1},
                 {"time(ok) > time(event)", 0, 0},
                 {"event.size() > 3", 0, 1},
                 {"{'a': ok}.a.ip", 1, 1},
                 {"has(a.b.c)", 0, 2},
                 {"event.?a.orValue(1)", 0, 1}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct expr_world world;

        assert_true(expr_world_open(&world));
        (void)checked(&world, cases[i].text);
        rt_fields_seal(world.fields);
        assert_int_equal(rt_fields_kept_count(world.fields), cases[i].kept);
        assert_int_equal(rt_fields_count(world.fields), cases[i].all);
        expr_world_close(&world);
    }
}

/* ---- places ---- */

static void a_span_goes_back_to_the_file_byte_by_byte(void **state)
{
    /* where: 'a == ''x'' &&'  as a single-quoted YAML scalar: the quotes stand twice */
    static const uint32_t offsets[] = {8, 9, 10, 11, 12, 13, 15, 16, 18, 19, 20, 21};
    struct expr_text text = {.text = RT_TEXT("a == 'x' &&"), .offsets = offsets};
    struct rt_span span = expr_text_span(&text, 5, 8);

    (void)state;
    assert_int_equal(span.begin, 13);
    assert_int_equal(span.end, 18);
    text.offsets = NULL;
    text.offset_base = 100;
    span = expr_text_span(&text, 5, 8);
    assert_int_equal(span.begin, 105);
    text.source = RT_NO_SOURCE;
    assert_int_equal(expr_text_span(&text, 5, 8).source, RT_NO_SOURCE);
}

/* ---- memory ---- */

static enum rt_status whole_way(const char *text, bool template)
{
    struct expr_world world;
    struct rt_value value;
    enum rt_status status = RT_ERR_NOMEM;

    if (expr_world_open(&world)) {
        struct expr_text source = {.text = rt_text_of(text), .source = RT_NO_SOURCE};
        struct expr_template_tree *tree;
        struct expr_template *code;

        if (template) {
            status = expr_template_check(&source, &world.scope, &world.arena, world.diags, &tree);
            if (status == RT_OK) {
                rt_fields_seal(world.fields);
                status = expr_template_compile(tree, world.fields, &code);
            }
            if (status == RT_OK)
                expr_template_free(code);
        } else {
            status = expr_world_eval(&world, source.text, EXPR_WANT_ANY, &value);
        }
        if (rt_diags_failed(world.diags))
            status = RT_ERR_NOMEM;
    }
    expr_world_close(&world);
    return status;
}

static void every_allocation_may_fail(void **state)
{
    static const struct {
        const char *text;
        bool template;
        enum rt_status status;
    } cases[] = {
        {"type == 'login' && amount > 2 * 3 && ip.matches(r'^10\\.[0-9]+') && ok.ip != ip", false,
         RT_OK},
        {"fail.map(f, has(f.amount), f.amount).sum() + [1, 2, amount].map(x, x * 2).size()", false,
         RT_OK},
        {"sum(fail.amount) > 3 && user in ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', "
         "'l', 'm', 'n', 'o', 'p', 'q'] || params.limit > 3",
         false, RT_OK},
        {"fail.ip == 3 && later.x == 1 && params.limt > 3 && foo(3)", false, RT_ERR_DIAG},
        {"{{ user }}: {{ size(fail) }} of {{ ip.matches('(a|b)c') }}", true, RT_OK}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        size_t before = rt_live_blocks();

        for (size_t nth = 1;; nth++) {
            enum rt_status status;

            rt_fault_arm(nth);
            status = whole_way(cases[i].text, cases[i].template);
            assert_int_equal(rt_live_blocks(), before);
            if (!rt_fault_disarm()) {
                assert_int_equal(status, cases[i].status);
                break;
            }
            /* A fault in memory that only speeds things up or at run time changes nothing here. */
            assert_true(status == RT_ERR_NOMEM || status == cases[i].status);
        }
    }
}

static void work_and_memory_of_one_evaluation_are_bounded(void **state)
{
    static const char *const hungry[] = {
        "tags.map(a, [1,2,3,4,5,6,7,8,9,10].map(b, [1,2,3,4,5,6,7,8,9,10].map(c, "
        "[1,2,3,4,5,6,7,8,9,10].map(d, [1,2,3,4,5,6,7,8,9,10].map(e, "
        "[1,2,3,4,5,6,7,8,9,10].map(f, size(tags)))))))",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(hungry); i++) {
        struct expr_world world;
        struct rt_value value;

        assert_true(expr_world_open(&world));
        assert_int_equal(expr_world_eval(&world, rt_text_of(hungry[i]), EXPR_WANT_ANY, &value),
                         RT_OK);
        assert_true(rt_is_error(value));
        assert_int_equal(value.aux, RT_ERROR_LIMIT);
        expr_world_close(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(templates_print_what_their_expressions_give),
        cmocka_unit_test(a_tree_says_what_it_reads),
        cmocka_unit_test(equal_conditions_have_one_fingerprint_and_others_have_others),
        cmocka_unit_test(the_operands_of_and_are_trees_of_their_own),
        cmocka_unit_test(index_sets_hold_the_constants_that_can_make_a_condition_true),
        cmocka_unit_test(what_steps_read_is_kept_and_what_the_event_reads_is_not),
        cmocka_unit_test(a_span_goes_back_to_the_file_byte_by_byte),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(work_and_memory_of_one_evaluation_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
