/* SPDX-License-Identifier: Apache-2.0 */
/*
 * match maps -> expressions.
 *
 *     match: { type: login, user: [a, b], geo.zip: null, path|startswith: /admin }
 *
 *     event.type == "login" && event.user in ["a", "b"] && !has(event.geo.zip) && event.path.startsWith("/admin")
 *
 * So there is one language: what match means, explain can print.
 */
#include "rules/load.h"

enum modifier {
    MODIFIER_EQUAL, /* none */
    MODIFIER_STARTSWITH,
    MODIFIER_ENDSWITH,
    MODIFIER_CONTAINS,
    MODIFIER_CIDR,
    MODIFIER_RE,
    MODIFIER_GT,
    MODIFIER_GTE,
    MODIFIER_LT,
    MODIFIER_LTE,
    MODIFIER_EXISTS,
    MODIFIER_FIELDREF,
    MODIFIER_CASED /* comparisons are case-sensitive anyway; here for those who come from Sigma */
};

static const char *const modifier_names[] = {"",       "startswith", "endswith", "contains", "cidr",
                                             "re",     "gt",         "gte",      "lt",       "lte",
                                             "exists", "fieldref",   "cased"};
enum { MODIFIER_COUNT = sizeof(modifier_names) / sizeof(modifier_names[0]) };

struct clause { /* one pair of the map */
    struct loader *loader;
    struct load_pieces *pieces;
    const struct yaml_node *key, *value;
    struct rt_text path; /* of the key, without modifiers */
    enum modifier modifier;
};

/* ---- pieces ---- */

/* Far above what an expression may have, so that the expression says what is too long. */
enum { PIECES_BYTES_MAX = 64 * 1024 * 1024 };

void load_pieces_init(struct load_pieces *pieces, const struct yaml_node *node)
{
    *pieces = (struct load_pieces){.source = node->span.source, .end = node->span.end};
    rt_buffer_init(&pieces->bytes, PIECES_BYTES_MAX);
}

void load_pieces_done(struct load_pieces *pieces)
{
    rt_buffer_done(&pieces->bytes);
}

/* Room for the offsets of `more` bytes and of the end. */
static bool make_room(struct loader *loader, struct load_pieces *pieces, size_t more)
{
    size_t needed = pieces->bytes.length + more + 1;
    size_t capacity = pieces->capacity == 0 ? 256 : pieces->capacity;
    uint32_t *offsets;

    if (needed <= pieces->capacity)
        return true;
    while (capacity < needed)
        capacity *= 2;
    offsets = rt_arena_array(&loader->scratch, capacity, sizeof(*offsets));
    if (offsets == NULL) {
        loader->status = RT_ERR_NOMEM;
        pieces->failed = true;
        return false;
    }
    if (pieces->bytes.length > 0)
        memcpy(offsets, pieces->offsets, pieces->bytes.length * sizeof(*offsets));
    pieces->offsets = offsets;
    pieces->capacity = capacity;
    return true;
}

void load_pieces_add(struct loader *loader, struct load_pieces *pieces, struct rt_text text,
                     uint32_t from, uint32_t to)
{
    if (!make_room(loader, pieces, text.length))
        return;
    for (size_t i = 0; i < text.length; i++) {
        uint32_t at = from + (uint32_t)i;

        pieces->offsets[pieces->bytes.length + i] = at < to ? at : to;
    }
    pieces->end = to;
    rt_buffer_text(&pieces->bytes, text);
}

void load_pieces_add_expr(struct loader *loader, struct load_pieces *pieces,
                          const struct expr_text *expr)
{
    if (!make_room(loader, pieces, expr->text.length))
        return;
    for (size_t i = 0; i < expr->text.length; i++)
        pieces->offsets[pieces->bytes.length + i] = expr->offsets[i];
    pieces->end = expr->offsets[expr->text.length];
    rt_buffer_text(&pieces->bytes, expr->text);
}

/* Words that stand for the key, and those that close what stands for the value. */
static void put_key(const struct clause *clause, struct rt_text text)
{
    struct rt_span span = clause->key->span;

    load_pieces_add(clause->loader, clause->pieces, text, span.begin, span.end);
}
static void put_between(const struct clause *clause, const char *text)
{
    uint32_t at = clause->key->span.end;

    load_pieces_add(clause->loader, clause->pieces, rt_text_of(text), at, at);
}
static void put_behind(const struct clause *clause, const struct yaml_node *value, const char *text)
{
    load_pieces_add(clause->loader, clause->pieces, rt_text_of(text), value->span.end,
                    value->span.end);
}

/* ---- fields ---- */

static bool is_name(struct rt_text name)
{
    static const char *const literals[] = {"true", "false", "null", "in"};

    for (size_t i = 0; i < sizeof(literals) / sizeof(literals[0]); i++) {
        if (rt_text_is(name, literals[i]))
            return false;
    }
    for (size_t i = 0; i < name.length; i++) {
        char c = name.data[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';

        if (!letter && (i == 0 || c < '0' || c > '9'))
            return false;
    }
    return name.length > 0;
}

/* What may stand between backquotes. */
static bool is_quotable(struct rt_text name)
{
    for (size_t i = 0; i < name.length; i++) {
        char c = name.data[i];
        bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '_' || c == '-' || c == '/' || c == ' ';

        if (!fine)
            return false;
    }
    return name.length > 0;
}

/* `b.c` as `event.b.c`; false: a part of it cannot be a field's name. */
static bool path_text(struct rt_text path, struct rt_buffer *out)
{
    size_t begin = 0;

    rt_buffer_string(out, "event");
    for (size_t i = 0; i <= path.length; i++) {
        struct rt_text name = {path.data + begin, i - begin};

        if (i < path.length && path.data[i] != '.')
            continue;
        if (!is_quotable(name))
            return false;
        rt_buffer_printf(out, is_name(name) ? ".%.*s" : ".`%.*s`", (int)name.length, name.data);
        begin = i + 1;
    }
    return true;
}

static bool put_path(const struct clause *clause, struct rt_text path, const struct yaml_node *node)
{
    struct rt_buffer text;
    bool good;

    rt_buffer_init(&text, PIECES_BYTES_MAX);
    good = path_text(path, &text);
    if (text.failed)
        clause->pieces->failed = true;
    if (good)
        load_pieces_add(clause->loader, clause->pieces, rt_buffer_view(&text), node->span.begin,
                        node->span.end);
    else
        rt_diag_help(clause->loader->diags,
                     LOAD_ERROR(clause->loader, BAD_MATCH, node, "`%s` cannot be a field here",
                                node->text.data),
                     "nested fields are written with a dot; for odd names use `where`");
    rt_buffer_done(&text);
    return good;
}

/* ---- values ---- */

static bool refuse_value(const struct clause *clause, const struct yaml_node *value,
                         const char *wanted)
{
    struct rt_diag *diag;

    if (value->kind == YAML_BROKEN)
        return false;
    diag = LOAD_ERROR(clause->loader, BAD_MATCH, value, "`%s` cannot be compared with this",
                      clause->key->text.data);
    rt_diag_help(clause->loader->diags, diag, "it takes %s", wanted);
    if (value->kind == YAML_MAPPING)
        rt_diag_help(clause->loader->diags, diag, "write nested fields with a dot: `%s.NAME: ...`",
                     clause->key->text.data);
    return false;
}

/* A scalar as a literal. */
static bool put_literal(const struct clause *clause, const struct yaml_node *value)
{
    struct rt_value literal;
    struct rt_buffer text;
    char number[RT_DOUBLE_TEXT_MAX];

    if (!load_value(clause->loader, value, &literal))
        return false;
    rt_buffer_init(&text, PIECES_BYTES_MAX);
    switch (literal.type) {
    case RT_STRING:
        rt_buffer_json_string(&text, rt_value_text(literal));
        break;
    case RT_INT:
        rt_buffer_int(&text, literal.u.integer);
        break;
    case RT_DOUBLE:
        rt_double_text(literal.u.real, number);
        rt_buffer_string(&text, number);
        break;
    default:
        rt_buffer_string(&text, literal.type == RT_NULL ? "null"
                                : literal.u.boolean     ? "true"
                                                        : "false");
        break;
    }
    if (text.failed)
        clause->pieces->failed = true;
    load_pieces_add(clause->loader, clause->pieces, rt_buffer_view(&text), value->span.begin,
                    value->span.end);
    rt_buffer_done(&text);
    return true;
}

static bool is_null(const struct yaml_node *value)
{
    return value->kind == YAML_SCALAR && value->type == YAML_NULL;
}

/* `field: [a, b, null]`: in the list, or absent if the list says null. */
static bool put_in_list(const struct clause *clause)
{
    const struct yaml_node *list = clause->value;
    size_t nulls = 0;
    size_t written = 0;
    bool good;

    if (list->count == 0) {
        LOAD_ERROR(clause->loader, EMPTY, list, "an empty list matches nothing");
        return false;
    }
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i]->kind != YAML_SCALAR)
            return refuse_value(clause, list->items[i], "a text, a number, true, false or null");
        nulls += is_null(list->items[i]);
    }
    if (nulls > 0) {
        put_between(clause, "(!has(");
        good = put_path(clause, clause->path, clause->key);
        put_between(clause, nulls < list->count ? ") || " : "))");
        if (!good || nulls == list->count)
            return good;
    }
    good = put_path(clause, clause->path, clause->key);
    put_between(clause, " in [");
    for (size_t i = 0; i < list->count && good; i++) {
        if (is_null(list->items[i]))
            continue;
        if (written++ > 0)
            load_pieces_add(clause->loader, clause->pieces, RT_TEXT(", "),
                            list->items[i]->span.begin, list->items[i]->span.begin);
        good = put_literal(clause, list->items[i]);
    }
    put_behind(clause, list, nulls > 0 ? "])" : "]");
    return good;
}

static bool put_equal(const struct clause *clause)
{
    const struct yaml_node *value = clause->value;
    bool good;

    if (value->kind == YAML_SEQUENCE)
        return put_in_list(clause);
    if (value->kind != YAML_SCALAR)
        return refuse_value(clause, value,
                            "a text, a number, true, false, null or a list of these");
    if (is_null(value)) {
        put_key(clause, RT_TEXT("!has("));
        good = put_path(clause, clause->path, clause->key);
        put_behind(clause, value, ")");
        return good;
    }
    good = put_path(clause, clause->path, clause->key);
    put_between(clause, " == ");
    return put_literal(clause, value) && good;
}

/* `exists: true` and `exists: false`. */
static bool put_exists(const struct clause *clause)
{
    const struct yaml_node *value = clause->value;
    bool wanted;
    bool good;

    if (value->kind != YAML_SCALAR || value->type != YAML_BOOL)
        return refuse_value(clause, value, "true or false");
    wanted = value->text.data[0] == 't' || value->text.data[0] == 'T';
    put_key(clause, wanted ? RT_TEXT("has(") : RT_TEXT("!has("));
    good = put_path(clause, clause->path, clause->key);
    put_behind(clause, value, ")");
    return good;
}

/* One value of a modifier that is a function or an operator. */
static bool put_test(const struct clause *clause, const struct yaml_node *value)
{
    static const struct {
        const char *before, *between, *behind;
        bool takes_text;
    } forms[MODIFIER_COUNT] = {
        [MODIFIER_STARTSWITH] = {"", ".startsWith(", ")", true},
        [MODIFIER_ENDSWITH] = {"", ".endsWith(", ")", true},
        [MODIFIER_CONTAINS] = {"", ".contains(", ")", true},
        [MODIFIER_RE] = {"", ".matches(", ")", true},
        [MODIFIER_CIDR] = {"cidr(", ", ", ")", true},
        [MODIFIER_GT] = {"", " > ", "", false},
        [MODIFIER_GTE] = {"", " >= ", "", false},
        [MODIFIER_LT] = {"", " < ", "", false},
        [MODIFIER_LTE] = {"", " <= ", "", false},
        [MODIFIER_FIELDREF] = {"", " == ", "", true},
    };
    bool good;

    if (value->kind != YAML_SCALAR || value->type == YAML_NULL || value->type == YAML_BOOL ||
        (forms[clause->modifier].takes_text && value->type != YAML_STRING))
        return refuse_value(clause, value,
                            forms[clause->modifier].takes_text
                                ? "a text, in quotes if it looks like something else"
                                : "a number or a text");
    put_key(clause, rt_text_of(forms[clause->modifier].before));
    good = put_path(clause, clause->path, clause->key);
    put_between(clause, forms[clause->modifier].between);
    if (clause->modifier == MODIFIER_FIELDREF)
        good = put_path(clause, value->text, value) && good;
    else
        good = put_literal(clause, value) && good;
    put_behind(clause, value, forms[clause->modifier].behind);
    return good;
}

/* A list of values: one of them. */
static bool put_tests(const struct clause *clause)
{
    const struct yaml_node *value = clause->value;
    bool is_order = clause->modifier >= MODIFIER_GT && clause->modifier <= MODIFIER_LTE;
    bool good = true;

    if (value->kind != YAML_SEQUENCE)
        return put_test(clause, value);
    if (is_order)
        return refuse_value(clause, value, "one number or text");
    if (value->count == 0) {
        LOAD_ERROR(clause->loader, EMPTY, value, "an empty list matches nothing");
        return false;
    }
    put_between(clause, "(");
    for (size_t i = 0; i < value->count; i++) {
        if (i > 0)
            put_between(clause, " || ");
        good = put_test(clause, value->items[i]) && good;
    }
    put_behind(clause, value, ")");
    return good;
}

/* ---- keys ---- */

static bool parse_modifier(struct clause *clause, struct rt_text word)
{
    struct rt_diag *diag;
    const char *nearest;

    for (size_t i = 1; i < MODIFIER_COUNT; i++) {
        if (!rt_text_is(word, modifier_names[i]))
            continue;
        if (i == MODIFIER_CASED)
            return true;
        if (clause->modifier != MODIFIER_EQUAL) {
            LOAD_ERROR(clause->loader, BAD_MODIFIER, clause->key,
                       "`%s` has two modifiers that compare", clause->key->text.data);
            return false;
        }
        clause->modifier = (enum modifier)i;
        return true;
    }
    nearest = rt_nearest(word, modifier_names + 1, MODIFIER_COUNT - 1);
    diag = LOAD_ERROR(clause->loader, BAD_MODIFIER, clause->key, "unknown modifier `%.*s`",
                      (int)word.length, word.data);
    if (nearest != NULL)
        rt_diag_label(clause->loader->diags, diag, "did you mean `%s`?", nearest);
    rt_diag_help(
        clause->loader->diags, diag,
        "one of startswith, endswith, contains, cidr, re, gt, gte, lt, lte, cased, exists, "
        "fieldref");
    return false;
}

/* `path|startswith|cased` into path and modifier. */
static bool parse_key(struct clause *clause)
{
    struct rt_text key = clause->key->text;
    size_t begin = 0;
    bool good = true;

    clause->path.data = NULL;
    for (size_t i = 0; i <= key.length; i++) {
        struct rt_text part = {key.data + begin, i - begin};

        if (i < key.length && key.data[i] != '|')
            continue;
        if (clause->path.data == NULL)
            clause->path = part;
        else
            good = parse_modifier(clause, part) && good;
        begin = i + 1;
    }
    return good;
}

bool load_match_pieces(struct loader *loader, const struct yaml_node *match,
                       struct load_pieces *pieces)
{
    bool good = true;

    if (match->kind != YAML_MAPPING)
        return false;
    if (match->count == 0) {
        LOAD_ERROR(loader, EMPTY, match, "an empty `match` would take every event");
        return false;
    }
    for (size_t i = 0; i < match->count; i++) {
        struct clause clause = {.loader = loader,
                                .pieces = pieces,
                                .key = match->pairs[i].key,
                                .value = match->pairs[i].value};

        if (i > 0)
            load_pieces_add(loader, pieces, RT_TEXT(" && "), clause.key->span.begin,
                            clause.key->span.begin);
        if (clause.value->kind == YAML_BROKEN || !parse_key(&clause))
            good = false;
        else if (clause.modifier == MODIFIER_EQUAL)
            good = put_equal(&clause) && good;
        else if (clause.modifier == MODIFIER_EXISTS)
            good = put_exists(&clause) && good;
        else
            good = put_tests(&clause) && good;
    }
    if (pieces->failed || pieces->bytes.failed)
        loader->status = RT_ERR_NOMEM;
    return good && loader->status == RT_OK;
}
