/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recover.c - the one way to begin, for the first start as for the one after a crash.
 *
 *     which checkpoint?     the newest manifest, or what a decision elsewhere names
 *     is it whole?          manifest, sizes, hashes of all files                        no: refuse, and say what to do
 *     is it finished?       then there is nothing to do
 *     engine, stream, counters    from its blobs and entries
 *     sources               go on behind the last record that counts
 *     outputs               are cut to what counts
 */
#include <stdio.h>

#include "runtime/base/form.h"
#include "runtime/base/killpoint.h"
#include "runtime/io/kafka_marker.h"
#include "runtime/job/durable_inside.h"
#include "runtime/time/clock.h"

/* ---- refusals ---- */

/* What was said so far, and what to do about it. */
static enum rt_status refuse(struct rt_durable *durable, enum rt_status status, const char *what,
                             const char *cure)
{
    if (durable->error.length > 0)
        return status;
    rt_buffer_string(&durable->error, what[0] == '\0' ? rt_status_text(status) : what);
    if (cure != NULL)
        rt_buffer_printf(&durable->error, "\n%s", cure);
    return status;
}

static enum rt_status refuse_checkpoint(struct rt_durable *durable, enum rt_status status,
                                        uint64_t id)
{
    struct rt_checkpoints *checkpoints = durable->options.checkpoints;
    const char *directory = rt_checkpoints_directory(checkpoints);
    char cure[2048];

    if (status == RT_ERR_NOMEM)
        return refuse(durable, status, "", NULL);
    if (status == RT_ERR_UNSUPPORTED)
        return refuse(durable, status, rt_checkpoints_error(checkpoints),
                      "It was written by a newer version of this program: use that one");
    snprintf(cure, sizeof(cure),
             "Checkpoint %llu cannot be used.  Bring the file back from a copy; or remove "
             "`%s/checkpoint-%llu` to go on from the\ncheckpoint before it (what was written since "
             "is written again); or restore a savepoint: egret savepoint list --dir %s",
             (unsigned long long)id, directory, (unsigned long long)id, directory);
    return refuse(durable, status, rt_checkpoints_error(checkpoints), cure);
}

/* ---- what was saved ---- */

static enum rt_status restore_memory(struct rt_durable *durable, uint64_t id)
{
    struct rt_checkpoints *checkpoints = durable->options.checkpoints;
    struct rt_memory *memory = durable->parts.memory;
    struct rt_entries *entries;
    enum rt_status status;

    rt_buffer_reset(&durable->header);
    status = rt_checkpoints_blob(checkpoints, RT_TEXT(RT_BLOB_ENGINE), &durable->header);
    if (status == RT_OK && durable->options.review != NULL)
        status = durable->options.review(durable->options.review_context,
                                         rt_buffer_view(&durable->header));
    if (status == RT_ERR_DIAG)
        return refuse(durable, status, "a rule would lose its partial matches",
                      "Name it with --allow-restart, or run without that option, which allows all");
    if (status == RT_OK)
        status = rt_checkpoints_entries(checkpoints, 0, durable->options.groups, &entries);
    if (status != RT_OK)
        return refuse_checkpoint(durable, status, id);
    status = memory->restore(memory, rt_buffer_view(&durable->header), entries, &durable->whole);
    entries->free(entries);
    if (status != RT_OK && memory->error(memory)[0] != '\0')
        return refuse(durable, status, memory->error(memory), NULL);
    return status == RT_OK ? RT_OK : refuse_checkpoint(durable, status, id);
}

static enum rt_status restore_stream(struct rt_durable *durable, uint64_t id)
{
    struct rt_form form;
    enum rt_status status;

    if (MUTANT("watermark_not_saved"))
        return RT_OK;
    rt_buffer_reset(&durable->blob);
    status =
        rt_checkpoints_blob(durable->options.checkpoints, RT_TEXT(RT_BLOB_STREAM), &durable->blob);
    if (status != RT_OK)
        return refuse_checkpoint(durable, status, id);
    form = rt_form_of(rt_buffer_view(&durable->blob));
    status = rt_stream_load(durable->parts.stream, &durable->options.names, &form);
    if (status == RT_OK && !rt_form_end(&form))
        status = RT_ERR_CORRUPT;
    if (status == RT_OK)
        return RT_OK;
    rt_buffer_printf(&durable->error, "checkpoint %llu: what waits for the watermark: %s",
                     (unsigned long long)id, form.why != NULL ? form.why : rt_status_text(status));
    return status;
}

/* ---- sources and outputs ---- */

static const char lost_input[] = "The state goes on behind a record that is not there any more.  "
                                 "Bring the input back as it was, "
                                 "or start anew with\nanother state directory";

/* Kafka's own messages bring their cure. */
static enum rt_status seek_source(struct rt_durable *durable, size_t index,
                                  const struct rt_saved_job *saved)
{
    struct rt_source *source = durable->parts.sources[index];
    const char *name = durable->options.source_names[index];

    for (size_t i = 0; i < saved->source_count; i++) {
        const struct rt_saved_source *found = &saved->sources[i];
        enum rt_status status;

        if (strcmp(found->name, name) != 0)
            continue;
        status = source->seek(source, found->places, found->place_count);
        if (status == RT_OK)
            return RT_OK;
        return refuse(durable, status, source->error(source),
                      rt_kafka_stop_of(source->error(source)) != RT_KAFKA_STOP_NONE ? NULL
                                                                                    : lost_input);
    }
    return RT_OK; /* a source that is new begins at its beginning */
}

static enum rt_status cut_output(struct rt_durable *durable, size_t index,
                                 const struct rt_saved_job *saved)
{
    const struct rt_durable_output *output = &durable->options.outputs[index];
    uint64_t position = durable->keeps_outputs ? RT_SINK_END : 0;
    enum rt_status status;

    if (output->sink->go_on == NULL)
        return RT_OK;
    for (size_t i = 0; saved != NULL && i < saved->output_count; i++) {
        if (strcmp(saved->outputs[i].name, output->name) == 0)
            position = saved->outputs[i].position;
    }
    status = output->sink->go_on(output->sink, position);
    if (status == RT_OK)
        return RT_OK;
    return refuse(durable, status, output->sink->error(output->sink),
                  status == RT_ERR_CORRUPT
                      ? "Bring the file back as it was, or start anew with another state directory"
                      : NULL);
}

static enum rt_status place_ends(struct rt_durable *durable, const struct rt_saved_job *saved)
{
    enum rt_status status = RT_OK;

    for (size_t i = 0; saved != NULL && i < durable->parts.source_count && status == RT_OK; i++)
        status = seek_source(durable, i, saved);
    for (size_t i = 0; i < durable->options.output_count && status == RT_OK; i++)
        status = cut_output(durable, i, saved);
    return status;
}

/* ---- the ways to begin ---- */

static enum rt_status read_facts(struct rt_durable *durable, const struct rt_manifest *manifest,
                                 struct rt_saved_job *out)
{
    struct rt_form form = rt_form_of(manifest->facts);
    enum rt_status status;

    rt_arena_reset(&durable->arena);
    status = rt_saved_job_read(&form, &durable->arena, out);
    if (status == RT_ERR_CORRUPT)
        rt_buffer_printf(&durable->error,
                         "the manifest of checkpoint %llu: byte %zu of its facts: %s",
                         (unsigned long long)manifest->id, rt_form_offset(&form), form.why);
    return status;
}

static enum rt_status resume(struct rt_durable *durable, const struct rt_manifest *manifest,
                             struct rt_recovered *out)
{
    struct rt_saved_job saved;
    enum rt_status status = rt_checkpoints_verify(durable->options.checkpoints, false);

    if (status != RT_OK)
        return refuse_checkpoint(durable, status, manifest->id);
    status = read_facts(durable, manifest, &saved);
    if (status != RT_OK)
        return status;
    KILLPOINT("verified");
    out->id = manifest->id;
    out->made_ms = manifest->made_ms;
    out->kind = saved.finished ? RT_RECOVERY_FINISHED : RT_RECOVERY_RESUMED;
    if (saved.finished)
        return RT_OK;
    status = rt_durable_expect(durable, manifest);
    if (status == RT_OK)
        status = restore_memory(durable, manifest->id);
    if (status == RT_OK)
        status = restore_stream(durable, manifest->id);
    KILLPOINT("restored");
    if (status == RT_OK)
        status = place_ends(durable, &saved);
    if (status != RT_OK)
        return status;
    *durable->parts.counters = saved.counters;
    return RT_OK;
}

static enum rt_status start_fresh(struct rt_durable *durable)
{
    durable->whole = true;
    return place_ends(durable, NULL);
}

static enum rt_status replay(const struct rt_decision_choice *choice, struct rt_recovered *out)
{
    out->kind = RT_RECOVERY_REPLAY;
    out->from = choice->from;
    out->until = choice->until;
    return RT_OK;
}

/*
 * The newest checkpoint holds nothing but the places where reading was to begin, and what was read once before.  One that cannot be read is looked at when it is
 * restored.
 */
static bool is_blank(struct rt_durable *durable, uint64_t newest)
{
    struct rt_checkpoints *checkpoints = durable->options.checkpoints;
    const struct rt_manifest *manifest;
    struct rt_saved_job saved;
    bool is_read = newest != 0 &&
                   rt_checkpoints_choose(checkpoints, newest, NULL, &manifest) == RT_OK &&
                   read_facts(durable, manifest, &saved) == RT_OK;

    rt_buffer_reset(&durable->error);
    return is_read && saved.counters.read == saved.counters.replayed;
}

/*
 * What there is to go on from, by our disk alone or by the decision; *begins: nothing counts yet.  *recovered becomes REPLAY if the
 * decision says so.
 */
static enum rt_status choose(struct rt_durable *durable, const struct rt_manifest **out,
                             bool *begins, struct rt_recovered *recovered)
{
    struct rt_checkpoints *checkpoints = durable->options.checkpoints;
    struct rt_decision *decision = durable->options.decision;
    struct rt_decision_local local = {.job = rt_checkpoints_job(checkpoints)};
    struct rt_decision_choice choice = {.course = RT_DECISION_NEWEST};
    const uint64_t *ids;
    size_t count;
    enum rt_status status = rt_checkpoints_ids(checkpoints, &ids, &count);

    *out = NULL;
    *begins = true;
    if (status != RT_OK)
        return refuse(durable, status, rt_checkpoints_error(checkpoints), NULL);
    local.newest = count == 0 ? 0 : ids[count - 1];
    if (decision != NULL) {
        local.blank = is_blank(durable, local.newest);
        status = decision->recover(decision, &local, &choice);
        if (status != RT_OK)
            return refuse(durable, status, decision->error(decision), NULL);
    }
    KILLPOINT("chosen");
    durable->keeps_outputs =
        choice.course == RT_DECISION_REPLAY || choice.course == RT_DECISION_FORGET;
    if (choice.course == RT_DECISION_REPLAY)
        return replay(&choice, recovered);
    if (choice.course == RT_DECISION_FRESH || choice.course == RT_DECISION_FORGET ||
        (choice.course == RT_DECISION_NEWEST && local.newest == 0))
        return RT_OK;
    *begins = choice.course == RT_DECISION_NEWEST && local.blank;
    if (choice.course == RT_DECISION_NEWEST)
        choice.id = local.newest;
    status = rt_checkpoints_choose(checkpoints, choice.id,
                                   choice.course == RT_DECISION_RESTORE ? choice.mark : NULL, out);
    if (status == RT_OK || choice.course != RT_DECISION_RESTORE || status == RT_ERR_NOMEM)
        return status == RT_OK ? RT_OK : refuse_checkpoint(durable, status, choice.id);
    status = decision->cannot(decision, &choice, status, rt_checkpoints_error(checkpoints));
    if (status != RT_OK)
        return refuse(durable, status, decision->error(decision), NULL);
    durable->keeps_outputs = true;
    return replay(&choice, recovered);
}

enum rt_status rt_durable_recover(struct rt_durable *durable, struct rt_recovered *out)
{
    struct rt_memory *memory = durable->parts.memory;
    struct rt_decision *decision = durable->options.decision;
    const struct rt_manifest *manifest;
    bool begins;
    enum rt_status status =
        memory->track(memory, durable->options.groups, 0, durable->options.groups);

    *out = (struct rt_recovered){.kind = RT_RECOVERY_FRESH};
    if (status == RT_OK)
        status = choose(durable, &manifest, &begins, out);
    if (status == RT_OK)
        status = manifest == NULL ? start_fresh(durable) : resume(durable, manifest, out);
    if (status != RT_OK)
        return refuse(durable, status, "", NULL);
    durable->begun_ns = rt_clock_monotonic_ns();
    rt_durable_note_moves(durable);
    if (out->kind == RT_RECOVERY_FINISHED || decision == NULL)
        return RT_OK;
    status = decision->resumed(decision);
    if (status != RT_OK)
        return refuse(durable, status, decision->error(decision), NULL);
    /* Before anything is written there is a checkpoint that a decision can name. */
    return begins && out->kind != RT_RECOVERY_REPLAY ? rt_durable_finish(durable, false) : RT_OK;
}
