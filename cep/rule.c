/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One rule at work:
 *
 *     event --> filter --> except --> cancel_if --> guards that may hold --> key --> automaton --> finding --> record
 *                                                        (single-event rules: where --> key --> finding)
 *                                                        (rules with a window: where --> window.c)
 *
 * The cheap questions come first: an event that no guard can want, and that breaks nothing, never looks its key up.
 */
#include "cep/state.h"
#include "runtime/base/alloc.h"

enum { KEYS_MAX = 64 }; /* bits of cep_rule.keys_at_work */

/* The key that a guard's step asks for. */
static uint32_t keying_of_guard(const struct rule *rule, nfa_guard guard)
{
    for (uint32_t i = 0; i < rule->step_count; i++) {
        if (rule->steps[i].keying != RULE_NONE &&
            strcmp(rule->steps[i].name, rule->guards[guard].step) == 0)
            return rule->steps[i].keying;
    }
    return rule->keying;
}

static enum rt_status find_keys(struct cep_rule *rule)
{
    const struct rule *plan = rule->rule;

    rule->keys[0].keying = plan->keying;
    rule->key_count = 1;
    for (nfa_guard guard = 0; guard < plan->guard_count; guard++) {
        uint32_t keying = keying_of_guard(plan, guard);
        uint32_t at = 0;

        while (at < rule->key_count && rule->keys[at].keying != keying)
            at++;
        if (at == KEYS_MAX)
            return RT_ERR_LIMIT;
        if (at == rule->key_count)
            rule->keys[rule->key_count++].keying = keying;
        rule->guard_keys[guard] = at;
        rule->keys[at].guards |= guard < 64 ? UINT64_C(1) << guard : 0;
    }
    return RT_OK;
}

static enum rt_status init_pattern(struct cep_rule *rule)
{
    const struct cep_options *options = &rule->engine->options;
    const struct rule *plan = rule->rule;
    const struct nfa_program *program = plan->program;
    const struct nfa_callbacks callbacks = cep_callbacks(rule->rule);
    const struct nfa_limits limits = {
        .runs_per_key = cep_limit32(options->partials_per_key),
        .path_length = cep_limit32(options->events_per_partial),
        .held_matches = cep_limit32(options->held_matches),
        .matches_per_event = cep_limit32(options->matches_per_event),
        .policy = options->on_limit,
    };

    rule->any_starts = nfa_program_any_starts(program);
    rule->restless = nfa_program_is_restless(program);
    for (nfa_guard guard = 0; guard < rule->rule->guard_count; guard++)
        rule->is_start[guard] = nfa_program_is_start_guard(program, guard);

    enum rt_status status = find_keys(rule);

    if (status != RT_OK)
        return status;
    status = nfa_machine_new(rule->rule->program, &limits, &callbacks, rule, &rule->machine);
    if (status != RT_OK)
        return status;
    /* It may take half as long again until expired runs go. */
    rule->is_swept = nfa_machine_is_quiet(rule->machine);
    if (rule->is_swept)
        cep_sweep_add_rule(&rule->engine->keyings[plan->keying],
                           (rt_duration){2 * plan->within.ms});
    return RT_OK;
}

enum rt_status cep_rule_init(struct cep_rule *rule, struct cep_engine *engine,
                             const struct rule *plan)
{
    uint32_t rows = plan->guard_count + CEP_PLACES;

    *rule = (struct cep_rule){.engine = engine, .rule = plan, .counts = true};
    rule->has_gates = plan->filter.tree != NULL || plan->except_count > 0 || plan->has_cancel;
    rule->is_start = rt_alloc_zeroed(plan->guard_count, sizeof(*rule->is_start));
    rule->guard_keys = rt_alloc_zeroed(plan->guard_count, sizeof(*rule->guard_keys));
    rule->keys = rt_alloc_zeroed((size_t)plan->guard_count + 1, sizeof(*rule->keys));
    rule->errors = rt_alloc_zeroed((size_t)rows * CEP_REASONS, sizeof(*rule->errors));
    rule->seen_errors = rt_alloc_zeroed(rows, sizeof(*rule->seen_errors));
    if (rule->is_start == NULL || rule->guard_keys == NULL || rule->keys == NULL ||
        rule->errors == NULL || rule->seen_errors == NULL)
        return RT_ERR_NOMEM;
    if (plan->kind == RULE_WINDOW)
        return cep_window_init(rule);
    return plan->kind == RULE_PATTERN ? init_pattern(rule) : RT_OK;
}

void cep_rule_done(struct cep_rule *rule)
{
    nfa_machine_free(rule->machine);
    cep_window_done(rule);
    rt_free(rule->is_start);
    rt_free(rule->guard_keys);
    rt_free(rule->keys);
    rt_free(rule->errors);
    rt_free(rule->seen_errors);
}

/* ---- patterns ---- */

void cep_count_runs(struct cep_rule *rule)
{
    size_t bytes = nfa_machine_bytes(rule->machine);

    rule->engine->run_bytes += bytes - rule->run_bytes;
    rule->run_bytes = bytes;
}

/* Drops the runs or the window of a key without output; true if the line went with them. */
static bool clear_slot(struct cep_rule *rule, struct cep_keying *keying, struct rt_key_line *line,
                       struct cep_slot *slot)
{
    cep_slot_clear(rule->engine, slot);
    return cep_slot_drop(rule->engine, keying, line, slot);
}

bool cep_slot_settle(struct cep_rule *rule, struct cep_keying *keying, struct rt_key_line *line,
                     struct cep_slot *slot)
{
    struct cep_engine *engine = rule->engine;
    enum rt_status status;

    if (rule->machine != NULL)
        cep_count_runs(rule);
    if (nfa_runs_empty(&slot->runs))
        return cep_slot_drop(engine, keying, line, slot);
    status = cep_timer_set(engine, keying, line, slot);
    if (status == RT_OK)
        return false;
    cep_fail(engine, status);
    return clear_slot(rule, keying, line, slot);
}

static void step_slot(struct cep_rule *rule, struct cep_keying *keying, struct rt_key_line *line,
                      struct cep_slot *slot, uint64_t guards)
{
    struct cep_engine *engine = rule->engine;
    const struct rt_event *event = engine->event;

    cep_key_touch(keying, line);
    slot->touched = (uint32_t)engine->memo.turn;
    cep_fail(engine,
             nfa_step(rule->machine, &slot->runs, event, event->time, event->sequence, guards));
    cep_slot_settle(rule, keying, line, slot);
}

/* A key without runs of this rule: they begin outside of the table, which only runs that live enter. */
static void step_fresh(struct cep_rule *rule, struct cep_keying *keying,
                       const struct cep_event_key *key, uint64_t guards)
{
    struct cep_engine *engine = rule->engine;
    const struct rt_event *event = engine->event;
    struct cep_slot fresh = {
        .rule = rule->rule->index, .touched = (uint32_t)engine->memo.turn, .deadline = RT_TIME_MAX};

    cep_fail(engine,
             nfa_step(rule->machine, &fresh.runs, event, event->time, event->sequence, guards));
    cep_count_runs(rule);
    if (nfa_runs_empty(&fresh.runs))
        return;

    enum rt_status status = cep_slot_add(engine, keying, key, &fresh);

    if (status != RT_OK) {
        nfa_clear(rule->machine, &fresh.runs);
        cep_count_runs(rule);
        cep_fail(engine, status == RT_AGAIN ? RT_OK : status);
        return;
    }

    struct rt_key_line *line = cep_key_line(keying, key);

    cep_slot_settle(rule, keying, line, cep_slot_next(keying, line, fresh.rule));
}

bool cep_rule_advance(struct cep_rule *rule, struct cep_keying *keying, struct rt_key_line *line,
                      struct cep_slot *slot, rt_time now)
{
    enum rt_status status;

    cep_key_touch(keying, line);
    if (rule->windows != NULL && cep_slot_is_one(rule, slot))
        return clear_slot(rule, keying, line, slot); /* nobody looks at it */
    slot->deadline = RT_TIME_MAX;
    rule->key = rt_key_line_key(line);
    if (rule->windows != NULL) {
        cep_window_advance(rule, rule->key, slot, now);
        return cep_slot_settle(rule, keying, line, slot);
    }
    if (rule->machine == NULL) {
        cep_seen_advance(rule, slot, now);
        return cep_slot_settle(rule, keying, line, slot);
    }
    status = nfa_advance(rule->machine, &slot->runs, now);
    cep_fail(rule->engine, status);
    /* What is due could not go for want of memory: it must not be due for ever. */
    if (status == RT_ERR_NOMEM && !nfa_runs_empty(&slot->runs))
        return clear_slot(rule, keying, line, slot);
    return cep_slot_settle(rule, keying, line, slot);
}

/* What an event may do to a rule, by its atoms. */
struct chance {
    uint64_t guards; /* bits of the guards that may hold; guards from 64 on always may */
    uint64_t errors; /* bits of the guards that end in an error, where that begins nothing */
    bool any;        /* some guard may hold */
    bool starts;     /* a run may begin */
};

static struct chance chance_of(struct cep_rule *rule)
{
    struct chance chance = {.starts = rule->any_starts};

    for (nfa_guard guard = 0; guard < rule->rule->guard_count; guard++) {
        const struct cep_truth *truth = cep_guard_truth(rule, guard);

        if (truth->truth == EXPR_ERROR && !(rule->is_start[guard] && cep_may_start(rule)))
            chance.errors |= guard < 64 ? UINT64_C(1) << guard : 0;
        else if (truth->truth == EXPR_ERROR && cep_owns_guard(rule, guard))
            cep_count_error(rule, guard, (enum rt_value_error)truth->why);
        if (truth->truth != EXPR_TRUE)
            continue;
        chance.any = true;
        chance.starts |= rule->is_start[guard];
        chance.guards |= guard < 64 ? UINT64_C(1) << guard : 0;
    }
    chance.any |= chance.starts;
    return chance;
}

/*
 * The event is wanted but has no key.  It is counted for each rule and told of once.  A pattern wants what can begin a match: a later
 * step asks only while matches are open, which depends on who has them, and no match is open for an event without a key.
 */
static void lacks_key(struct cep_rule *rule)
{
    struct cep_engine *engine = rule->engine;

    rule->counters.no_key++;
    if (engine->port.refused == NULL || engine->refused_turn == engine->memo.turn)
        return;
    engine->refused_turn = engine->memo.turn;

    enum rt_status status = engine->port.refused(engine->port.refused_context, engine->event,
                                                 RT_REJECT_NO_KEY, rule->rule->id);

    if (status != RT_OK)
        cep_fail(engine, status);
}

/*
 * The automaton does not ask what cannot hold, but an error is counted when a run of the key waits for that very condition.  A
 * restless run asks by itself.
 */
static void count_awaited_errors(struct cep_rule *rule, const struct cep_slot *slot,
                                 uint64_t errors)
{
    if (nfa_runs_want(rule->machine, &slot->runs, 0))
        return;
    for (nfa_guard guard = 0; errors != 0; guard++, errors >>= 1) {
        if ((errors & 1) != 0 && nfa_runs_want(rule->machine, &slot->runs, UINT64_C(1) << guard))
            cep_count_error(rule, guard, (enum rt_value_error)cep_guard_truth(rule, guard)->why);
    }
}

/* Offers the event to the runs of one key, as far as steps ask for events of that key. */
static void push_key(struct cep_rule *rule, const struct cep_event_key *key,
                     const struct chance *chance, uint64_t guards)
{
    struct cep_engine *engine = rule->engine;
    struct cep_keying *keying = &engine->keyings[rule->rule->keying];

    if (chance->any || rule->restless)
        cep_make_room_for_event(engine, keying);

    struct rt_key_line *line = cep_key_line(keying, key);
    struct cep_slot *slot = line == NULL ? NULL : cep_slot_next(keying, line, rule->rule->index);

    if (slot != NULL && (chance->errors & guards) != 0 && !cep_slot_is_over(rule, slot))
        count_awaited_errors(rule, slot, chance->errors & guards);
    rule->key = rt_buffer_view(&key->bytes);
    if (slot == NULL && chance->starts)
        step_fresh(rule, keying, key, chance->guards & guards);
    else if (slot != NULL && nfa_runs_want(rule->machine, &slot->runs, chance->guards & guards))
        step_slot(rule, keying, line, slot, chance->guards & guards);
}

/* Steps with a key_by of their own look for their events elsewhere: each distinct key gets the guards that ask for it. */
static void push_keys(struct cep_rule *rule, const struct chance *chance)
{
    uint64_t done = 0;

    for (uint32_t i = 0; i < rule->key_count; i++) {
        const struct cep_event_key *key = cep_key_of_event(rule->engine, rule->keys[i].keying);
        uint64_t guards = 0, equal = 0;

        if (!key->has_key || (done >> i & 1) != 0)
            continue;
        for (uint32_t j = i; j < rule->key_count; j++) {
            const struct cep_event_key *other =
                cep_key_of_event(rule->engine, rule->keys[j].keying);

            if (other->has_key &&
                rt_text_equal(rt_buffer_view(&key->bytes), rt_buffer_view(&other->bytes))) {
                equal |= UINT64_C(1) << j;
                guards |= rule->keys[j].guards;
            }
        }
        done |= equal;
        if (!cep_owns(rule->engine, key))
            continue;
        rule->part = i;
        rule->keys_at_work = equal;
        push_key(rule, key, chance, guards);
    }
    rule->part = 0;
    if (done == 0 && chance->starts && rule->counts)
        lacks_key(rule);
}

static void count_cancelled(struct cep_rule *rule)
{
    rule->counters.cancelled++;
    for (struct cep_rule *reader = rule->windows == NULL ? NULL : rule->windows->next_reader;
         reader != NULL; reader = reader->windows->next_reader)
        reader->counters.cancelled++;
}

static void cancel(struct cep_rule *rule)
{
    struct cep_engine *engine = rule->engine;
    struct cep_keying *keying = &engine->keyings[rule->rule->keying];
    const struct cep_event_key *key = cep_key_of_event(engine, rule->rule->keying);
    struct rt_key_line *line = key->has_key ? cep_key_line(keying, key) : NULL;
    struct cep_slot *slot = line == NULL ? NULL : cep_slot_find(line, rule->rule->index);

    if (slot == NULL)
        return; /* also where the key is another engine's, or the window another rule's to keep */
    cep_key_touch(keying, line);
    if (!cep_slot_is_over(rule, slot))
        count_cancelled(rule);
    clear_slot(rule, keying, line, slot);
}

static void push_pattern(struct cep_rule *rule)
{
    struct chance chance = chance_of(rule);

    if (!chance.any && !rule->restless && chance.errors == 0)
        return;
    if (rule->key_count > 1) {
        push_keys(rule, &chance);
        return;
    }

    const struct cep_event_key *key = cep_key_of_event(rule->engine, rule->rule->keying);

    rule->keys_at_work = 1;
    if (key->has_key)
        push_key(rule, key, &chance, UINT64_MAX);
    else if (chance.starts)
        lacks_key(rule);
}

/* ---- both kinds ---- */

static bool is_excepted(struct cep_rule *rule)
{
    const struct rule *plan = rule->rule;

    for (uint32_t i = 0; i < plan->except_count; i++) {
        if (rt_time_before(rule->engine->event->time, plan->excepts[i].expires) &&
            cep_gate_holds(rule, &plan->excepts[i].condition, CEP_AT_EXCEPT)) {
            rule->counters.excepted += rule->counts;
            return true;
        }
    }
    return false;
}

/* A record of the event at hand alone. */
static void report_event(struct cep_rule *rule, enum rule_output_kind kind,
                         const struct cep_event_key *key)
{
    const struct rt_event *event = rule->engine->event;

    if (!key->has_key) {
        lacks_key(rule);
        return;
    }
    cep_report(rule, &(struct cep_finding){
                         .kind = kind,
                         .key = rt_buffer_view(&key->bytes),
                         .event = event,
                         .time = event->time,
                         .first_time = event->time,
                         .tie = event->sequence,
                     });
}

/*
 * Some key by which the rule may look at the event is this engine's; of the engines for which that is so the one with the rule's
 * own key counts the event.
 */
static bool is_concerned(struct cep_rule *rule)
{
    struct cep_engine *engine = rule->engine;
    bool any;

    if (engine->share.role != CEP_WORKER)
        return true;
    rule->counts = any = cep_owns(engine, cep_key_of_event(engine, rule->rule->keying));
    for (uint32_t i = 1; i < rule->key_count && !any; i++)
        any = cep_owns(engine, cep_key_of_event(engine, rule->keys[i].keying));
    return any;
}

/* What is asked before the pattern or the condition sees the event; false: it does not. */
static bool passes_gates(struct cep_rule *rule)
{
    if (!cep_gate_holds(rule, &rule->rule->filter, CEP_AT_FILTER))
        return false;
    rule->counters.events += rule->counts;
    if (is_excepted(rule))
        return false;
    if (!rule->rule->has_cancel || !cep_gate_holds(rule, &rule->rule->cancel_if, CEP_AT_CANCEL))
        return true;
    cancel(rule);
    return false;
}

void cep_rule_push(struct cep_rule *rule)
{
    if (!is_concerned(rule))
        return;
    if (!rule->has_gates)
        rule->counters.events += rule->counts;
    else if (!passes_gates(rule))
        return;
    if (rule->rule->kind == RULE_PATTERN)
        push_pattern(rule);
    else if (cep_condition_holds(rule, &rule->rule->where, CEP_AT_WHERE)) {
        if (rule->rule->kind == RULE_WINDOW)
            cep_window_push(rule);
        else if (rule->rule->new_value_ttl.ms == 0 || cep_seen_push(rule))
            report_event(rule, RULE_OUTPUT_MATCH,
                         cep_key_of_event(rule->engine, rule->rule->keying));
    }
}

/* The key of an event that came too late: that of the first step that would have asked for it. */
static const struct cep_event_key *key_of_late(struct cep_rule *rule, uint64_t guards)
{
    for (uint32_t i = 0; i < rule->key_count && rule->key_count > 1; i++) {
        const struct cep_event_key *key = cep_key_of_event(rule->engine, rule->keys[i].keying);

        if (key->has_key && (rule->keys[i].guards & guards) != 0)
            return key;
    }
    return cep_key_of_event(rule->engine, rule->rule->keying);
}

/* Whether a window that waits for late events takes it. */
static bool takes_late(struct cep_rule *rule)
{
    return rule->windows != NULL && rule->windows->shape.lateness.ms != 0 &&
           !(rule->rule->has_cancel &&
             cep_condition_holds(rule, &rule->rule->cancel_if, CEP_AT_CANCEL)) &&
           cep_late_event(rule);
}

/* A late event concerns a rule when one of its conditions could have held for it. */
void cep_rule_late(struct cep_rule *rule)
{
    const bool waits = rule->windows != NULL && rule->windows->shape.lateness.ms != 0;
    const bool tells = rule->rule->outputs[RULE_OUTPUT_LATE].enabled;
    struct chance chance = {0};
    bool any;

    if ((!waits && !tells) || !rule->rule->reads_events || !is_concerned(rule) ||
        !cep_gate_holds(rule, &rule->rule->filter, CEP_AT_FILTER) || is_excepted(rule))
        return;
    if (rule->rule->kind == RULE_PATTERN)
        any = (chance = chance_of(rule)).any;
    else
        any = cep_condition_holds(rule, &rule->rule->where, CEP_AT_WHERE);
    if (any && !takes_late(rule) && tells) {
        const struct cep_event_key *key = key_of_late(rule, chance.guards);

        if (cep_owns(rule->engine, key))
            report_event(rule, RULE_OUTPUT_LATE, key);
    }
}
