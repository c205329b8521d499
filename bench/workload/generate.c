/* SPDX-License-Identifier: Apache-2.0 */
/*
 * generate.c - the login and payment stream that engines are compared on.
 *
 *     egret-bench-generate EVENTS KEYS SEED [filled] > events.ndjson
 *
 * About 188 bytes an event, one event a millisecond of event time on average, users uniform over KEYS:
 *
 *     {"ts":1760000000001,"user":"u000006943","type":"view","amount":13.07,"ip":"10.237.239.80","ua":"...","session":"..."}
 *
 * Of the slots that are free, 0.4 % begin a fraud (fail, ok, large transfer), 0.3 % a burst (5 to 8 fails in about 40 s, then ok),
 * 6 % are transfers of which 93 % are confirmed within two minutes; the rest is single events.  What a slot schedules for later
 * waits in a ring with one list per millisecond; whatever is due takes the next event.
 * `filled`: before that each user fails to log in once, in an order that looks random, so that each has state from the start.
 * The order of the draws is part of the format: the counts in expected.tsv hold for exactly this stream.
 */
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/workload/random.h"
#include "runtime/base/alloc.h"

enum event_type { LOGIN_FAIL, LOGIN_OK, PASSWORD_CHANGE, TRANSFER, CONFIRM, VIEW, LOGOUT };

static const char *const type_names[] = {"login_fail", "login_ok", "password_change", "transfer",
                                         "confirm",    "view",     "logout"};

static const char *const agents[] = {"Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/128.0",
                                     "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Edge/126.0.2592.81",
                                     "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5) Safari/604.1 a",
                                     "okhttp/4.12.0 bank-app/7.31.2 (Android 14; sdk 34; de_DE)",
                                     "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Chrome/126.0",
                                     "bank-app/7.31.0 CFNetwork/1496 Darwin/23.5.0 (iPad; fr_FR)",
                                     "Mozilla/5.0 (Linux; Android 14; Pixel 8) Chrome/126.0 Mobile",
                                     "partner-gateway/2.4.1 (batch; tls1.3; node-eu-central-07)"};

enum { RING_SLOTS = 1 << 20, NO_EVENT = -1, OUTPUT_BYTES = 1 << 20 };
#define FIRST_TIME_MS INT64_C(1760000000000)

struct planned { /* an event that waits for its time */
    int32_t next;
    uint32_t user;
    enum event_type type;
    double amount;
};

struct workload {
    struct random_state random;
    uint32_t keys;
    int64_t now_ms;        /* event time of the event being made */
    int64_t due_ms;        /* oldest millisecond that may still have planned events */
    int32_t *first, *last; /* RING_SLOTS lists, by millisecond */
    struct planned *plans;
    int32_t plan_count, plan_capacity, plan_free;
};

struct made {
    uint32_t user;
    enum event_type type;
    double amount;
};

static int32_t plan_take(struct workload *workload)
{
    if (workload->plan_free != NO_EVENT) {
        int32_t taken = workload->plan_free;

        workload->plan_free = workload->plans[taken].next;
        return taken;
    }
    if (workload->plan_count == workload->plan_capacity) {
        workload->plan_capacity = workload->plan_capacity == 0 ? 4096 : workload->plan_capacity * 2;
        workload->plans =
            rt_realloc(workload->plans, (size_t)workload->plan_capacity * sizeof(struct planned));
        if (workload->plans == NULL)
            exit(1);
    }
    return workload->plan_count++;
}

static void plan(struct workload *workload, int64_t at_ms, struct made event)
{
    int32_t index = plan_take(workload);
    size_t slot = (size_t)at_ms & (RING_SLOTS - 1);

    workload->plans[index] = (struct planned){NO_EVENT, event.user, event.type, event.amount};
    if (workload->first[slot] == NO_EVENT)
        workload->first[slot] = index;
    else
        workload->plans[workload->last[slot]].next = index;
    workload->last[slot] = index;
}

static double small_amount(struct workload *workload) /* 1.00 to 99.99 */
{
    return floor(100 + random_unit(&workload->random) * 9900) / 100.0;
}

static double large_amount(struct workload *workload) /* 1000.01 and more, exponentially rarer */
{
    return floor(100001 - 200000 * log(1 - random_unit(&workload->random))) / 100.0;
}

static double transfer_amount(struct workload *workload)
{
    if (random_unit(&workload->random) < 0.95)
        return floor(100 + random_unit(&workload->random) * 99800) / 100.0;
    return large_amount(workload);
}

/* An event with a small amount, up to `spread_ms` after `from_ms`.  The amount is drawn before the time. */
static void plan_small(struct workload *workload, int64_t from_ms, uint32_t spread_ms,
                       struct made event)
{
    event.amount = small_amount(workload);
    if (spread_ms > 0)
        from_ms += random_below(&workload->random, spread_ms);
    plan(workload, from_ms, event);
}

static void plan_fraud(struct workload *workload, uint32_t user)
{
    int64_t login_ms = workload->now_ms + 1000 + random_below(&workload->random, 59000);
    int64_t transfer_ms = login_ms + 5000 + random_below(&workload->random, 395000);

    plan_small(workload, login_ms, 0, (struct made){.user = user, .type = LOGIN_OK});
    plan(workload, transfer_ms, (struct made){user, TRANSFER, large_amount(workload)});
    if (random_unit(&workload->random) < 0.5)
        plan_small(workload, transfer_ms + 1000, 90000,
                   (struct made){.user = user, .type = CONFIRM});
}

static void plan_burst(struct workload *workload, uint32_t user)
{
    uint32_t more = 4 + random_below(&workload->random, 4);
    int64_t at_ms = workload->now_ms;

    for (uint32_t i = 0; i < more; i++) {
        at_ms += 500 + random_below(&workload->random, 8500);
        plan_small(workload, at_ms, 0, (struct made){.user = user, .type = LOGIN_FAIL});
    }
    plan_small(workload, at_ms + 500, 10000, (struct made){.user = user, .type = LOGIN_OK});
}

static void plan_confirmation(struct workload *workload, uint32_t user)
{
    if (random_unit(&workload->random) < 0.93)
        plan_small(workload, workload->now_ms + 1000, 119000,
                   (struct made){.user = user, .type = CONFIRM});
}

/* A slot that nothing planned has claimed. */
static struct made make_fresh(struct workload *workload)
{
    struct made event = {.user = random_below(&workload->random, workload->keys)};
    double kind = random_unit(&workload->random);

    event.amount = small_amount(workload);
    if (kind < 0.004) {
        event.type = LOGIN_FAIL;
        plan_fraud(workload, event.user);
    } else if (kind < 0.007) {
        event.type = LOGIN_FAIL;
        plan_burst(workload, event.user);
    } else if (kind < 0.067) {
        event.type = TRANSFER;
        event.amount = transfer_amount(workload);
        plan_confirmation(workload, event.user);
    } else if (kind < 0.147) {
        event.type = LOGIN_FAIL;
    } else if (kind < 0.247) {
        event.type = LOGIN_OK;
    } else if (kind < 0.267) {
        event.type = PASSWORD_CHANGE;
    } else if (kind < 0.347) {
        event.type = LOGOUT;
    } else {
        event.type = VIEW;
    }
    return event;
}

static struct made make_event(struct workload *workload)
{
    workload->now_ms += random_below(&workload->random, 3);
    while (workload->due_ms < workload->now_ms &&
           workload->first[workload->due_ms & (RING_SLOTS - 1)] == NO_EVENT)
        workload->due_ms++;

    size_t slot = (size_t)workload->due_ms & (RING_SLOTS - 1);
    int32_t index = workload->first[slot];

    if (workload->due_ms > workload->now_ms || index == NO_EVENT)
        return make_fresh(workload);

    struct planned *planned = &workload->plans[index];
    struct made event = {planned->user, planned->type, planned->amount};

    workload->first[slot] = planned->next;
    planned->next = workload->plan_free;
    workload->plan_free = index;
    return event;
}

static void print_event(struct workload *workload, struct made event)
{
    uint32_t address = (uint32_t)(random_next(&workload->random) >> 40);
    unsigned session_low = (unsigned)(random_next(&workload->random) >> 32);
    unsigned session_high = (unsigned)(random_next(&workload->random) >> 32);
    const char *agent = agents[random_next(&workload->random) >> 33 & 7];

    printf("{\"ts\":%" PRId64 ",\"user\":\"u%09u\",\"type\":\"%s\",\"amount\":%.2f,"
           "\"ip\":\"10.%u.%u.%u\",\"ua\":\"%s\",\"session\":\"%08x%08x\"}\n",
           workload->now_ms, event.user, type_names[event.type], event.amount, address >> 16,
           address >> 8 & 255, address & 255, agent, session_high, session_low);
}

static bool workload_init(struct workload *workload, uint32_t keys, uint64_t seed)
{
    *workload = (struct workload){
        .keys = keys,
        .now_ms = FIRST_TIME_MS,
        .due_ms = FIRST_TIME_MS,
        .first = rt_alloc(RING_SLOTS * sizeof(int32_t)),
        .last = rt_alloc(RING_SLOTS * sizeof(int32_t)),
        .plan_free = NO_EVENT,
    };
    random_seed(&workload->random, seed);
    if (workload->first == NULL || workload->last == NULL)
        return false;
    for (size_t i = 0; i < RING_SLOTS; i++)
        workload->first[i] = NO_EVENT;
    return true;
}

/* One failed login of each user; a step that shares no divisor with their number comes by all of them. */
static void print_each_user(struct workload *workload)
{
    const uint64_t prime = UINT64_C(2654435761);
    uint64_t user = 0;

    for (uint32_t i = 0; i < workload->keys; i++) {
        user = (user + prime) % workload->keys;
        workload->now_ms++;
        print_event(workload, (struct made){(uint32_t)user, LOGIN_FAIL, small_amount(workload)});
    }
    workload->due_ms = workload->now_ms;
}

int main(int argc, char **argv)
{
    static char output[OUTPUT_BYTES];
    struct workload workload;
    bool filled = argc == 5 && strcmp(argv[4], "filled") == 0;

    if (argc != (filled ? 5 : 4)) {
        fputs("usage: egret-bench-generate EVENTS KEYS SEED [filled] > events.ndjson\n", stderr);
        return 2;
    }

    uint64_t count = strtoull(argv[1], NULL, 10);

    if (!workload_init(&workload, (uint32_t)strtoul(argv[2], NULL, 10),
                       strtoull(argv[3], NULL, 10)))
        return 1;
    setvbuf(stdout, output, _IOFBF, sizeof(output));
    if (filled)
        print_each_user(&workload);
    for (uint64_t i = 0; i < count; i++)
        print_event(&workload, make_event(&workload));
    rt_free(workload.first);
    rt_free(workload.last);
    rt_free(workload.plans);
    return ferror(stdout) || fflush(stdout) != 0 ? 1 : 0;
}
