/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - ns per evaluation of single expressions and patterns.
 *
 *     egret-bench-expr
 *
 * 32,768 events, walked over and over; `type` is "fail" in one of 40, one of 4 and all of them.  Beside each figure stands the
 * one that a prototype in C reached (fused register code, or PCRE2 with JIT), as far as there is one, measured on a like machine.
 * `floor` is the same loop around an expression that is a constant.
 */
#include <stdio.h>

#include "bench/workload/random.h"
#include "rules/expr.h"
#include "rules/value_ops.h"
#include "runtime/base/alloc.h"
#include "runtime/time/clock.h"

enum { EVENTS = 32768, ROUNDS = 40, SLOTS = 8, LISTED = 100000, KEPT = 3, TEXT_MAX = 96 };

struct bench {
    struct rt_arena arena;
    struct rt_diags *diags;
    struct rt_fields *fields;
    struct expr_machine *machine;
    struct expr_scope scope;
    struct rt_value *slots; /* EVENTS * SLOTS */
    struct rt_event *events;
    struct rt_event kept[KEPT]; /* what the step `small` has taken */
};

struct subject {
    const char *expression;
    const char *before; /* the prototype's ns, as text */
};

static const struct subject conditions[] = {
    {"true", "floor"},
    {"port == 80", "7"},
    {"type == 'fail' && amount > 1000", "2 / 6 / 10"},
    {"type == 'fail' && amount > 1000 && ip.startsWith('10.') && amount > 2 * avg(small.amount)",
     "5 / 7 / 14"},
    {"user in lists.listed", "-"},
};

static const struct subject patterns[] = {
    {"line.matches(r'^10\\.')", "1.6"},
    {"line.matches(r'^(10|192\\.168|172\\.(1[6-9]|2[0-9]|3[01]))\\.')", "14-20"},
    {"line.matches('(?i)powershell.*-enc')", "17-22"},
    {"line.matches('EncodedCommand')", "13-18"},
    {"line.matches('--[a-z]+=[a-z]{2,8} ')", "33-39"},
};

static const void *older(const void *place, struct expr_taken *out)
{
    const struct rt_event *event = place;

    *out = (struct expr_taken){0, event};
    return event->sequence == 0 ? NULL : event - 1;
}

/* The text with the number in place of its `#`. */
static struct rt_value text_value(struct bench *bench, const char *form, uint32_t number)
{
    size_t before = strcspn(form, "#");
    char *text = rt_arena_printf(&bench->arena, "%.*s%u%s", (int)before, form, number,
                                 form + before + (form[before] == '#'));

    return rt_string(text, (uint32_t)strlen(text));
}

static bool set_up(struct bench *bench)
{
    static const struct expr_step_name small = {
        .name = "small", .repeats = true, .available = true};
    struct rt_value *items;
    struct rt_map_entry *entry;
    struct expr_constant *lists;

    *bench = (struct bench){.diags = NULL};
    rt_arena_init(&bench->arena, (size_t)1 << 30);
    items = rt_arena_array(&bench->arena, LISTED, sizeof(*items));
    entry = rt_arena_array(&bench->arena, 1, sizeof(*entry));
    lists = rt_arena_array(&bench->arena, 1, sizeof(*lists));
    bench->slots = rt_arena_array(&bench->arena, (size_t)EVENTS * SLOTS, sizeof(*bench->slots));
    bench->events = rt_arena_array(&bench->arena, EVENTS, sizeof(*bench->events));
    if (items == NULL || entry == NULL || lists == NULL || bench->slots == NULL ||
        bench->events == NULL || rt_diags_new(0, &bench->diags) != RT_OK ||
        rt_fields_new(&bench->fields) != RT_OK || expr_machine_new(&bench->machine) != RT_OK)
        return false;
    for (uint32_t i = 0; i < LISTED; i++)
        items[i] = text_value(bench, "user-#", 2 * i);
    entry[0] = (struct rt_map_entry){rt_string("listed", 6),
                                     {.type = RT_LIST, .length = LISTED, .u.items = items}};
    if (expr_value_index(entry[0].value, &bench->arena, &entry[0].value) != RT_OK)
        return false;
    lists[0] = (struct expr_constant){"lists", {.type = RT_MAP, .length = 1, .u.entries = entry}};
    bench->scope = (struct expr_scope){.fields = bench->fields,
                                       .steps = &small,
                                       .step_count = 1,
                                       .constants = lists,
                                       .constant_count = 1};
    return true;
}

static struct expr_tree *check(struct bench *bench, const struct subject *subject)
{
    const struct expr_text text = {.text = rt_text_of(subject->expression), .source = RT_NO_SOURCE};
    struct expr_tree *tree = NULL;

    if (expr_check(&text, &bench->scope, EXPR_WANT_BOOL, &bench->arena, bench->diags, &tree) !=
        RT_OK)
        fprintf(stderr, "egret-bench-expr: cannot check %s\n", subject->expression);
    return tree;
}

static void set(struct bench *bench, struct rt_value *slots, const char *name,
                struct rt_value value)
{
    const struct rt_text path = rt_text_of(name);
    rt_slot slot = rt_fields_find(bench->fields, &path, 1);

    if (slot != RT_NO_SLOT && slot < SLOTS)
        slots[slot] = value;
}

/* A command line of 11 to 70 bytes, as the patterns look at. */
static struct rt_value line_value(struct bench *bench, struct random_state *random)
{
    static const char *const lines[] = {
        "10.#.7.9",
        "192.168.#.1",
        "172.#.0.1 GET /index.html",
        "C:\\Windows\\powershell.exe -NoProfile -enc SQBFAFgA#",
        "curl --retry=# http://a.b/c",
        "powershell -EncodedCommand #",
        "tar --owner=root --group=wheel -cf #.tar /etc",
        "java -Xmx#m -jar /opt/app/service.jar --spring=prod --port=8080"};

    return text_value(bench, lines[random_below(random, 8)], random_below(random, 250));
}

static void fill(struct bench *bench, uint32_t one_of)
{
    struct random_state random;

    random_seed(&random, 7);
    for (uint32_t i = 0; i < EVENTS; i++) {
        struct rt_value *slots = &bench->slots[(size_t)i * SLOTS];
        bool fails = random_below(&random, one_of) == 0;

        set(bench, slots, "type", fails ? rt_string("fail", 4) : rt_string("open", 4));
        set(bench, slots, "port", rt_int(random_below(&random, 2) == 0 ? 80 : 443));
        set(bench, slots, "amount", rt_double(random_unit(&random) * 2000));
        set(bench, slots, "ip",
            text_value(bench, random_below(&random, 2) == 0 ? "10.1.2.#" : "192.168.1.#",
                       random_below(&random, 250)));
        set(bench, slots, "user", text_value(bench, "user-#", random_below(&random, 2 * LISTED)));
        set(bench, slots, "line", line_value(bench, &random));
        bench->events[i] =
            (struct rt_event){.slots = slots, .slot_count = SLOTS, .sequence = EVENTS + i};
    }
    for (int i = 0; i < KEPT; i++) {
        bench->kept[i] = bench->events[i];
        bench->kept[i].sequence = (uint64_t)i;
    }
}

static double measure(struct bench *bench, const struct expr *code, size_t *held)
{
    struct expr_frame frame = {.newest = &bench->kept[KEPT - 1], .older = older};
    enum rt_value_error why;
    uint64_t best = UINT64_MAX;

    for (int round = 0; round < ROUNDS; round++) {
        uint64_t begin = rt_clock_process_cpu_ns(), spent;

        *held = 0;
        for (int i = 0; i < EVENTS; i++) {
            frame.event = &bench->events[i];
            *held += expr_test(bench->machine, code, &frame, &why) == EXPR_TRUE;
            if (i % 64 == 0)
                expr_machine_reset(bench->machine);
        }
        spent = rt_clock_process_cpu_ns() - begin;
        best = spent < best ? spent : best;
    }
    return (double)best / EVENTS;
}

static bool print_row(struct bench *bench, const struct subject *subject,
                      const struct expr_tree *tree, bool mixes)
{
    static const uint32_t one_of[] = {40, 4, 1};
    struct expr *code = NULL;
    size_t held = 0;

    if (expr_compile(tree, bench->fields, &code) != RT_OK)
        return false;
    for (int mix = mixes ? 0 : 2; mix < 3; mix++) {
        fill(bench, one_of[mix]);
        printf("%7.1f", measure(bench, code, &held));
    }
    if (!mixes)
        printf("%14s", "");
    printf("   %-12s %5.1f %%   %s\n", subject->before, 100.0 * (double)held / EVENTS,
           subject->expression);
    expr_free(code);
    return true;
}

int main(void)
{
    enum {
        CONDITIONS = sizeof(conditions) / sizeof(conditions[0]),
        PATTERNS = sizeof(patterns) / sizeof(patterns[0])
    };
    struct expr_tree *trees[CONDITIONS + PATTERNS];
    struct bench bench;

    if (!set_up(&bench))
        return 1;
    for (size_t i = 0; i < CONDITIONS + PATTERNS; i++) {
        trees[i] = check(&bench, i < CONDITIONS ? &conditions[i] : &patterns[i - CONDITIONS]);
        if (trees[i] == NULL)
            return 1;
    }
    rt_fields_seal(bench.fields);
    printf("   1/40    1/4    all   prototype     true     expression\n");
    for (size_t i = 0; i < CONDITIONS + PATTERNS; i++) {
        bool condition = i < CONDITIONS;

        if (!print_row(&bench, condition ? &conditions[i] : &patterns[i - CONDITIONS], trees[i],
                       condition))
            return 1;
    }
    rt_diags_free(bench.diags);
    rt_fields_free(bench.fields);
    expr_machine_free(bench.machine);
    rt_arena_done(&bench.arena);
    return 0;
}
