/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/evaluation.h"

#include "rules/value_case.h"

enum { BYTES_MAX = 64 << 20 };

static enum rt_status prepare(struct rt_text expression, const struct evaluation_options *options,
                              struct evaluation *out, struct cli_bindings *bindings)
{
    struct expr_text source = {.text = expression};
    struct expr_scope scope = {
        .container = options->container, .unchecked = options->unchecked, .closed = true};
    struct expr_tree *tree;
    enum rt_status status = rt_diags_new(0, &out->diags);

    if (status == RT_OK && options->bindings.length > 0)
        status = cli_bindings_parse(options->bindings, &out->arena, &out->message, bindings);
    if (status != RT_OK)
        return status;
    source.source = rt_diags_add_source(out->diags, "<expression>", expression);
    scope.bindings = bindings->names;
    scope.binding_count = bindings->count;
    status = expr_check(&source, &scope, EXPR_WANT_ANY, &out->arena, out->diags, &tree);
    if (status == RT_OK)
        status = expr_compile(tree, NULL, &out->expr);
    return status == RT_OK ? expr_machine_new(&out->machine) : status;
}

void evaluate(struct rt_text expression, const struct evaluation_options *options,
              struct evaluation *out)
{
    static const struct evaluation_options none;
    struct cli_bindings bindings = {0};

    *out = (struct evaluation){0};
    rt_arena_init(&out->arena, BYTES_MAX);
    rt_buffer_init(&out->message, BYTES_MAX);
    out->status = prepare(expression, options == NULL ? &none : options, out, &bindings);
    if (out->status == RT_OK) {
        struct expr_frame frame = {.bindings = bindings.values};

        out->value = expr_eval(out->machine, out->expr, &frame);
    }
}

void evaluation_done(struct evaluation *evaluation)
{
    expr_machine_free(evaluation->machine);
    expr_free(evaluation->expr);
    rt_diags_free(evaluation->diags);
    rt_buffer_done(&evaluation->message);
    rt_arena_done(&evaluation->arena);
}

const char *evaluation_text(struct evaluation *evaluation)
{
    struct rt_buffer *out = &evaluation->message;

    if (evaluation->status == RT_OK)
        expr_value_case(evaluation->value, out);
    else if (evaluation->status == RT_ERR_DIAG)
        rt_diags_render_text(evaluation->diags, false, out);
    else if (out->length == 0)
        rt_buffer_string(out, rt_status_text(evaluation->status));
    return out->data == NULL ? "" : out->data;
}
