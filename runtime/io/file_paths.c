/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/io/file_paths.h"

#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/alloc.h"

enum { PATHS_BYTES_MAX = 256 << 20, ERROR_BYTES = 256, FIRST_CAPACITY = 8 };

/* ---- the list ---- */

static enum rt_status add_path(struct rt_file_paths *paths, const char *path)
{
    if (paths->count == paths->capacity) {
        size_t capacity = paths->capacity == 0 ? FIRST_CAPACITY : paths->capacity * 2;
        void *names = rt_realloc(paths->names, capacity * sizeof(*paths->names));

        if (names == NULL)
            return RT_ERR_NOMEM;
        paths->names = names;
        paths->capacity = capacity;
    }
    path = rt_arena_text(&paths->arena, path, strlen(path));
    if (path == NULL)
        return RT_ERR_NOMEM;
    paths->names[paths->count++] = path;
    return RT_OK;
}

static int compare_strings(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void sort_from(struct rt_file_paths *paths, size_t first)
{
    if (paths->count - first > 1)
        qsort(paths->names + first, paths->count - first, sizeof(*paths->names), compare_strings);
}

/* ---- directories and patterns ---- */

static enum rt_status refuse(struct rt_buffer *message, const char *path)
{
    char text[ERROR_BYTES];

    if (strerror_r(errno, text, sizeof(text)) != 0)
        snprintf(text, sizeof(text), "error %d", errno);
    rt_buffer_printf(message, "cannot read `%s`: %s", path, text);
    return RT_ERR_IO;
}

static bool is_regular(const char *path)
{
    struct stat about;

    return stat(path, &about) == 0 && S_ISREG(about.st_mode);
}

/* The regular files of a directory but hidden ones, in byte order of their names. */
static enum rt_status add_entries(struct rt_file_paths *paths, const char *path, DIR *directory)
{
    size_t first = paths->count;
    const struct dirent *entry;
    enum rt_status status = RT_OK;

    while (status == RT_OK && (entry = readdir(directory)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;

        const char *name = rt_arena_printf(&paths->arena, "%s/%s", path, entry->d_name);

        if (name == NULL)
            return RT_ERR_NOMEM;
        if (is_regular(name))
            status = add_path(paths, name);
    }
    sort_from(paths, first);
    return status;
}

static enum rt_status add_directory(struct rt_file_paths *paths, const char *path,
                                    struct rt_buffer *message)
{
    DIR *directory = opendir(path);

    if (directory == NULL)
        return refuse(message, path);

    enum rt_status status = add_entries(paths, path, directory);

    closedir(directory);
    return status;
}

static enum rt_status add_matches(struct rt_file_paths *paths, const char *pattern,
                                  struct rt_buffer *message)
{
    size_t first = paths->count;
    enum rt_status status = RT_OK;
    glob_t found;
    int answer = glob(pattern, GLOB_NOSORT, NULL, &found);

    if (answer == GLOB_NOMATCH)
        return RT_OK;
    if (answer == GLOB_NOSPACE)
        return RT_ERR_NOMEM;
    if (answer != 0)
        return refuse(message, pattern);
    for (size_t i = 0; i < found.gl_pathc && status == RT_OK; i++) {
        if (is_regular(found.gl_pathv[i]))
            status = add_path(paths, found.gl_pathv[i]);
    }
    globfree(&found);
    sort_from(paths, first);
    return status;
}

static enum rt_status expand(struct rt_file_paths *paths, const char *path,
                             struct rt_buffer *message)
{
    struct stat about;

    if (strcmp(path, "-") == 0)
        return add_path(paths, path);
    if (paths->glob && strpbrk(path, "*?[") != NULL)
        return add_matches(paths, path, message);
    if (stat(path, &about) != 0)
        return refuse(message, path);
    if (S_ISDIR(about.st_mode))
        return add_directory(paths, path, message);
    if (access(path, R_OK) != 0)
        return refuse(message, path);
    return add_path(paths, path);
}

/* ---- interface ---- */

enum rt_status rt_file_paths_init(struct rt_file_paths *paths, const char *const *wanted,
                                  size_t count, bool glob, bool may_be_none,
                                  struct rt_buffer *message)
{
    enum rt_status status = RT_OK;

    *paths = (struct rt_file_paths){.glob = glob};
    rt_arena_init(&paths->arena, PATHS_BYTES_MAX);
    paths->wanted = rt_alloc_zeroed(count, sizeof(*paths->wanted));
    if (paths->wanted == NULL)
        return RT_ERR_NOMEM;
    for (size_t i = 0; i < count && status == RT_OK; i++) {
        size_t before = paths->count;

        paths->wanted[i] = rt_arena_text(&paths->arena, wanted[i], strlen(wanted[i]));
        if (paths->wanted[i] == NULL)
            return RT_ERR_NOMEM;
        paths->wanted_count++;
        status = expand(paths, wanted[i], message);
        if (status == RT_OK && paths->count == before && !may_be_none) {
            rt_buffer_printf(message, "no files in `%s`", wanted[i]);
            return RT_ERR_IO;
        }
    }
    return status;
}

void rt_file_paths_done(struct rt_file_paths *paths)
{
    rt_arena_done(&paths->arena);
    rt_free(paths->names);
    rt_free(paths->wanted);
    *paths = (struct rt_file_paths){.count = 0};
}

enum rt_status rt_file_paths_refresh(struct rt_file_paths *paths)
{
    struct rt_file_paths found;
    struct rt_buffer ignored;
    const char *last = paths->count == 0 ? "" : paths->names[paths->count - 1];

    rt_buffer_init(&ignored, ERROR_BYTES);

    enum rt_status status =
        rt_file_paths_init(&found, paths->wanted, paths->wanted_count, paths->glob, true, &ignored);

    for (size_t i = 0; i < found.count && status == RT_OK; i++) {
        if (strcmp(found.names[i], last) > 0)
            status = add_path(paths, found.names[i]);
    }
    rt_file_paths_done(&found);
    rt_buffer_done(&ignored);
    return status == RT_ERR_IO ? RT_OK : status;
}
