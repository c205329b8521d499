/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an automaton asks of its rule while it steps: does a guard hold, make this event last, here is a match.
 *
 * Guards and events to keep are always those of the event at hand, so both are answered from what is known of it: atoms from
 * the memo, the copy from the one that another rule or key has made.
 */
#include <stddef.h>

#include "cep/state.h"
#include "runtime/base/assert.h"

_Static_assert(offsetof(struct rt_event, time) == offsetof(struct nfa_event_head, time) &&
                   offsetof(struct rt_event, sequence) == offsetof(struct nfa_event_head, sequence),
               "a kept event begins as the automaton wants it");

/*
 * The promise of expr_frame.older: path nodes are immutable, and one whose newest event is e is made while e is at hand.  A run
 * that is not kept as nodes lies in nodes of its machine, where its first and its newest event say all.
 */
static const void *older(const void *place, struct expr_taken *out)
{
    struct nfa_taken taken;
    const void *before = nfa_path_get(place, &taken);

    *out = (struct expr_taken){taken.step, taken.event};
    return before;
}

struct expr_frame cep_frame_of_run(const struct rt_event *event, const struct nfa_match *run)
{
    if (run == NULL)
        return (struct expr_frame){.event = event};
    return (struct expr_frame){
        .event = event, .newest = run->path, .older = older, .run = run->start_sequence};
}

static bool guard_holds(void *context, nfa_guard guard, nfa_event event,
                        const struct nfa_match *run)
{
    struct cep_rule *rule = context;
    struct expr_machine *machine = rule->engine->memo.machine;
    const struct expr *rest = rule->rule->guards[guard].rest;
    const struct cep_truth *atoms = cep_guard_truth(rule, guard);
    enum rt_value_error why = (enum rt_value_error)atoms->why;
    enum expr_truth truth = (enum expr_truth)atoms->truth;

    (void)event; /* it is the event at hand */
    if ((rule->keys_at_work >> rule->guard_keys[guard] & 1) == 0)
        return false; /* its step asks for another key */
    if (truth == EXPR_TRUE && rest != NULL) {
        struct rt_arena *scratch = expr_machine_scratch(machine);
        struct rt_arena_mark mark = rt_arena_mark(scratch);
        const struct expr_frame frame = cep_frame_of_run(rule->engine->event, run);

        truth = expr_test(machine, rest, &frame, &why);
        rt_arena_rewind(scratch, mark); /* a truth borrows nothing */
    }
    if (truth == EXPR_ERROR)
        cep_count_error(rule, guard, why);
    return truth == EXPR_TRUE;
}

/*
 * One copy of an event serves all rules and keys.  An event that the disorder buffer holds is copied too: its block belongs to
 * that buffer.  Events without raw bytes keep all fields, since their alerts are written from these.
 */
static nfa_event keep_event(void *context, nfa_event event)
{
    struct cep_rule *rule = context;
    struct cep_engine *engine = rule->engine;
    const struct rt_event *kept;
    enum rt_status status;

    (void)event; /* it is the event at hand */
    if (engine->kept == NULL) {
        struct rt_event borrowed = *engine->event;

        borrowed.references = 0;
        status = rt_event_keep(&borrowed, borrowed.raw == NULL ? UINT32_MAX : engine->kept_slots,
                               &engine->captured, &engine->kept);
        if (status != RT_OK) {
            if (status != RT_ERR_LIMIT || engine->options.on_limit == NFA_STOP)
                cep_fail(engine, status);
            return NULL;
        }
    }
    status = rt_event_keep(engine->kept, UINT32_MAX, &engine->captured, &kept);
    RT_ASSERT(status == RT_OK); /* one more reference */
    return kept;
}

static void release_event(void *context, nfa_event kept)
{
    struct cep_rule *rule = context;

    rt_event_release(kept, &rule->engine->captured);
}

static void report_run(struct cep_rule *rule, enum rule_output_kind kind,
                       const struct nfa_match *match)
{
    struct nfa_taken newest;

    (void)nfa_path_get(match->path, &newest);
    cep_report(rule, &(struct cep_finding){
                         .kind = kind,
                         .key = rule->key,
                         .match = match,
                         .event = newest.event,
                         .time = match->time,
                         .first_time = match->start_time,
                         .tie = match->start_sequence,
                     });
}

static void on_match(void *context, const struct nfa_match *match)
{
    struct cep_rule *rule = context;

    report_run(rule, RULE_OUTPUT_MATCH, match);
}

static void on_timeout(void *context, const struct nfa_match *match)
{
    struct cep_rule *rule = context;

    report_run(rule, RULE_OUTPUT_TIMEOUT, match);
}

struct nfa_callbacks cep_callbacks(const struct rule *rule)
{
    uint64_t event_guards = 0;

    for (nfa_guard guard = 0; guard < rule->guard_count && guard < 64; guard++)
        event_guards |= (uint64_t)(rule->guards[guard].rest == NULL) << guard;
    return (struct nfa_callbacks){
        .guard = guard_holds,
        .keep = keep_event,
        .release = release_event,
        .match = on_match,
        .timeout = rule->outputs[RULE_OUTPUT_TIMEOUT].enabled ? on_timeout : NULL,
        .event_guards = event_guards,
    };
}
