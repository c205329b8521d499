/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_report.h"

#include <inttypes.h>

#include "runtime/event/codec.h"

enum { LINE_BYTES_MAX = 1 << 20, ERRORS_SHOWN_MAX = 20 };

static void say(const struct cli_call *call, struct rt_buffer *line)
{
    if (line->length > 0)
        cli_note(call, "%s", line->data);
    rt_buffer_reset(line);
}

static void report_rejected(const struct rt_job_counters *job, struct rt_buffer *line)
{
    if (job->rejected == 0)
        return;
    for (int reason = 0; reason < RT_REJECT_COUNT; reason++) {
        if (job->rejected_by[reason] > 0)
            rt_buffer_printf(line, "%s%s %" PRIu64, line->length == 0 ? "rejected: " : ", ",
                             rt_reject_name((enum rt_reject)reason), job->rejected_by[reason]);
    }
}

/* The first run over data of one's own: the time is in another field, or in another form. */
static void advise_on_time(const struct rt_job_counters *job, struct rt_buffer *line)
{
    uint64_t without = job->rejected_by[RT_REJECT_NO_TIME] + job->rejected_by[RT_REJECT_BAD_TIME] +
                       job->rejected_by[RT_REJECT_TIME_RANGE];

    if (without > 0 && job->accepted == 0)
        rt_buffer_string(line, "no event has an event time that can be read; --time FIELD[:FORMAT] "
                               "names its field and its form");
}

struct errors {
    const struct rule_plan *plan;
    struct rt_buffer *line;
    unsigned count;
};

static void add_error(void *context, const struct cep_error_count *error)
{
    struct errors *errors = context;

    if (errors->count < ERRORS_SHOWN_MAX)
        rt_buffer_printf(errors->line, "%s%s/%s: %s %" PRIu64,
                         errors->count == 0 ? "condition errors: " : ", ",
                         errors->plan->rules[error->rule]->id, error->step,
                         rt_value_error_name(error->why), error->count);
    errors->count++;
}

static void report_errors(const struct rule_plan *plan, const struct cep_team *team,
                          struct rt_buffer *line)
{
    struct errors errors = {plan, line, 0};

    cep_team_each_error(team, add_error, &errors);
    if (errors.count > ERRORS_SHOWN_MAX)
        rt_buffer_printf(line, ", and %u more", errors.count - ERRORS_SHOWN_MAX);
}

static struct cep_rule_counters sum_of_rules(const struct rule_plan *plan,
                                             const struct cep_team *team)
{
    struct cep_rule_counters sum = {0};

    for (uint32_t i = 0; i < plan->rule_count; i++) {
        struct cep_rule_counters one;

        cep_team_rule_counters(team, i, &one);
        sum.no_key += one.no_key;
        sum.matched += one.matched;
        sum.timed_out += one.timed_out;
        sum.suppressed += one.suppressed;
        sum.limited += one.limited;
        sum.emitted += one.emitted;
        sum.output_errors += one.output_errors;
        sum.estimated += one.estimated;
        sum.dropped += one.dropped;
    }
    return sum;
}

/* A limit that drops something must not do so silently. */
static void report_limits(const struct cep_team *team, const struct cep_rule_counters *sum,
                          struct rt_buffer *line)
{
    struct cep_counters counters;

    cep_team_counters(team, &counters);
    if (sum->dropped > 0)
        rt_buffer_printf(line, "%" PRIu64 " partial matches", sum->dropped);
    if (counters.keys_evicted > 0)
        rt_buffer_printf(line, "%s%" PRIu64 " keys with all they held",
                         line->length == 0 ? "" : ", ", counters.keys_evicted);
    if (counters.keys_refused > 0)
        rt_buffer_printf(line, "%s%" PRIu64 " new keys", line->length == 0 ? "" : ", ",
                         counters.keys_refused);
    if (line->length > 0)
        rt_buffer_string(line, " dropped at a limit (--set state.limits.NAME=VALUE raises one; see "
                               "`egret run --help`)");
}

static void report_rate_limits(const struct rule_plan *plan, const struct cep_team *team,
                               const struct cep_rule_counters *sum, struct rt_buffer *line)
{
    if (sum->limited == 0)
        return;
    for (uint32_t i = 0; i < plan->rule_count; i++) {
        struct cep_rule_counters one;

        cep_team_rule_counters(team, i, &one);
        if (one.limited > 0)
            rt_buffer_printf(line, "%s%s %" PRIu64,
                             line->length == 0 ? "alerts that a rate limit left out: " : ", ",
                             plan->rules[i]->id, one.limited);
    }
}

static void report_counts(const struct rt_job_counters *job, const struct cep_rule_counters *sum,
                          struct rt_buffer *line)
{
    rt_buffer_printf(line,
                     "held %" PRIu64 ", no key %" PRIu64 ", suppressed %" PRIu64
                     ", timed out %" PRIu64 ", alerts %" PRIu64,
                     job->held, sum->no_key, sum->suppressed, sum->timed_out, sum->emitted);
    if (sum->output_errors > 0)
        rt_buffer_printf(line,
                         ", empty parts of messages and fields, severities that are none: %" PRIu64,
                         sum->output_errors);
    if (sum->estimated > 0)
        rt_buffer_printf(line, ", with an estimated number %" PRIu64, sum->estimated);
}

static void report_end(const struct cli_call *call, const struct rt_job_counters *job,
                       const struct cep_rule_counters *sum)
{
    const struct cli_log_field fields[] = {
        {.name = "events_total", .number = job->read},
        {.name = "late_total", .number = job->late},
        {.name = "rejected_total", .number = job->rejected},
        {.name = "matches_total", .number = sum->matched},
        {.name = "alerts_total", .number = sum->emitted},
    };

    if (call->log != NULL && call->log->is_json)
        cli_note_fields(call, "finished", fields, sizeof(fields) / sizeof(fields[0]));
    else
        cli_note(call, "read %" PRIu64 ", late %" PRIu64 ", rejected %" PRIu64 ", matched %" PRIu64,
                 job->read, job->late, job->rejected, sum->matched);
}

void cli_run_report(const struct cli_call *call, const struct rule_plan *plan,
                    const struct rt_job_counters *job, const struct cep_team *team,
                    uint64_t watermark_errors)
{
    struct cep_rule_counters sum = sum_of_rules(plan, team);
    struct rt_buffer line;

    rt_buffer_init(&line, LINE_BYTES_MAX);
    report_rejected(job, &line);
    say(call, &line);
    advise_on_time(job, &line);
    say(call, &line);
    report_errors(plan, team, &line);
    say(call, &line);
    if (watermark_errors > 0)
        rt_buffer_printf(&line,
                         "--watermark-when: ended in an error for %" PRIu64
                         " events, which did not move the watermark",
                         watermark_errors);
    say(call, &line);
    report_limits(team, &sum, &line);
    say(call, &line);
    report_rate_limits(plan, team, &sum, &line);
    say(call, &line);
    report_counts(job, &sum, &line);
    say(call, &line);
    rt_buffer_done(&line);
    report_end(call, job, &sum);
}
