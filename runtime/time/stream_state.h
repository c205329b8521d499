/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_state.h - what a stream consists of.  Private to runtime/time/: stream.c works with it, stream_save.c saves it.
 */
#ifndef EGRET_RUNTIME_TIME_STREAM_STATE_H
#define EGRET_RUNTIME_TIME_STREAM_STATE_H

#include "runtime/time/order.h"
#include "runtime/time/partitions.h"
#include "runtime/time/stream.h"

struct rt_stream {
    struct rt_stream_source *sources; /* owned */
    rt_duration *idle_timeouts;       /* owned; by source */
    size_t source_count;
    bool has_partitions; /* more than one sequence: watermarks are kept apart */
    bool has_idle_timeout;
    struct rt_operator *target;
    bool straight; /* an event that is not late may be released at once */
    bool
        soon; /* without a bound: it is released when the other partitions are as far, which is soon */
    bool finished;
    bool by_clock;
    bool restored; /* the time that it was away does not count as silence */
    rt_time watermark;
    rt_time held_at; /* the watermark does not go beyond; RT_TIME_MAX: it is not held */
    rt_time largest; /* time of an event */
    struct rt_partitions partitions;
    struct rt_order order;
    size_t prepared; /* events at the head of the order that the operator has been told of */
    rt_partition_id heard_last;
    rt_time heard_wall; /* when the last record came; RT_TIME_MIN: there was no clock */
    rt_time left_at;    /* the watermark that the last record left, T8 */
    struct rt_stream_counters counters;
};

#endif
