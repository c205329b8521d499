/* SPDX-License-Identifier: Apache-2.0 */
/* clock.h - the only way to the machine's clocks.  Nothing that decides an alert may depend on them. */
#ifndef EGRET_RUNTIME_TIME_CLOCK_H
#define EGRET_RUNTIME_TIME_CLOCK_H

#include <stdint.h>

#include "runtime/base/instant.h"

rt_time rt_clock_wall(void);            /* Unix milliseconds */
uint64_t rt_clock_monotonic_ns(void);   /* for measuring spans */
uint64_t rt_clock_process_cpu_ns(void); /* CPU time of the process */
uint64_t rt_clock_thread_cpu_ns(void);  /* and of the thread that asks */

#endif
