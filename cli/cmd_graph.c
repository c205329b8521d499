/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_graph.c - `egret graph RULE [PATH...]`: the pattern of a rule as a drawing, or for a program that draws. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/rule_set.h"
#include "rules/graph.h"

enum { PAGE_BYTES_MAX = 64 << 20 };

static enum rule_graph_format format_of(const struct cli_call *call)
{
    static const char *const names[RULE_GRAPH_COUNT] = {"text", "dot", "mermaid", "json"};
    const char *name = cli_value(call, CLI_OPTION_GRAPH_FORMAT, "text");
    unsigned format = RULE_GRAPH_TEXT;

    while (format + 1 < RULE_GRAPH_COUNT && strcmp(names[format], name) != 0)
        format++;
    return (enum rule_graph_format)format;
}

static enum cli_exit print_graph(const struct cli_call *call, const struct rule *rule)
{
    struct rt_buffer page;
    enum cli_exit code = CLI_OK;

    if (rule->kind != RULE_PATTERN) {
        cli_complain(call, "rule `%s` has no pattern to draw", rule->id);
        return CLI_USAGE;
    }
    rt_buffer_init(&page, PAGE_BYTES_MAX);
    rule_graph(rule, format_of(call), &page);
    if (page.failed) {
        cli_complain(call, "%s", rt_status_text(RT_ERR_NOMEM));
        code = cli_exit_of(RT_ERR_NOMEM);
    } else if (page.length > 0) {
        fwrite(page.data, 1, page.length, stdout);
    }
    rt_buffer_done(&page);
    return code;
}

static enum cli_exit graph(const struct cli_call *call)
{
    const char *id = call->arguments[0];
    bool has_paths = call->argument_count > 1;
    struct cli_rule_set set;
    enum rt_status status =
        cli_rule_set_load(&set, call, has_paths ? call->arguments + 1 : cli_usual_rules,
                          has_paths ? call->argument_count - 1 : 1, NULL);
    enum cli_exit code = cli_rule_set_exit(status);
    const struct rule *rule;

    if (status != RT_OK) {
        cli_rule_set_print_diags(&set, call, true);
    } else if ((rule = cli_rule_find(set.plan, id)) != NULL) {
        code = print_graph(call, rule);
    } else {
        cli_unknown_rule(&set, call, id);
        code = CLI_USAGE;
    }
    cli_rule_set_done(&set);
    return code;
}

const struct cli_command cli_command_graph = {
    .name = "graph",
    .arguments = "RULE [PATH...]",
    .summary = "the pattern of a rule as a drawing",
    .details =
        "RULE is the id of a rule in PATH (rule files or directories; default: rules).  text "
        "is for people, dot is\nfor Graphviz, mermaid for Markdown; json has the automaton "
        "as the engine runs it, guards and all.",
    .arguments_min = 1,
    .arguments_max = CLI_ARGUMENTS_ANY,
    .options = {CLI_OPTION_GRAPH_FORMAT},
    .option_count = 1,
    .exec = graph,
};
