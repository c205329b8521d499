/* SPDX-License-Identifier: Apache-2.0 */
/* expr_walk.h - a plain walk over the checked tree: slow, short, and without anything that the machine does cleverly. */
#ifndef EGRET_TESTS_SUPPORT_EXPR_WALK_H
#define EGRET_TESTS_SUPPORT_EXPR_WALK_H

#include "rules/expr_tree.h"

struct expr_walk {
    struct expr_call call;
    const struct rt_fields *fields;
    const struct expr_frame *frame;
    struct rt_value *variables; /* by id */
};

struct rt_value expr_walk_node(struct expr_walk *walk, const struct expr_node *node);

#endif
