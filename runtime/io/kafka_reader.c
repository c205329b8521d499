/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_reader.c - fixed partitions as messages.
 *
 *     queues of partitions --batch--> messages[ next .. count )
 *
 * C1  Fetching: with the library's usual queue limits (of a partition, since each has a queue of its own) a backlog is read in bursts, one a second, because a full queue is looked at
 *     again only by the broker thread's timer.  The limits here hold a second of input at full speed.
 * C3  Messages are taken in batches.  The known faults of that need pause, resume or a rebalance; a reader here has fixed
 *     partitions and is throttled by not being polled.
 * C4  Each partition has a queue of its own, and the one whose last record is the oldest is read next: a backlog comes roughly in
 *     order of time over all partitions, so that little has to wait for the watermark.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"
#include "runtime/io/kafka_library.h"

enum { LANE_MESSAGES = 64 /* taken of a partition at a time */ };

static const struct rt_kafka_setting defaults_of_reader[] = {
    {"enable.auto.commit", "false"},
    {"enable.auto.offset.store", "false"},
    {"auto.offset.reset", "error"},
    {"isolation.level", "read_committed"},
    {"check.crcs", "true"},
    {"queued.min.messages", "1000000"},
    {"queued.max.messages.kbytes", "131072"},
    {"fetch.wait.max.ms", "100"},
};

enum rt_status rt_kafka_reader_failed(struct rt_kafka_reader *reader, const char *what,
                                      rd_kafka_resp_err_t code)
{
    rt_kafka_say(reader->error, what, rd_kafka_err2str(code));
    return RT_ERR_IO;
}

static enum rt_status copy_topics(struct rt_kafka_reader *reader, const char *const *topics,
                                  size_t count)
{
    reader->topics = rt_alloc_zeroed(count, sizeof(*reader->topics));
    if (reader->topics == NULL)
        return RT_ERR_NOMEM;
    reader->topic_count = count;
    for (size_t i = 0; i < count; i++) {
        reader->topics[i] = rt_alloc_text(topics[i], strlen(topics[i]));
        if (reader->topics[i] == NULL)
            return RT_ERR_NOMEM;
    }
    return RT_OK;
}

static enum rt_status hang_bell(struct rt_kafka_reader *reader)
{
    if (pipe(reader->bell) != 0) {
        reader->bell[0] = reader->bell[1] = -1;
        return RT_ERR_IO;
    }
    for (int i = 0; i < 2; i++)
        if (fcntl(reader->bell[i], F_SETFL, O_NONBLOCK) != 0 ||
            fcntl(reader->bell[i], F_SETFD, FD_CLOEXEC) != 0)
            return RT_ERR_IO;
    rd_kafka_queue_io_event_enable(reader->queue, reader->bell[1], "!", 1);
    return RT_OK;
}

static void silence_bell(struct rt_kafka_reader *reader)
{
    char rings[64];

    while (read(reader->bell[0], rings, sizeof(rings)) == (ssize_t)sizeof(rings))
        ;
}

int rt_kafka_reader_descriptor(const struct rt_kafka_reader *reader)
{
    return reader->bell[0];
}

enum rt_status rt_kafka_reader_new(const struct rt_kafka_settings *settings,
                                   const char *const *topics, size_t topic_count,
                                   struct rt_buffer *message, struct rt_kafka_reader **out)
{
    RT_ASSERT(topic_count > 0);
    struct rt_kafka_reader *reader = rt_alloc_zeroed(1, sizeof(*reader));

    if (reader == NULL)
        return RT_ERR_NOMEM;

    reader->bell[0] = reader->bell[1] = -1;

    enum rt_status status = copy_topics(reader, topics, topic_count);
    rd_kafka_conf_t *conf = NULL;

    if (status == RT_OK) {
        conf = rt_kafka_configure(defaults_of_reader, RT_KAFKA_LENGTH(defaults_of_reader), settings,
                                  message);
        status = conf == NULL ? RT_ERR_IO : RT_OK;
    }
    if (status == RT_OK) {
        reader->client = rt_kafka_start_client(RD_KAFKA_CONSUMER, conf, message);
        status = reader->client == NULL ? RT_ERR_IO : RT_OK;
    }
    if (status == RT_OK) {
        rd_kafka_poll_set_consumer(reader->client);
        reader->queue = rd_kafka_queue_get_consumer(reader->client);
        status = hang_bell(reader);
    }
    if (status != RT_OK) {
        rt_kafka_reader_free(reader);
        return status;
    }
    *out = reader;
    return RT_OK;
}

static void drop_messages(struct rt_kafka_reader *reader)
{
    for (size_t i = 0; i < reader->count; i++)
        rd_kafka_message_destroy(reader->messages[i]);
    reader->count = reader->next = 0;
}

static void drop_lanes(struct rt_kafka_reader *reader)
{
    for (size_t i = 0; i < reader->lane_count; i++)
        rd_kafka_queue_destroy(reader->lanes[i].queue);
    rt_free(reader->lanes);
    reader->lanes = NULL;
    reader->lane_count = 0;
}

/* Before the partitions are assigned, so that nothing of them gets into the common queue. */
static enum rt_status add_lanes(struct rt_kafka_reader *reader, const struct rt_kafka_place *places,
                                size_t count)
{
    struct rt_kafka_lane *lanes =
        rt_realloc(reader->lanes, (reader->lane_count + count) * sizeof(*lanes));

    if (lanes == NULL)
        return RT_ERR_NOMEM;
    reader->lanes = lanes;
    for (size_t i = 0; i < count; i++) {
        rd_kafka_queue_t *queue = rd_kafka_queue_get_partition(
            reader->client, reader->topics[places[i].topic], (int32_t)places[i].partition);

        if (queue == NULL)
            return RT_ERR_IO;
        rd_kafka_queue_forward(queue, NULL);
        rd_kafka_queue_io_event_enable(queue, reader->bell[1], "!", 1);
        lanes[reader->lane_count++] = (struct rt_kafka_lane){.queue = queue, .stamp = INT64_MIN};
    }
    return RT_OK;
}

void rt_kafka_reader_free(struct rt_kafka_reader *reader)
{
    if (reader == NULL)
        return;
    drop_messages(reader);
    drop_lanes(reader);
    if (reader->queue != NULL)
        rd_kafka_queue_destroy(reader->queue);
    if (reader->cluster != NULL)
        rd_kafka_mem_free(reader->client, reader->cluster);
    if (reader->client != NULL)
        rd_kafka_destroy_flags(reader->client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    for (int i = 0; i < 2; i++)
        if (reader->bell[i] >= 0)
            close(reader->bell[i]); /* after the library, which writes to it */
    for (size_t i = 0; i < reader->topic_count; i++)
        rt_free(reader->topics[i]);
    rt_free(reader->topics);
    rt_free(reader);
}

const char *rt_kafka_reader_error(const struct rt_kafka_reader *reader)
{
    return reader->error;
}

/* ---- assigning ---- */

enum rt_status rt_kafka_reader_assign(struct rt_kafka_reader *reader,
                                      const struct rt_kafka_place *places, size_t count)
{
    drop_messages(reader);
    drop_lanes(reader);

    enum rt_status status = add_lanes(reader, places, count);

    if (status != RT_OK)
        return status;

    rd_kafka_topic_partition_list_t *list = rt_kafka_list_of(reader, places, count);
    rd_kafka_resp_err_t code = rd_kafka_assign(reader->client, list);

    rd_kafka_topic_partition_list_destroy(list);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR
               ? RT_OK
               : rt_kafka_reader_failed(reader, "assigning the partitions", code);
}

enum rt_status rt_kafka_reader_assign_more(struct rt_kafka_reader *reader,
                                           const struct rt_kafka_place *places, size_t count)
{
    enum rt_status status = add_lanes(reader, places, count);

    if (status != RT_OK)
        return status;

    rd_kafka_topic_partition_list_t *list = rt_kafka_list_of(reader, places, count);
    rd_kafka_error_t *error = rd_kafka_incremental_assign(reader->client, list);

    rd_kafka_topic_partition_list_destroy(list);
    if (error == NULL)
        return RT_OK;
    rt_kafka_say(reader->error, "assigning further partitions", rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
    return RT_ERR_IO;
}

/* ---- messages ---- */

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

/* Drops what is no message; the first one of them that ends the reading is the answer. */
static enum rt_status keep_messages(struct rt_kafka_reader *reader)
{
    enum rt_status status = RT_OK;
    size_t kept = 0;

    for (size_t i = 0; i < reader->count; i++) {
        rd_kafka_message_t *message = reader->messages[i];

        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            reader->messages[kept++] = message;
            continue;
        }
        if (status == RT_OK)
            status = check_message(reader, message);
        rd_kafka_message_destroy(message);
    }
    reader->count = kept;
    return status;
}

/* Without waiting: a batch call would wait until its batch is full. */
static size_t take_from(struct rt_kafka_reader *reader, rd_kafka_queue_t *queue, size_t max)
{
    ssize_t got = rd_kafka_consume_batch_queue(queue, 0, reader->messages + reader->count, max);
    size_t taken = got > 0 ? (size_t)got : 0;

    reader->count += taken;
    return taken;
}

/* NULL: all are empty. */
static struct rt_kafka_lane *oldest_lane(struct rt_kafka_reader *reader)
{
    struct rt_kafka_lane *oldest = NULL;

    for (size_t i = 0; i < reader->lane_count; i++) {
        struct rt_kafka_lane *lane = &reader->lanes[i];

        if (!lane->is_empty && (oldest == NULL || lane->stamp < oldest->stamp))
            oldest = lane;
    }
    return oldest;
}

static void take_from_lane(struct rt_kafka_reader *reader, struct rt_kafka_lane *lane)
{
    size_t room = RT_KAFKA_POLL_MAX - reader->count;
    size_t max = room < LANE_MESSAGES ? room : LANE_MESSAGES;
    size_t taken = take_from(reader, lane->queue, max);

    lane->is_empty = taken < max;
    if (taken > 0)
        lane->stamp = rd_kafka_message_timestamp(reader->messages[reader->count - 1], NULL);
}

enum rt_status rt_kafka_reader_poll(struct rt_kafka_reader *reader)
{
    struct rt_kafka_lane *lane;

    RT_ASSERT(reader->next == reader->count);
    drop_messages(reader);
    silence_bell(reader);
    take_from(reader, reader->queue, RT_KAFKA_POLL_MAX);
    for (size_t i = 0; i < reader->lane_count; i++)
        reader->lanes[i].is_empty = false;
    while (reader->count < RT_KAFKA_POLL_MAX && (lane = oldest_lane(reader)) != NULL)
        take_from_lane(reader, lane);
    return keep_messages(reader);
}

static uint32_t topic_of(struct rt_kafka_reader *reader, const rd_kafka_topic_t *handle)
{
    if (handle == reader->last_handle)
        return reader->last_topic;

    const char *name = rd_kafka_topic_name(handle);

    for (uint32_t i = 0; i < reader->topic_count; i++)
        if (strcmp(reader->topics[i], name) == 0) {
            reader->last_handle = handle;
            reader->last_topic = i;
            return i;
        }
    RT_UNREACHABLE(); /* a message of a topic that was not asked for */
}

bool rt_kafka_reader_next(struct rt_kafka_reader *reader, struct rt_kafka_message *out)
{
    if (reader->next == reader->count)
        return false;

    const rd_kafka_message_t *message = reader->messages[reader->next++];
    rd_kafka_timestamp_type_t kind;
    int64_t timestamp = rd_kafka_message_timestamp(message, &kind);

    *out = (struct rt_kafka_message){
        .topic = topic_of(reader, message->rkt),
        .partition = (uint32_t)message->partition,
        .offset = message->offset,
        .timestamp_ms = kind == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? -1 : timestamp,
        .key = {message->key, message->key_len},
        .value = {message->payload, message->len},
        .has_key = message->key != NULL,
        .has_value = message->payload != NULL,
        .handle = message,
    };
    return true;
}

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

bool rt_kafka_message_find(const struct rt_kafka_message *message, const char *name,
                           struct rt_text *out)
{
    rd_kafka_headers_t *headers;
    const void *value;
    size_t size;

    if (rd_kafka_message_headers(message->handle, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        rd_kafka_header_get_last(headers, name, &value, &size) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        value == NULL)
        return false;
    *out = (struct rt_text){value, size};
    return true;
}
