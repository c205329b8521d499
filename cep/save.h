/* SPDX-License-Identifier: Apache-2.0 */
/*
 * save.h - the saved form of an engine (runtime/operator.h, struct rt_memory).
 *
 *     header    [version][rules: id, revision, shape, counters][keyings][names of fields and sources]     whole, each time
 *     entries   KEY    group of the key   (keying, key) -> captured events, each once; slots
 *               DEDUP  group 0            hash          -> until when, how many
 *
 * V1  Timers are not saved: they follow from runs and windows.  Nor is what is worked out from rules.
 * V2  A rule's partial matches go on under a rule with the same id whose shape is the same (rules/plan.h, rule_shape_part); what
 *     only words, `within` or named values say may be another.  Otherwise they are dropped and the rule begins anew.
 * V3  Reading trusts nothing.
 */
#ifndef EGRET_CEP_SAVE_H
#define EGRET_CEP_SAVE_H

#include "cep/engine.h"

/* What becomes of a rule's partial matches when saved state is restored under the rules of an engine. */
enum cep_change {
    CEP_CHANGE_KEEP,    /* the same rule */
    CEP_CHANGE_EDIT,    /* another revision, partial matches go on */
    CEP_CHANGE_RESTART, /* its partial matches are dropped */
    CEP_CHANGE_DROP,    /* the rule is gone, and so are they */
    CEP_CHANGE_NEW
};
const char *cep_change_name(enum cep_change change); /* "keep" */

struct cep_rule_change {
    enum cep_change change;
    const char *rule_id;
    const char *why;   /* RESTART: "step `there` has changed"; "" otherwise */
    uint64_t partials; /* that were saved */
};
typedef void cep_rule_change_fn(void *context, const struct cep_rule_change *change);

/*
 * What restoring would do: one call a rule, in the order of the saved ones, then the new ones.  The engine is not touched but
 * for its error text.  RT_ERR_CORRUPT, RT_ERR_UNSUPPORTED: the port's `error` tells.  RT_ERR_NOMEM.
 */
enum rt_status cep_engine_compare(struct cep_engine *engine, struct rt_text header,
                                  cep_rule_change_fn *each, void *context);

/* Headers of engines that shared the key groups as one header; parts[i] as freeze gave it. */
void cep_join_headers(const struct rt_text *parts, size_t count, struct rt_buffer *out);

#endif
