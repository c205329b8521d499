/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value_support.h - what the operators (value_*.c) and the functions (function_*.c) share: errors, memory, work.
 *
 * W1  Whatever walks or copies data takes its share of the fuel first, so that an evaluation is bounded by it.
 * W2  Results live in the scratch arena; a full arena is RT_ERROR_LIMIT, as an empty tank is.
 * W3  An operand that is an error, or an absent field, decides the result before types are looked at.
 */
#ifndef EGRET_RULES_VALUE_SUPPORT_H
#define EGRET_RULES_VALUE_SUPPORT_H

#include "rules/value_ops.h"

enum { EXPR_BYTES_PER_WORK = 16 }; /* copying or comparing this many bytes is one unit of fuel */

/* An error with a phrase for people; `phrase` is static. */
static inline struct rt_value expr_fail(enum rt_value_error why, const char *phrase)
{
    struct rt_value error = rt_error(why);

    error.u.text = phrase;
    return error;
}

/* Takes `work` from the fuel.  False: there was too little, and now there is none. */
static inline bool expr_spend(struct expr_call *call, uint64_t work)
{
    if (call->fuel < work) {
        call->fuel = 0;
        return false;
    }
    call->fuel -= work;
    return true;
}

/* The result when no overload takes these operands: an operand's own error, else "no such overload". */
struct rt_value expr_no_overload(const struct rt_value *args, size_t count);

/* What stands for memory or work that there is not. */
struct rt_value expr_limit(void);

/* Room in the scratch arena, paid for; NULL at a limit.  Not cleared. */
void *expr_room(struct expr_call *call, size_t count, size_t bytes);

/* A string of the call's scratch arena.  expr_limit() when it does not fit. */
struct rt_value expr_string_copy(struct expr_call *call, struct rt_text text);

/*
 * Where `part` first stands in `text` at or after byte `from` (at most the length), SIZE_MAX if nowhere.
 * Linear in both lengths, whatever they hold.
 */
size_t expr_text_find(struct rt_text text, struct rt_text part, size_t from);

/* An empty buffer for building a text; one at a time.  expr_buffer_string makes the result of it. */
struct rt_buffer *expr_buffer(struct expr_call *call);
struct rt_value expr_buffer_string(struct expr_call *call);

struct rt_value expr_optional_of(struct expr_call *call, struct rt_value value);
struct rt_value expr_optional_none(void);

static inline bool expr_is_number(struct rt_value value)
{
    return value.type == RT_INT || value.type == RT_UINT || value.type == RT_DOUBLE;
}

static inline bool expr_is_string(struct rt_value value)
{
    return value.type == RT_STRING;
}

/* An int, a uint that fits or a whole double as int64: what indexes a list. */
bool expr_whole(struct rt_value value, int64_t *out);

/* An event as the map of its fields; any other value unchanged. */
struct rt_value expr_as_map(struct expr_call *call, struct rt_value value);

/* The entry of `key` in a map, NULL if there is none.  Cost: its size, constant if the map is indexed. */
const struct rt_map_entry *expr_map_find(struct rt_value map, struct rt_value key);

/* Where `needle` stands in a list, SIZE_MAX if nowhere.  Same cost. */
size_t expr_list_find(struct rt_value list, struct rt_value needle);

/* == within the call's fuel.  False with *limit when it ran out. */
bool expr_value_equal_within(struct expr_call *call, struct rt_value left, struct rt_value right,
                             bool *limit);

/* What %s of format prints: like expr_value_text, and null, types, lists, maps (keys sorted) and optionals too. */
bool expr_value_display(struct rt_value value, struct rt_buffer *out);

#endif
