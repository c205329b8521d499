/* SPDX-License-Identifier: Apache-2.0 */
/*
 * First-seen: rules with `new_value`.
 *
 *     event --> (key, value) --> there: not new, remembered longer       not there: new, and a slot for it
 *
 * The slot holds the time of the last sighting and nothing else: a value that is remembered costs its line of the table.
 */
#include "cep/state.h"

/* Never 0, which is no slot: no event is as early as that. */
static uint64_t seen_at(rt_time time)
{
    return (uint64_t)time.ms ^ UINT64_C(1) << 63;
}

static rt_time time_of(uint64_t seen)
{
    return (rt_time){(int64_t)(seen ^ UINT64_C(1) << 63)};
}

rt_time cep_seen_deadline(const struct cep_rule *rule, const struct cep_slot *slot)
{
    return rt_time_plus(time_of(slot->seen), rule->rule->new_value_ttl);
}

void cep_seen_advance(const struct cep_rule *rule, struct cep_slot *slot, rt_time now)
{
    if (!rt_time_before(now, cep_seen_deadline(rule, slot)))
        slot->seen = 0;
}

bool cep_seen_push(struct cep_rule *rule)
{
    struct cep_engine *engine = rule->engine;
    struct cep_keying *keying = &engine->keyings[rule->rule->keying];
    const struct cep_event_key *key = cep_key_of_event(engine, rule->rule->keying);
    struct rt_key_line *line = key->has_key ? cep_key_line(keying, key) : NULL;
    struct cep_slot *slot = line == NULL ? NULL : cep_slot_find(line, rule->rule->index);
    const struct cep_slot fresh = {.rule = rule->rule->index,
                                   .touched = (uint32_t)engine->memo.turn,
                                   .seen = seen_at(engine->event->time),
                                   .deadline = RT_TIME_MAX};
    enum rt_status status;

    if (!key->has_key)
        return true; /* the report says so */
    if (slot != NULL) {
        cep_key_touch(keying, line);
        slot->touched = fresh.touched;
        slot->seen = fresh.seen;
        cep_slot_settle(rule, keying, line, slot);
        return false;
    }
    status = cep_slot_add(engine, keying, key, &fresh);
    if (status != RT_OK) {
        rule->counters.dropped++;
        cep_fail(engine, status == RT_AGAIN ? RT_OK : status);
        return true;
    }
    line = cep_key_line(keying, key);
    cep_slot_settle(rule, keying, line, cep_slot_find(line, fresh.rule));
    return true;
}
