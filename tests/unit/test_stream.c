/* SPDX-License-Identifier: Apache-2.0 */
/* Event time of a stream: what is late, what waits, what comes out in which order, against a list that is sorted. */
#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/alloc.h"
#include "runtime/time/stream.h"
#include "tests/support/seeded.h"

enum { EVENTS_MAX = 4000, LOG_MAX = 3 * EVENTS_MAX, LOANS_MAX = 256 };

/* ---- an operator that writes down what it gets, and checks the contract O1 to O3 ---- */

struct entry {
    char what; /* p push, l late, a advance */
    int64_t time;
    uint64_t sequence;
};

struct recorder {
    struct rt_operator port; /* first */
    struct entry log[LOG_MAX];
    size_t count;
    rt_time watermark, last_time;
    uint64_t last_sequence;
    size_t fail_at; /* the nth push fails; 0: none does */
    size_t pushes, prepared;
};

static void record(struct recorder *recorder, char what, int64_t time, uint64_t sequence)
{
    assert_true(recorder->count < LOG_MAX);
    recorder->log[recorder->count++] = (struct entry){what, time, sequence};
}

/* Every event says its sequence in its slot and in its raw text. */
static void check_content(const struct rt_event *event)
{
    struct rt_text raw = {event->raw, event->raw_length};
    int64_t said;

    assert_true(rt_text_to_int(raw, &said));
    assert_int_equal(said, event->sequence);
    assert_int_equal(rt_event_at(event, 0).u.integer, event->sequence);
    assert_int_equal(event->references, 0);
}

static enum rt_status recorder_push(struct rt_operator *self, const struct rt_event *event)
{
    struct recorder *recorder = (struct recorder *)self;

    check_content(event);
    assert_true(event->time.ms > recorder->watermark.ms);
    assert_true(
        event->time.ms > recorder->last_time.ms ||
        (event->time.ms == recorder->last_time.ms && event->sequence > recorder->last_sequence));
    recorder->last_time = event->time;
    recorder->last_sequence = event->sequence;
    if (++recorder->pushes == recorder->fail_at)
        return RT_ERR_IO;
    record(recorder, 'p', event->time.ms, event->sequence);
    return RT_OK;
}

static enum rt_status recorder_late(struct rt_operator *self, const struct rt_event *event)
{
    check_content(event);
    record((struct recorder *)self, 'l', event->time.ms, event->sequence);
    return RT_OK;
}

static enum rt_status recorder_advance(struct rt_operator *self, rt_time watermark)
{
    struct recorder *recorder = (struct recorder *)self;

    assert_true(watermark.ms > recorder->watermark.ms);
    recorder->watermark = watermark;
    record(recorder, 'a', watermark.ms, 0);
    return RT_OK;
}

/* What is announced is whole and still to come. */
static void recorder_prepare(struct rt_operator *self, const struct rt_event *const *events,
                             size_t count)
{
    struct recorder *recorder = (struct recorder *)self;

    for (size_t i = 0; i < count; i++) {
        assert_int_equal(rt_event_at(events[i], 0).u.integer, events[i]->sequence);
        assert_true(events[i]->time.ms >= recorder->last_time.ms);
        assert_true(i == 0 || events[i - 1]->time.ms < events[i]->time.ms ||
                    events[i - 1]->sequence < events[i]->sequence);
    }
    recorder->prepared += count;
}

static struct recorder *recorder_new(void)
{
    struct recorder *recorder = rt_alloc_zeroed(1, sizeof(*recorder));

    assert_non_null(recorder);
    recorder->port = (struct rt_operator){.push = recorder_push,
                                          .late = recorder_late,
                                          .advance = recorder_advance,
                                          .prepare = recorder_prepare};
    recorder->watermark = recorder->last_time = RT_TIME_MIN;
    return recorder;
}

/* ---- feeding ---- */

struct arrival {
    int64_t time;
    uint32_t partition;
    bool punctuation;
};

/* What a caller lends: an event and all that it leads to. */
struct loan {
    struct rt_event event;
    struct rt_value slot;
    char raw[24];
};

static enum rt_status push_loan(struct rt_stream *stream, const struct arrival *arrival,
                                uint64_t sequence, rt_time wall, struct loan *loan)
{
    int length = snprintf(loan->raw, sizeof(loan->raw), "%llu", (unsigned long long)sequence);

    loan->slot = rt_int((int64_t)sequence);
    loan->event =
        (struct rt_event){.time = {arrival->time},
                          .sequence = sequence,
                          .position = {.partition = arrival->partition, .offset = sequence},
                          .slots = &loan->slot,
                          .slot_count = 1,
                          .raw = loan->raw,
                          .raw_length = (uint32_t)length};

    enum rt_status status = rt_stream_push(stream, &loan->event, arrival->punctuation, wall);
    const struct rt_stream_counters *counters = rt_stream_counters(stream);

    assert_int_equal(counters->pushed, counters->released + counters->late + counters->waiting);
    return status;
}

/* The caller takes back what it lent: nobody may look at it any more. */
static void take_back(struct loan *loan)
{
    memset(loan, 'x', sizeof(*loan));
}

static enum rt_status push_at(struct rt_stream *stream, const struct arrival *arrival,
                              uint64_t sequence, rt_time wall)
{
    struct loan loan;
    enum rt_status status = push_loan(stream, arrival, sequence, wall, &loan);

    take_back(&loan);
    return status;
}

/* ---- the oracle: all that waits in one list, sorted again and again ---- */

struct oracle {
    const struct rt_stream_options *options;
    struct entry waiting[EVENTS_MAX];
    size_t waiting_count;
    int64_t watermark, partition_watermarks[8];
    uint32_t partition_count;
    struct entry log[LOG_MAX];
    size_t count;
};

static int compare_entries(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;

    if (a->time != b->time)
        return a->time < b->time ? -1 : 1;
    return a->sequence < b->sequence ? -1 : a->sequence > b->sequence;
}

static void oracle_advance(struct oracle *oracle, int64_t watermark)
{
    size_t left = 0;

    if (watermark <= oracle->watermark)
        return;
    oracle->watermark = watermark;
    qsort(oracle->waiting, oracle->waiting_count, sizeof(struct entry), compare_entries);
    for (size_t i = 0; i < oracle->waiting_count; i++) {
        if (oracle->waiting[i].time <= watermark)
            oracle->log[oracle->count++] = oracle->waiting[i];
        else
            oracle->waiting[left++] = oracle->waiting[i];
    }
    oracle->waiting_count = left;
}

static bool goes_straight(const struct rt_stream_options *options)
{
    return options->out_of_orderness.ms == 0 && !options->per_partition && !options->punctuated;
}

static void oracle_push(struct oracle *oracle, const struct arrival *arrival, uint64_t sequence)
{
    uint32_t partition = oracle->options->per_partition ? arrival->partition : 0;
    int64_t *own = &oracle->partition_watermarks[partition], least = INT64_MAX;

    if (arrival->time <= oracle->watermark) {
        oracle->log[oracle->count++] = (struct entry){'l', arrival->time, sequence};
        return;
    }
    if (goes_straight(oracle->options))
        oracle->log[oracle->count++] = (struct entry){'p', arrival->time, sequence};
    else
        oracle->waiting[oracle->waiting_count++] = (struct entry){'p', arrival->time, sequence};
    if (!oracle->options->punctuated) {
        if (arrival->time - oracle->options->out_of_orderness.ms - 1 > *own)
            *own = arrival->time - oracle->options->out_of_orderness.ms - 1;
    } else if (arrival->punctuation && arrival->time > *own) {
        *own = arrival->time;
    }
    for (uint32_t i = 0; i < oracle->partition_count; i++)
        least = oracle->partition_watermarks[i] < least ? oracle->partition_watermarks[i] : least;
    oracle_advance(oracle, least);
}

static void compare_logs(const struct recorder *recorder, const struct oracle *oracle)
{
    size_t at = 0;

    for (size_t i = 0; i < recorder->count; i++) {
        const struct entry *got = &recorder->log[i];

        if (got->what == 'a')
            continue;
        assert_true(at < oracle->count);
        assert_int_equal(got->what, oracle->log[at].what);
        assert_int_equal(got->time, oracle->log[at].time);
        assert_int_equal(got->sequence, oracle->log[at].sequence);
        at++;
    }
    assert_int_equal(at, oracle->count);
}

/* With `group` so many events at a time are lent, as a job does. */
static void feed_and_compare(const struct rt_stream_options *options,
                             const struct arrival *arrivals, size_t count, uint32_t partitions,
                             size_t group)
{
    static struct loan loans[LOANS_MAX];
    struct recorder *recorder = recorder_new();
    struct oracle *oracle = rt_alloc_zeroed(1, sizeof(*oracle));
    size_t blocks = rt_live_blocks();
    struct rt_stream *stream;

    assert_non_null(oracle);
    oracle->options = options;
    oracle->watermark = INT64_MIN;
    oracle->partition_count = options->per_partition ? partitions : 1;
    for (size_t i = 0; i < COUNT_OF(oracle->partition_watermarks); i++)
        oracle->partition_watermarks[i] = INT64_MIN;
    assert_int_equal(rt_stream_new(options, &recorder->port, &stream), RT_OK);
    for (uint32_t i = 0; options->per_partition && i < partitions; i++)
        assert_int_equal(rt_stream_expect(stream, 0, i), RT_OK);
    for (size_t i = 0; i < count; i++) {
        if (i % group == 0)
            rt_stream_lend(stream);
        assert_int_equal(push_loan(stream, &arrivals[i], i, RT_TIME_MIN, &loans[i % group]), RT_OK);
        if (i % group == group - 1 || i == count - 1) {
            assert_int_equal(rt_stream_keep(stream), RT_OK);
            for (size_t l = 0; l < group; l++)
                take_back(&loans[l]);
        }
        oracle_push(oracle, &arrivals[i], i);
        assert_int_equal(rt_stream_counters(stream)->waiting, oracle->waiting_count);
        assert_int_equal(rt_stream_watermark(stream).ms, oracle->watermark);
    }
    assert_int_equal(rt_stream_finish(stream), RT_OK);
    oracle_advance(oracle, INT64_MAX);
    compare_logs(recorder, oracle);
    assert_int_equal(rt_stream_watermark(stream).ms, INT64_MAX);
    assert_int_equal(recorder->log[recorder->count - 1].what, 'a');
    assert_int_equal(rt_stream_counters(stream)->waiting, 0);
    assert_int_equal(rt_stream_counters(stream)->waiting_bytes, 0);
    rt_stream_free(stream);
    assert_int_equal(rt_live_blocks(), blocks);
    rt_free(recorder);
    rt_free(oracle);
}

/* Time goes on by `step` at most; an event lies up to `disorder` behind, sometimes far behind or far ahead. */
static void fill_arrivals(struct arrival *arrivals, uint64_t seed, uint32_t step, uint32_t disorder,
                          uint32_t partitions)
{
    struct seeded random = seeded_from(seed);
    int64_t now = 1760000000000;

    for (size_t i = 0; i < EVENTS_MAX; i++) {
        uint32_t kind = seeded_below(&random, 100);
        int64_t time = now - seeded_below(&random, disorder + 1);

        now += seeded_below(&random, step + 1);
        if (kind == 0)
            time -= 10 * (int64_t)disorder;
        else if (kind == 1)
            time += disorder / 2;
        else if (kind < 40)
            time = now;
        arrivals[i] = (struct arrival){time, seeded_below(&random, partitions),
                                       seeded_below(&random, 20) == 0};
    }
}

static void events_come_out_as_from_a_sorted_list(void **state)
{
    static const uint32_t disorders[] = {0, 1, 7, 300, 5000, 60000, 86400000, 1000000000};
    static const uint32_t steps[] = {0, 1, 20, 5000};
    static const size_t groups[] = {1, 7, LOANS_MAX};
    static struct arrival arrivals[EVENTS_MAX];
    uint64_t seed = 1;

    (void)state;
    for (size_t d = 0; d < COUNT_OF(disorders); d++) {
        for (size_t s = 0; s < COUNT_OF(steps); s++) {
            for (int mode = 0; mode < 4; mode++) {
                uint32_t partitions = mode & 1 ? 5 : 1;
                struct rt_stream_options options = {.out_of_orderness = {disorders[d]},
                                                    .punctuated = mode & 2,
                                                    .per_partition = mode & 1};

                fill_arrivals(arrivals, seed++, steps[s], disorders[d], partitions);
                feed_and_compare(&options, arrivals, d % 2 == 0 ? EVENTS_MAX : 500, partitions,
                                 groups[seed % COUNT_OF(groups)]);
            }
        }
    }
}

static void events_in_order_that_wait_are_announced(void **state)
{
    struct recorder *recorder = recorder_new();
    struct rt_stream_options options = {.out_of_orderness = {500}};
    struct rt_stream *stream;

    (void)state;
    assert_int_equal(rt_stream_new(&options, &recorder->port, &stream), RT_OK);
    for (uint64_t i = 0; i < EVENTS_MAX; i++)
        assert_int_equal(push_at(stream, &(struct arrival){(int64_t)i, 0, false}, i, RT_TIME_MIN),
                         RT_OK);
    assert_int_equal(rt_stream_finish(stream), RT_OK);
    assert_int_equal(recorder->pushes, EVENTS_MAX);
    assert_true(recorder->prepared > EVENTS_MAX * 9 / 10 && recorder->prepared <= EVENTS_MAX);
    rt_stream_free(stream);
    rt_free(recorder);
}

static void with_the_bound_of_the_disorder_nothing_is_late(void **state)
{
    struct recorder *recorder = recorder_new();
    struct rt_stream_options options = {.out_of_orderness = {1000}};
    struct seeded random = seeded_from(7);
    struct rt_stream *stream;

    (void)state;
    assert_int_equal(rt_stream_new(&options, &recorder->port, &stream), RT_OK);
    for (uint64_t i = 0; i < EVENTS_MAX; i++) {
        struct arrival arrival = {(int64_t)(i * 10) - seeded_below(&random, 1001), 0, false};

        assert_int_equal(push_at(stream, &arrival, i, RT_TIME_MIN), RT_OK);
    }
    assert_int_equal(rt_stream_counters(stream)->late, 0);
    assert_true(rt_stream_counters(stream)->out_of_order > EVENTS_MAX / 2);
    assert_true(rt_stream_counters(stream)->waiting < 1000);
    assert_int_equal(rt_stream_finish(stream), RT_OK);
    assert_int_equal(recorder->pushes, EVENTS_MAX);
    rt_stream_free(stream);
    rt_free(recorder);
}

/* ---- cases in words: push times, then the log ---- */

static void check_log(const struct recorder *recorder, const char *expected)
{
    char text[1024] = "";
    size_t length = 0;

    for (size_t i = 0; i < recorder->count; i++) {
        const struct entry *entry = &recorder->log[i];

        if (entry->time == INT64_MAX)
            length += (size_t)snprintf(text + length, sizeof(text) - length, " a-end");
        else
            length += (size_t)snprintf(text + length, sizeof(text) - length, " %c%lld", entry->what,
                                       (long long)entry->time);
    }
    assert_string_equal(text, expected);
}

static void watermarks_move_in_arrival_order(void **state)
{
    static const struct {
        const char *name;
        struct rt_stream_options options;
        struct arrival arrivals[8];
        const char *log;
    } cases[] = {
        {"bound 0 goes straight through",
         {.out_of_orderness = {0}},
         {{100, 0, false}, {100, 0, false}, {101, 0, false}, {100, 0, false}, {101, 0, false}},
         " p100 p100 p101 l100 p101 a-end"},
        {"an event at the watermark is late, one behind it is not",
         {.out_of_orderness = {10}},
         {{100, 0, false}, {90, 0, false}, {89, 0, false}, {101, 0, false}, {90, 0, false}},
         " a89 l89 p90 a90 l90 p100 p101 a-end"},
        {"equal times keep arrival order across queue and buckets",
         {.out_of_orderness = {10}},
         {{100, 0, false}, {105, 0, false}, {100, 0, false}, {105, 0, false}, {120, 0, false}},
         " a89 a94 p100 p100 p105 p105 a109 p120 a-end"},
        {"a punctuation releases up to its own time",
         {.punctuated = true},
         {{100, 0, false}, {90, 0, false}, {95, 0, true}, {95, 0, false}, {96, 0, false}},
         " p90 p95 a95 l95 p96 p100 a-end"},
        {"the slowest partition holds the watermark",
         {.per_partition = true},
         {{100, 0, false},
          {50, 1, false},
          {60, 1, false},
          {55, 1, false},
          {200, 1, false},
          {150, 0, false}},
         " a49 p50 a59 l55 p60 a99 p100 a149 p150 p200 a-end"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct recorder *recorder = recorder_new();
        struct rt_stream *stream;

        assert_int_equal(rt_stream_new(&cases[i].options, &recorder->port, &stream), RT_OK);
        for (uint32_t p = 0; cases[i].options.per_partition && p < 2; p++)
            assert_int_equal(rt_stream_expect(stream, 0, p), RT_OK);
        for (uint64_t n = 0; n < 8 && cases[i].arrivals[n].time > 0; n++)
            assert_int_equal(push_at(stream, &cases[i].arrivals[n], n, RT_TIME_MIN), RT_OK);
        assert_int_equal(rt_stream_finish(stream), RT_OK);
        check_log(recorder, cases[i].log);
        rt_stream_free(stream);
        rt_free(recorder);
    }
}

static void a_stream_that_is_not_finished_keeps_what_the_watermark_has_not_passed(void **state)
{
    struct recorder *recorder = recorder_new();
    struct rt_stream_options options = {.out_of_orderness = {1000}};
    size_t blocks = rt_live_blocks();
    struct rt_stream *stream;

    (void)state;
    assert_int_equal(rt_stream_new(&options, &recorder->port, &stream), RT_OK);
    for (uint64_t i = 0; i < 50; i++)
        assert_int_equal(
            push_at(stream, &(struct arrival){(int64_t)(1000 - i), 0, false}, i, RT_TIME_MIN),
            RT_OK);
    assert_int_equal(recorder->pushes, 0);
    assert_int_equal(rt_stream_counters(stream)->waiting, 50);
    assert_true(rt_stream_counters(stream)->waiting_bytes > 50 * sizeof(struct rt_event));
    rt_stream_free(stream);
    assert_int_equal(rt_live_blocks(), blocks);
    rt_free(recorder);
}

static void a_watermark_from_outside_releases_and_makes_later_events_late(void **state)
{
    struct recorder *recorder = recorder_new();
    struct rt_stream_options options = {.out_of_orderness = {10}};
    struct rt_stream *stream;

    (void)state;
    assert_int_equal(rt_stream_new(&options, &recorder->port, &stream), RT_OK);
    assert_int_equal(push_at(stream, &(struct arrival){100, 0, false}, 0, RT_TIME_MIN), RT_OK);
    assert_int_equal(push_at(stream, &(struct arrival){95, 0, false}, 1, RT_TIME_MIN), RT_OK);
    assert_int_equal(rt_stream_advance(stream, (rt_time){97}), RT_OK);
    assert_int_equal(rt_stream_advance(stream, (rt_time){96}), RT_OK);
    assert_int_equal(push_at(stream, &(struct arrival){97, 0, false}, 2, RT_TIME_MIN), RT_OK);
    assert_int_equal(push_at(stream, &(struct arrival){98, 0, false}, 3, RT_TIME_MIN), RT_OK);
    assert_int_equal(rt_stream_finish(stream), RT_OK);
    check_log(recorder, " a89 p95 a97 l97 p98 p100 a-end");
    rt_stream_free(stream);
    rt_free(recorder);
}

static void nothing_is_taken_after_the_end(void **state)
{
    struct recorder *recorder = recorder_new();
    struct rt_stream_options options = {.out_of_orderness = {0}};
    struct rt_stream *stream;

    (void)state;
    assert_int_equal(rt_stream_new(&options, &recorder->port, &stream), RT_OK);
    assert_int_equal(rt_stream_finish(stream), RT_OK);
    assert_int_equal(rt_stream_finish(stream), RT_ERR_ORDER);
    assert_int_equal(rt_stream_idle(stream, (rt_time){5}), RT_ERR_ORDER);
    assert_int_equal(rt_stream_advance(stream, (rt_time){5}), RT_ERR_ORDER);
    assert_int_equal(push_at(stream, &(struct arrival){1, 0, false}, 0, RT_TIME_MIN), RT_ERR_ORDER);
    check_log(recorder, " a-end");
    rt_stream_free(stream);
    rt_free(recorder);
}

/* ---- the wall clock ---- */

static void idle_partitions_are_taken_out_and_come_back(void **state)
{
    struct recorder *recorder = recorder_new();
    struct rt_stream_options options = {.per_partition = true, .idle_timeout = {1000}};
    struct rt_stream *stream;

    (void)state;
    assert_int_equal(rt_stream_new(&options, &recorder->port, &stream), RT_OK);
    assert_int_equal(rt_stream_expect(stream, 0, 2), RT_OK); /* never says anything */
    assert_int_equal(push_at(stream, &(struct arrival){100, 0, false}, 0, (rt_time){5000}), RT_OK);
    assert_int_equal(push_at(stream, &(struct arrival){50, 1, false}, 1, (rt_time){5000}), RT_OK);
    assert_int_equal(rt_stream_idle(stream, (rt_time){5000}), RT_OK);
    assert_int_equal(recorder->count, 0);
    assert_int_equal(push_at(stream, &(struct arrival){300, 0, false}, 2, (rt_time){5900}), RT_OK);
    assert_int_equal(rt_stream_idle(stream, (rt_time){5999}), RT_OK);
    assert_int_equal(recorder->count, 0);
    /* Now 1 and 2 have been silent for a second. */
    assert_int_equal(rt_stream_idle(stream, (rt_time){6000}), RT_OK);
    check_log(recorder, " p50 p100 a299");
    /* 1 comes back behind the watermark and holds it again. */
    assert_int_equal(push_at(stream, &(struct arrival){200, 1, false}, 3, (rt_time){6000}), RT_OK);
    assert_int_equal(push_at(stream, &(struct arrival){310, 1, false}, 4, (rt_time){6000}), RT_OK);
    assert_int_equal(push_at(stream, &(struct arrival){900, 0, false}, 5, (rt_time){6000}), RT_OK);
    check_log(recorder, " p50 p100 a299 l200 p300 a309");
    rt_stream_free(stream);
    rt_free(recorder);
}

static void what_is_read_again_leaves_the_watermark_where_it_was(void **state)
{
    struct recorder *recorder = recorder_new();
    struct rt_stream_options options = {.per_partition = true, .idle_timeout = {1000}};
    struct rt_stream *stream;

    (void)state;
    assert_int_equal(rt_stream_new(&options, &recorder->port, &stream), RT_OK);
    for (uint32_t partition = 0; partition < 3; partition++)
        assert_int_equal(rt_stream_expect(stream, 0, partition), RT_OK);
    rt_stream_hold(stream, (rt_time){150});
    assert_int_equal(rt_stream_rest(stream, 0, 2), RT_OK); /* nothing of it is read again */
    assert_int_equal(push_at(stream, &(struct arrival){100, 0, false}, 0, (rt_time){5000}), RT_OK);
    assert_int_equal(push_at(stream, &(struct arrival){50, 1, false}, 1, (rt_time){5000}), RT_OK);
    assert_int_equal(push_at(stream, &(struct arrival){300, 0, false}, 2, (rt_time){5000}), RT_OK);
    check_log(recorder, " a49");
    assert_int_equal(rt_stream_rest(stream, 0, 1), RT_OK);
    check_log(recorder, " a49 p50 p100 a150");
    assert_int_equal(rt_stream_rest(stream, 0, 0), RT_OK);
    assert_int_equal(rt_stream_let_go(stream, (rt_time){9000}), RT_OK);
    /* From here on each holds the watermark again, as if nothing had been lost. */
    assert_int_equal(push_at(stream, &(struct arrival){310, 0, false}, 3, (rt_time){9000}), RT_OK);
    assert_int_equal(push_at(stream, &(struct arrival){160, 1, false}, 4, (rt_time){9000}), RT_OK);
    check_log(recorder, " a49 p50 p100 a150");
    assert_int_equal(push_at(stream, &(struct arrival){400, 2, false}, 5, (rt_time){9000}), RT_OK);
    assert_int_equal(push_at(stream, &(struct arrival){320, 1, false}, 6, (rt_time){9000}), RT_OK);
    check_log(recorder, " a49 p50 p100 a150 a159 p160 p300 a309");
    rt_stream_free(stream);
    rt_free(recorder);
}

static void what_the_clock_had_passed_is_passed_again_without_records(void **state)
{
    struct recorder *recorder = recorder_new();
    struct rt_stream_options options = {.per_partition = true, .idle_timeout = {1000}};
    struct rt_stream *stream;

    (void)state;
    assert_int_equal(rt_stream_new(&options, &recorder->port, &stream), RT_OK);
    rt_stream_hold(stream, (rt_time){700});
    assert_int_equal(push_at(stream, &(struct arrival){100, 0, false}, 0, (rt_time){5000}), RT_OK);
    assert_int_equal(rt_stream_rest(stream, 0, 0), RT_OK);
    assert_int_equal(rt_stream_let_go(stream, (rt_time){6000}), RT_OK);
    check_log(recorder, " a99 p100 a700");
    /* And the clock goes on from there, not from the last record. */
    assert_int_equal(rt_stream_idle(stream, (rt_time){7000}), RT_OK);
    check_log(recorder, " a99 p100 a700 a1700");
    rt_stream_free(stream);
    rt_free(recorder);
}

static void when_all_are_idle_the_watermark_goes_on_with_the_clock(void **state)
{
    static const struct {
        struct rt_stream_options options;
        const char *log;
    } cases[] = {
        {{.idle_timeout = {1000}}, " p100 a1099 a1299 l1299 p1300 a2300"},
        {{.idle_timeout = {1000}, .out_of_orderness = {50}},
         " a49 p100 a1049 a1249 p1299 p1300 a2250"},
        {{.idle_timeout = {1000}, .per_partition = true},
         " a99 p100 a1099 a1299 l1299 p1300 a2300"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct recorder *recorder = recorder_new();
        rt_time wall = {7000000};
        struct rt_stream *stream;

        assert_int_equal(rt_stream_new(&cases[i].options, &recorder->port, &stream), RT_OK);
        assert_int_equal(rt_stream_idle(stream, wall), RT_OK); /* nothing to go on from */
        assert_int_equal(push_at(stream, &(struct arrival){100, 0, false}, 0, wall), RT_OK);
        assert_int_equal(rt_stream_idle(stream, (rt_time){wall.ms + 999}), RT_OK);
        assert_int_equal(rt_stream_idle(stream, (rt_time){wall.ms + 1000}), RT_OK);
        assert_int_equal(rt_stream_idle(stream, (rt_time){wall.ms + 500}), RT_OK); /* set back */
        assert_int_equal(rt_stream_idle(stream, (rt_time){wall.ms + 1200}), RT_OK);
        wall.ms += 1200;
        assert_int_equal(push_at(stream, &(struct arrival){1299, 0, false}, 1, wall), RT_OK);
        assert_int_equal(push_at(stream, &(struct arrival){1300, 0, false}, 2, wall), RT_OK);
        assert_int_equal(rt_stream_idle(stream, (rt_time){wall.ms + 1001}), RT_OK);
        check_log(recorder, cases[i].log);
        rt_stream_free(stream);
        rt_free(recorder);
    }
}

/* Saves the one and goes on with the other, in place. */
static void save_and_load(struct rt_stream **stream, const struct rt_stream_options *options,
                          struct recorder *recorder)
{
    struct rt_fields *fields;
    struct rt_event_names names = {0};
    struct rt_buffer saved;
    struct rt_form form;

    assert_int_equal(rt_fields_new(&fields), RT_OK);
    rt_fields_seal(fields);
    names.fields = fields;
    rt_buffer_init(&saved, 1 << 16);
    assert_int_equal(rt_stream_save(*stream, &names, &saved), RT_OK);
    rt_stream_free(*stream);
    assert_int_equal(rt_stream_new(options, &recorder->port, stream), RT_OK);
    form = rt_form_of(rt_buffer_view(&saved));
    assert_int_equal(rt_stream_load(*stream, &names, &form), RT_OK);
    rt_buffer_done(&saved);
    rt_fields_free(fields);
}

static void a_restored_stream_goes_on_from_where_time_had_come(void **state)
{
    static const struct {
        bool by_clock;
        int64_t watermark; /* when it is there again and has been silent */
    } cases[] = {{false, 12999 + 1000}, {true, 50000 + 1000 - 1}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct recorder *recorder = recorder_new();
        struct rt_stream_options options = {.idle_timeout = {1000}, .by_clock = cases[i].by_clock};
        struct rt_stream *stream;

        assert_int_equal(rt_stream_new(&options, &recorder->port, &stream), RT_OK);
        assert_int_equal(push_at(stream, &(struct arrival){10000, 0, false}, 0, (rt_time){10000}),
                         RT_OK);
        assert_int_equal(rt_stream_idle(stream, (rt_time){13000}), RT_OK);
        assert_int_equal(rt_stream_watermark(stream).ms, 12999);
        save_and_load(&stream, &options, recorder);
        assert_int_equal(rt_stream_idle(stream, (rt_time){50000}), RT_OK);
        assert_int_equal(rt_stream_idle(stream, (rt_time){51000}), RT_OK);
        assert_int_equal(rt_stream_watermark(stream).ms, cases[i].watermark);
        rt_stream_free(stream);
        rt_free(recorder);
    }
}

static void what_nobody_could_hear_is_no_silence(void **state)
{
    struct recorder *recorder = recorder_new();
    struct rt_stream_options options = {.per_partition = true, .idle_timeout = {1000}};
    struct rt_stream *stream;

    (void)state;
    assert_int_equal(rt_stream_new(&options, &recorder->port, &stream), RT_OK);
    assert_int_equal(rt_stream_expect(stream, 0, 2), RT_OK); /* never says anything */
    assert_int_equal(push_at(stream, &(struct arrival){100, 0, false}, 0, (rt_time){5000}), RT_OK);
    rt_stream_excuse(stream, RT_EVERY_SOURCE, (rt_duration){800}, (rt_time){5100});
    assert_int_equal(rt_stream_idle(stream, (rt_time){5100}), RT_OK);
    assert_int_equal(rt_stream_idle(stream, (rt_time){6099}), RT_OK);
    assert_int_equal(recorder->count, 0);
    /* Nothing was to be heard until 5100; both have been silent since then. */
    assert_int_equal(rt_stream_idle(stream, (rt_time){6100}), RT_OK);
    check_log(recorder, " p100 a1099");
    rt_stream_excuse(stream, RT_EVERY_SOURCE, (rt_duration){300}, (rt_time){6600});
    assert_int_equal(rt_stream_idle(stream, (rt_time){6600}), RT_OK);
    check_log(recorder, " p100 a1099 a1299");
    /* One source among others: the stream's own time goes on.  Records that wait wake nobody who is idle. */
    rt_stream_excuse(stream, 0, (rt_duration){50}, (rt_time){6650});
    assert_int_equal(rt_stream_await(stream, 0, 0, (rt_time){6700}), RT_OK);
    assert_int_equal(rt_stream_idle(stream, (rt_time){6700}), RT_OK);
    check_log(recorder, " p100 a1099 a1299 a1399");
    rt_stream_free(stream);
    rt_free(recorder);
}

static void an_event_too_far_ahead_of_the_clock_is_refused(void **state)
{
    struct recorder *recorder = recorder_new();
    struct rt_stream_options options = {.future_limit = {600}};
    struct rt_stream *stream;

    (void)state;
    assert_int_equal(rt_stream_new(&options, &recorder->port, &stream), RT_OK);
    assert_int_equal(push_at(stream, &(struct arrival){1600, 0, false}, 0, (rt_time){1000}), RT_OK);
    assert_int_equal(push_at(stream, &(struct arrival){1601, 0, false}, 1, (rt_time){1000}),
                     RT_ERR_DATA);
    assert_int_equal(push_at(stream, &(struct arrival){1601, 0, false}, 2, (rt_time){1001}), RT_OK);
    /* Without a clock there is no future. */
    assert_int_equal(push_at(stream, &(struct arrival){999999, 0, false}, 3, RT_TIME_MIN), RT_OK);
    assert_int_equal(rt_stream_counters(stream)->too_far_ahead, 1);
    check_log(recorder, " p1600 p1601 p999999");
    rt_stream_free(stream);
    rt_free(recorder);
}

static void many_partitions_have_their_least_watermark(void **state)
{
    enum { PARTITIONS = 300 };
    struct recorder *recorder = recorder_new();
    struct rt_stream_options options = {.per_partition = true};
    struct seeded random = seeded_from(3);
    int64_t times[PARTITIONS];
    struct rt_stream *stream;

    (void)state;
    assert_int_equal(rt_stream_new(&options, &recorder->port, &stream), RT_OK);
    for (uint32_t i = 0; i < PARTITIONS; i++) {
        times[i] = 1;
        assert_int_equal(push_at(stream, &(struct arrival){1, i, false}, i, RT_TIME_MIN), RT_OK);
    }
    for (uint64_t i = PARTITIONS; i < EVENTS_MAX; i++) {
        uint32_t partition = seeded_below(&random, PARTITIONS);
        int64_t least = INT64_MAX;

        times[partition] += 1 + seeded_below(&random, 9);
        assert_int_equal(
            push_at(stream, &(struct arrival){times[partition], partition, false}, i, RT_TIME_MIN),
            RT_OK);
        for (size_t p = 0; p < PARTITIONS; p++)
            least = times[p] - 1 < least ? times[p] - 1 : least;
        assert_int_equal(rt_stream_watermark(stream).ms, least);
    }
    rt_stream_free(stream);
    rt_free(recorder);
}

/* ---- what goes wrong ---- */

static void what_waits_is_bounded(void **state)
{
    struct recorder *recorder = recorder_new();
    struct rt_stream_options options = {.out_of_orderness = {1000000}, .bytes_max = 20000};
    struct rt_stream *stream;
    uint64_t taken = 0;

    (void)state;
    assert_int_equal(rt_stream_new(&options, &recorder->port, &stream), RT_OK);
    while (push_at(stream, &(struct arrival){(int64_t)(2000000 - taken), 0, false}, taken,
                   RT_TIME_MIN) == RT_OK)
        taken++;
    assert_true(taken > 50 && taken < 400);
    assert_true(rt_stream_counters(stream)->waiting_bytes <= 20000 + 300);
    assert_int_equal(push_at(stream, &(struct arrival){2000000, 0, false}, taken, RT_TIME_MIN),
                     RT_ERR_LIMIT);
    assert_int_equal(rt_stream_counters(stream)->pushed, taken);
    assert_int_equal(rt_stream_finish(stream), RT_OK);
    assert_int_equal(recorder->pushes, taken);
    rt_stream_free(stream);
    rt_free(recorder);
}

/* Every allocation fails once, also those of the copies that are made at the end of a loan. */
static void without_memory_what_was_lent_is_forgotten(void **state)
{
    enum { EVENTS = 100 };
    static struct loan loans[EVENTS];
    struct recorder *recorder = recorder_new();
    struct rt_stream_options options = {.out_of_orderness = {1000000}, .per_partition = true};
    size_t blocks = rt_live_blocks(), forgotten = 0;
    bool fired = true;

    (void)state;
    for (size_t nth = 1; fired; nth++) {
        struct rt_stream *stream = NULL;

        *recorder = (struct recorder){
            .port = recorder->port, .watermark = RT_TIME_MIN, .last_time = RT_TIME_MIN};
        assert_int_equal(rt_stream_new(&options, &recorder->port, &stream), RT_OK);
        rt_stream_lend(stream);
        for (uint64_t i = 0; i < EVENTS; i++)
            assert_int_equal(push_loan(stream,
                                       &(struct arrival){(int64_t)i, (uint32_t)(i % 3), false}, i,
                                       RT_TIME_MIN, &loans[i]),
                             RT_OK);
        rt_fault_arm(nth);

        enum rt_status status = rt_stream_keep(stream);

        fired = rt_fault_disarm();
        assert_int_equal(status, fired ? RT_ERR_NOMEM : RT_OK);
        for (size_t i = 0; i < EVENTS; i++)
            take_back(&loans[i]);
        forgotten += EVENTS - rt_stream_counters(stream)->waiting;
        assert_int_equal(rt_stream_finish(stream), RT_OK);
        assert_int_equal(recorder->pushes, rt_stream_counters(stream)->released);
        rt_stream_free(stream);
        assert_int_equal(rt_live_blocks(), blocks);
    }
    assert_true(forgotten > 0);
    rt_free(recorder);
}

static void an_error_of_the_operator_comes_back_and_nothing_is_counted_twice(void **state)
{
    struct recorder *recorder = recorder_new();
    struct rt_stream_options options = {.out_of_orderness = {100}};
    size_t blocks = rt_live_blocks();
    struct rt_stream *stream;

    (void)state;
    recorder->fail_at = 2;
    assert_int_equal(rt_stream_new(&options, &recorder->port, &stream), RT_OK);
    for (uint64_t i = 0; i < 5; i++)
        assert_int_equal(
            push_at(stream, &(struct arrival){(int64_t)(100 - i), 0, false}, i, RT_TIME_MIN),
            RT_OK);
    assert_int_equal(push_at(stream, &(struct arrival){500, 0, false}, 5, RT_TIME_MIN), RT_ERR_IO);
    assert_int_equal(rt_stream_counters(stream)->released, 2);
    assert_int_equal(rt_stream_counters(stream)->waiting, 4);
    rt_stream_free(stream);
    assert_int_equal(rt_live_blocks(), blocks);
    rt_free(recorder);
}

/* Every allocation on the way fails once; the event in question is refused, and nothing else changes. */
static void without_memory_an_event_is_refused_and_nothing_is_lost(void **state)
{
    enum { EVENTS = 300 };
    struct recorder *recorder = recorder_new();
    size_t blocks = rt_live_blocks();
    bool fired = true;

    (void)state;
    for (size_t nth = 1; fired; nth++) {
        struct rt_stream_options options = {.out_of_orderness = {1000}, .per_partition = true};
        struct rt_stream *stream = NULL;
        size_t refused = 0;

        *recorder = (struct recorder){
            .port = recorder->port, .watermark = RT_TIME_MIN, .last_time = RT_TIME_MIN};
        rt_fault_arm(nth);
        if (rt_stream_new(&options, &recorder->port, &stream) == RT_OK) {
            for (uint64_t i = 0; i < EVENTS; i++) {
                struct arrival arrival = {(int64_t)(i * 100 - i % 7 * 100), (uint32_t)(i % 20),
                                          false};
                enum rt_status status = push_at(stream, &arrival, i, RT_TIME_MIN);

                assert_true(status == RT_OK || status == RT_ERR_NOMEM);
                refused += status == RT_ERR_NOMEM;
            }
            fired = rt_fault_disarm();
            assert_int_equal(refused, fired);
            assert_int_equal(rt_stream_finish(stream), RT_OK);
            assert_int_equal(recorder->pushes + refused + rt_stream_counters(stream)->late, EVENTS);
            rt_stream_free(stream);
        } else {
            assert_true(rt_fault_disarm());
            assert_null(stream);
        }
        assert_int_equal(rt_live_blocks(), blocks);
    }
    rt_free(recorder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_come_out_as_from_a_sorted_list),
        cmocka_unit_test(events_in_order_that_wait_are_announced),
        cmocka_unit_test(with_the_bound_of_the_disorder_nothing_is_late),
        cmocka_unit_test(watermarks_move_in_arrival_order),
        cmocka_unit_test(a_stream_that_is_not_finished_keeps_what_the_watermark_has_not_passed),
        cmocka_unit_test(a_watermark_from_outside_releases_and_makes_later_events_late),
        cmocka_unit_test(nothing_is_taken_after_the_end),
        cmocka_unit_test(idle_partitions_are_taken_out_and_come_back),
        cmocka_unit_test(what_is_read_again_leaves_the_watermark_where_it_was),
        cmocka_unit_test(what_the_clock_had_passed_is_passed_again_without_records),
        cmocka_unit_test(when_all_are_idle_the_watermark_goes_on_with_the_clock),
        cmocka_unit_test(what_nobody_could_hear_is_no_silence),
        cmocka_unit_test(a_restored_stream_goes_on_from_where_time_had_come),
        cmocka_unit_test(an_event_too_far_ahead_of_the_clock_is_refused),
        cmocka_unit_test(many_partitions_have_their_least_watermark),
        cmocka_unit_test(what_waits_is_bounded),
        cmocka_unit_test(without_memory_what_was_lent_is_forgotten),
        cmocka_unit_test(an_error_of_the_operator_comes_back_and_nothing_is_counted_twice),
        cmocka_unit_test(without_memory_an_event_is_refused_and_nothing_is_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
