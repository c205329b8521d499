/* SPDX-License-Identifier: Apache-2.0 */
#include "cep/probes.h"

#include <stdlib.h>

#include "cep/literals.h"
#include "rules/value_ops.h"
#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"
#include "runtime/base/hash.h"
#include "runtime/base/ip.h"

enum { ARENA_BYTES_MAX = 1 << 30, ADDRESS_BITS = 128, FEW_USES = 16 };
#define NO_ITEM UINT32_MAX

/* A distinct probe, found by its hash: while adding for all kinds, afterwards for equality. */
struct entry {
    uint64_t hash;
    struct rt_value value; /* RT_ABSENT: the entry is free */
    rt_slot slot;
    uint32_t kind;
    uint32_t bucket;
};

/* Of the sorted kinds.  A network's length is the bits of its 16 bytes that count. */
struct item {
    struct rt_value value;
    uint32_t bucket;
    uint32_t parent; /* the longest item that this one begins with (texts, networks) */
};

struct ordered {
    struct item *items; /* owned */
    uint32_t count, capacity;
    uint32_t uses; /* probes that were added, equal ones too */
};

struct field { /* a slot that some probe reads */
    rt_slot slot;
    bool has_equal;
    bool is_searched; /* has probes of other kinds */
    struct ordered kinds[EXPR_PROBE_KINDS];
    struct cep_literals
        *literals; /* owned; NULL without EXPR_PROBE_CONTAINS, or when they are too many */
};

struct cep_probes {
    struct entry *entries; /* owned; open addressing */
    size_t entry_count, entry_capacity;
    struct field *fields; /* owned */
    size_t field_count, field_capacity;
    struct rt_arena arena; /* masked networks */
    uint32_t bucket_count;
};

/* ---- distinct probes ---- */

static uint64_t hash_of(rt_slot slot, uint32_t kind, struct rt_value value)
{
    return expr_value_hash(value) ^
           ((uint64_t)slot * EXPR_PROBE_KINDS + kind + 1) * UINT64_C(0x9E3779B97F4A7C15);
}

/* The entry of the probe, or the free one where it would be. */
static struct entry *find_entry(const struct cep_probes *probes, uint64_t hash, rt_slot slot,
                                uint32_t kind, struct rt_value value)
{
    size_t mask = probes->entry_capacity - 1;

    for (size_t at = hash & mask;; at = (at + 1) & mask) {
        struct entry *entry = &probes->entries[at];

        if (entry->value.type == RT_ABSENT ||
            (entry->hash == hash && entry->slot == slot && entry->kind == kind &&
             expr_value_equal(entry->value, value)))
            return entry;
    }
}

static enum rt_status grow_entries(struct cep_probes *probes)
{
    struct cep_probes old = *probes;

    if (2 * (probes->entry_count + 1) <= probes->entry_capacity)
        return RT_OK;
    probes->entry_capacity = old.entry_capacity == 0 ? 64 : 2 * old.entry_capacity;
    probes->entries = rt_alloc_zeroed(probes->entry_capacity, sizeof(*probes->entries));
    if (probes->entries == NULL) {
        *probes = old;
        return RT_ERR_NOMEM;
    }
    for (size_t i = 0; i < old.entry_capacity; i++) {
        const struct entry *entry = &old.entries[i];

        if (entry->value.type != RT_ABSENT)
            *find_entry(probes, entry->hash, entry->slot, entry->kind, entry->value) = *entry;
    }
    rt_free(old.entries);
    return RT_OK;
}

/* ---- adding ---- */

enum rt_status cep_probes_new(struct cep_probes **out)
{
    struct cep_probes *probes = rt_alloc_zeroed(1, sizeof(*probes));

    if (probes == NULL)
        return RT_ERR_NOMEM;
    rt_arena_init(&probes->arena, ARENA_BYTES_MAX);
    *out = probes;
    return RT_OK;
}

void cep_probes_free(struct cep_probes *probes)
{
    if (probes == NULL)
        return;
    for (size_t i = 0; i < probes->field_count; i++) {
        for (int kind = 0; kind < EXPR_PROBE_KINDS; kind++)
            rt_free(probes->fields[i].kinds[kind].items);
        cep_literals_free(probes->fields[i].literals);
    }
    rt_free(probes->fields);
    rt_free(probes->entries);
    rt_arena_done(&probes->arena);
    rt_free(probes);
}

static struct field *field_of(struct cep_probes *probes, rt_slot slot)
{
    for (size_t i = 0; i < probes->field_count; i++) {
        if (probes->fields[i].slot == slot)
            return &probes->fields[i];
    }
    if (probes->field_count == probes->field_capacity) {
        size_t capacity = probes->field_capacity == 0 ? 8 : 2 * probes->field_capacity;
        struct field *more = rt_realloc(probes->fields, capacity * sizeof(*more));

        if (more == NULL)
            return NULL;
        probes->fields = more;
        probes->field_capacity = capacity;
    }
    probes->fields[probes->field_count] = (struct field){.slot = slot};
    return &probes->fields[probes->field_count++];
}

static enum rt_status add_item(struct ordered *ordered, struct rt_value value, uint32_t bucket)
{
    if (ordered->count == ordered->capacity) {
        uint32_t capacity = ordered->capacity == 0 ? 8 : 2 * ordered->capacity;
        struct item *more = rt_realloc(ordered->items, capacity * sizeof(*more));

        if (more == NULL)
            return RT_ERR_NOMEM;
        ordered->items = more;
        ordered->capacity = capacity;
    }
    ordered->items[ordered->count++] = (struct item){value, bucket, NO_ITEM};
    return RT_OK;
}

/* The network with its other bits cleared and its length counted from the first of 128 bits. */
static enum rt_status normal_network(struct cep_probes *probes, struct rt_value *network)
{
    uint32_t bits = network->length + (network->aux == 4 ? RT_IPV4_BITS_BEFORE : 0);
    unsigned char *bytes = rt_arena_alloc(&probes->arena, ADDRESS_BITS / 8);

    if (bytes == NULL)
        return RT_ERR_NOMEM;
    memcpy(bytes, network->u.bytes, ADDRESS_BITS / 8);
    rt_ip_mask(bytes, bits);
    *network =
        (struct rt_value){.type = RT_BYTES, .length = bits, .u.bytes = bytes}; /* never as bytes */
    return RT_OK;
}

static enum rt_status add_to_field(struct cep_probes *probes, const struct rule_probe *probe,
                                   uint32_t bucket)
{
    struct field *field = field_of(probes, probe->slot);
    struct rt_value value = probe->value;

    if (field == NULL)
        return RT_ERR_NOMEM;
    if (probe->kind == EXPR_PROBE_EQUAL) {
        field->has_equal = true;
        return RT_OK;
    }
    field->is_searched = true;
    if (probe->kind == EXPR_PROBE_NETWORK && normal_network(probes, &value) != RT_OK)
        return RT_ERR_NOMEM;
    return add_item(&field->kinds[probe->kind], value, bucket);
}

enum rt_status cep_probes_add(struct cep_probes *probes, const struct rule_probe *probe,
                              uint32_t *bucket)
{
    uint64_t hash = hash_of(probe->slot, probe->kind, probe->value);
    enum rt_status status = grow_entries(probes);
    struct entry *entry;

    if (status != RT_OK)
        return status;
    entry = find_entry(probes, hash, probe->slot, probe->kind, probe->value);
    if (entry->value.type == RT_ABSENT) {
        status = add_to_field(probes, probe, probes->bucket_count);
        if (status != RT_OK)
            return status;
        *entry =
            (struct entry){hash, probe->value, probe->slot, probe->kind, probes->bucket_count++};
        probes->entry_count++;
    }
    *bucket = entry->bucket;
    field_of(probes, probe->slot)->kinds[probe->kind].uses++;
    return RT_OK;
}

/* ---- order of texts, networks and numbers ---- */

/* From the end, like words of a rhyming dictionary. */
static int compare_ends(struct rt_value a, struct rt_value b)
{
    uint32_t shorter = a.length < b.length ? a.length : b.length;

    for (uint32_t i = 1; i <= shorter; i++) {
        unsigned char left = (unsigned char)a.u.text[a.length - i];
        unsigned char right = (unsigned char)b.u.text[b.length - i];

        if (left != right)
            return left < right ? -1 : 1;
    }
    return (a.length > b.length) - (a.length < b.length);
}

static int compare_networks(struct rt_value a, struct rt_value b)
{
    int order = memcmp(a.u.bytes, b.u.bytes, ADDRESS_BITS / 8);

    return order != 0 ? order : (a.length > b.length) - (a.length < b.length);
}

static int compare_values(enum expr_probe_kind kind, struct rt_value a, struct rt_value b)
{
    if (kind == EXPR_PROBE_ENDS)
        return compare_ends(a, b);
    if (kind == EXPR_PROBE_NETWORK)
        return compare_networks(a, b);
    return (int)expr_value_order(a, b);
}

static int by_order(const void *left, const void *right)
{
    return compare_values(EXPR_PROBE_STARTS, ((const struct item *)left)->value,
                          ((const struct item *)right)->value);
}

static int by_end(const void *left, const void *right)
{
    return compare_ends(((const struct item *)left)->value, ((const struct item *)right)->value);
}

static int by_network(const void *left, const void *right)
{
    return compare_networks(((const struct item *)left)->value,
                            ((const struct item *)right)->value);
}

/* Whether the text or address begins (or ends) with the item. */
static bool holds(enum expr_probe_kind kind, struct rt_value item, struct rt_value value)
{
    if (kind == EXPR_PROBE_NETWORK)
        return item.length <= value.length &&
               rt_ip_same_prefix(item.u.bytes, value.u.bytes, item.length);
    return item.length <= value.length &&
           memcmp(item.u.text,
                  value.u.text + (kind == EXPR_PROBE_ENDS ? value.length - item.length : 0),
                  item.length) == 0;
}

static void find_parents(struct ordered *ordered, enum expr_probe_kind kind)
{
    for (uint32_t i = 1; i < ordered->count; i++) {
        uint32_t parent = i - 1;

        while (parent != NO_ITEM &&
               !holds(kind, ordered->items[parent].value, ordered->items[i].value))
            parent = ordered->items[parent].parent;
        ordered->items[i].parent = parent;
    }
}

static enum rt_status make_literals(struct field *field)
{
    const struct ordered *texts = &field->kinds[EXPR_PROBE_CONTAINS];
    enum rt_status status = cep_literals_new(&field->literals);

    for (uint32_t i = 0; i < texts->count && status == RT_OK; i++)
        status = cep_literals_add(field->literals, rt_value_text(texts->items[i].value),
                                  texts->items[i].bucket);
    if (status == RT_OK)
        status = cep_literals_seal(field->literals);
    if (status != RT_ERR_LIMIT)
        return status;
    cep_literals_free(field->literals);
    field->literals = NULL; /* each rule asks for itself */
    return RT_OK;
}

enum rt_status cep_probes_seal(struct cep_probes *probes)
{
    enum rt_status status = RT_OK;

    for (size_t i = 0; i < probes->field_count && status == RT_OK; i++) {
        struct field *field = &probes->fields[i];

        for (int kind = EXPR_PROBE_STARTS; kind < EXPR_PROBE_KINDS; kind++) {
            struct ordered *ordered = &field->kinds[kind];

            if (ordered->count == 0 || kind == EXPR_PROBE_CONTAINS)
                continue;
            qsort(ordered->items, ordered->count, sizeof(struct item),
                  kind == EXPR_PROBE_ENDS      ? by_end
                  : kind == EXPR_PROBE_NETWORK ? by_network
                                               : by_order);
            if (kind != EXPR_PROBE_ABOVE && kind != EXPR_PROBE_BELOW)
                find_parents(ordered, (enum expr_probe_kind)kind);
        }
        if (field->kinds[EXPR_PROBE_CONTAINS].count > 0)
            status = make_literals(field);
    }
    return status;
}

/* ---- finding ---- */

/* How many items stand at or before the value. */
static uint32_t count_until(const struct ordered *ordered, enum expr_probe_kind kind,
                            struct rt_value value)
{
    uint32_t low = 0, high = ordered->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (compare_values(kind, ordered->items[middle].value, value) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void hit_range(const struct ordered *ordered, uint32_t begin, uint32_t end,
                      cep_bucket_fn *hit, void *context)
{
    for (uint32_t i = begin; i < end; i++)
        hit(context, ordered->items[i].bucket);
}

/* The last item at or before the value, or one that it begins with: all that hold are on the way to the shortest. */
static void find_prefixes(const struct ordered *ordered, enum expr_probe_kind kind,
                          struct rt_value value, cep_bucket_fn *hit, void *context)
{
    uint32_t until = count_until(ordered, kind, value);
    uint32_t at = until == 0 ? NO_ITEM : until - 1;

    while (at != NO_ITEM && !holds(kind, ordered->items[at].value, value))
        at = ordered->items[at].parent;
    for (; at != NO_ITEM; at = ordered->items[at].parent)
        hit(context, ordered->items[at].bucket);
}

/* The first bound at or above the value: those equal to it in value hold for both kinds. */
static void find_bounds(const struct ordered *ordered, enum expr_probe_kind kind,
                        struct rt_value value, cep_bucket_fn *hit, void *context)
{
    uint32_t until = count_until(ordered, kind, value);

    if (kind == EXPR_PROBE_ABOVE) {
        hit_range(ordered, 0, until, hit, context);
        return;
    }
    while (until > 0 && expr_value_order(ordered->items[until - 1].value, value) == EXPR_EQUAL)
        until--;
    hit_range(ordered, until, ordered->count, hit, context);
}

static bool takes(enum expr_probe_kind kind, struct rt_value value)
{
    if (kind == EXPR_PROBE_ABOVE || kind == EXPR_PROBE_BELOW)
        return value.type == RT_INT || value.type == RT_UINT ||
               (value.type == RT_DOUBLE && value.u.real == value.u.real);
    return value.type == RT_STRING;
}

/* False: the value says nothing about these constants, so any of them may hold or end in an error to count. */
static bool find_some(const struct field *field, enum expr_probe_kind kind, struct rt_value value,
                      cep_bucket_fn *hit, void *context)
{
    const struct ordered *ordered = &field->kinds[kind];
    struct rt_ip ip;

    if (!takes(kind, value))
        return false;
    if (kind == EXPR_PROBE_ABOVE || kind == EXPR_PROBE_BELOW) {
        find_bounds(ordered, kind, value, hit, context);
        return true;
    }
    if (kind == EXPR_PROBE_CONTAINS) {
        if (field->literals == NULL)
            return false;
        cep_literals_scan(field->literals, rt_value_text(value), hit, context);
        return true;
    }
    if (kind == EXPR_PROBE_NETWORK) {
        if (!rt_ip_parse_lenient(rt_value_text(value), &ip))
            return false;
        value = (struct rt_value){.type = RT_BYTES, .length = ADDRESS_BITS, .u.bytes = ip.bytes};
    }
    find_prefixes(ordered, kind, value, hit, context);
    return true;
}

static void find_sorted(const struct field *field, enum expr_probe_kind kind, struct rt_value value,
                        cep_bucket_fn *hit, void *context)
{
    if (!find_some(field, kind, value, hit, context))
        hit_range(&field->kinds[kind], 0, field->kinds[kind].count, hit, context);
}

/* What constants of equality can be. */
static bool is_scalar(struct rt_value value)
{
    return value.type == RT_STRING || value.type == RT_BOOL || value.type == RT_NULL ||
           value.type == RT_INT || value.type == RT_UINT || value.type == RT_DOUBLE;
}

/* Few rules may see that the field is not there, and count it. */
static void find_absent(const struct field *field, cep_bucket_fn *hit, void *context)
{
    for (int kind = EXPR_PROBE_STARTS; kind < EXPR_PROBE_KINDS; kind++) {
        if (field->kinds[kind].uses <= FEW_USES)
            hit_range(&field->kinds[kind], 0, field->kinds[kind].count, hit, context);
    }
}

static void find_value(const struct cep_probes *probes, const struct field *field,
                       struct rt_value value, cep_bucket_fn *hit, void *context)
{
    if (field->has_equal && is_scalar(value)) {
        uint64_t hash = hash_of(field->slot, EXPR_PROBE_EQUAL, value);
        const struct entry *entry = find_entry(probes, hash, field->slot, EXPR_PROBE_EQUAL, value);

        if (entry->value.type != RT_ABSENT)
            hit(context, entry->bucket);
    }
    for (int kind = EXPR_PROBE_STARTS; field->is_searched && kind < EXPR_PROBE_KINDS; kind++) {
        if (field->kinds[kind].count > 0)
            find_sorted(field, (enum expr_probe_kind)kind, value, hit, context);
    }
}

void cep_probes_find(const struct cep_probes *probes, const struct rt_event *event,
                     cep_bucket_fn *hit, void *context)
{
    for (size_t i = 0; i < probes->field_count; i++) {
        const struct field *field = &probes->fields[i];
        struct rt_value value = rt_event_at(event, field->slot);

        if (value.type != RT_ABSENT)
            find_value(probes, field, value, hit, context);
        else if (field->is_searched)
            find_absent(field, hit, context);
    }
}
