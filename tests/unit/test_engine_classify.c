/* SPDX-License-Identifier: Apache-2.0 */
/* The classifier against asking every rule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cep/classify.h"
#include "rules/value_ops.h"
#include "runtime/base/alloc.h"

enum { RULES = 60, SLOTS = 3, VALUES = 4 };

struct fixture {
    struct rule_plan plan;
    struct rule rules[RULES];
    const struct rule *list[RULES];
    struct rt_value values[RULES][VALUES];
};

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static struct rt_value random_value(uint64_t *seed)
{
    static const char *const words[] = {"login", "logout", "payment", "1"};
    uint64_t number = next_random(seed) % 4;

    switch (next_random(seed) % 6) {
    case 0:
        return rt_int((int64_t)number);
    case 1:
        return rt_double((double)number);
    case 2:
        return rt_bool(number > 1);
    case 3:
        return rt_null();
    default:
        return rt_string(words[number], (uint32_t)strlen(words[number]));
    }
}

static void make(struct fixture *fixture, uint64_t *seed)
{
    *fixture = (struct fixture){.plan = {.rules = fixture->list, .rule_count = RULES}};
    for (uint32_t i = 0; i < RULES; i++) {
        struct rule *rule = &fixture->rules[i];

        rule->index = i;
        rule->mode = next_random(seed) % 10 == 0 ? RULE_MODE_OFF : RULE_MODE_ALERT;
        rule->route.slot =
            next_random(seed) % 5 == 0 ? RT_NO_SLOT : (rt_slot)(next_random(seed) % SLOTS);
        rule->route.values = fixture->values[i];
        rule->route.value_count = next_random(seed) % (VALUES + 1);
        for (size_t v = 0; v < VALUES; v++)
            fixture->values[i][v] = random_value(seed);
        fixture->list[i] = rule;
    }
}

static bool cares(const struct rule *rule, const struct rt_event *event)
{
    if (rule->mode == RULE_MODE_OFF)
        return false;
    if (rule->route.slot == RT_NO_SLOT)
        return true;
    for (size_t i = 0; i < rule->route.value_count; i++) {
        if (expr_value_equal(rule->route.values[i], rt_event_at(event, rule->route.slot)))
            return true;
    }
    return false;
}

static void an_event_reaches_the_rules_whose_constant_it_has_and_no_others(void **state)
{
    uint64_t seed = 88172645463325252u;
    size_t reached = 0;

    (void)state;
    for (int round = 0; round < 50; round++) {
        struct fixture fixture;
        struct cep_classifier *classifier;

        make(&fixture, &seed);
        assert_int_equal(cep_classifier_new(&fixture.plan, &classifier), RT_OK);
        for (int i = 0; i < 50; i++) {
            struct rt_value slots[SLOTS];
            const struct rt_event event = {.slots = slots, .slot_count = SLOTS};
            size_t count, next = 0;

            for (size_t slot = 0; slot < SLOTS; slot++)
                slots[slot] = next_random(&seed) % 5 == 0 ? (struct rt_value){.type = RT_ABSENT}
                                                          : random_value(&seed);

            const uint32_t *list = cep_classify(classifier, &event, &count);

            for (uint32_t rule = 0; rule < RULES; rule++) {
                bool listed = next < count && list[next] == rule;

                assert_int_equal(listed, cares(&fixture.rules[rule], &event));
                next += listed;
            }
            assert_int_equal(next, count);
            reached += count;
        }
        cep_classifier_free(classifier);
    }
    assert_true(reached > 10000);
}

static void a_failing_allocation_leaves_nothing_behind(void **state)
{
    uint64_t seed = 3;
    struct fixture fixture;
    size_t before = rt_live_blocks();

    (void)state;
    make(&fixture, &seed);
    for (size_t nth = 1;; nth++) {
        struct cep_classifier *classifier = NULL;

        rt_fault_arm(nth);
        enum rt_status status = cep_classifier_new(&fixture.plan, &classifier);

        if (!rt_fault_disarm()) {
            assert_int_equal(status, RT_OK);
            cep_classifier_free(classifier);
            break;
        }
        assert_int_equal(status, RT_ERR_NOMEM);
        assert_null(classifier);
        assert_int_equal(rt_live_blocks(), before);
    }
    assert_int_equal(rt_live_blocks(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_reaches_the_rules_whose_constant_it_has_and_no_others),
        cmocka_unit_test(a_failing_allocation_leaves_nothing_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
