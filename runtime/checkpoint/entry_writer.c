/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"
#include "runtime/base/form.h"
#include "runtime/base/killpoint.h"
#include "runtime/checkpoint/disk.h"
#include "runtime/checkpoint/entry_file.h"
#include "runtime/checkpoint/entry_format.h"

#define BUFFER_BYTES_MAX ((size_t)4 << 30)

struct rt_entry_writer {
    struct rt_disk_file file;
    struct rt_file_owner owner;
    struct rt_buffer *why;
    struct rt_buffer block;   /* the block in the making, its head first */
    struct rt_buffer blocks;  /* for the footer: where the blocks of entries are */
    struct rt_buffer blobs;   /* for the footer: where the blobs are */
    struct rt_buffer last;    /* name of the last entry, for N1 */
    struct rt_entry previous; /* the last entry without its value */
    uint64_t block_count, blob_count;
    uint64_t in_block; /* entries */
    uint16_t group_first;
    uint64_t entries, removed;
};

static enum rt_status no_memory(struct rt_entry_writer *writer)
{
    if (writer->why->length == 0)
        rt_buffer_string(writer->why, "no memory for a part of a checkpoint");
    return RT_ERR_NOMEM;
}

static void patch(struct rt_buffer *buffer, size_t at, uint64_t value)
{
    for (unsigned i = 0; i < sizeof(value); i++)
        buffer->data[at + i] = (char)(value >> (8 * i));
}

static void begin_block(struct rt_entry_writer *writer)
{
    static const char zeros[RT_ENTRY_BLOCK_HEAD_BYTES];

    rt_buffer_reset(&writer->block);
    rt_buffer_add(&writer->block, zeros, sizeof(zeros));
}

/* Fills in the head and writes the block. */
static enum rt_status end_block(struct rt_entry_writer *writer, enum rt_block_kind kind,
                                uint64_t count)
{
    struct rt_buffer *block = &writer->block;

    if (block->failed)
        return no_memory(writer);
    patch(block, 8, writer->file.bytes);
    patch(block, 16, (uint64_t)kind | count << 8);
    patch(block, 24, block->length - RT_ENTRY_BLOCK_HEAD_BYTES);
    patch(block, 0, rt_hash64(block->data + 8, block->length - 8));
    return rt_disk_file_add(&writer->file, block->data, block->length);
}

static enum rt_status write_head(struct rt_entry_writer *writer)
{
    struct rt_buffer *block = &writer->block;

    rt_buffer_reset(block);
    rt_form_add_fixed(block, RT_ENTRY_HEAD_MAGIC);
    rt_form_add_fixed(block, RT_ENTRY_VERSION);
    rt_form_add_fixed(block, writer->owner.job);
    rt_form_add_fixed(block, writer->owner.checkpoint);
    if (block->failed)
        return no_memory(writer);
    rt_form_add_fixed(block, rt_hash64(block->data, block->length));
    if (block->failed)
        return no_memory(writer);
    return rt_disk_file_add(&writer->file, block->data, block->length);
}

enum rt_status rt_entry_writer_new(const char *directory, const char *name,
                                   struct rt_file_owner owner, struct rt_buffer *why,
                                   struct rt_entry_writer **out)
{
    struct rt_entry_writer *writer = rt_alloc_zeroed(1, sizeof(*writer));

    if (writer == NULL)
        return RT_ERR_NOMEM;
    writer->owner = owner;
    writer->why = why;
    rt_buffer_init(&writer->block, BUFFER_BYTES_MAX);
    rt_buffer_init(&writer->blocks, BUFFER_BYTES_MAX);
    rt_buffer_init(&writer->blobs, BUFFER_BYTES_MAX);
    rt_buffer_init(&writer->last, BUFFER_BYTES_MAX);

    enum rt_status status = rt_disk_file_open(&writer->file, directory, name, why);

    if (status == RT_OK)
        status = write_head(writer);
    if (status != RT_OK) {
        rt_entry_writer_free(writer);
        return status;
    }
    *out = writer;
    return RT_OK;
}

void rt_entry_writer_free(struct rt_entry_writer *writer)
{
    if (writer == NULL)
        return;
    rt_disk_file_drop(&writer->file);
    rt_buffer_done(&writer->block);
    rt_buffer_done(&writer->blocks);
    rt_buffer_done(&writer->blobs);
    rt_buffer_done(&writer->last);
    rt_free(writer);
}

enum rt_status rt_entry_writer_blob(struct rt_entry_writer *writer, struct rt_text name,
                                    struct rt_text value)
{
    RT_ASSERT(writer->entries == 0);
    rt_form_add_text(&writer->blobs, name);
    rt_form_add_uint(&writer->blobs, writer->file.bytes);
    writer->blob_count++;
    begin_block(writer);
    rt_form_add_text(&writer->block, name);
    rt_form_add_text(&writer->block, value);
    return end_block(writer, RT_BLOCK_BLOB, 1);
}

static enum rt_status end_entries(struct rt_entry_writer *writer)
{
    uint64_t count = writer->in_block;

    if (count == 0)
        return RT_OK;
    rt_form_add_uint(&writer->blocks, writer->file.bytes);
    rt_form_add_uint(&writer->blocks, writer->group_first);
    rt_form_add_uint(&writer->blocks, writer->previous.group);
    rt_form_add_uint(&writer->blocks, count);
    writer->block_count++;
    writer->in_block = 0;
    return end_block(writer, RT_BLOCK_ENTRIES, count);
}

/* N1 is a promise of the caller. */
static void check_order(struct rt_entry_writer *writer, const struct rt_entry *entry)
{
    if (writer->entries > 0) {
        writer->previous.name = rt_buffer_view(&writer->last);
        RT_ASSERT(rt_entry_compare(&writer->previous, entry) < 0);
    }
    writer->previous = *entry;
    rt_buffer_reset(&writer->last);
    rt_buffer_text(&writer->last, entry->name);
}

enum rt_status rt_entry_writer_add(struct rt_entry_writer *writer, const struct rt_entry *entry)
{
    struct rt_buffer *block = &writer->block;

    check_order(writer, entry);
    if (writer->in_block == 0) {
        begin_block(writer);
        writer->group_first = entry->group;
    }
    rt_form_add_uint(block, entry->group);
    rt_form_add_byte(block, entry->kind);
    rt_form_add_bool(block, entry->removed);
    rt_form_add_text(block, entry->name);
    if (!entry->removed)
        rt_form_add_text(block, entry->value);
    if (block->failed || writer->last.failed)
        return no_memory(writer);
    writer->in_block++;
    writer->entries++;
    writer->removed += entry->removed;
    return block->length < RT_ENTRY_BLOCK_BYTES ? RT_OK : end_entries(writer);
}

static enum rt_status write_footer(struct rt_entry_writer *writer)
{
    struct rt_buffer *block = &writer->block;

    begin_block(writer);
    rt_form_add_uint(block, writer->entries);
    rt_form_add_uint(block, writer->removed);
    rt_form_add_uint(block, writer->blob_count);
    rt_buffer_text(block, rt_buffer_view(&writer->blobs));
    rt_form_add_uint(block, writer->block_count);
    rt_buffer_text(block, rt_buffer_view(&writer->blocks));
    block->failed = block->failed || writer->blobs.failed || writer->blocks.failed;
    return end_block(writer, RT_BLOCK_FOOTER, writer->block_count + writer->blob_count);
}

static enum rt_status write_tail(struct rt_entry_writer *writer, uint64_t footer)
{
    struct rt_buffer *block = &writer->block;

    rt_buffer_reset(block);
    rt_form_add_fixed(block, footer);
    rt_form_add_fixed(block, writer->file.bytes + RT_ENTRY_TAIL_BYTES);
    if (block->failed)
        return no_memory(writer);
    rt_form_add_fixed(block, rt_hash64(block->data, block->length));
    rt_form_add_fixed(block, RT_ENTRY_TAIL_MAGIC);
    if (block->failed)
        return no_memory(writer);
    return rt_disk_file_add(&writer->file, block->data, block->length);
}

enum rt_status rt_entry_writer_finish(struct rt_entry_writer *writer, struct rt_file_facts *facts)
{
    enum rt_status status = end_entries(writer);
    uint64_t footer = writer->file.bytes;

    if (status == RT_OK)
        status = write_footer(writer);
    if (status == RT_OK)
        status = write_tail(writer, footer);
    if (status != RT_OK)
        return status;
    KILLPOINT("entries_written");
    *facts = (struct rt_file_facts){.bytes = writer->file.bytes,
                                    .hash = rt_hash128_end(&writer->file.hash),
                                    .entries = writer->entries,
                                    .removed = writer->removed};
    status = rt_disk_file_finish(&writer->file);
    KILLPOINT("entries_renamed");
    return status;
}
