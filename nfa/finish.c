/* SPDX-License-Identifier: Apache-2.0 */
/*
 * finish.c - from the growing automaton to the flat one: renumbers what the start can reach, in the order in which it is
 * reached, and works out once what the run loop asks about a state.
 *
 * A run waits quietly in a state when an event for which none of the guards that the state mentions holds leaves it
 * exactly where it is.  Those guards are the state's interest; a state for which that is not so is restless.
 */
#include "nfa/build.h"

#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"

struct finish {
    struct nfa_build *build;
    struct nfa_program *program;
    uint32_t *number; /* old state -> new, or NFA_NO_STATE */
    uint32_t *order;  /* new state -> old */
    uint32_t *queue;  /* scratch for walks over new states */
    bool *seen;
};

static void count_reachable(struct finish *finish, uint32_t start)
{
    struct nfa_build *build = finish->build;
    struct nfa_program *program = finish->program;

    for (uint32_t i = 0; i < build->state_count; i++)
        finish->number[i] = NFA_NO_STATE;
    finish->number[start] = 0;
    finish->order[program->state_count++] = start;
    for (uint32_t i = 0; i < program->state_count; i++) {
        uint32_t e = build->states[finish->order[i]].edge_first;

        for (; e != NFA_NO_STATE; e = build->edges[e].next) {
            const struct nfa_build_edge *edge = &build->edges[e];
            const struct nfa_build_condition *condition = &build->conditions[edge->condition];

            if (edge->condition == NFA_NEVER)
                continue;
            program->edge_count++;
            program->proceed_count += edge->action == NFA_PROCEED;
            program->literal_count += condition->literal_end - condition->literal_begin;
            if (finish->number[edge->to] == NFA_NO_STATE) {
                finish->number[edge->to] = program->state_count;
                finish->order[program->state_count++] = edge->to;
            }
        }
    }
}

static bool allocate_program(struct nfa_program *program)
{
    program->states = rt_alloc_zeroed(program->state_count, sizeof(*program->states));
    program->edges = rt_alloc_zeroed(program->edge_count, sizeof(*program->edges));
    program->literals = rt_alloc_zeroed(program->literal_count, sizeof(*program->literals));
    program->step_names = rt_alloc_zeroed(program->step_count, sizeof(*program->step_names));
    return program->states != NULL && program->edges != NULL && program->literals != NULL &&
           program->step_names != NULL;
}

static void flatten_edge(struct finish *finish, const struct nfa_build_edge *edge)
{
    const struct nfa_build_condition *condition = &finish->build->conditions[edge->condition];
    struct nfa_program *program = finish->program;
    struct nfa_edge *out = &program->edges[program->edge_count++];

    *out = (struct nfa_edge){.to = finish->number[edge->to],
                             .literal_begin = program->literal_count,
                             .action = edge->action};
    for (uint32_t i = condition->literal_begin; i < condition->literal_end; i++) {
        nfa_literal literal = finish->build->literals[i];

        program->literals[program->literal_count++] = literal;
        if (nfa_literal_guard(literal) >= program->guard_count)
            program->guard_count = nfa_literal_guard(literal) + 1;
    }
    out->literal_end = program->literal_count;
}

static void flatten(struct finish *finish)
{
    struct nfa_build *build = finish->build;
    struct nfa_program *program = finish->program;

    program->edge_count = 0;
    program->literal_count = 0;
    for (uint32_t i = 0; i < program->state_count; i++) {
        const struct nfa_build_state *from = &build->states[finish->order[i]];
        struct nfa_state *state = &program->states[i];

        state->edge_begin = program->edge_count;
        for (uint32_t e = from->edge_first; e != NFA_NO_STATE; e = build->edges[e].next)
            if (build->edges[e].condition != NFA_NEVER)
                flatten_edge(finish, &build->edges[e]);
        state->edge_end = program->edge_count;
        state->step = from->step;
        state->kind = (uint8_t)from->kind;
        state->gap_ms = from->gap_ms;
        state->expire_ms = from->expires ? from->gap_ms : 0;
    }
}

/* ---- what the run loop asks ---- */

/* All states that PROCEED reaches from `from`, itself first, into finish->queue; returns how many. */
static uint32_t walk_proceed(struct finish *finish, uint32_t from)
{
    const struct nfa_program *program = finish->program;
    uint32_t count = 0;

    finish->queue[count++] = from;
    finish->seen[from] = true;
    for (uint32_t i = 0; i < count; i++) {
        const struct nfa_state *state = &program->states[finish->queue[i]];

        for (uint32_t e = state->edge_begin; e < state->edge_end; e++) {
            uint32_t to = program->edges[e].to;

            if (program->edges[e].action != NFA_PROCEED || finish->seen[to])
                continue;
            finish->seen[to] = true;
            finish->queue[count++] = to;
        }
    }
    for (uint32_t i = 0; i < count; i++)
        finish->seen[finish->queue[i]] = false;
    return count;
}

/*
 * D3: can the run wait for the deadline of a trailing not-step, were it not for an event that has not come?  So no
 * condition counts here, not even one that never holds: `notNext` any event is passed when none comes.
 */
static void find_absence(struct finish *finish, uint32_t at)
{
    const struct nfa_build *build = finish->build;
    struct nfa_state *state = &finish->program->states[at];
    uint32_t count = 0;

    finish->queue[count++] = finish->order[at];
    finish->seen[finish->order[at]] = true;
    for (uint32_t i = 0; i < count; i++) {
        const struct nfa_build_state *reached = &build->states[finish->queue[i]];

        if (reached->kind == NFA_STATE_PENDING) {
            state->fires = true;
            state->fire_gap_ms = reached->gap_ms;
        }
        for (uint32_t e = reached->edge_first; e != NFA_NO_STATE; e = build->edges[e].next) {
            uint32_t to = build->edges[e].to;

            if (build->edges[e].action != NFA_PROCEED || finish->seen[to])
                continue;
            finish->seen[to] = true;
            finish->queue[count++] = to;
        }
    }
    for (uint32_t i = 0; i < count; i++)
        finish->seen[finish->queue[i]] = false;
}

/* How long after its last event a run can still go on from a state that it looks at: INT64_MAX without end, 0 not at all. */
static int64_t state_patience(const struct nfa_program *program, const struct nfa_state *state)
{
    int64_t patience = state->kind == NFA_STATE_PENDING ? INT64_MAX : 0;

    if (state->kind == NFA_STATE_FINAL || state->kind == NFA_STATE_STOP)
        return 0;
    for (uint32_t e = state->edge_begin; e < state->edge_end; e++) {
        const struct nfa_edge *edge = &program->edges[e];

        if (edge->action == NFA_IGNORE && program->states[edge->to].kind == NFA_STATE_FINAL)
            return INT64_MAX; /* whenever an event comes: no gap bounds an ignore */
        if (edge->action != NFA_PROCEED && patience == 0)
            patience = state->gap_ms == 0 ? INT64_MAX : state->gap_ms;
    }
    return patience;
}

/* The longest of the states that a run in the first of them looks at; 0: without end. */
static int64_t longest_gap(const struct finish *finish, uint32_t count)
{
    int64_t longest = finish->program->states[finish->queue[0]].gap_ms;

    for (uint32_t i = 0; i < count; i++) {
        int64_t patience =
            state_patience(finish->program, &finish->program->states[finish->queue[i]]);

        longest = patience > longest ? patience : longest;
    }
    return longest == INT64_MAX ? 0 : longest;
}

/* Where a state stands to the end and to the gaps. */
static void look_ahead(struct finish *finish, uint32_t at)
{
    struct nfa_program *program = finish->program;
    struct nfa_state *state = &program->states[at];
    uint32_t count = walk_proceed(finish, at);

    for (uint32_t i = 1; i < count; i++)
        state->reaches_final |= program->states[finish->queue[i]].kind == NFA_STATE_FINAL;
    if (state->kind == NFA_STATE_NORMAL && state->expire_ms == 0)
        state->expire_ms = longest_gap(finish, count);
}

static bool holds_without_guards(const struct nfa_program *program, const struct nfa_edge *edge)
{
    bool clause = false;

    for (uint32_t i = edge->literal_begin; i < edge->literal_end; i++) {
        clause |= nfa_literal_is_negated(program->literals[i]);
        if (nfa_literal_is_last(program->literals[i]) && !clause)
            return false;
        clause = clause && !nfa_literal_is_last(program->literals[i]);
    }
    return true;
}

static uint64_t guards_of(const struct nfa_program *program, const struct nfa_edge *edge,
                          bool *restless)
{
    uint64_t guards = 0;

    for (uint32_t i = edge->literal_begin; i < edge->literal_end; i++) {
        nfa_guard guard = nfa_literal_guard(program->literals[i]);

        if (guard < 64)
            guards |= UINT64_C(1) << guard;
        else
            *restless = true;
    }
    return guards;
}

/* The edges of `from` as one of the states that a run in `at` looks at; counts the ways to stay. */
static uint32_t mind_edges(struct nfa_program *program, uint32_t at, uint32_t from)
{
    struct nfa_state *state = &program->states[at];
    const struct nfa_state *reached = &program->states[from];
    uint32_t stays = 0;

    for (uint32_t e = reached->edge_begin; e < reached->edge_end; e++) {
        const struct nfa_edge *edge = &program->edges[e];

        state->interest |= guards_of(program, edge, &state->restless);
        if (edge->action == NFA_PROCEED || !holds_without_guards(program, edge))
            continue;
        if (edge->action == NFA_IGNORE && edge->to == at)
            stays++;
        else
            state->restless = true;
    }
    return stays;
}

static void find_interest(struct finish *finish, uint32_t at)
{
    struct nfa_program *program = finish->program;
    uint32_t count = walk_proceed(finish, at);
    uint32_t stays = 0;

    for (uint32_t i = 0; i < count; i++)
        stays += mind_edges(program, at, finish->queue[i]);
    program->states[at].restless |= stays != 1;
}

/* ---- what starts a run ---- */

/* A clause without negation must have a true guard, so those guards are enough to ask; without one, anything starts. */
static bool add_start_guards(const struct nfa_program *program, const struct nfa_edge *edge,
                             bool *starts)
{
    uint32_t begin = edge->literal_begin;
    bool positive = true;

    for (uint32_t i = edge->literal_begin; i < edge->literal_end; i++) {
        positive &= !nfa_literal_is_negated(program->literals[i]);
        if (!nfa_literal_is_last(program->literals[i]))
            continue;
        for (uint32_t k = begin; k <= i && positive; k++)
            starts[nfa_literal_guard(program->literals[k])] = true;
        if (positive)
            return true;
        begin = i + 1;
        positive = true;
    }
    return false;
}

static enum rt_status find_start_guards(struct finish *finish)
{
    struct nfa_program *program = finish->program;
    bool *starts = rt_alloc_zeroed(program->guard_count, sizeof(*starts));
    uint32_t count = walk_proceed(finish, 0);

    program->start_guards = rt_alloc_zeroed(program->guard_count, sizeof(*program->start_guards));
    if (starts == NULL || program->start_guards == NULL) {
        rt_free(starts);
        return RT_ERR_NOMEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct nfa_state *state = &program->states[finish->queue[i]];

        for (uint32_t e = state->edge_begin; e < state->edge_end; e++)
            if (program->edges[e].action == NFA_TAKE &&
                !add_start_guards(program, &program->edges[e], starts))
                program->any_starts = true;
    }
    for (nfa_guard guard = 0; guard < program->guard_count; guard++)
        if (starts[guard])
            program->start_guards[program->start_guard_count++] = guard;
    rt_free(starts);
    return RT_OK;
}

/* The start never ignores and never moves, so unlike other states it minds only what starts a run. */
static void set_start_interest(struct nfa_program *program)
{
    struct nfa_state *start = &program->states[0];

    start->interest = 0;
    start->restless = program->any_starts;
    for (uint32_t i = 0; i < program->start_guard_count; i++) {
        if (program->start_guards[i] < 64)
            start->interest |= UINT64_C(1) << program->start_guards[i];
        else
            start->restless = true;
    }
}

/* D5: when all before a not-step can be skipped, the forbidden event would stop the start itself. */
static const struct nfa_step *negated_start(struct finish *finish)
{
    uint32_t count = walk_proceed(finish, 0);

    for (uint32_t i = 0; i < count; i++) {
        const struct nfa_state *state = &finish->program->states[finish->queue[i]];

        if (state->kind == NFA_STATE_STOP)
            return finish->build->steps[state->step].step;
    }
    return NULL;
}

static enum rt_status copy_pattern(struct finish *finish)
{
    struct nfa_program *program = finish->program;
    const struct nfa_pattern *pattern = finish->build->pattern;

    program->within_ms = pattern->within.ms;
    program->skip = pattern->skip;
    program->skip_step = NFA_NO_STEP;
    program->skip_must_find = pattern->skip_must_find;
    program->emit = pattern->emit;
    program->has_group = finish->build->has_group;
    for (uint32_t i = 0; i < program->step_count; i++) {
        const char *name = finish->build->steps[i].step->name;

        program->step_names[i] = rt_alloc_text(name, strlen(name));
        if (program->step_names[i] == NULL)
            return RT_ERR_NOMEM;
        if ((pattern->skip == NFA_SKIP_TO_FIRST || pattern->skip == NFA_SKIP_TO_LAST) &&
            strcmp(name, pattern->skip_step) == 0)
            program->skip_step = i;
    }
    return RT_OK;
}

static enum rt_status fill_program(struct finish *finish, uint32_t start,
                                   struct nfa_refusal *refusal)
{
    struct nfa_program *program = finish->program;
    enum rt_status status;

    count_reachable(finish, start);
    program->step_count = finish->build->step_count;
    if (!allocate_program(program))
        return RT_ERR_NOMEM;
    flatten(finish);
    refusal->step = negated_start(finish);
    if (refusal->step != NULL) {
        refusal->kind = NFA_REFUSE_START_NEGATED;
        return RT_ERR_DIAG;
    }
    for (uint32_t i = 0; i < program->state_count; i++) {
        look_ahead(finish, i);
        find_absence(finish, i);
        find_interest(finish, i);
    }
    status = find_start_guards(finish);
    if (status != RT_OK)
        return status;
    set_start_interest(program);
    status = copy_pattern(finish);
    return status == RT_OK ? nfa_find_shapes(program) : status;
}

enum rt_status nfa_build_finish(struct nfa_build *build, uint32_t start, struct nfa_program **out,
                                struct nfa_refusal *refusal)
{
    struct finish finish = {.build = build};
    enum rt_status status = RT_ERR_NOMEM;

    finish.program = rt_alloc_zeroed(1, sizeof(*finish.program));
    finish.number = rt_alloc_zeroed(build->state_count, sizeof(*finish.number));
    finish.order = rt_alloc_zeroed(build->state_count, sizeof(*finish.order));
    finish.queue = rt_alloc_zeroed(build->state_count, sizeof(*finish.queue));
    finish.seen = rt_alloc_zeroed(build->state_count, sizeof(*finish.seen));
    if (finish.program != NULL)
        atomic_init(&finish.program->references, 1);
    if (finish.program != NULL && finish.number != NULL && finish.order != NULL &&
        finish.queue != NULL && finish.seen != NULL)
        status = fill_program(&finish, start, refusal);
    rt_free(finish.number);
    rt_free(finish.order);
    rt_free(finish.queue);
    rt_free(finish.seen);
    if (status == RT_OK)
        *out = finish.program;
    else
        nfa_program_unref(finish.program);
    return status;
}
