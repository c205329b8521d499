/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/kafka_ends.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/assert.h"
#include "runtime/io/kafka_client.h"
#include "runtime/io/kafka_marker.h"
#include "runtime/io/sink_kafka.h"
#include "runtime/io/source_kafka.h"

enum {
    SECRET_BYTES_MAX = 64 << 10,
    SETTINGS_OF_OURS = 16, /* at most so many beside the user's */
    LOOK_EVERY_MS = 30000,
    CONNECT_MS = 10000,
    TRANSACTION_MS_MIN = 60000,
    TRANSACTION_PER_CHECKPOINT = 10
};

/* What the guarantees stand on, and who says it instead. */
static const struct {
    const char *name, *instead;
} reserved[] = {
    {"bootstrap.servers", "it is `brokers`"},
    {"metadata.broker.list", "it is `brokers`"},
    {"group.id", "it is `group`"},
    {"group.instance.id", "a job owns its partitions without being a member of the group"},
    {"enable.auto.commit", "offsets are committed with what was made of the records"},
    {"enable.auto.offset.store", "offsets are committed with what was made of the records"},
    {"auto.offset.reset", "it is `start`; a lost position is an error"},
    {"isolation.level", "what was not committed is never read"},
    {"enable.idempotence", "without it records are doubled"},
    {"transactional.id", "it follows from `group`"},
    {"acks", "with less than `all` acknowledged records can be lost"},
    {"security.protocol", "it follows from `tls` and `sasl`"},
    {"sasl.mechanism", "it is `sasl.mechanism` of the source or sink"},
    {"sasl.mechanisms", "it is `sasl.mechanism` of the source or sink"},
    {"sasl.username", "it is `sasl.user`"},
    {"sasl.password", "it is `sasl.password`"},
    {"enable.partition.eof", "it has no use here"},
};

struct settings {
    struct rt_arena *arena;
    struct rt_buffer *message;
    struct rt_kafka_setting *items;
    size_t count, capacity;
    enum rt_status status; /* sticky */
};

static void add(struct settings *settings, const char *name, const char *value)
{
    if (settings->status != RT_OK || value == NULL)
        return;
    RT_ASSERT(settings->count < settings->capacity);
    settings->items[settings->count++] = (struct rt_kafka_setting){name, value};
}

static void refuse(struct settings *settings, enum rt_status status)
{
    if (settings->status == RT_OK)
        settings->status = status;
}

/* ---- secrets ---- */

static const char *read_secret_file(struct settings *settings, const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = rt_arena_alloc(settings->arena, SECRET_BYTES_MAX + 1);
    size_t length = 0;

    if (file != NULL && text != NULL)
        length = fread(text, 1, SECRET_BYTES_MAX + 1, file);

    bool bad = file == NULL || ferror(file) != 0 || length > SECRET_BYTES_MAX;

    if (file != NULL)
        fclose(file);
    if (text == NULL) {
        refuse(settings, RT_ERR_NOMEM);
        return NULL;
    }
    if (bad) {
        rt_buffer_printf(settings->message, "the secret in `%s` cannot be read", path);
        refuse(settings, RT_ERR_IO);
        return NULL;
    }
    while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == '\r'))
        length--;
    text[length] = '\0';
    return text;
}

static const char *read_secret(struct settings *settings, const struct cli_secret *secret)
{
    if (secret->from_file != NULL)
        return read_secret_file(settings, secret->from_file);
    if (secret->from_env == NULL)
        return NULL;

    const char *value = getenv(secret->from_env);

    if (value == NULL) {
        rt_buffer_printf(settings->message, "the secret's variable `%s` is not set",
                         secret->from_env);
        refuse(settings, RT_ERR_IO);
    }
    return value;
}

/* ---- settings ---- */

static const char *join(struct settings *settings, const char *const *words, size_t count)
{
    const char *joined = words[0];

    for (size_t i = 1; joined != NULL && i < count; i++)
        joined = rt_arena_printf(settings->arena, "%s,%s", joined, words[i]);
    if (joined == NULL)
        refuse(settings, RT_ERR_NOMEM);
    return joined;
}

static bool is_reserved(struct settings *settings, const char *name)
{
    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
        if (strcmp(reserved[i].name, name) == 0) {
            rt_buffer_printf(settings->message, "option `%s` cannot be set: %s", name,
                             reserved[i].instead);
            refuse(settings, RT_ERR_DIAG);
            return true;
        }
    return false;
}

static void add_options(struct settings *settings, const struct cli_kafka *kafka)
{
    for (size_t i = 0; i < kafka->setting_count && settings->status == RT_OK; i++) {
        const struct cli_setting *setting = &kafka->settings[i];

        if (!is_reserved(settings, setting->name))
            add(settings, setting->name,
                setting->value != NULL ? setting->value : read_secret(settings, &setting->secret));
    }
}

/* The client library names neither the file nor what is wrong with it. */
static void check_file(struct settings *settings, const char *key, const char *path)
{
    if (path == NULL || settings->status != RT_OK || access(path, R_OK) == 0)
        return;
    rt_buffer_printf(settings->message, "`tls.%s`: cannot read `%s`: %s", key, path,
                     strerror(errno));
    refuse(settings, RT_ERR_IO);
}

static void add_security(struct settings *settings, const struct cli_kafka *kafka)
{
    static const char *const protocols[2][2] = {{"plaintext", "ssl"},
                                                {"sasl_plaintext", "sasl_ssl"}};

    add(settings, "security.protocol", protocols[kafka->has_sasl][kafka->has_tls]);
    if (kafka->has_sasl) {
        add(settings, "sasl.mechanisms", kafka->mechanism);
        add(settings, "sasl.username", kafka->user);
        add(settings, "sasl.password", read_secret(settings, &kafka->password));
    }
    if (kafka->has_tls) {
        check_file(settings, "ca", kafka->ca);
        check_file(settings, "certificate", kafka->certificate);
        check_file(settings, "key", kafka->key);
        add(settings, "ssl.ca.location", kafka->ca);
        add(settings, "ssl.certificate.location", kafka->certificate);
        add(settings, "ssl.key.location", kafka->key);
        add(settings, "ssl.key.password", read_secret(settings, &kafka->key_password));
    }
}

/* What all ends have; the caller adds its own, and looks at `status` then. */
static struct settings begin(const struct cli_kafka *kafka, struct rt_arena *arena,
                             struct rt_buffer *message)
{
    struct settings settings = {.arena = arena, .message = message};

    settings.capacity = kafka->setting_count + SETTINGS_OF_OURS;
    settings.items = rt_arena_alloc(arena, settings.capacity * sizeof(*settings.items));
    if (settings.items == NULL) {
        settings.status = RT_ERR_NOMEM;
        return settings;
    }
    add(&settings, "bootstrap.servers", join(&settings, kafka->brokers, kafka->broker_count));
    add_security(&settings, kafka);
    add_options(&settings, kafka);
    return settings;
}

static struct rt_kafka_settings view(const struct settings *settings)
{
    return (struct rt_kafka_settings){settings->items, settings->count};
}

/* ---- ends ---- */

enum rt_status cli_kafka_source(const struct cli_source_config *config, uint32_t number,
                                bool headers, struct rt_arena *arena, struct rt_buffer *message,
                                struct rt_source **out)
{
    static const enum rt_kafka_start starts[] = {
        [CLI_START_COMMITTED] = RT_KAFKA_START_COMMITTED,
        [CLI_START_EARLIEST] = RT_KAFKA_START_EARLIEST,
        [CLI_START_LATEST] = RT_KAFKA_START_LATEST,
        [CLI_START_TIME] = RT_KAFKA_START_TIME,
    };
    const struct cli_kafka *kafka = &config->kafka;
    struct settings settings = begin(kafka, arena, message);

    add(&settings, "group.id", kafka->group);
    if (settings.status != RT_OK)
        return settings.status;

    struct rt_kafka_source_options options = {
        .settings = view(&settings),
        .topics = kafka->topics,
        .topic_count = kafka->topic_count,
        .group = kafka->group,
        .number = number,
        .start = starts[kafka->start],
        .start_ms = kafka->start_time.ms,
        .until_now = kafka->until_now,
        .headers = headers,
        .new_partitions = kafka->new_partitions,
        .look_every_ms = LOOK_EVERY_MS,
    };

    return rt_source_kafka_open(&options, message, out);
}

enum rt_status cli_kafka_cluster(const struct cli_kafka *kafka, const char *end,
                                 struct rt_arena *arena, struct rt_buffer *message,
                                 const char **out)
{
    struct settings settings = begin(kafka, arena, message);
    const char *const *topics = kafka->topic != NULL ? &kafka->topic : kafka->topics;
    struct rt_kafka_reader *reader;
    const char *cluster;

    add(&settings, "group.id", "egret"); /* a reader has one; this one reads nothing */

    const struct rt_kafka_settings all = view(&settings);
    enum rt_status status = settings.status;

    if (status == RT_OK)
        status = rt_kafka_reader_new(&all, topics, 1, message, &reader);
    if (status != RT_OK)
        return status;
    cluster = rt_kafka_reader_cluster(reader, CONNECT_MS);
    if (cluster[0] == '\0') {
        RT_KAFKA_STOP_SAY(message, RT_KAFKA_STOP_UNREACHABLE, "`%s`: no answer from %s", end,
                          settings.items[0].value);
        status = RT_ERR_IO;
    } else {
        *out = rt_arena_text(arena, cluster, strlen(cluster));
        status = *out == NULL ? RT_ERR_NOMEM : RT_OK;
    }
    rt_kafka_reader_free(reader);
    return status;
}

enum rt_status cli_kafka_session(const struct cli_kafka *kafka, const char *id,
                                 rt_duration checkpoint_every, struct rt_arena *arena,
                                 struct rt_buffer *message, struct rt_kafka_session **out)
{
    struct settings settings = begin(kafka, arena, message);
    int64_t timeout_ms = checkpoint_every.ms * TRANSACTION_PER_CHECKPOINT;
    const char *timeout = rt_arena_printf(
        arena, "%lld",
        (long long)(timeout_ms > TRANSACTION_MS_MIN ? timeout_ms : TRANSACTION_MS_MIN));
    bool given = false;

    for (size_t i = 0; i < kafka->setting_count; i++)
        given = given || strcmp(kafka->settings[i].name, "transaction.timeout.ms") == 0;
    add(&settings, "transactional.id", id);
    if (!given)
        add(&settings, "transaction.timeout.ms", timeout);
    if (settings.status != RT_OK)
        return settings.status;

    struct rt_kafka_session_options options = {.settings = view(&settings)};

    return rt_kafka_session_new(&options, message, out);
}

enum rt_status cli_kafka_sink(const struct cli_sink_config *config,
                              struct rt_kafka_session *session, struct rt_arena *arena,
                              struct rt_buffer *message, struct rt_sink **out)
{
    const struct cli_kafka *kafka = &config->kafka;
    struct settings settings = begin(kafka, arena, message);

    if (settings.status != RT_OK)
        return settings.status;

    struct rt_kafka_sink_options options = {
        .session = session,
        .settings = view(&settings),
        .topic = strstr(kafka->topic, "{{") == NULL ? kafka->topic : NULL,
    };

    return rt_sink_kafka_open(&options, message, out);
}

/* ---- exit codes ---- */

enum cli_exit cli_kafka_exit(const char *message, enum cli_exit otherwise)
{
    switch (rt_kafka_stop_of(message)) {
    case RT_KAFKA_STOP_NONE:
        return otherwise;
    case RT_KAFKA_STOP_UNREACHABLE:
        return CLI_UNAVAILABLE;
    case RT_KAFKA_STOP_FENCED:
        return CLI_FENCED;
    default:
        return CLI_CONFIG;
    }
}
