/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/io/kafka_replay.h"

#include <inttypes.h>
#include <string.h>

#include "runtime/base/alloc.h"
#include "runtime/io/kafka_marker.h"
#include "runtime/io/source_kafka.h"

enum { NAMED_MAX = 20 };

struct planning {
    const struct rt_kafka_replay *replay;
    const struct rt_kafka_replay_offsets *offsets;
    struct rt_kafka_place *starts;
    int64_t *lows; /* owned; first offset that is kept, by place */
    struct rt_buffer *message;
};

/* ---- rules without a bound ---- */

static void name_one(struct rt_buffer *names, size_t count, const char *name)
{
    if (count < NAMED_MAX)
        rt_buffer_printf(names, "%s`%s` (", count == 0 ? "" : ", ", name);
    else if (count == NAMED_MAX)
        rt_buffer_string(names, " and others");
}

static enum rt_status refuse_unbounded(const struct planning *planning)
{
    const struct rt_kafka_replay *replay = planning->replay;
    struct rt_buffer names;
    size_t count = 0;

    rt_buffer_init(&names, SIZE_MAX);
    for (size_t i = 0; i < replay->rule_count; i++) {
        const struct rt_kafka_replay_rule *rule = &replay->rules[i];

        if (rule->allowed || rule->unbounded == NULL)
            continue;
        name_one(&names, count, rule->name);
        if (count++ < NAMED_MAX)
            rt_buffer_printf(&names, "%s)", rule->unbounded);
    }
    if (count > 0)
        RT_KAFKA_STOP_SAY(planning->message, RT_KAFKA_STOP_REPLAY_UNBOUNDED,
                          "no number of records brings back what these rules remember: %s",
                          names.length == 0 ? "" : names.data);
    rt_buffer_done(&names);
    return count > 0 ? RT_ERR_CORRUPT : RT_OK;
}

/* ---- offsets ---- */

static const char *name_of(const struct planning *planning, size_t source, size_t place)
{
    const struct rt_kafka_replay_offsets *offsets = planning->offsets;

    return rt_source_kafka_name(offsets->sources[source], &offsets->places[place]);
}

static int64_t end_of(const struct rt_kafka_place *committed)
{
    return committed->offset == RT_KAFKA_NO_OFFSET ? 0 : committed->offset;
}

static enum rt_status client_failed(const struct planning *planning, struct rt_kafka_reader *reader)
{
    rt_buffer_printf(planning->message, "kafka: %s", rt_kafka_reader_error(reader));
    return RT_ERR_IO;
}

/* What is to be read next is there. */
static enum rt_status check_place(struct planning *planning, size_t source, size_t at)
{
    const struct rt_kafka_place *place = &planning->offsets->places[at];
    struct rt_kafka_reader *reader = rt_source_kafka_reader(planning->offsets->sources[source]);
    int64_t high;

    if (rt_kafka_reader_bounds(reader, place->topic, place->partition, RT_KAFKA_CONNECT_MS,
                               &planning->lows[at], &high) != RT_OK)
        return client_failed(planning, reader);
    if (place->offset == RT_KAFKA_NO_OFFSET)
        return RT_OK;
    if (planning->lows[at] > place->offset) {
        RT_KAFKA_STOP_SAY(planning->message, RT_KAFKA_STOP_DATA_LOST,
                          "%s was read up to offset %" PRId64 " and begins at %" PRId64
                          " now: %" PRId64 " records are gone unread",
                          name_of(planning, source, at), place->offset, planning->lows[at],
                          planning->lows[at] - place->offset);
        return RT_ERR_CORRUPT;
    }
    if (high < place->offset) {
        RT_KAFKA_STOP_SAY(planning->message, RT_KAFKA_STOP_DATA_OTHER,
                          "%s was read up to offset %" PRId64 " and ends at %" PRId64 " now",
                          name_of(planning, source, at), place->offset, high);
        return RT_ERR_CORRUPT;
    }
    return RT_OK;
}

static enum rt_status check_places(struct planning *planning)
{
    const struct rt_kafka_replay_offsets *offsets = planning->offsets;
    enum rt_status status = RT_OK;
    size_t at = 0;

    for (size_t i = 0; i < offsets->source_count; i++)
        for (size_t p = 0; p < offsets->counts[i] && status == RT_OK; p++, at++)
            status = check_place(planning, i, at);
    return status;
}

/* A time before 1970 would be an order to the client. */
static rt_time back_from(const struct planning *planning, rt_duration span)
{
    rt_time from = rt_time_plus(planning->offsets->until, (rt_duration){-span.ms});

    from = rt_time_plus(from, (rt_duration){-planning->replay->margin.ms});
    return rt_time_later(from, (rt_time){0});
}

static enum rt_status find_starts(struct planning *planning, rt_time from)
{
    const struct rt_kafka_replay_offsets *offsets = planning->offsets;
    size_t at = 0;

    memcpy(planning->starts, offsets->places, offsets->place_count * sizeof(*planning->starts));
    for (size_t i = 0; i < offsets->source_count; at += offsets->counts[i], i++) {
        struct rt_kafka_reader *reader = rt_source_kafka_reader(offsets->sources[i]);

        if (rt_kafka_reader_at_time(reader, from.ms, planning->starts + at, offsets->counts[i],
                                    RT_KAFKA_CONNECT_MS) != RT_OK)
            return client_failed(planning, reader);
    }
    for (at = 0; at < offsets->place_count; at++)
        if (planning->starts[at].offset > end_of(&offsets->places[at]))
            planning->starts[at].offset = end_of(&offsets->places[at]);
    return RT_OK;
}

/* ---- records that are gone ---- */

/*
 * The first partition that begins where reading is to begin, or later: there may have been records before it that are missing.  NULL:
 * none, all that is needed is there.
 */
static const char *short_of(const struct planning *planning)
{
    const struct rt_kafka_replay_offsets *offsets = planning->offsets;
    size_t at = 0;

    for (size_t i = 0; i < offsets->source_count; i++)
        for (size_t p = 0; p < offsets->counts[i]; p++, at++)
            if (offsets->places[at].offset != RT_KAFKA_NO_OFFSET && planning->lows[at] > 0 &&
                planning->starts[at].offset <= planning->lows[at])
                return name_of(planning, i, at);
    return NULL;
}

static bool must_be_whole(const struct rt_kafka_replay_rule *rule)
{
    return !rule->allowed && rule->unbounded == NULL;
}

/* The first rule with that span asks for all of them. */
static bool is_asked_already(const struct rt_kafka_replay *replay, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (must_be_whole(&replay->rules[i]) &&
            replay->rules[i].span.ms == replay->rules[index].span.ms)
            return true;
    return false;
}

static void name_those_of_span(const struct planning *planning, rt_duration span,
                               struct rt_buffer *names, size_t *count)
{
    for (size_t i = 0; i < planning->replay->rule_count; i++) {
        const struct rt_kafka_replay_rule *rule = &planning->replay->rules[i];

        if (!must_be_whole(rule) || rule->span.ms != span.ms)
            continue;
        name_one(names, *count, rule->name);
        if ((*count)++ >= NAMED_MAX)
            continue;
        rt_buffer_duration(names, rule->span.ms);
        rt_buffer_char(names, ')');
    }
}

static enum rt_status name_those_short(struct planning *planning, struct rt_buffer *names,
                                       const char **first)
{
    const struct rt_kafka_replay *replay = planning->replay;
    enum rt_status status = RT_OK;
    size_t count = 0;

    for (size_t i = 0; i < replay->rule_count && status == RT_OK; i++) {
        const char *found;

        if (!must_be_whole(&replay->rules[i]) || is_asked_already(replay, i))
            continue;
        status = find_starts(planning, back_from(planning, replay->rules[i].span));
        found = status == RT_OK ? short_of(planning) : NULL;
        if (found == NULL)
            continue;
        *first = found;
        name_those_of_span(planning, replay->rules[i].span, names, &count);
    }
    return status;
}

static enum rt_status refuse_short(struct planning *planning)
{
    const char *first = NULL;
    struct rt_buffer names;
    enum rt_status status;

    rt_buffer_init(&names, SIZE_MAX);
    status = name_those_short(planning, &names, &first);
    if (status == RT_OK && first != NULL) {
        RT_KAFKA_STOP_SAY(planning->message, RT_KAFKA_STOP_REPLAY_SHORT,
                          "the topic does not keep its records long enough (%s) for what these "
                          "rules remember: %s",
                          first, names.length == 0 ? "" : names.data);
        status = RT_ERR_CORRUPT;
    }
    rt_buffer_done(&names);
    return status;
}

/* ---- the plan ---- */

static rt_duration longest_of(const struct rt_kafka_replay *replay)
{
    rt_duration longest = {0};

    for (size_t i = 0; i < replay->rule_count; i++)
        if (replay->rules[i].span.ms > longest.ms)
            longest = replay->rules[i].span;
    return longest;
}

enum rt_status rt_kafka_replay_plan(const struct rt_kafka_replay *replay,
                                    const struct rt_kafka_replay_offsets *offsets,
                                    struct rt_kafka_place *starts, rt_time *from,
                                    struct rt_buffer *message)
{
    struct planning planning = {replay, offsets, starts,
                                rt_alloc_zeroed(offsets->place_count, sizeof(int64_t)), message};
    enum rt_status status = planning.lows == NULL ? RT_ERR_NOMEM : refuse_unbounded(&planning);

    *from = back_from(&planning, longest_of(replay));
    if (status == RT_OK)
        status = check_places(&planning);
    if (status == RT_OK)
        status = refuse_short(&planning);
    if (status == RT_OK)
        status = find_starts(&planning, *from);
    rt_free(planning.lows);
    return status;
}
