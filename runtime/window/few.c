/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A window of few events: a list of what its aggregates take of each, oldest first, in one block.
 *
 *     record   [time][arrival 48 | bits 16][value][value] ...
 *
 * W1  A count takes a bit, a keyed one its key (0: nothing), any other a value.
 * W2  Whatever is asked for is computed from the list; at most few_max events are folded.
 */
#include <math.h>
#include <string.h>

#include "runtime/base/assert.h"
#include "runtime/event/value_form.h"
#include "runtime/window/layout.h"
#include "runtime/window/sketch.h"

enum {
    EVENTS_MAX = 16,
    EVENTS_MIN = 4,
    BYTES_MAX = 512,
    RECORD_WORDS_MAX = 2 + 2 * RT_WINDOW_AGGREGATES_MAX
};

uint64_t rt_few_key(enum rt_aggregate function, struct rt_value value)
{
    return function == RT_AGGREGATE_COUNT_DISTINCT ? rt_sketch_hash(value)
                                                   : rt_sketch_bucket(value);
}

void rt_few_shape_init(struct rt_window_shape *shape)
{
    static const uint32_t words[] = {[RT_FEW_BIT] = 0, [RT_FEW_KEY] = 1, [RT_FEW_VALUE] = 2};
    uint32_t bits = 0, at = 0;

    for (uint32_t i = 0; i < shape->aggregate_count; i++) {
        struct rt_window_aggregate *aggregate = &shape->aggregates[i];
        enum rt_few_part part = rt_few_part_of(aggregate->function);

        aggregate->few_place = part == RT_FEW_BIT ? bits++ : at;
        at += words[part];
    }
    shape->few_bytes = (uint32_t)sizeof(struct rt_few_record) + at * (uint32_t)sizeof(uint64_t);
    shape->few_max = BYTES_MAX / shape->few_bytes;
    if (shape->few_max > EVENTS_MAX)
        shape->few_max = EVENTS_MAX;
    if (shape->few_max < EVENTS_MIN)
        shape->few_max = EVENTS_MIN;
    /* One pane without parts is as small as it gets. */
    if ((!shape->is_queue && shape->part_count == 0) || shape->is_early || bits > RT_FEW_BITS)
        shape->few_max = 0;
    shape->begins_few = shape->few_max > 0 && shape->panes_max >= shape->few_max;
}

static struct rt_value value_at(const struct rt_few_record *record,
                                const struct rt_window_aggregate *aggregate)
{
    struct rt_value value;

    switch (rt_few_part_of(aggregate->function)) {
    case RT_FEW_BIT:
        if ((record->mark >> (RT_FEW_SHIFT + aggregate->few_place) & 1) != 0)
            return rt_bool(true);
        return (struct rt_value){.type = RT_ABSENT};
    case RT_FEW_KEY:
        if (record->values[aggregate->few_place] != 0)
            return rt_uint(record->values[aggregate->few_place]);
        return (struct rt_value){.type = RT_ABSENT};
    case RT_FEW_VALUE:
        break;
    }
    memcpy(&value, &record->values[aggregate->few_place], sizeof(value));
    return value;
}

void rt_few_values(const struct rt_window_shape *shape, const struct rt_few_record *record,
                   struct rt_value *values)
{
    for (uint32_t i = 0; i < shape->aggregate_count; i++)
        values[i] = value_at(record, &shape->aggregates[i]);
}

/* ---- adding ---- */

static void release_record(const struct rt_window_shape *shape, const struct rt_few_record *record,
                           struct rt_blocks *blocks)
{
    for (uint32_t i = 0; i < shape->aggregate_count; i++) {
        if (rt_few_part_of(shape->aggregates[i].function) == RT_FEW_VALUE)
            rt_cell_release(value_at(record, &shape->aggregates[i]), blocks);
    }
}

/* A failure leaves nothing behind. */
static enum rt_status make_record(const struct rt_window_shape *shape, struct rt_blocks *blocks,
                                  const struct rt_value *values, struct rt_few_record *record)
{
    memset(record->values, 0, shape->few_bytes - sizeof(*record));
    for (uint32_t i = 0; i < shape->aggregate_count; i++) {
        const struct rt_window_aggregate *aggregate = &shape->aggregates[i];
        enum rt_few_part part = rt_few_part_of(aggregate->function);
        struct rt_value kept;

        if (values[i].type == RT_ABSENT)
            continue;
        if (part == RT_FEW_BIT) {
            record->mark |= UINT64_C(1) << (RT_FEW_SHIFT + aggregate->few_place);
        } else if (part == RT_FEW_KEY) {
            record->values[aggregate->few_place] = values[i].u.natural;
        } else if (rt_cell_keep(values[i], blocks, &kept) == RT_OK) {
            memcpy(&record->values[aggregate->few_place], &kept, sizeof(kept));
        } else {
            release_record(shape, record, blocks);
            return RT_ERR_NOMEM;
        }
    }
    return RT_OK;
}

static void give_block(const struct rt_window_shape *shape, struct rt_few *few,
                       struct rt_blocks *blocks)
{
    if (few != NULL && few->head.few_capacity != RT_FEW_BORROWED)
        rt_blocks_give(blocks, few, rt_few_size(shape, few->head.few_capacity));
}

/* Room for one more; a new list when there is none. */
static struct rt_few *with_room(const struct rt_window_shape *shape, struct rt_few *few,
                                struct rt_blocks *blocks)
{
    uint32_t capacity = 1;
    struct rt_few *larger;

    if (few != NULL && few->head.few_capacity != RT_FEW_BORROWED &&
        few->head.few_count < few->head.few_capacity)
        return few;
    if (few != NULL && few->head.few_count > 0)
        capacity =
            few->head.few_count * 2u < shape->few_max ? few->head.few_count * 2u : shape->few_max;
    larger = rt_blocks_take(blocks, rt_few_size(shape, capacity));
    if (larger == NULL)
        return NULL;
    if (few == NULL)
        larger->head = (struct rt_window){.is_few = true};
    else
        memcpy(larger, few, rt_few_size(shape, few->head.few_count));
    larger->head.few_capacity = (uint8_t)capacity;
    give_block(shape, few, blocks);
    return larger;
}

enum rt_status rt_few_add(const struct rt_window_shape *shape, struct rt_few **place,
                          struct rt_blocks *blocks, rt_time time, uint64_t sequence,
                          const struct rt_value *values)
{
    uint64_t scratch[RECORD_WORDS_MAX];
    struct rt_few_record *record = (struct rt_few_record *)(void *)scratch;
    const bool is_fresh = *place == NULL;
    const bool is_over =
        !is_fresh && shape->kind == RT_WINDOW_COUNT && (*place)->head.few_count == shape->count;
    struct rt_few *few;

    if (!is_fresh && !is_over && (*place)->head.few_count == shape->few_max)
        return RT_AGAIN;
    record->time = time;
    record->mark = sequence & RT_FEW_SEQUENCE_MASK;
    if (make_record(shape, blocks, values, record) != RT_OK)
        return RT_ERR_NOMEM;
    if (is_over)
        rt_few_drop(shape, *place, blocks, (uint32_t)shape->every);
    few = with_room(shape, *place, blocks);
    if (few == NULL) {
        release_record(shape, record, blocks);
        return RT_ERR_NOMEM;
    }
    memcpy(rt_few_at(shape, few, few->head.few_count), record, shape->few_bytes);
    if (is_fresh && (shape->kind == RT_WINDOW_TUMBLING || shape->kind == RT_WINDOW_HOPPING))
        few->head.close = rt_span_end(shape, time);
    few->head.few_count++;
    *place = few;
    return RT_OK;
}

void rt_few_drop(const struct rt_window_shape *shape, struct rt_few *few, struct rt_blocks *blocks,
                 uint32_t count)
{
    RT_ASSERT(count <= few->head.few_count);
    for (uint32_t i = 0; i < count; i++)
        release_record(shape, rt_few_at(shape, few, i), blocks);
    few->head.few_count = (uint8_t)(few->head.few_count - count);
    memmove(few->records, rt_few_at(shape, few, count),
            (size_t)few->head.few_count * shape->few_bytes);
}

void rt_few_free(const struct rt_window_shape *shape, struct rt_few *few, struct rt_blocks *blocks)
{
    for (uint32_t i = 0; i < few->head.few_count; i++)
        release_record(shape, rt_few_at(shape, few, i), blocks);
    give_block(shape, few, blocks);
}

/* ---- reading ---- */

static uint64_t key_at(const struct rt_window_shape *shape, const struct rt_few *few, uint32_t at,
                       const struct rt_window_aggregate *aggregate)
{
    return rt_few_at(shape, few, at)->values[aggregate->few_place];
}

static struct rt_value count_of(const struct rt_window_shape *shape, const struct rt_few *few,
                                const struct rt_window_aggregate *aggregate)
{
    uint64_t count = 0;

    for (uint32_t i = 0; i < few->head.few_count; i++)
        count += rt_few_at(shape, few, i)->mark >> (RT_FEW_SHIFT + aggregate->few_place) & 1;
    return aggregate->function == RT_AGGREGATE_COUNT
               ? rt_int((int64_t)count)
               : rt_double((double)count / ((double)shape->rate_size.ms / 1000));
}

static struct rt_value distinct_of(const struct rt_window_shape *shape, const struct rt_few *few,
                                   const struct rt_window_aggregate *aggregate)
{
    int64_t distinct = 0;

    for (uint32_t i = 0; i < few->head.few_count; i++) {
        const uint64_t key = key_at(shape, few, i, aggregate);
        bool is_new = key != 0;

        for (uint32_t j = 0; is_new && j < i; j++)
            is_new = key_at(shape, few, j, aggregate) != key;
        distinct += is_new;
    }
    return rt_int(distinct);
}

static struct rt_value quantile_of(const struct rt_window_shape *shape, const struct rt_few *few,
                                   const struct rt_window_aggregate *aggregate)
{
    uint64_t sorted[EVENTS_MAX];
    uint32_t count = 0;

    for (uint32_t i = 0; i < few->head.few_count; i++) {
        const uint64_t key = key_at(shape, few, i, aggregate);
        uint32_t at = count;

        if (key == 0)
            continue;
        for (; at > 0 && sorted[at - 1] > key; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = key;
        count++;
    }
    if (count == 0)
        return rt_null();
    return rt_double(
        rt_sketch_value(sorted[(uint32_t)floor(aggregate->quantile * (double)(count - 1))]));
}

static struct rt_value fold(const struct rt_window_shape *shape, const struct rt_few *few,
                            const struct rt_window_aggregate *aggregate, struct rt_blocks *blocks)
{
    static const struct rt_cell empty = {.count = 0};
    const enum rt_aggregate function = aggregate->function;
    struct rt_cell all = {.count = 0}, one;

    for (uint32_t i = 0; i < few->head.few_count; i++) {
        const struct rt_value value = value_at(rt_few_at(shape, few, i), aggregate);

        if (value.type == RT_ABSENT)
            continue;
        if (function == RT_AGGREGATE_FIRST)
            return value;
        if (function == RT_AGGREGATE_LAST) {
            all = (struct rt_cell){.count = 1, .u.value = value};
            continue;
        }
        (void)rt_cell_of(function, value, blocks, &one); /* a number: nothing is taken */
        rt_cell_merge(function, &all, &one, blocks);
    }
    return rt_cell_outcome(function, &all, &empty, 0);
}

static struct rt_value collect_of(const struct rt_window_shape *shape, const struct rt_few *few,
                                  const struct rt_window_aggregate *aggregate)
{
    struct rt_value *items = shape->lists + aggregate->list_place;
    uint32_t at = aggregate->items;

    for (uint32_t i = few->head.few_count; i-- > 0 && at > 0;) {
        const struct rt_value value = value_at(rt_few_at(shape, few, i), aggregate);

        if (value.type != RT_ABSENT)
            items[--at] = value;
    }
    return (struct rt_value){
        .type = RT_LIST, .length = aggregate->items - at, .u.items = items + at};
}

/* Whether value `i` is more frequent than `j`, or as frequent and less. */
static bool is_before(const struct rt_value *values, const uint32_t *times, uint32_t i, uint32_t j)
{
    return times[i] != times[j] ? times[i] > times[j] : rt_topk_compare(values[i], values[j]) < 0;
}

static struct rt_value topk_of(const struct rt_window_shape *shape, const struct rt_few *few,
                               const struct rt_window_aggregate *aggregate)
{
    struct rt_value *items = shape->lists + aggregate->list_place;
    struct rt_value values[EVENTS_MAX];
    uint32_t times[EVENTS_MAX], sorted[EVENTS_MAX];
    uint32_t count = 0;

    for (uint32_t i = 0; i < few->head.few_count; i++) {
        const struct rt_value value = value_at(rt_few_at(shape, few, i), aggregate);
        uint32_t same = 0;

        if (value.type == RT_ABSENT)
            continue;
        while (same < count && rt_sketch_hash(values[same]) != rt_sketch_hash(value))
            same++;
        if (same == count) {
            values[count] = value;
            times[count++] = 0;
        }
        times[same]++;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = i;

        for (; at > 0 && is_before(values, times, i, sorted[at - 1]); at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = i;
    }
    if (count > aggregate->items)
        count = aggregate->items;
    for (uint32_t i = 0; i < count; i++)
        items[i] = values[sorted[i]];
    return (struct rt_value){.type = RT_LIST, .length = count, .u.items = items};
}

void rt_few_read(const struct rt_window_shape *shape, const struct rt_few *few,
                 struct rt_blocks *blocks, uint32_t wanted, struct rt_value *out)
{
    for (uint32_t i = 0; i < shape->aggregate_count; i++) {
        const struct rt_window_aggregate *aggregate = &shape->aggregates[i];

        if ((wanted >> i & 1) == 0)
            continue;
        switch (aggregate->function) {
        case RT_AGGREGATE_COUNT:
        case RT_AGGREGATE_RATE:
            out[i] = count_of(shape, few, aggregate);
            break;
        case RT_AGGREGATE_COUNT_DISTINCT:
            out[i] = distinct_of(shape, few, aggregate);
            break;
        case RT_AGGREGATE_QUANTILE:
            out[i] = quantile_of(shape, few, aggregate);
            break;
        case RT_AGGREGATE_TOPK:
            out[i] = topk_of(shape, few, aggregate);
            break;
        case RT_AGGREGATE_COLLECT:
            out[i] = collect_of(shape, few, aggregate);
            break;
        default:
            out[i] = fold(shape, few, aggregate, blocks);
            break;
        }
    }
}

/* ---- the saved form ---- */

static void save_value(struct rt_value value, struct rt_buffer *out)
{
    rt_form_add_bool(out, value.type != RT_ABSENT);
    if (value.type != RT_ABSENT)
        rt_value_add_form(value, out);
}

void rt_few_save(const struct rt_window_shape *shape, const struct rt_few *few,
                 struct rt_buffer *out)
{
    rt_form_add_uint(out, few->head.few_count);
    for (uint32_t i = 0; i < few->head.few_count; i++) {
        const struct rt_few_record *record = rt_few_at(shape, few, i);

        rt_form_add_time(out, record->time);
        rt_form_add_uint(out, rt_few_sequence(record));
        rt_form_add_uint(out, record->mark >> RT_FEW_SHIFT);
        for (uint32_t j = 0; j < shape->aggregate_count; j++) {
            const struct rt_window_aggregate *aggregate = &shape->aggregates[j];

            if (rt_few_part_of(aggregate->function) == RT_FEW_KEY)
                rt_form_add_fixed(out, record->values[aggregate->few_place]);
            else if (rt_few_part_of(aggregate->function) == RT_FEW_VALUE)
                save_value(value_at(record, aggregate), out);
        }
    }
}

static enum rt_status load_values(const struct rt_window_shape *shape, struct rt_value *values,
                                  struct rt_form *form)
{
    const uint64_t bits = rt_form_uint_max(form, (1 << RT_FEW_BITS) - 1);

    for (uint32_t i = 0; i < shape->aggregate_count; i++) {
        const struct rt_window_aggregate *aggregate = &shape->aggregates[i];
        enum rt_status status = RT_OK;

        values[i] = (struct rt_value){.type = RT_ABSENT};
        switch (rt_few_part_of(aggregate->function)) {
        case RT_FEW_BIT:
            if ((bits >> aggregate->few_place & 1) != 0)
                values[i] = rt_bool(true);
            break;
        case RT_FEW_KEY:
            values[i] = rt_uint(rt_form_fixed(form));
            if (values[i].u.natural == 0)
                values[i].type = RT_ABSENT;
            else if (aggregate->function == RT_AGGREGATE_QUANTILE &&
                     !rt_sketch_is_bucket(values[i].u.natural))
                rt_form_fail(form, "a quantile's key that is no bucket");
            break;
        case RT_FEW_VALUE:
            if (rt_form_bool(form))
                status = rt_cell_load_value(aggregate->function, form, &values[i]);
            break;
        }
        if (status != RT_OK)
            return status;
    }
    return rt_form_failed(form) ? RT_ERR_CORRUPT : RT_OK;
}

enum rt_status rt_few_load(const struct rt_window_shape *shape, struct rt_few **few,
                           struct rt_blocks *blocks, struct rt_form *form)
{
    const uint64_t count = rt_form_uint_max(form, shape->few_max);
    struct rt_value values[RT_WINDOW_AGGREGATES_MAX];
    rt_time after = RT_TIME_FIRST;
    enum rt_status status = RT_OK;

    for (uint64_t i = 0; status == RT_OK && i < count; i++) {
        const rt_time time = rt_form_time(form);
        const uint64_t sequence = rt_form_uint_max(form, RT_FEW_SEQUENCE_MASK);

        if (rt_time_before(time, after) || rt_time_before(RT_TIME_LAST, time))
            rt_form_fail(form, "events that are not in order of time");
        after = time;
        status = load_values(shape, values, form);
        if (status == RT_OK)
            status = rt_few_add(shape, few, blocks, time, sequence, values);
        if (status == RT_AGAIN)
            status = RT_ERR_CORRUPT;
    }
    return status == RT_OK && rt_form_failed(form) ? RT_ERR_CORRUPT : status;
}
