/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - what it costs that state survives.
 *
 *     egret-bench-state [-w WORKERS] [-b BOUND_MS] [-s DIR [-e EVERY_MS] [-c CHANGES] [-r]] -o ALERTS FILE.ndjson RULE.yaml...
 *
 *     without -s    the job alone
 *     with -s       with a checkpoint every so often, or when so many entries have changed, and one at the end
 *     with -r       only goes on from what such a run has left: nothing is read
 *
 * Prints one line of JSON.  Times and CPU are those from the first event to the end of the input; what the last checkpoint takes
 * after it is told apart.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bench/engine/rules.h"
#include "bench/state/set_up.h"
#include "runtime/time/clock.h"

static const char usage[] =
    "usage: egret-bench-state [-w WORKERS] [-b BOUND_MS] [-s DIR [-e EVERY_MS] [-c CHANGES] [-r]] "
    "-o ALERTS FILE.ndjson RULE.yaml...\n";

static bool read_words(int argc, char **argv, struct bench_wish *wish, bool *restore)
{
    int option;

    while ((option = getopt(argc, argv, "w:b:s:e:c:ro:")) != -1) {
        switch (option) {
        case 'w':
            wish->workers = (uint32_t)strtoul(optarg, NULL, 10);
            break;
        case 'b':
            wish->bound.ms = strtoll(optarg, NULL, 10);
            break;
        case 's':
            wish->directory = optarg;
            break;
        case 'e':
            wish->every.ms = strtoll(optarg, NULL, 10);
            break;
        case 'c':
            wish->changes = strtoull(optarg, NULL, 10);
            break;
        case 'r':
            *restore = true;
            break;
        case 'o':
            wish->output = optarg;
            break;
        default:
            return false;
        }
    }
    if (optind + 2 > argc || wish->output == NULL || (*restore && wish->directory == NULL))
        return false;
    wish->input = argv[optind];
    return true;
}

static void print_times(const char *name, const struct rt_histogram *histogram)
{
    printf(",\"%s_ms\":{\"count\":%" PRIu64 ",\"p50\":%.3f,\"p99\":%.3f,\"max\":%.3f,\"sum\":%.3f}",
           name, histogram->count, (double)rt_histogram_quantile(histogram, 0.5) / 1e6,
           (double)rt_histogram_quantile(histogram, 0.99) / 1e6, (double)histogram->max / 1e6,
           (double)histogram->sum / 1e6);
}

static void print_durable(const struct bench_set_up *set_up)
{
    const struct rt_durable_counters *counters = rt_job_durable_counters(set_up->job);

    if (counters == NULL)
        return;
    printf(",\"checkpoints\":%" PRIu64 ",\"entries\":%" PRIu64 ",\"bytes\":%" PRIu64
           ",\"prepare_s\":%.3f",
           counters->completed, counters->entries, counters->bytes,
           (double)counters->prepare_ns_sum / 1e9);
    print_times("barrier", &counters->barrier_ns);
    print_times("slice", &counters->slice_ns);
}

static void print_state(const struct bench_set_up *set_up)
{
    struct cep_counters counters;
    struct rusage used;

    cep_team_counters(set_up->team, &counters);
    getrusage(RUSAGE_SELF, &used);
    printf(",\"keys\":%" PRIu64 ",\"state_bytes\":%" PRIu64 ",\"peak_rss_mib\":%ld}\n",
           counters.keys, counters.state_bytes, used.ru_maxrss / 1024);
}

static bool recover(struct bench_set_up *set_up, double *seconds)
{
    uint64_t since = rt_clock_monotonic_ns();
    struct rt_recovered recovered;

    if (set_up->checkpoints == NULL)
        return true;
    if (rt_job_recover(set_up->job, &recovered) != RT_OK)
        return false;
    *seconds = (double)(rt_clock_monotonic_ns() - since) / 1e9;
    return true;
}

/* What the chosen checkpoint consists of. */
static bool print_restored(const struct bench_set_up *set_up, double seconds)
{
    const struct rt_manifest *manifest;
    uint64_t bytes = 0, entries = 0, removed = 0;

    if (rt_checkpoints_choose(set_up->checkpoints, 0, NULL, &manifest) != RT_OK)
        return false;
    for (size_t i = 0; i < manifest->part_count; i++) {
        bytes += manifest->parts[i].facts.bytes;
        entries += manifest->parts[i].facts.entries;
        removed += manifest->parts[i].facts.removed;
    }
    printf("{\"restore_s\":%.3f,\"files\":%zu,\"bytes\":%" PRIu64 ",\"entries\":%" PRIu64
           ",\"removed\":%" PRIu64,
           seconds, manifest->part_count, bytes, entries, removed);
    print_state(set_up);
    return true;
}

static bool run(struct bench_set_up *set_up)
{
    uint64_t wall = rt_clock_monotonic_ns(), cpu = rt_clock_process_cpu_ns(),
             thread = rt_clock_thread_cpu_ns();
    const struct bench_tap *tap = &set_up->tap;

    if (rt_job_run(set_up->job) != RT_OK)
        return false;
    printf("{\"events\":%" PRIu64 ",\"alerts\":%" PRIu64
           ",\"wall_s\":%.3f,\"cpu_s\":%.3f,\"thread_s\":%.3f,\"after_s\":%.3f",
           rt_job_counters(set_up->job)->accepted, set_up->alerts,
           (double)(tap->ended_ns - wall) / 1e9, (double)(tap->ended_cpu_ns - cpu) / 1e9,
           (double)(tap->ended_thread_ns - thread) / 1e9,
           (double)(rt_clock_monotonic_ns() - tap->ended_ns) / 1e9);
    print_durable(set_up);
    print_state(set_up);
    return true;
}

int main(int argc, char **argv)
{
    struct bench_wish wish = {.workers = 1, .every = {1000}, .changes = UINT64_MAX};
    struct bench_set_up set_up = {0};
    bool restore = false, done;
    double seconds = 0;

    if (!read_words(argc, argv, &wish, &restore)) {
        fputs(usage, stderr);
        return 2;
    }

    struct rule_plan *plan =
        bench_load_files("egret-bench-state", argv + optind + 1, (size_t)(argc - optind) - 1);

    if (plan == NULL)
        return 1;
    done = bench_set_up(&set_up, plan, &wish) && recover(&set_up, &seconds);
    if (done)
        done = restore ? print_restored(&set_up, seconds) : run(&set_up);
    if (!done)
        fprintf(stderr, "egret-bench-state: %s%s\n",
                set_up.message.length > 0 ? set_up.message.data : "",
                set_up.job == NULL ? "" : rt_job_error(set_up.job));
    bench_tear_down(&set_up);
    rule_plan_unref(plan);
    return done ? 0 : 1;
}
