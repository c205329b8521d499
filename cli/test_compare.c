/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/test_compare.h"

#include <stdlib.h>
#include <string.h>

#include "cli/alert_line.h"
#include "cli/terminal.h"
#include "rules/value_ops.h"
#include "runtime/base/alloc.h"
#include "runtime/base/calendar.h"
#include "runtime/event/codec.h"
#include "runtime/time/timestamp.h"

enum { SCRATCH_BYTES_MAX = 64 << 20, MATCHED_SHOWN_MAX = 20 };

/* The parts of a record, decoded by the same codec as events. */
enum part { PART_TITLE, PART_TAGS, PART_KEY, PART_FIELDS, PART_EVENTS, PART_COUNT };

static const char *const part_names[PART_COUNT] = {"title", "tags", "key", "fields", "events"};

struct cli_test_compare {
    struct rt_fields *fields;
    struct rt_codec *codec;
    struct rt_arena scratch;
    rt_slot slots[PART_COUNT];
};

enum rt_status cli_test_compare_new(struct cli_test_compare **out)
{
    struct cli_test_compare *compare = rt_alloc_zeroed(1, sizeof(*compare));
    rt_field_id ids[PART_COUNT] = {0};
    enum rt_status status;

    if (compare == NULL)
        return RT_ERR_NOMEM;
    rt_arena_init(&compare->scratch, SCRATCH_BYTES_MAX);
    status = rt_fields_new(&compare->fields);
    for (int i = 0; i < PART_COUNT && status == RT_OK; i++) {
        struct rt_text name = rt_text_of(part_names[i]);

        status = rt_fields_add(compare->fields, &name, 1, false, &ids[i]);
    }
    if (status == RT_OK) {
        rt_fields_seal(compare->fields);
        for (int i = 0; i < PART_COUNT; i++)
            compare->slots[i] = rt_fields_slot(compare->fields, ids[i]);
        status = rt_codec_json_new(compare->fields, &compare->codec);
    }
    if (status == RT_OK)
        *out = compare;
    else
        cli_test_compare_free(compare);
    return status;
}

void cli_test_compare_free(struct cli_test_compare *compare)
{
    if (compare == NULL)
        return;
    if (compare->codec != NULL)
        compare->codec->free(compare->codec);
    rt_fields_free(compare->fields);
    rt_arena_done(&compare->scratch);
    rt_free(compare);
}

/* ---- one difference ---- */

struct writer {
    struct cli_test_compare *compare;
    const struct rule_test *test;
    const struct cli_test_result *result;
    struct rt_buffer *out;
    bool color;
    size_t index;       /* of the alert at hand */
    bool headed;        /* its line has been written */
    size_t differences; /* of the whole test */
};

static void add_since_start(rt_time time, struct rt_buffer *out)
{
    if (time.ms < RULE_TEST_START.ms)
        rt_time_text(time, out);
    else
        rt_buffer_duration(out, time.ms - RULE_TEST_START.ms);
}

static void add_signed(struct writer *writer, char sign, struct rt_text text)
{
    enum cli_style style = sign == '-' ? CLI_RED : CLI_GREEN;

    rt_buffer_printf(writer->out, "      %s%c   ", cli_style_begin(writer->color, style), sign);
    cli_visible_text(text, writer->out);
    rt_buffer_printf(writer->out, "%s\n", cli_style_end(writer->color, style));
}

static void differ(struct writer *writer, const char *what, struct rt_text expected,
                   struct rt_text got)
{
    writer->differences++;
    if (!writer->headed) {
        rt_buffer_printf(writer->out, "      alert %zu of %zu, expected in line %u\n",
                         writer->index + 1, writer->result->record_count,
                         writer->test->expects[writer->index].line);
        writer->headed = true;
    }
    rt_buffer_printf(writer->out, "        %s\n", what);
    add_signed(writer, '-', expected);
    add_signed(writer, '+', got);
}

static void compare_text(struct writer *writer, const char *what, const char *expected,
                         struct rt_text got)
{
    if (expected != NULL && !rt_text_is(got, expected))
        differ(writer, what, rt_text_of(expected), got);
}

/* A value as a person would write it: strings without quotes. */
static struct rt_text value_words(struct rt_value value, struct rt_arena *arena)
{
    struct rt_buffer json;
    const char *copy;
    size_t length;

    if (value.type == RT_STRING)
        return rt_value_text(value);
    if (value.type == RT_ABSENT)
        return RT_TEXT("(absent)");
    rt_buffer_init(&json, RT_RECORD_BYTES_MAX);
    rt_value_json(value, &json);
    length = json.length;
    copy = rt_arena_text(arena, json.data == NULL ? "" : json.data, length);
    rt_buffer_done(&json);
    return copy == NULL ? RT_TEXT("?") : (struct rt_text){copy, length};
}

static struct rt_value map_get(struct rt_value map, struct rt_value key)
{
    for (uint32_t i = 0; map.type == RT_MAP && i < map.length; i++) {
        if (expr_value_equal(map.u.entries[i].key, key))
            return map.u.entries[i].value;
    }
    return (struct rt_value){.type = RT_ABSENT};
}

/* Only what is named has to be equal. */
static void compare_map(struct writer *writer, const char *part, struct rt_value expected,
                        struct rt_value got)
{
    struct rt_arena *arena = &writer->compare->scratch;

    for (uint32_t i = 0; expected.type == RT_MAP && i < expected.length; i++) {
        const struct rt_map_entry *entry = &expected.u.entries[i];
        struct rt_value value = map_get(got, entry->key);
        struct rt_text name = rt_value_text(entry->key);
        const char *what;

        if (value.type != RT_ABSENT && expr_value_equal(value, entry->value))
            continue;
        what = rt_arena_printf(arena, "%s.%.*s", part, (int)name.length, name.data);
        differ(writer, what == NULL ? part : what, value_words(entry->value, arena),
               value_words(value, arena));
    }
}

/* ---- what matched ---- */

struct taken {
    struct rt_text step;
    int64_t time_ms; /* of the event */
    int64_t offset;
    struct rt_value data;
};

#define TIME_UNKNOWN INT64_MIN

/* In the order of processing. */
static int by_time(const void *a, const void *b)
{
    const struct taken *left = a, *right = b;

    if (left->time_ms != right->time_ms)
        return left->time_ms < right->time_ms ? -1 : 1;
    return (left->offset > right->offset) - (left->offset < right->offset);
}

/* The event time of an event of a test, which is written by the runner. */
static int64_t taken_time_ms(struct rt_value data)
{
    struct rt_value time =
        map_get(data, rt_string(CLI_TEST_TIME_FIELD, sizeof(CLI_TEST_TIME_FIELD) - 1));
    int64_t seconds;
    uint32_t nanos;

    if (time.type != RT_STRING || !rt_rfc3339_parse(rt_value_text(time), &seconds, &nanos))
        return TIME_UNKNOWN;
    return seconds * 1000 + nanos / 1000000;
}

static size_t collect_taken(struct rt_value events, struct taken *out, size_t max)
{
    struct rt_value offset = rt_string("offset", 6), data = rt_string("data", 4);
    size_t count = 0;

    for (uint32_t i = 0; events.type == RT_MAP && i < events.length; i++) {
        struct rt_value list = events.u.entries[i].value;

        for (uint32_t k = 0; list.type == RT_LIST && k < list.length && count < max; k++)
            out[count++] = (struct taken){
                .step = rt_value_text(events.u.entries[i].key),
                .time_ms = taken_time_ms(map_get(list.u.items[k], data)),
                .offset = map_get(list.u.items[k], offset).u.integer,
                .data = map_get(list.u.items[k], data),
            };
    }
    return count;
}

static size_t count_taken(struct rt_value events)
{
    size_t count = 0;

    for (uint32_t i = 0; events.type == RT_MAP && i < events.length; i++)
        count += events.u.entries[i].value.length;
    return count;
}

static void add_taken(struct writer *writer, const struct taken *taken)
{
    struct rt_value time_name = rt_string(CLI_TEST_TIME_FIELD, sizeof(CLI_TEST_TIME_FIELD) - 1);
    struct rt_buffer *out = writer->out;
    size_t column = out->length;

    rt_buffer_string(out, "        ");
    if (taken->time_ms != TIME_UNKNOWN)
        add_since_start((rt_time){taken->time_ms}, out);
    while (out->length < column + 16 && !out->failed)
        rt_buffer_char(out, ' ');
    rt_buffer_printf(out, "  %-10.*s", (int)taken->step.length, taken->step.data);
    for (uint32_t i = 0; taken->data.type == RT_MAP && i < taken->data.length; i++) {
        const struct rt_map_entry *entry = &taken->data.u.entries[i];

        if (expr_value_equal(entry->key, time_name))
            continue;
        rt_buffer_string(out, "  ");
        cli_visible_text(rt_value_text(entry->key), out);
        rt_buffer_char(out, ' ');
        cli_visible_text(value_words(entry->value, &writer->compare->scratch), out);
    }
    rt_buffer_char(out, '\n');
}

static void add_what_matched(struct writer *writer, struct rt_value events)
{
    size_t count = count_taken(events);
    struct taken *taken = rt_arena_array(&writer->compare->scratch, count + 1, sizeof(*taken));

    if (taken == NULL || count == 0)
        return;
    count = collect_taken(events, taken, count);
    qsort(taken, count, sizeof(*taken), by_time);
    rt_buffer_string(writer->out, "      what matched:\n");
    for (size_t i = 0; i < count && i < MATCHED_SHOWN_MAX; i++)
        add_taken(writer, &taken[i]);
    if (count > MATCHED_SHOWN_MAX)
        rt_buffer_printf(writer->out, "        ... and %zu more\n", count - MATCHED_SHOWN_MAX);
}

/* ---- one alert ---- */

static enum rt_status decode(struct cli_test_compare *compare, struct rt_text json,
                             struct rt_value out[PART_COUNT])
{
    struct rt_value slots[PART_COUNT];
    enum rt_reject reject;
    const char *detail;
    enum rt_status status =
        compare->codec->decode(compare->codec, json, &compare->scratch, slots, &reject, &detail);

    for (int i = 0; i < PART_COUNT && status == RT_OK; i++)
        out[i] = slots[compare->slots[i]];
    return status;
}

/* `{"tags":[...],"key":{...},"fields":{...}}` of what is expected. */
static enum rt_status decode_expected(struct cli_test_compare *compare,
                                      const struct rule_test_expect *expect,
                                      struct rt_value out[PART_COUNT])
{
    const char *tags = expect->tags_json == NULL ? "null" : expect->tags_json;
    const char *key = expect->key_json == NULL ? "{}" : expect->key_json;
    const char *fields = expect->fields_json == NULL ? "{}" : expect->fields_json;
    size_t length =
        strlen(tags) + strlen(key) + strlen(fields) + sizeof("{\"tags\":,\"key\":,\"fields\":}");
    char *text = rt_arena_alloc(&compare->scratch, length + RT_RECORD_PADDING);
    struct rt_buffer json;
    enum rt_status status;

    if (text == NULL)
        return RT_ERR_NOMEM;
    rt_buffer_init(&json, length + 1);
    rt_buffer_printf(&json, "{\"tags\":%s,\"key\":%s,\"fields\":%s}", tags, key, fields);
    status = json.failed ? RT_ERR_NOMEM : RT_OK;
    if (status == RT_OK) {
        memcpy(text, json.data, json.length);
        status = decode(compare, (struct rt_text){text, json.length}, out);
    }
    rt_buffer_done(&json);
    return status;
}

static void compare_time(struct writer *writer, const struct rule_test_expect *expect,
                         rt_time got_time)
{
    struct rt_buffer expected, got;

    if (!expect->has_at || expect->at.ms == got_time.ms)
        return;
    rt_buffer_init(&expected, 64);
    rt_buffer_init(&got, 64);
    add_since_start(expect->at, &expected);
    add_since_start(got_time, &got);
    differ(writer, "at", rt_buffer_view(&expected), rt_buffer_view(&got));
    rt_buffer_done(&expected);
    rt_buffer_done(&got);
}

static enum rt_status compare_one(struct writer *writer, const struct rule_test_expect *expect,
                                  const struct cli_test_record *record)
{
    struct rt_value expected[PART_COUNT], got[PART_COUNT];
    enum rt_status status = decode_expected(writer->compare, expect, expected);

    if (status == RT_OK)
        status = decode(writer->compare, record->record, got);
    if (status != RT_OK)
        return status;
    writer->headed = false;
    compare_time(writer, expect, record->time);
    compare_text(writer, "output", rule_output_name(expect->output), rt_text_of(record->output));
    compare_text(writer, "rule", expect->rule, rt_text_of(record->rule_id));
    compare_text(writer, "severity", expect->severity, rt_text_of(record->severity));
    compare_text(writer, "title", expect->title,
                 got[PART_TITLE].type == RT_STRING ? rt_value_text(got[PART_TITLE])
                                                   : RT_TEXT("(none)"));
    compare_text(writer, "message", expect->message, record->message);
    compare_text(writer, "sink", expect->sinks,
                 record->sinks[0] == '\0' ? RT_TEXT("(the default)") : rt_text_of(record->sinks));
    if (expect->tags_json != NULL && !expr_value_equal(expected[PART_TAGS], got[PART_TAGS]))
        differ(writer, "tags", value_words(expected[PART_TAGS], &writer->compare->scratch),
               value_words(got[PART_TAGS], &writer->compare->scratch));
    compare_map(writer, "key", expected[PART_KEY], got[PART_KEY]);
    compare_map(writer, "fields", expected[PART_FIELDS], got[PART_FIELDS]);
    if (writer->headed)
        add_what_matched(writer, got[PART_EVENTS]);
    rt_arena_reset(&writer->compare->scratch);
    return RT_OK;
}

/* ---- the lists ---- */

static void list_expected(struct writer *writer)
{
    struct rt_buffer line;

    rt_buffer_init(&line, RT_RECORD_BYTES_MAX);
    for (uint32_t i = 0; i < writer->test->expect_count; i++) {
        const struct rule_test_expect *expect = &writer->test->expects[i];

        rt_buffer_reset(&line);
        rt_buffer_string(&line, rule_output_name(expect->output));
        if (expect->has_at) {
            rt_buffer_string(&line, " at ");
            add_since_start(expect->at, &line);
        }
        if (expect->message != NULL)
            rt_buffer_printf(&line, ": %s", expect->message);
        add_signed(writer, '-', rt_buffer_view(&line));
    }
    rt_buffer_done(&line);
}

static enum rt_status list_got(struct writer *writer)
{
    enum rt_status status = RT_OK;
    struct rt_buffer line;

    rt_buffer_init(&line, RT_RECORD_BYTES_MAX);
    for (const struct cli_test_record *record = writer->result->records;
         record != NULL && status == RT_OK; record = record->next) {
        struct rt_value got[PART_COUNT];

        rt_buffer_reset(&line);
        rt_buffer_printf(&line, "%s at ", record->output);
        add_since_start(record->time, &line);
        rt_buffer_string(&line, ": ");
        rt_buffer_text(&line, record->message);
        add_signed(writer, '+', rt_buffer_view(&line));
        status = decode(writer->compare, record->record, got);
        if (status == RT_OK)
            add_what_matched(writer, got[PART_EVENTS]);
        rt_arena_reset(&writer->compare->scratch);
    }
    rt_buffer_done(&line);
    return status;
}

/* A condition that ended in an error is no match, and may be why the alert is missing. */
static void list_errors(struct writer *writer)
{
    struct rt_text rest = rt_buffer_view(&writer->result->errors);

    if (rest.length > 0)
        rt_buffer_string(writer->out,
                         "      conditions that ended in an error, which is no match:\n");
    while (rest.length > 0) {
        const char *end = memchr(rest.data, '\n', rest.length);
        size_t length = (size_t)(end - rest.data) + 1;

        rt_buffer_string(writer->out, "        ");
        rt_buffer_add(writer->out, rest.data, length);
        rest = (struct rt_text){rest.data + length, rest.length - length};
    }
}

enum rt_status cli_test_compare(struct cli_test_compare *compare, const struct rule_test *test,
                                const struct cli_test_result *result, bool color,
                                struct rt_buffer *out, bool *same)
{
    struct writer writer = {
        .compare = compare, .test = test, .result = result, .out = out, .color = color};
    const struct cli_test_record *record = result->records;
    enum rt_status status = RT_OK;

    if (result->record_count != test->expect_count) {
        rt_buffer_printf(out, "      expected %u alert%s, got %zu\n", test->expect_count,
                         test->expect_count == 1 ? "" : "s", result->record_count);
        list_expected(&writer);
        *same = false;
        status = list_got(&writer);
        list_errors(&writer);
        return status;
    }
    for (; record != NULL && status == RT_OK; record = record->next) {
        status = compare_one(&writer, &test->expects[writer.index], record);
        writer.index++;
    }
    *same = writer.differences == 0;
    if (!*same)
        list_errors(&writer);
    return status;
}
