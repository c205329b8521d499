/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event_form.h - the saved form of kept events (runtime/base/form.h), and their names, which outlive a rule set.
 *
 *     names   [paths of the fields, by slot][names of the sources, by number]         once for many events
 *     event   [time][sequence][source][partition][offset][raw][slot, value ...]       slots that are absent are left out
 *
 * Saved slots and sources are numbers of the table beside them; a reader knows where they are now.  A field that some rule names
 * since then is read from the event's raw bytes.
 */
#ifndef EGRET_RUNTIME_EVENT_EVENT_FORM_H
#define EGRET_RUNTIME_EVENT_EVENT_FORM_H

#include "runtime/base/form.h"
#include "runtime/event/event.h"

/* What slots and sources are called; borrowed. */
struct rt_event_names {
    const struct rt_fields *fields; /* sealed */
    size_t slot_count;              /* of the events: the kept ones or all */
    const char *const *sources;     /* by rt_position.source; NULL: only `input` */
    size_t source_count;
};

void rt_event_names_add_form(const struct rt_event_names *names, struct rt_buffer *out);

/* Appends the event, of which no more than names->slot_count slots are there. */
void rt_event_add_form(const struct rt_event *event, struct rt_buffer *out);

struct rt_event_reader;

/* Reads saved names; `names`, as they are now, stay borrowed.  RT_ERR_CORRUPT: form->why.  RT_ERR_NOMEM. */
enum rt_status rt_event_reader_new(const struct rt_event_names *names, struct rt_form *form,
                                   struct rt_event_reader **out);
void rt_event_reader_free(struct rt_event_reader *reader); /* NULL is fine */

/*
 * Reads an event, borrowed from reader and form until the next call.  RT_ERR_CORRUPT: form->why, also when its source is no
 * longer there.  RT_ERR_NOMEM.
 */
enum rt_status rt_event_of_form(struct rt_event_reader *reader, struct rt_form *form,
                                struct rt_event *out);

/* Where a saved source is now; false: nowhere. */
bool rt_event_reader_source(const struct rt_event_reader *reader, uint64_t saved, uint32_t *out);

#endif
