/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/zone_rule.h"

#include "runtime/base/calendar.h"

enum { DAY = 86400, HOUR = 3600, CHANGE_DEFAULT = 2 * HOUR, HOURS_MAX = 167 };

struct reader {
    struct rt_text text;
    size_t at;
};

static bool take(struct reader *reader, char c)
{
    if (reader->at == reader->text.length || reader->text.data[reader->at] != c)
        return false;
    reader->at++;
    return true;
}

static bool take_number(struct reader *reader, unsigned max, unsigned *out)
{
    size_t begin = reader->at;
    unsigned value = 0;

    for (; reader->at < reader->text.length; reader->at++) {
        char c = reader->text.data[reader->at];

        if (c < '0' || c > '9')
            break;
        value = value * 10 + (unsigned)(c - '0');
        if (value > max)
            return false;
    }
    *out = value;
    return reader->at > begin;
}

/* Letters, or anything between angle brackets. */
static bool take_name(struct reader *reader)
{
    size_t begin = reader->at;

    if (take(reader, '<')) {
        while (reader->at < reader->text.length && reader->text.data[reader->at] != '>')
            reader->at++;
        return take(reader, '>');
    }
    for (; reader->at < reader->text.length; reader->at++) {
        char c = reader->text.data[reader->at];

        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')))
            break;
    }
    return reader->at - begin >= 3;
}

/* [+-]hh[:mm[:ss]] */
static bool take_clock(struct reader *reader, int64_t *out)
{
    bool negative = take(reader, '-');
    unsigned hours, minutes = 0, seconds = 0;

    if (!negative)
        take(reader, '+');
    if (!take_number(reader, HOURS_MAX, &hours))
        return false;
    if (take(reader, ':') && !take_number(reader, 59, &minutes))
        return false;
    if (take(reader, ':') && !take_number(reader, 59, &seconds))
        return false;
    *out = (int64_t)hours * HOUR + minutes * 60 + seconds;
    if (negative)
        *out = -*out;
    return true;
}

static bool take_month_day(struct reader *reader, struct zone_change *change)
{
    change->kind = ZONE_DAY_OF_MONTH;
    return take_number(reader, 12, &change->month) && change->month >= 1 && take(reader, '.') &&
           take_number(reader, 5, &change->week) && change->week >= 1 && take(reader, '.') &&
           take_number(reader, 6, &change->day);
}

/* ,date[/time] */
static bool take_change(struct reader *reader, struct zone_change *change)
{
    if (!take(reader, ','))
        return false;
    if (take(reader, 'M')) {
        if (!take_month_day(reader, change))
            return false;
    } else {
        change->kind = take(reader, 'J') ? ZONE_DAY_JULIAN : ZONE_DAY_OF_YEAR;
        if (!take_number(reader, 365, &change->day) ||
            (change->kind == ZONE_DAY_JULIAN && change->day == 0))
            return false;
    }
    change->seconds_of_day = CHANGE_DEFAULT;
    return !take(reader, '/') || take_clock(reader, &change->seconds_of_day);
}

bool expr_zone_rule_parse(struct rt_text text, struct zone_rule *out)
{
    struct reader reader = {text, 0};
    struct zone_rule rule = {0};
    int64_t west;

    if (!take_name(&reader) || !take_clock(&reader, &west))
        return false;
    rule.standard_seconds = -west;
    rule.summer_seconds = rule.standard_seconds + HOUR;
    if (reader.at < text.length) {
        rule.has_summer = true;
        if (!take_name(&reader))
            return false;
        if (reader.at < text.length && text.data[reader.at] != ',') {
            if (!take_clock(&reader, &west))
                return false;
            rule.summer_seconds = -west;
        }
        if (!take_change(&reader, &rule.begin) || !take_change(&reader, &rule.end))
            return false;
    }
    *out = rule;
    return reader.at == text.length;
}

/* Seconds since 1970 of the change in `year`, as if the clock there showed UTC. */
static int64_t change_in(const struct zone_change *change, int64_t year)
{
    int64_t day = rt_days_from_civil(year, 1, 1);

    if (change->kind == ZONE_DAY_OF_YEAR) {
        day += change->day;
    } else if (change->kind == ZONE_DAY_JULIAN) {
        bool after_leap_day = change->day >= 60 && rt_days_in_month(year, 2) == 29;

        day += (int64_t)change->day - 1 + (after_leap_day ? 1 : 0);
    } else {
        int64_t first = rt_days_from_civil(year, change->month, 1);
        int64_t weekday = ((first + 4) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */
        int64_t date = ((int64_t)change->day - weekday + 7) % 7 + 7 * ((int64_t)change->week - 1);

        while (date >= rt_days_in_month(year, change->month))
            date -= 7;
        day = first + date;
    }
    return day * DAY + change->seconds_of_day;
}

int64_t expr_zone_rule_offset(const struct zone_rule *rule, int64_t at)
{
    if (!rule->has_summer)
        return rule->standard_seconds;

    int64_t local = at + rule->standard_seconds;
    int64_t days = local / DAY - (local % DAY < 0 ? 1 : 0);
    int64_t year;
    unsigned month, day;

    rt_civil_from_days(days, &year, &month, &day);

    int64_t begin = change_in(&rule->begin, year) - rule->standard_seconds;
    int64_t end = change_in(&rule->end, year) - rule->summer_seconds;
    bool summer = begin < end ? at >= begin && at < end : at >= begin || at < end;

    return summer ? rule->summer_seconds : rule->standard_seconds;
}
