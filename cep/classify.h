/* SPDX-License-Identifier: Apache-2.0 */
/*
 * classify.h - from an event to the few rules that can care.
 *
 *     event --probes.h--> buckets hit --> rules
 *
 *     bucket  type == "login"         starts: 0 4 7     waits: 2         as bits, 64 rules a word
 *             user starts with "adm"  starts: 3         waits:
 *             (every event)           starts: 9         waits: 5
 *
 * F1  Sound: a rule that is left out has no condition that could matter (rules/plan.h, struct rule_route).
 * F2  `starts` are the rules that the event may begin a run of.  `waits` are those that have runs and whose later conditions it
 *     may meet: a word of rules without runs is in no such list, so a thousand rules that wait for the same thing cost nothing
 *     until one of them has seen its beginning, and then one word.
 * F3  A word is taken out of `waits` when it is found there without runs, and put back by cep_classifier_wake: each costs once.
 * F4  The list is in rule order.  Its cost is the searches of probes.h and the buckets hit; how many rules there are does not
 *     matter.
 * F5  Where sources are told apart, what is hit is held against the rules of the event's source, 64 at a time.
 */
#ifndef EGRET_CEP_CLASSIFY_H
#define EGRET_CEP_CLASSIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rules/plan.h"
#include "runtime/event/event.h"

struct cep_classifier;

/* Rules whose mode is `off` are left out.  asks_all: every event goes to every other rule, as if there were no index. */
enum rt_status cep_classifier_new(const struct rule_plan *plan, bool asks_all,
                                  struct cep_classifier **out);
void cep_classifier_free(struct cep_classifier *classifier); /* NULL is fine */

/* The rule has one slot of runs more, or one less.  No rule has any at first. */
void cep_classifier_wake(struct cep_classifier *classifier, uint32_t rule);
void cep_classifier_rest(struct cep_classifier *classifier, uint32_t rule);

/*
 * From now on a rule that names sources sees the events of these only; `names` are by rt_position.source.  Positions past `count` are
 * everybody's.
 */
enum rt_status cep_classifier_route(struct cep_classifier *classifier, const struct rule_plan *plan,
                                    const char *const *names, size_t count);
/* Whether events of that source are for the rule at all. */
bool cep_classifier_routes(const struct cep_classifier *classifier, uint32_t source, uint32_t rule);

/* Whether the event may begin a run of the rule (F2), by another search: for what is rare. */
bool cep_classifier_starts(const struct cep_classifier *classifier, const struct rt_event *event,
                           uint32_t rule);

/* The rules to ask, ascending; good until the next call. */
const uint32_t *cep_classify(struct cep_classifier *classifier, const struct rt_event *event,
                             size_t *count);

#endif
