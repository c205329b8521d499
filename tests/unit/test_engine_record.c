/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The form of a record, byte for byte, in tests/cases/engine/records.  Ids are pinned: a change breaks replays.  The revision,
 * which is the loader's, is written as R.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cep/include/egret/egret.h"
#include "runtime/base/text.h"

static const char rules_text[] = "version: 1\n"
                                 "rules:\n"
                                 "  - id: brute\n"
                                 "    title: A \"guessed\" password\n"
                                 "    severity: high\n"
                                 "    tags: [auth, attack.t1110]\n"
                                 "    key_by: [event.user.name, event.realm]\n"
                                 "    pattern:\n"
                                 "      - begin: fail\n"
                                 "        where: outcome == \"failure\"\n"
                                 "        times: 2\n"
                                 "      - followedBy: ok\n"
                                 "        where: outcome == \"success\"\n"
                                 "    within: 10m\n"
                                 "    alert:\n"
                                 "      message: \"{{ key.name }} got in after {{ size(fail) }}\"\n"
                                 "      fields: { attempts: size(fail), ip: ok.ip }\n";

static void collect(void *context, const struct egret_alert *alert)
{
    struct rt_buffer *out = context;
    size_t length;
    const char *json = egret_alert_json(alert, &length);
    const char *key = egret_alert_key(alert, &length);

    const char *revision = strstr(json, "\"revision\":\"") + strlen("\"revision\":\"");

    const char *sink = egret_alert_sink(alert, 0);

    rt_buffer_add(out, json, (size_t)(revision - json));
    rt_buffer_char(out, 'R');
    rt_buffer_string(out, strchr(revision, '"'));
    rt_buffer_char(out, '\n');
    rt_buffer_printf(out, "%s %s %s %s [%s] %lld %lld %.*s\n", egret_alert_id(alert),
                     egret_alert_rule(alert), egret_alert_output(alert),
                     egret_alert_severity(alert), sink == NULL ? "" : sink,
                     (long long)egret_alert_time(alert), (long long)egret_alert_first_time(alert),
                     (int)length, key);
}

struct fixture {
    struct egret_ruleset *rules;
    struct egret_engine *engine;
    struct rt_buffer out;
};

static void open(struct fixture *fixture)
{
    assert_int_equal(egret_ruleset_load_text("r", rules_text, NULL, NULL, &fixture->rules),
                     EGRET_OK);
    rt_buffer_init(&fixture->out, 1 << 20);
    assert_int_equal(
        egret_engine_new(fixture->rules, NULL, collect, &fixture->out, &fixture->engine), EGRET_OK);
}

static void close(struct fixture *fixture, const char *name)
{
    char path[500], expected[8192];
    FILE *file;
    size_t length;

    snprintf(path, sizeof(path), "%s/tests/cases/engine/records/%s", EGRET_SOURCE_DIR, name);
    file = fopen(path, "r");
    assert_non_null(file);
    length = fread(expected, 1, sizeof(expected) - 1, file);
    expected[length] = '\0';
    fclose(file);
    assert_string_equal(fixture->out.data, expected);
    egret_engine_free(fixture->engine);
    egret_ruleset_unref(fixture->rules);
    rt_buffer_done(&fixture->out);
}

static void a_record_has_its_keys_in_order_and_its_events_as_they_came(void **state)
{
    static const char *const events[] = {
        "{\"ts\":1767225600000,\"user\":{\"name\":\"bob\"},\"realm\":7,\"outcome\":\"failure\"}",
        "{ \"ts\":1767225601000, \"realm\":7.0, \"user\":{\"name\":\"bob\"}, "
        "\"outcome\":\"failure\",\"x\":\"\\u00e9\"}",
        "{\"ts\":1767225655250,\"user\":{\"name\":\"bob\"},\"realm\":7,\"outcome\":\"success\","
        "\"ip\":\"198.51.100.7\"}",
    };
    struct fixture fixture;

    (void)state;
    open(&fixture);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(egret_engine_push_json(fixture.engine, events[i], strlen(events[i])),
                         EGRET_OK);
    close(&fixture, "json.txt");
}

static void an_event_of_a_program_is_written_from_its_fields(void **state)
{
    struct fixture fixture;
    struct egret_batch *batch;

    (void)state;
    open(&fixture);
    assert_int_equal(egret_batch_new(fixture.rules, 3, &batch), EGRET_OK);
    for (int i = 0; i < 3; i++) {
        struct egret_event *event = egret_event_new(batch, 1767225600000 + i);
        const char *outcome = i < 2 ? "failure" : "success";

        egret_event_set_text(event, egret_ruleset_field(fixture.rules, "user.name"), "bob", 3);
        egret_event_set_int(event, egret_ruleset_field(fixture.rules, "realm"), 7);
        egret_event_set_text(event, egret_ruleset_field(fixture.rules, "outcome"), outcome, 7);
        egret_event_set_double(event, egret_ruleset_field(fixture.rules, "nonsense"), 1.5);
        egret_event_set_position(event, 3, 100 + (uint64_t)i);
        assert_int_equal(egret_engine_push(fixture.engine, event), EGRET_OK);
    }
    assert_null(egret_event_new(batch, 0));
    egret_batch_free(batch);
    close(&fixture, "program.txt");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_has_its_keys_in_order_and_its_events_as_they_came),
        cmocka_unit_test(an_event_of_a_program_is_written_from_its_fields),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
