/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Restoring: entries into an engine that has seen no event.
 *
 *     KEY   name -> keying, key     value -> captured events, each kept once -> slots of rules that go on -> timers
 *
 * What belongs to rules that do not go on is dropped; the key is then noted as changed, so that the next saving says so too.
 * Lines are as saved otherwise, so the first saving after restoring is as small as any.
 */
#include "cep/history.h"
#include "cep/key.h"
#include "cep/save_state.h"
#include "runtime/base/alloc.h"
#include "runtime/window/save.h"

struct cep_restoring {
    struct cep_engine *engine;
    struct cep_saved saved;
    uint32_t *keyings; /* owned; by saved keying: the one now, RULE_NONE: gone */
    size_t
        keying_last; /* saved keying of the entry before: those of one keying follow each other */
    bool anew;       /* nothing counts as saved */
    bool limits;     /* what is too much for memory leaves again */
    /* the key at hand */
    const struct rt_event **events; /* owned; kept, a reference each */
    size_t event_count, event_capacity;
    enum rt_status status; /* of what a callback could not say */
    bool dropped;          /* some slot was */
};

static enum rt_status damaged(struct cep_restoring *restoring, const struct rt_form *form)
{
    return cep_saving_failed(restoring->engine, RT_ERR_CORRUPT,
                             form->why == NULL ? "a key is damaged" : form->why);
}

/* ---- events ---- */

static enum rt_status reserve_events(struct cep_restoring *restoring, size_t count)
{
    if (count <= restoring->event_capacity)
        return RT_OK;

    const struct rt_event **events = rt_realloc((void *)restoring->events, count * sizeof(*events));

    if (events == NULL)
        return RT_ERR_NOMEM;
    restoring->events = events;
    restoring->event_capacity = count;
    return RT_OK;
}

static enum rt_status read_events(struct cep_restoring *restoring, struct rt_form *form)
{
    struct cep_engine *engine = restoring->engine;
    size_t count = rt_form_count(form, 8);
    enum rt_status status = reserve_events(restoring, count);

    for (size_t i = 0; i < count && status == RT_OK; i++) {
        struct rt_event event;

        status = rt_event_of_form(restoring->saved.events, form, &event);
        if (status == RT_OK)
            status = rt_event_keep(&event, UINT32_MAX, &engine->captured, &restoring->events[i]);
        if (status == RT_OK)
            restoring->event_count++;
    }
    if (status == RT_ERR_LIMIT)
        return cep_saving_failed(engine, status,
                                 "what partial matches hold is more than "
                                 "state.limits.captured_bytes allows");
    return status;
}

static void release_events(struct cep_restoring *restoring)
{
    for (size_t i = 0; i < restoring->event_count; i++)
        rt_event_release(restoring->events[i], &restoring->engine->captured);
    restoring->event_count = 0;
}

/* nfa_load_event_fn */
static nfa_event load_event(void *context, struct rt_form *form)
{
    struct cep_restoring *restoring = context;
    uint64_t number = rt_form_uint(form);
    const struct rt_event *kept;

    if (!rt_form_failed(form) && number >= restoring->event_count)
        rt_form_fail(form, "an event that is not there");
    if (rt_form_failed(form))
        return NULL;
    /* One more reference of what is kept: it cannot fail. */
    (void)rt_event_keep(restoring->events[number], UINT32_MAX, &restoring->engine->captured, &kept);
    return kept;
}

/* ---- slots ---- */

struct saved_slot {
    uint32_t touched;
    struct rt_text bytes;
    struct rt_form *form; /* where it stood, for what is wrong with it */
};

static enum rt_status load_seen(struct cep_slot *slot, struct rt_form *form)
{
    slot->seen = rt_form_fixed(form);
    if (slot->seen == 0)
        rt_form_fail(form, "a value that was never seen");
    return rt_form_failed(form) ? RT_ERR_CORRUPT : RT_OK;
}

/* `move`: of a rule with a window. */
static enum rt_status load_slot(struct cep_restoring *restoring, struct cep_rule *rule,
                                const struct cep_move *move, struct cep_slot *slot,
                                struct rt_form *form)
{
    enum rt_status status;

    if (rule->machine != NULL) {
        status = nfa_runs_load(rule->machine, &slot->runs, load_event, restoring, form);
        cep_count_runs(rule);
    } else if (rule->windows != NULL && rule->windows->remembers) {
        status = cep_history_load(rule, form, &slot->history);
    } else if (rule->windows != NULL) {
        status = cep_window_restore(rule, move, form, &slot->window);
        if (status == RT_OK)
            cep_window_pack(rule, slot);
    } else {
        status = load_seen(slot, form);
    }
    if (status == RT_OK && (!rt_form_end(form) || nfa_runs_empty(&slot->runs))) {
        rt_form_fail(form, "a slot of nothing");
        cep_slot_clear(restoring->engine, slot);
        return RT_ERR_CORRUPT;
    }
    return status;
}

/* The slot into its line, with its timer. */
static enum rt_status store_slot(struct cep_restoring *restoring, struct cep_keying *keying,
                                 struct rt_text key, struct cep_slot *slot)
{
    struct cep_engine *engine = restoring->engine;
    const uint64_t hash = rt_key_hash(key);
    enum rt_status status = cep_slot_restore(engine, keying, hash, key, slot);

    if (status != RT_OK) {
        cep_slot_clear(engine, slot);
        return status;
    }

    struct rt_key_line *line = rt_key_table_find(&keying->table, hash, key);

    return cep_timer_set(engine, keying, line, cep_slot_find(line, slot->rule));
}

/* One slot of the key for a rule that goes on with it. */
static enum rt_status restore_slot(struct cep_restoring *restoring, struct cep_keying *keying,
                                   struct rt_text key, const struct saved_slot *saved,
                                   struct cep_rule *rule, const struct cep_move *move)
{
    struct cep_slot slot = {
        .rule = rule->rule->index, .touched = saved->touched, .deadline = RT_TIME_MAX};
    struct rt_key_line *line = rt_key_table_find(&keying->table, rt_key_hash(key), key);
    struct rt_form bytes = rt_form_of(saved->bytes);
    enum rt_status status;

    if (rule->rule->keying != keying - restoring->engine->keyings ||
        (rule->machine == NULL && rule->windows == NULL && rule->rule->new_value_ttl.ms == 0)) {
        rt_form_fail(saved->form, "a rule with another key");
        return RT_ERR_CORRUPT;
    }
    if (line != NULL && cep_slot_find(line, slot.rule) != NULL) {
        rt_form_fail(saved->form, "a rule twice in a key");
        return RT_ERR_CORRUPT;
    }
    status = load_slot(restoring, rule, move, &slot, &bytes);
    if (status == RT_ERR_CORRUPT)
        rt_form_fail(saved->form, bytes.why);
    return status == RT_OK ? store_slot(restoring, keying, key, &slot) : status;
}

static enum rt_status read_slot(struct cep_restoring *restoring, struct cep_keying *keying,
                                struct rt_text key, struct rt_form *form)
{
    struct cep_engine *engine = restoring->engine;
    const uint64_t number = rt_form_uint(form);
    struct saved_slot saved = {.touched = (uint32_t)rt_form_uint_max(form, UINT32_MAX),
                               .form = form};
    const struct cep_saved_rule *rule;
    enum rt_status status = RT_OK;

    saved.bytes = rt_form_text(form);
    if (!rt_form_failed(form) && number >= restoring->saved.rule_count)
        rt_form_fail(form, "a rule that is not there");
    if (rt_form_failed(form))
        return RT_ERR_CORRUPT;
    rule = &restoring->saved.rules[number];
    if (keying == NULL || (rule->has_window ? rule->moves == NULL : rule->now == RULE_NONE)) {
        restoring->dropped = true;
        return RT_OK;
    }
    if (!rule->has_window)
        return restore_slot(restoring, keying, key, &saved, &engine->rules[rule->now], NULL);
    for (const struct cep_move *move = rule->moves; move != NULL && status == RT_OK;
         move = move->next)
        status = restore_slot(restoring, keying, key, &saved, &engine->rules[move->keeper], move);
    return status;
}

/* ---- entries ---- */

/* The keying of an entry's name, and the key behind it; NULL: it is gone.  False: damaged. */
static bool split_name(struct cep_restoring *restoring, struct rt_text name,
                       struct cep_keying **out, struct rt_text *key)
{
    struct rt_form form = rt_form_of(name);
    const uint64_t identity = rt_form_fixed(&form);
    const size_t count = restoring->saved.keying_count;
    size_t at = restoring->keying_last, looked_at = 0;

    if (rt_form_failed(&form))
        return false;
    *key = (struct rt_text){name.data + CEP_IDENTITY_BYTES, name.length - CEP_IDENTITY_BYTES};
    for (; looked_at < count && restoring->saved.identities[at] != identity; looked_at++)
        at = (at + 1) % count;
    if (looked_at == count)
        return false;
    restoring->keying_last = at;
    *out = restoring->keyings[at] == RULE_NONE
               ? NULL
               : &restoring->engine->keyings[restoring->keyings[at]];
    return *out == NULL ||
           cep_key_is_valid(*key,
                            restoring->engine->keyings[restoring->keyings[at]].plan->part_count);
}

/* The key is not what the entry says: the next saving says so. */
static enum rt_status note_dropped(struct cep_restoring *restoring, struct cep_keying *keying,
                                   const struct rt_entry *entry, struct rt_key_line *line)
{
    const struct rt_entry gone = {
        .group = entry->group, .kind = entry->kind, .removed = true, .name = entry->name};

    if (line == NULL)
        return cep_save_early(restoring->engine, &gone);
    cep_key_touch(keying, line);
    return RT_OK;
}

static enum rt_status read_key(struct cep_restoring *restoring, const struct rt_entry *entry)
{
    struct cep_engine *engine = restoring->engine;
    struct rt_form form = rt_form_of(entry->value);
    struct cep_keying *keying = NULL;
    struct rt_key_line *line = NULL;
    struct rt_text key;
    enum rt_status status = RT_OK;

    restoring->dropped = false;
    if (!split_name(restoring, entry->name, &keying, &key))
        return cep_saving_failed(engine, RT_ERR_CORRUPT, "the name of a key is damaged");
    if (entry->group != rt_key_hash(key) % restoring->saved.groups)
        return cep_saving_failed(engine, RT_ERR_CORRUPT, "a key in another key group");

    uint64_t group = rt_key_hash(key) % engine->saving->groups;

    if (group < engine->saving->group_begin || group >= engine->saving->group_end ||
        engine->share.role == CEP_HEAD)
        return RT_OK;
    status = read_events(restoring, &form);

    size_t slots = status == RT_OK ? rt_form_count(&form, 3) : 0;

    if (status == RT_OK && slots == 0)
        rt_form_fail(&form, "a key of nothing");
    for (size_t i = 0; i < slots && status == RT_OK; i++)
        status = read_slot(restoring, keying, key, &form);
    if (status == RT_OK && !rt_form_end(&form))
        status = RT_ERR_CORRUPT;
    release_events(restoring);
    if (status != RT_OK)
        return status == RT_ERR_CORRUPT ? damaged(restoring, &form) : status;
    if (restoring->anew)
        return RT_OK;
    if (keying != NULL)
        line = rt_key_table_find(&keying->table, rt_key_hash(key), key);
    if (line != NULL)
        rt_changes_set_saved(&keying->changes, line);
    if (restoring->dropped)
        return note_dropped(restoring, keying, entry, line);
    return line != NULL && restoring->limits ? cep_cold_limit(engine, keying, line) : RT_OK;
}

static enum rt_status read_dedup(struct cep_restoring *restoring, const struct rt_entry *entry)
{
    struct cep_engine *engine = restoring->engine;
    struct rt_hash128 key;
    enum rt_status status = RT_ERR_CORRUPT;

    if (engine->share.role == CEP_WORKER || engine->saving->group_begin > 0)
        return RT_OK; /* it is another engine's */
    if (entry->name.length == sizeof(key) && entry->group == 0) {
        memcpy(&key, entry->name.data, sizeof(key));
        status = cep_dedup_load(&engine->dedup, key, entry->value);
    }
    return status == RT_ERR_CORRUPT
               ? cep_saving_failed(engine, status, "what dedup remembers is damaged")
               : status;
}

enum rt_status cep_restoring_entry(struct cep_restoring *restoring, const struct rt_entry *entry)
{
    if (entry->removed)
        return cep_saving_failed(restoring->engine, RT_ERR_CORRUPT, "a removed entry");
    switch (entry->kind) {
    case RT_ENTRY_KEY:
        return read_key(restoring, entry);
    case RT_ENTRY_DEDUP:
        return read_dedup(restoring, entry);
    default:
        return cep_saving_failed(restoring->engine, RT_ERR_UNSUPPORTED,
                                 "the state holds what this version of egret does not know");
    }
}

static enum rt_status map_keyings(struct cep_restoring *restoring)
{
    const struct cep_engine *engine = restoring->engine;
    const struct cep_saved *saved = &restoring->saved;

    restoring->keyings = rt_alloc_zeroed(saved->keying_count, sizeof(*restoring->keyings));
    if (restoring->keyings == NULL)
        return RT_ERR_NOMEM;
    for (size_t i = 0; i < saved->keying_count; i++) {
        uint32_t at = 0;

        while (at < engine->plan->keying_count &&
               engine->saving->identities[at] != saved->identities[i])
            at++;
        restoring->keyings[i] = at == engine->plan->keying_count ? RULE_NONE : at;
    }
    return RT_OK;
}

/* Partial matches of rules that begin anew. */
static void count_dropped(struct cep_restoring *restoring)
{
    for (size_t i = 0; i < restoring->saved.rule_count; i++) {
        const struct cep_saved_rule *rule = &restoring->saved.rules[i];
        uint64_t now;

        if (rule->change == CEP_CHANGE_RESTART && rt_map_get(&restoring->saved.ids, rule->id, &now))
            restoring->engine->rules[now].counters.dropped += rule->partials;
    }
}

enum rt_status cep_restoring_new(struct cep_engine *engine, struct rt_text header, bool take,
                                 struct cep_restoring **out)
{
    struct cep_restoring *restoring = rt_alloc_zeroed(1, sizeof(*restoring));
    bool is_alike = false;
    enum rt_status status;

    if (restoring == NULL)
        return RT_ERR_NOMEM;
    restoring->engine = engine;
    status = cep_read_header(engine, header, take, &restoring->saved);
    if (status != RT_OK) {
        rt_free(restoring);
        return status;
    }
    status = cep_readers_restore(engine, &restoring->saved, take);
    if (status == RT_ERR_CORRUPT)
        (void)cep_saving_failed(engine, status, "windows that nobody keeps");
    /* Entries of two numberings cannot lie side by side: there is one header for all of them. */
    if (status == RT_OK)
        status = cep_saved_is_numbered_alike(engine, &restoring->saved, &is_alike);
    restoring->anew = restoring->saved.groups != engine->saving->groups || !is_alike;
    if (status == RT_OK)
        status = map_keyings(restoring);
    if (status != RT_OK) {
        cep_restoring_free(restoring);
        return status;
    }
    *out = restoring;
    return RT_OK;
}

void cep_restoring_free(struct cep_restoring *restoring)
{
    if (restoring == NULL)
        return;
    rt_free(restoring->keyings);
    rt_free((void *)restoring->events);
    cep_saved_done(&restoring->saved);
    rt_free(restoring);
}

static enum rt_status begin(struct cep_engine *engine, struct rt_text header,
                            struct cep_restoring **out)
{
    enum rt_status status = cep_restoring_new(engine, header, true, out);

    if (status == RT_OK)
        status = cep_cold_read_as_now(engine);
    if (status == RT_OK)
        (*out)->limits = engine->cold != NULL && !(*out)->anew;
    return status;
}

static void finish(struct cep_restoring *restoring, bool *starts_anew)
{
    const struct cep_engine *engine = restoring->engine;

    if (engine->share.role != CEP_WORKER && engine->saving->group_begin == 0)
        count_dropped(restoring);
    *starts_anew = restoring->anew;
}

enum rt_status cep_restore(struct cep_engine *const *engines, size_t count, struct rt_text header,
                           struct rt_entries *entries, bool *starts_anew)
{
    struct cep_restoring **all = rt_alloc_zeroed(count, sizeof(*all));
    enum rt_status status = all == NULL ? RT_ERR_NOMEM : RT_OK;
    struct rt_entry entry;

    for (size_t i = 0; i < count && status == RT_OK; i++)
        status = begin(engines[i], header, &all[i]);
    while (status == RT_OK) {
        status = entries->next(entries, &entry);
        for (size_t i = 0; i < count && status == RT_OK; i++)
            status = cep_restoring_entry(all[i], &entry);
    }
    if (status == RT_END) {
        status = RT_OK;
        for (size_t i = 0; i < count; i++)
            finish(all[i], starts_anew);
    }
    for (size_t i = 0; i < count && all != NULL; i++)
        cep_restoring_free(all[i]);
    rt_free(all);
    return status;
}
