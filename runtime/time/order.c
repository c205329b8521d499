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
    rt_free(order->queue);
    rt_pool_done(&order->nodes);
    rt_blocks_done(&order->blocks);
    *order = (struct rt_order){0};
}

/* ---- the queue ---- */

static struct rt_order_entry *queue_at(const struct rt_order *order, size_t index)
{
    return &order->queue[(order->head + index) & (order->capacity - 1)];
}

static enum rt_status queue_grow(struct rt_order *order)
{
    size_t capacity = order->capacity == 0 ? FIRST_CAPACITY : 2 * order->capacity;
    struct rt_order_entry *grown = rt_alloc(capacity * sizeof(*grown));

    if (grown == NULL)
        return RT_ERR_NOMEM;
    for (size_t i = 0; i < order->count; i++)
        grown[i] = *queue_at(order, i);
    rt_free(order->queue);
    order->queue = grown;
    order->capacity = capacity;
    order->head = 0;
    return RT_OK;
}

static enum rt_status queue_add(struct rt_order *order, const struct rt_event *kept)
{
    if (order->count == order->capacity) {
        enum rt_status status = queue_grow(order);

        if (status != RT_OK)
            return status;
    }
    *queue_at(order, order->count++) = (struct rt_order_entry){kept->time, kept};
    return RT_OK;
}

/*
 * What waited long has left the cache: an event that will be handed out soon is fetched, which also warms the block that the next
 * new event is going to be copied to.  Behind the block's end this is harmless.
 */
static const struct rt_event *queue_take(struct rt_order *order)
{
    const struct rt_event *event = queue_at(order, 0)->event;

    order->head = (order->head + 1) & (order->capacity - 1);
    order->count--;
    if (order->count > PREFETCH_AHEAD) {
        uintptr_t soon = (uintptr_t)queue_at(order, PREFETCH_AHEAD)->event;

        for (size_t line = 0; line < PREFETCH_LINES; line++)
            RT_PREFETCH((const void *)(soon + line * LINE_BYTES));
    }
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

/* By time, then by sequence, which is not always that of arrival. */
static bool comes_before(const struct rt_order_entry *last, const struct rt_event *event)
{
    return last->time.ms < event->time.ms ||
           (last->time.ms == event->time.ms && last->event->sequence <= event->sequence);
}

enum rt_status rt_order_add(struct rt_order *order, const struct rt_event *event)
{
    const struct rt_event *kept;

    if (rt_order_bytes(order) >= order->bytes_max)
        return RT_ERR_LIMIT;

    enum rt_status status = rt_event_keep(event, event->slot_count, &order->blocks, &kept);

    if (status != RT_OK)
        return status;
    if (order->count == 0 || comes_before(queue_at(order, order->count - 1), kept))
        status = queue_add(order, kept);
    else
        status = wheel_add(order, kept);
    if (status != RT_OK)
        rt_event_release(kept, &order->blocks);
    return status;
}

const struct rt_event *rt_order_next(struct rt_order *order, rt_time until)
{
    const struct rt_order_entry *first = order->count > 0 ? queue_at(order, 0) : NULL;
    struct rt_order_node *node = order->ahead;

    if (node == NULL && order->nodes.in_use > 0)
        node = (struct rt_order_node *)rt_wheel_next(order->wheel, until);
    if (first != NULL && until.ms < first->time.ms)
        first = NULL;
    order->ahead = node;
    if (first != NULL &&
        (node == NULL || first->time.ms < node->timer.deadline.ms ||
         (first->time.ms == node->timer.deadline.ms && first->event->sequence < node->timer.tie)))
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
    rt_event_release(event, &order->blocks);
}

size_t rt_order_peek(const struct rt_order *order, const struct rt_event **out, size_t max)
{
    size_t count = order->count < max ? order->count : max;

    for (size_t i = 0; i < count; i++)
        out[i] = queue_at(order, i)->event;
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

    for (size_t i = 0; i < order->count; i++)
        out[listing.count++] = queue_at(order, i)->event;
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
