/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dead_letter.h - what is written about a record that is not an event.
 *
 *     {"v":1,"reason":"bad_json","detail":"...","source":"input","partition":0,"offset":1234,"bytes":17,"raw":"{\"a\":1"}
 *
 * L1  `bytes` is the record's whole length; the raw text is at most RT_DEAD_LETTER_RAW_MAX of it, cut between two code points.
 * L2  What is not UTF-8 is given as `raw_base64` instead of `raw`, byte for byte.
 * L3  Nothing in it depends on the clock or the machine: a replay gives the same line.
 */
#ifndef EGRET_RUNTIME_IO_DEAD_LETTER_H
#define EGRET_RUNTIME_IO_DEAD_LETTER_H

#include "runtime/base/text.h"
#include "runtime/event/codec.h"
#include "runtime/io/source.h"

enum { RT_DEAD_LETTER_RAW_MAX = 64 << 10 };

struct rt_dead_letter {
    enum rt_reject reason;
    const char *detail; /* a phrase, NULL if the reason says it all (the key is left out) */
    const char *source; /* its name */
    const struct rt_record *record;
};

/* Appends the JSON object without line end. */
void rt_dead_letter_json(const struct rt_dead_letter *letter, struct rt_buffer *out);

#endif
