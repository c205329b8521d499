/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The port by which an engine is saved (runtime/operator.h).
 *
 *     freeze       the lists of changed lines of all tables change places; the header is written
 *     save_some    names of removed keys, then what was written early, then lines one by one, as far as the budget goes
 *     a change     of a line that is frozen: it is written to `early` first (keyed.c, cep_key_touch)
 */
#include "cep/save.h"

#include "cep/save_state.h"
#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"

enum {
    ENTRY_BYTES_MAX = 1 << 30,
    ERROR_BYTES_MAX = 4096,
    EARLY_BYTES_KEPT = 1 << 20, /* of an early buffer that is empty */
    ENTRY_OVERHEAD = 16,        /* of an entry, as the budget counts it */
    LINES_AT_ONCE = 16
};

static struct cep_engine *engine_of(const struct rt_memory *port)
{
    return ((const struct cep_memory *)port)->engine; /* its first member */
}

enum rt_status cep_saving_failed(struct cep_engine *engine, enum rt_status status, const char *why)
{
    rt_buffer_reset(&engine->error);
    rt_buffer_string(&engine->error, why);
    return status;
}

const char *cep_change_name(enum cep_change change)
{
    static const char *const names[] = {[CEP_CHANGE_KEEP] = "keep",
                                        [CEP_CHANGE_EDIT] = "edit",
                                        [CEP_CHANGE_RESTART] = "restart",
                                        [CEP_CHANGE_DROP] = "drop",
                                        [CEP_CHANGE_NEW] = "new"};

    return names[change];
}

/* ---- tables ---- */

/* The tables that are saved: one a keying, then that of dedup. */
static uint32_t table_count(const struct cep_engine *engine)
{
    return engine->plan->keying_count + 1;
}

static struct rt_changes *changes_of(struct cep_engine *engine, uint32_t table)
{
    return table < engine->plan->keying_count ? &engine->keyings[table].changes
                                              : &engine->dedup.changes;
}

static enum rt_status dedup_entry(struct cep_saving *saving, struct rt_text name,
                                  const struct rt_key_line *line, struct rt_entry *out)
{
    rt_buffer_reset(&saving->value);
    if (line != NULL)
        cep_dedup_save(line, &saving->value);
    *out = (struct rt_entry){.kind = RT_ENTRY_DEDUP,
                             .removed = line == NULL,
                             .name = name,
                             .value = rt_buffer_view(&saving->value)};
    return saving->value.failed ? RT_ERR_NOMEM : RT_OK;
}

static enum rt_status entry_of_line(struct cep_engine *engine, uint32_t table,
                                    const struct rt_key_line *line, struct rt_entry *out)
{
    if (table < engine->plan->keying_count)
        return cep_save_key(engine, &engine->keyings[table], line, out);
    return dedup_entry(engine->saving, rt_key_line_key(line), line, out);
}

static enum rt_status entry_of_removed(struct cep_engine *engine, uint32_t table,
                                       struct rt_text name, struct rt_entry *out)
{
    if (table < engine->plan->keying_count)
        return cep_save_key_removed(engine, &engine->keyings[table], name, out);
    return dedup_entry(engine->saving, name, NULL, out);
}

/* ---- what is written early ---- */

enum rt_status cep_save_early(struct cep_engine *engine, const struct rt_entry *entry)
{
    struct cep_saving *saving = engine->saving;

    rt_entry_put(&saving->early, entry);
    saving->counters.early++;
    return saving->early.failed ? RT_ERR_NOMEM : RT_OK;
}

static void forget_early(struct cep_saving *saving)
{
    saving->early_next = 0;
    if (saving->early.capacity <= EARLY_BYTES_KEPT) {
        rt_buffer_reset(&saving->early);
        return;
    }
    rt_buffer_done(&saving->early);
    rt_buffer_init(&saving->early, SIZE_MAX);
}

/* rt_changes_write_fn of one table. */
static enum rt_status write_early(struct cep_engine *engine, uint32_t table,
                                  const struct rt_key_line *line)
{
    struct rt_entry entry;
    enum rt_status status = entry_of_line(engine, table, line, &entry);

    if (status == RT_OK)
        status = cep_save_early(engine, &entry);
    engine->saving->is_broken |= status != RT_OK;
    return status;
}

static enum rt_status write_key_early(void *context, const struct rt_key_line *line)
{
    const struct cep_keying *keying = context;
    struct cep_engine *engine = keying->engine;

    cep_save_prefetch(engine, keying, &line, 1);
    return write_early(engine, (uint32_t)(keying - engine->keyings), line);
}

static enum rt_status write_dedup_early(void *context, const struct rt_key_line *line)
{
    struct cep_engine *engine = context;

    return write_early(engine, engine->plan->keying_count, line);
}

/* ---- the port ---- */

/* Two keyings with the same labels and expressions are one (rules/plan.h), so this tells them apart. */
static uint64_t identity_of(const struct rule_keying *keying, struct rt_buffer *scratch)
{
    rt_buffer_reset(scratch);
    for (uint32_t i = 0; i < keying->part_count; i++) {
        rt_form_add_text(scratch, rt_text_of(keying->parts[i].label));
        rt_form_add_text(scratch, rt_text_of(keying->parts[i].text));
    }
    return rt_hash64(scratch->data, scratch->length);
}

static enum rt_status track(struct rt_memory *port, uint16_t groups, uint16_t group_begin,
                            uint16_t group_end)
{
    struct cep_engine *engine = engine_of(port);
    struct cep_saving *saving = rt_alloc_zeroed(1, sizeof(*saving));

    RT_ASSERT(engine->saving == NULL && groups > 0 && groups <= RT_ENTRY_GROUPS_MAX &&
              group_begin < group_end && group_end <= groups);
    if (saving == NULL)
        return RT_ERR_NOMEM;
    engine->saving = saving;
    saving->groups = groups;
    saving->group_begin = group_begin;
    saving->group_end = group_end;
    rt_buffer_init(&saving->early, SIZE_MAX);
    rt_buffer_init(&saving->name, ENTRY_BYTES_MAX);
    rt_buffer_init(&saving->value, ENTRY_BYTES_MAX);
    rt_buffer_init(&saving->slots, ENTRY_BYTES_MAX);
    rt_buffer_init(&saving->events, ENTRY_BYTES_MAX);
    saving->identities = rt_alloc_zeroed(engine->plan->keying_count, sizeof(*saving->identities));
    if (saving->identities == NULL)
        return RT_ERR_NOMEM;
    for (uint32_t i = 0; i < engine->plan->keying_count; i++) {
        struct cep_keying *keying = &engine->keyings[i];

        saving->identities[i] = identity_of(keying->plan, &saving->name);
        if (saving->name.failed)
            return RT_ERR_NOMEM;
        rt_changes_track(&keying->changes, &keying->table, write_key_early, keying);
    }
    rt_changes_track(&engine->dedup.changes, &engine->dedup.table, write_dedup_early, engine);
    return RT_OK;
}

static enum rt_status freeze(struct rt_memory *port, bool whole, struct rt_buffer *header)
{
    struct cep_engine *engine = engine_of(port);
    struct cep_saving *saving = engine->saving;
    enum rt_status status;

    if (saving->is_open)
        return RT_ERR_ORDER;
    if (saving->is_broken && !whole)
        return RT_ERR_NOMEM;
    if (whole && engine->cold_keys > 0)
        return RT_ERR_ORDER;
    status = cep_save_header(engine, header);
    if (status == RT_OK && whole)
        forget_early(saving);
    for (uint32_t i = 0; i < table_count(engine) && status == RT_OK; i++)
        status = rt_changes_freeze(changes_of(engine, i), whole);
    saving->is_broken = status != RT_OK;
    saving->is_open = status == RT_OK;
    return status;
}

/* What was written before its turn: names of removed keys, then entries; RT_END: nothing of it is left. */
static enum rt_status next_written(struct cep_engine *engine, struct rt_entry *out)
{
    struct rt_text name;

    for (uint32_t i = 0; i < table_count(engine); i++) {
        if (rt_changes_next_removed(changes_of(engine, i), &name))
            return entry_of_removed(engine, i, name, out);
    }
    return rt_entry_take(&engine->saving->early, &engine->saving->early_next, out) ? RT_OK : RT_END;
}

/* Some frozen lines of one table, *table, to be written now; what they lead to is on its way into the caches.  0: there are none. */
static size_t next_lines(struct cep_engine *engine, uint32_t *table,
                         const struct rt_key_line *lines[LINES_AT_ONCE])
{
    size_t count = 0;

    for (uint32_t i = 0; i < table_count(engine) && count == 0; i++) {
        struct rt_changes *changes = changes_of(engine, i);

        *table = i;
        while (count < LINES_AT_ONCE) {
            struct rt_key_line *line = rt_changes_next(changes);

            if (line == NULL)
                break;
            rt_changes_set_saved(changes, line);
            lines[count++] = line;
        }
    }
    if (*table < engine->plan->keying_count)
        cep_save_prefetch(engine, &engine->keyings[*table], lines, count);
    return count;
}

struct hand_out {
    rt_entry_fn *take;
    void *context;
    size_t bytes;
};

static enum rt_status hand_out(struct cep_saving *saving, struct hand_out *to,
                               const struct rt_entry *entry)
{
    enum rt_status status = to->take(to->context, entry);

    to->bytes += entry->name.length + entry->value.length + ENTRY_OVERHEAD;
    saving->counters.saved++;
    saving->counters.removed += entry->removed;
    return status;
}

static enum rt_status save_lines(struct cep_engine *engine, struct hand_out *to)
{
    const struct rt_key_line *lines[LINES_AT_ONCE];
    uint32_t table = 0;
    const size_t count = next_lines(engine, &table, lines);
    enum rt_status status = count == 0 ? RT_END : RT_OK;
    struct rt_entry entry;

    for (size_t i = 0; i < count && status == RT_OK; i++) {
        status = entry_of_line(engine, table, lines[i], &entry);
        if (status == RT_OK)
            status = hand_out(engine->saving, to, &entry);
    }
    return status;
}

static enum rt_status save_some(struct rt_memory *port, size_t bytes, rt_entry_fn *take,
                                void *context)
{
    struct cep_engine *engine = engine_of(port);
    struct cep_saving *saving = engine->saving;
    enum rt_status status = saving->is_broken ? RT_ERR_NOMEM : RT_OK;
    struct hand_out to = {take, context, 0};

    while (saving->is_open && status == RT_OK && to.bytes < bytes) {
        struct rt_entry entry;

        status = next_written(engine, &entry);
        if (status == RT_OK)
            status = hand_out(saving, &to, &entry);
        else if (status == RT_END)
            status = save_lines(engine, &to);
    }
    if (status == RT_END) {
        forget_early(saving);
        saving->is_open = false;
        return RT_OK;
    }
    saving->is_broken = status != RT_OK;
    return status == RT_OK && saving->is_open ? RT_AGAIN : status;
}

static enum rt_status restore(struct rt_memory *port, struct rt_text header,
                              struct rt_entries *entries, bool *starts_anew)
{
    struct cep_engine *engine = engine_of(port);

    return cep_restore(&engine, 1, header, entries, starts_anew);
}

static void counters(const struct rt_memory *port, struct rt_memory_counters *out)
{
    struct cep_engine *engine = engine_of(port);

    *out = engine->saving->counters;
    out->bytes_pending = engine->saving->early.length - engine->saving->early_next;
    cep_cold_count(engine, out);
    for (uint32_t i = 0; i < table_count(engine); i++) {
        const struct rt_changes *changes = changes_of(engine, i);
        const struct rt_changes_list *now = &changes->lists[changes->current];
        const struct rt_changes_list *frozen = &changes->lists[1 - changes->current];

        out->changed += now->count + now->removed_count;
        out->changed_bytes += now->count * sizeof(*now->hashes) + now->removed.length;
        out->frozen += frozen->count - changes->next;
    }
}

static enum rt_status set_cold(struct rt_memory *port, struct rt_cold *cold, size_t bytes)
{
    return cep_cold_set(engine_of(port), cold, bytes);
}

static enum rt_status spill(struct rt_memory *port, size_t bytes)
{
    struct cep_engine *engine = engine_of(port);

    if (engine->saving->is_open)
        return RT_ERR_ORDER;
    return cep_cold_spill(engine, bytes);
}

static size_t bytes(const struct rt_memory *port)
{
    return cep_state_bytes(engine_of(port));
}

static const char *error(const struct rt_memory *port)
{
    const struct rt_buffer *text = &engine_of(port)->error;

    return text->length == 0 ? "" : text->data;
}

void cep_memory_init(struct cep_engine *engine)
{
    rt_buffer_init(&engine->error, ERROR_BYTES_MAX);
    engine->memory = (struct cep_memory){.port = {.track = track,
                                                  .freeze = freeze,
                                                  .save_some = save_some,
                                                  .restore = restore,
                                                  .set_cold = set_cold,
                                                  .spill = spill,
                                                  .bytes = bytes,
                                                  .counters = counters,
                                                  .error = error},
                                         .engine = engine};
    engine->port.memory = &engine->memory.port;
}

void cep_memory_done(struct cep_engine *engine)
{
    struct cep_saving *saving = engine->saving;

    rt_buffer_done(&engine->error);
    cep_cold_done(engine);
    if (saving == NULL)
        return;
    rt_buffer_done(&saving->early);
    rt_buffer_done(&saving->name);
    rt_buffer_done(&saving->value);
    rt_buffer_done(&saving->slots);
    rt_buffer_done(&saving->events);
    cep_numbering_done(&saving->numbering);
    rt_free(saving->identities);
    rt_free(saving);
}

/* ---- what restoring would do ---- */

enum rt_status cep_engine_compare(struct cep_engine *engine, struct rt_text header,
                                  cep_rule_change_fn *each, void *context)
{
    struct cep_saved saved;
    struct rt_map known = {0};
    enum rt_status status = cep_read_header(engine, header, false, &saved);

    if (status != RT_OK)
        return status;
    for (size_t i = 0; i < saved.rule_count && status == RT_OK; i++)
        status = rt_map_set(&known, saved.rules[i].id, 0);
    for (size_t i = 0; i < saved.rule_count && status == RT_OK; i++) {
        const struct cep_saved_rule *rule = &saved.rules[i];
        const char *id = rt_arena_text(&saved.arena, rule->id.data, rule->id.length);

        if (id == NULL)
            status = RT_ERR_NOMEM;
        else
            each(context, &(struct cep_rule_change){rule->change, id, rule->why, rule->partials});
    }
    for (uint32_t i = 0; i < engine->plan->rule_count && status == RT_OK; i++) {
        const char *id = engine->plan->rules[i]->id;
        uint64_t found;

        if (!rt_map_get(&known, rt_text_of(id), &found))
            each(context, &(struct cep_rule_change){CEP_CHANGE_NEW, id, "", 0});
    }
    rt_map_done(&known);
    cep_saved_done(&saved);
    return status;
}
