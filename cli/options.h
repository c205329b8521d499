/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.h - reads a command line by the tables.
 *
 *     --name VALUE   --name=VALUE   -x VALUE   -xVALUE   -ab (switches)   --   -   ARGUMENT
 *
 * Options and arguments may be mixed; after "--" everything is an argument; "-" alone is an argument.
 */
#ifndef EGRET_CLI_OPTIONS_H
#define EGRET_CLI_OPTIONS_H

#include "cli/command.h"
#include "runtime/base/arena.h"
#include "runtime/base/status.h"

struct cli_option {
    const char *name;
    char letter;
    const char *value;   /* NULL: a switch */
    const char *choices; /* "a|b", NULL: anything */
    const char *help;
};
const struct cli_option *cli_option(enum cli_option_id id);

/*
 * Fills call->given and call->arguments from the words behind the command's name; the lists live in the arena.
 * RT_ERR_DATA: the words are wrong; *message says why (in the arena).
 */
enum rt_status cli_options_parse(struct cli_call *call, int word_count, const char *const *words,
                                 struct rt_arena *arena, const char **message);

#endif
