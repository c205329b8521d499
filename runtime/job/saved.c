/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/job/saved.h"

#include "runtime/base/form.h"

/* ---- writing ---- */

static void write_counters(const struct rt_job_counters *counters, struct rt_buffer *out)
{
    uint64_t kinds = 0;

    rt_form_add_uint(out, counters->read);
    rt_form_add_uint(out, counters->replayed);
    rt_form_add_uint(out, counters->bytes);
    rt_form_add_uint(out, counters->rejected);
    for (int reason = 0; reason < RT_REJECT_COUNT; reason++)
        kinds += counters->rejected_by[reason] > 0;
    rt_form_add_uint(out, kinds);
    for (int reason = 0; reason < RT_REJECT_COUNT; reason++) {
        if (counters->rejected_by[reason] == 0)
            continue;
        rt_form_add_text(out, rt_text_of(rt_reject_name((enum rt_reject)reason)));
        rt_form_add_uint(out, counters->rejected_by[reason]);
    }
}

static void write_place(const struct rt_place *place, struct rt_buffer *out)
{
    rt_form_add_uint(out, place->partition);
    rt_form_add_text(out, rt_text_of(place->name));
    rt_form_add_uint(out, place->next);
    rt_form_add_bool(out, place->has_last);
    if (!place->has_last)
        return;
    rt_form_add_uint(out, place->last);
    rt_form_add_fixed(out, place->fingerprint);
}

void rt_saved_job_write(const struct rt_saved_job *saved, struct rt_buffer *out)
{
    rt_form_add_bool(out, saved->finished);
    write_counters(&saved->counters, out);
    rt_form_add_uint(out, saved->source_count);
    for (size_t i = 0; i < saved->source_count; i++) {
        const struct rt_saved_source *source = &saved->sources[i];

        rt_form_add_text(out, rt_text_of(source->name));
        rt_form_add_uint(out, source->place_count);
        for (size_t k = 0; k < source->place_count; k++)
            write_place(&source->places[k], out);
    }
    rt_form_add_uint(out, saved->output_count);
    for (size_t i = 0; i < saved->output_count; i++) {
        rt_form_add_text(out, rt_text_of(saved->outputs[i].name));
        rt_form_add_uint(out, saved->outputs[i].position);
    }
}

/* ---- reading ---- */

static const char *copy(struct rt_form *form, struct rt_arena *arena)
{
    struct rt_text text = rt_form_text(form);

    return rt_arena_text(arena, text.data, text.length);
}

/* A reason that is no longer there counts in the sum only. */
static void read_counters(struct rt_form *form, struct rt_job_counters *out)
{
    *out = (struct rt_job_counters){.read = rt_form_uint(form)};
    out->replayed = rt_form_uint(form);
    out->bytes = rt_form_uint(form);
    out->rejected = rt_form_uint(form);

    for (size_t kinds = rt_form_count(form, 2); kinds > 0; kinds--) {
        struct rt_text name = rt_form_text(form);
        uint64_t count = rt_form_uint(form);

        for (int reason = 0; reason < RT_REJECT_COUNT; reason++) {
            if (rt_text_is(name, rt_reject_name((enum rt_reject)reason)))
                out->rejected_by[reason] = count;
        }
    }
}

static enum rt_status read_place(struct rt_form *form, struct rt_arena *arena, struct rt_place *out)
{
    *out = (struct rt_place){.partition = (uint32_t)rt_form_uint_max(form, UINT32_MAX)};
    out->name = copy(form, arena);
    out->next = rt_form_uint(form);
    out->has_last = rt_form_bool(form);
    if (out->has_last) {
        out->last = rt_form_uint(form);
        out->fingerprint = rt_form_fixed(form);
    }
    return out->name == NULL ? RT_ERR_NOMEM : RT_OK;
}

static enum rt_status read_source(struct rt_form *form, struct rt_arena *arena,
                                  struct rt_saved_source *out)
{
    enum { PLACE_BYTES_MIN = 4 };
    enum rt_status status = RT_OK;

    out->name = copy(form, arena);
    out->place_count = rt_form_count(form, PLACE_BYTES_MIN);
    out->places = rt_arena_array(arena, out->place_count + 1, sizeof(*out->places));
    if (out->name == NULL || out->places == NULL)
        return RT_ERR_NOMEM;
    for (size_t i = 0; i < out->place_count && status == RT_OK; i++)
        status = read_place(form, arena, &out->places[i]);
    return status;
}

enum rt_status rt_saved_job_read(struct rt_form *form, struct rt_arena *arena,
                                 struct rt_saved_job *out)
{
    enum rt_status status = RT_OK;

    *out = (struct rt_saved_job){.finished = rt_form_bool(form)};
    read_counters(form, &out->counters);
    out->source_count = rt_form_count(form, 2);
    out->sources = rt_arena_array(arena, out->source_count + 1, sizeof(*out->sources));
    if (out->sources == NULL)
        return RT_ERR_NOMEM;
    for (size_t i = 0; i < out->source_count && status == RT_OK; i++)
        status = read_source(form, arena, &out->sources[i]);
    if (status != RT_OK)
        return status;
    out->output_count = rt_form_count(form, 2);
    out->outputs = rt_arena_array(arena, out->output_count + 1, sizeof(*out->outputs));
    if (out->outputs == NULL)
        return RT_ERR_NOMEM;
    for (size_t i = 0; i < out->output_count; i++) {
        out->outputs[i].name = copy(form, arena);
        out->outputs[i].position = rt_form_uint(form);
        if (out->outputs[i].name == NULL)
            return RT_ERR_NOMEM;
    }
    return rt_form_end(form) ? RT_OK : RT_ERR_CORRUPT;
}
