/* SPDX-License-Identifier: Apache-2.0 */
/*
 * codec.h - the port through which bytes become events.
 *
 *     record bytes --> codec->decode --> slots[0 .. field count)        or a reason to reject
 *
 * C1  Only the fields of the field table are decoded; the record is checked as a whole.
 * C2  Strings without escapes point into the record's bytes; what had to be unescaped, and lists and maps,
 *     live in the scratch arena.  Both die with the batch.
 * C3  A rejected record leaves the slots undefined.
 * A codec belongs to one thread.  NDJSON is codec_json; CSV and others are further implementations.
 */
#ifndef EGRET_RUNTIME_EVENT_CODEC_H
#define EGRET_RUNTIME_EVENT_CODEC_H

#include "runtime/base/arena.h"
#include "runtime/base/status.h"
#include "runtime/event/field.h"
#include "runtime/event/value.h"

/* Readable bytes that must follow every record (any content): vector code reads past the end. */
enum { RT_RECORD_PADDING = 64 };

enum { RT_RECORD_BYTES_MAX = 1 << 20, RT_RECORD_DEPTH_MAX = 64 };

/* Why a record is not an event.  The names are those of the dead-letter output and of the counters. */
enum rt_reject {
#define REJECT(name, text, meaning) RT_REJECT_##name,
#include "runtime/event/reject.def"
#undef REJECT
    RT_REJECT_COUNT
};
const char *rt_reject_name(enum rt_reject reject); /* "bad_json" */

struct rt_codec {
    /*
     * RT_OK: slots are filled, absent fields cleared.  RT_ERR_DATA: *reject and *detail (a static phrase) say why.
     * RT_ERR_NOMEM: the scratch arena is full.  A record needs at most 16 bytes of it for each byte of its own.
     */
    enum rt_status (*decode)(struct rt_codec *codec, struct rt_text record,
                             struct rt_arena *scratch, struct rt_value *slots,
                             enum rt_reject *reject, const char **detail);
    void (*free)(struct rt_codec *codec);
};

/* JSON objects, one a record.  `fields` must be sealed and outlive the codec. */
enum rt_status rt_codec_json_new(const struct rt_fields *fields, struct rt_codec **out);

#endif
