/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions and conditions of a rule: from nodes to checked trees. */
#include "rules/load.h"

struct expr_scope load_scope(const struct loader *loader, const struct load_rule *load,
                             const struct expr_step_name *steps)
{
    return (struct expr_scope){.fields = loader->plan->plan->fields,
                               .mentions = loader->plan->mentions,
                               .steps = steps,
                               .step_count = steps == NULL ? 0 : load->step_count,
                               .constants = load->constants,
                               .constant_count = 2,
                               .declared =
                                   loader->file->has_fields ? &loader->file->declared : NULL,
                               .sample = loader->options->sample};
}

/* ---- ` #` inside an expression ---- */

/* Text that could have been meant as a part of the expression: it parses as one. */
static bool parses(struct loader *loader, struct rt_text text)
{
    struct expr_text expr = {.text = text, .source = RT_NO_SOURCE};
    struct expr_scope scope = {.unchecked = true};
    struct expr_tree *tree;
    struct rt_diags *diags;
    bool good = false;

    if (rt_diags_new(1, &diags) != RT_OK) {
        loader->status = RT_ERR_NOMEM;
        return false;
    }
    if (rt_fields_new(&scope.fields) == RT_OK)
        good = expr_check(&expr, &scope, EXPR_WANT_ANY, &loader->scratch, diags, &tree) == RT_OK;
    rt_fields_free(scope.fields);
    rt_diags_free(diags);
    return good;
}

static bool has_open_quote(struct rt_text text)
{
    char open = '\0';

    for (size_t i = 0; i < text.length; i++) {
        char c = text.data[i];

        if (open != '\0' && c == '\\')
            i++;
        else if (open != '\0')
            open = c == open ? '\0' : open;
        else if (c == '"' || c == '\'')
            open = c;
    }
    return open != '\0';
}

static bool continues(struct rt_text text)
{
    return text.length > 1 &&
           (strchr("<>=+*/%?", text.data[0]) != NULL || rt_text_starts_with(text, RT_TEXT("&&")) ||
            rt_text_starts_with(text, RT_TEXT("||")));
}

/* A remark, `# admins`: behind a whole expression a single word continues nothing. */
static bool is_one_word(struct rt_text text)
{
    while (text.length > 0 && text.data[text.length - 1] == ' ')
        text.length--;
    for (size_t i = 0; i < text.length; i++) {
        if (strchr(" ()[]=<>!&|+*/?:,\"'", text.data[i]) != NULL)
            return false;
    }
    return true;
}

/* A plain expression that a comment follows: was the `#` meant as a comment? */
static void warn_of_comment(struct loader *loader, const struct yaml_node *node)
{
    struct rt_text source = rt_diags_source_text(loader->diags, node->span.source);
    size_t at = node->span.end;
    struct rt_text rest;
    struct rt_diag *diag;

    while (at < source.length && (source.data[at] == ' ' || source.data[at] == '\t'))
        at++;
    if (node->style != YAML_PLAIN || at >= source.length || source.data[at] != '#' ||
        at == node->span.end)
        return;
    rest = (struct rt_text){source.data + at + 1, 0};
    while (at + 1 + rest.length < source.length && rest.data[rest.length] != '\n' &&
           rest.data[rest.length] != '\r')
        rest.length++;
    while (rest.length > 0 && rest.data[0] == ' ')
        rest = (struct rt_text){rest.data + 1, rest.length - 1};
    if (rest.length == 0 || (!has_open_quote(node->text) && !continues(rest) &&
                             (is_one_word(rest) || !parses(loader, rest))))
        return;
    diag = rt_diag_add(loader->diags, RT_SEVERITY_WARNING, RULE_DIAG_YAML_COMMENT,
                       (struct rt_span){node->span.source, (uint32_t)at,
                                        (uint32_t)(rest.data + rest.length - source.data)},
                       "` #` starts a comment, the expression ends before it");
    rt_diag_help(loader->diags, diag,
                 "quote the whole expression, or put the comment on a line of its own");
}

/* ---- expressions ---- */

/* The node as an expression's text, whose bytes live as long as the plan; offsets are scratch. */
bool load_expr_text(struct loader *loader, const struct yaml_node *node, struct expr_text *out)
{
    enum rt_status status;

    if (node == NULL || node->kind != YAML_SCALAR || node->type == YAML_NULL)
        return false;
    status = yaml_expr_text(loader->diags, node, &loader->scratch, out);
    if (status != RT_OK) {
        loader->status = status;
        return false;
    }
    out->text.data = load_copy(loader, node->text);
    return out->text.data != NULL;
}

/* The end of a call to the checker. */
static bool is_checked(struct loader *loader, enum rt_status status)
{
    if (status != RT_OK && status != RT_ERR_DIAG)
        loader->status = status;
    return status == RT_OK;
}

bool load_expr(struct loader *loader, const struct yaml_node *node, const struct expr_scope *scope,
               enum expr_want want, struct expr_tree **out)
{
    struct expr_text text;

    if (!load_expr_text(loader, node, &text))
        return false;
    warn_of_comment(loader, node);
    return is_checked(loader, expr_check(&text, scope, want, loader->arena, loader->diags, out));
}

bool load_expr_part(struct loader *loader, const struct expr_text *text, size_t begin, size_t end,
                    const struct expr_scope *scope, struct expr_tree **out)
{
    struct expr_text part = *text;

    part.text = (struct rt_text){text->text.data + begin, end - begin};
    part.offset_base += (uint32_t)begin;
    if (part.offsets != NULL)
        part.offsets += begin;
    return is_checked(loader,
                      expr_check(&part, scope, EXPR_WANT_ANY, loader->arena, loader->diags, out));
}

bool load_template(struct loader *loader, const struct yaml_node *node,
                   const struct expr_scope *scope, struct expr_template_tree **out)
{
    struct expr_text text;

    if (!load_expr_text(loader, node, &text))
        return false;
    return is_checked(loader, expr_template_check(&text, scope, loader->arena, loader->diags, out));
}

bool load_pieces_check(struct loader *loader, struct load_pieces *pieces,
                       const struct expr_scope *scope, struct expr_tree **out)
{
    struct expr_text text = {.source = pieces->source, .offsets = pieces->offsets};

    if (pieces->failed || pieces->bytes.failed) {
        loader->status = RT_ERR_NOMEM;
        return false;
    }
    text.text =
        (struct rt_text){load_copy(loader, rt_buffer_view(&pieces->bytes)), pieces->bytes.length};
    if (text.text.data == NULL)
        return false;
    pieces->offsets[pieces->bytes.length] = pieces->end;
    return is_checked(loader,
                      expr_check(&text, scope, EXPR_WANT_BOOL, loader->arena, loader->diags, out));
}

/* ---- conditions: match, where, any_of ---- */

/* *out && tree */
static bool join(struct loader *loader, struct expr_tree *tree, struct expr_tree **out)
{
    enum rt_status status = expr_tree_and(loader->arena, *out, tree, out);

    if (status != RT_OK)
        loader->status = status;
    return status == RT_OK;
}

static bool add_match(struct loader *loader, const struct yaml_node *match,
                      const struct expr_scope *scope, struct expr_tree **out)
{
    struct load_pieces pieces;
    struct expr_tree *tree;
    bool good;

    load_pieces_init(&pieces, match);
    good = load_match_pieces(loader, match, &pieces) &&
           load_pieces_check(loader, &pieces, scope, &tree) && join(loader, tree, out);
    load_pieces_done(&pieces);
    return good;
}

static bool add_where(struct loader *loader, const struct yaml_node *where,
                      const struct expr_scope *scope, struct expr_tree **out)
{
    struct expr_tree *tree;

    return load_expr(loader, where, scope, EXPR_WANT_BOOL, &tree) && join(loader, tree, out);
}

/* One alternative, checked by itself and then added to the text of all of them. */
static bool add_branch(struct loader *loader, const struct yaml_node *node,
                       const struct expr_scope *scope, struct load_pieces *pieces)
{
    struct load_condition_nodes nodes = {.match = NULL};
    struct expr_tree *alone = NULL;
    struct expr_text text;
    bool good;

    if (!load_mapping(loader, node, &load_condition_map, NULL, &nodes))
        return false;
    if (nodes.match == NULL && nodes.where == NULL) {
        LOAD_ERROR(loader, MISSING_KEY, node, "an alternative needs `match` or `where`");
        return false;
    }
    good = nodes.match == NULL || add_match(loader, nodes.match, scope, &alone);
    good = (nodes.where == NULL || add_where(loader, nodes.where, scope, &alone)) && good;
    if (!good)
        return false;
    load_pieces_add(loader, pieces, RT_TEXT("("), node->span.begin, node->span.begin);
    if (nodes.match != NULL)
        good = load_match_pieces(loader, nodes.match, pieces);
    if (nodes.where != NULL && load_expr_text(loader, nodes.where, &text)) {
        uint32_t at = nodes.where->span.begin;

        load_pieces_add(loader, pieces, nodes.match != NULL ? RT_TEXT(" && (") : RT_TEXT("("), at,
                        at);
        load_pieces_add_expr(loader, pieces, &text);
        /* On a line of its own: the text may end in a comment. */
        load_pieces_add(loader, pieces, RT_TEXT("\n)"), pieces->end, pieces->end);
    }
    load_pieces_add(loader, pieces, RT_TEXT(")"), pieces->end, pieces->end);
    return good;
}

static bool add_any_of(struct loader *loader, const struct yaml_node *list,
                       const struct expr_scope *scope, struct expr_tree **out)
{
    struct load_pieces pieces;
    struct expr_tree *tree;
    bool good = true;

    if (list->kind != YAML_SEQUENCE)
        return false;
    if (list->count == 0) {
        LOAD_ERROR(loader, EMPTY, list, "`any_of` needs at least one alternative");
        return false;
    }
    load_pieces_init(&pieces, list);
    for (size_t i = 0; i < list->count; i++) {
        uint32_t at = list->items[i]->span.begin;

        if (i > 0)
            load_pieces_add(loader, &pieces, RT_TEXT(" || "), at, at);
        good = add_branch(loader, list->items[i], scope, &pieces) && good;
    }
    good = good && load_pieces_check(loader, &pieces, scope, &tree) && join(loader, tree, out);
    load_pieces_done(&pieces);
    return good;
}

/* type == "a" && type == "b": no value of some field leaves the condition a chance. */
static void warn_of_contradiction(struct loader *loader, const struct expr_tree *tree)
{
    enum { FIELDS_ASKED_MAX = 16 };
    rt_field_id fields[FIELDS_ASKED_MAX];
    size_t count = expr_tree_index_fields(tree, fields, FIELDS_ASKED_MAX);
    struct expr_may_set may;

    for (size_t i = 0; i < count && loader->status == RT_OK; i++) {
        enum rt_status status = expr_tree_may_be_true(tree, fields[i], &loader->scratch, &may);

        if (status != RT_OK) {
            loader->status = status;
            return;
        }
        if (may.kind != EXPR_MAY_NONE)
            continue;
        rt_diag_help(loader->diags,
                     rt_diag_add(loader->diags, RT_SEVERITY_WARNING, RULE_DIAG_EXPR_ALWAYS,
                                 expr_tree_span(tree),
                                 "this condition is never true: its parts exclude each other"),
                     "no event has two values of one field; `in` and `||` take either");
        return;
    }
}

bool load_condition(struct loader *loader, const struct load_condition *nodes,
                    const struct expr_scope *scope, struct expr_tree **out)
{
    bool good = true;

    *out = NULL;
    if (nodes->match != NULL)
        good = add_match(loader, nodes->match, scope, out);
    if (nodes->where != NULL)
        good = add_where(loader, nodes->where, scope, out) && good;
    if (nodes->any_of != NULL)
        good = add_any_of(loader, nodes->any_of, scope, out) && good;
    if (good && *out != NULL && expr_tree_conjunct_count(*out) > 1)
        warn_of_contradiction(loader, *out);
    return good;
}
