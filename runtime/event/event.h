/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event.h - one event, on its way through the engine and when it is kept.
 *
 *   borrowed (in a batch)                 kept (one block, copied once, then shared)
 *     struct rt_event                       [struct rt_event][slots ...][strings, lists][raw bytes]
 *       slots ---> batch's slot array          slots ----------^ every pointer leads into the same block
 *       raw   ---> source's buffer
 *
 * E1  An event that is handed to somebody is borrowed: it is dead when the call returns.
 * E2  Whoever needs it longer calls rt_event_keep: a borrowed event is copied once into the caller's blocks, a
 *     kept one gains a reference.  rt_event_release drops it.  References belong to one thread.
 * E3  A kept event has only its first `slot_count` slots.  A run keeps the kept fields (field.h F2); the disorder
 *     buffer, which comes before the rules, keeps all in blocks of its own and hands out borrowed events.
 * E4  `sequence` counts the records of the job in order of arrival, from 0; with `time` it orders events totally.
 * E5  The raw bytes are the record as it came in, without the line end: valid JSON as a whole.
 */
#ifndef EGRET_RUNTIME_EVENT_EVENT_H
#define EGRET_RUNTIME_EVENT_EVENT_H

#include <stdint.h>

#include "runtime/base/blocks.h"
#include "runtime/base/instant.h"
#include "runtime/base/status.h"
#include "runtime/event/field.h"
#include "runtime/event/value.h"

/* Where a record came from.  The id of an alert is made of these, so a replay makes the same ids. */
struct rt_position {
    uint32_t source;    /* index of the source in the job; names are the job's */
    uint32_t partition; /* Kafka partition, or index of the file in name order */
    uint64_t offset;    /* Kafka offset, or byte where the line starts in the decompressed data */
};

/* No source of the job: the event is an alert that the engine itself gave. */
#define RT_SOURCE_ALERTS (UINT32_MAX - 1)

struct rt_event {
    rt_time time;
    uint64_t sequence;
    struct rt_position position;
    const struct rt_value *slots;
    uint32_t slot_count;
    uint32_t raw_length;
    const char *raw;      /* NULL with raw_length 0 for events built by a program */
    uint32_t references;  /* 0: borrowed */
    uint32_t block_bytes; /* of a kept event's block */
};

/* The field at `slot`: RT_ABSENT when the event has none. */
static inline struct rt_value rt_event_at(const struct rt_event *event, rt_slot slot)
{
    return slot < event->slot_count ? event->slots[slot] : (struct rt_value){.type = RT_ABSENT};
}

/*
 * Keeps the event with its first `slots_max` slots.  RT_ERR_LIMIT: `blocks` is full.  RT_ERR_NOMEM.
 * Cost of the first call: the event's size; of a further one: an addition.
 */
enum rt_status rt_event_keep(const struct rt_event *event, uint32_t slots_max,
                             struct rt_blocks *blocks, const struct rt_event **out);

/* Drops one reference of a kept event; the last one gives its block back. */
void rt_event_release(const struct rt_event *event, struct rt_blocks *blocks);

#endif
