/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/io/kafka_decision.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"
#include "runtime/base/killpoint.h"
#include "runtime/io/source_kafka.h"

enum { ERROR_BYTES = 4096 };

struct kafka_decision {
    struct rt_decision port;
    struct rt_kafka_session *session;
    struct rt_source **sources; /* owned array */
    size_t source_count;
    bool new_partitions;
    enum rt_kafka_recover recover;
    struct rt_kafka_replay replay;
    struct rt_kafka_marker marker;    /* of the committed offsets */
    rt_time reached;                  /* at the barrier */
    struct rt_kafka_place *places;    /* committed, of all sources */
    struct rt_kafka_committed *items; /* the same, as the plan wants them */
    size_t *counts;                   /* places by source */
    size_t place_count;
    bool compare; /* the sources must stand where the offsets are committed */
    uint32_t job;
    struct rt_buffer error;
};

static struct kafka_decision *of(struct rt_decision *port)
{
    return (struct kafka_decision *)port;
}

/* `status` comes first: what is said about it is only there afterwards. */
static enum rt_status say(struct kafka_decision *decision, enum rt_status status, const char *what)
{
    if (status != RT_OK && status != RT_ERR_NOMEM) {
        rt_buffer_reset(&decision->error);
        rt_buffer_string(&decision->error, what);
    }
    return status;
}

/* ---- what is committed ---- */

static enum rt_status make_room(struct kafka_decision *decision)
{
    decision->place_count = 0;
    for (size_t i = 0; i < decision->source_count; i++) {
        decision->counts[i] = rt_source_kafka_stand(decision->sources[i], NULL, 0);
        decision->place_count += decision->counts[i];
    }
    rt_free(decision->places);
    rt_free(decision->items);
    decision->places = rt_alloc_zeroed(decision->place_count, sizeof(*decision->places));
    decision->items = rt_alloc_zeroed(decision->place_count, sizeof(*decision->items));
    return decision->places == NULL || decision->items == NULL ? RT_ERR_NOMEM : RT_OK;
}

static enum rt_status read_committed(struct kafka_decision *decision)
{
    enum rt_status status = make_room(decision);
    size_t at = 0;

    for (size_t i = 0; status == RT_OK && i < decision->source_count; i++) {
        struct rt_source *source = decision->sources[i];
        size_t count = 0;

        status =
            rt_source_kafka_committed(source, decision->places + at, decision->counts[i], &count);
        if (status != RT_OK)
            return say(decision, status, source->error(source));
        RT_ASSERT(count == decision->counts[i]);
        for (size_t p = 0; p < count; p++, at++) {
            const struct rt_kafka_place *place = &decision->places[at];

            decision->items[at] = (struct rt_kafka_committed){
                .name = rt_source_kafka_name(source, place),
                .has_offset = place->offset != RT_KAFKA_NO_OFFSET,
                .offset = place->offset,
                .metadata = {place->metadata, place->metadata_length},
            };
        }
    }
    return status;
}

static void begin_at_committed(struct kafka_decision *decision)
{
    size_t at = 0;

    for (size_t i = 0; i < decision->source_count; i++) {
        rt_source_kafka_begin_at(decision->sources[i], decision->places + at, decision->counts[i]);
        at += decision->counts[i];
    }
}

/* ---- a state that is lost ---- */

/* Sources are to begin at `starts` and to wait at what is committed. */
static void place_sources(struct kafka_decision *decision, const struct rt_kafka_place *starts)
{
    size_t at = 0;

    for (size_t i = 0; i < decision->source_count; i++) {
        rt_source_kafka_begin_at(decision->sources[i], starts + at, decision->counts[i]);
        rt_source_kafka_hold(decision->sources[i], decision->places + at, decision->counts[i]);
        at += decision->counts[i];
    }
}

static enum rt_status plan_replay(struct kafka_decision *decision, struct rt_decision_choice *out)
{
    struct rt_kafka_replay_offsets offsets = {decision->sources,     decision->source_count,
                                              decision->places,      decision->counts,
                                              decision->place_count, decision->marker.reached};
    struct rt_kafka_place *starts = rt_alloc_zeroed(decision->place_count, sizeof(*starts));
    enum rt_status status = RT_ERR_NOMEM;

    rt_buffer_reset(&decision->error);
    *out = (struct rt_decision_choice){.course = RT_DECISION_REPLAY, .until = offsets.until};
    if (starts != NULL)
        status =
            rt_kafka_replay_plan(&decision->replay, &offsets, starts, &out->from, &decision->error);
    if (status == RT_OK)
        place_sources(decision, starts);
    rt_free(starts);
    decision->compare = false;
    return status;
}

/* ---- the port ---- */

static enum rt_status decision_recover(struct rt_decision *port,
                                       const struct rt_decision_local *local,
                                       struct rt_decision_choice *out)
{
    struct kafka_decision *decision = of(port);
    struct rt_kafka_local facts = {.job = (uint32_t)local->job,
                                   .has_checkpoints = local->newest > 0,
                                   .newest = local->newest,
                                   .blank = local->blank,
                                   .take_new_partitions = decision->new_partitions,
                                   .recover = decision->recover};
    enum rt_status status = read_committed(decision);

    if (status != RT_OK)
        return status;
    KILLPOINT("kafka_committed_read");
    decision->job = facts.job;
    rt_buffer_reset(&decision->error);

    struct rt_kafka_plan plan =
        rt_kafka_plan(decision->items, decision->place_count, &facts, &decision->error);

    *out = (struct rt_decision_choice){.course = RT_DECISION_FRESH};
    decision->marker = plan.marker;
    if (plan.course == RT_KAFKA_REFUSE)
        return RT_ERR_CORRUPT;
    if (plan.course == RT_KAFKA_REPLAY)
        return plan_replay(decision, out);
    if (plan.course == RT_KAFKA_NEWEST ||
        (plan.course == RT_KAFKA_RESTORE && MUTANT("kafka_newest")))
        out->course = RT_DECISION_NEWEST;
    for (size_t i = 0; plan.course == RT_KAFKA_NEWEST && i < decision->source_count; i++)
        rt_source_kafka_pass_gaps(decision->sources[i]);
    if (plan.course == RT_KAFKA_OFFSETS) {
        begin_at_committed(decision);
        out->course = RT_DECISION_FORGET;
    }
    if (plan.course == RT_KAFKA_RESTORE && out->course == RT_DECISION_FRESH) {
        out->course = RT_DECISION_RESTORE;
        out->id = plan.marker.checkpoint;
        snprintf(out->mark, sizeof(out->mark), "%016" PRIx64, plan.marker.hash);
    }
    decision->compare = out->course == RT_DECISION_RESTORE;
    return RT_OK;
}

static enum rt_status decision_cannot(struct rt_decision *port, struct rt_decision_choice *choice,
                                      enum rt_status status, const char *why)
{
    struct kafka_decision *decision = of(port);

    if (decision->recover == RT_KAFKA_RECOVER_REPLAY)
        return plan_replay(decision, choice);
    rt_buffer_reset(&decision->error);
    if (status == RT_ERR_NOT_FOUND)
        RT_KAFKA_STOP_SAY(&decision->error, RT_KAFKA_STOP_CHECKPOINT_MISSING,
                          "the committed offsets name checkpoint %" PRIu64 " (%s)", choice->id,
                          why);
    else
        RT_KAFKA_STOP_SAY(&decision->error, RT_KAFKA_STOP_CHECKPOINT_OTHER,
                          "the committed offsets name checkpoint %" PRIu64 " with mark %s (%s)",
                          choice->id, choice->mark, why);
    return RT_ERR_CORRUPT;
}

/* The checkpoint's places are those that were committed with it. */
static enum rt_status compare_places(struct kafka_decision *decision)
{
    struct rt_kafka_place *places =
        rt_alloc_zeroed(decision->place_count, sizeof(*decision->places));
    size_t at = 0;
    enum rt_status status = RT_OK;

    if (places == NULL)
        return RT_ERR_NOMEM;
    for (size_t i = 0; i < decision->source_count; i++)
        at += rt_source_kafka_stand(decision->sources[i], places + at, decision->place_count - at);
    for (size_t i = 0; status == RT_OK && i < decision->place_count; i++) {
        if (!decision->items[i].has_offset || places[i].offset == decision->items[i].offset)
            continue;
        rt_buffer_reset(&decision->error);
        RT_KAFKA_STOP_SAY(&decision->error, RT_KAFKA_STOP_OFFSETS_DIFFER,
                          "offset %" PRId64 " is committed for %s, and the checkpoint stands at "
                          "%" PRId64,
                          decision->items[i].offset, decision->items[i].name, places[i].offset);
        status = RT_ERR_CORRUPT;
    }
    rt_free(places);
    return status;
}

static enum rt_status decision_resumed(struct rt_decision *port)
{
    struct kafka_decision *decision = of(port);
    enum rt_status status = RT_OK;

    if (decision->compare)
        status = compare_places(decision);
    for (size_t i = 0; status == RT_OK && i < decision->source_count; i++) {
        struct rt_source *source = decision->sources[i];

        status = rt_source_kafka_begin(source);
        status = say(decision, status, source->error(source));
    }
    return status;
}

static bool decision_arrived(struct rt_decision *port, rt_arrived_fn *tell, void *context)
{
    struct kafka_decision *decision = of(port);
    bool all = true;

    for (size_t i = 0; i < decision->source_count; i++)
        all = rt_source_kafka_waits(decision->sources[i], tell, context) && all;
    return all;
}

static void decision_go_on(struct rt_decision *port)
{
    struct kafka_decision *decision = of(port);

    for (size_t i = 0; i < decision->source_count; i++)
        rt_source_kafka_let_go(decision->sources[i]);
}

static enum rt_status decision_barrier(struct rt_decision *port, rt_time reached)
{
    struct kafka_decision *decision = of(port);
    enum rt_status status =
        rt_kafka_session_barrier(decision->session, decision->sources, decision->source_count);

    decision->reached = reached;
    return say(decision, status, rt_kafka_session_error(decision->session));
}

static bool decision_full(const struct rt_decision *port)
{
    return rt_kafka_session_full(((const struct kafka_decision *)port)->session);
}

/* The mark is the manifest's, 16 hexadecimal digits. */
static uint64_t number_of(const char *mark)
{
    static const char digits[] = "0123456789abcdef";
    uint64_t number = 0;

    for (size_t i = 0; i < RT_MARK_BYTES - 1; i++) {
        const char *found = mark[i] == '\0' ? NULL : strchr(digits, mark[i]);

        RT_ASSERT(found != NULL);
        number = number * 16 + (uint64_t)(found - digits);
    }
    return number;
}

static enum rt_status decision_decide(struct rt_decision *port, uint64_t id, const char *mark)
{
    struct kafka_decision *decision = of(port);
    struct rt_kafka_marker marker = {decision->job, id, number_of(mark), decision->reached};
    enum rt_status status = rt_kafka_session_commit(decision->session, &marker);

    return say(decision, status, rt_kafka_session_error(decision->session));
}

static const char *decision_error(const struct rt_decision *port)
{
    const struct kafka_decision *decision = (const struct kafka_decision *)port;

    return decision->error.length == 0 ? "" : decision->error.data;
}

static void decision_free(struct rt_decision *port)
{
    struct kafka_decision *decision = of(port);

    if (decision == NULL)
        return;
    rt_free(decision->sources);
    rt_free(decision->places);
    rt_free(decision->items);
    rt_free(decision->counts);
    rt_buffer_done(&decision->error);
    rt_free(decision);
}

enum rt_status rt_kafka_decision_new(const struct rt_kafka_decision_options *options,
                                     struct rt_decision **out)
{
    struct kafka_decision *decision = rt_alloc_zeroed(1, sizeof(*decision));

    RT_ASSERT(options->source_count > 0);
    if (decision == NULL)
        return RT_ERR_NOMEM;
    decision->port = (struct rt_decision){
        .recover = decision_recover,
        .cannot = decision_cannot,
        .resumed = decision_resumed,
        .arrived = decision_arrived,
        .go_on = decision_go_on,
        .barrier = decision_barrier,
        .full = decision_full,
        .decide = decision_decide,
        .error = decision_error,
        .free = decision_free,
    };
    decision->session = options->session;
    decision->source_count = options->source_count;
    decision->new_partitions = options->new_partitions;
    decision->recover = options->recover;
    decision->replay = options->replay;
    rt_buffer_init(&decision->error, ERROR_BYTES);
    decision->sources = rt_alloc_zeroed(options->source_count, sizeof(struct rt_source *));
    decision->counts = rt_alloc_zeroed(options->source_count, sizeof(*decision->counts));
    if (decision->sources == NULL || decision->counts == NULL) {
        decision_free(&decision->port);
        return RT_ERR_NOMEM;
    }
    for (size_t i = 0; i < options->source_count; i++)
        decision->sources[i] = options->sources[i];
    *out = &decision->port;
    return RT_OK;
}
