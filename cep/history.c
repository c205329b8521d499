/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is remembered of a key beyond its window, in rules with `expires`, `previous` or baselines.
 *
 *     event ----> window at hand (none: it begins) ----> look
 *     its end --> look, if windows are looked at when they end, or if it is empty and those are
 *             --> its outcomes become those of the window before, and go into the baselines
 *             --> the next window, of which nothing exists before its first event
 *     the end of memory --> nothing is left
 *
 * Windows follow each other without a gap from the key's first event on.  Where empty ones are not looked at, no timer fires
 * for them: they are made up for when an event comes.
 */
#include "cep/history.h"

#include "runtime/base/alloc.h"

/* ---- from the plan ---- */

static rt_duration apart(const struct rule_window *plan)
{
    if (plan->kind == RULE_HOPPING)
        return plan->slide;
    return plan->kind == RULE_TUMBLING ? plan->size : RT_NO_DURATION;
}

/* How long after its last event a key is remembered at least. */
static rt_duration memory_of(const struct rule_window *plan)
{
    rt_duration memory = plan->expires;

    for (uint32_t i = 0; i < plan->baseline_count && plan->expires.ms == 0; i++)
        memory = plan->baselines[i].span.ms > memory.ms ? plan->baselines[i].span : memory;
    return memory;
}

enum rt_status cep_history_init(struct cep_rule *rule)
{
    const struct rule_window *plan = rule->rule->window;
    struct cep_windows *windows = rule->windows;

    if (!plan->remembers)
        return RT_OK;
    windows->remembers = true;
    windows->memory = memory_of(plan);
    windows->apart = apart(plan);
    for (uint32_t i = 0; i < plan->aggregate_count; i++)
        windows->previous_count += plan->previous >> i & 1;
    windows->baselines = rt_alloc_zeroed(plan->baseline_count + 1, sizeof(*windows->baselines));
    if (windows->baselines == NULL)
        return RT_ERR_NOMEM;
    windows->at_end = plan->previous;
    for (uint32_t i = 0; i < plan->baseline_count; i++) {
        windows->baselines[i] = rt_baseline_shape_of(plan->baselines[i].span, windows->apart);
        windows->at_end |= UINT32_C(1) << plan->baselines[i].of;
    }
    return RT_OK;
}

/* ---- the memory of a key ---- */

static size_t history_bytes(const struct cep_rule *rule)
{
    return sizeof(struct cep_history) + rule->windows->previous_count * sizeof(struct rt_value) +
           rule->rule->window->baseline_count * sizeof(struct rt_baseline);
}

struct rt_baseline *cep_history_baselines(const struct cep_rule *rule,
                                          const struct cep_history *history)
{
    return (struct rt_baseline *)(uintptr_t)(history->previous + rule->windows->previous_count);
}

struct cep_history *cep_history_begin(struct cep_rule *rule)
{
    struct cep_history *history = rt_blocks_take(&rule->engine->windows, history_bytes(rule));

    if (history != NULL)
        memset(history, 0, history_bytes(rule)); /* nothing before: null until it is settled */
    return history;
}

static void forget_value(struct cep_rule *rule, struct rt_value *value)
{
    if (value->type == RT_STRING && value->length > 0)
        rt_blocks_give(&rule->engine->windows, (void *)(uintptr_t)value->u.text, value->length);
    *value = rt_null();
}

enum rt_status cep_history_remember(struct cep_rule *rule, struct rt_value *place,
                                    struct rt_value value)
{
    char *text;

    forget_value(rule, place);
    if (value.type == RT_STRING && value.length > 0) {
        text = rt_blocks_take(&rule->engine->windows, value.length);
        if (text == NULL)
            return RT_ERR_NOMEM;
        memcpy(text, value.u.text, value.length);
        value.u.text = text;
    }
    *place = value;
    return RT_OK;
}

static void free_window(struct cep_rule *rule, struct cep_history *history)
{
    rule->counters.live -= history->window != NULL;
    rt_window_free(&rule->windows->shape, history->window, &rule->engine->windows);
    history->window = NULL;
}

void cep_history_free(struct cep_rule *rule, struct cep_history *history)
{
    struct rt_baseline *baselines;

    if (history == NULL)
        return;
    baselines = cep_history_baselines(rule, history);
    free_window(rule, history);
    for (uint32_t i = 0; i < rule->windows->previous_count; i++)
        forget_value(rule, &history->previous[i]);
    for (uint32_t i = 0; i < rule->rule->window->baseline_count; i++)
        rt_baseline_done(&baselines[i], &rule->engine->windows);
    rt_blocks_give(&rule->engine->windows, history, history_bytes(rule));
}

void cep_history_read(const struct cep_rule *rule, const struct cep_history *history,
                      struct rt_value *bindings)
{
    const struct rule_window *plan = rule->rule->window;
    const struct rt_baseline *baselines = cep_history_baselines(rule, history);
    uint32_t at = 0;

    for (uint32_t i = 0; i < plan->baseline_count; i++)
        bindings[RULE_BINDING_BASELINES + i] = rt_baseline_value(&baselines[i]);
    for (uint32_t i = 0; i < plan->aggregate_count; i++) {
        if ((plan->previous >> i & 1) != 0)
            bindings[RULE_BINDING_PREVIOUS + i] = history->previous[at++];
    }
}

/* ---- windows end ---- */

static bool is_empty(const struct cep_rule *rule, const struct cep_history *history)
{
    return history->window == NULL || rt_window_is_empty(&rule->windows->shape, history->window);
}

static void read_window(struct cep_rule *rule, const struct cep_history *history, uint32_t wanted,
                        struct rt_value *out)
{
    if (is_empty(rule, history))
        rt_window_read_empty(&rule->windows->shape, wanted, out);
    else
        rt_window_read(&rule->windows->shape, history->window, &rule->engine->windows, wanted, out);
}

/* `count` windows that ended with these outcomes, the first at `end`. */
static void add_to_baselines(struct cep_rule *rule, struct cep_history *history, rt_time end,
                             int64_t count, const struct rt_value *outcomes)
{
    const struct rule_window *plan = rule->rule->window;
    struct rt_baseline *baselines = cep_history_baselines(rule, history);

    for (uint32_t i = 0; i < plan->baseline_count; i++) {
        const struct rt_baseline_ends ends = {.end = end,
                                              .apart = rule->windows->apart,
                                              .count = count,
                                              .outcome = outcomes[plan->baselines[i].of]};

        cep_fail(rule->engine, rt_baseline_add(&rule->windows->baselines[i], &baselines[i],
                                               &rule->engine->windows, &ends));
    }
}

static void settle_baselines(struct cep_rule *rule, struct cep_history *history, rt_time now)
{
    struct rt_baseline *baselines = cep_history_baselines(rule, history);

    for (uint32_t i = 0; i < rule->rule->window->baseline_count; i++)
        rt_baseline_settle(&rule->windows->baselines[i], &baselines[i], now);
}

static void set_previous(struct cep_rule *rule, struct cep_history *history,
                         const struct rt_value *outcomes)
{
    const struct rule_window *plan = rule->rule->window;
    uint32_t at = 0;

    for (uint32_t i = 0; i < plan->aggregate_count; i++) {
        if ((plan->previous >> i & 1) != 0)
            cep_fail(rule->engine,
                     cep_history_remember(rule, &history->previous[at++], outcomes[i]));
    }
}

/* The window at hand has ended and been looked at. */
static void note_end(struct cep_rule *rule, struct cep_history *history, rt_time end)
{
    struct rt_value outcomes[RULE_AGGREGATES_MAX];

    if (rule->windows->at_end == 0)
        return;
    read_window(rule, history, rule->windows->at_end, outcomes);
    add_to_baselines(rule, history, end, 1, outcomes);
    settle_baselines(rule, history, end);
    set_previous(rule, history, outcomes);
}

/* Windows without events that nobody looked at, up to the one at hand at `time`. */
static void make_up(struct cep_rule *rule, struct cep_history *history, rt_time time)
{
    const struct cep_windows *windows = rule->windows;
    struct rt_value outcomes[RULE_AGGREGATES_MAX];
    rt_time end = history->close;

    if (windows->apart.ms == 0 || rt_time_before(time, end))
        return;
    rt_window_read_empty(&windows->shape, windows->at_end, outcomes);
    set_previous(rule, history, outcomes);
    while (!rt_time_before(time, end)) {
        /* Days of a calendar one by one, as they are not all alike; not more of them than are remembered. */
        const int64_t count =
            windows->shape.calendar != NULL ? 1 : (time.ms - end.ms) / windows->apart.ms + 1;

        add_to_baselines(rule, history, end, count, outcomes);
        history->close.ms = end.ms + (count - 1) * windows->apart.ms;
        end = rt_window_end(&windows->shape, history->close);
    }
    settle_baselines(rule, history, history->close);
    history->close = end;
}

/* ---- events ---- */

/* A condition that goes on through empty windows is not armed anew by them. */
static bool goes_on(const struct rule_window *plan)
{
    return plan->looks_at_empty && plan->kind != RULE_TUMBLING;
}

/* The window at hand has got its first event. */
static void begin_window(struct cep_rule *rule, struct cep_history *history, rt_time time)
{
    if (!goes_on(rule->rule->window))
        history->is_true = false;
    if (rule->windows->apart.ms == 0)
        settle_baselines(rule, history, time);
    else
        history->close = history->window->close;
}

/* Before anything is known of the window before: as if it had been empty. */
static void begin_history(struct cep_rule *rule, struct cep_history *history)
{
    struct rt_value outcomes[RULE_AGGREGATES_MAX];

    rt_window_read_empty(&rule->windows->shape, rule->windows->at_end, outcomes);
    set_previous(rule, history, outcomes);
}

bool cep_history_push(struct cep_rule *rule, struct cep_history *history,
                      const struct cep_event_key *key, bool is_first)
{
    const struct rt_event *event = rule->engine->event;
    const struct rt_window_shape *shape = &rule->windows->shape;
    const struct cep_look look = {.event = event,
                                  .time = event->time,
                                  .key = rt_buffer_view(&key->bytes),
                                  .history = history};
    bool is_full;

    if (is_first)
        begin_history(rule, history);
    else if (history->window == NULL)
        make_up(rule, history, event->time);

    const bool begins = history->window == NULL;

    if (!cep_window_add(rule, &history->window))
        return false;
    history->last = event->time;
    history->sequence = event->sequence;
    if (begins)
        begin_window(rule, history, event->time);
    is_full = rt_window_is_full(shape, history->window);
    if (!rule->rule->window->looks_at_close || is_full)
        cep_window_look(rule, &history->window, &look);
    if (shape->is_early)
        cep_early_event(rule, &history->window, &look);
    if (is_full)
        note_end(rule, history, event->time);
    if (is_full && !shape->is_queue)
        free_window(rule, history);
    return true;
}

/* ---- deadlines ---- */

static rt_time end_of_memory(const struct cep_rule *rule, const struct cep_history *history)
{
    return rt_time_plus(history->last, rule->windows->memory);
}

rt_time cep_history_deadline(const struct cep_rule *rule, const struct cep_history *history)
{
    const struct rule_window *plan = rule->rule->window;

    if (history->window != NULL)
        return rt_window_deadline(&rule->windows->shape, history->window);
    switch (plan->kind) {
    case RULE_TUMBLING:
    case RULE_HOPPING:
        return plan->looks_at_empty ? history->close
                                    : rt_time_later(history->close, end_of_memory(rule, history));
    case RULE_COUNT:
        return rt_time_plus(history->last, plan->size);
    default:
        return rt_time_later(end_of_memory(rule, history), rt_time_plus(history->last, plan->size));
    }
}

/* A tumbling or hopping window ends: the next one follows.  False: the key is forgotten. */
static bool end_aligned(struct cep_rule *rule, struct cep_history *history,
                        const struct cep_look *look)
{
    const struct rule_window *plan = rule->rule->window;
    const bool empty = is_empty(rule, history);

    if (history->window == NULL && !plan->looks_at_empty)
        return false; /* the end of memory */
    if (empty ? plan->looks_at_empty : plan->looks_at_close)
        cep_window_look(rule, &history->window, look);
    if (empty && !plan->looks_at_empty)
        history->is_true = false;
    note_end(rule, history, look->time);
    if (history->window != NULL) {
        rt_window_next(&rule->windows->shape, &history->window, &rule->engine->windows);
        cep_early_next(rule, history->window);
        rule->counters.live -= history->window == NULL;
    }
    history->close = rt_window_end(&rule->windows->shape, look->time);
    return !empty || rt_time_before(look->time, end_of_memory(rule, history));
}

bool cep_history_advance(struct cep_rule *rule, struct rt_text key, struct cep_history *history,
                         rt_time deadline)
{
    const struct rule_window *plan = rule->rule->window;
    const struct cep_look look = {.time = deadline, .key = key, .history = history};

    if (rt_time_before(deadline, cep_history_deadline(rule, history)))
        return true; /* it has moved on since the timer was set */
    if (rule->windows->shape.is_early && history->window != NULL &&
        cep_early_advance(rule, &history->window, &look))
        return true;
    if (rule->windows->apart.ms != 0)
        return end_aligned(rule, history, &look);
    if (history->window == NULL || plan->kind == RULE_COUNT)
        return false;
    if (plan->kind == RULE_SESSION) {
        if (plan->looks_at_close)
            cep_window_look(rule, &history->window, &look);
        note_end(rule, history, deadline);
        free_window(rule, history);
    } else {
        free_window(rule, history);
        cep_window_look(rule, &history->window, &look);
    }
    return rt_time_before(deadline, cep_history_deadline(rule, history));
}
