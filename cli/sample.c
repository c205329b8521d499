/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/sample.h"

#include "runtime/base/alloc.h"
#include "runtime/base/map.h"
#include "runtime/event/codec.h"
#include "runtime/io/source.h"

enum {
    EVENTS_MAX = 100000,
    PATHS_MAX = 20000,
    DEPTH_MAX = 8,
    FILES_MAX = 64,
    PATH_BYTES_MAX = 4096,
    ARENA_BYTES_MAX = 256 << 20,
    KEPT_BYTES_MAX = 128 << 20 /* of records, for the conditions */
};

struct path_count {
    const char *path;
    uint64_t events;               /* that have it */
    uint64_t types[RT_TYPE_COUNT]; /* of what types */
    uint64_t items[RT_TYPE_COUNT]; /* of lists */
};

struct cli_sample {
    struct rt_arena arena;  /* names of paths, records */
    struct rt_arena record; /* of one event */
    struct rt_fields *whole;
    struct rt_codec *codec;
    struct rt_source *source;
    struct rt_map index; /* dotted path -> number in `paths` */
    struct path_count *paths;
    size_t path_count;
    uint64_t event_count;
    struct rt_text *records;
    size_t record_count, record_bytes;
    struct rt_buffer path; /* being walked */
    struct rt_buffer message;
    struct expr_schema schema;
};

static enum rt_status open_sample(struct cli_sample *sample, const char *const *files, size_t count)
{
    rt_field_id whole;
    enum rt_status status;

    rt_arena_init(&sample->arena, ARENA_BYTES_MAX);
    rt_arena_init(&sample->record, ARENA_BYTES_MAX);
    rt_buffer_init(&sample->path, PATH_BYTES_MAX);
    rt_buffer_init(&sample->message, PATH_BYTES_MAX);
    sample->paths = rt_arena_array(&sample->arena, PATHS_MAX, sizeof(*sample->paths));
    sample->records = rt_arena_array(&sample->arena, EVENTS_MAX, sizeof(*sample->records));
    if (sample->paths == NULL || sample->records == NULL)
        return RT_ERR_NOMEM;
    status = rt_fields_new(&sample->whole);
    if (status == RT_OK)
        status = rt_fields_add(sample->whole, NULL, 0, false, &whole);
    if (status != RT_OK)
        return status;
    rt_fields_seal(sample->whole);
    status = rt_codec_json_new(sample->whole, &sample->codec);
    if (status == RT_OK)
        status = rt_source_files_new(files, count, 0, &sample->message, &sample->source);
    return status;
}

void cli_sample_free(struct cli_sample *sample)
{
    if (sample == NULL)
        return;
    if (sample->source != NULL)
        sample->source->free(sample->source);
    if (sample->codec != NULL)
        sample->codec->free(sample->codec);
    rt_fields_free(sample->whole);
    rt_map_done(&sample->index);
    rt_buffer_done(&sample->path);
    rt_buffer_done(&sample->message);
    expr_schema_done(&sample->schema);
    rt_arena_done(&sample->arena);
    rt_arena_done(&sample->record);
    rt_free(sample);
}

/* ---- what the events have ---- */

static void count_types(struct path_count *count, struct rt_value value)
{
    count->events++;
    count->types[value.type]++;
    for (uint32_t i = 0; value.type == RT_LIST && i < value.length; i++)
        count->items[value.u.items[i].type]++;
}

static enum rt_status count_path(struct cli_sample *sample, struct rt_value value)
{
    struct rt_text path = rt_buffer_view(&sample->path);
    uint64_t number;

    if (!rt_map_get(&sample->index, path, &number)) {
        if (sample->path_count == PATHS_MAX) {
            sample->schema.is_open = true;
            return RT_OK;
        }
        number = sample->path_count;
        sample->paths[number].path = rt_arena_text(&sample->arena, path.data, path.length);
        if (sample->paths[number].path == NULL)
            return RT_ERR_NOMEM;
        path.data = sample->paths[number].path;
        if (rt_map_set(&sample->index, path, number) != RT_OK)
            return RT_ERR_NOMEM;
        sample->path_count++;
    }
    count_types(&sample->paths[number], value);
    return RT_OK;
}

/* Back to the path of the map; a name that was too long for the buffer is forgotten with it. */
static void cut_path(struct cli_sample *sample, size_t length)
{
    sample->path.length = length;
    sample->path.failed = false;
}

/* Depth is at most DEPTH_MAX; what is deeper may be anything. */
// NOLINTNEXTLINE(misc-no-recursion)
static enum rt_status count_map(struct cli_sample *sample, struct rt_value map, unsigned depth)
{
    size_t before = sample->path.length;
    enum rt_status status = RT_OK;

    for (uint32_t i = 0; i < map.length && status == RT_OK; i++) {
        const struct rt_map_entry *entry = &map.u.entries[i];
        struct rt_value value = entry->value;

        if (value.type == RT_MAP && depth == DEPTH_MAX)
            value.type = RT_ABSENT;
        rt_buffer_string(&sample->path, before > 0 ? "." : "");
        rt_buffer_text(&sample->path, rt_value_text(entry->key));
        if (!sample->path.failed)
            status = count_path(sample, value);
        if (status == RT_OK && value.type == RT_MAP && !sample->path.failed)
            status = count_map(sample, value, depth + 1);
        cut_path(sample, before);
    }
    return status;
}

/* For the conditions, which are asked when the rules have been read. */
static enum rt_status keep_record(struct cli_sample *sample, const struct rt_record *record)
{
    char *copy;

    if (sample->record_bytes + record->length > KEPT_BYTES_MAX || record->length == 0 ||
        sample->record_count == EVENTS_MAX)
        return RT_OK;
    copy = rt_arena_alloc(&sample->arena, record->length + RT_RECORD_PADDING);
    if (copy == NULL)
        return RT_ERR_NOMEM;
    memcpy(copy, record->data, record->length);
    sample->records[sample->record_count++] = (struct rt_text){copy, record->length};
    sample->record_bytes += record->length;
    return RT_OK;
}

static enum rt_status count_record(struct cli_sample *sample, const struct rt_record *record)
{
    struct rt_value whole;
    enum rt_reject reject;
    const char *detail;
    enum rt_status status;

    if (record->too_long || record->is_absent)
        return RT_OK;
    rt_arena_reset(&sample->record);
    status = sample->codec->decode(sample->codec, (struct rt_text){record->data, record->length},
                                   &sample->record, &whole, &reject, &detail);
    if (status == RT_ERR_DATA)
        return RT_OK; /* not an event: what fields it has says nothing */
    if (status != RT_OK)
        return status;
    sample->event_count++;
    status = whole.type == RT_MAP ? count_map(sample, whole, 1) : RT_OK;
    return status == RT_OK ? keep_record(sample, record) : status;
}

static enum rt_status read_events(struct cli_sample *sample)
{
    struct rt_batch *batch = rt_arena_alloc(&sample->arena, sizeof(*batch));
    enum rt_status status = batch == NULL ? RT_ERR_NOMEM : RT_OK;

    while (status == RT_OK && sample->event_count < EVENTS_MAX) {
        status = sample->source->read(sample->source, batch);
        for (size_t i = 0; status == RT_OK && i < batch->count; i++)
            status = count_record(sample, &batch->records[i]);
    }
    return status == RT_END ? RT_OK : status;
}

/* ---- the schema ---- */

/* The one type that has been seen, int and double being one number; RT_ABSENT: several, or none. */
static uint8_t only_type(const uint64_t types[RT_TYPE_COUNT])
{
    uint8_t found = RT_ABSENT;

    for (int type = RT_ABSENT; type < RT_TYPE_COUNT; type++) {
        if (types[type] == 0)
            continue;
        if (type == RT_ABSENT || (found != RT_ABSENT && !(found == RT_INT && type == RT_DOUBLE)))
            return RT_ABSENT;
        found = (uint8_t)type;
    }
    return found;
}

/* A path is read before what lies below it. */
static enum rt_status make_schema(struct cli_sample *sample)
{
    enum rt_status status = RT_OK;

    sample->schema.is_sample = true;
    sample->schema.event_count = sample->event_count;
    for (size_t i = 0; i < sample->path_count && status == RT_OK; i++) {
        const struct path_count *count = &sample->paths[i];
        const struct expr_schema_field *clash;
        struct expr_schema_field field = {.path = count->path,
                                          .type = only_type(count->types),
                                          .item = only_type(count->items),
                                          .span = RT_NO_SPAN,
                                          .share =
                                              (double)count->events / (double)sample->event_count};

        status = expr_schema_add(&sample->schema, &sample->arena, &field, &clash);
    }
    return status;
}

const struct expr_schema *cli_sample_schema(const struct cli_sample *sample)
{
    return &sample->schema;
}

size_t cli_sample_record_count(const struct cli_sample *sample)
{
    return sample->record_count;
}

struct rt_text cli_sample_record(const struct cli_sample *sample, size_t index)
{
    return sample->records[index];
}

static enum cli_exit complain(const struct cli_call *call, const struct cli_sample *sample,
                              enum rt_status status)
{
    if (status == RT_OK) {
        cli_complain(call, "the sample has no events");
        return CLI_USAGE;
    }
    cli_complain(call, "%s",
                 sample->message.length > 0 ? sample->message.data : rt_status_text(status));
    return status == RT_ERR_IO ? CLI_USAGE : cli_exit_of(status);
}

enum cli_exit cli_sample_read(const struct cli_call *call, struct cli_sample **out)
{
    const char *files[FILES_MAX];
    size_t count = cli_value_count(call, CLI_OPTION_SAMPLE);
    struct cli_sample *sample;
    enum cli_exit code;
    enum rt_status status;

    if (count > FILES_MAX)
        return cli_wrong_call(call, "at most %d samples", (int)FILES_MAX);
    for (size_t i = 0; i < count; i++)
        files[i] = cli_value_at(call, CLI_OPTION_SAMPLE, i);
    sample = rt_alloc_zeroed(1, sizeof(*sample));
    if (sample == NULL)
        return cli_exit_of(RT_ERR_NOMEM);
    status = open_sample(sample, files, count);
    if (status == RT_OK)
        status = read_events(sample);
    if (status == RT_OK && sample->event_count > 0)
        status = make_schema(sample);
    if (status == RT_OK && sample->event_count > 0) {
        *out = sample;
        return CLI_OK;
    }
    code = complain(call, sample, status);
    cli_sample_free(sample);
    return code;
}
