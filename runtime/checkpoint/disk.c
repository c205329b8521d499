/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/checkpoint/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/assert.h"
#include "runtime/base/killpoint.h"

enum { MODE_FILE = 0644, MODE_DIRECTORY = 0755, ERROR_TEXT_BYTES = 256, DEPTH_MAX = 8 };

static const char unfinished[] = ".tmp";

bool rt_disk_path(const char *directory, const char *name, char out[RT_PATH_BYTES_MAX])
{
    int length = snprintf(out, RT_PATH_BYTES_MAX, "%s/%s", directory, name);

    return length > 0 && length < RT_PATH_BYTES_MAX;
}

enum rt_status rt_disk_failed(struct rt_buffer *why, const char *what, const char *path)
{
    char text[ERROR_TEXT_BYTES];
    int number = errno;

    if (strerror_r(number, text, sizeof(text)) != 0)
        snprintf(text, sizeof(text), "error %d", number);
    if (why->length == 0)
        rt_buffer_printf(why, "cannot %s `%s`: %s", what, path, text);
    return RT_ERR_IO;
}

static enum rt_status too_long(struct rt_buffer *why, const char *path)
{
    errno = ENAMETOOLONG;
    return rt_disk_failed(why, "use", path);
}

/* ---- directories ---- */

static int open_again(const char *path, int flags)
{
    int descriptor;

    do {
        descriptor = open(path, flags | O_CLOEXEC, MODE_FILE);
    } while (descriptor < 0 && errno == EINTR);
    return descriptor;
}

static int sync_again(int descriptor)
{
    int result;

    do {
        result = fsync(descriptor);
    } while (result != 0 && errno == EINTR);
    return result;
}

enum rt_status rt_disk_sync_directory(const char *path, struct rt_buffer *why)
{
    if (MUTANT("no_directory_fsync"))
        return RT_OK;

    int descriptor = open_again(path, O_RDONLY | O_DIRECTORY);
    enum rt_status status = RT_OK;

    if (descriptor < 0)
        return rt_disk_failed(why, "open the directory", path);
    if (sync_again(descriptor) != 0)
        status = rt_disk_failed(why, "sync the directory", path);
    close(descriptor);
    return status;
}

enum rt_status rt_disk_make_directory(const char *path, struct rt_buffer *why)
{
    char parent[RT_PATH_BYTES_MAX];
    size_t length = strlen(path);

    if (length == 0 || length + sizeof("/.") > sizeof(parent))
        return too_long(why, path);
    if (mkdir(path, MODE_DIRECTORY) != 0 && errno != EEXIST)
        return rt_disk_failed(why, "make the directory", path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    while (length > 0 && path[length - 1] != '/')
        length--;
    memcpy(parent, path, length);
    memcpy(parent + length, ".", sizeof(".")); /* "." or "/some/where/." */
    return rt_disk_sync_directory(parent, why);
}

static enum rt_status remove_file(const char *path, struct rt_buffer *why)
{
    if (unlink(path) == 0 || errno == ENOENT)
        return RT_OK;
    return rt_disk_failed(why, "remove", path);
}

static enum rt_status remove_tree(const char *path, struct rt_buffer *why, int depth);

/* What is in a directory; the directory itself stays.  Recursion as in remove_tree. */
// NOLINTNEXTLINE(misc-no-recursion)
static enum rt_status empty_directory(const char *path, struct rt_buffer *why, int depth)
{
    DIR *directory = opendir(path);
    const struct dirent *entry;
    enum rt_status status = RT_OK;

    if (directory == NULL)
        return rt_disk_failed(why, "open the directory", path);
    while (status == RT_OK && (entry = readdir(directory)) != NULL) {
        char inner[RT_PATH_BYTES_MAX];

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (!rt_disk_path(path, entry->d_name, inner))
            status = too_long(why, path);
        else
            status = remove_tree(inner, why, depth + 1);
    }
    closedir(directory);
    return status;
}

/* Recursion ends at DEPTH_MAX: nothing of ours is deeper. */
// NOLINTNEXTLINE(misc-no-recursion)
static enum rt_status remove_tree(const char *path, struct rt_buffer *why, int depth)
{
    struct stat facts;

    if (lstat(path, &facts) != 0)
        return errno == ENOENT ? RT_OK : rt_disk_failed(why, "look at", path);
    if (!S_ISDIR(facts.st_mode))
        return remove_file(path, why);
    if (depth == DEPTH_MAX)
        return too_long(why, path);

    enum rt_status status = empty_directory(path, why, depth);

    if (status == RT_OK && rmdir(path) != 0)
        status = rt_disk_failed(why, "remove the directory", path);
    return status;
}

enum rt_status rt_disk_remove(const char *path, struct rt_buffer *why)
{
    return remove_tree(path, why, 0);
}

/* ---- reading ---- */

static enum rt_status read_all(int descriptor, const char *path, struct rt_buffer *out,
                               struct rt_buffer *why)
{
    char piece[16384];

    for (;;) {
        ssize_t got = read(descriptor, piece, sizeof(piece));

        if (got == 0)
            return RT_OK;
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return rt_disk_failed(why, "read", path);
        rt_buffer_add(out, piece, (size_t)got);
        if (out->failed && out->length + (size_t)got <= out->bytes_max)
            return RT_ERR_NOMEM;
        if (out->failed) {
            rt_buffer_printf(why, "`%s` is longer than it can be", path);
            return RT_ERR_CORRUPT;
        }
    }
}

enum rt_status rt_disk_read(const char *path, struct rt_buffer *out, struct rt_buffer *why)
{
    int descriptor = open_again(path, O_RDONLY);

    if (descriptor < 0 && errno == ENOENT)
        return RT_ERR_NOT_FOUND;
    if (descriptor < 0)
        return rt_disk_failed(why, "open", path);

    enum rt_status status = read_all(descriptor, path, out, why);

    close(descriptor);
    return status;
}

/* ---- a file in the making ---- */

static bool unfinished_path(const struct rt_disk_file *file, char out[RT_PATH_BYTES_MAX])
{
    int length = snprintf(out, RT_PATH_BYTES_MAX, "%s%s", file->path, unfinished);

    return length > 0 && length < RT_PATH_BYTES_MAX;
}

static enum rt_status rename_file(const struct rt_disk_file *file)
{
    char from[RT_PATH_BYTES_MAX];

    if (!unfinished_path(file, from))
        return too_long(file->why, file->path);
    if (rename(from, file->path) != 0)
        return rt_disk_failed(file->why, "rename", from);
    return RT_OK;
}

enum rt_status rt_disk_file_open(struct rt_disk_file *file, const char *directory, const char *name,
                                 struct rt_buffer *why)
{
    char path[RT_PATH_BYTES_MAX];

    file->descriptor = -1;
    file->bytes = 0;
    file->why = why;
    rt_hash128_begin(&file->hash);
    if (!rt_disk_path(directory, name, file->path) || !unfinished_path(file, path))
        return too_long(why, directory);
    file->descriptor = open_again(path, O_WRONLY | O_CREAT | O_TRUNC);
    if (file->descriptor < 0)
        return rt_disk_failed(why, "write", path);
    return MUTANT("rename_first") ? rename_file(file) : RT_OK;
}

enum rt_status rt_disk_file_add(struct rt_disk_file *file, const char *data, size_t length)
{
    RT_ASSERT(file->descriptor >= 0);
    rt_hash128_add(&file->hash, data, length);
    file->bytes += length;
    while (length > 0) {
        ssize_t count = write(file->descriptor, data, length);

        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return rt_disk_failed(file->why, "write", file->path);
        data += count;
        length -= (size_t)count;
    }
    return RT_OK;
}

enum rt_status rt_disk_file_finish(struct rt_disk_file *file)
{
    enum rt_status status = RT_OK;

    RT_ASSERT(file->descriptor >= 0);
    if (!MUTANT("no_fsync") && sync_again(file->descriptor) != 0)
        status = rt_disk_failed(file->why, "sync", file->path);
    if (close(file->descriptor) != 0 && errno != EINTR && status == RT_OK)
        status = rt_disk_failed(file->why, "close", file->path);
    file->descriptor = -1;
    if (status == RT_OK && !MUTANT("rename_first"))
        status = rename_file(file);
    if (status != RT_OK) {
        char path[RT_PATH_BYTES_MAX];

        if (unfinished_path(file, path))
            unlink(path);
    }
    return status;
}

void rt_disk_file_drop(struct rt_disk_file *file)
{
    char path[RT_PATH_BYTES_MAX];

    if (file->descriptor < 0)
        return;
    close(file->descriptor);
    file->descriptor = -1;
    if (unfinished_path(file, path))
        unlink(path);
}
