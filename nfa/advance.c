/* SPDX-License-Identifier: Apache-2.0 */
/*
 * advance.c - event time moves on: what has reached its deadline ends.
 *
 *     within:  a run ends at start + within: as a match if only a trailing notFollowedBy was left to wait for, else as a
 *              timeout.  The end is exclusive, because time moves before the events of that time come.
 *     gap:     a run that can go nowhere any more ends at last event + gap, as a timeout.
 *
 * D3: a trailing notFollowedBy fires at its deadline for every run that could have moved on to it, also for one that
 *     waits in a loop or before an optional step.
 * D1: a path times out once, when the last run that has it expires.
 * D4: a path whose events came out as a match does not time out.
 */
#include "nfa/run.h"
#include "runtime/base/assert.h"

#include <string.h>

static bool is_over(rt_time from, int64_t span_ms, rt_time now, rt_time *end)
{
    rt_time at = rt_time_plus(from, (rt_duration){span_ms});

    if (span_ms == 0 || rt_time_before(now, at))
        return false;
    if (rt_time_before(at, *end))
        *end = at;
    return true;
}

static void add_expired(struct nfa_machine *machine, const struct nfa_item *run, rt_time end)
{
    if (!nfa_heap_reserve(&machine->expired, machine->expired.count + 1)) {
        machine->status = RT_ERR_NOMEM;
        return;
    }
    nfa_path_ref(run->path);
    machine->expired.items[machine->expired.count] = *run;
    machine->expired.items[machine->expired.count++].value = end.ms;
}

/* Ends the run, lets it fire, or keeps it. */
static void look_at(struct nfa_machine *machine, const struct nfa_item *run, rt_time now)
{
    const struct nfa_program *program = machine->program;
    const struct nfa_state *state = &program->states[run->value];
    rt_time gap_end = RT_TIME_MAX, end = RT_TIME_MAX;
    bool within_over, gap_over, fire_over;

    gap_over = is_over(nfa_path_time(run->path), state->expire_ms, now, &gap_end);
    fire_over = state->fire_gap_ms != 0 &&
                is_over(nfa_path_time(run->path), state->fire_gap_ms, now, &end) &&
                nfa_run_may_fire(state, run->path);
    within_over = is_over(run->start_time, program->within_ms, now, &end);
    if (state->fires && (fire_over || within_over)) {
        struct nfa_item match = *run;

        match.value = end.ms; /* D6: the deadline, however late we are told */
        nfa_add_match(machine, &match);
    } else if (within_over || gap_over) {
        add_expired(machine, run, gap_over ? gap_end : end);
    }
    if (!within_over && !gap_over && !(fire_over && state->kind == NFA_STATE_PENDING))
        nfa_keep_run(machine, run);
    else
        nfa_drop_run(machine, run->path);
}

static void report_timeouts(struct nfa_machine *machine)
{
    for (uint32_t i = 0; i < machine->expired.count; i++) {
        struct nfa_item item = machine->expired.items[i];

        if (item.path->runs == 0 &&
            (item.path->flags & (NFA_PATH_MATCHED | NFA_PATH_TIMED_OUT)) == 0) {
            struct nfa_match view = nfa_item_view(&item);

            view.time.ms = item.value;
            item.path->flags |= NFA_PATH_TIMED_OUT;
            machine->counters.timed_out++;
            if (machine->callbacks.timeout != NULL)
                machine->callbacks.timeout(machine->context, &view);
        }
        nfa_path_unref(machine, item.path);
    }
    machine->expired.count = 0;
}

static enum rt_status advance_to(struct nfa_machine *machine, struct nfa_runs *runs, rt_time time)
{
    struct nfa_run_list *list = nfa_list_of(runs);
    uint32_t count = list->count;

    nfa_call_begin(machine, list);
    machine->touched = true;
    for (uint32_t i = 0; i < count; i++) {
        struct nfa_item run = list->runs[i]; /* its place may be taken */

        machine->read = i + 1;
        machine->old_left = count - i - 1;
        look_at(machine, &run, time);
        machine->disturbed |= machine->next.count != i + 1;
    }
    nfa_emit_matches(machine, list);
    nfa_store_runs(machine, runs);
    report_timeouts(machine);
    return nfa_call_end(machine);
}

/* One deadline after the other, so that what comes out does not depend on how often time is told. */
static enum rt_status advance_by_deadlines(struct nfa_machine *machine, struct nfa_runs *runs,
                                           rt_time time)
{
    enum rt_status status = RT_OK;

    while (status == RT_OK && nfa_is_due(machine, runs, time)) {
        if (nfa_is_single(runs)
                ? nfa_single_spell_out(machine, runs) == NULL
                : nfa_list_of(runs)->is_row && !nfa_row_spell_out(machine, nfa_list_of(runs)))
            return RT_ERR_NOMEM;
        status = advance_to(machine, runs, nfa_list_of(runs)->deadline);
    }
    return status;
}

/* The runs at the head of the list that are over, when the list is in order of start; UINT32_MAX: it is not. */
static uint32_t expired_head(const struct nfa_run_list *list, int64_t within_ms, rt_time time)
{
    uint32_t over = 0;

    for (uint32_t i = 0; i < list->count; i++) {
        if (i > 0 && nfa_starts_before(&list->runs[i], &list->runs[i - 1]))
            return UINT32_MAX;
        over +=
            !rt_time_before(time, rt_time_plus(list->runs[i].start_time, (rt_duration){within_ms}));
    }
    return over;
}

/* What the first runs hold is waited for together. */
static void fetch_head(const struct nfa_run_list *list, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        RT_PREFETCH(list->runs[i].path);
    for (uint32_t i = 0; i < count; i++)
        RT_PREFETCH(list->runs[i].path->event);
}

/* All at once: in an ordered list nothing depends on the order in which runs go. */
static enum rt_status expire(struct nfa_machine *machine, struct nfa_runs *runs, rt_time time)
{
    struct nfa_run_list *list = nfa_list_of(runs);
    uint32_t over;

    if (list == NULL) {
        machine->counters.timed_out++;
        nfa_single_drop(machine, runs);
        return RT_OK;
    }
    if (list->is_row) {
        nfa_row_expire(machine, runs, time);
        return RT_OK;
    }
    over = expired_head(list, machine->program->within_ms, time);

    if (over == UINT32_MAX)
        return advance_by_deadlines(machine, runs, time);
    nfa_call_begin(machine, list);
    machine->touched = true;
    fetch_head(list, over);
    for (uint32_t i = 0; i < over; i++) {
        struct nfa_path *path = list->runs[i].path;

        if (path->runs == 1 && (path->flags & (NFA_PATH_MATCHED | NFA_PATH_TIMED_OUT)) == 0) {
            path->flags |= NFA_PATH_TIMED_OUT;
            machine->counters.timed_out++;
        }
        nfa_drop_run(machine, path);
    }
    memmove(list->runs, list->runs + over, (list->count - over) * sizeof(*list->runs));
    machine->next.count = list->count - over;
    nfa_store_runs(machine, runs);
    return nfa_call_end(machine);
}

enum rt_status nfa_advance(struct nfa_machine *machine, struct nfa_runs *runs, rt_time time)
{
    if (!nfa_is_due(machine, runs, time))
        return RT_OK;
    return machine->quiet ? expire(machine, runs, time) : advance_by_deadlines(machine, runs, time);
}
