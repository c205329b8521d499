/* SPDX-License-Identifier: Apache-2.0 */
/* The walk of expr_walk.h: one function a kind of node, values on the C stack. */
#include "tests/support/expr_walk.h"

#include "rules/value_support.h"
#include "runtime/base/assert.h"

enum { WALK_EVENTS_MAX = 512 };

static struct rt_value type_error(struct rt_value value)
{
    return rt_is_error(value) ? value : rt_error(RT_ERROR_TYPE);
}

static bool truth(struct rt_value value, bool wanted)
{
    return value.type == RT_BOOL && value.u.boolean == wanted;
}

/* Any operand that decides wins, wherever it stands; then any error; then the neutral value. */
static struct rt_value walk_chain(struct expr_walk *walk, const struct expr_node *node)
{
    bool neutral = node->kind == EXPR_AND;
    struct rt_value error = rt_bool(neutral);

    for (uint32_t i = node->child_count; i-- > 0;) { /* from the back: the order must not matter */
        struct rt_value value = expr_walk_node(walk, node->children[i]);

        if (truth(value, !neutral))
            return value;
        if (!truth(value, neutral))
            error = type_error(value);
    }
    return error;
}

static struct rt_value walk_conditional(struct expr_walk *walk, const struct expr_node *node)
{
    struct rt_value condition = expr_walk_node(walk, node->children[0]);

    if (condition.type != RT_BOOL)
        return type_error(condition);
    return expr_walk_node(walk, node->children[condition.u.boolean ? 1 : 2]);
}

/* ---- events ---- */

static struct rt_value slot(const struct expr_walk *walk, const struct rt_event *event,
                            rt_field_id field)
{
    return rt_event_at(event, rt_fields_slot(walk->fields, field));
}

static struct rt_value read_field(struct expr_walk *walk, const struct expr_node *node,
                                  const struct rt_event *event)
{
    struct rt_value value = slot(walk, event, node->field);

    if ((node->flags & EXPR_FLAG_OPTIONAL) != 0)
        return value.type == RT_ABSENT ? expr_optional_none()
                                       : expr_optional_of(&walk->call, value);
    return value.type == RT_ABSENT ? rt_error(RT_ERROR_NO_FIELD) : value;
}

static struct rt_value read_has(struct expr_walk *walk, const struct expr_node *node,
                                const struct rt_event *event)
{
    uint8_t above;

    if (slot(walk, event, node->field).type != RT_ABSENT)
        return rt_bool(true);
    if (!node->has_parent)
        return rt_bool(false);
    above = slot(walk, event, node->parent).type;
    if (above == RT_MAP)
        return rt_bool(false);
    return rt_error(above == RT_ABSENT ? RT_ERROR_NO_FIELD : RT_ERROR_TYPE);
}

static struct rt_value walk_step(struct expr_walk *walk, const struct expr_node *node)
{
    const struct expr_frame *frame = walk->frame;
    struct rt_value newest_first[WALK_EVENTS_MAX], *items;
    struct expr_taken taken;
    uint32_t count = 0;

    for (const void *place = frame->newest; place != NULL;) {
        place = frame->older(place, &taken);
        if (taken.step != node->id)
            continue;
        RT_ASSERT(count < WALK_EVENTS_MAX);
        newest_first[count++] = (struct rt_value){.type = RT_EVENT, .u.event = taken.event};
    }
    if ((node->flags & EXPR_FLAG_ALL) == 0)
        return count == 0 ? rt_error(RT_ERROR_NO_FIELD) : newest_first[0];
    items = rt_arena_array(walk->call.scratch, count + 1, sizeof(*items));
    RT_ASSERT(items != NULL);
    for (uint32_t i = 0; i < count; i++)
        items[i] = newest_first[count - 1 - i];
    return (struct rt_value){.type = RT_LIST, .length = count, .u.items = items};
}

static struct rt_value time_of(const struct rt_event *event)
{
    int64_t ms = event->time.ms;
    int64_t seconds = (ms - (ms % 1000 + 1000) % 1000) / 1000;

    return (struct rt_value){.type = RT_TIMESTAMP,
                             .length = (uint32_t)((ms - seconds * 1000) * 1000000),
                             .u.integer = seconds};
}

static struct rt_value walk_event(struct expr_walk *walk, const struct expr_node *node)
{
    const struct rt_event *event = walk->frame->event;

    if (node->child_count > 0) {
        struct rt_value value = expr_walk_node(walk, node->children[0]);

        if (node->kind == EXPR_EVENT_HAS && rt_is_error(value) && value.aux == RT_ERROR_NO_FIELD)
            return rt_bool(false);
        if (value.type != RT_EVENT)
            return type_error(value);
        event = value.u.event;
    }
    if (node->kind == EXPR_EVENT_TIME)
        return time_of(event);
    return node->kind == EXPR_FIELD_HAS || node->kind == EXPR_EVENT_HAS
               ? read_has(walk, node, event)
               : read_field(walk, node, event);
}

/* ---- macros ---- */

static struct rt_value fold_start(const struct expr_node *node)
{
    switch ((enum expr_fold)node->op) {
    case EXPR_FOLD_ALL:
        return rt_bool(true);
    case EXPR_FOLD_EXISTS:
        return rt_bool(false);
    case EXPR_FOLD_EXISTS_ONE:
        return rt_int(0);
    case EXPR_FOLD_MAP:
    case EXPR_FOLD_FILTER:
        return (struct rt_value){.type = RT_LIST};
    default:
        return (struct rt_value){.type = RT_MAP};
    }
}

/* all and exists: the result of one more round, as `&&` and `||` have it. */
static struct rt_value fold_logic(struct rt_value result, struct rt_value body, bool decides)
{
    if (truth(result, decides) || truth(body, decides))
        return rt_bool(decides);
    if (rt_is_error(result))
        return result;
    return body.type == RT_BOOL ? result : type_error(body);
}

static struct rt_value append(struct expr_walk *walk, struct rt_value list, struct rt_value item)
{
    struct rt_value *items = rt_arena_array(walk->call.scratch, list.length + 1u, sizeof(*items));

    RT_ASSERT(items != NULL);
    if (list.length > 0)
        memcpy(items, list.u.items, list.length * sizeof(*items));
    items[list.length] = item;
    return (struct rt_value){.type = RT_LIST, .length = list.length + 1, .u.items = items};
}

static struct rt_value fold_round(struct expr_walk *walk, const struct expr_node *node,
                                  struct rt_value result)
{
    struct rt_value body;

    if (node->child_count == 3) {
        struct rt_value keep = expr_walk_node(walk, node->children[2]);

        if (keep.type != RT_BOOL)
            return type_error(keep);
        if (!keep.u.boolean)
            return result;
    }
    body = expr_walk_node(walk, node->children[1]);
    if (node->op == EXPR_FOLD_ALL || node->op == EXPR_FOLD_EXISTS)
        return fold_logic(result, body, node->op == EXPR_FOLD_EXISTS);
    if (node->op == EXPR_FOLD_MAP)
        return rt_is_error(body) ? body : append(walk, result, body);
    if (body.type != RT_BOOL)
        return type_error(body);
    if (node->op == EXPR_FOLD_EXISTS_ONE)
        return rt_int(result.u.integer + body.u.boolean);
    RT_ASSERT(node->op == EXPR_FOLD_FILTER);
    return body.u.boolean ? append(walk, result, walk->variables[node->id]) : result;
}

static struct rt_value walk_fold(struct expr_walk *walk, const struct expr_node *node)
{
    struct rt_value range = expr_walk_node(walk, node->children[0]), result = fold_start(node);
    bool logic = node->op == EXPR_FOLD_ALL || node->op == EXPR_FOLD_EXISTS;
    bool pair = node->name2.length > 0;

    if (range.type != RT_LIST && range.type != RT_MAP)
        return type_error(range);
    for (uint32_t i = 0; i < range.length && (logic || !rt_is_error(result)); i++) {
        struct rt_value first = rt_int(i), second;

        if (range.type == RT_MAP) {
            first = range.u.entries[i].key;
            second = range.u.entries[i].value;
        } else {
            second = range.u.items[i];
        }
        walk->variables[node->id] = pair || range.type == RT_MAP ? first : second;
        if (pair)
            walk->variables[node->id + 1] = second;
        result = fold_round(walk, node, result);
    }
    if (node->op == EXPR_FOLD_EXISTS_ONE && !rt_is_error(result))
        return rt_bool(result.u.integer == 1);
    return result;
}

static struct rt_value walk_bind(struct expr_walk *walk, const struct expr_node *node)
{
    struct rt_value value = expr_walk_node(walk, node->children[0]), body;

    if (node->kind == EXPR_BIND) {
        walk->variables[node->id] = value;
        return expr_walk_node(walk, node->children[1]);
    }
    if (value.type != RT_OPTIONAL)
        return type_error(value);
    if (value.u.items == NULL)
        return value;
    walk->variables[node->id] = *value.u.items;
    body = expr_walk_node(walk, node->children[1]);
    return node->op != 0 || rt_is_error(body) ? body : expr_optional_of(&walk->call, body);
}

/* ---- values ---- */

static struct rt_value walk_call(struct expr_walk *walk, const struct expr_node *node)
{
    struct rt_value args[EXPR_ARGUMENTS_MAX];

    for (uint32_t i = 0; i < node->child_count; i++) {
        args[i] = expr_walk_node(walk, node->children[i]);
        if (rt_is_error(args[i]))
            return args[i];
    }
    return node->function->call(&walk->call, args, node->child_count);
}

static struct rt_value walk_list(struct expr_walk *walk, const struct expr_node *node)
{
    struct rt_value list = {.type = RT_LIST};

    for (uint32_t i = 0; i < node->child_count; i++) {
        struct rt_value item = expr_walk_node(walk, node->children[i]);

        if (rt_is_error(item))
            return item;
        list = append(walk, list, item);
    }
    return list;
}

static struct rt_value walk_operator(struct expr_walk *walk, const struct expr_node *node)
{
    bool optional = (node->flags & EXPR_FLAG_OPTIONAL) != 0;
    struct rt_value first = expr_walk_node(walk, node->children[0]), second;

    switch ((enum expr_kind)node->kind) {
    case EXPR_UNARY:
        return node->op == EXPR_OP_NOT ? expr_op_not(&walk->call, first)
                                       : expr_op_negate(&walk->call, first);
    case EXPR_SELECT:
        return optional ? expr_op_optional_select(&walk->call, first, node->name)
                        : expr_op_select(&walk->call, first, node->name);
    case EXPR_HAS:
        return expr_op_has(&walk->call, first, node->name);
    default:
        break;
    }
    second = expr_walk_node(walk, node->children[1]);
    if (node->kind == EXPR_BINARY)
        return expr_apply_binary(&walk->call, (enum expr_operator)node->op, first, second);
    return optional ? expr_op_optional_index(&walk->call, first, second)
                    : expr_op_index(&walk->call, first, second);
}

struct rt_value expr_walk_node(struct expr_walk *walk, const struct expr_node *node)
{
    switch ((enum expr_kind)node->kind) {
    case EXPR_CONSTANT:
        return node->value;
    case EXPR_VARIABLE:
        return walk->variables[node->id];
    case EXPR_BINDING_NAME:
        return walk->frame->bindings[node->id];
    case EXPR_STEP:
        return walk_step(walk, node);
    case EXPR_AND:
    case EXPR_OR:
        return walk_chain(walk, node);
    case EXPR_CONDITIONAL:
        return walk_conditional(walk, node);
    case EXPR_LIST:
        return walk_list(walk, node);
    case EXPR_CALL:
        return walk_call(walk, node);
    case EXPR_FOLD:
        return walk_fold(walk, node);
    case EXPR_BIND:
    case EXPR_OPT_MAP:
        return walk_bind(walk, node);
    case EXPR_FIELD:
    case EXPR_FIELD_HAS:
    case EXPR_EVENT_FIELD:
    case EXPR_EVENT_HAS:
    case EXPR_EVENT_TIME:
        return walk_event(walk, node);
    default:
        return walk_operator(walk, node);
    }
}
