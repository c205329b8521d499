/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_marker.c - the decision in one table:
 *
 *     committed                              on the disk        course
 *     all the same marker, this job          (its checkpoint)   restore it
 *     nothing at all                         nothing            fresh
 *     nothing at all                         checkpoints        stop: offsets-gone
 *     an offset without marker               any                stop: offsets-foreign
 *     markers that differ                    any                stop: offsets-mixed
 *     a marker of another job                any                stop: other-job
 *     a marker, and partitions without       any                stop: partition-new, unless allowed
 *
 * Whether checkpoint n is there and has that hash is seen when it is restored.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/assert.h"
#include "runtime/io/kafka_marker.h"

static const struct {
    const char *word, *cure;
} stops[RT_KAFKA_STOP_COUNT] = {
    [RT_KAFKA_STOP_NONE] = {"", ""},
#define STOP(name, word, cure) [RT_KAFKA_STOP_##name] = {word, cure},
#include "runtime/io/kafka_stops.def"
#undef STOP
};

const char *rt_kafka_stop_word(enum rt_kafka_stop stop)
{
    RT_ASSERT((unsigned)stop < RT_KAFKA_STOP_COUNT);
    return stops[stop].word;
}

const char *rt_kafka_stop_cure(enum rt_kafka_stop stop)
{
    RT_ASSERT((unsigned)stop < RT_KAFKA_STOP_COUNT);
    return stops[stop].cure;
}

enum rt_kafka_stop rt_kafka_stop_of_lookup(enum rt_status status)
{
    return status == RT_ERR_NOT_FOUND ? RT_KAFKA_STOP_TOPIC_MISSING
           : status == RT_ERR_DIAG    ? RT_KAFKA_STOP_NOT_ADMITTED
                                      : RT_KAFKA_STOP_UNREACHABLE;
}

enum rt_kafka_stop rt_kafka_stop_of(const char *message)
{
    static const char prefix[] = "kafka/";
    size_t length;

    if (strncmp(message, prefix, sizeof(prefix) - 1) != 0)
        return RT_KAFKA_STOP_NONE;
    message += sizeof(prefix) - 1;
    length = strcspn(message, ":");
    for (int i = RT_KAFKA_STOP_NONE + 1; i < RT_KAFKA_STOP_COUNT; i++)
        if (strlen(stops[i].word) == length && memcmp(stops[i].word, message, length) == 0)
            return (enum rt_kafka_stop)i;
    return RT_KAFKA_STOP_NONE;
}

/* ---- the text ---- */

void rt_kafka_marker_text(const struct rt_kafka_marker *marker, char out[RT_KAFKA_MARKER_MAX])
{
    int length = snprintf(out, RT_KAFKA_MARKER_MAX,
                          "v1;job=%08" PRIx32 ";ck=%" PRIu64 ";h=%016" PRIx64 ";t=", marker->job,
                          marker->checkpoint, marker->hash);
    size_t left = RT_KAFKA_MARKER_MAX - (size_t)length;

    if (marker->reached.ms == RT_TIME_MIN.ms)
        snprintf(out + length, left, "-");
    else
        snprintf(out + length, left, "%" PRId64, marker->reached.ms);
}

static bool take(struct rt_text *text, const char *word)
{
    struct rt_text prefix = rt_text_of(word);

    if (!rt_text_starts_with(*text, prefix))
        return false;
    text->data += prefix.length;
    text->length -= prefix.length;
    return true;
}

/* Exactly so many lower-case digits. */
static bool take_hex(struct rt_text *text, size_t digits, uint64_t *out)
{
    static const char alphabet[] = "0123456789abcdef";

    *out = 0;
    if (text->length < digits)
        return false;
    for (size_t i = 0; i < digits; i++) {
        const char *found = memchr(alphabet, text->data[i], sizeof(alphabet) - 1);

        if (found == NULL)
            return false;
        *out = *out * 16 + (uint64_t)(found - alphabet);
    }
    text->data += digits;
    text->length -= digits;
    return true;
}

static bool take_number(struct rt_text *text, uint64_t *out)
{
    size_t digits = 0;

    while (digits < text->length && text->data[digits] >= '0' && text->data[digits] <= '9')
        digits++;
    if (digits == 0 || !rt_text_to_uint((struct rt_text){text->data, digits}, out))
        return false;
    text->data += digits;
    text->length -= digits;
    return true;
}

/* `-`, or milliseconds; before 1970 with a minus. */
static bool take_time(struct rt_text *text, rt_time *out)
{
    uint64_t ms = 0;
    bool is_minus = take(text, "-");

    *out = RT_TIME_MIN;
    if (is_minus && text->length == 0)
        return true;
    if (!take_number(text, &ms) || ms > INT64_MAX)
        return false;
    out->ms = is_minus ? -(int64_t)ms : (int64_t)ms;
    return true;
}

bool rt_kafka_marker_read(struct rt_text text, struct rt_kafka_marker *out)
{
    uint64_t job = 0, checkpoint = 0, hash = 0;
    rt_time reached;

    if (!take(&text, "v1;job=") || !take_hex(&text, 8, &job) || !take(&text, ";ck=") ||
        !take_number(&text, &checkpoint) || !take(&text, ";h=") || !take_hex(&text, 16, &hash) ||
        !take(&text, ";t=") || !take_time(&text, &reached) || text.length > 0)
        return false;
    *out = (struct rt_kafka_marker){(uint32_t)job, checkpoint, hash, reached};
    return true;
}

/* ---- the decision ---- */

/* What all partitions together say. */
struct survey {
    size_t with_offset;
    const struct rt_kafka_committed *without;   /* the first that has none */
    const struct rt_kafka_committed *foreign;   /* the first whose metadata is not ours */
    const struct rt_kafka_committed *different; /* the first whose marker is not the first marker */
    bool has_marker;
    struct rt_kafka_marker marker;
};

static bool same_marker(const struct rt_kafka_marker *a, const struct rt_kafka_marker *b)
{
    return a->job == b->job && a->checkpoint == b->checkpoint && a->hash == b->hash &&
           a->reached.ms == b->reached.ms;
}

static struct survey look(const struct rt_kafka_committed *items, size_t count)
{
    struct survey survey = {0};

    for (size_t i = 0; i < count; i++) {
        const struct rt_kafka_committed *item = &items[i];
        struct rt_kafka_marker marker;

        survey.with_offset += item->has_offset;
        if (!item->has_offset) {
            survey.without = survey.without == NULL ? item : survey.without;
        } else if (!rt_kafka_marker_read(item->metadata, &marker)) {
            survey.foreign = survey.foreign == NULL ? item : survey.foreign;
        } else if (!survey.has_marker) {
            survey.has_marker = true;
            survey.marker = marker;
        } else if (!same_marker(&marker, &survey.marker) && survey.different == NULL) {
            survey.different = item;
        }
    }
    return survey;
}

static struct rt_kafka_plan refuse(enum rt_kafka_stop stop)
{
    return (struct rt_kafka_plan){.course = RT_KAFKA_REFUSE, .stop = stop};
}

static struct rt_kafka_plan plan_without_offsets(const struct rt_kafka_local *local,
                                                 struct rt_buffer *message)
{
    if (!local->has_checkpoints)
        return (struct rt_kafka_plan){.course = RT_KAFKA_FRESH};
    if (local->blank) /* the job ended before it was committed */
        return (struct rt_kafka_plan){.course = RT_KAFKA_NEWEST};
    RT_KAFKA_STOP_SAY(message, RT_KAFKA_STOP_OFFSETS_GONE,
                      "the state directory has checkpoint %" PRIu64
                      ", but the group has no committed offsets",
                      local->newest);
    return refuse(RT_KAFKA_STOP_OFFSETS_GONE);
}

/* All that is committed is a marker of ours, or nothing. */
static struct rt_kafka_plan plan_with_markers(const struct survey *survey,
                                              const struct rt_kafka_local *local,
                                              struct rt_buffer *message)
{
    if (survey->different != NULL) {
        RT_KAFKA_STOP_SAY(message, RT_KAFKA_STOP_OFFSETS_MIXED,
                          "%s names another checkpoint than the other partitions",
                          survey->different->name);
        return refuse(RT_KAFKA_STOP_OFFSETS_MIXED);
    }
    bool replays = local->recover == RT_KAFKA_RECOVER_REPLAY &&
                   (!local->has_checkpoints || (local->blank && survey->marker.job != local->job));

    if (local->has_checkpoints && survey->marker.job != local->job && !replays) {
        RT_KAFKA_STOP_SAY(message, RT_KAFKA_STOP_OTHER_JOB,
                          "the committed offsets are of job %08" PRIx32
                          ", the state directory is of job %08" PRIx32,
                          survey->marker.job, local->job);
        return refuse(RT_KAFKA_STOP_OTHER_JOB);
    }
    if (!local->has_checkpoints && !replays) {
        RT_KAFKA_STOP_SAY(message, RT_KAFKA_STOP_CHECKPOINT_MISSING,
                          "the committed offsets name checkpoint %" PRIu64
                          ", and the state directory has none",
                          survey->marker.checkpoint);
        return refuse(RT_KAFKA_STOP_CHECKPOINT_MISSING);
    }
    if (survey->without != NULL && !local->take_new_partitions) {
        RT_KAFKA_STOP_SAY(message, RT_KAFKA_STOP_PARTITION_NEW,
                          "%s has no committed offset, the other partitions have",
                          survey->without->name);
        return refuse(RT_KAFKA_STOP_PARTITION_NEW);
    }
    return (struct rt_kafka_plan){.course = replays ? RT_KAFKA_REPLAY : RT_KAFKA_RESTORE,
                                  .marker = survey->marker};
}

struct rt_kafka_plan rt_kafka_plan(const struct rt_kafka_committed *items, size_t count,
                                   const struct rt_kafka_local *local, struct rt_buffer *message)
{
    struct survey survey = look(items, count);

    if (local->recover == RT_KAFKA_RECOVER_CHECKPOINT && local->has_checkpoints)
        return (struct rt_kafka_plan){.course = RT_KAFKA_NEWEST};
    if (local->recover == RT_KAFKA_RECOVER_OFFSETS && survey.with_offset > 0)
        return (struct rt_kafka_plan){.course = RT_KAFKA_OFFSETS};
    if (survey.with_offset == 0)
        return plan_without_offsets(local, message);
    if (survey.foreign == NULL)
        return plan_with_markers(&survey, local, message);
    RT_KAFKA_STOP_SAY(message, RT_KAFKA_STOP_OFFSETS_FOREIGN,
                      "offset %" PRId64 " of %s was not committed by Egret", survey.foreign->offset,
                      survey.foreign->name);
    return refuse(RT_KAFKA_STOP_OFFSETS_FOREIGN);
}
