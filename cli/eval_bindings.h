/* SPDX-License-Identifier: Apache-2.0 */
/*
 * eval_bindings.h - names and values for `egret eval`, from JSON.
 *
 *     {"x": {"type": "int", "value": "123"}, "name": "ann", "tags": ["a", "b"]}
 *
 * A value is one in the form of rules/value_case.h, or plain JSON: a number without fraction or exponent is an int.
 */
#ifndef EGRET_CLI_EVAL_BINDINGS_H
#define EGRET_CLI_EVAL_BINDINGS_H

#include "rules/expr.h"

enum { CLI_BINDING_DEPTH_MAX = 64 };

struct cli_bindings {
    const struct expr_binding *names; /* names[i].index is i */
    const struct rt_value *values;
    size_t count;
};

/*
 * Everything that *out points to lives in the arena.  RT_ERR_DATA: `message` says what is wrong; RT_ERR_NOMEM.
 */
enum rt_status cli_bindings_parse(struct rt_text json, struct rt_arena *arena,
                                  struct rt_buffer *message, struct cli_bindings *out);

#endif
