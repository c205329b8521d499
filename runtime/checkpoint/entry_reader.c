/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"
#include "runtime/base/form.h"
#include "runtime/checkpoint/disk.h"
#include "runtime/checkpoint/entry_file.h"
#include "runtime/checkpoint/entry_format.h"

struct place {
    uint64_t offset;
    uint16_t group_first, group_last;
    uint64_t count;
};

struct blob {
    struct rt_text name; /* in the footer */
    uint64_t offset;
};

struct rt_entry_reader {
    struct rt_entries entries; /* first */
    int descriptor;
    char *path; /* owned */
    struct rt_file_owner owner;
    struct rt_file_facts facts;
    bool facts_known;
    struct rt_buffer *why;
    uint64_t bytes;
    char *footer; /* owned: its payload */
    struct place *places;
    size_t place_count;
    struct blob *blobs;
    size_t blob_count;
    /* where reading is */
    uint32_t group_from, group_to;
    size_t place_next;
    char *block;
    size_t block_capacity;
    uint64_t block_offset;
    struct rt_form form;
    uint64_t left; /* entries of this block */
    struct rt_entry previous;
    struct rt_buffer last;
    bool first;
};

/* ---- refusals ---- */

static enum rt_status corrupt(struct rt_entry_reader *reader, uint64_t offset, const char *what)
{
    if (reader->why->length == 0)
        rt_buffer_printf(reader->why, "`%s` is damaged at byte %llu: %s", reader->path,
                         (unsigned long long)offset, what);
    return RT_ERR_CORRUPT;
}

static enum rt_status corrupt_number(struct rt_entry_reader *reader, uint64_t offset,
                                     const char *what, uint64_t found, uint64_t expected)
{
    if (reader->why->length == 0)
        rt_buffer_printf(reader->why, "`%s` is damaged at byte %llu: %s is %llu, expected %llu",
                         reader->path, (unsigned long long)offset, what, (unsigned long long)found,
                         (unsigned long long)expected);
    return RT_ERR_CORRUPT;
}

/* ---- bytes ---- */

static enum rt_status read_at(struct rt_entry_reader *reader, uint64_t offset, char *out,
                              size_t length)
{
    while (length > 0) {
        ssize_t got = pread(reader->descriptor, out, length, (off_t)offset);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return rt_disk_failed(reader->why, "read", reader->path);
        if (got == 0)
            return corrupt(reader, offset, "the file ends here");
        out += got;
        offset += (uint64_t)got;
        length -= (size_t)got;
    }
    return RT_OK;
}

static uint64_t number_at(const char *bytes)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < sizeof(value); i++)
        value |= (uint64_t)(unsigned char)bytes[i] << (8 * i);
    return value;
}

/* The block at `offset` into reader->block, checked against its checksum; *payload borrows from it. */
static enum rt_status read_block(struct rt_entry_reader *reader, uint64_t offset,
                                 enum rt_block_kind kind, uint64_t count, struct rt_text *payload)
{
    char head[RT_ENTRY_BLOCK_HEAD_BYTES];
    uint64_t end = reader->bytes - RT_ENTRY_TAIL_BYTES;

    if (offset < RT_ENTRY_HEAD_BYTES || offset > end || end - offset < sizeof(head))
        return corrupt(reader, offset, "a block cannot lie here");

    enum rt_status status = read_at(reader, offset, head, sizeof(head));

    if (status != RT_OK)
        return status;
    if (number_at(head + 8) != offset)
        return corrupt_number(reader, offset + 8, "the offset of the block", number_at(head + 8),
                              offset);
    if (number_at(head + 16) != ((uint64_t)kind | count << 8))
        return corrupt_number(reader, offset + 16, "kind and count of the block",
                              number_at(head + 16), (uint64_t)kind | count << 8);

    uint64_t length = number_at(head + 24);

    if (length > end - offset - sizeof(head))
        return corrupt(reader, offset + 24, "the block is longer than the file");
    if (length + sizeof(head) > reader->block_capacity) {
        size_t capacity = (size_t)length + sizeof(head);
        char *block = rt_realloc(reader->block, capacity);

        if (block == NULL)
            return RT_ERR_NOMEM;
        reader->block = block;
        reader->block_capacity = capacity;
    }
    memcpy(reader->block, head, sizeof(head));
    status = read_at(reader, offset + sizeof(head), reader->block + sizeof(head), (size_t)length);
    if (status != RT_OK)
        return status;
    if (rt_hash64(reader->block + 8, sizeof(head) - 8 + (size_t)length) != number_at(head))
        return corrupt(reader, offset, "the checksum of this block does not fit its bytes");
    *payload = (struct rt_text){reader->block + sizeof(head), (size_t)length};
    reader->block_offset = offset;
    return RT_OK;
}

/* ---- opening ---- */

static enum rt_status check_head(struct rt_entry_reader *reader)
{
    char head[RT_ENTRY_HEAD_BYTES];
    enum rt_status status = read_at(reader, 0, head, sizeof(head));

    if (status != RT_OK)
        return status;
    if (number_at(head) != RT_ENTRY_HEAD_MAGIC)
        return corrupt(reader, 0, "this is not a file of entries");
    if (number_at(head + 32) != rt_hash64(head, 32))
        return corrupt(reader, 32, "the checksum of the head does not fit its bytes");
    if (number_at(head + 8) != RT_ENTRY_VERSION) {
        rt_buffer_printf(reader->why, "`%s` has version %llu of the format; this program reads %d",
                         reader->path, (unsigned long long)number_at(head + 8), RT_ENTRY_VERSION);
        return RT_ERR_UNSUPPORTED;
    }
    if (number_at(head + 16) != reader->owner.job)
        return corrupt_number(reader, 16, "the job", number_at(head + 16), reader->owner.job);
    if (number_at(head + 24) != reader->owner.checkpoint)
        return corrupt_number(reader, 24, "the checkpoint", number_at(head + 24),
                              reader->owner.checkpoint);
    return RT_OK;
}

static enum rt_status check_tail(struct rt_entry_reader *reader, uint64_t *footer)
{
    char tail[RT_ENTRY_TAIL_BYTES];
    uint64_t at = reader->bytes - sizeof(tail);
    enum rt_status status = read_at(reader, at, tail, sizeof(tail));

    if (status != RT_OK)
        return status;
    if (number_at(tail + 24) != RT_ENTRY_TAIL_MAGIC)
        return corrupt(reader, at + 24, "the end of the file is missing");
    if (number_at(tail + 16) != rt_hash64(tail, 16))
        return corrupt(reader, at + 16, "the checksum of the tail does not fit its bytes");
    if (number_at(tail + 8) != reader->bytes)
        return corrupt_number(reader, at + 8, "the size of the file", number_at(tail + 8),
                              reader->bytes);
    *footer = number_at(tail);
    return RT_OK;
}

static enum rt_status read_blobs(struct rt_entry_reader *reader, struct rt_form *form)
{
    reader->blob_count = rt_form_count(form, 2);
    reader->blobs = rt_alloc_zeroed(reader->blob_count + 1, sizeof(*reader->blobs));
    if (reader->blobs == NULL)
        return RT_ERR_NOMEM;
    for (size_t i = 0; i < reader->blob_count; i++) {
        reader->blobs[i].name = rt_form_text(form);
        reader->blobs[i].offset = rt_form_uint(form);
    }
    return RT_OK;
}

static enum rt_status read_places(struct rt_entry_reader *reader, struct rt_form *form)
{
    uint64_t sum = 0;

    reader->place_count = rt_form_count(form, 4);
    reader->places = rt_alloc_zeroed(reader->place_count + 1, sizeof(*reader->places));
    if (reader->places == NULL)
        return RT_ERR_NOMEM;
    for (size_t i = 0; i < reader->place_count; i++) {
        struct place *place = &reader->places[i];

        place->offset = rt_form_uint(form);
        place->group_first = (uint16_t)rt_form_uint_max(form, UINT16_MAX);
        place->group_last = (uint16_t)rt_form_uint_max(form, UINT16_MAX);
        place->count = rt_form_uint_max(form, reader->facts.entries - sum);
        sum += place->count;
        if (place->group_last < place->group_first)
            rt_form_fail(form, "a block's last group is before its first");
        if (place->count == 0)
            rt_form_fail(form, "a block without entries");
    }
    if (sum != reader->facts.entries)
        rt_form_fail(form, "the blocks have another number of entries than the file");
    return RT_OK;
}

static enum rt_status read_footer(struct rt_entry_reader *reader, uint64_t offset)
{
    struct rt_text payload;
    char head[RT_ENTRY_BLOCK_HEAD_BYTES];

    if (offset > reader->bytes - RT_ENTRY_TAIL_BYTES - RT_ENTRY_BLOCK_HEAD_BYTES)
        return corrupt(reader, reader->bytes - RT_ENTRY_TAIL_BYTES, "the footer cannot lie there");

    enum rt_status status = read_at(reader, offset, head, sizeof(head));

    if (status == RT_OK)
        status = read_block(reader, offset, RT_BLOCK_FOOTER, number_at(head + 16) >> 8, &payload);
    if (status != RT_OK)
        return status;
    reader->footer = reader->block; /* the footer keeps this block; the next one gets its own */
    reader->block = NULL;
    reader->block_capacity = 0;

    struct rt_form form = rt_form_of(payload);

    reader->facts.entries = rt_form_uint_max(&form, INT64_MAX);
    reader->facts.removed = rt_form_uint_max(&form, reader->facts.entries);
    status = read_blobs(reader, &form);
    if (status == RT_OK)
        status = read_places(reader, &form);
    if (status != RT_OK)
        return status;
    if (!rt_form_end(&form))
        return corrupt(reader, offset + RT_ENTRY_BLOCK_HEAD_BYTES + rt_form_offset(&form),
                       form.why);
    return RT_OK;
}

static enum rt_status open_file(struct rt_entry_reader *reader)
{
    struct stat facts;

    do {
        reader->descriptor = open(reader->path, O_RDONLY | O_CLOEXEC);
    } while (reader->descriptor < 0 && errno == EINTR);
    if (reader->descriptor < 0 && errno == ENOENT) {
        rt_buffer_printf(reader->why, "`%s` is missing", reader->path);
        return RT_ERR_NOT_FOUND;
    }
    if (reader->descriptor < 0 || fstat(reader->descriptor, &facts) != 0)
        return rt_disk_failed(reader->why, "open", reader->path);
    reader->bytes = (uint64_t)facts.st_size;
    return RT_OK;
}

static enum rt_status check_file(struct rt_entry_reader *reader, const struct rt_file_facts *facts)
{
    uint64_t footer = 0;
    enum rt_status status = open_file(reader);

    if (status != RT_OK)
        return status;
    if (facts != NULL && reader->bytes != facts->bytes)
        return corrupt_number(reader, reader->bytes, "its size", reader->bytes, facts->bytes);
    if (reader->bytes < RT_ENTRY_HEAD_BYTES + RT_ENTRY_BLOCK_HEAD_BYTES + RT_ENTRY_TAIL_BYTES)
        return corrupt(reader, reader->bytes, "the file is too short");
    status = check_head(reader);
    if (status == RT_OK)
        status = check_tail(reader, &footer);
    if (status == RT_OK)
        status = read_footer(reader, footer);
    if (status != RT_OK || facts == NULL)
        return status;
    if (reader->facts.entries != facts->entries || reader->facts.removed != facts->removed)
        return corrupt_number(reader, footer, "the number of entries", reader->facts.entries,
                              facts->entries);
    reader->facts = *facts;
    reader->facts_known = true;
    return RT_OK;
}

static enum rt_status next_entry(struct rt_entries *self, struct rt_entry *out);

/* Ranges belong to the reader. */
static void keep(struct rt_entries *self)
{
    (void)self;
}

enum rt_status rt_entry_reader_new(const char *path, struct rt_file_owner owner,
                                   const struct rt_file_facts *facts, struct rt_buffer *why,
                                   struct rt_entry_reader **out)
{
    struct rt_entry_reader *reader = rt_alloc_zeroed(1, sizeof(*reader));

    if (reader == NULL)
        return RT_ERR_NOMEM;
    reader->entries = (struct rt_entries){next_entry, keep};
    reader->descriptor = -1;
    reader->owner = owner;
    reader->why = why;
    rt_buffer_init(&reader->last, SIZE_MAX);
    reader->path = rt_alloc_text(path, strlen(path));

    enum rt_status status = reader->path == NULL ? RT_ERR_NOMEM : check_file(reader, facts);

    if (status != RT_OK) {
        rt_entry_reader_free(reader);
        return status;
    }
    *out = reader;
    return RT_OK;
}

void rt_entry_reader_free(struct rt_entry_reader *reader)
{
    if (reader == NULL)
        return;
    if (reader->descriptor >= 0)
        close(reader->descriptor);
    rt_buffer_done(&reader->last);
    rt_free(reader->path);
    rt_free(reader->footer);
    rt_free(reader->places);
    rt_free(reader->blobs);
    rt_free(reader->block);
    rt_free(reader);
}

/* ---- blobs ---- */

static enum rt_status read_blob(struct rt_entry_reader *reader, const struct blob *blob,
                                struct rt_text *value)
{
    struct rt_text payload;
    enum rt_status status = read_block(reader, blob->offset, RT_BLOCK_BLOB, 1, &payload);

    if (status != RT_OK)
        return status;

    struct rt_form form = rt_form_of(payload);
    struct rt_text name = rt_form_text(&form);

    *value = rt_form_text(&form);
    if (!rt_form_end(&form) || !rt_text_equal(name, blob->name))
        return corrupt(reader, blob->offset,
                       form.why != NULL ? form.why : "this is another blob than the footer says");
    return RT_OK;
}

enum rt_status rt_entry_reader_blob(struct rt_entry_reader *reader, struct rt_text name,
                                    struct rt_buffer *out)
{
    for (size_t i = 0; i < reader->blob_count; i++) {
        struct rt_text value;

        if (!rt_text_equal(reader->blobs[i].name, name))
            continue;

        enum rt_status status = read_blob(reader, &reader->blobs[i], &value);

        reader->left = 0;
        if (status == RT_OK)
            rt_buffer_text(out, value);
        return status == RT_OK && out->failed ? RT_ERR_NOMEM : status;
    }
    return RT_ERR_NOT_FOUND;
}

enum rt_status rt_entry_reader_copy_blobs(struct rt_entry_reader *reader,
                                          struct rt_entry_writer *writer)
{
    enum rt_status status = RT_OK;

    for (size_t i = 0; i < reader->blob_count && status == RT_OK; i++) {
        struct rt_text value;

        status = read_blob(reader, &reader->blobs[i], &value);
        if (status == RT_OK)
            status = rt_entry_writer_blob(writer, reader->blobs[i].name, value);
    }
    reader->left = 0;
    return status;
}

/* ---- entries ---- */

struct rt_entries *rt_entry_reader_range(struct rt_entry_reader *reader, uint32_t from, uint32_t to)
{
    reader->group_from = from;
    reader->group_to = to;
    reader->place_next = 0;
    reader->left = 0;
    reader->first = true;
    return &reader->entries;
}

/* RT_END: no further block has wanted groups. */
static enum rt_status next_block(struct rt_entry_reader *reader)
{
    struct rt_text payload;

    while (reader->place_next < reader->place_count) {
        const struct place *place = &reader->places[reader->place_next++];

        if (place->group_last < reader->group_from || place->group_first >= reader->group_to)
            continue;

        enum rt_status status =
            read_block(reader, place->offset, RT_BLOCK_ENTRIES, place->count, &payload);

        if (status == RT_OK) {
            reader->form = rt_form_of(payload);
            reader->left = place->count;
        }
        return status;
    }
    return RT_END;
}

static enum rt_status check_order(struct rt_entry_reader *reader, const struct rt_entry *entry)
{
    reader->previous.name = rt_buffer_view(&reader->last);
    if (!reader->first && rt_entry_compare(&reader->previous, entry) >= 0)
        return corrupt(reader,
                       reader->block_offset + RT_ENTRY_BLOCK_HEAD_BYTES +
                           rt_form_offset(&reader->form),
                       "an entry is out of order");
    reader->first = false;
    reader->previous = *entry;
    rt_buffer_reset(&reader->last);
    rt_buffer_text(&reader->last, entry->name);
    return reader->last.failed ? RT_ERR_NOMEM : RT_OK;
}

static enum rt_status read_entry(struct rt_entry_reader *reader, struct rt_entry *out)
{
    struct rt_form *form = &reader->form;

    out->group = (uint16_t)rt_form_uint_max(form, UINT16_MAX);
    out->kind = rt_form_byte(form);
    out->removed = rt_form_bool(form);
    out->name = rt_form_text(form);
    out->value = out->removed ? (struct rt_text){NULL, 0} : rt_form_text(form);
    reader->left--;
    if (reader->left == 0)
        rt_form_end(form);
    if (rt_form_failed(form))
        return corrupt(reader,
                       reader->block_offset + RT_ENTRY_BLOCK_HEAD_BYTES + rt_form_offset(form),
                       form->why);
    return check_order(reader, out);
}

static enum rt_status next_entry(struct rt_entries *self, struct rt_entry *out)
{
    struct rt_entry_reader *reader = (struct rt_entry_reader *)self;

    for (;;) {
        enum rt_status status = reader->left == 0 ? next_block(reader) : RT_OK;

        if (status == RT_OK)
            status = read_entry(reader, out);
        if (status != RT_OK)
            return status;
        if (out->group >= reader->group_to) {
            reader->left = 0;
            reader->place_next = reader->place_count;
            return RT_END;
        }
        if (out->group >= reader->group_from)
            return RT_OK;
    }
}

/* ---- the whole ---- */

enum rt_status rt_entry_reader_check_hash(struct rt_entry_reader *reader)
{
    struct rt_hash128_stream stream;
    char piece[32768];

    RT_ASSERT(reader->facts_known);

    rt_hash128_begin(&stream);
    for (uint64_t at = 0; at < reader->bytes;) {
        uint64_t left = reader->bytes - at;
        size_t length = left < sizeof(piece) ? (size_t)left : sizeof(piece);
        enum rt_status status = read_at(reader, at, piece, length);

        if (status != RT_OK)
            return status;
        rt_hash128_add(&stream, piece, length);
        at += length;
    }
    if (!rt_hash128_equal(rt_hash128_end(&stream), reader->facts.hash))
        return corrupt(reader, 0, "the hash of the file is not the one in the manifest");
    return RT_OK;
}

static enum rt_status check_entries(struct rt_entry_reader *reader)
{
    struct rt_entries *entries = rt_entry_reader_range(reader, 0, UINT32_MAX);
    struct rt_entry entry;
    uint64_t removed = 0;
    enum rt_status status;

    while ((status = entries->next(entries, &entry)) == RT_OK)
        removed += entry.removed;
    if (status != RT_END)
        return status;
    if (removed != reader->facts.removed)
        return corrupt_number(reader, reader->bytes, "the number of removed entries", removed,
                              reader->facts.removed);
    return RT_OK;
}

enum rt_status rt_entry_reader_verify(struct rt_entry_reader *reader)
{
    enum rt_status status = check_entries(reader);

    for (size_t i = 0; i < reader->blob_count && status == RT_OK; i++) {
        struct rt_text value;

        status = read_blob(reader, &reader->blobs[i], &value);
    }
    reader->left = 0;
    /* Last: the checks above say better where the damage is. */
    if (status == RT_OK && reader->facts_known)
        status = rt_entry_reader_check_hash(reader);
    return status;
}
