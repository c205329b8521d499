/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/nfa/flink_case.h"

#include <string.h>

// NOLINTBEGIN(misc-no-recursion): as deep as the recorded patterns

static const char *text_of(const json_t *object, const char *key, const char *otherwise)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text == NULL ? otherwise : text;
}

static int64_t int_of(const json_t *object, const char *key, int64_t otherwise)
{
    const json_t *value = json_object_get(object, key);

    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

static nfa_guard guard_of(struct flink_case *flink, const json_t *step, const char *key)
{
    const char *text = text_of(step, key, "true");
    struct flink_expr *expr;

    if (strcmp(text, "true") == 0 && (strcmp(key, "until") != 0 || !json_object_get(step, key)))
        return NFA_NO_GUARD;
    expr = flink_expr_parse(&flink->arena, text);
    if (expr == NULL || flink->guard_count == FLINK_GUARDS_MAX) {
        flink->failure = "condition cannot be read";
        return NFA_NO_GUARD;
    }
    flink->guards[flink->guard_count] = expr;
    return flink->guard_count++;
}

static enum nfa_contiguity contiguity_of(struct flink_case *flink, const json_t *step)
{
    static const char *const names[] = {"begin",         "next",    "followedBy",
                                        "followedByAny", "notNext", "notFollowedBy"};
    const char *name = text_of(step, "contiguity", "");

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(name, names[i]) == 0)
            return (enum nfa_contiguity)i;
    flink->failure = "unknown contiguity";
    return NFA_BEGIN;
}

static enum nfa_inner inner_of(const json_t *step)
{
    const char *name = text_of(step, "inner", "relaxed");

    if (strcmp(name, "consecutive") == 0)
        return NFA_INNER_STRICT;
    return strcmp(name, "combinations") == 0 ? NFA_INNER_ANY : NFA_INNER_RELAXED;
}

static void read_times(struct nfa_step *step, const json_t *json)
{
    const json_t *times = json_object_get(json, "times");
    const json_t *max = json_array_get(times, 1);

    step->times_min = 1;
    step->times_max = 1;
    if (times == NULL)
        return;
    step->times_min = (uint32_t)json_integer_value(json_array_get(times, 0));
    step->times_max = json_is_null(max) ? NFA_UNBOUNDED : (uint32_t)json_integer_value(max);
    step->inner = inner_of(json);
    step->greedy = json_is_true(json_object_get(json, "greedy"));
    step->loop_gap.ms = int_of(json, "gap_ms", 0);
    if (step->times_max == 1) { /* exactly one repetition: nothing lies between two */
        step->inner = NFA_INNER_RELAXED;
        step->greedy = false;
        step->loop_gap.ms = 0;
    }
}

static const struct nfa_step *read_steps(struct flink_case *flink, const json_t *json,
                                         size_t *count);

static void read_step(struct flink_case *flink, const json_t *json, bool is_last,
                      struct nfa_step *step)
{
    static const char group_name[] = "GroupPattern";

    *step = (struct nfa_step){.name = text_of(json, "name", group_name)};
    step->contiguity = contiguity_of(flink, json);
    step->where = guard_of(flink, json, "where");
    step->until = guard_of(flink, json, "until");
    step->optional = json_is_true(json_object_get(json, "optional"));
    read_times(step, json);
    if (step->contiguity != NFA_BEGIN && (is_last || step->contiguity != NFA_NOT_FOLLOW))
        step->gap.ms = int_of(json, "within_prev_ms", 0);
    if (step->gap.ms < 0)
        step->gap.ms = 0;
    if (json_object_get(json, "group") != NULL)
        step->group = read_steps(flink, json_object_get(json, "group"), &step->group_count);
}

static const struct nfa_step *read_steps(struct flink_case *flink, const json_t *json,
                                         size_t *count)
{
    struct nfa_step *steps = rt_arena_array(&flink->arena, json_array_size(json), sizeof(*steps));

    *count = json_array_size(json);
    for (size_t i = 0; i < *count; i++)
        read_step(flink, json_array_get(json, i), i + 1 == *count, &steps[i]);
    return steps;
}

/* The least window over all steps but the last of each group. */
static int64_t least_window(const json_t *steps, bool is_group)
{
    size_t count = json_array_size(steps);
    int64_t least = INT64_MAX;

    for (size_t i = 0; i < count; i++) {
        const json_t *step = json_array_get(steps, i);
        int64_t own = int_of(step, "within_ms", INT64_MAX);
        int64_t inner = least_window(json_object_get(step, "group"), true);

        if (!(is_group && i + 1 == count) && own < least)
            least = own;
        if (inner < least)
            least = inner;
    }
    return least;
}

static void read_skip(struct flink_case *flink, const json_t *skip)
{
    static const char *const names[] = {"NO_SKIP", "SKIP_TO_NEXT", "SKIP_PAST_LAST_EVENT",
                                        "SKIP_TO_FIRST", "SKIP_TO_LAST"};
    const char *name = text_of(skip, "strategy", "NO_SKIP");

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(name, names[i]) == 0)
            flink->pattern.skip = (enum nfa_skip)i;
    flink->pattern.skip_step = text_of(skip, "step", NULL);
    flink->pattern.skip_must_find = json_is_true(json_object_get(skip, "throw_on_miss"));
}

void flink_case_init(struct flink_case *flink, json_t *json)
{
    const json_t *pattern = json_object_get(json, "pattern");
    const json_t *events = json_object_get(json, "events");
    int64_t window = least_window(json_object_get(pattern, "steps"), false);

    *flink = (struct flink_case){.json = json};
    rt_arena_init(&flink->arena, 1 << 22);
    flink->pattern.emit = NFA_EMIT_IN_START_ORDER;
    flink->pattern.steps =
        read_steps(flink, json_object_get(pattern, "steps"), &flink->pattern.step_count);
    if (window > 0 && window != INT64_MAX)
        flink->pattern.within.ms = window;
    read_skip(flink, json_object_get(pattern, "skip"));
    for (size_t i = 0; i < json_array_size(events) && i < FLINK_EVENTS_MAX; i++) {
        json_t *event = json_array_get(events, i);

        flink->events[flink->event_count++] =
            (struct flink_event){{{0}, 0}, text_of(event, "e", ""), event, int_of(event, "ts", 0)};
    }
}

void flink_case_done(struct flink_case *flink)
{
    rt_arena_done(&flink->arena);
}

struct flink_event *flink_case_event(struct flink_case *flink, const char *label)
{
    for (size_t i = 0; i < flink->event_count; i++)
        if (strcmp(flink->events[i].label, label) == 0)
            return &flink->events[i];
    return NULL;
}

json_t *flink_match_json(const struct nfa_program *program, const struct nfa_match *match)
{
    json_t *json = json_object();
    const struct nfa_path *path = match->path;
    struct nfa_taken taken;

    while (path != NULL) {
        const char *name;
        json_t *list;

        path = nfa_path_get(path, &taken);
        name = nfa_program_step_name(program, taken.step);
        list = json_object_get(json, name);
        if (list == NULL) {
            list = json_array();
            json_object_set_new(json, name, list);
        }
        json_array_insert_new(list, 0,
                              json_string(((const struct flink_event *)taken.event)->label));
    }
    return json;
}

// NOLINTEND(misc-no-recursion)
