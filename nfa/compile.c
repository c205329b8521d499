/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compile.c - from the pattern's steps to states and edges.
 *
 * The pattern is walked from its last step to its first; each step is built in front of its sink, the state that
 * stands for what comes after it:
 *
 *     single         X --take--> S            and X --ignore--> X when something may lie between
 *     optional       X --proceed--> S         and the ignore leads to a twin X' that has no way round
 *     n or more      F --take--> M .. --take--> L,   L --take--> L,  L --proceed--> S,  L --ignore--> L'
 *     n to m         F --take--> R .. --take--> O .. --take--> S,    O --proceed--> S
 *     notFollowedBy  no state: its condition leads from the states it guards to Stop
 *     any_of         X --proceed--> head of each branch;  a run that has passed over an event waits in the heads
 *     all_of         a state X for each subset of the steps:  X --proceed--> Y --take--> X with one more
 *
 * The twin is there so that the way round an optional step is opened once: later the two branches live
 * separately, and nothing is found twice.  The order of the edges decides the order of matches.
 *
 * greedy is a rewrite of the sink: none of its edges may be used by an event that the loop would take.
 */
#include "nfa/build.h"

#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"

/* Where the walk is: one list of steps, the pattern's or a group's. */
struct frame {
    const struct nfa_step *steps;
    size_t at;
    const struct nfa_step *group;     /* whose steps these are; NULL for the pattern's own */
    const struct nfa_step *following; /* the step after the current one, across the group's end */
    size_t following_left;            /* steps from `following` to the end of its list */
    bool first_repetition;            /* of the group */
    enum nfa_contiguity contiguity;   /* of the group's first step */
    int64_t head_gap_ms;              /* bound on entering the group's first step */
    uint32_t depth;
};

enum role { ROLE_ENTRY, ROLE_REPEAT };

static const struct nfa_step *current(const struct frame *frame)
{
    return &frame->steps[frame->at];
}

/* The group whose first step the current one is, or NULL. */
static const struct nfa_step *headed_group(const struct frame *frame)
{
    return frame->at == 0 ? frame->group : NULL;
}

/* The stop condition of the group around us, negated: no edge inside the group works when it holds. */
static nfa_condition not_group_until(struct nfa_build *build, const struct frame *frame)
{
    if (frame->group == NULL || frame->group->until == NFA_NO_GUARD)
        return NFA_ALWAYS;
    return nfa_build_not(build, nfa_build_guard(build, frame->group->until));
}

static nfa_condition not_until(struct nfa_build *build, const struct nfa_step *step)
{
    if (step->until == NFA_NO_GUARD)
        return NFA_ALWAYS;
    return nfa_build_not(build, nfa_build_guard(build, step->until));
}

static nfa_condition take_condition(struct nfa_build *build, const struct frame *frame,
                                    const struct nfa_step *step)
{
    return nfa_build_and(build, not_group_until(build, frame), nfa_build_guard(build, step->where));
}

/* The raw condition is negated, not the take condition: with an until the two differ. */
static nfa_condition ignore_condition(struct nfa_build *build, const struct frame *frame,
                                      enum nfa_contiguity contiguity)
{
    nfa_condition ignore = NFA_NEVER;

    if (contiguity == NFA_RELAXED)
        ignore = nfa_build_not(build, nfa_build_guard(build, current(frame)->where));
    else if (contiguity == NFA_ANY)
        ignore = NFA_ALWAYS;
    return nfa_build_and(build, not_group_until(build, frame), ignore);
}

static enum nfa_contiguity inner_as_contiguity(enum nfa_inner inner)
{
    switch (inner) {
    case NFA_INNER_RELAXED:
        return NFA_RELAXED;
    case NFA_INNER_STRICT:
        return NFA_STRICT;
    case NFA_INNER_ANY:
        return NFA_ANY;
    }
    RT_UNREACHABLE();
}

/* The first step of a group is reached as the group is: its first repetition from outside, later ones from within. */
static enum nfa_contiguity entry_contiguity(const struct frame *frame)
{
    return headed_group(frame) != NULL ? frame->contiguity : current(frame)->contiguity;
}

static nfa_condition entry_ignore(struct nfa_build *build, const struct frame *frame)
{
    return ignore_condition(build, frame, entry_contiguity(frame));
}

/* As in Flink, the first step of a group repeats as the group does, whatever it says itself. */
static nfa_condition inner_ignore(struct nfa_build *build, const struct frame *frame)
{
    const struct nfa_step *step = current(frame);
    const struct nfa_step *group = headed_group(frame);
    enum nfa_inner inner = group != NULL ? group->inner : step->inner;

    return nfa_build_and(build, not_until(build, step),
                         ignore_condition(build, frame, inner_as_contiguity(inner)));
}

/* D2: gap bounds the way from the step before into this one, loop_gap the way from one repetition to the next. */
static int64_t gap_of(const struct frame *frame, enum role role)
{
    if (role == ROLE_REPEAT)
        return current(frame)->loop_gap.ms;
    return headed_group(frame) != NULL ? frame->head_gap_ms : current(frame)->gap.ms;
}

static uint32_t new_state(struct nfa_build *build, const struct frame *frame, enum role role)
{
    uint32_t state =
        nfa_build_state(build, NFA_STATE_NORMAL, nfa_build_step_id(build, current(frame)));

    if (build->status == RT_OK)
        build->states[state].gap_ms = gap_of(frame, role);
    return state;
}

/* ---- notFollowedBy ---- */

/* The one Stop state of a not-step. */
static uint32_t stop_state(struct nfa_build *build, const struct nfa_step *step,
                           nfa_condition condition)
{
    uint32_t id = nfa_build_step_id(build, step);
    uint32_t stop = build->steps[id].stop;

    if (stop != NFA_NO_STATE)
        return stop;
    stop = nfa_build_state(build, NFA_STATE_STOP, id);
    nfa_build_edge(build, stop, NFA_TAKE, stop, condition);
    build->steps[id].stop = stop;
    return stop;
}

static void add_stop_edge(struct nfa_build *build, const struct frame *frame, uint32_t state,
                          const struct nfa_step *not_step)
{
    nfa_condition condition = take_condition(build, frame, not_step);

    if (build->status == RT_OK)
        nfa_build_edge_of_all(build, state, NFA_PROCEED, stop_state(build, not_step, condition),
                              condition);
}

/* The index behind the not-step that comes next before `at`, going back over not-steps and optional steps; 0: none. */
static size_t not_before(const struct frame *frame, size_t at)
{
    while (at > 0 && (nfa_step_is_optional(&frame->steps[at - 1]) ||
                      frame->steps[at - 1].contiguity == NFA_NOT_FOLLOW)) {
        at--;
        if (frame->steps[at].contiguity == NFA_NOT_FOLLOW)
            return at + 1;
    }
    return 0;
}

/* The not-steps before this one, back to the first step that must take an event, guard the wait in `state`. */
static void add_stop_edges(struct nfa_build *build, const struct frame *frame, uint32_t state)
{
    for (size_t at = not_before(frame, frame->at); at != 0; at = not_before(frame, at - 1))
        add_stop_edge(build, frame, state, &frame->steps[at - 1]);
}

/*
 * A not-step after a repeated one holds as soon as the first repetition is taken.  D3: of several at the end of the
 * pattern all hold.
 */
static void add_stop_edge_of_following(struct nfa_build *build, const struct frame *frame,
                                       uint32_t state)
{
    size_t count = 0;

    while (count < frame->following_left && frame->following[count].contiguity == NFA_NOT_FOLLOW)
        count++;
    if (count > 1 && count < frame->following_left)
        count = 1;
    for (size_t i = 0; i < count; i++)
        add_stop_edge(build, frame, state, &frame->following[i]);
}

/* Taking an event in an optional step lifts the not-steps before it: the sink without their edges. */
static uint32_t lifted_sink(struct nfa_build *build, const struct frame *frame, uint32_t sink)
{
    size_t first = not_before(frame, frame->at);
    size_t count = 0;
    uint32_t *not_steps;

    if (build->status != RT_OK || first == 0 || !nfa_step_is_optional(current(frame)))
        return sink;
    not_steps = rt_alloc(frame->at * sizeof(*not_steps));
    if (not_steps == NULL) {
        build->status = RT_ERR_NOMEM;
        return sink;
    }
    for (size_t at = first; at != 0; at = not_before(frame, at - 1))
        not_steps[count++] = nfa_build_step_id(build, &frame->steps[at - 1]);
    sink = nfa_build_copy_without(build, sink, not_steps, count);
    rt_free(not_steps);
    return sink;
}

/* ---- one repetition of a step ---- */

static uint32_t build_group(struct nfa_build *build, const struct frame *frame, uint32_t sink,
                            enum role role);

struct repetition {
    uint32_t sink;
    uint32_t round;       /* optional: where the way round leads */
    nfa_condition take;   /* steps that are no groups */
    nfa_condition ignore; /* NFA_NEVER: nothing may lie between */
    enum role role;
    bool optional;
};

static void add_way_round(struct nfa_build *build, const struct frame *frame, uint32_t state,
                          uint32_t round)
{
    const struct nfa_step *step = current(frame);
    nfa_condition always = not_group_until(build, frame);
    nfa_condition until;

    if (!step->greedy || step->until == NFA_NO_GUARD || build->until_sink == NFA_NO_STATE) {
        nfa_build_edge(build, state, NFA_PROCEED, round, always);
        return;
    }
    until = nfa_build_guard(build, step->until);
    nfa_build_edge(build, state, NFA_PROCEED, build->until_sink,
                   nfa_build_and(build, always, until));
    nfa_build_edge(build, state, NFA_PROCEED, round,
                   nfa_build_and(build, always, nfa_build_not(build, until)));
}

/* The state that waits while ignoring, when the waiting state itself must not: it has no way round. */
static uint32_t build_twin(struct nfa_build *build, const struct frame *frame,
                           const struct repetition *repetition, uint32_t sink)
{
    uint32_t twin = new_state(build, frame, repetition->role);

    nfa_build_edge(build, twin, NFA_TAKE, sink, repetition->take);
    nfa_build_edge(build, twin, NFA_IGNORE, twin, repetition->ignore);
    add_stop_edges(build, frame, twin);
    return twin;
}

// NOLINTNEXTLINE(misc-no-recursion): at most NFA_GROUP_DEPTH_MAX
static uint32_t build_repetition(struct nfa_build *build, const struct frame *frame,
                                 const struct repetition *repetition)
{
    uint32_t state, sink;
    const struct nfa_step *group = headed_group(frame);
    bool needs_twin = repetition->optional ||
                      (group != NULL && frame->first_repetition && nfa_step_is_optional(group));

    if (build->status != RT_OK)
        return 0;
    if (current(frame)->group != NULL) {
        state = build_group(build, frame, repetition->sink, repetition->role);
        if (repetition->optional)
            nfa_build_edge(build, state, NFA_PROCEED, repetition->round,
                           not_group_until(build, frame));
        return state;
    }
    state = new_state(build, frame, repetition->role);
    sink = lifted_sink(build, frame, repetition->sink);
    nfa_build_edge(build, state, NFA_TAKE, sink, repetition->take);
    if (repetition->optional)
        add_way_round(build, frame, state, repetition->round);
    if (repetition->ignore != NFA_NEVER)
        nfa_build_edge(build, state, NFA_IGNORE,
                       needs_twin ? build_twin(build, frame, repetition, sink) : state,
                       repetition->ignore);
    return state;
}

/* ---- repeated steps ---- */

/* The first occurrence, then min - 1 that must come and max - min that may, built from the last to the first. */
// NOLINTNEXTLINE(misc-no-recursion): at most NFA_GROUP_DEPTH_MAX
static uint32_t build_times(struct nfa_build *build, const struct frame *frame, uint32_t sink,
                            uint32_t round, uint32_t optional_count)
{
    const struct nfa_step *step = current(frame);
    struct repetition repetition = {.sink = sink, .round = round, .role = ROLE_REPEAT};

    repetition.ignore = inner_ignore(build, frame);
    if (step->group == NULL)
        repetition.take =
            nfa_build_and(build, not_until(build, step), take_condition(build, frame, step));
    if (step->greedy && optional_count > 0)
        nfa_build_restrict(build, sink, nfa_build_not(build, repetition.take));
    repetition.optional = true;
    for (uint32_t i = 0; i < optional_count && build->status == RT_OK; i++) {
        repetition.sink = build_repetition(build, frame, &repetition);
        add_stop_edge_of_following(build, frame, repetition.sink);
    }
    repetition.optional = false;
    for (uint32_t i = 1; i < nfa_step_times_min(step) && build->status == RT_OK; i++) {
        repetition.sink = build_repetition(build, frame, &repetition);
        add_stop_edge_of_following(build, frame, repetition.sink);
    }
    repetition.role = ROLE_ENTRY;
    repetition.ignore = entry_ignore(build, frame);
    repetition.optional = nfa_step_is_optional(step);
    return build_repetition(build, frame, &repetition);
}

static void add_loop_exits(struct nfa_build *build, const struct frame *frame, uint32_t loop,
                           uint32_t sink)
{
    const struct nfa_step *step = current(frame);

    build->until_sink = NFA_NO_STATE;
    if (step->greedy && step->until != NFA_NO_GUARD)
        build->until_sink = nfa_build_copy(build, sink);
    add_way_round(build, frame, loop, sink);
    if (step->greedy)
        nfa_build_restrict(build, sink, nfa_build_not(build, take_condition(build, frame, step)));
}

static uint32_t build_loop(struct nfa_build *build, const struct frame *frame, uint32_t sink)
{
    const struct nfa_step *step = current(frame);
    nfa_condition take =
        nfa_build_and(build, not_until(build, step), take_condition(build, frame, step));
    nfa_condition ignore = inner_ignore(build, frame);
    uint32_t loop = new_state(build, frame, ROLE_REPEAT);
    uint32_t twin;

    if (build->status != RT_OK)
        return 0;
    add_loop_exits(build, frame, loop, sink);
    nfa_build_edge(build, loop, NFA_TAKE, loop, take);
    add_stop_edge_of_following(build, frame, loop);
    if (ignore == NFA_NEVER)
        return loop;
    twin = new_state(build, frame, ROLE_REPEAT);
    nfa_build_edge(build, twin, NFA_TAKE, loop, take);
    nfa_build_edge(build, twin, NFA_IGNORE, twin, ignore);
    nfa_build_edge(build, loop, NFA_IGNORE, twin, ignore);
    add_stop_edge_of_following(build, frame, twin);
    return loop;
}

/* The looping repetition of a group: its end leads back to its head, and the head past it. */
// NOLINTNEXTLINE(misc-no-recursion): at most NFA_GROUP_DEPTH_MAX
static uint32_t build_group_loop(struct nfa_build *build, const struct frame *frame, uint32_t sink)
{
    uint32_t back = nfa_build_state(build, NFA_STATE_NORMAL, NFA_NO_STEP);
    nfa_condition always = not_group_until(build, frame);
    uint32_t head;

    if (build->status != RT_OK)
        return 0;
    head = build_group(build, frame, back, ROLE_REPEAT);
    nfa_build_edge(build, head, NFA_PROCEED, sink, always);
    nfa_build_edge(build, back, NFA_PROCEED, head, always);
    return head;
}

// NOLINTNEXTLINE(misc-no-recursion): at most NFA_GROUP_DEPTH_MAX
static uint32_t build_step(struct nfa_build *build, const struct frame *frame, uint32_t sink)
{
    const struct nfa_step *step = current(frame);
    uint32_t state;

    build->until_sink = NFA_NO_STATE;
    if (nfa_step_is_looping(step)) {
        uint32_t beyond = lifted_sink(build, frame, sink);
        uint32_t loop = step->group != NULL ? build_group_loop(build, frame, beyond)
                                            : build_loop(build, frame, beyond);

        state = build_times(build, frame, loop, sink, 0);
    } else {
        state = build_times(build, frame, sink, sink, step->times_max - nfa_step_times_min(step));
    }
    if (build->status == RT_OK)
        add_stop_edges(build, frame, state);
    return state;
}

/* ---- lists of steps ---- */

/* notNext lives for exactly one event: it passes it on to what follows, or stops. */
static uint32_t build_not_next(struct nfa_build *build, const struct frame *frame, uint32_t sink)
{
    nfa_condition condition = take_condition(build, frame, current(frame));
    uint32_t state = new_state(build, frame, ROLE_ENTRY);

    if (build->status != RT_OK)
        return 0;
    build->states[state].expires = build->states[state].gap_ms > 0;
    nfa_build_edge(build, state,
                   build->states[sink].kind == NFA_STATE_FINAL ? NFA_IGNORE : NFA_PROCEED, sink,
                   nfa_build_not(build, condition));
    nfa_build_edge(build, state, NFA_PROCEED, stop_state(build, current(frame), condition),
                   condition);
    return state;
}

/*
 * A notFollowedBy at the end waits for its deadline in a state of its own.  D3: always, wherever the window was
 * declared, and several at the end wait together.  Elsewhere it makes no state, the states after it are guarded
 * (add_stop_edges).
 */
static uint32_t build_not_follow(struct nfa_build *build, const struct frame *frame, uint32_t sink)
{
    nfa_condition condition = take_condition(build, frame, current(frame));
    uint32_t state;

    if (build->status == RT_OK && build->states[sink].kind == NFA_STATE_PENDING) {
        nfa_build_restrict(build, sink, nfa_build_not(build, condition));
        nfa_build_edge(build, sink, NFA_PROCEED, stop_state(build, current(frame), condition),
                       condition);
        return sink;
    }
    if (build->status != RT_OK || build->states[sink].kind != NFA_STATE_FINAL ||
        (current(frame)->gap.ms == 0 && build->pattern->within.ms == 0))
        return sink;
    state = new_state(build, frame, ROLE_ENTRY);
    if (build->status != RT_OK)
        return sink;
    build->states[state].kind = NFA_STATE_PENDING;
    nfa_build_edge(build, state, NFA_PROCEED, stop_state(build, current(frame), condition),
                   condition);
    nfa_build_edge(build, state, NFA_IGNORE, state, nfa_build_not(build, condition));
    return state;
}

/* From the last step to the first; returns the state of the first. */
// NOLINTNEXTLINE(misc-no-recursion): at most NFA_GROUP_DEPTH_MAX
static uint32_t build_steps(struct nfa_build *build, struct frame *frame, size_t count,
                            uint32_t sink)
{
    for (size_t at = count; at > 0 && build->status == RT_OK; at--) {
        frame->at = at - 1;
        if (current(frame)->contiguity == NFA_NOT_FOLLOW)
            sink = build_not_follow(build, frame, sink);
        else if (current(frame)->contiguity == NFA_NOT_NEXT)
            sink = build_not_next(build, frame, sink);
        else
            sink = build_step(build, frame, sink);
        frame->following = current(frame);
        frame->following_left = count - frame->at;
    }
    return sink;
}

/* ---- choices and sets ---- */

/* Does what the step takes last decide what the sink may take? */
// NOLINTNEXTLINE(misc-no-recursion): at most NFA_GROUP_DEPTH_MAX
static bool ends_greedy(const struct nfa_step *step)
{
    if (step->group != NULL && step->group_kind == NFA_SEQUENCE)
        return ends_greedy(&step->group[step->group_count - 1]);
    return step->greedy;
}

/* A greedy end of one branch must not bind the others: it gets a sink of its own. */
static uint32_t branch_sink(struct nfa_build *build, const struct nfa_step *branch, uint32_t sink)
{
    if (build->status != RT_OK || !ends_greedy(branch) ||
        build->states[sink].edge_first == NFA_NO_STATE)
        return sink;
    return nfa_build_copy(build, sink);
}

/*
 * Each branch with the same sink, the last one first, because the state that is proceeded to last is tried first.  `frame`
 * is that of the group.  The state of the choice only proceeds: a run that
 * has passed over an event waits in the heads of the branches, so what guards the wait guards them too (heads).
 */
// NOLINTNEXTLINE(misc-no-recursion): at most NFA_GROUP_DEPTH_MAX
static uint32_t build_any_of(struct nfa_build *build, const struct frame *frame, uint32_t sink)
{
    const struct nfa_step *group = frame->group;
    uint32_t fork = nfa_build_state(build, NFA_STATE_NORMAL, NFA_NO_STEP);

    for (size_t i = group->group_count; i > 0 && build->status == RT_OK; i--) {
        const struct nfa_step *branch = &group->group[i - 1];
        struct frame inner = *frame;
        uint32_t head;

        inner.steps =
            branch->group_kind == NFA_SEQUENCE && branch->group != NULL ? branch->group : branch;
        head = build_steps(build, &inner, inner.steps == branch ? 1 : branch->group_count,
                           branch_sink(build, branch, sink));
        nfa_build_edge(build, fork, NFA_PROCEED, head, not_group_until(build, frame));
        if (build->status == RT_OK)
            build->states[fork].heads++;
    }
    return fork;
}

/* A state in which the steps of `mask` have been taken: what is left is taken next, and nothing of it is passed over. */
static uint32_t build_subset(struct nfa_build *build, struct frame *frame, const uint32_t *states,
                             uint32_t mask)
{
    enum nfa_contiguity between = inner_as_contiguity(frame->group->inner);
    uint32_t state = nfa_build_state(build, NFA_STATE_NORMAL, NFA_NO_STEP);
    nfa_condition ignore = NFA_ALWAYS;
    int64_t gap_ms = mask == 0 ? frame->head_gap_ms : 0;

    for (size_t left = frame->group->group_count; left > 0; left--) {
        uint32_t bit = 1U << (left - 1);
        uint32_t take;

        frame->at = left - 1;
        if ((mask & bit) != 0)
            continue;
        take = new_state(build, frame, ROLE_ENTRY);
        if (build->status != RT_OK)
            return 0;
        build->states[take].gap_ms = gap_ms;
        nfa_build_edge(build, take, NFA_TAKE, states[mask | bit],
                       take_condition(build, frame, current(frame)));
        nfa_build_edge(build, state, NFA_PROCEED, take, not_group_until(build, frame));
        ignore = nfa_build_and(
            build, ignore, ignore_condition(build, frame, mask == 0 ? frame->contiguity : between));
    }
    if (build->status != RT_OK)
        return 0;
    build->states[state].gap_ms = gap_ms;
    nfa_build_edge(build, state, NFA_IGNORE, state, ignore);
    return state;
}

/* From all to none; `frame` is that of the group. */
static uint32_t build_all_of(struct nfa_build *build, const struct frame *frame, uint32_t sink)
{
    uint32_t states[1U << NFA_ALL_OF_MAX];
    uint32_t full = (1U << frame->group->group_count) - 1;
    struct frame inner = *frame;

    states[full] = sink;
    for (uint32_t mask = full; mask > 0 && build->status == RT_OK; mask--)
        states[mask - 1] = build_subset(build, &inner, states, mask - 1);
    return build->status == RT_OK ? states[0] : 0;
}

/* The steps of the current group once, in front of `sink`.  Depth: nfa_check_pattern allows NFA_GROUP_DEPTH_MAX. */
// NOLINTNEXTLINE(misc-no-recursion)
static uint32_t build_group(struct nfa_build *build, const struct frame *frame, uint32_t sink,
                            enum role role)
{
    const struct nfa_step *group = current(frame);
    struct frame inner = {.steps = group->group,
                          .group = group,
                          .following = frame->following,
                          .following_left = frame->following_left,
                          .first_repetition = role == ROLE_ENTRY,
                          .contiguity = group->contiguity,
                          .head_gap_ms = gap_of(frame, role),
                          .depth = frame->depth + 1};

    RT_ASSERT(inner.depth <= NFA_GROUP_DEPTH_MAX);
    if (role == ROLE_REPEAT)
        inner.contiguity = inner_as_contiguity(group->inner);
    else if (group->group_kind != NFA_SEQUENCE)
        inner.contiguity = entry_contiguity(frame);
    switch (group->group_kind) {
    case NFA_SEQUENCE:
        return build_steps(build, &inner, group->group_count, sink);
    case NFA_ANY_OF:
        return build_any_of(build, &inner, sink);
    case NFA_ALL_OF:
        return build_all_of(build, &inner, sink);
    }
    RT_UNREACHABLE();
}

uint32_t nfa_build_pattern(struct nfa_build *build)
{
    struct frame frame = {.steps = build->pattern->steps, .first_repetition = true};
    uint32_t final = nfa_build_state(build, NFA_STATE_FINAL, NFA_NO_STEP);

    if (build->status != RT_OK)
        return 0;
    return build_steps(build, &frame, build->pattern->step_count, final);
}
