/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One clock for all keys.
 *
 *     slot.deadline --wheel--> due --> nfa_advance --> records put aside --> next deadline: emitted in order of arrival, rule
 *
 * A slot whose runs' deadline has moved on since its timer was set is found when the timer fires, and set again.
 */
#include "cep/state.h"
#include "runtime/base/assert.h"

enum rt_status cep_timer_set(struct cep_engine *engine, uint64_t hash, struct cep_slot *slot)
{
    uint64_t tie = 0;
    rt_time deadline = nfa_runs_deadline(engine->rules[slot->rule].machine, &slot->runs, &tie);

    if (!rt_time_before(deadline, slot->deadline))
        return RT_OK;
    if (slot->timer == NULL) {
        slot->timer = rt_pool_take(&engine->timers);
        if (slot->timer == NULL)
            return RT_ERR_NOMEM;
        *slot->timer = (struct cep_timer){.hash = hash};
    }
    slot->deadline = deadline;
    rt_wheel_schedule(engine->wheel, &slot->timer->timer, deadline, tie, slot->rule);
    return RT_OK;
}

void cep_timer_clear(struct cep_engine *engine, struct cep_slot *slot)
{
    if (slot->timer == NULL)
        return;
    rt_wheel_cancel(engine->wheel, &slot->timer->timer);
    rt_pool_give(&engine->timers, slot->timer);
    slot->timer = NULL;
    slot->deadline = RT_TIME_MAX;
}

struct owner { /* which slot has this timer */
    const struct cep_timer *timer;
    uint32_t rule;
};

static bool owns_timer(const struct rt_key_line *line, const void *context)
{
    const struct owner *owner = context;
    const struct cep_slot *slot = cep_slot_find((struct rt_key_line *)(uintptr_t)line, owner->rule);

    return slot != NULL && slot->timer == owner->timer;
}

static void fire_one(struct cep_engine *engine, struct rt_timer *due)
{
    const struct owner owner = {(const struct cep_timer *)due, due->order};
    struct cep_rule *rule = &engine->rules[due->order];
    struct cep_keying *keying = &engine->keyings[rule->rule->keying];
    struct rt_key_line *line =
        rt_key_table_find_if(&keying->table, owner.timer->hash, owns_timer, &owner);

    RT_ASSERT(line != NULL);
    cep_rule_advance(rule, keying, line, due->deadline);
}

void cep_fire(struct cep_engine *engine, rt_time until)
{
    rt_time deadline = RT_TIME_MIN;
    struct rt_timer *due = rt_wheel_next(engine->wheel, until);

    if (due == NULL)
        return;
    engine->outbox.collecting = true;
    for (; due != NULL; due = rt_wheel_next(engine->wheel, until)) {
        if (rt_time_before(deadline, due->deadline)) {
            cep_outbox_flush(engine);
            deadline = due->deadline;
        }
        fire_one(engine, due);
    }
    cep_outbox_flush(engine);
    engine->outbox.collecting = false;
}
