/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_marker.h - what the committed offsets say about the checkpoint that goes with them, and what follows from it.
 *
 *     v1;job=0a1b2c3d;ck=4181;h=00112233aabbccdd;t=1767225600000      metadata of every committed offset of the job, all alike
 *
 *     committed offsets of all partitions --+
 *                                           +--> start fresh | restore checkpoint n | stop, and say what to do
 *     is there any checkpoint on the disk --+
 *
 * M1  The transaction that carries alerts and offsets decides; the marker binds its decision to the bytes of one checkpoint on
 *     one disk.
 * M2  `t` is the watermark, so that the state can be made anew from the records before the offsets when the disk is lost; `-`:
 *     there was none yet.
 * M3  No two stop messages mean the same: docs/kafka.md has each with its cure (kafka_stops.def).
 */
#ifndef EGRET_RUNTIME_IO_KAFKA_MARKER_H
#define EGRET_RUNTIME_IO_KAFKA_MARKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/instant.h"
#include "runtime/base/status.h"
#include "runtime/base/text.h"

enum { RT_KAFKA_MARKER_MAX = 96 };

struct rt_kafka_marker {
    uint32_t job;
    uint64_t checkpoint;
    uint64_t hash;   /* of the manifest */
    rt_time reached; /* the watermark; RT_TIME_MIN: none */
};

void rt_kafka_marker_text(const struct rt_kafka_marker *marker, char out[RT_KAFKA_MARKER_MAX]);
/* False: it is not one of ours. */
bool rt_kafka_marker_read(struct rt_text text, struct rt_kafka_marker *out);

/* Why a job does not start; the names stand in the message and in docs/kafka.md. */
enum rt_kafka_stop {
    RT_KAFKA_STOP_NONE,
#define STOP(name, word, cure) RT_KAFKA_STOP_##name,
#include "runtime/io/kafka_stops.def"
#undef STOP
    RT_KAFKA_STOP_COUNT
};
const char *rt_kafka_stop_word(enum rt_kafka_stop stop); /* "offsets-gone" */
const char *rt_kafka_stop_cure(enum rt_kafka_stop stop); /* a sentence */

/* The stop that a message tells of; NONE: it is about something else. */
enum rt_kafka_stop rt_kafka_stop_of(const char *message);

/* What it means that a topic could not be looked up (rt_kafka_reader_partitions, rt_kafka_writer_topic). */
enum rt_kafka_stop rt_kafka_stop_of_lookup(enum rt_status status);

/* Appends "kafka/WORD: what was found; the cure"; what was found as for printf. */
#define RT_KAFKA_STOP_SAY(message, stop, ...)                                                      \
    do {                                                                                           \
        rt_buffer_printf((message), "kafka/%s: ", rt_kafka_stop_word(stop));                       \
        rt_buffer_printf((message), __VA_ARGS__);                                                  \
        rt_buffer_printf((message), "; %s", rt_kafka_stop_cure(stop));                             \
    } while (0)

/* One partition and what is committed for it. */
struct rt_kafka_committed {
    const char *name; /* topic/partition */
    bool has_offset;
    int64_t offset;
    struct rt_text metadata;
};

/* What the operator has allowed, having read a stop message. */
enum rt_kafka_recover {
    RT_KAFKA_RECOVER_STRICT,
    RT_KAFKA_RECOVER_CHECKPOINT, /* the newest checkpoint, whatever is committed */
    RT_KAFKA_RECOVER_OFFSETS,    /* the committed offsets, without any state */
    RT_KAFKA_RECOVER_REPLAY /* the same with state made anew, if there is none that can be gone on from */
};

struct rt_kafka_local {
    uint32_t job; /* identity of the state directory */
    bool has_checkpoints;
    uint64_t newest; /* with has_checkpoints */
    bool
        blank; /* with has_checkpoints: the newest was made before anything was read, or nothing but again */
    bool take_new_partitions;
    enum rt_kafka_recover recover;
};

enum rt_kafka_course {
    RT_KAFKA_FRESH,   /* nothing committed, nothing on the disk: start as configured */
    RT_KAFKA_RESTORE, /* the marker's checkpoint, with that hash */
    RT_KAFKA_NEWEST, /* the newest checkpoint: the operator wants it, or it is the first and holds nothing but places */
    RT_KAFKA_OFFSETS, /* the operator wants the committed offsets and no state */
    RT_KAFKA_REPLAY, /* the committed offsets, and the state is made anew from what lies before them */
    RT_KAFKA_REFUSE /* `stop` and `message` say why */
};

struct rt_kafka_plan {
    enum rt_kafka_course course;
    enum rt_kafka_stop stop;
    struct rt_kafka_marker marker; /* with RESTORE, REPLAY */
};

/* Decides.  `message` gets the text of a refusal. */
struct rt_kafka_plan rt_kafka_plan(const struct rt_kafka_committed *items, size_t count,
                                   const struct rt_kafka_local *local, struct rt_buffer *message);

#endif
