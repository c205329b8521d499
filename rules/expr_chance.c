/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How rare a test is, before any event was seen.
 *
 *     chance of  field == c   =   tests with this c / (tests of the field + values that nobody asks for)
 *
 * A thousand rules that ask for `type == "login"` and each for another user are best found by the user.
 */
#include "rules/expr.h"
#include "rules/value_ops.h"
#include "runtime/base/alloc.h"

struct expr_chance { /* uses 0: free */
    uint64_t hash;
    uint32_t uses;
};

enum rt_status expr_chances_init(struct expr_chances *chances, size_t field_count)
{
    *chances = (struct expr_chances){.field_count = field_count, .use_capacity = 64};
    chances->tests = rt_alloc_zeroed(field_count, sizeof(*chances->tests));
    chances->uses = rt_alloc_zeroed(chances->use_capacity, sizeof(*chances->uses));
    if (chances->tests != NULL && chances->uses != NULL)
        return RT_OK;
    expr_chances_done(chances);
    return RT_ERR_NOMEM;
}

void expr_chances_done(struct expr_chances *chances)
{
    rt_free(chances->tests);
    rt_free(chances->uses);
    *chances = (struct expr_chances){.field_count = 0};
}

static uint64_t hash_of(const struct expr_probe *probe)
{
    return expr_value_hash(probe->value) ^
           ((uint64_t)probe->field * EXPR_PROBE_KINDS + probe->kind) * UINT64_C(0x9E3779B97F4A7C15);
}

/* Equal hashes count as one constant: it is a guess anyway. */
static struct expr_chance *find(struct expr_chance *uses, size_t capacity, uint64_t hash)
{
    size_t at = hash & (capacity - 1);

    while (uses[at].uses > 0 && uses[at].hash != hash)
        at = (at + 1) & (capacity - 1);
    return &uses[at];
}

static enum rt_status grow(struct expr_chances *chances)
{
    size_t capacity = 2 * chances->use_capacity;
    struct expr_chance *larger;

    if (2 * (chances->use_count + 1) <= chances->use_capacity)
        return RT_OK;
    larger = rt_alloc_zeroed(capacity, sizeof(*larger));
    if (larger == NULL)
        return RT_ERR_NOMEM;
    for (size_t i = 0; i < chances->use_capacity; i++) {
        if (chances->uses[i].uses > 0)
            *find(larger, capacity, chances->uses[i].hash) = chances->uses[i];
    }
    rt_free(chances->uses);
    chances->uses = larger;
    chances->use_capacity = capacity;
    return RT_OK;
}

enum rt_status expr_chances_count(struct expr_chances *chances, const struct expr_probe *probe)
{
    enum rt_status status = grow(chances);
    struct expr_chance *use;

    if (status != RT_OK || probe->field >= chances->field_count)
        return status;
    use = find(chances->uses, chances->use_capacity, hash_of(probe));
    chances->use_count += use->uses == 0;
    use->hash = hash_of(probe);
    use->uses++;
    chances->tests[probe->field][probe->kind]++;
    return RT_OK;
}

double expr_probe_chance(const struct expr_chances *chances, const struct expr_probe *probe)
{
    /* Values, in tests, that a field has besides those asked for.  Equality is cheapest to find, so it is favoured. */
    static const double others[EXPR_PROBE_KINDS] = {
        [EXPR_PROBE_EQUAL] = 4.0,    [EXPR_PROBE_STARTS] = 3.0,  [EXPR_PROBE_ENDS] = 3.0,
        [EXPR_PROBE_CONTAINS] = 2.0, [EXPR_PROBE_NETWORK] = 2.0,
    };
    uint32_t uses;

    if (probe->kind == EXPR_PROBE_ABOVE || probe->kind == EXPR_PROBE_BELOW ||
        probe->field >= chances->field_count)
        return 0.5;
    uses = find(chances->uses, chances->use_capacity, hash_of(probe))->uses;
    return (uses > 0 ? (double)uses : 1.0) /
           (others[probe->kind] + (double)chances->tests[probe->field][probe->kind]);
}
