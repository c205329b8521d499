/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The saved form of a history:
 *
 *     newest event: time, arrival | close | armed | window, if there is one | previous ... | baselines ...
 */
#include "cep/history.h"
#include "runtime/base/hash.h"
#include "runtime/event/value_form.h"
#include "runtime/window/save.h"

enum { HASH_BYTES_MAX = 4096, TEXTS_MAX = 1 << 20 };

static const rt_duration day = {86400000};

enum rt_status cep_history_hash(const struct cep_rule *rule, uint64_t *out)
{
    const struct rule_window *plan = rule->rule->window;
    struct rt_buffer form;
    uint64_t shape;
    enum rt_status status = rt_window_shape_hash(&rule->windows->shape, &shape);

    if (status != RT_OK)
        return status;
    rt_buffer_init(&form, HASH_BYTES_MAX);
    rt_form_add_fixed(&form, shape);
    rt_form_add_bool(&form, plan->looks_at_empty);
    rt_form_add_uint(&form, plan->previous);
    for (uint32_t i = 0; i < plan->baseline_count; i++) {
        rt_form_add_uint(&form, plan->baselines[i].of);
        rt_form_add_int(&form, plan->baselines[i].span.ms);
    }
    if (form.failed)
        status = RT_ERR_NOMEM;
    else
        *out = rt_hash64(form.data, form.length);
    rt_buffer_done(&form);
    return status;
}

void cep_history_save(const struct cep_rule *rule, const struct cep_history *history,
                      struct rt_buffer *out)
{
    const struct rt_baseline *baselines = cep_history_baselines(rule, history);

    rt_form_add_time(out, history->last);
    rt_form_add_uint(out, history->sequence);
    rt_form_add_time(out, history->close);
    rt_form_add_bool(out, history->is_true);
    rt_form_add_bool(out, history->window != NULL);
    if (history->window != NULL)
        rt_window_save(&rule->windows->shape, history->window, out);
    for (uint32_t i = 0; i < rule->windows->previous_count; i++)
        rt_value_add_form(history->previous[i], out);
    for (uint32_t i = 0; i < rule->rule->window->baseline_count; i++)
        rt_baseline_save(&baselines[i], out);
}

/* ---- reading ---- */

/* The end of the window at hand lies behind the newest event, and no further than a key is remembered. */
static bool times_fit(const struct cep_rule *rule, const struct cep_history *history)
{
    const int64_t last = history->last.ms, close = history->close.ms;

    if (last < RT_TIME_FIRST.ms || last > RT_TIME_LAST.ms)
        return false;
    if (rule->windows->apart.ms == 0)
        return close == 0;
    return close > last &&
           close - last <= rule->windows->memory.ms + 2 * rule->windows->shape.size.ms + 2 * day.ms;
}

static enum rt_status load_window(struct cep_rule *rule, struct cep_history *history,
                                  struct rt_form *form)
{
    enum rt_status status;

    if (!rt_form_bool(form))
        return rt_form_failed(form) ? RT_ERR_CORRUPT : RT_OK;
    status = rt_window_load(&rule->windows->shape, &rule->engine->windows, form, &history->window);
    rule->counters.live += status == RT_OK;
    if (status == RT_OK && rule->windows->apart.ms != 0 &&
        history->window->close.ms != history->close.ms) {
        rt_form_fail(form, "a window with another end than its key");
        status = RT_ERR_CORRUPT;
    }
    return status;
}

static enum rt_status load_previous(struct cep_rule *rule, struct rt_value *place,
                                    struct rt_form *form)
{
    struct rt_arena arena;
    struct rt_value value;
    enum rt_status status;

    rt_arena_init(&arena, TEXTS_MAX);
    status = rt_value_of_form(form, &arena, &value);
    if (status == RT_OK && !rt_cell_takes(RT_AGGREGATE_LAST, (enum rt_type)value.type)) {
        rt_form_fail(form, "a value that no aggregate gives");
        status = RT_ERR_CORRUPT;
    }
    if (status == RT_OK)
        status = cep_history_remember(rule, place, value);
    rt_arena_done(&arena);
    return status;
}

static enum rt_status load(struct cep_rule *rule, struct cep_history *history, struct rt_form *form)
{
    struct rt_baseline *baselines = cep_history_baselines(rule, history);
    enum rt_status status;

    history->last = rt_form_time(form);
    history->sequence = rt_form_uint(form);
    history->close = rt_form_time(form);
    history->is_true = rt_form_bool(form);
    if (!rt_form_failed(form) && !times_fit(rule, history))
        rt_form_fail(form, "times that do not fit together");
    if (rt_form_failed(form))
        return RT_ERR_CORRUPT;
    status = load_window(rule, history, form);
    for (uint32_t i = 0; i < rule->windows->previous_count && status == RT_OK; i++)
        status = load_previous(rule, &history->previous[i], form);
    for (uint32_t i = 0; i < rule->rule->window->baseline_count && status == RT_OK; i++)
        status = rt_baseline_load(&rule->windows->baselines[i], &baselines[i],
                                  &rule->engine->windows, form);
    return status;
}

enum rt_status cep_history_load(struct cep_rule *rule, struct rt_form *form,
                                struct cep_history **out)
{
    struct cep_history *history = cep_history_begin(rule);
    enum rt_status status;

    if (history == NULL)
        return RT_ERR_NOMEM;
    status = load(rule, history, form);
    if (status == RT_OK)
        *out = history;
    else
        cep_history_free(rule, history);
    return status;
}
