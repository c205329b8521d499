/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_places.c - where a reader's topics and groups are: partitions, members, bounds, committed offsets, positions.
 */
#include <string.h>

#include "runtime/base/assert.h"
#include "runtime/io/kafka_library.h"

enum rt_status rt_kafka_reader_partitions(struct rt_kafka_reader *reader, uint32_t topic,
                                          int timeout_ms, uint32_t *out)
{
    RT_ASSERT(topic < reader->topic_count);
    rd_kafka_topic_t *handle = rd_kafka_topic_new(reader->client, reader->topics[topic], NULL);

    if (handle == NULL) {
        rt_kafka_say(reader->error, reader->topics[topic], rd_kafka_err2str(rd_kafka_last_error()));
        return RT_ERR_IO;
    }

    enum rt_status status =
        rt_kafka_count_partitions(reader->client, handle, timeout_ms, out, reader->error);

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
    enum { TRIES = 3 };
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__TRANSPORT;

    /* A connection that breaks under this one question is made anew, but the question is not asked again. */
    for (int i = 0; i < TRIES && code == RD_KAFKA_RESP_ERR__TRANSPORT; i++) {
        const struct rd_kafka_group_list *list = NULL;

        code = rd_kafka_list_groups(reader->client, group, &list, timeout_ms);
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
            *out = list->group_cnt == 1 ? (size_t)list->groups[0].member_cnt : 0;
        if (list != NULL) /* of a part of the brokers it is there too */
            rd_kafka_group_list_destroy(list);
    }
    return rt_kafka_reader_answer(reader, "asking for the group's members", code);
}

rd_kafka_topic_partition_list_t *rt_kafka_list_of(const struct rt_kafka_reader *reader,
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
    rd_kafka_topic_partition_list_t *list = rt_kafka_list_of(reader, places, count);
    rd_kafka_resp_err_t code = rd_kafka_committed(reader->client, list, timeout_ms);

    /* After a time-out the list looks as if nothing had been committed: the call's own answer comes first. */
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        code = first_error(list);
    for (size_t i = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && i < count; i++)
        take_answer(&list->elems[i], &places[i]);
    rd_kafka_topic_partition_list_destroy(list);
    return rt_kafka_reader_answer(reader, "reading the committed offsets", code);
}

enum rt_status rt_kafka_reader_commit(struct rt_kafka_reader *reader,
                                      const struct rt_kafka_place *places, size_t count)
{
    rd_kafka_topic_partition_list_t *list = rt_kafka_list_of(reader, places, count);
    rd_kafka_resp_err_t code = rd_kafka_commit(reader->client, list, 0);

    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        code = first_error(list);
    rd_kafka_topic_partition_list_destroy(list);
    return rt_kafka_reader_answer(reader, "committing the offsets", code);
}

enum rt_status rt_kafka_reader_bounds(struct rt_kafka_reader *reader, uint32_t topic,
                                      uint32_t partition, int timeout_ms, int64_t *low,
                                      int64_t *high)
{
    RT_ASSERT(topic < reader->topic_count);
    rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(
        reader->client, reader->topics[topic], (int32_t)partition, low, high, timeout_ms);

    return rt_kafka_reader_answer(reader, reader->topics[topic], code);
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
    enum rt_status status;
    int64_t low;

    for (size_t i = 0; i < count; i++)
        places[i].offset = unix_ms;

    rd_kafka_topic_partition_list_t *list = rt_kafka_list_of(reader, places, count);
    rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(reader->client, list, timeout_ms);

    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        code = first_error(list);
    status = rt_kafka_reader_answer(reader, "looking for the offsets of a time", code);
    for (size_t i = 0; status == RT_OK && i < count; i++) {
        places[i].offset = list->elems[i].offset;
        if (places[i].offset < 0)
            status = rt_kafka_reader_bounds(reader, places[i].topic, places[i].partition,
                                            timeout_ms, &low, &places[i].offset);
    }
    rd_kafka_topic_partition_list_destroy(list);
    return status;
}

int64_t rt_kafka_reader_position(struct rt_kafka_reader *reader, uint32_t topic, uint32_t partition)
{
    struct rt_kafka_place place = {.topic = topic, .partition = partition};
    rd_kafka_topic_partition_list_t *list = rt_kafka_list_of(reader, &place, 1);
    rd_kafka_resp_err_t code = rd_kafka_position(reader->client, list);
    int64_t offset = list->elems[0].offset;

    if (code != RD_KAFKA_RESP_ERR_NO_ERROR || list->elems[0].err != RD_KAFKA_RESP_ERR_NO_ERROR ||
        offset < 0)
        offset = RT_KAFKA_NO_OFFSET;
    rd_kafka_topic_partition_list_destroy(list);
    return offset;
}
