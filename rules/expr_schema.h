/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expr_schema.h - what is known of the fields of events before the first one comes.
 *
 *     fields:                             schema                     checker
 *       user: string                      user      string          user + 1       E209, no event could make it true
 *       geo.lat: double      -- add -->   geo       map     -->     geo.latt       E250, did you mean `geo.lat`?
 *       labels: map(string, int)          geo.lat   double          labels.x       int
 *       note: string?                     labels    map             alt > "5"      W302 if the type is only the sample's
 *
 * The same structure holds what the author declares (`fields:`) and what the events of a sample have had.
 *
 * S1  Types are gradual: a field that is not in the schema, or is of type any, is checked when it is read.
 * S2  A declared path brings the maps above it.
 * S3  Names and spans live as long as the schema; it is immutable while expressions are checked with it.
 */
#ifndef EGRET_RULES_EXPR_SCHEMA_H
#define EGRET_RULES_EXPR_SCHEMA_H

#include "rules/expr.h"
#include "runtime/base/map.h"

struct expr_schema_field {
    const char *path;    /* names joined by dots */
    uint8_t type;        /* enum rt_type; RT_ABSENT: anything */
    uint8_t item;        /* of a list or of a map's values; RT_ABSENT: anything */
    bool optional;       /* may be absent: `string?` */
    bool implied;        /* a map above a declared path */
    struct rt_span span; /* where it is declared; of a sample RT_NO_SPAN */
    double share;        /* of a sample's events that have it */
};

struct expr_schema {
    struct expr_schema_field *fields; /* owned */
    size_t count, capacity;
    struct rt_map index;  /* path -> number */
    bool is_open;         /* fields beside these may occur */
    const char *record;   /* "an alert has", if they are not those that `fields` declares */
    bool is_sample;       /* types are observations: what contradicts them is a warning */
    uint64_t event_count; /* of a sample */
};

/* A zeroed schema is an empty one. */
void expr_schema_done(struct expr_schema *schema);

/*
 * Adds the path and the maps above it.  `path` is borrowed, its parts are copied to the arena.  *clash: the path is there
 * already, or stands below one that is no map (then NULL is not written).
 */
enum rt_status expr_schema_add(struct expr_schema *schema, struct rt_arena *arena,
                               const struct expr_schema_field *field,
                               const struct expr_schema_field **clash);

/* "int", "list(string)", "map(string, double)?"; false if the text is no type. */
bool expr_schema_parse_type(struct rt_text text, struct expr_schema_field *out);

enum expr_schema_answer {
    EXPR_SCHEMA_KNOWN,   /* *out says what it is */
    EXPR_SCHEMA_UNKNOWN, /* not in the schema, nor below an open map */
    EXPR_SCHEMA_SCALAR   /* below something that has no fields: *out is that */
};
enum expr_schema_answer expr_schema_find(const struct expr_schema *schema,
                                         const struct rt_text *names, size_t count,
                                         struct expr_schema_field *out);

/* The names joined by dots; a failed buffer if that is too long.  The caller ends the buffer. */
void expr_schema_path(const struct rt_text *names, size_t count, struct rt_buffer *buffer);

/* The nearest path for a message; NULL if none is near, or without memory (of the arena). */
const struct expr_schema_field *expr_schema_nearest(const struct expr_schema *schema,
                                                    const struct rt_text *names, size_t count,
                                                    struct rt_arena *arena);

#endif
