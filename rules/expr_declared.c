/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What declared fields and those of a sample mean to the checker.
 *
 *     fields: { amount: double, seen: timestamp }
 *
 *     amount > 5       event.amount > 5               numbers compare by value, whatever their type
 *     amount / 2       event.amount * 1.0 / 2         5 is 5.0
 *     time(x) - seen   time(x) - timestamp(event.seen)
 */
#include "rules/diagnostics.h"
#include "rules/expr_checker.h"
#include "rules/value_support.h"

/* ---- who says so ---- */

/* Depth is bounded by R2. */
// NOLINTNEXTLINE(misc-no-recursion)
static bool rests_on_sample(const struct expr_node *node)
{
    if (node->kind == EXPR_FIELD || node->kind == EXPR_EVENT_FIELD)
        return node->op == EXPR_FROM_SAMPLE;
    for (uint32_t i = 0; i < node->child_count; i++) {
        if (rests_on_sample(node->children[i]))
            return true;
    }
    return false;
}

unsigned expr_blame(const struct expr_node *node, unsigned code)
{
    bool of_types = code == RULE_DIAG_EXPR_TYPE || code == RULE_DIAG_EXPR_RESULT;

    return of_types && rests_on_sample(node) ? RULE_DIAG_SAMPLE_TYPE : code;
}

/* The first field of the node whose type the schema knows. */
// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static const struct expr_node *known_field(const struct expr_schema *schema,
                                           const struct expr_node *node,
                                           struct expr_schema_field *out)
{
    const struct expr_node *found = NULL;

    if ((node->kind == EXPR_FIELD || node->kind == EXPR_EVENT_FIELD) && node->path_length > 0)
        return expr_schema_find(schema, node->path, node->path_length, out) == EXPR_SCHEMA_KNOWN &&
                       out->path != NULL
                   ? node
                   : NULL;
    for (uint32_t i = 0; i < node->child_count && found == NULL; i++)
        found = known_field(schema, node->children[i], out);
    return found;
}

void expr_explain_types(const struct expr_checker *checker, const struct expr_node *node,
                        struct rt_diag *diag)
{
    const struct expr_scope *scope = checker->scope;
    struct rt_diags *diags = checker->work->diags;
    struct expr_schema_field field;

    if (scope->declared != NULL && known_field(scope->declared, node, &field) != NULL &&
        field.span.source != RT_NO_SOURCE)
        rt_diag_also(diags, diag, field.span, "`%s` is declared here", field.path);
    else if (scope->sample != NULL && known_field(scope->sample, node, &field) != NULL)
        rt_diag_note(diags, diag, "`%s` is %s in all %llu events of the sample that have it",
                     field.path, expr_type_phrase((struct expr_type){field.type, RT_ABSENT}),
                     (unsigned long long)(field.share * (double)scope->sample->event_count + 0.5));
}

/* ---- types ---- */

static void report_undeclared(struct expr_checker *checker, struct expr_node *node)
{
    const struct expr_schema *declared = checker->scope->declared;
    const struct expr_schema_field *near =
        expr_schema_nearest(declared, node->path, node->path_length, checker->work->arena);
    struct rt_buffer path;
    struct rt_span span = expr_text_span(checker->work->text, node->begin, node->end);
    struct rt_diags *diags = checker->work->diags;
    struct rt_diag *diag;

    if (declared->is_open && near == NULL)
        return;
    expr_schema_path(node->path, node->path_length, &path);
    diag = rt_diag_add(diags, declared->is_open ? RT_SEVERITY_WARNING : RT_SEVERITY_ERROR,
                       RULE_DIAG_FIELD_UNDECLARED, span, "%s no field `%s`",
                       declared->record == NULL ? "`fields` declares" : declared->record,
                       path.failed ? "of this name" : path.data);
    rt_buffer_done(&path);
    if (near != NULL)
        rt_diag_label(diags, diag, "did you mean `%s`?", near->path);
    if (!declared->is_open) {
        if (declared->record == NULL)
            rt_diag_help(
                diags, diag,
                "declare it in `fields`, or write `\"*\": any` there: other fields may occur");
        (void)expr_poison(checker, node);
    }
}

static void report_inside(struct expr_checker *checker, struct expr_node *node,
                          const struct expr_schema_field *scalar)
{
    struct expr_type type = {scalar->type, RT_ABSENT};

    if (scalar->type == RT_LIST)
        expr_report(checker, node, RULE_DIAG_EXPR_TYPE,
                    "`%s` is declared as a list, whose entries go by number, %s[0]", scalar->path,
                    scalar->path);
    else
        expr_report(checker, node, RULE_DIAG_EXPR_TYPE,
                    "`%s` is declared as %s, which has no fields", scalar->path,
                    expr_type_phrase(type));
}

void expr_report_unseen(struct expr_checker *checker, struct expr_node *node)
{
    const struct expr_schema *sample = checker->scope->sample;
    const struct expr_schema_field *near;
    struct rt_diags *diags = checker->work->diags;
    struct expr_schema_field field;
    struct rt_buffer path;
    struct rt_diag *diag;

    if (sample->is_open || node->path_length == 0 || expr_is_poisoned(node) ||
        expr_schema_find(sample, node->path, node->path_length, &field) == EXPR_SCHEMA_KNOWN)
        return;
    near = expr_schema_nearest(sample, node->path, node->path_length, checker->work->arena);
    expr_schema_path(node->path, node->path_length, &path);
    diag = rt_diag_add(diags, RT_SEVERITY_WARNING, RULE_DIAG_FIELD_NEVER_SEEN,
                       expr_text_span(checker->work->text, node->begin, node->end),
                       "no event of the sample has a field `%s`",
                       path.failed ? "of this name" : path.data);
    rt_buffer_done(&path);
    if (near != NULL)
        rt_diag_label(diags, diag, "did you mean `%s`? (in %.0f %% of %llu events)", near->path,
                      100 * near->share, (unsigned long long)sample->event_count);
    rt_diag_note(diags, diag, "what compares an absent field never holds");
}

static void take_sample(const struct expr_schema *sample, struct expr_node *node)
{
    struct expr_schema_field field;

    if (expr_schema_find(sample, node->path, node->path_length, &field) != EXPR_SCHEMA_KNOWN ||
        field.type == RT_ABSENT)
        return;
    node->type = (struct expr_type){field.type, field.type == RT_LIST ? field.item : RT_ABSENT};
    node->op = EXPR_FROM_SAMPLE;
}

void expr_declare_field(struct expr_checker *checker, struct expr_node *node)
{
    const struct expr_scope *scope = checker->scope;
    bool has = node->kind == EXPR_FIELD_HAS || node->kind == EXPR_EVENT_HAS;
    struct expr_schema_field field;

    if (scope->declared != NULL) {
        switch (expr_schema_find(scope->declared, node->path, node->path_length, &field)) {
        case EXPR_SCHEMA_UNKNOWN:
            report_undeclared(checker, node);
            break;
        case EXPR_SCHEMA_SCALAR:
            report_inside(checker, node, &field);
            return;
        case EXPR_SCHEMA_KNOWN:
            if (field.optional && !has)
                node->op = EXPR_MAY_BE_ABSENT;
            if (!has && field.type != RT_ABSENT) {
                node->type =
                    (struct expr_type){field.type, field.type == RT_LIST ? field.item : RT_ABSENT};
                return;
            }
            break;
        }
    }
    if (!has && scope->sample != NULL && !expr_is_poisoned(node))
        take_sample(scope->sample, node);
}

/* ---- names ---- */

/* The schema has a field of that name; implied maps and what a sample has count too. */
static bool has_field(const struct expr_schema *schema, struct rt_text name)
{
    struct expr_schema_field field;

    return schema != NULL && expr_schema_find(schema, &name, 1, &field) == EXPR_SCHEMA_KNOWN;
}

void expr_warn_hidden(struct expr_checker *checker, const struct expr_node *name)
{
    const struct expr_scope *scope = checker->scope;
    struct rt_diag *diag;

    if (!has_field(scope->declared, name->name) && !has_field(scope->sample, name->name))
        return;
    diag = rt_diag_add(checker->work->diags, RT_SEVERITY_WARNING, RULE_DIAG_NAME_HIDES,
                       expr_text_span(checker->work->text, name->begin, name->end),
                       "`%.*s` is not the field of that name here", EXPR_PRINT(name->name));
    rt_diag_help(checker->work->diags, diag, "the field is event.%.*s", EXPR_PRINT(name->name));
}

/* Only a slip of one letter is told: a field is a good name too. */
static bool is_slip(struct rt_text name, const char *near)
{
    return near != NULL && strlen(near) <= name.length + 1 && name.length <= strlen(near) + 1;
}

/* Is `name`.member this root with a member that it has? */
static bool is_root_meant(struct rt_text name, const char *root, bool has_member)
{
    return has_member && is_slip(name, rt_nearest(name, &root, 1));
}

static bool constant_has(const struct expr_constant *constant, struct rt_text member)
{
    return constant->value.type == RT_MAP &&
           expr_map_find(constant->value, rt_string(member.data, (uint32_t)member.length)) != NULL;
}

static bool binding_has(const struct expr_binding *binding, struct rt_text member)
{
    for (size_t i = 0; i < binding->entry_count; i++) {
        if (rt_text_is(member, binding->entries[i]))
            return true;
    }
    return false;
}

void expr_warn_near_root(struct expr_checker *checker, const struct expr_node *name,
                         struct rt_text member)
{
    const struct expr_scope *scope = checker->scope;
    const char *meant = NULL;
    struct rt_diag *diag;

    if (scope->unchecked || scope->closed || scope->fields == NULL ||
        has_field(scope->declared, name->name) || has_field(scope->sample, name->name) ||
        rt_text_is(name->name, "event"))
        return;
    for (size_t i = 0; i < scope->constant_count && meant == NULL; i++) {
        if (is_root_meant(name->name, scope->constants[i].name,
                          constant_has(&scope->constants[i], member)))
            meant = scope->constants[i].name;
    }
    for (size_t i = 0; i < scope->binding_count && meant == NULL; i++) {
        if (is_root_meant(name->name, scope->bindings[i].name,
                          binding_has(&scope->bindings[i], member)))
            meant = scope->bindings[i].name;
    }
    if (meant == NULL && is_root_meant(name->name, "event", true))
        meant = "event";
    if (meant == NULL)
        return;
    diag = rt_diag_add(checker->work->diags, RT_SEVERITY_WARNING, RULE_DIAG_NEAR_STEP,
                       expr_text_span(checker->work->text, name->begin, name->end),
                       "`%.*s` is a field of the event", EXPR_PRINT(name->name));
    rt_diag_label(checker->work->diags, diag, "did you mean `%s.%.*s`?", meant, EXPR_PRINT(member));
    rt_diag_help(checker->work->diags, diag, "event.%.*s says that the field is meant",
                 EXPR_PRINT(name->name));
}

void expr_warn_near_step(struct expr_checker *checker, const struct expr_node *name)
{
    const struct expr_scope *scope = checker->scope;
    const char **candidates;
    const char *near;
    struct rt_diag *diag;

    if (scope->step_count == 0 || scope->unchecked || name->kind != EXPR_NAME ||
        rt_text_is(name->name, "event") || expr_find_variable(checker, name->name) != NULL ||
        has_field(scope->declared, name->name) || has_field(scope->sample, name->name))
        return;
    candidates = rt_arena_array(checker->work->arena, scope->step_count, sizeof(*candidates));
    if (candidates == NULL) {
        checker->work->status = RT_ERR_NOMEM;
        return;
    }
    for (size_t i = 0; i < scope->step_count; i++)
        candidates[i] = scope->steps[i].name;
    near = rt_nearest(name->name, candidates, scope->step_count);
    if (!is_slip(name->name, near))
        return;
    diag = rt_diag_add(checker->work->diags, RT_SEVERITY_WARNING, RULE_DIAG_NEAR_STEP,
                       expr_text_span(checker->work->text, name->begin, name->end),
                       "no step is called `%.*s`, so this is a field of the event",
                       EXPR_PRINT(name->name));
    rt_diag_label(checker->work->diags, diag, "did you mean the step `%s`?", near);
    rt_diag_help(checker->work->diags, diag, "event.%.*s says that the field is meant",
                 EXPR_PRINT(name->name));
}

/* has(f) stands somewhere below. */
// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static bool asks_for(const struct expr_node *node, rt_field_id field)
{
    if ((node->kind == EXPR_FIELD_HAS || node->kind == EXPR_EVENT_HAS) && node->field == field)
        return true;
    for (uint32_t i = 0; i < node->child_count; i++) {
        if (asks_for(node->children[i], field))
            return true;
    }
    return false;
}

/* A field below that may be absent and is read as if it were there. */
// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static const struct expr_node *risky_field(const struct expr_node *node,
                                           const struct expr_node *root)
{
    const struct expr_node *found = NULL;

    if ((node->kind == EXPR_FIELD || node->kind == EXPR_EVENT_FIELD) &&
        node->op == EXPR_MAY_BE_ABSENT && (node->flags & EXPR_FLAG_OPTIONAL) == 0 &&
        !asks_for(root, node->field))
        return node;
    for (uint32_t i = 0; i < node->child_count && found == NULL; i++)
        found = risky_field(node->children[i], root);
    return found;
}

// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static void warn_negations(struct expr_checker *checker, const struct expr_node *node,
                           const struct expr_node *root)
{
    bool negates = (node->kind == EXPR_UNARY && node->op == EXPR_OP_NOT) ||
                   (node->kind == EXPR_BINARY && node->op == EXPR_OP_NOT_EQUAL);
    const struct expr_node *field = negates ? risky_field(node, root) : NULL;
    struct rt_diag *diag;

    if (field == NULL) {
        for (uint32_t i = 0; i < node->child_count; i++)
            warn_negations(checker, node->children[i], root);
        return;
    }
    diag = rt_diag_add(checker->work->diags, RT_SEVERITY_WARNING, RULE_DIAG_NEGATED_OPTIONAL,
                       expr_text_span(checker->work->text, node->begin, node->end),
                       "an event without `%.*s` does not match either",
                       EXPR_PRINT(field->path[field->path_length - 1]));
    rt_diag_help(checker->work->diags, diag,
                 "!has(event.x) || ... lets it through, has(event.x) && ... says that it is not "
                 "meant");
}

void expr_warn_negations(struct expr_checker *checker, const struct expr_node *root)
{
    warn_negations(checker, root, root);
}

/* ---- conversions ---- */

/* Events are JSON: what they have of these types is a text. */
static const char *conversion_of(uint8_t type)
{
    switch (type) {
    case RT_TIMESTAMP:
        return "timestamp";
    case RT_DURATION:
        return "duration";
    case RT_IP:
        return "ip";
    case RT_BYTES:
        return "base64.decode";
    default:
        return NULL;
    }
}

/* name(operand) */
static struct expr_node *call_of(struct expr_checker *checker, const char *name,
                                 struct expr_node *operand, uint8_t type)
{
    struct expr_node *call = expr_node_new(checker->work, EXPR_CALL, operand->begin, operand->end);

    if (call == NULL || !expr_node_adopt(checker->work, call, &operand, 1))
        return NULL;
    call->name = rt_text_of(name);
    call->function = expr_function_find(call->name, false);
    call->type = expr_type_of((enum rt_type)type);
    return call;
}

/* field.optMap(v, name(v)) */
static struct expr_node *optional_of(struct expr_checker *checker, const char *name,
                                     struct expr_node *field, uint8_t type)
{
    struct expr_node *node = expr_node_new(checker->work, EXPR_OPT_MAP, field->begin, field->end);
    struct expr_node *variable =
        expr_node_new(checker->work, EXPR_VARIABLE, field->begin, field->end);
    struct expr_node *children[2] = {field, NULL};

    if (node == NULL || variable == NULL)
        return NULL;
    field->type = expr_type_of(RT_OPTIONAL);
    node->name = variable->name = rt_text_of("v");
    node->id = variable->id = checker->variable_count++;
    node->macro = "optMap";
    node->type = (struct expr_type){RT_OPTIONAL, type};
    children[1] = call_of(checker, name, variable, type);
    if (children[1] == NULL || !expr_node_adopt(checker->work, node, children, 2))
        return NULL;
    return node;
}

/* field * 1.0 */
static struct expr_node *real_of(struct expr_checker *checker, struct expr_node *field)
{
    struct expr_node *node = expr_node_new(checker->work, EXPR_BINARY, field->begin, field->end);
    struct expr_node *one = expr_node_new(checker->work, EXPR_CONSTANT, field->begin, field->end);
    struct expr_node *children[2] = {field, one};

    if (node == NULL || one == NULL || !expr_node_adopt(checker->work, node, children, 2))
        return NULL;
    one->value = rt_double(1.0);
    one->type = node->type = expr_type_of(RT_DOUBLE);
    node->op = EXPR_OP_MULTIPLY;
    return node;
}

struct expr_node *expr_convert_field(struct expr_checker *checker, struct expr_node *node)
{
    const char *conversion = conversion_of(node->type.base);
    bool optional = (node->flags & EXPR_FLAG_OPTIONAL) != 0;

    if (node->op == EXPR_FROM_SAMPLE)
        return node;
    if (conversion != NULL && optional)
        return optional_of(checker, conversion, node, node->type.base);
    if (conversion != NULL)
        return call_of(checker, conversion, node, node->type.base);
    return node->type.base == RT_DOUBLE && !optional ? real_of(checker, node) : node;
}

struct expr_node *expr_unconverted(struct expr_node *node, enum expr_kind kind)
{
    struct expr_node *field = node->child_count > 0 ? node->children[0] : NULL;

    if (field == NULL || (field->kind != EXPR_FIELD && field->kind != EXPR_EVENT_FIELD) ||
        field->begin != node->begin || field->end != node->end || node->kind != kind)
        return node;
    return field;
}
