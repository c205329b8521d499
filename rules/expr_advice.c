/* SPDX-License-Identifier: Apache-2.0 */
/* What to say to those who write another language, or half of this one. */
#include "rules/diagnostics.h"
#include "rules/expr_token.h"

static struct rt_text text_between(const struct expr_work *work, size_t begin, size_t end)
{
    return (struct rt_text){work->text->text.data + begin, end - begin};
}

static struct rt_diag *no_operator(struct expr_work *work, size_t begin, size_t end)
{
    work->status = RT_ERR_DIAG;
    return rt_diag_add(work->diags, RT_SEVERITY_ERROR, RULE_DIAG_EXPR_OPERATOR,
                       expr_text_span(work->text, begin, end), "there is no operator `%.*s`",
                       EXPR_PRINT(text_between(work, begin, end)));
}

static const char text_help[] =
    "!(x in [...]), x.contains(\"...\"), x.startsWith(\"...\"), x.matches(r'...')";

void expr_advise_operator(struct expr_work *work, size_t begin, size_t end, const char *wanted)
{
    struct rt_diag *diag;

    if (work->status != RT_OK)
        return;
    if (end < work->text->text.length && work->text->text.data[begin] == '=' &&
        work->text->text.data[end] == '~') {
        rt_diag_help(work->diags, no_operator(work, begin, end + 1), "%s", text_help);
        return;
    }
    diag = no_operator(work, begin, end);
    rt_diag_label(work->diags, diag, "did you mean `%s`?", wanted);
    rt_diag_fix(work->diags, diag, "%s", wanted);
}

static const struct {
    const char *word, *instead;
} words[] = {{"and", "&&"}, {"AND", "&&"}, {"or", "||"}, {"OR", "||"}, {"eq", "=="}, {"ne", "!="},
             {"lt", "<"},   {"gt", ">"},   {"le", "<="}, {"ge", ">="}, {"mod", "%"}, {"div", "/"}};

static const char null_help[] =
    "x == null asks for the value null, !has(x) whether the field is absent";

static const struct {
    const char *word, *help;
} phrases[] = {{"is", null_help},       {"IS", null_help},         {"not", text_help},
               {"NOT", text_help},      {"matches", text_help},    {"contains", text_help},
               {"like", text_help},     {"startswith", text_help}, {"startsWith", text_help},
               {"endsWith", text_help}, {"endswith", text_help},   {"LIKE", text_help}};

/* The token stands where an operator was expected. */
static bool advise_word(struct expr_work *work, const struct expr_token *token)
{
    struct rt_text word = text_between(work, token->begin, token->end);

    if (token->kind != TOKEN_NAME)
        return false;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (rt_text_is(word, words[i].word)) {
            expr_advise_operator(work, token->begin, token->end, words[i].instead);
            return true;
        }
    }
    for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++) {
        if (rt_text_is(word, phrases[i].word)) {
            struct rt_diag *diag = no_operator(work, token->begin, token->end);

            rt_diag_help(work->diags, diag, "%s", phrases[i].help);
            return true;
        }
    }
    return false;
}

void expr_advise_unexpected(struct expr_work *work, const struct expr_token *token,
                            const char *expected, bool operator_wanted)
{
    struct rt_span span = expr_text_span(work->text, token->begin, token->end);
    struct rt_text found = text_between(work, token->begin, token->end);

    if (work->status != RT_OK) /* out of memory, or reported */
        return;
    if (operator_wanted && advise_word(work, token))
        return;
    work->status = RT_ERR_DIAG;
    if (token->kind == TOKEN_END) {
        rt_diag_add(work->diags, RT_SEVERITY_ERROR, RULE_DIAG_EXPR_SYNTAX, span,
                    "the expression ends where %s is expected", expected);
    } else if (token->kind == TOKEN_RESERVED) {
        struct rt_diag *diag = rt_diag_add(work->diags, RT_SEVERITY_ERROR, RULE_DIAG_EXPR_SYNTAX,
                                           span, "`%.*s` is a reserved word", EXPR_PRINT(found));

        rt_diag_help(work->diags, diag, "the field of that name is event.%.*s", EXPR_PRINT(found));
    } else {
        rt_diag_add(work->diags, RT_SEVERITY_ERROR, RULE_DIAG_EXPR_SYNTAX, span,
                    "%s is expected here, not `%.*s`", expected, EXPR_PRINT(found));
    }
}

void expr_advise_list(struct expr_work *work, size_t open)
{
    struct rt_diag *diag;

    if (work->status != RT_OK)
        return;
    work->status = RT_ERR_DIAG;
    diag =
        rt_diag_add(work->diags, RT_SEVERITY_ERROR, RULE_DIAG_EXPR_OPERATOR,
                    expr_text_span(work->text, open, open + 1), "a list stands in square brackets");
    rt_diag_help(work->diags, diag, "write x in [1, 2]");
}

void expr_advise_message(struct expr_work *work, size_t begin, size_t end)
{
    struct rt_diag *diag;

    if (work->status != RT_OK)
        return;
    work->status = RT_ERR_DIAG;
    diag = rt_diag_add(work->diags, RT_SEVERITY_ERROR, RULE_DIAG_EXPR_MESSAGE,
                       expr_text_span(work->text, begin, end), "messages cannot be built");
    rt_diag_help(work->diags, diag, "a map is written {\"field\": value}");
}
