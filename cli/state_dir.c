/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/state_dir.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/run_state.h"
#include "runtime/base/form.h"
#include "runtime/job/durable.h"
#include "runtime/job/saved.h"

enum { MESSAGE_BYTES_MAX = 64 << 10, NAMES_MAX = 100000 };
#define HEADER_BYTES_MAX ((size_t)1 << 30)

const char *cli_state_directory(const struct cli_call *call)
{
    const char *directory = cli_value(call, CLI_OPTION_DIR, NULL);

    if (directory == NULL)
        cli_wrong_call(call, "--dir DIR: which state directory?");
    return directory;
}

enum cli_exit cli_state_failed(const struct cli_call *call, enum rt_status status,
                               const struct rt_checkpoints *checkpoints)
{
    const char *why = rt_checkpoints_error(checkpoints);

    if (status == RT_ERR_NOT_FOUND && why[0] == '\0')
        cli_complain(call, "there is no checkpoint in `%s`", rt_checkpoints_directory(checkpoints));
    else
        cli_complain(call, "%s", why[0] == '\0' ? rt_status_text(status) : why);
    return status == RT_ERR_NOT_FOUND ? CLI_USAGE : cli_state_exit(status);
}

enum cli_exit cli_state_open_newest(const struct cli_call *call, const char *directory,
                                    struct rt_checkpoints **out,
                                    const struct rt_manifest **manifest)
{
    struct rt_buffer why;
    enum rt_status status;

    *out = NULL;
    rt_buffer_init(&why, MESSAGE_BYTES_MAX);
    status = rt_checkpoints_open_to_read(directory, &why, out);
    if (status != RT_OK)
        cli_complain(call, "%s", why.length > 0 ? why.data : rt_status_text(status));
    rt_buffer_done(&why);
    if (status != RT_OK)
        return status == RT_ERR_NOT_FOUND || status == RT_ERR_IO ? CLI_USAGE
                                                                 : cli_state_exit(status);
    status = rt_checkpoints_choose(*out, 0, NULL, manifest);
    return status == RT_OK ? CLI_OK : cli_state_failed(call, status, *out);
}

/* ---- savepoints ---- */

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum rt_status list_names(DIR *directory, struct rt_arena *arena, const char **names,
                                 size_t *count)
{
    const struct dirent *entry;

    while ((entry = readdir(directory)) != NULL && *count < NAMES_MAX) {
        if (strncmp(entry->d_name, "sp-", 3) != 0 ||
            rt_text_ends_with(rt_text_of(entry->d_name), RT_TEXT(".tmp")))
            continue;
        names[*count] = rt_arena_text(arena, entry->d_name, strlen(entry->d_name));
        if (names[(*count)++] == NULL)
            return RT_ERR_NOMEM;
    }
    return RT_OK;
}

enum rt_status cli_savepoint_names(const char *directory, struct rt_buffer *out, size_t *count)
{
    char path[RT_PATH_BYTES_MAX];
    struct rt_arena arena;
    const char **names;
    DIR *opened;
    enum rt_status status;

    *count = 0;
    if (!rt_disk_path(directory, "savepoints", path))
        return RT_ERR_IO;
    opened = opendir(path);
    if (opened == NULL)
        return errno == ENOENT ? RT_OK : RT_ERR_IO;
    rt_arena_init(&arena, SIZE_MAX);
    names = rt_arena_array(&arena, NAMES_MAX, sizeof(*names));
    status = names == NULL ? RT_ERR_NOMEM : list_names(opened, &arena, names, count);
    closedir(opened);
    if (status == RT_OK && *count > 1)
        qsort(names, *count, sizeof(*names), compare_names);
    for (size_t i = 0; status == RT_OK && i < *count; i++)
        rt_buffer_add(out, names[i], strlen(names[i]) + 1);
    rt_arena_done(&arena);
    return status == RT_OK && out->failed ? RT_ERR_NOMEM : status;
}

/* sp-20260101T100500Z-NAME, or the whole. */
static bool is_called(const char *found, const char *name)
{
    const char *label = found + strlen("sp-");

    if (strcmp(found, name) == 0)
        return true;
    label = strchr(label, '-');
    return label != NULL && strcmp(label + 1, name) == 0;
}

bool cli_savepoint_find(const struct cli_call *call, const char *directory, const char *name,
                        char out[RT_PATH_BYTES_MAX])
{
    struct rt_buffer names;
    const char *found = NULL;
    size_t count = 0;
    enum rt_status status;

    rt_buffer_init(&names, MESSAGE_BYTES_MAX * 16);
    status = cli_savepoint_names(directory, &names, &count);
    for (size_t i = 0, at = 0; status == RT_OK && i < count; i++) {
        if (is_called(names.data + at, name))
            found = names.data + at;
        at += strlen(names.data + at) + 1;
    }
    if (found != NULL)
        snprintf(out, RT_PATH_BYTES_MAX, "%s/savepoints/%s", directory, found);
    rt_buffer_done(&names);
    if (found == NULL)
        cli_complain(call, "there is no savepoint `%s` in `%s`; see: egret savepoint list --dir %s",
                     name, directory, directory);
    return found != NULL;
}

void cli_add_bytes(struct rt_buffer *out, uint64_t bytes)
{
    static const char *const units[] = {"kB", "MB", "GB", "TB"};
    double value = (double)bytes / 1000;
    size_t unit = 0;

    if (bytes < 1000) {
        rt_buffer_printf(out, "%llu B", (unsigned long long)bytes);
        return;
    }
    while (value >= 1000 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        value /= 1000;
        unit++;
    }
    rt_buffer_double(out, value, 'f', 1);
    rt_buffer_printf(out, " %s", units[unit]);
}

/* ---- an engine that nobody feeds ---- */

static enum rt_status nothing_comes(void *context, const struct rt_output *output)
{
    (void)context;
    (void)output;
    return RT_OK;
}

/* Events know their source by its place in the list of then. */
static enum rt_status name_sources(struct cli_still *still, const struct rt_manifest *manifest,
                                   struct cep_options *limits)
{
    struct rt_form form = rt_form_of(manifest->facts);
    struct rt_saved_job saved;
    const char **names;
    enum rt_status status = rt_saved_job_read(&form, &still->arena, &saved);

    if (status != RT_OK)
        return status;
    names = rt_arena_array(&still->arena, saved.source_count + 1, sizeof(*names));
    if (names == NULL)
        return RT_ERR_NOMEM;
    for (size_t i = 0; i < saved.source_count; i++)
        names[i] = saved.sources[i].name;
    limits->source_names = names;
    limits->source_count = saved.source_count;
    return RT_OK;
}

/* A directory does not hold the rules that its state belongs to. */
static enum rt_status load_rules(struct cli_still *still, const struct cli_call *call)
{
    size_t given = cli_value_count(call, CLI_OPTION_RULES);
    const char **paths = rt_arena_array(&still->arena, given + 1, sizeof(*paths));

    if (paths == NULL)
        return RT_ERR_NOMEM;
    paths[0] = "rules";
    for (size_t i = 0; i < given; i++)
        paths[i] = cli_value_at(call, CLI_OPTION_RULES, i);
    if (given == 0 && access(paths[0], F_OK) != 0) {
        cli_complain(call, "which rules does the state belong to?  There is no `rules/` here: name "
                           "them with --rules PATH, as they were named to `egret run`");
        return RT_ERR_IO;
    }
    return cli_rule_set_load(&still->set, call, paths, given == 0 ? 1 : given, NULL);
}

enum cli_exit cli_still_open(struct cli_still *still, const struct cli_call *call,
                             struct rt_checkpoints *checkpoints, const struct rt_manifest *manifest)
{
    struct cep_options limits = cep_options_standard();
    enum rt_status status;

    *still = (struct cli_still){.engine = NULL};
    rt_buffer_init(&still->header, HEADER_BYTES_MAX);
    rt_arena_init(&still->arena, HEADER_BYTES_MAX);
    status = load_rules(still, call);
    if (status != RT_OK) {
        cli_rule_set_print_diags(&still->set, call, true);
        return cli_rule_set_exit(status);
    }
    status = name_sources(still, manifest, &limits);
    if (status == RT_OK)
        status = cep_engine_new(still->set.plan, &limits, nothing_comes, NULL, &still->engine);
    if (status == RT_OK)
        status = rt_checkpoints_blob(checkpoints, RT_TEXT(RT_BLOB_ENGINE), &still->header);
    return status == RT_OK ? CLI_OK : cli_state_failed(call, status, checkpoints);
}

enum cli_exit cli_still_restore(struct cli_still *still, const struct cli_call *call,
                                struct rt_checkpoints *checkpoints, uint16_t groups)
{
    struct rt_memory *memory = cep_engine_operator(still->engine)->memory;
    struct rt_entries *entries;
    bool starts_anew;
    enum rt_status status = memory->track(memory, groups, 0, groups);

    if (status == RT_OK)
        status = rt_checkpoints_entries(checkpoints, 0, groups, &entries);
    if (status != RT_OK)
        return cli_state_failed(call, status, checkpoints);
    status = memory->restore(memory, rt_buffer_view(&still->header), entries, &starts_anew);
    entries->free(entries);
    if (status == RT_OK)
        return CLI_OK;
    if (memory->error(memory)[0] == '\0')
        return cli_state_failed(call, status, checkpoints);
    cli_complain(call, "%s", memory->error(memory));
    return cli_state_exit(status);
}

void cli_still_done(struct cli_still *still)
{
    cep_engine_free(still->engine);
    rt_buffer_done(&still->header);
    rt_arena_done(&still->arena);
    cli_rule_set_done(&still->set);
}
