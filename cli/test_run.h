/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_run.h - runs one test of a rule in virtual time, through the same codec, stream and engine as `egret run`.
 *
 *     test's events --JSON with `ts`--> codec --> stream --> engine --> records of that rule
 *
 * V1  `at` becomes the event's time and, unless the event has one of its own, its field `ts`.
 * V2  An event's offset is its number in the test, from 0; repetitions count.
 * V3  Time runs to the end of time, or to stop_at: a deadline equal to stop_at fires.
 */
#ifndef EGRET_CLI_TEST_RUN_H
#define EGRET_CLI_TEST_RUN_H

#include "rules/plan.h"
#include "rules/rule_test.h"
#include "runtime/base/arena.h"
#include "runtime/base/text.h"

/* The event-time field of tests, to be named in rule_load_options. */
#define CLI_TEST_TIME_FIELD "ts"

struct cli_test_record {
    rt_time time;
    const char *rule_id, *severity, *output;
    const char *sinks;      /* joined by rule_names_join; "": the default ones */
    struct rt_text message; /* in the arena, as is the record */
    struct rt_text record;
    struct cli_test_record *next;
};

struct cli_test_result {
    struct rt_arena arena;
    const struct cli_test_record *records; /* in the order in which they came */
    size_t record_count;
    struct rt_buffer
        errors; /* conditions of the rule that ended in an error, a line each; empty: none */
    struct rt_buffer message; /* why the test could not be run */
};

/*
 * RT_OK: the records are there.  Any other status: the message says what stands in the way (a file that `from` names).
 * Call cli_test_result_done in any case.
 */
enum rt_status cli_test_run(struct rule_plan *plan, const struct rule *rule,
                            const struct rule_test *test, struct cli_test_result *out);
void cli_test_result_done(struct cli_test_result *result);

#endif
