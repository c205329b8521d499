/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dedup.h - which alerts were given a short while ago, and how many: dedup and rate limits.
 *
 *     (rule, output, key) --hash--> [ until when | given so far | left out since ]
 *
 *     time   0 ...... span .......... 2 span
 *            | period |  told of here | forgotten        an alert in the second part begins the next period
 *
 * D1  An alert at time t begins a period [t, t + span); in it the first `max` are given, that one included, the others are
 *     left out.  What is left out does not prolong it.
 * D2  An entry goes when its time has passed, whether its key returns or not.
 * D3  Where the number of those left out is to be told, it is told by the alert that begins the next period, if that comes
 *     before one more span is over; so long an entry is remembered that has left something out.  Time decides what is told,
 *     not whether the entry is still there: how far a step goes may depend on memory.
 * D4  The saved form of an entry does not depend on the table it was in; it is part of stored checkpoints.
 * Time is event time.  Calls come in order of time, as alerts do.
 */
#ifndef EGRET_CEP_DEDUP_H
#define EGRET_CEP_DEDUP_H

#include <stdbool.h>

#include "runtime/base/form.h"
#include "runtime/base/hash.h"
#include "runtime/base/pool.h"
#include "runtime/state/changes.h"
#include "runtime/time/wheel.h"

struct cep_dedup {
    struct rt_key_table table; /* the hash's bytes -> struct entry * */
    struct rt_changes changes; /* of `table`, since it was saved */
    struct rt_pool entries;
    struct rt_wheel *wheel; /* owned */
};

struct cep_dedup_limit {
    rt_duration span;
    uint32_t max; /* alerts in a span; 1 or more */
    bool tells;   /* D3 */
};

struct cep_dedup_answer {
    bool left_out;
    uint64_t told; /* of one that is given: how many were left out before it and not yet told of */
};

enum rt_status cep_dedup_init(struct cep_dedup *dedup);
void cep_dedup_done(struct cep_dedup *dedup); /* zeroed is fine */

/* Forgets what ends at or before `now`. */
void cep_dedup_advance(struct cep_dedup *dedup, rt_time now);

/* Counts the alert.  RT_ERR_NOMEM: it is to be given, and is not remembered. */
enum rt_status cep_dedup_check(struct cep_dedup *dedup, struct rt_hash128 key, rt_time time,
                               const struct cep_dedup_limit *limit, struct cep_dedup_answer *out);

size_t cep_dedup_bytes(const struct cep_dedup *dedup);

/* ---- saved form ---- */

/* Appends the entry in a line of `table`, whose key is the hash's bytes. */
void cep_dedup_save(const struct rt_key_line *line, struct rt_buffer *out);
/* An entry that is not there yet; it counts as saved.  RT_ERR_CORRUPT: it is none, or it is there.  RT_ERR_NOMEM. */
enum rt_status cep_dedup_load(struct cep_dedup *dedup, struct rt_hash128 key, struct rt_text form);

#endif
