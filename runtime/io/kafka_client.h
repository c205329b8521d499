/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_client.h - the port behind which librdkafka stands: reading, committed offsets, writing, transactions.
 *
 *     topics --> [ reader: fixed partitions, no membership ] --> messages       positions, committed places, bounds
 *     records --> [ writer: idempotent, or transactional ] --> topics           init, begin, send places, commit, abort
 *
 * K1  Settings are the client library's own names, given as text; what the caller sets stands above the defaults here.
 * K2  Outages are the library's business: it connects again by itself.  A call fails only for what will not mend by waiting.
 * K3  A reader's partitions are assigned by hand (one process owns them), each is a lane, numbered in the order of assigning.  A
 *     message is borrowed during the call that hands it out.
 * K4  Whatever a transactional call answers but RT_OK leaves the outcome unknown: only a new writer that has been through
 *     rt_kafka_writer_init, and then the committed places, can tell.  `fenced` says that another writer of that id, or the
 *     coordinator's time-out of our own transaction, is the likely cause.
 * K5  Nothing here prints.  Errors are text for people, kept until the next failure.
 * One thread uses a reader or a writer; the library's own threads are not seen.
 */
#ifndef EGRET_RUNTIME_IO_KAFKA_CLIENT_H
#define EGRET_RUNTIME_IO_KAFKA_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/status.h"
#include "runtime/base/text.h"

/* Of a committed place; ours are shorter, longer ones are somebody else's. */
enum { RT_KAFKA_METADATA_MAX = 255 };

/* An offset that is none. */
enum { RT_KAFKA_NO_OFFSET = -1001 };

struct rt_kafka_setting {
    const char *name, *value;
};

struct rt_kafka_settings {
    const struct rt_kafka_setting *items;
    size_t count;
};

/* A partition and where one is in it. */
struct rt_kafka_place {
    uint32_t topic; /* index in the reader's topics */
    uint32_t partition;
    int64_t offset; /* of the next record; or RT_KAFKA_NO_OFFSET */
    uint32_t metadata_length;
    char metadata[RT_KAFKA_METADATA_MAX + 1]; /* NUL-terminated here */
};

/* ---- reading ---- */

struct rt_kafka_reader;

struct rt_kafka_header {
    struct rt_text name, value; /* the name ends in a NUL */
};

struct rt_kafka_message {
    uint32_t topic, partition;
    int64_t offset;
    int64_t timestamp_ms; /* -1: none */
    struct rt_text key, value;
    bool has_key, has_value; /* a null value is a tombstone */
    const void *handle;      /* for rt_kafka_message_header, as long as the message is borrowed */
};

/* RT_ERR_IO: a setting is not known or not valid; `message` says which.  No connection is needed. */
enum rt_status rt_kafka_reader_new(const struct rt_kafka_settings *settings,
                                   const char *const *topics, size_t topic_count,
                                   struct rt_buffer *message, struct rt_kafka_reader **out);
void rt_kafka_reader_free(struct rt_kafka_reader *reader);               /* NULL is fine */
const char *rt_kafka_reader_error(const struct rt_kafka_reader *reader); /* never NULL */

/*
 * How many partitions a topic has now.  RT_ERR_NOT_FOUND: there is no such topic.  RT_ERR_IO: no answer in that time.
 * RT_ERR_DIAG: the broker does not let us in, or one does not trust the other; that is known before the time is over.
 * Asked before anything else it also saves the first second of waiting.
 */
enum rt_status rt_kafka_reader_partitions(struct rt_kafka_reader *reader, uint32_t topic,
                                          int timeout_ms, uint32_t *out);

/* The cluster's own name, "" if it has none.  Borrowed until the reader is freed. */
const char *rt_kafka_reader_cluster(struct rt_kafka_reader *reader, int timeout_ms);

/* How many processes read with this group by membership, with which fixed partitions must not be mixed. */
enum rt_status rt_kafka_reader_members(struct rt_kafka_reader *reader, const char *group,
                                       int timeout_ms, size_t *out);

/*
 * What the group has committed for these partitions: offset (or RT_KAFKA_NO_OFFSET) and metadata of each.
 * Waits for a transaction that is being decided.  RT_ERR_IO: nothing is known, which is not the same as nothing committed.
 */
enum rt_status rt_kafka_reader_committed(struct rt_kafka_reader *reader,
                                         struct rt_kafka_place *places, size_t count,
                                         int timeout_ms);

/* Commits the offsets for the group without a transaction; metadata as given. */
enum rt_status rt_kafka_reader_commit(struct rt_kafka_reader *reader,
                                      const struct rt_kafka_place *places, size_t count);

/* First offset that is kept and the one behind the last that a read-committed reader may see. */
enum rt_status rt_kafka_reader_bounds(struct rt_kafka_reader *reader, uint32_t topic,
                                      uint32_t partition, int timeout_ms, int64_t *low,
                                      int64_t *high);

/* What is behind the last record that a read-committed reader may see, by the last answer of the broker.  False: none came yet. */
bool rt_kafka_reader_known_end(const struct rt_kafka_reader *reader, uint32_t topic,
                               uint32_t partition, int64_t *end);

/* Sets each place's offset to the first record at or after the time; behind the last one if there is none. */
enum rt_status rt_kafka_reader_at_time(struct rt_kafka_reader *reader, int64_t unix_ms,
                                       struct rt_kafka_place *places, size_t count, int timeout_ms);

/* Reads these partitions from these offsets from now on; may be called again with more. */
enum rt_status rt_kafka_reader_assign(struct rt_kafka_reader *reader,
                                      const struct rt_kafka_place *places, size_t count);
enum rt_status rt_kafka_reader_assign_more(struct rt_kafka_reader *reader,
                                           const struct rt_kafka_place *places, size_t count);

/*
 * Before messages are taken: looks after what is of no partition, and tells the fetcher what has been emptied.  Without
 * waiting.  RT_ERR_IO: reading cannot go on.
 */
enum rt_status rt_kafka_reader_poll(struct rt_kafka_reader *reader);

/* There are messages of that lane. */
bool rt_kafka_reader_has(const struct rt_kafka_reader *reader, size_t lane);

/* Gets a message, borrowed for the call; false: no more, please, after this one. */
typedef bool rt_kafka_take_fn(void *context, const struct rt_kafka_message *message);

/*
 * Hands out the messages that are there of that lane, in order, without waiting.  RT_ERR_IO: reading cannot go on (an
 * offset that is gone, a topic that was deleted, no permission).
 */
enum rt_status rt_kafka_reader_take(struct rt_kafka_reader *reader, size_t lane,
                                    rt_kafka_take_fn *take, void *context);

/* Readable when a message may be there; each poll empties it first. */
int rt_kafka_reader_descriptor(const struct rt_kafka_reader *reader);

/*
 * Offset of the next record, control records passed over; RT_KAFKA_NO_OFFSET if nothing was read yet.  Only meaningful
 * when everything that was taken of that partition has been worked off.
 */
int64_t rt_kafka_reader_position(struct rt_kafka_reader *reader, uint32_t topic,
                                 uint32_t partition);

/* The nth header; false: there are fewer. */
bool rt_kafka_message_header(const struct rt_kafka_message *message, size_t index,
                             struct rt_kafka_header *out);

/* ---- writing ---- */

struct rt_kafka_writer;

struct rt_kafka_record {
    uint32_t topic; /* as rt_kafka_writer_topic gave it */
    struct rt_text key, value;
    const struct rt_kafka_header *headers;
    size_t header_count;
    int64_t timestamp_ms; /* 0: now */
};

/* Transactional if the settings have a transactional.id. */
enum rt_status rt_kafka_writer_new(const struct rt_kafka_settings *settings,
                                   struct rt_buffer *message, struct rt_kafka_writer **out);
/* Does not wait for what is still under way. */
void rt_kafka_writer_free(struct rt_kafka_writer *writer);               /* NULL is fine */
const char *rt_kafka_writer_error(const struct rt_kafka_writer *writer); /* never NULL */
bool rt_kafka_writer_fenced(const struct rt_kafka_writer *writer);

/* Makes a topic known and looks it up.  RT_ERR_NOT_FOUND: there is none.  RT_ERR_IO: no answer. */
enum rt_status rt_kafka_writer_topic(struct rt_kafka_writer *writer, const char *name,
                                     int timeout_ms, uint32_t *out);

/* Copies the record into the queue; waits while that is full.  RT_ERR_IO also for an earlier record that could not be delivered. */
enum rt_status rt_kafka_writer_send(struct rt_kafka_writer *writer,
                                    const struct rt_kafka_record *record);

/* Looks after the library's callbacks without waiting.  RT_ERR_IO: a record could not be delivered. */
enum rt_status rt_kafka_writer_serve(struct rt_kafka_writer *writer);

/* Waits until everything sent is acknowledged.  RT_AGAIN: not in that time.  May run on another thread than `send`. */
enum rt_status rt_kafka_writer_flush(struct rt_kafka_writer *writer, int timeout_ms);

/* The calls of a transaction.  init fences every earlier writer of that id and decides what it left open. */
enum rt_status rt_kafka_writer_init(struct rt_kafka_writer *writer);
enum rt_status rt_kafka_writer_begin(struct rt_kafka_writer *writer);
/* Offsets of the reader's group become part of the transaction. */
enum rt_status rt_kafka_writer_send_places(struct rt_kafka_writer *writer,
                                           struct rt_kafka_reader *reader,
                                           const struct rt_kafka_place *places, size_t count);
enum rt_status rt_kafka_writer_commit(struct rt_kafka_writer *writer);

#endif
