/* SPDX-License-Identifier: Apache-2.0 */
/* Diagnostics: what is kept, in which order, and how it looks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/base/alloc.h"
#include "runtime/base/diag.h"

static const char rules_text[] = "version: 1\n"
                                 "rules:\n"
                                 "  - id: a\n"
                                 "    severity: hihg\n"
                                 "    title: \xe6\x97\xa5\xe6\x9c\xac x\n"
                                 "\ttab: y\n"
                                 "  - id: a\n"
                                 "    pattern:\n"
                                 "      - folowedBy: ok\n"
                                 "last";

static struct rt_span span_of(rt_source_id source, const char *word)
{
    const char *found = strstr(rules_text, word);

    assert_non_null(found);
    return (struct rt_span){source, (uint32_t)(found - rules_text),
                            (uint32_t)(found - rules_text + (ptrdiff_t)strlen(word))};
}

static void check_text(struct rt_diags *diags, const char *expected)
{
    struct rt_buffer out;

    rt_buffer_init(&out, 1 << 20);
    rt_diags_render_text(diags, false, &out);
    assert_false(out.failed);
    assert_string_equal(out.data == NULL ? "" : out.data, expected);
    rt_buffer_done(&out);
}

static struct rt_diags *new_list(size_t per_source_max, rt_source_id *source)
{
    struct rt_diags *diags;

    assert_int_equal(rt_diags_new(per_source_max, &diags), RT_OK);
    *source = rt_diags_add_source(diags, "rules/login.yaml", rt_text_of(rules_text));
    return diags;
}

static void an_error_shows_place_line_carets_help_and_fix(void **state)
{
    rt_source_id source;
    struct rt_diags *diags = new_list(0, &source);
    struct rt_diag *diag;

    (void)state;
    diag = rt_diag_add(diags, RT_SEVERITY_ERROR, 103, span_of(source, "hihg"),
                       "severity `%s` is not known", "hihg");
    rt_diag_label(diags, diag, "did you mean `high`?");
    rt_diag_help(diags, diag, "one of info, low, medium, high, critical");
    rt_diag_fix(diags, diag, "high");
    check_text(diags, "error[E103]: severity `hihg` is not known\n"
                      " --> rules/login.yaml:4:15\n"
                      "  |\n"
                      "4 |     severity: hihg\n"
                      "  |               ^^^^ did you mean `high`?\n"
                      "  |\n"
                      "  = help: one of info, low, medium, high, critical\n"
                      "  = fix:  replace with `high`\n"
                      "\n");
    rt_diags_free(diags);
}

static void entries_come_in_order_of_place_and_second_places_have_their_line(void **state)
{
    rt_source_id source;
    struct rt_diags *diags = new_list(0, &source);
    struct rt_diag *diag;

    (void)state;
    rt_diag_add(diags, RT_SEVERITY_ERROR, 117, RT_NO_SPAN, "no such parameter");
    diag = rt_diag_add(diags, RT_SEVERITY_ERROR, 110, span_of(source, "folowedBy"),
                       "unknown step verb `folowedBy`");
    rt_diag_context(diags, diag, span_of(source, "pattern").begin);
    diag = rt_diag_add(diags, RT_SEVERITY_WARNING, 18, span_of(source, "last"), "a word");
    rt_diag_context(diags, diag, 0);
    rt_diag_also(diags, diag, span_of(source, "id"), "the other place");
    check_text(diags, "error[E110]: unknown step verb `folowedBy`\n"
                      " --> rules/login.yaml:9:9\n"
                      "  |\n"
                      "8 |     pattern:\n"
                      "9 |       - folowedBy: ok\n"
                      "  |         ^^^^^^^^^\n"
                      "\n"
                      "warning[W018]: a word\n"
                      "  --> rules/login.yaml:10:1\n"
                      "   |\n"
                      " 1 | version: 1\n"
                      "...\n"
                      "10 | last\n"
                      "   | ^^^^\n"
                      "   |\n"
                      "   = note: the other place\n"
                      "  --> rules/login.yaml:3:5\n"
                      "   |\n"
                      " 3 |   - id: a\n"
                      "   |     --\n"
                      "\n"
                      "error[E117]: no such parameter\n"
                      "\n");
    rt_diags_free(diags);
}

static void columns_count_code_points_and_carets_count_width(void **state)
{
    rt_source_id source;
    struct rt_diags *diags = new_list(0, &source);

    (void)state;
    rt_diag_add(diags, RT_SEVERITY_ERROR, 10, span_of(source, "\xe6\x9c\xac"), "wide");
    rt_diag_add(diags, RT_SEVERITY_ERROR, 10, span_of(source, "tab"), "behind a tab");
    check_text(diags, "error[E010]: wide\n"
                      " --> rules/login.yaml:5:13\n"
                      "  |\n"
                      "5 |     title: \xe6\x97\xa5\xe6\x9c\xac x\n"
                      "  |              ^^\n"
                      "\n"
                      "error[E010]: behind a tab\n"
                      " --> rules/login.yaml:6:2\n"
                      "  |\n"
                      "6 |  tab: y\n"
                      "  |  ^^^\n"
                      "\n");
    rt_diags_free(diags);
}

static void a_long_line_is_cut_round_the_mark(void **state)
{
    char text[2001];
    struct rt_diags *diags;
    rt_source_id source;
    struct rt_buffer out;

    (void)state;
    memset(text, 'a', sizeof(text) - 1);
    memcpy(text + 1000, "HERE", 4);
    text[2000] = '\0';
    assert_int_equal(rt_diags_new(0, &diags), RT_OK);
    source = rt_diags_add_source(diags, "x", rt_text_of(text));
    rt_diag_add(diags, RT_SEVERITY_ERROR, 10, (struct rt_span){source, 1000, 1004}, "long");
    rt_buffer_init(&out, 1 << 20);
    rt_diags_render_text(diags, false, &out);
    assert_true(out.length < 600);
    assert_non_null(strstr(out.data, "1 | ...aaa"));
    assert_non_null(strstr(out.data, "HERE"));
    /* The caret stands under the word. */
    {
        const char *line = strstr(out.data, "1 | ");
        const char *carets = strstr(out.data, "^^^^\n");

        assert_non_null(carets);
        assert_int_equal(strstr(line, "HERE") - line, carets - (strchr(line, '\n') + 1));
    }
    rt_buffer_done(&out);
    rt_diags_free(diags);
}

static void past_the_limit_of_a_source_the_rest_is_counted(void **state)
{
    rt_source_id source;
    struct rt_diags *diags = new_list(2, &source);

    (void)state;
    for (uint32_t i = 0; i < 5; i++)
        rt_diag_add(diags, RT_SEVERITY_ERROR, 101, (struct rt_span){source, 0, i}, "e%u", i);
    rt_diag_add(diags, RT_SEVERITY_ERROR, 101, (struct rt_span){source, 0, 1}, "again");
    assert_int_equal(rt_diags_size(diags), 2);
    assert_int_equal(rt_diags_count(diags, RT_SEVERITY_ERROR), 5);
    assert_int_equal(rt_diags_source_errors(diags, source, RT_SEVERITY_ERROR), 5);
    check_text(diags, "error[E101]: e0\n"
                      " --> rules/login.yaml:1:1\n"
                      "  |\n"
                      "1 | version: 1\n"
                      "  | ^\n"
                      "\n"
                      "error[E101]: e1\n"
                      " --> rules/login.yaml:1:1\n"
                      "  |\n"
                      "1 | version: 1\n"
                      "  | ^\n"
                      "\n"
                      "rules/login.yaml: 3 more errors not shown\n"
                      "\n");
    rt_diags_free(diags);
}

static void user_text_in_a_message_cannot_break_the_layout(void **state)
{
    rt_source_id source;
    struct rt_diags *diags = new_list(0, &source);

    (void)state;
    rt_diag_add(diags, RT_SEVERITY_ERROR, 101, RT_NO_SPAN, "key `a\nb\x1b[31m\xff`");
    check_text(diags, "error[E101]: key `a b [31m?`\n\n");
    rt_diags_free(diags);
}

static void json_has_the_same_facts(void **state)
{
    rt_source_id source;
    struct rt_diags *diags = new_list(0, &source);
    struct rt_diag *diag;
    struct rt_buffer out;

    (void)state;
    diag = rt_diag_add(diags, RT_SEVERITY_ERROR, 103, span_of(source, "hihg"), "no \"such\"");
    rt_diag_label(diags, diag, "label");
    rt_diag_help(diags, diag, "help");
    rt_diag_note(diags, diag, "note");
    rt_diag_fix(diags, diag, "high");
    rt_buffer_init(&out, 1 << 20);
    rt_diags_render_json(diags, &out);
    assert_string_equal(
        out.data, "[\n"
                  "{\"code\":\"E103\",\"severity\":\"error\",\"message\":\"no \\\"such\\\"\","
                  "\"file\":\"rules/login.yaml\",\"range\":{\"start\":{\"line\":4,\"column\":15,"
                  "\"offset\":42},\"end\":{\"line\":4,\"column\":19,\"offset\":46}},"
                  "\"labels\":[{\"message\":\"label\"}],\"help\":[\"help\"],"
                  "\"notes\":[{\"message\":\"note\"}],\"fix\":{\"edits\":[{\"range\":{\"start\":"
                  "{\"line\":4,\"column\":15,\"offset\":42},\"end\":{\"line\":4,\"column\":19,"
                  "\"offset\":46}},\"text\":\"high\"}]}}\n"
                  "]\n");
    rt_buffer_done(&out);
    rt_diags_free(diags);
}

static void without_memory_reporting_is_harmless_and_said(void **state)
{
    size_t before = rt_live_blocks();

    (void)state;
    for (size_t nth = 1;; nth++) {
        struct rt_diags *diags = NULL;
        enum rt_status status;
        bool struck;

        rt_fault_arm(nth);
        status = rt_diags_new(1, &diags);
        if (status == RT_OK) {
            rt_source_id source = rt_diags_add_source(diags, "x", RT_TEXT("abc"));
            struct rt_span span = {source, 0, source == RT_NO_SOURCE ? 0 : 1};
            struct rt_diag *diag = rt_diag_add(diags, RT_SEVERITY_ERROR, 1, span, "m");

            rt_diag_label(diags, diag, "l");
            rt_diag_help(diags, diag, "h");
            assert_int_equal(rt_diags_count(diags, RT_SEVERITY_ERROR), 1);
        } else {
            assert_int_equal(status, RT_ERR_NOMEM);
        }
        struck = rt_fault_disarm();
        if (status == RT_OK)
            assert_true(rt_diags_failed(diags) == struck);
        rt_diags_free(diags);
        assert_int_equal(rt_live_blocks(), before);
        if (!struck)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_shows_place_line_carets_help_and_fix),
        cmocka_unit_test(entries_come_in_order_of_place_and_second_places_have_their_line),
        cmocka_unit_test(columns_count_code_points_and_carets_count_width),
        cmocka_unit_test(a_long_line_is_cut_round_the_mark),
        cmocka_unit_test(past_the_limit_of_a_source_the_rest_is_counted),
        cmocka_unit_test(user_text_in_a_message_cannot_break_the_layout),
        cmocka_unit_test(json_has_the_same_facts),
        cmocka_unit_test(without_memory_reporting_is_harmless_and_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
