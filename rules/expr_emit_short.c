/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Subtrees that are one instruction: a field against a constant, which in `&&` and `||` has the exit in it, and an aggregate of what
 * a step has taken.
 */
#include <float.h>

#include "rules/expr_aggregate.h"
#include "rules/expr_checker.h"
#include "rules/expr_emitter.h"
#include "rules/regex.h"

/* ---- a field against a constant ---- */

static bool is_plain_field(const struct expr_node *node)
{
    return node->kind == EXPR_FIELD && (node->flags & EXPR_FLAG_OPTIONAL) == 0;
}

/* The number again as the other type if that loses nothing; an absent value otherwise. */
static struct rt_value other_number(struct rt_value value)
{
    const int64_t exact = INT64_C(1) << DBL_MANT_DIG;

    if (value.type == RT_INT && value.u.integer >= -exact && value.u.integer <= exact)
        return rt_double((double)value.u.integer);
    if (value.type == RT_DOUBLE && value.u.real >= (double)-exact &&
        value.u.real <= (double)exact && (double)(int64_t)value.u.real == value.u.real)
        return rt_int((int64_t)value.u.real);
    return (struct rt_value){.type = RT_ABSENT};
}

static bool binary_test(struct expr_emitter *emitter, const struct expr_node *node,
                        struct expr_field_test *test)
{
    struct rt_value value;

    if (!is_plain_field(node->children[0]) || node->children[1]->kind != EXPR_CONSTANT)
        return false;
    value = node->children[1]->value;
    if (node->op == EXPR_OP_IN && value.type == RT_LIST)
        test->op = EXPR_CODE_FIELD_IN;
    else if (value.type == RT_STRING && node->op <= EXPR_OP_NOT_EQUAL)
        test->op =
            node->op == EXPR_OP_EQUAL ? EXPR_CODE_FIELD_EQUAL_TEXT : EXPR_CODE_FIELD_NOT_EQUAL_TEXT;
    else if ((value.type == RT_INT || value.type == RT_DOUBLE) && node->op <= EXPR_OP_GREATER_EQUAL)
        test->op = EXPR_CODE_FIELD_EQUAL + 3u * node->op;
    else
        return false;
    test->slot = expr_emit_slot(emitter, node->children[0]->field);
    test->constant = expr_emit_constant(emitter, value);
    if (value.type == RT_INT || value.type == RT_DOUBLE)
        (void)expr_emit_constant(emitter, other_number(value));
    return true;
}

static bool call_test(struct expr_emitter *emitter, const struct expr_node *node,
                      struct expr_field_test *test)
{
    bool starts = rt_text_is(node->name, "startsWith");

    if (node->child_count != 2 || !is_plain_field(node->children[0]) ||
        node->children[1]->kind != EXPR_CONSTANT || node->children[1]->value.type != RT_STRING)
        return false;
    if (!starts && !rt_text_is(node->name, "endsWith"))
        return false;
    test->op = starts ? EXPR_CODE_FIELD_STARTS : EXPR_CODE_FIELD_ENDS;
    test->slot = expr_emit_slot(emitter, node->children[0]->field);
    test->constant = expr_emit_constant(emitter, node->children[1]->value);
    return true;
}

/* ---- constant patterns ---- */

bool expr_is_constant_match(const struct expr_node *node)
{
    return node->kind == EXPR_CALL && rt_text_is(node->name, "matches") && node->child_count == 2 &&
           node->children[1]->kind == EXPR_CONSTANT && node->children[1]->value.type == RT_STRING;
}

/* A field against a pattern: as a prefix or suffix where the pattern is no more. */
static bool match_test(struct expr_emitter *emitter, const struct expr_node *node,
                       struct expr_field_test *test)
{
    struct rt_value pattern = node->children[1]->value;
    const struct expr_regex *regex;
    enum expr_regex_kind kind;
    struct rt_text literal;

    if (!is_plain_field(node->children[0]))
        return false;
    test->slot = expr_emit_slot(emitter, node->children[0]->field);
    test->op = EXPR_CODE_FIELD_MATCHES;
    test->constant = expr_emit_pattern(emitter, pattern);
    if (emitter->status != RT_OK)
        return true;
    regex = emitter->expr->regexes[emitter->expr->regex_count - 1];
    kind = expr_regex_kind(regex, &literal);
    if (kind != EXPR_REGEX_PREFIX && kind != EXPR_REGEX_SUFFIX)
        return true;
    test->op = kind == EXPR_REGEX_PREFIX ? EXPR_CODE_FIELD_STARTS : EXPR_CODE_FIELD_ENDS;
    test->constant = expr_emit_constant(emitter, rt_string(literal.data, (uint32_t)literal.length));
    return true;
}

bool expr_as_field_test(struct expr_emitter *emitter, const struct expr_node *node, bool wants_bool,
                        struct expr_field_test *test)
{
    if (node->kind == EXPR_BINARY)
        return binary_test(emitter, node, test);
    if (expr_is_constant_match(node))
        return match_test(emitter, node, test);
    if (node->kind == EXPR_CALL)
        return call_test(emitter, node, test);
    if (!wants_bool || !is_plain_field(node))
        return false;
    *test = (struct expr_field_test){EXPR_CODE_FIELD_TRUE, expr_emit_slot(emitter, node->field), 0};
    return true;
}

/* ---- aggregates of what a step has taken ---- */

static bool aggregate_kind(const struct expr_node *call, bool of_events, unsigned *kind)
{
    static const struct {
        struct rt_value (*function)(struct expr_call *, const struct rt_value *, size_t);
        enum expr_aggregate kind;
        bool of_events, of_values;
    } kinds[] = {{expr_fn_size, EXPR_AGGREGATE_COUNT, true, true},
                 {expr_fn_first, EXPR_AGGREGATE_FIRST, true, false},
                 {expr_fn_sum, EXPR_AGGREGATE_SUM, false, true},
                 {expr_fn_avg, EXPR_AGGREGATE_AVG, false, true},
                 {expr_fn_stddev, EXPR_AGGREGATE_STDDEV, false, true},
                 {expr_fn_min, EXPR_AGGREGATE_MIN, false, true},
                 {expr_fn_max, EXPR_AGGREGATE_MAX, false, true}};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (call->function->call != kinds[i].function)
            continue;
        *kind = kinds[i].kind;
        return of_events ? kinds[i].of_events : kinds[i].of_values;
    }
    return false;
}

/* e.x of the variable of a fold */
static bool is_field_of(const struct expr_node *node, enum expr_kind kind,
                        const struct expr_node *fold)
{
    return node->kind == (uint8_t)kind && node->children[0]->kind == EXPR_VARIABLE &&
           node->children[0]->id == fold->id;
}

/* a.map(e, has(e.?x), e.x) */
static bool is_values_of_step(const struct expr_node *fold, struct expr_step_aggregate *out)
{
    const struct expr_node *body, *has;

    if (fold->kind != EXPR_FOLD || fold->op != EXPR_FOLD_MAP || fold->child_count != 3 ||
        fold->name2.length > 0 || fold->children[0]->kind != EXPR_STEP ||
        (fold->children[0]->flags & EXPR_FLAG_ALL) == 0)
        return false;
    body = expr_unconverted(fold->children[1], EXPR_BINARY);
    has = fold->children[2];
    if (!is_field_of(body, EXPR_EVENT_FIELD, fold) || !is_field_of(has, EXPR_EVENT_HAS, fold) ||
        has->has_parent || has->field != body->field || (body->flags & EXPR_FLAG_OPTIONAL) != 0)
        return false;
    out->field = body->field;
    out->how = body == fold->children[1] ? 0 : EXPR_AGGREGATE_AS_DOUBLE;
    return true;
}

bool expr_as_step_aggregate(const struct expr_node *call, struct expr_step_aggregate *out)
{
    const struct expr_node *list = call->child_count == 1 ? call->children[0] : NULL;
    unsigned kind;

    if (list == NULL)
        return false;
    *out = (struct expr_step_aggregate){.of_events = list->kind == EXPR_STEP &&
                                                     (list->flags & EXPR_FLAG_ALL) != 0};
    if ((!out->of_events && !is_values_of_step(list, out)) ||
        !aggregate_kind(call, out->of_events, &kind))
        return false;
    out->step = out->of_events ? list->id : list->children[0]->id;
    out->how |= kind;
    return out->step < EXPR_NO_OPERAND;
}
