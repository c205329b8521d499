/* SPDX-License-Identifier: Apache-2.0 */
/*
 * To which of the engines that share the keys an event can matter: asked once, by the head, before the event is handed to any of them.
 *
 *     event --classify--> rules that can care --> their keys --> key groups --> engines
 *
 * R1  The head knows no runs, so to it every rule waits for everything that its later steps want: who is left out cannot care.
 * R2  An event that lacks a rule's key goes to the engine of group 0, as cep_owns says.
 */
#include "cep/state.h"
#include "runtime/base/alloc.h"

struct cep_router {
    uint8_t *owners; /* owned; by key group */
    uint16_t groups;
    uint64_t all; /* bits of all engines */
};

uint16_t cep_share_begin(uint16_t groups, uint32_t number, uint32_t workers)
{
    return (uint16_t)((uint32_t)groups * number / workers);
}

enum rt_status cep_router_new(struct cep_engine *engine)
{
    const struct cep_share *share = &engine->share;
    struct cep_router *router = rt_alloc_zeroed(1, sizeof(*router));

    engine->router = router;
    if (router == NULL)
        return RT_ERR_NOMEM;
    router->groups = share->groups;
    router->owners = rt_alloc_zeroed(share->groups, sizeof(*router->owners));
    if (router->owners == NULL)
        return RT_ERR_NOMEM;
    for (uint32_t i = 0; i < share->workers; i++) {
        router->all |= UINT64_C(1) << i;
        for (uint32_t group = cep_share_begin(share->groups, i, share->workers);
             group < cep_share_begin(share->groups, i + 1, share->workers); group++)
            router->owners[group] = (uint8_t)i;
    }
    for (uint32_t i = 0; i < engine->plan->rule_count; i++)
        cep_classifier_wake(engine->classifier, i);
    return RT_OK;
}

void cep_router_free(struct cep_router *router)
{
    if (router == NULL)
        return;
    rt_free(router->owners);
    rt_free(router);
}

static uint64_t owner_of(struct cep_engine *engine, uint32_t keying)
{
    const struct cep_event_key *key = cep_key_of_event(engine, keying);
    const struct cep_router *router = engine->router;

    return UINT64_C(1) << router->owners[key->has_key ? key->hash % router->groups : 0];
}

uint64_t cep_route(struct rt_operator *port, const struct rt_event *event)
{
    struct cep_engine *engine = (struct cep_engine *)port; /* its first member */
    uint32_t last = RULE_NONE;
    uint64_t owners = 0;
    const uint32_t *rules;
    size_t count;

    engine->counters.events++;
    rules = cep_classify(engine->classifier, event, &count);
    if (count == 0)
        return 0;
    cep_begin_event(engine, event);
    for (size_t i = 0; i < count && owners != engine->router->all; i++) {
        const struct cep_rule *rule = &engine->rules[rules[i]];

        if (!rule->rule->reads_events)
            continue;
        if (rule->rule->keying != last)
            owners |= owner_of(engine, rule->rule->keying);
        last = rule->rule->keying;
        for (uint32_t j = 1; j < rule->key_count; j++)
            owners |= owner_of(engine, rule->keys[j].keying);
    }
    cep_end_event(engine);
    return owners;
}
