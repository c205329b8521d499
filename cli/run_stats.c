/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_stats.h"

#include "cli/log.h"
#include "runtime/base/assert.h"
#include "runtime/job/durable.h"
#include "runtime/time/clock.h"
#include "runtime/time/timestamp.h"

enum { FIELDS_MAX = 16, TIME_BYTES_MAX = 64, NS_PER_MS = 1000000, MS_PER_TENTH = 100 };

struct stats {
    struct cli_log_field fields[FIELDS_MAX];
    size_t count;
};

static void add(struct stats *stats, const char *name, uint64_t number)
{
    RT_ASSERT(stats->count < FIELDS_MAX);
    stats->fields[stats->count++] = (struct cli_log_field){.name = name, .number = number};
}

/* Seconds with one decimal; what lies ahead of the clock is no delay. */
static void add_seconds(struct stats *stats, const char *name, int64_t ms)
{
    add(stats, name, ms < 0 ? 0 : (uint64_t)ms / MS_PER_TENTH);
    stats->fields[stats->count - 1].decimals = 1;
}

static void add_speed(struct stats *stats, struct cli_run_stats *run, uint64_t read)
{
    uint64_t now = rt_clock_monotonic_ns();
    uint64_t ms = (now - run->before_ns) / NS_PER_MS;

    add(stats, "events_per_second", ms == 0 ? 0 : (read - run->before_read) * 1000 / ms);
    add(stats, "events_total", read);
    run->before_ns = now;
    run->before_read = read;
}

/* A sum that leaves a source out would say less than there is. */
static void add_lag(struct stats *stats, const struct cli_run_stats *run)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < run->source_count; i++) {
        const struct rt_source *source = run->sources[i];
        uint64_t lag;

        if (source->lag == NULL || !source->lag(source, &lag))
            return;
        sum += lag;
    }
    add(stats, "lag_records", sum);
}

static void add_watermark(struct stats *stats, const struct cli_run_stats *run,
                          struct rt_buffer *text)
{
    rt_time watermark = rt_job_watermark(run->job);

    if (rt_time_before(watermark, RT_TIME_FIRST) || rt_time_before(RT_TIME_LAST, watermark))
        return;
    rt_time_text(watermark, text);
    add(stats, "watermark", 0);
    stats->fields[stats->count - 1].text = text->failed ? "" : text->data;
    if (run->is_live)
        add_seconds(stats, "watermark_delay_seconds", rt_clock_wall().ms - watermark.ms);
}

static void add_engine(struct stats *stats, const struct cli_run_stats *run,
                       const struct rt_job_counters *job)
{
    struct cep_rule_counters sum = {0};
    struct cep_counters counters;

    cep_team_counters(run->team, &counters);
    for (uint32_t i = 0; i < run->plan->rule_count; i++) {
        struct cep_rule_counters one;

        cep_team_rule_counters(run->team, i, &one);
        cep_rule_counters_add(&sum, &one);
    }
    add(stats, "alerts_total", sum.emitted);
    add(stats, "rejected_total", job->rejected);
    add(stats, "late_total", job->late);
    add(stats, "partial_matches", sum.live);
    add(stats, "keys", counters.keys);
    add(stats, "state_bytes", counters.state_bytes);
}

static void add_checkpoint(struct stats *stats, const struct cli_run_stats *run)
{
    const struct rt_durable_counters *durable = rt_job_durable_counters(run->job);

    if (durable == NULL || durable->completed == 0)
        return;
    add(stats, "checkpoint", durable->last_id);
    add_seconds(stats, "checkpoint_age_seconds", rt_clock_wall().ms - durable->last_made_ms);
}

void cli_run_stats_tell(void *context)
{
    struct cli_run_stats *run = context;
    const struct rt_job_counters *job = rt_job_counters(run->job);
    struct stats stats = {.count = 0};
    struct rt_buffer time;

    rt_buffer_init(&time, TIME_BYTES_MAX);
    add_speed(&stats, run, job->read);
    add_lag(&stats, run);
    add_watermark(&stats, run, &time);
    add_engine(&stats, run, job);
    add_checkpoint(&stats, run);
    cli_note_fields(run->call, "stats", stats.fields, stats.count);
    rt_buffer_done(&time);
}
