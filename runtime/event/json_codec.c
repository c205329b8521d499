/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_codec.c - NDJSON records to slots, guided by the tree of field names.
 *
 *     {"ts":17,"user":"ann","geo":{"lat":1.5,"x":0},"ua":"..."}
 *       |        |            |      |        |       |
 *     slot 0   slot 1       node   slot 2   skipped  skipped, but checked
 *
 * J1  Every token of the record is consumed, whether somebody reads it or not: a record is valid as a whole or rejected.
 * J2  A name is looked up by its bytes packed into words.  Records of one source tend to have the same members in the same order,
 *     so the answer of the last record at the same place is tried first: one comparison, also for names nobody reads.
 * J3  A member that leads to a field may occur once in its object: `stamps` says which nodes this record has filled.
 * J4  A field whose value is a map that has further fields inside is built whole, and the inner fields are taken from it.
 */
#include <string.h>

#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"
#include "runtime/event/json_simd.h"
#include "runtime/event/json_token.h"
#include "runtime/event/json_value.h"

enum { WORD = sizeof(uint64_t), PACKED_MAX = 2 * WORD, GUESSES = 64, NO_CHILD = 0 };

/* A name in words: `head` its first 8 bytes, `tail` its last 8 (0 up to a length of 8). */
struct packed {
    uint64_t head, tail;
    uint32_t length;
};

/* What a name means below a node; `child` is NO_CHILD if nothing (the root is nobody's child). */
struct entry {
    struct packed name;
    uint32_t parent, child;
};

struct json_codec {
    struct rt_codec base;
    struct rt_json_index *index;
    const struct rt_field_node *nodes;
    size_t slot_count;
    struct entry *table; /* open addressing, at most half full; child NO_CHILD: empty */
    size_t mask;
    uint64_t *stamps; /* by node: the last record that filled it */
    uint64_t record;
    struct json_stack stack;
    struct entry guesses[GUESSES]; /* by order in the record; parent RT_NO_SLOT: none yet */
    size_t order;
    struct rt_value *slots; /* of the record at hand */
};

static uint64_t load(const char *at)
{
    uint64_t word;

    memcpy(&word, at, WORD);
    return word;
}

/* At least 8 bytes must be readable at the name. */
static struct packed pack_readable(struct rt_text name)
{
    static const char ones[PACKED_MAX] = "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF";
    struct packed packed = {load(name.data), 0, (uint32_t)name.length};

    if (name.length > WORD)
        packed.tail = load(name.data + name.length - WORD);
    else
        packed.head &= load(ones + WORD - name.length);
    return packed;
}

static struct packed pack(struct rt_text name)
{
    char copy[WORD] = {0};

    if (name.length >= WORD)
        return pack_readable(name);
    if (name.length > 0)
        memcpy(copy, name.data, name.length);
    return pack_readable((struct rt_text){copy, name.length});
}

static bool same_packed(const struct packed *a, const struct packed *b)
{
    return a->head == b->head && a->tail == b->tail && a->length == b->length;
}

static size_t place_of(const struct packed *name, uint32_t parent, size_t mask)
{
    uint64_t mixed = (name->head ^ (name->tail << 1 | name->tail >> 63)) +
                     ((uint64_t)parent << 32 | name->length);

    mixed *= 0x9E3779B97F4A7C15u;
    return (size_t)(mixed ^ mixed >> 32) & mask;
}

/* The packed form is the whole name up to 16 bytes; longer ones are compared in full. */
static uint32_t find_child(const struct json_codec *codec, uint32_t parent,
                           const struct packed *packed, struct rt_text name)
{
    size_t at = place_of(packed, parent, codec->mask);

    for (; codec->table[at].child != NO_CHILD; at = (at + 1) & codec->mask) {
        const struct entry *entry = &codec->table[at];

        if (entry->parent == parent && same_packed(&entry->name, packed) &&
            (name.length <= PACKED_MAX || rt_text_equal(codec->nodes[entry->child].name, name)))
            return entry->child;
    }
    return NO_CHILD;
}

/* The child that a member's raw name leads to; false if the name is wrong. */
static bool find_member(struct json_codec *codec, struct json_cursor *cursor, uint32_t parent,
                        struct rt_text name, uint32_t *out)
{
    const char *raw = name.data;

    if (!json_plain(cursor, &name))
        return false;

    struct packed packed = name.data == raw ? pack_readable(name) : pack(name);
    struct entry *guess = &codec->guesses[codec->order++ % GUESSES];

    if (guess->parent == parent && same_packed(&guess->name, &packed) &&
        name.length <= PACKED_MAX) {
        *out = guess->child;
        return true;
    }
    *out = find_child(codec, parent, &packed, name);
    *guess = (struct entry){packed, parent, *out};
    return true;
}

/* The fields inside a map that is a field itself; recursion ends at RT_FIELD_DEPTH_MAX, the depth of the tree. */
// NOLINTNEXTLINE(misc-no-recursion)
static void fill_from_map(struct json_codec *codec, uint32_t parent, const struct rt_value *map)
{
    for (uint32_t i = 0; i < map->length; i++) {
        const struct rt_map_entry *entry = &map->u.entries[i];
        struct rt_text name = rt_value_text(entry->key);
        struct packed packed = pack(name);
        uint32_t child = find_child(codec, parent, &packed, name);

        if (child == NO_CHILD)
            continue;
        if (codec->nodes[child].slot != RT_NO_SLOT)
            codec->slots[codec->nodes[child].slot] = entry->value;
        if (entry->value.type == RT_MAP && codec->nodes[child].child_count > 0)
            fill_from_map(codec, child, &entry->value);
    }
}

static bool decode_object(struct json_codec *codec, struct json_cursor *cursor, uint32_t parent);

/* Consumes the value of a node other than the root, or of the root if the whole event is a field. */
// NOLINTNEXTLINE(misc-no-recursion)
static bool decode_node(struct json_codec *codec, struct json_cursor *cursor, uint32_t index)
{
    const struct rt_field_node *node = &codec->nodes[index];

    if (codec->stamps[index] == codec->record)
        return json_fail(cursor, RT_REJECT_DUPLICATE_FIELD, "a field occurs twice");
    codec->stamps[index] = codec->record;
    if (node->slot == RT_NO_SLOT)
        return json_peek(cursor) == '{' ? decode_object(codec, cursor, index) : json_skip(cursor);

    struct rt_value *slot = &codec->slots[node->slot];

    if (json_peek(cursor) == '"')
        return json_string(cursor, json_between_quotes(cursor->text, cursor->next++), slot);
    if (!json_value(cursor, &codec->stack, slot))
        return false;
    if (slot->type == RT_MAP && node->child_count > 0)
        fill_from_map(codec, index, slot);
    return true;
}

/* Recursion ends at RT_RECORD_DEPTH_MAX (json_enter). */
// NOLINTNEXTLINE(misc-no-recursion)
static bool decode_object(struct json_codec *codec, struct json_cursor *cursor, uint32_t parent)
{
    enum json_step step;
    struct rt_text name;
    uint32_t child;

    if (!json_enter(cursor))
        return false;
    for (bool first = true; (step = json_member(cursor, first, &name)) == JSON_NEXT;
         first = false) {
        if (!find_member(codec, cursor, parent, name, &child))
            return false;
        if (child == NO_CHILD ? !json_skip(cursor) : !decode_node(codec, cursor, child))
            return false;
    }
    return step == JSON_END;
}

/* A record that is no object is checked to its end too, so that the reason is right. */
static bool refuse_other(struct json_cursor *cursor)
{
    if (!json_skip(cursor))
        return false;
    if (cursor->next != cursor->end)
        return json_fail(cursor, RT_REJECT_BAD_JSON, "something follows the value");
    return json_fail(cursor, RT_REJECT_NOT_OBJECT, "not a JSON object");
}

/* The bytes behind a bare scalar must not look like more of it. */
static bool copy_with_blanks(struct json_cursor *cursor, size_t length)
{
    char *copy = rt_arena_raw(cursor->scratch, length + RT_RECORD_PADDING);

    if (copy == NULL)
        return json_no_memory(cursor);
    memcpy(copy, cursor->text, length);
    memset(copy + length, ' ', RT_RECORD_PADDING);
    cursor->text = copy;
    return true;
}

static bool decode_record(struct json_codec *codec, struct json_cursor *cursor, size_t length)
{
    if (json_peek(cursor) != '{')
        return copy_with_blanks(cursor, length) && refuse_other(cursor);
    if (!decode_node(codec, cursor, 0))
        return false;
    return cursor->next == cursor->end ||
           json_fail(cursor, RT_REJECT_BAD_JSON, "something follows the object");
}

/* What a text holds at all: most records have neither escapes nor anything beyond ASCII. */
struct look {
    unsigned char any;     /* all bytes or-ed */
    unsigned char escapes; /* not 0: some backslash */
};

enum { LANES = 16 };

/* In whole lanes, so that a compiler makes vector instructions of it and nothing else. */
static void look_at(struct look *look, const char *text, size_t lanes)
{
    unsigned char any = 0, escapes = 0;

    for (size_t i = 0; i < lanes * LANES; i++) {
        any |= (unsigned char)text[i];
        escapes |= text[i] == '\\';
    }
    look->any |= any;
    look->escapes |= escapes;
}

static void look_over(struct json_cursor *cursor, size_t length)
{
    struct look look = {0};
    char rest[LANES] = {0};

    if (length >= LANES) { /* the last lane overlaps: looking twice does no harm */
        look_at(&look, cursor->text, length / LANES);
        look_at(&look, cursor->text + length - LANES, 1);
    } else {
        memcpy(rest, cursor->text, length);
        look_at(&look, rest, 1);
    }
    cursor->flags = look.any < 0x80 ? RT_FLAG_ASCII : 0;
    cursor->escapes = look.escapes != 0;
}

/* The kernels may meet several faults in different order; UTF-8 comes first everywhere. */
static enum rt_status reject_text(struct rt_text record, enum rt_reject *reject,
                                  const char **detail)
{
    bool utf8 = rt_utf8_valid(record);

    *reject = utf8 ? RT_REJECT_BAD_JSON : RT_REJECT_BAD_UTF8;
    if (!utf8)
        *detail = "not valid UTF-8";
    return RT_ERR_DATA;
}

static enum rt_status decode(struct rt_codec *base, struct rt_text record, struct rt_arena *scratch,
                             struct rt_value *slots, enum rt_reject *reject, const char **detail)
{
    struct json_codec *codec = (struct json_codec *)base;
    struct json_cursor cursor = {.text = record.data, .scratch = scratch};
    size_t count;

    if (record.length > RT_RECORD_BYTES_MAX) {
        *reject = RT_REJECT_TOO_LARGE;
        *detail = "longer than 1 MiB";
        return RT_ERR_DATA;
    }

    enum rt_status status =
        rt_json_index_text(codec->index, record.data, record.length, &cursor.next, &count, detail);

    if (status == RT_ERR_DATA)
        return reject_text(record, reject, detail);
    if (status != RT_OK)
        return status;
    cursor.end = cursor.next + count;
    look_over(&cursor, record.length);
    codec->record++;
    codec->order = 0;
    codec->stack.count = 0;
    codec->slots = slots;
    if (codec->slot_count > 0)
        memset(slots, 0, codec->slot_count * sizeof(*slots));
    if (decode_record(codec, &cursor, record.length))
        return RT_OK;
    if (cursor.status == RT_ERR_DATA) {
        *reject = cursor.reject;
        *detail = cursor.detail;
    }
    return cursor.status;
}

/* ---- life ---- */

static void codec_free(struct rt_codec *base)
{
    struct json_codec *codec = (struct json_codec *)base;

    if (codec == NULL)
        return;
    rt_json_index_free(codec->index);
    rt_free(codec->table);
    rt_free(codec->stamps);
    rt_free(codec->stack.values);
    rt_free(codec);
}

static enum rt_status build_table(struct json_codec *codec, size_t node_count)
{
    size_t capacity = 8;

    while (capacity < 2 * node_count)
        capacity *= 2;
    codec->table = rt_alloc_zeroed(capacity, sizeof(*codec->table));
    codec->stamps = rt_alloc_zeroed(node_count, sizeof(*codec->stamps));
    if (codec->table == NULL || codec->stamps == NULL)
        return RT_ERR_NOMEM;
    codec->mask = capacity - 1;
    for (uint32_t parent = 0; parent < node_count; parent++) {
        const struct rt_field_node *node = &codec->nodes[parent];

        for (uint32_t i = 0; i < node->child_count; i++) {
            uint32_t child = node->child_first + i;
            struct packed name = pack(codec->nodes[child].name);
            size_t at = place_of(&name, parent, codec->mask);

            while (codec->table[at].child != NO_CHILD)
                at = (at + 1) & codec->mask;
            codec->table[at] = (struct entry){name, parent, child};
        }
    }
    return RT_OK;
}

enum rt_status rt_codec_json_new(const struct rt_fields *fields, struct rt_codec **out)
{
    struct json_codec *codec = rt_alloc_zeroed(1, sizeof(*codec));
    size_t node_count;

    if (codec == NULL)
        return RT_ERR_NOMEM;
    RT_ASSERT(rt_fields_sealed(fields));
    codec->base = (struct rt_codec){.decode = decode, .free = codec_free};
    codec->slot_count = rt_fields_count(fields);
    codec->nodes = rt_fields_tree(fields, &node_count);
    for (size_t i = 0; i < GUESSES; i++)
        codec->guesses[i].parent = RT_NO_SLOT;

    enum rt_status status = build_table(codec, node_count);

    if (status == RT_OK)
        status = rt_json_index_new(&codec->index);
    if (status != RT_OK) {
        codec_free(&codec->base);
        return status;
    }
    *out = &codec->base;
    return RT_OK;
}
