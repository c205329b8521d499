/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Templates: text with expressions between {{ and }}.
 *
 *     "{{ key.user }}: {{ size(fail) }} failed logins"
 *     [expression][": "][expression][" failed logins"]
 *
 * The expression ends at the first }} that is not inside a string, a map or a list of it.
 */
#include "rules/diagnostics.h"
#include "rules/expr_tree.h"
#include "runtime/base/alloc.h"

enum { PIECES_MAX = 1000 };

struct tree_piece {
    struct rt_text literal; /* when there is no tree */
    struct expr_tree *tree;
};

struct expr_template_tree {
    struct tree_piece *pieces;
    size_t count;
};

struct piece {
    struct rt_text literal;
    struct expr *code; /* owned; NULL for a literal */
};

struct expr_template {
    size_t count;
    struct piece pieces[];
};

/* ---- splitting ---- */

static bool pair_at(struct rt_text text, size_t at, char c)
{
    return at + 1 < text.length && text.data[at] == c && text.data[at + 1] == c;
}

/* Behind the string that begins at `at`; a string that is not closed goes to the end. */
static size_t skip_string(struct rt_text text, size_t at)
{
    char quote = text.data[at];
    bool raw = at > 0 && (text.data[at - 1] == 'r' || text.data[at - 1] == 'R');

    for (at++; at < text.length; at++) {
        if (text.data[at] == quote)
            return at + 1;
        if (text.data[at] == '\\' && !raw)
            at++;
    }
    return text.length;
}

/* Where the }} of the expression that begins at `at` stands; the text's length if nowhere. */
static size_t expression_end(struct rt_text text, size_t at)
{
    size_t depth = 0;

    while (at < text.length) {
        char c = text.data[at];

        if (c == '"' || c == '\'') {
            at = skip_string(text, at);
            continue;
        }
        if (depth == 0 && pair_at(text, at, '}'))
            return at;
        if (c == '{')
            depth++;
        else if (c == '}' && depth > 0)
            depth--;
        at++;
    }
    return text.length;
}

static size_t literal_end(struct rt_text text, size_t at)
{
    while (at < text.length && !pair_at(text, at, '{'))
        at++;
    return at;
}

static struct expr_text part_of(const struct expr_text *text, size_t begin, size_t end)
{
    return (struct expr_text){.text = {text->text.data + begin, end - begin},
                              .source = text->source,
                              .offsets = text->offsets == NULL ? NULL : text->offsets + begin,
                              .offset_base = text->offset_base + (uint32_t)begin};
}

/* ---- checking ---- */

struct template_work {
    const struct expr_text *text;
    const struct expr_scope *scope;
    struct rt_arena *arena;
    struct rt_diags *diags;
};

static size_t count_pieces(struct rt_text text)
{
    size_t count = 0;

    for (size_t at = 0; at < text.length; count++) {
        if (pair_at(text, at, '{')) {
            at = expression_end(text, at + 2);
            at = at < text.length ? at + 2 : at;
        } else {
            at = literal_end(text, at);
        }
    }
    return count;
}

/* The expression at text[*at], behind its {{; moves *at behind its }}. */
static enum rt_status check_expression(struct template_work *work, size_t *at,
                                       struct tree_piece *piece)
{
    struct rt_text text = work->text->text;
    size_t begin = *at, end = expression_end(text, begin + 2);
    struct expr_text part;

    if (end == text.length) {
        rt_diag_add(work->diags, RT_SEVERITY_ERROR, RULE_DIAG_EXPR_TEMPLATE,
                    expr_text_span(work->text, begin, begin + 2), "`{{` is not closed by `}}`");
        *at = end;
        return RT_ERR_DIAG;
    }
    *at = end + 2;
    part = part_of(work->text, begin + 2, end);
    return expr_check(&part, work->scope, EXPR_WANT_TEXT, work->arena, work->diags, &piece->tree);
}

static enum rt_status check_pieces(struct template_work *work, struct expr_template_tree *tree)
{
    struct rt_text text = work->text->text;
    enum rt_status status = RT_OK;

    for (size_t at = 0; at < text.length;) {
        struct tree_piece *piece = &tree->pieces[tree->count++];

        if (pair_at(text, at, '{')) {
            enum rt_status one = check_expression(work, &at, piece);

            status = one == RT_OK || status == RT_ERR_NOMEM ? status : one;
        } else {
            size_t end = literal_end(text, at);

            piece->literal = (struct rt_text){text.data + at, end - at};
            at = end;
        }
    }
    return status;
}

enum rt_status expr_template_check(const struct expr_text *text, const struct expr_scope *scope,
                                   struct rt_arena *arena, struct rt_diags *diags,
                                   struct expr_template_tree **out)
{
    struct template_work work = {text, scope, arena, diags};
    struct expr_template_tree *tree = rt_arena_alloc(arena, sizeof(*tree));
    size_t count = count_pieces(text->text);
    enum rt_status status;

    if (tree == NULL)
        return RT_ERR_NOMEM;
    if (count > PIECES_MAX || text->text.length > EXPR_TEXT_MAX) {
        rt_diag_add(diags, RT_SEVERITY_ERROR, RULE_DIAG_EXPR_LIMIT,
                    expr_text_span(text, 0, text->text.length), "the template is too long");
        return RT_ERR_DIAG;
    }
    tree->pieces = rt_arena_array(arena, count + 1, sizeof(*tree->pieces));
    if (tree->pieces == NULL)
        return RT_ERR_NOMEM;
    status = check_pieces(&work, tree);
    if (rt_diags_failed(diags))
        status = RT_ERR_NOMEM;
    if (status == RT_OK)
        *out = tree;
    return status;
}

/* ---- running ---- */

enum rt_status expr_template_compile(const struct expr_template_tree *tree,
                                     const struct rt_fields *fields, struct expr_template **out)
{
    struct expr_template *template =
        rt_alloc_zeroed(1, sizeof(*template) + tree->count * sizeof(template->pieces[0]));

    if (template == NULL)
        return RT_ERR_NOMEM;
    template->count = tree->count;
    for (size_t i = 0; i < tree->count; i++) {
        enum rt_status status = RT_OK;

        template->pieces[i].literal = tree->pieces[i].literal;
        if (tree->pieces[i].tree != NULL)
            status = expr_compile(tree->pieces[i].tree, fields, &template->pieces[i].code);
        if (status != RT_OK) {
            expr_template_free(template);
            return status;
        }
    }
    *out = template;
    return RT_OK;
}

void expr_template_free(struct expr_template *template)
{
    if (template == NULL)
        return;
    for (size_t i = 0; i < template->count; i++)
        expr_free(template->pieces[i].code);
    rt_free(template);
}

size_t expr_template_render(struct expr_machine *machine, const struct expr_template *template,
                            const struct expr_frame *frame, struct rt_buffer *out,
                            enum rt_value_error *why)
{
    size_t failures = 0;

    for (size_t i = 0; i < template->count; i++) {
        const struct piece *piece = &template->pieces[i];
        struct rt_value value;

        if (piece->code == NULL) {
            rt_buffer_text(out, piece->literal);
            continue;
        }
        value = expr_eval(machine, piece->code, frame);
        if (!rt_is_error(value) && expr_value_text(value, out))
            continue;
        *why = rt_is_error(value) ? (enum rt_value_error)value.aux : RT_ERROR_CONVERT;
        failures++;
    }
    return failures;
}
