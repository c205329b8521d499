/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_library.h - the only file that includes librdkafka's header, for those that call it.  Private to them:
 *
 *     kafka_client.c     settings, and what reader and writer share
 *     kafka_reader.c     fixed partitions, a lane each
 *     kafka_messages.c   messages of a lane, headers, and that the fetching goes on
 *     kafka_places.c     where things are: partitions, bounds, committed offsets, positions
 *     kafka_writer.c     topic handles, delivery reports, transactions
 *
 * L1  Nobody else sees a type of the library: the port is kafka_client.h.
 */
#ifndef EGRET_RUNTIME_IO_KAFKA_LIBRARY_H
#define EGRET_RUNTIME_IO_KAFKA_LIBRARY_H

#include <librdkafka/rdkafka.h>
#include <stdatomic.h>

#include "runtime/io/kafka_client.h"

enum { RT_KAFKA_ERROR_BYTES = 512, RT_KAFKA_TOPICS_MAX = 256 };

#define RT_KAFKA_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* ---- what both need ---- */

bool rt_kafka_has_setting(const struct rt_kafka_settings *settings, const char *name);

/* A configuration for a client whose opaque begins with a refusal; NULL: `message` says why. */
rd_kafka_conf_t *rt_kafka_configure(const struct rt_kafka_setting *defaults, size_t default_count,
                                    const struct rt_kafka_settings *settings,
                                    struct rt_buffer *message);

/* Takes `conf` over. */
rd_kafka_t *rt_kafka_start_client(rd_kafka_type_t type, rd_kafka_conf_t *conf,
                                  struct rt_buffer *message);

/* Into a text of RT_KAFKA_ERROR_BYTES. */
void rt_kafka_say(char *error, const char *what, const char *why);

/*
 * What a broker answers to somebody whom it does not let in, or who does not trust it; the first such answer since the last look-up.
 * Each client's opaque begins with one: threads of the library write it.
 */
struct rt_kafka_refusal {
    atomic_int state; /* 0: none; 1: being written; 2: there */
    char text[RT_KAFKA_ERROR_BYTES / 2];
};

/* What the metadata say of one topic.  RT_ERR_NOT_FOUND, RT_ERR_IO; RT_ERR_DIAG: refused. */
enum rt_status rt_kafka_count_partitions(rd_kafka_t *client, rd_kafka_topic_t *handle,
                                         int timeout_ms, uint32_t *out, char *error);

/* ---- a reader ---- */

/* A partition that is read: the library's queue of it. */
struct rt_kafka_lane {
    rd_kafka_queue_t *queue; /* owned */
    uint32_t topic, partition;
    uint64_t bytes_taken, messages_taken; /* since the fetcher was last told to look */
};

struct rt_kafka_reader {
    struct rt_kafka_refusal refusal; /* first */
    rd_kafka_t *client;
    rd_kafka_queue_t *queue;     /* what is of no partition: errors */
    struct rt_kafka_lane *lanes; /* owned */
    size_t lane_count;
    char **topics; /* names, owned, as each of them */
    size_t topic_count;
    char *cluster;
    uint64_t look_bytes,
        look_messages; /* so much may be taken of a lane before the fetcher is told */
    bool must_look;
    int bell[2]; /* a pipe: the library writes a byte when an empty queue gets a message */
    char error[RT_KAFKA_ERROR_BYTES];
};

/* What a call came to.  RT_ERR_IO, with what to say. */
enum rt_status rt_kafka_reader_answer(struct rt_kafka_reader *reader, const char *what,
                                      rd_kafka_resp_err_t code);

/* Readable when a queue that was empty is not any more; this makes it unreadable. */
void rt_kafka_reader_silence(struct rt_kafka_reader *reader);

/* The places as the library has them; the caller's to destroy. */
rd_kafka_topic_partition_list_t *rt_kafka_list_of(const struct rt_kafka_reader *reader,
                                                  const struct rt_kafka_place *places,
                                                  size_t count);

#endif
