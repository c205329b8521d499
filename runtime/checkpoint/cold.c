/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/checkpoint/cold.h"

#include <stdlib.h>

#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"
#include "runtime/checkpoint/database.h"
#include "runtime/checkpoint/disk.h"

enum {
    REMINDER = 't',
    AFTER_REMINDERS = 't' + 1,
    TIME_BEGIN = 2, /* behind the prefix and the part's number */
    TIME_BYTES = 8,
    HEAD_BYTES = TIME_BEGIN + TIME_BYTES, /* before the entry's key */
    ENTRY_HEAD_BYTES = 3,                 /* group and kind, behind its prefix */
    LOAD_COUNT = 4096,
    HEAP_COUNT_MAX = 4 * LOAD_COUNT, /* but for those of one moment */
    BATCH_BYTES = 256 << 10,
    KEY_BYTES_MAX = 1 << 24
};

struct reminder {
    rt_time due;
    char *id; /* owned; the entry's key in the database */
    size_t length;
};

struct cold {
    struct rt_cold port; /* first */
    struct rt_rocks *rocks;
    struct rt_buffer key;
    struct rt_buffer taken; /* ids that are due: [length, 4 bytes][key] ... */
    /* Reminders up to `near` are in memory, a heap, some thousand; the later ones in the database, none before `far`. */
    struct reminder *heap; /* owned */
    size_t count, capacity;
    rt_time near, far;
    struct rt_buffer why; /* the first failure */
    unsigned number;      /* of the part; 0: the first */
    unsigned part_count;  /* of the first: how many it has given out */
    struct cold *parts;   /* owned; a list */
    struct cold *next;
};

static enum rt_status told(struct cold *cold, enum rt_status status)
{
    if (status == RT_ERR_IO && cold->why.length == 0)
        rt_buffer_string(&cold->why, rt_rocks_error(cold->rocks));
    return status;
}

static enum rt_status get(struct rt_cold *self, const struct rt_entry *id, struct rt_buffer *value)
{
    struct cold *cold = (struct cold *)self;

    rt_buffer_reset(&cold->key);
    rt_database_key(id, &cold->key);
    if (cold->key.failed)
        return RT_ERR_NOMEM;
    return told(cold, rt_rocks_get(cold->rocks, rt_buffer_view(&cold->key), value));
}

/* ---- reminders in memory ---- */

static bool is_before(const struct reminder *a, const struct reminder *b)
{
    return rt_time_before(a->due, b->due);
}

static void swap(struct reminder *a, struct reminder *b)
{
    struct reminder other = *a;

    *a = *b;
    *b = other;
}

static enum rt_status heap_push(struct cold *cold, rt_time due, struct rt_text id)
{
    char *copy;

    if (cold->count == cold->capacity) {
        size_t capacity = cold->capacity == 0 ? LOAD_COUNT : 2 * cold->capacity;
        void *heap = rt_realloc(cold->heap, capacity * sizeof(*cold->heap));

        if (heap == NULL)
            return RT_ERR_NOMEM;
        cold->heap = heap;
        cold->capacity = capacity;
    }
    copy = rt_alloc_text(id.data, id.length);
    if (copy == NULL)
        return RT_ERR_NOMEM;
    cold->heap[cold->count] = (struct reminder){due, copy, id.length};
    for (size_t at = cold->count++; at > 0; at = (at - 1) / 2) {
        if (!is_before(&cold->heap[at], &cold->heap[(at - 1) / 2]))
            break;
        swap(&cold->heap[at], &cold->heap[(at - 1) / 2]);
    }
    return RT_OK;
}

/* The first one; its id is the caller's. */
static struct reminder heap_pop(struct cold *cold)
{
    struct reminder first = cold->heap[0];
    size_t at = 0;

    cold->heap[0] = cold->heap[--cold->count];
    for (;;) {
        size_t least = at;

        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < cold->count; child++)
            least = is_before(&cold->heap[child], &cold->heap[least]) ? child : least;
        if (least == at)
            return first;
        swap(&cold->heap[at], &cold->heap[least]);
        at = least;
    }
}

/* ---- reminders in the database ---- */

/* Bytes whose order is the order of times. */
static void add_time(struct rt_buffer *out, const struct cold *cold, rt_time time)
{
    const uint64_t bits = (uint64_t)time.ms ^ (UINT64_C(1) << 63);

    rt_buffer_char(out, REMINDER);
    rt_buffer_char(out, (char)cold->number);
    for (unsigned i = TIME_BYTES; i-- > 0;)
        rt_buffer_char(out, (char)(bits >> (8 * i)));
}

static rt_time time_of(struct rt_text key)
{
    uint64_t bits = 0;

    for (unsigned i = 0; i < TIME_BYTES; i++)
        bits = bits << 8 | (unsigned char)key.data[TIME_BEGIN + i];
    return (rt_time){(int64_t)(bits ^ (UINT64_C(1) << 63))};
}

/* The reminder whose key is at hand. */
static enum rt_status put_away(struct cold *cold, rt_time due)
{
    rt_rocks_put(cold->rocks, rt_buffer_view(&cold->key), (struct rt_text){"", 0});
    if (rt_time_before(due, cold->far))
        cold->far = due;
    if (rt_rocks_pending(cold->rocks) < BATCH_BYTES)
        return RT_OK;
    return told(cold, rt_rocks_write(cold->rocks));
}

static int by_due(const void *a, const void *b)
{
    const struct reminder *left = a, *right = b;

    return is_before(left, right) ? -1 : is_before(right, left);
}

/* There are too many in memory: only the first stay. */
static enum rt_status shed(struct cold *cold)
{
    enum rt_status status = RT_OK;
    rt_time from;
    size_t count = cold->count;

    qsort(cold->heap, count, sizeof(*cold->heap), by_due); /* what is sorted is a heap */
    from = cold->heap[LOAD_COUNT].due;
    while (status == RT_OK && count > 0 && !rt_time_before(cold->heap[count - 1].due, from)) {
        struct reminder *last = &cold->heap[count - 1];

        rt_buffer_reset(&cold->key);
        add_time(&cold->key, cold, last->due);
        rt_buffer_add(&cold->key, last->id, last->length);
        status = cold->key.failed ? RT_ERR_NOMEM : put_away(cold, last->due);
        if (status != RT_OK)
            break;
        rt_free(last->id);
        count--;
    }
    cold->count = count;
    cold->near = rt_time_plus(from, (rt_duration){-1});
    return status;
}

static enum rt_status remind(struct rt_cold *self, const struct rt_entry *id, rt_time due)
{
    struct cold *cold = (struct cold *)self;
    enum rt_status status = RT_OK;
    struct rt_text key;

    if (cold->count >= HEAP_COUNT_MAX && !rt_time_before(cold->near, due))
        status = shed(cold);
    if (status != RT_OK)
        return status;
    rt_buffer_reset(&cold->key);
    add_time(&cold->key, cold, due);
    rt_database_key(id, &cold->key);
    if (cold->key.failed)
        return RT_ERR_NOMEM;
    if (rt_time_before(cold->near, due))
        return put_away(cold, due);
    key = rt_buffer_view(&cold->key);
    return heap_push(cold, due, (struct rt_text){key.data + HEAD_BYTES, key.length - HEAD_BYTES});
}

static rt_time next_due(const struct rt_cold *self)
{
    const struct cold *cold = (const struct cold *)self;

    return cold->count > 0 && rt_time_before(cold->heap[0].due, cold->far) ? cold->heap[0].due
                                                                           : cold->far;
}

/* Those in memory, or else the first of the others. */
static rt_time soon_of_one(const struct cold *cold)
{
    return cold->count > 0 && rt_time_before(cold->near, cold->far) ? cold->near : cold->far;
}

static rt_time soon(const struct rt_cold *self)
{
    const struct cold *cold = (const struct cold *)self;
    rt_time earliest = soon_of_one(cold);

    for (const struct cold *part = cold->parts; part != NULL; part = part->next) {
        const rt_time other = soon_of_one(part);

        earliest = rt_time_before(other, earliest) ? other : earliest;
    }
    return earliest;
}

/* Some thousand from the walk into memory, and all of the last one's time.  RT_END: there are no more. */
static enum rt_status load_from(struct cold *cold, struct rt_rocks_walk *walk)
{
    struct rt_text key, value;
    enum rt_status status;

    for (size_t loaded = 0; (status = rt_rocks_walk_next(walk, &key, &value)) == RT_OK; loaded++) {
        if (key.length < HEAD_BYTES + ENTRY_HEAD_BYTES)
            return RT_ERR_CORRUPT;

        rt_time due = time_of(key);

        if (loaded >= LOAD_COUNT && rt_time_before(cold->near, due)) {
            cold->far = due;
            return RT_OK;
        }
        cold->near = due;
        status =
            heap_push(cold, due, (struct rt_text){key.data + HEAD_BYTES, key.length - HEAD_BYTES});
        if (status != RT_OK)
            return status;
    }
    return status;
}

/*
 * The next reminders come into memory.  The walk begins where the last one ended: what was removed before it lies in the database's way
 * for a while yet.
 */
static enum rt_status load(struct cold *cold)
{
    const char last[TIME_BEGIN] = {REMINDER, (char)(cold->number + 1)};
    struct rt_rocks_walk *walk = NULL;
    struct rt_buffer from, to;
    enum rt_status status = told(cold, rt_rocks_write(cold->rocks));

    if (status != RT_OK)
        return status;
    rt_buffer_init(&from, HEAD_BYTES + 1);
    rt_buffer_init(&to, HEAD_BYTES + 1);
    add_time(&from, cold, cold->far);
    status = from.failed ? RT_ERR_NOMEM : RT_OK;
    if (status == RT_OK)
        status = rt_rocks_walk_new(cold->rocks, rt_buffer_view(&from),
                                   (struct rt_text){last, sizeof(last)}, &walk);
    if (status == RT_OK) {
        cold->far = RT_TIME_MAX;
        status = told(cold, load_from(cold, walk));
        rt_rocks_walk_free(walk);
    }
    add_time(&to, cold, rt_time_plus(cold->near, (rt_duration){1}));
    if (from.failed || to.failed)
        status = RT_ERR_NOMEM;
    if (status == RT_OK || status == RT_END) {
        rt_rocks_delete_range(cold->rocks, rt_buffer_view(&from), rt_buffer_view(&to));
        status = RT_OK;
    }
    rt_buffer_done(&from);
    rt_buffer_done(&to);
    return status;
}

/* ---- what is due ---- */

static enum rt_status take(struct cold *cold, struct reminder reminder)
{
    const uint32_t length = (uint32_t)reminder.length;

    rt_buffer_add(&cold->taken, (const char *)&length, sizeof(length));
    rt_buffer_add(&cold->taken, reminder.id, reminder.length);
    rt_free(reminder.id);
    return cold->taken.failed ? RT_ERR_NOMEM : RT_OK;
}

static enum rt_status tell(struct cold *cold, rt_entry_fn *each, void *context)
{
    const char *at = cold->taken.data;
    const char *end = at + cold->taken.length;
    enum rt_status status = RT_OK;

    while (at != end && status == RT_OK) {
        const unsigned char *head;
        uint32_t length;

        memcpy(&length, at, sizeof(length));
        at += sizeof(length);
        head = (const unsigned char *)at + 1; /* behind the prefix of entries */
        const struct rt_entry id = {
            .group = (uint16_t)(head[0] << 8 | head[1]),
            .kind = head[2],
            .removed = true,
            .name = {at + 1 + ENTRY_HEAD_BYTES, length - 1 - ENTRY_HEAD_BYTES}};

        status = each(context, &id);
        at += length;
    }
    return status;
}

static enum rt_status due(struct rt_cold *self, rt_time until, size_t count, rt_entry_fn *each,
                          void *context, rt_time *reached)
{
    struct cold *cold = (struct cold *)self;
    enum rt_status status = RT_OK;
    rt_time at = until;

    rt_buffer_reset(&cold->taken);
    while (status == RT_OK && cold->count < count && cold->far.ms != RT_TIME_MAX.ms &&
           !rt_time_before(until, cold->far))
        status = load(cold);
    for (size_t taken = 0; status == RT_OK && cold->count > 0; taken++) {
        rt_time next = cold->heap[0].due;

        if (rt_time_before(until, next) || (taken >= count && rt_time_before(at, next)))
            break;
        at = next;
        status = take(cold, heap_pop(cold));
    }
    *reached =
        next_due(self).ms == RT_TIME_MAX.ms || rt_time_before(until, next_due(self)) ? until : at;
    if (status == RT_OK && cold->taken.length > 0)
        status = tell(cold, each, context);
    return status;
}

/* ---- life ---- */

static enum rt_status part(struct rt_cold *self, struct rt_cold **out);

/* Takes over `rocks`. */
static struct cold *make(struct rt_rocks *rocks)
{
    struct cold *cold = rt_alloc_zeroed(1, sizeof(*cold));

    if (cold == NULL) {
        rt_rocks_close(rocks);
        return NULL;
    }
    cold->port = (struct rt_cold){
        .get = get, .remind = remind, .next_due = next_due, .soon = soon, .due = due, .part = part};
    cold->rocks = rocks;
    cold->near = RT_TIME_MIN;
    cold->far = RT_TIME_MAX;
    rt_buffer_init(&cold->key, KEY_BYTES_MAX);
    rt_buffer_init(&cold->taken, SIZE_MAX);
    rt_buffer_init(&cold->why, RT_DISK_MESSAGE_BYTES_MAX);
    return cold;
}

static enum rt_status part(struct rt_cold *self, struct rt_cold **out)
{
    struct cold *first = (struct cold *)self, *cold;
    struct rt_rocks *rocks;
    enum rt_status status;

    if (first->part_count == RT_COLD_PARTS_MAX)
        return RT_ERR_LIMIT;
    status = rt_rocks_share(first->rocks, &rocks);
    if (status != RT_OK)
        return status;
    cold = make(rocks);
    if (cold == NULL)
        return RT_ERR_NOMEM;
    cold->number = ++first->part_count;
    cold->next = first->parts;
    first->parts = cold;
    *out = &cold->port;
    return RT_OK;
}

enum rt_status rt_cold_new(struct rt_rocks *rocks, struct rt_buffer *why, struct rt_cold **out)
{
    static const char first = REMINDER, last = AFTER_REMINDERS;
    struct cold *cold = make(rocks);
    enum rt_status status;

    if (cold == NULL)
        return RT_ERR_NOMEM;
    rt_rocks_delete_range(rocks, (struct rt_text){&first, 1}, (struct rt_text){&last, 1});
    status = told(cold, rt_rocks_write(rocks));
    if (status != RT_OK) {
        rt_buffer_text(why, rt_buffer_view(&cold->why));
        rt_cold_free(&cold->port);
        return status;
    }
    *out = &cold->port;
    return RT_OK;
}

const char *rt_cold_error(const struct rt_cold *port)
{
    const struct cold *cold = (const struct cold *)port;

    if (cold->why.length > 0)
        return cold->why.data;
    for (const struct cold *each = cold->parts; each != NULL; each = each->next) {
        if (each->why.length > 0)
            return each->why.data;
    }
    return "";
}

static void free_one(struct cold *cold)
{
    rt_rocks_close(cold->rocks);
    for (size_t i = 0; i < cold->count; i++)
        rt_free(cold->heap[i].id);
    rt_free(cold->heap);
    rt_buffer_done(&cold->key);
    rt_buffer_done(&cold->taken);
    rt_buffer_done(&cold->why);
    rt_free(cold);
}

void rt_cold_free(struct rt_cold *port)
{
    struct cold *cold = (struct cold *)port;

    if (cold == NULL)
        return;
    while (cold->parts != NULL) {
        struct cold *part = cold->parts;

        cold->parts = part->next;
        free_one(part);
    }
    free_one(cold);
}
