/* SPDX-License-Identifier: Apache-2.0 */
/*
 * history.h - what is remembered of a key beyond its window.  Private to cep/.
 *
 *     slot --> [ window at hand | newest event | end of the window at hand | armed? | previous ... | baselines ... ]
 *
 * Y1  A key that is remembered has a history from its first event on; its window exists while it has events.
 * Y2  `previous` is what the window before ended with: what an empty one ends with, if it had no events or there was none.
 * Y3  A baseline is settled when a window begins: it does not change while one is at hand.
 * Y4  A history goes when its memory ends: rule_window.expires after the last event, else when no window before matters.
 */
#ifndef EGRET_CEP_HISTORY_H
#define EGRET_CEP_HISTORY_H

#include "cep/state.h"

struct cep_history {
    struct rt_window *window;   /* owned; NULL: the window at hand has no event */
    rt_time last;               /* of the newest event */
    uint64_t sequence;          /* its arrival */
    rt_time close;              /* tumbling, hopping: the end of the window at hand */
    bool is_true;               /* `having` held at the last look */
    struct rt_value previous[]; /* as many as are asked for, texts owned; then the baselines */
};

enum rt_status cep_history_init(struct cep_rule *rule);
/* NULL: no memory. */
struct cep_history *cep_history_begin(struct cep_rule *rule);
void cep_history_free(struct cep_rule *rule, struct cep_history *history); /* NULL is fine */
/* As many as the plan has. */
struct rt_baseline *cep_history_baselines(const struct cep_rule *rule,
                                          const struct cep_history *history);
/* Puts an outcome in the place of one of `previous`; a text is copied.  RT_ERR_NOMEM: it is null. */
enum rt_status cep_history_remember(struct cep_rule *rule, struct rt_value *place,
                                    struct rt_value value);
/* The bindings of baselines and of the window before. */
void cep_history_read(const struct cep_rule *rule, const struct cep_history *history,
                      struct rt_value *bindings);
/* The event at hand; `is_first`: the history has just begun.  False: the event is left out. */
bool cep_history_push(struct cep_rule *rule, struct cep_history *history,
                      const struct cep_event_key *key, bool is_first);
rt_time cep_history_deadline(const struct cep_rule *rule, const struct cep_history *history);
/* A deadline; false: there is nothing more to remember. */
bool cep_history_advance(struct cep_rule *rule, struct rt_text key, struct cep_history *history,
                         rt_time deadline);

/* ---- history_save.c ---- */

/* Differs when what is remembered does.  RT_ERR_NOMEM. */
enum rt_status cep_history_hash(const struct cep_rule *rule, uint64_t *out);
void cep_history_save(const struct cep_rule *rule, const struct cep_history *history,
                      struct rt_buffer *out);
/* RT_ERR_CORRUPT: form->why.  RT_ERR_NOMEM.  Nothing is held then. */
enum rt_status cep_history_load(struct cep_rule *rule, struct rt_form *form,
                                struct cep_history **out);

#endif
