/* SPDX-License-Identifier: Apache-2.0 */
/* function_time.c - parts of timestamps in a time zone, parts of durations, and durations for people. */
#include "rules/caches.h"
#include "rules/function.h"
#include "rules/zone.h"
#include "runtime/base/calendar.h"

enum { DAY = 86400 };

/* A timestamp taken apart in its zone. */
struct parts {
    int64_t year;
    unsigned month, day; /* from 1 */
    int64_t days;        /* since 1970-01-01 */
    unsigned second_of_day;
    uint32_t nanos;
};

/* args[0] is a timestamp, args[1], if there, the zone.  False: *why says what is wrong. */
static bool take_apart(struct expr_call *call, const struct rt_value *args, size_t count,
                       struct parts *out, struct rt_value *why)
{
    int64_t offset = 0;
    enum rt_status status = RT_OK;

    if (args[0].type != RT_TIMESTAMP || (count == 2 && !expr_is_string(args[1]))) {
        *why = expr_no_overload(args, count);
        return false;
    }
    if (count == 2)
        status = expr_zone_offset(call->caches->zones, rt_value_text(args[1]), args[0].u.integer,
                                  &offset);
    if (status != RT_OK) {
        *why = status == RT_ERR_NOMEM ? expr_limit()
                                      : expr_fail(RT_ERROR_ARGUMENT, "unknown time zone");
        return false;
    }

    int64_t local = args[0].u.integer + offset;

    out->days = local / DAY - (local % DAY < 0 ? 1 : 0);
    out->second_of_day = (unsigned)(local - out->days * DAY);
    out->nanos = args[0].length;
    rt_civil_from_days(out->days, &out->year, &out->month, &out->day);
    return true;
}

typedef int64_t part_fn(const struct parts *parts);

static struct rt_value part_of(struct expr_call *call, const struct rt_value *args, size_t count,
                               part_fn *part)
{
    struct parts parts;
    struct rt_value why;

    return take_apart(call, args, count, &parts, &why) ? rt_int(part(&parts)) : why;
}

/* A duration in whole units of so many nanoseconds, or the part of a timestamp. */
static struct rt_value part_or_total(struct expr_call *call, const struct rt_value *args,
                                     size_t count, part_fn *part, int64_t unit)
{
    if (args[0].type == RT_DURATION && count == 1)
        return rt_int(args[0].u.integer / unit);
    return part_of(call, args, count, part);
}

#define PART(symbol, expression)                                                                   \
    static int64_t part_##symbol(const struct parts *parts)                                        \
    {                                                                                              \
        return (int64_t)(expression);                                                              \
    }

PART(full_year, parts->year)
PART(month, parts->month - 1)
PART(date, parts->day)
PART(day_of_month, parts->day - 1)
PART(day_of_week, ((parts->days + 4) % 7 + 7) % 7) /* 1970-01-01 was a Thursday; Sunday is 0 */
PART(day_of_year, parts->days - rt_days_from_civil(parts->year, 1, 1))
PART(hours, parts->second_of_day / 3600)
PART(minutes, parts->second_of_day / 60 % 60)
PART(seconds, parts->second_of_day % 60)
PART(milliseconds, parts->nanos / 1000000)

#define GETTER(symbol)                                                                             \
    struct rt_value expr_fn_get_##symbol(struct expr_call *call, const struct rt_value *args,      \
                                         size_t count)                                             \
    {                                                                                              \
        return part_of(call, args, count, part_##symbol);                                          \
    }

GETTER(full_year)
GETTER(month)
GETTER(date)
GETTER(day_of_month)
GETTER(day_of_week)
GETTER(day_of_year)

struct rt_value expr_fn_get_hours(struct expr_call *call, const struct rt_value *args, size_t count)
{
    return part_or_total(call, args, count, part_hours, 3600 * (int64_t)RT_NANOS_PER_SECOND);
}

struct rt_value expr_fn_get_minutes(struct expr_call *call, const struct rt_value *args,
                                    size_t count)
{
    return part_or_total(call, args, count, part_minutes, 60 * (int64_t)RT_NANOS_PER_SECOND);
}

struct rt_value expr_fn_get_seconds(struct expr_call *call, const struct rt_value *args,
                                    size_t count)
{
    return part_or_total(call, args, count, part_seconds, RT_NANOS_PER_SECOND);
}

/* Of a duration only the part below a second, unlike its hours, minutes and seconds: so says the specification. */
struct rt_value expr_fn_get_milliseconds(struct expr_call *call, const struct rt_value *args,
                                         size_t count)
{
    if (args[0].type == RT_DURATION && count == 1)
        return rt_int(args[0].u.integer % RT_NANOS_PER_SECOND / 1000000);
    return part_of(call, args, count, part_milliseconds);
}

/* ---- ours ---- */

struct rt_value expr_fn_hours(struct expr_call *call, const struct rt_value *args, size_t count)
{
    (void)call;
    return args[0].type == RT_DURATION ? rt_double((double)args[0].u.integer / 3.6e12)
                                       : expr_no_overload(args, count);
}

struct rt_value expr_fn_minutes(struct expr_call *call, const struct rt_value *args, size_t count)
{
    (void)call;
    return args[0].type == RT_DURATION ? rt_double((double)args[0].u.integer / 6e10)
                                       : expr_no_overload(args, count);
}

struct rt_value expr_fn_fmt_duration(struct expr_call *call, const struct rt_value *args,
                                     size_t count)
{
    if (args[0].type != RT_DURATION)
        return expr_no_overload(args, count);

    int64_t nanoseconds = args[0].u.integer;
    uint64_t magnitude = nanoseconds < 0 ? 0 - (uint64_t)nanoseconds : (uint64_t)nanoseconds;
    uint64_t seconds = magnitude / RT_NANOS_PER_SECOND;
    struct rt_buffer *out = expr_buffer(call);

    if (nanoseconds < 0)
        rt_buffer_char(out, '-');
    /* Two neighbouring units at most: what follows them does not help a reader. */
    if (seconds == 0 && magnitude > 0)
        rt_buffer_printf(out, "%llums", (unsigned long long)(magnitude / 1000000));
    else if (seconds < 60)
        rt_buffer_printf(out, "%llus", (unsigned long long)seconds);
    else if (seconds < 3600)
        rt_buffer_printf(out, "%llum%02llus", (unsigned long long)(seconds / 60),
                         (unsigned long long)(seconds % 60));
    else if (seconds < DAY)
        rt_buffer_printf(out, "%lluh%02llum", (unsigned long long)(seconds / 3600),
                         (unsigned long long)(seconds / 60 % 60));
    else
        rt_buffer_printf(out, "%llud%02lluh", (unsigned long long)(seconds / DAY),
                         (unsigned long long)(seconds / 3600 % 24));
    return expr_buffer_string(call);
}
