/* SPDX-License-Identifier: Apache-2.0 */
/* YAML text -> tree: types, places, limits, and the way back from a decoded byte to the file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "rules/yaml_tree.h"
#include "runtime/base/alloc.h"

struct reading {
    struct rt_diags *diags;
    struct rt_arena arena;
    rt_source_id source;
    struct yaml_document document;
};

static void read_bytes(struct reading *reading, const char *text, size_t length)
{
    assert_int_equal(rt_diags_new(0, &reading->diags), RT_OK);
    rt_arena_init(&reading->arena, (size_t)1 << 30);
    reading->source = rt_diags_add_source(reading->diags, "t.yaml", (struct rt_text){text, length});
    assert_int_equal(
        yaml_read(reading->diags, reading->source, &reading->arena, &reading->document), RT_OK);
}

static void read_text(struct reading *reading, const char *text)
{
    read_bytes(reading, text, strlen(text));
}

static void done(struct reading *reading)
{
    rt_arena_done(&reading->arena);
    rt_diags_free(reading->diags);
}

static void plain_scalars_have_the_types_of_the_core_schema(void **state)
{
    static const struct {
        const char *text;
        enum yaml_type type;
    } cases[] = {
        {"NO", YAML_STRING},
        {"yes", YAML_STRING},
        {"on", YAML_STRING},
        {"1:30", YAML_STRING},
        {"2026-01-01", YAML_STRING},
        {"10.0.0.1", YAML_STRING},
        {"1_000", YAML_STRING},
        {"true", YAML_BOOL},
        {"False", YAML_BOOL},
        {"tRUE", YAML_STRING},
        {"null", YAML_NULL},
        {"~", YAML_NULL},
        {"", YAML_NULL},
        {"0", YAML_INT},
        {"-12", YAML_INT},
        {"+7", YAML_INT},
        {"007", YAML_INT},
        {"0x1F", YAML_INT},
        {"0o17", YAML_INT},
        {"0x", YAML_STRING},
        {"0b1", YAML_STRING},
        {"1.5", YAML_FLOAT},
        {".5", YAML_FLOAT},
        {"1.", YAML_FLOAT},
        {"1e3", YAML_FLOAT},
        {"-1.5E-3", YAML_FLOAT},
        {".", YAML_STRING},
        {"1e", YAML_STRING},
        {".inf", YAML_FLOAT},
        {"-.Inf", YAML_FLOAT},
        {".nan", YAML_FLOAT},
        {"\"1\"", YAML_STRING},
        {"'true'", YAML_STRING},
        {"3..4", YAML_STRING},
        {"5+", YAML_STRING},
        {"-", YAML_STRING},
        {"500ms", YAML_STRING},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct reading reading;
        char text[64];

        (void)snprintf(text, sizeof(text), "[ %s, 1 ]\n", cases[i].text);
        if (cases[i].text[0] == '\0' || strcmp(cases[i].text, "-") == 0)
            (void)snprintf(text, sizeof(text), "{ a: %s }\n", cases[i].text[0] == 0 ? "" : "\"-\"");
        read_text(&reading, text);
        assert_non_null(reading.document.root);
        {
            const struct yaml_node *root = reading.document.root;
            const struct yaml_node *node =
                root->kind == YAML_MAPPING ? root->pairs[0].value : root->items[0];

            if (node->type != cases[i].type)
                fail_msg("%s: type %d", cases[i].text, (int)node->type);
        }
        done(&reading);
    }
}

static void spans_are_bytes_and_reach_to_the_last_child(void **state)
{
    static const char text[] = "\xef\xbb\xbf# \xc3\xa4\xc3\xb6\n"
                               "k\xc3\xa4y: [1, { a: b }]   # comment\n"
                               "list:\n"
                               "  - x: 'it''s'\n"
                               "    y: last\n"
                               "\n"
                               "end: &n value\n";
    struct reading reading;
    const struct yaml_node *root;
    const struct yaml_node *list;

    (void)state;
    read_text(&reading, text);
    root = reading.document.root;
    assert_int_equal(rt_diags_size(reading.diags), 0);
    assert_int_equal(root->count, 3);
    assert_memory_equal(text + root->pairs[0].key->span.begin, "k\xc3\xa4y:", 5);
    assert_memory_equal(text + root->pairs[0].value->span.begin, "[1", 2);
    assert_int_equal(text[root->pairs[0].value->span.end - 1], ']');
    list = yaml_get(root, "list");
    assert_int_equal(list->count, 1);
    assert_memory_equal(text + list->items[0]->span.begin, "x: ", 3);
    assert_memory_equal(text + list->span.end - 4, "last", 4);
    assert_true(rt_text_is(yaml_get(list->items[0], "x")->text, "it's"));
    done(&reading);
}

static void an_alias_is_the_node_of_its_anchor(void **state)
{
    struct reading reading;

    (void)state;
    read_text(&reading, "a: &x { p: 1 }\nb: *x\n");
    assert_ptr_equal(yaml_get(reading.document.root, "a"), yaml_get(reading.document.root, "b"));
    done(&reading);
}

static void check_refused(const char *text, size_t length, const char *code_and_place)
{
    struct reading reading;
    struct rt_diag_view view;
    char found[64];

    read_bytes(&reading, text, length);
    if (rt_diags_size(reading.diags) == 0)
        fail_msg("accepted: %.60s", text);
    view = rt_diags_at(reading.diags, 0);
    (void)snprintf(found, sizeof(found), "%03u %u:%u", view.code, view.line, view.column);
    if (strcmp(found, code_and_place) != 0)
        fail_msg("%.60s: %s, not %s (%s)", text, found, code_and_place, view.message);
    done(&reading);
}

static void what_is_wrong_is_named_with_its_place(void **state)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"a: 1\nb: 2\na: 3\n", "011 3:1"},
        {"where: !event.ok\n", "013 1:8"},
        {"- where: !event.a == 1\n  x: 1\n", "013 1:10"},
        {"where: !has(event.a) && !b\n", "013 1:8"},
        {"where: !event.tags[\"x\"]\n", "013 1:8"},
        {"x: !!int 3\n", "013 1:4"},
        {"where: a ? \"x\" : \"y\"\n", "014 1:8"},
        {"message: failed: again\n", "014 1:10"},
        {"where: \"x\" in event.tags\n", "015 1:8"},
        {"where: 'x' == event.a || 'y' == event.b\n", "015 1:8"},
        {"message: {{ key.user }} x\n", "017 1:10"},
        {"message: {{ key.user }}\n", "017 1:10"},
        {"a:\n\tb: 1\n", "012 2:1"},
        {"title: foo\n  severity: high\n", "012 2:3"},
        {"a: \"foo\"\n   b: 1\nc: 2\n", "012 2:4"},
        {"a:\n    b: 1\n  c: 2\n", "012 3:3"},
        {"a: \"open\n\n", "010 1:4"},
        {"a: [1, 2\nb: 3\n", "010 1:4"},
        {"a: {x: 1\nb: 3\n", "010 1:4"},
        {"a: @x\n", "010 1:4"},
        {"a: *nowhere\n", "022 1:4"},
        {"? [a, b]\n: 1\n", "022 1:3"},
        {"a: 1\n---\nb: 2\n", "022 2:1"},
        {"a: \xff\n", "020 1:4"},
        {"a: \x01\n", "020 1:4"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check_refused(cases[i].text, strlen(cases[i].text), cases[i].expected);
}

static void depth_size_and_aliases_are_bounded(void **state)
{
    struct rt_buffer text;

    (void)state;
    rt_buffer_init(&text, 1 << 20);
    for (int i = 0; i < 10000; i++)
        rt_buffer_char(&text, '[');
    check_refused(text.data, text.length, "021 1:49");
    rt_buffer_reset(&text);
    rt_buffer_string(&text, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 12; i++) {
        rt_buffer_printf(&text, "a%d: &a%d [", i, i);
        for (int k = 0; k < 10; k++)
            rt_buffer_printf(&text, "%s*a%d", k == 0 ? "" : ", ", i - 1);
        rt_buffer_string(&text, "]\n");
    }
    check_refused(text.data, text.length, "021 5:45");
    rt_buffer_reset(&text);
    rt_buffer_string(&text, "a0: &a0 [x]\n");
    for (int i = 1; i < 60; i++)
        rt_buffer_printf(&text, "a%d: &a%d [*a%d]\n", i, i, i - 1);
    check_refused(text.data, text.length, "021 47:12");
    rt_buffer_done(&text);
}

static void after_a_known_trap_the_rest_is_read(void **state)
{
    struct reading reading;

    (void)state;
    read_text(&reading, "a: x ? 1 : 2\n"
                        "b: \"x\" in y\n"
                        "c: 1\n"
                        "d: !x\n"
                        "c: 2\n");
    assert_int_equal(rt_diags_count(reading.diags, RT_SEVERITY_ERROR), 4);
    assert_int_equal(yaml_get(reading.document.root, "a")->kind, YAML_BROKEN);
    assert_int_equal(yaml_get(reading.document.root, "b")->kind, YAML_BROKEN);
    assert_int_equal(yaml_get(reading.document.root, "d")->kind, YAML_BROKEN);
    assert_true(rt_text_is(yaml_get(reading.document.root, "c")->text, "1"));
    done(&reading);
}

/* ---- offsets ---- */

static uint32_t random_state;
static uint32_t random_below(uint32_t bound)
{
    random_state = random_state * 1664525U + 1013904223U;
    return (random_state >> 8) % bound;
}

/* An expression-like text: words with single blanks, sometimes a break. */
static void random_expression(struct rt_buffer *out, bool breaks)
{
    static const char *const words[] = {
        "event.amount",         "&&",  "\"a b\"", "'it'", "<", "size(x)", "[1]",
        "\xc3\xa4\xe6\x97\xa5", "x.y", "\\d"};
    size_t count = 1 + random_below(8);

    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            rt_buffer_string(out, breaks && random_below(4) == 0 ? "\n" : " ");
        rt_buffer_string(out, i == 0 ? "first" : words[random_below(10)]);
    }
}

static void write_indented(struct rt_buffer *out, struct rt_text text, const char *indent,
                           bool fold)
{
    rt_buffer_string(out, indent);
    for (size_t i = 0; i < text.length; i++) {
        char c = text.data[i];

        if (c == '\n' || (fold && c == ' ' && random_below(3) == 0)) {
            rt_buffer_char(out, '\n');
            if (fold && c == '\n')
                rt_buffer_char(out, '\n');
            rt_buffer_string(out, indent);
        } else {
            rt_buffer_char(out, c);
        }
    }
}

/* The same text in one of the five styles. */
static void write_scalar(struct rt_buffer *out, struct rt_text text, enum yaml_style style)
{
    static const char *const headers[] = {"|-\n", "|-   # why\n", ">-\n", "|4-\n"};

    if (style == YAML_PLAIN) {
        rt_buffer_char(out, '\n');
        write_indented(out, text, "      ", true);
    } else if (style == YAML_LITERAL) {
        size_t header = random_below(2);

        rt_buffer_string(out, random_below(4) == 0 ? headers[3] : headers[header]);
        write_indented(out, text, "        ", false);
    } else if (style == YAML_FOLDED) {
        rt_buffer_string(out, headers[2]);
        write_indented(out, text, "        ", true);
    } else {
        char quote = style == YAML_SINGLE_QUOTED ? '\'' : '"';

        rt_buffer_char(out, quote);
        for (size_t i = 0; i < text.length; i++) {
            char c = text.data[i];

            if (c == ' ' && random_below(4) == 0)
                rt_buffer_string(out, "  \n          ");
            else if (c == quote && quote == '\'')
                rt_buffer_string(out, "''");
            else if (quote == '"' && (c == '"' || c == '\\'))
                rt_buffer_printf(out, "\\%c", c);
            else
                rt_buffer_char(out, c);
        }
        rt_buffer_char(out, quote);
    }
    rt_buffer_char(out, '\n');
}

static void every_byte_of_an_expression_leads_back_to_the_file(void **state)
{
    struct rt_buffer text;
    struct rt_buffer file;

    (void)state;
    random_state = 1;
    rt_buffer_init(&text, 1 << 20);
    rt_buffer_init(&file, 1 << 20);
    for (int round = 0; round < 3000; round++) {
        enum yaml_style style = (enum yaml_style)random_below(5);
        struct reading reading;
        struct expr_text expr;
        const struct yaml_node *node;

        rt_buffer_reset(&text);
        rt_buffer_reset(&file);
        random_expression(&text, style == YAML_LITERAL || style == YAML_FOLDED);
        rt_buffer_string(&file, "a: \xe2\x82\xac\nb:\n    where: ");
        write_scalar(&file, rt_buffer_view(&text), style);
        rt_buffer_string(&file, "    next: 1\n");
        read_text(&reading, file.data);
        if (rt_diags_size(reading.diags) > 0)
            fail_msg("%s: %s", file.data, rt_diags_at(reading.diags, 0).message);
        node = yaml_get(yaml_get(reading.document.root, "b"), "where");
        assert_non_null(node);
        assert_int_equal(node->style, style);
        assert_int_equal(yaml_expr_text(reading.diags, node, &reading.arena, &expr), RT_OK);
        if (!rt_text_equal(expr.text, rt_buffer_view(&text)))
            fail_msg("<%s> is <%s> in\n%s", text.data, expr.text.data, file.data);
        for (size_t i = 0; i < expr.text.length; i++) {
            char from = file.data[expr.offsets[i]];
            char c = expr.text.data[i];

            assert_true(i == 0 || expr.offsets[i] > expr.offsets[i - 1]);
            if (c == ' ' || c == '\n') {
                bool is_written = from == ' ' && expr.offsets[i + 1] == expr.offsets[i] + 1;

                assert_true(from == '\n' || is_written);
            } else if (from != c && !(from == '\\' && file.data[expr.offsets[i] + 1] == c))
                fail_msg("byte %zu of <%s> in\n%s", i, text.data, file.data);
        }
        done(&reading);
    }
    rt_buffer_done(&text);
    rt_buffer_done(&file);
}

static void without_memory_reading_fails_cleanly(void **state)
{
    size_t before = rt_live_blocks();
    struct rt_diags *diags;
    rt_source_id source;

    (void)state;
    assert_int_equal(rt_diags_new(0, &diags), RT_OK);
    source = rt_diags_add_source(
        diags, "x",
        RT_TEXT("a: [1, 2, &x \xc3\xa4, *x]\nb: {c: 1, d: 2, e: 3, f: 4, g: 5, h: 6, i: 7, j: 8, "
                "k: 9, l: 10}\n"));
    for (size_t nth = 1;; nth++) {
        struct rt_arena arena;
        struct yaml_document document;
        enum rt_status status;
        bool struck;

        rt_arena_init(&arena, 1 << 24);
        rt_fault_arm(nth);
        status = yaml_read(diags, source, &arena, &document);
        struck = rt_fault_disarm();
        rt_arena_done(&arena);
        assert_int_equal(status, struck ? RT_ERR_NOMEM : RT_OK);
        if (!struck)
            break;
    }
    rt_diags_free(diags);
    assert_int_equal(rt_live_blocks(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_scalars_have_the_types_of_the_core_schema),
        cmocka_unit_test(spans_are_bytes_and_reach_to_the_last_child),
        cmocka_unit_test(an_alias_is_the_node_of_its_anchor),
        cmocka_unit_test(what_is_wrong_is_named_with_its_place),
        cmocka_unit_test(depth_size_and_aliases_are_bounded),
        cmocka_unit_test(after_a_known_trap_the_rest_is_read),
        cmocka_unit_test(every_byte_of_an_expression_leads_back_to_the_file),
        cmocka_unit_test(without_memory_reading_fails_cleanly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
