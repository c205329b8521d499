/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/router.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/alert_line.h"
#include "rules/diagnostics.h"
#include "rules/expr_schema.h"
#include "rules/yaml_tree.h"
#include "runtime/base/alloc.h"
#include "runtime/base/calendar.h"
#include "runtime/event/codec.h"
#include "runtime/time/clock.h"
#include "runtime/time/timestamp.h"

enum {
    ARENA_BYTES_MAX = 64 << 20,
    RECORD_BYTES_MAX = 64 << 20,
    TOPIC_BYTES_MAX = 249, /* Kafka's own bound */
    STAMP_BYTES = 24,
    HEADERS = 3
};

struct route {
    const struct cli_sink_config *config;
    struct expr *when; /* owned; NULL: always */
    bool by_default;
};

struct cli_router {
    const struct cli_config *config;
    struct route *routes;         /* owned; by sink */
    struct rt_sink *const *sinks; /* borrowed */
    struct rt_arena arena;        /* of trees */
    struct rt_fields *fields;     /* what `when` reads: alert, and below it */
    struct rt_codec *codec;       /* NULL: no sink has a `when` */
    struct rt_value *slots;       /* owned */
    struct rt_arena scratch;      /* of the record at hand */
    struct expr_machine *machine;
    struct rt_buffer wrapped, form, topic;
    bool color;
    uint64_t when_errors, nowhere;
};

/* ---- `when` ---- */

/* A name that a record does not have would never hold, in silence. */
static enum rt_status declare_record(struct rt_arena *arena, struct expr_schema *out)
{
    static const struct expr_schema_field fields[] = {
        {.path = "alert.v", .type = RT_INT},
        {.path = "alert.id", .type = RT_STRING},
        {.path = "alert.rule", .type = RT_STRING},
        {.path = "alert.revision", .type = RT_STRING},
        {.path = "alert.output", .type = RT_STRING},
        {.path = "alert.severity", .type = RT_STRING},
        {.path = "alert.title", .type = RT_STRING, .optional = true},
        {.path = "alert.message", .type = RT_STRING},
        {.path = "alert.key", .type = RT_MAP},
        {.path = "alert.time", .type = RT_STRING},
        {.path = "alert.first_time", .type = RT_STRING},
        {.path = "alert.fields", .type = RT_MAP},
        {.path = "alert.tags", .type = RT_LIST, .item = RT_STRING},
        {.path = "alert.events", .type = RT_MAP},
    };
    enum rt_status status = RT_OK;

    out->record = "an alert has";
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]) && status == RT_OK; i++) {
        const struct expr_schema_field *clash;

        status = expr_schema_add(out, arena, &fields[i], &clash);
    }
    return status;
}

static enum rt_status read_trees(struct cli_router *router, struct expr_tree **trees,
                                 const struct expr_schema *schema, struct rt_diags *diags)
{
    struct expr_scope scope = {.fields = router->fields, .declared = schema};
    enum rt_status status = RT_OK;

    for (size_t i = 0; i < router->config->sink_count && status == RT_OK; i++) {
        struct expr_text text;

        if (router->routes[i].config->when == NULL)
            continue;
        status = yaml_expr_text(diags, router->routes[i].config->when, &router->arena, &text);
        if (status == RT_OK)
            status = expr_check(&text, &scope, EXPR_WANT_BOOL, &router->arena, diags, &trees[i]);
        if (status == RT_ERR_DIAG)
            status = RT_OK; /* all of them are looked at */
    }
    return status;
}

static enum rt_status compile_trees(struct cli_router *router, struct expr_tree **trees)
{
    enum rt_status status = RT_OK;

    for (size_t i = 0; i < router->config->sink_count && status == RT_OK; i++) {
        if (trees[i] != NULL)
            status = expr_compile(trees[i], router->fields, &router->routes[i].when);
    }
    if (status == RT_OK)
        status = rt_codec_json_new(router->fields, &router->codec);
    if (status == RT_OK)
        status = expr_machine_new(&router->machine);
    router->slots = rt_alloc_zeroed(rt_fields_count(router->fields) + 1, sizeof(*router->slots));
    return router->slots == NULL ? RT_ERR_NOMEM : status;
}

static enum rt_status compile(struct cli_router *router, struct rt_diags *diags)
{
    size_t before = rt_diags_count(diags, RT_SEVERITY_ERROR);
    struct expr_tree **trees =
        rt_arena_array(&router->arena, router->config->sink_count + 1, sizeof(struct expr_tree *));
    struct expr_schema schema = {.fields = NULL};
    enum rt_status status = trees == NULL ? RT_ERR_NOMEM : RT_OK;

    if (status == RT_OK)
        status = rt_fields_new(&router->fields);
    if (status == RT_OK)
        status = declare_record(&router->arena, &schema);
    if (status == RT_OK) {
        memset(trees, 0, (router->config->sink_count + 1) * sizeof(struct expr_tree *));
        status = read_trees(router, trees, &schema, diags);
    }
    if (status == RT_OK)
        rt_fields_seal(router->fields);
    expr_schema_done(&schema);
    if (status == RT_OK && rt_diags_count(diags, RT_SEVERITY_ERROR) > before)
        status = RT_ERR_DIAG;
    return status == RT_OK ? compile_trees(router, trees) : status;
}

/* ---- topics ---- */

static const char *const placeholders[] = {"rule", "severity", "output"};

/* The word between {{ and }}, and where it ends; false: none begins here. */
static bool find_word(const char *at, struct rt_text *word, const char **end)
{
    const char *close;

    if (strncmp(at, "{{", 2) != 0 || (close = strstr(at, "}}")) == NULL)
        return false;
    at += 2;
    *end = close + 2;
    while (at < close && *at == ' ')
        at++;
    while (close > at && close[-1] == ' ')
        close--;
    *word = (struct rt_text){at, (size_t)(close - at)};
    return true;
}

static void check_topic(const struct cli_sink_config *sink, struct rt_diags *diags)
{
    const char *topic = sink->transport == CLI_KAFKA ? sink->kafka.topic : NULL;

    for (const char *at = topic; at != NULL && *at != '\0'; at++) {
        struct rt_text word;
        const char *end;
        size_t known = 0;

        if (!find_word(at, &word, &end))
            continue;
        while (known < 3 && !rt_text_is(word, placeholders[known]))
            known++;
        if (known == 3)
            rt_diag_help(diags,
                         rt_diag_add(diags, RT_SEVERITY_ERROR, RULE_DIAG_UNKNOWN_VALUE, sink->span,
                                     "the topic of `%s` holds `%.*s`", sink->name, (int)word.length,
                                     word.data),
                         "a topic may hold {{ rule }}, {{ severity }} and {{ output }}");
        at = end - 1;
    }
}

static void add_confined(struct rt_buffer *out, const char *value)
{
    for (; *value != '\0'; value++) {
        bool fits = (*value >= 'a' && *value <= 'z') || (*value >= 'A' && *value <= 'Z') ||
                    (*value >= '0' && *value <= '9') || strchr("._-", *value) != NULL;

        rt_buffer_char(out, fits ? *value : '_');
    }
}

static struct rt_text topic_of(struct cli_router *router, const char *topic,
                               const struct rt_output *output)
{
    const char *values[] = {output->rule_id, output->severity, output->output};

    rt_buffer_reset(&router->topic);
    while (*topic != '\0') {
        struct rt_text word;
        const char *end;

        if (!find_word(topic, &word, &end)) {
            rt_buffer_char(&router->topic, *topic++);
            continue;
        }
        for (size_t i = 0; i < 3; i++) {
            if (rt_text_is(word, placeholders[i]))
                add_confined(&router->topic, values[i]);
        }
        topic = end;
    }
    return rt_buffer_view(&router->topic);
}

/* ---- life ---- */

static bool has_name(const char *const *names, uint32_t count, const char *name)
{
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0)
            return true;
    }
    return false;
}

static bool is_named(const struct rule_plan *plan, const char *sink)
{
    for (uint32_t i = 0; plan != NULL && i < plan->rule_count; i++) {
        for (int kind = 0; kind < RULE_OUTPUT_COUNT; kind++) {
            const struct rule_output *output = &plan->rules[i]->outputs[kind];

            if (output->enabled && has_name(output->sinks, output->sink_count, sink))
                return true;
        }
    }
    return false;
}

enum rt_status cli_router_new(const struct cli_config *config, const struct rule_plan *plan,
                              bool color, struct rt_diags *diags, struct cli_router **out)
{
    struct cli_router *router = rt_alloc_zeroed(1, sizeof(*router));
    size_t before = rt_diags_count(diags, RT_SEVERITY_ERROR);
    bool has_when = false;
    enum rt_status status = RT_OK;

    if (router == NULL)
        return RT_ERR_NOMEM;
    router->config = config;
    router->color = color;
    rt_arena_init(&router->arena, ARENA_BYTES_MAX);
    rt_arena_init(&router->scratch, ARENA_BYTES_MAX);
    rt_buffer_init(&router->wrapped, RECORD_BYTES_MAX);
    rt_buffer_init(&router->form, RECORD_BYTES_MAX);
    rt_buffer_init(&router->topic, TOPIC_BYTES_MAX);
    router->routes = rt_alloc_zeroed(config->sink_count + 1, sizeof(*router->routes));
    if (router->routes == NULL)
        status = RT_ERR_NOMEM;
    for (size_t i = 0; status == RT_OK && i < config->sink_count; i++) {
        const struct cli_sink_config *sink = &config->sinks[i];

        router->routes[i].config = sink;
        router->routes[i].by_default =
            config->has_default_sinks ? sink->is_default : !is_named(plan, sink->name);
        has_when = has_when || sink->when != NULL;
        check_topic(sink, diags);
    }
    if (status == RT_OK && has_when)
        status = compile(router, diags);
    if (status == RT_OK && rt_diags_count(diags, RT_SEVERITY_ERROR) > before)
        status = RT_ERR_DIAG;
    if (status != RT_OK) {
        cli_router_free(router);
        return status;
    }
    *out = router;
    return RT_OK;
}

void cli_router_free(struct cli_router *router)
{
    if (router == NULL)
        return;
    for (size_t i = 0; router->routes != NULL && i < router->config->sink_count; i++)
        expr_free(router->routes[i].when);
    if (router->codec != NULL)
        router->codec->free(router->codec);
    expr_machine_free(router->machine);
    rt_fields_free(router->fields);
    rt_arena_done(&router->arena);
    rt_arena_done(&router->scratch);
    rt_buffer_done(&router->wrapped);
    rt_buffer_done(&router->form);
    rt_buffer_done(&router->topic);
    rt_free(router->routes);
    rt_free(router->slots);
    rt_free(router);
}

void cli_router_connect(struct cli_router *router, struct rt_sink *const *sinks)
{
    router->sinks = sinks;
}

uint64_t cli_router_when_errors(const struct cli_router *router)
{
    return router->when_errors;
}

uint64_t cli_router_nowhere(const struct cli_router *router)
{
    return router->nowhere;
}

/* ---- what nothing uses ---- */

static bool is_read(const struct rule_plan *plan, const char *source)
{
    for (uint32_t i = 0; i < plan->rule_count; i++) {
        const struct rule *rule = plan->rules[i];

        if (rule->source_count == 0)
            return true;
        if (has_name(rule->sources, rule->source_count, source))
            return true;
    }
    return false;
}

void cli_router_warn_unused(const struct cli_config *config, const struct rule_plan *plan,
                            struct rt_diags *diags)
{
    for (size_t i = 0; i < config->source_count; i++) {
        if (!is_read(plan, config->sources[i].name))
            rt_diag_add(diags, RT_SEVERITY_WARNING, RULE_DIAG_UNUSED_NAME, config->sources[i].span,
                        "no rule reads the source `%s`", config->sources[i].name);
    }
    for (size_t i = 0; config->has_default_sinks && i < config->sink_count; i++) {
        const struct cli_sink_config *sink = &config->sinks[i];

        if (!sink->is_default && !is_named(plan, sink->name))
            rt_diag_help(diags,
                         rt_diag_add(diags, RT_SEVERITY_WARNING, RULE_DIAG_UNUSED_NAME, sink->span,
                                     "nothing goes to the sink `%s`", sink->name),
                         "name it in `default_sinks`, or in `sink` of a rule");
    }
}

/* ---- a record ---- */

static enum rt_status decode(struct cli_router *router, struct rt_text record)
{
    enum rt_reject reject;
    const char *detail;

    rt_buffer_reset(&router->wrapped);
    rt_buffer_string(&router->wrapped, "{\"alert\":");
    rt_buffer_text(&router->wrapped, record);
    rt_buffer_char(&router->wrapped, '}');

    size_t length = router->wrapped.length;

    for (int i = 0; i < RT_RECORD_PADDING; i++)
        rt_buffer_char(&router->wrapped, ' ');
    if (router->wrapped.failed)
        return RT_ERR_NOMEM;
    rt_arena_reset(&router->scratch);
    return router->codec->decode(router->codec, (struct rt_text){router->wrapped.data, length},
                                 &router->scratch, router->slots, &reject, &detail);
}

/* False also for an error, which is counted.  The record is decoded for the first sink that asks. */
static bool holds(struct cli_router *router, const struct route *route,
                  const struct rt_output *output, bool *is_decoded, enum rt_status *status)
{
    struct rt_event event = {.slots = router->slots};
    struct expr_frame frame = {.event = &event};
    enum rt_value_error why;
    enum expr_truth truth;

    if (route->when == NULL)
        return true;
    if (!*is_decoded)
        *status = decode(router, output->record);
    *is_decoded = true;
    if (*status != RT_OK) {
        /* A record too large to be looked at is no reason to end. */
        *status = *status == RT_ERR_DATA ? RT_OK : *status;
        router->when_errors++;
        *is_decoded = false;
        return false;
    }
    event.slot_count = (uint32_t)rt_fields_count(router->fields);
    expr_machine_reset(router->machine);
    truth = expr_test(router->machine, route->when, &frame, &why);
    router->when_errors += truth == EXPR_ERROR;
    return truth == EXPR_TRUE;
}

static void add_cloud_event(const struct rt_output *output, struct rt_buffer *out)
{
    rt_buffer_string(out, "{\"specversion\":\"1.0\",\"id\":");
    rt_buffer_json_string(out, rt_text_of(output->id));
    rt_buffer_string(out, ",\"source\":");
    rt_buffer_printf(out, "\"/egret/rules/");
    add_confined(out, output->rule_id);
    rt_buffer_printf(out, "\",\"type\":\"egret.%s\",\"time\":\"", output->output);
    rt_time_text(output->time, out);
    rt_buffer_string(out, "\",\"subject\":");
    rt_buffer_json_string(out, output->key);
    rt_buffer_string(out, ",\"datacontenttype\":\"application/json\",\"data\":");
    rt_buffer_text(out, output->record);
    rt_buffer_char(out, '}');
}

/* The record as the sink wants it; borrowed until the next one. */
static struct rt_text formed(struct cli_router *router, const struct cli_sink_config *sink,
                             const struct rt_output *output)
{
    if (sink->format == CLI_FORMAT_JSON)
        return output->record;
    rt_buffer_reset(&router->form);
    if (sink->format == CLI_FORMAT_TEXT)
        cli_alert_line(output,
                       router->color && strcmp(sink->path == NULL ? "" : sink->path, "-") == 0,
                       &router->form);
    else
        add_cloud_event(output, &router->form);
    return rt_buffer_view(&router->form);
}

static enum rt_status write_to(struct cli_router *router, size_t index,
                               const struct rt_output *output)
{
    const struct cli_sink_config *sink = router->routes[index].config;
    struct rt_sink_record record = {.value = formed(router, sink, output),
                                    .key = output->key,
                                    .has_time = true,
                                    .time = output->time};
    struct rt_record_header headers[HEADERS];
    char stamp[STAMP_BYTES];

    if (router->form.failed)
        return RT_ERR_NOMEM;
    if (sink->transport == CLI_KAFKA) {
        snprintf(stamp, sizeof(stamp), "%" PRId64, rt_clock_wall().ms);
        headers[0] = (struct rt_record_header){RT_TEXT("egret-id"), rt_text_of(output->id)};
        headers[1] = (struct rt_record_header){RT_TEXT("egret-rule"), rt_text_of(output->rule_id)};
        headers[2] = (struct rt_record_header){RT_TEXT("egret-detected"), rt_text_of(stamp)};
        record.headers = headers;
        record.header_count = HEADERS;
        if (strstr(sink->kafka.topic, "{{") != NULL)
            record.destination = topic_of(router, sink->kafka.topic, output);
    }
    return router->sinks[index]->write(router->sinks[index], &record);
}

enum rt_status cli_router_emit(void *context, const struct rt_output *output)
{
    struct cli_router *router = context;
    bool is_decoded = false, somewhere = false;
    enum rt_status status = RT_OK;

    for (size_t i = 0; i < router->config->sink_count && status == RT_OK; i++) {
        const struct route *route = &router->routes[i];
        bool chosen = output->sink_count == 0 || router->config->one_way
                          ? route->by_default
                          : has_name(output->sinks, output->sink_count, route->config->name);

        if (!chosen || !holds(router, route, output, &is_decoded, &status) || status != RT_OK)
            continue;
        somewhere = true;
        status = write_to(router, i, output);
    }
    router->nowhere += status == RT_OK && !somewhere;
    return status;
}
