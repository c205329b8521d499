/* SPDX-License-Identifier: Apache-2.0 */
/*
 * changes.h - which keys of a table have changed since they were saved, in two generations.
 *
 *                     freeze                              freeze
 *     ... touch touch   |   touch            touch   touch   |
 *         [current]     |   [current]                        |       hashes of lines, names of removed keys
 *                       |   [frozen] --write, write, write-->|       empty before the next freeze
 *                           a frozen line that is touched is written first: what is saved is what was so at the freeze
 *
 * H1  A line's marks say in which generation it is listed, if any, and whether some saving has it.
 * H2  A key that no saving has leaves no trace when it is removed; another leaves its name.
 * H3  Names of removed keys are written before lines, so that of a key that has gone and come back the line counts.
 * H4  A list holds hashes: lines move.  Each changed key costs 8 bytes and the marks; without tracking nothing but a test.
 * H5  When a list finds no memory the changes are `lost` and only a whole freeze can follow.
 */
#ifndef EGRET_RUNTIME_STATE_CHANGES_H
#define EGRET_RUNTIME_STATE_CHANGES_H

#include "runtime/state/key_table.h"

enum {
    RT_MARK_FIRST = 32, /* listed in generation 0 */
    RT_MARK_SECOND = 64,
    RT_MARK_SAVED = 128 /* some saving has the key */
};

struct rt_changes_list {
    uint64_t *hashes; /* owned */
    size_t count, capacity;
    struct rt_buffer removed; /* [length, 4 bytes][name] ...; by whoever removes */
    size_t removed_count;
};

/* Writes a line that is about to change, or whose turn it is. */
typedef enum rt_status rt_changes_write_fn(void *context, const struct rt_key_line *line);

struct rt_changes {
    struct rt_key_table *table; /* NULL: nothing is tracked */
    rt_changes_write_fn *write_early;
    void *context;
    struct rt_changes_list lists[2];
    uint8_t current;     /* the list that grows; the other is frozen */
    size_t next;         /* of the frozen hashes */
    size_t removed_next; /* of the frozen names, in bytes */
    uint64_t early_count;
    bool lost;
};

/* Lines of the table may be there already: they count as not saved and not changed. */
void rt_changes_track(struct rt_changes *changes, struct rt_key_table *table,
                      rt_changes_write_fn *write_early, void *context);
void rt_changes_done(struct rt_changes *changes); /* zeroed is fine */

static inline unsigned rt_changes_mark(const struct rt_changes *changes)
{
    return changes->current == 0 ? RT_MARK_FIRST : RT_MARK_SECOND;
}

/* The slow part of rt_changes_touch. */
void rt_changes_note(struct rt_changes *changes, struct rt_key_line *line);

/* Before a line is changed, and after one was inserted. */
static inline void rt_changes_touch(struct rt_changes *changes, struct rt_key_line *line)
{
    if (changes->table != NULL && (rt_key_line_marks(line) & rt_changes_mark(changes)) == 0)
        rt_changes_note(changes, line);
}

/* Before a line is removed. */
void rt_changes_remove(struct rt_changes *changes, struct rt_key_line *line);

/* As though it had just been written (or read): nothing of it is to be saved. */
void rt_changes_set_saved(struct rt_changes *changes, struct rt_key_line *line);

/* Nothing of the last freeze is left. */
bool rt_changes_are_through(const struct rt_changes *changes);

/*
 * The generations change places.  `whole`: all lines count as changed, none as saved.  RT_ERR_ORDER: something of the last
 * freeze is left.  RT_ERR_NOMEM: lost, or there is no memory for a whole one; nothing has changed places.
 */
enum rt_status rt_changes_freeze(struct rt_changes *changes, bool whole);

/* The next name of a frozen removed key; false: there is none. */
bool rt_changes_next_removed(struct rt_changes *changes, struct rt_text *out);
/* The next frozen line, which is to be written now; NULL: there is none. */
struct rt_key_line *rt_changes_next(struct rt_changes *changes);

#endif
