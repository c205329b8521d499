/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zone.h - time zones by their IANA names, from the system's database, each read once per thread.
 *
 * Z1  Nothing depends on the machine's own zone: TZ is not read, localtime not called.
 * Z2  A name is looked up in the file system once; that it does not exist is remembered too.  At most
 *     ZONES_MAX names are remembered, then all are forgotten: names may come from events.
 */
#ifndef EGRET_RULES_ZONE_H
#define EGRET_RULES_ZONE_H

#include <stdint.h>

#include "runtime/base/status.h"
#include "runtime/base/text.h"

struct expr_zones;

enum rt_status expr_zones_new(struct expr_zones **out);
void expr_zones_free(struct expr_zones *zones); /* NULL is fine */

/*
 * Seconds east of UTC in that zone at that instant (seconds since 1970).  `name` is an IANA name, `UTC`, or an
 * offset: `+02:00`, `-09:30`, `02:00`.  RT_ERR_DATA: there is no such zone.  RT_ERR_NOMEM.
 */
enum rt_status expr_zone_offset(struct expr_zones *zones, struct rt_text name, int64_t at,
                                int64_t *out_seconds);

#endif
