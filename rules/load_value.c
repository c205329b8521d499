/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes as values: texts, numbers, durations, words, JSON. */
#include "rules/load.h"
#include "runtime/base/calendar.h"

enum { JSON_BYTES_MAX = 64 * 1024 * 1024 };

static const struct rt_text expected_duration = {"500ms 30s 10m 2h 7d", 19};

/* A scalar that can be used; silent about what was reported before. */
static bool is_usable(const struct yaml_node *node)
{
    return node != NULL && node->kind == YAML_SCALAR && node->type != YAML_NULL;
}

/* Words that YAML 1.1 reads as booleans, where a text is wanted: said once a file. */
static void note_word(struct loader *loader, const struct yaml_node *node)
{
    static const char *const words[] = {"yes", "Yes", "YES", "no",  "No",  "NO",
                                        "on",  "On",  "ON",  "off", "Off", "OFF"};
    struct rt_diag *diag;

    if (node->style != YAML_PLAIN || node->text.length > 3 || loader->file->has_word)
        return;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (!rt_text_is(node->text, words[i]))
            continue;
        loader->file->has_word = true;
        diag = rt_diag_add(loader->diags, RT_SEVERITY_WARNING, RULE_DIAG_YAML_WORD, node->span,
                           "`%s` is a text here, some YAML readers take it for true or false",
                           words[i]);
        rt_diag_help(loader->diags, diag, "quote it to make that certain");
        rt_diag_fix(loader->diags, diag, "\"%s\"", words[i]);
        return;
    }
}

bool load_text(struct loader *loader, const struct yaml_node *node, const char *name,
               const char **out)
{
    const char *copy;

    if (!is_usable(node))
        return false;
    if (memchr(node->text.data, '\0', node->text.length) != NULL) {
        LOAD_ERROR(loader, YAML_ENCODING, node, "`%s` holds a NUL character", name);
        return false;
    }
    note_word(loader, node);
    copy = load_copy(loader, node->text);
    if (copy == NULL)
        return false;
    *out = copy;
    return true;
}

bool load_bool(struct loader *loader, const struct yaml_node *node, const char *name, bool *out)
{
    struct rt_diag *diag;

    if (!is_usable(node))
        return false;
    if (node->type == YAML_BOOL) {
        *out = node->text.data[0] == 't' || node->text.data[0] == 'T';
        return true;
    }
    diag = LOAD_ERROR(loader, WRONG_TYPE, node, "`%s` is true or false", name);
    if (rt_text_is(node->text, "yes") || rt_text_is(node->text, "on"))
        rt_diag_fix(loader->diags, diag, "true");
    else if (rt_text_is(node->text, "no") || rt_text_is(node->text, "off"))
        rt_diag_fix(loader->diags, diag, "false");
    return false;
}

/* `1:30` as the seconds that YAML 1.1 makes of it; false: not of that form. */
static bool base_60(struct rt_text text, int64_t *out_seconds)
{
    int64_t seconds = 0;
    int64_t part = 0;
    size_t digits = 0;
    size_t colons = 0;

    if (text.length > 12)
        return false;
    for (size_t i = 0; i <= text.length; i++) {
        if (i < text.length && text.data[i] >= '0' && text.data[i] <= '9') {
            part = part * 10 + (text.data[i] - '0');
            digits++;
            continue;
        }
        if (digits == 0 || (i < text.length && text.data[i] != ':'))
            return false;
        seconds = seconds * 60 + part;
        colons += i < text.length;
        part = 0;
        digits = 0;
    }
    *out_seconds = seconds;
    return colons > 0;
}

/* `30 min`, `2hours`: the number and the letter of the unit, else nothing. */
static void suggest_unit(struct loader *loader, struct rt_diag *diag, struct rt_text text)
{
    static const struct {
        const char *word, *unit;
    } units[] = {{"mil", "ms"}, {"ms", "ms"}, {"s", "s"}, {"m", "m"}, {"h", "h"}, {"d", "d"}};
    size_t digits = 0, at;

    while (digits < text.length && text.data[digits] >= '0' && text.data[digits] <= '9')
        digits++;
    for (at = digits; at < text.length && text.data[at] == ' ';)
        at++;
    for (size_t i = 0; digits > 0 && i < sizeof(units) / sizeof(units[0]); i++) {
        if (!rt_text_starts_with((struct rt_text){text.data + at, text.length - at},
                                 rt_text_of(units[i].word)))
            continue;
        if (digits + strlen(units[i].unit) == text.length)
            return; /* written well, and too long */
        rt_diag_label(loader->diags, diag, "did you mean `%.*s%s`?", (int)digits, text.data,
                      units[i].unit);
        return;
    }
}

/* What a text that is no duration might have meant. */
static void report_duration(struct loader *loader, const struct yaml_node *node, const char *name)
{
    int64_t seconds;
    struct rt_diag *diag;

    if (base_60(node->text, &seconds)) {
        diag = LOAD_ERROR(loader, YAML_BASE_60, node, "`%s` is not a duration", node->text.data);
        rt_diag_help(loader->diags, diag, "durations have units: write `%llds`",
                     (long long)seconds);
        rt_diag_fix(loader->diags, diag, "%llds", (long long)seconds);
        return;
    }
    diag = LOAD_ERROR(loader, BAD_DURATION, node, "`%s` takes a duration, `%s` is none", name,
                      node->text.data);
    if (node->type == YAML_INT)
        rt_diag_label(loader->diags, diag, "%s what? write `%ss` for seconds", node->text.data,
                      node->text.data);
    else
        suggest_unit(loader, diag, node->text);
    rt_diag_help(loader->diags, diag, "durations are written like %s", expected_duration.data);
}

bool load_duration(struct loader *loader, const struct yaml_node *node, const char *name,
                   rt_duration *out)
{
    int64_t ms;

    if (!is_usable(node))
        return false;
    if (!rt_text_to_duration_ms(node->text, &ms)) {
        report_duration(loader, node, name);
        return false;
    }
    if (ms > RT_DURATION_MAX.ms) {
        LOAD_ERROR(loader, BAD_DURATION, node, "`%s` is too long", name);
        return false;
    }
    *out = (rt_duration){ms};
    return true;
}

bool load_span(struct loader *loader, const struct yaml_node *node, const char *name,
               enum rule_diag code, rt_duration *out)
{
    if (!load_duration(loader, node, name, out))
        return false;
    if (out->ms > 0)
        return true;
    rt_diag_add(loader->diags, RT_SEVERITY_ERROR, code, node->span, "`%s` is longer than nothing",
                name);
    return false;
}

bool load_number(struct loader *loader, const struct yaml_node *node, const char *name,
                 enum rule_diag code, uint32_t *out)
{
    enum { NUMBER_MAX = 1000000 };
    int64_t number;

    if (node->kind != YAML_SCALAR)
        return false;
    if (!rt_text_to_int(node->text, &number) || number < 1 || number > NUMBER_MAX) {
        rt_diag_add(loader->diags, RT_SEVERITY_ERROR, code, node->span, "%s, 1 to %d", name,
                    NUMBER_MAX);
        return false;
    }
    *out = (uint32_t)number;
    return true;
}

bool load_time(struct loader *loader, const struct yaml_node *node, const char *name, rt_time *out)
{
    char text[48];
    int64_t seconds;
    uint32_t nanos;
    struct rt_diag *diag;

    if (!is_usable(node))
        return false;
    if (rt_rfc3339_parse(node->text, &seconds, &nanos)) {
        *out = (rt_time){seconds * 1000 + nanos / 1000000};
        return true;
    }
    if (node->text.length == 10) {
        memcpy(text, node->text.data, 10);
        memcpy(text + 10, "T00:00:00Z", 10);
        if (rt_rfc3339_parse((struct rt_text){text, 20}, &seconds, &nanos)) {
            *out = (rt_time){seconds * 1000};
            return true;
        }
    }
    diag = LOAD_ERROR(loader, BAD_TIME, node, "`%s` takes a point in time, `%s` is none", name,
                      node->text.data);
    rt_diag_help(loader->diags, diag,
                 "write 2026-01-01T00:00:00Z, or 2026-01-01 for its start in UTC");
    return false;
}

bool load_word(struct loader *loader, const struct yaml_node *node, const char *name,
               const char *const *words, size_t count, size_t *out)
{
    if (!is_usable(node))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (rt_text_is(node->text, words[i])) {
            *out = i;
            return true;
        }
    }
    load_unknown_word(loader, node, name, words, count);
    return false;
}

bool load_severity(struct loader *loader, const struct yaml_node *node, const char *name,
                   enum rule_severity *out)
{
    const char *words[RULE_SEVERITY_COUNT];
    size_t found;

    for (int i = 0; i < RULE_SEVERITY_COUNT; i++)
        words[i] = rule_severity_name((enum rule_severity)i);
    if (!load_word(loader, node, name, words, RULE_SEVERITY_COUNT, &found))
        return false;
    *out = (enum rule_severity)found;
    return true;
}

bool load_texts(struct loader *loader, const struct yaml_node *node, const char *name,
                const char *const **out, uint32_t *out_count)
{
    size_t count = node == NULL ? 0 : node->kind == YAML_SEQUENCE ? node->count : 1;
    const char **texts;
    uint32_t kept = 0;

    if (node == NULL || node->kind == YAML_BROKEN || node->kind == YAML_MAPPING)
        return false;
    texts = load_alloc(loader, count, sizeof(*texts));
    if (texts == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct yaml_node *item = node->kind == YAML_SEQUENCE ? node->items[i] : node;

        if (load_accepts(loader, item, LOAD_SCALAR, name) &&
            load_text(loader, item, name, &texts[kept]))
            kept++;
    }
    *out = texts;
    *out_count = kept;
    return kept == count;
}

/* ---- values of params, lists and tests ---- */

/* An integer of the core schema that fits; false: it does not. */
static bool core_int(struct rt_text text, int64_t *out)
{
    unsigned base = 10;
    uint64_t value = 0;

    if (text.length > 2 && text.data[0] == '0' && (text.data[1] == 'x' || text.data[1] == 'o'))
        base = text.data[1] == 'x' ? 16 : 8;
    if (base == 10) {
        if (text.length > 0 && text.data[0] == '+')
            text = (struct rt_text){text.data + 1, text.length - 1};
        return rt_text_to_int(text, out);
    }
    for (size_t i = 2; i < text.length; i++) {
        char c = text.data[i];
        unsigned digit = c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a') + 10;

        if (value > (uint64_t)INT64_MAX / base)
            return false;
        value = value * base + digit;
    }
    if (value > (uint64_t)INT64_MAX)
        return false;
    *out = (int64_t)value;
    return true;
}

/* A number of the core schema: an int if it is one and fits, else a double; false for .inf and .nan. */
static bool core_number(const struct yaml_node *node, struct rt_value *out)
{
    struct rt_text text = node->text;
    double real;
    int64_t integer;

    if (node->type == YAML_INT && core_int(text, &integer)) {
        *out = rt_int(integer);
        return true;
    }
    if (text.length > 0 && text.data[0] == '+')
        text = (struct rt_text){text.data + 1, text.length - 1};
    if (!rt_text_to_double(text, &real) || real - real != 0.0)
        return false;
    *out = rt_double(real);
    return true;
}

static bool load_scalar(struct loader *loader, const struct yaml_node *node, struct rt_value *out)
{
    const char *copy;

    switch (node->type) {
    case YAML_NULL:
        *out = rt_null();
        return true;
    case YAML_BOOL:
        *out = rt_bool(node->text.data[0] == 't' || node->text.data[0] == 'T');
        return true;
    case YAML_INT:
    case YAML_FLOAT:
        if (core_number(node, out))
            return true;
        LOAD_ERROR(loader, BAD_NUMBER, node, "`%s` is not a number that can be used",
                   node->text.data);
        return false;
    default:
        note_word(loader, node);
        copy = load_copy(loader, node->text);
        if (copy == NULL)
            return false;
        *out = rt_string(copy, (uint32_t)node->text.length);
        return true;
    }
}

/* Depth is bounded by YAML_DEPTH_MAX. */
bool load_value(struct loader *loader, const struct yaml_node *node, // NOLINT(misc-no-recursion)
                struct rt_value *out)
{
    struct rt_map_entry *entries;
    struct rt_value *items;
    bool good = true;

    *out =
        rt_null(); /* what a mistake leaves: conditions over the rest are still read and printed */
    if (node->kind == YAML_BROKEN)
        return false;
    if (node->kind == YAML_SCALAR)
        return load_scalar(loader, node, out);
    if (node->kind == YAML_SEQUENCE) {
        items = load_alloc(loader, node->count, sizeof(*items));
        for (size_t i = 0; items != NULL && i < node->count; i++)
            good = load_value(loader, node->items[i], &items[i]) && good;
        *out =
            (struct rt_value){.type = RT_LIST, .length = (uint32_t)node->count, .u.items = items};
        return good && items != NULL;
    }
    entries = load_alloc(loader, node->count, sizeof(*entries));
    for (size_t i = 0; entries != NULL && i < node->count; i++) {
        struct rt_text key = node->pairs[i].key->text;
        const char *copy = load_copy(loader, key);

        entries[i].key = rt_string(copy, (uint32_t)key.length);
        good = load_value(loader, node->pairs[i].value, &entries[i].value) && good && copy != NULL;
    }
    *out = (struct rt_value){.type = RT_MAP, .length = (uint32_t)node->count, .u.entries = entries};
    return good && entries != NULL;
}

/* -? (0 | [1-9] digits) [. digits] [e [+-] digits]: what JSON allows. */
static bool is_json_number(struct rt_text text)
{
    size_t at = text.length > 0 && text.data[0] == '-' ? 1 : 0;

    if (at == text.length || text.data[at] < '0' || text.data[at] > '9')
        return false;
    if (text.data[at] == '0' && at + 1 < text.length && text.data[at + 1] >= '0' &&
        text.data[at + 1] <= '9')
        return false;
    for (; at < text.length; at++) {
        bool is_last = at + 1 == text.length;
        char next = is_last ? '\0' : text.data[at + 1];

        if (text.data[at] == '.' && (next < '0' || next > '9'))
            return false;
        if (text.data[at] == 'x' || text.data[at] == 'o')
            return false;
    }
    return true;
}

static void put_scalar(struct loader *loader, const struct yaml_node *node, struct rt_buffer *out)
{
    struct rt_value value;

    if (node->type == YAML_STRING) {
        note_word(loader, node);
        rt_buffer_json_string(out, node->text);
    } else if (node->type == YAML_NULL) {
        rt_buffer_string(out, "null");
    } else if (node->type == YAML_BOOL) {
        rt_buffer_string(out,
                         node->text.data[0] == 't' || node->text.data[0] == 'T' ? "true" : "false");
    } else if (is_json_number(node->text)) {
        rt_buffer_text(out, node->text);
    } else if (core_number(node, &value)) {
        rt_value_json(value, out);
    } else {
        LOAD_ERROR(loader, BAD_NUMBER, node, "`%s` is not a number that can be used",
                   node->text.data);
        rt_buffer_string(out, "null");
    }
}

/* Depth is bounded by YAML_DEPTH_MAX. */
void load_put_json(struct loader *loader, const struct yaml_node *node, // NOLINT(misc-no-recursion)
                   struct rt_buffer *out)
{
    if (node->kind == YAML_SCALAR) {
        put_scalar(loader, node, out);
    } else if (node->kind == YAML_SEQUENCE) {
        rt_buffer_char(out, '[');
        for (size_t i = 0; i < node->count; i++) {
            if (i > 0)
                rt_buffer_char(out, ',');
            load_put_json(loader, node->items[i], out);
        }
        rt_buffer_char(out, ']');
    } else if (node->kind == YAML_MAPPING) {
        rt_buffer_char(out, '{');
        for (size_t i = 0; i < node->count; i++) {
            if (i > 0)
                rt_buffer_char(out, ',');
            rt_buffer_json_string(out, node->pairs[i].key->text);
            rt_buffer_char(out, ':');
            load_put_json(loader, node->pairs[i].value, out);
        }
        rt_buffer_char(out, '}');
    } else {
        rt_buffer_string(out, "null"); /* reported before */
    }
}

bool load_json(struct loader *loader, const struct yaml_node *node, const char **out)
{
    struct rt_buffer buffer;
    const char *copy = NULL;

    if (node == NULL || node->kind == YAML_BROKEN)
        return false;
    rt_buffer_init(&buffer, JSON_BYTES_MAX);
    load_put_json(loader, node, &buffer);
    if (buffer.failed)
        loader->status = RT_ERR_NOMEM;
    else
        copy = load_copy(loader, rt_buffer_view(&buffer));
    rt_buffer_done(&buffer);
    if (copy == NULL)
        return false;
    *out = copy;
    return true;
}
