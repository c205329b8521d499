/* SPDX-License-Identifier: Apache-2.0 */
/* database_base.c - a base: made of the working copy, listed, and compared with its list before anything else looks at it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"
#include "runtime/base/form.h"
#include "runtime/base/killpoint.h"
#include "runtime/checkpoint/database_inside.h"

#define LIST_MAGIC UINT64_C(0x315453494c524745) /* "EGRLIST1" */

enum {
    LIST_VERSION = 1,
    LIST_BYTES_MAX = 64 << 20,
    LIST_FILE_BYTES_MIN = 18, /* name, size and hash of one */
    HASH_PIECE_BYTES = 256 << 10
};

static const char list_name[] = "files";

enum rt_status rt_base_directory(const char *directory, const struct rt_link *base,
                                 char out[RT_PATH_BYTES_MAX], struct rt_buffer *why)
{
    const char *slash = strrchr(base->name, '/');
    char name[RT_PART_NAME_BYTES];

    if (slash == NULL || strcmp(slash + 1, list_name) != 0) {
        rt_buffer_printf(why, "`%s` is not the list of a base", base->name);
        return RT_ERR_CORRUPT;
    }
    snprintf(name, sizeof(name), "%.*s", (int)(slash - base->name), base->name);
    if (!rt_disk_path(directory, name, out)) {
        errno = ENAMETOOLONG;
        return rt_disk_failed(why, "use", directory);
    }
    return RT_OK;
}

/* ---- the list ---- */

void rt_base_list_done(struct rt_base_list *list)
{
    rt_free(list->files);
    *list = (struct rt_base_list){NULL, 0, 0};
}

static struct rt_base_file *list_add(struct rt_base_list *list, struct rt_text name)
{
    struct rt_base_file *file;

    RT_ASSERT(name.length < RT_BASE_FILE_NAME_BYTES);
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 32 : 2 * list->capacity;
        void *files = rt_realloc(list->files, capacity * sizeof(*list->files));

        if (files == NULL)
            return NULL;
        list->files = files;
        list->capacity = capacity;
    }
    file = &list->files[list->count++];
    memset(file, 0, sizeof(*file));
    memcpy(file->name, name.data, name.length);
    return file;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct rt_base_file *)a)->name, ((const struct rt_base_file *)b)->name);
}

static const struct rt_base_file *list_find(const struct rt_base_list *list, const char *name)
{
    struct rt_base_file wanted;

    if (list->count == 0)
        return NULL;
    snprintf(wanted.name, sizeof(wanted.name), "%s", name);
    return bsearch(&wanted, list->files, list->count, sizeof(wanted), by_name);
}

static void write_list(const struct rt_base_list *list, struct rt_buffer *out)
{
    rt_form_add_fixed(out, LIST_MAGIC);
    rt_form_add_uint(out, LIST_VERSION);
    rt_form_add_uint(out, list->count);
    for (size_t i = 0; i < list->count; i++) {
        const struct rt_base_file *file = &list->files[i];

        rt_form_add_text(out, rt_text_of(file->name));
        rt_form_add_uint(out, file->bytes);
        rt_form_add_fixed(out, file->hash.high);
        rt_form_add_fixed(out, file->hash.low);
    }
}

/* A name of RocksDB's that leads nowhere else. */
static bool is_plain_name(struct rt_text name)
{
    if (name.length == 0 || name.length >= RT_BASE_FILE_NAME_BYTES || name.data[0] == '.')
        return false;
    return memchr(name.data, '/', name.length) == NULL &&
           memchr(name.data, '\0', name.length) == NULL;
}

static enum rt_status read_list(const char *path, struct rt_text bytes, struct rt_base_list *list,
                                struct rt_buffer *why)
{
    struct rt_form form = rt_form_of(bytes);
    size_t count;

    if (rt_form_fixed(&form) != LIST_MAGIC)
        rt_form_fail(&form, "not a list of files");
    if (rt_form_uint(&form) != LIST_VERSION)
        rt_form_fail(&form, "a version that is not known");
    count = rt_form_count(&form, LIST_FILE_BYTES_MIN);
    for (size_t i = 0; i < count && !rt_form_failed(&form); i++) {
        struct rt_text name = rt_form_text(&form);
        struct rt_base_file *file;

        if (!is_plain_name(name)) {
            rt_form_fail(&form, "not a file's name");
            break;
        }
        file = list_add(list, name);
        if (file == NULL)
            return RT_ERR_NOMEM;
        file->bytes = rt_form_uint(&form);
        file->hash.high = rt_form_fixed(&form);
        file->hash.low = rt_form_fixed(&form);
    }
    if (rt_form_end(&form))
        return RT_OK;
    rt_buffer_printf(why, "`%s` is damaged: %s at byte %zu", path, form.why, rt_form_offset(&form));
    return RT_ERR_CORRUPT;
}

/* ---- files ---- */

static enum rt_status hash_descriptor(int descriptor, const char *path, struct rt_base_file *out,
                                      struct rt_buffer *why)
{
    struct rt_hash128_stream hash;
    char *piece = rt_alloc(HASH_PIECE_BYTES);
    enum rt_status status = piece == NULL ? RT_ERR_NOMEM : RT_OK;

    rt_hash128_begin(&hash);
    out->bytes = 0;
    while (status == RT_OK) {
        ssize_t got = read(descriptor, piece, HASH_PIECE_BYTES);

        if (got == 0)
            break;
        if (got < 0 && errno != EINTR)
            status = rt_disk_failed(why, "read", path);
        if (got <= 0)
            continue;
        rt_hash128_add(&hash, piece, (size_t)got);
        out->bytes += (uint64_t)got;
    }
    out->hash = rt_hash128_end(&hash);
    rt_free(piece);
    return status;
}

static enum rt_status hash_file(const char *directory, const char *name, struct rt_base_file *out,
                                struct rt_buffer *why)
{
    char path[RT_PATH_BYTES_MAX];
    int descriptor;
    enum rt_status status;

    if (!rt_disk_path(directory, name, path)) {
        errno = ENAMETOOLONG;
        return rt_disk_failed(why, "use", directory);
    }
    descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0 && errno == ENOENT) {
        rt_buffer_printf(why, "`%s` is missing", path);
        return RT_ERR_CORRUPT;
    }
    if (descriptor < 0)
        return rt_disk_failed(why, "open", path);
    status = hash_descriptor(descriptor, path, out, why);
    close(descriptor);
    return status;
}

static bool is_sorted_file(const char *name)
{
    size_t length = strlen(name);

    return length > 4 && strcmp(name + length - 4, ".sst") == 0;
}

/* The names of a directory's files, in order. */
static enum rt_status list_names(const char *directory, struct rt_base_list *list,
                                 struct rt_buffer *why)
{
    DIR *open_directory = opendir(directory);
    const struct dirent *entry;
    enum rt_status status = RT_OK;

    if (open_directory == NULL)
        return rt_disk_failed(why, "open the directory", directory);
    while (status == RT_OK && (entry = readdir(open_directory)) != NULL) {
        struct rt_text name = rt_text_of(entry->d_name);

        if (entry->d_name[0] == '.')
            continue;
        if (!is_plain_name(name)) {
            errno = EINVAL;
            status = rt_disk_failed(why, "list a file of", directory);
        } else if (list_add(list, name) == NULL) {
            status = RT_ERR_NOMEM;
        }
    }
    closedir(open_directory);
    if (list->count > 0)
        qsort(list->files, list->count, sizeof(*list->files), by_name);
    return status;
}

/* Sizes and hashes; those of sorted files that the last base had too are known. */
static enum rt_status list_contents(const struct rt_database *database, const char *directory,
                                    struct rt_base_list *list)
{
    enum rt_status status = RT_OK;

    for (size_t i = 0; i < list->count && status == RT_OK; i++) {
        struct rt_base_file *file = &list->files[i];
        const struct rt_base_file *known =
            is_sorted_file(file->name) ? list_find(&database->list, file->name) : NULL;

        if (known != NULL)
            *file = *known;
        else
            status = hash_file(directory, file->name, file, database->why);
    }
    return status;
}

/* ---- making one ---- */

static enum rt_status keep_list(struct rt_database *database, const char *directory,
                                const struct rt_base_list *list, struct rt_file_facts *facts)
{
    struct rt_buffer bytes;
    struct rt_disk_file file;
    enum rt_status status;

    rt_buffer_init(&bytes, LIST_BYTES_MAX);
    write_list(list, &bytes);
    status = bytes.failed ? RT_ERR_NOMEM : RT_OK;
    *facts = (struct rt_file_facts){.hash = rt_hash128(bytes.data, bytes.length)};
    for (size_t i = 0; i < list->count; i++)
        facts->bytes += list->files[i].bytes;
    if (status == RT_OK)
        status = rt_disk_file_open(&file, directory, list_name, database->why);
    if (status == RT_OK) {
        status = rt_disk_file_add(&file, bytes.data, bytes.length);
        if (status == RT_OK)
            status = rt_disk_file_finish(&file);
        rt_disk_file_drop(&file);
    }
    rt_buffer_done(&bytes);
    return status == RT_OK ? rt_disk_sync_directory(directory, database->why) : status;
}

static enum rt_status make_in(struct rt_database *database, const char *directory,
                              struct rt_file_facts *facts)
{
    struct rt_base_list list = {NULL, 0, 0};
    enum rt_status status = rt_rocks_checkpoint(database->rocks, directory);

    if (status == RT_ERR_IO && database->why->length == 0)
        rt_buffer_string(database->why, rt_rocks_error(database->rocks));
    KILLPOINT("database_saved");
    if (status == RT_OK)
        status = list_names(directory, &list, database->why);
    if (status == RT_OK)
        status = list_contents(database, directory, &list);
    if (status == RT_OK)
        status = keep_list(database, directory, &list, facts);
    KILLPOINT("database_listed");
    if (status != RT_OK) {
        rt_base_list_done(&list);
        return status;
    }
    rt_base_list_done(&database->list);
    database->list = list;
    return RT_OK;
}

enum rt_status rt_database_make_base(struct rt_database *database, const char *name,
                                     struct rt_file_facts *facts)
{
    char finished[RT_PATH_BYTES_MAX], unfinished[RT_PATH_BYTES_MAX];
    char unfinished_name[RT_PART_NAME_BYTES];
    int length = snprintf(unfinished_name, sizeof(unfinished_name), "%s.tmp", name);
    enum rt_status status;

    if (length >= (int)sizeof(unfinished_name) ||
        !rt_disk_path(database->directory, name, finished) ||
        !rt_disk_path(database->directory, unfinished_name, unfinished)) {
        errno = ENAMETOOLONG;
        return rt_disk_failed(database->why, "use", database->directory);
    }
    status = rt_disk_remove(unfinished, database->why);
    if (status == RT_OK)
        status = make_in(database, unfinished, facts);
    if (status == RT_OK && rename(unfinished, finished) != 0)
        status = rt_disk_failed(database->why, "rename", unfinished);
    KILLPOINT("database_renamed");
    return status;
}

/* ---- comparing one ---- */

static enum rt_status compare_files(const char *directory, const struct rt_base_list *list,
                                    struct rt_buffer *why)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct rt_base_file *expected = &list->files[i];
        struct rt_base_file found = {.bytes = 0};
        enum rt_status status = hash_file(directory, expected->name, &found, why);

        if (status != RT_OK)
            return status;
        if (found.bytes == expected->bytes && found.hash.high == expected->hash.high &&
            found.hash.low == expected->hash.low)
            continue;
        rt_buffer_printf(why, "`%s/%s` is damaged: ", directory, expected->name);
        if (found.bytes != expected->bytes)
            rt_buffer_printf(why, "%llu bytes, expected %llu", (unsigned long long)found.bytes,
                             (unsigned long long)expected->bytes);
        else
            rt_buffer_string(why, "its hash is not the one in the list");
        return RT_ERR_CORRUPT;
    }
    return RT_OK;
}

static enum rt_status compare_sum(const char *path, const struct rt_base_list *list,
                                  const struct rt_file_facts *facts, struct rt_buffer *why)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < list->count; i++)
        bytes += list->files[i].bytes;
    if (bytes == facts->bytes)
        return RT_OK;
    rt_buffer_printf(why, "`%s` lists %llu bytes, expected %llu", path, (unsigned long long)bytes,
                     (unsigned long long)facts->bytes);
    return RT_ERR_CORRUPT;
}

enum rt_status rt_database_verify(const char *directory, const struct rt_link *base,
                                  struct rt_buffer *why)
{
    char inner[RT_PATH_BYTES_MAX], path[RT_PATH_BYTES_MAX];
    struct rt_base_list list = {NULL, 0, 0};
    struct rt_buffer bytes;
    struct rt_hash128 hash;
    enum rt_status status = rt_base_directory(directory, base, inner, why);

    if (status != RT_OK)
        return status;
    if (!rt_disk_path(inner, list_name, path))
        return RT_ERR_UNSUPPORTED;
    rt_buffer_init(&bytes, LIST_BYTES_MAX);
    status = rt_disk_read(path, &bytes, why);
    if (status == RT_ERR_NOT_FOUND) {
        rt_buffer_printf(why, "`%s` is missing", path);
        status = RT_ERR_CORRUPT;
    }
    hash = rt_hash128(bytes.data, bytes.length);
    if (status == RT_OK &&
        (hash.high != base->part.facts.hash.high || hash.low != base->part.facts.hash.low)) {
        rt_buffer_printf(why, "`%s` is damaged: its hash is not the one in the manifest", path);
        status = RT_ERR_CORRUPT;
    }
    if (status == RT_OK)
        status = read_list(path, rt_buffer_view(&bytes), &list, why);
    if (status == RT_OK)
        status = compare_sum(path, &list, &base->part.facts, why);
    if (status == RT_OK)
        status = compare_files(inner, &list, why);
    rt_base_list_done(&list);
    rt_buffer_done(&bytes);
    return status;
}
