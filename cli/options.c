/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/options.h"

#include <string.h>

#include "runtime/base/text.h"

static const struct cli_option options[CLI_OPTION_COUNT] = {
#define OPTION(id, name, letter, value, choices, help)                                             \
    [CLI_OPTION_##id] = {name, letter, value, choices, help},
#include "cli/options.def"
#undef OPTION
};

const struct cli_option *cli_option(enum cli_option_id id)
{
    return &options[id];
}

/* ---- what a command accepts ---- */

enum { ACCEPTED_MAX = CLI_OPTIONS_PER_COMMAND_MAX + 2 };

static size_t accepted(const struct cli_command *command, enum cli_option_id *out)
{
    size_t count = 0;

    for (size_t i = 0; i < command->option_count; i++)
        out[count++] = command->options[i];
    out[count++] = CLI_OPTION_HELP;
    out[count++] = CLI_OPTION_COLOR;
    return count;
}

static bool find_long(const struct cli_command *command, struct rt_text name,
                      enum cli_option_id *out)
{
    enum cli_option_id ids[ACCEPTED_MAX];
    size_t count = accepted(command, ids);

    for (size_t i = 0; i < count; i++) {
        if (rt_text_is(name, options[ids[i]].name)) {
            *out = ids[i];
            return true;
        }
    }
    return false;
}

static bool find_letter(const struct cli_command *command, char letter, enum cli_option_id *out)
{
    enum cli_option_id ids[ACCEPTED_MAX];
    size_t count = accepted(command, ids);

    for (size_t i = 0; i < count; i++) {
        if (options[ids[i]].letter == letter) {
            *out = ids[i];
            return true;
        }
    }
    return false;
}

static const char *nearest_long(const struct cli_command *command, struct rt_text name)
{
    enum cli_option_id ids[ACCEPTED_MAX];
    const char *names[ACCEPTED_MAX];
    size_t count = accepted(command, ids);

    for (size_t i = 0; i < count; i++)
        names[i] = options[ids[i]].name;
    return rt_nearest(name, names, count);
}

/* ---- choices ---- */

enum { CHOICES_MAX = 8 };

/* Splits "a|b" into NUL-terminated words in the arena; 0 without memory. */
static size_t split_choices(const char *choices, struct rt_arena *arena, const char **out)
{
    size_t count = 0;

    while (count < CHOICES_MAX) {
        size_t length = strcspn(choices, "|");

        out[count] = rt_arena_text(arena, choices, length);
        if (out[count++] == NULL)
            return 0;
        if (choices[length] == '\0')
            break;
        choices += length + 1;
    }
    return count;
}

static const char *check_choice(const struct cli_option *option, const char *value,
                                struct rt_arena *arena)
{
    const char *words[CHOICES_MAX];
    const char *near;
    size_t count;

    if (option->choices == NULL)
        return NULL;
    count = split_choices(option->choices, arena, words);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(words[i], value) == 0)
            return NULL;
    }
    near = rt_nearest(rt_text_of(value), words, count);
    if (near != NULL)
        return rt_arena_printf(arena, "--%s does not know `%s`; did you mean `%s`?", option->name,
                               value, near);
    return rt_arena_printf(arena, "--%s does not know `%s`; one of %s", option->name, value,
                           option->choices);
}

/* ---- reading ---- */

struct reader {
    struct cli_call *call;
    int word_count;
    const char *const *words;
    int at; /* the next word */
    struct rt_arena *arena;
    struct cli_given *given;
    const char **arguments;
    const char *message; /* the first thing that is wrong */
};

static void add(struct reader *reader, enum cli_option_id id, const char *value)
{
    if (value != NULL) {
        const char *wrong = check_choice(&options[id], value, reader->arena);

        if (wrong != NULL) {
            reader->message = wrong;
            return;
        }
    }
    reader->given[reader->call->given_count++] = (struct cli_given){id, value};
}

/* The word after an option that needs a value. */
static const char *next_value(struct reader *reader, enum cli_option_id id)
{
    if (reader->at < reader->word_count)
        return reader->words[reader->at++];
    reader->message = rt_arena_printf(reader->arena, "--%s needs a value: --%s %s",
                                      options[id].name, options[id].name, options[id].value);
    return NULL;
}

static void read_long(struct reader *reader, const char *word)
{
    size_t length = strcspn(word, "=");
    struct rt_text name = {word, length};
    const char *value = word[length] == '=' ? word + length + 1 : NULL;
    enum cli_option_id id;

    if (!find_long(reader->call->command, name, &id)) {
        const char *near = nearest_long(reader->call->command, name);

        reader->message =
            near == NULL
                ? rt_arena_printf(reader->arena, "unknown option `--%.*s`", (int)length, word)
                : rt_arena_printf(reader->arena, "unknown option `--%.*s`; did you mean `--%s`?",
                                  (int)length, word, near);
        return;
    }
    if (options[id].value == NULL) {
        if (value != NULL)
            reader->message = rt_arena_printf(reader->arena, "--%s takes no value", word);
        else
            add(reader, id, NULL);
        return;
    }
    if (value == NULL)
        value = next_value(reader, id);
    if (value != NULL)
        add(reader, id, value);
}

static void read_letters(struct reader *reader, const char *letters)
{
    for (; *letters != '\0' && reader->message == NULL; letters++) {
        enum cli_option_id id;
        const char *value;

        if (!find_letter(reader->call->command, *letters, &id)) {
            reader->message = rt_arena_printf(reader->arena, "unknown option `-%c`", *letters);
            return;
        }
        if (options[id].value == NULL) {
            add(reader, id, NULL);
            continue;
        }
        value = letters[1] != '\0' ? letters + 1 : next_value(reader, id);
        if (value != NULL)
            add(reader, id, value);
        return;
    }
}

/*
 * An expression that begins with a minus, where one is expected: what follows the minuses is no letter (-1, --x is an
 * option), or a letter that is no option of the command.
 */
static bool is_expression(const struct reader *reader, const char *word)
{
    const struct cli_command *command = reader->call->command;
    const char *rest = word + strspn(word, "-");
    bool letter = (*rest >= 'a' && *rest <= 'z') || (*rest >= 'A' && *rest <= 'Z');
    enum cli_option_id id;

    if (!command->expression_first || reader->call->argument_count > 0 || *rest == '\0')
        return false;
    return !letter || rest - word > 2 || (rest - word == 1 && !find_letter(command, *rest, &id));
}

static void read_words(struct reader *reader)
{
    bool only_arguments = false;

    while (reader->at < reader->word_count && reader->message == NULL) {
        const char *word = reader->words[reader->at++];

        if (only_arguments || word[0] != '-' || word[1] == '\0' || is_expression(reader, word))
            reader->arguments[reader->call->argument_count++] = word;
        else if (strcmp(word, "--") == 0)
            only_arguments = true;
        else if (word[1] == '-')
            read_long(reader, word + 2);
        else
            read_letters(reader, word + 1);
    }
}

/* One word gives at most as many options as it has letters. */
static size_t given_max(int word_count, const char *const *words)
{
    size_t sum = 1;

    for (int i = 0; i < word_count; i++)
        sum += strlen(words[i]);
    return sum;
}

enum rt_status cli_options_parse(struct cli_call *call, int word_count, const char *const *words,
                                 struct rt_arena *arena, const char **message)
{
    struct reader reader = {.call = call, .word_count = word_count, .words = words, .arena = arena};

    reader.given = rt_arena_array(arena, given_max(word_count, words), sizeof(struct cli_given));
    reader.arguments = rt_arena_array(arena, (size_t)word_count + 1, sizeof(const char *));
    if (reader.given == NULL || reader.arguments == NULL)
        return RT_ERR_NOMEM;
    call->given = reader.given;
    call->arguments = reader.arguments;
    read_words(&reader);
    if (reader.message == NULL)
        return RT_OK;
    *message = reader.message;
    return RT_ERR_DATA;
}

/* ---- what was given ---- */

bool cli_given(const struct cli_call *call, enum cli_option_id id)
{
    return cli_value_count(call, id) > 0;
}

const char *cli_value(const struct cli_call *call, enum cli_option_id id, const char *otherwise)
{
    size_t count = cli_value_count(call, id);

    return count == 0 ? otherwise : cli_value_at(call, id, count - 1);
}

const char *cli_value_at(const struct cli_call *call, enum cli_option_id id, size_t nth)
{
    for (size_t i = 0; i < call->given_count; i++) {
        if (call->given[i].id == id && nth-- == 0)
            return call->given[i].value;
    }
    return NULL;
}

size_t cli_value_count(const struct cli_call *call, enum cli_option_id id)
{
    size_t count = 0;

    for (size_t i = 0; i < call->given_count; i++)
        count += call->given[i].id == id;
    return count;
}
