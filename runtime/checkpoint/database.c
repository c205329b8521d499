/* SPDX-License-Identifier: Apache-2.0 */
/* database.c - the working copy, and reading a base; database_base.c makes and verifies bases. */
#include "runtime/checkpoint/database.h"

#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"
#include "runtime/base/killpoint.h"
#include "runtime/checkpoint/database_inside.h"
#include "runtime/checkpoint/disk.h"

enum { KEY_PREFIX = 'e', KEY_HEAD_BYTES = 4, BATCH_BYTES = 1 << 20, KEY_BYTES_MAX = 1 << 24 };

/* ---- keys ---- */

static void add_group(struct rt_buffer *out, uint32_t group)
{
    rt_buffer_char(out, KEY_PREFIX);
    rt_buffer_char(out, (char)(group >> 8));
    rt_buffer_char(out, (char)group);
}

void rt_database_key(const struct rt_entry *entry, struct rt_buffer *out)
{
    add_group(out, entry->group);
    rt_buffer_char(out, (char)entry->kind);
    rt_buffer_text(out, entry->name);
}

static bool entry_of_key(struct rt_text key, struct rt_entry *out)
{
    const unsigned char *bytes = (const unsigned char *)key.data;

    if (key.length < KEY_HEAD_BYTES || bytes[0] != KEY_PREFIX)
        return false;
    *out = (struct rt_entry){
        .group = (uint16_t)(bytes[1] << 8 | bytes[2]),
        .kind = bytes[3],
        .name = {key.data + KEY_HEAD_BYTES, key.length - KEY_HEAD_BYTES},
    };
    return true;
}

/* RocksDB's message, unless there is one already. */
static enum rt_status told(struct rt_buffer *why, const struct rt_rocks *rocks,
                           enum rt_status status)
{
    if (status == RT_ERR_IO && why->length == 0)
        rt_buffer_string(why, rt_rocks_error(rocks));
    return status;
}

/* ---- the working copy ---- */

static enum rt_status fill(struct rt_database *database, const struct rt_link *base)
{
    char path[RT_PATH_BYTES_MAX];
    enum rt_status status;

    if (base == NULL)
        return rt_disk_remove(database->work, database->why);
    status = rt_base_directory(database->directory, base, path, database->why);
    return status == RT_OK ? rt_rocks_clone(path, database->work, database->why) : status;
}

enum rt_status rt_database_open(const char *directory, const struct rt_link *base, size_t memory,
                                struct rt_buffer *why, struct rt_database **out)
{
    struct rt_database *database = rt_alloc_zeroed(1, sizeof(*database));
    const struct rt_rocks_options options = {
        .cache_bytes = memory, .buffer_bytes = memory, .must_exist = base != NULL};
    enum rt_status status = RT_OK;

    if (database == NULL)
        return RT_ERR_NOMEM;
    database->why = why;
    rt_buffer_init(&database->key, KEY_BYTES_MAX);
    database->directory = rt_alloc_text(directory, strlen(directory));
    if (database->directory == NULL)
        status = RT_ERR_NOMEM;
    else if (!rt_disk_path(directory, "work", database->work))
        status = RT_ERR_UNSUPPORTED;
    if (status == RT_OK)
        status = fill(database, base);
    KILLPOINT("database_filled");
    if (status == RT_OK)
        status = rt_rocks_open(database->work, &options, &database->rocks, why);
    if (status != RT_OK) {
        rt_database_close(database);
        return status;
    }
    *out = database;
    return RT_OK;
}

void rt_database_close(struct rt_database *database)
{
    if (database == NULL)
        return;
    rt_rocks_close(database->rocks);
    rt_base_list_done(&database->list);
    rt_buffer_done(&database->key);
    rt_free(database->directory);
    rt_free(database);
}

enum rt_status rt_database_share(const struct rt_database *database, struct rt_rocks **out)
{
    return rt_rocks_share(database->rocks, out);
}

enum rt_status rt_database_clear(struct rt_database *database)
{
    static const char first = KEY_PREFIX, last = KEY_PREFIX + 1;

    rt_rocks_delete_range(database->rocks, (struct rt_text){&first, 1}, (struct rt_text){&last, 1});
    return told(database->why, database->rocks, rt_rocks_write(database->rocks));
}

enum rt_status rt_database_apply(struct rt_database *database, struct rt_entries *entries)
{
    struct rt_entry entry;
    enum rt_status status;

    while ((status = entries->next(entries, &entry)) == RT_OK) {
        rt_buffer_reset(&database->key);
        rt_database_key(&entry, &database->key);
        if (database->key.failed)
            return RT_ERR_NOMEM;
        if (entry.removed)
            rt_rocks_delete(database->rocks, rt_buffer_view(&database->key));
        else
            rt_rocks_put(database->rocks, rt_buffer_view(&database->key), entry.value);
        if (rt_rocks_pending(database->rocks) < BATCH_BYTES)
            continue;
        status = rt_rocks_write(database->rocks);
        if (status != RT_OK)
            return told(database->why, database->rocks, status);
    }
    if (status == RT_END)
        status = rt_rocks_write(database->rocks);
    return told(database->why, database->rocks, status);
}

/* ---- reading a base ---- */

struct base_entries {
    struct rt_entries port; /* first */
    struct rt_rocks *rocks;
    struct rt_rocks_walk *walk;
    struct rt_buffer *why;
};

static enum rt_status next_entry(struct rt_entries *self, struct rt_entry *out)
{
    struct base_entries *entries = (struct base_entries *)self;
    struct rt_text key, value;
    enum rt_status status = rt_rocks_walk_next(entries->walk, &key, &value);

    if (status != RT_OK)
        return told(entries->why, entries->rocks, status);
    if (!entry_of_key(key, out)) {
        rt_buffer_string(entries->why, "the database has a key that is no entry's");
        return RT_ERR_CORRUPT;
    }
    out->value = value;
    return RT_OK;
}

static void free_entries(struct rt_entries *self)
{
    struct base_entries *entries = (struct base_entries *)self;

    if (entries == NULL)
        return;
    rt_rocks_walk_free(entries->walk);
    rt_rocks_close(entries->rocks);
    rt_free(entries);
}

static enum rt_status begin_walk(struct base_entries *entries, uint32_t from, uint32_t to)
{
    struct rt_buffer ends[2];
    enum rt_status status = RT_ERR_NOMEM;

    for (unsigned i = 0; i < 2; i++) {
        rt_buffer_init(&ends[i], KEY_HEAD_BYTES + 1);
        if (i == 1 && to > UINT16_MAX)
            rt_buffer_char(&ends[i], KEY_PREFIX + 1);
        else
            add_group(&ends[i], i == 0 ? from : to);
    }
    if (!ends[0].failed && !ends[1].failed)
        status = rt_rocks_walk_new(entries->rocks, rt_buffer_view(&ends[0]),
                                   rt_buffer_view(&ends[1]), &entries->walk);
    rt_buffer_done(&ends[0]);
    rt_buffer_done(&ends[1]);
    return status;
}

enum rt_status rt_database_entries(const char *directory, const struct rt_link *base, uint32_t from,
                                   uint32_t to, struct rt_buffer *why, struct rt_entries **out)
{
    const struct rt_rocks_options options = {.must_exist = true, .read_only = true};
    struct base_entries *entries = rt_alloc_zeroed(1, sizeof(*entries));
    char path[RT_PATH_BYTES_MAX];
    enum rt_status status;

    if (entries == NULL)
        return RT_ERR_NOMEM;
    entries->port = (struct rt_entries){next_entry, free_entries};
    entries->why = why;
    status = rt_base_directory(directory, base, path, why);
    if (status == RT_OK)
        status = rt_rocks_open(path, &options, &entries->rocks, why);
    if (status == RT_OK)
        status = begin_walk(entries, from, to);
    if (status != RT_OK) {
        free_entries(&entries->port);
        return status;
    }
    *out = &entries->port;
    return RT_OK;
}
