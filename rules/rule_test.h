/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rule_test.h - the tests that live beside a rule, checked and ready to be run in virtual time.
 *
 *     tests:                                    struct rule_test
 *       - name: two failures are an alert         events: [at 0s, twice, every 10s, JSON]
 *         events:                                 expects: [at 10s, output match, fields JSON]
 *           - { at: 0s, repeat: 2, every: 10s, event: { type: login } }
 *         expect:
 *           - { at: 10s, fields: { attempts: 2 } }
 *
 * Q1  Times are absolute event times: `at: 10s` is RULE_TEST_START + 10 s, an RFC 3339 text is itself.
 * Q2  JSON texts are valid JSON objects in one line, keys in the order of the file, numbers as they were written
 *     where JSON allows that.
 * Q3  Of an expectation only what is named counts: an absent text is NULL.  The list itself is exact in number and order;
 *     an empty one is silence.
 * Q4  Everything lives as long as the plan (tests of a rule) or the suite (tests of a file).
 * Whoever runs a test decides about files (`from`); nothing here reads one.
 */
#ifndef EGRET_RULES_RULE_TEST_H
#define EGRET_RULES_RULE_TEST_H

#include "rules/plan.h"

#define RULE_TEST_START ((rt_time){1767225600000}) /* 2026-01-01T00:00:00Z */

enum { RULE_TEST_REPEAT_MAX = 1000000 };

struct rule_test_event {
    rt_time at;         /* of the first repetition */
    bool has_at;        /* false: only with `from`, whose events then keep their own times */
    uint32_t repeat;    /* at least 1 */
    rt_duration every;  /* between repetitions; 0 when there is one */
    const char *json;   /* the event; NULL: `from` */
    const char *from;   /* NDJSON file, relative to the rule file; NULL: none */
    const char *source; /* only rules that read it see the event; NULL: all do */
    uint32_t line;
};

struct rule_test_expect {
    rt_time at;
    bool has_at;
    enum rule_output_kind output; /* match unless named */
    const char *rule;             /* id; NULL: not named */
    const char *severity;
    const char *title;
    const char *message;
    const char *sinks;       /* names in order, joined by rule_names_join; "": the default ones */
    const char *tags_json;   /* a list: equal as a whole */
    const char *key_json;    /* an object: parts named must be equal */
    const char *fields_json; /* likewise */
    uint32_t line;
};

struct rule_test {
    const char *name;
    const char *file;
    uint32_t line;
    const struct rule_test_event *events;
    uint32_t event_count;
    const struct rule_test_expect *expects;
    uint32_t expect_count;
    rt_time stop_at; /* RT_TIME_MAX: the end of time */
    rt_duration out_of_orderness;
};

/* The tests of one rule of a `*_test.yaml` file. */
struct rule_test_group {
    const struct rule *rule; /* of the plan */
    const struct rule_test *tests;
    uint32_t test_count;
};
struct rule_test_suite;

/*
 * Reads test files (`version`, `tests:` with `rule: ID` in each) against a plan, which the suite keeps alive.
 * What is wrong goes to `diags`: RT_ERR_DIAG.
 */
enum rt_status rule_test_load(const struct rule_source *sources, size_t source_count,
                              struct rule_plan *plan, struct rt_diags *diags,
                              struct rule_test_suite **out);
const struct rule_test_group *rule_test_groups(const struct rule_test_suite *suite, size_t *count);
void rule_test_suite_free(struct rule_test_suite *suite); /* NULL is fine */

#endif
