/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine.h - a compiled rule set at work on one ordered stream.  For the program, the tests and the library's own api.
 *
 *     push(event) --> timers due --> classify --> per rule: filter, except, cancel_if, key, step --> records --> emit
 *
 * G1  One thread; no clock, no I/O.  The same calls give the same records.
 * G2  Records come out in the total order of the output (runtime/operator.h O4), from inside the call.
 * G3  A key of which no rule holds anything has no state.
 * G4  push allocates nothing in the steady state.
 * G5  After an error other than the emit function's own the engine is usable; what did not fit was left out and counted.
 */
#ifndef EGRET_CEP_ENGINE_H
#define EGRET_CEP_ENGINE_H

#include "cep/options.h"
#include "rules/plan.h"
#include "runtime/operator.h"

struct cep_engine;

/*
 * The plan is referenced, the options are copied (source names are borrowed).
 * RT_ERR_NOMEM.  RT_ERR_LIMIT: the steps of one rule have more than 64 different keys.
 */
enum rt_status cep_engine_new(struct rule_plan *plan, const struct cep_options *options,
                              rt_emit_fn *emit, void *context, struct cep_engine **out);

/*
 * Engines that share the keys (team.h).  A worker keeps only keys of its groups, sees the events that can matter to these, and hands
 * out every record; the head tells which events are whose, and holds back what repeats, for all of them.
 */
enum cep_role { CEP_WHOLE, CEP_WORKER, CEP_HEAD };
struct cep_share {
    enum cep_role role;
    uint16_t groups;
    uint16_t group_begin, group_end; /* of a worker */
    uint32_t workers;                /* of a head: so many share the groups */
};
enum rt_status cep_engine_new_share(struct rule_plan *plan, const struct cep_options *options,
                                    const struct cep_share *share, rt_emit_fn *emit, void *context,
                                    struct cep_engine **out);
void cep_engine_free(struct cep_engine *engine); /* NULL is fine */

struct rt_operator *cep_engine_operator(struct cep_engine *engine);

/* ---- counters ---- */

struct cep_rule_counters {
    uint64_t events;           /* that passed source and filter */
    uint64_t excepted;         /* that an exception took out */
    uint64_t cancelled;        /* that cancel_if held for */
    uint64_t no_key;           /* that a step wanted, but that have no key */
    uint64_t started;          /* partial matches begun */
    uint64_t matched;          /* matches, suppressed ones and those of shadow rules included */
    uint64_t timed_out;        /* partial matches whose time ran out */
    uint64_t late;             /* late records made */
    uint64_t emitted;          /* records handed out */
    uint64_t suppressed;       /* records that dedup or a rate limit kept back */
    uint64_t limited;          /* of these, those that a rate limit kept back */
    uint64_t condition_errors; /* conditions that ended in an error */
    uint64_t estimated;        /* records with a number that is an estimate */
    uint64_t output_errors;    /* parts of messages and fields that ended in an error */
    uint64_t dropped;          /* partial matches dropped or refused at a limit */
    uint64_t live;             /* partial matches now */
};
void cep_engine_rule_counters(const struct cep_engine *engine, uint32_t rule,
                              struct cep_rule_counters *out);

/* *sum += *one */
void cep_rule_counters_add(struct cep_rule_counters *sum, const struct cep_rule_counters *one);

struct cep_counters {
    uint64_t events, late;
    uint64_t keys;           /* now */
    uint64_t keys_evicted;   /* dropped, with all they held, at a limit */
    uint64_t keys_refused;   /* not begun at a limit */
    uint64_t captured_bytes; /* now */
    uint64_t state_bytes;    /* now: keys, partial matches, captured events, timers */
};
void cep_engine_counters(const struct cep_engine *engine, struct cep_counters *out);

/* One kind of failed evaluation: where and why.  `step` is a step's name, or `filter`, `except`, `cancel_if`, `where`. */
struct cep_error_count {
    uint32_t rule;
    const char *step;
    enum rt_value_error why;
    uint64_t count;
};
typedef void cep_error_count_fn(void *context, const struct cep_error_count *error);
void cep_engine_each_error(const struct cep_engine *engine, cep_error_count_fn *each,
                           void *context);
/* Sums over engines of one plan. */
void cep_engines_each_error(struct cep_engine *const *engines, size_t count,
                            cep_error_count_fn *each, void *context);

#endif
