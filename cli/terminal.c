/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The variable's value, "" if it is not there. */
static const char *environment(const char *name)
{
    const char *value = getenv(name);

    return value == NULL ? "" : value;
}

static bool wants_color(const char *when, bool is_terminal)
{
    const char *force = environment("CLICOLOR_FORCE");

    if (when != NULL && strcmp(when, "always") == 0)
        return true;
    if (when != NULL && strcmp(when, "never") == 0)
        return false;
    if (environment("NO_COLOR")[0] != '\0')
        return false;
    if (force[0] != '\0' && strcmp(force, "0") != 0)
        return true;
    return is_terminal && strcmp(environment("TERM"), "dumb") != 0;
}

struct cli_terminal cli_terminal_look(const char *when)
{
    struct cli_terminal terminal = {
        .out_is_terminal = isatty(STDOUT_FILENO) == 1,
        .error_is_terminal = isatty(STDERR_FILENO) == 1,
        .in_is_terminal = isatty(STDIN_FILENO) == 1,
    };

    terminal.out_color = wants_color(when, terminal.out_is_terminal);
    terminal.error_color = wants_color(when, terminal.error_is_terminal);
    return terminal;
}

const char *cli_style_begin(bool color, enum cli_style style)
{
    static const char *const codes[CLI_STYLE_COUNT] = {
        [CLI_PLAIN] = "",           [CLI_BOLD] = "\033[1m",      [CLI_RED] = "\033[1;31m",
        [CLI_GREEN] = "\033[1;32m", [CLI_YELLOW] = "\033[1;33m", [CLI_DIM] = "\033[2m",
    };

    return color ? codes[style] : "";
}

const char *cli_style_end(bool color, enum cli_style style)
{
    return color && style != CLI_PLAIN ? "\033[0m" : "";
}
