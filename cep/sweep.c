/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ends without a word needs no timer.  A cursor goes through the table of keys, a stretch of lines at a time, and drops the
 * slots of swept rules whose deadline has passed: windows that are not looked at when they close, runs that nobody sees expire:
 *
 *     hints   [  ][20][3c][  ][1f][2a] ...      a byte a line: the epoch in which it is over
 *     lines   [  ][ k][ k][  ][ k][ k] ...
 *                  drop        drop             round the table in an eighth of the shortest time that a slot lasts
 *
 * Stretches are visited all over the table, not in their order: a table that shrinks while only its end is full would
 * put all of that into one long cluster.
 *
 * A hint is the lower byte of an epoch's number, so it tells the next 127 epochs from the last 128.  What is farther away is hinted
 * at as 127 epochs away, and anew when it is found there.  After a time in which hints may have come round themselves (a gap in the
 * stream, a restart) the lines are looked at instead, until the cursor has been round twice.
 *
 * Whether a line is over stands in the line: a key with several slots has the least deadline of the swept ones there.
 * Such a slot may be found after its deadline by an event of its key too; that one must look at the deadline first
 * (cep_window_push and nfa_step do).  So nobody can tell when the cursor came by, and limits alone feel it.
 * A sweep costs an event some bytes that lie side by side and a line when it is over; a timer costs it several lines in any case.
 */
#include "cep/state.h"
#include "runtime/base/assert.h"

enum {
    ROUNDS = 8,        /* through the table while what lasts shortest does */
    ROUNDS_MAX = 64,   /* while what lasts longest does: it is why there are so many lines */
    EPOCHS = 8,        /* a round, at least */
    STRETCH = 64,      /* lines that are swept one after the other */
    STRETCHES_MAX = 4, /* an event waits for no more than this; what is left waits for the next */
    STRETCHES_ADVANCE_MAX = 64, /* the same without an event */
    FAR = 127,                  /* epochs ahead that a hint can say */
    TRUSTED = 60                /* epochs for which it is believed */
};

/* The same order as that of time, without a sign. */
static uint64_t epoch_of(const struct cep_sweep *sweep, rt_time time)
{
    return ((uint64_t)time.ms ^ UINT64_C(1) << 63) >> sweep->epoch_bits;
}

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
    sweep->epoch_bits = 0;
    while (sweep->period.ms >> (sweep->epoch_bits + 1) >= EPOCHS)
        sweep->epoch_bits++;
    rt_key_table_add_hints(&keying->table);
}

/* ---- what is known of a line ---- */

static bool has_swept(const struct cep_engine *engine, const struct cep_key *key)
{
    return cep_key_list(key) != NULL || engine->rules[key->only.rule].is_swept;
}

/* Some swept slot of the key is over. */
static bool is_due(const struct cep_engine *engine, const struct cep_key *key, rt_time now)
{
    return !rt_time_before(now, key->only.deadline) && has_swept(engine, key);
}

static void set_hint(struct cep_keying *keying, size_t place, rt_time deadline)
{
    const struct cep_sweep *sweep = &keying->sweep;
    const uint64_t farthest = epoch_of(sweep, sweep->now) + FAR;
    const uint64_t over = epoch_of(sweep, deadline) + 1; /* all of its epoch has passed then */

    keying->table.hints[place] = (unsigned char)(over < farthest ? over : farthest);
}

static void hint_line(struct cep_engine *engine, struct cep_keying *keying,
                      struct rt_key_line *line)
{
    const struct cep_key *key = cep_key_of_line(line);

    set_hint(keying, rt_key_table_place(&keying->table, line),
             has_swept(engine, key) ? key->only.deadline : RT_TIME_MAX);
}

void cep_sweep_note_list(struct cep_engine *engine, struct cep_key *key,
                         const struct cep_slot *slot)
{
    if (cep_key_list(key) != NULL && engine->rules[slot->rule].is_swept &&
        rt_time_before(slot->deadline, key->only.deadline))
        key->only.deadline = slot->deadline;
}

void cep_sweep_note(struct cep_engine *engine, struct cep_keying *keying, struct rt_key_line *line,
                    const struct cep_slot *slot)
{
    cep_sweep_note_list(engine, cep_key_of_line(line), slot);
    hint_line(engine, keying, line);
}

/* All slots of the key are as they are: what the line says of them follows. */
static void note_slots(struct cep_engine *engine, struct cep_key *key)
{
    const struct cep_slot_list *list = cep_key_list(key);

    if (list == NULL)
        return;
    key->only.deadline = RT_TIME_MAX;
    for (uint32_t i = 0; i < list->count; i++)
        cep_sweep_note_list(engine, key, &list->slots[i]);
}

/* ---- one line ---- */

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

void cep_sweep_line(struct cep_engine *engine, struct cep_keying *keying, struct rt_key_line *line,
                    rt_time now)
{
    (void)sweep_line(engine, keying, line, now);
}

/* ---- stretches ---- */

struct stretch {
    size_t begin; /* its first place */
    uint64_t
        due; /* bits of the lines that are worth a look: all, or those that their hints say are over */
};

/* A bit for each of eight hints, the first one's lowest: it is not in the future.  All are subtracted at once. */
static uint64_t due_of_eight(const unsigned char *hints, unsigned char now)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), signs = ones << 7;
    uint64_t word = 0, left;

    for (unsigned i = 0; i < 8; i++)
        word |= (uint64_t)hints[i] << 8 * i;
    left = ((ones * now | signs) - (word & ~signs)) ^ ((ones * now ^ ~word) & signs);
    return ((~left & signs) >> 7) * UINT64_C(0x0102040810204080) >> 56;
}

/* Where the stretch of a step begins.  Each comes once in as many steps as there are places. */
static size_t begin_of(const struct rt_key_table *table, size_t step)
{
    return (step / STRETCH * UINT64_C(0x9e3779b97f4a7c15) * STRETCH) & (table->capacity - 1);
}

static struct stretch stretch_at(const struct cep_keying *keying, size_t step, rt_time now)
{
    const struct rt_key_table *table = &keying->table;
    const unsigned char epoch = (unsigned char)epoch_of(&keying->sweep, now);
    const size_t count = table->capacity < STRETCH ? table->capacity : STRETCH;
    struct stretch stretch = {.begin = begin_of(table, step)};

    if (keying->sweep.is_exact)
        stretch.due = UINT64_MAX >> (64 - count);
    for (size_t i = 0; !keying->sweep.is_exact && i < count; i += 8)
        stretch.due |= due_of_eight(table->hints + stretch.begin + i, epoch) << i;
    return stretch;
}

static void fetch_lines(const struct cep_keying *keying, const struct stretch *stretch)
{
    for (uint64_t due = stretch->due; due != 0; due &= due - 1)
        RT_PREFETCH(&keying->table.lines[stretch->begin + (size_t)__builtin_ctzll(due)]);
}

/* What the lines that are over refer to; `inside`: that has come, so what it refers to in turn. */
static void fetch_slots(const struct cep_engine *engine, const struct cep_keying *keying,
                        const struct stretch *stretch, rt_time now, bool inside)
{
    for (uint64_t due = stretch->due; due != 0; due &= due - 1) {
        struct rt_key_line *line =
            rt_key_table_at(&keying->table, stretch->begin + (size_t)__builtin_ctzll(due));

        if (line != NULL && is_due(engine, cep_key_of_line(line), now))
            cep_key_prefetch(engine, line, inside);
    }
}

/*
 * From the last line to the first: one that goes lets those behind it move up, and these have been swept.  A table that shrinks puts
 * its lines elsewhere.
 */
static void sweep_stretch(struct cep_engine *engine, struct cep_keying *keying,
                          const struct stretch *stretch, rt_time now)
{
    const size_t capacity = keying->table.capacity;
    uint64_t due = stretch->due;

    while (due != 0 && keying->table.capacity == capacity) {
        const unsigned last = 63u - (unsigned)__builtin_clzll(due);
        struct rt_key_line *line = rt_key_table_at(&keying->table, stretch->begin + last);

        due ^= UINT64_C(1) << last;
        if (line == NULL)
            set_hint(keying, stretch->begin + last, RT_TIME_MAX);
        else if (sweep_line(engine, keying, line, now))
            hint_line(engine, keying, line);
    }
}

/* Another round begins, or one of a table that has another size.  The one before tells how old hints may be. */
static void begin_round(struct cep_keying *keying, rt_time now)
{
    struct cep_sweep *sweep = &keying->sweep;

    if (sweep->capacity == keying->table.capacity)
        sweep->round_before = sweep->round;
    sweep->capacity = keying->table.capacity;
    sweep->round = now;
    sweep->step = 0;
}

/* What is ahead is fetched in three steps, each when the one before has come. */
static void sweep_stretches(struct cep_engine *engine, struct cep_keying *keying, size_t count,
                            rt_time now)
{
    struct cep_sweep *sweep = &keying->sweep;

    for (; count > 0 && keying->table.count > 0; count--) {
        struct stretch here, next, later;

        if (sweep->step >= sweep->capacity || sweep->capacity != keying->table.capacity)
            begin_round(keying, now);
        sweep->is_exact =
            now.ms == RT_TIME_MAX.ms ||
            epoch_of(sweep, now) - epoch_of(sweep, sweep->round_before) > (uint64_t)TRUSTED;
        here = stretch_at(keying, sweep->step, now);
        next = stretch_at(keying, sweep->step + STRETCH, now);
        later = stretch_at(keying, sweep->step + (size_t)2 * STRETCH, now);
        RT_PREFETCH(keying->table.hints +
                    begin_of(&keying->table, sweep->step + (size_t)3 * STRETCH));
        fetch_lines(keying, &later);
        fetch_slots(engine, keying, &next, now, false);
        fetch_slots(engine, keying, &here, now, true);
        sweep->step += STRETCH;
        sweep_stretch(engine, keying, &here, now);
    }
}

/* ---- how far ---- */

static void sweep_all(struct cep_engine *engine, struct cep_keying *keying)
{
    size_t before;

    do { /* a line can move from what comes into what has been */
        before = keying->table.count;
        sweep_stretches(engine, keying, keying->table.capacity / STRETCH + 1, RT_TIME_MAX);
    } while (keying->table.count < before && keying->table.count > 0);
}

static void sweep_keying(struct cep_engine *engine, struct cep_keying *keying, rt_time now,
                         size_t stretches_max)
{
    struct cep_sweep *sweep = &keying->sweep;
    const double capacity = (double)keying->table.capacity;
    int64_t passed = sweep->period.ms;
    size_t stretches;

    if (!sweep->has_begun)
        sweep->round = sweep->round_before = RT_TIME_MIN;
    else if (now.ms - sweep->reached.ms < passed) /* else one round is all there is to do */
        passed = now.ms - sweep->reached.ms;
    sweep->has_begun = true;
    sweep->reached = now;
    sweep->owed += capacity * (double)passed / (double)sweep->period.ms;
    if (sweep->owed > capacity)
        sweep->owed = capacity;
    if (sweep->owed < STRETCH && sweep->owed < capacity)
        return;
    stretches = (size_t)sweep->owed / STRETCH;
    if (stretches == 0)
        stretches = 1; /* all of a small table */
    if (stretches > stretches_max)
        stretches = stretches_max;
    sweep->owed -= (double)(stretches * STRETCH);
    if (sweep->owed < 0)
        sweep->owed = 0;
    sweep_stretches(engine, keying, stretches, now);
}

void cep_sweep(struct cep_engine *engine, rt_time now, bool has_event)
{
    for (uint32_t i = 0; i < engine->plan->keying_count; i++) {
        struct cep_keying *keying = &engine->keyings[i];

        if (keying->sweep.period.ms == 0)
            continue;
        keying->sweep.now = now;
        if (keying->table.count == 0)
            continue;
        if (now.ms == RT_TIME_MAX.ms)
            sweep_all(engine, keying);
        else
            sweep_keying(engine, keying, now, has_event ? STRETCHES_MAX : STRETCHES_ADVANCE_MAX);
    }
}
