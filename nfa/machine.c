/* SPDX-License-Identifier: Apache-2.0 */
/* machine.c - the machine of one rule and worker, and the list of runs of one key. */
#include "nfa/run.h"
#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"

#include <string.h>

enum { PREFETCH_RUNS = 8 };

enum rt_status nfa_machine_new(struct nfa_program *program, const struct nfa_limits *limits,
                               const struct nfa_callbacks *callbacks, void *context,
                               struct nfa_machine **out)
{
    struct nfa_machine *machine = rt_alloc_zeroed(1, sizeof(*machine));

    if (machine == NULL)
        return RT_ERR_NOMEM;
    machine->program = nfa_program_ref(program);
    machine->limits = *limits;
    machine->callbacks = *callbacks;
    machine->context = context;
    machine->stamp = 1;
    rt_pool_init(&machine->paths, sizeof(struct nfa_path), SIZE_MAX);
    rt_pool_init(&machine->kepts, sizeof(struct nfa_kept), SIZE_MAX);
    rt_blocks_init(&machine->lists, SIZE_MAX);
    machine->guard_memo = rt_alloc_zeroed(program->guard_count + 1, sizeof(uint64_t));
    machine->visits = rt_alloc_zeroed(program->state_count, sizeof(uint64_t));
    machine->stack = rt_alloc_zeroed(program->proceed_count + 1, sizeof(uint32_t));
    machine->chosen = rt_alloc_zeroed(program->edge_count + 1, sizeof(*machine->chosen));
    if (machine->guard_memo == NULL || machine->visits == NULL || machine->stack == NULL ||
        machine->chosen == NULL) {
        nfa_machine_free(machine);
        return RT_ERR_NOMEM;
    }
    *out = machine;
    return RT_OK;
}

void nfa_machine_free(struct nfa_machine *machine)
{
    if (machine == NULL)
        return;
    RT_ASSERT(machine->counters.live_runs == 0);
    rt_pool_done(&machine->paths);
    rt_pool_done(&machine->kepts);
    rt_blocks_done(&machine->lists);
    rt_free(machine->next.items);
    rt_free(machine->found.items);
    rt_free(machine->completed.items);
    rt_free(machine->expired.items);
    rt_free(machine->buried.items);
    rt_free(machine->seen.slots);
    rt_free(machine->guard_memo);
    rt_free(machine->visits);
    rt_free(machine->stack);
    rt_free(machine->chosen);
    nfa_program_unref(machine->program);
    rt_free(machine);
}

const struct nfa_counters *nfa_machine_counters(const struct nfa_machine *machine)
{
    return &machine->counters;
}

size_t nfa_machine_bytes(const struct nfa_machine *machine)
{
    return machine->paths.in_use * machine->paths.object_size +
           machine->kepts.in_use * machine->kepts.object_size + machine->lists.bytes_in_use;
}

bool nfa_runs_want(const struct nfa_machine *machine, const struct nfa_runs *runs,
                   uint64_t true_guards)
{
    const struct nfa_state *start = &machine->program->states[0];

    if (runs->list == NULL)
        return start->restless || (start->interest & true_guards) != 0;
    return runs->list->restless || (runs->list->interest & true_guards) != 0;
}

rt_time nfa_runs_deadline(const struct nfa_machine *machine, const struct nfa_runs *runs,
                          uint64_t *start_sequence)
{
    (void)machine;
    if (runs->list == NULL) {
        *start_sequence = 0;
        return RT_TIME_MAX;
    }
    *start_sequence = runs->list->deadline_sequence;
    return runs->list->deadline;
}

void nfa_runs_prefetch(const struct nfa_runs *runs)
{
    const struct nfa_run_list *list = runs->list;

    for (uint32_t i = 0; list != NULL && i < list->count && i < PREFETCH_RUNS; i++)
        RT_PREFETCH(list->runs[i].path);
}

/* ---- one call ---- */

void nfa_call_begin(struct nfa_machine *machine)
{
    machine->status = RT_OK;
    machine->stamp++;
    machine->kept = NULL;
    machine->keep_failed = false;
    machine->first_starts = NULL;
    machine->next.count = 0;
    machine->next_live = 0;
    machine->old_live_left = 0;
    machine->found.count = 0;
    machine->completed.count = 0;
    machine->expired.count = 0;
    machine->seen.count = 0;
    machine->emitted = 0;
}

enum rt_status nfa_call_end(struct nfa_machine *machine)
{
    while (machine->buried.count > 0)
        nfa_path_unref(machine, machine->buried.items[--machine->buried.count].path);
    if (machine->kept != NULL)
        nfa_kept_unref(machine, machine->kept);
    machine->kept = NULL;
    machine->stamp++; /* the nodes of this call are new no longer */
    return machine->status;
}

/* ---- the new list ---- */

void nfa_refuse(struct nfa_machine *machine)
{
    machine->counters.refused++;
    if (machine->limits.policy == NFA_STOP && machine->status == RT_OK)
        machine->status = RT_ERR_LIMIT;
}

void nfa_drop_run(struct nfa_machine *machine, struct nfa_path *path)
{
    path->runs--;
    nfa_path_unref(machine, path);
}

/* The set of this call knows nodes by address: one that it has seen must not be reused before the call is over. */
static void bury(struct nfa_machine *machine, struct nfa_path *path)
{
    if (!machine->program->has_group ||
        !nfa_heap_reserve(&machine->buried, machine->buried.count + 1))
        return;
    nfa_path_ref(path);
    machine->buried.items[machine->buried.count++] = (struct nfa_item){path, 0};
}

/* False when the run has no place.  A run that has not moved yet keeps its place, so only forks and new runs can be
 * refused; the oldest run of all is offered its event first and so stands in the list when one must go. */
static bool make_place(struct nfa_machine *machine)
{
    uint32_t limit = machine->limits.runs_per_key;
    bool drop_oldest = machine->limits.policy == NFA_DROP_OLDEST;
    struct nfa_item oldest;

    if (limit == 0 || machine->next_live + (drop_oldest ? 0 : machine->old_live_left) < limit)
        return true;
    if (!drop_oldest) {
        nfa_refuse(machine);
        return false;
    }
    oldest = nfa_heap_poll(&machine->next);
    RT_ASSERT(oldest.path != NULL);
    bury(machine, oldest.path);
    nfa_drop_run(machine, oldest.path);
    machine->next_live--;
    machine->counters.evicted++;
    return true;
}

void nfa_add_run(struct nfa_machine *machine, uint32_t state, struct nfa_path *path)
{
    bool failed = false;

    /* D1: a looping group leads one path to one state over several ways; one run is enough. */
    if (machine->program->has_group &&
        !nfa_seen_add(&machine->seen, path, state, machine->stamp, &failed)) {
        if (failed)
            machine->status = RT_ERR_NOMEM;
        return;
    }
    if (!nfa_heap_reserve(&machine->next, machine->next.count + 1)) {
        machine->status = RT_ERR_NOMEM;
        return;
    }
    if (!make_place(machine)) {
        bury(machine, path);
        return;
    }
    nfa_path_ref(path);
    path->runs++;
    nfa_heap_push(&machine->next, (struct nfa_item){path, state});
    machine->next_live++;
}

void nfa_add_start(struct nfa_machine *machine)
{
    if (nfa_heap_reserve(&machine->next, machine->next.count + 1))
        nfa_heap_push(&machine->next, (struct nfa_item){NULL, 0});
    else
        machine->status = RT_ERR_NOMEM;
}

/* ---- the stored list ---- */

static size_t list_bytes(uint32_t capacity)
{
    return sizeof(struct nfa_run_list) + capacity * sizeof(struct nfa_item);
}

static void free_list(struct nfa_machine *machine, struct nfa_run_list *list)
{
    if (list == NULL)
        return;
    rt_blocks_give(&machine->lists, list->held, list->held_capacity * sizeof(*list->held));
    rt_blocks_give(&machine->lists, list, list_bytes(list->capacity));
}

/* As many items as the block for `count` has room for anyway. */
static uint32_t capacity_for(uint32_t count)
{
    size_t bytes = rt_blocks_size(list_bytes(count));

    return (uint32_t)((bytes - sizeof(struct nfa_run_list)) / sizeof(struct nfa_item));
}

/* A list with room for `count` runs, in place of the old one when that is too small or far too large. */
static struct nfa_run_list *fitting_list(struct nfa_machine *machine, struct nfa_run_list *list,
                                         uint32_t count)
{
    uint32_t capacity = capacity_for(count);
    struct nfa_run_list *fitting;

    if (list != NULL && list->capacity >= count && list->capacity / 4 <= capacity)
        return list;
    fitting = rt_blocks_take(&machine->lists, list_bytes(capacity));
    if (fitting == NULL)
        return list;
    *fitting = (struct nfa_run_list){.capacity = capacity};
    if (list != NULL) {
        fitting->held = list->held;
        fitting->held_count = list->held_count;
        fitting->held_capacity = list->held_capacity;
        rt_blocks_give(&machine->lists, list, list_bytes(list->capacity));
    }
    return fitting;
}

/* Out of memory: runs from the heap's end go until the rest fits.  The start, the greatest of all, may stand at any leaf. */
static void shrink_next(struct nfa_machine *machine, uint32_t capacity)
{
    struct nfa_heap *next = &machine->next;
    uint32_t live_max = capacity == 0 ? 0 : capacity - 1;
    bool start_popped = false;

    machine->status = RT_ERR_NOMEM;
    while (machine->next_live > live_max) {
        struct nfa_item last = next->items[--next->count];

        if (last.path == NULL) {
            start_popped = true;
            continue;
        }
        nfa_drop_run(machine, last.path);
        machine->next_live--;
        machine->counters.evicted++;
    }
    if (start_popped)
        nfa_heap_push(next, (struct nfa_item){NULL, 0});
}

/* A block for the matches that are held back, as large as they need. */
static void grow_held(struct nfa_machine *machine, struct nfa_run_list *list, uint32_t count)
{
    size_t bytes = rt_blocks_size(count * sizeof(*list->held));
    struct nfa_item *held;

    if (count <= list->held_capacity)
        return;
    held = rt_blocks_take(&machine->lists, bytes);
    if (held == NULL)
        return;
    rt_blocks_give(&machine->lists, list->held, list->held_capacity * sizeof(*list->held));
    list->held = held;
    list->held_capacity = (uint32_t)(bytes / sizeof(*held));
}

static void store_held(struct nfa_machine *machine, struct nfa_run_list *list)
{
    struct nfa_heap *completed = &machine->completed;
    uint32_t capacity = 0;

    if (list != NULL) {
        grow_held(machine, list, completed->count);
        capacity = list->held_capacity;
    }
    while (completed->count > capacity) {
        nfa_path_unref(machine, completed->items[--completed->count].path);
        machine->counters.evicted++;
        machine->status = RT_ERR_NOMEM;
    }
    if (list == NULL)
        return;
    if (completed->count > 0)
        memcpy(list->held, completed->items, completed->count * sizeof(*list->held));
    list->held_count = completed->count;
}

rt_time nfa_run_deadline(const struct nfa_program *program, const struct nfa_item *run)
{
    const struct nfa_state *state = &program->states[run->value];
    rt_time deadline = RT_TIME_MAX;
    rt_time at;

    if (run->path == NULL)
        return deadline;
    if (program->within_ms > 0)
        deadline = rt_time_plus(run->path->start->time, (rt_duration){program->within_ms});
    if (state->expires) {
        at = rt_time_plus(run->path->kept->time, (rt_duration){state->gap_ms});
        deadline = rt_time_before(at, deadline) ? at : deadline;
    }
    if (state->fire_gap_ms > 0 && nfa_run_may_fire(state, run->path)) {
        at = rt_time_plus(run->path->kept->time, (rt_duration){state->fire_gap_ms});
        deadline = rt_time_before(at, deadline) ? at : deadline;
    }
    return deadline;
}

/* What the list as a whole waits for. */
static void summarise(struct nfa_machine *machine, struct nfa_run_list *list)
{
    const struct nfa_program *program = machine->program;

    list->interest = 0;
    list->restless = false;
    list->deadline = RT_TIME_MAX;
    list->deadline_sequence = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        const struct nfa_item *run = &list->runs[i];
        const struct nfa_state *state = &program->states[run->value];
        rt_time deadline = nfa_run_deadline(program, run);

        list->interest |= state->interest;
        list->restless |= state->restless;
        if (run->path == NULL || deadline.ms > list->deadline.ms)
            continue;
        if (deadline.ms < list->deadline.ms || run->path->start->sequence < list->deadline_sequence)
            list->deadline_sequence = run->path->start->sequence;
        list->deadline = deadline;
    }
}

static uint32_t drop_old_runs(struct nfa_machine *machine, struct nfa_run_list *list)
{
    uint32_t live = 0;

    for (uint32_t i = 0; list != NULL && i < list->count; i++) {
        if (list->runs[i].path == NULL)
            continue;
        nfa_drop_run(machine, list->runs[i].path);
        live++;
    }
    return live;
}

void nfa_store_runs(struct nfa_machine *machine, struct nfa_runs *runs)
{
    struct nfa_run_list *list = runs->list;
    uint32_t old_live = drop_old_runs(machine, list);

    if (machine->next_live > 0 || machine->completed.count > 0) {
        list = fitting_list(machine, list, machine->next.count);
        if (list == NULL || list->capacity < machine->next.count)
            shrink_next(machine, list == NULL ? 0 : list->capacity);
    }
    store_held(machine, list);
    machine->counters.live_runs += machine->next_live;
    machine->counters.live_runs -= old_live;
    if (list == NULL || (machine->next_live == 0 && list->held_count == 0)) {
        free_list(machine, list);
        runs->list = NULL;
        return;
    }
    memcpy(list->runs, machine->next.items, machine->next.count * sizeof(*list->runs));
    list->count = machine->next.count;
    runs->list = list;
    summarise(machine, list);
}

void nfa_clear(struct nfa_machine *machine, struct nfa_runs *runs)
{
    struct nfa_run_list *list = runs->list;
    uint32_t live;

    if (list == NULL)
        return;
    nfa_call_begin(machine);
    for (uint32_t i = 0; i < list->held_count; i++)
        nfa_path_unref(machine, list->held[i].path);
    live = drop_old_runs(machine, list);
    machine->counters.cleared += live;
    machine->counters.live_runs -= live;
    free_list(machine, list);
    runs->list = NULL;
    (void)nfa_call_end(machine);
}
