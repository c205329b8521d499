/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/checkpoint/cold.h"

#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"
#include "runtime/checkpoint/database.h"

enum {
    REMINDER = 't',
    AFTER_REMINDERS = 't' + 1,
    TIME_BYTES = 8,
    REMINDER_HEAD_BYTES = 1 + TIME_BYTES + 1, /* the entry's key begins with its own prefix */
    ENTRY_HEAD_BYTES = 3,                     /* group and kind */
    BATCH_BYTES = 256 << 10,
    KEY_BYTES_MAX = 1 << 24
};

struct cold {
    struct rt_cold port; /* first */
    struct rt_rocks *rocks;
    struct rt_buffer key;
    struct rt_buffer taken; /* keys of reminders: [length, 4 bytes][key] ... */
    rt_time next_due;       /* no later than the earliest reminder */
    struct rt_buffer *why;
};

static enum rt_status told(struct cold *cold, enum rt_status status)
{
    if (status == RT_ERR_IO && cold->why->length == 0)
        rt_buffer_string(cold->why, rt_rocks_error(cold->rocks));
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

/* ---- reminders ---- */

/* Bytes whose order is the order of times. */
static void add_time(struct rt_buffer *out, rt_time time)
{
    const uint64_t bits = (uint64_t)time.ms ^ (UINT64_C(1) << 63);

    for (unsigned i = TIME_BYTES; i-- > 0;)
        rt_buffer_char(out, (char)(bits >> (8 * i)));
}

static rt_time time_of(struct rt_text key)
{
    uint64_t bits = 0;

    for (unsigned i = 1; i <= TIME_BYTES; i++)
        bits = bits << 8 | (unsigned char)key.data[i];
    return (rt_time){(int64_t)(bits ^ (UINT64_C(1) << 63))};
}

static enum rt_status remind(struct rt_cold *self, const struct rt_entry *id, rt_time due)
{
    struct cold *cold = (struct cold *)self;

    rt_buffer_reset(&cold->key);
    rt_buffer_char(&cold->key, REMINDER);
    add_time(&cold->key, due);
    rt_database_key(id, &cold->key);
    if (cold->key.failed)
        return RT_ERR_NOMEM;
    rt_rocks_put(cold->rocks, rt_buffer_view(&cold->key), (struct rt_text){"", 0});
    if (rt_time_before(due, cold->next_due))
        cold->next_due = due;
    if (rt_rocks_pending(cold->rocks) < BATCH_BYTES)
        return RT_OK;
    return told(cold, rt_rocks_write(cold->rocks));
}

static rt_time next_due(const struct rt_cold *self)
{
    return ((const struct cold *)self)->next_due;
}

static enum rt_status take(struct cold *cold, struct rt_text key)
{
    const uint32_t length = (uint32_t)key.length;

    if (key.length < REMINDER_HEAD_BYTES + ENTRY_HEAD_BYTES)
        return RT_ERR_CORRUPT;
    rt_buffer_add(&cold->taken, (const char *)&length, sizeof(length));
    rt_buffer_text(&cold->taken, key);
    rt_rocks_delete(cold->rocks, key);
    return cold->taken.failed ? RT_ERR_NOMEM : RT_OK;
}

/* Reminders by `until` into `taken`: `count`, and those of the last one's time.  next_due is what comes after them. */
static enum rt_status take_due(struct cold *cold, rt_time until, size_t count, rt_time *reached)
{
    static const char first = REMINDER, last = AFTER_REMINDERS;
    struct rt_rocks_walk *walk;
    struct rt_text key, value;
    enum rt_status status = rt_rocks_walk_new(cold->rocks, (struct rt_text){&first, 1},
                                              (struct rt_text){&last, 1}, &walk);
    rt_time at = until;

    if (status != RT_OK)
        return status;
    *reached = until;
    cold->next_due = RT_TIME_MAX;
    for (size_t taken = 0; (status = rt_rocks_walk_next(walk, &key, &value)) == RT_OK; taken++) {
        rt_time due = time_of(key);

        if (rt_time_before(until, due) || (taken >= count && rt_time_before(at, due))) {
            cold->next_due = due;
            if (!rt_time_before(until, due))
                *reached = at;
            break;
        }
        at = due;
        status = take(cold, key);
        if (status != RT_OK)
            break;
    }
    rt_rocks_walk_free(walk);
    return status == RT_END ? RT_OK : status;
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
        head = (const unsigned char *)at + REMINDER_HEAD_BYTES;
        const struct rt_entry id = {.group = (uint16_t)(head[0] << 8 | head[1]),
                                    .kind = head[2],
                                    .removed = true,
                                    .name = {at + REMINDER_HEAD_BYTES + ENTRY_HEAD_BYTES,
                                             length - REMINDER_HEAD_BYTES - ENTRY_HEAD_BYTES}};

        status = each(context, &id);
        at += length;
    }
    return status;
}

static enum rt_status due(struct rt_cold *self, rt_time until, size_t count, rt_entry_fn *each,
                          void *context, rt_time *reached)
{
    struct cold *cold = (struct cold *)self;
    enum rt_status status = told(cold, rt_rocks_write(cold->rocks));

    rt_buffer_reset(&cold->taken);
    if (status == RT_OK)
        status = told(cold, take_due(cold, until, count, reached));
    if (status == RT_OK)
        status = told(cold, rt_rocks_write(cold->rocks));
    if (status == RT_OK && cold->taken.length > 0)
        status = tell(cold, each, context);
    return status;
}

/* ---- life ---- */

enum rt_status rt_cold_new(struct rt_rocks *rocks, struct rt_buffer *why, struct rt_cold **out)
{
    static const char first = REMINDER, last = AFTER_REMINDERS;
    struct cold *cold = rt_alloc_zeroed(1, sizeof(*cold));
    enum rt_status status;

    if (cold == NULL) {
        rt_rocks_close(rocks);
        return RT_ERR_NOMEM;
    }
    cold->port = (struct rt_cold){.get = get, .remind = remind, .next_due = next_due, .due = due};
    cold->rocks = rocks;
    cold->why = why;
    cold->next_due = RT_TIME_MAX;
    rt_buffer_init(&cold->key, KEY_BYTES_MAX);
    rt_buffer_init(&cold->taken, SIZE_MAX);
    rt_rocks_delete_range(rocks, (struct rt_text){&first, 1}, (struct rt_text){&last, 1});
    status = told(cold, rt_rocks_write(rocks));
    if (status != RT_OK) {
        rt_cold_free(&cold->port);
        return status;
    }
    *out = &cold->port;
    return RT_OK;
}

void rt_cold_free(struct rt_cold *port)
{
    struct cold *cold = (struct cold *)port;

    if (cold == NULL)
        return;
    rt_rocks_close(cold->rocks);
    rt_buffer_done(&cold->key);
    rt_buffer_done(&cold->taken);
    rt_free(cold);
}
