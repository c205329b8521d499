/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_reader.c - fixed partitions, each with a queue of its own: a lane.
 *
 *     broker --fetch--> [ lane 0 ][ lane 1 ] ...  each bounded        errors --> common queue
 *                            `--------`------------------------------------`-- bell
 *
 * C1  A lane is filled up to a limit, which the library keeps while it fetches.  Full lanes are looked at again only once a
 *     second, so whoever empties them has to say so (kafka_messages.c); then little read ahead is enough, and stays in the caches.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"
#include "runtime/io/kafka_library.h"

enum { KILOBYTE = 1024 };

static const struct rt_kafka_setting defaults_of_reader[] = {
    {"enable.auto.commit", "false"},
    {"enable.auto.offset.store", "false"},
    {"auto.offset.reset", "error"},
    {"isolation.level", "read_committed"},
    {"check.crcs", "true"},
    {"queued.min.messages", "1000000"},
    {"queued.max.messages.kbytes", "4096"},
    {"max.partition.fetch.bytes", "262144"},
    {"fetch.wait.max.ms", "50"},
};

enum rt_status rt_kafka_reader_answer(struct rt_kafka_reader *reader, const char *what,
                                      rd_kafka_resp_err_t code)
{
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return RT_OK;
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

void rt_kafka_reader_silence(struct rt_kafka_reader *reader)
{
    char rings[64];

    while (read(reader->bell[0], rings, sizeof(rings)) == (ssize_t)sizeof(rings))
        ;
}

int rt_kafka_reader_descriptor(const struct rt_kafka_reader *reader)
{
    return reader->bell[0];
}

/* Half of what the library keeps of a lane, as it is set in the end. */
static uint64_t half_of(const rd_kafka_conf_t *conf, const char *name, uint64_t unit)
{
    char text[32];
    size_t size = sizeof(text);

    if (rd_kafka_conf_get(conf, name, text, &size) != RD_KAFKA_CONF_OK)
        return UINT64_MAX;
    return strtoull(text, NULL, 10) * unit / 2;
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
        reader->look_bytes = half_of(conf, "queued.max.messages.kbytes", KILOBYTE);
        reader->look_messages = half_of(conf, "queued.min.messages", 1);
        rd_kafka_conf_set_opaque(conf, reader);
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
        lanes[reader->lane_count++] = (struct rt_kafka_lane){
            .queue = queue, .topic = places[i].topic, .partition = places[i].partition};
    }
    return RT_OK;
}

void rt_kafka_reader_free(struct rt_kafka_reader *reader)
{
    if (reader == NULL)
        return;
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
    drop_lanes(reader);

    enum rt_status status = add_lanes(reader, places, count);

    if (status != RT_OK)
        return status;

    rd_kafka_topic_partition_list_t *list = rt_kafka_list_of(reader, places, count);
    rd_kafka_resp_err_t code = rd_kafka_assign(reader->client, list);

    rd_kafka_topic_partition_list_destroy(list);
    return rt_kafka_reader_answer(reader, "assigning the partitions", code);
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
