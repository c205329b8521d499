/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/test_run.h"

#include <string.h>

#include "cep/engine.h"
#include "runtime/event/codec.h"
#include "runtime/io/source.h"
#include "runtime/time/stream.h"
#include "runtime/time/timestamp.h"

enum {
    RESULT_BYTES_MAX = 256 << 20,
    SCRATCH_BYTES_MAX = 16 << 20,
    MESSAGE_BYTES_MAX = 4096,
    ERRORS_BYTES_MAX = 1 << 20
};

struct runner {
    struct cli_test_result *result;
    struct cli_test_record **tail;
    struct rule_plan *plan;
    const struct rule *rule;
    const struct rule_test *test;
    struct rt_codec *codec;
    struct cep_engine *engine;
    struct rt_stream *stream;
    struct rt_arena scratch; /* of one event */
    struct rt_buffer json;   /* of one event */
    struct rt_value *slots;
    const char **sources; /* that events of the test name */
    uint32_t source_count;
    uint64_t sequence;
};

/* ---- what comes out ---- */

static bool copy_text(struct rt_arena *arena, struct rt_text from, struct rt_text *to)
{
    /* The record is decoded again to be compared, and decoders read past the end. */
    char *copy = rt_arena_alloc(arena, from.length + RT_RECORD_PADDING);

    if (copy == NULL)
        return false;
    if (from.length > 0)
        memcpy(copy, from.data, from.length);
    *to = (struct rt_text){copy, from.length};
    return true;
}

static const char *copy_string(struct rt_arena *arena, const char *from)
{
    return rt_arena_text(arena, from, strlen(from));
}

static enum rt_status emit(void *context, const struct rt_output *output)
{
    struct runner *runner = context;
    struct rt_arena *arena = &runner->result->arena;
    struct cli_test_record *record;

    if (output->rule != runner->rule->index)
        return RT_OK;
    record = rt_arena_alloc(arena, sizeof(*record));
    if (record == NULL || !copy_text(arena, output->message, &record->message) ||
        !copy_text(arena, output->record, &record->record))
        return RT_ERR_NOMEM;
    record->time = output->time;
    record->rule_id = runner->rule->id;
    record->severity = copy_string(arena, output->severity);
    record->output = copy_string(arena, output->output);
    record->sinks = rule_names_join(arena, output->sinks, output->sink_count);
    if (record->severity == NULL || record->output == NULL || record->sinks == NULL)
        return RT_ERR_NOMEM;
    *runner->tail = record;
    runner->tail = &record->next;
    runner->result->record_count++;
    return RT_OK;
}

/* ---- what goes in ---- */

static enum rt_status refuse(struct runner *runner, const char *where, enum rt_reject reject,
                             const char *detail)
{
    rt_buffer_printf(&runner->result->message, "%s: %s%s%s", where, rt_reject_name(reject),
                     detail == NULL ? "" : ", ", detail == NULL ? "" : detail);
    return RT_ERR_DATA;
}

static enum rt_status decode(struct runner *runner, const char *json, size_t length,
                             const char *where)
{
    enum rt_reject reject = RT_REJECT_NONE;
    const char *detail = NULL;
    enum rt_status status =
        runner->codec->decode(runner->codec, (struct rt_text){json, length}, &runner->scratch,
                              runner->slots, &reject, &detail);

    return status == RT_ERR_DATA ? refuse(runner, where, reject, detail) : status;
}

/* An event that names no source is for every rule: it stands behind those that are named. */
static uint32_t source_of(const struct runner *runner, const struct rule_test_event *event)
{
    uint32_t at = 0;

    while (at < runner->source_count &&
           (event->source == NULL || strcmp(runner->sources[at], event->source) != 0))
        at++;
    return at;
}

static enum rt_status push(struct runner *runner, const struct rule_test_event *of,
                           struct rt_text json, rt_time at)
{
    struct rt_event event = {
        .time = at,
        .sequence = runner->sequence,
        .position = {.source = source_of(runner, of), .offset = runner->sequence},
        .slots = runner->slots,
        .slot_count = (uint32_t)rt_fields_count(runner->plan->fields),
        .raw = json.data,
        .raw_length = (uint32_t)json.length,
    };
    bool after_end = at.ms > runner->test->stop_at.ms; /* the test is over by then */
    enum rt_status status =
        after_end ? RT_OK : rt_stream_push(runner->stream, &event, false, RT_TIME_MIN);

    runner->sequence++;
    rt_arena_reset(&runner->scratch);
    return status;
}

/* `{"type":"login"}` -> `{"ts":"2026-01-01T00:00:10.000Z","type":"login"}` */
static void add_time(struct rt_buffer *json, const char *event, rt_time at)
{
    rt_buffer_string(json, "{\"" CLI_TEST_TIME_FIELD "\":\"");
    rt_time_text(at, json);
    rt_buffer_string(json, event[1] == '}' ? "\"" : "\",");
    rt_buffer_string(json, event + 1);
}

static void add_padding(struct rt_buffer *json)
{
    static const char padding[RT_RECORD_PADDING];

    rt_buffer_add(json, padding, sizeof(padding));
    json->length -= json->failed ? 0 : sizeof(padding);
}

static enum rt_status push_json(struct runner *runner, const struct rule_test_event *event,
                                rt_time at)
{
    struct rt_buffer *json = &runner->json;
    enum rt_status status;

    rt_buffer_reset(json);
    rt_buffer_string(json, event->json);
    add_padding(json);
    if (json->failed)
        return RT_ERR_NOMEM;
    status = decode(runner, json->data, json->length, runner->test->name);
    if (status == RT_OK && runner->slots[runner->plan->time_slot].type == RT_ABSENT) {
        rt_buffer_reset(json);
        add_time(json, event->json, at);
        add_padding(json);
        if (json->failed)
            return RT_ERR_NOMEM;
        status = decode(runner, json->data, json->length, runner->test->name);
    }
    return status == RT_OK ? push(runner, event, rt_buffer_view(json), at) : status;
}

static enum rt_status push_repeated(struct runner *runner, const struct rule_test_event *event)
{
    enum rt_status status = RT_OK;
    rt_time at = event->at;

    for (uint32_t i = 0; i < event->repeat && status == RT_OK; i++) {
        status = push_json(runner, event, at);
        at = rt_time_plus(at, event->every);
    }
    return status;
}

/* ---- events from a file ---- */

struct shift { /* `at` moves the file's first event there, and the others with it */
    bool known;
    int64_t ms;
};

static enum rt_status push_record(struct runner *runner, const struct rule_test_event *event,
                                  const struct rt_record *record, struct shift *shift)
{
    static const struct rt_time_reader reader = {.format = RT_TIME_AUTO};
    rt_time time = event->at;
    enum rt_reject reject;
    enum rt_status status;

    if (record->too_long)
        return refuse(runner, event->from, RT_REJECT_TOO_LARGE, NULL);
    status = decode(runner, record->data, record->length, event->from);
    if (status != RT_OK)
        return status;
    reject = rt_time_read(&reader, runner->slots[runner->plan->time_slot], &time);
    if (reject != RT_REJECT_NONE && !event->has_at)
        return refuse(runner, event->from, reject, NULL);
    if (!shift->known) {
        shift->known = true;
        shift->ms = event->has_at ? event->at.ms - time.ms : 0;
    }
    return push(runner, event, (struct rt_text){record->data, record->length},
                rt_time_plus(time, (rt_duration){shift->ms}));
}

static enum rt_status read_file(struct runner *runner, const struct rule_test_event *event,
                                struct rt_source *source)
{
    struct rt_batch *batch = rt_arena_alloc(&runner->result->arena, sizeof(*batch));
    struct shift shift = {.known = false};
    enum rt_status status;

    if (batch == NULL)
        return RT_ERR_NOMEM;
    while ((status = source->read(source, batch)) == RT_OK) {
        for (size_t i = 0; i < batch->count; i++) {
            status = push_record(runner, event, &batch->records[i], &shift);
            if (status != RT_OK)
                return status;
        }
    }
    if (status == RT_ERR_IO)
        rt_buffer_string(&runner->result->message, source->error(source));
    return status == RT_END ? RT_OK : status;
}

static enum rt_status push_file(struct runner *runner, const struct rule_test_event *event)
{
    const char *file = runner->test->file;
    const char *slash = strrchr(file, '/');
    int folder = slash == NULL || event->from[0] == '/' ? 0 : (int)(slash - file) + 1;
    const char *path = rt_arena_printf(&runner->result->arena, "%.*s%s", folder, file, event->from);
    struct rt_source *source;
    enum rt_status status;

    if (path == NULL)
        return RT_ERR_NOMEM;
    status = rt_source_files_new(&path, 1, 0, &runner->result->message, &source);
    if (status != RT_OK)
        return status;
    status = read_file(runner, event, source);
    source->free(source);
    return status;
}

/* ---- the whole test ---- */

static enum rt_status feed(struct runner *runner)
{
    const struct rule_test *test = runner->test;
    enum rt_status status = RT_OK;

    for (uint32_t i = 0; i < test->event_count && status == RT_OK; i++) {
        const struct rule_test_event *event = &test->events[i];

        status = event->from != NULL ? push_file(runner, event) : push_repeated(runner, event);
    }
    if (status != RT_OK)
        return status;
    if (test->stop_at.ms == RT_TIME_MAX.ms)
        return rt_stream_finish(runner->stream);
    return rt_stream_advance(runner->stream, test->stop_at);
}

static enum rt_status name_sources(struct runner *runner)
{
    const struct rule_test *test = runner->test;

    runner->sources = rt_arena_array(&runner->result->arena, test->event_count + 1, sizeof(char *));
    if (runner->sources == NULL)
        return RT_ERR_NOMEM;
    for (uint32_t i = 0; i < test->event_count; i++) {
        if (test->events[i].source != NULL &&
            source_of(runner, &test->events[i]) == runner->source_count)
            runner->sources[runner->source_count++] = test->events[i].source;
    }
    return RT_OK;
}

static enum rt_status make(struct runner *runner)
{
    struct rt_stream_options stream = {.out_of_orderness = runner->test->out_of_orderness};
    struct cep_options options = cep_options_standard();
    enum rt_status status;

    options.asks_all = true; /* what the author sees has nothing to do with an index */
    status = name_sources(runner);
    options.source_names = runner->sources;
    options.source_count = runner->source_count;
    options.route_by_source = true;
    if (status == RT_OK)
        status = rt_codec_json_new(runner->plan->fields, &runner->codec);
    runner->slots = rt_arena_array(
        &runner->result->arena, rt_fields_count(runner->plan->fields) + 1, sizeof(struct rt_value));
    if (status == RT_OK && runner->slots == NULL)
        status = RT_ERR_NOMEM;
    if (status == RT_OK)
        status = cep_engine_new(runner->plan, &options, emit, runner, &runner->engine);
    if (status == RT_OK)
        status = rt_stream_new(&stream, cep_engine_operator(runner->engine), &runner->stream);
    return status;
}

static void add_error(void *context, const struct cep_error_count *error)
{
    struct runner *runner = context;

    if (error->rule == runner->rule->index)
        rt_buffer_printf(&runner->result->errors, "%s: %s, %llu event%s\n", error->step,
                         rt_value_error_name(error->why), (unsigned long long)error->count,
                         error->count == 1 ? "" : "s");
}

enum rt_status cli_test_run(struct rule_plan *plan, const struct rule *rule,
                            const struct rule_test *test, struct cli_test_result *out)
{
    struct cli_test_record *first = NULL;
    struct runner runner = {
        .result = out, .tail = &first, .plan = plan, .rule = rule, .test = test};
    enum rt_status status;

    *out = (struct cli_test_result){.records = NULL};
    rt_arena_init(&out->arena, RESULT_BYTES_MAX);
    rt_buffer_init(&out->message, MESSAGE_BYTES_MAX);
    rt_buffer_init(&out->errors, ERRORS_BYTES_MAX);
    rt_arena_init(&runner.scratch, SCRATCH_BYTES_MAX);
    rt_buffer_init(&runner.json, RT_RECORD_BYTES_MAX + RT_RECORD_PADDING);
    status = make(&runner);
    if (status == RT_OK)
        status = feed(&runner);
    if (status == RT_OK)
        cep_engine_each_error(runner.engine, add_error, &runner);
    out->records = first;
    if (status != RT_OK && out->message.length == 0)
        rt_buffer_string(&out->message, rt_status_text(status));
    rt_stream_free(runner.stream);
    cep_engine_free(runner.engine);
    if (runner.codec != NULL)
        runner.codec->free(runner.codec);
    rt_buffer_done(&runner.json);
    rt_arena_done(&runner.scratch);
    return status;
}

void cli_test_result_done(struct cli_test_result *result)
{
    rt_buffer_done(&result->message);
    rt_buffer_done(&result->errors);
    rt_arena_done(&result->arena);
}
