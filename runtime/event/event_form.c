/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The saved form of kept events.
 *
 *     slot   [number][0][value] | [number][1: string, 2: ASCII string][begin in raw][length]
 *
 * Most strings of an event lie in its raw bytes, where they are not written twice, nor kept twice after they are read.
 */
#include "runtime/event/event_form.h"

#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"
#include "runtime/event/codec.h"
#include "runtime/event/value_form.h"

enum { IS_VALUE = 0, IS_IN_RAW = 1, IS_ASCII_IN_RAW = 2, SCRATCH_BYTES_MAX = 64 << 20 };
#define NO_SOURCE UINT32_MAX

/* ---- names ---- */

void rt_event_names_add_form(const struct rt_event_names *names, struct rt_buffer *out)
{
    rt_form_add_uint(out, names->slot_count);
    for (rt_slot slot = 0; slot < names->slot_count; slot++) {
        size_t depth;
        const struct rt_text *path = rt_fields_path(names->fields, slot, &depth);

        rt_form_add_uint(out, depth);
        for (size_t i = 0; i < depth; i++)
            rt_form_add_text(out, path[i]);
    }
    rt_form_add_uint(out, names->source_count);
    for (size_t i = 0; i < names->source_count; i++)
        rt_form_add_text(out, rt_text_of(names->sources[i]));
}

struct rt_event_reader {
    const struct rt_event_names *names;
    rt_slot *slots; /* owned; by saved slot: where it is now, RT_NO_SLOT: nowhere */
    size_t saved_slots;
    uint32_t *sources; /* owned; by saved source */
    size_t saved_sources;
    struct rt_value *values;  /* owned; of the event at hand */
    struct rt_value *decoded; /* owned; all slots of a record; NULL: nothing was added since */
    bool *is_known;           /* owned; by slot: it was saved */
    struct rt_codec *codec;   /* with `decoded` */
    struct rt_arena scratch;
    struct rt_buffer record; /* a record with its padding */
};

void rt_event_reader_free(struct rt_event_reader *reader)
{
    if (reader == NULL)
        return;
    if (reader->codec != NULL)
        reader->codec->free(reader->codec);
    rt_arena_done(&reader->scratch);
    rt_buffer_done(&reader->record);
    rt_free(reader->slots);
    rt_free(reader->sources);
    rt_free(reader->values);
    rt_free(reader->decoded);
    rt_free(reader->is_known);
    rt_free(reader);
}

static enum rt_status read_fields(struct rt_event_reader *reader, struct rt_form *form)
{
    reader->saved_slots = rt_form_count(form, 1);
    reader->slots = rt_alloc_zeroed(reader->saved_slots, sizeof(*reader->slots));
    if (reader->slots == NULL)
        return RT_ERR_NOMEM;
    for (size_t i = 0; i < reader->saved_slots; i++) {
        struct rt_text path[RT_FIELD_DEPTH_MAX];
        size_t depth = (size_t)rt_form_uint_max(form, RT_FIELD_DEPTH_MAX);

        for (size_t j = 0; j < depth; j++)
            path[j] = rt_form_text(form);
        if (rt_form_failed(form))
            return RT_ERR_CORRUPT;

        rt_slot slot = rt_fields_find(reader->names->fields, path, depth);

        reader->slots[i] = slot < reader->names->slot_count ? slot : RT_NO_SLOT;
        if (slot < reader->names->slot_count)
            reader->is_known[slot] = true;
    }
    return RT_OK;
}

static uint32_t source_of(const struct rt_event_names *names, struct rt_text name)
{
    for (size_t i = 0; i < names->source_count; i++) {
        if (rt_text_equal(rt_text_of(names->sources[i]), name))
            return (uint32_t)i;
    }
    return NO_SOURCE;
}

static enum rt_status read_sources(struct rt_event_reader *reader, struct rt_form *form)
{
    reader->saved_sources = rt_form_count(form, 1);
    reader->sources = rt_alloc_zeroed(reader->saved_sources, sizeof(*reader->sources));
    if (reader->sources == NULL)
        return RT_ERR_NOMEM;
    for (size_t i = 0; i < reader->saved_sources; i++)
        reader->sources[i] = source_of(reader->names, rt_form_text(form));
    return rt_form_failed(form) ? RT_ERR_CORRUPT : RT_OK;
}

/* Fields that were not saved come out of the raw bytes. */
static enum rt_status prepare_decoding(struct rt_event_reader *reader)
{
    size_t known = 0;

    while (known < reader->names->slot_count && reader->is_known[known])
        known++;
    if (known == reader->names->slot_count)
        return RT_OK;
    reader->decoded =
        rt_alloc_zeroed(rt_fields_count(reader->names->fields), sizeof(*reader->decoded));
    if (reader->decoded == NULL)
        return RT_ERR_NOMEM;
    return rt_codec_json_new(reader->names->fields, &reader->codec);
}

enum rt_status rt_event_reader_new(const struct rt_event_names *names, struct rt_form *form,
                                   struct rt_event_reader **out)
{
    struct rt_event_reader *reader = rt_alloc_zeroed(1, sizeof(*reader));
    enum rt_status status = RT_ERR_NOMEM;

    if (reader == NULL)
        return RT_ERR_NOMEM;
    reader->names = names;
    rt_arena_init(&reader->scratch, SCRATCH_BYTES_MAX);
    rt_buffer_init(&reader->record, RT_RECORD_BYTES_MAX + RT_RECORD_PADDING);
    reader->values = rt_alloc_zeroed(names->slot_count, sizeof(*reader->values));
    reader->is_known = rt_alloc_zeroed(names->slot_count, sizeof(*reader->is_known));
    if (reader->values != NULL && reader->is_known != NULL)
        status = read_fields(reader, form);
    if (status == RT_OK)
        status = read_sources(reader, form);
    if (status == RT_OK)
        status = prepare_decoding(reader);
    if (status != RT_OK) {
        rt_event_reader_free(reader);
        return status;
    }
    *out = reader;
    return RT_OK;
}

/* Without names there is one source, or the program that embeds the engine numbers them. */
bool rt_event_reader_source(const struct rt_event_reader *reader, uint64_t saved, uint32_t *out)
{
    if (saved == RT_SOURCE_ALERTS) {
        *out = RT_SOURCE_ALERTS;
        return true;
    }
    if (reader->saved_sources == 0 && reader->names->source_count == 0 && saved < NO_SOURCE) {
        *out = (uint32_t)saved;
        return true;
    }
    if (saved >= reader->saved_sources || reader->sources[saved] == NO_SOURCE)
        return false;
    *out = reader->sources[saved];
    return true;
}

/* ---- writing ---- */

/* Where the text begins in the raw bytes; false: it lies elsewhere. */
static bool place_in_raw(const struct rt_event *event, struct rt_value value, size_t *out)
{
    uintptr_t begin = (uintptr_t)event->raw, at = (uintptr_t)value.u.text;

    if (value.type != RT_STRING || event->raw == NULL || at < begin ||
        at - begin > event->raw_length || value.length > event->raw_length - (at - begin))
        return false;
    *out = (size_t)(at - begin);
    return true;
}

static void add_slot(const struct rt_event *event, rt_slot slot, struct rt_buffer *out)
{
    struct rt_value value = event->slots[slot];
    size_t place;

    rt_form_add_uint(out, slot);
    if (!place_in_raw(event, value, &place)) {
        rt_form_add_byte(out, IS_VALUE);
        rt_value_add_form(value, out);
        return;
    }
    rt_form_add_byte(out, (value.flags & RT_FLAG_ASCII) != 0 ? IS_ASCII_IN_RAW : IS_IN_RAW);
    rt_form_add_uint(out, place);
    rt_form_add_uint(out, value.length);
}

void rt_event_add_form(const struct rt_event *event, struct rt_buffer *out)
{
    size_t present = 0;

    rt_form_add_time(out, event->time);
    rt_form_add_uint(out, event->sequence);
    rt_form_add_uint(out, event->position.source);
    rt_form_add_uint(out, event->position.partition);
    rt_form_add_uint(out, event->position.offset);
    rt_form_add_bool(out, event->raw != NULL);
    if (event->raw != NULL)
        rt_form_add_text(out, (struct rt_text){event->raw, event->raw_length});
    for (uint32_t i = 0; i < event->slot_count; i++)
        present += event->slots[i].type != RT_ABSENT;
    rt_form_add_uint(out, present);
    for (uint32_t i = 0; i < event->slot_count; i++) {
        if (event->slots[i].type != RT_ABSENT)
            add_slot(event, i, out);
    }
}

/* ---- reading ---- */

/* A string of the raw bytes; it must be one. */
static struct rt_value read_in_raw(const struct rt_event *event, bool is_ascii,
                                   struct rt_form *form)
{
    uint64_t begin = rt_form_uint_max(form, event->raw_length);
    uint64_t length = rt_form_uint_max(form, event->raw_length - begin);
    struct rt_text text = {"", 0};

    if (event->raw != NULL)
        text = (struct rt_text){event->raw + begin, (size_t)length};
    if (event->raw == NULL)
        rt_form_fail(form, "a text in a record that is not there");
    else if (!rt_utf8_valid(text) || (is_ascii && rt_utf8_length(text) != text.length))
        rt_form_fail(form, "a text that is none");

    struct rt_value value = rt_string(text.data, (uint32_t)text.length);

    value.flags = is_ascii ? RT_FLAG_ASCII : 0;
    return value;
}

static enum rt_status read_slot(struct rt_event_reader *reader, const struct rt_event *event,
                                struct rt_form *form, uint64_t *least)
{
    uint64_t saved = rt_form_uint(form);
    uint8_t kind = rt_form_byte(form);
    struct rt_value value = {.type = RT_ABSENT};

    if (!rt_form_failed(form) &&
        (saved < *least || saved >= reader->saved_slots || kind > IS_ASCII_IN_RAW))
        rt_form_fail(form, "a field that there is none of");
    if (rt_form_failed(form))
        return RT_ERR_CORRUPT;
    *least = saved + 1;
    if (kind == IS_VALUE) {
        enum rt_status status = rt_value_of_form(form, &reader->scratch, &value);

        if (status != RT_OK)
            return status;
    } else {
        value = read_in_raw(event, kind == IS_ASCII_IN_RAW, form);
    }
    if (value.type == RT_ABSENT)
        rt_form_fail(form, "a field that is absent");
    if (rt_form_failed(form))
        return RT_ERR_CORRUPT;
    if (reader->slots[saved] != RT_NO_SLOT)
        reader->values[reader->slots[saved]] = value;
    return RT_OK;
}

/* What was not saved; a record that is none leaves it absent. */
static enum rt_status read_added(struct rt_event_reader *reader, const struct rt_event *event)
{
    static const char padding[RT_RECORD_PADDING];
    enum rt_reject reject;
    const char *detail;

    rt_buffer_reset(&reader->record);
    rt_buffer_add(&reader->record, event->raw, event->raw_length);
    rt_buffer_add(&reader->record, padding, sizeof(padding));
    if (reader->record.failed)
        return RT_ERR_NOMEM;

    enum rt_status status = reader->codec->decode(
        reader->codec, (struct rt_text){reader->record.data, event->raw_length}, &reader->scratch,
        reader->decoded, &reject, &detail);

    if (status != RT_OK)
        return status == RT_ERR_DATA ? RT_OK : status;
    for (size_t i = 0; i < reader->names->slot_count; i++) {
        if (!reader->is_known[i])
            reader->values[i] = reader->decoded[i];
    }
    return RT_OK;
}

static void read_head(struct rt_event_reader *reader, struct rt_form *form, struct rt_event *event)
{
    event->time = rt_form_time(form);
    event->sequence = rt_form_uint(form);

    uint64_t source = rt_form_uint(form);

    event->position.partition = (uint32_t)rt_form_uint_max(form, UINT32_MAX);
    event->position.offset = rt_form_uint(form);
    if (rt_time_before(event->time, RT_TIME_FIRST) || rt_time_before(RT_TIME_LAST, event->time))
        rt_form_fail(form, "a time that no event has");
    if (!rt_form_failed(form) && !rt_event_reader_source(reader, source, &event->position.source))
        rt_form_fail(form, "an event of a source that is no longer there");
    if (!rt_form_bool(form))
        return;

    struct rt_text raw = rt_form_text(form);

    if (raw.length > RT_RECORD_BYTES_MAX)
        rt_form_fail(form, "a record that is too long");
    event->raw = raw.length == 0 ? "" : raw.data;
    event->raw_length = (uint32_t)raw.length;
}

enum rt_status rt_event_of_form(struct rt_event_reader *reader, struct rt_form *form,
                                struct rt_event *out)
{
    struct rt_event event = {.slots = reader->values,
                             .slot_count = (uint32_t)reader->names->slot_count};
    uint64_t least = 0;

    rt_arena_reset(&reader->scratch);
    for (size_t i = 0; i < reader->names->slot_count; i++)
        reader->values[i] = (struct rt_value){.type = RT_ABSENT};
    read_head(reader, form, &event);
    if (rt_form_failed(form))
        return RT_ERR_CORRUPT;

    size_t present = rt_form_count(form, 3);

    for (size_t i = 0; i < present; i++) {
        enum rt_status status = read_slot(reader, &event, form, &least);

        if (status != RT_OK)
            return status;
    }
    if (rt_form_failed(form))
        return RT_ERR_CORRUPT;
    if (reader->codec != NULL && event.raw_length > 0) {
        enum rt_status status = read_added(reader, &event);

        if (status != RT_OK)
            return status;
    }
    *out = event;
    return RT_OK;
}
