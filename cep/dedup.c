/* SPDX-License-Identifier: Apache-2.0 */
#include "cep/dedup.h"

#include <stdint.h>

#include "runtime/base/assert.h"

struct entry {
    struct rt_timer timer; /* first member: an entry is its timer */
    struct rt_hash128 key;
    rt_time until;     /* the period's end */
    rt_duration extra; /* how long after it the entry is remembered if something was left out */
    uint32_t given;
    uint64_t left_out;
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
    rt_changes_done(&dedup->changes);
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

static void schedule(struct cep_dedup *dedup, struct entry *entry)
{
    rt_time end = entry->left_out == 0 ? entry->until : rt_time_plus(entry->until, entry->extra);

    rt_wheel_schedule(dedup->wheel, &entry->timer, end, 0);
}

static void forget(struct cep_dedup *dedup, struct entry *entry)
{
    struct rt_key_line *line =
        rt_key_table_find(&dedup->table, hash_of(&entry->key), bytes_of(&entry->key));

    RT_ASSERT(line != NULL);
    rt_changes_remove(&dedup->changes, line);
    rt_key_table_remove(&dedup->table, line);
    rt_pool_give(&dedup->entries, entry);
}

void cep_dedup_advance(struct cep_dedup *dedup, rt_time now)
{
    struct rt_timer *due;

    if (dedup->table.count == 0)
        return;
    while ((due = rt_wheel_next(dedup->wheel, now)) != NULL)
        forget(dedup, (struct entry *)due);
}

static struct entry *entry_in(const struct rt_key_line *line)
{
    return (struct entry *)(uintptr_t)line->payload[0];
}

/* The key's entry is not there yet. */
static enum rt_status remember(struct cep_dedup *dedup, const struct entry *fresh, bool is_saved)
{
    struct entry *entry = rt_pool_take(&dedup->entries);
    struct rt_key_line *line;
    enum rt_status status;

    if (entry == NULL)
        return RT_ERR_NOMEM;
    *entry = *fresh;
    status = rt_key_table_insert(&dedup->table, hash_of(&entry->key), bytes_of(&entry->key), &line);
    if (status != RT_OK) {
        rt_pool_give(&dedup->entries, entry);
        return status;
    }
    line->payload[0] = (uintptr_t)entry;
    schedule(dedup, entry);
    if (is_saved)
        rt_changes_set_saved(&dedup->changes, line);
    else
        rt_changes_touch(&dedup->changes, line);
    return RT_OK;
}

enum rt_status cep_dedup_check(struct cep_dedup *dedup, struct rt_hash128 key, rt_time time,
                               const struct cep_dedup_limit *limit, struct cep_dedup_answer *out)
{
    struct rt_key_line *line = rt_key_table_find(&dedup->table, hash_of(&key), bytes_of(&key));
    rt_time until = rt_time_plus(time, limit->span);
    struct entry *entry;

    *out = (struct cep_dedup_answer){.left_out = false};
    if (line == NULL)
        return remember(dedup,
                        &(struct entry){
                            .key = key,
                            .until = until,
                            .extra = limit->tells ? limit->span : (rt_duration){0},
                            .given = 1,
                        },
                        false);
    rt_changes_touch(&dedup->changes, line);
    entry = entry_in(line);
    if (!rt_time_before(time, entry->until)) {
        /* D3: one step may fire timers far behind what is forgotten next. */
        const bool tells =
            limit->tells && rt_time_before(time, rt_time_plus(entry->until, entry->extra));

        out->told = tells ? entry->left_out : 0;
        entry->until = until;
        entry->given = 1;
        entry->left_out = 0;
    } else if (entry->given < limit->max) {
        entry->given++;
        return RT_OK;
    } else {
        out->left_out = true;
        if (entry->left_out++ > 0 || entry->extra.ms == 0)
            return RT_OK; /* it is remembered long enough */
    }
    schedule(dedup, entry);
    return RT_OK;
}

size_t cep_dedup_bytes(const struct cep_dedup *dedup)
{
    return rt_key_table_bytes(&dedup->table) + dedup->entries.in_use * dedup->entries.object_size;
}

/* ---- saved form: until, extra, given, left out ---- */

void cep_dedup_save(const struct rt_key_line *line, struct rt_buffer *out)
{
    const struct entry *entry = entry_in(line);

    rt_form_add_time(out, entry->until);
    rt_form_add_uint(out, (uint64_t)entry->extra.ms);
    rt_form_add_uint(out, entry->given);
    rt_form_add_uint(out, entry->left_out);
}

enum rt_status cep_dedup_load(struct cep_dedup *dedup, struct rt_hash128 key, struct rt_text text)
{
    struct rt_form form = rt_form_of(text);
    struct entry entry = {.key = key};

    entry.until = rt_form_time(&form);
    entry.extra.ms = (int64_t)rt_form_uint_max(&form, INT64_MAX);
    entry.given = (uint32_t)rt_form_uint_max(&form, UINT32_MAX);
    entry.left_out = rt_form_uint(&form);
    if (!rt_form_end(&form) || entry.given == 0 || entry.until.ms == INT64_MIN ||
        rt_key_table_find(&dedup->table, hash_of(&key), bytes_of(&key)) != NULL)
        return RT_ERR_CORRUPT;
    return remember(dedup, &entry, true);
}
