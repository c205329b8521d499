/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop.h - a job from inside: what loop.c walks through and job.c builds.
 *
 *     batch (source)  records  [ 0 1 2 ... 63 | 64 ... 127 | ... ]      of several partitions a group is the whole batch
 *     group           slots    [ 64 x fields ]   events [ 64 ]   scratch: what decoding had to unescape
 *
 * L1  A group is decoded as a whole, then pushed: keys can be prefetched, and the scratch memory of a group is forgotten at
 *     once.  What has to wait is lent to the stream for the group, and most of it is released before that ends.  When a group's scratch memory runs out the group ends there, so that only a single record can be too large.
 * L2  An event before which time may have to go on in steps (steps.c) is a group of its own, so that with its record put back all
 *     that counts what was read stands between two records.
 */
#ifndef EGRET_RUNTIME_JOB_LOOP_H
#define EGRET_RUNTIME_JOB_LOOP_H

#include <stdatomic.h>

#include "runtime/base/arena.h"
#include "runtime/job/durable.h"
#include "runtime/job/job.h"

enum {
    RT_GROUP_EVENTS = 256,
    RT_GROUP_EVENTS_STRAIGHT =
        64 /* where nothing waits, so that a group stays in the nearest cache */
};

/* Between stream and operator while a job is measured: switches the stage. */
struct rt_job_probe {
    struct rt_operator port; /* first */
    struct rt_operator *target;
    struct rt_stages *stages;
};

struct rt_job {
    struct rt_job_options options;
    struct rt_job_source *sources; /* owned; a copy */
    struct rt_source **inputs;     /* owned; by source; NULL: it has ended */
    struct rt_source **all;        /* owned; by source, ended or not */
    size_t *places_expected;       /* owned; by source: how many of them the stream knows */
    bool *unread; /* owned; by source: this round has not seen all that there was of it */
    const struct rt_job_source *at; /* whose batch is at hand */
    size_t left;                    /* sources that have not ended */
    bool live;                      /* one of them is */
    bool by_clock;                  /* all of them are */
    struct rt_stream *stream;
    struct rt_durable *durable; /* NULL: nothing survives */
    struct rt_arena scratch;
    struct rt_value *slots; /* RT_GROUP_EVENTS x field_count */
    uint32_t field_count;
    struct rt_event events[RT_GROUP_EVENTS];
    const struct rt_event *group[RT_GROUP_EVENTS]; /* their addresses */
    const struct rt_record *records[RT_GROUP_EVENTS];
    size_t group_count, group_max;
    rt_time soon;    /* with durable: so far time may go on without steps; RT_TIME_MIN: not known */
    uint64_t spills; /* as soon was found out */
    const struct rt_event *judged; /* whether it moves the watermark is known; NULL: of none */
    bool judged_moves;
    bool replays; /* what is read was read before */
    bool marked;  /* the sources have been told to remember, and wait to be told that it counts */
    rt_time marked_time; /* with marked: the latest of all that had to wait until then */
    uint64_t acknowledged_ns;
    uint64_t reported_ns;
    rt_time wall;       /* of this batch; RT_TIME_MIN if the job is not live */
    rt_time wall_round; /* of the last round's last batch; in the first round of its first batch */
    rt_time processing; /* the time of the newest event that has the clock's */
    struct rt_batch batch;
    struct rt_buffer letter; /* a dead letter */
    struct rt_buffer error;
    struct rt_job_counters counters;
    struct rt_stages stages;
    struct rt_job_probe probe;
    atomic_bool stopped;
};

/* Keeps the first failure, for people; the status. */
enum rt_status rt_job_failed(struct rt_job *job, enum rt_status status, const char *what);

/* All that was pushed is answered: what the operator has yet to refuse is refused. */
enum rt_status rt_job_settle(struct rt_job *job);

/* Outputs and dead letters are on their way. */
enum rt_status rt_job_flush(struct rt_job *job);

/* A step towards the next checkpoint, behind a batch. */
enum rt_status rt_job_step(struct rt_job *job, bool idle);

/* steps.c: before a call that lets time go on to `until`.  RT_OK, or what ends the job. */
enum rt_status rt_job_approach(struct rt_job *job, rt_time until);
/* The same before the event that is the group at hand is pushed; its record is the last but `behind` of the batch. */
enum rt_status rt_job_approach_event(struct rt_job *job, size_t behind);
/* Whether an event moves the watermark by itself; asked once of each. */
bool rt_job_is_punctuation(struct rt_job *job, const struct rt_event *event);

/* Steps may be wanted before this event. */
static inline bool rt_job_is_far(const struct rt_job *job, const struct rt_event *event)
{
    return rt_time_before(job->soon, event->time) &&
           rt_time_before(job->soon, rt_stream_push_reaches_at_most(job->stream, event));
}

/*
 * Behind a round in which every source had its turn: idle partitions, and the watermark without events.  Only silence counts: a
 * source that was not asked, or has more, is not silent, and neither is one while the job itself stood still.
 */
enum rt_status rt_job_pass_time(struct rt_job *job);

/*
 * Of a job without checkpoints, behind a batch or at its end: now and then tells the sources what need not come again, when
 * nothing up to there waits any more and all that was made of it is safe.
 */
enum rt_status rt_job_acknowledge(struct rt_job *job, bool at_end);

/* While it replays, behind a batch: ends that when all has been read again. */
enum rt_status rt_job_replay(struct rt_job *job);

/* rt_refused_fn; the context is the job. */
rt_refused_fn rt_job_keep_refused;

#endif
