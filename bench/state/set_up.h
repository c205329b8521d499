/* SPDX-License-Identifier: Apache-2.0 */
/*
 * set_up.h - a job over a file, as the program builds it: engines for one or more workers, alerts into a file, and, if there is a
 * directory for it, state that survives.
 *
 *     file --> tap --> job (decode, time, order) --> engine or team --> alerts
 *               |                                         \
 *               +-- notes when the input ended, and stops   checkpoints
 *
 * At the end of its input the job is stopped, so that it ends in the middle: all it remembers stays and can be gone on from.
 */
#ifndef EGRET_BENCH_STATE_SET_UP_H
#define EGRET_BENCH_STATE_SET_UP_H

#include <stdbool.h>
#include <stdint.h>

#include "cep/team.h"
#include "rules/plan.h"
#include "runtime/checkpoint/checkpoints.h"
#include "runtime/job/durable.h"
#include "runtime/job/job.h"
#include "runtime/worker/workers.h"

struct bench_wish {
    const char *input, *output; /* paths */
    const char *directory;      /* of the state; NULL: nothing survives */
    uint32_t workers;
    rt_duration every; /* time between checkpoints */
    uint64_t changes;  /* or when so many entries have changed */
    rt_duration bound; /* out-of-orderness: so much event time waits for the watermark */
};

struct bench_tap {
    struct rt_source port; /* first */
    struct rt_source *source;
    struct rt_job *job;
    uint64_t ended_ns, ended_cpu_ns, ended_thread_ns; /* clocks when the input had ended */
};

struct bench_set_up {
    const struct bench_wish *wish;
    struct rule_plan *plan;
    struct cep_team *team;
    struct rt_workers *workers; /* NULL: one */
    struct bench_tap tap;
    struct rt_codec *codec;
    struct rt_sink *sink;
    struct rt_checkpoints *checkpoints;
    struct rt_durable_options durable;
    struct rt_durable_output durable_output;
    struct rt_job *job;
    struct rt_buffer message;
    uint64_t alerts;
};

/* False: `message`, if it says anything, tells why.  Call bench_tear_down in any case. */
bool bench_set_up(struct bench_set_up *set_up, struct rule_plan *plan,
                  const struct bench_wish *wish);
void bench_tear_down(struct bench_set_up *set_up);

#endif
