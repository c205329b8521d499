/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zone.c - reading TZif files (RFC 8536) and asking them.
 *
 *     [header v1][block v1, 32-bit][header v2][block v2, 64-bit] \n POSIX rule \n
 *                                             transitions t0 < t1 < ... , a type each; types: seconds east of UTC
 *
 * Only the 64-bit block is used; a file without one is no zone to us.
 */
#include "rules/zone.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "rules/zone_rule.h"
#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"
#include "runtime/base/map.h"

#define ZONE_FOLDER "/usr/share/zoneinfo/"

enum {
    NAME_MAX_BYTES = 64,
    FILE_MAX_BYTES = 1 << 16,
    ZONES_MAX = 1024,
    HEADER_BYTES = 44,
    TYPE_BYTES = 6
};

struct zone {
    char name[NAME_MAX_BYTES + 1];
    bool known; /* false: there is no such file, or it is not a zone */
    bool has_rule;
    struct zone_rule rule; /* after the last transition */
    int64_t first_seconds; /* before the first transition */
    size_t count;
    int64_t *times;   /* owned; count transitions, then count offsets */
    int64_t *offsets; /* in the same block */
};

struct expr_zones {
    struct rt_map by_name; /* name -> index */
    struct zone **zones;   /* owned */
    size_t count;
};

enum rt_status expr_zones_new(struct expr_zones **out)
{
    struct expr_zones *zones = rt_alloc_zeroed(1, sizeof(*zones));

    if (zones == NULL)
        return RT_ERR_NOMEM;
    zones->zones = rt_alloc_zeroed(ZONES_MAX, sizeof(struct zone *));
    if (zones->zones == NULL) {
        rt_free(zones);
        return RT_ERR_NOMEM;
    }
    *out = zones;
    return RT_OK;
}

static void zone_free(struct zone *zone)
{
    if (zone != NULL)
        rt_free(zone->times);
    rt_free(zone);
}

static void forget_all(struct expr_zones *zones)
{
    for (size_t i = 0; i < zones->count; i++)
        zone_free(zones->zones[i]);
    zones->count = 0;
    rt_map_done(&zones->by_name);
    zones->by_name = (struct rt_map){0};
}

void expr_zones_free(struct expr_zones *zones)
{
    if (zones == NULL)
        return;
    forget_all(zones);
    rt_free(zones->zones);
    rt_free(zones);
}

/* ---- the file ---- */

static uint32_t get32(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static int64_t get64(const unsigned char *bytes)
{
    return (int64_t)((uint64_t)get32(bytes) << 32 | get32(bytes + 4));
}

struct block {
    uint32_t utc_count, standard_count, leap_count, time_count, type_count, char_count;
    size_t bytes; /* without the header */
};

static bool read_header(const unsigned char *bytes, size_t available, size_t time_bytes,
                        struct block *out)
{
    if (available < HEADER_BYTES || memcmp(bytes, "TZif", 4) != 0)
        return false;
    *out = (struct block){.utc_count = get32(bytes + 20),
                          .standard_count = get32(bytes + 24),
                          .leap_count = get32(bytes + 28),
                          .time_count = get32(bytes + 32),
                          .type_count = get32(bytes + 36),
                          .char_count = get32(bytes + 40)};
    if (out->utc_count > 256 || out->standard_count > 256 || out->leap_count > FILE_MAX_BYTES ||
        out->time_count > FILE_MAX_BYTES || out->type_count == 0 || out->type_count > 256 ||
        out->char_count > FILE_MAX_BYTES)
        return false;
    out->bytes = out->time_count * (time_bytes + 1) + out->type_count * TYPE_BYTES +
                 out->char_count + out->leap_count * (time_bytes + 4) + out->standard_count +
                 out->utc_count;
    return out->bytes <= available - HEADER_BYTES;
}

/* Transitions and offsets of a checked 64-bit block at `bytes`. */
static enum rt_status read_block(const unsigned char *bytes, const struct block *block,
                                 struct zone *zone)
{
    const unsigned char *kinds = bytes + block->time_count * 8;
    const unsigned char *types = kinds + block->time_count;

    zone->first_seconds = (int32_t)get32(types);
    zone->times = rt_alloc_zeroed(2 * (size_t)block->time_count + 1, sizeof(int64_t));
    if (zone->times == NULL)
        return RT_ERR_NOMEM;
    zone->offsets = zone->times + block->time_count;
    for (uint32_t i = 0; i < block->time_count; i++) {
        if (kinds[i] >= block->type_count)
            return RT_ERR_DATA;
        zone->times[i] = get64(bytes + (size_t)i * 8);
        zone->offsets[i] = (int32_t)get32(types + (size_t)kinds[i] * TYPE_BYTES);
        if (i > 0 && zone->times[i] <= zone->times[i - 1])
            return RT_ERR_DATA;
    }
    zone->count = block->time_count;
    return RT_OK;
}

static enum rt_status read_zone(const unsigned char *bytes, size_t length, struct zone *zone)
{
    struct block block;

    if (!read_header(bytes, length, 4, &block) || bytes[4] < '2')
        return RT_ERR_DATA;

    size_t at = HEADER_BYTES + block.bytes;

    if (!read_header(bytes + at, length - at, 8, &block))
        return RT_ERR_DATA;

    enum rt_status status = read_block(bytes + at + HEADER_BYTES, &block, zone);

    if (status != RT_OK)
        return status;
    at += HEADER_BYTES + block.bytes;
    if (length - at < 2 || bytes[at] != '\n' || bytes[length - 1] != '\n')
        return RT_ERR_DATA;

    struct rt_text rule = {(const char *)bytes + at + 1, length - at - 2};

    zone->has_rule = rule.length > 0;
    if (zone->has_rule && !expr_zone_rule_parse(rule, &zone->rule))
        return RT_ERR_DATA;
    zone->known = true;
    return RT_OK;
}

/* Folder names, letters, digits, `_ + -`: nothing that leaves the folder. */
static bool is_name(struct rt_text name)
{
    if (name.length == 0 || name.length > NAME_MAX_BYTES || name.data[0] == '/')
        return false;
    for (size_t i = 0; i < name.length; i++) {
        char c = name.data[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

        if (!letter && !(c >= '0' && c <= '9') && (c == '\0' || strchr("_+-/", c) == NULL))
            return false;
    }
    return true;
}

/* RT_ERR_DATA: no such file, or not a zone's. */
static enum rt_status load(const char *name, struct zone *zone)
{
    char path[sizeof(ZONE_FOLDER) + NAME_MAX_BYTES];

    snprintf(path, sizeof(path), "%s%s", ZONE_FOLDER, name);

    FILE *file = fopen(path, "rb");

    if (file == NULL)
        return RT_ERR_DATA;

    unsigned char *bytes = rt_alloc(FILE_MAX_BYTES);
    enum rt_status status = RT_ERR_NOMEM;

    if (bytes != NULL) {
        size_t length = fread(bytes, 1, FILE_MAX_BYTES, file);

        status = read_zone(bytes, length, zone);
    }
    rt_free(bytes);
    fclose(file);
    return status;
}

/* ---- asking ---- */

static enum rt_status find(struct expr_zones *zones, struct rt_text name, const struct zone **out)
{
    uint64_t index;

    if (rt_map_get(&zones->by_name, name, &index)) {
        *out = zones->zones[index];
        return RT_OK;
    }
    if (zones->count == ZONES_MAX)
        forget_all(zones);

    struct zone *zone = rt_alloc_zeroed(1, sizeof(*zone));

    if (zone == NULL)
        return RT_ERR_NOMEM;
    memcpy(zone->name, name.data, name.length);

    enum rt_status status = load(zone->name, zone);

    if (status == RT_OK || status == RT_ERR_DATA) {
        zone->known = status == RT_OK;
        status =
            rt_map_set(&zones->by_name, (struct rt_text){zone->name, name.length}, zones->count);
    }
    if (status != RT_OK) {
        zone_free(zone);
        return status;
    }
    zones->zones[zones->count++] = zone;
    *out = zone;
    return RT_OK;
}

static int64_t offset_at(const struct zone *zone, int64_t at)
{
    size_t low = 0, high = zone->count; /* the first transition after `at` lies in [low, high] */

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (zone->times[middle] <= at)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == zone->count && zone->has_rule)
        return expr_zone_rule_offset(&zone->rule, at);
    return low == 0 ? zone->first_seconds : zone->offsets[low - 1];
}

/* [+-]hh:mm */
static bool fixed_offset(struct rt_text name, int64_t *out)
{
    bool negative = name.length > 0 && name.data[0] == '-';
    uint64_t hours, minutes;

    if (negative || (name.length > 0 && name.data[0] == '+')) {
        name.data++;
        name.length--;
    }
    if (name.length != 5 || name.data[2] != ':' ||
        !rt_text_to_uint((struct rt_text){name.data, 2}, &hours) ||
        !rt_text_to_uint((struct rt_text){name.data + 3, 2}, &minutes) || hours > 23 ||
        minutes > 59)
        return false;
    *out = (int64_t)(hours * 3600 + minutes * 60);
    if (negative)
        *out = -*out;
    return true;
}

enum rt_status expr_zone_offset(struct expr_zones *zones, struct rt_text name, int64_t at,
                                int64_t *out_seconds)
{
    const struct zone *zone = NULL;

    if (rt_text_is(name, "UTC") || rt_text_is(name, "Z")) {
        *out_seconds = 0;
        return RT_OK;
    }
    if (fixed_offset(name, out_seconds))
        return RT_OK;
    if (!is_name(name))
        return RT_ERR_DATA;

    enum rt_status status = find(zones, name, &zone);

    if (status != RT_OK)
        return status;
    if (!zone->known)
        return RT_ERR_DATA;
    *out_seconds = offset_at(zone, at);
    return RT_OK;
}
