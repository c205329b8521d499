/* SPDX-License-Identifier: Apache-2.0 */
/* Code as text, one instruction a line; and its end. */
#include "rules/expr_code.h"
#include "rules/regex.h"
#include "runtime/base/alloc.h"

/* What an operand is, as rules/opcodes.def says it. */
enum operand {
    OPERAND__,
    OPERAND_R,
    OPERAND_K,
    OPERAND_F,
    OPERAND_S,
    OPERAND_B,
    OPERAND_U,
    OPERAND_N,
    OPERAND_J
};

static const struct {
    const char *mnemonic;
    enum operand operands[3];
} formats[] = {
#define OPCODE(name, text, a, b, c) {(text), {OPERAND_##a, OPERAND_##b, OPERAND_##c}},
#include "rules/opcodes.def"
#undef OPCODE
};

static void print_field(const struct expr *expr, uint16_t slot, struct rt_buffer *out)
{
    const struct rt_text *names;
    size_t depth;

    if (slot == EXPR_NO_OPERAND) {
        rt_buffer_string(out, "-");
        return;
    }
    names = rt_fields_path(expr->fields, slot, &depth);
    if (depth == 0)
        rt_buffer_string(out, "event");
    for (size_t i = 0; i < depth; i++)
        rt_buffer_printf(out, "%s%.*s", i == 0 ? "" : ".", EXPR_PRINT(names[i]));
}

static void print_operand(const struct expr *expr, enum operand kind, uint16_t value,
                          struct rt_buffer *out)
{
    if (kind == OPERAND__)
        return;
    rt_buffer_char(out, ' ');
    switch (kind) {
    case OPERAND_R:
        rt_buffer_printf(out, "r%u", value);
        break;
    case OPERAND_K:
        rt_value_json(expr->constants[value], out);
        break;
    case OPERAND_F:
        print_field(expr, value, out);
        break;
    case OPERAND_S:
        rt_buffer_printf(out, "step %u", value);
        break;
    case OPERAND_B:
        rt_buffer_printf(out, "binding %u", value);
        break;
    case OPERAND_U:
        rt_buffer_string(out, expr->functions[value]->name);
        break;
    case OPERAND_J:
        rt_buffer_printf(out, "-> %u", value);
        break;
    case OPERAND_N:
    case OPERAND__:
        rt_buffer_uint(out, value);
        break;
    }
}

void expr_print_code(const struct expr *expr, struct rt_buffer *out)
{
    for (size_t i = 0; i < expr->code_count; i++) {
        const struct expr_instruction *in = &expr->code[i];

        rt_buffer_printf(out, "%3zu  %-24s r%u", i, formats[in->op].mnemonic, in->dst);
        print_operand(expr, formats[in->op].operands[0], in->a, out);
        print_operand(expr, formats[in->op].operands[1], in->b, out);
        print_operand(expr, formats[in->op].operands[2], in->c, out);
        rt_buffer_char(out, '\n');
    }
}

void expr_free(struct expr *expr)
{
    if (expr == NULL)
        return;
    rt_free(expr->code);
    rt_free(expr->constants);
    rt_free(expr->functions);
    for (size_t i = 0; i < expr->regex_count; i++)
        expr_regex_free(expr->regexes[i]);
    rt_free(expr->regexes);
    rt_free(expr);
}
