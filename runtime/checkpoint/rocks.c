/* SPDX-License-Identifier: Apache-2.0 */
/* RocksDB behind rocks.h. */
#include "runtime/checkpoint/rocks.h"

#include <rocksdb/c.h>

#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"

enum {
    BYTES_DEFAULT = 32 << 20,
    BLOCK_BYTES = 4 << 10, /* a look-up of a cold key reads, checks and unpacks one */
    FILES_MAX = 512,
    LOGS_KEPT = 2,
    MESSAGE_MAX = 1000
};
static const double memtable_filter = 0.05; /* of the write buffer */
static const double filter_bits = 10; /* one look-up in a hundred of a missing key reads a block */

struct rt_rocks {
    rocksdb_t *db;
    bool is_shared; /* the database and its options are another handle's */
    rocksdb_options_t *options;
    rocksdb_block_based_table_options_t *table;
    rocksdb_cache_t *cache;
    rocksdb_writeoptions_t *write;
    rocksdb_readoptions_t *read, *scan;
    rocksdb_writebatch_t *batch;
    size_t pending;
    struct rt_buffer error;
};

/* Takes over RocksDB's message. */
static enum rt_status failed(struct rt_buffer *error, const char *what, char *message)
{
    rt_buffer_reset(error);
    rt_buffer_printf(error, "%s: %s", what, message);
    rocksdb_free(message);
    return RT_ERR_IO;
}

/* What each handle has of its own. */
static void set_handle(struct rt_rocks *rocks)
{
    rocks->write = rocksdb_writeoptions_create();
    rocksdb_writeoptions_disable_WAL(rocks->write, 1);
    rocks->read = rocksdb_readoptions_create();
    rocks->scan = rocksdb_readoptions_create();
    rocksdb_readoptions_set_fill_cache(rocks->scan, 0);
    rocks->batch = rocksdb_writebatch_create();
}

static void set_options(struct rt_rocks *rocks, const struct rt_rocks_options *options)
{
    uint64_t cache = options->cache_bytes == 0 ? BYTES_DEFAULT : options->cache_bytes;
    uint64_t buffer = options->buffer_bytes == 0 ? BYTES_DEFAULT : options->buffer_bytes;

    rocks->cache = rocksdb_cache_create_lru((size_t)cache);
    rocks->table = rocksdb_block_based_options_create();
    rocksdb_block_based_options_set_block_cache(rocks->table, rocks->cache);
    rocksdb_block_based_options_set_block_size(rocks->table, BLOCK_BYTES);
    /* The table options take the filter over. */
    rocksdb_block_based_options_set_filter_policy(rocks->table,
                                                  rocksdb_filterpolicy_create_ribbon(filter_bits));
    /*
     * Filters count as cache, so that cache_bytes bounds them too.  Index and filter of a file are some 500 KB: in one piece each they
     * would be read anew for nearly every key, so they are cut into blocks.
     */
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(rocks->table, 1);
    rocksdb_block_based_options_set_pin_top_level_index_and_filter(rocks->table, 1);
    rocksdb_block_based_options_set_index_type(
        rocks->table, rocksdb_block_based_table_index_type_two_level_index_search);
    rocksdb_block_based_options_set_partition_filters(rocks->table, 1);
    rocksdb_block_based_options_set_metadata_block_size(rocks->table, BLOCK_BYTES);

    rocks->options = rocksdb_options_create();
    rocksdb_options_set_block_based_table_factory(rocks->options, rocks->table);
    rocksdb_options_set_create_if_missing(rocks->options, options->must_exist ? 0 : 1);
    rocksdb_options_set_paranoid_checks(rocks->options, 1);
    rocksdb_options_set_compression(rocks->options, rocksdb_lz4_compression);
    rocksdb_options_set_write_buffer_size(rocks->options, (size_t)buffer);
    /* What was written long ago is not looked for in the list of what was written last. */
    rocksdb_options_set_memtable_prefix_bloom_size_ratio(rocks->options, memtable_filter);
    rocksdb_options_set_memtable_whole_key_filtering(rocks->options, 1);
    rocksdb_options_set_max_open_files(rocks->options, FILES_MAX);
    rocksdb_options_set_keep_log_file_num(rocks->options, LOGS_KEPT);
    rocksdb_options_set_info_log_level(rocks->options, 3); /* errors */
}

enum rt_status rt_rocks_open(const char *directory, const struct rt_rocks_options *options,
                             struct rt_rocks **out, struct rt_buffer *error)
{
    struct rt_rocks *rocks = rt_alloc_zeroed(1, sizeof(*rocks));
    char *message = NULL;

    if (rocks == NULL)
        return RT_ERR_NOMEM;
    rt_buffer_init(&rocks->error, MESSAGE_MAX);
    set_handle(rocks);
    set_options(rocks, options);
    rocks->db = options->read_only
                    ? rocksdb_open_for_read_only(rocks->options, directory, 0, &message)
                    : rocksdb_open(rocks->options, directory, &message);
    if (message != NULL) {
        enum rt_status status = failed(error, directory, message);

        rt_rocks_close(rocks);
        return status;
    }
    *out = rocks;
    return RT_OK;
}

enum rt_status rt_rocks_share(const struct rt_rocks *rocks, struct rt_rocks **out)
{
    struct rt_rocks *handle = rt_alloc_zeroed(1, sizeof(*handle));

    if (handle == NULL)
        return RT_ERR_NOMEM;
    rt_buffer_init(&handle->error, MESSAGE_MAX);
    set_handle(handle);
    handle->db = rocks->db;
    handle->is_shared = true;
    *out = handle;
    return RT_OK;
}

void rt_rocks_close(struct rt_rocks *rocks)
{
    if (rocks == NULL)
        return;
    if (!rocks->is_shared) {
        if (rocks->db != NULL)
            rocksdb_close(rocks->db);
        rocksdb_options_destroy(rocks->options);
        rocksdb_block_based_options_destroy(rocks->table);
        rocksdb_cache_destroy(rocks->cache);
    }
    rocksdb_writebatch_destroy(rocks->batch);
    rocksdb_readoptions_destroy(rocks->scan);
    rocksdb_readoptions_destroy(rocks->read);
    rocksdb_writeoptions_destroy(rocks->write);
    rt_buffer_done(&rocks->error);
    rt_free(rocks);
}

void rt_rocks_put(struct rt_rocks *rocks, struct rt_text key, struct rt_text value)
{
    rocksdb_writebatch_put(rocks->batch, key.data, key.length, value.data, value.length);
    rocks->pending += key.length + value.length;
}

void rt_rocks_delete(struct rt_rocks *rocks, struct rt_text key)
{
    rocksdb_writebatch_delete(rocks->batch, key.data, key.length);
    rocks->pending += key.length;
}

void rt_rocks_delete_range(struct rt_rocks *rocks, struct rt_text from, struct rt_text to)
{
    rocksdb_writebatch_delete_range(rocks->batch, from.data, from.length, to.data, to.length);
    rocks->pending += from.length + to.length;
}

size_t rt_rocks_pending(const struct rt_rocks *rocks)
{
    return rocks->pending;
}

enum rt_status rt_rocks_write(struct rt_rocks *rocks)
{
    char *message = NULL;

    rocksdb_write(rocks->db, rocks->write, rocks->batch, &message);
    rocksdb_writebatch_clear(rocks->batch);
    rocks->pending = 0;
    return message == NULL ? RT_OK : failed(&rocks->error, "writing state", message);
}

enum rt_status rt_rocks_get(struct rt_rocks *rocks, struct rt_text key, struct rt_buffer *out)
{
    char *message = NULL;
    size_t length = 0;
    rocksdb_pinnableslice_t *slice =
        rocksdb_get_pinned(rocks->db, rocks->read, key.data, key.length, &message);

    if (message != NULL)
        return failed(&rocks->error, "reading state", message);
    if (slice == NULL)
        return RT_ERR_NOT_FOUND;

    const char *value = rocksdb_pinnableslice_value(slice, &length);

    rt_buffer_add(out, value, length);
    rocksdb_pinnableslice_destroy(slice);
    return out->failed ? RT_ERR_NOMEM : RT_OK;
}

struct rt_rocks_walk {
    struct rt_rocks *rocks;
    rocksdb_iterator_t *at;
    bool begun;
    struct rt_buffer to;
};

enum rt_status rt_rocks_walk_new(struct rt_rocks *rocks, struct rt_text from, struct rt_text to,
                                 struct rt_rocks_walk **out)
{
    struct rt_rocks_walk *walk = rt_alloc_zeroed(1, sizeof(*walk));

    if (walk == NULL)
        return RT_ERR_NOMEM;
    walk->rocks = rocks;
    rt_buffer_init(&walk->to, SIZE_MAX);
    rt_buffer_text(&walk->to, to);
    if (walk->to.failed) {
        rt_rocks_walk_free(walk);
        return RT_ERR_NOMEM;
    }
    walk->at = rocksdb_create_iterator(rocks->db, rocks->scan);
    rocksdb_iter_seek(walk->at, from.data == NULL ? "" : from.data, from.length);
    *out = walk;
    return RT_OK;
}

enum rt_status rt_rocks_walk_next(struct rt_rocks_walk *walk, struct rt_text *key,
                                  struct rt_text *value)
{
    char *message = NULL;

    if (walk->begun && rocksdb_iter_valid(walk->at))
        rocksdb_iter_next(walk->at);
    walk->begun = true;
    if (!rocksdb_iter_valid(walk->at)) {
        /* A damaged file ends the walk like the last key does; only this tells the two apart. */
        rocksdb_iter_get_error(walk->at, &message);
        return message == NULL ? RT_END : failed(&walk->rocks->error, "reading state", message);
    }
    key->data = rocksdb_iter_key(walk->at, &key->length);
    if (walk->to.length > 0 && rt_text_compare(*key, rt_buffer_view(&walk->to)) >= 0)
        return RT_END;
    value->data = rocksdb_iter_value(walk->at, &value->length);
    return RT_OK;
}

void rt_rocks_walk_free(struct rt_rocks_walk *walk)
{
    if (walk == NULL)
        return;
    if (walk->at != NULL)
        rocksdb_iter_destroy(walk->at);
    rt_buffer_done(&walk->to);
    rt_free(walk);
}

enum rt_status rt_rocks_checkpoint(struct rt_rocks *rocks, const char *directory)
{
    char *message = NULL;
    rocksdb_checkpoint_t *checkpoint = rocksdb_checkpoint_object_create(rocks->db, &message);

    if (message != NULL)
        return failed(&rocks->error, directory, message);
    /* 0 flushes first.  With any other size and no log what is still in memory would be missing, silently. */
    rocksdb_checkpoint_create(checkpoint, directory, 0, &message);
    rocksdb_checkpoint_object_destroy(checkpoint);
    return message == NULL ? RT_OK : failed(&rocks->error, directory, message);
}

bool rt_rocks_is_broken(const struct rt_rocks *rocks)
{
    uint64_t errors = 0;

    return rocksdb_property_int(rocks->db, "rocksdb.background-errors", &errors) == 0 && errors > 0;
}

const char *rt_rocks_error(const struct rt_rocks *rocks)
{
    return rocks->error.data == NULL ? "" : rocks->error.data;
}
