/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expr_cases.h - case files of expressions.
 *
 *     # a comment
 *     amount > 10m            <- the expression, one line
 *              ^^^            <- what comes out: a result, or for each diagnostic carets,
 *     E201: `10m` is ...      <- its code and message, and what else it says
 *                             <- a blank line ends the case
 */
#ifndef EGRET_TESTS_SUPPORT_EXPR_CASES_H
#define EGRET_TESTS_SUPPORT_EXPR_CASES_H

#include "rules/expr.h"

/* Writes to `out` what came of the expression; a failure goes through expr_case_diags. */
typedef void expr_case_fn(struct rt_text expression, struct rt_buffer *out, void *context);

/* Runs every case of the file (from the source root); prints each that differs and returns how many did. */
size_t expr_cases_run(const char *path, expr_case_fn *run, void *context);

/* The diagnostics of one expression in the form of the case files. */
void expr_case_diags(struct rt_diags *diags, struct rt_buffer *out);

#endif
