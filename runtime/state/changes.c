/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/state/changes.h"

#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"

enum { FIRST_CAPACITY = 1024, LENGTH_BYTES = 4, PREFETCH_AHEAD = 16 };

void rt_changes_track(struct rt_changes *changes, struct rt_key_table *table,
                      rt_changes_write_fn *write_early, void *context)
{
    *changes = (struct rt_changes){.table = table, .write_early = write_early, .context = context};
    for (size_t i = 0; i < 2; i++)
        rt_buffer_init(&changes->lists[i].removed, SIZE_MAX);
}

void rt_changes_done(struct rt_changes *changes)
{
    for (size_t i = 0; i < 2; i++) {
        rt_free(changes->lists[i].hashes);
        rt_buffer_done(&changes->lists[i].removed);
    }
    *changes = (struct rt_changes){0};
}

static struct rt_changes_list *current_list(struct rt_changes *changes)
{
    return &changes->lists[changes->current];
}

static struct rt_changes_list *frozen_list(struct rt_changes *changes)
{
    return &changes->lists[1 - changes->current];
}

static unsigned frozen_mark(const struct rt_changes *changes)
{
    return (RT_MARK_FIRST | RT_MARK_SECOND) & ~rt_changes_mark(changes);
}

static bool reserve(struct rt_changes_list *list, size_t count)
{
    size_t capacity = list->capacity == 0 ? FIRST_CAPACITY : list->capacity;

    if (count <= list->capacity)
        return true;
    while (capacity < count)
        capacity *= 2;

    uint64_t *hashes = rt_realloc(list->hashes, capacity * sizeof(*hashes));

    if (hashes == NULL)
        return false;
    list->hashes = hashes;
    list->capacity = capacity;
    return true;
}

/* A frozen line as it is, before it changes. */
static void write_frozen(struct rt_changes *changes, struct rt_key_line *line)
{
    if (changes->write_early(changes->context, line) != RT_OK)
        changes->lost = true;
    changes->early_count++;
    rt_changes_set_saved(changes, line);
}

void rt_changes_note(struct rt_changes *changes, struct rt_key_line *line)
{
    struct rt_changes_list *list = current_list(changes);

    if ((rt_key_line_marks(line) & frozen_mark(changes)) != 0)
        write_frozen(changes, line);
    rt_key_line_set_marks(line, rt_key_line_marks(line) | rt_changes_mark(changes));
    if (reserve(list, list->count + 1))
        list->hashes[list->count++] = line->hash;
    else
        changes->lost = true;
}

static void add_removed(struct rt_changes *changes, const struct rt_key_line *line)
{
    struct rt_changes_list *list = current_list(changes);
    const struct rt_text name = rt_key_line_key(line);
    const uint32_t length = (uint32_t)name.length;

    rt_buffer_add(&list->removed, (const char *)&length, LENGTH_BYTES);
    rt_buffer_text(&list->removed, name);
    list->removed_count++;
    changes->lost |= list->removed.failed;
}

void rt_changes_remove(struct rt_changes *changes, struct rt_key_line *line)
{
    if (changes->table == NULL)
        return;
    if ((rt_key_line_marks(line) & frozen_mark(changes)) != 0)
        write_frozen(changes, line);
    if ((rt_key_line_marks(line) & RT_MARK_SAVED) != 0)
        add_removed(changes, line);
}

void rt_changes_set_saved(struct rt_changes *changes, struct rt_key_line *line)
{
    rt_key_line_set_marks(line, (rt_key_line_marks(line) & ~frozen_mark(changes)) | RT_MARK_SAVED);
}

bool rt_changes_are_through(const struct rt_changes *changes)
{
    const struct rt_changes_list *list = &changes->lists[1 - changes->current];

    return changes->next == list->count && changes->removed_next == list->removed.length;
}

/* All lines are listed once more, as never saved. */
static enum rt_status list_all(struct rt_changes *changes)
{
    struct rt_changes_list *list = current_list(changes);
    struct rt_key_table *table = changes->table;

    if (!reserve(list, table->count))
        return RT_ERR_NOMEM;
    list->count = 0;
    for (size_t place = 0; place < table->capacity; place++) {
        struct rt_key_line *line = rt_key_table_at(table, place);

        if (line == NULL)
            continue;
        list->hashes[list->count++] = line->hash;
        rt_key_line_set_marks(line, rt_changes_mark(changes));
    }
    rt_buffer_reset(&list->removed);
    list->removed_count = 0;
    changes->lost = false;
    return RT_OK;
}

enum rt_status rt_changes_freeze(struct rt_changes *changes, bool whole)
{
    enum rt_status status = RT_OK;

    if (!rt_changes_are_through(changes))
        return RT_ERR_ORDER;
    if (whole)
        status = list_all(changes);
    else if (changes->lost)
        status = RT_ERR_NOMEM;
    if (status != RT_OK)
        return status;

    struct rt_changes_list *through = frozen_list(changes);

    through->count = through->removed_count = 0;
    rt_buffer_reset(&through->removed);
    changes->current = 1 - changes->current;
    changes->next = changes->removed_next = 0;
    return RT_OK;
}

bool rt_changes_next_removed(struct rt_changes *changes, struct rt_text *out)
{
    const struct rt_changes_list *list = frozen_list(changes);
    uint32_t length;

    if (changes->removed_next == list->removed.length)
        return false;

    const char *at = list->removed.data + changes->removed_next;

    memcpy(&length, at, LENGTH_BYTES);
    *out = (struct rt_text){at + LENGTH_BYTES, length};
    changes->removed_next += LENGTH_BYTES + (size_t)length;
    return true;
}

static bool is_marked(const struct rt_key_line *line, const void *mark)
{
    return (rt_key_line_marks(line) & *(const unsigned *)mark) != 0;
}

struct rt_key_line *rt_changes_next(struct rt_changes *changes)
{
    const struct rt_changes_list *list = frozen_list(changes);
    const unsigned mark = frozen_mark(changes);

    while (changes->next < list->count) {
        if (list->count - changes->next > PREFETCH_AHEAD)
            rt_key_table_prefetch(changes->table, list->hashes[changes->next + PREFETCH_AHEAD]);

        struct rt_key_line *line =
            rt_key_table_find_if(changes->table, list->hashes[changes->next++], is_marked, &mark);

        if (line != NULL)
            return line; /* others have gone or were written early */
    }
    return NULL;
}
