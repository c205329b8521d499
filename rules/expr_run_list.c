/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists and maps that grow while an expression runs, and the rounds of the macros over them.
 *
 *     registers of a fold:   [range][position][result][variable 1][variable 2 ...]
 *
 * A growing list has room for the next power of two of its length (at least 4), so its capacity need not be stored.
 * The old room stays behind in the scratch arena, at most as much again as the list.
 */
#include "rules/expr_code.h"
#include "rules/value_support.h"
#include "runtime/base/assert.h"

enum { ROOM_MIN = 4 };

/* Is there no room behind `length` items? */
static bool is_full(uint32_t length)
{
    return length == 0 || (length >= ROOM_MIN && (length & (length - 1)) == 0);
}

/* Room for one more behind `length` items of `size` bytes; NULL at a limit. */
static void *more_room(struct expr_call *call, const void *items, uint32_t length, size_t size)
{
    size_t room = length == 0 ? ROOM_MIN : (size_t)length * 2;
    void *more;

    if (!is_full(length))
        return (void *)(uintptr_t)items;
    more = expr_room(call, room, size);
    if (more != NULL && length > 0)
        memcpy(more, items, length * size);
    return more;
}

static struct rt_value list_add(struct expr_call *call, struct rt_value list, struct rt_value item)
{
    struct rt_value *items = more_room(call, list.u.items, list.length, sizeof(*items));

    if (items == NULL)
        return expr_limit();
    items[list.length++] = item;
    list.u.items = items;
    return list;
}

static bool is_key(struct rt_value value)
{
    return value.type == RT_INT || value.type == RT_UINT || value.type == RT_BOOL ||
           value.type == RT_STRING;
}

static struct rt_value map_add(struct expr_call *call, struct rt_value map, struct rt_value key,
                               struct rt_value value)
{
    struct rt_map_entry *entries;

    if (!is_key(key))
        return rt_error(RT_ERROR_TYPE);
    if (!expr_spend(call, 1 + map.length))
        return expr_limit();
    if (expr_map_find(map, key) != NULL)
        return expr_fail(RT_ERROR_ARGUMENT, "a key stands twice in the map");
    entries = more_room(call, map.u.entries, map.length, sizeof(*entries));
    if (entries == NULL)
        return expr_limit();
    entries[map.length++] = (struct rt_map_entry){key, value};
    map.u.entries = entries;
    return map;
}

/* The value of an optional entry.  False: it is left out, or *error says why not. */
static bool take_optional(struct rt_value *value, struct rt_value *error)
{
    if (value->type != RT_OPTIONAL)
        *error = rt_error(RT_ERROR_TYPE);
    if (value->type != RT_OPTIONAL || value->u.items == NULL)
        return false;
    *value = *value->u.items;
    return true;
}

struct rt_value expr_list_put(struct expr_call *call, struct rt_value list, struct rt_value item,
                              bool optional)
{
    if (rt_is_error(list))
        return list;
    if (rt_is_error(item))
        return item;
    if (optional && !take_optional(&item, &list))
        return list;
    return list_add(call, list, item);
}

struct rt_value expr_map_put(struct expr_call *call, struct rt_value map,
                             const struct rt_value *pair, bool optional)
{
    struct rt_value value = pair[1];

    if (rt_is_error(map))
        return map;
    if (rt_is_error(pair[0]))
        return pair[0];
    if (rt_is_error(value))
        return value;
    if (optional && !take_optional(&value, &map))
        return map;
    return map_add(call, map, pair[0], value);
}

/* ---- folds ---- */

enum { RANGE, POSITION, RESULT, VARIABLE };

struct rt_value expr_fold_begin(enum expr_fold fold, struct rt_value *state)
{
    struct rt_value range = state[RANGE];

    state[POSITION] = rt_int(0);
    if (rt_is_error(range))
        return range;
    if (range.type != RT_LIST && range.type != RT_MAP)
        return rt_error(RT_ERROR_TYPE);
    switch (fold) {
    case EXPR_FOLD_ALL:
        return rt_bool(true);
    case EXPR_FOLD_EXISTS:
        return rt_bool(false);
    case EXPR_FOLD_EXISTS_ONE:
        return rt_int(0);
    case EXPR_FOLD_MAP:
    case EXPR_FOLD_FILTER:
        return (struct rt_value){.type = RT_LIST};
    case EXPR_FOLD_MAP_VALUES:
    case EXPR_FOLD_MAP_ENTRIES:
        break;
    }
    return (struct rt_value){.type = RT_MAP};
}

bool expr_fold_next(struct rt_value *state, struct rt_value *variables, unsigned count)
{
    struct rt_value range = state[RANGE];
    uint32_t at = (uint32_t)state[POSITION].u.integer;

    if (at >= range.length)
        return false;
    state[POSITION].u.integer++;
    if (range.type == RT_MAP) {
        variables[0] = range.u.entries[at].key;
        if (count == 2)
            variables[1] = range.u.entries[at].value;
    } else if (count == 2) {
        variables[0] = rt_int(at);
        variables[1] = range.u.items[at];
    } else {
        variables[0] = range.u.items[at];
    }
    return true;
}

static struct rt_value merge(struct expr_call *call, struct rt_value map, struct rt_value entries)
{
    if (entries.type != RT_MAP)
        return rt_error(RT_ERROR_TYPE);
    for (uint32_t i = 0; i < entries.length && !rt_is_error(map); i++)
        map = map_add(call, map, entries.u.entries[i].key, entries.u.entries[i].value);
    return map;
}

/* all (decides = false) and exists (true): as `&&` and `||`. */
static bool decide(struct rt_value *result, struct rt_value body, bool decides)
{
    if (body.type == RT_BOOL) {
        if (body.u.boolean == decides)
            *result = body;
        return body.u.boolean == decides;
    }
    if (!rt_is_error(*result))
        *result = rt_is_error(body) ? body : rt_error(RT_ERROR_TYPE);
    return false;
}

/* A body that must be true or false; an error ends the fold. */
static bool tested(struct rt_value *result, struct rt_value body)
{
    if (body.type == RT_BOOL)
        return true;
    *result = rt_is_error(body) ? body : rt_error(RT_ERROR_TYPE);
    return false;
}

bool expr_fold_step(struct expr_call *call, enum expr_fold fold, struct rt_value *state,
                    struct rt_value body)
{
    struct rt_value *result = &state[RESULT];

    switch (fold) {
    case EXPR_FOLD_ALL:
        return decide(result, body, false);
    case EXPR_FOLD_EXISTS:
        return decide(result, body, true);
    case EXPR_FOLD_EXISTS_ONE:
        if (tested(result, body))
            result->u.integer += body.u.boolean;
        break;
    case EXPR_FOLD_FILTER:
        if (tested(result, body) && body.u.boolean)
            *result = list_add(call, *result, state[VARIABLE]);
        break;
    case EXPR_FOLD_MAP:
        *result = rt_is_error(body) ? body : list_add(call, *result, body);
        break;
    case EXPR_FOLD_MAP_VALUES:
        *result = rt_is_error(body) ? body : map_add(call, *result, state[VARIABLE], body);
        break;
    case EXPR_FOLD_MAP_ENTRIES:
        *result = rt_is_error(body) ? body : merge(call, *result, body);
        break;
    }
    return rt_is_error(*result);
}

struct rt_value expr_fold_end(enum expr_fold fold, const struct rt_value *state)
{
    struct rt_value result = state[RESULT];

    if (fold == EXPR_FOLD_EXISTS_ONE && !rt_is_error(result))
        return rt_bool(result.u.integer == 1);
    return result;
}
