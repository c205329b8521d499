/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inspect.h - what an engine remembers, for people to look at and to take out: `egret state`.
 *
 *     keyings --> keys --> slots (a rule's runs or window of this key) --> one call each
 *
 * The engine is at rest: one that was restored and is not fed, or between two events.
 */
#ifndef EGRET_CEP_INSPECT_H
#define EGRET_CEP_INSPECT_H

#include "cep/engine.h"

struct cep_step_count {
    const char
        *step; /* that took the last event; `window` of a rule with one; borrowed from the engine */
    uint64_t partials;
};

enum { CEP_SLOT_STEPS_MAX = 64 };

/* What one rule remembers of one key; borrowed for the call. */
struct cep_slot_view {
    uint32_t rule;
    struct rt_text key; /* as in alerts: {"user":"bob"} */
    uint64_t partials;  /* partial matches; 1 for a window */
    uint64_t
        bytes; /* of its saved form with the events that it holds; what several rules share counts for each */
    rt_time oldest;   /* first event of the oldest partial match; RT_TIME_MAX: not known */
    rt_time deadline; /* when something of it ends by itself; RT_TIME_MAX: it does not */
    const struct cep_step_count *steps;
    size_t step_count; /* at most CEP_SLOT_STEPS_MAX; further ones are counted with the last */
};

/* RT_OK, or what ends the walk. */
typedef enum rt_status cep_slot_view_fn(void *context, const struct cep_slot_view *view);
/* Every slot, key by key, of an engine that tracks what changes (struct rt_memory).  RT_ERR_NOMEM. */
enum rt_status cep_engine_each_slot(struct cep_engine *engine, cep_slot_view_fn *each,
                                    void *context);

/*
 * Takes out, without output, what the rule remembers of the key (as in alerts), or of every key if `key` is empty.  *dropped: partial
 * matches.  RT_ERR_NOT_FOUND: nothing of that key.  RT_ERR_NOMEM.
 */
enum rt_status cep_engine_drop(struct cep_engine *engine, uint32_t rule, struct rt_text key,
                               uint64_t *dropped);

#endif
