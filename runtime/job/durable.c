/* SPDX-License-Identifier: Apache-2.0 */
/* durable.c - checkpoints of a running job; recover.c is the way back. */
#include "runtime/job/durable.h"

#include <errno.h>

#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"
#include "runtime/base/killpoint.h"
#include "runtime/checkpoint/cold.h"
#include "runtime/job/durable_inside.h"
#include "runtime/time/clock.h"

enum {
    NS_PER_MS = 1000000,
    CHANGES_MAX = 1000000,
    NOTES_PART = 16, /* of the memory limit, for notes of what has changed */
    SLICE_BYTES =
        256 << 10, /* saved after a batch: some 0.3 ms; what changes meanwhile costs more */
    IDLE_SLICE_BYTES = 1 << 20, /* and when there was none */
    IDLE_MS =
        3600000 /* a decision elsewhere is made again after so long without events, lest it is forgotten there */
};

/* ---- life ---- */

enum rt_status rt_durable_new(const struct rt_durable_options *options,
                              const struct rt_durable_parts *parts, struct rt_durable **out)
{
    struct rt_durable *durable = rt_alloc_zeroed(1, sizeof(*durable));

    if (durable == NULL)
        return RT_ERR_NOMEM;
    durable->options = *options;
    durable->parts = *parts;
    if (durable->options.changes_max == 0)
        durable->options.changes_max = CHANGES_MAX;
    rt_buffer_init(&durable->header, RT_BLOB_BYTES_MAX);
    rt_buffer_init(&durable->blob, RT_BLOB_BYTES_MAX);
    rt_buffer_init(&durable->facts, RT_FACTS_BYTES_MAX);
    rt_buffer_init(&durable->error, RT_DURABLE_ERROR_BYTES_MAX);
    rt_arena_init(&durable->arena, RT_FACTS_BYTES_MAX);
    *out = durable;
    return RT_OK;
}

void rt_durable_end_merging(struct rt_durable *durable)
{
    if (rt_task_is_busy(&durable->merging))
        rt_checkpoints_compacted(durable->options.checkpoints, rt_task_take(&durable->merging));
}

void rt_durable_free(struct rt_durable *durable)
{
    if (durable == NULL)
        return;
    if (rt_task_is_busy(&durable->writing))
        rt_task_take(&durable->writing);
    rt_durable_end_merging(durable);
    rt_cold_free(durable->cold);
    rt_buffer_done(&durable->header);
    rt_buffer_done(&durable->blob);
    rt_buffer_done(&durable->facts);
    rt_buffer_done(&durable->error);
    rt_arena_done(&durable->arena);
    rt_free(durable);
}

const struct rt_durable_counters *rt_durable_counters(const struct rt_durable *durable)
{
    return &durable->counters;
}

struct rt_decision *rt_durable_decision(const struct rt_durable *durable)
{
    return durable->options.decision;
}

const char *rt_durable_error(const struct rt_durable *durable)
{
    return durable->error.length == 0 ? "" : durable->error.data;
}

enum rt_status rt_durable_fail(struct rt_durable *durable, enum rt_status status, const char *what)
{
    if (durable->error.length == 0)
        rt_buffer_string(&durable->error, what);
    return status;
}

/* The state on disk is as it was; say so. */
static enum rt_status cannot_save(struct rt_durable *durable, enum rt_status status,
                                  const char *what)
{
    uint64_t last = rt_checkpoints_last(durable->options.checkpoints);

    if (durable->error.length > 0)
        return status;
    rt_buffer_string(&durable->error, what[0] == '\0' ? rt_status_text(status) : what);
    if (last > 0)
        rt_buffer_printf(
            &durable->error,
            "; checkpoint %llu is whole: mend that and start again with the same words",
            (unsigned long long)last);
    else
        rt_buffer_string(&durable->error, "; no checkpoint could be made");
    return status;
}

/* ---- what a checkpoint is for ---- */

/* Of all outputs together, in their own units: it grows with each record, held back or not. */
static uint64_t written(const struct rt_durable *durable)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < durable->options.output_count; i++) {
        const struct rt_sink *sink = durable->options.outputs[i].sink;

        sum += sink->position(sink);
    }
    return sum;
}

void rt_durable_note_moves(struct rt_durable *durable)
{
    durable->read_last = durable->parts.counters->read;
    durable->written_last = written(durable);
}

/* There is something to be saved, or something to be decided: time alone makes alerts too. */
static bool has_moved(const struct rt_durable *durable)
{
    return durable->parts.counters->read != durable->read_last ||
           written(durable) != durable->written_last;
}

/* ---- the barrier ---- */

static enum rt_status flush_outputs(struct rt_durable *durable)
{
    struct rt_operator *target = durable->parts.target;
    enum rt_status settled = target->settle == NULL ? RT_OK : target->settle(target);

    if (settled != RT_OK)
        return settled == RT_END
                   ? settled
                   : rt_durable_fail(durable, settled, rt_durable_operator_error(durable, settled));
    for (size_t i = 0; i < durable->options.output_count; i++) {
        struct rt_sink *sink = durable->options.outputs[i].sink;
        enum rt_status status = sink->flush(sink);

        if (status != RT_OK)
            return status == RT_END ? status : rt_durable_fail(durable, status, sink->error(sink));
    }
    return RT_OK;
}

static enum rt_status note_source(struct rt_durable *durable, size_t index,
                                  struct rt_saved_source *out)
{
    struct rt_source *source = durable->parts.sources[index];
    size_t count = source->places(source, NULL, 0);

    out->name = durable->options.source_names[index];
    out->places = rt_arena_array(&durable->arena, count + 1, sizeof(*out->places));
    if (out->places == NULL)
        return RT_ERR_NOMEM;
    out->place_count = source->places(source, out->places, count);
    if (out->place_count > count)
        out->place_count = count;
    return RT_OK;
}

/* Where everything stands, into durable->facts. */
static enum rt_status note_places(struct rt_durable *durable, bool finished)
{
    const struct rt_durable_options *options = &durable->options;
    struct rt_saved_job saved = {.finished = finished,
                                 .counters = *durable->parts.counters,
                                 .source_count = durable->parts.source_count,
                                 .output_count = options->output_count};
    enum rt_status status = RT_OK;

    rt_arena_reset(&durable->arena);
    saved.sources = rt_arena_array(&durable->arena, saved.source_count + 1, sizeof(*saved.sources));
    saved.outputs = rt_arena_array(&durable->arena, saved.output_count + 1, sizeof(*saved.outputs));
    if (saved.sources == NULL || saved.outputs == NULL)
        return RT_ERR_NOMEM;
    for (size_t i = 0; i < saved.source_count && status == RT_OK; i++)
        status = note_source(durable, i, &saved.sources[i]);
    for (size_t i = 0; i < saved.output_count; i++) {
        const struct rt_sink *sink = options->outputs[i].sink;

        saved.outputs[i] = (struct rt_saved_output){
            options->outputs[i].name, MUTANT("output_position") ? 0 : sink->position(sink)};
    }
    rt_buffer_reset(&durable->facts);
    if (status == RT_OK)
        rt_saved_job_write(&saved, &durable->facts);
    return status == RT_OK && durable->facts.failed ? RT_ERR_NOMEM : status;
}

/* What the engine remembers is frozen; what the stream remembers is small enough to be written at once. */
static enum rt_status freeze(struct rt_durable *durable)
{
    struct rt_checkpoints *checkpoints = durable->options.checkpoints;
    struct rt_memory *memory = durable->parts.memory;
    enum rt_status status;

    rt_buffer_reset(&durable->header);
    rt_buffer_reset(&durable->blob);
    status = rt_checkpoints_begin(checkpoints, durable->whole, &durable->id);
    if (status == RT_OK)
        status = memory->freeze(memory, durable->whole, &durable->header);
    if (status == RT_OK)
        status = rt_stream_save(durable->parts.stream, &durable->options.names, &durable->blob);
    if (status == RT_OK)
        status = rt_checkpoints_add_blob(checkpoints, RT_TEXT(RT_BLOB_ENGINE),
                                         rt_buffer_view(&durable->header));
    if (status == RT_OK)
        status = rt_checkpoints_add_blob(checkpoints, RT_TEXT(RT_BLOB_STREAM),
                                         rt_buffer_view(&durable->blob));
    durable->whole = false;
    return status;
}

enum rt_status rt_durable_begin(struct rt_durable *durable, bool finished)
{
    struct rt_decision *decision = durable->options.decision;
    uint64_t since = rt_clock_monotonic_ns();
    enum rt_status status = flush_outputs(durable);

    if (status == RT_OK && decision != NULL) {
        status = decision->barrier(decision, rt_stream_watermark(durable->parts.stream));
        if (status != RT_OK)
            rt_durable_fail(durable, status, decision->error(decision));
    }
    if (status == RT_OK)
        status = note_places(durable, finished);
    if (status == RT_OK)
        status = freeze(durable);
    if (status != RT_OK)
        return status == RT_END ? status
                                : cannot_save(durable, status,
                                              rt_checkpoints_error(durable->options.checkpoints));
    durable->phase = RT_DURABLE_SAVING;
    durable->begun_ns = since;
    rt_durable_note_moves(durable);
    rt_histogram_add(&durable->counters.barrier_ns, rt_clock_monotonic_ns() - since);
    KILLPOINT("frozen");
    return RT_OK;
}

/* ---- in the background ---- */

static enum rt_status settle_outputs(struct rt_durable *durable)
{
    for (size_t i = 0; i < durable->options.output_count; i++) {
        const struct rt_sink *sink = durable->options.outputs[i].sink;

        if (sink->settle == NULL || sink->settle(sink) == RT_OK)
            continue;
        durable->settle_errno = errno;
        durable->settle_failed = i + 1;
        return RT_ERR_IO;
    }
    return RT_OK;
}

static enum rt_status write_checkpoint(void *context)
{
    struct rt_durable *durable = context;
    struct rt_checkpoint_facts facts = {.made_ms = durable->made_ms,
                                        .facts = rt_buffer_view(&durable->facts)};
    bool late = MUTANT("outputs_late");
    uint64_t since = rt_clock_monotonic_ns();
    enum rt_status status = rt_checkpoints_clean(durable->options.checkpoints);

    if (status == RT_OK && !late)
        status = settle_outputs(durable);
    KILLPOINT("outputs_settled");
    if (status == RT_OK)
        status = rt_checkpoints_prepare(durable->options.checkpoints, &facts, &durable->made);
    if (status == RT_OK && late)
        status = settle_outputs(durable);
    durable->prepare_ns = rt_clock_monotonic_ns() - since;
    return status;
}

static enum rt_status merge_files(void *context)
{
    return rt_checkpoints_compact(context);
}

static void start_writing(struct rt_durable *durable)
{
    /* compacted touches what prepare reads, so it comes first. */
    if (rt_task_is_done(&durable->merging))
        rt_checkpoints_compacted(durable->options.checkpoints, rt_task_take(&durable->merging));
    durable->made_ms = rt_clock_wall().ms;
    durable->phase = RT_DURABLE_WRITING;
    rt_task_start(&durable->writing, write_checkpoint, durable);
}

/* ---- the end of one ---- */

static void tell_settle(struct rt_durable *durable)
{
    char text[128];
    const char *name = durable->options.outputs[durable->settle_failed - 1].name;

    if (strerror_r(durable->settle_errno, text, sizeof(text)) != 0)
        text[0] = '\0';
    if (durable->error.length == 0)
        rt_buffer_printf(&durable->error, "cannot sync `%s`: %s", name, text);
}

static enum rt_status conclude(struct rt_durable *durable)
{
    struct rt_checkpoints *checkpoints = durable->options.checkpoints;
    struct rt_decision *decision = durable->options.decision;
    enum rt_status status = rt_task_take(&durable->writing);

    durable->phase = RT_DURABLE_IDLE;
    if (durable->settle_failed > 0)
        tell_settle(durable);
    if (status != RT_OK)
        return cannot_save(durable, status, rt_checkpoints_error(checkpoints));
    KILLPOINT("prepared");
    if (decision != NULL)
        status = decision->decide(decision, durable->made.id, durable->made.mark);
    if (status != RT_OK)
        return rt_durable_fail(durable, status, decision->error(decision));
    rt_checkpoints_committed(checkpoints);
    KILLPOINT("committed");
    durable->counters.completed++;
    durable->counters.last_id = durable->made.id;
    durable->counters.last_made_ms = durable->made_ms;
    durable->counters.entries += durable->made.entries;
    durable->counters.bytes += durable->made.bytes;
    durable->counters.prepare_ns_sum += durable->prepare_ns;
    if (!rt_task_is_busy(&durable->merging) && rt_checkpoints_plan(checkpoints))
        rt_task_start(&durable->merging, merge_files, checkpoints);
    return RT_OK;
}

/* ---- one step ---- */

static bool is_due(const struct rt_durable *durable)
{
    const struct rt_decision *decision = durable->options.decision;
    struct rt_memory *memory = durable->parts.memory;
    struct rt_memory_counters counters;
    uint64_t passed = rt_clock_monotonic_ns() - durable->begun_ns;
    bool moved = has_moved(durable);

    if (moved && passed >= (uint64_t)durable->options.every.ms * NS_PER_MS)
        return true;
    if (moved && decision != NULL && decision->full(decision))
        return true;
    if (!moved && decision != NULL && passed >= TUNED("idle_ms", (uint64_t)IDLE_MS) * NS_PER_MS)
        return true;
    memory->counters(memory, &counters);
    return counters.changed >= durable->options.changes_max ||
           (durable->options.memory_bytes > 0 &&
            counters.changed_bytes >= durable->options.memory_bytes / NOTES_PART);
}

static enum rt_status save_slice(struct rt_durable *durable, size_t bytes)
{
    struct rt_memory *memory = durable->parts.memory;
    enum rt_status status =
        memory->save_some(memory, bytes, rt_checkpoints_add, durable->options.checkpoints);

    if (status == RT_AGAIN)
        return RT_OK;
    if (status != RT_OK)
        return cannot_save(durable, status, rt_checkpoints_error(durable->options.checkpoints));
    KILLPOINT("saved");
    start_writing(durable);
    return RT_OK;
}

/* A slice for which the stream waits; where all are saved at once it waits for the whole, or has ended. */
static enum rt_status save_behind_batch(struct rt_durable *durable, bool idle)
{
    uint64_t since = rt_clock_monotonic_ns();
    enum rt_status status = save_slice(durable, idle ? IDLE_SLICE_BYTES : SLICE_BYTES);

    rt_histogram_add(&durable->counters.slice_ns, rt_clock_monotonic_ns() - since);
    return status;
}

static enum rt_status step(struct rt_durable *durable, bool idle)
{
    switch (durable->phase) {
    case RT_DURABLE_IDLE:
        return is_due(durable) ? rt_durable_begin(durable, false) : RT_OK;
    case RT_DURABLE_SAVING:
        if (rt_checkpoints_are_full(durable->options.checkpoints))
            return RT_OK;
        return save_behind_batch(durable, idle);
    case RT_DURABLE_WRITING:
        break;
    }
    if (!rt_task_is_done(&durable->writing) && TUNED("in_step", 0) == 0)
        return RT_OK;
    return conclude(durable);
}

int rt_durable_wait_ms(const struct rt_durable *durable, int ms)
{
    bool moved = has_moved(durable);
    int64_t passed_ms = (int64_t)((rt_clock_monotonic_ns() - durable->begun_ns) / NS_PER_MS);
    int64_t left_ms = durable->options.every.ms - passed_ms;

    if (durable->phase == RT_DURABLE_SAVING)
        return rt_checkpoints_are_full(durable->options.checkpoints) ? 1 : 0;
    if (durable->phase == RT_DURABLE_WRITING)
        return 1; /* another thread will be through soon */
    if (!moved || left_ms >= ms)
        return ms;
    return left_ms < 0 ? 0 : (int)left_ms;
}

enum rt_status rt_durable_step(struct rt_durable *durable, bool idle)
{
    enum rt_status status = step(durable, idle);

    return status == RT_OK ? rt_durable_make_room(durable) : status;
}

enum rt_status rt_durable_drain(struct rt_durable *durable)
{
    enum rt_status status = RT_OK;

    while (durable->phase == RT_DURABLE_SAVING && status == RT_OK)
        status = save_slice(durable, IDLE_SLICE_BYTES);
    if (status == RT_OK && durable->phase == RT_DURABLE_WRITING)
        status = conclude(durable);
    return status;
}

enum rt_status rt_durable_finish(struct rt_durable *durable, bool finished)
{
    struct rt_checkpoints *checkpoints = durable->options.checkpoints;
    enum rt_status status = rt_durable_drain(durable);

    if (status == RT_OK)
        status = rt_durable_begin(durable, finished);
    if (status == RT_OK)
        status = rt_durable_drain(durable);
    rt_durable_end_merging(durable);
    if (status == RT_OK) {
        status = rt_checkpoints_clean(checkpoints);
        if (status != RT_OK)
            cannot_save(durable, status, rt_checkpoints_error(checkpoints));
    }
    KILLPOINT("finished");
    return status;
}
