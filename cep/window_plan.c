/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A rule that counts, before the first event:
 *
 *     rule_window (the plan) --> rt_window_shape --> what the keeper keeps, with the aggregates of all its readers
 *
 * The runtime knows no rule: what a window of the plan is called, it is called here.
 */
#include "cep/history.h"
#include "runtime/base/alloc.h"
#include "runtime/window/save.h"

_Static_assert((int)RULE_AGGREGATES_MAX == (int)RT_WINDOW_AGGREGATES_MAX,
               "what can be written can be run");

static enum rt_aggregate aggregate_of(enum rule_aggregate_function function)
{
    static const enum rt_aggregate table[RULE_AGGREGATE_FUNCTIONS] = {
        [RULE_COUNT_EVENTS] = RT_AGGREGATE_COUNT,
        [RULE_RATE] = RT_AGGREGATE_RATE,
        [RULE_SUM] = RT_AGGREGATE_SUM,
        [RULE_AVG] = RT_AGGREGATE_AVG,
        [RULE_VARIANCE] = RT_AGGREGATE_VARIANCE,
        [RULE_STDDEV] = RT_AGGREGATE_STDDEV,
        [RULE_MIN] = RT_AGGREGATE_MIN,
        [RULE_MAX] = RT_AGGREGATE_MAX,
        [RULE_FIRST] = RT_AGGREGATE_FIRST,
        [RULE_LAST] = RT_AGGREGATE_LAST,
        [RULE_COUNT_DISTINCT] = RT_AGGREGATE_COUNT_DISTINCT,
        [RULE_QUANTILE] = RT_AGGREGATE_QUANTILE,
        [RULE_TOPK] = RT_AGGREGATE_TOPK,
        [RULE_COLLECT] = RT_AGGREGATE_COLLECT,
    };

    return table[function];
}

static enum rt_window_kind kind_of(enum rule_window_kind kind)
{
    switch (kind) {
    case RULE_TUMBLING:
        return RT_WINDOW_TUMBLING;
    case RULE_HOPPING:
        return RT_WINDOW_HOPPING;
    case RULE_SESSION:
        return RT_WINDOW_SESSION;
    case RULE_COUNT:
        return RT_WINDOW_COUNT;
    case RULE_GLOBAL:
        return RT_WINDOW_GLOBAL;
    case RULE_SLIDING:
    case RULE_WINDOW_KINDS:
        break;
    }
    return RT_WINDOW_SLIDING;
}

static int64_t zone_offset(void *context, int64_t at_seconds)
{
    const struct cep_windows *windows = context;
    int64_t seconds = 0;

    /* The zone is known: the loader has asked for it.  Without memory to read its file again it is UTC. */
    (void)expr_zone_offset(windows->zones, rt_text_of(windows->zone), at_seconds, &seconds);
    return seconds;
}

static enum rt_status init_calendar(struct cep_windows *windows, const struct rule_window *plan)
{
    int64_t seconds;
    enum rt_status status;

    if (plan->time_zone == NULL)
        return RT_OK;
    status = expr_zones_new(&windows->zones);
    if (status != RT_OK)
        return status;
    windows->zone = plan->time_zone;
    windows->calendar = (struct rt_calendar){.offset = zone_offset, .context = windows};
    windows->shape.calendar = &windows->calendar;
    status = expr_zone_offset(windows->zones, rt_text_of(windows->zone), 0, &seconds);
    return status == RT_ERR_DATA ? RT_ERR_NOT_FOUND : status;
}

enum rt_status cep_window_init(struct cep_rule *rule)
{
    const struct rule_window *plan = rule->rule->window;
    struct cep_windows *windows = rt_alloc_zeroed(1, sizeof(*windows));
    enum rt_status status;

    if (windows == NULL)
        return RT_ERR_NOMEM;
    rule->windows = windows;
    windows->shape = (struct rt_window_shape){
        .kind = kind_of(plan->kind),
        .size = plan->size,
        .slide = plan->slide,
        .offset = plan->offset,
        .count = plan->count,
        .every = plan->every,
        .lateness = plan->lateness,
        .is_early = plan->early_every.ms != 0 || plan->early_on_change,
        .panes_max = cep_limit32(rule->engine->options.panes_per_window),
        .distinct_max = RULE_DISTINCT_MAX,
    };
    for (uint32_t i = 0; i < plan->aggregate_count; i++) {
        if (plan->having_tree != NULL &&
            expr_tree_uses_binding(plan->having_tree, RULE_BINDING_AGGREGATES + i))
            windows->in_having |= UINT32_C(1) << i;
    }
    windows->key_in_having = plan->having_tree != NULL &&
                             (expr_tree_uses_binding(plan->having_tree, RULE_BINDING_KEY) ||
                              expr_tree_uses_binding(plan->having_tree, RULE_BINDING_GROUP));
    status = init_calendar(windows, plan);
    if (status != RT_OK)
        return status;
    cep_readers_begin(rule);
    status = cep_window_lay_out(rule);
    if (status == RT_OK)
        status = rt_window_shape_hash(&windows->shape, &windows->shape_hash);
    return status == RT_OK ? cep_history_init(rule) : status;
}

/* A window that nobody looks at when it ends goes without a word. */
static bool ends_without_word(const struct cep_rule *keeper)
{
    for (const struct cep_rule *reader = keeper; reader != NULL;
         reader = reader->windows->next_reader) {
        const struct rule_window *plan = reader->rule->window;

        if (plan->looks_at_close || plan->remembers || plan->early_every.ms != 0)
            return false;
    }
    return true;
}

enum rt_status cep_window_lay_out(struct cep_rule *keeper)
{
    struct cep_windows *windows = keeper->windows;
    struct rt_window_shape *shape = &windows->shape;

    shape->aggregate_count = windows->all.count;
    for (uint32_t i = 0; i < windows->all.count; i++) {
        const struct rule_aggregate *aggregate = windows->all.aggregates[i];

        shape->aggregates[i] =
            (struct rt_window_aggregate){.function = aggregate_of(aggregate->function),
                                         .quantile = aggregate->quantile,
                                         .items = aggregate->items};
    }
    rt_window_shape_init(shape);
    rt_free(shape->lists);
    shape->lists = rt_alloc_zeroed(shape->list_items, sizeof(struct rt_value));
    if (shape->lists == NULL)
        return RT_ERR_NOMEM;
    windows->pane_shape = rt_window_pane_shape(shape);
    shape->pane_shape = &windows->pane_shape;
    windows->read_shape = shape->lateness.ms != 0 ? &windows->pane_shape : shape;
    keeper->is_swept = ends_without_word(keeper);
    windows->packs = keeper->is_swept && shape->fits_one && windows->reader_count == 1;
    if (keeper->is_swept)
        cep_sweep_add_rule(&keeper->engine->keyings[keeper->rule->keying],
                           keeper->rule->window->size);
    return RT_OK;
}

void cep_window_done(struct cep_rule *rule)
{
    if (rule->windows != NULL) {
        rt_free(rule->windows->baselines);
        rt_free(rule->windows->shape.lists);
        expr_zones_free(rule->windows->zones);
    }
    rt_free(rule->windows);
}
