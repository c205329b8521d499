/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a rule with a window remembers of a key beyond the window at hand:
 *
 *     window: { tumbling: 5m, expires: 1d }       the key, for a day after its last event: empty windows are looked at
 *     having: errors > 2 * previous.errors        the outcomes of the window before
 *     aggregate: { usual: baseline(errors, 7d) }  the average outcome of the windows that ended in the last week
 *
 * Everything of it has an end, or the rule is refused: a key that never comes back must not stay.
 */
#include "rules/load.h"

/* ---- baseline(NAME, SPAN) ---- */

static struct rt_text trimmed(const char *data, size_t length)
{
    while (length > 0 && strchr(" \t\r\n", data[0]) != NULL)
        data++, length--;
    while (length > 0 && strchr(" \t\r\n", data[length - 1]) != NULL)
        length--;
    return (struct rt_text){data, length};
}

/* What is between the brackets of `baseline(...)`; false: it is something else. */
static bool arguments_of(const struct yaml_node *value, struct rt_text *out)
{
    static const char name[] = "baseline";
    struct rt_text text;

    if (value->kind != YAML_SCALAR)
        return false;
    text = trimmed(value->text.data, value->text.length);
    if (!rt_text_starts_with(text, RT_TEXT("baseline")))
        return false;
    text = trimmed(text.data + sizeof(name) - 1, text.length - (sizeof(name) - 1));
    if (text.length < 2 || text.data[0] != '(' || text.data[text.length - 1] != ')')
        return false;
    *out = trimmed(text.data + 1, text.length - 2);
    return true;
}

bool load_is_baseline(const struct yaml_node *value)
{
    struct rt_text arguments;

    return arguments_of(value, &arguments);
}

static bool find_aggregate(struct loader *loader, const struct yaml_node *node,
                           const struct rule_window *window, struct rt_text name, uint32_t *out)
{
    const char *names[RULE_AGGREGATES_MAX], *nearest;
    struct rt_diag *diag;

    for (uint32_t i = 0; i < window->aggregate_count; i++) {
        names[i] = window->aggregates[i].name == NULL ? "" : window->aggregates[i].name;
        if (rt_text_is(name, names[i])) {
            *out = i;
            return true;
        }
    }
    nearest = rt_nearest(name, names, window->aggregate_count);
    diag = LOAD_ERROR(loader, AGGREGATE, node, "the rule has no aggregate `%.*s`", (int)name.length,
                      name.data);
    if (nearest != NULL)
        rt_diag_label(loader->diags, diag, "did you mean `%s`?", nearest);
    else
        rt_diag_help(loader->diags, diag,
                     "name one of the rule's: `errors: count()` and `usual: baseline(errors, 7d)`");
    return false;
}

bool load_baseline(struct loader *loader, const struct yaml_node *value,
                   const struct rule_window *window, struct rule_baseline *out)
{
    struct rt_text text, name, span = {NULL, 0};
    const char *comma;
    int64_t ms;

    if (!arguments_of(value, &text))
        return false;
    comma = text.length == 0 ? NULL : memchr(text.data, ',', text.length);
    name = comma == NULL ? text : trimmed(text.data, (size_t)(comma - text.data));
    if (comma != NULL)
        span = trimmed(comma + 1, (size_t)(text.data + text.length - comma - 1));
    if (name.length == 0 || span.length == 0 || !rt_text_to_duration_ms(span, &ms) || ms <= 0 ||
        ms > RT_DURATION_MAX.ms) {
        rt_diag_help(loader->diags,
                     LOAD_ERROR(loader, AGGREGATE, value,
                                "`baseline` takes the name of an aggregate and a span of time"),
                     "its average over the windows of the last week is `baseline(errors, 7d)`");
        return false;
    }
    out->span = (rt_duration){ms};
    if (!find_aggregate(loader, value, window, name, &out->of))
        return false;
    if (load_aggregate_is_number(window->aggregates[out->of].function))
        return true;
    LOAD_ERROR(loader, AGGREGATE, value, "`baseline` averages numbers, `%s` is not one",
               rule_aggregate_name(window->aggregates[out->of].function));
    return false;
}

/* ---- names ---- */

bool load_history_names(struct loader *loader, struct load_rule *load, struct rule_window *window,
                        struct expr_binding *names)
{
    load->previous_mentioned =
        load_alloc(loader, window->aggregate_count, sizeof(*load->previous_mentioned));
    if (load->previous_mentioned == NULL)
        return false;
    for (uint32_t i = 0; i < window->baseline_count; i++)
        names[load->name_count++] = (struct expr_binding){.name = window->baselines[i].name,
                                                          .index = RULE_BINDING_BASELINES + i};
    for (uint32_t i = 0; i < window->aggregate_count; i++) {
        const struct rule_aggregate *aggregate = &window->aggregates[i];
        const char *name = aggregate->name == NULL || aggregate->name[0] == '\0'
                               ? ""
                               : rt_arena_printf(loader->arena, "previous.%s", aggregate->name);

        if (name == NULL) {
            loader->status = RT_ERR_NOMEM;
            return false;
        }
        if (load_aggregate_type(aggregate->function) == RT_LIST)
            continue; /* lists are not remembered */
        names[load->name_count++] =
            (struct expr_binding){.name = name,
                                  .index = RULE_BINDING_PREVIOUS + i,
                                  .type = load_aggregate_type(aggregate->function),
                                  .mentioned = &load->previous_mentioned[i]};
    }
    return true;
}

/* ---- what is remembered ---- */

static bool is_aligned(const struct rule_window *window)
{
    return window->kind == RULE_TUMBLING || window->kind == RULE_HOPPING;
}

/* `NAME == 0` for an aggregate that counts all events. */
static bool is_none(struct loader *loader, const struct rule_aggregate *aggregate,
                    struct rt_text text)
{
    const char *zero;

    if (aggregate->function != RULE_COUNT_EVENTS || aggregate->where.tree != NULL)
        return false;
    zero = rt_arena_printf(&loader->scratch, "%s == 0", aggregate->name);
    if (zero == NULL)
        loader->status = RT_ERR_NOMEM;
    return zero != NULL && rt_text_is(text, zero);
}

/* A condition that only an empty window can meet, in a rule that never looks at one: `n == 0`. */
static bool waits_for_nothing(struct loader *loader, const struct rule_window *window)
{
    enum { CONJUNCTS_MAX = 32 };
    struct expr_tree *parts[CONJUNCTS_MAX];
    struct rt_buffer text;
    size_t count;
    bool found = false;

    if (window->having_tree == NULL || window->looks_at_empty)
        return false;
    count = expr_tree_conjuncts((struct expr_tree *)(uintptr_t)window->having_tree, parts,
                                CONJUNCTS_MAX);
    rt_buffer_init(&text, SIZE_MAX);
    for (size_t i = 0; i < count && i < CONJUNCTS_MAX && loader->status == RT_OK; i++) {
        rt_buffer_reset(&text);
        expr_tree_print(parts[i], &text);
        if (text.failed)
            loader->status = RT_ERR_NOMEM;
        for (uint32_t k = 0; k < window->aggregate_count && !found; k++)
            found = is_none(loader, &window->aggregates[k], rt_buffer_view(&text));
    }
    rt_buffer_done(&text);
    return found;
}

/* The sliding window has no end, so there is none before it. */
static bool check_sliding(struct loader *loader, const struct load_rule *load)
{
    const struct rule_window *window = load->rule->window;

    if (window->kind != RULE_SLIDING || (window->previous == 0 && window->baseline_count == 0))
        return true;
    rt_diag_help(loader->diags,
                 LOAD_ERROR(loader, WINDOW, load->nodes.window,
                            "a sliding window has no end, so there is no window before it that "
                            "`previous` or `baseline` could tell of"),
                 "a hopping window is looked at regularly: `hopping: { size: 10m, slide: 1m }`");
    return false;
}

static bool check_session(struct loader *loader, const struct load_rule *load)
{
    const struct rule_window *window = load->rule->window;

    if (window->kind != RULE_SESSION)
        return true;
    if (window->previous != 0 && window->expires.ms == 0 && window->baseline_count == 0) {
        rt_diag_help(loader->diags,
                     LOAD_ERROR(loader, UNBOUNDED, load->nodes.window,
                                "the session before would be remembered for ever for a key that "
                                "does not come back"),
                     "write how long after its last event: `expires: 7d`");
        return false;
    }
    if (window->expires.ms != 0 && !window->remembers) {
        rt_diag_help(loader->diags,
                     LOAD_ERROR(loader, CONFLICT, load->nodes.window,
                                "`expires` in a session window says how long `previous` and "
                                "`baseline` are remembered, the rule has neither"),
                     "a session ends by itself when nothing came for its gap");
        return false;
    }
    if (window->expires.ms != 0 && window->expires.ms <= window->size.ms) {
        LOAD_ERROR(loader, WINDOW, load->nodes.window, "`expires` is longer than the gap");
        return false;
    }
    return true;
}

static bool check_baselines(struct loader *loader, const struct load_rule *load)
{
    const struct rule_window *window = load->rule->window;

    for (uint32_t i = 0; i < window->baseline_count; i++) {
        if (window->kind == RULE_COUNT || window->baselines[i].span.ms > window->size.ms)
            continue;
        LOAD_ERROR(loader, WINDOW, load->nodes.aggregate,
                   "the span of `%s` has no room for a window before the one at hand",
                   window->baselines[i].name);
        return false;
    }
    return true;
}

void load_history(struct loader *loader, struct load_rule *load)
{
    struct rule_window *window = (struct rule_window *)(uintptr_t)load->rule->window;
    bool good;

    if (window == NULL || !load->is_complete || load->previous_mentioned == NULL)
        return;
    for (uint32_t i = 0; i < window->aggregate_count; i++)
        window->previous |= load->previous_mentioned[i] ? UINT32_C(1) << i : 0;
    window->looks_at_empty =
        window->expires.ms != 0 && (is_aligned(window) || window->kind == RULE_SLIDING);
    window->remembers =
        window->looks_at_empty || window->previous != 0 || window->baseline_count > 0;
    good =
        check_sliding(loader, load) && check_session(loader, load) && check_baselines(loader, load);
    if (good && window->remembers && window->lateness.ms != 0) {
        rt_diag_help(loader->diags,
                     LOAD_ERROR(loader, CONFLICT, load->nodes.window,
                                "`expires`, `previous` and `baseline` go by what a window ended "
                                "with, which `allowed_lateness` may change later"),
                     "without it; `--out-of-orderness` lets all windows wait for late events");
    } else if (good && window->remembers && (window->purges || window->kind == RULE_GLOBAL)) {
        rt_diag_help(loader->diags,
                     LOAD_ERROR(loader, CONFLICT, load->nodes.window,
                                "`previous` and `baseline` go by a window's end, which %s",
                                window->purges ? "has not all of it after `purge`"
                                               : "a global window does not have"),
                     window->purges ? "early results that accumulate: `early: { every: 10s }`"
                                    : "a tumbling, hopping, session or count window");
    } else if (good && window->remembers && window->fire == RULE_FIRE_RESET) {
        LOAD_ERROR(loader, FIRE, load->nodes.fire,
                   "a window that is emptied when it fires has no end that `expires`, `previous` "
                   "or `baseline` could go by");
    } else if (good && waits_for_nothing(loader, window)) {
        rt_diag_help(loader->diags,
                     LOAD_ERROR(loader, WINDOW, load->nodes.having,
                                "a window without events is not looked at, so this is never true"),
                     "write how long after its last event a key is looked after: `window: { %s, "
                     "expires: 1d }`",
                     window->kind == RULE_SLIDING ? "sliding: 5m" : "tumbling: 5m");
    }
}
