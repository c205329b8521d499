/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dedup.h - which alerts were given a short while ago.
 *
 *     (rule, output, dedup key) --hash--> until when the next one is kept back
 *
 * D1  An alert at time t holds back those with the same key at times in [t, t + span): counted from the one that was given,
 *     not from the last one that was kept back.
 * D2  An entry goes when its time has passed, whether its key returns or not.
 * Time is event time.  Calls come in order of time, as alerts do.
 */
#ifndef EGRET_CEP_DEDUP_H
#define EGRET_CEP_DEDUP_H

#include <stdbool.h>

#include "runtime/base/hash.h"
#include "runtime/base/pool.h"
#include "runtime/state/key_table.h"
#include "runtime/time/wheel.h"

struct cep_dedup {
    struct rt_key_table table; /* the hash's bytes -> struct entry * */
    struct rt_pool entries;
    struct rt_wheel *wheel; /* owned */
};

enum rt_status cep_dedup_init(struct cep_dedup *dedup);
void cep_dedup_done(struct cep_dedup *dedup); /* zeroed is fine */

/* Forgets what ends at or before `now`. */
void cep_dedup_advance(struct cep_dedup *dedup, rt_time now);

/* *out: the alert is to be kept back.  Otherwise it is remembered until time + span. */
enum rt_status cep_dedup_check(struct cep_dedup *dedup, struct rt_hash128 key, rt_time time,
                               rt_duration span, bool *out);

size_t cep_dedup_bytes(const struct cep_dedup *dedup);

#endif
