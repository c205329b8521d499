/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/job_fixture.h"

#include <stdio.h>
#include <string.h>

#include "runtime/base/alloc.h"
#include "tests/support/unit.h"

/* ---- a source of lines, in batches of any size ---- */

enum rt_status line_read(struct rt_source *self, struct rt_batch *batch)
{
    struct line_source *source = (struct line_source *)self;

    batch->count = 0;
    if (source->fail_after != 0 && source->batches++ == source->fail_after)
        return RT_ERR_IO;
    if (source->pause_at != 0 && --source->pause_at == 0)
        return RT_OK;
    while (batch->count < source->batch_size && source->at < source->length) {
        const char *line = source->text + source->at;
        size_t length = strcspn(line, "\n");

        batch->records[batch->count++] =
            (struct rt_record){.data = line,
                               .length = (uint32_t)length,
                               .bytes = length,
                               .too_long = length > 2 && memcmp(line, "LONG", 4) == 0,
                               .position = {.offset = source->at}};
        source->at += length + 1;
    }
    return batch->count == 0 ? RT_END : RT_OK;
}

static const char *line_error(const struct rt_source *self)
{
    (void)self;
    return "the disk is on fire";
}
/* ---- a sink in memory ---- */

static enum rt_status memory_write(struct rt_sink *self, const struct rt_sink_record *record)
{
    struct memory_sink *sink = (struct memory_sink *)self;

    rt_buffer_text(&sink->text, record->value);
    rt_buffer_char(&sink->text, '\n');
    sink->unflushed++;
    return sink->text.failed ? RT_ERR_NOMEM : sink->answer;
}

static enum rt_status memory_flush(struct rt_sink *self)
{
    struct memory_sink *sink = (struct memory_sink *)self;

    sink->flushes++;
    sink->unflushed = 0;
    return sink->answer;
}

static const char *memory_error(const struct rt_sink *self)
{
    (void)self;
    return "no room on the device";
}

static const struct rt_sink memory_port = {
    .write = memory_write, .flush = memory_flush, .error = memory_error};
/* ---- an operator that writes down what it gets ---- */

enum rt_status scribe_push(struct rt_operator *self, const struct rt_event *event)
{
    struct scribe *scribe = (struct scribe *)self;
    struct rt_value user = rt_event_at(event, 1);

    scribe->is_at_work = true;
    rt_buffer_printf(&scribe->log, "p%lld#%llu", (long long)event->time.ms,
                     (unsigned long long)event->sequence);
    if (user.type == RT_STRING)
        rt_buffer_text(&scribe->log, rt_value_text(user));
    rt_buffer_char(&scribe->log, ' ');
    if (scribe->stops != NULL)
        rt_job_stop(scribe->stops);
    return scribe->log.failed ? RT_ERR_NOMEM : scribe->answer;
}

static enum rt_status scribe_late(struct rt_operator *self, const struct rt_event *event)
{
    struct scribe *scribe = (struct scribe *)self;

    rt_buffer_printf(&scribe->log, "l%lld#%llu ", (long long)event->time.ms,
                     (unsigned long long)event->sequence);
    return scribe->log.failed ? RT_ERR_NOMEM : RT_OK;
}

static enum rt_status scribe_advance(struct rt_operator *self, rt_time watermark)
{
    struct scribe *scribe = (struct scribe *)self;

    scribe->is_at_work = true;
    if (watermark.ms == RT_TIME_MAX.ms)
        rt_buffer_string(&scribe->log, "end");
    else if (scribe->tells_time)
        rt_buffer_printf(&scribe->log, "w%lld ", (long long)watermark.ms);
    if (scribe->tells != NULL && rt_sink_write(scribe->tells, RT_TEXT("time")) != RT_OK)
        return RT_ERR_IO;
    return scribe->log.failed ? RT_ERR_NOMEM : RT_OK;
}

static enum rt_status scribe_settle(struct rt_operator *self)
{
    ((struct scribe *)self)->is_at_work = false;
    return RT_OK;
}

static void scribe_prepare(struct rt_operator *self, const struct rt_event *const *events,
                           size_t count)
{
    for (size_t i = 1; i < count; i++)
        assert_true(events[i - 1]->sequence < events[i]->sequence);
    ((struct scribe *)self)->prepared += count;
}
/* ---- all of it ---- */

enum rt_status open_fixture(struct fixture *f, const char *lines)
{
    static const char *const names[] = {"ts", "user", "list"};
    size_t length = strlen(lines);
    rt_field_id ids[COUNT_OF(names)];

    *f = (struct fixture){0};
    rt_buffer_init(&f->scribe.log, 1 << 20);
    rt_buffer_init(&f->output.text, 1 << 20);
    rt_buffer_init(&f->dead_letter.text, 1 << 20);
    f->output.port = f->dead_letter.port = memory_port;
    f->scribe.port = (struct rt_operator){.push = scribe_push,
                                          .late = scribe_late,
                                          .advance = scribe_advance,
                                          .settle = scribe_settle,
                                          .prepare = scribe_prepare};
    f->text = rt_alloc_zeroed(1, length + RT_RECORD_PADDING);
    if (f->text == NULL || rt_fields_new(&f->fields) != RT_OK)
        return RT_ERR_NOMEM;
    memcpy(f->text, lines, length);
    f->source = (struct line_source){.port = {.read = line_read, .error = line_error},
                                     .text = f->text,
                                     .length = length,
                                     .batch_size = RT_BATCH_RECORDS_MAX};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct rt_text name = rt_text_of(names[i]);

        if (rt_fields_add(f->fields, &name, 1, true, &ids[i]) != RT_OK)
            return RT_ERR_NOMEM;
    }
    rt_fields_seal(f->fields);
    if (rt_codec_json_new(f->fields, &f->codec) != RT_OK)
        return RT_ERR_NOMEM;
    f->outputs[0] = &f->output.port;
    f->input = (struct rt_job_source){.source = &f->source.port,
                                      .name = "input",
                                      .codec = f->codec,
                                      .time_slot = rt_fields_slot(f->fields, ids[0])};
    f->options = (struct rt_job_options){.sources = &f->input,
                                         .source_count = 1,
                                         .fields = f->fields,
                                         .target = &f->scribe.port,
                                         .dead_letter = &f->dead_letter.port,
                                         .outputs = f->outputs,
                                         .output_count = 1};
    return RT_OK;
}

void close_fixture(struct fixture *f)
{
    if (f->codec != NULL)
        f->codec->free(f->codec);
    rt_fields_free(f->fields);
    rt_buffer_done(&f->scribe.log);
    rt_buffer_done(&f->output.text);
    rt_buffer_done(&f->dead_letter.text);
    rt_free(f->text);
}

const char *text_of(const struct rt_buffer *buffer)
{
    return buffer->length == 0 ? "" : buffer->data;
}

enum rt_status run(struct fixture *f, struct rt_job **out)
{
    struct rt_job *job;

    assert_int_equal(rt_job_new(&f->options, &job), RT_OK);

    enum rt_status status = rt_job_run(job);
    const struct rt_job_counters *counters = rt_job_counters(job);
    uint64_t by_reason = 0;

    for (size_t i = 0; i < RT_REJECT_COUNT; i++)
        by_reason += counters->rejected_by[i];
    assert_int_equal(counters->rejected, by_reason);
    assert_false(f->scribe.is_at_work);
    if (status == RT_OK)
        assert_int_equal(counters->read, counters->accepted + counters->rejected);
    *out = job;
    return status;
}
/* ---- a clock that says what it is given ---- */

rt_time tell_time(void *context)
{
    struct given_clock *clock = context;

    return (rt_time){clock->times[clock->next++]};
}

/* ---- two sources ---- */

static enum rt_status line_read_of_second(struct rt_source *self, struct rt_batch *batch)
{
    enum rt_status status = batch->paused ? RT_OK : line_read(self, batch);

    if (batch->paused)
        batch->count = 0;
    for (size_t i = 0; i < batch->count; i++)
        batch->records[i].position.source = 1;
    return status;
}

void open_inputs(struct inputs *inputs, struct fixture *f, const char *const texts[INPUTS],
                 size_t batch_size)
{
    *inputs = (struct inputs){.lines = {[0] = f->source}};
    for (size_t i = 0; i < INPUTS; i++) {
        size_t length = strlen(texts[i]);

        inputs->texts[i] = rt_alloc_zeroed(1, length + RT_RECORD_PADDING);
        memcpy(inputs->texts[i], texts[i], length);
        inputs->lines[i] = (struct line_source){
            .port = {.read = i == 0 ? line_read : line_read_of_second, .error = line_error},
            .text = inputs->texts[i],
            .length = length,
            .batch_size = batch_size};
        inputs->sources[i] = f->input;
        inputs->sources[i].source = &inputs->lines[i].port;
        inputs->sources[i].name = i == 0 ? "first" : "second";
    }
    f->options.sources = inputs->sources;
    f->options.source_count = INPUTS;
}

void close_inputs(struct inputs *inputs)
{
    for (size_t i = 0; i < INPUTS; i++)
        rt_free(inputs->texts[i]);
}
