/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys that are not in memory (runtime/operator.h, M4 and M5).
 *
 *     table [k1][k2][k3]...   --idle, as saved-->   cold { k2 as it was saved }, reminder: k2 before 10:05
 *                   ^                                 |                       |
 *                   +------ an event of k2, or its deadline: read and put back as restoring does
 *
 * A cold key has no line and no timer.  What it costs is its hash in a set, so that only what is cold is looked for there, and for
 * its deadline a reminder, which is taken out before timers fire that far.  A reminder may be stale: the key is in memory again, has
 * gone, or has a later deadline; then it does nothing.
 * A key that goes, from memory, leaves its entry behind until the next saving; it is not in the set, so nobody finds it.
 */
#include <stdlib.h>

#include "cep/save_state.h"
#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"
#include "runtime/state/hash_set.h"

enum {
    SAMPLE = 512,      /* keys whose idleness decides who leaves */
    DUE_AT_ONCE = 4096 /* keys that are brought back before timers fire */
};

struct back { /* a key that was brought back for its deadline */
    struct cep_keying *keying;
    uint64_t hash;
};

struct cep_cold {
    struct rt_cold *port;            /* borrowed */
    struct rt_buffer header;         /* of this engine: what its entries are read under */
    struct cep_restoring *reader;    /* owned */
    struct rt_buffer value;          /* of the entry at hand */
    size_t bytes_max;                /* while restoring */
    size_t hand;                     /* where the search for idle keys goes on */
    struct rt_hash_set there;        /* hashes of all cold keys (hash_of) */
    struct rt_memory_counters count; /* spilled, brought_back */
    struct back *back;               /* owned; since timers fired last */
    size_t back_count, back_capacity;
};

enum rt_status cep_cold_read_as_now(struct cep_engine *engine)
{
    struct cep_cold *cold = engine->cold;
    enum rt_status status;

    if (cold == NULL)
        return RT_OK;
    cep_restoring_free(cold->reader); /* it borrows from the header */
    cold->reader = NULL;
    rt_buffer_reset(&cold->header);
    status = cep_save_header(engine, &cold->header);
    return status == RT_OK
               ? cep_restoring_new(engine, rt_buffer_view(&cold->header), false, &cold->reader)
               : status;
}

enum rt_status cep_cold_set(struct cep_engine *engine, struct rt_cold *port, size_t bytes)
{
    struct cep_cold *cold = rt_alloc_zeroed(1, sizeof(*cold));

    RT_ASSERT(engine->saving != NULL && engine->cold == NULL);
    if (cold == NULL)
        return RT_ERR_NOMEM;
    engine->cold = cold;
    cold->port = port;
    cold->bytes_max = bytes;
    rt_buffer_init(&cold->header, SIZE_MAX);
    rt_buffer_init(&cold->value, SIZE_MAX);
    return cep_cold_read_as_now(engine);
}

void cep_cold_done(struct cep_engine *engine)
{
    struct cep_cold *cold = engine->cold;

    if (cold == NULL)
        return;
    cep_restoring_free(cold->reader);
    rt_hash_set_done(&cold->there);
    rt_free(cold->back);
    rt_buffer_done(&cold->header);
    rt_buffer_done(&cold->value);
    rt_free(cold);
    engine->cold = NULL;
}

void cep_cold_count(const struct cep_engine *engine, struct rt_memory_counters *out)
{
    out->cold = engine->cold_keys;
    if (engine->cold == NULL)
        return;
    out->spilled = engine->cold->count.spilled;
    out->brought_back = engine->cold->count.brought_back;
}

/* Keys of different keyings are different keys. */
static uint64_t hash_of(const struct cep_engine *engine, const struct cep_keying *keying,
                        uint64_t key_hash)
{
    return key_hash ^ engine->saving->identities[keying - engine->keyings];
}

/* ---- leaving ---- */

/* When something happens to the key without an event; RT_TIME_MAX: never. */
static rt_time due_of(struct cep_engine *engine, struct cep_key *key)
{
    const struct cep_timer *timer = key->timer;
    uint32_t count;
    const struct cep_slot *slots = cep_key_slots(key, &count);
    rt_time due =
        timer != NULL && rt_timer_scheduled(&timer->timer) ? timer->timer.deadline : RT_TIME_MAX;

    for (uint32_t i = 0; i < count; i++) {
        if (engine->rules[slots[i].rule].is_swept && rt_time_before(slots[i].deadline, due))
            due = slots[i].deadline;
    }
    return due;
}

/* The classifier passes over rules of which nothing is in memory; what is cold is something. */
static void keep_awake(struct cep_engine *engine, struct cep_key *key)
{
    uint32_t count;
    const struct cep_slot *slots = cep_key_slots(key, &count);

    for (uint32_t i = 0; i < count; i++) {
        struct cep_rule *rule = &engine->rules[slots[i].rule];

        if (!rule->was_cold)
            cep_readers_wake(engine, slots[i].rule);
        rule->was_cold = true;
    }
}

/* The rules' partial matches are counted where they are. */
static void count_live(struct cep_engine *engine, struct cep_key *key, bool is_cold)
{
    uint32_t count;
    const struct cep_slot *slots = cep_key_slots(key, &count);

    for (uint32_t i = 0; i < count; i++) {
        struct cep_rule *rule = &engine->rules[slots[i].rule];
        const uint64_t live = rule->machine != NULL   ? nfa_runs_count(&slots[i].runs)
                              : rule->windows != NULL ? 1
                                                      : 0;

        rule->cold_live += is_cold ? live : -live;
        for (rule = rule->windows == NULL ? NULL : rule->windows->next_reader; rule != NULL;
             rule = rule->windows->next_reader)
            rule->cold_live += is_cold ? live : -live;
    }
}

static enum rt_status leave(struct cep_engine *engine, struct cep_keying *keying,
                            struct rt_key_line *line)
{
    struct cep_cold *cold = engine->cold;
    struct cep_key *key = cep_key_of_line(line);
    const rt_time due = due_of(engine, key);
    struct rt_entry id;
    enum rt_status status = cep_save_key_removed(engine, keying, rt_key_line_key(line), &id);

    if (status == RT_OK && due.ms != RT_TIME_MAX.ms)
        status = cold->port->remind(cold->port, &id, due);
    if (status == RT_OK)
        status = rt_hash_set_add(&cold->there, hash_of(engine, keying, line->hash));
    if (status != RT_OK)
        return status;
    engine->cold_bytes = rt_hash_set_bytes(&cold->there);
    keep_awake(engine, key);
    count_live(engine, key, true);
    cep_key_forget(engine, keying, line);
    engine->counters.keys++;
    engine->cold_keys++;
    keying->cold_keys++;
    cold->count.spilled++;
    return RT_OK;
}

/* It is as it was saved, and no saving is at work on it. */
static bool may_leave(const struct rt_key_line *line)
{
    return rt_key_line_marks(line) == RT_MARK_SAVED;
}

/* ---- who leaves ---- */

static int by_size(const void *a, const void *b)
{
    const uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

    return left < right ? -1 : left > right;
}

/* So long idle are `part` (0 to 1) of the keys of a keying, as far as a sample tells. */
static uint32_t idle_enough(const struct cep_engine *engine, const struct cep_keying *keying,
                            double part)
{
    const struct rt_key_table *table = &keying->table;
    const size_t stride = table->capacity / SAMPLE + 1;
    uint32_t idle[SAMPLE];
    size_t count = 0;

    for (size_t place = 0; place < table->capacity && count < SAMPLE; place += stride) {
        struct rt_key_line *line = rt_key_table_at(table, place);

        if (line != NULL)
            idle[count++] = cep_key_idle_turns(cep_key_of_line(line), engine->memo.turn);
    }
    if (count == 0)
        return 0;
    qsort(idle, count, sizeof(idle[0]), by_size);
    return idle[(size_t)((double)(count - 1) * (1 - part))];
}

/* Once round the table. */
static enum rt_status spill_table(struct cep_engine *engine, struct cep_keying *keying,
                                  uint32_t idle_min, size_t bytes)
{
    struct rt_key_table *table = &keying->table;
    struct cep_cold *cold = engine->cold;
    enum rt_status status = RT_OK;

    size_t capacity = table->capacity, left = capacity;

    while (left > 0 && status == RT_OK && table->count > 0 && cep_state_bytes(engine) > bytes) {
        struct rt_key_line *line = rt_key_table_at(table, cold->hand & (capacity - 1));

        if (line == NULL || !may_leave(line) ||
            cep_key_idle_turns(cep_key_of_line(line), engine->memo.turn) < idle_min) {
            cold->hand++;
            left--;
            continue;
        }
        status = leave(engine, keying, line); /* another line may have come into its place */
        if (table->capacity != capacity)      /* and the table may have become smaller */
            left = capacity = table->capacity;
    }
    return status;
}

enum rt_status cep_cold_spill(struct cep_engine *engine, size_t bytes)
{
    const size_t now = cep_state_bytes(engine);
    const double part = now == 0 || bytes >= now ? 0 : (double)(now - bytes) / (double)now;
    enum rt_status status = RT_OK;

    RT_ASSERT(engine->cold != NULL);
    /* First those that have been idle long, then whoever may. */
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < engine->plan->keying_count && status == RT_OK; i++) {
            struct cep_keying *keying = &engine->keyings[i];
            const uint32_t idle_min =
                round == 0 && keying->table.count > 0 ? idle_enough(engine, keying, part) : 0;

            status = spill_table(engine, keying, idle_min, bytes);
        }
    }
    return status;
}

enum rt_status cep_cold_limit(struct cep_engine *engine, struct cep_keying *keying,
                              struct rt_key_line *line)
{
    if (cep_state_bytes(engine) <= engine->cold->bytes_max)
        return RT_OK;
    return leave(engine, keying, line);
}

/* ---- coming back ---- */

/* The line of an entry that was read; the key counts as one that was there all the time. */
static struct rt_key_line *bring_back(struct cep_engine *engine, struct cep_keying *keying,
                                      const struct rt_entry *id, struct rt_text key)
{
    const uint64_t hash = rt_key_hash(key);
    struct cep_cold *cold = engine->cold;
    struct rt_entry entry = *id;
    struct rt_key_line *line;
    enum rt_status status;

    rt_buffer_reset(&cold->value);
    status = cold->port->get(cold->port, id, &cold->value);
    if (status == RT_ERR_NOT_FOUND)
        return NULL;
    entry.removed = false;
    entry.value = rt_buffer_view(&cold->value);
    if (status == RT_OK)
        status = cep_restoring_entry(cold->reader, &entry);
    if (status != RT_OK) {
        cep_fail(engine, status);
        return NULL;
    }
    line = rt_key_table_find(&keying->table, hash, key);
    RT_ASSERT(line != NULL && keying->cold_keys > 0);
    (void)rt_hash_set_remove(&cold->there, hash_of(engine, keying, hash));
    engine->cold_bytes = rt_hash_set_bytes(&cold->there);
    engine->counters.keys--;
    engine->cold_keys--;
    keying->cold_keys--;
    cold->count.brought_back++;
    count_live(engine, cep_key_of_line(line), false);
    return line;
}

struct rt_key_line *cep_cold_line(struct cep_engine *engine, struct cep_keying *keying,
                                  uint64_t hash, struct rt_text key)
{
    struct rt_entry id;
    enum rt_status status;

    if (!rt_hash_set_has(&engine->cold->there, hash_of(engine, keying, hash)))
        return NULL;
    status = cep_save_key_removed(engine, keying, key, &id);
    if (status != RT_OK) {
        cep_fail(engine, status);
        return NULL;
    }
    return bring_back(engine, keying, &id, key);
}

/* Without memory it waits for the cursor of sweep.c. */
static void note_back(struct cep_cold *cold, struct cep_keying *keying, uint64_t hash)
{
    if (cold->back_count == cold->back_capacity) {
        size_t capacity = cold->back_capacity == 0 ? DUE_AT_ONCE : 2 * cold->back_capacity;
        struct back *back = rt_realloc(cold->back, capacity * sizeof(*back));

        if (back == NULL)
            return;
        cold->back = back;
        cold->back_capacity = capacity;
    }
    cold->back[cold->back_count++] = (struct back){keying, hash};
}

/* rt_entry_fn: a reminder; the context is the engine. */
static enum rt_status remember(void *context, const struct rt_entry *id)
{
    struct cep_engine *engine = context;
    struct rt_form form = rt_form_of(id->name);
    const uint64_t identity = rt_form_fixed(&form);
    const struct rt_text key = {(const char *)form.at, rt_form_left(&form)};

    for (uint32_t i = 0; i < engine->plan->keying_count; i++) {
        struct cep_keying *keying = &engine->keyings[i];

        if (engine->saving->identities[i] != identity)
            continue;
        if (keying->cold_keys > 0 &&
            rt_hash_set_has(&engine->cold->there, hash_of(engine, keying, rt_key_hash(key))) &&
            bring_back(engine, keying, id, key) != NULL)
            note_back(engine->cold, keying, rt_key_hash(key));
    }
    return engine->status;
}

static bool is_any(const struct rt_key_line *line, const void *context)
{
    (void)line;
    (void)context;
    return true;
}

void cep_cold_sweep(struct cep_engine *engine, rt_time now)
{
    struct cep_cold *cold = engine->cold;

    for (size_t i = 0; i < cold->back_count; i++) {
        struct cep_keying *keying = cold->back[i].keying;
        struct rt_key_line *line =
            rt_key_table_find_if(&keying->table, cold->back[i].hash, is_any, NULL);

        if (line != NULL)
            cep_sweep_line(engine, keying, line, now);
    }
    cold->back_count = 0;
}

rt_time cep_cold_due(struct cep_engine *engine, rt_time until)
{
    struct rt_cold *port = engine->cold->port;
    rt_time reached = until;
    enum rt_status status;

    if (rt_time_before(until, port->next_due(port)) || port->next_due(port).ms == RT_TIME_MAX.ms)
        return until;
    status = port->due(port, until, DUE_AT_ONCE, remember, engine, &reached);
    if (status != RT_OK)
        cep_fail(engine, status);
    return reached;
}
