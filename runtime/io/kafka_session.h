/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_session.h - the transactions of one job: what an epoch has written and the offsets that it was made of become visible
 * together, or not at all.
 *
 *     write write | barrier | write write ...      commit(marker) -> visible     release
 *     `---------transaction n   `---held in memory ---------------------------> transaction n+1
 *                 ^ places of the sources, kept until the commit
 *
 *     new = a writer that has fenced its predecessor and settled what that one had left open; only after this do the committed
 *     offsets mean anything
 *
 * T1  A transaction begins with its first record, or with the commit if there is none.
 * T2  After a barrier nothing goes out until the commit; what waits is bounded (`full`).
 * T3  Every commit carries all partitions of all sources, also those that stood still: their markers are alike, and none of them
 *     expires alone.
 * T4  A failure leaves the outcome unknown: the session is of no more use, the job starts over.  A commit that took long has
 *     the same cure without the failure: the writer is replaced before anything else is written, because a late request of
 *     it could hit the next transaction.
 */
#ifndef EGRET_RUNTIME_IO_KAFKA_SESSION_H
#define EGRET_RUNTIME_IO_KAFKA_SESSION_H

#include "runtime/io/kafka_client.h"
#include "runtime/io/kafka_marker.h"
#include "runtime/io/source.h"

struct rt_kafka_session;

struct rt_kafka_session_options {
    struct rt_kafka_settings settings; /* with transactional.id; outlives the session */
    size_t held_bytes_max;             /* 0: 256 MiB */
};

/* RT_ERR_IO: `message` says why. */
enum rt_status rt_kafka_session_new(const struct rt_kafka_session_options *options,
                                    struct rt_buffer *message, struct rt_kafka_session **out);
void rt_kafka_session_free(struct rt_kafka_session *session);               /* NULL is fine */
const char *rt_kafka_session_error(const struct rt_kafka_session *session); /* never NULL */

/* As rt_kafka_writer_topic; the number stays good for the session's life. */
enum rt_status rt_kafka_session_topic(struct rt_kafka_session *session, const char *name,
                                      uint32_t *out);

enum rt_status rt_kafka_session_write(struct rt_kafka_session *session,
                                      const struct rt_kafka_record *record);

/* Sends what the client has queued, without waiting. */
enum rt_status rt_kafka_session_serve(struct rt_kafka_session *session);

/* What was written belongs to this epoch, with the places where the sources stand now; `sources` are Kafka sources. */
enum rt_status rt_kafka_session_barrier(struct rt_kafka_session *session,
                                        struct rt_source *const *sources, size_t count);

/* So much waits for the commit that nothing more should be made. */
bool rt_kafka_session_full(const struct rt_kafka_session *session);

/* After a barrier: the decision.  RT_OK: it is made, and what was held is on its way. */
enum rt_status rt_kafka_session_commit(struct rt_kafka_session *session,
                                       const struct rt_kafka_marker *marker);

#endif
