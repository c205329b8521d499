/* SPDX-License-Identifier: Apache-2.0 */
/* Code in the making: arrays that grow, and jumps that land. */
#include "rules/expr_emitter.h"

#include "rules/regex.h"
#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"

/* ---- growing arrays ---- */

/* Room for one more; false sets the status. */
static bool grow(struct expr_emitter *emitter, void **items, size_t count, size_t *capacity,
                 size_t size)
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

unsigned expr_emit_constant(struct expr_emitter *emitter, struct rt_value value)
{
    struct expr *expr = emitter->expr;

    if (!grow(emitter, (void **)&expr->constants, expr->constant_count, &expr->constant_capacity,
              sizeof(*expr->constants)))
        return 0;
    expr->constants[expr->constant_count] = value;
    return (unsigned)expr->constant_count++;
}

unsigned expr_emit_function(struct expr_emitter *emitter, const struct expr_function *function)
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

unsigned expr_emit_pattern(struct expr_emitter *emitter, struct rt_value pattern)
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
    return expr_emit_constant(emitter, pattern);
}

/* ---- instructions ---- */

unsigned expr_emit(struct expr_emitter *emitter, unsigned op, unsigned dst, unsigned a, unsigned b,
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

unsigned expr_emit_here(const struct expr_emitter *emitter)
{
    return (unsigned)emitter->expr->code_count;
}

void expr_emit_jump(struct expr_emitter *emitter, unsigned op, unsigned dst, unsigned a, unsigned b,
                    unsigned *pending)
{
    *pending = expr_emit(emitter, op, dst, a, b, *pending);
}

void expr_emit_land(struct expr_emitter *emitter, unsigned pending)
{
    unsigned target = expr_emit_here(emitter);

    while (emitter->status == RT_OK && pending != EXPR_NO_OPERAND) {
        struct expr_instruction *jump = &emitter->expr->code[pending];

        pending = jump->c;
        jump->c = (uint16_t)target;
    }
}

/* The slot of a field; the kind of overflow that a sealed table cannot have. */
unsigned expr_emit_slot(const struct expr_emitter *emitter, rt_field_id field)
{
    return rt_fields_slot(emitter->expr->fields, field);
}
