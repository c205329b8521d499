/* SPDX-License-Identifier: Apache-2.0 */
/* The world of expr_world.h. */
#include "tests/support/expr_world.h"

#include "rules/value_ops.h"
#include "runtime/event/codec.h"

static const char *const records[EXPR_WORLD_EVENTS] = {
    "{\"type\":\"login\",\"user\":\"ann\",\"amount\":12.5,\"count\":3,\"ok\":true,\"ip\":\"10.1.2."
    "3\","
    "\"nothing\":null,\"tags\":[\"a\",\"b\"],\"geo\":{\"lat\":52.5,\"lon\":13.4},\"user-agent\":"
    "\"curl\","
    "\"fail\":\"field named like a step\",\"size\":7,\"whole\":5.0,\"big\":9007199254740993}",
    "{\"type\":\"login\",\"user\":\"ann\",\"ip\":\"10.0.0.9\",\"geo\":{\"lat\":48.1},\"amount\":2}",
    "{\"type\":\"fail\",\"user\":\"ann\",\"ip\":\"10.0.0.1\",\"amount\":1}",
    "{\"type\":\"fail\",\"user\":\"ann\",\"ip\":\"10.0.0.2\"}",
    "{\"type\":\"fail\",\"user\":\"ann\",\"ip\":\"10.0.0.3\",\"amount\":5}"};

static const struct expr_step_name steps[] = {
    {.name = "ok", .step = 0, .available = true},
    {.name = "fail", .step = 1, .repeats = true, .available = true, .repeats_text = "times: 3+"},
    {.name = "maybe", .step = 2, .optional = true, .available = true},
    {.name = "later", .step = 3},
    {.name = "many", .step = 4, .repeats = true, .available = true}};

static const struct expr_binding bindings[] = {{.name = "key", .type = RT_MAP},
                                               {.name = "timeout", .index = 1}};

/* Places are the events themselves; `ok` has taken the first behind the one at hand, `fail` the others. */
static const void *older(const void *place, struct expr_taken *out)
{
    const struct rt_event *event = place;

    *out = (struct expr_taken){event->sequence == 1 ? 0 : 1, event};
    return event->sequence == 1 ? NULL : event - 1;
}

static struct rt_value text(const char *string)
{
    return rt_string(string, (uint32_t)strlen(string));
}

static bool make_constants(struct expr_world *world)
{
    struct rt_map_entry *entries = rt_arena_array(&world->arena, 5, sizeof(*entries));
    struct rt_value *items = rt_arena_array(&world->arena, 2, sizeof(*items));
    struct expr_constant *constants = rt_arena_array(&world->arena, 2, sizeof(*constants));

    if (entries == NULL || items == NULL || constants == NULL)
        return false;
    items[0] = text("10.1.2.3");
    items[1] = text("10.0.0.9");
    entries[0] = (struct rt_map_entry){text("limit"), rt_int(10)};
    entries[1] = (struct rt_map_entry){text("name"), text("ann")};
    entries[2] =
        (struct rt_map_entry){text("blocked"), {.type = RT_LIST, .length = 2, .u.items = items}};
    entries[3] = (struct rt_map_entry){text("user"), text("ann")};
    constants[0] =
        (struct expr_constant){"params", {.type = RT_MAP, .length = 2, .u.entries = entries}};
    constants[1] =
        (struct expr_constant){"lists", {.type = RT_MAP, .length = 1, .u.entries = entries + 2}};
    world->bindings[0] = (struct rt_value){.type = RT_MAP, .length = 1, .u.entries = entries + 3};
    world->bindings[1] = rt_bool(true);
    world->scope.constants = constants;
    world->scope.constant_count = 2;
    return true;
}

bool expr_world_open(struct expr_world *world)
{
    *world = (struct expr_world){.diags = NULL};
    rt_arena_init(&world->arena, 256u << 20);
    if (rt_diags_new(0, &world->diags) != RT_OK || rt_fields_new(&world->fields) != RT_OK ||
        expr_machine_new(&world->machine) != RT_OK)
        return false;
    world->scope = (struct expr_scope){.fields = world->fields,
                                       .steps = steps,
                                       .step_count = sizeof(steps) / sizeof(steps[0]),
                                       .bindings = bindings,
                                       .binding_count = sizeof(bindings) / sizeof(bindings[0])};
    world->frame = (struct expr_frame){.event = &world->events[0],
                                       .bindings = world->bindings,
                                       .newest = &world->events[EXPR_WORLD_EVENTS - 1],
                                       .older = older};
    return make_constants(world);
}

void expr_world_close(struct expr_world *world)
{
    rt_diags_free(world->diags);
    rt_fields_free(world->fields);
    expr_machine_free(world->machine);
    rt_arena_done(&world->arena);
}

static enum rt_status decode(struct expr_world *world, struct rt_codec *codec, size_t at)
{
    size_t length = strlen(records[at]), count = rt_fields_count(world->fields);
    char *record = rt_arena_alloc(&world->arena, length + RT_RECORD_PADDING);
    struct rt_value *slots = rt_arena_array(&world->arena, count + 1, sizeof(*slots));
    enum rt_reject reject;
    const char *detail;

    if (record == NULL || slots == NULL)
        return RT_ERR_NOMEM;
    memcpy(record, records[at], length);
    world->events[at] = (struct rt_event){.time = {1767225600000 + 1500 * (int64_t)at},
                                          .sequence = at,
                                          .slots = slots,
                                          .slot_count = (uint32_t)count,
                                          .raw = record,
                                          .raw_length = (uint32_t)length};
    if (at > 0) /* a captured event has the kept fields only */
        world->events[at].slot_count = (uint32_t)rt_fields_kept_count(world->fields);
    return codec->decode(codec, (struct rt_text){record, length}, &world->arena, slots, &reject,
                         &detail);
}

enum rt_status expr_world_seal(struct expr_world *world)
{
    struct rt_codec *codec;
    enum rt_status status;

    rt_fields_seal(world->fields);
    status = rt_codec_json_new(world->fields, &codec);
    if (status != RT_OK)
        return status;
    for (size_t i = 0; i < EXPR_WORLD_EVENTS && status == RT_OK; i++)
        status = decode(world, codec, i);
    codec->free(codec);
    return status;
}

enum rt_status expr_world_eval(struct expr_world *world, struct rt_text expression,
                               enum expr_want want, struct rt_value *out)
{
    struct expr_text source = {.text = expression};
    struct expr_tree *tree;
    struct expr *code;
    enum rt_status status;

    source.source = rt_diags_add_source(world->diags, "expression", expression);
    status = expr_check(&source, &world->scope, want, &world->arena, world->diags, &tree);
    if (status == RT_OK)
        status = expr_world_seal(world);
    if (status == RT_OK)
        status = expr_compile(tree, world->fields, &code);
    if (status != RT_OK)
        return status;
    *out = expr_eval(world->machine, code, &world->frame);
    expr_free(code);
    return RT_OK;
}
