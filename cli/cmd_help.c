/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_help.c - `egret help [COMMAND]`. */
#include "cli/command.h"

static enum cli_exit help(const struct cli_call *call)
{
    const struct cli_command *command;

    if (call->argument_count == 0) {
        cli_print_overview(&call->terminal, false);
        return CLI_OK;
    }
    command = cli_command_find(call->arguments[0]);
    if (command == NULL)
        return cli_wrong_call(call, "unknown command `%s`", call->arguments[0]);
    cli_print_help(&call->terminal, command, false);
    return CLI_OK;
}

const struct cli_command cli_command_help = {
    .name = "help",
    .arguments = "[COMMAND]",
    .summary = "show the overview, or the page of a command",
    .details = "",
    .arguments_max = 1,
    .exec = help,
};
