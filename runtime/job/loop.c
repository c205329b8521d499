/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop.c - the walk of an event, from the batch that it came in to the operator.
 *
 *     rt_job_run
 *       read a batch
 *       for each group:   decode_group   record -> slots -> event time            or reject
 *                         approach_event -> time goes on in steps first, where state is larger than memory (steps.c)
 *                         push_group     -> stream (watermark, late, order) -> operator, or reject (too far ahead)
 *       flush when input runs dry
 *       a step towards the next checkpoint (durable.h)
 *     behind a batch of each source: idle partitions (silence.c)
 *     finish: the final watermark, the last checkpoint
 */
#include "runtime/job/loop.h"

#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"
#include "runtime/io/dead_letter.h"
#include "runtime/time/clock.h"

enum { NS_PER_MS = 1000000 };

/* ---- what goes wrong, in words ---- */

enum rt_status rt_job_failed(struct rt_job *job, enum rt_status status, const char *what)
{
    if (job->error.length == 0)
        rt_buffer_string(&job->error, what);
    return status;
}

/* ---- a record that is no event ---- */

static const char *source_name(const struct rt_job *job, const struct rt_record *record)
{
    return job->sources[job->options.source_count == 1 ? 0 : record->position.source].name;
}

static enum rt_status write_dead_letter(struct rt_job *job, const struct rt_record *record,
                                        enum rt_reject reject, const char *detail)
{
    struct rt_sink *sink = job->options.dead_letter;
    struct rt_dead_letter letter = {reject, detail, source_name(job, record), record};

    if (job->replays)
        return RT_OK;
    rt_buffer_reset(&job->letter);
    rt_dead_letter_json(&letter, &job->letter);
    if (job->letter.failed)
        return RT_ERR_NOMEM;

    enum rt_status status = rt_sink_write(sink, rt_buffer_view(&job->letter));

    return status == RT_ERR_IO ? rt_job_failed(job, status, sink->error(sink)) : status;
}

/* What the operator has yet to refuse came before. */
enum rt_status rt_job_settle(struct rt_job *job)
{
    struct rt_operator *target = job->options.target;

    return target->settle == NULL ? RT_OK : target->settle(target);
}

/* The message may be a worker's: all of them are to be at rest. */
static enum rt_status operator_failed(struct rt_job *job, enum rt_status status)
{
    (void)rt_job_settle(job);
    return rt_job_failed(job, status, rt_durable_operator_error(job->durable, status));
}

static enum rt_status reject_record(struct rt_job *job, const struct rt_record *record,
                                    enum rt_reject reject, const char *detail)
{
    enum rt_status status = RT_OK;

    job->counters.rejected++;
    job->counters.rejected_by[reject]++;
    if (job->options.dead_letter != NULL && !job->at->skip_rejects)
        status = rt_job_settle(job);
    if (job->options.dead_letter != NULL && !job->at->skip_rejects && status == RT_OK)
        status = write_dead_letter(job, record, reject, detail);
    if (status != RT_OK || !job->at->stop_on_reject || job->replays)
        return status;
    rt_buffer_printf(&job->error, "%s, partition %u, offset %llu: %s%s%s", job->at->name,
                     record->position.partition, (unsigned long long)record->position.offset,
                     rt_reject_name(reject), detail == NULL ? "" : ": ",
                     detail == NULL ? "" : detail);
    return RT_ERR_DATA;
}

/* The operator could not place an event that was one: it is kept, but it is not a rejected record. */
enum rt_status rt_job_keep_refused(void *context, const struct rt_event *event,
                                   enum rt_reject reason, const char *detail)
{
    struct rt_record record = {.data = event->raw,
                               .length = event->raw_length,
                               .bytes = event->raw_length,
                               .position = event->position};

    return write_dead_letter(context, &record, reason, detail);
}

/* ---- what the transport brings ---- */

static struct rt_value value_of_bytes(struct rt_text bytes)
{
    struct rt_value value = rt_string(bytes.data, (uint32_t)bytes.length);

    if (bytes.data == NULL)
        return (struct rt_value){.type = RT_ABSENT};
    if (!rt_utf8_valid(bytes))
        value.type = RT_BYTES;
    return value;
}

/* The last header of the name counts. */
static struct rt_value header_of(const struct rt_record *record, const char *name)
{
    for (size_t i = record->header_count; i-- > 0;) {
        if (rt_text_is(record->headers[i].name, name))
            return value_of_bytes(record->headers[i].value);
    }
    return (struct rt_value){.type = RT_ABSENT};
}

static struct rt_value stamp_of(const struct rt_record *record)
{
    int64_t seconds = record->stamp.ms / 1000, rest = record->stamp.ms % 1000;

    if (!record->has_stamp)
        return (struct rt_value){.type = RT_ABSENT};
    seconds -= rest < 0;
    rest += rest < 0 ? 1000 : 0;
    return (struct rt_value){
        .type = RT_TIMESTAMP, .length = (uint32_t)rest * 1000000, .u.integer = seconds};
}

static void fill_fields(const struct rt_job_source *source, const struct rt_record *record,
                        struct rt_value *slots)
{
    for (size_t i = 0; i < source->field_count; i++) {
        const struct rt_job_field *field = &source->fields[i];
        struct rt_value *slot = &slots[field->slot];

        switch (field->part) {
        case RT_PART_KEY:
            *slot = value_of_bytes(record->key);
            break;
        case RT_PART_STAMP:
            *slot = stamp_of(record);
            break;
        case RT_PART_HEADER:
            *slot = header_of(record, field->header);
            break;
        }
    }
}

/* ---- event time ---- */

static enum rt_reject take_stamp(const struct rt_job *job, const struct rt_record *record,
                                 bool or_clock, rt_time *out)
{
    if (!record->has_stamp && !or_clock)
        return RT_REJECT_NO_TIME;
    *out = record->has_stamp ? record->stamp : job->wall;
    if (rt_time_before(*out, RT_TIME_FIRST) || rt_time_before(RT_TIME_LAST, *out))
        return RT_REJECT_TIME_RANGE;
    return RT_REJECT_NONE;
}

/* A clock that has been set back, also between two runs, makes no event late. */
static enum rt_reject take_clock(struct rt_job *job, rt_time *out)
{
    const rt_time watermark = rt_stream_watermark(job->stream);

    job->processing = rt_time_later(job->processing, job->wall);
    if (watermark.ms != RT_TIME_MIN.ms)
        job->processing = rt_time_later(job->processing, (rt_time){watermark.ms + 1});
    *out = job->processing;
    return rt_time_before(*out, RT_TIME_FIRST) || rt_time_before(RT_TIME_LAST, *out)
               ? RT_REJECT_TIME_RANGE
               : RT_REJECT_NONE;
}

static enum rt_reject read_time(struct rt_job *job, const struct rt_record *record,
                                const struct rt_value *slots, rt_time *out)
{
    const struct rt_job_source *source = job->at;
    enum rt_reject reject;

    if (source->by_clock)
        return take_clock(job, out);
    if (source->time_slot == RT_NO_SLOT)
        return take_stamp(job, record, source->stamp_if_none, out);
    reject = rt_time_read(&source->time_reader, slots[source->time_slot], out);
    return reject == RT_REJECT_NO_TIME && source->stamp_if_none ? take_stamp(job, record, true, out)
                                                                : reject;
}

/* ---- decoding: records to events ---- */

/* One record into the next place of the group.  RT_OK with a reason: it is no event. */
static enum rt_status read_event(struct rt_job *job, const struct rt_record *record,
                                 enum rt_reject *reject, const char **detail)
{
    const struct rt_job_source *source = job->at;
    struct rt_value *slots = &job->slots[job->group_count * job->field_count];
    struct rt_event *event = &job->events[job->group_count];

    if (record->too_long || record->is_absent) {
        *reject = record->too_long ? RT_REJECT_TOO_LARGE : RT_REJECT_NO_VALUE;
        return RT_OK;
    }

    enum rt_status status =
        source->codec->decode(source->codec, (struct rt_text){record->data, record->length},
                              &job->scratch, slots, reject, detail);

    if (status != RT_OK)
        return status == RT_ERR_DATA ? RT_OK : status;
    *event = (struct rt_event){.sequence = job->counters.read,
                               .position = record->position,
                               .slots = slots,
                               .slot_count = job->field_count,
                               .raw = record->data,
                               .raw_length = record->length};
    fill_fields(source, record, slots);
    *reject = read_time(job, record, slots, &event->time);
    if (*reject != RT_REJECT_NONE)
        *detail = source->time_slot == RT_NO_SLOT ? "the record carries no time that can be used"
                                                  : rt_time_reader_expects(&source->time_reader);
    return RT_OK;
}

/* Fills the group from batch record *next on, and moves *next behind what was read. */
static enum rt_status decode_group(struct rt_job *job, size_t *next)
{
    job->group_count = 0;
    rt_arena_reset(&job->scratch);
    while (*next < job->batch.count && job->group_count < job->group_max) {
        const struct rt_record *record = &job->batch.records[*next];
        struct rt_arena_mark mark = rt_arena_mark(&job->scratch);
        enum rt_reject reject = RT_REJECT_NONE;
        const char *detail = NULL;
        enum rt_status status = read_event(job, record, &reject, &detail);

        if (status == RT_ERR_NOMEM && job->group_count > 0)
            return RT_OK; /* the group ends before this record, which comes again with all the memory */
        if (status != RT_OK)
            return rt_job_failed(job, status,
                                 "a record needs more memory to be decoded than there is");
        if (reject != RT_REJECT_NONE && job->group_count > 0 && job->options.dead_letter != NULL)
            return RT_OK; /* what came before goes first, so that groups do not show in the dead letters */

        const bool is_far =
            reject == RT_REJECT_NONE && rt_job_is_far(job, &job->events[job->group_count]);

        if (is_far && job->group_count > 0)
            return RT_OK; /* L2: it comes again */
        ++*next;
        job->counters.read++;
        job->counters.bytes += record->bytes;
        if (reject == RT_REJECT_NONE) {
            job->group[job->group_count] = &job->events[job->group_count];
            job->records[job->group_count++] = record;
            if (is_far)
                return RT_OK;
            continue;
        }
        rt_arena_rewind(&job->scratch, mark);
        status = reject_record(job, record, reject, detail);
        if (status != RT_OK)
            return status;
    }
    return RT_OK;
}

/* ---- pushing: events to the operator ---- */

static enum rt_status waits_too_much(struct rt_job *job, enum rt_status status)
{
    return rt_job_failed(job, status,
                         status != RT_ERR_LIMIT
                             ? rt_status_text(status)
                             : "more events wait for the watermark than memory is allowed for: "
                               "the bound of the disorder is too large, or a partition is silent");
}

/* What the stream itself refused; anything else is the operator's answer. */
static enum rt_status refused(struct rt_job *job, enum rt_status status,
                              const struct rt_record *record)
{
    return status == RT_ERR_DATA ? reject_record(job, record, RT_REJECT_FUTURE, NULL)
                                 : waits_too_much(job, status);
}

static enum rt_status push_event(struct rt_job *job, const struct rt_event *event,
                                 const struct rt_record *record)
{
    const struct rt_job_source *source = job->at;
    const struct rt_stream_counters *counters = rt_stream_counters(job->stream);
    uint64_t taken = counters->pushed;
    bool punctuation = source->punctuation != NULL && rt_job_is_punctuation(job, event);
    enum rt_status status = rt_stream_push(job->stream, event, punctuation, job->wall);

    if (RT_LIKELY(status == RT_OK))
        return RT_OK;
    if (counters->pushed == taken)
        return refused(job, status, record);
    return status == RT_END ? status : operator_failed(job, status);
}

static enum rt_status push_group(struct rt_job *job)
{
    enum rt_status status = RT_OK;

    rt_stream_prepare(job->stream, job->group, job->group_count);
    rt_stream_lend(job->stream);
    for (size_t i = 0; i < job->group_count && status == RT_OK; i++)
        status = push_event(job, job->group[i], job->records[i]);

    enum rt_status kept = rt_stream_keep(job->stream);

    return status == RT_OK && kept != RT_OK ? waits_too_much(job, kept) : status;
}

/* ---- batches ---- */

enum rt_status rt_job_flush(struct rt_job *job)
{
    enum rt_status settled = rt_job_settle(job);

    if (settled != RT_OK)
        return settled == RT_END ? settled : operator_failed(job, settled);
    for (size_t i = 0; i < job->options.output_count + 1; i++) {
        bool last = i == job->options.output_count;
        struct rt_sink *sink = last ? job->options.dead_letter : job->options.outputs[i];
        enum rt_status status = sink == NULL ? RT_OK : sink->flush(sink);

        if (status != RT_OK)
            return status == RT_END ? status : rt_job_failed(job, status, sink->error(sink));
    }
    return RT_OK;
}

static void update_counters(struct rt_job *job)
{
    const struct rt_stream_counters *stream = rt_stream_counters(job->stream);

    job->counters.accepted = stream->pushed;
    job->counters.late = stream->late;
    job->counters.held = stream->waiting;
    job->counters.out_of_order = stream->out_of_order;
}

static enum rt_status walk_batch(struct rt_job *job, struct rt_stages *stages)
{
    enum rt_status status = RT_OK;

    for (size_t next = 0; next < job->batch.count && status == RT_OK;) {
        rt_stage_switch(stages, RT_STAGE_DECODE);

        enum rt_status decoded = decode_group(job, &next);

        rt_stage_switch(stages, RT_STAGE_ORDER);
        if (job->group_count == 1 && rt_job_is_far(job, &job->events[0]))
            status = rt_job_approach_event(job, job->batch.count - next);
        if (status == RT_OK)
            status = push_group(job); /* also when decoding ended the job: these came before */
        if (status == RT_OK)
            status = decoded;
    }
    return status;
}

/* ---- sources ---- */

/* Whose turn it is not: too much waits, and not for this one. */
static bool is_held_back(const struct rt_job *job, size_t index)
{
    enum { WAITING_BYTES = 64 << 20 };
    const struct rt_stream_counters *counters = rt_stream_counters(job->stream);
    size_t bound = job->options.waiting_bytes_max / 2;
    uint32_t holder;

    if (job->left < 2 ||
        (bound == 0 ? counters->waiting_bytes < WAITING_BYTES : counters->waiting_bytes < bound))
        return false;
    return rt_stream_holds(job->stream, &holder) && holder != index;
}

/*
 * Every partition that is known holds the watermark from then on, not from its first record.  Costs a call where nothing has been
 * added.
 */
static enum rt_status expect_places(struct rt_job *job, size_t index)
{
    const struct rt_source *source = job->all[index];
    size_t count = source->places == NULL ? 0 : source->places(source, NULL, 0);
    enum rt_status status = RT_OK;
    struct rt_place *places;

    if (!job->sources[index].time.per_partition || count <= job->places_expected[index])
        return RT_OK;
    places = rt_alloc_zeroed(count, sizeof(*places));
    if (places == NULL)
        return RT_ERR_NOMEM;
    (void)source->places(source, places, count);
    for (size_t i = 0; i < count && status == RT_OK; i++)
        status = rt_stream_expect(job->stream, (uint32_t)index, places[i].partition);
    job->places_expected[index] = count;
    rt_free(places);
    return status;
}

static enum rt_status expect_sources(struct rt_job *job)
{
    enum rt_status status = RT_OK;

    for (size_t i = 0; i < job->options.source_count && status == RT_OK; i++) {
        status = expect_places(job, i);
        if (status == RT_OK && job->options.source_count > 1 && job->places_expected[i] == 0)
            status = rt_stream_expect(job->stream, (uint32_t)i, 0);
    }
    return status;
}

static enum rt_status leave(struct rt_job *job, uint32_t index)
{
    enum rt_status status = rt_job_approach(job, rt_stream_leave_reaches(job->stream, index));

    return status == RT_OK ? rt_stream_leave(job->stream, index) : status;
}

/* One batch of one source; at its end it leaves.  RT_OK, or what ends the job. */
static enum rt_status take_batch(struct rt_job *job, size_t index)
{
    struct rt_source *source = job->inputs[index];
    struct rt_stages *stages = rt_job_stages(job);

    rt_stages_begin(stages);
    job->at = &job->sources[index];
    job->batch.count = 0;
    job->batch.more = false;
    job->batch.paused = is_held_back(job, index);

    enum rt_status status = source->read(source, &job->batch);

    if (status == RT_END) {
        job->inputs[index] = NULL;
        job->left--;
    } else if (status != RT_OK) {
        return rt_job_failed(job, status, source->error(source));
    }

    bool ended = status == RT_END;
    bool dry = job->batch.count < RT_BATCH_RECORDS_MAX && !job->batch.more;

    job->unread[index] = job->batch.paused || (!dry && source->waiting == NULL);

    if (job->live || job->at->stamp_if_none || job->at->by_clock)
        job->wall = job->options.clock == NULL ? rt_clock_wall()
                                               : job->options.clock(job->options.clock_context);
    if (job->wall_round.ms == RT_TIME_MIN.ms)
        job->wall_round = job->wall;
    status = expect_places(job, index);
    if (status == RT_OK)
        status = walk_batch(job, stages);
    if (status == RT_OK && ended && job->left > 0)
        status = leave(job, (uint32_t)index);
    rt_stage_switch(stages, RT_STAGE_EMIT);
    if (status == RT_OK && dry)
        status = rt_job_flush(job);
    rt_stages_end(stages, job->batch.count);
    update_counters(job);
    return status;
}

/* ---- surviving ---- */

static enum rt_status answered(struct rt_job *job, enum rt_status status)
{
    return status == RT_OK || status == RT_END
               ? status
               : rt_job_failed(job, status, rt_durable_error(job->durable));
}

enum rt_status rt_job_recover(struct rt_job *job, struct rt_recovered *out)
{
    enum rt_status status = rt_durable_recover(job->durable, out);

    if (job->by_clock)
        job->processing = rt_time_later(job->processing, rt_stream_largest(job->stream));
    if (status == RT_OK && out->kind == RT_RECOVERY_REPLAY) {
        job->replays = true;
        rt_stream_hold(job->stream, out->until);
    }
    update_counters(job);
    return answered(job, status);
}

enum rt_status rt_job_step(struct rt_job *job, bool idle)
{
    enum rt_status status;

    if (job->replays)
        return rt_job_replay(job);
    if (job->durable == NULL)
        return rt_job_acknowledge(job, false);
    status = answered(job, rt_durable_step(job->durable, idle));
    if (rt_durable_counters(job->durable)->spills != job->spills)
        job->soon = RT_TIME_MIN; /* what has left may be due earlier */
    return status;
}

static int wait_ms(const struct rt_job *job)
{
    return job->durable == NULL || job->replays
               ? RT_SOURCE_WAIT_MS
               : rt_durable_wait_ms(job->durable, RT_SOURCE_WAIT_MS);
}

/* ---- the loop ---- */

static bool is_stopped(const struct rt_job *job)
{
    return atomic_load_explicit(&job->stopped, memory_order_relaxed);
}

/* A batch of each; *got: there was something. */
static enum rt_status take_turns(struct rt_job *job, bool *got)
{
    enum rt_status status = RT_OK;

    *got = false;
    for (size_t i = 0; i < job->options.source_count && status == RT_OK && !is_stopped(job); i++) {
        if (job->inputs[i] == NULL)
            continue;
        status = take_batch(job, i);
        if (status == RT_OK && job->batch.count > 0) {
            *got = true;
            status = rt_job_step(job, false);
        }
    }
    if (status == RT_OK && !is_stopped(job) && !job->replays)
        status = rt_job_pass_time(job);
    return status == RT_OK && !*got ? rt_job_step(job, true) : status;
}

static enum rt_status report(struct rt_job *job)
{
    uint64_t now, span = (uint64_t)job->options.report_every.ms * NS_PER_MS;
    enum rt_status status;

    if (span == 0)
        return RT_OK;
    now = rt_clock_monotonic_ns();
    if (now - job->reported_ns < span)
        return RT_OK;
    job->reported_ns = now;
    status = rt_job_settle(job);
    if (status != RT_OK)
        return status;
    update_counters(job);
    job->options.report(job->options.report_context);
    return RT_OK;
}

/* All deadlines pass. */
static enum rt_status finish(struct rt_job *job)
{
    enum rt_status status = rt_job_approach(job, RT_TIME_MAX);

    return status == RT_OK ? rt_stream_finish(job->stream) : status;
}

enum rt_status rt_job_run(struct rt_job *job)
{
    enum rt_status status = expect_sources(job);

    job->reported_ns = rt_clock_monotonic_ns();
    while (status == RT_OK && job->left > 0 && !is_stopped(job)) {
        bool got;

        status = take_turns(job, &got);
        if (status == RT_OK)
            status = report(job);
        if (status == RT_OK && !got && job->left > 0 && !is_stopped(job))
            rt_sources_wait(job->inputs, job->options.source_count, wait_ms(job));
    }
    if (status == RT_OK && job->left == 0 && !job->options.keep_open)
        status = finish(job);
    if (status != RT_OK && status != RT_END)
        operator_failed(job, status);
    if (status == RT_END) {
        (void)rt_job_settle(job); /* workers use what is freed next */
    } else {
        enum rt_status flushed = rt_job_flush(job);

        status = status == RT_OK ? flushed : status;
    }
    update_counters(job);
    if (status != RT_OK || job->replays) /* half of a state is none: another start begins anew */
        return status;
    if (job->durable != NULL)
        status = answered(job, rt_durable_finish(job->durable, job->left == 0));
    else
        status = rt_job_acknowledge(job, true);
    return status;
}
