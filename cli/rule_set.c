/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/rule_set.h"

#include <stdio.h>
#include <string.h>

enum { MESSAGE_BYTES_MAX = 4096 };

const char *const cli_usual_rules[1] = {"rules"};

static enum rt_status read_files(struct cli_rule_set *set, const struct cli_call *call,
                                 const char *const *paths, size_t count)
{
    struct rt_buffer message;
    enum rt_status status;

    rt_buffer_init(&message, MESSAGE_BYTES_MAX);
    status = cli_rule_files_read(&set->files, paths, count, &message);
    if (status != RT_OK)
        cli_complain(call, "%s%s", message.length > 0 ? message.data : rt_status_text(status),
                     paths == cli_usual_rules ? "; rules are looked for there when none are named"
                                              : "");
    rt_buffer_done(&message);
    return status;
}

enum rt_status cli_rule_set_load(struct cli_rule_set *set, const struct cli_call *call,
                                 const char *const *paths, size_t count,
                                 const struct rule_load_options *options)
{
    enum rt_status status;

    *set = (struct cli_rule_set){.plan = NULL};
    status = read_files(set, call, paths, count);
    if (status != RT_OK)
        return status;
    status = rt_diags_new(0, &set->diags);
    if (status == RT_OK)
        status =
            rule_load(set->files.rules, set->files.rule_count, options, set->diags, &set->plan);
    if (status == RT_OK && set->files.test_count > 0)
        status = rule_test_load(set->files.tests, set->files.test_count, set->plan, set->diags,
                                &set->suite);
    if (status != RT_OK && status != RT_ERR_DIAG)
        cli_complain(call, "%s", rt_status_text(status));
    return status;
}

void cli_rule_set_done(struct cli_rule_set *set)
{
    rule_test_suite_free(set->suite);
    rule_plan_unref(set->plan);
    rt_diags_free(set->diags);
    cli_rule_files_done(&set->files);
}

void cli_rule_set_print_diags(const struct cli_rule_set *set, const struct cli_call *call,
                              bool quiet)
{
    if (set->diags == NULL || (quiet && rt_diags_count(set->diags, RT_SEVERITY_ERROR) == 0))
        return;
    cli_print_diags(call, set->diags);
}

enum cli_exit cli_rule_set_exit(enum rt_status status)
{
    switch (status) {
    case RT_OK:
        return CLI_OK;
    case RT_ERR_DIAG:
        return CLI_FINDINGS;
    case RT_ERR_IO:
        return CLI_USAGE;
    default:
        return cli_exit_of(status);
    }
}

const struct rule *cli_rule_find(const struct rule_plan *plan, const char *id)
{
    for (uint32_t i = 0; i < plan->rule_count; i++) {
        if (strcmp(plan->rules[i]->id, id) == 0)
            return plan->rules[i];
    }
    return NULL;
}

const char *cli_rule_nearest(const struct rule_plan *plan, const char *id, struct rt_arena *arena)
{
    const char **ids = rt_arena_array(arena, plan->rule_count, sizeof(*ids));

    if (ids == NULL)
        return NULL;
    for (uint32_t i = 0; i < plan->rule_count; i++)
        ids[i] = plan->rules[i]->id;
    return rt_nearest(rt_text_of(id), ids, plan->rule_count);
}

void cli_unknown_rule(struct cli_rule_set *set, const struct cli_call *call, const char *id)
{
    const char *near = cli_rule_nearest(set->plan, id, &set->files.arena);

    if (near != NULL)
        cli_complain(call, "no rule `%s` in these files; did you mean `%s`?", id, near);
    else
        cli_complain(call, "no rule `%s` in these files", id);
}
