/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ends without a word needs no timer.  A cursor goes through the table of keys, a few lines an event, and drops the slots
 * of swept rules whose deadline has passed: windows that are not looked at when they close, runs that nobody sees expire:
 *
 *     lines   [   ][ k ][ k ][   ][ k ][ k ] ...
 *                   ^ drop       ^ prefetch          round the table in a quarter of the shortest time
 *                                                                      that a slot lasts
 *
 * Stretches of lines are visited all over the table, not in their order: a table that shrinks while only its end is full would
 * put all of that into one long cluster.
 *
 * Whether a line is worth a look stands in the line: a key with several slots has the least deadline of the swept ones there.
 * Such a slot may be found after its deadline by an event of its key too; that one must look at the deadline first
 * (cep_window_push and nfa_step do).  So nobody can tell when the cursor came by, and limits alone feel it.
 * A sweep costs an event a few lines that lie side by side; a timer costs it several that do not.
 */
#include "cep/state.h"

enum {
    ROUNDS = 4,      /* through the table while what lasts shortest does */
    ROUNDS_MAX = 64, /* while what lasts longest does: it is why there are so many lines */
    LINES_MIN = 64,  /* fewer are not worth the call */
    LINES_MAX = 256, /* an event waits for no more than this; what is left waits for the next */
    LINES_ADVANCE_MAX = 4096, /* the same without an event */
    STRETCH = 64              /* lines that are swept one after the other */
};

void cep_sweep_add_rule(struct cep_keying *keying, rt_duration lasts)
{
    struct cep_sweep *sweep = &keying->sweep;
    int64_t period;

    if (sweep->shortest.ms == 0 || lasts.ms < sweep->shortest.ms)
        sweep->shortest = lasts;
    if (lasts.ms > sweep->longest.ms)
        sweep->longest = lasts;
    period = sweep->shortest.ms / ROUNDS;
    if (period < sweep->longest.ms / ROUNDS_MAX)
        period = sweep->longest.ms / ROUNDS_MAX;
    sweep->period.ms = period > 0 ? period : 1;
}

/* Some swept slot of the key is over. */
static bool is_due(const struct cep_engine *engine, const struct cep_key *key, rt_time now)
{
    return !rt_time_before(now, key->only.deadline) &&
           (cep_key_list(key) != NULL || engine->rules[key->only.rule].is_swept);
}

void cep_sweep_note(struct cep_engine *engine, struct cep_key *key, const struct cep_slot *slot)
{
    if (cep_key_list(key) != NULL && engine->rules[slot->rule].is_swept &&
        rt_time_before(slot->deadline, key->only.deadline))
        key->only.deadline = slot->deadline;
}

/* All slots of the key are as they are: what the line says of them follows. */
static void note_slots(struct cep_engine *engine, struct cep_key *key)
{
    const struct cep_slot_list *list = cep_key_list(key);

    if (list == NULL)
        return;
    key->only.deadline = RT_TIME_MAX;
    for (uint32_t i = 0; i < list->count; i++)
        cep_sweep_note(engine, key, &list->slots[i]);
}

/* Drops what is over.  True: the line is still there. */
static bool sweep_line(struct cep_engine *engine, struct cep_keying *keying,
                       struct rt_key_line *line, rt_time now)
{
    uint32_t count;

    if (!is_due(engine, cep_key_of_line(line), now))
        return true;
    (void)cep_key_slots(cep_key_of_line(line), &count);
    while (count-- > 0) {
        uint32_t left;
        struct cep_slot *slot = cep_key_slots(cep_key_of_line(line), &left) + count;
        struct cep_rule *rule = &engine->rules[slot->rule];

        if (!rule->is_swept || rt_time_before(now, slot->deadline))
            continue;
        cep_key_touch(keying, line);
        if (rule->machine != NULL) {
            if (cep_rule_advance(rule, keying, line, slot, now))
                return false;
            continue;
        }
        cep_slot_clear(engine, slot);
        if (cep_slot_drop(engine, keying, line, slot))
            return false;
    }
    note_slots(engine, cep_key_of_line(line));
    return true;
}

static void prefetch_line(const struct cep_engine *engine, struct rt_key_line *line, rt_time now,
                          bool runs)
{
    const struct cep_key *key = line == NULL ? NULL : cep_key_of_line(line);

    if (key != NULL && is_due(engine, key, now))
        cep_key_prefetch(engine, line, runs);
}

/* The place of a step of the cursor.  Each stretch comes once in as many steps as there are places. */
static size_t place_of(const struct rt_key_table *table, size_t step)
{
    return (step / STRETCH * UINT64_C(0x9e3779b97f4a7c15) * STRETCH + step % STRETCH) &
           (table->capacity - 1);
}

static void sweep_lines(struct cep_engine *engine, struct cep_keying *keying, size_t lines,
                        rt_time now)
{
    enum { AHEAD = 8 }; /* of the runs; twice that of the lists they lie in */
    const struct rt_key_table *table = &keying->table;

    while (lines > 0 && table->count > 0) {
        const size_t step = keying->sweep.step;
        struct rt_key_line *line = rt_key_table_at(table, place_of(table, step));

        prefetch_line(engine, rt_key_table_at(table, place_of(table, step + 2 * AHEAD)), now,
                      false);
        prefetch_line(engine, rt_key_table_at(table, place_of(table, step + AHEAD)), now, true);
        /* When a line goes another may move into its place. */
        if (line == NULL || sweep_line(engine, keying, line, now)) {
            keying->sweep.step++;
            lines--;
        }
    }
}

static void sweep_keying(struct cep_engine *engine, struct cep_keying *keying, rt_time now,
                         size_t lines_max)
{
    struct cep_sweep *sweep = &keying->sweep;
    const size_t capacity = keying->table.capacity;
    int64_t passed;
    size_t lines;

    if (now.ms == RT_TIME_MAX.ms) {
        size_t before;

        do { /* a line can move from what comes into what has been */
            before = keying->table.count;
            sweep_lines(engine, keying, keying->table.capacity, now);
        } while (keying->table.count < before && keying->table.count > 0);
        return;
    }
    if (!sweep->has_begun || now.ms - sweep->reached.ms > sweep->period.ms) {
        sweep->reached.ms = now.ms - sweep->period.ms; /* one round is all there is to do */
        sweep->has_begun = true;
    }
    passed = now.ms - sweep->reached.ms;
    lines = (size_t)((double)capacity * (double)passed / (double)sweep->period.ms);
    if (lines < LINES_MIN && lines < capacity)
        return;
    if (lines > lines_max) {
        lines = lines_max;
        passed = (int64_t)((double)lines * (double)sweep->period.ms / (double)capacity);
    }
    sweep->reached.ms += passed;
    sweep_lines(engine, keying, lines, now);
}

void cep_sweep(struct cep_engine *engine, rt_time now, bool has_event)
{
    for (uint32_t i = 0; i < engine->plan->keying_count; i++) {
        struct cep_keying *keying = &engine->keyings[i];

        if (keying->sweep.period.ms != 0 && keying->table.count > 0)
            sweep_keying(engine, keying, now, has_event ? LINES_MAX : LINES_ADVANCE_MAX);
    }
}
