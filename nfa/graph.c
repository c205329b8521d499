/* SPDX-License-Identifier: Apache-2.0 */
/*
 * graph.c - the automaton in the languages of other programs: Graphviz, Mermaid, JSON.
 *
 *     state  ->  node:  what it waits for             edge  ->  arrow:  take STEP, pass over, or on the same event
 *
 * A condition is shown by the names that the caller gives its guards.
 */
#include "nfa/program.h"

#include "runtime/base/assert.h"

struct graph {
    const struct nfa_program *program;
    const struct nfa_graph_names *names;
    struct rt_buffer *out;
};

static const char *const kind_names[] = {"normal", "final", "stop", "pending"};
static const char *const action_names[] = {"take", "ignore", "proceed"};

/* `ok and (not fail or until)` */
static void put_condition(const struct graph *graph, const struct nfa_edge *edge)
{
    bool opens = true;

    for (uint32_t i = edge->literal_begin; i < edge->literal_end; i++) {
        nfa_literal literal = graph->program->literals[i];
        bool last = nfa_literal_is_last(literal);

        if (i > edge->literal_begin)
            rt_buffer_string(graph->out, opens ? " and " : " or ");
        if (opens && !last)
            rt_buffer_char(graph->out, '(');
        if (nfa_literal_is_negated(literal))
            rt_buffer_string(graph->out, "not ");
        graph->names->guard(graph->names->context, nfa_literal_guard(literal), graph->out);
        if (!opens && last)
            rt_buffer_char(graph->out, ')');
        opens = last;
    }
}

/* A take by the step's own condition alone: its name says it. */
static bool is_own_condition(const struct graph *graph, const struct nfa_edge *edge)
{
    return edge->action == NFA_TAKE && edge->literal_end - edge->literal_begin == 1 &&
           !nfa_literal_is_negated(graph->program->literals[edge->literal_begin]);
}

static void put_label(const struct graph *graph, const struct nfa_state *from,
                      const struct nfa_edge *edge)
{
    if (edge->action == NFA_TAKE)
        rt_buffer_printf(graph->out, "take %s", graph->program->step_names[from->step]);
    else if (edge->action == NFA_IGNORE)
        rt_buffer_string(graph->out, "pass over");
    if (edge->literal_begin == edge->literal_end || is_own_condition(graph, edge))
        return;
    rt_buffer_string(graph->out, edge->action == NFA_PROCEED ? "if " : ": ");
    put_condition(graph, edge);
}

static void put_node_text(const struct graph *graph, uint32_t at)
{
    const struct nfa_state *state = &graph->program->states[at];

    if (at == 0)
        rt_buffer_string(graph->out, "start");
    else if (state->kind == NFA_STATE_FINAL)
        rt_buffer_string(graph->out, "match");
    else if (state->kind == NFA_STATE_STOP)
        rt_buffer_printf(graph->out, "%s came", graph->program->step_names[state->step]);
    else if (state->kind == NFA_STATE_PENDING)
        rt_buffer_printf(graph->out, "no %s yet", graph->program->step_names[state->step]);
    else if (state->step == NFA_NO_STEP)
        rt_buffer_printf(graph->out, "%u", (unsigned)at);
    else
        rt_buffer_printf(graph->out, "%u: %s?", (unsigned)at,
                         graph->program->step_names[state->step]);
}

/* An absence that is complete: how long after what. */
static void put_deadline(const struct graph *graph, const struct nfa_state *state)
{
    rt_buffer_string(graph->out, "after ");
    if (state->gap_ms > 0) {
        rt_buffer_duration(graph->out, state->gap_ms);
        return;
    }
    rt_buffer_duration(graph->out, graph->program->within_ms);
    rt_buffer_string(graph->out, " from the start");
}

/* The loop of a Stop state to itself says nothing to a reader. */
static bool is_shown(const struct graph *graph, uint32_t from)
{
    return graph->program->states[from].kind != NFA_STATE_STOP;
}

/* A pending state leads to the match by time, which no edge says. */
static bool has_final(const struct nfa_program *program)
{
    for (uint32_t i = 0; i < program->state_count; i++)
        if (program->states[i].kind == NFA_STATE_FINAL)
            return true;
    return false;
}

/* ---- dot ---- */

static void put_dot_node(const struct graph *graph, uint32_t at)
{
    static const char *const shapes[] = {"box", "doublecircle", "octagon", "box"};
    uint8_t kind = graph->program->states[at].kind;

    rt_buffer_printf(graph->out, "  s%u [shape=%s%s, label=\"", (unsigned)at,
                     at == 0 ? "circle" : shapes[kind],
                     kind == NFA_STATE_PENDING ? ", style=dashed" : "");
    put_node_text(graph, at);
    rt_buffer_string(graph->out, "\"];\n");
}

static void put_dot(const struct graph *graph)
{
    const struct nfa_program *program = graph->program;

    rt_buffer_string(graph->out, "digraph pattern {\n  rankdir=LR;\n");
    for (uint32_t i = 0; i < program->state_count; i++)
        put_dot_node(graph, i);
    if (!has_final(program))
        rt_buffer_string(graph->out, "  match [shape=doublecircle, label=\"match\"];\n");
    for (uint32_t i = 0; i < program->state_count; i++) {
        const struct nfa_state *state = &program->states[i];

        for (uint32_t e = state->edge_begin; is_shown(graph, i) && e < state->edge_end; e++) {
            const struct nfa_edge *edge = &program->edges[e];

            rt_buffer_printf(graph->out, "  s%u -> s%u [%slabel=\"", (unsigned)i,
                             (unsigned)edge->to, edge->action == NFA_TAKE ? "" : "style=dashed, ");
            put_label(graph, state, edge);
            rt_buffer_string(graph->out, "\"];\n");
        }
        if (state->kind != NFA_STATE_PENDING)
            continue;
        rt_buffer_printf(graph->out, "  s%u -> match [label=\"", (unsigned)i);
        put_deadline(graph, state);
        rt_buffer_string(graph->out, "\"];\n");
    }
    rt_buffer_string(graph->out, "}\n");
}

/* ---- mermaid ---- */

static void put_mermaid_node(const struct graph *graph, uint32_t at)
{
    static const char *const opens[] = {"[\"", "(((\"", "[/\"", "[\""};
    static const char *const closes[] = {"\"]", "\")))", "\"/]", "\"]"};
    uint8_t kind = graph->program->states[at].kind;

    rt_buffer_printf(graph->out, "  S%u%s", (unsigned)at, at == 0 ? "((\"" : opens[kind]);
    put_node_text(graph, at);
    rt_buffer_printf(graph->out, "%s\n", at == 0 ? "\"))" : closes[kind]);
}

static void put_mermaid_edge(const struct graph *graph, uint32_t from, const struct nfa_edge *edge)
{
    bool has_text = edge->action != NFA_PROCEED || edge->literal_begin < edge->literal_end;

    rt_buffer_printf(graph->out, "  S%u %s", (unsigned)from,
                     edge->action == NFA_TAKE ? "-->" : "-.->");
    if (has_text) {
        rt_buffer_string(graph->out, "|\"");
        put_label(graph, &graph->program->states[from], edge);
        rt_buffer_string(graph->out, "\"|");
    }
    rt_buffer_printf(graph->out, " S%u\n", (unsigned)edge->to);
}

static void put_mermaid(const struct graph *graph)
{
    const struct nfa_program *program = graph->program;

    rt_buffer_string(graph->out, "flowchart LR\n");
    for (uint32_t i = 0; i < program->state_count; i++)
        put_mermaid_node(graph, i);
    if (!has_final(program))
        rt_buffer_string(graph->out, "  M(((\"match\")))\n");
    for (uint32_t i = 0; i < program->state_count; i++) {
        const struct nfa_state *state = &program->states[i];

        for (uint32_t e = state->edge_begin; is_shown(graph, i) && e < state->edge_end; e++)
            put_mermaid_edge(graph, i, &program->edges[e]);
        if (state->kind != NFA_STATE_PENDING)
            continue;
        rt_buffer_printf(graph->out, "  S%u -->|\"", (unsigned)i);
        put_deadline(graph, state);
        rt_buffer_string(graph->out, "\"| M\n");
    }
}

/* ---- JSON ---- */

/* A list of clauses, each a list of literals of which one must be true: [[{"guard":0,"not":false}]] */
static void put_json_condition(const struct graph *graph, const struct nfa_edge *edge)
{
    bool opens = true;

    rt_buffer_char(graph->out, '[');
    for (uint32_t i = edge->literal_begin; i < edge->literal_end; i++) {
        nfa_literal literal = graph->program->literals[i];

        if (i > edge->literal_begin)
            rt_buffer_char(graph->out, ',');
        rt_buffer_printf(graph->out, "%s{\"guard\":%u,\"not\":%s}", opens ? "[" : "",
                         (unsigned)nfa_literal_guard(literal),
                         nfa_literal_is_negated(literal) ? "true" : "false");
        opens = nfa_literal_is_last(literal);
        if (opens)
            rt_buffer_char(graph->out, ']');
    }
    rt_buffer_char(graph->out, ']');
}

static void put_json_state(const struct graph *graph, uint32_t at)
{
    const struct nfa_state *state = &graph->program->states[at];

    rt_buffer_printf(graph->out, "{\"id\":%u,\"kind\":\"%s\"", (unsigned)at,
                     at == 0 ? "start" : kind_names[state->kind]);
    if (state->step != NFA_NO_STEP) {
        rt_buffer_string(graph->out, ",\"step\":");
        rt_buffer_json_string(graph->out, rt_text_of(graph->program->step_names[state->step]));
    }
    if (state->gap_ms > 0)
        rt_buffer_printf(graph->out, ",\"gap_ms\":%lld", (long long)state->gap_ms);
    rt_buffer_string(graph->out, ",\"edges\":[");
    for (uint32_t e = state->edge_begin; e < state->edge_end; e++) {
        const struct nfa_edge *edge = &graph->program->edges[e];

        rt_buffer_printf(graph->out,
                         "%s{\"action\":\"%s\",\"to\":%u,\"if\":", e > state->edge_begin ? "," : "",
                         action_names[edge->action], (unsigned)edge->to);
        put_json_condition(graph, edge);
        rt_buffer_char(graph->out, '}');
    }
    rt_buffer_string(graph->out, "]}");
}

static void put_json(const struct graph *graph)
{
    rt_buffer_char(graph->out, '[');
    for (uint32_t i = 0; i < graph->program->state_count; i++) {
        if (i > 0)
            rt_buffer_string(graph->out, ",\n");
        put_json_state(graph, i);
    }
    rt_buffer_char(graph->out, ']');
}

void nfa_program_graph(const struct nfa_program *program, enum nfa_graph_format format,
                       const struct nfa_graph_names *names, struct rt_buffer *out)
{
    struct graph graph = {program, names, out};

    switch (format) {
    case NFA_GRAPH_DOT:
        put_dot(&graph);
        return;
    case NFA_GRAPH_MERMAID:
        put_mermaid(&graph);
        return;
    case NFA_GRAPH_JSON:
        put_json(&graph);
        return;
    }
    RT_UNREACHABLE();
}
