/* SPDX-License-Identifier: Apache-2.0 */
/* The public API where it is used wrongly, and what it tells about itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cep/include/egret/egret.h"
#include "runtime/base/alloc.h"
#include "runtime/base/text.h"

static const char good_rules[] = "version: 1\n"
                                 "rules:\n"
                                 "  - id: first\n"
                                 "    key_by: event.user.name\n"
                                 "    params: { least: 3 }\n"
                                 "    pattern:\n"
                                 "      - begin: a\n"
                                 "        where: x > params.least\n"
                                 "      - followedBy: b\n"
                                 "        where: x == 1\n"
                                 "    within: 1m\n"
                                 "  - id: second\n"
                                 "    filter: x > 0\n"
                                 "    where: event.user.name == \"bob\"\n";

static void append(void *context, const char *text, size_t length)
{
    rt_buffer_add(context, text, length);
}

static struct egret_ruleset *load(const struct egret_options *options)
{
    struct egret_ruleset *rules = NULL;

    assert_int_equal(egret_ruleset_load_text("good", good_rules, options, NULL, &rules), EGRET_OK);
    return rules;
}

static void bad_rules_are_told_with_their_places(void **state)
{
    static const char text[] = "version: 1\n"
                               "rules:\n"
                               "  - id: broken\n"
                               "    pattern:\n"
                               "      - begin: a\n"
                               "        where: x >\n"
                               "      - folowedBy: b\n";
    struct egret_ruleset *rules = NULL;
    struct egret_diags *diags;
    struct rt_buffer out;
    bool verb = false;

    (void)state;
    rt_buffer_init(&out, 1 << 20);
    assert_int_equal(egret_diags_new(&diags), EGRET_OK);
    assert_int_equal(egret_ruleset_load_text("bad.yaml", text, NULL, diags, &rules),
                     EGRET_ERR_DIAG);
    assert_null(rules);
    assert_true(egret_diags_count(diags) >= 2);
    for (size_t i = 0; i < egret_diags_count(diags); i++) {
        assert_string_equal(egret_diag_file(diags, i), "bad.yaml");
        assert_true(egret_diag_line(diags, i) >= 6 && egret_diag_column(diags, i) > 1);
        assert_int_equal(egret_diag_severity(diags, i), EGRET_ERROR);
        assert_true(strlen(egret_diag_message(diags, i)) > 5);
        verb |= egret_diag_code(diags, i) == 110 && egret_diag_line(diags, i) == 7;
    }
    assert_true(verb);
    assert_int_equal(egret_diags_render(diags, append, &out), EGRET_OK);
    assert_non_null(strstr(out.data, "followedBy"));
    egret_diags_free(diags);
    rt_buffer_done(&out);
}

static void a_file_that_is_not_there_is_an_error_of_the_world(void **state)
{
    struct egret_ruleset *rules = NULL;

    (void)state;
    assert_int_equal(egret_ruleset_load_file("no/such/file.yaml", NULL, NULL, &rules),
                     EGRET_ERR_IO);
    assert_int_equal(
        egret_ruleset_load_file(EGRET_SOURCE_DIR "/bench/rules/r01.yaml", NULL, NULL, &rules),
        EGRET_OK);
    assert_string_equal(egret_ruleset_id(rules, 0), "r01");
    egret_ruleset_unref(rules);
}

static void a_ruleset_says_what_it_holds(void **state)
{
    struct egret_ruleset *rules = load(NULL);
    struct rt_buffer out;

    (void)state;
    rt_buffer_init(&out, 1 << 20);
    assert_int_equal(egret_ruleset_count(rules), 2);
    assert_string_equal(egret_ruleset_id(rules, 1), "second");
    assert_string_equal(egret_ruleset_id(rules, 2), "");
    assert_int_not_equal(egret_ruleset_field(rules, "user.name"), EGRET_NO_FIELD);
    assert_int_not_equal(egret_ruleset_field(rules, "ts"), EGRET_NO_FIELD);
    assert_int_equal(egret_ruleset_field(rules, "user"), EGRET_NO_FIELD);
    assert_int_equal(egret_ruleset_field(rules, "user."), EGRET_NO_FIELD);
    assert_int_equal(egret_ruleset_field(rules, ""), EGRET_NO_FIELD);
    assert_int_equal(egret_ruleset_explain(rules, 0, append, &out), EGRET_OK);
    assert_non_null(strstr(out.data, "rule first\n"));
    assert_non_null(strstr(out.data, "key name: "));
    assert_int_equal(egret_ruleset_explain(rules, 2, append, &out), EGRET_ERR_NOT_FOUND);
    egret_ruleset_unref(rules);
    rt_buffer_done(&out);
}

static void an_option_is_taken_or_refused_by_name(void **state)
{
    static const struct {
        const char *name, *value;
        enum egret_status status;
    } cases[] = {
        {"out_of_orderness", "10s", EGRET_OK},
        {"out_of_orderness", "-1s", EGRET_ERR_DATA},
        {"out_of_orderness", "soon", EGRET_ERR_DATA},
        {"time.field", "meta.at", EGRET_OK},
        {"time.field", "at", EGRET_OK},
        {"time.format", "unix_s", EGRET_OK},
        {"time.format", "%Y-%m-%d", EGRET_OK},
        {"time.format", "stardate", EGRET_ERR_DATA},
        {"watermark.when", "x > 1", EGRET_OK},
        {"params.least", "5", EGRET_OK},
        {"state.limits.keys", "12", EGRET_OK},
        {"state.limits.keys", "none", EGRET_ERR_DATA},
        {"colour", "blue", EGRET_ERR_NOT_FOUND},
    };
    struct egret_options *options;

    (void)state;
    assert_int_equal(egret_options_new(&options), EGRET_OK);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(egret_options_set(options, cases[i].name, cases[i].value),
                         cases[i].status);
    egret_options_free(options);
}

static void a_parameter_overrides_that_of_the_rule(void **state)
{
    static const char *const events[] = {"{\"ts\":1,\"user\":{\"name\":\"eve\"},\"x\":4}",
                                         "{\"ts\":2,\"user\":{\"name\":\"eve\"},\"x\":1}"};
    struct egret_options *options;

    (void)state;
    assert_int_equal(egret_options_new(&options), EGRET_OK);
    for (uint64_t round = 0; round < 2; round++) {
        struct egret_ruleset *rules = load(options);
        struct egret_engine *engine;

        assert_int_equal(egret_engine_new(rules, options, NULL, NULL, &engine), EGRET_OK);
        for (size_t i = 0; i < 2; i++)
            assert_int_equal(egret_engine_push_json(engine, events[i], strlen(events[i])),
                             EGRET_OK);
        assert_int_equal(egret_engine_rule_stat(engine, 0, EGRET_STAT_MATCHED), 1 - round);
        assert_int_equal(egret_engine_rule_stat(engine, 7, EGRET_STAT_MATCHED), 0);
        egret_engine_free(engine);
        egret_ruleset_unref(rules);
        assert_int_equal(egret_options_set(options, "params.least", "4"), EGRET_OK);
    }
    egret_options_free(options);
}

static void calls_out_of_order_and_absurd_times_are_refused(void **state)
{
    struct egret_ruleset *rules = load(NULL);
    struct egret_engine *engine;
    struct egret_batch *batch;

    (void)state;
    assert_int_equal(egret_engine_new(rules, NULL, NULL, NULL, &engine), EGRET_OK);
    assert_int_equal(egret_batch_new(rules, 2, &batch), EGRET_OK);
    egret_ruleset_unref(rules); /* engine and batch hold it */

    struct egret_event *event = egret_event_new(batch, 5);

    assert_int_equal(
        egret_event_set_text(event, egret_ruleset_field(rules, "user.name"), "\xff\xfe", 2),
        EGRET_ERR_DATA);
    egret_event_set_int(event, EGRET_NO_FIELD, 1);
    assert_int_equal(egret_engine_push(engine, event), EGRET_OK);
    assert_int_equal(egret_engine_push(engine, egret_event_new(batch, INT64_MAX)), EGRET_ERR_DATA);
    assert_null(egret_event_new(batch, 6));
    assert_int_equal(egret_engine_push_json(engine, "{}", 2), EGRET_ERR_DATA);
    assert_int_equal(egret_engine_push_json(engine, "", 0), EGRET_ERR_DATA);
    assert_int_equal(egret_engine_stat(engine, EGRET_STAT_REJECTED), 3);
    assert_int_equal(egret_engine_finish(engine), EGRET_OK);
    assert_int_equal(egret_engine_finish(engine), EGRET_ERR_ORDER);
    assert_int_equal(egret_engine_push(engine, event), EGRET_ERR_ORDER);
    assert_int_equal(egret_engine_advance(engine, 7), EGRET_ERR_ORDER);
    egret_batch_free(batch);
    egret_engine_free(engine);
}

static void nothing_is_freed_twice_or_needed(void **state)
{
    (void)state;
    egret_engine_free(NULL);
    egret_batch_free(NULL);
    egret_ruleset_unref(NULL);
    egret_options_free(NULL);
    egret_diags_free(NULL);
    assert_string_equal(egret_status_text(EGRET_OK), "ok");
    assert_string_equal(egret_version(), EGRET_VERSION);
}

/* Loading a file, with options: each allocation on the way fails once. */
static void loading_survives_a_failing_allocation_at_any_point(void **state)
{
    size_t before = rt_live_blocks(), nth;

    (void)state;
    for (nth = 1;; nth++) {
        struct egret_options *options = NULL;
        struct egret_ruleset *rules = NULL;
        enum egret_status status;

        rt_fault_arm(nth);
        status = egret_options_new(&options);
        if (status == EGRET_OK)
            status = egret_options_set(options, "params.least", "4");
        if (status == EGRET_OK)
            status = egret_options_set(options, "time.field", "at");
        if (status == EGRET_OK)
            status = egret_ruleset_load_text("good", good_rules, options, NULL, &rules);

        bool delivered = rt_fault_disarm();

        egret_ruleset_unref(rules);
        egret_options_free(options);
        assert_int_equal(rt_live_blocks(), before);
        if (!delivered) {
            assert_int_equal(status, EGRET_OK);
            break;
        }
        assert_int_equal(status, EGRET_ERR_NOMEM);
    }
    assert_true(nth > 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_rules_are_told_with_their_places),
        cmocka_unit_test(a_file_that_is_not_there_is_an_error_of_the_world),
        cmocka_unit_test(a_ruleset_says_what_it_holds),
        cmocka_unit_test(an_option_is_taken_or_refused_by_name),
        cmocka_unit_test(a_parameter_overrides_that_of_the_rule),
        cmocka_unit_test(calls_out_of_order_and_absurd_times_are_refused),
        cmocka_unit_test(nothing_is_freed_twice_or_needed),
        cmocka_unit_test(loading_survives_a_failing_allocation_at_any_point),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
