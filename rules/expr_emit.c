/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a checked tree to code: one function per kind of node, results in the register that the parent names.
 *
 * Operands of `&&` and `||` that compare a field with a constant become one instruction with the exit in it.
 */
#include <float.h>

#include "rules/diagnostics.h"
#include "rules/expr_aggregate.h"
#include "rules/expr_checker.h"
#include "rules/expr_code.h"
#include "rules/function.h"
#include "rules/regex.h"
#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"

struct emitter {
    struct expr *expr;
    uint8_t *registers; /* of the macro variables, by id */
    enum rt_status status;
};

static void emit_node(struct emitter *emitter, const struct expr_node *node, unsigned dst);

/* ---- growing arrays ---- */

/* Room for one more; false sets the status. */
static bool grow(struct emitter *emitter, void **items, size_t count, size_t *capacity, size_t size)
{
    size_t wanted = *capacity == 0 ? 8 : *capacity * 2;
    void *more;

    if (emitter->status != RT_OK)
        return false;
    if (count >= EXPR_CODE_MAX) {
        emitter->status = RT_ERR_LIMIT;
        return false;
    }
    if (count < *capacity)
        return true;
    more = rt_realloc(*items, wanted * size);
    if (more == NULL) {
        emitter->status = RT_ERR_NOMEM;
        return false;
    }
    *items = more;
    *capacity = wanted;
    return true;
}

static unsigned add_constant(struct emitter *emitter, struct rt_value value)
{
    struct expr *expr = emitter->expr;

    if (!grow(emitter, (void **)&expr->constants, expr->constant_count, &expr->constant_capacity,
              sizeof(*expr->constants)))
        return 0;
    expr->constants[expr->constant_count] = value;
    return (unsigned)expr->constant_count++;
}

static unsigned add_function(struct emitter *emitter, const struct expr_function *function)
{
    struct expr *expr = emitter->expr;

    for (size_t i = 0; i < expr->function_count; i++) {
        if (expr->functions[i] == function)
            return (unsigned)i;
    }
    if (!grow(emitter, (void **)&expr->functions, expr->function_count, &expr->function_capacity,
              sizeof(*expr->functions)))
        return 0;
    expr->functions[expr->function_count] = function;
    return (unsigned)expr->function_count++;
}

/* ---- instructions ---- */

/* The place of the instruction; 0 after a failure, when nothing is read any more. */
static unsigned emit(struct emitter *emitter, unsigned op, unsigned dst, unsigned a, unsigned b,
                     unsigned c)
{
    struct expr *expr = emitter->expr;

    if (dst >= EXPR_REGISTERS || a > EXPR_NO_OPERAND || b > EXPR_NO_OPERAND ||
        c > EXPR_NO_OPERAND) {
        emitter->status = emitter->status == RT_OK ? RT_ERR_LIMIT : emitter->status;
        return 0;
    }
    if (!grow(emitter, (void **)&expr->code, expr->code_count, &expr->code_capacity,
              sizeof(*expr->code)))
        return 0;
    expr->code[expr->code_count] =
        (struct expr_instruction){(uint8_t)op, (uint8_t)dst, (uint16_t)a, (uint16_t)b, (uint16_t)c};
    return (unsigned)expr->code_count++;
}

static unsigned here(const struct emitter *emitter)
{
    return (unsigned)emitter->expr->code_count;
}

/* Jumps whose place is not known yet are a list through their operand c, ended by EXPR_NO_OPERAND. */
static void emit_jump(struct emitter *emitter, unsigned op, unsigned dst, unsigned a, unsigned b,
                      unsigned *pending)
{
    *pending = emit(emitter, op, dst, a, b, *pending);
}

static void land(struct emitter *emitter, unsigned pending)
{
    unsigned target = here(emitter);

    while (emitter->status == RT_OK && pending != EXPR_NO_OPERAND) {
        struct expr_instruction *jump = &emitter->expr->code[pending];

        pending = jump->c;
        jump->c = (uint16_t)target;
    }
}

/* The slot of a field; the kind of overflow that a sealed table cannot have. */
static unsigned slot_of(const struct emitter *emitter, rt_field_id field)
{
    return rt_fields_slot(emitter->expr->fields, field);
}

static unsigned parent_slot(const struct emitter *emitter, const struct expr_node *node)
{
    return node->has_parent ? slot_of(emitter, node->parent) : EXPR_NO_OPERAND;
}

/* ---- a field against a constant ---- */

struct test {
    unsigned op; /* the plain form; _AND is one more, _OR two more */
    unsigned slot, constant;
};

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

static bool binary_test(struct emitter *emitter, const struct expr_node *node, struct test *test)
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
    test->slot = slot_of(emitter, node->children[0]->field);
    test->constant = add_constant(emitter, value);
    if (value.type == RT_INT || value.type == RT_DOUBLE)
        (void)add_constant(emitter, other_number(value));
    return true;
}

static bool call_test(struct emitter *emitter, const struct expr_node *node, struct test *test)
{
    bool starts = rt_text_is(node->name, "startsWith");

    if (node->child_count != 2 || !is_plain_field(node->children[0]) ||
        node->children[1]->kind != EXPR_CONSTANT || node->children[1]->value.type != RT_STRING)
        return false;
    if (!starts && !rt_text_is(node->name, "endsWith"))
        return false;
    test->op = starts ? EXPR_CODE_FIELD_STARTS : EXPR_CODE_FIELD_ENDS;
    test->slot = slot_of(emitter, node->children[0]->field);
    test->constant = add_constant(emitter, node->children[1]->value);
    return true;
}

/* ---- constant patterns ---- */

/* matches(x, "..."): the pattern was checked with the tree. */
static bool is_constant_match(const struct expr_node *node)
{
    return node->kind == EXPR_CALL && rt_text_is(node->name, "matches") && node->child_count == 2 &&
           node->children[1]->kind == EXPR_CONSTANT && node->children[1]->value.type == RT_STRING;
}

/* The pattern as a constant that carries the number of its compiled form. */
static unsigned add_pattern(struct emitter *emitter, struct rt_value pattern)
{
    struct expr *expr = emitter->expr;
    struct expr_regex_fault fault;
    enum rt_status status;

    if (!grow(emitter, (void **)&expr->regexes, expr->regex_count, &expr->regex_capacity,
              sizeof(struct expr_regex *)))
        return 0;
    status = expr_regex_new(rt_value_text(pattern), &fault, &expr->regexes[expr->regex_count]);
    RT_ASSERT(status != RT_ERR_DIAG);
    if (status != RT_OK) {
        emitter->status = status;
        return 0;
    }
    pattern.aux = (uint16_t)expr->regex_count++;
    return add_constant(emitter, pattern);
}

/* A field against a pattern: as a prefix or suffix where the pattern is no more. */
static bool match_test(struct emitter *emitter, const struct expr_node *node, struct test *test)
{
    struct rt_value pattern = node->children[1]->value;
    const struct expr_regex *regex;
    enum expr_regex_kind kind;
    struct rt_text literal;

    if (!is_plain_field(node->children[0]))
        return false;
    test->slot = slot_of(emitter, node->children[0]->field);
    test->op = EXPR_CODE_FIELD_MATCHES;
    test->constant = add_pattern(emitter, pattern);
    if (emitter->status != RT_OK)
        return true;
    regex = emitter->expr->regexes[emitter->expr->regex_count - 1];
    kind = expr_regex_kind(regex, &literal);
    if (kind != EXPR_REGEX_PREFIX && kind != EXPR_REGEX_SUFFIX)
        return true;
    test->op = kind == EXPR_REGEX_PREFIX ? EXPR_CODE_FIELD_STARTS : EXPR_CODE_FIELD_ENDS;
    test->constant = add_constant(emitter, rt_string(literal.data, (uint32_t)literal.length));
    return true;
}

/* Is the node one test of a field?  Only where a bool is wanted may a field stand for itself. */
static bool as_test(struct emitter *emitter, const struct expr_node *node, bool wants_bool,
                    struct test *test)
{
    if (node->kind == EXPR_BINARY)
        return binary_test(emitter, node, test);
    if (is_constant_match(node))
        return match_test(emitter, node, test);
    if (node->kind == EXPR_CALL)
        return call_test(emitter, node, test);
    if (!wants_bool || !is_plain_field(node))
        return false;
    *test = (struct test){EXPR_CODE_FIELD_TRUE, slot_of(emitter, node->field), 0};
    return true;
}

/* ---- logic ---- */

// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static void emit_chain(struct emitter *emitter, const struct expr_node *node, unsigned dst)
{
    bool conjunction = node->kind == EXPR_AND;
    unsigned pending = EXPR_NO_OPERAND;

    emit(emitter, EXPR_CODE_CONSTANT, dst, add_constant(emitter, rt_bool(conjunction)), 0, 0);
    for (uint32_t i = 0; i < node->child_count; i++) {
        struct test test;

        if (as_test(emitter, node->children[i], true, &test)) {
            emit_jump(emitter, test.op + (conjunction ? 1 : 2), dst, test.slot, test.constant,
                      &pending);
        } else {
            emit_node(emitter, node->children[i], dst + 1);
            emit_jump(emitter, conjunction ? EXPR_CODE_AND : EXPR_CODE_OR, dst, dst + 1, 0,
                      &pending);
        }
    }
    land(emitter, pending);
}

// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static void emit_conditional(struct emitter *emitter, const struct expr_node *node, unsigned dst)
{
    unsigned pending = EXPR_NO_OPERAND, branch;

    emit_node(emitter, node->children[0], dst);
    branch = here(emitter);
    emit_jump(emitter, EXPR_CODE_BRANCH, dst, dst, 0, &pending);
    emit_node(emitter, node->children[1], dst);
    emit_jump(emitter, EXPR_CODE_JUMP, 0, 0, 0, &pending);
    if (emitter->status == RT_OK)
        emitter->expr->code[branch].b = (uint16_t)here(emitter);
    emit_node(emitter, node->children[2], dst);
    land(emitter, pending);
}

/* ---- macros ---- */

/* dst: range, dst + 1: position, dst + 2: result, then the variables, then what the body needs */
// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static void emit_fold(struct emitter *emitter, const struct expr_node *node, unsigned dst)
{
    unsigned variables = node->name2.length > 0 ? 2 : 1, first = dst + 3;
    unsigned body = first + variables, pending = EXPR_NO_OPERAND, next;

    if (body >= EXPR_REGISTERS) {
        emitter->status = RT_ERR_LIMIT;
        return;
    }
    for (unsigned i = 0; i < variables; i++)
        emitter->registers[node->id + i] = (uint8_t)(first + i);
    emit_node(emitter, node->children[0], dst);
    emit_jump(emitter, EXPR_CODE_FOLD, dst, node->op, 0, &pending);
    next = here(emitter);
    emit_jump(emitter, EXPR_CODE_FOLD_NEXT, dst, first, variables, &pending);
    if (node->child_count == 3) {
        emit_node(emitter, node->children[2], body);
        emit_jump(emitter, EXPR_CODE_FOLD_FILTER, dst, body, next, &pending);
    }
    emit_node(emitter, node->children[1], body);
    emit_jump(emitter, EXPR_CODE_FOLD_STEP, dst, body, node->op, &pending);
    emit(emitter, EXPR_CODE_JUMP, 0, 0, 0, next);
    land(emitter, pending);
    emit(emitter, EXPR_CODE_FOLD_END, dst, node->op, 0, 0);
}

// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static void emit_bind(struct emitter *emitter, const struct expr_node *node, unsigned dst)
{
    /* An error in the value is a value here, so evaluating it at once is as good as lazily. */
    if (dst + 1 >= EXPR_REGISTERS) {
        emitter->status = RT_ERR_LIMIT;
        return;
    }
    emitter->registers[node->id] = (uint8_t)(dst + 1);
    emit_node(emitter, node->children[0], dst + 1);
    emit_node(emitter, node->children[1], dst + 2);
    emit(emitter, EXPR_CODE_MOVE, dst, dst + 2, 0, 0);
}

// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static void emit_optional_map(struct emitter *emitter, const struct expr_node *node, unsigned dst)
{
    unsigned pending = EXPR_NO_OPERAND;

    if (dst + 1 >= EXPR_REGISTERS) {
        emitter->status = RT_ERR_LIMIT;
        return;
    }
    emitter->registers[node->id] = (uint8_t)(dst + 1);
    emit_node(emitter, node->children[0], dst);
    emit_jump(emitter, EXPR_CODE_OPTIONAL_OPEN, dst, dst + 1, 0, &pending);
    emit_node(emitter, node->children[1], dst + 2);
    emit(emitter, node->op == 0 ? EXPR_CODE_OPTIONAL_OF : EXPR_CODE_MOVE, dst, dst + 2, 0, 0);
    land(emitter, pending);
}

/* ---- values ---- */

// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static void emit_entries(struct emitter *emitter, const struct expr_node *node, unsigned dst)
{
    bool map = node->kind == EXPR_MAP;

    emit(emitter, map ? EXPR_CODE_MAP : EXPR_CODE_LIST, dst,
         map ? node->child_count / 2 : node->child_count, 0, 0);
    for (uint32_t i = 0; i < node->child_count; i += map ? 2 : 1) {
        bool optional = (node->children[i]->flags & EXPR_FLAG_OPTIONAL_ENTRY) != 0;

        emit_node(emitter, node->children[i], dst + 1);
        if (map)
            emit_node(emitter, node->children[i + 1], dst + 2);
        emit(emitter, map ? EXPR_CODE_MAP_ADD : EXPR_CODE_LIST_ADD, dst, dst + 1, optional, 0);
    }
}

/* ---- aggregates of what a step has taken ---- */

/* sum(a.x), count(a): asked of the run itself, without a list. */
struct aggregate {
    uint32_t step;
    bool of_events; /* no field */
    rt_field_id field;
    unsigned how; /* enum expr_aggregate, EXPR_AGGREGATE_AS_DOUBLE */
};

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
static bool is_values_of_step(const struct expr_node *fold, struct aggregate *out)
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

static bool as_aggregate(const struct expr_node *call, struct aggregate *out)
{
    const struct expr_node *list = call->child_count == 1 ? call->children[0] : NULL;
    unsigned kind;

    if (list == NULL)
        return false;
    *out = (struct aggregate){.of_events =
                                  list->kind == EXPR_STEP && (list->flags & EXPR_FLAG_ALL) != 0};
    if ((!out->of_events && !is_values_of_step(list, out)) ||
        !aggregate_kind(call, out->of_events, &kind))
        return false;
    out->step = out->of_events ? list->id : list->children[0]->id;
    out->how |= kind;
    return out->step < EXPR_NO_OPERAND;
}

// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static void emit_call(struct emitter *emitter, const struct expr_node *node, unsigned dst)
{
    struct aggregate aggregate;
    struct test test;

    if (as_test(emitter, node, false, &test)) {
        emit(emitter, test.op, dst, test.slot, test.constant, 0);
        return;
    }
    if (as_aggregate(node, &aggregate)) {
        emit(emitter, EXPR_CODE_STEP_AGGREGATE, dst, aggregate.step,
             aggregate.of_events ? EXPR_NO_OPERAND : slot_of(emitter, aggregate.field),
             aggregate.how);
        return;
    }
    if (is_constant_match(node)) {
        emit_node(emitter, node->children[0], dst);
        emit(emitter, EXPR_CODE_MATCHES, dst, dst, add_pattern(emitter, node->children[1]->value),
             0);
        return;
    }
    for (uint32_t i = 0; i < node->child_count; i++)
        emit_node(emitter, node->children[i], dst + i);
    emit(emitter, EXPR_CODE_CALL, dst, add_function(emitter, node->function), dst,
         node->child_count);
}

// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static void emit_binary(struct emitter *emitter, const struct expr_node *node, unsigned dst)
{
    struct test test;

    if (as_test(emitter, node, false, &test)) {
        emit(emitter, test.op, dst, test.slot, test.constant, 0);
        return;
    }
    emit_node(emitter, node->children[0], dst);
    emit_node(emitter, node->children[1], dst + 1);
    emit(emitter, EXPR_CODE_EQUAL + node->op, dst, dst, dst + 1, 0);
}

static unsigned name_constant(struct emitter *emitter, const struct expr_node *node)
{
    return add_constant(emitter, rt_string(node->name.data, (uint32_t)node->name.length));
}

/* SELECT, HAS, INDEX, UNARY: an operand in dst, perhaps a key behind it. */
// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static void emit_access(struct emitter *emitter, const struct expr_node *node, unsigned dst)
{
    unsigned optional = (node->flags & EXPR_FLAG_OPTIONAL) != 0;

    emit_node(emitter, node->children[0], dst);
    switch ((enum expr_kind)node->kind) {
    case EXPR_SELECT:
        emit(emitter, EXPR_CODE_SELECT + optional, dst, dst, name_constant(emitter, node), 0);
        break;
    case EXPR_HAS:
        emit(emitter, EXPR_CODE_HAS, dst, dst, name_constant(emitter, node), 0);
        break;
    case EXPR_INDEX:
        emit_node(emitter, node->children[1], dst + 1);
        emit(emitter, EXPR_CODE_INDEX + optional, dst, dst, dst + 1, 0);
        break;
    default:
        RT_ASSERT(node->kind == EXPR_UNARY);
        emit(emitter, node->op == EXPR_OP_NOT ? EXPR_CODE_NOT : EXPR_CODE_NEGATE, dst, dst, 0, 0);
        break;
    }
}

/* What reads events: fields, steps, times. */
// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static void emit_event(struct emitter *emitter, const struct expr_node *node, unsigned dst)
{
    unsigned optional = (node->flags & EXPR_FLAG_OPTIONAL) != 0;
    const struct expr_node *event = node->child_count > 0 ? node->children[0] : NULL;

    if (node->kind == EXPR_EVENT_FIELD && event != NULL && event->kind == EXPR_STEP &&
        optional == 0 && (event->flags & EXPR_FLAG_ALL) == 0) {
        emit(emitter, EXPR_CODE_STEP_FIELD, dst, event->id, slot_of(emitter, node->field), 0);
        return;
    }
    if (event != NULL)
        emit_node(emitter, event, dst);
    switch ((enum expr_kind)node->kind) {
    case EXPR_FIELD:
        emit(emitter, EXPR_CODE_FIELD + optional, dst, slot_of(emitter, node->field), 0, 0);
        break;
    case EXPR_FIELD_HAS:
        emit(emitter, EXPR_CODE_FIELD_HAS, dst, slot_of(emitter, node->field),
             parent_slot(emitter, node), 0);
        break;
    case EXPR_EVENT_FIELD:
        emit(emitter, EXPR_CODE_EVENT_FIELD + optional, dst, dst, slot_of(emitter, node->field), 0);
        break;
    case EXPR_EVENT_HAS:
        emit(emitter, EXPR_CODE_EVENT_HAS, dst, dst, slot_of(emitter, node->field),
             parent_slot(emitter, node));
        break;
    default:
        RT_ASSERT(node->kind == EXPR_EVENT_TIME);
        emit(emitter, event == NULL ? EXPR_CODE_TIME : EXPR_CODE_EVENT_TIME, dst, dst, 0, 0);
        break;
    }
}

/* What has no operand. */
static void emit_leaf(struct emitter *emitter, const struct expr_node *node, unsigned dst)
{
    switch ((enum expr_kind)node->kind) {
    case EXPR_CONSTANT:
        emit(emitter, EXPR_CODE_CONSTANT, dst, add_constant(emitter, node->value), 0, 0);
        break;
    case EXPR_STEP:
        emit(emitter, (node->flags & EXPR_FLAG_ALL) != 0 ? EXPR_CODE_STEP_ALL : EXPR_CODE_STEP, dst,
             node->id, 0, 0);
        break;
    case EXPR_BINDING_NAME:
        emit(emitter, EXPR_CODE_BINDING, dst, node->id, 0, 0);
        break;
    default:
        RT_ASSERT(node->kind == EXPR_VARIABLE);
        emit(emitter, EXPR_CODE_MOVE, dst, emitter->registers[node->id], 0, 0);
        break;
    }
}

// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static void emit_node(struct emitter *emitter, const struct expr_node *node, unsigned dst)
{
    if (emitter->status != RT_OK)
        return;
    switch ((enum expr_kind)node->kind) {
    case EXPR_AND:
    case EXPR_OR:
        emit_chain(emitter, node, dst);
        break;
    case EXPR_CONDITIONAL:
        emit_conditional(emitter, node, dst);
        break;
    case EXPR_BINARY:
        emit_binary(emitter, node, dst);
        break;
    case EXPR_CALL:
        emit_call(emitter, node, dst);
        break;
    case EXPR_LIST:
    case EXPR_MAP:
        emit_entries(emitter, node, dst);
        break;
    case EXPR_FOLD:
        emit_fold(emitter, node, dst);
        break;
    case EXPR_BIND:
        emit_bind(emitter, node, dst);
        break;
    case EXPR_OPT_MAP:
        emit_optional_map(emitter, node, dst);
        break;
    case EXPR_SELECT:
    case EXPR_HAS:
    case EXPR_INDEX:
    case EXPR_UNARY:
        emit_access(emitter, node, dst);
        break;
    case EXPR_FIELD:
    case EXPR_FIELD_HAS:
    case EXPR_EVENT_FIELD:
    case EXPR_EVENT_HAS:
    case EXPR_EVENT_TIME:
        emit_event(emitter, node, dst);
        break;
    default:
        emit_leaf(emitter, node, dst);
        break;
    }
}

/* ---- will it fit? ---- */

static unsigned registers_of(const struct expr_node *node);

/* The largest of shift + what a child needs, shift growing by `step` from child to child. */
// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static unsigned most(const struct expr_node *node, unsigned shift, unsigned step)
{
    unsigned need = 1;

    for (uint32_t i = 0; i < node->child_count; i++) {
        unsigned child = shift + i * step + registers_of(node->children[i]);

        need = child > need ? child : need;
    }
    return need;
}

/* Registers from the result's on, as the functions above use them. */
// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static unsigned registers_of(const struct expr_node *node)
{
    switch ((enum expr_kind)node->kind) {
    case EXPR_AND:
    case EXPR_OR:
    case EXPR_LIST:
        return most(node, 1, 0);
    case EXPR_MAP:
    case EXPR_BIND:
    case EXPR_OPT_MAP:
        return most(node, 2, 0);
    case EXPR_BINARY:
    case EXPR_INDEX:
    case EXPR_CALL:
        return most(node, 0, 1);
    case EXPR_FOLD:
        return most(node, 5, 0);
    default:
        return most(node, 0, 0);
    }
}

// NOLINTNEXTLINE(misc-no-recursion): R2 bounds the depth
static size_t nodes_of(const struct expr_node *node)
{
    size_t count = 1;

    for (uint32_t i = 0; i < node->child_count; i++)
        count += nodes_of(node->children[i]);
    return count;
}

bool expr_tree_fits(struct expr_work *work, const struct expr_node *root)
{
    if (registers_of(root) <= EXPR_REGISTERS && nodes_of(root) <= EXPR_NODES_MAX)
        return true;
    rt_diag_add(work->diags, RT_SEVERITY_ERROR, RULE_DIAG_EXPR_LIMIT,
                expr_text_span(work->text, root->begin, root->end),
                "the expression is too large: write it as several conditions");
    work->status = RT_ERR_DIAG;
    return false;
}

enum rt_status expr_compile(const struct expr_tree *tree, const struct rt_fields *fields,
                            struct expr **out)
{
    struct emitter emitter = {.status = RT_OK};

    emitter.expr = rt_alloc_zeroed(1, sizeof(*emitter.expr));
    if (emitter.expr == NULL)
        return RT_ERR_NOMEM;
    emitter.expr->fields = fields;
    emitter.registers = rt_alloc_zeroed(tree->variable_count + 1u, 1);
    if (emitter.registers == NULL) {
        expr_free(emitter.expr);
        return RT_ERR_NOMEM;
    }
    emit_node(&emitter, tree->root, 0);
    emit(&emitter, EXPR_CODE_RETURN, 0, 0, 0, 0);
    rt_free(emitter.registers);
    if (emitter.status != RT_OK) {
        expr_free(emitter.expr);
        return emitter.status;
    }
    *out = emitter.expr;
    return RT_OK;
}
