/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/time/order.h"

#include <stdlib.h>

#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"

enum { FIRST_CAPACITY = 64, PREFETCH_AHEAD = 8, PREFETCH_LINES = 6, LINE_BYTES = 64 };

struct rt_order_node {
    struct rt_timer timer; /* first: the wheel hands out its address */
    const struct rt_event *event;
};

enum rt_status rt_order_init(struct rt_order *order, size_t bytes_max)
{
    *order = (struct rt_order){.bytes_max = bytes_max};
    rt_blocks_init(&order->blocks, bytes_max);
    rt_pool_init(&order->nodes, sizeof(struct rt_order_node), SIZE_MAX);
    return rt_wheel_new(&order->wheel);
}

void rt_order_done(struct rt_order *order)
{
    const struct rt_event *event;

    /* One by one: a block above the largest class is an allocation of its own. */
    while (order->wheel != NULL && (event = rt_order_next(order, RT_TIME_MAX)) != NULL)
        rt_order_release(order, event);
    rt_wheel_free(order->wheel);
    for (uint32_t i = 0; i < order->lane_count; i++)
        rt_free(order->lanes[i].queue);
    rt_free(order->lanes);
    rt_free(order->heads);
    rt_pool_done(&order->nodes);
    rt_blocks_done(&order->blocks);
    *order = (struct rt_order){0};
}

/* ---- the heads of the lanes ---- */

static bool head_before(const struct rt_order_head *a, const struct rt_order_head *b)
{
    return a->time.ms < b->time.ms || (a->time.ms == b->time.ms && a->sequence < b->sequence);
}

static void sift_up(struct rt_order *order, size_t at)
{
    struct rt_order_head head = order->heads[at];

    for (; at > 0 && head_before(&head, &order->heads[(at - 1) / 2]); at = (at - 1) / 2)
        order->heads[at] = order->heads[(at - 1) / 2];
    order->heads[at] = head;
}

static void sift_down(struct rt_order *order, size_t at)
{
    struct rt_order_head head = order->heads[at];

    for (;;) {
        size_t least = 2 * at + 1;

        if (least >= order->head_count)
            break;
        if (least + 1 < order->head_count &&
            head_before(&order->heads[least + 1], &order->heads[least]))
            least++;
        if (!head_before(&order->heads[least], &head))
            break;
        order->heads[at] = order->heads[least];
        at = least;
    }
    order->heads[at] = head;
}

/* ---- the queue of a lane ---- */

static struct rt_order_entry *queue_at(const struct rt_order_lane *lane, size_t index)
{
    return &lane->queue[(lane->head + index) & (lane->capacity - 1)];
}

static enum rt_status queue_grow(struct rt_order_lane *lane)
{
    size_t capacity = lane->capacity == 0 ? FIRST_CAPACITY : 2 * lane->capacity;
    struct rt_order_entry *grown = rt_alloc(capacity * sizeof(*grown));

    if (grown == NULL)
        return RT_ERR_NOMEM;
    for (size_t i = 0; i < lane->count; i++)
        grown[i] = *queue_at(lane, i);
    rt_free(lane->queue);
    lane->queue = grown;
    lane->capacity = capacity;
    lane->head = 0;
    return RT_OK;
}

static enum rt_status queue_add(struct rt_order *order, uint32_t number,
                                const struct rt_order_entry *entry)
{
    struct rt_order_lane *lane = &order->lanes[number];

    if (lane->count == lane->capacity) {
        enum rt_status status = queue_grow(lane);

        if (status != RT_OK)
            return status;
    }
    *queue_at(lane, lane->count++) = *entry;
    order->count++;
    if (lane->count == 1) {
        order->heads[order->head_count] =
            (struct rt_order_head){entry->time, entry->sequence, number};
        sift_up(order, order->head_count++);
    }
    return RT_OK;
}

/* The lane of the least head has another head now, or none. */
static void settle_least(struct rt_order *order)
{
    struct rt_order_head *least = &order->heads[0];
    const struct rt_order_lane *lane = &order->lanes[least->lane];

    if (lane->count == 0) {
        *least = order->heads[--order->head_count];
    } else {
        least->time = queue_at(lane, 0)->time;
        least->sequence = queue_at(lane, 0)->sequence;
    }
    if (order->head_count > 1)
        sift_down(order, 0);
}

/*
 * What waited long has left the cache: an event that will be handed out soon is fetched, which also warms the block that the next
 * new event is going to be copied to.  Behind the block's end this is harmless.
 */
static void fetch(const struct rt_order_entry *soon)
{
    if (!soon->is_kept)
        return;
    for (size_t line = 0; line < PREFETCH_LINES; line++)
        RT_PREFETCH((const void *)((uintptr_t)soon->event + line * LINE_BYTES));
}

static const struct rt_event *queue_take(struct rt_order *order)
{
    struct rt_order_lane *lane = &order->lanes[order->heads[0].lane];
    const struct rt_event *event = queue_at(lane, 0)->event;

    lane->head = (lane->head + 1) & (lane->capacity - 1);
    lane->count--;
    order->count--;
    if (lane->count > PREFETCH_AHEAD)
        fetch(queue_at(lane, PREFETCH_AHEAD));
    settle_least(order);
    return event;
}

/* ---- the wheel ---- */

static enum rt_status wheel_add(struct rt_order *order, const struct rt_event *kept)
{
    struct rt_order_node *node = rt_pool_take(&order->nodes);

    if (node == NULL)
        return RT_ERR_NOMEM;
    *node = (struct rt_order_node){.event = kept};
    rt_wheel_schedule(order->wheel, &node->timer, kept->time, kept->sequence);
    return RT_OK;
}

/* ---- interface ---- */

static enum rt_status make_lane(struct rt_order *order, uint32_t lane)
{
    uint32_t count = lane + 1;
    void *lanes = rt_realloc(order->lanes, count * sizeof(*order->lanes));

    if (lanes == NULL)
        return RT_ERR_NOMEM;
    order->lanes = lanes;

    void *heads = rt_realloc(order->heads, count * sizeof(*order->heads));

    if (heads == NULL)
        return RT_ERR_NOMEM;
    order->heads = heads;
    while (order->lane_count < count)
        order->lanes[order->lane_count++] = (struct rt_order_lane){0};
    return RT_OK;
}

/* By time, then by sequence, which is not always that of arrival. */
static bool is_in_order(const struct rt_order_lane *lane, const struct rt_event *event)
{
    if (lane->count == 0)
        return true;

    const struct rt_order_entry *last = queue_at(lane, lane->count - 1);

    return last->time.ms < event->time.ms ||
           (last->time.ms == event->time.ms && last->sequence <= event->sequence);
}

enum rt_status rt_order_add(struct rt_order *order, uint32_t lane, const struct rt_event *event)
{
    struct rt_order_entry entry = {event->time, event->sequence, event, false};
    enum rt_status status = RT_OK;

    if (rt_order_bytes(order) >= order->bytes_max)
        return RT_ERR_LIMIT;
    if (lane >= order->lane_count)
        status = make_lane(order, lane);
    if (status != RT_OK)
        return status;

    bool in_order = is_in_order(&order->lanes[lane], event);

    if (!order->lending || !in_order) {
        status = rt_event_keep(event, event->slot_count, &order->blocks, &entry.event);
        entry.is_kept = true;
    }
    if (status != RT_OK)
        return status;
    status = in_order ? queue_add(order, lane, &entry) : wheel_add(order, entry.event);
    if (status != RT_OK && entry.is_kept)
        rt_event_release(entry.event, &order->blocks);
    return status;
}

/* ---- lending ---- */

void rt_order_lend(struct rt_order *order)
{
    order->lending = true;
}

/* How many at the end of the lane are lent. */
static size_t lent_count(const struct rt_order_lane *lane)
{
    size_t count = 0;

    while (count < lane->count && !queue_at(lane, lane->count - 1 - count)->is_kept)
        count++;
    return count;
}

static enum rt_status keep_lent(struct rt_order *order, struct rt_order_lane *lane)
{
    size_t lent = lent_count(lane);
    enum rt_status status = RT_OK;

    for (size_t i = lane->count - lent; i < lane->count && status == RT_OK; i++) {
        struct rt_order_entry *entry = queue_at(lane, i);

        status =
            rt_event_keep(entry->event, entry->event->slot_count, &order->blocks, &entry->event);
        entry->is_kept = status == RT_OK;
    }
    return status;
}

/* The caller's events are gone in a moment, and are not to be found here any more. */
static void forget_lent(struct rt_order *order)
{
    order->head_count = 0;
    for (uint32_t i = 0; i < order->lane_count; i++) {
        struct rt_order_lane *lane = &order->lanes[i];
        size_t lent = lent_count(lane);

        lane->count -= lent;
        order->count -= lent;
        if (lane->count == 0)
            continue;
        order->heads[order->head_count] =
            (struct rt_order_head){queue_at(lane, 0)->time, queue_at(lane, 0)->sequence, i};
        sift_up(order, order->head_count++);
    }
}

enum rt_status rt_order_keep(struct rt_order *order)
{
    enum rt_status status = RT_OK;

    order->lending = false;
    for (uint32_t i = 0; i < order->head_count && status == RT_OK; i++)
        status = keep_lent(order, &order->lanes[order->heads[i].lane]);
    if (status != RT_OK)
        forget_lent(order);
    return status;
}

/* ---- coming out ---- */

const struct rt_event *rt_order_next(struct rt_order *order, rt_time until)
{
    const struct rt_order_head *first = order->head_count > 0 ? &order->heads[0] : NULL;
    struct rt_order_node *node = order->ahead;

    if (node == NULL && order->nodes.in_use > 0)
        node = (struct rt_order_node *)rt_wheel_next(order->wheel, until);
    if (first != NULL && until.ms < first->time.ms)
        first = NULL;
    order->ahead = node;
    if (first != NULL &&
        (node == NULL || first->time.ms < node->timer.deadline.ms ||
         (first->time.ms == node->timer.deadline.ms && first->sequence < node->timer.tie)))
        return queue_take(order);
    if (node == NULL)
        return NULL;

    const struct rt_event *event = node->event;

    order->ahead = NULL;
    rt_pool_give(&order->nodes, node);
    return event;
}

void rt_order_release(struct rt_order *order, const struct rt_event *event)
{
    if (event->references > 0)
        rt_event_release(event, &order->blocks);
}

static bool entry_before(const struct rt_order_entry *a, const struct rt_order_entry *b)
{
    return a->time.ms < b->time.ms || (a->time.ms == b->time.ms && a->sequence < b->sequence);
}

/* With many lanes those that come first in the heap stand for all: it is only a hint. */
size_t rt_order_peek(const struct rt_order *order, const struct rt_event **out, size_t max)
{
    enum { LANES = 4 };
    size_t lanes = order->head_count < LANES ? order->head_count : LANES;
    size_t at[LANES] = {0}, count = 0;

    while (count < max) {
        const struct rt_order_entry *least = NULL;
        size_t from = 0;

        for (size_t i = 0; i < lanes; i++) {
            const struct rt_order_lane *lane = &order->lanes[order->heads[i].lane];
            const struct rt_order_entry *entry = at[i] < lane->count ? queue_at(lane, at[i]) : NULL;

            if (entry == NULL || (least != NULL && !entry_before(entry, least)))
                continue;
            least = entry;
            from = i;
        }
        if (least == NULL)
            break;
        at[from]++;
        out[count++] = least->event;
    }
    return count;
}

struct listing {
    const struct rt_event **out;
    size_t count;
};

static void list_node(void *context, struct rt_timer *timer)
{
    struct listing *listing = context;

    listing->out[listing->count++] = ((const struct rt_order_node *)timer)->event;
}

static int compare(const void *left, const void *right)
{
    const struct rt_event *a = *(const struct rt_event *const *)left;
    const struct rt_event *b = *(const struct rt_event *const *)right;

    if (a->time.ms != b->time.ms)
        return a->time.ms < b->time.ms ? -1 : 1;
    return a->sequence < b->sequence ? -1 : a->sequence > b->sequence;
}

void rt_order_list(const struct rt_order *order, const struct rt_event **out)
{
    struct listing listing = {.out = out};

    for (uint32_t i = 0; i < order->lane_count; i++)
        for (size_t n = 0; n < order->lanes[i].count; n++)
            out[listing.count++] = queue_at(&order->lanes[i], n)->event;
    rt_wheel_each(order->wheel, list_node, &listing);
    if (order->ahead != NULL)
        out[listing.count++] = order->ahead->event;
    RT_ASSERT(listing.count == rt_order_count(order));
    if (listing.count > 0)
        qsort(out, listing.count, sizeof(const struct rt_event *), compare);
}

size_t rt_order_count(const struct rt_order *order)
{
    return order->count + order->nodes.in_use;
}

size_t rt_order_bytes(const struct rt_order *order)
{
    return order->blocks.bytes_in_use + order->nodes.in_use * order->nodes.object_size +
           order->count * sizeof(struct rt_order_entry);
}
