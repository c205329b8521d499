/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command.h - what a command is, and what it gets when it is called.
 *
 *     argv --cli_call_parse--> struct cli_call --command->exec--> exit code
 *
 * One file a command, one constant each (commands.def lists them).  A command reads its options from the call by id and
 * never sees argv.  What an option is called, takes and means stands in options.def, once for all commands.
 */
#ifndef EGRET_CLI_COMMAND_H
#define EGRET_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/exit_code.h"
#include "cli/log.h"
#include "cli/terminal.h"

enum cli_option_id {
#define OPTION(id, name, letter, value, choices, help) CLI_OPTION_##id,
#include "cli/options.def"
#undef OPTION
    CLI_OPTION_COUNT
};

enum { CLI_OPTIONS_PER_COMMAND_MAX = 16, CLI_ARGUMENTS_ANY = 1 << 20 };

struct cli_call;

struct cli_command {
    const char *name;
    const char *arguments; /* for the usage line: "RULES... [options]" */
    const char *summary;   /* one line for the list of commands */
    const char *details;   /* further paragraphs of the help, lines of at most 100 columns */
    size_t arguments_min, arguments_max;
    /* Its own options, in the order of the help; --help and --color belong to all. */
    enum cli_option_id options[CLI_OPTIONS_PER_COMMAND_MAX];
    size_t option_count;
    /* The first argument is an expression and may begin with a minus: `-x` that is no option is taken as it. */
    bool expression_first;
    enum cli_exit (*exec)(const struct cli_call *call);
};

#define COMMAND(name, group) extern const struct cli_command cli_command_##name;
#include "cli/commands.def"
#undef COMMAND

struct cli_given {
    enum cli_option_id id;
    const char *value; /* NULL for a switch */
};

/* A command line, read.  Strings are borrowed from argv. */
struct cli_call {
    const struct cli_command *command;
    struct cli_terminal terminal;
    struct cli_log *log; /* NULL: everything is said, as text */
    const struct cli_given *given;
    size_t given_count;
    const char *const *arguments;
    size_t argument_count;
};

bool cli_given(const struct cli_call *call, enum cli_option_id id);
/* The last value given, or `otherwise`. */
const char *cli_value(const struct cli_call *call, enum cli_option_id id, const char *otherwise);
/* The nth value given (from 0), NULL past the last: for options that may be repeated. */
const char *cli_value_at(const struct cli_call *call, enum cli_option_id id, size_t nth);
size_t cli_value_count(const struct cli_call *call, enum cli_option_id id);

/* The command of that name, NULL if there is none. */
const struct cli_command *cli_command_find(const char *name);

/* The whole program: picks the command and runs it.  Returns the exit code. */
int cli_program(int argument_count, const char *const *arguments);

/* A complaint about a wrong call, with a pointer to the command's help.  Returns CLI_USAGE. */
enum cli_exit cli_wrong_call(const struct cli_call *call, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The overview of all commands, and the page of one. */
void cli_print_overview(const struct cli_terminal *terminal, bool to_stderr);
void cli_print_help(const struct cli_terminal *terminal, const struct cli_command *command,
                    bool to_stderr);

#endif
