/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/time/timestamp.h"

#include <math.h>
#include <stdbool.h>

#include "runtime/base/assert.h"
#include "runtime/base/calendar.h"
#include "runtime/time/strptime.h"

enum { SECONDS_A_DAY = 86400, MS_A_SECOND = 1000, NANOS_A_MS = RT_NANOS_PER_SECOND / MS_A_SECOND };

/* ---- writing ---- */

static int64_t floor_divide(int64_t value, int64_t divisor)
{
    int64_t quotient = value / divisor;

    return value % divisor < 0 ? quotient - 1 : quotient;
}

static char *put_digits(char *at, unsigned value, unsigned digits)
{
    for (unsigned i = digits; i-- > 0; value /= 10)
        at[i] = (char)('0' + value % 10);
    return at + digits;
}

void rt_time_text(rt_time time, struct rt_buffer *out)
{
    int64_t seconds = floor_divide(time.ms, MS_A_SECOND);
    int64_t days = floor_divide(seconds, SECONDS_A_DAY);
    unsigned second_of_day = (unsigned)(seconds - days * SECONDS_A_DAY);
    unsigned ms = (unsigned)(time.ms - seconds * MS_A_SECOND);
    unsigned month, day;
    int64_t year;
    char text[sizeof("2026-01-01T00:00:00.000Z")];
    char *at = text;

    rt_civil_from_days(days, &year, &month, &day);
    /* An event has four digits of year, but a deadline may lie behind the last event. */
    if (year < 0 || year > 9999)
        rt_buffer_int(out, year);
    else
        at = put_digits(at, (unsigned)year, 4);
    *at++ = '-';
    at = put_digits(at, month, 2);
    *at++ = '-';
    at = put_digits(at, day, 2);
    *at++ = 'T';
    at = put_digits(at, second_of_day / 3600, 2);
    *at++ = ':';
    at = put_digits(at, second_of_day / 60 % 60, 2);
    *at++ = ':';
    at = put_digits(at, second_of_day % 60, 2);
    *at++ = '.';
    at = put_digits(at, ms, 3);
    *at++ = 'Z';
    rt_buffer_add(out, text, (size_t)(at - text));
}

/* ---- an event's time ---- */

static const struct {
    const char *name;
    enum rt_time_format format;
    int64_t units_a_ms; /* of a number; 0: none, or seconds */
    const char *expected;
} formats[] = {
    {"auto", RT_TIME_AUTO, 1, "expected an integer of Unix milliseconds or an RFC 3339 string"},
    {"unix_s", RT_TIME_UNIX_S, 0, "expected a number of Unix seconds"},
    {"unix_ms", RT_TIME_UNIX_MS, 1, "expected a number of Unix milliseconds"},
    {"unix_us", RT_TIME_UNIX_US, 1000, "expected a number of Unix microseconds"},
    {"unix_ns", RT_TIME_UNIX_NS, 1000000, "expected a number of Unix nanoseconds"},
    {"rfc3339", RT_TIME_RFC3339, 0, "expected an RFC 3339 string"},
    {"strptime", RT_TIME_STRPTIME, 0, "expected a string of the pattern that was given"}};

bool rt_time_reader_parse(const char *name, struct rt_time_reader *out)
{
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        RT_ASSERT(formats[i].format == (enum rt_time_format)i);
        if (formats[i].format != RT_TIME_STRPTIME &&
            rt_text_is(rt_text_of(name), formats[i].name)) {
            *out = (struct rt_time_reader){formats[i].format, NULL};
            return true;
        }
    }
    if (strchr(name, '%') == NULL || !rt_strptime_valid(name))
        return false;
    *out = (struct rt_time_reader){RT_TIME_STRPTIME, name};
    return true;
}

const char *rt_time_reader_expects(const struct rt_time_reader *reader)
{
    return formats[reader->format].expected;
}

/* In RFC 3339 a minute may have a leap second, :60; it is the first moment of the next minute. */
static bool read_leap_second(struct rt_text text, int64_t *out_seconds, uint32_t *out_nanos)
{
    enum { SECOND_AT = 17, LONGEST = 64 };
    char copy[LONGEST];

    if (text.length > LONGEST || text.length < SECOND_AT + 2 ||
        memcmp(text.data + SECOND_AT, "60", 2) != 0)
        return false;
    memcpy(copy, text.data, text.length);
    copy[SECOND_AT] = '5';
    copy[SECOND_AT + 1] = '9';
    if (!rt_rfc3339_parse((struct rt_text){copy, text.length}, out_seconds, out_nanos))
        return false;
    ++*out_seconds;
    return true;
}

static enum rt_reject in_range(int64_t ms, rt_time *out)
{
    if (ms < RT_TIME_FIRST.ms || ms > RT_TIME_LAST.ms)
        return RT_REJECT_TIME_RANGE;
    *out = (rt_time){ms};
    return RT_REJECT_NONE;
}

static enum rt_reject from_seconds(int64_t seconds, uint32_t nanos, rt_time *out)
{
    if (seconds < RT_SECONDS_FIRST || seconds > RT_SECONDS_LAST)
        return RT_REJECT_TIME_RANGE;
    return in_range(seconds * MS_A_SECOND + nanos / NANOS_A_MS, out);
}

static enum rt_reject from_integer(enum rt_time_format format, int64_t value, rt_time *out)
{
    if (format == RT_TIME_UNIX_S)
        return from_seconds(value, 0, out);
    return in_range(floor_divide(value, formats[format].units_a_ms), out);
}

/*
 * Seconds with a fraction.  What was written as 1431857103.123 is the double nearest to it, which may lie below; the
 * millisecond that reads back as the same double is what was meant.  Anything else is floored.
 */
static enum rt_reject from_real_seconds(double value, rt_time *out)
{
    if (value < -1e12 || value > 1e12)
        return RT_REJECT_TIME_RANGE;

    double nearest = nearbyint(value * MS_A_SECOND);

    return in_range((int64_t)(nearest / MS_A_SECOND <= value ? nearest : nearest - 1), out);
}

static enum rt_reject from_real(enum rt_time_format format, double value, rt_time *out)
{
    if (isnan(value) || (format == RT_TIME_AUTO && value != floor(value)))
        return RT_REJECT_BAD_TIME; /* without a format a fraction may mean seconds: not guessed */
    if (format == RT_TIME_UNIX_S)
        return from_real_seconds(value, out);
    if (value > -9e18 && value < 9e18)
        return from_integer(format, (int64_t)floor(value), out);

    double ms = floor(value / (double)formats[format].units_a_ms);

    return ms > -1e15 && ms < 1e15 ? in_range((int64_t)ms, out) : RT_REJECT_TIME_RANGE;
}

static enum rt_reject from_natural(enum rt_time_format format, uint64_t value, rt_time *out)
{
    if (value <= INT64_MAX)
        return from_integer(format, (int64_t)value, out);
    if (format == RT_TIME_UNIX_S || format == RT_TIME_UNIX_MS || format == RT_TIME_AUTO)
        return RT_REJECT_TIME_RANGE;
    return in_range((int64_t)(value / (uint64_t)formats[format].units_a_ms), out);
}

/* A number that came as text, as in CSV: digits, perhaps with a fraction. */
static enum rt_reject from_digits(enum rt_time_format format, struct rt_text text, rt_time *out)
{
    int64_t integer;
    double real;

    if (rt_text_to_int(text, &integer))
        return from_integer(format, integer, out);
    if (rt_text_to_double(text, &real))
        return from_real(format, real, out);
    return RT_REJECT_BAD_TIME;
}

static enum rt_reject from_text(const struct rt_time_reader *reader, struct rt_text text,
                                rt_time *out)
{
    int64_t seconds;
    uint32_t nanos;
    bool read;

    if (reader->format == RT_TIME_STRPTIME)
        read = rt_strptime(reader->pattern, text, &seconds, &nanos);
    else if (reader->format == RT_TIME_RFC3339 || reader->format == RT_TIME_AUTO)
        read = rt_rfc3339_parse(text, &seconds, &nanos) || read_leap_second(text, &seconds, &nanos);
    else
        return from_digits(reader->format, text, out);
    return read ? from_seconds(seconds, nanos, out) : RT_REJECT_BAD_TIME;
}

enum rt_reject rt_time_read(const struct rt_time_reader *reader, struct rt_value value,
                            rt_time *out)
{
    bool numeric = reader->format != RT_TIME_RFC3339 && reader->format != RT_TIME_STRPTIME;

    switch (value.type) {
    case RT_ABSENT:
    case RT_NULL:
        return RT_REJECT_NO_TIME;
    case RT_TIMESTAMP:
        return from_seconds(value.u.integer, value.length, out);
    case RT_STRING:
        return from_text(reader, rt_value_text(value), out);
    case RT_INT:
        return numeric ? from_integer(reader->format, value.u.integer, out) : RT_REJECT_BAD_TIME;
    case RT_UINT:
        return numeric ? from_natural(reader->format, value.u.natural, out) : RT_REJECT_BAD_TIME;
    case RT_DOUBLE:
        return numeric ? from_real(reader->format, value.u.real, out) : RT_REJECT_BAD_TIME;
    default:
        return RT_REJECT_BAD_TIME;
    }
}
