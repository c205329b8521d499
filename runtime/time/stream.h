/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream.h - event time of one stream: watermark, lateness, order.
 *
 *                                   late (time <= watermark) ----------> late()
 *     decoded event ---> watermark -+
 *       in arrival order            +--- bound 0: straight through ----> push() in order of (time, sequence)
 *                                   +--- else: queue and time buckets (order.h), released as the watermark passes
 *
 * T1  The watermark moves per record, in arrival order: largest time - bound - 1 ms, or the event's own time when a punctuation
 *     holds; it never goes back.  Of several partitions it is the least of those that are not idle.
 * T2  An event at or before the watermark is late.  Equal times keep arrival order.
 * T3  In-order events wait in a queue without sorting; out-of-order ones cost a bucket, not a search.
 * T4  After the operator has seen everything at or before the watermark, it is told the watermark; with bound 0 push itself
 *     tells it, since an event's time is then just behind the watermark.
 * T5  What waits when the caller takes its events back is kept (rt_event_keep) with all its fields in this stream's own blocks, which are bounded.  The operator
 *     gets it as a borrowed event, so that what it keeps counts against its own bound.
 * T6  No clock here: idle partitions and the future limit get the wall clock's time from the caller.
 * T7  Nothing is lost: pushed = released + late + waiting, after every call.
 * T8  When all partitions are idle the watermark goes on from where the last record left it, as much as the wall clock has gone
 *     on since then, but for the time in which nobody looked for records.
 * T9  Time may go to where a call will take it in any number of steps before that call: the operator cannot tell the difference.
 */
#ifndef EGRET_RUNTIME_TIME_STREAM_H
#define EGRET_RUNTIME_TIME_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/form.h"
#include "runtime/event/event.h"
#include "runtime/event/event_form.h"
#include "runtime/operator.h"

struct rt_stream_source {         /* how the events of one source tell the time */
    rt_duration out_of_orderness; /* the bound, >= 0 */
    bool punctuated;              /* the watermark moves by rt_stream_push's `punctuation` only */
    bool per_partition; /* each partition has a watermark; false: the source is one sequence */
    rt_duration idle_timeout; /* 0: a silent partition holds the watermark for ever */
    rt_duration future_limit; /* 0: none */
};
struct rt_stream_options {
    /* Of every source, where `sources` does not tell of each. */
    rt_duration out_of_orderness;
    bool punctuated, per_partition;
    rt_duration idle_timeout, future_limit;
    bool
        holds_ties; /* `sequence` is not the order of arrival: events of equal time wait for each other */
    bool by_clock;    /* the clock is the time of all events: it goes on while nobody is there */
    size_t bytes_max; /* of waiting events; 0: 1 GiB */
    const struct rt_stream_source *sources; /* by rt_position.source; copied; NULL: all alike */
    size_t source_count;
};

struct rt_stream_counters {
    uint64_t pushed; /* without those too far ahead */
    uint64_t released, late, waiting;
    uint64_t waiting_bytes;
    uint64_t out_of_order;  /* of the pushed, without the late: a later one had come before */
    uint64_t too_far_ahead; /* refused */
};

#define RT_EVERY_SOURCE UINT32_MAX

struct rt_stream;
enum rt_status rt_stream_new(const struct rt_stream_options *options, struct rt_operator *target,
                             struct rt_stream **out);
void rt_stream_free(struct rt_stream *stream); /* NULL is fine */

/*
 * Says that there is such a partition, before its first record: it holds the watermark until then or until it is idle.
 * Of a source that is one sequence the number does not matter.
 */
enum rt_status rt_stream_expect(struct rt_stream *stream, uint32_t source, uint32_t partition);

/* The source has ended: its partitions hold nothing back any more. */
enum rt_status rt_stream_leave(struct rt_stream *stream, uint32_t source);

/*
 * T9.  How far time will have gone on, for the operator, when the next call is this one: rt_stream_push, rt_stream_leave, rt_stream_idle.  The
 * caller may go there in steps before (rt_stream_advance to earlier times than this).  Partitions are added and taken out as by the call itself.
 */
enum rt_status rt_stream_push_reaches(struct rt_stream *stream, const struct rt_event *event,
                                      bool punctuation, rt_time wall, rt_time *out);
/* The same for any time until then: no more than this, whatever comes before it. */
rt_time rt_stream_push_reaches_at_most(const struct rt_stream *stream,
                                       const struct rt_event *event);
rt_time rt_stream_leave_reaches(struct rt_stream *stream, uint32_t source);
rt_time rt_stream_idle_reaches(struct rt_stream *stream, rt_time wall);

/* The source whose partition holds the watermark back; false: none does. */
bool rt_stream_holds(const struct rt_stream *stream, uint32_t *source);

/*
 * The next events to be pushed: where they do not wait long, the operator may prepare for them.  Of what waits for a bound to pass
 * the stream itself tells the operator.
 */
void rt_stream_prepare(struct rt_stream *stream, const struct rt_event *const *events,
                       size_t count);

/*
 * Between these two the events that are pushed live on, with all that they lead to: what waits is copied only by
 * rt_stream_keep, when most of it has been released again.  RT_ERR_LIMIT, RT_ERR_NOMEM: what was waiting and not yet copied is lost.
 */
void rt_stream_lend(struct rt_stream *stream);
enum rt_status rt_stream_keep(struct rt_stream *stream);

/*
 * One event in arrival order; borrowed.  `punctuation`: the watermark moves to its time after it.  `wall`: the clock's time
 * for the future limit and idleness, RT_TIME_MIN when there is none.
 * RT_ERR_DATA: beyond the future limit (counted).  RT_ERR_LIMIT: too much is waiting; the event was not
 * taken.  RT_ERR_ORDER: after the end.  Or what the operator answered.
 */
enum rt_status rt_stream_push(struct rt_stream *stream, const struct rt_event *event,
                              bool punctuation, rt_time wall);

/* The clock has moved without events: idle partitions are taken out; when all are idle the watermark follows the clock. */
enum rt_status rt_stream_idle(struct rt_stream *stream, rt_time wall);

/*
 * Before rt_stream_idle, what is not silence: nobody looked for records of the source (RT_EVERY_SOURCE: of any) during the last
 * `by`; records of a partition are there, but it is not yet their turn.
 */
void rt_stream_excuse(struct rt_stream *stream, uint32_t source, rt_duration by, rt_time wall);
enum rt_status rt_stream_await(struct rt_stream *stream, uint32_t source, uint32_t partition,
                               rt_time wall);

/* rt_stream_idle could take a partition out now: a constant cost, to ask first whether records wait. */
bool rt_stream_may_idle(const struct rt_stream *stream, rt_time wall);

/*
 * The caller knows that nothing at or before `watermark` will follow, whatever the bound says: releases and tells the
 * operator.  A watermark that lies behind changes nothing.
 */
enum rt_status rt_stream_advance(struct rt_stream *stream, rt_time watermark);

/*
 * Records are read again up to where it was left with the watermark `until`: until rt_stream_let_go it does not go beyond.  A
 * partition of which nothing more is to come before that holds nothing back (rt_stream_rest).  Then the watermark is `until`, and
 * partitions hold it again from `wall` on.
 */
void rt_stream_hold(struct rt_stream *stream, rt_time until);
enum rt_status rt_stream_rest(struct rt_stream *stream, uint32_t source, uint32_t partition);
enum rt_status rt_stream_let_go(struct rt_stream *stream, rt_time wall);

/* The end of a finite input: releases everything and moves the watermark to the end of time. */
enum rt_status rt_stream_finish(struct rt_stream *stream);

/*
 * The saved form: watermarks, what waits, counters; not the options.  RT_ERR_NOMEM: `out` has an unfinished piece.  To be
 * called together with the operator's freeze.
 */
enum rt_status rt_stream_save(const struct rt_stream *stream, const struct rt_event_names *names,
                              struct rt_buffer *out);
/*
 * Into a new stream, before its first event.  Options, fields and sources may be others: a watermark that has been never
 * goes back.  It trusts nothing.  RT_ERR_CORRUPT: form->why.  RT_ERR_NOMEM, RT_ERR_LIMIT.
 */
enum rt_status rt_stream_load(struct rt_stream *stream, const struct rt_event_names *names,
                              struct rt_form *form);

rt_time rt_stream_watermark(const struct rt_stream *stream);
/* Of the events that had to wait, also before it was saved: the latest time; RT_TIME_MIN: there was none. */
rt_time rt_stream_largest(const struct rt_stream *stream);
const struct rt_stream_counters *rt_stream_counters(const struct rt_stream *stream);

#endif
