/* SPDX-License-Identifier: Apache-2.0 */
/* How far back the events lie that a rule's state is made of. */
#include <string.h>

#include "rules/reach.h"
#include "tests/support/unit.h"

struct row {
    const char *rules; /* what stands below `rules:`, the last of which is asked about */
    int64_t span_ms;
    const char *unbounded; /* how it begins; NULL: bounded */
};

#define HEAD(id) "  - id: " id "\n    key_by: user\n"
#define TWO_STEPS                                                                                  \
    "    pattern:\n      - begin: a\n        match: { type: a }\n      - followedBy: b\n"          \
    "        match: { type: b }\n"
#define COUNTS "    aggregate: { n: count() }\n    having: n >= 3\n"

static const struct row rows[] = {
    {HEAD("r") "    match: { type: a }\n", 0, NULL},
    {HEAD("r") "    match: { type: a }\n    alert: { dedup: { for: 10s } }\n", 20000, NULL},
    {HEAD("r") TWO_STEPS "    within: 10s\n", 20000, NULL},
    {HEAD("r") TWO_STEPS "    within: 10s\n    after_match: no_skip\n", 10000, NULL},
    {HEAD("r") TWO_STEPS "    within: 10s\n    after_match: no_skip\n"
                         "    alert: { rate_limit: { max: 3, per: 1m } }\n",
     130000, NULL},
    {HEAD("r") TWO_STEPS, 0, "a pattern without `within`"},
    {HEAD("r") TWO_STEPS "    mode: off\n", 0, NULL},
    {HEAD("r") "    window: { sliding: 4s }\n" COUNTS "    fire: on_every\n", 4000, NULL},
    {HEAD("r") "    window: { sliding: 4s }\n" COUNTS, 8000, NULL},
    {HEAD("r") "    window: { sliding: 4s, expires: 1m }\n" COUNTS "    fire: on_every\n", 64000,
     NULL},
    {HEAD("r") "    window: { tumbling: 1m, allowed_lateness: 10s }\n" COUNTS, 70000, NULL},
    {HEAD("r") "    window: { hopping: { size: 1m, slide: 10s } }\n" COUNTS "    fire: on_close\n",
     60000, NULL},
    {HEAD("r") "    window: { tumbling: 1d, time_zone: Europe/Berlin }\n" COUNTS
               "    fire: on_close\n",
     2 * 86400000, NULL},
    {HEAD("r") "    window: { session: 4s }\n" COUNTS, 0, "a session may last"},
    {HEAD("r") "    window: { count: 10, expires: 1h }\n" COUNTS, 0, "it counts events"},
    {HEAD("r") "    window: { global: { count: 10 }, expires: 1h }\n" COUNTS, 0, "a global window"},
    {HEAD("r") "    window: { tumbling: 1m }\n"
               "    aggregate:\n      n: count()\n      usual: baseline(n, 1h)\n"
               "    having: usual != null && n > 2.0 * usual\n    fire: on_close\n",
     0, "a baseline goes back"},
    /* What alerts are made of counts for those who read them. */
    {HEAD("f") TWO_STEPS "    within: 10s\n    after_match: no_skip\n" HEAD(
         "r") "    source: alerts\n    match: { rule: f }\n    window: { tumbling: 1m }\n" COUNTS
              "    fire: on_close\n",
     70000, NULL},
    {HEAD("f") TWO_STEPS HEAD(
         "r") "    source: alerts\n    match: { rule: f }\n    window: { tumbling: 1m }\n" COUNTS
              "    fire: on_close\n",
     0, "it reads alerts of such a rule"},
};

static void a_rule_reaches_as_far_back_as_what_it_remembers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct row *row = &rows[i];
        struct rule_load_options options = {0};
        struct rt_diags *diags = NULL;
        struct rule_plan *plan = NULL;
        struct rule_reach reaches[2];
        struct rt_buffer text;

        rt_buffer_init(&text, 4096);
        rt_buffer_printf(&text, "version: 1\nrules:\n%s", row->rules);
        assert_int_equal(rt_diags_new(16, &diags), RT_OK);

        struct rule_source source = {"rules.yaml", rt_buffer_view(&text)};

        if (rule_load(&source, 1, &options, diags, &plan) != RT_OK)
            fail_msg("row %zu cannot be loaded:\n%s", i, row->rules);
        assert_in_range(plan->rule_count, 1, COUNT_OF(reaches));
        rule_reach(plan, reaches);

        const struct rule_reach *reach = &reaches[plan->rule_count - 1];

        if (row->unbounded != NULL && reach->unbounded == NULL)
            fail_msg("row %zu is bounded:\n%s", i, row->rules);
        if (row->unbounded != NULL)
            assert_memory_equal(reach->unbounded, row->unbounded, strlen(row->unbounded));
        else if (reach->unbounded != NULL || reach->span.ms != row->span_ms)
            fail_msg("row %zu: %s, %lld ms:\n%s", i,
                     reach->unbounded == NULL ? "bounded" : reach->unbounded,
                     (long long)reach->span.ms, row->rules);
        rule_plan_unref(plan);
        rt_diags_free(diags);
        rt_buffer_done(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rule_reaches_as_far_back_as_what_it_remembers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
