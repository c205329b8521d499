/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_config.c - `egret config show | get PATH | path | keys`: what is configured, where it comes from, what there is.
 */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/config_files.h"
#include "cli/config_page.h"

enum { COLUMN_MAX = 44, TEXT_BYTES_MAX = 64 << 20 };

/* ---- show, get ---- */

struct listing {
    const struct cli_call *call;
    const char *only; /* a path, or what stands in front of one; NULL: all */
    struct rt_buffer json;
    size_t path_width, value_width, count;
    bool measuring;
};

static bool is_wanted(const struct listing *listing, const char *path)
{
    size_t length = listing->only == NULL ? 0 : strlen(listing->only);

    return length == 0 || (strncmp(path, listing->only, length) == 0 &&
                           (path[length] == '\0' || path[length] == '.'));
}

static size_t widest(size_t width, size_t length)
{
    return length > width && length <= COLUMN_MAX ? length : width;
}

static void add_json(struct listing *listing, const struct cli_config_leaf *leaf)
{
    rt_buffer_string(&listing->json, listing->count == 1 ? "\n" : ",\n");
    rt_buffer_string(&listing->json, "  {\"path\":");
    rt_buffer_json_string(&listing->json, rt_text_of(leaf->path));
    rt_buffer_string(&listing->json, ",\"value\":");
    rt_buffer_json_string(&listing->json, leaf->value);
    rt_buffer_string(&listing->json, ",\"origin\":");
    rt_buffer_json_string(&listing->json, rt_text_of(leaf->origin));
    rt_buffer_char(&listing->json, '}');
}

static void list_leaf(void *context, const struct cli_config_leaf *leaf)
{
    struct listing *listing = context;

    if (!is_wanted(listing, leaf->path))
        return;
    listing->count++;
    if (listing->measuring) {
        listing->path_width = widest(listing->path_width, strlen(leaf->path));
        listing->value_width = widest(listing->value_width, leaf->value.length);
    } else if (strcmp(cli_value(listing->call, CLI_OPTION_FORMAT, "text"), "json") == 0) {
        add_json(listing, leaf);
    } else if (listing->only != NULL && strcmp(listing->only, leaf->path) == 0) {
        printf("%.*s\n", (int)leaf->value.length, leaf->value.data);
    } else if (cli_given(listing->call, CLI_OPTION_ORIGIN)) {
        printf("%-*s  %-*.*s  %s\n", (int)listing->path_width, leaf->path,
               (int)listing->value_width, (int)leaf->value.length, leaf->value.data, leaf->origin);
    } else {
        printf("%-*s  %.*s\n", (int)listing->path_width, leaf->path, (int)leaf->value.length,
               leaf->value.data);
    }
}

static enum rt_status list(const struct cli_call *call, const struct cli_config_set *set,
                           struct listing *listing)
{
    bool json = strcmp(cli_value(call, CLI_OPTION_FORMAT, "text"), "json") == 0;
    enum rt_status status;

    rt_buffer_init(&listing->json, TEXT_BYTES_MAX);
    listing->call = call;
    listing->measuring = true;
    status = cli_config_each(&set->config, set->diags, list_leaf, listing);
    listing->measuring = false;
    listing->count = 0;
    if (status == RT_OK)
        status = cli_config_each(&set->config, set->diags, list_leaf, listing);
    if (json && status == RT_OK)
        printf("[%s\n]\n", listing->json.data == NULL ? "" : listing->json.data);
    rt_buffer_done(&listing->json);
    return status;
}

static enum cli_exit show(const struct cli_call *call, const char *only)
{
    struct listing listing = {.only = only};
    struct cli_config_set set;
    enum cli_exit code;
    enum rt_status status = cli_config_load(&set, call, false, &code);

    if (status == RT_OK || status == RT_ERR_DIAG) {
        enum rt_status listed = list(call, &set, &listing);

        code = status == RT_ERR_DIAG ? CLI_FINDINGS : cli_exit_of(listed);
    }
    if (code == CLI_OK && listing.count == 0 && only != NULL) {
        cli_complain(call, "`%s` is not set and has no default", only);
        code = CLI_FINDINGS;
    }
    cli_config_set_done(&set);
    return code;
}

static enum cli_exit show_all(const struct cli_call *call)
{
    return show(call, NULL);
}

static enum cli_exit get(const struct cli_call *call)
{
    if (call->argument_count < 2)
        return cli_wrong_call(call, "which value?  egret config get log.level");
    return show(call, call->arguments[1]);
}

/* ---- path ---- */

static enum cli_exit path(const struct cli_call *call)
{
    struct cli_config_set set;
    enum cli_exit code;
    enum rt_status status = cli_config_load(&set, call, false, &code);

    for (size_t i = 0; i < set.count; i++)
        printf("%s\n", set.layers[i].name);
    cli_config_set_done(&set);
    return status == RT_ERR_DIAG ? CLI_FINDINGS : code;
}

/* ---- keys ---- */

static enum cli_exit keys(const struct cli_call *call)
{
    struct rt_buffer text;

    rt_buffer_init(&text, TEXT_BYTES_MAX);
    if (strcmp(cli_value(call, CLI_OPTION_FORMAT, "text"), "json") == 0)
        cli_config_keys_json(&text);
    else
        cli_config_keys_markdown(&text);
    if (text.length > 0)
        fwrite(text.data, 1, text.length, stdout);
    rt_buffer_done(&text);
    return CLI_OK;
}

static enum cli_exit config(const struct cli_call *call)
{
    static const struct {
        const char *name;
        enum cli_exit (*exec)(const struct cli_call *call);
        size_t arguments;
    } parts[] = {{"show", show_all, 1}, {"get", get, 2}, {"path", path, 1}, {"keys", keys, 1}};
    const char *names[sizeof(parts) / sizeof(parts[0])], *nearest;
    size_t count = sizeof(parts) / sizeof(parts[0]);

    for (size_t i = 0; i < count; i++) {
        names[i] = parts[i].name;
        if (strcmp(call->arguments[0], names[i]) == 0 && call->argument_count <= parts[i].arguments)
            return parts[i].exec(call);
    }
    nearest = rt_nearest(rt_text_of(call->arguments[0]), names, count);
    if (nearest != NULL && strcmp(nearest, call->arguments[0]) != 0)
        return cli_wrong_call(call, "config has no part `%s`; did you mean `%s`?",
                              call->arguments[0], nearest);
    return cli_wrong_call(call, "config show, config get PATH, config path, or config keys");
}

const struct cli_command cli_command_config = {
    .name = "config",
    .arguments = "show|get PATH|path|keys [options]",
    .summary = "what is configured, and where it comes from",
    .details =
        "show       every value; with --origin the file and line, variable or option that it comes "
        "from\n"
        "get PATH   one value, or those below it\n"
        "path       the files, variables and options that are read, lowest first\n"
        "keys       every key there is, with meaning, default and example, as in "
        "docs/configuration.md\n"
        "Lowest first: /etc/egret/egret.yaml, /etc/egret/conf.d/*.yaml, "
        "~/.config/egret/egret.yaml, ./egret.yaml\n"
        "(--config FILE replaces all of these), variables such as EGRET_LOG__LEVEL, --set.  "
        "Secrets are never shown.\n"
        "Exit: 0 done, 1 the configuration is not valid or has no such value, 2 the call was "
        "wrong.",
    .arguments_min = 1,
    .arguments_max = 2,
    .options = {CLI_OPTION_CONFIG, CLI_OPTION_ORIGIN, CLI_OPTION_SET, CLI_OPTION_FORMAT},
    .option_count = 4,
    .exec = config,
};
