/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conformance.c - every pattern case that was recorded from Flink, run through the automaton.
 *
 *     cases.jsonl --> pattern, guards, events --> nfa_step, nfa_advance --> JSON --> equal to the record?
 *
 * deviations.txt lists the cases that differ on purpose, each with its category D1 to D6 (docs/patterns.md); unsayable.txt those
 * that are about calls of Flink's builder.  A listed case that agrees is a failure as well, so that the lists stay as short as
 * the truth.
 *
 *     nfa_conformance [-v] [case-id]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/map.h"
#include "tests/nfa/driver.h"

/* ---- drive ---- */

static bool on_guard(void *context, nfa_guard guard, nfa_event event, const struct nfa_match *run)
{
    struct driver *driver = context;
    struct flink_scope scope = {.program = driver->program,
                                .run = run,
                                .event = event,
                                .time = driver->time,
                                .processing_time = driver->processing_time};

    return flink_expr_holds(driver->flink.guards[guard], &scope);
}

static nfa_event on_keep(void *context, nfa_event event)
{
    struct driver *driver = context;
    struct flink_event *kept = (struct flink_event *)(uintptr_t)event;

    kept->head = (struct nfa_event_head){{driver->time}, driver->sequence};
    return kept;
}

static void on_release(void *context, nfa_event event)
{
    (void)context;
    (void)event;
}

static void report(struct driver *driver, const struct nfa_match *match, bool is_timeout)
{
    json_t *taken = flink_match_json(driver->program, match);
    json_t *record;

    if (driver->is_operator) {
        record = json_pack("{s:I, s:s, s:s, s:I, s:o}", "at", (json_int_t)driver->feed_at, "kind",
                           is_timeout ? "timeout" : "match", "key", driver->key, "ts",
                           (json_int_t)match->time.ms, "match", taken);
        json_array_append_new(driver->matches, record);
        return;
    }
    record = json_pack("{s:s, s:o}", "at", driver->at, "match", taken);
    if (is_timeout)
        json_object_set_new(record, "ts", json_integer(match->time.ms));
    else if (driver->advancing)
        json_object_set_new(record, "phase", json_string("advance"));
    json_array_append_new(is_timeout ? driver->timeouts : driver->matches, record);
}

static void on_match(void *context, const struct nfa_match *match)
{
    report(context, match, false);
}

static void on_timeout(void *context, const struct nfa_match *match)
{
    report(context, match, true);
}

bool driver_init(struct driver *driver, json_t *json, struct nfa_refusal *refusal)
{
    struct nfa_callbacks callbacks = {
        .guard = on_guard, .keep = on_keep, .release = on_release, .match = on_match};
    struct nfa_limits limits = {0};

    *driver = (struct driver){0};
    flink_case_init(&driver->flink, json);
    driver->matches = json_array();
    driver->timeouts = json_array();
    if (json_is_true(json_object_get(json, "handle_timeouts")))
        callbacks.timeout = on_timeout;
    return driver->flink.failure == NULL &&
           nfa_compile(&driver->flink.pattern, &driver->program, refusal) == RT_OK &&
           nfa_machine_new(driver->program, &limits, &callbacks, driver, &driver->machine) == RT_OK;
}

void driver_done(struct driver *driver)
{
    nfa_machine_free(driver->machine);
    nfa_program_unref(driver->program);
    json_decref(driver->matches);
    json_decref(driver->timeouts);
    flink_case_done(&driver->flink);
}

static void feed_event(struct driver *driver, struct nfa_runs *runs, struct flink_event *event,
                       uint64_t sequence)
{
    driver->at = event->label;
    driver->advancing = false;
    driver->time = event->ts;
    driver->sequence = sequence;
    if (nfa_step(driver->machine, runs, event, (rt_time){event->ts}, sequence, UINT64_MAX) !=
            RT_OK &&
        driver->failed_at == NULL)
        driver->failed_at = event->label;
}

static void feed_all(struct driver *driver, struct nfa_runs *runs)
{
    for (size_t i = 0; i < driver->flink.event_count && driver->failed_at == NULL; i++) {
        struct flink_event *event = &driver->flink.events[i];

        driver->at = event->label;
        driver->advancing = true;
        (void)nfa_advance(driver->machine, runs, (rt_time){event->ts});
        feed_event(driver, runs, event, i);
    }
}

/* An advance that goes before an event is booked under that event. */
static const char *advance_label(const json_t *feed, size_t i, char *out, size_t size)
{
    const json_t *item = json_array_get(feed, i);
    const json_t *next = json_array_get(feed, i + 1);

    if (next != NULL && strcmp(json_string_value(json_array_get(next, 0)), "event") == 0)
        return json_string_value(json_array_get(next, 1));
    (void)snprintf(out, size, "advance:%lld",
                   (long long)json_integer_value(json_array_get(item, 1)));
    return out;
}

static void feed_as_told(struct driver *driver, struct nfa_runs *runs, const json_t *feed)
{
    static char at[32];

    for (size_t i = 0; i < json_array_size(feed); i++) {
        const json_t *item = json_array_get(feed, i);
        const char *what = json_string_value(json_array_get(item, 0));
        const json_t *value = json_array_get(item, 1);

        if (strcmp(what, "ptime") == 0) {
            driver->processing_time = json_integer_value(value);
        } else if (strcmp(what, "event") == 0) {
            feed_event(driver, runs, flink_case_event(&driver->flink, json_string_value(value)), i);
        } else {
            driver->at = advance_label(feed, i, at, sizeof(at));
            driver->advancing = true;
            (void)nfa_advance(driver->machine, runs, (rt_time){json_integer_value(value)});
        }
    }
}

void driver_run_nfa(struct driver *driver)
{
    struct nfa_runs runs = {{0, 0}};
    const json_t *feed = json_object_get(driver->flink.json, "feed");

    if (feed != NULL)
        feed_as_told(driver, &runs, feed);
    else
        feed_all(driver, &runs);
    nfa_clear(driver->machine, &runs);
}

/* ---- compare ---- */

/* Between different keys the order is free: a stable sort by (at, key), late records first. */
static json_t *by_key(json_t *records)
{
    json_t *sorted = json_array();

    for (size_t i = 0; i < json_array_size(records); i++) {
        json_t *record = json_array_get(records, i);
        json_int_t at = json_integer_value(json_object_get(record, "at"));
        const char *key = json_string_value(json_object_get(record, "key"));
        size_t place = json_array_size(sorted);

        while (place > 0) {
            const json_t *other = json_array_get(sorted, place - 1);
            const char *other_key = json_string_value(json_object_get(other, "key"));

            if (json_integer_value(json_object_get(other, "at")) != at || key == NULL ||
                other_key == NULL || strcmp(other_key, key) <= 0)
                break;
            place--;
        }
        json_array_insert(sorted, place, record);
    }
    return sorted;
}

static bool same(struct driver *driver)
{
    json_t *expect = json_object_get(driver->flink.json, "expect");
    json_t *timeouts = json_object_get(driver->flink.json, "timeouts");
    json_t *wanted, *got;
    bool equal;

    if (!driver->is_operator)
        return json_equal(expect, driver->matches) &&
               (timeouts == NULL || json_equal(timeouts, driver->timeouts));
    wanted = by_key(expect);
    got = by_key(driver->matches);
    equal = json_equal(wanted, got);
    json_decref(wanted);
    json_decref(got);
    return equal;
}

static bool fails_as_told(const struct driver *driver, const json_t *error)
{
    const char *at = json_string_value(json_object_get(error, "at"));

    return at == NULL ? error == NULL && driver->failed_at == NULL
                      : driver->failed_at != NULL && strcmp(driver->failed_at, at) == 0;
}

static void show(const char *what, const json_t *json)
{
    char *text = json == NULL ? NULL : json_dumps(json, JSON_COMPACT);

    printf("    %-8s %s\n", what, text == NULL ? "-" : text);
    free(text);
}

static void show_difference(struct driver *driver)
{
    struct rt_buffer text;

    show("pattern", json_object_get(driver->flink.json, "pattern"));
    show("events", json_object_get(driver->flink.json, "events"));
    show("feed", json_object_get(driver->flink.json, "feed"));
    show("expect", json_object_get(driver->flink.json, "expect"));
    show("got", driver->matches);
    show("timeouts", json_object_get(driver->flink.json, "timeouts"));
    show("got", driver->timeouts);
    if (driver->program == NULL)
        return;
    rt_buffer_init(&text, 1 << 20);
    nfa_program_print(driver->program, &text);
    printf("%s", text.data);
    rt_buffer_done(&text);
}

static bool has_shape(json_t *json, bool verbose)
{
    struct rt_buffer difference;
    bool ok;

    rt_buffer_init(&difference, 1 << 20);
    ok = shape_compile_agrees(json, &difference);
    if (!ok && verbose)
        printf("%s", difference.data);
    rt_buffer_done(&difference);
    return ok;
}

static bool passes(json_t *json, bool verbose)
{
    static struct driver driver;
    struct nfa_refusal refusal = {NFA_REFUSE_NONE, NULL};
    const char *kind = json_string_value(json_object_get(json, "kind"));
    bool ok;

    if (strcmp(kind, "build") == 0)
        return shape_build_agrees(json);
    if (strcmp(kind, "compile") == 0)
        return has_shape(json, verbose);
    ok = driver_init(&driver, json, &refusal);
    if (ok) {
        if (strcmp(kind, "operator") == 0)
            driver_run_operator(&driver);
        else
            driver_run_nfa(&driver);
        ok = same(&driver) && fails_as_told(&driver, json_object_get(json, "error"));
    } else if (verbose) {
        printf("    refused: %s\n", driver.flink.failure != NULL ? driver.flink.failure
                                                                 : nfa_refusal_text(refusal.kind));
    }
    if (!ok && verbose)
        show_difference(&driver);
    driver_done(&driver);
    return ok;
}

/* ---- the lists ---- */

enum { LINE_MAX_BYTES = 1 << 20, DEVIATIONS_MAX = 70 };
enum list { DEVIATIONS, UNSAYABLE, LISTS };

static char line[LINE_MAX_BYTES];

static bool is_category(const char *word)
{
    return word[0] == 'D' && word[1] >= '1' && word[1] <= '6' &&
           (word[2] == '\n' || word[2] == '\0');
}

/* `case-id category`, # for comments.  False: it cannot be read, or has a category that is none. */
static bool read_list(const char *path, enum list list, struct rt_map *listed,
                      struct rt_arena *arena)
{
    FILE *file = fopen(path, "r");
    bool ok = file != NULL;

    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        size_t length = strcspn(line, " \t\n#");
        const char *id = rt_arena_text(arena, line, length);

        if (length == 0)
            continue;
        (void)rt_map_set(listed, (struct rt_text){id, length}, list);
        if (list == DEVIATIONS && !is_category(line + length + 1)) {
            printf("not a category: %s", line);
            ok = false;
        }
    }
    if (file != NULL)
        (void)fclose(file);
    return ok;
}

struct tally {
    unsigned run, passed, listed[LISTS], wrong;
};

static void judge(json_t *json, struct rt_map *listed, bool verbose, struct tally *tally)
{
    const char *id = json_string_value(json_object_get(json, "id"));
    uint64_t list = LISTS;
    bool is_listed = rt_map_get(listed, rt_text_of(id), &list);
    bool ok = passes(json, false);

    tally->run++;
    tally->passed += ok;
    if (is_listed)
        tally->listed[list]++;
    if (ok != is_listed)
        return;
    tally->wrong++;
    printf("%s: %s\n", id, ok ? "agrees although it is listed" : "differs");
    if (!ok)
        (void)passes(json, verbose);
}

static int run_cases(FILE *file, struct rt_map *listed, const char *only, bool verbose)
{
    struct tally tally = {0};

    while (fgets(line, sizeof(line), file) != NULL) {
        json_t *json = json_loads(line, 0, NULL);
        const char *kind = json_string_value(json_object_get(json, "kind"));
        const char *id = json_string_value(json_object_get(json, "id"));

        if (strcmp(kind, "sql") != 0 && (only == NULL || strcmp(only, id) == 0))
            judge(json, listed, verbose, &tally);
        json_decref(json);
    }
    printf("%u cases, %u agree, %u listed as deviations, %u as unsayable, %u wrong\n", tally.run,
           tally.passed, tally.listed[DEVIATIONS], tally.listed[UNSAYABLE], tally.wrong);
    return tally.wrong == 0 && tally.run > 0 && tally.listed[DEVIATIONS] <= DEVIATIONS_MAX ? 0 : 1;
}

int main(int count, char **arguments)
{
    bool verbose = count > 1 && strcmp(arguments[1], "-v") == 0;
    const char *only = count > 1 + verbose ? arguments[1 + verbose] : NULL;
    FILE *file = fopen(EGRET_SHARED_DIR "/conformance/flink-cep/cases.jsonl", "r");
    struct rt_map listed = {0};
    struct rt_arena arena;
    int result;

    if (file == NULL) {
        const char *ci = getenv("CI");

        printf("skipped: the case file is not there\n");
        return ci != NULL && strcmp(ci, "true") == 0 ? 1 : 77;
    }
    rt_arena_init(&arena, 1 << 20);
    if (!read_list(EGRET_SOURCE_DIR "/tests/nfa/deviations.txt", DEVIATIONS, &listed, &arena) ||
        !read_list(EGRET_SOURCE_DIR "/tests/nfa/unsayable.txt", UNSAYABLE, &listed, &arena))
        result = 1;
    else
        result = run_cases(file, &listed, only, verbose);
    rt_map_done(&listed);
    rt_arena_done(&arena);
    (void)fclose(file);
    return result;
}
