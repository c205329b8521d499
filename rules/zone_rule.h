/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zone_rule.h - what holds after the last transition of a zone's file: POSIX TZ text such as
 * `CET-1CEST,M3.5.0,M10.5.0/3`, standard time and, between two days of each year, summer time.
 */
#ifndef EGRET_RULES_ZONE_RULE_H
#define EGRET_RULES_ZONE_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/text.h"

enum zone_day_kind {
    ZONE_DAY_JULIAN,  /* Jn: 1 to 365, 29 February never counted */
    ZONE_DAY_OF_YEAR, /* n: 0 to 365 */
    ZONE_DAY_OF_MONTH /* Mm.w.d: the wth weekday d of month m, the 5th is the last */
};

struct zone_change {
    enum zone_day_kind kind;
    unsigned day; /* of the year, or of the week with Sunday 0 */
    unsigned month, week;
    int64_t seconds_of_day; /* local time of the change; may lie outside the day */
};

struct zone_rule {
    int64_t standard_seconds; /* east of UTC */
    int64_t summer_seconds;
    bool has_summer;
    struct zone_change begin, end; /* of summer time */
};

bool expr_zone_rule_parse(struct rt_text text, struct zone_rule *out);
int64_t expr_zone_rule_offset(const struct zone_rule *rule, int64_t at);

#endif
