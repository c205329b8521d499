/* SPDX-License-Identifier: Apache-2.0 */
/*
 * classify.h - from an event to the few rules that can care.
 *
 *     slot `type`:    "login"   -> rules 0 4 7          slot `result`:  "blocked" -> rules 3        always: 2 9
 *                     "payment" -> rules 1 4
 *
 *     event {type: login, result: ok}  ->  0 2 4 7 9
 *
 * F1  Sound: a rule that is left out has no condition that could be true (rules/plan.h, struct rule_route).
 * F2  The list is in rule order.  Its cost is one look-up a routed slot and the length of the list; how many rules there are
 *     does not matter.
 * Immutable after cep_classifier_new but for the list of the last event.
 */
#ifndef EGRET_CEP_CLASSIFY_H
#define EGRET_CEP_CLASSIFY_H

#include <stddef.h>
#include <stdint.h>

#include "rules/plan.h"
#include "runtime/event/event.h"

struct cep_classifier;

/* Rules whose mode is `off` are left out. */
enum rt_status cep_classifier_new(const struct rule_plan *plan, struct cep_classifier **out);
void cep_classifier_free(struct cep_classifier *classifier); /* NULL is fine */

/* The rules to ask, ascending; good until the next call. */
const uint32_t *cep_classify(struct cep_classifier *classifier, const struct rt_event *event,
                             size_t *count);

#endif
