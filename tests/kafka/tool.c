/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tool.c - what tests and demos need of Kafka besides Egret: an independent witness, straight on the client library.
 *
 *     kafka_tool BROKERS ready MS                     waits until somebody answers
 *     kafka_tool BROKERS ends TOPIC                   how many records it has had
 *     kafka_tool BROKERS undecided TOPIC              how much of it a read-committed reader may not see yet
 *     kafka_tool BROKERS decided TOPIC                waits until all that is in it now is committed or taken back
 *     kafka_tool BROKERS create TOPIC PARTITIONS [NAME=VALUE]...
 *     kafka_tool BROKERS grow TOPIC PARTITIONS
 *     kafka_tool BROKERS delete-topic TOPIC | delete-group GROUP | delete-records TOPIC PARTITION OFFSET
 *     kafka_tool BROKERS offsets GROUP TOPIC          PARTITION \t OFFSET \t METADATA, a line each
 *     kafka_tool BROKERS commit GROUP TOPIC PARTITION OFFSET METADATA
 *     kafka_tool BROKERS produce TOPIC [SETTING=VALUE]...     lines of stdin:
 *                    PARTITION \t KEY \t NAME=VALUE,... \t TIMESTAMP \t VALUE    `-`: none; without VALUE: a null one
 *                    !begin, !commit, !abort                            with transactional.id set
 *     kafka_tool BROKERS bulk TOPIC FILE FIELD [SETTING=VALUE]...    a record a line, key = the text of "FIELD":"..."
 *     kafka_tool BROKERS dump TOPIC [SETTING=VALUE]...  PARTITION \t OFFSET \t KEY \t NAME=VALUE,... \t VALUE, to the end
 *     kafka_tool BROKERS follow TOPIC [SETTING=VALUE]...  from the end on, until killed: WALL_MS \t VALUE
 *     kafka_tool BROKERS consume TOPIC [SETTING=VALUE]...  reads to the end without looking: messages, bytes, seconds, cpu
 *
 * The end of a partition is where its last stable offset was at the start.
 */
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "runtime/time/clock.h"

enum { TIMEOUT_MS = 30000, PARTITIONS_MAX = 64, HEADERS_MAX = 16, LINE_MAX_BYTES = 12 << 20 };

static const char *brokers;

static void die(const char *what, const char *why)
{
    fprintf(stderr, "kafka_tool: %s: %s\n", what, why);
    exit(1);
}

static void check(const char *what, rd_kafka_resp_err_t code)
{
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        die(what, rd_kafka_err2str(code));
}

static void check_error(const char *what, rd_kafka_error_t *error)
{
    if (error != NULL)
        die(what, rd_kafka_error_string(error));
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char text[512];

    if (rd_kafka_conf_set(conf, name, value, text, sizeof(text)) != RD_KAFKA_CONF_OK)
        die(name, text);
}

static rd_kafka_t *client(rd_kafka_type_t type, rd_kafka_conf_t *conf, char **settings, int count)
{
    char text[512];

    set(conf, "bootstrap.servers", brokers);
    rd_kafka_conf_set_log_cb(conf, NULL);
    for (int i = 0; i < count; i++) {
        char *equals = strchr(settings[i], '=');

        if (equals == NULL)
            die(settings[i], "not NAME=VALUE");
        *equals = '\0';
        set(conf, settings[i], equals + 1);
        *equals = '=';
    }
    rd_kafka_t *made = rd_kafka_new(type, conf, text, sizeof(text));

    if (made == NULL)
        die("client", text);
    return made;
}

/* ---- administration ---- */

static rd_kafka_event_t *wait_for(rd_kafka_queue_t *queue, const char *what)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, TIMEOUT_MS);

    if (event == NULL)
        die(what, "no answer");
    check(what, rd_kafka_event_error(event));
    return event;
}

static void create(int count, char **words)
{
    rd_kafka_t *admin = client(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), NULL, 0);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(admin);
    char text[512];
    size_t results;
    rd_kafka_NewTopic_t *topic =
        rd_kafka_NewTopic_new(words[0], (int)strtol(words[1], NULL, 10), 1, text, sizeof(text));

    for (int i = 2; i < count; i++) {
        char *equals = strchr(words[i], '=');

        *equals = '\0';
        rd_kafka_NewTopic_set_config(topic, words[i], equals + 1);
    }
    rd_kafka_CreateTopics(admin, &topic, 1, NULL, queue);
    rd_kafka_event_t *event = wait_for(queue, words[0]);
    const rd_kafka_topic_result_t **made =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &results);

    check(words[0], rd_kafka_topic_result_error(made[0]));
}

static void grow(char **words)
{
    rd_kafka_t *admin = client(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), NULL, 0);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(admin);
    char text[512];
    rd_kafka_NewPartitions_t *more = rd_kafka_NewPartitions_new(
        words[0], (size_t)strtol(words[1], NULL, 10), text, sizeof(text));

    rd_kafka_CreatePartitions(admin, &more, 1, NULL, queue);
    wait_for(queue, words[0]);
}

static void delete_topic(char **words)
{
    rd_kafka_t *admin = client(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), NULL, 0);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(admin);
    rd_kafka_DeleteTopic_t *topic = rd_kafka_DeleteTopic_new(words[0]);

    rd_kafka_DeleteTopics(admin, &topic, 1, NULL, queue);
    wait_for(queue, words[0]);
}

static void delete_group(char **words)
{
    rd_kafka_t *admin = client(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), NULL, 0);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(admin);
    rd_kafka_DeleteGroup_t *group = rd_kafka_DeleteGroup_new(words[0]);
    size_t results;

    rd_kafka_DeleteGroups(admin, &group, 1, NULL, queue);
    rd_kafka_event_t *event = wait_for(queue, words[0]);
    const rd_kafka_group_result_t **made =
        rd_kafka_DeleteGroups_result_groups(rd_kafka_event_DeleteGroups_result(event), &results);

    check_error(words[0], (rd_kafka_error_t *)(uintptr_t)rd_kafka_group_result_error(made[0]));
}

static void delete_records(char **words)
{
    rd_kafka_t *admin = client(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), NULL, 0);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(admin);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

    rd_kafka_topic_partition_list_add(list, words[0], (int32_t)strtol(words[1], NULL, 10))->offset =
        strtoll(words[2], NULL, 10);
    rd_kafka_DeleteRecords_t *records = rd_kafka_DeleteRecords_new(list);

    rd_kafka_DeleteRecords(admin, &records, 1, NULL, queue);
    wait_for(queue, words[0]);
}

/* ---- groups ---- */

static int partitions_of(rd_kafka_t *any, const char *name)
{
    const struct rd_kafka_metadata *found;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(any, name, NULL);

    check(name, rd_kafka_metadata(any, 0, topic, &found, TIMEOUT_MS));
    check(name, found->topics[0].err);
    int count = found->topics[0].partition_cnt;

    rd_kafka_metadata_destroy(found);
    rd_kafka_topic_destroy(topic);
    return count;
}

static rd_kafka_t *member(const char *group, char **settings, int count)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    set(conf, "group.id", group);
    set(conf, "enable.auto.commit", "false");
    set(conf, "queued.min.messages", "1000000");
    set(conf, "queued.max.messages.kbytes", "524288");
    rd_kafka_t *made = client(RD_KAFKA_CONSUMER, conf, settings, count);

    rd_kafka_poll_set_consumer(made);
    return made;
}

/* A broker that has just started is not yet the group's. */
static void ask_for_committed(rd_kafka_t *consumer, rd_kafka_topic_partition_list_t *list)
{
    uint64_t end = rt_clock_monotonic_ns() + TIMEOUT_MS * UINT64_C(1000000);
    rd_kafka_resp_err_t code = rd_kafka_committed(consumer, list, TIMEOUT_MS);

    while ((code == RD_KAFKA_RESP_ERR_NOT_COORDINATOR ||
            code == RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE ||
            code == RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS) &&
           rt_clock_monotonic_ns() < end) {
        rd_kafka_poll(consumer, 100); /* which lets the client look for it again */
        code = rd_kafka_committed(consumer, list, TIMEOUT_MS);
    }
    check("committed", code);
}

static void offsets(char **words)
{
    rd_kafka_t *consumer = member(words[0], NULL, 0);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(4);
    int count = partitions_of(consumer, words[1]);

    for (int i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(list, words[1], i);
    ask_for_committed(consumer, list);
    for (int i = 0; i < count; i++)
        printf("%d\t%lld\t%.*s\n", i, (long long)list->elems[i].offset,
               (int)list->elems[i].metadata_size, (const char *)list->elems[i].metadata);
}

static void commit(char **words)
{
    rd_kafka_t *consumer = member(words[0], NULL, 0);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *item =
        rd_kafka_topic_partition_list_add(list, words[1], (int32_t)strtol(words[2], NULL, 10));

    item->offset = strtoll(words[3], NULL, 10);
    item->metadata = strdup(words[4]);
    item->metadata_size = strlen(words[4]);
    check("commit", rd_kafka_commit(consumer, list, 0));
}

/* ---- producing ---- */

static void on_delivery(rd_kafka_t *producer, const rd_kafka_message_t *message, void *opaque)
{
    (void)producer;
    (void)opaque;
    if (message->err != RD_KAFKA_RESP_ERR__PURGE_QUEUE &&
        message->err != RD_KAFKA_RESP_ERR__PURGE_INFLIGHT)
        check("delivery", message->err);
}

static rd_kafka_t *producer_of(char **settings, int count)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    set(conf, "linger.ms", "5");
    set(conf, "retry.backoff.ms", "10");
    set(conf, "partitioner", "murmur2_random");
    set(conf, "queue.buffering.max.messages", "1000000");
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_t *producer = client(RD_KAFKA_PRODUCER, conf, settings, count);

    for (int i = 0; i < count; i++)
        if (strncmp(settings[i], "transactional.id=", 17) == 0)
            check_error("init", rd_kafka_init_transactions(producer, TIMEOUT_MS));
    return producer;
}

static void send_vus(rd_kafka_t *producer, rd_kafka_vu_t *parts, size_t count)
{
    for (;;) {
        rd_kafka_error_t *error = rd_kafka_produceva(producer, parts, count);

        if (error == NULL)
            break;
        if (rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            check_error("produce", error);
        rd_kafka_error_destroy(error);
        rd_kafka_poll(producer, 100);
    }
    rd_kafka_poll(producer, 0);
}

static bool is_given(const char *word)
{
    return word != NULL && strcmp(word, "-") != 0;
}

static char *next_word(char **rest)
{
    char *word = *rest;

    if (word == NULL)
        return NULL;
    char *tab = strchr(word, '\t');

    *rest = tab == NULL ? NULL : tab + 1;
    if (tab != NULL)
        *tab = '\0';
    return word;
}

static size_t add_headers(char *text, rd_kafka_vu_t *parts)
{
    size_t count = 0;

    while (text != NULL && count < HEADERS_MAX) {
        char *comma = strchr(text, ','), *equals = strchr(text, '=');

        if (comma != NULL)
            *comma = '\0';
        *equals = '\0';
        parts[count] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_HEADER};
        parts[count].u.header.name = text;
        parts[count].u.header.val = equals + 1;
        parts[count++].u.header.size = (ssize_t)strlen(equals + 1);
        text = comma == NULL ? NULL : comma + 1;
    }
    return count;
}

static void produce_line(rd_kafka_t *producer, const char *topic, char *line)
{
    char *rest = line, *partition = next_word(&rest), *key = next_word(&rest),
         *headers = next_word(&rest), *timestamp = next_word(&rest);
    rd_kafka_vu_t parts[8 + HEADERS_MAX];
    size_t count = 0;

    parts[count] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_TOPIC};
    parts[count++].u.cstr = topic;
    parts[count] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_MSGFLAGS};
    parts[count++].u.i = RD_KAFKA_MSG_F_COPY;
    if (is_given(partition)) {
        parts[count] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_PARTITION};
        parts[count++].u.i32 = (int32_t)strtol(partition, NULL, 10);
    }
    if (is_given(key)) {
        parts[count] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_KEY};
        parts[count].u.mem.ptr = key;
        parts[count++].u.mem.size = strlen(key);
    }
    if (is_given(timestamp)) {
        parts[count] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_TIMESTAMP};
        parts[count++].u.i64 = strtoll(timestamp, NULL, 10);
    }
    if (rest != NULL) {
        parts[count] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_VALUE};
        parts[count].u.mem.ptr = rest;
        parts[count++].u.mem.size = strlen(rest);
    }
    if (is_given(headers))
        count += add_headers(headers, parts + count);
    send_vus(producer, parts, count);
}

static void produce_command(rd_kafka_t *producer, const char *line)
{
    if (strcmp(line, "!begin") == 0)
        check_error(line, rd_kafka_begin_transaction(producer));
    else if (strcmp(line, "!commit") == 0)
        check_error(line, rd_kafka_commit_transaction(producer, TIMEOUT_MS));
    else if (strcmp(line, "!abort") == 0) {
        rd_kafka_flush(producer, TIMEOUT_MS); /* so that there is something to abort */
        check_error(line, rd_kafka_abort_transaction(producer, TIMEOUT_MS));
    } else
        die(line, "no such command");
}

static void produce(int count, char **words)
{
    rd_kafka_t *producer = producer_of(words + 1, count - 1);
    char *line = malloc(LINE_MAX_BYTES);

    while (fgets(line, LINE_MAX_BYTES, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '!')
            produce_command(producer, line);
        else
            produce_line(producer, words[0], line);
    }
    check("flush", rd_kafka_flush(producer, TIMEOUT_MS));
    free(line);
    rd_kafka_destroy(producer);
}

static void bulk(int count, char **words)
{
    rd_kafka_t *producer = producer_of(words + 3, count - 3);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(producer, words[0], NULL);
    FILE *file = strcmp(words[1], "-") == 0 ? stdin : fopen(words[1], "r");
    char *line = malloc(LINE_MAX_BYTES), name[128];

    if (file == NULL)
        die(words[1], "cannot be opened");
    snprintf(name, sizeof(name), "\"%s\":\"", words[2]);
    while (fgets(line, LINE_MAX_BYTES, file) != NULL) {
        size_t length = strcspn(line, "\n");
        const char *key = strstr(line, name);
        size_t key_length = 0;

        if (key != NULL) {
            key += strlen(name);
            key_length = strcspn(key, "\"");
        }
        while (rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, line, length,
                                key, key_length, NULL) != 0) {
            if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL)
                check("produce", rd_kafka_last_error());
            rd_kafka_poll(producer, 100);
        }
        rd_kafka_poll(producer, 0);
    }
    check("flush", rd_kafka_flush(producer, TIMEOUT_MS));
    free(line);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(producer);
}

/* ---- reading to the end ---- */

struct reading {
    rd_kafka_t *consumer;
    rd_kafka_topic_partition_list_t *list;
    int64_t end[PARTITIONS_MAX], low[PARTITIONS_MAX];
};

static void start_reading(struct reading *reading, const char *topic, char **settings, int count)
{
    reading->consumer = member("kafka-tool", settings, count);
    reading->list = rd_kafka_topic_partition_list_new(4);
    int partitions = partitions_of(reading->consumer, topic);

    for (int i = 0; i < partitions && i < PARTITIONS_MAX; i++) {
        check("bounds",
              rd_kafka_query_watermark_offsets(reading->consumer, topic, i, &reading->low[i],
                                               &reading->end[i], TIMEOUT_MS));
        rd_kafka_topic_partition_list_add(reading->list, topic, i)->offset = reading->low[i];
    }
    check("assign", rd_kafka_assign(reading->consumer, reading->list));
}

static bool at_end(struct reading *reading)
{
    check("position", rd_kafka_position(reading->consumer, reading->list));
    for (int i = 0; i < reading->list->cnt; i++) {
        int64_t at = reading->list->elems[i].offset;

        if ((at < 0 ? reading->low[i] : at) < reading->end[i])
            return false;
    }
    return true;
}

static void print_message(const rd_kafka_message_t *message)
{
    rd_kafka_headers_t *headers;
    const char *name;
    const void *value;
    size_t size;

    printf("%d\t%lld\t%.*s\t", (int)message->partition, (long long)message->offset,
           (int)message->key_len, (const char *)message->key);
    if (rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR)
        for (size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) ==
                           RD_KAFKA_RESP_ERR_NO_ERROR;
             i++)
            printf("%s%s=%.*s", i == 0 ? "" : ",", name, (int)size, (const char *)value);
    printf("\t%.*s\n", (int)message->len, (const char *)message->payload);
}

static void dump(int count, char **words)
{
    struct reading reading;

    start_reading(&reading, words[0], words + 1, count - 1);
    while (!at_end(&reading)) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(reading.consumer, 100);

        if (message == NULL)
            continue;
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR &&
            message->offset < reading.end[message->partition])
            print_message(message);
        rd_kafka_message_destroy(message);
    }
}

static void follow(int count, char **words)
{
    struct reading reading;

    start_reading(&reading, words[0], words + 1, count - 1);
    for (int i = 0; i < reading.list->cnt; i++)
        reading.list->elems[i].offset = reading.end[i];
    check("assign", rd_kafka_assign(reading.consumer, reading.list));
    for (;;) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(reading.consumer, 100);

        if (message == NULL)
            continue;
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            printf("%lld\t%.*s\n", (long long)rt_clock_wall().ms, (int)message->len,
                   (const char *)message->payload);
            fflush(stdout);
        }
        rd_kafka_message_destroy(message);
    }
}

/* ---- transactions that are open ---- */

static void find_ends(rd_kafka_t *reader, const char *topic, int partitions, int64_t *ends)
{
    int64_t low;

    for (int i = 0; i < partitions; i++)
        check("bounds",
              rd_kafka_query_watermark_offsets(reader, topic, i, &low, &ends[i], TIMEOUT_MS));
}

static int ends_of_all(const char *topic, int64_t ends[PARTITIONS_MAX])
{
    char isolation[] = "isolation.level=read_uncommitted";
    char *settings[] = {isolation};
    rd_kafka_t *reader = member("kafka-tool", settings, 1);
    int partitions = partitions_of(reader, topic);

    partitions = partitions < PARTITIONS_MAX ? partitions : PARTITIONS_MAX;
    find_ends(reader, topic, partitions, ends);
    return partitions;
}

static void ends(char **words)
{
    int64_t found[PARTITIONS_MAX];
    long long sum = 0;
    int partitions = ends_of_all(words[0], found);

    for (int i = 0; i < partitions; i++)
        sum += found[i];
    printf("%lld\n", sum);
}

static void undecided(char **words)
{
    int64_t ends[PARTITIONS_MAX], stable[PARTITIONS_MAX];
    long long sum = 0;
    int partitions = ends_of_all(words[0], ends);

    find_ends(member("kafka-tool", NULL, 0), words[0], partitions, stable);
    for (int i = 0; i < partitions; i++)
        sum += ends[i] - stable[i];
    printf("%lld\n", sum);
}

/* The consumer says where the stable end is, each time that it gets there. */
static void decided(char **words)
{
    char with_ends[] = "enable.partition.eof=true";
    char *settings[] = {with_ends};
    int64_t ends[PARTITIONS_MAX];
    struct reading reading;
    int open = ends_of_all(words[0], ends);

    start_reading(&reading, words[0], settings, 1);
    while (open > 0) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(reading.consumer, TIMEOUT_MS);

        if (message == NULL)
            die(words[0], "is not decided in time");
        if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF &&
            message->offset >= ends[message->partition]) {
            ends[message->partition] = INT64_MAX;
            open--;
        }
        rd_kafka_message_destroy(message);
    }
}

/* ---- as fast as it goes ---- */

static void ready(char **words)
{
    char often[] = "reconnect.backoff.max.ms=200";
    char *settings[] = {often};
    rd_kafka_t *asking = client(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), settings, 1);
    const struct rd_kafka_metadata *about;

    check("ready", rd_kafka_metadata(asking, 0, NULL, &about, (int)strtol(words[0], NULL, 10)));
}

static double cpu_seconds(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void consume(int count, char **words)
{
    enum { BATCH = 256 };
    struct reading reading;
    rd_kafka_message_t *messages[BATCH];
    unsigned long long seen = 0, bytes = 0;

    start_reading(&reading, words[0], words + 1, count - 1);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(reading.consumer);
    uint64_t begin = 0;

    for (int idle = 0; idle == 0 || !at_end(&reading);) {
        ssize_t got = rd_kafka_consume_batch_queue(queue, seen == 0 ? 100 : 1, messages, BATCH);

        if (begin == 0 && got > 0)
            begin = rt_clock_monotonic_ns();
        idle = got < BATCH;
        for (ssize_t i = 0; i < got; i++) {
            seen += messages[i]->err == RD_KAFKA_RESP_ERR_NO_ERROR;
            bytes += messages[i]->len;
            rd_kafka_message_destroy(messages[i]);
        }
    }
    double seconds = (double)(rt_clock_monotonic_ns() - begin) / 1e9;

    printf("%llu messages, %llu bytes, %.3f s, %.3f s of cpu, %.0f a second\n", seen, bytes,
           seconds, cpu_seconds(), (double)seen / seconds);
}

int main(int count, char **words)
{
    if (count < 4)
        die("usage", "see the head of tests/kafka/tool.c");
    brokers = words[1];
    const char *command = words[2];
    char **rest = words + 3;

    count -= 3;
    if (strcmp(command, "create") == 0)
        create(count, rest);
    else if (strcmp(command, "ready") == 0)
        ready(rest);
    else if (strcmp(command, "ends") == 0)
        ends(rest);
    else if (strcmp(command, "undecided") == 0)
        undecided(rest);
    else if (strcmp(command, "decided") == 0)
        decided(rest);
    else if (strcmp(command, "grow") == 0)
        grow(rest);
    else if (strcmp(command, "delete-topic") == 0)
        delete_topic(rest);
    else if (strcmp(command, "delete-group") == 0)
        delete_group(rest);
    else if (strcmp(command, "delete-records") == 0)
        delete_records(rest);
    else if (strcmp(command, "offsets") == 0)
        offsets(rest);
    else if (strcmp(command, "commit") == 0)
        commit(rest);
    else if (strcmp(command, "produce") == 0)
        produce(count, rest);
    else if (strcmp(command, "bulk") == 0)
        bulk(count, rest);
    else if (strcmp(command, "dump") == 0)
        dump(count, rest);
    else if (strcmp(command, "follow") == 0)
        follow(count, rest);
    else if (strcmp(command, "consume") == 0)
        consume(count, rest);
    else
        die(command, "no such command");
    fflush(stdout);
    _Exit(0); /* clients without anything under way need no farewell */
}
