/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_report.h - what a run says at its end, on stderr: what was left out and why, then the counts.
 *
 *     egret: rejected: bad_json 2, missing_event_time 1
 *     egret: condition errors: impossible-travel/there: absent_field 2
 *     egret: --watermark-when: ended in an error for 3 events, which did not move the watermark
 *     egret: held 0, no key 4, suppressed 1, timed out 2, alerts 14
 *     egret: read 431, late 1, rejected 3, matched 12
 */
#ifndef EGRET_CLI_RUN_REPORT_H
#define EGRET_CLI_RUN_REPORT_H

#include "cep/team.h"
#include "cli/command.h"
#include "rules/plan.h"
#include "runtime/job/job.h"

void cli_run_report(const struct cli_call *call, const struct rule_plan *plan,
                    const struct rt_job_counters *job, const struct cep_team *team,
                    uint64_t watermark_errors);

#endif
