/* SPDX-License-Identifier: Apache-2.0 */
/* call_fixture.h - what a function of the language needs to be called: scratch memory, fuel, caches. */
#ifndef EGRET_TESTS_SUPPORT_CALL_FIXTURE_H
#define EGRET_TESTS_SUPPORT_CALL_FIXTURE_H

#include "rules/value_ops.h"
#include "runtime/base/alloc.h"

enum { CALL_BYTES_MAX = 1 << 20, CALL_FUEL = 1 << 24 };

struct fixture {
    struct rt_arena arena;
    struct expr_call call;
};

static inline int set_up(void **state)
{
    static struct fixture fixture;

    fixture = (struct fixture){.call = {.scratch = &fixture.arena, .fuel = CALL_FUEL}};
    rt_arena_init(&fixture.arena, CALL_BYTES_MAX);
    *state = &fixture;
    return expr_caches_new(&fixture.call.caches) == RT_OK ? 0 : -1;
}

/* Fails when something was not given back. */
static inline int tear_down(void **state)
{
    struct fixture *fixture = *state;

    expr_caches_free(fixture->call.caches);
    rt_arena_done(&fixture->arena);
    return rt_live_blocks() == 0 ? 0 : -1;
}

#endif
