/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_test.c - `egret test [PATH...]`: runs the tests that live beside the rules, in virtual time. */
#include <errno.h>
#include <inttypes.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/rule_set.h"
#include "cli/test_compare.h"
#include "cli/test_junit.h"
#include "cli/test_run.h"
#include "runtime/time/clock.h"

enum { TEXT_BYTES_MAX = 256 << 20 };

struct tester {
    const struct cli_call *call;
    struct rule_plan *plan;
    struct cli_test_compare *compare;
    regex_t pattern;
    bool has_pattern;
    struct rt_buffer failures; /* of all tests, printed at the end */
    struct rt_buffer difference;
    struct rt_buffer junit;
    uint32_t rules, tests, failed;
};

/* One rule with its tests: those beside it, then those of test files. */
struct of_rule {
    uint32_t tests, failed;
    uint64_t nanoseconds;
};

static bool is_wanted(struct tester *tester, const struct rule *rule, const struct rule_test *test)
{
    struct rt_buffer name;
    bool wanted;

    if (!tester->has_pattern)
        return true;
    rt_buffer_init(&name, TEXT_BYTES_MAX);
    rt_buffer_printf(&name, "%s > %s", rule->id, test->name);
    wanted = !name.failed && regexec(&tester->pattern, name.data, 0, NULL, 0) == 0;
    rt_buffer_done(&name);
    return wanted;
}

/* Runs and compares; the difference of a failed test is in tester->difference. */
static bool passes(struct tester *tester, const struct rule *rule, const struct rule_test *test)
{
    struct cli_test_result result;
    bool same = false;
    enum rt_status status = cli_test_run(tester->plan, rule, test, &result);

    rt_buffer_reset(&tester->difference);
    if (status == RT_OK)
        status = cli_test_compare(tester->compare, test, &result, tester->call->terminal.out_color,
                                  &tester->difference, &same);
    else
        rt_buffer_printf(&tester->difference, "      %s\n", result.message.data);
    cli_test_result_done(&result);
    return status == RT_OK && same;
}

static void note_failure(struct tester *tester, const struct rule *rule,
                         const struct rule_test *test)
{
    bool color = tester->call->terminal.out_color;

    rt_buffer_printf(&tester->failures, "\n%sFAIL%s  %s > %s        %s:%u\n",
                     cli_style_begin(color, CLI_RED), cli_style_end(color, CLI_RED), rule->id,
                     test->name, test->file, test->line);
    rt_buffer_text(&tester->failures, rt_buffer_view(&tester->difference));
}

static void run_test(struct tester *tester, const struct rule *rule, const struct rule_test *test,
                     struct of_rule *sum)
{
    uint64_t begin = rt_clock_monotonic_ns();
    bool passed;
    uint64_t took;

    if (!is_wanted(tester, rule, test))
        return;
    passed = passes(tester, rule, test);
    took = rt_clock_monotonic_ns() - begin;
    sum->tests++;
    sum->failed += !passed;
    sum->nanoseconds += took;
    if (!passed)
        note_failure(tester, rule, test);
    cli_junit_case(&(struct cli_junit_case){rule->id, test->name, test->file, test->line, took,
                                            passed, rt_buffer_view(&tester->difference)},
                   &tester->junit);
}

static void run_tests(struct tester *tester, const struct rule *rule,
                      const struct rule_test_suite *suite)
{
    bool color = tester->call->terminal.out_color;
    struct of_rule sum = {0, 0, 0};
    size_t group_count = 0;
    const struct rule_test_group *groups =
        suite == NULL ? NULL : rule_test_groups(suite, &group_count);

    for (uint32_t i = 0; i < rule->test_count; i++)
        run_test(tester, rule, &rule->tests[i], &sum);
    for (size_t g = 0; g < group_count; g++) {
        for (uint32_t i = 0; groups[g].rule == rule && i < groups[g].test_count; i++)
            run_test(tester, rule, &groups[g].tests[i], &sum);
    }
    if (sum.tests == 0)
        return;
    tester->rules++;
    tester->tests += sum.tests;
    tester->failed += sum.failed;
    printf("%s%-4s%s  %-24s  %3" PRIu32 " test%s  %4" PRIu64 " ms\n",
           cli_style_begin(color, sum.failed > 0 ? CLI_RED : CLI_GREEN),
           sum.failed > 0 ? "FAIL" : "ok",
           cli_style_end(color, sum.failed > 0 ? CLI_RED : CLI_GREEN), rule->id, sum.tests,
           sum.tests == 1 ? " " : "s", sum.nanoseconds / 1000000);
}

static enum cli_exit conclude(struct tester *tester, uint64_t took)
{
    const char *path = cli_value(tester->call, CLI_OPTION_JUNIT, NULL);

    if (tester->failures.length > 0)
        fwrite(tester->failures.data, 1, tester->failures.length, stdout);
    printf("%s%" PRIu32 " rule%s, %" PRIu32 " test%s: %" PRIu32 " passed, %" PRIu32
           " failed in %" PRIu64 " ms\n",
           tester->failed > 0 ? "\n" : "", tester->rules, tester->rules == 1 ? "" : "s",
           tester->tests, tester->tests == 1 ? "" : "s", tester->tests - tester->failed,
           tester->failed, took / 1000000);
    if (path != NULL &&
        !cli_junit_write(path, rt_buffer_view(&tester->junit), tester->tests, tester->failed)) {
        cli_complain(tester->call, "%s: %s", path, strerror(errno));
        return CLI_IO;
    }
    if (tester->tests == 0 && !cli_given(tester->call, CLI_OPTION_ALLOW_EMPTY)) {
        cli_complain(tester->call, "no test was found; --allow-empty if that is as it should be");
        return CLI_FINDINGS;
    }
    return tester->failed > 0 ? CLI_FINDINGS : CLI_OK;
}

static enum cli_exit run_all(const struct cli_call *call, struct cli_rule_set *set,
                             struct tester *tester)
{
    uint64_t begin = rt_clock_monotonic_ns();

    tester->plan = set->plan;
    rt_buffer_init(&tester->failures, TEXT_BYTES_MAX);
    rt_buffer_init(&tester->difference, TEXT_BYTES_MAX);
    rt_buffer_init(&tester->junit, TEXT_BYTES_MAX);
    if (cli_test_compare_new(&tester->compare) != RT_OK) {
        cli_complain(call, "%s", rt_status_text(RT_ERR_NOMEM));
        return CLI_IO;
    }
    for (uint32_t i = 0; i < set->plan->rule_count; i++)
        run_tests(tester, set->plan->rules[i], set->suite);
    return conclude(tester, rt_clock_monotonic_ns() - begin);
}

static bool compile_pattern(const struct cli_call *call, struct tester *tester)
{
    const char *text = cli_value(call, CLI_OPTION_RUN, NULL);
    char message[256];
    int wrong;

    if (text == NULL)
        return true;
    wrong = regcomp(&tester->pattern, text, REG_EXTENDED | REG_NOSUB);
    if (wrong != 0) {
        regerror(wrong, &tester->pattern, message, sizeof(message));
        cli_wrong_call(call, "--run %s: %s", text, message);
        return false;
    }
    tester->has_pattern = true;
    return true;
}

static enum cli_exit test(const struct cli_call *call)
{
    const char *const *paths = call->argument_count > 0 ? call->arguments : cli_usual_rules;
    size_t count = call->argument_count > 0 ? call->argument_count : 1;
    struct rule_load_options load = {.time_field = CLI_TEST_TIME_FIELD};
    struct tester tester = {.call = call};
    struct cli_rule_set set;
    enum rt_status status;
    enum cli_exit code;

    if (!compile_pattern(call, &tester))
        return CLI_USAGE;
    status = cli_rule_set_load(&set, call, paths, count, &load);
    cli_rule_set_print_diags(&set, call, true);
    code = status == RT_OK ? run_all(call, &set, &tester) : cli_rule_set_exit(status);
    cli_test_compare_free(tester.compare);
    rt_buffer_done(&tester.failures);
    rt_buffer_done(&tester.difference);
    rt_buffer_done(&tester.junit);
    if (tester.has_pattern)
        regfree(&tester.pattern);
    cli_rule_set_done(&set);
    return code;
}

const struct cli_command cli_command_test = {
    .name = "test",
    .arguments = "[PATH...] [options]",
    .summary = "run the tests that live beside the rules",
    .details =
        "PATH is a rule file, a *_test.yaml file or a directory (default: rules).  Tests run in "
        "virtual time from\n2026-01-01T00:00:00Z; nothing sleeps.  A failed test shows what was "
        "expected (-), what came (+) and which\nevents had matched.\n"
        "Exit: 0 all passed, 1 one failed, the rules are not valid or there is no test, 2 the call "
        "was wrong.",
    .arguments_max = CLI_ARGUMENTS_ANY,
    .options = {CLI_OPTION_RUN, CLI_OPTION_JUNIT, CLI_OPTION_ALLOW_EMPTY},
    .option_count = 3,
    .exec = test,
};
