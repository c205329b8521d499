/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON codec: what becomes of a record, and which records are none. */
#include <stdio.h>

#include "runtime/base/alloc.h"
#include "runtime/event/codec.h"
#include "tests/support/unit.h"

enum { SCRATCH_BYTES = 64 << 20 };

/* A codec, its fields and memory for one record. */
struct fixture {
    struct rt_fields *fields;
    struct rt_codec *codec;
    struct rt_arena scratch;
    struct rt_value slots[64];
    struct rt_buffer shown;
    char *record; /* padded with what would continue a scalar */
    enum rt_reject reject;
    const char *detail;
};

/* Splits "geo.lat ip *" at blanks and dots; "*" is the whole event. */
static enum rt_status add_fields(struct rt_fields *fields, const char *paths)
{
    while (*paths != '\0') {
        size_t length = strcspn(paths, " "), depth = 0;
        const char *at = paths, *end = paths + length;
        struct rt_text names[RT_FIELD_DEPTH_MAX];
        rt_field_id id;

        while (at < end && *paths != '*') {
            size_t part = strcspn(at, ". ");

            names[depth++] = (struct rt_text){at, part};
            at += part + 1;
        }

        enum rt_status status = rt_fields_add(fields, names, depth, true, &id);

        if (status != RT_OK)
            return status;
        paths = end + (*end == ' ');
    }
    return RT_OK;
}

static void close_fixture(struct fixture *f)
{
    if (f->codec != NULL)
        f->codec->free(f->codec);
    rt_fields_free(f->fields);
    rt_arena_done(&f->scratch);
    rt_buffer_done(&f->shown);
    rt_free(f->record);
}

static enum rt_status open_fixture(struct fixture *f, const char *paths)
{
    *f = (struct fixture){0};
    rt_arena_init(&f->scratch, SCRATCH_BYTES);
    rt_buffer_init(&f->shown, 1 << 20);

    enum rt_status status = rt_fields_new(&f->fields);

    if (status == RT_OK)
        status = add_fields(f->fields, paths);
    if (status == RT_OK) {
        rt_fields_seal(f->fields);
        status = rt_codec_json_new(f->fields, &f->codec);
    }
    if (status != RT_OK)
        close_fixture(f);
    return status;
}

static enum rt_status decode(struct fixture *f, const char *text, size_t length)
{
    static const char padding[] =
        "0123456789]}]}]}\"\"truefalsenull0123456789,:,:{}[]1234567890123456789012345";

    _Static_assert(sizeof(padding) - 1 >= RT_RECORD_PADDING, "the padding misleads all the way");
    rt_free(f->record);
    f->record = rt_alloc(length + RT_RECORD_PADDING);
    if (f->record == NULL)
        return RT_ERR_NOMEM;
    memcpy(f->record, text, length);
    memcpy(f->record + length, padding, RT_RECORD_PADDING);
    f->reject = RT_REJECT_NONE;
    f->detail = NULL;
    rt_arena_reset(&f->scratch);
    return f->codec->decode(f->codec, (struct rt_text){f->record, length}, &f->scratch, f->slots,
                            &f->reject, &f->detail);
}

/* Values by type and content: i1 d0.5 s<text> [..] {k:v} T F null -. */
// NOLINTNEXTLINE(misc-no-recursion): as deep as a record may be
static void show(struct rt_buffer *out, struct rt_value value)
{
    switch (value.type) {
    case RT_ABSENT:
        rt_buffer_char(out, '-');
        break;
    case RT_NULL:
        rt_buffer_string(out, "null");
        break;
    case RT_BOOL:
        rt_buffer_char(out, value.u.boolean ? 'T' : 'F');
        break;
    case RT_INT:
        rt_buffer_char(out, 'i');
        rt_buffer_int(out, value.u.integer);
        break;
    case RT_DOUBLE:
        rt_buffer_printf(out, "d%.17g", value.u.real);
        break;
    case RT_STRING:
        rt_buffer_char(out, '<');
        rt_buffer_text(out, rt_value_text(value));
        rt_buffer_char(out, '>');
        break;
    case RT_LIST:
        rt_buffer_char(out, '[');
        for (uint32_t i = 0; i < value.length; i++) {
            rt_buffer_string(out, i > 0 ? "," : "");
            show(out, value.u.items[i]);
        }
        rt_buffer_char(out, ']');
        break;
    case RT_MAP:
        rt_buffer_char(out, '{');
        for (uint32_t i = 0; i < value.length; i++) {
            rt_buffer_string(out, i > 0 ? "," : "");
            show(out, value.u.entries[i].key);
            rt_buffer_char(out, ':');
            show(out, value.u.entries[i].value);
        }
        rt_buffer_char(out, '}');
        break;
    default:
        fail();
    }
}

static const char *shown(struct fixture *f)
{
    rt_buffer_reset(&f->shown);
    for (rt_slot slot = 0; slot < rt_fields_count(f->fields); slot++) {
        rt_buffer_string(&f->shown, slot > 0 ? " " : "");
        show(&f->shown, f->slots[slot]);
    }
    rt_buffer_add(&f->shown, "", 0);
    return f->shown.data;
}

static const struct {
    const char *fields, *record, *slots;
} good[] = {
    {"a", "{}", "-"},
    {"a b", "{\"b\":1,\"a\":2}", "i2 i1"},
    {"a", " \t{ \"a\" : true , \"b\" : [ ] } \r", "T"},
    {"a b c", "{\"a\":true,\"b\":false,\"c\":null}", "T F null"},
    {"a", "{\"b\":{\"a\":1},\"c\":[{\"a\":2}]}", "-"},
    {"a", "{\"aa\":1,\"A\":2,\"\":3}", "-"},
    {"abcdefgh abcdefghi", "{\"abcdefghi\":1,\"abcdefgh\":2}", "i2 i1"},
    {"abcdefghijklmnop abcdefghijklmnopq abcdefghXijklmnopq",
     "{\"abcdefghXijklmnopq\":1,\"abcdefghYijklmnopq\":9,\"abcdefghijklmnopq\":2,"
     "\"abcdefghijklmnop\":3}",
     "i3 i2 i1"},
    /* numbers */
    {"a b", "{\"a\":0,\"b\":-0}", "i0 i0"},
    {"a b", "{\"a\":9223372036854775807,\"b\":-9223372036854775808}",
     "i9223372036854775807 i-9223372036854775808"},
    {"a b", "{\"a\":9223372036854775808,\"b\":-9223372036854775809}",
     "d9.2233720368547758e+18 d-9.2233720368547758e+18"},
    {"a b", "{\"a\":18446744073709551617,\"b\":100000000000000000000000}",
     "d1.8446744073709552e+19 d9.9999999999999992e+22"},
    {"a b c", "{\"a\":1.0,\"b\":1e0,\"c\":-0.0}", "d1 d1 d-0"},
    {"a b c", "{\"a\":0.1,\"b\":1E+2,\"c\":12.5e-3}",
     "d0.10000000000000001 d100 d0.012500000000000001"},
    {"a b", "{\"a\":1e-400,\"b\":-0.0000001e-330}", "d0 d-0"},
    {"a b", "{\"a\":5e-324,\"b\":1.7976931348623157e308}",
     "d4.9406564584124654e-324 d1.7976931348623157e+308"},
    {"a", "{\"a\":0.1000000000000000055511151231257827021181583404541015625}",
     "d0.10000000000000001"},
    {"a", "{\"a\":9007199254740993.0}", "d9007199254740992"},
    {"a", "{\"b\":1e400,\"a\":1}", "i1"}, /* nobody reads b */
    /* strings */
    {"a b", "{\"a\":\"\",\"b\":\"x y\"}", "<> <x y>"},
    {"a", "{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}", "<\"\\/\b\f\n\r\t>"},
    {"a", "{\"a\":\"\\u0041\\u00e9\\u20AC\\ud83d\\ude00\"}",
     "<A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80>"},
    {"a", "{\"a\":\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"}",
     "<\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80>"},
    {"a", "{\"a\":\"\\\\\\\\\"}", "<\\\\>"},
    {"ab", "{\"\\u0061b\":1}", "i1"},
    {"a\"b", "{\"a\\\"b\":1}", "i1"},
    {"abcdefghij", "{\"\\u0061bcdefghij\":1}", "i1"},
    /* nested fields */
    {"geo.lat geo.lon", "{\"geo\":{\"lon\":2,\"x\":{},\"lat\":1}}", "i1 i2"},
    {"geo.lat", "{\"geo\":7}", "-"},
    {"geo.lat", "{\"geo\":[{\"lat\":1}]}", "-"},
    {"geo.lat", "{\"lat\":3,\"geo\":{}}", "-"},
    {"a.b.c a.b.d a.c", "{\"a\":{\"c\":3,\"b\":{\"d\":2,\"c\":1}}}", "i1 i2 i3"},
    {"geo geo.lat", "{\"geo\":{\"lat\":1,\"x\":[2,{\"y\":null}]}}",
     "{<lat>:i1,<x>:[i2,{<y>:null}]} i1"},
    {"geo geo.lat", "{\"geo\":\"none\"}", "<none> -"},
    {"geo geo.a.b geo.a", "{\"geo\":{\"a\":{\"b\":1}}}", "{<a>:{<b>:i1}} i1 {<b>:i1}"},
    {"* a a.b", "{\"a\":{\"b\":1},\"c\":[]}", "{<a>:{<b>:i1},<c>:[]} {<b>:i1} i1"},
    {"*", "{}", "{}"},
    {"a", "{\"a\":[]}", "[]"},
    {"a", "{\"a\":{}}", "{}"},
    {"a", "{\"a\":[1,2.5,\"x\",[true,[]],{\"k\":\"\\n\"}]}", "[i1,d2.5,<x>,[T,[]],{<k>:<\n>}]"},
    /* names nobody reads may repeat */
    {"a", "{\"b\":1,\"b\":2,\"c\":{\"a\":1,\"a\":2},\"a\":3}", "i3"},
    {"geo.lat", "{\"geo\":{\"x\":1,\"x\":1}}", "-"},
};

static void a_record_fills_the_slots_of_its_fields(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        struct fixture f;

        assert_int_equal(open_fixture(&f, good[i].fields), RT_OK);
        for (int round = 0; round < 2; round++) { /* the second time names are guessed */
            enum rt_status status = decode(&f, good[i].record, strlen(good[i].record));

            if (status != RT_OK)
                print_error("%s: %s\n", good[i].record, f.detail);
            assert_int_equal(status, RT_OK);
            assert_string_equal(shown(&f), good[i].slots);
        }
        close_fixture(&f);
    }
}

#define LITERAL(text) text, sizeof(text) - 1

static const struct {
    const char *record;
    size_t length;
    enum rt_reject reject;
} bad[] = {
    {LITERAL(""), RT_REJECT_BAD_JSON},
    {LITERAL(" \t"), RT_REJECT_BAD_JSON},
    {LITERAL("{"), RT_REJECT_BAD_JSON},
    {LITERAL("}"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"a\""), RT_REJECT_BAD_JSON},
    {LITERAL("{\"a\":"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"a\":1"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"a\":1,"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"a\":1,}"), RT_REJECT_BAD_JSON},
    {LITERAL("{,\"a\":1}"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"a\":1,,\"b\":1}"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"a\" 1}"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"a\":}"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"a\"}"), RT_REJECT_BAD_JSON},
    {LITERAL("{a:1}"), RT_REJECT_BAD_JSON},
    {LITERAL("{'a':1}"), RT_REJECT_BAD_JSON},
    {LITERAL("{1:1}"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"a\":1 \"b\":2}"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"a\":1]"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"a\":{\"b\":1}"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"c\":{\"b\":[1}}"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"c\":[1 2]}"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"c\":[1,]}"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"c\":[,1]}"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"c\":[1"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"c\":["), RT_REJECT_BAD_JSON},
    {LITERAL("{\"c\":[1,"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"a\":1}{"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"a\":1} x"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"a\":1}{\"a\":2}"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"a\":1},"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"a\":1}}"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"a\":\"x\"y}"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"a\"b:1}"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"a\":\"x}"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"a\":\"x\ty\"}"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"c\":\"\\q\"}"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"a\":\"\\u12G4\"}"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"a\":\"\\u12\"}"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"\\x\":1}"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"c\":{\"\\x\":1}}"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"a\\\":1}"), RT_REJECT_BAD_JSON},
    {LITERAL("{\\\"a\":1}"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"a\":1\\}"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"a\":01}"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"a\":-}"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"a\":+1}"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"a\":.5}"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"a\":1.}"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"a\":1e}"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"a\":1e+}"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"a\":1.e1}"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"a\":0x10}"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"a\":1_000}"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"c\":1-}"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"a\":NaN}"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"a\":Infinity}"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"a\":tru}"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"a\":truee}"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"a\":True}"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"c\":nul}"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"c\":fals }"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"c\":n\tull}"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"a\":1}\0"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"a\":1\0}"), RT_REJECT_BAD_JSON},
    {LITERAL("\0{\"a\":1}"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"a\":\"x\0y\"}"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"a\0\":1}"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"a\":1\x0C}"), RT_REJECT_BAD_JSON},
    {LITERAL("{\"a\"\x1A"
             "1}"),
     RT_REJECT_BAD_JSON},
    {LITERAL("{\"a\":1\x0C\"b\":2}"), RT_REJECT_BAD_JSON},
    {LITERAL("tru"), RT_REJECT_BAD_JSON},
    {LITERAL("nul"), RT_REJECT_BAD_JSON},
    {LITERAL("-"), RT_REJECT_BAD_JSON},
    {LITERAL("[1"), RT_REJECT_BAD_JSON},
    {LITERAL("1 2"), RT_REJECT_BAD_JSON},
    {LITERAL("\"a"), RT_REJECT_BAD_JSON},
    {LITERAL("hello"), RT_REJECT_BAD_JSON},
    {LITERAL("# comment"), RT_REJECT_BAD_JSON},
    {LITERAL("[{\"a\":1}]"), RT_REJECT_NOT_OBJECT},
    {LITERAL("[]"), RT_REJECT_NOT_OBJECT},
    {LITERAL("12"), RT_REJECT_NOT_OBJECT},
    {LITERAL(" -1.5e3 "), RT_REJECT_NOT_OBJECT},
    {LITERAL("true"), RT_REJECT_NOT_OBJECT},
    {LITERAL("null"), RT_REJECT_NOT_OBJECT},
    {LITERAL("\"text\""), RT_REJECT_NOT_OBJECT},
    {LITERAL("1e999"), RT_REJECT_NOT_OBJECT},
    {LITERAL("{\"a\":\"\xFF\"}"), RT_REJECT_BAD_UTF8},
    {LITERAL("{\"c\":\"\xC3\"}"), RT_REJECT_BAD_UTF8},
    {LITERAL("{\"c\":\"\xC0\x80\"}"), RT_REJECT_BAD_UTF8},
    {LITERAL("{\"c\":\"\xED\xA0\x80\"}"), RT_REJECT_BAD_UTF8},
    {LITERAL("{\"c\":\"\xF4\x90\x80\x80\"}"), RT_REJECT_BAD_UTF8},
    {LITERAL("{\"\xE2\x82\":1}"), RT_REJECT_BAD_UTF8},
    {LITERAL("{\"a\":\"\xFF"), RT_REJECT_BAD_UTF8},
    {LITERAL("{\"a\":\"\\ud800\"}"), RT_REJECT_BAD_UTF8},
    {LITERAL("{\"c\":\"\\udc00\\ud800\"}"), RT_REJECT_BAD_UTF8},
    {LITERAL("{\"c\":\"\\ud800x\\udc00\"}"), RT_REJECT_BAD_UTF8},
    {LITERAL("{\"a\":1,\"a\":1}"), RT_REJECT_DUPLICATE_FIELD},
    {LITERAL("{\"a\":null,\"\\u0061\":null}"), RT_REJECT_DUPLICATE_FIELD},
    {LITERAL("{\"g\":{\"x\":1,\"x\":2}}"), RT_REJECT_DUPLICATE_FIELD},
    {LITERAL("{\"g\":{\"x\":1},\"g\":{}}"), RT_REJECT_DUPLICATE_FIELD},
    {LITERAL("{\"m\":{\"k\":1,\"l\":2,\"k\":3}}"), RT_REJECT_DUPLICATE_FIELD},
    {LITERAL("{\"m\":[{\"k\":1,\"k\":3}]}"), RT_REJECT_DUPLICATE_FIELD},
    {LITERAL("{\"m\":{\"1\":0,\"2\":0,\"3\":0,\"4\":0,\"5\":0,\"6\":0,\"7\":0,\"8\":0,\"9\":0,"
             "\"3\":0}}"),
     RT_REJECT_DUPLICATE_FIELD},
    {LITERAL("{\"a\":1e400}"), RT_REJECT_BAD_NUMBER},
    {LITERAL("{\"a\":-1e400}"), RT_REJECT_BAD_NUMBER},
    {LITERAL("{\"m\":[1e99999999999999999999]}"), RT_REJECT_BAD_NUMBER},
};

static void a_record_that_is_no_event_is_rejected_with_its_reason(void **state)
{
    struct fixture f;

    (void)state;
    assert_int_equal(open_fixture(&f, "a g.x m"), RT_OK);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        enum rt_status status = decode(&f, bad[i].record, bad[i].length);

        if (status != RT_ERR_DATA || f.reject != bad[i].reject)
            print_error("%s: %s\n", bad[i].record, rt_reject_name(f.reject));
        assert_int_equal(status, RT_ERR_DATA);
        assert_int_equal(f.reject, bad[i].reject);
        assert_non_null(f.detail);
        /* the codec is as good as new */
        assert_int_equal(decode(&f, LITERAL("{\"a\":1,\"m\":[2]}")), RT_OK);
        assert_string_equal(shown(&f), "i1 - [i2]");
    }
    close_fixture(&f);
}

/* {"NAME":[[[ ... ]]]} with `depth` levels in all. */
static char *nest(const char *name, size_t depth, size_t *length)
{
    char *text = rt_alloc(2 * depth + 64);
    size_t at = (size_t)snprintf(text, 64, "{\"%s\":", name);

    memset(text + at, '[', depth - 1);
    memset(text + at + depth - 1, ']', depth - 1);
    text[at + 2 * (depth - 1)] = '}';
    *length = at + 2 * (depth - 1) + 1;
    return text;
}

static void a_number_is_too_large_or_just_small_by_its_value(void **state)
{
    static const struct {
        const char *before;
        size_t zeros;
        const char *behind;
        enum rt_reject reject;
        double value;
    } cases[] = {
        {"1", 400, "", RT_REJECT_BAD_NUMBER, 0},
        {"1", 400, "e-5", RT_REJECT_BAD_NUMBER, 0},
        {"1", 400, "e-400", RT_REJECT_NONE, 1},
        {"1", 400, "e-1000", RT_REJECT_NONE, 0},
        {"0.", 400, "1", RT_REJECT_NONE, 0},
        {"0.", 400, "1e+5", RT_REJECT_NONE, 0},
        {"0.", 400, "1e401", RT_REJECT_NONE, 1},
        {"0.", 400, "1e1000", RT_REJECT_BAD_NUMBER, 0},
        {"0.", 400, "e1000", RT_REJECT_NONE, 0},
        {"1", 1000000, "e-1000000", RT_REJECT_NONE, 1},
        {"1", 1000000, "e-2000000", RT_REJECT_NONE, 0},
        {"1", 1, "e-9999999999999999999999", RT_REJECT_NONE, 0},
    };
    struct rt_buffer text;
    struct fixture f;

    (void)state;
    rt_buffer_init(&text, 2 << 20);
    assert_int_equal(open_fixture(&f, "a"), RT_OK);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        rt_buffer_reset(&text);
        rt_buffer_printf(&text, "{\"a\":%s", cases[i].before);
        for (size_t k = 0; k < cases[i].zeros; k++)
            rt_buffer_char(&text, '0');
        rt_buffer_printf(&text, "%s}", cases[i].behind);
        decode(&f, text.data, text.length);
        assert_int_equal(f.reject, cases[i].reject);
        if (f.reject == RT_REJECT_NONE)
            assert_true(f.slots[0].u.real == cases[i].value);
    }
    close_fixture(&f);
    rt_buffer_done(&text);
}

static void depth_sixty_four_is_the_limit(void **state)
{
    static const struct {
        size_t depth;
        enum rt_reject reject;
    } cases[] = {{64, RT_REJECT_NONE}, {65, RT_REJECT_TOO_DEEP}, {10000, RT_REJECT_TOO_DEEP}};
    struct fixture f;

    (void)state;
    assert_int_equal(open_fixture(&f, "a"), RT_OK);
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        for (int named = 0; named < 2; named++) {
            size_t length;
            char *text = nest(named == 1 ? "a" : "b", cases[i].depth, &length);

            decode(&f, text, length);
            assert_int_equal(f.reject, cases[i].reject);
            rt_free(text);
        }
    close_fixture(&f);
}

static void put(char *at, struct rt_text text)
{
    memcpy(at, text.data, text.length);
}

static void a_record_may_be_a_mebibyte_and_no_more(void **state)
{
    enum { MEBIBYTE = 1 << 20 };
    char *text = rt_alloc(MEBIBYTE + 1);
    struct fixture f;

    (void)state;
    assert_int_equal(open_fixture(&f, "a *"), RT_OK);
    memset(text, ' ', MEBIBYTE + 1);
    put(text, RT_TEXT("{\"a\":\""));
    memset(text + 6, 'x', MEBIBYTE - 8);
    put(text + MEBIBYTE - 2, RT_TEXT("\"}"));
    assert_int_equal(decode(&f, text, MEBIBYTE), RT_OK);
    assert_int_equal(f.slots[0].length, MEBIBYTE - 8);
    assert_int_equal(decode(&f, text, MEBIBYTE + 1), RT_ERR_DATA);
    assert_int_equal(f.reject, RT_REJECT_TOO_LARGE);
    /* as many values as fit: the scratch memory stays in proportion */
    for (size_t i = 0; i < MEBIBYTE; i++)
        text[i] = i % 2 == 0 ? '1' : ',';
    put(text, RT_TEXT("{\"a\":["));
    put(text + MEBIBYTE - 3, RT_TEXT("1]}"));
    assert_int_equal(decode(&f, text, MEBIBYTE), RT_OK);
    assert_int_equal(f.slots[0].length, (MEBIBYTE - 8) / 2);
    assert_true(f.scratch.bytes_reserved <= (size_t)16 * MEBIBYTE);
    close_fixture(&f);
    rt_free(text);
}

static void plain_strings_point_into_the_record_and_know_that_they_are_ascii(void **state)
{
    struct fixture f;

    (void)state;
    assert_int_equal(open_fixture(&f, "a b"), RT_OK);
    assert_int_equal(decode(&f, LITERAL("{\"a\":\"plain\",\"b\":\"\\u00e9\"}")), RT_OK);
    assert_ptr_equal(f.slots[0].u.text, f.record + 6);
    assert_int_equal(f.slots[0].flags, RT_FLAG_ASCII);
    assert_int_equal(f.slots[1].flags, 0);
    assert_int_equal(decode(&f, LITERAL("{\"a\":\"\xC3\xA9\",\"b\":\"x\"}")), RT_OK);
    assert_int_equal(f.slots[0].flags, 0);
    close_fixture(&f);
}

static void a_guess_from_another_record_never_misleads(void **state)
{
    static const struct {
        const char *record, *slots;
    } records[] = {
        {"{\"a\":1,\"b\":2,\"g\":{\"x\":3}}", "i1 i2 i3"},
        {"{\"b\":2,\"a\":1,\"g\":{\"x\":3}}", "i1 i2 i3"},
        {"{\"g\":{\"x\":3},\"a\":1}", "i1 - i3"},
        {"{\"g\":{\"a\":3},\"x\":1}", "- - -"},
        {"{\"g\":{\"b\":3,\"a\":0},\"b\":1}", "- i1 -"},
        {"{\"c\":0,\"a\":1,\"b\":2}", "i1 i2 -"},
        {"{\"c\":{\"a\":5},\"b\":2}", "- i2 -"},
        {"{}", "- - -"},
    };
    enum { COUNT = COUNT_OF(records) };
    struct fixture f;

    (void)state;
    assert_int_equal(open_fixture(&f, "a b g.x"), RT_OK);
    for (size_t i = 0; i < (size_t)COUNT * COUNT; i++) {
        size_t pair[] = {i / COUNT, i % COUNT};

        for (size_t k = 0; k < 2; k++) {
            const char *record = records[pair[k]].record;

            assert_int_equal(decode(&f, record, strlen(record)), RT_OK);
            assert_string_equal(shown(&f), records[pair[k]].slots);
        }
    }
    close_fixture(&f);
}

static void many_fields_with_like_names_are_told_apart(void **state)
{
    char paths[64 * 24] = "", record[64 * 32] = "{", name[40];
    struct fixture f;

    (void)state;
    for (int i = 0; i < 64; i++) {
        snprintf(name, sizeof(name), "%sfield_%.*s%d", i > 0 ? " " : "", i % 12, "xxxxxxxxxxxx", i);
        strncat(paths, name, sizeof(paths) - strlen(paths) - 1);
        snprintf(record + strlen(record), sizeof(record) - strlen(record), "%s\"%s\":%d",
                 i > 0 ? "," : "", name + (i > 0), i);
    }
    strncat(record, "}", sizeof(record) - strlen(record) - 1);
    assert_int_equal(open_fixture(&f, paths), RT_OK);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(decode(&f, record, strlen(record)), RT_OK);
        for (int i = 0; i < 64; i++)
            assert_int_equal(f.slots[i].u.integer, i);
    }
    close_fixture(&f);
}

static enum rt_status decode_once(void)
{
    static const char record[] =
        "{\"a\":\"\\n\",\"g\":{\"x\":{\"k\":[1,2,{\"\\u0061\":3}],\"1\":0,\"2\":0,\"3\":0,\"4\":0,"
        "\"5\":0,\"6\":0,\"7\":0,\"8\":0,\"9\":0}}}";
    struct fixture f;
    enum rt_status status = open_fixture(&f, "a g.x g.x.k");

    if (status != RT_OK)
        return status;
    status = decode(&f, record, sizeof(record) - 1);
    if (status == RT_ERR_NOMEM) { /* the same record is fine when there is memory again */
        assert_int_equal(decode(&f, record, sizeof(record) - 1), RT_OK);
        close_fixture(&f);
        return RT_ERR_NOMEM;
    }
    close_fixture(&f);
    return status;
}

static void every_allocation_may_fail(void **state)
{
    size_t before = rt_live_blocks();

    (void)state;
    for (size_t nth = 1;; nth++) {
        rt_fault_arm(nth);
        enum rt_status status = decode_once();
        if (!rt_fault_disarm()) {
            assert_int_equal(status, RT_OK);
            assert_true(nth > 8);
            break;
        }
        assert_int_equal(status, RT_ERR_NOMEM);
        assert_int_equal(rt_live_blocks(), before);
    }
}

static void a_full_scratch_arena_is_out_of_memory(void **state)
{
    struct fixture f;

    (void)state;
    assert_int_equal(open_fixture(&f, "a"), RT_OK);
    f.scratch.bytes_max = 16;
    assert_int_equal(decode(&f, LITERAL("{\"a\":[1]}")), RT_OK);
    assert_int_equal(decode(&f, LITERAL("{\"a\":[1,2]}")), RT_ERR_NOMEM);
    assert_int_equal(decode(&f, LITERAL("{\"a\":\"0123456789012345\\n\"}")), RT_ERR_NOMEM);
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_fills_the_slots_of_its_fields),
        cmocka_unit_test(a_record_that_is_no_event_is_rejected_with_its_reason),
        cmocka_unit_test(a_number_is_too_large_or_just_small_by_its_value),
        cmocka_unit_test(depth_sixty_four_is_the_limit),
        cmocka_unit_test(a_record_may_be_a_mebibyte_and_no_more),
        cmocka_unit_test(plain_strings_point_into_the_record_and_know_that_they_are_ascii),
        cmocka_unit_test(a_guess_from_another_record_never_misleads),
        cmocka_unit_test(many_fields_with_like_names_are_told_apart),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(a_full_scratch_arena_is_out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
