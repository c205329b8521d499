/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/expr_aggregate.h"

#include <math.h>

#include "rules/function.h"

static struct rt_value sum(struct expr_call *call, const struct expr_aggregate_state *state,
                           struct rt_value item)
{
    if (!expr_is_number(item) && item.type != RT_DURATION)
        return expr_no_overload(&item, 1);
    return state->count == 0 ? item : expr_op_add(call, state->value, item);
}

static struct rt_value extreme(const struct expr_aggregate_state *state, struct rt_value item,
                               enum expr_order better)
{
    struct rt_value best = state->count == 0 ? item : state->value;
    enum expr_order order = expr_value_order(item, best);

    if (order == EXPR_NO_ORDER)
        return expr_no_overload(&item, 1);
    return order == better ? item : best;
}

/* Welford's method.  The error, or null. */
static struct rt_value moments(struct expr_call *call, struct expr_aggregate_state *state,
                               struct rt_value item)
{
    double difference;

    if (!expr_is_number(item))
        return expr_no_overload(&item, 1);
    item = expr_fn_double(call, &item, 1);
    difference = item.u.real - state->mean;
    state->mean += difference / (double)(state->count + 1);
    state->squares += difference * (item.u.real - state->mean);
    return rt_null();
}

void expr_aggregate_add(struct expr_call *call, enum expr_aggregate kind,
                        struct expr_aggregate_state *state, struct rt_value item)
{
    if (!rt_is_error(state->value)) {
        switch (kind) {
        case EXPR_AGGREGATE_COUNT:
            break;
        case EXPR_AGGREGATE_FIRST:
            state->value = state->count == 0 ? item : state->value;
            break;
        case EXPR_AGGREGATE_SUM:
            state->value = sum(call, state, item);
            break;
        case EXPR_AGGREGATE_AVG:
        case EXPR_AGGREGATE_STDDEV:
            state->value = moments(call, state, item);
            break;
        case EXPR_AGGREGATE_MIN:
            state->value = extreme(state, item, EXPR_LESS);
            break;
        case EXPR_AGGREGATE_MAX:
            state->value = extreme(state, item, EXPR_GREATER);
            break;
        }
    }
    state->count++;
}

struct rt_value expr_aggregate_value(enum expr_aggregate kind,
                                     const struct expr_aggregate_state *state)
{
    bool empty = state->count == 0;

    switch (kind) {
    case EXPR_AGGREGATE_COUNT:
        return rt_int((int64_t)state->count);
    case EXPR_AGGREGATE_FIRST:
        return empty ? rt_error(RT_ERROR_NO_FIELD) : state->value;
    case EXPR_AGGREGATE_SUM:
        return empty ? rt_int(0) : state->value;
    case EXPR_AGGREGATE_STDDEV: /* of a sample: n - 1 below */
        if (state->count < 2)
            return expr_fail(RT_ERROR_ARGUMENT, "a standard deviation needs two items");
        return rt_is_error(state->value)
                   ? state->value
                   : rt_double(sqrt(state->squares / (double)(state->count - 1)));
    case EXPR_AGGREGATE_AVG:
    case EXPR_AGGREGATE_MIN:
    case EXPR_AGGREGATE_MAX:
        break;
    }
    if (empty)
        return expr_fail(RT_ERROR_ARGUMENT, "the list is empty");
    return kind == EXPR_AGGREGATE_AVG && !rt_is_error(state->value) ? rt_double(state->mean)
                                                                    : state->value;
}
