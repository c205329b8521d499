/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/checkpoint/chain.h"

#include <stdio.h>

#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"
#include "runtime/checkpoint/database.h"
#include "runtime/checkpoint/disk.h"
#include "runtime/checkpoint/merge.h"

void rt_chain_done(struct rt_chain *chain)
{
    rt_free(chain->links);
    *chain = (struct rt_chain){NULL, 0, 0};
}

void rt_chain_clear(struct rt_chain *chain)
{
    chain->count = 0;
}

static enum rt_status reserve(struct rt_chain *chain, size_t count)
{
    size_t capacity = chain->capacity == 0 ? 16 : chain->capacity;
    void *links;

    if (count <= chain->capacity)
        return RT_OK;
    while (capacity < count)
        capacity *= 2;
    links = rt_realloc(chain->links, capacity * sizeof(*chain->links));
    if (links == NULL)
        return RT_ERR_NOMEM;
    chain->links = links;
    chain->capacity = capacity;
    return RT_OK;
}

static enum rt_status set_link(struct rt_link *link, const struct rt_part *part)
{
    if (part->name.length >= sizeof(link->name))
        return RT_ERR_CORRUPT;
    link->part = *part;
    memcpy(link->name, part->name.data, part->name.length);
    link->name[part->name.length] = '\0';
    link->part.name = (struct rt_text){NULL, part->name.length};
    return RT_OK;
}

enum rt_status rt_chain_add(struct rt_chain *chain, const struct rt_part *part)
{
    enum rt_status status = reserve(chain, chain->count + 1);

    if (status == RT_OK)
        status = set_link(&chain->links[chain->count], part);
    if (status == RT_OK)
        chain->count++;
    return status;
}

enum rt_status rt_chain_copy(struct rt_chain *chain, const struct rt_chain *from)
{
    enum rt_status status = reserve(chain, from->count);

    if (status != RT_OK)
        return status;
    if (from->count > 0)
        memcpy(chain->links, from->links, from->count * sizeof(*from->links));
    chain->count = from->count;
    return RT_OK;
}

enum rt_status rt_chain_replace(struct rt_chain *chain, size_t begin, size_t end,
                                const struct rt_part *part)
{
    struct rt_link link;
    enum rt_status status = set_link(&link, part);

    RT_ASSERT(begin < end && end <= chain->count);
    if (status != RT_OK)
        return status;
    chain->links[begin] = link;
    memmove(chain->links + begin + 1, chain->links + end,
            (chain->count - end) * sizeof(*chain->links));
    chain->count -= end - begin - 1;
    return RT_OK;
}

bool rt_chain_uses(const struct rt_chain *chain, const char *name)
{
    size_t length = strlen(name);

    for (size_t i = 0; i < chain->count; i++) {
        const char *used = chain->links[i].name;

        if (strncmp(used, name, length) == 0 && (used[length] == '\0' || used[length] == '/'))
            return true;
    }
    return false;
}

uint64_t rt_chain_bytes(const struct rt_chain *chain, size_t from, size_t to)
{
    uint64_t sum = 0;

    for (size_t i = from; i < to; i++)
        sum += chain->links[i].part.facts.bytes;
    return sum;
}

/* ---- reading ---- */

struct rt_chain_reader {
    struct rt_entries base;           /* first */
    struct rt_entry_reader **readers; /* NULL: the source is a database's */
    struct rt_entries **sources;
    size_t count;
    struct rt_entries *merge;
};

static enum rt_status chain_next(struct rt_entries *self, struct rt_entry *out)
{
    struct rt_chain_reader *reader = (struct rt_chain_reader *)self;

    return reader->merge->next(reader->merge, out);
}

static void chain_free(struct rt_entries *self)
{
    struct rt_chain_reader *reader = (struct rt_chain_reader *)self;

    if (reader == NULL)
        return;
    if (reader->merge != NULL)
        reader->merge->free(reader->merge);
    for (size_t i = 0; reader->readers != NULL && reader->sources != NULL && i < reader->count;
         i++) {
        reader->sources[i]->free(reader->sources[i]);
        rt_entry_reader_free(reader->readers[i]);
    }
    rt_free(reader->readers);
    rt_free(reader->sources);
    rt_free(reader);
}

static enum rt_status add_reader(struct rt_chain_reader *reader, const struct rt_link *link,
                                 const struct rt_chain_options *options, struct rt_buffer *why)
{
    struct rt_file_owner owner = {options->job, link->part.checkpoint};
    char path[RT_PATH_BYTES_MAX];
    enum rt_status status;

    if (link->part.kind == RT_PART_DATABASE) {
        status = rt_database_entries(options->directory, link, options->from, options->to, why,
                                     &reader->sources[reader->count]);
        reader->count += status == RT_OK ? 1 : 0;
        return status;
    }
    if (!rt_disk_path(options->directory, link->name, path))
        return RT_ERR_UNSUPPORTED;
    status =
        rt_entry_reader_new(path, owner, &link->part.facts, why, &reader->readers[reader->count]);
    if (status != RT_OK)
        return status;
    reader->sources[reader->count] =
        rt_entry_reader_range(reader->readers[reader->count], options->from, options->to);
    reader->count++;
    return RT_OK;
}

enum rt_status rt_chain_entries(const struct rt_chain *chain, size_t begin, size_t end,
                                const struct rt_chain_options *options, struct rt_buffer *why,
                                struct rt_entries **out)
{
    struct rt_chain_reader *reader = rt_alloc_zeroed(1, sizeof(*reader));
    enum rt_status status = RT_OK;

    if (reader == NULL)
        return RT_ERR_NOMEM;
    reader->base = (struct rt_entries){chain_next, chain_free};
    reader->readers = rt_alloc_zeroed(end - begin + 1, sizeof(struct rt_entry_reader *));
    reader->sources = rt_alloc_zeroed(end - begin + 1, sizeof(struct rt_entries *));
    if (reader->readers == NULL || reader->sources == NULL) {
        chain_free(&reader->base);
        return RT_ERR_NOMEM;
    }
    for (size_t i = begin; i < end && status == RT_OK; i++)
        status = add_reader(reader, &chain->links[i], options, why);
    if (status == RT_OK)
        status =
            rt_merge_new(reader->sources, reader->count, options->with_removed, &reader->merge);
    if (status != RT_OK) {
        chain_free(&reader->base);
        return status;
    }
    *out = &reader->base;
    return RT_OK;
}
