/* SPDX-License-Identifier: Apache-2.0 */
/*
 * terminal.h - what stdout and stderr are, and whether they get colours.
 *
 * --color always|never decides; else NO_COLOR (set and not empty) means none, CLICOLOR_FORCE (set and not "0") means
 * always; else a stream that is a terminal, unless TERM is "dumb".  The two streams are judged apart.
 */
#ifndef EGRET_CLI_TERMINAL_H
#define EGRET_CLI_TERMINAL_H

#include <stdbool.h>

struct cli_terminal {
    bool out_is_terminal, error_is_terminal, in_is_terminal;
    bool out_color, error_color;
};

enum cli_style { CLI_PLAIN, CLI_BOLD, CLI_RED, CLI_GREEN, CLI_YELLOW, CLI_DIM, CLI_STYLE_COUNT };

/* `when` is "auto", "always", "never" or NULL (auto). */
struct cli_terminal cli_terminal_look(const char *when);

/* The escape sequence that starts a style, and the one that ends it; "" without colours. */
const char *cli_style_begin(bool color, enum cli_style style);
const char *cli_style_end(bool color, enum cli_style style);

#endif
