/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/sample.h"

#include "rules/diagnostics.h"
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
    ARENA_BYTES_MAX = 256 << 20
};

struct sample {
    struct rt_arena arena;  /* names of paths */
    struct rt_arena record; /* of one event */
    struct rt_fields *whole;
    struct rt_codec *codec;
    struct rt_source *source;
    struct rt_map paths; /* dotted path -> number in `names` */
    const char **names;
    uint64_t *counts; /* events that have it */
    size_t path_count;
    uint64_t event_count;
    struct rt_buffer path; /* being walked */
    struct rt_buffer message;
};

static enum rt_status open_sample(struct sample *sample, const char *const *files, size_t count)
{
    rt_field_id whole;
    enum rt_status status;

    rt_arena_init(&sample->arena, ARENA_BYTES_MAX);
    rt_arena_init(&sample->record, ARENA_BYTES_MAX);
    rt_buffer_init(&sample->path, PATH_BYTES_MAX);
    rt_buffer_init(&sample->message, PATH_BYTES_MAX);
    sample->names = rt_arena_array(&sample->arena, PATHS_MAX, sizeof(const char *));
    sample->counts = rt_arena_array(&sample->arena, PATHS_MAX, sizeof(*sample->counts));
    if (sample->names == NULL || sample->counts == NULL)
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

static void close_sample(struct sample *sample)
{
    if (sample->source != NULL)
        sample->source->free(sample->source);
    if (sample->codec != NULL)
        sample->codec->free(sample->codec);
    rt_fields_free(sample->whole);
    rt_map_done(&sample->paths);
    rt_buffer_done(&sample->path);
    rt_buffer_done(&sample->message);
    rt_arena_done(&sample->arena);
    rt_arena_done(&sample->record);
}

/* ---- what the events have ---- */

static enum rt_status count_path(struct sample *sample)
{
    struct rt_text path = rt_buffer_view(&sample->path);
    uint64_t number;

    if (!rt_map_get(&sample->paths, path, &number)) {
        if (sample->path_count == PATHS_MAX)
            return RT_OK;
        number = sample->path_count;
        sample->names[number] = rt_arena_text(&sample->arena, path.data, path.length);
        if (sample->names[number] == NULL)
            return RT_ERR_NOMEM;
        path.data = sample->names[number];
        if (rt_map_set(&sample->paths, path, number) != RT_OK)
            return RT_ERR_NOMEM;
        sample->path_count++;
    }
    sample->counts[number]++;
    return RT_OK;
}

/* Back to the path of the map; a name that was too long for the buffer is forgotten with it. */
static void cut_path(struct sample *sample, size_t length)
{
    sample->path.length = length;
    sample->path.failed = false;
}

/* Depth is at most DEPTH_MAX. */
// NOLINTNEXTLINE(misc-no-recursion)
static enum rt_status count_map(struct sample *sample, struct rt_value map, unsigned depth)
{
    size_t before = sample->path.length;
    enum rt_status status = RT_OK;

    for (uint32_t i = 0; i < map.length && status == RT_OK; i++) {
        const struct rt_map_entry *entry = &map.u.entries[i];

        rt_buffer_string(&sample->path, before > 0 ? "." : "");
        rt_buffer_text(&sample->path, rt_value_text(entry->key));
        if (!sample->path.failed)
            status = count_path(sample);
        if (status == RT_OK && entry->value.type == RT_MAP && depth < DEPTH_MAX)
            status = count_map(sample, entry->value, depth + 1);
        cut_path(sample, before);
    }
    return status;
}

static enum rt_status count_record(struct sample *sample, const struct rt_record *record)
{
    struct rt_value whole;
    enum rt_reject reject;
    const char *detail;
    enum rt_status status;

    if (record->too_long)
        return RT_OK;
    rt_arena_reset(&sample->record);
    status = sample->codec->decode(sample->codec, (struct rt_text){record->data, record->length},
                                   &sample->record, &whole, &reject, &detail);
    if (status == RT_ERR_DATA)
        return RT_OK; /* not an event: what fields it has says nothing */
    if (status != RT_OK)
        return status;
    sample->event_count++;
    return whole.type == RT_MAP ? count_map(sample, whole, 1) : RT_OK;
}

static enum rt_status read_sample(struct sample *sample)
{
    struct rt_batch *batch = rt_arena_alloc(&sample->arena, sizeof(*batch));
    enum rt_status status = batch == NULL ? RT_ERR_NOMEM : RT_OK;

    if (batch != NULL)
        batch->paused = false;

    while (status == RT_OK && sample->event_count < EVENTS_MAX) {
        status = sample->source->read(sample->source, batch);
        if (status == RT_OK && batch->count == 0)
            rt_sources_wait(&sample->source, 1);
        for (size_t i = 0; status == RT_OK && i < batch->count; i++)
            status = count_record(sample, &batch->records[i]);
    }
    return status == RT_END ? RT_OK : status;
}

/* ---- what the rules read ---- */

static void report(const struct sample *sample, const struct rule_plan *plan, rt_slot slot,
                   const char *path, struct rt_diags *diags)
{
    const char *nearest = rt_nearest(rt_text_of(path), sample->names, sample->path_count);
    struct rt_diag *diag =
        rt_diag_add(diags, RT_SEVERITY_WARNING, RULE_DIAG_FIELD_NEVER_SEEN, plan->mentions[slot],
                    "no event of the sample has a field `%s`", path);
    uint64_t number = 0;

    if (nearest != NULL && rt_map_get(&sample->paths, rt_text_of(nearest), &number))
        rt_diag_label(diags, diag, "did you mean `%s`? (in %.0f %% of %llu events)", nearest,
                      100.0 * (double)sample->counts[number] / (double)sample->event_count,
                      (unsigned long long)sample->event_count);
    rt_diag_note(diags, diag, "what compares an absent field never holds");
}

static void check_fields(struct sample *sample, const struct rule_plan *plan,
                         struct rt_diags *diags)
{
    size_t count = rt_fields_count(plan->fields);

    for (rt_slot slot = 0; slot < count; slot++) {
        size_t depth;
        const struct rt_text *names = rt_fields_path(plan->fields, slot, &depth);
        uint64_t number;

        if (depth == 0 || depth > DEPTH_MAX || plan->mentions[slot].end == 0)
            continue;
        rt_buffer_reset(&sample->path);
        for (size_t i = 0; i < depth; i++) {
            rt_buffer_string(&sample->path, i == 0 ? "" : ".");
            rt_buffer_text(&sample->path, names[i]);
        }
        if (!sample->path.failed &&
            !rt_map_get(&sample->paths, rt_buffer_view(&sample->path), &number))
            report(sample, plan, slot, sample->path.data, diags);
    }
}

enum cli_exit cli_sample_check(const struct cli_call *call, const struct rule_plan *plan,
                               struct rt_diags *diags)
{
    const char *files[FILES_MAX];
    size_t count = cli_value_count(call, CLI_OPTION_SAMPLE);
    struct sample sample = {.event_count = 0};
    enum cli_exit code = CLI_OK;
    enum rt_status status;

    if (count > FILES_MAX)
        return cli_wrong_call(call, "at most %d samples", (int)FILES_MAX);
    for (size_t i = 0; i < count; i++)
        files[i] = cli_value_at(call, CLI_OPTION_SAMPLE, i);
    status = open_sample(&sample, files, count);
    if (status == RT_OK)
        status = read_sample(&sample);
    if (status != RT_OK) {
        cli_complain(call, "%s",
                     sample.message.length > 0 ? sample.message.data : rt_status_text(status));
        code = status == RT_ERR_IO ? CLI_USAGE : cli_exit_of(status);
    } else if (sample.event_count == 0) {
        cli_complain(call, "the sample has no events");
        code = CLI_USAGE;
    } else if (sample.path_count < PATHS_MAX) {
        check_fields(&sample, plan, diags);
    }
    close_sample(&sample);
    return code;
}
