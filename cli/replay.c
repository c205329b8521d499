/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/replay.h"

#include <inttypes.h>
#include <string.h>

#include "cli/log.h"
#include "rules/reach.h"

/* ---- what there is to replay ---- */

static bool is_exact(const struct cli_sink_config *sink)
{
    return sink->transport == CLI_KAFKA && sink->kafka.exactly_once;
}

static bool has_exact_sink(const struct cli_config *config)
{
    for (size_t i = 0; i < config->sink_count; i++)
        if (is_exact(&config->sinks[i]))
            return true;
    return config->dead_letter != NULL && is_exact(config->dead_letter);
}

static enum cli_exit check_ends(const struct cli_call *call, const struct cli_config *config)
{
    if (config->state_dir == NULL || !has_exact_sink(config)) {
        cli_complain(call, "--recover replay is for jobs with a state directory and a sink that is "
                           "`delivery: exactly_once`");
        return CLI_CONFIG;
    }
    for (size_t i = 0; i < config->source_count; i++) {
        if (config->sources[i].transport == CLI_KAFKA)
            continue;
        cli_complain(call,
                     "--recover replay: how far the source `%s` had been read was in the state "
                     "directory, and only Kafka's offsets are kept elsewhere",
                     config->sources[i].name);
        return CLI_CONFIG;
    }
    return CLI_OK;
}

static bool is_allowed(const struct cli_call *call, const char *rule_id)
{
    const char *allowed;

    for (size_t i = 0; (allowed = cli_value_at(call, CLI_OPTION_ALLOW_RESTART, i)) != NULL; i++)
        if (strcmp(allowed, rule_id) == 0)
            return true;
    return false;
}

static bool reads(const struct rule *rule, const char *source)
{
    for (uint32_t i = 0; i < rule->source_count; i++)
        if (strcmp(rule->sources[i], source) == 0)
            return true;
    return rule->source_count == 0;
}

/* The events would have the time of now. */
static bool reads_clock(const struct rule *rule, const struct cli_config *config)
{
    for (size_t i = 0; i < config->source_count; i++)
        if (config->sources[i].time_of_clock && reads(rule, config->sources[i].name))
            return true;
    return false;
}

static rt_duration margin_of(const struct cli_config *config)
{
    rt_duration margin = {0};

    for (size_t i = 0; i < config->source_count; i++)
        if (config->sources[i].out_of_orderness.ms > margin.ms)
            margin = config->sources[i].out_of_orderness;
    return margin;
}

enum cli_exit cli_replay_prepare(struct cli_replay *replay, const struct rule_plan *plan,
                                 const struct cli_config *config, struct rt_arena *arena)
{
    struct rule_reach *reaches = rt_arena_array(arena, plan->rule_count + 1, sizeof(*reaches));
    struct rt_kafka_replay_rule *rules =
        rt_arena_array(arena, plan->rule_count + 1, sizeof(*rules));

    if (reaches == NULL || rules == NULL)
        return cli_exit_of(RT_ERR_NOMEM);
    rule_reach(plan, reaches);
    for (uint32_t i = 0; i < plan->rule_count; i++) {
        const struct rule *rule = plan->rules[i];

        rules[i] = (struct rt_kafka_replay_rule){.name = rule->id,
                                                 .allowed = is_allowed(replay->call, rule->id),
                                                 .unbounded = reaches[i].unbounded,
                                                 .span = reaches[i].span};
        if (reads_clock(rule, config))
            rules[i].unbounded = "the time of its events is the clock's";
    }
    replay->plan = (struct rt_kafka_replay){rules, plan->rule_count, margin_of(config)};
    return check_ends(replay->call, config);
}

/* ---- silence ---- */

enum rt_status cli_replay_emit(void *context, const struct rt_output *record)
{
    struct cli_replay *replay = context;

    if (replay->job == NULL || !rt_job_replays(replay->job))
        return cli_router_emit(replay->router, record);
    replay->silent++;
    return RT_OK;
}

void cli_replay_tell(void *context)
{
    const struct cli_replay *replay = context;

    if (!replay->quiet)
        cli_note(replay->call,
                 "%" PRIu64 " records were read again, and %" PRIu64
                 " that had come of them were not written again: goes on from the committed "
                 "offsets",
                 rt_job_counters(replay->job)->replayed, replay->silent);
}
