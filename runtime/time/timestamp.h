/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timestamp.h - how an event says its time.
 *
 *     1760000000001   "2026-01-01T00:00:00.5+02:00"   "17/May/2015:10:05:03 +0000"
 *       unix_ms            rfc3339                       strptime "%d/%b/%Y:%H:%M:%S %z"
 *
 * Finer input than a millisecond is floored; years 1 to 9999, anything else is RT_REJECT_TIME_RANGE.
 * Formats do not depend on locale or on the machine's time zone; without an offset a time is UTC.
 */
#ifndef EGRET_RUNTIME_TIME_TIMESTAMP_H
#define EGRET_RUNTIME_TIME_TIMESTAMP_H

#include "runtime/base/calendar.h" /* RFC 3339 and dates */
#include "runtime/base/instant.h"
#include "runtime/base/status.h"
#include "runtime/base/text.h"
#include "runtime/event/codec.h"
#include "runtime/event/value.h"

enum rt_time_format {
    RT_TIME_AUTO, /* an integer is Unix milliseconds, a string RFC 3339 */
    RT_TIME_UNIX_S,
    RT_TIME_UNIX_MS,
    RT_TIME_UNIX_US,
    RT_TIME_UNIX_NS,
    RT_TIME_RFC3339,
    RT_TIME_STRPTIME
};

struct rt_time_reader {
    enum rt_time_format format;
    const char *pattern; /* RT_TIME_STRPTIME; borrowed */
};

/* "unix_ms", "rfc3339", or a pattern with '%'.  False: no such format. */
bool rt_time_reader_parse(const char *name, struct rt_time_reader *out);

/* A phrase for people on what it reads: "expected an RFC 3339 string".  Never NULL. */
const char *rt_time_reader_expects(const struct rt_time_reader *reader);

/* RT_REJECT_NONE and *out, or the reason. */
enum rt_reject rt_time_read(const struct rt_time_reader *reader, struct rt_value value,
                            rt_time *out);

/* Appends `2026-01-01T00:00:00.000Z`: UTC with milliseconds, as in records. */
void rt_time_text(rt_time time, struct rt_buffer *out);

#endif
