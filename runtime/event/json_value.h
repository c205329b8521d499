/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_value.h - a whole JSON value, lists and maps included; private to the JSON codec.
 *
 * Items are gathered on a stack that its owner keeps from record to record, and copied into the scratch arena when their
 * list or map is complete, so each lies in one piece.  A name that occurs twice in a map is an error: everything in a map that a
 * rule reads whole is named by that rule.
 */
#ifndef EGRET_RUNTIME_EVENT_JSON_VALUE_H
#define EGRET_RUNTIME_EVENT_JSON_VALUE_H

#include "runtime/event/json_token.h"

struct json_stack {
    struct rt_value *values; /* owned; freed with rt_free */
    size_t count, capacity;
};

/* Consumes the value at the cursor. */
bool json_value(struct json_cursor *cursor, struct json_stack *stack, struct rt_value *out);

#endif
