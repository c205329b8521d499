/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls: which function a name is, whether the arguments fit, and the forms that are more than a function.
 *
 *     math.least(a, b)    a function whose name has a dot
 *     time(ok)            event time; the compiler's own
 *     last(fail)          the newest event of a step, without the list
 *     sum(fail.amount)    sum(fail.filter(has amount).map(amount)), events without the field left out
 *     count(x)            size(x)
 */
#include <string.h>

#include "rules/diagnostics.h"
#include "rules/expr_checker.h"
#include "rules/regex.h"

/* ---- finding the function ---- */

/* a.b.c as one text if the node is a chain of plain names that no variable begins; an empty text otherwise. */
static bool dotted_name(struct expr_checker *checker, const struct expr_node *receiver,
                        struct rt_text name, struct rt_text *out)
{
    const struct expr_node *at = receiver;
    size_t length = name.length, begin;
    char *text;

    *out = (struct rt_text){NULL, 0};
    for (; at->kind == EXPR_SELECT && at->flags == 0; at = at->children[0])
        length += at->name.length + 1;
    if (at->kind != EXPR_NAME || expr_find_variable(checker, at->name) != NULL)
        return true;
    length += at->name.length + 1;
    text = rt_arena_raw(checker->work->arena, length);
    if (text == NULL) {
        checker->work->status = RT_ERR_NOMEM;
        return false;
    }
    begin = length - name.length;
    memcpy(text + begin, name.data, name.length);
    for (at = receiver;; at = at->children[0]) {
        text[--begin] = '.';
        begin -= at->name.length;
        memcpy(text + begin, at->name.data, at->name.length);
        if (at->kind == EXPR_NAME)
            break;
    }
    *out = (struct rt_text){text, length};
    return true;
}

/* Does a function's name begin with what stands before the last name of `dotted`: "math." of math.foo? */
static bool is_namespace(struct rt_text dotted, size_t last)
{
    size_t count, length = dotted.length - last;
    const struct expr_function *functions = expr_functions(&count);

    for (size_t i = 0; dotted.length > 0 && i < count; i++) {
        if (strncmp(functions[i].name, dotted.data, length) == 0)
            return true;
    }
    return false;
}

static const char *const macro_names[] = {"has",           "all",          "exists", "exists_one",
                                          "map",           "filter",       "time",   "count",
                                          "transformList", "transformMap", "optMap", "optFlatMap"};

/* The names of all functions and macros that end in no dot part: for "did you mean". */
static const char *nearest_function(struct expr_checker *checker, struct rt_text name)
{
    size_t count, used = 0, macros = sizeof(macro_names) / sizeof(macro_names[0]);
    const struct expr_function *functions = expr_functions(&count);
    const char **names = rt_arena_array(checker->work->arena, count + macros, sizeof(*names));

    if (names == NULL) {
        checker->work->status = RT_ERR_NOMEM;
        return NULL;
    }
    for (size_t i = 0; i < count; i++)
        names[used++] = functions[i].name;
    for (size_t i = 0; i < macros; i++)
        names[used++] = macro_names[i];
    return rt_nearest(name, names, used);
}

/* Words of other languages that no edit distance would find. */
static const struct {
    const char *name, *instead;
} other_words[] = {{"len", "size(x)"},
                   {"length", "size(x)"},
                   {"lower", "x.lowerAscii()"},
                   {"upper", "x.upperAscii()"},
                   {"toLowerCase", "x.lowerAscii()"},
                   {"toUpperCase", "x.upperAscii()"},
                   {"starts_with", "x.startsWith(\"...\")"},
                   {"startswith", "x.startsWith(\"...\")"},
                   {"ends_with", "x.endsWith(\"...\")"},
                   {"endswith", "x.endsWith(\"...\")"},
                   {"includes", "x.contains(\"...\"), or x in list"},
                   {"exists", "has(event.x)"},
                   {"defined", "has(event.x)"},
                   {"isnull", "x == null"},
                   {"coalesce", "event.?x.orValue(...)"},
                   {"if", "condition ? a : b"},
                   {"iif", "condition ? a : b"},
                   {"any", "list.exists(x, ...)"},
                   {"every", "list.all(x, ...)"},
                   {"now", "time(event): a replay must give the same result"},
                   {"prev", "last(step)"}};

/* Without checks a wrong call is an error of the run. */
static struct expr_node *fails_at_run_time(struct expr_node *node, enum rt_value_error why)
{
    node->kind = EXPR_CONSTANT;
    node->child_count = 0;
    node->value = rt_error(why);
    node->type = expr_type_of(RT_ABSENT);
    return node;
}

static struct expr_node *report_function(struct expr_checker *checker, struct expr_node *node)
{
    struct rt_diags *diags = checker->work->diags;
    bool member = (node->flags & EXPR_FLAG_MEMBER) != 0;
    bool other = expr_function_find(node->name, !member) != NULL;
    const char *near = other ? NULL : nearest_function(checker, node->name);
    struct rt_diag *diag;

    if (checker->scope->unchecked)
        return fails_at_run_time(node, RT_ERROR_TYPE);
    (void)expr_poison(checker, node);
    diag = rt_diag_add(diags, RT_SEVERITY_ERROR, RULE_DIAG_EXPR_FUNCTION,
                       expr_text_span(checker->work->text, node->name_begin, node->name_end),
                       "unknown %s `%.*s`", member ? "method" : "function", EXPR_PRINT(node->name));
    if (other && member) {
        rt_diag_label(diags, diag, "this is a function: %.*s(x)", EXPR_PRINT(node->name));
        return node;
    }
    if (other) {
        rt_diag_label(diags, diag, "this is a method: x.%.*s(...)", EXPR_PRINT(node->name));
        return node;
    }
    for (size_t i = 0; i < sizeof(other_words) / sizeof(other_words[0]); i++) {
        if (rt_text_is(node->name, other_words[i].name)) {
            rt_diag_help(diags, diag, "write %s", other_words[i].instead);
            return node;
        }
    }
    if (near != NULL)
        rt_diag_label(diags, diag, "did you mean `%s`?", near);
    return node;
}

/* ---- types ---- */

/* What becomes of the items of a list or an optional; types without a parameter cannot say it. */
enum item_rule { ITEM_RESULT, ITEM_OPTIONAL, ITEM_SAME };
static const struct {
    const char *name;
    bool member;
    enum item_rule rule;
} item_rules[] = {{"first", false, ITEM_RESULT},  {"last", false, ITEM_RESULT},
                  {"first", true, ITEM_OPTIONAL}, {"last", true, ITEM_OPTIONAL},
                  {"value", true, ITEM_RESULT},   {"reverse", true, ITEM_SAME},
                  {"slice", true, ITEM_SAME}};

/* Functions that never look into the items they are given. */
static const char *const blind[] = {"size", "hasValue", "dyn"};

static void item_types(struct expr_checker *checker, struct expr_node *node)
{
    bool member = (node->flags & EXPR_FLAG_MEMBER) != 0;
    const struct expr_node *first = node->child_count > 0 ? node->children[0] : NULL;

    if (first == NULL)
        return;
    for (size_t i = 0; i < sizeof(item_rules) / sizeof(item_rules[0]); i++) {
        if (item_rules[i].member != member || !rt_text_is(node->name, item_rules[i].name) ||
            (first->type.base != RT_LIST && first->type.base != RT_OPTIONAL))
            continue;
        if (item_rules[i].rule == ITEM_RESULT)
            node->type = expr_type_of((enum rt_type)first->type.item);
        else if (item_rules[i].rule == ITEM_OPTIONAL)
            node->type = (struct expr_type){RT_OPTIONAL, first->type.item};
        else
            node->type = first->type;
        return;
    }
    for (size_t i = 0; i < sizeof(blind) / sizeof(blind[0]); i++) {
        if (rt_text_is(node->name, blind[i]) && first->type.base != RT_EVENT)
            return;
    }
    for (uint32_t i = 0; i < node->child_count; i++)
        expr_check_escape(checker, node->children[i]);
}

static bool is_aggregate(struct rt_text name)
{
    static const char *const names[] = {"sum", "avg", "min", "max", "stddev", "distinct", "count"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (rt_text_is(name, names[i]))
            return true;
    }
    return false;
}

static void report_arguments(struct expr_checker *checker, struct expr_node *node)
{
    const struct expr_function *function = node->function;
    unsigned own = (node->flags & EXPR_FLAG_MEMBER) != 0 ? 1 : 0;
    unsigned least = function->args_min - own, most = function->args_max - own;
    unsigned given = node->child_count - own;
    struct rt_diag *diag = NULL;

    if (function->args_max == EXPR_ARGS_ANY)
        expr_report(checker, node, RULE_DIAG_EXPR_ARGUMENTS,
                    "`%s` takes at least %u argument%s, not %u", function->name, least,
                    least == 1 ? "" : "s", given);
    else if (least == most)
        diag =
            expr_report(checker, node, RULE_DIAG_EXPR_ARGUMENTS, "`%s` takes %u argument%s, not %u",
                        function->name, least, least == 1 ? "" : "s", given);
    else
        expr_report(checker, node, RULE_DIAG_EXPR_ARGUMENTS,
                    "`%s` takes %u to %u arguments, not %u", function->name, least, most, given);
    if (diag != NULL && given == 0 && checker->scope->closed && is_aggregate(node->name))
        rt_diag_help(checker->work->diags, diag,
                     "an aggregate has a name, `aggregate: { n: %s() }`: write the name",
                     function->name);
}

static void report_overloads(struct expr_checker *checker, struct expr_node *node)
{
    struct rt_diag *diag;
    struct rt_buffer given;

    rt_buffer_init(&given, 4096);
    for (uint32_t i = 0; i < node->child_count; i++)
        rt_buffer_printf(&given, "%s%s",
                         i == 0                       ? ""
                         : i + 1 == node->child_count ? " and "
                                                      : ", ",
                         expr_type_phrase(node->children[i]->type));
    if (given.failed)
        checker->work->status = RT_ERR_NOMEM;
    diag = expr_report(checker, node, RULE_DIAG_EXPR_TYPE, "`%s` does not take %s",
                       node->function->name, given.failed ? "these types" : given.data);
    rt_buffer_done(&given);
    rt_diag_help(checker->work->diags, diag, "it takes %s", node->function->types);
}

/* Where in the text byte `at` of the pattern stands: exact in a raw string, the literal's end otherwise. */
static uint32_t pattern_place(const struct expr_checker *checker, const struct expr_node *literal,
                              size_t at, uint32_t otherwise)
{
    const char *text = checker->work->text->text.data + literal->begin;

    if ((text[0] != 'r' && text[0] != 'R') || (text[1] != '"' && text[1] != '\''))
        return otherwise;
    if (text[2] == text[1] && literal->end - literal->begin > 3)
        return otherwise; /* three quotes */
    return literal->begin + 2 + (uint32_t)at;
}

/* A text that stands in quotes as it is, in those of YAML too. */
static bool needs_no_escape(struct rt_text text)
{
    for (size_t i = 0; i < text.length; i++) {
        if ((unsigned char)text.data[i] < ' ' || memchr("\\\"'", text.data[i], 3) != NULL)
            return false;
    }
    return true;
}

/* A pattern that is written out and does what a plain comparison says better. */
static void warn_of_plain(struct expr_checker *checker, const struct expr_node *node,
                          const struct expr_regex *regex)
{
    static const struct {
        const char *asks, *function;
    } plain[] = {[EXPR_REGEX_CONTAINS] = {"contains", "contains"},
                 [EXPR_REGEX_PREFIX] = {"begins with", "startsWith"},
                 [EXPR_REGEX_SUFFIX] = {"ends with", "endsWith"},
                 [EXPR_REGEX_EQUALS] = {"is", NULL}};
    const struct expr_text *text = checker->work->text;
    const struct expr_node *literal = node->children[1];
    char quote = text->text.data[literal->begin];
    bool of_member = node->name_begin > node->children[0]->begin;
    struct rt_text words;
    enum expr_regex_kind kind = expr_regex_kind(regex, &words);
    struct rt_diag *diag;

    quote = quote == 'r' || quote == 'R' ? text->text.data[literal->begin + 1] : quote;
    if (kind == EXPR_REGEX_GENERAL || words.length == 0 || (quote != '"' && quote != '\''))
        return; /* a parameter may be another pattern in the next run */
    diag = rt_diag_add(checker->work->diags, RT_SEVERITY_WARNING, RULE_DIAG_PLAIN_PATTERN,
                       expr_text_span(text, of_member ? node->name_begin : literal->begin,
                                      of_member ? node->end : literal->end),
                       "this pattern only asks whether the text %s `%.*s`", plain[kind].asks,
                       EXPR_PRINT(words));
    if (plain[kind].function == NULL)
        rt_diag_help(checker->work->diags, diag, "compare with ==");
    else if (of_member && needs_no_escape(words))
        rt_diag_fix(checker->work->diags, diag, "%s(%c%.*s%c)", plain[kind].function, quote,
                    EXPR_PRINT(words), quote);
    else
        rt_diag_help(checker->work->diags, diag, "%s says so", plain[kind].function);
}

/* matches(x, "..."): the pattern is compiled once to say what is wrong with it. */
static bool check_pattern(struct expr_checker *checker, struct expr_node *node)
{
    struct expr_node *literal = node->children[1];
    struct expr_regex_fault fault;
    struct expr_regex *regex = NULL;
    enum rt_status status;

    if (!rt_text_is(node->name, "matches") || literal->kind != EXPR_CONSTANT ||
        literal->value.type != RT_STRING)
        return true;
    status = expr_regex_new(rt_value_text(literal->value), &fault, &regex);
    if (status == RT_OK && expr_regex_nests_repeats(regex) && !checker->work->quiet)
        rt_diag_add(checker->work->diags, RT_SEVERITY_WARNING, RULE_DIAG_EXPR_PATTERN,
                    expr_text_span(checker->work->text, literal->begin, literal->end),
                    "a repetition inside a repetition can run into the match limit");
    if (status == RT_OK && !checker->work->quiet)
        warn_of_plain(checker, node, regex);
    if (status == RT_OK)
        expr_regex_free(regex);
    if (status == RT_OK)
        return true;
    if (status != RT_ERR_DIAG) {
        checker->work->status = status;
        return false;
    }
    (void)expr_poison(checker, node);
    rt_diag_add(checker->work->diags, RT_SEVERITY_ERROR, RULE_DIAG_EXPR_PATTERN,
                expr_text_span(checker->work->text,
                               pattern_place(checker, literal, fault.begin, literal->begin),
                               pattern_place(checker, literal, fault.end, literal->end)),
                "%s", fault.message);
    return true;
}

static struct expr_node *check_found(struct expr_checker *checker, struct expr_node *node)
{
    const struct expr_function *function = node->function;

    for (uint32_t i = 0; i < node->child_count; i++) {
        if (expr_is_poisoned(node->children[i])) {
            node->type = expr_type_of(RT_ERROR);
            return node;
        }
    }
    if (node->child_count < function->args_min ||
        (function->args_max != EXPR_ARGS_ANY && node->child_count > function->args_max)) {
        if (checker->scope->unchecked)
            return fails_at_run_time(node, RT_ERROR_TYPE);
        report_arguments(checker, node);
        return node;
    }
    if (rt_text_is(node->name, "cidr") && node->child_count == 2) /* reads the text itself */
        node->children[0] = expr_unconverted(node->children[0], EXPR_CALL);
    node->type = expr_overload_type(function->types, node->children, node->child_count);
    if (node->type.base == RT_ERROR && !checker->scope->unchecked) {
        report_overloads(checker, node);
        return node;
    }
    if (node->type.base == RT_ERROR)
        node->type = expr_type_of(RT_ABSENT);
    item_types(checker, node);
    if (node->child_count == 2 && !check_pattern(checker, node))
        return NULL;
    return expr_fold_constants(checker->work, node);
}

// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static struct expr_node *check_arguments(struct expr_checker *checker, struct expr_node *node)
{
    for (uint32_t i = 0; i < node->child_count; i++) {
        node->children[i] = expr_check_node(checker, node->children[i]);
        if (node->children[i] == NULL)
            return NULL;
    }
    return node;
}

/* ---- time(x) ---- */

// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static struct expr_node *check_time(struct expr_checker *checker, struct expr_node *node)
{
    const struct expr_node *event;

    node->kind = EXPR_EVENT_TIME;
    node->type = expr_type_of(RT_TIMESTAMP);
    if (node->child_count == 1 && expr_is_event_root(checker, node->children[0]))
        node->child_count = 0;
    if (node->child_count == 0) {
        if (checker->scope->fields == NULL)
            expr_report(checker, node, RULE_DIAG_EXPR_NO_EVENT, "there is no event at hand here");
        return node;
    }
    if (check_arguments(checker, node) == NULL)
        return NULL;
    event = node->children[0];
    if (expr_is_poisoned(event)) {
        node->type = event->type;
    } else if (event->type.base == RT_LIST && event->type.item == RT_EVENT) {
        struct rt_diag *diag = expr_report(checker, node, RULE_DIAG_EXPR_EVENT_LIST,
                                           "`time` takes one event, and this is a list of them");

        rt_diag_help(checker->work->diags, diag, "take one event, time(first(x)) or time(last(x))");
    } else if (expr_is_known(event->type) && event->type.base != RT_EVENT) {
        expr_report(checker, node, RULE_DIAG_EXPR_TYPE, "`time` takes an event, not %s",
                    expr_type_phrase(event->type));
    }
    return node;
}

/* ---- steps as arguments ---- */

static struct expr_node *new_name(struct expr_checker *checker, const struct expr_node *at,
                                  const char *name)
{
    struct expr_node *node = expr_node_new(checker->work, EXPR_NAME, at->begin, at->end);

    if (node != NULL)
        node->name = rt_text_of(name);
    return node;
}

/* The selections of `chain` on another base; for has() as its operand and last name. */
// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static struct expr_node *rebase(struct expr_checker *checker, const struct expr_node *chain,
                                struct expr_node *base)
{
    struct expr_node *copy, *operand;

    if (chain->kind == EXPR_NAME)
        return base;
    operand = rebase(checker, chain->children[0], base);
    copy = expr_node_new(checker->work, EXPR_SELECT, chain->begin, chain->end);
    if (operand == NULL || copy == NULL)
        return NULL;
    copy->name = chain->name;
    return expr_node_adopt(checker->work, copy, &operand, 1) ? copy : NULL;
}

/* a.x over a repeating step a: a.map(e, has(e.?x), e.x) */
static struct expr_node *values_of_step(struct expr_checker *checker, struct expr_node *chain)
{
    struct expr_node *range = chain, *children[3], *fold;

    while (range->kind == EXPR_SELECT)
        range = range->children[0];
    children[0] = range;
    children[1] = new_name(checker, range, "e");
    children[1] = children[1] == NULL ? NULL : rebase(checker, chain, children[1]);
    children[2] = new_name(checker, range, "e");
    children[2] = children[2] == NULL ? NULL : rebase(checker, chain, children[2]);
    fold = expr_node_new(checker->work, EXPR_FOLD, chain->begin, chain->end);
    if (children[1] == NULL || children[2] == NULL || fold == NULL)
        return NULL;
    children[2]->kind = EXPR_HAS;
    children[2]->flags |= EXPR_FLAG_OPTIONAL; /* absent at any depth is left out */
    fold->op = EXPR_FOLD_MAP;
    fold->name = rt_text_of("e");
    fold->macro = "map";
    return expr_node_adopt(checker->work, fold, children, 3) ? fold : NULL;
}

/* The step that a chain of plain selections begins with; NULL if it is something else. */
static const struct expr_step_name *step_of_chain(const struct expr_checker *checker,
                                                  const struct expr_node *chain)
{
    while (chain->kind == EXPR_SELECT && (chain->flags & EXPR_FLAG_OPTIONAL) == 0)
        chain = chain->children[0];
    return expr_find_step(checker, chain);
}

/* distinct(list) is list.distinct().size(); count(x) is size(x); min(list) is list.min(). */
static struct expr_node *rename_aggregate(struct expr_checker *checker, struct expr_node *node)
{
    if (rt_text_is(node->name, "distinct")) {
        struct expr_node *inner = expr_node_new(checker->work, EXPR_CALL, node->begin, node->end);

        if (inner == NULL || !expr_node_adopt(checker->work, inner, node->children, 1) ||
            !expr_node_adopt(checker->work, node, &inner, 1))
            return NULL;
        inner->name = node->name;
        inner->name_begin = node->name_begin;
        inner->name_end = node->name_end;
        inner->flags = EXPR_FLAG_MEMBER;
        node->name = rt_text_of("size");
        return node;
    }
    if (expr_function_find(node->name, false) != NULL)
        return node;
    if (rt_text_is(node->name, "count"))
        node->name = rt_text_of("size");
    else if (expr_function_find(node->name, true) != NULL)
        node->flags |= EXPR_FLAG_MEMBER;
    return node;
}

static struct expr_node *check_aggregate(struct expr_checker *checker, struct expr_node *node)
{
    struct expr_node *argument = node->children[0];
    const struct expr_step_name *step = step_of_chain(checker, argument);

    if (step != NULL && step->repeats && argument->kind == EXPR_SELECT) {
        node->children[0] = values_of_step(checker, argument);
        if (node->children[0] == NULL)
            return NULL;
    }
    return rename_aggregate(checker, node);
}

/* last(step), first(step), count(step) without the list of its events where one event is enough. */
static struct expr_node *check_step_call(struct expr_checker *checker, struct expr_node *node,
                                         const struct expr_step_name *step)
{
    struct expr_node *name = node->children[0];
    bool last = rt_text_is(node->name, "last"), first = rt_text_is(node->name, "first");

    if ((!last && !first) || (first && step->repeats) || !step->available)
        return NULL;
    expr_warn_hidden(checker, name);
    name->kind = EXPR_STEP;
    name->id = step->step;
    name->type = expr_type_of(RT_EVENT);
    name->flags = 0;
    name->macro = step->repeats ? "last" : NULL;
    name->begin = node->begin;
    name->end = node->end;
    return name;
}

/* size(step) or count(step) of a step that takes one event: 0 or 1. */
static void as_list(struct expr_node *step)
{
    step->flags |= EXPR_FLAG_ALL;
    step->type = (struct expr_type){RT_LIST, RT_EVENT};
}

// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static struct expr_node *check_global(struct expr_checker *checker, struct expr_node *node)
{
    const struct expr_step_name *step =
        node->child_count == 1 ? expr_find_step(checker, node->children[0]) : NULL;
    bool counts = rt_text_is(node->name, "count");

    if (rt_text_is(node->name, "time") && node->child_count <= 1)
        return check_time(checker, node);
    if (step != NULL) {
        struct expr_node *one = check_step_call(checker, node, step);

        if (one != NULL)
            return one;
    }
    if (step == NULL && node->child_count > 0 &&
        (is_aggregate(node->name) || rt_text_is(node->name, "first") ||
         rt_text_is(node->name, "last")))
        expr_warn_near_step(checker, node->children[0]);
    if (node->child_count == 1 && is_aggregate(node->name)) {
        node = check_aggregate(checker, node);
        if (node == NULL)
            return NULL;
    }
    if (check_arguments(checker, node) == NULL)
        return NULL;
    if (step != NULL && counts && node->children[0]->kind == EXPR_STEP)
        as_list(node->children[0]);
    node->function = expr_function_find(node->name, (node->flags & EXPR_FLAG_MEMBER) != 0);
    return node->function == NULL ? report_function(checker, node) : check_found(checker, node);
}

// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
struct expr_node *expr_check_call(struct expr_checker *checker, struct expr_node *node)
{
    struct rt_text dotted;

    if ((node->flags & EXPR_FLAG_MEMBER) == 0)
        return check_global(checker, node);
    if (!dotted_name(checker, node->children[0], node->name, &dotted))
        return NULL;
    if (dotted.length > 0 && expr_function_find(dotted, false) != NULL) {
        node->name_begin = node->children[0]->begin;
        node->name = dotted;
        node->flags &= (uint8_t)~EXPR_FLAG_MEMBER;
        node->children++;
        node->child_count--;
        return check_global(checker, node);
    }
    if (is_namespace(dotted, node->name.length) && expr_function_find(node->name, true) == NULL) {
        node->name_begin = node->children[0]->begin;
        node->name = dotted;
        node->flags &= (uint8_t)~EXPR_FLAG_MEMBER;
        return report_function(checker, node);
    }
    if (check_arguments(checker, node) == NULL)
        return NULL;
    node->function = expr_function_find(node->name, true);
    return node->function == NULL ? report_function(checker, node) : check_found(checker, node);
}
