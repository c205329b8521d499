/* SPDX-License-Identifier: Apache-2.0 */
/* program.c - picks the command, reads its options, runs it. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/options.h"
#include "runtime/base/arena.h"
#include "runtime/base/assert.h"
#include "runtime/base/text.h"

enum { ARGUMENT_BYTES_MAX = 64 << 20 };

struct listed {
    const struct cli_command *command;
    const char *group;
};

static const struct listed commands[] = {
#define COMMAND(name, group) {&cli_command_##name, group},
#include "cli/commands.def"
#undef COMMAND
};
enum { COMMAND_COUNT = sizeof(commands) / sizeof(commands[0]) };

const struct cli_command *cli_command_find(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i].command->name, name) == 0)
            return commands[i].command;
    }
    return NULL;
}

/* ---- help ---- */

void cli_print_overview(const struct cli_terminal *terminal, bool to_stderr)
{
    FILE *out = to_stderr ? stderr : stdout;
    bool color = to_stderr ? terminal->error_color : terminal->out_color;
    const char *bold = cli_style_begin(color, CLI_BOLD);
    const char *plain = cli_style_end(color, CLI_BOLD);

    fprintf(out,
            "Find patterns in event streams with rules written in YAML.\n\n"
            "%sUsage:%s egret <command> [options]\n\n"
            "%sTry:%s\n"
            "  egret run rules/ < events.ndjson    rules on a file, alerts on stdout\n"
            "  egret test rules/                   run the tests that live beside the rules\n",
            bold, plain, bold, plain);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (i == 0 || strcmp(commands[i].group, commands[i - 1].group) != 0)
            fprintf(out, "\n%s%s%s\n", bold, commands[i].group, plain);
        fprintf(out, "  %-9s %s\n", commands[i].command->name, commands[i].command->summary);
    }
    fputs("\nEach command has a page: egret help COMMAND, or egret COMMAND --help\n", out);
}

static void print_option(FILE *out, enum cli_option_id id)
{
    const struct cli_option *option = cli_option(id);
    char left[64];

    if (option->letter != 0)
        snprintf(left, sizeof(left), "-%c, --%s%s%s", option->letter, option->name,
                 option->value == NULL ? "" : " ", option->value == NULL ? "" : option->value);
    else
        snprintf(left, sizeof(left), "    --%s%s%s", option->name, option->value == NULL ? "" : " ",
                 option->value == NULL ? "" : option->value);
    if (strlen(left) > 28)
        fprintf(out, "  %s\n  %28s  %s\n", left, "", option->help);
    else
        fprintf(out, "  %-28s  %s\n", left, option->help);
}

static bool takes(const struct cli_command *command, enum cli_option_id id)
{
    for (size_t i = 0; i < command->option_count; i++) {
        if (command->options[i] == id)
            return true;
    }
    return false;
}

/* What --set can set, apart from the parameters of the rules. */
static void print_limits(FILE *out, const char *bold, const char *plain)
{
    fprintf(out, "\n%sLimits%s, by --set NAME=VALUE\n", bold, plain);
#define LIMIT(name, field, kind, standard, help)                                                   \
    fprintf(out, "  %-34s%s (%s)\n", name, help, #standard);
#include "cep/options.def"
#undef LIMIT
    fprintf(out, "  %-34s%s\n", "state.limits.on_limit",
            "what happens at one: drop_oldest (the default), drop_new or stop");
}

void cli_print_help(const struct cli_terminal *terminal, const struct cli_command *command,
                    bool to_stderr)
{
    FILE *out = to_stderr ? stderr : stdout;
    bool color = to_stderr ? terminal->error_color : terminal->out_color;
    const char *bold = cli_style_begin(color, CLI_BOLD);
    const char *plain = cli_style_end(color, CLI_BOLD);

    fprintf(out, "%s\n\n%sUsage:%s egret %s %s\n", command->summary, bold, plain, command->name,
            command->arguments);
    if (command->details[0] != '\0')
        fprintf(out, "\n%s\n", command->details);
    fprintf(out, "\n%sOptions%s\n", bold, plain);
    for (size_t i = 0; i < command->option_count; i++)
        print_option(out, command->options[i]);
    print_option(out, CLI_OPTION_COLOR);
    print_option(out, CLI_OPTION_HELP);
    if (takes(command, CLI_OPTION_SET))
        print_limits(out, bold, plain);
}

/* ---- the way in ---- */

static enum cli_exit unknown_command(const struct cli_call *call, const char *word)
{
    const char *names[COMMAND_COUNT];
    const char *near;

    for (size_t i = 0; i < COMMAND_COUNT; i++)
        names[i] = commands[i].command->name;
    near = rt_nearest(rt_text_of(word), names, COMMAND_COUNT);
    if (near != NULL)
        return cli_wrong_call(call, "unknown command `%s`; did you mean `%s`?", word, near);
    return cli_wrong_call(call, "unknown command `%s`", word);
}

static enum cli_exit run_command(struct cli_call *call, int word_count, const char *const *words,
                                 struct rt_arena *arena)
{
    const struct cli_command *command = call->command;
    const char *message = NULL;
    enum rt_status status = cli_options_parse(call, word_count, words, arena, &message);

    if (status == RT_ERR_DATA && message != NULL)
        return cli_wrong_call(call, "%s", message);
    if (status != RT_OK) {
        cli_complain(call, "%s", rt_status_text(RT_ERR_NOMEM));
        return CLI_IO;
    }
    call->terminal = cli_terminal_look(cli_value(call, CLI_OPTION_COLOR, NULL));
    if (cli_given(call, CLI_OPTION_HELP)) {
        cli_print_help(&call->terminal, command, false);
        return CLI_OK;
    }
    if (call->argument_count < command->arguments_min)
        return cli_wrong_call(call, "something is missing: egret %s %s", command->name,
                              command->arguments);
    if (call->argument_count > command->arguments_max)
        return cli_wrong_call(call, "`%s` is one argument too many",
                              call->arguments[command->arguments_max]);
    return command->exec(call);
}

/* `egret --help` and `egret --version` are what people try first. */
static const char *command_word(const char *word)
{
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        return "help";
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0)
        return "version";
    return word;
}

int cli_program(int argument_count, const char *const *arguments)
{
    struct cli_log log = {.level = CLI_LOG_INFO};
    struct cli_call call = {.terminal = cli_terminal_look(NULL), .log = &log};
    struct rt_arena arena;
    enum cli_exit code;
    const char *word;

    if (argument_count < 2) {
        cli_print_overview(&call.terminal, true);
        return CLI_USAGE;
    }
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is an answer of write, not the end of the process */
    word = command_word(arguments[1]);
    call.command = cli_command_find(word);
    if (call.command == NULL)
        return (int)unknown_command(&call, word);
    rt_arena_init(&arena, ARGUMENT_BYTES_MAX);
    code = run_command(&call, argument_count - 2, arguments + 2, &arena);
    rt_arena_done(&arena);
    /* A reader that went away (| head) is no failure; any other failed write is. */
    if (fflush(stdout) != 0 && errno != EPIPE && code == CLI_OK)
        code = CLI_IO;
    return (int)code;
}
