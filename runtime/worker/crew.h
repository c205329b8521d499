/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crew.h - what workers consist of.  Private to runtime/worker/.
 *
 *     workers.c   the operator: batches are filled and published, results awaited
 *     thread.c    a worker: one batch after another
 *     merge.c     results of one batch, in order, to the head
 *     saving.c    the port by which all are saved
 *
 * Batch n lies in place n % BATCHES, as do its results with each worker; a place is used again when its batch has been merged.
 */
#ifndef EGRET_RUNTIME_WORKER_CREW_H
#define EGRET_RUNTIME_WORKER_CREW_H

#include "runtime/base/blocks.h"
#include "runtime/worker/gate.h"
#include "runtime/worker/workers.h"

enum { RT_CREW_BATCHES = 4, RT_CREW_ITEMS = 2048 };
#define RT_CREW_STOP UINT64_MAX

enum rt_crew_call { RT_CREW_PUSH, RT_CREW_LATE, RT_CREW_ADVANCE };

struct rt_crew_item {
    enum rt_crew_call call;
    rt_time time;                 /* of the event, or the watermark */
    uint64_t wanted;              /* bits of the workers to which the event can matter */
    const struct rt_event *event; /* kept in the batch's blocks; NULL: a watermark, or for nobody */
};

struct rt_crew_batch {
    struct rt_crew_item items[RT_CREW_ITEMS];
    uint32_t count;
    size_t save_bytes; /* so much of what is frozen is to be written after it; 0: nothing */
    struct rt_blocks blocks;
};

struct rt_crew_record { /* texts are places in the result's `texts` until it is merged */
    uint32_t item;
    bool is_refusal;
    enum rt_reject reason;
    const char *detail;
    size_t text_begin, key_begin, message_begin, id_begin;
    struct rt_output output;
};

struct rt_crew_result {
    struct rt_crew_record *records; /* owned */
    size_t count, capacity;
    size_t merged; /* records that are merged */
    struct rt_buffer texts;
    struct rt_buffer entries; /* rt_entry_put */
    enum rt_status status;
    enum rt_status saved; /* what save_some answered */
    struct rt_memory_counters counters;
    size_t bytes;
};

struct rt_crew_worker {
    struct rt_workers *crew;
    struct rt_operator *target;
    uint64_t bit; /* of rt_crew_item.wanted */
    pthread_t thread;
    bool has_thread;
    struct rt_gate work, done; /* batches published, batches finished */
    struct rt_crew_result results[RT_CREW_BATCHES];
    struct rt_crew_result *result; /* of the batch at hand */
    uint32_t item;
    bool has_failed;
    bool is_saving; /* the main thread's: it has not said that all is written */
    /* The main thread's, as of its last result. */
    struct rt_memory_counters counters;
    size_t bytes;
};

struct rt_workers {
    struct rt_operator port; /* first */
    struct rt_memory memory;
    struct rt_workers_options options;
    struct rt_crew_worker *workers; /* owned */
    uint32_t gates;                 /* workers whose gates are made */
    struct rt_crew_batch *batches;  /* owned */
    uint64_t published, merged;     /* batches */
    enum rt_status status;          /* sticky: what stops the job */
    rt_time forgotten;              /* as far as the head was told */
    size_t save_wish;               /* for the next batch */
    uint64_t asked_at;              /* batches published when save_some was asked last */
    bool is_tracked;                /* what changes is noted; set before the first batch */
    bool head_saves;
    struct rt_buffer arrived; /* entries that wait for save_some */
    size_t arrived_next;
};

/* A worker's thread; the argument is the rt_crew_worker. */
void *rt_crew_work(void *worker);
/* rt_emit_fn and rt_refused_fn of a worker's operator. */
rt_emit_fn rt_crew_emit;
rt_refused_fn rt_crew_refused;

/* All workers have finished the batch: its records go out, its events are let go. */
void rt_crew_merge(struct rt_workers *crew, uint64_t number);
/* Publishes the batch that is being filled, even if it is empty. */
void rt_crew_publish(struct rt_workers *crew);
/* Waits for all that was published. */
enum rt_status rt_crew_settle(struct rt_workers *crew);

void rt_crew_memory_init(struct rt_workers *crew);

#endif
