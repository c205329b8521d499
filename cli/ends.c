/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ends.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/kafka_ends.h"
#include "runtime/io/kafka_decision.h"

enum { ARENA_BYTES_MAX = 64 << 20, MESSAGE_BYTES_MAX = 4096 };

bool cli_flushes_each(const char *path)
{
    struct stat facts;

    if (strcmp(path, "-") == 0)
        return fstat(STDOUT_FILENO, &facts) != 0 || !S_ISREG(facts.st_mode);
    return stat(path, &facts) == 0 && !S_ISREG(facts.st_mode);
}

/* What was written there is gone: it cannot be read again, nor taken back. */
static bool is_pipe(const char *path)
{
    struct stat about;

    if (strcmp(path, "-") == 0)
        return true;
    return stat(path, &about) == 0 && !S_ISREG(about.st_mode) && !S_ISDIR(about.st_mode);
}

/* ---- one end ---- */

static enum rt_status open_source(const struct cli_source_config *config, uint32_t number,
                                  struct rt_arena *arena, struct rt_buffer *message,
                                  struct rt_source **out)
{
    static const char *const standard_input[] = {"-"};
    bool is_stdin = config->transport == CLI_STDIN;
    struct rt_files_options options = {
        .paths = is_stdin ? standard_input : config->paths,
        .path_count = is_stdin ? 1 : config->path_count,
        .number = number,
        .glob = config->glob,
        .follow = config->follow,
    };
    bool headers = false;

    for (size_t i = 0; i < config->field_count; i++)
        headers = headers || config->fields[i].part == CLI_PART_HEADER;
    if (config->transport == CLI_KAFKA)
        return cli_kafka_source(config, number, headers, arena, message, out);
    return rt_source_files_open(&options, message, out);
}

static enum rt_status open_sink(const struct cli_config *config, const struct cli_sink_config *sink,
                                struct rt_kafka_session *session, struct rt_arena *arena,
                                struct rt_buffer *message, struct rt_sink **out)
{
    struct rt_file_sink_options options = {.path = sink->path,
                                           .append = sink->append,
                                           .rotate_bytes = sink->rotate_bytes,
                                           .rotate_keep = sink->rotate_keep};

    if (sink->transport == CLI_KAFKA)
        return cli_kafka_sink(sink, sink->kafka.exactly_once ? session : NULL, arena, message, out);
    options.flush_each = cli_flushes_each(sink->path);
    options.as_it_is = is_pipe(sink->path);
    options.go_on = config->state_dir != NULL && !options.as_it_is;
    return rt_sink_file_open(&options, message, out);
}

/* ---- exactly once ---- */

static bool is_exact(const struct cli_sink_config *sink)
{
    return sink->transport == CLI_KAFKA && sink->kafka.exactly_once;
}

static const struct cli_sink_config *first_exact_sink(const struct cli_config *config)
{
    for (size_t i = 0; i < config->sink_count; i++) {
        if (is_exact(&config->sinks[i]))
            return &config->sinks[i];
    }
    return config->dead_letter != NULL && is_exact(config->dead_letter) ? config->dead_letter
                                                                        : NULL;
}

static const struct cli_source_config *first_kafka_source(const struct cli_config *config)
{
    for (size_t i = 0; i < config->source_count; i++) {
        if (config->sources[i].transport == CLI_KAFKA)
            return &config->sources[i];
    }
    return NULL;
}

/* A broker is of one cluster: one address that both name is enough. */
static bool share_a_broker(const struct cli_kafka *a, const struct cli_kafka *b)
{
    for (size_t i = 0; i < a->broker_count; i++) {
        for (size_t k = 0; k < b->broker_count; k++)
            if (strcmp(a->brokers[i], b->brokers[k]) == 0)
                return true;
    }
    return false;
}

/* The two name different addresses: the clusters say who they are. */
static enum rt_status ask_clusters(const struct cli_sink_config *first, const char *name,
                                   const struct cli_kafka *kafka, struct rt_buffer *message)
{
    struct rt_arena arena;
    const char *ours = NULL, *theirs = NULL;
    enum rt_status status;

    rt_arena_init(&arena, ARENA_BYTES_MAX);
    status = cli_kafka_cluster(&first->kafka, first->name, &arena, message, &ours);
    if (status == RT_OK)
        status = cli_kafka_cluster(kafka, name, &arena, message, &theirs);
    if (status == RT_OK && strcmp(ours, theirs) != 0) {
        rt_buffer_printf(message,
                         "sink `%s`: exactly_once cannot span two clusters: its own is %s, that of "
                         "`%s` is %s; set `delivery: at_least_once`, or deliver from a topic of "
                         "this cluster",
                         first->name, ours, name, theirs);
        status = RT_ERR_DIAG;
    }
    rt_arena_done(&arena);
    return status;
}

static enum rt_status check_end(const struct cli_sink_config *first, const char *name,
                                const struct cli_kafka *kafka, struct rt_buffer *message)
{
    return share_a_broker(&first->kafka, kafka) ? RT_OK : ask_clusters(first, name, kafka, message);
}

/* One transaction spans one cluster: all that takes part is there. */
static enum rt_status check_cluster(const struct cli_config *config,
                                    const struct cli_sink_config *first, struct rt_buffer *message)
{
    enum rt_status status = RT_OK;

    for (size_t i = 0; i < config->source_count && status == RT_OK; i++)
        if (config->sources[i].transport == CLI_KAFKA)
            status = check_end(first, config->sources[i].name, &config->sources[i].kafka, message);
    for (size_t i = 0; i < config->sink_count && status == RT_OK; i++)
        if (is_exact(&config->sinks[i]))
            status = check_end(first, config->sinks[i].name, &config->sinks[i].kafka, message);
    if (status == RT_OK && config->dead_letter != NULL && is_exact(config->dead_letter))
        status = check_end(first, config->dead_letter->name, &config->dead_letter->kafka, message);
    return status;
}

/* Said before anything is opened. */
static enum rt_status check_exact(const struct cli_config *config, struct rt_buffer *message)
{
    const struct cli_sink_config *sink = first_exact_sink(config);
    const struct cli_source_config *source = first_kafka_source(config);

    if (sink == NULL)
        return RT_OK;
    if (config->state_dir != NULL && source != NULL)
        return check_cluster(config, sink, message);
    rt_buffer_printf(message, "sink `%s`: exactly_once needs %s; or set `delivery: at_least_once`",
                     sink->name, config->state_dir == NULL ? "`state.dir`" : "a source in Kafka");
    return RT_ERR_DIAG;
}

static enum rt_status open_session(struct cli_ends *ends, struct rt_buffer *message)
{
    const struct cli_config *config = ends->config;
    const struct cli_sink_config *sink = first_exact_sink(config);

    if (sink == NULL)
        return RT_OK;
    ends->at_kafka = true;
    return cli_kafka_session(&sink->kafka, first_kafka_source(config)->kafka.group,
                             config->checkpoint_every, &ends->arena, message, &ends->session);
}

static enum rt_status make_decision(struct cli_ends *ends, enum rt_kafka_recover recover,
                                    const struct rt_kafka_replay *replay)
{
    const struct cli_config *config = ends->config;
    struct rt_source **of_kafka =
        rt_arena_array(&ends->arena, config->source_count, sizeof(struct rt_source *));
    struct rt_kafka_decision_options options = {
        .session = ends->session, .sources = of_kafka, .recover = recover, .replay = *replay};

    if (ends->session == NULL)
        return RT_OK;
    if (of_kafka == NULL)
        return RT_ERR_NOMEM;
    for (size_t i = 0; i < config->source_count; i++) {
        if (config->sources[i].transport != CLI_KAFKA)
            continue;
        of_kafka[options.source_count++] = ends->sources[i];
        options.new_partitions |= config->sources[i].kafka.new_partitions;
    }
    return rt_kafka_decision_new(&options, &ends->decision);
}

/* ---- all of them ---- */

static enum rt_status open_sources(struct cli_ends *ends, struct rt_buffer *message)
{
    enum rt_status status = RT_OK;

    for (size_t i = 0; i < ends->config->source_count && status == RT_OK; i++) {
        ends->at_kafka = ends->config->sources[i].transport == CLI_KAFKA;
        status = open_source(&ends->config->sources[i], (uint32_t)i, &ends->arena, message,
                             &ends->sources[i]);
    }
    return status;
}

static enum rt_status open_sinks(struct cli_ends *ends, struct rt_buffer *message)
{
    const struct cli_config *config = ends->config;
    enum rt_status status = RT_OK;

    for (size_t i = 0; i < config->sink_count && status == RT_OK; i++) {
        ends->at_kafka = config->sinks[i].transport == CLI_KAFKA;
        status = open_sink(config, &config->sinks[i], ends->session, &ends->arena, message,
                           &ends->sinks[i]);
    }
    if (status != RT_OK || config->dead_letter == NULL)
        return status;
    ends->at_kafka = config->dead_letter->transport == CLI_KAFKA;
    return open_sink(config, config->dead_letter, ends->session, &ends->arena, message,
                     &ends->dead_letter);
}

enum cli_exit cli_ends_open(struct cli_ends *ends, const struct cli_config *config,
                            enum rt_kafka_recover recover, const struct rt_kafka_replay *replay,
                            struct rt_buffer *message)
{
    enum rt_status status;

    *ends = (struct cli_ends){.config = config};
    rt_arena_init(&ends->arena, ARENA_BYTES_MAX);
    ends->sources =
        rt_arena_array(&ends->arena, config->source_count + 1, sizeof(struct rt_source *));
    ends->sinks = rt_arena_array(&ends->arena, config->sink_count + 1, sizeof(struct rt_sink *));
    if (ends->sources == NULL || ends->sinks == NULL)
        return CLI_IO;
    memset(ends->sources, 0, (config->source_count + 1) * sizeof(struct rt_source *));
    memset(ends->sinks, 0, (config->sink_count + 1) * sizeof(struct rt_sink *));
    ends->at_kafka = true;
    status = check_exact(config, message);
    if (status == RT_OK)
        status = open_sources(ends, message);
    if (status == RT_OK)
        status = open_session(ends, message);
    if (status == RT_OK)
        status = open_sinks(ends, message);
    if (status == RT_OK)
        status = make_decision(ends, recover, replay);
    if (status != RT_OK && message->length == 0)
        rt_buffer_string(message, rt_status_text(status));
    if (status == RT_ERR_IO)
        return ends->at_kafka ? CLI_UNAVAILABLE : CLI_USAGE;
    return cli_exit_of(status);
}

void cli_ends_close(struct cli_ends *ends)
{
    const struct cli_config *config = ends->config;

    if (config == NULL)
        return;
    if (ends->decision != NULL)
        ends->decision->free(ends->decision);
    rt_sink_free(ends->dead_letter);
    for (size_t i = 0; ends->sinks != NULL && i < config->sink_count; i++)
        rt_sink_free(ends->sinks[i]);
    rt_kafka_session_free(ends->session);
    for (size_t i = 0; ends->sources != NULL && i < config->source_count; i++)
        rt_source_free(ends->sources[i]);
    rt_arena_done(&ends->arena);
    ends->config = NULL;
}

/* ---- checkpoints ---- */

static const char *name_of(const char *path, const char *standard)
{
    return strcmp(path, "-") == 0 ? standard : path;
}

static bool survives(const struct cli_config *config, const struct cli_sink_config *sink,
                     struct rt_buffer *message)
{
    if (sink->transport == CLI_KAFKA)
        return true;
    if (is_pipe(sink->path) && config->one_way)
        rt_buffer_printf(message,
                         "what is written to %s cannot be taken back after a stop; name a file",
                         name_of(sink->path, "stdout"));
    else if (!is_pipe(sink->path) && sink->rotate_bytes > 0)
        rt_buffer_printf(message,
                         "sink `%s`: a file that is put aside at a size cannot be taken back "
                         "after a stop; leave out `rotate` or `state.dir`",
                         sink->name);
    return message->length == 0;
}

const char *cli_ends_repeats(const struct cli_sink_config *sink)
{
    return sink->transport != CLI_KAFKA && is_pipe(sink->path) ? name_of(sink->path, "stdout")
                                                               : NULL;
}

bool cli_ends_survive(const struct cli_config *config, struct rt_buffer *message)
{
    for (size_t i = 0; i < config->source_count; i++) {
        const struct cli_source_config *source = &config->sources[i];
        bool is_stdin = source->transport == CLI_STDIN;

        for (size_t k = 0; k < source->path_count || (is_stdin && k == 0); k++) {
            const char *path = is_stdin ? "-" : source->paths[k];

            if (!is_pipe(path))
                continue;
            rt_buffer_printf(message, "%s cannot be read again after a stop; name a file",
                             name_of(path, "stdin"));
            return false;
        }
    }
    for (size_t i = 0; i < config->sink_count; i++) {
        if (!survives(config, &config->sinks[i], message))
            return false;
    }
    return config->dead_letter == NULL || survives(config, config->dead_letter, message);
}

/* ---- probing ---- */

/* A file to be written: it can be, or its folder can. */
static void probe_output(const char *path, struct rt_buffer *message)
{
    char folder[MESSAGE_BYTES_MAX];
    const char *slash = strrchr(path, '/');
    size_t length = slash == NULL ? 1 : slash == path ? 1 : (size_t)(slash - path);
    struct stat about;

    if (strcmp(path, "-") == 0 || access(path, W_OK) == 0)
        return;
    snprintf(folder, sizeof(folder), "%.*s", (int)length, slash == NULL ? "." : path);
    if (stat(path, &about) == 0 || access(folder, W_OK) != 0)
        rt_buffer_printf(message, "cannot write `%s`: %s", path, strerror(errno));
}

static void probe_sink(const struct cli_sink_config *sink, struct rt_buffer *message)
{
    struct rt_arena arena;
    struct rt_sink *opened = NULL;

    if (sink->transport != CLI_KAFKA) {
        probe_output(sink->path, message);
        return;
    }
    rt_arena_init(&arena, ARENA_BYTES_MAX);

    enum rt_status status = cli_kafka_sink(sink, NULL, &arena, message, &opened);

    if (status != RT_OK && message->length == 0)
        rt_buffer_string(message, rt_status_text(status));
    rt_sink_free(opened);
    rt_arena_done(&arena);
}

static void probe_source(const struct cli_source_config *source, struct rt_buffer *message)
{
    struct rt_arena arena;
    struct rt_source *opened = NULL;

    rt_arena_init(&arena, ARENA_BYTES_MAX);

    enum rt_status status = open_source(source, 0, &arena, message, &opened);

    if (status != RT_OK && message->length == 0)
        rt_buffer_string(message, rt_status_text(status));
    rt_source_free(opened);
    rt_arena_done(&arena);
}

size_t cli_ends_probe(const struct cli_config *config, cli_probe_fn *each, void *context)
{
    size_t letters = config->dead_letter != NULL, failed = 0;
    struct rt_buffer message;

    rt_buffer_init(&message, MESSAGE_BYTES_MAX);
    for (size_t i = 0; i < config->source_count; i++) {
        rt_buffer_reset(&message);
        probe_source(&config->sources[i], &message);
        failed += message.length > 0;
        each(context, "source", config->sources[i].name, message.length > 0 ? message.data : NULL);
    }
    for (size_t i = 0; i < config->sink_count + letters; i++) {
        const struct cli_sink_config *sink =
            i < config->sink_count ? &config->sinks[i] : config->dead_letter;

        rt_buffer_reset(&message);
        probe_sink(sink, &message);
        failed += message.length > 0;
        each(context, "sink", sink->name, message.length > 0 ? message.data : NULL);
    }
    rt_buffer_done(&message);
    return failed;
}
