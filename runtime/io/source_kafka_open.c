/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source_kafka_open.c - a Kafka source is made: connect, look the topics up, refuse what could not be right; and its end.
 */
#include <stdio.h>
#include <string.h>

#include "runtime/base/alloc.h"
#include "runtime/io/source_kafka_inside.h"
#include "runtime/time/clock.h"

enum {
    NAMES_BYTES_MAX = 16 << 20,
    AHEAD_KB = 16 << 10,    /* read ahead of all partitions together ... */
    AHEAD_KB_MAX = 4 << 10, /* ... and of one: the client's setting (kafka_reader.c) */
    AHEAD_KB_MIN = 512,
    ERROR_BYTES = 2048,
    PARTITIONS_MAX = 1 << RT_KAFKA_TOPIC_SHIFT,
    NS_OF_MS = 1000000
};

/* ---- partitions ---- */

enum rt_status rt_kafka_source_client_failed(struct rt_kafka_source *source)
{
    rt_buffer_reset(&source->error);
    rt_buffer_printf(&source->error, "kafka: %s", rt_kafka_reader_error(source->reader));
    return RT_ERR_IO;
}

/* Room for so many parts in all. */
static enum rt_status grow(struct rt_kafka_source *source, size_t count)
{
    void *parts = rt_realloc(source->parts, count * sizeof(*source->parts));

    if (parts == NULL)
        return RT_ERR_NOMEM;
    source->parts = parts;

    void *order = rt_realloc(source->order, count * sizeof(*source->order));

    if (order == NULL)
        return RT_ERR_NOMEM;
    source->order = order;

    void *touched = rt_realloc(source->touched, count * sizeof(*source->touched));

    if (touched == NULL)
        return RT_ERR_NOMEM;
    source->touched = touched;
    return RT_OK;
}

enum rt_status rt_kafka_source_add_parts(struct rt_kafka_source *source, uint32_t topic,
                                         uint32_t count)
{
    uint32_t *known = &source->part_counts[topic];
    enum rt_status status = grow(source, source->part_count + count - *known);

    while (status == RT_OK && *known < count) {
        const char *name =
            rt_arena_printf(&source->names, "%s/%u", source->topic_names[topic], (unsigned)*known);

        if (name == NULL)
            return RT_ERR_NOMEM;
        source->parts[source->part_count++] = (struct rt_kafka_part){
            .topic = topic,
            .partition = *known,
            .name = name,
            .next = RT_KAFKA_NO_OFFSET,
            .end = INT64_MAX,
            .hold = INT64_MAX,
            .ahead = {.with_headers = source->wants_headers,
                      .like = {.source = source->number,
                               .partition = topic << RT_KAFKA_TOPIC_SHIFT | *known}},
        };
        ++*known;
    }
    return status;
}

size_t rt_kafka_source_list(const struct rt_kafka_source *source, struct rt_kafka_place *out,
                            size_t max)
{
    for (size_t i = 0; i < source->part_count && i < max; i++)
        out[i] = (struct rt_kafka_place){.topic = source->parts[i].topic,
                                         .partition = source->parts[i].partition,
                                         .offset = source->parts[i].next};
    return source->part_count;
}

struct rt_kafka_place *rt_kafka_source_list_all(const struct rt_kafka_source *source)
{
    struct rt_kafka_place *places = rt_alloc_zeroed(source->part_count, sizeof(*places));

    if (places != NULL)
        rt_kafka_source_list(source, places, source->part_count);
    return places;
}

/* ---- life ---- */

static void source_free(struct rt_source *port)
{
    struct rt_kafka_source *source = rt_kafka_source_of(port);

    if (source == NULL)
        return;
    rt_kafka_reader_free(source->reader);
    for (size_t i = 0; i < source->part_count; i++)
        rt_kafka_ahead_done(&source->parts[i].ahead);
    rt_free(source->parts);
    rt_free(source->part_counts);
    rt_free(source->topic_names);
    rt_free(source->order);
    rt_free(source->touched);
    rt_free(source->marked);
    rt_arena_done(&source->names);
    rt_buffer_done(&source->error);
    rt_free(source);
}

static enum rt_status make_room(struct rt_kafka_source *source,
                                const struct rt_kafka_source_options *options)
{
    source->part_counts = rt_alloc_zeroed(options->topic_count, sizeof(*source->part_counts));
    source->topic_names = rt_alloc_zeroed(options->topic_count, sizeof(*source->topic_names));
    if (source->part_counts == NULL || source->topic_names == NULL)
        return RT_ERR_NOMEM;
    source->topic_count = options->topic_count;
    for (size_t i = 0; i < options->topic_count; i++) {
        source->topic_names[i] =
            rt_arena_text(&source->names, options->topics[i], strlen(options->topics[i]));
        if (source->topic_names[i] == NULL)
            return RT_ERR_NOMEM;
    }
    return RT_OK;
}

static enum rt_status look_up_topics(struct rt_kafka_source *source, struct rt_buffer *message)
{
    for (uint32_t t = 0; t < source->topic_count; t++) {
        uint32_t count = 0;
        enum rt_status status =
            rt_kafka_reader_partitions(source->reader, t, RT_KAFKA_CONNECT_MS, &count);

        if (status == RT_OK)
            status =
                count > PARTITIONS_MAX ? RT_ERR_LIMIT : rt_kafka_source_add_parts(source, t, count);
        if (status == RT_ERR_NOT_FOUND)
            RT_KAFKA_STOP_SAY(message, RT_KAFKA_STOP_TOPIC_MISSING, "there is no topic `%s`",
                              source->topic_names[t]);
        else if (status == RT_ERR_IO || status == RT_ERR_DIAG)
            RT_KAFKA_STOP_SAY(message, rt_kafka_stop_of_lookup(status), "no answer about topic %s",
                              rt_kafka_reader_error(source->reader));
        if (status != RT_OK)
            return status == RT_ERR_NOT_FOUND || status == RT_ERR_DIAG ? RT_ERR_IO : status;
    }
    return RT_OK;
}

static enum rt_status refuse_members(struct rt_kafka_source *source, const char *group,
                                     struct rt_buffer *message)
{
    size_t members = 0;
    enum rt_status status =
        rt_kafka_reader_members(source->reader, group, RT_KAFKA_CONNECT_MS, &members);

    if (status != RT_OK) {
        RT_KAFKA_STOP_SAY(message, RT_KAFKA_STOP_UNREACHABLE, "%s",
                          rt_kafka_reader_error(source->reader));
        return status;
    }
    if (members == 0)
        return RT_OK;
    RT_KAFKA_STOP_SAY(message, RT_KAFKA_STOP_GROUP_BUSY, "the group `%s` has %zu members", group,
                      members);
    return RT_ERR_IO;
}

/* All partitions together read ahead so much, whatever their number: the limit of the client is one for each. */
static enum rt_status share_ahead(struct rt_kafka_source *source,
                                  const struct rt_kafka_source_options *options,
                                  struct rt_buffer *message)
{
    size_t share = AHEAD_KB / source->part_count;
    size_t count = options->settings.count;
    struct rt_kafka_setting *settings;
    char text[24];

    if (share >= AHEAD_KB_MAX)
        return RT_OK;
    settings = rt_alloc_zeroed(count + 1, sizeof(*settings));
    if (settings == NULL)
        return RT_ERR_NOMEM;
    snprintf(text, sizeof(text), "%zu", share < AHEAD_KB_MIN ? (size_t)AHEAD_KB_MIN : share);
    settings[0] = (struct rt_kafka_setting){"queued.max.messages.kbytes", text};
    for (size_t i = 0; i < count; i++) /* what the user says comes later, and holds */
        settings[i + 1] = options->settings.items[i];
    rt_kafka_reader_free(source->reader);
    source->reader = NULL;

    struct rt_kafka_settings all = {settings, count + 1};
    enum rt_status status =
        rt_kafka_reader_new(&all, options->topics, options->topic_count, message, &source->reader);

    rt_free(settings);
    return status;
}

static enum rt_status open_source(struct rt_kafka_source *source,
                                  const struct rt_kafka_source_options *options,
                                  struct rt_buffer *message)
{
    enum rt_status status = make_room(source, options);

    if (status == RT_OK)
        status = rt_kafka_reader_new(&options->settings, options->topics, options->topic_count,
                                     message, &source->reader);
    if (status == RT_OK)
        status = look_up_topics(source, message);
    if (status == RT_OK)
        status = share_ahead(source, options, message);
    if (status == RT_OK)
        status = refuse_members(source, options->group, message);
    return status;
}

enum rt_status rt_source_kafka_open(const struct rt_kafka_source_options *options,
                                    struct rt_buffer *message, struct rt_source **out)
{
    struct rt_kafka_source *source = rt_alloc_zeroed(1, sizeof(*source));

    if (source == NULL)
        return RT_ERR_NOMEM;
    rt_kafka_source_set_port(source);
    source->port.seek = rt_kafka_source_seek;
    source->port.free = source_free;
    source->number = options->number;
    source->start = options->start;
    source->start_ms = options->start_ms;
    source->until_now = options->until_now;
    source->wants_headers = options->headers;
    source->new_partitions = options->new_partitions;
    source->look_every_ns = options->look_every_ms * NS_OF_MS;
    source->looked_at = source->acknowledged_all_at = rt_clock_monotonic_ns();
    rt_arena_init(&source->names, NAMES_BYTES_MAX);
    rt_buffer_init(&source->error, ERROR_BYTES);

    enum rt_status status = open_source(source, options, message);

    if (status != RT_OK) {
        source_free(&source->port);
        return status;
    }
    *out = &source->port;
    return RT_OK;
}
