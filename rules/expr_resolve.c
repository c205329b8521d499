/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names and selections: what a chain such as a.b["c"].d stands for.
 *
 *     chain      base                      what is left of the chain
 *     x.f        a macro's variable        .f, of whatever x is
 *     ok.geo.lat the step ok               one field path, geo.lat, of its newest event
 *     params.n   a constant of the scope   .n, folded
 *     a.b        a declared dotted name    nothing
 *     geo.lat    the event at hand         one field path
 *
 * The order is X2's; nothing here looks at data.
 */
#include "rules/diagnostics.h"
#include "rules/expr_checker.h"
#include "rules/value_support.h"

/* A chain, outermost selection last.  Arrays live in the arena. */
struct chain {
    struct expr_node *base;   /* a NAME, or whatever the chain starts with */
    struct expr_node **links; /* count selections, innermost first */
    struct rt_text
        *names; /* names[0] is the base's if it is a NAME, names[i] what links[i - 1] selects */
    uint32_t count;
    uint32_t dotted; /* how many of the first links are written with a dot */
};

/* ---- small helpers ---- */

const struct expr_variable *expr_find_variable(const struct expr_checker *checker,
                                               struct rt_text name)
{
    const struct expr_variable *variable = checker->innermost;

    while (variable != NULL && !rt_text_equal(variable->name, name))
        variable = variable->outer;
    return variable;
}

static bool is_free_name(const struct expr_checker *checker, const struct expr_node *node)
{
    return node->kind == EXPR_NAME && ((node->flags & EXPR_FLAG_ROOT_DOT) != 0 ||
                                       expr_find_variable(checker, node->name) == NULL);
}

static const struct expr_step_name *step_named(const struct expr_scope *scope, struct rt_text name)
{
    for (size_t i = 0; i < scope->step_count; i++) {
        if (rt_text_is(name, scope->steps[i].name))
            return &scope->steps[i];
    }
    return NULL;
}

const struct expr_step_name *expr_find_step(const struct expr_checker *checker,
                                            const struct expr_node *name)
{
    return is_free_name(checker, name) ? step_named(checker->scope, name->name) : NULL;
}

bool expr_is_event_root(const struct expr_checker *checker, const struct expr_node *node)
{
    return checker->scope->fields != NULL && is_free_name(checker, node) &&
           rt_text_is(node->name, "event") && step_named(checker->scope, node->name) == NULL;
}

struct expr_node *expr_poison(struct expr_checker *checker, struct expr_node *node)
{
    node->type = expr_type_of(RT_ERROR);
    if (checker->work->status == RT_OK)
        checker->work->status = RT_ERR_DIAG;
    return node;
}

struct rt_diag *expr_reported(struct expr_checker *checker, struct expr_node *node, unsigned blame,
                              struct rt_diag *diag)
{
    if (expr_blame_severity(blame) == RT_SEVERITY_ERROR)
        (void)expr_poison(checker, node);
    else
        node->type = expr_type_of(RT_ABSENT);
    if (blame == RULE_DIAG_EXPR_TYPE || blame == RULE_DIAG_SAMPLE_TYPE)
        expr_explain_types(checker, node, diag);
    return diag;
}

/* ---- reading a chain ---- */

/* .name or ["name"], both without `?` */
static bool is_link(const struct expr_node *node)
{
    if ((node->flags & EXPR_FLAG_OPTIONAL) != 0)
        return false;
    if (node->kind == EXPR_SELECT)
        return true;
    return node->kind == EXPR_INDEX && node->children[1]->kind == EXPR_CONSTANT &&
           node->children[1]->value.type == RT_STRING;
}

/* `last`: one more name behind the chain, for has(); NULL if there is none. */
static bool read_chain(struct expr_checker *checker, struct expr_node *node,
                       const struct rt_text *last, struct chain *chain)
{
    uint32_t count = 0;
    struct expr_node *at = node;

    for (; is_link(at); at = at->children[0])
        count++;
    *chain = (struct chain){.base = at, .count = count};
    chain->links = rt_arena_array(checker->work->arena, count + 1, sizeof(*chain->links));
    chain->names = rt_arena_array(checker->work->arena, count + 2, sizeof(*chain->names));
    if (chain->links == NULL || chain->names == NULL) {
        checker->work->status = RT_ERR_NOMEM;
        return false;
    }
    chain->dotted = count;
    for (at = node; is_link(at); at = at->children[0], count--) {
        chain->links[count - 1] = at;
        chain->names[count] =
            at->kind == EXPR_SELECT ? at->name : rt_value_text(at->children[1]->value);
        if (at->kind == EXPR_INDEX || (at->flags & EXPR_FLAG_QUOTED) != 0)
            chain->dotted = count - 1;
    }
    if (at->kind == EXPR_NAME)
        chain->names[0] = at->name;
    if (last != NULL)
        chain->names[chain->count + 1] = *last;
    return true;
}

/* ---- fields ---- */

/* Length 0: the whole event. */
static bool add_path(struct expr_checker *checker, struct expr_node *node,
                     const struct rt_text *path, size_t length, bool kept, rt_field_id *out)
{
    enum rt_status status = rt_fields_add(checker->scope->fields, path, length, kept, out);

    if (status == RT_OK)
        return true;
    if (status == RT_ERR_LIMIT) {
        expr_report(checker, node, RULE_DIAG_EXPR_LIMIT,
                    "a field is at most %d names deep, and rules name at most %d fields",
                    RT_FIELD_DEPTH_MAX, RT_FIELDS_MAX);
        return true;
    }
    checker->work->status = status;
    return false;
}

static bool add_field(struct expr_checker *checker, struct expr_node *node,
                      const struct rt_text *path, size_t length, rt_field_id *out)
{
    return add_path(checker, node, path, length, (node->flags & EXPR_FLAG_KEPT) != 0, out);
}

/* The first place where a field is read. */
static void note_mention(struct expr_checker *checker, struct expr_node *node)
{
    bool *mentions = checker->scope->mentions;

    if (mentions == NULL || node->field >= RT_FIELDS_MAX || mentions[node->field])
        return;
    mentions[node->field] = true;
    if (checker->scope->sample != NULL)
        expr_report_unseen(checker, node);
}

/* Makes `node` the field at `path`: FIELD, FIELD_HAS, EVENT_FIELD or EVENT_HAS. */
static struct expr_node *make_field(struct expr_checker *checker, struct expr_node *node,
                                    enum expr_kind kind, const struct rt_text *path, size_t length)
{
    bool of_event = kind == EXPR_EVENT_FIELD || kind == EXPR_EVENT_HAS;
    bool has = kind == EXPR_FIELD_HAS || kind == EXPR_EVENT_HAS;

    node->kind = (uint8_t)kind;
    node->path = path;
    node->path_length = (uint32_t)length;
    node->type = expr_type_of(has ? RT_BOOL : length == 0 ? RT_MAP : RT_ABSENT);
    if (of_event || checker->scope->event_is_kept)
        node->flags |= EXPR_FLAG_KEPT;
    if (!of_event)
        node->child_count = 0;
    if (checker->scope->fields == NULL) {
        expr_report(checker, node, RULE_DIAG_EXPR_NO_EVENT, "there are no events here");
        return node;
    }
    if (!add_field(checker, node, path, length, &node->field))
        return NULL;
    if (length > 0 && node->type.base != RT_ERROR)
        expr_declare_field(checker, node);
    if (!has && (node->flags & EXPR_FLAG_OPTIONAL) == 0)
        note_mention(checker, node);
    /* has(a.b) needs to know whether there is an a */
    node->has_parent = has && length > 1 && (node->flags & EXPR_FLAG_OPTIONAL) == 0;
    if (node->has_parent && !add_field(checker, node, path, length - 1, &node->parent))
        return NULL;
    return has ? node : expr_convert_field(checker, node);
}

void expr_check_escape(struct expr_checker *checker, struct expr_node *node)
{
    rt_field_id whole;

    if (node->type.base != RT_EVENT && node->type.item != RT_EVENT)
        return;
    if (checker->scope->fields != NULL)
        (void)add_path(checker, node, NULL, 0, true, &whole);
}

/* ---- selection from a value ---- */

static void report_event_list(struct expr_checker *checker, struct expr_node *node,
                              const struct expr_node *list, struct rt_text name)
{
    const struct expr_step_name *step =
        list->kind == EXPR_STEP ? step_named(checker->scope, list->name) : NULL;
    struct rt_diags *diags = checker->work->diags;
    struct rt_text text = {checker->work->text->text.data + list->begin,
                           (size_t)(list->end - list->begin)};
    struct rt_diag *diag = expr_report(checker, node, RULE_DIAG_EXPR_EVENT_LIST,
                                       "`%.*s` is a list of events here, it has no field `%.*s`",
                                       EXPR_PRINT(text), EXPR_PRINT(name));

    if (step != NULL && step->repeats_text != NULL)
        rt_diag_label(diags, diag, "`%s` repeats (%s)", step->name, step->repeats_text);
    else if (step != NULL)
        rt_diag_label(diags, diag, "`%s` repeats", step->name);
    rt_diag_help(diags, diag, "take one event, %.*s[0].%.*s or last(%.*s).%.*s", EXPR_PRINT(text),
                 EXPR_PRINT(name), EXPR_PRINT(text), EXPR_PRINT(name));
    rt_diag_help(diags, diag, "or test them all, !(event.%.*s in %.*s.map(f, f.%.*s))",
                 EXPR_PRINT(name), EXPR_PRINT(text), EXPR_PRINT(name));
}

/* A name that a map does not have whose names are known. */
static void report_entry(struct expr_checker *checker, struct expr_node *node,
                         const struct expr_node *map, struct rt_text name,
                         const char *const *candidates, size_t count)
{
    const char *near = rt_nearest(name, candidates, count);
    struct rt_diag *diag = expr_report(checker, node, RULE_DIAG_EXPR_MEMBER, "`%.*s` has no `%.*s`",
                                       EXPR_PRINT(map->name), EXPR_PRINT(name));

    if (near != NULL)
        rt_diag_label(checker->work->diags, diag, "did you mean `%.*s.%s`?", EXPR_PRINT(map->name),
                      near);
    else if (count == 1)
        rt_diag_help(checker->work->diags, diag, "it has `%s`", candidates[0]);
    else if (count == 0 && rt_text_is(map->name, "key"))
        rt_diag_help(checker->work->diags, diag, "the rule has no `key_by`");
}

/* params.nmae: a constant map of the scope holds what the file defines, and nothing else. */
static void report_constant_entry(struct expr_checker *checker, struct expr_node *node,
                                  const struct expr_node *map, struct rt_text name)
{
    const char **candidates =
        rt_arena_array(checker->work->arena, map->value.length + 1u, sizeof(*candidates));
    size_t count = 0;

    if (candidates == NULL) {
        checker->work->status = RT_ERR_NOMEM;
        return;
    }
    for (uint32_t i = 0; i < map->value.length; i++) {
        struct rt_value key = map->value.u.entries[i].key;
        char *copy = key.type != RT_STRING
                         ? NULL
                         : rt_arena_text(checker->work->arena, key.u.text, key.length);

        if (copy != NULL)
            candidates[count++] = copy;
    }
    report_entry(checker, node, map, name, candidates, count);
}

/* key.usr: true, and reported, if what the frame brings under this name does not have the entry. */
static bool lacks_entry(struct expr_checker *checker, struct expr_node *link,
                        const struct expr_node *operand, struct rt_text name)
{
    const struct expr_scope *scope = checker->scope;

    if (operand->kind != EXPR_BINDING_NAME || (link->flags & EXPR_FLAG_OPTIONAL) != 0)
        return false;
    for (size_t i = 0; i < scope->binding_count; i++) {
        const struct expr_binding *binding = &scope->bindings[i];

        if (binding->index != operand->id || binding->entries == NULL)
            continue;
        for (size_t j = 0; j < binding->entry_count; j++) {
            if (rt_text_is(name, binding->entries[j]))
                return false;
        }
        report_entry(checker, link, operand, name, binding->entries, binding->entry_count);
        return true;
    }
    return false;
}

/* One link on an operand that is checked already and is no event. */
static struct expr_node *select_value(struct expr_checker *checker, struct expr_node *link,
                                      struct expr_node *operand, struct rt_text name)
{
    uint8_t base = operand->type.base;

    link->children[0] = operand;
    if (expr_is_poisoned(operand))
        return expr_poison(checker, link);
    if (base == RT_LIST && operand->type.item == RT_EVENT) {
        report_event_list(checker, link, operand, name);
        return link;
    }
    if (operand->kind == EXPR_CONSTANT && operand->name.length > 0 && base == RT_MAP) {
        if (expr_map_find(operand->value, rt_string(name.data, (uint32_t)name.length)) == NULL) {
            report_constant_entry(checker, link, operand, name);
            return link;
        }
        return expr_fold_constants(checker->work, link);
    }
    if (lacks_entry(checker, link, operand, name))
        return link;
    if (base == RT_LIST && link->kind == EXPR_INDEX && !checker->scope->unchecked) {
        expr_report(checker, link, RULE_DIAG_EXPR_TYPE,
                    "a list has entries by number, [0], not by a string");
        return link;
    }
    if (base != RT_ABSENT && base != RT_MAP && base != RT_OPTIONAL && !checker->scope->unchecked)
        expr_report(checker, link, RULE_DIAG_EXPR_TYPE, "%s has no fields",
                    expr_type_phrase(operand->type));
    else if (base == RT_OPTIONAL)
        link->type = expr_type_of(RT_OPTIONAL);
    return expr_fold_constants(checker->work, link);
}

/* The links from `from` on, applied to a base that is checked already. */
static struct expr_node *apply_links(struct expr_checker *checker, const struct chain *chain,
                                     struct expr_node *base, uint32_t from)
{
    for (uint32_t i = from; i < chain->count && base != NULL; i++) {
        struct expr_node *last = chain->links[chain->count - 1];

        if (base->type.base == RT_EVENT) {
            if (!expr_node_adopt(checker->work, last, &base, 1))
                return NULL;
            return make_field(checker, last, EXPR_EVENT_FIELD, chain->names + i + 1,
                              chain->count - i);
        }
        base = select_value(checker, chain->links[i], base, chain->names[i + 1]);
    }
    return base;
}

/* ---- names of the scope ---- */

/* Is `declared` the container's first `prefix` bytes, a dot, and the first `length` names joined by dots? */
static bool is_dotted(const char *declared, struct rt_text prefix, const struct rt_text *names,
                      uint32_t length)
{
    const char *at = declared;

    if (prefix.length > 0) {
        if (strncmp(at, prefix.data, prefix.length) != 0 || at[prefix.length] != '.')
            return false;
        at += prefix.length + 1;
    }
    for (uint32_t i = 0; i < length; i++) {
        if (i > 0 && *at++ != '.')
            return false;
        if (strlen(at) < names[i].length || memcmp(at, names[i].data, names[i].length) != 0)
            return false;
        at += names[i].length;
    }
    return *at == '\0';
}

static struct expr_node *make_constant(struct expr_node *node, const struct expr_constant *found)
{
    node->kind = EXPR_CONSTANT;
    node->child_count = 0;
    node->value = found->value;
    node->name = rt_text_of(found->name);
    node->type = expr_value_type(found->value);
    return node;
}

static struct expr_node *make_binding(struct expr_node *node, const struct expr_binding *found)
{
    node->kind = EXPR_BINDING_NAME;
    node->child_count = 0;
    node->id = found->index;
    node->name = rt_text_of(found->name);
    node->type = expr_type_of(found->type);
    if (found->mentioned != NULL)
        *found->mentioned = true;
    return node;
}

/* Bindings and constants by their whole dotted name, behind one prefix. */
static bool declared_with_prefix(struct expr_checker *checker, const struct chain *chain,
                                 struct rt_text prefix, uint32_t length, struct expr_node *node)
{
    const struct expr_scope *scope = checker->scope;

    for (size_t i = 0; i < scope->binding_count; i++) {
        if (is_dotted(scope->bindings[i].name, prefix, chain->names, length)) {
            make_binding(node, &scope->bindings[i]);
            return true;
        }
    }
    for (size_t i = 0; i < scope->constant_count; i++) {
        if (is_dotted(scope->constants[i].name, prefix, chain->names, length)) {
            make_constant(node, &scope->constants[i]);
            return true;
        }
    }
    return false;
}

/* The same behind every prefix of the container, the longest first, then behind none. */
static bool declared(struct expr_checker *checker, const struct chain *chain, uint32_t length,
                     struct expr_node *node)
{
    const struct expr_scope *scope = checker->scope;
    struct rt_text prefix = rt_text_of(scope->container);

    if ((chain->base->flags & EXPR_FLAG_ROOT_DOT) != 0)
        prefix.length = 0;
    for (;;) {
        if (declared_with_prefix(checker, chain, prefix, length, node))
            return true;
        if (prefix.length == 0)
            return false;
        do
            prefix.length--;
        while (prefix.length > 0 && prefix.data[prefix.length] != '.');
    }
}

static const struct {
    const char *name;
    enum rt_type type;
} type_names[] = {{"int", RT_INT},
                  {"uint", RT_UINT},
                  {"double", RT_DOUBLE},
                  {"bool", RT_BOOL},
                  {"string", RT_STRING},
                  {"bytes", RT_BYTES},
                  {"list", RT_LIST},
                  {"map", RT_MAP},
                  {"null_type", RT_NULL},
                  {"type", RT_TYPE},
                  {"optional_type", RT_OPTIONAL},
                  {"google.protobuf.Timestamp", RT_TIMESTAMP},
                  {"google.protobuf.Duration", RT_DURATION},
                  {"net.IP", RT_IP},
                  {"net.CIDR", RT_CIDR}};

static bool is_type_name(const struct chain *chain, uint32_t length, struct expr_node *node)
{
    for (size_t i = 0; i < sizeof(type_names) / sizeof(type_names[0]); i++) {
        if (!is_dotted(type_names[i].name, (struct rt_text){NULL, 0}, chain->names, length))
            continue;
        node->kind = EXPR_CONSTANT;
        node->child_count = 0;
        node->name = (struct rt_text){NULL, 0};
        node->value = (struct rt_value){.type = RT_TYPE, .u.integer = (int64_t)type_names[i].type};
        node->type = expr_type_of(RT_TYPE);
        return true;
    }
    return false;
}

static struct expr_node *make_step(struct expr_checker *checker, struct expr_node *node,
                                   const struct expr_step_name *step)
{
    struct rt_diag *diag;

    node->kind = EXPR_STEP;
    node->id = step->step;
    node->flags = 0;
    if (step->repeats) {
        node->flags = EXPR_FLAG_ALL;
        node->type = (struct expr_type){RT_LIST, RT_EVENT};
    } else {
        node->type = expr_type_of(RT_EVENT);
    }
    if (step->available)
        return node;
    if (step->never_text != NULL) {
        diag = expr_report(checker, node, RULE_DIAG_EXPR_STEP_LATER,
                           "step `%s` %s, so it has taken nothing", step->name, step->never_text);
    } else {
        diag = expr_report(checker, node, RULE_DIAG_EXPR_STEP_LATER,
                           "step `%s` comes later, it has taken nothing yet", step->name);
        rt_diag_help(checker->work->diags, diag, "compare in the condition of `%s` instead",
                     step->name);
    }
    if (checker->scope->fields != NULL)
        rt_diag_help(checker->work->diags, diag, "a field of that name is event.%s", step->name);
    return node;
}

/* Where there are few names they are told. */
static void help_with_names(struct expr_checker *checker, struct rt_diag *diag,
                            const char *const *names, size_t count)
{
    enum { NAMES_TOLD_MAX = 10, LIST_BYTES = 512 };
    struct rt_buffer text;

    if (count == 0 || count > NAMES_TOLD_MAX)
        return;
    rt_buffer_init(&text, LIST_BYTES);
    for (size_t i = 0; i < count; i++)
        rt_buffer_printf(&text, "%s%s", i == 0 ? "" : ", ", names[i]);
    if (!text.failed)
        rt_diag_help(checker->work->diags, diag, "known here: %s", text.data);
    rt_buffer_done(&text);
}

static struct expr_node *report_name(struct expr_checker *checker, struct expr_node *node)
{
    const struct expr_scope *scope = checker->scope;
    size_t count = 0, max = scope->step_count + scope->binding_count + scope->constant_count;
    const char **candidates = rt_arena_array(checker->work->arena, max + 1, sizeof(*candidates));
    const char *near;
    struct rt_diag *diag;

    if (candidates == NULL) {
        checker->work->status = RT_ERR_NOMEM;
        return NULL;
    }
    for (size_t i = 0; i < scope->step_count; i++)
        candidates[count++] = scope->steps[i].name;
    for (size_t i = 0; i < scope->binding_count; i++)
        candidates[count++] = scope->bindings[i].name;
    for (size_t i = 0; i < scope->constant_count; i++)
        candidates[count++] = scope->constants[i].name;
    near = rt_nearest(node->name, candidates, count);
    if (scope->unchecked) {
        node->kind = EXPR_CONSTANT;
        node->name.length = 0;
        node->value = rt_error(RT_ERROR_UNBOUND);
        node->type = expr_type_of(RT_ABSENT);
        return node;
    }
    if (rt_text_is(node->name, "event")) {
        expr_report(checker, node, RULE_DIAG_EXPR_NO_EVENT, "there is no event at hand here");
        return node;
    }
    diag = expr_report(checker, node, RULE_DIAG_EXPR_NAME, "unknown name `%.*s`",
                       EXPR_PRINT(node->name));
    if (near != NULL)
        rt_diag_label(checker->work->diags, diag, "did you mean `%s`?", near);
    else if (scope->fields == NULL && !scope->closed)
        rt_diag_help(checker->work->diags, diag, "there is no event here whose field it could be");
    else
        help_with_names(checker, diag, candidates, count);
    return node;
}

/* What the chain's name stands for; *used is how many links went into it.  NULL: a field of the event. */
static struct expr_node *resolve_root(struct expr_checker *checker, const struct chain *chain,
                                      uint32_t *used)
{
    struct expr_node *base = chain->base;
    const struct expr_variable *variable = expr_find_variable(checker, base->name);
    const struct expr_step_name *step;

    *used = 0;
    if (variable != NULL && (base->flags & EXPR_FLAG_ROOT_DOT) == 0) {
        base->kind = EXPR_VARIABLE;
        base->id = variable->id;
        base->type = variable->type;
        return base;
    }
    step = step_named(checker->scope, base->name);
    if (step != NULL) {
        expr_warn_hidden(checker, base);
        return make_step(checker, base, step);
    }
    for (uint32_t length = chain->dotted + 1; length > 0; length--) {
        struct expr_node *node = length == 1 ? base : chain->links[length - 2];

        if (declared(checker, chain, length, node) ||
            ((checker->names_types || checker->scope->closed) &&
             is_type_name(chain, length, node))) {
            *used = length - 1;
            if (node->kind != EXPR_CONSTANT || node->type.base != RT_TYPE)
                expr_warn_hidden(checker, base);
            return node;
        }
    }
    return NULL;
}

/* a.?b: a field of an event, or an optional of whatever a is */
// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static struct expr_node *check_optional(struct expr_checker *checker, struct expr_node *node)
{
    bool at_hand = expr_is_event_root(checker, node->children[0]);

    if (!at_hand) {
        node->children[0] = expr_check_node(checker, node->children[0]);
        if (node->children[0] == NULL)
            return NULL;
    }
    if (at_hand || node->children[0]->type.base == RT_EVENT)
        node = make_field(checker, node, at_hand ? EXPR_FIELD : EXPR_EVENT_FIELD, &node->name, 1);
    else
        node = select_value(checker, node, node->children[0], node->name);
    if (node != NULL && !expr_is_poisoned(node) && node->type.base != RT_OPTIONAL)
        node->type = (struct expr_type){RT_OPTIONAL, node->type.base};
    return node;
}

/* The chain (for has(), with one more name) as a field of the event at hand; NULL if there is no event. */
static struct expr_node *field_of_event(struct expr_checker *checker, struct expr_node *node,
                                        const struct chain *chain, enum expr_kind kind)
{
    uint32_t length = chain->count + 1 + (kind == EXPR_FIELD_HAS);

    if (expr_is_event_root(checker, chain->base))
        return make_field(checker, node, kind, chain->names + 1, length - 1);
    if (checker->scope->fields != NULL && !checker->scope->closed)
        return make_field(checker, node, kind, chain->names, length);
    return NULL;
}

/* NAME, SELECT and INDEX by a constant name. */
// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
struct expr_node *expr_check_selection(struct expr_checker *checker, struct expr_node *node)
{
    struct chain chain;
    struct expr_node *base, *field;
    uint32_t used = 0;

    if (node->kind == EXPR_SELECT && !is_link(node))
        return check_optional(checker, node);
    if (!read_chain(checker, node, NULL, &chain))
        return NULL;
    if (chain.base->kind != EXPR_NAME) {
        base = expr_check_node(checker, chain.base);
        return base == NULL ? NULL : apply_links(checker, &chain, base, 0);
    }
    base = resolve_root(checker, &chain, &used);
    if (base == NULL && checker->work->status != RT_ERR_NOMEM) {
        if (chain.count > 0) {
            expr_warn_near_step(checker, chain.base);
            expr_warn_near_root(checker, chain.base, chain.names[1]);
        }
        field = field_of_event(checker, node, &chain, EXPR_FIELD);
        if (field != NULL || checker->work->status == RT_ERR_NOMEM)
            return field;
        base = report_name(checker, chain.base);
    }
    return base == NULL ? NULL : apply_links(checker, &chain, base, used);
}

/* The operand of has(), checked; or NULL with *done = the whole as a field of the event at hand. */
// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static struct expr_node *check_has_base(struct expr_checker *checker, struct expr_node *node,
                                        const struct chain *chain, uint32_t *used,
                                        struct expr_node **done)
{
    struct expr_node *base;

    *done = NULL;
    *used = 0;
    if (chain->base->kind != EXPR_NAME)
        return expr_check_node(checker, chain->base);
    base = resolve_root(checker, chain, used);
    if (base != NULL || checker->work->status == RT_ERR_NOMEM)
        return base;
    *done = field_of_event(checker, node, chain, EXPR_FIELD_HAS);
    if (*done != NULL || checker->work->status == RT_ERR_NOMEM)
        return NULL;
    return report_name(checker, chain->base);
}

/* has(e.f) */
// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
struct expr_node *expr_check_has(struct expr_checker *checker, struct expr_node *node)
{
    struct expr_node *base, *done;
    struct chain chain;
    uint32_t used;

    node->type = expr_type_of(RT_BOOL);
    if (!read_chain(checker, node->children[0], &node->name, &chain))
        return NULL;
    base = check_has_base(checker, node, &chain, &used, &done);
    if (base == NULL)
        return done;
    if (base->type.base == RT_EVENT) {
        if (!expr_node_adopt(checker->work, node, &base, 1))
            return NULL;
        return make_field(checker, node, EXPR_EVENT_HAS, chain.names + used + 1,
                          chain.count + 1 - used);
    }
    base = apply_links(checker, &chain, base, used);
    if (base == NULL)
        return NULL;
    node->children[0] = base;
    if (expr_is_poisoned(base))
        return expr_poison(checker, node);
    if (base->type.base == RT_LIST && base->type.item == RT_EVENT)
        report_event_list(checker, node, base, node->name);
    return expr_fold_constants(checker->work, node);
}
