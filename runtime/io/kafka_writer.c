/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_writer.c - records out, in transactions or without.
 *
 *     send --copied--> the library's queue --> delivery reports (serve, flush) --> failed, fenced
 *
 * C2  retry.backoff.ms: the first request after a commit is often answered "concurrent transactions" and comes again after that
 *     time.
 */
#include <stdatomic.h>
#include <string.h>

#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"
#include "runtime/io/kafka_library.h"

enum { HEADERS_MAX = 16, QUEUE_WAIT_MS = 100 };

static const struct rt_kafka_setting defaults_of_writer[] = {
    {"enable.idempotence", "true"},
    {"acks", "all"},
    {"linger.ms", "2"},
    {"compression.type", "lz4"},
    {"partitioner", "murmur2_random"},
    {"retry.backoff.ms", "10"},
    {"queue.buffering.max.messages", "1000000"},
};

struct rt_kafka_writer {
    struct rt_kafka_refusal refusal; /* first */
    rd_kafka_t *client;
    rd_kafka_topic_t *topics[RT_KAFKA_TOPICS_MAX];
    uint32_t topic_count;
    bool transactional;
    /* All sticky.  Delivery reports come to two threads, because flush may run on another one: who claims it writes the error. */
    atomic_bool fenced, claimed;
    atomic_bool failed; /* the error is there */
    char error[RT_KAFKA_ERROR_BYTES];
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
    if (means_fenced(code))
        writer->fenced = true;
    if (atomic_exchange(&writer->claimed, true))
        return;
    rt_kafka_say(writer->error, what, why);
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
    char text[RT_KAFKA_ERROR_BYTES / 2];

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
    writer->transactional = rt_kafka_has_setting(settings, "transactional.id");

    rd_kafka_conf_t *conf = rt_kafka_configure(
        defaults_of_writer, RT_KAFKA_LENGTH(defaults_of_writer), settings, message);

    if (conf != NULL) {
        rd_kafka_conf_set_opaque(conf, writer);
        rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
        rd_kafka_conf_set_error_cb(conf, on_error);
        writer->client = rt_kafka_start_client(RD_KAFKA_PRODUCER, conf, message);
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
    if (writer->topic_count == RT_KAFKA_TOPICS_MAX) {
        rt_kafka_say(writer->error, name, "one job writes to too many topics");
        return RT_ERR_LIMIT;
    }

    rd_kafka_topic_t *handle = rd_kafka_topic_new(writer->client, name, NULL);

    if (handle == NULL) {
        rt_kafka_say(writer->error, name, rd_kafka_err2str(rd_kafka_last_error()));
        return RT_ERR_IO;
    }

    enum rt_status status =
        rt_kafka_count_partitions(writer->client, handle, timeout_ms, &partitions, writer->error);

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
    rd_kafka_topic_partition_list_t *list = rt_kafka_list_of(reader, places, count);
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
