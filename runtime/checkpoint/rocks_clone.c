/* SPDX-License-Identifier: Apache-2.0 */
/* A directory that RocksDB may open, made of a checkpoint that it must not. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/checkpoint/rocks.h"

enum { PATH_BYTES_MAX = 4096, COPY_BYTES = 64 << 10 };

struct clone {
    const char *from, *to;
    struct rt_buffer *error;
};

static enum rt_status failed(struct clone *clone, const char *path)
{
    rt_buffer_reset(clone->error);
    rt_buffer_printf(clone->error, "%s: %s", path, strerror(errno));
    return errno == ENOMEM ? RT_ERR_NOMEM : RT_ERR_IO;
}

static bool path_of(const char *directory, const char *name, char out[PATH_BYTES_MAX])
{
    return snprintf(out, PATH_BYTES_MAX, "%s/%s", directory, name) < PATH_BYTES_MAX;
}

static bool copy_bytes(int from, int to)
{
    char bytes[COPY_BYTES];

    for (;;) {
        ssize_t got = read(from, bytes, sizeof(bytes));

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got == 0;
        for (ssize_t done = 0; done < got;) {
            ssize_t wrote = write(to, bytes + done, (size_t)(got - done));

            if (wrote < 0 && errno == EINTR)
                continue;
            if (wrote < 0)
                return false;
            done += wrote;
        }
    }
}

static bool copy_file(const char *from, const char *to)
{
    int source = open(from, O_RDONLY | O_CLOEXEC);
    int target = source < 0 ? -1 : open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    bool copied = target >= 0 && copy_bytes(source, target);
    int reason = errno;

    if (target >= 0 && close(target) != 0 && copied) {
        reason = errno;
        copied = false;
    }
    if (source >= 0)
        close(source);
    errno = reason;
    return copied;
}

/* Sorted files are never changed, so a second name is enough; RocksDB appends to MANIFEST, so that one is copied. */
static bool clone_file(const char *from, const char *to)
{
    size_t length = strlen(from);
    bool is_sorted = length > 4 && strcmp(from + length - 4, ".sst") == 0;

    if (is_sorted && link(from, to) == 0)
        return true;
    return copy_file(from, to);
}

/* Calls `each` for every file of `directory`, the entries for itself and its parent left out. */
static enum rt_status each_file(struct clone *clone, const char *directory,
                                enum rt_status (*each)(struct clone *, const char *name))
{
    enum rt_status status = RT_OK;
    DIR *open_directory = opendir(directory);

    if (open_directory == NULL)
        return failed(clone, directory);
    while (status == RT_OK) {
        errno = 0;

        const struct dirent *entry = readdir(open_directory);

        if (entry == NULL) {
            if (errno != 0)
                status = failed(clone, directory);
            break;
        }
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            status = each(clone, entry->d_name);
    }
    closedir(open_directory);
    return status;
}

static enum rt_status remove_old(struct clone *clone, const char *name)
{
    char path[PATH_BYTES_MAX];

    if (!path_of(clone->to, name, path))
        errno = ENAMETOOLONG;
    else if (unlink(path) == 0)
        return RT_OK;
    return failed(clone, path);
}

static enum rt_status make_new(struct clone *clone, const char *name)
{
    char from[PATH_BYTES_MAX], to[PATH_BYTES_MAX];

    if (!path_of(clone->from, name, from) || !path_of(clone->to, name, to)) {
        errno = ENAMETOOLONG;
        return failed(clone, clone->from);
    }
    return clone_file(from, to) ? RT_OK : failed(clone, to);
}

enum rt_status rt_rocks_clone(const char *checkpoint, const char *directory,
                              struct rt_buffer *error)
{
    struct clone clone = {checkpoint, directory, error};

    if (mkdir(directory, 0750) != 0) {
        if (errno != EEXIST)
            return failed(&clone, directory);

        enum rt_status status = each_file(&clone, directory, remove_old);

        if (status != RT_OK)
            return status;
    }
    return each_file(&clone, checkpoint, make_new);
}
