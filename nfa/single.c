/* SPDX-License-Identifier: Apache-2.0 */
/*
 * single.c - the most frequent key of all: one run that has taken one or two events, and so is two words.
 *
 *     nothing  --event begins a run-->  single  --another begins, a third event is taken, a match comes-->  list
 *                                         ^                                                                 |
 *                                         +-------------------- nfa_store_runs, when it can ----------------+
 *
 * What is simple is done here without a list or a node: a run begins, waits, takes its second event, is stopped or breaks off.
 * Everything else is spelt out and goes the general way (step.c, advance.c), with the same callbacks asked once.
 */
#include "nfa/run.h"
#include "runtime/base/assert.h"

void nfa_single_open(const struct nfa_program *program, const struct nfa_runs *runs,
                     struct nfa_single *out)
{
    const struct nfa_shape *shape = &program->shapes[nfa_single_shape(runs)];
    const struct nfa_event_head *first = nfa_single_first(runs);

    RT_ASSERT(nfa_single_shape(runs) != 0 && nfa_single_shape(runs) <= program->shape_count);
    out->nodes[0] = (struct nfa_path){.event = nfa_single_event(runs, 0),
                                      .step = shape->steps[0],
                                      .length = shape->length,
                                      .references = 1,
                                      .runs = 1};
    if (shape->length == 2) {
        out->nodes[1] = (struct nfa_path){.event = nfa_single_event(runs, 1),
                                          .step = shape->steps[1],
                                          .length = 1,
                                          .references = 1};
        out->nodes[0].parent = &out->nodes[1];
    }
    out->item = (struct nfa_item){.path = &out->nodes[0],
                                  .value = shape->state,
                                  .start_time = first->time,
                                  .start_sequence = first->sequence};
}

void nfa_single_drop(struct nfa_machine *machine, struct nfa_runs *runs)
{
    nfa_event older = nfa_single_event(runs, 1);

    machine->callbacks.release(machine->context, nfa_single_event(runs, 0));
    if (older != NULL)
        machine->callbacks.release(machine->context, older);
    machine->counters.live_runs--;
    *runs = (struct nfa_runs){{0, 0}};
}

static nfa_event keep(struct nfa_machine *machine)
{
    nfa_event kept = machine->callbacks.keep(machine->context, machine->event);

    RT_ASSERT(((uintptr_t)kept & NFA_WORD_BITS) == 0);
    machine->counters.refused += kept == NULL;
    return kept;
}

bool nfa_single_begin(struct nfa_machine *machine, struct nfa_runs *runs)
{
    static const struct nfa_match nothing = {.step = NFA_NO_STEP};
    const struct nfa_program *program = machine->program;
    nfa_event kept;

    if (program->begin_edge == NFA_NO_STATE)
        return false;
    if (!nfa_may_move(machine, &program->states[0]))
        return true;
    machine->guard_epoch++;
    if (!nfa_edge_holds(machine, &program->edges[program->begin_edge], &nothing))
        return true;
    kept = keep(machine);
    if (kept == NULL)
        return true;
    machine->counters.started++;
    machine->counters.live_runs++;
    nfa_set_single(runs, kept, NULL, program->begin_shape);
    return true;
}

/* The run ends with what it has. */
static void end(struct nfa_machine *machine, struct nfa_runs *runs, bool stopped)
{
    machine->counters.negated += stopped;
    machine->counters.broken += !stopped;
    nfa_single_drop(machine, runs);
}

/* It takes its second event. */
static bool take(struct nfa_machine *machine, struct nfa_runs *runs, const struct nfa_item *run,
                 const struct nfa_choice *choice)
{
    const struct nfa_program *program = machine->program;
    uint32_t to = choice->edge->to;
    uint32_t limit = machine->limits.path_length;
    uint32_t shape;
    nfa_event kept;

    if (run->path->length != 1 || (limit != 0 && limit < 2) || program->states[to].reaches_final)
        return false;
    shape = nfa_find_shape(program, to, 2, choice->step, run->path->step);
    if (shape == 0)
        return false;
    kept = keep(machine);
    if (kept == NULL)
        end(machine, runs, false);
    else
        nfa_set_single(runs, kept, run->path->event, shape);
    return true;
}

/* It takes nothing and waits elsewhere. */
static bool ignore(struct nfa_machine *machine, struct nfa_runs *runs, const struct nfa_item *run,
                   const struct nfa_choice *choice)
{
    const struct nfa_path *path = run->path, *parent = path->parent;
    uint32_t shape = nfa_find_shape(machine->program, choice->edge->to, path->length, path->step,
                                    parent == NULL ? 0 : parent->step);

    if (shape == 0)
        return false;
    nfa_set_single(runs, path->event, parent == NULL ? NULL : parent->event, shape);
    return true;
}

bool nfa_single_step(struct nfa_machine *machine, struct nfa_runs *runs, uint32_t *count,
                     bool *stopped)
{
    const struct nfa_choice *choice = machine->chosen;
    struct nfa_single single;
    struct nfa_match view;

    nfa_single_open(machine->program, runs, &single);
    view = nfa_item_view(&single.item);
    machine->guard_epoch++;
    *count = nfa_choose_edges(machine, &single.item, &view, stopped);
    if (*count > 1 ||
        (*count == 1 && machine->program->states[choice->edge->to].kind == NFA_STATE_FINAL))
        return false;
    if (*stopped && *count == 1 && choice->edge->action == NFA_TAKE &&
        machine->program->states[choice->edge->to].reaches_final)
        return false; /* the same event may complete a match */
    if (*stopped || *count == 0) {
        end(machine, runs, *stopped);
        return true;
    }
    return choice->edge->action == NFA_TAKE ? take(machine, runs, &single.item, choice)
                                            : ignore(machine, runs, &single.item, choice);
}

struct nfa_run_list *nfa_single_spell_out(struct nfa_machine *machine, struct nfa_runs *runs)
{
    struct nfa_run_list *list = machine->lone;
    struct nfa_path *newest, *older = NULL;
    struct nfa_single single;

    nfa_single_open(machine->program, runs, &single);
    newest = rt_pool_take(&machine->paths);
    if (newest != NULL && single.item.path->parent != NULL)
        older = rt_pool_take(&machine->paths);
    if (newest == NULL || (single.item.path->parent != NULL && older == NULL)) {
        rt_pool_give(&machine->paths, newest);
        return NULL;
    }
    *newest = *single.item.path;
    if (older != NULL)
        *older = *newest->parent;
    newest->parent = older;
    list->count = 1;
    list->is_row = false;
    list->runs[0] = single.item;
    list->runs[0].path = newest;
    list->newest_start = single.item.start_time;
    nfa_summarise(machine, list, 0);
    nfa_set_list(runs, list);
    return list;
}

/* Nobody else knows the node. */
static bool is_alone(const struct nfa_path *path, uint32_t runs)
{
    return path->references == 1 && path->runs == runs && path->flags == 0;
}

uint32_t nfa_shape_of(const struct nfa_machine *machine, const struct nfa_item *run)
{
    const struct nfa_path *newest = run->path, *older = newest->parent;

    if (newest->length > 2 || !is_alone(newest, 1) || (older != NULL && !is_alone(older, 0)))
        return 0;
    return nfa_find_shape(machine->program, (uint32_t)run->value, newest->length, newest->step,
                          older == NULL ? 0 : older->step);
}

void nfa_fold_item(struct nfa_machine *machine, struct nfa_item *run, uint32_t shape)
{
    struct nfa_path *newest = run->path, *older = newest->parent;

    nfa_set_single(&run->single, newest->event, older == NULL ? NULL : older->event, shape);
    nfa_path_forget(machine, newest);
    rt_pool_give(&machine->paths, newest);
    if (older != NULL) {
        nfa_path_forget(machine, older);
        rt_pool_give(&machine->paths, older);
    }
}

bool nfa_single_fold(struct nfa_machine *machine, struct nfa_runs *runs, const struct nfa_item *run)
{
    uint32_t shape = nfa_shape_of(machine, run);
    struct nfa_item folded = *run;

    if (shape == 0)
        return false;
    nfa_fold_item(machine, &folded, shape);
    *runs = folded.single;
    return true;
}
