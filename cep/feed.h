/* SPDX-License-Identifier: Apache-2.0 */
/* feed.h - alerts as events of the source `alerts`.  Private to cep/. */
#ifndef EGRET_CEP_FEED_H
#define EGRET_CEP_FEED_H

#include "rules/plan.h"
#include "runtime/base/hash.h"

struct cep_engine;
struct cep_feed; /* NULL: no rule reads alerts */

/* *out is to be freed in any case.  RT_ERR_NOMEM. */
enum rt_status cep_feed_new(const struct rule_plan *plan, struct cep_feed **out);
void cep_feed_free(struct cep_feed *feed);
bool cep_feed_is_empty(const struct cep_feed *feed);
/* An alert that goes out; copied if some rule reads it. */
void cep_feed_add(struct cep_engine *engine, uint32_t rule, rt_time time, struct rt_hash128 id,
                  struct rt_text json);
/* Gives all that wait to their readers, and what comes of it too.  Not while an event is at hand. */
void cep_feed_drain(struct cep_engine *engine);

#endif
