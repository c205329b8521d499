/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value.h - one value of an event or of an expression, in 16 bytes.
 *
 *     byte 0     1      2-3    4-7                8-15
 *     [type][flags][aux  ][length or nanos][ bool | int | uint | double | pointer | seconds ]
 *
 * V1  A value borrows what it points to: event bytes, an arena, a constant table.  Whoever keeps a value
 *     beyond the life of that memory copies it first (rt_value_copy, or rt_event_keep for whole events).
 * V2  RT_ABSENT is zero, so a cleared slot is an absent field.  Absent and null differ: `has(x)` is false
 *     for absent and true for null.
 * V3  A string is valid UTF-8; RT_FLAG_ASCII may be set when it is known to be ASCII only.
 * V4  A JSON number without fraction or exponent that fits int64 is RT_INT, any other is RT_DOUBLE.
 * V5  A timestamp is seconds (int64) and nanos (0..999999999, in `length`), years 1 to 9999; a duration is
 *     int64 nanoseconds.
 * V6  RT_ERROR is the outcome of an evaluation, never stored in an event; `aux` is enum rt_value_error.
 * This header knows no expression: what operators mean is decided in rules/.
 */
#ifndef EGRET_RUNTIME_EVENT_VALUE_H
#define EGRET_RUNTIME_EVENT_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/arena.h"
#include "runtime/base/status.h"
#include "runtime/base/text.h"

enum rt_type {
    RT_ABSENT = 0,
    RT_NULL,
    RT_BOOL,
    RT_INT,
    RT_UINT,
    RT_DOUBLE,
    RT_STRING,
    RT_BYTES,
    RT_LIST,
    RT_MAP,
    RT_TIMESTAMP,
    RT_DURATION,
    RT_TYPE,     /* a type as a value: u.integer is an enum rt_type */
    RT_OPTIONAL, /* u.items points to one value, or is NULL for none */
    RT_EVENT,    /* a whole event, seen as a map of its fields: u.event */
    RT_IP,       /* u.bytes: 16 bytes, IPv4 as ::ffff:a.b.c.d; aux = 4 or 6 */
    RT_CIDR,     /* like RT_IP, length = prefix bits (of 32 or 128) */
    RT_ERROR,
    RT_TYPE_COUNT
};

enum {
    RT_FLAG_ASCII = 1,    /* a string of ASCII only, as far as known */
    RT_FLAG_ESTIMATE = 4, /* an int that was not counted but estimated */
    RT_FLAG_INDEXED = 2 /* a list or map with a hash index behind its items (rules/value_index.c) */
};

enum rt_value_error {                        /* why an evaluation has no value */
                      RT_ERROR_NO_FIELD = 1, /* no such key, field or event */
                      RT_ERROR_TYPE,         /* no such overload */
                      RT_ERROR_INDEX,        /* index out of range */
                      RT_ERROR_RANGE,        /* overflow, or outside the type's range */
                      RT_ERROR_DIVIDE,       /* division by zero */
                      RT_ERROR_CONVERT,      /* text or number that cannot be converted */
                      RT_ERROR_PATTERN,      /* bad regular expression */
                      RT_ERROR_LIMIT,        /* fuel, memory, match limit */
                      RT_ERROR_UNBOUND,      /* unknown name */
                      RT_ERROR_ARGUMENT      /* a function refused its argument */
};

struct rt_event;
struct rt_map_entry;

struct rt_value {
    uint8_t type;    /* enum rt_type */
    uint8_t flags;   /* RT_FLAG_... */
    uint16_t aux;    /* RT_ERROR: enum rt_value_error; RT_IP, RT_CIDR: 4 or 6 */
    uint32_t length; /* string, bytes: bytes; list: items; map: entries; timestamp: nanos */
    union {
        bool boolean;
        int64_t integer; /* RT_INT, RT_TYPE; RT_TIMESTAMP: seconds; RT_DURATION: nanoseconds */
        uint64_t natural;
        double real;
        const char *text;                   /* RT_STRING, RT_ERROR (a static phrase or NULL) */
        const unsigned char *bytes;         /* RT_BYTES, RT_IP, RT_CIDR */
        const struct rt_value *items;       /* RT_LIST, RT_OPTIONAL */
        const struct rt_map_entry *entries; /* RT_MAP, in order of insertion, keys distinct */
        const struct rt_event *event;
    } u;
};

_Static_assert(sizeof(struct rt_value) == 16, "a value is two words");

struct rt_map_entry {
    struct rt_value key; /* int, uint, bool or string */
    struct rt_value value;
};

static inline struct rt_value rt_null(void)
{
    return (struct rt_value){.type = RT_NULL};
}
static inline struct rt_value rt_bool(bool value)
{
    return (struct rt_value){.type = RT_BOOL, .u.boolean = value};
}
static inline struct rt_value rt_int(int64_t value)
{
    return (struct rt_value){.type = RT_INT, .u.integer = value};
}
static inline struct rt_value rt_uint(uint64_t value)
{
    return (struct rt_value){.type = RT_UINT, .u.natural = value};
}
static inline struct rt_value rt_double(double value)
{
    return (struct rt_value){.type = RT_DOUBLE, .u.real = value};
}
static inline struct rt_value rt_string(const char *text, uint32_t length)
{
    return (struct rt_value){.type = RT_STRING, .length = length, .u.text = text};
}
static inline struct rt_value rt_error(enum rt_value_error why)
{
    return (struct rt_value){.type = RT_ERROR, .aux = (uint16_t)why};
}
static inline bool rt_is_error(struct rt_value value)
{
    return value.type == RT_ERROR;
}
static inline struct rt_text rt_value_text(struct rt_value string)
{
    return (struct rt_text){string.u.text, string.length};
}

/* `int`, `string`, `google.protobuf.Timestamp`: CEL's name of a type.  Never NULL. */
const char *rt_type_name(enum rt_type type);

/* `absent_field`, `type`, `range`, ...: the label of counters and messages.  Never NULL. */
const char *rt_value_error_name(enum rt_value_error why);

/*
 * A copy whose strings, lists and maps live in the arena (an RT_EVENT keeps pointing to its event), without index.
 * RT_ERR_NOMEM at the arena's bound.  Cost: the size of the value.
 */
enum rt_status rt_value_copy(struct rt_value value, struct rt_arena *arena, struct rt_value *out);

/* Appends the value as JSON.  Timestamps and durations as strings, bytes as base64, NaN as null. */
void rt_value_json(struct rt_value value, struct rt_buffer *out);

#endif
