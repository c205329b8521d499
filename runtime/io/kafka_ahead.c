/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/io/kafka_ahead.h"

#include <string.h>

#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"
#include "runtime/base/hash.h"
#include "runtime/event/codec.h"

enum {
    CHUNK_RECORDS = 128,
    CHUNK_BYTES_FULL = 256 << 10, /* no further message after so many */
    CHUNK_BYTES_MAX = 256 << 20,  /* keys and headers may be long */
    PAGE_BYTES = 16 << 10
};

void rt_kafka_ahead_done(struct rt_kafka_ahead *ahead)
{
    for (size_t i = 0; i < 2; i++) {
        rt_arena_done(&ahead->chunks[i].arena);
        rt_free(ahead->chunks[i].records);
    }
    *ahead = (struct rt_kafka_ahead){0};
}

void rt_kafka_ahead_begin(struct rt_kafka_ahead *ahead)
{
    ahead->is_borrowed = ahead->other_is_borrowed = false;
}

/* ---- copying ---- */

/* Room in the chunk's page, whose unused rest is the padding. */
static char *take_room(struct rt_kafka_chunk *chunk, size_t bytes)
{
    if (bytes + RT_RECORD_PADDING > chunk->page_left) {
        size_t page =
            bytes + RT_RECORD_PADDING > PAGE_BYTES ? bytes + RT_RECORD_PADDING : PAGE_BYTES;

        chunk->page = rt_arena_raw(&chunk->arena, page);
        if (chunk->page == NULL)
            return NULL;
        chunk->page_left = page;
    }

    char *room = chunk->page;

    chunk->page += bytes;
    chunk->page_left -= bytes;
    chunk->bytes += bytes;
    return room;
}

static bool copy_text(struct rt_kafka_chunk *chunk, struct rt_text *text)
{
    char *room;

    if (text->data == NULL)
        return true;
    room = take_room(chunk, text->length);
    if (room == NULL)
        return false;
    if (text->length > 0)
        memcpy(room, text->data, text->length);
    text->data = room;
    return true;
}

static bool copy_headers(struct rt_kafka_chunk *chunk, const struct rt_kafka_message *message,
                         struct rt_record *record)
{
    struct rt_kafka_header header;
    struct rt_record_header *headers;
    size_t count = 0;

    while (rt_kafka_message_header(message, count, &header))
        count++;
    headers = rt_arena_array(&chunk->arena, count + 1, sizeof(*headers));
    if (headers == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        (void)rt_kafka_message_header(message, i, &header);
        headers[i] = (struct rt_record_header){header.name, header.value};
        headers[i].name.length++; /* with its NUL */
        if (!copy_text(chunk, &headers[i].name) || !copy_text(chunk, &headers[i].value))
            return false;
        headers[i].name.length--;
    }
    record->headers = headers;
    record->header_count = count;
    return true;
}

static bool copy_message(struct rt_kafka_ahead *ahead, const struct rt_kafka_message *message)
{
    struct rt_kafka_chunk *chunk = &ahead->chunks[ahead->at];
    struct rt_record *record = &chunk->records[chunk->count];
    size_t length =
        message->value.length > RT_RECORD_BYTES_MAX ? RT_RECORD_BYTES_MAX : message->value.length;
    size_t key_length = message->has_key ? message->key.length : 0;
    char *at = take_room(chunk, length + key_length);

    if (at == NULL)
        return false;
    if (length > 0)
        memcpy(at, message->value.data, length);
    if (key_length > 0)
        memcpy(at + length, message->key.data, key_length);
    *record = (struct rt_record){
        .data = at,
        .length = (uint32_t)length,
        .too_long = message->value.length > RT_RECORD_BYTES_MAX,
        .is_absent = !message->has_value,
        .bytes = message->value.length,
        .position = {ahead->like.source, ahead->like.partition, (uint64_t)message->offset},
        .has_stamp = message->timestamp_ms >= 0,
        .stamp = {message->timestamp_ms},
        .key = message->has_key ? (struct rt_text){at + length, key_length}
                                : (struct rt_text){NULL, 0},
    };
    chunk->count++;
    return !ahead->with_headers || copy_headers(chunk, message, record);
}

/* ---- taking ---- */

struct filling {
    struct rt_kafka_ahead *ahead;
    enum rt_status status;
};

/* The record that was the last one before the restart must be the one that it was. */
static bool is_the_same(const struct rt_kafka_ahead *ahead, const struct rt_kafka_message *message)
{
    size_t length =
        message->value.length > RT_RECORD_BYTES_MAX ? RT_RECORD_BYTES_MAX : message->value.length;

    return message->offset != ahead->last ||
           rt_hash64(message->value.data, length) == ahead->fingerprint;
}

static bool take_message(void *context, const struct rt_kafka_message *message)
{
    struct filling *filling = context;
    struct rt_kafka_ahead *ahead = filling->ahead;
    const struct rt_kafka_chunk *chunk = &ahead->chunks[ahead->at];

    if (message->offset >= ahead->end)
        return true;
    if (ahead->check_last && !is_the_same(ahead, message))
        filling->status = RT_ERR_CORRUPT;
    ahead->check_last = false;
    if (filling->status != RT_OK || message->offset < ahead->expected)
        return filling->status == RT_OK;
    if (!copy_message(ahead, message))
        filling->status = RT_ERR_NOMEM;
    ahead->expected = message->offset + 1;
    return filling->status == RT_OK && chunk->count < CHUNK_RECORDS &&
           chunk->bytes < CHUNK_BYTES_FULL;
}

static enum rt_status empty_chunk(struct rt_kafka_chunk *chunk)
{
    if (chunk->records == NULL) {
        rt_arena_init(&chunk->arena, CHUNK_BYTES_MAX);
        chunk->records = rt_alloc_zeroed(CHUNK_RECORDS, sizeof(*chunk->records));
    }
    if (chunk->records == NULL)
        return RT_ERR_NOMEM;
    rt_arena_reset(&chunk->arena);
    chunk->page_left = chunk->bytes = chunk->count = 0;
    return RT_OK;
}

enum rt_status rt_kafka_ahead_fill(struct rt_kafka_ahead *ahead, struct rt_kafka_reader *reader,
                                   size_t lane)
{
    struct filling filling = {ahead, RT_OK};
    enum rt_status status;

    RT_ASSERT(!rt_kafka_ahead_has(ahead));
    if (!rt_kafka_reader_has(reader, lane))
        return RT_OK;
    if (ahead->is_borrowed) {
        if (ahead->other_is_borrowed)
            return RT_AGAIN;
        ahead->at = 1 - ahead->at;
        ahead->other_is_borrowed = true;
        ahead->is_borrowed = false;
    }
    ahead->next = 0;
    status = empty_chunk(&ahead->chunks[ahead->at]);
    if (status == RT_OK)
        status = rt_kafka_reader_take(reader, lane, take_message, &filling);
    return status == RT_OK ? filling.status : status;
}
