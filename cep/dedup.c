/* SPDX-License-Identifier: Apache-2.0 */
#include "cep/dedup.h"

#include <stdint.h>

#include "runtime/base/assert.h"

struct entry {
    struct rt_timer timer; /* first member: an entry is its timer */
    struct rt_hash128 key;
    rt_time until;
};

enum rt_status cep_dedup_init(struct cep_dedup *dedup)
{
    rt_key_table_init(&dedup->table, SIZE_MAX);
    rt_pool_init(&dedup->entries, sizeof(struct entry), SIZE_MAX);
    return rt_wheel_new(&dedup->wheel);
}

void cep_dedup_done(struct cep_dedup *dedup)
{
    rt_wheel_free(dedup->wheel);
    rt_pool_done(&dedup->entries);
    rt_key_table_done(&dedup->table);
    *dedup = (struct cep_dedup){0};
}

static struct rt_text bytes_of(const struct rt_hash128 *key)
{
    return (struct rt_text){(const char *)key, sizeof(*key)};
}

static uint64_t hash_of(const struct rt_hash128 *key)
{
    return key->low == 0 ? 1 : key->low; /* it is a hash already */
}

void cep_dedup_advance(struct cep_dedup *dedup, rt_time now)
{
    struct rt_timer *due;

    if (dedup->table.count == 0)
        return;
    while ((due = rt_wheel_next(dedup->wheel, now)) != NULL) {
        struct entry *entry = (struct entry *)due;
        struct rt_key_line *line =
            rt_key_table_find(&dedup->table, hash_of(&entry->key), bytes_of(&entry->key));

        RT_ASSERT(line != NULL);
        rt_key_table_remove(&dedup->table, line);
        rt_pool_give(&dedup->entries, entry);
    }
}

static struct entry *entry_in(const struct rt_key_line *line)
{
    return (struct entry *)(uintptr_t)line->payload[0];
}

static enum rt_status remember(struct cep_dedup *dedup, struct rt_hash128 key, rt_time until)
{
    struct entry *entry = rt_pool_take(&dedup->entries);
    struct rt_key_line *line;
    enum rt_status status;

    if (entry == NULL)
        return RT_ERR_NOMEM;
    *entry = (struct entry){.key = key, .until = until};
    status = rt_key_table_insert(&dedup->table, hash_of(&key), bytes_of(&entry->key), &line);
    if (status != RT_OK) {
        rt_pool_give(&dedup->entries, entry);
        return status;
    }
    line->payload[0] = (uintptr_t)entry;
    rt_wheel_schedule(dedup->wheel, &entry->timer, until, 0, 0);
    return RT_OK;
}

enum rt_status cep_dedup_check(struct cep_dedup *dedup, struct rt_hash128 key, rt_time time,
                               rt_duration span, bool *out)
{
    struct rt_key_line *line = rt_key_table_find(&dedup->table, hash_of(&key), bytes_of(&key));
    rt_time until = rt_time_plus(time, span);

    if (line == NULL) {
        enum rt_status status = remember(dedup, key, until);

        if (status == RT_OK)
            *out = false;
        return status;
    }

    struct entry *entry = entry_in(line);

    *out = rt_time_before(time, entry->until);
    if (!*out) {
        entry->until = until;
        rt_wheel_schedule(dedup->wheel, &entry->timer, until, 0, 0);
    }
    return RT_OK;
}

size_t cep_dedup_bytes(const struct cep_dedup *dedup)
{
    return rt_key_table_bytes(&dedup->table) + dedup->entries.in_use * dedup->entries.object_size;
}
