/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is not in memory must not show: after every few events everything is saved into a database and leaves memory, and the
 * output is that of an engine that kept it all.
 */
#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/checkpoint/cold.h"
#include "runtime/checkpoint/database.h"
#include "tests/support/saved_world.h"

enum { SEEDS = 40, EVENTS = 120, TEXT_BYTES_MAX = 64 << 20, WHY_BYTES_MAX = 4000 };

struct place {
    char directory[64];
    struct rt_buffer why;
    struct rt_database *database;
    struct rt_rocks *rocks; /* what savings are written through */
    struct rt_cold *cold;
};

static void open_place(struct place *place)
{
    struct rt_rocks *rocks;

    snprintf(place->directory, sizeof(place->directory), "/tmp/egret-cold-XXXXXX");
    assert_non_null(mkdtemp(place->directory));
    rt_buffer_init(&place->why, WHY_BYTES_MAX);
    assert_int_equal(rt_database_open(place->directory, NULL, 0, &place->why, &place->database),
                     RT_OK);
    assert_int_equal(rt_database_share(place->database, &place->rocks), RT_OK);
    assert_int_equal(rt_database_share(place->database, &rocks), RT_OK);
    assert_int_equal(rt_cold_new(rocks, &place->why, &place->cold), RT_OK);
}

static void close_place(struct place *place)
{
    char command[128];

    rt_cold_free(place->cold);
    rt_rocks_close(place->rocks);
    rt_database_close(place->database);
    rt_buffer_done(&place->why);
    snprintf(command, sizeof(command), "rm -rf '%s'", place->directory);
    assert_int_equal(system(command), 0);
}

static enum rt_status keep(void *context, const struct rt_entry *entry)
{
    struct place *place = context;
    struct rt_buffer key;

    rt_buffer_init(&key, WHY_BYTES_MAX);
    rt_database_key(entry, &key);
    if (entry->removed)
        rt_rocks_delete(place->rocks, rt_buffer_view(&key));
    else
        rt_rocks_put(place->rocks, rt_buffer_view(&key), entry->value);
    rt_buffer_done(&key);
    return RT_OK;
}

static void freeze(struct rt_memory *memory)
{
    struct rt_buffer header;

    rt_buffer_init(&header, TEXT_BYTES_MAX);
    assert_int_equal(memory->freeze(memory, false, &header), RT_OK);
    rt_buffer_done(&header);
}

/* What is frozen. */
static void take(struct rt_memory *memory, struct place *place)
{
    enum rt_status status;

    while ((status = memory->save_some(memory, 1000, keep, place)) == RT_AGAIN)
        continue;
    assert_int_equal(status, RT_OK);
    assert_int_equal(rt_rocks_write(place->rocks), RT_OK);
}

static void save(struct rt_memory *memory, struct place *place)
{
    freeze(memory);
    take(memory, place);
}

struct outcome {
    struct rt_buffer output;
    struct cep_rule_counters rules[64];
    struct cep_counters all;
    struct rt_memory_counters memory;
};

static void note_outcome(struct world *world, struct outcome *outcome)
{
    for (uint32_t i = 0; i < world->plan->rule_count && i < COUNT_OF(outcome->rules); i++) {
        if (world->team != NULL)
            cep_team_rule_counters(world->team, i, &outcome->rules[i]);
        else
            cep_engine_rule_counters(world->engine, i, &outcome->rules[i]);
    }
    if (world->team != NULL)
        cep_team_counters(world->team, &outcome->all);
    else
        cep_engine_counters(world->engine, &outcome->all);
}

/* `place` NULL: everything stays in memory. */
static void run(struct world world, const struct world_event *events, struct place *place,
                unsigned every, struct outcome *outcome)
{
    struct rt_memory *memory;

    rt_buffer_init(&outcome->output, TEXT_BYTES_MAX);
    world.output = &outcome->output;
    assert_int_equal(world_begin(&world), RT_OK);
    memory = world.target->memory;
    if (place != NULL) {
        assert_int_equal(memory->track(memory, WORLD_GROUPS, 0, WORLD_GROUPS), RT_OK);
        assert_int_equal(memory->set_cold(memory, place->cold, 0), RT_OK);
    }
    for (size_t i = 0; i < EVENTS; i++) {
        world_push(&world, &events[i]);
        if (place == NULL || i % every != 0)
            continue;
        save(memory, place);
        assert_int_equal(memory->spill(memory, 0), RT_OK);
        memory->counters(memory, &outcome->memory);
        note_outcome(&world, outcome);
        assert_int_equal(outcome->memory.cold, outcome->all.keys);
    }
    assert_int_equal(rt_stream_finish(world.stream), RT_OK);
    if (world.target->settle != NULL)
        assert_int_equal(world.target->settle(world.target), RT_OK);
    note_outcome(&world, outcome);
    if (place != NULL)
        memory->counters(memory, &outcome->memory);
    world_end(&world);
}

/* Not `events` and what is like it: a rule with nothing in memory is passed over, and one with something in the cold is not. */
static void check_counters(const struct cep_rule_counters *a, const struct cep_rule_counters *b)
{
    assert_int_equal(a->started, b->started);
    assert_int_equal(a->matched, b->matched);
    assert_int_equal(a->timed_out, b->timed_out);
    assert_int_equal(a->emitted, b->emitted);
    assert_int_equal(a->suppressed, b->suppressed);
    assert_int_equal(a->dropped, b->dropped);
    assert_int_equal(a->live, b->live);
}

/* `workers` 0: one engine.  Rules that cannot be shared have no workers. */
static void check_seed(uint64_t seed, uint32_t workers, uint64_t *brought_back)
{
    static struct world_event events[EVENTS];
    static struct outcome expected, cold;
    struct seeded seeded = seeded_from(seed);
    struct rt_buffer yaml;
    struct place place;
    struct world world;

    rt_buffer_init(&yaml, TEXT_BYTES_MAX);
    world_write_rules(&seeded, &yaml);
    world_make_events(&seeded, events, EVENTS);
    world = (struct world){.plan = world_load(yaml.data), .options = cep_options_standard()};
    world.stream_options.out_of_orderness.ms = 10 * (int64_t)seeded_below(&seeded, 3);
    run(world, events, NULL, 1, &expected);
    world.workers = cep_team_can_share(world.plan) ? workers : 0;
    open_place(&place);
    run(world, events, &place, 1 + (unsigned)(seed % 7), &cold);
    close_place(&place);
    if (!rt_text_equal(rt_buffer_view(&expected.output), rt_buffer_view(&cold.output)))
        fail_msg("seed %llu, %u workers\n%s\nexpected\n%s\ngot\n%s", (unsigned long long)seed,
                 workers, yaml.data, expected.output.data,
                 cold.output.data == NULL ? "" : cold.output.data);
    for (uint32_t i = 0; i < world.plan->rule_count; i++)
        check_counters(&expected.rules[i], &cold.rules[i]);
    assert_int_equal(expected.all.keys, cold.all.keys);
    *brought_back += cold.memory.brought_back;
    rule_plan_unref(world.plan);
    rt_buffer_done(&expected.output);
    rt_buffer_done(&cold.output);
    rt_buffer_done(&yaml);
}

static void an_engine_without_memory_says_the_same(void **state)
{
    uint64_t brought_back = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        check_seed(seed, 0, &brought_back);
    assert_true(brought_back > UINT64_C(20) * SEEDS);
}

static void workers_without_memory_say_the_same(void **state)
{
    static const uint32_t workers[] = {2, 4, 8};
    uint64_t brought_back = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        check_seed(seed, workers[seed % COUNT_OF(workers)], &brought_back);
    assert_true(brought_back > UINT64_C(20) * SEEDS);
}

static void nothing_leaves_that_has_changed_since_it_was_saved(void **state)
{
    static struct world_event events[EVENTS];
    struct seeded seeded = seeded_from(3);
    struct rt_memory_counters counters;
    struct rt_buffer yaml, output;
    struct rt_memory *memory;
    struct place place;
    struct world world;
    size_t before;

    (void)state;
    rt_buffer_init(&yaml, TEXT_BYTES_MAX);
    rt_buffer_init(&output, TEXT_BYTES_MAX);
    world_write_rules(&seeded, &yaml);
    world_make_events(&seeded, events, EVENTS);
    world = (struct world){
        .plan = world_load(yaml.data), .options = cep_options_standard(), .output = &output};
    open_place(&place);
    assert_int_equal(world_begin(&world), RT_OK);
    memory = cep_engine_operator(world.engine)->memory;
    assert_int_equal(memory->track(memory, WORLD_GROUPS, 0, WORLD_GROUPS), RT_OK);
    assert_int_equal(memory->set_cold(memory, place.cold, 0), RT_OK);
    for (size_t i = 0; i < 50; i++)
        world_push(&world, &events[i]);
    before = memory->bytes(memory);
    assert_int_equal(memory->spill(memory, 0), RT_OK);
    memory->counters(memory, &counters);
    assert_int_equal(counters.cold, 0);
    assert_int_equal(memory->bytes(memory), before);
    save(memory, &place);
    assert_int_equal(memory->spill(memory, before / 2), RT_OK);
    memory->counters(memory, &counters);
    assert_true(counters.cold > 0);
    assert_true(memory->bytes(memory) <= before / 2);
    assert_int_equal(memory->freeze(memory, true, &output), RT_ERR_ORDER);
    world_end(&world);
    close_place(&place);
    rule_plan_unref(world.plan);
    rt_buffer_done(&output);
    rt_buffer_done(&yaml);
}

/* ---- a key that goes and comes again ---- */

static const char failures[] = "version: 1\n"
                               "rules:\n"
                               "  - id: pair\n"
                               "    key_by: k\n"
                               "    pattern:\n"
                               "      - { begin: a, where: x == 1 }\n"
                               "      - { followedBy: b, where: x == 2 }\n"
                               "    within: 1h\n";

/*
 * Each script is events, as key and x, and between them: `s` saves, `o` leaves memory, `f` freezes and `t` writes what is frozen.  A match takes
 * its key's state away.
 */
static const struct script {
    const char *steps;
    size_t matches;
} scripts[] = {
    {"j1 k1 s o k2 k2", 1},
    {"j1 k1 s o k2 k1 k2 k2", 2}, /* there again and gone again before it was saved */
    {"j1 k1 s o k2 s o k2", 1},
    {"j1 k1 f k2 t o k2", 1}, /* gone while it was frozen */
    {"j1 k1 f k2 k1 k2 t o k2", 2},
    {"i1 j1 k1 s o j2 s k2 k1 s o k2", 3}, /* gone, saved anew, and left */
    {"i1 j1 k1 s o k2 s k1 s o k2 k2", 2},
};

static void play_step(struct world *world, struct place *place, const char *step)
{
    struct rt_memory *memory = cep_engine_operator(world->engine)->memory;
    struct world_event event = {.time = 1767225600000 + (int64_t)world->sequence};

    switch (step[0]) {
    case 's':
        save(memory, place);
        break;
    case 'f':
        freeze(memory);
        break;
    case 't':
        take(memory, place);
        break;
    case 'o':
        assert_int_equal(memory->spill(memory, 0), RT_OK);
        break;
    default:
        event.length = (size_t)snprintf(event.json, sizeof(event.json),
                                        "{\"k\": \"%c\", \"x\": %c}", step[0], step[1]);
        world_push(world, &event);
        break;
    }
}

static size_t play(struct world world, const char *steps)
{
    struct rt_memory *memory;
    struct rt_buffer output;
    struct place place;
    size_t lines = 0;

    rt_buffer_init(&output, TEXT_BYTES_MAX);
    world.output = &output;
    open_place(&place);
    assert_int_equal(world_begin(&world), RT_OK);
    memory = cep_engine_operator(world.engine)->memory;
    assert_int_equal(memory->track(memory, WORLD_GROUPS, 0, WORLD_GROUPS), RT_OK);
    assert_int_equal(memory->set_cold(memory, place.cold, 0), RT_OK);
    for (const char *step = steps; step != NULL; step = strchr(step, ' ')) {
        step += *step == ' ';
        play_step(&world, &place, step);
    }
    for (size_t i = 0; i < output.length; i++)
        lines += output.data[i] == '\n';
    world_end(&world);
    close_place(&place);
    rt_buffer_done(&output);
    return lines;
}

static void a_key_that_has_gone_does_not_come_back(void **state)
{
    struct world world = {.plan = world_load(failures), .options = cep_options_standard()};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(scripts); i++) {
        size_t matches = play(world, scripts[i].steps);

        if (matches != scripts[i].matches)
            fail_msg("%s: %zu matches instead of %zu", scripts[i].steps, matches,
                     scripts[i].matches);
    }
    rule_plan_unref(world.plan);
}

/* Of keys that come back because their time is over, which nobody is told of, only some thousand are in memory at a time. */
static void what_comes_back_only_to_end_does_not_stay(void **state)
{
    enum { KEYS = 6000 };
    struct world world = {.plan = world_load(failures), .options = cep_options_standard()};
    struct world_event event = {.time = 1767225600000};
    struct rt_memory_counters counters;
    struct rt_memory *memory;
    struct rt_buffer output;
    struct place place;

    (void)state;
    rt_buffer_init(&output, TEXT_BYTES_MAX);
    world.output = &output;
    open_place(&place);
    assert_int_equal(world_begin(&world), RT_OK);
    memory = world.target->memory;
    assert_int_equal(memory->track(memory, WORLD_GROUPS, 0, WORLD_GROUPS), RT_OK);
    assert_int_equal(memory->set_cold(memory, place.cold, 0), RT_OK);
    for (int i = 0; i < KEYS; i++) {
        event.length =
            (size_t)snprintf(event.json, sizeof(event.json), "{\"k\": \"k%d\", \"x\": 1}", i);
        world_push(&world, &event);
    }
    save(memory, &place);
    assert_int_equal(memory->spill(memory, 0), RT_OK);
    memory->counters(memory, &counters);
    assert_int_equal(counters.cold, KEYS);
    event.time += 7200000;
    world_push(&world, &event);
    memory->counters(memory, &counters);
    assert_int_equal(counters.brought_back, KEYS);
    assert_int_equal(counters.cold, 0);
    assert_true(memory->bytes(memory) < 4096);
    world_end(&world);
    close_place(&place);
    rule_plan_unref(world.plan);
    rt_buffer_done(&output);
}

/* ---- rules that keep their windows together, or not ---- */

#define COUNTER(id)                                                                                \
    "  - { id: " id ", key_by: k, window: { sliding: 10h }, aggregate: { n: count() },"            \
    " having: n == 3, fire: on_threshold }\n"

static void fill(struct place *place, struct saved_store *store)
{
    struct rt_entries *entries = saved_store_read(store);
    struct rt_entry entry;

    while (entries->next(entries, &entry) == RT_OK)
        assert_int_equal(keep(place, &entry), RT_OK);
    assert_int_equal(rt_rocks_write(place->rocks), RT_OK);
}

enum { COUNTED_KEYS = 20 };

/* `rounds` events of each key; after each round everything is saved and leaves memory.  `place` is new in every run. */
static void go_on(struct world world, unsigned rounds, struct world_saved *saved)
{
    struct rt_memory *memory;
    struct place place;
    bool anew = true;

    open_place(&place);
    fill(&place, &saved->store);
    assert_int_equal(world_begin(&world), RT_OK);
    world.sequence = saved->sequence;
    memory = world.target->memory;
    assert_int_equal(memory->track(memory, WORLD_GROUPS, 0, WORLD_GROUPS), RT_OK);
    assert_int_equal(memory->set_cold(memory, place.cold, 0), RT_OK);
    if (saved->header.length > 0)
        assert_int_equal(memory->restore(memory, rt_buffer_view(&saved->header),
                                         saved_store_read(&saved->store), &anew),
                         RT_OK);
    if (anew) {
        saved_store_done(&saved->store);
        saved->store = (struct saved_store){0};
    }
    for (unsigned round = 0; round < rounds; round++) {
        for (int i = 0; i < COUNTED_KEYS; i++) {
            struct world_event event = {.time = 1767225600000 + (int64_t)world.sequence};

            event.length =
                (size_t)snprintf(event.json, sizeof(event.json), "{\"k\": \"k%d\", \"x\": 1}", i);
            world_push(&world, &event);
        }
        assert_int_equal(world_save(&world, 300, saved), RT_OK);
        fill(&place, &saved->store);
        assert_int_equal(memory->spill(memory, 0), RT_OK);
    }
    world_end(&world);
    close_place(&place);
    rule_plan_unref(world.plan);
}

static size_t lines_with(const struct rt_buffer *output, const char *what)
{
    size_t count = 0;

    for (const char *at = output->data; at != NULL && (at = strstr(at, what)) != NULL; at++)
        count++;
    return count;
}

/* A rule that comes to a window that is kept already keeps its own, and what is cold is read that way, in this run and the next. */
static void a_rule_that_came_later_keeps_its_cold_windows(void **state)
{
    static const char *const rules[] = {"version: 1\nrules:\n" COUNTER("a"),
                                        "version: 1\nrules:\n" COUNTER("a") COUNTER("b")};

    (void)state;
    for (uint32_t workers = 0; workers <= 2; workers += 2) {
        struct world_saved saved;
        struct rt_buffer output;

        rt_buffer_init(&output, TEXT_BYTES_MAX);
        world_saved_init(&saved);
        for (unsigned run = 0; run < 3; run++)
            go_on((struct world){.plan = world_load(rules[run > 0]),
                                 .options = cep_options_standard(),
                                 .workers = workers,
                                 .output = &output},
                  run == 1 ? 2 : 1, &saved);
        assert_int_equal(lines_with(&output, "\"rule\":\"a\""), COUNTED_KEYS);
        assert_int_equal(lines_with(&output, "\"rule\":\"b\""), COUNTED_KEYS);
        world_saved_done(&saved);
        rt_buffer_done(&output);
    }
}

struct told { /* by `due` */
    size_t count;
};

static enum rt_status count_told(void *context, const struct rt_entry *id)
{
    struct told *told = context;

    assert_int_equal(id->kind, 3);
    told->count++;
    return RT_OK;
}

/* What is due `soon` is never more than some thousand, whatever the order in which it was asked for, and in the end it was all. */
static void few_reminders_are_due_soon(void **state)
{
    enum { REMINDERS = 20000, ALONE = 15000, MANY = 8192, STRIDE = 7919 };
    struct rt_cold *ports[2];
    struct place place;
    size_t sum = 0;

    (void)state;
    open_place(&place);
    ports[0] = place.cold;
    assert_int_equal(place.cold->soon(place.cold).ms, RT_TIME_MAX.ms);
    assert_int_equal(place.cold->part(place.cold, &ports[1]), RT_OK);
    for (int i = 0; i < REMINDERS; i++) {
        char name[16];
        const int number = (int)((int64_t)i * STRIDE % REMINDERS);
        const int part = number < ALONE ? 0 : number % 2; /* one has long nothing to tell */
        const struct rt_entry id = {
            .group = 1,
            .kind = 3,
            .name = {name, (size_t)snprintf(name, sizeof(name), "%d", number)}};

        assert_int_equal(ports[part]->remind(ports[part], &id, (rt_time){1000 + number}), RT_OK);
    }
    for (;;) {
        const rt_time until = place.cold->soon(place.cold);
        struct told told = {.count = 0};
        rt_time reached;

        if (until.ms == RT_TIME_MAX.ms)
            break;
        for (size_t i = 0; i < COUNT_OF(ports); i++) {
            assert_int_equal(ports[i]->due(ports[i], until, REMINDERS, count_told, &told, &reached),
                             RT_OK);
            assert_int_equal(reached.ms, until.ms);
            assert_true(rt_time_before(until, ports[i]->next_due(ports[i])));
        }
        assert_in_range(told.count, 1, MANY + 2);
        sum += told.count;
    }
    assert_int_equal(sum, REMINDERS);
    close_place(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_engine_without_memory_says_the_same),
        cmocka_unit_test(workers_without_memory_say_the_same),
        cmocka_unit_test(a_key_that_has_gone_does_not_come_back),
        cmocka_unit_test(what_comes_back_only_to_end_does_not_stay),
        cmocka_unit_test(a_rule_that_came_later_keeps_its_cold_windows),
        cmocka_unit_test(few_reminders_are_due_soon),
        cmocka_unit_test(nothing_leaves_that_has_changed_since_it_was_saved),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
