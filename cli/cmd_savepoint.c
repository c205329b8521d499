/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_savepoint.c - `egret savepoint create|list|show|check|restore|delete`: copies of the state that stay until somebody
 * removes them.
 *
 *     DIR/checkpoint-12 --create--> DIR/savepoints/sp-20260101T100500Z-NAME/ --restore--> DIR/checkpoint-40, the newest then
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/run_state.h"
#include "cli/state_changes.h"
#include "cli/state_dir.h"
#include "runtime/base/form.h"
#include "runtime/job/saved.h"
#include "runtime/time/clock.h"
#include "runtime/time/timestamp.h"

enum { PAGE_BYTES_MAX = 16 << 20, NAME_BYTES_MAX = 64, ARENA_BYTES_MAX = 256 << 20 };

static void put(const struct rt_buffer *page)
{
    if (page->length > 0)
        fwrite(page->data, 1, page->length, stdout);
}

/* ---- create ---- */

static bool is_good_name(const char *name)
{
    size_t length = strlen(name);

    return length > 0 && length < NAME_BYTES_MAX && name[0] != '-' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") ==
               length;
}

/* sp-20260101T100500Z-NAME */
static void whole_name(rt_time now, const char *name, struct rt_buffer *out)
{
    struct rt_buffer time;

    rt_buffer_init(&time, 64);
    rt_time_text((rt_time){now.ms - now.ms % 1000}, &time);
    rt_buffer_string(out, "sp-");
    for (size_t i = 0; i < time.length && time.data[i] != '.'; i++) {
        if (time.data[i] != '-' && time.data[i] != ':' && time.data[i] != 'Z')
            rt_buffer_char(out, time.data[i]);
    }
    rt_buffer_char(out, 'Z');
    if (name[0] != '\0')
        rt_buffer_printf(out, "-%s", name);
    rt_buffer_done(&time);
}

static enum cli_exit export(const struct cli_call *call, struct rt_checkpoints *checkpoints,
                            const char *directory, const char *name) {
    rt_time now = rt_clock_wall(); uint64_t since = rt_clock_monotonic_ns();
    struct rt_buffer whole, why; struct rt_file_facts facts;
    char parent[RT_PATH_BYTES_MAX], path[RT_PATH_BYTES_MAX]; enum rt_status status = RT_ERR_IO;

    rt_buffer_init(&whole, PAGE_BYTES_MAX); rt_buffer_init(&why, PAGE_BYTES_MAX);
    whole_name(now, name, &whole);
    if (rt_disk_path(directory, "savepoints", parent) && rt_disk_path(parent, whole.data, path))
        status = rt_disk_make_directory(parent, &why);
    if (status == RT_OK) status = rt_checkpoints_verify(checkpoints, false);
    if (status == RT_OK)
        status = rt_checkpoints_export(checkpoints, path, rt_text_of(name), now.ms, &facts);
    if (status == RT_OK){rt_buffer_reset(&why); cli_add_bytes(&why, facts.bytes);
                         printf("savepoint %s   %s   %" PRIu64 " entries   %.1f s\n", whole.data,
                                why.data, facts.entries,
                                (double)(rt_clock_monotonic_ns() - since) / 1e9);}
else if (why.length > 0)
{
    cli_complain(call, "%s", why.data);
}
rt_buffer_done(&whole);
if (status == RT_OK || why.length > 0) {
    rt_buffer_done(&why);
    return status == RT_OK ? CLI_OK : CLI_IO;
}
rt_buffer_done(&why);
return cli_state_failed(call, status, checkpoints);
}

static enum cli_exit create(const struct cli_call *call, const char *directory, const char *unused)
{
    const char *name = cli_value(call, CLI_OPTION_NAME, "");
    struct rt_checkpoints *checkpoints;
    const struct rt_manifest *manifest;
    enum cli_exit code;

    (void)unused;
    if (name[0] != '\0' && !is_good_name(name))
        return cli_wrong_call(call, "--name %s: letters, digits, - and _ are expected", name);
    code = cli_state_open_newest(call, directory, &checkpoints, &manifest);
    if (code == CLI_OK)
        code = export(call, checkpoints, directory, name);
    rt_checkpoints_close(checkpoints);
    return code;
}

/* ---- list ---- */

static void list_one(const struct cli_call *call, const char *directory, const char *name,
                     struct rt_buffer *page)
{
    struct rt_checkpoints *checkpoints = NULL;
    const struct rt_manifest *manifest;
    char parent[RT_PATH_BYTES_MAX], path[RT_PATH_BYTES_MAX];

    if (!rt_disk_path(directory, "savepoints", parent) || !rt_disk_path(parent, name, path))
        return;
    if (cli_state_open_newest(call, path, &checkpoints, &manifest) != CLI_OK) {
        rt_buffer_printf(page, "%-40s damaged\n", name);
    } else {
        rt_buffer_printf(page, "%-40s checkpoint %-8" PRIu64 " %10" PRIu64 " entries  ", name,
                         manifest->id, manifest->parts[0].facts.entries);
        cli_add_bytes(page, manifest->parts[0].facts.bytes);
        rt_buffer_char(page, '\n');
    }
    rt_checkpoints_close(checkpoints);
}

static enum cli_exit list(const struct cli_call *call, const char *directory, const char *unused)
{
    struct rt_buffer names, page;
    size_t count;
    enum rt_status status;

    (void)unused;
    rt_buffer_init(&names, PAGE_BYTES_MAX);
    rt_buffer_init(&page, PAGE_BYTES_MAX);
    status = cli_savepoint_names(directory, &names, &count);
    for (size_t i = 0, at = 0; status == RT_OK && i < count; i++) {
        list_one(call, directory, names.data + at, &page);
        at += strlen(names.data + at) + 1;
    }
    if (status == RT_OK && count == 0)
        rt_buffer_printf(&page, "no savepoints in %s\n", directory);
    put(&page);
    rt_buffer_done(&names);
    rt_buffer_done(&page);
    if (status != RT_OK)
        cli_complain(call, "cannot list the savepoints of `%s`", directory);
    return status == RT_OK ? CLI_OK : CLI_IO;
}

/* ---- show ---- */

static void show_places(const struct rt_saved_job *saved, struct rt_buffer *page)
{
    rt_buffer_printf(page, "input      %s, %" PRIu64 " records read, %" PRIu64 " rejected\n",
                     saved->finished ? "at its end" : "not at its end", saved->counters.read,
                     saved->counters.rejected);
    for (size_t i = 0; i < saved->source_count; i++) {
        for (size_t k = 0; k < saved->sources[i].place_count; k++)
            rt_buffer_printf(page, "source     %s: %s, goes on at %" PRIu64 "\n",
                             saved->sources[i].name, saved->sources[i].places[k].name,
                             saved->sources[i].places[k].next);
    }
    for (size_t i = 0; i < saved->output_count; i++)
        rt_buffer_printf(page, "output     %s: %" PRIu64 "\n", saved->outputs[i].name,
                         saved->outputs[i].position);
}

static void show_manifest(const struct rt_manifest *manifest, struct rt_buffer *page)
{
    char mark[17], hash[33];

    rt_manifest_mark(manifest, mark);
    rt_buffer_printf(page, "checkpoint %" PRIu64 ", mark %s\nmade       ", manifest->id, mark);
    rt_time_text((rt_time){manifest->made_ms}, page);
    rt_buffer_printf(page, " by egret %.*s\njob        %08" PRIx64 "\n%.*s",
                     (int)manifest->program.length, manifest->program.data, manifest->job,
                     (int)manifest->identity.length, manifest->identity.data);
    for (size_t i = 0; i < manifest->part_count; i++) {
        const struct rt_part *part = &manifest->parts[i];

        rt_hash128_text(part->facts.hash, hash);
        rt_buffer_printf(page, "part       %.*s, %" PRIu64 " entries, ", (int)part->name.length,
                         part->name.data, part->facts.entries);
        cli_add_bytes(page, part->facts.bytes);
        rt_buffer_printf(page, ", %s\n", hash);
    }
}

static enum cli_exit show_chosen(const struct cli_call *call, struct rt_checkpoints *checkpoints,
                                 const struct rt_manifest *manifest)
{
    struct rt_form form = rt_form_of(manifest->facts);
    struct rt_saved_job saved;
    struct rt_arena arena;
    struct rt_buffer page;
    enum rt_status status;

    rt_arena_init(&arena, ARENA_BYTES_MAX);
    rt_buffer_init(&page, PAGE_BYTES_MAX);
    status = rt_checkpoints_verify(checkpoints, true);
    if (status == RT_OK) {
        show_manifest(manifest, &page);
        if (rt_saved_job_read(&form, &arena, &saved) == RT_OK)
            show_places(&saved, &page);
        rt_buffer_string(&page, "verified   every file, every entry\n");
    }
    put(&page);
    rt_buffer_done(&page);
    rt_arena_done(&arena);
    return status == RT_OK ? CLI_OK : cli_state_failed(call, status, checkpoints);
}

static enum cli_exit show(const struct cli_call *call, const char *directory, const char *name)
{
    struct rt_checkpoints *checkpoints = NULL;
    const struct rt_manifest *manifest;
    char path[RT_PATH_BYTES_MAX];
    enum cli_exit code;

    if (!cli_savepoint_find(call, directory, name, path))
        return CLI_USAGE;
    code = cli_state_open_newest(call, path, &checkpoints, &manifest);
    if (code == CLI_OK)
        code = show_chosen(call, checkpoints, manifest);
    rt_checkpoints_close(checkpoints);
    return code;
}

/* ---- check ---- */

static enum cli_exit compare_rules(const struct cli_call *call, struct cli_still *still)
{
    struct cli_state_changes changes;
    enum rt_status status =
        cli_state_changes_read(&changes, call, still->engine, rt_buffer_view(&still->header));
    const struct rt_memory *memory = cep_engine_operator(still->engine)->memory;
    enum cli_exit code = CLI_OK;

    if (status != RT_OK) {
        cli_complain(call, "%s", memory->error(memory));
        code = cli_state_exit(status);
    } else {
        put(&changes.text);
        if (changes.not_allowed > 0) {
            printf("%" PRIu32 " rule%s.  Accept with%s\n", changes.not_allowed,
                   changes.not_allowed == 1 ? " restarts" : "s restart", changes.advice.data);
            code = CLI_FINDINGS;
        }
    }
    cli_state_changes_done(&changes);
    return code;
}

static enum cli_exit check(const struct cli_call *call, const char *directory, const char *name)
{
    struct rt_checkpoints *checkpoints = NULL;
    const struct rt_manifest *manifest;
    struct cli_still still;
    char path[RT_PATH_BYTES_MAX];
    enum rt_status status;
    enum cli_exit code;

    if (!cli_savepoint_find(call, directory, name, path))
        return CLI_USAGE;
    code = cli_state_open_newest(call, path, &checkpoints, &manifest);
    if (code == CLI_OK) {
        status = rt_checkpoints_verify(checkpoints, true);
        code = status == RT_OK ? CLI_OK : cli_state_failed(call, status, checkpoints);
    }
    if (code == CLI_OK) {
        code = cli_still_open(&still, call, checkpoints, manifest);
        if (code == CLI_OK)
            code = compare_rules(call, &still);
        cli_still_done(&still);
    }
    rt_checkpoints_close(checkpoints);
    return code;
}

/* ---- restore, delete ---- */

static enum cli_exit import(const struct cli_call *call, const char *directory,
                            struct rt_checkpoints *from, const struct rt_manifest *manifest)
{
    struct rt_checkpoints_options options = {.directory = directory,
                                             .identity = manifest->identity,
                                             .program = RT_TEXT(EGRET_VERSION),
                                             .groups = manifest->groups};
    struct rt_checkpoints *into = NULL;
    struct rt_buffer why;
    uint64_t id;
    enum rt_status status;
    enum cli_exit code = CLI_OK;

    rt_buffer_init(&why, PAGE_BYTES_MAX);
    status = rt_checkpoints_open(&options, &why, &into);
    if (status != RT_OK) {
        cli_complain(call, "%s", why.length > 0 ? why.data : rt_status_text(status));
        code = cli_state_exit(status);
    } else {
        status = rt_checkpoints_import(into, from, rt_clock_wall().ms, &id);
        if (status != RT_OK)
            code = cli_state_failed(call, status, into);
        else
            printf("checkpoint %" PRIu64 " in %s is the savepoint's state; the next run goes on "
                   "from there\n",
                   id, directory);
    }
    rt_buffer_done(&why);
    rt_checkpoints_close(into);
    return code;
}

static enum cli_exit restore(const struct cli_call *call, const char *directory, const char *name)
{
    struct rt_checkpoints *checkpoints = NULL;
    const struct rt_manifest *manifest;
    char path[RT_PATH_BYTES_MAX];
    enum rt_status status;
    enum cli_exit code;

    if (strchr(name, '/') != NULL)
        snprintf(path, sizeof(path), "%s", name); /* a savepoint that was put elsewhere */
    else if (!cli_savepoint_find(call, directory, name, path))
        return CLI_USAGE;
    code = cli_state_open_newest(call, path, &checkpoints, &manifest);
    if (code == CLI_OK) {
        status = rt_checkpoints_verify(checkpoints, true);
        code = status == RT_OK ? import(call, directory, checkpoints, manifest)
                               : cli_state_failed(call, status, checkpoints);
    }
    rt_checkpoints_close(checkpoints);
    return code;
}

static enum cli_exit delete (const struct cli_call *call, const char *directory, const char *name) {
    char path[RT_PATH_BYTES_MAX]; struct rt_buffer why; enum rt_status status;

    if (!cli_savepoint_find(call, directory, name, path)) return CLI_USAGE;
    rt_buffer_init(&why, PAGE_BYTES_MAX);
    status = rt_disk_remove(path, &why);
    if (status != RT_OK) cli_complain(call, "%s", why.data);
    rt_buffer_done(&why);
    return status == RT_OK ? CLI_OK : CLI_IO;
}

/* ---- the command ---- */

static const struct {
    const char *word;
    bool wants_name;
    enum cli_exit (*run)(const struct cli_call *call, const char *directory, const char *name);
} actions[] = {
    {"create", false, create}, {"list", false, list},      {"show", true, show},
    {"check", true, check},    {"restore", true, restore}, {"delete", true, delete},
};

static enum cli_exit savepoint(const struct cli_call *call)
{
    const char *directory;

    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
        size_t wanted = actions[i].wants_name ? 2 : 1;

        if (strcmp(call->arguments[0], actions[i].word) != 0)
            continue;
        if (call->argument_count != wanted)
            return cli_wrong_call(call, "savepoint %s%s", actions[i].word,
                                  actions[i].wants_name ? ": the name of one savepoint is expected"
                                                        : " takes no further words");
        directory = cli_state_directory(call);
        return directory == NULL ? CLI_USAGE
                                 : actions[i].run(call, directory, call->arguments[wanted - 1]);
    }
    return cli_wrong_call(call,
                          "savepoint %s: create, list, show, check, restore or delete is expected",
                          call->arguments[0]);
}

const struct cli_command cli_command_savepoint = {
    .name = "savepoint",
    .arguments = "create|list|show|check|restore|delete [NAME] --dir DIR [options]",
    .summary = "keep a copy of the state, go back to one",
    .details =
        "A savepoint is the state of a job, with the places of its inputs and outputs, in a "
        "directory of its own below\n"
        "DIR/savepoints.  It stays until it is deleted, may be moved, and does not depend on the "
        "number of workers or on\nthe backend.  No process may be working in DIR.\n"
        "check: what would become of partial matches under the rules of --rules; exit 1 if a rule "
        "would lose them and\n--allow-restart does not name it.  restore: the next run goes on "
        "from "
        "the savepoint; outputs are cut to where they\nstood then.",
    .arguments_min = 1,
    .arguments_max = 2,
    .options = {CLI_OPTION_DIR, CLI_OPTION_NAME, CLI_OPTION_RULES, CLI_OPTION_ALLOW_RESTART},
    .option_count = 4,
    .exec = savepoint,
};
