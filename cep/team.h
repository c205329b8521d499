/* SPDX-License-Identifier: Apache-2.0 */
/*
 * team.h - engines that share the keys of one stream by key groups, and one that goes in front of them.
 *
 *                           workers[0]   groups   0 ..  63
 *     every event  ------>  workers[1]   groups  64 .. 127   ------> head: dedup, rate limits ------> records
 *
 * T1  What comes out of the head, when it gets the records of all workers in the order of the output, is what one engine
 *     would give, as long as no limit of memory or keys is reached: these are shared out.
 * T2  A team of one is one engine, which is its own head.
 * T3  Nothing here starts a thread: whoever drives the engines may give each worker its own, and calls what is said of the
 *     team only while none of them is at work.
 * T4  What is saved does not tell how many there were.
 */
#ifndef EGRET_CEP_TEAM_H
#define EGRET_CEP_TEAM_H

#include "cep/save.h"

enum { CEP_TEAM_MAX = 64 };

struct cep_team;

/* False: a rule reads the alerts of others, so all must be in one engine. */
bool cep_team_can_share(const struct rule_plan *plan);

struct cep_team_size {
    uint32_t workers;
    uint16_t groups; /* key groups */
};

/* `workers` of 1 to CEP_TEAM_MAX, and no more than there are groups; 1 for what cannot be shared.  Errors as cep_engine_new. */
enum rt_status cep_team_new(struct rule_plan *plan, const struct cep_options *options,
                            struct cep_team_size size, rt_emit_fn *emit, void *context,
                            struct cep_team **out);
void cep_team_free(struct cep_team *team); /* NULL is fine */

uint32_t cep_team_count(const struct cep_team *team);
struct rt_operator *cep_team_worker(struct cep_team *team, uint32_t number);
/* With one worker that one. */
struct rt_operator *cep_team_head(struct cep_team *team);
/* Of all; save_some goes through them one after the other. */
struct rt_memory *cep_team_memory(struct cep_team *team);
/* For what looks at rules and does not run them: cep_engine_compare. */
struct cep_engine *cep_team_engine(struct cep_team *team);

/* Sums over all. */
void cep_team_counters(const struct cep_team *team, struct cep_counters *out);
void cep_team_rule_counters(const struct cep_team *team, uint32_t rule,
                            struct cep_rule_counters *out);
void cep_team_each_error(const struct cep_team *team, cep_error_count_fn *each, void *context);

#endif
