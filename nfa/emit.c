/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emit.c - finished matches: in which order they come out, and what the skip strategy drops.
 *
 *     found ---> completed ---poll---> prune runs and completed ---> match()
 *                    ^   |
 *                    |   +-- in_start_order: waits while a run that started earlier lives; kept with the key
 *                    +------ from the call before
 *
 * Pruning goes by the first event of a run or match only:
 *
 *     skip_to_next, skip_past_last      all that started at or before the match's first / last event
 *     skip_to_first, skip_to_last       all that started before the named step's first / last event
 */
#include "nfa/run.h"
#include "runtime/base/assert.h"

void nfa_add_match(struct nfa_machine *machine, const struct nfa_item *match)
{
    struct nfa_path *path = match->path;

    /* D1: the same events under the same steps are one match, however many ways led to it. */
    if ((path->flags & NFA_PATH_MATCHED) != 0)
        return;
    if (!nfa_heap_reserve(&machine->found, machine->found.count + 1)) {
        machine->status = RT_ERR_NOMEM;
        return;
    }
    path->flags |= NFA_PATH_MATCHED;
    nfa_path_ref(path);
    nfa_heap_push(&machine->found, *match);
}

static void emit(struct nfa_machine *machine, const struct nfa_item *match)
{
    struct nfa_match view = nfa_item_view(match);

    if (machine->limits.matches_per_event != 0 &&
        machine->emitted >= machine->limits.matches_per_event) {
        nfa_refuse(machine);
        return;
    }
    machine->emitted++;
    machine->counters.matched++;
    view.time.ms = match->value;
    machine->callbacks.match(machine->context, &view);
}

/* The event that SKIP_TO_FIRST or SKIP_TO_LAST goes to; NULL: the match has none. */
static const struct nfa_path *skip_target(const struct nfa_program *program,
                                          const struct nfa_item *match)
{
    const struct nfa_path *found = NULL;

    for (const struct nfa_path *path = match->path; path != NULL; path = path->parent) {
        if (path->step != program->skip_step)
            continue;
        found = path;
        if (program->skip == NFA_SKIP_TO_LAST)
            break;
    }
    return found;
}

/* Going to the first event of the match would find the same match again. */
static bool lacks_target(const struct nfa_program *program, const struct nfa_item *match)
{
    const struct nfa_path *found;

    if (!program->skip_must_find)
        return false;
    found = skip_target(program, match);
    return found == NULL || found->parent == NULL;
}

/* The event up to which starts are pruned, as a run that begins with it; false: nothing is. */
static bool pruning_start(const struct nfa_program *program, const struct nfa_item *match,
                          struct nfa_item *until)
{
    const struct nfa_path *found = NULL;

    switch (program->skip) {
    case NFA_NO_SKIP:
        return false;
    case NFA_SKIP_TO_NEXT:
        *until = *match;
        return true;
    case NFA_SKIP_PAST_LAST:
        found = match->path;
        break;
    case NFA_SKIP_TO_FIRST:
    case NFA_SKIP_TO_LAST:
        found = skip_target(program, match);
        if (found == NULL)
            return false;
        break;
    }
    *until = (struct nfa_item){.start_time = nfa_path_head(found)->time,
                               .start_sequence = nfa_path_head(found)->sequence};
    return true;
}

static bool is_pruned(const struct nfa_program *program, const struct nfa_item *item,
                      const struct nfa_item *until)
{
    bool inclusive = program->skip == NFA_SKIP_TO_NEXT || program->skip == NFA_SKIP_PAST_LAST;

    return inclusive ? !nfa_starts_before(until, item) : nfa_starts_before(item, until);
}

/* Survivors keep their order in the array; then it becomes a heap again.  Returns how many went. */
static uint32_t prune(struct nfa_machine *machine, struct nfa_heap *heap,
                      const struct nfa_item *until, bool are_runs)
{
    uint32_t kept = 0, gone;

    for (uint32_t i = 0; i < heap->count; i++) {
        struct nfa_item item = heap->items[i];

        if (!is_pruned(machine->program, &item, until)) {
            heap->items[kept++] = item;
            continue;
        }
        if (are_runs)
            nfa_drop_run(machine, item.path);
        else
            nfa_path_unref(machine, item.path);
    }
    gone = heap->count - kept;
    heap->count = kept;
    if (gone > 0)
        nfa_heap_restore(heap);
    return gone;
}

static void skip_after(struct nfa_machine *machine, const struct nfa_item *match)
{
    struct nfa_item until;

    if (!pruning_start(machine->program, match, &until))
        return;
    machine->touched = true;
    machine->counters.skipped += prune(machine, &machine->next, &until, true);
    machine->counters.skipped += prune(machine, &machine->completed, &until, false);
}

bool nfa_may_hold(const struct nfa_program *program)
{
    return program->emit == NFA_EMIT_IN_START_ORDER && program->skip != NFA_NO_SKIP;
}

/* A finished match waits for older runs that may still finish: only when asked for, and never without a strategy. */
static bool must_wait(const struct nfa_machine *machine, const struct nfa_item *match)
{
    return nfa_may_hold(machine->program) && machine->next.count > 0 &&
           nfa_starts_before(&machine->next.items[0], match);
}

/* DROP_OLDEST gives up the oldest match held; otherwise one from the heap's end, among the newest, is refused. */
static void limit_held(struct nfa_machine *machine)
{
    struct nfa_heap *completed = &machine->completed;

    while (machine->limits.held_matches != 0 && completed->count > machine->limits.held_matches) {
        if (machine->limits.policy == NFA_DROP_OLDEST) {
            nfa_path_unref(machine, nfa_heap_poll(completed).path);
            machine->counters.evicted++;
        } else {
            nfa_path_unref(machine, completed->items[--completed->count].path);
            nfa_refuse(machine);
        }
    }
}

/* What was held back and what was found, together.  Without memory some of it is lost. */
static void gather(struct nfa_machine *machine, const struct nfa_item *items, uint32_t count)
{
    struct nfa_heap *completed = &machine->completed;
    bool fits = nfa_heap_reserve(completed, completed->count + count);

    for (uint32_t i = 0; i < count; i++) {
        if (completed->count < completed->capacity)
            nfa_heap_push(completed, items[i]);
        else
            nfa_path_unref(machine, items[i].path);
    }
    if (!fits)
        machine->status = RT_ERR_NOMEM;
}

void nfa_emit_matches(struct nfa_machine *machine, const struct nfa_run_list *list)
{
    struct nfa_heap *completed = &machine->completed;

    if (list != NULL)
        gather(machine, list->held, list->held_count);
    gather(machine, machine->found.items, machine->found.count);
    machine->found.count = 0;
    while (completed->count > 0 && !must_wait(machine, &completed->items[0])) {
        struct nfa_item match = nfa_heap_poll(completed);

        if (lacks_target(machine->program, &match)) {
            if (machine->status == RT_OK)
                machine->status = RT_ERR_NOT_FOUND;
        } else {
            skip_after(machine, &match);
            emit(machine, &match);
        }
        nfa_path_unref(machine, match.path);
    }
    limit_held(machine);
}
