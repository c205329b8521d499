/* SPDX-License-Identifier: Apache-2.0 */
/*
 * operator.h - the port between the job and the engine.
 *
 *     source -> codec -> time and order -> [ operator ] -> records -> sink
 *
 * The job calls, the operator answers through `emit`, from inside the call.
 * O1  push: events come in order of (time, sequence), each later than the last watermark.  Before the first event of time T every
 *     timer due at or before T has fired: push does that itself.
 * O2  late: an event at or before the watermark; it is only reported.
 * O3  advance: watermarks never go back.  RT_TIME_MAX is the end of a finite input.
 * O4  Records are emitted in the total order of the output: timers before events, event time, arrival, rule, match.
 * O5  An event that a rule wanted but could not place is told to `refused`, once, with the first reason; other rules
 *     still see it.
 * O6  One thread.  No clock, no I/O: the same calls give the same records.
 *
 * What it remembers (struct rt_memory) is saved while it works, between calls to it:
 *
 *     track ... push push | freeze (header) | push save_some push save_some -> RT_OK | push ... | freeze ...
 *                         ^ the barrier: what is saved is what was so here, however long it takes
 *
 * M1  After `track` it notes what changes.  Freezing costs next to nothing: an entry is written by save_some, or before it is
 *     changed the next time.
 * M2  Entries come in no order; of several with one id the last counts.  Each saving gives what has changed since the one
 *     before; all savings since `track` or `restore` together, laid over what was restored, are the whole.
 * M3  A saving that has begun is carried through; one that cannot be stored ends the job, which goes on from an older one.
 *
 * Not all of it has to be in memory.  Where entries are kept that can be looked up (struct rt_cold), those that have not been used
 * for long may leave, and come back when their key does or their time has come:
 *
 *     memory --spill--> [ cold: entry as saved, reminder: when it is needed at the latest ] --get, due--> memory
 *
 * M4  Only what the last saving left unchanged leaves, and only when `cold` holds all of that saving: then nothing needs to be
 *     written but the reminder, and what is cold is what is saved.
 * M5  Nobody can tell from the output that something was cold.
 */
#ifndef EGRET_RUNTIME_OPERATOR_H
#define EGRET_RUNTIME_OPERATOR_H

#include "runtime/base/cold.h"
#include "runtime/base/entry.h"
#include "runtime/base/hash.h"
#include "runtime/base/instant.h"
#include "runtime/base/status.h"
#include "runtime/base/text.h"
#include "runtime/event/codec.h"
#include "runtime/event/event.h"

/*
 * Where a record stands among those of one call, for whoever merges what several operators made of it (O4): those of timers
 * first, by (at, tie, rule), then those of the event, by (rule, part).
 */
struct rt_output_place {
    bool of_event; /* false: of a timer */
    rt_time at;    /* of a timer: its deadline */
    uint64_t tie;  /* of a timer: arrival of the first event */
    uint32_t part; /* of an event: which key of the rule */
};

/* One finished record (a JSON object without line end) for the sinks; borrowed for the call. */
struct rt_output {
    struct rt_text record;
    const char *const *sinks; /* names of them */
    uint32_t sink_count;      /* 0: the default ones */
    uint32_t rule;            /* index in the plan */
    rt_time time;             /* of the record */
    rt_time first_time;       /* of the first event that it tells of */
    struct rt_text key;       /* the rule's key as JSON, for partitioning */
    struct rt_text message;   /* short form for people */
    const char *id;           /* of the record */
    const char *rule_id, *severity, *output;
    struct rt_output_place place;
    /* What holds a record back that repeats another; the kind is the operator's. */
    struct rt_hash128 dedup_key, limit_key;
    uint32_t kind;
};

/* RT_OK, or what stops the job. */
typedef enum rt_status rt_emit_fn(void *context, const struct rt_output *output);

/* An event for the dead-letter output, borrowed; `detail` may be NULL.  RT_OK, or what stops the job. */
typedef enum rt_status rt_refused_fn(void *context, const struct rt_event *event,
                                     enum rt_reject reason, const char *detail);

struct rt_memory_counters {
    uint64_t changed;       /* entries noted since the last freeze, removed ones included */
    uint64_t changed_bytes; /* which notes of them occupy until the next freeze */
    uint64_t frozen;        /* of those frozen: not yet handed out */
    uint64_t
        early; /* entries, ever, that were written because they changed while they were frozen */
    uint64_t saved;         /* entries, ever, handed out */
    uint64_t removed;       /* of those: tombstones */
    uint64_t bytes_pending; /* of entries that are written and wait for save_some */
    uint64_t cold;          /* entries that are not in memory now */
    uint64_t spilled;       /* ever, that left */
    uint64_t brought_back;  /* ever */
};

/* *sum += *one */
static inline void rt_memory_counters_add(struct rt_memory_counters *sum,
                                          const struct rt_memory_counters *one)
{
    sum->changed += one->changed;
    sum->changed_bytes += one->changed_bytes;
    sum->frozen += one->frozen;
    sum->early += one->early;
    sum->saved += one->saved;
    sum->removed += one->removed;
    sum->bytes_pending += one->bytes_pending;
    sum->cold += one->cold;
    sum->spilled += one->spilled;
    sum->brought_back += one->brought_back;
}

/* What an operator remembers, in pieces that can be saved and brought back. */
struct rt_memory {
    /*
     * Before the first push, before restore: from now on what changes is noted.  Key groups are 0 .. groups - 1; entries of
     * other groups than [group_begin, group_end) are never made.  RT_ERR_NOMEM.
     */
    enum rt_status (*track)(struct rt_memory *self, uint16_t groups, uint16_t group_begin,
                            uint16_t group_end);
    /*
     * The barrier.  Appends the header: what is saved as a whole each time.  `whole`: all entries, not only what has changed.
     * RT_ERR_ORDER: the last saving is not through, or not all of a whole one is in memory.  RT_ERR_NOMEM: nothing was frozen.
     */
    enum rt_status (*freeze)(struct rt_memory *self, bool whole, struct rt_buffer *header);
    /*
     * Hands out frozen entries, some `bytes` of them: RT_AGAIN: there are more; RT_OK: that was all.  RT_ERR_NOMEM, or what
     * `take` answered: the saving cannot be finished (M3).
     */
    enum rt_status (*save_some)(struct rt_memory *self, size_t bytes, rt_entry_fn *take,
                                void *context);
    /*
     * Before the first push: `header` as some freeze gave it, and all entries that belong to it, in order (those of
     * groups of its own and of group 0 at least; others are passed over).  *starts_anew: nothing of what was saved counts any
     * more, so the next freeze must be `whole`, and no older entries under it.
     * RT_ERR_CORRUPT, RT_ERR_UNSUPPORTED (written by a newer version, or of what is no longer there): `error` tells;
     * RT_ERR_NOMEM, RT_ERR_LIMIT: too large for the limits.  Then the operator is good for nothing but being freed.
     */
    enum rt_status (*restore)(struct rt_memory *self, struct rt_text header,
                              struct rt_entries *entries, bool *starts_anew);
    /*
     * After track, before restore, which then leaves what is too much for `bytes` in the cold (unless it starts anew): `cold`, borrowed,
     * holds all that is restored.  RT_ERR_NOMEM.
     */
    enum rt_status (*set_cold)(struct rt_memory *self, struct rt_cold *cold, size_t bytes);
    /*
     * Between a saving that is through and stored, also in `cold`, and the next freeze: of what has not changed since then, that which
     * was idle longest leaves until no more than `bytes` are occupied, or nothing is left that may leave.  RT_ERR_IO, RT_ERR_NOMEM.
     */
    enum rt_status (*spill)(struct rt_memory *self, size_t bytes);
    size_t (*bytes)(const struct rt_memory *self); /* occupied now */
    void (*counters)(const struct rt_memory *self, struct rt_memory_counters *out);
    /* Why restore was refused, for people; "" if it was not. */
    const char *(*error)(const struct rt_memory *self);
};

struct rt_operator {
    enum rt_status (*push)(struct rt_operator *self, const struct rt_event *event);
    enum rt_status (*late)(struct rt_operator *self, const struct rt_event *event);
    enum rt_status (*advance)(struct rt_operator *self, rt_time watermark);
    /*
     * Events that will be pushed soon: a chance to hash keys and prefetch.  Only a hint: others may come between, and what is
     * pushed may be another copy of the event.  May be NULL.
     */
    void (*prepare)(struct rt_operator *self, const struct rt_event *const *events, size_t count);
    /*
     * Everything that was pushed has been answered through emit and refused when this returns.  NULL: it always has.
     */
    enum rt_status (*settle)(struct rt_operator *self);
    /*
     * The head of several operators that share the keys: a record of one of them, in order, goes out unless it repeats another.
     * NULL: it is no head.
     */
    enum rt_status (*deliver)(struct rt_operator *self, const struct rt_output *output);
    /* The head forgets what was so until `now`: after the timers of a call, before its event. */
    void (*forget)(struct rt_operator *self, rt_time now);
    /*
     * The head tells to which of the operators an event can matter: bit n is operator n.  It counts the event, so each is asked of once.
     * NULL: to all of them.  What it needs for that it keeps until the next call.
     */
    uint64_t (*route)(struct rt_operator *self, const struct rt_event *event);
    /*
     * One of several: time goes on as if an event of that time were pushed, which is for others.  Costs next to nothing when nothing is
     * due.
     */
    enum rt_status (*pass)(struct rt_operator *self, rt_time time);
    /* Where records go; set by whoever made it, or by whoever drives it before the first push. */
    rt_emit_fn *emit;
    void *emit_context;
    /* What it remembers; NULL: nothing that can be saved. */
    struct rt_memory *memory;
    /* Set by whoever drives the operator, before the first push; NULL: not wanted. */
    rt_refused_fn *refused;
    void *refused_context;
};

#endif
