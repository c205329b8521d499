/* SPDX-License-Identifier: Apache-2.0 */
/*
 * step.c - one event offered to every run.
 *
 * For each run that the event may move, in the order of the heap's array, and then for the start: the edges that work are
 * collected depth first over PROCEED, then followed in that order.  A run that reaches Stop loses its branches; a match that the same event completed stays.
 * All conditions see the run as it was before the event.
 */
#include "nfa/run.h"
#include "runtime/base/assert.h"

static bool guard_holds(struct nfa_machine *machine, nfa_guard guard, const struct nfa_match *view)
{
    uint64_t known = machine->guard_memo[guard];
    uint64_t epoch = guard < 64 && (machine->callbacks.event_guards >> guard & 1) != 0
                         ? machine->call_epoch
                         : machine->guard_epoch;
    bool holds;

    if (known >> 1 == epoch)
        return (known & 1) != 0;
    holds = machine->callbacks.guard(machine->context, guard, machine->event, view);
    machine->guard_memo[guard] = epoch << 1 | holds;
    return holds;
}

bool nfa_edge_holds(struct nfa_machine *machine, const struct nfa_edge *edge,
                    const struct nfa_match *view)
{
    const nfa_literal *literals = machine->program->literals;
    bool clause = false;

    for (uint32_t i = edge->literal_begin; i < edge->literal_end; i++) {
        nfa_literal literal = literals[i];

        clause = clause || guard_holds(machine, nfa_literal_guard(literal), view) !=
                               nfa_literal_is_negated(literal);
        if (!nfa_literal_is_last(literal))
            continue;
        if (!clause)
            return false;
        clause = false;
    }
    return true;
}

/* D2: gap and loop_gap bound the time between the last event taken and this one, half-open like `within`. */
static bool is_too_late_to_take(const struct nfa_machine *machine, const struct nfa_state *state,
                                const struct nfa_item *run)
{
    rt_time end;

    if (state->gap_ms == 0 || run->path == NULL)
        return false;
    end = rt_time_plus(nfa_path_time(run->path), (rt_duration){state->gap_ms});
    return !rt_time_before(machine->time, end);
}

/* D1: a state is looked at once even when two PROCEED ways lead to it. */
uint32_t nfa_choose_edges(struct nfa_machine *machine, const struct nfa_item *run,
                          const struct nfa_match *view, bool *stopped)
{
    const struct nfa_program *program = machine->program;
    uint32_t depth = 0, count = 0;

    *stopped = false;
    machine->visit_epoch++;
    machine->stack[depth++] = (uint32_t)run->value;
    while (depth > 0) {
        uint32_t at = machine->stack[--depth];
        const struct nfa_state *state = &program->states[at];

        if (machine->visits[at] == machine->visit_epoch)
            continue;
        machine->visits[at] = machine->visit_epoch;
        for (uint32_t e = state->edge_begin; e < state->edge_end; e++) {
            const struct nfa_edge *edge = &program->edges[e];

            if ((edge->action == NFA_TAKE && is_too_late_to_take(machine, state, run)) ||
                !nfa_edge_holds(machine, edge, view))
                continue;
            if (edge->action == NFA_PROCEED)
                machine->stack[depth++] = edge->to;
            else if (program->states[edge->to].kind == NFA_STATE_STOP)
                *stopped = true;
            else
                machine->chosen[count++] = (struct nfa_choice){edge, state->step};
        }
    }
    return count;
}

/* Does PROCEED lead from `state` to the end, for the same event and the run as it was before it? */
static bool ends_at_once(struct nfa_machine *machine, uint32_t state, const struct nfa_match *view)
{
    const struct nfa_program *program = machine->program;
    uint32_t depth = 0;

    if (!program->states[state].reaches_final)
        return false;
    machine->visit_epoch++;
    machine->stack[depth++] = state;
    while (depth > 0) {
        uint32_t at = machine->stack[--depth];

        if (machine->visits[at] == machine->visit_epoch)
            continue;
        machine->visits[at] = machine->visit_epoch;
        for (uint32_t e = program->states[at].edge_begin; e < program->states[at].edge_end; e++) {
            const struct nfa_edge *edge = &program->edges[e];

            if (edge->action != NFA_PROCEED || !nfa_edge_holds(machine, edge, view))
                continue;
            if (program->states[edge->to].kind == NFA_STATE_FINAL)
                return true;
            machine->stack[depth++] = edge->to;
        }
    }
    return false;
}

/* Where a run goes from `run`: the same first event, unless this event is it. */
static struct nfa_item moved(const struct nfa_machine *machine, const struct nfa_item *run,
                             struct nfa_path *path, int64_t value)
{
    struct nfa_item item = {.path = path,
                            .value = value,
                            .start_time = run->start_time,
                            .start_sequence = run->start_sequence};

    if (run->path == NULL) {
        item.start_time = machine->time;
        item.start_sequence = machine->sequence;
    }
    return item;
}

/* Follows one edge; true if the run lives on or came to its end there. */
static bool follow_take(struct nfa_machine *machine, const struct nfa_item *run,
                        const struct nfa_match *view, const struct nfa_choice *choice, bool stopped)
{
    const struct nfa_program *program = machine->program;
    uint32_t to = choice->edge->to;
    bool ends = program->states[to].kind == NFA_STATE_FINAL;
    bool goes_on = !ends && !stopped;
    struct nfa_item item;
    struct nfa_path *path;

    ends = ends || ends_at_once(machine, to, view);
    if (!ends && !goes_on)
        return false;
    path = nfa_path_take(machine, run->path, choice->step);
    if (path == NULL)
        return false;
    item = moved(machine, run, path, to);
    if (goes_on)
        nfa_add_run(machine, &item);
    item.value = machine->time.ms;
    if (ends)
        nfa_add_match(machine, &item);
    nfa_path_unref(machine, path);
    return true;
}

static bool follow_ignore(struct nfa_machine *machine, const struct nfa_item *run,
                          const struct nfa_choice *choice, bool stopped)
{
    uint32_t to = choice->edge->to;
    struct nfa_item item;

    /* The start never ignores: it is there for every event anyway. */
    if (run->path == NULL)
        return false;
    item = moved(machine, run, run->path, to);
    if (machine->program->states[to].kind == NFA_STATE_FINAL) {
        item.value = nfa_path_time(run->path).ms; /* D6: the last event's time */
        nfa_add_match(machine, &item);
    } else if (!stopped) {
        nfa_add_run(machine, &item);
    } else {
        return false;
    }
    return true;
}

/* Follows the edges that were chosen. */
static void follow(struct nfa_machine *machine, const struct nfa_item *run,
                   const struct nfa_match *view, uint32_t count, bool stopped)
{
    bool lives = false;

    for (uint32_t i = 0; i < count; i++) {
        const struct nfa_choice *choice = &machine->chosen[i];

        lives |= choice->edge->action == NFA_TAKE ? follow_take(machine, run, view, choice, stopped)
                                                  : follow_ignore(machine, run, choice, stopped);
    }
    if (run->path == NULL) {
        machine->counters.started += lives;
        machine->began |= lives;
        return;
    }
    machine->counters.negated += stopped;
    machine->counters.broken += !stopped && !lives;
}

static void offer(struct nfa_machine *machine, const struct nfa_item *run)
{
    struct nfa_match view = nfa_item_view(run);
    uint32_t count;
    bool stopped;

    machine->guard_epoch++;
    count = nfa_choose_edges(machine, run, &view, &stopped);
    follow(machine, run, &view, count, stopped);
}

/* What is waited for once is not waited for run by run. */
static void fetch_paths(const struct nfa_machine *machine, const struct nfa_run_list *list)
{
    const struct nfa_state *states = machine->program->states;

    for (uint32_t i = 0; i < list->count; i++)
        if (nfa_may_move(machine, &states[list->runs[i].value]))
            RT_PREFETCH(list->runs[i].path);
}

/* Every run of the list in the order of its array; those that cannot move stay where they lie. */
static void offer_to_list(struct nfa_machine *machine, const struct nfa_run_list *list)
{
    const struct nfa_state *states = machine->program->states;
    uint32_t count = list->count;

    fetch_paths(machine, list);
    for (uint32_t i = 0; i < count; i++) {
        struct nfa_item run = list->runs[i]; /* its place may be taken */

        machine->read = i + 1;
        machine->old_left = count - i - 1;
        if (nfa_may_move(machine, &states[run.value])) {
            machine->touched = true;
            offer(machine, &run);
            nfa_drop_run(machine, run.path);
        } else {
            nfa_keep_run(machine, &run);
        }
        machine->disturbed |= machine->next.count != i + 1;
    }
}

static enum rt_status end_step(struct nfa_machine *machine, struct nfa_runs *runs)
{
    nfa_emit_matches(machine, nfa_list_of(runs));
    nfa_store_runs(machine, runs);
    return nfa_call_end(machine);
}

static enum rt_status step_list(struct nfa_machine *machine, struct nfa_runs *runs)
{
    static const struct nfa_item start = {.path = NULL};
    struct nfa_run_list *list = nfa_list_of(runs);

    nfa_call_begin(machine, list);
    if (list != NULL && (list->restless || (list->interest & machine->true_guards) != 0))
        offer_to_list(machine, list);
    else if (list != NULL)
        machine->next.count = list->count;
    machine->read = UINT32_MAX;
    machine->old_left = 0;
    if (nfa_may_move(machine, &machine->program->states[0]))
        offer(machine, &start);
    return end_step(machine, runs);
}

/* The edges of the one run, now spelt out, are chosen already. */
static enum rt_status follow_single(struct nfa_machine *machine, struct nfa_runs *runs,
                                    uint32_t count, bool stopped)
{
    struct nfa_run_list *list = nfa_list_of(runs);
    struct nfa_item run = list->runs[0]; /* its place may be taken */
    struct nfa_match view = nfa_item_view(&run);

    nfa_call_begin(machine, list);
    machine->read = 1;
    machine->touched = true;
    follow(machine, &run, &view, count, stopped);
    nfa_drop_run(machine, run.path);
    machine->read = UINT32_MAX;
    machine->disturbed = true;
    return end_step(machine, runs);
}

static enum rt_status step_single(struct nfa_machine *machine, struct nfa_runs *runs)
{
    const struct nfa_program *program = machine->program;
    const struct nfa_shape *shape = &program->shapes[nfa_single_shape(runs)];
    bool begins = nfa_may_move(machine, &program->states[0]);
    uint32_t count = 0;
    bool stopped = false;

    if (!begins && !nfa_may_move(machine, &program->states[shape->state]))
        return RT_OK;
    if (!begins && nfa_single_step(machine, runs, &count, &stopped))
        return RT_OK;
    if (begins && machine->has_rows) {
        enum rt_status status;
        bool done;

        status = nfa_row_step(machine, runs, &done);
        if (done)
            return status;
    }
    if (nfa_single_spell_out(machine, runs) == NULL)
        return RT_ERR_NOMEM;
    return begins ? step_list(machine, runs) : follow_single(machine, runs, count, stopped);
}

static enum rt_status step_row(struct nfa_machine *machine, struct nfa_runs *runs)
{
    enum rt_status status;
    bool done;

    status = nfa_row_step(machine, runs, &done);
    if (done)
        return status;
    return nfa_row_spell_out(machine, nfa_list_of(runs)) ? step_list(machine, runs) : RT_ERR_NOMEM;
}

enum rt_status nfa_step(struct nfa_machine *machine, struct nfa_runs *runs, nfa_event event,
                        rt_time time, uint64_t sequence, uint64_t true_guards)
{
    if (machine->quiet && nfa_is_due(machine, runs, time)) {
        enum rt_status status = nfa_advance(machine, runs, time);

        if (status != RT_OK)
            return status;
    }
    machine->event = event;
    machine->time = time;
    machine->sequence = sequence;
    machine->true_guards = true_guards;
    machine->call_epoch = ++machine->guard_epoch;
    if (nfa_is_single(runs))
        return step_single(machine, runs);
    if (!nfa_runs_empty(runs) && nfa_list_of(runs)->is_row)
        return step_row(machine, runs);
    if (nfa_runs_empty(runs) && nfa_single_begin(machine, runs))
        return RT_OK;
    return step_list(machine, runs);
}
