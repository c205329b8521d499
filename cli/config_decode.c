/* SPDX-License-Identifier: Apache-2.0 */
/* From the checked tree to structs.  What does not fit has been reported: here it is passed over. */
#include <stdio.h>

#include "cli/config.h"
#include "rules/diagnostics.h"
#include "rules/yaml_tree.h"
#include "runtime/base/calendar.h"

enum { ARENA_BYTES_MAX = 256 << 20 };

static const rt_duration live_idle_timeout = {60 * 1000}, live_future_limit = {600 * 1000},
                         clock_idle_timeout = {1};

/* ---- leaves ---- */

static void *take(struct cli_config_reader *reader, size_t count, size_t bytes)
{
    void *memory = rt_arena_array(&reader->config->arena, count == 0 ? 1 : count, bytes);

    if (memory == NULL) {
        reader->status = RT_ERR_NOMEM;
        return NULL;
    }
    return memset(memory, 0, (count == 0 ? 1 : count) * bytes);
}

static bool is_text(const struct yaml_node *node)
{
    return node != NULL && node->kind == YAML_SCALAR && node->type != YAML_NULL;
}

static const char *text_at(const struct yaml_node *node, const char *path, const char *standard)
{
    const struct yaml_node *leaf = cli_config_at(node, path);

    return is_text(leaf) ? leaf->text.data : standard;
}

static const char *const *texts_at(struct cli_config_reader *reader, const struct yaml_node *node,
                                   const char *path, size_t *count)
{
    const struct yaml_node *leaf = cli_config_at(node, path);
    size_t found = leaf == NULL ? 0 : leaf->kind == YAML_SEQUENCE ? leaf->count : 1;
    const char **texts = take(reader, found, sizeof(*texts));

    *count = 0;
    for (size_t i = 0; texts != NULL && i < found; i++) {
        const struct yaml_node *item = leaf->kind == YAML_SEQUENCE ? leaf->items[i] : leaf;

        if (is_text(item))
            texts[(*count)++] = item->text.data;
    }
    return texts;
}

static bool bool_at(const struct yaml_node *node, const char *path, bool standard)
{
    return strcmp(text_at(node, path, standard ? "true" : "false"), "true") == 0;
}

static rt_duration duration_at(const struct yaml_node *node, const char *path, rt_duration standard)
{
    int64_t ms;

    if (rt_text_to_duration_ms(rt_text_of(text_at(node, path, "")), &ms) &&
        ms <= RT_DURATION_MAX.ms)
        return (rt_duration){ms};
    return standard;
}

static uint64_t bytes_at(const struct yaml_node *node, const char *path, uint64_t standard)
{
    uint64_t bytes;

    return rt_text_to_bytes(rt_text_of(text_at(node, path, "")), &bytes) ? bytes : standard;
}

static uint32_t count_at(const struct yaml_node *node, const char *path, uint32_t standard)
{
    uint64_t count = bytes_at(node, path, standard);

    return count <= UINT32_MAX ? (uint32_t)count : standard;
}

/* The place of a word among the choices of its key; `standard` if it is not given. */
static unsigned word_at(const struct yaml_node *node, const char *path, const char *const *words,
                        unsigned standard)
{
    const char *word = text_at(node, path, "");

    for (unsigned i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], word) == 0)
            return i;
    }
    return standard;
}

static struct cli_secret secret_of(const struct yaml_node *node)
{
    return (struct cli_secret){.from_file = text_at(node, "from_file", NULL),
                               .from_env = text_at(node, "from_env", NULL)};
}

/* ---- kafka ---- */

static void decode_settings(struct cli_config_reader *reader, const struct yaml_node *node,
                            struct cli_kafka *out)
{
    size_t count = node == NULL || node->kind != YAML_MAPPING ? 0 : node->count;
    struct cli_setting *settings = take(reader, count, sizeof(*settings));

    for (size_t i = 0; settings != NULL && i < count; i++) {
        const struct yaml_node *value = node->pairs[i].value;

        settings[i] = (struct cli_setting){.name = node->pairs[i].key->text.data,
                                           .value = is_text(value) ? value->text.data : NULL,
                                           .secret = secret_of(value)};
    }
    out->settings = settings;
    out->setting_count = count;
}

static void decode_kafka(struct cli_config_reader *reader, const struct yaml_node *node,
                         struct cli_kafka *out)
{
    static const char *const starts[] = {"committed", "earliest", "latest", NULL};
    static const char *const untils[] = {"never", "now", NULL};
    static const char *const of_new[] = {"stop", "read", NULL};
    static const char *const deliveries[] = {"at_least_once", "exactly_once", NULL};
    const char *time = text_at(node, "start.time", NULL);
    int64_t seconds = 0;
    uint32_t nanos = 0;

    *out = (struct cli_kafka){
        .has_sasl = cli_config_at(node, "sasl") != NULL,
        .has_tls = cli_config_at(node, "tls") != NULL,
        .mechanism = text_at(node, "sasl.mechanism", "PLAIN"),
        .user = text_at(node, "sasl.user", NULL),
        .password = secret_of(cli_config_at(node, "sasl.password")),
        .ca = text_at(node, "tls.ca", NULL),
        .certificate = text_at(node, "tls.certificate", NULL),
        .key = text_at(node, "tls.key", NULL),
        .key_password = secret_of(cli_config_at(node, "tls.key_password")),
        .group = text_at(node, "group", NULL),
        .start = (enum cli_kafka_start)word_at(node, "start", starts, CLI_START_COMMITTED),
        .until_now = word_at(node, "until", untils, 0) == 1,
        .new_partitions = word_at(node, "new_partitions", of_new, 0) == 1,
        .topic = text_at(node, "topic", NULL),
        .exactly_once = word_at(node, "delivery", deliveries, 1) == 1,
    };
    if (time != NULL && rt_rfc3339_parse(rt_text_of(time), &seconds, &nanos)) {
        out->start = CLI_START_TIME;
        out->start_time = (rt_time){seconds * 1000 + nanos / 1000000};
    }
    out->brokers = texts_at(reader, node, "brokers", &out->broker_count);
    out->topics = texts_at(reader, node, "topics", &out->topic_count);
    decode_settings(reader, cli_config_at(node, "options"), out);
}

/* ---- sources ---- */

static void decode_fields(struct cli_config_reader *reader, const struct yaml_node *node,
                          struct cli_source_config *out)
{
    struct rt_text header = RT_TEXT("header ");
    size_t count = node == NULL || node->kind != YAML_MAPPING ? 0 : node->count;
    struct cli_record_field *fields = take(reader, count, sizeof(*fields));

    for (size_t i = 0; fields != NULL && i < count; i++) {
        const struct yaml_node *value = node->pairs[i].value;
        bool is_header = is_text(value) && rt_text_starts_with(value->text, header);

        fields[i] = (struct cli_record_field){
            .name = node->pairs[i].key->text.data,
            .part = is_header                                                ? CLI_PART_HEADER
                    : is_text(value) && rt_text_is(value->text, "timestamp") ? CLI_PART_TIMESTAMP
                                                                             : CLI_PART_KEY,
            .header = is_header ? value->text.data + header.length : NULL};
    }
    out->fields = fields;
    out->field_count = count;
}

static void decode_event_time(const struct yaml_node *node, struct cli_source_config *out)
{
    static const char *const from[] = {"field", "record", "clock", NULL};
    static const char *const missing[] = {"reject", "arrival_time", NULL};
    const struct yaml_node *when = cli_config_at(node, "watermark_when");
    const char *format = text_at(node, "format.strptime", text_at(node, "format", NULL));

    out->time_field = text_at(node, "field", "ts");
    out->time_of_record = word_at(node, "from", from, 0) == 1;
    out->time_of_clock = word_at(node, "from", from, 0) == 2;
    out->arrival_time = word_at(node, "missing", missing, 0) == 1;
    if (format != NULL)
        (void)rt_time_reader_parse(format, &out->time_reader);
    out->out_of_orderness = duration_at(node, "max_out_of_orderness", (rt_duration){0});
    out->idle_timeout =
        duration_at(node, "idle_timeout", out->live ? live_idle_timeout : (rt_duration){0});
    out->future_limit =
        duration_at(node, "future_limit", out->live ? live_future_limit : (rt_duration){0});
    if (is_text(when)) {
        out->watermark_when = when->text;
        out->watermark_node = when;
    }
    if (out->time_of_clock) { /* between two events it goes on by itself */
        out->live = true;
        out->idle_timeout = clock_idle_timeout;
        out->future_limit = (rt_duration){0};
    }
}

/* What belongs to times that events bring with them. */
static void check_clock(struct cli_config_reader *reader, const struct yaml_node *source)
{
    static const char *const keys[] = {"field",        "format",       "max_out_of_orderness",
                                       "idle_timeout", "future_limit", "watermark_when",
                                       "missing"};
    const struct yaml_node *node = cli_config_at(source, "event_time");

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        const struct yaml_node *value = cli_config_at(node, keys[i]);

        if (value != NULL)
            rt_diag_help(reader->diags,
                         rt_diag_add(reader->diags, RT_SEVERITY_ERROR, RULE_DIAG_CONFLICT,
                                     value->span, "`%s` does not go with `from: clock`", keys[i]),
                         "the clock gives each event its time when it is read; nothing is missing, "
                         "late or ahead");
    }
}

static void decode_source(struct cli_config_reader *reader, const struct yaml_pair *pair,
                          struct cli_source_config *out)
{
    static const char *const on_reject[] = {"skip", "dead_letter", "stop", NULL};
    const struct yaml_node *node = pair->value;
    const struct yaml_node *kafka = cli_config_at(node, "kafka");

    *out = (struct cli_source_config){
        .name = pair->key->text.data,
        .span = pair->key->span,
        .transport = kafka != NULL                         ? CLI_KAFKA
                     : cli_config_at(node, "file") != NULL ? CLI_FILE
                                                           : CLI_STDIN,
        .glob = true,
        .follow = bool_at(node, "file.follow", false),
        .on_reject =
            (enum cli_on_reject)word_at(node, "on_decode_error", on_reject, CLI_REJECT_KEEP),
    };
    out->paths = texts_at(reader, node, "file.path", &out->path_count);
    if (kafka != NULL)
        decode_kafka(reader, kafka, &out->kafka);
    out->live = (kafka != NULL && !out->kafka.until_now) || out->follow ||
                cli_config_at(node, "event_time.idle_timeout") != NULL ||
                cli_config_at(node, "event_time.future_limit") != NULL;
    decode_fields(reader, cli_config_at(node, "fields"), out);
    decode_event_time(cli_config_at(node, "event_time"), out);
    if (out->time_of_record && out->transport != CLI_KAFKA)
        rt_diag_add(reader->diags, RT_SEVERITY_ERROR, RULE_DIAG_CONFLICT,
                    cli_config_at(node, "event_time.from")->span,
                    "only records of Kafka carry a time stamp");
    if (out->time_of_clock)
        check_clock(reader, node);
}

/* ---- sinks ---- */

static void decode_sink(struct cli_config_reader *reader, const struct yaml_pair *pair,
                        struct cli_sink_config *out)
{
    static const char *const formats[] = {"json", "text", "cloudevents", NULL};
    const struct yaml_node *node = pair->value;
    const struct yaml_node *kafka = cli_config_at(node, "kafka");
    const struct yaml_node *when = cli_config_at(node, "when");
    bool rotates = cli_config_at(node, "file.rotate") != NULL;

    *out = (struct cli_sink_config){
        .name = pair->key->text.data,
        .span = pair->key->span,
        .transport = kafka != NULL                         ? CLI_KAFKA
                     : cli_config_at(node, "file") != NULL ? CLI_FILE
                                                           : CLI_STDOUT,
        .append = bool_at(node, "file.append", true),
        .rotate_bytes = rotates ? bytes_at(node, "file.rotate.size", 100 * 1000 * 1000) : 0,
        .rotate_keep = count_at(node, "file.rotate.keep", 5),
        .format = (enum cli_format)word_at(node, "format", formats, CLI_FORMAT_JSON),
        .when = is_text(when) ? when : NULL,
    };
    out->path = out->transport == CLI_STDOUT ? "-" : text_at(node, "file.path", NULL);
    if (kafka != NULL)
        decode_kafka(reader, kafka, &out->kafka);
}

/* ---- names ---- */

static void decode_sources(struct cli_config_reader *reader)
{
    const struct yaml_node *node = cli_config_at(reader->config->root, "sources");
    size_t count = node == NULL || node->kind != YAML_MAPPING ? 0 : node->count;
    const struct cli_source_config *of_stdin = NULL;

    reader->config->sources = take(reader, count, sizeof(*reader->config->sources));
    for (size_t i = 0; reader->status == RT_OK && i < count; i++) {
        struct cli_source_config *source = &reader->config->sources[i];

        decode_source(reader, &node->pairs[i], source);
        reader->config->source_count++;
        if (source->transport != CLI_STDIN)
            continue;
        if (of_stdin != NULL)
            rt_diag_also(reader->diags,
                         rt_diag_add(reader->diags, RT_SEVERITY_ERROR, RULE_DIAG_CONFLICT,
                                     source->span, "two sources read standard input"),
                         of_stdin->span, "the other one");
        of_stdin = source;
    }
}

static void decode_sinks(struct cli_config_reader *reader)
{
    struct cli_config *config = reader->config;
    const struct yaml_node *node = cli_config_at(config->root, "sinks");
    size_t count = node == NULL || node->kind != YAML_MAPPING ? 0 : node->count, default_count;
    const char *const *defaults = texts_at(reader, config->root, "default_sinks", &default_count);

    config->has_default_sinks = cli_config_at(config->root, "default_sinks") != NULL;
    config->sinks = take(reader, count, sizeof(*config->sinks));
    for (size_t i = 0; reader->status == RT_OK && i < count; i++) {
        decode_sink(reader, &node->pairs[i], &config->sinks[i]);
        config->sink_count++;
        for (size_t k = 0; k < default_count; k++)
            config->sinks[i].is_default |= strcmp(defaults[k], config->sinks[i].name) == 0;
    }
    for (size_t i = 0; config->root != NULL && config->root->kind == YAML_MAPPING &&
                       i < config->root->count && reader->status == RT_OK;
         i++) {
        if (!rt_text_is(config->root->pairs[i].key->text, "dead_letter"))
            continue;
        config->dead_letter = take(reader, 1, sizeof(*config->dead_letter));
        if (config->dead_letter != NULL)
            decode_sink(reader, &config->root->pairs[i], config->dead_letter);
    }
}

/* ---- the rest ---- */

static void decode_limits(struct cli_config_reader *reader)
{
    size_t count;
    const char *const *names = cep_option_names(&count);

    reader->config->limits = cep_options_standard();
    for (size_t i = 0; i < count; i++) {
        const char *value = text_at(reader->config->root, names[i], NULL);

        if (value != NULL)
            (void)cep_options_set(&reader->config->limits, rt_text_of(names[i]), rt_text_of(value));
    }
}

static void decode_params(struct cli_config_reader *reader)
{
    const struct yaml_node *node = cli_config_at(reader->config->root, "params");
    size_t count = node == NULL || node->kind != YAML_MAPPING ? 0 : node->count;
    struct rule_override *overrides = take(reader, count, sizeof(*overrides));

    for (size_t i = 0; reader->status == RT_OK && i < count; i++) {
        struct rule_override *override = &overrides[reader->config->override_count];

        if (!is_text(node->pairs[i].value))
            continue;
        override->path =
            rt_arena_printf(&reader->config->arena, "params.%s", node->pairs[i].key->text.data);
        override->value = node->pairs[i].value->text.data;
        if (override->path == NULL)
            reader->status = RT_ERR_NOMEM;
        reader->config->override_count++;
    }
    reader->config->overrides = overrides;
}

static void decode_restart(const struct yaml_node *root, struct rt_restart_strategy *out)
{
    enum { CALM_MS = 60000 };
    static const char *const kinds[] = {"none", "fixed", "exponential", NULL};

    *out = (struct rt_restart_strategy){
        .kind =
            (enum rt_restart_kind)word_at(root, "state.restart.strategy", kinds, RT_RESTART_NONE),
        .delay = duration_at(root, "state.restart.delay", (rt_duration){1000}),
        .delay_max = duration_at(root, "state.restart.max_delay", (rt_duration){60000}),
        .attempts = count_at(root, "state.restart.attempts", 10),
        .calm = {CALM_MS},
    };
    if (out->delay_max.ms < out->delay.ms)
        out->delay_max = out->delay;
    if (out->calm.ms < out->delay_max.ms)
        out->calm = out->delay_max;
}

void cli_config_decode(struct cli_config_reader *reader)
{
    static const char *const backends[] = {"memory", "rocksdb", NULL};
    static const char *const levels[] = {"error", "warn", "info", NULL};
    static const char *const formats[] = {"text", "json", NULL};
    static const char *const usual_rules[] = {"rules/"};
    struct cli_config *config = reader->config;
    const struct yaml_node *root = config->root;

    config->rules = texts_at(reader, root, "rules", &config->rule_count);
    if (cli_config_at(root, "rules") == NULL) {
        config->rules = usual_rules;
        config->rule_count = 1;
    }
    config->state_dir = text_at(root, "state.dir", NULL);
    config->in_memory = word_at(root, "state.backend", backends, 1) == 0;
    config->checkpoint_every = duration_at(root, "state.checkpoint.every", (rt_duration){10000});
    config->workers = count_at(root, "workers", 1);
    config->checkpoint_keep = count_at(root, "state.checkpoint.keep", 2);
    decode_restart(root, &config->restart);
    config->log.level = (enum cli_log_level)word_at(root, "log.level", levels, CLI_LOG_INFO);
    config->log.is_json = word_at(root, "log.format", formats, 0) == 1;
    config->stats_every = duration_at(root, "log.stats_every", (rt_duration){10000});
    decode_limits(reader);
    decode_sources(reader);
    decode_sinks(reader);
    decode_params(reader);
}

/* ---- interface ---- */

enum rt_status cli_config_read(struct cli_config *config, const struct cli_config_layer *layers,
                               size_t count, struct rt_diags *diags)
{
    struct cli_config_reader reader = {
        .config = config,
        .diags = diags,
        .errors_before = rt_diags_count(diags, RT_SEVERITY_ERROR),
    };

    *config = (struct cli_config){.root = NULL};
    rt_arena_init(&config->arena, ARENA_BYTES_MAX);
    cli_config_merge(&reader, layers, count);
    if (reader.status == RT_OK)
        cli_config_check(&reader);
    if (reader.status == RT_OK)
        cli_config_decode(&reader);
    if (reader.status == RT_OK && rt_diags_failed(diags))
        reader.status = RT_ERR_NOMEM;
    if (reader.status == RT_OK && rt_diags_count(diags, RT_SEVERITY_ERROR) > reader.errors_before)
        reader.status = RT_ERR_DIAG;
    return reader.status;
}

void cli_config_done(struct cli_config *config)
{
    rt_arena_done(&config->arena);
    *config = (struct cli_config){.root = NULL};
}
