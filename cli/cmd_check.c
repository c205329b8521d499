/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_check.c - `egret check [PATH...]`: is everything in these rule files right?  Findings are the result: stdout. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/ends.h"
#include "cli/router.h"
#include "cli/rule_set.h"
#include "cli/run_options.h"
#include "cli/sample.h"
#include "rules/diagnostics.h"

enum { RENDERED_BYTES_MAX = 64 << 20, COST_PRINTED = 200 /* steps without a list */ };

struct counts {
    size_t errors, warnings, fixes;
};

static void print_counts(struct counts counts)
{
    printf("%zu error%s, %zu warning%s", counts.errors, counts.errors == 1 ? "" : "s",
           counts.warnings, counts.warnings == 1 ? "" : "s");
}

/* One line a file that has findings, in the order of the findings. */
static void print_files(struct rt_diags *diags)
{
    size_t size = rt_diags_size(diags);
    size_t i = 0;

    while (i < size) {
        struct rt_diag_view view = rt_diags_at(diags, i);
        rt_source_id source = view.span.source;
        struct counts counts = {0, 0, 0};

        for (; i < size; i++) {
            struct rt_diag_view next = rt_diags_at(diags, i);

            if (next.span.source != source)
                break;
            counts.fixes += next.fix != NULL;
        }
        if (view.source_name == NULL)
            continue;
        /* Also those that are not shown. */
        counts.errors = rt_diags_source_errors(diags, source, RT_SEVERITY_ERROR);
        counts.warnings = rt_diags_source_errors(diags, source, RT_SEVERITY_WARNING);
        printf("%s: ", view.source_name);
        print_counts(counts);
        if (counts.fixes > 0)
            printf(" (%zu with a fix)", counts.fixes);
        putchar('\n');
    }
}

/* The dearest condition, when it goes over lists: what one event may cost then is the events' choice. */
static void print_cost(const struct rule_plan *plan)
{
    const struct rule_condition *dearest = NULL;
    const struct rule *of = NULL;
    struct expr_cost most = {{0}};
    struct rt_buffer text;

    for (uint32_t i = 0; i < plan->rule_count; i++) {
        const struct rule_condition *condition;
        struct expr_cost cost;

        (void)rule_cost(plan->rules[i], &condition);
        cost = condition == NULL ? most : expr_tree_cost(condition->tree);
        if (expr_cost_compare(&cost, &most) <= 0)
            continue;
        most = cost;
        dearest = condition;
        of = plan->rules[i];
    }
    if (dearest == NULL || expr_cost_compare(&most, &(struct expr_cost){{COST_PRINTED}}) <= 0)
        return;
    rt_buffer_init(&text, RENDERED_BYTES_MAX);
    expr_cost_print(&most, &text);
    printf("dearest condition: `%s` of `%s`, at most %s\n", dearest->step, of->id,
           text.failed ? "" : text.data);
    rt_buffer_done(&text);
}

static void print_text(const struct cli_rule_set *set, const struct cli_call *call)
{
    struct rt_diags *diags = set->diags;
    size_t files = set->files.rule_count + set->files.test_count;
    struct counts counts = {rt_diags_count(diags, RT_SEVERITY_ERROR),
                            rt_diags_count(diags, RT_SEVERITY_WARNING), 0};
    struct rt_buffer text;

    rt_buffer_init(&text, RENDERED_BYTES_MAX);
    rt_diags_render_text(diags, call->terminal.out_color, &text);
    if (text.length > 0)
        fwrite(text.data, 1, text.length, stdout);
    rt_buffer_done(&text);
    if (cli_given(call, CLI_OPTION_QUIET))
        return;
    print_files(diags);
    if (set->plan != NULL)
        print_cost(set->plan);
    printf("%zu file%s, ", files, files == 1 ? "" : "s");
    if (set->plan != NULL && counts.errors == 0)
        printf("%u rule%s, ", set->plan->rule_count, set->plan->rule_count == 1 ? "" : "s");
    print_counts(counts);
    putchar('\n');
}

/* ---- with a configuration ---- */

static bool is_json(const struct cli_call *call)
{
    return strcmp(cli_value(call, CLI_OPTION_FORMAT, "text"), "json") == 0;
}

/* For people each end is a line; for programs one that is not there is a finding. */
static void tell_probe(void *context, const char *what, const char *name, const char *problem)
{
    struct rt_diags *findings = context;

    if (findings == NULL)
        printf("%s %s: %s\n", what, name, problem == NULL ? "there" : problem);
    else if (problem != NULL)
        rt_diag_add(findings, RT_SEVERITY_ERROR, RULE_DIAG_NOT_THERE, RT_NO_SPAN, "%s %s: %s", what,
                    name, problem);
}

/* What only the configuration and the rules together can get wrong, and whether its ends are there. */
static enum cli_exit check_configuration(const struct cli_call *call, struct cli_config_set *config,
                                         const struct rule_plan *plan)
{
    struct cli_router *router = NULL;
    enum rt_status status = RT_OK;
    bool warnings_fail = strcmp(cli_value(call, CLI_OPTION_FAIL_ON, "error"), "warning") == 0;
    size_t absent = 0;

    if (plan != NULL) {
        cli_router_warn_unused(&config->config, plan, config->diags);
        status = cli_router_new(&config->config, plan, false, config->diags, &router);
        cli_router_free(router);
    }
    if (!is_json(call))
        cli_print_diags(call, config->diags);
    if (status == RT_OK && cli_given(call, CLI_OPTION_CONNECT))
        absent = cli_ends_probe(&config->config, tell_probe, is_json(call) ? config->diags : NULL);
    if (status != RT_OK && status != RT_ERR_DIAG)
        return cli_exit_of(status);
    return status == RT_ERR_DIAG || absent > 0 ||
                   (warnings_fail && rt_diags_count(config->diags, RT_SEVERITY_WARNING) > 0)
               ? CLI_FINDINGS
               : CLI_OK;
}

static bool has_configuration(const struct cli_call *call)
{
    return cli_given(call, CLI_OPTION_CONFIG) || cli_given(call, CLI_OPTION_CONNECT) ||
           (call->argument_count == 0 && cli_config_exists(call));
}

/* ---- rules ---- */

struct wanted { /* what is to be checked */
    const char *const *paths;
    size_t count;
    struct rule_load_options options;
    struct cli_config_set config; /* diags NULL: there is none */
};

static enum cli_exit check_rules(const struct cli_call *call, struct wanted *wanted)
{
    bool warnings_fail = strcmp(cli_value(call, CLI_OPTION_FAIL_ON, "error"), "warning") == 0;
    struct cli_sample *sample = NULL;
    struct cli_rule_set set;
    enum rt_status status;
    enum cli_exit code;

    if (cli_given(call, CLI_OPTION_SAMPLE)) {
        code = cli_sample_read(call, &sample);
        if (code != CLI_OK)
            return code;
        wanted->options.sample = cli_sample_schema(sample);
    }
    status = cli_rule_set_load(&set, call, wanted->paths, wanted->count, &wanted->options);
    if (sample != NULL && set.plan != NULL) {
        enum rt_status checked = cli_sample_check_conditions(sample, set.plan, set.diags);

        status = checked == RT_OK ? status : checked;
    }
    cli_sample_free(sample);
    code = cli_rule_set_exit(status);
    if (status == RT_OK || status == RT_ERR_DIAG) {
        if (!is_json(call))
            print_text(&set, call);
        if (warnings_fail && rt_diags_count(set.diags, RT_SEVERITY_WARNING) > 0)
            code = CLI_FINDINGS;
        if (wanted->config.diags != NULL) {
            enum cli_exit more =
                check_configuration(call, &wanted->config, status == RT_OK ? set.plan : NULL);

            code = code == CLI_OK ? more : code;
        }
        if (is_json(call))
            cli_print_json_diags((struct rt_diags *[]){wanted->config.diags, set.diags}, 2, stdout);
    }
    cli_rule_set_done(&set);
    return code;
}

static enum cli_exit check(const struct cli_call *call)
{
    bool by_words = call->argument_count > 0;
    struct wanted wanted = {.paths = by_words ? call->arguments : cli_usual_rules,
                            .count = by_words ? call->argument_count : 1};
    enum cli_exit code = CLI_OK;
    enum rt_status status = RT_OK;

    if (has_configuration(call)) {
        status = cli_config_seek(&wanted.config, call, false, &code);
        if (status == RT_ERR_DIAG && is_json(call))
            cli_print_json_diags(&wanted.config.diags, 1, stdout);
        else if (status == RT_ERR_DIAG)
            cli_print_diags(call, wanted.config.diags);
        if (status == RT_OK)
            status = cli_run_load_options(&wanted.config.config, &wanted.options);
        if (status == RT_OK && !by_words) {
            wanted.paths = wanted.config.config.rules;
            wanted.count = wanted.config.config.rule_count;
        }
        code = status == RT_OK ? CLI_OK : status == RT_ERR_DIAG ? CLI_FINDINGS : code;
    }
    wanted.options.keeps_good_rules = true;
    if (code == CLI_OK)
        code = check_rules(call, &wanted);
    cli_config_set_done(&wanted.config);
    return code;
}

const struct cli_command cli_command_check = {
    .name = "check",
    .arguments = "[PATH...] [options]",
    .summary = "find mistakes in rule files",
    .details =
        "PATH is a rule file, a directory (default: rules) or - for stdin.  Everything that is "
        "wrong is shown at\nonce, with its place and, where there is one, a suggestion; "
        "`egret explain CODE` says more about a code.\n"
        "With ./egret.yaml or --config the configuration is checked too, and that rules and it "
        "agree "
        "on the names of\nsources and sinks; --connect asks whether files, brokers and topics are "
        "there.\n"
        "Exit: 0 nothing wrong, 1 something found, 2 the call was wrong.",
    .arguments_max = CLI_ARGUMENTS_ANY,
    .options = {CLI_OPTION_SAMPLE, CLI_OPTION_CONFIG, CLI_OPTION_CONNECT, CLI_OPTION_SET,
                CLI_OPTION_FORMAT, CLI_OPTION_FAIL_ON, CLI_OPTION_QUIET},
    .option_count = 7,
    .exec = check,
};
