/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine: one loop over the code of rules/opcodes.def.
 *
 * What happens often stands in the loop with its own test of the types; everything else calls value_ops.  A result is
 * true, false or an error; `&&` leaves at the first false and remembers an error, `||` likewise.
 */
#include "rules/expr_code.h"
#include "rules/regex.h"
#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"

enum {
    FUEL_PER_ROUND = 8,     /* of a macro over a list */
    SCRATCH_MAX = 16 << 20, /* bytes of intermediate values */
    NANOS_PER_MILLI = 1000000
};

struct expr_machine {
    struct expr_call call;
    struct rt_arena scratch;
    struct expr_memo *memo; /* owned; NULL until an aggregate is worth it */
    struct rt_value registers[EXPR_REGISTERS];
};

enum rt_status expr_machine_new(struct expr_machine **out)
{
    struct expr_machine *machine = rt_alloc_zeroed(1, sizeof(*machine));
    enum rt_status status;

    if (machine == NULL)
        return RT_ERR_NOMEM;
    rt_arena_init(&machine->scratch, SCRATCH_MAX);
    machine->call.scratch = &machine->scratch;
    status = expr_caches_new(&machine->call.caches);
    if (status != RT_OK) {
        rt_free(machine);
        return status;
    }
    *out = machine;
    return RT_OK;
}

void expr_machine_free(struct expr_machine *machine)
{
    if (machine == NULL)
        return;
    expr_caches_free(machine->call.caches);
    expr_memo_free(machine->memo);
    rt_arena_done(&machine->scratch);
    rt_free(machine);
}

void expr_machine_reset(struct expr_machine *machine)
{
    rt_arena_reset(&machine->scratch);
}

struct rt_arena *expr_machine_scratch(struct expr_machine *machine)
{
    return &machine->scratch;
}

/* ---- events ---- */

static struct rt_value field_of(const struct rt_event *event, uint16_t slot)
{
    struct rt_value value;

    if (event == NULL)
        return rt_error(RT_ERROR_NO_FIELD);
    value = rt_event_at(event, slot);
    return RT_LIKELY(value.type != RT_ABSENT) ? value : rt_error(RT_ERROR_NO_FIELD);
}

/* The slot itself stands for the optional's value: it lives as long as the event. */
static struct rt_value optional_field(const struct rt_event *event, uint16_t slot)
{
    bool there = event != NULL && slot < event->slot_count && event->slots[slot].type != RT_ABSENT;

    return (struct rt_value){.type = RT_OPTIONAL, .u.items = there ? &event->slots[slot] : NULL};
}

/* has(a.b.c): false where a.b is a map without c, an error where there is no a.b. */
static struct rt_value event_has(const struct rt_event *event, uint16_t slot, uint16_t parent)
{
    struct rt_value above;

    if (event == NULL)
        return rt_bool(false);
    if (rt_event_at(event, slot).type != RT_ABSENT)
        return rt_bool(true);
    if (parent == EXPR_NO_OPERAND)
        return rt_bool(false);
    above = rt_event_at(event, parent);
    if (above.type == RT_MAP)
        return rt_bool(false);
    return rt_error(above.type == RT_ABSENT ? RT_ERROR_NO_FIELD : RT_ERROR_TYPE);
}

static struct rt_value event_time(const struct rt_event *event)
{
    int64_t seconds, milliseconds;

    if (event == NULL)
        return rt_error(RT_ERROR_NO_FIELD);
    seconds = event->time.ms / 1000;
    milliseconds = event->time.ms % 1000;
    if (milliseconds < 0) {
        seconds--;
        milliseconds += 1000;
    }
    return (struct rt_value){.type = RT_TIMESTAMP,
                             .length = (uint32_t)(milliseconds * NANOS_PER_MILLI),
                             .u.integer = seconds};
}

/* The event that a value is.  NULL with *error. */
static const struct rt_event *as_event(struct rt_value value, struct rt_value *error)
{
    if (value.type == RT_EVENT)
        return value.u.event;
    *error = rt_is_error(value) ? value : rt_error(RT_ERROR_TYPE);
    return NULL;
}

static struct rt_value step_event(const struct expr_frame *frame, uint32_t step)
{
    const struct rt_event *event = expr_step_newest(frame, step);

    if (event == NULL)
        return rt_error(RT_ERROR_NO_FIELD);
    return (struct rt_value){.type = RT_EVENT, .u.event = event};
}

/* ---- tests of a field against a constant ---- */

static struct rt_value not_comparable(struct rt_value value)
{
    if (value.type == RT_ABSENT)
        return rt_error(RT_ERROR_NO_FIELD);
    return rt_is_error(value) ? value : rt_error(RT_ERROR_TYPE);
}

static struct rt_value slot_of(const struct rt_event *event, uint16_t slot)
{
    return event == NULL ? (struct rt_value){.type = RT_ABSENT} : rt_event_at(event, slot);
}

static struct rt_value is_true(struct rt_value value)
{
    return RT_LIKELY(value.type == RT_BOOL) ? value : not_comparable(value);
}

/* Words are short: two loads that may overlap cost less than a call. */
static inline bool same_bytes(const char *left, const char *right, uint32_t length)
{
    uint64_t a, b, c, d;
    uint32_t e, f, g, h;

    if (length > 16)
        return memcmp(left, right, length) == 0;
    if (length >= 8) {
        memcpy(&a, left, 8);
        memcpy(&b, right, 8);
        memcpy(&c, left + length - 8, 8);
        memcpy(&d, right + length - 8, 8);
        return ((a ^ b) | (c ^ d)) == 0;
    }
    if (length >= 4) {
        memcpy(&e, left, 4);
        memcpy(&f, right, 4);
        memcpy(&g, left + length - 4, 4);
        memcpy(&h, right + length - 4, 4);
        return ((e ^ f) | (g ^ h)) == 0;
    }
    for (uint32_t i = 0; i < length; i++) {
        if (left[i] != right[i])
            return false;
    }
    return true;
}

static struct rt_value is_text(struct rt_value value, struct rt_value text, bool wanted)
{
    if (RT_LIKELY(value.type == RT_STRING))
        return rt_bool((value.length == text.length &&
                        same_bytes(value.u.text, text.u.text, text.length)) == wanted);
    return value.type == RT_ABSENT ? rt_error(RT_ERROR_NO_FIELD) : rt_bool(!wanted);
}

static struct rt_value starts(struct rt_value value, struct rt_value text)
{
    if (RT_UNLIKELY(value.type != RT_STRING))
        return not_comparable(value);
    return rt_bool(value.length >= text.length &&
                   same_bytes(value.u.text, text.u.text, text.length));
}

static struct rt_value ends(struct rt_value value, struct rt_value text)
{
    if (RT_UNLIKELY(value.type != RT_STRING))
        return not_comparable(value);
    return rt_bool(value.length >= text.length &&
                   same_bytes(value.u.text + value.length - text.length, text.u.text, text.length));
}

static struct rt_value is_in(struct expr_call *call, struct rt_value value, struct rt_value list)
{
    if (RT_UNLIKELY(value.type == RT_ABSENT))
        return rt_error(RT_ERROR_NO_FIELD);
    return expr_op_in(call, value, list);
}

static struct rt_value compare_slow(struct expr_call *call, enum expr_operator op,
                                    struct rt_value value, struct rt_value constant)
{
    if (value.type == RT_ABSENT)
        return rt_error(RT_ERROR_NO_FIELD);
    return expr_apply_binary(call, op, value, constant);
}

static struct rt_value matches(struct expr_call *call, const struct expr *expr,
                               struct rt_value value, uint16_t pattern)
{
    if (RT_UNLIKELY(value.type != RT_STRING))
        return not_comparable(value);
    return expr_regex_test(call, expr->regexes[expr->constants[pattern].aux], rt_value_text(value));
}

/* constant[1] is the same number as the other type, or absent. */
#define NUMBER_TEST(name, sign, op)                                                                \
    static struct rt_value name(struct expr_call *call, struct rt_value value,                     \
                                const struct rt_value *constant)                                   \
    {                                                                                              \
        const struct rt_value *same = constant + (value.type != constant->type);                   \
                                                                                                   \
        if (value.type == RT_INT && same->type == RT_INT)                                          \
            return rt_bool(value.u.integer sign same->u.integer);                                  \
        if (value.type == RT_DOUBLE && same->type == RT_DOUBLE)                                    \
            return rt_bool(value.u.real sign same->u.real);                                        \
        return compare_slow(call, op, value, *constant);                                           \
    }

NUMBER_TEST(number_equal, ==, EXPR_OP_EQUAL)
NUMBER_TEST(number_not_equal, !=, EXPR_OP_NOT_EQUAL)
NUMBER_TEST(number_less, <, EXPR_OP_LESS)
NUMBER_TEST(number_less_equal, <=, EXPR_OP_LESS_EQUAL)
NUMBER_TEST(number_greater, >, EXPR_OP_GREATER)
NUMBER_TEST(number_greater_equal, >=, EXPR_OP_GREATER_EQUAL)

/* Two values that are both int or both double; others through value_ops. */
#define COMPARE(sign, function, left, right)                                                       \
    ((left).type == RT_INT && (right).type == RT_INT                                               \
         ? rt_bool((left).u.integer sign(right).u.integer)                                         \
     : (left).type == RT_DOUBLE && (right).type == RT_DOUBLE                                       \
         ? rt_bool((left).u.real sign(right).u.real)                                               \
         : function(call, (left), (right)))

/* Doubles, and an int beside a double, are what averages are compared with. */
#define ARITHMETIC(sign, function, left, right)                                                    \
    ((right).type == RT_DOUBLE && (left).type == RT_DOUBLE                                         \
         ? rt_double((left).u.real sign(right).u.real)                                             \
     : (right).type == RT_DOUBLE && (left).type == RT_INT                                          \
         ? rt_double((double)(left).u.integer sign(right).u.real)                                  \
         : function(call, (left), (right)))

/* ---- logic ---- */

/* One operand of `&&` (decides = false) or `||` (true); true: leave. */
static bool combine(struct rt_value *result, struct rt_value operand, bool decides)
{
    if (RT_LIKELY(operand.type == RT_BOOL)) {
        if (operand.u.boolean != decides)
            return false;
        *result = operand;
        return true;
    }
    if (!rt_is_error(*result))
        *result = rt_is_error(operand) ? operand : rt_error(RT_ERROR_TYPE);
    return false;
}

static struct rt_value call_function(struct expr_call *call, const struct expr_function *function,
                                     const struct rt_value *args, uint16_t count)
{
    for (uint16_t i = 0; i < count; i++) {
        if (rt_is_error(args[i]))
            return args[i];
    }
    return function->call(call, args, count);
}

/* The value of dst's optional goes to *out; false: there is none, or it is no optional. */
static bool open_optional(struct rt_value *optional, struct rt_value *out)
{
    if (optional->type == RT_OPTIONAL && optional->u.items != NULL) {
        *out = *optional->u.items;
        return true;
    }
    if (optional->type != RT_OPTIONAL && !rt_is_error(*optional))
        *optional = rt_error(RT_ERROR_TYPE);
    return false;
}

static struct rt_value optional_of(struct expr_call *call, struct rt_value value)
{
    struct rt_value *item;

    if (rt_is_error(value))
        return value;
    item = rt_arena_alloc(call->scratch, sizeof(*item));
    if (item == NULL)
        return rt_error(RT_ERROR_LIMIT);
    *item = value;
    return (struct rt_value){.type = RT_OPTIONAL, .u.items = item};
}

static struct rt_text constant_name(const struct expr *expr, uint16_t at)
{
    return rt_value_text(expr->constants[at]);
}

/* ---- the loop ---- */

#define TEST_CASE(name, value)                                                                     \
    case EXPR_CODE_##name:                                                                         \
        *dst = (value);                                                                            \
        break;                                                                                     \
    case EXPR_CODE_##name##_AND:                                                                   \
        if (combine(dst, (value), false))                                                          \
            at = expr->code + in->c;                                                               \
        break;                                                                                     \
    case EXPR_CODE_##name##_OR:                                                                    \
        if (combine(dst, (value), true))                                                           \
            at = expr->code + in->c;                                                               \
        break

/* One function, the loop's only exception to the limits of length. */
// NOLINTNEXTLINE(readability-function-size, readability-function-cognitive-complexity)
static struct rt_value run(struct expr_machine *machine, const struct expr *expr,
                           const struct expr_frame *frame)
{
    struct expr_call *call = &machine->call;
    struct rt_value *r = machine->registers;
    const struct rt_value *k = expr->constants;
    const struct rt_event *event = frame->event, *other;
    const struct expr_instruction *at = expr->code;

    for (;;) {
        const struct expr_instruction *in = at++;
        struct rt_value *dst = &r[in->dst];

        switch ((enum expr_opcode)in->op) {
            TEST_CASE(FIELD_TRUE, is_true(slot_of(event, in->a)));
            TEST_CASE(FIELD_EQUAL_TEXT, is_text(slot_of(event, in->a), k[in->b], true));
            TEST_CASE(FIELD_NOT_EQUAL_TEXT, is_text(slot_of(event, in->a), k[in->b], false));
            TEST_CASE(FIELD_EQUAL, number_equal(call, slot_of(event, in->a), &k[in->b]));
            TEST_CASE(FIELD_NOT_EQUAL, number_not_equal(call, slot_of(event, in->a), &k[in->b]));
            TEST_CASE(FIELD_LESS, number_less(call, slot_of(event, in->a), &k[in->b]));
            TEST_CASE(FIELD_LESS_EQUAL, number_less_equal(call, slot_of(event, in->a), &k[in->b]));
            TEST_CASE(FIELD_GREATER, number_greater(call, slot_of(event, in->a), &k[in->b]));
            TEST_CASE(FIELD_GREATER_EQUAL,
                      number_greater_equal(call, slot_of(event, in->a), &k[in->b]));
            TEST_CASE(FIELD_IN, is_in(call, slot_of(event, in->a), k[in->b]));
            TEST_CASE(FIELD_STARTS, starts(slot_of(event, in->a), k[in->b]));
            TEST_CASE(FIELD_ENDS, ends(slot_of(event, in->a), k[in->b]));
            TEST_CASE(FIELD_MATCHES, matches(call, expr, slot_of(event, in->a), in->b));

        case EXPR_CODE_CONSTANT:
            *dst = k[in->a];
            break;
        case EXPR_CODE_MOVE:
            *dst = r[in->a];
            break;
        case EXPR_CODE_FIELD:
            *dst = field_of(event, in->a);
            break;
        case EXPR_CODE_FIELD_OPTIONAL:
            *dst = optional_field(event, in->a);
            break;
        case EXPR_CODE_FIELD_HAS:
            *dst = event_has(event, in->a, in->b);
            break;
        case EXPR_CODE_EVENT_FIELD:
            other = as_event(r[in->a], dst);
            if (other != NULL)
                *dst = field_of(other, in->b);
            break;
        case EXPR_CODE_EVENT_FIELD_OPTIONAL:
            other = as_event(r[in->a], dst);
            if (other != NULL)
                *dst = optional_field(other, in->b);
            break;
        case EXPR_CODE_EVENT_HAS:
            other = as_event(r[in->a], dst);
            if (other != NULL)
                *dst = event_has(other, in->b, in->c);
            else if (dst->aux == RT_ERROR_NO_FIELD) /* the step has taken nothing */
                *dst = rt_bool(false);
            break;
        case EXPR_CODE_EVENT_TIME:
            other = as_event(r[in->a], dst);
            if (other != NULL)
                *dst = event_time(other);
            break;
        case EXPR_CODE_TIME:
            *dst = event_time(event);
            break;
        case EXPR_CODE_STEP:
            *dst = step_event(frame, in->a);
            break;
        case EXPR_CODE_STEP_FIELD:
            *dst = field_of(expr_step_newest(frame, in->a), in->b);
            break;
        case EXPR_CODE_STEP_ALL:
            *dst = expr_step_events(call, frame, in->a);
            break;
        case EXPR_CODE_STEP_AGGREGATE:
            *dst = expr_step_aggregate(call, &machine->memo, frame, in);
            break;
        case EXPR_CODE_BINDING:
            *dst = frame->bindings == NULL || frame->bindings[in->a].type == RT_ABSENT
                       ? rt_error(RT_ERROR_UNBOUND)
                       : frame->bindings[in->a];
            break;

        case EXPR_CODE_EQUAL:
            *dst = COMPARE(==, expr_op_equal, r[in->a], r[in->b]);
            break;
        case EXPR_CODE_NOT_EQUAL:
            *dst = COMPARE(!=, expr_op_not_equal, r[in->a], r[in->b]);
            break;
        case EXPR_CODE_LESS:
            *dst = COMPARE(<, expr_op_less, r[in->a], r[in->b]);
            break;
        case EXPR_CODE_LESS_EQUAL:
            *dst = COMPARE(<=, expr_op_less_equal, r[in->a], r[in->b]);
            break;
        case EXPR_CODE_GREATER:
            *dst = COMPARE(>, expr_op_greater, r[in->a], r[in->b]);
            break;
        case EXPR_CODE_GREATER_EQUAL:
            *dst = COMPARE(>=, expr_op_greater_equal, r[in->a], r[in->b]);
            break;
        case EXPR_CODE_IN:
            *dst = expr_op_in(call, r[in->a], r[in->b]);
            break;
        case EXPR_CODE_ADD:
            *dst = ARITHMETIC(+, expr_op_add, r[in->a], r[in->b]);
            break;
        case EXPR_CODE_SUBTRACT:
            *dst = ARITHMETIC(-, expr_op_subtract, r[in->a], r[in->b]);
            break;
        case EXPR_CODE_MULTIPLY:
            *dst = ARITHMETIC(*, expr_op_multiply, r[in->a], r[in->b]);
            break;
        case EXPR_CODE_DIVIDE:
            *dst = expr_op_divide(call, r[in->a], r[in->b]);
            break;
        case EXPR_CODE_REMAINDER:
            *dst = expr_op_remainder(call, r[in->a], r[in->b]);
            break;
        case EXPR_CODE_NOT:
            *dst = expr_op_not(call, r[in->a]);
            break;
        case EXPR_CODE_NEGATE:
            *dst = expr_op_negate(call, r[in->a]);
            break;

        case EXPR_CODE_SELECT:
            *dst = expr_op_select(call, r[in->a], constant_name(expr, in->b));
            break;
        case EXPR_CODE_SELECT_OPTIONAL:
            *dst = expr_op_optional_select(call, r[in->a], constant_name(expr, in->b));
            break;
        case EXPR_CODE_HAS:
            *dst = expr_op_has(call, r[in->a], constant_name(expr, in->b));
            break;
        case EXPR_CODE_INDEX:
            *dst = expr_op_index(call, r[in->a], r[in->b]);
            break;
        case EXPR_CODE_INDEX_OPTIONAL:
            *dst = expr_op_optional_index(call, r[in->a], r[in->b]);
            break;
        case EXPR_CODE_CALL:
            *dst = call_function(call, expr->functions[in->a], &r[in->b], in->c);
            break;
        case EXPR_CODE_MATCHES:
            *dst = matches(call, expr, r[in->a], in->b);
            break;
        case EXPR_CODE_LIST:
            *dst = (struct rt_value){.type = RT_LIST};
            break;
        case EXPR_CODE_LIST_ADD:
            *dst = expr_list_put(call, *dst, r[in->a], in->b != 0);
            break;
        case EXPR_CODE_MAP:
            *dst = (struct rt_value){.type = RT_MAP};
            break;
        case EXPR_CODE_MAP_ADD:
            *dst = expr_map_put(call, *dst, &r[in->a], in->b != 0);
            break;

        case EXPR_CODE_AND:
            if (combine(dst, r[in->a], false))
                at = expr->code + in->c;
            break;
        case EXPR_CODE_OR:
            if (combine(dst, r[in->a], true))
                at = expr->code + in->c;
            break;
        case EXPR_CODE_BRANCH:
            if (dst->type != RT_BOOL) {
                *dst = rt_is_error(*dst) ? *dst : rt_error(RT_ERROR_TYPE);
                at = expr->code + in->c;
            } else if (!dst->u.boolean) {
                at = expr->code + in->b;
            }
            break;
        case EXPR_CODE_JUMP:
            at = expr->code + in->c;
            break;

        case EXPR_CODE_FOLD:
            dst[2] = expr_fold_begin((enum expr_fold)in->a, dst);
            if (rt_is_error(dst[2]))
                at = expr->code + in->c;
            break;
        case EXPR_CODE_FOLD_NEXT:
            if (call->fuel < FUEL_PER_ROUND)
                dst[2] = rt_error(RT_ERROR_LIMIT);
            else if (expr_fold_next(dst, &r[in->a], in->b)) {
                call->fuel -= FUEL_PER_ROUND;
                break;
            }
            at = expr->code + in->c;
            break;
        case EXPR_CODE_FOLD_FILTER:
            if (r[in->a].type == RT_BOOL && r[in->a].u.boolean)
                break;
            at = expr->code + in->b;
            if (r[in->a].type != RT_BOOL) {
                dst[2] = not_comparable(r[in->a]);
                at = expr->code + in->c;
            }
            break;
        case EXPR_CODE_FOLD_STEP:
            if (expr_fold_step(call, (enum expr_fold)in->b, dst, r[in->a]))
                at = expr->code + in->c;
            break;
        case EXPR_CODE_FOLD_END:
            *dst = expr_fold_end((enum expr_fold)in->a, dst);
            break;
        case EXPR_CODE_OPTIONAL_OPEN:
            if (!open_optional(dst, &r[in->a]))
                at = expr->code + in->c;
            break;
        case EXPR_CODE_OPTIONAL_OF:
            *dst = optional_of(call, r[in->a]);
            break;
        case EXPR_CODE_RETURN:
            return *dst;
        case EXPR_OPCODE_COUNT:
            RT_UNREACHABLE();
        }
    }
}

struct rt_value expr_eval(struct expr_machine *machine, const struct expr *expr,
                          const struct expr_frame *frame)
{
    machine->call.fuel = EXPR_STEPS_MAX;
    machine->call.fields = expr->fields;
    return run(machine, expr, frame);
}

enum expr_truth expr_test(struct expr_machine *machine, const struct expr *expr,
                          const struct expr_frame *frame, enum rt_value_error *why)
{
    struct rt_value value = expr_eval(machine, expr, frame);

    if (RT_LIKELY(value.type == RT_BOOL))
        return value.u.boolean ? EXPR_TRUE : EXPR_FALSE;
    *why = rt_is_error(value) ? (enum rt_value_error)value.aux : RT_ERROR_TYPE;
    return EXPR_ERROR;
}
