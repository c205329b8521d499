/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way out of a record: shadow rules, dedup, the order of one deadline, emit.
 *
 *     event's records ------------------------------> dedup --> emit
 *     timers' records --> aside --> sorted by (arrival of the first event, rule, order of finding) --> dedup --> emit
 */
#include <stdlib.h>

#include "cep/state.h"
#include "runtime/base/alloc.h"

enum { WAITING_FIRST = 16 };

static const struct rule_output *output_of(const struct cep_engine *engine, uint32_t rule,
                                           enum rule_output_kind kind)
{
    return &engine->plan->rules[rule]->outputs[kind];
}

/* Dedup, then emit. */
static void deliver(struct cep_engine *engine, const struct cep_waiting *record)
{
    struct cep_rule *rule = &engine->rules[record->rule];
    const struct rule_output *output = output_of(engine, record->rule, record->kind);
    bool repeated = false;
    char id[33];

    if (engine->outbox.closed)
        return;
    if (output->dedup.span.ms != 0) {
        enum rt_status status = cep_dedup_check(&engine->dedup, record->dedup_key, record->time,
                                                output->dedup.span, &repeated);

        cep_fail(engine, status);
    }
    if (repeated) {
        rule->counters.suppressed++;
        return;
    }
    rule->counters.emitted++;
    rt_hash128_text(record->id, id);

    const struct rt_output out = {
        .record = {record->json, record->json_length},
        .sink = output->sink,
        .rule = record->rule,
        .time = record->time,
        .first_time = record->first_time,
        .key = {record->json + record->key_begin, record->key_end - record->key_begin},
        .message = {record->message, record->message_length},
        .id = id,
        .rule_id = rule->rule->id,
        .severity = rule_severity_name(record->severity),
        .output = rule_output_name(record->kind),
    };
    enum rt_status status = engine->emit(engine->context, &out);

    engine->outbox.closed = status != RT_OK;
    cep_fail(engine, status);
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
        .severity = record->severity,
        .kind = finding->kind,
        .time = finding->time,
        .first_time = finding->first_time,
    };

    if (engine->outbox.collecting)
        cep_fail(engine, put_aside(&engine->outbox, &out));
    else
        deliver(engine, &out);
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
        deliver(engine, &outbox->waiting[i]);
    outbox->waiting_count = 0;
    rt_arena_reset(&outbox->texts);
}

void cep_outbox_done(struct cep_outbox *outbox)
{
    rt_buffer_done(&outbox->record.json);
    rt_buffer_done(&outbox->record.message);
    rt_arena_done(&outbox->texts);
    rt_free(outbox->waiting);
}
