/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/io/sink_kafka.h"

#include <errno.h>
#include <string.h>

#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"
#include "runtime/base/killpoint.h"
#include "runtime/io/source_kafka.h"

enum { TOPIC_BYTES_MAX = 249, HEADERS_MAX = 16, SYNC_STEP_MS = 1000, ERROR_BYTES = 2048 };

struct kafka_sink {
    struct rt_sink port;
    struct rt_kafka_session *session; /* borrowed; NULL: `writer` */
    struct rt_kafka_writer *writer;   /* owned */
    bool has_topic;
    uint32_t topic; /* with has_topic: its own */
    char last_name[TOPIC_BYTES_MAX + 1];
    size_t last_length;
    uint32_t last_topic; /* of last_name, unless that is empty */
    uint64_t count;
    struct rt_buffer error;
};

static struct kafka_sink *of(struct rt_sink *port)
{
    return (struct kafka_sink *)port;
}

static enum rt_status say(struct kafka_sink *sink, enum rt_status status)
{
    if (status == RT_OK || status == RT_ERR_NOMEM)
        return status;
    rt_buffer_reset(&sink->error);
    if (sink->session != NULL)
        rt_buffer_string(&sink->error, rt_kafka_session_error(sink->session));
    else
        rt_buffer_printf(&sink->error, "kafka: %s", rt_kafka_writer_error(sink->writer));
    return status;
}

/* ---- topics ---- */

static enum rt_status look_up(struct kafka_sink *sink, const char *name, uint32_t *out)
{
    if (sink->session != NULL)
        return say(sink, rt_kafka_session_topic(sink->session, name, out));

    enum rt_status status = rt_kafka_writer_topic(sink->writer, name, RT_KAFKA_CONNECT_MS, out);

    if (status == RT_OK)
        return RT_OK;
    rt_buffer_reset(&sink->error);
    RT_KAFKA_STOP_SAY(&sink->error, rt_kafka_stop_of_lookup(status), "topic %s",
                      rt_kafka_writer_error(sink->writer));
    return RT_ERR_IO;
}

/* Most records go where the one before went. */
static enum rt_status topic_of(struct kafka_sink *sink, struct rt_text name, uint32_t *out)
{
    if (name.data == NULL) {
        RT_ASSERT(sink->has_topic);
        *out = sink->topic;
        return RT_OK;
    }
    if (name.length > 0 && name.length == sink->last_length &&
        memcmp(name.data, sink->last_name, name.length) == 0) {
        *out = sink->last_topic;
        return RT_OK;
    }
    if (name.length == 0 || name.length > TOPIC_BYTES_MAX) {
        rt_buffer_reset(&sink->error);
        RT_KAFKA_STOP_SAY(&sink->error, RT_KAFKA_STOP_TOPIC_MISSING,
                          "no topic has a name of %zu bytes", name.length);
        return RT_ERR_IO;
    }
    memcpy(sink->last_name, name.data, name.length);
    sink->last_name[name.length] = '\0';

    enum rt_status status = look_up(sink, sink->last_name, &sink->last_topic);

    sink->last_length = status == RT_OK ? name.length : 0;
    *out = sink->last_topic;
    return status;
}

/* ---- the port ---- */

static enum rt_status sink_write(struct rt_sink *port, const struct rt_sink_record *record)
{
    struct kafka_sink *sink = of(port);
    struct rt_kafka_header headers[HEADERS_MAX];
    struct rt_kafka_record out = {.key = record->key,
                                  .value = record->value,
                                  .headers = headers,
                                  .header_count = record->header_count,
                                  .timestamp_ms = 0};
    enum rt_status status = topic_of(sink, record->destination, &out.topic);

    RT_ASSERT(record->header_count <= HEADERS_MAX);
    for (size_t i = 0; i < record->header_count; i++)
        headers[i] = (struct rt_kafka_header){record->headers[i].name, record->headers[i].value};
    if (status != RT_OK)
        return status;
    sink->count++;
    return say(sink, sink->session != NULL ? rt_kafka_session_write(sink->session, &out)
                                           : rt_kafka_writer_send(sink->writer, &out));
}

static enum rt_status sink_flush(struct rt_sink *port)
{
    struct kafka_sink *sink = of(port);

    return say(sink, sink->session != NULL ? rt_kafka_session_serve(sink->session)
                                           : rt_kafka_writer_serve(sink->writer));
}

/* Of a session's records its commit tells. */
static enum rt_status sink_sync(struct rt_sink *port)
{
    struct kafka_sink *sink = of(port);
    enum rt_status status = RT_OK;

    if (sink->session != NULL)
        return RT_OK;
    do
        status = rt_kafka_writer_flush(sink->writer, SYNC_STEP_MS);
    while (status == RT_AGAIN);
    return say(sink, status);
}

/* On another thread, while records are written: the client does not mind. */
static enum rt_status sink_settle(const struct rt_sink *port)
{
    const struct kafka_sink *sink = (const struct kafka_sink *)port;
    enum rt_status status;

    if (sink->session != NULL || MUTANT("kafka_no_settle"))
        return RT_OK;
    do
        status = rt_kafka_writer_flush(sink->writer, SYNC_STEP_MS);
    while (status == RT_AGAIN);
    errno = status == RT_OK ? 0 : EIO;
    return status;
}

static uint64_t sink_position(const struct rt_sink *port)
{
    return ((const struct kafka_sink *)port)->count;
}

static const char *sink_error(const struct rt_sink *port)
{
    const struct kafka_sink *sink = (const struct kafka_sink *)port;

    return sink->error.length == 0 ? "" : sink->error.data;
}

static void sink_free(struct rt_sink *port)
{
    struct kafka_sink *sink = of(port);

    if (sink == NULL)
        return;
    if (sink->writer != NULL)
        (void)rt_kafka_writer_flush(sink->writer, RT_KAFKA_CONNECT_MS);
    rt_kafka_writer_free(sink->writer);
    rt_buffer_done(&sink->error);
    rt_free(sink);
}

/* ---- life ---- */

static enum rt_status open_sink(struct kafka_sink *sink,
                                const struct rt_kafka_sink_options *options,
                                struct rt_buffer *message)
{
    enum rt_status status = RT_OK;

    if (sink->session == NULL)
        status = rt_kafka_writer_new(&options->settings, message, &sink->writer);
    if (status != RT_OK || options->topic == NULL)
        return status;
    status = look_up(sink, options->topic, &sink->topic);
    if (status != RT_OK)
        rt_buffer_string(message, sink_error(&sink->port));
    sink->has_topic = status == RT_OK;
    return status;
}

enum rt_status rt_sink_kafka_open(const struct rt_kafka_sink_options *options,
                                  struct rt_buffer *message, struct rt_sink **out)
{
    struct kafka_sink *sink = rt_alloc_zeroed(1, sizeof(*sink));

    if (sink == NULL)
        return RT_ERR_NOMEM;
    sink->port = (struct rt_sink){
        .write = sink_write,
        .flush = sink_flush,
        .sync = sink_sync,
        .settle = sink_settle,
        .position = sink_position,
        .error = sink_error,
        .free = sink_free,
    };
    sink->session = options->session;
    rt_buffer_init(&sink->error, ERROR_BYTES);

    enum rt_status status = open_sink(sink, options, message);

    if (status != RT_OK) {
        sink_free(&sink->port);
        return status;
    }
    *out = &sink->port;
    return RT_OK;
}
