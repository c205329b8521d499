/* SPDX-License-Identifier: Apache-2.0 */
/* The compiled automaton as its users see it: compile, share, ask, print. */
#include "nfa/program.h"

#include "nfa/build.h"
#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"

const char *nfa_refusal_text(enum nfa_refusal_kind kind)
{
    switch (kind) {
#define REFUSAL(name, text)                                                                        \
    case NFA_REFUSE_##name:                                                                        \
        return text;
#include "nfa/refusals.def"
#undef REFUSAL
    case NFA_REFUSE_COUNT:
        break;
    }
    RT_UNREACHABLE();
}

enum rt_status nfa_compile(const struct nfa_pattern *pattern, struct nfa_program **out,
                           struct nfa_refusal *refusal)
{
    struct nfa_build build;
    enum rt_status status = nfa_check_pattern(pattern, refusal);
    uint32_t start;

    if (status != RT_OK)
        return status;
    status = nfa_build_init(&build, pattern);
    if (status == RT_OK) {
        start = nfa_build_pattern(&build);
        status = build.status;
        if (status == RT_OK)
            status = nfa_build_finish(&build, start, out, refusal);
    }
    nfa_build_done(&build);
    return status;
}

struct nfa_program *nfa_program_ref(struct nfa_program *program)
{
    atomic_fetch_add_explicit(&program->references, 1, memory_order_relaxed);
    return program;
}

void nfa_program_unref(struct nfa_program *program)
{
    if (program == NULL ||
        atomic_fetch_sub_explicit(&program->references, 1, memory_order_acq_rel) != 1)
        return;
    for (uint32_t i = 0; program->step_names != NULL && i < program->step_count; i++)
        rt_free(program->step_names[i]);
    rt_free(program->step_names);
    rt_free(program->states);
    rt_free(program->edges);
    rt_free(program->literals);
    rt_free(program->start_guards);
    rt_free(program->shapes);
    rt_free(program->first_shape);
    rt_free(program);
}

size_t nfa_program_step_count(const struct nfa_program *program)
{
    return program->step_count;
}

const char *nfa_program_step_name(const struct nfa_program *program, uint32_t step)
{
    RT_ASSERT(step < program->step_count);
    return program->step_names[step];
}

uint32_t nfa_program_state_count(const struct nfa_program *program)
{
    return program->state_count;
}

bool nfa_program_is_start_guard(const struct nfa_program *program, nfa_guard guard)
{
    for (uint32_t i = 0; i < program->start_guard_count; i++)
        if (program->start_guards[i] == guard)
            return true;
    return false;
}

bool nfa_program_any_starts(const struct nfa_program *program)
{
    return program->any_starts;
}

bool nfa_program_is_restless(const struct nfa_program *program)
{
    for (uint32_t i = 0; i < program->state_count; i++) {
        const struct nfa_state *state = &program->states[i];

        /* No run rests in a state that ends it. */
        if (state->restless && state->kind != NFA_STATE_FINAL && state->kind != NFA_STATE_STOP)
            return true;
    }
    return false;
}

/* ---- print ---- */

static void print_condition(const struct nfa_program *program, const struct nfa_edge *edge,
                            struct rt_buffer *out)
{
    bool opens = true;

    for (uint32_t i = edge->literal_begin; i < edge->literal_end; i++) {
        nfa_literal literal = program->literals[i];

        if (i > edge->literal_begin)
            rt_buffer_string(out, opens ? " and " : " or ");
        else
            rt_buffer_string(out, " if ");
        if (opens && !nfa_literal_is_last(literal))
            rt_buffer_char(out, '(');
        rt_buffer_printf(out, "%sg%u", nfa_literal_is_negated(literal) ? "not " : "",
                         (unsigned)nfa_literal_guard(literal));
        if (!opens && nfa_literal_is_last(literal))
            rt_buffer_char(out, ')');
        opens = nfa_literal_is_last(literal);
    }
}

static void print_state(const struct nfa_program *program, uint32_t at, struct rt_buffer *out)
{
    static const char *const kinds[] = {"", " final", " stop", " pending"};
    static const char *const actions[] = {"take", "ignore", "proceed"};
    const struct nfa_state *state = &program->states[at];

    rt_buffer_printf(out, "state %u%s%s", (unsigned)at, at == 0 ? " start" : "",
                     kinds[state->kind]);
    if (state->step != NFA_NO_STEP)
        rt_buffer_printf(out, " %s", program->step_names[state->step]);
    if (state->gap_ms > 0) {
        rt_buffer_string(out, " gap ");
        rt_buffer_duration(out, state->gap_ms);
    }
    rt_buffer_char(out, '\n');
    for (uint32_t e = state->edge_begin; e < state->edge_end; e++) {
        const struct nfa_edge *edge = &program->edges[e];

        rt_buffer_printf(out, "  %s -> %u", actions[edge->action], (unsigned)edge->to);
        print_condition(program, edge, out);
        rt_buffer_char(out, '\n');
    }
}

void nfa_program_print(const struct nfa_program *program, struct rt_buffer *out)
{
    static const char *const skips[] = {"no_skip", "skip_to_next", "skip_past_last",
                                        "skip_to_first", "skip_to_last"};

    if (program->within_ms > 0) {
        rt_buffer_string(out, "within ");
        rt_buffer_duration(out, program->within_ms);
        rt_buffer_char(out, '\n');
    }
    rt_buffer_printf(out, "after_match %s", skips[program->skip]);
    if (program->skip_step != NFA_NO_STEP)
        rt_buffer_printf(out, " %s%s", program->step_names[program->skip_step],
                         program->skip_must_find ? " or fail" : "");
    rt_buffer_printf(out, ", emit %s\n",
                     program->emit == NFA_EMIT_AT_ONCE ? "at_once" : "in_start_order");
    for (uint32_t i = 0; i < program->state_count; i++)
        print_state(program, i, out);
}
