/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules that keep the same window of the same events keep it once:
 *
 *     a: [ count | sum of x ]           having n > 3
 *     b: [ count | last ip ]       -->  [ count | sum of x | last ip ], read by a and b
 *
 * What a rule asks of its window and when is its own affair, as long as that leaves the window as it is.
 */
#include "rules/plan_build.h"
#include "runtime/base/alloc.h"
#include "runtime/base/hash.h"

enum { KEY_BYTES_MAX = 1 << 20 };

/* ---- what is alike ---- */

static void add_number(struct rt_buffer *out, uint64_t number)
{
    rt_buffer_add(out, (const char *)&number, sizeof(number));
}

static void add_text(struct rt_buffer *out, const char *text)
{
    const struct rt_text shown = rt_text_of(text == NULL ? "" : text);

    add_number(out, shown.length);
    rt_buffer_text(out, shown);
}

static void add_tree(struct rt_buffer *out, const struct expr_tree *tree)
{
    const struct rt_hash128 print =
        tree == NULL ? (struct rt_hash128){0} : expr_tree_fingerprint(tree);

    add_number(out, print.low);
    add_number(out, print.high);
}

/* Which events go into which window, and when that ends. */
static void add_rule(struct rt_buffer *out, const struct rule *rule)
{
    const struct rule_window *window = rule->window;

    add_number(out, rule->keying);
    add_number(out, rule->group_parts);
    add_number(out, rule->source_count);
    for (uint32_t i = 0; i < rule->source_count; i++)
        add_text(out, rule->sources[i]);
    add_tree(out, rule->filter.tree);
    add_tree(out, rule->where.tree);
    add_number(out, rule->has_cancel);
    add_tree(out, rule->cancel_if.tree);
    for (uint32_t i = 0; i < rule->except_count; i++) {
        add_tree(out, rule->excepts[i].condition.tree);
        add_number(out, (uint64_t)rule->excepts[i].expires.ms);
    }
    add_number(out, (uint64_t)window->kind);
    add_number(out, (uint64_t)window->size.ms);
    add_number(out, (uint64_t)window->slide.ms);
    add_number(out, (uint64_t)window->offset.ms);
    add_number(out, window->count);
    add_number(out, window->every);
    add_text(out, window->time_zone);
}

static enum rt_status fingerprint_aggregates(const struct rule *rule)
{
    struct rule_aggregate *aggregates =
        (struct rule_aggregate *)(uintptr_t)rule->window->aggregates;
    struct rt_buffer key;
    bool failed = false;

    rt_buffer_init(&key, KEY_BYTES_MAX);
    for (uint32_t i = 0; i < rule->window->aggregate_count && !failed; i++) {
        struct rule_aggregate *aggregate = &aggregates[i];
        uint64_t rank;

        memcpy(&rank, &aggregate->quantile, sizeof(rank));
        rt_buffer_reset(&key);
        add_number(&key, (uint64_t)aggregate->function);
        add_number(&key, rank);
        add_number(&key, aggregate->items);
        add_tree(&key, aggregate->tree);
        add_tree(&key, aggregate->where.tree);
        aggregate->fingerprint = rt_hash128(key.data, key.length);
        failed = key.failed;
    }
    rt_buffer_done(&key);
    return failed ? RT_ERR_NOMEM : RT_OK;
}

/* Nothing that the rule finds out changes its window, and nothing but that is remembered. */
static bool can_share(const struct rule *rule)
{
    const struct rule_window *window = rule->window;

    return rule->mode != RULE_MODE_OFF && window->lateness.ms == 0 && window->early_every.ms == 0 &&
           !window->early_on_change && !window->remembers && window->fire != RULE_FIRE_RESET;
}

/* ---- joining ---- */

static bool has_taken(const uint8_t *places, uint32_t count, uint32_t place)
{
    for (uint32_t i = 0; i < count; i++) {
        if (places[i] == place)
            return true;
    }
    return false;
}

static bool is_equal(struct rt_hash128 left, struct rt_hash128 right)
{
    return left.low == right.low && left.high == right.high;
}

bool rule_window_join(const struct rule_window *window, struct rule_window_union *all,
                      uint8_t *places)
{
    uint32_t count = all->count;

    for (uint32_t i = 0; i < window->aggregate_count; i++) {
        const struct rule_aggregate *aggregate = &window->aggregates[i];
        uint32_t at = 0;

        while (at < count && (!is_equal(all->aggregates[at]->fingerprint, aggregate->fingerprint) ||
                              has_taken(places, i, at)))
            at++;
        if (at == RULE_AGGREGATES_MAX)
            return false;
        if (at == count)
            all->aggregates[count++] = aggregate;
        places[i] = (uint8_t)at;
    }
    all->count = count;
    return true;
}

/* The windows that can be joined, by number. */
struct sharing {
    struct rt_map known; /* fingerprint -> number of the newest of its kind */
    struct kept {
        struct rule_window_union all;
        uint32_t keeper, readers;
    } * kept; /* owned */
    struct rt_hash128 *prints;
    uint32_t count;
};

static enum rt_status share_one(struct sharing *sharing, const struct rule *rule,
                                const struct rt_buffer *key)
{
    struct rule_window *window = (struct rule_window *)(uintptr_t)rule->window;
    struct rt_hash128 *print = &sharing->prints[sharing->count];
    const struct rt_text name = {(const char *)print, sizeof(*print)};
    uint8_t places[RULE_AGGREGATES_MAX];
    uint64_t at;

    *print = rt_hash128(key->data, key->length);
    if (rt_map_get(&sharing->known, name, &at)) {
        struct kept *kept = &sharing->kept[at];

        if (kept->readers < RULE_READERS_MAX && rule_window_join(window, &kept->all, places)) {
            kept->readers++;
            window->keeper = kept->keeper;
            return RT_OK;
        }
    }
    at = sharing->count++;
    sharing->kept[at] = (struct kept){.keeper = rule->index, .readers = 1};
    (void)rule_window_join(window, &sharing->kept[at].all, places);
    return rt_map_set(&sharing->known, name, at);
}

static enum rt_status share_all(struct plan_builder *builder, struct sharing *sharing,
                                struct rt_buffer *key)
{
    enum rt_status status = RT_OK;

    for (size_t i = 0; i < builder->rule_count && status == RT_OK; i++) {
        const struct rule *rule = builder->rules[i];

        if (rule->window == NULL)
            continue;
        ((struct rule_window *)(uintptr_t)rule->window)->keeper = rule->index;
        status = fingerprint_aggregates(rule);
        if (status != RT_OK || !can_share(rule))
            continue;
        rt_buffer_reset(key);
        add_rule(key, rule);
        status = key->failed ? RT_ERR_NOMEM : share_one(sharing, rule, key);
    }
    return status;
}

enum rt_status plan_share_windows(struct plan_builder *builder)
{
    struct sharing sharing = {.count = 0};
    struct rt_buffer key;
    enum rt_status status = RT_ERR_NOMEM;

    sharing.kept = rt_alloc_zeroed(builder->rule_count, sizeof(*sharing.kept));
    sharing.prints = rt_alloc_zeroed(builder->rule_count + 1, sizeof(*sharing.prints));
    rt_buffer_init(&key, KEY_BYTES_MAX);
    if (sharing.kept != NULL && sharing.prints != NULL)
        status = share_all(builder, &sharing, &key);
    rt_buffer_done(&key);
    rt_map_done(&sharing.known);
    rt_free(sharing.kept);
    rt_free(sharing.prints);
    return status;
}
