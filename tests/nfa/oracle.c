/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/nfa/oracle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// NOLINTBEGIN(misc-no-recursion): at most the length of a pattern

/*
 * Where a run stands.  `lifted`: not-steps (bit by index) that an optional step taken before has lifted.
 * `restricted`: the greedy step before must not want the event, or nothing works here.
 */
enum role {
    WAIT,         /* for the first event of the step */
    WAIT_TWIN,    /* the same after ignoring: an optional step cannot be skipped any more */
    MORE,         /* repetitions that must come */
    PERHAPS,      /* repetitions that may come */
    PERHAPS_TWIN, /* the same after ignoring */
    LOOP,         /* without an upper bound */
    LOOP_TWIN,    /* the same after ignoring */
    NOT_NEXT,     /* one event decides */
    ABSENCE,      /* not-steps at the end: until the deadline */
    END
};

struct place {
    uint64_t lifted;
    enum role role;
    uint32_t step;
    uint32_t taken; /* repetitions of the step */
    bool restricted;
};

struct pair {
    uint32_t step;
    const struct table_event *event;
};

enum { PATH_MAX_EVENTS = 64, RUNS_MAX = 6000, MOVES_MAX = 64 };

struct path {
    struct pair pairs[PATH_MAX_EVENTS];
    uint32_t length;
};

struct run {
    struct place place;
    struct path path;
    int64_t time; /* finished matches and timeouts */
};

/* A priority queue by the first event, as java.util.PriorityQueue moves its elements. */
struct queue {
    struct run **items;
    uint32_t count;
};

enum action { TAKE, IGNORE, PROCEED };

struct move {
    enum action action;
    struct place from, to;
};

struct oracle {
    const struct nfa_table *table;
    const struct nfa_step *steps;
    uint32_t count;
    struct rt_buffer *out;
    struct queue runs, next, held;
    struct path *matched; /* all that ever came out, for D1 and D4 */
    uint32_t matched_count;
    const struct table_event *now;
    bool stepping;
    int64_t clock;
};

/* ---- the pattern, read each time anew ---- */

static bool optional_step(const struct nfa_step *step)
{
    return step->optional || step->times_min == 0;
}

static uint32_t least(const struct nfa_step *step)
{
    return step->times_min == 0 ? 1 : step->times_min;
}

static bool is_gone(const struct nfa_step *step)
{
    return step->contiguity == NFA_NOT_FOLLOW;
}

/* Not-steps that guard the wait for step `at`. */
static uint64_t guards_before(const struct oracle *oracle, uint32_t at)
{
    uint64_t found = 0;

    while (at > 0 && (is_gone(&oracle->steps[at - 1]) || optional_step(&oracle->steps[at - 1]))) {
        at--;
        if (is_gone(&oracle->steps[at]))
            found |= UINT64_C(1) << at;
    }
    return found;
}

/* Not-steps that guard the repetitions of step `at`: the next one, or all of them at the end of the pattern. */
static uint64_t guards_behind(const struct oracle *oracle, uint32_t at)
{
    uint64_t found = 0;
    uint32_t end = at + 1;

    while (end < oracle->count && is_gone(&oracle->steps[end]))
        found |= UINT64_C(1) << end++;
    if (end < oracle->count)
        found &= UINT64_C(1) << (at + 1);
    return found;
}

/* The place in which a run waits for what comes after step `at`. */
static struct place behind(const struct oracle *oracle, uint32_t at, uint64_t lifted,
                           bool restricted)
{
    uint32_t next = at + 1;
    struct place place = {.lifted = lifted, .restricted = restricted};

    while (next < oracle->count && is_gone(&oracle->steps[next]))
        next++;
    place.step = next;
    if (next < oracle->count)
        place.role = oracle->steps[next].contiguity == NFA_NOT_NEXT ? NOT_NEXT : WAIT;
    else
        place.role = is_gone(&oracle->steps[oracle->count - 1]) ? ABSENCE : END;
    return place;
}

static uint64_t lifted_by(const struct oracle *oracle, uint32_t at)
{
    return optional_step(&oracle->steps[at]) ? guards_before(oracle, at) : 0;
}

static bool is_ranged(const struct nfa_step *step)
{
    return step->times_max != NFA_UNBOUNDED && step->times_max != least(step);
}

static struct place after_taking(const struct oracle *oracle, uint32_t at, uint32_t taken)
{
    const struct nfa_step *step = &oracle->steps[at];
    struct place place = {.step = at, .taken = taken, .lifted = lifted_by(oracle, at)};

    if (taken < least(step))
        place.role = MORE;
    else if (step->times_max == NFA_UNBOUNDED)
        place.role = LOOP;
    else if (taken < step->times_max)
        place.role = PERHAPS;
    else
        return behind(oracle, at, place.lifted, step->greedy && is_ranged(step));
    return place;
}

/* ---- one run and one event ---- */

struct look {
    const struct oracle *oracle;
    const struct run *run;
    const struct table_event *event;
};

static bool holds(const struct look *look, nfa_guard guard)
{
    return guard == NFA_NO_GUARD || table_guard_holds(&look->oracle->table->guards[guard],
                                                      look->event->letters, look->run->path.length);
}

static bool until_holds(const struct look *look, const struct nfa_step *step)
{
    return step->until != NFA_NO_GUARD && holds(look, step->until);
}

static bool in_gap(const struct look *look, int64_t gap)
{
    uint32_t length = look->run->path.length;

    return gap == 0 || length == 0 ||
           look->event->time - look->run->path.pairs[length - 1].event->time < gap;
}

static bool any_of(const struct look *look, uint64_t not_steps)
{
    for (uint32_t i = 0; i < look->oracle->count; i++)
        if ((not_steps >> i & 1) != 0 && holds(look, look->oracle->steps[i].where))
            return true;
    return false;
}

/* The step before wants this event and is greedy: nothing works in a restricted place. */
static bool is_forbidden(const struct look *look, const struct place *place)
{
    uint32_t before = place->step;

    if (!place->restricted)
        return false;
    do
        before--;
    while (is_gone(&look->oracle->steps[before]));
    return holds(look, look->oracle->steps[before].where);
}

struct moves {
    struct move list[MOVES_MAX];
    uint32_t count;
    bool stopped;
};

static void add(struct moves *moves, enum action action, const struct place *from, struct place to)
{
    if (moves->count < MOVES_MAX)
        moves->list[moves->count++] = (struct move){action, *from, to};
}

static bool passes_over(const struct look *look, enum nfa_contiguity contiguity,
                        const struct nfa_step *step)
{
    if (contiguity == NFA_ANY)
        return true;
    return contiguity == NFA_RELAXED && !holds(look, step->where);
}

static enum nfa_contiguity inner_of(const struct nfa_step *step)
{
    if (step->inner == NFA_INNER_ANY)
        return NFA_ANY;
    return step->inner == NFA_INNER_STRICT ? NFA_STRICT : NFA_RELAXED;
}

static struct place as(const struct place *place, enum role role)
{
    struct place other = *place;

    other.role = role;
    if (role == WAIT_TWIN || role == PERHAPS_TWIN) {
        other.lifted = 0;
        other.restricted = false;
    }
    return other;
}

static void exits(const struct look *look, const struct place *place, uint64_t lifted,
                  bool restricted, struct moves *moves)
{
    const struct nfa_step *step = &look->oracle->steps[place->step];

    if (step->greedy && until_holds(look, step))
        restricted = false;
    add(moves, PROCEED, place, behind(look->oracle, place->step, lifted, restricted));
}

static void waiting(const struct look *look, const struct place *place, struct moves *moves)
{
    const struct oracle *oracle = look->oracle;
    const struct nfa_step *step = &oracle->steps[place->step];
    bool is_loop = step->times_max == NFA_UNBOUNDED;
    bool optional = optional_step(step);
    uint64_t guards = guards_before(oracle, place->step);

    if (is_forbidden(look, place))
        return;
    if (holds(look, step->where) && !until_holds(look, step) && in_gap(look, step->gap.ms))
        add(moves, TAKE, place, after_taking(oracle, place->step, 1));
    if (optional && place->role == WAIT)
        exits(look, place, place->lifted, step->greedy && (is_loop ? guards == 0 : is_ranged(step)),
              moves);
    if (passes_over(look, step->contiguity, step))
        add(moves, IGNORE, place, optional ? as(place, WAIT_TWIN) : *place);
    moves->stopped |= any_of(look, guards & ~place->lifted);
}

static void repeating(const struct look *look, const struct place *place, struct moves *moves)
{
    const struct oracle *oracle = look->oracle;
    const struct nfa_step *step = &oracle->steps[place->step];
    bool until = until_holds(look, step);
    bool takes = holds(look, step->where) && !until && in_gap(look, step->loop_gap.ms);

    if (place->role == LOOP)
        exits(look, place, lifted_by(oracle, place->step), step->greedy, moves);
    if (takes)
        add(moves, TAKE, place, after_taking(oracle, place->step, place->taken + 1));
    if (place->role == PERHAPS)
        exits(look, place, place->lifted, step->greedy, moves);
    if (!until && passes_over(look, inner_of(step), step)) {
        if (place->role == LOOP)
            add(moves, IGNORE, place, as(place, LOOP_TWIN));
        else
            add(moves, IGNORE, place, place->role == PERHAPS ? as(place, PERHAPS_TWIN) : *place);
    }
    if (place->role == PERHAPS_TWIN)
        moves->stopped |= any_of(look, guards_before(oracle, place->step));
    else
        moves->stopped |= any_of(look, guards_behind(oracle, place->step));
}

static void refusing(const struct look *look, const struct place *place, struct moves *moves)
{
    const struct oracle *oracle = look->oracle;
    uint64_t not_steps = UINT64_C(1) << place->step;
    struct place next;

    if (is_forbidden(look, place))
        return;
    if (place->role == ABSENCE) {
        for (uint32_t i = oracle->count; i > 0 && is_gone(&oracle->steps[i - 1]); i--)
            not_steps |= UINT64_C(1) << (i - 1);
        not_steps &= (UINT64_C(1) << oracle->count) - 1;
    }
    if (any_of(look, not_steps)) {
        moves->stopped = true;
        return;
    }
    if (place->role == ABSENCE) {
        add(moves, IGNORE, place, *place);
        return;
    }
    next = behind(oracle, place->step, place->lifted, false);
    add(moves, next.role == END ? IGNORE : PROCEED, place, next);
}

static void moves_of(const struct look *look, const struct place *place, struct moves *moves)
{
    moves->count = 0;
    moves->stopped = false;
    if (place->role == WAIT || place->role == WAIT_TWIN)
        waiting(look, place, moves);
    else if (place->role == NOT_NEXT || place->role == ABSENCE)
        refusing(look, place, moves);
    else if (place->role != END)
        repeating(look, place, moves);
}

/* All TAKE and IGNORE moves, in the order of a depth-first walk that keeps its places on a stack. */
static void walk(const struct look *look, struct moves *found)
{
    struct place stack[MOVES_MAX];
    uint32_t depth = 0;
    struct moves here;

    found->count = 0;
    found->stopped = false;
    stack[depth++] = look->run->place;
    while (depth > 0) {
        struct place place = stack[--depth];

        moves_of(look, &place, &here);
        found->stopped |= here.stopped;
        for (uint32_t i = 0; i < here.count; i++) {
            if (here.list[i].action == PROCEED)
                stack[depth++] = here.list[i].to;
            else
                add(found, here.list[i].action, &here.list[i].from, here.list[i].to);
        }
    }
}

static bool ends_here(const struct look *look, struct place place)
{
    struct moves here;

    moves_of(look, &place, &here);
    for (uint32_t i = 0; i < here.count; i++)
        if (here.list[i].action == PROCEED &&
            (here.list[i].to.role == END || ends_here(look, here.list[i].to)))
            return true;
    return false;
}

/* ---- paths and the queue ---- */

static bool same_path(const struct path *a, const struct path *b)
{
    if (a->length != b->length)
        return false;
    for (uint32_t i = 0; i < a->length; i++)
        if (a->pairs[i].step != b->pairs[i].step || a->pairs[i].event != b->pairs[i].event)
            return false;
    return true;
}

static bool has_matched(const struct oracle *oracle, const struct path *path)
{
    for (uint32_t i = 0; i < oracle->matched_count; i++)
        if (same_path(&oracle->matched[i], path))
            return true;
    return false;
}

/* Number of the first event; the run that has taken nothing sorts last. */
static uint32_t start_of(const struct run *run)
{
    return run->path.length == 0 ? UINT32_MAX : run->path.pairs[0].event->number;
}

static struct run *copy_run(const struct run *run)
{
    struct run *copy = malloc(sizeof(*copy)); // NOLINT: a test's own memory

    *copy = *run;
    return copy;
}

static void push(struct queue *queue, struct run *run)
{
    uint32_t at = queue->count++;

    if (queue->count > RUNS_MAX) {
        printf("too many runs\n");
        exit(2);
    }
    while (at > 0 && start_of(queue->items[(at - 1) / 2]) > start_of(run)) {
        queue->items[at] = queue->items[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    queue->items[at] = run;
}

static void down(struct queue *queue, uint32_t at, struct run *run)
{
    while (2 * at + 1 < queue->count) {
        uint32_t child = 2 * at + 1;

        if (child + 1 < queue->count &&
            start_of(queue->items[child]) > start_of(queue->items[child + 1]))
            child++;
        if (start_of(run) <= start_of(queue->items[child]))
            break;
        queue->items[at] = queue->items[child];
        at = child;
    }
    queue->items[at] = run;
}

static struct run *pull(struct queue *queue)
{
    struct run *first = queue->items[0];

    queue->count--;
    if (queue->count > 0)
        down(queue, 0, queue->items[queue->count]);
    return first;
}

static void forget(struct queue *queue)
{
    for (uint32_t i = 0; i < queue->count; i++)
        free(queue->items[i]);
    queue->count = 0;
}

/* Drops what started before `until`, or at it. */
static void drop_started(struct queue *queue, uint32_t until, bool inclusive)
{
    uint32_t left = 0, count = queue->count;

    for (uint32_t i = 0; i < count; i++) {
        if (start_of(queue->items[i]) < until || (inclusive && start_of(queue->items[i]) == until))
            free(queue->items[i]);
        else
            queue->items[left++] = queue->items[i];
    }
    queue->count = left;
    for (uint32_t at = left / 2; left < count && at > 0; at--)
        down(queue, at - 1, queue->items[at - 1]);
}

/* ---- out ---- */

static void say(struct oracle *oracle, const struct run *run, const char *what)
{
    if (oracle->now->number == 0)
        rt_buffer_printf(oracle->out, ">%lld:%s", (long long)oracle->now->time, what);
    else
        rt_buffer_printf(oracle->out, "%u%s:%s", (unsigned)oracle->now->number,
                         oracle->stepping ? "" : "-", what);
    for (uint32_t i = 0; i < run->path.length; i++)
        rt_buffer_printf(oracle->out, " %s:%u", oracle->steps[run->path.pairs[i].step].name,
                         (unsigned)run->path.pairs[i].event->number);
    rt_buffer_printf(oracle->out, " @%lld\n", (long long)run->time);
}

static void skip(struct oracle *oracle, const struct run *match)
{
    enum nfa_skip strategy = oracle->table->pattern.skip;
    uint32_t until = 0;

    for (uint32_t i = 0; i < match->path.length; i++) {
        const struct pair *pair = &match->path.pairs[i];
        bool is_target =
            strategy >= NFA_SKIP_TO_FIRST &&
            strcmp(oracle->steps[pair->step].name, oracle->table->pattern.skip_step) == 0;

        if ((strategy == NFA_SKIP_TO_NEXT && i == 0) || strategy == NFA_SKIP_PAST_LAST ||
            (strategy == NFA_SKIP_TO_FIRST && is_target && until == 0) ||
            (strategy == NFA_SKIP_TO_LAST && is_target))
            until = pair->event->number;
    }
    if (until == 0)
        return;
    drop_started(&oracle->next, until, strategy <= NFA_SKIP_PAST_LAST);
    drop_started(&oracle->held, until, strategy <= NFA_SKIP_PAST_LAST);
}

/* `found` in heap order joins what is held; then all goes out that need not wait. */
static void let_out(struct oracle *oracle, struct queue *found)
{
    const struct nfa_pattern *pattern = &oracle->table->pattern;

    for (uint32_t i = 0; i < found->count; i++)
        push(&oracle->held, found->items[i]);
    found->count = 0;
    while (oracle->held.count > 0) {
        struct run *match;

        if (pattern->emit == NFA_EMIT_IN_START_ORDER && pattern->skip != NFA_NO_SKIP &&
            oracle->next.count > 0 &&
            start_of(oracle->next.items[0]) < start_of(oracle->held.items[0]))
            break;
        match = pull(&oracle->held);
        skip(oracle, match);
        say(oracle, match, "");
        free(match);
    }
}

static void find(struct oracle *oracle, struct queue *found, const struct run *run, int64_t time)
{
    struct run *match;

    if (has_matched(oracle, &run->path))
        return;
    oracle->matched = realloc(oracle->matched, // NOLINT: a test's own memory
                              (oracle->matched_count + 1) * sizeof(*oracle->matched));
    oracle->matched[oracle->matched_count++] = run->path;
    match = copy_run(run);
    match->time = time;
    push(found, match);
}

static struct queue new_queue(void)
{
    return (struct queue){calloc(RUNS_MAX + 1, sizeof(struct run *)), 0}; // NOLINT
}

static void finish(struct oracle *oracle, struct queue *found)
{
    struct queue old = oracle->runs;

    let_out(oracle, found);
    forget(&old);
    oracle->runs = oracle->next;
    oracle->next = (struct queue){old.items, 0};
}

/* ---- one event ---- */

static void offer(struct oracle *oracle, const struct run *run, struct queue *found)
{
    struct look look = {oracle, run, oracle->now};
    bool is_start = run->path.length == 0;
    struct moves moves;

    walk(&look, &moves);
    for (uint32_t i = 0; i < moves.count; i++) {
        const struct move *move = &moves.list[i];
        struct run after = *run;

        after.place = move->to;
        if (move->action == IGNORE) {
            if (is_start)
                continue;
            if (move->to.role == END)
                find(oracle, found, run, run->path.pairs[run->path.length - 1].event->time);
            else if (!moves.stopped)
                push(&oracle->next, copy_run(&after));
            continue;
        }
        after.path.pairs[after.path.length++] = (struct pair){move->from.step, oracle->now};
        if (move->to.role == END || ends_here(&look, move->to))
            find(oracle, found, &after, oracle->now->time);
        if (move->to.role != END && !moves.stopped)
            push(&oracle->next, copy_run(&after));
    }
    if (is_start)
        push(&oracle->next, copy_run(run));
}

static void take_event(struct oracle *oracle, struct queue *found)
{
    oracle->stepping = true;
    for (uint32_t i = 0; i < oracle->runs.count; i++)
        offer(oracle, oracle->runs.items[i], found);
    finish(oracle, found);
}

/* ---- time ---- */

static bool leaves(const struct oracle *oracle, struct place place)
{
    return place.role == LOOP || place.role == PERHAPS || place.role == NOT_NEXT ||
           (place.role == WAIT && optional_step(&oracle->steps[place.step]));
}

/* Can the run move on to the absences at the end without taking the event it waits for? */
static bool leads_to_absence(const struct oracle *oracle, struct place place)
{
    if (place.role == ABSENCE || !leaves(oracle, place))
        return place.role == ABSENCE;
    return leads_to_absence(oracle, behind(oracle, place.step, 0, false));
}

static int64_t gap_of(const struct oracle *oracle, const struct place *place)
{
    if (place->step >= oracle->count)
        return 0;
    if (place->role == WAIT || place->role == WAIT_TWIN || place->role == NOT_NEXT)
        return oracle->steps[place->step].gap.ms;
    return oracle->steps[place->step].loop_gap.ms;
}

/* A greedy step that any event fits leaves none for the step behind it. */
static bool is_shut(const struct nfa_step *step)
{
    return step->greedy && step->where == NFA_NO_GUARD && step->until == NFA_NO_GUARD &&
           step->times_max != (step->times_min == 0 ? 1 : step->times_min);
}

/* Is the step that the run waits for behind such a one?  Then it cannot even be left out. */
static bool is_behind_shut(const struct oracle *oracle, struct place place)
{
    size_t at = place.step;

    while (at > 0 && oracle->steps[at - 1].contiguity == NFA_NOT_FOLLOW)
        at--;
    return (place.role == WAIT || place.role == NOT_NEXT) && at > 0 &&
           is_shut(&oracle->steps[at - 1]);
}

/* How long after its last event the run may still take or await something; INT64_MAX: without end. */
static int64_t patience(const struct oracle *oracle, struct place place, bool first)
{
    int64_t own = gap_of(oracle, &place), rest;
    struct place next;

    if (place.role == END)
        return 0;
    if (place.role == ABSENCE)
        return INT64_MAX;
    if (place.role == NOT_NEXT && first && own > 0)
        return own;
    next =
        leaves(oracle, place) ? behind(oracle, place.step, 0, false) : (struct place){.role = END};
    if (place.role == NOT_NEXT &&
        (oracle->steps[place.step].where == NFA_NO_GUARD || is_behind_shut(oracle, place)))
        return first ? INT64_MAX : 0; /* any event ends the run here: nothing is behind it */
    if (place.role == NOT_NEXT)
        return next.role == END ? INT64_MAX : patience(oracle, next, false);
    if (own == 0)
        return INT64_MAX;
    rest = patience(oracle, next, false);
    if ((is_shut(&oracle->steps[place.step]) || is_behind_shut(oracle, place)) &&
        next.role != ABSENCE)
        rest = 0;
    return rest > own ? rest : own;
}

struct ends {
    int64_t within, gap, fire; /* INT64_MAX: none */
};

static struct ends ends_of(const struct oracle *oracle, const struct run *run)
{
    struct ends ends = {INT64_MAX, INT64_MAX, INT64_MAX};
    bool to_absence = leads_to_absence(oracle, run->place);
    int64_t gap = patience(oracle, run->place, true), last;

    if (run->path.length == 0)
        return ends;
    last = run->path.pairs[run->path.length - 1].event->time;
    if (oracle->table->pattern.within.ms > 0)
        ends.within = run->path.pairs[0].event->time + oracle->table->pattern.within.ms;
    if (gap > 0 && gap != INT64_MAX)
        ends.gap = last + gap;
    gap = to_absence ? oracle->steps[oracle->count - 1].gap.ms : 0;
    if (gap > 0 && (run->place.role == ABSENCE || !has_matched(oracle, &run->path)))
        ends.fire = last + gap;
    return ends;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void time_out(struct oracle *oracle, struct run **expired, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        bool quiet = has_matched(oracle, &expired[i]->path);

        for (uint32_t k = 0; k < oracle->runs.count && !quiet; k++)
            quiet = same_path(&oracle->runs.items[k]->path, &expired[i]->path);
        for (uint32_t k = 0; k < i && !quiet; k++)
            quiet = same_path(&expired[k]->path, &expired[i]->path);
        if (!quiet)
            say(oracle, expired[i], " timeout");
    }
    for (uint32_t i = 0; i < count; i++)
        free(expired[i]);
}

static void end_at(struct oracle *oracle, int64_t now, struct queue *found)
{
    struct run **expired = calloc(oracle->runs.count + 1, sizeof(*expired)); // NOLINT
    uint32_t count = 0;

    for (uint32_t i = 0; i < oracle->runs.count; i++) {
        struct run *run = oracle->runs.items[i];
        struct ends ends = ends_of(oracle, run);
        bool to_absence = leads_to_absence(oracle, run->place);

        if (to_absence && (ends.fire <= now || ends.within <= now)) {
            find(oracle, found, run, smaller(ends.fire, ends.within));
        } else if (ends.gap <= now || ends.within <= now) {
            expired[count] = copy_run(run);
            expired[count++]->time = ends.gap <= now ? ends.gap : ends.within;
        }
        if (ends.within > now && ends.gap > now &&
            !(ends.fire <= now && run->place.role == ABSENCE))
            push(&oracle->next, copy_run(run));
    }
    finish(oracle, found);
    time_out(oracle, expired, count);
    free(expired);
}

static void let_time_pass(struct oracle *oracle, int64_t to, struct queue *found)
{
    oracle->stepping = false;
    for (;;) {
        int64_t first = INT64_MAX;

        for (uint32_t i = 0; i < oracle->runs.count; i++) {
            struct ends ends = ends_of(oracle, oracle->runs.items[i]);

            first = smaller(first, smaller(ends.within, smaller(ends.gap, ends.fire)));
        }
        if (first > to || first == INT64_MAX)
            return;
        end_at(oracle, first, found);
    }
}

void oracle_run(const struct nfa_table *table, struct rt_buffer *out)
{
    struct run start = {.place = {.role = WAIT}};
    struct queue found = new_queue();
    struct oracle oracle = {.table = table,
                            .steps = table->pattern.steps,
                            .count = (uint32_t)table->pattern.step_count,
                            .out = out,
                            .runs = new_queue(),
                            .next = new_queue(),
                            .held = new_queue()};

    push(&oracle.runs, copy_run(&start));
    for (uint32_t i = 0; i < table->event_count; i++) {
        oracle.now = &table->events[i];
        let_time_pass(&oracle, oracle.now->time, &found);
        if (oracle.now->number > 0)
            take_event(&oracle, &found);
    }
    forget(&oracle.runs);
    forget(&oracle.held);
    free(oracle.runs.items);
    free(oracle.next.items);
    free(oracle.held.items);
    free(found.items);
    free(oracle.matched);
}

// NOLINTEND(misc-no-recursion)
