/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_expr.c - any text as an expression and as a template: it is refused with a diagnostic, or runs without a fault and
 * prints as text that checks again to the same tree.
 */
#include <string.h>

#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"
#include "tests/fuzz/target.h"
#include "tests/support/expr_world.h"

static void check_print(struct expr_world *world, const struct expr_tree *tree)
{
    struct expr_text source = {.source = RT_NO_SOURCE};
    struct expr_tree *again = NULL;
    struct rt_hash128 before = expr_tree_fingerprint(tree), after;
    struct rt_buffer text;

    rt_buffer_init(&text, 16 << 20);
    expr_tree_print(tree, &text);
    source.text = rt_buffer_view(&text);
    if (expr_check(&source, &world->scope, EXPR_WANT_ANY, &world->arena, world->diags, &again) ==
        RT_OK) {
        after = expr_tree_fingerprint(again);
        RT_ASSERT(before.high == after.high && before.low == after.low);
    }
    rt_buffer_done(&text);
}

static void run_expression(struct expr_text *source)
{
    struct expr_world world;
    struct expr_tree *tree;
    struct expr *code;
    enum rt_status status;

    RT_ASSERT(expr_world_open(&world));
    source->source = rt_diags_add_source(world.diags, "expression", source->text);
    status = expr_check(source, &world.scope, EXPR_WANT_ANY, &world.arena, world.diags, &tree);
    RT_ASSERT(status == RT_OK || status == RT_ERR_DIAG);
    RT_ASSERT((status == RT_OK) == (rt_diags_count(world.diags, RT_SEVERITY_ERROR) == 0));
    if (status == RT_OK) {
        check_print(&world, tree);
        RT_ASSERT(expr_world_seal(&world) == RT_OK);
        RT_ASSERT(expr_compile(tree, world.fields, &code) == RT_OK);
        (void)expr_eval(world.machine, code, &world.frame);
        expr_free(code);
    }
    expr_world_close(&world);
}

static void run_template(struct expr_text *source)
{
    struct expr_world world;
    struct expr_template_tree *tree;
    enum rt_status status;

    RT_ASSERT(expr_world_open(&world));
    source->source = rt_diags_add_source(world.diags, "template", source->text);
    status = expr_template_check(source, &world.scope, &world.arena, world.diags, &tree);
    RT_ASSERT(status == RT_OK || status == RT_ERR_DIAG);
    expr_world_close(&world);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* A block of its own, so that a byte behind the end is seen. */
    char *copy = rt_alloc(size);
    struct expr_text source = {.text = {copy, size}};

    memcpy(copy, data, size);
    run_expression(&source);
    if (rt_utf8_valid(source.text))
        run_template(&source);
    rt_free(copy);
    return 0;
}
