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
#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"
#include "runtime/window/save.h"

_Static_assert((int)RULE_AGGREGATES_MAX == (int)RT_WINDOW_AGGREGATES_MAX,
               "what can be written can be run");

/* ---- from the plan to the library ---- */

static enum rt_aggregate aggregate_of(enum rule_aggregate_function function)
{
    static const enum rt_aggregate table[RULE_AGGREGATE_FUNCTIONS] = {
        [RULE_COUNT_EVENTS] = RT_AGGREGATE_COUNT,
        [RULE_RATE] = RT_AGGREGATE_RATE,
        [RULE_SUM] = RT_AGGREGATE_SUM,
        [RULE_AVG] = RT_AGGREGATE_AVG,
        [RULE_VARIANCE] = RT_AGGREGATE_VARIANCE,
        [RULE_STDDEV] = RT_AGGREGATE_STDDEV,
        [RULE_MIN] = RT_AGGREGATE_MIN,
        [RULE_MAX] = RT_AGGREGATE_MAX,
        [RULE_FIRST] = RT_AGGREGATE_FIRST,
        [RULE_LAST] = RT_AGGREGATE_LAST,
        [RULE_COUNT_DISTINCT] = RT_AGGREGATE_COUNT_DISTINCT,
        [RULE_QUANTILE] = RT_AGGREGATE_QUANTILE,
        [RULE_TOPK] = RT_AGGREGATE_TOPK,
        [RULE_COLLECT] = RT_AGGREGATE_COLLECT,
    };

    return table[function];
}

static enum rt_window_kind kind_of(enum rule_window_kind kind)
{
    switch (kind) {
    case RULE_TUMBLING:
        return RT_WINDOW_TUMBLING;
    case RULE_HOPPING:
        return RT_WINDOW_HOPPING;
    case RULE_SESSION:
        return RT_WINDOW_SESSION;
    case RULE_COUNT:
        return RT_WINDOW_COUNT;
    case RULE_GLOBAL:
        return RT_WINDOW_GLOBAL;
    case RULE_SLIDING:
    case RULE_WINDOW_KINDS:
        break;
    }
    return RT_WINDOW_SLIDING;
}

static int64_t zone_offset(void *context, int64_t at_seconds)
{
    const struct cep_windows *windows = context;
    int64_t seconds = 0;

    /* The zone is known: the loader has asked for it.  Without memory to read its file again it is UTC. */
    (void)expr_zone_offset(windows->zones, rt_text_of(windows->zone), at_seconds, &seconds);
    return seconds;
}

static enum rt_status init_calendar(struct cep_windows *windows, const struct rule_window *plan)
{
    int64_t seconds;
    enum rt_status status;

    if (plan->time_zone == NULL)
        return RT_OK;
    status = expr_zones_new(&windows->zones);
    if (status != RT_OK)
        return status;
    windows->zone = plan->time_zone;
    windows->calendar = (struct rt_calendar){.offset = zone_offset, .context = windows};
    windows->shape.calendar = &windows->calendar;
    status = expr_zone_offset(windows->zones, rt_text_of(windows->zone), 0, &seconds);
    return status == RT_ERR_DATA ? RT_ERR_NOT_FOUND : status;
}

enum rt_status cep_window_init(struct cep_rule *rule)
{
    const struct rule_window *plan = rule->rule->window;
    struct cep_windows *windows = rt_alloc_zeroed(1, sizeof(*windows));
    enum rt_status status;

    if (windows == NULL)
        return RT_ERR_NOMEM;
    rule->windows = windows;
    windows->shape = (struct rt_window_shape){
        .kind = kind_of(plan->kind),
        .size = plan->size,
        .slide = plan->slide,
        .offset = plan->offset,
        .count = plan->count,
        .every = plan->every,
        .lateness = plan->lateness,
        .is_early = plan->early_every.ms != 0 || plan->early_on_change,
        .panes_max = cep_limit32(rule->engine->options.panes_per_window),
        .distinct_max = RULE_DISTINCT_MAX,
    };
    for (uint32_t i = 0; i < plan->aggregate_count; i++) {
        if (plan->having_tree != NULL &&
            expr_tree_uses_binding(plan->having_tree, RULE_BINDING_AGGREGATES + i))
            windows->in_having |= UINT32_C(1) << i;
    }
    windows->key_in_having = plan->having_tree != NULL &&
                             (expr_tree_uses_binding(plan->having_tree, RULE_BINDING_KEY) ||
                              expr_tree_uses_binding(plan->having_tree, RULE_BINDING_GROUP));
    status = init_calendar(windows, plan);
    if (status != RT_OK)
        return status;
    cep_readers_begin(rule);
    status = cep_window_lay_out(rule);
    if (status == RT_OK)
        status = rt_window_shape_hash(&windows->shape, &windows->shape_hash);
    return status == RT_OK ? cep_history_init(rule) : status;
}

/* A window that nobody looks at when it ends goes without a word. */
static bool ends_without_word(const struct cep_rule *keeper)
{
    for (const struct cep_rule *reader = keeper; reader != NULL;
         reader = reader->windows->next_reader) {
        const struct rule_window *plan = reader->rule->window;

        if (plan->looks_at_close || plan->remembers || plan->early_every.ms != 0)
            return false;
    }
    return true;
}

enum rt_status cep_window_lay_out(struct cep_rule *keeper)
{
    struct cep_windows *windows = keeper->windows;
    struct rt_window_shape *shape = &windows->shape;

    shape->aggregate_count = windows->all.count;
    for (uint32_t i = 0; i < windows->all.count; i++) {
        const struct rule_aggregate *aggregate = windows->all.aggregates[i];

        shape->aggregates[i] =
            (struct rt_window_aggregate){.function = aggregate_of(aggregate->function),
                                         .quantile = aggregate->quantile,
                                         .items = aggregate->items};
    }
    rt_window_shape_init(shape);
    rt_free(shape->lists);
    shape->lists = rt_alloc_zeroed(shape->list_items, sizeof(struct rt_value));
    if (shape->lists == NULL)
        return RT_ERR_NOMEM;
    windows->pane_shape = rt_window_pane_shape(shape);
    shape->pane_shape = &windows->pane_shape;
    windows->read_shape = shape->lateness.ms != 0 ? &windows->pane_shape : shape;
    keeper->is_swept = ends_without_word(keeper);
    windows->packs = keeper->is_swept && shape->fits_one && windows->reader_count == 1;
    if (keeper->is_swept)
        cep_sweep_add_rule(&keeper->engine->keyings[keeper->rule->keying],
                           keeper->rule->window->size);
    return RT_OK;
}

void cep_window_done(struct cep_rule *rule)
{
    if (rule->windows != NULL) {
        rt_free(rule->windows->baselines);
        rt_free(rule->windows->shape.lists);
        expr_zones_free(rule->windows->zones);
    }
    rt_free(rule->windows);
}

/* ---- a look ---- */

/* The shape of what the rule reads. */
static const struct rt_window_shape *read_shape(const struct cep_rule *rule)
{
    return rule->windows->keeper->windows->read_shape;
}

static bool is_empty(const struct cep_rule *rule, const struct rt_window *window)
{
    return window == NULL || rt_window_is_empty(read_shape(rule), window);
}

/* Of a window with the aggregates of several rules those of this one. */
static void read_shared(struct cep_rule *rule, const struct rt_window *window, uint32_t wanted,
                        struct rt_value *out)
{
    const uint8_t *places = rule->windows->places;
    const uint32_t count = rule->rule->window->aggregate_count;
    struct rt_value all[RULE_AGGREGATES_MAX];
    uint32_t mapped = 0;

    for (uint32_t i = 0; i < count; i++)
        mapped |= (wanted >> i & 1) << places[i];
    rt_window_read(read_shape(rule), window, &rule->engine->windows, mapped, all);
    for (uint32_t i = 0; i < count; i++) {
        if ((wanted >> i & 1) != 0)
            out[i] = all[places[i]];
    }
}

/* What expressions see of it, the aggregates in `wanted` only. */
static void bind(struct cep_rule *rule, const struct rt_window *window, const struct cep_look *look,
                 uint32_t wanted, struct rt_value *bindings)
{
    struct rt_value *out = bindings + RULE_BINDING_AGGREGATES;

    if (is_empty(rule, window))
        rt_window_read_empty(rule->windows->read_shape, wanted, out); /* none is shared */
    else if (rule->windows->keeper->windows->reader_count > 1)
        read_shared(rule, window, wanted, out);
    else
        rt_window_read(rule->windows->read_shape, window, &rule->engine->windows, wanted, out);
    if (look->history != NULL)
        cep_history_read(rule, look->history, bindings);
}

/* Where the window of a look begins. */
static rt_time begin_of(const struct cep_rule *rule, const struct rt_window *window,
                        const struct cep_look *look, rt_time first)
{
    const struct rt_window_shape *shape = &rule->windows->keeper->windows->shape;

    if (shape->kind == RT_WINDOW_TUMBLING || shape->kind == RT_WINDOW_HOPPING)
        return rt_window_begin(shape, look->is_early ? window->close : look->time);
    return is_empty(rule, window) ? (rt_time){look->time.ms - shape->size.ms} : first;
}

static void report(struct cep_rule *rule, const struct rt_window *window,
                   const struct cep_look *look)
{
    const bool empty = is_empty(rule, window);

    RT_ASSERT(!empty || look->history != NULL); /* nobody else looks at one */

    uint64_t sequence = empty ? look->history->sequence : 0;
    /* Of an empty window the last event before it. */
    const rt_time first =
        empty ? look->history->last : rt_window_first(read_shape(rule), window, &sequence);

    bind(rule, window, look, UINT32_MAX, rule->windows->bindings);
    cep_report(rule, &(struct cep_finding){
                         .kind = RULE_OUTPUT_MATCH,
                         .key = look->key,
                         .outcomes = rule->windows->bindings,
                         .event = look->event,
                         .time = look->time,
                         .first_time = first,
                         .begin = begin_of(rule, window, look, first),
                         .tie = sequence,
                         .is_early = look->is_early,
                         .update = look->update,
                     });
}

static bool having_holds(struct cep_rule *rule, const struct rt_window *window,
                         const struct cep_look *look)
{
    struct cep_engine *engine = rule->engine;
    const struct rule_window *plan = rule->rule->window;
    struct rt_value bindings[RULE_BINDINGS_MAX];
    const struct expr_frame frame = {.bindings = bindings};
    enum rt_value_error why = RT_ERROR_TYPE;
    enum expr_truth truth;

    if (plan->having == NULL)
        return true;
    memset(bindings, 0, RULE_BINDING_COUNT * sizeof(*bindings));
    if (rule->windows->key_in_having)
        cep_bind_key(rule, look->key, bindings);
    bind(rule, window, look, rule->windows->in_having, bindings);
    truth = expr_test(engine->memo.machine, plan->having, &frame, &why);
    if (truth == EXPR_ERROR)
        cep_count_error(rule, rule->rule->guard_count + CEP_AT_HAVING, why);
    return truth == EXPR_TRUE;
}

void cep_window_drop(struct cep_rule *rule, struct rt_window **window)
{
    if (*window != NULL)
        cep_readers_count(rule, 0, UINT64_MAX, 0); /* one less */
    rt_window_free(&rule->windows->shape, *window, &rule->engine->windows);
    *window = NULL;
}

/* Notes what this look has found, and says what the one before did. */
static bool exchange_truth(const struct cep_rule *rule, struct rt_window *window,
                           const struct cep_look *look, bool is_true)
{
    const uint32_t bit = UINT32_C(1) << rule->windows->reader;
    bool before;

    if (look->history != NULL) {
        before = look->history->is_true;
        look->history->is_true = is_true;
        return before;
    }
    RT_ASSERT(window != NULL); /* an empty one has a history */
    before = (window->is_true & bit) != 0;
    window->is_true = is_true ? window->is_true | bit : window->is_true & ~bit;
    return before;
}

bool cep_window_look(struct cep_rule *rule, struct rt_window **window, const struct cep_look *look)
{
    const enum rule_fire fire = rule->rule->window->fire;
    const bool is_true = having_holds(rule, *window, look);
    const bool was_true = exchange_truth(rule, *window, look, is_true);

    if (!is_true || (fire == RULE_FIRE_ON_THRESHOLD && was_true))
        return false;
    report(rule, *window, look);
    if (fire == RULE_FIRE_RESET)
        cep_window_drop(rule, window);
    return true;
}

/* ---- the state of a key ---- */

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
        reader->counts = keeper->counts; /* the event has not come to it yet */
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
    if (status == RT_ERR_LIMIT && engine->options.on_limit != NFA_STOP) {
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
        return !plan->looks_at_close || rt_window_is_full(read_shape(rule), window);
    if (plan->has_trigger)
        return cep_condition_holds(rule, &plan->trigger, CEP_AT_TRIGGER);
    return plan->every != 0 && rt_window_count(read_shape(rule), window) % plan->every == 0;
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

/* It is this engine's, and no part of the event before it: what goes wrong is counted by itself. */
static void begin_deadline(struct cep_rule *rule)
{
    rule->counts = true;
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
        if (slot->window == NULL)
            cep_readers_count(rule, 0, UINT64_MAX, 0);
    } else {
        cep_window_drop(rule, &slot->window);
    }
}
