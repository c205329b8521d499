/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A look: a test of `having`, at an event, when a window ends, or before.
 *
 *     window, history, key --> bindings --> `having` --> true, and it was not --> finding
 *
 * What the last look has found is a bit of the window for each rule that reads it; where the window can be empty, it is in
 * the key's history.
 */
#include "cep/history.h"
#include "runtime/base/assert.h"

static bool is_empty(const struct cep_rule *rule, const struct rt_window *window)
{
    return window == NULL || rt_window_is_empty(cep_window_read_shape(rule), window);
}

/* Of a window with the aggregates of several rules those of this one. */
static void read_shared(struct cep_rule *rule, const struct rt_window *window, uint32_t wanted,
                        struct rt_value *out)
{
    const uint8_t *places = rule->windows->places;
    const uint32_t count = rule->rule->window->aggregate_count;
    struct rt_value all[RULE_AGGREGATES_MAX];
    uint32_t mapped = 0;

    for (uint32_t i = 0; i < count; i++)
        mapped |= (wanted >> i & 1) << places[i];
    rt_window_read(cep_window_read_shape(rule), window, &rule->engine->windows, mapped, all);
    for (uint32_t i = 0; i < count; i++) {
        if ((wanted >> i & 1) != 0)
            out[i] = all[places[i]];
    }
}

/* What expressions see of it, the aggregates in `wanted` only. */
static void bind(struct cep_rule *rule, const struct rt_window *window, const struct cep_look *look,
                 uint32_t wanted, struct rt_value *bindings)
{
    struct rt_value *out = bindings + RULE_BINDING_AGGREGATES;

    if (is_empty(rule, window))
        rt_window_read_empty(rule->windows->read_shape, wanted, out); /* none is shared */
    else if (rule->windows->keeper->windows->reader_count > 1)
        read_shared(rule, window, wanted, out);
    else
        rt_window_read(rule->windows->read_shape, window, &rule->engine->windows, wanted, out);
    if (look->history != NULL)
        cep_history_read(rule, look->history, bindings);
}

/* Where the window of a look begins. */
static rt_time begin_of(const struct cep_rule *rule, const struct rt_window *window,
                        const struct cep_look *look, rt_time first)
{
    const struct rt_window_shape *shape = &rule->windows->keeper->windows->shape;

    if (shape->kind == RT_WINDOW_TUMBLING || shape->kind == RT_WINDOW_HOPPING) {
        if (!look->is_early)
            return rt_window_begin(shape, look->time);
        RT_ASSERT(window != NULL); /* before its end nobody looks at an empty one */
        return rt_window_begin(shape, window->close);
    }
    return is_empty(rule, window) ? (rt_time){look->time.ms - shape->size.ms} : first;
}

static void report(struct cep_rule *rule, const struct rt_window *window,
                   const struct cep_look *look)
{
    const bool empty = is_empty(rule, window);

    RT_ASSERT(!empty || look->history != NULL); /* nobody else looks at one */

    uint64_t sequence = empty ? look->history->sequence : 0;
    /* Of an empty window the last event before it. */
    const rt_time first = empty ? look->history->last
                                : rt_window_first(cep_window_read_shape(rule), window, &sequence);

    bind(rule, window, look, UINT32_MAX, rule->windows->bindings);
    cep_report(rule, &(struct cep_finding){
                         .kind = RULE_OUTPUT_MATCH,
                         .key = look->key,
                         .outcomes = rule->windows->bindings,
                         .event = look->event,
                         .time = look->time,
                         .first_time = first,
                         .begin = begin_of(rule, window, look, first),
                         .tie = sequence,
                         .is_early = look->is_early,
                         .update = look->update,
                     });
}

static bool having_holds(struct cep_rule *rule, const struct rt_window *window,
                         const struct cep_look *look)
{
    struct cep_engine *engine = rule->engine;
    const struct rule_window *plan = rule->rule->window;
    struct rt_value bindings[RULE_BINDINGS_MAX];
    const struct expr_frame frame = {.bindings = bindings};
    enum rt_value_error why = RT_ERROR_TYPE;
    enum expr_truth truth;

    if (plan->having == NULL)
        return true;
    memset(bindings, 0, RULE_BINDING_COUNT * sizeof(*bindings));
    if (rule->windows->key_in_having)
        cep_bind_key(rule, look->key, bindings);
    bind(rule, window, look, rule->windows->in_having, bindings);
    truth = expr_test(engine->memo.machine, plan->having, &frame, &why);
    if (truth == EXPR_ERROR)
        cep_count_error(rule, rule->rule->guard_count + CEP_AT_HAVING, why);
    return truth == EXPR_TRUE;
}

/* Notes what this look has found, and says what the one before did. */
static bool exchange_truth(const struct cep_rule *rule, struct rt_window *window,
                           const struct cep_look *look, bool is_true)
{
    const uint32_t bit = UINT32_C(1) << rule->windows->reader;
    bool before;

    if (look->history != NULL) {
        before = look->history->is_true;
        look->history->is_true = is_true;
        return before;
    }
    RT_ASSERT(window != NULL); /* an empty one has a history */
    before = (window->is_true & bit) != 0;
    window->is_true = is_true ? window->is_true | bit : window->is_true & ~bit;
    return before;
}

bool cep_window_look(struct cep_rule *rule, struct rt_window **window, const struct cep_look *look)
{
    const enum rule_fire fire = rule->rule->window->fire;
    const bool is_true = having_holds(rule, *window, look);
    const bool was_true = exchange_truth(rule, *window, look, is_true);

    if (!is_true || (fire == RULE_FIRE_ON_THRESHOLD && was_true))
        return false;
    report(rule, *window, look);
    if (fire == RULE_FIRE_RESET)
        cep_window_drop(rule, window);
    return true;
}
