/* SPDX-License-Identifier: Apache-2.0 */
/*
 * row.c - several runs that each look like a single: side by side in a list, without nodes.
 *
 *     list   [ newest, older | shape | start ][ newest | shape | start ][ newest | shape | start ]      oldest first
 *
 * Where no condition reads what a run has taken, all runs of one shape do the same with an event: what that is is found out once
 * for the shape, the verdict, and then the runs go by their numbers.  Whatever a verdict cannot say (a fork, a match, a third
 * event taken) is spelt out and goes the general way; when that is over nfa_store_runs makes a row again of what can be one.
 *
 * W1  No two runs of a row have started with the same event, and none shares a node: so they are in order, and equal paths, which
 *     D1 asks for, do not come up.
 * W2  A row has two runs or more, in the program of a machine with rows (nfa_machine.has_rows).
 */
#include "nfa/run.h"
#include "runtime/base/assert.h"

#include <string.h>

static const struct nfa_match nothing = {.step = NFA_NO_STEP};

bool nfa_row_allowed(const struct nfa_machine *machine)
{
    const struct nfa_program *program = machine->program;
    uint64_t guards =
        program->guard_count >= 64 ? UINT64_MAX : (UINT64_C(1) << program->guard_count) - 1;

    for (uint32_t i = 0; i < program->state_count; i++)
        if (program->states[i].gap_ms > 0)
            return false;
    return !program->has_group && !machine->has_gap && !nfa_may_hold(program) &&
           program->guard_count <= 64 && (machine->callbacks.event_guards & guards) == guards;
}

/* ---- rows and lists ---- */

static bool spell_out(struct nfa_machine *machine, struct nfa_item *item)
{
    struct nfa_path *newest, *older = NULL;
    struct nfa_single single;

    nfa_single_open(machine->program, &item->single, &single);
    newest = rt_pool_take(&machine->paths);
    if (newest != NULL && single.item.path->parent != NULL)
        older = rt_pool_take(&machine->paths);
    if (newest == NULL || (single.item.path->parent != NULL && older == NULL)) {
        rt_pool_give(&machine->paths, newest);
        return false;
    }
    *newest = *single.item.path;
    if (older != NULL)
        *older = *newest->parent;
    newest->parent = older;
    *item = single.item;
    item->path = newest;
    return true;
}

bool nfa_row_spell_out(struct nfa_machine *machine, struct nfa_run_list *list)
{
    uint32_t done = 0;

    while (done < list->count && spell_out(machine, &list->runs[done]))
        done++;
    if (done == list->count) {
        list->is_row = false;
        return true;
    }
    while (done-- > 0)
        nfa_fold_item(machine, &list->runs[done], nfa_shape_of(machine, &list->runs[done]));
    return false;
}

void nfa_row_fold(struct nfa_machine *machine, struct nfa_run_list *list)
{
    if (!machine->has_rows || list->count < 2)
        return;
    for (uint32_t i = 0; i < list->count; i++)
        if ((i > 0 && !nfa_starts_before(&list->runs[i - 1], &list->runs[i])) ||
            nfa_shape_of(machine, &list->runs[i]) == 0)
            return;
    for (uint32_t i = 0; i < list->count; i++)
        nfa_fold_item(machine, &list->runs[i], nfa_shape_of(machine, &list->runs[i]));
    list->is_row = true;
}

static const struct nfa_state *state_of(const struct nfa_program *program,
                                        const struct nfa_item *item)
{
    return &program->states[program->shapes[nfa_single_shape(&item->single)].state];
}

/* What the row waits for: anew, or with what the runs from `first` on add. */
static void summarise(const struct nfa_machine *machine, struct nfa_run_list *list, uint32_t first)
{
    const int64_t within_ms = machine->program->within_ms;

    if (first == 0) {
        list->interest = 0;
        list->restless = false;
    }
    for (uint32_t i = first; i < list->count; i++) {
        const struct nfa_state *state = state_of(machine->program, &list->runs[i]);

        list->interest |= state->interest;
        list->restless |= state->restless;
    }
    list->deadline = within_ms == 0
                         ? RT_TIME_MAX
                         : rt_time_plus(list->runs[0].start_time, (rt_duration){within_ms});
    list->deadline_sequence =
        list->deadline.ms == RT_TIME_MAX.ms ? 0 : list->runs[0].start_sequence;
}

/* Where the row goes when the call is over; all of it is summarised but the runs before `first`. */
static void store(struct nfa_machine *machine, struct nfa_runs *runs, struct nfa_run_list *list,
                  uint32_t first)
{
    if (list->count < 2) {
        *runs = list->count == 0 ? (struct nfa_runs){{0, 0}} : list->runs[0].single;
        nfa_list_free(machine, list);
        return;
    }
    list = nfa_list_shrink(machine, list);
    nfa_set_list(runs, list);
    summarise(machine, list, first);
}

/* ---- one event ---- */

static struct nfa_verdict judge(struct nfa_machine *machine, uint32_t number)
{
    const struct nfa_program *program = machine->program;
    const struct nfa_shape *shape = &program->shapes[number];
    const struct nfa_item run = {.value = shape->state};
    const struct nfa_choice *choice = machine->chosen;
    const uint32_t limit = machine->limits.path_length;
    struct nfa_verdict verdict = {.call = machine->call_epoch, .kind = NFA_VERDICT_STAYS};
    uint32_t count, to;
    bool stopped;

    if (!nfa_may_move(machine, &program->states[shape->state]))
        return verdict;
    count = nfa_choose_edges(machine, &run, &nothing, &stopped);
    to = count == 0 ? 0 : choice->edge->to;
    verdict.kind = NFA_VERDICT_HARD;
    if (count > 1 || (count == 1 && program->states[to].kind == NFA_STATE_FINAL) ||
        (count == 1 && choice->edge->action == NFA_TAKE && program->states[to].reaches_final))
        return verdict;
    if (stopped || count == 0) {
        verdict.kind = stopped ? NFA_VERDICT_STOPS : NFA_VERDICT_BREAKS;
        return verdict;
    }
    verdict.takes = choice->edge->action == NFA_TAKE;
    if (!verdict.takes)
        verdict.shape =
            (uint8_t)nfa_find_shape(program, to, shape->length, shape->steps[0], shape->steps[1]);
    else if (shape->length == 1 && limit != 1)
        verdict.shape = (uint8_t)nfa_find_shape(program, to, 2, choice->step, shape->steps[0]);
    if (verdict.shape != 0)
        verdict.kind =
            verdict.shape == number && !verdict.takes ? NFA_VERDICT_STAYS : NFA_VERDICT_MOVES;
    return verdict;
}

static bool is_wanted(const struct nfa_machine *machine, const struct nfa_run_list *list)
{
    return list->restless || (list->interest & machine->true_guards) != 0;
}

/* Can verdicts say all of what the event does to these runs?  Finds them. */
static bool is_simple(struct nfa_machine *machine, const struct nfa_run_list *list)
{
    for (uint32_t i = 0; i < list->count; i++) {
        uint32_t number = nfa_single_shape(&list->runs[i].single);
        struct nfa_verdict *verdict = &machine->verdicts[number];

        if (verdict->call != machine->call_epoch)
            *verdict = judge(machine, number);
        if (verdict->kind == NFA_VERDICT_HARD)
            return false;
    }
    return true;
}

static nfa_event keep(struct nfa_machine *machine)
{
    nfa_event kept =
        machine->keep_failed ? NULL : machine->callbacks.keep(machine->context, machine->event);

    RT_ASSERT(((uintptr_t)kept & NFA_WORD_BITS) == 0);
    machine->keep_failed = kept == NULL;
    machine->counters.refused += kept == NULL;
    return kept;
}

/* False: the run has ended. */
static bool move(struct nfa_machine *machine, struct nfa_runs *run,
                 const struct nfa_verdict *verdict)
{
    nfa_event newest = nfa_single_event(run, 0), kept;

    if (verdict->kind == NFA_VERDICT_MOVES && !verdict->takes) {
        nfa_set_single(run, newest, nfa_single_event(run, 1), verdict->shape);
        return true;
    }
    kept = verdict->kind == NFA_VERDICT_MOVES ? keep(machine) : NULL;
    if (kept != NULL) {
        nfa_set_single(run, kept, newest, verdict->shape);
        return true;
    }
    machine->counters.negated += verdict->kind == NFA_VERDICT_STOPS;
    machine->counters.broken += verdict->kind != NFA_VERDICT_STOPS;
    nfa_single_drop(machine, run);
    return false;
}

/* Every run by the verdict on its shape.  True: some run has moved or ended. */
static bool move_all(struct nfa_machine *machine, struct nfa_run_list *list)
{
    uint32_t left = 0;
    bool moved = false;

    for (uint32_t i = 0; i < list->count; i++) {
        struct nfa_item *item = &list->runs[i];
        const struct nfa_verdict *verdict = &machine->verdicts[nfa_single_shape(&item->single)];

        if (verdict->kind != NFA_VERDICT_STAYS) {
            moved = true;
            if (!move(machine, &item->single, verdict))
                continue;
        }
        if (left != i)
            list->runs[left] = *item;
        left++;
    }
    list->count = left;
    return moved;
}

/* The event in hand begins a run; there is room for it. */
static void begin(struct nfa_machine *machine, struct nfa_run_list *list)
{
    nfa_event kept = keep(machine);
    struct nfa_item *item = &list->runs[list->count];

    if (kept == NULL)
        return;
    nfa_set_single(&item->single, kept, NULL, machine->program->begin_shape);
    item->start_time = machine->time;
    item->start_sequence = machine->sequence;
    list->newest_start = machine->time;
    list->count++;
    machine->counters.started++;
    machine->counters.live_runs++;
}

/* Does the event begin a run?  *simple: that is all that it does at the start. */
static bool begins(struct nfa_machine *machine, const struct nfa_run_list *list, bool *simple)
{
    const struct nfa_program *program = machine->program;
    const uint32_t limit = machine->limits.runs_per_key;

    *simple = true;
    if (!nfa_may_move(machine, &program->states[0]))
        return false;
    *simple = program->begin_edge != NFA_NO_STATE && (limit == 0 || list->count < limit);
    return *simple && nfa_edge_holds(machine, &program->edges[program->begin_edge], &nothing);
}

/* A single run as a row of one, for the call. */
static struct nfa_run_list *row_of_one(struct nfa_machine *machine, const struct nfa_runs *runs)
{
    struct nfa_run_list *list = machine->lone;
    const struct nfa_event_head *first = nfa_single_first(runs);

    list->runs[0] = (struct nfa_item){
        .single = *runs, .start_time = first->time, .start_sequence = first->sequence};
    list->count = 1;
    list->newest_start = first->time;
    list->is_row = true;
    summarise(machine, list, 0);
    return list;
}

enum rt_status nfa_row_step(struct nfa_machine *machine, struct nfa_runs *runs, bool *done)
{
    struct nfa_run_list *list = nfa_is_single(runs) ? row_of_one(machine, runs) : nfa_list_of(runs);
    bool wanted = is_wanted(machine, list), has_begun, moved = false;
    uint32_t first;

    machine->keep_failed = false;
    has_begun = begins(machine, list, done);
    *done = *done && (!wanted || is_simple(machine, list));
    if (!*done || (!wanted && !has_begun))
        return RT_OK;
    if (has_begun && list->count == list->capacity) {
        list = nfa_list_grow(machine, list);
        if (list == NULL)
            return RT_ERR_NOMEM;
        nfa_set_list(runs, list);
    }
    if (wanted)
        moved = move_all(machine, list);
    first = moved ? 0 : list->count;
    if (has_begun)
        begin(machine, list);
    store(machine, runs, list, first);
    return RT_OK;
}

/* ---- time, and the end ---- */

void nfa_row_expire(struct nfa_machine *machine, struct nfa_runs *runs, rt_time time)
{
    struct nfa_run_list *list = nfa_list_of(runs);
    const rt_duration within = {machine->program->within_ms};
    uint32_t over = 0;

    while (over < list->count &&
           !rt_time_before(time, rt_time_plus(list->runs[over].start_time, within)))
        nfa_row_prefetch(&list->runs[over++]);
    for (uint32_t i = 0; i < over; i++)
        nfa_single_drop(machine, &list->runs[i].single);
    machine->counters.timed_out += over;
    list->count -= over;
    memmove(list->runs, list->runs + over, list->count * sizeof(*list->runs));
    store(machine, runs, list, 0);
}

void nfa_row_drop(struct nfa_machine *machine, struct nfa_run_list *list)
{
    for (uint32_t i = 0; i < list->count; i++)
        nfa_single_drop(machine, &list->runs[i].single);
    list->count = 0;
}
