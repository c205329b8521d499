/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/expr_schema.h"

#include "runtime/base/alloc.h"

enum { PATH_BYTES_MAX = 4096 };

void expr_schema_done(struct expr_schema *schema)
{
    rt_map_done(&schema->index);
    rt_free(schema->fields);
    *schema = (struct expr_schema){.fields = NULL};
}

/* ---- adding ---- */

static struct expr_schema_field *find(const struct expr_schema *schema, struct rt_text path)
{
    uint64_t number;

    return rt_map_get(&schema->index, path, &number) ? &schema->fields[number] : NULL;
}

static enum rt_status put(struct expr_schema *schema, const struct expr_schema_field *field)
{
    enum rt_status status;

    if (schema->count == schema->capacity) {
        size_t wanted = schema->capacity == 0 ? 16 : schema->capacity * 2;
        void *larger = rt_realloc(schema->fields, wanted * sizeof(*schema->fields));

        if (larger == NULL)
            return RT_ERR_NOMEM;
        schema->fields = larger;
        schema->capacity = wanted;
    }
    status = rt_map_set(&schema->index, rt_text_of(field->path), schema->count);
    if (status == RT_OK)
        schema->fields[schema->count++] = *field;
    return status;
}

/* The maps above a path.  What is above may have been written as a map, but as nothing else. */
static enum rt_status put_parents(struct expr_schema *schema, struct rt_arena *arena,
                                  const char *path, const struct expr_schema_field **clash)
{
    for (const char *dot = strchr(path, '.'); dot != NULL; dot = strchr(dot + 1, '.')) {
        struct rt_text above = {path, (size_t)(dot - path)};
        const struct expr_schema_field *there = find(schema, above);
        struct expr_schema_field parent = {
            .type = RT_MAP, .implied = true, .span = RT_NO_SPAN, .share = 1};
        enum rt_status status;

        if (there != NULL && there->type != RT_MAP && there->type != RT_ABSENT) {
            *clash = there;
            return RT_OK;
        }
        if (there != NULL)
            continue;
        parent.path = rt_arena_text(arena, above.data, above.length);
        status = parent.path == NULL ? RT_ERR_NOMEM : put(schema, &parent);
        if (status != RT_OK)
            return status;
    }
    return RT_OK;
}

enum rt_status expr_schema_add(struct expr_schema *schema, struct rt_arena *arena,
                               const struct expr_schema_field *field,
                               const struct expr_schema_field **clash)
{
    struct expr_schema_field *there = find(schema, rt_text_of(field->path));
    enum rt_status status;

    *clash = there;
    if (there != NULL && there->implied && field->type == RT_MAP) {
        there->implied = false;
        there->optional = field->optional;
        *clash = NULL;
        return RT_OK;
    }
    if (there != NULL)
        return RT_OK;
    status = put_parents(schema, arena, field->path, clash);
    return status == RT_OK && *clash == NULL ? put(schema, field) : status;
}

/* ---- types as text ---- */

static const struct {
    const char *word;
    enum rt_type type;
} type_words[] = {{"any", RT_ABSENT},          {"dyn", RT_ABSENT},        {"int", RT_INT},
                  {"double", RT_DOUBLE},       {"string", RT_STRING},     {"bool", RT_BOOL},
                  {"timestamp", RT_TIMESTAMP}, {"duration", RT_DURATION}, {"ip", RT_IP},
                  {"bytes", RT_BYTES},         {"list", RT_LIST},         {"map", RT_MAP}};

static struct rt_text trimmed(struct rt_text text)
{
    while (text.length > 0 && text.data[0] == ' ')
        text = (struct rt_text){text.data + 1, text.length - 1};
    while (text.length > 0 && text.data[text.length - 1] == ' ')
        text.length--;
    return text;
}

static bool read_word(struct rt_text text, uint8_t *out)
{
    text = trimmed(text);
    for (size_t i = 0; i < sizeof(type_words) / sizeof(type_words[0]); i++) {
        if (rt_text_is(text, type_words[i].word)) {
            *out = (uint8_t)type_words[i].type;
            return true;
        }
    }
    return false;
}

/* What stands between the brackets of list(T) or map(string, T). */
static bool read_item(struct rt_text inner, bool is_map, uint8_t *item)
{
    if (is_map) {
        const char *comma = inner.length == 0 ? NULL : memchr(inner.data, ',', inner.length);

        if (comma == NULL ||
            !rt_text_is(trimmed((struct rt_text){inner.data, (size_t)(comma - inner.data)}),
                        "string"))
            return false;
        inner = (struct rt_text){comma + 1, inner.length - (size_t)(comma + 1 - inner.data)};
    }
    return read_word(inner, item);
}

bool expr_schema_parse_type(struct rt_text text, struct expr_schema_field *out)
{
    const char *open;
    struct rt_text outer;

    out->type = out->item = RT_ABSENT;
    out->optional = false;
    text = trimmed(text);
    if (text.length > 0 && text.data[text.length - 1] == '?') {
        out->optional = true;
        text = trimmed((struct rt_text){text.data, text.length - 1});
    }
    open = text.length == 0 ? NULL : memchr(text.data, '(', text.length);
    if (open == NULL)
        return read_word(text, &out->type);
    if (text.data[text.length - 1] != ')')
        return false;
    outer = (struct rt_text){text.data, (size_t)(open - text.data)};
    return read_word(outer, &out->type) && (out->type == RT_LIST || out->type == RT_MAP) &&
           read_item((struct rt_text){open + 1, text.length - outer.length - 2},
                     out->type == RT_MAP, &out->item);
}

/* ---- asking ---- */

void expr_schema_path(const struct rt_text *names, size_t count, struct rt_buffer *buffer)
{
    rt_buffer_init(buffer, PATH_BYTES_MAX);
    rt_buffer_string(buffer, "");
    for (size_t i = 0; i < count; i++) {
        rt_buffer_string(buffer, i == 0 ? "" : ".");
        rt_buffer_text(buffer, names[i]);
    }
}

/* The longest part of the path that the schema has; *depth is how many names it is, 0 for none. */
static const struct expr_schema_field *find_longest(const struct expr_schema *schema,
                                                    const struct rt_text *names, size_t count,
                                                    size_t *depth)
{
    const struct expr_schema_field *found = NULL;
    char path
        [PATH_BYTES_MAX]; /* no memory that could be missing: a field must not be unknown for lack of it */
    size_t length = 0;

    for (*depth = 0; *depth < count; ++*depth) {
        const struct rt_text name = names[*depth];

        if (length + name.length + 1 > sizeof(path))
            break; /* no field has so long a path */
        if (*depth > 0)
            path[length++] = '.';
        memcpy(path + length, name.data, name.length);
        length += name.length;
    }
    while (*depth > 0) {
        found = find(schema, (struct rt_text){path, length});
        if (found != NULL)
            break;
        --*depth;
        length -= names[*depth].length + (*depth > 0);
    }
    return found;
}

enum expr_schema_answer expr_schema_find(const struct expr_schema *schema,
                                         const struct rt_text *names, size_t count,
                                         struct expr_schema_field *out)
{
    size_t depth;
    const struct expr_schema_field *found = find_longest(schema, names, count, &depth);

    *out = (struct expr_schema_field){.type = RT_ABSENT, .span = RT_NO_SPAN};
    if (found == NULL)
        return EXPR_SCHEMA_UNKNOWN;
    if (depth == count) {
        *out = *found;
        return EXPR_SCHEMA_KNOWN;
    }
    if (found->type == RT_ABSENT) /* anything: also a map */
        return EXPR_SCHEMA_KNOWN;
    if (found->type != RT_MAP) {
        *out = *found;
        return EXPR_SCHEMA_SCALAR;
    }
    if (found->implied || schema->is_sample)
        return EXPR_SCHEMA_UNKNOWN;
    if (depth + 1 == count)
        out->type = found->item;
    out->optional = true;
    return EXPR_SCHEMA_KNOWN;
}

const struct expr_schema_field *expr_schema_nearest(const struct expr_schema *schema,
                                                    const struct rt_text *names, size_t count,
                                                    struct rt_arena *arena)
{
    const char **candidates = rt_arena_array(arena, schema->count + 1, sizeof(*candidates));
    const struct expr_schema_field *found = NULL;
    const char *near = NULL;
    struct rt_buffer path;

    expr_schema_path(names, count, &path);
    if (candidates != NULL && !path.failed) {
        for (size_t i = 0; i < schema->count; i++)
            candidates[i] = schema->fields[i].path;
        near = rt_nearest(rt_buffer_view(&path), candidates, schema->count);
    }
    rt_buffer_done(&path);
    if (near != NULL)
        found = find(schema, rt_text_of(near));
    return found;
}
