/* SPDX-License-Identifier: Apache-2.0 */
/*
 * restart.h - when a job whose source or sink has failed is tried again.
 *
 *     none          it ends
 *     fixed         always after the same delay
 *     exponential   delay, 2 x delay, 4 x delay ... up to the longest, each shortened at random by up to a half, so that many jobs
 *                   do not come back at the same moment
 *
 * W1  A job that has worked for `calm` begins anew with the first delay and all its attempts.
 * W2  No clock and no chance of its own: times and the seed come from the caller.
 */
#ifndef EGRET_RUNTIME_JOB_RESTART_H
#define EGRET_RUNTIME_JOB_RESTART_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/instant.h"

enum rt_restart_kind { RT_RESTART_NONE, RT_RESTART_FIXED, RT_RESTART_EXPONENTIAL };

struct rt_restart_strategy {
    enum rt_restart_kind kind;
    rt_duration delay;
    rt_duration delay_max; /* of exponential */
    uint32_t attempts;     /* in a row; 0: for ever */
    rt_duration calm;
};

struct rt_restart {
    struct rt_restart_strategy strategy;
    uint64_t random; /* the seed */
    uint32_t tried;  /* in a row */
};

/*
 * The job has failed after it had worked for `worked`.  True: try again after *delay.  False: that was enough.
 */
bool rt_restart_next(struct rt_restart *restart, rt_duration worked, rt_duration *delay);

#endif
