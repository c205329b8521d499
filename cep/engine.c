/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk of one event, and the life of an engine.
 *
 *     push: timers at or before its time --> the rules that can care --> each in turn --> what was kept of it is let go
 */
#include "cep/engine.h"

#include "cep/feed.h"
#include "cep/state.h"
#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"

enum { RECORD_BYTES_MAX = 1 << 30, KEY_BYTES_MAX = 64 << 20 };

void cep_fail(struct cep_engine *engine, enum rt_status status)
{
    if (engine->status == RT_OK)
        engine->status = status;
}

static enum rt_status take_status(struct cep_engine *engine)
{
    enum rt_status status = engine->status;

    engine->status = RT_OK;
    engine->outbox.closed = false;
    return status;
}

void cep_begin_event(struct cep_engine *engine, const struct rt_event *event)
{
    engine->event = event;
    engine->memo.event = event;
    engine->memo.turn++;
    expr_machine_reset(engine->memo.machine);
}

void cep_end_event(struct cep_engine *engine)
{
    if (engine->kept != NULL)
        rt_event_release(engine->kept, &engine->captured);
    engine->kept = NULL;
    engine->event = NULL;
}

static struct cep_engine *engine_of(struct rt_operator *port)
{
    return (struct cep_engine *)port; /* its first member */
}

static enum rt_status push(struct rt_operator *port, const struct rt_event *event)
{
    struct cep_engine *engine = engine_of(port);
    const uint32_t *rules;
    size_t count;

    cep_fire(engine, event->time);
    engine->reached = event->time;
    cep_sweep(engine, event->time, true);
    cep_dedup_advance(&engine->dedup, event->time);
    engine->counters.events += cep_counts_events(engine);
    rules = cep_classify(engine->classifier, event, &count);
    if (count == 0)
        return take_status(engine);
    cep_begin_event(engine, event);
    for (size_t i = 0; i < count; i++)
        if (engine->plan->rules[rules[i]]->reads_events)
            cep_rule_push(&engine->rules[rules[i]]);
    cep_end_event(engine);
    cep_feed_drain(engine);
    return take_status(engine);
}

static enum rt_status late(struct rt_operator *port, const struct rt_event *event)
{
    struct cep_engine *engine = engine_of(port);

    engine->counters.late += engine->share.role != CEP_WORKER || engine->share.group_begin == 0;
    engine->is_behind = true;
    cep_begin_event(engine, event);
    for (uint32_t i = 0; i < engine->plan->rule_count; i++) {
        if (cep_classifier_routes(engine->classifier, event->position.source, i))
            cep_rule_late(
                &engine->rules[i]); /* those that want late events, by any of their conditions */
    }
    cep_end_event(engine);
    engine->is_behind = false;
    return take_status(engine);
}

static enum rt_status advance(struct rt_operator *port, rt_time watermark)
{
    struct cep_engine *engine = engine_of(port);

    cep_fire(engine, watermark);
    engine->reached = rt_time_later(engine->reached, watermark);
    cep_sweep(engine, watermark, false);
    cep_dedup_advance(&engine->dedup, watermark);
    return take_status(engine);
}

/* Keys are swept by events; this is one, now and then. */
static enum rt_status pass(struct rt_operator *port, rt_time time)
{
    enum { PASSES_A_SWEEP = 64 };
    struct cep_engine *engine = engine_of(port);

    cep_fire(engine, time);
    engine->reached = time;
    if (++engine->passes % PASSES_A_SWEEP == 0)
        cep_sweep(engine, time, true);
    return take_status(engine);
}

static enum rt_status deliver(struct rt_operator *port, const struct rt_output *output)
{
    struct cep_engine *engine = engine_of(port);
    struct rt_output out = *output;

    (void)cep_pass_on(engine, &out);
    return take_status(engine);
}

static void forget(struct rt_operator *port, rt_time now)
{
    cep_dedup_advance(&engine_of(port)->dedup, now);
}

/* ---- life ---- */

static enum rt_status init_keyings(struct cep_engine *engine)
{
    const struct rule_plan *plan = engine->plan;
    uint32_t widest = 0;

    engine->keyings = rt_alloc_zeroed(plan->keying_count, sizeof(*engine->keyings));
    if (engine->keyings == NULL)
        return RT_ERR_NOMEM;
    for (uint32_t i = 0; i < plan->keying_count; i++) {
        engine->keyings[i].engine = engine;
        engine->keyings[i].plan = &plan->keyings[i];
        rt_key_table_init(&engine->keyings[i].table, SIZE_MAX);
        rt_buffer_init(&engine->keyings[i].key.bytes, KEY_BYTES_MAX);
        rt_buffer_init(&engine->keyings[i].prepared.bytes, KEY_BYTES_MAX);
        widest = plan->keyings[i].part_count > widest ? plan->keyings[i].part_count : widest;
    }
    engine->key_parts = rt_alloc_zeroed(widest, sizeof(*engine->key_parts));
    engine->key_entries = rt_alloc_zeroed(widest, sizeof(*engine->key_entries));
    return engine->key_parts == NULL || engine->key_entries == NULL ? RT_ERR_NOMEM : RT_OK;
}

static enum rt_status init_rules(struct cep_engine *engine)
{
    const struct rule_plan *plan = engine->plan;
    const uint32_t *numbers = engine->memo.numbers;

    engine->rules = rt_alloc_zeroed(plan->rule_count, sizeof(*engine->rules));
    engine->late_rules = rt_alloc_zeroed(plan->rule_count, sizeof(*engine->late_rules));
    if (engine->rules == NULL || engine->late_rules == NULL)
        return RT_ERR_NOMEM;
    for (uint32_t i = 0; i < plan->rule_count; i++) {
        RT_ASSERT(plan->rules[i]->index == i);
        if (plan->rules[i]->mode != RULE_MODE_OFF &&
            plan->rules[i]->outputs[RULE_OUTPUT_LATE].enabled)
            engine->late_rules[engine->late_rule_count++] = i;
        enum rt_status status = cep_rule_init(&engine->rules[i], engine, plan->rules[i]);

        engine->rules[i].guards = numbers;
        numbers += plan->rules[i]->guard_count;

        if (status != RT_OK)
            return status;
    }
    return cep_readers_share(engine, NULL);
}

static enum rt_status init(struct cep_engine *engine)
{
    enum rt_status status;

    rt_pool_init(&engine->timers, sizeof(struct cep_timer), SIZE_MAX);
    rt_blocks_init(&engine->captured, engine->options.captured_bytes);
    rt_blocks_init(&engine->windows, SIZE_MAX);
    rt_blocks_init(&engine->slot_lists, SIZE_MAX);
    rt_buffer_init(&engine->outbox.record.json, RECORD_BYTES_MAX);
    rt_buffer_init(&engine->outbox.record.message, RECORD_BYTES_MAX);
    rt_buffer_init(&engine->outbox.told, RECORD_BYTES_MAX);
    rt_arena_init(&engine->outbox.texts, SIZE_MAX);
    engine->kept_slots = (uint32_t)rt_fields_kept_count(engine->plan->fields);
    status = cep_memo_init(&engine->memo, engine->plan);
    if (status == RT_OK)
        status = expr_machine_new(&engine->memo.machine);
    if (status == RT_OK)
        status = rt_wheel_new(&engine->wheel);
    if (status == RT_OK)
        status = cep_dedup_init(&engine->dedup);
    if (status == RT_OK)
        status = cep_classifier_new(engine->plan, engine->options.asks_all, &engine->classifier);
    if (status == RT_OK)
        status = cep_feed_new(engine->plan, &engine->feed);
    if (status == RT_OK && engine->options.route_by_source)
        status = cep_classifier_route(engine->classifier, engine->plan,
                                      engine->options.source_names, engine->options.source_count);
    if (status == RT_OK)
        status = init_keyings(engine);
    if (status == RT_OK)
        status = init_rules(engine);
    if (status == RT_OK && engine->share.role == CEP_HEAD)
        status = cep_router_new(engine);
    return status;
}

enum rt_status cep_engine_new(struct rule_plan *plan, const struct cep_options *options,
                              rt_emit_fn *emit, void *context, struct cep_engine **out)
{
    const struct cep_share whole = {.role = CEP_WHOLE};

    return cep_engine_new_share(plan, options, &whole, emit, context, out);
}

enum rt_status cep_engine_new_share(struct rule_plan *plan, const struct cep_options *options,
                                    const struct cep_share *share, rt_emit_fn *emit, void *context,
                                    struct cep_engine **out)
{
    struct cep_engine *engine = rt_alloc_zeroed(1, sizeof(*engine));
    enum rt_status status;

    if (engine == NULL)
        return RT_ERR_NOMEM;
    engine->port = (struct rt_operator){.push = push,
                                        .late = late,
                                        .advance = advance,
                                        .prepare = cep_prepare,
                                        .deliver = share->role == CEP_HEAD ? deliver : NULL,
                                        .forget = share->role == CEP_HEAD ? forget : NULL,
                                        .route = share->role == CEP_HEAD ? cep_route : NULL,
                                        .pass = share->role == CEP_WORKER ? pass : NULL,
                                        .emit = emit,
                                        .emit_context = context};
    engine->share = *share;
    engine->plan = rule_plan_ref(plan);
    engine->options = *options;
    engine->reached = RT_TIME_MIN;
    cep_memory_init(engine);
    status = init(engine);
    if (status != RT_OK) {
        cep_engine_free(engine);
        return status;
    }
    *out = engine;
    return RT_OK;
}

void cep_engine_free(struct cep_engine *engine)
{
    if (engine == NULL)
        return;
    cep_memory_done(engine);
    cep_keyings_done(engine); /* before the machines whose runs it holds */
    for (uint32_t i = 0; engine->rules != NULL && i < engine->plan->rule_count; i++)
        cep_rule_done(&engine->rules[i]);
    rt_free(engine->rules);
    rt_free(engine->late_rules);
    rt_free(engine->keyings);
    rt_free(engine->key_parts);
    rt_free(engine->key_entries);
    cep_classifier_free(engine->classifier);
    cep_dedup_done(&engine->dedup);
    cep_outbox_done(&engine->outbox);
    cep_feed_free(engine->feed);
    cep_router_free(engine->router);
    rt_wheel_free(engine->wheel);
    expr_machine_free(engine->memo.machine);
    cep_memo_done(&engine->memo);
    rt_pool_done(&engine->timers);
    rt_blocks_done(&engine->windows);
    rt_blocks_done(&engine->slot_lists);
    rt_blocks_done(&engine->captured);
    rule_plan_unref(engine->plan);
    rt_free(engine);
}

struct rt_operator *cep_engine_operator(struct cep_engine *engine)
{
    return &engine->port;
}

/* ---- counters ---- */

void cep_engine_counters(const struct cep_engine *engine, struct cep_counters *out)
{
    *out = engine->counters;
    out->captured_bytes = engine->captured.bytes_in_use;
    out->state_bytes = cep_state_bytes(engine);
}

void cep_engine_rule_counters(const struct cep_engine *engine, uint32_t number,
                              struct cep_rule_counters *out)
{
    const struct cep_rule *rule = &engine->rules[number];

    *out = rule->counters;
    out->live += rule->cold_live;
    if (rule->machine == NULL)
        return;

    const struct nfa_counters *runs = nfa_machine_counters(rule->machine);

    out->started = runs->started;
    out->matched = runs->matched;
    out->timed_out = runs->timed_out;
    out->dropped = runs->evicted + runs->refused;
    out->live = runs->live_runs + rule->cold_live;
}

void cep_rule_counters_add(struct cep_rule_counters *sum, const struct cep_rule_counters *one)
{
    sum->events += one->events;
    sum->excepted += one->excepted;
    sum->cancelled += one->cancelled;
    sum->no_key += one->no_key;
    sum->started += one->started;
    sum->matched += one->matched;
    sum->timed_out += one->timed_out;
    sum->late += one->late;
    sum->emitted += one->emitted;
    sum->suppressed += one->suppressed;
    sum->limited += one->limited;
    sum->condition_errors += one->condition_errors;
    sum->output_errors += one->output_errors;
    sum->dropped += one->dropped;
    sum->live += one->live;
}

static const char *row_name(const struct rule *rule, uint32_t row)
{
    static const char *const places[CEP_PLACES] = {
        [CEP_AT_FILTER] = "filter",       [CEP_AT_EXCEPT] = "except",
        [CEP_AT_CANCEL] = "cancel_if",    [CEP_AT_WHERE] = "where",
        [CEP_AT_AGGREGATE] = "aggregate", [CEP_AT_HAVING] = "having",
        [CEP_AT_TRIGGER] = "trigger"};

    return row < rule->guard_count ? rule->guards[row].step : places[row - rule->guard_count];
}

void cep_engines_each_error(struct cep_engine *const *engines, size_t count,
                            cep_error_count_fn *each, void *context)
{
    const struct rule_plan *plan = engines[0]->plan;

    for (uint32_t i = 0; i < plan->rule_count; i++) {
        uint32_t rows = plan->rules[i]->guard_count + CEP_PLACES;

        for (uint32_t at = 0; at < rows * CEP_REASONS; at++) {
            uint64_t sum = 0;

            for (size_t j = 0; j < count; j++)
                sum += engines[j]->rules[i].errors[at];
            if (sum == 0)
                continue;
            each(context, &(struct cep_error_count){
                              .rule = i,
                              .step = row_name(plan->rules[i], at / CEP_REASONS),
                              .why = (enum rt_value_error)(at % CEP_REASONS),
                              .count = sum,
                          });
        }
    }
}

void cep_engine_each_error(const struct cep_engine *engine, cep_error_count_fn *each, void *context)
{
    struct cep_engine *one = (struct cep_engine *)(uintptr_t)engine;

    cep_engines_each_error(&one, 1, each, context);
}
