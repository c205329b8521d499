/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks before a window ends:
 *
 *     early: { every: 10s }       |---10---20---| looked at when something came since the last look
 *     early: on_change            at each event after which an outcome is another than was told
 *     global: { every: 1h }       the same clock; what it finds is no early result, since there is no end
 *
 * What `having` does not hold for is not told.  With `purge` a window that was told begins anew.
 */
#include "cep/state.h"
#include "runtime/base/hash.h"
#include "runtime/window/sketch.h"

/* From where the looks are counted: the window's beginning, a session's first event, 1970 for a global one. */
static rt_time origin_of(const struct cep_rule *rule, const struct rt_window *window)
{
    const struct rt_window_shape *shape = &rule->windows->shape;
    uint64_t sequence;

    switch (shape->kind) {
    case RT_WINDOW_TUMBLING:
    case RT_WINDOW_HOPPING:
        return rt_window_begin(shape, window->close);
    case RT_WINDOW_SESSION:
        return rt_window_first(rule->windows->read_shape, window, &sequence);
    default:
        return (rt_time){0};
    }
}

void cep_early_plan(const struct cep_rule *rule, struct rt_window_early *early,
                    const struct rt_window *window, rt_time now)
{
    const int64_t every = rule->rule->window->early_every.ms;
    int64_t origin, passed;

    if (every == 0 || early->at.ms != RT_TIME_MAX.ms)
        return;
    origin = origin_of(rule, window).ms;
    passed = (now.ms - origin) % every;
    early->at.ms = now.ms - (passed < 0 ? passed + every : passed) + every;
}

static uint64_t hash_of(struct rt_value value)
{
    uint64_t hash = value.length;

    if (value.type != RT_LIST)
        return rt_sketch_hash(value);
    for (uint32_t i = 0; i < value.length; i++) {
        const uint64_t both[] = {hash, rt_sketch_hash(value.u.items[i])};

        hash = rt_hash64(both, sizeof(both));
    }
    return hash;
}

/* Of all outcomes, as they are now; 0 means that nothing was told yet. */
static uint64_t outcomes_of(struct cep_rule *rule, const struct rt_window *window)
{
    const struct rt_window_shape *shape = rule->windows->read_shape;
    struct rt_value *outcomes = rule->windows->bindings + RULE_BINDING_AGGREGATES;
    uint64_t hash = 1;

    rt_window_read(shape, window, &rule->engine->windows, UINT32_MAX, outcomes);
    for (uint32_t i = 0; i < shape->aggregate_count; i++) {
        const uint64_t both[] = {hash, hash_of(outcomes[i])};

        hash = rt_hash64(both, sizeof(both));
    }
    return hash == 0 ? 1 : hash;
}

bool cep_early_changes(struct cep_rule *rule, struct rt_window_early *early,
                       const struct rt_window *window)
{
    uint64_t now;

    if (!rule->rule->window->early_on_change)
        return false;
    now = outcomes_of(rule, window);
    if (early->told == now)
        return false;
    early->told = now;
    return true;
}

static void tell(struct cep_rule *rule, struct rt_window **window, const struct cep_look *look)
{
    if (cep_window_look(rule, window, look) && rule->rule->window->purges && *window != NULL)
        cep_window_drop(rule, window);
}

void cep_early_event(struct cep_rule *rule, struct rt_window **window, const struct cep_look *at)
{
    struct rt_window_early *early = rt_window_early_of(&rule->windows->shape, *window);
    struct cep_look look = *at;

    cep_early_plan(rule, early, *window, look.time);
    look.is_early = true;
    if (cep_early_changes(rule, early, *window))
        tell(rule, window, &look);
}

bool cep_early_advance(struct cep_rule *rule, struct rt_window **window, const struct cep_look *at)
{
    struct rt_window_early *early = rt_window_early_of(&rule->windows->shape, *window);
    struct cep_look look = *at;

    if (rt_time_before(look.time, early->at))
        return false;
    early->at = RT_TIME_MAX;
    if (!rt_time_before(look.time, rt_window_deadline(&rule->windows->shape, *window)))
        return false; /* it ends now */
    look.is_early = rule->rule->window->kind != RULE_GLOBAL;
    if (!rt_window_is_empty(&rule->windows->shape, *window)) /* what came may have left */
        tell(rule, window, &look);
    return true;
}

/* The clock goes on; of this window nothing was told yet. */
void cep_early_next(const struct cep_rule *rule, struct rt_window *window)
{
    if (rule->windows->shape.is_early && window != NULL)
        rt_window_early_of(&rule->windows->shape, window)->told = 0;
}
