/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A rule that counts, at work:
 *
 *     event --> what each aggregate takes of it --> the key's window --> `having` --> finding
 *     deadline (the window's end, or the time to forget it) -----------> `having` --> finding --> next window, or none
 *
 * A look is a test of `having`: at each event, or when a window ends (rule_window.looks_at_close).  A window that is
 * forgotten re-arms: what is empty is not true.
 */
#include "cep/history.h"
#include "runtime/base/assert.h"

/* ---- the state of a key ---- */

void cep_window_drop(struct cep_rule *rule, struct rt_window **window)
{
    if (*window != NULL)
        cep_readers_count(rule, 0, UINT64_MAX, 0); /* one less */
    rt_window_free(&rule->windows->shape, *window, &rule->engine->windows);
    *window = NULL;
}

void cep_window_prefetch(const struct cep_rule *rule, const struct cep_slot *slot)
{
    if (cep_slot_is_one(rule, slot))
        return;
    if (rule->windows->remembers && slot->history != NULL)
        RT_PREFETCH(slot->history->window);
    else if (slot->window != NULL)
        rt_window_prefetch(&rule->windows->shape, slot->window);
}

void cep_window_clear(struct cep_rule *rule, struct cep_slot *slot)
{
    if (cep_slot_is_one(rule, slot))
        rule->counters.live--;
    else if (rule->windows->remembers)
        cep_history_free(rule, slot->history);
    else
        cep_window_drop(rule, &slot->window);
    slot->window = NULL;
}

rt_time cep_window_deadline(const struct cep_rule *rule, const struct cep_slot *slot)
{
    if (cep_slot_is_one(rule, slot))
        return slot->deadline;
    return rule->windows->remembers ? cep_history_deadline(rule, slot->history)
                                    : rt_window_deadline(&rule->windows->shape, slot->window);
}

struct rt_window *cep_window_of(const struct cep_rule *rule, const struct cep_slot *slot,
                                struct rt_one_view *view)
{
    const struct rt_window_shape *shape = &rule->windows->shape;

    if (!cep_slot_is_one(rule, slot))
        return slot->window;
    return rt_one_unpack(shape, &slot->one, (rt_time){slot->deadline.ms - shape->size.ms}, view);
}

void cep_window_pack(struct cep_rule *rule, struct cep_slot *slot)
{
    const struct rt_window_shape *shape = &rule->windows->shape;
    struct rt_window *window = slot->window;

    if (!rule->windows->packs || window == NULL || !rt_one_can_pack(window))
        return;
    slot->deadline = rt_window_deadline(shape, window);
    slot->one = rt_one_pack(shape, window);
    rt_window_free(shape, window, &rule->engine->windows);
}

/* The event at hand begins a window, which needs no block yet. */
static struct rt_window *begin_one(struct cep_rule *rule, struct rt_one_view *view)
{
    const struct rt_event *event = rule->engine->event;
    struct rt_value values[RULE_AGGREGATES_MAX];

    cep_window_read_event(rule, values);
    rule->counters.started++;
    rule->counters.live++;
    return rt_one_begin(&rule->windows->shape, view, event->time, event->sequence, values);
}

/* ---- events ---- */

/* What one aggregate takes; RT_ERROR: there is no telling. */
static struct rt_value take(struct cep_engine *engine, const struct rule_aggregate *aggregate,
                            enum rt_aggregate function)
{
    const struct expr_frame frame = {.event = engine->event};
    const struct cep_truth truth = cep_condition_truth(&engine->memo, &aggregate->where);
    struct rt_value value = rt_bool(true);

    if (truth.truth == EXPR_ERROR)
        return rt_error((enum rt_value_error)truth.why);
    if (truth.truth != EXPR_TRUE)
        return (struct rt_value){.type = RT_ABSENT};
    if (aggregate->value != NULL)
        value = expr_eval(engine->memo.machine, aggregate->value, &frame);
    if (value.type == RT_ERROR)
        return value;
    if (value.type == RT_ABSENT)
        return rt_error(RT_ERROR_NO_FIELD);
    return rt_cell_takes(function, (enum rt_type)value.type) ? value : rt_error(RT_ERROR_TYPE);
}

/* Each rule counts what its own aggregates could not take. */
static void count_errors(struct cep_rule *keeper, const struct rt_value *values)
{
    for (struct cep_rule *reader = keeper; reader != NULL; reader = reader->windows->next_reader) {
        for (uint32_t i = 0; i < reader->rule->window->aggregate_count; i++) {
            const struct rt_value *value = &values[reader->windows->places[i]];

            if (value->type == RT_ERROR)
                cep_count_error(reader, reader->rule->guard_count + CEP_AT_AGGREGATE,
                                (enum rt_value_error)value->aux);
        }
    }
}

void cep_window_read_event(struct cep_rule *rule, struct rt_value *values)
{
    const struct cep_windows *windows = rule->windows;
    bool failed = false;

    for (uint32_t i = 0; i < windows->all.count; i++) {
        values[i] =
            take(rule->engine, windows->all.aggregates[i], windows->shape.aggregates[i].function);
        failed = failed || values[i].type == RT_ERROR;
    }
    if (!failed)
        return;
    count_errors(rule, values);
    for (uint32_t i = 0; i < windows->all.count; i++) {
        if (values[i].type == RT_ERROR)
            values[i] = (struct rt_value){.type = RT_ABSENT};
    }
}

bool cep_window_add(struct cep_rule *rule, struct rt_window **window)
{
    struct cep_engine *engine = rule->engine;
    const struct rt_window_shape *shape = &rule->windows->shape;
    const struct rt_event *event = engine->event;
    const bool is_fresh = *window == NULL;
    struct rt_value values[RULE_AGGREGATES_MAX];
    enum rt_status status;

    cep_window_read_event(rule, values);
    if (!is_fresh)
        rt_window_slide(shape, *window, &engine->windows, event->time);
    status = rt_window_add(shape, window, &engine->windows, event->time, event->sequence, values);
    /* More than once where it was saved under another limit. */
    while (status == RT_ERR_LIMIT && engine->options.on_limit != NFA_STOP) {
        cep_readers_count(rule, 0, 0, 1);
        if (engine->options.on_limit == NFA_DROP_NEW)
            return false;
        rt_window_drop_oldest(shape, *window, &engine->windows);
        status =
            rt_window_add(shape, window, &engine->windows, event->time, event->sequence, values);
    }
    cep_fail(engine, status);
    if (status != RT_OK)
        return false;
    if (is_fresh)
        cep_readers_count(rule, 1, 1, 0);
    rule->windows->added_turn = engine->memo.turn;
    return true;
}

/* Room for the event's window, or what the policy says: false when the event is left out. */
bool cep_window_has_room(struct cep_rule *rule, struct cep_keying *keying)
{
    struct cep_engine *engine = rule->engine;

    while (cep_state_bytes(engine) >= engine->options.memory) {
        if (engine->options.on_limit == NFA_STOP) {
            cep_fail(engine, RT_ERR_LIMIT);
            return false;
        }
        if (engine->options.on_limit == NFA_DROP_NEW || !cep_evict(engine, keying)) {
            cep_readers_count(rule, 0, 0, 1);
            return false;
        }
    }
    return true;
}

/* Where the window goes when the event is done with: into a new slot, or nowhere. */
void cep_window_store(struct cep_rule *rule, struct cep_keying *keying,
                      const struct cep_event_key *key, struct cep_slot fresh)
{
    struct cep_engine *engine = rule->engine;
    enum rt_status status;

    if (fresh.window == NULL)
        return;
    fresh.rule = rule->rule->index;
    fresh.touched = (uint32_t)engine->memo.turn;
    if (!cep_slot_is_one(rule, &fresh))
        fresh.deadline = RT_TIME_MAX;
    status = cep_slot_add(engine, keying, key, &fresh);
    if (status != RT_OK) {
        cep_window_clear(rule, &fresh);
        cep_fail(engine, status == RT_AGAIN ? RT_OK : status);
        return;
    }

    struct rt_key_line *line = cep_key_line(keying, key);

    cep_slot_settle(rule, keying, line, cep_slot_find(line, fresh.rule));
}

/* A rule that remembers: the window is in the key's history. */
static void push_history(struct cep_rule *rule, struct cep_keying *keying,
                         const struct cep_event_key *key, struct rt_key_line *line,
                         struct cep_slot *slot)
{
    struct cep_history *history = slot != NULL ? slot->history : cep_history_begin(rule);

    if (history == NULL) {
        cep_fail(rule->engine, RT_ERR_NOMEM);
        return;
    }
    if (!cep_history_push(rule, history, key, slot == NULL)) {
        if (slot == NULL)
            cep_history_free(rule, history);
        return;
    }
    if (slot == NULL) {
        cep_window_store(rule, keying, key, (struct cep_slot){.history = history});
        return;
    }
    slot->touched = (uint32_t)rule->engine->memo.turn;
    cep_slot_settle(rule, keying, line, slot);
}

/* Whether an event that has just been added is looked at. */
static bool is_looked_at(struct cep_rule *rule, const struct rt_window *window)
{
    const struct rule_window *plan = rule->rule->window;

    if (plan->kind != RULE_GLOBAL)
        return !plan->looks_at_close || rt_window_is_full(cep_window_read_shape(rule), window);
    if (plan->has_trigger)
        return cep_condition_holds(rule, &plan->trigger, CEP_AT_TRIGGER);
    return plan->every != 0 &&
           rt_window_count(cep_window_read_shape(rule), window) % plan->every == 0;
}

/* The event at hand is in the window that the rule's keeper has, unless it was left out. */
static void push_reader(struct cep_rule *rule, struct cep_keying *keying,
                        const struct cep_event_key *key)
{
    struct cep_rule *keeper = rule->windows->keeper;
    const struct cep_look look = {.event = rule->engine->event,
                                  .time = rule->engine->event->time,
                                  .key = rt_buffer_view(&key->bytes)};
    struct rt_key_line *line = cep_key_line(keying, key);
    struct cep_slot *slot = line == NULL ? NULL : cep_slot_find(line, keeper->rule->index);

    if (slot == NULL || keeper->windows->added_turn != rule->engine->memo.turn)
        return;
    if (is_looked_at(rule, slot->window))
        (void)cep_window_look(rule, &slot->window, &look);
    if (rule->windows->next_reader != NULL || keeper->windows->shape.is_queue ||
        !rt_window_is_full(&keeper->windows->shape, slot->window))
        return;
    cep_window_drop(keeper, &slot->window);
    cep_slot_settle(keeper, keying, line, slot);
}

void cep_window_push(struct cep_rule *rule)
{
    struct cep_engine *engine = rule->engine;
    struct cep_keying *keying = &engine->keyings[rule->rule->keying];
    const struct rt_window_shape *shape = &rule->windows->shape;
    const struct cep_event_key *key = cep_key_of_event(engine, rule->rule->keying);
    struct rt_window *window = NULL;
    struct rt_one_view view;

    if (!key->has_key) {
        rule->counters.no_key++;
        return;
    }
    if (!cep_is_keeper(rule)) {
        push_reader(rule, keying, key);
        return;
    }
    if (!cep_window_has_room(rule, keying))
        return;

    if (shape->lateness.ms != 0) {
        (void)cep_late_push(rule, keying, key);
        return;
    }

    struct rt_key_line *line = cep_key_line(keying, key);
    struct cep_slot *slot = line == NULL ? NULL : cep_slot_find(line, rule->rule->index);
    const struct cep_look look = {
        .event = engine->event, .time = engine->event->time, .key = rt_buffer_view(&key->bytes)};

    if (slot != NULL)
        cep_key_touch(keying, line);
    if (rule->windows->remembers) {
        push_history(rule, keying, key, line, slot);
        return;
    }
    if (slot != NULL && cep_slot_is_over(rule, slot))
        cep_window_clear(rule, slot); /* it was over before */
    if (slot != NULL)
        window = cep_window_of(rule, slot, &view);
    if (window == NULL && rule->windows->packs) {
        window = begin_one(rule, &view);
    } else if (!cep_window_add(rule, &window)) {
        if (slot != NULL && !cep_slot_is_one(rule, slot))
            slot->window = window; /* what was a list may be panes now, without the event */
        if (slot != NULL && slot->window == NULL)
            (void)cep_slot_drop(engine, keying, line, slot);
        return;
    }

    const bool is_full = rt_window_is_full(shape, window);

    if (is_looked_at(rule, window))
        (void)cep_window_look(rule, &window, &look);
    if (shape->is_early && window != NULL)
        cep_early_event(rule, &window, &look);
    if (is_full && window != NULL && !shape->is_queue && rule->windows->reader_count == 1)
        cep_window_drop(rule, &window); /* else when the last of its readers has looked */
    if (slot == NULL) {
        struct cep_slot fresh = {.window = window};

        cep_window_pack(rule, &fresh);
        cep_window_store(rule, keying, key, fresh);
        return;
    }
    slot->touched = (uint32_t)engine->memo.turn;
    slot->window = window;
    cep_window_pack(rule, slot);
    cep_slot_settle(rule, keying, line, slot);
}

/* ---- deadlines ---- */

/* It is no part of the event before it: what goes wrong is counted by itself. */
static void begin_deadline(struct cep_rule *rule)
{
    rule->seen_errors[rule->rule->guard_count + CEP_AT_HAVING] = 0;
}

static void look_at_end(struct cep_rule *keeper, struct cep_slot *slot, const struct cep_look *look)
{
    const struct rt_window_shape *shape = &keeper->windows->shape;

    if (shape->kind == RT_WINDOW_COUNT || rt_window_is_empty(shape, slot->window))
        return;
    for (struct cep_rule *reader = keeper; reader != NULL; reader = reader->windows->next_reader) {
        begin_deadline(reader);
        if (reader->rule->window->looks_at_close)
            (void)cep_window_look(reader, &slot->window, look);
    }
}

void cep_window_advance(struct cep_rule *rule, struct rt_text key, struct cep_slot *slot,
                        rt_time deadline)
{
    const struct rt_window_shape *shape = &rule->windows->shape;
    const struct cep_look look = {.time = deadline, .key = key};

    begin_deadline(rule);
    if (shape->lateness.ms != 0) {
        cep_late_advance(rule, key, slot, deadline);
        return;
    }
    if (rule->windows->remembers) {
        if (!cep_history_advance(rule, key, slot->history, deadline))
            cep_window_clear(rule, slot);
        return;
    }
    if (rt_time_before(deadline, rt_window_deadline(shape, slot->window)))
        return; /* it has moved on since the timer was set */
    if (shape->is_early && cep_early_advance(rule, &slot->window, &look))
        return;
    look_at_end(rule, slot, &look);
    if (shape->kind == RT_WINDOW_HOPPING) {
        rt_window_next(shape, &slot->window, &rule->engine->windows);
        cep_early_next(rule, slot->window);
        if (slot->window == NULL)
            cep_readers_count(rule, 0, UINT64_MAX, 0);
    } else {
        cep_window_drop(rule, &slot->window);
    }
}
