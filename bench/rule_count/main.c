/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - what rules cost that have nothing to do with the events.
 *
 *     egret-bench-rules FILE.ndjson [COUNT...]        counts: 10 100 1000 10000
 *
 * Rule 0 is a login pattern that the stream affects.  The others are of nine shapes, one for each kind of test that an index
 * answers, with values that no event has.  All ten shapes are there at every count, so that the same fields are decoded.
 * Prints a line for each count: CPU per event from bytes to alerts, as a multiple of the first line, and the time to load.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/engine/pass.h"
#include "runtime/base/alloc.h"
#include "runtime/time/clock.h"

enum { SHAPES = 10, RUNS = 3, RULES_BYTES_MAX = 64 << 20 };

static void add_rule(struct rt_buffer *out, unsigned i)
{
    rt_buffer_printf(out, "  - id: rule-%u\n", i);
    switch (i == 0 ? SHAPES : i % (SHAPES - 1)) {
    case 0:
        rt_buffer_printf(out, "    where: user == 'nobody-%u'\n", i);
        break;
    case 1:
        rt_buffer_printf(out, "    where: user in ['a-%u', 'b-%u', 'c-%u', 'd-%u']\n", i, i, i, i);
        break;
    case 2:
        rt_buffer_printf(out, "    where: session.startsWith('s-%u')\n", i);
        break;
    case 3:
        rt_buffer_printf(out, "    where: ua.contains('tool-%u/')\n", i);
        break;
    case 4:
        rt_buffer_printf(out, "    where: cidr(ip, '172.%u.%u.0/24')\n", 16 + i / 256 % 16,
                         i % 256);
        break;
    case 5:
        rt_buffer_printf(out, "    where: amount > %u\n", 100000000 + i);
        break;
    case 6:
        rt_buffer_printf(
            out,
            "    key_by: user\n    within: 10m\n    pattern:\n"
            "      - { begin: a, where: user == 'nobody-%u' && type == 'login_fail' }\n"
            "      - { followedBy: b, match: { type: login_ok } }\n",
            i);
        break;
    case 7:
        rt_buffer_printf(out,
                         "    key_by: user\n    within: 10m\n    pattern:\n"
                         "      - { begin: a, match: { type: type-%u } }\n"
                         "      - { followedBy: b, where: amount > 10 }\n",
                         i);
        break;
    case 8:
        rt_buffer_printf(out, "    where: type == 'transfer' && session.endsWith('-%u')\n", i);
        break;
    default:
        rt_buffer_string(out, "    key_by: user\n    within: 10m\n    pattern:\n"
                              "      - { begin: a, match: { type: login_fail } }\n"
                              "      - { followedBy: b, match: { type: login_ok } }\n"
                              "      - { followedBy: c, where: type == 'transfer' && amount > 1000 "
                              "}\n");
    }
}

static struct rule_plan *load(unsigned count, double *seconds)
{
    struct rt_buffer text;
    struct rt_diags *diags = NULL;
    struct rule_plan *plan = NULL;
    uint64_t begin = rt_clock_process_cpu_ns();

    rt_buffer_init(&text, RULES_BYTES_MAX);
    rt_buffer_string(&text, "version: 1\nrules:\n");
    for (unsigned i = 0; i < count; i++)
        add_rule(&text, i);
    if (rt_diags_new(0, &diags) == RT_OK) {
        const struct rule_source source = {"rules.yaml", rt_buffer_view(&text)};
        struct rt_buffer report;

        if (bench_load(&source, 1, diags, &plan) != RT_OK) {
            rt_buffer_init(&report, 1 << 20);
            rt_diags_render_text(diags, false, &report);
            fputs(report.data, stderr);
            rt_buffer_done(&report);
        }
    }
    rt_diags_free(diags);
    rt_buffer_done(&text);
    *seconds = (double)(rt_clock_process_cpu_ns() - begin) / 1e9;
    return plan;
}

/* The best of some runs: what the machine does besides is not the rules' doing. */
static bool measure(struct rule_plan *plan, const char *path, struct bench_pass *best)
{
    for (int run = 0; run < RUNS; run++) {
        struct bench_pass pass = {0};
        bool done = bench_run(plan, path, &pass);

        bench_pass_done(&pass);
        if (!done)
            return false;
        if (run == 0 || pass.cpu_s < best->cpu_s)
            *best = pass;
    }
    return true;
}

static bool row(const char *path, unsigned count, double *first)
{
    struct bench_pass pass = {0};
    double load_s;
    struct rule_plan *plan = load(count, &load_s);
    double ns;

    if (plan == NULL || !measure(plan, path, &pass)) {
        rule_plan_unref(plan);
        return false;
    }
    ns = pass.cpu_s / (double)pass.events * 1e9;
    if (*first == 0)
        *first = ns;
    printf("%6u %12.0f %10.2f %10.3f\n", count, ns, ns / *first, load_s);
    rule_plan_unref(plan);
    return true;
}

int main(int argc, char **argv)
{
    static const unsigned counts[] = {10, 100, 1000, 10000};
    double first = 0;

    if (argc < 2) {
        fputs("usage: egret-bench-rules FILE.ndjson [COUNT...]\n", stderr);
        return 2;
    }
    printf(" rules  ns an event      times     load s\n");
    for (int i = 2; i < argc; i++) {
        if (!row(argv[1], (unsigned)strtoul(argv[i], NULL, 10), &first))
            return 1;
    }
    for (size_t i = 0; argc == 2 && i < sizeof(counts) / sizeof(counts[0]); i++) {
        if (!row(argv[1], counts[i], &first))
            return 1;
    }
    return 0;
}
