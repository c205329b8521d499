/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probes.h - from a field's value to the tests of it that hold, without asking each.
 *
 *     equal       hash of the value            "login" -> bucket 4
 *     starts      sorted texts, each with the next shorter one that it starts with:  "/admin/x" > "/admin" > "/"
 *     ends        the same from the end
 *     network     the same by bits of the address
 *     above       sorted bounds: all up to the value;  below: all from it on
 *     contains    one automaton for all texts of a field (cep/literals.h)
 *
 * P1  Equal probes share a bucket; what a bucket stands for is the caller's.
 * P2  Complete: a bucket whose test holds is hit, at least once.  A value that a test cannot take (a number where a text is
 *     asked for) hits all buckets of that kind and field, so that the rules count the error.  So does an absent field while the
 *     rules that ask are few (16 probes of a kind); a thousand are not asked what they all must answer with an error.
 * P3  Cost: a search for each field and kind, and the buckets hit.  How many probes there are enters as a logarithm.
 */
#ifndef EGRET_CEP_PROBES_H
#define EGRET_CEP_PROBES_H

#include "rules/plan.h"
#include "runtime/event/event.h"

struct cep_probes;

enum rt_status cep_probes_new(struct cep_probes **out);
void cep_probes_free(struct cep_probes *probes); /* NULL is fine */

/* The bucket of the probe, numbered from 0.  The probe's value is borrowed. */
enum rt_status cep_probes_add(struct cep_probes *probes, const struct rule_probe *probe,
                              uint32_t *bucket);
enum rt_status cep_probes_seal(struct cep_probes *probes);

typedef void cep_bucket_fn(void *context, uint32_t bucket);
void cep_probes_find(const struct cep_probes *probes, const struct rt_event *event,
                     cep_bucket_fn *hit, void *context);

#endif
