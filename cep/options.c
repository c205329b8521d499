/* SPDX-License-Identifier: Apache-2.0 */
#include "cep/options.h"

#define POLICY_NAME "state.limits.on_limit"

enum limit_kind { COUNT, BYTES };

struct limit {
    const char *name;
    size_t offset; /* of its uint64_t in struct cep_options */
    enum limit_kind kind;
};

// NOLINTBEGIN(bugprone-macro-parentheses): a member's name cannot stand in parentheses
static const struct limit limits[] = {
#define LIMIT(name, field, kind, standard, help) {name, offsetof(struct cep_options, field), kind},
#include "cep/options.def"
#undef LIMIT
};
// NOLINTEND(bugprone-macro-parentheses)

static const char *const names[] = {
#define LIMIT(name, field, kind, standard, help) name,
#include "cep/options.def"
#undef LIMIT
    POLICY_NAME};

/* What the loader of rules warns with is what holds. */
enum {
#define LIMIT(name, field, kind, standard, help) STANDARD_##field = (standard),
#include "cep/options.def"
#undef LIMIT
};
_Static_assert((int)STANDARD_partials_per_key == (int)NFA_RUNS_PER_KEY_USUAL &&
                   (int)STANDARD_events_per_partial == (int)NFA_PATH_LENGTH_USUAL,
               "one number in two places");

static const char *const policies[] = {
    [NFA_DROP_OLDEST] = "drop_oldest", [NFA_DROP_NEW] = "drop_new", [NFA_STOP] = "stop"};

struct cep_options cep_options_standard(void)
{
    return (struct cep_options){
#define LIMIT(name, field, kind, standard, help) .field = (standard),
#include "cep/options.def"
#undef LIMIT
        .on_limit = NFA_DROP_OLDEST,
    };
}

const char *const *cep_option_names(size_t *count)
{
    *count = sizeof(names) / sizeof(names[0]);
    return names;
}

static enum rt_status set_limit(struct cep_options *options, const struct limit *limit,
                                struct rt_text value)
{
    uint64_t number;
    bool good =
        limit->kind == BYTES ? rt_text_to_bytes(value, &number) : rt_text_to_uint(value, &number);

    if (!good || number == 0 || number > INT64_MAX)
        return RT_ERR_DATA;
    memcpy((char *)options + limit->offset, &number, sizeof(number));
    return RT_OK;
}

enum rt_status cep_options_set(struct cep_options *options, struct rt_text name,
                               struct rt_text value)
{
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        if (rt_text_is(name, limits[i].name))
            return set_limit(options, &limits[i], value);
    }
    if (!rt_text_is(name, POLICY_NAME))
        return RT_ERR_NOT_FOUND;
    for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
        if (rt_text_is(value, policies[i])) {
            options->on_limit = (enum nfa_limit_policy)i;
            return RT_OK;
        }
    }
    return RT_ERR_DATA;
}
