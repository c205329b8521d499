/* SPDX-License-Identifier: Apache-2.0 */
/*
 * field.c - paths while rules are checked, slots and a tree of names afterwards.
 *
 *     add     key of a path = length and bytes of each name      id_of_key: key -> id
 *     seal    paths sorted name by name, then cut into nodes level by level:
 *
 *             sorted    geo | geo.lat | geo.lon | ip             nodes   0: the whole
 *             level 1   [--- geo ------------] [ip]                      1: ip   2: geo
 *             level 2          [lat]    [lon]                            3: lat  4: lon
 *
 * I1  Names of a path point into its key, which the arena owns.
 * I2  Room for the tree is taken while paths are added, so that sealing cannot fail.
 */
#include "runtime/event/field.h"

#include <stdlib.h>

#include "runtime/base/alloc.h"
#include "runtime/base/arena.h"
#include "runtime/base/assert.h"
#include "runtime/base/map.h"

enum { ARENA_BYTES_MAX = 64 << 20, LENGTH_BYTES = sizeof(uint32_t) };

struct path {
    const struct rt_text *names;
    size_t depth;
    bool kept;
    rt_slot slot; /* after sealing */
};

struct rt_fields {
    struct rt_arena arena; /* keys and names */
    struct rt_map id_of_key;
    struct path *paths;         /* by id */
    const struct path **sorted; /* after sealing: by slot */
    size_t count, capacity;
    size_t kept_count;
    struct rt_field_node *nodes;
    size_t node_count, node_capacity;
    size_t nodes_max; /* what the tree can need: one and the sum of all depths */
    bool sealed;
};

enum rt_status rt_fields_new(struct rt_fields **out)
{
    struct rt_fields *fields = rt_alloc_zeroed(1, sizeof(*fields));

    if (fields == NULL)
        return RT_ERR_NOMEM;
    rt_arena_init(&fields->arena, ARENA_BYTES_MAX);
    fields->nodes_max = 1;
    fields->node_capacity = 16;
    fields->nodes = rt_alloc_zeroed(fields->node_capacity, sizeof(*fields->nodes));
    if (fields->nodes == NULL) {
        rt_fields_free(fields);
        return RT_ERR_NOMEM;
    }
    *out = fields;
    return RT_OK;
}

void rt_fields_free(struct rt_fields *fields)
{
    if (fields == NULL)
        return;
    rt_map_done(&fields->id_of_key);
    rt_arena_done(&fields->arena);
    rt_free(fields->paths);
    rt_free(fields->sorted);
    rt_free(fields->nodes);
    rt_free(fields);
}

/* The path as one piece of bytes: two paths are equal if their keys are. */
static bool make_key(struct rt_arena *arena, const struct rt_text *names, size_t depth,
                     struct rt_text *out)
{
    size_t length = 0;

    for (size_t i = 0; i < depth; i++)
        length += LENGTH_BYTES + names[i].length;

    char *key = rt_arena_raw(arena, length == 0 ? 1 : length);
    size_t at = 0;

    if (key == NULL)
        return false;
    for (size_t i = 0; i < depth; i++) {
        uint32_t name_length = (uint32_t)names[i].length;

        memcpy(key + at, &name_length, LENGTH_BYTES);
        at += LENGTH_BYTES;
        if (name_length > 0)
            memcpy(key + at, names[i].data, name_length);
        at += name_length;
    }
    *out = (struct rt_text){key, length};
    return true;
}

/* The names of a path, pointing into its key. */
static struct rt_text *names_of_key(struct rt_arena *arena, struct rt_text key, size_t depth)
{
    struct rt_text *names = rt_arena_array(arena, depth, sizeof(*names));
    size_t at = 0;

    for (size_t i = 0; names != NULL && i < depth; i++) {
        uint32_t length;

        memcpy(&length, key.data + at, LENGTH_BYTES);
        at += LENGTH_BYTES;
        names[i] = (struct rt_text){key.data + at, length};
        at += length;
    }
    return names;
}

/* Room for one more path and for the nodes that its names can need. */
static enum rt_status reserve(struct rt_fields *fields, size_t depth)
{
    if (fields->count == fields->capacity) {
        size_t capacity = fields->capacity == 0 ? 16 : fields->capacity * 2;
        void *paths = rt_realloc(fields->paths, capacity * sizeof(*fields->paths));

        if (paths == NULL)
            return RT_ERR_NOMEM;
        fields->paths = paths;

        void *sorted = rt_realloc(fields->sorted, capacity * sizeof(const struct path *));

        if (sorted == NULL)
            return RT_ERR_NOMEM;
        fields->sorted = sorted;
        fields->capacity = capacity;
    }
    while (fields->node_capacity < fields->nodes_max + depth) {
        size_t capacity = fields->node_capacity * 2;
        void *nodes = rt_realloc(fields->nodes, capacity * sizeof(*fields->nodes));

        if (nodes == NULL)
            return RT_ERR_NOMEM;
        fields->nodes = nodes;
        fields->node_capacity = capacity;
    }
    return RT_OK;
}

static bool names_fit(const struct rt_text *names, size_t depth)
{
    size_t bytes = 0;

    for (size_t i = 0; i < depth; i++) {
        if (names[i].length > ARENA_BYTES_MAX - bytes)
            return false;
        bytes += names[i].length;
    }
    return true;
}

static enum rt_status add_new(struct rt_fields *fields, struct rt_text key, size_t depth, bool kept,
                              rt_field_id *out)
{
    if (fields->count == RT_FIELDS_MAX)
        return RT_ERR_LIMIT;

    enum rt_status status = reserve(fields, depth);

    if (status != RT_OK)
        return status;

    const struct rt_text *names = names_of_key(&fields->arena, key, depth);

    if (names == NULL)
        return RT_ERR_NOMEM;
    status = rt_map_set(&fields->id_of_key, key, fields->count);
    if (status != RT_OK)
        return status;
    fields->paths[fields->count] = (struct path){names, depth, kept, RT_NO_SLOT};
    fields->nodes_max += depth;
    *out = (rt_field_id)fields->count++;
    return RT_OK;
}

enum rt_status rt_fields_add(struct rt_fields *fields, const struct rt_text *names, size_t depth,
                             bool kept, rt_field_id *out)
{
    RT_ASSERT(!fields->sealed);
    if (depth > RT_FIELD_DEPTH_MAX || !names_fit(names, depth))
        return RT_ERR_LIMIT;

    struct rt_arena_mark mark = rt_arena_mark(&fields->arena);
    struct rt_text key;
    uint64_t id;

    if (!make_key(&fields->arena, names, depth, &key))
        return RT_ERR_NOMEM;
    if (rt_map_get(&fields->id_of_key, key, &id)) {
        rt_arena_rewind(&fields->arena, mark);
        fields->paths[id].kept |= kept;
        *out = (rt_field_id)id;
        return RT_OK;
    }

    enum rt_status status = add_new(fields, key, depth, kept, out);

    if (status != RT_OK)
        rt_arena_rewind(&fields->arena, mark);
    return status;
}

/* ---- sealing ---- */

/* The order of siblings: by length, then by bytes. */
static int compare_names(struct rt_text a, struct rt_text b)
{
    if (a.length != b.length)
        return a.length < b.length ? -1 : 1;
    return a.length == 0 ? 0 : memcmp(a.data, b.data, a.length);
}

/* Name by name; a prefix comes before what it begins. */
static int compare_paths(const void *left, const void *right)
{
    const struct path *a = *(const struct path *const *)left;
    const struct path *b = *(const struct path *const *)right;

    for (size_t i = 0; i < a->depth && i < b->depth; i++) {
        int order = compare_names(a->names[i], b->names[i]);

        if (order != 0)
            return order;
    }
    return a->depth < b->depth ? -1 : a->depth > b->depth;
}

/*
 * Turns a node whose child_first and child_count still hold its range of sorted paths, which agree in their first
 * `depth` names, into a finished one, and appends its children in the same unfinished form.
 */
static void split_node(struct rt_fields *fields, struct rt_field_node *node, size_t depth)
{
    size_t at = node->child_first, end = at + node->child_count;

    node->slot = RT_NO_SLOT;
    if (at < end && fields->sorted[at]->depth == depth)
        node->slot = fields->sorted[at++]->slot;
    node->child_first = (uint32_t)fields->node_count;
    node->child_count = 0;
    while (at < end) {
        struct rt_text name = fields->sorted[at]->names[depth];
        size_t first = at;

        while (at < end && rt_text_equal(fields->sorted[at]->names[depth], name))
            at++;
        RT_ASSERT(fields->node_count < fields->node_capacity);
        fields->nodes[fields->node_count++] =
            (struct rt_field_node){name, RT_NO_SLOT, (uint32_t)first, (uint32_t)(at - first)};
        node->child_count++;
    }
}

static void build_tree(struct rt_fields *fields)
{
    fields->nodes[0] = (struct rt_field_node){.child_count = (uint32_t)fields->count};
    fields->node_count = 1;

    size_t level_end = 1, depth = 0;

    for (size_t i = 0; i < fields->node_count; i++) {
        if (i == level_end) {
            level_end = fields->node_count;
            depth++;
        }
        split_node(fields, &fields->nodes[i], depth);
    }
}

void rt_fields_seal(struct rt_fields *fields)
{
    rt_slot slot = 0;

    RT_ASSERT(!fields->sealed);
    for (int kept = 1; kept >= 0; kept--) {
        for (size_t i = 0; i < fields->count; i++)
            if (fields->paths[i].kept == (kept == 1))
                fields->paths[i].slot = slot++;
        if (kept == 1)
            fields->kept_count = slot;
    }
    for (size_t i = 0; i < fields->count; i++)
        fields->sorted[i] = &fields->paths[i];
    if (fields->count > 1)
        qsort(fields->sorted, fields->count, sizeof(const struct path *), compare_paths);
    build_tree(fields);
    for (size_t i = 0; i < fields->count; i++)
        fields->sorted[fields->paths[i].slot] = &fields->paths[i];
    fields->sealed = true;
}

bool rt_fields_sealed(const struct rt_fields *fields)
{
    return fields->sealed;
}

/* ---- after sealing ---- */

rt_slot rt_fields_slot(const struct rt_fields *fields, rt_field_id id)
{
    RT_ASSERT(fields->sealed && id < fields->count);
    return fields->paths[id].slot;
}

size_t rt_fields_count(const struct rt_fields *fields)
{
    RT_ASSERT(fields->sealed);
    return fields->count;
}

size_t rt_fields_kept_count(const struct rt_fields *fields)
{
    RT_ASSERT(fields->sealed);
    return fields->kept_count;
}

const struct rt_text *rt_fields_path(const struct rt_fields *fields, rt_slot slot, size_t *depth)
{
    RT_ASSERT(fields->sealed && slot < fields->count);
    *depth = fields->sorted[slot]->depth;
    return fields->sorted[slot]->names;
}

static const struct rt_field_node *find_child(const struct rt_fields *fields,
                                              const struct rt_field_node *node, struct rt_text name)
{
    size_t low = node->child_first, high = low + node->child_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_names(fields->nodes[middle].name, name);

        if (order == 0)
            return &fields->nodes[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

rt_slot rt_fields_find(const struct rt_fields *fields, const struct rt_text *names, size_t depth)
{
    RT_ASSERT(fields->sealed);
    const struct rt_field_node *node = &fields->nodes[0];

    for (size_t i = 0; i < depth && node != NULL; i++)
        node = find_child(fields, node, names[i]);
    return node == NULL ? RT_NO_SLOT : node->slot;
}

const struct rt_field_node *rt_fields_tree(const struct rt_fields *fields, size_t *count)
{
    RT_ASSERT(fields->sealed);
    *count = fields->node_count;
    return fields->nodes;
}
