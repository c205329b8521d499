/* SPDX-License-Identifier: Apache-2.0 */
/* The growing automaton: states with edge lists, conditions as shared conjunctions of clauses. */
#include "nfa/build.h"

#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"

enum { ELEMENTS_MAX = 1 << 28 };

/* Makes room for `needed` elements in all; false (and sticky) when there is none. */
static bool grow(struct nfa_build *build, void **array, uint32_t *capacity, uint32_t needed,
                 size_t bytes_each)
{
    uint32_t bigger = *capacity == 0 ? 16 : *capacity;
    void *moved;

    if (build->status != RT_OK)
        return false;
    if (needed <= *capacity)
        return true;
    if (needed > ELEMENTS_MAX) {
        build->status = RT_ERR_LIMIT;
        return false;
    }
    while (bigger < needed)
        bigger *= 2;
    moved = rt_realloc(*array, bigger * bytes_each);
    if (moved == NULL) {
        build->status = RT_ERR_NOMEM;
        return false;
    }
    *array = moved;
    *capacity = bigger;
    return true;
}

static void number_step(struct nfa_build *build, const struct nfa_step *step)
{
    void *array = build->steps;

    if (!grow(build, &array, &build->step_capacity, build->step_count + 1, sizeof(*build->steps)))
        return;
    build->steps = array;
    build->steps[build->step_count++] = (struct nfa_build_step){step, NFA_NO_STATE};
}

/* Numbers the steps in the order in which they are written.  Depth: nfa_check_pattern allows NFA_GROUP_DEPTH_MAX. */
// NOLINTNEXTLINE(misc-no-recursion)
static void number_steps(struct nfa_build *build, const struct nfa_step *steps, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (steps[i].group != NULL) {
            build->has_group = true;
            number_steps(build, steps[i].group, steps[i].group_count);
        } else {
            number_step(build, &steps[i]);
        }
    }
}

/* The map borrows the addresses where they stand in `steps`, so it is filled when that array has its final place. */
static void index_steps(struct nfa_build *build)
{
    for (uint32_t i = 0; i < build->step_count && build->status == RT_OK; i++) {
        struct rt_text key = {(const char *)&build->steps[i].step, sizeof(uintptr_t)};

        build->status = rt_map_set(&build->step_by_address, key, i);
    }
}

static nfa_condition new_condition(struct nfa_build *build, uint32_t literal_begin)
{
    void *array = build->conditions;

    if (!grow(build, &array, &build->condition_capacity, build->condition_count + 1,
              sizeof(*build->conditions)))
        return NFA_NEVER;
    build->conditions = array;
    build->conditions[build->condition_count] =
        (struct nfa_build_condition){literal_begin, build->literal_count};
    return build->condition_count++;
}

enum rt_status nfa_build_init(struct nfa_build *build, const struct nfa_pattern *pattern)
{
    *build = (struct nfa_build){.pattern = pattern, .until_sink = NFA_NO_STATE};
    number_steps(build, pattern->steps, pattern->step_count);
    index_steps(build);
    (void)new_condition(build, 0); /* NFA_ALWAYS */
    (void)new_condition(build, 0); /* NFA_NEVER, known by its number */
    return build->status;
}

void nfa_build_done(struct nfa_build *build)
{
    rt_map_done(&build->step_by_address);
    rt_free(build->states);
    rt_free(build->edges);
    rt_free(build->conditions);
    rt_free(build->literals);
    rt_free(build->steps);
}

uint32_t nfa_build_step_id(const struct nfa_build *build, const struct nfa_step *step)
{
    struct rt_text key = {(const char *)&step, sizeof(uintptr_t)};
    uint64_t id = 0;
    bool found = rt_map_get(&build->step_by_address, key, &id);

    RT_ASSERT(found);
    return (uint32_t)id;
}

/* ---- states and edges ---- */

uint32_t nfa_build_state(struct nfa_build *build, enum nfa_state_kind kind, uint32_t step)
{
    void *array = build->states;

    if (build->status == RT_OK && build->state_count >= NFA_STATES_MAX)
        build->status = RT_ERR_LIMIT;
    if (!grow(build, &array, &build->state_capacity, build->state_count + 1,
              sizeof(*build->states)))
        return 0;
    build->states = array;
    build->states[build->state_count] = (struct nfa_build_state){
        .edge_first = NFA_NO_STATE, .edge_last = NFA_NO_STATE, .step = step, .kind = kind};
    return build->state_count++;
}

void nfa_build_edge(struct nfa_build *build, uint32_t from, enum nfa_action action, uint32_t to,
                    nfa_condition condition)
{
    void *array = build->edges;
    struct nfa_build_state *state;
    uint32_t edge = build->edge_count;

    /* A PROCEED that no event can use still says where a run stands when no event comes (finish.c). */
    if ((condition == NFA_NEVER && action != NFA_PROCEED) ||
        !grow(build, &array, &build->edge_capacity, edge + 1, sizeof(*build->edges)))
        return;
    build->edges = array;
    build->edges[edge] = (struct nfa_build_edge){NFA_NO_STATE, to, condition, action};
    build->edge_count++;
    state = &build->states[from];
    if (state->edge_first == NFA_NO_STATE)
        state->edge_first = edge;
    else
        build->edges[state->edge_last].next = edge;
    state->edge_last = edge;
}

// NOLINTNEXTLINE(misc-no-recursion): choices nest at most NFA_GROUP_DEPTH_MAX deep
void nfa_build_edge_of_all(struct nfa_build *build, uint32_t state, enum nfa_action action,
                           uint32_t to, nfa_condition condition)
{
    uint32_t e, heads;

    if (build->status != RT_OK)
        return;
    e = build->states[state].edge_first;
    heads = build->states[state].heads;
    nfa_build_edge(build, state, action, to, condition);
    for (; heads > 0 && build->status == RT_OK; heads--, e = build->edges[e].next)
        nfa_build_edge_of_all(build, build->edges[e].to, action, to, condition);
}

static uint32_t new_copy(struct nfa_build *build, uint32_t state)
{
    uint32_t copy =
        nfa_build_state(build, build->status == RT_OK ? build->states[state].kind : 0, NFA_NO_STEP);

    if (build->status != RT_OK)
        return 0;
    build->states[copy].step = build->states[state].step;
    build->states[copy].gap_ms = build->states[state].gap_ms;
    build->states[copy].expires = build->states[state].expires;
    build->states[copy].heads = build->states[state].heads;
    build->states[state].copy = copy;
    build->states[state].copy_stamp = build->copy_stamp;
    return copy;
}

// NOLINTNEXTLINE(misc-no-recursion): choices nest at most NFA_GROUP_DEPTH_MAX deep
uint32_t nfa_build_copy(struct nfa_build *build, uint32_t state)
{
    uint32_t heads;
    uint32_t copy;

    build->copy_stamp++;
    copy = new_copy(build, state);
    if (build->status != RT_OK)
        return 0;
    heads = build->states[state].heads;
    for (uint32_t e = build->states[state].edge_first; e != NFA_NO_STATE;) {
        struct nfa_build_edge edge = build->edges[e];

        if (heads > 0) {
            edge.to = nfa_build_copy(build, edge.to);
            heads--;
        }
        nfa_build_edge(build, copy, edge.action, edge.to == state ? copy : edge.to, edge.condition);
        if (build->status != RT_OK)
            return 0;
        e = edge.next;
    }
    return copy;
}

static bool is_stop_of(const struct nfa_build *build, uint32_t state, const uint32_t *not_steps,
                       size_t count)
{
    if (build->states[state].kind != NFA_STATE_STOP)
        return false;
    for (size_t i = 0; i < count; i++)
        if (build->states[state].step == not_steps[i])
            return true;
    return false;
}

/* Where the copy of an edge leads: PROCEED to a copy of its target, made when it is not there yet. */
static uint32_t copied_target(struct nfa_build *build, uint32_t from, struct nfa_build_edge edge)
{
    struct nfa_build_state *target = &build->states[edge.to];

    if (edge.action == NFA_PROCEED && target->kind != NFA_STATE_STOP)
        return target->copy_stamp == build->copy_stamp ? target->copy : new_copy(build, edge.to);
    return edge.to == from ? build->states[from].copy : edge.to;
}

uint32_t nfa_build_copy_without(struct nfa_build *build, uint32_t state, const uint32_t *not_steps,
                                size_t count)
{
    /* Copies are numbered as they are made, so the walk over them is the work list; each original is found
     * again in the copy's own `copy` field. */
    uint32_t first;

    build->copy_stamp++;
    first = new_copy(build, state);
    if (build->status != RT_OK)
        return 0;
    build->states[first].copy = state;
    for (uint32_t copy = first; copy < build->state_count; copy++) {
        uint32_t from = build->states[copy].copy;

        for (uint32_t e = build->states[from].edge_first; e != NFA_NO_STATE;) {
            struct nfa_build_edge edge = build->edges[e];
            uint32_t before = build->state_count;
            uint32_t to = copied_target(build, from, edge);

            if (build->status == RT_OK && build->state_count > before)
                build->states[to].copy = edge.to;
            if (!is_stop_of(build, edge.to, not_steps, count))
                nfa_build_edge(build, copy, edge.action, to, edge.condition);
            if (build->status != RT_OK)
                return 0;
            e = edge.next;
        }
    }
    return first;
}

// NOLINTNEXTLINE(misc-no-recursion): choices nest at most NFA_GROUP_DEPTH_MAX deep
void nfa_build_restrict(struct nfa_build *build, uint32_t state, nfa_condition condition)
{
    uint32_t heads;

    if (build->status != RT_OK)
        return;
    heads = build->states[state].heads;
    for (uint32_t e = build->states[state].edge_first; e != NFA_NO_STATE;
         e = build->edges[e].next) {
        build->edges[e].condition = nfa_build_and(build, build->edges[e].condition, condition);
        if (heads > 0) {
            nfa_build_restrict(build, build->edges[e].to, condition);
            heads--;
        }
    }
}

/* ---- conditions ---- */

static void add_literal(struct nfa_build *build, nfa_literal literal)
{
    void *array = build->literals;

    if (!grow(build, &array, &build->literal_capacity, build->literal_count + 1,
              sizeof(*build->literals)))
        return;
    build->literals = array;
    build->literals[build->literal_count++] = literal;
}

nfa_condition nfa_build_guard(struct nfa_build *build, nfa_guard guard)
{
    uint32_t begin = build->literal_count;

    if (guard == NFA_NO_GUARD)
        return NFA_ALWAYS;
    RT_ASSERT(guard <= NFA_GUARD_MAX);
    add_literal(build, guard << 2 | 2);
    return new_condition(build, begin);
}

nfa_condition nfa_build_and(struct nfa_build *build, nfa_condition a, nfa_condition b)
{
    uint32_t begin = build->literal_count;

    if (build->status != RT_OK || a == NFA_NEVER || b == NFA_NEVER)
        return NFA_NEVER;
    if (a == NFA_ALWAYS || b == NFA_ALWAYS)
        return a == NFA_ALWAYS ? b : a;
    for (uint32_t i = build->conditions[a].literal_begin; i < build->conditions[a].literal_end; i++)
        add_literal(build, build->literals[i]);
    for (uint32_t i = build->conditions[b].literal_begin; i < build->conditions[b].literal_end; i++)
        add_literal(build, build->literals[i]);
    return new_condition(build, begin);
}

nfa_condition nfa_build_not(struct nfa_build *build, nfa_condition condition)
{
    uint32_t begin = build->literal_count;
    struct nfa_build_condition of;

    if (build->status != RT_OK)
        return NFA_NEVER;
    if (condition == NFA_ALWAYS || condition == NFA_NEVER)
        return condition == NFA_ALWAYS ? NFA_NEVER : NFA_ALWAYS;
    of = build->conditions[condition];
    for (uint32_t i = of.literal_begin; i < of.literal_end; i++) {
        RT_ASSERT(nfa_literal_is_last(build->literals[i]));
        add_literal(build, (build->literals[i] ^ 1U) & ~2U);
    }
    if (build->status != RT_OK)
        return NFA_NEVER;
    build->literals[build->literal_count - 1] |= 2U;
    return new_condition(build, begin);
}
