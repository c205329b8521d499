/* SPDX-License-Identifier: Apache-2.0 */
/* Keyed state: this event's key in each keying, and the slots in which rules keep their runs. */
#include <string.h>

#include "cep/key.h"
#include "cep/state.h"
#include "runtime/base/assert.h"

enum { LIST_FIRST = 2, PREFETCH_SLOTS = 20, SAMPLE_LINES = 32, SAMPLE_PLACES = 1024 };

bool cep_key_evaluate(struct cep_engine *engine, const struct cep_keying *keying,
                      const struct rt_event *event, struct rt_buffer *bytes)
{
    const struct expr_frame frame = {.event = event};
    uint32_t count = keying->plan->part_count;

    for (uint32_t i = 0; i < count; i++) {
        struct rt_value value =
            expr_eval(engine->memo.machine, keying->plan->parts[i].value, &frame);

        if (!cep_key_add(bytes, value, i + 1 == count))
            return false;
    }
    return !bytes->failed;
}

const struct cep_event_key *cep_key_of_event(struct cep_engine *engine, uint32_t number)
{
    struct cep_keying *keying = &engine->keyings[number];
    struct cep_event_key *key = &keying->key;
    const struct cep_prepared_key *prepared;

    if (key->turn == engine->memo.turn)
        return key;
    key->turn = engine->memo.turn;
    keying->looked_up = false;
    keying->place = 0;
    rt_buffer_reset(&key->bytes);
    prepared = engine->event->position.source == RT_SOURCE_ALERTS
                   ? NULL /* its arrival is that of another */
                   : cep_prepared_find(&keying->prepared, engine->event->sequence);
    if (prepared != NULL) {
        rt_buffer_add(&key->bytes, keying->prepared.bytes.data + prepared->begin, prepared->length);
        key->has_key = prepared->has_key && !key->bytes.failed;
        key->hash = prepared->hash;
    } else {
        key->has_key = cep_key_evaluate(engine, keying, engine->event, &key->bytes);
        if (key->has_key)
            key->hash = rt_key_hash(rt_buffer_view(&key->bytes));
    }
    if (key->bytes.failed)
        cep_fail(engine, RT_ERR_NOMEM);
    return key;
}

static struct rt_key_line *find_line(struct cep_keying *keying, const struct cep_event_key *key)
{
    const struct rt_text bytes = rt_buffer_view(&key->bytes);
    struct rt_key_line *line = rt_key_table_find(&keying->table, key->hash, bytes);

    if (line != NULL || keying->cold_keys == 0)
        return line;
    return cep_cold_line(keying->engine, keying, key->hash, bytes);
}

struct rt_key_line *cep_key_line(struct cep_keying *keying, const struct cep_event_key *key)
{
    if (key != &keying->key)
        return find_line(keying, key);
    if (!keying->looked_up) {
        keying->line = find_line(keying, key);
        keying->looked_up = true;
    }
    return keying->line;
}

struct cep_key *cep_key_of_line(struct rt_key_line *line)
{
    return (struct cep_key *)(void *)line->payload;
}

struct cep_slot *cep_key_slots(struct cep_key *key, uint32_t *count)
{
    struct cep_slot_list *list = cep_key_list(key);

    if (list != NULL) {
        *count = list->count;
        return list->slots;
    }
    *count = nfa_runs_empty(&key->only.runs) ? 0 : 1;
    return &key->only;
}

static size_t list_bytes(uint32_t capacity)
{
    return sizeof(struct cep_slot_list) + capacity * sizeof(struct cep_slot);
}

void cep_slot_prefetch(const struct cep_engine *engine, const struct cep_slot *slot, bool inside)
{
    const struct cep_rule *rule = &engine->rules[slot->rule];

    if (rule->machine != NULL)
        nfa_runs_prefetch(&slot->runs, inside);
    else if (rule->windows != NULL && inside)
        cep_window_prefetch(rule, slot);
    else if (rule->windows != NULL && !cep_slot_is_one(rule, slot))
        RT_PREFETCH(slot->window);
}

void cep_key_prefetch(const struct cep_engine *engine, const struct rt_key_line *line, bool runs)
{
    const struct cep_key *key = (const struct cep_key *)(const void *)line->payload;
    const struct cep_slot_list *list = cep_key_list(key);

    if (list == NULL) {
        cep_slot_prefetch(engine, &key->only, runs);
        return;
    }
    if (!runs) {
        for (size_t at = 0; at < list_bytes(PREFETCH_SLOTS); at += 64)
            RT_PREFETCH((const char *)list + at);
        return;
    }
    for (uint32_t i = 0; i < list->count && i < PREFETCH_SLOTS; i++)
        cep_slot_prefetch(engine, &list->slots[i], false);
}

/* The first slot of the list that is not below `rule`. */
static uint32_t place_in(const struct cep_slot_list *list, uint32_t rule)
{
    uint32_t low = 0, high = list->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (list->slots[middle].rule < rule)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct cep_slot *cep_slot_find(struct rt_key_line *line, uint32_t rule)
{
    struct cep_key *key = cep_key_of_line(line);
    struct cep_slot_list *list = cep_key_list(key);

    if (list == NULL)
        return key->only.rule == rule && !nfa_runs_empty(&key->only.runs) ? &key->only : NULL;

    uint32_t place = place_in(list, rule);

    return place < list->count && list->slots[place].rule == rule ? &list->slots[place] : NULL;
}

struct cep_slot *cep_slot_next(struct cep_keying *keying, struct rt_key_line *line, uint32_t rule)
{
    struct cep_slot_list *list = cep_key_list(cep_key_of_line(line));
    uint32_t place = keying->place;

    if (list == NULL)
        return cep_slot_find(line, rule);
    if (place > list->count || (place > 0 && list->slots[place - 1].rule >= rule))
        place = place_in(list, rule); /* another key, or what was there has gone */
    while (place < list->count && list->slots[place].rule < rule)
        place++;
    keying->place = place;
    return place < list->count && list->slots[place].rule == rule ? &list->slots[place] : NULL;
}

/* As many slots as the block for `count` has room for anyway. */
static uint32_t capacity_for(uint32_t count)
{
    return (uint32_t)((rt_blocks_size(list_bytes(count)) - sizeof(struct cep_slot_list)) /
                      sizeof(struct cep_slot));
}

/* The key's list with room for one more; made from the single slot if there is none yet. */
static struct cep_slot_list *list_with_room(struct cep_engine *engine, struct cep_key *key)
{
    struct cep_slot_list *old = cep_key_list(key);

    if (old != NULL && old->count < old->capacity)
        return old;

    uint32_t capacity = capacity_for(old == NULL ? LIST_FIRST : old->capacity * 2);
    struct cep_slot_list *list = rt_blocks_take(&engine->slot_lists, list_bytes(capacity));

    if (list == NULL)
        return NULL;
    list->capacity = capacity;
    if (old == NULL) {
        list->count = 1;
        list->slots[0] = key->only;
    } else {
        list->count = old->count;
        memcpy(list->slots, old->slots, old->count * sizeof(struct cep_slot));
        rt_blocks_give(&engine->slot_lists, old, list_bytes(old->capacity));
    }
    if (old == NULL) {
        key->only = (struct cep_slot){.rule = CEP_MANY, .deadline = RT_TIME_MAX};
        key->only.list = list;
        cep_sweep_note_list(engine, key, &list->slots[0]);
    }
    key->only.list = list;
    return list;
}

static enum rt_status add_to_line(struct cep_engine *engine, struct rt_key_line *line,
                                  const struct cep_slot *slot)
{
    struct cep_key *key = cep_key_of_line(line);

    if (cep_key_list(key) == NULL && nfa_runs_empty(&key->only.runs)) {
        key->only = *slot;
        return RT_OK;
    }

    struct cep_slot_list *list = list_with_room(engine, key);

    if (list == NULL)
        return RT_ERR_NOMEM;

    uint32_t place = place_in(list, slot->rule);

    memmove(&list->slots[place + 1], &list->slots[place],
            (list->count - place) * sizeof(struct cep_slot));
    list->slots[place] = *slot;
    list->count++;
    return RT_OK;
}

static enum rt_status insert_line(struct cep_engine *engine, struct cep_keying *keying,
                                  uint64_t hash, struct rt_text key, struct rt_key_line **out)
{
    size_t long_bytes = keying->table.long_keys.bytes_in_use;
    enum rt_status status = rt_key_table_insert(&keying->table, hash, key, out);

    keying->looked_up = false; /* lines have moved */
    if (status != RT_OK)
        return status;
    engine->counters.keys++;
    engine->long_key_bytes += keying->table.long_keys.bytes_in_use - long_bytes;
    return RT_OK;
}

/* Without a trace in what is saved. */
static void take_out_line(struct cep_engine *engine, struct cep_keying *keying,
                          struct rt_key_line *line)
{
    size_t long_bytes = keying->table.long_keys.bytes_in_use;

    rt_key_table_remove(&keying->table, line);
    keying->looked_up = false; /* lines have moved */
    engine->counters.keys--;
    engine->long_key_bytes -= long_bytes - keying->table.long_keys.bytes_in_use;
}

static void remove_line(struct cep_engine *engine, struct cep_keying *keying,
                        struct rt_key_line *line)
{
    rt_changes_remove(&keying->changes, line);
    take_out_line(engine, keying, line);
}

/* Room for one more key, or what the policy says of it: RT_AGAIN when the key is not begun. */
static enum rt_status make_room(struct cep_engine *engine, struct cep_keying *keying)
{
    while (engine->counters.keys >= engine->options.keys ||
           cep_state_bytes(engine) >= engine->options.memory) {
        if (engine->options.on_limit == NFA_STOP)
            return RT_ERR_LIMIT;
        if (engine->options.on_limit == NFA_DROP_NEW || !cep_evict(engine, keying)) {
            engine->counters.keys_refused++;
            return RT_AGAIN;
        }
    }
    return RT_OK;
}

enum rt_status cep_slot_add(struct cep_engine *engine, struct cep_keying *keying,
                            const struct cep_event_key *key, const struct cep_slot *slot)
{
    struct rt_key_line *line = cep_key_line(keying, key);
    bool fresh = line == NULL;
    enum rt_status status;

    if (fresh) {
        status = make_room(engine, keying);
        if (status == RT_OK)
            status = insert_line(engine, keying, key->hash, rt_buffer_view(&key->bytes), &line);
        if (status != RT_OK)
            return status;
    }
    cep_key_touch(keying, line);
    status = add_to_line(engine, line, slot);
    if (status == RT_OK)
        cep_readers_wake(engine, slot->rule);
    else if (fresh)
        remove_line(engine, keying, line);
    return status;
}

enum rt_status cep_slot_restore(struct cep_engine *engine, struct cep_keying *keying, uint64_t hash,
                                struct rt_text key, const struct cep_slot *slot)
{
    struct rt_key_line *line = rt_key_table_find(&keying->table, hash, key);
    bool fresh = line == NULL;
    enum rt_status status = fresh ? insert_line(engine, keying, hash, key, &line) : RT_OK;

    if (status != RT_OK)
        return status;
    status = add_to_line(engine, line, slot);
    if (status == RT_OK)
        cep_readers_wake(engine, slot->rule);
    else if (fresh)
        remove_line(engine, keying, line);
    return status;
}

bool cep_slot_drop(struct cep_engine *engine, struct cep_keying *keying, struct rt_key_line *line,
                   struct cep_slot *slot)
{
    struct cep_key *key = cep_key_of_line(line);

    RT_ASSERT(nfa_runs_empty(&slot->runs));
    cep_readers_rest(engine, slot->rule);
    struct cep_slot_list *list = cep_key_list(key);

    if (list == NULL) {
        cep_timer_clear(engine, key);
        remove_line(engine, keying, line);
        return true;
    }

    size_t place = (size_t)(slot - list->slots);

    list->count--;
    memmove(slot, slot + 1, (list->count - place) * sizeof(struct cep_slot));
    if (list->count == 1) { /* the slot that is left goes back into the line */
        key->only = list->slots[0];
        rt_blocks_give(&engine->slot_lists, list, list_bytes(list->capacity));
    }
    return false;
}

void cep_slot_clear(struct cep_engine *engine, struct cep_slot *slot)
{
    struct cep_rule *rule = &engine->rules[slot->rule];

    if (rule->windows != NULL) {
        cep_window_clear(rule, slot);
    } else if (rule->machine != NULL) {
        nfa_clear(rule->machine, &slot->runs);
        cep_count_runs(rule);
    } else {
        slot->seen = 0;
    }
}

static void clear_key(struct cep_engine *engine, struct cep_key *key)
{
    struct cep_slot_list *list = cep_key_list(key);
    uint32_t count;
    struct cep_slot *slots = cep_key_slots(key, &count);

    for (uint32_t i = 0; i < count; i++) {
        cep_slot_clear(engine, &slots[i]);
        cep_readers_rest(engine, slots[i].rule);
    }
    cep_timer_clear(engine, key);
    if (list != NULL)
        rt_blocks_give(&engine->slot_lists, list, list_bytes(list->capacity));
}

void cep_key_forget(struct cep_engine *engine, struct cep_keying *keying, struct rt_key_line *line)
{
    clear_key(engine, cep_key_of_line(line));
    take_out_line(engine, keying, line);
}

void cep_key_drop(struct cep_engine *engine, struct cep_keying *keying, struct rt_key_line *line)
{
    cep_key_touch(keying, line);
    clear_key(engine, cep_key_of_line(line));
    remove_line(engine, keying, line);
}

uint32_t cep_key_idle_turns(const struct cep_key *key, uint64_t turn)
{
    const struct cep_slot_list *list = cep_key_list(key);
    uint32_t idle = UINT32_MAX;

    if (list == NULL)
        return (uint32_t)turn - key->only.touched;
    for (uint32_t i = 0; i < list->count; i++) {
        uint32_t slot_idle = (uint32_t)turn - list->slots[i].touched;

        idle = slot_idle < idle ? slot_idle : idle;
    }
    return idle;
}

/*
 * Of some lines the key that was idle longest.  A full search would cost as much as there are keys; a sample that moves on
 * through the table finds old keys about as well and is as reproducible.
 */
static struct rt_key_line *oldest_of_sample(struct cep_engine *engine, struct cep_keying *keying)
{
    struct rt_key_table *table = &keying->table;
    struct rt_key_line *oldest = NULL;
    uint32_t oldest_idle = 0;
    size_t seen = 0;

    for (size_t i = 0; i < table->capacity && seen < SAMPLE_LINES; i++) {
        if (i >= SAMPLE_PLACES && oldest != NULL)
            break;

        struct rt_key_line *line = rt_key_table_at(table, engine->sample++ & (table->capacity - 1));

        if (line == NULL)
            continue;
        seen++;

        uint32_t idle = cep_key_idle_turns(cep_key_of_line(line), engine->memo.turn);

        if (oldest == NULL || idle > oldest_idle) {
            oldest = line;
            oldest_idle = idle;
        }
    }
    return oldest;
}

bool cep_evict(struct cep_engine *engine, struct cep_keying *preferred)
{
    struct cep_keying *keying = preferred;

    for (uint32_t i = 0; keying->table.count == 0 && i < engine->plan->keying_count; i++)
        keying = &engine->keyings[i];
    if (keying->table.count == 0)
        return false;
    cep_key_drop(engine, keying, oldest_of_sample(engine, keying));
    engine->counters.keys_evicted++;
    return true;
}

void cep_make_room_for_event(struct cep_engine *engine, struct cep_keying *preferred)
{
    const struct rt_event *event = engine->event;
    size_t bytes;

    if (engine->room_turn == engine->memo.turn || engine->kept != NULL ||
        engine->options.on_limit != NFA_DROP_OLDEST)
        return;
    engine->room_turn = engine->memo.turn;
    /* Its copy: slots, raw bytes, and strings that had to be unescaped, which are no longer than the raw bytes. */
    bytes = rt_blocks_size(sizeof(*event) + event->slot_count * sizeof(struct rt_value) +
                           2 * (size_t)event->raw_length);
    while (engine->captured.bytes_in_use + bytes > engine->captured.bytes_max &&
           cep_evict(engine, preferred))
        continue;
}

size_t cep_state_bytes(const struct cep_engine *engine)
{
    return (engine->counters.keys - engine->cold_keys) * sizeof(struct rt_key_line) +
           engine->long_key_bytes + engine->slot_lists.bytes_in_use + engine->cold_bytes +
           engine->captured.bytes_in_use + engine->windows.bytes_in_use +
           engine->timers.in_use * engine->timers.object_size + cep_dedup_bytes(&engine->dedup) +
           engine->run_bytes;
}

void cep_keyings_done(struct cep_engine *engine)
{
    for (uint32_t i = 0; engine->keyings != NULL && i < engine->plan->keying_count; i++) {
        struct cep_keying *keying = &engine->keyings[i];

        for (size_t place = 0; place < keying->table.capacity; place++) {
            struct rt_key_line *line = rt_key_table_at(&keying->table, place);

            if (line != NULL)
                clear_key(engine, cep_key_of_line(line));
        }
        rt_changes_done(&keying->changes);
        rt_key_table_done(&keying->table);
        rt_buffer_done(&keying->key.bytes);
        cep_prepared_done(&keying->prepared);
    }
}
