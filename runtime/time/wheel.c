/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time is read as an unsigned number of eight bytes.  A node lies on the level of the highest byte in which its deadline
 * differs from the clock, in the slot that this byte of the deadline names:
 *
 *     clock     80 00 01 8c c1 f3 20 17
 *     deadline  80 00 01 8c c1 f5 03 44     level 2 (from the right, from 0), slot f5
 *
 * Eight levels reach the end of time, so there is no list for what is too far away.  A node of a lower level is due before every
 * node of a higher one, and inside a level the lowest slot is due first.  When the clock enters a slot its nodes differ from it
 * in a lower byte and move down; those of level 0 are due.
 *
 * What is due is kept in sorted lists ("runs") of doubling size, as a merge sort from the bottom up keeps them: taking the least
 * and adding cost the logarithm of what is due at the same moment, and constant time when it comes in order.
 */
#include "runtime/time/wheel.h"

#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"

enum { LEVELS = 8, SLOTS = 256, WORDS = SLOTS / 64, RUNS = 64 };

struct rt_wheel {
    uint64_t clock;   /* biased, see to_unsigned; nothing in the slots is due at or before it */
    uint64_t soonest; /* no slot that is in use begins earlier */
    uint64_t runs_used;
    unsigned levels_used;
    uint64_t slots_used[LEVELS][WORDS];
    struct rt_timer *slots[LEVELS * SLOTS]; /* circular lists, oldest first */
    struct rt_timer *runs[RUNS];            /* circular lists, sorted */
};

/* The same order, without a sign. */
static uint64_t to_unsigned(rt_time time)
{
    return (uint64_t)time.ms ^ (UINT64_C(1) << 63);
}

/* ---- circular lists ---- */

static void list_append(struct rt_timer **list, struct rt_timer *timer)
{
    struct rt_timer *first = *list;

    if (first == NULL) {
        timer->next = timer->previous = timer;
        *list = timer;
        return;
    }
    timer->next = first;
    timer->previous = first->previous;
    first->previous->next = timer;
    first->previous = timer;
}

static void list_remove(struct rt_timer **list, struct rt_timer *timer)
{
    if (timer->next == timer) {
        *list = NULL;
    } else {
        timer->previous->next = timer->next;
        timer->next->previous = timer->previous;
        if (*list == timer)
            *list = timer->next;
    }
    timer->next = timer->previous = NULL;
}

/* ---- what is due ---- */

static bool comes_before(const struct rt_timer *a, const struct rt_timer *b)
{
    if (a->deadline.ms != b->deadline.ms)
        return a->deadline.ms < b->deadline.ms;
    return a->tie < b->tie;
}

/* Moves all of `later` and `earlier` into one list; of equal nodes those of `earlier` come first. */
static struct rt_timer *merge(struct rt_timer *earlier, struct rt_timer *later)
{
    struct rt_timer *merged = NULL;

    while (earlier != NULL || later != NULL) {
        bool from_later = earlier == NULL || (later != NULL && comes_before(later, earlier));
        struct rt_timer **from = from_later ? &later : &earlier;
        struct rt_timer *timer = *from;

        list_remove(from, timer);
        list_append(&merged, timer);
    }
    return merged;
}

static void due_add(struct rt_wheel *wheel, struct rt_timer *timer)
{
    unsigned run = 0;

    if (wheel->runs_used != 0) {
        unsigned largest = (unsigned)(63 - __builtin_clzll(wheel->runs_used));

        if (!comes_before(timer, wheel->runs[largest]->previous)) {
            list_append(&wheel->runs[largest], timer);
            return;
        }
    }
    timer->next = timer->previous = timer;
    for (; wheel->runs[run] != NULL; run++) {
        RT_ASSERT(run + 1 < RUNS);
        timer = merge(wheel->runs[run], timer);
        wheel->runs[run] = NULL;
        wheel->runs_used &= ~(UINT64_C(1) << run);
    }
    wheel->runs[run] = timer;
    wheel->runs_used |= UINT64_C(1) << run;
}

/* Which of the lists a node is in matters only to the first of a list. */
static void due_remove(struct rt_wheel *wheel, struct rt_timer *timer)
{
    struct rt_timer *not_first = NULL;

    for (uint64_t left = wheel->runs_used; left != 0; left &= left - 1) {
        unsigned run = (unsigned)__builtin_ctzll(left);

        if (wheel->runs[run] != timer)
            continue;
        list_remove(&wheel->runs[run], timer);
        if (wheel->runs[run] == NULL)
            wheel->runs_used &= ~(UINT64_C(1) << run);
        return;
    }
    list_remove(&not_first, timer);
}

static struct rt_timer *due_least(const struct rt_wheel *wheel)
{
    struct rt_timer *least = NULL;

    for (uint64_t left = wheel->runs_used; left != 0; left &= left - 1) {
        struct rt_timer *first = wheel->runs[__builtin_ctzll(left)];

        if (least == NULL || comes_before(first, least))
            least = first;
    }
    return least;
}

/* ---- slots ---- */

/* The first moment of a slot, as long as the clock's bytes above its level are what they are now. */
static uint64_t slot_begin(const struct rt_wheel *wheel, unsigned level, unsigned slot)
{
    uint64_t above = level == LEVELS - 1 ? 0 : wheel->clock >> (8 * level + 8) << (8 * level + 8);

    return above | (uint64_t)slot << (8 * level);
}

/* Where a node lies, or is to lie, whose deadline is behind the clock: while it is there the clock moves below its slot only. */
static unsigned level_of(const struct rt_wheel *wheel, uint64_t deadline, unsigned *slot)
{
    unsigned level = (unsigned)(63 - __builtin_clzll(deadline ^ wheel->clock)) / 8;

    *slot = (unsigned)(deadline >> (8 * level)) & (SLOTS - 1);
    return level;
}

static void place(struct rt_wheel *wheel, struct rt_timer *timer)
{
    uint64_t deadline = to_unsigned(timer->deadline);

    if (deadline <= wheel->clock) {
        due_add(wheel, timer);
        return;
    }

    unsigned slot, level = level_of(wheel, deadline, &slot);
    uint64_t begin = slot_begin(wheel, level, slot);

    list_append(&wheel->slots[level * SLOTS + slot], timer);
    wheel->slots_used[level][slot / 64] |= UINT64_C(1) << slot % 64;
    wheel->levels_used |= 1u << level;
    if (begin < wheel->soonest)
        wheel->soonest = begin;
}

static void mark_empty(struct rt_wheel *wheel, unsigned level, unsigned slot)
{
    uint64_t *words = wheel->slots_used[level];
    uint64_t any = 0;

    words[slot / 64] &= ~(UINT64_C(1) << slot % 64);
    for (unsigned i = 0; i < WORDS; i++)
        any |= words[i];
    if (any == 0)
        wheel->levels_used &= ~(1u << level);
}

static unsigned first_slot(const struct rt_wheel *wheel, unsigned level)
{
    const uint64_t *words = wheel->slots_used[level];

    for (unsigned i = 0; i < WORDS; i++) {
        if (words[i] != 0)
            return i * 64 + (unsigned)__builtin_ctzll(words[i]);
    }
    RT_UNREACHABLE();
}

/* The clock enters the slot that is due first, and its nodes move down.  False: there is none up to `until`. */
static bool enter_next_slot(struct rt_wheel *wheel, uint64_t until)
{
    if (wheel->levels_used == 0) {
        wheel->soonest = UINT64_MAX;
        return false;
    }

    unsigned level = (unsigned)__builtin_ctz(wheel->levels_used);
    unsigned slot = first_slot(wheel, level);
    struct rt_timer **list = &wheel->slots[level * SLOTS + slot];

    wheel->soonest = slot_begin(wheel, level, slot);
    if (wheel->soonest > until)
        return false;
    wheel->clock = wheel->soonest;

    struct rt_timer *nodes = *list;

    *list = NULL;
    mark_empty(wheel, level, slot);
    wheel->soonest = UINT64_MAX;
    while (nodes != NULL) {
        struct rt_timer *timer = nodes;

        list_remove(&nodes, timer);
        place(wheel, timer);
    }
    if (wheel->levels_used != 0) {
        level = (unsigned)__builtin_ctz(wheel->levels_used);
        wheel->soonest = slot_begin(wheel, level, first_slot(wheel, level));
    }
    return true;
}

/* ---- interface ---- */

enum rt_status rt_wheel_new(struct rt_wheel **out)
{
    struct rt_wheel *wheel = rt_alloc_zeroed(1, sizeof(*wheel));

    if (wheel == NULL)
        return RT_ERR_NOMEM;
    wheel->clock = to_unsigned(RT_TIME_MIN);
    wheel->soonest = UINT64_MAX;
    *out = wheel;
    return RT_OK;
}

void rt_wheel_free(struct rt_wheel *wheel)
{
    rt_free(wheel);
}

void rt_wheel_schedule(struct rt_wheel *wheel, struct rt_timer *timer, rt_time deadline,
                       uint64_t tie)
{
    rt_wheel_cancel(wheel, timer);
    timer->deadline = deadline;
    timer->tie = tie;
    place(wheel, timer);
}

void rt_wheel_cancel(struct rt_wheel *wheel, struct rt_timer *timer)
{
    if (!rt_timer_scheduled(timer))
        return;

    uint64_t deadline = to_unsigned(timer->deadline);

    if (deadline <= wheel->clock) {
        due_remove(wheel, timer);
        return;
    }

    unsigned slot, level = level_of(wheel, deadline, &slot);
    struct rt_timer **list = &wheel->slots[level * SLOTS + slot];

    list_remove(list, timer);
    if (*list == NULL)
        mark_empty(wheel, level, slot);
}

struct rt_timer *rt_wheel_next(struct rt_wheel *wheel, rt_time until)
{
    uint64_t limit = to_unsigned(until);

    for (;;) {
        struct rt_timer *least = due_least(wheel);

        if (least != NULL) {
            /* The slots are behind the clock, and what is due is not: nothing there comes before. */
            if (to_unsigned(least->deadline) > limit)
                return NULL;
            rt_wheel_cancel(wheel, least);
            return least;
        }
        if (limit < wheel->soonest || !enter_next_slot(wheel, limit))
            break;
    }
    if (limit > wheel->clock)
        wheel->clock = limit;
    return NULL;
}

static void each_of(struct rt_timer *first, rt_wheel_each_fn *each, void *context)
{
    struct rt_timer *timer = first;

    if (first == NULL)
        return;
    do {
        each(context, timer);
        timer = timer->next;
    } while (timer != first);
}

void rt_wheel_each(const struct rt_wheel *wheel, rt_wheel_each_fn *each, void *context)
{
    for (size_t i = 0; i < (size_t)LEVELS * SLOTS; i++)
        each_of(wheel->slots[i], each, context);
    for (size_t i = 0; i < RUNS; i++)
        each_of(wheel->runs[i], each, context);
}
