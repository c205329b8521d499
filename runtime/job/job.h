/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job.h - the loop: one thread from bytes to alerts.  loop.c is the walk of an event in one file.
 *
 *     sources --batch--> codec --> event time --> stream (watermark, order) --> operator --> emit --> sinks
 *                         |            |             |
 *                         +--rejected--+--too far----+--> dead letter, counted by reason
 *
 * J1  The job owns nothing that it is given; it borrows until rt_job_free.
 * J2  A bad record never stops the stream unless stop_on_reject says so.
 * J3  The record's sequence is its number in order of arrival, rejected ones counted too: positions and order do not depend on
 *     batch size.
 * J4  Output written by the operator is flushed when input runs dry and at the end.
 * J7  A state that is lost is made anew by the same loop: records that were read before are read again, whoever emits asks
 *     rt_job_replays and keeps silent meanwhile, no dead letter is written and no checkpoint made (replay.c).
 * J6  Several sources take turns, a batch each.  When too much waits for the watermark, only the source that holds it back is
 *     read until that has gone: the others wait where they are.  Nobody waits while some source has records.
 * J5  Every record is accounted for: read = accepted + rejected, and late and held are of the accepted.
 */
#ifndef EGRET_RUNTIME_JOB_JOB_H
#define EGRET_RUNTIME_JOB_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/event/codec.h"
#include "runtime/io/sink.h"
#include "runtime/io/source.h"
#include "runtime/job/stage.h"
#include "runtime/operator.h"
#include "runtime/time/stream.h"
#include "runtime/time/timestamp.h"

struct rt_durable_options; /* durable.h */
struct rt_recovered;
struct rt_durable_counters;

/* A field that the transport brings, not the record's text. */
enum rt_record_part { RT_PART_KEY, RT_PART_STAMP, RT_PART_HEADER };
struct rt_job_field {
    rt_slot slot;
    enum rt_record_part part;
    const char *header; /* RT_PART_HEADER */
};

struct rt_job_source {
    struct rt_source *source; /* its positions carry its index here */
    const char *name;         /* in dead letters */
    struct rt_codec *codec;
    struct rt_time_reader time_reader;
    rt_slot time_slot;  /* of the event-time field; RT_NO_SLOT: the record's own time stamp */
    bool stamp_if_none; /* an event without time has its record's, or the clock's without one */
    bool
        by_clock; /* processing time: an event's time is the clock's when it is read; it never goes back */
    struct rt_stream_source time;
    bool (*punctuation)(void *context,
                        const struct rt_event *event); /* NULL: periodic watermarks */
    void *punctuation_context;
    const struct rt_job_field *fields;
    size_t field_count;
    bool skip_rejects;   /* no dead letters */
    bool stop_on_reject; /* RT_ERR_DATA at the first bad record */
    bool live;           /* the wall clock is looked at: future limit, idleness */
};

struct rt_job_options {
    const struct rt_job_source *sources; /* copied */
    size_t source_count;
    size_t waiting_bytes_max; /* of events that wait for the watermark; 0: 1 GiB */
    const struct rt_fields *fields;
    struct rt_operator *target;
    struct rt_sink *dead_letter;    /* NULL: counted only */
    struct rt_sink *const *outputs; /* what the operator's output goes to, for flushing (J4) */
    size_t output_count;
    bool keep_open;                  /* no final watermark */
    rt_time (*clock)(void *context); /* the wall clock; NULL: the machine's */
    void *clock_context;
    /* Told so often, between two batches, when all that was read is worked off; `every` 0: never. */
    rt_duration report_every;
    void (*report)(void *context);
    void *report_context;
    /* Told when a lost state has been made anew, before the first checkpoint. */
    void (*replayed)(void *context);
    void *replayed_context;
    bool measure;                             /* nanoseconds by stage */
    const struct rt_durable_options *durable; /* NULL: nothing survives; copied */
};

struct rt_job_counters {
    uint64_t read, bytes; /* records and their bytes */
    uint64_t replayed;    /* of the read: once more, to make a lost state anew */
    uint64_t accepted;    /* events, also late ones */
    uint64_t late;
    uint64_t held; /* waiting for the watermark; of a job that has ended: for ever */
    uint64_t out_of_order;
    uint64_t rejected;
    uint64_t rejected_by[RT_REJECT_COUNT];
};

struct rt_job;
enum rt_status rt_job_new(const struct rt_job_options *options, struct rt_job **out);
void rt_job_free(struct rt_job *job); /* NULL is fine */

/*
 * With `durable`, before rt_job_run: goes on from the last checkpoint, if there is one.  Whatever it answers but RT_OK, the job must
 * not run; rt_job_error says why.  A job that was through has nothing to run for.
 */
enum rt_status rt_job_recover(struct rt_job *job, struct rt_recovered *out);
/* What is emitted now has been emitted before. */
bool rt_job_replays(const struct rt_job *job);
/* NULL without `durable`. */
const struct rt_durable_counters *rt_job_durable_counters(const struct rt_job *job);

/*
 * Reads until the end of input, rt_job_stop, or an error.  RT_OK at the end; a job that was stopped has no final watermark.
 * RT_END: whoever reads the output has gone.  RT_ERR_DATA: a bad record, with stop_on_reject.  RT_ERR_LIMIT: more waits for the
 * watermark than is allowed.  Or what source, operator or sink answered.
 */
enum rt_status rt_job_run(struct rt_job *job);

/* Asks the loop to end after the current batch.  Safe from a signal handler and from another thread. */
void rt_job_stop(struct rt_job *job);

const struct rt_job_counters *rt_job_counters(const struct rt_job *job);
rt_time rt_job_watermark(const struct rt_job *job);
/* What went wrong, for people; "" if nothing. */
const char *rt_job_error(const struct rt_job *job);
/* The stage timer, for whoever emits; NULL without `measure`. */
struct rt_stages *rt_job_stages(struct rt_job *job);

#endif
