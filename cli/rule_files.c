/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/rule_files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FILES_BYTES_MAX = 256 << 20 };

/* ---- the list of paths ---- */

struct path {
    const char *name;
    struct path *next;
};

struct finder {
    struct rt_arena *arena;
    struct path *first;
    size_t count;
    struct rt_buffer *message;
};

static enum rt_status complain(struct finder *finder, const char *path, const char *what)
{
    rt_buffer_printf(finder->message, "%s: %s", path, what);
    return RT_ERR_IO;
}

static enum rt_status add_path(struct finder *finder, const char *name)
{
    struct path *path = rt_arena_alloc(finder->arena, sizeof(*path));

    if (path == NULL)
        return RT_ERR_NOMEM;
    *path = (struct path){name, finder->first};
    finder->first = path;
    finder->count++;
    return RT_OK;
}

static bool ends_with(const char *name, const char *suffix)
{
    return rt_text_ends_with(rt_text_of(name), rt_text_of(suffix));
}

static bool is_rule_file(const char *name)
{
    return (ends_with(name, ".yaml") || ends_with(name, ".yml")) &&
           strcmp(name, "egret.yaml") != 0 && strcmp(name, "egret.yml") != 0;
}

static bool is_test_file(const char *name)
{
    return ends_with(name, "_test.yaml") || ends_with(name, "_test.yml");
}

static enum rt_status find_below(struct finder *finder, const char *folder, int depth);

/* One entry of a folder.  What vanished meanwhile, or is neither file nor folder, is left out. */
// NOLINTNEXTLINE(misc-no-recursion): CLI_RULE_FOLDER_DEPTH_MAX
static enum rt_status find_entry(struct finder *finder, const char *folder, const char *entry,
                                 int depth)
{
    struct stat facts;
    char *path;

    if (entry[0] == '.')
        return RT_OK;
    path = rt_arena_printf(finder->arena, "%s/%s", folder, entry);
    if (path == NULL)
        return RT_ERR_NOMEM;
    if (stat(path, &facts) != 0)
        return RT_OK;
    if (S_ISDIR(facts.st_mode))
        return find_below(finder, path, depth + 1);
    return S_ISREG(facts.st_mode) && is_rule_file(entry) ? add_path(finder, path) : RT_OK;
}

// NOLINTNEXTLINE(misc-no-recursion): CLI_RULE_FOLDER_DEPTH_MAX
static enum rt_status find_below(struct finder *finder, const char *folder, int depth)
{
    enum rt_status status = RT_OK;
    struct dirent *entry;
    DIR *open;

    if (depth > CLI_RULE_FOLDER_DEPTH_MAX)
        return complain(finder, folder, "folders are nested too deeply (a link in a circle?)");
    open = opendir(folder);
    if (open == NULL)
        return complain(finder, folder, strerror(errno));
    while (status == RT_OK && (entry = readdir(open)) != NULL)
        status = find_entry(finder, folder, entry->d_name, depth);
    closedir(open);
    return status;
}

static enum rt_status find_path(struct finder *finder, const char *path)
{
    size_t before = finder->count;
    size_t length = strlen(path);
    enum rt_status status;
    struct stat facts;

    if (strcmp(path, "-") == 0)
        return add_path(finder, path);
    if (stat(path, &facts) != 0)
        return complain(finder, path, strerror(errno));
    if (!S_ISDIR(facts.st_mode))
        return add_path(finder, path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    path = rt_arena_text(finder->arena, path, length);
    if (path == NULL)
        return RT_ERR_NOMEM;
    status = find_below(finder, path, 0);
    if (status == RT_OK && finder->count == before)
        return complain(finder, path, "no rule file (*.yaml, *.yml) in it");
    return status;
}

/* ---- reading ---- */

static enum rt_status read_text(struct finder *finder, const char *name, FILE *file,
                                struct rt_text *out)
{
    struct rt_buffer text;
    char piece[16384];
    size_t got;
    char *copy;

    rt_buffer_init(&text, CLI_RULE_FILE_BYTES_MAX);
    while ((got = fread(piece, 1, sizeof(piece), file)) > 0 && !text.failed)
        rt_buffer_add(&text, piece, got);
    if (ferror(file) || text.failed) {
        const char *what =
            ferror(file) ? strerror(errno) : "longer than a rule file may be (16 MiB)";

        rt_buffer_done(&text);
        return complain(finder, name, what);
    }
    copy = rt_arena_text(finder->arena, text.data == NULL ? "" : text.data, text.length);
    *out = (struct rt_text){copy, text.length};
    rt_buffer_done(&text);
    return copy == NULL ? RT_ERR_NOMEM : RT_OK;
}

static enum rt_status read_source(struct finder *finder, const char *path, struct rule_source *out)
{
    enum rt_status status;
    FILE *file;

    if (strcmp(path, "-") == 0) {
        out->name = "<stdin>";
        return read_text(finder, out->name, stdin, &out->text);
    }
    out->name = path;
    file = fopen(path, "rb");
    if (file == NULL)
        return complain(finder, path, strerror(errno));
    status = read_text(finder, path, file, &out->text);
    fclose(file);
    return status;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum rt_status read_all(struct finder *finder, struct cli_rule_files *files)
{
    const char **names = rt_arena_array(finder->arena, finder->count, sizeof(*names));
    struct rule_source *rules =
        rt_arena_array(finder->arena, finder->count, sizeof(struct rule_source));
    struct rule_source *tests =
        rt_arena_array(finder->arena, finder->count, sizeof(struct rule_source));
    size_t count = 0;

    if (names == NULL || rules == NULL || tests == NULL)
        return RT_ERR_NOMEM;
    for (const struct path *path = finder->first; path != NULL; path = path->next)
        names[count++] = path->name;
    qsort(names, count, sizeof(*names), by_name);
    files->rules = rules;
    files->tests = tests;
    for (size_t i = 0; i < count; i++) {
        bool test = is_test_file(names[i]);
        struct rule_source *into = test ? &tests[files->test_count] : &rules[files->rule_count];
        enum rt_status status;

        if (i > 0 && strcmp(names[i], names[i - 1]) == 0)
            continue;
        status = read_source(finder, names[i], into);
        if (status != RT_OK)
            return status;
        files->test_count += test;
        files->rule_count += !test;
    }
    return RT_OK;
}

enum rt_status cli_rule_files_read(struct cli_rule_files *files, const char *const *paths,
                                   size_t count, struct rt_buffer *message)
{
    struct finder finder = {.arena = &files->arena, .message = message};

    *files = (struct cli_rule_files){.rule_count = 0};
    rt_arena_init(&files->arena, FILES_BYTES_MAX);
    for (size_t i = 0; i < count; i++) {
        enum rt_status status = find_path(&finder, paths[i]);

        if (status != RT_OK)
            return status;
    }
    return read_all(&finder, files);
}

void cli_rule_files_done(struct cli_rule_files *files)
{
    rt_arena_done(&files->arena);
    *files = (struct cli_rule_files){.rule_count = 0};
}
