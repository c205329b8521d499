/* SPDX-License-Identifier: Apache-2.0 */
/*
 * durable.h - a job that survives: it goes on from a checkpoint, makes checkpoints while it works, and one at its end.
 *
 *     recover:  lock, choose, verify --> engine, stream, counters --> sources sought, outputs cut --> read ...
 *     step:     batch | batch | BARRIER batch | batch | batch ...                    one step after each batch
 *                               flush outputs, note places, freeze
 *                                      save a slice after each batch ... all
 *                                                   in the background: outputs to disk, entries, manifest
 *                                                                     decision --> committed
 *
 * Y1  A barrier lies between two batches, or between two records of one (steps.c): what was read, remembered and written so far belongs together, and is what a
 *     recovery finds.
 * Y2  Outputs are on disk up to the barrier before the manifest is written; the manifest (or the decision that names it) is the
 *     one moment at which all of it counts.
 * Y3  The pause of the stream is the barrier alone; entries are saved in slices, files are written by another thread.
 * Y4  Whatever cannot be saved ends the job; it goes on from the last checkpoint.
 * Y5  Memory is looked at between two batches: what one batch adds may exceed the limit until then.
 */
#ifndef EGRET_RUNTIME_JOB_DURABLE_H
#define EGRET_RUNTIME_JOB_DURABLE_H

#include "runtime/base/histogram.h"
#include "runtime/checkpoint/checkpoints.h"
#include "runtime/io/decision.h"
#include "runtime/io/sink.h"
#include "runtime/job/saved.h"
#include "runtime/operator.h"
#include "runtime/time/stream.h"

/* Names of the blobs in a checkpoint. */
#define RT_BLOB_ENGINE "engine"
#define RT_BLOB_STREAM "stream"

struct rt_durable_output {
    struct rt_sink *sink;
    const char *name; /* under which its position is kept */
};

/* All of it is borrowed. */
struct rt_durable_options {
    struct rt_checkpoints *checkpoints;
    struct rt_decision *decision; /* NULL: the manifest decides */
    uint16_t groups;              /* key groups */
    rt_duration every;
    uint64_t changes_max; /* a checkpoint is due when so many entries have changed; 0: a million */
    size_t
        memory_bytes; /* what the operator remembers beyond this goes to disk (spill.c); 0: all stays in memory */
    const struct rt_durable_output *outputs; /* all of them, dead letters too */
    size_t output_count;
    const char *const *source_names;
    struct rt_event_names names; /* of what waits for the watermark: all slots */
    /* Asked before anything is restored, with the operator's header: RT_OK, or what ends it.  May be NULL. */
    enum rt_status (*review)(void *context, struct rt_text header);
    void *review_context;
};

/* What the job has that is to survive; borrowed. */
struct rt_durable_parts {
    struct rt_operator *target;
    struct rt_memory *memory; /* the target's */
    struct rt_stream *stream;
    struct rt_source *const *sources;
    size_t source_count;
    struct rt_job_counters *counters;
};

enum rt_recovery {
    RT_RECOVERY_FRESH,    /* there was nothing to go on from */
    RT_RECOVERY_RESUMED,  /* goes on from checkpoint `id` */
    RT_RECOVERY_FINISHED, /* the job was through: nothing was restored, nothing is to be done */
    RT_RECOVERY_REPLAY, /* the state is lost: the job makes it anew from records that it has read before */
};

struct rt_recovered {
    enum rt_recovery kind;
    uint64_t id;
    int64_t made_ms;     /* wall clock */
    rt_time from, until; /* with REPLAY: records since then; the watermark that was reached */
};

struct rt_durable_counters {
    uint64_t completed;
    struct rt_histogram barrier_ns; /* how long the stream stood still at each barrier */
    struct rt_histogram slice_ns;   /* and while a slice of entries was saved behind a batch */
    uint64_t prepare_ns_sum;
    uint64_t entries, bytes; /* written */
    uint64_t last_id;
    int64_t last_made_ms; /* wall clock */
    uint64_t spills;      /* how often memory was full */
    uint64_t spill_ns_sum, spill_ns_max;
};

struct rt_durable;

enum rt_status rt_durable_new(const struct rt_durable_options *options,
                              const struct rt_durable_parts *parts, struct rt_durable **out);
/* Waits for work in the background; NULL is fine. */
void rt_durable_free(struct rt_durable *durable);

/*
 * Before the first batch, once.  RT_AGAIN, RT_ERR_CORRUPT, RT_ERR_DIAG, RT_ERR_NOT_FOUND, RT_ERR_UNSUPPORTED, RT_ERR_IO,
 * RT_ERR_NOMEM: rt_durable_error says what is wrong and what to do; the job must not run.
 */
enum rt_status rt_durable_recover(struct rt_durable *durable, struct rt_recovered *out);

/* After each batch.  `idle`: nothing was read.  RT_OK, or what ends the job. */
enum rt_status rt_durable_step(struct rt_durable *durable, bool idle);
/*
 * True if not all state is in memory: how far time may go on before the next step, lest too much is brought back at once.  All that was
 * pushed has been answered.
 */
bool rt_durable_soon(const struct rt_durable *durable, rt_time *soon);

/* Who decides; NULL: the manifest. */
struct rt_decision *rt_durable_decision(const struct rt_durable *durable);

/* How long there is nothing to be done here while nothing is read; at most `ms`. */
int rt_durable_wait_ms(const struct rt_durable *durable, int ms);

/* A checkpoint now, and wait until it counts.  `finished`: the input has ended and all of it is worked off. */
enum rt_status rt_durable_finish(struct rt_durable *durable, bool finished);

const struct rt_durable_counters *rt_durable_counters(const struct rt_durable *durable);
/* Why the operator, which is settled, gave `status`: what the disk said, if it was that.  `durable` may be NULL. */
const char *rt_durable_operator_error(const struct rt_durable *durable, enum rt_status status);
const char *rt_durable_error(const struct rt_durable *durable); /* never NULL */

#endif
