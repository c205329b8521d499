/* SPDX-License-Identifier: Apache-2.0 */
/* machine.c - the machine of one rule and worker, and the list of runs of one key. */
#include "nfa/run.h"
#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"

#include <string.h>

enum { PREFETCH_RUNS = 8 };

static size_t list_bytes(uint32_t capacity)
{
    return sizeof(struct nfa_run_list) + capacity * sizeof(struct nfa_item);
}

/* Deadlines other than start + within, and who would notice that a run has expired. */
static void look_at_deadlines(struct nfa_machine *machine)
{
    const struct nfa_program *program = machine->program;
    bool fires = false;

    for (uint32_t i = 0; i < program->state_count; i++) {
        machine->has_gap |= program->states[i].expire_ms > 0 || program->states[i].fire_gap_ms > 0;
        fires |= program->states[i].fires;
    }
    machine->quiet = !machine->has_gap && !fires && machine->callbacks.timeout == NULL &&
                     program->within_ms > 0 && program->emit == NFA_EMIT_AT_ONCE;
}

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
    look_at_deadlines(machine);
    rt_pool_init(&machine->paths, sizeof(struct nfa_path), SIZE_MAX);
    rt_blocks_init(&machine->lists, SIZE_MAX);
    machine->lone = rt_alloc_zeroed(1, list_bytes(1));
    machine->guard_memo = rt_alloc_zeroed(program->guard_count + 1, sizeof(uint64_t));
    machine->verdicts = rt_alloc_zeroed(program->shape_count + 1, sizeof(*machine->verdicts));
    machine->visits = rt_alloc_zeroed(program->state_count, sizeof(uint64_t));
    machine->stack = rt_alloc_zeroed(program->proceed_count + 1, sizeof(uint32_t));
    machine->chosen = rt_alloc_zeroed(program->edge_count + 1, sizeof(*machine->chosen));
    if (machine->lone == NULL || machine->guard_memo == NULL || machine->visits == NULL ||
        machine->verdicts == NULL || machine->stack == NULL || machine->chosen == NULL) {
        nfa_machine_free(machine);
        return RT_ERR_NOMEM;
    }
    machine->lone->capacity = 1;
    machine->has_rows = nfa_row_allowed(machine);
    *out = machine;
    return RT_OK;
}

void nfa_machine_free(struct nfa_machine *machine)
{
    if (machine == NULL)
        return;
    RT_ASSERT(machine->counters.live_runs == 0);
    rt_pool_done(&machine->paths);
    rt_blocks_done(&machine->lists);
    rt_free(machine->lone);
    rt_free(machine->scratch.items);
    rt_free(machine->found.items);
    rt_free(machine->completed.items);
    rt_free(machine->expired.items);
    rt_free(machine->buried.items);
    rt_free(machine->seen.slots);
    rt_free(machine->guard_memo);
    rt_free(machine->visits);
    rt_free(machine->verdicts);
    rt_free(machine->stack);
    rt_free(machine->chosen);
    nfa_program_unref(machine->program);
    rt_free(machine);
}

const struct nfa_counters *nfa_machine_counters(const struct nfa_machine *machine)
{
    return &machine->counters;
}

void nfa_machine_add_counters(struct nfa_machine *machine, const struct nfa_counters *before)
{
    struct nfa_counters *counters = &machine->counters;

    counters->started += before->started;
    counters->matched += before->matched;
    counters->timed_out += before->timed_out;
    counters->negated += before->negated;
    counters->broken += before->broken;
    counters->skipped += before->skipped;
    counters->cleared += before->cleared;
    counters->evicted += before->evicted;
    counters->refused += before->refused;
}

size_t nfa_machine_bytes(const struct nfa_machine *machine)
{
    return machine->paths.in_use * machine->paths.object_size + machine->lists.bytes_in_use;
}

bool nfa_runs_want(const struct nfa_machine *machine, const struct nfa_runs *runs,
                   uint64_t true_guards)
{
    const struct nfa_program *program = machine->program;
    const struct nfa_state *start = &program->states[0];
    const struct nfa_run_list *list = nfa_list_of(runs);

    if (start->restless || (start->interest & true_guards) != 0)
        return true;
    if (nfa_is_single(runs)) {
        const struct nfa_state *state =
            &program->states[program->shapes[nfa_single_shape(runs)].state];

        return state->restless || (state->interest & true_guards) != 0;
    }
    return list != NULL && (list->restless || (list->interest & true_guards) != 0);
}

rt_time nfa_least_deadline(const struct nfa_machine *machine, const struct nfa_runs *runs)
{
    const struct nfa_run_list *list = nfa_list_of(runs);
    struct nfa_single single;

    if (list != NULL)
        return list->deadline;
    if (nfa_runs_empty(runs))
        return RT_TIME_MAX;
    if (machine->has_gap) {
        nfa_single_open(machine->program, runs, &single);
        return nfa_run_deadline(machine->program, &single.item);
    }
    return machine->program->within_ms == 0
               ? RT_TIME_MAX
               : rt_time_plus(nfa_single_first(runs)->time,
                              (rt_duration){machine->program->within_ms});
}

rt_time nfa_runs_deadline(const struct nfa_machine *machine, const struct nfa_runs *runs,
                          uint64_t *start_sequence)
{
    const struct nfa_run_list *list = nfa_list_of(runs);

    if (list == NULL) {
        *start_sequence = nfa_is_single(runs) ? nfa_single_first(runs)->sequence : 0;
        return nfa_least_deadline(machine, runs);
    }
    *start_sequence = list->deadline_sequence;
    return machine->quiet
               ? rt_time_plus(list->newest_start, (rt_duration){machine->program->within_ms})
               : list->deadline;
}

bool nfa_machine_is_quiet(const struct nfa_machine *machine)
{
    return machine->quiet;
}

void nfa_runs_prefetch(const struct nfa_runs *runs, bool paths)
{
    const struct nfa_run_list *list = nfa_list_of(runs);

    if (list == NULL) {
        RT_PREFETCH(nfa_single_event(runs, 0));
        RT_PREFETCH(nfa_single_event(runs, 1));
        return;
    }
    if (!paths) {
        RT_PREFETCH(list);
        RT_PREFETCH(list->runs);
        return;
    }
    for (uint32_t i = 0; i < list->count && i < PREFETCH_RUNS && !list->is_row; i++)
        RT_PREFETCH(list->runs[i].path);
    for (uint32_t i = 0; i < list->count && i < PREFETCH_RUNS && list->is_row; i++)
        nfa_row_prefetch(&list->runs[i]);
}

uint32_t nfa_runs_newest(const struct nfa_runs *runs, nfa_event out[NFA_NEWEST_MAX])
{
    const struct nfa_run_list *list = nfa_list_of(runs);
    const bool is_row = list != NULL && list->is_row;
    const uint32_t runs_count = list == NULL ? 1 : list->count;
    uint32_t count = 0;

    if (nfa_runs_empty(runs))
        return 0;
    for (uint32_t i = 0; i < runs_count && count + 2 <= NFA_NEWEST_MAX; i++) {
        if (list != NULL && !is_row) {
            RT_PREFETCH(list->runs[i].path->parent);
            out[count++] = list->runs[i].path->event;
            continue;
        }

        const struct nfa_runs *run = is_row ? &list->runs[i].single : runs;

        out[count++] = nfa_single_event(run, 0);
        if (nfa_single_event(run, 1) != NULL)
            out[count++] = nfa_single_event(run, 1);
    }
    return count;
}

/* ---- one call ---- */

void nfa_call_begin(struct nfa_machine *machine, struct nfa_run_list *list)
{
    machine->status = RT_OK;
    machine->stamp++;
    machine->keep_failed = false;
    machine->first_starts = NULL;
    machine->in_place = list != NULL;
    machine->next = machine->scratch;
    if (list != NULL)
        machine->next = (struct nfa_heap){.items = list->runs, .capacity = list->capacity};
    machine->next.count = 0;
    machine->disturbed = false;
    machine->touched = false;
    machine->began = false;
    machine->read = 0;
    machine->old_left = 0;
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

/* The set of this call knows nodes by address: one that it has seen must not be reused before the call is over. */
static void bury(struct nfa_machine *machine, struct nfa_path *path)
{
    if (!machine->program->has_group)
        return;
    if (!nfa_heap_reserve(&machine->buried, machine->buried.count + 1)) {
        machine->status = RT_ERR_NOMEM;
        return;
    }
    nfa_path_ref(path);
    machine->buried.items[machine->buried.count++] = (struct nfa_item){.path = path};
}

void nfa_drop_run(struct nfa_machine *machine, struct nfa_path *path)
{
    machine->counters.live_runs--;
    path->runs--;
    if (path->references == 1)
        bury(machine, path);
    nfa_path_unref(machine, path);
}

/* False when the run has no place.  A run that has not moved yet keeps its place, so only forks and new runs can be
 * refused; the oldest run of all is offered its event first and so stands in the list when one must go. */
static bool make_place(struct nfa_machine *machine)
{
    uint32_t limit = machine->limits.runs_per_key;
    bool drop_oldest = machine->limits.policy == NFA_DROP_OLDEST;

    if (limit == 0 || machine->next.count + (drop_oldest ? 0 : machine->old_left) < limit)
        return true;
    if (!drop_oldest) {
        nfa_refuse(machine);
        return false;
    }
    machine->touched = true;
    machine->disturbed = true;
    nfa_drop_run(machine, nfa_heap_poll(&machine->next).path);
    machine->counters.evicted++;
    return true;
}

/* Room for one more in `next`, and for all that still may be kept. */
static bool reserve_next(struct nfa_machine *machine)
{
    uint32_t count = machine->next.count;

    if (machine->in_place) {
        if (count < machine->next.capacity && count < machine->read)
            return true;
        if (!nfa_heap_reserve(&machine->scratch, count + machine->old_left + 1))
            return false;
        if (count > 0)
            memcpy(machine->scratch.items, machine->next.items, count * sizeof(struct nfa_item));
        machine->in_place = false;
        machine->disturbed = true;
    } else if (!nfa_heap_reserve(&machine->scratch, count + machine->old_left + 1)) {
        return false;
    }
    machine->next = machine->scratch;
    machine->next.count = count;
    return true;
}

/* D1: a looping group leads one path to one state over several ways; one run is enough. */
static bool is_new(struct nfa_machine *machine, const struct nfa_item *run)
{
    bool failed = false;

    if (!machine->program->has_group ||
        nfa_seen_add(&machine->seen, run->path, (uint32_t)run->value, machine->stamp, &failed))
        return true;
    if (failed)
        machine->status = RT_ERR_NOMEM;
    return false;
}

void nfa_add_run(struct nfa_machine *machine, const struct nfa_item *run)
{
    if (!is_new(machine, run))
        return;
    if (!reserve_next(machine)) {
        machine->status = RT_ERR_NOMEM;
        return;
    }
    if (!make_place(machine)) {
        bury(machine, run->path);
        return;
    }
    nfa_path_ref(run->path);
    run->path->runs++;
    machine->counters.live_runs++;
    nfa_heap_push(&machine->next, *run);
}

void nfa_keep_run(struct nfa_machine *machine, const struct nfa_item *run)
{
    if (!is_new(machine, run)) {
        nfa_drop_run(machine, run->path);
    } else if (!machine->disturbed) {
        machine->next.count++; /* it lies where it belongs */
    } else if (!reserve_next(machine) || !make_place(machine)) {
        machine->status = machine->status == RT_OK ? RT_ERR_NOMEM : machine->status;
        nfa_drop_run(machine, run->path);
    } else {
        nfa_heap_push(&machine->next, *run);
    }
}

/* ---- the stored list ---- */

void nfa_list_free(struct nfa_machine *machine, struct nfa_run_list *list)
{
    if (list == NULL || list == machine->lone)
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

/* The row with another capacity; NULL without memory. */
static struct nfa_run_list *resized(struct nfa_machine *machine, struct nfa_run_list *list,
                                    uint32_t capacity)
{
    struct nfa_run_list *moved = rt_blocks_take(&machine->lists, list_bytes(capacity));

    if (moved == NULL)
        return NULL;
    memcpy(moved, list, list_bytes(list->count));
    moved->capacity = capacity;
    if (list != machine->lone)
        rt_blocks_give(&machine->lists, list, list_bytes(list->capacity));
    return moved;
}

struct nfa_run_list *nfa_list_grow(struct nfa_machine *machine, struct nfa_run_list *list)
{
    return resized(machine, list, capacity_for(list->count + 1));
}

struct nfa_run_list *nfa_list_shrink(struct nfa_machine *machine, struct nfa_run_list *list)
{
    uint32_t capacity = capacity_for(list->count);
    struct nfa_run_list *moved =
        list->capacity / 4 <= capacity ? NULL : resized(machine, list, capacity);

    return moved == NULL ? list : moved;
}

/* A list with room for the new runs, in place of the old one when that is too small or far too large, with them in it. */
static struct nfa_run_list *fitting_list(struct nfa_machine *machine, struct nfa_run_list *list)
{
    uint32_t count = machine->next.count;
    uint32_t capacity = capacity_for(count);
    bool is_lone = list == machine->lone; /* it is for the call only */
    bool fits = list != NULL && !is_lone && list->capacity >= count;
    struct nfa_run_list *fitting;

    fitting = fits && list->capacity / 4 <= capacity
                  ? NULL
                  : rt_blocks_take(&machine->lists, list_bytes(capacity));
    if (fitting == NULL) {
        if (fits && !machine->in_place && count > 0)
            memcpy(list->runs, machine->next.items, count * sizeof(*list->runs));
        return is_lone ? NULL : list;
    }
    *fitting = (struct nfa_run_list){.deadline = RT_TIME_MAX};
    if (list != NULL)
        *fitting = *list;
    fitting->capacity = capacity;
    if (count > 0)
        memcpy(fitting->runs, machine->next.items, count * sizeof(*list->runs));
    if (list != NULL && !is_lone)
        rt_blocks_give(&machine->lists, list, list_bytes(list->capacity));
    machine->in_place = true;
    return fitting;
}

/* Out of memory: runs from the heap's end go until the rest fits. */
static void shrink_next(struct nfa_machine *machine, struct nfa_run_list *list)
{
    struct nfa_heap *next = &machine->next;
    uint32_t capacity = list == NULL ? 0 : list->capacity;

    machine->status = RT_ERR_NOMEM;
    machine->touched = true;
    while (next->count > capacity) {
        nfa_drop_run(machine, next->items[--next->count].path);
        machine->counters.evicted++;
    }
    if (next->count > 0)
        memcpy(list->runs, next->items, next->count * sizeof(*list->runs));
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

    if (program->within_ms > 0)
        deadline = rt_time_plus(run->start_time, (rt_duration){program->within_ms});
    if (state->expire_ms > 0) {
        at = rt_time_plus(nfa_path_time(run->path), (rt_duration){state->expire_ms});
        deadline = rt_time_before(at, deadline) ? at : deadline;
    }
    if (state->fire_gap_ms > 0 && nfa_run_may_fire(state, run->path)) {
        at = rt_time_plus(nfa_path_time(run->path), (rt_duration){state->fire_gap_ms});
        deadline = rt_time_before(at, deadline) ? at : deadline;
    }
    return deadline;
}

void nfa_summarise(struct nfa_machine *machine, struct nfa_run_list *list, uint32_t first)
{
    const struct nfa_program *program = machine->program;

    if (first == 0) {
        list->interest = 0;
        list->restless = false;
        list->deadline = RT_TIME_MAX;
        list->deadline_sequence = 0;
    }
    for (uint32_t i = first; i < list->count; i++) {
        const struct nfa_item *run = &list->runs[i];
        const struct nfa_state *state = &program->states[run->value];
        rt_time deadline;

        list->interest |= state->interest;
        list->restless |= state->restless;
        if (i > 0 && !machine->has_gap)
            continue; /* the first run of the heap has the first deadline */
        deadline = nfa_run_deadline(program, run);
        if (deadline.ms > list->deadline.ms || deadline.ms == RT_TIME_MAX.ms)
            continue;
        if (deadline.ms < list->deadline.ms || run->start_sequence < list->deadline_sequence)
            list->deadline_sequence = run->start_sequence;
        list->deadline = deadline;
    }
}

void nfa_store_runs(struct nfa_machine *machine, struct nfa_runs *runs)
{
    struct nfa_run_list *list = nfa_list_of(runs);
    uint32_t first = list == NULL || machine->touched ? 0 : list->count;

    if (machine->next.count == 1 && machine->completed.count == 0 &&
        nfa_single_fold(machine, runs, &machine->next.items[0])) {
        nfa_list_free(machine, list);
        return;
    }
    if (machine->next.count > 0 || machine->completed.count > 0) {
        list = fitting_list(machine, list);
        if (list == NULL || list->capacity < machine->next.count) {
            shrink_next(machine, list);
            first = 0;
        }
    }
    store_held(machine, list);
    nfa_set_list(runs, list);
    if (list == NULL)
        return;
    if (machine->next.count == 0 && list->held_count == 0) {
        nfa_list_free(machine, list);
        nfa_set_list(runs, NULL);
        return;
    }
    if (machine->began)
        list->newest_start = machine->time;
    list->count = machine->next.count;
    nfa_summarise(machine, list, first);
    if (list->held_count == 0)
        nfa_row_fold(machine, list);
}

uint32_t nfa_runs_count(const struct nfa_runs *runs)
{
    const struct nfa_run_list *list = nfa_list_of(runs);

    return list != NULL ? list->count : nfa_is_single(runs);
}

void nfa_clear(struct nfa_machine *machine, struct nfa_runs *runs)
{
    machine->counters.cleared += nfa_runs_count(runs);
    nfa_unload(machine, runs);
}

void nfa_unload(struct nfa_machine *machine, struct nfa_runs *runs)
{
    struct nfa_run_list *list = nfa_list_of(runs);

    if (nfa_is_single(runs))
        nfa_single_drop(machine, runs);
    if (list == NULL)
        return;
    nfa_call_begin(machine, NULL);
    if (list->is_row)
        nfa_row_drop(machine, list);
    for (uint32_t i = 0; i < list->held_count; i++)
        nfa_path_unref(machine, list->held[i].path);
    for (uint32_t i = 0; i < list->count; i++)
        nfa_drop_run(machine, list->runs[i].path);
    nfa_list_free(machine, list);
    nfa_set_list(runs, NULL);
    (void)nfa_call_end(machine);
}
