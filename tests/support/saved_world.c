/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/saved_world.h"

#include <stdio.h>
#include <stdlib.h>

#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"
#include "runtime/event/codec.h"
#include "runtime/time/timestamp.h"

enum {
    SCRATCH_BYTES_MAX = 1 << 20,
    SAVED_BYTES_MAX = 64 << 20,
    PADDED = WORLD_TEXT_MAX + RT_RECORD_PADDING
};

/* ---- random rules ---- */

/* %d are spans of 5 to 60 ms, in order of appearance. */
static const char *const rules[] = {
    "    key_by: k\n"
    "    pattern:\n"
    "      - { begin: a, where: x == 1, times: 2..3 }\n"
    "      - { followedBy: b, where: \"x == 2 && y != a[0].y\" }\n"
    "    within: %dms\n"
    "    on_timeout: { message: \"{{ timeout.step }}\" }\n",
    "    key_by: k\n"
    "    after_match: no_skip\n"
    "    pattern:\n"
    "      - { begin: a, where: x == 0 }\n"
    "      - { followedByAny: b, where: y <= a.y }\n"
    "      - { notFollowedBy: n, where: x == 4 }\n"
    "      - { followedBy: c, where: x == 1 }\n"
    "    within: %dms\n",
    "    key_by: [k, y]\n"
    "    pattern:\n"
    "      - { begin: a, where: x == 3 }\n"
    "      - { notFollowedBy: b, where: x == 2 }\n"
    "    within: %dms\n"
    "    alert: { message: \"{{ a.s }}\", dedup: { for: %dms } }\n",
    "    key_by: k\n"
    "    emit: in_start_order\n"
    "    after_match: no_skip\n"
    "    pattern:\n"
    "      - { begin: a, where: x < 2 }\n"
    "      - { followedBy: b, where: x == 2, times: 1+, greedy: false, until: x == 4 }\n"
    "      - { followedBy: c, where: x == 3, optional: true }\n"
    "      - { followedBy: d, where: x == 0 }\n"
    "    within: %dms\n"
    "    alert: { rate_limit: { max: 2, per: %dms } }\n",
    "    key_by: k\n"
    "    pattern:\n"
    "      - { begin: a, where: x == 0 }\n"
    "      - { followedBy: b, where: x == 3, gap: %dms }\n"
    "    within: 1h\n"
    "    cancel_if: x == 2\n",
    "    key_by: k\n"
    "    pattern:\n"
    "      - { begin: a, where: x == 1 }\n"
    "      - { followedBy: b, where: x == 2, key_by: s }\n"
    "    within: %dms\n",
    "    pattern:\n"
    "      - { begin: a, where: v > 2.5 }\n"
    "      - { next: b, where: v > a.v }\n"
    "    within: %dms\n",
    "    key_by: k\n"
    "    window: { sliding: %dms }\n"
    "    aggregate: { n: count(), total: sum(event.v), most: max(event.v), kinds: "
    "count_distinct(event.y) }\n"
    "    having: n >= 3\n"
    "    fire: on_threshold\n"
    "    alert: { message: \"{{ n }} {{ total }} {{ most }} {{ kinds }}\" }\n",
    "    key_by: y\n"
    "    window: { tumbling: %dms }\n"
    "    aggregate: { n: count(), mean: avg(event.v), spread: stddev(event.v), f: first(event.s) "
    "}\n"
    "    having: n >= 2\n"
    "    fire: on_close\n"
    "    alert: { message: \"{{ n }} {{ mean }} {{ spread }} {{ f }}\" }\n",
    "    key_by: k\n"
    "    window: { session: %dms }\n"
    "    aggregate: { n: count(), q: \"quantile(event.v, 0.5)\", l: last(event.s) }\n"
    "    having: n >= 2\n"
    "    fire: on_close\n"
    "    alert: { message: \"{{ n }} {{ q }} {{ l }}\" }\n",
    "    key_by: k\n"
    "    group_by: y\n"
    "    window: { count: 4, expires: %dms }\n"
    "    aggregate: { low: min(event.v) }\n"
    "    alert: { message: \"{{ low }}\", dedup: { for: %dms } }\n",
    "    key_by: k\n"
    "    window: { tumbling: %dms, expires: %d0ms }\n"
    "    aggregate: { n: count(), l: last(event.s) }\n"
    "    having: n == 0 || n > 2 * previous.n\n"
    "    alert: { message: \"{{ n }} {{ previous.n }} {{ previous.l }}\" }\n",
    "    key_by: y\n"
    "    window: { tumbling: %dms }\n"
    "    aggregate: { n: count(), m: max(event.v), usual: \"baseline(n, %d00ms)\", most: "
    "\"baseline(m, %d00ms)\" }\n"
    "    fire: on_close\n"
    "    alert: { fields: { n: n, m: m, usual: usual, most: most, before: previous.m } }\n",
    "    key_by: k\n"
    "    window: { hopping: { size: 20ms, slide: 5ms }, expires: %dms }\n"
    "    aggregate: { n: count(), usual: \"baseline(n, %d0ms)\" }\n"
    "    having: n == 0 || n > usual\n"
    "    alert: { message: \"{{ n }} {{ usual }}\" }\n",
    "    key_by: k\n"
    "    window: { session: 4ms, expires: %dms }\n"
    "    aggregate: { n: count(), u: last(event.s), usual: \"baseline(n, %d0ms)\" }\n"
    "    fire: on_close\n"
    "    alert: { message: \"{{ n }} {{ previous.n }} {{ previous.u }} {{ usual }}\" }\n",
    "    key_by: y\n"
    "    window: { sliding: 20ms, expires: %dms }\n"
    "    aggregate: { n: count() }\n"
    "    having: n == 0\n"
    "    alert: { rate_limit: { key: \"'all'\", max: 2, per: %dms } }\n",
    "    key_by: k\n"
    "    window: { count: { size: 4, slide: 2 }, expires: %dms }\n"
    "    aggregate: { n: sum(event.v), usual: \"baseline(n, %d0ms)\" }\n"
    "    alert: { message: \"{{ n }} {{ previous.n }} {{ usual }}\" }\n",
    "    source: alerts\n"
    "    key_by: event.output\n"
    "    pattern:\n"
    "      - { begin: a, where: event.severity == \"medium\" }\n"
    "      - { followedBy: b, where: event.rule != a.rule }\n"
    "    within: %dms\n"
    "    alert: { message: \"{{ a.rule }} {{ b.rule }} {{ b.time }}\" }\n",
    "    source: alerts\n"
    "    key_by: event.rule\n"
    "    window: { tumbling: %dms, expires: %d0ms }\n"
    "    aggregate: { n: count(), last: last(event.message) }\n"
    "    fire: on_close\n"
    "    alert: { message: \"{{ n }} {{ previous.n }} {{ last }}\" }\n",
    "    key_by: k\n"
    "    window: { tumbling: %dms, allowed_lateness: %dms }\n"
    "    early: { every: %dms }\n"
    "    aggregate: { n: count(), l: last(event.s) }\n"
    "    alert: { message: \"{{ n }} {{ l }}\" }\n",
    "    key_by: y\n"
    "    window: { session: %dms, allowed_lateness: %dms }\n"
    "    early: on_change\n"
    "    aggregate: { n: count(), m: max(event.v) }\n"
    "    having: n >= 2\n"
    "    alert: { message: \"{{ n }} {{ m }}\" }\n",
    "    key_by: k\n"
    "    window: { hopping: { size: 24ms, slide: 6ms }, allowed_lateness: %dms }\n"
    "    early: { every: 4ms }\n"
    "    aggregate: { n: count() }\n"
    "    alert: { message: \"{{ n }}\" }\n",
    "    key_by: y\n"
    "    window: { tumbling: %dms, expires: %d0ms }\n"
    "    early: on_change\n"
    "    aggregate: { n: count() }\n"
    "    having: n > previous.n\n"
    "    alert: { message: \"{{ n }} {{ previous.n }}\" }\n",
    "    key_by: k\n"
    "    window: { global: { every: 7ms }, expires: %dms }\n"
    "    aggregate: { n: count(), s: sum(event.v) }\n"
    "    alert: { message: \"{{ n }} {{ s }}\" }\n",
    "    key_by: k\n"
    "    new_value: { of: s, ttl: %dms }\n"
    "    where: x > 0\n",
    "    key_by: k\n"
    "    where: x == 4\n"
    "    alert: { dedup: { for: %dms } }\n"
    "    on_late: { message: late }\n",
};

enum { RULES = sizeof(rules) / sizeof(rules[0]) };

static void write_rule(struct seeded *seeded, uint32_t number, struct rt_buffer *out)
{
    const char *at = rules[number];

    rt_buffer_printf(out, "  - id: rule-%u\n", number);
    for (const char *next = strstr(at, "%d"); next != NULL; next = strstr(at, "%d")) {
        rt_buffer_add(out, at, (size_t)(next - at));
        rt_buffer_printf(out, "%u", 5 + seeded_below(seeded, 56));
        at = next + 2;
    }
    rt_buffer_string(out, at);
}

void world_write_rules(struct seeded *seeded, struct rt_buffer *out)
{
    uint32_t first = seeded_below(seeded, RULES);
    uint32_t count = 1 + seeded_below(seeded, 6);

    rt_buffer_string(out, "version: 1\nrules:\n");
    for (uint32_t i = 0; i < count; i++)
        write_rule(seeded, (first + 5 * i) % RULES, out);
}

/* ---- random events ---- */

void world_make_events(struct seeded *seeded, struct world_event *events, size_t count)
{
    int64_t time = 1767225600000;

    for (size_t i = 0; i < count; i++) {
        struct world_event *event = &events[i];
        uint32_t jump = seeded_below(seeded, 100);

        time += jump == 0 ? 500 : seeded_below(seeded, 6);
        event->time = time - (int64_t)seeded_below(seeded, 4) * (int64_t)seeded_below(seeded, 8);
        event->partition = seeded_below(seeded, 2);
        event->length = (size_t)snprintf(
            event->json, sizeof(event->json),
            "{\"k\": \"k%u\", \"x\": %u, \"y\": %u, \"v\": %u.5, \"s\": \"%s%u\"%s}",
            seeded_below(seeded, 5), seeded_below(seeded, 5), seeded_below(seeded, 3),
            seeded_below(seeded, 4),
            seeded_below(seeded, 2) ? "t\\u00e9xt" : "long text of some length ",
            seeded_below(seeded, 3), seeded_below(seeded, 10) == 0 ? ", \"k\": null" : "");
        if (strstr(event->json, "null") != NULL) /* a field twice is no event */
            event->length = (size_t)snprintf(event->json, sizeof(event->json),
                                             "{\"x\": 1, \"y\": %u}", seeded_below(seeded, 3));
    }
}

struct rule_plan *world_load(const char *yaml)
{
    const struct rule_source source = {"rules.yaml", rt_text_of(yaml)};
    struct rt_diags *diags;
    struct rule_plan *plan = NULL;

    RT_ASSERT(rt_diags_new(20, &diags) == RT_OK);
    if (rule_load(&source, 1, NULL, diags, &plan) != RT_OK) {
        fprintf(stderr, "%s\n%s\n", yaml, rt_diags_at(diags, 0).message);
        RT_ASSERT(false);
    }
    rt_diags_free(diags);
    return plan;
}

/* ---- the world ---- */

static enum rt_status emit(void *context, const struct rt_output *output)
{
    struct rt_buffer *out = context;

    rt_buffer_text(out, output->record);
    rt_buffer_char(out, '\n');
    return RT_OK;
}

static enum rt_status begin_team(struct world *world)
{
    struct rt_operator *operators[CEP_TEAM_MAX];
    enum rt_status status = cep_team_new(world->plan, &world->options,
                                         (struct cep_team_size){world->workers, WORLD_GROUPS}, emit,
                                         world->output, &world->team);

    if (status == RT_OK && world->workers == 1)
        world->target = cep_team_head(world->team);
    if (status != RT_OK || world->workers == 1)
        return status;
    for (uint32_t i = 0; i < world->workers; i++)
        operators[i] = cep_team_worker(world->team, i);

    const struct rt_workers_options options = {.head = cep_team_head(world->team),
                                               .workers = operators,
                                               .count = world->workers,
                                               .memory = cep_team_memory(world->team)};

    status = rt_workers_new(&options, &world->crew);
    if (status == RT_OK)
        world->target = rt_workers_operator(world->crew);
    return status;
}

static enum rt_status begin_engine(struct world *world)
{
    enum rt_status status =
        cep_engine_new(world->plan, &world->options, emit, world->output, &world->engine);

    if (status == RT_OK)
        world->target = cep_engine_operator(world->engine);
    return status;
}

enum rt_status world_begin(struct world *world)
{
    enum rt_status status = world->workers == 0 ? begin_engine(world) : begin_team(world);

    world->slots = rt_alloc_zeroed(rt_fields_count(world->plan->fields), sizeof(*world->slots));
    if (status == RT_OK && world->slots == NULL)
        status = RT_ERR_NOMEM;
    if (status == RT_OK)
        status = rt_codec_json_new(world->plan->fields, &world->codec);
    if (status == RT_OK)
        status = rt_stream_new(&world->stream_options, world->target, &world->stream);
    return status;
}

void world_end(struct world *world)
{
    rt_stream_free(world->stream);
    rt_workers_free(world->crew);
    cep_team_free(world->team);
    cep_engine_free(world->engine);
    if (world->codec != NULL)
        world->codec->free(world->codec);
    rt_free(world->slots);
    world->stream = NULL;
    world->crew = NULL;
    world->team = NULL;
    world->engine = NULL;
    world->codec = NULL;
    world->slots = NULL;
}

void world_push(struct world *world, const struct world_event *source)
{
    char padded[PADDED] = {0};
    struct rt_arena scratch;
    enum rt_reject reject;
    const char *detail;
    struct rt_event event = {.time = {source->time},
                             .sequence = world->sequence,
                             .position = {0, source->partition, world->sequence},
                             .slots = world->slots,
                             .slot_count = (uint32_t)rt_fields_count(world->plan->fields),
                             .raw = padded,
                             .raw_length = (uint32_t)source->length};

    memcpy(padded, source->json, source->length);
    rt_arena_init(&scratch, SCRATCH_BYTES_MAX);
    RT_ASSERT(world->codec->decode(world->codec, (struct rt_text){padded, source->length}, &scratch,
                                   world->slots, &reject, &detail) == RT_OK);
    RT_ASSERT(rt_stream_push(world->stream, &event, false, RT_TIME_MIN) == RT_OK);
    rt_arena_done(&scratch);
    world->sequence++;
}

struct rt_event_names world_names(const struct world *world)
{
    return (struct rt_event_names){.fields = world->plan->fields,
                                   .slot_count = rt_fields_count(world->plan->fields)};
}

/* ---- saving ---- */

void world_saved_init(struct world_saved *saved)
{
    *saved = (struct world_saved){.sequence = 0};
    rt_buffer_init(&saved->header, SAVED_BYTES_MAX);
    rt_buffer_init(&saved->stream, SAVED_BYTES_MAX);
}

void world_saved_done(struct world_saved *saved)
{
    saved_store_done(&saved->store);
    rt_buffer_done(&saved->header);
    rt_buffer_done(&saved->stream);
}

enum rt_status world_save(struct world *world, size_t budget, struct world_saved *saved)
{
    struct rt_memory *memory = world->target->memory;
    const struct rt_event_names names = world_names(world);
    enum rt_status status;

    rt_buffer_reset(&saved->header);
    rt_buffer_reset(&saved->stream);
    status = memory->freeze(memory, false, &saved->header);
    if (status == RT_OK)
        status = rt_stream_save(world->stream, &names, &saved->stream);
    if (status != RT_OK)
        return status;
    saved->sequence = world->sequence;
    do
        status = memory->save_some(memory, budget, saved_store_put, &saved->store);
    while (status == RT_AGAIN);
    return status;
}

enum rt_status world_restore(struct world *world, uint16_t groups, struct world_saved *saved,
                             bool *starts_anew)
{
    struct rt_memory *memory = world->target->memory;
    const struct rt_event_names names = world_names(world);
    struct rt_form form = rt_form_of(rt_buffer_view(&saved->stream));
    enum rt_status status = memory->track(memory, groups, 0, groups);

    if (status == RT_OK)
        status = memory->restore(memory, rt_buffer_view(&saved->header),
                                 saved_store_read(&saved->store), starts_anew);
    if (status == RT_OK)
        status = rt_stream_load(world->stream, &names, &form);
    world->sequence = saved->sequence;
    return status;
}
