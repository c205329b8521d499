/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shape.c - records of the kinds `build` (is the pattern accepted?) and `compile` (which states and edges?).
 *
 * Two automata are the same when a walk from the start, edges in their order, numbers their states alike: Flink's states
 * have names of its own.
 */
#include <string.h>

#include "nfa/program.h"
#include "tests/nfa/driver.h"

enum { STATES_MAX = 64 };

/* ---- build ---- */

static const char *argument(const json_t *call, size_t at)
{
    return json_string_value(json_array_get(call, at));
}

static void set_times(struct nfa_step *step, json_int_t min, json_int_t max)
{
    step->times_min = (uint32_t)min;
    step->times_max = (uint32_t)max;
}

/* Everything that says more about the last step. */
static void refine(struct nfa_step *step, const json_t *call)
{
    const char *method = argument(call, 0);
    json_int_t first = json_integer_value(json_array_get(call, 1));
    json_int_t second = json_integer_value(json_array_get(call, 2));

    if (strcmp(method, "where") == 0 || strcmp(method, "or") == 0 || strcmp(method, "subtype") == 0)
        step->where = 0;
    else if (strcmp(method, "until") == 0)
        step->until = 0;
    else if (strcmp(method, "times") == 0)
        set_times(step, first, json_array_size(call) > 2 ? second : first);
    else if (strcmp(method, "oneOrMore") == 0)
        set_times(step, 1, NFA_UNBOUNDED);
    else if (strcmp(method, "timesOrMore") == 0)
        set_times(step, first, NFA_UNBOUNDED);
    else if (strcmp(method, "optional") == 0)
        step->optional = true;
    else if (strcmp(method, "greedy") == 0)
        step->greedy = true;
    else if (strcmp(method, "consecutive") == 0)
        step->inner = NFA_INNER_STRICT;
    else if (strcmp(method, "allowCombinations") == 0)
        step->inner = NFA_INNER_ANY;
    else if (strcmp(method, "within_prev_ms") == 0)
        step->gap.ms = first;
}

static void read_strategy(struct flink_case *flink, const char *text)
{
    static const struct {
        const char *prefix;
        enum nfa_skip skip;
    } strategies[] = {{"SKIP_TO_LAST:", NFA_SKIP_TO_LAST}, {"SKIP_TO_FIRST:", NFA_SKIP_TO_FIRST}};

    for (size_t i = 0; text != NULL && i < 2; i++) {
        size_t length = strlen(strategies[i].prefix);

        if (strncmp(text, strategies[i].prefix, length) == 0) {
            flink->pattern.skip = strategies[i].skip;
            flink->pattern.skip_step = text + length;
        }
    }
}

// NOLINTNEXTLINE(misc-no-recursion): as deep as the recorded calls
static const struct nfa_step *read_calls(struct flink_case *flink, const json_t *calls,
                                         size_t *count)
{
    static const char *const verbs[] = {"begin",         "next",    "followedBy",
                                        "followedByAny", "notNext", "notFollowedBy"};
    struct nfa_step *steps = rt_arena_array(&flink->arena, json_array_size(calls), sizeof(*steps));

    *count = 0;
    for (size_t i = 0; i < json_array_size(calls); i++) {
        const json_t *call = json_array_get(calls, i);
        const json_t *group = json_array_get(call, 1);
        size_t verb = 0;
        struct nfa_step *step;

        while (verb < 6 && strcmp(argument(call, 0), verbs[verb]) != 0)
            verb++;
        if (strcmp(argument(call, 0), "within_ms") == 0)
            flink->pattern.within.ms = json_integer_value(json_array_get(call, 1));
        if (verb == 6) {
            refine(&steps[*count - 1], call);
            continue;
        }
        step = &steps[(*count)++];
        *step = (struct nfa_step){.name = json_is_string(group) ? argument(call, 1) : "group",
                                  .contiguity = (enum nfa_contiguity)verb,
                                  .where = NFA_NO_GUARD,
                                  .until = NFA_NO_GUARD,
                                  .times_min = 1,
                                  .times_max = 1};
        if (json_is_array(group))
            step->group = read_calls(flink, group, &step->group_count);
        read_strategy(flink, argument(call, 2));
    }
    return steps;
}

bool shape_build_agrees(json_t *json)
{
    struct flink_case flink = {.json = json};
    struct nfa_program *program = NULL;
    struct nfa_refusal refusal;
    bool accepted;

    rt_arena_init(&flink.arena, 1 << 20);
    flink.pattern.steps =
        read_calls(&flink, json_object_get(json, "calls"), &flink.pattern.step_count);
    if (flink.pattern.within.ms < 0)
        flink.pattern.within.ms = 0; /* a negative window is none there */
    accepted = nfa_compile(&flink.pattern, &program, &refusal) == RT_OK;
    nfa_program_unref(program);
    rt_arena_done(&flink.arena);
    return accepted == json_is_true(json_object_get(json, "ok"));
}

/* ---- compile ---- */

struct numbering {
    const json_t *order[STATES_MAX];
    size_t count;
};

static size_t number_of(struct numbering *numbering, const json_t *states, const char *name)
{
    const json_t *state = NULL;
    size_t at = 0;

    for (size_t i = 0; i < json_array_size(states); i++)
        if (strcmp(json_string_value(json_object_get(json_array_get(states, i), "state")), name) ==
            0)
            state = json_array_get(states, i);
    while (at < numbering->count && numbering->order[at] != state)
        at++;
    if (at == numbering->count && at < STATES_MAX)
        numbering->order[numbering->count++] = state;
    return at;
}

static const json_t *start_of(const json_t *states)
{
    for (size_t i = 0; i < json_array_size(states); i++)
        if (strcmp(json_string_value(json_object_get(json_array_get(states, i), "type")),
                   "Start") == 0)
            return json_array_get(states, i);
    return NULL;
}

static void print_flink(const json_t *states, struct rt_buffer *out)
{
    struct numbering numbering = {{start_of(states)}, 1};

    for (size_t i = 0; i < numbering.count && numbering.order[i] != NULL; i++) {
        const json_t *edges = json_object_get(numbering.order[i], "edges");

        rt_buffer_printf(out, "%s\n",
                         json_string_value(json_object_get(numbering.order[i], "type")));
        for (size_t e = 0; e < json_array_size(edges); e++) {
            const char *edge = json_string_value(json_array_get(edges, e));
            const char *arrow = strstr(edge, " -> ");

            rt_buffer_printf(out, "  %.*s -> %zu\n", (int)(arrow - edge), edge,
                             number_of(&numbering, states, arrow + 4));
        }
    }
}

static void print_ours(const struct nfa_program *program, struct rt_buffer *out)
{
    static const char *const kinds[] = {"Normal", "Final", "Stop", "Pending"};
    static const char *const actions[] = {"TAKE", "IGNORE", "PROCEED"};

    for (uint32_t i = 0; i < program->state_count; i++) {
        const struct nfa_state *state = &program->states[i];

        rt_buffer_printf(out, "%s\n", i == 0 ? "Start" : kinds[state->kind]);
        for (uint32_t e = state->edge_begin; e < state->edge_end; e++)
            rt_buffer_printf(out, "  %s -> %u\n", actions[program->edges[e].action],
                             (unsigned)program->edges[e].to);
    }
}

bool shape_compile_agrees(json_t *json, struct rt_buffer *difference)
{
    struct flink_case flink;
    struct nfa_program *program = NULL;
    struct nfa_refusal refusal;
    struct rt_buffer wanted, got;
    bool agrees;

    flink_case_init(&flink, json);
    rt_buffer_init(&wanted, 1 << 16);
    rt_buffer_init(&got, 1 << 16);
    print_flink(json_object_get(json, "states"), &wanted);
    if (nfa_compile(&flink.pattern, &program, &refusal) == RT_OK)
        print_ours(program, &got);
    agrees = rt_text_equal(rt_buffer_view(&wanted), rt_buffer_view(&got));
    rt_buffer_printf(difference, "wanted\n%sgot\n%s", wanted.data,
                     got.length > 0 ? got.data : "nothing\n");
    nfa_program_unref(program);
    rt_buffer_done(&wanted);
    rt_buffer_done(&got);
    flink_case_done(&flink);
    return agrees;
}
