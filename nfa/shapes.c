/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shapes.c - what runs that have taken one or two events may look like.
 *
 *     begin a; followedBy b; followedBy c        1: rests before b, has taken an a
 *                                                2: rests before c, has taken an a and a b
 *
 * A run that looks like one of them needs no more than the number of the shape and its events (single.c).  Few programs have more
 * shapes than have a number; their other runs lie in lists.
 */
#include "nfa/program.h"
#include "nfa/run.h"
#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"

uint32_t nfa_find_shape(const struct nfa_program *program, uint32_t state, uint32_t length,
                        uint32_t newest_step, uint32_t older_step)
{
    uint32_t at = program->first_shape[state];

    for (; at != 0; at = program->shapes[at].next) {
        const struct nfa_shape *shape = &program->shapes[at];

        if (shape->length == length && shape->steps[0] == newest_step &&
            (length == 1 || shape->steps[1] == older_step))
            break;
    }
    return at;
}

static bool is_resting(const struct nfa_state *state)
{
    return state->kind == NFA_STATE_NORMAL || state->kind == NFA_STATE_PENDING;
}

static void add_shape(struct nfa_program *program, const struct nfa_shape *shape)
{
    if (!is_resting(&program->states[shape->state]) || shape->length > 2 ||
        program->shape_count == NFA_SHAPES_MAX ||
        nfa_find_shape(program, shape->state, shape->length, shape->steps[0], shape->steps[1]) != 0)
        return;

    uint32_t number = ++program->shape_count;

    program->shapes[number] = *shape;
    program->shapes[number].next = program->first_shape[shape->state];
    program->first_shape[shape->state] = (uint8_t)number;
}

/* What a run of this shape may look like after one edge of `from`, a state that it looks at. */
static void follow_edges(struct nfa_program *program, const struct nfa_shape *shape, uint32_t from)
{
    const struct nfa_state *state = &program->states[from];

    for (uint32_t e = state->edge_begin; e < state->edge_end; e++) {
        const struct nfa_edge *edge = &program->edges[e];
        struct nfa_shape next = *shape;

        next.state = (uint16_t)edge->to;
        if (edge->action == NFA_TAKE) {
            next.length++;
            next.steps[1] = shape->steps[0];
            next.steps[0] = (uint16_t)state->step;
        }
        if (edge->action == NFA_TAKE || (edge->action == NFA_IGNORE && shape->length > 0))
            add_shape(program, &next);
    }
}

/* From all states that PROCEED leads to. */
static void follow_shape(struct nfa_program *program, struct nfa_shape shape, uint32_t *queue,
                         bool *seen)
{
    uint32_t count = 0;

    queue[count++] = shape.state;
    seen[shape.state] = true;
    for (uint32_t i = 0; i < count; i++) {
        const struct nfa_state *state = &program->states[queue[i]];

        follow_edges(program, &shape, queue[i]);
        for (uint32_t e = state->edge_begin; e < state->edge_end; e++) {
            uint32_t to = program->edges[e].to;

            if (program->edges[e].action != NFA_PROCEED || seen[to])
                continue;
            seen[to] = true;
            queue[count++] = to;
        }
    }
    for (uint32_t i = 0; i < count; i++)
        seen[queue[i]] = false;
}

/* A start with one edge, to where the run rests and nothing is finished. */
static void find_simple_begin(struct nfa_program *program)
{
    const struct nfa_state *start = &program->states[0];
    const struct nfa_edge *edge = &program->edges[start->edge_begin];

    program->begin_edge = NFA_NO_STATE;
    if (start->edge_end - start->edge_begin != 1 || edge->action != NFA_TAKE ||
        program->states[edge->to].reaches_final)
        return;
    program->begin_shape = nfa_find_shape(program, edge->to, 1, start->step, 0);
    if (program->begin_shape != 0)
        program->begin_edge = start->edge_begin;
}

enum rt_status nfa_find_shapes(struct nfa_program *program)
{
    uint32_t *queue = rt_alloc_zeroed(program->state_count, sizeof(*queue));
    bool *seen = rt_alloc_zeroed(program->state_count, sizeof(*seen));
    bool fits;

    program->shapes = rt_alloc_zeroed(NFA_SHAPES_MAX + 1, sizeof(*program->shapes));
    program->first_shape = rt_alloc_zeroed(program->state_count, sizeof(*program->first_shape));
    fits = queue != NULL && seen != NULL && program->shapes != NULL && program->first_shape != NULL;
    if (fits) {
        follow_shape(program, (struct nfa_shape){.length = 0}, queue, seen);
        for (uint32_t i = 1; i <= program->shape_count; i++)
            follow_shape(program, program->shapes[i], queue, seen);
        find_simple_begin(program);
    }
    rt_free(queue);
    rt_free(seen);
    return fits ? RT_OK : RT_ERR_NOMEM;
}

void nfa_program_explain_evaluator(const struct nfa_program *program, struct rt_buffer *out)
{
    uint32_t waits = 0, shaped = 0;

    for (uint32_t i = 1; i < program->state_count; i++) {
        waits += is_resting(&program->states[i]);
        shaped += program->first_shape[i] != 0;
    }
    if (waits == 0) {
        rt_buffer_string(out, "no state: the first event completes the match");
        return;
    }
    rt_buffer_printf(
        out,
        "slot: the only run of a key lies in the key's line while it has taken one or two "
        "events, which %u of %u states allow; several runs, and longer ones, lie in a list",
        shaped, waits);
    if (program->begin_edge == NFA_NO_STATE)
        rt_buffer_string(out,
                         "; a first event goes the way of the list: it may begin more than one run "
                         "or complete a match");
}
