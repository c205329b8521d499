/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source_kafka.c - messages of fixed partitions as records.
 *
 *     lanes --ahead--> [ part 0: r r r ][ part 1: r r ] ... --the oldest first--> batch
 *                        parts[i]: next, last, fingerprint
 *
 * Q5  Of several partitions the one whose next record is the oldest, by its time stamp, is handed out next: a backlog comes roughly
 *     in order of time over all partitions, so that little has to wait for the watermark.  Of equal ones it is the one
 *     that has waited longest.
 * Q6  A fingerprint is taken of the last record of a partition in a batch, when the batch is left behind: a hash a batch, not a
 *     hash a record.
 */
#include <inttypes.h>
#include <string.h>

#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"
#include "runtime/base/hash.h"
#include "runtime/base/killpoint.h"
#include "runtime/io/source_kafka_inside.h"
#include "runtime/time/clock.h"

enum { IDLE_MS = 3600000, NS_OF_MS = 1000000 };

/* ---- reading ---- */

/* What of the batch at hand was last is kept as a hash. */
static void hash_batch(struct rt_kafka_source *source)
{
    for (size_t i = 0; i < source->touched_count; i++) {
        struct rt_kafka_part *part = &source->parts[source->touched[i]];

        if (part->unhashed != NULL)
            part->fingerprint = rt_hash64(part->unhashed->data, part->unhashed->length);
        part->unhashed = NULL;
    }
}

/* The batch at hand is left behind. */
static void settle_batch(struct rt_kafka_source *source)
{
    hash_batch(source);
    source->touched_count = 0;
}

/* ---- the oldest first: a heap of parts ---- */

/* It has a record ahead that may be handed out. */
static bool is_ready(const struct rt_kafka_part *part)
{
    return rt_kafka_ahead_has(&part->ahead) &&
           (int64_t)rt_kafka_ahead_first(&part->ahead)->position.offset < part->hold;
}

static bool comes_before(const struct rt_kafka_part *a, const struct rt_kafka_part *b)
{
    int64_t left = rt_kafka_ahead_first(&a->ahead)->stamp.ms;
    int64_t right = rt_kafka_ahead_first(&b->ahead)->stamp.ms;

    return left < right || (left == right && a->turn < b->turn);
}

static void sift_down(struct rt_kafka_source *source, size_t at)
{
    uint32_t *order = source->order, part = order[at];

    for (;;) {
        size_t least = 2 * at + 1;

        if (least >= source->order_count)
            break;
        if (least + 1 < source->order_count &&
            comes_before(&source->parts[order[least + 1]], &source->parts[order[least]]))
            least++;
        if (!comes_before(&source->parts[order[least]], &source->parts[part]))
            break;
        order[at] = order[least];
        at = least;
    }
    order[at] = part;
}

/* Takes what there is of the part.  RT_AGAIN: there may be more, but no room before the next read. */
static enum rt_status fill(struct rt_kafka_source *source, uint32_t number)
{
    struct rt_kafka_part *part = &source->parts[number];
    enum rt_status status = rt_kafka_ahead_fill(&part->ahead, source->reader, number);

    if (status == RT_ERR_IO)
        return rt_kafka_source_client_failed(source);
    if (status == RT_ERR_CORRUPT)
        RT_KAFKA_SOURCE_SAY(source, RT_KAFKA_STOP_DATA_OTHER,
                            "the record at offset %" PRId64
                            " of %s is not the one that was read there",
                            part->last, part->name);
    return status;
}

static enum rt_status gather(struct rt_kafka_source *source)
{
    source->order_count = 0;
    for (uint32_t i = 0; i < source->part_count; i++) {
        struct rt_kafka_part *part = &source->parts[i];
        enum rt_status status = RT_OK;

        rt_kafka_ahead_begin(&part->ahead);
        if (!rt_kafka_ahead_has(&part->ahead))
            status = fill(source, i);
        if (status != RT_OK)
            return status;
        if (is_ready(part))
            source->order[source->order_count++] = i;
    }
    for (size_t i = source->order_count / 2; i-- > 0;)
        sift_down(source, i);
    return RT_OK;
}

static void pass_record(struct rt_kafka_part *part, const struct rt_record *record)
{
    part->unhashed = record;
    part->next = (int64_t)record->position.offset + 1;
    part->has_last = true;
    part->last = (int64_t)record->position.offset;
}

static void hand_out(struct rt_kafka_source *source, uint32_t number, struct rt_record *out)
{
    struct rt_kafka_part *part = &source->parts[number];
    const struct rt_record *record = rt_kafka_ahead_first(&part->ahead);

    *out = *record;
    if (part->unhashed == NULL) {
        source->touched[source->touched_count++] = number;
        part->before = (struct rt_kafka_before){.next = part->next,
                                                .last = part->last,
                                                .has_last = part->has_last,
                                                .fingerprint = part->fingerprint};
    }
    pass_record(part, record);
    part->turn = ++source->turns;
    rt_kafka_ahead_pass(&part->ahead);
}

/* Ends early when the part whose turn it is has to wait for room: what comes behind could be older. */
static enum rt_status fill_batch(struct rt_kafka_source *source, struct rt_batch *batch)
{
    while (batch->count < RT_BATCH_RECORDS_MAX && source->order_count > 0) {
        uint32_t number = source->order[0];
        struct rt_kafka_part *part = &source->parts[number];
        enum rt_status status = RT_OK;

        hand_out(source, number, &batch->records[batch->count++]);
        if (!rt_kafka_ahead_has(&part->ahead))
            status = fill(source, number);
        batch->more = status == RT_AGAIN;
        if (status != RT_OK)
            return status == RT_AGAIN ? RT_OK : status;
        if (!is_ready(part))
            source->order[0] = source->order[--source->order_count];
        if (source->order_count > 0)
            sift_down(source, 0);
    }
    return RT_OK;
}

/* ---- the port ---- */

/* Control records are passed over without a message: only the client's position tells. */
static int64_t next_of(const struct rt_kafka_source *source, const struct rt_kafka_part *part)
{
    int64_t at = RT_KAFKA_NO_OFFSET;

    if (part->is_set_back)
        return part->next;
    if (rt_kafka_ahead_has(&part->ahead))
        at = is_ready(part) ? RT_KAFKA_NO_OFFSET : part->hold;
    else
        at = rt_kafka_reader_position(source->reader, part->topic, part->partition);

    if (at > part->end) /* read and dropped */
        at = part->end;
    return at > part->next ? at : part->next;
}

static bool all_at_end(const struct rt_kafka_source *source)
{
    for (size_t i = 0; i < source->part_count; i++)
        if (next_of(source, &source->parts[i]) < source->parts[i].end)
            return false;
    return true;
}

static enum rt_status source_read(struct rt_source *port, struct rt_batch *batch)
{
    struct rt_kafka_source *source = rt_kafka_source_of(port);
    enum rt_status status = RT_OK;

    settle_batch(source);
    batch->count = 0;
    if (!source->started)
        status = rt_kafka_source_begin(source);
    if (batch->paused || status != RT_OK)
        return status;
    if (rt_kafka_reader_poll(source->reader) != RT_OK)
        return rt_kafka_source_client_failed(source);
    status = rt_kafka_source_look_for_parts(source);
    if (status == RT_OK)
        status = gather(source);
    if (status == RT_OK)
        status = fill_batch(source, batch);
    if (status != RT_OK || batch->count > 0)
        return status;
    return source->until_now && !source->holds && all_at_end(source) ? RT_END : RT_OK;
}

static int source_descriptor(const struct rt_source *port)
{
    return rt_kafka_reader_descriptor(((const struct rt_kafka_source *)port)->reader);
}

static size_t source_places(const struct rt_source *port, struct rt_place *out, size_t max)
{
    struct rt_kafka_source *source = (struct rt_kafka_source *)(uintptr_t)port;

    if (max == 0)
        return source->part_count;
    hash_batch(source);
    for (size_t i = 0; i < source->part_count && i < max; i++) {
        const struct rt_kafka_part *part = &source->parts[i];
        int64_t next = next_of(source, part);

        out[i] = (struct rt_place){
            .partition = part->ahead.like.partition,
            .has_last = part->has_last,
            .next = next < 0 ? 0 : (uint64_t)next,
            .last = (uint64_t)part->last,
            .fingerprint = part->fingerprint,
            .name = part->name,
        };
    }
    return source->part_count;
}

/* With a record in the batch at hand. */
static struct rt_kafka_part *touched_part(const struct rt_kafka_source *source, uint32_t partition)
{
    for (size_t i = 0; i < source->touched_count; i++) {
        struct rt_kafka_part *part = &source->parts[source->touched[i]];

        if (part->ahead.like.partition == partition)
            return part;
    }
    RT_UNREACHABLE(); /* the batch is the one that was handed out */
}

static void source_stand_behind(struct rt_source *port, const struct rt_batch *batch, size_t taken)
{
    struct rt_kafka_source *source = rt_kafka_source_of(port);

    for (size_t i = 0; i < source->touched_count; i++) {
        struct rt_kafka_part *part = &source->parts[source->touched[i]];

        part->next = part->before.next;
        part->last = part->before.last;
        part->has_last = part->before.has_last;
        part->fingerprint = part->before.fingerprint;
        part->unhashed = NULL;
        part->is_set_back = false;
    }
    for (size_t i = 0; i < batch->count; i++) {
        const struct rt_record *record = &batch->records[i];
        struct rt_kafka_part *part = touched_part(source, record->position.partition);

        if (i < taken) {
            pass_record(part, record);
        } else if (!part->is_set_back) {
            part->is_set_back = true;
            part->next = (int64_t)record->position.offset;
        }
    }
    hash_batch(source); /* the batch is the caller's */
}

/* Records that control records stand between are counted with these. */
static bool source_lag(const struct rt_source *port, uint64_t *records)
{
    const struct rt_kafka_source *source = (const struct rt_kafka_source *)port;
    uint64_t sum = 0;

    for (size_t i = 0; i < source->part_count; i++) {
        const struct rt_kafka_part *part = &source->parts[i];
        int64_t next = next_of(source, part), end;

        if (!rt_kafka_reader_known_end(source->reader, part->topic, part->partition, &end))
            return false;
        sum += end > next && next >= 0 ? (uint64_t)(end - next) : 0;
    }
    *records = sum;
    return true;
}

static void source_waiting(const struct rt_source *port, rt_waiting_fn *tell, void *context)
{
    const struct rt_kafka_source *source = (const struct rt_kafka_source *)port;

    for (size_t i = 0; i < source->part_count; i++) {
        const struct rt_kafka_part *part = &source->parts[i];

        if (rt_kafka_ahead_has(&part->ahead) || rt_kafka_reader_has(source->reader, i))
            tell(context, part->ahead.like.partition);
    }
}

/* ---- without checkpoints ---- */

static void source_mark(struct rt_source *port)
{
    struct rt_kafka_source *source = rt_kafka_source_of(port);

    rt_free(source->marked);
    source->marked = source->started ? rt_kafka_source_list_all(source) : NULL;
    source->marked_count = source->marked == NULL ? 0 : source->part_count;
    for (size_t i = 0; i < source->marked_count; i++)
        source->marked[i].offset = next_of(source, &source->parts[i]);
}

/*
 * Only what has moved: the group may stand elsewhere on purpose where nothing was read.  Now and then what has not moved too,
 * because committed offsets expire.
 */
static enum rt_status source_acknowledge(struct rt_source *port)
{
    struct rt_kafka_source *source = rt_kafka_source_of(port);
    uint64_t now = rt_clock_monotonic_ns();
    uint64_t idle_ms = TUNED("idle_ms", IDLE_MS);
    bool again = now - source->acknowledged_all_at >= idle_ms * NS_OF_MS;
    size_t count = 0;

    if (again)
        source->acknowledged_all_at = now;
    for (size_t i = 0; i < source->marked_count; i++) {
        const struct rt_kafka_place *place = &source->marked[i];
        struct rt_kafka_part *part = &source->parts[i];

        if (!part->has_last || (part->acknowledged == place->offset && !again))
            continue;
        part->acknowledged = place->offset;
        source->marked[count++] = *place;
    }
    source->marked_count = 0;
    if (count == 0 || rt_kafka_reader_commit(source->reader, source->marked, count) == RT_OK)
        return RT_OK;
    return rt_kafka_source_client_failed(source);
}

static const char *source_error(const struct rt_source *port)
{
    const struct rt_kafka_source *source = (const struct rt_kafka_source *)port;

    return source->error.length == 0 ? "" : source->error.data;
}

void rt_kafka_source_set_port(struct rt_kafka_source *source)
{
    source->port.read = source_read;
    source->port.descriptor = source_descriptor;
    source->port.places = source_places;
    source->port.stand_behind = source_stand_behind;
    source->port.lag = source_lag;
    source->port.waiting = source_waiting;
    source->port.mark = source_mark;
    source->port.acknowledge = source_acknowledge;
    source->port.error = source_error;
}

/* ---- for who commits ---- */

enum rt_status rt_source_kafka_begin(struct rt_source *port)
{
    return rt_kafka_source_of(port)->started ? RT_OK
                                             : rt_kafka_source_begin(rt_kafka_source_of(port));
}

void rt_source_kafka_pass_gaps(struct rt_source *port)
{
    rt_kafka_source_of(port)->pass_gaps = true;
}

static struct rt_kafka_part *part_at(const struct rt_kafka_source *source, uint32_t topic,
                                     uint32_t partition)
{
    for (size_t i = 0; i < source->part_count; i++)
        if (source->parts[i].topic == topic && source->parts[i].partition == partition)
            return &source->parts[i];
    RT_UNREACHABLE(); /* the places are ours */
}

void rt_source_kafka_begin_at(struct rt_source *port, const struct rt_kafka_place *places,
                              size_t count)
{
    struct rt_kafka_source *source = rt_kafka_source_of(port);

    RT_ASSERT(!source->started && count == source->part_count);
    for (size_t i = 0; i < count; i++)
        part_at(source, places[i].topic, places[i].partition)->next =
            places[i].offset == RT_KAFKA_NO_OFFSET ? 0 : places[i].offset;
    source->sought = true;
}

void rt_source_kafka_hold(struct rt_source *port, const struct rt_kafka_place *places, size_t count)
{
    struct rt_kafka_source *source = rt_kafka_source_of(port);

    RT_ASSERT(!source->started && count == source->part_count);
    for (size_t i = 0; i < count; i++)
        part_at(source, places[i].topic, places[i].partition)->hold =
            places[i].offset == RT_KAFKA_NO_OFFSET ? 0 : places[i].offset;
    source->holds = true;
}

bool rt_source_kafka_waits(struct rt_source *port, rt_arrived_fn *tell, void *context)
{
    struct rt_kafka_source *source = rt_kafka_source_of(port);
    bool all = true;

    for (size_t i = 0; i < source->part_count; i++) {
        const struct rt_kafka_part *part = &source->parts[i];

        if (next_of(source, part) < part->hold)
            all = false;
        else
            tell(context, source->number, part->ahead.like.partition);
    }
    return all;
}

void rt_source_kafka_let_go(struct rt_source *port)
{
    struct rt_kafka_source *source = rt_kafka_source_of(port);

    for (size_t i = 0; i < source->part_count; i++) {
        struct rt_kafka_part *part = &source->parts[i];

        part->next = next_of(source, part);
        part->hold = INT64_MAX;
    }
    source->holds = false;
}

struct rt_kafka_reader *rt_source_kafka_reader(struct rt_source *source)
{
    return rt_kafka_source_of(source)->reader;
}

enum rt_status rt_source_kafka_committed(struct rt_source *port, struct rt_kafka_place *out,
                                         size_t max, size_t *count)
{
    enum { PATIENCE_MS = 120000 }; /* longer than a transaction may be pending */
    struct rt_kafka_source *source = rt_kafka_source_of(port);

    *count = rt_kafka_source_list(source, out, max);
    if (*count > max)
        return RT_OK;
    if (rt_kafka_reader_committed(source->reader, out, *count, PATIENCE_MS) != RT_OK)
        return rt_kafka_source_client_failed(source);
    return RT_OK;
}

size_t rt_source_kafka_stand(struct rt_source *port, struct rt_kafka_place *out, size_t max)
{
    struct rt_kafka_source *source = rt_kafka_source_of(port);
    size_t count = rt_kafka_source_list(source, out, max);

    for (size_t i = 0; i < count && i < max; i++)
        out[i].offset = next_of(source, &source->parts[i]);
    return count;
}

const char *rt_source_kafka_name(const struct rt_source *port, const struct rt_kafka_place *place)
{
    const struct rt_kafka_source *source = (const struct rt_kafka_source *)port;

    return part_at(source, place->topic, place->partition)->name;
}
