/* SPDX-License-Identifier: Apache-2.0 */
/* The public API: an engine with its own time, that of events or that of a clock, fed by the program that embeds it. */
#include "cep/api.h"
#include "cep/engine.h"
#include "runtime/base/alloc.h"
#include "runtime/event/codec.h"

enum { SCRATCH_BYTES_MAX = 64 << 20, ARRIVAL_BITS = 40 };

struct egret_engine {
    struct rule_plan *plan; /* referenced */
    struct cep_engine *engine;
    struct rt_stream *stream;
    struct rt_codec *codec;       /* made when the first JSON text comes */
    struct expr_machine *machine; /* for watermark_when; NULL without one */
    struct rt_time_reader time_reader;
    char *time_pattern; /* owned: what the reader points to */
    struct rt_arena scratch;
    struct rt_value *slots;  /* of the event that a JSON text becomes */
    struct rt_buffer record; /* the JSON text with its padding */
    egret_alert_fn *on_alert;
    void *context;
    egret_clock_fn *clock; /* NULL: event time */
    void *clock_context;
    rt_time now; /* the latest that the clock has told */
    bool ties_by_rank;
    uint64_t sequence; /* events pushed so far */
    uint64_t rejected;
};

struct egret_alert {
    const struct rt_output *output;
};

static enum rt_status emit(void *context, const struct rt_output *output)
{
    const struct egret_engine *engine = context;
    const struct egret_alert alert = {output};

    if (engine->on_alert != NULL)
        engine->on_alert(engine->context, &alert);
    return RT_OK;
}

void egret_engine_free(struct egret_engine *engine)
{
    if (engine == NULL)
        return;
    rt_stream_free(engine->stream);
    cep_engine_free(engine->engine);
    if (engine->codec != NULL)
        engine->codec->free(engine->codec);
    expr_machine_free(engine->machine);
    rt_arena_done(&engine->scratch);
    rt_buffer_done(&engine->record);
    rt_free(engine->slots);
    rt_free(engine->time_pattern);
    rule_plan_unref(engine->plan);
    rt_free(engine);
}

static enum rt_status copy_time_reader(struct egret_engine *engine,
                                       const struct egret_options *options)
{
    const char *pattern = options->time_reader.pattern;

    engine->time_reader = options->time_reader;
    if (pattern == NULL)
        return RT_OK;
    engine->time_pattern = rt_alloc_text(pattern, strlen(pattern));
    engine->time_reader.pattern = engine->time_pattern;
    return engine->time_pattern == NULL ? RT_ERR_NOMEM : RT_OK;
}

static enum rt_status init(struct egret_engine *engine, const struct egret_options *options)
{
    const struct rt_stream_options stream_options = {
        .out_of_orderness = {options->clock == NULL ? options->out_of_orderness.ms : 0},
        .punctuated = options->clock == NULL && engine->plan->watermark_when != NULL,
        .holds_ties = options->ties_by_rank,
    };
    enum rt_status status = copy_time_reader(engine, options);

    engine->clock = options->clock;
    engine->clock_context = options->clock_context;
    engine->now = RT_TIME_FIRST;
    engine->ties_by_rank = options->ties_by_rank;
    rt_arena_init(&engine->scratch, SCRATCH_BYTES_MAX);
    rt_buffer_init(&engine->record, RT_RECORD_BYTES_MAX + RT_RECORD_PADDING);
    engine->slots = rt_alloc_zeroed(rt_fields_count(engine->plan->fields), sizeof(*engine->slots));
    if (engine->slots == NULL)
        return RT_ERR_NOMEM;
    if (status == RT_OK && engine->plan->watermark_when != NULL)
        status = expr_machine_new(&engine->machine);
    if (status == RT_OK)
        status = cep_engine_new(engine->plan, &options->limits, emit, engine, &engine->engine);
    if (status == RT_OK)
        status =
            rt_stream_new(&stream_options, cep_engine_operator(engine->engine), &engine->stream);
    return status;
}

enum egret_status egret_engine_new(struct egret_ruleset *rules, const struct egret_options *options,
                                   egret_alert_fn *on_alert, void *context,
                                   struct egret_engine **out_engine)
{
    const struct egret_options standard = api_options_standard();
    struct egret_engine *engine = rt_alloc_zeroed(1, sizeof(*engine));
    enum rt_status status;

    if (engine == NULL)
        return EGRET_ERR_NOMEM;
    engine->plan = rule_plan_ref(api_plan(rules));
    engine->on_alert = on_alert;
    engine->context = context;
    status = init(engine, options == NULL ? &standard : options);
    if (status != RT_OK) {
        egret_engine_free(engine);
        return api_status(status);
    }
    *out_engine = engine;
    return EGRET_OK;
}

/* Does the event move the watermark to its time? */
static bool is_punctuation(struct egret_engine *engine, const struct rt_event *event)
{
    const struct expr_frame frame = {.event = event};
    enum rt_value_error why;

    if (engine->machine == NULL)
        return false;
    expr_machine_reset(engine->machine);
    return expr_test(engine->machine, engine->plan->watermark_when, &frame, &why) == EXPR_TRUE;
}

static rt_time read_clock(struct egret_engine *engine)
{
    const rt_time now = {engine->clock(engine->clock_context)};

    if (rt_time_before(engine->now, now))
        engine->now = now;
    return engine->now;
}

/* Events are in order of (time, sequence): a rank goes before the arrival. */
static uint64_t sequence_of(const struct egret_engine *engine, int32_t rank)
{
    const uint64_t arrival = engine->sequence & ((UINT64_C(1) << ARRIVAL_BITS) - 1);

    return engine->ties_by_rank
               ? (uint64_t)((int64_t)rank - EGRET_RANK_MIN) << ARRIVAL_BITS | arrival
               : engine->sequence;
}

static enum egret_status push(struct egret_engine *engine, struct rt_event *event,
                              bool has_position, int32_t rank)
{
    if (engine->clock != NULL)
        event->time = read_clock(engine);
    if (event->time.ms < RT_TIME_FIRST.ms || event->time.ms > RT_TIME_LAST.ms) {
        engine->rejected++;
        return EGRET_ERR_DATA;
    }
    event->sequence = sequence_of(engine, rank);
    if (!has_position)
        event->position.offset = engine->sequence;
    engine->sequence++;
    return api_status(
        rt_stream_push(engine->stream, event, is_punctuation(engine, event), RT_TIME_MIN));
}

enum egret_status egret_engine_push(struct egret_engine *engine, const struct egret_event *event)
{
    struct rt_event copy = event->event;

    return push(engine, &copy, event->has_position, event->rank);
}

static enum rt_status copy_record(struct egret_engine *engine, const char *text, size_t length)
{
    static const char padding[RT_RECORD_PADDING];

    rt_buffer_reset(&engine->record);
    rt_buffer_add(&engine->record, text, length);
    rt_buffer_add(&engine->record, padding, sizeof(padding));
    return engine->record.failed ? RT_ERR_NOMEM : RT_OK;
}

static enum rt_status decode(struct egret_engine *engine, const char *text, size_t length,
                             rt_time *time)
{
    enum rt_reject reject = RT_REJECT_NONE;
    const char *detail;
    enum rt_status status = RT_OK;

    if (length > RT_RECORD_BYTES_MAX)
        return RT_ERR_DATA;
    if (engine->codec == NULL)
        status = rt_codec_json_new(engine->plan->fields, &engine->codec);
    if (status == RT_OK)
        status = copy_record(engine, text, length);
    rt_arena_reset(&engine->scratch);
    if (status == RT_OK)
        status = engine->codec->decode(engine->codec, (struct rt_text){engine->record.data, length},
                                       &engine->scratch, engine->slots, &reject, &detail);
    if (status != RT_OK)
        return status;
    if (engine->clock != NULL)
        return RT_OK;
    if (engine->plan->time_slot == RT_NO_SLOT ||
        rt_time_read(&engine->time_reader, engine->slots[engine->plan->time_slot], time) !=
            RT_REJECT_NONE)
        return RT_ERR_DATA;
    return RT_OK;
}

enum egret_status egret_engine_push_json(struct egret_engine *engine, const char *text,
                                         size_t length)
{
    rt_time time = RT_TIME_FIRST;
    enum rt_status status = decode(engine, text, length, &time);

    if (status != RT_OK) {
        engine->rejected += status == RT_ERR_DATA;
        return api_status(status);
    }

    struct rt_event event = {
        .time = time,
        .slots = engine->slots,
        .slot_count = (uint32_t)rt_fields_count(engine->plan->fields),
        .raw = engine->record.data,
        .raw_length = (uint32_t)length,
    };

    return push(engine, &event, false, 0);
}

enum egret_status egret_engine_advance(struct egret_engine *engine, int64_t watermark_ms)
{
    return api_status(rt_stream_advance(engine->stream, (rt_time){watermark_ms}));
}

enum egret_status egret_engine_tick(struct egret_engine *engine)
{
    if (engine->clock == NULL)
        return EGRET_ERR_ORDER;
    return api_status(
        rt_stream_advance(engine->stream, rt_time_plus(read_clock(engine), (rt_duration){-1})));
}

enum egret_status egret_engine_finish(struct egret_engine *engine)
{
    return api_status(rt_stream_finish(engine->stream));
}

/* ---- alerts ---- */

const char *egret_alert_json(const struct egret_alert *alert, size_t *out_length)
{
    *out_length = alert->output->record.length;
    return alert->output->record.data;
}

const char *egret_alert_rule(const struct egret_alert *alert)
{
    return alert->output->rule_id;
}

const char *egret_alert_id(const struct egret_alert *alert)
{
    return alert->output->id;
}

const char *egret_alert_output(const struct egret_alert *alert)
{
    return alert->output->output;
}

const char *egret_alert_severity(const struct egret_alert *alert)
{
    return alert->output->severity;
}

const char *egret_alert_sink(const struct egret_alert *alert, size_t index)
{
    return index < alert->output->sink_count ? alert->output->sinks[index] : NULL;
}

const char *egret_alert_message(const struct egret_alert *alert, size_t *out_length)
{
    *out_length = alert->output->message.length;
    return alert->output->message.data;
}

const char *egret_alert_key(const struct egret_alert *alert, size_t *out_length)
{
    *out_length = alert->output->key.length;
    return alert->output->key.data;
}

int64_t egret_alert_time(const struct egret_alert *alert)
{
    return alert->output->time.ms;
}

int64_t egret_alert_first_time(const struct egret_alert *alert)
{
    return alert->output->first_time.ms;
}

/* ---- counters ---- */

uint64_t egret_engine_rule_stat(const struct egret_engine *engine, size_t rule,
                                enum egret_stat stat)
{
    struct cep_rule_counters counters;

    if (rule >= engine->plan->rule_count)
        return 0;
    cep_engine_rule_counters(engine->engine, (uint32_t)rule, &counters);
    switch (stat) {
    case EGRET_STAT_EVENTS:
        return counters.events;
    case EGRET_STAT_LATE:
        return counters.late;
    case EGRET_STAT_STARTED:
        return counters.started;
    case EGRET_STAT_MATCHED:
        return counters.matched;
    case EGRET_STAT_TIMED_OUT:
        return counters.timed_out;
    case EGRET_STAT_SUPPRESSED:
        return counters.suppressed;
    case EGRET_STAT_NO_KEY:
        return counters.no_key;
    case EGRET_STAT_CONDITION_ERRORS:
        return counters.condition_errors;
    case EGRET_STAT_DROPPED:
        return counters.dropped;
    case EGRET_STAT_LIVE:
        return counters.live;
    case EGRET_STAT_REJECTED:
    case EGRET_STAT_KEYS:
    case EGRET_STAT_STATE_BYTES:
        break;
    }
    return 0;
}

uint64_t egret_engine_stat(const struct egret_engine *engine, enum egret_stat stat)
{
    struct cep_counters counters;
    uint64_t sum = 0;

    cep_engine_counters(engine->engine, &counters);
    switch (stat) {
    case EGRET_STAT_EVENTS:
        return engine->sequence;
    case EGRET_STAT_LATE:
        return counters.late;
    case EGRET_STAT_REJECTED:
        return engine->rejected;
    case EGRET_STAT_KEYS:
        return counters.keys;
    case EGRET_STAT_STATE_BYTES:
        return counters.state_bytes;
    default:
        for (size_t rule = 0; rule < engine->plan->rule_count; rule++)
            sum += egret_engine_rule_stat(engine, rule, stat);
        return sum;
    }
}
