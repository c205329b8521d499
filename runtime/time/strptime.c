/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/time/strptime.h"

#include <stddef.h>

#include "runtime/base/assert.h"
#include "runtime/base/calendar.h"

enum { NOT_SAID = -1, MONDAY_TO_SUNDAY = 7, MONTHS = 12 };

/* What a text has said so far.  All int, so that one table fills the numeric ones. */
struct moment {
    int year, month, day, day_of_year;
    int hour, hour_of_12, minute, second;
    int afternoon;      /* 0 AM, 1 PM */
    int offset_minutes; /* east of UTC */
    uint32_t nanos;
    int64_t unix_seconds;
    bool has_unix_seconds;
};

struct cursor {
    const char *at, *end;
};

/* ---- pieces ---- */

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

/* At least one digit, at most `width`. */
static bool read_number(struct cursor *text, unsigned width, int *out)
{
    const char *first = text->at;
    int value = 0;

    for (; width > 0 && text->at < text->end && is_digit(*text->at); width--)
        value = value * 10 + (*text->at++ - '0');
    *out = value;
    return text->at > first;
}

static bool read_blanks(struct cursor *text)
{
    const char *first = text->at;

    while (text->at < text->end && is_blank(*text->at))
        text->at++;
    return text->at > first;
}

/* `word` in any case; moves behind it. */
static bool read_word(struct cursor *text, const char *word)
{
    const char *at = text->at;

    for (; *word != '\0'; word++, at++) {
        if (at == text->end || lower(*at) != lower(*word))
            return false;
    }
    text->at = at;
    return true;
}

/* The full name or its first three letters; the index of the name in *out. */
static bool read_name(struct cursor *text, const char *const *names, int count, int *out)
{
    for (int i = 0; i < count; i++) {
        const char abbreviation[] = {names[i][0], names[i][1], names[i][2], '\0'};

        if (read_word(text, names[i]) || read_word(text, abbreviation)) {
            *out = i;
            return true;
        }
    }
    return false;
}

static const char *const month_names[MONTHS] = {"January",   "February", "March",    "April",
                                                "May",       "June",     "July",     "August",
                                                "September", "October",  "November", "December"};
static const char *const day_names[MONDAY_TO_SUNDAY] = {
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};

/* ---- conversions ---- */

struct number_conversion {
    char letter;
    bool blank_before; /* may be padded with a blank */
    unsigned char width;
    int least, most;
    size_t field; /* offset of an int in struct moment */
};

static const struct number_conversion number_conversions[] = {
    {'Y', false, 4, 0, 9999, offsetof(struct moment, year)},
    {'m', false, 2, 1, 12, offsetof(struct moment, month)},
    {'d', false, 2, 1, 31, offsetof(struct moment, day)},
    {'e', true, 2, 1, 31, offsetof(struct moment, day)},
    {'j', false, 3, 1, 366, offsetof(struct moment, day_of_year)},
    {'H', false, 2, 0, 23, offsetof(struct moment, hour)},
    {'I', false, 2, 1, 12, offsetof(struct moment, hour_of_12)},
    {'M', false, 2, 0, 59, offsetof(struct moment, minute)},
    {'S', false, 2, 0, 60, offsetof(struct moment, second)},
};

static const struct number_conversion *number_conversion_of(char letter)
{
    for (size_t i = 0; i < sizeof(number_conversions) / sizeof(number_conversions[0]); i++) {
        if (number_conversions[i].letter == letter)
            return &number_conversions[i];
    }
    return NULL;
}

/* What a conversion stands for when it is short for others; NULL: it is not. */
static const char *expansion_of(char letter)
{
    switch (letter) {
    case 'F':
        return "%Y-%m-%d";
    case 'T':
        return "%H:%M:%S";
    case 'R':
        return "%H:%M";
    case 'D':
        return "%m/%d/%y";
    default:
        return NULL;
    }
}

static bool read_into(const struct number_conversion *conversion, struct cursor *text,
                      struct moment *moment)
{
    int value;

    if (conversion->blank_before && text->at < text->end && *text->at == ' ')
        text->at++;
    if (!read_number(text, conversion->width, &value))
        return false;
    if (value < conversion->least || value > conversion->most)
        return false;
    *(int *)((char *)moment + conversion->field) = value;
    return true;
}

/* %y: 69 to 99 are of the twentieth century. */
static bool read_short_year(struct cursor *text, struct moment *moment)
{
    int value;

    if (!read_number(text, 2, &value))
        return false;
    moment->year = value + (value < 69 ? 2000 : 1900);
    return true;
}

/* %f: what is finer than a nanosecond is cut off. */
static bool read_fraction(struct cursor *text, struct moment *moment)
{
    const char *first = text->at;
    uint32_t weight = 100000000;

    moment->nanos = 0;
    for (; text->at < text->end && is_digit(*text->at); text->at++) {
        moment->nanos += weight * (uint32_t)(*text->at - '0');
        weight /= 10;
    }
    return text->at > first;
}

/* %z: +hh, +hhmm, +hh:mm or Z. */
static bool read_offset(struct cursor *text, struct moment *moment)
{
    int hours, minutes = 0;

    moment->offset_minutes = 0;
    if (read_word(text, "Z"))
        return true;
    if (text->at == text->end || (*text->at != '+' && *text->at != '-'))
        return false;

    int sign = *text->at++ == '-' ? -1 : 1;
    const char *first = text->at;

    if (!read_number(text, 2, &hours) || text->at - first != 2)
        return false;
    if (text->at < text->end && (*text->at == ':' || is_digit(*text->at))) {
        if (*text->at == ':')
            text->at++;
        first = text->at;
        if (!read_number(text, 2, &minutes) || text->at - first != 2)
            return false;
    }
    if (hours > 23 || minutes > 59)
        return false;
    moment->offset_minutes = sign * (hours * 60 + minutes);
    return true;
}

/* %s: at most twelve digits, which is more than any year that is let through. */
static bool read_unix_seconds(struct cursor *text, struct moment *moment)
{
    bool negative = text->at < text->end && *text->at == '-';
    int64_t value = 0;
    unsigned digits = 0;

    if (negative)
        text->at++;
    for (; text->at < text->end && is_digit(*text->at) && digits < 12; digits++)
        value = value * 10 + (*text->at++ - '0');
    moment->unix_seconds = negative ? -value : value;
    moment->has_unix_seconds = true;
    return digits > 0;
}

static bool read_half_of_day(struct cursor *text, struct moment *moment)
{
    moment->afternoon = read_word(text, "PM");
    return moment->afternoon || read_word(text, "AM");
}

static bool read_month_name(struct cursor *text, struct moment *moment)
{
    bool found = read_name(text, month_names, MONTHS, &moment->month);

    moment->month++;
    return found;
}

static bool read_conversion(char letter, struct cursor *text, struct moment *moment)
{
    const struct number_conversion *number = number_conversion_of(letter);
    int weekday;

    if (number != NULL)
        return read_into(number, text, moment);
    switch (letter) {
    case 'y':
        return read_short_year(text, moment);
    case 'f':
        return read_fraction(text, moment);
    case 'z':
        return read_offset(text, moment);
    case 'Z':
        return read_word(text, "UTC") || read_word(text, "GMT") || read_word(text, "Z");
    case 's':
        return read_unix_seconds(text, moment);
    case 'p':
        return read_half_of_day(text, moment);
    case 'b':
    case 'B':
    case 'h':
        return read_month_name(text, moment);
    case 'a':
    case 'A':
        return read_name(text, day_names, MONDAY_TO_SUNDAY, &weekday);
    case 'n':
    case 't':
        return read_blanks(text);
    case '%':
        return read_word(text, "%");
    default:
        return false;
    }
}

/* Elements without conversions that stand for others. */
static bool read_plain(const char *pattern, size_t length, struct cursor *text,
                       struct moment *moment)
{
    for (size_t i = 0; i < length; i++) {
        if (pattern[i] == '%') {
            if (!read_conversion(pattern[++i], text, moment))
                return false;
        } else if (is_blank(pattern[i])) {
            if (!read_blanks(text))
                return false;
            while (i + 1 < length && is_blank(pattern[i + 1]))
                i++;
        } else {
            if (text->at == text->end || *text->at != pattern[i])
                return false;
            text->at++;
        }
    }
    return true;
}

/* ---- what it adds up to ---- */

static bool hour_of(const struct moment *moment, int *out)
{
    if (moment->hour != NOT_SAID || moment->hour_of_12 == NOT_SAID) {
        *out = moment->hour == NOT_SAID ? 0 : moment->hour;
        return true;
    }
    *out = moment->hour_of_12 % 12 + (moment->afternoon == 1 ? 12 : 0);
    return moment->afternoon != NOT_SAID;
}

/* The day, counted from 1970-01-01.  False: the year has no such day. */
static bool day_of(const struct moment *moment, int64_t *out)
{
    int64_t days, year;
    unsigned month, day;

    RT_ASSERT(moment->year != NOT_SAID); /* rt_strptime_valid saw to it */
    if (moment->day_of_year != NOT_SAID) {
        days = rt_days_from_civil(moment->year, 1, 1) + moment->day_of_year - 1;
        rt_civil_from_days(days, &year, &month, &day);
        *out = days;
        return year == moment->year;
    }

    unsigned wanted_month = moment->month == NOT_SAID ? 1 : (unsigned)moment->month;
    unsigned wanted_day = moment->day == NOT_SAID ? 1 : (unsigned)moment->day;

    days = rt_days_from_civil(moment->year, wanted_month, wanted_day);
    rt_civil_from_days(days, &year, &month, &day);
    *out = days;
    return month == wanted_month && day == wanted_day; /* there is no 30 February */
}

static bool add_up(const struct moment *moment, int64_t *out_seconds)
{
    int minute = moment->minute == NOT_SAID ? 0 : moment->minute;
    int second = moment->second == NOT_SAID ? 0 : moment->second;
    int64_t days;
    int hour;

    if (moment->has_unix_seconds) {
        *out_seconds = moment->unix_seconds;
        return true;
    }
    if (!hour_of(moment, &hour) || !day_of(moment, &days))
        return false;
    *out_seconds = days * 86400 + (int64_t)hour * 3600 +
                   (int64_t)(minute - moment->offset_minutes) * 60 + second;
    return true;
}

/* A conversion, a run of blanks (which is as good as one) or a character. */
static size_t element_length(const char *pattern)
{
    size_t length = 1;

    if (pattern[0] == '%')
        return 2;
    if (is_blank(pattern[0])) {
        while (is_blank(pattern[length]))
            length++;
    }
    return length;
}

bool rt_strptime(const char *pattern, struct rt_text text, int64_t *out_seconds,
                 uint32_t *out_nanos)
{
    struct moment moment = {NOT_SAID, NOT_SAID, NOT_SAID, NOT_SAID, NOT_SAID, NOT_SAID, NOT_SAID,
                            NOT_SAID, NOT_SAID, 0,        0,        0,        false};
    struct cursor cursor = {text.data, text.data + text.length};
    int64_t seconds;

    while (*pattern != '\0') {
        size_t length = element_length(pattern);
        const char *expansion = pattern[0] == '%' ? expansion_of(pattern[1]) : NULL;

        if (expansion != NULL) {
            if (!read_plain(expansion, strlen(expansion), &cursor, &moment))
                return false;
        } else if (!read_plain(pattern, length, &cursor, &moment)) {
            return false;
        }
        pattern += length;
    }
    if (cursor.at != cursor.end || !add_up(&moment, &seconds))
        return false;
    *out_seconds = seconds;
    *out_nanos = moment.nanos;
    return true;
}

bool rt_strptime_valid(const char *pattern)
{
    bool year = false, half_day = false, hour_of_12 = false;

    for (; *pattern != '\0'; pattern++) {
        if (*pattern != '%')
            continue;
        pattern++;
        if (*pattern == '\0' || (strchr("yfzZspbBhaAnt%FTRD", *pattern) == NULL &&
                                 number_conversion_of(*pattern) == NULL))
            return false;
        year = year || strchr("YysFD", *pattern) != NULL;
        half_day = half_day || *pattern == 'p';
        hour_of_12 = hour_of_12 || *pattern == 'I';
    }
    return year && half_day == hour_of_12;
}
