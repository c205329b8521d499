/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source_kafka_seek.c - where reading begins: as configured, where a checkpoint stands, or at the start of a partition that has
 * appeared.
 *
 * Q7  Reading starts with the record that was last, if it is still there, to see that it is the same.
 */
#include <inttypes.h>
#include <string.h>

#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"
#include "runtime/io/source_kafka_inside.h"
#include "runtime/time/clock.h"

/* ---- where to begin ---- */

static enum rt_status fill_from_bounds(struct rt_kafka_source *source, struct rt_kafka_place *place,
                                       bool latest)
{
    int64_t low, high;
    enum rt_status status = rt_kafka_reader_bounds(source->reader, place->topic, place->partition,
                                                   RT_KAFKA_CONNECT_MS, &low, &high);

    if (status == RT_OK)
        place->offset = latest ? high : low;
    return status;
}

static enum rt_status find_start(struct rt_kafka_source *source, struct rt_kafka_place *places)
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
static enum rt_status find_ends(struct rt_kafka_source *source)
{
    for (size_t i = 0; i < source->part_count; i++) {
        struct rt_kafka_part *part = &source->parts[i];
        int64_t low;
        enum rt_status status = rt_kafka_reader_bounds(source->reader, part->topic, part->partition,
                                                       RT_KAFKA_CONNECT_MS, &low, &part->end);

        if (status != RT_OK)
            return status;
    }
    return RT_OK;
}

/* What is ahead of a part begins where the part stands, or with the last record, where there is one to compare. */
static void stand_at(struct rt_kafka_part *part, struct rt_kafka_place *place)
{
    part->next = place->offset;
    part->ahead.expected = part->next;
    part->ahead.end = part->end;
    part->ahead.check_last = part->check_last;
    part->ahead.last = part->last;
    part->ahead.fingerprint = part->fingerprint;
    if (part->check_last)
        place->offset = part->last;
}

static enum rt_status begin_at(struct rt_kafka_source *source, struct rt_kafka_place *places)
{
    enum rt_status status = source->sought ? RT_OK : find_start(source, places);

    if (status == RT_OK && source->until_now)
        status = find_ends(source);
    for (size_t i = 0; status == RT_OK && i < source->part_count; i++)
        stand_at(&source->parts[i], &places[i]);
    if (status == RT_OK)
        status = rt_kafka_reader_assign(source->reader, places, source->part_count);
    return status == RT_OK || status == RT_ERR_NOMEM ? status
                                                     : rt_kafka_source_client_failed(source);
}

enum rt_status rt_kafka_source_begin(struct rt_kafka_source *source)
{
    struct rt_kafka_place *places = rt_kafka_source_list_all(source);

    if (places == NULL)
        return RT_ERR_NOMEM;

    enum rt_status status = begin_at(source, places);

    rt_free(places);
    source->started = status == RT_OK;
    return status;
}

/* ---- going on from a checkpoint ---- */

static struct rt_kafka_part *part_named(struct rt_kafka_source *source, const char *name)
{
    for (size_t i = 0; i < source->part_count; i++)
        if (strcmp(source->parts[i].name, name) == 0)
            return &source->parts[i];
    return NULL;
}

/* What the place needs is still there, and there is as much as there was. */
static enum rt_status check_bounds(struct rt_kafka_source *source, struct rt_kafka_part *part)
{
    int64_t low, high;
    enum rt_status status = rt_kafka_reader_bounds(source->reader, part->topic, part->partition,
                                                   RT_KAFKA_CONNECT_MS, &low, &high);

    if (status != RT_OK)
        return rt_kafka_source_client_failed(source);
    if (low > part->next && source->pass_gaps)
        part->next = low;
    if (low > part->next) {
        RT_KAFKA_SOURCE_SAY(source, RT_KAFKA_STOP_DATA_LOST,
                            "%s was read up to offset %" PRId64 " and begins at %" PRId64
                            " now: %" PRId64 " records are gone unread",
                            part->name, part->next, low, low - part->next);
        return RT_ERR_CORRUPT;
    }
    if (high < part->next) {
        RT_KAFKA_SOURCE_SAY(source, RT_KAFKA_STOP_DATA_OTHER,
                            "%s was read up to offset %" PRId64 " and ends at %" PRId64 " now",
                            part->name, part->next, high);
        return RT_ERR_CORRUPT;
    }
    part->check_last = part->has_last && part->last >= low;
    return RT_OK;
}

static enum rt_status seek_to(struct rt_kafka_source *source, const struct rt_place *place)
{
    struct rt_kafka_part *part = part_named(source, place->name);

    if (part == NULL) {
        RT_KAFKA_SOURCE_SAY(source, RT_KAFKA_STOP_PARTITION_GONE,
                            "%s was read and is not there any more", place->name);
        return RT_ERR_CORRUPT;
    }
    part->next = (int64_t)place->next;
    part->has_last = place->has_last;
    part->last = (int64_t)place->last;
    part->fingerprint = place->fingerprint;
    return check_bounds(source, part);
}

/* No place tells of it. */
static enum rt_status take_as_new(struct rt_kafka_source *source, struct rt_kafka_part *part)
{
    if (source->new_partitions) {
        part->next = 0;
        return RT_OK;
    }
    RT_KAFKA_SOURCE_SAY(source, RT_KAFKA_STOP_PARTITION_NEW, "%s is new", part->name);
    return RT_ERR_CORRUPT;
}

static enum rt_status seek_new(struct rt_kafka_source *source)
{
    enum rt_status status = RT_OK;

    for (size_t i = 0; status == RT_OK && i < source->part_count; i++)
        if (source->parts[i].next == RT_KAFKA_NO_OFFSET)
            status = take_as_new(source, &source->parts[i]);
    return status;
}

enum rt_status rt_kafka_source_seek(struct rt_source *port, const struct rt_place *places,
                                    size_t count)
{
    struct rt_kafka_source *source = rt_kafka_source_of(port);
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

static enum rt_status take_new_parts(struct rt_kafka_source *source, uint32_t topic, uint32_t count)
{
    size_t before = source->part_count;

    if (!source->new_partitions) {
        RT_KAFKA_SOURCE_SAY(source, RT_KAFKA_STOP_PARTITION_NEW, "%s/%u is new",
                            source->topic_names[topic], (unsigned)source->part_counts[topic]);
        return RT_ERR_CORRUPT;
    }

    enum rt_status status = rt_kafka_source_add_parts(source, topic, count);

    for (size_t i = before; status == RT_OK && i < source->part_count; i++) {
        struct rt_kafka_part *part = &source->parts[i];
        struct rt_kafka_place place = {.topic = topic, .partition = part->partition, .offset = 0};

        stand_at(part, &place);
        status = rt_kafka_reader_assign_more(source->reader, &place, 1);
        if (status != RT_OK)
            rt_kafka_source_client_failed(source);
    }
    return status;
}

/* No answer is no news: the next look comes. */
enum rt_status rt_kafka_source_look_for_parts(struct rt_kafka_source *source)
{
    enum { PATIENCE_MS = 1000 };
    uint64_t now;

    if (source->look_every_ns == 0 || source->until_now || source->holds)
        return RT_OK;
    now = rt_clock_monotonic_ns();
    if (now - source->looked_at < source->look_every_ns)
        return RT_OK;
    source->looked_at = now;
    for (uint32_t t = 0; t < source->topic_count; t++) {
        uint32_t count = 0;
        enum rt_status status = rt_kafka_reader_partitions(source->reader, t, PATIENCE_MS, &count);

        if (status == RT_OK && count > source->part_counts[t])
            status = take_new_parts(source, t, count);
        else
            status = RT_OK;
        if (status != RT_OK)
            return status;
    }
    return RT_OK;
}
