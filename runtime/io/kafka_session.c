/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_session.c - transactions, one after another.
 *
 *     held:  [topic, sizes, time][key][value][name][value]... one record after another, as they came
 */
#include <string.h>

#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"
#include "runtime/base/killpoint.h"
#include "runtime/io/kafka_session.h"
#include "runtime/io/source_kafka.h"
#include "runtime/time/clock.h"

enum {
    HELD_BYTES_MAX = 256 << 20,
    HELD_SHARE_FULL = 2, /* full at half of it: the last batch may still write a lot */
    TOPICS_MAX = 256,
    SLOW_COMMIT_MS = 5000,
    NS_OF_MS = 1000000,
    HEADERS_MAX = 16,
    ERROR_BYTES = 2048
};

struct rt_kafka_session {
    struct rt_kafka_settings settings;
    struct rt_kafka_writer *writer;
    char *topics[TOPICS_MAX]; /* owned; the writer knows them by the same numbers */
    uint32_t topic_count;
    bool in_transaction, holding;
    struct rt_buffer held;
    size_t held_max;
    struct rt_source **sources; /* of the barrier */
    size_t source_count;
    struct rt_kafka_place *places; /* of all sources, one after another */
    size_t *place_counts;          /* by source */
    size_t place_capacity;
    struct rt_buffer error;
};

static enum rt_status failed(struct rt_kafka_session *session)
{
    rt_buffer_reset(&session->error);
    if (rt_kafka_writer_fenced(session->writer))
        RT_KAFKA_STOP_SAY(&session->error, RT_KAFKA_STOP_FENCED, "%s",
                          rt_kafka_writer_error(session->writer));
    else
        rt_buffer_printf(&session->error, "kafka: %s", rt_kafka_writer_error(session->writer));
    return RT_ERR_IO;
}

/* ---- life ---- */

static enum rt_status make_writer(struct rt_kafka_session *session, struct rt_buffer *message)
{
    enum rt_status status = rt_kafka_writer_new(&session->settings, message, &session->writer);

    if (status != RT_OK)
        return status;
    status = rt_kafka_writer_init(session->writer);
    if (status != RT_OK) {
        failed(session);
        rt_buffer_text(message, rt_buffer_view(&session->error));
    }
    return status;
}

enum rt_status rt_kafka_session_new(const struct rt_kafka_session_options *options,
                                    struct rt_buffer *message, struct rt_kafka_session **out)
{
    struct rt_kafka_session *session = rt_alloc_zeroed(1, sizeof(*session));

    if (session == NULL)
        return RT_ERR_NOMEM;
    session->settings = options->settings;
    session->held_max = options->held_bytes_max == 0 ? HELD_BYTES_MAX : options->held_bytes_max;
    rt_buffer_init(&session->held, session->held_max);
    rt_buffer_init(&session->error, ERROR_BYTES);

    enum rt_status status = make_writer(session, message);

    if (status != RT_OK) {
        rt_kafka_session_free(session);
        return status;
    }
    KILLPOINT("kafka_after_init");
    *out = session;
    return RT_OK;
}

void rt_kafka_session_free(struct rt_kafka_session *session)
{
    if (session == NULL)
        return;
    rt_kafka_writer_free(session->writer);
    for (uint32_t i = 0; i < session->topic_count; i++)
        rt_free(session->topics[i]);
    rt_free(session->sources);
    rt_free(session->places);
    rt_free(session->place_counts);
    rt_buffer_done(&session->held);
    rt_buffer_done(&session->error);
    rt_free(session);
}

const char *rt_kafka_session_error(const struct rt_kafka_session *session)
{
    return session->error.length == 0 ? "" : session->error.data;
}

/* ---- topics ---- */

static enum rt_status look_up(struct rt_kafka_session *session, const char *name, uint32_t *out)
{
    enum rt_status status = rt_kafka_writer_topic(session->writer, name, RT_KAFKA_CONNECT_MS, out);

    if (status == RT_OK)
        return RT_OK;
    rt_buffer_reset(&session->error);
    RT_KAFKA_STOP_SAY(&session->error, rt_kafka_stop_of_lookup(status), "topic %s",
                      rt_kafka_writer_error(session->writer));
    return RT_ERR_IO;
}

enum rt_status rt_kafka_session_topic(struct rt_kafka_session *session, const char *name,
                                      uint32_t *out)
{
    uint32_t number = 0;
    enum rt_status status = look_up(session, name, &number);

    if (status != RT_OK)
        return status;
    if (number == session->topic_count) {
        session->topics[number] = rt_alloc_text(name, strlen(name));
        if (session->topics[number] == NULL)
            return RT_ERR_NOMEM;
        session->topic_count++;
    }
    *out = number;
    return RT_OK;
}

/* Another writer of the same id: nothing that the old one may still have under way can reach the next transaction. */
static enum rt_status replace_writer(struct rt_kafka_session *session)
{
    struct rt_kafka_writer *former = session->writer;
    struct rt_buffer message;
    uint32_t number = 0;

    rt_buffer_init(&message, ERROR_BYTES);

    enum rt_status status = make_writer(session, &message);

    if (session->writer != former) /* there always is one: sinks ask it until the job has ended */
        rt_kafka_writer_free(former);
    if (status != RT_OK) {
        rt_buffer_reset(&session->error);
        rt_buffer_text(&session->error, rt_buffer_view(&message));
    }
    rt_buffer_done(&message);
    for (uint32_t i = 0; status == RT_OK && i < session->topic_count; i++)
        status = look_up(session, session->topics[i], &number);
    return status;
}

/* ---- records ---- */

struct held_record {
    uint32_t topic, key_length, value_length, header_count;
    int64_t timestamp_ms;
};

static void hold_text(struct rt_buffer *held, struct rt_text text)
{
    uint32_t length = (uint32_t)text.length;

    rt_buffer_add(held, (const char *)&length, sizeof(length));
    rt_buffer_text(held, text);
}

static enum rt_status hold(struct rt_kafka_session *session, const struct rt_kafka_record *record)
{
    struct held_record head = {record->topic, (uint32_t)record->key.length,
                               (uint32_t)record->value.length, (uint32_t)record->header_count,
                               record->timestamp_ms};

    rt_buffer_add(&session->held, (const char *)&head, sizeof(head));
    rt_buffer_text(&session->held, record->key);
    rt_buffer_text(&session->held, record->value);
    for (size_t i = 0; i < record->header_count; i++) {
        hold_text(&session->held, record->headers[i].name);
        rt_buffer_char(&session->held, '\0'); /* names are NUL-terminated for the client */
        hold_text(&session->held, record->headers[i].value);
    }
    if (!session->held.failed)
        return RT_OK;
    rt_buffer_reset(&session->error);
    rt_buffer_string(&session->error,
                     "kafka: more was written than is held while a checkpoint is made");
    return RT_ERR_LIMIT;
}

static enum rt_status begin(struct rt_kafka_session *session)
{
    if (session->in_transaction)
        return RT_OK;
    if (rt_kafka_writer_begin(session->writer) != RT_OK)
        return failed(session);
    session->in_transaction = true;
    return RT_OK;
}

static enum rt_status send(struct rt_kafka_session *session, const struct rt_kafka_record *record)
{
    enum rt_status status = begin(session);

    if (status == RT_OK && rt_kafka_writer_send(session->writer, record) != RT_OK)
        status = failed(session);
    return status;
}

enum rt_status rt_kafka_session_write(struct rt_kafka_session *session,
                                      const struct rt_kafka_record *record)
{
    RT_ASSERT(record->topic < session->topic_count && record->header_count <= HEADERS_MAX);
    if (session->holding && !MUTANT("kafka_no_hold"))
        return hold(session, record);
    return send(session, record);
}

/* The held record at *at, with room for its headers; moves *at behind it. */
static struct rt_kafka_record held_at(const struct rt_buffer *held, size_t *at,
                                      struct rt_kafka_header *headers)
{
    struct held_record head;
    const char *data = held->data + *at + sizeof(head);
    struct rt_kafka_record record;

    memcpy(&head, held->data + *at, sizeof(head));
    record = (struct rt_kafka_record){.topic = head.topic,
                                      .key = {data, head.key_length},
                                      .value = {data + head.key_length, head.value_length},
                                      .headers = headers,
                                      .header_count = head.header_count,
                                      .timestamp_ms = head.timestamp_ms};
    data += head.key_length + (size_t)head.value_length;
    for (uint32_t i = 0; i < head.header_count; i++) {
        uint32_t length;

        memcpy(&length, data, sizeof(length));
        headers[i].name = (struct rt_text){data + sizeof(length), length};
        data += sizeof(length) + length + 1;
        memcpy(&length, data, sizeof(length));
        headers[i].value = (struct rt_text){data + sizeof(length), length};
        data += sizeof(length) + length;
    }
    *at = (size_t)(data - held->data);
    return record;
}

static enum rt_status release(struct rt_kafka_session *session)
{
    struct rt_kafka_header headers[HEADERS_MAX];
    enum rt_status status = RT_OK;

    session->holding = false;
    if (MUTANT("kafka_drop_held"))
        rt_buffer_reset(&session->held);
    for (size_t at = 0; status == RT_OK && at < session->held.length;) {
        struct rt_kafka_record record = held_at(&session->held, &at, headers);

        status = send(session, &record);
    }
    rt_buffer_reset(&session->held);
    return status;
}

enum rt_status rt_kafka_session_serve(struct rt_kafka_session *session)
{
    return rt_kafka_writer_serve(session->writer) == RT_OK ? RT_OK : failed(session);
}

bool rt_kafka_session_full(const struct rt_kafka_session *session)
{
    return session->held.length > session->held_max / HELD_SHARE_FULL;
}

/* ---- barrier and commit ---- */

static enum rt_status make_room(struct rt_kafka_session *session, size_t places, size_t sources)
{
    if (places > session->place_capacity) {
        void *larger = rt_realloc(session->places, places * sizeof(*session->places));

        if (larger == NULL)
            return RT_ERR_NOMEM;
        session->places = larger;
        session->place_capacity = places;
    }
    if (sources > session->source_count) {
        void *list = rt_realloc(session->sources, sources * sizeof(*session->sources));

        if (list == NULL)
            return RT_ERR_NOMEM;
        session->sources = list;

        void *counts = rt_realloc(session->place_counts, sources * sizeof(*session->place_counts));

        if (counts == NULL)
            return RT_ERR_NOMEM;
        session->place_counts = counts;
    }
    session->source_count = sources;
    return RT_OK;
}

static void take_places(struct rt_kafka_session *session)
{
    size_t at = 0;

    for (size_t i = 0; i < session->source_count; i++) {
        session->place_counts[i] = rt_source_kafka_stand(session->sources[i], session->places + at,
                                                         session->place_capacity - at);
        at += session->place_counts[i];
    }
}

enum rt_status rt_kafka_session_barrier(struct rt_kafka_session *session,
                                        struct rt_source *const *sources, size_t count)
{
    size_t places = 0;

    RT_ASSERT(!session->holding && count > 0);
    for (size_t i = 0; i < count; i++)
        places += rt_source_kafka_stand(sources[i], NULL, 0);

    enum rt_status status = make_room(session, places, count);

    if (status != RT_OK)
        return status;
    memcpy(session->sources, sources, count * sizeof(*sources));
    take_places(session);
    session->holding = true;
    return RT_OK;
}

static enum rt_status send_places(struct rt_kafka_session *session,
                                  const struct rt_kafka_marker *marker)
{
    char text[RT_KAFKA_MARKER_MAX];
    struct rt_kafka_place *place = session->places;
    enum rt_status status = RT_OK;

    rt_kafka_marker_text(marker, text);
    for (size_t i = 0; status == RT_OK && i < session->source_count; i++) {
        if (MUTANT("kafka_first_only") && session->place_counts[i] > 1)
            session->place_counts[i] = 1;
        for (size_t p = 0; p < session->place_counts[i]; p++) {
            place[p].metadata_length = (uint32_t)strlen(text);
            memcpy(place[p].metadata, text, place[p].metadata_length + 1);
        }
        status = rt_kafka_writer_send_places(session->writer,
                                             rt_source_kafka_reader(session->sources[i]), place,
                                             session->place_counts[i]);
        place += session->place_counts[i];
    }
    return status == RT_OK ? RT_OK : failed(session);
}

enum rt_status rt_kafka_session_commit(struct rt_kafka_session *session,
                                       const struct rt_kafka_marker *marker)
{
    RT_ASSERT(session->holding);
    uint64_t since = rt_clock_monotonic_ns();
    enum rt_status status = begin(session);

    if (MUTANT("kafka_places_late"))
        take_places(session);
    if (status == RT_OK)
        status = send_places(session, marker);
    KILLPOINT("kafka_offsets_sent");
    if (status == RT_OK && rt_kafka_writer_commit(session->writer) != RT_OK)
        status = failed(session);
    if (status != RT_OK)
        return status;
    session->in_transaction = false;
    KILLPOINT("kafka_committed");
    if (rt_clock_monotonic_ns() - since >
        TUNED("slow_commit_ms", (uint64_t)SLOW_COMMIT_MS) * NS_OF_MS)
        status = replace_writer(session);
    return status == RT_OK ? release(session) : status;
}
