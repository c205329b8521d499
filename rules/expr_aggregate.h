/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expr_aggregate.h - sums, means and extremes, one value after the other.
 *
 *     { } --add 3--> { count 1, value 3 } --add 4.5--> { count 2, value 7.5 } ... --value--> 7.5
 *
 * G1  The state after n values depends on nothing but these values and their order, so it may be kept and gone on from: that
 *     makes an aggregate over the events of a run cost what has been added since it was last asked for.
 * G2  The first value that does not fit makes the state an error, which stays.
 */
#ifndef EGRET_RULES_EXPR_AGGREGATE_H
#define EGRET_RULES_EXPR_AGGREGATE_H

#include "rules/value_support.h"

enum expr_aggregate {
    EXPR_AGGREGATE_COUNT,
    EXPR_AGGREGATE_FIRST,
    EXPR_AGGREGATE_SUM,
    EXPR_AGGREGATE_AVG,
    EXPR_AGGREGATE_STDDEV,
    EXPR_AGGREGATE_MIN,
    EXPR_AGGREGATE_MAX
};

/* A cleared state has seen nothing. */
struct expr_aggregate_state {
    uint64_t count;
    struct rt_value value; /* sum, extreme or first; or the error */
    double mean, squares;  /* Welford: the sum of squared differences from the mean */
};

void expr_aggregate_add(struct expr_call *call, enum expr_aggregate kind,
                        struct expr_aggregate_state *state, struct rt_value item);
struct rt_value expr_aggregate_value(enum expr_aggregate kind,
                                     const struct expr_aggregate_state *state);

#endif
