/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/checkpoint/directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "runtime/base/alloc.h"
#include "runtime/base/hash.h"
#include "runtime/base/killpoint.h"

enum { IDENTITY_BYTES_MAX = 1 << 20, LOCK_MODE = 0644 };

/* ---- names ---- */

static const struct {
    const char *prefix;
    enum rt_name_kind kind;
    bool numbered; /* -<i> follows the id */
} forms[] = {
    {"checkpoint-", RT_NAME_CHECKPOINT, false},
    {"delta-", RT_NAME_DELTA, true},
    {"merged-", RT_NAME_MERGED, false},
    {"base-", RT_NAME_BASE, false},
};

/* Decimal digits without leading zeros, at most 18. */
static bool take_number(const char **text, uint64_t *out)
{
    size_t length = strspn(*text, "0123456789");
    struct rt_text digits = {*text, length};

    if (length == 0 || length > 18 || (length > 1 && **text == '0'))
        return false;
    *text += length;
    return rt_text_to_uint(digits, out);
}

bool rt_state_name_parse(const char *text, struct rt_state_name *out)
{
    int length = snprintf(out->text, sizeof(out->text), "%s", text);

    if (length < 0 || (size_t)length >= sizeof(out->text))
        return false;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        const char *rest = text + strlen(forms[i].prefix);
        uint64_t number;

        if (strncmp(text, forms[i].prefix, strlen(forms[i].prefix)) != 0)
            continue;
        if (!take_number(&rest, &out->id))
            return false;
        if (forms[i].numbered && (*rest++ != '-' || !take_number(&rest, &number)))
            return false;
        out->kind = forms[i].kind;
        out->unfinished = strcmp(rest, ".tmp") == 0;
        return out->unfinished || *rest == '\0';
    }
    return false;
}

static enum rt_status add_name(struct rt_state_listing *listing, const struct rt_state_name *name,
                               size_t *capacity)
{
    if (listing->count == *capacity) {
        size_t wanted = *capacity == 0 ? 64 : *capacity * 2;
        void *names = rt_realloc(listing->names, wanted * sizeof(*listing->names));

        if (names == NULL)
            return RT_ERR_NOMEM;
        listing->names = names;
        *capacity = wanted;
    }
    listing->names[listing->count++] = *name;
    if (name->id > listing->highest)
        listing->highest = name->id;
    return RT_OK;
}

enum rt_status rt_state_list(const char *path, struct rt_state_listing *out, struct rt_buffer *why)
{
    DIR *directory = opendir(path);
    const struct dirent *entry;
    size_t capacity = 0;
    enum rt_status status = RT_OK;

    *out = (struct rt_state_listing){NULL, 0, 0};
    if (directory == NULL)
        return rt_disk_failed(why, "open the directory", path);
    while (status == RT_OK && (entry = readdir(directory)) != NULL) {
        struct rt_state_name name;

        if (rt_state_name_parse(entry->d_name, &name))
            status = add_name(out, &name, &capacity);
    }
    closedir(directory);
    if (status != RT_OK)
        rt_state_listing_done(out);
    return status;
}

void rt_state_listing_done(struct rt_state_listing *listing)
{
    rt_free(listing->names);
    listing->names = NULL;
    listing->count = 0;
}

/* ---- the lock ---- */

static void tell_holder(const char *directory, int descriptor, struct rt_buffer *why)
{
    char process[24];
    ssize_t length = pread(descriptor, process, sizeof(process) - 1, 0);

    process[length > 0 ? length : 0] = '\0';
    process[strspn(process, "0123456789")] = '\0';
    rt_buffer_printf(why,
                     "the state directory `%s` is in use by another process%s%s: wait until it has "
                     "ended, or give this job a directory of its own",
                     directory, process[0] == '\0' ? "" : ", number ", process);
}

enum rt_status rt_state_lock(const char *directory, bool shared, int *descriptor,
                             struct rt_buffer *why)
{
    char path[RT_PATH_BYTES_MAX], process[24];
    int file, result, length;

    if (!rt_disk_path(directory, "lock", path)) {
        errno = ENAMETOOLONG;
        return rt_disk_failed(why, "use", directory);
    }
    do {
        file = open(path, shared ? O_RDONLY | O_CLOEXEC : O_RDWR | O_CREAT | O_CLOEXEC, LOCK_MODE);
    } while (file < 0 && errno == EINTR);
    if (file < 0 && shared && errno == ENOENT) {
        *descriptor = -1; /* a copy of a savepoint has no lock */
        return RT_OK;
    }
    if (file < 0)
        return rt_disk_failed(why, "open", path);
    do {
        result = flock(file, (shared ? LOCK_SH : LOCK_EX) | LOCK_NB);
    } while (result != 0 && errno == EINTR);
    if (result != 0) {
        enum rt_status status = RT_AGAIN;

        if (errno == EWOULDBLOCK)
            tell_holder(directory, file, why);
        else
            status = rt_disk_failed(why, "lock", path);
        close(file);
        return status;
    }
    length = snprintf(process, sizeof(process), "%ld\n", (long)getpid());
    /* For people only: that it is held is what counts. */
    if (!shared && (ftruncate(file, 0) != 0 || pwrite(file, process, (size_t)length, 0) < 0))
        errno = 0;
    *descriptor = file;
    return RT_OK;
}

void rt_state_unlock(int descriptor)
{
    if (descriptor >= 0)
        close(descriptor);
}

/* ---- identity ---- */

static const char preamble[] = "egret state directory, format 1\n";

uint64_t rt_state_job_id(struct rt_text identity)
{
    return rt_hash64(identity.data, identity.length) & UINT32_MAX;
}

enum rt_status rt_state_identity(const char *directory, struct rt_buffer *out,
                                 struct rt_buffer *why)
{
    char path[RT_PATH_BYTES_MAX];
    struct rt_buffer bytes;
    enum rt_status status = RT_ERR_NOT_FOUND;

    rt_buffer_init(&bytes, IDENTITY_BYTES_MAX);
    if (rt_disk_path(directory, "job", path))
        status = rt_disk_read(path, &bytes, why);
    if (status == RT_OK && !rt_text_starts_with(rt_buffer_view(&bytes), RT_TEXT(preamble))) {
        rt_buffer_printf(why, "`%s` is damaged: it does not begin with `%.*s`", path,
                         (int)(sizeof(preamble) - 2), preamble);
        status = RT_ERR_CORRUPT;
    }
    if (status == RT_OK)
        rt_buffer_add(out, bytes.data + sizeof(preamble) - 1, bytes.length - sizeof(preamble) + 1);
    rt_buffer_done(&bytes);
    return status == RT_OK && out->failed ? RT_ERR_NOMEM : status;
}

static enum rt_status write_identity(const char *directory, struct rt_text identity,
                                     struct rt_buffer *why)
{
    struct rt_disk_file file;
    enum rt_status status = rt_disk_file_open(&file, directory, "job", why);

    if (status != RT_OK)
        return status;
    status = rt_disk_file_add(&file, preamble, sizeof(preamble) - 1);
    if (status == RT_OK)
        status = rt_disk_file_add(&file, identity.data, identity.length);
    if (status == RT_OK)
        status = rt_disk_file_finish(&file);
    rt_disk_file_drop(&file);
    KILLPOINT("claimed");
    return status == RT_OK ? rt_disk_sync_directory(directory, why) : status;
}

enum rt_status rt_state_claim(const char *directory, struct rt_text identity, struct rt_buffer *why)
{
    struct rt_buffer found;
    enum rt_status status;

    rt_buffer_init(&found, IDENTITY_BYTES_MAX);
    status = rt_state_identity(directory, &found, why);
    if (status == RT_ERR_NOT_FOUND) {
        status = write_identity(directory, identity, why);
    } else if (status == RT_OK && !rt_text_equal(rt_buffer_view(&found), identity)) {
        rt_buffer_printf(why,
                         "the state directory `%s` belongs to another job.\nIt is of:\n%.*sThis is:"
                         "\n%.*sUse the same words as before, or another directory for this job",
                         directory, (int)found.length, found.data == NULL ? "" : found.data,
                         (int)identity.length, identity.data);
        status = RT_ERR_DIAG;
    }
    rt_buffer_done(&found);
    return status;
}
