/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_run.c - `egret run`: events in, alerts out, by a configuration or by the words of the command line alone.
 *
 *     words, egret.yaml --> run_options.h (a configuration) --> rules --> pipeline.h
 *
 * stdout has alerts only; everything else goes to stderr.  The first Ctrl-C ends after the current batch, the second at once.
 */
#include <string.h>

#include "cli/command.h"
#include "cli/pipeline.h"
#include "cli/rule_set.h"
#include "cli/run_options.h"

static enum cli_exit load_and_run(const struct cli_call *call, struct cli_run_options *options)
{
    struct rule_load_options load;
    struct cli_rule_set set;
    enum cli_exit code;
    enum rt_status status = cli_run_load_options(&options->set.config, &load);

    if (status != RT_OK)
        return cli_exit_of(status);
    status = cli_rule_set_load(&set, call, options->rules, options->rule_count, &load);
    if (set.diags != NULL)
        cli_print_diags(call, set.diags);
    if (status == RT_OK)
        code = cli_pipeline_run(call, options, &set);
    else
        code = status == RT_ERR_DIAG ? CLI_CONFIG : cli_rule_set_exit(status);
    cli_rule_set_done(&set);
    return code;
}

static bool reads_stdin_twice(const struct cli_run_options *options)
{
    const struct cli_config *config = &options->set.config;
    bool rules = false, events = false;

    for (size_t i = 0; i < options->rule_count; i++)
        rules = rules || strcmp(options->rules[i], "-") == 0;
    for (size_t i = 0; i < config->source_count; i++) {
        events = events || config->sources[i].transport == CLI_STDIN;
        for (size_t k = 0; k < config->sources[i].path_count; k++)
            events = events || strcmp(config->sources[i].paths[k], "-") == 0;
    }
    return rules && events;
}

static enum cli_exit check_parts(const struct cli_call *call, const struct cli_run_options *options)
{
    const struct cli_config *config = &options->set.config;

    if (options->rule_count == 0) {
        cli_complain(call, "the configuration names no `rules`");
        return CLI_CONFIG;
    }
    if (config->source_count == 0) {
        cli_complain(call, "the configuration has no `sources`");
        return CLI_CONFIG;
    }
    if (config->sink_count == 0) {
        cli_complain(call, "the configuration has no `sinks`");
        return CLI_CONFIG;
    }
    if (reads_stdin_twice(options))
        return cli_wrong_call(call, "rules and events cannot both come from stdin");
    return CLI_OK;
}

static enum cli_exit run_rules(const struct cli_call *call)
{
    bool has_input = cli_given(call, CLI_OPTION_INPUT);
    struct cli_run_options options;
    enum cli_exit code;

    if (call->argument_count == 0 && (has_input || !cli_config_exists(call)))
        return cli_wrong_call(call, "which rules?  egret run RULES... -i EVENTS, or egret run "
                                    "--config FILE");
    if (call->argument_count > 0 && !has_input && !cli_given(call, CLI_OPTION_CONFIG) &&
        call->terminal.in_is_terminal) {
        cli_print_help(&call->terminal, call->command, true);
        return CLI_USAGE;
    }
    call->log->follows = true;
    code = cli_run_options_read(call, &options);
    if (code == CLI_OK)
        code = check_parts(call, &options);
    if (code == CLI_OK)
        code = load_and_run(call, &options);
    cli_run_options_done(&options);
    return code;
}

const struct cli_command cli_command_run = {
    .name = "run",
    .arguments = "[RULES... [-i FILE]... [-o FILE]] [options]",
    .summary = "read events, write alerts",
    .details =
        "RULES are rule files or directories.  Events are JSON objects, one a line; without -i "
        "they "
        "come from stdin.\n"
        "Files may be compressed with gzip; several are read one after another as one stream.  "
        "Alerts are JSON, one a\n"
        "line, or short lines on a terminal; --format decides otherwise.  The end of the input "
        "lets "
        "all pending deadlines\n"
        "fire.  A record that is no event is counted, and kept with --dead-letter; it never stops "
        "the run.\n"
        "Without RULES and -i the configuration says it all: ./egret.yaml, or --config FILE (see "
        "`egret config --help`).\n"
        "SIGTERM and Ctrl-C end it after the current batch and, with a state directory, a last "
        "checkpoint.\n"
        "Exit: 0 done or stopped in that way, 2 the call was wrong, 65 no event and the policy is "
        "stop, 69 a broker does\nnot answer, 74 input or output failed, or a limit was reached "
        "whose policy is stop, 75 the state is in use, 76\nanother process does this job, 78 rules "
        "or configuration are not valid, 130 stopped by a second Ctrl-C.",
    .arguments_max = CLI_ARGUMENTS_ANY,
    .options = {CLI_OPTION_INPUT, CLI_OPTION_OUTPUT, CLI_OPTION_FORMAT, CLI_OPTION_TIME,
                CLI_OPTION_OUT_OF_ORDERNESS, CLI_OPTION_WATERMARK_WHEN, CLI_OPTION_KEEP_OPEN,
                CLI_OPTION_DEAD_LETTER, CLI_OPTION_CONFIG, CLI_OPTION_SET, CLI_OPTION_STATE,
                CLI_OPTION_RECOVER, CLI_OPTION_ALLOW_RESTART, CLI_OPTION_WORKERS, CLI_OPTION_QUIET},
    .option_count = 15,
    .exec = run_rules,
};
