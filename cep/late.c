/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A rule whose windows stay some time after their end (`allowed_lateness`):
 *
 *     event        --> its pane
 *     window's end --> `having` --> finding                                 the pane stays
 *     late event   --> its pane --> each ended window that has the pane --> `having` --> finding, "update": how many came before
 *     end + allowed lateness --> the pane goes
 *     with `early`: before the end, looks at the one window that is open
 */
#include "runtime/window/late.h"
#include "cep/state.h"

static struct rt_late *late_of(struct rt_window *window)
{
    return (struct rt_late *)(uintptr_t)window; /* its first member */
}

/* The event at hand into *window.  RT_ERR_DATA: it comes too late. */
static enum rt_status add(struct cep_rule *rule, struct rt_window **window, rt_time *end)
{
    struct cep_engine *engine = rule->engine;
    struct rt_value values[RULE_AGGREGATES_MAX];
    const struct rt_late_event event = {
        .time = engine->event->time,
        .sequence = engine->event->sequence,
        .values = values,
        .reached = engine->reached,
    };
    struct rt_late *late = late_of(*window);
    const bool is_fresh = late == NULL;
    enum rt_status status;

    cep_window_read_event(rule, values);
    status = rt_late_add(&rule->windows->shape, &late, &engine->windows, &event, end);
    if (status == RT_ERR_LIMIT && engine->options.on_limit != NFA_STOP) {
        rule->counters.dropped++;
        return RT_ERR_LIMIT;
    }
    if (status == RT_ERR_DATA)
        return status;
    cep_fail(engine, status);
    if (late == NULL)
        return status;
    *window = &late->head;
    rule->counters.started += is_fresh;
    rule->counters.live += is_fresh;
    return status;
}

/* Looks at the window that ends at `end`; it is over afterwards. */
static void look_at(struct cep_rule *rule, struct rt_late *late, struct rt_text key, rt_time end)
{
    const struct rt_window_shape *shape = &rule->windows->shape;
    struct rt_blocks *blocks = &rule->engine->windows;
    struct rt_window *window = NULL, *pane;

    cep_fail(rule->engine, rt_late_close(shape, late, blocks, end));
    cep_fail(rule->engine, rt_late_window(shape, late, blocks, end, &window));
    if (window == NULL)
        return;
    pane = rt_late_pane(shape, late, end);

    const struct cep_look look = {.time = end, .key = key, .update = pane == NULL ? 0 : pane->told};

    if (cep_window_look(rule, &window, &look) && pane != NULL && pane->told < UINT16_MAX)
        pane->told++;
    rt_late_give_back(shape, window, blocks);
}

/* All that an event of the pane that ends at `end` has changed after the fact. */
static void correct(struct cep_rule *rule, struct rt_late *late, struct rt_text key, rt_time end)
{
    rt_time affected, after = RT_TIME_MIN;

    while (rt_late_next_affected(&rule->windows->shape, end, rule->engine->reached, after,
                                 &affected)) {
        look_at(rule, late, key, affected);
        after = affected;
    }
}

/* A look at the window that ends at `end` and is open.  `event`: what it follows upon; NULL: it was planned. */
static void look_early(struct cep_rule *rule, struct rt_late *late, rt_time end,
                       struct cep_look *look)
{
    const struct rt_window_shape *shape = &rule->windows->shape;
    struct rt_blocks *blocks = &rule->engine->windows;
    const struct rt_window *pane = rt_late_pane(shape, late, end);
    struct rt_window *window = NULL;

    look->is_early = true;
    look->update = pane == NULL ? 0 : pane->told;
    cep_fail(rule->engine, rt_late_window(shape, late, blocks, end, &window));
    if (window == NULL)
        return;
    if (look->event != NULL)
        cep_early_plan(rule, &late->early, window, look->time);
    if (look->event == NULL || cep_early_changes(rule, &late->early, window))
        (void)cep_window_look(rule, &window, look);
    rt_late_give_back(shape, window, blocks);
}

/* An event has come into the pane that ends at `pane_end`. */
static void note_early(struct cep_rule *rule, struct rt_late *late, struct rt_text key,
                       rt_time pane_end)
{
    const struct rt_window_shape *shape = &rule->windows->shape;
    struct cep_look look = {
        .event = rule->engine->event, .time = rule->engine->reached, .key = key};
    rt_time end;

    if (!rt_late_open_end(shape, late, &end) || rt_time_before(end, pane_end))
        return;
    if (shape->kind == RT_WINDOW_HOPPING ? rt_time_before(rt_window_begin(shape, end), pane_end)
                                         : end.ms == pane_end.ms)
        look_early(rule, late, end, &look);
}

/* A look that was planned, unless the window ends now. */
static void advance_early(struct cep_rule *rule, struct rt_late *late, struct rt_text key,
                          rt_time now)
{
    struct cep_look look = {.time = now, .key = key};
    rt_time end;

    if (rt_time_before(now, late->early.at))
        return;
    late->early.at = RT_TIME_MAX;
    if (rt_late_open_end(&rule->windows->shape, late, &end) && rt_time_before(now, end))
        look_early(rule, late, end, &look);
}

/* A window is over: what was planned and told was of it. */
static void end_early(const struct cep_rule *rule, struct rt_late *late)
{
    const struct rt_window_shape *shape = &rule->windows->shape;

    cep_early_next(rule, &late->head);
    if (shape->kind != RT_WINDOW_HOPPING || late->head.close.ms == RT_TIME_MAX.ms)
        late->early = (struct rt_window_early){.at = RT_TIME_MAX};
}

bool cep_late_push(struct cep_rule *rule, struct cep_keying *keying,
                   const struct cep_event_key *key)
{
    struct rt_key_line *line = cep_key_line(keying, key);
    struct cep_slot *slot = line == NULL ? NULL : cep_slot_find(line, rule->rule->index);
    struct rt_window *window = slot == NULL ? NULL : slot->window;
    rt_time end = RT_TIME_MAX;
    enum rt_status status;

    if (slot != NULL)
        cep_key_touch(keying, line);
    status = add(rule, &window, &end);
    if (window == NULL || status == RT_ERR_DATA)
        return status != RT_ERR_DATA;
    if (status == RT_OK)
        correct(rule, late_of(window), rt_buffer_view(&key->bytes), end);
    if (status == RT_OK && rule->windows->shape.is_early)
        note_early(rule, late_of(window), rt_buffer_view(&key->bytes), end);
    if (slot == NULL) {
        cep_window_store(rule, keying, key, (struct cep_slot){.window = window});
        return true;
    }
    slot->window = window;
    slot->touched = (uint32_t)rule->engine->memo.turn;
    cep_slot_settle(rule, keying, line, slot);
    return true;
}

bool cep_late_event(struct cep_rule *rule)
{
    struct cep_keying *keying = &rule->engine->keyings[rule->rule->keying];
    const struct cep_event_key *key = cep_key_of_event(rule->engine, rule->rule->keying);

    return key->has_key && cep_window_has_room(rule, keying) && cep_late_push(rule, keying, key);
}

void cep_late_advance(struct cep_rule *rule, struct rt_text key, struct cep_slot *slot, rt_time now)
{
    const struct rt_window_shape *shape = &rule->windows->shape;
    struct rt_late *late = late_of(slot->window);
    rt_time end;

    advance_early(rule, late, key, now);
    while (rt_late_next_end(shape, late, now, &end)) {
        look_at(rule, late, key, end);
        end_early(rule, late);
    }
    rt_late_expire(shape, &late, &rule->engine->windows, now);
    slot->window = late == NULL ? NULL : &late->head;
    rule->counters.live -= late == NULL;
}
