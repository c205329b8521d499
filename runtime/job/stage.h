/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stage.h - where the time goes: nanoseconds by stage of the walk of an event.
 *
 *     read | decode | order | push | order | push | emit | push | order ...     one switch = one look at the clock
 *
 * S1  At every moment of a measured batch exactly one stage runs; a switch charges the time since the last one to the stage that
 *     ran, less what a look at the clock costs.
 * S2  Only every RT_STAGE_SAMPLE-th batch is measured, so that measuring hardly changes what it measures; `records` says how
 *     many records the figures stand for.
 * S3  Switched off it is a test of a pointer; outside measured batches, of a flag.
 */
#ifndef EGRET_RUNTIME_JOB_STAGE_H
#define EGRET_RUNTIME_JOB_STAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/time/clock.h"

enum rt_stage {
    RT_STAGE_READ,   /* the source: input, decompression, lines */
    RT_STAGE_DECODE, /* the codec, event time, rejects */
    RT_STAGE_ORDER,  /* watermark, lateness, waiting */
    RT_STAGE_PUSH,   /* the operator: rules, keys, patterns */
    RT_STAGE_EMIT,   /* sinks; whoever emits switches to it and back */
    RT_STAGE_COUNT
};

enum { RT_STAGE_SAMPLE = 8 };

struct rt_stages {
    uint64_t ns[RT_STAGE_COUNT];
    uint64_t records;
    uint64_t batches; /* measured or not */
    uint64_t since;
    uint64_t clock_ns; /* what a look at the clock costs */
    enum rt_stage current;
    bool running; /* inside a measured batch */
};

const char *rt_stage_name(enum rt_stage stage); /* "decode" */

/* Finds out what the clock costs. */
void rt_stages_init(struct rt_stages *stages);

/* A batch begins, with reading; it ends with so many records.  NULL is fine. */
void rt_stages_begin(struct rt_stages *stages);
void rt_stages_end(struct rt_stages *stages, uint64_t records);

/* From now on `stage` runs; the one that ran, for switching back.  NULL is fine. */
static inline enum rt_stage rt_stage_switch(struct rt_stages *stages, enum rt_stage stage)
{
    if (stages == NULL || !stages->running)
        return stage;

    uint64_t now = rt_clock_monotonic_ns();
    uint64_t spent = now - stages->since;
    enum rt_stage former = stages->current;

    stages->ns[former] += spent > stages->clock_ns ? spent - stages->clock_ns : 0;
    stages->since = now;
    stages->current = stage;
    return former;
}

#endif
