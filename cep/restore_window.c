/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Windows that rules kept together when they were saved, and the rules that go on with them:
 *
 *     saved     a and b: [ count | sum of x | last ip ]
 *     now       a goes on, b has changed:       a: [ count | sum of x ]       b begins anew
 *
 * A window that was saved once may be brought back several times, into the slots of all keepers that go on with it.
 */
#include "cep/save_state.h"
#include "runtime/window/save.h"

/* Where the aggregates of the keeper now were, and the bits of its readers. */
static bool map_places(const struct cep_saved *saved, const struct cep_rule *keeper,
                       const struct cep_origin *origins, struct cep_move *move)
{
    const struct cep_saved_rule *was = &saved->rules[origins[keeper->rule->index].keeper];
    const struct cep_windows *windows = keeper->windows;

    for (const struct cep_rule *reader = keeper; reader != NULL;
         reader = reader->windows->next_reader) {
        const struct cep_origin *origin = &origins[reader->rule->index];

        move->readers[reader->windows->reader] = origin->reader;
        for (uint32_t i = 0; i < reader->rule->window->aggregate_count; i++) {
            const uint32_t place = reader->windows->places[i];

            if (was->units[origin->places[i]].function != windows->shape.aggregates[place].function)
                return false;
            move->places[place] = origin->places[i];
        }
    }
    move->is_alike = windows->all.count == was->unit_count;
    for (uint32_t i = 0; i < windows->all.count; i++)
        move->is_alike = move->is_alike && move->places[i] == i;
    return true;
}

/* What was saved, as far as it is laid out in another way. */
static enum rt_status make_shape(struct cep_saved *saved, const struct cep_rule *keeper,
                                 const struct cep_saved_rule *was, struct cep_move *move)
{
    struct rt_window_shape *shape;

    if (move->is_alike)
        return RT_OK;
    shape = rt_arena_alloc(&saved->arena, sizeof(*shape));
    if (shape == NULL)
        return RT_ERR_NOMEM;
    *shape = keeper->windows->shape;
    shape->aggregate_count = (uint32_t)was->unit_count;
    memcpy(shape->aggregates, was->units, was->unit_count * sizeof(*was->units));
    rt_window_shape_init(shape);
    move->shape = shape;
    return RT_OK;
}

static enum rt_status plan_move(struct cep_saved *saved, struct cep_rule *keeper,
                                const struct cep_origin *origins)
{
    struct cep_saved_rule *was = &saved->rules[origins[keeper->rule->index].keeper];
    struct cep_move *move = rt_arena_alloc(&saved->arena, sizeof(*move));

    if (move == NULL)
        return RT_ERR_NOMEM;
    *move = (struct cep_move){.keeper = keeper->rule->index, .next = was->moves};
    if (!map_places(saved, keeper, origins, move))
        return RT_ERR_CORRUPT;
    was->moves = move;
    return make_shape(saved, keeper, was, move);
}

/* Each rule that goes on has kept its windows with a rule of the same state, aggregate by aggregate. */
static bool is_sound(const struct cep_engine *engine, const struct cep_saved *saved,
                     const struct cep_saved_rule *rule)
{
    const struct cep_windows *windows =
        rule->now == RULE_NONE ? NULL : engine->rules[rule->now].windows;

    if (!rule->has_window)
        return windows == NULL;
    if (rule->keeper >= saved->rule_count || rule->reader >= RULE_READERS_MAX)
        return false;
    for (size_t i = 0; i < rule->place_count; i++) {
        if (rule->places[i] >= saved->rules[rule->keeper].unit_count)
            return false;
    }
    return rule->now == RULE_NONE ||
           (windows != NULL &&
            rule->place_count == engine->rules[rule->now].rule->window->aggregate_count);
}

enum rt_status cep_readers_restore(struct cep_engine *engine, struct cep_saved *saved, bool take)
{
    struct cep_origin *origins =
        rt_arena_array(&saved->arena, (size_t)engine->plan->rule_count + 1, sizeof(*origins));
    enum rt_status status = RT_OK;

    if (origins == NULL)
        return RT_ERR_NOMEM;
    for (uint32_t i = 0; i < engine->plan->rule_count; i++)
        origins[i] = (struct cep_origin){.keeper = RULE_NONE};
    for (size_t i = 0; i < saved->rule_count; i++) {
        const struct cep_saved_rule *rule = &saved->rules[i];

        if (!is_sound(engine, saved, rule))
            return RT_ERR_CORRUPT;
        if (rule->has_window && rule->now != RULE_NONE)
            origins[rule->now] = (struct cep_origin){rule->keeper, rule->reader, rule->places};
    }
    if (take)
        status = cep_readers_share(engine, origins);
    for (uint32_t i = 0; i < engine->plan->rule_count && status == RT_OK; i++) {
        if (origins[i].keeper != RULE_NONE && cep_is_keeper(&engine->rules[i]))
            status = plan_move(saved, &engine->rules[i], origins);
    }
    return status;
}

bool cep_readers_are_alike(const struct cep_engine *engine, const struct cep_saved *saved)
{
    for (uint32_t i = 0; i < engine->plan->rule_count; i++) {
        const struct cep_windows *windows = engine->rules[i].windows;
        const struct cep_saved_rule *was = &saved->rules[i];

        if (windows == NULL || !was->has_window)
            continue;
        if (windows->keeper->rule->index != was->keeper || windows->reader != was->reader)
            return false;
        for (const struct cep_move *move = was->moves; move != NULL; move = move->next)
            if (!move->is_alike)
                return false;
    }
    return true;
}

/* ---- a window ---- */

static void move_truths(const struct cep_rule *keeper, const struct cep_move *move,
                        struct rt_window *window)
{
    const uint32_t before = window->is_true;

    if (keeper->windows->shape.lateness.ms != 0)
        return; /* those of its panes are of one reader */
    window->is_true = 0;
    for (uint32_t i = 0; i < keeper->windows->reader_count; i++)
        window->is_true |= (before >> move->readers[i] & 1) << i;
}

enum rt_status cep_window_restore(struct cep_rule *keeper, const struct cep_move *move,
                                  struct rt_form *form, struct rt_window **out)
{
    const struct rt_window_shape *shape = &keeper->windows->shape;
    struct rt_blocks *blocks = &keeper->engine->windows;
    enum rt_status status = rt_window_load(move->is_alike ? shape : move->shape, blocks, form, out);

    if (status == RT_OK && !move->is_alike)
        status = rt_window_project(move->shape, *out, shape, move->places, blocks, out);
    if (status != RT_OK)
        return status;
    move_truths(keeper, move, *out);
    cep_readers_count(keeper, 0, 1, 0);
    return RT_OK;
}
