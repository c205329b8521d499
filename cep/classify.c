/* SPDX-License-Identifier: Apache-2.0 */
#include "cep/classify.h"

#include <string.h>

#include "rules/value_ops.h"
#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"

/* A constant and the rules that ask for it. */
struct entry {
    uint64_t hash;
    struct rt_value value; /* borrowed from the plan; RT_ABSENT: the entry is free */
    uint32_t *rules;       /* ascending; into the classifier's pool */
    uint32_t count;
};

struct dictionary {
    rt_slot slot;
    struct entry *entries; /* owned; open addressing */
    size_t capacity;       /* a power of two */
};

struct cep_classifier {
    struct dictionary *dictionaries; /* owned */
    size_t dictionary_count;
    uint32_t *pool; /* owned: the rules of all entries */
    uint32_t *always;
    size_t always_count;
    uint32_t *found, *merged; /* owned: two buffers as long as there are rules */
};

static bool is_constant(struct rt_value value)
{
    switch (value.type) {
    case RT_NULL:
    case RT_BOOL:
    case RT_INT:
    case RT_UINT:
    case RT_STRING:
        return true;
    case RT_DOUBLE:
        return value.u.real == value.u.real; /* NaN equals nothing */
    default:
        return false;
    }
}

static struct entry *entry_of(const struct dictionary *dictionary, struct rt_value value)
{
    uint64_t hash = expr_value_hash(value);
    size_t mask = dictionary->capacity - 1;
    size_t place = hash & mask;

    for (;; place = (place + 1) & mask) {
        struct entry *entry = &dictionary->entries[place];

        if (entry->value.type == RT_ABSENT ||
            (entry->hash == hash && expr_value_equal(entry->value, value)))
            return entry;
    }
}

void cep_classifier_free(struct cep_classifier *classifier)
{
    if (classifier == NULL)
        return;
    for (size_t i = 0; i < classifier->dictionary_count; i++)
        rt_free(classifier->dictionaries[i].entries);
    rt_free(classifier->dictionaries);
    rt_free(classifier->pool);
    rt_free(classifier->always);
    rt_free(classifier->found);
    rt_free(classifier->merged);
    rt_free(classifier);
}

static bool is_routed(const struct rule *rule)
{
    return rule->mode != RULE_MODE_OFF && rule->route.slot != RT_NO_SLOT;
}

/* One dictionary for each slot that some rule is routed by, with room for its constants. */
static enum rt_status make_dictionaries(struct cep_classifier *classifier,
                                        const struct rule_plan *plan)
{
    for (uint32_t i = 0; i < plan->rule_count; i++) {
        const struct rule *rule = plan->rules[i];
        size_t at = 0;

        if (!is_routed(rule))
            continue;
        while (at < classifier->dictionary_count &&
               classifier->dictionaries[at].slot != rule->route.slot)
            at++;
        if (at == classifier->dictionary_count)
            classifier->dictionaries[classifier->dictionary_count++].slot = rule->route.slot;
        classifier->dictionaries[at].capacity += rule->route.value_count;
    }
    for (size_t i = 0; i < classifier->dictionary_count; i++) {
        struct dictionary *dictionary = &classifier->dictionaries[i];
        size_t capacity = 2;

        while (capacity < 2 * dictionary->capacity)
            capacity *= 2;
        dictionary->capacity = capacity;
        dictionary->entries = rt_alloc_zeroed(capacity, sizeof(*dictionary->entries));
        if (dictionary->entries == NULL)
            return RT_ERR_NOMEM;
    }
    return RT_OK;
}

static struct dictionary *dictionary_of(const struct cep_classifier *classifier, rt_slot slot)
{
    size_t at = 0;

    while (classifier->dictionaries[at].slot != slot)
        at++;
    return &classifier->dictionaries[at];
}

static void count_rule(struct cep_classifier *classifier, const struct rule_route *route)
{
    struct dictionary *dictionary = dictionary_of(classifier, route->slot);

    for (size_t v = 0; v < route->value_count; v++) {
        struct entry *entry = entry_of(dictionary, route->values[v]);

        RT_ASSERT(is_constant(route->values[v]));
        entry->hash = expr_value_hash(route->values[v]);
        entry->value = route->values[v];
        entry->count++;
    }
}

static void list_rule(struct cep_classifier *classifier, const struct rule_route *route,
                      uint32_t rule)
{
    struct dictionary *dictionary = dictionary_of(classifier, route->slot);

    for (size_t v = 0; v < route->value_count; v++) {
        struct entry *entry = entry_of(dictionary, route->values[v]);

        /* A constant that one rule names twice (1 and 1.0) is one place in the list. */
        if (entry->count == 0 || entry->rules[entry->count - 1] != rule)
            entry->rules[entry->count++] = rule;
    }
}

/* Twice over the rules in order: first the lengths of the lists, then the lists. */
static void fill_dictionaries(struct cep_classifier *classifier, const struct rule_plan *plan)
{
    uint32_t *next = classifier->pool;

    for (uint32_t i = 0; i < plan->rule_count; i++) {
        if (is_routed(plan->rules[i]))
            count_rule(classifier, &plan->rules[i]->route);
    }
    for (size_t d = 0; d < classifier->dictionary_count; d++) {
        for (size_t e = 0; e < classifier->dictionaries[d].capacity; e++) {
            struct entry *entry = &classifier->dictionaries[d].entries[e];

            entry->rules = next;
            next += entry->count;
            entry->count = 0;
        }
    }
    for (uint32_t i = 0; i < plan->rule_count; i++) {
        if (is_routed(plan->rules[i]))
            list_rule(classifier, &plan->rules[i]->route, i);
    }
}

enum rt_status cep_classifier_new(const struct rule_plan *plan, struct cep_classifier **out)
{
    struct cep_classifier *classifier = rt_alloc_zeroed(1, sizeof(*classifier));
    size_t places = 0;

    if (classifier == NULL)
        return RT_ERR_NOMEM;
    for (uint32_t i = 0; i < plan->rule_count; i++)
        places += is_routed(plan->rules[i]) ? plan->rules[i]->route.value_count : 0;
    classifier->dictionaries = rt_alloc_zeroed(plan->rule_count, sizeof(struct dictionary));
    classifier->pool = rt_alloc_zeroed(places, sizeof(uint32_t));
    classifier->always = rt_alloc_zeroed(plan->rule_count, sizeof(uint32_t));
    classifier->found = rt_alloc_zeroed(plan->rule_count, sizeof(uint32_t));
    classifier->merged = rt_alloc_zeroed(plan->rule_count, sizeof(uint32_t));
    if (classifier->dictionaries == NULL || classifier->pool == NULL ||
        classifier->always == NULL || classifier->found == NULL || classifier->merged == NULL)
        goto fail;
    if (make_dictionaries(classifier, plan) != RT_OK)
        goto fail;
    fill_dictionaries(classifier, plan);
    for (uint32_t i = 0; i < plan->rule_count; i++) {
        if (plan->rules[i]->mode != RULE_MODE_OFF && plan->rules[i]->route.slot == RT_NO_SLOT)
            classifier->always[classifier->always_count++] = i;
    }
    *out = classifier;
    return RT_OK;
fail:
    cep_classifier_free(classifier);
    return RT_ERR_NOMEM;
}

static size_t merge(const uint32_t *left, size_t left_count, const struct entry *right,
                    uint32_t *out)
{
    size_t l = 0, r = 0, count = 0;

    while (l < left_count && r < right->count)
        out[count++] = left[l] < right->rules[r] ? left[l++] : right->rules[r++];
    while (l < left_count)
        out[count++] = left[l++];
    while (r < right->count)
        out[count++] = right->rules[r++];
    return count;
}

const uint32_t *cep_classify(struct cep_classifier *classifier, const struct rt_event *event,
                             size_t *count)
{
    const uint32_t *list = classifier->always;
    size_t length = classifier->always_count;

    for (size_t i = 0; i < classifier->dictionary_count; i++) {
        const struct dictionary *dictionary = &classifier->dictionaries[i];
        struct rt_value value = rt_event_at(event, dictionary->slot);

        if (!is_constant(value))
            continue;

        const struct entry *entry = entry_of(dictionary, value);

        if (entry->value.type == RT_ABSENT || entry->count == 0)
            continue;
        if (length == 0) {
            list = entry->rules;
            length = entry->count;
            continue;
        }

        uint32_t *free_buffer = list == classifier->found ? classifier->merged : classifier->found;

        length = merge(list, length, entry, free_buffer);
        list = free_buffer;
    }
    *count = length;
    return list;
}
