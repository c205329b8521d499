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
#include "runtime/window/save.h"

enum { FIRST_PLACES = 64 };

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
    return RT_OK;
}

static enum rt_status add_slots(struct cep_engine *engine, const struct rt_key_line *line)
{
    struct cep_saving *saving = engine->saving;
    struct rt_buffer *value = &saving->value;
    uint32_t count;
    const struct cep_slot *slots =
        cep_key_slots(cep_key_of_line((struct rt_key_line *)(uintptr_t)line), &count);
    struct rt_buffer *list = &saving->name; /* the name is written last */

    rt_buffer_reset(list);
    rt_form_add_uint(list, count);
    for (uint32_t i = 0; i < count; i++) {
        enum rt_status status;

        rt_buffer_reset(&saving->slots);
        status = add_slot(saving, &engine->rules[slots[i].rule], &slots[i]);
        if (status != RT_OK)
            return status;
        rt_form_add_uint(list, slots[i].rule);
        rt_form_add_uint(list, slots[i].touched);
        rt_form_add_text(list, rt_buffer_view(&saving->slots));
        if (saving->slots.failed)
            return RT_ERR_NOMEM;
    }
    rt_form_add_uint(value, saving->numbering.count);
    rt_buffer_text(value, rt_buffer_view(&saving->events));
    rt_buffer_text(value, rt_buffer_view(list));
    return list->failed || saving->events.failed || value->failed || saving->numbering.failed
               ? RT_ERR_NOMEM
               : RT_OK;
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
