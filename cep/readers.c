/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which rules keep one window together.
 *
 *     plan    a  b  c  d   that could (rules/sharing.c)
 *     state   a  b         were saved with one window; c with its own; d is new
 *     now     a <- b    c    d        a and c and d are keepers: the windows are in their slots
 *
 * Rules whose windows have begun at different times know of different events.  So they go together only if they have done so
 * from the beginning.
 */
#include "cep/state.h"

static bool is_alike(const struct cep_origin *left, uint32_t left_at,
                     const struct cep_origin *right, uint32_t right_at)
{
    return left->places[left_at] == right->places[right_at];
}

/* Aggregates of the two are the same now exactly where they were when they were saved. */
static bool fit(const struct cep_rule *left, const struct cep_rule *right,
                const struct cep_origin *origins)
{
    const struct cep_origin *was_left = &origins[left->rule->index];
    const struct cep_origin *was_right = &origins[right->rule->index];

    for (uint32_t i = 0; i < left->rule->window->aggregate_count; i++) {
        for (uint32_t k = 0; k < right->rule->window->aggregate_count; k++) {
            if ((left->windows->places[i] == right->windows->places[k]) !=
                is_alike(was_left, i, was_right, k))
                return false;
        }
    }
    return true;
}

static bool join(struct cep_rule *keeper, struct cep_rule *rule, const struct cep_origin *origins)
{
    struct rule_window_union all = keeper->windows->all;
    struct cep_rule *last = keeper;
    const bool was_saved = origins != NULL && origins[rule->rule->index].keeper != RULE_NONE;

    if (origins != NULL && origins[keeper->rule->index].keeper != origins[rule->rule->index].keeper)
        return false;
    if (keeper->windows->reader_count == RULE_READERS_MAX ||
        !rule_window_join(rule->rule->window, &all, rule->windows->places))
        return false;
    for (struct cep_rule *reader = keeper; reader != NULL; reader = reader->windows->next_reader) {
        if (was_saved && !fit(reader, rule, origins))
            return false;
        last = reader;
    }
    last->windows->next_reader = rule;
    rule->windows->keeper = keeper;
    rule->windows->reader = keeper->windows->reader_count++;
    keeper->windows->all = all;
    return true;
}

void cep_readers_begin(struct cep_rule *rule)
{
    struct cep_windows *windows = rule->windows;

    windows->keeper = rule;
    windows->next_reader = windows->next_keeper = NULL;
    windows->reader = 0;
    windows->reader_count = 1;
    windows->all.count = 0;
    (void)rule_window_join(rule->rule->window, &windows->all, windows->places); /* it has room */
}

static void find_keeper(struct cep_engine *engine, struct cep_rule *rule,
                        const struct cep_origin *origins)
{
    struct cep_rule *keeper = &engine->rules[rule->rule->window->keeper];

    cep_readers_begin(rule);
    if (keeper == rule)
        return;
    while (!join(keeper, rule, origins)) {
        if (keeper->windows->next_keeper == NULL) {
            cep_readers_begin(rule); /* places may have changed */
            keeper->windows->next_keeper = rule;
            return;
        }
        keeper = keeper->windows->next_keeper;
    }
}

enum rt_status cep_readers_share(struct cep_engine *engine, const struct cep_origin *origins)
{
    enum rt_status status = RT_OK;

    for (uint32_t i = 0; i < engine->plan->rule_count; i++) {
        if (engine->rules[i].windows != NULL)
            find_keeper(engine, &engine->rules[i], origins);
    }
    for (uint32_t i = 0; i < engine->plan->rule_count && status == RT_OK; i++) {
        if (engine->rules[i].windows != NULL && cep_is_keeper(&engine->rules[i]))
            status = cep_window_lay_out(&engine->rules[i]);
    }
    return status;
}

/* ---- what concerns all of them ---- */

void cep_readers_wake(struct cep_engine *engine, uint32_t rule)
{
    cep_classifier_wake(engine->classifier, rule);
    if (engine->rules[rule].windows == NULL)
        return;
    for (struct cep_rule *reader = engine->rules[rule].windows->next_reader; reader != NULL;
         reader = reader->windows->next_reader)
        cep_classifier_wake(engine->classifier, reader->rule->index);
}

void cep_readers_rest(struct cep_engine *engine, uint32_t rule)
{
    cep_classifier_rest(engine->classifier, rule);
    if (engine->rules[rule].windows == NULL)
        return;
    for (struct cep_rule *reader = engine->rules[rule].windows->next_reader; reader != NULL;
         reader = reader->windows->next_reader)
        cep_classifier_rest(engine->classifier, reader->rule->index);
}

void cep_readers_count(struct cep_rule *keeper, uint64_t started, uint64_t live, uint64_t dropped)
{
    for (struct cep_rule *reader = keeper; reader != NULL; reader = reader->windows->next_reader) {
        reader->counters.started += started;
        reader->counters.live += live;
        reader->counters.dropped += dropped;
    }
}
