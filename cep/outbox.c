/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way out of a record: shadow rules, dedup, the order of one deadline, emit.
 *
 *     event's records ------------------------------> dedup --> emit
 *     timers' records --> aside --> sorted by (arrival of the first event, rule, order of finding) --> dedup --> emit
 */
#include <stdlib.h>

#include "cep/feed.h"
#include "cep/state.h"
#include "runtime/base/alloc.h"

enum { WAITING_FIRST = 16 };

static const struct rule_output *output_of(const struct cep_engine *engine, uint32_t rule,
                                           enum rule_output_kind kind)
{
    return &engine->plan->rules[rule]->outputs[kind];
}

/* Whether the alert goes out; *told: how many before it did not. */
static bool may_pass(struct cep_engine *engine, struct rt_hash128 key, rt_time time,
                     const struct cep_dedup_limit *limit, uint64_t *told)
{
    struct cep_dedup_answer answer;

    if (limit->span.ms == 0)
        return true;
    cep_fail(engine, cep_dedup_check(&engine->dedup, key, time, limit, &answer));
    *told = answer.told;
    return !answer.left_out;
}

/* Dedup, then the rate limit.  False: the alert is kept back and counted. */
static bool passes(struct cep_engine *engine, const struct rt_output *record, uint64_t *told)
{
    const struct rule_output *output =
        output_of(engine, record->rule, (enum rule_output_kind)record->kind);
    const struct cep_dedup_limit once = {.span = output->dedup.span, .max = output->dedup.max};
    const struct cep_dedup_limit rate = {
        .span = output->rate_limit.span, .max = output->rate_limit.max, .tells = true};
    struct cep_rule_counters *counters = &engine->rules[record->rule].counters;

    if (!may_pass(engine, record->dedup_key, record->time, &once, told)) {
        counters->suppressed++;
        return false;
    }
    if (!may_pass(engine, record->limit_key, record->time, &rate, told)) {
        counters->suppressed++;
        counters->limited++;
        return false;
    }
    return true;
}

/* The record with the number of those that were left out before it, as its last member. */
static struct rt_text with_told(struct cep_engine *engine, struct rt_text json, uint64_t told)
{
    struct rt_buffer *out = &engine->outbox.told;

    if (told == 0)
        return json;
    rt_buffer_reset(out);
    rt_buffer_add(out, json.data, json.length - 1);
    rt_buffer_string(out, ",\"suppressed\":");
    rt_buffer_uint(out, told);
    rt_buffer_char(out, '}');
    if (!out->failed)
        return rt_buffer_view(out);
    cep_fail(engine, RT_ERR_NOMEM);
    return json;
}

static void emit(struct cep_engine *engine, const struct rt_output *output)
{
    enum rt_status status = engine->port.emit(engine->port.emit_context, output);

    engine->outbox.closed = status != RT_OK;
    cep_fail(engine, status);
}

bool cep_pass_on(struct cep_engine *engine, struct rt_output *output)
{
    const size_t key_begin = (size_t)(output->key.data - output->record.data);
    uint64_t told = 0;

    if (!passes(engine, output, &told))
        return false;
    engine->rules[output->rule].counters.emitted++;
    output->record = with_told(engine, output->record, told);
    output->key.data = output->record.data + key_begin;
    emit(engine, output);
    return !engine->outbox.closed;
}

/* Dedup and rate limit, then emit; a worker leaves them to the head. */
static void deliver(struct cep_engine *engine, const struct cep_waiting *record, bool of_event)
{
    struct cep_rule *rule = &engine->rules[record->rule];
    char id[33];

    if (engine->outbox.closed)
        return;
    rt_hash128_text(record->id, id);

    const struct rule_output *of_rule = output_of(engine, record->rule, record->kind);
    struct rt_output out = {
        .record = {record->json, record->json_length},
        .sinks = of_rule->sinks,
        .sink_count = of_rule->sink_count,
        .rule = record->rule,
        .time = record->time,
        .first_time = record->first_time,
        .key = {record->json + record->key_begin, record->key_end - record->key_begin},
        .message = {record->message, record->message_length},
        .id = id,
        .rule_id = rule->rule->id,
        .severity = rule_severity_name(record->severity),
        .output = rule_output_name(record->kind),
        .place = {.of_event = of_event,
                  .at = engine->outbox.deadline,
                  .tie = record->tie,
                  .part = rule->part},
        .dedup_key = record->dedup_key,
        .limit_key = record->limit_key,
        .kind = (uint32_t)record->kind,
    };

    if (engine->share.role == CEP_WORKER)
        emit(engine, &out);
    else if (cep_pass_on(engine, &out) && !engine->is_behind)
        cep_feed_add(engine, record->rule, record->time, record->id, out.record);
}

static enum rt_status put_aside(struct cep_outbox *outbox, const struct cep_waiting *record)
{
    if (outbox->waiting_count == outbox->waiting_capacity) {
        size_t capacity =
            outbox->waiting_capacity == 0 ? WAITING_FIRST : outbox->waiting_capacity * 2;
        struct cep_waiting *waiting =
            rt_realloc(outbox->waiting, capacity * sizeof(*outbox->waiting));

        if (waiting == NULL)
            return RT_ERR_NOMEM;
        outbox->waiting = waiting;
        outbox->waiting_capacity = capacity;
    }

    struct cep_waiting *place = &outbox->waiting[outbox->waiting_count];

    *place = *record;
    place->number = (uint32_t)outbox->waiting_count;
    place->json = rt_arena_text(&outbox->texts, record->json, record->json_length);
    place->message = rt_arena_text(&outbox->texts, record->message, record->message_length);
    if (place->json == NULL || place->message == NULL)
        return RT_ERR_NOMEM;
    outbox->waiting_count++;
    return RT_OK;
}

static void count_finding(struct cep_rule *rule, const struct cep_finding *finding)
{
    if (finding->kind == RULE_OUTPUT_LATE)
        rule->counters.late++;
    else if (rule->machine == NULL)
        rule->counters.matched++; /* the automaton counts the others */
}

void cep_report(struct cep_rule *rule, const struct cep_finding *finding)
{
    struct cep_engine *engine = rule->engine;
    const struct cep_record *record = &engine->outbox.record;

    count_finding(rule, finding);
    if (rule->rule->mode == RULE_MODE_SHADOW)
        return;

    enum rt_status status = cep_write_record(rule, finding);

    if (status != RT_OK) {
        cep_fail(engine, status);
        return;
    }

    struct cep_waiting out = {
        .tie = finding->tie,
        .rule = rule->rule->index,
        .json = record->json.data,
        .json_length = record->json.length,
        .message = record->message.data == NULL ? "" : record->message.data,
        .message_length = record->message.length,
        .key_begin = record->key_begin,
        .key_end = record->key_end,
        .id = record->id,
        .dedup_key = record->dedup_key,
        .limit_key = record->limit_key,
        .severity = record->severity,
        .kind = finding->kind,
        .time = finding->time,
        .first_time = finding->first_time,
    };

    if (engine->outbox.collecting)
        cep_fail(engine, put_aside(&engine->outbox, &out));
    else
        deliver(engine, &out, true);
}

static int compare(const void *left, const void *right)
{
    const struct cep_waiting *a = left, *b = right;

    if (a->tie != b->tie)
        return a->tie < b->tie ? -1 : 1;
    if (a->rule != b->rule)
        return a->rule < b->rule ? -1 : 1;
    return a->number < b->number ? -1 : 1;
}

void cep_outbox_flush(struct cep_engine *engine)
{
    struct cep_outbox *outbox = &engine->outbox;

    if (outbox->waiting_count == 0)
        return;
    qsort(outbox->waiting, outbox->waiting_count, sizeof(*outbox->waiting), compare);
    for (size_t i = 0; i < outbox->waiting_count; i++)
        deliver(engine, &outbox->waiting[i], false);
    outbox->waiting_count = 0;
    rt_arena_reset(&outbox->texts);
}

void cep_outbox_done(struct cep_outbox *outbox)
{
    rt_buffer_done(&outbox->record.json);
    rt_buffer_done(&outbox->record.message);
    rt_buffer_done(&outbox->told);
    rt_arena_done(&outbox->texts);
    rt_free(outbox->waiting);
}
