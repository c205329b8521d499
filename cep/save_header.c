/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The header: what is saved as a whole each time, one part for each engine that shared the key groups.
 *
 *     [count]{ bytes of a part }
 *     part    [version][groups][counters][turn, sample, time][count]{ rule }[count]{ keying }[names of events]
 *     rule    [id][revision][machine][count]{ label, hash }[window][partial matches][counters][counters of runs][errors]
 *     window  [has one][keeper][number among its readers][count]{ place }[count]{ function, rank, items } of a keeper
 *
 * Parts differ in their counters only; which rules go on is decided by the first.
 */
#include <stddef.h>

#include "cep/history.h"
#include "cep/save_state.h"
#include "runtime/base/alloc.h"
#include "runtime/window/save.h"

enum { SAVED_BYTES_MAX = 1 << 30, RULE_BYTES_MIN = 24 };

/* ---- counters ---- */

struct counter {
    uint32_t number;
    size_t offset; /* of a uint64_t */
};

// NOLINTBEGIN(bugprone-macro-parentheses): a member's name cannot stand in parentheses
static const struct counter engine_counters[] = {
#define ENGINE_COUNTER(member, number) {(number), offsetof(struct cep_counters, member)},
#include "cep/saved_counters.def"
};
static const struct counter rule_counters[] = {
#define RULE_COUNTER(member, number) {(number), offsetof(struct cep_rule_counters, member)},
#include "cep/saved_counters.def"
};
static const struct counter run_counters[] = {
#define RUN_COUNTER(member, number) {(number), offsetof(struct nfa_counters, member)},
#include "cep/saved_counters.def"
};
// NOLINTEND(bugprone-macro-parentheses)

#define COUNT_OF(table) (sizeof(table) / sizeof((table)[0]))

static uint64_t value_at(const void *counters, size_t offset)
{
    uint64_t value;

    memcpy(&value, (const char *)counters + offset, sizeof(value));
    return value;
}

static void add_counters(const struct counter *table, size_t count, const void *counters,
                         struct rt_buffer *out)
{
    size_t present = 0;

    for (size_t i = 0; i < count; i++)
        present += value_at(counters, table[i].offset) != 0;
    rt_form_add_uint(out, present);
    for (size_t i = 0; i < count; i++) {
        uint64_t value = value_at(counters, table[i].offset);

        if (value == 0)
            continue;
        rt_form_add_uint(out, table[i].number);
        rt_form_add_uint(out, value);
    }
}

/* Adds to `counters`; a number that is not in the table is passed over. */
static void read_counters(const struct counter *table, size_t count, void *counters,
                          struct rt_form *form)
{
    size_t present = rt_form_count(form, 2);

    for (size_t i = 0; i < present; i++) {
        uint64_t number = rt_form_uint(form);
        uint64_t value = rt_form_uint(form);

        for (size_t j = 0; j < count; j++) {
            if (table[j].number != number)
                continue;
            value += value_at(counters, table[j].offset);
            memcpy((char *)counters + table[j].offset, &value, sizeof(value));
        }
    }
}

/* ---- writing ---- */

struct rt_event_names cep_event_names(const struct cep_engine *engine)
{
    return (struct rt_event_names){.fields = engine->plan->fields,
                                   .slot_count = engine->kept_slots,
                                   .sources = engine->options.source_names,
                                   .source_count = engine->options.source_count};
}

/* What the form of a rule's slots depends on besides its text. */
static enum rt_status machine_hash(const struct cep_rule *rule, struct rt_hash128 *out)
{
    *out = (struct rt_hash128){0};
    if (rule->machine != NULL)
        return nfa_program_hash(rule->rule->program, out);
    if (rule->windows != NULL && rule->windows->remembers)
        return cep_history_hash(rule, &out->low);
    if (rule->windows != NULL)
        out->low = rule->windows->shape_hash;
    return RT_OK;
}

/* With whom the rule keeps its windows. */
static void add_window(const struct cep_rule *rule, struct rt_buffer *out)
{
    const struct cep_windows *windows = rule->windows;
    const uint32_t units = windows != NULL && cep_is_keeper(rule) ? windows->all.count : 0;

    rt_form_add_bool(out, windows != NULL);
    if (windows == NULL)
        return;
    rt_form_add_uint(out, windows->keeper->rule->index);
    rt_form_add_uint(out, windows->reader);
    rt_form_add_uint(out, rule->rule->window->aggregate_count);
    for (uint32_t i = 0; i < rule->rule->window->aggregate_count; i++)
        rt_form_add_uint(out, windows->places[i]);
    rt_form_add_uint(out, units);
    for (uint32_t i = 0; i < units; i++) {
        rt_form_add_uint(out, (uint64_t)windows->shape.aggregates[i].function);
        rt_form_add_double(out, windows->shape.aggregates[i].quantile);
        rt_form_add_uint(out, windows->shape.aggregates[i].items);
    }
}

static void add_errors(const struct cep_rule *rule, struct rt_buffer *out)
{
    const uint32_t places = (rule->rule->guard_count + CEP_PLACES) * CEP_REASONS;
    size_t present = 0;

    for (uint32_t i = 0; i < places; i++)
        present += rule->errors[i] != 0;
    rt_form_add_uint(out, present);
    for (uint32_t i = 0; i < places; i++) {
        if (rule->errors[i] == 0)
            continue;
        rt_form_add_uint(out, i);
        rt_form_add_uint(out, rule->errors[i]);
    }
}

static enum rt_status add_rule(const struct cep_engine *engine, const struct cep_rule *rule,
                               struct rt_buffer *out)
{
    static const struct nfa_counters none;
    const struct rule *plan = rule->rule;
    struct cep_rule_counters all;
    struct rt_hash128 machine;
    enum rt_status status = machine_hash(rule, &machine);

    if (status != RT_OK)
        return status;
    rt_form_add_text(out, rt_text_of(plan->id));
    rt_form_add_text(out, rt_text_of(plan->revision));
    rt_form_add_fixed(out, machine.high);
    rt_form_add_fixed(out, machine.low);
    rt_form_add_uint(out, plan->shape_count);
    for (uint32_t i = 0; i < plan->shape_count; i++) {
        rt_form_add_text(out, rt_text_of(plan->shape[i].label));
        rt_form_add_fixed(out, plan->shape[i].hash);
    }
    add_window(rule, out);
    cep_engine_rule_counters(engine, plan->index, &all);
    rt_form_add_uint(out, all.live);
    add_counters(rule_counters, COUNT_OF(rule_counters), &rule->counters, out);
    add_counters(run_counters, COUNT_OF(run_counters),
                 rule->machine == NULL ? &none : nfa_machine_counters(rule->machine), out);
    add_errors(rule, out);
    return RT_OK;
}

static enum rt_status add_part(struct cep_engine *engine, struct rt_buffer *out)
{
    const struct rt_event_names names = cep_event_names(engine);

    rt_form_add_uint(out, CEP_SAVE_VERSION);
    rt_form_add_uint(out, engine->saving->groups);
    add_counters(engine_counters, COUNT_OF(engine_counters), &engine->counters, out);
    rt_form_add_uint(out, engine->memo.turn);
    rt_form_add_uint(out, engine->sample);
    rt_form_add_time(out, engine->reached);
    rt_form_add_uint(out, engine->plan->rule_count);
    for (uint32_t i = 0; i < engine->plan->rule_count; i++) {
        enum rt_status status = add_rule(engine, &engine->rules[i], out);

        if (status != RT_OK)
            return status;
    }
    rt_form_add_uint(out, engine->plan->keying_count);
    for (uint32_t i = 0; i < engine->plan->keying_count; i++)
        rt_form_add_fixed(out, engine->saving->identities[i]);
    rt_event_names_add_form(&names, out);
    return out->failed ? RT_ERR_NOMEM : RT_OK;
}

enum rt_status cep_save_header(struct cep_engine *engine, struct rt_buffer *out)
{
    struct rt_buffer part;
    enum rt_status status;

    rt_buffer_init(&part, SAVED_BYTES_MAX);
    status = add_part(engine, &part);
    rt_form_add_uint(out, 1);
    rt_form_add_text(out, rt_buffer_view(&part));
    rt_buffer_done(&part);
    return status == RT_OK && out->failed ? RT_ERR_NOMEM : status;
}

void cep_join_headers(const struct rt_text *parts, size_t count, struct rt_buffer *out)
{
    rt_form_add_uint(out, count);
    for (size_t i = 0; i < count; i++) {
        struct rt_form form = rt_form_of(parts[i]);

        (void)rt_form_uint(&form); /* one each */
        rt_form_add_text(out, rt_form_text(&form));
    }
}

/* ---- which rules go on ---- */

static const struct rule_shape_part *part_of(const struct rule *rule, struct rt_text label)
{
    for (uint32_t i = 0; i < rule->shape_count; i++) {
        if (rt_text_is(label, rule->shape[i].label))
            return &rule->shape[i];
    }
    return NULL;
}

static bool has_part(const struct cep_saved_rule *saved, const char *label)
{
    for (size_t i = 0; i < saved->part_count; i++) {
        if (rt_text_is(saved->parts[i].label, label))
            return true;
    }
    return false;
}

/* LABEL what: in the arena, or shorter when that is full. */
static const char *says(struct cep_saved *all, struct rt_text label, const char *what)
{
    const char *text = rt_arena_printf(&all->arena, "%.*s %s", (int)label.length, label.data, what);

    return text == NULL ? what : text;
}

/* What keeps saved partial matches from going on under the rule; NULL: nothing. */
static const char *obstacle(struct cep_saved *all, const struct cep_saved_rule *saved,
                            const struct rule *rule)
{
    if (rule->shape_count == 0 && saved->part_count > 0)
        return "it keeps nothing any more";
    for (size_t i = 0; i < saved->part_count; i++) {
        const struct rule_shape_part *part = part_of(rule, saved->parts[i].label);

        if (part == NULL)
            return says(all, saved->parts[i].label, "is gone");
        if (part->hash != saved->parts[i].hash)
            return says(all, saved->parts[i].label, "has changed");
    }
    for (uint32_t i = 0; i < rule->shape_count; i++) {
        if (!has_part(saved, rule->shape[i].label))
            return says(all, rt_text_of(rule->shape[i].label), "is new");
        if (!rt_text_is(saved->parts[i].label, rule->shape[i].label))
            return "its parts are in another order";
    }
    return NULL;
}

static enum rt_status decide(struct cep_engine *engine, struct cep_saved *all,
                             struct cep_saved_rule *saved)
{
    struct rt_hash128 machine;
    enum rt_status status;
    uint64_t at;

    saved->now = RULE_NONE;
    saved->why = "";
    if (!rt_map_get(&all->ids, saved->id, &at)) {
        saved->change = CEP_CHANGE_DROP;
        return RT_OK;
    }

    const struct rule *rule = engine->plan->rules[at];
    const char *why = obstacle(all, saved, rule);

    status = machine_hash(&engine->rules[at], &machine);
    if (status != RT_OK)
        return status;
    if (why == NULL && (machine.high != saved->machine.high || machine.low != saved->machine.low))
        why = "it is compiled in another way";
    if (why == NULL && rule->mode == RULE_MODE_OFF)
        why = "it is switched off";
    saved->change = why != NULL                                   ? CEP_CHANGE_RESTART
                    : rt_text_is(saved->revision, rule->revision) ? CEP_CHANGE_KEEP
                                                                  : CEP_CHANGE_EDIT;
    saved->why = why == NULL ? "" : why;
    saved->now = why == NULL ? (uint32_t)at : RULE_NONE;
    return RT_OK;
}

/* ---- reading ---- */

static enum rt_status read_parts(struct cep_saved *all, struct cep_saved_rule *rule,
                                 struct rt_form *form)
{
    rule->part_count = rt_form_count(form, 9);

    struct cep_saved_part *parts = rt_arena_array(&all->arena, rule->part_count, sizeof(*parts));

    if (parts == NULL && rule->part_count > 0)
        return RT_ERR_NOMEM;
    for (size_t i = 0; i < rule->part_count; i++) {
        parts[i].label = rt_form_text(form);
        parts[i].hash = rt_form_fixed(form);
        if (!rt_utf8_valid(parts[i].label))
            rt_form_fail(form, "a name that is no text");
    }
    rule->parts = parts;
    return RT_OK;
}

static enum rt_status read_units(struct cep_saved *all, struct cep_saved_rule *rule,
                                 struct rt_form *form)
{
    struct rt_window_aggregate *units;

    rule->unit_count = rt_form_count(form, 3);
    if (rule->unit_count > RULE_AGGREGATES_MAX)
        rt_form_fail(form, "a window of too many aggregates");
    if (rt_form_failed(form))
        return RT_ERR_CORRUPT;
    units = rt_arena_array(&all->arena, rule->unit_count + 1, sizeof(*units));
    if (units == NULL)
        return RT_ERR_NOMEM;
    for (size_t i = 0; i < rule->unit_count; i++) {
        units[i].function = (enum rt_aggregate)rt_form_uint_max(form, RT_AGGREGATE_COLLECT);
        units[i].quantile = rt_form_double(form);
        units[i].items = (uint32_t)rt_form_uint_max(form, RT_WINDOW_COLLECT_MAX);
    }
    rule->units = units;
    return RT_OK;
}

static enum rt_status read_window(struct cep_saved *all, struct cep_saved_rule *rule,
                                  struct rt_form *form)
{
    uint8_t *places;

    rule->has_window = rt_form_bool(form);
    if (!rule->has_window)
        return RT_OK;
    rule->keeper = (uint32_t)rt_form_uint_max(form, UINT32_MAX);
    rule->reader = (uint32_t)rt_form_uint_max(form, RULE_READERS_MAX - 1);
    rule->place_count = rt_form_count(form, 1);
    if (rule->place_count > RULE_AGGREGATES_MAX)
        rt_form_fail(form, "a window of too many aggregates");
    if (rt_form_failed(form))
        return RT_ERR_CORRUPT;
    places = rt_arena_array(&all->arena, rule->place_count + 1, sizeof(*places));
    if (places == NULL)
        return RT_ERR_NOMEM;
    for (size_t i = 0; i < rule->place_count; i++)
        places[i] = (uint8_t)rt_form_uint_max(form, RULE_AGGREGATES_MAX - 1);
    rule->places = places;
    return read_units(all, rule, form);
}

static void read_errors(struct cep_rule *rule, struct rt_form *form)
{
    size_t present = rt_form_count(form, 2);

    for (size_t i = 0; i < present; i++) {
        uint64_t at = rt_form_uint(form);
        uint64_t value = rt_form_uint(form);

        if (rule != NULL && at < (rule->rule->guard_count + CEP_PLACES) * CEP_REASONS)
            rule->errors[at] += value;
    }
}

/* `rule` NULL: its counters are nobody's. */
static void read_rule_counters(struct cep_rule *rule, struct rt_form *form)
{
    struct cep_rule_counters other;
    struct nfa_counters runs = {0};

    memset(&other, 0, sizeof(other));
    read_counters(rule_counters, COUNT_OF(rule_counters), rule == NULL ? &other : &rule->counters,
                  form);
    read_counters(run_counters, COUNT_OF(run_counters), &runs, form);
    if (rule != NULL && rule->machine != NULL)
        nfa_machine_add_counters(rule->machine, &runs);
    read_errors(rule, form);
}

/* Of engines that share what was saved one goes on counting. */
static bool takes_counters(const struct cep_engine *engine)
{
    return engine->share.role != CEP_WORKER && engine->saving->group_begin == 0;
}

static enum rt_status read_rule(struct cep_engine *engine, struct cep_saved *all,
                                struct cep_saved_rule *rule, bool take, struct rt_form *form)
{
    enum rt_status status;

    rule->id = rt_form_text(form);
    rule->revision = rt_form_text(form);
    rule->machine.high = rt_form_fixed(form);
    rule->machine.low = rt_form_fixed(form);
    if (!rt_utf8_valid(rule->id))
        rt_form_fail(form, "a name that is no text");
    status = read_parts(all, rule, form);
    if (status == RT_OK)
        status = read_window(all, rule, form);
    if (status != RT_OK)
        return status;
    rule->partials += rt_form_uint(form);
    if (rt_form_failed(form))
        return RT_ERR_CORRUPT;
    status = decide(engine, all, rule);
    if (status != RT_OK)
        return status;
    take = take && takes_counters(engine) && rule->now != RULE_NONE;
    read_rule_counters(take ? &engine->rules[rule->now] : NULL, form);
    return rt_form_failed(form) ? RT_ERR_CORRUPT : RT_OK;
}

static enum rt_status read_rules(struct cep_engine *engine, struct cep_saved *all, bool first,
                                 bool take, struct rt_form *form)
{
    size_t count = rt_form_count(form, RULE_BYTES_MIN);
    enum rt_status status = RT_OK;

    if (first) {
        all->rule_count = count;
        all->rules = rt_arena_array(&all->arena, count, sizeof(*all->rules));
        if (all->rules == NULL && count > 0)
            return RT_ERR_NOMEM;
    } else if (count != all->rule_count) {
        rt_form_fail(form, "parts of different rules");
    }
    for (size_t i = 0; i < count && status == RT_OK && !rt_form_failed(form); i++) {
        const struct rt_text id = all->rules[i].id;

        status = read_rule(engine, all, &all->rules[i], take, form);
        if (status == RT_OK && !first && !rt_text_equal(id, all->rules[i].id))
            rt_form_fail(form, "parts of different rules");
    }
    return status;
}

static enum rt_status read_keyings(struct cep_saved *all, bool first, struct rt_form *form)
{
    size_t count = rt_form_count(form, CEP_IDENTITY_BYTES);

    if (!first && count != all->keying_count)
        rt_form_fail(form, "parts of different keys");
    if (first) {
        all->keying_count = count;
        all->identities = rt_arena_array(&all->arena, count, sizeof(*all->identities));
        if (all->identities == NULL && count > 0)
            return RT_ERR_NOMEM;
    }
    for (size_t i = 0; i < count && !rt_form_failed(form); i++)
        all->identities[i] = rt_form_fixed(form);
    return RT_OK;
}

/* The turns and the place of the search for old keys: they decide which key goes at a limit. */
static void read_engine(struct cep_engine *engine, bool take, struct rt_form *form)
{
    struct cep_counters other = {0};

    read_counters(engine_counters, COUNT_OF(engine_counters),
                  take && takes_counters(engine) ? &engine->counters : &other, form);

    uint64_t turn = rt_form_uint(form);
    uint64_t sample = rt_form_uint(form);
    rt_time reached = rt_form_time(form);

    if (take && turn > engine->memo.turn)
        engine->memo.turn = turn;
    if (take) {
        engine->sample = (size_t)sample;
        engine->reached = rt_time_later(engine->reached, reached);
    }
}

static enum rt_status read_part(struct cep_engine *engine, struct cep_saved *all, bool first,
                                bool take, struct rt_form *form)
{
    uint64_t version = rt_form_uint(form);
    enum rt_status status;

    if (!rt_form_failed(form) && version != CEP_SAVE_VERSION)
        return cep_saving_failed(engine, RT_ERR_UNSUPPORTED,
                                 "the state was written by another version of egret");
    all->groups = rt_form_uint_max(form, RT_ENTRY_GROUPS_MAX);
    if (all->groups == 0)
        rt_form_fail(form, "no key groups");
    read_engine(engine, take, form);
    status = read_rules(engine, all, first, take, form);
    if (status == RT_OK)
        status = read_keyings(all, first, form);
    if (status == RT_OK && !rt_form_failed(form)) {
        struct rt_event_reader *reader;
        const char *begin = (const char *)form->at;

        status = rt_event_reader_new(&all->names, form, &reader);
        all->name_bytes = (struct rt_text){begin, (size_t)((const char *)form->at - begin)};
        if (status == RT_OK) {
            rt_event_reader_free(all->events);
            all->events = reader;
        }
    }
    if (status == RT_OK && !rt_form_end(form))
        status = RT_ERR_CORRUPT;
    return status;
}

enum rt_status cep_saved_is_numbered_alike(const struct cep_engine *engine,
                                           const struct cep_saved *saved, bool *out)
{
    const struct rt_event_names names = cep_event_names(engine);
    struct rt_buffer now;
    enum rt_status status;
    bool is_alike = saved->rule_count == engine->plan->rule_count;

    for (size_t i = 0; i < saved->rule_count && is_alike; i++)
        is_alike = rt_text_is(saved->rules[i].id, engine->plan->rules[i]->id);
    rt_buffer_init(&now, SAVED_BYTES_MAX);
    rt_event_names_add_form(&names, &now);
    *out = is_alike && cep_readers_are_alike(engine, saved) &&
           rt_text_equal(rt_buffer_view(&now), saved->name_bytes);
    status = now.failed ? RT_ERR_NOMEM : RT_OK;
    rt_buffer_done(&now);
    return status;
}

void cep_saved_done(struct cep_saved *saved)
{
    rt_event_reader_free(saved->events);
    rt_map_done(&saved->ids);
    rt_arena_done(&saved->arena);
    *saved = (struct cep_saved){0};
}

enum rt_status cep_read_header(struct cep_engine *engine, struct rt_text header, bool take,
                               struct cep_saved *out)
{
    struct rt_form form = rt_form_of(header);
    size_t count = rt_form_count(&form, 8);
    enum rt_status status = RT_OK;

    *out = (struct cep_saved){.names = cep_event_names(engine)};
    rt_arena_init(&out->arena, SAVED_BYTES_MAX);
    if (count == 0)
        rt_form_fail(&form, "an empty header");
    for (uint32_t i = 0; i < engine->plan->rule_count && status == RT_OK; i++)
        status = rt_map_set(&out->ids, rt_text_of(engine->plan->rules[i]->id), i);
    for (size_t i = 0; i < count && status == RT_OK; i++) {
        struct rt_form part = rt_form_of(rt_form_text(&form));

        status = read_part(engine, out, i == 0, take, &part);
        if (rt_form_failed(&part))
            rt_form_fail(&form, part.why);
    }
    if (status == RT_OK && !rt_form_end(&form))
        status = RT_ERR_CORRUPT;
    if (status == RT_ERR_CORRUPT)
        (void)cep_saving_failed(engine, status, form.why == NULL ? "damaged" : form.why);
    if (status != RT_OK)
        cep_saved_done(out);
    return status;
}
