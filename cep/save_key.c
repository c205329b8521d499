/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The entry of one key.
 *
 *     name    identity of the keying, 8 bytes | the key's bytes (key.h)
 *     value   [count][captured event ...][count][rule, touched, bytes of the slot ...]
 *
 * An event that several slots or several steps hold is there once; slots name it by its number.  A slot's bytes can be passed over,
 * so a rule that is gone harms nothing.
 */
#include "cep/history.h"
#include "cep/save_state.h"
#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"
#include "runtime/window/save.h"

enum {
    FIRST_PLACES = 64,
    CACHE_LINE = 64,
    EVENT_BYTES_FETCHED = 384, /* of an event: most have no more */
    LARGE_TABLE = 1 << 14      /* lines: 1 MiB; what a smaller one leads to is in the caches */
};

/* ---- events ---- */

void cep_numbering_done(struct cep_numbering *numbering)
{
    rt_free(numbering->places);
}

static struct cep_numbered *place_of(const struct cep_numbering *numbering, const void *event)
{
    uint64_t mixed = ((uint64_t)(uintptr_t)event >> 4) * UINT64_C(0x9e3779b97f4a7c15);
    uint32_t at = (uint32_t)(mixed >> 32) & (numbering->capacity - 1);

    while (numbering->places[at].stamp == numbering->stamp && numbering->places[at].event != event)
        at = (at + 1) & (numbering->capacity - 1);
    return &numbering->places[at];
}

static bool grow(struct cep_numbering *numbering)
{
    struct cep_numbering grown = *numbering;

    grown.capacity = numbering->capacity == 0 ? FIRST_PLACES : numbering->capacity * 2;
    grown.places = rt_alloc_zeroed(grown.capacity, sizeof(*grown.places));
    if (grown.places == NULL)
        return false;
    for (uint32_t i = 0; i < numbering->capacity; i++) {
        const struct cep_numbered *old = &numbering->places[i];

        if (old->stamp == numbering->stamp)
            *place_of(&grown, old->event) = *old;
    }
    rt_free(numbering->places);
    *numbering = grown;
    return true;
}

static void begin_key(struct cep_numbering *numbering)
{
    numbering->count = 0;
    numbering->failed = false;
    if (++numbering->stamp == 0) { /* stamps of long ago could come again */
        for (uint32_t i = 0; i < numbering->capacity; i++)
            numbering->places[i].stamp = 0;
        numbering->stamp = 1;
    }
}

/* nfa_save_event_fn: the event's number; written the first time. */
static void save_event(void *context, nfa_event event, struct rt_buffer *out)
{
    struct cep_saving *saving = context;
    struct cep_numbering *numbering = &saving->numbering;

    if (numbering->count * 2 >= numbering->capacity && !grow(numbering)) {
        numbering->failed = true;
        return;
    }

    struct cep_numbered *place = place_of(numbering, event);

    if (place->stamp != numbering->stamp) {
        *place = (struct cep_numbered){event, numbering->stamp, numbering->count++};
        rt_event_add_form(event, &saving->events);
    }
    rt_form_add_uint(out, place->number);
}

/* ---- slots ---- */

static const struct cep_slot *slots_of(const struct rt_key_line *line, uint32_t *count)
{
    return cep_key_slots(cep_key_of_line((struct rt_key_line *)(uintptr_t)line), count);
}

static enum rt_status add_slot(struct cep_saving *saving, const struct cep_rule *rule,
                               const struct cep_slot *slot)
{
    struct rt_buffer *out = &saving->slots;
    struct rt_one_view view;

    if (rule->machine != NULL)
        return nfa_runs_save(rule->machine, &slot->runs, save_event, saving, out);
    if (rule->windows != NULL && rule->windows->remembers)
        cep_history_save(rule, slot->history, out);
    else if (rule->windows != NULL)
        rt_window_save(&rule->windows->shape, cep_window_of(rule, slot, &view), out);
    else
        rt_form_add_fixed(out, slot->seen);
    return out->failed ? RT_ERR_NOMEM : RT_OK;
}

/* In front of the bytes from `begin` on, which have a byte for it: how many they are.  More than that takes moves them. */
static bool put_length(struct rt_buffer *out, size_t begin)
{
    const size_t length = out->length - begin;
    char head[RT_FORM_UINT_BYTES_MAX];
    const size_t head_length = rt_form_put_uint(head, length);

    if (head_length > 1) {
        rt_buffer_add(out, head, head_length - 1); /* room */
        if (out->failed)
            return false;
        memmove(out->data + begin + head_length - 1, out->data + begin, length);
    }
    memcpy(out->data + begin - 1, head, head_length);
    return true;
}

static enum rt_status add_slots(struct cep_engine *engine, const struct rt_key_line *line)
{
    struct cep_saving *saving = engine->saving;
    struct rt_buffer *value = &saving->value, *out = &saving->slots;
    uint32_t count;
    const struct cep_slot *slots = slots_of(line, &count);

    rt_buffer_reset(out);
    rt_form_add_uint(out, count);
    for (uint32_t i = 0; i < count; i++) {
        rt_form_add_uint(out, slots[i].rule);
        rt_form_add_uint(out, slots[i].touched);
        rt_form_add_byte(out, 0); /* the length of what follows */

        const size_t begin = out->length;
        const enum rt_status status = add_slot(saving, &engine->rules[slots[i].rule], &slots[i]);

        if (status != RT_OK)
            return status;
        if (!put_length(out, begin))
            return RT_ERR_NOMEM;
    }
    rt_form_add_uint(value, saving->numbering.count);
    rt_buffer_text(value, rt_buffer_view(&saving->events));
    rt_buffer_text(value, rt_buffer_view(out));
    return saving->events.failed || value->failed || saving->numbering.failed ? RT_ERR_NOMEM
                                                                              : RT_OK;
}

/* ---- ahead ---- */

/* The blocks of kept events, each once if neighbours share it. */
static void fetch_events(const struct cep_engine *engine, const struct cep_slot *slots,
                         uint32_t count)
{
    nfa_event newest[NFA_NEWEST_MAX], last = NULL;

    for (uint32_t i = 0; i < count; i++) {
        if (engine->rules[slots[i].rule].machine == NULL)
            continue;
        for (uint32_t left = nfa_runs_newest(&slots[i].runs, newest); left > 0; left--) {
            const char *event = newest[left - 1];

            for (size_t at = 0; event != last && at < EVENT_BYTES_FETCHED; at += CACHE_LINE)
                RT_PREFETCH(event + at);
            last = event;
        }
    }
}

/* Each round touches what the round before has fetched: the slots of a key, their runs, what runs have taken, the events. */
void cep_save_prefetch(const struct cep_engine *engine, const struct cep_keying *keying,
                       const struct rt_key_line *const *lines, size_t count)
{
    if (keying->table.capacity < LARGE_TABLE)
        return;
    for (size_t i = 0; i < count; i++)
        cep_key_prefetch(engine, lines[i], false);
    for (size_t i = 0; i < count; i++)
        cep_key_prefetch(engine, lines[i], true);
    for (size_t i = 0; i < count; i++) {
        uint32_t slot_count;
        const struct cep_slot *slots = slots_of(lines[i], &slot_count);

        for (uint32_t j = 0; j < slot_count && slot_count > 1; j++)
            cep_slot_prefetch(engine, &slots[j], true);
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t slot_count;
        const struct cep_slot *slots = slots_of(lines[i], &slot_count);

        fetch_events(engine, slots, slot_count);
    }
}

/* ---- entries ---- */

enum rt_status cep_save_key_removed(struct cep_engine *engine, const struct cep_keying *keying,
                                    struct rt_text key, struct rt_entry *out)
{
    struct cep_saving *saving = engine->saving;

    rt_buffer_reset(&saving->name);
    rt_form_add_fixed(&saving->name, saving->identities[keying - engine->keyings]);
    rt_buffer_text(&saving->name, key);
    if (saving->name.failed)
        return RT_ERR_NOMEM;
    *out = (struct rt_entry){.group = (uint16_t)(rt_key_hash(key) % saving->groups),
                             .kind = RT_ENTRY_KEY,
                             .removed = true,
                             .name = rt_buffer_view(&saving->name)};
    return RT_OK;
}

enum rt_status cep_save_key(struct cep_engine *engine, const struct cep_keying *keying,
                            const struct rt_key_line *line, struct rt_entry *out)
{
    struct cep_saving *saving = engine->saving;
    enum rt_status status;

    begin_key(&saving->numbering);
    rt_buffer_reset(&saving->value);
    rt_buffer_reset(&saving->events);
    status = add_slots(engine, line);
    if (status == RT_OK)
        status = cep_save_key_removed(engine, keying, rt_key_line_key(line), out);
    if (status != RT_OK)
        return status;
    out->removed = false;
    out->value = rt_buffer_view(&saving->value);
    return RT_OK;
}

enum rt_status cep_save_measure(struct cep_engine *engine, const struct cep_slot *slot,
                                uint64_t *bytes)
{
    struct cep_saving *saving = engine->saving;
    enum rt_status status;

    begin_key(&saving->numbering);
    rt_buffer_reset(&saving->events);
    rt_buffer_reset(&saving->slots);
    status = add_slot(saving, &engine->rules[slot->rule], slot);
    if (status != RT_OK)
        return status;
    *bytes = saving->events.length + saving->slots.length;
    return saving->events.failed || saving->slots.failed || saving->numbering.failed ? RT_ERR_NOMEM
                                                                                     : RT_OK;
}
