/* SPDX-License-Identifier: Apache-2.0 */
/* libyaml's events -> the tree of yaml_tree.h.  The only file that sees libyaml. */
#include "rules/yaml_tree.h"

#include <yaml.h>

#include "rules/diagnostics.h"
#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"
#include "runtime/base/map.h"

enum { GAPS_MAX = 20, OFFSET_STRIDE = 256, PAIRS_LINEAR_MAX = 8 };

struct frame { /* a collection that is being read */
    struct yaml_node *node;
    size_t first; /* index of its first child in `children` */
    struct rt_text anchor;
    bool is_broken;
    bool is_flow;
};

struct reader {
    struct rt_diags *diags;
    rt_source_id source;
    struct rt_arena *arena;
    struct rt_text whole; /* a copy of the source, gaps filled */
    struct rt_text text;  /* the same without the byte order mark */
    uint32_t base;        /* file offset of text.data */
    size_t points;        /* code points of text */
    uint32_t *
        checkpoints; /* byte offset of every OFFSET_STRIDE-th code point; NULL: the text is ASCII */
    yaml_parser_t parser;
    struct frame frames[YAML_DEPTH_MAX];
    size_t depth;
    struct yaml_node **children; /* of all open collections, one stack */
    size_t child_count, child_capacity;
    struct rt_map anchors;
    uint64_t node_count, alias_nodes;
    struct rt_span quoted; /* the last event, if it is a quoted text */
    struct yaml_gap gaps[GAPS_MAX];
    size_t gap_count;
    bool has_error;
    enum rt_status status;
    struct yaml_node *root;
};

/* ---- places ---- */

/* libyaml counts code points; everything here counts bytes. */
static enum rt_status index_offsets(struct reader *reader)
{
    size_t at = 0;

    reader->points = rt_utf8_length(reader->text);
    reader->checkpoints = NULL;
    if (reader->points == reader->text.length)
        return RT_OK;
    reader->checkpoints =
        rt_arena_array(reader->arena, reader->points / OFFSET_STRIDE + 1, sizeof(uint32_t));
    if (reader->checkpoints == NULL)
        return RT_ERR_NOMEM;
    for (size_t i = 0; i < reader->points; i++) {
        if (i % OFFSET_STRIDE == 0)
            reader->checkpoints[i / OFFSET_STRIDE] = (uint32_t)at;
        (void)rt_utf8_next(reader->text, &at);
    }
    return RT_OK;
}

/* The file offset of a mark. */
static uint32_t offset_of(const struct reader *reader, const yaml_mark_t *mark)
{
    size_t at = mark->index;

    if (reader->checkpoints != NULL) {
        size_t index = mark->index < reader->points ? mark->index : reader->points - 1;

        at = reader->checkpoints[index / OFFSET_STRIDE];
        for (size_t i = index - index % OFFSET_STRIDE; i < mark->index && at < reader->text.length;
             i++)
            (void)rt_utf8_next(reader->text, &at);
    }
    if (at > reader->text.length)
        at = reader->text.length;
    return reader->base + (uint32_t)at;
}

static struct rt_span span_of(const struct reader *reader, const yaml_event_t *event)
{
    return (struct rt_span){reader->source, offset_of(reader, &event->start_mark),
                            offset_of(reader, &event->end_mark)};
}

static struct rt_diag *complain(struct reader *reader, enum rule_diag code, struct rt_span span,
                                const char *message)
{
    reader->has_error = true;
    return rt_diag_add(reader->diags, RT_SEVERITY_ERROR, code, span, "%s", message);
}

/* ---- the core schema ---- */

static bool is_one_of(struct rt_text text, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (rt_text_is(text, words[i]))
            return true;
    }
    return false;
}

static size_t skip_digits(struct rt_text text, size_t at)
{
    while (at < text.length && text.data[at] >= '0' && text.data[at] <= '9')
        at++;
    return at;
}

/* [-+]? digits, or 0o / 0x forms. */
static bool is_int(struct rt_text text)
{
    size_t at = text.length > 0 && (text.data[0] == '-' || text.data[0] == '+') ? 1 : 0;

    if (text.length > 2 && text.data[0] == '0' && (text.data[1] == 'o' || text.data[1] == 'x')) {
        const char *digits = text.data[1] == 'o' ? "01234567" : "0123456789abcdefABCDEF";

        for (at = 2; at < text.length; at++) {
            if (text.data[at] == '\0' || strchr(digits, text.data[at]) == NULL)
                return false;
        }
        return true;
    }
    return at < text.length && skip_digits(text, at) == text.length;
}

/* [-+]? ( . digits | digits [ . digits? ] ) [ e [-+]? digits ] */
static bool is_float(struct rt_text text)
{
    size_t at = text.length > 0 && (text.data[0] == '-' || text.data[0] == '+') ? 1 : 0;
    size_t whole = skip_digits(text, at);
    size_t digits = whole - at;

    at = whole;
    if (at < text.length && text.data[at] == '.') {
        size_t fraction = skip_digits(text, at + 1);

        digits += fraction - at - 1;
        at = fraction;
    }
    if (digits == 0)
        return false;
    if (at < text.length && (text.data[at] == 'e' || text.data[at] == 'E')) {
        size_t begin = at + 1;

        if (begin < text.length && (text.data[begin] == '-' || text.data[begin] == '+'))
            begin++;
        at = skip_digits(text, begin);
        if (at == begin)
            return false;
    }
    return at == text.length;
}

static enum yaml_type core_type(struct rt_text text)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
    static const char *const bools[] = {"true", "True", "TRUE", "false", "False", "FALSE"};
    static const char *const reals[] = {".inf",  ".Inf",  ".INF",  "-.inf", "-.Inf", "-.INF",
                                        "+.inf", "+.Inf", "+.INF", ".nan",  ".NaN",  ".NAN"};

    if (is_one_of(text, nulls, sizeof(nulls) / sizeof(nulls[0])))
        return YAML_NULL;
    if (is_one_of(text, bools, sizeof(bools) / sizeof(bools[0])))
        return YAML_BOOL;
    if (is_int(text))
        return YAML_INT;
    if (is_float(text) || is_one_of(text, reals, sizeof(reals) / sizeof(reals[0])))
        return YAML_FLOAT;
    return YAML_STRING;
}

/* ---- building ---- */

static bool is_gap(const struct reader *reader, uint32_t begin)
{
    for (size_t i = 0; i < reader->gap_count; i++) {
        if (reader->gaps[i].is_value && reader->gaps[i].begin == begin)
            return true;
    }
    return false;
}

/* A node was read: it becomes the next child of the innermost collection. */
static void push_child(struct reader *reader, struct yaml_node *node)
{
    if (reader->depth == 0) {
        reader->root = node;
        return;
    }
    if (reader->child_count == reader->child_capacity) {
        size_t capacity = reader->child_capacity == 0 ? 64 : reader->child_capacity * 2;
        void *larger = rt_realloc(reader->children, capacity * sizeof(*reader->children));

        if (larger == NULL) {
            reader->status = RT_ERR_NOMEM;
            return;
        }
        reader->children = larger;
        reader->child_capacity = capacity;
    }
    reader->children[reader->child_count++] = node;
}

static struct yaml_node *new_node(struct reader *reader, enum yaml_kind kind, struct rt_span span)
{
    struct yaml_node *node = rt_arena_alloc(reader->arena, sizeof(*node));

    if (node == NULL) {
        reader->status = RT_ERR_NOMEM;
        return NULL;
    }
    node->kind = kind;
    node->span = span;
    node->weight = 1;
    node->height = 1;
    if (++reader->node_count > YAML_NODES_MAX) {
        complain(reader, RULE_DIAG_YAML_LIMIT, span, "the file holds too many values");
        reader->status = RT_ERR_LIMIT;
    }
    return node;
}

static struct rt_text copy_name(struct reader *reader, const yaml_char_t *name)
{
    struct rt_text text = rt_text_of((const char *)name);

    if (name != NULL) {
        text.data = rt_arena_text(reader->arena, text.data, text.length);
        if (text.data == NULL)
            reader->status = RT_ERR_NOMEM;
    }
    return text;
}

static void set_anchor(struct reader *reader, struct rt_text anchor, struct yaml_node *node)
{
    if (anchor.data != NULL && reader->status == RT_OK &&
        rt_map_set(&reader->anchors, anchor, (uint64_t)(uintptr_t)node) != RT_OK)
        reader->status = RT_ERR_NOMEM;
}

static enum yaml_style style_of(yaml_scalar_style_t style)
{
    switch (style) {
    case YAML_SINGLE_QUOTED_SCALAR_STYLE:
        return YAML_SINGLE_QUOTED;
    case YAML_DOUBLE_QUOTED_SCALAR_STYLE:
        return YAML_DOUBLE_QUOTED;
    case YAML_LITERAL_SCALAR_STYLE:
        return YAML_LITERAL;
    case YAML_FOLDED_SCALAR_STYLE:
        return YAML_FOLDED;
    default:
        return YAML_PLAIN;
    }
}

static void read_scalar(struct reader *reader, const yaml_event_t *event)
{
    struct yaml_node *node = new_node(reader, YAML_SCALAR, span_of(reader, event));
    const char *copy;

    if (node == NULL)
        return;
    copy = rt_arena_text(reader->arena, (const char *)event->data.scalar.value,
                         event->data.scalar.length);
    if (copy == NULL) {
        reader->status = RT_ERR_NOMEM;
        return;
    }
    node->text = (struct rt_text){copy, event->data.scalar.length};
    node->style = style_of(event->data.scalar.style);
    if (node->style == YAML_PLAIN)
        node->type = core_type(node->text);
    else if (node->style == YAML_SINGLE_QUOTED || node->style == YAML_DOUBLE_QUOTED)
        reader->quoted = node->span;
    if (is_gap(reader, node->span.begin)) {
        node->kind = YAML_BROKEN;
    } else if (event->data.scalar.tag != NULL) {
        yaml_trap_value(reader->diags, reader->source, reader->arena, node->span.begin);
        reader->has_error = true;
        node->kind = YAML_BROKEN;
    }
    set_anchor(reader, copy_name(reader, event->data.scalar.anchor), node);
    push_child(reader, node);
}

static void begin_collection(struct reader *reader, const yaml_event_t *event, enum yaml_kind kind)
{
    bool is_mapping = kind == YAML_MAPPING;
    const yaml_char_t *anchor =
        is_mapping ? event->data.mapping_start.anchor : event->data.sequence_start.anchor;
    const yaml_char_t *tag =
        is_mapping ? event->data.mapping_start.tag : event->data.sequence_start.tag;
    struct rt_span span = span_of(reader, event);
    const char *raw = reader->text.data + (span.begin - reader->base);
    size_t left = reader->text.length - (span.begin - reader->base);
    struct frame *frame;

    if (reader->depth == YAML_DEPTH_MAX) {
        complain(reader, RULE_DIAG_YAML_LIMIT,
                 (struct rt_span){span.source, span.begin, span.begin},
                 "the file is nested too deeply");
        reader->status = RT_ERR_LIMIT;
        return;
    }
    frame = &reader->frames[reader->depth];
    *frame = (struct frame){.node = new_node(reader, kind, span), .first = reader->child_count};
    if (frame->node == NULL)
        return;
    frame->is_flow = is_mapping ? event->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE
                                : event->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE;
    frame->anchor = copy_name(reader, anchor);
    if (tag != NULL || (is_mapping && left >= 2 && memcmp(raw, "{{", 2) == 0)) {
        yaml_trap_value(reader->diags, reader->source, reader->arena, span.begin);
        reader->has_error = true;
        frame->is_broken = true;
    }
    reader->depth++;
}

static void report_duplicate(struct reader *reader, const struct yaml_node *first,
                             const struct yaml_node *second)
{
    struct rt_diag *diag;

    reader->has_error = true;
    diag = rt_diag_add(reader->diags, RT_SEVERITY_ERROR, RULE_DIAG_YAML_DUPLICATE_KEY, second->span,
                       "key `%s` is written twice", second->text.data);
    rt_diag_label(reader->diags, diag, "only one of them would count");
    rt_diag_also(reader->diags, diag, first->span, "the first one is here");
}

/* The pair with this key among pairs[0, count), NULL if there is none. */
static const struct yaml_node *find_key(const struct yaml_pair *pairs, size_t count,
                                        const struct rt_map *index, struct rt_text key)
{
    uint64_t found;

    if (count > PAIRS_LINEAR_MAX)
        return rt_map_get(index, key, &found) ? pairs[found].key : NULL;
    for (size_t i = 0; i < count; i++) {
        if (rt_text_equal(pairs[i].key->text, key))
            return pairs[i].key;
    }
    return NULL;
}

static enum rt_status index_key(struct rt_map *index, const struct yaml_pair *pairs, size_t count)
{
    size_t from = count == PAIRS_LINEAR_MAX + 1 ? 0 : count - 1;
    enum rt_status status = RT_OK;

    if (count <= PAIRS_LINEAR_MAX)
        return RT_OK;
    for (size_t i = from; i < count && status == RT_OK; i++)
        status = rt_map_set(index, pairs[i].key->text, i);
    return status;
}

static void end_mapping(struct reader *reader, struct yaml_node *node, bool is_broken,
                        struct yaml_node *const *children, size_t child_count)
{
    struct yaml_pair *pairs = rt_arena_array(reader->arena, child_count / 2, sizeof(*pairs));
    struct rt_map index = {.slots = NULL};

    if (pairs == NULL) {
        reader->status = RT_ERR_NOMEM;
        return;
    }
    for (size_t i = 0; i + 1 < child_count && reader->status == RT_OK; i += 2) {
        const struct yaml_node *key = children[i];
        const struct yaml_node *first;

        if (key->kind == YAML_BROKEN)
            continue;
        if (key->kind != YAML_SCALAR && is_broken)
            continue;
        if (key->kind != YAML_SCALAR || key->type == YAML_NULL) {
            struct rt_diag *diag =
                complain(reader, RULE_DIAG_YAML_STRUCTURE, key->span, "a key must be a plain word");

            if (key->kind == YAML_SCALAR)
                rt_diag_help(reader->diags, diag, "this one is null; if it is a name, quote it");
            continue;
        }
        first = find_key(pairs, node->count, &index, key->text);
        if (first != NULL) {
            report_duplicate(reader, first, key);
            continue;
        }
        pairs[node->count++] = (struct yaml_pair){key, children[i + 1]};
        reader->status = index_key(&index, pairs, node->count);
    }
    node->pairs = pairs;
    if (node->count == 0 && child_count > 0)
        node->kind = YAML_BROKEN; /* nobody wrote an empty one */
    rt_map_done(&index);
}

static void end_sequence(struct reader *reader, struct yaml_node *node,
                         struct yaml_node *const *children, size_t child_count)
{
    const struct yaml_node **items = rt_arena_array(reader->arena, child_count, sizeof(*items));

    if (items == NULL) {
        reader->status = RT_ERR_NOMEM;
        return;
    }
    for (size_t i = 0; i < child_count; i++)
        items[i] = children[i];
    node->items = items;
    node->count = child_count;
}

static void end_collection(struct reader *reader, const yaml_event_t *event)
{
    struct frame *frame = &reader->frames[--reader->depth];
    struct yaml_node *node = frame->node;
    size_t child_count = reader->child_count - frame->first;
    struct yaml_node *const *children =
        child_count == 0 ? NULL : reader->children + frame->first; /* none has been needed yet */

    for (size_t i = 0; i < child_count; i++) {
        node->weight += children[i]->weight;
        if (children[i]->height + 1 > node->height)
            node->height = children[i]->height + 1;
    }
    /* A block ends where its last child does; libyaml says where the next token starts. */
    node->span.end = frame->is_flow ? offset_of(reader, &event->end_mark)
                     : child_count > 0 && children[child_count - 1]->span.end > node->span.begin
                         ? children[child_count - 1]->span.end
                         : node->span.end;
    if (child_count > 0 && frame->node->kind == YAML_MAPPING)
        end_mapping(reader, node, frame->is_broken, children, child_count);
    else if (child_count > 0)
        end_sequence(reader, node, children, child_count);
    if (frame->is_broken)
        node->kind = YAML_BROKEN;
    reader->child_count = frame->first;
    set_anchor(reader, frame->anchor, node);
    push_child(reader, node);
}

static void read_alias(struct reader *reader, const yaml_event_t *event)
{
    struct rt_span span = span_of(reader, event);
    uint64_t found;
    struct yaml_node *node;

    if (!rt_map_get(&reader->anchors, rt_text_of((const char *)event->data.alias.anchor), &found)) {
        struct rt_diag *diag = complain(reader, RULE_DIAG_YAML_STRUCTURE, span,
                                        "an alias of an anchor that is not there");

        rt_diag_help(reader->diags, diag, "if the value begins with `*` as a text, quote it");
        node = new_node(reader, YAML_BROKEN, span);
    } else {
        node = (struct yaml_node *)(uintptr_t)found;
        reader->alias_nodes += node->weight;
        if (reader->alias_nodes > YAML_ALIAS_NODES_MAX ||
            reader->depth + node->height > YAML_DEPTH_MAX) {
            complain(reader, RULE_DIAG_YAML_LIMIT, span, "aliases repeat too much of the file");
            reader->status = RT_ERR_LIMIT;
            return;
        }
    }
    if (node != NULL)
        push_child(reader, node);
}

/* One event; false when there will be no more that matter. */
static bool read_event(struct reader *reader, const yaml_event_t *event)
{
    reader->quoted = (struct rt_span){.begin = 0};
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        read_scalar(reader, event);
        break;
    case YAML_ALIAS_EVENT:
        read_alias(reader, event);
        break;
    case YAML_SEQUENCE_START_EVENT:
        begin_collection(reader, event, YAML_SEQUENCE);
        break;
    case YAML_MAPPING_START_EVENT:
        begin_collection(reader, event, YAML_MAPPING);
        break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        end_collection(reader, event);
        break;
    case YAML_DOCUMENT_START_EVENT:
        if (reader->root != NULL) {
            complain(reader, RULE_DIAG_YAML_STRUCTURE, span_of(reader, event),
                     "a rule file is one document, a second one starts here");
            return false;
        }
        break;
    case YAML_STREAM_END_EVENT:
        return false;
    default:
        break;
    }
    return reader->status == RT_OK;
}

/* The parser stopped.  True when reading may start again with a piece put aside. */
static bool explain_failure(struct reader *reader)
{
    const yaml_parser_t *parser = &reader->parser;
    struct yaml_problem problem = {.source = reader->whole,
                                   .text = parser->problem == NULL ? "" : parser->problem,
                                   .context = parser->context,
                                   .at = offset_of(reader, &parser->problem_mark),
                                   .context_at = UINT32_MAX,
                                   .quoted_begin = reader->quoted.begin,
                                   .quoted_end = reader->quoted.end};
    struct yaml_gap gap;

    if (parser->error == YAML_MEMORY_ERROR) {
        reader->status = RT_ERR_NOMEM;
        return false;
    }
    reader->has_error = true;
    if (parser->error == YAML_READER_ERROR) {
        uint32_t at = reader->base + (uint32_t)(parser->problem_offset < reader->text.length
                                                    ? parser->problem_offset
                                                    : reader->text.length);

        complain(reader, RULE_DIAG_YAML_ENCODING, (struct rt_span){reader->source, at, at},
                 "a control character cannot stand in a rule file");
        return false;
    }
    if (parser->context != NULL)
        problem.context_at = offset_of(reader, &parser->context_mark);
    if (memchr(reader->whole.data + problem.quoted_begin, '\n',
               problem.quoted_end - problem.quoted_begin) == NULL)
        problem.quoted_end = problem.quoted_begin;
    for (size_t i = 0; i < reader->depth; i++)
        problem.flow_depth += reader->frames[i].is_flow;
    if (!yaml_trap_report(reader->diags, reader->source, reader->arena, &problem, &gap))
        return false;
    if (reader->gap_count == GAPS_MAX)
        return false;
    reader->gaps[reader->gap_count++] = gap;
    return true;
}

/* Reads from the start; true when it has to be done again with one more gap. */
static bool read_once(struct reader *reader)
{
    bool again = false;
    bool more = true;

    reader->depth = 0;
    reader->child_count = 0;
    reader->node_count = 0;
    reader->alias_nodes = 0;
    reader->quoted = (struct rt_span){.begin = 0};
    reader->root = NULL;
    if (!yaml_parser_initialize(&reader->parser)) {
        reader->status = RT_ERR_NOMEM;
        return false;
    }
    yaml_parser_set_encoding(&reader->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader->parser, (const unsigned char *)reader->text.data,
                                 reader->text.length);
    while (more) {
        yaml_event_t event;

        if (!yaml_parser_parse(&reader->parser, &event)) {
            again = explain_failure(reader);
            reader->root = NULL;
            break;
        }
        more = read_event(reader, &event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&reader->parser);
    rt_map_done(&reader->anchors);
    return again && reader->status == RT_OK;
}

/* Puts a piece aside: a value becomes a plain word of the same length, lines become blank. */
static void fill_gap(char *text, const struct yaml_gap *gap)
{
    for (uint32_t at = gap->begin; at < gap->end; at++) {
        char *c = &text[at];

        if (gap->is_value || (*c != '\n' && *c != '\r'))
            *c = gap->is_value ? 'x' : ' ';
    }
}

static bool is_text(struct reader *reader)
{
    struct rt_text text = reader->text;

    if (text.length > YAML_BYTES_MAX) {
        complain(reader, RULE_DIAG_YAML_LIMIT, (struct rt_span){reader->source, 0, 0},
                 "the file is too large");
        return false;
    }
    if (rt_utf8_valid(text))
        return true;
    for (size_t at = 0; at < text.length;) {
        size_t begin = at;
        uint32_t c = rt_utf8_next(text, &at);

        if (c == 0xfffd && at - begin == 1) {
            uint32_t offset = reader->base + (uint32_t)begin;

            complain(reader, RULE_DIAG_YAML_ENCODING,
                     (struct rt_span){reader->source, offset, offset + 1},
                     "the file is not UTF-8 text");
            return false;
        }
    }
    return false;
}

enum rt_status yaml_read(struct rt_diags *diags, rt_source_id source, struct rt_arena *arena,
                         struct yaml_document *out)
{
    struct rt_text text = rt_diags_source_text(diags, source);
    struct reader *reader = rt_alloc_zeroed(1, sizeof(*reader));
    enum rt_status status;
    char *copy;

    *out = (struct yaml_document){.root = NULL};
    if (reader == NULL)
        return RT_ERR_NOMEM;
    reader->diags = diags;
    reader->source = source;
    reader->arena = arena;
    if (rt_text_starts_with(text, RT_TEXT("\xef\xbb\xbf")))
        reader->base = 3;
    reader->text = (struct rt_text){text.data + reader->base, text.length - reader->base};
    if (is_text(reader)) {
        copy = rt_arena_text(arena, text.data, text.length);
        reader->whole = (struct rt_text){copy, text.length};
        reader->status = RT_ERR_NOMEM;
        if (copy != NULL) {
            reader->text.data = copy + reader->base;
            reader->status = index_offsets(reader);
        }
        while (reader->status == RT_OK && read_once(reader)) {
            fill_gap(copy, &reader->gaps[reader->gap_count - 1]);
            reader->status = index_offsets(reader);
        }
        out->root = reader->status == RT_OK ? reader->root : NULL;
        out->has_gaps = reader->gap_count > 0 || (out->root == NULL && reader->has_error);
    } else {
        out->has_gaps = true;
    }
    status = reader->status == RT_ERR_LIMIT ? RT_OK : reader->status;
    rt_free(reader->children);
    rt_free(reader);
    return status;
}

const struct yaml_node *yaml_get(const struct yaml_node *mapping, const char *key)
{
    if (mapping == NULL || mapping->kind != YAML_MAPPING)
        return NULL;
    for (size_t i = 0; i < mapping->count; i++) {
        if (rt_text_is(mapping->pairs[i].key->text, key))
            return mapping->pairs[i].value;
    }
    return NULL;
}
