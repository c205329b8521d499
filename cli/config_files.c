/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/config_files.h"

#include <ctype.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ARENA_BYTES_MAX = 256 << 20, FILE_BYTES_MAX = 16 << 20, MESSAGE_BYTES_MAX = 4096 };

extern char **environ;

/* ---- layers ---- */

static enum rt_status add_layer(struct cli_config_set *set, struct cli_config_layer layer)
{
    if (set->count == set->capacity) {
        size_t capacity = set->capacity == 0 ? 16 : set->capacity * 2;
        struct cli_config_layer *layers = rt_arena_array(&set->arena, capacity, sizeof(*layers));

        if (layers == NULL)
            return RT_ERR_NOMEM;
        if (set->count > 0)
            memcpy(layers, set->layers, set->count * sizeof(*layers));
        set->layers = layers;
        set->capacity = capacity;
    }
    set->layers[set->count++] = layer;
    return RT_OK;
}

static enum rt_status complain(struct rt_buffer *message, const char *path, const char *why)
{
    rt_buffer_printf(message, "cannot read `%s`: %s", path, why);
    return RT_ERR_IO;
}

/* A file that is not there is passed over unless it was asked for. */
static enum rt_status add_file(struct cli_config_set *set, const char *path, bool required,
                               struct rt_buffer *message)
{
    struct cli_config_layer layer = {.name = path};
    FILE *file = fopen(path, "rb");
    struct rt_buffer text;
    char piece[4096];
    size_t got;
    bool failed;

    if (file == NULL)
        return errno == ENOENT && !required ? RT_OK : complain(message, path, strerror(errno));
    rt_buffer_init(&text, FILE_BYTES_MAX);
    while ((got = fread(piece, 1, sizeof(piece), file)) > 0)
        rt_buffer_add(&text, piece, got);
    failed = ferror(file) != 0 || text.failed;
    fclose(file);
    layer.name = rt_arena_text(&set->arena, path, strlen(path));
    layer.text = (struct rt_text){
        rt_arena_text(&set->arena, text.data == NULL ? "" : text.data, text.length), text.length};
    rt_buffer_done(&text);
    if (failed)
        return complain(message, path, "not readable, or longer than 16 MiB");
    if (layer.name == NULL || layer.text.data == NULL)
        return RT_ERR_NOMEM;
    set->file_count++;
    return add_layer(set, layer);
}

static enum rt_status add_file_in(struct cli_config_set *set, const char *folder, const char *name,
                                  struct rt_buffer *message)
{
    const char *path = rt_arena_printf(&set->arena, "%s/%s", folder, name);

    return path == NULL ? RT_ERR_NOMEM : add_file(set, path, false, message);
}

/* conf.d, in order of name. */
static enum rt_status add_parts(struct cli_config_set *set, const char *folder,
                                struct rt_buffer *message)
{
    const char *pattern = rt_arena_printf(&set->arena, "%s/conf.d/*.yaml", folder);
    enum rt_status status = RT_OK;
    glob_t found;

    if (pattern == NULL)
        return RT_ERR_NOMEM;
    if (glob(pattern, 0, NULL, &found) != 0)
        return RT_OK;
    for (size_t i = 0; i < found.gl_pathc && status == RT_OK; i++)
        status = add_file(set, found.gl_pathv[i], true, message);
    globfree(&found);
    return status;
}

static enum rt_status add_files(struct cli_config_set *set, const struct cli_config_search *search,
                                struct rt_buffer *message)
{
    enum rt_status status;

    if (search->no_files)
        return RT_OK;
    if (search->only != NULL)
        return add_file(set, search->only, true, message);
    status = add_file_in(set, search->system_folder, "egret.yaml", message);
    if (status == RT_OK)
        status = add_parts(set, search->system_folder, message);
    if (status == RT_OK && search->user_folder != NULL)
        status = add_file_in(set, search->user_folder, "egret.yaml", message);
    return status == RT_OK ? add_file(set, search->here, false, message) : status;
}

/* ---- variables and --set ---- */

/* EGRET_LOG__LEVEL -> log.level; false: it is something else's variable. */
static bool path_of_variable(const char *name, size_t length, char out[CLI_CONFIG_PATTERN_MAX])
{
    static const char prefix[] = "EGRET_";
    size_t at = sizeof(prefix) - 1, used = 0;
    bool has_levels = false;

    if (length <= at || strncmp(name, prefix, at) != 0)
        return false;
    for (; at < length && used + 1 < CLI_CONFIG_PATTERN_MAX; at++) {
        bool is_level = name[at] == '_' && at + 1 < length && name[at + 1] == '_';

        out[used++] = is_level ? '.' : (char)tolower((unsigned char)name[at]);
        at += is_level;
        has_levels = has_levels || is_level;
    }
    out[used] = '\0';
    return has_levels || cli_config_find(out) != NULL;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* In order of name: what is said does not depend on who set them first. */
static enum rt_status add_variables(struct cli_config_set *set, const char *const *environment)
{
    enum rt_status status = RT_OK;
    size_t count = 0;
    const char **sorted;

    while (environment[count] != NULL)
        count++;
    sorted = rt_arena_array(&set->arena, count + 1, sizeof(*sorted));
    if (sorted == NULL)
        return RT_ERR_NOMEM;
    for (size_t i = 0; i < count; i++)
        sorted[i] = environment[i];
    qsort(sorted, count, sizeof(*sorted), by_text);
    for (size_t i = 0; i < count && status == RT_OK; i++) {
        size_t length = strcspn(sorted[i], "=");
        char path[CLI_CONFIG_PATTERN_MAX];
        struct cli_config_layer layer;

        if (sorted[i][length] == '\0' || !path_of_variable(sorted[i], length, path))
            continue;
        layer.name = rt_arena_text(&set->arena, sorted[i], length);
        layer.path = rt_arena_text(&set->arena, path, strlen(path));
        layer.text = rt_text_of(sorted[i] + length + 1);
        status = layer.name == NULL || layer.path == NULL ? RT_ERR_NOMEM : add_layer(set, layer);
    }
    return status;
}

static enum rt_status add_sets(struct cli_config_set *set, const struct cli_config_search *search,
                               struct rt_buffer *message)
{
    enum rt_status status = RT_OK;

    for (size_t i = 0; i < search->set_count && status == RT_OK; i++) {
        const char *word = search->sets[i];
        size_t length = strcspn(word, "=");
        struct cli_config_layer layer = {.text = rt_text_of(word + length + 1)};

        if (word[length] == '\0' || length == 0) {
            rt_buffer_printf(message, "--set %s: KEY=VALUE is expected", word);
            return RT_ERR_IO;
        }
        layer.name = rt_arena_printf(&set->arena, "--set %.*s", (int)length, word);
        layer.path = rt_arena_text(&set->arena, word, length);
        status = layer.name == NULL || layer.path == NULL ? RT_ERR_NOMEM : add_layer(set, layer);
    }
    return status;
}

/* ---- interface ---- */

enum rt_status cli_config_search_of(const struct cli_call *call, struct rt_arena *arena,
                                    struct cli_config_search *out)
{
    const char *home = getenv("HOME"), *folder = getenv("XDG_CONFIG_HOME");
    size_t count = cli_value_count(call, CLI_OPTION_SET);
    const char **sets = rt_arena_array(arena, count + 1, sizeof(*sets));

    if (sets == NULL)
        return RT_ERR_NOMEM;
    for (size_t i = 0; i < count; i++)
        sets[i] = cli_value_at(call, CLI_OPTION_SET, i);
    *out = (struct cli_config_search){
        .system_folder = "/etc/egret",
        .here = "egret.yaml",
        .only = cli_value(call, CLI_OPTION_CONFIG, NULL),
        .environment = (const char *const *)environ,
        .sets = sets,
        .set_count = count,
    };
    if (folder != NULL && folder[0] == '/')
        out->user_folder = rt_arena_printf(arena, "%s/egret", folder);
    else if (home != NULL && home[0] == '/')
        out->user_folder = rt_arena_printf(arena, "%s/.config/egret", home);
    else
        return RT_OK;
    return out->user_folder == NULL ? RT_ERR_NOMEM : RT_OK;
}

/* Everything that is wrong with a configuration is shown: its files are few. */
enum { ERRORS_MAX = 100 };

enum rt_status cli_config_set_read(struct cli_config_set *set,
                                   const struct cli_config_search *search,
                                   struct rt_buffer *message)
{
    enum rt_status status;

    *set = (struct cli_config_set){.count = 0};
    rt_arena_init(&set->arena, ARENA_BYTES_MAX);
    status = rt_diags_new(ERRORS_MAX, &set->diags);
    if (status == RT_OK)
        status = add_files(set, search, message);
    if (status == RT_OK)
        status = add_variables(set, search->environment);
    if (status == RT_OK)
        status = add_sets(set, search, message);
    if (status == RT_OK)
        status = cli_config_read(&set->config, set->layers, set->count, set->diags);
    return status;
}

void cli_config_set_done(struct cli_config_set *set)
{
    cli_config_done(&set->config);
    rt_diags_free(set->diags);
    rt_arena_done(&set->arena);
    *set = (struct cli_config_set){.count = 0};
}

/* -q is nearer than any configuration. */
static void follow(const struct cli_call *call, const struct cli_config *config)
{
    if (call->log == NULL || !call->log->follows)
        return;
    *call->log = config->log;
    if (cli_given(call, CLI_OPTION_QUIET))
        call->log->level = CLI_LOG_ERROR;
}

enum rt_status cli_config_seek(struct cli_config_set *set, const struct cli_call *call,
                               bool no_files, enum cli_exit *code)
{
    struct cli_config_search search;
    struct rt_buffer message;
    struct rt_arena arena;
    enum rt_status status;

    rt_arena_init(&arena, ARENA_BYTES_MAX);
    rt_buffer_init(&message, MESSAGE_BYTES_MAX);
    *set = (struct cli_config_set){.count = 0};
    status = cli_config_search_of(call, &arena, &search);
    search.no_files = no_files;
    if (status == RT_OK)
        status = cli_config_set_read(set, &search, &message);
    if (status == RT_OK || status == RT_ERR_DIAG)
        follow(call, &set->config);
    if (status != RT_OK && status != RT_ERR_DIAG)
        cli_complain(call, "%s", message.length > 0 ? message.data : rt_status_text(status));
    *code = status == RT_ERR_IO ? CLI_USAGE : cli_exit_of(status);
    rt_buffer_done(&message);
    rt_arena_done(&arena);
    return status;
}

enum rt_status cli_config_load(struct cli_config_set *set, const struct cli_call *call,
                               bool no_files, enum cli_exit *code)
{
    enum rt_status status = cli_config_seek(set, call, no_files, code);
    bool is_json = strcmp(cli_value(call, CLI_OPTION_FORMAT, "text"), "json") == 0;

    if (set->diags == NULL)
        return status;
    if (is_json && !call->log->follows && rt_diags_size(set->diags) > 0)
        cli_print_json_diags(&set->diags, 1, stderr);
    else
        cli_print_diags(call, set->diags);
    return status;
}

bool cli_config_exists(const struct cli_call *call)
{
    return cli_given(call, CLI_OPTION_CONFIG) || access("egret.yaml", F_OK) == 0;
}
