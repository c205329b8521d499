/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - one core from bytes to alerts, measured.
 *
 *     egret-bench-engine FILE.ndjson RULE.yaml...
 *
 * Three passes over the same file, so that the stages of the budget can be told apart:
 *
 *     whole       source -> codec -> time -> engine -> records to /dev/null      events/s, CPU, counts
 *     stages      the same with the stage timer on, and no final watermark       read decode order push emit, state
 *     classify    the engine replaced by its classifier alone                    what of `push` is finding the rules
 *
 * Prints one line of JSON.  CPU is that of the process, so reading from the page cache is in it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>

#include "bench/engine/pass.h"
#include "bench/engine/rules.h"

static void print_counts(const struct rule_plan *plan, const struct bench_pass *pass)
{
    for (uint32_t i = 0; i < plan->rule_count; i++)
        printf("%s\"%s\":%" PRIu64, i == 0 ? "" : ",", plan->rules[i]->id, pass->emitted[i]);
}

static void print_stages(const struct bench_pass *stages, const struct bench_pass *classify)
{
    for (int i = 0; i < RT_STAGE_COUNT; i++)
        printf("\"%s\":%.1f,", rt_stage_name((enum rt_stage)i), stages->stage_ns[i]);
    printf("\"classify\":%.1f", classify->stage_ns[RT_STAGE_PUSH]);
}

int main(int argc, char **argv)
{
    struct bench_pass whole = {0}, stages = {.measure = true, .keep_open = true},
                      classify = {.measure = true, .classify_only = true};
    struct rusage usage;

    if (argc < 3) {
        fputs("usage: egret-bench-engine FILE.ndjson RULE.yaml...\n", stderr);
        return 2;
    }

    struct rule_plan *plan = bench_load_files("egret-bench-engine", argv + 2, (size_t)argc - 2);

    if (plan == NULL || !bench_run(plan, argv[1], &whole))
        return 1;
    getrusage(RUSAGE_SELF, &usage);
    if (!bench_run(plan, argv[1], &stages) || !bench_run(plan, argv[1], &classify))
        return 1;
    printf("{\"events\":%" PRIu64 ",\"rules\":%" PRIu32
           ",\"wall_s\":%.3f,\"cpu_s_per_million\":%.4f,"
           "\"events_per_cpu_s\":%.0f,\"peak_rss_mib\":%ld,\"state_bytes\":%" PRIu64
           ",\"keys_end\":%" PRIu64 ",\"stage_ns\":{",
           whole.events, plan->rule_count, whole.wall_s, whole.cpu_s / (double)whole.events * 1e6,
           (double)whole.events / whole.cpu_s, usage.ru_maxrss / 1024, stages.state_bytes,
           stages.keys);
    print_stages(&stages, &classify);
    printf("},\"alerts\":{");
    print_counts(plan, &whole);
    printf("}}\n");
    bench_pass_done(&whole);
    bench_pass_done(&stages);
    bench_pass_done(&classify);
    rule_plan_unref(plan);
    return 0;
}
