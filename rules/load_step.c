/* SPDX-License-Identifier: Apache-2.0 */
/* One step of a pattern: its verb, its name and how often it is taken. */
#include "rules/load_pattern.h"

#include "runtime/base/assert.h"

static const char *const verbs[LOAD_VERB_COUNT] = {"begin",         "next",    "followedBy",
                                                   "followedByAny", "notNext", "notFollowedBy"};

/* ---- the verb ---- */

static bool has_verb(const struct yaml_node *node)
{
    for (size_t i = 0; i < LOAD_VERB_COUNT; i++) {
        if (yaml_get(node, verbs[i]) != NULL)
            return true;
    }
    return false;
}

/* The line above the one that the span begins in. */
static void show_line_above(struct loader *loader, struct rt_diag *diag, struct rt_span span)
{
    struct rt_text text = rt_diags_source_text(loader->diags, span.source);
    uint32_t at = span.begin;

    while (at > 0 && text.data[at - 1] != '\n')
        at--;
    if (at > 0)
        rt_diag_context(loader->diags, diag, at - 1);
}

static const char verbs_help[] =
    "a step starts with one of begin, next, followedBy, followedByAny, "
    "notNext, notFollowedBy";

/* The key that was probably meant as the verb: the first one that a step does not have. */
static size_t suspect(const struct yaml_node *node)
{
    for (size_t i = 0; i < node->count; i++) {
        bool known = rt_text_starts_with(node->pairs[i].key->text, RT_TEXT("x-"));

        for (size_t k = 0; k < load_step_map.key_count; k++)
            known = known || rt_text_is(node->pairs[i].key->text, load_step_map.keys[k].name);
        if (!known)
            return i;
    }
    return node->count;
}

/* A copy of the step that says `verb` in place of pair `index`, so that the rest of it can be checked. */
static const struct yaml_node *with_verb(struct loader *loader, const struct yaml_node *node,
                                         size_t index, const char *verb)
{
    struct yaml_node *copy = rt_arena_alloc(&loader->scratch, sizeof(*copy));
    struct yaml_node *key = rt_arena_alloc(&loader->scratch, sizeof(*key));
    struct yaml_pair *pairs = rt_arena_array(&loader->scratch, node->count, sizeof(*pairs));

    if (copy == NULL || key == NULL || pairs == NULL) {
        loader->status = RT_ERR_NOMEM;
        return NULL;
    }
    for (size_t i = 0; i < node->count; i++)
        pairs[i] = node->pairs[i];
    *key = *node->pairs[index].key;
    key->text = rt_text_of(verb);
    pairs[index].key = key;
    *copy = *node;
    copy->pairs = pairs;
    return copy;
}

/* Reports that there is no verb; the step to go on with, or NULL. */
static const struct yaml_node *mend_verb(struct loader *loader, const struct yaml_node *node,
                                         bool is_first)
{
    size_t index = suspect(node);
    const struct yaml_node *key;
    const char *nearest;
    struct rt_diag *diag;

    if (index == node->count) {
        diag = LOAD_ERROR(loader, UNKNOWN_VERB, node->count > 0 ? node->pairs[0].key : node,
                          "a step has no verb");
        rt_diag_help(loader->diags, diag, "%s", verbs_help);
        return NULL;
    }
    key = node->pairs[index].key;
    nearest = rt_nearest(key->text, verbs, LOAD_VERB_COUNT);
    diag = LOAD_ERROR(loader, UNKNOWN_VERB, key, "unknown step verb `%s`", key->text.data);
    show_line_above(loader, diag, key->span);
    if (nearest != NULL)
        rt_diag_label(loader->diags, diag, "did you mean `%s`?", nearest);
    rt_diag_help(loader->diags, diag, "%s", verbs_help);
    if (nearest != NULL)
        rt_diag_fix(loader->diags, diag, "%s", nearest);
    return with_verb(loader, node, index,
                     nearest != NULL ? nearest
                     : is_first      ? verbs[NFA_BEGIN]
                                     : verbs[NFA_RELAXED]);
}

static const struct yaml_node *key_of(const struct yaml_node *node, const struct yaml_node *value)
{
    for (size_t i = 0; i < node->count; i++) {
        if (node->pairs[i].value == value)
            return node->pairs[i].key;
    }
    return node;
}

/* ---- the name ---- */

bool load_is_name(struct rt_text name)
{
    for (size_t i = 0; i < name.length; i++) {
        char c = name.data[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';

        if (!letter && (i == 0 || c < '0' || c > '9'))
            return false;
    }
    return name.length > 0;
}

static bool is_reserved(struct rt_text name)
{
    static const char *const words[] = {
        "event",    "lists",   "params",    "key",      "timeout", "alert",  "previous",
        "true",     "false",   "null",      "in",       "as",      "break",  "const",
        "continue", "else",    "for",       "function", "if",      "import", "let",
        "loop",     "package", "namespace", "return",   "var",     "void",   "while"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (rt_text_is(name, words[i]))
            return true;
    }
    return false;
}

static bool take_name(struct loader *loader, struct step_draft *draft, const struct yaml_node *node)
{
    if (!load_text(loader, node, "the name of a step", &draft->step->name))
        return false;
    if (load_is_name(node->text) && !is_reserved(node->text))
        return true;
    if (is_reserved(node->text)) {
        LOAD_ERROR(loader, BAD_NAME, node, "a step cannot be named `%s`, the word has a meaning",
                   node->text.data);
    } else {
        rt_diag_help(loader->diags,
                     LOAD_ERROR(loader, BAD_NAME, node, "`%s` cannot be the name of a step",
                                node->text.data),
                     "letters, digits and `_`, not starting with a digit: conditions use the name");
    }
    return false;
}

/* ---- times ---- */

/* Digits at the beginning of `text`, cut off; false: none, or too many. */
static bool take_number(struct rt_text *text, uint32_t *out)
{
    uint32_t number = 0;
    size_t digits = 0;

    while (digits < text->length && text->data[digits] >= '0' && text->data[digits] <= '9') {
        if (number <= NFA_TIMES_MAX)
            number = number * 10 + (uint32_t)(text->data[digits] - '0');
        digits++;
    }
    *text = (struct rt_text){text->data + digits, text->length - digits};
    *out = number;
    return digits > 0;
}

/* `3`, `2..4`, `3+`; 0 at the lower end makes the step optional: `0..3` stays as it is, `0+` is an optional `1+`. */
static bool parse_times(struct rt_text text, uint32_t *min, uint32_t *max)
{
    if (!take_number(&text, min))
        return false;
    *max = *min;
    if (text.length == 0)
        return true;
    if (rt_text_is(text, "+")) {
        *max = NFA_UNBOUNDED;
        return true;
    }
    if (!rt_text_starts_with(text, RT_TEXT("..")))
        return false;
    text = (struct rt_text){text.data + 2, text.length - 2};
    return take_number(&text, max) && text.length == 0;
}

static bool take_times(struct loader *loader, const struct yaml_node *node, struct nfa_step *step)
{
    uint32_t min;
    uint32_t max;

    if (node == NULL)
        return true;
    if (node->kind != YAML_SCALAR || node->type == YAML_NULL)
        return false;
    if (!parse_times(node->text, &min, &max)) {
        rt_diag_help(
            loader->diags,
            LOAD_ERROR(loader, BAD_NUMBER, node, "`times` cannot be `%s`", node->text.data),
            "3 (exactly), 2..4 (a range), 3+ (at least), 0..2 (optional)");
        return false;
    }
    if (max == 0 || min > max || min > NFA_TIMES_MAX ||
        (max != NFA_UNBOUNDED && max > NFA_TIMES_MAX)) {
        rt_diag_help(
            loader->diags,
            LOAD_ERROR(loader, BAD_NUMBER, node, "`times: %s` is out of range", node->text.data),
            "from 1 to %d, the end not below the beginning", NFA_TIMES_MAX);
        return false;
    }
    step->optional = min == 0 && max == NFA_UNBOUNDED;
    step->times_min = step->optional ? 1 : min;
    step->times_max = max;
    return true;
}

/* ---- everything that is no condition ---- */

/* A boolean key that is absent by default. */
static bool take_flag(struct loader *loader, const struct yaml_node *node, const char *name,
                      bool *out)
{
    return node == NULL || load_bool(loader, node, name, out);
}

static bool take_inner(struct loader *loader, struct step_draft *draft)
{
    bool consecutive = false;
    bool combinations = false;
    bool good = take_flag(loader, draft->nodes.consecutive, "consecutive", &consecutive);

    good = take_flag(loader, draft->nodes.combinations, "combinations", &combinations) && good;
    if (consecutive && combinations) {
        LOAD_ERROR(loader, CONFLICT, draft->nodes.combinations,
                   "`consecutive` and `combinations` exclude each other");
        return false;
    }
    draft->step->inner = consecutive    ? NFA_INNER_STRICT
                         : combinations ? NFA_INNER_ANY
                                        : NFA_INNER_RELAXED;
    return good;
}

/* Greedy by default: steps that loop or have a range, are no groups and have no combinations. */
static bool take_greedy(struct loader *loader, struct step_draft *draft)
{
    struct nfa_step *step = draft->step;
    bool greedy = true;
    bool good = true;

    if (loader->file->defaults.greedy != NULL)
        good = load_bool(loader, loader->file->defaults.greedy, "greedy", &greedy);
    step->greedy = greedy && step->times_max > 1 && step->times_max > step->times_min &&
                   draft->shape == SHAPE_STEP && step->inner != NFA_INNER_ANY;
    if (draft->nodes.greedy == NULL || !good)
        return good;
    if (!load_bool(loader, draft->nodes.greedy, "greedy", &step->greedy))
        return false;
    if (step->greedy && step->inner == NFA_INNER_ANY) {
        LOAD_ERROR(loader, CONFLICT, draft->nodes.greedy,
                   "`greedy` and `combinations` exclude each other");
        return false;
    }
    return true;
}

static bool take_quantifiers(struct loader *loader, struct step_draft *draft)
{
    const struct load_step_nodes *nodes = &draft->nodes;
    struct nfa_step *step = draft->step;
    bool good = take_times(loader, nodes->times, step);
    bool optional = step->optional;

    good = take_flag(loader, nodes->optional, "optional", &optional) && good;
    step->optional = step->optional || optional;
    good = take_inner(loader, draft) && good;
    good = take_greedy(loader, draft) && good;
    if (nodes->gap != NULL)
        good = load_duration(loader, nodes->gap, "gap", &step->gap) && good;
    if (nodes->loop_gap != NULL)
        good = load_duration(loader, nodes->loop_gap, "loop_gap", &step->loop_gap) && good;
    return good;
}

bool load_member_name(struct loader *loader, struct step_draft *draft, const struct yaml_node *key)
{
    return take_name(loader, draft, key);
}

/* any_of is a choice of patterns as soon as one of its items has a pattern. */
static enum step_shape shape_of(const struct load_step_nodes *nodes)
{
    const struct yaml_node *any_of = nodes->any_of;

    if (nodes->pattern != NULL && nodes->pattern->kind == YAML_SEQUENCE)
        return SHAPE_GROUP;
    if (nodes->all_of != NULL && nodes->all_of->kind == YAML_MAPPING)
        return SHAPE_SET;
    for (size_t i = 0; any_of != NULL && any_of->kind == YAML_SEQUENCE && i < any_of->count; i++) {
        if (yaml_get(any_of->items[i], "pattern") != NULL)
            return SHAPE_CHOICE;
    }
    return SHAPE_STEP;
}

bool load_step(struct loader *loader, const struct yaml_node *node, bool is_first,
               struct step_draft *draft)
{
    size_t found = 0;
    bool good = true;

    *draft->step = (struct nfa_step){.name = "",
                                     .where = NFA_NO_GUARD,
                                     .until = NFA_NO_GUARD,
                                     .times_min = 1,
                                     .times_max = 1,
                                     .contiguity = is_first ? NFA_BEGIN : NFA_RELAXED};
    draft->head = node;
    if (node->kind == YAML_MAPPING && !has_verb(node)) {
        good = false;
        node = mend_verb(loader, node, is_first);
        if (node == NULL)
            return false;
    }
    if (!load_mapping(loader, node, &load_step_map, &load_rule_map, &draft->nodes))
        return false;
    draft->shape = shape_of(&draft->nodes);
    for (size_t i = 0; i < LOAD_VERB_COUNT; i++) {
        const struct yaml_node *name = draft->nodes.verbs[i];

        if (name == NULL)
            continue;
        if (found++ > 0) {
            LOAD_ERROR(loader, SEVERAL_VERBS, key_of(node, name),
                       "a step has one verb, this one has several");
            return false;
        }
        draft->head = key_of(node, name);
        draft->step->contiguity = (enum nfa_contiguity)i;
        good = take_name(loader, draft, name) && good;
    }
    return take_quantifiers(loader, draft) && good && found == 1;
}
