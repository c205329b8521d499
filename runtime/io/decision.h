/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decision.h - the port to whoever decides, elsewhere than on our disk, which checkpoint counts.  Kafka's transactions do; a job
 * whose outputs are files has none, and there the manifest itself is the decision.
 *
 *     start:   lock the state directory; open the sources
 *              recover --> restore that checkpoint, seek the sources --> resumed --> [first checkpoint, if fresh] --> read ...
 *     steady:  ... barrier (between two batches) | freeze, save ... --> prepared on disk --> decide --> committed
 *
 * G1  `recover` first shuts out every earlier incarnation of the job; only then what is decided stays decided.
 * G2  Between barrier and decide what the job writes is held back; `full` asks for the checkpoint to be hurried.
 * G4  A state that is lost can be made anew: the sources begin earlier, what is written meanwhile counts for nothing, and they wait
 *     where they are to go on until the first checkpoint counts.
 * G3  Any failure leaves the outcome unknown: the job ends and starts over with `recover`.
 */
#ifndef EGRET_RUNTIME_IO_DECISION_H
#define EGRET_RUNTIME_IO_DECISION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/instant.h"
#include "runtime/base/status.h"

enum { RT_MARK_BYTES = 17 }; /* 16 hexadecimal digits of the manifest's hash, and a NUL */

/* What the state directory says. */
struct rt_decision_local {
    uint64_t job;    /* identity of the directory */
    uint64_t newest; /* checkpoint; 0: none */
    bool blank;      /* it was made before anything was read, or nothing but again */
};

enum rt_decision_course {
    RT_DECISION_FRESH, /* nothing was ever decided: start as configured, and save before anything is written */
    RT_DECISION_RESTORE, /* checkpoint `id`, whose mark must be `mark` */
    RT_DECISION_NEWEST, /* the newest checkpoint, because the operator says so, or because it is blank and nothing counts yet */
    RT_DECISION_FORGET, /* no state, the sources stand where they should: as after FRESH, but with them sought already */
    RT_DECISION_REPLAY /* no state: it is made anew from records before the place where the sources then wait */
};

struct rt_decision_choice {
    enum rt_decision_course course;
    uint64_t id;              /* with RESTORE */
    char mark[RT_MARK_BYTES]; /* with RESTORE */
    rt_time from, until;      /* with REPLAY: records since then; the watermark that was reached */
};

/* A partition (rt_position) that has nothing more to be read again. */
typedef void rt_arrived_fn(void *context, uint32_t source, uint32_t partition);

struct rt_decision {
    /* RT_ERR_CORRUPT: what is decided and what is here do not fit: `error` says what, and what to do.  RT_ERR_IO. */
    enum rt_status (*recover)(struct rt_decision *self, const struct rt_decision_local *local,
                              struct rt_decision_choice *out);
    /*
     * That checkpoint cannot be restored, for `status` (RT_ERR_NOT_FOUND: it is not there) and `why`.  RT_OK: *choice is another
     * one, REPLAY.  RT_ERR_CORRUPT: `error` says what to do.  RT_ERR_IO, RT_ERR_NOMEM.
     */
    enum rt_status (*cannot)(struct rt_decision *self, struct rt_decision_choice *choice,
                             enum rt_status status, const char *why);
    /* The sources have been sought: they stand where the decision says?  RT_ERR_CORRUPT, RT_ERR_IO. */
    enum rt_status (*resumed)(struct rt_decision *self);
    /* With REPLAY, between two batches: tells of the partitions that wait.  True: all of them do. */
    bool (*arrived)(struct rt_decision *self, rt_arrived_fn *tell, void *context);
    /* With REPLAY, when the first checkpoint counts: they wait no longer. */
    void (*go_on)(struct rt_decision *self);
    /* Between two batches: what was written and read so far belongs together; `reached` is the watermark. */
    enum rt_status (*barrier)(struct rt_decision *self, rt_time reached);
    bool (*full)(const struct rt_decision *self);
    /* Checkpoint `id` is on disk: makes it count.  RT_OK: it does, and what was held back goes out. */
    enum rt_status (*decide)(struct rt_decision *self, uint64_t id, const char *mark);
    const char *(*error)(const struct rt_decision *self); /* never NULL */
    void (*free)(struct rt_decision *self);
};

#endif
