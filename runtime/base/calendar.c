/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/calendar.h"

#include "runtime/base/assert.h"

enum { SECONDS_PER_DAY = 86400, DAYS_PER_ERA = 146097, DAYS_TO_1970 = 719468 };

/*
 * The year is taken to begin in March, so that the leap day is its last and month lengths follow one formula.
 * An era is 400 years, after which the calendar repeats.
 */
int64_t rt_days_from_civil(int64_t year, unsigned month, unsigned day)
{
    RT_ASSERT(month >= 1 && month <= 12 && day >= 1 && day <= 31);
    if (month <= 2)
        year--;

    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (int64_t)(month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * DAYS_PER_ERA + day_of_era - DAYS_TO_1970;
}

void rt_civil_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
    days += DAYS_TO_1970;

    int64_t era = (days >= 0 ? days : days - (DAYS_PER_ERA - 1)) / DAYS_PER_ERA;
    int64_t day_of_era = days - era * DAYS_PER_ERA;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted_month = (5 * day_of_year + 2) / 153; /* 0 is March */

    *day = (unsigned)(day_of_year - (153 * shifted_month + 2) / 5 + 1);
    *month = (unsigned)(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
    *year = year_of_era + era * 400 + (*month <= 2 ? 1 : 0);
}

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

unsigned rt_days_in_month(int64_t year, unsigned month)
{
    static const unsigned char days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    RT_ASSERT(month >= 1 && month <= 12);
    return days[month - 1] + (month == 2 && is_leap(year) ? 1u : 0u);
}

/* Exactly `count` digits at *at; moves behind them. */
static bool take_digits(struct rt_text text, size_t *at, size_t count, unsigned *out)
{
    unsigned value = 0;

    if (text.length - *at < count)
        return false;
    for (size_t i = 0; i < count; i++) {
        char c = text.data[*at + i];

        if (c < '0' || c > '9')
            return false;
        value = value * 10 + (unsigned)(c - '0');
    }
    *at += count;
    *out = value;
    return true;
}

static bool take_char(struct rt_text text, size_t *at, char upper)
{
    if (*at == text.length)
        return false;

    char c = text.data[*at];

    if (c != upper && !(upper >= 'A' && upper <= 'Z' && c == upper + ('a' - 'A')))
        return false;
    ++*at;
    return true;
}

static bool take_fraction(struct rt_text text, size_t *at, uint32_t *nanos)
{
    uint32_t value = 0;
    uint32_t scale = RT_NANOS_PER_SECOND;
    size_t begin = *at;

    while (*at < text.length && text.data[*at] >= '0' && text.data[*at] <= '9') {
        if (scale > 1) {
            value = value * 10 + (uint32_t)(text.data[*at] - '0');
            scale /= 10;
        }
        ++*at;
    }
    *nanos = value * scale;
    return *at > begin;
}

static bool take_zone(struct rt_text text, size_t *at, int64_t *offset_seconds)
{
    unsigned hour, minute;
    bool west = *at < text.length && text.data[*at] == '-';

    *offset_seconds = 0;
    if (take_char(text, at, 'Z'))
        return true;
    if (!take_char(text, at, west ? '-' : '+') || !take_digits(text, at, 2, &hour) ||
        !take_char(text, at, ':') || !take_digits(text, at, 2, &minute) || hour > 23 || minute > 59)
        return false;
    *offset_seconds = (int64_t)hour * 3600 + (int64_t)minute * 60;
    if (west)
        *offset_seconds = -*offset_seconds;
    return true;
}

bool rt_rfc3339_parse(struct rt_text text, int64_t *out_seconds, uint32_t *out_nanos)
{
    unsigned year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
    int64_t offset = 0;
    uint32_t nanos = 0;
    size_t at = 0;

    if (!take_digits(text, &at, 4, &year) || !take_char(text, &at, '-') ||
        !take_digits(text, &at, 2, &month) || !take_char(text, &at, '-') ||
        !take_digits(text, &at, 2, &day) || !take_char(text, &at, 'T'))
        return false;
    if (!take_digits(text, &at, 2, &hour) || !take_char(text, &at, ':') ||
        !take_digits(text, &at, 2, &minute) || !take_char(text, &at, ':') ||
        !take_digits(text, &at, 2, &second))
        return false;
    if (take_char(text, &at, '.') && !take_fraction(text, &at, &nanos))
        return false;
    if (!take_zone(text, &at, &offset) || at != text.length)
        return false;
    if (month < 1 || month > 12 || day < 1 || day > rt_days_in_month(year, month) || hour > 23 ||
        minute > 59 || second > 59)
        return false;
    *out_seconds = rt_days_from_civil(year, month, day) * SECONDS_PER_DAY + (int64_t)hour * 3600 +
                   (int64_t)minute * 60 + second - offset;
    *out_nanos = nanos;
    return true;
}

/* `.25`: what is below a second, without trailing zeros; nothing for 0. */
static void put_fraction(struct rt_buffer *buffer, uint32_t nanos)
{
    int digits = 9;

    if (nanos == 0)
        return;
    for (; nanos % 10 == 0; digits--)
        nanos /= 10;
    rt_buffer_printf(buffer, ".%0*u", digits, nanos);
}

void rt_buffer_seconds(struct rt_buffer *buffer, int64_t nanoseconds)
{
    uint64_t magnitude = nanoseconds < 0 ? 0 - (uint64_t)nanoseconds : (uint64_t)nanoseconds;

    if (nanoseconds < 0)
        rt_buffer_char(buffer, '-');
    rt_buffer_uint(buffer, magnitude / RT_NANOS_PER_SECOND);
    put_fraction(buffer, (uint32_t)(magnitude % RT_NANOS_PER_SECOND));
    rt_buffer_char(buffer, 's');
}

void rt_buffer_rfc3339(struct rt_buffer *buffer, int64_t seconds, uint32_t nanos)
{
    int64_t days = seconds / SECONDS_PER_DAY - (seconds % SECONDS_PER_DAY < 0 ? 1 : 0);
    unsigned rest = (unsigned)(seconds - days * SECONDS_PER_DAY);
    int64_t year;
    unsigned month, day;

    RT_ASSERT(nanos < RT_NANOS_PER_SECOND);
    rt_civil_from_days(days, &year, &month, &day);
    rt_buffer_printf(buffer, "%04d-%02u-%02uT%02u:%02u:%02u", (int)year, month, day, rest / 3600,
                     rest / 60 % 60, rest % 60);
    put_fraction(buffer, nanos);
    rt_buffer_char(buffer, 'Z');
}
