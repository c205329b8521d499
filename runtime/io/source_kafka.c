/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source_kafka.c - messages of fixed partitions as records.
 *
 *     reader.poll --> next --> drop what was seen --> copy behind the last one, with padding --> batch
 *                                 parts[topic][partition]: next, last, fingerprint
 *
 * Q5  The bytes of a batch lie in `bytes`, which is never larger than BYTES: a message that does not fit is held for the next
 *     read.  A message longer than a record may be is copied as far as that.
 * Q6  A fingerprint is taken of the last record of a partition in a batch, when the batch is left behind: a hash a batch, not a
 *     hash a record.
 * Q7  Reading starts with the record that was last, if it is still there, to see that it is the same.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/alloc.h"
#include "runtime/base/arena.h"
#include "runtime/base/assert.h"
#include "runtime/base/hash.h"
#include "runtime/event/codec.h"
#include "runtime/io/source_kafka.h"
#include "runtime/time/clock.h"

enum {
    BYTES = 4 << 20,
    HEADERS = 4096, /* of a batch, all records together */
    NAMES_BYTES_MAX = 16 << 20,
    AHEAD_KB = 512 << 10,     /* read ahead of all partitions together ... */
    AHEAD_KB_MAX = 128 << 10, /* ... and of one: the client's setting (kafka_client.c) */
    AHEAD_KB_MIN = 1 << 10,
    ERROR_BYTES = 2048,
    PARTITIONS_MAX = 1 << RT_KAFKA_TOPIC_SHIFT,
    NS_OF_MS = 1000000
};

struct part {
    const char *name; /* topic/partition */
    int64_t next;     /* offset of the next record */
    int64_t end;      /* with until_now */
    int64_t acknowledged;
    bool has_last, check_last;
    int64_t last;
    uint64_t fingerprint;
    const char
        *unhashed; /* its last record in the batch at hand; NULL: the fingerprint is up to date */
    uint32_t unhashed_length;
};

struct topic {
    struct part *parts; /* owned */
    uint32_t count;
};

struct kafka_source {
    struct rt_source port;
    struct rt_kafka_reader *reader;
    struct rt_arena names; /* of topics and parts */
    struct topic *topics;
    const char **topic_names;
    size_t topic_count;
    size_t part_count; /* of all topics */
    uint32_t number;
    enum rt_kafka_start start;
    int64_t start_ms;
    bool until_now, wants_headers, new_partitions, pass_gaps;
    bool sought, started, dry;
    uint64_t look_every_ns, looked_at;
    struct rt_kafka_message held; /* with has_held: did not fit the last batch */
    bool has_held;
    char *bytes;
    size_t used;
    struct rt_record_header *headers;
    size_t header_count;
    struct part **touched; /* parts with a record in the batch at hand */
    size_t touched_count;
    struct rt_kafka_place *marked; /* owned */
    size_t marked_count;
    struct rt_buffer error;
};

static struct kafka_source *of(struct rt_source *port)
{
    return (struct kafka_source *)port;
}

/* Replaces the message. */
#define SAY(source, stop, ...)                                                                     \
    do {                                                                                           \
        rt_buffer_reset(&(source)->error);                                                         \
        RT_KAFKA_STOP_SAY(&(source)->error, (stop), __VA_ARGS__);                                  \
    } while (0)

static enum rt_status client_failed(struct kafka_source *source)
{
    rt_buffer_reset(&source->error);
    rt_buffer_printf(&source->error, "kafka: %s", rt_kafka_reader_error(source->reader));
    return RT_ERR_IO;
}

/* ---- partitions ---- */

static enum rt_status add_parts(struct kafka_source *source, uint32_t topic, uint32_t count)
{
    struct topic *found = &source->topics[topic];
    struct part *parts = rt_realloc(found->parts, count * sizeof(*parts));

    if (parts == NULL)
        return RT_ERR_NOMEM;
    found->parts = parts;

    struct part **touched =
        rt_realloc(source->touched, (source->part_count + count - found->count) * sizeof(*touched));

    if (touched == NULL)
        return RT_ERR_NOMEM;
    source->touched = touched;
    while (found->count < count) {
        const char *name = rt_arena_printf(&source->names, "%s/%u", source->topic_names[topic],
                                           (unsigned)found->count);

        if (name == NULL)
            return RT_ERR_NOMEM;
        parts[found->count++] = (struct part){.name = name, .next = RT_KAFKA_NO_OFFSET};
        source->part_count++;
    }
    return RT_OK;
}

static struct part *part_at(struct kafka_source *source, uint32_t topic, uint32_t partition)
{
    RT_ASSERT(topic < source->topic_count);
    return partition < source->topics[topic].count ? &source->topics[topic].parts[partition] : NULL;
}

/* A place for each part, with the offset that it has. */
static size_t list_parts(const struct kafka_source *source, struct rt_kafka_place *out, size_t max)
{
    size_t count = 0;

    for (uint32_t t = 0; t < source->topic_count; t++)
        for (uint32_t p = 0; p < source->topics[t].count; p++) {
            if (count < max)
                out[count] = (struct rt_kafka_place){
                    .topic = t, .partition = p, .offset = source->topics[t].parts[p].next};
            count++;
        }
    return count;
}

static struct rt_kafka_place *all_places(const struct kafka_source *source)
{
    struct rt_kafka_place *places = rt_alloc_zeroed(source->part_count, sizeof(*places));

    if (places != NULL)
        list_parts(source, places, source->part_count);
    return places;
}

/* ---- where to begin ---- */

static enum rt_status fill_from_bounds(struct kafka_source *source, struct rt_kafka_place *place,
                                       bool latest)
{
    int64_t low, high;
    enum rt_status status = rt_kafka_reader_bounds(source->reader, place->topic, place->partition,
                                                   RT_KAFKA_CONNECT_MS, &low, &high);

    if (status == RT_OK)
        place->offset = latest ? high : low;
    return status;
}

static enum rt_status find_start(struct kafka_source *source, struct rt_kafka_place *places)
{
    enum rt_status status = RT_OK;

    if (source->start == RT_KAFKA_START_TIME)
        return rt_kafka_reader_at_time(source->reader, source->start_ms, places, source->part_count,
                                       RT_KAFKA_CONNECT_MS);
    if (source->start == RT_KAFKA_START_COMMITTED)
        status = rt_kafka_reader_committed(source->reader, places, source->part_count,
                                           RT_KAFKA_CONNECT_MS);
    for (size_t i = 0; status == RT_OK && i < source->part_count; i++)
        if (source->start != RT_KAFKA_START_COMMITTED || places[i].offset == RT_KAFKA_NO_OFFSET)
            status = fill_from_bounds(source, &places[i], source->start == RT_KAFKA_START_LATEST);
    return status;
}

/* With until_now: where each partition ends at this moment. */
static enum rt_status find_ends(struct kafka_source *source)
{
    for (uint32_t t = 0; t < source->topic_count; t++)
        for (uint32_t p = 0; p < source->topics[t].count; p++) {
            int64_t low;
            enum rt_status status = rt_kafka_reader_bounds(
                source->reader, t, p, RT_KAFKA_CONNECT_MS, &low, &source->topics[t].parts[p].end);

            if (status != RT_OK)
                return status;
        }
    return RT_OK;
}

/* From the last record on, where there is one to compare. */
static void step_back(struct kafka_source *source, struct rt_kafka_place *place)
{
    const struct part *part = part_at(source, place->topic, place->partition);

    if (part->check_last)
        place->offset = part->last;
}

static enum rt_status begin_at(struct kafka_source *source, struct rt_kafka_place *places)
{
    enum rt_status status = source->sought ? RT_OK : find_start(source, places);

    for (size_t i = 0; status == RT_OK && i < source->part_count; i++) {
        part_at(source, places[i].topic, places[i].partition)->next = places[i].offset;
        step_back(source, &places[i]);
    }
    if (status == RT_OK && source->until_now)
        status = find_ends(source);
    if (status == RT_OK)
        status = rt_kafka_reader_assign(source->reader, places, source->part_count);
    return status == RT_OK || status == RT_ERR_NOMEM ? status : client_failed(source);
}

static enum rt_status begin(struct kafka_source *source)
{
    struct rt_kafka_place *places = all_places(source);

    if (places == NULL)
        return RT_ERR_NOMEM;

    enum rt_status status = begin_at(source, places);

    rt_free(places);
    source->started = status == RT_OK;
    return status;
}

/* ---- going on from a checkpoint ---- */

static struct part *part_named(struct kafka_source *source, const char *name, uint32_t *topic,
                               uint32_t *partition)
{
    for (uint32_t t = 0; t < source->topic_count; t++)
        for (uint32_t p = 0; p < source->topics[t].count; p++)
            if (strcmp(source->topics[t].parts[p].name, name) == 0) {
                *topic = t;
                *partition = p;
                return &source->topics[t].parts[p];
            }
    return NULL;
}

/* What the place needs is still there, and there is as much as there was. */
static enum rt_status check_bounds(struct kafka_source *source, struct part *part, uint32_t topic,
                                   uint32_t partition)
{
    int64_t low, high;
    enum rt_status status =
        rt_kafka_reader_bounds(source->reader, topic, partition, RT_KAFKA_CONNECT_MS, &low, &high);

    if (status != RT_OK)
        return client_failed(source);
    if (low > part->next && source->pass_gaps)
        part->next = low;
    if (low > part->next) {
        SAY(source, RT_KAFKA_STOP_DATA_LOST,
            "%s was read up to offset %" PRId64 " and begins at %" PRId64 " now: %" PRId64
            " records are gone unread",
            part->name, part->next, low, low - part->next);
        return RT_ERR_CORRUPT;
    }
    if (high < part->next) {
        SAY(source, RT_KAFKA_STOP_DATA_OTHER,
            "%s was read up to offset %" PRId64 " and ends at %" PRId64 " now", part->name,
            part->next, high);
        return RT_ERR_CORRUPT;
    }
    part->check_last = part->has_last && part->last >= low;
    return RT_OK;
}

static enum rt_status seek_to(struct kafka_source *source, const struct rt_place *place)
{
    uint32_t topic = 0, partition = 0;
    struct part *part = part_named(source, place->name, &topic, &partition);

    if (part == NULL) {
        SAY(source, RT_KAFKA_STOP_PARTITION_GONE, "%s was read and is not there any more",
            place->name);
        return RT_ERR_CORRUPT;
    }
    part->next = (int64_t)place->next;
    part->has_last = place->has_last;
    part->last = (int64_t)place->last;
    part->fingerprint = place->fingerprint;
    return check_bounds(source, part, topic, partition);
}

/* No place tells of it. */
static enum rt_status take_as_new(struct kafka_source *source, struct part *part)
{
    if (source->new_partitions) {
        part->next = 0;
        return RT_OK;
    }
    SAY(source, RT_KAFKA_STOP_PARTITION_NEW, "%s is new", part->name);
    return RT_ERR_CORRUPT;
}

static enum rt_status seek_new(struct kafka_source *source)
{
    enum rt_status status = RT_OK;

    for (uint32_t t = 0; t < source->topic_count; t++)
        for (uint32_t p = 0; status == RT_OK && p < source->topics[t].count; p++)
            if (source->topics[t].parts[p].next == RT_KAFKA_NO_OFFSET)
                status = take_as_new(source, &source->topics[t].parts[p]);
    return status;
}

static enum rt_status source_seek(struct rt_source *port, const struct rt_place *places,
                                  size_t count)
{
    struct kafka_source *source = of(port);
    enum rt_status status = RT_OK;

    RT_ASSERT(!source->started);
    for (size_t i = 0; status == RT_OK && i < count; i++)
        status = seek_to(source, &places[i]);
    if (status == RT_OK)
        status = seek_new(source);
    source->sought = status == RT_OK;
    return status;
}

/* ---- partitions that appear ---- */

static enum rt_status take_new_parts(struct kafka_source *source, uint32_t topic, uint32_t count)
{
    uint32_t before = source->topics[topic].count;

    if (!source->new_partitions) {
        SAY(source, RT_KAFKA_STOP_PARTITION_NEW, "%s/%u is new", source->topic_names[topic],
            (unsigned)before);
        return RT_ERR_CORRUPT;
    }

    enum rt_status status = add_parts(source, topic, count);

    for (uint32_t p = before; status == RT_OK && p < count; p++) {
        struct rt_kafka_place place = {.topic = topic, .partition = p, .offset = 0};

        source->topics[topic].parts[p].next = 0;
        status = rt_kafka_reader_assign_more(source->reader, &place, 1);
        if (status != RT_OK)
            client_failed(source);
    }
    return status;
}

/* No answer is no news: the next look comes. */
static enum rt_status look_for_parts(struct kafka_source *source)
{
    enum { PATIENCE_MS = 1000 };
    uint64_t now;

    if (source->look_every_ns == 0 || source->until_now)
        return RT_OK;
    now = rt_clock_monotonic_ns();
    if (now - source->looked_at < source->look_every_ns)
        return RT_OK;
    source->looked_at = now;
    for (uint32_t t = 0; t < source->topic_count; t++) {
        uint32_t count = 0;
        enum rt_status status = rt_kafka_reader_partitions(source->reader, t, PATIENCE_MS, &count);

        if (status == RT_OK && count > source->topics[t].count)
            status = take_new_parts(source, t, count);
        else
            status = RT_OK;
        if (status != RT_OK)
            return status;
    }
    return RT_OK;
}

/* ---- reading ---- */

/* The batch at hand is left behind: what it was last is kept as a hash. */
static void settle_batch(struct kafka_source *source)
{
    for (size_t i = 0; i < source->touched_count; i++) {
        struct part *part = source->touched[i];

        part->fingerprint = rt_hash64(part->unhashed, part->unhashed_length);
        part->unhashed = NULL;
    }
    source->touched_count = 0;
}

/* The record that was the last one before the restart must be the one that it was. */
static enum rt_status compare_last(struct kafka_source *source, struct part *part,
                                   const struct rt_kafka_message *message)
{
    size_t length =
        message->value.length > RT_RECORD_BYTES_MAX ? RT_RECORD_BYTES_MAX : message->value.length;

    part->check_last = false;
    if (message->offset != part->last ||
        rt_hash64(message->value.data, length) == part->fingerprint)
        return RT_OK;
    SAY(source, RT_KAFKA_STOP_DATA_OTHER,
        "the record at offset %" PRId64 " of %s is not the one that was read there", part->last,
        part->name);
    return RT_ERR_CORRUPT;
}

static void take_headers(struct kafka_source *source, const struct rt_kafka_message *message,
                         struct rt_record *record)
{
    struct rt_kafka_header header;

    record->headers = source->headers + source->header_count;
    while (source->header_count < HEADERS &&
           rt_kafka_message_header(message, record->header_count, &header)) {
        source->headers[source->header_count++] =
            (struct rt_record_header){header.name, header.value};
        record->header_count++;
    }
}

static void take_message(struct kafka_source *source, const struct rt_kafka_message *message,
                         struct part *part, struct rt_batch *batch)
{
    struct rt_record *record = &batch->records[batch->count++];
    size_t length = message->value.length;
    char *at = source->bytes + source->used;

    length = length > RT_RECORD_BYTES_MAX ? RT_RECORD_BYTES_MAX : length;
    if (length > 0)
        memcpy(at, message->value.data, length);
    source->used += length;
    *record = (struct rt_record){
        .data = at,
        .length = (uint32_t)length,
        .too_long = message->value.length > RT_RECORD_BYTES_MAX,
        .is_absent = !message->has_value,
        .bytes = message->value.length,
        .position = {source->number, message->topic << RT_KAFKA_TOPIC_SHIFT | message->partition,
                     (uint64_t)message->offset},
        .has_stamp = message->timestamp_ms >= 0,
        .stamp = {message->timestamp_ms},
        .key = message->has_key ? message->key : (struct rt_text){NULL, 0},
    };
    if (source->wants_headers)
        take_headers(source, message, record);
    if (part->unhashed == NULL)
        source->touched[source->touched_count++] = part;
    part->unhashed = at;
    part->unhashed_length = (uint32_t)length;
    part->next = message->offset + 1;
    part->has_last = true;
    part->last = message->offset;
}

static bool fits(const struct kafka_source *source, const struct rt_kafka_message *message)
{
    size_t length = message->value.length;

    length = length > RT_RECORD_BYTES_MAX ? RT_RECORD_BYTES_MAX : length;
    return source->used + length + RT_RECORD_PADDING <= BYTES;
}

static enum rt_status offer(struct kafka_source *source, const struct rt_kafka_message *message,
                            struct rt_batch *batch)
{
    struct part *part = part_at(source, message->topic, message->partition);
    enum rt_status status = RT_OK;

    if (part == NULL || (source->until_now && message->offset >= part->end))
        return RT_OK;
    if (part->check_last)
        status = compare_last(source, part, message);
    if (status != RT_OK || message->offset < part->next)
        return status;
    if (!fits(source, message)) {
        source->held = *message;
        source->has_held = true;
        return RT_OK;
    }
    take_message(source, message, part, batch);
    return RT_OK;
}

static enum rt_status fill_batch(struct kafka_source *source, struct rt_batch *batch)
{
    struct rt_kafka_message message;
    enum rt_status status = RT_OK;

    if (source->has_held) {
        source->has_held = false;
        status = offer(source, &source->held, batch);
    }
    while (status == RT_OK && !source->has_held && batch->count < RT_BATCH_RECORDS_MAX &&
           rt_kafka_reader_next(source->reader, &message))
        status = offer(source, &message, batch);
    return status;
}

/* Control records are passed over without a message: only the client's position tells. */
static int64_t next_of(struct kafka_source *source, uint32_t topic, uint32_t partition)
{
    const struct part *part = part_at(source, topic, partition);
    int64_t at = source->dry ? rt_kafka_reader_position(source->reader, topic, partition)
                             : RT_KAFKA_NO_OFFSET;

    return at > part->next ? at : part->next;
}

static bool all_at_end(struct kafka_source *source)
{
    for (uint32_t t = 0; t < source->topic_count; t++)
        for (uint32_t p = 0; p < source->topics[t].count; p++)
            if (next_of(source, t, p) < source->topics[t].parts[p].end)
                return false;
    return true;
}

static enum rt_status poll_client(struct kafka_source *source)
{
    if (source->has_held || !source->dry)
        return RT_OK;
    return rt_kafka_reader_poll(source->reader) == RT_OK ? RT_OK : client_failed(source);
}

static enum rt_status source_read(struct rt_source *port, struct rt_batch *batch)
{
    struct kafka_source *source = of(port);
    enum rt_status status = RT_OK;

    settle_batch(source);
    batch->count = 0;
    source->used = source->header_count = 0;
    if (!source->started)
        status = begin(source);
    if (batch->paused || status != RT_OK)
        return status;
    status = poll_client(source);
    if (status == RT_OK)
        status = fill_batch(source, batch);
    /* A batch takes all that a poll brings unless it is full of bytes. */
    source->dry = !source->has_held;
    if (status != RT_OK || batch->count > 0)
        return status;
    if (source->until_now && all_at_end(source))
        return RT_END;
    return look_for_parts(source);
}

static int source_descriptor(const struct rt_source *port)
{
    return rt_kafka_reader_descriptor(((const struct kafka_source *)port)->reader);
}

static size_t source_places(const struct rt_source *port, struct rt_place *out, size_t max)
{
    struct kafka_source *source = (struct kafka_source *)(uintptr_t)port;
    size_t count = 0;

    if (max == 0)
        return source->part_count;
    settle_batch(source);
    for (uint32_t t = 0; t < source->topic_count; t++)
        for (uint32_t p = 0; p < source->topics[t].count; p++, count++) {
            const struct part *part = &source->topics[t].parts[p];
            int64_t next = next_of(source, t, p);

            if (count < max)
                out[count] = (struct rt_place){
                    .partition = t << RT_KAFKA_TOPIC_SHIFT | p,
                    .has_last = part->has_last,
                    .next = next < 0 ? 0 : (uint64_t)next,
                    .last = (uint64_t)part->last,
                    .fingerprint = part->fingerprint,
                    .name = part->name,
                };
        }
    return count;
}

/* Records that control records stand between are counted with these. */
static bool source_lag(const struct rt_source *port, uint64_t *records)
{
    struct kafka_source *source = (struct kafka_source *)(uintptr_t)port;
    uint64_t sum = 0;

    for (uint32_t t = 0; t < source->topic_count; t++) {
        for (uint32_t p = 0; p < source->topics[t].count; p++) {
            int64_t next = next_of(source, t, p), end;

            if (!rt_kafka_reader_known_end(source->reader, t, p, &end))
                return false;
            sum += end > next && next >= 0 ? (uint64_t)(end - next) : 0;
        }
    }
    *records = sum;
    return true;
}

/* ---- without checkpoints ---- */

static void source_mark(struct rt_source *port)
{
    struct kafka_source *source = of(port);

    rt_free(source->marked);
    source->marked = source->started ? all_places(source) : NULL;
    source->marked_count = source->marked == NULL ? 0 : source->part_count;
    for (size_t i = 0; i < source->marked_count; i++)
        source->marked[i].offset =
            next_of(source, source->marked[i].topic, source->marked[i].partition);
}

/* Only what has moved: the group may stand elsewhere on purpose where nothing was read. */
static enum rt_status source_acknowledge(struct rt_source *port)
{
    struct kafka_source *source = of(port);
    size_t count = 0;

    for (size_t i = 0; i < source->marked_count; i++) {
        const struct rt_kafka_place *place = &source->marked[i];
        struct part *part = part_at(source, place->topic, place->partition);

        if (!part->has_last || part->acknowledged == place->offset)
            continue;
        part->acknowledged = place->offset;
        source->marked[count++] = *place;
    }
    source->marked_count = 0;
    if (count == 0 || rt_kafka_reader_commit(source->reader, source->marked, count) == RT_OK)
        return RT_OK;
    return client_failed(source);
}

static const char *source_error(const struct rt_source *port)
{
    const struct kafka_source *source = (const struct kafka_source *)port;

    return source->error.length == 0 ? "" : source->error.data;
}

/* ---- life ---- */

static void source_free(struct rt_source *port)
{
    struct kafka_source *source = of(port);

    if (source == NULL)
        return;
    rt_kafka_reader_free(source->reader);
    for (size_t t = 0; t < source->topic_count; t++)
        rt_free(source->topics[t].parts);
    rt_free(source->topics);
    rt_free(source->topic_names);
    rt_free(source->touched);
    rt_free(source->marked);
    rt_free(source->bytes);
    rt_free(source->headers);
    rt_arena_done(&source->names);
    rt_buffer_done(&source->error);
    rt_free(source);
}

static enum rt_status make_room(struct kafka_source *source,
                                const struct rt_kafka_source_options *options)
{
    source->topics = rt_alloc_zeroed(options->topic_count, sizeof(*source->topics));
    source->topic_names = rt_alloc_zeroed(options->topic_count, sizeof(*source->topic_names));
    source->bytes = rt_alloc_zeroed(1, BYTES);
    source->headers = rt_alloc_zeroed(options->headers ? HEADERS : 1, sizeof(*source->headers));
    if (source->topics == NULL || source->topic_names == NULL || source->bytes == NULL ||
        source->headers == NULL)
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

static enum rt_status look_up_topics(struct kafka_source *source, struct rt_buffer *message)
{
    for (uint32_t t = 0; t < source->topic_count; t++) {
        uint32_t count = 0;
        enum rt_status status =
            rt_kafka_reader_partitions(source->reader, t, RT_KAFKA_CONNECT_MS, &count);

        if (status == RT_OK)
            status = count > PARTITIONS_MAX ? RT_ERR_LIMIT : add_parts(source, t, count);
        if (status == RT_ERR_NOT_FOUND)
            RT_KAFKA_STOP_SAY(message, RT_KAFKA_STOP_TOPIC_MISSING, "there is no topic `%s`",
                              source->topic_names[t]);
        else if (status == RT_ERR_IO)
            RT_KAFKA_STOP_SAY(message, RT_KAFKA_STOP_UNREACHABLE, "no answer about topic %s",
                              rt_kafka_reader_error(source->reader));
        if (status != RT_OK)
            return status == RT_ERR_NOT_FOUND ? RT_ERR_IO : status;
    }
    return RT_OK;
}

static enum rt_status refuse_members(struct kafka_source *source, const char *group,
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
static enum rt_status share_ahead(struct kafka_source *source,
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

static enum rt_status open_source(struct kafka_source *source,
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
    struct kafka_source *source = rt_alloc_zeroed(1, sizeof(*source));

    if (source == NULL)
        return RT_ERR_NOMEM;
    source->port = (struct rt_source){
        .read = source_read,
        .descriptor = source_descriptor,
        .places = source_places,
        .lag = source_lag,
        .seek = source_seek,
        .mark = source_mark,
        .acknowledge = source_acknowledge,
        .error = source_error,
        .free = source_free,
    };
    source->number = options->number;
    source->start = options->start;
    source->start_ms = options->start_ms;
    source->until_now = options->until_now;
    source->wants_headers = options->headers;
    source->new_partitions = options->new_partitions;
    source->look_every_ns = options->look_every_ms * NS_OF_MS;
    source->looked_at = rt_clock_monotonic_ns();
    source->dry = true;
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

/* ---- for who commits ---- */

enum rt_status rt_source_kafka_begin(struct rt_source *port)
{
    return of(port)->started ? RT_OK : begin(of(port));
}

void rt_source_kafka_pass_gaps(struct rt_source *port)
{
    of(port)->pass_gaps = true;
}

void rt_source_kafka_begin_at(struct rt_source *port, const struct rt_kafka_place *places,
                              size_t count)
{
    struct kafka_source *source = of(port);

    RT_ASSERT(!source->started && count == source->part_count);
    for (size_t i = 0; i < count; i++)
        part_at(source, places[i].topic, places[i].partition)->next =
            places[i].offset == RT_KAFKA_NO_OFFSET ? 0 : places[i].offset;
    source->sought = true;
}

struct rt_kafka_reader *rt_source_kafka_reader(struct rt_source *source)
{
    return of(source)->reader;
}

enum rt_status rt_source_kafka_committed(struct rt_source *port, struct rt_kafka_place *out,
                                         size_t max, size_t *count)
{
    enum { PATIENCE_MS = 120000 }; /* longer than a transaction may be pending */
    struct kafka_source *source = of(port);

    *count = list_parts(source, out, max);
    if (*count > max)
        return RT_OK;
    if (rt_kafka_reader_committed(source->reader, out, *count, PATIENCE_MS) != RT_OK)
        return client_failed(source);
    return RT_OK;
}

size_t rt_source_kafka_stand(struct rt_source *port, struct rt_kafka_place *out, size_t max)
{
    struct kafka_source *source = of(port);
    size_t count = list_parts(source, out, max);

    for (size_t i = 0; i < count && i < max; i++)
        out[i].offset = next_of(source, out[i].topic, out[i].partition);
    return count;
}

const char *rt_source_kafka_name(const struct rt_source *port, const struct rt_kafka_place *place)
{
    const struct kafka_source *source = (const struct kafka_source *)port;

    return source->topics[place->topic].parts[place->partition].name;
}
