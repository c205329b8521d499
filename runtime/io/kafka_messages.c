/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_messages.c - the messages of a lane.
 *
 *     lane's queue --all of it, one lock--> message, message ... handed out one by one    --rest put back--> lane's queue
 *
 * M1  A message lives while it is handed out: who wants it longer copies it.  That costs less than to keep it, because the
 *     library's memory goes back while it is in the cache.
 * M2  The fetcher does not notice by itself that a full lane is emptied.  Any request wakes it, so after half of a lane's limit it
 *     is asked for the end of that lane, and nobody waits for the answer.  If the lane is still too full to be fetched then, it
 *     is not when the next half has been taken.
 */
#include <stdio.h>
#include <string.h>

#include "runtime/base/assert.h"
#include "runtime/io/kafka_library.h"

/* ---- what is no message ---- */

/* Trouble that the library itself works on: it connects again and asks again. */
static bool passes_by_itself(rd_kafka_resp_err_t code)
{
    switch (code) {
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
    case RD_KAFKA_RESP_ERR__STATE:
        return true;
    default:
        return false;
    }
}

static enum rt_status check_message(struct rt_kafka_reader *reader,
                                    const rd_kafka_message_t *message)
{
    char place[RT_KAFKA_ERROR_BYTES / 2];
    const char *why = rd_kafka_message_errstr(message);

    if (passes_by_itself(message->err))
        return RT_OK;
    if (message->rkt == NULL)
        snprintf(place, sizeof(place), "reading");
    else
        snprintf(place, sizeof(place), "%s, partition %d, offset %lld",
                 rd_kafka_topic_name(message->rkt), (int)message->partition,
                 (long long)message->offset);
    rt_kafka_say(reader->error, place, why == NULL ? rd_kafka_err2str(message->err) : why);
    return RT_ERR_IO;
}

/* ---- taking ---- */

struct taking {
    struct rt_kafka_reader *reader;
    struct rt_kafka_lane *lane;
    rt_kafka_take_fn *take;
    void *context;
    enum rt_status status;
};

static void hand_out(struct taking *taking, const rd_kafka_message_t *message)
{
    struct rt_kafka_lane *lane = taking->lane;
    rd_kafka_timestamp_type_t kind;
    int64_t timestamp = rd_kafka_message_timestamp(message, &kind);
    const struct rt_kafka_message out = {
        .topic = lane->topic,
        .partition = lane->partition,
        .offset = message->offset,
        .timestamp_ms = kind == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? -1 : timestamp,
        .key = {message->key, message->key_len},
        .value = {message->payload, message->len},
        .has_key = message->key != NULL,
        .has_value = message->payload != NULL,
        .handle = message,
    };

    lane->bytes_taken += message->len + message->key_len;
    lane->messages_taken++;
    if (!taking->take(taking->context, &out))
        rd_kafka_yield(taking->reader->client);
}

static void on_message(rd_kafka_message_t *message, void *context)
{
    struct taking *taking = context;

    if (taking->status == RT_OK && message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        taking->status = check_message(taking->reader, message);
    else if (taking->status == RT_OK)
        hand_out(taking, message);
    if (taking->status != RT_OK)
        rd_kafka_yield(taking->reader->client);
}

bool rt_kafka_reader_has(const struct rt_kafka_reader *reader, size_t lane)
{
    RT_ASSERT(lane < reader->lane_count);
    return rd_kafka_queue_length(reader->lanes[lane].queue) > 0;
}

enum rt_status rt_kafka_reader_take(struct rt_kafka_reader *reader, size_t lane,
                                    rt_kafka_take_fn *take, void *context)
{
    RT_ASSERT(lane < reader->lane_count);
    struct rt_kafka_lane *from = &reader->lanes[lane];
    struct taking taking = {reader, from, take, context, RT_OK};

    rd_kafka_consume_callback_queue(from->queue, 0, on_message, &taking);
    if (from->bytes_taken >= reader->look_bytes || from->messages_taken >= reader->look_messages)
        reader->must_look = true;
    return taking.status;
}

/* ---- the fetching goes on ---- */

/* No answer is wanted, and what cannot be asked now is asked again when as much has been taken. */
static void tell_fetcher(struct rt_kafka_reader *reader)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)reader->lane_count);

    for (size_t i = 0; i < reader->lane_count; i++) {
        struct rt_kafka_lane *lane = &reader->lanes[i];

        if (lane->bytes_taken < reader->look_bytes && lane->messages_taken < reader->look_messages)
            continue;
        lane->bytes_taken = lane->messages_taken = 0;
        rd_kafka_topic_partition_list_add(list, reader->topics[lane->topic],
                                          (int32_t)lane->partition)
            ->offset = RD_KAFKA_OFFSET_END;
    }
    (void)rd_kafka_offsets_for_times(reader->client, list, 0);
    rd_kafka_topic_partition_list_destroy(list);
    reader->must_look = false;
}

/* Errors, and calls back that the library wants to make: its batch call makes them. */
static enum rt_status serve_common_queue(struct rt_kafka_reader *reader)
{
    enum { COUNT = 16 };
    rd_kafka_message_t *messages[COUNT];
    ssize_t count = rd_kafka_consume_batch_queue(reader->queue, 0, messages, COUNT);
    enum rt_status status = RT_OK;

    for (ssize_t i = 0; i < count; i++) {
        if (status == RT_OK && messages[i]->err != RD_KAFKA_RESP_ERR_NO_ERROR)
            status = check_message(reader, messages[i]);
        rd_kafka_message_destroy(messages[i]);
    }
    return status;
}

enum rt_status rt_kafka_reader_poll(struct rt_kafka_reader *reader)
{
    rt_kafka_reader_silence(reader);
    if (reader->must_look)
        tell_fetcher(reader);
    return serve_common_queue(reader);
}

/* ---- headers ---- */

bool rt_kafka_message_header(const struct rt_kafka_message *message, size_t index,
                             struct rt_kafka_header *out)
{
    rd_kafka_headers_t *headers;
    const char *name;
    const void *value;
    size_t size;

    if (rd_kafka_message_headers(message->handle, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        rd_kafka_header_get_all(headers, index, &name, &value, &size) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return false;
    *out = (struct rt_kafka_header){rt_text_of(name), {value, size}};
    return true;
}
