/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rule files and what is said about them: tests/cases/load/NAME.yaml beside NAME.txt, exact to the caret.
 * EGRET_UPDATE_CASES=1 writes the texts anew; look at the difference before you believe it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

#include "rules/diagnostics.h"
#include "rules/plan.h"
#include "runtime/base/alloc.h"

enum { FILE_BYTES_MAX = 1 << 20 };

static void read_file(const char *path, struct rt_buffer *out)
{
    FILE *file = fopen(path, "rb");
    char chunk[4096];
    size_t count;

    rt_buffer_init(out, FILE_BYTES_MAX);
    rt_buffer_string(out, "");
    if (file == NULL)
        return;
    while ((count = fread(chunk, 1, sizeof(chunk), file)) > 0)
        rt_buffer_add(out, chunk, count);
    (void)fclose(file);
}

static void write_file(const char *path, struct rt_text text)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(text.data, 1, text.length, file), text.length);
    assert_int_equal(fclose(file), 0);
}

/* What is said about a file, as `check` prints it. */
static void diagnose(const char *path, struct rt_buffer *out, bool codes[1000])
{
    struct rt_buffer text;
    struct rt_diags *diags;
    struct rule_plan *plan = NULL;
    struct rule_source source;
    enum rt_status status;

    read_file(path, &text);
    source = (struct rule_source){strrchr(path, '/') + 1, rt_buffer_view(&text)};
    assert_int_equal(rt_diags_new(0, &diags), RT_OK);
    status = rule_load(&source, 1, NULL, diags, &plan);
    if (rt_diags_count(diags, RT_SEVERITY_ERROR) > 0)
        assert_int_equal(status, RT_ERR_DIAG);
    else
        assert_int_equal(status, RT_OK);
    rt_buffer_init(out, FILE_BYTES_MAX);
    rt_buffer_string(out, "");
    rt_diags_render_text(diags, false, out);
    for (size_t i = 0; i < rt_diags_size(diags); i++) {
        unsigned code = rt_diags_at(diags, i).code;

        assert_non_null(rule_diag_find(code));
        codes[code] = true;
    }
    rule_plan_unref(plan);
    rt_diags_free(diags);
    rt_buffer_done(&text);
}

static void check_case(const char *path, bool codes[1000])
{
    char expected_path[512];
    struct rt_buffer expected;
    struct rt_buffer found;

    (void)snprintf(expected_path, sizeof(expected_path), "%.*s.txt", (int)(strlen(path) - 5), path);
    diagnose(path, &found, codes);
    if (getenv("EGRET_UPDATE_CASES") != NULL)
        write_file(expected_path, rt_buffer_view(&found));
    read_file(expected_path, &expected);
    if (strcmp(expected.data, found.data) != 0) {
        print_error("%s: expected\n%s\nfound\n%s\n", path, expected.data, found.data);
        fail();
    }
    rt_buffer_done(&expected);
    rt_buffer_done(&found);
}

/* Codes of the loader that no single file can show, with the test that does. */
static bool is_shown_elsewhere(unsigned code)
{
    switch (code) {
    case RULE_DIAG_BAD_OVERRIDE:     /* test_load.c */
    case RULE_DIAG_YAML_ENCODING:    /* test_yaml.c */
    case RULE_DIAG_YAML_LIMIT:       /* test_yaml.c */
    case RULE_DIAG_FIELD_NEVER_SEEN: /* cli.py: it needs a sample */
    case RULE_DIAG_SAMPLE_TYPE:      /* the same */
    case RULE_DIAG_NEVER_HELD:       /* the same */
    case RULE_DIAG_ALWAYS_FAILED:    /* the same */
    case RULE_DIAG_UNKNOWN_SINK:     /* tests/config: it needs a configuration */
    case RULE_DIAG_UNKNOWN_SOURCE:   /* the same */
    case RULE_DIAG_UNUSED_NAME:      /* the same */
    case RULE_DIAG_NOT_THERE:        /* the same */
        return true;
    default:
        return code >= 200 && code < 220; /* the compiler of expressions */
    }
}

static void each_file_gets_exactly_its_text_and_each_code_has_a_file(void **state)
{
    bool codes[1000] = {false};
    size_t page_count;
    const struct rule_diag_text *pages = rule_diag_texts(&page_count);
    glob_t paths;

    (void)state;
    assert_int_equal(glob(EGRET_SOURCE_DIR "/tests/cases/load/*.yaml", 0, NULL, &paths), 0);
    for (size_t i = 0; i < paths.gl_pathc; i++)
        check_case(paths.gl_pathv[i], codes);
    globfree(&paths);
    for (size_t i = 0; i < page_count; i++) {
        if (!codes[pages[i].code] && !is_shown_elsewhere(pages[i].code))
            fail_msg("no case shows %03u (%s)", pages[i].code, pages[i].title);
    }
}

static void the_examples_load_without_a_word(void **state)
{
    bool codes[1000] = {false};
    glob_t paths;

    (void)state;
    assert_int_equal(glob(EGRET_SOURCE_DIR "/rules-examples/*/rule.yaml", 0, NULL, &paths), 0);
    for (size_t i = 0; i < paths.gl_pathc; i++) {
        struct rt_buffer found;

        diagnose(paths.gl_pathv[i], &found, codes);
        if (found.length > 0)
            fail_msg("%s:\n%s", paths.gl_pathv[i], found.data);
        rt_buffer_done(&found);
    }
    globfree(&paths);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_file_gets_exactly_its_text_and_each_code_has_a_file),
        cmocka_unit_test(the_examples_load_without_a_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
