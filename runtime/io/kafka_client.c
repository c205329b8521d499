/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_client.c - the only file that sees librdkafka.
 *
 *     settings --> configure --> rd_kafka_t --+-- reader: queues of partitions --batch--> messages[ next .. count )
 *                                             +-- writer: topic handles, delivery reports, transaction
 *
 * C1  Fetching: with the library's usual queue limits (of a partition, since each has a queue of its own) a backlog is read in bursts, one a second, because a full queue is looked at
 *     again only by the broker thread's timer.  The limits here hold a second of input at full speed.
 * C2  retry.backoff.ms: the first request after a commit is often answered "concurrent transactions" and comes again after that
 *     time.
 * C3  Messages are taken in batches.  The known faults of that need pause, resume or a rebalance; a reader here has fixed
 *     partitions and is throttled by not being polled.
 * C4  Each partition has a queue of its own, and the one whose last record is the oldest is read next: a backlog comes roughly in
 *     order of time over all partitions, so that little has to wait for the watermark.
 */
#include <fcntl.h>
#include <librdkafka/rdkafka.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"
#include "runtime/io/kafka_client.h"

enum {
    ERROR_BYTES = 512,
    TOPICS_MAX = 256,
    HEADERS_MAX = 16,
    QUEUE_WAIT_MS = 100,
    LANE_MESSAGES = 64 /* taken of a partition at a time */
};

static const struct rt_kafka_setting defaults_of_both[] = {
    {"client.id", "egret"},
};

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

static const struct rt_kafka_setting defaults_of_writer[] = {
    {"enable.idempotence", "true"},
    {"acks", "all"},
    {"linger.ms", "2"},
    {"compression.type", "lz4"},
    {"partitioner", "murmur2_random"},
    {"retry.backoff.ms", "10"},
    {"queue.buffering.max.messages", "1000000"},
};

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* ---- what both need ---- */

static bool apply(rd_kafka_conf_t *conf, const struct rt_kafka_setting *items, size_t count,
                  struct rt_buffer *message)
{
    char text[ERROR_BYTES];

    for (size_t i = 0; i < count; i++)
        if (rd_kafka_conf_set(conf, items[i].name, items[i].value, text, sizeof(text)) !=
            RD_KAFKA_CONF_OK) {
            rt_buffer_printf(message, "option `%s`: %s", items[i].name, text);
            return false;
        }
    return true;
}

static bool has_setting(const struct rt_kafka_settings *settings, const char *name)
{
    for (size_t i = 0; i < settings->count; i++)
        if (strcmp(settings->items[i].name, name) == 0)
            return true;
    return false;
}

/* A configuration without callbacks; NULL: `message` says why. */
static rd_kafka_conf_t *configure(const struct rt_kafka_setting *defaults, size_t default_count,
                                  const struct rt_kafka_settings *settings,
                                  struct rt_buffer *message)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    rd_kafka_conf_set_log_cb(conf, NULL);
    if (apply(conf, defaults_of_both, LENGTH(defaults_of_both), message) &&
        apply(conf, defaults, default_count, message) &&
        apply(conf, settings->items, settings->count, message))
        return conf;
    rd_kafka_conf_destroy(conf);
    return NULL;
}

/* Takes `conf` over. */
static rd_kafka_t *start_client(rd_kafka_type_t type, rd_kafka_conf_t *conf,
                                struct rt_buffer *message)
{
    char text[ERROR_BYTES];
    rd_kafka_t *client = rd_kafka_new(type, conf, text, sizeof(text));

    if (client == NULL) {
        rt_buffer_printf(message, "%s", text);
        rd_kafka_conf_destroy(conf);
    }
    return client;
}

static void say(char *error, const char *what, const char *why)
{
    snprintf(error, ERROR_BYTES, "%s: %s", what, why);
}

/* ---- reader ---- */

/* A partition that is read. */
struct lane {
    rd_kafka_queue_t *queue; /* owned */
    int64_t stamp;           /* of its last record */
    bool is_empty;           /* in this poll */
};

struct rt_kafka_reader {
    rd_kafka_t *client;
    rd_kafka_queue_t *queue; /* what is of no partition: errors */
    struct lane *lanes;      /* owned */
    size_t lane_count;
    char **topics; /* names, owned, as each of them */
    size_t topic_count;
    char *cluster;
    rd_kafka_message_t *messages[RT_KAFKA_POLL_MAX];
    size_t next, count;
    int bell[2]; /* a pipe: the library writes a byte when the empty queue gets a message */
    const rd_kafka_topic_t *last_handle; /* of the last message: its topic is last_topic */
    uint32_t last_topic;
    char error[ERROR_BYTES];
};

static enum rt_status reader_failed(struct rt_kafka_reader *reader, const char *what,
                                    rd_kafka_resp_err_t code)
{
    say(reader->error, what, rd_kafka_err2str(code));
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
        conf = configure(defaults_of_reader, LENGTH(defaults_of_reader), settings, message);
        status = conf == NULL ? RT_ERR_IO : RT_OK;
    }
    if (status == RT_OK) {
        reader->client = start_client(RD_KAFKA_CONSUMER, conf, message);
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
    struct lane *lanes = rt_realloc(reader->lanes, (reader->lane_count + count) * sizeof(*lanes));

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
        lanes[reader->lane_count++] = (struct lane){.queue = queue, .stamp = INT64_MIN};
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

/* What the metadata say of one topic. */
static enum rt_status count_partitions(rd_kafka_t *client, rd_kafka_topic_t *handle, int timeout_ms,
                                       uint32_t *out, char *error)
{
    const struct rd_kafka_metadata *found = NULL;
    rd_kafka_resp_err_t code = rd_kafka_metadata(client, 0, handle, &found, timeout_ms);
    enum rt_status status = RT_OK;

    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        say(error, rd_kafka_topic_name(handle), rd_kafka_err2str(code));
        return RT_ERR_IO;
    }
    code = found->topic_cnt == 1 ? found->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && found->topics[0].partition_cnt > 0)
        *out = (uint32_t)found->topics[0].partition_cnt;
    else
        status = code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ? RT_ERR_NOT_FOUND : RT_ERR_IO;
    if (status != RT_OK)
        say(error, rd_kafka_topic_name(handle), rd_kafka_err2str(code));
    rd_kafka_metadata_destroy(found);
    return status;
}

enum rt_status rt_kafka_reader_partitions(struct rt_kafka_reader *reader, uint32_t topic,
                                          int timeout_ms, uint32_t *out)
{
    RT_ASSERT(topic < reader->topic_count);
    rd_kafka_topic_t *handle = rd_kafka_topic_new(reader->client, reader->topics[topic], NULL);

    if (handle == NULL)
        return reader_failed(reader, reader->topics[topic], rd_kafka_last_error());

    enum rt_status status =
        count_partitions(reader->client, handle, timeout_ms, out, reader->error);

    rd_kafka_topic_destroy(handle);
    return status;
}

const char *rt_kafka_reader_cluster(struct rt_kafka_reader *reader, int timeout_ms)
{
    if (reader->cluster == NULL)
        reader->cluster = rd_kafka_clusterid(reader->client, timeout_ms);
    return reader->cluster == NULL ? "" : reader->cluster;
}

enum rt_status rt_kafka_reader_members(struct rt_kafka_reader *reader, const char *group,
                                       int timeout_ms, size_t *out)
{
    const struct rd_kafka_group_list *list = NULL;
    rd_kafka_resp_err_t code = rd_kafka_list_groups(reader->client, group, &list, timeout_ms);

    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return reader_failed(reader, "asking for the group's members", code);
    *out = list->group_cnt == 1 ? (size_t)list->groups[0].member_cnt : 0;
    rd_kafka_group_list_destroy(list);
    return RT_OK;
}

static rd_kafka_topic_partition_list_t *list_of(const struct rt_kafka_reader *reader,
                                                const struct rt_kafka_place *places, size_t count)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);

    for (size_t i = 0; i < count; i++) {
        RT_ASSERT(places[i].topic < reader->topic_count);
        rd_kafka_topic_partition_t *item = rd_kafka_topic_partition_list_add(
            list, reader->topics[places[i].topic], (int32_t)places[i].partition);

        item->offset = places[i].offset;
        if (places[i].metadata_length == 0)
            continue;
        /* The library frees it with its own allocator. */
        item->metadata = rd_kafka_mem_malloc(reader->client, places[i].metadata_length);
        memcpy(item->metadata, places[i].metadata, places[i].metadata_length);
        item->metadata_size = places[i].metadata_length;
    }
    return list;
}

/* The library keeps the list's order. */
static void take_answer(const rd_kafka_topic_partition_t *item, struct rt_kafka_place *place)
{
    size_t length = item->metadata_size;

    place->offset = item->offset < 0 ? RT_KAFKA_NO_OFFSET : item->offset;
    place->metadata_length =
        (uint32_t)(length > RT_KAFKA_METADATA_MAX ? RT_KAFKA_METADATA_MAX : length);
    if (place->metadata_length > 0)
        memcpy(place->metadata, item->metadata, place->metadata_length);
    place->metadata[place->metadata_length] = '\0';
}

static rd_kafka_resp_err_t first_error(const rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; i < list->cnt; i++)
        if (list->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR)
            return list->elems[i].err;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

enum rt_status rt_kafka_reader_committed(struct rt_kafka_reader *reader,
                                         struct rt_kafka_place *places, size_t count,
                                         int timeout_ms)
{
    rd_kafka_topic_partition_list_t *list = list_of(reader, places, count);
    rd_kafka_resp_err_t code = rd_kafka_committed(reader->client, list, timeout_ms);

    /* After a time-out the list looks as if nothing had been committed: the call's own answer comes first. */
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        code = first_error(list);
    for (size_t i = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && i < count; i++)
        take_answer(&list->elems[i], &places[i]);
    rd_kafka_topic_partition_list_destroy(list);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR
               ? RT_OK
               : reader_failed(reader, "reading the committed offsets", code);
}

enum rt_status rt_kafka_reader_commit(struct rt_kafka_reader *reader,
                                      const struct rt_kafka_place *places, size_t count)
{
    rd_kafka_topic_partition_list_t *list = list_of(reader, places, count);
    rd_kafka_resp_err_t code = rd_kafka_commit(reader->client, list, 0);

    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        code = first_error(list);
    rd_kafka_topic_partition_list_destroy(list);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR
               ? RT_OK
               : reader_failed(reader, "committing the offsets", code);
}

enum rt_status rt_kafka_reader_bounds(struct rt_kafka_reader *reader, uint32_t topic,
                                      uint32_t partition, int timeout_ms, int64_t *low,
                                      int64_t *high)
{
    RT_ASSERT(topic < reader->topic_count);
    rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(
        reader->client, reader->topics[topic], (int32_t)partition, low, high, timeout_ms);

    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? RT_OK
                                              : reader_failed(reader, reader->topics[topic], code);
}

bool rt_kafka_reader_known_end(const struct rt_kafka_reader *reader, uint32_t topic,
                               uint32_t partition, int64_t *end)
{
    int64_t low;

    return !rd_kafka_get_watermark_offsets(reader->client, reader->topics[topic],
                                           (int32_t)partition, &low, end) &&
           *end >= 0;
}

enum rt_status rt_kafka_reader_at_time(struct rt_kafka_reader *reader, int64_t unix_ms,
                                       struct rt_kafka_place *places, size_t count, int timeout_ms)
{
    enum rt_status status = RT_OK;
    int64_t low;

    for (size_t i = 0; i < count; i++)
        places[i].offset = unix_ms;

    rd_kafka_topic_partition_list_t *list = list_of(reader, places, count);
    rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(reader->client, list, timeout_ms);

    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        code = first_error(list);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        status = reader_failed(reader, "looking for the offsets of a time", code);
    for (size_t i = 0; status == RT_OK && i < count; i++) {
        places[i].offset = list->elems[i].offset;
        if (places[i].offset < 0)
            status = rt_kafka_reader_bounds(reader, places[i].topic, places[i].partition,
                                            timeout_ms, &low, &places[i].offset);
    }
    rd_kafka_topic_partition_list_destroy(list);
    return status;
}

enum rt_status rt_kafka_reader_assign(struct rt_kafka_reader *reader,
                                      const struct rt_kafka_place *places, size_t count)
{
    drop_messages(reader);
    drop_lanes(reader);

    enum rt_status status = add_lanes(reader, places, count);

    if (status != RT_OK)
        return status;

    rd_kafka_topic_partition_list_t *list = list_of(reader, places, count);
    rd_kafka_resp_err_t code = rd_kafka_assign(reader->client, list);

    rd_kafka_topic_partition_list_destroy(list);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR
               ? RT_OK
               : reader_failed(reader, "assigning the partitions", code);
}

enum rt_status rt_kafka_reader_assign_more(struct rt_kafka_reader *reader,
                                           const struct rt_kafka_place *places, size_t count)
{
    enum rt_status status = add_lanes(reader, places, count);

    if (status != RT_OK)
        return status;

    rd_kafka_topic_partition_list_t *list = list_of(reader, places, count);
    rd_kafka_error_t *error = rd_kafka_incremental_assign(reader->client, list);

    rd_kafka_topic_partition_list_destroy(list);
    if (error == NULL)
        return RT_OK;
    say(reader->error, "assigning further partitions", rd_kafka_error_string(error));
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
    char place[ERROR_BYTES / 2];
    const char *why = rd_kafka_message_errstr(message);

    if (passes_by_itself(message->err))
        return RT_OK;
    if (message->rkt == NULL)
        snprintf(place, sizeof(place), "reading");
    else
        snprintf(place, sizeof(place), "%s, partition %d, offset %lld",
                 rd_kafka_topic_name(message->rkt), (int)message->partition,
                 (long long)message->offset);
    say(reader->error, place, why == NULL ? rd_kafka_err2str(message->err) : why);
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
static struct lane *oldest_lane(struct rt_kafka_reader *reader)
{
    struct lane *oldest = NULL;

    for (size_t i = 0; i < reader->lane_count; i++) {
        struct lane *lane = &reader->lanes[i];

        if (!lane->is_empty && (oldest == NULL || lane->stamp < oldest->stamp))
            oldest = lane;
    }
    return oldest;
}

static void take_from_lane(struct rt_kafka_reader *reader, struct lane *lane)
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
    struct lane *lane;

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

int64_t rt_kafka_reader_position(struct rt_kafka_reader *reader, uint32_t topic, uint32_t partition)
{
    struct rt_kafka_place place = {.topic = topic, .partition = partition};
    rd_kafka_topic_partition_list_t *list = list_of(reader, &place, 1);
    rd_kafka_resp_err_t code = rd_kafka_position(reader->client, list);
    int64_t offset = list->elems[0].offset;

    if (code != RD_KAFKA_RESP_ERR_NO_ERROR || list->elems[0].err != RD_KAFKA_RESP_ERR_NO_ERROR ||
        offset < 0)
        offset = RT_KAFKA_NO_OFFSET;
    rd_kafka_topic_partition_list_destroy(list);
    return offset;
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

/* ---- writer ---- */

struct rt_kafka_writer {
    rd_kafka_t *client;
    rd_kafka_topic_t *topics[TOPICS_MAX];
    uint32_t topic_count;
    bool transactional;
    atomic_bool failed; /* sticky; set last, since flush may run on another thread */
    bool fenced;
    char error[ERROR_BYTES];
};

static bool means_fenced(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR__FENCED || code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH ||
           code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED;
}

/* The first failure is kept: what follows is its echo. */
static void writer_failed(struct rt_kafka_writer *writer, const char *what, const char *why,
                          rd_kafka_resp_err_t code)
{
    writer->fenced = writer->fenced || means_fenced(code);
    if (!writer->failed)
        say(writer->error, what, why);
    writer->failed = true;
}

static void on_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    struct rt_kafka_writer *writer = opaque;

    (void)client;
    /* What was under way when a transaction was given up is thrown away on purpose. */
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR ||
        message->err == RD_KAFKA_RESP_ERR__PURGE_QUEUE ||
        message->err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT)
        return;
    writer_failed(writer, rd_kafka_topic_name(message->rkt), rd_kafka_err2str(message->err),
                  message->err);
}

static void on_error(rd_kafka_t *client, int code, const char *why, void *opaque)
{
    struct rt_kafka_writer *writer = opaque;
    char text[ERROR_BYTES / 2];

    if (code != RD_KAFKA_RESP_ERR__FATAL)
        return;
    rd_kafka_resp_err_t reason = rd_kafka_fatal_error(client, text, sizeof(text));

    writer_failed(writer, "writing", reason == RD_KAFKA_RESP_ERR_NO_ERROR ? why : text, reason);
}

enum rt_status rt_kafka_writer_new(const struct rt_kafka_settings *settings,
                                   struct rt_buffer *message, struct rt_kafka_writer **out)
{
    struct rt_kafka_writer *writer = rt_alloc_zeroed(1, sizeof(*writer));

    if (writer == NULL)
        return RT_ERR_NOMEM;
    writer->transactional = has_setting(settings, "transactional.id");

    rd_kafka_conf_t *conf =
        configure(defaults_of_writer, LENGTH(defaults_of_writer), settings, message);

    if (conf != NULL) {
        rd_kafka_conf_set_opaque(conf, writer);
        rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
        rd_kafka_conf_set_error_cb(conf, on_error);
        writer->client = start_client(RD_KAFKA_PRODUCER, conf, message);
    }
    if (writer->client == NULL) {
        rt_kafka_writer_free(writer);
        return RT_ERR_IO;
    }
    *out = writer;
    return RT_OK;
}

void rt_kafka_writer_free(struct rt_kafka_writer *writer)
{
    if (writer == NULL)
        return;
    if (writer->client != NULL)
        rd_kafka_purge(writer->client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
                                           RD_KAFKA_PURGE_F_NON_BLOCKING);
    for (uint32_t i = 0; i < writer->topic_count; i++)
        rd_kafka_topic_destroy(writer->topics[i]);
    if (writer->client != NULL)
        rd_kafka_destroy(writer->client);
    rt_free(writer);
}

const char *rt_kafka_writer_error(const struct rt_kafka_writer *writer)
{
    return writer->error;
}

bool rt_kafka_writer_fenced(const struct rt_kafka_writer *writer)
{
    return writer->fenced;
}

enum rt_status rt_kafka_writer_topic(struct rt_kafka_writer *writer, const char *name,
                                     int timeout_ms, uint32_t *out)
{
    uint32_t partitions = 0;

    for (uint32_t i = 0; i < writer->topic_count; i++)
        if (strcmp(rd_kafka_topic_name(writer->topics[i]), name) == 0) {
            *out = i;
            return RT_OK;
        }
    if (writer->topic_count == TOPICS_MAX) {
        say(writer->error, name, "one job writes to too many topics");
        return RT_ERR_LIMIT;
    }

    rd_kafka_topic_t *handle = rd_kafka_topic_new(writer->client, name, NULL);

    if (handle == NULL) {
        say(writer->error, name, rd_kafka_err2str(rd_kafka_last_error()));
        return RT_ERR_IO;
    }

    enum rt_status status =
        count_partitions(writer->client, handle, timeout_ms, &partitions, writer->error);

    if (status != RT_OK) {
        rd_kafka_topic_destroy(handle);
        return status;
    }
    *out = writer->topic_count;
    writer->topics[writer->topic_count++] = handle;
    return RT_OK;
}

static rd_kafka_vu_t part_of_record(rd_kafka_vtype_t type, struct rt_text text)
{
    rd_kafka_vu_t part = {.vtype = type};

    part.u.mem.ptr = (void *)(uintptr_t)text.data; /* copied by the library */
    part.u.mem.size = text.length;
    return part;
}

static size_t parts_of(struct rt_kafka_writer *writer, const struct rt_kafka_record *record,
                       rd_kafka_vu_t *parts)
{
    size_t count = 0;

    parts[count] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_RKT};
    parts[count++].u.rkt = writer->topics[record->topic];
    parts[count] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_MSGFLAGS};
    parts[count++].u.i = RD_KAFKA_MSG_F_COPY;
    parts[count] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_TIMESTAMP};
    parts[count++].u.i64 = record->timestamp_ms;
    parts[count++] = part_of_record(RD_KAFKA_VTYPE_VALUE, record->value);
    if (record->key.length > 0)
        parts[count++] = part_of_record(RD_KAFKA_VTYPE_KEY, record->key);
    for (size_t i = 0; i < record->header_count; i++) {
        parts[count] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_HEADER};
        parts[count].u.header.name = record->headers[i].name.data;
        parts[count].u.header.val = record->headers[i].value.data;
        parts[count++].u.header.size = (ssize_t)record->headers[i].value.length;
    }
    return count;
}

enum rt_status rt_kafka_writer_send(struct rt_kafka_writer *writer,
                                    const struct rt_kafka_record *record)
{
    rd_kafka_vu_t parts[5 + HEADERS_MAX];

    RT_ASSERT(record->topic < writer->topic_count && record->header_count <= HEADERS_MAX);
    size_t count = parts_of(writer, record, parts);

    while (!writer->failed) {
        rd_kafka_error_t *error = rd_kafka_produceva(writer->client, parts, count);

        if (error == NULL)
            return rt_kafka_writer_serve(writer);

        rd_kafka_resp_err_t code = rd_kafka_error_code(error);

        if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            writer_failed(writer, rd_kafka_topic_name(writer->topics[record->topic]),
                          rd_kafka_error_string(error), code);
        else
            rd_kafka_poll(writer->client, QUEUE_WAIT_MS);
        rd_kafka_error_destroy(error);
    }
    return RT_ERR_IO;
}

enum rt_status rt_kafka_writer_serve(struct rt_kafka_writer *writer)
{
    rd_kafka_poll(writer->client, 0);
    return writer->failed ? RT_ERR_IO : RT_OK;
}

enum rt_status rt_kafka_writer_flush(struct rt_kafka_writer *writer, int timeout_ms)
{
    rd_kafka_resp_err_t code = rd_kafka_flush(writer->client, timeout_ms);

    if (writer->failed)
        return RT_ERR_IO;
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? RT_OK : RT_AGAIN;
}

size_t rt_kafka_writer_pending(const struct rt_kafka_writer *writer)
{
    return (size_t)rd_kafka_outq_len(writer->client);
}

/* ---- transactions ---- */

/* Takes the error over. */
static enum rt_status settle(struct rt_kafka_writer *writer, const char *what,
                             rd_kafka_error_t *error)
{
    if (error == NULL)
        return RT_OK;
    bool again = rd_kafka_error_is_retriable(error) && !rd_kafka_error_is_fatal(error) &&
                 !rd_kafka_error_txn_requires_abort(error);

    if (!again)
        writer_failed(writer, what, rd_kafka_error_string(error), rd_kafka_error_code(error));
    rd_kafka_error_destroy(error);
    return again ? RT_AGAIN : RT_ERR_IO;
}

enum rt_status rt_kafka_writer_init(struct rt_kafka_writer *writer)
{
    enum rt_status status;

    RT_ASSERT(writer->transactional);
    do
        status =
            settle(writer, "init_transactions", rd_kafka_init_transactions(writer->client, -1));
    while (status == RT_AGAIN);
    return status;
}

enum rt_status rt_kafka_writer_begin(struct rt_kafka_writer *writer)
{
    enum rt_status status;

    do
        status = settle(writer, "begin_transaction", rd_kafka_begin_transaction(writer->client));
    while (status == RT_AGAIN);
    return status;
}

enum rt_status rt_kafka_writer_send_places(struct rt_kafka_writer *writer,
                                           struct rt_kafka_reader *reader,
                                           const struct rt_kafka_place *places, size_t count)
{
    rd_kafka_topic_partition_list_t *list = list_of(reader, places, count);
    rd_kafka_consumer_group_metadata_t *group = rd_kafka_consumer_group_metadata(reader->client);
    enum rt_status status;

    RT_ASSERT(count > 0 && group != NULL);
    do
        status = settle(writer, "send_offsets_to_transaction",
                        rd_kafka_send_offsets_to_transaction(writer->client, list, group, -1));
    while (status == RT_AGAIN);
    rd_kafka_consumer_group_metadata_destroy(group);
    rd_kafka_topic_partition_list_destroy(list);
    return status;
}

enum rt_status rt_kafka_writer_commit(struct rt_kafka_writer *writer)
{
    enum rt_status status;

    do
        status =
            settle(writer, "commit_transaction", rd_kafka_commit_transaction(writer->client, -1));
    while (status == RT_AGAIN);
    return status;
}

enum rt_status rt_kafka_writer_abort(struct rt_kafka_writer *writer)
{
    enum rt_status status;

    do
        status =
            settle(writer, "abort_transaction", rd_kafka_abort_transaction(writer->client, -1));
    while (status == RT_AGAIN);
    return status;
}
