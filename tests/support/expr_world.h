/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expr_world.h - a small world for expressions: an event at hand, steps that have taken events, bindings, constants.
 *
 *     event at hand   {"type":"login","user":"ann","amount":12.5,"count":3,"ok":true,"ip":"10.1.2.3",...}
 *     ok              a step that took one event      fail     a repeating step with three
 *     maybe           an optional step that took none  later    a step that comes later
 *     key, timeout    bindings                         params, lists   constants
 */
#ifndef EGRET_TESTS_SUPPORT_EXPR_WORLD_H
#define EGRET_TESTS_SUPPORT_EXPR_WORLD_H

#include "rules/expr.h"

enum { EXPR_WORLD_EVENTS = 5 }; /* the event at hand, what ok took, what fail took three times */

struct expr_world {
    struct rt_arena arena;
    struct rt_diags *diags;
    struct rt_fields *fields;
    struct expr_scope scope;
    struct expr_machine *machine;
    struct rt_event events[EXPR_WORLD_EVENTS];
    struct expr_frame frame;
    struct rt_value bindings[2];
};

/* False without memory.  expr_world_close frees what was made in any case. */
bool expr_world_open(struct expr_world *world);
void expr_world_close(struct expr_world *world);

/* Seals the fields and decodes the events into slots. */
enum rt_status expr_world_seal(struct expr_world *world);

/* Check, seal, compile, evaluate.  *out may borrow from the world. */
enum rt_status expr_world_eval(struct expr_world *world, struct rt_text expression,
                               enum expr_want want, struct rt_value *out);

#endif
