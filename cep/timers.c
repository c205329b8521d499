/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One clock for all keys, one timer a key.
 *
 *     key's timer --wheel--> due --> slots whose deadline has come: nfa_advance --> records put aside
 *                                    next deadline: records emitted in order of arrival, rule
 *
 * A slot whose runs' deadline has moved on since it was set is found when the timer fires, and set again.  Slots that end
 * without a word have no timer: sweep.c.
 */
#include "cep/feed.h"
#include "cep/state.h"
#include "runtime/base/assert.h"

/* Of a hash: enough to find the line by.  The lower half of a timer's tie is its keying. */
#define HASH_UPPER UINT64_C(0xffffffff00000000)

/* The key is to be looked at for this slot, if nothing else happens to it. */
static enum rt_status arm(struct cep_engine *engine, const struct cep_keying *keying,
                          struct rt_key_line *line, const struct cep_slot *slot)
{
    struct cep_key *key = cep_key_of_line(line);

    if (slot->deadline.ms == RT_TIME_MAX.ms || engine->rules[slot->rule].is_swept)
        return RT_OK;
    if (key->timer == NULL) {
        key->timer = rt_pool_take(&engine->timers);
        if (key->timer == NULL)
            return RT_ERR_NOMEM;
        *key->timer = (struct cep_timer){0};
    }
    if (!rt_timer_scheduled(&key->timer->timer) ||
        rt_time_before(slot->deadline, key->timer->timer.deadline))
        rt_wheel_schedule(engine->wheel, &key->timer->timer, slot->deadline,
                          (line->hash & HASH_UPPER) | (uint64_t)(keying - engine->keyings));
    return RT_OK;
}

enum rt_status cep_timer_set(struct cep_engine *engine, struct cep_keying *keying,
                             struct rt_key_line *line, struct cep_slot *slot)
{
    uint64_t tie = 0;
    const struct cep_rule *rule = &engine->rules[slot->rule];
    rt_time deadline = rule->windows != NULL   ? cep_window_deadline(rule, slot)
                       : rule->machine != NULL ? nfa_runs_deadline(rule->machine, &slot->runs, &tie)
                                               : cep_seen_deadline(rule, slot);

    if (rule->is_swept) {
        slot->deadline = deadline; /* as it is: no timer would find out that it has moved on */
        cep_sweep_note(engine, keying, line, slot);
        return RT_OK;
    }
    if (!rt_time_before(deadline, slot->deadline))
        return RT_OK;
    slot->deadline = deadline;
    return arm(engine, keying, line, slot);
}

void cep_timer_clear(struct cep_engine *engine, struct cep_key *key)
{
    if (key->timer == NULL)
        return;
    rt_wheel_cancel(engine->wheel, &key->timer->timer);
    rt_pool_give(&engine->timers, key->timer);
    key->timer = NULL;
}

static bool owns_timer(const struct rt_key_line *line, const void *timer)
{
    return cep_key_of_line((struct rt_key_line *)(uintptr_t)line)->timer == timer;
}

/* Slots go from the last to the first, since one that is dropped moves those behind it. */
static void fire_one(struct cep_engine *engine, struct rt_timer *due)
{
    struct cep_keying *keying = &engine->keyings[due->tie & ~HASH_UPPER];
    rt_time now = due->deadline;
    struct rt_key_line *line =
        rt_key_table_find_upper(&keying->table, due->tie & HASH_UPPER, owns_timer, due);
    uint32_t count;
    struct cep_slot *slots;

    RT_ASSERT(line != NULL);
    slots = cep_key_slots(cep_key_of_line(line), &count);
    for (uint32_t i = 0; i < count; i++)
        if (!rt_time_before(now, slots[i].deadline))
            cep_slot_prefetch(engine, &slots[i], false);
    for (uint32_t i = count; i > 0; i--) {
        uint32_t left;

        slots = cep_key_slots(cep_key_of_line(line), &left);
        if (!rt_time_before(now, slots[i - 1].deadline) &&
            cep_rule_advance(&engine->rules[slots[i - 1].rule], keying, line, &slots[i - 1], now))
            return;
    }
    slots = cep_key_slots(cep_key_of_line(line), &count);
    for (uint32_t i = 0; i < count; i++)
        cep_fail(engine, arm(engine, keying, line, &slots[i])); /* it has its timer */
}

/* What waits for the end of its deadline goes out, and to the rules that read it. */
static void settle(struct cep_engine *engine)
{
    cep_outbox_flush(engine);
    cep_feed_drain(engine);
}

/* The next one; what is told of the deadline before goes out first, and may set others before it. */
static struct rt_timer *next_due(struct cep_engine *engine, rt_time until, rt_time *deadline)
{
    struct rt_timer *due = rt_wheel_next(engine->wheel, until);

    while (due == NULL || rt_time_before(*deadline, due->deadline)) {
        if (engine->outbox.waiting_count == 0)
            break;
        if (due != NULL)
            rt_wheel_schedule(engine->wheel, due, due->deadline, due->tie);
        engine->outbox.deadline = *deadline;
        settle(engine);
        due = rt_wheel_next(engine->wheel, until);
    }
    if (due != NULL)
        *deadline = due->deadline;
    return due;
}

static void fire_until(struct cep_engine *engine, rt_time until)
{
    rt_time deadline = RT_TIME_MIN;
    struct rt_timer *due = rt_wheel_next(engine->wheel, until);

    if (due == NULL)
        return;
    deadline = due->deadline;
    engine->outbox.collecting = true;
    for (; due != NULL; due = next_due(engine, until, &deadline)) {
        engine->reached = rt_time_later(engine->reached, deadline); /* what is told is not late */
        fire_one(engine, due);
    }
    engine->outbox.collecting = false;
}

void cep_fire(struct cep_engine *engine, rt_time until)
{
    rt_time reached = until;

    do {
        if (engine->cold != NULL)
            reached = cep_cold_due(engine, until);
        fire_until(engine, reached);
        if (engine->cold != NULL)
            cep_cold_sweep(engine, reached);
    } while (rt_time_before(reached, until) && engine->status == RT_OK);
}
