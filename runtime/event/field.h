/* SPDX-License-Identifier: Apache-2.0 */
/*
 * field.h - the field table: which parts of an event some rule names.
 *
 *     rules say          paths (sealed order)      slot
 *     ok.ip, fail.ip     ip            kept         0   \  kept_count: what a captured event carries
 *     event.user         user          kept         1   /
 *     event.type         type                       2   \
 *     event.geo.lat      geo.lat                    3    > read at the event itself only
 *     event[x]           (the whole)                4   /
 *
 * F1  A field is a path of names.  While rules are checked, rt_fields_add gives each distinct path an id.
 * F2  rt_fields_seal fixes the slots: kept fields first (those that a later step, an alert or a message
 *     reads from an event that was captured), in order of first mention inside each class.  After that
 *     the table is immutable and shared by threads, and only slots are used.
 * F3  The empty path is the whole event as a map.  A path and a prefix of it may both be fields.
 * From here on a field is an index, never a name.
 */
#ifndef EGRET_RUNTIME_EVENT_FIELD_H
#define EGRET_RUNTIME_EVENT_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/status.h"
#include "runtime/base/text.h"

typedef uint32_t rt_field_id; /* order of mention */
typedef uint32_t rt_slot;     /* index into an event's slots */
#define RT_NO_SLOT UINT32_MAX

enum { RT_FIELDS_MAX = 4096, RT_FIELD_DEPTH_MAX = 32 };

struct rt_fields;

enum rt_status rt_fields_new(struct rt_fields **out);
void rt_fields_free(struct rt_fields *fields); /* NULL is fine */

/*
 * The id of the path, added if it is new.  `kept` is or-ed over all mentions.  Names are copied.
 * RT_ERR_LIMIT past RT_FIELDS_MAX or RT_FIELD_DEPTH_MAX.
 */
enum rt_status rt_fields_add(struct rt_fields *fields, const struct rt_text *names, size_t depth,
                             bool kept, rt_field_id *out);

void rt_fields_seal(struct rt_fields *fields);
bool rt_fields_sealed(const struct rt_fields *fields);

/* Only after sealing. */
rt_slot rt_fields_slot(const struct rt_fields *fields, rt_field_id id);
size_t rt_fields_count(const struct rt_fields *fields);      /* slots of an event */
size_t rt_fields_kept_count(const struct rt_fields *fields); /* slots of a captured event */

/* The path of a slot; names are borrowed. */
const struct rt_text *rt_fields_path(const struct rt_fields *fields, rt_slot slot, size_t *depth);

/* The slot of a path, RT_NO_SLOT if no rule names it. */
rt_slot rt_fields_find(const struct rt_fields *fields, const struct rt_text *names, size_t depth);

/*
 * The same paths as a tree of names for decoders: node 0 is the whole event; a node has a slot if its path is
 * a field.  Children of a node are node->child_first .. + child_count - 1, sorted by length, then bytes.
 */
struct rt_field_node {
    struct rt_text name;
    rt_slot slot; /* RT_NO_SLOT: only on the way to others */
    uint32_t child_first, child_count;
};
const struct rt_field_node *rt_fields_tree(const struct rt_fields *fields, size_t *count);

#endif
