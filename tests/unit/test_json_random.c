/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON codec against another reader of JSON, on random documents, whole and damaged. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/alloc.h"
#include "runtime/event/codec.h"
#include "tests/support/seeded.h"
#include "tests/support/unit.h"

enum { DOCUMENTS = 20000, DOCUMENT_BYTES_MAX = 1 << 16, DEPTH_MAX = 6, SCRATCH_BYTES = 64 << 20 };

static const char *const names[] = {"a", "b", "c", "d", "", "a long name of a member", "e", "f"};

/* ---- random documents ---- */

static void add_space(struct seeded *seeded, struct rt_buffer *out)
{
    while (seeded_below(seeded, 6) == 0)
        rt_buffer_char(out, " \t\r\n"[seeded_below(seeded, 4)]);
}

static void add_string(struct seeded *seeded, struct rt_buffer *out)
{
    static const char *const pieces[] = {
        "x",
        "hello world",
        "\\n",
        "\\\"",
        "\\\\",
        "\\/",
        "\\u0041",
        "\\u00e9",
        "\\ud83d\\ude00",
        "\xC3\xA9",
        "\xE2\x82\xAC",
        "\xF0\x9F\x98\x80",
        "{\"a\":1}",
        "[,]",
        "\\u0000",
        "0123456789abcdef0123456789abcdef",
        "\x7F",
        "\\b\\f\\r\\t",
    };

    rt_buffer_char(out, '"');
    for (uint32_t left = seeded_below(seeded, 5); left > 0; left--)
        rt_buffer_string(out, pieces[seeded_below(seeded, COUNT_OF(pieces))]);
    rt_buffer_char(out, '"');
}

static void add_number(struct seeded *seeded, struct rt_buffer *out)
{
    static const char *const special[] = {
        "0",   "-0",   "9223372036854775807", "-9223372036854775808", "1e308", "4.9e-324", "1e-400",
        "0.0", "1E+5", "123456789012345678.5"};
    uint32_t digits = 1 + seeded_below(seeded, 18);

    if (seeded_below(seeded, 4) == 0) {
        rt_buffer_string(out, special[seeded_below(seeded, COUNT_OF(special))]);
        return;
    }
    if (seeded_below(seeded, 3) == 0)
        rt_buffer_char(out, '-');
    rt_buffer_char(out, (char)('1' + seeded_below(seeded, 9)));
    while (--digits > 0)
        rt_buffer_char(out, (char)('0' + seeded_below(seeded, 10)));
    if (seeded_below(seeded, 2) == 0) {
        rt_buffer_char(out, '.');
        for (digits = 1 + seeded_below(seeded, 20); digits > 0; digits--)
            rt_buffer_char(out, (char)('0' + seeded_below(seeded, 10)));
    }
    if (seeded_below(seeded, 4) == 0)
        rt_buffer_printf(out, "e%d", (int)seeded_below(seeded, 500) - 250);
}

static void add_value(struct seeded *seeded, struct rt_buffer *out, unsigned depth);

// NOLINTNEXTLINE(misc-no-recursion): to DEPTH_MAX
static void add_object(struct seeded *seeded, struct rt_buffer *out, unsigned depth)
{
    uint32_t first = seeded_below(seeded, COUNT_OF(names)),
             count = seeded_below(seeded, COUNT_OF(names) + 1);

    rt_buffer_char(out, '{');
    for (uint32_t i = 0; i < count; i++) {
        add_space(seeded, out);
        rt_buffer_string(out, i > 0 ? "," : "");
        add_space(seeded, out);
        rt_buffer_printf(out, "\"%s\"", names[(first + i) % COUNT_OF(names)]);
        add_space(seeded, out);
        rt_buffer_char(out, ':');
        add_space(seeded, out);
        add_value(seeded, out, depth + 1);
    }
    add_space(seeded, out);
    rt_buffer_char(out, '}');
}

// NOLINTNEXTLINE(misc-no-recursion): to DEPTH_MAX
static void add_array(struct seeded *seeded, struct rt_buffer *out, unsigned depth)
{
    uint32_t count = seeded_below(seeded, 5);

    rt_buffer_char(out, '[');
    for (uint32_t i = 0; i < count; i++) {
        rt_buffer_string(out, i > 0 ? "," : "");
        add_space(seeded, out);
        add_value(seeded, out, depth + 1);
        add_space(seeded, out);
    }
    rt_buffer_char(out, ']');
}

// NOLINTNEXTLINE(misc-no-recursion): to DEPTH_MAX
static void add_value(struct seeded *seeded, struct rt_buffer *out, unsigned depth)
{
    static const char *const words[] = {"true", "false", "null"};
    uint32_t kind = seeded_below(seeded, depth < DEPTH_MAX ? 8 : 5);

    if (kind < 2)
        add_string(seeded, out);
    else if (kind < 4)
        add_number(seeded, out);
    else if (kind == 4)
        rt_buffer_string(out, words[seeded_below(seeded, 3)]);
    else if (kind == 5)
        add_array(seeded, out, depth);
    else
        add_object(seeded, out, depth);
}

/* A few bytes changed, taken out or put in: mostly bytes that mean something in JSON. */
static void damage(struct seeded *seeded, struct rt_buffer *text)
{
    static const char bytes[] = "{}[]:,\"\\ \t0123456789.-+eEtrufalsn\x00\x01\x0C\x1A\x80\xC3\xFF";

    for (uint32_t left = 1 + seeded_below(seeded, 3); left > 0 && text->length > 1; left--) {
        size_t at = seeded_below(seeded, (uint32_t)text->length);
        char byte = bytes[seeded_below(seeded, sizeof(bytes) - 1)];

        switch (seeded_below(seeded, 4)) {
        case 0:
            text->data[at] = byte;
            break;
        case 1:
            memmove(text->data + at, text->data + at + 1, text->length - at - 1);
            text->length--;
            break;
        case 2:
            rt_buffer_char(text, ' ');
            memmove(text->data + at + 1, text->data + at, text->length - at - 1);
            text->data[at] = byte;
            break;
        default:
            if (seeded_below(seeded, 4) == 0)
                text->length = at;
            break;
        }
    }
}

/* ---- comparison ---- */

static bool same(struct rt_value value, const json_t *json);

// NOLINTNEXTLINE(misc-no-recursion): to DEPTH_MAX
static bool same_map(struct rt_value value, const json_t *json)
{
    if (json_object_size(json) != value.length)
        return false;
    for (uint32_t i = 0; i < value.length; i++) {
        struct rt_text key = rt_value_text(value.u.entries[i].key);
        char *name = rt_alloc_text(key.data, key.length);
        const json_t *member = json_object_get(json, name);

        rt_free(name);
        if (member == NULL || !same(value.u.entries[i].value, member))
            return false;
    }
    return true;
}

// NOLINTNEXTLINE(misc-no-recursion): to DEPTH_MAX
static bool same(struct rt_value value, const json_t *json)
{
    switch (value.type) {
    case RT_NULL:
        return json_is_null(json);
    case RT_BOOL:
        return json_is_boolean(json) && json_is_true(json) == value.u.boolean;
    case RT_INT:
        return json_is_integer(json) && json_integer_value(json) == value.u.integer;
    case RT_DOUBLE:
        return json_is_real(json) && json_real_value(json) == value.u.real;
    case RT_STRING:
        return json_is_string(json) && json_string_length(json) == value.length &&
               memcmp(json_string_value(json), value.u.text, value.length) == 0;
    case RT_LIST:
        if (!json_is_array(json) || json_array_size(json) != value.length)
            return false;
        for (uint32_t i = 0; i < value.length; i++)
            if (!same(value.u.items[i], json_array_get(json, i)))
                return false;
        return true;
    case RT_MAP:
        return json_is_object(json) && same_map(value, json);
    default:
        return false;
    }
}

/* A decoder of some fields: paths[i] is a list of names that ends in NULL. */
enum { PATHS_MAX = 6, PATH_DEPTH_MAX = 3 };

struct decoder {
    const char *paths[PATHS_MAX][PATH_DEPTH_MAX + 1];
    size_t path_count;
    struct rt_fields *fields;
    struct rt_codec *codec;
    struct rt_arena scratch;
    enum rt_reject reject;
    struct rt_value slots[PATHS_MAX];
};

static void open_decoder(struct decoder *decoder)
{
    rt_arena_init(&decoder->scratch, SCRATCH_BYTES);
    assert_int_equal(rt_fields_new(&decoder->fields), RT_OK);
    for (size_t i = 0; i < decoder->path_count; i++) {
        struct rt_text path[PATH_DEPTH_MAX];
        rt_field_id id;
        size_t depth = 0;

        for (; decoder->paths[i][depth] != NULL; depth++)
            path[depth] = rt_text_of(decoder->paths[i][depth]);
        assert_int_equal(rt_fields_add(decoder->fields, path, depth, true, &id), RT_OK);
    }
    rt_fields_seal(decoder->fields);
    assert_int_equal(rt_codec_json_new(decoder->fields, &decoder->codec), RT_OK);
}

static void close_decoder(struct decoder *decoder)
{
    decoder->codec->free(decoder->codec);
    rt_fields_free(decoder->fields);
    rt_arena_done(&decoder->scratch);
}

static bool decode(struct decoder *decoder, const char *record, size_t length)
{
    const char *detail;

    decoder->reject = RT_REJECT_NONE;
    rt_arena_reset(&decoder->scratch);

    enum rt_status status =
        decoder->codec->decode(decoder->codec, (struct rt_text){record, length}, &decoder->scratch,
                               decoder->slots, &decoder->reject, &detail);

    assert_true(status == RT_OK || status == RT_ERR_DATA);
    return status == RT_OK;
}

static bool slots_agree(const struct decoder *decoder, const json_t *root)
{
    for (size_t i = 0; i < decoder->path_count; i++) {
        const json_t *at = root;

        for (size_t k = 0; at != NULL && decoder->paths[i][k] != NULL; k++)
            at = json_object_get(at, decoder->paths[i][k]);
        if (at == NULL ? decoder->slots[i].type != RT_ABSENT : !same(decoder->slots[i], at))
            return false;
    }
    return true;
}

/* What the other reader cannot take, though it may be JSON; and what is an error only where a rule looks. */
static bool not_comparable(const json_error_t *error)
{
    enum json_error_code code = json_error_code(error);

    return code == json_error_numeric_overflow || code == json_error_null_byte_in_key;
}

static bool agrees(struct decoder *decoder, bool whole, const struct rt_buffer *text)
{
    json_error_t error;
    json_t *root = json_loadb(text->data, text->length,
                              JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY, &error);
    char *record = rt_alloc_zeroed(1, text->length + RT_RECORD_PADDING);
    bool good;

    memcpy(record, text->data, text->length);
    memset(record + text->length, '1', RT_RECORD_PADDING);

    bool accepted = decode(decoder, record, text->length);

    if (root == NULL && not_comparable(&error))
        good = true;
    else if (root == NULL)
        good = !accepted || (!whole && json_error_code(&error) == json_error_duplicate_key);
    else if (!json_is_object(root))
        good = !accepted && decoder->reject == RT_REJECT_NOT_OBJECT;
    else
        good = accepted && slots_agree(decoder, root);
    if (!good)
        print_error("accepted %d (%s), the other reader: %s\n%.*s\n", accepted,
                    rt_reject_name(decoder->reject), root == NULL ? error.text : "fine",
                    (int)text->length, text->data);
    json_decref(root);
    rt_free(record);
    return good;
}

static void both_readers_agree_on_random_documents(void **state)
{
    struct decoder whole = {
        .paths = {{NULL}, {"a"}, {"a", "b"}, {"b", "a", "c"}, {"c", "d"}, {names[5]}},
        .path_count = 6};
    struct decoder some = {
        .paths = {{"a", "b"}, {"c"}, {"b", "a", "c"}, {"d", names[5]}, {"c", "a"}},
        .path_count = 5};
    struct seeded seeded = seeded_from(20260101);
    struct rt_buffer text;

    (void)state;
    open_decoder(&whole);
    open_decoder(&some);
    rt_buffer_init(&text, DOCUMENT_BYTES_MAX);
    for (int i = 0; i < DOCUMENTS; i++) {
        rt_buffer_reset(&text);
        if (seeded_below(&seeded, 20) == 0)
            add_value(&seeded, &text, 0);
        else
            add_object(&seeded, &text, 0);
        add_space(&seeded, &text);
        assert_false(text.failed);
        if (i % 2 == 1)
            damage(&seeded, &text);
        assert_true(agrees(&whole, true, &text));
        assert_true(agrees(&some, false, &text));
    }
    rt_buffer_done(&text);
    close_decoder(&whole);
    close_decoder(&some);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_readers_agree_on_random_documents),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
