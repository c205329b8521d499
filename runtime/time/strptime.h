/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strptime.h - times in a format of the user's, in C's notation, without C's locale and time zone.
 *
 *     "%d/%b/%Y:%H:%M:%S %z"   "17/May/2015:10:05:03 +0000"   ->  1431857103, 0 ns
 *
 *     %Y %y %m %d %e %j  date        %b %B %h %a %A  English names, short or long, any case
 *     %H %I %p %M %S     time        %f   fraction, one digit or more
 *     %z  +0200 +02:00 +02 Z         %Z   UTC, GMT or Z       %s   Unix seconds
 *     %F = %Y-%m-%d   %T = %H:%M:%S   %R = %H:%M   %D = %m/%d/%y   %n %t or a blank: white space   %%
 *
 * P1  The whole text must match.  A number takes at most its field's digits, so that %Y%m%d can be read.
 * P2  Without an offset a time is UTC.  A weekday is read and not compared.
 * P3  %S takes 60: a leap second is the first moment of the next minute.
 */
#ifndef EGRET_RUNTIME_TIME_STRPTIME_H
#define EGRET_RUNTIME_TIME_STRPTIME_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/text.h"

/* Every conversion is known, and together they say in which year an event happened. */
bool rt_strptime_valid(const char *pattern);

/* False: the text is not of this form, or no such day or hour.  The year may be any that four digits can say. */
bool rt_strptime(const char *pattern, struct rt_text text, int64_t *out_seconds,
                 uint32_t *out_nanos);

#endif
