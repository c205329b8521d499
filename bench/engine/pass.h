/* SPDX-License-Identifier: Apache-2.0 */
/* pass.h - one run of a job over a file, with what it cost. */
#ifndef EGRET_BENCH_ENGINE_PASS_H
#define EGRET_BENCH_ENGINE_PASS_H

#include <stdbool.h>
#include <stdint.h>

#include "rules/plan.h"
#include "runtime/job/stage.h"

struct bench_pass {
    bool measure;       /* in: the stage timer is on */
    bool keep_open;     /* in: no final watermark, so that the state at the end can be seen */
    bool classify_only; /* in: no engine, only its classifier */
    uint64_t events;
    double wall_s, cpu_s;
    double stage_ns[RT_STAGE_COUNT]; /* per event */
    uint64_t *emitted;               /* records by rule; owned */
    uint64_t state_bytes, keys;      /* at the end; without keep_open nothing is left */
};

/* The rules with the event-time field `ts`.  As rule_load. */
enum rt_status bench_load(const struct rule_source *sources, size_t count, struct rt_diags *diags,
                          struct rule_plan **out);

/* False: it said why on stderr. */
bool bench_run(struct rule_plan *plan, const char *path, struct bench_pass *pass);
void bench_pass_done(struct bench_pass *pass);

#endif
