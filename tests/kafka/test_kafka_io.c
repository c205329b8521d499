/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Kafka source, sink and session against a real broker.  EGRET_KAFKA is its address, KAFKA_TOOL the witness (tool.c).
 * Each test has topics of its own, so that none waits for another's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/alloc.h"
#include "runtime/event/codec.h"
#include "runtime/io/kafka_decision.h"
#include "runtime/io/sink_kafka.h"
#include "runtime/io/source_kafka.h"
#include "tests/support/unit.h"

static const char *address;

/* ---- the witness ---- */

static void tool(const char *words)
{
    char command[1024];

    snprintf(command, sizeof(command), "\"$KAFKA_TOOL\" %s %s", address, words);
    assert_int_equal(system(command), 0);
}

static void produce(const char *topic_and_settings, const char *lines)
{
    char command[1024];

    snprintf(command, sizeof(command), "\"$KAFKA_TOOL\" %s produce %s", address,
             topic_and_settings);
    FILE *pipe = popen(command, "w");

    assert_non_null(pipe);
    assert_true(fputs(lines, pipe) >= 0);
    assert_int_equal(pclose(pipe), 0);
}

/* What the tool prints. */
static const char *ask(const char *words)
{
    static char answer[1 << 16];
    char command[1024];

    snprintf(command, sizeof(command), "\"$KAFKA_TOOL\" %s %s", address, words);
    FILE *pipe = popen(command, "r");

    assert_non_null(pipe);
    size_t length = fread(answer, 1, sizeof(answer) - 1, pipe);

    answer[length] = '\0';
    assert_int_equal(pclose(pipe), 0);
    return answer;
}

/* ---- sources ---- */

struct setup {
    const char *topic, *group;
    enum rt_kafka_start start;
    int64_t start_ms;
    bool goes_on, new_partitions;
    bool little_ahead; /* 16 KB are read ahead */
};

static struct rt_source *open_with(const struct setup *setup, struct rt_buffer *message)
{
    const struct rt_kafka_setting settings[] = {{"bootstrap.servers", address},
                                                {"group.id", setup->group},
                                                {"queued.max.messages.kbytes", "16"},
                                                {"max.partition.fetch.bytes", "32768"}};
    struct rt_kafka_source_options options = {
        .settings = {settings, setup->little_ahead ? COUNT_OF(settings) : 2},
        .topics = &setup->topic,
        .topic_count = 1,
        .group = setup->group,
        .number = 5,
        .start = setup->start,
        .start_ms = setup->start_ms,
        .until_now = !setup->goes_on,
        .headers = true,
        .new_partitions = setup->new_partitions,
        .look_every_ms = setup->little_ahead ? 0 : 20, /* asking would wake the fetcher */
    };
    struct rt_source *source = NULL;

    return rt_source_kafka_open(&options, message, &source) == RT_OK ? source : NULL;
}

static struct rt_source *open_source(const struct setup *setup)
{
    struct rt_buffer message;

    rt_buffer_init(&message, 4096);

    struct rt_source *source = open_with(setup, &message);

    if (source == NULL)
        print_error("%s\n", message.length > 0 ? message.data : "no message");
    assert_non_null(source);
    rt_buffer_done(&message);
    return source;
}

/* Reads batches up to the end, at most `max` records; appends "PARTITION@OFFSET key=value;". */
static enum rt_status read_on(struct rt_source *source, struct rt_buffer *out, size_t max)
{
    static struct rt_batch batch;
    enum rt_status status = RT_OK;
    size_t seen = 0;

    for (int turns = 0; status == RT_OK && seen < max && turns < 2000; turns++) {
        status = source->read(source, &batch);
        if (status == RT_OK && batch.count == 0)
            rt_sources_wait(&source, 1, RT_SOURCE_WAIT_MS);
        for (size_t i = 0; i < batch.count; i++, seen++) {
            const struct rt_record *record = &batch.records[i];

            assert_int_equal(record->position.source, 5);
            rt_buffer_printf(out, "%u@%llu %.*s=%.*s", record->position.partition,
                             (unsigned long long)record->position.offset, (int)record->key.length,
                             record->key.length > 0 ? record->key.data : "",
                             (int)(record->length > 100 ? 100 : record->length), record->data);
            for (size_t h = 0; h < record->header_count; h++)
                rt_buffer_printf(out, ",%s:%.*s", record->headers[h].name.data,
                                 (int)record->headers[h].value.length,
                                 record->headers[h].value.data);
            rt_buffer_printf(out, "%s%s;", record->is_absent ? " absent" : "",
                             record->too_long ? " too long" : "");
        }
    }
    return status;
}

static size_t places_of(struct rt_source *source, struct rt_place *out, size_t max)
{
    size_t count = source->places(source, out, max);

    assert_true(count <= max);
    return count;
}

static void records_come_with_all_that_they_have(void **state)
{
    struct rt_buffer seen;
    struct rt_place places[2];
    struct setup setup = {.topic = "all", .group = "all"};

    (void)state;
    rt_buffer_init(&seen, 1 << 20);
    tool("create all 2");
    produce("all transactional.id=writer", "!begin\n"
                                           "0\tk0\ta=b,c=d\t1000\tone\n"
                                           "!commit\n!begin\n"
                                           "0\tk1\t-\t-\tnobody sees this\n"
                                           "!abort\n!begin\n"
                                           "0\t-\t-\t-\ttwo\n"
                                           "0\tk0\t-\t-\n"
                                           "!commit\n");

    struct rt_source *source = open_source(&setup);

    assert_int_equal(read_on(source, &seen, 100), RT_END);
    assert_string_equal(seen.data, "0@0 k0=one,a:b,c:d;0@4 =two;0@5 k0= absent;");
    assert_int_equal(places_of(source, places, 2), 2);
    assert_string_equal(places[0].name, "all/0");
    assert_int_equal(places[0].next, 7); /* behind the commit marker */
    assert_int_equal(places[0].last, 5);
    assert_false(places[1].has_last);
    source->free(source);
    rt_buffer_done(&seen);
}

static void every_compression_is_read(void **state)
{
    static const char *const codecs[] = {"none", "gzip", "snappy", "lz4", "zstd"};
    struct setup setup = {.topic = "codecs", .group = "codecs"};
    struct rt_buffer seen;
    char words[100], line[100];

    (void)state;
    rt_buffer_init(&seen, 1 << 20);
    tool("create codecs 1");
    for (size_t i = 0; i < COUNT_OF(codecs); i++) {
        snprintf(words, sizeof(words), "codecs compression.type=%s", codecs[i]);
        snprintf(line, sizeof(line), "0\t-\t-\t-\t%s %s %s %s\n", codecs[i], codecs[i], codecs[i],
                 codecs[i]);
        produce(words, line);
    }

    struct rt_source *source = open_source(&setup);

    assert_int_equal(read_on(source, &seen, 100), RT_END);
    assert_string_equal(seen.data,
                        "0@0 =none none none none;0@1 =gzip gzip gzip gzip;0@2 =snappy snappy "
                        "snappy snappy;0@3 =lz4 lz4 lz4 lz4;0@4 =zstd zstd zstd zstd;");
    source->free(source);
    rt_buffer_done(&seen);
}

/*
 * librdkafka by itself looks at a full queue again after a second: ten times that nothing is there.  The whole is sixty
 * answers, each of them more than the queue holds.
 */
static void a_backlog_comes_without_pauses(void **state)
{
    enum { RECORDS = 20000, EMPTY_TURNS_MAX = 200 };
    static struct rt_batch batch;
    struct setup setup = {
        .topic = "backlog", .group = "backlog", .goes_on = true, .little_ahead = true};
    struct rt_buffer lines;
    size_t seen = 0, empty_turns = 0;

    (void)state;
    tool("create backlog 2");
    rt_buffer_init(&lines, 8 << 20);
    for (int i = 0; i < RECORDS; i++)
        rt_buffer_printf(&lines, "%d\t-\t-\t-\t%d %0100d\n", i % 2, i, 0);
    produce("backlog batch.num.messages=50", lines.data);
    rt_buffer_done(&lines);

    struct rt_source *source = open_source(&setup);
    uint64_t next[2] = {0};

    while (seen < RECORDS && empty_turns < EMPTY_TURNS_MAX) {
        assert_int_equal(source->read(source, &batch), RT_OK);
        for (size_t i = 0; i < batch.count; i++, seen++) {
            const struct rt_position *position = &batch.records[i].position;

            assert_int_equal(position->offset, next[position->partition]++);
        }
        empty_turns += batch.count == 0;
        if (batch.count == 0)
            rt_sources_wait(&source, 1, RT_SOURCE_WAIT_MS);
    }
    assert_int_equal(seen, RECORDS);
    source->free(source);
}

static void a_record_that_is_too_long_comes_cut(void **state)
{
    struct setup setup = {.topic = "long", .group = "long"};
    struct rt_buffer seen, line;

    (void)state;
    rt_buffer_init(&seen, 1 << 20);
    rt_buffer_init(&line, 4 << 20);
    tool("create long 1 max.message.bytes=4000000");
    for (int i = 0; i < 6; i++) {
        rt_buffer_string(&line, "0\t-\t-\t-\t");
        for (int byte = 0; byte < (i % 2 == 0 ? 600000 : 1200000) / 10; byte++)
            rt_buffer_string(&line, "0123456789");
        rt_buffer_string(&line, "\n");
        produce("long message.max.bytes=4000000", line.data);
        rt_buffer_reset(&line);
    }

    struct rt_source *source = open_source(&setup);

    assert_int_equal(read_on(source, &seen, 100), RT_END);
    assert_non_null(strstr(seen.data, "0@0 =0123456789"));
    assert_non_null(strstr(seen.data, "0123456789 too long;0@2 "));
    assert_non_null(strstr(seen.data, "0123456789 too long;0@4 "));
    source->free(source);
    rt_buffer_done(&seen);
    rt_buffer_done(&line);
}

static void reading_starts_where_it_is_told_to(void **state)
{
    static const struct {
        struct setup setup;
        const char *seen;
    } cases[] = {
        {{.topic = "start", .group = "none", .start = RT_KAFKA_START_COMMITTED},
         "0@0 =a;0@1 =b;0@2 =c;"},
        {{.topic = "start", .group = "some", .start = RT_KAFKA_START_COMMITTED}, "0@2 =c;"},
        {{.topic = "start", .group = "some", .start = RT_KAFKA_START_EARLIEST},
         "0@0 =a;0@1 =b;0@2 =c;"},
        {{.topic = "start", .group = "some", .start = RT_KAFKA_START_LATEST}, ""},
        {{.topic = "start", .group = "some", .start = RT_KAFKA_START_TIME, .start_ms = 1500},
         "0@1 =b;0@2 =c;"},
        {{.topic = "start", .group = "some", .start = RT_KAFKA_START_TIME, .start_ms = 9000}, ""},
    };

    (void)state;
    tool("create start 1");
    produce("start", "0\t-\t-\t1000\ta\n0\t-\t-\t2000\tb\n0\t-\t-\t3000\tc\n");
    tool("commit some start 0 2 mine");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct rt_buffer seen;
        struct rt_source *source = open_source(&cases[i].setup);

        rt_buffer_init(&seen, 4096);
        assert_int_equal(read_on(source, &seen, 100), RT_END);
        assert_string_equal(seen.length == 0 ? "" : seen.data, cases[i].seen);
        source->free(source);
        rt_buffer_done(&seen);
    }
}

static void reading_goes_on_from_any_place(void **state)
{
    struct setup setup = {.topic = "places", .group = "places"};
    struct rt_place places[2];
    struct rt_buffer lines, seen;

    (void)state;
    rt_buffer_init(&lines, 1 << 20);
    rt_buffer_init(&seen, 1 << 20);
    tool("create places 2");
    for (int i = 0; i < 600; i++)
        rt_buffer_printf(&lines, "%d\t-\t-\t-\tr%d\n", i % 2, i);
    produce("places", lines.data);

    struct rt_source *source = open_source(&setup);

    assert_int_equal(read_on(source, &seen, 1), RT_OK);
    assert_int_equal(places_of(source, places, 2), 2);

    struct rt_source *next = open_source(&setup);

    assert_int_equal(next->seek(next, places, 2), RT_OK);
    source->free(source);
    assert_int_equal(read_on(next, &seen, 1000), RT_END);
    for (int i = 0; i < 600; i++) {
        char wanted[64];

        snprintf(wanted, sizeof(wanted), "%d@%d =r%d;", i % 2, i / 2, i);
        const char *found = strstr(seen.data, wanted);

        assert_non_null(found);
        assert_null(strstr(found + 1, wanted));
    }
    next->free(next);
    rt_buffer_done(&seen);
    rt_buffer_done(&lines);
}

/* Reads to the end from the places; how many records that were. */
static size_t count_from(const struct setup *setup, const struct rt_place *places)
{
    static struct rt_batch batch;
    struct rt_source *source = open_source(setup);
    enum rt_status status = source->seek(source, places, 2);
    size_t seen = 0;

    for (int turns = 0; status == RT_OK && turns < 2000; turns++) {
        status = source->read(source, &batch);
        seen += batch.count;
        if (status == RT_OK && batch.count == 0)
            rt_sources_wait(&source, 1, RT_SOURCE_WAIT_MS);
    }
    if (status != RT_END)
        print_error("%s\n", source->error(source));
    assert_int_equal(status, RT_END);
    source->free(source);
    return seen;
}

static void reading_goes_on_behind_any_record_of_a_batch(void **state)
{
    enum { RECORDS = 400 };
    static struct rt_batch batch;
    struct setup setup = {.topic = "within", .group = "within"};
    struct rt_place places[2];
    struct rt_buffer lines;
    size_t before = 0, tried = 0;

    (void)state;
    rt_buffer_init(&lines, 1 << 20);
    tool("create within 2");
    for (int i = 0; i < RECORDS; i++)
        rt_buffer_printf(&lines, "%d\t-\t-\t%d\tr%d\n", i % 3 == 0, 1000 + i, i);
    produce("within batch.num.messages=70", lines.data);
    rt_buffer_done(&lines);

    struct rt_source *source = open_source(&setup);

    while (before < RECORDS && source->read(source, &batch) == RT_OK) {
        const size_t steps[] = {0, 1, 2, batch.count / 2, batch.count - 1, batch.count};

        if (batch.count == 0)
            rt_sources_wait(&source, 1, RT_SOURCE_WAIT_MS);
        for (size_t i = 0; i < COUNT_OF(steps) && batch.count > 0 && steps[i] <= batch.count; i++) {
            source->stand_behind(source, &batch, steps[i]);
            assert_int_equal(places_of(source, places, 2), 2);
            assert_int_equal(places[0].next + places[1].next, before + steps[i]);
            assert_int_equal(count_from(&setup, places), RECORDS - before - steps[i]);
            tried++;
        }
        before += batch.count;
    }
    assert_int_equal(before, RECORDS);
    assert_true(tried > 6);
    source->free(source);
}

/* Reads a topic to its end, and gives the places. */
static size_t read_all(const struct setup *setup, struct rt_place *places, size_t max)
{
    static char names[4][64];
    struct rt_buffer seen;
    struct rt_source *source = open_source(setup);

    rt_buffer_init(&seen, 1 << 20);
    assert_int_equal(read_on(source, &seen, 100000), RT_END);

    size_t count = places_of(source, places, max);

    for (size_t i = 0; i < count; i++) {
        snprintf(names[i], sizeof(names[i]), "%s", places[i].name);
        places[i].name = names[i];
    }
    source->free(source);
    rt_buffer_done(&seen);
    return count;
}

/* Seeks and reads; the error. */
static void assert_refused(const struct setup *setup, const struct rt_place *places, size_t count,
                           const char *says)
{
    struct rt_source *source = open_source(setup);
    struct rt_buffer seen;
    enum rt_status status = source->seek(source, places, count);

    rt_buffer_init(&seen, 1 << 20);
    if (status == RT_OK)
        status = read_on(source, &seen, 100000);
    assert_int_equal(status, RT_ERR_CORRUPT);
    if (strstr(source->error(source), says) == NULL)
        print_error("%s\n", source->error(source));
    assert_non_null(strstr(source->error(source), says));
    source->free(source);
    rt_buffer_done(&seen);
}

static void data_that_is_gone_is_told(void **state)
{
    struct setup setup = {.topic = "gone", .group = "gone"};
    struct rt_place places[2];

    (void)state;
    tool("create gone 1");
    produce("gone", "0\t-\t-\t-\ta\n0\t-\t-\t-\tb\n");
    assert_int_equal(read_all(&setup, places, 2), 1);
    produce("gone", "0\t-\t-\t-\tc\n0\t-\t-\t-\td\n0\t-\t-\t-\te\n");
    tool("delete-records gone 0 4");
    assert_refused(&setup, places, 1,
                   "kafka/data-lost: gone/0 was read up to offset 2 and begins at 4 now: 2 records "
                   "are gone unread; ");
}

static void a_topic_that_was_made_anew_is_told(void **state)
{
    struct setup setup = {.topic = "anew", .group = "anew"};
    struct rt_place places[2];

    (void)state;
    tool("create anew 1");
    produce("anew", "0\t-\t-\t-\ta\n0\t-\t-\t-\tb\n");
    assert_int_equal(read_all(&setup, places, 2), 1);
    tool("delete-topic anew");
    tool("create anew 1");
    produce("anew", "0\t-\t-\t-\ta\n");
    assert_refused(&setup, places, 1,
                   "kafka/data-other: anew/0 was read up to offset 2 and ends at 1 now; ");
    produce("anew", "0\t-\t-\t-\tB\n0\t-\t-\t-\tc\n");
    assert_refused(
        &setup, places, 1,
        "kafka/data-other: the record at offset 1 of anew/0 is not the one that was read "
        "there; ");
}

static void a_partition_that_is_new_or_gone_is_told(void **state)
{
    struct setup setup = {.topic = "parts", .group = "parts"};
    struct rt_place places[3];
    struct rt_buffer seen;

    (void)state;
    rt_buffer_init(&seen, 4096);
    tool("create parts 1");
    produce("parts", "0\t-\t-\t-\ta\n");
    assert_int_equal(read_all(&setup, places, 2), 1);
    tool("grow parts 2");
    produce("parts", "1\t-\t-\t-\tb\n");
    assert_refused(&setup, places, 1, "kafka/partition-new: parts/1 is new; ");

    setup.new_partitions = true;
    struct rt_source *source = open_source(&setup);

    assert_int_equal(source->seek(source, places, 1), RT_OK);
    assert_int_equal(read_on(source, &seen, 100), RT_END);
    assert_string_equal(seen.data, "1@0 =b;");
    source->free(source);

    places[1] = places[0];
    places[1].name = "parts/7";
    assert_refused(&setup, places, 2, "kafka/partition-gone: parts/7 was read and is not there");
    rt_buffer_done(&seen);
}

static void a_partition_that_appears_is_read_or_ends_the_job(void **state)
{
    struct setup reads = {.topic = "grows", .group = "a", .goes_on = true, .new_partitions = true};
    struct setup stops = {.topic = "grows", .group = "b", .goes_on = true};
    struct rt_buffer seen;

    (void)state;
    rt_buffer_init(&seen, 4096);
    tool("create grows 1");
    produce("grows", "0\t-\t-\t-\ta\n");

    struct rt_source *reader = open_source(&reads), *stopper = open_source(&stops);

    assert_int_equal(read_on(reader, &seen, 1), RT_OK);
    assert_int_equal(read_on(stopper, &seen, 1), RT_OK);
    tool("grow grows 2");
    produce("grows", "1\t-\t-\t-\tb\n");
    assert_int_equal(read_on(reader, &seen, 1), RT_OK);
    assert_string_equal(seen.data, "0@0 =a;0@0 =a;1@0 =b;");
    assert_int_equal(read_on(stopper, &seen, 1), RT_ERR_CORRUPT);
    assert_non_null(strstr(stopper->error(stopper), "kafka/partition-new: grows/1 is new; "));
    reader->free(reader);
    stopper->free(stopper);
    rt_buffer_done(&seen);
}

static void what_is_not_there_is_told_at_once(void **state)
{
    struct setup setup = {.topic = "nowhere", .group = "nowhere"};
    struct rt_buffer message;

    (void)state;
    rt_buffer_init(&message, 4096);
    assert_null(open_with(&setup, &message));
    assert_string_equal(message.data,
                        "kafka/topic-missing: there is no topic `nowhere`; create the topic, or "
                        "mend its name; Egret makes no topics");
    rt_buffer_done(&message);
}

/* ---- sessions ---- */

static struct rt_kafka_session *open_session(const char *id, const char *timeout_ms)
{
    static struct rt_kafka_setting settings[4][3];
    static size_t used;
    struct rt_kafka_setting *mine = settings[used++ % 4];
    struct rt_kafka_session *session = NULL;
    struct rt_buffer message;

    mine[0] = (struct rt_kafka_setting){"bootstrap.servers", address};
    mine[1] = (struct rt_kafka_setting){"transactional.id", id};
    mine[2] = (struct rt_kafka_setting){"transaction.timeout.ms", timeout_ms};

    struct rt_kafka_session_options options = {.settings = {mine, 3}};

    rt_buffer_init(&message, 4096);
    assert_int_equal(rt_kafka_session_new(&options, &message, &session), RT_OK);
    rt_buffer_done(&message);
    return session;
}

static enum rt_status write_text(struct rt_kafka_session *session, uint32_t topic, const char *text)
{
    struct rt_kafka_header header = {RT_TEXT("id"), rt_text_of(text)};
    struct rt_kafka_record record = {.topic = topic,
                                     .key = RT_TEXT("k"),
                                     .value = rt_text_of(text),
                                     .headers = &header,
                                     .header_count = 1};

    return rt_kafka_session_write(session, &record);
}

static void what_comes_after_a_barrier_waits_for_the_commit(void **state)
{
    struct setup setup = {.topic = "in1", .group = "job1", .goes_on = true};
    struct rt_kafka_marker marker = {0xabcdef01, 1, 0x1234, {-5}};
    struct rt_buffer seen;
    uint32_t topic;

    (void)state;
    rt_buffer_init(&seen, 4096);
    tool("create in1 2");
    tool("create out1 1");
    produce("in1", "0\t-\t-\t-\ta\n");

    struct rt_source *source = open_source(&setup);
    struct rt_kafka_session *session = open_session("job1/0", "60000");

    assert_int_equal(rt_kafka_session_topic(session, "out1", &topic), RT_OK);
    assert_int_equal(read_on(source, &seen, 1), RT_OK);
    assert_int_equal(write_text(session, topic, "of a"), RT_OK);
    assert_string_equal(ask("dump out1"), "");
    assert_int_equal(rt_kafka_session_barrier(session, &source, 1), RT_OK);
    produce("in1", "0\t-\t-\t-\tb\n");
    assert_int_equal(read_on(source, &seen, 1), RT_OK);
    assert_int_equal(write_text(session, topic, "of b"), RT_OK);
    assert_int_equal(rt_kafka_session_commit(session, &marker), RT_OK);
    assert_string_equal(ask("dump out1"), "0\t0\tk\tid=of a\tof a\n");
    assert_string_equal(ask("offsets job1 in1"),
                        "0\t1\tv1;job=abcdef01;ck=1;h=0000000000001234;t=-5\n"
                        "1\t0\tv1;job=abcdef01;ck=1;h=0000000000001234;t=-5\n");
    assert_int_equal(rt_kafka_session_barrier(session, &source, 1), RT_OK);
    marker.checkpoint = 2;
    assert_int_equal(rt_kafka_session_commit(session, &marker), RT_OK);
    assert_string_equal(ask("dump out1"), "0\t0\tk\tid=of a\tof a\n0\t2\tk\tid=of b\tof b\n");
    assert_non_null(strstr(ask("offsets job1 in1"), "0\t2\tv1;job=abcdef01;ck=2;"));

    /* An epoch without any record moves the marker all the same. */
    assert_int_equal(rt_kafka_session_barrier(session, &source, 1), RT_OK);
    marker.checkpoint = 3;
    assert_int_equal(rt_kafka_session_commit(session, &marker), RT_OK);
    assert_non_null(strstr(ask("offsets job1 in1"), "1\t0\tv1;job=abcdef01;ck=3;"));
    rt_kafka_session_free(session);
    source->free(source);
    rt_buffer_done(&seen);
}

static void a_second_session_fences_the_first_and_undoes_what_it_left(void **state)
{
    struct setup setup = {.topic = "in2", .group = "job2", .goes_on = true};
    struct rt_kafka_marker marker = {1, 1, 1, {0}};
    uint32_t topic;

    (void)state;
    tool("create in2 1");
    tool("create out2 1");

    struct rt_source *source = open_source(&setup);
    struct rt_kafka_session *first = open_session("job2/0", "60000");

    assert_int_equal(rt_kafka_session_topic(first, "out2", &topic), RT_OK);
    assert_int_equal(rt_source_kafka_begin(source), RT_OK);
    assert_int_equal(write_text(first, topic, "of the first"), RT_OK);
    assert_int_equal(rt_kafka_session_barrier(first, &source, 1), RT_OK);

    struct rt_kafka_session *second = open_session("job2/0", "60000");

    assert_int_equal(rt_kafka_session_topic(second, "out2", &topic), RT_OK);
    assert_int_equal(write_text(second, topic, "of the second"), RT_OK);
    assert_int_equal(rt_kafka_session_commit(first, &marker), RT_ERR_IO);
    assert_non_null(strstr(rt_kafka_session_error(first), "kafka/fenced: "));
    assert_non_null(strstr(rt_kafka_session_error(first),
                           "or a transaction took longer than transaction.timeout.ms"));
    assert_int_equal(rt_kafka_session_barrier(second, &source, 1), RT_OK);
    assert_int_equal(rt_kafka_session_commit(second, &marker), RT_OK);
    assert_non_null(strstr(ask("dump out2"), "of the second"));
    assert_null(strstr(ask("dump out2"), "of the first"));
    rt_kafka_session_free(first);
    rt_kafka_session_free(second);
    source->free(source);
}

static void a_decision_is_found_again(void **state)
{
    struct setup setup = {.topic = "in3", .group = "job3", .goes_on = true};
    struct rt_decision_local local = {.job = 0x1100000022, .newest = 0};
    struct rt_decision_choice choice;
    struct rt_decision *decision = NULL;
    struct rt_buffer seen;

    (void)state;
    rt_buffer_init(&seen, 4096);
    tool("create in3 2");
    produce("in3", "0\t-\t-\t-\ta\n1\t-\t-\t-\tb\n");
    for (uint64_t id = 0; id < 3; id++) {
        struct rt_source *source = open_source(&setup);
        struct rt_kafka_session *session = open_session("job3/0", "60000");
        struct rt_kafka_decision_options options = {
            .session = session, .sources = &source, .source_count = 1};
        struct rt_place places[2] = {{.name = "in3/0", .next = id == 1 ? 1 : 0},
                                     {.name = "in3/1", .next = 1}};

        assert_int_equal(rt_kafka_decision_new(&options, &decision), RT_OK);
        local.newest = id == 0 ? 0 : 9;
        assert_int_equal(decision->recover(decision, &local, &choice), RT_OK);
        assert_int_equal(choice.course, id == 0 ? RT_DECISION_FRESH : RT_DECISION_RESTORE);
        if (id > 0) {
            assert_int_equal(choice.id, 7);
            assert_string_equal(choice.mark, "00c0ffee00c0ffee");
            assert_int_equal(source->seek(source, places, 2), RT_OK);
        }
        assert_int_equal(decision->resumed(decision), id == 2 ? RT_ERR_CORRUPT : RT_OK);
        if (id == 0) {
            assert_int_equal(read_on(source, &seen, 2), RT_OK);
            assert_int_equal(decision->barrier(decision, (rt_time){1234}), RT_OK);
            assert_int_equal(decision->decide(decision, 7, "00c0ffee00c0ffee"), RT_OK);

            struct rt_kafka_session *twin = open_session("job3/0", "60000");

            assert_int_equal(decision->barrier(decision, (rt_time){1234}), RT_OK);
            assert_int_equal(decision->decide(decision, 8, "00c0ffee00c0ffee"), RT_ERR_IO);
            assert_non_null(strstr(decision->error(decision), "kafka/fenced: "));
            rt_kafka_session_free(twin);
        }
        if (id == 2)
            assert_non_null(strstr(decision->error(decision),
                                   "kafka/offsets-differ: offset 1 is committed for in3/0, and the "
                                   "checkpoint stands at 0; "));
        decision->free(decision);
        rt_kafka_session_free(session);
        source->free(source);
    }
    rt_buffer_done(&seen);
}

static void a_transaction_that_takes_too_long_is_fenced_too(void **state)
{
    struct setup setup = {.topic = "in4", .group = "job4", .goes_on = true};
    struct rt_kafka_marker marker = {1, 1, 1, {0}};
    uint32_t topic;

    (void)state;
    tool("create in4 1");
    tool("create out4 1");

    struct rt_source *source = open_source(&setup);
    struct rt_kafka_session *session = open_session("job4/0", "1000");

    assert_int_equal(rt_kafka_session_topic(session, "out4", &topic), RT_OK);
    assert_int_equal(rt_source_kafka_begin(source), RT_OK);
    assert_int_equal(write_text(session, topic, "late"), RT_OK);
    for (int i = 0; i < 100; i++) { /* a transaction ends itself 1 to 2 s after its time is over */
        struct rt_source *none = NULL;

        assert_int_equal(rt_kafka_session_serve(session), RT_OK);
        rt_sources_wait(&none, 1, RT_SOURCE_WAIT_MS);
        if (strstr(ask("dump out4 isolation.level=read_uncommitted"), "late") != NULL && i > 30)
            break;
    }
    assert_int_equal(rt_kafka_session_barrier(session, &source, 1), RT_OK);
    assert_int_equal(rt_kafka_session_commit(session, &marker), RT_ERR_IO);
    assert_non_null(strstr(rt_kafka_session_error(session), "kafka/fenced: "));
    assert_string_equal(ask("dump out4"), "");
    rt_kafka_session_free(session);
    source->free(source);
}

/* ---- sinks ---- */

static void a_sink_writes_where_a_record_says(void **state)
{
    const struct rt_kafka_setting settings[] = {{"bootstrap.servers", address}};
    struct rt_kafka_sink_options options = {.settings = {settings, 1}, .topic = "sink"};
    struct rt_record_header header = {RT_TEXT("egret-rule"), RT_TEXT("r1")};
    struct rt_sink_record record = {
        .value = RT_TEXT("one"), .key = RT_TEXT("k"), .headers = &header, .header_count = 1};
    struct rt_sink *sink = NULL;
    struct rt_buffer message;

    (void)state;
    rt_buffer_init(&message, 4096);
    assert_int_equal(rt_sink_kafka_open(&options, &message, &sink), RT_ERR_IO);
    assert_non_null(strstr(message.data, "kafka/topic-missing: topic sink"));
    tool("create sink 1");
    tool("create sink.high 1");
    assert_int_equal(rt_sink_kafka_open(&options, &message, &sink), RT_OK);
    assert_int_equal(sink->write(sink, &record), RT_OK);
    record.destination = RT_TEXT("sink.high");
    record.value = RT_TEXT("two");
    assert_int_equal(sink->write(sink, &record), RT_OK);
    assert_int_equal(sink->write(sink, &record), RT_OK);
    assert_int_equal(sink->sync(sink), RT_OK);
    assert_string_equal(ask("dump sink"), "0\t0\tk\tegret-rule=r1\tone\n");
    assert_string_equal(ask("dump sink.high"),
                        "0\t0\tk\tegret-rule=r1\ttwo\n0\t1\tk\tegret-rule=r1\ttwo\n");
    record.destination = RT_TEXT("sink.low");
    assert_int_equal(sink->write(sink, &record), RT_ERR_IO);
    assert_non_null(strstr(sink->error(sink), "kafka/topic-missing: topic sink.low"));
    rt_sink_free(sink);
    rt_buffer_done(&message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_come_with_all_that_they_have),
        cmocka_unit_test(every_compression_is_read),
        cmocka_unit_test(a_backlog_comes_without_pauses),
        cmocka_unit_test(a_record_that_is_too_long_comes_cut),
        cmocka_unit_test(reading_starts_where_it_is_told_to),
        cmocka_unit_test(reading_goes_on_from_any_place),
        cmocka_unit_test(reading_goes_on_behind_any_record_of_a_batch),
        cmocka_unit_test(data_that_is_gone_is_told),
        cmocka_unit_test(a_topic_that_was_made_anew_is_told),
        cmocka_unit_test(a_partition_that_is_new_or_gone_is_told),
        cmocka_unit_test(a_partition_that_appears_is_read_or_ends_the_job),
        cmocka_unit_test(what_is_not_there_is_told_at_once),
        cmocka_unit_test(what_comes_after_a_barrier_waits_for_the_commit),
        cmocka_unit_test(a_second_session_fences_the_first_and_undoes_what_it_left),
        cmocka_unit_test(a_decision_is_found_again),
        cmocka_unit_test(a_transaction_that_takes_too_long_is_fenced_too),
        cmocka_unit_test(a_sink_writes_where_a_record_says),
    };

    address = getenv("EGRET_KAFKA");
    if (address == NULL || getenv("KAFKA_TOOL") == NULL) {
        print_error("EGRET_KAFKA and KAFKA_TOOL name the broker and the witness\n");
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
