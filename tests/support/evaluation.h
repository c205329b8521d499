/* SPDX-License-Identifier: Apache-2.0 */
/* evaluation.h - one expression from text to value, without an event: for tests of functions and conformance. */
#ifndef EGRET_TESTS_SUPPORT_EVALUATION_H
#define EGRET_TESTS_SUPPORT_EVALUATION_H

#include "cli/eval_bindings.h"

struct evaluation {
    enum rt_status status; /* of check, compile, machine: RT_ERR_DIAG for a diagnostic */
    struct rt_value value; /* valid until evaluation_done, if status is RT_OK */
    struct rt_arena arena;
    struct rt_diags *diags;
    struct expr *expr;
    struct expr_machine *machine;
    struct rt_buffer message; /* the first diagnostic's, for failures */
};

struct evaluation_options {
    struct rt_text bindings; /* JSON; empty: none */
    const char *container;
    bool unchecked;
};

/* Always to be ended by evaluation_done. */
void evaluate(struct rt_text expression, const struct evaluation_options *options,
              struct evaluation *out);
void evaluation_done(struct evaluation *evaluation);

/* The value in its exact form, or the diagnostics, for messages; valid until evaluation_done. */
const char *evaluation_text(struct evaluation *evaluation);

#endif
