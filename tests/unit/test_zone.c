/* SPDX-License-Identifier: Apache-2.0 */
/* Time zones: the system's files, the rule behind their last transition, and what is no zone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "rules/zone.h"
#include "rules/zone_rule.h"
#include "runtime/base/alloc.h"
#include "runtime/base/calendar.h"

static int64_t instant(const char *text)
{
    int64_t seconds;
    uint32_t nanos;

    assert_true(rt_rfc3339_parse(rt_text_of(text), &seconds, &nanos));
    return seconds;
}

static void a_zone_knows_its_offset_at_any_time(void **state)
{
    static const struct {
        const char *name;
        const char *at;
        int64_t seconds;
    } cases[] = {
        {"UTC", "2026-01-01T00:00:00Z", 0},
        {"Europe/Berlin", "2026-01-01T00:00:00Z", 3600},
        {"Europe/Berlin", "2026-03-29T00:59:59Z", 3600},
        {"Europe/Berlin", "2026-03-29T01:00:00Z", 7200},
        {"Europe/Berlin", "2026-10-25T00:59:59Z", 7200},
        {"Europe/Berlin", "2026-10-25T01:00:00Z", 3600},
        {"Europe/Berlin", "1945-06-01T00:00:00Z", 10800}, /* midsummer time */
        {"Europe/Berlin", "9999-07-01T00:00:00Z", 7200},  /* by the rule */
        {"America/New_York", "2100-07-04T12:00:00Z", -14400},
        {"Asia/Kathmandu", "2009-02-13T23:31:30Z", 20700},
        {"America/St_Johns", "2009-02-13T02:00:00Z", -12600},
        {"Australia/Sydney", "2040-01-01T00:00:00Z", 39600}, /* summer over the new year */
        {"Australia/Sydney", "2040-07-01T00:00:00Z", 36000},
        {"Asia/Tokyo", "2500-07-01T00:00:00Z", 32400},
        {"US/Central", "2009-02-13T23:31:30Z", -21600},
        {"+02:00", "2026-01-01T00:00:00Z", 7200},
        {"02:00", "2026-01-01T00:00:00Z", 7200},
        {"-09:30", "2026-01-01T00:00:00Z", -34200},
        {"-00:00", "2026-01-01T00:00:00Z", 0},
    };
    struct expr_zones *zones;

    (void)state;
    assert_int_equal(expr_zones_new(&zones), RT_OK);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t seconds = -1;

        assert_int_equal(
            expr_zone_offset(zones, rt_text_of(cases[i].name), instant(cases[i].at), &seconds),
            RT_OK);
        if (seconds != cases[i].seconds)
            fail_msg("%s at %s: %lld", cases[i].name, cases[i].at, (long long)seconds);
    }
    expr_zones_free(zones);
    assert_int_equal(rt_live_blocks(), 0);
}

static void what_is_no_zone_is_refused(void **state)
{
    static const char *const names[] = {
        "",       "Nowhere/City", "../../../etc/passwd", "/etc/localtime", "+2:00",
        "+24:00", "+02:60",       "+02:00:00",           "Europe",         "zone.tab",
        "a b",    "Europe/",      "tzdata.zi",           "+0x:00",
    };
    struct expr_zones *zones;

    (void)state;
    assert_int_equal(expr_zones_new(&zones), RT_OK);
    for (int round = 0; round < 2; round++) { /* from the file system, then from memory */
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
            int64_t seconds;

            assert_int_equal(expr_zone_offset(zones, rt_text_of(names[i]), 0, &seconds),
                             RT_ERR_DATA);
        }
    }
    expr_zones_free(zones);
}

static void names_from_events_do_not_fill_the_memory(void **state)
{
    struct expr_zones *zones;

    (void)state;
    assert_int_equal(expr_zones_new(&zones), RT_OK);
    for (int i = 0; i < 5000; i++) {
        char name[32];
        int64_t seconds;

        snprintf(name, sizeof(name), "Nowhere/%d", i);
        assert_int_equal(expr_zone_offset(zones, rt_text_of(name), 0, &seconds), RT_ERR_DATA);
    }
    assert_true(rt_live_blocks() < 1100);
    expr_zones_free(zones);
}

static void a_rule_is_read_in_all_its_forms(void **state)
{
    static const struct {
        const char *text;
        const char *winter, *summer; /* instants */
        int64_t winter_seconds, summer_seconds;
    } cases[] = {
        {"CET-1CEST,M3.5.0,M10.5.0/3", "2026-01-15T00:00:00Z", "2026-07-15T00:00:00Z", 3600, 7200},
        {"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2026-07-15T00:00:00Z", "2026-01-15T00:00:00Z",
         37800, 39600},
        {"EST5EDT4,J60/2,J300/2", "2026-03-01T06:59:59Z", "2026-03-01T07:00:00Z", -18000, -14400},
        {"EST5EDT,59/2,299/2", "2026-02-28T23:00:00Z", "2026-03-01T08:00:00Z", -18000, -14400},
        {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-03-29T00:59:59Z", "2026-03-29T01:00:00Z", -7200,
         -3600},
        {"JST-9", "2026-01-15T00:00:00Z", "2026-07-15T00:00:00Z", 32400, 32400},
    };
    static const char *const refused[] = {"",
                                          "E5",
                                          "EST",
                                          "EST5EDT",
                                          "EST5EDT,M3.5.0",
                                          "EST5EDT,M13.1.0,M10.1.0",
                                          "<EST5",
                                          "EST5EDT,M3.5.0,M10.5.0x"};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct zone_rule rule;

        assert_true(expr_zone_rule_parse(rt_text_of(cases[i].text), &rule));
        assert_int_equal(expr_zone_rule_offset(&rule, instant(cases[i].winter)),
                         cases[i].winter_seconds);
        assert_int_equal(expr_zone_rule_offset(&rule, instant(cases[i].summer)),
                         cases[i].summer_seconds);
    }
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct zone_rule rule;

        assert_false(expr_zone_rule_parse(rt_text_of(refused[i]), &rule));
    }
}

static void every_failed_allocation_is_reported(void **state)
{
    (void)state;
    for (size_t nth = 1;; nth++) {
        struct expr_zones *zones = NULL;
        int64_t seconds;

        rt_fault_arm(nth);

        enum rt_status status = expr_zones_new(&zones);

        if (status == RT_OK)
            status = expr_zone_offset(zones, RT_TEXT("Europe/Berlin"), 0, &seconds);
        expr_zones_free(zones);
        assert_int_equal(rt_live_blocks(), 0);
        if (!rt_fault_disarm()) {
            assert_int_equal(status, RT_OK);
            break;
        }
        assert_int_equal(status, RT_ERR_NOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_zone_knows_its_offset_at_any_time),
        cmocka_unit_test(what_is_no_zone_is_refused),
        cmocka_unit_test(names_from_events_do_not_fill_the_memory),
        cmocka_unit_test(a_rule_is_read_in_all_its_forms),
        cmocka_unit_test(every_failed_allocation_is_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
