/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A finding becomes a record: one JSON object with its keys in a fixed order.
 *
 *     {"v":1,"id":...,"rule":...,"revision":...,"output":...,"severity":...,"title":...,"message":...,"key":{...},"group":{...},
 *      "time":...,"first_time":...,"early":true,"update":1,"fields":{...},"estimated":[...],"tags":[...],"events":{step:[{source,partition,offset,data}]}}
 *
 * Nothing in it depends on the wall clock, the machine or the number of workers.  Its id is a hash of output, rule, key and
 * the positions of the events; that form, too, is fixed: a replay must make the same ids.
 */
#include "cep/event_json.h"
#include "cep/key.h"
#include "cep/state.h"
#include "runtime/time/timestamp.h"

/* What a match holds, oldest first, with those of one step chained. */
struct taken {
    const struct rt_event *event;
    uint32_t step;
    uint32_t next; /* of the same step; NO_NEXT at the end */
};
#define NO_NEXT UINT32_MAX

struct writer {
    struct cep_engine *engine;
    struct cep_rule *rule;
    const struct cep_finding *finding;
    const struct rule_output *output;
    struct expr_frame frame;
    struct rt_value bindings[RULE_BINDINGS_MAX];
    struct taken *taken;
    uint32_t taken_count;
};

static const char *source_name(const struct cep_engine *engine, uint32_t source)
{
    const struct cep_options *options = &engine->options;

    if (source == RT_SOURCE_ALERTS)
        return RULE_SOURCE_ALERTS;
    return source < options->source_count ? options->source_names[source] : "input";
}

/* ---- what the expressions see ---- */

void cep_bind_key(const struct cep_rule *rule, struct rt_text key, struct rt_value *bindings)
{
    const struct cep_engine *engine = rule->engine;
    const struct rule_keying *keying = &engine->plan->keyings[rule->rule->keying];
    const uint32_t groups = rule->rule->group_parts, keys = keying->part_count - groups;

    cep_key_parts(key, engine->key_parts, keying->part_count);
    for (uint32_t i = 0; i < keying->part_count; i++) {
        const char *label = keying->parts[i].label;

        engine->key_entries[i] = (struct rt_map_entry){
            .key = rt_string(label, (uint32_t)strlen(label)), .value = engine->key_parts[i]};
    }
    bindings[RULE_BINDING_KEY] =
        (struct rt_value){.type = RT_MAP, .length = keys, .u.entries = engine->key_entries};
    bindings[RULE_BINDING_GROUP] = (struct rt_value){
        .type = RT_MAP, .length = groups, .u.entries = engine->key_entries + keys};
}

/* `timeout.step`: the step that took the last event. */
static struct rt_value timeout_map(const struct writer *writer, struct rt_map_entry entries[1])
{
    const char *name = writer->rule->rule->steps[writer->finding->match->step].name;

    entries[0] = (struct rt_map_entry){.key = rt_string("step", 4),
                                       .value = rt_string(name, (uint32_t)strlen(name))};
    return (struct rt_value){.type = RT_MAP, .length = 1, .u.entries = entries};
}

static enum rt_status list_taken(struct writer *writer)
{
    const struct nfa_match *match = writer->finding->match;
    struct nfa_taken taken;
    uint32_t at;

    if (match == NULL)
        return RT_OK;
    writer->taken = rt_arena_array(expr_machine_scratch(writer->engine->memo.machine),
                                   match->length, sizeof(*writer->taken));
    if (writer->taken == NULL)
        return RT_ERR_NOMEM;
    writer->taken_count = at = match->length;
    for (const struct nfa_path *path = match->path; path != NULL && at > 0;) {
        path = nfa_path_get(path, &taken);
        writer->taken[--at] = (struct taken){.event = taken.event, .step = taken.step};
    }
    return RT_OK;
}

static void count_output_error(struct writer *writer)
{
    writer->rule->counters.output_errors++;
}

static struct rt_value evaluate(struct writer *writer, const struct expr *code)
{
    return expr_eval(writer->engine->memo.machine, code, &writer->frame);
}

static enum rule_severity severity_of(struct writer *writer)
{
    const struct rule_output *output = writer->output;
    enum rule_severity severity = output->severity;

    if (output->severity_value != NULL) {
        struct rt_value value = evaluate(writer, output->severity_value);

        if (value.type != RT_STRING || !rule_severity_parse(rt_value_text(value), &severity))
            count_output_error(writer);
    }
    return severity;
}

static void write_message(struct writer *writer, struct rt_buffer *out)
{
    const struct rule *rule = writer->rule->rule;
    enum rt_value_error why;

    if (writer->output->message != NULL)
        writer->rule->counters.output_errors += expr_template_render(
            writer->engine->memo.machine, writer->output->message, &writer->frame, out, &why);
    else
        rt_buffer_string(out, rule->title != NULL ? rule->title : rule->id);
}

/* ---- the id ---- */

static void add_number(struct rt_buffer *out, uint64_t number)
{
    char bytes[8];

    for (int i = 0; i < 8; i++)
        bytes[i] = (char)(unsigned char)(number >> (8 * i));
    rt_buffer_add(out, bytes, sizeof(bytes));
}

static void add_name(struct rt_buffer *out, const char *name)
{
    rt_buffer_add(out, name, strlen(name) + 1);
}

static void add_place(const struct writer *writer, const char *step, const struct rt_event *event,
                      struct rt_buffer *out)
{
    add_name(out, step);
    add_name(out, source_name(writer->engine, event->position.source));
    add_number(out, event->position.partition);
    add_number(out, event->position.offset);
}

static struct rt_hash128 hash_of_buffer(const struct rt_buffer *buffer)
{
    return rt_hash128(buffer->data, buffer->length);
}

/* Uses `out`, which is empty, and leaves it empty. */
static struct rt_hash128 id_of(const struct writer *writer, struct rt_buffer *out)
{
    const struct rule *rule = writer->rule->rule;

    add_name(out, rule_output_name(writer->finding->kind));
    add_name(out, rule->id);
    add_number(out, writer->finding->key.length);
    rt_buffer_text(out, writer->finding->key);
    if (writer->finding->outcomes != NULL && writer->finding->event == NULL) {
        add_name(out, "window");
        add_number(out, (uint64_t)writer->finding->begin.ms);
        add_number(out, (uint64_t)writer->finding->time.ms);
        if (writer->finding->update > 0)
            add_number(out, writer->finding->update);
    } else if (writer->finding->match == NULL)
        add_place(writer, "event", writer->finding->event, out);
    for (uint32_t i = 0; i < writer->taken_count; i++)
        add_place(writer, rule->steps[writer->taken[i].step].name, writer->taken[i].event, out);

    struct rt_hash128 id = hash_of_buffer(out);

    out->length = 0;
    return id;
}

/* The key without the group; an alert of any group is one of the key. */
static void add_rule_key(const struct writer *writer, struct rt_buffer *out)
{
    const struct rt_value key = writer->bindings[RULE_BINDING_KEY];

    if (writer->rule->rule->group_parts == 0)
        rt_buffer_text(out, writer->finding->key);
    else
        for (uint32_t i = 0; i < key.length; i++)
            (void)cep_key_add(out, key.u.entries[i].value, i + 1 == key.length);
}

/*
 * What the alert is compared by: the rule's key, or what the rule says.  An error compares by the rule's key.  `kind` tells
 * what is compared: 0 for dedup, 2 for a rate limit; the form is part of stored checkpoints.
 */
static struct rt_hash128 dedup_key_of(struct writer *writer, const struct rule_dedup *dedup,
                                      char kind, struct rt_buffer *out)
{
    bool keyed = false;

    if (dedup->span.ms == 0)
        return (struct rt_hash128){0, 0};
    add_name(out, rule_output_name(writer->finding->kind));
    add_name(out, writer->rule->rule->id);
    if (dedup->key != NULL) {
        rt_buffer_char(out, (char)(kind + 1));
        keyed = cep_key_add(out, evaluate(writer, dedup->key), true);
        if (!keyed)
            count_output_error(writer);
    }
    if (!keyed) {
        rt_buffer_char(out, kind);
        add_rule_key(writer, out);
    }

    struct rt_hash128 key = hash_of_buffer(out);

    out->length = 0;
    return key;
}

/* ---- the object ---- */

static inline void put_name(struct rt_buffer *out, const char *name)
{
    rt_buffer_string(out, ",\"");
    rt_buffer_string(out, name);
    rt_buffer_string(out, "\":");
}

static void put_string(struct rt_buffer *out, const char *name, const char *value)
{
    put_name(out, name);
    rt_buffer_json_string(out, rt_text_of(value));
}

static void put_time(struct rt_buffer *out, const char *name, rt_time time)
{
    put_name(out, name);
    rt_buffer_char(out, '"');
    rt_time_text(time, out);
    rt_buffer_char(out, '"');
}

static void put_fields(struct writer *writer, struct rt_buffer *out)
{
    const struct rule_output *output = writer->output;

    put_name(out, "fields");
    rt_buffer_char(out, '{');
    for (uint32_t i = 0; i < output->field_count; i++) {
        struct rt_value value = evaluate(writer, output->fields[i].value);

        if (rt_is_error(value) || value.type == RT_ABSENT) {
            count_output_error(writer);
            value = rt_null();
        }
        if (i > 0)
            rt_buffer_char(out, ',');
        rt_buffer_json_string(out, rt_text_of(output->fields[i].name));
        rt_buffer_char(out, ':');
        rt_value_json(value, out);
    }
    rt_buffer_char(out, '}');
}

/* The aggregates that were estimated, if any was: too many different values to count them. */
static void put_estimated(struct writer *writer, struct rt_buffer *out)
{
    const struct rule_window *window = writer->rule->rule->window;
    const struct rt_value *outcomes = writer->bindings + RULE_BINDING_AGGREGATES;
    const char *comma = "";

    if (writer->finding->outcomes == NULL)
        return;
    for (uint32_t i = 0; i < window->aggregate_count; i++) {
        if ((outcomes[i].flags & RT_FLAG_ESTIMATE) == 0 || outcomes[i].type != RT_INT)
            continue;
        if (*comma == '\0') {
            put_name(out, "estimated");
            rt_buffer_char(out, '[');
        }
        rt_buffer_string(out, comma);
        rt_buffer_json_string(out, rt_text_of(window->aggregates[i].name));
        comma = ",";
    }
    if (*comma != '\0')
        rt_buffer_char(out, ']');
    writer->rule->counters.estimated += *comma != '\0';
}

static void put_tags(const struct rule *rule, struct rt_buffer *out)
{
    put_name(out, "tags");
    rt_buffer_char(out, '[');
    for (uint32_t i = 0; i < rule->tag_count; i++) {
        if (i > 0)
            rt_buffer_char(out, ',');
        rt_buffer_json_string(out, rt_text_of(rule->tags[i]));
    }
    rt_buffer_char(out, ']');
}

static void put_event(const struct writer *writer, const struct rt_event *event,
                      struct rt_buffer *out)
{
    rt_buffer_string(out, "{\"source\":");
    rt_buffer_json_string(out, rt_text_of(source_name(writer->engine, event->position.source)));
    rt_buffer_string(out, ",\"partition\":");
    rt_buffer_uint(out, event->position.partition);
    rt_buffer_string(out, ",\"offset\":");
    rt_buffer_uint(out, event->position.offset);
    rt_buffer_string(out, ",\"data\":");
    if (event->raw != NULL)
        rt_buffer_add(out, event->raw, event->raw_length);
    else
        cep_event_json(event, writer->engine->plan->fields, out);
    rt_buffer_char(out, '}');
}

/* Chains the events of each step; heads[step] is its oldest. */
static uint32_t *chain_steps(struct writer *writer)
{
    uint32_t step_count = writer->rule->rule->step_count;
    uint32_t *heads = rt_arena_array(expr_machine_scratch(writer->engine->memo.machine), step_count,
                                     sizeof(*heads));

    if (heads == NULL)
        return NULL;
    for (uint32_t i = 0; i < step_count; i++)
        heads[i] = NO_NEXT;
    for (uint32_t i = writer->taken_count; i-- > 0;) {
        writer->taken[i].next = heads[writer->taken[i].step];
        heads[writer->taken[i].step] = i;
    }
    return heads;
}

static enum rt_status put_events(struct writer *writer, struct rt_buffer *out)
{
    const struct rule *rule = writer->rule->rule;
    const char *comma = "";
    const uint32_t *heads;

    put_name(out, "events");
    if (writer->finding->outcomes != NULL) {
        rt_buffer_string(out, "{}");
        return RT_OK;
    }
    if (writer->finding->match == NULL) {
        rt_buffer_string(out, "{\"event\":[");
        put_event(writer, writer->finding->event, out);
        rt_buffer_string(out, "]}");
        return RT_OK;
    }
    heads = chain_steps(writer);
    if (heads == NULL)
        return RT_ERR_NOMEM;
    rt_buffer_char(out, '{');
    for (uint32_t step = 0; step < rule->step_count; step++) {
        if (heads[step] == NO_NEXT)
            continue;
        rt_buffer_string(out, comma);
        comma = ",";
        rt_buffer_json_string(out, rt_text_of(rule->steps[step].name));
        rt_buffer_string(out, ":[");
        for (uint32_t i = heads[step]; i != NO_NEXT; i = writer->taken[i].next) {
            if (i != heads[step])
                rt_buffer_char(out, ',');
            put_event(writer, writer->taken[i].event, out);
        }
        rt_buffer_char(out, ']');
    }
    rt_buffer_char(out, '}');
    return RT_OK;
}

static enum rt_status put_record(struct writer *writer, struct cep_record *record)
{
    const struct rule *rule = writer->rule->rule;
    struct rt_buffer *out = &record->json;
    char id[33];

    rt_hash128_text(record->id, id);
    rt_buffer_string(out, "{\"v\":1");
    put_string(out, "id", id);
    put_string(out, "rule", rule->id);
    put_string(out, "revision", rule->revision);
    put_string(out, "output", rule_output_name(writer->finding->kind));
    put_string(out, "severity", rule_severity_name(record->severity));
    if (rule->title != NULL)
        put_string(out, "title", rule->title);
    put_name(out, "message");
    rt_buffer_json_string(out, rt_buffer_view(&record->message));
    put_name(out, "key");
    record->key_begin = out->length;
    rt_value_json(writer->bindings[RULE_BINDING_KEY], out);
    record->key_end = out->length;
    if (rule->group_parts > 0) {
        put_name(out, "group");
        rt_value_json(writer->bindings[RULE_BINDING_GROUP], out);
    }
    put_time(out, "time", writer->finding->time);
    put_time(out, "first_time", writer->finding->first_time);
    if (writer->finding->is_early)
        rt_buffer_string(out, ",\"early\":true");
    if (writer->finding->update > 0) {
        put_name(out, "update");
        rt_buffer_uint(out, writer->finding->update);
    }
    put_fields(writer, out);
    put_estimated(writer, out);
    put_tags(rule, out);

    enum rt_status status = put_events(writer, out);

    rt_buffer_char(out, '}');
    return status;
}

enum rt_status cep_write_record(struct cep_rule *rule, const struct cep_finding *finding)
{
    struct cep_engine *engine = rule->engine;
    struct cep_record *record = &engine->outbox.record;
    struct rt_map_entry timeout[1];
    struct writer writer = {
        .engine = engine,
        .rule = rule,
        .finding = finding,
        .output = &rule->rule->outputs[finding->kind],
        .frame = cep_frame_of_run(finding->event, finding->match),
    };
    enum rt_status status;

    expr_machine_reset(engine->memo.machine);
    rt_buffer_reset(&record->json);
    rt_buffer_reset(&record->message);
    writer.frame.bindings = writer.bindings;
    cep_bind_key(rule, finding->key, writer.bindings);
    if (finding->kind == RULE_OUTPUT_TIMEOUT)
        writer.bindings[RULE_BINDING_TIMEOUT] = timeout_map(&writer, timeout);
    if (finding->outcomes != NULL)
        memcpy(writer.bindings + RULE_BINDING_AGGREGATES,
               finding->outcomes + RULE_BINDING_AGGREGATES,
               (RULE_BINDINGS_MAX - RULE_BINDING_AGGREGATES) * sizeof(*finding->outcomes));
    status = list_taken(&writer);
    if (status != RT_OK)
        return status;
    record->severity = severity_of(&writer);
    record->id = id_of(&writer, &record->json);
    record->dedup_key = dedup_key_of(&writer, &writer.output->dedup, 0, &record->json);
    record->limit_key = dedup_key_of(&writer, &writer.output->rate_limit, 2, &record->json);
    write_message(&writer, &record->message);
    status = put_record(&writer, record);
    if (status == RT_OK && (record->json.failed || record->message.failed))
        status = RT_ERR_NOMEM;
    return status;
}
