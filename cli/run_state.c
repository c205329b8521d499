/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_state.h"

#include <inttypes.h>

#include "cli/ends.h"
#include "runtime/base/alloc.h"
#include "runtime/base/assert.h"
#include "runtime/base/hash.h"
#include "runtime/time/timestamp.h"

enum {
    TEXT_BYTES_MAX = 16 << 20,
    RUN_PARTS = 16, /* of the memory limit */
    DATABASE_PARTS = 8,
    BUFFER_BYTES_MIN = 8 << 20,
    RUN_BYTES_MAX = 64 << 20,
    DATABASE_BYTES_MAX = 32 << 20
};

enum cli_exit cli_state_exit(enum rt_status status)
{
    switch (status) {
    case RT_ERR_DIAG:
    case RT_ERR_NOT_FOUND:
    case RT_ERR_UNSUPPORTED:
        return CLI_CONFIG;
    default:
        return cli_exit_of(status);
    }
}

/* ---- whose directory it is ---- */

static void add_source(const struct cli_source_config *source, struct rt_buffer *out)
{
    if (source->transport == CLI_STDIN)
        rt_buffer_string(out, "  reads stdin\n");
    for (size_t i = 0; i < source->path_count; i++)
        rt_buffer_printf(out, "  reads %s\n", source->paths[i]);
    for (size_t i = 0; source->transport == CLI_KAFKA && i < source->kafka.topic_count; i++)
        rt_buffer_printf(out, "  reads the topic %s for the group %s\n", source->kafka.topics[i],
                         source->kafka.group);
}

static void add_sink(const struct cli_sink_config *sink, const char *verb, struct rt_buffer *out)
{
    if (sink->transport == CLI_KAFKA)
        rt_buffer_printf(out, "  %s the topic %s\n", verb, sink->kafka.topic);
    else
        rt_buffer_printf(out, "  %s %s\n", verb, sink->path);
}

/* What makes the job this job: the words for what it reads and writes. */
static void identity_of(const struct cli_config *config, struct rt_buffer *out)
{
    for (size_t i = 0; i < config->source_count; i++)
        add_source(&config->sources[i], out);
    for (size_t i = 0; i < config->sink_count; i++)
        add_sink(&config->sinks[i], "writes", out);
    if (config->dead_letter != NULL)
        add_sink(config->dead_letter, "dead letters to", out);
}

uint64_t cli_state_rules_hash(const struct rule_plan *plan)
{
    struct rt_buffer text;
    uint64_t hash;

    rt_buffer_init(&text, TEXT_BYTES_MAX);
    for (uint32_t i = 0; i < plan->rule_count; i++)
        rt_buffer_printf(&text, "%s %s\n", plan->rules[i]->id, plan->rules[i]->revision);
    hash = rt_hash64(text.data, text.length);
    rt_buffer_done(&text);
    return hash;
}

bool cli_state_spills(const struct cli_config *config)
{
    return config->state_dir != NULL && !config->in_memory;
}

/* What comes on top of the limit is bounded by it too: two buffers of a checkpoint in the making, three parts of RocksDB. */
static size_t buffer_bytes(const struct cli_config *config, size_t parts, size_t largest)
{
    const size_t wanted = config->limits.memory / parts;

    if (!cli_state_spills(config))
        return largest;
    return wanted < BUFFER_BYTES_MIN ? BUFFER_BYTES_MIN : wanted > largest ? largest : wanted;
}

static enum cli_exit open_directory(struct cli_state *state, const struct rule_plan *plan,
                                    const struct cli_config *config, struct rt_text identity)
{
    struct rt_checkpoints_options options = {
        .directory = config->state_dir,
        .identity = identity,
        .program = RT_TEXT(EGRET_VERSION),
        .groups = CLI_STATE_GROUPS,
        .bases = config->in_memory ? RT_BASE_PLAIN : RT_BASE_DATABASE,
        .run_bytes = buffer_bytes(config, RUN_PARTS, RUN_BYTES_MAX),
        .database_memory = buffer_bytes(config, DATABASE_PARTS, DATABASE_BYTES_MAX),
        .rules = cli_state_rules_hash(plan),
        .keep = config->checkpoint_keep};
    struct rt_buffer why;
    enum rt_status status;

    rt_buffer_init(&why, TEXT_BYTES_MAX);
    status = rt_checkpoints_open(&options, &why, &state->checkpoints);
    if (status != RT_OK)
        cli_complain(state->call, "%s", why.length > 0 ? why.data : rt_status_text(status));
    rt_buffer_done(&why);
    return status == RT_OK ? CLI_OK : cli_state_exit(status);
}

static enum cli_exit check_ends(const struct cli_call *call, const struct cli_config *config)
{
    struct rt_buffer why;
    enum cli_exit code = CLI_OK;

    rt_buffer_init(&why, TEXT_BYTES_MAX);
    if (!cli_ends_survive(config, &why) && config->one_way)
        code = cli_wrong_call(call, "--state: %s", why.data);
    else if (why.length > 0) {
        cli_complain(call, "state.dir: %s", why.data);
        code = CLI_CONFIG;
    }
    rt_buffer_done(&why);
    return code;
}

static void warn_of_repeats(const struct cli_call *call, const struct cli_sink_config *sink)
{
    const char *where = cli_ends_repeats(sink);

    if (where != NULL)
        cli_warn(
            call,
            "sink `%s`: nothing can be taken back from %s: after a crash the records since the "
            "last checkpoint come again, with the same ids",
            sink->name, where);
}

enum cli_exit cli_state_open(struct cli_state *state, const struct cli_call *call,
                             const struct rule_plan *plan, const struct cli_config *config)
{
    struct rt_buffer identity;
    enum cli_exit code;

    *state = (struct cli_state){.call = call, .quiet = state->quiet};
    code = check_ends(call, config);
    if (code != CLI_OK)
        return code;
    for (size_t i = 0; i < config->sink_count; i++)
        warn_of_repeats(call, &config->sinks[i]);
    if (config->dead_letter != NULL)
        warn_of_repeats(call, config->dead_letter);
    state->output_capacity = config->sink_count + 1;
    state->outputs = rt_alloc_zeroed(state->output_capacity, sizeof(*state->outputs));
    if (state->outputs == NULL)
        return CLI_IO;
    rt_buffer_init(&identity, TEXT_BYTES_MAX);
    identity_of(config, &identity);
    code =
        identity.failed ? CLI_IO : open_directory(state, plan, config, rt_buffer_view(&identity));
    rt_buffer_done(&identity);
    state->options = (struct rt_durable_options){
        .checkpoints = state->checkpoints,
        .groups = CLI_STATE_GROUPS,
        .every = config->checkpoint_every,
        .memory_bytes = cli_state_spills(config) ? config->limits.memory : 0,
        .outputs = state->outputs,
        .names = {.fields = plan->fields, .slot_count = rt_fields_count(plan->fields)},
    };
    return code;
}

void cli_state_add_output(struct cli_state *state, struct rt_sink *sink, const char *name)
{
    RT_ASSERT(state->options.output_count < state->output_capacity);
    state->outputs[state->options.output_count++] = (struct rt_durable_output){sink, name};
}

void cli_state_tell(const struct cli_state *state, const struct rt_recovered *recovered)
{
    const char *directory = rt_checkpoints_directory(state->checkpoints);
    struct rt_buffer time;

    if (recovered->kind == RT_RECOVERY_FRESH || state->quiet)
        return;
    rt_buffer_init(&time, 64);
    if (recovered->kind == RT_RECOVERY_REPLAY) {
        rt_time_text(recovered->from, &time);
        cli_note(state->call,
                 "there is no state in %s: it is made anew from the records since %s, in silence",
                 directory, time.data);
        rt_buffer_done(&time);
        return;
    }
    rt_time_text((rt_time){recovered->made_ms}, &time);
    if (recovered->kind == RT_RECOVERY_RESUMED)
        cli_note(state->call, "goes on from checkpoint %" PRIu64 " in %s, made %s", recovered->id,
                 directory, time.data);
    else
        cli_note(state->call,
                 "this run was finished with checkpoint %" PRIu64 " in %s, made %s: nothing to do",
                 recovered->id, directory, time.data);
    rt_buffer_done(&time);
}

void cli_state_close(struct cli_state *state)
{
    rt_checkpoints_close(state->checkpoints);
    rt_free(state->outputs);
    state->checkpoints = NULL;
    state->outputs = NULL;
}
