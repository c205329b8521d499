/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shape of a rule: what its partial matches rest on, as a list of named hashes that are saved beside them.
 *
 *     source, filter, key_by, after_match, step `a`, step `b` ...      of a pattern
 *     source, filter, key_by, where, window, aggregate `n` ...         of a window
 *     source, filter, key_by, where                                    of first-seen values
 *
 * It is made of the text of the rule, so that `params.n` counts by its name: another value of it lets partial matches go on.
 * Blanks do not count.  Part of stored formats: what is written here, and how, may not change.
 */
#include "rules/load.h"

enum { SHAPE_BYTES_MAX = 16 * 1024 * 1024, OTHER_PARTS = 6 };

struct shape {
    struct loader *loader;
    struct rule_shape_part *parts;
    uint32_t count;
    struct rt_buffer text; /* of the part at hand */
};

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           ((unsigned char)c & 0x80) != 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Without the blanks that nothing depends on: those outside of quotes that part no two words. */
static void put_text(struct rt_buffer *out, struct rt_text text)
{
    char quote = '\0', last = '\0';
    bool parted = false;

    for (size_t i = 0; i < text.length; i++) {
        char c = text.data[i];

        if (quote == '\0' && c == '/' &&
            last == '/') { /* a comment: its end is a blank that counts */
            rt_buffer_add(out, text.data + i, text.length - i);
            return;
        }
        if (quote == '\0' && is_blank(c)) {
            parted = true;
            continue;
        }
        if (parted && is_word(c) && is_word(last))
            rt_buffer_char(out, ' ');
        parted = false;
        if (quote == '\0' && (c == '\'' || c == '"'))
            quote = c;
        else if (c == quote && last != '\\')
            quote = '\0';
        rt_buffer_char(out, c);
        last = c;
    }
}

static bool is_span(struct rt_text key)
{
    return rt_text_is(key, "gap") || rt_text_is(key, "loop_gap");
}

/* What stands below `match` are values, no expressions.  Depth is bounded by YAML_DEPTH_MAX. */
// NOLINTNEXTLINE(misc-no-recursion)
static void put_node(struct rt_buffer *out, const struct yaml_node *node, bool is_data)
{
    if (node == NULL || node->kind == YAML_BROKEN) {
        rt_buffer_char(out, '~');
    } else if (node->kind == YAML_SCALAR) {
        if (is_data)
            rt_buffer_json_string(out, node->text);
        else
            put_text(out, node->text);
    } else if (node->kind == YAML_SEQUENCE) {
        for (size_t i = 0; i < node->count; i++) {
            rt_buffer_string(out, "\n- ");
            put_node(out, node->items[i], is_data);
        }
    } else {
        for (size_t i = 0; i < node->count; i++) {
            const struct rt_text key = node->pairs[i].key->text;

            if (is_span(key) && !is_data)
                continue;
            rt_buffer_string(out, "\n: ");
            rt_buffer_text(out, key);
            rt_buffer_string(out, "\n= ");
            put_node(out, node->pairs[i].value, is_data || rt_text_is(key, "match"));
        }
    }
    rt_buffer_string(out, "\n.");
}

/* The part is what was written into shape->text. */
static void end_part(struct shape *shape, const char *label)
{
    shape->parts[shape->count++] = (struct rule_shape_part){
        .label = label, .hash = rt_hash64(shape->text.data, shape->text.length)};
    if (shape->text.failed)
        shape->loader->status = RT_ERR_NOMEM;
    rt_buffer_reset(&shape->text);
}

/* step `a` */
static const char *named(struct shape *shape, const char *kind, const char *name)
{
    struct rt_buffer label;
    const char *copy = "";

    rt_buffer_init(&label, SHAPE_BYTES_MAX);
    rt_buffer_printf(&label, "%s `%s`", kind, name);
    if (label.failed)
        shape->loader->status = RT_ERR_NOMEM;
    else
        copy = load_copy(shape->loader, rt_buffer_view(&label));
    rt_buffer_done(&label);
    return copy == NULL ? "" : copy;
}

static void put_common(struct shape *shape, const struct load_rule *load)
{
    const struct rule *rule = load->rule;
    const struct rule_keying *keying = &shape->loader->plan->keyings[rule->keying];

    for (uint32_t i = 0; i < rule->source_count; i++)
        rt_buffer_printf(&shape->text, "%s\n", rule->sources[i]);
    end_part(shape, "source");
    put_node(&shape->text, load->nodes.filter, false);
    end_part(shape, "filter");
    for (uint32_t i = 0; i < keying->part_count; i++)
        rt_buffer_printf(&shape->text, "%s:%s;", keying->parts[i].label, keying->parts[i].text);
    if (rule->group_parts > 0)
        rt_buffer_printf(&shape->text, "group %u;", rule->group_parts);
    end_part(shape, "key_by");
}

static void put_pattern(struct shape *shape, const struct load_rule *load)
{
    const struct nfa_pattern *pattern = load->rule->pattern;
    const struct yaml_node *node = load->nodes.pattern;

    rt_buffer_printf(&shape->text, "%d %s %d", (int)pattern->skip,
                     pattern->skip_step == NULL ? "" : pattern->skip_step, (int)pattern->emit);
    end_part(shape, "after_match");
    for (size_t i = 0; i < pattern->step_count && i < node->count; i++) {
        put_node(&shape->text, node->items[i], false);
        end_part(shape, named(shape, "step", pattern->steps[i].name));
    }
}

/* Which events count: of a window, and of what was seen. */
static void put_where(struct shape *shape, const struct load_rule *load)
{
    put_node(&shape->text, load->nodes.match, true);
    put_node(&shape->text, load->nodes.where, false);
    put_node(&shape->text, load->nodes.any_of, false);
    end_part(shape, "where");
}

static void put_window(struct shape *shape, const struct load_rule *load)
{
    const struct yaml_node *aggregates = load->nodes.aggregate;

    put_node(&shape->text, load->nodes.window, false);
    put_node(&shape->text, load->nodes.early, false);
    end_part(shape, "window");
    for (size_t i = 0; aggregates != NULL && i < aggregates->count; i++) {
        const struct rt_text name = aggregates->pairs[i].key->text;
        const char *copy = load_copy(shape->loader, name);

        put_node(&shape->text, aggregates->pairs[i].value, false);
        end_part(shape, named(shape, "aggregate", copy == NULL ? "" : copy));
    }
}

bool load_shape(struct loader *loader, struct load_rule *load)
{
    struct rule *rule = load->rule;
    struct shape shape = {.loader = loader};
    size_t parts = OTHER_PARTS;

    if (rule->kind == RULE_SINGLE && rule->new_value_ttl.ms == 0)
        return true;
    if (rule->kind == RULE_PATTERN)
        parts += rule->pattern->step_count;
    else if (load->nodes.aggregate != NULL)
        parts += load->nodes.aggregate->count;
    shape.parts = load_alloc(loader, parts, sizeof(*shape.parts));
    if (shape.parts == NULL)
        return false;
    rt_buffer_init(&shape.text, SHAPE_BYTES_MAX);
    put_common(&shape, load);
    if (rule->kind == RULE_PATTERN)
        put_pattern(&shape, load);
    else
        put_where(&shape, load);
    if (rule->kind == RULE_WINDOW)
        put_window(&shape, load);
    rt_buffer_done(&shape.text);
    rule->shape = shape.parts;
    rule->shape_count = shape.count;
    return loader->status == RT_OK;
}
