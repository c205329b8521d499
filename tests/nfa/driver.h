/* SPDX-License-Identifier: Apache-2.0 */
/*
 * driver.h - runs one case of the Flink file and gives what came out as JSON, to compare with the record.
 */
#ifndef EGRET_TESTS_NFA_DRIVER_H
#define EGRET_TESTS_NFA_DRIVER_H

#include "tests/nfa/flink_case.h"

enum { DRIVER_KEYS_MAX = 16 };

struct driver {
    struct flink_case flink;
    struct nfa_program *program;
    struct nfa_machine *machine;
    int64_t processing_time;
    int64_t time; /* of the event in hand */
    uint64_t sequence;

    json_t *matches;  /* of kind operator: all records */
    json_t *timeouts; /* of kind nfa */
    const char *at;   /* label of the event in hand or "advance:t" */
    bool advancing;   /* before an event */
    int64_t feed_at;  /* operator: index into feed */
    const char *key;  /* operator */
    bool is_operator;
    const char *failed_at; /* label of the event whose step failed; NULL: none did */
};

/* False when the pattern is refused: *refusal says why. */
bool driver_init(struct driver *driver, json_t *json, struct nfa_refusal *refusal);
void driver_done(struct driver *driver);

/* Fill driver->matches and timeouts. */
void driver_run_nfa(struct driver *driver);
void driver_run_operator(struct driver *driver); /* operator.c */

/* shape.c: records that say what is accepted, and which states it has. */
bool shape_build_agrees(json_t *json);
bool shape_compile_agrees(json_t *json, struct rt_buffer *difference);

#endif
