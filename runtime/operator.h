/* SPDX-License-Identifier: Apache-2.0 */
/*
 * operator.h - the port between the job and the engine.
 *
 *     source -> codec -> time and order -> [ operator ] -> records -> sink
 *
 * The job calls, the operator answers through `emit`, from inside the call.
 * O1  push: events come in order of (time, sequence), each later than the last watermark.  Before the first event of time T every
 *     timer due at or before T has fired: push does that itself.
 * O2  late: an event at or before the watermark; it is only reported.
 * O3  advance: watermarks never go back.  RT_TIME_MAX is the end of a finite input.
 * O4  Records are emitted in the total order of the output: timers before events, event time, arrival, rule, match.
 * O5  An event that a rule wanted but could not place is told to `refused`, once, with the first reason; other rules
 *     still see it.
 * O6  One thread.  No clock, no I/O: the same calls give the same records.
 */
#ifndef EGRET_RUNTIME_OPERATOR_H
#define EGRET_RUNTIME_OPERATOR_H

#include "runtime/base/instant.h"
#include "runtime/base/status.h"
#include "runtime/base/text.h"
#include "runtime/event/codec.h"
#include "runtime/event/event.h"

/* One finished record (a JSON object without line end) for the sinks; borrowed for the call. */
struct rt_output {
    struct rt_text record;
    const char *sink;       /* NULL: the default sinks */
    uint32_t rule;          /* index in the plan */
    rt_time time;           /* of the record */
    rt_time first_time;     /* of the first event that it tells of */
    struct rt_text key;     /* the rule's key as JSON, for partitioning */
    struct rt_text message; /* short form for people */
    const char *id;         /* of the record */
    const char *rule_id, *severity, *output;
};

/* RT_OK, or what stops the job. */
typedef enum rt_status rt_emit_fn(void *context, const struct rt_output *output);

/* An event for the dead-letter output, borrowed; `detail` may be NULL.  RT_OK, or what stops the job. */
typedef enum rt_status rt_refused_fn(void *context, const struct rt_event *event,
                                     enum rt_reject reason, const char *detail);

struct rt_operator {
    enum rt_status (*push)(struct rt_operator *self, const struct rt_event *event);
    enum rt_status (*late)(struct rt_operator *self, const struct rt_event *event);
    enum rt_status (*advance)(struct rt_operator *self, rt_time watermark);
    /*
     * Events that will be pushed soon: a chance to hash keys and prefetch.  Only a hint: others may come between, and what is
     * pushed may be another copy of the event.  May be NULL.
     */
    void (*prepare)(struct rt_operator *self, const struct rt_event *const *events, size_t count);
    /* Set by whoever drives the operator, before the first push; NULL: not wanted. */
    rt_refused_fn *refused;
    void *refused_context;
};

#endif
