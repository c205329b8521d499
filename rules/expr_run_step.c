/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a run has taken, as the machine sees it: the newest event of a step, all of them, an aggregate of them.
 *
 *     newest --older--> [b e7] --older--> [a e5] --older--> [a e4] --> NULL
 *                          |                 ^
 *                          |                 +-- memo: sum(a.x) up to here is 9
 *                          +-- asked for sum(a.x): walks back to what is known, then adds what is newer in its order
 *
 * M1  A memo is about the operands of an instruction, a place, the newest event there and the run's first: frame->older
 *     promises that the events from such a place back never change.  Places of different rules differ.
 * M2  Nothing is remembered of a place whose newest event is the one at hand: it could be gone when the event is.
 * M3  The table is direct-mapped and of fixed size, so an aggregate costs what has been taken since it was last asked for,
 *     unless another one has pushed it out.
 */
#include "rules/expr_aggregate.h"
#include "rules/expr_code.h"
#include "runtime/base/alloc.h"
#include "runtime/base/hash.h"

enum {
    MEMO_SIZE = 8192, /* a power of two */
    SHORT_WALK = 8,   /* so few events are added up again as cheaply */
    SHORT_MEAN = 2    /* a mean divides for each */
};

struct memo_entry {
    uint64_t site;     /* the instruction's operands */
    const void *place; /* NULL: empty */
    uint64_t newest, run;
    struct expr_aggregate_state state;
};

struct expr_memo {
    struct memo_entry entries[MEMO_SIZE];
};

void expr_memo_free(struct expr_memo *memo)
{
    rt_free(memo);
}

const struct rt_event *expr_step_newest(const struct expr_frame *frame, uint32_t step)
{
    struct expr_taken taken;

    for (const void *place = frame->newest; place != NULL;) {
        place = frame->older(place, &taken);
        if (taken.step == step)
            return taken.event;
    }
    return NULL;
}

struct rt_value expr_step_events(struct expr_call *call, const struct expr_frame *frame,
                                 uint32_t step)
{
    struct expr_taken taken;
    struct rt_value *items;
    size_t count = 0;

    for (const void *place = frame->newest; place != NULL;) {
        place = frame->older(place, &taken);
        count += taken.step == step;
    }
    items = rt_arena_array(call->scratch, count + 1, sizeof(*items));
    if (items == NULL || count > UINT32_MAX)
        return rt_error(RT_ERROR_LIMIT);
    for (const void *place = frame->newest; place != NULL;) {
        place = frame->older(place, &taken);
        if (taken.step == step)
            items[--count] = (struct rt_value){.type = RT_EVENT, .u.event = taken.event};
    }
    for (const void *place = frame->newest; place != NULL; count += taken.step == step)
        place = frame->older(place, &taken);
    return (struct rt_value){.type = RT_LIST, .length = (uint32_t)count, .u.items = items};
}

/* ---- aggregates ---- */

/* One question: which aggregate, of which run. */
struct query {
    const struct expr_frame *frame;
    uint64_t site;
    uint32_t step;
    uint16_t slot; /* EXPR_NO_OPERAND: the events themselves */
    enum expr_aggregate kind;
    bool as_double;
};

static struct memo_entry *entry_of(struct expr_memo *memo, const struct query *query,
                                   const void *place)
{
    uint64_t mixed = (uint64_t)(uintptr_t)place * UINT64_C(0x9E3779B97F4A7C15) ^
                     query->site * UINT64_C(0xC2B2AE3D27D4EB4F) ^
                     query->frame->run * UINT64_C(0x165667B19E3779F9);

    return &memo->entries[(mixed >> 32) & (MEMO_SIZE - 1)];
}

static bool is_known(const struct expr_memo *memo, const struct query *query, const void *place,
                     uint64_t newest, struct expr_aggregate_state *state)
{
    const struct memo_entry *entry;

    if (memo == NULL)
        return false;
    entry = entry_of((struct expr_memo *)(uintptr_t)memo, query, place);
    if (entry->place != place || entry->site != query->site || entry->newest != newest ||
        entry->run != query->frame->run)
        return false;
    *state = entry->state;
    return true;
}

/* The table is made when the first long walk asks for it; without memory there is none. */
static void remember(struct expr_memo **memo, const struct query *query, uint64_t newest,
                     const struct expr_aggregate_state *state)
{
    const struct rt_event *at_hand = query->frame->event;

    if (at_hand == NULL || at_hand->sequence == newest)
        return;
    if (*memo == NULL)
        *memo = rt_alloc_zeroed(1, sizeof(**memo));
    if (*memo == NULL)
        return;
    *entry_of(*memo, query, query->frame->newest) =
        (struct memo_entry){query->site, query->frame->newest, newest, query->frame->run, *state};
}

static void add_event(struct expr_call *call, const struct query *query,
                      const struct rt_event *event, struct expr_aggregate_state *state)
{
    struct rt_value item = {.type = RT_EVENT, .u.event = event};

    if (query->slot != EXPR_NO_OPERAND) {
        item = rt_event_at(event, query->slot);
        if (item.type == RT_ABSENT)
            return; /* as SQL leaves out NULL */
        if (query->as_double)
            item = expr_op_multiply(call, item, rt_double(1.0));
    }
    if (rt_is_error(item) && !rt_is_error(state->value))
        state->value = item;
    else
        expr_aggregate_add(call, query->kind, state, item);
}

/* Events that are not yet part of the state, newest first; a longer walk goes back to an array. */
struct pending {
    const struct rt_event *few[SHORT_WALK];
    const struct rt_event **events;
    size_t count, capacity;
};

static bool push(struct rt_arena *scratch, struct pending *pending, const struct rt_event *event)
{
    const struct rt_event **more;

    if (pending->count == pending->capacity) {
        more = rt_arena_array(scratch, pending->capacity * 2, sizeof(const struct rt_event *));
        if (more == NULL)
            return false;
        memcpy(more, pending->events, pending->count * sizeof(const struct rt_event *));
        pending->events = more;
        pending->capacity *= 2;
    }
    pending->events[pending->count++] = event;
    return true;
}

struct rt_value expr_step_aggregate(struct expr_call *call, struct expr_memo **memo,
                                    const struct expr_frame *frame,
                                    const struct expr_instruction *in)
{
    const struct query query = {frame,
                                (uint64_t)in->a << 32 | (uint64_t)in->b << 16 | in->c,
                                in->a,
                                in->b,
                                (enum expr_aggregate)(in->c & EXPR_AGGREGATE_MASK),
                                (in->c & EXPR_AGGREGATE_AS_DOUBLE) != 0};
    struct pending pending = {.capacity = SHORT_WALK};
    struct expr_aggregate_state state = {.count = 0};
    struct expr_taken taken;
    uint64_t newest = 0;
    size_t walked = 0, few = SHORT_WALK;

    if (query.kind == EXPR_AGGREGATE_AVG || query.kind == EXPR_AGGREGATE_STDDEV)
        few = SHORT_MEAN;
    pending.events = pending.few;
    for (const void *place = frame->newest; place != NULL; walked++) {
        const void *older = frame->older(place, &taken);

        if (walked == 0)
            newest = taken.event->sequence;
        if (is_known(*memo, &query, place, taken.event->sequence, &state))
            break;
        if (taken.step == query.step && !push(call->scratch, &pending, taken.event))
            return rt_error(RT_ERROR_LIMIT);
        place = older;
    }
    if (!expr_spend(call, walked))
        return rt_error(RT_ERROR_LIMIT);
    for (size_t i = pending.count; i > 0; i--)
        add_event(call, &query, pending.events[i - 1], &state);
    if (walked > 1 && (walked > few || state.count > few))
        remember(memo, &query, newest, &state);
    return expr_aggregate_value(query.kind, &state);
}
