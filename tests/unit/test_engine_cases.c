/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules and events as text, alerts as text: every file of tests/cases/engine.
 *
 *     ## name of the case
 *     version: 1 ...                          the rule file
 *     -- options
 *     state.limits.keys=3                     as for egret_options_set
 *     -- events
 *     {"ts":0,"user":"bob"}                   a line an event; `advance 500` moves the watermark, `open` leaves the end out
 *     -- alerts
 *     match brute 0.055 {"user":"bob"} "message" {"attempts":5} fail=0,1 ok=2
 *     -- counters
 *     matched=1 no_key=0
 *
 * An alert is written as output, `:severity` unless it is medium, rule, time in seconds, key, message, fields and, for each step, the numbers of its events,
 * `!RULE` for an alert that was read as one;
 * `suppressed=N` if the record tells of those that a rate limit left out.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "cep/include/egret/egret.h"
#include "runtime/base/alloc.h"
#include "runtime/base/text.h"

enum { TEXT_MAX = 1 << 20, PARTS = 5 };

enum part { RULES, OPTIONS, EVENTS, ALERTS, COUNTERS };

static const char *const part_names[PARTS] = {"", "-- options", "-- events", "-- alerts",
                                              "-- counters"};

struct engine_case {
    char name[200];
    struct rt_buffer parts[PARTS];
};

/* ---- what came out, as text ---- */

static void write_value(struct rt_buffer *out, const json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

    assert_non_null(text);
    rt_buffer_string(out, text);
    free(text);
}

static void write_json(struct rt_buffer *out, const json_t *value)
{
    rt_buffer_char(out, ' ');
    write_value(out, value);
}

/* The number of an event, or the rule of an alert that was read as one. */
static void write_place(struct rt_buffer *out, const json_t *event)
{
    if (strcmp(json_string_value(json_object_get(event, "source")), "alerts") == 0)
        rt_buffer_printf(
            out, "!%s", json_string_value(json_object_get(json_object_get(event, "data"), "rule")));
    else
        rt_buffer_printf(out, "%lld",
                         (long long)json_integer_value(json_object_get(event, "offset")));
}

static void write_alert(void *context, const struct egret_alert *alert)
{
    struct rt_buffer *out = context;
    size_t length, index;
    const char *text = egret_alert_json(alert, &length);
    json_t *record = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
    json_t *list, *event;
    const char *step, *severity = egret_alert_severity(alert);

    assert_non_null(record);
    rt_buffer_string(out, json_string_value(json_object_get(record, "output")));
    if (strcmp(severity, "medium") != 0)
        rt_buffer_printf(out, ":%s", severity);
    rt_buffer_printf(out, " %s %.3f", json_string_value(json_object_get(record, "rule")),
                     (double)egret_alert_time(alert) / 1000);
    write_json(out, json_object_get(record, "key"));
    write_json(out, json_object_get(record, "message"));
    write_json(out, json_object_get(record, "fields"));
    if (json_object_get(record, "group") != NULL) {
        rt_buffer_string(out, " group=");
        write_value(out, json_object_get(record, "group"));
    }
    json_object_foreach(json_object_get(record, "events"), step, list)
    {
        rt_buffer_printf(out, " %s", step);
        json_array_foreach(list, index, event)
        {
            rt_buffer_char(out, index == 0 ? '=' : ',');
            write_place(out, event);
        }
    }
    if (json_object_get(record, "suppressed") != NULL)
        rt_buffer_printf(out, " suppressed=%lld",
                         (long long)json_integer_value(json_object_get(record, "suppressed")));
    rt_buffer_char(out, '\n');
    json_decref(record);
}

/* ---- playing one case ---- */

static bool next_line(struct rt_text *text, char line[4096])
{
    const char *end;
    size_t length;

    if (text->length == 0)
        return false;
    end = memchr(text->data, '\n', text->length);
    length = (size_t)(end - text->data);
    assert_true(length < 4096);
    memcpy(line, text->data, length);
    line[length] = '\0';
    text->data += length + 1;
    text->length -= length + 1;
    return true;
}

static struct egret_options *options_of(const struct engine_case *test)
{
    struct rt_text text = rt_buffer_view(&test->parts[OPTIONS]);
    struct egret_options *options;
    char line[4096];

    assert_int_equal(egret_options_new(&options), EGRET_OK);
    while (next_line(&text, line)) {
        char *value = strchr(line, '=');

        assert_non_null(value);
        *value++ = '\0';
        assert_int_equal(egret_options_set(options, line, value), EGRET_OK);
    }
    return options;
}

static void print(void *context, const char *text, size_t length)
{
    (void)context;
    print_error("%.*s", (int)length, text);
}

static struct egret_ruleset *rules_of(const struct engine_case *test,
                                      const struct egret_options *options)
{
    struct egret_diags *diags;
    struct egret_ruleset *rules = NULL;

    assert_int_equal(egret_diags_new(&diags), EGRET_OK);
    if (egret_ruleset_load_text(test->name, test->parts[RULES].data, options, diags, &rules) !=
        EGRET_OK)
        egret_diags_render(diags, print, NULL);
    egret_diags_free(diags);
    assert_non_null(rules);
    return rules;
}

static void push_events(struct egret_engine *engine, const struct engine_case *test,
                        struct rt_buffer *out)
{
    struct rt_text text = rt_buffer_view(&test->parts[EVENTS]);
    enum egret_status status;
    bool open = false;
    char line[4096];

    while (next_line(&text, line)) {
        if (strncmp(line, "advance ", 8) == 0)
            status = egret_engine_advance(engine, strtoll(line + 8, NULL, 10));
        else if (strcmp(line, "open") == 0)
            status = EGRET_OK, open = true;
        else
            status = egret_engine_push_json(engine, line, strlen(line));
        if (status != EGRET_OK)
            rt_buffer_printf(out, "%s\n", egret_status_text(status));
    }
    if (!open)
        assert_int_equal(egret_engine_finish(engine), EGRET_OK);
}

static const struct {
    const char *name;
    enum egret_stat stat;
} stats[] = {
    {"events", EGRET_STAT_EVENTS},
    {"late", EGRET_STAT_LATE},
    {"rejected", EGRET_STAT_REJECTED},
    {"started", EGRET_STAT_STARTED},
    {"matched", EGRET_STAT_MATCHED},
    {"timed_out", EGRET_STAT_TIMED_OUT},
    {"suppressed", EGRET_STAT_SUPPRESSED},
    {"no_key", EGRET_STAT_NO_KEY},
    {"errors", EGRET_STAT_CONDITION_ERRORS},
    {"dropped", EGRET_STAT_DROPPED},
    {"live", EGRET_STAT_LIVE},
    {"keys", EGRET_STAT_KEYS},
    {"bytes", EGRET_STAT_STATE_BYTES},
};

static uint64_t stat_of(const struct egret_engine *engine, const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof(stats) / sizeof(stats[0]); i++) {
        if (strlen(stats[i].name) == length && strncmp(stats[i].name, name, length) == 0)
            return egret_engine_stat(engine, stats[i].stat);
    }
    fail_msg("no counter %s", name);
    return 0;
}

/* Prints the counters that the case names, so that a difference shows what they are. */
static void write_counters(const struct egret_engine *engine, const struct engine_case *test,
                           struct rt_buffer *out)
{
    const char *at = test->parts[COUNTERS].data;

    while (at != NULL && *at != '\0') {
        size_t length = strcspn(at, "=");

        rt_buffer_add(out, at, length);
        rt_buffer_printf(out, "=%llu", (unsigned long long)stat_of(engine, at, length));
        at += strcspn(at, " \n");
        rt_buffer_char(out, *at++);
    }
}

static void play(const struct engine_case *test, struct rt_buffer *alerts,
                 struct rt_buffer *counters)
{
    struct egret_options *options = options_of(test);
    struct egret_ruleset *rules = rules_of(test, options);
    struct egret_engine *engine;

    rt_buffer_reset(alerts);
    rt_buffer_reset(counters);
    assert_int_equal(egret_engine_new(rules, options, write_alert, alerts, &engine), EGRET_OK);
    egret_options_free(options);
    egret_ruleset_unref(rules);
    push_events(engine, test, alerts);
    write_counters(engine, test, counters);
    egret_engine_free(engine);
}

static const char *string_of(const struct rt_buffer *buffer)
{
    return buffer->data == NULL ? "" : buffer->data;
}

static bool differs(const char *what, const struct engine_case *test, const struct rt_buffer *got,
                    const struct rt_buffer *expected)
{
    if (strcmp(string_of(got), string_of(expected)) == 0)
        return false;
    print_error("%s: %s\n--- expected\n%s--- got\n%s", test->name, what, string_of(expected),
                string_of(got));
    return true;
}

static bool run_case(const struct engine_case *test)
{
    struct rt_buffer alerts, counters;
    size_t before = rt_live_blocks();
    bool failed;

    rt_buffer_init(&alerts, TEXT_MAX);
    rt_buffer_init(&counters, TEXT_MAX);
    play(test, &alerts, &counters);
    failed = differs("alerts", test, &alerts, &test->parts[ALERTS]);
    failed |= differs("counters", test, &counters, &test->parts[COUNTERS]);
    rt_buffer_done(&alerts);
    rt_buffer_done(&counters);
    assert_int_equal(rt_live_blocks(), before);
    return failed;
}

/* ---- reading the files ---- */

static enum part part_of(const char *line, enum part now)
{
    for (int part = OPTIONS; part < PARTS; part++) {
        if (strcmp(line, part_names[part]) == 0)
            return (enum part)part;
    }
    return now;
}

static void reset(struct engine_case *test, const char *name)
{
    snprintf(test->name, sizeof(test->name), "%s", name);
    for (int i = 0; i < PARTS; i++)
        rt_buffer_reset(&test->parts[i]);
}

static size_t run_file(const char *path, size_t *cases)
{
    FILE *file = fopen(path, "r");
    struct engine_case test = {0};
    enum part part = RULES;
    size_t failed = 0;
    char line[4096];

    assert_non_null(file);
    for (int i = 0; i < PARTS; i++)
        rt_buffer_init(&test.parts[i], TEXT_MAX);
    while (fgets(line, sizeof(line), file) != NULL) {
        size_t length = strcspn(line, "\n");

        line[length] = '\0';
        if (strncmp(line, "## ", 3) == 0) {
            if (test.name[0] != '\0')
                failed += run_case(&test), (*cases)++;
            reset(&test, line + 3);
            part = RULES;
        } else if (part_of(line, RULES) != RULES) {
            part = part_of(line, part);
        } else if (length > 0) {
            rt_buffer_printf(&test.parts[part], "%s\n", line);
        }
    }
    failed += run_case(&test), (*cases)++;
    for (int i = 0; i < PARTS; i++)
        rt_buffer_done(&test.parts[i]);
    fclose(file);
    return failed;
}

static void every_case_gives_its_alerts(void **state)
{
    const char *folder = EGRET_SOURCE_DIR "/tests/cases/engine";
    DIR *dir = opendir(folder);
    size_t failed = 0, cases = 0;

    (void)state;
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        char path[1000];

        if (!rt_text_ends_with(rt_text_of(entry->d_name), RT_TEXT(".txt")))
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        failed += run_file(path, &cases);
    }
    closedir(dir);
    print_message("%zu cases\n", cases);
    assert_true(cases > 20);
    assert_int_equal(failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_gives_its_alerts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
