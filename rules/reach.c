/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/reach.h"

enum { DAY_MS = 86400000 };

static void add(struct rule_reach *reach, rt_duration span)
{
    reach->span.ms = reach->span.ms > RT_DURATION_MAX.ms - span.ms ? RT_DURATION_MAX.ms
                                                                   : reach->span.ms + span.ms;
}

static struct rule_reach of_pattern(const struct rule *rule)
{
    struct rule_reach reach = {.span = rule->within};

    if (rule->within.ms == 0)
        reach.unbounded = "a pattern without `within`";
    /* A match that skips ends runs that began before it, so the runs before those at hand count. */
    if (rule->skip != NFA_NO_SKIP && rule->skip != NFA_SKIP_TO_NEXT)
        add(&reach, rule->within);
    return reach;
}

static struct rule_reach of_window(const struct rule_window *window)
{
    static const char *const unbounded[RULE_WINDOW_KINDS] = {
        [RULE_SESSION] = "a session may last for any time",
        [RULE_COUNT] = "it counts events, whenever they came",
        [RULE_GLOBAL] = "a global window has no beginning"};
    struct rule_reach reach = {.unbounded = unbounded[window->kind], .span = window->size};
    rt_duration longest = {0};

    if (window->fire == RULE_FIRE_ON_THRESHOLD || window->fire == RULE_FIRE_RESET)
        add(&reach, window->size);
    if (window->previous != 0)
        add(&reach, window->size);
    if (window->time_zone != NULL) /* where a day may be longer than a day */
        add(&reach, (rt_duration){DAY_MS});
    for (uint32_t i = 0; i < window->baseline_count; i++)
        if (window->baselines[i].span.ms > longest.ms)
            longest = window->baselines[i].span;
    if (window->baseline_count > 0) /* its windows go back to the first event of the key */
        reach.unbounded = "a baseline goes back to the first event of its key";
    add(&reach, longest);
    add(&reach, window->expires);
    add(&reach, window->lateness);
    return reach;
}

static void add_twice(struct rule_reach *reach, rt_duration span)
{
    add(reach, span);
    add(reach, span);
}

static struct rule_reach of_rule(const struct rule *rule)
{
    struct rule_reach reach = {.span = rule->new_value_ttl};
    rt_duration longest = {0};

    if (rule->kind == RULE_PATTERN)
        reach = of_pattern(rule);
    if (rule->kind == RULE_WINDOW)
        reach = of_window(rule->window);
    for (int kind = 0; kind < RULE_OUTPUT_COUNT; kind++) {
        const struct rule_output *output = &rule->outputs[kind];

        if (output->enabled && output->dedup.span.ms > longest.ms)
            longest = output->dedup.span;
        if (output->enabled && output->rate_limit.span.ms > longest.ms)
            longest = output->rate_limit.span;
    }
    add_twice(&reach, longest);
    return reach;
}

/* The reader's state is made of alerts as old as `own`, and each of those of what `feeder` had. */
static bool follow(struct rule_reach *reader, rt_duration own, const struct rule_reach *feeder)
{
    struct rule_reach through = *feeder;

    add(&through, own);
    if (feeder->unbounded != NULL && reader->unbounded == NULL) {
        reader->unbounded = "it reads alerts of such a rule";
        return true;
    }
    if (through.span.ms <= reader->span.ms)
        return false;
    reader->span = through.span;
    return true;
}

void rule_reach(const struct rule_plan *plan, struct rule_reach *out)
{
    bool changed = true;

    for (uint32_t i = 0; i < plan->rule_count; i++)
        out[i] = plan->rules[i]->mode == RULE_MODE_OFF ? (struct rule_reach){0}
                                                       : of_rule(plan->rules[i]);
    /* Who reads whom has no circle (load_feeds.c), so this ends after as many rounds as there are levels. */
    while (changed) {
        changed = false;
        for (uint32_t i = 0; i < plan->rule_count; i++) {
            const struct rule *rule = plan->rules[i];

            for (uint32_t k = 0; k < rule->reader_count; k++) {
                uint32_t reader = rule->readers[k];

                changed =
                    follow(&out[reader], of_rule(plan->rules[reader]).span, &out[i]) || changed;
            }
        }
    }
}
