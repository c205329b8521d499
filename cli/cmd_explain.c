/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_explain.c - `egret explain RULE [PATH...]`: a rule in words; `egret explain CODE`: what a diagnostic means;
 * `egret explain functions`: what expressions can call.
 */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/rule_set.h"
#include "rules/diagnostics.h"
#include "rules/explain.h"
#include "rules/value_ops.h"

enum { PAGE_BYTES_MAX = 1 << 20 };

/* "E204" -> 204.  False: not of that form. */
static bool is_code(const char *word, unsigned *out)
{
    uint64_t number;

    if ((word[0] != 'E' && word[0] != 'W') || strlen(word) != 4 ||
        !rt_text_to_uint(rt_text_of(word + 1), &number))
        return false;
    *out = (unsigned)number;
    return true;
}

static enum cli_exit explain_code(const struct cli_call *call, const char *word, unsigned code)
{
    const struct rule_diag_text *text = rule_diag_find(code);

    if (text == NULL) {
        cli_complain(call, "there is no diagnostic %s", word);
        return CLI_USAGE;
    }
    printf("%s: %s\n\n%s", word, text->title, text->explanation);
    return CLI_OK;
}

/* What expressions can call, from the table that the compiler reads. */
static void explain_functions(void)
{
    size_t count;
    const struct expr_function *functions = expr_functions(&count);

    for (size_t i = 0; i < count; i++) {
        const struct expr_function *function = &functions[i];

        printf("%s%s%s%s%s\n", i == 0 ? "" : "\n", function->global ? function->name : "",
               function->global && function->member ? ", " : "", function->member ? "." : "",
               function->member ? function->name : "");
        printf("    %s\n    %s\n", function->summary, function->example);
    }
}

static void print_rule(const struct rule_plan *plan, const struct rule *rule)
{
    struct rt_buffer page;

    rt_buffer_init(&page, PAGE_BYTES_MAX);
    rule_explain(plan, rule, &page);
    if (page.length > 0)
        fwrite(page.data, 1, page.length, stdout);
    rt_buffer_done(&page);
}

static enum cli_exit explain_rules(const struct cli_call *call, const char *id,
                                   const char *const *paths, size_t count)
{
    struct cli_rule_set set;
    enum rt_status status = cli_rule_set_load(&set, call, paths, count, NULL);
    enum cli_exit code = cli_rule_set_exit(status);
    const struct rule *rule;

    if (status != RT_OK) {
        cli_rule_set_print_diags(&set, call, true);
    } else if (id == NULL) {
        for (uint32_t i = 0; i < set.plan->rule_count; i++) {
            if (i > 0)
                putchar('\n');
            print_rule(set.plan, set.plan->rules[i]);
        }
    } else if ((rule = cli_rule_find(set.plan, id)) != NULL) {
        print_rule(set.plan, rule);
    } else {
        cli_unknown_rule(&set, call, id);
        code = CLI_USAGE;
    }
    cli_rule_set_done(&set);
    return code;
}

static bool is_path(const char *word)
{
    return strchr(word, '/') != NULL || strcmp(word, "-") == 0 ||
           rt_text_ends_with(rt_text_of(word), RT_TEXT(".yaml")) ||
           rt_text_ends_with(rt_text_of(word), RT_TEXT(".yml"));
}

static enum cli_exit explain(const struct cli_call *call)
{
    const char *first = call->arguments[0];
    unsigned code;

    if (call->argument_count == 1 && is_code(first, &code))
        return explain_code(call, first, code);
    if (call->argument_count == 1 && strcmp(first, "functions") == 0) {
        explain_functions();
        return CLI_OK;
    }
    if (is_path(first))
        return explain_rules(call, NULL, call->arguments, call->argument_count);
    if (call->argument_count == 1)
        return explain_rules(call, first, cli_usual_rules, 1);
    return explain_rules(call, first, call->arguments + 1, call->argument_count - 1);
}

const struct cli_command cli_command_explain = {
    .name = "explain",
    .arguments = "RULE [PATH...] | PATH... | CODE | functions",
    .summary = "a rule in words, or what a diagnostic means",
    .details =
        "RULE is the id of a rule in PATH (rule files or directories; default: rules).  "
        "Without RULE "
        "all rules of\nthe files are shown.  CODE is a diagnostic such as E204; `functions` lists "
        "what expressions can call.",
    .arguments_min = 1,
    .arguments_max = CLI_ARGUMENTS_ANY,
    .exec = explain,
};
