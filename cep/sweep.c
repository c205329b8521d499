/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ends without a word needs no timer.  A cursor goes through the table of keys, a few lines an event, and drops the slots
 * of swept rules whose deadline has passed:
 *
 *     lines   [   ][ k ][ k ][   ][ k ][ k ] ...
 *                   ^ drop       ^ prefetch          round the table in a quarter of the shortest window's time
 *
 * Stretches of lines are visited all over the table, not in their order: a table that shrinks while only its end is full would
 * put all of that into one long cluster.
 *
 * Such a slot may be found after its deadline by an event of its key too; that one must look at the deadline first
 * (cep_window_push does).  So nobody can tell when the cursor came by, and limits alone feel it.
 * A sweep costs an event a few lines that lie side by side; a timer costs it several that do not.
 */
#include "cep/state.h"

enum {
    ROUNDS = 4,      /* through the table while the shortest window lasts */
    LINES_MIN = 64,  /* fewer are not worth the call */
    LINES_MAX = 256, /* an event waits for no more than this; what is left waits for the next */
    LINES_ADVANCE_MAX = 4096, /* the same without an event */
    STRETCH = 64              /* lines that are swept one after the other */
};

void cep_sweep_add_rule(struct cep_keying *keying, rt_duration lasts)
{
    const int64_t period = lasts.ms / ROUNDS > 0 ? lasts.ms / ROUNDS : 1;

    if (keying->sweep.period.ms == 0 || period < keying->sweep.period.ms)
        keying->sweep.period.ms = period;
}

/* Drops what is over.  True: the line is still there. */
static bool sweep_line(struct cep_engine *engine, struct cep_keying *keying,
                       struct rt_key_line *line, rt_time now)
{
    uint32_t count;

    (void)cep_key_slots(cep_key_of_line(line), &count);
    while (count-- > 0) {
        uint32_t left;
        struct cep_slot *slot = cep_key_slots(cep_key_of_line(line), &left) + count;

        if (!engine->rules[slot->rule].is_swept || rt_time_before(now, slot->deadline))
            continue;
        cep_key_touch(keying, line);
        cep_slot_clear(engine, slot);
        if (cep_slot_drop(engine, keying, line, slot))
            return false;
    }
    return true;
}

static void prefetch_line(const struct cep_engine *engine, struct rt_key_line *line, rt_time now)
{
    const struct cep_key *key = line == NULL ? NULL : cep_key_of_line(line);

    if (key != NULL && (cep_key_list(key) != NULL || (engine->rules[key->only.rule].is_swept &&
                                                      !rt_time_before(now, key->only.deadline))))
        cep_key_prefetch(engine, line, false);
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
    enum { AHEAD = 8 };
    const struct rt_key_table *table = &keying->table;

    while (lines > 0 && table->count > 0) {
        const size_t step = keying->sweep.step;
        struct rt_key_line *line = rt_key_table_at(table, place_of(table, step));

        prefetch_line(engine, rt_key_table_at(table, place_of(table, step + AHEAD)), now);
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
