/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.c - what a pattern may not say.  The first mistake, in the order of the steps, is the answer.
 * The texts are in refusals.def.  That the start can be negated shows only in the automaton: finish.c.
 */
#include "nfa/build.h"

struct check {
    const struct nfa_pattern *pattern;
    struct nfa_refusal *refusal;
    struct rt_map names;
    enum rt_status status;
};

static bool refuse(struct check *check, enum nfa_refusal_kind kind, const struct nfa_step *step)
{
    if (check->status == RT_OK) {
        *check->refusal = (struct nfa_refusal){kind, step};
        check->status = RT_ERR_DIAG;
    }
    return false;
}

static bool can_be_empty(const struct nfa_step *steps, size_t count);

/* Can the group be passed: all of a sequence, a branch of a choice, never an `all_of`. */
// NOLINTNEXTLINE(misc-no-recursion): as can_be_empty
static bool group_can_be_empty(const struct nfa_step *step)
{
    if (step->group_kind == NFA_SEQUENCE)
        return can_be_empty(step->group, step->group_count);
    for (size_t i = 0; step->group_kind == NFA_ANY_OF && i < step->group_count; i++)
        if (can_be_empty(&step->group[i], 1))
            return true;
    return false;
}

/* Can the steps be passed without taking anything?  Depth: check_steps has seen them. */
// NOLINTNEXTLINE(misc-no-recursion)
static bool can_be_empty(const struct nfa_step *steps, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (nfa_step_is_not(&steps[i]) || nfa_step_is_optional(&steps[i]))
            continue;
        if (steps[i].group == NULL || !group_can_be_empty(&steps[i]))
            return false;
    }
    return true;
}

static bool check_name(struct check *check, const struct nfa_step *step)
{
    struct rt_text name = rt_text_of(step->name);
    uint64_t seen;

    if (step->group != NULL)
        return true;
    if (rt_map_get(&check->names, name, &seen))
        return refuse(check, NFA_REFUSE_DUPLICATE_NAME, step);
    check->status = rt_map_set(&check->names, name, 1);
    return check->status == RT_OK;
}

static bool check_not(struct check *check, const struct nfa_step *step,
                      const struct nfa_step *before)
{
    if (step->group != NULL)
        return refuse(check, NFA_REFUSE_NOT_GROUP, step);
    if (step->times_min != 1 || step->times_max != 1 || step->optional || step->greedy ||
        step->until != NFA_NO_GUARD || step->inner != NFA_INNER_RELAXED || step->loop_gap.ms != 0)
        return refuse(check, NFA_REFUSE_NOT_QUANTIFIED, step);
    if (before != NULL && nfa_step_is_optional(before))
        return refuse(check, NFA_REFUSE_NOT_AFTER_OPTIONAL, step);
    return true;
}

/* How often a step may come. */
static bool check_times(struct check *check, const struct nfa_step *step,
                        const struct nfa_step *before)
{
    bool bounded = step->times_max != NFA_UNBOUNDED;

    if (step->times_min > NFA_TIMES_MAX || (!bounded && step->times_min == 0) ||
        (bounded && (step->times_max > NFA_TIMES_MAX || step->times_max == 0 ||
                     step->times_max < step->times_min)))
        return refuse(check, NFA_REFUSE_TIMES_RANGE, step);
    if (step->optional && before != NULL && before->greedy)
        return refuse(check, NFA_REFUSE_OPTIONAL_AFTER_GREEDY, step);
    if (step->until != NFA_NO_GUARD && bounded)
        return refuse(check, NFA_REFUSE_UNTIL_NOT_LOOPING, step);
    if (!nfa_step_is_single(step))
        return true;
    if (step->greedy)
        return refuse(check, NFA_REFUSE_GREEDY_SINGLE, step);
    if (step->inner != NFA_INNER_RELAXED && (step->group == NULL || step->group_kind != NFA_ALL_OF))
        return refuse(check, NFA_REFUSE_INNER_SINGLE, step);
    if (step->loop_gap.ms != 0)
        return refuse(check, NFA_REFUSE_LOOP_GAP_SINGLE, step);
    return true;
}

static bool check_gaps(struct check *check, const struct nfa_step *step, bool is_last)
{
    int64_t longest = step->gap.ms > step->loop_gap.ms ? step->gap.ms : step->loop_gap.ms;
    int64_t within = check->pattern->within.ms;

    if (step->gap.ms < 0 || step->loop_gap.ms < 0 || longest > RT_DURATION_MAX.ms)
        return refuse(check, NFA_REFUSE_DURATION_NEGATIVE, step);
    if (longest == 0)
        return true;
    if (within > 0 && longest > within)
        return refuse(check, NFA_REFUSE_GAP_TOO_LONG, step);
    if (step->gap.ms > 0 && step->contiguity == NFA_BEGIN)
        return refuse(check, NFA_REFUSE_GAP_FIRST, step);
    if (step->contiguity == NFA_NOT_FOLLOW && !is_last)
        return refuse(check, NFA_REFUSE_GAP_NOT, step);
    if (step->group != NULL && step->group_kind == NFA_ANY_OF)
        return refuse(check, NFA_REFUSE_GAP_ANY_OF, step);
    if (step->group != NULL && step->group_kind == NFA_SEQUENCE && can_be_empty(step->group, 1))
        return refuse(check, NFA_REFUSE_GAP_OPTIONAL_HEAD, step);
    return true;
}

/* Is there a notFollowedBy between this optional step and the last step before it that must take an event? */
static bool is_after_not(const struct nfa_step *steps, size_t at)
{
    while (at > 0 &&
           (nfa_step_is_optional(&steps[at - 1]) || steps[at - 1].contiguity == NFA_NOT_FOLLOW)) {
        at--;
        if (steps[at].contiguity == NFA_NOT_FOLLOW)
            return true;
    }
    return false;
}

static bool check_steps(struct check *check, const struct nfa_step *steps, size_t count,
                        uint32_t depth);

static bool is_single_step(const struct nfa_step *step)
{
    return step->group == NULL && !nfa_step_is_not(step) && nfa_step_is_single(step) &&
           !nfa_step_is_optional(step) && step->gap.ms == 0;
}

/* The branches of a choice, or the steps of an `all_of`: each begins. */
// NOLINTNEXTLINE(misc-no-recursion): as check_group
static bool check_members(struct check *check, const struct nfa_step *step, uint32_t depth)
{
    if (step->group_kind == NFA_ALL_OF && step->group_count > NFA_ALL_OF_MAX)
        return refuse(check, NFA_REFUSE_ALL_OF_MANY, step);
    for (size_t i = 0; i < step->group_count; i++) {
        if (step->group_kind == NFA_ALL_OF && !is_single_step(&step->group[i]))
            return refuse(check, NFA_REFUSE_ALL_OF_STEP, &step->group[i]);
        if (!check_steps(check, &step->group[i], 1, depth + 1))
            return false;
    }
    return true;
}

// NOLINTNEXTLINE(misc-no-recursion): depth is bounded here
static bool check_group(struct check *check, const struct nfa_step *step, uint32_t depth)
{
    if (step->where != NFA_NO_GUARD)
        return refuse(check, NFA_REFUSE_GROUP_CONDITION, step);
    if (step->greedy)
        return refuse(check, NFA_REFUSE_GROUP_GREEDY, step);
    if (step->group_count == 0)
        return refuse(check, NFA_REFUSE_GROUP_EMPTY, step);
    if (depth >= NFA_GROUP_DEPTH_MAX)
        return refuse(check, NFA_REFUSE_GROUP_DEPTH, step);
    if (step->group_kind == NFA_SEQUENCE
            ? !check_steps(check, step->group, step->group_count, depth + 1)
            : !check_members(check, step, depth))
        return false;
    if (nfa_step_is_looping(step) && group_can_be_empty(step))
        return refuse(check, NFA_REFUSE_LOOP_OF_OPTIONAL, step);
    return true;
}

// NOLINTNEXTLINE(misc-no-recursion): check_group bounds the depth
static bool check_steps(struct check *check, const struct nfa_step *steps, size_t count,
                        uint32_t depth)
{
    for (size_t i = 0; i < count; i++) {
        const struct nfa_step *step = &steps[i];
        const struct nfa_step *before = i > 0 ? &steps[i - 1] : NULL;

        if ((step->contiguity == NFA_BEGIN) != (i == 0))
            return refuse(check, NFA_REFUSE_FIRST_NOT_BEGIN, step);
        if (!check_name(check, step))
            return false;
        if (nfa_step_is_not(step) ? !check_not(check, step, before)
                                  : !check_times(check, step, before))
            return false;
        if (step->group != NULL && !check_group(check, step, depth))
            return false;
        if (!check_gaps(check, step, i + 1 == count))
            return false;
        if (step->until != NFA_NO_GUARD && step->greedy && nfa_step_is_optional(step) &&
            is_after_not(steps, i))
            return refuse(check, NFA_REFUSE_OPTIONAL_UNTIL_AFTER_NOT, step);
    }
    return true;
}

static bool check_skip_target(struct check *check)
{
    const struct nfa_pattern *pattern = check->pattern;

    if (pattern->skip != NFA_SKIP_TO_FIRST && pattern->skip != NFA_SKIP_TO_LAST)
        return true;
    for (size_t i = 0; i < pattern->step_count && pattern->skip_step != NULL; i++)
        if (pattern->steps[i].group == NULL &&
            strcmp(pattern->steps[i].name, pattern->skip_step) == 0)
            return true;
    return refuse(check, NFA_REFUSE_SKIP_TARGET, NULL);
}

static void check_whole(struct check *check)
{
    const struct nfa_pattern *pattern = check->pattern;
    const struct nfa_step *last;

    if (pattern->step_count == 0) {
        (void)refuse(check, NFA_REFUSE_EMPTY, NULL);
        return;
    }
    if (pattern->within.ms < 0 || pattern->within.ms > RT_DURATION_MAX.ms) {
        (void)refuse(check, NFA_REFUSE_DURATION_NEGATIVE, NULL);
        return;
    }
    if (!check_steps(check, pattern->steps, pattern->step_count, 0) || !check_skip_target(check))
        return;
    last = &pattern->steps[pattern->step_count - 1];
    if (last->contiguity == NFA_NOT_FOLLOW && last->gap.ms == 0 && pattern->within.ms == 0)
        (void)refuse(check, NFA_REFUSE_TRAILING_NOT_WITHOUT_WITHIN, last);
}

enum rt_status nfa_check_pattern(const struct nfa_pattern *pattern, struct nfa_refusal *refusal)
{
    struct check check = {.pattern = pattern, .refusal = refusal, .status = RT_OK};

    *refusal = (struct nfa_refusal){NFA_REFUSE_NONE, NULL};
    check_whole(&check);
    rt_map_done(&check.names);
    return check.status;
}
