/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calendar.h - dates of the proleptic Gregorian calendar and RFC 3339, as plain arithmetic.
 *
 *     2026-01-01T00:00:00.5+02:00  <-->  seconds since 1970-01-01T00:00:00Z, nanos 0 .. 999,999,999
 *
 * K1  Nothing here knows a clock, a locale or the machine's time zone.
 * K2  Years are 0 to 9999 in text; whether a year is allowed is the caller's question.
 */
#ifndef EGRET_RUNTIME_BASE_CALENDAR_H
#define EGRET_RUNTIME_BASE_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/text.h"

/* First and last second of the years 1 to 9999. */
#define RT_SECONDS_FIRST INT64_C(-62135596800)
#define RT_SECONDS_LAST INT64_C(253402300799)

enum { RT_NANOS_PER_SECOND = 1000000000 };

/* Days since 1970-01-01 of a date, and back.  Months and days count from 1. */
int64_t rt_days_from_civil(int64_t year, unsigned month, unsigned day);
void rt_civil_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day);

/* 28 to 31. */
unsigned rt_days_in_month(int64_t year, unsigned month);

/* RFC 3339 with a date-time and a zone; any fraction (cut at nanoseconds).  False: not of that form, or a field out of range. */
bool rt_rfc3339_parse(struct rt_text text, int64_t *out_seconds, uint32_t *out_nanos);

/* Appends UTC with `Z` and the fraction as far as it is needed: `2026-01-01T00:00:00Z`, `...00.25Z`.  Years 0 to 9999. */
void rt_buffer_rfc3339(struct rt_buffer *buffer, int64_t seconds, uint32_t nanos);

/* Appends nanoseconds as seconds with as much fraction as is needed: `3900s`, `-0.5s`. */
void rt_buffer_seconds(struct rt_buffer *buffer, int64_t nanoseconds);

#endif
