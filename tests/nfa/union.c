/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/nfa/union.h"

#include <stdlib.h>
#include <string.h>

// NOLINTBEGIN(misc-no-recursion): patterns nest at most two deep

enum { WAYS_MAX = 300, WAY_STEPS_MAX = 20, LINES_MAX = 100000 };

/* ---- patterns whose groups can be written out ---- */

static bool is_not(const struct nfa_step *step)
{
    return step->contiguity == NFA_NOT_NEXT || step->contiguity == NFA_NOT_FOLLOW;
}

/* A step that takes something whatever comes, so that a not-step beside it guards it alone. */
static bool is_solid(const struct nfa_step *step)
{
    return step->group == NULL && !step->optional && step->times_min > 0 && !is_not(step);
}

static void tame_steps(const struct nfa_step *list, size_t count, bool outermost)
{
    struct nfa_step *steps = (struct nfa_step *)(uintptr_t)list;

    for (size_t i = 0; i < count; i++) {
        steps[i].greedy = false;
        if (steps[i].group != NULL) {
            steps[i].until = NFA_NO_GUARD;
            if (steps[i].times_min != steps[i].times_max && (!outermost || i + 1 < count))
                steps[i].inner = NFA_INNER_STRICT;
            if (steps[i].group_kind == NFA_ALL_OF)
                steps[i].group_kind = NFA_ANY_OF;
            tame_steps(steps[i].group, steps[i].group_count, false);
        }
        if (is_not(&steps[i])) {
            bool before = i > 0 && is_solid(&steps[i - 1]);
            bool after = i + 1 < count ? is_solid(&steps[i + 1])
                                       : outermost && steps[i].contiguity == NFA_NOT_FOLLOW;

            steps[i].gap.ms = 0;
            if (!before || !after)
                steps[i].contiguity = NFA_RELAXED;
        }
    }
}

void union_tame(struct nfa_table *table)
{
    table->pattern.skip = NFA_NO_SKIP;
    table->pattern.emit = NFA_EMIT_AT_ONCE;
    tame_steps(table->pattern.steps, table->pattern.step_count, true);
}

/* ---- all ways through ---- */

struct way {
    size_t count;
    struct nfa_step steps[WAY_STEPS_MAX];
};

struct ways {
    size_t count;
    struct way *list; /* owned */
    bool too_many;
};

static struct ways no_ways(void)
{
    return (struct ways){.list = calloc(WAYS_MAX, sizeof(struct way))};
}

static struct way *add_way(struct ways *ways)
{
    ways->too_many |= ways->count == WAYS_MAX;
    return ways->too_many ? NULL : &ways->list[ways->count++];
}

/* Each of `ways` followed by each of `next`. */
static void follow_by(struct ways *ways, const struct ways *next)
{
    struct ways out = no_ways();

    out.too_many = ways->too_many || next->too_many;
    for (size_t i = 0; i < ways->count; i++) {
        for (size_t k = 0; k < next->count; k++) {
            const struct way *a = &ways->list[i], *b = &next->list[k];
            struct way *way = add_way(&out);

            out.too_many |= a->count + b->count > WAY_STEPS_MAX;
            if (out.too_many || way == NULL)
                continue;
            *way = *a;
            memcpy(&way->steps[a->count], b->steps, b->count * sizeof(b->steps[0]));
            way->count += b->count;
        }
    }
    free(ways->list);
    *ways = out;
}

static void add_all(struct ways *ways, struct ways more)
{
    ways->too_many |= more.too_many;
    for (size_t i = 0; i < more.count && !ways->too_many; i++) {
        struct way *way = add_way(ways);

        if (way != NULL)
            *way = more.list[i];
    }
    free(more.list);
}

/* How a step is entered, and as the head of which group: as in Flink such a head repeats as its group does. */
struct entry {
    enum nfa_contiguity contiguity;
    rt_duration gap;
    const struct nfa_step *group; /* NULL: none */
};

static struct ways ways_of_step(const struct nfa_step *step, struct entry entry,
                                uint32_t turns_max);

/* The first step of a group is entered as the group is. */
static struct ways ways_of_steps(const struct nfa_step *steps, size_t count, struct entry entry,
                                 uint32_t turns_max)
{
    struct ways ways = no_ways();

    (void)add_way(&ways);
    for (size_t i = 0; i < count && !ways.too_many; i++) {
        struct entry own = {steps[i].contiguity, steps[i].gap, NULL};
        struct ways next = ways_of_step(&steps[i], i == 0 ? entry : own, turns_max);

        follow_by(&ways, &next);
        free(next.list);
    }
    return ways;
}

static struct ways ways_of_turn(const struct nfa_step *group, struct entry entry,
                                uint32_t turns_max)
{
    struct ways ways;

    if (group->group_kind == NFA_SEQUENCE)
        return ways_of_steps(group->group, group->group_count, entry, turns_max);
    ways = no_ways();
    for (size_t i = 0; i < group->group_count && !ways.too_many; i++) {
        const struct nfa_step *branch = &group->group[i];
        bool stands_for_steps = branch->group != NULL && branch->group_kind == NFA_SEQUENCE;

        add_all(&ways, stands_for_steps
                           ? ways_of_steps(branch->group, branch->group_count, entry, turns_max)
                           : ways_of_step(branch, entry, turns_max));
    }
    return ways;
}

static struct ways ways_of_group(const struct nfa_step *group, struct entry entry,
                                 uint32_t turns_max)
{
    static const enum nfa_contiguity between[] = {NFA_RELAXED, NFA_STRICT, NFA_ANY};
    uint32_t min = group->times_min == 0 ? 1 : group->times_min;
    uint32_t max = group->times_max < turns_max ? group->times_max : turns_max;
    const struct entry again = {between[group->inner], group->loop_gap, group};
    struct ways ways = no_ways(), turns = no_ways();

    entry.group = group;
    (void)add_way(&turns);
    if (group->optional || group->times_min == 0)
        (void)add_way(&ways);
    for (uint32_t turn = 1; turn <= max && !ways.too_many; turn++) {
        struct ways next = ways_of_turn(group, turn == 1 ? entry : again, turns_max);
        struct ways copy = no_ways();

        follow_by(&turns, &next);
        free(next.list);
        copy.count = turns.count;
        copy.too_many = turns.too_many;
        memcpy(copy.list, turns.list, turns.count * sizeof(*turns.list));
        if (turn >= min)
            add_all(&ways, copy);
        else
            free(copy.list);
        ways.too_many |= turns.too_many;
    }
    free(turns.list);
    return ways;
}

static struct ways ways_of_step(const struct nfa_step *step, struct entry entry, uint32_t turns_max)
{
    struct ways ways;
    struct way *way;

    if (step->group != NULL) {
        /* As in Flink, a sequence at the head of a group is entered as its own word says: `begin`, at once. */
        if (entry.group != NULL && step->group_kind == NFA_SEQUENCE)
            entry.contiguity = NFA_STRICT;
        return ways_of_group(step, entry, turns_max);
    }
    ways = no_ways();
    way = add_way(&ways);
    *way = (struct way){.count = 1, .steps = {*step}};
    way->steps[0].contiguity = entry.contiguity;
    way->steps[0].gap = entry.gap;
    if (entry.group != NULL && step->times_max != 1)
        way->steps[0].inner = entry.group->inner;
    return ways;
}

/* ---- their matches ---- */

static int compare_lines(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

void union_sort_matches(struct rt_buffer *text)
{
    char **lines = calloc(LINES_MAX, sizeof(*lines));
    char *copy = calloc(text->length + 1, 1);
    size_t count = 0;

    memcpy(copy, text->length > 0 ? text->data : "", text->length);
    for (char *line = copy, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        *end = '\0';
        if (strstr(line, ": timeout ") == NULL && count < LINES_MAX)
            lines[count++] = line;
    }
    qsort((void *)lines, count, sizeof(*lines), compare_lines);
    rt_buffer_reset(text);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && strcmp(lines[i], lines[i - 1]) == 0)
            continue;
        rt_buffer_string(text, lines[i]);
        rt_buffer_char(text, '\n');
    }
    free((void *)lines);
    free(copy);
}

bool union_run(const struct nfa_table *table, struct rt_buffer *out)
{
    struct ways ways = ways_of_steps(table->pattern.steps, table->pattern.step_count,
                                     (struct entry){NFA_BEGIN, {0}, NULL}, table->event_count);
    bool ok = !ways.too_many;

    for (size_t i = 0; i < ways.count && ok; i++) {
        struct nfa_table flat = *table;

        if (ways.list[i].count == 0)
            continue;
        ways.list[i].steps[0].contiguity = NFA_BEGIN;
        ways.list[i].steps[0].gap.ms = 0;
        flat.pattern.steps = ways.list[i].steps;
        flat.pattern.step_count = ways.list[i].count;
        oracle_run(&flat, out);
    }
    free(ways.list);
    if (ok)
        union_sort_matches(out);
    return ok;
}

// NOLINTEND(misc-no-recursion)
