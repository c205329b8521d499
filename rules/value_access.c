/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value_access.c - m.f, m[k], l[i], has(m.f), x in y, and the same through optionals.
 *
 *     container      select f          index k            absent key
 *     map            entry f           entry k            error
 *     event          field f           field k            error
 *     list           no overload       item k             error
 *     optional       of what is in it; none stays none    none
 */
#include <string.h>

#include "rules/value_support.h"
#include "runtime/base/assert.h"
#include "runtime/event/event.h"

static struct rt_value no_such_key(void)
{
    return expr_fail(RT_ERROR_NO_FIELD, "no such key");
}

static struct rt_value no_overload(struct rt_value left, struct rt_value right)
{
    struct rt_value args[2] = {left, right};

    return expr_no_overload(args, 2);
}

static bool is_key(struct rt_value value)
{
    return value.type == RT_STRING || value.type == RT_BOOL || expr_is_number(value);
}

/* ---- events ---- */

/* The field `name` of an event: by its slot, or out of the whole event if some rule reads that. */
static struct rt_value event_field(const struct expr_call *call, const struct rt_event *event,
                                   struct rt_text name)
{
    struct rt_value whole = {.type = RT_ABSENT};

    if (call->fields == NULL)
        return whole;

    rt_slot slot = rt_fields_find(call->fields, &name, 1);

    if (slot != RT_NO_SLOT && slot < event->slot_count)
        return event->slots[slot];
    slot = rt_fields_find(call->fields, NULL, 0);
    if (slot != RT_NO_SLOT)
        whole = rt_event_at(event, slot);
    if (whole.type != RT_MAP)
        return (struct rt_value){.type = RT_ABSENT};

    const struct rt_map_entry *entry =
        expr_map_find(whole, rt_string(name.data, (uint32_t)name.length));

    return entry == NULL ? (struct rt_value){.type = RT_ABSENT} : entry->value;
}

struct rt_value expr_as_map(struct expr_call *call, struct rt_value value)
{
    if (value.type != RT_EVENT || call->fields == NULL)
        return value;

    rt_slot slot = rt_fields_find(call->fields, NULL, 0);
    struct rt_value whole = slot == RT_NO_SLOT ? value : rt_event_at(value.u.event, slot);

    return whole.type == RT_MAP ? whole : value;
}

/* ---- what is found ---- */

/* A list's item or an error; `key` is a number. */
static struct rt_value list_item(struct rt_value list, struct rt_value key)
{
    int64_t index;

    if (!expr_whole(key, &index) || index < 0 || index >= (int64_t)list.length)
        return expr_fail(RT_ERROR_INDEX, "index out of range");
    return list.u.items[index];
}

/* What stands under `key`, or an error: RT_ERROR_NO_FIELD and RT_ERROR_INDEX mean absence. */
static struct rt_value find(struct expr_call *call, struct rt_value container, struct rt_value key)
{
    const struct rt_map_entry *entry;
    struct rt_value field;

    switch ((enum rt_type)container.type) {
    case RT_MAP:
        if (!is_key(key))
            return no_overload(container, key);
        if (!expr_spend(call, container.length / EXPR_BYTES_PER_WORK))
            return expr_limit();
        entry = expr_map_find(container, key);
        return entry == NULL ? no_such_key() : entry->value;
    case RT_LIST:
        return expr_is_number(key) ? list_item(container, key) : no_overload(container, key);
    case RT_EVENT:
        if (!is_key(key))
            return no_overload(container, key);
        if (key.type != RT_STRING)
            return no_such_key();
        field = event_field(call, container.u.event, rt_value_text(key));
        return field.type == RT_ABSENT ? no_such_key() : field;
    default:
        return no_overload(container, key);
    }
}

static bool is_absence(struct rt_value found)
{
    return found.type == RT_ERROR &&
           (found.aux == RT_ERROR_NO_FIELD || found.aux == RT_ERROR_INDEX);
}

static struct rt_value find_optional(struct expr_call *call, struct rt_value container,
                                     struct rt_value key)
{
    if (rt_is_error(container) || container.type == RT_ABSENT || rt_is_error(key))
        return no_overload(container, key);
    if (container.type == RT_OPTIONAL) {
        if (container.u.items == NULL)
            return container;
        container = container.u.items[0];
    }

    struct rt_value found = find(call, container, key);

    if (is_absence(found) && key.type != RT_ABSENT)
        return expr_optional_none();
    return rt_is_error(found) ? found : expr_optional_of(call, found);
}

static bool can_select(struct rt_value container)
{
    return container.type == RT_MAP || container.type == RT_EVENT;
}

static struct rt_value name_value(struct rt_text name)
{
    return rt_string(name.data, (uint32_t)name.length);
}

/* ---- operators ---- */

struct rt_value expr_op_index(struct expr_call *call, struct rt_value container,
                              struct rt_value key)
{
    if (container.type == RT_OPTIONAL)
        return find_optional(call, container, key);
    return find(call, container, key);
}

struct rt_value expr_op_select(struct expr_call *call, struct rt_value container,
                               struct rt_text name)
{
    if (container.type == RT_OPTIONAL)
        return expr_op_optional_select(call, container, name);
    return can_select(container) ? find(call, container, name_value(name))
                                 : expr_no_overload(&container, 1);
}

struct rt_value expr_op_has(struct expr_call *call, struct rt_value container, struct rt_text name)
{
    if (container.type == RT_OPTIONAL) {
        if (container.u.items == NULL)
            return rt_bool(false);
        container = container.u.items[0];
    }
    if (!can_select(container))
        return expr_no_overload(&container, 1);

    struct rt_value found = find(call, container, name_value(name));

    if (is_absence(found))
        return rt_bool(false);
    return rt_is_error(found) ? found : rt_bool(true);
}

struct rt_value expr_op_optional_select(struct expr_call *call, struct rt_value container,
                                        struct rt_text name)
{
    struct rt_value inner = container;

    if (container.type == RT_OPTIONAL) {
        if (container.u.items == NULL)
            return container;
        inner = container.u.items[0];
    }
    return can_select(inner) ? find_optional(call, inner, name_value(name))
                             : expr_no_overload(&inner, 1);
}

struct rt_value expr_op_optional_index(struct expr_call *call, struct rt_value container,
                                       struct rt_value key)
{
    return find_optional(call, container, key);
}

struct rt_value expr_op_in(struct expr_call *call, struct rt_value needle, struct rt_value haystack)
{
    if (rt_is_error(needle) || needle.type == RT_ABSENT)
        return no_overload(needle, haystack);
    if (haystack.type == RT_LIST) {
        bool indexed = (haystack.flags & RT_FLAG_INDEXED) != 0;

        if (!expr_spend(call, indexed ? 1 : haystack.length))
            return expr_limit();
        return rt_bool(expr_list_find(haystack, needle) != SIZE_MAX);
    }
    if (!can_select(haystack))
        return no_overload(haystack, needle);
    if (!is_key(needle))
        return rt_bool(false);

    struct rt_value found = find(call, haystack, needle);

    if (is_absence(found))
        return rt_bool(false);
    return rt_is_error(found) ? found : rt_bool(true);
}
