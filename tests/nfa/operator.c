/* SPDX-License-Identifier: Apache-2.0 */
/*
 * operator.c - Flink's keyed operator in a few lines: buffers by time, watermarks, late events, processing time.
 *
 * What is compared is the automaton, so the timers are Flink's own: one for each buffered time, one for the window of each
 * match that starts later than time 0, none for gaps.  Whichever of a key's timers is due, all is done for that key.
 * (cep/ has a timer for every deadline.)
 */
#include <stdlib.h>
#include <string.h>

#include "runtime/base/assert.h"
#include "tests/nfa/driver.h"

struct buffered {
    struct flink_event *event;
    int64_t ts;
    double order; /* comparator */
    uint64_t arrival;
};

struct key_state {
    const char *name;
    struct nfa_runs runs;
    struct buffered buffer[FLINK_EVENTS_MAX];
    size_t count;
    int64_t timers[2 * FLINK_EVENTS_MAX];
    size_t timer_count;
    bool new_match; /* since the key's timers fired last */
};

struct operator_state {
    struct driver *driver;
    struct key_state keys[DRIVER_KEYS_MAX];
    size_t key_count;
    int64_t watermark;
    uint64_t arrivals;
    bool by_price, late_output, processing;
};

static struct key_state *key_of(struct operator_state *state, const char *name)
{
    for (size_t i = 0; i < state->key_count; i++)
        if (strcmp(state->keys[i].name, name) == 0)
            return &state->keys[i];
    state->keys[state->key_count].name = name;
    return &state->keys[state->key_count++];
}

static int by_time(const void *left, const void *right)
{
    const struct buffered *a = left, *b = right;

    if (a->ts != b->ts)
        return a->ts < b->ts ? -1 : 1;
    if (a->order < b->order || a->order > b->order)
        return a->order < b->order ? -1 : 1;
    return a->arrival < b->arrival ? -1 : 1;
}

static void step(struct operator_state *state, struct key_state *key, const struct buffered *in)
{
    struct driver *driver = state->driver;
    int64_t within = driver->flink.pattern.within.ms;
    uint64_t started = nfa_machine_counters(driver->machine)->started;

    driver->key = key->name;
    driver->time = in->ts;
    driver->sequence++; /* order of processing is what the automaton wants */
    (void)nfa_advance(driver->machine, &key->runs, (rt_time){in->ts});
    (void)nfa_step(driver->machine, &key->runs, in->event, (rt_time){in->ts}, driver->sequence,
                   UINT64_MAX);
    key->new_match |= nfa_machine_counters(driver->machine)->started > started && in->ts > 0;
    if (within > 0 && key->new_match)
        key->timers[key->timer_count++] = in->ts + within + state->processing;
}

static bool is_due(struct key_state *key, int64_t now)
{
    size_t left = 0, count = key->timer_count;

    for (size_t i = 0; i < count; i++)
        if (key->timers[i] > now)
            key->timers[left++] = key->timers[i];
    key->timer_count = left;
    return left < count;
}

/* All events of the key up to `now`, then time itself. */
static void fire(struct operator_state *state, struct key_state *key, int64_t now)
{
    size_t done = 0;

    if (!is_due(key, now))
        return;
    qsort(key->buffer, key->count, sizeof(key->buffer[0]), by_time);
    while (done < key->count && key->buffer[done].ts <= now)
        step(state, key, &key->buffer[done++]);
    memmove(key->buffer, key->buffer + done, (key->count - done) * sizeof(key->buffer[0]));
    key->count -= done;
    state->driver->key = key->name;
    (void)nfa_advance(state->driver->machine, &key->runs, (rt_time){now});
    key->new_match = false;
    (void)is_due(key, now);
}

static void arrive(struct operator_state *state, struct flink_event *event)
{
    struct driver *driver = state->driver;
    const char *name = json_string_value(json_object_get(event->fields, "key"));
    struct key_state *key = key_of(state, name == NULL ? "" : name);
    struct buffered in = {.event = event, .ts = event->ts, .arrival = state->arrivals++};

    if (state->by_price)
        in.order = json_number_value(json_object_get(event->fields, "price"));
    if (state->processing) {
        in.ts = driver->processing_time;
        if (!state->by_price) {
            step(state, key, &in);
            key->new_match = false;
            return;
        }
    } else if (json_object_get(event->fields, "ts") == NULL || event->ts <= state->watermark) {
        json_array_append_new(driver->matches,
                              json_pack("{s:I, s:s, s:s}", "at", (json_int_t)driver->feed_at,
                                        "kind", state->late_output ? "late" : "late_dropped", "e",
                                        event->label));
        return;
    }
    key->buffer[key->count++] = in;
    key->timers[key->timer_count++] = in.ts + state->processing;
}

static void move_watermark(struct operator_state *state, const json_t *value)
{
    int64_t time = json_integer_value(value);

    if (json_is_string(value))
        time = strcmp(json_string_value(value), "max") == 0 ? INT64_MAX : INT64_MIN;
    if (state->processing || time <= state->watermark)
        return;
    state->watermark = time;
    for (size_t i = 0; i < state->key_count; i++)
        fire(state, &state->keys[i], time);
}

static void move_processing_time(struct operator_state *state, int64_t now)
{
    state->driver->processing_time = now;
    for (size_t i = 0; i < state->key_count && state->processing; i++)
        fire(state, &state->keys[i], now);
}

/* ---- restore ---- */

static void save_event(void *context, nfa_event event, struct rt_buffer *out)
{
    const struct driver *driver = context;

    rt_form_add_uint(out, (uint64_t)((const struct flink_event *)event - driver->flink.events));
}

static nfa_event load_event(void *context, struct rt_form *form)
{
    const struct driver *driver = context;
    uint64_t at = rt_form_uint_max(form, driver->flink.event_count - 1);

    return rt_form_failed(form) ? NULL : &driver->flink.events[at];
}

/* All runs leave and come back from bytes; the watermark starts anew. */
static void restore(struct operator_state *state)
{
    struct nfa_machine *machine = state->driver->machine;

    state->watermark = INT64_MIN;
    for (size_t i = 0; i < state->key_count; i++) {
        struct nfa_runs *runs = &state->keys[i].runs;
        struct rt_buffer saved;
        struct rt_form form;

        rt_buffer_init(&saved, 1 << 20);
        RT_ASSERT(nfa_runs_save(machine, runs, save_event, state->driver, &saved) == RT_OK);
        nfa_unload(machine, runs);
        form = rt_form_of(rt_buffer_view(&saved));
        RT_ASSERT(nfa_runs_load(machine, runs, load_event, state->driver, &form) == RT_OK);
        rt_buffer_done(&saved);
    }
}

void driver_run_operator(struct driver *driver)
{
    static struct operator_state state;
    const json_t *json = driver->flink.json;
    const json_t *feed = json_object_get(json, "feed");

    state = (struct operator_state){.driver = driver, .watermark = INT64_MIN};
    state.by_price = json_object_get(json, "comparator") != NULL;
    state.late_output = json_is_true(json_object_get(json, "late_output"));
    state.processing = strcmp(json_string_value(json_object_get(json, "time")), "processing") == 0;
    driver->is_operator = true;
    for (size_t i = 0; i < json_array_size(feed); i++) {
        const json_t *item = json_array_get(feed, i);
        const char *what = json_string_value(json_array_get(item, 0));
        const json_t *value = json_array_get(item, 1);

        driver->feed_at = (int64_t)i;
        if (strcmp(what, "event") == 0)
            arrive(&state, flink_case_event(&driver->flink, json_string_value(value)));
        else if (strcmp(what, "watermark") == 0)
            move_watermark(&state, value);
        else if (strcmp(what, "ptime") == 0)
            move_processing_time(&state, json_integer_value(value));
        else if (strcmp(what, "restore") == 0)
            restore(&state);
    }
    for (size_t i = 0; i < state.key_count; i++)
        nfa_clear(driver->machine, &state.keys[i].runs);
}
