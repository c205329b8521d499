/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_stats.h - what a run says of itself while it works, every log.stats_every, on stderr.
 *
 *     egret: stats events_per_second=118203 events_total=1182030 lag_records=212 watermark=2026-01-01T10:00:05.200Z
 *                  watermark_delay_seconds=4.8 alerts_total=2 rejected_total=0 late_total=0 partial_matches=18204 keys=9102
 *                  state_bytes=4718592 checkpoint=4181 checkpoint_age_seconds=3.0
 *
 * (one line.)  The lag is there when every source knows it (Kafka), the delay when the input is live, the checkpoint when there is
 * one.  Asked between two batches, when everything that was read is worked off.
 */
#ifndef EGRET_CLI_RUN_STATS_H
#define EGRET_CLI_RUN_STATS_H

#include "cep/team.h"
#include "cli/command.h"
#include "rules/plan.h"
#include "runtime/job/job.h"

struct cli_run_stats {
    const struct cli_call *call;
    const struct rule_plan *plan;
    const struct rt_job *job;
    const struct cep_team *team;
    struct rt_source *const *sources;
    size_t source_count;
    bool is_live;
    uint64_t before_ns,
        before_read; /* when it was told the last time; at first: when the run began */
};

/* Says it.  The context is a struct cli_run_stats. */
void cli_run_stats_tell(void *context);

#endif
