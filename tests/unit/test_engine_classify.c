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
#include "runtime/base/ip.h"

enum { RULES = 150, SLOTS = 6, PROBES = 4, FEW_USES = 16 };

struct fixture {
    struct rule_plan plan;
    struct rule rules[RULES];
    const struct rule *list[RULES];
    uint32_t uses[SLOTS][EXPR_PROBE_KINDS];
    struct rule_probe starts[RULES][PROBES], waits[RULES][PROBES];
    unsigned char networks[RULES][2][PROBES][16];
};

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static struct rt_value random_text(uint64_t *seed)
{
    static const char *const words[] = {
        "login", "logout",     "log", "in",  "x/login/y", "10.1.2.3",   "10.1.9.9", "::1",
        "1",     "10.200.0.1", "l",   "ogi", "gin",       "loginlogin", "/y",       ""};
    const char *word = words[next_random(seed) % (sizeof(words) / sizeof(words[0]))];

    return rt_string(word, (uint32_t)strlen(word));
}

static struct rt_value random_value(uint64_t *seed)
{
    uint64_t number = next_random(seed) % 4;

    switch (next_random(seed) % 8) {
    case 0:
        return rt_int((int64_t)number);
    case 1:
        return rt_double((double)number + (next_random(seed) % 2 == 0 ? 0 : 0.5));
    case 2:
        return rt_bool(number > 1);
    case 3:
        return number == 0 ? rt_null() : rt_uint(number);
    default:
        return random_text(seed);
    }
}

static struct rt_value random_network(unsigned char bytes[16], uint64_t *seed)
{
    static const uint32_t lengths[] = {0, 8, 9, 16, 24, 32};
    struct rt_ip ip;

    (void)rt_ip_parse(rt_text_of("10.1.2.3"), &ip);
    memcpy(bytes, ip.bytes, sizeof(ip.bytes));
    return (struct rt_value){
        .type = RT_CIDR, .aux = 4, .length = lengths[next_random(seed) % 6], .u.bytes = bytes};
}

static void random_route(struct rule_route *route, struct rule_probe *probes,
                         unsigned char (*networks)[16], uint64_t *seed)
{
    *route = (struct rule_route){.all = next_random(seed) % 8 == 0, .probes = probes};
    route->probe_count = route->all ? 0 : next_random(seed) % (PROBES + 1);
    for (size_t i = 0; i < PROBES; i++) {
        struct rule_probe *probe = &probes[i];

        probe->slot = (rt_slot)(next_random(seed) % SLOTS);
        probe->kind = (enum expr_probe_kind)(next_random(seed) % EXPR_PROBE_KINDS);
        if (probe->kind == EXPR_PROBE_EQUAL)
            probe->value = random_value(seed);
        else if (probe->kind == EXPR_PROBE_NETWORK)
            probe->value = random_network(networks[i], seed);
        else if (probe->kind >= EXPR_PROBE_ABOVE)
            probe->value = rt_int((int64_t)(next_random(seed) % 4));
        else
            do
                probe->value = random_text(seed);
            while (probe->value.length == 0);
    }
}

static void make(struct fixture *fixture, uint64_t *seed)
{
    *fixture = (struct fixture){.plan = {.rules = fixture->list, .rule_count = RULES}};
    for (uint32_t i = 0; i < RULES; i++) {
        struct rule *rule = &fixture->rules[i];

        rule->index = i;
        rule->mode = next_random(seed) % 10 == 0 ? RULE_MODE_OFF : RULE_MODE_ALERT;
        rule->kind = RULE_PATTERN;
        random_route(&rule->start, fixture->starts[i], fixture->networks[i][0], seed);
        random_route(&rule->route, fixture->waits[i], fixture->networks[i][1], seed);
        fixture->list[i] = rule;
        for (size_t p = 0; rule->mode != RULE_MODE_OFF && p < PROBES; p++) {
            const struct rule_probe *start = &fixture->starts[i][p], *wait = &fixture->waits[i][p];

            fixture->uses[start->slot][start->kind] += p < rule->start.probe_count;
            fixture->uses[wait->slot][wait->kind] += p < rule->route.probe_count;
        }
    }
}

static bool is_within(struct rt_value text, struct rt_value part)
{
    for (uint32_t at = 0; at + part.length <= text.length; at++) {
        if (memcmp(text.u.text + at, part.u.text, part.length) == 0)
            return true;
    }
    return false;
}

/* Plainly, or true for a value that the test cannot take. */
static bool holds(const struct rule_probe *probe, struct rt_value value)
{
    struct rt_value constant = probe->value;
    enum expr_order order = expr_value_order(value, constant);
    struct rt_ip ip;

    if (probe->kind == EXPR_PROBE_EQUAL)
        return expr_value_equal(constant, value);
    if (probe->kind >= EXPR_PROBE_ABOVE)
        return order == EXPR_NO_ORDER || order == EXPR_EQUAL ||
               order == (probe->kind == EXPR_PROBE_ABOVE ? EXPR_GREATER : EXPR_LESS);
    if (value.type != RT_STRING)
        return true;
    if (probe->kind == EXPR_PROBE_NETWORK)
        return !rt_ip_parse_lenient(rt_value_text(value), &ip) ||
               rt_ip_same_prefix(ip.bytes, constant.u.bytes, 96 + constant.length);
    if (probe->kind == EXPR_PROBE_CONTAINS)
        return is_within(value, constant);
    return value.length >= constant.length &&
           memcmp(value.u.text +
                      (probe->kind == EXPR_PROBE_ENDS ? value.length - constant.length : 0),
                  constant.u.text, constant.length) == 0;
}

static bool comes_through(const struct fixture *fixture, const struct rule_route *route,
                          const struct rt_event *event)
{
    bool any = route->all;

    for (size_t i = 0; i < route->probe_count; i++) {
        const struct rule_probe *probe = &route->probes[i];
        struct rt_value value = rt_event_at(event, probe->slot);

        any |= value.type == RT_ABSENT ? probe->kind != EXPR_PROBE_EQUAL &&
                                             fixture->uses[probe->slot][probe->kind] <= FEW_USES
                                       : holds(probe, value);
    }
    return any;
}

static void check_event(const struct fixture *fixture, struct cep_classifier *classifier,
                        const struct rt_event *event, const uint32_t *runs)
{
    size_t count, next = 0;
    const uint32_t *list = cep_classify(classifier, event, &count);

    for (uint32_t i = 0; i < RULES; i++) {
        const struct rule *rule = &fixture->rules[i];
        bool wanted = rule->mode != RULE_MODE_OFF &&
                      (comes_through(fixture, &rule->start, event) ||
                       (runs[i] > 0 && comes_through(fixture, &rule->route, event)));
        bool listed = next < count && list[next] == i;

        assert_int_equal(listed, wanted);
        next += listed;
    }
    assert_int_equal(next, count);
}

static void random_event(uint64_t *seed, struct rt_value slots[SLOTS])
{
    for (size_t slot = 0; slot < SLOTS; slot++)
        slots[slot] =
            next_random(seed) % 5 == 0 ? (struct rt_value){.type = RT_ABSENT} : random_value(seed);
}

/* A rule begins or ends a run. */
static void change_runs(struct cep_classifier *classifier, uint64_t *seed, uint32_t runs[RULES])
{
    uint32_t rule = (uint32_t)(next_random(seed) % RULES);

    if (runs[rule] > 0 && next_random(seed) % 3 > 0) {
        cep_classifier_rest(classifier, rule);
        runs[rule]--;
    } else {
        cep_classifier_wake(classifier, rule);
        runs[rule]++;
    }
}

static void an_event_reaches_the_rules_that_it_can_start_or_that_wait_for_it(void **state)
{
    uint64_t seed = 88172645463325252u;

    (void)state;
    for (int round = 0; round < 40; round++) {
        static struct fixture fixture;
        struct cep_classifier *classifier;
        uint32_t runs[RULES] = {0};

        make(&fixture, &seed);
        assert_int_equal(cep_classifier_new(&fixture.plan, false, &classifier), RT_OK);
        for (int i = 0; i < 60; i++) {
            struct rt_value slots[SLOTS];
            const struct rt_event event = {.slots = slots, .slot_count = SLOTS};

            random_event(&seed, slots);
            check_event(&fixture, classifier, &event, runs);
            for (int change = 0; change < 20; change++)
                change_runs(classifier, &seed, runs);
        }
        cep_classifier_free(classifier);
    }
}

static void a_failing_allocation_leaves_nothing_behind(void **state)
{
    uint64_t seed = 3;
    static struct fixture fixture;
    size_t before = rt_live_blocks();

    (void)state;
    make(&fixture, &seed);
    for (size_t nth = 1;; nth++) {
        struct cep_classifier *classifier = NULL;

        rt_fault_arm(nth);
        enum rt_status status = cep_classifier_new(&fixture.plan, false, &classifier);

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
        cmocka_unit_test(an_event_reaches_the_rules_that_it_can_start_or_that_wait_for_it),
        cmocka_unit_test(a_failing_allocation_leaves_nothing_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
