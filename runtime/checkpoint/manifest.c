/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/checkpoint/manifest.h"

#include "runtime/base/form.h"

#define MAGIC UINT64_C(0x31504b4354524745) /* "EGRTCKP1" */

enum { VERSION = 1, HEAD_BYTES = 16, HASH_BYTES = 16 };

static void write_part(const struct rt_part *part, struct rt_buffer *out)
{
    rt_form_add_byte(out, (uint8_t)part->kind);
    rt_form_add_uint(out, part->checkpoint);
    rt_form_add_text(out, part->name);
    rt_form_add_uint(out, part->facts.bytes);
    rt_form_add_fixed(out, part->facts.hash.high);
    rt_form_add_fixed(out, part->facts.hash.low);
    rt_form_add_uint(out, part->facts.entries);
    rt_form_add_uint(out, part->facts.removed);
}

void rt_manifest_write(struct rt_manifest *manifest, struct rt_buffer *out)
{
    size_t begin = out->length;

    rt_form_add_fixed(out, MAGIC);
    rt_form_add_fixed(out, VERSION);
    rt_form_add_byte(out, (uint8_t)manifest->kind);
    rt_form_add_uint(out, manifest->id);
    rt_form_add_uint(out, manifest->previous);
    rt_form_add_fixed(out, manifest->job);
    rt_form_add_text(out, manifest->identity);
    rt_form_add_text(out, manifest->program);
    rt_form_add_text(out, manifest->label);
    rt_form_add_fixed(out, manifest->rules);
    rt_form_add_int(out, manifest->made_ms);
    rt_form_add_uint(out, manifest->groups);
    rt_form_add_text(out, manifest->facts);
    rt_form_add_uint(out, manifest->part_count);
    for (size_t i = 0; i < manifest->part_count; i++)
        write_part(&manifest->parts[i], out);
    if (out->failed)
        return;
    manifest->hash = rt_hash128(out->data + begin, out->length - begin);
    rt_form_add_fixed(out, manifest->hash.high);
    rt_form_add_fixed(out, manifest->hash.low);
}

/* ---- reading ---- */

static struct rt_text copy(struct rt_form *form, struct rt_arena *arena)
{
    struct rt_text text = rt_form_text(form);

    /* An arena without room gives NULL, which rt_manifest_read looks for at the end. */
    return (struct rt_text){rt_arena_text(arena, text.data == NULL ? "" : text.data, text.length),
                            text.length};
}

static bool is_plain_name(struct rt_text name)
{
    bool after_slash = true;

    for (size_t i = 0; i < name.length; i++) {
        char c = name.data[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '-' || c == '_';

        if (c == '/' ? after_slash : !plain && (c != '.' || after_slash))
            return false;
        after_slash = c == '/';
    }
    return name.length > 0 && !after_slash;
}

static void read_part(struct rt_form *form, struct rt_arena *arena, struct rt_part *part)
{
    uint8_t kind = rt_form_byte(form);

    if (kind < RT_PART_DELTA || kind > RT_PART_DATABASE)
        rt_form_fail(form, "no kind of part");
    part->kind = (enum rt_part_kind)kind;
    part->checkpoint = rt_form_uint(form);
    part->name = copy(form, arena);
    if (part->name.data != NULL && !is_plain_name(part->name))
        rt_form_fail(form, "the name of a part leads elsewhere");
    part->facts.bytes = rt_form_uint_max(form, INT64_MAX);
    part->facts.hash.high = rt_form_fixed(form);
    part->facts.hash.low = rt_form_fixed(form);
    part->facts.entries = rt_form_uint_max(form, INT64_MAX);
    part->facts.removed = rt_form_uint_max(form, part->facts.entries);
}

static enum rt_status read_body(struct rt_form *form, struct rt_arena *arena,
                                struct rt_manifest *out)
{
    enum { PART_BYTES_MIN = 22 };
    uint8_t kind = rt_form_byte(form);

    if (kind != RT_MANIFEST_CHECKPOINT && kind != RT_MANIFEST_SAVEPOINT)
        rt_form_fail(form, "no kind of checkpoint");
    out->kind = (enum rt_manifest_kind)kind;
    out->id = rt_form_uint_max(form, INT64_MAX);
    out->previous = rt_form_uint_max(form, INT64_MAX);
    out->job = rt_form_fixed(form);
    out->identity = copy(form, arena);
    out->program = copy(form, arena);
    out->label = copy(form, arena);
    out->rules = rt_form_fixed(form);
    out->made_ms = rt_form_int(form);
    out->groups = (uint32_t)rt_form_uint_max(form, RT_ENTRY_GROUPS_MAX);
    out->facts = copy(form, arena);
    out->part_count = rt_form_count(form, PART_BYTES_MIN);
    out->parts = rt_arena_array(arena, out->part_count + 1, sizeof(*out->parts));
    if (out->parts == NULL || out->identity.data == NULL || out->program.data == NULL ||
        out->label.data == NULL || out->facts.data == NULL)
        return RT_ERR_NOMEM;
    for (size_t i = 0; i < out->part_count; i++) {
        read_part(form, arena, &out->parts[i]);
        if (out->parts[i].name.data == NULL)
            return RT_ERR_NOMEM;
    }
    return RT_OK;
}

static enum rt_status corrupt(const char *path, size_t offset, const char *what,
                              struct rt_buffer *why)
{
    rt_buffer_printf(why, "`%s` is damaged at byte %zu: %s", path, offset, what);
    return RT_ERR_CORRUPT;
}

enum rt_status rt_manifest_read(const char *path, struct rt_text bytes, struct rt_arena *arena,
                                struct rt_manifest *out, struct rt_buffer *why)
{
    if (bytes.length < HEAD_BYTES + HASH_BYTES)
        return corrupt(path, bytes.length, "the file is too short", why);

    struct rt_text body = {bytes.data, bytes.length - HASH_BYTES};
    struct rt_form end = rt_form_of((struct rt_text){body.data + body.length, HASH_BYTES});
    struct rt_form form = rt_form_of(body);

    if (rt_form_fixed(&form) != MAGIC)
        return corrupt(path, 0, "this is not a manifest", why);
    *out = (struct rt_manifest){.hash = rt_hash128(body.data, body.length)};
    if (rt_form_fixed(&end) != out->hash.high || rt_form_fixed(&end) != out->hash.low)
        return corrupt(path, body.length, "the hash at the end does not fit the bytes before it",
                       why);

    uint64_t version = rt_form_fixed(&form);

    if (version != VERSION) {
        rt_buffer_printf(why, "`%s` has version %llu of the format; this program reads %d", path,
                         (unsigned long long)version, VERSION);
        return RT_ERR_UNSUPPORTED;
    }

    enum rt_status status = read_body(&form, arena, out);

    if (status != RT_OK)
        return status;
    if (!rt_form_end(&form))
        return corrupt(path, rt_form_offset(&form), form.why, why);
    return RT_OK;
}

void rt_manifest_mark(const struct rt_manifest *manifest, char out[17])
{
    char text[33];

    rt_hash128_text(manifest->hash, text);
    memcpy(out, text, 16);
    out[16] = '\0';
}
