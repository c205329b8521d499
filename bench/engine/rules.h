/* SPDX-License-Identifier: Apache-2.0 */
/* rules.h - rule files for a benchmark: those of its command line, with the event-time field `ts`. */
#ifndef EGRET_BENCH_ENGINE_RULES_H
#define EGRET_BENCH_ENGINE_RULES_H

#include "rules/plan.h"

/* NULL: it said why on stderr, after `program`. */
struct rule_plan *bench_load_files(const char *program, char **paths, size_t count);

#endif
