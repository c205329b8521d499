/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_version.c - `egret version`: what this is, for people and for scripts. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#elif defined(__GNUC__)
#define COMPILER "gcc " __VERSION__
#else
#define COMPILER "unknown"
#endif

static enum cli_exit version(const struct cli_call *call)
{
    if (strcmp(cli_value(call, CLI_OPTION_FORMAT, "text"), "json") == 0)
        printf("{\"version\":\"%s\",\"compiler\":\"%s\"}\n", EGRET_VERSION, COMPILER);
    else
        printf("egret %s (%s)\n", EGRET_VERSION, COMPILER);
    return CLI_OK;
}

const struct cli_command cli_command_version = {
    .name = "version",
    .arguments = "[options]",
    .summary = "show the version",
    .details = "",
    .options = {CLI_OPTION_FORMAT},
    .option_count = 1,
    .exec = version,
};
